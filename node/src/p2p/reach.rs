//! Whether others can reach us, and how they can when they cannot: AutoNAT asks, relays carry, DCUtR punches holes.
//!
//! A node that can be reached carries others within its limits; one behind NAT holds places at
//! [`params::RELAYS_WANTED`] relays. Nobody is a relay who does not know that it can be reached.

use std::{collections::BTreeSet, num::NonZeroU32, time::Instant};

use libp2p::{Multiaddr, PeerId, autonat, core::transport::ListenerId, dcutr, multiaddr::Protocol, relay};

use super::{netgroup, params, redial::without_id, worker::Worker};

/// Whether others can dial us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nat {
    /// Nobody has said yet.
    #[default]
    Unknown,
    /// Peers reached us.
    Public,
    /// Peers could not reach us.
    Private,
}

impl Nat {
    /// The word that `status` prints.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

/// What we know of our own reach.
#[derive(Debug, Default)]
pub(super) struct Reach {
    pub nat: Nat,
    /// Set by the configuration: peers are not believed about it.
    is_fixed: bool,
    /// Peers that said they carry others.
    relays: BTreeSet<PeerId>,
    /// Places held or asked for, at most [`params::RELAYS_WANTED`].
    places: Vec<(ListenerId, PeerId)>,
    asked: Option<Instant>,
}

impl Reach {
    pub fn new(fixed: Option<Nat>) -> Self {
        Self { nat: fixed.unwrap_or_default(), is_fixed: fixed.is_some(), ..Self::default() }
    }

    /// Relays where we have, or asked for, a place.
    pub fn places(&self) -> usize {
        self.places.len()
    }
}

/// AutoNAT with its limits.
pub(super) fn autonat(local: PeerId) -> autonat::Behaviour {
    autonat::Behaviour::new(
        local,
        autonat::Config {
            timeout: params::CONNECT_WITHIN * 3,
            boot_delay: params::NAT_ASK_AFTER,
            refresh_interval: params::NAT_ASK_SURE,
            retry_interval: params::NAT_ASK_UNSURE,
            throttle_server_period: params::NAT_ASK_ONE,
            use_connected: true,
            confidence_max: params::NAT_SURE,
            max_peer_addresses: params::NAT_DIALS_PER_ASK,
            throttle_clients_global_max: params::NAT_ANSWERS_MAX,
            throttle_clients_peer_max: params::NAT_ANSWERS_PER_PEER_MAX,
            throttle_clients_period: params::NAT_ANSWERS_WITHIN,
            // Loopback and private networks say nothing about NAT.
            only_global_ips: true,
        },
    )
}

/// The relay with its limits. It offers itself only while an address of ours is confirmed.
pub(super) fn relay(local: PeerId) -> relay::Behaviour {
    let per_minute = NonZeroU32::MIN.saturating_add(9);
    let config = relay::Config {
        max_reservations: params::RELAY_PLACES_MAX,
        max_reservations_per_peer: 1,
        reservation_duration: params::RELAY_PLACE_LASTS,
        reservation_rate_limiters: Vec::new(),
        max_circuits: params::CIRCUITS_MAX,
        max_circuits_per_peer: params::CIRCUITS_PER_PEER_MAX,
        max_circuit_duration: params::CIRCUIT_LASTS,
        max_circuit_bytes: params::CIRCUIT_BYTES_MAX,
        circuit_src_rate_limiters: Vec::new(),
    };
    let config = config
        .reservation_rate_per_peer(per_minute, params::WASTED_WITHIN)
        .circuit_src_per_peer(per_minute, params::WASTED_WITHIN);
    relay::Behaviour::new(local, config)
}

impl Worker {
    pub(super) fn on_autonat(&mut self, event: &autonat::Event) {
        if let autonat::Event::StatusChanged { new, .. } = event
            && !self.reach.is_fixed
        {
            self.reach.nat = match new {
                autonat::NatStatus::Public(_) => Nat::Public,
                autonat::NatStatus::Private => Nat::Private,
                autonat::NatStatus::Unknown => Nat::Unknown,
            };
            tracing::info!(nat = self.reach.nat.as_str(), "reach");
        }
    }

    pub(super) fn on_relay(&mut self, event: &relay::Event) {
        match event {
            relay::Event::ReservationReqAccepted { renewed: false, .. } => self.shared.counters.relay_places.one(),
            relay::Event::CircuitReqAccepted { .. } => self.shared.counters.circuits.one(),
            relay::Event::ReservationReqDenied { .. } | relay::Event::CircuitReqDenied { .. } => {
                self.shared.counters.relay_refused.one();
            }
            _ => {}
        }
    }

    pub(super) fn on_dcutr(&mut self, event: &dcutr::Event) {
        match &event.result {
            Ok(_) => self.shared.counters.holes_punched.one(),
            Err(error) => tracing::debug!(peer = %event.remote_peer_id, %error, "no hole punched"),
        }
    }

    /// A peer said what it speaks.
    pub(super) fn on_protocols<'a>(&mut self, peer: PeerId, mut protocols: impl Iterator<Item = &'a str>) {
        let hop = relay::HOP_PROTOCOL_NAME;
        if protocols.any(|protocol| hop == protocol) {
            self.reach.relays.insert(peer);
        } else {
            self.reach.relays.remove(&peer);
        }
    }

    pub(super) fn forget_relay(&mut self, peer: PeerId) {
        self.reach.relays.remove(&peer);
    }

    /// A new address of ours. One that the configuration calls public needs nobody's word.
    pub(super) fn on_own_address(&mut self, address: &Multiaddr) {
        if self.reach.is_fixed && self.reach.nat == Nat::Public && !is_circuit(address) {
            self.swarm.add_external_address(without_id(address));
        }
    }

    pub(super) fn on_listener_closed(&mut self, listener: ListenerId) {
        self.reach.places.retain(|(other, _)| *other != listener);
    }

    /// Once a tick: a node behind NAT looks for relays among the peers that it dialled itself.
    pub(super) fn seek_relay(&mut self, now: Instant) {
        let is_soon = self.reach.asked.is_some_and(|asked| now < asked + params::RELAY_ASK_EVERY);
        if self.reach.nat != Nat::Private || self.reach.places.len() >= params::RELAYS_WANTED || is_soon {
            return;
        }
        let may = |peer: PeerId| {
            self.reach.relays.contains(&peer) && !self.reach.places.iter().any(|(_, other)| *other == peer)
        };
        let links = self.finding.links.iter();
        let relay = links.map(|(_, link)| link).find(|link| link.is_dialer && !link.is_relayed && may(link.peer));
        let Some((peer, address)) = relay.map(|link| (link.peer, without_id(&link.address))) else { return };
        self.reach.asked = Some(now);
        let address = address.with(Protocol::P2p(peer)).with(Protocol::P2pCircuit);
        match self.swarm.listen_on(address) {
            Ok(listener) => {
                self.reach.places.push((listener, peer));
            }
            Err(error) => tracing::debug!(%peer, %error, "no place at a relay"),
        }
    }
}

/// Whether an address leads over a relay.
pub(super) fn is_circuit(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// The relay's own address, of one that leads over it to a peer: `/ip…/p2p/<relay>/p2p-circuit/p2p/<peer>`.
pub(super) fn is_dialable_circuit(address: &Multiaddr) -> bool {
    let parts: Vec<_> = address.iter().collect();
    let Some(at) = parts.iter().position(|part| *part == Protocol::P2pCircuit) else { return false };
    let (relay, rest) = parts.split_at(at);
    let [socket @ .., Protocol::P2p(_)] = relay else { return false };
    let socket: Multiaddr = socket.iter().cloned().collect();
    netgroup::socket_of(&socket).is_some() && matches!(rest, [_, Protocol::P2p(_)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_way_over_a_relay_can_be_dialled() {
        let (relay, peer) = (PeerId::random(), PeerId::random());
        let address = |text: String| -> Multiaddr { text.parse().expect("a multiaddr") };
        let whole = address(format!("/ip4/127.0.0.1/tcp/1/p2p/{relay}/p2p-circuit/p2p/{peer}"));
        assert!(is_circuit(&whole) && is_dialable_circuit(&whole));
        for part in [
            format!("/ip4/127.0.0.1/tcp/1/p2p/{relay}/p2p-circuit"),
            format!("/ip4/127.0.0.1/tcp/1/p2p-circuit/p2p/{peer}"),
            format!("/p2p/{relay}/p2p-circuit/p2p/{peer}"),
            format!("/ip4/127.0.0.1/tcp/1/p2p/{relay}"),
        ] {
            assert!(!is_dialable_circuit(&address(part.clone())), "{part}");
        }
    }
}
