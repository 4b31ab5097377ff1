//! The Mainline DHT: puts, gets and announces, and nothing about what they mean.
//!
//! The only place that knows the crate `mainline`. It must not know statements, keys' names or scores: an
//! [`Item`] goes in and out as raw parts, and whoever reads one verifies what is inside.
//!
//! What this adds to the crate:
//! * **joining late**: names that do not resolve and bootstrap nodes that are not up yet are tried again (`keeper`);
//! * **waiting to be joined**: a query asked before the routing table has a node waits for it, up to [`JOIN_WAIT`];
//! * **one budget** for all queries (`turnstile`), with a bounded line in front of it, and one before that for heads;
//! * **client mode that stays client mode**: the crate turns a reachable node into a server after 15 minutes;
//! * errors that say which address was taken, and never a panic of the crate's thread in the caller's.

mod budget;
mod error;
mod item;
mod keeper;
mod query;
mod reserve;
mod server;
mod swarms;
pub mod testnet;
mod turnstile;

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio_util::sync::DropGuard;

pub use error::{AnnounceError, GetError, PutError, StartError};
pub use item::{Item, SALT_BYTES_MAX, VALUE_BYTES_MAX};

pub use turnstile::{Limits, Used};

use query::Shared;
use turnstile::Rank;

/// How long a query waits for the first node of the routing table before it gives up with `NoNodes`.
///
/// Joining takes one or two round trips when a bootstrap node answers, and the crate tries again every two
/// seconds (its request timeout) when none does: this is room for seven tries.
pub const JOIN_WAIT: Duration = Duration::from_secs(15);

/// Longest that one query may take once it has begun.
///
/// A lookup ends by itself when no closer node is left and every request was answered or timed out (2 s each);
/// ten generations of silent nodes are more than any network showed.
pub const QUERY_DEADLINE: Duration = Duration::from_secs(20);

/// How to join the DHT.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 means any free one.
    pub bind: SocketAddrV4,
    /// Whom to ask first, as `HOST:PORT`; `None` means the well-known routers. With a list, nobody else is
    /// asked first: a list of loopback addresses stays on loopback. An empty list starts a network of its own.
    pub bootstrap: Option<Vec<String>>,
    /// Answer other nodes' requests (rate-limited) and store for them. Only of use where UDP comes in.
    pub server_mode: bool,
}

/// A put that the network took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Put {
    /// How many nodes acknowledged that they store it. At least 1; about 20 on the real network.
    pub stored_on: usize,
}

/// Whether this node answers the requests of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Asks, and answers nobody.
    Client,
    /// Asks, answers and stores.
    Server,
}

impl Mode {
    /// The word that `status` prints.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// What the node can say about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// Nodes in the routing table.
    pub nodes: usize,
    /// Client or server.
    pub mode: Mode,
    /// Whether the network was reached, and was still there when last looked at.
    pub bootstrapped: bool,
    /// Queries that stand in line for the budget.
    pub waiting: usize,
    /// Queries that were refused because the line was full, since the start.
    pub refused: u64,
    /// How much may be asked.
    pub limits: Limits,
    /// What was asked.
    pub used: Used,
}

/// A node of the DHT. Clones are the same node; it stops with [`Dht::stop`], or when the last clone is dropped.
#[derive(Clone)]
pub struct Dht {
    shared: Arc<Shared>,
    /// Ends the keeper and every running query with the last clone.
    _stop_on_drop: Arc<DropGuard>,
}

impl Dht {
    /// Listens at `config.bind`, and joins the network in the background.
    ///
    /// Returns as soon as the socket is bound: neither names nor bootstrap nodes are waited for.
    ///
    /// # Errors
    /// [`StartError::Bind`] when the address cannot be used; it names the address.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_within(config, Limits::default()).await
    }

    /// As [`Dht::start`], with other limits on what is asked.
    ///
    /// # Errors
    /// As [`Dht::start`].
    pub async fn start_within(config: Config, limits: Limits) -> Result<Self, StartError> {
        let shared = keeper::start(config).await?;
        shared.turnstile.limit(limits);
        let guard = Arc::new(shared.stopping.clone().drop_guard());
        Ok(Self { shared, _stop_on_drop: guard })
    }

    /// The address that it listens at, with the port that it got.
    pub fn local_addr(&self) -> SocketAddrV4 {
        self.shared.local_addr
    }

    /// Stores a mutable item (BEP44) on the nodes closest to its target, and says how many took it.
    ///
    /// With `cas`, only over an item with just that sequence number. An item of another author may be put too:
    /// the signature is the authority, not the putter.
    ///
    /// # Errors
    /// See [`PutError`]; each variant says what can be done.
    pub async fn put(&self, item: Item, cas: Option<i64>) -> Result<Put, PutError> {
        query::put(&self.shared, Rank::Usual, item, cas).await
    }

    /// As [`Dht::put`], before every query in line that is no head: for what leads to everything else.
    ///
    /// # Errors
    /// As [`Dht::put`].
    pub async fn put_head(&self, item: Item, cas: Option<i64>) -> Result<Put, PutError> {
        query::put(&self.shared, Rank::Head, item, cas).await
    }

    /// As [`Dht::put`], behind almost all others in line: for what is put by the hundred, and nobody sits before.
    ///
    /// # Errors
    /// As [`Dht::put`].
    pub async fn put_in_time(&self, item: Item, cas: Option<i64>) -> Result<Put, PutError> {
        query::put(&self.shared, Rank::Last, item, cas).await
    }

    /// Asks for a mutable item. Answers come as they arrive, in any order of `seq`, often the same item from
    /// several nodes; the stream ends when the query does, and dropping it ends the wait.
    ///
    /// The crate checked each one against its own signature, key and salt; the reader verifies what is inside.
    /// A query that could not be asked at all (nobody to ask, line full) is an empty stream; use
    /// [`Dht::get_most_recent`] where the difference matters.
    ///
    /// Must be called within a tokio runtime.
    pub fn get(&self, key: [u8; 32], salt: Vec<u8>) -> impl Stream<Item = Item> + Send + Unpin + use<> {
        query::successes(query::items(&self.shared, key, salt))
    }

    /// As [`Dht::get`], and says why when nothing could be asked: an error comes first and alone. Each node that has
    /// the item gives it once, so that whoever reads to the end has counted the copies.
    ///
    /// Must be called within a tokio runtime.
    pub fn ask(
        &self,
        key: [u8; 32],
        salt: Vec<u8>,
    ) -> impl Stream<Item = Result<Item, GetError>> + Send + Unpin + use<> {
        query::answers(query::items(&self.shared, key, salt))
    }

    /// Asks for a mutable item, waits for the whole query, and gives the one with the highest `seq` (of two with
    /// the same, the greater value, as everybody's nodes choose).
    ///
    /// # Errors
    /// [`GetError`] when the network could not be asked. `Ok(None)` means that it was, and nobody has one.
    pub async fn get_most_recent(&self, key: [u8; 32], salt: Vec<u8>) -> Result<Option<Item>, GetError> {
        query::most_recent(query::items(&self.shared, key, salt)).await
    }

    /// Tells the network that this machine has a peer of that torrent (or rendezvous) at `port` (TCP or uTP).
    ///
    /// # Errors
    /// See [`AnnounceError`].
    pub async fn announce(&self, infohash: [u8; 20], port: u16) -> Result<(), AnnounceError> {
        query::announce(&self.shared, Rank::Usual, infohash, port).await
    }

    /// As [`Dht::announce`], behind almost all others in line, as [`Dht::put_in_time`].
    ///
    /// # Errors
    /// See [`AnnounceError`].
    pub async fn announce_in_time(&self, infohash: [u8; 20], port: u16) -> Result<(), AnnounceError> {
        query::announce(&self.shared, Rank::Last, infohash, port).await
    }

    /// Asks for peers of a torrent (or rendezvous); one `Vec` per node that knew some. Addresses are claims of
    /// strangers. The stream ends when the query does.
    ///
    /// Must be called within a tokio runtime.
    pub fn peers(&self, infohash: [u8; 20]) -> impl Stream<Item = Vec<SocketAddrV4>> + Send + Unpin + use<> {
        query::successes(query::peers(&self.shared, infohash))
    }

    /// Waits until the network was reached, at most for `bound`; says whether it was.
    pub async fn joined(&self, bound: Duration) -> bool {
        self.shared.joined(bound).await
    }

    /// What the node can say about itself.
    pub async fn info(&self) -> Info {
        self.shared.info().await
    }

    /// Stops, and returns when the port is free again. Queries that still run end without a result.
    pub async fn stop(self) {
        self.shared.stop().await;
    }
}
