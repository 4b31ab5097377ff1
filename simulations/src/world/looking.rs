//! Looking: what the checkers are shown, after every step and of every disk.

use super::{Failure, NodeId, World, node_of};
use crate::checkers::{Look, Property, Step, followed_by};
use crate::message::Message;
use heirloom_core::command::{Command, Reply};
use heirloom_core::ground::Ground;
use heirloom_core::io::{Admission, DhtOrder, LookupOrder, Output, SyncOrder};
use heirloom_core::views::LedgerBy;
use heirloom_proto::body::Scope;
use heirloom_proto::{Key, Kind, StatementId};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

impl World {
    /// What a node's disk holds of an author and may leave it, by id.
    ///
    /// # Errors
    /// [`Failure`] when the disk cannot be read.
    pub fn log_of(&mut self, node: NodeId, author: &Key) -> Result<BTreeSet<StatementId>, Failure> {
        match Ground::new(self.nodes[node].disk.clone()).statements_of(author) {
            Ok(all) => Ok(all.iter().filter(|s| !s.is_private).map(|s| s.statement.id()).collect()),
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// Has every checker look at every disk.
    ///
    /// # Errors
    /// [`Failure`] when a property broke.
    pub fn check_disks(&mut self) -> Result<(), Failure> {
        for node in 0..self.nodes.len() {
            self.look_at(node, &BTreeSet::new());
        }
        self.verdict()
    }

    pub(super) fn look_at(&mut self, node: NodeId, rated: &BTreeSet<Key>) {
        let of = &self.nodes[node];
        let ground = Ground::new(of.disk.clone());
        let (stored, damaged) = match ground.statements(&[]) {
            Ok(read) => read,
            Err(error) => return self.check(Property::NoRollback.broken(error.to_string())),
        };
        // What its owner signed is known before others are looked at.
        let me = of.key();
        for own in stored.iter().filter(|stored| *stored.statement.author() == me) {
            self.truth.signs(own.statement.id(), self.now);
        }
        let followed = followed_by(&of.disk);
        let look = Look {
            node,
            of,
            wall: of.now(self.now).wall,
            truth: &self.truth,
            rated,
            ground: &ground,
            stored: &stored,
            damaged,
            followed: &followed,
        };
        let result = self.checkers.look(&look);
        self.check(result);
    }

    /// Asks every running node what it thinks, and looks at every disk, so that the checkers see it.
    ///
    /// # Errors
    /// [`Failure`] when a property broke.
    pub fn audit(&mut self) -> Result<(), Failure> {
        for node in 0..self.nodes.len() {
            let mut rated = BTreeSet::new();
            for command in [
                Command::Trust { scope: Scope::Catalogue, limit: 10_000 },
                Command::Ledger { by: LedgerBy::Release },
                Command::Search { text: String::new(), kind: None, band: None, limit: 100 },
            ] {
                if let Some(Ok(Reply::Trust(rows))) = self.ask(node, command, Duration::ZERO)? {
                    rated.extend(rows.iter().filter(|row| row.score > 0.0).map(|row| row.key));
                }
            }
            self.look_at(node, &rated);
        }
        self.verdict()
    }

    /// Whether a message convicts its author and is not on the disk of who passed it on.
    fn is_evidence(&self, node: NodeId, message: &Message) -> bool {
        message.statement.as_ref().is_some_and(|said| {
            let ground = Ground::new(self.nodes[node].disk.clone());
            let is_here = ground.place_by_id(&said.id()).is_ok_and(|place| place.is_some());
            matches!(said.kind(), Kind::Profile | Kind::Rotation)
                && self.truth.is_duplicitous(said.author())
                && !is_here
        })
    }

    /// Notes what a step says about the truth, and has every checker look at it.
    pub(super) fn look_at_step(&mut self, node: NodeId, outputs: &[Output]) {
        let (mut accepted, mut blamed) = (Vec::new(), Vec::new());
        for output in outputs {
            match output {
                Output::Publish { bytes, .. } => {
                    if let Some(said) = Message::new(bytes.clone()).statement.clone() {
                        self.truth.signs(said.id(), self.now);
                        // What is said for nobody need not stay.
                        if *said.author() != self.nodes[node].key() {
                            continue;
                        }
                        self.truth.accepted.entry(node).or_default().insert(said.id(), said);
                    }
                }
                Output::Admission { message, admission } => {
                    let Some((from, message)) = self.mesh.waiting(node, *message) else { continue };
                    match admission {
                        // Evidence against its author is passed on, and not taken in.
                        Admission::Accept if self.is_evidence(node, message) => {}
                        Admission::Accept => accepted.push(Rc::clone(message)),
                        Admission::Ignore => {}
                        Admission::Reject => blamed.push((*from, self.mesh.is_damaged(message))),
                    }
                }
                Output::SyncFrame(SyncOrder::Blame { peer }) | Output::Lookup(LookupOrder::Blame { peer }) => {
                    let peer = node_of(*peer);
                    blamed.push((peer, self.line.may_blame(node, peer)));
                }
                Output::Dht(DhtOrder::Put { item, .. }) => {
                    if let Ok(item) = item.clone().verify() {
                        let spot = (item.key, item.salt.clone(), item.seq);
                        self.truth.items.entry(spot).or_insert(item);
                    }
                }
                _ => {}
            }
        }
        let step = Step {
            node,
            of: &self.nodes[node],
            outputs,
            accepted: &accepted,
            blamed: &blamed,
            truth: &self.truth,
            nodes: &self.nodes,
            swarm: &self.swarm,
        };
        let result = self.checkers.step(&step);
        self.check(result);
        for said in accepted.iter().filter_map(|message| message.statement.as_ref()) {
            if self.watched.contains(&(node, *said.author()))
                && let Some(at) = self.truth.signed_at(&said.id())
            {
                self.delays.push(self.now.saturating_sub(at));
            }
            self.truth.accepted.entry(node).or_default().insert(said.id(), Rc::clone(said));
        }
    }
}
