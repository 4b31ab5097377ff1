//! From a configuration to a running task: checks, key, ports, in this order, so
//! that a refusal leaves nothing running.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    sync::Arc,
    time::{Instant, SystemTime},
};

use libp2p::{Multiaddr, Swarm, core::transport::ListenerId, metrics::Registry};
use tokio::sync::{mpsc, watch};

use super::{
    Config, Event, P2p, Shared, StartError,
    behaviour::{self, Behaviour},
    calling_off::Calls,
    finding::Finding,
    key,
    netgroup::{self, Socket},
    params,
    reach::{self, Reach},
    redial::{self, Origin},
    sink::Sink,
    traffic::Traffic,
    worker::Worker,
};

/// See [`P2p::start`].
pub(super) async fn start(config: Config) -> Result<(P2p, mpsc::Receiver<Event>), StartError> {
    params::check(&config)?;
    for address in &config.peers {
        check_peer(address)?;
    }
    // A few hundred bytes, once: not worth a blocking thread.
    let key = key::load_or_make(&config.key_file, SystemTime::now(), params::KEY_AGE_MAX)?;
    let peer_id = key.public().to_peer_id();
    let shared = Arc::new(Shared::default());
    let mut registry = Registry::default();
    let calls = Calls::default();
    let mut swarm = behaviour::swarm(&config, key, &shared, &mut registry, &calls)?;
    let traffic = Traffic::of(registry);
    let listen_on = share_ports(&config.listen);
    let listeners = listen_on.iter().map(|address| listen(&mut swarm, address)).collect::<Result<Vec<_>, _>>()?;

    let now = Instant::now();
    let (sink, events) = Sink::new();
    let (listening_in, listening) = watch::channel(Vec::new());
    let finding = Finding::new(config.peers_file, config.own_ground, calls, now);
    let reach = Reach::new(config.nat);
    let parts = (Arc::clone(&shared), listening_in, finding, reach, traffic);
    let mut worker = Worker::new(swarm, sink, parts, config.topics, config.max_message_bytes, now);
    worker.await_listening(listeners).await;
    for address in config.peers {
        worker.keep_dialling(address, Origin::Configured, now);
    }
    let (commands, queue) = mpsc::channel(params::COMMANDS_QUEUED);
    let task = tokio::spawn(worker.run(queue));
    Ok((P2p { commands, shared, listening, peer_id, task }, events))
}

fn check_peer(address: &Multiaddr) -> Result<(), StartError> {
    if can_dial(address) { Ok(()) } else { Err(StartError::Address { address: address.clone() }) }
}

/// Whether a peer could ever be dialled there: at an IP address over TCP or QUIC, or over a relay at one. Names could not be:
/// the build has no DNS.
#[must_use]
pub fn can_dial(address: &Multiaddr) -> bool {
    reach::is_dialable_circuit(address) || netgroup::socket_of(&redial::without_id(address)).is_some()
}

/// Whether it is an address that could be listened on: an IP address with TCP or QUIC.
#[must_use]
pub fn can_listen_on(address: &Multiaddr) -> bool {
    netgroup::socket_of(address).is_some()
}

/// Chooses one port for TCP and QUIC where any would do for both on one IP address: the DHT's rendezvous tells one
/// port, and whoever reads it tries both ways there.
fn share_ports(listen: &[Multiaddr]) -> Vec<Multiaddr> {
    let mut addresses = listen.to_vec();
    let any_port = |address: &Multiaddr| netgroup::socket_of(address).filter(|socket| socket.at().port() == 0);
    for at in 0..addresses.len() {
        let Some(Socket::Tcp(tcp)) = any_port(&addresses[at]) else { continue };
        let twin = addresses.iter().position(|other| any_port(other) == Some(Socket::Quic(tcp)));
        if let (Some(twin), Some(port)) = (twin, free_port(tcp.ip())) {
            let place = SocketAddr::new(tcp.ip(), port);
            addresses[at] = netgroup::address_of(Socket::Tcp(place));
            addresses[twin] = netgroup::address_of(Socket::Quic(place));
        }
    }
    addresses
}

/// A port that is free for TCP and UDP, if a few tries find one.
fn free_port(ip: IpAddr) -> Option<u16> {
    (0..params::PORT_TRIES).find_map(|_| {
        let tcp = TcpListener::bind((ip, 0)).ok()?;
        let port = tcp.local_addr().ok()?.port();
        UdpSocket::bind((ip, port)).ok().map(|_| port)
    })
}

fn listen(swarm: &mut Swarm<Behaviour>, address: &Multiaddr) -> Result<ListenerId, StartError> {
    probe(address)?;
    swarm
        .listen_on(address.clone())
        .map_err(|error| StartError::Listen { address: address.clone(), reason: error.to_string() })
}

/// Whether the port of one of our addresses could be bound again.
pub(super) fn is_free(address: &Multiaddr) -> bool {
    probe(&redial::without_id(address)).is_ok()
}

/// Binds the port and lets it go.
///
/// libp2p binds TCP with `SO_REUSEPORT`, so a second node of the same user would get the
/// port too and take every other connection. This bind has no such option and fails.
fn probe(address: &Multiaddr) -> Result<(), StartError> {
    let socket = netgroup::socket_of(address).ok_or_else(|| StartError::Address { address: address.clone() })?;
    let (at, bound) = match socket {
        Socket::Tcp(at) => (at, TcpListener::bind(at).map(drop)),
        Socket::Quic(at) => (at, UdpSocket::bind(at).map(drop)),
    };
    bound.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse { address: address.clone(), socket: at },
        _ => StartError::Listen { address: address.clone(), reason: error.to_string() },
    })
}
