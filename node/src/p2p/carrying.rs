//! The relay that this node is for others, with two faults of the library's kept from it.
//!
//! It takes a place at another relay for a way to be reached directly, and would offer itself although nobody can dial
//! it. And when it begins or ceases to offer itself it says so on every connection, also on those over a relay, where
//! nobody listens: that is a panic. So addresses over a relay are hidden from it, and what it says there is dropped.

use std::{
    collections::BTreeSet,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    relay,
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm,
    },
};

use super::reach;

/// See the module.
pub(super) struct Carrying {
    relay: relay::Behaviour,
    /// Connections over another's relay.
    relayed: BTreeSet<ConnectionId>,
}

impl Carrying {
    pub fn new(relay: relay::Behaviour) -> Self {
        Self { relay, relayed: BTreeSet::new() }
    }
}

impl NetworkBehaviour for Carrying {
    type ConnectionHandler = <relay::Behaviour as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = relay::Event;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.relay.handle_pending_inbound_connection(connection, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if reach::is_circuit(local) {
            self.relayed.insert(connection);
        }
        self.relay.handle_established_inbound_connection(connection, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.relay.handle_pending_outbound_connection(connection, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if reach::is_circuit(address) {
            self.relayed.insert(connection);
        }
        self.relay.handle_established_outbound_connection(connection, peer, address, role, port_use)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match &event {
            FromSwarm::ExternalAddrConfirmed(confirmed) if reach::is_circuit(confirmed.addr) => return,
            FromSwarm::ConnectionClosed(closed) => {
                self.relayed.remove(&closed.connection_id);
            }
            // A connection that another protocol refused after this one had seen it.
            FromSwarm::DialFailure(failed) => {
                self.relayed.remove(&failed.connection_id);
            }
            FromSwarm::ListenFailure(failed) => {
                self.relayed.remove(&failed.connection_id);
            }
            _ => {}
        }
        self.relay.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, event: THandlerOutEvent<Self>) {
        self.relay.on_connection_handler_event(peer, connection, event);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            match self.relay.poll(context) {
                Poll::Ready(ToSwarm::NotifyHandler { handler: NotifyHandler::One(connection), .. })
                    if self.relayed.contains(&connection) => {}
                other => return other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::task::noop_waker;
    use libp2p::{
        core::ConnectedPoint,
        multiaddr::Protocol,
        swarm::behaviour::{ConnectionEstablished, ExternalAddrConfirmed},
    };

    fn confirm(carrying: &mut Carrying, addr: &Multiaddr) {
        carrying.on_swarm_event(FromSwarm::ExternalAddrConfirmed(ExternalAddrConfirmed { addr }));
    }

    /// What it does now, counted: events to the node, words to connections.
    fn doings(carrying: &mut Carrying) -> (usize, usize) {
        let waker = noop_waker();
        let (mut events, mut words) = (0, 0);
        while let Poll::Ready(doing) = carrying.poll(&mut Context::from_waker(&waker)) {
            match doing {
                ToSwarm::GenerateEvent(_) => events += 1,
                ToSwarm::NotifyHandler { .. } => words += 1,
                _ => {}
            }
        }
        (events, words)
    }

    #[test]
    fn a_place_at_a_relay_makes_nobody_a_relay_and_nothing_is_said_over_one() {
        let (local, peer) = (PeerId::random(), PeerId::random());
        let mut carrying = Carrying::new(reach::relay(local));
        let direct: Multiaddr = "/ip4/203.0.113.1/udp/7341/quic-v1".parse().expect("a multiaddr");
        let circuit = direct.clone().with(Protocol::P2p(peer)).with(Protocol::P2pCircuit);
        for (number, address) in [(1, &direct), (2, &circuit)] {
            let connection_id = ConnectionId::new_unchecked(number);
            let send_back: Multiaddr = "/ip4/198.51.100.1/udp/1/quic-v1".parse().expect("a multiaddr");
            let made = carrying.handle_established_inbound_connection(connection_id, peer, address, &send_back);
            made.expect("not refused");
            let endpoint = ConnectedPoint::Listener { local_addr: address.clone(), send_back_addr: send_back };
            carrying.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id: peer,
                connection_id,
                endpoint: &endpoint,
                failed_addresses: &[],
                other_established: 0,
            }));
        }
        confirm(&mut carrying, &circuit);
        assert_eq!(doings(&mut carrying), (0, 0));
        confirm(&mut carrying, &direct);
        assert_eq!(doings(&mut carrying), (1, 1), "it offers itself, on the direct connection");
    }
}
