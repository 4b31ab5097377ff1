//! Programs that ask the same by the quarter of an hour, of a catalogue that is not small: what their questions cost, by
//! what the node counts.

use super::catalogue;
use super::support::{Ask, Face, Response};
use serde_json::json;
use std::time::{Duration, Instant};

/// Works on the shelf: five times what a feed tells of in all.
const WORKS: usize = 5_000;
/// How long the index may take to hold them all, on a machine that is busy.
const INDEX_WITHIN: Duration = Duration::from_secs(120);
/// Works of one request.
const AT_ONCE: usize = 250;

async fn fill(face: &Face) {
    for from in (0..WORKS).step_by(AT_ONCE) {
        let row = |number: usize| {
            let work = format!("hl:{number:064x}");
            let kind = if number.is_multiple_of(5) { "series" } else { "film" };
            json!({
                "record": { "ids": [work], "title": format!("Garden {number}"), "year": 2000 + number % 20, "kind": kind,
                    "genres": [format!("Genre {}", number % 7)] },
                "release": { "work": work, "infohash": format!("{number:040x}"), "size": 1_000_000_000 + number,
                    "name": format!("Garden.{number}.{}.WEB-DL.x264-GRP", if number.is_multiple_of(2) { "1080p" } else { "480p" }) },
            })
        };
        let rows: Vec<_> = (from..from + AT_ONCE).map(row).collect();
        let response = face.send(face.verb("list", &json!({ "rows": rows, "dry_run": false }))).await;
        assert_eq!(response.status, 200, "{}", response.json());
    }
}

/// Works that were looked at, and answers that were built, said again, and not sent at all.
async fn figures(face: &Face) -> [u64; 4] {
    let metrics = face.send(face.ask("GET", "/metrics")).await;
    let text = String::from_utf8(metrics.body).expect("UTF-8");
    let figure = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.trim().parse::<u64>().expect("a whole number")
    };
    let answers = |how: &str| figure(&format!("heirloom_app_answers_total{{how=\"{how}\"}}"));
    [figure("heirloom_app_works_read_total "), answers("built"), answers("repeated"), answers("unchanged")]
}

/// What a question added to the figures, and its answer.
async fn cost(face: &Face, path: &str, tag: Option<&str>) -> ([u64; 4], Response) {
    let before = figures(face).await;
    let ask = Ask::new("GET", path).with("Host", face.address.to_string());
    let response = face
        .send(match tag {
            Some(tag) => ask.with("If-None-Match", tag),
            None => ask,
        })
        .await;
    let after = figures(face).await;
    (std::array::from_fn(|at| after[at] - before[at]), response)
}

fn items(response: &Response) -> usize {
    assert_eq!(response.status, 200);
    String::from_utf8_lossy(&response.body).matches("<item>").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_its_page_and_what_did_not_change_costs_nothing() {
    let face = catalogue::start().await;
    fill(&face).await;
    let key = catalogue::apps(&face).await["torznab"]["apikey"].as_str().expect("a key").to_owned();
    let page = |offset: usize| format!("/torznab/api?t=search&extended=1&offset={offset}&limit=100&apikey={key}");

    // As Sonarr and Radarr do when they look the first time: page by page, as long as pages are full.
    let mut titles = std::collections::BTreeSet::new();
    for offset in (0..1_000).step_by(100) {
        let (cost, response) = cost(&face, &page(offset), None).await;
        assert_eq!((cost, items(&response)), ([100, 1, 0, 0], 100), "offset {offset}");
        let text = String::from_utf8(response.body).expect("UTF-8");
        assert!(text.contains(&format!("offset=\"{offset}\" total=\"1000\"")), "{text}");
        titles.extend(text.split("<title>").skip(2).map(|title| title.split('<').next().expect("text").to_owned()));
    }
    assert_eq!(titles.len(), 1_000, "no release stands on two pages");
    let (nothing, response) = cost(&face, &page(1_000), None).await;
    assert_eq!((nothing[0], items(&response)), (0, 0), "no more is told of than that");

    // The same again: nothing is looked at. With the tag of the answer, nothing is sent.
    let (again, response) = cost(&face, &page(300), None).await;
    assert_eq!((again, items(&response)), ([0, 0, 1, 0], 100));
    let tag = response.header("etag").to_owned();
    let (unchanged, response) = cost(&face, &page(300), Some(&tag)).await;
    assert_eq!((unchanged, response.status, response.body.len()), ([0, 0, 0, 1], 304, 0));
    assert_eq!(response.header("etag"), tag);

    // What is left out costs what has to be looked at to leave it out, once: half of the works are in HD.
    let hd = |offset: usize| format!("/torznab/api?t=movie&cat=2040&offset={offset}&limit=50&apikey={key}");
    let (first, response) = cost(&face, &hd(0), None).await;
    assert!(items(&response) == 50 && (50..=200).contains(&first[0]), "{first:?}");
    let (second, response) = cost(&face, &hd(50), None).await;
    assert!(items(&response) == 50 && (50..=200).contains(&second[0]), "{second:?}");

    // What is found by words is kept once the index holds everything.
    let deadline = Instant::now() + INDEX_WITHIN;
    while cost(&face, &format!("/torznab/api?t=search&q=garden&limit=1&apikey={key}"), None).await.0 != [0, 0, 1, 0] {
        assert!(Instant::now() < deadline, "the index is never current");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Words, feeds, and the add-on.
    let (words, response) = cost(&face, &format!("/torznab/api?t=search&q=garden&limit=10&apikey={key}"), None).await;
    assert!(items(&response) == 10 && words[0] <= 10, "{words:?}");
    let feed = format!("/rss?apikey={key}&limit=25");
    let (rss, response) = cost(&face, &feed, None).await;
    assert_eq!((rss, items(&response)), ([25, 1, 0, 0], 25));
    let tag = response.header("etag").to_owned();
    assert_eq!(cost(&face, &feed, Some(&tag)).await.0, [0, 0, 0, 1]);
    let apps = catalogue::apps(&face).await;
    let manifest = apps["stremio"]["manifest"].as_str().expect("an address");
    let addon = manifest.split_once(&face.address.to_string()).expect("of this node").1.replace("/manifest.json", "");
    let films = format!("{addon}/catalog/movie/heirloom/skip=100.json");
    let (built, response) = cost(&face, &films, None).await;
    assert_eq!((built[1], response.json()["metas"].as_array().map(Vec::len)), (1, Some(100)));
    let tag = response.header("etag").to_owned();
    assert_eq!(cost(&face, &films, Some(&tag)).await.0, [0, 0, 0, 1]);

    // Anything new, and all of it is looked at again: a feed that is behind would be worse than one that costs.
    let row = json!({ "rows": [{ "release": { "work": "imdb:tt1254207", "infohash": "fe".repeat(20), "name": "Big.Buck.Bunny.2008.1080p", "size": 5 } }], "dry_run": false });
    assert_eq!(face.send(face.verb("list", &row)).await.status, 200);
    let (built, response) = cost(&face, &feed, Some(&tag)).await;
    assert_eq!((built, items(&response)), ([25, 1, 0, 0], 25));
    assert!(String::from_utf8_lossy(&response.body).contains("Big.Buck.Bunny.2008.1080p"), "it stands in the feed");
    let judged = json!({ "infohash": "fe".repeat(20), "opinion": "fake", "note": "", "private": true });
    assert_eq!(face.send(face.verb("verdict", &judged)).await.status, 200);
    let (_, response) = cost(&face, &feed, None).await;
    assert!(!String::from_utf8_lossy(&response.body).contains("Big.Buck.Bunny.2008.1080p"), "and no longer");
}
