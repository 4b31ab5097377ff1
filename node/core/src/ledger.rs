//! The ledger: this node's private record of hash-checked bytes, per release, address and key.
//!
//! Every piece is booked once, whatever crashes and restarts come between: the bitmap of booked pieces and the bytes
//! change in one commit.

use crate::fields::Fields;
use crate::ground::Ground;
use crate::io::{Now, Share};
use crate::links::{LINKED_BYTES_MAX, LINKED_PART, Links};
use crate::observed::{Client, Looked, Observed, Swarm};
use crate::receipts::days_of;
use crate::store::{Durability, Store, StoreError, Table};
use crate::views::{LedgerBy, LedgerRow, Origin};
use heirloom_graph::{DayBytes, Evidence, NodeId, ReleaseId};
use heirloom_proto::time::DAY_MS;
use heirloom_proto::{Infohash, Key, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

/// Pieces in one bitmap record.
const CHUNK_PIECES: u32 = 1024;

/// From whom and when: one line of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    infohash: Infohash,
    address: IpAddr,
    key: Option<Key>,
    /// UTC day of the bytes, days since 1970.
    day: u32,
}

/// What lines are added up by: address, key, release, day.
type Group = (IpAddr, Option<Key>, Option<Infohash>, Option<u32>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Amount {
    bytes: u64,
    first: Timestamp,
    last: Timestamp,
}

/// All lines, in memory and in the store. Its size is bounded by what this node itself chose to receive.
#[derive(Debug, Default)]
pub struct Ledger {
    lines: BTreeMap<Line, Amount>,
    links: Links,
    /// What other clients say, beside it.
    observed: Observed,
}

/// The key that a client name shows: `heirloom/<version> z6Mk…`. It is no proof of identity and need not be: whoever
/// shows another's key gives its upload away to that key.
#[must_use]
pub fn key_on_wire(client_name: &str) -> Option<Key> {
    let (program, key) = client_name.trim().split_once(' ')?;
    (program.starts_with("heirloom/") && key.starts_with("z6Mk")).then(|| key.parse().ok())?
}

impl Ledger {
    /// Reads the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open<S: Store>(ground: &Ground<S>) -> Result<Self, StoreError> {
        let mut lines = BTreeMap::new();
        for (key, value) in ground.all(Table::Ledger, &[])? {
            if let (Some(line), Some(amount)) = (Line::from_bytes(&key), Amount::from_bytes(&value)) {
                lines.insert(line, amount);
            }
        }
        Ok(Self { lines, links: Links::open(ground)?, observed: Observed::open(ground)? })
    }

    /// Books a piece. Says whether it was new: a piece that was booked before counts for nobody again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn book<S: Store>(
        &mut self,
        now: Now,
        infohash: Infohash,
        piece: u32,
        shares: &[Share],
        ground: &mut Ground<S>,
    ) -> Result<bool, StoreError> {
        let mut chunk_key = infohash.0.to_vec();
        chunk_key.extend_from_slice(&(piece / CHUNK_PIECES).to_be_bytes());
        let mut bitmap = ground.get(Table::Pieces, &chunk_key)?.unwrap_or_default();
        bitmap.resize(CHUNK_PIECES as usize / 8, 0);
        let (byte, bit) = ((piece % CHUNK_PIECES / 8) as usize, 1_u8 << (piece % 8));
        if bitmap[byte] & bit != 0 {
            return Ok(false);
        }
        bitmap[byte] |= bit;
        ground.put(Table::Pieces, chunk_key, Some(bitmap), Durability::Process);
        let day = u32::try_from(now.wall.0 / DAY_MS).unwrap_or(u32::MAX);
        for share in shares.iter().filter(|share| share.bytes > 0) {
            let key = share.wire_name.as_deref().and_then(key_on_wire);
            let line = Line { infohash, address: share.address.to_canonical(), key, day };
            let amount = self.lines.entry(line).or_insert(Amount { bytes: 0, first: now.wall, last: now.wall });
            amount.bytes += share.bytes;
            amount.last = now.wall;
            ground.put(Table::Ledger, line.to_bytes(), Some(amount.to_bytes()), Durability::Process);
        }
        Ok(true)
    }

    /// Addresses that belong to a key, as the owner says.
    #[must_use]
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// Links an address to a key, or to none. `false`: there are too many links.
    pub fn link<S: Store>(&mut self, address: IpAddr, key: Option<Key>, ground: &mut Ground<S>) -> bool {
        self.links.set(address, key, ground)
    }

    /// Keys that an address showed when, or after, it sent something without a name; here, or to another client.
    #[must_use]
    pub fn shown_later(&self, address: &IpAddr) -> BTreeSet<Key> {
        let there = || {
            let own = self.lines.iter().filter(|(line, _)| line.address == *address);
            own.map(|(line, amount)| (line.key, amount.first, amount.last)).chain(self.observed.at_address(address))
        };
        let nameless = there().filter(|(key, ..)| key.is_none()).map(|(_, first, _)| first).min();
        there().filter_map(|(key, _, last)| key.filter(|_| nameless.is_some_and(|at| last >= at))).collect()
    }

    /// What other clients say.
    #[must_use]
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Books a look at a torrent of another client, as weak evidence.
    pub fn observe<S: Store>(
        &mut self,
        now: Now,
        client: Client,
        swarm: &Swarm,
        me: &Key,
        ground: &mut Ground<S>,
    ) -> Looked {
        self.observed.look(now.wall, client, swarm, me, ground)
    }

    /// What came without a name from addresses that are linked to a key: a part of it, day by day, up to a cap, the newest
    /// first. For scope `seed`: of a listing nobody showed a name for it says nothing.
    fn linked_bytes(&self, key: &Key, judged_bad: impl Fn(&Infohash) -> bool) -> Vec<DayBytes> {
        let addresses: BTreeSet<&IpAddr> =
            self.links.all().filter(|(_, linked)| *linked == key).map(|(address, _)| address).collect();
        let mut lines: Vec<(u32, Infohash, u64)> = self
            .lines
            .iter()
            .filter(|(line, _)| line.key.is_none() && addresses.contains(&line.address) && !judged_bad(&line.infohash))
            .map(|(line, amount)| (line.day, line.infohash, amount.bytes / LINKED_PART))
            .collect();
        lines.sort_by(|a, b| b.cmp(a));
        let mut left = LINKED_BYTES_MAX;
        let mut all = Vec::new();
        for (day, infohash, bytes) in lines {
            let bytes = bytes.min(left);
            left -= bytes;
            if bytes > 0 {
                let time_ms = u64::from(day) * DAY_MS;
                all.push(DayBytes { time_ms, bytes, release: Some(ReleaseId(infohash.0)) });
            }
        }
        all
    }

    /// Lines added up, most bytes first. Releases that the owner judged bad count for nobody.
    #[must_use]
    pub fn rows(
        &self,
        by: LedgerBy,
        judged_bad: &BTreeSet<Infohash>,
        name_of: impl Fn(&Key) -> String,
    ) -> Vec<LedgerRow> {
        let mut rows: BTreeMap<Group, (Amount, BTreeSet<Infohash>)> = BTreeMap::new();
        for (line, amount) in self.lines.iter().filter(|(line, _)| !judged_bad.contains(&line.infohash)) {
            let group = match by {
                LedgerBy::Key => (line.address, line.key, None, None),
                LedgerBy::Address => (line.address, None, None, None),
                LedgerBy::Release => (line.address, line.key, Some(line.infohash), None),
                LedgerBy::Day => (line.address, line.key, None, Some(line.day)),
            };
            let (sum, releases) = rows
                .entry(group)
                .or_insert((Amount { bytes: 0, first: amount.first, last: amount.last }, BTreeSet::new()));
            sum.bytes += amount.bytes;
            sum.first = sum.first.min(amount.first);
            sum.last = sum.last.max(amount.last);
            releases.insert(line.infohash);
        }
        let mut rows: Vec<LedgerRow> = rows
            .into_iter()
            .map(|((address, key, infohash, _), (sum, releases))| LedgerRow {
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
                source: Origin::Measured,
            })
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.verified_bytes));
        rows
    }

    /// Bytes received of each key, without releases that the owner judged bad.
    #[must_use]
    pub fn bytes_by_key(&self, judged_bad: &BTreeSet<Infohash>) -> BTreeMap<Key, u64> {
        let mut sums = BTreeMap::new();
        for (line, amount) in self.lines.iter().filter(|(line, _)| !judged_bad.contains(&line.infohash)) {
            if let Some(key) = line.key {
                *sums.entry(key).or_default() += amount.bytes;
            }
        }
        sums
    }

    /// Bytes received of each key in a week, as receipts count them, without releases that the owner judged bad.
    #[must_use]
    pub fn bytes_in_week(&self, week: u32, judged_bad: &BTreeSet<Infohash>) -> BTreeMap<Key, u64> {
        let days = days_of(week);
        let mut sums: BTreeMap<Key, u64> = BTreeMap::new();
        for (line, amount) in self.lines.iter().filter(|(line, _)| !judged_bad.contains(&line.infohash)) {
            if let Some(key) = line.key.filter(|_| amount.bytes > 0 && days.contains(&u64::from(line.day))) {
                *sums.entry(key).or_default() += amount.bytes;
            }
        }
        sums
    }

    /// When the first byte of a release came, if any did.
    #[must_use]
    pub fn first_byte(&self, infohash: &Infohash) -> Option<Timestamp> {
        let of_release = self.lines.iter().filter(|(line, _)| line.infohash == *infohash);
        of_release.map(|(_, amount)| amount.first).min()
    }

    /// Evidence for the graph: what `me` received of each other key, of releases that `counts` admits for that key.
    pub fn evidence(
        &self,
        me: &Key,
        scope: heirloom_graph::Scope,
        counts: impl Fn(&Infohash, &Key) -> bool,
    ) -> Vec<Evidence> {
        let mut by_key: BTreeMap<Key, Vec<DayBytes>> = BTreeMap::new();
        for (line, amount) in &self.lines {
            if let Some(key) = line.key.filter(|key| key != me && counts(&line.infohash, key)) {
                by_key.entry(key).or_default().push(DayBytes {
                    time_ms: u64::from(line.day) * DAY_MS,
                    bytes: amount.bytes,
                    release: Some(ReleaseId(line.infohash.0)),
                });
            }
        }
        if scope == heirloom_graph::Scope::Seed {
            let linked: BTreeSet<Key> = self.links.all().map(|(_, key)| *key).filter(|key| key != me).collect();
            for key in linked {
                let day_bytes = self.linked_bytes(&key, |infohash| !counts(infohash, &key));
                if !day_bytes.is_empty() {
                    by_key.entry(key).or_default().extend(day_bytes);
                }
            }
        }
        if scope == heirloom_graph::Scope::Seed {
            for (key, day_bytes) in
                self.observed.evidence(&self.links, |infohash, key| key != me && counts(infohash, key))
            {
                by_key.entry(key).or_default().extend(day_bytes);
            }
        }
        let to_evidence = |(key, day_bytes): (Key, Vec<DayBytes>)| Evidence {
            receiver: NodeId(*me.as_bytes()),
            subject: NodeId(*key.as_bytes()),
            scope,
            day_bytes,
        };
        by_key.into_iter().map(to_evidence).collect()
    }
}

impl Line {
    fn to_bytes(self) -> Vec<u8> {
        let address = match self.address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let mut bytes = self.infohash.0.to_vec();
        bytes.extend_from_slice(&address.octets());
        bytes.extend_from_slice(self.key.as_ref().map_or(&[0; 32], |key| key.as_bytes()));
        bytes.extend_from_slice(&self.day.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let infohash = Infohash(fields.array()?);
        let address = IpAddr::V6(Ipv6Addr::from(fields.array::<16>()?)).to_canonical();
        let key: [u8; 32] = fields.array()?;
        let key = if key == [0; 32] { None } else { Some(Key::from_bytes(key).ok()?) };
        Some(Self { infohash, address, key, day: fields.u32()? })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use heirloom_proto::SecretKey;
    use std::time::Duration;

    const HASH: Infohash = Infohash([1; 20]);

    fn now(ms: u64) -> Now {
        Now { mono: Duration::from_millis(ms), wall: Timestamp(ms) }
    }

    fn share(last: u8, name: Option<String>, bytes: u64) -> Share {
        Share { address: IpAddr::from([127, 0, 0, last]), wire_name: name, bytes }
    }

    fn alice() -> Key {
        SecretKey::from_seed(&[1; 32]).public()
    }

    #[test]
    fn a_piece_is_booked_once_over_restarts() {
        let mut ground = Ground::new(MemoryStore::default());
        let mut ledger = Ledger::open(&ground).expect("open");
        let wire = format!("heirloom/0.1.0 {}", alice().to_multibase());
        let shares = [share(2, Some(wire), 100), share(3, Some("libtorrent/2.1".into()), 28)];
        assert!(ledger.book(now(5), HASH, 1030, &shares, &mut ground).expect("book"));
        assert!(!ledger.book(now(6), HASH, 1030, &shares, &mut ground).expect("book"));
        ground.commit().expect("commit");
        let mut ground = Ground::new(ground.into_store());
        let mut ledger = Ledger::open(&ground).expect("open");
        assert!(!ledger.book(now(7), HASH, 1030, &shares, &mut ground).expect("book"));
        assert!(ledger.book(now(8), HASH, 6, &[share(3, None, 1)], &mut ground).expect("book"));
        let rows = ledger.rows(LedgerBy::Key, &BTreeSet::new(), |_| "Alice".into());
        let seen: Vec<_> = rows.iter().map(|r| (r.key, r.verified_bytes, r.name.as_str())).collect();
        assert_eq!(seen, [(Some(alice()), 100, "Alice"), (None, 29, "")]);
        assert_eq!(rows[1].first_seen, Timestamp(5));
        assert_eq!(rows[1].last_seen, Timestamp(8));
    }

    #[test]
    fn days_are_told_apart_when_asked_for() {
        let mut ground = Ground::new(MemoryStore::default());
        let mut ledger = Ledger::default();
        let wire = format!("heirloom/0.1.0 {}", alice().to_multibase());
        for (piece, at) in [(0, 5), (1, DAY_MS + 5), (2, DAY_MS + 9)] {
            ledger.book(now(at), HASH, piece, &[share(2, Some(wire.clone()), 100)], &mut ground).expect("book");
        }
        let rows = ledger.rows(LedgerBy::Day, &BTreeSet::new(), |_| String::new());
        let mut days: Vec<_> = rows.iter().map(|row| (row.first_seen.0 / DAY_MS, row.verified_bytes)).collect();
        days.sort_unstable();
        assert_eq!(days, [(0, 100), (1, 200)]);
        assert_eq!(ledger.rows(LedgerBy::Key, &BTreeSet::new(), |_| String::new()).len(), 1);
    }

    #[test]
    fn bytes_of_a_release_judged_bad_count_for_nobody() {
        let mut ground = Ground::new(MemoryStore::default());
        let mut ledger = Ledger::default();
        let wire = format!("heirloom/0.1.0 {}", alice().to_multibase());
        ledger.book(now(5), HASH, 0, &[share(2, Some(wire), 100)], &mut ground).expect("book");
        let bad = BTreeSet::from([HASH]);
        assert!(ledger.rows(LedgerBy::Release, &bad, |_| String::new()).is_empty());
        assert!(ledger.bytes_by_key(&bad).is_empty());
    }

    #[test]
    fn only_our_form_of_a_client_name_shows_a_key() {
        let key = alice();
        assert_eq!(key_on_wire(&format!("heirloom/0.1.0 {}", key.to_multibase())), Some(key));
        for name in ["heirloom/0.1.0", "qBittorrent v4.5.2", "heirloom/1 z6Mkbroken", ""] {
            assert_eq!(key_on_wire(name), None, "{name}");
        }
        assert_eq!(key_on_wire(&format!("other/1 {}", key.to_multibase())), None);
    }
}
