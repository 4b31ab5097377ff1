//! Keeps the crate's node joined: starts it, tries again what failed, and replaces it when it must be.
//!
//! What the crate does by itself: while its routing table is empty it asks its bootstrap *addresses* again every two
//! seconds. What it does not, and this does: look names up again that did not resolve or have moved; come back after
//! its thread died; and stay a client (it makes itself a server when it was reachable for 15 minutes, and has no
//! setting against that, so the node is replaced by a fresh one at the same port).

use std::collections::BTreeSet;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use mainline::DEFAULT_BOOTSTRAP_NODES;
use mainline::async_dht::AsyncDht;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use super::error::StartError;
use super::query::Shared;
use super::reserve::{reserve, start_node, wait_until_free};
use super::{Config, Mode};

/// Time between two looks at a node that is joined.
const LOOK_INTERVAL: Duration = Duration::from_secs(15);

/// Time between two looks at a node that is joining.
const JOIN_POLL: Duration = Duration::from_millis(100);

/// How long a joined node may know nobody before it counts as not joined.
const LAPSE_MAX: Duration = Duration::from_secs(3);

/// How long to wait for a first answer before names are looked up again; doubled each time up to the maximum.
const RETRY_MIN: Duration = Duration::from_secs(2);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Longest wait for the name server.
const RESOLVE_MAX: Duration = Duration::from_secs(5);

/// Longest wait for the search for our own neighbourhood, once somebody answered.
const SELF_LOOKUP_MAX: Duration = Duration::from_secs(3);

/// Nodes of the old table that a replacement may ask, so that it does not lean on the routers. Few, because the
/// crate asks *every* bootstrap node in each query while it knows fewer close ones than that.
const KNOWN_NODES_KEPT: usize = 8;

/// Tries for a free port, when any will do.
const PORT_TRIES: usize = 4;

/// Whom to ask first.
#[derive(Debug)]
struct Seeds {
    addresses: BTreeSet<SocketAddrV4>,
    names: Vec<String>,
}

impl Seeds {
    fn of(bootstrap: Option<Vec<String>>) -> Self {
        let list = bootstrap.unwrap_or_else(|| DEFAULT_BOOTSTRAP_NODES.map(str::to_owned).to_vec());
        let mut seeds = Self { addresses: BTreeSet::new(), names: Vec::new() };
        for entry in list {
            match entry.parse::<SocketAddrV4>() {
                Ok(address) => {
                    seeds.addresses.insert(address);
                }
                Err(_) => seeds.names.push(entry),
            }
        }
        seeds
    }

    /// Whether there is somebody to ask before any name is looked up, or nobody at all.
    fn is_ready(&self) -> bool {
        self.names.is_empty() || !self.addresses.is_empty()
    }

    async fn resolve(&self) -> BTreeSet<SocketAddrV4> {
        let lookups = self.names.iter().map(|name| async move {
            match timeout(RESOLVE_MAX, tokio::net::lookup_host(name)).await {
                Ok(Ok(found)) => found.collect::<Vec<_>>(),
                Ok(Err(error)) => {
                    debug!(name, %error, "bootstrap name does not resolve");
                    Vec::new()
                }
                Err(_) => Vec::new(),
            }
        });
        let found = join_all(lookups).await.into_iter().flatten().filter_map(|address| match address {
            SocketAddr::V4(address) => Some(address),
            SocketAddr::V6(_) => None,
        });
        self.addresses.iter().copied().chain(found).collect()
    }
}

/// What a look at the node shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not started yet, or it could not be started again.
    Absent,
    /// Its thread is gone.
    Dead,
    /// It runs and knows nobody.
    Alone,
    /// It runs and knows somebody.
    Joined,
    /// It made itself a server though it was to be a client.
    Promoted,
}

struct Keeper {
    shared: Arc<Shared>,
    seeds: Seeds,
    /// What the running node was given to ask first.
    asked: BTreeSet<SocketAddrV4>,
    mode: Mode,
    /// Holds the port until there is a node to hold it.
    reservation: Option<UdpSocket>,
}

/// Binds, starts the node if somebody can be asked without a name server, and leaves a keeper behind.
pub(super) async fn start(config: Config) -> Result<Arc<Shared>, StartError> {
    let seeds = Seeds::of(config.bootstrap);
    let mode = if config.server_mode { Mode::Server } else { Mode::Client };
    let (shared, reservation) = bind(config.bind, &seeds, mode).await?;
    let shared = Arc::new(shared);
    let keeper = Keeper { shared: Arc::clone(&shared), asked: seeds.addresses.clone(), seeds, mode, reservation };
    tokio::spawn(keeper.run());
    Ok(shared)
}

/// Takes the address with the node, or with a socket that holds its place.
async fn bind(address: SocketAddrV4, seeds: &Seeds, mode: Mode) -> Result<(Shared, Option<UdpSocket>), StartError> {
    let mut tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        let (socket, local) = reserve(address).map_err(|source| StartError::Bind { address, source })?;
        if !seeds.is_ready() {
            return Ok((Shared::new(local, mode, None), Some(socket)));
        }
        // Between these two lines another process may take the port; a port that was free for the asking is then
        // asked for again.
        drop(socket);
        match start_node(local, list(&seeds.addresses), mode).await {
            Ok(node) => return Ok((Shared::new(local, mode, Some(node)), None)),
            Err(_) if tries > 1 => tries -= 1,
            Err(source) => return Err(StartError::Bind { address: local, source }),
        }
    }
}

fn list(addresses: &BTreeSet<SocketAddrV4>) -> Vec<SocketAddrV4> {
    addresses.iter().copied().collect()
}

impl Keeper {
    async fn run(mut self) {
        let stopping = self.shared.stopping.clone();
        tokio::select! {
            () = stopping.cancelled() => {}
            () = self.keep() => {}
        }
        // The crate's thread ends when its last handle goes.
        self.shared.node.write().await.take();
    }

    async fn keep(&mut self) {
        let mut retry = RETRY_MIN;
        loop {
            match self.look().await {
                State::Joined => {
                    if !self.shared.joined.send_replace(true) {
                        info!(address = %self.shared.local_addr, "joined the DHT");
                    }
                    retry = RETRY_MIN;
                    sleep(LOOK_INTERVAL).await;
                }
                State::Promoted => self.restart_as_client().await,
                State::Dead => {
                    warn!("the DHT node's thread ended; starting another");
                    self.shared.joined.send_replace(false);
                    self.replace(self.asked.clone()).await;
                    sleep(retry).await;
                }
                State::Absent | State::Alone => {
                    // The crate drops its whole table every 20 minutes, and fills it again in a round trip or two.
                    let was_joined = *self.shared.joined.borrow();
                    if was_joined {
                        sleep(LAPSE_MAX).await;
                        if self.look().await == State::Joined {
                            continue;
                        }
                    }
                    self.shared.joined.send_replace(false);
                    self.find_somebody(retry).await;
                    retry = (retry * 2).min(RETRY_MAX);
                }
            }
        }
    }

    async fn look(&self) -> State {
        let Some(node) = self.shared.node.read().await.clone() else {
            return State::Absent;
        };
        match observe(node).await {
            None => State::Dead,
            Some((_, Mode::Server)) if self.mode == Mode::Client => State::Promoted,
            Some((0, _)) => State::Alone,
            Some(_) => State::Joined,
        }
    }

    /// Looks the names up (again), starts or replaces the node if that gave something new, and waits for an answer.
    async fn find_somebody(&mut self, patience: Duration) {
        let is_absent = self.shared.node.read().await.is_none();
        let found = if self.seeds.names.is_empty() { self.seeds.addresses.clone() } else { self.seeds.resolve().await };
        let is_news = !found.is_empty() && found != self.asked;
        if is_news || (is_absent && (self.seeds.is_ready() || !found.is_empty())) {
            self.replace(found).await;
        }
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if self.look().await == State::Joined {
                self.search_own_neighbourhood().await;
                return;
            }
            sleep(JOIN_POLL).await;
        }
    }

    /// The first answer fills one place in the table; a search for our own id fills the rest.
    async fn search_own_neighbourhood(&self) {
        let Some(node) = self.shared.node.read().await.clone() else {
            return;
        };
        let search = tokio::spawn(async move { node.bootstrapped().await });
        let abort = search.abort_handle();
        if timeout(SELF_LOOKUP_MAX, search).await.is_err() {
            abort.abort();
        }
    }

    /// Replaces a node that became a server; it comes back through nodes that it knew.
    async fn restart_as_client(&mut self) {
        debug!("the DHT node made itself a server; starting a client in its place");
        let node = self.shared.node.read().await.clone();
        let known = match node {
            Some(node) => tokio::spawn(async move { node.to_bootstrap().await }).await.unwrap_or_default(),
            None => Vec::new(),
        };
        let known = known.iter().filter_map(|address| address.parse().ok()).take(KNOWN_NODES_KEPT);
        let bootstrap = self.seeds.addresses.iter().copied().chain(known).collect();
        self.replace(bootstrap).await;
    }

    /// Stops the node, once the queries that run have ended, and starts one at the same address.
    async fn replace(&mut self, bootstrap: BTreeSet<SocketAddrV4>) {
        let mut place = self.shared.node.write().await;
        place.take();
        self.reservation = None;
        wait_until_free(self.shared.local_addr).await;
        match start_node(self.shared.local_addr, list(&bootstrap), self.mode).await {
            Ok(node) => {
                *place = Some(node);
                self.asked = bootstrap;
            }
            Err(error) => warn!(address = %self.shared.local_addr, %error, "the DHT node cannot be started again"),
        }
    }
}

/// Nodes in the routing table and the mode; `None` when the crate's thread is gone (its calls then panic, in a task
/// of their own here).
pub(super) async fn observe(node: AsyncDht) -> Option<(usize, Mode)> {
    let task = tokio::spawn(async move {
        let mode = if node.info().await.server_mode() { Mode::Server } else { Mode::Client };
        (node.to_bootstrap().await.len(), mode)
    });
    task.await.ok()
}

#[cfg(test)]
mod tests {
    use super::super::testnet::Testnet;
    use super::*;

    fn seeds(entries: &[&str]) -> Seeds {
        Seeds::of(Some(entries.iter().map(|&entry| entry.to_owned()).collect()))
    }

    #[test]
    fn addresses_need_no_name_server_and_names_wait_for_one() {
        assert!(seeds(&["127.0.0.1:7000"]).is_ready());
        assert!(seeds(&["127.0.0.1:7000", "router.example:6881"]).is_ready());
        assert!(!seeds(&["router.example:6881"]).is_ready());
        assert!(seeds(&[]).is_ready(), "a network of its own waits for nobody");
        assert!(!Seeds::of(None).is_ready());
    }

    #[tokio::test]
    async fn a_client_that_made_itself_a_server_is_replaced_by_a_client() {
        let testnet = Testnet::start(4).await.expect("four nodes");
        let any_port = "127.0.0.1:0".parse().expect("an address");
        let seeds = Seeds::of(Some(testnet.bootstrap()));
        let (shared, reservation) = bind(any_port, &seeds, Mode::Server).await.expect("a free port");
        let shared = Arc::new(shared);
        let asked = seeds.addresses.clone();
        let keeper = Keeper { shared: Arc::clone(&shared), seeds, asked, mode: Mode::Client, reservation };
        let keeping = tokio::spawn(keeper.run());

        let became_client = async {
            while shared.info().await.mode == Mode::Server {
                sleep(JOIN_POLL).await;
            }
        };
        timeout(Duration::from_secs(60), became_client).await.expect("replaced");
        assert!(shared.joined(Duration::from_secs(60)).await, "and joined again");
        let node = shared.node.read().await.clone().expect("a node");
        assert_eq!(node.info().await.local_addr(), shared.local_addr, "at the same port");
        drop(node);
        shared.stop().await;
        keeping.await.expect("no panic");
    }

    #[tokio::test]
    async fn names_resolve_and_what_does_not_is_left_out() {
        let found = seeds(&["localhost:7000", "127.0.0.9:7001", "not a name"]).resolve().await;
        assert!(found.contains(&"127.0.0.1:7000".parse().expect("an address")));
        assert!(found.contains(&"127.0.0.9:7001".parse().expect("an address")));
        assert_eq!(found.len(), 2);
    }
}
