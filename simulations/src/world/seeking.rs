//! Strangers who announced a work: found, connected for as long as a question takes, asked, and answering as they like.
//!
//! Whom to ask and what to believe is decided by the cores. What the node's adapters do for them is a model here: how many
//! places are dialled, how fast, and when a peer that was met for a question is let go.

use super::{Event, NodeId, World, name, node_of};
use crate::network::Carried;
use crate::rendezvous::{Misanswer, Place};
use heirloom_core::io::{DhtEvent, DhtOrder, ExchangeId, Input, LookupEvent, LookupOrder, OrderId};
use heirloom_proto::WorkId;
use heirloom_proto::lookup::Response;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long the DHT takes to name places.
const LOOKUP: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
/// Dials at once, and how long one holds up the next (`p2p::params::SOUGHT_OUTBOUND_MAX`, `SOUGHT_DIAL`).
const AT_ONCE: u32 = 4;
/// See [`AT_ONCE`].
const DIAL: Duration = Duration::from_secs(1);
/// Round trips of a connection and its hello.
const ROUND_TRIPS: u32 = 4;
/// When nobody is expected any more at a place that does not answer.
const DEAD: Duration = Duration::from_secs(10);
/// When a seek is over whatever is under way (`SEEK_WITHIN`).
const OVER: Duration = Duration::from_secs(15);
/// How long a peer that was met is kept for a question that does not come (`SOUGHT_KEPT`).
const KEPT: Duration = Duration::from_secs(3);
/// After this the adapter gives a question up.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

impl World {
    /// From now on works have a rendezvous in the DHT.
    pub fn with_rendezvous(&mut self) {
        self.has_rendezvous = true;
    }

    /// Announces a work where a node is, whatever it lists.
    pub fn announce(&mut self, node: NodeId, work: &WorkId) {
        self.rendezvous.announce(self.now, work, Place::Node(node));
    }

    /// Announces a work at so many places where nobody is.
    pub fn announce_nobody(&mut self, work: &WorkId, places: u64) {
        (0..places).for_each(|place| self.rendezvous.announce(self.now, work, Place::Dead(place)));
    }

    /// Lets a node answer whoever asks it about a work like this from now on.
    pub fn misanswer(&mut self, node: NodeId, misanswer: Misanswer) {
        self.rendezvous.misanswers(node, misanswer);
    }

    /// Answers about works so far that whoever gave them must have known to be wrong, and that arrived.
    #[must_use]
    pub fn wrong_answers(&self) -> u64 {
        self.rendezvous.wrong_answers
    }

    pub(super) fn dht(&mut self, node: NodeId, order: DhtOrder) {
        let life = self.nodes[node].life;
        let after = self.dice.between(self.faults.latency);
        let event = match order {
            DhtOrder::Put { order, item } => {
                self.network.traffic[node].dht_puts += 1;
                Event::Put { node, life, order, item: Box::new(item) }
            }
            DhtOrder::Get { order, key, salt } => {
                self.network.traffic[node].dht_gets += 1;
                Event::Get { node, life, order, key, salt }
            }
            DhtOrder::Announce { order, work } => {
                if self.has_rendezvous {
                    self.announce(node, &work);
                }
                Event::Arrive(node, life, Box::new(Input::Dht(DhtEvent::Announced { order, is_taken: true })))
            }
        };
        self.at(after, event);
    }

    pub(super) fn lookup(&mut self, node: NodeId, order: LookupOrder) {
        match order {
            LookupOrder::Seek { order, work } => self.seek(node, order, &work),
            LookupOrder::Ask { order, peer, bytes } => {
                let (to, life) = (node_of(peer), self.nodes[node].life);
                self.rendezvous.asks(node, to, order);
                let after = self.dice.between(self.faults.latency);
                match self.is_reached(node, to, bytes.len()) {
                    Some(queued) => {
                        self.network.book(node, to, bytes.len(), Carried::Lookup);
                        self.at(after + queued, Event::Questioned { node: to, from: node, life, order, bytes });
                    }
                    None => self.question_fails(node, to, life, order),
                }
            }
            LookupOrder::Answer { exchange, bytes } => self.tell(node, exchange, bytes),
            // What to think of it, the checkers know.
            LookupOrder::Blame { .. } => {}
        }
    }

    fn seek(&mut self, node: NodeId, order: OrderId, work: &WorkId) {
        let life = self.nodes[node].life;
        if !self.has_rendezvous {
            let after = self.dice.between(self.faults.latency);
            return self.answer(node, life, after, Input::Lookup(LookupEvent::Over { order }));
        }
        let named = self.dice.between(LOOKUP);
        let mut over = named;
        for (number, place) in (0_u32..).zip(self.rendezvous.dialled(self.now, work, node, &mut self.dice)) {
            let begun = named + DIAL * (number / AT_ONCE);
            let ended = match place {
                Place::Node(with) if self.is_up(with) && !self.network.is_cut(&self.faults, node, with) => {
                    let ended = begun + self.dice.between(self.faults.latency) * ROUND_TRIPS;
                    if ended < OVER {
                        self.at(ended, Event::Meet { node, life, order, with });
                    }
                    ended
                }
                Place::Node(_) | Place::Dead(_) => begun + DEAD,
            };
            over = over.max(ended);
        }
        self.answer(node, life, over.min(OVER), Input::Lookup(LookupEvent::Over { order }));
    }

    /// Somebody who announced the work is connected.
    pub(super) fn meet(&mut self, node: NodeId, life: u32, order: OrderId, with: NodeId) {
        if !self.is_living(node, life) || !self.is_up(with) {
            return;
        }
        let are_peers = self.mesh.peers_of(node).contains(&with);
        if !are_peers && self.rendezvous.visits(node, with) {
            self.deliver(with, Input::PeerUp(name(node)));
            self.deliver(node, Input::PeerUp(name(with)));
        }
        self.deliver(node, Input::Lookup(LookupEvent::Met { order, peer: name(with) }));
        self.at(KEPT, Event::Part { node, with, order: None });
    }

    /// A question has ended, or none came.
    pub(super) fn part(&mut self, node: NodeId, with: NodeId, order: Option<OrderId>) {
        if self.rendezvous.parts(node, with, order) {
            self.part_all(node, BTreeSet::from([with]));
            self.part_all(with, BTreeSet::from([node]));
        }
    }

    /// Others, whom a node met for a question, no longer see it.
    pub(super) fn part_all(&mut self, node: NodeId, others: BTreeSet<NodeId>) {
        for other in others.into_iter().filter(|other| self.is_up(*other)).collect::<Vec<_>>() {
            let life = self.nodes[other].life;
            self.answer(other, life, Duration::ZERO, Input::PeerDown(name(node)));
        }
    }

    pub(super) fn questioned(&mut self, node: NodeId, from: NodeId, life: u32, order: OrderId, bytes: Vec<u8>) {
        if !self.is_up(node) {
            return self.question_fails(from, node, life, order);
        }
        let exchange = self.line.put(node, (from, life, order));
        self.deliver(node, Input::Lookup(LookupEvent::Asked { peer: name(from), exchange, bytes }));
    }

    fn tell(&mut self, node: NodeId, exchange: ExchangeId, honest: Vec<u8>) {
        let Some((to, life, order)) = self.line.take(node, exchange) else { return };
        let misanswer = self.rendezvous.misanswer_of(node).cloned();
        let is_wrong = matches!(misanswer, Some(Misanswer::Wrong(_)));
        if is_wrong {
            self.line.wrongs(to, node);
        }
        let told = match misanswer {
            None => Some(honest),
            Some(Misanswer::Silence) => None,
            Some(Misanswer::Emptiness) => Some(Response::Statements(BTreeSet::new()).encode()),
            Some(Misanswer::Wrong(bytes)) => Some(bytes),
        };
        let told = told.map(|bytes| self.line.damage(node, to, bytes, self.faults.corruption, &mut self.dice));
        let reached = told.and_then(|bytes| Some((self.is_reached(node, to, bytes.len())?, bytes)));
        let Some((queued, bytes)) = reached else { return self.question_fails(to, node, life, order) };
        let after = self.dice.between(self.faults.latency) + queued;
        self.network.book(node, to, bytes.len(), Carried::Lookup);
        self.rendezvous.wrong_answers += u64::from(is_wrong);
        self.answer(to, life, after, Input::Lookup(LookupEvent::Answered { order, bytes }));
        self.at(after, Event::Part { node: to, with: node, order: Some(order) });
    }

    fn question_fails(&mut self, node: NodeId, with: NodeId, life: u32, order: OrderId) {
        self.answer(node, life, ANSWER_WITHIN, Input::Lookup(LookupEvent::Failed { order }));
        self.at(ANSWER_WITHIN, Event::Part { node, with, order: Some(order) });
    }
}
