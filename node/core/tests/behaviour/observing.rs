//! Figures of other clients: weak evidence, beside the ledger.

use crate::rig::*;
use heirloom_core::command::{Choice, Command, Fault, Reply, Wanted};
use heirloom_core::io::{Input, Share, TorrentEvent};
use heirloom_core::observed::{Client, Figure, SWARMS_MAX, Source, Swarm, WEAK_BYTES_MAX, WEAK_PART};
use heirloom_core::views::{LedgerBy, Observation, Origin};
use heirloom_graph::Band;
use heirloom_proto::body::{Level, Opinion, Scope, Work, WorkKind};
use heirloom_proto::{Body, Key};
use std::net::{IpAddr, SocketAddr};

const GIB: u64 = 1 << 30;

fn source(last: u8, key: Option<Key>, bytes: u64) -> Source {
    Source {
        address: SocketAddr::from(([10, 0, 0, last], 6881)),
        client_name: key.map(|key| format!("heirloom/0.1.0 {}", key.to_multibase())),
        is_web_seed: false,
        figure: Figure::Connection(bytes),
    }
}

fn whole(number: u8, sources: Vec<Source>) -> Swarm {
    let size = sources.iter().map(|source| match source.figure {
        Figure::Connection(bytes) => bytes,
        Figure::Rate(_) => 0,
    });
    let size = size.sum();
    Swarm { infohash: release(number), size, verified: size, downloaded: size, wasted: 0, sources }
}

fn observe(person: &mut Person, swarms: Vec<Swarm>, is_dry: bool) -> Observation {
    match person.must(Command::Observe { client: Client::Qbittorrent, swarms, is_dry }) {
        Reply::Observed(seen) => *seen,
        other => panic!("{other:?}"),
    }
}

fn seed_score(person: &mut Person, of: Key) -> (f64, f64, Band) {
    match person.must(Command::Trust { scope: Scope::Seed, limit: 100 }) {
        Reply::Trust(rows) => {
            let row = rows.iter().find(|row| row.key == of);
            row.map_or((0.0, 0.0, Band::Unknown), |row| (row.score, row.support, row.band))
        }
        other => panic!("{other:?}"),
    }
}

fn measured(person: &mut Person, number: u8, index: u32, key: Key, bytes: u64) {
    let wire_name = Some(format!("heirloom/0.1.0 {}", key.to_multibase()));
    let shares = vec![Share { address: IpAddr::from([10, 0, 0, 7]), wire_name, bytes }];
    person.feed(Input::Torrent(TorrentEvent::Received { infohash: release(number), piece: index, shares }));
}

#[test]
fn figures_stand_beside_the_ledger_and_say_where_they_come_from() {
    let (mut alice, bob) = (person("alice"), signer("bob").key());
    let look = || vec![whole(1, vec![source(1, Some(bob), GIB), source(2, None, GIB)])];
    let seen = observe(&mut alice, look(), true);
    assert_eq!((seen.booked.len(), seen.is_dry), (2, true));
    assert!(alice.ledger(LedgerBy::Key).is_empty(), "a dry run writes nothing");
    assert_eq!(observe(&mut alice, look(), false).booked.iter().map(|row| row.bytes).sum::<u64>(), 2 * GIB);
    assert!(observe(&mut alice, look(), false).booked.is_empty());
    measured(&mut alice, 2, 0, bob, 1000);
    let rows = alice.ledger(LedgerBy::Key);
    let told: Vec<_> = rows.iter().map(|row| (row.key, row.verified_bytes, row.source)).collect();
    let weak = Origin::Client(Client::Qbittorrent);
    assert_eq!(told, [(Some(bob), GIB, weak), (None, GIB, weak), (Some(bob), 1000, Origin::Measured)]);
    match alice.must(Command::Trust { scope: Scope::Seed, limit: 10 }) {
        Reply::Trust(rows) => {
            let row = rows.iter().find(|row| row.key == bob).expect("bob");
            assert_eq!(row.verified_bytes, 1000, "only what was measured here is called verified");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn weak_evidence_counts_a_part_in_scope_seed_alone_and_admits_nobody() {
    let (bob, carol) = (signer("bob").key(), signer("carol").key());
    let mut weak = person("weak");
    observe(&mut weak, vec![whole(1, vec![source(1, Some(bob), GIB)])], false);
    let mut strong = person("strong");
    measured(&mut strong, 1, 0, carol, GIB / WEAK_PART);
    let (by_weak, by_strong) = (seed_score(&mut weak, bob), seed_score(&mut strong, carol));
    assert!((by_weak.0 - by_strong.0).abs() < 1e-9 && by_weak.0 > 0.0, "{by_weak:?} {by_strong:?}");
    assert!(!matches!(by_weak.2, Band::Trusted | Band::Vouched), "{by_weak:?}");
    match weak.must(Command::Trust { scope: Scope::Catalogue, limit: 10 }) {
        Reply::Trust(rows) => assert!(rows.iter().all(|row| row.key != bob || row.score.abs() < 1e-9), "{rows:?}"),
        other => panic!("{other:?}"),
    }
    match weak.must(Command::Why { subject: heirloom_core::command::Subject::Key(bob), scope: Scope::Seed }) {
        Reply::Why(why) => assert!(why.because.iter().any(|because| because.kind == "weak_evidence"), "{why:?}"),
        other => panic!("{other:?}"),
    }
    weak.must(Command::Verdict { infohash: release(1), opinion: Opinion::Fake, note: String::new(), private: true });
    assert!(seed_score(&mut weak, bob).0.abs() < 1e-9, "bytes of a fake count for nobody");
    assert!(weak.ledger(LedgerBy::Key).is_empty());
}

#[test]
fn many_weak_bytes_count_no_more_than_their_cap() {
    let (bob, carol) = (signer("bob").key(), signer("carol").key());
    let mut alice = person("alice");
    let swarms = |count: u8, key: Key, from: u8| {
        (0..count).map(|number| whole(number + from, vec![source(1, Some(key), 40 * GIB)])).collect::<Vec<_>>()
    };
    observe(&mut alice, swarms(1, bob, 0), false);
    observe(&mut alice, swarms(30, carol, 40), false);
    let (one, many) = (seed_score(&mut alice, bob).0, seed_score(&mut alice, carol).0);
    let mut capped = person("capped");
    measured(&mut capped, 1, 0, bob, WEAK_BYTES_MAX);
    assert!((many - one).abs() < 1e-9, "{one} {many}");
    assert!((one - seed_score(&mut capped, bob).0).abs() < 1e-9);
}

#[test]
fn an_address_without_a_name_that_shows_a_key_later_can_be_linked() {
    let (mut alice, bob) = (person("alice"), signer("bob").key());
    observe(&mut alice, vec![whole(1, vec![source(1, None, GIB)])], false);
    alice.leap(DAY);
    observe(&mut alice, vec![whole(2, vec![source(1, Some(bob), 4096)])], false);
    let rows = alice.ledger(LedgerBy::Key);
    let nameless = rows.iter().find(|row| row.key.is_none()).expect("a row without a key");
    assert_eq!(nameless.offered, [bob]);
    let before = seed_score(&mut alice, bob).0;
    alice.must(Command::Link { address: IpAddr::from([10, 0, 0, 1]), key: Some(bob) });
    let after = seed_score(&mut alice, bob).0;
    assert!(after > before, "{before} {after}");
    let mut weak = person("weak");
    observe(&mut weak, vec![whole(1, vec![source(1, Some(bob), GIB)])], false);
    assert!(after < seed_score(&mut weak, bob).0, "what showed no name counts for less than what did");
}

#[test]
fn a_restart_books_nothing_twice() {
    let (mut alice, bob) = (person("alice"), signer("bob").key());
    let look = |total| {
        vec![Swarm { size: GIB, verified: total, downloaded: total, ..whole(1, vec![source(1, Some(bob), total)]) }]
    };
    observe(&mut alice, look(1000), false);
    alice.restart();
    assert!(observe(&mut alice, look(1000), false).booked.is_empty());
    assert_eq!(observe(&mut alice, look(1500), false).booked[0].bytes, 500);
}

#[test]
fn too_much_at_once_is_refused() {
    let mut alice = person("alice");
    let swarms = vec![whole(1, vec![]); SWARMS_MAX + 1];
    let error =
        alice.ask(Command::Observe { client: Client::Transmission, swarms, is_dry: false }).expect_err("too many");
    assert_eq!((error.fault, error.code), (Fault::BadInput, "too_much_at_once"));
}

#[test]
fn what_is_handed_off_passes_the_checks_of_get() {
    let mut alice = person("alice");
    let hand_off = |anyway| Command::HandOff { what: Wanted::Release(release(1)), anyway, choice: Choice::default() };
    match alice.must(hand_off(false)) {
        Reply::HandingOff(to) => assert_eq!(to.infohash, release(1)),
        other => panic!("{other:?}"),
    }
    alice.must(Command::Verdict {
        infohash: release(1),
        opinion: Opinion::Malware,
        note: String::new(),
        private: true,
    });
    assert_eq!(alice.ask(hand_off(false)).expect_err("malware").fault, Fault::Refused);
    alice.ask(hand_off(true)).expect("the owner insists");
}

#[test]
fn of_a_pack_that_was_handed_off_the_files_of_an_episode_are_named() {
    let mut alice = person("alice");
    let files: Vec<(String, u64)> =
        ["Show.S01E01.mkv", "Show.S01E02.mkv", "", "Show.S01E02.srt"].map(|path| (path.to_owned(), 10)).into();
    let of = |pick: &str| Command::HandedFiles {
        infohash: release(1),
        pick: pick.parse().expect("an episode"),
        files: files.clone(),
    };
    match alice.must(of("s01e02")) {
        Reply::HandedFiles(found) => assert!(found.contains(&1) && !found.contains(&0), "{found:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(alice.ask(of("s04e01")).expect_err("it is not inside").fault, Fault::NotFound);
}

#[test]
fn what_turns_out_to_be_unsafe_at_a_client_is_refused_there() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    let record = Work::new(bunny(), "Big Buck Bunny".into(), Some(2008), WorkKind::Film);
    alice.accept(&bob.says(1, START, &Body::Work(record)));
    alice.accept(&bob.says(2, START, &listing(bunny(), 1)));
    let handed = |person: &mut Person, anyway| {
        let url = "http://127.0.0.1:8080".to_owned();
        person.must(Command::HandedOff { infohash: release(1), client: Client::Qbittorrent, url, anyway });
        let files = vec![("film/film.mp4.exe".to_owned(), 1000)];
        match person.must(Command::LookInto { infohash: release(1), files }) {
            Reply::Handed(rows) => rows[0].1.clone(),
            other => panic!("{other:?}"),
        }
    };
    let refused = handed(&mut alice, false);
    assert!(refused.is_looked_into && refused.refused.contains("film.mp4.exe"), "{refused:?}");
    assert_eq!(handed(&mut alice, true).refused, "");
    let files = vec![("film.mp4".to_owned(), 1)];
    let unknown = alice.ask(Command::LookInto { infohash: release(9), files }).expect_err("never handed off");
    assert_eq!(unknown.fault, Fault::NotFound);
}
