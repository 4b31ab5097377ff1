//! From a configuration to a running task: checks, key, ports, in this order, so
//! that a refusal leaves nothing running.

use std::{
    io,
    net::{TcpListener, UdpSocket},
    sync::Arc,
    time::{Instant, SystemTime},
};

use libp2p::{Multiaddr, Swarm, core::transport::ListenerId};
use tokio::sync::{mpsc, watch};

use super::{
    Config, Event, P2p, Shared, StartError,
    behaviour::{self, Behaviour},
    key,
    netgroup::{self, Socket},
    params,
    redial::{self, Origin},
    sink::Sink,
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
    let mut swarm = behaviour::swarm(&config, key, &shared)?;
    let listeners = config.listen.iter().map(|address| listen(&mut swarm, address)).collect::<Result<Vec<_>, _>>()?;

    let now = Instant::now();
    let (sink, events) = Sink::new();
    let (listening_in, listening) = watch::channel(Vec::new());
    let mut worker =
        Worker::new(swarm, sink, Arc::clone(&shared), listening_in, config.topics, config.max_message_bytes, now);
    worker.await_listening(listeners).await;
    for address in config.peers {
        worker.keep_dialling(address, Origin::Configured, now);
    }
    let (commands, queue) = mpsc::channel(params::COMMANDS_QUEUED);
    let task = tokio::spawn(worker.run(queue));
    Ok((P2p { commands, shared, listening, peer_id, task }, events))
}

/// A name could never be dialled: the build has no DNS. Better said now than every five minutes.
fn check_peer(address: &Multiaddr) -> Result<(), StartError> {
    match netgroup::socket_of(&redial::without_id(address)) {
        Some(_) => Ok(()),
        None => Err(StartError::Address { address: address.clone() }),
    }
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
