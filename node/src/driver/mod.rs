//! Runs the core with real clocks, disks and networks. It is the only reader of clocks on the core's behalf, and it
//! decides nothing: inputs go in, outputs are carried out.

mod archives;
mod artwork;
mod beginnings;
mod checking;
mod clocks;
mod downloads;
mod health;
mod meter;
mod networks;
mod once;
mod peers;
mod publishing;
mod rendezvous;
mod searching;
mod sharing;

use archives::Archives;
use artwork::Artwork;
pub use downloads::{Download, Downloads, from_metainfo as torrent_facts};
pub use health::{Health, P2pHealth};
pub use networks::{Networks, Options, SeedAs, StartError};
pub use once::{Offline, once};
pub use publishing::{Job, PUBLISHING_MAX, Publishing};
pub use rendezvous::{Rendezvous, key_of as rendezvous_key};
pub use sharing::Sharing;

use crate::clients::{Client, Watch};
use crate::dht;
use crate::doctor::tls::Unencrypted;
use crate::home::{Home, Identity};
use crate::p2p;
use crate::search::Search;
use crate::settings::Desk;
use crate::store::{Gauge, RocksStore};
use heirloom_core::artwork::Outcome;
use heirloom_core::budgets::{Budgets, Reading};
use heirloom_core::command::{Command, CommandError, Fault, Reply};
use heirloom_core::io::{
    Admission, ArtworkEvent, ArtworkOrder, IdentityOrder, Input, LookupOrder, MessageId, Now, OrderId, Output, Peer,
    RequestId, SyncEvent, SyncOrder,
};
use heirloom_core::{AnyService, Config, TrustSettings};
use heirloom_proto::body::Rotation;
use heirloom_proto::{Key, Sha256, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
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
    /// The search index asks.
    Index(searching::Question),
    /// Finish what is queued, and end.
    Stop,
}

/// What the owner chose about a node, with or without networks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings {
    /// How trust is measured and told.
    pub trust: TrustSettings,
    /// What the node may cost.
    pub budgets: Budgets,
    /// What it may ask of the DHT.
    pub dht: dht::Limits,
}

impl From<TrustSettings> for Settings {
    fn from(trust: TrustSettings) -> Self {
        Self { trust, ..Self::default() }
    }
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
    archives: Archives,
    artwork: Artwork,
    watch: Watch,
    home: Home,
    key: Key,
    wire_name: Arc<str>,
    clock: Clock,
    gauge: Gauge,
    search: Search,
    desk: Arc<OnceLock<Desk>>,
    unencrypted: Arc<Unencrypted>,
    /// Why the core ended, once it has.
    ended: watch::Receiver<Option<Result<(), String>>>,
}

/// The name on the BitTorrent wire: `heirloom/<version> z6Mk…`.
#[must_use]
pub fn wire_name(key: &Key) -> String {
    format!("heirloom/{} {}", env!("CARGO_PKG_VERSION"), key.to_multibase())
}

pub(crate) fn open_service(
    home: &Home,
    identity: Identity,
    settings: impl Into<Settings>,
) -> Result<(AnyService, Gauge), CommandError> {
    let Settings { trust, budgets, .. } = settings.into();
    let failed = |message: String| CommandError::new(Fault::Failed, "store", message);
    let store = RocksStore::open_within(&home.store(), &home.store_version(), &budgets)
        .map_err(|error| failed(error.to_string()))?;
    let seed = crate::home::random().map_err(|error| failed(error.to_string()))?;
    let Identity { secret, generation, next_key_hash, .. } = identity;
    let gauge = store.gauge();
    let config = Config { secret, next_key_hash, generation, seed, trust, budgets };
    let service = AnyService::open(config, Box::new(store)).map_err(|error| failed(error.to_string()))?;
    Ok((service, gauge))
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
        let (opening, settings) = (home.clone(), options.settings);
        let friends = options.friends.clone();
        let (mut service, gauge) = tokio::task::spawn_blocking(move || open_service(&opening, identity, settings))
            .await
            .map_err(|error| CommandError::new(Fault::Failed, "store", error.to_string()))??;
        service.set_friends(friends);
        service.listen_for_index();
        let (networks, gossip) = Networks::start(&home, &wire_name, &options).await?;
        let clock = Clock(Instant::now());
        let (events, queue) = mpsc::channel(INPUTS_QUEUED);
        let (ended_tx, ended) = watch::channel(None);
        let downloads = Downloads::start(networks.clone(), home.clone(), events.clone());
        let artwork = Artwork::new(&home, networks.p2p.clone(), events.clone());
        let archives = Archives::new(&networks, &home, events.clone(), artwork.clone());
        if let Some(gossip) = gossip {
            tokio::spawn(networks::forward_gossip(gossip, events.clone()));
        }
        let search = searching::start(&home, events.clone())?;
        // Offline means offline, towards programs of this machine too.
        let watch = Watch::new(if options.offline { crate::clients::Settings::default() } else { options.clients });
        let (desk, unencrypted) = (Arc::default(), Arc::default());
        let node = Self {
            events,
            networks,
            downloads,
            archives,
            artwork,
            watch,
            home,
            key,
            wire_name,
            clock,
            gauge,
            search,
            desk,
            unencrypted,
            ended,
        };
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
            is_quiet: false,
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
        // Before anything else: a disk that is full already must be known.
        node.send(Event::Input(Input::Reading(node.reading()))).await?;
        // So that nothing is asked for that is here.
        node.artwork.start().await;
        node.send(Event::Input(started)).await?;
        tokio::spawn(node.clone().read_meters());
        for client in Client::ALL.into_iter().filter(|_| node.networks.engine.is_some()) {
            tokio::spawn(node.watch.clone().run(client, node.clone()));
        }
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

    fn reading(&self) -> Reading {
        let (free_bytes, disk_bytes) = meter::disk_of(&self.home);
        let traffic_bytes = self.networks.p2p.as_ref().map_or(0, |p2p| {
            let counters = p2p.counters();
            counters.bytes_received.saturating_add(counters.bytes_sent)
        });
        let index_bytes = self.search.used().bytes;
        Reading { free_bytes, disk_bytes, rss_bytes: meter::own_bytes(), traffic_bytes, index_bytes }
    }

    /// Hands the core what is used, until it ends. The store gives back room when it takes more than is granted.
    async fn read_meters(self) {
        loop {
            tokio::time::sleep(meter::EVERY).await;
            self.networks.tell_own_addresses();
            let node = self.clone();
            let read = tokio::task::spawn_blocking(move || {
                node.gauge.mind_the_quota();
                node.reading()
            });
            let Ok(reading) = read.await else { return };
            let sent = tokio::select! {
                sent = self.events.send(Event::Input(Input::Reading(reading))) => sent.is_ok(),
                _ = self.ended() => false,
            };
            if !sent {
                return;
            }
        }
    }

    async fn send(&self, event: Event) -> Result<(), CommandError> {
        match self.events.send(event).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.why_stopped().await),
        }
    }

    /// The clocks, for what the surfaces let expire.
    #[must_use]
    pub fn now(&self) -> Now {
        self.clock.now()
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

    /// Takes a picture of the owner's in, by the path of its file: its digest, for a record to name.
    ///
    /// # Errors
    /// One sentence: it cannot be read, or is no picture within the limits.
    pub async fn add_artwork(&self, path: String) -> Result<Sha256, CommandError> {
        self.artwork.add(path).await
    }

    /// The picture with this digest, as this node encoded it anew (JPEG).
    pub async fn artwork(&self, digest: Sha256) -> Option<Vec<u8>> {
        self.artwork.shown(digest).await
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

    /// The owner's other clients.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// What the owner may set: as this process was started, or as one without flags would be.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        self.desk.get_or_init(|| Desk::of(self.home.clone()))
    }

    /// Says how this process was started; the first to say so counts.
    pub fn set_desk(&self, desk: Desk) {
        let _ = self.desk.set(desk);
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

    /// Leaves the networks, and goes on answering whoever asks on this machine.
    pub async fn leave_networks(&self) {
        self.downloads.write_given();
        self.networks.leave().await;
    }

    /// Stops everything: the core first, so that nothing new is begun.
    pub async fn stop(&self) {
        self.search.stop();
        // The process would wait for the end of whatever is read.
        self.downloads.publishing().cancel_all();
        let _ = self.events.send(Event::Stop).await;
        let _ = tokio::time::timeout(Duration::from_secs(3), self.ended()).await;
        self.gauge.give_up();
        self.downloads.write_given();
        self.networks.stop().await;
        self.home.clear_running();
    }
}

/// The core on its thread.
struct Core {
    service: AnyService,
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
    /// Whether the topics were left, for want of traffic.
    is_quiet: bool,
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
            // Before the outputs: whoever has an answer finds what it says.
            if self.service.has_index_changes() {
                self.node.search.changed();
            }
            while let Some(output) = self.service.poll_output() {
                self.carry_out(output);
            }
            self.keep_quiet();
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
                self.node.networks.clocks.heard(now, &self.node.key, &peer, &bytes);
                self.last_message += 1;
                let id = MessageId(self.last_message);
                self.messages.insert(id, (message, peer));
                let from = self.peers.number(&peer);
                self.work(now, None, Input::Gossip { message: id, from, bytes });
            }
            Event::Peer(p2p::Event::ArtworkAnswered { ask, bytes }) => self.node.artwork.ended(OrderId(ask), Ok(bytes)),
            Event::Peer(p2p::Event::ArtworkFailed { ask, is_unsupported }) => {
                self.node.artwork.ended(OrderId(ask), Err(is_unsupported));
            }
            Event::Peer(event) => {
                match &event {
                    p2p::Event::PeerUp { peer, address, .. } => self.node.networks.clocks.met(*peer, address),
                    p2p::Event::PeerDown { peer } => {
                        self.node.networks.forget_proof(peer);
                        self.node.networks.clocks.left(peer);
                    }
                    _ => {}
                }
                let me = self.node.networks.p2p.as_ref().map(|p2p| p2p.peer_id());
                let about = event.clone();
                match self.peers.input(event) {
                    Some(Input::SyncFrame(SyncEvent::Asked { peer, exchange, bytes })) => {
                        let asked = SyncEvent::Asked { peer, exchange, bytes };
                        self.work(now, Some(peer), Input::SyncFrame(asked));
                    }
                    Some(input) => self.work(now, None, input),
                    None => {}
                }
                // Behind it: who came is known by then.
                if let Some(input) = me.and_then(|me| self.peers.identity(me, &about)) {
                    self.work(now, None, input);
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
            Event::Index(question) => question.answer(&mut self.service),
            Event::Stop => return true,
        }
        false
    }

    /// Hands the core what the network brought, and says what it cost.
    fn work(&mut self, now: Now, peer: Option<Peer>, input: Input) {
        let before = meter::thread_cpu();
        self.service.handle(now, input);
        let cpu = meter::thread_cpu().saturating_sub(before);
        self.service.handle(now, Input::Worked { peer, cpu });
    }

    /// Leaves all topics but those of rotations and proofs when the day's traffic is used up, and joins them again. A
    /// stolen key must not go unheard.
    fn keep_quiet(&mut self) {
        let is_quiet = self.service.is_quiet(self.clock.now());
        let Some(p2p) = &self.node.networks.p2p else { return };
        if is_quiet != self.is_quiet {
            let heard = networks::topics().filter(|kind| !is_quiet || heirloom_core::ingest::stands_for_good(*kind));
            let command = p2p::Command::Hear(heard.map(|kind| networks::topic(kind.name())).collect());
            // A full queue: the next batch tries again.
            if p2p.try_send(command).is_ok() {
                self.is_quiet = is_quiet;
            }
        }
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
            Output::Lookup(order) => self.carry_lookup(order),
            Output::Identity(order) => self.carry_identity(order),
            Output::Dht(order) => self.node.networks.order_dht(order, self.node.events.clone()),
            Output::Torrent(order) => self.node.downloads.order(order),
            Output::Archive(order) => self.node.archives.order(order),
            Output::Artwork(order) => self.carry_artwork(order),
            Output::Reply { request, result } => {
                if let Some(reply) = self.replies.remove(&request) {
                    let _ = reply.send(result);
                }
            }
        }
    }

    fn carry_artwork(&mut self, order: ArtworkOrder) {
        match order {
            ArtworkOrder::Ask { order, peer, digest } => {
                let is_put = self.peers.connected(peer).is_some_and(|id| self.node.artwork.ask(order, id, digest));
                if !is_put {
                    let ended = ArtworkEvent::Ended { order, outcome: Outcome::Failed(false) };
                    self.service.handle(self.clock.now(), Input::Artwork(ended));
                }
            }
            ArtworkOrder::Answer { exchange, digest } => self.node.artwork.answer(exchange, digest),
            ArtworkOrder::Blame { peer } => {
                if let (Some(p2p), Some(peer)) = (&self.node.networks.p2p, self.peers.of(peer)) {
                    let points = p2p::params::SYNC_BLAME_POINTS;
                    // A full queue only means that it is blamed the next time.
                    let _ = p2p.try_send(p2p::Command::Penalise { peer, points });
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

    fn carry_lookup(&self, order: LookupOrder) {
        let command = match order {
            LookupOrder::Seek { order, work } => {
                return self.node.networks.seek(order, work, self.node.events.clone());
            }
            LookupOrder::Ask { order, peer, bytes } => {
                self.peers.of(peer).map(|peer| p2p::Command::LookupAsk { ask: order.0, peer, bytes })
            }
            LookupOrder::Answer { exchange, bytes } => Some(p2p::Command::LookupAnswer { exchange: exchange.0, bytes }),
            LookupOrder::Blame { peer } => {
                let points = p2p::params::SYNC_BLAME_POINTS;
                self.peers.of(peer).map(|peer| p2p::Command::Penalise { peer, points })
            }
        };
        if let (Some(p2p), Some(command)) = (&self.node.networks.p2p, command) {
            // A full queue only means a question that is not answered: the lookup does not wait for it.
            let _ = p2p.try_send(command);
        }
    }
}
