//! Every disk and every torrent of these stories, and whoever makes archives or follows those who do.

use crate::rig::*;
use heirloom_core::io::{ArchiveEvent, ArchiveOrder, Input, OrderId};
use heirloom_core::views::{Archive, ArchiveState};
use heirloom_proto::body::{Head, Level};
use heirloom_proto::statement_file::{MAGIC, Reader, end, record};
use heirloom_proto::{Body, Infohash, Key, Kind, Sha256, Statement, Timestamp, Verified};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Statements in a part of a file: several parts for every log here.
pub(super) const PART: usize = 100;

/// Every disk and every torrent: files by infohash, which is made of the file.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) files: BTreeMap<Infohash, Vec<u8>>,
    pub(super) writing: BTreeMap<(String, OrderId), Vec<u8>>,
    pub(super) counts: BTreeMap<(String, OrderId), u64>,
    pub(super) reading: BTreeMap<(String, OrderId), Vec<Vec<u8>>>,
    /// Who seeds what, and whether by name.
    pub(super) seeds: BTreeMap<(String, Infohash), bool>,
    /// Fetches in order.
    pub(super) fetched: Vec<Infohash>,
    /// By which order each was asked for last.
    pub(super) orders: BTreeMap<Infohash, OrderId>,
    /// Nobody answers a fetch.
    pub(super) is_empty: bool,
}

pub(super) fn infohash_of(file: &[u8]) -> Infohash {
    Infohash(Sha256::of(file).0[..20].try_into().expect("20 of 32 bytes"))
}

pub(super) fn envelopes_in(file: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new();
    reader.push(file);
    let all: Vec<Vec<u8>> = std::iter::from_fn(|| reader.next_envelope().expect("a statement file")).collect();
    assert_eq!(reader.finish(), Ok(all.len() as u64), "whole");
    all
}

pub(super) fn file_of(envelopes: &[Vec<u8>]) -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    envelopes.iter().for_each(|envelope| file.extend(record(envelope).expect("it fits")));
    file.extend(end(envelopes.len() as u64));
    file
}

impl Desk {
    /// Lays a file down that somebody else seeds, and gives what a head says of it.
    pub(super) fn lay(&mut self, file: Vec<u8>) -> (Infohash, Sha256) {
        let named = (infohash_of(&file), Sha256::of(&file));
        self.files.insert(named.0, file);
        named
    }

    /// Carries out what a person ordered, until nothing is left.
    pub(super) fn serve(&mut self, person: &mut Person) {
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

    pub(super) fn carry_out(&mut self, person: &mut Person, order: ArchiveOrder) {
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
                self.orders.insert(infohash, order);
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
    pub(super) fn seeds(&self, person: &Person, infohash: Infohash) -> Option<bool> {
        self.seeds.get(&(person.name.clone(), infohash)).copied()
    }
}

/// Lets time pass, with a DHT that has room for everything.
pub(super) fn elapse(person: &mut Person, desk: &mut Desk, span: Duration) {
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
pub(super) fn talks(person: &mut Person, from: usize, to: usize) {
    for number in from..to {
        person.attest(signer(&format!("friend {number}")).key(), Level::LOW);
    }
}

/// A curator with a log of so many statements, the profile among them, some time after the last of them.
pub(super) fn curator(count: usize, desk: &mut Desk) -> Person {
    let mut alice = online("alice");
    talks(&mut alice, 1, count);
    elapse(&mut alice, desk, MINUTE);
    alice
}

pub(super) fn head(person: &mut Person) -> Verified<Statement> {
    person.pushed_of(Kind::Head).pop().expect("a head is pushed")
}

pub(super) fn archive_in(head: &Statement) -> Option<(Infohash, Sha256)> {
    match head.body() {
        Body::Head(head) => head.archive,
        other => panic!("{other:?}"),
    }
}

pub(super) fn rows(person: &mut Person) -> Vec<Archive> {
    person.status().archives
}

pub(super) fn state_of(person: &mut Person, infohash: Infohash) -> Option<ArchiveState> {
    rows(person).into_iter().find(|row| row.infohash == Some(infohash)).map(|row| row.state)
}

/// Somebody who follows a key.
pub(super) fn follower(name: &str, of: Key) -> Person {
    let mut person = online(name);
    person.follow(of, Level::HIGH);
    person.archive_orders();
    person
}

/// A log that was signed by hand, ascending.
pub(super) fn log(name: &str, count: u64) -> Vec<Verified<Statement>> {
    let curator = signer(name);
    (1..=count)
        .map(|seq| curator.says(seq, START, &attestation(signer(&format!("friend {seq}")).key(), Level::LOW)))
        .collect()
}

pub(super) fn bytes_of(statements: &[Verified<Statement>]) -> Vec<Vec<u8>> {
    statements.iter().map(|statement| statement.bytes().to_vec()).collect()
}

/// A head over such a log.
pub(super) fn head_over(
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

pub(super) fn fetch_order(person: &mut Person) -> Option<(OrderId, Infohash)> {
    person.archive_orders().into_iter().find_map(|order| match order {
        ArchiveOrder::Fetch { order, infohash, .. } => Some((order, infohash)),
        _ => None,
    })
}
