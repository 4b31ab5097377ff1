//! The world: nodes, the models around them, and one queue of events ordered by (time, sequence).

mod arranging;
mod brief;
mod lines;
mod looking;
mod mutation;
mod seeking;
mod services;

pub use mutation::Mutation;

use crate::archives::Shelf;
use crate::checkers::{Broken, Checkers, End, Held, Property, nothing_left_early};
use crate::dht::Dht;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::faults::Faults;
use crate::gossip::{LINKS, Mesh};
use crate::message::Message;
use crate::network::Network;
use crate::node::Node;
use crate::rendezvous::Rendezvous;
use crate::swarm::Swarm;
use crate::sync::Line;
use crate::trace::Trace;
use crate::truth::Truth;
use brief::{brief_input, brief_output};
use heirloom_core::command::{Command, CommandError, Reply};
use heirloom_core::io::{Input, OrderId, Output, Peer, RequestId};
use heirloom_proto::dht::Item;
use heirloom_proto::{Infohash, Key};
use mutation::Broke;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// A node by its place in the world.
pub type NodeId = usize;

/// Wake-ups in a row at one moment after which a core is said to spin.
const SPINS_MAX: u32 = 64;
/// How long a stopped node stays off.
const OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Something that happens at a time.
#[derive(Debug)]
pub(super) enum Event {
    Boot(NodeId),
    Crash(NodeId),
    Wake(NodeId),
    /// An answer of a model to a node, if it still lives the life in which it asked.
    Arrive(NodeId, u32, Box<Input>),
    Hear {
        node: NodeId,
        from: NodeId,
        message: Rc<Message>,
        is_replay: bool,
    },
    /// A question of sync reaches a node.
    Asked {
        node: NodeId,
        from: NodeId,
        life: u32,
        order: OrderId,
        bytes: Vec<u8>,
    },
    /// Somebody who announced a work is connected, to be asked.
    Meet {
        node: NodeId,
        life: u32,
        order: OrderId,
        with: NodeId,
    },
    /// A question about a work reaches a node.
    Questioned {
        node: NodeId,
        from: NodeId,
        life: u32,
        order: OrderId,
        bytes: Vec<u8>,
    },
    /// Who was met for a question is let go.
    Part {
        node: NodeId,
        with: NodeId,
        order: Option<OrderId>,
    },
    Put {
        node: NodeId,
        life: u32,
        order: OrderId,
        item: Box<Item>,
    },
    Get {
        node: NodeId,
        life: u32,
        order: OrderId,
        key: [u8; 32],
        salt: Vec<u8>,
    },
    Piece {
        node: NodeId,
        life: u32,
        infohash: Infohash,
    },
}

/// A property that broke, or something that did not come about.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Seed of the run.
    pub seed: u64,
    /// After so many steps of cores.
    pub step: u64,
    /// When, since the world began.
    pub at: Duration,
    /// Which property.
    pub property: Property,
    /// What.
    pub what: String,
    /// The last lines of the trace.
    pub tail: String,
    /// Every line, if they were kept.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, step, property, what, .. } = self;
        write!(f, "{property}: seed {seed}, step {step}, {:.3} s: {what}\n{}", self.at.as_secs_f64(), self.tail)
    }
}

impl std::error::Error for Failure {}

/// Everything.
#[derive(Debug)]
pub struct World {
    seed: u64,
    now: Duration,
    events: BTreeMap<(Duration, u64), Event>,
    sequence: u64,
    dice: Dice,
    faults: Faults,
    nodes: Vec<Node>,
    network: Network,
    mesh: Mesh,
    line: Line,
    rendezvous: Rendezvous,
    has_rendezvous: bool,
    has_dht: bool,
    pulls_for_others: bool,
    dht: Dht,
    swarm: Swarm,
    shelf: Shelf,
    truth: Truth,
    checkers: Checkers,
    mutations: BTreeMap<NodeId, Broke>,
    /// Who waits for whose word: how long it took by gossip is measured.
    watched: BTreeSet<(NodeId, Key)>,
    delays: Vec<Duration>,
    steps: u64,
    replies: BTreeMap<(NodeId, RequestId), Result<Reply, CommandError>>,
    trace: Trace,
    broken: Option<Failure>,
    crashes: u64,
}

impl World {
    /// A world of nodes that are off, with `hostile_dht` nodes of the DHT that may lie.
    #[must_use]
    pub fn new(seed: u64, nodes: usize, hostile_dht: usize, keeps_trace: bool) -> Self {
        Self::linked(seed, nodes, LINKS, hostile_dht, keeps_trace)
    }

    /// The same with so many peers sought by each node.
    #[must_use]
    pub fn linked(seed: u64, nodes: usize, links: usize, hostile_dht: usize, keeps_trace: bool) -> Self {
        let mut dice = Dice::of(seed);
        let nodes: Vec<Node> = (0..nodes).map(|_| Node::new(&mut dice)).collect();
        Self {
            seed,
            now: Duration::ZERO,
            events: BTreeMap::new(),
            sequence: 0,
            network: Network::new(nodes.len()),
            mesh: Mesh::new(nodes.len(), links, &mut dice),
            line: Line::default(),
            rendezvous: Rendezvous::default(),
            has_rendezvous: false,
            has_dht: true,
            pulls_for_others: true,
            dht: Dht::new(hostile_dht, &mut dice),
            swarm: Swarm::default(),
            shelf: Shelf::default(),
            truth: Truth::default(),
            checkers: Checkers::default(),
            mutations: BTreeMap::new(),
            watched: BTreeSet::new(),
            delays: Vec::new(),
            steps: 0,
            replies: BTreeMap::new(),
            trace: Trace::new(keeps_trace),
            faults: Faults::NONE,
            broken: None,
            crashes: 0,
            nodes,
            dice,
        }
    }

    /// Time since the world began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Chance, for scenarios that want some.
    pub fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// The trace so far.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// How often a process ended against its will.
    #[must_use]
    pub fn crashes(&self) -> u64 {
        self.crashes
    }

    /// The key of a node.
    #[must_use]
    pub fn key(&self, node: NodeId) -> Key {
        self.nodes[node].key()
    }

    /// Whether a node runs.
    #[must_use]
    pub fn is_up(&self, node: NodeId) -> bool {
        self.nodes[node].service.is_some()
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
        self.trace.note(self.now, &format!("faults {faults:?}"));
        if !faults.crash_period.is_zero() {
            for node in 0..self.nodes.len() {
                self.plan_crash(node);
            }
        }
    }

    /// What goes wrong now.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.faults
    }

    /// Starts a node after a while.
    pub fn boot_in(&mut self, node: NodeId, after: Duration) {
        self.at(after, Event::Boot(node));
    }

    /// Starts every node that is off, within two seconds.
    pub fn boot_all(&mut self) {
        for node in 0..self.nodes.len() {
            if !self.is_up(node) {
                let after = self.dice.between((Duration::ZERO, Duration::from_secs(2)));
                self.boot_in(node, after);
            }
        }
    }

    /// Ends a process now. It stays off until it is booted.
    pub fn kill(&mut self, node: NodeId, is_power_cut: bool) {
        if !self.is_up(node) {
            return;
        }
        self.trace.note(self.now, &format!("n{node} {}", if is_power_cut { "loses power" } else { "is killed" }));
        self.crashes += 1;
        self.nodes[node].kill(is_power_cut);
        self.mesh.forget(node);
        self.line.forget(node);
        let met = self.rendezvous.forget(node);
        self.part_all(node, met);
        for peer in self.mesh.peers_of(node) {
            if self.is_up(peer) {
                let life = self.nodes[peer].life;
                self.answer(peer, life, Duration::ZERO, Input::PeerDown(name(node)));
            }
        }
        self.swarm.forget(node);
        self.shelf.forget(node);
        self.lose_own(node);
        let of = &self.nodes[node];
        let wall = of.now(self.now).wall;
        let me = of.key();
        let end = End { node, of, wall, is_power_cut, truth: &self.truth };
        let result = self.checkers.end(&end);
        self.check(result);
        if let Some(accepted) = self.truth.accepted.get_mut(&node).filter(|_| is_power_cut) {
            accepted.retain(|_, said| *said.author() == me);
        }
    }

    /// Ends a process and takes its disk away: the owner has only the key left.
    pub fn wipe(&mut self, node: NodeId) {
        self.kill(node, false);
        self.trace.note(self.now, &format!("n{node} loses its disk"));
        self.nodes[node].disk = Disk::default();
        self.swarm.wipe(node);
        self.shelf.wipe(node);
        self.truth.accepted.remove(&node);
        self.checkers.wiped(node);
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// [`Failure`] when a rule broke.
    pub fn run_for(&mut self, span: Duration) -> Result<(), Failure> {
        let end = self.now + span;
        while self.step(end) {}
        self.now = self.now.max(end);
        self.verdict()
    }

    /// Lets time pass until something holds. Whether it did in time.
    ///
    /// # Errors
    /// [`Failure`] when a rule broke.
    pub fn run_until(&mut self, limit: Duration, holds: impl Fn(&Self) -> bool) -> Result<bool, Failure> {
        let end = self.now + limit;
        while !holds(self) {
            if !self.step(end) {
                self.now = self.now.max(end);
                self.verdict()?;
                return Ok(holds(self));
            }
        }
        self.verdict()?;
        Ok(true)
    }

    /// Asks a node for something and waits for the answer. `None`: it is off, died, or took longer.
    ///
    /// # Errors
    /// [`Failure`] when a rule broke.
    pub fn ask(
        &mut self,
        node: NodeId,
        command: Command,
        limit: Duration,
    ) -> Result<Option<Result<Reply, CommandError>>, Failure> {
        if !self.is_up(node) {
            return Ok(None);
        }
        let request = self.nodes[node].next_request();
        let life = self.nodes[node].life;
        self.deliver(node, Input::Command { request, command: Box::new(command) });
        self.run_until(limit, |world| {
            world.replies.contains_key(&(node, request)) || world.nodes[node].life != life || !world.is_up(node)
        })?;
        Ok(self.replies.remove(&(node, request)))
    }

    /// Ends the run with what did not come about.
    ///
    /// # Errors
    /// Always.
    pub fn fail<T>(&mut self, what: impl Into<String>) -> Result<T, Failure> {
        self.check(Property::ComesAbout.broken(what));
        self.verdict()?;
        Err(self.failure(Property::ComesAbout, String::new()))
    }

    fn failure(&self, property: Property, what: String) -> Failure {
        Failure {
            seed: self.seed,
            step: self.steps,
            at: self.now,
            property,
            what,
            tail: self.trace.tail(),
            trace: self.trace.whole().to_vec(),
        }
    }

    /// Notes the first property that broke.
    pub(crate) fn check(&mut self, result: Held) {
        if let (Err(Broken { property, what }), None) = (result, &self.broken) {
            self.broken = Some(self.failure(property, what));
        }
    }

    /// Whether a property broke.
    ///
    /// # Errors
    /// [`Failure`] when one did.
    pub(crate) fn verdict(&self) -> Result<(), Failure> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn at(&mut self, after: Duration, event: Event) {
        self.sequence += 1;
        self.events.insert((self.now + after, self.sequence), event);
    }

    fn plan_crash(&mut self, node: NodeId) {
        let after = self.dice.between((Duration::ZERO, self.faults.crash_period * 2));
        self.at(after, Event::Crash(node));
    }

    /// The next event, if it comes by then. Whether there was one, and nothing broke.
    fn step(&mut self, by: Duration) -> bool {
        if self.broken.is_some() || self.events.first_key_value().is_none_or(|((at, _), _)| *at > by) {
            return false;
        }
        let Some(((at, _), event)) = self.events.pop_first() else { return false };
        self.now = at;
        match event {
            Event::Boot(node) => self.boot(node),
            Event::Crash(node) => self.crash(node),
            Event::Wake(node) => self.wake(node),
            Event::Arrive(node, life, input) => {
                if self.is_living(node, life) {
                    self.deliver(node, *input);
                }
            }
            Event::Hear { node, from, message, is_replay } => self.hear(node, from, message, is_replay),
            Event::Asked { node, from, life, order, bytes } => self.asked(node, from, life, order, bytes),
            Event::Meet { node, life, order, with } => self.meet(node, life, order, with),
            Event::Questioned { node, from, life, order, bytes } => self.questioned(node, from, life, order, bytes),
            Event::Part { node, with, order } => self.part(node, with, order),
            Event::Put { node, life, order, item } => self.put(node, life, order, &item),
            Event::Get { node, life, order, key, salt } => self.get(node, life, order, key, &salt),
            Event::Piece { node, life, infohash } => {
                if self.is_living(node, life) {
                    self.piece(node, infohash);
                }
            }
        }
        true
    }

    fn is_living(&self, node: NodeId, life: u32) -> bool {
        self.is_up(node) && self.nodes[node].life == life
    }

    fn boot(&mut self, node: NodeId) {
        if self.is_up(node) {
            return;
        }
        self.trace.note(self.now, &format!("n{node} starts"));
        let seed = self.dice.bytes();
        let booted = self.nodes[node].boot(self.now, seed);
        let result = booted.or_else(|error| Property::Opens.broken(format!("n{node} does not open: {error}")));
        let has_opened = result.is_ok();
        self.check(result);
        if let Some(service) = self.nodes[node].service.as_mut().filter(|_| !self.pulls_for_others) {
            service.pull_nothing_for_others();
        }
        if has_opened {
            self.deliver(node, Input::Started { dht: self.has_dht, torrents: true });
            for peer in self.mesh.peers_of(node) {
                self.introduce(node, peer);
            }
        }
    }

    fn crash(&mut self, node: NodeId) {
        // Planned in worse times.
        if self.faults.crash_period.is_zero() {
            return;
        }
        let is_power_cut = self.dice.happens(self.faults.power_cuts);
        if self.is_up(node) {
            self.stop(node, is_power_cut);
        }
        self.plan_crash(node);
    }

    /// Ends a process, and starts it again after a while.
    fn stop(&mut self, node: NodeId, is_power_cut: bool) {
        self.kill(node, is_power_cut);
        let after = self.dice.between(OFF);
        self.boot_in(node, after);
    }

    fn wake(&mut self, node: NodeId) {
        if self.nodes[node].wake_at == Some(self.now) {
            self.nodes[node].wake_at = None;
            self.nodes[node].spins += 1;
            let spins = self.nodes[node].spins;
            self.deliver(node, Input::Wake);
            if spins > SPINS_MAX {
                self.check(Property::NoSpinning.broken(format!("n{node} asks to be woken again and again")));
            }
        }
    }

    /// Gives an input to a core: handle, commit, release; unless the process dies on the way.
    fn deliver(&mut self, node: NodeId, input: Input) {
        if self.is_deaf_to(node, &input) {
            return;
        }
        let now = self.nodes[node].now(self.now);
        self.trace.note(self.now, &format!("n{node} < {}", brief_input(&input)));
        self.steps += 1;
        let is_killed = self.dice.happens(self.faults.kills_before_commit);
        let is_full = self.dice.happens(self.faults.full_disks);
        if !matches!(input, Input::Wake) {
            self.nodes[node].spins = 0;
        }
        let commits_early = self.commits_early(node);
        let Some(service) = self.nodes[node].service.as_mut() else { return };
        service.handle(now, input);
        if commits_early {
            let _ = service.commit();
        }
        let early = nothing_left_early(service);
        self.check(early);
        if is_killed {
            return self.stop(node, false);
        }
        self.nodes[node].disk.set_full(is_full);
        let Some(service) = self.nodes[node].service.as_mut() else { return };
        let committed = service.commit();
        let mut outputs: Vec<Output> = std::iter::from_fn(|| service.poll_output()).collect();
        self.nodes[node].disk.set_full(false);
        if let Err(halt) = committed {
            self.trace.note(self.now, &format!("n{node} halts: {halt}"));
            if !outputs.is_empty() {
                let what = format!("n{node} released {} outputs of a failed commit", outputs.len());
                self.check(Property::CommitBeforeRelease.broken(what));
            }
            return self.stop(node, false);
        }
        self.tamper(node, &mut outputs);
        self.look_at_step(node, &outputs);
        for output in outputs {
            self.perform(node, output);
        }
        self.plan_wake(node);
    }

    fn plan_wake(&mut self, node: NodeId) {
        let Some(next) = self.nodes[node].next_wakeup() else { return };
        let next = next.max(self.now);
        if self.nodes[node].wake_at.is_none_or(|at| next < at) {
            if next > self.now {
                self.nodes[node].spins = 0;
            }
            self.nodes[node].wake_at = Some(next);
            self.at(next - self.now, Event::Wake(node));
        }
    }

    fn perform(&mut self, node: NodeId, output: Output) {
        self.trace.note(self.now, &format!("n{node} > {}", brief_output(&output)));
        match output {
            Output::Publish { bytes, .. } => {
                let message = Message::new(bytes);
                self.say(node, &message);
            }
            Output::Admission { message, admission } => self.admission(node, message, admission),
            Output::SyncFrame(order) => self.sync(node, order),
            Output::Dht(order) => self.dht(node, order),
            Output::Lookup(order) => self.lookup(node, order),
            // Nobody names friends here, so nobody shows who it is.
            Output::Identity(_) => {}
            // Nobody in this world has pictures.
            Output::Artwork(_) => {}
            Output::Archive(order) => self.archive(node, order),
            Output::Torrent(order) => self.torrent(node, order),
            Output::Reply { request, result } => {
                self.replies.insert((node, request), result.map(|reply| *reply));
            }
        }
    }
}

/// The number by which the others know a node.
fn name(node: NodeId) -> Peer {
    Peer(node as u64)
}

fn node_of(peer: Peer) -> NodeId {
    // PANIC: never; it was made by `name`.
    usize::try_from(peer.0).expect("a node's number")
}
