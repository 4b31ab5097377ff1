//! Films that play while they arrive, and a browser that is let in.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::support::{ARRIVAL, Bed, Node, booked, bytes_of, number, text, wait_for};

const MIB: usize = 1 << 20;

/// What came back over HTTP.
struct Response {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// `GET` of a whole address with these headers, as a player or browser does.
fn fetch(method: &str, url: &str, headers: &[(&str, &str)]) -> Response {
    let rest = url.strip_prefix("http://").expect("an address");
    let (host, path) = rest.split_at(rest.find('/').expect("a path"));
    let mut stream = TcpStream::connect(host).expect("a node that listens");
    stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a timeout");
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n").expect("asked");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an answer");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    Response { status, head, body: bytes.split_off(end + 4) }
}

/// An address of a node, without what comes behind `?`.
fn url_of(node: &Node, path: &str) -> String {
    format!("http://{}{path}", text(node.ready(), "http"))
}

fn token_of(node: &Node) -> String {
    let token = std::fs::read_to_string(node.home().join("api-token")).expect("a token");
    format!("Bearer {}", token.trim())
}

#[test]
fn a_film_plays_from_the_middle_while_it_arrives_and_is_booked() {
    let bed = Bed::new();
    let (curator, newcomer) = (bed.node("curator"), bed.node("newcomer"));
    newcomer.follow_by_post(&curator);
    let work = "imdb:tt0000123";
    let mut content = bytes_of(48 * MIB + 12_345, 5);
    content[..12].copy_from_slice(b"\0\0\0\x20ftypisom");
    let clip = bed.file("film/film.mp4", &content);
    bed.file("film/film.en.srt", b"1\n00:00:01,000 --> 00:00:02,000\n<i>Hello</i>\n");
    let about = ["--title", "Film", "--year", "2001", "--kind", "film", "--licence", "CC0-1.0"];
    let published = curator.publish(clip.parent().expect("its folder"), work, &about);
    let infohash = text(&published, "infohash");
    newcomer.wait_for_trusted(work, infohash);

    let playing = newcomer.cli.ok(&["play", work]);
    assert_eq!((text(&playing, "infohash"), text(&playing, "name")), (infohash, "film.mp4"));
    assert_eq!(number(&playing, "size"), content.len() as u64);
    let url = text(&playing, "url");
    // The end first, as players do that look for an index there; then the middle, then the beginning.
    for first in [content.len() - 70_000, 24 * MIB + 7, 0] {
        let last = (first + MIB).min(content.len()) - 1;
        let response = fetch("GET", url, &[("Range", &format!("bytes={first}-{last}"))]);
        assert_eq!((response.status, response.header("content-type")), (206, Some("video/mp4")), "{}", response.head);
        assert_eq!(response.header("content-range"), Some(&*format!("bytes {first}-{last}/{}", content.len())));
        assert!(response.body == content[first..=last], "the bytes from {first} are the original's");
    }
    let subtitles = fetch("GET", text(&playing["subtitles"][0], "url"), &[]);
    assert_eq!(String::from_utf8_lossy(&subtitles.body), "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHello\n");
    assert_eq!(playing["subtitles"][0]["language"], "en");
    let whole = fetch("GET", url, &[]);
    assert!(whole.status == 200 && whole.body == content, "all of it");

    newcomer.cli.ok(&["get", infohash, "--wait"]);
    let rows = newcomer.cli.ok(&["ledger"]);
    let size = number(&published, "size");
    let is_curators = |row: &Value| row["key"] == curator.key.as_str() && row["address"] == curator.ip.as_str();
    assert_eq!((booked(&rows, is_curators), booked(&rows, |_| true)), (size, size), "{rows}");
    let printed = newcomer.cli.run_for_people(&["play", work, "--print"]);
    assert!(printed.stdout.starts_with("http://127.0.0.1:"), "{}", printed.stdout);
}

#[test]
fn a_distrusted_film_is_not_played_and_a_seeder_plays_its_own() {
    let bed = Bed::new();
    let node = bed.node("alice");
    let content = bytes_of(2 * MIB, 6);
    let about = ["--title", "Film", "--year", "2001", "--kind", "film"];
    let published = node.publish(&bed.file("film.mkv", &content), "imdb:tt0000124", &about);
    let infohash = text(&published, "infohash");
    let url = url_of(&node, &format!("/stream/{infohash}/0"));
    let token = token_of(&node);
    let own = fetch("GET", &url, &[("Authorization", &token)]);
    assert!(own.status == 200 && own.body == content, "{}", own.head);
    assert_eq!(own.header("content-type"), Some("application/octet-stream"), "noise is no Matroska");
    assert_eq!(fetch("GET", &url, &[]).status, 401);

    node.cli.ok(&["verdict", infohash, "fake"]);
    let refused = node.cli.run(&["play", infohash]);
    assert_eq!((refused.code, &refused.last_value()["error"]["code"]), (4, &Value::from("distrusted")));
    let refused = fetch("GET", &url, &[("Authorization", &token)]);
    assert_eq!(refused.status, 403, "{}", refused.head);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(node.cli.run(&["play", infohash, "--anyway"]).code, 0);
    for (arguments, code) in [
        (&["play", "nonsense"][..], 2),
        (&["play", "imdb:tt7999999"], 3),
        (&["play", infohash, "--anyway", "--file", "9"], 3),
        (&["play", "imdb:tt0000124", "--anyway", "--episode", "one"], 2),
        (&["play"], 2),
    ] {
        assert_eq!(node.cli.run(arguments).code, code, "{arguments:?}");
    }
}

#[test]
fn a_browser_is_let_in_once_and_stays_over_a_restart() {
    let bed = Bed::without_dht();
    let mut node = bed.node("alice");
    let offered = wait_for("the link that run prints", ARRIVAL, || {
        let said = node.said();
        let link = said.split_whitespace().find(|word| word.contains("/?once=")).map(str::to_owned);
        link.ok_or(said)
    });
    for url in [offered, text(&node.cli.ok(&["open", "--print"]), "url").to_owned()] {
        let first = fetch("GET", &url, &[]);
        assert_eq!((first.status, first.header("location")), (303, Some("/")), "{}", first.head);
        assert_eq!(fetch("GET", &url, &[]).status, 401, "once");
        let cookie = first.header("set-cookie").and_then(|set| set.split(';').next()).expect("a cookie").to_owned();
        let home = url_of(&node, "/");
        assert_eq!(fetch("GET", &home, &[("Cookie", &cookie)]).status, 200);
        assert_eq!(fetch("GET", &home, &[]).status, 401);
    }
    let url = text(&node.cli.ok(&["open", "--print"]), "url").to_owned();
    let first = fetch("GET", &url, &[]);
    let cookie = first.header("set-cookie").and_then(|set| set.split(';').next()).expect("a cookie").to_owned();
    node.stop(Duration::from_secs(30));
    node.start_again(&bed.net(&[]));
    // It listens on another port now, and the port is in the cookie's name.
    let (_, secret) = cookie.split_once('=').expect("a pair");
    let port = text(node.ready(), "http").rsplit(':').next().expect("a port");
    let cookie = format!("heirloom-{port}={secret}");
    assert_eq!(fetch("GET", &url_of(&node, "/"), &[("Cookie", &cookie)]).status, 200);
    node.stop(Duration::from_secs(30));
    assert_eq!(node.cli.run(&["open", "--print"]).code, 1, "a dead node has no page");
    assert_eq!(node.cli.run(&["play", "imdb:tt0000125"]).code, 1);
}

/// What a node tells of itself under this name.
fn figure(node: &Node, name: &str) -> f64 {
    let metrics = fetch("GET", &url_of(node, "/metrics"), &[("Authorization", &token_of(node))]);
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn open_files(node: &Node) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", node.process_id())).expect("a process of ours").count()
}

/// Opens an address and takes what comes first.
fn begin(url: &str, headers: &str) -> TcpStream {
    let rest = url.strip_prefix("http://").expect("an address");
    let (host, path) = rest.split_at(rest.find('/').expect("a path"));
    let mut stream = TcpStream::connect(host).expect("a node that listens");
    stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a timeout");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n").expect("asked");
    let mut first = [0; 4096];
    let bytes = stream.read(&mut first).expect("an answer");
    assert!(first[..bytes].starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(&first[..bytes]));
    stream
}

/// Memory that a node may keep of viewers that went away: allocators hold on to some. A stream that stayed would hold a
/// quarter of a mebibyte, and there are hundreds.
const KEPT_MAX: f64 = 48.0 * 1024.0 * 1024.0;

#[test]
fn viewers_that_go_away_leave_no_file_no_stream_and_no_memory() {
    let bed = Bed::without_dht();
    let node = bed.node("alice");
    let mut content = bytes_of(16 * MIB, 7);
    content[..12].copy_from_slice(b"\0\0\0\x20ftypisom");
    let about = ["--title", "Film", "--year", "2001", "--kind", "film"];
    node.publish(&bed.file("film.mp4", &content), "imdb:tt0000125", &about);
    let film = text(&node.cli.ok(&["play", "imdb:tt0000125"]), "url").to_owned();
    let token = format!("Authorization: {}\r\n", token_of(&node));
    let events = url_of(&node, "/api/v1/events");
    let round = || {
        let ranges = (0..8).map(|number| format!("Range: bytes={}-\r\n", number * MIB));
        let mut open: Vec<TcpStream> = ranges.map(|range| begin(&film, &range)).collect();
        open.extend((0..4).map(|_| begin(&events, &token)));
        let streams = format!("{}", figure(&node, "heirloom_streams"));
        drop(open);
        wait_for("viewers that went away to leave nothing", ARRIVAL, || {
            let names = ["heirloom_streams", "heirloom_http_streams", "heirloom_http_listeners"];
            let open = names.map(|name| figure(&node, name));
            if open.iter().all(|open| *open < 1.0) { Ok(()) } else { Err(format!("{open:?} are open")) }
        });
        streams
    };
    assert_eq!(round(), "8", "each viewer is a stream of its own");
    let (files, memory) = (open_files(&node), figure(&node, "process_resident_memory_bytes"));
    for _ in 0..40 {
        round();
    }
    wait_for("their files to be closed", ARRIVAL, || {
        let now = open_files(&node);
        if now <= files { Ok(()) } else { Err(format!("{now} are open, before it were {files}")) }
    });
    let kept = figure(&node, "process_resident_memory_bytes") - memory;
    assert!(kept < KEPT_MAX, "{kept} bytes more than before");
}
