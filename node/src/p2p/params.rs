//! Every number of the adapter, each with its reason and source, and the libp2p
//! parameter sets made from them. Nothing is left at a library default in silence:
//! the defaults of gossipsub punish nobody and queue 312 MiB per slow peer.
//!
//! "Lotus" is Filecoin's node, whose topics are as slow as ours; "spec" is the
//! GossipSub v1.1 specification; "code" is the source of libp2p-gossipsub 0.50.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use libp2p::{
    connection_limits::ConnectionLimits,
    gossipsub::{
        self, MaxCountSubscriptionFilter, MessageId, PeerScoreParams, PeerScoreThresholds,
        TopicHash, TopicScoreParams, ValidationMode, WhitelistSubscriptionFilter,
        score_parameter_decay_with_base,
    },
    quic, yamux,
};
use sha2::{Digest, Sha256};

use super::{Config, StartError};

const KIB: usize = 1024;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

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
        return refuse(format!(
            "message size {} is not in 1..={MESSAGE_BYTES_MAX}",
            config.max_message_bytes
        ));
    }
    if config.topics.len() > TOPICS_MAX {
        return refuse(format!(
            "{} topics are more than {TOPICS_MAX}",
            config.topics.len()
        ));
    }
    if let Some(topic) = config
        .topics
        .iter()
        .find(|topic| topic.is_empty() || topic.len() > TOPIC_BYTES_MAX)
    {
        return refuse(format!(
            "topic {topic:?} has {} bytes, not 1..={TOPIC_BYTES_MAX}",
            topic.len()
        ));
    }
    Ok(())
}

/// The gossipsub configuration for these topics.
pub(super) fn gossip(
    topics: &[String],
    max_message_bytes: usize,
) -> Result<gossipsub::Config, StartError> {
    let message_max = max_message_bytes + RPC_OVERHEAD_BYTES;
    let mut builder = gossipsub::ConfigBuilder::default();
    builder
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(|message| message_id(&message.data))
        .max_transmit_size(message_max + RPC_READ_AHEAD_BYTES)
        .max_publish_messages(RPC_MESSAGES_MAX)
        .max_control_message_size(CONTROL_BYTES_MAX)
        .max_control_messages_sent(CONTROL_IDS_MAX)
        .max_ihave_messages_heartbeat(IHAVE_PER_HEARTBEAT)
        .mesh_n(MESH)
        .mesh_n_low(MESH_LOW)
        .mesh_n_high(MESH_HIGH)
        .retain_scores(MESH_BY_SCORE)
        .mesh_outbound_min(MESH_OUTBOUND)
        .gossip_lazy(GOSSIP_LAZY)
        .gossip_factor(GOSSIP_FACTOR)
        .heartbeat_initial_delay(HEARTBEAT)
        .heartbeat_interval(HEARTBEAT)
        .history_length(HISTORY)
        .history_gossip(HISTORY_TOLD)
        .duplicate_cache_time(DUPLICATE_CACHE)
        .prune_backoff(PRUNE_BACKOFF)
        .unsubscribe_backoff(UNSUBSCRIBE_BACKOFF)
        .backoff_slack(1)
        .graft_flood_threshold(GRAFT_FLOOD)
        .opportunistic_graft_ticks(60)
        .opportunistic_graft_peers(2)
        .gossip_retransimission(3)
        .iwant_followup_time(IWANT_WITHIN)
        .fanout_ttl(FANOUT)
        .check_explicit_peers_ticks(300)
        // Eclipse is the greater danger: an own message goes to every subscriber. Receipts, which would show habits, are not pushed.
        .flood_publish(true)
        // Peer exchange is not implemented in rust-libp2p.
        .prune_peers(0)
        // Anonymous messages have no source to compare with.
        .allow_self_origin(false)
        .idontwant_message_size_threshold(IDONTWANT_BYTES)
        .idontwant_on_publish(false)
        .connection_handler_queue_len(PEER_QUEUE)
        .publish_queue_duration(PUBLISH_QUEUE_WAIT)
        .forward_queue_duration(FORWARD_QUEUE_WAIT);
    for topic in topics {
        builder.max_transmit_size_for_topic(message_max, TopicHash::from_raw(topic));
    }
    builder
        .build()
        .map_err(|error| StartError::Parameters(error.to_string()))
}

/// The id of a message: SHA-256 over the whole envelope, so that a copy with a forged
/// signature, sent first, is another message and cannot censor the real one.
pub(super) fn message_id(envelope: &[u8]) -> MessageId {
    MessageId::from(Sha256::digest(envelope).to_vec())
}

/// The only topics peers may subscribe to, and how many.
pub(super) fn subscriptions(
    topics: &[String],
) -> MaxCountSubscriptionFilter<WhitelistSubscriptionFilter> {
    MaxCountSubscriptionFilter {
        filter: WhitelistSubscriptionFilter(
            topics
                .iter()
                .map(TopicHash::from_raw)
                .collect::<HashSet<_>>(),
        ),
        max_subscribed_topics: PEER_TOPICS_MAX,
        max_subscriptions_per_request: PEER_TOPICS_MAX,
    }
}

fn decay_over(time: Duration) -> f64 {
    score_parameter_decay_with_base(time, DECAY_INTERVAL, DECAY_TO_ZERO)
}

/// Score parameters of one topic.
pub(super) fn topic_score() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: TOPIC_WEIGHT,
        time_in_mesh_weight: TIME_IN_MESH_WEIGHT,
        time_in_mesh_quantum: SECOND,
        time_in_mesh_cap: TIME_IN_MESH_CAP,
        first_message_deliveries_weight: FIRST_DELIVERIES_WEIGHT,
        first_message_deliveries_decay: decay_over(SCORE_FADE),
        first_message_deliveries_cap: FIRST_DELIVERIES_CAP,
        // P3 and P3b are off, as in Lotus: with less than a message a second a silent peer is no
        // worse than a quiet topic. A threshold of 0 also keeps the sticky counter at 0.
        mesh_message_deliveries_weight: 0.0,
        mesh_message_deliveries_decay: decay_over(SCORE_FADE),
        mesh_message_deliveries_cap: 1.0,
        mesh_message_deliveries_threshold: 0.0,
        mesh_message_deliveries_window: Duration::from_millis(10),
        mesh_message_deliveries_activation: HOUR,
        mesh_failure_penalty_weight: 0.0,
        mesh_failure_penalty_decay: decay_over(SCORE_FADE),
        invalid_message_deliveries_weight: INVALID_WEIGHT,
        invalid_message_deliveries_decay: decay_over(SCORE_FADE),
    }
}

/// Score parameters of a peer.
pub(super) fn peer_score(topics: &[String]) -> PeerScoreParams {
    PeerScoreParams {
        topics: topics
            .iter()
            .map(|topic| (TopicHash::from_raw(topic), topic_score()))
            .collect::<HashMap<_, _>>(),
        topic_score_cap: TOPIC_SCORE_CAP,
        app_specific_weight: 1.0,
        ip_colocation_factor_weight: COLOCATION_WEIGHT,
        ip_colocation_factor_threshold: COLOCATION_FREE,
        ip_colocation_factor_whitelist: loopback(),
        behaviour_penalty_weight: BEHAVIOUR_WEIGHT,
        behaviour_penalty_threshold: BEHAVIOUR_FREE,
        behaviour_penalty_decay: decay_over(SCORE_FADE),
        decay_interval: DECAY_INTERVAL,
        decay_to_zero: DECAY_TO_ZERO,
        retain_score: RETAIN_SCORE,
        slow_peer_weight: SLOW_PEER_WEIGHT,
        slow_peer_threshold: 0.0,
        slow_peer_decay: SLOW_PEER_DECAY,
    }
}

/// Addresses that P6 does not count. The library takes single addresses, no networks.
fn loopback() -> HashSet<IpAddr> {
    let v4 = (1..=254).map(|host| IpAddr::from(Ipv4Addr::new(127, 0, 0, host)));
    v4.chain([IpAddr::from(Ipv6Addr::LOCALHOST)]).collect()
}

/// What a peer loses at which score.
pub(super) fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: GOSSIP_THRESHOLD,
        publish_threshold: PUBLISH_THRESHOLD,
        graylist_threshold: GRAYLIST,
        accept_px_threshold: ACCEPT_PX_THRESHOLD,
        opportunistic_graft_threshold: OPPORTUNISTIC_GRAFT,
    }
}

/// Connection counts; those per address are in `gate`.
pub(super) fn connection_limits() -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(PENDING_INBOUND_MAX))
        .with_max_pending_outgoing(Some(PENDING_OUTBOUND_MAX))
        .with_max_established_incoming(Some(INBOUND_MAX))
        .with_max_established_outgoing(Some(OUTBOUND_MAX))
        .with_max_established(Some(INBOUND_MAX + OUTBOUND_MAX))
        .with_max_established_per_peer(Some(PER_PEER_MAX))
}

/// The multiplexer over TCP. Its window of 1 GiB per connection cannot be set; its streams can.
pub(super) fn yamux() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(STREAMS_MAX as usize);
    config
}

/// Limits of QUIC.
pub(super) fn quic(mut config: quic::Config) -> quic::Config {
    config.max_concurrent_stream_limit = STREAMS_MAX;
    config.max_stream_data = QUIC_STREAM_BYTES;
    config.max_connection_data = QUIC_CONNECTION_BYTES;
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> Vec<String> {
        vec![
            "/heirloom/1/head/0".into(),
            "/heirloom/1/attestation/0".into(),
        ]
    }

    #[test]
    fn score_parameters_are_valid() {
        peer_score(&topics()).validate().expect("peer score");
        topic_score().validate().expect("topic score");
        thresholds().validate().expect("thresholds");
    }

    #[test]
    fn gossip_configuration_says_what_it_should() {
        let config = gossip(&topics(), MESSAGE_BYTES_MAX).expect("valid");
        assert!(config.validate_messages());
        assert!(matches!(
            config.validation_mode(),
            ValidationMode::Anonymous
        ));
        assert_eq!(
            (config.mesh_n(), config.mesh_n_low(), config.mesh_n_high()),
            (8, 6, 12)
        );
        assert_eq!((config.retain_scores(), config.mesh_outbound_min()), (6, 3));
        assert_eq!((config.history_length(), config.history_gossip()), (6, 3));
        assert_eq!(config.duplicate_cache_time(), Duration::from_secs(120));
        assert_eq!(config.connection_handler_queue_len(), 256);
        assert_eq!(config.max_publish_messages(), RPC_MESSAGES_MAX);
        assert!(!config.do_px() && config.flood_publish() && !config.support_floodsub());
        for topic in topics() {
            let topic = TopicHash::from_raw(topic);
            assert_eq!(
                config.max_transmit_size_for_topic(&topic),
                MESSAGE_BYTES_MAX + RPC_OVERHEAD_BYTES
            );
            assert_eq!(
                config.mesh_n_for_topic(&topic),
                MESH,
                "a topic size must not bring back default mesh sizes"
            );
        }
    }

    #[test]
    fn a_full_rpc_fits_behind_a_full_read_buffer() {
        let config = gossip(&topics(), MESSAGE_BYTES_MAX).expect("valid");
        let read_at_once = 8 * KIB;
        assert!(
            config.max_transmit_size() >= MESSAGE_BYTES_MAX + RPC_OVERHEAD_BYTES + read_at_once
        );
        assert!(CONTROL_IDS_MAX * 34 + TOPIC_BYTES_MAX + 16 <= MESSAGE_BYTES_MAX);
    }

    #[test]
    fn six_invalid_messages_graylist_even_a_friend() {
        let of = |invalid: f64| TOPIC_WEIGHT * INVALID_WEIGHT * invalid * invalid;
        let best = TOPIC_WEIGHT
            * (TIME_IN_MESH_WEIGHT * TIME_IN_MESH_CAP
                + FIRST_DELIVERIES_WEIGHT * FIRST_DELIVERIES_CAP);
        assert!(of(5.0) <= GRAYLIST, "five bring a stranger to the edge");
        assert!(of(6.0) + TOPIC_SCORE_CAP.min(best) + FAVOUR_MAX < GRAYLIST);
        assert!(of(1.0) > GOSSIP_THRESHOLD, "one fault is forgiven");
    }

    #[test]
    fn counters_fade_within_their_time() {
        let left = decay_over(SCORE_FADE).powf(SCORE_FADE.as_secs_f64());
        assert!((left - DECAY_TO_ZERO).abs() < 1e-6, "{left}");
    }

    #[test]
    fn the_id_covers_every_byte() {
        assert_ne!(
            message_id(b"envelope+signature"),
            message_id(b"envelope+signaturf")
        );
        assert_eq!(message_id(b"x").0.len(), 32);
    }

    #[test]
    fn loopback_is_not_colocation() {
        let score = peer_score(&topics());
        assert!(
            score
                .ip_colocation_factor_whitelist
                .contains(&IpAddr::from([127, 0, 0, 1]))
        );
        assert!(
            !score
                .ip_colocation_factor_whitelist
                .contains(&IpAddr::from([8, 8, 8, 8]))
        );
    }
}
