//! What a node costs that has nothing to do: processor time, memory, bytes on the wire.
//!
//! Some nodes meet in a DHT of their own on loopback and are then left alone. Processor time counts, not wall time, so
//! that a busy machine changes little. Bytes are those of the whole loopback, shared among the nodes, and so hold the
//! DHT's own: in a network namespace of its own (`ip netns`) nobody else's are among them.
//!
//! Checked: the nodes are still connected at the end. Never asserted: a figure. The targets are below 1 % of a processor,
//! 100 MB and 5 kB/s.
//!
//! ```sh
//! cargo build -p heirloom && cargo bench --profile dev -p heirloom-tests --bench idle -- --nodes 5 --seconds 300
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its figures are what a benchmark is for")]

#[allow(dead_code, unused_imports, reason = "the benches use a part of what the stories stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::{Bed, Node, number};

/// Nodes without an argument.
const NODES_DEFAULT: u64 = 5;
/// Seconds without an argument.
const SECONDS_DEFAULT: u64 = 300;
/// Seconds after everybody has met, so that lookups and first sessions of sync are over.
const SETTLE_S: u64 = 60;
/// Ticks of processor time in a second, as Linux shows them to everybody.
const TICKS_PER_S: f64 = 100.0;

fn argument(name: &str, default: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} wants a number")))
}

/// What the system says of a process.
fn process(node: &Node, file: &str) -> String {
    let running = std::fs::read_to_string(node.home().join("running")).expect("a running node");
    let pid = running.lines().nth(1).expect("its process").to_owned();
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).expect("this needs Linux")
}

fn cpu_s(node: &Node) -> f64 {
    let stat = process(node, "stat");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / TICKS_PER_S
}

fn rss_mb(node: &Node) -> f64 {
    let status = process(node, "status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("resident memory");
    line.trim().trim_end_matches("kB").trim().parse::<f64>().expect("a number") / 1000.0
}

/// Bytes on loopback so far.
fn loopback_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/net/dev").expect("this needs Linux");
    let line = text.lines().find_map(|line| line.trim().strip_prefix("lo:")).expect("loopback");
    line.split_whitespace().next().expect("a count").parse().expect("a number")
}

fn main() {
    let (nodes, seconds) = (argument("--nodes", NODES_DEFAULT), argument("--seconds", SECONDS_DEFAULT));
    assert!(nodes > 1 && seconds > 0, "at least two nodes and a second");
    let bed = Bed::new();
    let nodes: Vec<Node> = (0..nodes).map(|number| bed.node_in_the_open(&format!("node {number}"))).collect();
    let peers = |node: &Node| number(&node.cli.ok(&["status"]), "peers");
    nodes.iter().for_each(|node| node.wait_for_peers(nodes.len() as u64 - 1));
    // An idle while is what is measured, so these are no waits for a condition.
    std::thread::sleep(Duration::from_secs(SETTLE_S));
    let before: Vec<f64> = nodes.iter().map(cpu_s).collect();
    let (bytes, began) = (loopback_bytes(), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let took = began.elapsed().as_secs_f64();
    let bytes = loopback_bytes() - bytes;
    println!("{:<8} {:>12} {:>9} {:>7}", "node", "processor %", "RSS MB", "peers");
    for (at, (node, before)) in nodes.iter().zip(&before).enumerate() {
        let share = (cpu_s(node) - before) / took * 100.0;
        println!("{at:<8} {share:>12.2} {:>9.1} {:>7}", rss_mb(node), peers(node));
        assert!(peers(node) > 0, "node {at} is alone");
    }
    // Each byte on loopback is sent once and received once, by a node or by the DHT.
    println!(
        "loopback: {:.2} kB/s for each node in {took:.0} s, both ways",
        bytes / took / nodes.len() as f64 / 1000.0
    );
}
