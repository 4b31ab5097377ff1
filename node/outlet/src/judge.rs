//! What a socket may do: a function of the rules and of what is asked, and of nothing else.

use crate::Rules;
use std::net::{IpAddr, SocketAddr};

/// What a program asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// To connect a socket, of TCP or another.
    Connect {
        /// Where to.
        to: SocketAddr,
        /// Of TCP.
        is_stream: bool,
    },
    /// To send a message on a socket that is not connected.
    Send {
        /// Where to.
        to: SocketAddr,
    },
    /// To give a socket an address of this machine.
    Bind {
        /// Which.
        at: SocketAddr,
    },
    /// To let others connect.
    Listen {
        /// Where the socket is bound.
        at: SocketAddr,
    },
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it is.
    Pass,
    /// On the pinned interface.
    Pin,
    /// On the pinned interface, under this address of it.
    PinAt(IpAddr),
    /// Not at all.
    Refuse(Why),
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The interface is not there.
    Shut,
    /// It would go past the proxy.
    PastProxy,
    /// It has no address of that version of IP.
    Version,
    /// It is an address of another interface.
    Elsewhere,
}

/// Decides.
#[must_use]
pub fn judge(rules: &Rules, is_shut: bool, act: Act) -> Verdict {
    let (place, is_ours) = match act {
        Act::Connect { to, .. } | Act::Send { to } => (to, false),
        Act::Bind { at } | Act::Listen { at } => (at, true),
    };
    let ip = place.ip().to_canonical();
    // Sending to the unspecified address is sending to loopback; being bound to it is being bound to everything.
    if ip.is_loopback() || (!is_ours && ip.is_unspecified()) {
        return Verdict::Pass;
    }
    if let Act::Connect { to, is_stream: true } = act
        && rules.own.contains(&SocketAddr::new(to.ip().to_canonical(), to.port()))
    {
        return Verdict::Pass;
    }
    if is_shut {
        return Verdict::Refuse(Why::Shut);
    }
    if let Some(proxy) = rules.proxy {
        let may = match act {
            Act::Connect { is_stream, .. } => {
                is_stream && ip == proxy.ip().to_canonical() && place.port() == proxy.port()
            }
            // Nothing leaves by it, and a socket may be bound before it is connected.
            Act::Bind { .. } => true,
            // Whoever comes would be answered past the proxy.
            Act::Send { .. } | Act::Listen { .. } => false,
        };
        if !may {
            return Verdict::Refuse(Why::PastProxy);
        }
    }
    let Some(pin) = &rules.pin else { return Verdict::Pass };
    let source = if ip.is_ipv4() { pin.v4.map(IpAddr::V4) } else { pin.v6.map(IpAddr::V6) };
    if is_ours && ip.is_unspecified() {
        // A socket of IPv6 may serve IPv4 as well, and then has its address in the form of IPv6.
        let v4 = || pin.v4.map(|ip| IpAddr::V6(ip.to_ipv6_mapped()));
        let source = source.or_else(|| if ip.is_ipv6() { v4() } else { None });
        return match source {
            Some(source) if rules.by_address => Verdict::PinAt(source),
            Some(_) => Verdict::Pin,
            None => Verdict::Refuse(Why::Version),
        };
    }
    match (is_ours, source) {
        (true, _) if !pin.has(ip) => Verdict::Refuse(Why::Elsewhere),
        (true, _) => Verdict::Pin,
        (false, Some(source)) if rules.by_address => Verdict::PinAt(source),
        (false, Some(_)) => Verdict::Pin,
        (false, None) => Verdict::Refuse(Why::Version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pin;

    const HERE: [&str; 6] =
        ["127.0.0.1:80", "127.9.9.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "0.0.0.0:80", "[::]:80"];

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn connect(to: &str) -> Act {
        Act::Connect { to: at(to), is_stream: true }
    }

    fn datagrams(to: &str) -> Act {
        Act::Connect { to: at(to), is_stream: false }
    }

    fn send(to: &str) -> Act {
        Act::Send { to: at(to) }
    }

    fn bind(to: &str) -> Act {
        Act::Bind { at: at(to) }
    }

    fn listen(to: &str) -> Act {
        Act::Listen { at: at(to) }
    }

    fn pin() -> Pin {
        Pin { name: "wg0".into(), index: 3, v4: "10.2.0.2".parse().ok(), v6: "fd00::2".parse().ok() }
    }

    fn by_interface() -> Rules {
        Rules { pin: Some(pin()), ..Rules::default() }
    }

    fn by_address() -> Rules {
        Rules { pin: Some(Pin { v6: None, ..pin() }), by_address: true, ..Rules::default() }
    }

    fn by_proxy() -> Rules {
        Rules { proxy: Some(at("203.0.113.9:1080")), ..Rules::default() }
    }

    fn verdict(rules: &Rules, act: Act) -> Verdict {
        judge(rules, rules.is_shut, act)
    }

    #[test]
    fn what_stays_on_the_machine_always_passes() {
        for mut rules in [Rules::default(), by_interface(), by_address(), by_proxy()] {
            for is_shut in [false, true] {
                rules.is_shut = is_shut;
                for here in HERE {
                    for act in [connect(here), datagrams(here), send(here)] {
                        assert_eq!(verdict(&rules, act), Verdict::Pass, "{act:?} under {rules:?}");
                    }
                }
                for here in &HERE[..4] {
                    for act in [bind(here), listen(here)] {
                        assert_eq!(verdict(&rules, act), Verdict::Pass, "{act:?} under {rules:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_interface_takes_whatever_leaves() {
        let out = [
            "1.1.1.1:80",
            "192.168.1.1:80",
            "10.2.0.1:80",
            "224.0.0.251:5353",
            "255.255.255.255:9",
            "[2001:db8::1]:80",
            "[::ffff:1.1.1.1]:80",
        ];
        for to in out {
            for act in [connect(to), datagrams(to), send(to)] {
                assert_eq!(verdict(&by_interface(), act), Verdict::Pin, "{act:?}");
            }
        }
        for act in [bind("0.0.0.0:0"), bind("[::]:7"), bind("10.2.0.2:7"), bind("[fd00::2]:7"), listen("0.0.0.0:7")] {
            assert_eq!(verdict(&by_interface(), act), Verdict::Pin, "{act:?}");
        }
        for act in [bind("192.168.1.5:7"), listen("192.168.1.5:7"), bind("[fd00::3]:7")] {
            assert_eq!(verdict(&by_interface(), act), Verdict::Refuse(Why::Elsewhere), "{act:?}");
        }
    }

    #[test]
    fn an_address_is_what_others_see() {
        let rules = by_address();
        let ours: IpAddr = "10.2.0.2".parse().expect("one");
        for act in [connect("1.1.1.1:80"), send("1.1.1.1:80"), connect("[::ffff:1.1.1.1]:80"), bind("0.0.0.0:7")] {
            assert_eq!(verdict(&rules, act), Verdict::PinAt(ours), "{act:?}");
        }
        assert_eq!(verdict(&rules, bind("[::]:7")), Verdict::PinAt("::ffff:10.2.0.2".parse().expect("one")));
        assert_eq!(verdict(&rules, bind("10.2.0.2:7")), Verdict::Pin);
        for act in [connect("[2001:db8::1]:80"), send("[2001:db8::1]:80")] {
            assert_eq!(verdict(&rules, act), Verdict::Refuse(Why::Version), "{act:?}");
        }
        let v6 = Rules { pin: Some(Pin { v4: None, ..pin() }), by_address: true, ..Rules::default() };
        assert_eq!(verdict(&v6, bind("0.0.0.0:7")), Verdict::Refuse(Why::Version));
        assert_eq!(verdict(&v6, connect("1.1.1.1:80")), Verdict::Refuse(Why::Version));
    }

    #[test]
    fn nothing_leaves_while_it_is_shut() {
        for rules in [Rules::default(), by_interface(), by_address(), by_proxy()] {
            let rules = Rules { is_shut: true, ..rules };
            let all = [
                connect("203.0.113.9:1080"),
                connect("1.1.1.1:80"),
                send("1.1.1.1:80"),
                bind("0.0.0.0:7"),
                listen("0.0.0.0:7"),
                bind("10.2.0.2:7"),
            ];
            for act in all {
                assert_eq!(verdict(&rules, act), Verdict::Refuse(Why::Shut), "{act:?} under {rules:?}");
            }
        }
    }

    #[test]
    fn only_the_proxy_is_connected_to_and_by_tcp_alone() {
        assert_eq!(verdict(&by_proxy(), connect("203.0.113.9:1080")), Verdict::Pass);
        assert_eq!(verdict(&by_proxy(), connect("[::ffff:203.0.113.9]:1080")), Verdict::Pass);
        let past = [
            connect("203.0.113.9:1081"),
            connect("1.1.1.1:1080"),
            datagrams("203.0.113.9:1080"),
            send("203.0.113.9:1080"),
            send("1.1.1.1:53"),
            send("224.0.0.251:5353"),
            listen("0.0.0.0:7342"),
            listen("192.168.1.5:7342"),
        ];
        for act in past {
            assert_eq!(verdict(&by_proxy(), act), Verdict::Refuse(Why::PastProxy), "{act:?}");
        }
        let both = Rules { pin: Some(pin()), ..by_proxy() };
        assert_eq!(verdict(&both, connect("203.0.113.9:1080")), Verdict::Pin, "the proxy is reached by the interface");
        assert_eq!(verdict(&both, connect("1.1.1.1:80")), Verdict::Refuse(Why::PastProxy));
        let local = Rules { proxy: Some(at("127.0.0.1:9050")), ..Rules::default() };
        assert_eq!(verdict(&local, connect("1.1.1.1:9050")), Verdict::Refuse(Why::PastProxy));
    }

    #[test]
    fn the_owners_own_door_is_reached_under_its_address() {
        let rules = Rules { own: vec![at("192.168.1.5:7340")], is_shut: true, ..by_interface() };
        assert_eq!(verdict(&rules, connect("192.168.1.5:7340")), Verdict::Pass);
        for act in [connect("192.168.1.5:7341"), datagrams("192.168.1.5:7340"), send("192.168.1.5:7340")] {
            assert_eq!(verdict(&rules, act), Verdict::Refuse(Why::Shut), "{act:?}");
        }
    }
}
