//! An archive is no release: its bytes are no proof of seed.

use super::desk::*;
use crate::rig::*;
use crate::syncing::{is_whole, meet, talk};
use heirloom_core::command::{Command, Wanted};
use heirloom_core::io::{ArchiveEvent, ArchiveFault, ArchiveOrder, Input, Share, TorrentEvent};
use heirloom_core::views::LedgerBy;
use heirloom_core::{Reply, sync};
use heirloom_proto::body::Level;
use heirloom_proto::{Key, Sha256};

#[test]
fn the_bytes_of_an_archive_are_in_no_ledger() {
    let all = log("carol", 300);
    let mut desk = Desk::default();
    let named = desk.lay(file_of(&bytes_of(&all)));
    let carol = signer("carol").key();
    let mut bob = follower("bob", carol);
    bob.accept(&head_over("carol", 1001, START, &all, Some(named)));
    let piece = |infohash, piece| {
        let wire_name = Some(format!("heirloom/0.1.0 {}", carol.to_multibase()));
        let shares = vec![Share { address: [10, 0, 0, 1].into(), wire_name, bytes: 1 << 30 }];
        Input::Torrent(TorrentEvent::Received { infohash, piece, shares })
    };
    bob.feed(piece(named.0, 0));
    desk.serve(&mut bob);
    bob.feed(piece(named.0, 1));
    assert_eq!((bob.ledger(LedgerBy::Release).len(), bob.count("archive_unbooked")), (0, 2));
    bob.feed(piece(release(1), 0));
    assert_eq!(bob.ledger(LedgerBy::Release).len(), 1, "a release is booked");
}

#[test]
fn an_archive_is_no_release_and_a_release_no_archive() {
    let all = log("carol", 300);
    let mut desk = Desk::default();
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", signer("carol").key());
    bob.accept(&head_over("carol", 1001, START, &all, Some(named)));
    desk.serve(&mut bob);
    let get = |infohash| Command::Get {
        what: Wanted::Release(infohash),
        to: None,
        anyway: true,
        choice: heirloom_core::command::Choice::default(),
    };
    assert_eq!(bob.ask(get(named.0)).expect_err("refused").code, "not_a_release");
    assert!(bob.torrent_orders().is_empty());

    // Somebody's head names a release that bob has: its bytes go on to count.
    bob.must(get(release(1)));
    bob.torrent_orders();
    bob.follow(signer("mallory").key(), Level::LOW);
    bob.accept(&head_over("mallory", 9, START, &log("mallory", 300), Some((release(1), Sha256([1; 32])))));
    assert_eq!((bob.archive_orders(), bob.count("archive_not_own")), (vec![], 1));
    bob.receive(1, 0, Some(signer("carol").key()), 1000);
    assert_eq!(bob.ledger(LedgerBy::Release).len(), 1);

    // Or carol's archive, before carol's own head is here.
    let mut dave = follower("dave", signer("mallory").key());
    dave.follow(signer("carol").key(), Level::LOW);
    dave.accept(&head_over("mallory", 9, START, &log("mallory", 300), Some(named)));
    let (order, _) = fetch_order(&mut dave).expect("fetched");
    dave.accept(&head_over("carol", 1001, START, &all, Some(named)));
    assert_eq!(fetch_order(&mut dave), None, "one of the two lies");
    dave.feed(Input::Archive(ArchiveEvent::NotFetched { order, fault: ArchiveFault::NotAnArchive }));
    dave.archive_orders();
    elapse(&mut dave, &mut desk, 2 * HOUR);
    assert!(is_whole_of(&mut dave, signer("carol").key()), "{:?}", dave.counters());
}

fn is_whole_of(person: &mut Person, key: Key) -> bool {
    match person.must(Command::Follows) {
        Reply::Follows(all) => all.iter().any(|follow| follow.key == key && follow.log.is_some_and(|(_, whole)| whole)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn with_no_network_for_torrents_sync_alone_brings_everything() {
    let mut desk = Desk::default();
    let mut alice = curator(300, &mut desk);
    assert!(archive_in(&head(&mut alice)).is_some());
    for (dht, torrents) in [(false, true), (true, false), (false, false)] {
        let mut bob = offline("bob");
        bob.feed(Input::Started { dht, torrents });
        bob.settle(&mut Shelf::default());
        bob.leap(alice.mono.saturating_sub(bob.mono));
        bob.feed(Input::Wake);
        bob.follow(alice.key(), Level::HIGH);
        meet(&mut alice, &mut bob);
        bob.elapse(2 * SECOND);
        talk(&mut bob, &mut alice);
        bob.live(sync::PERIOD, &mut Shelf::default());
        talk(&mut bob, &mut alice);
        assert!(is_whole(&mut bob), "dht {dht}, torrents {torrents}: {:?}", bob.counters());
        assert!(!bob.archive_orders().iter().any(|order| matches!(order, ArchiveOrder::Fetch { .. })));
        alice.feed(Input::PeerDown(heirloom_core::io::Peer(u64::from(b'b'))));
    }
}
