//! Ground state on disk: the core's store over RocksDB, one column family a table.

use heirloom_core::store::{Batch, Durability, Store, StoreError, Table};
use rocksdb::{
    BlockBasedOptions, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode, Direction, ErrorKind,
    IteratorMode, Options, ReadOptions, WriteBatch, WriteOptions,
};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Version of the layout on disk. A store of a newer version is not opened.
pub const STORE_VERSION: u32 = 1;

/// Bytes of recent writes that a table keeps in memory before it writes them out; small, since a home node writes little.
const WRITE_BUFFER_BYTES: usize = 4 << 20;
/// Bits that a filter of a file spends on a key: one of a hundred missing keys is looked for in vain.
const FILTER_BITS: f64 = 10.0;
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
    db: DB,
}

impl RocksStore {
    /// Opens the store in a folder, making it when missing. `version_file` stands beside it.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed.
    pub fn open(path: &Path, version_file: &Path) -> Result<Self, OpenError> {
        check_version(version_file)?;
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_max_open_files(OPEN_FILES_MAX);
        options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
        options.set_track_and_verify_wals_in_manifest(true);
        options.set_keep_log_file_num(2);
        options.set_max_background_jobs(2);
        options.set_db_write_buffer_size(4 * WRITE_BUFFER_BYTES);
        let tables = Table::ALL.map(|table| {
            let mut options = Options::default();
            options.set_compression_type(DBCompressionType::Lz4);
            options.set_write_buffer_size(WRITE_BUFFER_BYTES);
            // A new statement is looked for where nothing is: a filter answers that without a look into a file.
            let mut blocks = BlockBasedOptions::default();
            blocks.set_bloom_filter(FILTER_BITS, false);
            options.set_block_based_table_factory(&blocks);
            ColumnFamilyDescriptor::new(table.name(), options)
        });
        let db = DB::open_cf_descriptors(&options, path, tables).map_err(|error| open_error(path, &error))?;
        write_version(version_file)?;
        Ok(Self { db })
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
    if file.exists() {
        return Ok(());
    }
    std::fs::write(file, format!("{STORE_VERSION}\n"))
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
        self.db.get_cf(self.table(table)?, key).map_err(|error| store_error(&error))
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
        let mut writes = WriteBatch::default();
        for ((table, key), value) in &batch.changes {
            let table = self.table(*table)?;
            match value {
                Some(value) => writes.put_cf(table, key, value),
                None => writes.delete_cf(table, key),
            }
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
    fn a_newer_or_locked_store_is_not_opened() {
        let folder = tempfile::tempdir().expect("folder");
        let (store, version) = (folder.path().join("store"), folder.path().join("store-version"));
        let first = RocksStore::open(&store, &version).expect("open");
        assert!(matches!(RocksStore::open(&store, &version), Err(OpenError::InUse { .. })));
        drop(first);
        std::fs::write(&version, "999").expect("write");
        assert!(matches!(RocksStore::open(&store, &version), Err(OpenError::Newer { found: 999, .. })));
        std::fs::write(&version, "x").expect("write");
        assert!(matches!(RocksStore::open(&store, &version), Err(OpenError::BadVersion { .. })));
    }
}
