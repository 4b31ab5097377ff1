//! A process with two ways out, in a network namespace of its own and without any privilege in it: what is sent under
//! rules is counted at the interfaces, by the kernel.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "a test that cannot run says so")]

use std::process::Command;

/// Two interfaces, both with a way to everywhere; the first is the one that the system would take. Neighbours are
/// known, so that nothing is sent but what the process sends.
const WIRES: &str = "
set -e
ip link set lo up
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
for n in 0 1; do
  ip link add wan$n type veth peer name far$n
  ip link set far$n up
  ip addr add 10.$n.0.2/24 dev wan$n
  ip link set wan$n up
  ip neigh add 10.$n.0.1 lladdr 02:00:00:00:00:01 dev wan$n
  ip route add default via 10.$n.0.1 dev wan$n metric $((n + 1))
done
sent() { for n in 0 1; do sed -n \"s/^ *wan$n://p\" /proc/net/dev | { read a b c d e f g h sent i; echo $sent; }; done; }
knock() { setpriv --bounding-set=-all --inh-caps=-all --no-new-privs \"$KNOCK\" \"$@\"; }
";

/// What a try came to.
#[derive(Debug)]
struct Seen {
    lines: Vec<String>,
    /// Bytes that left by each interface meanwhile.
    sent: [u64; 2],
}

impl Seen {
    fn of(&self, what: &str) -> &str {
        let line = self.lines.iter().find_map(|line| line.strip_prefix(what)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {what} in {self:?}"))
    }
}

/// Runs `knock` with these rules; `before` is a script that changes the interfaces. `None`: this system gives its users
/// no such namespaces.
fn seen(before: &str, rules: &str) -> Option<Seen> {
    let script = format!("{WIRES}\n{before}\nsent\nknock {rules} -- 10.9.9.9:80\nsent");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", &script]).env("KNOCK", env!("CARGO_BIN_EXE_knock"));
    let can = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "ip", "link", "add", "probe", "type", "veth"])
        .output();
    if !can.is_ok_and(|can| can.status.success()) {
        println!("not tested: this system gives its users no network namespaces");
        return None;
    }
    let done = command.output().expect("unshare was there a moment ago");
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{text}{}", String::from_utf8_lossy(&done.stderr));
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let number = |at: usize| lines[at].parse::<u64>().unwrap_or_else(|error| panic!("{error}: {lines:?}"));
    let end = lines.len() - 2;
    let sent = [number(end) - number(0), number(end + 1) - number(1)];
    Some(Seen { sent, lines: lines[2..end].to_vec() })
}

#[test]
fn without_rules_the_system_chooses() {
    let Some(seen) = seen("", "") else { return };
    assert!(seen.sent[0] > 1800 && seen.sent[1] == 0, "{seen:?}");
    for what in ["tcp", "udp", "connected", "listen", "door", "loopback"] {
        assert_eq!(seen.of(what), "out", "{seen:?}");
    }
}

#[test]
fn an_interface_takes_everything_and_the_other_nothing() {
    for way in ["pin=wan1", "pin=10.1.0.2"] {
        let Some(seen) = seen("", way) else { return };
        assert_eq!(seen.sent[0], 0, "{way}: {seen:?}");
        assert!(seen.sent[1] > 1800, "{way}: {seen:?}");
        for what in ["tcp", "udp", "connected", "listen", "door", "loopback"] {
            assert_eq!(seen.of(what), "out", "{way}: {seen:?}");
        }
    }
}

#[test]
fn an_interface_without_a_way_there_is_not_replaced_by_another() {
    let Some(seen) = seen("ip route del default dev wan1", "pin=wan1") else { return };
    // The kernel then takes the target for a neighbour on that wire, and asks there who it is.
    assert_eq!(seen.sent[0], 0, "{seen:?}");
    assert!(seen.sent[1] < 900, "{seen:?}");
    let Some(seen) = self::seen("ip link set far1 down", "pin=wan1") else { return };
    assert_eq!(seen.sent[0], 0, "its cable is out: {seen:?}");
}

#[test]
fn what_is_shut_lets_nothing_out_but_the_owners_door() {
    let Some(seen) = seen("", "pin=wan1 shut") else { return };
    assert_eq!(seen.sent, [0, 0], "{seen:?}");
    for what in ["tcp", "udp", "connected", "listen"] {
        assert_eq!(seen.of(what), "refused NetworkDown", "{seen:?}");
    }
    assert_eq!((seen.of("door"), seen.of("loopback")), ("out", "out"), "{seen:?}");
}

#[test]
fn past_a_proxy_nothing_goes() {
    let Some(seen) = seen("", "proxy=10.0.0.1:1080") else { return };
    assert_eq!(seen.sent, [0, 0], "{seen:?}");
    for what in ["tcp", "udp", "connected", "listen"] {
        assert_eq!(seen.of(what), "refused NetworkUnreachable", "{seen:?}");
    }
    assert_eq!((seen.of("door"), seen.of("loopback")), ("out", "out"), "{seen:?}");
    let Some(seen) = self::seen("", "proxy=10.9.9.9:80 pin=wan1") else { return };
    assert_eq!((seen.of("tcp"), seen.sent[0]), ("out", 0), "the proxy itself, by the interface: {seen:?}");
    assert!(seen.sent[1] > 0 && seen.sent[1] < 900, "no datagram: {seen:?}");
}
