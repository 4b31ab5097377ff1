//! Ground state on disk: the core's store over RocksDB, one column family a table.

use heirloom_core::Budgets;
use heirloom_core::store::{Batch, Durability, Store, StoreError, Table};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode, Direction, ErrorKind,
    IteratorMode, Options, ReadOptions, WriteBatch, WriteOptions,
};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Version of the layout on disk: one more with each table. A store of a newer version is not opened, an older one becomes
/// one of this version.
pub const STORE_VERSION: u32 = 2;

/// Bytes of recent writes that a table keeps in memory before it writes them out; small, since a home node writes little.
const WRITE_BUFFER_BYTES: usize = 4 << 20;
/// Bits that a filter of a file spends on a key: one of a hundred missing keys is looked for in vain.
const FILTER_BITS: f64 = 10.0;
/// The part of a write buffer that filters its own keys, where every new statement looks for what is not there: 84 kB,
/// which are 18 bits for each of the 36,000 floors that a full one holds.
const MEMTABLE_FILTER_SHARE: f64 = 0.02;
/// Tables' write buffers together, and the log that can restore them: what is in memory and on disk beside the tables.
const WRITE_BUFFERS_BYTES: usize = 4 * WRITE_BUFFER_BYTES;
/// The part of the memory budget that blocks and indexes read from disk may take, all tables together: the rest is for
/// what is derived, torrents and peers. RocksDB's own default is 32 MiB for each of our ten tables.
const CACHE_SHARE: u64 = 16;
const CACHE_BYTES_MIN: u64 = 8 << 20;
const CACHE_BYTES_MAX: u64 = 32 << 20;
/// Rewriting the whole store takes at most this part of the time: two gigabytes are seconds of work, a few megabytes none.
const COMPACT_SHARE: u32 = 50;
/// What a row of a batch takes beside its key and value: its type, its table and two lengths.
const ROW_OVERHEAD_BYTES: usize = 8;
/// Most open files: the system's usual limit is 1024 and torrents need most of it.
const OPEN_FILES_MAX: i32 = 128;

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by another process: stop the other node, or use another --home", path.display())]
    InUse {
        /// Where.
        path: PathBuf,
    },
    /// A newer Heirloom wrote it.
    #[error("{} was written by a newer Heirloom (store version {found}, this one reads {STORE_VERSION}): install the newer version, or use another --home", path.display())]
    Newer {
        /// Where.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The version file is damaged.
    #[error("{} does not hold a store version: restore it from a backup (it holds the number {STORE_VERSION})", path.display())]
    BadVersion {
        /// Where.
        path: PathBuf,
    },
    /// No space is left.
    #[error("the disk that holds {} is full: free some space and start again", path.display())]
    DiskFull {
        /// Where.
        path: PathBuf,
    },
    /// Anything else.
    #[error("cannot open the store {}: {reason}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// In the words of the system.
        reason: String,
    },
}

/// The store.
pub struct RocksStore {
    db: Arc<DB>,
    /// As RocksDB has them. COST: made anew for each look-up they took a third of its time.
    reads: ReadOptions,
    cache: Cache,
    path: PathBuf,
    quota_bytes: u64,
}

/// What a store takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreUse {
    /// Bytes of its files.
    pub file_bytes: u64,
    /// Memory of blocks read and of what is not written out yet.
    pub memory_bytes: u64,
    /// Most that this memory may be.
    pub memory_bytes_max: u64,
}

/// Looks at a store that is open elsewhere, and keeps it open for nobody.
#[derive(Clone)]
pub struct Gauge {
    db: Weak<DB>,
    cache: Cache,
    path: PathBuf,
    quota_bytes: u64,
    /// When the store was rewritten last, and how long that took.
    compacted: Arc<Mutex<Option<(Instant, Duration)>>>,
}

impl Gauge {
    /// What the store takes now.
    #[must_use]
    pub fn read(&self) -> StoreUse {
        let buffers = self
            .db
            .upgrade()
            .map(|db| {
                let of = |table: Table| {
                    let table = db.cf_handle(table.name())?;
                    db.property_int_value_cf(table, "rocksdb.cur-size-all-mem-tables").ok().flatten()
                };
                Table::ALL.into_iter().filter_map(of).sum::<u64>()
            })
            .unwrap_or(0);
        let cached = u64::try_from(self.cache.get_usage()).unwrap_or(u64::MAX);
        StoreUse {
            file_bytes: self.file_bytes(),
            memory_bytes: cached.saturating_add(buffers),
            memory_bytes_max: CACHE_BYTES_MAX + WRITE_BUFFERS_BYTES as u64,
        }
    }

    fn file_bytes(&self) -> u64 {
        let Ok(files) = std::fs::read_dir(&self.path) else { return 0 };
        files.flatten().filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
    }

    /// Rewrites the store when its files take more than the owner grants: what the core gave up is still in them.
    /// Takes a while; says whether it did so.
    pub fn mind_the_quota(&self) -> bool {
        if self.file_bytes() <= self.quota_bytes {
            return false;
        }
        let Some(db) = self.db.upgrade() else { return false };
        // A panic while the lock was held leaves times behind, which are as good as any.
        let mut compacted = self.compacted.lock().unwrap_or_else(PoisonError::into_inner);
        if compacted.is_some_and(|(at, took)| at.elapsed() < took * COMPACT_SHARE) {
            return false;
        }
        let start = Instant::now();
        for table in Table::ALL.into_iter().filter_map(|table| db.cf_handle(table.name())) {
            // Once given up, this returns at once.
            db.compact_range_cf(table, None::<&[u8]>, None::<&[u8]>);
        }
        *compacted = Some((Instant::now(), start.elapsed()));
        true
    }

    /// Ends a rewriting that is under way: the process is to stop, and nothing is lost by it.
    pub fn give_up(&self) {
        if let Some(db) = self.db.upgrade() {
            db.cancel_all_background_work(false);
        }
    }
}

impl RocksStore {
    /// Opens the store in a folder, making it when missing. `version_file` stands beside it.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed.
    pub fn open(path: &Path, version_file: &Path) -> Result<Self, OpenError> {
        Self::open_within(path, version_file, &Budgets::default())
    }

    /// As [`RocksStore::open`], with other budgets of memory and disk.
    ///
    /// # Errors
    /// As [`RocksStore::open`].
    pub fn open_within(path: &Path, version_file: &Path, budgets: &Budgets) -> Result<Self, OpenError> {
        check_version(version_file)?;
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_max_open_files(OPEN_FILES_MAX);
        options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
        options.set_track_and_verify_wals_in_manifest(true);
        options.set_keep_log_file_num(2);
        options.set_max_background_jobs(2);
        options.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
        options.set_max_total_wal_size(WRITE_BUFFERS_BYTES as u64);
        let cache_bytes = (budgets.memory_bytes / CACHE_SHARE).clamp(CACHE_BYTES_MIN, CACHE_BYTES_MAX);
        let cache = Cache::new_lru_cache(usize::try_from(cache_bytes).unwrap_or(usize::MAX));
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&cache);
        // A new statement is looked for where nothing is: a filter answers that without a look into a file.
        blocks.set_bloom_filter(FILTER_BITS, false);
        // Else they lie in memory beside the cache, and grow with the store.
        blocks.set_cache_index_and_filter_blocks(true);
        let tables = Table::ALL.map(|table| {
            let mut options = Options::default();
            options.set_compression_type(DBCompressionType::Lz4);
            options.set_write_buffer_size(WRITE_BUFFER_BYTES);
            options.set_block_based_table_factory(&blocks);
            if table == Table::Floors {
                options.set_memtable_prefix_bloom_ratio(MEMTABLE_FILTER_SHARE);
                options.set_memtable_whole_key_filtering(true);
            }
            ColumnFamilyDescriptor::new(table.name(), options)
        });
        let db = DB::open_cf_descriptors(&options, path, tables).map_err(|error| open_error(path, &error))?;
        write_version(version_file)?;
        Ok(Self {
            db: Arc::new(db),
            reads: ReadOptions::default(),
            cache,
            path: path.into(),
            quota_bytes: budgets.store_bytes,
        })
    }

    /// To look at it from elsewhere.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        Gauge {
            db: Arc::downgrade(&self.db),
            cache: self.cache.clone(),
            path: self.path.clone(),
            quota_bytes: self.quota_bytes,
            compacted: Arc::default(),
        }
    }

    fn table(&self, table: Table) -> Result<&rocksdb::ColumnFamily, StoreError> {
        let missing = || StoreError::Io(format!("the table {} is missing", table.name()));
        self.db.cf_handle(table.name()).ok_or_else(missing)
    }
}

fn check_version(file: &Path) -> Result<(), OpenError> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OpenError::Io { path: file.into(), reason: error.to_string() }),
    };
    match text.trim().parse() {
        Ok(found) if found > STORE_VERSION => Err(OpenError::Newer { path: file.into(), found }),
        Ok(_) => Ok(()),
        Err(_) => Err(OpenError::BadVersion { path: file.into() }),
    }
}

fn write_version(file: &Path) -> Result<(), OpenError> {
    let version = format!("{STORE_VERSION}\n");
    if std::fs::read_to_string(file).is_ok_and(|text| text == version) {
        return Ok(());
    }
    let new = file.with_extension("new");
    std::fs::write(&new, version)
        .and_then(|()| std::fs::rename(&new, file))
        .map_err(|error| OpenError::Io { path: file.into(), reason: error.to_string() })
}

fn is_full(text: &str) -> bool {
    text.contains("No space left") || text.contains("Disk quota exceeded")
}

fn open_error(path: &Path, error: &rocksdb::Error) -> OpenError {
    let text = error.to_string();
    if is_full(&text) {
        OpenError::DiskFull { path: path.into() }
    } else if text.contains("lock") && error.kind() == ErrorKind::IOError {
        OpenError::InUse { path: path.into() }
    } else {
        OpenError::Io { path: path.into(), reason: text }
    }
}

fn store_error(error: &rocksdb::Error) -> StoreError {
    let text = error.to_string();
    if is_full(&text) { StoreError::DiskFull } else { StoreError::Io(text) }
}

impl Store for RocksStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.db.get_cf_opt(self.table(table)?, key, &self.reads).map_err(|error| store_error(&error))
    }

    fn scan_from(
        &self,
        table: Table,
        prefix: &[u8],
        from: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mode = IteratorMode::From(prefix.max(from), Direction::Forward);
        for entry in self.db.iterator_cf_opt(self.table(table)?, ReadOptions::default(), mode) {
            let (key, value) = entry.map_err(|error| store_error(&error))?;
            if !key.starts_with(prefix) || visit(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &Batch, durability: Durability) -> Result<(), StoreError> {
        let (rows, bytes) = batch.size();
        let mut writes = WriteBatch::with_capacity_bytes(bytes + rows * ROW_OVERHEAD_BYTES);
        let (mut last, mut missing) = (None, None);
        batch.each(&mut |table, key, value| {
            // Changes come table by table, and finding one by its name takes longer than adding a change.
            let family = match last {
                Some((of, family)) if of == table => family,
                _ => match self.table(table) {
                    Ok(family) => family,
                    Err(error) => return missing = Some(error),
                },
            };
            last = Some((table, family));
            match value {
                Some(value) => writes.put_cf(family, key, value),
                None => writes.delete_cf(family, key),
            }
        });
        if let Some(error) = missing {
            return Err(error);
        }
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Disk);
        self.db.write_opt(writes, &options).map_err(|error| store_error(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rocksdb_conforms() {
        let folder = tempfile::tempdir().expect("folder");
        let open =
            || RocksStore::open(&folder.path().join("store"), &folder.path().join("store-version")).expect("open");
        heirloom_core::store::conformance(open(), |store| {
            drop(store);
            open()
        });
    }

    #[test]
    fn what_was_given_up_leaves_the_disk_when_the_files_are_over_the_quota() {
        let folder = tempfile::tempdir().expect("folder");
        let budgets = Budgets { store_bytes: 24 << 20, ..Budgets::default() };
        let mut store =
            RocksStore::open_within(&folder.path().join("store"), &folder.path().join("v"), &budgets).expect("open");
        let gauge = store.gauge();
        let key = |number: u32| number.to_be_bytes().to_vec();
        // Bytes that do not compress.
        let noise = |number: u32| {
            let mut state = u64::from(number) | 1 << 40;
            std::iter::repeat_with(move || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                u8::try_from(state >> 56).expect("a byte")
            })
        };
        for chunk in 0..20 {
            let rows = chunk * 100..(chunk + 1) * 100;
            let all = rows.map(|n| (Table::Statements, key(n), Some(noise(n).take(20_000).collect::<Vec<u8>>())));
            store.write(&all.collect(), Durability::Process).expect("written");
        }
        assert!(gauge.read().file_bytes > 24 << 20, "{:?}", gauge.read());
        let gone = (0..2000).filter(|n| n % 20 != 0).map(|n| (Table::Statements, key(n), None::<Vec<u8>>));
        store.write(&gone.collect(), Durability::Disk).expect("deleted");
        assert!(gauge.mind_the_quota());
        let used = gauge.read();
        assert!(used.file_bytes < 24 << 20, "{used:?}");
        assert!(used.memory_bytes <= used.memory_bytes_max + (4 << 20), "{used:?}");
        assert!(!gauge.mind_the_quota(), "within its quota");
        let left = |number| store.get(Table::Statements, &key(number)).expect("read").is_some();
        assert!(left(0) && left(20) && !left(1));
        drop(store);
        assert_eq!(gauge.read().memory_bytes, gauge.cache.get_usage() as u64, "it keeps no store open");
        RocksStore::open(&folder.path().join("store"), &folder.path().join("v")).expect("free to open");
    }

    #[test]
    fn a_table_more_is_a_version_more() {
        // An older program cannot open a store with a table that it does not know: the version tells it so in a sentence.
        assert_eq!((STORE_VERSION, Table::ALL.len()), (2, 14));
    }

    #[test]
    fn a_newer_or_locked_store_is_not_opened() {
        let folder = tempfile::tempdir().expect("folder");
        let (store, version) = (folder.path().join("store"), folder.path().join("store-version"));
        let first = RocksStore::open(&store, &version).expect("open");
        assert!(matches!(RocksStore::open(&store, &version), Err(OpenError::InUse { .. })));
        drop(first);
        std::fs::write(&version, "1\n").expect("write");
        drop(RocksStore::open(&store, &version).expect("an older one is opened"));
        assert_eq!(
            std::fs::read_to_string(&version).expect("read"),
            format!("{STORE_VERSION}\n"),
            "and is one of ours"
        );
        std::fs::write(&version, "999").expect("write");
        assert!(matches!(RocksStore::open(&store, &version), Err(OpenError::Newer { found: 999, .. })));
        std::fs::write(&version, "x").expect("write");
        assert!(matches!(RocksStore::open(&store, &version), Err(OpenError::BadVersion { .. })));
    }
}
