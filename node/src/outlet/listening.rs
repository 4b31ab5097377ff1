//! Where a node listens, narrowed to its outlet: what would be everywhere is at the one address, and others are told no other.

use super::Outlet;
use crate::p2p::{self, Multiaddr};
use heirloom_core::command::CommandError;
use heirloom_outlet::Pin;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

/// Where a node listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// libp2p.
    pub p2p: Vec<Multiaddr>,
    /// BitTorrent, without a name and with one.
    pub bt: [SocketAddr; 2],
    /// The DHT; `None`: it cannot be there.
    pub dht: Option<SocketAddrV4>,
    /// Whether the local network is searched.
    pub mdns: bool,
}

impl Listening {
    /// What is left of it by an outlet.
    ///
    /// # Errors
    /// One sentence: an address was named that is not of the interface.
    pub fn by(self, outlet: &Outlet) -> Result<Self, CommandError> {
        if outlet.proxy().is_some() {
            // Nobody could connect past the proxy; on loopback nobody from outside tries.
            let here = |at: SocketAddr| {
                SocketAddr::new(if at.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { at.ip() }, at.port())
            };
            let bt = self.bt.map(|at| {
                if at.ip().is_loopback() { at } else { here(SocketAddr::from((Ipv4Addr::LOCALHOST, at.port()))) }
            });
            let dht = self.dht.filter(|at| at.ip().is_loopback());
            let is_here = |address: &Multiaddr| p2p::place_of(address).is_some_and(|at| at.ip().is_loopback());
            let p2p = self.p2p.into_iter().filter(is_here).collect();
            return Ok(Self { p2p, bt, dht, mdns: false });
        }
        let Some(pin) = outlet.pin() else { return Ok(self) };
        let of_bt = |flag, at: SocketAddr| {
            narrowed(pin, at.ip()).map(|ip| SocketAddr::new(ip, at.port())).ok_or_else(|| elsewhere(pin, flag, &at))
        };
        let bt = [of_bt("--bt", self.bt[0])?, of_bt("--bt-named", self.bt[1])?];
        let dht = match (self.dht, pin.v4) {
            (Some(at), Some(_)) => match narrowed(pin, IpAddr::V4(*at.ip())) {
                Some(IpAddr::V4(ip)) => Some(SocketAddrV4::new(ip, at.port())),
                _ => return Err(elsewhere(pin, "--dht", &at)),
            },
            // The DHT speaks IPv4 only.
            (at, _) => at.filter(|at| at.ip().is_loopback()),
        };
        let mut p2p = Vec::new();
        for address in self.p2p {
            let Some(place) = p2p::place_of(&address) else { return Err(elsewhere(pin, "--p2p", &address)) };
            match narrowed(pin, place.ip()) {
                Some(ip) => p2p.push(p2p::moved(&address, ip)),
                // Everywhere of a version of IP that the interface does not have is nowhere.
                None if place.ip().is_unspecified() => {}
                None => return Err(elsewhere(pin, "--p2p", &address)),
            }
        }
        Ok(Self { p2p, bt, dht, mdns: false })
    }
}

/// An address to listen at, on the interface.
fn narrowed(pin: &Pin, ip: IpAddr) -> Option<IpAddr> {
    if ip.is_loopback() || pin.has(ip) {
        return Some(ip);
    }
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => pin.v4.map(IpAddr::V4),
        IpAddr::V6(ip) if ip.is_unspecified() => pin.v6.map(IpAddr::V6).or(pin.v4.map(IpAddr::V4)),
        _ => None,
    }
}

fn elsewhere(pin: &Pin, flag: &str, address: &dyn std::fmt::Display) -> CommandError {
    let message = format!(
        "{flag} {address} is not an address of {}, to which --bind keeps this node: leave {flag} out, or give it an address of {0}",
        pin.name
    );
    CommandError::bad_input("bad_bind", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlet::Choice;

    fn usual() -> Listening {
        Listening {
            p2p: ["/ip4/0.0.0.0/udp/7341/quic-v1", "/ip4/0.0.0.0/tcp/7341"]
                .map(|text| text.parse().expect("one"))
                .to_vec(),
            bt: ["0.0.0.0:7342", "0.0.0.0:7344"].map(|text| text.parse().expect("one")),
            dht: "0.0.0.0:7343".parse().ok(),
            mdns: true,
        }
    }

    fn outlet(pin: Option<Pin>, proxy: Option<&str>) -> Outlet {
        let choice = Choice::read(None, proxy).expect("good");
        Outlet { proxy: None, choice, pin, gone: std::sync::RwLock::default() }
    }

    fn wg0(v4: Option<&str>, v6: Option<&str>) -> Outlet {
        let pin = Pin {
            name: "wg0".into(),
            index: 3,
            v4: v4.map(|ip| ip.parse().expect("one")),
            v6: v6.map(|ip| ip.parse().expect("one")),
        };
        outlet(Some(pin), None)
    }

    #[test]
    fn everywhere_is_the_one_address() {
        let kept = usual().by(&wg0(Some("10.2.0.2"), None)).expect("good");
        let p2p: Vec<String> = kept.p2p.iter().map(ToString::to_string).collect();
        assert_eq!(p2p, ["/ip4/10.2.0.2/udp/7341/quic-v1", "/ip4/10.2.0.2/tcp/7341"]);
        assert_eq!(kept.bt.map(|at| at.to_string()), ["10.2.0.2:7342", "10.2.0.2:7344"]);
        assert_eq!((kept.dht.map(|at| at.to_string()).as_deref(), kept.mdns), (Some("10.2.0.2:7343"), false));
    }

    #[test]
    fn without_ipv4_there_is_no_dht() {
        let mut wanted = usual();
        wanted.p2p.push("/ip6/::/tcp/7341".parse().expect("one"));
        wanted.bt = ["[::]:7342", "[::]:7344"].map(|text| text.parse().expect("one"));
        let kept = wanted.by(&wg0(None, Some("fd00::2"))).expect("good");
        assert_eq!(kept.p2p.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/ip6/fd00::2/tcp/7341"]);
        assert_eq!((kept.bt[0].to_string().as_str(), kept.dht), ("[fd00::2]:7342", None));
    }

    #[test]
    fn an_address_of_another_interface_is_refused_by_its_flag() {
        let by = wg0(Some("10.2.0.2"), None);
        let refused = |change: &dyn Fn(&mut Listening)| {
            let mut wanted = usual();
            change(&mut wanted);
            wanted.by(&by).expect_err("another interface").message
        };
        assert!(
            refused(&|all| all.bt[0] = "192.168.1.5:7342".parse().expect("one"))
                .starts_with("--bt 192.168.1.5:7342 is not")
        );
        assert!(refused(&|all| all.bt[1] = "192.168.1.5:7344".parse().expect("one")).starts_with("--bt-named"));
        assert!(refused(&|all| all.dht = "192.168.1.5:7343".parse().ok()).starts_with("--dht"));
        assert!(refused(&|all| all.p2p = vec!["/ip4/192.168.1.5/tcp/7341".parse().expect("one")]).starts_with("--p2p"));
        let mut here = usual();
        here.bt = ["127.0.0.1:1", "10.2.0.2:2"].map(|text| text.parse().expect("one"));
        assert_eq!(here.clone().by(&by).expect("of the interface, or here").bt, here.bt);
    }

    #[test]
    fn behind_a_proxy_nobody_is_listened_to() {
        let kept = usual().by(&outlet(None, Some("socks5://203.0.113.9:1080"))).expect("good");
        assert_eq!((kept.p2p.len(), kept.dht, kept.mdns), (0, None, false));
        assert!(kept.bt.iter().all(|at| at.ip().is_loopback()));
    }
}
