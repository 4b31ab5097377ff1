//! What fetching a release shows: another torrent than was signed, and a program under the name of a film.

use crate::support::{Bed, Signer, bytes_of, is_same_file, number, release, statement_file, text};
use heirloom_proto::body::Listing;
use heirloom_proto::{Body, Infohash, Sha256, WorkId};

const FILM: &str = "imdb:tt7000020";
const ABOUT: [&str; 8] = ["--title", "Found", "--year", "2024", "--kind", "film", "--licence", "CC0-1.0"];

#[test]
fn another_torrent_than_was_signed_is_refused_and_held_against_whoever_signed_it() {
    let bed = Bed::new();
    let (owner, newcomer) = (bed.node("owner"), bed.node("newcomer"));
    // Seeded, and listed for nobody.
    let about: Vec<&str> = ABOUT.into_iter().chain(["--private"]).collect();
    let published = owner.publish(&bed.file("found.mp4", &bytes_of(200_000, 1)), FILM, &about);
    let infohash = text(&published, "infohash");
    let mut mallory = Signer::new("mallory");
    let work: WorkId = FILM.parse().expect("an id");
    let mut listing = Listing::new(work, infohash.parse::<Infohash>().expect("an infohash"), "found.mp4".to_owned());
    listing.info_sha256 = Some(Sha256([7; 32]));
    let file = statement_file(&bed.path("said.statements"), &[mallory.says(&Body::Listing(listing))]);
    newcomer.cli.ok(&["import", file.to_str().expect("text")]);

    let refused = newcomer.cli.run(&["get", infohash, "--wait"]).value(4);
    assert_eq!(refused["error"]["code"], "info_mismatch", "{refused}");
    let files = std::fs::read_dir(newcomer.home().join("downloads")).map(Iterator::count).unwrap_or_default();
    assert_eq!(files, 0, "nothing was written");
    let shown = newcomer.cli.ok(&["show", FILM]);
    let flags = &release(&shown, infohash).expect("shown")["flags"];
    assert!(flags.to_string().contains("other_info"), "{shown}");
    let why = newcomer.cli.ok(&["why", &mallory.key().to_string()]);
    assert!(why["score"].as_f64().is_some_and(|score| score < 0.0), "{why}");
    assert!(text(&why, "arithmetic").contains("not what it signed"), "{why}");
    let status = newcomer.cli.ok(&["status"]);
    assert_eq!(number(&status["counters"], "torrents_other_info"), 1, "{status}");
    let again = newcomer.cli.run(&["get", infohash]).value(4);
    assert_eq!(again["error"]["code"], "info_mismatch", "it is known now: {again}");
}

#[test]
fn a_program_under_the_name_of_a_film_is_refused_while_it_arrives() {
    let bed = Bed::new();
    let (curator, newcomer) = (bed.node("curator"), bed.node("newcomer"));
    let mut content = bytes_of(300_000, 2);
    content[..4].copy_from_slice(b"MZ\x90\0");
    let published = curator.publish(&bed.file("found.mkv", &content), FILM, &ABOUT);
    let infohash = text(&published, "infohash");
    newcomer.follow_by_post(&curator);
    newcomer.wait_for_trusted(FILM, infohash);
    let refused = newcomer.cli.run(&["get", FILM, "--wait"]).value(4);
    assert_eq!(refused["error"]["code"], "unsafe", "{refused}");
    assert!(text(&refused["error"], "message").contains("found.mkv"), "{refused}");
    let shown = newcomer.cli.ok(&["show", FILM]);
    assert!(release(&shown, infohash).expect("shown")["flags"].to_string().contains("other_content"), "{shown}");
    // Whoever knows it gets it.
    let got = newcomer.cli.ok(&["get", infohash, "--anyway", "--wait"]);
    assert!(is_same_file(text(&got, "path"), &content), "{got}");
}
