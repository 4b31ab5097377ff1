//! Which addresses a page may be fetched from.
//!
//! A web address that the owner typed may lead into their own network; whatever it leads on to may not. Else a page, or whoever
//! runs the name server of its host, could make this program ask things of the owner's router or of other programs here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is in the open internet.
///
/// Global unicast only, by the IANA special-purpose registries: no loopback, private, link-local, shared (CGNAT), benchmarking,
/// documentation, reserved or multicast addresses, and no IPv6 address that carries an IPv4 one.
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !is_special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let is_global_unicast = a & 0xe000 == 0x2000;
    // 2001::/23 holds Teredo and other special ones, 2001:db8::/32 and 3fff::/20 documentation, 2002::/16 carries IPv4.
    let is_special = (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    is_global_unicast && !is_special
}

/// Whether an address is of a home or of this machine: what may be fetched from if the owner named it so.
pub fn is_own_network(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_loopback() || ip.is_private() || (a == 100 && (64..=127).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Whether a host is named so that only the owner's own network can answer for it: an address, `localhost`, a name without a dot, or
/// one under the domains that are reserved for that. Whoever holds any other name may let it lead anywhere.
pub fn is_own_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || !host.contains('.')
        || [".localhost", ".local", ".lan", ".internal", ".home.arpa"].iter().any(|end| host.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_global_unicast_is_public() {
        let public = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:2800:220:1::1", "2a00:1450::1"];
        for ip in public {
            assert!(is_public(ip.parse().expect("an address")), "{ip}");
        }
        let special = [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
        ];
        for ip in special {
            assert!(!is_public(ip.parse().expect("an address")), "{ip}");
        }
    }

    #[test]
    fn own_networks_are_what_their_owner_names_so() {
        for ip in ["127.0.0.1", "192.168.1.1", "10.0.0.1", "::1", "fd00::1", "100.100.0.1", "::ffff:192.168.0.1"] {
            assert!(is_own_network(ip.parse().expect("an address")), "{ip}");
        }
        for ip in ["169.254.169.254", "0.0.0.0", "224.0.0.1", "1.1.1.1", "::", "ff02::1"] {
            assert!(!is_own_network(ip.parse().expect("an address")), "{ip}");
        }
        for host in ["localhost", "LOCALHOST.", "127.0.0.1", "[::1]", "nas", "nas.local", "box.home.arpa"] {
            assert!(is_own_name(host), "{host}");
        }
        for host in ["example.org", "localhost.example.org", "127.0.0.1.nip.io"] {
            assert!(!is_own_name(host), "{host}");
        }
    }
}
