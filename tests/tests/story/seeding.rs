//! What is seeded within a budget: what needs it most, until it gave enough, and what is only here in any case.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Bed, Node, announce_junk, bytes_of, next_ip, number, text, wait_for};

/// Bytes of each film.
const SIZE: usize = 256 << 10;
/// A node looks at its seeds every ten seconds, and the DHT at a swarm within some.
const LOOKED: Duration = Duration::from_secs(180);

/// Publishes films of so many bytes each, and gives their infohashes.
fn films<const N: usize>(bed: &Bed, curator: &Node, size: usize) -> [String; N] {
    std::array::from_fn(|number| {
        let name = format!("film{number}.mp4");
        let clip = bed.file(&name, &bytes_of(size, 70 + number as u64));
        let work = format!("imdb:tt700000{number}");
        let published = curator.publish(&clip, &work, &["--title", &name, "--year", "2024", "--kind", "film"]);
        text(&published, "infohash").to_owned()
    })
}

fn fetch(node: &Node, infohash: &str) {
    let got = node.cli.ok(&["get", infohash, "--anyway", "--wait"]);
    assert_eq!(number(&got, "verified_bytes"), SIZE as u64, "{got}");
}

/// The downloads of a node by its API: what is complete has no state on the command line.
fn downloads(node: &Node) -> Value {
    let (at, token) = (text(node.ready(), "http"), std::fs::read_to_string(node.home().join("api-token")));
    let token = token.expect("it is ours");
    let mut stream = TcpStream::connect(at).expect("it listens");
    let head = format!("GET /api/v1/downloads HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n");
    write!(stream, "{head}Authorization: Bearer {}\r\n\r\n", token.trim()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {answer}"))
}

#[track_caller]
fn wait_for_states<const N: usize>(node: &Node, wanted: [(&String, &str); N]) {
    wait_for(&format!("{wanted:?}"), LOOKED, || {
        let found = downloads(node);
        let rows = found.as_array().expect("a list");
        let is_so =
            |infohash: &String, state| rows.iter().any(|row| row["infohash"] == **infohash && row["state"] == state);
        if wanted.iter().all(|(infohash, state)| is_so(infohash, *state)) { Ok(()) } else { Err(found.to_string()) }
    });
}

/// The bytes of an infohash in hexadecimal digits.
fn digest(infohash: &str) -> [u8; 20] {
    std::array::from_fn(|at| u8::from_str_radix(&infohash[2 * at..2 * at + 2], 16).expect("hexadecimal"))
}

#[test]
fn within_a_budget_that_is_seeded_which_needs_it_most_until_it_gave_enough() {
    let bed = Bed::new();
    let mut curator = bed.node("curator");
    let [common, rare, other] = films(&bed, &curator, SIZE);
    // Many say that they have the first one, as in the swarm of a film that everybody has.
    let others = next_ip();
    assert!(announce_junk(&bed.bootstrap(), digest(&common), &others, 2000..2040) > 0);
    let alice = bed.node("alice");
    [&common, &rare, &other].into_iter().for_each(|infohash| fetch(&alice, infohash));
    wait_for_states(&alice, [(&common, "seeding"), (&rare, "seeding"), (&other, "seeding")]);

    // There is room for two: what others seed best rests.
    alice.cli.ok(&["seed", "--budget", "600KiB"]);
    wait_for_states(&alice, [(&common, "resting"), (&rare, "seeding"), (&other, "seeding")]);
    alice.cli.ok(&["seed", "--budget", "none", "--ratio", "1"]);
    wait_for_states(&alice, [(&common, "seeding"), (&rare, "seeding"), (&other, "seeding")]);

    // The curator is gone, so that all of this copy comes from Alice: once its size, which is enough.
    curator.kill();
    let bob = bed.node("bob");
    fetch(&bob, &rare);
    wait_for_states(&alice, [(&common, "seeding"), (&rare, "resting"), (&other, "seeding")]);
    // More is granted: it goes on.
    alice.cli.ok(&["seed", "--ratio", "2"]);
    wait_for_states(&alice, [(&rare, "seeding")]);
}
