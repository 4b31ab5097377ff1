//! Downloads of other clips, and to whom their bytes are booked.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Bed, Node, booked, bytes_of, is_same_file, number, text, wait_until};

const MIB: usize = 1 << 20;

/// A curator, and a newcomer who follows it.
fn pair(bed: &Bed) -> (Node, Node) {
    let curator = bed.node("curator");
    let newcomer = bed.node("newcomer");
    newcomer.follow_by_post(&curator);
    (curator, newcomer)
}

/// Every line of the ledger is of this key and address, and all of it together is `size`.
#[track_caller]
fn assert_all_booked_to(who: &Node, seeder: &Node, size: usize) {
    let rows = who.cli.ok(&["ledger"]);
    let is_seeders = |row: &Value| row["key"] == seeder.key.as_str() && row["address"] == seeder.ip.as_str();
    assert_eq!(booked(&rows, is_seeders), size as u64, "{rows}");
    assert_eq!(booked(&rows, |_| true), size as u64, "nothing is booked to others: {rows}");
}

#[test]
fn clips_of_any_length_arrive_and_are_booked_to_the_byte() {
    let bed = Bed::new();
    let (curator, newcomer) = pair(&bed);
    let clips: [(&str, usize, &str); 4] = [
        ("short.mp4", 64 << 10, "imdb:tt0000001"),
        ("one byte more.mp4", (64 << 10) + 1, "tmdb:movie/45745"),
        ("Ünïcode ― 映画 (2024) [x].mkv", 5 * MIB, "wikidata:Q20112"),
        ("tiny", 1, "mbid:f5093c06-23e3-404f-aeaa-40f72885ee3a"),
    ];
    let mut total = 0;
    for (seed, (name, len, work)) in (10..).zip(clips) {
        let content = bytes_of(len, seed);
        let clip = bed.file(name, &content);
        let about = ["--title", name, "--year", "2024", "--kind", "film", "--licence", "CC0-1.0"];
        let published = curator.publish(&clip, work, &about);
        assert_eq!(published["seeding"], true, "{published}");
        assert_eq!(text(&published, "name"), name);
        assert_eq!(number(&published, "size"), len as u64);
        let infohash = text(&published, "infohash");
        newcomer.wait_for_trusted(work, infohash);

        let got = newcomer.cli.ok(&["get", work, "--wait"]);
        assert_eq!(text(&got, "infohash"), infohash);
        assert!(is_same_file(text(&got, "path"), &content), "{name}: the bytes are the original's");
        assert_eq!(number(&got, "bytes"), len as u64);
        assert_eq!(number(&got, "verified_bytes"), len as u64, "{name}: {got}");
        assert_eq!(got["from"][0]["key"], curator.key.as_str(), "{got}");
        assert_eq!(got["from"][0]["address"], curator.ip.as_str(), "{got}");
        total += len;
        assert_all_booked_to(&newcomer, &curator, total);
    }
}

#[test]
fn a_fake_of_the_same_name_and_size_is_not_written_over_the_good_one() {
    let bed = Bed::new();
    let (curator, newcomer) = pair(&bed);
    let spammer = bed.node("spammer");
    let work = "imdb:tt0000077";
    let (good, fake) = (bytes_of(300_000, 77), bytes_of(300_000, 78));
    let about = ["--title", "Film", "--year", "2001", "--kind", "film", "--licence", "CC0-1.0"];
    let published = curator.publish(&bed.file("a/film.mkv", &good), work, &about);
    let faked = spammer.publish(&bed.file("b/film.mkv", &fake), work, &about);
    newcomer.wait_for_trusted(work, text(&published, "infohash"));

    let got = newcomer.cli.ok(&["get", work, "--wait"]);
    let other = newcomer.cli.ok(&["get", text(&faked, "infohash"), "--wait"]);
    assert!(is_same_file(text(&other, "path"), &fake), "{other}");
    assert!(is_same_file(text(&got, "path"), &good), "the trusted file is as it was: {got}");
    assert_ne!(got["path"], other["path"]);
}

#[test]
fn the_name_on_the_wire_is_the_owners_choice_and_lookups_can_be_turned_off() {
    let bed = Bed::new();
    let curator = bed.node_that("curator", &["--seed-as", "never"]);
    let reseeder = bed.node_that("reseeder", &["--seed-as", "always"]);
    let (newcomer, quiet) = (bed.node("newcomer"), bed.node_that("quiet", &["--no-lookups"]));
    for reader in [&reseeder, &newcomer, &quiet] {
        reader.follow_by_post(&curator);
    }
    let work = "imdb:tt0000080";
    let content = bytes_of(200_000, 80);
    let about = ["--title", "Film", "--year", "2001", "--kind", "film", "--licence", "CC0-1.0"];
    let published = curator.publish(&bed.file("film.mkv", &content), work, &about);
    let infohash = text(&published, "infohash");

    reseeder.wait_for_trusted(work, infohash);
    let got = reseeder.cli.ok(&["get", work, "--wait"]);
    assert_eq!(got["from"][0]["key"], Value::Null, "the curator shows no name: {got}");
    drop(curator);
    newcomer.wait_for_trusted(work, infohash);
    newcomer.cli.ok(&["get", work, "--wait"]);
    assert_all_booked_to(&newcomer, &reseeder, content.len());
    let shown = quiet.cli.ok(&["show", work]);
    assert_eq!(shown["releases"].as_array().map(Vec::len), Some(0), "it asked nobody: {shown}");
}

#[test]
fn a_download_whose_file_was_removed_is_fetched_again() {
    let bed = Bed::new();
    let (curator, newcomer) = pair(&bed);
    let work = "imdb:tt0000079";
    let content = bytes_of(200_000, 79);
    let about = ["--title", "Film", "--year", "2001", "--kind", "film", "--licence", "CC0-1.0"];
    let published = curator.publish(&bed.file("film.mkv", &content), work, &about);
    newcomer.wait_for_trusted(work, text(&published, "infohash"));

    let got = newcomer.cli.ok(&["get", work, "--wait"]);
    std::fs::remove_file(text(&got, "path")).expect("remove the download");
    let again = newcomer.cli.ok(&["get", work, "--wait"]);
    assert!(is_same_file(text(&again, "path"), &content), "{again}");
    assert_all_booked_to(&newcomer, &curator, content.len());
}

#[test]
fn a_folder_is_a_season() {
    let bed = Bed::new();
    let (curator, newcomer) = pair(&bed);
    let files =
        [("Season 1/Pilot, part one.mkv", 400_000), ("Season 1/Zweiter Teil – Ende.mkv", 90_001), ("readme.txt", 12)];
    for (seed, (name, len)) in (20..).zip(files) {
        bed.file(Path::new("A Series (1998)").join(name), &bytes_of(len, seed));
    }
    let folder = bed.path("files/A Series (1998)");
    let work = "tmdb:tv/1399";
    let about = ["--title", "A Series", "--year", "1998", "--kind", "series", "--licence", "CC-BY-4.0"];
    let map = ["--map", "part one.mkv=S01E01", "--map", "Ende.mkv=S01E02"];
    let published = curator.publish(&folder, work, &[about.as_slice(), &map].concat());
    let listed = published["files"].as_array().expect("files");
    assert_eq!(listed.len(), files.len(), "{published}");
    for file in listed {
        let is_episode = text(file, "path").ends_with(".mkv");
        assert_eq!(file["episode"].is_null(), !is_episode, "{file}");
    }
    let size: usize = files.iter().map(|(_, len)| len).sum();
    assert_eq!(number(&published, "size"), size as u64);

    newcomer.wait_for_trusted(work, text(&published, "infohash"));
    let got = newcomer.cli.ok(&["get", work, "--wait"]);
    for (seed, (name, len)) in (20..).zip(files) {
        assert!(is_same_file(Path::new(text(&got, "path")).join(name), &bytes_of(len, seed)), "{name} is the same");
    }
    assert_all_booked_to(&newcomer, &curator, size);
}

#[test]
fn two_seeders_one_nameless_add_up() {
    let bed = Bed::new();
    let (curator, newcomer) = pair(&bed);
    let content = bytes_of(32 * MIB, 30);
    let work = "imdb:tt7000001";
    let about = ["--title", "Long", "--year", "2024", "--kind", "other", "--licence", "CC0-1.0"];
    let published = curator.publish(&bed.file("long.bin", &content), work, &about);
    let infohash = text(&published, "infohash");
    newcomer.wait_for_trusted(work, infohash);
    newcomer.cli.ok(&["get", infohash, "--wait"]);

    // Either seeder may be done before the other's handshake is, so several guests ask; each one's sums must hold.
    let mut served_by_both = 0;
    for guest in ["alice", "bob", "carol"] {
        let guest = bed.node(guest);
        guest.follow_by_post(&curator);
        guest.wait_for_trusted(work, infohash);
        let got = guest.cli.ok(&["get", infohash, "--wait"]);
        assert!(is_same_file(text(&got, "path"), &content));
        let rows = guest.cli.ok(&["ledger"]);
        let named = booked(&rows, |row| row["key"] == curator.key.as_str() && row["address"] == curator.ip.as_str());
        let nameless = booked(&rows, |row| row["key"].is_null() && row["address"] == newcomer.ip.as_str());
        assert_eq!(named + nameless, content.len() as u64, "{rows}");
        assert_eq!(booked(&rows, |_| true), content.len() as u64, "{rows}");
        served_by_both += u32::from(named > 0 && nameless > 0);
        println!("named {named} + nameless {nameless} = {}", content.len());
    }
    assert!(served_by_both > 0, "no guest was served by both seeders");
}

#[test]
fn a_seeder_that_appears_half_a_minute_late_is_found_and_booked() {
    const LATE_BY: Duration = Duration::from_secs(30);
    let bed = Bed::new();
    let (mut curator, newcomer) = pair(&bed);
    let content = bytes_of(2 * MIB, 40);
    let work = "imdb:tt7000002";
    let about = ["--title", "Late", "--year", "2024", "--kind", "film", "--licence", "CC0-1.0"];
    let published = curator.publish(&bed.file("late.mp4", &content), work, &about);
    let infohash = text(&published, "infohash");
    newcomer.wait_for_trusted(work, infohash);
    curator.kill();

    let began = Instant::now();
    let mut getting = newcomer.cli.begin(&["get", infohash, "--wait"]);
    wait_until("half a minute without a seeder", LATE_BY * 2, || {
        assert!(getting.is_at_work(), "the download ended without a seeder");
        began.elapsed() >= LATE_BY
    });
    curator.start_again(&bed.net(&[]));
    let got = getting.answer().value(0);
    assert!(is_same_file(text(&got, "path"), &content));
    assert_eq!(number(&got, "verified_bytes"), content.len() as u64);
    assert_all_booked_to(&newcomer, &curator, content.len());
}

#[test]
fn a_curator_may_restart_between_publish_and_get() {
    let bed = Bed::new();
    let (mut curator, newcomer) = pair(&bed);
    let content = bytes_of(MIB, 50);
    let work = "imdb:tt7000003";
    let about = ["--title", "Again", "--year", "2024", "--kind", "film", "--licence", "CC0-1.0"];
    let published = curator.publish(&bed.file("again.mp4", &content), work, &about);
    curator.kill();
    curator.start_again(&bed.net(&[]));
    newcomer.wait_for_trusted(work, text(&published, "infohash"));
    let got = newcomer.cli.ok(&["get", work, "--wait"]);
    assert!(is_same_file(text(&got, "path"), &content));
    assert_all_booked_to(&newcomer, &curator, content.len());
}

#[test]
fn a_download_goes_on_after_a_crash_and_counts_no_byte_twice() {
    let bed = Bed::new();
    let (curator, mut newcomer) = pair(&bed);
    let content = bytes_of(48 * MIB, 60);
    let work = "imdb:tt7000004";
    let about = ["--title", "Crash", "--year", "2024", "--kind", "film", "--licence", "CC0-1.0"];
    let published = curator.publish(&bed.file("crash.bin", &content), work, &about);
    let infohash = text(&published, "infohash");
    newcomer.wait_for_trusted(work, infohash);
    drop(newcomer.cli.begin(&["get", infohash, "--wait"]));
    let asked = newcomer.cli.ok(&["get", infohash]);
    assert_eq!(asked["infohash"], infohash, "a get without --wait says what has begun: {asked}");
    newcomer.kill();

    newcomer.start_again(&bed.net(&[]));
    let got = newcomer.cli.ok(&["get", infohash, "--wait"]);
    assert!(is_same_file(text(&got, "path"), &content));
    let rows = newcomer.cli.ok(&["ledger"]);
    assert!(booked(&rows, |_| true) <= content.len() as u64, "each byte counts once: {rows}");
}
