//! Networks as they are outside: cut in two and joined again, behind routers that hide who is there, without IPv4.
//!
//! Each is built of network namespaces. Where the system gives a user none, there is nothing to test on, and the test
//! says so.

use std::time::{Duration, Instant};

use crate::support::{ARRIVAL, Bed, HALL, Lab, Node, RoomId, number, wait_for};

/// Longest until a connection over a dead wire is given up (a ping every 15 s, with 20 s to answer), or a hole punched.
const NOTICED: Duration = Duration::from_secs(120);
/// Longest until AutoNAT has answered: the first question, after 15 s, may come to nothing, and the next is 90 s later.
const ANSWERED: Duration = Duration::from_secs(300);

fn lab(bed: &Bed) -> Option<Lab> {
    let lab = Lab::new(&bed.path(""));
    if lab.is_none() {
        println!("not tested: this system gives its users no network namespaces");
    }
    lab
}

/// Starts a node in a room; it listens there over QUIC and TCP at `address`.
fn node(bed: &Bed, lab: &Lab, room: RoomId, name: &str, address: &str, more: &[&str]) -> Node {
    let ip = if address.contains(':') { "ip6" } else { "ip4" };
    let (quic, tcp) = (format!("/{ip}/{address}/udp/7341/quic-v1"), format!("/{ip}/{address}/tcp/7341"));
    let flags = [&["--no-dht", "--p2p", &quic, "--p2p", &tcp], more].concat();
    let flags: Vec<String> = flags.into_iter().map(str::to_owned).collect();
    Node::start_inside(lab.inside(room), &bed.path(""), name, &flags)
}

fn wait_for_status(node: &Node, what: &str, limit: Duration, is_so: impl Fn(&serde_json::Value) -> bool) {
    wait_for(what, limit, || {
        let status = node.cli.ok(&["status"]);
        if is_so(&status) { Ok(()) } else { Err(format!("status is {status}")) }
    });
}

/// Of each follow of a node: whether all that its head counts is there.
fn is_whole(node: &Node, key: &str, live: u64) -> Result<(), String> {
    let follows = node.cli.ok(&["follow"]);
    let row = follows.as_array().and_then(|rows| rows.iter().find(|row| row["key"] == key)).cloned();
    let verdicts = node.cli.ok(&["status"])["statements"].clone();
    match row {
        Some(row) if row["is_whole"] == true && verdicts.as_u64() >= Some(live) => Ok(()),
        row => Err(format!("{row:?}, {verdicts} statements")),
    }
}

#[test]
fn a_partition_is_made_and_healed_and_nothing_is_lost() {
    let bed = Bed::without_dht();
    let Some(mut lab) = lab(&bed) else { return };
    // Two switches with a cable between them.
    lab.bridge("left");
    lab.bridge("right");
    lab.run(HALL, "ip link add cable type veth peer name elbac && ip link set cable master left");
    lab.run(HALL, "ip link set elbac master right && ip link set cable up && ip link set elbac up");
    let mut nodes = Vec::new();
    for (name, switch, at) in [("alice", "left", 1), ("anna", "left", 2), ("bob", "right", 3), ("bill", "right", 4)] {
        let room = lab.room();
        let address = format!("10.7.0.{at}");
        let wire = lab.plug(room, switch, &format!("{address}/24"));
        // Loss and delay, where this kernel has them.
        let _ = lab.can(room, &format!("tc qdisc add dev {wire} root netem delay 20ms 5ms loss 1%"));
        nodes.push(node(&bed, &lab, room, name, &address, &[]));
    }
    // Nobody was told of anybody: mDNS.
    nodes.iter().for_each(|node| node.wait_for_peers(3));
    for node in &nodes {
        for other in nodes.iter().filter(|other| other.key != node.key) {
            node.cli.ok(&["follow", &other.key, "--yes"]);
        }
        node.cli.ok(&["verdict", &"aa".repeat(20), "good"]);
    }

    lab.run(HALL, "ip link set cable down");
    for node in &nodes {
        wait_for_status(node, "the cut to be noticed", NOTICED, |status| status["peers"] == 1);
    }
    for (node, digit) in nodes.iter().zip("1234".chars()) {
        for number in 0..20 {
            node.cli.ok(&["verdict", &format!("{digit}{number:039}"), "good"]);
        }
    }
    // Each side has its own, and nothing of the other.
    let before = |node: &Node| number(&node.cli.ok(&["status"]), "statements");
    wait_for("one side to converge", ARRIVAL, || {
        is_whole(&nodes[0], &nodes[1].key, 40)?;
        is_whole(&nodes[2], &nodes[3].key, 40)
    });
    assert!(nodes.iter().all(|node| before(node) < 4 * 20), "the cut was none");

    lab.run(HALL, "ip link set cable up");
    let healed = Instant::now();
    for node in &nodes {
        wait_for_status(node, "peers to come back", 2 * NOTICED, |status| status["peers"] == 3);
    }
    println!("all were connected {:.0} s after the cable was back", healed.elapsed().as_secs_f64());
    for node in &nodes {
        for other in nodes.iter().filter(|other| other.key != node.key) {
            wait_for("the other side's statements", 2 * NOTICED, || is_whole(node, &other.key, 4 * 21));
        }
    }
    println!("all had all {:.0} s after the cable was back", healed.elapsed().as_secs_f64());
}

#[test]
fn two_nodes_behind_routers_meet_over_a_third() {
    let bed = Bed::without_dht();
    let Some(mut lab) = lab(&bed) else { return };
    // The internet: three networks that are routed to each other. Addresses of its documentation would not count as such.
    lab.bridge("net");
    let public = lab.room();
    lab.plug(public, "net", "45.1.0.1/8");
    let mut homes = Vec::new();
    for at in 2..4 {
        let (router, home) = (lab.room(), lab.room());
        let (bridge, outside) = (format!("lan{at}"), format!("45.{at}.0.1"));
        lab.bridge(&bridge);
        lab.plug(router, &bridge, &format!("192.168.{at}.1/24"));
        let wan = lab.plug(router, "net", &format!("{outside}/8"));
        lab.run(router, "echo 1 > /proc/sys/net/ipv4/ip_forward");
        // As routers at home do: outwards under one address, and what comes unasked is dropped. Were it refused instead,
        // the router would remember it, and give what goes out there another port.
        let nft = format!(
            "nft 'table ip nat {{ chain out {{ type nat hook postrouting priority 100; oifname {wan} masquerade; }}; }}' && \
             nft 'table ip guard {{ chain through {{ type filter hook forward priority 0; \
             iifname {wan} ct state new drop; }}; chain here {{ type filter hook input priority 0; \
             iifname {wan} ct state new drop; }}; }}'"
        );
        let iptables = format!(
            "iptables -t nat -A POSTROUTING -o {wan} -j MASQUERADE && \
             iptables -A FORWARD -i {wan} -m conntrack --ctstate NEW -j DROP && \
             iptables -A INPUT -i {wan} -m conntrack --ctstate NEW -j DROP"
        );
        if !lab.can(router, &nft) && !lab.can(router, &iptables) {
            println!("not tested: this system has neither nftables nor iptables for its users");
            return;
        }
        let address = format!("192.168.{at}.2");
        lab.plug(home, &bridge, &format!("{address}/24"));
        lab.run(home, &format!("ip route add default via 192.168.{at}.1"));
        homes.push((home, address));
    }
    let server = node(&bed, &lab, public, "public", "45.1.0.1", &["--nat", "public"]);
    let known = server.listening().into_iter().find(|address| address.contains("quic")).expect("it listens");
    let start = |(room, address): &(RoomId, String), name: &str, more: &[&str]| {
        node(&bed, &lab, *room, name, address, &[&["--peer", &known], more].concat())
    };
    let began = Instant::now();
    let after = |what: &str| println!("{what} after {:.0} s", began.elapsed().as_secs_f64());
    let alice = start(&homes[0], "alice", &[]);
    // Others try to dial it, and cannot; so it asks for a place.
    wait_for_status(&alice, "alice to know that she cannot be dialled", ANSWERED, |s| s["p2p"]["nat"] == "private");
    after("private");
    let circuit = wait_for("a place at a relay", NOTICED, || {
        let status = alice.cli.ok(&["status"]);
        let listening = status["p2p"]["listening"].as_array().cloned().unwrap_or_default();
        let over = listening.iter().filter_map(|a| a.as_str()).find(|a| a.contains("/p2p-circuit")).map(str::to_owned);
        over.ok_or(format!("status is {status}"))
    });
    after("a place at the relay");
    assert!(number(&server.cli.ok(&["status"])["p2p"]["counters"], "relay_places") > 0);

    let bob = start(&homes[1], "bob", &["--peer", &circuit]);
    bob.wait_for_peers(2);
    alice.wait_for_peers(2);
    assert!(number(&server.cli.ok(&["status"])["p2p"]["counters"], "circuits") > 0, "bob came over the relay");
    let punched = |node: &Node| number(&node.cli.ok(&["status"])["p2p"]["counters"], "holes_punched");
    wait_for("a hole to be punched", NOTICED, || {
        if punched(&alice) + punched(&bob) > 0 { Ok(()) } else { Err(format!("{}", bob.cli.ok(&["status"]))) }
    });
    after("a hole");
    // A place at a relay is no way to be dialled directly: neither offers to carry others.
    for node in [&alice, &bob] {
        assert_eq!(number(&node.cli.ok(&["status"])["p2p"]["counters"], "relay_places"), 0);
    }
    // The way over the relay is given up: one connection with each other, one with the third.
    for node in [&alice, &bob] {
        wait_for_status(node, "the circuit to be closed", NOTICED, |s| s["p2p"]["connections"] == 2 && s["peers"] == 2);
    }
    after("one connection");
    // Without the third, they still have each other.
    alice.cli.ok(&["follow", &bob.key, "--yes"]);
    drop(server);
    bob.cli.ok(&["verdict", &"bb".repeat(20), "good"]);
    wait_for("bob's word to reach alice", NOTICED, || is_whole(&alice, &bob.key, 1));
    after("a word without the relay");
}

#[test]
fn nodes_without_ipv4_meet() {
    let bed = Bed::without_dht();
    let Some(mut lab) = lab(&bed) else { return };
    lab.bridge("net");
    let rooms: Vec<_> = (1..4).map(|at| (lab.room(), format!("fd00:7::{at}"))).collect();
    for (room, address) in &rooms {
        lab.plug(*room, "net", &format!("{address}/64"));
    }
    let [alice, bob, carol] = &rooms[..] else { unreachable!() };
    let alice = node(&bed, &lab, alice.0, "alice", &alice.1, &["--no-mdns"]);
    let known = alice.listening().into_iter().find(|address| address.contains("quic")).expect("it listens");
    let bob = node(&bed, &lab, bob.0, "bob", &bob.1, &["--peer", &known]);
    bob.wait_for_peers(1);
    // Bob and carol are told of nobody who is told of the other: multicast of IPv6.
    let carol = node(&bed, &lab, carol.0, "carol", &carol.1, &[]);
    carol.wait_for_peers(1);
    bob.wait_for_peers(2);
    carol.cli.ok(&["follow", &alice.key, "--yes"]);
    alice.cli.ok(&["verdict", &"cc".repeat(20), "good"]);
    wait_for("alice's word to reach carol by bob", ARRIVAL, || is_whole(&carol, &alice.key, 1));
}
