//! What the swarm says, routed to where it belongs: connections, addresses and the
//! small protocols. Gossip has its own way in `worker`.

use std::time::Instant;

use libp2p::{
    Multiaddr, PeerId,
    core::ConnectedPoint,
    identify, mdns, ping,
    swarm::{ConnectionId, ListenError, SwarmEvent},
};

use super::{
    Direction, Event, Learned,
    behaviour::BehaviourEvent,
    exchange::Protocol,
    netgroup, params,
    redial::Origin,
    worker::{Worker, chance},
};

impl Worker {
    pub(super) fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>, now: Instant) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event, now),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, num_established, .. } => {
                self.on_established(peer_id, connection_id, &endpoint, num_established.get() == 1, now);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.on_unlink(peer_id, connection_id, num_established == 0, now);
                if num_established == 0 {
                    self.on_closed(peer_id, now);
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if self.book_dial_failed(connection_id, &error, now) {
                    // It was not one of those below.
                } else if let Some(target) = self.dials.remove(&connection_id) {
                    self.dial_failed(target, &error, now);
                }
            }
            SwarmEvent::IncomingConnectionError { error, .. } => {
                tracing::debug!(%error, "inbound connection failed");
                if matches!(error, ListenError::Denied { .. }) {
                    self.shared.counters.refused.one();
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => self.on_address(address),
            SwarmEvent::ExpiredListenAddr { address, .. } => self.on_address_gone(address),
            SwarmEvent::ListenerClosed { listener_id, addresses, reason } => {
                self.on_listener_closed(listener_id);
                if let Err(error) = reason {
                    tracing::warn!(%error, ?addresses, "listener closed");
                }
                addresses.into_iter().for_each(|address| self.on_address_gone(address));
            }
            SwarmEvent::ListenerError { error, .. } => tracing::debug!(%error, "listener error"),
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent, now: Instant) {
        match event {
            BehaviourEvent::Gossipsub(event) => self.on_gossipsub(event, now),
            BehaviourEvent::Sync(event) => self.on_exchange(Protocol::Sync, event, now),
            BehaviourEvent::Lookup(event) => self.on_lookup(event, now),
            BehaviourEvent::Identity(event) => self.on_exchange(Protocol::Identity, event, now),
            BehaviourEvent::Artwork(event) => self.on_exchange(Protocol::Artwork, event, now),
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                if info.protocol_version == params::PROTOCOL {
                    self.peers.greeted(&peer_id);
                    self.on_protocols(peer_id, info.protocols.iter().map(AsRef::as_ref));
                    self.on_hello(peer_id, &info.listen_addrs, now);
                    self.seek(now);
                } else if info.protocols.iter().any(|name| name.as_ref().starts_with(params::GOSSIPSUB_PREFIX)) {
                    self.peers.foreign(&peer_id);
                } else {
                    self.drop_stranger(peer_id, now);
                }
            }
            BehaviourEvent::Identify(_) => {}
            BehaviourEvent::Ping(ping::Event { result: Err(error), connection, .. }) => {
                // Nothing else would notice that the other end of a TCP connection is gone.
                if !matches!(error, ping::Failure::Unsupported) {
                    self.swarm.close_connection(connection);
                }
            }
            BehaviourEvent::Ping(_) => {}
            BehaviourEvent::Mdns(mdns::Event::Discovered(found))
            | BehaviourEvent::Mdns6(mdns::Event::Discovered(found)) => {
                for (_, address) in found {
                    self.keep_dialling(address, Origin::LocalNetwork, now);
                }
            }
            BehaviourEvent::Mdns(mdns::Event::Expired(gone)) | BehaviourEvent::Mdns6(mdns::Event::Expired(gone)) => {
                gone.iter().for_each(|(_, address)| self.redial.remove_local(address));
            }
            BehaviourEvent::Autonat(event) => self.on_autonat(&event),
            BehaviourEvent::Relay(event) => self.on_relay(&event),
            BehaviourEvent::RelayClient(event) => tracing::debug!(?event, "relay"),
            BehaviourEvent::Dcutr(event) => self.on_dcutr(&event),
            BehaviourEvent::Gate(never) | BehaviourEvent::Limits(never) | BehaviourEvent::Memory(never) => {
                match never {}
            }
        }
    }

    fn on_established(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        endpoint: &ConnectedPoint,
        first: bool,
        now: Instant,
    ) {
        let ordered = match self.dials.remove(&connection) {
            Some(Some(target)) => Some(self.redial.reached(target, peer)),
            Some(None) => Some(Learned::Configured),
            None => None,
        };
        self.on_link(peer, connection, endpoint, ordered, now);
        self.redial.peer_up(peer, now);
        if !first {
            return;
        }
        let address = endpoint.get_remote_address().clone();
        self.peers.up(peer, netgroup::ip_of(&address), now);
        self.count_peers();
        let direction = if endpoint.is_dialer() { Direction::Outbound } else { Direction::Inbound };
        tracing::debug!(%peer, %address, ?direction, "peer up");
        self.sink.deliver(Event::PeerUp { peer, address, direction });
        // A peer that comes back brings its standing along.
        self.judge(peer, now);
    }

    fn on_closed(&mut self, peer: PeerId, now: Instant) {
        self.peers.down(&peer, now);
        self.forget_relay(peer);
        self.count_peers();
        self.redial.peer_down(peer, now, chance());
        tracing::debug!(%peer, "peer down");
        self.sink.deliver(Event::PeerDown { peer });
    }

    fn on_address(&mut self, address: Multiaddr) {
        let Ok(address) = address.with_p2p(*self.swarm.local_peer_id()) else {
            return;
        };
        self.on_own_address(&address);
        tracing::info!(%address, "listening");
        self.listening.send_modify(|all| {
            if !all.contains(&address) {
                all.push(address.clone());
            }
        });
        self.sink.deliver(Event::Listening(address));
    }

    fn on_address_gone(&mut self, address: Multiaddr) {
        let Ok(address) = address.with_p2p(*self.swarm.local_peer_id()) else {
            return;
        };
        self.listening.send_modify(|all| all.retain(|other| *other != address));
        self.sink.deliver(Event::NotListening(address));
    }
}
