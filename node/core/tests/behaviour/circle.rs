//! Who has a voice and who is distrusted, page by page, however many they are.

use crate::rig::*;
use heirloom_core::command::{CirclePart, Command, Reply};
use heirloom_core::views::{Circle, TrustRow};
use heirloom_graph::Band;
use heirloom_proto::Key;
use heirloom_proto::body::{Level, Scope};
use std::collections::BTreeSet;

/// More than any answer holds at once.
const MANY: usize = 1_250;

fn circle(person: &mut Person, part: CirclePart, skip: usize, limit: usize) -> Circle {
    match person.must(Command::Circle { part, skip, limit }) {
        Reply::Circle(circle) => circle,
        other => panic!("{other:?}"),
    }
}

fn every_page(person: &mut Person, part: CirclePart) -> Vec<TrustRow> {
    let mut rows = Vec::new();
    loop {
        let page = circle(person, part, rows.len(), 50);
        if page.rows.is_empty() {
            assert_eq!(page.all, rows.len(), "the count is that of all pages");
            return rows;
        }
        rows.extend(page.rows);
    }
}

fn trust(person: &mut Person) -> Vec<TrustRow> {
    match person.must(Command::Trust { scope: Scope::Catalogue, limit: usize::MAX }) {
        Reply::Trust(rows) => rows,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_key_stands_on_one_page_however_many_there_are() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::FULL);
    let keys: Vec<Key> = (0..MANY).map(|number| signer(&format!("somebody {number}")).key()).collect();
    for (at, key) in keys.iter().enumerate() {
        let level = if at % 5 == 0 { Level::FULL } else { Level::DISTRUST };
        alice.attest(*key, level);
    }
    let distrusted = every_page(&mut alice, CirclePart::Distrusted);
    let wanted: BTreeSet<Key> = keys.iter().enumerate().filter(|(at, _)| at % 5 != 0).map(|(_, key)| *key).collect();
    assert_eq!(distrusted.len(), 1_000, "beyond what one answer holds");
    assert_eq!(distrusted.iter().map(|row| row.key).collect::<BTreeSet<_>>(), wanted);

    let all = trust(&mut alice);
    let is_heard = |row: &&TrustRow| matches!(row.band, Band::Trusted | Band::Vouched | Band::Earned);
    let me = alice.key();
    let expected: Vec<TrustRow> =
        all.iter().filter(is_heard).filter(|row| row.key != me && row.key != bob.key()).cloned().collect();
    assert!(!expected.is_empty(), "whom she trusts has a voice");
    assert_eq!(every_page(&mut alice, CirclePart::Heard), expected, "in the order of trust, without those she follows");
    let expected: Vec<TrustRow> = all.into_iter().filter(|row| row.band == Band::Distrusted).collect();
    assert_eq!(distrusted, expected);
}

#[test]
fn a_page_is_of_the_newest_state() {
    let (mut alice, bob, eve) = (person("alice"), signer("bob"), signer("eve"));
    alice.attest(bob.key(), Level::FULL);
    let keys = |alice: &mut Person, part| -> Vec<Key> { every_page(alice, part).iter().map(|row| row.key).collect() };
    assert_eq!(keys(&mut alice, CirclePart::Heard), [bob.key()]);
    alice.follow(bob.key(), Level::FULL);
    assert_eq!(keys(&mut alice, CirclePart::Heard), [], "who is followed stands elsewhere");
    alice.accept(&bob.says(1, START, &attestation(eve.key(), Level::DISTRUST)));
    assert_eq!(keys(&mut alice, CirclePart::Distrusted), [eve.key()]);
    alice.must(Command::Unfollow { key: bob.key() });
    assert_eq!(keys(&mut alice, CirclePart::Heard), [bob.key()], "and stands here again");
    assert_eq!(circle(&mut alice, CirclePart::Heard, 5, 50).rows, [], "beyond the end is nothing");
    assert_eq!(circle(&mut alice, CirclePart::Heard, usize::MAX, usize::MAX).all, 1);
}

#[test]
fn keys_are_called_what_they_are_called_here() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.must(Command::Follow {
        key: bob.key(),
        level: Level::HIGH,
        scope: Scope::All,
        alias: "Bob of the shed".into(),
        preview: false,
    });
    let names = alice.must(Command::Names { keys: BTreeSet::from([bob.key(), signer("eve").key()]) });
    let Reply::Names(names) = names else { panic!("{names:?}") };
    assert_eq!((names[&bob.key()].as_str(), names[&signer("eve").key()].as_str()), ("Bob of the shed", ""));
}
