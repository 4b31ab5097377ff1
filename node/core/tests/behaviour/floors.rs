//! Floors of keys that matter here: kept for as long as anything older could be valid, and not without number.

use crate::rig::*;
use heirloom_core::Budgets;
use heirloom_core::ingest::RATED_FLOORS_MAX;
use heirloom_proto::body::{Level, Opinion};
use heirloom_proto::{Statement, Timestamp, Verified};

/// An attestation of somebody else each time, which is over after an hour.
fn brief(by: &Signer, number: u64, created: Timestamp) -> Verified<Statement> {
    let body = attestation(signer(&format!("somebody {number}")).key(), Level::LOW);
    let end = Timestamp(created.0 + 3_600_000);
    by.says_until(number, created, Some(end), &body)
}

#[test]
fn a_rated_key_that_says_ever_new_things_for_an_hour_each_is_stopped() {
    let budgets = Budgets { rated_bytes: 1 << 20, ..Budgets::default() };
    let (mut alice, bob, eve) = (person_within("alice", budgets), signer("bob"), signer("eve"));
    alice.follow(bob.key(), Level::FULL);
    alice.accept(&bob.says(1, START, &attestation(eve.key(), Level::FULL)));
    let (mut number, mut refused) = (0, 0);
    // Everything of one round is gone by the next.
    for _ in 0..5 {
        let now = alice.now().wall;
        let round: Vec<_> = (0..600).map(|one| brief(&eve, number + one + 1, now)).collect();
        number += 600;
        refused += alice.import(&round).refused.get("over_quota").copied().unwrap_or_default();
        alice.leap(2 * HOUR);
        alice.elapse(MINUTE);
    }
    assert_eq!(refused, 3000 - u64::from(RATED_FLOORS_MAX), "{:?}", alice.counters());
    assert!(alice.usage().floors <= RATED_FLOORS_MAX as usize + 10, "{:?}", alice.usage());
    // What has its place already may be said anew, and nobody else pays for it.
    let now = alice.now().wall;
    let body = attestation(signer("somebody 1").key(), Level::HIGH);
    alice.accept(&eve.says(10_000, now, &body));
    alice.accept(&bob.says(10_000, now, &attestation(signer("new").key(), Level::LOW)));
}

#[test]
fn the_floor_of_an_empty_place_goes_once_nothing_older_can_be_valid() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::FULL);
    let year = Some(Timestamp(START.0 + 399 * 24 * 3_600_000));
    let old = bob.says_until(1, START, year, &verdict(1, Opinion::Good));
    let brief = bob.says_until(2, START, Some(Timestamp(START.0 + 1000)), &verdict(1, Opinion::Fake));
    alice.accept(&brief);
    let floors = alice.usage().floors;
    alice.elapse(DAY);
    assert_eq!(alice.count("expired"), 1);
    // The older one is still valid, and still rolled back; also after a restart.
    assert_eq!(alice.import(std::slice::from_ref(&old)).refused["rolled_back"], 1);
    alice.elapse(200 * DAY);
    alice.restart();
    alice.elapse(100 * DAY);
    assert_eq!(alice.import(std::slice::from_ref(&old)).refused["rolled_back"], 1);
    assert_eq!(alice.usage().floors, floors);
    alice.elapse(110 * DAY);
    assert_eq!((alice.count("floors_expired"), alice.usage().floors), (1, floors - 1), "{:?}", alice.counters());
    assert_eq!(alice.import(&[old]).refused["expired"], 1);
    alice.restart();
    assert_eq!(alice.usage().floors, floors - 1);
}

#[test]
fn the_floor_of_a_place_that_was_taken_again_stays() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::FULL);
    alice.accept(&bob.says_until(1, START, Some(Timestamp(START.0 + 1000)), &verdict(1, Opinion::Fake)));
    alice.elapse(3 * DAY);
    let now = alice.now().wall;
    let end = Timestamp(now.0 + 399 * 24 * 3_600_000);
    alice.accept(&bob.says_until(2, now, Some(end), &verdict(1, Opinion::Good)));
    alice.elapse(398 * DAY);
    alice.elapse(20 * DAY);
    assert_eq!(alice.count("floors_expired"), 0, "it was left a fortnight ago");
}
