//! What was listed last, for feeds: by time, by trust, and without asking anybody.

use crate::rig::*;
use heirloom_core::command::{Command, Newest, Reply};
use heirloom_graph::Band;
use heirloom_proto::body::{Level, Work, WorkKind};
use heirloom_proto::{Body, Infohash, Key, Timestamp, WorkId};
use std::collections::BTreeSet;

fn newest(person: &mut Person, wish: Newest) -> Vec<Infohash> {
    match person.must(Command::Newest(Newest { limit: 100, ..wish })) {
        Reply::Newest(found) => found.into_iter().map(|(_, infohash)| infohash).collect(),
        other => panic!("{other:?}"),
    }
}

fn within(band: Band) -> Newest {
    Newest { band: Some(band), ..Newest::default() }
}

fn by(key: Key) -> Newest {
    Newest { by: Some(key), ..Newest::default() }
}

/// A statement so many minutes before now.
fn ago(person: &Person, minutes: u64) -> Timestamp {
    Timestamp(person.now().wall.0 - minutes * 60_000)
}

#[test]
fn the_newest_come_first_and_strangers_hide_nothing() {
    let (mut alice, bob, eve) = (offline("alice"), signer("bob"), signer("eve"));
    alice.follow(bob.key(), Level::HIGH);
    for (number, minutes) in [(1, 50), (2, 30), (3, 40)] {
        let at = ago(&alice, minutes);
        alice.accept(&bob.says(number.into(), at, &listing(sintel(), number)));
    }
    let at = ago(&alice, 5);
    alice.accept(&eve.says(1, at, &listing(bunny(), 9)));
    // Whoever lists what is old as new moves nothing.
    alice.accept(&eve.says(2, at, &listing(sintel(), 1)));
    assert_eq!(newest(&mut alice, within(Band::Vouched)), [release(2), release(3), release(1)]);
    assert_eq!(newest(&mut alice, within(Band::Unknown)), [release(9), release(2), release(3), release(1)]);
    assert_eq!(newest(&mut alice, by(eve.key())), [release(1), release(9)]);
    let me = alice.key();
    assert_eq!(newest(&mut alice, by(me)), []);
    let shown = alice.show(sintel());
    let listed: Vec<_> = shown.releases.iter().map(|release| (release.infohash, release.listed_at)).collect();
    assert!(listed.contains(&(release(1), ago(&alice, 50))), "{listed:?}");
}

#[test]
fn kinds_are_those_of_whom_is_heard() {
    let (mut alice, bob, eve) = (offline("alice"), signer("bob"), signer("eve"));
    alice.follow(bob.key(), Level::HIGH);
    let record = |work: WorkId, kind| Body::Work(Work::new(work, "A title".into(), None, kind));
    let at = ago(&alice, 9);
    for who in [&bob, &eve] {
        let kind = if who.key() == bob.key() { WorkKind::Series } else { WorkKind::Film };
        alice.accept(&who.says(1, at, &record(sintel(), kind)));
    }
    alice.accept(&bob.says(2, at, &listing(sintel(), 1)));
    alice.accept(&bob.says(3, at, &listing(bunny(), 2)));
    let of = |kinds: &[WorkKind]| Newest { kinds: BTreeSet::from_iter(kinds.iter().copied()), ..Newest::default() };
    assert_eq!(newest(&mut alice, of(&[WorkKind::Series])), [release(1)]);
    assert_eq!(newest(&mut alice, of(&[WorkKind::Film])), [], "a stranger does not say what it is");
    assert_eq!(newest(&mut alice, of(&[WorkKind::Other])), [release(2)], "nobody says what it is");
}

#[test]
fn a_shelf_shows_works_once_and_asks_nobody() {
    let mut alice = online("alice");
    let bob = signer("bob");
    alice.follow(bob.key(), Level::HIGH);
    let other: WorkId = "tmdb:movie/45745".parse().expect("id");
    let at = ago(&alice, 9);
    let named =
        Work { ids: vec![sintel(), other.clone()], ..Work::new(sintel(), "Sintel".into(), None, WorkKind::Film) };
    alice.accept(&bob.says(1, at, &Body::Work(named)));
    alice.accept(&bob.says(2, at, &listing(sintel(), 1)));
    alice.gets();
    alice.seeks();
    let works = vec![sintel(), other, bunny(), bunny()];
    let Reply::Shelf(shelf) = alice.must(Command::Shelf { works, lines: 0 }) else { panic!("no shelf") };
    assert_eq!(shelf.iter().map(|work| work.releases.len()).collect::<Vec<_>>(), [1, 0], "two ids are one work");
    assert_eq!((alice.gets().len(), alice.seeks().len()), (0, 0), "nobody was asked");
}

#[test]
fn a_number_grows_whenever_something_may_be_shown_otherwise() {
    let (mut alice, bob) = (offline("alice"), signer("bob"));
    let showing = |person: &mut Person| match person.must(Command::Showing) {
        Reply::Showing(number) => number,
        other => panic!("{other:?}"),
    };
    let mut last = showing(&mut alice);
    let mut grows = |alice: &mut Person, what: &str| {
        let now = showing(alice);
        assert!(now > last, "{what}: {now} after {last}");
        assert_eq!(showing(alice), now, "{what}: asking changes nothing");
        last = now;
    };
    alice.follow(bob.key(), Level::HIGH);
    grows(&mut alice, "a follow");
    let at = ago(&alice, 9);
    alice.accept(&bob.says(1, at, &listing(sintel(), 1)));
    grows(&mut alice, "a listing");
    alice.judge(1, heirloom_proto::body::Opinion::Good);
    grows(&mut alice, "a judgement of the owner's");
    alice.receive(1, 0, Some(bob.key()), 1000);
    grows(&mut alice, "bytes of a lister");
    alice.leap(DAY);
    grows(&mut alice, "a day");
}
