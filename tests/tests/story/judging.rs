//! Asking why, vouching and judging.

use crate::support::{Bed, booked, bytes_of, is_same_file, number, release, text};

const FILM: &str = "imdb:tt7000010";
const ABOUT: [&str; 8] = ["--title", "Judged", "--year", "2023", "--kind", "film", "--licence", "CC0-1.0"];

#[test]
fn a_fake_is_judged_and_its_bytes_count_for_nobody() {
    let bed = Bed::new();
    let (curator, mallory) = (bed.node("curator"), bed.node("mallory"));
    let newcomer = bed.node_with("newcomer", &[&mallory]);
    newcomer.wait_for_peers(1);
    let (real, noise) = (bytes_of(150_000, 1), bytes_of(150_000, 2));
    let film = curator.publish(&bed.file("judged.mp4", &real), FILM, &ABOUT);
    let fake = mallory.publish(&bed.file("judged.HD.mp4", &noise), FILM, &ABOUT);
    let (film, fake) = (text(&film, "infohash"), text(&fake, "infohash"));
    newcomer.follow_by_post(&curator);
    newcomer.wait_for_band(FILM, fake, "unknown");
    newcomer.wait_for_trusted(FILM, film);
    newcomer.cli.ok(&["get", film, "--wait"]);

    let got = newcomer.cli.ok(&["get", fake, "--anyway", "--wait"]);
    assert!(is_same_file(text(&got, "path"), &noise), "whoever insists gets it");
    let of = |key: &str| {
        let rows = newcomer.cli.ok(&["ledger"]);
        booked(&rows, |row| row["key"] == key)
    };
    assert_eq!(of(&mallory.key), noise.len() as u64, "so far its bytes count");

    let signed = newcomer.cli.ok(&["verdict", fake, "fake", "--note", "noise"]);
    assert_eq!(signed["published"], true, "{signed}");
    let shown = newcomer.wait_for_band(FILM, fake, "distrusted");
    assert_eq!(shown["releases"][0]["infohash"], film, "the film is first: {shown}");
    assert_eq!(release(&shown, fake).expect("shown")["verdicts"]["fake"], 1, "{shown}");
    assert_eq!(of(&mallory.key), 0, "bytes of a fake count for nobody");
    assert_eq!(of(&curator.key), real.len() as u64, "the others still do");
    let refused = newcomer.cli.run(&["get", fake]).value(4);
    assert!(refused["error"]["message"].as_str().is_some_and(|text| text.contains("--anyway")), "{refused}");
    newcomer.cli.run(&["get", fake, "--anyway"]).value(0);

    newcomer.cli.ok(&["verdict", fake, "good", "--note", "I was wrong"]);
    assert_eq!(of(&mallory.key), noise.len() as u64, "a changed mind brings them back");
}

#[test]
fn scores_print_the_follow_and_the_bytes() {
    let bed = Bed::new();
    let curator = bed.node("curator");
    let newcomer = bed.node("newcomer");
    let content = bytes_of(200_003, 3);
    let published = curator.publish(&bed.file("why.mp4", &content), FILM, &ABOUT);
    let infohash = text(&published, "infohash");
    newcomer.follow_by_post(&curator);
    newcomer.wait_for_trusted(FILM, infohash);
    newcomer.cli.ok(&["get", infohash, "--wait"]);
    for subject in [curator.key.as_str(), infohash, FILM] {
        let why = newcomer.cli.ok(&["why", subject]);
        assert!(why["score"].as_f64().is_some_and(|score| (0.2..=1.0).contains(&score)), "{why}");
        assert_eq!(why["band"], "trusted", "{why}");
        let reasons = format!("{} {}", why["because"], why["arithmetic"]);
        assert!(reasons.contains("follow"), "{subject}: the follow is among the reasons: {why}");
        assert!(reasons.contains("200003"), "{subject}: the bytes are among the reasons: {why}");
        assert!(!text(&why, "arithmetic").is_empty(), "{why}");
    }
    let trust = newcomer.cli.ok(&["trust"]);
    let row = trust.as_array().expect("a list").iter().find(|row| row["key"] == curator.key.as_str());
    let row = row.unwrap_or_else(|| panic!("the curator is not in {trust}"));
    assert_eq!(number(row, "verified_bytes"), content.len() as u64);
    assert_eq!(row["band"], "trusted", "{row}");
}

#[test]
fn judgements_travel_to_those_who_follow_the_judge() {
    let bed = Bed::new();
    let (curator, mallory) = (bed.node("curator"), bed.node("mallory"));
    let alice = bed.node_with("alice", &[&curator, &mallory]);
    let bob = bed.node_with("bob", &[&curator, &alice, &mallory]);
    alice.wait_for_peers(2);
    bob.wait_for_peers(2);
    bob.cli.ok(&["follow", &alice.key, "--yes"]);
    let fake = mallory.publish(&bed.file("bad.mp4", &bytes_of(80_000, 5)), FILM, &ABOUT);
    let fake = text(&fake, "infohash");
    bob.wait_for_band(FILM, fake, "unknown");
    alice.cli.ok(&["verdict", fake, "fake"]);
    bob.wait_for_band(FILM, fake, "distrusted");

    let film = curator.publish(&bed.file("good.mp4", &bytes_of(80_000, 6)), FILM, &ABOUT);
    let film = text(&film, "infohash");
    bob.wait_for_band(FILM, film, "unknown");
    let signed = alice.cli.ok(&["attest", &curator.key, "--level", "high", "--reason", "good for years"]);
    assert!(number(&signed, "seq") > 0, "{signed}");
    let shown = bob.wait_for_band(FILM, film, "vouched");
    assert_eq!(shown["releases"][0]["infohash"], film, "{shown}");
}
