//! Which machine and which network an address belongs to. Pure.
//!
//! Addresses cost an attacker money by network, not by address, so limits are
//! counted per group. Loopback and private networks have no groups: there the
//! neighbours are one's own.

use std::net::{IpAddr, SocketAddr};

use libp2p::{Multiaddr, multiaddr::Protocol};

/// One machine: an IPv4 address or an IPv6 /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Host {
    V4([u8; 4]),
    V6([u8; 8]),
}

/// One network: an IPv4 /24 or an IPv6 /48.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Network {
    V4([u8; 3]),
    V6([u8; 6]),
}

/// The groups of a public address, for limits; `None` for loopback, private and link-local ones.
pub(super) fn groups(ip: IpAddr) -> Option<(Host, Network)> {
    (!is_own_ground(ip)).then(|| buckets(ip))
}

/// The groups of any address, for sorting: to choose among many fairly is no limit, so own ground has them too.
pub(super) fn buckets(ip: IpAddr) -> (Host, Network) {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            (Host::V4([a, b, c, d]), Network::V4([a, b, c]))
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h, ..] = ip.octets();
            (Host::V6([a, b, c, d, e, f, g, h]), Network::V6([a, b, c, d, e, f]))
        }
    }
}

/// The network that a direct connection comes from or goes to, own ground too; `None` for a relayed one.
pub(crate) fn network_of(address: &Multiaddr) -> Option<Network> {
    ip_of(address).map(|ip| buckets(ip).1)
}

/// Whether two networks are likely run by one provider: an IPv4 /16 or an IPv6 /32.
pub(super) fn are_related(one: Network, other: Network) -> bool {
    match (one, other) {
        (Network::V4([a, b, _]), Network::V4([c, d, _])) => (a, b) == (c, d),
        (Network::V6([a, b, c, d, ..]), Network::V6([e, f, g, h, ..])) => (a, b, c, d) == (e, f, g, h),
        _ => false,
    }
}

/// Loopback, private and link-local addresses: a network of one's own.
#[must_use]
pub fn is_own_ground(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified(),
    }
}

/// The address a direct connection comes from or goes to. `None` for a relayed one:
/// its first part is the relay, which must not be blamed for whom it carries.
pub(super) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    if address.iter().any(|part| part == Protocol::P2pCircuit) {
        return None;
    }
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    }
}

/// What to bind for a listen address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Socket {
    Tcp(SocketAddr),
    Quic(SocketAddr),
}

/// The socket of a listen address; `None` if it is of another kind.
pub(super) fn socket_of(address: &Multiaddr) -> Option<Socket> {
    let ip = ip_of(address)?;
    let mut rest = address.iter().skip(1);
    let socket = match (rest.next()?, rest.next()) {
        (Protocol::Tcp(port), None) => Socket::Tcp(SocketAddr::new(ip, port)),
        (Protocol::Udp(port), Some(Protocol::QuicV1)) => Socket::Quic(SocketAddr::new(ip, port)),
        _ => return None,
    };
    rest.next().is_none().then_some(socket)
}

/// The address of a socket.
pub(super) fn address_of(socket: Socket) -> Multiaddr {
    match socket {
        Socket::Tcp(at) => Multiaddr::from(at.ip()).with(Protocol::Tcp(at.port())),
        Socket::Quic(at) => Multiaddr::from(at.ip()).with(Protocol::Udp(at.port())).with(Protocol::QuicV1),
    }
}

impl Socket {
    /// Where it is.
    pub fn at(self) -> SocketAddr {
        match self {
            Self::Tcp(at) | Self::Quic(at) => at,
        }
    }
}

/// Whether a place that a stranger names may be dialled.
pub(super) fn is_dialable(place: SocketAddr) -> bool {
    let ip = place.ip();
    let is_special = ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::from([255; 4]);
    // Below 1024 are services that strangers could have us knock at.
    !is_special && place.port() >= 1024
}

/// A number for each place that differs with `chance`: SplitMix64 over its bytes.
pub(super) fn mixed(chance: u64, place: SocketAddr) -> u64 {
    let mut bytes = match place.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    bytes.extend(place.port().to_be_bytes());
    bytes.into_iter().fold(chance, |state, byte| {
        let state = (state ^ u64::from(byte)).wrapping_add(0x9E37_79B9_7F4A_7C15);
        let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        state ^ (state >> 31)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups_of(ip: &str) -> Option<(Host, Network)> {
        groups(ip.parse().expect("an address"))
    }

    #[test]
    fn own_ground_has_no_groups() {
        for ip in [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(groups_of(ip), None, "{ip}");
        }
    }

    #[test]
    fn neighbours_share_a_network() {
        assert_eq!(groups_of("203.0.113.7").map(|(_, net)| net), groups_of("203.0.113.9").map(|(_, net)| net));
        assert_ne!(groups_of("203.0.113.7").map(|(host, _)| host), groups_of("203.0.113.9").map(|(host, _)| host));
        assert_eq!(groups_of("2001:db8:1:2::1"), groups_of("2001:db8:1:2:ffff::9"), "one /64 is one host");
        assert_eq!(groups_of("2001:db8:1:2::1").map(|(_, net)| net), groups_of("2001:db8:1:3::1").map(|(_, net)| net));
        assert_eq!(groups_of("203.0.113.7"), groups_of("::ffff:203.0.113.7"), "a mapped address is the same host");
    }

    #[test]
    fn own_ground_is_sorted_although_it_is_not_limited() {
        let of = |ip: &str| buckets(ip.parse().expect("an address"));
        assert_eq!(of("127.0.0.1").1, of("127.0.0.9").1);
        assert_ne!(of("127.0.0.1").0, of("127.0.0.9").0);
        assert_ne!(of("127.0.0.1").1, of("127.0.1.1").1);
    }

    #[test]
    fn neighbouring_networks_are_related() {
        let of = |ip: &str| buckets(ip.parse().expect("an address")).1;
        assert!(are_related(of("203.0.113.7"), of("203.0.1.1")));
        assert!(!are_related(of("203.0.113.7"), of("203.1.113.7")));
        assert!(are_related(of("2001:db8:1::1"), of("2001:db8:2::1")));
        assert!(!are_related(of("2001:db8::1"), of("32.1.13.184")));
    }

    #[test]
    fn an_address_is_that_of_its_socket() {
        for text in ["/ip4/127.0.0.1/tcp/7341", "/ip6/::1/udp/7341/quic-v1"] {
            let address: Multiaddr = text.parse().expect("a multiaddr");
            assert_eq!(socket_of(&address).map(address_of), Some(address));
        }
    }

    #[test]
    fn only_tcp_and_quic_are_listened_on() {
        let socket = |text: &str| socket_of(&text.parse().expect("a multiaddr"));
        assert_eq!(socket("/ip4/127.0.0.1/tcp/7341"), Some(Socket::Tcp(([127, 0, 0, 1], 7341).into())));
        assert_eq!(socket("/ip4/0.0.0.0/udp/0/quic-v1"), Some(Socket::Quic(([0, 0, 0, 0], 0).into())));
        for other in [
            "/ip4/1.2.3.4/udp/7341",
            "/dns4/localhost/tcp/1",
            "/ip4/1.2.3.4/tcp/1/ws",
            "/ip4/1.2.3.4/udp/7341/quic-v1/webtransport",
            "/ip4/1.2.3.4",
        ] {
            assert_eq!(socket(other), None, "{other}");
        }
    }

    #[test]
    fn a_relay_is_not_its_passenger() {
        let id = libp2p::PeerId::random();
        let address: Multiaddr = format!("/ip4/203.0.113.7/tcp/1/p2p/{id}/p2p-circuit").parse().expect("a multiaddr");
        assert_eq!(ip_of(&address), None);
    }
}
