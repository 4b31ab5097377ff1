//! The starter catalogue: taken once, of depth zero, renewed by newer programs, and gone for good when it was dropped.

use crate::rig::*;
use heirloom_core::command::{Command, Fault, Reply};
use heirloom_core::views::{Starter, StarterState};
use heirloom_graph::Band;
use heirloom_proto::body::{CuratorEntry, CuratorList, Level, Profile, Retraction, Rotation, Scope};
use heirloom_proto::limits::LIFETIME_MS_MAX;
use heirloom_proto::{Body, Header, Key, Sha256, Statement, Timestamp, Verified};
use std::time::Duration;

fn take(person: &mut Person, key: Key, said: &[Verified<Statement>], again: bool) -> Starter {
    let envelopes = said.iter().map(|statement| statement.bytes().to_vec()).collect();
    match person.must(Command::TakeStarter { key, envelopes, again }) {
        Reply::Starter(starter) => starter,
        other => panic!("{other:?}"),
    }
}

fn followed(person: &mut Person) -> Vec<(Key, String, Level, bool)> {
    match person.must(Command::Follows) {
        Reply::Follows(all) => all.into_iter().map(|f| (f.key, f.name, f.level, f.gives_voice)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_vouches_for_its_own_listings_and_gives_nobody_else_a_voice() {
    let (mut alice, starter, bob) = (person("alice"), signer("starter"), signer("bob"));
    let said =
        [starter.says(1, START, &listing(bunny(), 1)), starter.says(2, START, &attestation(bob.key(), Level::FULL))];
    let taken = take(&mut alice, starter.key(), &said, false);
    assert_eq!(taken, Starter { key: starter.key(), state: StarterState::Taken, releases: 1 });
    alice.accept(&bob.says(1, START, &listing(bunny(), 2)));
    assert_eq!(alice.band_of(1), Band::Trusted);
    assert_eq!(alice.band_of(2), Band::Unknown, "bob got no voice");
    let releases = alice.show(bunny()).releases;
    assert_eq!(releases.iter().map(|release| release.is_from_starter).collect::<Vec<_>>(), [true, false]);
    assert_eq!(alice.status().starter, Some(Starter { state: StarterState::Followed, ..taken }));

    // The same words by a plain follow: they do give a voice, so the difference is the depth.
    let mut carol = person("carol");
    carol.follow(starter.key(), Level::FULL);
    for statement in &said {
        carol.accept(statement);
    }
    carol.accept(&bob.says(1, START, &listing(bunny(), 2)));
    assert_ne!(carol.band_of(2), Band::Unknown);
}

#[test]
fn a_list_that_names_it_and_its_own_key_leave_it_at_depth_zero() {
    let (mut alice, starter, bob) = (person("alice"), signer("starter"), signer("bob"));
    take(&mut alice, starter.key(), &[starter.says(1, START, &attestation(bob.key(), Level::FULL))], false);
    assert!(!alice.follow(starter.key(), Level::FULL).gives_voice);
    assert_eq!(followed(&mut alice), [(starter.key(), String::new(), Level::FULL, false)]);
    alice.accept(&bob.says(1, START, &listing(bunny(), 2)));
    assert_eq!(alice.band_of(2), Band::Unknown);
    // Who had followed it in full before keeps what they said.
    let mut carol = person("carol");
    carol.follow(starter.key(), Level::HIGH);
    take(&mut carol, starter.key(), &[], false);
    assert_eq!(followed(&mut carol), [(starter.key(), String::new(), Level::HIGH, true)]);
}

#[test]
fn what_was_dropped_is_not_taken_again_unless_asked_for() {
    let starter = signer("starter");
    let said = [starter.says(1, START, &listing(bunny(), 1))];
    for drop in [Command::DropStarter, Command::Unfollow { key: starter.key() }] {
        let mut alice = person("alice");
        take(&mut alice, starter.key(), &said, false);
        alice.restart();
        assert_eq!(take(&mut alice, starter.key(), &said, false).state, StarterState::Followed);
        alice.must(drop.clone());
        assert_eq!(alice.band_of(1), Band::Unknown, "{drop:?}");
        alice.restart();
        let newer = [starter.says(9, START, &listing(bunny(), 2))];
        assert_eq!(take(&mut alice, starter.key(), &newer, false).state, StarterState::Dropped);
        assert_eq!(take(&mut alice, signer("another").key(), &newer, false).state, StarterState::Dropped);
        assert_eq!(followed(&mut alice), []);
        assert_eq!(alice.show(bunny()).releases.len(), 1, "nor is anything taken in");
        assert_eq!(alice.status().starter.expect("noted").state, StarterState::Dropped);
        let refused = alice.ask(Command::DropStarter).expect_err("it is not followed");
        assert_eq!(refused.fault, Fault::NotFound);
        assert_eq!(take(&mut alice, starter.key(), &newer, true).state, StarterState::Taken);
        assert_eq!(alice.band_of(2), Band::Trusted);
    }
    assert_eq!(person("bob").status().starter, None, "nobody follows it unasked");
}

#[test]
fn a_newer_one_replaces_the_older_and_an_older_one_changes_nothing() {
    let (mut alice, starter) = (person("alice"), signer("starter"));
    let first = starter.says(1, START, &listing(bunny(), 1));
    let old = [first.clone(), starter.says(2, START, &listing(sintel(), 2))];
    take(&mut alice, starter.key(), &old, false);
    alice.elapse(HOUR);
    let later = START.plus(HOUR);
    let gone = Body::Retraction(Retraction { target: first.id() });
    let new = [starter.says(3, later, &gone), starter.says(4, later, &listing(sintel(), 3))];
    assert_eq!(take(&mut alice, starter.key(), &new, false).releases, 2);
    let shown = |alice: &mut Person| (alice.show(bunny()).releases.len(), alice.show(sintel()).releases.len());
    assert_eq!(shown(&mut alice), (0, 2));
    take(&mut alice, starter.key(), &old, false);
    assert_eq!(shown(&mut alice), (0, 2), "an older program brings nothing back");
}

#[test]
fn it_moves_to_its_next_key() {
    let (mut alice, starter, next, after) =
        (person("alice"), signer("starter"), signer("starter next"), signer("starter after"));
    let hash = |key: Key| Sha256::of(key.as_bytes());
    let profile =
        |next: Key| Body::Profile(Profile { name: "S".into(), url: String::new(), next_key_hash: hash(next) });
    take(&mut alice, starter.key(), &[starter.says(1, START, &profile(next.key()))], false);
    let rotation = Body::Rotation(Rotation::signed_by(&starter.secret, &next.key(), hash(after.key())));
    let header = |seq, expires| Header { generation: 1, seq, created: START, expires };
    let lists = Statement::sign(&next.secret, &header(2, Some(START.plus(30 * DAY))), &listing(bunny(), 1));
    let said = [Statement::sign(&next.secret, &header(1, None), &rotation).expect("signed"), lists.expect("signed")];
    let taken = take(&mut alice, next.key(), &said, false);
    assert_eq!((taken.key, taken.state), (next.key(), StarterState::Followed));
    assert_eq!(followed(&mut alice), [(next.key(), "starter".into(), Level::MEDIUM, false)]);
    assert_eq!(alice.band_of(1), Band::Trusted);
    alice.must(Command::DropStarter);
    assert_eq!(take(&mut alice, next.key(), &said, false).state, StarterState::Dropped);

    // Its key was lost, and a newer program names another.
    let mut bob = person("bob");
    take(&mut bob, starter.key(), &[], false);
    take(&mut bob, after.key(), &[after.says(1, START, &listing(bunny(), 1))], false);
    assert_eq!(followed(&mut bob), [(after.key(), "starter".into(), Level::MEDIUM, false)]);
}

#[test]
fn a_list_is_signed_with_the_names_that_keys_have_here() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    let entry = |key: Key, name: &str| CuratorEntry { key, name: name.into(), note: String::new() };
    alice.must(Command::Follow {
        key: bob.key(),
        level: Level::LOW,
        scope: Scope::All,
        alias: "Bob".into(),
        preview: false,
    });
    let list = |entries| Command::MakeList { list: CuratorList { name: "Friends".into(), entries }, private: false };
    let carol = signer("carol").key();
    let Reply::List(made) = alice.must(list(vec![entry(bob.key(), ""), entry(carol, "Carol")])) else {
        panic!("a list")
    };
    let Body::CuratorList(said) = made.statement.body() else { panic!("a list") };
    assert_eq!(said.entries, [entry(bob.key(), "Bob"), entry(carol, "Carol")]);
    assert_eq!(*made.statement.author(), alice.key());
    assert!(alice.pushed().contains(&made.statement), "it is said in public");
    assert_eq!(alice.ask(list(Vec::new())).expect_err("empty").fault, Fault::BadInput);
    let too_many = (0..101).map(|_| entry(carol, "")).collect();
    assert_eq!(alice.ask(list(too_many)).expect_err("too long").fault, Fault::BadInput);
}

#[test]
fn one_that_has_ended_lists_nothing_and_a_newer_one_fills_it_again() {
    let (mut alice, starter) = (person("alice"), signer("starter"));
    let life = Duration::from_millis(LIFETIME_MS_MAX);
    let until = |from: Timestamp| Some(from.plus(life));
    let old = [starter.says_until(1, START, until(START), &listing(bunny(), 1))];
    take(&mut alice, starter.key(), &old, false);
    alice.elapse(life + DAY);
    assert_eq!(alice.show(bunny()).releases.len(), 0, "what may no longer hold is not shown");
    let ended = take(&mut alice, starter.key(), &old, false);
    assert_eq!(ended, Starter { key: starter.key(), state: StarterState::Followed, releases: 0 });

    // A newcomer with a program that nobody renewed for so long is told the same, and goes on.
    let mut bob = person("bob");
    bob.elapse(life + DAY);
    assert_eq!(take(&mut bob, starter.key(), &old, false).releases, 0);
    assert_eq!(bob.show(bunny()).releases.len(), 0);

    let now = START.plus(life + DAY);
    let new = [starter.says_until(2, now, until(now), &listing(bunny(), 2))];
    for person in [&mut alice, &mut bob] {
        assert_eq!(take(person, starter.key(), &new, false).releases, 1);
        assert_eq!(person.band_of(2), Band::Trusted);
    }
}
