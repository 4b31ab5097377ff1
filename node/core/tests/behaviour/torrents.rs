//! Seeding, fetching, and booking what was received.

use crate::rig::*;
use heirloom_core::command::{Command, CommandError, Fault, Wanted};
use heirloom_core::io::{Files, Input, Share, TorrentEvent, TorrentOrder};
use heirloom_core::views::LedgerBy;
use heirloom_proto::Body;
use heirloom_proto::body::{Level, Work, WorkKind};

#[test]
fn what_i_publish_is_seeded_under_my_name() {
    let mut alice = person("alice");
    let request = alice.begin(Command::Publish(publish(bunny())));
    let [TorrentOrder::Prepare { order, source, .. }] = &alice.torrent_orders()[..] else { panic!("no order") };
    assert_eq!(source, "film.mp4");
    let content = Some("film.mp4".to_owned());
    alice.feed(Input::Torrent(TorrentEvent::Prepared {
        order: *order,
        metainfo: metainfo(1),
        content: content.clone(),
    }));
    let seed = TorrentOrder::Seed { infohash: release(1), content: "film.mp4".into(), named: true };
    assert_eq!(alice.torrent_orders(), [seed]);
    assert!(alice.reply(request).expect("answered").is_ok());
    // A second answer to the same order is nobody's.
    alice.feed(Input::Torrent(TorrentEvent::Prepared { order: *order, metainfo: metainfo(2), content }));
    assert!(alice.torrent_orders().is_empty());
    assert_eq!(alice.show(bunny()).releases.len(), 1);
}

#[test]
fn what_cannot_be_prepared_is_answered_with_the_reason() {
    let mut alice = person("alice");
    let request = alice.begin(Command::Publish(publish(bunny())));
    let [TorrentOrder::Prepare { order, .. }] = alice.torrent_orders()[..] else { panic!("no order") };
    let error = CommandError::new(Fault::NotFound, "no_such_file", "film.mp4 does not exist");
    alice.feed(Input::Torrent(TorrentEvent::NotPrepared { order, error: error.clone() }));
    assert_eq!(alice.reply(request), Some(Err(error)));
    assert_eq!(alice.status().statements, 0, "nothing was signed");
}

#[test]
fn everything_is_seeded_and_fetched_again_after_a_restart() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.list(bunny(), 1);
    alice.follow(bob.key(), Level::HIGH);
    for number in [2, 3, 4] {
        alice.accept(&bob.says(u64::from(number), START, &listing(sintel(), number)));
        let what = Wanted::Release(release(number));
        alice.must(Command::Get {
            what,
            to: (number == 3).then(|| "/films".to_owned()),
            anyway: false,
            choice: heirloom_core::command::Choice::default(),
        });
    }
    alice.feed(Input::Torrent(TorrentEvent::Finished { infohash: release(2), content: "/usual/two".into() }));
    let error = CommandError::new(Fault::Refused, "unsafe_path", "a path leads out of the folder");
    alice.feed(Input::Torrent(TorrentEvent::Failed { infohash: release(4), error }));
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: true });
    let fetch = TorrentOrder::Fetch {
        infohash: release(3),
        info_sha256: metainfo(3).info_sha256,
        trackers: Vec::new(),
        to: Some("/films".into()),
        files: Files::All,
        anyway: false,
    };
    assert_eq!(
        alice.torrent_orders(),
        [
            TorrentOrder::Seed { infohash: release(1), content: "film.mp4".into(), named: true },
            TorrentOrder::Seed { infohash: release(2), content: "/usual/two".into(), named: false },
            fetch,
        ]
    );
}

#[test]
fn what_i_judge_fake_is_neither_fetched_nor_seeded_any_longer() {
    let mut alice = person("alice");
    let get = || Command::Get {
        what: Wanted::Release(release(1)),
        to: None,
        anyway: true,
        choice: heirloom_core::command::Choice::default(),
    };
    alice.must(get());
    alice.torrent_orders();
    let (opinion, private) = (heirloom_proto::body::Opinion::Malware, false);
    let judge = |note: String| Command::Verdict { infohash: release(1), opinion, note, private };
    assert_eq!(alice.ask(judge("x".repeat(5000))).expect_err("too long").fault, Fault::BadInput);
    assert!(alice.torrent_orders().is_empty(), "what could not be said changes nothing");
    alice.must(judge("it asks for a codec".into()));
    assert_eq!(alice.torrent_orders(), [TorrentOrder::Stop { infohash: release(1) }]);
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: true });
    assert!(alice.torrent_orders().is_empty(), "nor after a restart");
    alice.must(get());
    assert_eq!(alice.torrent_orders().len(), 1, "unless I insist");
}

#[test]
fn what_is_cancelled_stays_so_and_its_bytes_stay_in_the_ledger() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    for number in [1, 2] {
        alice.accept(&bob.says(u64::from(number), START, &listing(bunny(), number)));
        alice.must(Command::Get {
            what: Wanted::Release(release(number)),
            to: None,
            anyway: false,
            choice: heirloom_core::command::Choice::default(),
        });
    }
    alice.torrent_orders();
    let share = Share { address: [127, 0, 0, 2].into(), wire_name: None, bytes: 16_384 };
    alice.feed(Input::Torrent(TorrentEvent::Received { infohash: release(1), piece: 0, shares: vec![share] }));
    let cancel = |number: u8, delete| Command::Cancel { infohash: release(number), delete };
    let before = alice.must(Command::Ledger { by: LedgerBy::Release });
    alice.must(cancel(1, true));
    assert_eq!(alice.torrent_orders(), [TorrentOrder::Delete { infohash: release(1) }]);
    assert_eq!(alice.must(Command::Ledger { by: LedgerBy::Release }), before, "what was given was given");
    assert_eq!(alice.ask(cancel(1, false)).expect_err("gone").fault, Fault::NotFound);
    alice.feed(Input::Torrent(TorrentEvent::Finished { infohash: release(2), content: "/usual/two".into() }));
    assert_eq!(alice.ask(cancel(2, true)).expect_err("whole works are kept").code, "complete");
    alice.must(cancel(2, false));
    assert_eq!(alice.torrent_orders(), [TorrentOrder::Stop { infohash: release(2) }]);
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: true });
    assert!(alice.torrent_orders().is_empty(), "nor after a restart");
}

#[test]
fn what_i_publish_is_not_cancelled_but_retracted() {
    let mut alice = person("alice");
    alice.list(bunny(), 1);
    alice.torrent_orders();
    let error = alice.ask(Command::Cancel { infohash: release(1), delete: false }).expect_err("published");
    assert_eq!((error.fault, error.code), (Fault::Refused, "published"));
    assert!(alice.torrent_orders().is_empty());
}

#[test]
fn asking_twice_orders_once() {
    let mut alice = person("alice");
    let get = || Command::Get {
        what: Wanted::Release(release(1)),
        to: None,
        anyway: false,
        choice: heirloom_core::command::Choice::default(),
    };
    alice.must(get());
    alice.must(get());
    assert_eq!(alice.torrent_orders().len(), 1);
}

#[test]
fn the_bookings_of_a_release_add_up_to_its_size_over_restarts() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    let named = Some(format!("heirloom/0.1.0 {}", bob.key().to_multibase()));
    let piece = |piece: u32| {
        let shares = vec![
            Share { address: [10, 0, 0, 1].into(), wire_name: named.clone(), bytes: 60 },
            Share { address: [10, 0, 0, 2].into(), wire_name: Some("libtorrent/2.1".into()), bytes: 40 },
        ];
        Input::Torrent(TorrentEvent::Received { infohash: release(1), piece, shares })
    };
    for index in 0..5 {
        alice.feed(piece(index));
    }
    alice.restart();
    // After a restart the session checks again and may report what was reported before.
    for index in 3..10 {
        alice.feed(piece(index));
        alice.feed(piece(index));
    }
    let rows = alice.ledger(LedgerBy::Release);
    let seen: Vec<_> = rows.iter().map(|row| (row.key, row.verified_bytes)).collect();
    assert_eq!(seen, [(Some(bob.key()), 600), (None, 400)]);
    assert_eq!(alice.ledger(LedgerBy::Address).len(), 2);
}

#[test]
fn a_name_shown_on_the_wire_is_no_weapon() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    // Mallory uploads a fake and shows Bob's key.
    alice.accept(&signer("mallory").says(1, START, &listing(bunny(), 1)));
    alice.receive(1, 0, Some(bob.key()), 1000);
    alice.judge(1, heirloom_proto::body::Opinion::Fake);
    assert!(alice.trust_of(bob.key()).is_none_or(|row| row.score >= 0.0), "nothing is held against Bob");
}

#[test]
fn what_is_in_a_torrent_is_compared_with_its_listing_once_it_is_known() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    let record = Work::new(bunny(), "Big Buck Bunny".into(), Some(2008), WorkKind::Film);
    alice.accept(&bob.says(1, START, &Body::Work(record)));
    // Of a magnet nobody said what is in it.
    alice.accept(&bob.says(2, START, &listing(bunny(), 1)));
    let get = |anyway| Command::Get {
        what: Wanted::Release(release(1)),
        to: None,
        anyway,
        choice: heirloom_core::command::Choice::default(),
    };
    alice.must(get(false));
    alice.torrent_orders();
    let metadata = |files: &[(&str, u64)]| {
        let files = files.iter().map(|(path, size)| ((*path).to_owned(), *size)).collect();
        Input::Torrent(TorrentEvent::Metadata { infohash: release(1), files })
    };
    alice.feed(metadata(&[("film.mp4", 990), ("readme.txt", 10)]));
    assert!(alice.torrent_orders().is_empty() && alice.show(bunny()).releases[0].flags.is_empty());
    alice.feed(metadata(&[("film.mp4", 990), ("codec.exe", 10)]));
    let [TorrentOrder::Refuse { infohash, error }] = &alice.torrent_orders()[..] else { panic!("it is fetched on") };
    assert_eq!((*infohash, error.code, error.fault), (release(1), "unsafe", Fault::Refused));
    assert_eq!(alice.show(bunny()).releases[0].flags[0].name(), "program", "and whoever looks at it sees why");
    assert_eq!(alice.ask(get(false)).expect_err("unsafe").code, "unsafe");
    assert!(alice.torrent_orders().is_empty());
    // Whoever knows it gets it, also after a restart.
    alice.must(get(true));
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: true });
    assert_eq!(alice.torrent_orders().len(), 1);
    alice.feed(metadata(&[("film.mp4", 990), ("codec.exe", 10)]));
    assert!(alice.torrent_orders().is_empty());
}

#[test]
fn files_that_are_not_those_of_the_listing_are_flagged() {
    let mut alice = person("alice");
    alice.list(sintel(), 2);
    assert!(alice.show(sintel()).releases[0].flags.is_empty());
    let files = vec![("other.mp4".to_owned(), 1000)];
    alice.feed(Input::Torrent(TorrentEvent::Metadata { infohash: release(2), files }));
    let flags: Vec<_> = alice.show(sintel()).releases[0].flags.iter().map(|flag| flag.name()).collect();
    assert_eq!(flags, ["other_file"]);
}
