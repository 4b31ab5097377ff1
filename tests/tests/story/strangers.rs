//! A throw in the dark: a listing by somebody whom nobody here follows or has met is found by the work that it names.

use sha1::{Digest, Sha1};

use crate::support::{ARRIVAL, Bed, Node, announce_junk, bytes_of, next_ip, number, release, text, wait_for};

const FILM: &str = "imdb:tt0000093";
const ABOUT: [&str; 8] = ["--title", "A Film", "--year", "1999", "--kind", "film", "--licence", "CC0-1.0"];
/// Whoever runs so is met by nobody, and meets nobody, but over a work.
const APART: &str = "--no-rendezvous";

/// The key of a work, from the description in `proto/README.md`.
fn key_of(work: &str) -> [u8; 20] {
    Sha1::digest(format!("heirloom/1/work/{work}")).into()
}

#[test]
fn a_strangers_listing_is_found_by_whoever_looks_and_by_nobody_else() {
    let bed = Bed::new();
    // Somebody announces places at which nothing listens, below the range from which the system gives free ports.
    let junk = announce_junk(&bed.bootstrap(), key_of(FILM), &next_ip(), (2000..2010).step_by(1));
    assert!(junk > 0, "the DHT took no announcement");
    let publisher = bed.node_in_the_open_that("publisher", &[APART]);
    // What finds nobody who listens is kept for the first who comes; here somebody listens.
    let friend = bed.node_that("friend", &[APART, "--peer", &publisher.p2p()]);
    friend.wait_for_peers(1);
    let newcomer = bed.node_that("newcomer", &[APART]);
    let quiet = bed.node_that("quiet", &[APART, "--no-lookups"]);
    let published = publisher.publish(&bed.file("film.mkv", &bytes_of(100_000, 93)), FILM, &ABOUT);
    let infohash = text(&published, "infohash");
    wait_for("the work to be announced", ARRIVAL, || {
        let status = publisher.cli.ok(&["status"]);
        if number(&status["p2p"]["rendezvous"], "works") > 0 { Ok(()) } else { Err(status.to_string()) }
    });
    for reader in [&newcomer, &quiet] {
        let status = reader.cli.ok(&["status"]);
        assert_eq!((number(&status, "peers"), number(&status, "statements")), (0, 0), "{status}");
    }

    let shown = newcomer.wait_for_band(FILM, infohash, "unknown");
    assert_eq!(shown["title"], "A Film", "{shown}");
    let found = release(&shown, infohash).expect("shown");
    // Within seconds of the publishing, gossip over the new connection may be as quick as the answer.
    assert!(["sync", "gossip"].contains(&text(found, "source")), "{shown}");
    assert_eq!(found["listed_by"][0]["key"], publisher.key.as_str(), "{shown}");
    let (asked, served) = (newcomer.cli.ok(&["status"]), publisher.cli.ok(&["status"]));
    assert!(
        number(&asked["counters"], "lookup_asked") > 0 && number(&asked["counters"], "lookup_bytes_in") > 0,
        "{asked}"
    );
    assert!(number(&served["counters"], "lookup_served") > 0, "{served}");
    assert_eq!(newcomer.cli.run(&["get", FILM]).code, 4, "what strangers list is not taken without --anyway");

    let shown = quiet.cli.ok(&["show", FILM, "--wait", "5"]);
    assert_eq!(shown["releases"].as_array().map(Vec::len), Some(0), "it asked nobody: {shown}");
    assert_eq!(number(&quiet.cli.ok(&["status"]), "peers"), 0);
}

#[test]
fn a_publisher_whom_tcp_alone_reaches_is_found_without_waiting_for_quic() {
    let bed = Bed::new();
    let ip = next_ip();
    let net = [bed.net(&[]), vec!["--p2p".into(), format!("/ip4/{ip}/tcp/0"), APART.into()]].concat();
    let publisher = Node::start(&bed.path("tcp"), "publisher", &ip, &net);
    assert!(publisher.listening().iter().all(|address| !address.contains("/udp/")), "{:?}", publisher.listening());
    let newcomer = bed.node_that("newcomer", &[APART]);
    let published = publisher.publish(&bed.file("film.mkv", &bytes_of(50_000, 96)), FILM, &ABOUT);
    newcomer.wait_for_band(FILM, text(&published, "infohash"), "unknown");
    let status = newcomer.cli.ok(&["status"]);
    assert_eq!(number(&status["p2p"]["counters"], "dials_failed"), 0, "no dial was waited for to its end: {status}");
}

#[test]
fn a_private_listing_is_announced_to_nobody() {
    let bed = Bed::new();
    let publisher = bed.node_in_the_open_that("publisher", &[APART]);
    let newcomer = bed.node_that("newcomer", &[APART]);
    let film = bed.file("film.mkv", &bytes_of(50_000, 94));
    let about = [ABOUT.as_slice(), &["--private"]].concat();
    publisher.publish(&film, FILM, &about);
    // One that is not private shows that announcing works, and when it was done.
    let other = "imdb:tt0000095";
    let published = publisher.publish(&bed.file("other.mkv", &bytes_of(50_000, 95)), other, &ABOUT);
    newcomer.wait_for_band(other, text(&published, "infohash"), "unknown");
    let shown = newcomer.cli.ok(&["show", FILM]);
    assert_eq!(shown["releases"].as_array().map(Vec::len), Some(0), "{shown}");
    assert_eq!(number(&publisher.cli.ok(&["status"])["p2p"]["rendezvous"], "works"), 1);
}
