//! How far a torrent is, in the words of this module rather than the library's.

use std::collections::BTreeSet;
use std::path::PathBuf;

use librqbit::{ManagedTorrent, ManagedTorrentState, TorrentStatsState};

use super::errors::AddError;
use super::ledger::Ledger;
use super::metainfo::Metainfo;

/// What the engine does with a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Looking for a peer that has the metadata.
    Resolving,
    /// Reading what is on disk already.
    Checking,
    /// Fetching pieces, or waiting for peers that have them.
    Downloading,
    /// Complete, and given to whoever asks.
    Seeding,
    /// Stopped by the user.
    Paused,
    /// Stopped by an error; see [`Progress::error`].
    Failed,
}

/// How far a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProgress {
    /// Its index in the torrent.
    pub index: usize,
    /// Where it is on disk.
    pub path: PathBuf,
    /// Its size.
    pub size: u64,
    /// Bytes of it that are here and checked.
    pub bytes: u64,
    /// Whether it is downloaded, or seeded.
    pub is_wanted: bool,
}

/// How far a torrent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What the engine does with it.
    pub state: State,
    /// Its name, if known.
    pub name: Option<String>,
    /// Whether the named session has it.
    pub named: bool,
    /// Bytes that are here and checked (while checking: bytes read so far).
    pub bytes: u64,
    /// Size of the content, or of those of its files that are downloaded; 0 until the metadata is here.
    pub total: u64,
    /// The file or folder on disk, once known.
    pub path: Option<PathBuf>,
    /// Whether everything that is downloaded is here, and all of it booked: once this is true, [`Bookings`](super::Bookings) has it all.
    pub finished: bool,
    /// What stopped it.
    pub error: Option<String>,
    /// Why its metadata was refused, if that is what stopped it.
    pub refused: Option<AddError>,
    /// Peers connected now.
    pub peers: usize,
    /// Bytes given away since it was last started.
    pub uploaded: u64,
    /// Bytes per second coming in.
    pub down_rate: u64,
    /// Bytes per second going out.
    pub up_rate: u64,
    /// Files of a download whose names on disk are not those in the torrent, since those are not safe on every system.
    pub renamed: usize,
    /// Its files, once the metadata is here. Padding is left out.
    pub files: Vec<FileProgress>,
}

impl Progress {
    /// Of a torrent without metadata.
    pub(super) fn unresolved(state: State, name: Option<String>) -> Self {
        Self {
            state,
            name,
            named: false,
            bytes: 0,
            total: 0,
            path: None,
            finished: false,
            error: None,
            refused: None,
            peers: 0,
            uploaded: 0,
            down_rate: 0,
            up_rate: 0,
            renamed: 0,
            files: Vec::new(),
        }
    }

    /// Of a torrent that a session has. `files` is where its files are, padding left out.
    pub(super) fn of(
        handle: &ManagedTorrent,
        meta: &Metainfo,
        ledger: Option<&Ledger>,
        only: Option<&BTreeSet<usize>>,
        files: impl Iterator<Item = (usize, PathBuf)>,
    ) -> Self {
        let stats = handle.stats();
        let checking = matches!(stats.state, TorrentStatsState::Initializing { .. });
        let (have, complete) = match ledger {
            Some(_) => (stats.progress_bytes, stats.finished && !checking),
            // A seed selects no file, so that nothing is ever fetched into the owner's content: its totals say nothing.
            // (And only for seeds: after a download, the library's figures per file leave out files behind empty ones.)
            None => {
                let have = stats.file_progress.iter().sum();
                (have, have == meta.total_bytes)
            }
        };
        let settled = ledger.is_none_or(Ledger::is_settled);
        let state = match stats.state {
            TorrentStatsState::Initializing { paused: true } | TorrentStatsState::Paused => State::Paused,
            TorrentStatsState::Initializing { .. } => State::Checking,
            TorrentStatsState::Live if complete && settled => State::Seeding,
            TorrentStatsState::Live => State::Downloading,
            TorrentStatsState::Error => State::Failed,
        };
        let live = stats.live.as_ref();
        let is_wanted = |index: &usize| only.is_none_or(|only| only.contains(index));
        let files: Vec<FileProgress> = files
            .map(|(index, path)| FileProgress {
                index,
                path,
                size: meta.files[index].bytes,
                bytes: match stats.file_progress.get(index) {
                    _ if complete && is_wanted(&index) => meta.files[index].bytes,
                    Some(bytes) => *bytes,
                    None => 0,
                },
                is_wanted: is_wanted(&index),
            })
            .collect();
        // Of a part, the library counts whole pieces, which reach into other files.
        let (have, total) = if only.is_some() {
            let wanted = || files.iter().filter(|file| file.is_wanted);
            (wanted().map(|file| file.bytes).sum(), wanted().map(|file| file.size).sum())
        } else {
            (have, meta.total_bytes)
        };
        Self {
            state,
            bytes: if checking { stats.progress_bytes } else { have },
            total,
            finished: complete && settled,
            error: handle.with_state(|state| match state {
                ManagedTorrentState::Error(error) => Some(format!("{error:#}").replace('\n', " ")),
                _ => None,
            }),
            peers: live.map_or(0, |live| live.snapshot.peer_stats.live as usize),
            uploaded: stats.uploaded_bytes,
            down_rate: live.map_or(0, |live| live.download_speed.as_bytes()),
            up_rate: live.map_or(0, |live| live.upload_speed.as_bytes()),
            renamed: ledger.map_or(0, |_| meta.renamed()),
            files,
            ..Self::unresolved(state, Some(meta.name.clone()))
        }
    }
}
