//! The way out: a node with two of them, kept to one, to none while that is away, and to a proxy. What leaves by each is
//! counted by the kernel, in network namespaces; where the system gives its users none, the test says so.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    ARRIVAL, Bed, Cli, Lab, Node, Process, RoomId, booked, bytes_of, is_same_file, number, program_after, text,
    wait_for,
};

/// Where whoever is not bob is, whichever way one comes. Of a private network: there a DHT may be at one address.
const AWAY: &str = "10.90.0.1";
/// The same room. Trackers of private networks are not asked.
const TRACKER: &str = "45.90.0.1:6969";
/// Nodes of the DHT there.
const DHT_NODES: &str = "12";
const WORK: &str = "imdb:tt1254207";
/// Enough for some seconds at the limit of whoever seeds it.
const SIZE: usize = 6 << 20;
/// So slowly is it given: there is time to cut a wire meanwhile.
const SLOWLY: &str = "400kB";

/// Bob's room with two wires to everywhere, of which the system would take the first, and the room of everybody else.
struct Town {
    lab: Lab,
    bob: RoomId,
    away: RoomId,
    wires: [String; 2],
}

impl Town {
    fn new(bed: &Bed) -> Option<Self> {
        let Some(mut lab) = Lab::new(&bed.path("")) else {
            println!("not tested: this system gives its users no network namespaces");
            return None;
        };
        let (bob, away) = (lab.room(), lab.room());
        for room in [bob, away] {
            // Neighbours of IPv6 would be asked for by the kernel, and that be counted.
            lab.run(room, "for f in all default; do echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6; done");
        }
        lab.run(away, &format!("ip addr add {AWAY}/32 dev lo && ip addr add 45.90.0.1/32 dev lo"));
        let wires = [0, 1].map(|n| {
            let bridge = format!("wan{n}");
            lab.bridge(&bridge);
            lab.plug(away, &bridge, &format!("10.8{n}.0.1/24"));
            lab.plug(bob, &bridge, &format!("10.8{n}.0.2/24"))
        });
        let town = Self { lab, bob, away, wires };
        for n in 0..2 {
            town.route(n);
        }
        Some(town)
    }

    /// The way to everywhere by a wire. The first is the better one, as far as the system is asked.
    fn route(&self, n: usize) {
        let wire = &self.wires[n];
        self.lab.run(self.bob, &format!("ip route add default via 10.8{n}.0.1 dev {wire} metric {}", n + 1));
    }

    fn sent(&self) -> [u64; 2] {
        [0, 1].map(|n| self.lab.sent(self.bob, &self.wires[n]))
    }

    /// A DHT where everybody else is, and its first nodes.
    fn dht(&self, bed: &Bed) -> (Process, Vec<String>) {
        let mut command = program_after(&self.lab.inside(self.away));
        command.args(["testnet", "--nodes", DHT_NODES, "--at", AWAY]);
        let process = Process::start(command, &bed.path("testnet.log"));
        let line = process.line(Duration::from_secs(60)).expect("`heirloom testnet` says where it is");
        let line: Value = serde_json::from_str(&line).expect("in JSON");
        let nodes =
            line["bootstrap"].as_array().expect("a list").iter().map(|node| node.as_str().expect("texts").to_owned());
        let flags = nodes.flat_map(|node| ["--dht-bootstrap".to_owned(), node]).collect();
        (process, flags)
    }

    /// Alice, who is away, and seeds a film slowly.
    fn alice(&self, bed: &Bed, net: &[String]) -> Node {
        let (quic, tcp) = (format!("/ip4/{AWAY}/udp/7341/quic-v1"), format!("/ip4/{AWAY}/tcp/7341"));
        let own = ["--p2p", &quic, "--p2p", &tcp, "--upload-limit", SLOWLY, "--no-mdns"].map(str::to_owned);
        Node::start_inside_at(self.lab.inside(self.away), &bed.path(""), "alice", AWAY, &[net, &own].concat())
    }

    fn bob(&self, bed: &Bed, net: &[String]) -> Node {
        let peer = ["--peer".to_owned(), format!("/ip4/{AWAY}/tcp/7341")];
        Node::start_inside_at(self.lab.inside(self.bob), &bed.path(""), "bob", "0.0.0.0", &[net, &peer].concat())
    }
}

/// The program beside this test; see its own words.
fn aside(bed: &Bed, lab: &Lab, room: RoomId, words: &[&str]) -> Process {
    let inside = lab.inside(room);
    let mut command = Command::new(&inside[0]);
    command.args(&inside[1..]).arg(env!("CARGO_BIN_EXE_aside")).args(words);
    let process = Process::start(command, &bed.path(format!("{}.log", words[0])));
    assert_eq!(process.line(Duration::from_secs(10)).as_deref(), Some("ready"));
    process
}

/// What a node answers to somebody with its token: the page, or what programs read.
fn answered(lab: &Lab, room: RoomId, node: &Node, path: &str) -> String {
    let token = std::fs::read_to_string(text(node.ready(), "api_token_file")).expect("a token");
    let inside = lab.inside(room);
    let mut command = Command::new(&inside[0]);
    command.args(&inside[1..]).arg(env!("CARGO_BIN_EXE_aside"));
    command.args(["get", text(node.ready(), "http"), path, token.trim()]);
    let done = command.output().expect("a room can be entered");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// A film of alice's, and its infohash.
fn published(bed: &Bed, alice: &Node, more: &[&str]) -> (Vec<u8>, String) {
    let film = bytes_of(SIZE, 7);
    let about = ["--title", "Film", "--year", "2008", "--kind", "film", "--licence", "CC-BY-3.0"];
    let done = alice.publish(&bed.file("film.mp4", &film), WORK, &[&about, more].concat());
    (film, text(&done, "infohash").to_owned())
}

fn wait_for_status(cli: &Cli, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, ARRIVAL, || {
        // A node that starts itself again does not answer for a moment.
        let status = cli.run(&["status"]).last_value();
        if is_so(&status) { Ok(status) } else { Err(format!("status is {status}")) }
    })
}

/// Waits until some of the film is there, and not yet all.
fn wait_for_a_part(bob: &Node) {
    wait_for("a part of the film", ARRIVAL, || {
        let rows = bob.cli.ok(&["ledger"]);
        match booked(&rows, |_| true) {
            0 => Err(format!("{rows}")),
            bytes => {
                assert!(bytes < SIZE as u64, "all of it came before anything could be tried");
                Ok(())
            }
        }
    });
}

#[test]
fn a_node_keeps_to_its_interface_and_to_nothing_while_that_is_away() {
    let bed = Bed::without_dht();
    let Some(town) = Town::new(&bed) else { return };
    let (_dht, net) = town.dht(&bed);
    let alice = town.alice(&bed, &net);
    let (film, infohash) = published(&bed, &alice, &[]);
    let bind = ["--bind".to_owned(), town.wires[1].clone()];
    let before = town.sent();
    let bob = town.bob(&bed, &[net, bind.to_vec()].concat());

    // Everything is at the one address, and libp2p, the DHT and torrents go by it.
    let ready = bob.ready();
    for place in ["bt", "bt_named", "dht"] {
        assert!(text(ready, place).starts_with("10.81.0.2:"), "{ready}");
    }
    assert!(bob.listening().iter().all(|address| address.starts_with("/ip4/10.81.0.2/")), "{ready}");
    bob.wait_for_peers(1);
    let status = wait_for_status(&bob.cli, "the DHT", |status| number(&status["dht"], "nodes") > 0);
    assert_eq!(status["outlet"]["open"], true, "{status}");
    assert_eq!(text(&status["outlet"], "interface"), town.wires[1]);
    bob.cli.ok(&["follow", &alice.key, "--yes"]);
    bob.wait_for_trusted(WORK, &infohash);
    bob.cli.ok(&["get", WORK]);
    wait_for_a_part(&bob);
    let halfway = town.sent();
    assert_eq!(halfway[0], before[0], "something left by the other interface");
    assert!(halfway[1] > before[1] + 1000, "{before:?} {halfway:?}");

    // Its interface goes: nothing is sent, by no other either, and everybody is told.
    town.lab.run(town.bob, &format!("ip link set {} down", town.wires[1]));
    let status = wait_for_status(&bob.cli, "it to be noticed", |status| status["outlet"]["open"] == false);
    let detail = text(&status["outlet"], "detail");
    assert!(detail.contains("nothing is sent") && detail.contains("is down"), "{detail}");
    let doctor = bob.cli.run(&["doctor"]).last_value();
    let check = doctor.as_array().into_iter().flatten().find(|check| check["check"] == "outlet").cloned();
    assert!(check.as_ref().is_some_and(|check| check["ok"] == false && check["detail"] == detail), "{doctor}");
    let figures = answered(&town.lab, town.bob, &bob, "/metrics");
    assert!(figures.contains("\nheirloom_outlet_open 0\n"), "{figures}");
    let page = answered(&town.lab, town.bob, &bob, "/people");
    assert!(page.contains("role=\"alert\"") && page.contains("nothing is sent or received"), "{page}");
    // What is asked for meanwhile is kept for later, and what would go out is refused.
    bob.cli.ok(&["verdict", &"dd".repeat(20), "good"]);
    let refused = bob.cli.run(&["--bind", &town.wires[1], "follow", &format!("http://{TRACKER}/"), "--yes"]);
    assert_ne!(refused.code, 0, "a page is not fetched past the interface");
    let stopped = town.sent();
    assert_eq!(stopped[0], before[0], "something left by the other interface");

    // It comes back, and the node goes on by itself where it was.
    town.lab.run(town.bob, &format!("ip link set {} up", town.wires[1]));
    town.route(1);
    wait_for_status(&bob.cli, "it to be back", |status| {
        status["outlet"]["open"] == true && number(status, "peers") > 0
    });
    let got = bob.cli.ok(&["get", WORK, "--wait"]);
    assert!(is_same_file(text(&got, "path"), &film), "{got}");
    let after = town.sent();
    assert_eq!(after[0], before[0], "something left by the other interface");
    println!("by the bound interface {} bytes, by the other {}", after[1] - before[1], after[0] - before[0]);
}

#[test]
fn an_address_keeps_a_node_to_the_interface_that_has_it() {
    let bed = Bed::without_dht();
    let Some(town) = Town::new(&bed) else { return };
    let (_dht, net) = town.dht(&bed);
    let alice = town.alice(&bed, &net);
    // A name too: the system's own resolver would ask for it by the other interface.
    let bind = ["--bind", "10.81.0.2", "--dht-bootstrap", "nobody.example:6881"].map(str::to_owned);
    let before = town.sent();
    let bob = town.bob(&bed, &[net, bind.to_vec()].concat());
    bob.wait_for_peers(1);
    wait_for_status(&bob.cli, "the DHT", |status| number(&status["dht"], "nodes") > 0);
    bob.cli.ok(&["follow", &alice.key, "--yes"]);
    // The address goes, and the interface stays.
    town.lab.run(town.bob, &format!("ip addr del 10.81.0.2/24 dev {}", town.wires[1]));
    let status = wait_for_status(&bob.cli, "it to be noticed", |status| status["outlet"]["open"] == false);
    assert!(text(&status["outlet"], "detail").contains("10.81.0.2"), "{status}");
    let after = town.sent();
    assert_eq!(after[0], before[0], "something left by the other interface");
    assert!(after[1] > before[1], "{before:?} {after:?}");
}

#[test]
fn names_are_asked_for_by_the_interface() {
    let bed = Bed::without_dht();
    let Some(town) = Town::new(&bed) else { return };
    // The system's list of name servers, as one of the wires would bring it.
    let list = bed.file("resolv.conf", format!("nameserver {AWAY}\n").as_bytes());
    let mount = format!("mount --bind '{}' /etc/resolv.conf && exec \"$@\"", list.display());
    let inside =
        [town.lab.inside(town.bob), ["unshare", "--mount", "sh", "-c", &mount, "sh"].map(str::to_owned).to_vec()]
            .concat();
    let can = Command::new(&inside[0]).args(&inside[1..]).arg("true").status();
    if !can.is_ok_and(|can| can.success()) {
        println!("not tested: this system gives its users no mounts of their own");
        return;
    }
    let names = aside(&bed, &town.lab, town.away, &["names", &format!("{AWAY}:53"), "45.90.0.1"]);
    let site = aside(&bed, &town.lab, town.away, &["tracker", TRACKER, "45.90.0.1:1"]);
    let bob = bed.home("bob").inside(inside);
    let before = town.sent();
    let page = "http://somebody.example:6969/";
    let told = bob.run(&["--bind", &town.wires[1], "follow", page, "--yes"]);
    assert_ne!(told.code, 0, "that page names nobody");
    assert_eq!(names.line(ARRIVAL).as_deref(), Some("asked from 10.81.0.2"), "{}", told.stderr);
    assert_eq!(site.line(ARRIVAL).as_deref(), Some("asked from 10.81.0.2"), "{}", told.stderr);
    let after = town.sent();
    assert_eq!(after[0], before[0], "something left by the other interface");
    // And the same without it, so that the other way is one.
    bob.run(&["follow", page, "--yes"]);
    assert!(town.sent()[0] > before[0]);
}

#[test]
fn behind_a_proxy_nothing_leaves_but_to_the_proxy() {
    let bed = Bed::without_dht();
    let Some(mut town) = Town::new(&bed) else { return };
    // A room between bob and everybody else, with a wire of its own to him: what leaves by the others went past it.
    let between = town.lab.room();
    town.lab.bridge("lan");
    town.lab.plug(between, "lan", "192.168.7.1/24");
    let lan = town.lab.plug(town.bob, "lan", "192.168.7.2/24");
    let wire = town.lab.plug(between, "wan0", "10.80.0.3/24");
    town.lab.run(between, &format!("ip route add default via 10.80.0.1 dev {wire}"));
    let proxy = aside(&bed, &town.lab, between, &["socks", "192.168.7.1:1080", "bob", "hunter2"]);
    let (_dht, net) = town.dht(&bed);
    let alice = town.alice(&bed, &net);
    let seeded_at = text(alice.ready(), "bt_named").to_owned();
    let tracker = aside(&bed, &town.lab, town.away, &["tracker", TRACKER, &seeded_at]);
    let (film, infohash) = published(&bed, &alice, &["--tracker", &format!("http://{TRACKER}/announce")]);

    let before = town.sent();
    let flags = ["--proxy", "socks5://bob:hunter2@192.168.7.1:1080"].map(str::to_owned);
    let bob = town.bob(&bed, &[net, flags.to_vec()].concat());
    bob.wait_for_peers(1);
    let status = bob.cli.ok(&["status"]);
    assert_eq!(text(&status["outlet"], "proxy"), "socks5://bob:…@192.168.7.1:1080");
    assert!(status["dht"].is_null() && status["p2p"]["listening"] == serde_json::json!([]), "{status}");
    bob.cli.ok(&["follow", &alice.key, "--yes"]);
    bob.wait_for_trusted(WORK, &infohash);
    let got = bob.cli.ok(&["get", WORK, "--wait"]);
    assert!(is_same_file(text(&got, "path"), &film), "{got}");
    assert_eq!(tracker.line(ARRIVAL).as_deref(), Some("asked from 10.80.0.3"), "by the proxy");
    let is_well = |bob: &Node, name: &str| {
        let doctor = bob.cli.run(&["doctor"]).last_value();
        let check = doctor.as_array().into_iter().flatten().find(|check| check["check"] == name).cloned();
        check.unwrap_or_else(|| panic!("no {name} in {doctor}"))["ok"] == true
    };
    assert!(is_well(&bob, "outlet") && is_well(&bob, "proxy") && is_well(&bob, "names"));
    let after = town.sent();
    assert_eq!(after, before, "something left past the proxy");
    println!(
        "to the proxy {} bytes, past it {}",
        town.lab.sent(town.bob, &lan),
        after[0] - before[0] + after[1] - before[1]
    );

    // Who is asked for all settings, and what stands in the log, hides the password.
    for shown in
        [bob.cli.ok(&["config"]).to_string(), status.to_string(), bob.cli.ok(&["doctor"]).to_string(), bob.said()]
    {
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    // The proxy dies: nobody is reached, and nobody by another way.
    proxy.kill();
    assert!(!is_well(&bob, "proxy"));
    wait_for_status(&bob.cli, "the peers to be gone", |status| number(status, "peers") == 0);
    let other = alice.publish(
        &bed.file("other.mp4", &bytes_of(SIZE, 8)),
        "imdb:tt0000008",
        &["--title", "Other", "--kind", "film"],
    );
    bob.cli.ok(&["get", text(&other, "infohash"), "--anyway"]);
    let refused =
        bob.cli.run(&["--proxy", "socks5://192.168.7.1:1080", "follow", &format!("http://{TRACKER}/"), "--yes"]);
    assert_ne!(refused.code, 0, "a page is not fetched past the proxy");
    assert_eq!(town.sent(), before, "something left past the proxy");
}

#[test]
fn an_interface_that_is_not_there_is_one_sentence() {
    let bed = Bed::without_dht();
    let cli = bed.home("bob");
    let not_there = ["nosuch0", "203.0.113.77", "wg0/24", "0.0.0.0"];
    for (flag, value) in not_there.map(|value| ("--bind", value)).into_iter().chain([
        ("--proxy", "nonsense"),
        ("--proxy", "http://127.0.0.1:1080"),
        ("--proxy", "socks5://bob:hunter2@127.0.0.1"),
    ]) {
        let refused = cli.run(&["run", "--offline", "--http", "127.0.0.1:0", flag, value]);
        assert_eq!(refused.code, 2, "{flag} {value}: {}", refused.stderr);
        let error = refused.last_value();
        let message = error["error"]["message"].as_str().unwrap_or_default();
        assert!(message.starts_with(flag) && !message.contains('\n'), "{error}");
        assert!(!refused.stderr.contains("hunter2") && !refused.stdout.contains("hunter2"), "{}", refused.stderr);
    }
    // Other commands go on without it, and say nothing of it: they reach this machine alone.
    cli.ok(&["--bind", "nosuch0", "status"]);
}
