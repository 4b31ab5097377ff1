//! Runs the core with real clocks, disks and networks. It is the only reader of clocks on the core's behalf, and it
//! decides nothing: inputs go in, outputs are carried out.

mod downloads;
mod networks;
mod once;
mod peers;
mod rendezvous;

pub use downloads::{Download, Downloads};
pub use networks::{Networks, Options, SeedAs, StartError};
pub use once::{Offline, once};
pub use rendezvous::{Rendezvous, key_of as rendezvous_key};

use crate::home::{Home, Identity};
use crate::p2p;
use crate::store::RocksStore;
use heirloom_core::command::{Command, CommandError, Fault, Reply};
use heirloom_core::io::{Admission, IdentityOrder, Input, MessageId, Now, Output, RequestId, SyncOrder};
use heirloom_core::{Config, Service, TrustSettings};
use heirloom_proto::body::Rotation;
use heirloom_proto::{Key, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, warn};

/// Inputs that may wait for the core. A full queue makes the senders wait, gossip excepted, which p2p drops itself.
const INPUTS_QUEUED: usize = 1024;
/// Most inputs between two commits: one sync to disk serves them all.
const BATCH_MAX: usize = 256;

/// What the core's thread is sent.
pub(crate) enum Event {
    /// Something from a network.
    Input(Input),
    /// A gossip message, whose name only the adapter understands.
    Gossip { message: p2p::MessageRef, peer: p2p::PeerId, bytes: Vec<u8> },
    /// A peer came, went, asks or answers.
    Peer(p2p::Event),
    /// A command, and where the reply goes.
    Command { command: Command, reply: oneshot::Sender<Result<Box<Reply>, CommandError>> },
    /// Finish what is queued, and end.
    Stop,
}

/// The clocks of this process.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: self.0.elapsed(), wall: Timestamp(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)) }
    }
}

/// A running node. Clones are handles to the same one.
#[derive(Clone)]
pub struct Node {
    events: mpsc::Sender<Event>,
    networks: Networks,
    downloads: Downloads,
    home: Home,
    key: Key,
    wire_name: Arc<str>,
    clock: Clock,
    /// Why the core ended, once it has.
    ended: watch::Receiver<Option<Result<(), String>>>,
}

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
    /// Resident memory of this process in bytes (Linux; 0 elsewhere).
    pub rss_bytes: u64,
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
        let free_bytes = fs4::available_space(home.root()).unwrap_or(0);
        Self { disk_bytes: folder_bytes(home.root()), free_bytes, rss_bytes: rss_bytes(), ..Self::default() }
    }
}

/// The name on the BitTorrent wire: `heirloom/<version> z6Mk…`.
#[must_use]
pub fn wire_name(key: &Key) -> String {
    format!("heirloom/{} {}", env!("CARGO_PKG_VERSION"), key.to_multibase())
}

pub(crate) fn open_service(
    home: &Home,
    identity: Identity,
    trust: TrustSettings,
) -> Result<Service<RocksStore>, CommandError> {
    let failed = |message: String| CommandError::new(Fault::Failed, "store", message);
    let store = RocksStore::open(&home.store(), &home.store_version()).map_err(|error| failed(error.to_string()))?;
    let seed = crate::home::random().map_err(|error| failed(error.to_string()))?;
    let Identity { secret, generation, next_key_hash, .. } = identity;
    Service::open(Config { secret, next_key_hash, generation, seed, trust }, store)
        .map_err(|error| failed(error.to_string()))
}

impl Node {
    /// Opens the store, binds every port and starts the core.
    ///
    /// # Errors
    /// One sentence: a port in use, a store of a newer version, a full disk.
    pub async fn start(home: Home, options: Options) -> Result<Self, CommandError> {
        let identity = home.identity()?;
        let key = identity.secret.public();
        let succeeds = identity.succeeds.clone();
        let wire_name: Arc<str> = wire_name(&key).into();
        let (opening, trust) = (home.clone(), options.trust);
        let friends = options.friends.clone();
        let mut service = tokio::task::spawn_blocking(move || open_service(&opening, identity, trust))
            .await
            .map_err(|error| CommandError::new(Fault::Failed, "store", error.to_string()))??;
        service.set_friends(friends);
        let (networks, gossip) = Networks::start(&home, &wire_name, &options).await?;
        let clock = Clock(Instant::now());
        let (events, queue) = mpsc::channel(INPUTS_QUEUED);
        let (ended_tx, ended) = watch::channel(None);
        let downloads = Downloads::start(networks.clone(), home.clone(), events.clone());
        if let Some(gossip) = gossip {
            tokio::spawn(networks::forward_gossip(gossip, events.clone()));
        }
        let node = Self { events, networks, downloads, home, key, wire_name, clock, ended };
        let core = Core {
            service,
            clock,
            queue,
            node: node.clone(),
            replies: BTreeMap::new(),
            messages: BTreeMap::new(),
            peers: peers::Names::default(),
            last_request: 0,
            last_message: 0,
            unpushed: 0,
        };
        let runtime = tokio::runtime::Handle::current();
        // The core waits for the disk; on a thread of its own it keeps no network task waiting.
        std::thread::Builder::new()
            .name("core".into())
            .spawn(move || {
                let result = runtime.block_on(core.run());
                let _ = ended_tx.send(Some(result));
            })
            .map_err(|error| CommandError::new(Fault::Failed, "thread", error.to_string()))?;
        let started = Input::Started { dht: node.networks.dht.is_some(), torrents: node.networks.engine.is_some() };
        node.send(Event::Input(started)).await?;
        if let Some(rotation) = succeeds {
            node.succeed(rotation).await?;
        }
        Ok(node)
    }

    /// Has the core say the rotation, if it has not, before anybody else can ask for something.
    async fn succeed(&self, rotation: Rotation) -> Result<(), CommandError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Succeed { rotation: Box::new(rotation) };
        self.send(Event::Command { command, reply }).await?;
        tokio::spawn(async move {
            if let Ok(Err(error)) = answer.await {
                warn!("rotation not said: {error}");
            }
        });
        Ok(())
    }

    async fn send(&self, event: Event) -> Result<(), CommandError> {
        match self.events.send(event).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.why_stopped().await),
        }
    }

    /// The networks of this node.
    #[must_use]
    pub fn networks(&self) -> &Networks {
        &self.networks
    }

    /// Where it keeps things.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Carries a command out.
    ///
    /// # Errors
    /// What the core answers, or that it has ended.
    pub async fn command(&self, command: Command) -> Result<Box<Reply>, CommandError> {
        let (reply, answer) = oneshot::channel();
        self.send(Event::Command { command, reply }).await?;
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(self.why_stopped().await),
        }
    }

    /// The owner's key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The name that this node shows on the BitTorrent wire.
    #[must_use]
    pub fn wire_name(&self) -> &str {
        &self.wire_name
    }

    /// Its torrents.
    #[must_use]
    pub fn downloads(&self) -> &Downloads {
        &self.downloads
    }

    /// What only the driver sees.
    pub async fn health(&self) -> Health {
        let dht = match &self.networks.dht {
            Some(dht) => {
                let info = dht.info().await;
                Some((info.nodes, info.mode.as_str()))
            }
            None => None,
        };
        let peers = self.networks.p2p.as_ref().map_or(0, |p2p| p2p.peers());
        let p2p = self.networks.p2p.as_ref().map(|p2p| P2pHealth {
            listening: p2p.listen_addrs(),
            overview: p2p.overview(),
            counters: p2p.counters(),
            rendezvous: self.networks.rendezvous.snapshot(),
            proved: self.networks.proofs(),
        });
        Health { uptime: self.clock.0.elapsed(), peers, p2p, dht, ..Health::of(&self.home) }
    }

    /// Waits until the core ends by itself.
    ///
    /// # Errors
    /// Why it ended.
    pub async fn ended(&self) -> Result<(), CommandError> {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await.map(|value| value.clone()) {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(reason))) => Err(CommandError::new(Fault::Failed, "halted", reason)),
            // Its thread is gone without a result: a bug, and the log holds it.
            _ => Err(CommandError::new(
                Fault::Failed,
                "halted",
                "the core crashed: see the log, and start the node again",
            )),
        }
    }

    /// What those are told who asked a core that is gone: its reason, if it had one.
    async fn why_stopped(&self) -> CommandError {
        // The reason follows the end of the core at once; no asker waits for one that does not come.
        match tokio::time::timeout(Duration::from_secs(1), self.ended()).await {
            Ok(Err(reason)) => reason,
            _ => CommandError::new(Fault::Failed, "stopped", "the node has stopped: start it again"),
        }
    }

    /// Stops everything: the core first, so that nothing new is begun.
    pub async fn stop(&self) {
        let _ = self.events.send(Event::Stop).await;
        let _ = tokio::time::timeout(Duration::from_secs(3), self.ended()).await;
        self.networks.stop().await;
        self.home.clear_running();
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

fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0);
    kib * 1024
}

/// The core on its thread.
struct Core {
    service: Service<RocksStore>,
    clock: Clock,
    queue: mpsc::Receiver<Event>,
    node: Node,
    replies: BTreeMap<RequestId, oneshot::Sender<Result<Box<Reply>, CommandError>>>,
    messages: BTreeMap<MessageId, (p2p::MessageRef, p2p::PeerId)>,
    peers: peers::Names,
    last_request: u64,
    last_message: u64,
    /// Statements of this batch for which there was no room in the queue.
    unpushed: usize,
}

impl Core {
    async fn run(mut self) -> Result<(), String> {
        loop {
            let wake = self.service.next_wakeup().map(|at| at.saturating_sub(self.clock.0.elapsed()));
            let event = match wake {
                Some(wait) => tokio::time::timeout(wait, self.queue.recv()).await,
                None => Ok(self.queue.recv().await),
            };
            let mut is_stopping = false;
            match event {
                Err(_elapsed) => self.service.handle(self.clock.now(), Input::Wake),
                Ok(None) => is_stopping = true,
                Ok(Some(first)) => {
                    is_stopping |= self.take(first);
                    for _ in 1..BATCH_MAX {
                        let Ok(next) = self.queue.try_recv() else { break };
                        is_stopping |= self.take(next);
                    }
                }
            }
            // Commit before releasing outputs: a peer must never see a number that a crash could make us use again.
            if let Err(halt) = self.service.commit() {
                error!("{halt}");
                return Err(halt.to_string());
            }
            while let Some(output) = self.service.poll_output() {
                self.carry_out(output);
            }
            let unpushed = std::mem::take(&mut self.unpushed);
            if unpushed > 0 {
                warn!(unpushed, "statements not pushed: the peer-to-peer queue is full; peers get them by other ways");
            }
            if is_stopping {
                return Ok(());
            }
        }
    }

    /// Hands an event to the core; says whether it was the last.
    fn take(&mut self, event: Event) -> bool {
        let now = self.clock.now();
        match event {
            Event::Input(input) => self.service.handle(now, input),
            Event::Gossip { message, peer, bytes } => {
                self.last_message += 1;
                let id = MessageId(self.last_message);
                self.messages.insert(id, (message, peer));
                self.service.handle(now, Input::Gossip { message: id, bytes });
            }
            Event::Peer(event) => {
                if let p2p::Event::PeerDown { peer } = &event {
                    self.node.networks.forget_proof(peer);
                }
                let me = self.node.networks.p2p.as_ref().map(|p2p| p2p.peer_id());
                let about = event.clone();
                if let Some(input) = self.peers.input(event) {
                    self.service.handle(now, input);
                }
                // Behind it: who came is known by then.
                if let Some(input) = me.and_then(|me| self.peers.identity(me, &about)) {
                    self.service.handle(now, input);
                }
            }
            Event::Command { command, reply } => {
                self.last_request += 1;
                let request = RequestId(self.last_request);
                // A caller who hung up needs no answer.
                self.replies.retain(|_, reply| !reply.is_closed());
                self.replies.insert(request, reply);
                self.service.handle(now, Input::Command { request, command: Box::new(command) });
            }
            Event::Stop => return true,
        }
        false
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Publish { kind, bytes } => {
                if let Some(p2p) = &self.node.networks.p2p
                    && p2p.try_send(p2p::Command::Publish { topic: networks::topic(kind), bytes }).is_err()
                {
                    self.unpushed += 1;
                }
            }
            Output::Admission { message, admission } => {
                let Some((message, peer)) = self.messages.remove(&message) else { return };
                let admission = match admission {
                    Admission::Accept => p2p::Admission::Accept,
                    Admission::Ignore => p2p::Admission::Ignore,
                    Admission::Reject => p2p::Admission::Reject,
                };
                if let Some(p2p) = &self.node.networks.p2p {
                    // A full queue only means that the message is not passed on.
                    let _ = p2p.try_send(p2p::Command::Verdict { message, peer, admission });
                }
            }
            Output::SyncFrame(order) => self.carry_sync(order),
            Output::Identity(order) => self.carry_identity(order),
            Output::Dht(order) => self.node.networks.order_dht(order, self.node.events.clone()),
            Output::Torrent(order) => self.node.downloads.order(order),
            Output::Reply { request, result } => {
                if let Some(reply) = self.replies.remove(&request) {
                    let _ = reply.send(result);
                }
            }
        }
    }

    fn carry_identity(&self, order: IdentityOrder) {
        let Some(p2p) = &self.node.networks.p2p else { return };
        // A full queue only means that a peer stays unknown, or is asked for less: a connection later it is told again.
        match order {
            IdentityOrder::Ask { order, peer, bytes } => {
                if let Some(peer) = self.peers.of(peer) {
                    let _ = p2p.try_send(p2p::Command::IdentityAsk { ask: order.0, peer, bytes });
                }
            }
            IdentityOrder::Answer { exchange, bytes } => {
                let _ = p2p.try_send(p2p::Command::IdentityAnswer { exchange: exchange.0, bytes });
            }
            IdentityOrder::Proved { peer, key, is_friend, favour } => {
                // It may have gone within this batch, and a proof ends with its connection.
                let Some(peer) = self.peers.connected(peer) else { return };
                self.node.networks.note_proof(peer, key, is_friend);
                let _ = p2p.try_send(p2p::Command::Favour { peer, points: f64::from(favour) });
                if is_friend {
                    let _ = p2p.try_send(p2p::Command::Friend { peer });
                }
            }
        }
    }

    fn carry_sync(&self, order: SyncOrder) {
        let Some(p2p) = &self.node.networks.p2p else { return };
        let command = match order {
            SyncOrder::Ask { order, peer, bytes } => {
                self.peers.of(peer).map(|peer| p2p::Command::SyncAsk { ask: order.0, peer, bytes })
            }
            SyncOrder::Answer { exchange, bytes } => Some(p2p::Command::SyncAnswer { exchange: exchange.0, bytes }),
            SyncOrder::Blame { peer } => {
                let points = p2p::params::SYNC_BLAME_POINTS;
                self.peers.of(peer).map(|peer| p2p::Command::Penalise { peer, points })
            }
        };
        if let Some(command) = command {
            // A full queue only means a question that is not answered: it times out and is asked again.
            let _ = p2p.try_send(command);
        }
    }
}
