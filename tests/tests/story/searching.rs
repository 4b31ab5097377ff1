//! Searching as people do: in other languages, with slips, by episode and id; and what trust does to the order.

use crate::support::{Bed, Node, bytes_of, text, wait_for};
use serde_json::Value;

const AMELIE: &str = "imdb:tt0211915";

fn titles(found: &Value) -> Vec<&str> {
    found.as_array().expect("a list").iter().map(|row| text(row, "title")).collect()
}

fn search<'a>(node: &Node, words: &[&'a str]) -> Value {
    let args: Vec<&'a str> = ["search"].into_iter().chain(words.iter().copied()).collect();
    node.cli.ok(&args)
}

#[test]
fn works_are_found_as_people_type_them() {
    let bed = Bed::new();
    let curator = bed.node("curator");
    let film = |file: &str, seed| bed.file(file, &bytes_of(40_000, seed));
    let about = |title: &'static str, year: &'static str, kind: &'static str| {
        ["--title", title, "--year", year, "--kind", kind, "--licence", "CC-BY-3.0"]
    };
    curator.publish(&film("a.mkv", 1), AMELIE, &about("Le Fabuleux Destin d'Amélie Poulain", "2001", "film"));
    curator.publish(&film("b.mkv", 2), "imdb:tt1727587", &about("Sintel", "2010", "film"));
    curator.publish(&film("c.mkv", 3), "tmdb:movie/129", &about("千と千尋の神隠し", "2001", "film"));
    let pack = film("Pioneer.One.S01E02.mkv", 4);
    let series = ["--title", "Pioneer One", "--year", "2010", "--kind", "series", "--season", "1", "--episode", "2"];
    curator.publish(&pack, "imdb:tt1748166", &series);

    let amelie = "Le Fabuleux Destin d'Amélie Poulain";
    for (words, title) in [
        (&["amelie"][..], amelie),
        (&["AMÉLIE", "poul"][..], amelie),
        (&["amelie poulian"][..], amelie),
        (&["fabuleux 2001"][..], amelie),
        (&["https://www.imdb.com/title/tt0211915/"][..], amelie),
        (&["tt0211915"][..], amelie),
        (&["sintel 2010"][..], "Sintel"),
        (&["sintle"][..], "Sintel"),
        (&["Sintel.2010.1080p.BluRay.x264-GROUP"][..], "Sintel"),
        (&["千尋"][..], "千と千尋の神隠し"),
        (&["pioneer one s01e02"][..], "Pioneer One"),
        (&["pioneer 1x02"][..], "Pioneer One"),
    ] {
        assert_eq!(titles(&search(&curator, words)), [title], "{words:?}");
    }
    let found = search(&curator, &["pioneer one s01e02"]);
    assert_eq!(found[0]["episode"]["name"], "S01E02", "{found}");
    for words in
        [&["sintel 2011"][..], &["nothing like it"][..], &["AND ("][..], &["*:*"][..], &["title:"][..], &["!!!"][..]]
    {
        assert_eq!(titles(&search(&curator, words)), Vec::<&str>::new(), "{words:?}");
    }
    let long = "sintel \u{202e}".repeat(1_200);
    search(&curator, &[&long]);

    assert_eq!(titles(&search(&curator, &["sintel", "--kind", "film", "--year", "2009-2011"])), ["Sintel"]);
    assert_eq!(titles(&search(&curator, &["sintel", "--licence", "CC-BY"])), ["Sintel"]);
    for filter in [["--kind", "series"], ["--year", "1999"], ["--licence", "CC0-1.0"], ["--genre", "western"]] {
        let words = ["sintel", filter[0], filter[1]];
        assert_eq!(titles(&search(&curator, &words)), Vec::<&str>::new(), "{filter:?}");
    }
    assert_eq!(curator.cli.run(&["search", "sintel", "--year", "then"]).code, 2);
    for wrong in [
        ["--limit", "-1"],
        ["--limit", "0"],
        ["--limit", "many"],
        ["--limit", "1001"],
        ["--offset", "-1"],
        ["--offset", "10000"],
    ] {
        let refused = curator.cli.run_for_people(&["search", "sintel", wrong[0], wrong[1]]);
        assert_eq!((refused.code, refused.stderr.lines().count()), (2, 1), "{wrong:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(wrong[0]) && refused.stderr.contains("from"), "{wrong:?}: {}", refused.stderr);
    }
    let all = titles(&search(&curator, &["2001", "--offset", "0"])).len();
    assert_eq!((all, titles(&search(&curator, &["2001", "--offset", "1"])).len()), (2, 1));
    assert_eq!(titles(&search(&curator, &["2001", "--offset", "9999"])), Vec::<&str>::new());

    let done = curator.cli.ok(&["reindex"]);
    assert_eq!(done["indexed"], 8, "four records, four listings: {done}");
    assert_eq!(titles(&search(&curator, &["sintle"])), ["Sintel"]);
    let infohash = search(&curator, &["sintel"])[0]["best"]["infohash"].as_str().expect("a release").to_owned();
    assert_eq!(titles(&search(&curator, &[&infohash])), ["Sintel"]);
    curator.cli.ok(&["retract", &infohash]);
    assert_eq!(search(&curator, &["sintel"])[0]["releases"], 0, "what was taken back is gone at once");
}

#[test]
fn trust_reorders_without_reindexing() {
    let bed = Bed::new();
    let (anna, eve) = (bed.node("anna"), bed.node("eve"));
    let reader = bed.node_with("reader", &[&anna, &eve]);
    reader.wait_for_peers(2);
    let about = |title: &'static str| ["--title", title, "--year", "2020", "--kind", "film", "--licence", "CC0-1.0"];
    anna.publish(&bed.file("1.mkv", &bytes_of(40_000, 1)), "imdb:tt0000011", &about("Ocean of Anna"));
    eve.publish(&bed.file("2.mkv", &bytes_of(40_000, 2)), "imdb:tt0000012", &about("Ocean of Eve"));
    wait_for("both works to come", crate::support::ARRIVAL, || {
        let found = search(&reader, &["ocean"]);
        if titles(&found).len() == 2 { Ok(()) } else { Err(found.to_string()) }
    });
    reader.cli.ok(&["attest", &eve.key, "--level", "full"]);
    assert_eq!(titles(&search(&reader, &["ocean"])).first(), Some(&"Ocean of Eve"));
    reader.cli.ok(&["attest", &eve.key, "--level", "distrust"]);
    reader.cli.ok(&["attest", &anna.key, "--level", "full"]);
    assert_eq!(titles(&search(&reader, &["ocean"])), ["Ocean of Anna"], "the distrusted is hidden");
    let all = search(&reader, &["ocean", "--band", "all"]);
    assert_eq!(titles(&all), ["Ocean of Anna", ""], "and says nothing of a work: {all}");
    assert_eq!(all[1]["work"], "imdb:tt0000012", "{all}");
}
