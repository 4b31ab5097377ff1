//! The libp2p adapter: carries signed bytes between this node and its peers.
//!
//! It is plumbing. What a statement means, whether it is true and whether it is passed on is decided by the core; this
//! module must not know protobuf, trust or the store. What it does decide by itself is only what must be decided before
//! the core could look: sizes, rates, connection counts and scores of *peers*, with every number in [`params`].
//!
//! One task owns the swarm. It talks to the rest of the node over two bounded channels, and it never waits on the event
//! channel, so that a driver that waits on the command channel cannot deadlock with it.

mod behaviour;
mod book;
mod book_file;
mod calling_off;
mod carrying;
mod counters;
mod exchange;
mod finding;
mod gate;
mod key;
mod links;
mod lookup;
mod netgroup;
mod overview;
pub mod params;
mod peers;
mod rate;
mod reach;
mod redial;
mod sink;
mod socks;
mod standing;
mod start;
mod swarming;
mod traffic;
mod tuning;
mod unsent;
mod wasted;
mod worker;

use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

pub use self::{book::Learned, counters::Counters, key::KeyError, overview::Overview, reach::Nat};
pub use libp2p::{Multiaddr, PeerId};
pub use netgroup::is_own_ground;
pub(crate) use netgroup::{Network, network_of};
pub use socks::Socks;
pub use start::{can_dial, can_listen_on};

/// The cheap check of form that every message passes before anything remembers it:
/// `(topic, envelope bytes) -> is well formed for that topic`.
///
/// It runs before the duplicate cache, so on every copy: it must be fast, must not look at
/// signatures, and should compare the kind with the topic: the message id covers
/// the envelope only, and a genuine envelope sent first on a wrong topic must not
/// make us deaf to it on the right one. `false` counts as an invalid message (P4).
pub type Structural = Arc<dyn Fn(&str, &[u8]) -> bool + Send + Sync>;

/// How to start the adapter.
#[derive(Clone)]
pub struct Config {
    /// Addresses to listen on: `/ip4/…/udp/<port>/quic-v1` or `/ip4/…/tcp/<port>`,
    /// the same with `ip6`. Port 0 lets the system choose; see [`P2p::listen_addrs`].
    pub listen: Vec<Multiaddr>,
    /// Peers to dial at start and to dial again whenever they are not connected,
    /// with or without a `/p2p/<id>` at the end. IP addresses only, no DNS names. Also
    /// `/ip…/p2p/<relay>/p2p-circuit/p2p/<id>`.
    pub peers: Vec<Multiaddr>,
    /// Whether to announce and look for peers on the local network. Not done when every
    /// address of `listen` is on loopback.
    pub mdns: bool,
    /// SOCKS5 proxy that peers are dialled through, over TCP alone. Nothing else is dialled then, and nothing listened on.
    pub proxy: Option<Socks>,
    /// Where peers are remembered across restarts; `None` remembers nobody.
    pub peers_file: Option<PathBuf>,
    /// Whether [`Command::Candidates`] may name loopback and private addresses: only when whoever names them is there too.
    pub own_ground: bool,
    /// Whether others can dial us, where that is known; `None` asks them (AutoNAT).
    pub nat: Option<Nat>,
    /// File of the libp2p transport key: made with mode 0600 on first use and
    /// replaced when older than [`params::KEY_AGE_MAX`]. Never the identity key.
    pub key_file: PathBuf,
    /// The only topics this node joins and the only ones peers may speak of.
    /// At most [`params::TOPICS_MAX`].
    pub topics: Vec<String>,
    /// Largest envelope in bytes, at most [`params::MESSAGE_BYTES_MAX`].
    pub max_message_bytes: usize,
    /// Resident memory of the process above which no connection is begun; [`params::MEMORY_BYTES_MAX`] unless chosen.
    pub memory_bytes_max: usize,
    /// Check of form; see [`Structural`].
    pub structural: Structural,
}

/// Where a direct TCP or QUIC address leads, with or without `/p2p/<id>`; `None` for any other.
#[must_use]
pub fn place_of(address: &Multiaddr) -> Option<SocketAddr> {
    netgroup::socket_of(&redial::without_id(address)).map(netgroup::Socket::at)
}

/// A direct address with another IP address.
#[must_use]
pub fn moved(address: &Multiaddr, to: std::net::IpAddr) -> Multiaddr {
    let rest = address.iter().skip(1);
    rest.fold(Multiaddr::from(to), Multiaddr::with)
}

/// Whether an address is one of QUIC.
#[must_use]
pub fn is_quic(address: &Multiaddr) -> bool {
    matches!(netgroup::socket_of(&redial::without_id(address)), Some(netgroup::Socket::Quic(_)))
}

/// Names one gossip message: SHA-256 over the whole envelope, signature included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageRef(pub [u8; 32]);

impl fmt::Display for MessageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MessageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageRef({self})")
    }
}

/// What the core decided about a message, and so what becomes of it and its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Pass it on to the mesh; the sender gains.
    Accept,
    /// Do not pass it on; nobody is blamed (stale, future, over quota, unknown kind, stranger).
    Ignore,
    /// Do not pass it on and blame the sender: only for faults of form or signature.
    Reject,
}

/// What the node asks of the adapter.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Send an envelope of our own to every subscriber of the topic. With nobody to
    /// send to it is kept (bounded, see [`params::UNSENT_MAX`]) until somebody subscribes.
    Publish {
        /// One of [`Config::topics`].
        topic: String,
        /// The envelope, at most [`Config::max_message_bytes`].
        bytes: Vec<u8>,
    },
    /// The answer to one [`Event::Gossip`]. It is only useful within
    /// [`params::VERDICT_WITHIN`]; later the message has left the cache (counted as `verdicts_late`).
    Verdict {
        /// As in the event.
        message: MessageRef,
        /// As in the event.
        peer: PeerId,
        /// The decision.
        admission: Admission,
    },
    /// Dial once. Use [`Config::peers`] for peers to keep.
    Dial(Multiaddr),
    /// Places that the DHT's rendezvous named, at most [`params::CANDIDATES_MAX`]: claims of strangers, dialled both ways
    /// within the limits of the address book.
    Candidates(Vec<SocketAddr>),
    /// Take points from the application score (P5) of a peer. They fade over
    /// [`params::PENALTY_FADE`]; below [`params::GRAYLIST`] the peer is dropped.
    Penalise {
        /// Whom.
        peer: PeerId,
        /// How much, 0 or more.
        points: f64,
    },
    /// Set what the core grants a peer in its application score (P5): see
    /// [`params::FAVOUR_MAX`]. Replaces the earlier value and does not fade, but is
    /// forgotten some minutes after the peer left: say it at every [`Event::PeerUp`].
    Favour {
        /// Whom.
        peer: PeerId,
        /// How much, from 0 to [`params::FAVOUR_MAX`].
        points: f64,
    },
    /// Stop, as [`P2p::stop`] does.
    Stop,
    /// Ask a connected peer by sync. Answered by [`Event::SyncAnswered`] or [`Event::SyncFailed`].
    SyncAsk {
        /// Any number, to name it in the answer.
        ask: u64,
        /// Whom.
        peer: PeerId,
        /// The frame, at most [`params::SYNC_FRAME_BYTES_MAX`].
        bytes: Vec<u8>,
    },
    /// The answer to one [`Event::SyncAsked`].
    SyncAnswer {
        /// As in the event.
        exchange: u64,
        /// The frame, at most [`params::SYNC_FRAME_BYTES_MAX`].
        bytes: Vec<u8>,
    },
    /// Hear pushes on these of [`Config::topics`] alone from now on; the others are left. What is published leaves all the
    /// same. One that hears none at all looks to others like a node that is dead.
    Hear(Vec<String>),
    /// Places at which somebody announced a work: claims of strangers. Those that are peers of ours, and some that can
    /// be dialled within the limits of the address book, are told by [`Event::Sought`]; [`Event::SeekOver`] ends it.
    Seek {
        /// Any number; said again with more places, it is the same seek.
        seek: u64,
        /// The places; of all that are said [`params::SOUGHT_PLACES_MAX`] are held.
        places: Vec<SocketAddr>,
        /// Whether no more will be said.
        is_last: bool,
    },
    /// Ask a connected peer about a work. Answered by [`Event::LookupAnswered`] or [`Event::LookupFailed`].
    LookupAsk {
        /// Any number, to name it in the answer.
        ask: u64,
        /// Whom.
        peer: PeerId,
        /// The frame, at most [`params::SYNC_FRAME_BYTES_MAX`].
        bytes: Vec<u8>,
    },
    /// The answer to one [`Event::LookupAsked`].
    LookupAnswer {
        /// As in the event.
        exchange: u64,
        /// The frame, at most [`params::SYNC_FRAME_BYTES_MAX`].
        bytes: Vec<u8>,
    },
    /// Show a connected peer who we are, or rather let it try to find out. Answered by [`Event::IdentityAnswered`] or
    /// [`Event::IdentityFailed`].
    IdentityAsk {
        /// Any number, to name it in the answer.
        ask: u64,
        /// Whom.
        peer: PeerId,
        /// The frame, at most [`params::SYNC_FRAME_BYTES_MAX`].
        bytes: Vec<u8>,
    },
    /// The answer to one [`Event::IdentityAsked`].
    IdentityAnswer {
        /// As in the event.
        exchange: u64,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Ask a connected peer for a picture. Answered by [`Event::ArtworkAnswered`] or [`Event::ArtworkFailed`].
    ArtworkAsk {
        /// Any number, to name it in the answer.
        ask: u64,
        /// Whom.
        peer: PeerId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// The answer to one [`Event::ArtworkAsked`].
    ArtworkAnswer {
        /// As in the event.
        exchange: u64,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A connected peer is a friend of the owner: its places in the address book are dialled first, and
    /// [`params::FRIENDS_OUTBOUND`] of the outbound places are theirs.
    Friend {
        /// Whom.
        peer: PeerId,
    },
    /// Disconnect and refuse for [`params::BAN`].
    Ban {
        /// Whom.
        peer: PeerId,
    },
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// They dialled us.
    Inbound,
    /// We dialled them.
    Outbound,
}

/// What the adapter tells the node.
///
/// `Gossip` is dropped (and answered with `Ignore`, and counted) when the channel
/// is full. Ups, downs and addresses are never dropped: they wait, and an up that the node has
/// not seen is cancelled by its down. Gossip of a peer never precedes its `PeerUp`.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A message that is new, well formed and within the peer's rate. Answer with [`Command::Verdict`].
    Gossip {
        /// Its id, for the verdict.
        message: MessageRef,
        /// Who sent it to us; not its author.
        peer: PeerId,
        /// One of [`Config::topics`].
        topic: String,
        /// The envelope.
        bytes: Vec<u8>,
    },
    /// A peer asks by sync, within its rate. Answer with [`Command::SyncAnswer`] within [`params::SYNC_WITHIN`]. Dropped
    /// when the channel is full; the peer asks again later.
    SyncAsked {
        /// To name it in the answer.
        exchange: u64,
        /// Who.
        peer: PeerId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A peer answered [`Command::SyncAsk`]. Never dropped.
    SyncAnswered {
        /// As in the command.
        ask: u64,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A peer did not answer [`Command::SyncAsk`]. Never dropped.
    SyncFailed {
        /// As in the command.
        ask: u64,
        /// It does not speak [`params::SYNC_PROTOCOL`].
        is_unsupported: bool,
    },
    /// A peer of ours is connected at a place that [`Command::Seek`] named. Never dropped; once per seek and peer.
    Sought {
        /// As in the command.
        seek: u64,
        /// Who.
        peer: PeerId,
    },
    /// Nobody else will be found by a seek. Never dropped.
    SeekOver {
        /// As in the command.
        seek: u64,
    },
    /// A peer asks who we are, maybe showing who it is. Answer with [`Command::IdentityAnswer`]. Dropped when the channel
    /// is full, or the peer asks too often.
    IdentityAsked {
        /// To name it in the answer.
        exchange: u64,
        /// Who.
        peer: PeerId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A peer answered [`Command::IdentityAsk`]. Never dropped.
    IdentityAnswered {
        /// As in the command.
        ask: u64,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A peer did not answer [`Command::IdentityAsk`]. Never dropped.
    IdentityFailed {
        /// As in the command.
        ask: u64,
    },
    /// A peer asks for a picture, within its rate. Answer with [`Command::ArtworkAnswer`] within [`params::SYNC_WITHIN`].
    /// Dropped when the channel is full.
    ArtworkAsked {
        /// To name it in the answer.
        exchange: u64,
        /// Who.
        peer: PeerId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A peer answered [`Command::ArtworkAsk`]. Never dropped.
    ArtworkAnswered {
        /// As in the command.
        ask: u64,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A peer did not answer [`Command::ArtworkAsk`]. Never dropped.
    ArtworkFailed {
        /// As in the command.
        ask: u64,
        /// It does not speak [`params::ARTWORK_PROTOCOL`].
        is_unsupported: bool,
    },
    /// A peer asks about a work, within its rate. Answer with [`Command::LookupAnswer`] within [`params::SYNC_WITHIN`].
    /// Dropped when the channel is full.
    LookupAsked {
        /// To name it in the answer.
        exchange: u64,
        /// Who.
        peer: PeerId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A peer answered [`Command::LookupAsk`]. Never dropped.
    LookupAnswered {
        /// As in the command.
        ask: u64,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A peer did not answer [`Command::LookupAsk`]. Never dropped.
    LookupFailed {
        /// As in the command.
        ask: u64,
    },
    /// First connection with a peer.
    PeerUp {
        /// Whom.
        peer: PeerId,
        /// Its address as seen by us; an inbound one has an ephemeral port.
        address: Multiaddr,
        /// Who dialled.
        direction: Direction,
    },
    /// Last connection with a peer is gone.
    PeerDown {
        /// Whom.
        peer: PeerId,
    },
    /// A peer joined one of our topics. Dropped when the channel is full: it may be said often.
    Subscribed {
        /// Whom.
        peer: PeerId,
        /// Which.
        topic: String,
    },
    /// We can be reached here (with `/p2p/<id>`).
    Listening(Multiaddr),
    /// We can no longer be reached here (with `/p2p/<id>`).
    NotListening(Multiaddr),
}

/// Why the adapter did not start. Nothing runs and no port is held after it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else has the port, often a second node: stop it or choose another port.
    #[error("{address} is in use ({socket})")]
    PortInUse {
        /// As configured.
        address: Multiaddr,
        /// The same, as a socket address.
        socket: SocketAddr,
    },
    /// The system refused the address: not ours, or no permission.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// As configured.
        address: Multiaddr,
        /// In the words of the system.
        reason: String,
    },
    /// Neither `/ip…/tcp/…` nor `/ip…/udp/…/quic-v1`, nor for a peer a way over a relay: correct the configuration.
    #[error("cannot use the address {address}: only /ip4 or /ip6 with /tcp or /udp/…/quic-v1")]
    Address {
        /// As configured.
        address: Multiaddr,
    },
    /// The transport key could not be read or made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Topics or sizes out of range: correct the configuration.
    #[error("bad peer-to-peer parameters: {0}")]
    Parameters(String),
    /// The encryption layer could not be set up. Not expected.
    #[error("cannot set up the transports: {0}")]
    Transport(String),
}

/// The adapter has stopped; no command will be carried out any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer-to-peer adapter has stopped")]
pub struct Stopped;

/// Why a command was not taken at once.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TrySendError {
    /// Too many commands wait; here it is back.
    #[error("the peer-to-peer command queue is full")]
    Full(Command),
    /// See [`Stopped`].
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Handle of the running adapter. Dropping it stops the adapter soon after.
pub struct P2p {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
    listening: watch::Receiver<Vec<Multiaddr>>,
    peer_id: PeerId,
    task: JoinHandle<()>,
}

/// What the task shows through the handle without a round trip.
#[derive(Default)]
struct Shared {
    counters: counters::Meters,
    peers: AtomicUsize,
    overview: Mutex<Overview>,
    /// Whether the address book is in its file for the last time.
    closed: watch::Sender<bool>,
}

impl P2p {
    /// Binds every listen address, starts the task and dials the configured peers.
    ///
    /// Returns the handle and the events, at most [`params::EVENTS_QUEUED`] of them queued.
    ///
    /// # Errors
    /// See [`StartError`]. A port in use is named.
    pub async fn start(config: Config) -> Result<(Self, mpsc::Receiver<Event>), StartError> {
        // The swarm moves through it, which is large.
        Box::pin(start::start(config)).await
    }

    /// Hands over a command, waiting while [`params::COMMANDS_QUEUED`] of them wait.
    ///
    /// # Errors
    /// [`Stopped`] if the adapter is gone.
    pub async fn send(&self, command: Command) -> Result<(), Stopped> {
        self.commands.send(command).await.map_err(|_| Stopped)
    }

    /// Hands over a command if there is room at once.
    ///
    /// # Errors
    /// [`TrySendError::Full`] gives the command back.
    pub fn try_send(&self, command: Command) -> Result<(), TrySendError> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(command) => TrySendError::Full(command),
            mpsc::error::TrySendError::Closed(_) => TrySendError::Stopped(Stopped),
        })
    }

    /// Where we can be reached, each with `/p2p/<id>` at the end. For a wildcard
    /// address these are the addresses of the interfaces.
    #[must_use]
    pub fn listen_addrs(&self) -> Vec<Multiaddr> {
        self.listening.borrow().clone()
    }

    /// Connected peers.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.shared.peers.load(Ordering::Relaxed)
    }

    /// Our transport id. Not linked to the identity key.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// What happened since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counters.snapshot()
    }

    /// Whether no command will be carried out any more.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.commands.is_closed()
    }

    /// How it is connected, as of the last tick.
    #[must_use]
    pub fn overview(&self) -> Overview {
        self.shared.overview.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As [`P2p::stop`], for a handle that others hold too; it returns when peers are remembered.
    pub async fn shut_down(&self) {
        // Whoever has stopped already has done the same.
        let _ = self.commands.send(Command::Stop).await;
        self.commands.closed().await;
        let _ = self.shared.closed.subscribe().wait_for(|is_closed| *is_closed).await;
    }

    /// Closes connections and listeners and waits until they are closed, briefly.
    pub async fn stop(self) {
        drop(self.commands);
        // The task ends by itself once the command channel is closed; a panic in it has nothing left to harm.
        let _ = self.task.await;
    }
}
