//! One error enum per operation. Every message is a clause that can follow a colon.

use std::net::SocketAddr;
use std::path::PathBuf;

use data_encoding::HEXLOWER;

use super::paths::is_deceiving;

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program (or another node) listens there. Stop it, or choose another port.
    #[error("address {address} is already in use")]
    AddressInUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be listened on: not on this machine, or not permitted.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder could not be made.
    #[error("cannot make folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The BitTorrent library did not start.
    #[error("cannot start the BitTorrent session on {address}: {reason}")]
    Session {
        /// The session's address.
        address: SocketAddr,
        /// What the library said.
        reason: String,
    },
}

/// Why a torrent's bytes are not accepted. All of them are the torrent's fault: nothing here passes by waiting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetainfoError {
    /// Not bencode, or cut off, or with something behind it.
    #[error("not a torrent, or a damaged one: {what} at byte {offset}")]
    Damaged {
        /// What is wrong there.
        what: &'static str,
        /// Where, from the start of the file.
        offset: usize,
    },
    /// A key that every torrent has is missing or of the wrong type.
    #[error("not a torrent, or a damaged one: {what}")]
    Malformed {
        /// What is wrong.
        what: String,
    },
    /// Only BitTorrent version 2 (BEP 52), which is not spoken here.
    #[error("a torrent of version 2 only; version 1 or hybrid torrents are supported")]
    Version2Only,
    /// The info dictionary is too large.
    #[error("the torrent's metadata has {bytes} bytes, more than {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Too many files.
    #[error("the torrent has {files} files, more than {limit}")]
    TooManyFiles {
        /// How many.
        files: usize,
        /// The limit.
        limit: usize,
    },
    /// The content is too large, or empty.
    #[error("the torrent's content has {bytes} bytes, not between 1 and {limit}")]
    ContentSize {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The piece length is out of range or not a power of two.
    #[error("the torrent's piece length is {bytes}, not a power of two between 16 KiB and 64 MiB")]
    PieceLength {
        /// Its value.
        bytes: u64,
    },
    /// The number of piece hashes does not fit the content's size.
    #[error("the torrent has {found} piece hashes where its size needs {expected}")]
    PieceCount {
        /// Hashes found.
        found: u64,
        /// Hashes needed.
        expected: u64,
    },
    /// A file is a symbolic link (BEP 47 `l`), which could point anywhere.
    #[error("file {index} of the torrent is a symbolic link")]
    Symlink {
        /// Index of the file.
        index: usize,
    },
    /// A file name that is not safe on every system.
    #[error(transparent)]
    UnsafePath(#[from] UnsafePath),
}

/// A name inside a torrent that must not be written to disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unsafe file name {path:?} in the torrent: {reason}")]
pub struct UnsafePath {
    /// The path, components joined by `/`.
    pub path: String,
    /// Why it is refused.
    pub reason: &'static str,
}

impl UnsafePath {
    /// Of a path by its components. An error text is shown on terminals: no control characters, and not a megabyte of it.
    pub(super) fn new<S: AsRef<str>>(components: &[S], reason: &'static str) -> Self {
        let parts: Vec<&str> = components.iter().map(AsRef::as_ref).collect();
        Self { path: parts.join("/").chars().filter(|c| !is_deceiving(*c)).take(200).collect(), reason }
    }
}

/// Why a magnet link is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MagnetError {
    /// It does not begin with `magnet:?`.
    #[error("not a magnet link: it does not begin with \"magnet:?\"")]
    NotMagnet,
    /// It names no version-1 infohash.
    #[error("the magnet link has no v1 infohash (xt=urn:btih:…)")]
    NoInfohash,
    /// Its infohash is neither 40 hexadecimal nor 32 base32 digits.
    #[error("the magnet link's infohash {text:?} is neither 40 hexadecimal nor 32 base32 digits")]
    BadInfohash {
        /// What stood there.
        text: String,
    },
    /// It names two different infohashes.
    #[error("the magnet link names two different v1 infohashes")]
    Ambiguous,
    /// It is unreasonably long.
    #[error("the magnet link has {bytes} bytes, more than {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

/// Why no torrent could be made of a file or folder.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// It could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{} holds no bytes to share", path.display())]
    Empty {
        /// The file or folder.
        path: PathBuf,
    },
    /// A name is not Unicode text, which torrents need.
    #[error("the name {} is not valid Unicode", path.display())]
    NotUnicode {
        /// The file.
        path: PathBuf,
    },
    /// A file changed its size while it was read. Wait until it is complete.
    #[error("{} changed while it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Whoever asked for it no longer wants it. Nothing was written.
    #[error("publishing was cancelled: nothing was signed")]
    Cancelled,
    /// The result would break a limit that downloaders enforce.
    #[error(transparent)]
    Refused(#[from] MetainfoError),
}

/// Why a torrent was not added, or stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// Its bytes are not acceptable. Nothing was written.
    #[error(transparent)]
    Metainfo(MetainfoError),
    /// A file name in it is not safe. Nothing was written.
    #[error(transparent)]
    UnsafePath(UnsafePath),
    /// The torrent's bytes are those of another infohash. Nothing was written.
    #[error("the torrent file is of {found}, not of {expected}")]
    InfohashMismatch {
        /// Infohash of the bytes, hexadecimal.
        found: String,
        /// Infohash asked for, hexadecimal.
        expected: String,
    },
    /// The info dictionary is not the one that the listing signed. Nothing was written.
    #[error(
        "the torrent's metadata is not what was signed: sha-256 {}, expected {}",
        HEXLOWER.encode(found),
        HEXLOWER.encode(expected)
    )]
    InfoMismatch {
        /// SHA-256 found.
        found: [u8; 32],
        /// SHA-256 signed.
        expected: [u8; 32],
    },
    /// It is not the one file that was asked for. Nothing was written.
    #[error("the torrent is not the file that was asked for: {what}")]
    NotTheFile {
        /// What differs.
        what: String,
    },
    /// Not enough room. Make some, or choose another folder.
    #[error(
        "not enough disk space in {}: {needed} bytes needed, {available} available with {reserve} kept free",
        path.display()
    )]
    DiskFull {
        /// The folder.
        path: PathBuf,
        /// Bytes still to be written.
        needed: u64,
        /// Bytes that the system would give.
        available: u64,
        /// Bytes that are kept free for the rest of the machine.
        reserve: u64,
    },
    /// Something else is where a file would go. Move it, or choose another folder.
    #[error("{} is in the way (choose another folder with --to): {what}", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// The content to be seeded is not there, or not of the size that the torrent says.
    #[error("{} is not the content of this torrent: {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// The disk refused.
    #[error("cannot use {}: {reason}", path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// It is still being downloaded, so it cannot be seeded from elsewhere. Wait, or remove it first.
    #[error("torrent {infohash} is still being downloaded")]
    Unfinished {
        /// Its infohash, hexadecimal.
        infohash: String,
    },
    /// The engine was stopped.
    #[error("the torrent engine is stopped")]
    Stopped,
    /// The BitTorrent library refused.
    #[error("the BitTorrent session refused the torrent: {reason}")]
    Session {
        /// What the library said.
        reason: String,
    },
}

impl From<MetainfoError> for AddError {
    fn from(error: MetainfoError) -> Self {
        match error {
            MetainfoError::UnsafePath(path) => Self::UnsafePath(path),
            other => Self::Metainfo(other),
        }
    }
}

/// Why a torrent was not removed, paused or resumed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// It is not here.
    #[error("no torrent {infohash} here")]
    Unknown {
        /// Its infohash, hexadecimal.
        infohash: String,
    },
    /// The BitTorrent library refused.
    #[error("the BitTorrent session refused for {infohash}: {reason}")]
    Session {
        /// Its infohash, hexadecimal.
        infohash: String,
        /// What the library said.
        reason: String,
    },
}

/// Why a file cannot be streamed.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The torrent is not here, or its metadata has not arrived yet.
    #[error("torrent {infohash} is not ready to be streamed")]
    NotReady {
        /// Its infohash, hexadecimal.
        infohash: String,
    },
    /// It has no such file.
    #[error("torrent {infohash} has no file {index}")]
    NoFile {
        /// Its infohash, hexadecimal.
        infohash: String,
        /// The index asked for.
        index: usize,
    },
    /// As many streams are open as this node serves at once. Close one.
    #[error("{limit} streams are open already")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The BitTorrent library refused.
    #[error("cannot stream file {index} of {infohash}: {reason}")]
    Session {
        /// Its infohash, hexadecimal.
        infohash: String,
        /// The index asked for.
        index: usize,
        /// What the library said.
        reason: String,
    },
}
