//! Where ground state lives: a small ordered key–value interface, its in-memory twin, and the conformance suite that
//! both the twin and RocksDB pass.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

pub use crate::batch::Batch;

/// A family of keys. Every one of them holds ground state; what is derived is rebuilt at start and never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// author (32) ‖ kind (1) ‖ slot (32) → statement record.
    Statements,
    /// author (32) ‖ generation (4) ‖ seq (8) → kind (1) ‖ slot (32): two statements with one number are found here.
    Sequence,
    /// store id (32) → author ‖ kind ‖ slot.
    Ids,
    /// author ‖ kind ‖ slot, or key (32) ‖ salt of a DHT item → the newest order ever accepted: no rollback.
    Floors,
    /// key (32) → follow.
    Follows,
    /// infohash (20) ‖ address (16) ‖ key (32, zero for none) ‖ UTC day (4) → hash-checked bytes.
    Ledger,
    /// infohash (20) ‖ chunk (4) → bitmap of the pieces that are booked, so that no byte is booked twice.
    Pieces,
    /// infohash (20) → what this node seeds or fetches.
    Torrents,
    /// author (32) → generation (4) ‖ seq (8) up to which its log was pulled from peers, so that a pull goes on there.
    Pulled,
    /// author (32) ‖ infohash (20) → an archive that is kept, fetched, or was refused.
    Archives,
    /// `l` ‖ client (1) ‖ infohash (20) ‖ address (16) ‖ key (32, zero for none) ‖ UTC day (4) → bytes that another client of
    /// the owner received; `t` ‖ client (1) ‖ infohash (20) → what of its figures was booked, so that none is booked twice.
    Observed,
    /// infohash (20) → what was handed to another client to fetch.
    Handed,
    /// infohash (20) → what was found when it was fetched, and is not what its listings say.
    Findings,
    /// Names of single values: sequence number, salt, settings.
    Local,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 14] = [
        Self::Statements,
        Self::Sequence,
        Self::Ids,
        Self::Floors,
        Self::Follows,
        Self::Ledger,
        Self::Pieces,
        Self::Torrents,
        Self::Pulled,
        Self::Archives,
        Self::Observed,
        Self::Handed,
        Self::Findings,
        Self::Local,
    ];

    /// Name on disk.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Statements => "statements",
            Self::Sequence => "sequence",
            Self::Ids => "ids",
            Self::Floors => "floors",
            Self::Follows => "follows",
            Self::Ledger => "ledger",
            Self::Pieces => "pieces",
            Self::Torrents => "torrents",
            Self::Pulled => "pulled",
            Self::Archives => "archives",
            Self::Observed => "observed",
            Self::Handed => "handed",
            Self::Findings => "findings",
            Self::Local => "local",
        }
    }
}

/// Whether a write must survive a power cut before anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Survives the death of the process. For what others can send again.
    Process,
    /// Survives a power cut. For own statements, floors and sequence numbers.
    Disk,
}

/// Keys and values, in key order.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// What sees each key and value of a scan, and says when it has seen enough.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

/// A change of a batch, for [`conformance`]: `None` deletes.
type Change<'a> = (Table, &'a [u8], Option<&'a [u8]>);

/// Why the store did not do what it was asked. There is no way on but to stop the process.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// No space is left. Free some and start again.
    #[error("the disk is full: free some space and start again")]
    DiskFull,
    /// Anything else that the disk or the database reports.
    #[error("store: {0}")]
    Io(String),
}

/// An ordered key–value store with atomic batches.
pub trait Store {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError`]; the process stops.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Visits every key that begins with `prefix`, in ascending byte order, until the visitor breaks.
    ///
    /// # Errors
    /// [`StoreError`]; the process stops.
    fn scan(&self, table: Table, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        self.scan_from(table, prefix, prefix, visit)
    }

    /// As [`Store::scan`], but begins at the first key that is not below `from`.
    ///
    /// # Errors
    /// [`StoreError`]; the process stops.
    fn scan_from(&self, table: Table, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError>;

    /// Makes every change of the batch, or none.
    ///
    /// # Errors
    /// [`StoreError`]; the process stops.
    fn write(&mut self, batch: &Batch, durability: Durability) -> Result<(), StoreError>;
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(table, key)
    }

    fn scan_from(&self, table: Table, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        (**self).scan_from(table, prefix, from, visit)
    }

    fn write(&mut self, batch: &Batch, durability: Durability) -> Result<(), StoreError> {
        (**self).write(batch, durability)
    }
}

/// The store in memory: for tests, for the simulator, and to say what RocksDB must do.
///
/// It remembers what reached the disk, so that a simulated power cut loses exactly what a real one may lose.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    now: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    on_disk: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    /// When set, every write fails with this.
    pub failing: Option<StoreError>,
}

impl MemoryStore {
    /// What is left after a power cut: everything up to the last write with [`Durability::Disk`].
    #[must_use]
    pub fn after_power_cut(&self) -> Self {
        Self { now: self.on_disk.clone(), on_disk: self.on_disk.clone(), failing: None }
    }
}

impl Store for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.now.get(&(table, key.to_vec())).cloned())
    }

    fn scan_from(&self, table: Table, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        let first = prefix.max(from).to_vec();
        for ((_, key), value) in
            self.now.range((table, first)..).take_while(|((t, k), _)| *t == table && k.starts_with(prefix))
        {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &Batch, durability: Durability) -> Result<(), StoreError> {
        if let Some(error) = &self.failing {
            return Err(error.clone());
        }
        batch.each(&mut |table, key, value| {
            let key = (table, key.to_vec());
            match value {
                Some(value) => self.now.insert(key, value.to_vec()),
                None => self.now.remove(&key),
            };
        });
        // The write-ahead log is one file: syncing it takes along whatever was written before.
        if durability == Durability::Disk {
            self.on_disk = self.now.clone();
        }
        Ok(())
    }
}

/// What every store must do. Call it with an empty store; `reopen` closes and opens it again.
///
/// # Panics
/// When the store does not conform.
pub fn conformance<S: Store>(store: S, reopen: impl Fn(S) -> S) {
    let mut store = store;
    let keys = |store: &S, table: Table, prefix: &[u8]| {
        let mut found = Vec::new();
        store
            .scan(table, prefix, &mut |key, value| {
                found.push((key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            })
            .expect("scan");
        found
    };
    let batch = |changes: &[Change<'_>]| changes.iter().copied().collect::<Batch>();
    assert_eq!(store.get(Table::Local, b"a").expect("get"), None, "empty at first");
    let first: &[Change<'_>] = &[
        (Table::Local, b"b", Some(b"2")),
        (Table::Local, b"a", Some(b"1")),
        (Table::Local, b"ab", Some(b"")),
        (Table::Local, b"a\xff", Some(b"3")),
        (Table::Follows, b"a", Some(b"other table")),
        (Table::Follows, &[7; 300], Some(b"a long key")),
    ];
    store.write(&batch(first), Durability::Disk).expect("write");
    assert_eq!(store.get(Table::Local, b"a").expect("get"), Some(b"1".to_vec()));
    assert_eq!(store.get(Table::Local, b"ab").expect("get"), Some(Vec::new()), "an empty value is a value");
    assert_eq!(store.get(Table::Follows, b"a").expect("get"), Some(b"other table".to_vec()), "tables are apart");
    assert_eq!(store.get(Table::Follows, &[7; 300]).expect("get"), Some(b"a long key".to_vec()));
    let with_a: Vec<Vec<u8>> = keys(&store, Table::Local, b"a").into_iter().map(|(key, _)| key).collect();
    assert_eq!(with_a, [b"a".to_vec(), b"ab".to_vec(), b"a\xff".to_vec()], "prefix scan in byte order");
    assert_eq!(keys(&store, Table::Local, b"").len(), 4, "an empty prefix is the whole table");
    let mut seen = 0;
    store
        .scan(Table::Local, b"", &mut |_, _| {
            seen += 1;
            ControlFlow::Break(())
        })
        .expect("scan");
    assert_eq!(seen, 1, "the visitor can stop");
    let mut found = Vec::new();
    store
        .scan_from(Table::Local, b"a", b"ab", &mut |key, _| {
            found.push(key.to_vec());
            ControlFlow::Continue(())
        })
        .expect("scan");
    assert_eq!(found, [b"ab".to_vec(), b"a\xff".to_vec()], "a scan can begin in the middle");
    let second: &[Change<'_>] =
        &[(Table::Local, b"a", None), (Table::Local, b"b", Some(b"22")), (Table::Local, b"missing", None)];
    store.write(&batch(second), Durability::Process).expect("write");
    let store = reopen(store);
    assert_eq!(store.get(Table::Local, b"a").expect("get"), None, "deleted");
    assert_eq!(store.get(Table::Local, b"b").expect("get"), Some(b"22".to_vec()), "replaced, and kept over a restart");
    for table in Table::ALL {
        assert!(keys(&store, table, b"").len() <= 3, "{}", table.name());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_store_conforms() {
        conformance(MemoryStore::default(), |store| store);
    }

    #[test]
    fn a_power_cut_loses_what_was_not_synced() {
        let mut store = MemoryStore::default();
        let one = |key: &[u8]| Batch::from_iter([(Table::Local, key, Some([1]))]);
        store.write(&one(b"synced"), Durability::Disk).expect("write");
        store.write(&one(b"loose"), Durability::Process).expect("write");
        let left = store.after_power_cut();
        assert!(left.get(Table::Local, b"synced").expect("get").is_some());
        assert!(left.get(Table::Local, b"loose").expect("get").is_none());
    }
}
