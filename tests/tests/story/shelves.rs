//! Shelves that come from elsewhere: over the web, with the content beside their torrents, by the thousand, and from
//! curators who contradict each other.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::{ARRIVAL, Bed, Page, Site, bytes_of, is_same_file, number, release, text, wait_for};

/// How long a node may take to stop.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Table of a work with a release.
const FILM: &str = "work,title,year,kind,licence,infohash\nimdb:tt0000901,The Paper Garden,1911,film,CC0-1.0,";

fn path_text(path: &Path) -> &str {
    path.to_str().expect("test paths are text")
}

/// Such a table with its infohash.
fn film(at: u64) -> String {
    format!("{FILM}{at:040x}\n")
}

#[test]
fn a_catalogue_behind_a_web_address_is_read_as_far_as_it_comes() {
    let bed = Bed::without_dht();
    let (site, alice) = (Site::start(), bed.home("alice"));
    // What it is, its content tells, else its server.
    let table = site.page("/films", Page::Is("text/csv; charset=utf-8", film(1)));
    let moved = site.page("/moved", Page::LeadsTo(table.clone()));
    let done = alice.ok(&["import", &moved]);
    assert_eq!((text(&done, "format"), number(&done, "imported")), ("csv", 1), "{done}");
    assert_eq!(number(&alice.ok(&["import", &table]), "known"), 1);
    let lines = "{\"work\":\"imdb:tt0000902\",\"title\":\"Two\"}\n".to_owned();
    assert_eq!(text(&alice.ok(&["import", &site.page("/two.json", Page::Is("text/plain", lines))]), "format"), "json");
    let hash = format!("{:040x}", 3);
    let item = format!("<item><title>Third.1903.720p</title><link>magnet:?xt=urn:btih:{hash}&amp;dn=x</link></item>");
    // A feed that never ends, and a table whose end never comes.
    let endless = Page::Repeats("application/rss+xml", "<rss><channel>".into(), item);
    let done = alice.ok(&["import", &site.page("/feed", endless)]);
    assert!(number(&done, "imported") == 1 && number(&done, "skipped_total") >= 1, "{}", done["skipped_total"]);
    let slow = Page::Begins("text/csv", format!("{}imdb:tt0000903,Cut off in the mid", film(1)));
    let done = alice.ok(&["import", &site.page("/slow.csv", slow)]);
    assert_eq!((number(&done, "known"), number(&done, "skipped_total")), (1, 1), "{done}");
    let reason = text(&done["skipped"][0], "reason");
    assert!(reason.contains("only the first") && reason.contains("longer than"), "{reason}");
    assert!(alice.ok(&["search", "cut", "off"]).as_array().is_some_and(Vec::is_empty), "no half row");

    for (page, exit, code) in [
        (Page::Is("text/html", "<!DOCTYPE html><html></html>".into()), 2, "bad_statement_file"),
        (Page::Begins("application/x-bittorrent", "d8:announce".into()), 2, "cut_off"),
        (Page::LeadsTo("http://127.0.0.1:1/inside".into()), 4, "private_address"),
        (Page::LeadsTo("file:///etc/passwd".into()), 2, "bad_page"),
    ] {
        let answer = alice.run(&["import", &site.page("/bad", page)]).value(exit);
        assert_eq!(answer["error"]["code"], code, "{answer}");
    }
    let broken = site.page("/broken", Page::Is("application/x-bittorrent", "d8:announce".into()));
    let skipped = alice.run(&["import", &broken]).value(2);
    assert!(text(&skipped["skipped"][0], "reason").contains("damaged"), "{skipped}");
    assert_eq!(alice.run(&["import", &site.url("/gone")]).value(3)["error"]["code"], "no_such_page");
}

#[test]
fn what_is_imported_with_its_content_is_seeded_and_again_after_a_restart() {
    let bed = Bed::new();
    let (maker, newcomer) = (bed.node("maker"), bed.node("newcomer"));
    let mut curator = bed.node("curator");
    newcomer.follow_by_post(&curator);
    let content = bytes_of(120_000, 5);
    let mut names = Vec::new();
    for name in ["Beside.1911.720p.mkv", "Elsewhere.1912.720p.mkv", "Lost.1913.720p.mkv"] {
        let clip = bed.file(format!("made/{name}"), &[name.as_bytes(), &content[..]].concat());
        let about = ["--title", name, "--kind", "film", "--licence", "CC0-1.0", "--private"];
        let published = maker.publish(&clip, "hl:", &about);
        let infohash = text(&published, "infohash").to_owned();
        let kept = std::fs::read(maker.home().join("torrents").join(format!("{infohash}.torrent"))).expect("kept");
        bed.file(format!("shelf/{name}.torrent"), &kept);
        names.push((name, infohash));
    }
    drop(maker);
    std::fs::rename(bed.path("files/made/Beside.1911.720p.mkv"), bed.path("files/shelf/Beside.1911.720p.mkv"))
        .expect("moved");
    bed.file(
        "data/Elsewhere.1912.720p.mkv",
        &std::fs::read(bed.path("files/made/Elsewhere.1912.720p.mkv")).expect("made"),
    );
    let (shelf, data) = (bed.path("files/shelf"), bed.path("files/data"));
    let args = ["import", path_text(&shelf), "--format", "torrent", "--data", path_text(&data)];
    let dry = curator.cli.ok(&[&args[..], &["--dry-run"]].concat());
    assert_eq!((number(&dry, "imported"), number(&dry, "seeding")), (3, 2), "{dry}");
    let done = curator.cli.ok(&args);
    assert_eq!((number(&done, "imported"), number(&done, "seeding")), (3, 2), "{done}");
    let again = curator.cli.ok(&args);
    assert_eq!((number(&again, "known"), number(&again, "seeding")), (3, 2), "{again}");

    let get = |(name, infohash): &(&str, String), curator: &crate::support::Node| {
        let found = curator.cli.ok(&["search", name.split('.').next().unwrap_or(name)]);
        newcomer.wait_for_trusted(text(&found[0], "work"), infohash);
        let got = newcomer.cli.ok(&["get", infohash, "--wait"]);
        assert!(is_same_file(text(&got, "path"), &[name.as_bytes(), &content[..]].concat()), "{got}");
        assert_eq!(got["from"][0]["key"], curator.key.as_str(), "under the name of who lists it: {got}");
    };
    get(&names[0], &curator);
    assert!(curator.stop(STOP_MAX).success());
    curator.start_again(&bed.net(&[]));
    get(&names[1], &curator);

    // Without a node it is noted, and seeded by the next one; a wrong folder is said.
    let home = bed.home("offline");
    assert_eq!(number(&home.ok(&args), "seeding"), 2);
    let refused = home.run(&["import", path_text(&shelf), "--data", "/nowhere/at/all"]).value(2);
    assert_eq!(refused["error"]["code"], "no_such_file");
}

#[test]
fn content_of_the_right_size_and_the_wrong_bytes_is_told_and_the_right_one_taken_later() {
    let bed = Bed::new();
    let (maker, curator) = (bed.node("maker"), bed.node("curator"));
    let (right, wrong) = (bytes_of(90_000, 3), bytes_of(90_000, 4));
    let clip = bed.file("made/Same.1911.720p.mkv", &right);
    let about = ["--title", "Same", "--kind", "film", "--licence", "CC0-1.0", "--private"];
    let published = maker.publish(&clip, "hl:", &about);
    let infohash = text(&published, "infohash");
    let kept = std::fs::read(maker.home().join("torrents").join(format!("{infohash}.torrent"))).expect("kept");
    bed.file("shelf/Same.torrent", &kept);
    bed.file("data/Same.1911.720p.mkv", &wrong);
    let (shelf, data) = (bed.path("files/shelf"), bed.path("files/data"));
    let args = ["import", path_text(&shelf), "--format", "torrent", "--data", path_text(&data)];
    let done = curator.cli.ok(&args);
    assert_eq!((number(&done, "imported"), number(&done, "seeding")), (1, 0), "{done}");
    let note = done["notes"][0].as_str().expect("a note");
    assert!(note.contains("Same") && note.contains("bytes match"), "{note}");
    assert_eq!(std::fs::read(data.join("Same.1911.720p.mkv")).expect("there"), wrong, "nobody's file was written to");
    bed.file("data/Same.1911.720p.mkv", &right);
    let done = curator.cli.ok(&args);
    assert_eq!((number(&done, "known"), number(&done, "seeding")), (1, 1), "{done}");
    assert_eq!(done["notes"], serde_json::json!([]), "{done}");
}

#[test]
fn five_thousand_works_reach_a_follower_over_the_archive_and_one_is_found() {
    let bed = Bed::new();
    // A hundred items and announcements come before the archive's: at the usual 20 requests a second ten minutes of them.
    let curator = bed.node_that("curator", &["--dht-queries", "1000", "--dht-bandwidth-per-day", "4GB"]);
    let mut table = "work,also,title,year,kind,licence,infohash\n".to_owned();
    for at in 1..=5_000_u32 {
        let _ = writeln!(
            table,
            "wikidata:Q{at},tmdb:movie/{at},\"Garden number {at}, at {} o'clock\",{},film,CC0-1.0,{at:040x}",
            at % 24,
            1900 + at % 120
        );
    }
    let file = bed.file("catalogue.csv", table.as_bytes());
    let done = curator.cli.ok(&["import", path_text(&file)]);
    assert_eq!((number(&done, "imported"), number(&done, "skipped_total")), (5_000, 0), "{done}");
    let archive = wait_for("the curator's archive of all of it", 4 * ARRIVAL, || {
        let status = curator.cli.ok(&["status"]);
        let own = status["archives"].as_array().and_then(|all| all.iter().find(|one| one["own"] == true)).cloned();
        match own {
            Some(own) if own["state"] == "seeding" && number(&own, "statements") >= 10_000 => Ok(own),
            own => Err(format!("{own:?}")),
        }
    });
    println!("archive: {archive}");

    let follower = bed.node("follower");
    wait_for("the head that names the archive", 2 * ARRIVAL, || {
        // Looks at the head anew with each follow; an answer takes a moment.
        follower.cli.ok(&["follow", &curator.key, "--yes"]);
        std::thread::sleep(Duration::from_millis(500));
        let status = follower.cli.ok(&["status"]);
        let is_known = status["archives"].as_array().is_some_and(|all| !all.is_empty());
        if is_known { Ok(()) } else { Err(follower.cli.ok(&["follow"]).to_string()) }
    });
    wait_for("the follower to hold the catalogue", 4 * ARRIVAL, || {
        let status = follower.cli.ok(&["status"]);
        if number(&status, "releases") == 5_000 { Ok(()) } else { Err(status["releases"].to_string()) }
    });
    let found = wait_for("the index to know it", ARRIVAL, || {
        let found = follower.cli.ok(&["search", "garden", "number", "4321"]);
        let is_it = found[0]["title"] == "Garden number 4321, at 1 o'clock";
        if is_it { Ok(found) } else { Err(found[0]["title"].to_string()) }
    });
    assert_eq!(
        (text(&found[0], "title"), text(&found[0], "band")),
        ("Garden number 4321, at 1 o'clock", "trusted"),
        "{found}"
    );
    let shown = follower.cli.ok(&["show", "tmdb:movie/4321"]);
    let one = release(&shown, &format!("{:040x}", 4_321)).expect("its release");
    assert_eq!(one["source"], "archive", "read over the archive: {one}");
}

#[test]
fn of_curators_who_contradict_each_other_the_more_trusted_is_believed_and_both_are_named() {
    let bed = Bed::without_dht();
    let (bob, carol, alice) = (bed.home("bob"), bed.home("carol"), bed.home("alice"));
    // The same infohash as different works, and one work under different titles and years.
    let header = "work,title,year,kind,licence,infohash\n";
    let shared = format!("{:040x}", 77);
    let row = |work: &str, title: &str, year: u32| format!("{work},{title},{year},film,CC0-1.0,{shared}\n");
    let says = |cli: &crate::support::Cli, name: &str, rows: &str| {
        let file = bed.file(format!("{name}.csv"), format!("{header}{rows}").as_bytes());
        assert_eq!(number(&cli.ok(&["import", path_text(&file)]), "imported"), rows.lines().count() as u64);
        let said = bed.path(format!("{name}.statements"));
        cli.ok(&["export", "--statements", path_text(&said)]);
        (text(&cli.ok(&["id"]), "key").to_owned(), said)
    };
    let (bobs, bob_said) = says(&bob, "bob", &row("imdb:tt0000911", "The Paper Garden", 1911));
    let both =
        row("imdb:tt0000912", "The Iron Garden", 1912) + "imdb:tt0000911,The Papyrus Garden,1913,film,CC0-1.0,\n";
    let (carols, carol_said) = says(&carol, "carol", &both);
    let follow = |key: &str, level: &str| alice.ok(&["follow", key, "--level", level, "--yes"]);
    follow(&bobs, "high");
    follow(&carols, "low");
    for said in [&bob_said, &carol_said] {
        alice.ok(&["import", path_text(said)]);
    }
    let shown = |work: &str| alice.ok(&["show", work, "--no-starter"]);
    let listers = |work: &str| -> Vec<String> {
        let work = shown(work);
        let one = release(&work, &shared).expect("listed");
        one["listed_by"].as_array().expect("listers").iter().map(|one| text(one, "key").to_owned()).collect()
    };
    let title = |work: &str| {
        let work = shown(work);
        (text(&work, "title").to_owned(), number(&work, "year"))
    };
    assert_eq!(title("imdb:tt0000911"), ("The Paper Garden".to_owned(), 1911), "field by field, by score");
    assert_eq!(title("imdb:tt0000912"), ("The Iron Garden".to_owned(), 1912));
    assert_eq!((listers("imdb:tt0000911"), listers("imdb:tt0000912")), (vec![bobs.clone()], vec![carols.clone()]));
    // The one release stands under both, and why names both who list it.
    let why = alice.ok(&["why", &shared]);
    let voices = why["because"].to_string();
    assert!(voices.contains(&bobs) && voices.contains(&carols), "{why}");
    // Whoever is trusted more the next day is believed then.
    follow(&carols, "full");
    follow(&bobs, "low");
    assert_eq!(title("imdb:tt0000911"), ("The Papyrus Garden".to_owned(), 1913));
    let found: Value = alice.ok(&["search", "papyrus", "garden", "--no-starter"]);
    assert_eq!(text(&found[0], "work"), "imdb:tt0000911", "{found}");
}
