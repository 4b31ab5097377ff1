//! What a scenario may arrange in a world, and read off it.

use super::{NodeId, World};
use crate::disk::Disk;
use crate::message::Message;
use crate::network::Traffic;
use crate::node::EPOCH;
use crate::sync::Lie;
use crate::truth::Truth;
use heirloom_core::io::Metainfo;
use heirloom_proto::{Infohash, Key, Statement, Timestamp, Verified};
use std::time::Duration;

impl World {
    /// A world without a DHT: what is not pushed has to be pulled.
    pub fn without_dht(&mut self) {
        self.has_dht = false;
    }

    /// A world in which nobody pulls on behalf of others.
    pub fn without_demand(&mut self) {
        self.pulls_for_others = false;
    }

    /// Makes two nodes peers.
    pub fn link(&mut self, a: NodeId, b: NodeId) {
        self.mesh.link(a, b);
        self.introduce(a, b);
    }

    /// Lets a node answer questions of sync with lies from now on.
    pub fn make_liar(&mut self, node: NodeId, lie: Lie) {
        self.line.make_liar(node, lie);
    }

    /// Whether a node answers questions of sync with lies.
    #[must_use]
    pub fn is_liar(&self, node: NodeId) -> bool {
        self.line.is_liar(node)
    }

    /// Lays a torrent's content under a path on a node's disk, and tells the checker whether it is what it says.
    pub fn lay(&mut self, node: NodeId, source: &str, metainfo: Metainfo, is_fake: bool) {
        if is_fake {
            self.truth.lists_fake(metainfo.infohash, node);
        }
        self.swarm.lay(node, source, metainfo);
    }

    /// Whether all of a release is on a node's disk, and the node seeds it.
    #[must_use]
    pub fn is_seeding(&self, node: NodeId, infohash: &Infohash) -> bool {
        self.swarm.is_seeding(node, infohash)
    }

    /// Puts nodes behind a partition, away from all of other groups.
    pub fn put_into_group(&mut self, node: NodeId, group: u8) {
        self.trace.note(self.now, &format!("n{node} in group {group}"));
        self.network.put_into_group(node, group);
    }

    /// What a node sent and received.
    #[must_use]
    pub fn traffic(&self, node: NodeId) -> Traffic {
        self.network.traffic[node]
    }

    /// Sets a node's wall clock: ahead of the others, and behind them.
    pub fn set_clock(&mut self, node: NodeId, ahead: Duration, behind: Duration) {
        self.nodes[node].set_clock(ahead, behind);
    }

    /// The wall clock that is right.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        EPOCH.plus(self.now)
    }

    /// Lets a node pass nothing on.
    pub fn silence(&mut self, node: NodeId) {
        self.mesh.silence(node);
    }

    /// Lets a node seed nothing, though its core says so.
    pub fn make_free_rider(&mut self, node: NodeId) {
        self.swarm.make_free_rider(node);
    }

    /// Measures from now on how long a key's words take to a node.
    pub fn watch(&mut self, node: NodeId, author: Key) {
        self.watched.insert((node, author));
    }

    /// How long words took by gossip to who was watched, since this was asked last.
    pub fn take_delays(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.delays)
    }

    /// Puts a statement that was signed by hand before some of a node's peers, as if the node had passed it on.
    pub fn inject(&mut self, from: NodeId, to: &[NodeId], statement: &Verified<Statement>) {
        self.truth.signs(statement.id(), self.now);
        let message = Message::new(statement.bytes().to_vec());
        for peer in to {
            self.send_gossip(from, *peer, &message, false);
        }
    }

    /// Notes that a statement exists, which comes to nodes by another way than gossip.
    pub fn note_signed(&mut self, statement: &Verified<Statement>) {
        self.truth.signs(statement.id(), self.now);
    }

    /// Notes that a key really contradicted itself.
    pub fn note_duplicity(&mut self, key: Key) {
        self.truth.contradicts_itself(key);
    }

    /// The peers of a node.
    #[must_use]
    pub fn peers_of(&self, node: NodeId) -> Vec<NodeId> {
        self.mesh.peers_of(node)
    }

    /// The peers of a node that run and are on its side of a partition: what is said to others alone nobody ever hears.
    #[must_use]
    pub fn reached_from(&self, node: NodeId) -> Vec<NodeId> {
        let is_reached = |peer: &NodeId| self.is_up(*peer) && !self.network.is_cut(&self.faults, node, *peer);
        self.peers_of(node).into_iter().filter(is_reached).collect()
    }

    /// How many nodes there are, running or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(crate) fn truth(&self) -> &Truth {
        &self.truth
    }

    pub(crate) fn disk(&self, node: NodeId) -> &Disk {
        &self.nodes[node].disk
    }

    /// How many steps cores took.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }
}
