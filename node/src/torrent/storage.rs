//! Where the library keeps a torrent's content: counted files for downloads, untouchable ones for seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{IoSlice, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};

use anyhow::{Context, bail, ensure};
use librqbit::api::TorrentIdOrHash;
use librqbit::file_info::FileInfo;
use librqbit::storage::filesystem::FilesystemStorageFactory;
use librqbit::storage::{BoxStorageFactory, StorageFactory, StorageFactoryExt, TorrentStorage};
use librqbit::{ManagedTorrentShared, Session, TorrentMetadata};
use librqbit_core::lengths::ValidPieceIndex;
use serde::Deserialize;
use serde::de::value::MapDeserializer;

use super::attribution::Counters;
use super::ledger::Ledger;
use super::{Infohash, disk, paths};

/// Makes the storage of a download: files on disk, each piece booked as it passes its hash check.
#[derive(Clone)]
pub(super) struct CountingFactory {
    pub(super) infohash: Infohash,
    pub(super) ledger: Arc<Ledger>,
    pub(super) session: Weak<Session>,
    /// The folder that file paths of the torrent begin at.
    pub(super) folder: PathBuf,
    /// Where each file is below it: its safe name.
    pub(super) files: Arc<[PathBuf]>,
    /// The files that are wanted; `None`: all of them.
    pub(super) only: Option<Arc<BTreeSet<usize>>>,
    /// Where the bytes of other files go that share a piece with these.
    pub(super) parts: PathBuf,
    /// Whether that folder was made for this torrent, so that it may go with it.
    pub(super) owns_folder: bool,
}

impl StorageFactory for CountingFactory {
    type Storage = CountingStorage;

    fn create(&self, shared: &ManagedTorrentShared, metadata: &TorrentMetadata) -> anyhow::Result<CountingStorage> {
        ensure!(shared.info_hash.0 == self.infohash, "bug: storage of another torrent");
        ensure!(metadata.file_infos.len() == self.files.len(), "bug: names of another torrent");
        // Names were made safe when the torrent was added. Here is the last place before the disk, so once more.
        for (index, place) in
            self.files.iter().enumerate().filter(|(index, _)| !metadata.file_infos[*index].attrs.padding)
        {
            let path = place.iter().map(|part| part.to_str().context("a name is not Unicode"));
            paths::check(&path.collect::<anyhow::Result<Vec<_>>>()?)?;
            if self.is_wanted(index) {
                disk::refuse_links(&self.folder, place)?;
            }
        }
        Ok(CountingStorage {
            files: Box::new(FilesystemStorageFactory::default().create(shared, metadata)?),
            offsets: metadata.file_infos.iter().map(|file| file.offset_in_torrent).collect(),
            factory: self.clone(),
            counters: OnceLock::new(),
        })
    }

    fn clone_box(&self) -> BoxStorageFactory {
        self.clone().boxed()
    }
}

impl CountingFactory {
    fn is_wanted(&self, index: usize) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&index))
    }

    fn place(&self, index: usize) -> PathBuf {
        self.files.get(index).cloned().unwrap_or_default()
    }

    /// The folders that its files lie in, the deepest first.
    fn folders(&self) -> Vec<PathBuf> {
        let above = self.files.iter().flat_map(|place| place.ancestors().skip(1));
        let all: BTreeSet<&Path> = above.filter(|folder| !folder.as_os_str().is_empty()).collect();
        all.into_iter().rev().map(Path::to_owned).collect()
    }

    fn part(&self, index: usize) -> PathBuf {
        self.parts.join(format!("{index}.part"))
    }

    /// The metadata by which files are opened: under their safe names; what nobody asked for has no file, or where a piece
    /// that is wanted reaches into it, a part elsewhere.
    fn places(&self, metadata: &TorrentMetadata) -> TorrentMetadata {
        let wanted: Vec<_> =
            (0..).zip(metadata.file_infos.iter()).filter(|(index, _)| self.is_wanted(*index)).collect();
        let is_shared = |file: &FileInfo| {
            wanted.iter().any(|(_, other)| {
                file.piece_range.start < other.piece_range.end && other.piece_range.start < file.piece_range.end
            })
        };
        let place = |(index, file): (usize, &FileInfo)| {
            let mut file = file.clone();
            file.relative_filename = self.place(index);
            if !self.is_wanted(index) {
                file.attrs.padding |= !is_shared(&file);
                file.relative_filename = self.part(index);
            }
            file
        };
        TorrentMetadata {
            info: metadata.info.clone(),
            torrent_bytes: metadata.torrent_bytes.clone(),
            info_bytes: metadata.info_bytes.clone(),
            file_infos: metadata.file_infos.iter().enumerate().map(place).collect(),
        }
    }
}

/// Reads the counters of all peers of one run of a torrent; `None` when that run is over.
type ReadCounters = Box<dyn Fn() -> Option<BTreeMap<SocketAddr, Counters>> + Send + Sync>;

/// Files on disk whose pieces are booked. The library makes a new one for each run (between two pauses).
pub(super) struct CountingStorage {
    files: Box<dyn TorrentStorage>,
    offsets: Arc<[u64]>,
    factory: CountingFactory,
    /// Set at the first piece, and kept: a torrent that is paused while a piece is being checked still has its peers
    /// in this run, but the session no longer gives the run out.
    counters: OnceLock<ReadCounters>,
}

impl CountingStorage {
    fn wrote(&self, file: usize, offset: u64, bytes: usize) {
        if let Some(start) = self.offsets.get(file) {
            self.factory.ledger.wrote(start + offset, bytes as u64);
        }
    }

    fn counters(&self) -> BTreeMap<SocketAddr, Counters> {
        if let Some(read) = self.counters.get() {
            return read().unwrap_or_default();
        }
        let Some(read) = self.find_run() else { return BTreeMap::new() };
        self.counters.get_or_init(|| read)().unwrap_or_default()
    }

    fn find_run(&self) -> Option<ReadCounters> {
        let infohash = TorrentIdOrHash::Hash(librqbit_core::Id20::new(self.factory.infohash));
        let run = Arc::downgrade(&self.factory.session.upgrade()?.get(infohash)?.live()?);
        Some(Box::new(move || {
            // The filter's type cannot be named from here, but it can be decoded. Without it, only peers that are
            // connected right now would be listed.
            let filter = MapDeserializer::<_, serde::de::value::Error>::new([("state", "all")].into_iter());
            let all = Deserialize::deserialize(filter).ok()?;
            let snapshot = run.upgrade()?.per_peer_stats_snapshot(all);
            let peers = snapshot.peers.into_iter().filter_map(|(address, stats)| {
                let counters = Counters {
                    fetched: stats.counters.fetched_bytes,
                    completed: stats.counters.downloaded_and_checked_pieces.into(),
                    taken_from: stats.counters.times_stolen_from_me.into(),
                    live: stats.state == "live",
                    name: stats.client_name,
                };
                Some((address.parse().ok()?, counters))
            });
            Some(peers.collect())
        }))
    }
}

impl TorrentStorage for CountingStorage {
    fn init(&mut self, shared: &ManagedTorrentShared, metadata: &TorrentMetadata) -> anyhow::Result<()> {
        self.factory.ledger.restart();
        if self.factory.only.is_some() {
            std::fs::create_dir_all(&self.factory.parts)?;
        }
        self.files.init(shared, &self.factory.places(metadata))
    }

    fn pread_exact(&self, file: usize, offset: u64, buffer: &mut [u8]) -> anyhow::Result<()> {
        self.files.pread_exact(file, offset, buffer)
    }

    fn pwrite_all(&self, file: usize, offset: u64, bytes: &[u8]) -> anyhow::Result<()> {
        self.wrote(file, offset, bytes.len());
        self.files.pwrite_all(file, offset, bytes)
    }

    fn pwrite_all_vectored(&self, file: usize, offset: u64, parts: [IoSlice<'_>; 2]) -> anyhow::Result<usize> {
        self.wrote(file, offset, parts.iter().map(|part| part.len()).sum());
        self.files.pwrite_all_vectored(file, offset, parts)
    }

    fn remove_file(&self, file: usize, _: &Path) -> anyhow::Result<()> {
        if !self.factory.is_wanted(file) {
            // What lies under its own name is none of this torrent's doing.
            return match std::fs::remove_file(self.factory.part(file)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        }
        let name = self.factory.place(file);
        disk::refuse_links(&self.factory.folder, &name)?;
        self.files.remove_file(file, &name)
    }

    /// The library names the folders that the torrent speaks of, and its own at last. What lies on disk are those of the safe
    /// names: they go together, at the end.
    fn remove_directory_if_empty(&self, path: &Path) -> anyhow::Result<()> {
        if path != Path::new("") {
            return Ok(());
        }
        for folder in self.factory.folders() {
            disk::refuse_links(&self.factory.folder, &folder)?;
            // One in which something else lies stays.
            if self.factory.folder.join(&folder).is_dir() {
                self.files.remove_directory_if_empty(&folder)?;
            }
        }
        if self.factory.owns_folder { self.files.remove_directory_if_empty(path) } else { Ok(()) }
    }

    fn ensure_file_length(&self, file: usize, length: u64) -> anyhow::Result<()> {
        self.files.ensure_file_length(file, length)
    }

    fn take(&self) -> anyhow::Result<Box<dyn TorrentStorage>> {
        Ok(Box::new(Self {
            files: self.files.take()?,
            offsets: self.offsets.clone(),
            factory: self.factory.clone(),
            counters: OnceLock::new(),
        }))
    }

    /// Called by the library on the thread that checked the piece, while that peer's counters are already updated and
    /// no lock of the library is held.
    fn on_piece_completed(&self, piece: ValidPieceIndex) -> anyhow::Result<()> {
        self.factory.ledger.book(piece.get(), || self.counters());
        self.files.on_piece_completed(piece)
    }
}

/// The storage of a seed: the owner's own files, read where they are, and never written, resized or deleted.
///
/// Each read opens its file: a node that seeds a thousand works must not hold thousands of files open. It costs about
/// 10 µs per block of 16 KiB.
#[derive(Clone)]
pub(super) struct SeedStorage {
    /// One per file of the torrent; `None` for padding.
    pub(super) files: Arc<[Option<PathBuf>]>,
}

impl StorageFactory for SeedStorage {
    type Storage = Self;

    fn create(&self, _: &ManagedTorrentShared, _: &TorrentMetadata) -> anyhow::Result<Self> {
        Ok(self.clone())
    }

    fn clone_box(&self) -> BoxStorageFactory {
        self.clone().boxed()
    }
}

impl TorrentStorage for SeedStorage {
    fn init(&mut self, _: &ManagedTorrentShared, _: &TorrentMetadata) -> anyhow::Result<()> {
        Ok(())
    }

    fn pread_exact(&self, file: usize, offset: u64, buffer: &mut [u8]) -> anyhow::Result<()> {
        let path = self.files.get(file).and_then(Option::as_ref).context("no such file")?;
        let mut reader = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        reader.seek(SeekFrom::Start(offset))?;
        reader.read_exact(buffer).with_context(|| format!("cannot read {}", path.display()))
    }

    fn pwrite_all(&self, _: usize, _: u64, _: &[u8]) -> anyhow::Result<()> {
        bail!("seeded content is never written")
    }

    fn remove_file(&self, _: usize, _: &Path) -> anyhow::Result<()> {
        Ok(())
    }

    fn remove_directory_if_empty(&self, _: &Path) -> anyhow::Result<()> {
        Ok(())
    }

    fn ensure_file_length(&self, _: usize, _: u64) -> anyhow::Result<()> {
        Ok(())
    }

    fn take(&self) -> anyhow::Result<Box<dyn TorrentStorage>> {
        Ok(Box::new(self.clone()))
    }
}
