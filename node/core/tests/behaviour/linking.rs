//! Addresses that sent something without a name, and the keys that they showed later.

use crate::rig::*;
use heirloom_core::command::{Command, Fault, Reply};
use heirloom_core::io::{Input, Share, TorrentEvent};
use heirloom_core::links::{LINKED_BYTES_MAX, LINKED_PART};
use heirloom_core::views::LedgerBy;
use heirloom_graph::Band;
use heirloom_proto::Key;
use heirloom_proto::body::{Opinion, Scope};
use std::net::IpAddr;

const GIB: u64 = 1 << 30;

fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

/// A piece of a release from an address, under a name or none.
fn piece(person: &mut Person, number: u8, index: u32, from: u8, key: Option<Key>, bytes: u64) {
    let wire_name = key.map(|key| format!("heirloom/0.1.0 {}", key.to_multibase()));
    let shares = vec![Share { address: address(from), wire_name, bytes }];
    person.feed(Input::Torrent(TorrentEvent::Received { infohash: release(number), piece: index, shares }));
}

fn seed_score(person: &mut Person, of: Key) -> (f64, f64, Band) {
    match person.must(Command::Trust { scope: Scope::Seed, limit: 100 }) {
        Reply::Trust(rows) => rows
            .iter()
            .find(|row| row.key == of)
            .map_or((0.0, 0.0, Band::Unknown), |row| (row.score, row.support, row.band)),
        other => panic!("{other:?}"),
    }
}

fn link(person: &mut Person, from: u8, key: Option<Key>) -> Result<Reply, heirloom_core::command::CommandError> {
    person.ask(Command::Link { address: address(from), key })
}

/// The nameless row of an address: keys that are offered, and the one that it is linked to.
fn nameless(person: &mut Person, from: u8) -> (Vec<Key>, Option<Key>) {
    let rows = person.ledger(LedgerBy::Key);
    let row = rows.iter().find(|row| row.key.is_none() && row.address == address(from)).expect("a row without a key");
    (row.offered.clone(), row.linked)
}

#[test]
fn an_address_that_shows_a_key_later_is_offered_and_counts_once_it_is_confirmed() {
    let (mut alice, bob) = (person("alice"), signer("bob").key());
    piece(&mut alice, 1, 0, 1, None, GIB);
    piece(&mut alice, 2, 0, 2, None, GIB);
    assert_eq!(nameless(&mut alice, 1), (vec![], None));
    assert_eq!(link(&mut alice, 1, Some(bob)).expect_err("nothing was shown").fault, Fault::NotFound);
    alice.leap(DAY);
    piece(&mut alice, 3, 0, 1, Some(bob), 1000);
    assert_eq!(nameless(&mut alice, 1), (vec![bob], None));
    assert_eq!(nameless(&mut alice, 2), (vec![], None), "another address is another matter");
    let before = seed_score(&mut alice, bob);
    let linked = link(&mut alice, 1, Some(bob)).expect("linked");
    assert!(matches!(&linked, Reply::Ledger(rows) if rows.len() == 2), "{linked:?}");
    assert_eq!(nameless(&mut alice, 1), (vec![], Some(bob)));
    let after = seed_score(&mut alice, bob);
    assert!(after.0 > before.0 && after.1 < 0.1, "it ranks, and admits nobody: {before:?} {after:?}");
    alice.restart();
    assert_eq!((nameless(&mut alice, 1), seed_score(&mut alice, bob)), ((vec![], Some(bob)), after));
    // Taken back, nothing is left of it.
    link(&mut alice, 1, None).expect("unlinked");
    assert_eq!((nameless(&mut alice, 1), seed_score(&mut alice, bob)), ((vec![bob], None), before));
    assert_eq!(link(&mut alice, 1, None).expect_err("no link").code, "not_linked");
}

#[test]
fn a_key_that_was_there_before_is_no_offer() {
    let (mut alice, bob) = (person("alice"), signer("bob").key());
    piece(&mut alice, 1, 0, 1, Some(bob), GIB);
    alice.leap(DAY);
    piece(&mut alice, 2, 0, 1, None, GIB);
    assert_eq!(nameless(&mut alice, 1), (vec![], None), "bob may have left the address");
    // One's own key, shown at an address of one's own, is none either.
    let me = alice.key();
    piece(&mut alice, 3, 0, 1, Some(me), GIB);
    assert_eq!(nameless(&mut alice, 1), (vec![], None));
}

#[test]
fn what_a_link_adds_is_a_part_and_capped_and_nothing_for_a_fake() {
    let bob = signer("bob").key();
    let linked = |bytes: u64, is_fake: bool| {
        let mut alice = person("alice");
        for number in 0..20 {
            piece(&mut alice, number, 0, 1, None, bytes / 20);
        }
        piece(&mut alice, 100, 0, 1, Some(bob), 1);
        link(&mut alice, 1, Some(bob)).expect("linked");
        if is_fake {
            (0..20).for_each(|number| {
                alice.judge(number, Opinion::Fake);
            });
        }
        seed_score(&mut alice, bob).0
    };
    let named = |bytes: u64| {
        let mut alice = person("alice");
        piece(&mut alice, 1, 0, 1, Some(bob), bytes);
        seed_score(&mut alice, bob).0
    };
    let (part, most) = (linked(GIB, false), linked(64 * GIB, false));
    assert!((part - named(GIB / LINKED_PART)).abs() < 1e-6, "{part}");
    assert!((most - named(LINKED_BYTES_MAX)).abs() < 1e-6, "{most}");
    assert!(linked(64 * GIB, true) < part / 10.0, "bytes of fakes count for nobody");
}

#[test]
fn a_link_changes_nothing_about_listings() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    piece(&mut alice, 1, 0, 1, None, GIB);
    piece(&mut alice, 1, 1, 1, Some(bob.key()), 1);
    link(&mut alice, 1, Some(bob.key())).expect("linked");
    alice.elapse(8 * DAY);
    let row = alice.trust_of(bob.key());
    assert!(row.is_none_or(|row| row.score < 0.01), "only what came under the name counts for a lister");
    assert!(alice.show(bunny()).releases[0].received_by_me <= 1);
}
