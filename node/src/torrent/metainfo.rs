//! What a torrent file says, checked before anything acts on it.

use std::path::Path;

use super::Infohash;
use super::errors::{CreateError, MetainfoError};

/// A file of a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its index in the torrent.
    pub index: usize,
    /// Its path below the torrent's folder; for a torrent of one file, its name alone.
    pub path: Vec<String>,
    /// Its size.
    pub bytes: u64,
    /// Whether it only fills up a piece (BEP 47) and is never written.
    pub padding: bool,
}

/// A checked torrent: names are safe, sizes within limits, piece hashes complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metainfo {
    /// SHA-1 of the info dictionary.
    pub infohash: Infohash,
    /// SHA-256 of exactly the same bytes: what a listing signs.
    pub info_sha256: [u8; 32],
    /// The torrent's name: its file, or its folder.
    pub name: String,
    /// Whether its content is one file, not a folder.
    pub single_file: bool,
    /// Size of the content.
    pub total_bytes: u64,
    /// Size of a piece.
    pub piece_bytes: u32,
    /// Its files, in the torrent's order.
    pub files: Vec<File>,
    /// Whether its peers may come from its own trackers only (BEP 27).
    pub private: bool,
    /// Trackers that it names.
    pub trackers: Vec<String>,
    /// The key that it names (`x.heirloom`, outside the info dictionary): a hint of whom to ask, never evidence.
    pub key: Option<String>,
    /// The bytes of the info dictionary.
    pub info: Vec<u8>,
    /// The bytes of the torrent file.
    pub torrent: Vec<u8>,
}

impl Metainfo {
    /// Reads a torrent file.
    ///
    /// # Errors
    /// Says in one sentence what is wrong with the bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetainfoError> {
        let _ = bytes;
        Err(MetainfoError::Version2Only)
    }
}

/// Makes a torrent of a file or folder. `key` is written beside the info dictionary as `x.heirloom` (`did:key:…`).
///
/// # Errors
/// When something cannot be read, or when downloaders would refuse the result.
pub async fn create(path: &Path, key: Option<&str>) -> Result<Metainfo, CreateError> {
    let _ = key;
    Err(CreateError::Empty {
        path: path.to_owned(),
    })
}
