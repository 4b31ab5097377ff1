//! How soon a film plays: a seeder and a viewer's node on loopback, as real processes.
//!
//! Reported for each film: from `play` to the first byte, to the first MiB, and to a MiB in the middle, where nothing is
//! yet (a player shows its first frame within that); then ten viewers at once, each reading a part of the film in ranges of
//! 1 MiB, as browsers do. Checked: every byte is that of the film. Ends with exit code 1 where a film or a jump takes longer
//! than [`FIRST_FRAME_MAX`], or a viewer among the others goes without its part for longer than [`PART_MAX`].
//!
//! ```sh
//! cargo build -p heirloom && cargo bench --profile dev -p heirloom-tests --bench stream -- --films 5 --mib 256
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its figures are what a benchmark is for")]

#[allow(dead_code, unused_imports, reason = "the benches use a part of what the stories stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use support::{Bed, bytes_of, text};

const MIB: usize = 1 << 20;
/// Viewers at once: a large household. There is a place for each, and two for those that jump.
const VIEWERS: usize = 10;
/// Longest until a player has what its first frame is made of, from a seeder on loopback: the beginning or, after a jump,
/// the middle.
const FIRST_FRAME_MAX: Duration = Duration::from_secs(2);
/// Longest that one of ten viewers waits for a mebibyte: of a film of 8 Mbit/s it is shown for a second, and players hold
/// several in advance.
const PART_MAX: Duration = Duration::from_secs(2);
/// Films and their size without an argument.
const FILMS_DEFAULT: usize = 5;
const MIB_DEFAULT: usize = 128;

fn argument(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} wants a number")))
}

/// Bytes of a film from `first` on, and how long the first of them took.
fn range(url: &str, first: usize, bytes: usize) -> (Vec<u8>, Duration) {
    let rest = url.strip_prefix("http://").expect("an address");
    let (host, path) = rest.split_at(rest.find('/').expect("a path"));
    let began = Instant::now();
    let mut stream = TcpStream::connect(host).expect("a node that listens");
    let last = first + bytes - 1;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nRange: bytes={first}-{last}\r\nConnection: close\r\n\r\n")
        .expect("asked");
    let mut answer = vec![0];
    stream.read_exact(&mut answer).expect("an answer");
    let waited = began.elapsed();
    stream.read_to_end(&mut answer).expect("all of it");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    assert!(answer.starts_with(b"HTTP/1.1 206"), "{}", String::from_utf8_lossy(&answer[..end]));
    (answer.split_off(end + 4), waited)
}

/// Prints the figures, and says whether the slowest is within its limit.
fn report(what: &str, mut times: Vec<Duration>, limit: Duration) -> bool {
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let slowest = times[times.len() - 1];
    let verdict = if slowest <= limit { "held" } else { "MISSED" };
    let (median, slowest_ms, limit_ms) = (ms(times[times.len() / 2]), ms(slowest), ms(limit));
    println!("{what}: median {median:.0} ms, slowest {slowest_ms:.0} ms; at most {limit_ms:.0} ms: {verdict}");
    slowest <= limit
}

fn main() -> ExitCode {
    let (films, size) = (argument("--films", FILMS_DEFAULT), argument("--mib", MIB_DEFAULT) * MIB);
    assert!(films > 0 && size >= 32 * MIB, "at least one film of 32 MiB");
    let bed = Bed::new();
    let (curator, viewer) = (bed.node("curator"), bed.node("viewer"));
    viewer.follow_by_post(&curator);
    let (mut first_bytes, mut first_mibs, mut middles) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for number in 0..films {
        let mut content = bytes_of(size, 100 + number as u64);
        content[..12].copy_from_slice(b"\0\0\0\x20ftypisom");
        let work = format!("imdb:tt{:07}", 5000 + number);
        let film = bed.file(format!("{number}/film.mp4"), &content);
        let published = curator.publish(&film, &work, &["--title", "Film", "--kind", "film"]);
        viewer.wait_for_trusted(&work, text(&published, "infohash"));
        let began = Instant::now();
        let playing = viewer.cli.ok(&["play", &work]);
        let url = text(&playing, "url").to_owned();
        let asked = began.elapsed();
        let (bytes, waited) = range(&url, 0, MIB);
        assert!(bytes == content[..MIB], "the beginning");
        first_bytes.push(asked + waited);
        first_mibs.push(began.elapsed());
        let jumped = Instant::now();
        let middle = size / 2 + 4711;
        assert!(range(&url, middle, MIB).0 == content[middle..middle + MIB], "the middle");
        middles.push(jumped.elapsed());
        last = Some((url, content));
    }
    println!("{films} films of {} MiB from a seeder on loopback, beginning with the command `play`", size / MIB);
    let mut held = vec![
        report("first byte", first_bytes, FIRST_FRAME_MAX),
        report("first MiB", first_mibs, FIRST_FRAME_MAX),
        report("a MiB from the middle, from when it was asked for", middles, FIRST_FRAME_MAX),
    ];

    let (url, content) = last.expect("a film");
    let began = Instant::now();
    let mut times: Vec<Duration> = Vec::new();
    std::thread::scope(|scope| {
        let view = |number: usize| {
            let (url, content) = (&url, &content);
            scope.spawn(move || {
                let begin = number * (size - 16 * MIB) / VIEWERS;
                let parts = (0..16).map(|part| begin + part * MIB);
                let read = |first: usize| {
                    let began = Instant::now();
                    assert!(range(url, first, MIB).0 == content[first..first + MIB], "viewer {number} at {first}");
                    began.elapsed()
                };
                parts.map(read).collect::<Vec<_>>()
            })
        };
        let viewers: Vec<_> = (0..VIEWERS).map(view).collect();
        times = viewers.into_iter().flat_map(|viewer| viewer.join().expect("a viewer")).collect();
    });
    let rate = (VIEWERS * 16) as f64 / began.elapsed().as_secs_f64();
    held.push(report(&format!("{VIEWERS} viewers at once, each part of 1 MiB"), times, PART_MAX));
    println!("together {rate:.0} MiB/s");
    if held.iter().all(|is_held| *is_held) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
