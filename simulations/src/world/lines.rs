//! What passes between two nodes: gossip along the mesh, and the frames of sync.

use super::{Event, NodeId, World, name, node_of};
use crate::message::Message;
use crate::network::{Carried, arrivals};
use heirloom_core::io::{Admission, ExchangeId, Input, MessageId, OrderId, SyncEvent, SyncOrder};
use std::rc::Rc;
use std::time::Duration;

/// After this the adapter gives a question up.
const SYNC_TIMEOUT: Duration = Duration::from_secs(10);

impl World {
    /// Two nodes that run notice each other.
    pub(super) fn introduce(&mut self, a: NodeId, b: NodeId) {
        if self.is_up(a) && self.is_up(b) {
            for (one, other) in [(a, b), (b, a)] {
                let (life, after) = (self.nodes[one].life, self.dice.between(self.faults.latency));
                self.answer(one, life, after, Input::PeerUp(name(other)));
            }
        }
    }

    pub(super) fn sync(&mut self, node: NodeId, order: SyncOrder) {
        let after = self.dice.between(self.faults.latency);
        match order {
            SyncOrder::Ask { order, peer, bytes } => {
                let to = node_of(peer);
                let life = self.nodes[node].life;
                match self.is_reached(node, to, bytes.len()) {
                    Some(queued) => {
                        self.network.book(node, to, bytes.len(), Carried::Sync);
                        self.at(after + queued, Event::Asked { node: to, from: node, life, order, bytes });
                    }
                    None => self.sync_fails(node, life, order),
                }
            }
            SyncOrder::Answer { exchange, bytes } => {
                let Some((to, life, order)) = self.line.take(node, exchange) else { return };
                let bytes = self.line.meddle(node, to, bytes, self.faults.corruption, &mut self.dice);
                let reached = bytes.and_then(|bytes| Some((self.is_reached(node, to, bytes.len())?, bytes)));
                match reached {
                    Some((queued, bytes)) => {
                        self.network.book(node, to, bytes.len(), Carried::Sync);
                        self.answer(to, life, after + queued, Input::SyncFrame(SyncEvent::Answered { order, bytes }));
                    }
                    None => self.sync_fails(to, life, order),
                }
            }
            // What to think of it, the checkers know.
            SyncOrder::Blame { .. } => {}
        }
    }

    /// How long a message waits for the lines; `None`: it does not arrive.
    pub(super) fn is_reached(&mut self, from: NodeId, to: NodeId, len: usize) -> Option<Duration> {
        let is_lost = self.dice.happens(self.faults.loss) || self.network.is_cut(&self.faults, from, to);
        if is_lost { None } else { self.network.queue(self.now, from, to, len, &self.faults) }
    }

    fn sync_fails(&mut self, node: NodeId, life: u32, order: OrderId) {
        let event = SyncEvent::Failed { order, is_unsupported: false };
        self.answer(node, life, SYNC_TIMEOUT, Input::SyncFrame(event));
    }

    pub(super) fn asked(&mut self, node: NodeId, from: NodeId, life: u32, order: OrderId, bytes: Vec<u8>) {
        if !self.is_up(node) {
            return self.sync_fails(from, life, order);
        }
        let exchange: ExchangeId = self.line.put(node, (from, life, order));
        self.deliver(node, Input::SyncFrame(SyncEvent::Asked { peer: name(from), exchange, bytes }));
    }

    /// A node says something itself.
    pub(super) fn say(&mut self, node: NodeId, message: &Rc<Message>) {
        self.mesh.is_new(node, message);
        self.mesh.remember(message);
        self.flood(node, None, message);
        self.repeat_something(node);
    }

    fn flood(&mut self, node: NodeId, except: Option<NodeId>, message: &Rc<Message>) {
        for peer in self.mesh.peers_of(node) {
            let is_cut = self.network.is_cut(&self.faults, node, peer);
            let is_lost = self.dice.happens(self.faults.loss);
            if Some(peer) == except || is_cut || is_lost {
                continue;
            }
            let is_damaged = self.dice.happens(self.faults.corruption);
            let message = if is_damaged { self.mesh.damage(message, &mut self.dice) } else { Rc::clone(message) };
            self.send_gossip(node, peer, &message, false);
        }
    }

    pub(super) fn send_gossip(&mut self, from: NodeId, to: NodeId, message: &Rc<Message>, is_replay: bool) {
        let copies = arrivals(&self.faults, &mut self.dice);
        for after in copies {
            let len = message.bytes.len();
            if let Some(queued) = self.network.queue(self.now, from, to, len, &self.faults) {
                let message = Rc::clone(message);
                self.at(after + queued, Event::Hear { node: to, from, message, is_replay });
            }
        }
    }

    /// Somebody repeats an old message of anybody to a peer.
    fn repeat_something(&mut self, node: NodeId) {
        let peers = self.mesh.peers_of(node);
        if !self.dice.happens(self.faults.replays) || peers.is_empty() {
            return;
        }
        let peer = peers[self.dice.index(peers.len())];
        if let Some(message) = self.mesh.recall(&mut self.dice) {
            self.send_gossip(node, peer, &message, true);
        }
    }

    pub(super) fn hear(&mut self, node: NodeId, from: NodeId, message: Rc<Message>, is_replay: bool) {
        if !self.is_up(node) || self.network.is_cut(&self.faults, from, node) {
            return;
        }
        self.network.book(from, node, message.bytes.len(), Carried::Gossip);
        // The duplicate cache forgets after two minutes; whoever repeats waits for that.
        if !self.mesh.is_new(node, &message) && !is_replay {
            return;
        }
        self.nodes[node].last_message += 1;
        let id = MessageId(self.nodes[node].last_message);
        let bytes = message.bytes.clone();
        self.mesh.wait_for_admission(node, id, from, message);
        self.deliver(node, Input::Gossip { message: id, from: Some(name(from)), bytes });
    }

    pub(super) fn admission(&mut self, node: NodeId, message: MessageId, admission: Admission) {
        let Some((from, message)) = self.mesh.admitted(node, message) else { return };
        // Rejected or ignored, it goes no further; whether blame was right, the checkers know.
        if admission == Admission::Accept && !self.mesh.is_mute(node) {
            self.flood(node, Some(from), &message);
            self.repeat_something(node);
        }
    }
}
