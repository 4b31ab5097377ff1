//! What other programs of the owner received: figures of a BitTorrent client beside this node, as weak evidence.
//!
//! They stand beside the ledger and never in it: this node checked no hash of these bytes. [`Tally`] says what a client's
//! figures are worth; here they are kept, added up and told apart by the client they came from.

mod tally;

pub use tally::{CLAIMED_BYTES_MAX, Claimant, RATES_HOLD, Tally};

use crate::fields::Fields;
use crate::ground::Ground;
use crate::links::Links;
use crate::store::{Durability, Store, StoreError, Table};
use crate::views::{LedgerBy, LedgerRow, Origin};
use heirloom_graph::{DayBytes, ReleaseId};
use heirloom_proto::time::DAY_MS;
use heirloom_proto::{Infohash, Key, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use tally::{address, key, octets};

/// Bytes that another program received count by this part: their figures are unverified, and their names hearsay.
pub const WEAK_PART: u64 = 4;
/// Most such bytes that count for one key, after [`WEAK_PART`] was taken: as much as one release may count.
pub const WEAK_BYTES_MAX: u64 = 1 << 30;
/// Most peers of one torrent in one look. Clients keep a hundred connections a torrent, and five hundred in all.
pub const PEERS_MAX: usize = 2000;
/// Most torrents in one look: what is downloaded at one time, many times over.
pub const SWARMS_MAX: usize = 200;
/// Most torrents that are remembered, of all clients together: as many as this node has of its own.
pub const TALLIES_MAX: usize = crate::torrents::TORRENTS_MAX;
/// Most lines that are kept: some 30 MiB in memory, and years of one person's downloads. The oldest days go.
pub const LINES_MAX: usize = 100_000;

/// Rows of [`Table::Observed`] begin with one of these.
const LINE: u8 = b'l';
const TALLY: u8 = b't';

/// A BitTorrent client beside this node. Two of one kind share their account: what both received of a torrent is booked
/// once, and no spelling of an address books it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// qBittorrent, by its Web API.
    Qbittorrent,
    /// Transmission, by its RPC.
    Transmission,
}

/// The text names no client that can be spoken to.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is no client that Heirloom can speak to: use qbittorrent or transmission")]
pub struct UnknownClient {
    /// What was given.
    pub text: String,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Qbittorrent, Self::Transmission];

    /// Name in settings and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Qbittorrent => "qbittorrent",
            Self::Transmission => "transmission",
        }
    }

    /// As its makers write it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Qbittorrent => "qBittorrent",
            Self::Transmission => "Transmission",
        }
    }

    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Qbittorrent => 1,
            Self::Transmission => 2,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.byte() == byte)
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Client {
    type Err = UnknownClient;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|client| client.name() == text);
        found.ok_or_else(|| UnknownClient { text: text.chars().take(40).collect() })
    }
}

/// One look at one torrent of a client: its own sums, and what it says of its peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swarm {
    /// Which.
    pub infohash: Infohash,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes here that passed their hash check, wherever they came from.
    pub verified: u64,
    /// Bytes that were ever downloaded, checked or not.
    pub downloaded: u64,
    /// Of these, what failed its check or was here already.
    pub wasted: u64,
    /// Its peers now.
    pub sources: Vec<Source>,
}

/// A peer of such a torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where.
    pub address: SocketAddr,
    /// The client name that it shows; whoever has a key shows it there.
    pub client_name: Option<String>,
    /// A web server, to which nobody's key belongs.
    pub is_web_seed: bool,
    /// How much it sent.
    pub figure: Figure,
}

/// How a client counts what came from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Bytes since this connection began: they start again with the next one.
    Connection(u64),
    /// How fast it sends now, in any unit: it says how what came is to be split, and no more.
    Rate(u64),
}

/// From whom and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    client: Client,
    infohash: Infohash,
    address: IpAddr,
    key: Option<Key>,
    /// UTC day of the look, days since 1970.
    day: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Amount {
    bytes: u64,
    first: Timestamp,
    last: Timestamp,
}

/// What one look at a torrent came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// Booked, if anything was new.
    Booked(Vec<(Claimant, u64)>),
    /// It has more peers than a client keeps.
    TooManyPeers,
    /// As many torrents are remembered as can be.
    TooManyTorrents,
}

/// All that was observed, in memory and in the store.
#[derive(Debug, Default)]
pub struct Observed {
    lines: BTreeMap<Line, Amount>,
    tallies: BTreeMap<(Client, Infohash), Tally>,
}

impl Observed {
    /// Reads it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open<S: Store>(ground: &Ground<S>) -> Result<Self, StoreError> {
        let mut observed = Self::default();
        for (row, value) in ground.all(Table::Observed, &[LINE])? {
            if let (Some(line), Some(amount)) = (Line::from_bytes(&row), Amount::from_bytes(&value)) {
                observed.lines.insert(line, amount);
            }
        }
        for (row, value) in ground.all(Table::Observed, &[TALLY])? {
            if let (Some(place), Some(tally)) = (tally_place(&row), Tally::from_bytes(&value)) {
                observed.tallies.insert(place, tally);
            }
        }
        Ok(observed)
    }

    /// What a look would book; changes nothing.
    #[must_use]
    pub fn foresee(&self, at: Timestamp, client: Client, swarm: &Swarm, me: &Key) -> Looked {
        self.looked(at, client, swarm, me).1
    }

    fn looked(&self, at: Timestamp, client: Client, swarm: &Swarm, me: &Key) -> (Tally, Looked) {
        let known = self.tallies.get(&(client, swarm.infohash));
        if swarm.sources.len() > PEERS_MAX {
            return (Tally::default(), Looked::TooManyPeers);
        }
        if known.is_none() && self.tallies.len() >= TALLIES_MAX {
            return (Tally::default(), Looked::TooManyTorrents);
        }
        let mut tally = known.cloned().unwrap_or_default();
        let booked = tally.look(at, swarm, me);
        (tally, Looked::Booked(booked))
    }

    /// Books a look.
    pub fn look<S: Store>(
        &mut self,
        at: Timestamp,
        client: Client,
        swarm: &Swarm,
        me: &Key,
        ground: &mut Ground<S>,
    ) -> Looked {
        let (tally, looked) = self.looked(at, client, swarm, me);
        let Looked::Booked(booked) = &looked else { return looked };
        let day = u32::try_from(at.0 / DAY_MS).unwrap_or(u32::MAX);
        // The sums and what they were made of change in one commit: a crash leaves neither without the other.
        for ((address, key), bytes) in booked {
            let line = Line { client, infohash: swarm.infohash, address: *address, key: *key, day };
            let amount = self.lines.entry(line).or_insert(Amount { bytes: 0, first: at, last: at });
            amount.bytes = amount.bytes.saturating_add(*bytes);
            amount.last = at;
            ground.put(Table::Observed, line.to_bytes(), Some(amount.to_bytes()), Durability::Process);
        }
        let place = (client, swarm.infohash);
        ground.put(Table::Observed, tally_row(place), Some(tally.to_bytes()), Durability::Process);
        self.tallies.insert(place, tally);
        self.make_room(ground);
        looked
    }

    /// Drops the oldest days when there are too many lines; what was paid out stays known by the tallies.
    fn make_room<S: Store>(&mut self, ground: &mut Ground<S>) {
        if self.lines.len() <= LINES_MAX {
            return;
        }
        // A sixteenth at a time, so that sorting stays rare. Lines with a key go last.
        let mut ages: Vec<(bool, u32, Line)> =
            self.lines.keys().map(|line| (line.key.is_some(), line.day, *line)).collect();
        ages.sort_unstable();
        for (.., line) in ages.into_iter().take(LINES_MAX / 16) {
            self.lines.remove(&line);
            ground.put(Table::Observed, line.to_bytes(), None, Durability::Process);
        }
    }

    fn good(&self, judged_bad: &BTreeSet<Infohash>) -> impl Iterator<Item = (&Line, &Amount)> {
        self.lines.iter().filter(|(line, _)| !judged_bad.contains(&line.infohash))
    }

    /// Lines added up. Releases that the owner judged bad count for nobody.
    #[must_use]
    pub fn rows(
        &self,
        by: LedgerBy,
        judged_bad: &BTreeSet<Infohash>,
        name_of: impl Fn(&Key) -> String,
    ) -> Vec<LedgerRow> {
        let mut rows: BTreeMap<_, (Amount, BTreeSet<Infohash>)> = BTreeMap::new();
        for (line, amount) in self.good(judged_bad) {
            let (key, infohash, day) = match by {
                LedgerBy::Key => (line.key, None, None),
                LedgerBy::Address => (None, None, None),
                LedgerBy::Release => (line.key, Some(line.infohash), None),
                LedgerBy::Day => (line.key, None, Some(line.day)),
            };
            let (sum, releases) = rows
                .entry((line.client, line.address, key, infohash, day))
                .or_insert((Amount { bytes: 0, first: amount.first, last: amount.last }, BTreeSet::new()));
            sum.bytes = sum.bytes.saturating_add(amount.bytes);
            sum.first = sum.first.min(amount.first);
            sum.last = sum.last.max(amount.last);
            releases.insert(line.infohash);
        }
        let to_row = |((client, address, key, infohash, _), (sum, releases)): (
            (Client, _, Option<Key>, _, _),
            (Amount, BTreeSet<Infohash>),
        )| LedgerRow {
            key,
            name: key.as_ref().map(&name_of).unwrap_or_default(),
            address,
            infohash,
            verified_bytes: sum.bytes,
            releases: releases.len(),
            first_seen: sum.first,
            last_seen: sum.last,
            linked: None,
            offered: Vec::new(),
            source: Origin::Client(client),
        };
        rows.into_iter().map(to_row).collect()
    }

    /// What an address was seen to send: under which key, first and last.
    pub fn at_address(&self, address: &IpAddr) -> impl Iterator<Item = (Option<Key>, Timestamp, Timestamp)> {
        let lines = self.lines.iter().filter(move |(line, _)| line.address == *address);
        lines.map(|(line, amount)| (line.key, amount.first, amount.last))
    }

    /// Bytes that a key sent other clients, by their figures.
    #[must_use]
    pub fn bytes_of(&self, key: &Key, judged_bad: &BTreeSet<Infohash>) -> u64 {
        let of_key = self.good(judged_bad).filter(|(line, _)| line.key.as_ref() == Some(key));
        of_key.fold(0, |sum: u64, (_, amount)| sum.saturating_add(amount.bytes))
    }

    /// What counts of it for scope `seed`, by key and day: a part, up to a cap, the newest first. Of an address that is
    /// linked to a key, a part of that part.
    pub fn evidence(&self, links: &Links, counts: impl Fn(&Infohash, &Key) -> bool) -> BTreeMap<Key, Vec<DayBytes>> {
        let mut by_key: BTreeMap<Key, BTreeMap<(u32, Infohash), u64>> = BTreeMap::new();
        for (line, amount) in &self.lines {
            let (key, part) = match line.key {
                Some(key) => (Some(key), WEAK_PART),
                None => (links.of(&line.address), WEAK_PART * crate::links::LINKED_PART),
            };
            if let Some(key) = key.filter(|key| counts(&line.infohash, key)) {
                let days = by_key.entry(key).or_default();
                let bytes = days.entry((line.day, line.infohash)).or_default();
                *bytes = bytes.saturating_add(amount.bytes / part);
            }
        }
        let capped = |days: BTreeMap<(u32, Infohash), u64>| {
            let mut left = WEAK_BYTES_MAX;
            let newest = days.into_iter().rev().map(|((day, infohash), bytes)| {
                let bytes = bytes.min(left);
                left -= bytes;
                let time_ms = u64::from(day) * DAY_MS;
                DayBytes { time_ms, bytes, release: Some(ReleaseId(infohash.0)) }
            });
            newest.filter(|day| day.bytes > 0).collect::<Vec<_>>()
        };
        let mut all: BTreeMap<Key, Vec<DayBytes>> = by_key.into_iter().map(|(key, days)| (key, capped(days))).collect();
        all.retain(|_, days| !days.is_empty());
        all
    }
}

impl Line {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = vec![LINE, self.client.byte()];
        bytes.extend_from_slice(&self.infohash.0);
        bytes.extend_from_slice(&octets(self.address));
        bytes.extend_from_slice(self.key.as_ref().map_or(&[0; 32], |key| key.as_bytes()));
        bytes.extend_from_slice(&self.day.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        fields.u8()?;
        Some(Self {
            client: Client::from_byte(fields.u8()?)?,
            infohash: Infohash(fields.array()?),
            address: address(fields.array()?),
            key: key(fields.array()?)?,
            day: fields.u32()?,
        })
    }
}

impl Amount {
    fn to_bytes(self) -> Vec<u8> {
        [self.bytes, self.first.0, self.last.0].iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        Some(Self { bytes: fields.u64()?, first: Timestamp(fields.u64()?), last: Timestamp(fields.u64()?) })
    }
}

fn tally_row((client, infohash): (Client, Infohash)) -> Vec<u8> {
    let mut row = vec![TALLY, client.byte()];
    row.extend_from_slice(&infohash.0);
    row
}

fn tally_place(row: &[u8]) -> Option<(Client, Infohash)> {
    let mut fields = Fields(row);
    fields.u8()?;
    Some((Client::from_byte(fields.u8()?)?, Infohash(fields.array()?)))
}
