//! Ground state: the store with the changes that are not committed yet laid over it, and the record of a statement.
//!
//! Only [`crate::ingest`] and the topics that own a table write here. Nothing leaves the core before [`Ground::commit`].

use crate::fields::Fields;
use crate::store::{Batch, Durability, Rows, Store, StoreError, Table};
use crate::views::Source;
use heirloom_proto::{Key, Kind, Sha256, Statement, StatementId, Timestamp, Verified};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Where a statement stands: one live statement for each author, kind and slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Author.
    pub author: Key,
    /// Kind.
    pub kind: Kind,
    /// Slot.
    pub slot: Sha256,
}

impl Place {
    /// Of a statement.
    #[must_use]
    pub fn of(statement: &Statement) -> Self {
        Self { author: *statement.author(), kind: statement.kind(), slot: statement.body().slot() }
    }

    /// Key in the tables.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 65] {
        let mut bytes = [0; 65];
        bytes[..32].copy_from_slice(self.author.as_bytes());
        bytes[32..].copy_from_slice(&self.tail());
        bytes
    }

    fn tail(self) -> [u8; 33] {
        let mut bytes = [kind_byte(self.kind); 33];
        bytes[1..].copy_from_slice(&self.slot.0);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let author = Key::known(fields.array()?);
        Self::of_tail(author, fields.0)
    }

    fn of_tail(author: Key, tail: &[u8]) -> Option<Self> {
        let mut fields = Fields(tail);
        let kind = Kind::from_number(u32::from(fields.u8()?))?;
        Some(Self { author, kind, slot: Sha256(fields.array()?) })
    }
}

fn kind_byte(kind: Kind) -> u8 {
    // Kinds are numbered from 1 to 11.
    u8::try_from(kind.number()).unwrap_or(u8::MAX)
}

/// A statement with what this node knows about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The statement.
    pub statement: Verified<Statement>,
    /// It never leaves this node.
    pub is_private: bool,
    /// How it came here.
    pub source: Source,
    /// When it came here.
    pub received: Timestamp,
}

impl Stored {
    /// What its record begins with; the statement follows as [`Statement::to_store`] writes it.
    fn marks(&self) -> [u8; 10] {
        let source = match self.source {
            Source::Store => 0,
            Source::Dht => 1,
            Source::Gossip => 2,
            Source::Sync => 3,
            Source::Archive => 4,
        };
        let mut bytes = [u8::from(self.is_private), source, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes[2..].copy_from_slice(&self.received.0.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let is_private = fields.u8()? != 0;
        let source = match fields.u8()? {
            1 => Source::Dht,
            2 => Source::Gossip,
            3 => Source::Sync,
            4 => Source::Archive,
            _ => Source::Store,
        };
        let received = Timestamp(fields.u64()?);
        let statement = Verified::<Statement>::from_store(fields.0).ok()?;
        Some(Self { statement, is_private, source, received })
    }
}

/// The store and what is to be written to it next.
#[derive(Debug)]
pub struct Ground<S> {
    store: S,
    pending: Batch,
    durability: Durability,
    changes: u64,
}

/// Whether views are made of what is in a table, beside statements.
fn is_shown(table: Table) -> bool {
    matches!(table, Table::Follows | Table::Ledger | Table::Observed | Table::Torrents)
}

impl<S: Store> Ground<S> {
    /// Over a store.
    pub fn new(store: S) -> Self {
        Self { store, pending: Batch::default(), durability: Durability::Process, changes: 0 }
    }

    /// The value of a key, with pending changes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.pending.get(table, key) {
            Some(value) => Ok(value.map(<[u8]>::to_vec)),
            None => self.store.get(table, key),
        }
    }

    /// Every key with that prefix, in order, with pending changes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn all(&self, table: Table, prefix: &[u8]) -> Result<Rows, StoreError> {
        let mut found = Vec::new();
        self.store.scan(table, prefix, &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        let mut pending = self.pending.from(table, prefix).take_while(|(key, _)| key.starts_with(prefix)).peekable();
        // COST: a long log is in order already, and is mostly read when nothing of it is pending.
        if pending.peek().is_none() {
            return Ok(found);
        }
        let mut found: BTreeMap<Vec<u8>, Vec<u8>> = found.into_iter().collect();
        for (key, value) in pending {
            match value {
                Some(value) => found.insert(key.to_vec(), value.to_vec()),
                None => found.remove(key),
            };
        }
        Ok(found.into_iter().collect())
    }

    /// Notes a change. `durability` says what it must survive before anything that depends on it is sent.
    pub fn put(&mut self, table: Table, key: impl AsRef<[u8]>, value: Option<Vec<u8>>, durability: Durability) {
        self.pending.put(table, key.as_ref(), value.as_deref());
        self.durability = self.durability.max(durability);
        self.changes += u64::from(is_shown(table));
    }

    /// How often anything of which views are made was written since the start, with what waits for a commit. Heads, which say
    /// again what is there, are none of it.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether something waits for a commit.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Writes what waits. On an error nothing was written and the process must stop.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn commit(&mut self) -> Result<(), StoreError> {
        if !self.has_pending() {
            return Ok(());
        }
        self.store.write(&self.pending, self.durability)?;
        self.pending = Batch::default();
        self.durability = Durability::Process;
        Ok(())
    }

    /// The store, to be looked at.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The store itself, for the end of a simulated life.
    pub fn into_store(self) -> S {
        self.store
    }

    /// The live statement at a place.
    ///
    /// # Errors
    /// [`StoreError`]. A damaged record reads as none: it will be fetched again.
    pub fn statement(&self, place: &Place) -> Result<Option<Stored>, StoreError> {
        Ok(self.get(Table::Statements, &place.to_bytes())?.and_then(|bytes| Stored::from_bytes(&bytes)))
    }

    /// Live statements whose place begins with `prefix`, and how many records there are damaged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn statements(&self, prefix: &[u8]) -> Result<(Vec<Stored>, usize), StoreError> {
        let records = self.all(Table::Statements, prefix)?;
        let count = records.len();
        let good: Vec<Stored> = records.into_iter().filter_map(|(_, bytes)| Stored::from_bytes(&bytes)).collect();
        let damaged = count - good.len();
        Ok((good, damaged))
    }

    /// Shows every live statement, in order of place. Returns how many records are damaged.
    ///
    /// COST: one at a time, since all of them together take a kilobyte each.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn each_statement(&self, mut visit: impl FnMut(Stored)) -> Result<usize, StoreError> {
        let mut damaged = 0;
        let mut show = |bytes: &[u8]| match Stored::from_bytes(bytes) {
            Some(stored) => visit(stored),
            None => damaged += 1,
        };
        if self.pending.has(Table::Statements) {
            self.all(Table::Statements, &[])?.iter().for_each(|(_, bytes)| show(bytes));
        } else {
            self.store.scan(Table::Statements, &[], &mut |_, bytes| {
                show(bytes);
                ControlFlow::Continue(())
            })?;
        }
        Ok(damaged)
    }

    /// Places of the statements for which `is_gone` holds among the `count` records on disk from the key `from` on, and the key
    /// at which to go on, if there are more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn gone_from(
        &self,
        from: &[u8],
        count: usize,
        is_gone: impl Fn(&Stored) -> bool,
    ) -> Result<(Vec<Place>, Option<Vec<u8>>), StoreError> {
        let (mut places, mut next, mut seen) = (Vec::new(), None, 0);
        self.store.scan_from(Table::Statements, &[], from, &mut |key, bytes| {
            if seen == count {
                next = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            seen += 1;
            // A damaged record is taken by whoever writes that place next.
            let gone = Stored::from_bytes(bytes).filter(|stored| is_gone(stored));
            places.extend(gone.map(|stored| Place::of(&stored.statement)));
            ControlFlow::Continue(())
        })?;
        Ok((places, next))
    }

    /// Live statements of a key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn statements_of(&self, author: &Key) -> Result<Vec<Stored>, StoreError> {
        Ok(self.statements(author.as_bytes())?.0)
    }

    /// Live statements of one kind of a key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn statements_of_kind(&self, author: &Key, kind: Kind) -> Result<Vec<Stored>, StoreError> {
        let mut prefix = author.as_bytes().to_vec();
        prefix.push(kind_byte(kind));
        Ok(self.statements(&prefix)?.0)
    }

    /// Where the statement with that sequence number of that key stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn place_by_sequence(&self, author: &Key, order: (u32, u64)) -> Result<Option<Place>, StoreError> {
        let tail = self.get(Table::Sequence, &sequence_key(author, order))?;
        Ok(tail.and_then(|tail| Place::of_tail(*author, &tail)))
    }

    /// The next places of a key's statements beyond a sequence number, at most `limit` of them, in that order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn places_after(
        &self,
        author: &Key,
        after: (u32, u64),
        limit: usize,
    ) -> Result<Vec<((u32, u64), Place)>, StoreError> {
        let Some(seq) = after.1.checked_add(1) else { return Ok(Vec::new()) };
        let from = sequence_key(author, (after.0, seq));
        let prefix = author.as_bytes().as_slice();
        let found = self.next_rows(Table::Sequence, prefix, &from, limit)?;
        let read = |(key, tail): (Vec<u8>, Vec<u8>)| {
            let mut order = Fields(key.get(32..)?);
            let order = (order.u32()?, order.u64()?);
            let place = Place::of_tail(*author, &tail)?;
            Some((order, place))
        };
        Ok(found.into_iter().filter_map(read).take(limit).collect())
    }

    /// The rows of a table from a key on, in order: at least the first `limit` of those that begin with `prefix`, as they will be
    /// after the next commit.
    fn next_rows(
        &self,
        table: Table,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
        let pending: Vec<_> = self.pending.from(table, from).take_while(|(key, _)| key.starts_with(prefix)).collect();
        let mut found = BTreeMap::new();
        // What waits to be deleted must not take the place of what stays.
        let enough = limit + pending.len();
        self.store.scan_from(table, prefix, from, &mut |key, value| {
            found.insert(key.to_vec(), value.to_vec());
            if found.len() < enough { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        for (key, value) in pending {
            match value {
                Some(value) => found.insert(key.to_vec(), value.to_vec()),
                None => found.remove(key),
            };
        }
        Ok(found)
    }

    /// Where the statement with that id stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn place_by_id(&self, id: &StatementId) -> Result<Option<Place>, StoreError> {
        Ok(self.get(Table::Ids, &id.0)?.and_then(|bytes| Place::from_bytes(&bytes)))
    }

    /// The next ids of live statements beyond one, at most `limit` of them, in order, with their places.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn ids_after(&self, after: Option<StatementId>, limit: usize) -> Result<Vec<(StatementId, Place)>, StoreError> {
        let mut from = after.map(|id| id.0.to_vec()).unwrap_or_default();
        // The least key behind it.
        from.extend(after.map(|_| 0));
        let found = self.next_rows(Table::Ids, &[], &from, limit)?;
        let read =
            |(id, place): (Vec<u8>, Vec<u8>)| Some((StatementId(id.try_into().ok()?), Place::from_bytes(&place)?));
        Ok(found.into_iter().filter_map(read).take(limit).collect())
    }

    /// The newest order ever accepted at a place, live or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn floor(&self, place: &Place) -> Result<Option<(u32, u64)>, StoreError> {
        Ok(self.floor_row(place)?.map(|floor| floor.order))
    }

    /// The same, and whether the statement of that order may come back.
    pub(crate) fn floor_row(&self, place: &Place) -> Result<Option<Floor>, StoreError> {
        Ok(self.get(Table::Floors, &place.to_bytes())?.and_then(|bytes| Floor::from_bytes(&bytes)))
    }

    /// Calls with each floor's key (the author, or the key of a DHT item) and when it was evicted, if it was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn each_floor(&self, visit: &mut dyn FnMut(Key, Option<u64>)) -> Result<(), StoreError> {
        let mut see = |key: &[u8], value: &[u8]| {
            if let Some(author) = key.first_chunk() {
                visit(Key::known(*author), Floor::from_bytes(value).and_then(|floor| floor.evicted_ms));
            }
        };
        self.store.scan(Table::Floors, &[], &mut |key, value| {
            if self.pending.get(Table::Floors, key).is_none() {
                see(key, value);
            }
            ControlFlow::Continue(())
        })?;
        for (key, value) in self.pending.from(Table::Floors, &[]) {
            if let Some(value) = value {
                see(key, value);
            }
        }
        Ok(())
    }

    /// Puts a statement at its place, which is free: what stood there was removed.
    pub(crate) fn insert(&mut self, place: &Place, stored: &Stored, durability: Durability) {
        let order = stored.statement.header().order();
        let floor = Floor { order, evicted_ms: None, left_ms: None }.to_bytes();
        let (spot, marks) = (place.to_bytes(), stored.marks());
        let (checksum, envelope) = stored.statement.store_parts();
        let pending = &mut self.pending;
        pending.put_parts(Table::Statements, &spot, Some(&[&marks, &checksum, envelope]));
        pending.put(Table::Sequence, &sequence_key(&place.author, order), Some(&place.tail()));
        pending.put(Table::Ids, &stored.statement.id().0, Some(&spot));
        pending.put(Table::Floors, &spot, Some(&floor));
        self.durability = self.durability.max(durability);
        self.changes += u64::from(place.kind != Kind::Head);
    }

    /// Takes the statement at a place away; its floor stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn remove(&mut self, place: &Place) -> Result<Option<Stored>, StoreError> {
        let Some(old) = self.statement(place)? else { return Ok(None) };
        self.put(Table::Statements, place.to_bytes(), None, Durability::Process);
        self.changes += u64::from(place.kind != Kind::Head);
        let order = old.statement.header().order();
        self.put(Table::Sequence, sequence_key(&place.author, order), None, Durability::Process);
        self.put(Table::Ids, old.statement.id().0, None, Durability::Process);
        Ok(Some(old))
    }

    /// Takes a statement away for want of room. Its floor stays, and lets this very statement in again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn evict(&mut self, place: &Place, at: Timestamp) -> Result<Option<Stored>, StoreError> {
        let Some(old) = self.remove(place)? else { return Ok(None) };
        if let Some(floor) = self.floor_row(place)? {
            let floor = Floor { evicted_ms: Some(at.0), left_ms: None, ..floor };
            self.put(Table::Floors, place.to_bytes(), Some(floor.to_bytes()), Durability::Process);
        }
        Ok(Some(old))
    }

    /// Looks at some `count` floors from the key `from` on, and settles those at whose places nothing stands: what is
    /// found like that for the first time is marked with the time, and `is_dead` says of what time a mark is to go. Whose
    /// floors went, and where to go on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn settle_floors(
        &mut self,
        from: &[u8],
        count: usize,
        now: Timestamp,
        is_dead: impl Fn(Timestamp) -> bool,
    ) -> Result<(Vec<Key>, Option<Vec<u8>>), StoreError> {
        let (mut seen, mut next) = (Vec::new(), None);
        self.store.scan_from(Table::Floors, &[], from, &mut |key, value| {
            if seen.len() == count {
                next = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            seen.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        let mut gone = Vec::new();
        for (key, value) in seen {
            // Items of the DHT have floors too, and are no statements. What waits for its commit is seen next time.
            let (Some(place), Some(floor)) = (Place::from_bytes(&key), Floor::from_bytes(&value)) else { continue };
            let is_for_good = place.kind.limits().lifetime_ms_max.is_none();
            if is_for_good || self.pending.get(Table::Floors, &key).is_some() || self.statement(&place)?.is_some() {
                continue;
            }
            match floor.evicted_ms.or(floor.left_ms) {
                None => {
                    let floor = Floor { left_ms: Some(now.0), ..floor };
                    self.put(Table::Floors, key, Some(floor.to_bytes()), Durability::Process);
                }
                Some(at) if is_dead(Timestamp(at)) => {
                    self.put(Table::Floors, key, None, Durability::Process);
                    gone.push(place.author);
                }
                Some(_) => {}
            }
        }
        Ok((gone, next))
    }

    /// Forgets every floor of a key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn drop_floors(&mut self, author: &Key) -> Result<(), StoreError> {
        for (key, _) in self.all(Table::Floors, author.as_bytes())? {
            self.put(Table::Floors, key, None, Durability::Process);
        }
        Ok(())
    }
}

/// The newest order accepted at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Floor {
    /// Generation and sequence number.
    pub order: (u32, u64),
    /// When the statement of that order was taken away for want of room, in Unix milliseconds: it may come back.
    pub evicted_ms: Option<u64>,
    /// When it was noticed that nothing stands there any longer for another reason, in Unix milliseconds.
    pub left_ms: Option<u64>,
}

impl Floor {
    /// Generation and sequence number; then the time of an eviction, or a mark and the time since when nothing is there.
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(21);
        bytes.extend_from_slice(&self.order.0.to_be_bytes());
        bytes.extend_from_slice(&self.order.1.to_be_bytes());
        if let Some(at) = self.evicted_ms {
            bytes.extend_from_slice(&at.to_be_bytes());
        } else if let Some(at) = self.left_ms {
            bytes.push(LEFT);
            bytes.extend_from_slice(&at.to_be_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let order = (fields.u32()?, fields.u64()?);
        let (evicted_ms, left_ms) = match fields.0 {
            [LEFT, at @ ..] if at.len() == 8 => (None, Fields(at).u64()),
            _ => (fields.u64(), None),
        };
        Some(Self { order, evicted_ms, left_ms })
    }
}

/// What stands before the time since when a place is empty.
const LEFT: u8 = 1;

fn sequence_key(author: &Key, (generation, seq): (u32, u64)) -> [u8; 44] {
    let mut key = [0; 44];
    key[..32].copy_from_slice(author.as_bytes());
    key[32..36].copy_from_slice(&generation.to_be_bytes());
    key[36..].copy_from_slice(&seq.to_be_bytes());
    key
}
