//! Real processes on loopback: a statement reaches all of them, and one that was away catches up.
//!
//! Each node dials two before it. Everybody follows the first, which then says something; the last is killed, misses more
//! and is started again. Checked: everybody has all that the first has said, each time. Reported: how long it took.
//!
//! ```sh
//! cargo build -p heirloom && cargo bench --profile dev -p heirloom-tests --bench crowd -- --nodes 20 --statements 50
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its figures are what a benchmark is for")]

#[allow(dead_code, unused_imports, reason = "the benches use a part of what the stories stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::{ARRIVAL, Bed, Chance, Node, wait_for};

/// Nodes without an argument.
const NODES_DEFAULT: usize = 20;
/// Statements, each time, without an argument.
const STATEMENTS_DEFAULT: usize = 20;

fn argument(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} wants a number")))
}

/// When the newest head of `of` was made, as this node knows it, and whether all that it counts is here.
fn has_head(node: &Node, of: &Node) -> (String, bool) {
    let follows = node.cli.ok(&["follow"]);
    let row = follows.as_array().and_then(|rows| rows.iter().find(|row| row["key"] == of.key.as_str()));
    let row = row.unwrap_or_else(|| panic!("not followed: {follows}"));
    (row["head_at"].as_str().unwrap_or_default().to_owned(), row["is_whole"] == true)
}

/// Says so many things and gives the time after which its next head must have been made.
fn say(node: &Node, count: usize, chance: &mut Chance) -> String {
    let mut last = String::new();
    for _ in 0..count {
        let signed = node.cli.ok(&["verdict", &chance.infohash(), "good"]);
        let id = signed["id"].as_str().expect("an id").to_owned();
        let exported = node.cli.ok(&["export", "--statements"]);
        let row = exported.as_array().and_then(|rows| rows.iter().find(|row| row["id"] == id.as_str()));
        last = row.expect("it is there")["created"].as_str().expect("a time").to_owned();
    }
    last
}

/// Waits until a node has a head of `of` that is not older than `since`, and all that it counts.
fn wait_until_whole(node: &Node, of: &Node, since: &str) {
    wait_for("everything that was said", 4 * ARRIVAL, || {
        let (head_at, is_whole) = has_head(node, of);
        // Times in RFC 3339 sort as text.
        if is_whole && head_at.as_str() >= since { Ok(()) } else { Err(format!("{head_at} {is_whole} of {since}")) }
    });
}

fn main() {
    let (count, statements) = (argument("--nodes", NODES_DEFAULT), argument("--statements", STATEMENTS_DEFAULT));
    assert!(count > 2 && statements > 0, "at least three nodes and a statement");
    let mut chance = Chance::of_this_run();
    let bed = Bed::without_dht();
    let mut nodes: Vec<Node> = vec![bed.node("node 0")];
    for number in 1..count {
        let peers: Vec<&Node> = nodes.iter().rev().take(2).collect();
        let node = bed.node_with(&format!("node {number}"), &peers);
        node.cli.ok(&["follow", &nodes[0].key, "--yes"]);
        nodes.push(node);
    }
    nodes.iter().for_each(|node| node.wait_for_peers(2));
    let seconds = |began: Instant| Duration::as_secs_f64(&began.elapsed());

    let since = say(&nodes[0], statements, &mut chance);
    let began = Instant::now();
    nodes[1..].iter().for_each(|node| wait_until_whole(node, &nodes[0], &since));
    println!("{count} processes: {statements} statements reached all of them, {:.1} s after the last", seconds(began));

    let mut last = nodes.pop().expect("the last");
    last.kill();
    let since = say(&nodes[0], statements, &mut chance);
    nodes[1..].iter().for_each(|node| wait_until_whole(node, &nodes[0], &since));
    // The first is not among those whom it knows.
    let peers: Vec<&Node> = nodes.iter().rev().take(2).collect();
    let began = Instant::now();
    last.start_again(&bed.net(&peers));
    wait_until_whole(&last, &nodes[0], &since);
    println!("one that was away for {statements} more had them {:.1} s after it was started", seconds(began));
}
