//! The way out that an owner names, an interface or an address, and what of it a machine has.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Longest name of an interface: `IFNAMSIZ` of Linux, without the byte at its end.
const NAME_BYTES_MAX: usize = 15;

/// The way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By this interface.
    Interface(String),
    /// Under this address, and by the interface that has it.
    Address(IpAddr),
}

/// A text that names neither an interface nor an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadWay;

impl fmt::Display for BadWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "give the name of an interface, such as wg0, or an address that one has, such as 10.2.0.2")
    }
}

impl std::error::Error for BadWay {}

impl FromStr for Way {
    type Err = BadWay;

    fn from_str(text: &str) -> Result<Self, BadWay> {
        let text = text.trim();
        if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            let ip = ip.to_canonical();
            return if ip.is_unspecified() || ip.is_multicast() { Err(BadWay) } else { Ok(Self::Address(ip)) };
        }
        // As the kernel has it, without what only an address that was mistyped would hold.
        let is_name = !text.is_empty()
            && text.len() <= NAME_BYTES_MAX
            && !matches!(text, "." | "..")
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':' | b'"' | b'\\'))
            && !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if is_name { Ok(Self::Interface(text.to_owned())) } else { Err(BadWay) }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(name) => f.write_str(name),
            Self::Address(ip) => ip.fmt(f),
        }
    }
}

/// An interface as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its number. An interface that is made anew under the same name has another.
    pub index: u32,
    /// Somebody switched it on.
    pub is_up: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// An interface that sockets are kept to, and the addresses that others see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// Its address, or the one that was named.
    pub v4: Option<Ipv4Addr>,
    /// Its address, or the one that was named.
    pub v6: Option<Ipv6Addr>,
}

/// Why a way out is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// There is no interface of that name; those that there are.
    Interface(String, Vec<String>),
    /// It is switched off.
    Down(String),
    /// It has no address.
    Bare(String),
    /// No interface has that address; those that there are.
    Address(IpAddr, Vec<String>),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(name, all) => {
                write!(f, "this machine has no interface {name}; it has {}", all.join(", "))
            }
            Self::Down(name) => write!(f, "the interface {name} is down"),
            Self::Bare(name) => write!(f, "the interface {name} has no address"),
            Self::Address(ip, all) => {
                write!(f, "no interface that is up has the address {ip}; there are {}", all.join(", "))
            }
        }
    }
}

impl std::error::Error for Missing {}

impl Way {
    /// What it is on a machine with these interfaces.
    ///
    /// # Errors
    /// Why it is not there.
    pub fn on(&self, interfaces: &[Interface]) -> Result<Pin, Missing> {
        match self {
            Self::Interface(name) => {
                let found = interfaces.iter().find(|interface| interface.name == *name);
                let names = || interfaces.iter().map(|interface| interface.name.clone()).collect();
                let found = found.ok_or_else(|| Missing::Interface(name.clone(), names()))?;
                if !found.is_up {
                    return Err(Missing::Down(name.clone()));
                }
                let pin = found.pin();
                if pin.v4.is_none() && pin.v6.is_none() { Err(Missing::Bare(name.clone())) } else { Ok(pin) }
            }
            Self::Address(ip) => {
                let found = interfaces.iter().find(|one| one.is_up && one.addresses.contains(ip));
                let have = || interfaces.iter().filter(|one| one.is_up).flat_map(|one| &one.addresses);
                let found = found.ok_or_else(|| Missing::Address(*ip, have().map(ToString::to_string).collect()))?;
                let (v4, v6) = match ip {
                    IpAddr::V4(ip) => (Some(*ip), None),
                    IpAddr::V6(ip) => (None, Some(*ip)),
                };
                Ok(Pin { name: found.name.clone(), index: found.index, v4, v6 })
            }
        }
    }
}

impl Interface {
    fn pin(&self) -> Pin {
        let v4 = self.addresses.iter().find_map(|ip| match ip {
            IpAddr::V4(ip) => Some(*ip),
            IpAddr::V6(_) => None,
        });
        // A link-local address is of use to neighbours alone.
        let v6 = self.addresses.iter().find_map(|ip| match ip {
            IpAddr::V6(ip) if !ip.is_unicast_link_local() => Some(*ip),
            _ => None,
        });
        Pin { name: self.name.clone(), index: self.index, v4, v6 }
    }
}

impl Pin {
    /// Whether it is still as it was: the same interface, up, with the address that others were told. Its address of
    /// IPv6 may change beside one of IPv4, as privacy addresses do every day.
    #[must_use]
    pub fn holds(&self, interfaces: &[Interface]) -> bool {
        let ours = interfaces.iter().find(|one| one.index == self.index && one.name == self.name && one.is_up);
        let address = self.v4.map(IpAddr::V4).or(self.v6.map(IpAddr::V6));
        ours.is_some_and(|one| address.is_some_and(|ip| one.addresses.contains(&ip)))
    }

    /// Whether it is one of its addresses.
    #[must_use]
    pub fn has(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(ip) => self.v4 == Some(ip),
            IpAddr::V6(ip) => self.v6 == Some(ip),
        }
    }

    /// Its addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + use<> {
        self.v4.map(IpAddr::V4).into_iter().chain(self.v6.map(IpAddr::V6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Vec<Interface> {
        let ips = |all: &[&str]| all.iter().map(|ip| ip.parse().expect("an address")).collect();
        vec![
            Interface { name: "lo".into(), index: 1, is_up: true, addresses: ips(&["127.0.0.1", "::1"]) },
            Interface {
                name: "eth0".into(),
                index: 2,
                is_up: true,
                addresses: ips(&["192.168.1.5", "fe80::5", "2001:db8::5"]),
            },
            Interface { name: "wg0".into(), index: 3, is_up: true, addresses: ips(&["10.2.0.2"]) },
            Interface { name: "off0".into(), index: 4, is_up: false, addresses: ips(&["10.3.0.2"]) },
            Interface { name: "bare0".into(), index: 5, is_up: true, addresses: ips(&["fe80::7"]) },
        ]
    }

    fn way(text: &str) -> Way {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_way_is_a_name_or_an_address() {
        assert_eq!(way("wg0"), Way::Interface("wg0".into()));
        assert_eq!(way(" enp3s0.100 "), Way::Interface("enp3s0.100".into()));
        assert_eq!(way("10.2.0.2"), Way::Address("10.2.0.2".parse().expect("one")));
        assert_eq!(way("[2001:db8::5]"), way("2001:db8::5"));
        assert_eq!(way("::ffff:10.2.0.2"), way("10.2.0.2"));
        let wrong = [
            "",
            "..",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "10.2.0",
            "10.2.0.999",
            "a b",
            "wg0/24",
            "10.2.0.2:80",
            "much-too-long-name",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Way>(), Err(BadWay), "{text:?}");
        }
    }

    #[test]
    fn an_interface_is_found_with_the_addresses_that_others_see() {
        let pin = way("eth0").on(&machine()).expect("there");
        assert_eq!((pin.index, pin.v4, pin.v6), (2, "192.168.1.5".parse().ok(), "2001:db8::5".parse().ok()));
        let pin = way("2001:db8::5").on(&machine()).expect("there");
        assert_eq!((pin.name.as_str(), pin.v4, pin.v6), ("eth0", None, "2001:db8::5".parse().ok()));
        assert!(pin.has("2001:db8::5".parse().expect("one")) && !pin.has("192.168.1.5".parse().expect("one")));
    }

    #[test]
    fn what_is_not_there_is_said_in_a_sentence() {
        let why = |text: &str| way(text).on(&machine()).expect_err(text).to_string();
        assert_eq!(why("wg1"), "this machine has no interface wg1; it has lo, eth0, wg0, off0, bare0");
        assert_eq!(why("off0"), "the interface off0 is down");
        assert_eq!(why("bare0"), "the interface bare0 has no address");
        assert!(why("10.3.0.2").starts_with("no interface that is up has the address 10.3.0.2; there are 127.0.0.1"));
    }

    #[test]
    fn a_pin_holds_until_its_interface_or_address_changes() {
        let pin = way("wg0").on(&machine()).expect("there");
        assert!(pin.holds(&machine()));
        let changed = |change: fn(&mut Interface)| {
            let mut all = machine();
            change(&mut all[2]);
            pin.holds(&all)
        };
        assert!(!changed(|wg0| wg0.is_up = false));
        assert!(!changed(|wg0| wg0.addresses.clear()));
        assert!(!changed(|wg0| wg0.addresses = vec!["10.2.0.3".parse().expect("one")]));
        assert!(!changed(|wg0| wg0.index = 9), "made anew");
        assert!(!pin.holds(&machine()[..2]));
        let mut all = machine();
        all[1].addresses.pop();
        assert!(way("eth0").on(&machine()).expect("there").holds(&all), "beside IPv4, IPv6 may come and go");
    }
}
