//! Statements from a file: the same door as a stranger's, in any order and number.

use crate::rig::*;
use heirloom_core::command::{Command, Fault, IMPORT_BYTES_MAX};
use heirloom_graph::Band;
use heirloom_proto::body::{Level, Opinion};

#[test]
fn what_a_file_brings_counts_like_what_gossip_brings() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    // Older than gossip takes: nobody pushed it.
    let old = START.minus(100 * DAY);
    let said = [bob.says(1, old, &listing(bunny(), 1)), bob.says(2, old, &listing(bunny(), 2))];
    assert_eq!(alice.import(&said).imported, 2);
    assert_eq!(alice.band_of(1), Band::Trusted);
    let again = alice.import(&said);
    assert_eq!((again.imported, again.known, again.refused.len()), (0, 2, 0));
}

#[test]
fn each_refusal_is_counted_by_its_reason() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    let newer = bob.says(5, START, &verdict(1, Opinion::Good));
    let older = bob.says(4, START, &verdict(1, Opinion::Fake));
    let expired = bob.says_until(6, START.minus(9 * DAY), Some(START.minus(DAY)), &verdict(2, Opinion::Good));
    let future = bob.says(7, START.plus(HOUR), &verdict(3, Opinion::Good));
    let mut forged = newer.bytes().to_vec();
    *forged.last_mut().expect("not empty") ^= 1;
    let envelopes = [newer.bytes(), older.bytes(), expired.bytes(), future.bytes(), &forged, b"noise", b"noise"];
    let done = alice.import_bytes(&envelopes.map(<[u8]>::to_vec));
    assert_eq!((done.imported, done.known), (1, 0));
    let refused: Vec<(&str, u64)> = done.refused.into_iter().collect();
    assert_eq!(
        refused,
        [("bad_signature", 1), ("expired", 1), ("future", 1), ("malformed", 2), ("rolled_back", 1)],
        "floors, times and signatures hold for files too"
    );
}

#[test]
fn quotas_hold_for_a_file_too() {
    let (mut alice, mallory) = (person("alice"), signer("mallory"));
    let said: Vec<_> = (0..250)
        .map(|number| {
            let body = heirloom_proto::body::Verdict {
                infohash: release(number),
                opinion: Opinion::Good,
                note: "x".repeat(280),
            };
            mallory.says(u64::from(number) + 1, START, &heirloom_proto::Body::Verdict(body))
        })
        .collect();
    let done = alice.import(&said);
    assert!(done.refused["over_quota"] > 50, "64 KiB for one stranger: {done:?}");
    assert_eq!(done.imported + done.refused["over_quota"], 250);
}

#[test]
fn a_batch_that_is_too_long_is_refused_whole() {
    let mut alice = person("alice");
    let envelopes = vec![vec![0; 8000]; IMPORT_BYTES_MAX / 8000 + 1];
    let error = alice.ask(Command::Import { envelopes }).expect_err("too much");
    assert_eq!((error.fault, error.code), (Fault::BadInput, "too_much_at_once"));
}

#[test]
fn nothing_is_scored_while_statements_come_in() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    let before = alice.count("scores_computed");
    let said: Vec<_> = (1..=100).map(|number| bob.says(number, START, &listing(bunny(), 1))).collect();
    said.iter().for_each(|statement| alice.accept(statement));
    let friends: Vec<_> =
        (0..50).map(|n| signer(&format!("friend {n}")).says(1, START, &listing(bunny(), 2))).collect();
    alice.import(&friends);
    assert_eq!(alice.count("scores_computed"), before, "neither for gossip nor for a file");
    alice.show(bunny());
    assert!(alice.count("scores_computed") > before, "but when somebody looks");
}
