//! The parameter sets of libp2p, made from the numbers in `params` and nothing else.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use libp2p::{
    connection_limits::ConnectionLimits,
    gossipsub::{
        self, MaxCountSubscriptionFilter, MessageId, PeerScoreParams, PeerScoreThresholds, TopicHash, TopicScoreParams,
        ValidationMode, WhitelistSubscriptionFilter, score_parameter_decay_with_base,
    },
    quic, yamux,
};
use sha2::{Digest, Sha256};

use super::{StartError, params::*};

/// The gossipsub configuration for these topics.
pub(super) fn gossip(topics: &[String], max_message_bytes: usize) -> Result<gossipsub::Config, StartError> {
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
    builder.build().map_err(|error| StartError::Parameters(error.to_string()))
}

/// The id of a message: SHA-256 over the whole envelope, so that a copy with a forged
/// signature, sent first, is another message and cannot censor the real one.
pub(super) fn message_id(envelope: &[u8]) -> MessageId {
    MessageId::from(Sha256::digest(envelope).to_vec())
}

/// The only topics peers may subscribe to, and how many.
pub(super) fn subscriptions(topics: &[String]) -> MaxCountSubscriptionFilter<WhitelistSubscriptionFilter> {
    MaxCountSubscriptionFilter {
        filter: WhitelistSubscriptionFilter(topics.iter().map(TopicHash::from_raw).collect::<HashSet<_>>()),
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
        topics: topics.iter().map(|topic| (TopicHash::from_raw(topic), topic_score())).collect::<HashMap<_, _>>(),
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
    config.handshake_timeout = QUIC_HANDSHAKE;
    config.max_concurrent_stream_limit = STREAMS_MAX;
    config.max_stream_data = QUIC_STREAM_BYTES;
    config.max_connection_data = QUIC_CONNECTION_BYTES;
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> Vec<String> {
        vec!["/heirloom/1/head/0".into(), "/heirloom/1/attestation/0".into()]
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
        assert!(matches!(config.validation_mode(), ValidationMode::Anonymous));
        assert_eq!((config.mesh_n(), config.mesh_n_low(), config.mesh_n_high()), (8, 6, 12));
        assert_eq!((config.retain_scores(), config.mesh_outbound_min()), (6, 3));
        assert_eq!((config.history_length(), config.history_gossip()), (6, 3));
        assert_eq!(config.duplicate_cache_time(), Duration::from_secs(120));
        assert_eq!(config.connection_handler_queue_len(), 256);
        assert_eq!(config.max_publish_messages(), RPC_MESSAGES_MAX);
        assert!(!config.do_px() && config.flood_publish() && !config.support_floodsub());
        for topic in topics() {
            let topic = TopicHash::from_raw(topic);
            assert_eq!(config.max_transmit_size_for_topic(&topic), MESSAGE_BYTES_MAX + RPC_OVERHEAD_BYTES);
            assert_eq!(config.mesh_n_for_topic(&topic), MESH, "a topic size must not bring back default mesh sizes");
        }
    }

    #[test]
    fn a_full_rpc_fits_behind_a_full_read_buffer() {
        let config = gossip(&topics(), MESSAGE_BYTES_MAX).expect("valid");
        let read_at_once = 8 * KIB;
        assert!(config.max_transmit_size() >= MESSAGE_BYTES_MAX + RPC_OVERHEAD_BYTES + read_at_once);
        const { assert!(CONTROL_IDS_MAX * 34 + TOPIC_BYTES_MAX + 16 <= MESSAGE_BYTES_MAX) };
    }

    #[test]
    fn six_invalid_messages_graylist_even_a_friend() {
        let of = |invalid: f64| TOPIC_WEIGHT * INVALID_WEIGHT * invalid * invalid;
        let best =
            TOPIC_WEIGHT * (TIME_IN_MESH_WEIGHT * TIME_IN_MESH_CAP + FIRST_DELIVERIES_WEIGHT * FIRST_DELIVERIES_CAP);
        assert!(of(5.0) <= GRAYLIST, "five bring a stranger to the edge");
        assert!(of(6.0) + TOPIC_SCORE_CAP.min(best) + FAVOUR_MAX < GRAYLIST);
        assert!(of(1.0) > GOSSIP_THRESHOLD, "one fault is forgiven");
    }

    #[test]
    fn late_answers_are_forgiven_and_a_promise_of_everything_is_not() {
        assert!(SLOW_PEER_WEIGHT * PEER_QUEUE as f64 > GOSSIP_THRESHOLD, "a whole queue that was not taken");
        let of = |broken: f64| BEHAVIOUR_WEIGHT * (broken - BEHAVIOUR_FREE).powi(2);
        assert!(of(60.0) > GOSSIP_THRESHOLD, "a minute of late answers cuts nobody off");
        assert!(of(CONTROL_IDS_MAX as f64) + TOPIC_SCORE_CAP + FAVOUR_MAX < GRAYLIST, "one IHAVE full of lies does");
    }

    #[test]
    fn counters_fade_within_their_time() {
        let left = decay_over(SCORE_FADE).powf(SCORE_FADE.as_secs_f64());
        assert!((left - DECAY_TO_ZERO).abs() < 1e-6, "{left}");
    }

    #[test]
    fn the_id_covers_every_byte() {
        assert_ne!(message_id(b"envelope+signature"), message_id(b"envelope+signaturf"));
        assert_eq!(message_id(b"x").0.len(), 32);
    }

    #[test]
    fn loopback_is_not_colocation() {
        let score = peer_score(&topics());
        assert!(score.ip_colocation_factor_whitelist.contains(&IpAddr::from([127, 0, 0, 1])));
        assert!(!score.ip_colocation_factor_whitelist.contains(&IpAddr::from([8, 8, 8, 8])));
    }
}
