//! Whether the addresses that a node would listen at are free, and who has them.

use super::Check;
use crate::p2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

/// The settings that name an address, and whether it is one of UDP.
const ADDRESSES: [(&str, bool); 4] = [("http", false), ("bt", false), ("bt-named", false), ("dht", true)];

/// An address and whether it is one of UDP.
type At = (SocketAddr, bool);

/// Tries every address that the settings name. Only while no node runs here: its own ports would be taken by itself.
pub(crate) fn of_ports(setting: impl Fn(&str) -> Option<String>) -> Check {
    let mut wanted: Vec<(&str, At)> = Vec::new();
    for (name, is_udp) in ADDRESSES {
        let at = setting(name).and_then(|value| value.parse().ok());
        wanted.extend(at.map(|at| (name, (at, is_udp))));
    }
    let p2p = setting("p2p").unwrap_or_default();
    wanted.extend(p2p.split(',').filter_map(|text| socket_of(&text.parse().ok()?)).map(|at| ("p2p", at)));
    let troubles: Vec<String> = wanted.iter().filter_map(|(name, at)| trouble(name, *at)).collect();
    let fix = "stop the other program, or choose another address with the flag or `heirloom config set` of that name";
    let detail = if troubles.is_empty() { format!("{} addresses are free", wanted.len()) } else { troubles.join("; ") };
    Check::new("ports", troubles.is_empty(), detail, fix)
}

fn trouble(name: &str, (at, is_udp): At) -> Option<String> {
    let tried = if is_udp { UdpSocket::bind(at).map(drop) } else { TcpListener::bind(at).map(drop) };
    let error = tried.err()?;
    let kind = if is_udp { "UDP" } else { "TCP" };
    Some(match error.kind() {
        io::ErrorKind::AddrInUse => {
            let owner = owner_of((at, is_udp)).unwrap_or_else(|| "another program".into());
            format!("{name}: {owner} has {kind} {at}")
        }
        _ => format!("{name}: {kind} {at} cannot be listened at: {error}"),
    })
}

/// Where a libp2p address listens; `None` for what needs no port here.
fn socket_of(address: &Multiaddr) -> Option<At> {
    let (mut ip, mut at) = (None, None);
    for part in address {
        match part {
            Protocol::Ip4(v4) => ip = Some(IpAddr::V4(v4)),
            Protocol::Ip6(v6) => ip = Some(IpAddr::V6(v6)),
            Protocol::Tcp(port) => at = Some((SocketAddr::new(ip?, port), false)),
            Protocol::Udp(port) => at = Some((SocketAddr::new(ip?, port), true)),
            _ => {}
        }
    }
    at
}

/// Which process has a port, as far as Linux lets this user see: its own, and as root all.
fn owner_of((at, is_udp): At) -> Option<String> {
    let tables = if is_udp { ["udp", "udp6"] } else { ["tcp", "tcp6"] };
    let inodes: Vec<String> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(format!("/proc/net/{table}")).ok())
        .flat_map(|table| inodes_at(&table, at.port(), is_udp))
        .collect();
    let links: Vec<_> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let files = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        let mut targets = files.filter_map(|file| fs::read_link(file.path()).ok());
        if targets.any(|target| links.iter().any(|link| target.as_os_str() == link.as_str())) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            // A program chooses its own name: no control characters to a terminal.
            let name: String = name.trim().chars().filter(|c| !c.is_control()).collect();
            return Some(format!("{name} (process {pid})"));
        }
    }
    None
}

/// Sockets of a port in one of Linux's tables: those that listen, of TCP.
fn inodes_at(table: &str, port: u16, is_udp: bool) -> Vec<String> {
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let is_it = |row: &Vec<&str>| {
        let local = row.get(1).and_then(|local| local.rsplit_once(':')).map(|(_, port)| port);
        // 0A is LISTEN.
        local.and_then(|local| u16::from_str_radix(local, 16).ok()) == Some(port)
            && (is_udp || row.get(3) == Some(&"0A"))
    };
    rows.filter(is_it).filter_map(|row| row.get(9).map(|inode| (*inode).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_port_that_is_taken_is_told_with_its_owner_and_a_free_one_is_well() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let at = taken.local_addr().expect("its address");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let quic = format!("/ip4/127.0.0.1/udp/{}/quic-v1", udp.local_addr().expect("its address").port());
        let amiss = of_ports(|name| match name {
            "bt" => Some(at.to_string()),
            "p2p" => Some(format!("/ip4/127.0.0.1/tcp/0,{quic}")),
            "dht" => Some("127.0.0.1:0".into()),
            _ => None,
        });
        assert_eq!(amiss.verdict, Verdict::Amiss);
        assert!(amiss.detail.contains("bt: ") && amiss.detail.contains("p2p: "), "{}", amiss.detail);
        #[cfg(target_os = "linux")]
        assert_eq!(amiss.detail.matches(&format!("(process {})", std::process::id())).count(), 2, "{}", amiss.detail);
        let well = of_ports(|name| (name == "dht" || name == "http").then(|| "127.0.0.1:0".into()));
        assert_eq!((well.verdict, well.detail.as_str()), (Verdict::Well, "2 addresses are free"));
    }

    #[test]
    fn what_cannot_be_listened_at_is_said() {
        // An address of documents: no machine has it.
        let check = of_ports(|name| (name == "http").then(|| "192.0.2.7:0".into()));
        assert_eq!(check.verdict, Verdict::Amiss);
        assert!(check.detail.starts_with("http: TCP 192.0.2.7:0 cannot be listened at"), "{}", check.detail);
    }

    #[test]
    fn relayed_addresses_need_no_port() {
        assert_eq!(socket_of(&"/dns4/example.org/tcp/1".parse().expect("an address")), None);
        let at = socket_of(&"/ip6/::1/udp/7341/quic-v1".parse().expect("an address"));
        assert_eq!(at, Some(("[::1]:7341".parse().expect("an address"), true)));
    }
}
