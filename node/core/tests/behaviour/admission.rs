//! What is taken in, what is not, and for which reason.

use crate::rig::*;
use heirloom_core::ingest::{RATED_BYTES_MAX, STRANGERS_BYTES_MAX};
use heirloom_core::io::{Admission, Peer};
use heirloom_proto::body::{Level, Opinion, Retraction};
use heirloom_proto::limits::{FUTURE_MS_MAX, PUSH_AGE_MS_MAX};
use heirloom_proto::{Body, Kind, Timestamp};
use std::time::Duration;

#[test]
fn what_is_new_and_good_is_passed_on_once() {
    let (mut alice, eve) = (person("alice"), signer("eve"));
    let said = eve.says(1, alice.wall, &listing(bunny(), 1));
    alice.accept(&said);
    alice.ignore(&said, "known");
    assert_eq!(alice.status().statements, 1);
}

#[test]
fn a_broken_signature_is_rejected_and_does_not_censor_the_real_one() {
    let (mut alice, eve) = (person("alice"), signer("eve"));
    let said = eve.says(1, alice.wall, &listing(bunny(), 1));
    let mut forged = said.bytes().to_vec();
    *forged.last_mut().expect("a signature") ^= 1;
    assert_eq!(alice.hear(&forged), Admission::Reject);
    assert_eq!(alice.hear(b"not an envelope"), Admission::Reject);
    assert_eq!(alice.hear(&[0; 9000]), Admission::Reject);
    assert_eq!(alice.count("gossip_invalid"), 3);
    alice.accept(&said);
}

#[test]
fn a_peer_pushes_few_strangers_at_once_and_is_not_blamed_for_more() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    let (pusher, other) = (Some(Peer(1)), Some(Peer(2)));
    let wall = alice.wall;
    let word = |number: u32| signer(&format!("stranger {number}")).says(1, wall, &listing(bunny(), 1));
    let heard: Vec<Admission> = (0..50).map(|number| alice.hear_from(pusher, word(number).bytes())).collect();
    assert_eq!(heard.iter().filter(|admission| **admission == Admission::Accept).count(), 20);
    assert!(!heard.contains(&Admission::Reject), "it need not know whom alice knows");
    assert_eq!(alice.count("stranger_too_fast"), 30);
    assert_eq!(alice.hear_from(other, word(49).bytes()), Admission::Accept, "another peer pays nothing for it");
    let said = bob.says(1, wall, &listing(bunny(), 2));
    assert_eq!(alice.hear_from(pusher, said.bytes()), Admission::Accept, "who is followed is heard");
    alice.elapse(Duration::from_secs(2));
    assert_eq!(alice.hear_from(pusher, word(48).bytes()), Admission::Accept, "what was left out may come again");
}

#[test]
fn a_kind_of_a_newer_version_is_ignored_and_nobody_is_blamed() {
    let mut alice = person("alice");
    let said = signer("eve").says(1, alice.wall, &listing(bunny(), 1));
    // Field 2 of the envelope is the kind: 5, a listing, becomes 99, which no version knows yet.
    let mut bytes = said.bytes().to_vec();
    assert_eq!(bytes[34..36], [0x10, 5]);
    bytes[35] = 99;
    assert_eq!(alice.hear(&bytes), Admission::Ignore);
    assert_eq!(alice.count("unknown_kind"), 1);
}

#[test]
fn gossip_is_too_old_after_an_hour_and_too_new_ten_minutes_ahead() {
    let eve = signer("eve");
    let cases = [
        (-(PUSH_AGE_MS_MAX.cast_signed()), None),
        (-(PUSH_AGE_MS_MAX.cast_signed()) - 1, Some("too_old_to_push")),
        (FUTURE_MS_MAX.cast_signed(), None),
        (FUTURE_MS_MAX.cast_signed() + 1, Some("future")),
    ];
    for (offset, counter) in cases {
        let mut alice = person("alice");
        let created = Timestamp(alice.wall.0.checked_add_signed(offset).expect("a time"));
        let said = eve.says(created.0, created, &listing(bunny(), 1));
        match counter {
            None => alice.accept(&said),
            Some(counter) => alice.ignore(&said, counter),
        }
    }
}

#[test]
fn what_has_expired_is_not_taken() {
    let (mut alice, eve) = (person("alice"), signer("eve"));
    let created = alice.wall.minus(30 * MINUTE);
    let body = listing(bunny(), 1);
    alice.ignore(&eve.says_until(1, created, Some(alice.wall), &body), "expired");
    alice.accept(&eve.says_until(2, created, Some(alice.wall.plus(SECOND)), &body));
}

#[test]
fn a_newer_statement_replaces_an_older_one_and_never_the_reverse() {
    let (mut alice, eve, bob) = (person("alice"), signer("eve"), signer("bob"));
    let old = eve.says(1, alice.wall, &attestation(bob.key(), Level::FULL));
    let new = eve.says(2, alice.wall, &attestation(bob.key(), Level::DISTRUST));
    alice.accept(&old);
    alice.accept(&new);
    alice.ignore(&old, "rolled_back");
    assert_eq!(alice.status().statements, 1);
    // The floor outlives restarts, and the statement that set it.
    alice.restart();
    alice.feed(heirloom_core::Input::Started { dht: false, torrents: false });
    alice.ignore(&old, "rolled_back");
    let retraction = eve.says(3, alice.wall, &Body::Retraction(Retraction { target: new.id() }));
    alice.accept(&retraction);
    alice.ignore(&old, "rolled_back");
    alice.ignore(&new, "rolled_back");
}

#[test]
fn a_retraction_removes_and_stays_removed_in_either_order() {
    let (eve, mallory) = (signer("eve"), signer("mallory"));
    let said = eve.says(1, START, &listing(bunny(), 1));
    let taken_back = eve.says(2, START, &Body::Retraction(Retraction { target: said.id() }));
    let by_another = mallory.says(1, START, &Body::Retraction(Retraction { target: said.id() }));

    let mut alice = person("alice");
    alice.accept(&said);
    alice.accept(&by_another);
    assert_eq!(alice.show(bunny()).releases.len(), 1, "only its author may take it back");
    alice.accept(&taken_back);
    assert!(alice.show(bunny()).releases.is_empty());
    assert_eq!(alice.hear(said.bytes()), Admission::Ignore);

    let mut bob = person("bob");
    bob.accept(&taken_back);
    bob.ignore(&said, "retracted");
    for person in [&mut alice, &mut bob] {
        person.restart();
        person.feed(heirloom_core::Input::Started { dht: false, torrents: false });
        assert_eq!(person.hear(said.bytes()), Admission::Ignore);
        assert!(person.show(bunny()).releases.is_empty());
        // A new listing of the same release is a new statement.
        person.accept(&eve.says(3, START, &listing(bunny(), 1)));
        assert_eq!(person.show(bunny()).releases.len(), 1);
    }
}

#[test]
fn of_two_statements_with_one_number_the_lower_id_wins_in_either_order() {
    let eve = signer("eve");
    let pairs = [
        // The same place, and two different ones.
        [verdict(1, Opinion::Good), verdict(1, Opinion::Fake)],
        [verdict(1, Opinion::Good), verdict(2, Opinion::Good)],
        [listing(bunny(), 1), verdict(1, Opinion::Good)],
    ];
    for pair in pairs {
        let mut said = pair.map(|body| eve.says(5, START, &body));
        said.sort_by_key(|s| s.id());
        let [winner, loser] = &said;
        let mut alice = person("alice");
        alice.accept(winner);
        alice.ignore(loser, "conflict");
        let mut bob = person("bob");
        bob.accept(loser);
        bob.accept(winner);
        assert_eq!(bob.hear(loser.bytes()), Admission::Ignore);
        for person in [&mut alice, &mut bob] {
            assert_eq!(person.status().statements, 1);
            let shown: Vec<_> = person.show(bunny()).releases;
            assert_eq!(shown.len(), usize::from(winner.kind() == Kind::Listing));
        }
    }
}

#[test]
fn a_key_pushes_no_faster_than_its_rate() {
    let (mut alice, eve) = (person("alice"), signer("eve"));
    let limits = Kind::Profile.limits();
    let profile = |seq: u64, now: Timestamp| {
        let (name, next_key_hash) = (format!("eve {seq}"), next_key_hash("eve"));
        eve.says(seq, now, &Body::Profile(heirloom_proto::body::Profile { name, url: String::new(), next_key_hash }))
    };
    let burst = u64::from(limits.pushed_burst);
    for seq in 1..=burst {
        alice.accept(&profile(seq, alice.wall));
    }
    alice.ignore(&profile(50, alice.wall), "too_fast");
    // Other kinds and other keys have their own.
    alice.accept(&eve.says(100, alice.wall, &listing(bunny(), 1)));
    alice.accept(&signer("bob").says(1, alice.wall, &listing(bunny(), 1)));
    // It comes back by the day's share.
    alice.leap(DAY / limits.pushed_per_day + SECOND);
    alice.accept(&profile(200, alice.wall));
    alice.ignore(&profile(201, alice.wall), "too_fast");
}

#[test]
fn whoever_repeats_a_keys_words_does_not_use_up_its_rate() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    let head = |seq: u64, now: Timestamp| {
        let body = heirloom_proto::body::Head { live_count: seq, live_root: next_key_hash("any"), archive: None };
        bob.says(seq, now, &Body::Head(body))
    };
    let first = head(1, alice.wall);
    alice.accept(&first);
    for _ in 0..100 {
        alice.ignore(&first, "known");
    }
    alice.accept(&head(2, alice.wall));
    for _ in 0..100 {
        alice.ignore(&first, "rolled_back");
    }
    alice.accept(&head(3, alice.wall));
}

#[test]
fn a_key_has_no_more_live_statements_of_a_kind_than_its_quota() {
    let (mut alice, eve) = (person("alice"), signer("eve"));
    let limits = Kind::CuratorList.limits();
    let list = |seq: u64, name: u64, now: Timestamp| {
        let body = heirloom_proto::body::CuratorList { name: format!("list {name}"), entries: Vec::new() };
        eve.says(seq, now, &Body::CuratorList(body))
    };
    let count = u64::try_from(limits.live_per_key_max).expect("a count");
    for number in 1..=count {
        alice.accept(&list(number, number, alice.wall));
        alice.leap(DAY / limits.pushed_per_day);
    }
    alice.ignore(&list(100, 100, alice.wall), "over_quota");
    // A newer form of one that is there is welcome.
    alice.leap(DAY / limits.pushed_per_day);
    alice.accept(&list(101, 1, alice.wall));
}

#[test]
fn a_stranger_has_no_more_bytes_than_its_quota_not_even_by_replacing() {
    let (mut alice, eve) = (person("alice"), signer("eve"));
    let work = |number: u64, seq: u64, overview: usize| {
        let id = format!("imdb:tt{:07}", number + 1).parse().expect("an id");
        let mut record = heirloom_proto::body::Work::new(id, "t".into(), None, heirloom_proto::body::WorkKind::Film);
        record.overview = "o".repeat(overview);
        eve.says(seq, START, &Body::Work(record))
    };
    let mut sizes = std::collections::BTreeMap::new();
    let mut refused = 0;
    for number in 1..=600 {
        let said = work(number, number, 0);
        match alice.hear(said.bytes()) {
            Admission::Accept => drop(sizes.insert(number, said.bytes().len())),
            _ => refused += 1,
        }
    }
    assert!(refused > 0 && alice.count("over_quota") == refused);
    for number in 1..=100 {
        let said = work(number, 1000 + number, 1500);
        if alice.hear(said.bytes()) == Admission::Accept {
            sizes.insert(number, said.bytes().len());
        }
    }
    assert!(sizes.values().sum::<usize>() <= RATED_BYTES_MAX, "{}", sizes.values().sum::<usize>());
    // What is no longer than what it replaces fits always.
    alice.accept(&work(1, 5000, 0));
}

#[test]
fn strangers_share_a_bounded_pool_and_whom_i_follow_is_never_evicted() {
    let mut alice = person("alice");
    let bob = signer("bob");
    // Bob is a stranger at first, then followed.
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    alice.follow(bob.key(), Level::HIGH);
    let per_stranger = 30;
    let overview = "o".repeat(1900);
    let (mut bytes, mut strangers) = (0, 0_u64);
    while bytes < STRANGERS_BYTES_MAX + (2 << 20) {
        let stranger = signer(&format!("stranger {strangers}"));
        strangers += 1;
        alice.leap(Duration::from_millis(10));
        for number in 0..per_stranger {
            let id = format!("imdb:tt{:07}", number + 1).parse().expect("an id");
            let mut record =
                heirloom_proto::body::Work::new(id, "t".into(), None, heirloom_proto::body::WorkKind::Film);
            record.overview.clone_from(&overview);
            let said = stranger.says(number + 1, START, &Body::Work(record));
            bytes += said.bytes().len();
            alice.accept(&said);
        }
    }
    let per_statement = bytes / usize::try_from(strangers * per_stranger).expect("a count");
    let kept = alice.status();
    assert!(kept.statements * per_statement <= STRANGERS_BYTES_MAX + per_statement, "{} kept", kept.statements);
    assert!(kept.statements * per_statement > STRANGERS_BYTES_MAX - (1 << 20), "the pool is used");
    assert_eq!(alice.show(bunny()).releases.len(), 1, "Bob's listing is there");
    // Rebuilding what is derived does not forget who is a stranger.
    alice.must(heirloom_core::Command::Reindex);
    let newcomer = signer("newcomer");
    for number in 0..30 {
        let id = format!("imdb:tt{:07}", number + 1).parse().expect("an id");
        let mut record = heirloom_proto::body::Work::new(id, "t".into(), None, heirloom_proto::body::WorkKind::Film);
        record.overview.clone_from(&overview);
        alice.accept(&newcomer.says(number + 1, START, &Body::Work(record)));
    }
    assert!(alice.status().statements * per_statement <= STRANGERS_BYTES_MAX + per_statement);
}

#[test]
fn a_flood_of_new_keys_is_taken_one_by_one() {
    let mut alice = person("alice");
    for number in 0..500 {
        alice.accept(&signer(&format!("key {number}")).says(1, START, &listing(bunny(), 1)));
        alice.leap(Duration::from_millis(1));
    }
    let status = alice.status();
    assert_eq!((status.keys_known, status.releases), (500, 1));
}

#[test]
fn the_log_of_refusals_names_whom_i_follow_and_lumps_strangers_together() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(20, START, &verdict(1, Opinion::Good)));
    alice.ignore(&bob.says(10, START, &verdict(1, Opinion::Fake)), "rolled_back");
    assert_eq!(alice.hear(b"not an envelope"), Admission::Reject);
    let late = |name: &str| signer(name).says(1, Timestamp(START.0 - PUSH_AGE_MS_MAX - 60_000), &listing(bunny(), 1));
    for name in ["eve", "mallory", "trudy"] {
        alice.ignore(&late(name), "too_old_to_push");
    }
    // What is here already was not refused.
    alice.ignore(&bob.says(20, START, &verdict(1, Opinion::Good)), "known");
    let log = alice.status().refusals;
    let rows: Vec<_> = log.iter().map(|(row, _)| (row.reason, row.author, row.times)).collect();
    let wanted = [("too_old_to_push", None, 3), ("gossip_invalid", None, 1), ("rolled_back", Some(bob.key()), 1)];
    assert_eq!(rows, wanted);
    assert!(log.iter().all(|(row, _)| row.at == START), "{log:?}");
}
