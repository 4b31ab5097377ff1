//! Who may connect: limits per host and network, and bans. A behaviour without a
//! protocol; the connection counts that know no addresses are the library's.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fmt,
    net::IpAddr,
    task::{Context, Poll},
    time::Instant,
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
        ToSwarm, dummy,
    },
};

use super::{
    netgroup::{self, Host, Network},
    params, reach,
};

/// Why a connection was refused here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    PeerBanned,
    AddressBanned,
    HostFull,
    NetworkFull,
    RelaysFull,
    HandshakesFull,
    TooManyAddresses,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PeerBanned => "the peer is banned",
            Self::AddressBanned => "the address is banned",
            Self::HostFull => "too many connections with this host",
            Self::NetworkFull => "too many connections with this network",
            Self::RelaysFull => "too many connections over relays",
            Self::HandshakesFull => "too many handshakes with this host or network",
            Self::TooManyAddresses => "too many addresses for one dial",
        })
    }
}

impl std::error::Error for Refusal {}

/// Bans by peer and by address, and the addresses of the connections there are.
#[derive(Debug, Default)]
pub(super) struct Gate {
    connections: BTreeMap<ConnectionId, IpAddr>,
    relayed: BTreeSet<ConnectionId>,
    /// Inbound ones in their handshake. As many as [`params::PENDING_INBOUND_MAX`], which the library keeps.
    arriving: BTreeMap<ConnectionId, IpAddr>,
    peers: BTreeMap<PeerId, Instant>,
    addresses: BTreeMap<IpAddr, Instant>,
}

impl Gate {
    /// Refuses a peer until `now` + [`params::BAN`].
    pub fn ban_peer(&mut self, peer: PeerId, now: Instant) {
        ban(&mut self.peers, peer, now);
    }

    /// Refuses an address until `now` + [`params::BAN`]; not one of our own ground,
    /// where one bad neighbour would lock out all others.
    pub fn ban_address(&mut self, ip: IpAddr, now: Instant) {
        if netgroup::groups(ip).is_some() {
            ban(&mut self.addresses, ip.to_canonical(), now);
        }
    }

    /// Whether a peer is refused.
    pub fn is_banned(&self, peer: &PeerId, now: Instant) -> bool {
        self.check_peer(peer, now).is_err()
    }

    /// Forgets bans that have ended.
    pub fn expire(&mut self, now: Instant) {
        self.peers.retain(|_, until| *until > now);
        self.addresses.retain(|_, until| *until > now);
    }

    fn check_peer(&self, peer: &PeerId, now: Instant) -> Result<(), Refusal> {
        if self.peers.get(peer).is_some_and(|until| *until > now) { Err(Refusal::PeerBanned) } else { Ok(()) }
    }

    fn check_address(&self, ip: Option<IpAddr>, now: Instant) -> Result<(), Refusal> {
        let Some(ip) = ip else { return Ok(()) };
        let Some((host, network)) = netgroup::groups(ip) else {
            return Ok(());
        };
        if self.addresses.get(&ip.to_canonical()).is_some_and(|until| *until > now) {
            return Err(Refusal::AddressBanned);
        }
        let others = self.connections.values().filter_map(|ip| netgroup::groups(*ip));
        let (same_host, same_network) = count_same((host, network), others);
        if same_host >= params::PER_HOST_MAX {
            return Err(Refusal::HostFull);
        }
        if same_network >= params::PER_NETWORK_MAX {
            return Err(Refusal::NetworkFull);
        }
        Ok(())
    }

    /// Whoever connects and says nothing holds one of few places until the handshake is given up, at no cost. So one host
    /// gets some of them, own ground too: all others would have to wait for a place to fall free, and then be quicker.
    fn check_arriving(&self, ip: IpAddr) -> Result<(), Refusal> {
        let (same_host, same_network) =
            count_same(netgroup::buckets(ip), self.arriving.values().map(|ip| netgroup::buckets(*ip)));
        let is_full = if netgroup::is_own_ground(ip) {
            same_host >= params::PENDING_PER_NEIGHBOUR_MAX
        } else {
            same_host >= params::PER_HOST_MAX || same_network >= params::PER_NETWORK_MAX
        };
        if is_full { Err(Refusal::HandshakesFull) } else { Ok(()) }
    }

    /// Over a relay anybody can have as many names as they like, and no address.
    fn check_relayed(&self, address: &Multiaddr) -> Result<(), Refusal> {
        let is_full = self.relayed.len() >= params::RELAYED_MAX;
        if reach::is_circuit(address) && is_full { Err(Refusal::RelaysFull) } else { Ok(()) }
    }

    fn check(&self, peer: &PeerId, address: &Multiaddr) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        let now = Instant::now();
        self.check_peer(peer, now)
            .and_then(|()| self.check_address(netgroup::ip_of(address), now))
            .map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }
}

/// How many of `others` are of the same host, and how many of the same network.
fn count_same((host, network): (Host, Network), others: impl Iterator<Item = (Host, Network)>) -> (usize, usize) {
    others.fold((0, 0), |(hosts, networks), (other_host, other_network)| {
        (hosts + usize::from(other_host == host), networks + usize::from(other_network == network))
    })
}

/// Overflow: the ban that ends first gives way.
fn ban<K: Ord + Copy>(bans: &mut BTreeMap<K, Instant>, key: K, now: Instant) {
    bans.insert(key, now + params::BAN);
    if bans.len() > params::BANS_MAX
        && let Some(first) = bans.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key)
    {
        bans.remove(&first);
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        // Before the handshake, which costs us more than them.
        let Some(ip) = netgroup::ip_of(remote) else { return Ok(()) };
        self.check_address(Some(ip), Instant::now())
            .and_then(|()| self.check_arriving(ip))
            .map_err(ConnectionDenied::new)?;
        self.arriving.insert(connection, ip);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check_relayed(local).map_err(ConnectionDenied::new)?;
        self.check(&peer, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if addresses.len() > params::ADDRESSES_PER_DIAL_MAX {
            return Err(ConnectionDenied::new(Refusal::TooManyAddresses));
        }
        if let Some(peer) = peer {
            self.check_peer(&peer, Instant::now()).map_err(ConnectionDenied::new)?;
        }
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.check_relayed(remote).map_err(ConnectionDenied::new)?;
        self.check(&peer, remote)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(event) => {
                self.arriving.remove(&event.connection_id);
                if event.endpoint.is_relayed() {
                    self.relayed.insert(event.connection_id);
                } else if let Some(ip) = netgroup::ip_of(event.endpoint.get_remote_address()) {
                    self.connections.insert(event.connection_id, ip);
                }
            }
            FromSwarm::ListenFailure(event) => {
                self.arriving.remove(&event.connection_id);
            }
            FromSwarm::ConnectionClosed(event) => {
                self.connections.remove(&event.connection_id);
                self.relayed.remove(&event.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::swarm::{ListenError, ListenFailure};
    use std::time::Duration;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn gate(connected: &[&str]) -> Gate {
        let connections = connected.iter().enumerate().map(|(id, text)| (ConnectionId::new_unchecked(id), ip(text)));
        Gate { connections: connections.collect(), ..Gate::default() }
    }

    fn check(gate: &Gate, text: &str, now: Instant) -> Result<(), Refusal> {
        gate.check_address(Some(ip(text)), now)
    }

    #[test]
    fn hosts_and_networks_have_few_places() {
        let now = Instant::now();
        let gate =
            gate(&["203.0.113.1", "203.0.113.1", "198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"]);
        assert_eq!(check(&gate, "203.0.113.1", now), Err(Refusal::HostFull));
        assert_eq!(check(&gate, "203.0.113.2", now), Ok(()));
        assert_eq!(check(&gate, "198.51.100.5", now), Err(Refusal::NetworkFull));
        assert_eq!(check(&gate, "198.51.101.5", now), Ok(()));
    }

    #[test]
    fn loopback_and_private_networks_have_room() {
        let now = Instant::now();
        let gate = gate(&["127.0.0.1"; 30]);
        assert_eq!(check(&gate, "127.0.0.1", now), Ok(()));
        assert_eq!(gate.check_address(None, now), Ok(()), "a relayed connection has no address");
    }

    #[test]
    fn who_only_begins_handshakes_leaves_places_to_others() {
        let mut gate = gate(&[]);
        let mut last = 0;
        let mut arrive = |gate: &mut Gate, ip: &str| {
            last += 1;
            let (here, there) = ("/ip4/45.1.0.1/tcp/7341", format!("/ip4/{ip}/tcp/{last}"));
            let (here, there) = (here.parse().expect("an address"), there.parse().expect("an address"));
            let id = ConnectionId::new_unchecked(last);
            gate.handle_pending_inbound_connection(id, &here, &there).is_ok().then_some(id)
        };
        let taken: Vec<_> = (0..500).filter_map(|_| arrive(&mut gate, "203.0.113.7")).collect();
        assert_eq!(taken.len(), params::PER_HOST_MAX);
        assert_eq!((8..250).filter(|at| arrive(&mut gate, &format!("203.0.113.{at}")).is_some()).count(), 2);
        assert!(arrive(&mut gate, "198.51.100.1").is_some(), "another network has its places");
        let neighbours = (0..500).filter(|_| arrive(&mut gate, "127.0.0.66").is_some()).count();
        assert_eq!(neighbours, params::PENDING_PER_NEIGHBOUR_MAX);
        assert!(arrive(&mut gate, "127.0.0.2").is_some(), "so has another neighbour");

        let (here, there) = ("/ip4/45.1.0.1/tcp/1", "/ip4/203.0.113.7/tcp/1");
        gate.on_swarm_event(FromSwarm::ListenFailure(ListenFailure {
            local_addr: &here.parse().expect("an address"),
            send_back_addr: &there.parse().expect("an address"),
            error: &ListenError::Aborted,
            connection_id: taken[0],
            peer_id: None,
        }));
        assert!(arrive(&mut gate, "203.0.113.7").is_some(), "a handshake that came to nothing gives its place back");
        assert!(arrive(&mut gate, "203.0.113.7").is_none());
    }

    #[test]
    fn connections_over_relays_have_few_places() {
        let relayed: Multiaddr =
            format!("/ip4/203.0.113.7/tcp/1/p2p/{}/p2p-circuit", PeerId::random()).parse().expect("an address");
        let direct: Multiaddr = "/ip4/203.0.113.7/tcp/1".parse().expect("an address");
        let mut gate = gate(&[]);
        assert_eq!(gate.check_relayed(&relayed), Ok(()));
        gate.relayed.extend((0..params::RELAYED_MAX).map(ConnectionId::new_unchecked));
        assert_eq!(gate.check_relayed(&relayed), Err(Refusal::RelaysFull));
        assert_eq!(gate.check_relayed(&direct), Ok(()));
    }

    #[test]
    fn bans_end() {
        let now = Instant::now();
        let mut gate = gate(&[]);
        let mallory = PeerId::random();
        gate.ban_peer(mallory, now);
        gate.ban_address(ip("203.0.113.1"), now);
        gate.ban_address(ip("127.0.0.1"), now);
        assert_eq!(gate.check_peer(&mallory, now), Err(Refusal::PeerBanned));
        assert_eq!(check(&gate, "203.0.113.1", now), Err(Refusal::AddressBanned));
        assert_eq!(check(&gate, "::ffff:203.0.113.1", now), Err(Refusal::AddressBanned));
        assert_eq!(check(&gate, "127.0.0.1", now), Ok(()), "loopback is not banned");
        let after = now + params::BAN;
        assert_eq!(gate.check_peer(&mallory, after), Ok(()));
        gate.expire(after);
        assert!(gate.peers.is_empty() && gate.addresses.is_empty());
    }

    #[test]
    fn the_ban_that_ends_first_gives_way() {
        let now = Instant::now();
        let mut bans = BTreeMap::new();
        for key in 0..=params::BANS_MAX {
            ban(&mut bans, key, now + Duration::from_millis(key as u64));
        }
        assert_eq!(bans.len(), params::BANS_MAX);
        assert!(!bans.contains_key(&0));
    }
}
