//! Why an operation on the DHT failed, one enum per operation.

use std::io;
use std::net::SocketAddrV4;

use mainline::errors::{ConcurrencyError, PutMutableError, PutQueryError};

/// Why the node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not of this machine. Choose another (`--dht`), or stop who has it.
    #[error("cannot listen at {address} (udp) for the DHT: {source}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddrV4,
        /// What the system said.
        source: io::Error,
    },
}

/// Why an item was not stored.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PutError {
    /// Longer than nodes accept (BEP44). Make it shorter.
    #[error("a DHT item of {value} bytes with a salt of {salt} bytes is too large")]
    TooLarge {
        /// Bytes of the value.
        value: usize,
        /// Bytes of the salt.
        salt: usize,
    },
    /// The network was not reached. Try again when `info().bootstrapped`.
    #[error("no DHT node was reached")]
    NoNodes,
    /// Another put to the same target is on its way, with another value. Try again when it has ended.
    #[error("another put of this item is under way")]
    Conflict,
    /// Most nodes hold an item with another sequence number than `cas`. Read the newest and decide again.
    #[error("the stored item is not the one to be replaced")]
    CasFailed,
    /// Most nodes hold a newer item. Read it; a key whose newest item is unknown to its owner was used elsewhere.
    #[error("a newer item is stored already")]
    NotMostRecent,
    /// No node that was asked to store it said yes in time.
    #[error("no DHT node acknowledged the item in time")]
    Timeout,
    /// Too many queries stand in line. Try again later, or ask for less.
    #[error("too many DHT queries are waiting")]
    Busy,
    /// The node is stopping.
    #[error("the DHT node is stopping")]
    Stopped,
}

/// Why nothing could be asked. (That nobody had an answer is not an error.)
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GetError {
    /// The network was not reached. Try again when `info().bootstrapped`.
    #[error("no DHT node was reached")]
    NoNodes,
    /// Too many queries stand in line. Try again later, or ask for less.
    #[error("too many DHT queries are waiting")]
    Busy,
    /// The node is stopping.
    #[error("the DHT node is stopping")]
    Stopped,
}

/// Why a peer was not announced.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AnnounceError {
    /// The network was not reached. Try again when `info().bootstrapped`.
    #[error("no DHT node was reached")]
    NoNodes,
    /// No node took the announcement in time.
    #[error("no DHT node acknowledged the announcement in time")]
    Timeout,
    /// Too many queries stand in line. Try again later, or ask for less.
    #[error("too many DHT queries are waiting")]
    Busy,
    /// The node is stopping.
    #[error("the DHT node is stopping")]
    Stopped,
}

impl From<PutMutableError> for PutError {
    fn from(error: PutMutableError) -> Self {
        match error {
            PutMutableError::Query(PutQueryError::NoClosestNodes) => Self::NoNodes,
            // The crate names a node's error only when it is one of the two below; every other is a refusal
            // that left no copy, which is what a timeout leaves too.
            PutMutableError::Query(_) => Self::Timeout,
            PutMutableError::Concurrency(ConcurrencyError::ConflictRisk) => Self::Conflict,
            PutMutableError::Concurrency(ConcurrencyError::CasFailed) => Self::CasFailed,
            PutMutableError::Concurrency(ConcurrencyError::NotMostRecent) => Self::NotMostRecent,
        }
    }
}

impl From<PutQueryError> for AnnounceError {
    fn from(error: PutQueryError) -> Self {
        match error {
            PutQueryError::NoClosestNodes => Self::NoNodes,
            _ => Self::Timeout,
        }
    }
}

impl From<GetError> for PutError {
    fn from(error: GetError) -> Self {
        match error {
            GetError::NoNodes => Self::NoNodes,
            GetError::Busy => Self::Busy,
            GetError::Stopped => Self::Stopped,
        }
    }
}

impl From<GetError> for AnnounceError {
    fn from(error: GetError) -> Self {
        match error {
            GetError::NoNodes => Self::NoNodes,
            GetError::Busy => Self::Busy,
            GetError::Stopped => Self::Stopped,
        }
    }
}
