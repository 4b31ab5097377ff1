//! What `status` and `doctor` show of the adapter: a small picture, made anew every tick and at every change of peers.

use std::collections::BTreeMap;

use libp2p::Multiaddr;

use super::{Nat, worker::Worker};

/// How the adapter is connected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Connected peers by how they were found: `configured`, `local`, `dht`, `hello` (it told us where it listens when
    /// it dialled us), `remembered`, `inbound`, `relayed`, or `other` (we dialled for another protocol).
    pub peers_by: BTreeMap<&'static str, usize>,
    /// Connections with them; two with one peer only for moments, or over a relay and directly.
    pub connections: usize,
    /// Whether others can dial us.
    pub nat: Nat,
    /// Addresses of ours that others confirmed.
    pub external: Vec<Multiaddr>,
    /// Relays that carry others to us.
    pub relays: usize,
    /// Peers of ours that are remembered.
    pub remembered: usize,
    /// Addresses that somebody claimed and nobody has confirmed.
    pub claimed: usize,
}

impl Worker {
    /// Puts the picture where the handle reads it.
    pub(super) fn show(&self) {
        let mut by_peer = BTreeMap::new();
        for link in self.finding.links.values() {
            by_peer.entry(link.peer).or_insert(link.how);
        }
        let mut peers_by = BTreeMap::new();
        by_peer.values().for_each(|how| *peers_by.entry(*how).or_default() += 1);
        let (remembered, claimed) = self.finding.book.counts();
        let overview = Overview {
            peers_by,
            connections: self.finding.links.len(),
            nat: self.reach.nat,
            external: self.swarm.external_addresses().cloned().collect(),
            relays: self.reach.places(),
            remembered,
            claimed,
        };
        *self.shared.overview.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = overview;
    }
}
