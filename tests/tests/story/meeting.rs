//! Finding each other with no server and no introduction: the DHT's rendezvous, the memory of peers, and junk in both.

use std::process::Command;
use std::time::{Duration, Instant};

use sha1::{Digest, Sha1};

use crate::support::{ARRIVAL, Bed, Node, announce_junk, next_ip, number, wait_for};

const STOP_MAX: Duration = Duration::from_secs(10);

/// The key of today, from the description in `proto/README.md`.
fn key_of_today() -> [u8; 20] {
    let day = Command::new("date").args(["-u", "+%F"]).output().expect("a calendar").stdout;
    let day = String::from_utf8(day).expect("digits");
    Sha1::digest(format!("heirloom/1/net/{}", day.trim())).into()
}

/// What `status` says of libp2p, once it is so.
fn wait_for_p2p(node: &Node, what: &str, is_so: impl Fn(&serde_json::Value) -> bool) {
    wait_for(what, ARRIVAL, || {
        let status = node.cli.ok(&["status"]);
        if is_so(&status["p2p"]) { Ok(()) } else { Err(format!("status is {status}")) }
    });
}

/// A statement of one reaches the other by gossip: neither follows anybody, so nothing else would carry it.
fn assert_a_statement_travels(from: &Node, to: &[&Node], infohash: &str) {
    let before: Vec<_> = to.iter().map(|node| number(&node.cli.ok(&["status"]), "statements")).collect();
    from.cli.ok(&["verdict", infohash, "good"]);
    let mut said_at = Instant::now();
    for (node, before) in to.iter().zip(before) {
        wait_for("a statement to arrive", ARRIVAL, || {
            // What is said to a process while it is being killed is lost to gossip; what is said later is not.
            if said_at.elapsed() > Duration::from_secs(10) {
                from.cli.ok(&["verdict", infohash, "good", "--note", "again"]);
                said_at = Instant::now();
            }
            let status = node.cli.ok(&["status"]);
            if number(&status, "statements") > before { Ok(()) } else { Err(format!("status is {status}")) }
        });
    }
}

#[test]
fn three_nodes_that_know_only_the_dht_find_each_other() {
    let bed = Bed::new();
    let nodes: Vec<_> = ["alice", "bob", "carol"].iter().map(|name| bed.node_in_the_open(name)).collect();
    nodes.iter().for_each(|node| node.wait_for_peers(2));
    let others: Vec<_> = nodes[1..].iter().collect();
    assert_a_statement_travels(&nodes[0], &others, &"ab".repeat(20));
    let status = nodes[0].cli.ok(&["status"]);
    assert!(number(&status["p2p"]["rendezvous"], "announces") > 0, "{status}");
    let doctor = nodes[0].cli.doctor();
    for check in ["dht", "peers", "listening", "rendezvous"] {
        let found = doctor.as_array().and_then(|all| all.iter().find(|row| row["check"] == check));
        assert_eq!(found.map(|row| &row["ok"]), Some(&true.into()), "{doctor}");
    }
}

#[test]
fn a_restarted_node_finds_its_peers_again_without_the_dht() {
    let mut bed = Bed::new();
    let alice = bed.node_in_the_open("alice");
    let mut bob = bed.node_in_the_open("bob");
    bob.wait_for_peers(1);
    wait_for_p2p(&bob, "bob to remember alice", |p2p| number(p2p, "remembered") >= 1);
    wait_for("bob's memory to be written", ARRIVAL, || {
        if bob.home().join("peers").exists() { Ok(()) } else { Err("no file".into()) }
    });
    // Killed, not stopped: what was written before must do. The DHT that comes instead holds nothing.
    bob.kill();
    bed.fresh_dht();
    let mut nowhere = bed.open_at(&next_ip());
    nowhere.push("--no-dht".into());
    bob.start_again(&nowhere);
    bob.wait_for_peers(1);
    wait_for_p2p(&bob, "by memory", |p2p| p2p["peers_by"]["remembered"] == 1);
    // Alice noticed that it is another process, and holds no connection with the dead one.
    let has_one = |p2p: &serde_json::Value| p2p["connections"] == 1;
    wait_for_p2p(&bob, "one connection", has_one);
    wait_for_p2p(&alice, "one connection", has_one);
    assert_a_statement_travels(&alice, &[&bob], &"cd".repeat(20));

    assert!(bob.stop(STOP_MAX).success());
    bob.start_again(&nowhere);
    bob.wait_for_peers(1);
}

#[test]
fn hundreds_of_dead_addresses_at_the_rendezvous_hide_nobody() {
    let bed = Bed::new();
    let key = key_of_today();
    let hosts: Vec<_> = (0..3).map(|_| next_ip()).collect();
    // Ports that nothing listens at: below the range from which the system gives free ones.
    let taken: usize = hosts.iter().map(|ip| announce_junk(&bed.bootstrap(), key, ip, (2000..2100).step_by(1))).sum();
    assert!(taken >= 300, "the DHT took only {taken} announcements");
    let alice = bed.node_in_the_open("alice");
    let bob = bed.node_in_the_open("bob");
    alice.wait_for_peers(1);
    bob.wait_for_peers(1);
    assert_a_statement_travels(&alice, &[&bob], &"ef".repeat(20));
    let status = bob.cli.ok(&["status"]);
    assert!(number(&status["p2p"]["rendezvous"], "found") > 10, "it saw the junk: {status}");
}
