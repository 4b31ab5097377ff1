//! How soon a node makes the pages of a large shelf: as a real process, asked over HTTP as a browser asks.
//!
//! Reported for each page: median and slowest of the rounds, until its last byte is here. Ends with exit code 1 where a median
//! is longer than [`PAGE_MAX`]. What a browser makes of it is measured by `make browser ARGS=--figures`.
//!
//! ```sh
//! cargo build -p heirloom && cargo bench --profile dev -p heirloom-tests --bench shelf -- --works 10000
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its figures are what a benchmark is for")]

#[allow(dead_code, unused_imports, reason = "the benches use a part of what the stories stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use support::{Bed, text};

/// Works without an argument.
const WORKS_DEFAULT: usize = 10_000;
/// Rounds without an argument.
const ROUNDS_DEFAULT: usize = 21;
/// Longest for the median of a page.
const PAGE_MAX: Duration = Duration::from_millis(100);

fn argument(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} wants a number")))
}

/// A page, and how long it took to its last byte.
fn page(host: &str, token: &str, path: &str) -> (String, Duration) {
    let began = Instant::now();
    let mut stream = TcpStream::connect(host).expect("a node that listens");
    let head = format!("Host: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close");
    write!(stream, "GET {path} HTTP/1.1\r\n{head}\r\n\r\n").expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("a page");
    let took = began.elapsed();
    assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {}", answer.lines().next().unwrap_or_default());
    (answer, took)
}

fn main() -> ExitCode {
    let (works, rounds) = (argument("--works", WORKS_DEFAULT), argument("--rounds", ROUNDS_DEFAULT).max(1));
    let bed = Bed::without_dht();
    let node = bed.node("alice");
    // Whoever has no name is welcomed first.
    node.cli.ok(&["id", "set", "--name", "Alice"]);
    let mut rows = String::from("work,title,year,kind,genres,licence,infohash\n");
    for number in 0..works {
        let (year, genre) = (1900 + number % 120, number % 20);
        writeln!(rows, "hl:,Work number {number},{year},film,g{genre},CC0-1.0,{:040x}", number + 1).expect("written");
    }
    let shelf = bed.file("shelf.csv", rows.as_bytes());
    let began = Instant::now();
    node.cli.ok(&["import", shelf.to_str().expect("text")]);
    println!("{works} works, imported in {:.1} s", began.elapsed().as_secs_f64());
    let token = std::fs::read_to_string(node.home().join("api-token")).expect("a token");
    let host = text(node.ready(), "http");
    // The first search waits for the index.
    let found = page(host, token.trim(), "/?q=number").0;
    assert!(found.contains("class=\"poster\""), "the shelf is full");
    let mut is_held = true;
    for path in ["/", "/?kind=film", "/?kind=film&page=2", "/?q=number", "/?genre=g3", "/?kind=film&year=1950-1960"] {
        let mut times: Vec<Duration> = (0..rounds).map(|_| page(host, token.trim(), path).1).collect();
        times.sort();
        let (median, slowest) = (times[rounds / 2], times[rounds - 1]);
        is_held &= median <= PAGE_MAX;
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let verdict = if median <= PAGE_MAX { "held" } else { "MISSED" };
        let (median, slowest, limit) = (ms(median), ms(slowest), ms(PAGE_MAX));
        println!("{path}: median {median:.0} ms, slowest {slowest:.0} ms; median at most {limit:.0} ms: {verdict}");
    }
    if is_held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
