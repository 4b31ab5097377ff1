//! What a node says, and what it keeps to itself.

use crate::rig::*;
use heirloom_core::command::{Command, Fault, Reply, Target};
use heirloom_core::io::Output;
use heirloom_proto::body::{Head, Level, Opinion, Scope};
use heirloom_proto::{Body, Kind, statement};
use std::collections::BTreeSet;

#[test]
fn the_first_statement_of_a_key_is_the_profile_with_the_commitment() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.attest(bob.key(), Level::HIGH);
    let pushed = alice.pushed();
    let Body::Profile(profile) = pushed[0].body() else { panic!("{:?}", pushed[0]) };
    assert_eq!(profile.next_key_hash, next_key_hash("alice"));
    assert_eq!(pushed[1].kind(), Kind::Attestation);
    assert!(pushed[0].header().seq < pushed[1].header().seq);
    alice.attest(bob.key(), Level::LOW);
    assert!(alice.pushed().iter().all(|s| s.kind() != Kind::Profile), "once is enough");
}

#[test]
fn every_profile_of_a_generation_commits_to_the_same_key() {
    let mut alice = person("alice");
    alice.must(Command::SetProfile { name: Some("Alice".into()), url: None });
    alice.must(Command::SetProfile { name: None, url: Some("https://alice.example".into()) });
    let profiles = alice.pushed_of(Kind::Profile);
    assert_eq!(profiles.len(), 2);
    for profile in profiles {
        let Body::Profile(profile) = profile.body() else { unreachable!() };
        assert_eq!((profile.name.as_str(), profile.next_key_hash), ("Alice", next_key_hash("alice")));
    }
}

#[test]
fn the_head_counts_what_is_public_and_follows_within_seconds() {
    let mut alice = person("alice");
    let signed = alice.attest(signer("bob").key(), Level::HIGH);
    alice.elapse(5 * SECOND);
    let pushed = alice.pushed();
    let head = pushed.last().expect("a head");
    let public: BTreeSet<_> = pushed.iter().filter(|s| s.kind() != Kind::Head).map(|s| s.id()).collect();
    assert!(public.contains(&signed.id));
    let Body::Head(said) = head.body() else { panic!("{head:?}") };
    assert_eq!((said.live_count, said.live_root), (2, Head::root_of(&public)));
}

#[test]
fn a_busy_curator_says_one_head_for_many_statements() {
    let mut alice = person("alice");
    for number in 0..20 {
        alice.attest(signer(&format!("friend {number}")).key(), Level::HIGH);
    }
    alice.elapse(10 * SECOND);
    assert!(alice.pushed_of(Kind::Head).len() <= 2);
}

#[test]
fn a_head_that_says_nothing_new_is_renewed_daily_so_that_it_never_goes_stale() {
    let (mut alice, mut shelf) = (online("alice"), Shelf::default());
    alice.attest(signer("bob").key(), Level::HIGH);
    alice.live(HOUR, &mut shelf);
    alice.pushed();
    alice.live(3 * DAY, &mut shelf);
    let heads = alice.pushed_of(Kind::Head);
    assert!((2..=3).contains(&heads.len()), "{} heads in three days", heads.len());
    let standing = &shelf.items[&(*alice.key().as_bytes(), b"heirloom".to_vec())];
    assert_eq!(standing.value, heads.last().expect("one").bytes(), "the newest stands in the DHT");
}

#[test]
fn what_is_private_never_leaves() {
    let (mut alice, mut shelf) = (online("alice"), Shelf::default());
    let bob = signer("bob").key();
    // Nothing at all leaves for a key that has only said private things: not even that there is a key.
    let attest = |private| Command::Attest {
        subject: bob,
        level: Level::DISTRUST,
        scope: Scope::All,
        reason: "my own business".into(),
        lifetime: None,
        private,
    };
    let hidden = [
        alice.signed(attest(true)).id,
        alice
            .signed(Command::Verdict {
                infohash: release(3),
                opinion: Opinion::Fake,
                note: "mine".into(),
                private: true,
            })
            .id,
    ];
    alice.live(3 * HOUR, &mut shelf);
    assert!(alice.outbox.is_empty(), "{:?}", alice.outbox);
    assert!(shelf.items.is_empty());

    // Beside public words they appear neither in gossip, nor in the DHT, nor in what the head counts.
    let mut quiet = publish(bunny());
    quiet.private = true;
    alice.list_with(quiet, 1);
    alice.list(sintel(), 2);
    alice.live(3 * HOUR, &mut shelf);
    let pushed = alice.pushed();
    assert!(pushed.iter().all(|s| !hidden.contains(&s.id())));
    assert!(!pushed.iter().any(|s| matches!(s.body(), Body::Listing(l) if l.infohash == release(1))));
    let public: BTreeSet<_> = pushed.iter().filter(|s| s.kind() != Kind::Head).map(|s| s.id()).collect();
    let newest = pushed.iter().rfind(|s| s.kind() == Kind::Head);
    let Some(Body::Head(head)) = newest.map(|s| s.body()) else { panic!("no head") };
    assert_eq!(head.live_root, Head::root_of(&public), "the head counts what is public only");
    assert_eq!(shelf.items.len(), 2, "the head and Sintel");
    for needle in [b"my own business".as_slice(), b"mine", &release(1).0] {
        let holds = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!shelf.items.values().any(|item| holds(&item.value)));
    }
    // A restart announces everything public, and only that.
    alice.restart();
    alice.start();
    alice.live(HOUR, &mut shelf);
    assert!(alice.pushed().iter().all(|s| !hidden.contains(&s.id())));
    assert_eq!(shelf.items.len(), 2);
}

#[test]
fn taking_a_public_word_back_into_privacy_changes_the_head() {
    let mut alice = person("alice");
    let bob = signer("bob").key();
    alice.attest(bob, Level::HIGH);
    alice.elapse(MINUTE);
    alice.pushed();
    let (level, scope, reason) = (Level::LOW, Scope::All, String::new());
    alice.signed(Command::Attest { subject: bob, level, scope, reason, lifetime: None, private: true });
    alice.elapse(MINUTE);
    let pushed = alice.pushed();
    let Some(Body::Head(head)) = pushed.last().map(|s| s.body()) else { panic!("{pushed:?}") };
    assert_eq!(head.live_count, 2, "the profile, and the retraction of the public word");
    let retractions = pushed.iter().filter(|s| matches!(s.body(), Body::Retraction(_))).count();
    assert_eq!(retractions, 1, "others stop counting it");
}

#[test]
fn a_private_record_does_not_stop_the_public_one() {
    let mut alice = person("alice");
    let mut quiet = publish(bunny());
    quiet.private = true;
    alice.list_with(quiet, 1);
    assert!(alice.pushed_of(Kind::Work).is_empty());
    alice.list(bunny(), 2);
    assert_eq!(alice.pushed_of(Kind::Work).len(), 1);
}

#[test]
fn receipts_are_never_pushed_and_never_taken_from_gossip() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    let receipt = heirloom_proto::body::Receipt { subject: alice.key(), week: 2900, log2_bytes: 30 };
    let said = bob.says(1, alice.wall, &Body::Receipt(receipt));
    assert_eq!(alice.hear(said.bytes()), heirloom_core::io::Admission::Ignore);
    assert_eq!(alice.status().statements, 0);
}

#[test]
fn equal_seed_and_inputs_give_equal_outputs() {
    let run = || {
        let (mut alice, mut shelf) = (online("alice"), Shelf::default());
        let eve = signer("eve");
        for number in 0..30 {
            let body = listing(bunny(), number);
            alice.hear(eve.says(u64::from(number) + 1, alice.wall, &body).bytes());
        }
        alice.follow(eve.key(), Level::HIGH);
        alice.list(bunny(), 40);
        alice.list(sintel(), 41);
        let mut outputs = format!("{:?}", alice.outbox);
        alice.live(5 * HOUR, &mut shelf);
        alice.restart();
        alice.start();
        alice.live(5 * HOUR, &mut shelf);
        let shown = alice.show_with(bunny(), &mut shelf);
        outputs.push_str(&format!("{shown:?}"));
        outputs.push_str(&format!("{:?}{:?}", alice.outbox, shelf.items));
        outputs
    };
    assert!(run() == run(), "two runs differ");
}

#[test]
fn what_cannot_be_signed_is_said_in_a_sentence_and_uses_no_number() {
    let mut alice = person("alice");
    alice.attest(signer("bob").key(), Level::LOW);
    alice.elapse(MINUTE);
    alice.attest(signer("bob").key(), Level::HIGH);
    let first = alice.attest(signer("bob").key(), Level::MEDIUM);
    let reason = "x".repeat(300);
    let (level, scope) = (Level::LOW, Scope::All);
    let subject = signer("eve").key();
    let error = alice.ask(Command::Attest { subject, level, scope, reason, lifetime: None, private: false });
    let error = error.expect_err("too long");
    assert_eq!(error.fault, Fault::BadInput);
    assert!(error.message.contains("280"), "{error}");
    assert_eq!(alice.attest(subject, Level::LOW).seq, first.seq + 1);
}

#[test]
fn nobody_attests_or_follows_the_own_key() {
    let mut alice = person("alice");
    let me = alice.key();
    let (level, scope) = (Level::FULL, Scope::All);
    let follow = Command::Follow { key: me, level, scope, alias: String::new(), preview: false };
    assert_eq!(alice.ask(follow).expect_err("refused").code, "own_key");
    let attest = Command::Attest { subject: me, level, scope, reason: String::new(), lifetime: None, private: false };
    assert_eq!(alice.ask(attest).expect_err("refused").code, "own_key");
    assert_eq!(alice.status().statements, 0, "nothing was signed");
}

#[test]
fn only_what_i_signed_can_be_taken_back() {
    let (mut alice, eve) = (person("alice"), signer("eve"));
    let said = eve.says(1, alice.wall, &listing(bunny(), 1));
    alice.accept(&said);
    for target in [by_id(said.id()), Target::Release(release(1)), Target::Release(release(9))] {
        let error = alice.ask(Command::Retract { target }).expect_err("not mine");
        assert_eq!(error.fault, Fault::NotFound);
    }
    assert_eq!(alice.show(bunny()).releases.len(), 1);
}

#[test]
fn retracting_a_release_takes_back_every_listing_of_it() {
    let mut alice = person("alice");
    alice.list(bunny(), 1);
    alice.list(sintel(), 1);
    alice.list(bunny(), 2);
    alice.pushed();
    alice.retract(Target::Release(release(1)));
    assert_eq!(alice.pushed_of(Kind::Retraction).len(), 2);
    assert_eq!(alice.show(bunny()).releases.len(), 1);
    assert!(alice.show(sintel()).releases.is_empty());
}

#[test]
fn an_export_holds_every_live_statement_of_mine() {
    let mut alice = person("alice");
    let signed = alice.attest(signer("bob").key(), Level::HIGH);
    alice.accept(&signer("eve").says(1, START, &listing(bunny(), 1)));
    let Reply::Statements(all) = alice.must(Command::Export) else { panic!("no statements") };
    let all: Vec<_> = all.iter().map(|own| statement::verify(&own.bytes).expect("holds")).collect();
    assert!(all.iter().all(|s| *s.author() == alice.key()));
    assert!(all.iter().any(|s| s.id() == signed.id));
}

#[test]
fn my_own_words_end_when_they_expire_and_the_head_says_so() {
    let (mut alice, mut shelf) = (online("alice"), Shelf::default());
    let lifetime = Some(2 * HOUR);
    let (level, scope, reason) = (Level::HIGH, Scope::All, String::new());
    let subject = signer("bob").key();
    alice.signed(Command::Attest { subject, level, scope, reason, lifetime, private: false });
    alice.live(HOUR, &mut shelf);
    alice.pushed();
    alice.live(3 * HOUR, &mut shelf);
    let heads = alice.pushed_of(Kind::Head);
    let Some(Body::Head(head)) = heads.last().map(|s| s.body()) else { panic!("no new head") };
    assert_eq!(head.live_count, 1);
}

#[test]
fn what_expires_in_a_large_store_goes_slice_by_slice() {
    let mut alice = online("alice");
    let (eve, bob) = (signer("eve"), signer("bob"));
    alice.follow(eve.key(), Level::FULL);
    alice.follow(bob.key(), Level::FULL);
    let soon = START.plus(2 * HOUR);
    // More than one slice of each, so that what stays lies between what goes, whoever's key is the lower one.
    for (who, expires) in [(&eve, soon), (&bob, START.plus(9 * DAY))] {
        let body = |number: u64| attestation(signer(&format!("friend {number}")).key(), Level::HIGH);
        let said: Vec<_> =
            (0..700).map(|number| who.says_until(number + 1, START, Some(expires), &body(number))).collect();
        alice.import(&said);
    }
    let before = alice.status().statements;
    alice.elapse(4 * HOUR);
    assert_eq!(alice.count("expired"), 700);
    assert_eq!(before - alice.status().statements, 700);
    alice.elapse(10 * DAY);
    assert_eq!(alice.count("expired"), 1400);
}

#[test]
fn without_torrents_publishing_says_what_it_needs() {
    let mut alice = offline("alice");
    alice.feed(heirloom_core::Input::Started { dht: false, torrents: false });
    assert_eq!(alice.ask(Command::Publish(publish(bunny()))).expect_err("no node").code, "needs_node");
    assert!(!alice.outbox.iter().any(|o| matches!(o, Output::Torrent(_))));
}
