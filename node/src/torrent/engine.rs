//! The engine itself: two sessions, one tracker, and a table of what they do.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Infohash;
use super::bookings::Bookings;
use super::config::Config;
use super::errors::{AddError, RemoveError, StartError, StreamError};
use super::metainfo::Metainfo;

/// What to download.
#[derive(Debug, Clone, Default)]
pub struct Download {
    /// The torrent.
    pub infohash: Infohash,
    /// Its torrent file, when at hand. Otherwise the metadata comes from peers.
    pub torrent: Option<Vec<u8>>,
    /// SHA-256 of the info dictionary, as a listing signed it. Anything else is refused before anything is written.
    pub info_sha256: Option<[u8; 32]>,
    /// Name to show until the metadata is here.
    pub name: Option<String>,
    /// Trackers to ask besides our own.
    pub trackers: Vec<String>,
    /// Folder that the torrent's file or folder goes into; [`Config::downloads`] when `None`.
    pub to: Option<PathBuf>,
    /// Peers to ask first.
    pub peers: Vec<SocketAddr>,
}

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
}

/// How far a torrent is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What the engine does with it.
    pub state: State,
    /// Its name, if known.
    pub name: Option<String>,
    /// Whether the named session has it.
    pub named: bool,
    /// Bytes that are here and checked (while checking: bytes read so far).
    pub bytes: u64,
    /// Size of the content; 0 until the metadata is here.
    pub total: u64,
    /// The file or folder on disk, once known.
    pub path: Option<PathBuf>,
    /// Whether everything is here, and all of it booked: when this is true, [`Bookings::drain`] has it all.
    pub finished: bool,
    /// What stopped it.
    pub error: Option<String>,
    /// Peers connected now.
    pub peers: usize,
    /// Bytes given away since it was added.
    pub uploaded: u64,
    /// Bytes per second coming in.
    pub down_rate: u64,
    /// Bytes per second going out.
    pub up_rate: u64,
    /// Its files, once the metadata is here.
    pub files: Vec<FileProgress>,
}

/// A file of a torrent as a seekable stream; what is not here yet is fetched first.
pub trait Stream: tokio::io::AsyncRead + tokio::io::AsyncSeek + Send + Unpin {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncSeek + Send + Unpin> Stream for T {}

/// The torrent engine. Clones are handles to the same engine.
#[derive(Clone)]
pub struct Engine {}

impl Engine {
    /// Starts both sessions and the private tracker.
    ///
    /// # Errors
    /// When an address is taken or cannot be listened on, or a folder cannot be made.
    pub async fn start(config: Config, bookings: Arc<Bookings>) -> Result<Self, StartError> {
        let _ = (config, bookings);
        Ok(Self {})
    }

    /// Where the sessions listen: anonymous, named.
    pub fn listen_addrs(&self) -> (SocketAddr, SocketAddr) {
        (
            (IpAddr::from([0; 4]), 0).into(),
            (IpAddr::from([0; 4]), 0).into(),
        )
    }

    /// Tells the engine under which addresses others see this node, so that it never takes itself for a peer.
    pub fn set_external_ips(&self, ips: Vec<IpAddr>) {
        let _ = ips;
    }

    /// Seeds content that is on disk: `content` is the file, or the folder, that the torrent was made of. It is only read.
    ///
    /// Returns once the torrent is added; the content is hashed after that, and `progress` tells the result. Adding it
    /// twice changes nothing.
    ///
    /// # Errors
    /// When the torrent is not acceptable or a file is missing or of another size.
    pub async fn seed(&self, torrent: &[u8], content: &Path, named: bool) -> Result<(), AddError> {
        let _ = (torrent, content, named);
        Err(AddError::Stopped)
    }

    /// Downloads a torrent, continuing from what is on disk, and seeds it afterwards (in the anonymous session).
    ///
    /// With a torrent file, every refusal is returned here. Without one it returns at once and keeps looking for
    /// somebody who has the metadata until it is removed; a refusal of that metadata is then in `progress`.
    ///
    /// # Errors
    /// When the torrent is refused. Nothing was written then.
    pub async fn download(&self, download: Download) -> Result<(), AddError> {
        let _ = download;
        Err(AddError::Stopped)
    }

    /// Adds peers to ask for a torrent (from a listing, say). Unknown torrents are ignored.
    pub fn hint(&self, infohash: Infohash, peers: &[SocketAddr]) {
        let _ = (infohash, peers);
    }

    /// How far a torrent is; `None` when it is not here.
    pub fn progress(&self, infohash: Infohash) -> Option<Progress> {
        let _ = infohash;
        None
    }

    /// All torrents that are here, in the order of their infohashes.
    pub fn torrents(&self) -> Vec<Infohash> {
        Vec::new()
    }

    /// The checked metadata of a torrent, once it is here.
    pub fn metainfo(&self, infohash: Infohash) -> Option<Arc<Metainfo>> {
        let _ = infohash;
        None
    }

    /// Opens a file of a torrent for playing; pieces around the reading position are fetched first.
    ///
    /// # Errors
    /// When the metadata is not here yet, there is no such file, or too many streams are open.
    pub async fn stream(
        &self,
        infohash: Infohash,
        file: usize,
    ) -> Result<Box<dyn Stream>, StreamError> {
        Err(StreamError::NoFile {
            infohash: data_encoding::HEXLOWER.encode(&infohash),
            index: file,
        })
    }

    /// Stops a torrent until `resume`.
    ///
    /// # Errors
    /// When it is not here.
    pub async fn pause(&self, infohash: Infohash) -> Result<(), RemoveError> {
        let _ = infohash;
        Ok(())
    }

    /// Continues a paused or failed torrent.
    ///
    /// # Errors
    /// When it is not here.
    pub async fn resume(&self, infohash: Infohash) -> Result<(), RemoveError> {
        let _ = infohash;
        Ok(())
    }

    /// Forgets a torrent; its files stay.
    ///
    /// # Errors
    /// When it is not here.
    pub async fn remove(&self, infohash: Infohash) -> Result<(), RemoveError> {
        let _ = infohash;
        Ok(())
    }

    /// Forgets a torrent and deletes the files that its download wrote. Seeded content is never deleted.
    ///
    /// # Errors
    /// When it is not here.
    pub async fn remove_and_delete(&self, infohash: Infohash) -> Result<(), RemoveError> {
        let _ = infohash;
        Ok(())
    }

    /// Stops everything. Afterwards every operation fails with "stopped" or does nothing.
    pub async fn stop(&self) {}
}
