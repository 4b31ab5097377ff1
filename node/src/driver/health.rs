//! How a node is, as only the driver sees it: figures of the disk, the networks and the process. What it must not know: what they
//! are told as.

use super::{Node, Rendezvous, meter};
use crate::clients::{ClientState, HandedState};
use crate::home::Home;
use crate::store::StoreUse;
use crate::{dht, outlet, p2p, search};
use heirloom_proto::Key;
use std::time::Duration;

/// How a node is, as only the driver sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Since it started.
    pub uptime: Duration,
    /// libp2p peers connected.
    pub peers: usize,
    /// How libp2p is connected, and what happened there; `None` when offline.
    pub p2p: Option<P2pHealth>,
    /// DHT nodes known, and `client` or `server`; `None` when the DHT is off.
    pub dht: Option<(usize, &'static str)>,
    /// Bytes of the home folder.
    pub disk_bytes: u64,
    /// Bytes free on its disk.
    pub free_bytes: u64,
    /// Size of its disk; 0 when it is not known.
    pub disk_total_bytes: u64,
    /// What the store takes of disk and memory, while it is open.
    pub store: StoreUse,
    /// What the search index takes.
    pub search: search::Use,
    /// Why the last picture that came could not be kept on the disk; `None` when it was.
    pub artwork_trouble: Option<String>,
    /// Processor time of this process.
    pub cpu: Duration,
    /// What the DHT may be asked, and was; `None` when it is off.
    pub dht_use: Option<(dht::Limits, dht::Used)>,
    /// Resident memory of this process in bytes (Linux; 0 elsewhere).
    pub rss_bytes: u64,
    /// The part of it that counts against the budget: what is no page of a file.
    pub own_bytes: u64,
    /// The owner's other clients, where they are observed or were given something.
    pub clients: Vec<ClientState>,
    /// What was handed to them.
    pub handed: Vec<HandedState>,
    /// Time since the last libp2p peer left; `None` while none did.
    pub last_peer: Option<Duration>,
    /// The way out, if its owner chose one.
    pub outlet: Option<outlet::State>,
}

/// How libp2p is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct P2pHealth {
    /// Where it listens.
    pub listening: Vec<p2p::Multiaddr>,
    /// Peers by how they were found, NAT, relays.
    pub overview: p2p::Overview,
    /// Sums since the start.
    pub counters: p2p::Counters,
    /// What came of the DHT's rendezvous.
    pub rendezvous: Rendezvous,
    /// Connected peers that proved who they are: transport id, key, whether the owner named it a friend.
    pub proved: Vec<(p2p::PeerId, Key, bool)>,
}

impl Health {
    /// Of a home, without a running node.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        let (free_bytes, disk_total_bytes) = meter::disk_of(home);
        let store = StoreUse { file_bytes: folder_bytes(&home.store()), ..StoreUse::default() };
        let search = search::Use { bytes: folder_bytes(&home.search()), ..search::Use::default() };
        let (rss_bytes, cpu) = (meter::rss_bytes(), meter::process_cpu());
        let outlet = outlet::current().map(outlet::Outlet::state);
        Self {
            outlet,
            disk_bytes: folder_bytes(home.root()),
            free_bytes,
            disk_total_bytes,
            rss_bytes,
            own_bytes: meter::own_bytes(),
            cpu,
            store,
            search,
            ..Self::default()
        }
    }
}

/// Bytes of a folder and what is in it.
fn folder_bytes(path: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => folder_bytes(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}

impl Node {
    /// What only the driver sees.
    pub async fn health(&self) -> Health {
        let info = match &self.networks.dht {
            Some(dht) => Some(dht.info().await),
            None => None,
        };
        let dht = info.map(|info| (info.nodes, info.mode.as_str()));
        let dht_use = info.map(|info| (info.limits, info.used));
        let store = self.gauge.read();
        let search = self.search.used();
        let peers = self.networks.p2p.as_ref().map_or(0, |p2p| p2p.peers());
        let p2p = self.networks.p2p.as_ref().map(|p2p| P2pHealth {
            listening: p2p.listen_addrs(),
            overview: p2p.overview(),
            counters: p2p.counters(),
            rendezvous: self.networks.rendezvous.snapshot(),
            proved: self.networks.proofs(),
        });
        let artwork_trouble = self.artwork.trouble();
        let (clients, handed) = (self.watch.clients(), self.watch.handed());
        let (uptime, last_peer) = (self.clock.0.elapsed(), self.networks.since_peer_left());
        Health {
            uptime,
            last_peer,
            peers,
            p2p,
            dht,
            dht_use,
            store,
            search,
            artwork_trouble,
            clients,
            handed,
            ..Health::of(&self.home)
        }
    }
}
