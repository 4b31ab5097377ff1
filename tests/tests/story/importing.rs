//! Catalogues of others become listings of one's own: tables, feeds, exports and folders of torrents, with what was
//! skipped and why; and what is published and imported is read by followers.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::{ARRIVAL, Bed, bytes_of, number, release, text, wait_for};

const HASH: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

fn path_text(path: &Path) -> &str {
    path.to_str().expect("test paths are text")
}

/// A table of so many works with a release each.
fn table(works: usize) -> String {
    let mut table = "work,also,title,year,kind,licence,holder,infohash,trackers,web_seed\n".to_owned();
    for at in 1..=works {
        let _ = writeln!(
            table,
            "wikidata:Q{at},tmdb:movie/{at},\"Film, the {at}th\",{},film,CC0-1.0,Nobody,{at:040x},udp://tracker.example:1337,https://films.example/{at}/",
            1900 + at % 120
        );
    }
    table
}

fn reasons(done: &Value) -> Vec<String> {
    let skipped = done["skipped"].as_array().expect("a list");
    skipped.iter().map(|one| format!("{}: {}", text(one, "item"), text(one, "reason"))).collect()
}

#[test]
fn a_thousand_works_are_listed_once_and_read_by_a_follower() {
    let bed = Bed::new();
    let alice = bed.node("alice");
    let file = bed.file("catalogue.csv", table(1000).as_bytes());

    let dry = alice.cli.ok(&["import", path_text(&file), "--dry-run"]);
    assert_eq!(
        (number(&dry, "imported"), number(&dry, "works"), number(&dry, "releases")),
        (1000, 1000, 1000),
        "{dry}"
    );
    assert_eq!(number(&alice.cli.ok(&["status"]), "statements"), 0, "a dry run says nothing");

    let began = std::time::Instant::now();
    let done = alice.cli.ok(&["import", path_text(&file), "--format", "csv"]);
    println!("1,000 works with 1,000 releases imported in {:?}", began.elapsed());
    assert_eq!(
        (number(&done, "imported"), number(&done, "known"), done["skipped"].as_array().map(Vec::len)),
        (1000, 0, Some(0)),
        "{done}"
    );
    let again = alice.cli.ok(&["import", path_text(&file)]);
    assert_eq!((number(&again, "imported"), number(&again, "known")), (0, 1000), "{again}");
    assert_eq!((number(&again, "works"), number(&again, "releases")), (0, 0));
    let status = alice.cli.ok(&["status"]);
    assert_eq!((number(&status, "works"), number(&status, "releases")), (1000, 1000), "two ids a work: {status}");

    // Somebody who comes later, and to whom nothing was pushed.
    let bob = bed.node_with("bob", &[&alice]);
    bob.follow_by_post(&alice);
    wait_for("bob to hold the catalogue", 2 * ARRIVAL, || {
        let follows = bob.cli.ok(&["follow"]);
        let status = bob.cli.ok(&["status"]);
        let is_whole = follows[0]["is_whole"] == true && number(&status, "releases") == 1000;
        if is_whole { Ok(()) } else { Err(format!("{follows} {}", status["releases"])) }
    });
    let shown = bob.cli.ok(&["show", "tmdb:movie/777"]);
    assert_eq!((text(&shown, "title"), number(&shown, "year")), ("Film, the 777th", 1957), "{shown}");
    let one = release(&shown, &format!("{:040x}", 777)).expect("its release");
    assert_eq!((text(one, "band"), text(one, "licence")), ("trusted", "CC0-1.0"));
    assert_eq!(one["web_seeds"], serde_json::json!(["https://films.example/777/"]));
    assert!(text(one, "magnet").contains("&tr=udp:%2F%2Ftracker.example:1337&ws="), "{one}");
    let found = bob.cli.ok(&["search", "film", "the", "500th"]);
    assert_eq!(text(&found[0], "title"), "Film, the 500th", "{found}");
}

#[test]
fn hostile_rows_are_told_and_the_rest_is_imported() {
    let bed = Bed::without_dht();
    let cli = bed.home("alice");
    let long = "x".repeat(10_000);
    let mut table = format!(
        "\u{feff}work;title;year;season;episode;size;infohash;mood\r\n\
         Q1;Good;2001;;;5;{HASH};calm\r\n\
         Q2;Late;99999;;;;;\r\n\
         Q3;Before;2001;-1;1;;{HASH};\r\n\
         Q4;Large;2001;;;9223372036854775808;{HASH};\r\n\
         Q5;{long};2001;;;;;\r\n\
         Q6;left\u{202e}right;2001;;;;;\r\n\
         1254207;Number;2001;;;;;\r\n\
         https://www.imdb.com/title/tt0063350/?x=1;Page;1968;;;;;\r\n\
         Q7;<b>Bold</b>;2001;;;;;\r\n"
    )
    .into_bytes();
    table.extend_from_slice(b"Q8;Caf\xe9;2001;;;;;\r\nQ9;Last;2001;;;;;\r\n");
    let file = bed.file("hostile.csv", &table);
    let answer = cli.run(&["import", path_text(&file)]);
    let done = answer.value(0);
    assert_eq!(number(&done, "imported"), 4, "{done}");
    let reasons = reasons(&done);
    let wanted = [
        ("line 3", "99999"),
        ("line 4", "-1"),
        ("line 5", "9223372036854775808"),
        ("line 6", "10000 bytes as UTF-8"),
        ("line 7", "U+202E"),
        ("line 8", "no scheme"),
        ("line 11", "UTF-8"),
    ];
    assert_eq!(reasons.len(), wanted.len(), "{reasons:?}");
    for (reason, (line, word)) in reasons.iter().zip(wanted) {
        assert!(reason.starts_with(&format!("{line}:")) && reason.contains(word), "{reason}");
        assert!(reason.chars().count() < 400 && !reason.contains(['\u{202e}', '\n']), "{reason}");
    }
    assert!(answer.stderr.contains("\"mood\""), "columns that were left out are named: {}", answer.stderr);
    assert_eq!(text(&cli.ok(&["search", "Last"])[0], "work"), "wikidata:Q9");
    assert_eq!(text(&cli.ok(&["search", "Page"])[0], "work"), "imdb:tt0063350");
    let for_people = cli.run_for_people(&["import", path_text(&file)]);
    assert!(for_people.stdout.contains("skipped line 3"), "{}", for_people.stdout);
    assert!(!for_people.stderr.contains('\r'), "no bar where there is no terminal");

    let all_bad = bed.file("bad.csv", b"work,title\nnonsense,x\n");
    assert_eq!(reasons_of(&cli.run(&["import", path_text(&all_bad)]).value(2)), 1);
    for (name, content, code) in [
        ("nothing", &b""[..], "bad_statement_file"),
        ("page.html", b"<!DOCTYPE html><html></html>", "bad_statement_file"),
        ("letter.txt", b"Dear all,\nhello", "bad_statement_file"),
    ] {
        let file = bed.file(name, content);
        assert_eq!(cli.run(&["import", path_text(&file)]).value(2)["error"]["code"], code, "{name}");
        assert_eq!(cli.run(&["import", path_text(&file), "--format", "csv"]).value(2)["error"]["code"], "bad_import");
    }
    assert_eq!(cli.run(&["import", "/nowhere/at/all.csv"]).value(2)["error"]["code"], "no_such_file");
}

fn reasons_of(done: &Value) -> usize {
    reasons(done).len()
}

#[test]
fn every_format_is_told_by_its_content_and_read() {
    let bed = Bed::without_dht();
    let cli = bed.home("alice").with_variable("HEIRLOOM_NO_STARTER", "1");
    let feed = format!(
        "<rss><channel><item><title>Sintel.2010.1080p.WEB.x264</title><link>magnet:?xt=urn:btih:{HASH}&amp;dn=x</link></item>\
         <item><title>No link</title></item></channel></rss>"
    );
    let lines = "{\"work\":\"imdb:tt0000002\",\"title\":\"Two\",\"year\":1902}\nnonsense\n".to_owned();
    let entity = "[\n{\"type\":\"item\",\"id\":\"Q1201341\",\"labels\":{\"en\":{\"value\":\"Sintel\"},\"ja\":{\"value\":\"シンテル\"}},\
        \"claims\":{\"P31\":[{\"mainsnak\":{\"datavalue\":{\"value\":{\"id\":\"Q24862\"}}}}],\
        \"P345\":[{\"mainsnak\":{\"datavalue\":{\"value\":\"tt1727587\"}}}]}},\nnonsense\n]\n"
        .to_owned();
    let magnets = format!("magnet:?xt=urn:btih:{HASH}&dn=Tears.of.Steel.2012.2160p\nnonsense\n");
    for (name, content, format) in [
        ("a.xml", feed, "rss"),
        ("b.jsonl", lines, "json"),
        ("c.json", entity, "wikidata"),
        ("d.txt", magnets, "torrent"),
    ] {
        let file = bed.file(name, content.as_bytes());
        let done = cli.ok(&["import", path_text(&file)]);
        assert_eq!((text(&done, "format"), number(&done, "imported")), (format, 1), "{done}");
        assert_eq!(number(&done, "skipped_total"), 1, "{done}");
        let again = cli.run_with(&["import", "-", "--format", format], &content).value(0);
        assert_eq!((number(&again, "imported"), number(&again, "known")), (0, 1), "{again}");
    }
    assert_eq!(text(&cli.ok(&["search", "シンテル"])[0], "title"), "Sintel");
    assert_eq!(cli.ok(&["show", "imdb:tt1727587"])["ids"], serde_json::json!(["imdb:tt1727587", "wikidata:Q1201341"]));
    let steel = cli.ok(&["search", "tears", "of", "steel"]);
    assert_eq!(text(&steel[0]["best"], "resolution"), "2160p", "read from its name: {steel}");
}

#[test]
fn a_season_folder_maps_itself_and_its_torrent_can_be_imported() {
    let bed = Bed::without_dht();
    let alice = bed.node("alice");
    for at in 1..=3 {
        bed.file(format!("Garden.Town.S01.720p/Garden.Town.S01E0{at}.mkv"), &bytes_of(50_000, at));
    }
    let folder = bed.path("files/Garden.Town.S01.720p");
    let about = ["--title", "Garden Town", "--kind", "series", "--map", "S01E03.mkv=S00E01", "--licence", "CC0-1.0"];
    let made = ["--subtitles", "de", "--web-seed", "https://films.example/", "--tracker", "udp://tracker.example:1"];
    let published = alice.publish(&folder, "tvdb:1", &[about.as_slice(), &made].concat());
    let episodes: Vec<&Value> =
        published["files"].as_array().expect("files").iter().map(|file| &file["episode"]).collect();
    assert_eq!(episodes, ["S01E01", "S01E02", "S00E01"]);
    let shown = alice.cli.ok(&["show", "tvdb:1"]);
    let one = &shown["releases"][0];
    assert_eq!((text(one, "resolution"), &one["subtitles"][0]), ("720p", &serde_json::json!("de")), "{one}");
    assert_eq!(one["read_from_names"], serde_json::json!(["resolution"]), "{one}");
    assert_eq!(one["files"][2]["episode"], "S00E01");
    assert_eq!(one["web_seeds"], serde_json::json!(["https://films.example/"]));
    // A name that says another episode than its listing is pointed out.
    let flags: Vec<&str> = one["flags"].as_array().expect("flags").iter().map(|flag| text(flag, "flag")).collect();
    assert_eq!(flags, ["other_episode"], "{one}");
    for bad in ["ftp://films.example/", "films.example"] {
        let refused = alice.cli.run(&["publish", path_text(&folder), "--work", "tvdb:1", "--web-seed", bad]);
        assert_eq!(refused.value(2)["error"]["code"], "bad_address");
    }

    // The torrent that was made, found in a folder by somebody else.
    let infohash = text(&published, "infohash").to_owned();
    let kept = std::fs::read(alice.home().join("torrents").join(format!("{infohash}.torrent"))).expect("kept");
    let has = |text: &str| kept.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(
        has("8:announce23:udp://tracker.example:113:announce-listll23:udp://tracker.example:1ee8:encoding"),
        "BEP 12"
    );
    assert!(has("8:url-listl22:https://films.example/e"), "BEP 19");
    bed.file("shelf/deep/down/one.torrent", &kept);
    bed.file("shelf/broken.torrent", &kept[..40]);
    let bob = bed.home("bob");
    let done = bob.ok(&["import", path_text(&bed.path("files/shelf"))]);
    assert_eq!((number(&done, "imported"), reasons_of(&done)), (1, 1), "{done}");
    let found = bob.ok(&["search", "garden", "town"]);
    assert_eq!(
        (text(&found[0], "kind"), text(&found[0]["best"], "infohash")),
        ("series", infohash.as_str()),
        "{found}"
    );
    assert_eq!(found[0]["best"]["files"][1]["episode"], "S01E02");

    // A magnet of which nothing is known but what it says; and one whose torrent is here.
    let magnet = format!("magnet:?xt=urn:btih:{HASH}&dn=Sintel.2010.1080p&tr=udp://t.example:1&ws=http://w.example/");
    let told = alice.cli.ok(&["publish", &magnet, "--work", "imdb:tt1727587", "--title", "Sintel"]);
    assert!(text(&told, "note").contains("only the magnet link is known"), "{told}");
    let known = alice.cli.ok(&["publish", &format!("magnet:?xt=urn:btih:{infohash}"), "--work", "tvdb:1"]);
    assert_eq!((number(&known, "size"), &known["note"]), (150_000, &Value::Null), "{known}");
    alice.cli.ok(&["retract", HASH]);
    assert_eq!(alice.cli.ok(&["search", "sintel"])[0]["releases"], 0);
    let refused = alice.cli.run(&["retract", HASH]).value(3);
    assert_eq!(refused["error"]["code"], "nothing_to_retract");
    alice.cli.ok(&["retract", text(&known, "statement")]);
    assert_eq!(alice.cli.ok(&["search", "garden", "town"])[0]["releases"], 0);
}
