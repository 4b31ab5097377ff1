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
/// A published message waits this long in that queue, then is dropped; the default is 5 s.
///
/// Longer than [`PING_EVERY`]: the handler of a second connection that became the only one, as after a hole was punched,
/// is not woken by its first message (code: `handler.rs` asks `is_empty`, which registers nobody), only by the next ping.
pub const PUBLISH_QUEUE_WAIT: Duration = Duration::from_secs(20);
/// A forwarded message waits this long, then is dropped, for the same reason; the default is 1 s.
pub const FORWARD_QUEUE_WAIT: Duration = Duration::from_secs(20);

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
/// P7: weight. A hundredth of Lotus's: a node that is short of processor time answers late, and at −10 two dozen late
/// answers made honest peers ban each other while attackers burdened them. Who promises what it does not have
/// names up to [`CONTROL_IDS_MAX`] ids at once, and is still out with the first such message.
pub const BEHAVIOUR_WEIGHT: f64 = -0.1;
/// Messages a peer was too slow to take: weight. A full queue that runs out at once, as when either machine stood still for
/// a moment, must not reach [`GOSSIP_THRESHOLD`]: Lighthouse's −10 goes with its graylist of −16,000, and here it banned honest
/// peers of a busy node.
pub const SLOW_PEER_WEIGHT: f64 = -1.0;
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
/// Exchanges per connection and protocol at once, both ways: the core asks one peer one thing at a time.
pub const SYNC_STREAMS: usize = 8;
/// Requests per second from one peer, sustained: 20 pages of 32 KiB are more than the core serves.
pub const SYNC_PER_S: f64 = 20.0;
/// Requests at once from one peer.
pub const SYNC_BURST: f64 = 200.0;
/// P5: what the core's blame costs a peer: bytes that were not canonical, or not signed. Five and it is out.
pub const SYNC_BLAME_POINTS: f64 = 500.0;

// ---- Lookups ----

/// Name of the protocol; the version of its frames is in it. Frames are as long as those of sync.
pub const LOOKUP_PROTOCOL: &str = "/heirloom/lookup/1";
/// Questions about works per second from one peer, sustained: somebody who looks at one work after another.
pub const LOOKUP_PER_S: f64 = 2.0;
/// The same at once.
pub const LOOKUP_BURST: f64 = 20.0;
/// Seeks under way at once: what the core may order, one for each id of each work. One more is over at once.
pub const SEEKS_MAX: usize = 256;
/// Places held of one seek: more than it may dial, so that a network of many addresses does not push out the others.
pub const SOUGHT_PLACES_MAX: usize = 64;
/// Places dialled for one seek: twice what is asked, since announcing a work is free and many may lead nowhere.
pub const SOUGHT_DIALS_MAX: usize = 16;
/// Outbound places, of those that [`BOOK_OUTBOUND_MAX`] leaves, for peers that are to be asked about a work. They are
/// held as briefly as it takes, so that announcing works gains no lasting place.
pub const SOUGHT_OUTBOUND_MAX: usize = 4;
/// A dial that has not ended after this holds up no other: most hosts that live answer sooner.
pub const SOUGHT_DIAL: Duration = SECOND;
/// A seek is over after this: a dial, the other way of dialling, and a hello.
pub const SEEK_WITHIN: Duration = Duration::from_secs(15);
/// How long a peer that was found is kept for a question that does not come.
pub const SOUGHT_KEPT: Duration = Duration::from_secs(3);

// ---- Identity ----

/// Name of the protocol by which friends recognise each other; the version of its frames is in it.
pub const IDENTITY_PROTOCOL: &str = "/heirloom/identity/1";
/// Exchanges of it per connection at once: one each way, and one that is being closed.
pub const IDENTITY_STREAMS: usize = 4;
/// Asks who we are per second from one peer, sustained: a peer asks once a connection, and each costs us some 0.3 ms.
pub const IDENTITY_PER_S: f64 = 0.1;
/// Such asks at once from one peer.
pub const IDENTITY_BURST: f64 = 5.0;

// ---- Artwork ----

/// Name of the protocol by which peers give each other pictures; the version of its frames is in it.
pub const ARTWORK_PROTOCOL: &str = heirloom_proto::artwork::PROTOCOL;
/// Exchanges of it per connection at once: the core asks a peer for one picture at a time. Four answers take two megabytes.
pub const ARTWORK_STREAMS: usize = 4;
/// Asks for pictures per second from one peer, sustained: twice as fast as a core asks. At 100 KiB each 100 KiB a second.
pub const ARTWORK_PER_S: f64 = 1.0;
/// Such asks at once from one peer.
pub const ARTWORK_BURST: f64 = 20.0;

// ---- Connections ----

/// Established inbound connections.
pub const INBOUND_MAX: u32 = 64;
/// Established outbound connections: 11 of the address book, 2 anchors, 2 friends, 1 feeler.
pub const OUTBOUND_MAX: u32 = 16;
/// Inbound connections in their handshake.
pub const PENDING_INBOUND_MAX: u32 = 16;
/// The same for one address of loopback or a private network, where [`PER_HOST_MAX`] does not hold: room for many nodes on
/// one machine, and for a neighbour beside one that is broken. Elsewhere a host and a network have as many as connections.
pub const PENDING_PER_NEIGHBOUR_MAX: usize = PENDING_INBOUND_MAX as usize * 3 / 4;
/// Outbound connections in their handshake.
pub const PENDING_OUTBOUND_MAX: u32 = 16;
/// Connections per peer: one, and one more while both sides dialled at once.
pub const PER_PEER_MAX: u32 = 2;
/// Connections per IPv4 address or IPv6 /64. Not for loopback and private networks.
pub const PER_HOST_MAX: usize = 2;
/// Connections per IPv4 /24 or IPv6 /48. Not for loopback and private networks.
pub const PER_NETWORK_MAX: usize = 4;
/// Resident memory of the whole process above which no connection is begun, unless chosen otherwise.
///
/// The library reads `/proc/self/statm` (or the like) at most every 100 ms, so RocksDB and
/// librqbit count too; connections that exist stay.
pub const MEMORY_BYTES_MAX: usize = 400 * KIB * KIB;
/// A connection without streams is closed after this.
pub const IDLE: Duration = Duration::from_secs(30);
/// A peer that did not identify itself as one of ours by then is dropped.
pub const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// A peer of ours has so long to subscribe. It does so at once, unless the process that it knew was killed and came back
/// unnoticed: then the connection is closed, to begin anew.
pub const TELL_WITHIN: Duration = Duration::from_secs(10);
/// A peer that speaks gossipsub but calls itself something else may be another program for our network: it has so long
/// to subscribe to one of our topics.
pub const SUBSCRIBE_WITHIN: Duration = Duration::from_secs(30);
/// What every version of gossipsub's protocol name begins with.
pub const GOSSIPSUB_PREFIX: &str = "/meshsub/";
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

// ---- Finding peers ----

/// Outbound places for peers from the address book, anchors among them; with [`FRIENDS_OUTBOUND`] and a feeler, three of
/// [`OUTBOUND_MAX`] are left to `--peer` and the local network.
pub const BOOK_OUTBOUND_MAX: usize = 10;
/// Outbound places for friends beyond those: whoever fills all others, these are not theirs (`security.md` T14).
pub const FRIENDS_OUTBOUND: usize = 2;
/// A claimed place that nobody has tried is tried this often although there is no place for it, and left again at once:
/// so the memory holds places that are known to be good when one is needed (Bitcoin Core).
pub const FEELER_EVERY: Duration = Duration::from_secs(2 * 60);
/// A feeler whose peer has not said hello by then has found nobody.
pub const FEELER_WITHIN: Duration = Duration::from_secs(15);
/// Outbound places for peers learned from the DHT: a quarter of [`OUTBOUND_MAX`], because announcing there is free.
pub const DHT_OUTBOUND_MAX: usize = OUTBOUND_MAX as usize / 4;
/// The same for peers that dialled us first, which is as free: nobody fills our outbound places by coming in.
pub const HELLO_OUTBOUND_MAX: usize = DHT_OUTBOUND_MAX;
/// Book dials under way at once, two to a place that is tried both ways: dead hosts hold one for up to [`CONNECT_WITHIN`],
/// and a quarter of [`PENDING_OUTBOUND_MAX`] stays free for other dials.
pub const BOOK_DIALS_MAX: usize = 12;
/// Book dials begun at one tick: a lookup's answer does not become a burst of handshakes, and with dead places that
/// answer nothing for [`QUIC_HANDSHAKE`] some two a second can be tried.
pub const BOOK_DIALS_PER_TICK: usize = 3;
/// Dials of the book to machines of others that may come to nothing …
pub const WASTED_DIALS_MAX: usize = 20;
/// … within this. Not counted on loopback and private networks, where there are no others.
pub const WASTED_WITHIN: Duration = MINUTE;
/// Addresses held that were never met: twice what one lookup brings (20 nodes with some 10 to 50 each),
/// about 100 KiB. Overflow: those that failed go first, then those of the most crowded network.
pub const FRESH_MAX: usize = 512;
/// The same per IPv4 /24 or IPv6 /48: room for a provider's customers, not for one attacker's ports.
pub const FRESH_PER_NETWORK_MAX: usize = 8;
/// The same per IPv4 address or IPv6 /64: two households behind one address.
pub const FRESH_PER_HOST_MAX: usize = 2;
/// Peers remembered across restarts, some 25 KiB of file: twenty times the outbound places. Overflow: those that only
/// dialled us go first, then the longest not met.
pub const MET_MAX: usize = 256;
/// The same per IPv4 /24 or IPv6 /48, so that no network fills the memory.
pub const MET_PER_NETWORK_MAX: usize = 4;
/// A peer that was not met for this long is forgotten.
pub const MET_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// Peers of the last run that are dialled before all others: two that were connected for long (Bitcoin Core).
pub const ANCHORS: usize = 2;
/// First wait before an address that never answered is dialled again; four times as long after each failure …
pub const FRESH_WAIT_MIN: Duration = MINUTE;
/// … up to this, and as long for who is not one of ours.
pub const FRESH_WAIT_MAX: Duration = Duration::from_secs(6 * 3600);
/// An address that never answered is forgotten after so many failures.
pub const FRESH_FAILURES_MAX: u32 = 4;
/// First wait before a peer once met is dialled again; doubled after each failure …
pub const MET_WAIT_MIN: Duration = Duration::from_secs(5);
/// … up to this.
pub const MET_WAIT_MAX: Duration = HOUR;
/// Addresses taken from one command: what a lookup can bring; more are ignored.
pub const CANDIDATES_MAX: usize = 512;
/// Ports taken from a peer's own hello: one for each transport.
pub const HELLO_PORTS_MAX: usize = 2;
/// Least time between two writes of the book.
pub const BOOK_SAVE_EVERY: Duration = Duration::from_secs(10);
/// The book is written this often although nobody new was met: times and anchors age.
pub const BOOK_REFRESH_EVERY: Duration = Duration::from_secs(10 * 60);
/// Longest file of peers that is read.
pub const BOOK_BYTES_MAX: u64 = 64 * KIB as u64;
/// A second connection that came later than this was not dialled from both sides at once: whose was first is then as
/// plain to the one side as to the other, since no handshake's last message takes so long.
pub const BOTH_DIALLED_WITHIN: Duration = Duration::from_secs(3);
/// Two connections that were dialled from both sides at once are kept for so long: until both have told their
/// subscriptions, each over the one that it saw first.
pub const DOUBLE_KEPT: Duration = Duration::from_secs(5);
/// A peer that keeps a second connection to us for this long after it should have closed it does not know of the first: it was killed and started again.
pub const GHOST_AFTER: Duration = Duration::from_secs(2);
/// To a place of which no way is known QUIC goes first, and TCP as well if QUIC is not there after this: a good host answers
/// sooner, and who looks at a page waits no longer for one that TCP alone reaches (RFC 8305 §5 advises this wait).
pub const SECOND_WAY_AFTER: Duration = Duration::from_millis(250);
/// QUIC: longest handshake. Three round trips of a satellite link; a dead host costs no more.
pub const QUIC_HANDSHAKE: Duration = Duration::from_secs(5);

// ---- NAT and relays ----

/// Wait before the first question whether we can be reached: identify has told our addresses by then.
pub const NAT_ASK_AFTER: Duration = Duration::from_secs(15);
/// Wait between two questions while the answer is not sure, and after one for which there was nobody to ask: at the first,
/// a node that has just started often has no peer yet. At 90 s it said for two minutes that nothing is known.
pub const NAT_ASK_UNSURE: Duration = Duration::from_secs(20);
/// Least time between two questions to one peer, which has to dial for each.
pub const NAT_ASK_ONE: Duration = Duration::from_secs(90);
/// Wait between two questions once it is: addresses at home change daily, not by the minute.
pub const NAT_ASK_SURE: Duration = Duration::from_secs(30 * 60);
/// Answers that agree before it is sure (default).
pub const NAT_SURE: usize = 3;
/// Addresses of one asker that we try to dial.
pub const NAT_DIALS_PER_ASK: usize = 4;
/// Questions of others that we answer by dialling, per [`NAT_ANSWERS_WITHIN`]: with [`NAT_DIALS_PER_ASK`] at most 40
/// dials a minute, each only to the address that the asker itself connects from.
pub const NAT_ANSWERS_MAX: usize = 10;
/// The same per peer.
pub const NAT_ANSWERS_PER_PEER_MAX: usize = 2;
/// See [`NAT_ANSWERS_MAX`].
pub const NAT_ANSWERS_WITHIN: Duration = MINUTE;
/// Relays that a node behind NAT holds a place at: one, and one in case it goes.
pub const RELAYS_WANTED: usize = 2;
/// Least time between two attempts to get a place at a relay.
pub const RELAY_ASK_EVERY: Duration = Duration::from_secs(30);
/// Places that we give to others while we can be reached: half of [`INBOUND_MAX`], since each holds a connection.
pub const RELAY_PLACES_MAX: usize = 32;
/// How long a place lasts unless renewed (default).
pub const RELAY_PLACE_LASTS: Duration = HOUR;
/// Circuits that we carry at once …
pub const CIRCUITS_MAX: usize = 8;
/// … and for one peer.
pub const CIRCUITS_PER_PEER_MAX: usize = 2;
/// How long one lasts: time to punch a hole, or to sync.
pub const CIRCUIT_LASTS: Duration = Duration::from_secs(10 * 60);
/// Bytes that one carries either way: 8 circuits × 512 KiB in 10 min are 7 kB/s at most.
pub const CIRCUIT_BYTES_MAX: u64 = 512 * 1024;
/// Addresses of one dial: two of ours, four of AutoNAT's, and what a peer names to punch a hole. A dial with more is
/// somebody's attempt to have us knock at many doors, and is not made.
pub const ADDRESSES_PER_DIAL_MAX: usize = 8;
/// Relayed connections: they have no address that limits per network could count.
pub const RELAYED_MAX: usize = 8;

// ---- Local network ----

/// How often the local network is asked (default; a node that comes announces itself).
pub const MDNS_EVERY: Duration = Duration::from_secs(5 * 60);
/// How long an answer holds (default).
pub const MDNS_TTL: Duration = Duration::from_secs(6 * 60);

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
/// Tries for a port that is free for TCP and UDP; on a machine with few ports in use the first one is.
pub const PORT_TRIES: usize = 8;
/// How often the bytes of the transport are read: adding up a few sums is microseconds.
pub const TRAFFIC_EVERY: Duration = SECOND;
/// How often scores, hellos and penalties are looked at.
pub const TICK: Duration = SECOND;
/// How long a start waits for the addresses of the interfaces after the ports are bound.
pub const LISTEN_WITHIN: Duration = Duration::from_secs(5);
/// How long a stop waits for connections to close, and again for ports to be free.
pub const CLOSE_WITHIN: Duration = SECOND;
/// How often it looks whether they are.
pub const CLOSE_POLL: Duration = Duration::from_millis(20);
/// What identify says of a peer that is one of ours. Other programs are known by their subscriptions.
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
