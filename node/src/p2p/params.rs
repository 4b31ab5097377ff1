//! Every number of the adapter, each with its reason and source; `tuning` makes the
//! libp2p parameter sets from them. Nothing is left at a library default in silence:
//! the defaults of gossipsub punish nobody and queue 312 MiB per slow peer.
//!
//! "Lotus" is Filecoin's node, whose topics are as slow as ours; "spec" is the
//! GossipSub v1.1 specification; "code" is the source of libp2p-gossipsub 0.50.

use std::time::Duration;

use super::{Config, StartError};

pub(super) const KIB: usize = 1024;
pub(super) const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

// ---- Sizes ----

/// Largest envelope in bytes: curator lists need 8,000 and everything is queued 256 deep per peer.
pub const MESSAGE_BYTES_MAX: usize = 8 * KIB;
/// What gossipsub wraps around an envelope: topic, tags, lengths. Ours need about 60 bytes.
pub const RPC_OVERHEAD_BYTES: usize = 256;
/// Longest topic name in bytes, so that [`RPC_OVERHEAD_BYTES`] holds.
pub const TOPIC_BYTES_MAX: usize = 128;
/// Allowance for bytes of the *next* messages that are already in the read buffer.
///
/// The decoder compares the whole buffer, not one message, with the RPC limit (code:
/// `protocol.rs`, `validate_rpc_limits`), and the buffer is filled 8 KiB at a time. Without
/// this a burst of honest messages closes the stream, and the fifth time for good.
pub const RPC_READ_AHEAD_BYTES: usize = 8 * KIB + 16;
/// Messages decoded from one RPC. A real envelope has 120 bytes or more, so an RPC holds fewer.
pub const RPC_MESSAGES_MAX: usize = 128;
/// Control bytes decoded from one RPC (default of 0.50, the fix of an advisory).
pub const CONTROL_BYTES_MAX: usize = 16 * KIB;
/// Ids in one IHAVE or IWANT: 200 × 34 bytes stay below [`MESSAGE_BYTES_MAX`]; the default
/// of 5,000 would make an RPC that every receiver refuses, since nothing splits it.
pub const CONTROL_IDS_MAX: usize = 200;
/// IHAVE messages heard per peer and heartbeat (spec).
pub const IHAVE_PER_HEARTBEAT: usize = 10;

// ---- Topics ----

/// Topics one node joins: a leaf needs fewer than 16.
pub const TOPICS_MAX: usize = 16;
/// Topics one peer may subscribe to, of those on our list; the default is 100.
pub const PEER_TOPICS_MAX: usize = 64;

// ---- Mesh (all per topic) ----

/// D: mesh links wanted (Lotus; the paper's evaluation).
pub const MESH: usize = 8;
/// Dlo: graft below (Lotus).
pub const MESH_LOW: usize = 6;
/// Dhi: prune above (Lotus).
pub const MESH_HIGH: usize = 12;
/// Dscore: kept by score when pruning, the others by chance (Lotus).
pub const MESH_BY_SCORE: usize = 6;
/// Dout: outbound links kept, against eclipse (Lotus; spec: below Dlo and at most D/2).
pub const MESH_OUTBOUND: usize = 3;
/// Dlazy: peers told about message ids each heartbeat (Lotus).
pub const GOSSIP_LAZY: usize = 12;
/// Share of the other peers told: 57.8 % have heard after three rounds (spec).
pub const GOSSIP_FACTOR: f64 = 0.25;
/// Heartbeat (spec; measurements on Ethereum advise 1.0 s over 0.7 s).
pub const HEARTBEAT: Duration = SECOND;
/// Heartbeats a message stays in the cache: one more than the spec, for the core's batch and commit.
pub const HISTORY: usize = 6;
/// Heartbeats a message id is told of (spec).
pub const HISTORY_TOLD: usize = 3;
/// A verdict after this finds the message gone: [`HISTORY`] less the heartbeat under way.
pub const VERDICT_WITHIN: Duration = Duration::from_secs(5);
/// How long an id is known as seen (spec: 2 min). Not longer: this cache is bounded by time
/// only, and the store knows older ids.
pub const DUPLICATE_CACHE: Duration = Duration::from_secs(120);
/// How long pruned peers stay away (spec).
pub const PRUNE_BACKOFF: Duration = MINUTE;
/// The same after leaving a topic (spec).
pub const UNSUBSCRIBE_BACKOFF: Duration = Duration::from_secs(10);
/// A graft this soon after a prune costs double (spec).
pub const GRAFT_FLOOD: Duration = Duration::from_secs(10);
/// How long peers of a topic we only publish to are kept (spec).
pub const FANOUT: Duration = MINUTE;
/// An id promised by IHAVE must come within (spec); else P7.
pub const IWANT_WITHIN: Duration = Duration::from_secs(3);
/// Larger messages are announced with IDONTWANT (default of 0.50).
pub const IDONTWANT_BYTES: usize = 1000;
/// Messages queued per peer: 256 × 8 KiB = 2 MiB; the default of 5,000 × 64 KiB is 312 MiB.
/// Overflow drops the message for that peer and costs it slow-peer points.
pub const PEER_QUEUE: usize = 256;
/// A published message waits this long in that queue, then is dropped (default).
pub const PUBLISH_QUEUE_WAIT: Duration = Duration::from_secs(5);
/// A forwarded message waits this long, then is dropped (default).
pub const FORWARD_QUEUE_WAIT: Duration = SECOND;

// ---- Peer score ----

/// Below: no ids told or heard (Lotus).
pub const GOSSIP_THRESHOLD: f64 = -500.0;
/// Below: our own messages are not sent there (Lotus).
pub const PUBLISH_THRESHOLD: f64 = -1000.0;
/// Below: nothing it sends is read (Lotus); we also drop and refuse it for [`BAN`].
pub const GRAYLIST: f64 = -2500.0;
/// Peer exchange is not implemented in rust-libp2p; set so that nobody reaches it (Lotus).
pub const ACCEPT_PX_THRESHOLD: f64 = 1000.0;
/// Median mesh score below which better peers are grafted (Lotus).
pub const OPPORTUNISTIC_GRAFT: f64 = 3.5;
/// Counters fade in steps of this (spec).
pub const DECAY_INTERVAL: Duration = SECOND;
/// A counter below this is 0 (spec).
pub const DECAY_TO_ZERO: f64 = 0.01;
/// Scores of peers that left are kept so long, so that leaving washes nobody clean (Lotus).
pub const RETAIN_SCORE: Duration = Duration::from_secs(6 * 3600);
/// All topics together give at most this, so that P2 cannot pay for P4.
pub const TOPIC_SCORE_CAP: f64 = 100.0;
/// Weight of one topic (Lotus).
pub const TOPIC_WEIGHT: f64 = 0.1;
/// P1: at most 0.00027 × 3600 × 0.1 ≈ +0.1 for an hour in the mesh (Lotus); the default gives +1,800 in 3.6 s.
pub const TIME_IN_MESH_WEIGHT: f64 = 0.000_27;
/// P1: cap in seconds.
pub const TIME_IN_MESH_CAP: f64 = 3600.0;
/// P2: first deliveries, at most 5 × 100 × 0.1 = +50 (Lotus).
pub const FIRST_DELIVERIES_WEIGHT: f64 = 5.0;
/// P2: cap in messages.
pub const FIRST_DELIVERIES_CAP: f64 = 100.0;
/// P4: −100·n² for n invalid messages: five reach the graylist, a sixth also for a peer with +200 (Lotus).
pub const INVALID_WEIGHT: f64 = -1000.0;
/// P2, P4 and P7 fade to nothing over this (Lotus).
pub const SCORE_FADE: Duration = HOUR;
/// P6: peers per address that cost nothing, and the price of each one more, squared.
pub const COLOCATION_FREE: f64 = 4.0;
/// P6: weight (Lotus).
pub const COLOCATION_WEIGHT: f64 = -100.0;
/// P7: broken promises and early grafts that cost nothing (Lotus).
pub const BEHAVIOUR_FREE: f64 = 6.0;
/// P7: weight (Lotus).
pub const BEHAVIOUR_WEIGHT: f64 = -10.0;
/// Messages a peer was too slow to take: weight (Lighthouse).
pub const SLOW_PEER_WEIGHT: f64 = -10.0;
/// The same: what remains after a second (Lighthouse).
pub const SLOW_PEER_DECAY: f64 = 0.1;
/// P5: most the core may grant: 200 for an explicit friend and 50 for a trusted, proved identity.
pub const FAVOUR_MAX: f64 = 250.0;
/// P5: what one second over the rate costs.
pub const OVER_RATE_POINTS: f64 = 10.0;
/// P5: penalties stop adding up here, far below every threshold.
pub const PENALTY_MAX: f64 = 10_000.0;
/// P5: penalties fade to a hundredth over this, like P4.
pub const PENALTY_FADE: Duration = HOUR;

// ---- Rates per peer ----

/// New messages per second, sustained: a shard of 30 MB/day has about one.
pub const MESSAGES_PER_S: f64 = 20.0;
/// New messages at once: a neighbour that comes back with six seconds of cache.
pub const MESSAGES_BURST: f64 = 400.0;
/// New bytes per second, sustained.
pub const BYTES_PER_S: f64 = 256.0 * 1024.0;
/// New bytes at once.
pub const BYTES_BURST: f64 = 4.0 * 1024.0 * 1024.0;
/// This many times a sustained rate …
pub const FLOOD_FACTOR: f64 = 10.0;
/// … for this many seconds is a flood: disconnect and ban. It bounds the duplicate cache
/// to about 100,000 ids (10 MB) per attacker.
pub const FLOOD_SECONDS: u32 = 2;
/// How long a banned peer, and the address of a flooder, is refused.
pub const BAN: Duration = Duration::from_secs(600);
/// Bans held at once; the one that ends first gives way.
pub const BANS_MAX: usize = 4096;
/// Peers remembered after they left, so that reconnecting refills no bucket; the longest gone gives way.
pub const GONE_PEERS_MAX: usize = 1024;
/// How long they are remembered: every bucket is full again long before.
pub const GONE_PEERS_KEPT: Duration = Duration::from_secs(600);

// ---- Sync ----

/// Name of the protocol; the version of its frames is in it.
pub const SYNC_PROTOCOL: &str = "/heirloom/sync/1";
/// Longest frame in bytes, request or response.
pub const SYNC_FRAME_BYTES_MAX: usize = 32 * KIB;
/// A request must be answered within this: the core answers in its next batch, the rest is the line.
pub const SYNC_WITHIN: Duration = Duration::from_secs(10);
/// Exchanges per connection at once, both ways: the core asks one peer one thing at a time.
pub const SYNC_STREAMS: usize = 8;
/// Requests per second from one peer, sustained: 20 pages of 32 KiB are more than the core serves.
pub const SYNC_PER_S: f64 = 20.0;
/// Requests at once from one peer.
pub const SYNC_BURST: f64 = 200.0;
/// P5: what the core's blame costs a peer: bytes that were not canonical, or not signed. Five and it is out.
pub const SYNC_BLAME_POINTS: f64 = 500.0;

// ---- Connections ----

/// Established inbound connections.
pub const INBOUND_MAX: u32 = 64;
/// Established outbound connections: 11 of the address book, 2 anchors, 2 friends, 1 feeler.
pub const OUTBOUND_MAX: u32 = 16;
/// Inbound connections in their handshake.
pub const PENDING_INBOUND_MAX: u32 = 16;
/// Outbound connections in their handshake.
pub const PENDING_OUTBOUND_MAX: u32 = 16;
/// Connections per peer: one, and one more while both sides dialled at once.
pub const PER_PEER_MAX: u32 = 2;
/// Connections per IPv4 address or IPv6 /64. Not for loopback and private networks.
pub const PER_HOST_MAX: usize = 2;
/// Connections per IPv4 /24 or IPv6 /48. Not for loopback and private networks.
pub const PER_NETWORK_MAX: usize = 4;
/// Resident memory of the whole process above which no connection is begun.
///
/// The library reads `/proc/self/statm` (or the like) at most every 100 ms, so RocksDB and
/// librqbit count too; connections that exist stay.
pub const MEMORY_BYTES_MAX: usize = 400 * KIB * KIB;
/// A connection without streams is closed after this.
pub const IDLE: Duration = Duration::from_secs(30);
/// A peer that did not identify itself as one of ours by then is dropped.
pub const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// Dial and handshake together.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Inbound streams in negotiation per connection.
pub const NEGOTIATING_MAX: usize = 32;
/// Streams per connection, over yamux and QUIC; the defaults are 512 and 256.
pub const STREAMS_MAX: u32 = 64;
/// QUIC: unread bytes per stream. Frames of gossip and sync are below 32 KiB.
pub const QUIC_STREAM_BYTES: u32 = 512 * 1024;
/// QUIC: unread bytes per connection: 80 connections × 2 MiB stay below half of [`MEMORY_BYTES_MAX`]; the default is 15 MB.
pub const QUIC_CONNECTION_BYTES: u32 = 2 * 1024 * 1024;
/// A ping is sent this often …
pub const PING_EVERY: Duration = Duration::from_secs(15);
/// … and closes the connection when it is not answered within this.
pub const PING_WITHIN: Duration = Duration::from_secs(20);
/// First wait before a configured peer is dialled again.
pub const REDIAL_MIN: Duration = SECOND;
/// Longest wait before a configured peer is dialled again.
pub const REDIAL_MAX: Duration = Duration::from_secs(300);
/// A connection that lasted this long was a good one: the wait starts from the minimum.
pub const REDIAL_FORGIVE: Duration = MINUTE;
/// Peers of the local network dialled at once; more are ignored.
pub const MDNS_PEERS_MAX: usize = 32;

// ---- Channels and files ----

/// Commands queued; the sender waits when full.
pub const COMMANDS_QUEUED: usize = 256;
/// Events queued; gossip beyond is dropped with `Ignore`: 256 × 8 KiB = 2 MiB.
pub const EVENTS_QUEUED: usize = 256;
/// Own messages kept until a subscriber comes; the oldest gives way: 256 × 8 KiB = 2 MiB.
pub const UNSENT_MAX: usize = 256;
/// … and for how long: gossip carries nothing older than an hour, the rest travels by sync.
pub const UNSENT_KEPT: Duration = HOUR;
/// The transport key is replaced after 30 days, so that it does not become a second identity.
pub const KEY_AGE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often scores, hellos and penalties are looked at.
pub const TICK: Duration = SECOND;
/// How long a start waits for the addresses of the interfaces after the ports are bound.
pub const LISTEN_WITHIN: Duration = Duration::from_secs(5);
/// How long a stop waits for connections to close, and again for ports to be free.
pub const CLOSE_WITHIN: Duration = SECOND;
/// How often it looks whether they are.
pub const CLOSE_POLL: Duration = Duration::from_millis(20);
/// What identify must say for a peer to be one of ours.
pub const PROTOCOL: &str = "/heirloom/1";

/// Checks what the user may choose.
pub(super) fn check(config: &Config) -> Result<(), StartError> {
    let refuse = |text: String| Err(StartError::Parameters(text));
    if config.max_message_bytes == 0 || config.max_message_bytes > MESSAGE_BYTES_MAX {
        return refuse(format!("message size {} is not in 1..={MESSAGE_BYTES_MAX}", config.max_message_bytes));
    }
    if config.topics.len() > TOPICS_MAX {
        return refuse(format!("{} topics are more than {TOPICS_MAX}", config.topics.len()));
    }
    if let Some(topic) = config.topics.iter().find(|topic| topic.is_empty() || topic.len() > TOPIC_BYTES_MAX) {
        return refuse(format!("topic {topic:?} has {} bytes, not 1..={TOPIC_BYTES_MAX}", topic.len()));
    }
    Ok(())
}
