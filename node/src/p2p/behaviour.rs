//! The protocols this node speaks, put together, and the swarm that carries them.
//!
//! Refusals stand first: what they refuse, the others never see.

use std::{collections::BTreeSet, io, net::IpAddr, sync::Arc};

use libp2p::{
    PeerId, Swarm, SwarmBuilder, Transport as _, autonat, connection_limits,
    core::{muxing::StreamMuxerBox, transport::Boxed, upgrade},
    dcutr,
    gossipsub::{
        self, DataTransform, IdentTopic, MaxCountSubscriptionFilter, MessageAuthenticity, RawMessage, TopicHash,
        WhitelistSubscriptionFilter,
    },
    identify,
    identity::Keypair,
    mdns, memory_connection_limits,
    metrics::Registry,
    noise, ping, quic, relay,
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
    tcp,
};

use super::{
    Config, Shared, StartError, Structural,
    calling_off::{Callable, Calls},
    carrying::Carrying,
    exchange::{Exchange, Protocol},
    gate::Gate,
    netgroup, params, reach,
    socks::Socks,
    tuning,
};

pub(super) type Gossipsub = gossipsub::Behaviour<Form, MaxCountSubscriptionFilter<WhitelistSubscriptionFilter>>;

/// All protocols; `BehaviourEvent` is made from it.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub gate: Gate,
    pub limits: connection_limits::Behaviour,
    pub memory: memory_connection_limits::Behaviour,
    pub gossipsub: Gossipsub,
    pub sync: Exchange,
    pub lookup: Exchange,
    pub identity: Exchange,
    pub artwork: Exchange,
    pub identify: identify::Behaviour,
    pub ping: ping::Behaviour,
    pub mdns: Toggle<mdns::tokio::Behaviour>,
    /// The library asks over one version of IP only.
    pub mdns6: Toggle<mdns::tokio::Behaviour>,
    pub autonat: autonat::Behaviour,
    pub relay: Carrying,
    pub relay_client: relay::client::Behaviour,
    pub dcutr: dcutr::Behaviour,
}

/// The check of form, run on every message before anything remembers it. A failure is P4.
pub(super) struct Form {
    topics: BTreeSet<String>,
    max_message_bytes: usize,
    structural: Structural,
    shared: Arc<Shared>,
}

impl DataTransform for Form {
    fn inbound_transform(&self, raw: RawMessage) -> Result<gossipsub::Message, io::Error> {
        // Gossipsub would remember and score messages on topics we never joined.
        let well_formed = self.topics.contains(raw.topic.as_str())
            && raw.data.len() <= self.max_message_bytes
            && (self.structural)(raw.topic.as_str(), &raw.data);
        if !well_formed {
            self.shared.counters.malformed.one();
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        Ok(gossipsub::Message {
            source: raw.source,
            data: raw.data,
            sequence_number: raw.sequence_number,
            topic: raw.topic,
        })
    }

    fn outbound_transform(&self, _: &TopicHash, data: Vec<u8>) -> Result<Vec<u8>, io::Error> {
        Ok(data)
    }
}

/// The swarm, not yet listening.
/// What the transport sends and receives is counted in the registry.
pub(super) fn swarm(
    config: &Config,
    key: Keypair,
    shared: &Arc<Shared>,
    registry: &mut Registry,
    calls: &Calls,
) -> Result<Swarm<Behaviour>, StartError> {
    let gossipsub = gossipsub(config, shared)?;
    let transport = |error: &dyn std::fmt::Display| StartError::Transport(error.to_string());
    if let Some(proxy) = config.proxy.clone() {
        return swarm_by_proxy(config, key, gossipsub, registry, proxy);
    }
    let direct = Callable::new(direct(&key)?, calls.clone());
    let swarm = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_other_transport(|_| direct)
        .map_err(|error| transport(&error))?
        .with_relay_client(noise::Config::new, tuning::yamux)
        .map_err(|error| transport(&error))?
        .with_bandwidth_metrics(registry)
        .with_behaviour(|key, relay_client| behaviour(config, key, gossipsub, relay_client))
        .map_err(|error| transport(&error))?
        .with_swarm_config(bounded)
        .with_connection_timeout(params::CONNECT_WITHIN)
        .build();
    Ok(swarm)
}

/// TCP, encrypted by Noise, and QUIC.
fn direct(key: &Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, StartError> {
    let noise = noise::Config::new(key).map_err(|error| StartError::Transport(error.to_string()))?;
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(upgrade::Version::V1Lazy)
        .authenticate(noise)
        .multiplex(tuning::yamux())
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    let quic = quic::tokio::Transport::new(tuning::quic(quic::Config::new(key)))
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    Ok(tcp.or_transport(quic).map(|either, _| either.into_inner()).boxed())
}

/// The same, which dials through a proxy and knows no other way.
fn swarm_by_proxy(
    config: &Config,
    key: Keypair,
    gossipsub: Gossipsub,
    registry: &mut Registry,
    proxy: Socks,
) -> Result<Swarm<Behaviour>, StartError> {
    let transport = |error: &dyn std::fmt::Display| StartError::Transport(error.to_string());
    let noise = noise::Config::new(&key).map_err(|error| transport(&error))?;
    let swarm = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_other_transport(|_| {
            proxy.upgrade(upgrade::Version::V1Lazy).authenticate(noise).multiplex(tuning::yamux())
        })
        .map_err(|error| transport(&error))?
        .with_relay_client(noise::Config::new, tuning::yamux)
        .map_err(|error| transport(&error))?
        .with_bandwidth_metrics(registry)
        .with_behaviour(|key, relay_client| behaviour(config, key, gossipsub, relay_client))
        .map_err(|error| transport(&error))?
        .with_swarm_config(bounded)
        .with_connection_timeout(params::CONNECT_WITHIN)
        .build();
    Ok(swarm)
}

fn bounded(swarm: libp2p::swarm::Config) -> libp2p::swarm::Config {
    swarm.with_idle_connection_timeout(params::IDLE).with_max_negotiating_inbound_streams(params::NEGOTIATING_MAX)
}

fn behaviour(
    config: &Config,
    key: &Keypair,
    gossipsub: Gossipsub,
    relay_client: relay::client::Behaviour,
) -> Behaviour {
    let identify = identify::Config::new(params::PROTOCOL.into(), key.public())
        // Nothing that tells versions or machines apart.
        .with_agent_version("heirloom".into())
        // Addresses that strangers claim are not dialled; the address book takes those they come from.
        .with_cache_size(0);
    let ping = ping::Config::new().with_interval(params::PING_EVERY).with_timeout(params::PING_WITHIN);
    let local = key.public().to_peer_id();
    Behaviour {
        gate: Gate::default(),
        limits: connection_limits::Behaviour::new(tuning::connection_limits()),
        memory: memory_connection_limits::Behaviour::with_max_bytes(config.memory_bytes_max),
        gossipsub,
        sync: Protocol::Sync.exchange(),
        lookup: Protocol::Lookup.exchange(),
        identity: Protocol::Identity.exchange(),
        artwork: Protocol::Artwork.exchange(),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::new(ping),
        mdns: asks_neighbours(config, IpAddr::is_ipv4).then(|| mdns(local, false)).flatten().into(),
        mdns6: asks_neighbours(config, IpAddr::is_ipv6).then(|| mdns(local, true)).flatten().into(),
        autonat: reach::autonat(local),
        relay: Carrying::new(reach::relay(local)),
        relay_client,
        dcutr: dcutr::Behaviour::new(local),
    }
}

fn gossipsub(config: &Config, shared: &Arc<Shared>) -> Result<Gossipsub, StartError> {
    let form = Form {
        topics: config.topics.iter().cloned().collect(),
        max_message_bytes: config.max_message_bytes,
        structural: Arc::clone(&config.structural),
        shared: Arc::clone(shared),
    };
    let mut gossipsub = Gossipsub::new_with_subscription_filter_and_transform(
        MessageAuthenticity::Anonymous,
        tuning::gossip(&config.topics, config.max_message_bytes)?,
        tuning::subscriptions(&config.topics),
        form,
    )
    .map_err(|error| StartError::Parameters(error.into()))?;
    gossipsub
        .with_peer_score(tuning::peer_score(&config.topics), tuning::thresholds())
        .map_err(StartError::Parameters)?;
    for topic in &config.topics {
        gossipsub
            .subscribe(&IdentTopic::new(topic))
            .map_err(|error| StartError::Parameters(format!("topic {topic}: {error}")))?;
    }
    Ok(gossipsub)
}

/// Neighbours cannot dial what listens on loopback alone, or not over this version of IP, and need not be told.
fn asks_neighbours(config: &Config, is_version: impl Fn(&IpAddr) -> bool) -> bool {
    let mut listens = config.listen.iter().filter_map(netgroup::ip_of);
    config.mdns && listens.any(|ip| is_version(&ip) && !ip.to_canonical().is_loopback())
}

/// A machine without a usable interface still has its configured peers, so this is no error.
fn mdns(peer_id: PeerId, enable_ipv6: bool) -> Option<mdns::tokio::Behaviour> {
    let config = mdns::Config { ttl: params::MDNS_TTL, query_interval: params::MDNS_EVERY, enable_ipv6 };
    mdns::tokio::Behaviour::new(config, peer_id)
        .inspect_err(|error| tracing::warn!(%error, "the local network is not searched for peers"))
        .ok()
}
