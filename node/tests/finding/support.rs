//! A node of these tests.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use heirloom::p2p::{Command, Config, Counters, Event, Multiaddr, Nat, Overview, P2p, PeerId, params};
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

pub const HEADS: &str = "/heirloom/1/head/0";
pub const TCP: &str = "/ip4/127.0.0.1/tcp/0";
pub const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
/// Long enough for a busy machine; a test that passes never waits for it.
pub const DEADLINE: Duration = Duration::from_secs(120);

pub struct Node {
    pub p2p: P2p,
    pub events: Receiver<Event>,
    home: TempDir,
}

/// How to start one.
#[derive(Clone, Default)]
pub struct Plan {
    pub listen: Vec<Multiaddr>,
    pub peers: Vec<Multiaddr>,
    pub nat: Option<Nat>,
}

pub fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
    texts.iter().map(|text| text.parse().expect("a multiaddr")).collect()
}

/// Listens there, and knows nobody.
pub fn at(texts: &[&str]) -> Plan {
    Plan { listen: addresses(texts), ..Plan::default() }
}

async fn start(home: &TempDir, plan: Plan) -> (P2p, Receiver<Event>) {
    let config = Config {
        listen: plan.listen,
        peers: plan.peers,
        mdns: true,
        proxy: None,
        peers_file: Some(home.path().join("peers")),
        own_ground: true,
        nat: plan.nat,
        key_file: home.path().join("transport.key"),
        topics: vec![HEADS.into()],
        max_message_bytes: params::MESSAGE_BYTES_MAX,
        memory_bytes_max: heirloom::p2p::params::MEMORY_BYTES_MAX,
        structural: Arc::new(|_, _| true),
    };
    P2p::start(config).await.expect("the node starts")
}

impl Node {
    pub async fn new(plan: Plan) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let (p2p, events) = start(&home, plan).await;
        Self { p2p, events, home }
    }

    /// Stops, and starts with the same files.
    pub async fn restart(self, plan: Plan) -> Self {
        let Self { p2p, events, home } = self;
        p2p.stop().await;
        drop(events);
        let (p2p, events) = start(&home, plan).await;
        Self { p2p, events, home }
    }

    pub fn address(&self) -> Multiaddr {
        self.p2p.listen_addrs().first().expect("listening").clone()
    }

    pub fn place(&self) -> SocketAddr {
        heirloom::p2p::place_of(&self.address()).expect("a direct address")
    }

    /// What the DHT would tell it.
    pub async fn hear_of(&self, places: impl IntoIterator<Item = SocketAddr>) {
        self.p2p.send(Command::Candidates(places.into_iter().collect())).await.expect("running");
    }

    pub async fn until(&self, what: &str, is_so: impl Fn(&Overview, &Counters) -> bool) {
        let poll = async {
            while !is_so(&self.p2p.overview(), &self.p2p.counters()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let seen = tokio::time::timeout(DEADLINE, poll).await;
        seen.unwrap_or_else(|_| panic!("not: {what}; {:?} {:?}", self.p2p.overview(), self.p2p.counters()));
    }

    pub async fn until_peers(&self, count: usize) {
        let poll = async {
            while self.p2p.peers() != count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let seen = tokio::time::timeout(DEADLINE, poll).await;
        seen.unwrap_or_else(|_| panic!("{} peers, not {count}; {:?}", self.p2p.peers(), self.p2p.overview()));
    }

    /// The first event that `pick` wants. Others are passed over.
    pub async fn wait<T>(&mut self, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("running");
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(DEADLINE, found).await;
        found.unwrap_or_else(|_| panic!("no {what}; {:?} {:?}", self.p2p.overview(), self.p2p.counters()))
    }

    pub async fn up(&mut self) -> (PeerId, Multiaddr) {
        self.wait("peer up", |event| match event {
            Event::PeerUp { peer, address, .. } => Some((peer, address)),
            _ => None,
        })
        .await
    }

    /// The first connection with this one.
    pub async fn up_with(&mut self, whom: PeerId) -> (PeerId, Multiaddr) {
        self.wait("peer up", |event| match event {
            Event::PeerUp { peer, address, .. } if peer == whom => Some((peer, address)),
            _ => None,
        })
        .await
    }
}
