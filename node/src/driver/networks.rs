//! The networks of a node: started together, stopped together, and the orders to the DHT.

use super::clocks::Clocks;
use super::rendezvous::{Meeting, Tally};
use super::{Event, Settings};
use crate::dht::{self, Dht};
use crate::doctor::network::Trials;
use crate::home::Home;
use crate::outlet::{self, Listening};
use crate::p2p::{self, P2p};
use crate::torrent::{self, Bookings, Engine, PeerSource, TellPeers};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use heirloom_core::command::{CommandError, Fault};
use heirloom_core::io::{DhtEvent, DhtOrder, Input, LookupEvent, OrderId};
use heirloom_proto::dht::HEAD_SALT;
use heirloom_proto::{Key, Kind, WorkId, statement};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tracing::debug;

/// How long the peers of a torrent are collected after the first answer: a swarm's members come within moments.
const PEERS_GRACE: Duration = Duration::from_millis(700);
/// Most peers collected by one question.
const PEERS_MAX: usize = 200;

/// What the user chose.
#[derive(Clone, Debug)]
pub struct Options {
    /// libp2p addresses to listen on.
    pub p2p: Vec<p2p::Multiaddr>,
    /// libp2p peers to keep.
    pub peers: Vec<p2p::Multiaddr>,
    /// Keys to which this node shows who it is.
    pub friends: BTreeSet<Key>,
    /// Look for peers on the local network.
    pub mdns: bool,
    /// Whether others can dial this node, if the user knows it.
    pub nat: Option<p2p::Nat>,
    /// Anonymous BitTorrent session.
    pub bt: SocketAddr,
    /// Named BitTorrent session.
    pub bt_named: SocketAddr,
    /// DHT.
    pub dht: SocketAddrV4,
    /// `None`: the usual bootstrap nodes.
    pub bootstrap: Option<Vec<String>>,
    /// No DHT.
    pub no_dht: bool,
    /// No network at all.
    pub offline: bool,
    /// Where downloads go.
    pub downloads: PathBuf,
    /// What is seeded under this node's name.
    pub seed_as: SeedAs,
    /// Ask the DHT for works, and those who announced them there. Whoever answers learns what somebody at this address is
    /// interested in.
    pub looks_up: bool,
    /// Announce this node under the key of the day in the DHT, and look for others there.
    pub meets: bool,
    /// How trust is measured, and what the node may cost.
    pub settings: Settings,
    /// The owner's other clients.
    pub clients: crate::clients::Settings,
}

impl Options {
    /// Where to listen, by the outlet of this process.
    fn listening(&self) -> Result<Listening, CommandError> {
        let dht = Some(self.dht).filter(|_| !self.no_dht);
        let all = Listening { p2p: self.p2p.clone(), bt: [self.bt, self.bt_named], dht, mdns: self.mdns };
        outlet::current().map_or(Ok(all.clone()), |outlet| all.by(outlet))
    }

    /// Whether the DHT is one of loopback or a private network: then its peers are there too, and elsewhere a claim
    /// that leads there is somebody's attempt to have us knock at our neighbours' doors.
    fn is_on_own_ground(&self) -> bool {
        let is_own = |node: &String| node.parse::<SocketAddr>().is_ok_and(|at| p2p::is_own_ground(at.ip()));
        self.bootstrap.as_ref().is_some_and(|nodes| nodes.iter().all(is_own))
    }
}

/// What is seeded under this node's name on the BitTorrent wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeedAs {
    /// What the owner published.
    #[default]
    Published,
    /// Whatever is complete.
    Always,
    /// Nothing.
    Never,
}

impl SeedAs {
    /// Whether a torrent shows the name.
    #[must_use]
    pub fn is_named(self, is_published: bool) -> bool {
        match self {
            Self::Published => is_published,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Why the networks did not start: one sentence that names the address.
pub type StartError = CommandError;

/// What a node is connected to. Clones are handles.
#[derive(Clone)]
pub struct Networks {
    /// The DHT, unless turned off.
    pub dht: Option<Dht>,
    /// The torrent sessions, unless offline.
    pub engine: Option<Engine>,
    /// Pieces that wait to be booked.
    pub bookings: Arc<Bookings>,
    /// libp2p, unless offline.
    pub p2p: Option<Arc<P2p>>,
    /// What is seeded under this node's name.
    pub seed_as: SeedAs,
    looks_up: bool,
    /// Meeting others in the DHT, where there is one.
    meeting: Option<Arc<Meeting>>,
    /// What came of it.
    pub rendezvous: Arc<Tally>,
    proofs: Arc<Mutex<BTreeMap<p2p::PeerId, (Key, bool)>>>,
    times: Arc<Mutex<Times>>,
    /// They were left, since there is no way out.
    is_left: Arc<AtomicBool>,
    /// What the last look into the DHT found.
    pub(super) trials: Arc<Trials>,
    /// What others' words say about this machine's clock.
    pub(super) clocks: Arc<Clocks>,
}

/// When something last happened in this process.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    head_put: Option<Instant>,
    peer_left: Option<Instant>,
}

/// The topic of a kind; one shard until there is need for more.
#[must_use]
pub fn topic(kind: &str) -> String {
    format!("/heirloom/1/{kind}/0")
}

/// The kinds that are pushed, each on a topic of its own. Receipts travel by sync alone.
pub(super) fn topics() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| *kind != Kind::Receipt)
}

fn failed(code: &'static str, error: &dyn std::fmt::Display, advice: &str) -> CommandError {
    CommandError::new(Fault::Failed, code, format!("{error}: {advice}"))
}

impl Networks {
    /// Binds everything.
    ///
    /// # Errors
    /// A port in use, named, with what to do.
    pub async fn start(
        home: &Home,
        wire_name: &str,
        options: &Options,
    ) -> Result<(Self, Option<mpsc::Receiver<p2p::Event>>), StartError> {
        let bookings = Arc::new(Bookings::default());
        if options.offline {
            let (seed_as, rendezvous) = (options.seed_as, Arc::default());
            let (dht, engine, p2p, looks_up, meeting, proofs) = (None, None, None, false, None, Arc::default());
            let none = Self {
                dht,
                engine,
                bookings,
                p2p,
                seed_as,
                looks_up,
                meeting,
                rendezvous,
                proofs,
                times: Arc::default(),
                is_left: Arc::default(),
                trials: Arc::default(),
                clocks: Arc::default(),
            };
            return Ok((none, None));
        }
        let Listening { p2p: listen, bt: [bt, bt_named], dht: dht_at, mdns } = options.listening()?;
        let proxy = outlet::current().and_then(outlet::Outlet::proxy_at);
        let dht = match dht_at {
            None => None,
            Some(bind) => {
                let config = dht::Config { bind, bootstrap: options.bootstrap.clone(), server_mode: false };
                let advice = "choose another address with --dht, or --no-dht";
                let started = Dht::start_within(config, options.settings.dht).await;
                Some(started.map_err(|error| failed("dht", &error, advice))?)
            }
        };
        let config = torrent::Config {
            bt,
            bt_named,
            proxy: proxy.map(|(at, proxy)| proxy.url(at)),
            wire_name: wire_name.to_owned(),
            anonymous_name: anonymous_name(),
            state_dir: home.state(),
            downloads: options.downloads.clone(),
            peers: Arc::new(FromDht { dht: dht.clone() }),
            tracker_interval: torrent::TRACKER_INTERVAL,
        };
        let advice = "choose other addresses with --bt and --bt-named, or stop the other program";
        let engine =
            Engine::start(config, Arc::clone(&bookings)).await.map_err(|error| failed("bt", &error, advice))?;
        let config = p2p::Config {
            listen: listen.clone(),
            peers: options.peers.clone(),
            mdns,
            proxy: proxy.map(|(at, proxy)| p2p::Socks::at(at, proxy.credentials())),
            peers_file: Some(home.peers()),
            own_ground: options.is_on_own_ground(),
            nat: options.nat,
            key_file: home.p2p_key(),
            topics: topics().map(|kind| topic(kind.name())).collect(),
            max_message_bytes: heirloom_proto::limits::ENVELOPE_BYTES_MAX,
            memory_bytes_max: usize::try_from(options.settings.budgets.memory_bytes).unwrap_or(usize::MAX),
            structural: Arc::new(fits_topic),
        };
        let advice = "choose another address with --p2p";
        let (p2p, gossip) = P2p::start(config).await.map_err(|error| failed("p2p", &error, advice))?;
        let p2p = Arc::new(p2p);
        let rendezvous = Arc::<Tally>::default();
        let (chosen, own_ground) = (listen, options.is_on_own_ground());
        let meeting = dht.clone().map(|dht| {
            let (p2p, tally) = (Arc::clone(&p2p), Arc::clone(&rendezvous));
            Arc::new(Meeting { dht, p2p, chosen, own_ground, tally })
        });
        if let Some(meeting) = meeting.clone().filter(|_| options.meets) {
            rendezvous.is_on.store(true, Ordering::Relaxed);
            tokio::spawn(async move { meeting.run().await });
        }
        let (seed_as, looks_up, engine, p2p) = (options.seed_as, options.looks_up, Some(engine), Some(p2p));
        let proofs = Arc::default();
        let (times, is_left, trials, clocks) = (Arc::default(), Arc::default(), Arc::default(), Arc::default());
        let all = Self {
            dht,
            engine,
            bookings,
            p2p,
            seed_as,
            looks_up,
            meeting,
            rendezvous,
            proofs,
            times,
            is_left,
            trials,
            clocks,
        };
        Ok((all, Some(gossip)))
    }

    /// A connected peer proved who it is. As many as there are connections.
    pub(super) fn note_proof(&self, peer: p2p::PeerId, key: Key, is_friend: bool) {
        self.proofs.lock().unwrap_or_else(PoisonError::into_inner).insert(peer, (key, is_friend));
    }

    /// It is gone.
    pub(super) fn forget_proof(&self, peer: &p2p::PeerId) {
        self.proofs.lock().unwrap_or_else(PoisonError::into_inner).remove(peer);
        self.times().peer_left = Some(Instant::now());
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the owner's head was put last, by this process.
    pub(super) fn since_head_put(&self) -> Option<Duration> {
        self.times().head_put.map(|at| at.elapsed())
    }

    /// Time since the last peer left.
    pub(super) fn since_peer_left(&self) -> Option<Duration> {
        self.times().peer_left.map(|at| at.elapsed())
    }

    /// Connected peers that proved who they are.
    pub(super) fn proofs(&self) -> Vec<(p2p::PeerId, Key, bool)> {
        let proofs = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        proofs.iter().map(|(peer, (key, is_friend))| (*peer, *key, *is_friend)).collect()
    }

    /// Carries an order to the DHT out, in a task of its own.
    pub(super) fn order_dht(&self, order: DhtOrder, events: mpsc::Sender<Event>) {
        let Some(dht) = self.dht.clone() else { return };
        let (looks_up, meeting, times) = (self.looks_up, self.meeting.clone(), Arc::clone(&self.times));
        tokio::spawn(async move {
            let answer = match order {
                // Heads say whom I follow, works say what I want to see: only the latter can be turned off.
                DhtOrder::Get { order, salt, .. } if !looks_up && salt != HEAD_SALT => {
                    DhtEvent::Done { order, copies: None }
                }
                DhtOrder::Put { order, item } => {
                    let is_head = item.salt == HEAD_SALT;
                    let item = to_dht(item);
                    match if is_head { dht.put_head(item, None).await } else { dht.put_in_time(item, None).await } {
                        Ok(put) => {
                            if is_head {
                                times.lock().unwrap_or_else(PoisonError::into_inner).head_put = Some(Instant::now());
                            }
                            DhtEvent::Stored { order, nodes: put.stored_on }
                        }
                        Err(error) => {
                            debug!(%error, "item not stored");
                            let newer_exists = matches!(error, dht::PutError::NotMostRecent | dht::PutError::CasFailed);
                            DhtEvent::NotStored { order, newer_exists }
                        }
                    }
                }
                DhtOrder::Get { order, key, salt } => {
                    let copies = hand_on(&dht, order, (key, salt), &events).await;
                    DhtEvent::Done { order, copies }
                }
                DhtOrder::Announce { order, work } => {
                    let is_taken = match meeting {
                        Some(meeting) => meeting.announce_work(&work).await,
                        None => false,
                    };
                    DhtEvent::Announced { order, is_taken }
                }
            };
            let _ = events.send(Event::Input(Input::Dht(answer))).await;
        });
    }

    /// Looks for those who announced a work, in a task of its own; `p2p` tells whom it met.
    pub(super) fn seek(&self, order: OrderId, work: WorkId, events: mpsc::Sender<Event>) {
        let meeting = self.meeting.clone().filter(|_| self.looks_up);
        tokio::spawn(async move {
            let is_told_by_p2p = match meeting {
                Some(meeting) => meeting.seek(order.0, &work).await.is_ok(),
                None => false,
            };
            if !is_told_by_p2p {
                let _ = events.send(Event::Input(Input::Lookup(LookupEvent::Over { order }))).await;
            }
        });
    }

    /// Tells the engine which addresses others say are ours: nobody else's peers live there.
    pub(super) fn tell_own_addresses(&self) {
        if let (Some(engine), Some(p2p)) = (&self.engine, &self.p2p) {
            let places = p2p.overview().external;
            engine.set_external_ips(places.iter().filter_map(|at| Some(p2p::place_of(at)?.ip())).collect());
        }
    }

    /// Stops everything, while the node goes on without: what is asked of torrents meanwhile waits for its next start.
    pub async fn leave(&self) {
        self.is_left.store(true, Ordering::SeqCst);
        self.stop().await;
    }

    /// Tells whether they were left.
    pub(super) fn left(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_left)
    }

    /// Stops everything.
    pub async fn stop(&self) {
        if let Some(engine) = &self.engine {
            let _ = tokio::time::timeout(Duration::from_secs(2), engine.stop()).await;
        }
        if let Some(p2p) = &self.p2p {
            let _ = tokio::time::timeout(Duration::from_secs(1), p2p.shut_down()).await;
        }
        if let Some(dht) = self.dht.clone() {
            let _ = tokio::time::timeout(Duration::from_secs(1), dht.stop()).await;
        }
    }
}

/// What the anonymous session shows: the engine's own name and nothing that tells nodes apart.
fn anonymous_name() -> String {
    "rqbit 9.1.0".to_owned()
}

/// The cheap check before gossip's duplicate cache: well formed, and on the topic of its kind.
fn fits_topic(on: &str, bytes: &[u8]) -> bool {
    match statement::check_structure(bytes) {
        Ok(kind) => topic(kind.name()) == on,
        // A newer version may know it: the core ignores it without blame.
        Err(error) => !error.blames_relayer(),
    }
}

/// Hands what a get finds to the core, and counts the nodes that gave the newest item; `None` when nobody was asked.
async fn hand_on(
    dht: &Dht,
    order: OrderId,
    (key, salt): ([u8; 32], Vec<u8>),
    events: &mpsc::Sender<Event>,
) -> Option<usize> {
    let mut answers = dht.ask(key, salt);
    let mut newest: Option<(i64, usize)> = None;
    let mut last = None;
    while let Some(answer) = answers.next().await {
        let item = answer.inspect_err(|error| debug!(%error, "nobody was asked for an item")).ok()?;
        newest = match newest {
            Some((seq, copies)) if seq == item.seq => Some((seq, copies + 1)),
            Some((seq, copies)) if seq > item.seq => Some((seq, copies)),
            _ => Some((item.seq, 1)),
        };
        // The same item comes from many nodes; once is enough for the core.
        if last.as_ref() == Some(&item.signature) {
            continue;
        }
        last = Some(item.signature);
        let found = DhtEvent::Found { order, item: from_dht(item) };
        if events.send(Event::Input(Input::Dht(found))).await.is_err() {
            break;
        }
    }
    Some(newest.map_or(0, |(_, copies)| copies))
}

fn to_dht(item: heirloom_proto::dht::Item) -> dht::Item {
    let heirloom_proto::dht::Item { key, salt, seq, value, signature } = item;
    dht::Item { key, salt, seq, value, signature }
}

fn from_dht(item: dht::Item) -> heirloom_proto::dht::Item {
    let dht::Item { key, salt, seq, value, signature } = item;
    heirloom_proto::dht::Item { key, salt, seq, value, signature }
}

/// Peers of torrents come from the DHT.
struct FromDht {
    dht: Option<Dht>,
}

impl PeerSource for FromDht {
    fn peers(&self, infohash: torrent::Infohash) -> BoxFuture<'_, Vec<SocketAddr>> {
        self.seek(infohash, &|_| {})
    }

    fn seek<'a>(&'a self, infohash: torrent::Infohash, tell: &'a TellPeers<'a>) -> BoxFuture<'a, Vec<SocketAddr>> {
        Box::pin(async move {
            let Some(dht) = &self.dht else { return Vec::new() };
            let mut answers = dht.peers(infohash);
            let mut found: Vec<SocketAddr> = Vec::new();
            while found.len() < PEERS_MAX {
                // Wait for the first answer as long as the query runs, for more only a moment.
                let next = if found.is_empty() {
                    answers.next().await
                } else {
                    tokio::time::timeout(PEERS_GRACE, answers.next()).await.ok().flatten()
                };
                let Some(peers) = next else { break };
                for peer in peers.into_iter().map(SocketAddr::V4) {
                    if !found.contains(&peer) && found.len() < PEERS_MAX {
                        found.push(peer);
                    }
                }
                tell(&found);
            }
            found
        })
    }

    fn can_ask(&self) -> bool {
        self.dht.is_some()
    }

    fn announce(&self, infohash: torrent::Infohash, port: u16) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Some(dht) = &self.dht else { return };
            if let Err(error) = dht.announce(infohash, port).await {
                debug!(%error, "torrent not announced");
            }
        })
    }
}

/// Hands what peers say to the core; when its queue is full gossip is dropped, and p2p's own limits slow the sender.
pub(super) async fn forward_gossip(mut from: mpsc::Receiver<p2p::Event>, to: mpsc::Sender<Event>) {
    while let Some(event) = from.recv().await {
        let event = match event {
            p2p::Event::Gossip { message, peer, bytes, .. } => Event::Gossip { message, peer, bytes },
            p2p::Event::Subscribed { .. } | p2p::Event::Listening(_) | p2p::Event::NotListening(_) => continue,
            event => Event::Peer(event),
        };
        if to.send(event).await.is_err() {
            return;
        }
    }
}
