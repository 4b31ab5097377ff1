//! The world: nodes, the models around them, and one queue of events ordered by (time, sequence).

use crate::archives::Shelf;
use crate::checker::{Broken, Checker, nothing_left_early};
use crate::dht::{Dht, PutOutcome};
use crate::dice::Dice;
use crate::faults::Faults;
use crate::gossip::Mesh;
use crate::node::{Disk, Node};
use crate::swarm::{Progress, Swarm};
use crate::sync::{Lie, Line};
use crate::trace::Trace;
use heirloom_core::command::{Command, CommandError, Fault, Reply};
use heirloom_core::ground::Ground;
use heirloom_core::io::{
    Admission, ArchiveEvent, ArchiveOrder, DhtEvent, DhtOrder, ExchangeId, Input, LookupEvent, LookupOrder, MessageId,
    Metainfo, OrderId, Output, Peer, RequestId, SyncEvent, SyncOrder, TorrentEvent, TorrentOrder,
};
use heirloom_core::views::LedgerBy;
use heirloom_proto::body::Scope;
use heirloom_proto::dht::Item;
use heirloom_proto::{Infohash, Key, Sha256, StatementId};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// A node by its place in the world.
pub type NodeId = usize;

/// Wake-ups in a row at one moment after which a core is said to spin.
const SPINS_MAX: u32 = 64;
/// How long a stopped node stays off.
const OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How long a whole DHT query takes beside the latency of its messages.
const QUERY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// After this the adapter gives a question up.
const SYNC_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one piece takes.
const PIECE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(400));
/// How often a fetch without seeders looks for some.
const LOOK_FOR_SEEDERS: Duration = Duration::from_secs(3);

/// Something that happens at a time.
#[derive(Debug)]
enum Event {
    Boot(NodeId),
    Crash(NodeId),
    Wake(NodeId),
    /// An answer of a model to a node, if it still lives the life in which it asked.
    Arrive(NodeId, u32, Box<Input>),
    Hear {
        node: NodeId,
        from: NodeId,
        bytes: Rc<[u8]>,
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

/// A rule that broke, or something that did not come about.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Seed of the run.
    pub seed: u64,
    /// When, since the world began.
    pub at: Duration,
    /// What.
    pub what: String,
    /// The last lines of the trace.
    pub tail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {} at {:.3} s: {}\n{}", self.seed, self.at.as_secs_f64(), self.what, self.tail)
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
    mesh: Mesh,
    line: Line,
    has_dht: bool,
    dht: Dht,
    swarm: Swarm,
    shelf: Shelf,
    checker: Checker,
    replies: BTreeMap<(NodeId, RequestId), Result<Reply, CommandError>>,
    trace: Trace,
    broken: Option<Failure>,
    crashes: u64,
}

impl World {
    /// A world of nodes that are off, with `hostile_dht` nodes of the DHT that may lie.
    #[must_use]
    pub fn new(seed: u64, nodes: usize, hostile_dht: usize, keeps_trace: bool) -> Self {
        let mut dice = Dice::of(seed);
        let nodes: Vec<Node> = (0..nodes).map(|_| Node::new(&mut dice)).collect();
        Self {
            seed,
            now: Duration::ZERO,
            events: BTreeMap::new(),
            sequence: 0,
            mesh: Mesh::new(nodes.len(), &mut dice),
            line: Line::default(),
            has_dht: true,
            dht: Dht::new(hostile_dht, &mut dice),
            swarm: Swarm::default(),
            shelf: Shelf::default(),
            checker: Checker::default(),
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

    /// A world without a DHT: what is not pushed has to be pulled.
    pub fn without_dht(&mut self) {
        self.has_dht = false;
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

    /// What a node's disk holds of an author and may leave it, by id.
    ///
    /// # Errors
    /// [`Failure`] when the disk cannot be read.
    pub fn log_of(&mut self, node: NodeId, author: &Key) -> Result<std::collections::BTreeSet<StatementId>, Failure> {
        match Ground::new(self.nodes[node].disk.clone()).statements_of(author) {
            Ok(all) => Ok(all.iter().filter(|s| !s.is_private).map(|s| s.statement.id()).collect()),
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// Checks on every disk that nothing there is older than what was there before.
    ///
    /// # Errors
    /// [`Failure`] when a rule broke.
    pub fn check_disks(&mut self) -> Result<(), Failure> {
        for node in 0..self.nodes.len() {
            let result = self.checker.nothing_rolls_back(node, &self.nodes[node]);
            self.check(result);
        }
        self.verdict()
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

    /// Lays a torrent's content under a path on a node's disk, and tells the checker whether it is what it says.
    pub fn lay(&mut self, node: NodeId, source: &str, metainfo: Metainfo, is_fake: bool) {
        if is_fake {
            self.checker.is_fake(metainfo.infohash, node);
        }
        self.swarm.lay(node, source, metainfo);
    }

    /// Whether all of a release is on a node's disk, and the node seeds it.
    #[must_use]
    pub fn is_seeding(&self, node: NodeId, infohash: &Infohash) -> bool {
        self.swarm.is_seeding(node, infohash)
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
        for peer in self.mesh.peers_of(node) {
            if self.is_up(peer) {
                let life = self.nodes[peer].life;
                self.answer(peer, life, Duration::ZERO, Input::PeerDown(name(node)));
            }
        }
        self.swarm.forget(node);
        self.shelf.forget(node);
        let wall = self.nodes[node].now(self.now).wall;
        let result = self.checker.nothing_is_lost(node, &self.nodes[node], wall, is_power_cut);
        self.check(result);
    }

    /// Ends a process and takes its disk away: the owner has only the key left.
    pub fn wipe(&mut self, node: NodeId) {
        self.kill(node, false);
        self.trace.note(self.now, &format!("n{node} loses its disk"));
        self.nodes[node].disk = Disk::default();
        self.swarm.wipe(node);
        self.shelf.wipe(node);
        self.checker.wipe(node);
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

    /// Asks every running node what it thinks, so that the checker sees it.
    ///
    /// # Errors
    /// [`Failure`] when a rule broke.
    pub fn audit(&mut self) -> Result<(), Failure> {
        for node in 0..self.nodes.len() {
            for command in [
                Command::Trust { scope: Scope::Catalogue, limit: 1000 },
                Command::Ledger { by: LedgerBy::Release },
                Command::Search { text: String::new(), kind: None, band: None, limit: 100 },
            ] {
                self.ask(node, command, Duration::ZERO)?;
            }
        }
        self.verdict()
    }

    /// Ends the run with what did not come about.
    ///
    /// # Errors
    /// Always.
    pub fn fail<T>(&mut self, what: impl Into<String>) -> Result<T, Failure> {
        let broken: Result<(), Broken> = Err(what.into());
        self.check(broken);
        Err(self.broken.clone().unwrap_or_else(|| self.failure(String::new())))
    }

    fn failure(&self, what: String) -> Failure {
        Failure { seed: self.seed, at: self.now, what, tail: self.trace.tail() }
    }

    fn check(&mut self, result: Result<(), Broken>) {
        if let (Err(what), None) = (result, &self.broken) {
            self.broken = Some(self.failure(what));
        }
    }

    fn verdict(&self) -> Result<(), Failure> {
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
            Event::Hear { node, from, bytes, is_replay } => self.hear(node, from, bytes, is_replay),
            Event::Asked { node, from, life, order, bytes } => self.asked(node, from, life, order, bytes),
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
        let result = self.nodes[node].boot(self.now, seed).map_err(|error| format!("n{node} does not open: {error}"));
        let has_opened = result.is_ok();
        self.check(result);
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
                self.check(Err(format!("n{node} asks to be woken again and again")));
            }
        }
    }

    /// Gives an input to a core: handle, commit, release; unless the process dies on the way.
    fn deliver(&mut self, node: NodeId, input: Input) {
        let now = self.nodes[node].now(self.now);
        self.trace.note(self.now, &format!("n{node} < {}", brief_input(&input)));
        let is_killed = self.dice.happens(self.faults.kills_before_commit);
        let is_full = self.dice.happens(self.faults.full_disks);
        if !matches!(input, Input::Wake) {
            self.nodes[node].spins = 0;
        }
        let Some(service) = self.nodes[node].service.as_mut() else { return };
        service.handle(now, input);
        let early = nothing_left_early(service);
        self.check(early);
        if is_killed {
            return self.stop(node, false);
        }
        self.nodes[node].disk.set_full(is_full);
        let Some(service) = self.nodes[node].service.as_mut() else { return };
        let committed = service.commit();
        let outputs: Vec<Output> = std::iter::from_fn(|| service.poll_output()).collect();
        self.nodes[node].disk.set_full(false);
        if let Err(halt) = committed {
            self.trace.note(self.now, &format!("n{node} halts: {halt}"));
            if !outputs.is_empty() {
                self.check(Err(format!("n{node} released {} outputs of a failed commit", outputs.len())));
            }
            return self.stop(node, false);
        }
        let result = self.checker.outputs(node, &self.nodes[node], &outputs);
        self.check(result);
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
        let life = self.nodes[node].life;
        match output {
            Output::Publish { bytes, .. } => {
                self.mesh.is_new(node, &bytes);
                let bytes = bytes.into();
                self.mesh.remember(&bytes);
                self.flood(node, None, &bytes);
                self.repeat_something(node);
            }
            Output::Admission { message, admission } => self.admission(node, message, admission),
            Output::SyncFrame(order) => self.sync(node, order),
            // The world has no rendezvous of works: announcements go through, and no stranger is found.
            Output::Dht(DhtOrder::Announce { order, .. }) => {
                let after = self.dice.between(self.faults.latency);
                self.answer(node, life, after, Input::Dht(DhtEvent::Announced { order, is_taken: true }));
            }
            Output::Lookup(LookupOrder::Seek { order, .. }) => {
                let after = self.dice.between(self.faults.latency);
                self.answer(node, life, after, Input::Lookup(LookupEvent::Over { order }));
            }
            Output::Lookup(LookupOrder::Ask { .. } | LookupOrder::Answer { .. } | LookupOrder::Blame { .. }) => {}
            // Nobody names friends here, so nobody shows who it is.
            Output::Identity(_) => {}
            Output::Dht(order) => {
                let after = self.dice.between(self.faults.latency);
                self.at(
                    after,
                    match order {
                        DhtOrder::Put { order, item } => Event::Put { node, life, order, item: Box::new(item) },
                        DhtOrder::Get { order, key, salt } => Event::Get { node, life, order, key, salt },
                        DhtOrder::Announce { .. } => return,
                    },
                );
            }
            Output::Torrent(order) => self.torrent(node, order),
            Output::Archive(order) => self.archive(node, order),
            Output::Reply { request, result } => {
                let result = result.map(|reply| *reply);
                if let Ok(reply) = &result {
                    let checked = self.checker.reply(node, &self.nodes, &self.swarm, reply);
                    self.check(checked);
                }
                self.replies.insert((node, request), result);
            }
        }
    }

    // ---- sync

    /// Two nodes that run notice each other.
    fn introduce(&mut self, a: NodeId, b: NodeId) {
        if self.is_up(a) && self.is_up(b) {
            for (one, other) in [(a, b), (b, a)] {
                let (life, after) = (self.nodes[one].life, self.dice.between(self.faults.latency));
                self.answer(one, life, after, Input::PeerUp(name(other)));
            }
        }
    }

    fn sync(&mut self, node: NodeId, order: SyncOrder) {
        let after = self.dice.between(self.faults.latency);
        match order {
            SyncOrder::Ask { order, peer, bytes } => {
                let to = node_of(peer);
                let life = self.nodes[node].life;
                if self.is_reached(node, to) {
                    self.at(after, Event::Asked { node: to, from: node, life, order, bytes });
                } else {
                    self.sync_fails(node, life, order);
                }
            }
            SyncOrder::Answer { exchange, bytes } => {
                let Some((to, life, order)) = self.line.take(node, exchange) else { return };
                let bytes = self.line.meddle(node, to, bytes, self.faults.corruption, &mut self.dice);
                match bytes {
                    Some(bytes) if self.is_reached(node, to) => {
                        self.answer(to, life, after, Input::SyncFrame(SyncEvent::Answered { order, bytes }));
                    }
                    _ => self.sync_fails(to, life, order),
                }
            }
            SyncOrder::Blame { peer } => {
                if !self.line.may_blame(node, node_of(peer)) {
                    self.check(Err(format!("n{node} blames n{}, which did nothing wrong", peer.0)));
                }
            }
        }
    }

    fn is_reached(&mut self, from: NodeId, to: NodeId) -> bool {
        let is_cut = self.faults.is_split && from % 2 != to % 2;
        !self.dice.happens(self.faults.loss) && !is_cut
    }

    fn sync_fails(&mut self, node: NodeId, life: u32, order: OrderId) {
        let event = SyncEvent::Failed { order, is_unsupported: false };
        self.answer(node, life, SYNC_TIMEOUT, Input::SyncFrame(event));
    }

    fn asked(&mut self, node: NodeId, from: NodeId, life: u32, order: OrderId, bytes: Vec<u8>) {
        if !self.is_up(node) {
            return self.sync_fails(from, life, order);
        }
        let exchange: ExchangeId = self.line.put(node, (from, life, order));
        self.deliver(node, Input::SyncFrame(SyncEvent::Asked { peer: name(from), exchange, bytes }));
    }

    // ---- gossip

    fn flood(&mut self, node: NodeId, except: Option<NodeId>, bytes: &Rc<[u8]>) {
        for peer in self.mesh.peers_of(node) {
            let is_cut = self.faults.is_split && peer % 2 != node % 2;
            let is_lost = self.dice.happens(self.faults.loss);
            if Some(peer) == except || is_cut || is_lost {
                continue;
            }
            let is_damaged = self.dice.happens(self.faults.corruption);
            let bytes = if is_damaged { self.mesh.damage(bytes, &mut self.dice) } else { Rc::clone(bytes) };
            let after = self.dice.between(self.faults.latency);
            self.at(after, Event::Hear { node: peer, from: node, bytes, is_replay: false });
        }
    }

    /// Somebody repeats an old message of anybody to a peer.
    fn repeat_something(&mut self, node: NodeId) {
        let peers = self.mesh.peers_of(node);
        if !self.dice.happens(self.faults.replays) || peers.is_empty() {
            return;
        }
        let peer = peers[self.dice.index(peers.len())];
        let after = self.dice.between(self.faults.latency);
        if let Some(bytes) = self.mesh.recall(&mut self.dice) {
            self.at(after, Event::Hear { node: peer, from: node, bytes, is_replay: true });
        }
    }

    fn hear(&mut self, node: NodeId, from: NodeId, bytes: Rc<[u8]>, is_replay: bool) {
        // The duplicate cache forgets after two minutes; whoever repeats waits for that.
        if !self.is_up(node) || (!self.mesh.is_new(node, &bytes) && !is_replay) {
            return;
        }
        self.nodes[node].last_message += 1;
        let message = MessageId(self.nodes[node].last_message);
        self.mesh.wait_for_admission(node, message, from, Rc::clone(&bytes));
        self.deliver(node, Input::Gossip { message, bytes: bytes.to_vec() });
    }

    fn admission(&mut self, node: NodeId, message: MessageId, admission: Admission) {
        let Some((from, bytes)) = self.mesh.admitted(node, message) else { return };
        match admission {
            Admission::Accept => {
                let result = self.checker.accepted(node, &self.nodes[node], &bytes);
                self.check(result);
                self.flood(node, Some(from), &bytes);
                self.repeat_something(node);
            }
            Admission::Ignore => {}
            Admission::Reject => {
                if !self.mesh.is_damaged(&bytes) {
                    self.check(Err(format!("n{node} blames n{from}, which passed on what it got")));
                }
            }
        }
    }

    // ---- DHT

    fn answer(&mut self, node: NodeId, life: u32, after: Duration, input: Input) {
        self.at(after, Event::Arrive(node, life, Box::new(input)));
    }

    fn put(&mut self, node: NodeId, life: u32, order: OrderId, item: &Item) {
        let outcome = self.dht.put(self.now, item, &self.faults, &mut self.dice);
        let after = self.dice.between(QUERY) + self.dice.between(self.faults.latency);
        if self.dice.happens(self.faults.silence) {
            return;
        }
        let event = match outcome {
            PutOutcome::Stored(nodes) => DhtEvent::Stored { order, nodes },
            PutOutcome::NotStored { newer_exists } => DhtEvent::NotStored { order, newer_exists },
        };
        self.answer(node, life, after, Input::Dht(event));
    }

    fn get(&mut self, node: NodeId, life: u32, order: OrderId, key: [u8; 32], salt: &[u8]) {
        let found = self.dht.get(self.now, key, salt, &self.faults, &mut self.dice);
        let newest = found.iter().map(|item| item.seq).max();
        let copies = Some(found.iter().filter(|item| Some(item.seq) == newest).count());
        let mut last = self.dice.between(QUERY);
        for item in found {
            let after = self.dice.between(QUERY) + self.dice.between(self.faults.latency);
            last = last.max(after);
            self.answer(node, life, after, Input::Dht(DhtEvent::Found { order, item }));
        }
        if !self.dice.happens(self.faults.silence) {
            self.answer(node, life, last, Input::Dht(DhtEvent::Done { order, copies }));
        }
    }

    // ---- torrents

    fn torrent(&mut self, node: NodeId, order: TorrentOrder) {
        let life = self.nodes[node].life;
        match order {
            TorrentOrder::Prepare { order, source } => {
                let event = match self.swarm.prepare(node, &source) {
                    Some(metainfo) => TorrentEvent::Prepared { order, metainfo, content: Some(source) },
                    None => {
                        let message = format!("{source} does not exist");
                        let error = CommandError::new(Fault::NotFound, "no_such_file", message);
                        TorrentEvent::NotPrepared { order, error }
                    }
                };
                let after = self.dice.between(PIECE);
                self.answer(node, life, after, Input::Torrent(event));
            }
            TorrentOrder::Seed { infohash, named, .. } => {
                let name = named.then(|| self.nodes[node].key());
                self.swarm.join(node, infohash, name);
            }
            TorrentOrder::Stop { infohash } => self.swarm.leave(node, infohash),
            TorrentOrder::Fetch { infohash, .. } => {
                self.swarm.join(node, infohash, None);
                let after = self.dice.between(PIECE);
                self.at(after, Event::Piece { node, life, infohash });
            }
        }
    }

    fn archive(&mut self, node: NodeId, order: ArchiveOrder) {
        let life = self.nodes[node].life;
        let events = self.shelf.carry_out(node, order);
        if events.is_empty() {
            return;
        }
        let after = self.dice.between(PIECE);
        for event in events {
            self.answer(node, life, after, Input::Archive(event));
        }
    }

    fn piece(&mut self, node: NodeId, infohash: Infohash) {
        let life = self.nodes[node].life;
        match self.swarm.advance(node, infohash, &mut self.dice) {
            Progress::Stopped => {}
            Progress::NoSeeder => self.at(LOOK_FOR_SEEDERS, Event::Piece { node, life, infohash }),
            Progress::Complete => {
                let content = format!("/downloads/{infohash}");
                self.deliver(node, Input::Torrent(TorrentEvent::Finished { infohash, content }));
            }
            Progress::Piece(piece, shares) => {
                let after = self.dice.between(PIECE);
                self.at(after, Event::Piece { node, life, infohash });
                self.deliver(node, Input::Torrent(TorrentEvent::Received { infohash, piece, shares }));
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

/// The first bytes of a digest, to tell contents apart in a trace.
fn mark(bytes: &[u8]) -> String {
    Sha256::of(bytes).to_string().chars().take(8).collect()
}

fn brief_input(input: &Input) -> String {
    match input {
        Input::Wake => "wake".into(),
        Input::Gossip { message, bytes } => format!("gossip {} {}", message.0, mark(bytes)),
        Input::SyncFrame(SyncEvent::Asked { peer, bytes, .. }) => format!("sync asked by n{} {}", peer.0, mark(bytes)),
        Input::SyncFrame(SyncEvent::Answered { order, bytes }) => format!("sync answer {} {}", order.0, mark(bytes)),
        Input::Dht(DhtEvent::Found { order, item }) => {
            format!("dht found {} seq {} {}", order.0, item.seq, mark(&item.value))
        }
        Input::Dht(event) => format!("dht {event:?}"),
        Input::Torrent(TorrentEvent::Received { infohash, piece, shares }) => {
            let shares: Vec<String> =
                shares.iter().map(|share| format!("{} of {}", share.bytes, share.address)).collect();
            format!("torrent {infohash} piece {piece}: {}", shares.join(", "))
        }
        Input::Archive(ArchiveEvent::Part { order, envelopes, .. }) => {
            format!("archive part {} {}", order.0, mark(&envelopes.concat()))
        }
        other => format!("{other:?}"),
    }
}

fn brief_output(output: &Output) -> String {
    match output {
        Output::Publish { kind, bytes } => format!("publish {kind} {}", mark(bytes)),
        Output::SyncFrame(SyncOrder::Ask { order, peer, bytes }) => {
            format!("sync ask {} n{} {}", order.0, peer.0, mark(bytes))
        }
        Output::SyncFrame(SyncOrder::Answer { bytes, .. }) => format!("sync answers {}", mark(bytes)),
        Output::Dht(DhtOrder::Put { order, item }) => {
            format!("dht put {} seq {} {}", order.0, item.seq, mark(&item.value))
        }
        Output::Dht(DhtOrder::Get { order, key, salt }) => {
            format!("dht get {} {} {}", order.0, mark(key), mark(salt))
        }
        Output::Archive(ArchiveOrder::Append { order, envelopes, .. }) => {
            format!("archive append {} {}", order.0, mark(&envelopes.concat()))
        }
        Output::Reply { request, result } => {
            let name = match result {
                Ok(_) => "ok".to_owned(),
                Err(error) => error.code.to_owned(),
            };
            format!("reply {} {name} {}", request.0, mark(format!("{result:?}").as_bytes()))
        }
        other => format!("{other:?}"),
    }
}
