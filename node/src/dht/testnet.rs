//! A small DHT of real nodes on 127.0.0.1, for the demo and the tests.
//!
//! Not `mainline::Testnet`: its nodes have no bootstrap nodes, and the crate drops every routing entry after 15 to
//! 20 minutes (a pong does not refresh it), so such a network falls apart while a demo is still open. Here each node
//! has neighbours to come back to.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use futures::future::join_all;
use mainline::async_dht::AsyncDht;
use tokio::time::timeout;

use super::reserve::{reserve, wait_until_free};

/// Nodes that each node knows from the start: half of them on either side of it in a ring.
const NEIGHBOURS: usize = 4;

/// Nodes that a newcomer is told of. Few: the crate asks *every* bootstrap node in each query while it knows fewer
/// close ones than that.
const BOOTSTRAP_NODES: usize = 3;

/// How long its nodes wait for an answer. The first ones ask neighbours that are not up yet, and try again after
/// this long; on loopback the crate's own two seconds are not needed.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(800);

/// Longest wait until every node knows its neighbours.
const MESH_WAIT: Duration = Duration::from_secs(20);

/// A running network. It stops when this is dropped.
pub struct Testnet {
    nodes: Vec<AsyncDht>,
    addresses: Vec<SocketAddrV4>,
}

impl Testnet {
    /// Starts `count` server nodes on free ports of 127.0.0.1, and returns when they know each other.
    ///
    /// # Errors
    /// When a port cannot be bound, or the nodes do not find each other within 20 s.
    pub async fn start(count: usize) -> io::Result<Self> {
        Self::start_on(Ipv4Addr::LOCALHOST, count).await
    }

    /// As [`Testnet::start`], at another address of this machine.
    ///
    /// # Errors
    /// As [`Testnet::start`].
    pub async fn start_on(ip: Ipv4Addr, count: usize) -> io::Result<Self> {
        // All are held at once, so that no two are the same.
        let any = SocketAddrV4::new(ip, 0);
        let held = (0..count).map(|_| reserve(any)).collect::<io::Result<Vec<_>>>()?;
        let (sockets, addresses): (Vec<UdpSocket>, Vec<SocketAddrV4>) = held.into_iter().unzip();
        drop(sockets);
        Self::start_at(addresses).await
    }

    /// Starts one server node at each address, and returns when they know each other.
    ///
    /// # Errors
    /// As [`Testnet::start`].
    pub async fn start_at(addresses: Vec<SocketAddrV4>) -> io::Result<Self> {
        let mut nodes = Vec::with_capacity(addresses.len());
        for (place, &address) in addresses.iter().enumerate() {
            let neighbours = neighbours_of(place, &addresses);
            nodes.push(start_server(address, neighbours).await?);
        }
        let testnet = Self { nodes, addresses };
        testnet.wait_until_meshed().await?;
        Ok(testnet)
    }

    /// Whom a newcomer asks first, as [`super::Config::bootstrap`] and `--dht-bootstrap` take it.
    pub fn bootstrap(&self) -> Vec<String> {
        self.addresses.iter().take(BOOTSTRAP_NODES).map(ToString::to_string).collect()
    }

    /// Where its nodes listen.
    pub fn addresses(&self) -> &[SocketAddrV4] {
        &self.addresses
    }

    /// Stops all nodes, and returns when their ports are free.
    pub async fn stop(self) {
        drop(self.nodes);
        for address in self.addresses {
            wait_until_free(address).await;
        }
    }

    /// Has every node ask again until it knows its neighbours: those that started first asked nodes that were not up
    /// yet, and the crate tries again by itself only while it knows nobody at all.
    async fn wait_until_meshed(&self) -> io::Result<()> {
        let wanted = NEIGHBOURS.min(self.nodes.len().saturating_sub(1));
        let meshing = join_all(self.nodes.iter().map(|node| async move {
            while node.to_bootstrap().await.len() < wanted {
                node.bootstrapped().await;
            }
        }));
        match timeout(MESH_WAIT, meshing).await {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "local DHT nodes did not find their neighbours")),
        }
    }
}

/// The nodes after and before `place` in the ring of all.
fn neighbours_of(place: usize, addresses: &[SocketAddrV4]) -> Vec<SocketAddrV4> {
    let count = addresses.len();
    let after = (1..=NEIGHBOURS / 2).map(|step| (place + step) % count);
    let before = (1..=NEIGHBOURS / 2).map(|step| (place + count - step % count) % count);
    let mut neighbours: Vec<_> = after.chain(before).filter(|&other| other != place).map(|i| addresses[i]).collect();
    neighbours.sort_unstable();
    neighbours.dedup();
    neighbours
}

/// A server node without a cap on its answers: whoever asks is a test or a demo.
async fn start_server(address: SocketAddrV4, bootstrap: Vec<SocketAddrV4>) -> io::Result<AsyncDht> {
    let start = move || {
        mainline::Dht::builder()
            .bind_address(*address.ip())
            .port(address.port())
            .bootstrap(&bootstrap)
            .request_timeout(REQUEST_TIMEOUT)
            .server_mode()
            .build()
    };
    let started = tokio::task::spawn_blocking(start).await;
    started.unwrap_or_else(|lost_race| Err(io::Error::other(lost_race))).map(mainline::Dht::as_async)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(count: u16) -> Vec<SocketAddrV4> {
        (1..=count).map(|port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).collect()
    }

    #[test]
    fn everybody_has_neighbours_and_nobody_itself() {
        for count in 1..12 {
            let addresses = ring(count);
            for place in 0..addresses.len() {
                let neighbours = neighbours_of(place, &addresses);
                assert!(!neighbours.contains(&addresses[place]));
                assert_eq!(neighbours.len(), NEIGHBOURS.min(addresses.len() - 1), "{count} nodes");
            }
        }
    }
}
