//! Bounded for ever: who is kept how far, who goes first when there is too much, and what a shortage puts off.

use crate::rig::*;
use heirloom_core::budgets::Reading;
use heirloom_core::command::{Command, Target};
use heirloom_core::io::{Admission, ExchangeId, Input, Output, Peer, SyncEvent, SyncOrder};
use heirloom_core::{Budgets, views};
use heirloom_proto::body::{Level, Opinion, Profile, Work, WorkKind};
use heirloom_proto::sync::{Reason, Request, Response};
use heirloom_proto::{Body, Kind, Sha256, Statement, Timestamp, Verified, statement};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A statement of some 400 bytes at the place of that number.
fn said(by: &Signer, place: u64, seq: u64) -> Verified<Statement> {
    let id = format!("imdb:tt{:07}", place + 1).parse().expect("an id");
    let mut record = Work::new(id, format!("t{seq}"), None, WorkKind::Film);
    record.overview = "o".repeat(300);
    by.says(seq, START, &Body::Work(record))
}

fn profile_of(by: &Signer, name: &str, seq: u64) -> Verified<Statement> {
    let profile = Profile { name: name.into(), url: String::new(), next_key_hash: next_key_hash(name) };
    by.says(seq, START, &Body::Profile(profile))
}

impl Person {
    pub fn usage(&mut self) -> views::Usage {
        self.status().usage
    }

    /// What is live here of a key, oldest first, as it would be given to a peer.
    fn kept_of(&mut self, by: &Signer) -> Vec<Verified<Statement>> {
        let (peer, exchange) = (Peer(99), ExchangeId(1));
        self.feed(Input::PeerUp(peer));
        let mut kept = Vec::new();
        let mut after = (0, 0);
        loop {
            let bytes = Request::Fetch { author: by.key(), after }.encode();
            self.feed(Input::SyncFrame(SyncEvent::Asked { peer, exchange, bytes }));
            let answer = self.take_answer(exchange).expect("an answer");
            let (envelopes, is_end) = match Response::decode(&answer).expect("canonical") {
                Response::Statements { envelopes, is_end, .. } => (envelopes, is_end),
                Response::Refused { retry_after_ms, .. } => {
                    self.leap(std::time::Duration::from_millis(u64::from(retry_after_ms) + 1));
                    continue;
                }
                other => panic!("{other:?}"),
            };
            kept.extend(envelopes.iter().map(|bytes| statement::verify(bytes).expect("stored ones are good")));
            match kept.last() {
                Some(last) if !is_end => after = last.header().order(),
                _ => return kept,
            }
        }
    }

    fn take_answer(&mut self, exchange: ExchangeId) -> Option<Vec<u8>> {
        let is_it = |output: &Output| matches!(output, Output::SyncFrame(SyncOrder::Answer { exchange: of, .. }) if *of == exchange);
        let at = self.outbox.iter().position(is_it)?;
        match self.outbox.remove(at) {
            Some(Output::SyncFrame(SyncOrder::Answer { bytes, .. })) => Some(bytes),
            _ => None,
        }
    }

    fn sweep(&mut self) {
        self.leap(2 * HOUR);
        self.feed(Input::Wake);
        // A large store is looked through in slices.
        self.elapse(MINUTE);
    }
}

fn numbers(kept: &[Verified<Statement>]) -> Vec<u64> {
    kept.iter().map(|statement| statement.header().seq).collect()
}

#[test]
fn who_is_unfollowed_keeps_the_newest_and_the_profile_from_the_next_sweep_on() {
    let budgets = Budgets { rated_bytes: 8 << 10, ..Budgets::default() };
    let (mut alice, bob, carol) = (person_within("alice", budgets), signer("bob"), signer("carol"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&profile_of(&bob, "bob", 1));
    let all: Vec<_> = (0..100).map(|number| said(&bob, number, number + 10)).collect();
    assert_eq!(alice.import(&all).imported, 100);
    alice.accept(&said(&carol, 1, 1));
    alice.must(Command::Unfollow { key: bob.key() });
    assert_eq!(alice.kept_of(&bob).len(), 101, "a follow taken back by mistake costs nothing yet");
    alice.sweep();
    let kept = alice.kept_of(&bob);
    let bytes: usize = kept.iter().map(|statement| statement.bytes().len()).sum();
    assert!(bytes <= 8 << 10 && bytes > 7 << 10, "{bytes}");
    let mut newest: Vec<u64> = (0..100).map(|number| number + 10).rev().take(kept.len() - 1).collect();
    newest.push(1);
    newest.reverse();
    assert_eq!(numbers(&kept), newest, "the profile, and the newest of the rest");
    assert_eq!(alice.kept_of(&carol).len(), 1, "no other stranger made room for it");
    // Followed again, what went comes back; what was never the newest does not.
    alice.follow(bob.key(), Level::HIGH);
    assert_eq!(alice.import(&all).imported, 101 - kept.len() as u64);
    assert_eq!(alice.import(&[said(&bob, 3, 2)]).refused["rolled_back"], 1);
}

#[test]
fn what_the_search_index_takes_is_part_of_the_store() {
    let budgets = Budgets { store_bytes: 64 << 10, ..Budgets::default() };
    let mut alice = person_within("alice", budgets);
    let stranger = signer("stranger");
    alice.import(&(0..60).map(|number| said(&stranger, number, number + 10)).collect::<Vec<_>>());
    let before = alice.usage();
    let index = |index_bytes| Input::Reading(Reading { index_bytes, ..Reading::default() });
    alice.feed(index(0));
    alice.feed(index(60 << 10));
    alice.sweep();
    assert_eq!(alice.usage().store_bytes, before.store_bytes, "files that are merged are there twice for a while");
    (0..20).for_each(|_| alice.feed(index(budgets.store_bytes - before.store_bytes + 2000)));
    alice.sweep();
    let after = alice.usage();
    assert!(after.store_bytes < before.store_bytes, "{after:?}");
    assert!(after.store_bytes + after.index_bytes <= budgets.store_bytes, "{after:?}");
    (0..20).for_each(|_| alice.feed(index(u64::MAX)));
    assert_eq!(alice.usage().index_bytes, budgets.store_bytes / 2, "and statements keep the other half");
}

#[test]
fn a_store_that_is_full_gives_up_strangers_then_the_lowest_scores_then_the_oldest() {
    let budgets = Budgets { store_bytes: 256 << 10, ..Budgets::default() };
    let mut alice = person_within("alice", budgets);
    let (bob, best, worst, stranger) = (signer("bob"), signer("best"), signer("worst"), signer("stranger"));
    alice.follow(bob.key(), Level::FULL);
    alice.accept(&bob.says(1, START, &attestation(best.key(), Level::FULL)));
    alice.accept(&bob.says(2, START, &attestation(worst.key(), Level::LOW)));
    let of = |by: &Signer, count: u64| (0..count).map(|number| said(by, number, number + 10)).collect::<Vec<_>>();
    alice.import(&of(&stranger, 60));
    alice.import(&of(&worst, 60));
    alice.import(&of(&best, 60));
    let mine = alice.judge(1, Opinion::Good);
    alice.sweep();
    assert_eq!((alice.kept_of(&stranger).len(), alice.usage().rated), (60, 2), "all of it fits");
    // Bob says more and more: everybody else gives way, in order, and neither Bob nor Alice loses a word.
    let (mut by_best, mut by_worst) = (60, 60);
    let mut refused = 0;
    for number in 0..400 {
        let done = alice.import(&[said(&bob, number, number + 10)]);
        refused += done.refused.values().sum::<u64>();
        let usage = alice.usage();
        assert!(usage.store_bytes <= budgets.store_bytes + 1500, "{usage:?}");
        if number % 20 != 0 {
            continue;
        }
        let kept = [&stranger, &worst, &best].map(|by| numbers(&alice.kept_of(by)));
        for one in &kept {
            let newest = (0..60).map(|number| number + 10).skip(60 - one.len());
            assert!(one.is_empty() || one.iter().copied().eq(newest), "the oldest go first: {one:?}");
        }
        assert!(kept[0].is_empty() || kept[1].len() == 60, "strangers go before anybody rated");
        assert!(kept[1].is_empty() || kept[2].len() == 60, "the lowest score goes before a higher one");
        (by_worst, by_best) = (kept[1].len(), kept[2].len());
    }
    assert_eq!((by_worst, by_best), (0, 0));
    assert!(refused > 0 && alice.count("no_room") == refused, "then Bob too gets no more in: {:?}", alice.counters());
    assert_eq!(alice.kept_of(&bob).len() as u64, 2 + 400 - refused);
    assert_eq!(alice.import(&[said(&signer("late"), 1, 1)]).refused["no_room"], 1);
    alice.judge(2, Opinion::Good);
    let own = alice.status().counters;
    assert!(!own.contains_key("own_evicted"));
    alice.retract(Target::Statement(mine.id));
}

#[test]
fn rows_that_bind_a_key_to_a_followed_one_stay_when_all_else_goes() {
    let budgets = Budgets { store_bytes: 40 << 10, rated_bytes: 4 << 10, ..Budgets::default() };
    let (mut alice, bob, eve) = (person_within("alice", budgets), signer("bob"), signer("eve"));
    alice.follow(bob.key(), Level::FULL);
    // Bob contradicts himself; Eve has seen it and says so.
    let two = [1, 2].map(|number| {
        let profile = Profile { name: "bob".into(), url: String::new(), next_key_hash: Sha256::of(&[number]) };
        bob.says(u64::from(number), START, &Body::Profile(profile))
    });
    let proof = heirloom_proto::body::DuplicityProof::new(&two[0], &two[1]).expect("a proof");
    alice.accept(&eve.says(1, START, &Body::DuplicityProof(proof)));
    let of = |by: &Signer, count: u64| (0..count).map(|number| said(by, number, number + 10)).collect::<Vec<_>>();
    alice.import(&of(&eve, 40));
    alice.import(&of(&bob, 200));
    alice.sweep();
    let kept = alice.kept_of(&eve);
    assert_eq!(kept.len(), 1, "{:?}", numbers(&kept));
    assert_eq!(kept[0].kind(), Kind::DuplicityProof);
}

#[test]
fn k_holds_between_two_sweeps_too() {
    let budgets = Budgets { rated_keys: 50, ..Budgets::default() };
    let (mut alice, bob) = (person_within("alice", budgets), signer("bob"));
    alice.follow(bob.key(), Level::FULL);
    let lifted: Vec<Signer> = (0..400).map(|number| signer(&format!("lifted {number}"))).collect();
    for (number, one) in lifted.iter().enumerate() {
        alice.import(&[bob.says(number as u64 + 1, START, &attestation(one.key(), Level::LOW))]);
    }
    alice.sweep();
    let mut most = 0;
    for one in &lifted {
        alice.import(&[said(one, 1, 1)]);
        most = most.max(alice.usage().rated);
    }
    assert!((50..=50 + 65).contains(&most), "{most}");
    alice.sweep();
    assert_eq!((alice.usage().rated, alice.usage().strangers), (50, 350));
}

#[test]
fn floors_of_strangers_are_limited_and_those_of_whom_i_know_never_go() {
    let budgets = Budgets { loose_floors: 100, strangers_bytes: 20 << 10, ..Budgets::default() };
    let (mut alice, bob, carol) = (person_within("alice", budgets), signer("bob"), signer("carol"));
    alice.follow(bob.key(), Level::FULL);
    alice.accept(&bob.says(1, START, &attestation(carol.key(), Level::FULL)));
    let older = |by: &Signer| by.says(5, START, &verdict(1, Opinion::Fake));
    for by in [&bob, &carol] {
        alice.accept(&by.says(6, START, &verdict(1, Opinion::Good)));
    }
    alice.judge(1, Opinion::Good);
    alice.sweep();
    for number in 0..400_u32 {
        let stranger = signer(&format!("stranger {number}"));
        alice.import(&[said(&stranger, 1, 7), said(&stranger, 2, 8)]);
        let usage = alice.usage();
        assert!(usage.loose_floors <= 100 && usage.strangers_bytes <= 20 << 10, "{usage:?}");
    }
    assert!(alice.count("floors_dropped") > 300, "{:?}", alice.counters());
    for by in [&bob, &carol] {
        assert_eq!(alice.import(&[older(by)]).refused["rolled_back"], 1);
    }
    // After a restart they are counted again, and still bound.
    let before = alice.usage();
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: false });
    let after = alice.usage();
    assert_eq!((after.floors, after.loose_floors), (before.floors, before.loose_floors));
    assert_eq!((after.store_bytes, after.strangers_bytes), (before.store_bytes, before.strangers_bytes));
    for by in [&bob, &carol] {
        assert_eq!(alice.import(&[older(by)]).refused["rolled_back"], 1);
    }
    alice.import(&[said(&signer("one more"), 1, 1)]);
    assert!(alice.usage().loose_floors <= 100);
}

#[test]
fn what_strangers_leave_behind_does_not_fill_a_small_store() {
    let budgets = Budgets { store_bytes: 128 << 10, strangers_bytes: 16 << 10, ..Budgets::default() };
    let (mut alice, bob) = (person_within("alice", budgets), signer("bob"));
    alice.follow(bob.key(), Level::FULL);
    for number in 0..1_500_u32 {
        alice.import(&[said(&signer(&format!("stranger {number}")), 1, 7)]);
    }
    let usage = alice.usage();
    assert!(usage.loose_floors <= 171 && usage.strangers > 30, "{usage:?}");
    let all: Vec<_> = (0..100).map(|number| said(&bob, number, number + 1)).collect();
    assert_eq!(alice.import(&all).imported, 100, "{:?}", alice.counters());
}

#[test]
fn a_stranger_that_leaves_floors_behind_with_conflicts_only_loses_them() {
    let budgets = Budgets { loose_floors: 50, ..Budgets::default() };
    let (mut alice, mallory) = (person_within("alice", budgets), signer("mallory"));
    // One number for all: each that wins pushes the last one out, and leaves its floor.
    for place in 0..2000 {
        alice.import(&[said(&mallory, place, 9)]);
        assert!(alice.usage().loose_floors <= 50);
    }
}

#[test]
fn a_disk_that_is_nearly_full_is_for_own_words_alone() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::FULL);
    let reading = |free_bytes| Input::Reading(Reading { free_bytes, disk_bytes: 100 << 30, ..Reading::default() });
    alice.feed(reading(4 << 30));
    alice.ignore(&said(&bob, 1, 1), "disk_low");
    assert_eq!(alice.import(&[said(&signer("carol"), 1, 1)]).refused["disk_low"], 1);
    alice.judge(1, Opinion::Good);
    assert_eq!(alice.usage().shortages, ["disk"]);
    alice.feed(reading(6 << 30));
    alice.accept(&said(&bob, 1, 1));
    assert!(alice.usage().shortages.is_empty());
}

#[test]
fn strangers_wait_first_when_memory_or_processor_is_short() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::FULL);
    let friend = signer("friend");
    alice.accept(&bob.says(100, START, &attestation(friend.key(), Level::FULL)));
    alice.must(Command::Reindex);
    let rss = |mib: u64| Input::Reading(Reading { rss_bytes: mib << 20, ..Reading::default() });
    alice.feed(rss(450));
    alice.ignore(&said(&signer("carol"), 1, 1), "put_off");
    alice.accept(&said(&friend, 1, 1));
    alice.feed(rss(501));
    alice.ignore(&said(&friend, 2, 2), "put_off");
    alice.accept(&said(&bob, 1, 101));
    alice.feed(rss(300));
    alice.accept(&said(&signer("carol"), 1, 1));
    alice.feed(Input::Worked { peer: None, cpu: 60 * SECOND });
    assert_eq!(alice.usage().shortages, ["cpu"]);
    let forged = |mut bytes: Vec<u8>| {
        *bytes.last_mut().expect("not empty") ^= 1;
        bytes
    };
    assert_eq!(
        alice.hear(&forged(said(&signer("dave"), 1, 1).bytes().to_vec())),
        Admission::Ignore,
        "not even looked at"
    );
    assert_eq!(alice.hear(&forged(said(&bob, 2, 102).bytes().to_vec())), Admission::Reject);
    alice.accept(&said(&bob, 2, 102));
    alice.leap(HOUR);
    assert!(alice.usage().shortages.is_empty());
    alice.accept(&signer("dave").says(1, alice.now().wall, &verdict(1, Opinion::Good)));
}

#[test]
fn no_more_signatures_of_strangers_are_verified_than_the_budget_says() {
    let budgets = Budgets { verifies_per_s: 20, ..Budgets::default() };
    let (mut alice, bob) = (person_within("alice", budgets), signer("bob"));
    alice.follow(bob.key(), Level::FULL);
    let heard = (0..300)
        .filter(|number| alice.hear(said(&signer(&format!("s{number}")), 1, 1).bytes()) == Admission::Accept)
        .count();
    assert_eq!((heard, alice.count("put_off")), (101, 199));
    alice.accept(&said(&bob, 1, 1));
    alice.leap(SECOND);
    alice.accept(&said(&signer("later"), 1, 1));
}

#[test]
fn a_peer_that_costs_too_much_waits_and_others_do_not() {
    let mut alice = person("alice");
    let (mallory, bob) = (Peer(1), Peer(2));
    let ask = |alice: &mut Person, peer: Peer, number: u64| {
        let (exchange, author) = (ExchangeId(number), signer("bob").key());
        let bytes = Request::Fetch { author, after: (0, 0) }.encode();
        alice.feed(Input::SyncFrame(SyncEvent::Asked { peer, exchange, bytes }));
        Response::decode(&alice.take_answer(exchange).expect("an answer")).expect("canonical")
    };
    alice.feed(Input::PeerUp(mallory));
    alice.feed(Input::PeerUp(bob));
    assert!(matches!(ask(&mut alice, mallory, 1), Response::Statements { .. }));
    // Half a second at once, and 50 ms a second after that.
    alice.feed(Input::Worked { peer: Some(mallory), cpu: SECOND });
    let wait = match ask(&mut alice, mallory, 2) {
        Response::Refused { reason: Reason::Busy, retry_after_ms } => retry_after_ms,
        other => panic!("{other:?}"),
    };
    assert!((9_900..=10_100).contains(&wait), "{wait} ms");
    assert!(matches!(ask(&mut alice, bob, 3), Response::Statements { .. }));
    alice.leap(std::time::Duration::from_millis(u64::from(wait)));
    assert!(matches!(ask(&mut alice, mallory, 4), Response::Statements { .. }));
}

#[test]
fn when_the_traffic_of_a_day_is_used_up_nobody_is_asked_or_answered_until_the_next() {
    let budgets = Budgets { traffic_per_day: 1_000_000, ..Budgets::default() };
    let (mut alice, bob, carol) = (person_within("alice", budgets), signer("bob"), signer("carol"));
    alice.follow(bob.key(), Level::FULL);
    let peer = Peer(1);
    alice.feed(Input::PeerUp(peer));
    let ask = |alice: &mut Person, by: &Signer| {
        let bytes = Request::Fetch { author: by.key(), after: (0, 0) }.encode();
        alice.feed(Input::SyncFrame(SyncEvent::Asked { peer, exchange: ExchangeId(1), bytes }));
        Response::decode(&alice.take_answer(ExchangeId(1)).expect("an answer")).expect("canonical")
    };
    let used = |traffic_bytes| Input::Reading(Reading { traffic_bytes, ..Reading::default() });
    alice.feed(used(799_999));
    assert!(matches!(ask(&mut alice, &carol), Response::Statements { .. }));
    alice.feed(used(800_000));
    assert!(matches!(ask(&mut alice, &carol), Response::Refused { reason: Reason::Busy, .. }));
    assert!(matches!(ask(&mut alice, &bob), Response::Statements { .. }), "logs of those I follow go out");
    let now = alice.now();
    assert!(!alice.service().is_quiet(now));
    alice.feed(used(1_000_000));
    assert!(alice.service().is_quiet(now));
    assert!(matches!(ask(&mut alice, &bob), Response::Refused { reason: Reason::Busy, .. }));
    alice.outbox.clear();
    alice.leap(HOUR);
    alice.feed(Input::Wake);
    let asks = |alice: &Person| {
        alice.outbox.iter().filter(|output| matches!(output, Output::SyncFrame(SyncOrder::Ask { .. }))).count()
    };
    assert_eq!(asks(&alice), 0, "nobody is asked");
    // Killed and started again, the day is not forgotten.
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: false });
    assert_eq!(alice.usage().shortages, ["bandwidth_low", "bandwidth"]);
    alice.leap(DAY);
    alice.feed(Input::PeerUp(peer));
    alice.leap(MINUTE);
    alice.feed(Input::Wake);
    assert!(alice.usage().shortages.is_empty() && asks(&alice) > 0);
}

/// Something that may happen to a node.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// One of eight keys says something at one of forty places, with a number of its own.
    Says {
        who: usize,
        place: u64,
    },
    /// The owner says something.
    Own {
        place: u8,
    },
    /// One of the eight vouches for another, or takes it back.
    Vouches {
        who: usize,
        for_whom: usize,
        level: i8,
    },
    Follow {
        who: usize,
    },
    Unfollow {
        who: usize,
    },
    Sweep,
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => (0..8_usize, 0..40_u64).prop_map(|(who, place)| Happening::Says { who, place }),
        1 => any::<u8>().prop_map(|place| Happening::Own { place }),
        2 => (0..8_usize, 0..8_usize, prop_oneof![Just(100_i8), Just(25), Just(-100)])
            .prop_map(|(who, for_whom, level)| Happening::Vouches { who, for_whom, level }),
        1 => (0..8_usize).prop_map(|who| Happening::Follow { who }),
        1 => (0..8_usize).prop_map(|who| Happening::Unfollow { who }),
        1 => Just(Happening::Sweep),
        1 => Just(Happening::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_happens_budgets_hold_and_nothing_that_matters_goes(
        happenings in prop::collection::vec(happening(), 1..220),
    ) {
        let budgets = Budgets {
            rated_keys: 2,
            rated_bytes: 3 << 10,
            strangers_bytes: 5 << 10,
            store_bytes: 36 << 10,
            loose_floors: 25,
            ..Budgets::default()
        };
        let mut alice = person_within("alice", budgets);
        let keys: Vec<Signer> = (0..8).map(|number| signer(&format!("key {number}"))).collect();
        let mut seq = 1_000;
        let mut followed = BTreeSet::new();
        // What of each key must be here: all that came in while it was followed, by place.
        let mut owed: BTreeMap<usize, BTreeMap<(Kind, Sha256), u64>> = BTreeMap::new();
        let mut own = BTreeSet::new();
        for happening in happenings {
            seq += 1;
            match happening {
                Happening::Says { who, place } => {
                    let statement = said(&keys[who], place, seq);
                    let done = alice.import(std::slice::from_ref(&statement));
                    if done.imported == 1 && followed.contains(&who) {
                        owed.entry(who).or_default().insert((statement.kind(), statement.body().slot()), seq);
                    }
                    if place % 7 == 0 {
                        let older = said(&keys[who], place, 900);
                        if followed.contains(&who) && done.imported == 1 {
                            prop_assert_eq!(alice.import(&[older]).imported, 0, "rolled back");
                        }
                    }
                }
                Happening::Own { place } => {
                    alice.judge(place, Opinion::Good);
                    own.insert(place);
                }
                Happening::Vouches { who, for_whom, level } => {
                    let level = Level::new(level).expect("a level");
                    let statement = keys[who].says(seq, START, &attestation(keys[for_whom].key(), level));
                    let done = alice.import(std::slice::from_ref(&statement));
                    if done.imported == 1 && followed.contains(&who) {
                        owed.entry(who).or_default().insert((statement.kind(), statement.body().slot()), seq);
                    }
                }
                Happening::Follow { who } => {
                    alice.follow(keys[who].key(), Level::HIGH);
                    if followed.insert(who) {
                        let here = alice.kept_of(&keys[who]);
                        let by_place = here.iter().map(|one| ((one.kind(), one.body().slot()), one.header().seq));
                        owed.insert(who, by_place.collect());
                    }
                }
                Happening::Unfollow { who } => {
                    if followed.remove(&who) {
                        alice.must(Command::Unfollow { key: keys[who].key() });
                        owed.remove(&who);
                    }
                }
                Happening::Sweep => {
                    alice.leap(HOUR);
                    alice.feed(Input::Wake);
                    prop_assert!(alice.usage().rated <= budgets.rated_keys);
                }
                Happening::Restart => {
                    alice.restart();
                    alice.feed(Input::Started { dht: false, torrents: false });
                }
            }
            // What a changed standing leaves over goes with the next statement or sweep.
            if matches!(happening, Happening::Follow { .. } | Happening::Unfollow { .. }) {
                continue;
            }
            let usage = alice.usage();
            prop_assert!(usage.strangers_bytes <= budgets.strangers_bytes, "{:?}", usage);
            prop_assert!(usage.loose_floors <= budgets.loose_floors, "{:?}", usage);
            if seq % 8 != 0 {
                continue;
            }
            for who in &followed {
                let here: BTreeMap<(Kind, Sha256), u64> = alice
                    .kept_of(&keys[*who])
                    .iter()
                    .map(|one| ((one.kind(), one.body().slot()), one.header().seq))
                    .collect();
                if let Some(owed) = owed.get(who) {
                    prop_assert_eq!(&here, owed, "what a followed key said is all here");
                }
            }
        }
        alice.leap(HOUR);
        alice.feed(Input::Wake);
        for (number, by) in keys.iter().enumerate().filter(|(number, _)| !followed.contains(number)) {
            let bytes: usize = alice.kept_of(by).iter().map(|one| one.bytes().len()).sum();
            prop_assert!(bytes <= budgets.rated_bytes, "key {} has {} bytes", number, bytes);
        }
        let usage = alice.usage();
        let is_held = usage.store_bytes <= budgets.store_bytes;
        let others = keys.iter().enumerate().filter(|(number, _)| !followed.contains(number));
        let nothing_left = others.map(|(_, by)| alice.kept_of(by).len()).sum::<usize>() == 0;
        prop_assert!(is_held || nothing_left, "over, though something could go: {:?}", usage);
        let mine = match alice.must(Command::Export) {
            heirloom_core::Reply::Statements(all) => all,
            other => panic!("{other:?}"),
        };
        let judged = mine.iter().filter(|one| statement::verify(&one.bytes).is_ok_and(|s| s.kind() == Kind::Verdict));
        prop_assert_eq!(judged.count(), own.len(), "own words are all here");
    }
}

#[test]
fn a_clock_at_the_end_of_time_bounds_nothing_less() {
    let mut alice = person_within("alice", Budgets { traffic_per_day: 10, ..Budgets::default() });
    alice.wall = Timestamp(u64::MAX);
    alice.feed(Input::Reading(Reading { traffic_bytes: u64::MAX, ..Reading::default() }));
    assert_eq!(alice.usage().shortages, ["bandwidth_low", "bandwidth"]);
}
