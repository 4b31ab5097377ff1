//! Archives: made by whom, fetched and kept by whom, and what is refused.

use crate::rig::*;
use crate::syncing::{is_whole, meet, talk, talk_through};
use heirloom_core::archives::{
    AGE_MAX, ARCHIVE_AT, FETCHES_MAX, FIND_MAX, GRACE, KEPT_BYTES_MAX, PERIOD, QUIET, QUIET_WAIT_MAX, REST, WAIT_MAX,
};
use heirloom_core::command::{Command, Wanted};
use heirloom_core::io::{ArchiveEvent, ArchiveFault, ArchiveOrder, Input, OrderId, Share, TorrentEvent};
use heirloom_core::views::{Archive, ArchiveState, LedgerBy, Source};
use heirloom_core::{Reply, sync};
use heirloom_proto::archive::{ARCHIVE_BYTES_MAX, Log};
use heirloom_proto::body::{Head, Level, Opinion, Profile};
use heirloom_proto::statement_file::{MAGIC, Reader, end, record};
use heirloom_proto::sync::Request;
use heirloom_proto::{Body, Infohash, Key, Kind, Sha256, Statement, Timestamp, Verified};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Statements in a part of a file: several parts for every log here.
const PART: usize = 100;

/// Every disk and every torrent: files by infohash, which is made of the file.
#[derive(Default)]
struct Desk {
    files: BTreeMap<Infohash, Vec<u8>>,
    writing: BTreeMap<(String, OrderId), Vec<u8>>,
    counts: BTreeMap<(String, OrderId), u64>,
    reading: BTreeMap<(String, OrderId), Vec<Vec<u8>>>,
    /// Who seeds what, and whether by name.
    seeds: BTreeMap<(String, Infohash), bool>,
    /// Fetches in order.
    fetched: Vec<Infohash>,
    /// Nobody answers a fetch.
    is_empty: bool,
}

fn infohash_of(file: &[u8]) -> Infohash {
    Infohash(Sha256::of(file).0[..20].try_into().expect("20 of 32 bytes"))
}

fn envelopes_in(file: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new();
    reader.push(file);
    let all: Vec<Vec<u8>> = std::iter::from_fn(|| reader.next_envelope().expect("a statement file")).collect();
    assert_eq!(reader.finish(), Ok(all.len() as u64), "whole");
    all
}

fn file_of(envelopes: &[Vec<u8>]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    envelopes.iter().for_each(|envelope| file.extend(record(envelope).expect("it fits")));
    file.extend(end(envelopes.len() as u64));
    file
}

impl Desk {
    /// Lays a file down that somebody else seeds, and gives what a head says of it.
    fn lay(&mut self, file: Vec<u8>) -> (Infohash, Sha256) {
        let named = (infohash_of(&file), Sha256::of(&file));
        self.files.insert(named.0, file);
        named
    }

    /// Carries out what a person ordered, until nothing is left.
    fn serve(&mut self, person: &mut Person) {
        loop {
            let orders = person.archive_orders();
            if orders.is_empty() {
                return;
            }
            for order in orders {
                self.carry_out(person, order);
            }
        }
    }

    fn carry_out(&mut self, person: &mut Person, order: ArchiveOrder) {
        let name = person.name.clone();
        let mut answer = |event| person.feed(Input::Archive(event));
        match order {
            ArchiveOrder::Tidy { keep } => self.seeds.retain(|(of, hash), _| *of != name || keep.contains(hash)),
            ArchiveOrder::Write { order, .. } => {
                self.writing.insert((name, order), MAGIC.to_vec());
                answer(ArchiveEvent::Wants { order });
            }
            ArchiveOrder::Append { order, envelopes, is_end } => {
                let place = (name, order);
                let file = self.writing.get_mut(&place).expect("begun");
                envelopes.iter().for_each(|envelope| file.extend(record(envelope).expect("it fits")));
                *self.counts.entry(place.clone()).or_default() += envelopes.len() as u64;
                if !is_end {
                    return answer(ArchiveEvent::Wants { order });
                }
                let mut file = self.writing.remove(&place).expect("begun");
                file.extend(end(self.counts[&place]));
                let bytes = file.len() as u64;
                let (infohash, sha256) = self.lay(file);
                answer(ArchiveEvent::Written { order, infohash, sha256, bytes });
            }
            ArchiveOrder::Fetch { order, infohash, .. } => {
                self.fetched.push(infohash);
                let Some(file) = self.files.get(&infohash).filter(|_| !self.is_empty) else { return };
                let (bytes, sha256) = (file.len() as u64, Sha256::of(file));
                self.reading.insert((name.clone(), order), envelopes_in(file));
                self.seeds.insert((name, infohash), false);
                answer(ArchiveEvent::Begun { order, bytes });
                answer(ArchiveEvent::Fetched { order, sha256, bytes });
            }
            ArchiveOrder::Read { order } => {
                let rest = self.reading.get_mut(&(name, order)).expect("fetched");
                let envelopes = rest.drain(..PART.min(rest.len())).collect();
                let is_end = rest.is_empty();
                answer(ArchiveEvent::Part { order, envelopes, is_end });
            }
            ArchiveOrder::Seed { infohash, named, .. } => {
                self.seeds.insert((name, infohash), named);
            }
            ArchiveOrder::Drop { infohash } => {
                self.seeds.remove(&(name, infohash));
            }
        }
    }

    /// Whether somebody seeds it: by name, anonymously, or not at all.
    fn seeds(&self, person: &Person, infohash: Infohash) -> Option<bool> {
        self.seeds.get(&(person.name.clone(), infohash)).copied()
    }
}

/// Lets time pass, with a DHT that has room for everything.
fn elapse(person: &mut Person, desk: &mut Desk, span: Duration) {
    let end = person.mono + span;
    let mut shelf = Shelf::default();
    loop {
        person.settle(&mut shelf);
        desk.serve(person);
        let next = person.service().next_wakeup().unwrap_or(end).max(person.mono);
        if next >= end {
            break;
        }
        person.leap(next - person.mono);
    }
    person.leap(end - person.mono);
    person.settle(&mut shelf);
    desk.serve(person);
}

/// Says so many things of people whom nobody knows.
fn talks(person: &mut Person, from: usize, to: usize) {
    for number in from..to {
        person.attest(signer(&format!("friend {number}")).key(), Level::LOW);
    }
}

/// A curator with a log of so many statements, the profile among them, some time after the last of them.
fn curator(count: usize, desk: &mut Desk) -> Person {
    let mut alice = online("alice");
    talks(&mut alice, 1, count);
    elapse(&mut alice, desk, MINUTE);
    alice
}

fn head(person: &mut Person) -> Verified<Statement> {
    person.pushed_of(Kind::Head).pop().expect("a head is pushed")
}

fn archive_in(head: &Statement) -> Option<(Infohash, Sha256)> {
    match head.body() {
        Body::Head(head) => head.archive,
        other => panic!("{other:?}"),
    }
}

fn rows(person: &mut Person) -> Vec<Archive> {
    person.status().archives
}

fn state_of(person: &mut Person, infohash: Infohash) -> Option<ArchiveState> {
    rows(person).into_iter().find(|row| row.infohash == Some(infohash)).map(|row| row.state)
}

/// Somebody who follows a key.
fn follower(name: &str, of: Key) -> Person {
    let mut person = online(name);
    person.follow(of, Level::HIGH);
    person.archive_orders();
    person
}

/// A log that was signed by hand, ascending.
fn log(name: &str, count: u64) -> Vec<Verified<Statement>> {
    let curator = signer(name);
    (1..=count)
        .map(|seq| curator.says(seq, START, &attestation(signer(&format!("friend {seq}")).key(), Level::LOW)))
        .collect()
}

fn bytes_of(statements: &[Verified<Statement>]) -> Vec<Vec<u8>> {
    statements.iter().map(|statement| statement.bytes().to_vec()).collect()
}

/// A head over such a log.
fn head_over(
    name: &str,
    seq: u64,
    at: Timestamp,
    log: &[Verified<Statement>],
    archive: Option<(Infohash, Sha256)>,
) -> Verified<Statement> {
    let live: BTreeSet<_> = log.iter().map(|statement| statement.id()).collect();
    let body = Head { live_count: live.len() as u64, live_root: Head::root_of(&live), archive };
    signer(name).says(seq, at, &Body::Head(body))
}

fn fetch_order(person: &mut Person) -> Option<(OrderId, Infohash)> {
    person.archive_orders().into_iter().find_map(|order| match order {
        ArchiveOrder::Fetch { order, infohash, .. } => Some((order, infohash)),
        _ => None,
    })
}

// ---- the owner

#[test]
fn a_long_log_is_archived_once_its_owner_is_quiet_and_the_next_head_says_so() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    talks(&mut alice, 1, ARCHIVE_AT);
    elapse(&mut alice, &mut desk, MINUTE);
    assert_eq!(archive_in(&head(&mut alice)), None, "not for so few");
    assert!(desk.files.is_empty());
    talks(&mut alice, ARCHIVE_AT, ARCHIVE_AT + 1);
    elapse(&mut alice, &mut desk, QUIET - SECOND);
    assert!(desk.files.is_empty(), "there may be more to come");
    elapse(&mut alice, &mut desk, 5 * SECOND);
    let named = archive_in(&head(&mut alice)).expect("named");
    let file = &desk.files[&named.0];
    assert_eq!(Sha256::of(file), named.1);
    assert_eq!(desk.seeds(&alice, named.0), Some(true), "under the owner's name");
    let mut log = Log::of(alice.key());
    let all = envelopes_in(file);
    assert_eq!(all.len(), ARCHIVE_AT + 1);
    all.iter().for_each(|envelope| assert!(log.take(envelope).expect("in the form of an archive").is_some()));
    let own: Vec<Archive> = rows(&mut alice);
    assert_eq!(own.len(), 1);
    assert!(own[0].is_own && own[0].state == ArchiveState::Seeding && own[0].bytes == file.len() as u64);
    assert_eq!(own[0].statements, all.len() as u64);
}

#[test]
fn what_is_private_is_in_no_archive() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    let (infohash, note) = (release(9), String::new());
    alice.signed(Command::Verdict { infohash, opinion: Opinion::Fake, note, private: true });
    talks(&mut alice, 1, 300);
    elapse(&mut alice, &mut desk, MINUTE);
    let (named, _) = archive_in(&head(&mut alice)).expect("named");
    assert_eq!(envelopes_in(&desk.files[&named]).len(), 300, "299 and the profile");
}

/// Most followers hold another proof and refuse this one: they could not make the file, nor would a log with it be whole.
#[test]
fn a_proof_is_in_no_archive() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    talks(&mut alice, 1, 300);
    let words = [1, 2].map(|next| {
        let (name, url) = ("Janus".to_owned(), String::new());
        let body = Body::Profile(Profile { name, url, next_key_hash: Sha256([next; 32]) });
        signer("janus").says(START.0 + u64::from(next), START, &body)
    });
    alice.accept(&words[0]);
    alice.ignore(&words[1], "contradicts");
    assert_eq!(alice.pushed_of(Kind::DuplicityProof).len(), 1);
    elapse(&mut alice, &mut desk, MINUTE);
    let said = head(&mut alice);
    let (named, sha256) = archive_in(&said).expect("named");
    let file = &desk.files[&named];
    assert_eq!(Sha256::of(file), sha256);
    let live: BTreeSet<_> = envelopes_in(file)
        .iter()
        .map(|bytes| heirloom_proto::statement::verify(bytes).expect("it holds"))
        .inspect(|statement| assert_ne!(statement.kind(), Kind::DuplicityProof))
        .map(|statement| statement.id())
        .collect();
    assert_eq!(live.len(), 300, "299 and the profile");
    let Body::Head(body) = said.body() else { panic!("{said:?}") };
    assert_eq!((body.live_count, body.live_root), (300, Head::root_of(&live)));
}

#[test]
fn who_never_rests_is_archived_all_the_same() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    talks(&mut alice, 0, ARCHIVE_AT + 1);
    for number in 0..QUIET_WAIT_MAX.as_secs() / 5 {
        assert!(desk.files.is_empty());
        elapse(&mut alice, &mut desk, 5 * SECOND);
        let number = usize::try_from(number).expect("small");
        talks(&mut alice, 1000 + number, 1001 + number);
    }
    elapse(&mut alice, &mut desk, QUIET + 5 * SECOND);
    assert_eq!(alice.count("archive_written"), 1);
}

#[test]
fn an_archive_is_made_anew_when_much_has_changed_and_not_too_often() {
    let mut desk = Desk::default();
    let mut alice = curator(320, &mut desk);
    let (first, _) = archive_in(&head(&mut alice)).expect("named");
    // A tenth more.
    talks(&mut alice, 400, 432);
    elapse(&mut alice, &mut desk, 2 * PERIOD);
    assert_eq!(alice.count("archive_written"), 1, "sync brings so little");
    let said = head(&mut alice);
    assert_eq!(archive_in(&said).map(|(hash, _)| hash), Some(first), "it is named on");
    talks(&mut alice, 500, 520);
    elapse(&mut alice, &mut desk, MINUTE);
    assert_eq!(alice.count("archive_written"), 2, "an eighth");
    let (second, _) = archive_in(&head(&mut alice)).expect("named");
    assert_ne!(first, second);
    assert_eq!((desk.seeds(&alice, first), desk.seeds(&alice, second)), (Some(true), Some(true)), "for a while");
    assert_eq!(state_of(&mut alice, first), Some(ArchiveState::Superseded));
    talks(&mut alice, 600, 700);
    elapse(&mut alice, &mut desk, PERIOD - 3 * MINUTE);
    assert_eq!(alice.count("archive_written"), 2, "once an hour at most");
    elapse(&mut alice, &mut desk, 2 * GRACE + 3 * MINUTE);
    assert_eq!(alice.count("archive_written"), 3);
    assert_eq!(desk.seeds(&alice, first), None, "its time is over");
    // One statement alone, after a week.
    talks(&mut alice, 800, 801);
    elapse(&mut alice, &mut desk, AGE_MAX + 2 * HOUR);
    assert_eq!(alice.count("archive_written"), 4);
    elapse(&mut alice, &mut desk, 2 * AGE_MAX);
    assert_eq!(alice.count("archive_written"), 4, "nothing was said since");
}

#[test]
fn a_log_that_became_short_has_no_archive_any_longer() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    for number in 0..300 {
        alice.signed(Command::Attest {
            subject: signer(&format!("friend {number}")).key(),
            level: Level::LOW,
            scope: heirloom_proto::body::Scope::All,
            reason: String::new(),
            lifetime: Some(DAY),
            private: false,
        });
    }
    elapse(&mut alice, &mut desk, MINUTE);
    let (named, _) = archive_in(&head(&mut alice)).expect("named");
    elapse(&mut alice, &mut desk, DAY + 2 * HOUR);
    assert_eq!(archive_in(&head(&mut alice)), None, "all of it has expired");
    elapse(&mut alice, &mut desk, GRACE + HOUR);
    assert_eq!(desk.seeds(&alice, named), None);
}

#[test]
fn after_a_restart_the_archive_is_seeded_and_named_on() {
    let mut desk = Desk::default();
    let mut alice = curator(300, &mut desk);
    let (named, _) = archive_in(&head(&mut alice)).expect("named");
    alice.restart();
    alice.start();
    let orders = alice.archive_orders();
    assert!(orders.contains(&ArchiveOrder::Tidy { keep: vec![named] }), "{orders:?}");
    assert!(orders.contains(&ArchiveOrder::Seed { infohash: named, author: alice.key(), named: true }), "{orders:?}");
    elapse(&mut alice, &mut desk, MINUTE);
    talks(&mut alice, 900, 901);
    elapse(&mut alice, &mut desk, MINUTE);
    assert_eq!(archive_in(&head(&mut alice)).map(|(hash, _)| hash), Some(named));
    assert_eq!(alice.count("archive_written"), 0, "it was there");
}

#[test]
fn a_crash_between_the_file_and_the_head_is_made_good() {
    let mut desk = Desk::default();
    let mut alice = curator(ARCHIVE_AT, &mut desk);
    talks(&mut alice, 900, 902);
    alice.pushed();
    // The head that names it has not left: the one before is younger than the shortest time between two.
    elapse(&mut alice, &mut desk, QUIET - SECOND);
    let order = loop {
        let next = alice.service().next_wakeup().expect("something is due");
        alice.leap(next.saturating_sub(alice.mono));
        alice.feed(Input::Wake);
        let orders = alice.archive_orders();
        if let Some(ArchiveOrder::Write { order, .. }) = orders.first() {
            break *order;
        }
    };
    alice.feed(Input::Archive(ArchiveEvent::Wants { order }));
    let Some(ArchiveOrder::Append { envelopes, is_end, .. }) = alice.archive_orders().pop() else { panic!("no part") };
    assert!(is_end);
    let (infohash, sha256) = desk.lay(file_of(&envelopes));
    alice.feed(Input::Archive(ArchiveEvent::Written { order, infohash, sha256, bytes: 1 }));
    alice.restart();
    alice.start();
    // Hundreds of statements wait to be pushed: the head goes before them.
    elapse(&mut alice, &mut desk, SECOND);
    assert_eq!(archive_in(&head(&mut alice)), Some((infohash, sha256)));
}

#[test]
fn a_file_that_cannot_be_written_is_tried_again_later_and_one_that_is_lost_at_once() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    talks(&mut alice, 0, 300);
    alice.elapse(MINUTE);
    let Some(ArchiveOrder::Write { order, .. }) = alice.archive_orders().pop() else { panic!("no file") };
    alice.feed(Input::Archive(ArchiveEvent::NotWritten { order }));
    assert_eq!(alice.count("archive_not_written"), 1);
    alice.elapse(PERIOD / 2);
    assert!(alice.archive_orders().is_empty(), "the disk is still full");
    elapse(&mut alice, &mut desk, PERIOD);
    let (named, _) = archive_in(&head(&mut alice)).expect("named");
    alice.feed(Input::Archive(ArchiveEvent::Lost { infohash: named }));
    elapse(&mut alice, &mut desk, MINUTE);
    assert_eq!(alice.count("archive_written"), 2);
    assert_eq!(desk.seeds(&alice, named), Some(true), "equal content is an equal file");
}

#[test]
fn a_silent_disk_keeps_no_archive_waiting_for_ever() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    talks(&mut alice, 0, 300);
    alice.elapse(MINUTE);
    assert!(matches!(alice.archive_orders().last(), Some(ArchiveOrder::Write { .. })));
    alice.elapse(10 * MINUTE);
    assert_eq!(alice.count("archive_not_written"), 1);
    elapse(&mut alice, &mut desk, 2 * PERIOD);
    assert_eq!(alice.count("archive_written"), 1);
}

#[test]
fn without_a_dht_nothing_is_made_and_what_was_made_is_still_named() {
    let mut desk = Desk::default();
    let mut alice = person("alice");
    talks(&mut alice, 0, 300);
    alice.elapse(HOUR);
    assert_eq!(archive_in(&head(&mut alice)), None);
    assert!(alice.archive_orders().iter().all(|order| matches!(order, ArchiveOrder::Tidy { .. })));
    let mut alice = curator(300, &mut desk);
    let named = archive_in(&head(&mut alice));
    assert!(named.is_some());
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: false });
    talks(&mut alice, 900, 901);
    alice.elapse(MINUTE);
    assert_eq!(archive_in(&head(&mut alice)), named);
}

// ---- the follower

#[test]
fn a_late_follower_fetches_the_archive_first_and_syncs_only_the_rest() {
    let mut desk = Desk::default();
    let mut alice = curator(300, &mut desk);
    talks(&mut alice, 900, 903);
    elapse(&mut alice, &mut desk, 10 * SECOND);
    let said = head(&mut alice);
    let (named, _) = archive_in(&said).expect("named");
    assert!(alice.count("archive_written") == 1);

    let mut bob = online("bob");
    bob.leap(alice.mono - bob.mono);
    bob.feed(Input::Wake);
    bob.follow(alice.key(), Level::HIGH);
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    // The head comes with the session itself, and its log is left to the archive.
    let mut fetched = 0;
    talk_through(&mut bob, &mut alice, |request, response| {
        fetched += usize::from(matches!(request, Request::Fetch { .. }));
        response
    });
    assert_eq!(fetched, 0, "sync waits for the archive");
    assert_eq!(state_of(&mut bob, named), Some(ArchiveState::Fetching));
    desk.serve(&mut bob);
    assert_eq!(bob.count("archive_statements"), 300, "{:?}", bob.counters());
    assert_eq!(desk.seeds(&bob, named), Some(false), "seeded on, under no name");
    assert_eq!(state_of(&mut bob, named), Some(ArchiveState::Seeding));
    bob.elapse(2 * SECOND);
    talk(&mut bob, &mut alice);
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
    assert_eq!(bob.count("sync_pulled"), 3, "the rest and nothing else");
    assert_eq!(bob.count("sync_omitted") + bob.count("sync_incomplete"), 0);
}

#[test]
fn what_came_by_archive_says_so() {
    let mut desk = Desk::default();
    let carol = signer("carol");
    let mut all = log("carol", 200);
    all.push(carol.says(201, START, &listing(bunny(), 1)));
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", carol.key());
    bob.accept(&head_over("carol", 202, START, &all, Some(named)));
    desk.serve(&mut bob);
    let mut shelf = Shelf::default();
    let shown = bob.show_with(bunny(), &mut shelf);
    assert_eq!(shown.releases.len(), 1, "{:?}", bob.counters());
    assert_eq!(shown.releases[0].source, Source::Archive);
    assert!(is_whole(&mut bob));
    bob.restart();
    assert_eq!(bob.show(bunny()).releases[0].source, Source::Archive, "also after a restart");
}

#[test]
fn with_little_missing_sync_does_it() {
    let mut desk = Desk::default();
    let all = log("carol", 300);
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", signer("carol").key());
    bob.import(&all[..160]);
    bob.accept(&head_over("carol", 301, START, &all, Some(named)));
    assert_eq!(fetch_order(&mut bob), None, "less than half");
    let few = log("dave", 100);
    let named = desk.lay(file_of(&bytes_of(&few)));
    bob.follow(signer("dave").key(), Level::HIGH);
    bob.accept(&head_over("dave", 101, START, &few, Some(named)));
    assert_eq!(fetch_order(&mut bob), None, "less than a page or two");
}

#[test]
fn nobodys_archive_is_fetched_but_a_follows() {
    let mut desk = Desk::default();
    let all = log("carol", 300);
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = online("bob");
    bob.archive_orders();
    bob.accept(&head_over("carol", 301, START, &all, Some(named)));
    assert_eq!(bob.archive_orders(), []);
    bob.follow(signer("carol").key(), Level::LOW);
    assert_eq!(fetch_order(&mut bob).map(|(_, hash)| hash), Some(named.0), "now it is one");
}

#[test]
fn an_archive_that_nobody_has_keeps_sync_waiting_only_so_long() {
    let mut desk = Desk { is_empty: true, ..Desk::default() };
    let mut alice = curator(300, &mut desk);
    let said = head(&mut alice);
    let mut bob = online("bob");
    bob.leap(alice.mono - bob.mono);
    bob.feed(Input::Wake);
    bob.follow(alice.key(), Level::HIGH);
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    talk(&mut bob, &mut alice);
    desk.serve(&mut bob);
    assert!(!is_whole(&mut bob));
    let mut shelf = Shelf::default();
    bob.live(FIND_MAX + SECOND, &mut shelf);
    assert_eq!(bob.count("archive_late"), 1, "{:?}", bob.counters());
    talk(&mut bob, &mut alice);
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
    let (named, _) = archive_in(&said).expect("named");
    assert_eq!(desk.fetched, [named], "asked for once");
    // Having all of it, he makes it of what he has, and it is the same.
    elapse(&mut bob, &mut desk, REST + HOUR);
    assert_eq!((bob.count("archive_remade"), desk.seeds(&bob, named)), (1, Some(false)), "{:?}", bob.counters());
}

#[test]
fn a_transfer_may_take_as_long_as_its_size_says() {
    let mut desk = Desk::default();
    let all = log("carol", 300);
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", signer("carol").key());
    bob.accept(&head_over("carol", 301, START, &all, Some(named)));
    let (order, _) = fetch_order(&mut bob).expect("fetched");
    bob.feed(Input::Archive(ArchiveEvent::Begun { order, bytes: 16 << 20 }));
    let mut shelf = Shelf::default();
    bob.live(2 * FIND_MAX, &mut shelf);
    assert_eq!(bob.count("archive_late"), 0);
    bob.live(5 * MINUTE, &mut shelf);
    assert_eq!(bob.count("archive_late"), 1, "too slow");
    assert_eq!(bob.archive_orders(), [ArchiveOrder::Drop { infohash: named.0 }]);
    // What comes after that is nobody's.
    bob.feed(Input::Archive(ArchiveEvent::Fetched { order, sha256: named.1, bytes: 1 }));
    bob.feed(Input::Archive(ArchiveEvent::Part { order, envelopes: bytes_of(&all), is_end: true }));
    assert_eq!((bob.archive_orders(), bob.count("archive_statements")), (vec![], 0));
}

/// What is wrong with a file, how the driver tells, and by which name it is counted.
fn broken_archives() -> Vec<(&'static str, Vec<u8>)> {
    let good = bytes_of(&log("carol", 300));
    let foreign = log("mallory", 1)[0].bytes().to_vec();
    let own_head = head_over("carol", 1000, START, &log("carol", 3), None).bytes().to_vec();
    let mut forged = good.clone();
    *forged[150].last_mut().expect("not empty") ^= 1;
    let mut stranger = good.clone();
    stranger.insert(150, foreign);
    let mut backwards = good.clone();
    backwards.swap(150, 151);
    let twice = [&good[..150], &good[149..]].concat();
    let headed = [&good[..], &[own_head]].concat();
    let junk = [&good[..10], &[vec![1, 2, 3]]].concat();
    vec![
        ("archive_invalid", file_of(&forged)),
        ("archive_invalid", file_of(&junk)),
        ("archive_foreign", file_of(&stranger)),
        ("archive_not_ascending", file_of(&backwards)),
        ("archive_not_ascending", file_of(&twice)),
        ("archive_head", file_of(&headed)),
    ]
}

/// After a refusal: not asked for again, not even after a restart; another one is, and good statements were taken.
#[track_caller]
fn is_refused(mut bob: Person, counter: &str, broken: (Infohash, Sha256), desk: &mut Desk) {
    assert_eq!((bob.count(counter), bob.count("archive_refused")), (1, 1), "{counter}: {:?}", bob.counters());
    let orders = bob.archive_orders();
    assert_eq!(orders, [], "nothing more is wanted: {orders:?}");
    assert_eq!(desk.seeds(&bob, broken.0), None, "not seeded on");
    assert_eq!(state_of(&mut bob, broken.0), Some(ArchiveState::Refused));
    let all = log("carol", 700);
    let good = desk.lay(file_of(&bytes_of(&all)));
    let again = |number: u64, at: Timestamp, named| head_over("carol", number, at, &all, Some(named));
    let now = bob.wall;
    bob.accept(&again(2000, now, broken));
    assert_eq!(fetch_order(&mut bob), None);
    bob.restart();
    bob.start();
    bob.settle(&mut Shelf::default());
    assert_eq!(fetch_order(&mut bob), None, "{counter}");
    let at = now.plus(REST);
    bob.leap(REST);
    bob.accept(&again(2001, at, good));
    desk.serve(&mut bob);
    let follows = bob.must(Command::Follows);
    assert!(is_whole(&mut bob), "{counter}: {follows:?} {:?}", bob.counters());
    assert_eq!(state_of(&mut bob, broken.0), None, "forgotten with the head that named it");
    assert_eq!(desk.seeds(&bob, good.0), Some(false));
}

#[test]
fn an_archive_that_is_not_its_authors_log_is_refused_and_not_asked_for_again() {
    for (counter, file) in broken_archives() {
        let mut desk = Desk::default();
        let broken = desk.lay(file);
        let mut bob = follower("bob", signer("carol").key());
        bob.accept(&head_over("carol", 1001, START, &log("carol", 300), Some(broken)));
        desk.serve(&mut bob);
        assert!(bob.count("archive_statements") < 301, "what came before stands for itself");
        assert_eq!(bob.trust_of(signer("mallory").key()), None, "others' statements are not taken from it");
        is_refused(bob, counter, broken, &mut desk);
    }
}

#[test]
fn an_archive_that_is_not_what_the_head_says_is_refused() {
    let all = log("carol", 300);
    let file = file_of(&bytes_of(&all));
    let named = (infohash_of(&file), Sha256::of(b"another file"));
    let faults: [(&str, Box<dyn Fn(OrderId) -> ArchiveEvent>); 5] = [
        (
            "archive_wrong_hash",
            Box::new(move |order| ArchiveEvent::Fetched { order, sha256: Sha256([7; 32]), bytes: 9 }),
        ),
        (
            "archive_wrong_hash",
            Box::new(move |order| ArchiveEvent::Fetched { order, sha256: named.1, bytes: ARCHIVE_BYTES_MAX + 1 }),
        ),
        ("archive_not_one", Box::new(|order| ArchiveEvent::Begun { order, bytes: ARCHIVE_BYTES_MAX + 1 })),
        ("archive_not_one", Box::new(|order| ArchiveEvent::NotFetched { order, fault: ArchiveFault::NotAnArchive })),
        ("archive_damaged", Box::new(|order| ArchiveEvent::NotFetched { order, fault: ArchiveFault::Damaged })),
    ];
    for (counter, fault) in faults {
        let mut desk = Desk::default();
        let mut bob = follower("bob", signer("carol").key());
        bob.accept(&head_over("carol", 1001, START, &all, Some(named)));
        let (order, _) = fetch_order(&mut bob).expect("fetched");
        bob.feed(Input::Archive(fault(order)));
        assert_eq!(bob.archive_orders(), [ArchiveOrder::Drop { infohash: named.0 }], "{counter}");
        is_refused(bob, counter, named, &mut desk);
    }
}

#[test]
fn a_fault_of_this_machine_condemns_no_archive() {
    let all = log("carol", 300);
    let mut desk = Desk::default();
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", signer("carol").key());
    bob.accept(&head_over("carol", 1001, START, &all, Some(named)));
    let (order, _) = fetch_order(&mut bob).expect("fetched");
    bob.feed(Input::Archive(ArchiveEvent::NotFetched { order, fault: ArchiveFault::Failed }));
    assert_eq!((bob.count("archive_failed"), bob.count("archive_refused")), (1, 0));
    bob.archive_orders();
    elapse(&mut bob, &mut desk, REST + HOUR);
    assert!(is_whole(&mut bob), "the disk has room again: {:?}", bob.counters());
}

#[test]
fn who_names_one_archive_after_the_other_keeps_nobody_busy() {
    let all = log("carol", 300);
    let mut bob = follower("bob", signer("carol").key());
    for number in 0..50_u8 {
        let named = Some((release(number), Sha256([number; 32])));
        bob.accept(&head_over("carol", 1000 + u64::from(number), bob.wall, &all, named));
        if let Some((order, _)) = fetch_order(&mut bob) {
            bob.feed(Input::Archive(ArchiveEvent::NotFetched { order, fault: ArchiveFault::NotAnArchive }));
        }
        bob.leap(61 * SECOND);
    }
    assert!(bob.count("archive_refused") <= 2, "{:?}", bob.counters());
    assert!(rows(&mut bob).len() <= 1, "nor are all of them remembered");
}

#[test]
fn a_crash_in_the_middle_loses_nothing_and_the_fetch_goes_on() {
    let all = log("carol", 300);
    let mut desk = Desk::default();
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", signer("carol").key());
    bob.accept(&head_over("carol", 1001, START, &all, Some(named)));
    let (order, _) = fetch_order(&mut bob).expect("fetched");
    bob.feed(Input::Archive(ArchiveEvent::Fetched { order, sha256: named.1, bytes: 9 }));
    bob.feed(Input::Archive(ArchiveEvent::Part { order, envelopes: bytes_of(&all[..200]), is_end: false }));
    let before = bob.status().statements;
    assert!(before >= 200);
    bob.restart();
    assert_eq!(bob.status().statements, before);
    bob.start();
    let orders = bob.archive_orders();
    assert!(orders.contains(&ArchiveOrder::Tidy { keep: vec![named.0] }), "what came is not deleted: {orders:?}");
    orders.into_iter().for_each(|order| desk.carry_out(&mut bob, order));
    desk.serve(&mut bob);
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
    assert_eq!(desk.seeds(&bob, named.0), Some(false));
    bob.restart();
    bob.start();
    let orders = bob.archive_orders();
    let seed = ArchiveOrder::Seed { infohash: named.0, author: signer("carol").key(), named: false };
    assert!(orders.contains(&seed) && !orders.iter().any(|o| matches!(o, ArchiveOrder::Fetch { .. })), "{orders:?}");
}

#[test]
fn when_the_follow_ends_so_does_the_seeding() {
    let all = log("carol", 300);
    let mut desk = Desk::default();
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", signer("carol").key());
    bob.accept(&head_over("carol", 1001, START, &all, Some(named)));
    desk.serve(&mut bob);
    assert!(desk.seeds(&bob, named.0).is_some());
    bob.must(Command::Unfollow { key: signer("carol").key() });
    desk.serve(&mut bob);
    assert_eq!((desk.seeds(&bob, named.0), rows(&mut bob)), (None, vec![]));
    // Also in the middle of a fetch.
    let mut dave = follower("dave", signer("carol").key());
    dave.accept(&head_over("carol", 1001, START, &all, Some(named)));
    assert!(fetch_order(&mut dave).is_some());
    dave.must(Command::Unfollow { key: signer("carol").key() });
    assert_eq!(dave.archive_orders(), [ArchiveOrder::Drop { infohash: named.0 }]);
}

#[test]
fn a_follower_seeds_what_the_head_names_made_of_its_own_copy() {
    let mut desk = Desk::default();
    let mut alice = curator(300, &mut desk);
    let said = head(&mut alice);
    let (first, _) = archive_in(&said).expect("named");
    let mut bob = online("bob");
    bob.leap(alice.mono - bob.mono);
    bob.feed(Input::Wake);
    bob.follow(alice.key(), Level::HIGH);
    bob.accept(&said);
    desk.serve(&mut bob);
    assert_eq!(desk.seeds(&bob, first), Some(false));
    let news: Vec<_> = {
        elapse(&mut alice, &mut desk, PERIOD + MINUTE);
        elapse(&mut bob, &mut desk, PERIOD + MINUTE);
        alice.pushed();
        talks(&mut alice, 900, 1000);
        elapse(&mut alice, &mut desk, MINUTE);
        alice.pushed()
    };
    elapse(&mut bob, &mut desk, MINUTE);
    let second = news.iter().rev().find(|s| s.kind() == Kind::Head).and_then(|head| archive_in(head)).expect("named").0;
    assert_ne!(first, second);
    // Gossip is lossless here; the whole of it is noticed when sync looks.
    news.iter().for_each(|statement| {
        bob.hear(statement.bytes());
    });
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    talk(&mut bob, &mut alice);
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
    bob.elapse(SECOND);
    desk.serve(&mut bob);
    assert_eq!(desk.seeds(&bob, second), Some(false), "{:?}", bob.counters());
    assert_eq!(desk.fetched, [first], "nothing was fetched for it");
    assert_eq!(state_of(&mut bob, first), Some(ArchiveState::Superseded));
    elapse(&mut bob, &mut desk, GRACE + 2 * HOUR);
    assert_eq!(desk.seeds(&bob, first), None);
}

#[test]
fn only_some_are_fetched_at_once_and_the_others_wait_or_are_synced() {
    let mut bob = online("bob");
    bob.archive_orders();
    let names: Vec<String> = (0..FETCHES_MAX + 2).map(|number| format!("curator {number}")).collect();
    let mut begun = Vec::new();
    for (number, name) in (1..).zip(&names) {
        bob.follow(signer(name).key(), Level::HIGH);
        bob.accept(&head_over(name, 1001, START, &log(name, 300), Some((release(number), Sha256([number; 32])))));
        begun.extend(fetch_order(&mut bob));
    }
    assert_eq!(begun.len(), FETCHES_MAX);
    let waiting = |bob: &mut Person| rows(bob).iter().filter(|row| row.state == ArchiveState::Waiting).count();
    assert_eq!(waiting(&mut bob), 2);
    bob.feed(Input::Archive(ArchiveEvent::NotFetched { order: begun[0].0, fault: ArchiveFault::Failed }));
    let (order, next) = fetch_order(&mut bob).expect("the next");
    assert_eq!((next, waiting(&mut bob)), (release(5), 1), "who waited longest");
    // The places stay taken.
    for order in begun[1..].iter().map(|(order, _)| *order).chain([order]) {
        bob.feed(Input::Archive(ArchiveEvent::Begun { order, bytes: ARCHIVE_BYTES_MAX }));
    }
    bob.live(WAIT_MAX + SECOND, &mut Shelf::default());
    assert_eq!((waiting(&mut bob), bob.count("archive_late")), (0, 1));
}

#[test]
fn what_is_kept_for_others_is_limited_and_the_least_followed_goes_first() {
    let big = ARCHIVE_BYTES_MAX;
    let fits = u8::try_from(KEPT_BYTES_MAX / big).expect("a few");
    let mut bob = online("bob");
    let keep = |bob: &mut Person, number: u8, level: Level| {
        let name = format!("curator {number}");
        let all = log(&name, 200);
        bob.follow(signer(&name).key(), level);
        let named = (release(number), Sha256([number; 32]));
        bob.accept(&head_over(&name, 1001, bob.wall, &all, Some(named)));
        let (order, _) = fetch_order(bob).expect("fetched");
        bob.feed(Input::Archive(ArchiveEvent::Fetched { order, sha256: named.1, bytes: big }));
        bob.feed(Input::Archive(ArchiveEvent::Part { order, envelopes: bytes_of(&all), is_end: true }));
        let dropped = bob.archive_orders().into_iter().filter_map(|order| match order {
            ArchiveOrder::Drop { infohash } => Some(infohash),
            _ => None,
        });
        let dropped: Vec<Infohash> = dropped.collect();
        bob.leap(SECOND);
        dropped
    };
    for number in 1..=fits {
        let level = if number == 3 { Level::LOW } else { Level::MEDIUM };
        assert_eq!(keep(&mut bob, number, level), []);
    }
    assert_eq!(keep(&mut bob, 101, Level::LOW), [release(101)], "it gives way to those that are there");
    assert_eq!(keep(&mut bob, 102, Level::HIGH), [release(3)], "who is followed least");
    assert_eq!(keep(&mut bob, 103, Level::HIGH), [release(1)], "then who was there first");
    assert_eq!(bob.count("archive_evicted"), 2);
    let kept: u64 = rows(&mut bob).iter().map(|row| row.bytes).sum();
    assert!(kept <= KEPT_BYTES_MAX);
    bob.feed(Input::Wake);
    assert!(!bob.archive_orders().iter().any(|order| matches!(order, ArchiveOrder::Write { .. })), "nor made anew");
}

// ---- no proof of seed

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
