//! Feeds, lists of curators, the search plugin, and figures: what readers, qBittorrent and Prometheus fetch.

use super::catalogue::{self, fetch};
use super::support::{Ask, Response};
use std::collections::BTreeSet;

fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_are_of_a_query_a_curator_and_a_band_and_are_sent_once() {
    let face = catalogue::start().await;
    catalogue::list(&face).await;
    catalogue::import_strangers(&face).await;
    let key = catalogue::apps(&face).await["torznab"]["apikey"].as_str().expect("a key").to_owned();
    let stranger = catalogue::stranger();
    for (question, items) in [
        ("", 7),
        ("&q=bunny", 2),
        ("&cat=2000", 3),
        ("&cat=5000,4000", 3),
        ("&kind=album", 1),
        ("&genre=drama", 2),
        ("&band=unknown", 8),
        ("&min_trust=trusted", 7),
        ("&limit=2", 2),
        ("&q=%21%21", 0),
        ("&q=night+of+the+living", 0),
        ("&q=night+of+the+living&band=all", 1),
        (&format!("&by={stranger}"), 1),
        (&format!("&curator={stranger}&band=vouched"), 0),
        ("&utm_source=reader", 7),
    ] {
        let response = fetch(&face, &format!("/rss?apikey={key}{question}")).await;
        let text = text(&response);
        assert_eq!(response.status, 200, "{question}: {text}");
        assert_eq!(text.matches("<item>").count(), items, "{question}: {text}");
        assert!(text.contains("xmlns:torrent=\"http://xmlns.ezrss.it/0.1/\""), "{question}");
        let tag = response.header("etag").to_owned();
        let again = Ask::new("GET", &format!("/rss?apikey={key}{question}")).with("Host", face.address.to_string());
        let again = face.send(again.with("If-None-Match", format!("\"other\", W/{tag}"))).await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag.as_str()), "{question}");
    }
    for question in ["&band=best", "&by=nobody", "&kind=poem", "&cat=x", "&limit=all"] {
        let refused = fetch(&face, &format!("/rss?apikey={key}{question}")).await;
        assert_eq!(refused.status, 400, "{question}");
        assert!(refused.json()["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{question}");
    }
    assert_eq!(fetch(&face, "/rss").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn curators_are_given_to_others_without_a_key_and_to_the_own_reader_with_one() {
    let face = catalogue::start().await;
    catalogue::import_strangers(&face).await;
    catalogue::follow_stranger(&face).await;
    let key = catalogue::apps(&face).await["torznab"]["apikey"].as_str().expect("a key").to_owned();
    let shared = text(&fetch(&face, &format!("/opml?apikey={key}")).await);
    for part in ["<opml version=\"2.0\"", "text=\"Eve &amp; Co\"", "type=\"rss\"", &catalogue::stranger()] {
        assert!(shared.contains(part), "{part}: {shared}");
    }
    assert!(!shared.contains(&key) && !shared.contains("127.0.0.1"), "{shared}");
    let own = text(&fetch(&face, &format!("/opml?feeds=1&apikey={key}")).await);
    let feed = format!("http://{}/rss?by={}&amp;apikey={key}", face.address, catalogue::stranger());
    assert!(own.contains(&feed), "{own}");

    let plugin = fetch(&face, &format!("/qbittorrent/heirloom.py?apikey={key}")).await;
    let plugin = text(&plugin);
    assert!(plugin.contains(&format!("url = \"http://{}\"", face.address)) && plugin.contains(&key), "{plugin}");
    assert!(!plugin.contains("@BASE@") && !plugin.contains("@KEY@"), "nothing is left open: {plugin}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shelf_becomes_files_of_a_library() {
    let face = catalogue::start().await;
    catalogue::list(&face).await;
    catalogue::import_strangers(&face).await;
    let told = face.send(face.verb("strm", &serde_json::json!({}))).await.json();
    let files = told["files"].as_array().expect("files");
    let url = |path: &str| {
        let file = files.iter().find(|file| file["path"] == path).unwrap_or_else(|| panic!("{path}: {told}"));
        file["url"].as_str().expect("an address").to_owned()
    };
    let film = url("Movies/Big Buck Bunny (2008) [imdbid-tt1254207]/Big Buck Bunny (2008).strm");
    assert!(film.ends_with(&format!("/play/{}/best", "a1".repeat(20))), "{film}");
    let show = "Shows/Pioneer One (2010) [imdbid-tt1748166]/Season 01/Pioneer One";
    assert!(url(&format!("{show} S01E03.strm")).ends_with(&format!("/play/{}/7", "b1".repeat(20))));
    assert_eq!(files.len(), 5, "two films and three episodes that there are: {told}");
    assert!(files.iter().all(|file| !file["path"].as_str().expect("a path").contains(['<', '>', '"', '\\'])), "{told}");
}

/// The rules of Prometheus' text format and of its names (<https://prometheus.io/docs/practices/naming/>).
#[tokio::test(flavor = "multi_thread")]
async fn figures_keep_to_the_format_and_name_nobody() {
    let face = catalogue::start().await;
    catalogue::list(&face).await;
    assert_eq!(text(&fetch(&face, "/health").await), "ok\n");
    assert_eq!(text(&fetch(&face, "/ready").await), "ready\n");
    assert_eq!(fetch(&face, "/metrics").await.status, 401);
    let key = catalogue::apps(&face).await["torznab"]["apikey"].as_str().expect("a key").to_owned();
    let response = fetch(&face, &format!("/metrics?apikey={key}")).await;
    assert_eq!(response.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(face.send(face.ask("GET", "/metrics")).await.status, 200, "the token will do");
    let text = text(&response);
    assert!(text.ends_with('\n'));
    let (mut seen, mut series, mut family, mut kind) = (BTreeSet::new(), BTreeSet::new(), String::new(), String::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, about) = help.split_once(' ').expect("a name and a sentence");
            assert!(seen.insert(name.to_owned()) && about.ends_with('.'), "{line}");
            family = name.to_owned();
        } else if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, of) = typed.split_once(' ').expect("a name and a type");
            assert!(name == family && matches!(of, "gauge" | "counter"), "{line}");
            assert_eq!(of == "counter", name.ends_with("_total"), "{line}");
            kind = of.to_owned();
        } else {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            assert!(series.insert(name.to_owned()), "said twice: {line}");
            // What a label holds is one of few words of the program's own.
            let mut labels = name.split(['{', '}', ',']).skip(1).filter(|label| !label.is_empty());
            let is_bounded = |label: &str| {
                let known = ["version", "reason", "event", "found", "budget", "how", "state"];
                label.split_once('=').is_some_and(|(name, of)| known.contains(&name) && of.len() < 40)
            };
            assert!(labels.all(is_bounded), "{line}");
            let name = name.split('{').next().expect("a name");
            assert!(name == family && !kind.is_empty(), "{line}");
            assert!(name.starts_with("heirloom_") || name.starts_with("process_"), "{line}");
            // Units are written out, and are those of Prometheus.
            let base = name.trim_end_matches("_total");
            for (odd, wanted) in [("_ms", "_seconds"), ("_s", "_seconds"), ("_kb", "_bytes"), ("_percent", "_ratio")] {
                assert!(!base.ends_with(odd), "{line}: {wanted}");
            }
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            assert!(name.bytes().all(is_plain), "{line}");
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
            assert!(value.is_finite() && value >= 0.0, "{line}");
        }
    }
    for (name, value) in [("heirloom_works", 5), ("heirloom_releases", 7), ("heirloom_http_streams", 0)] {
        assert!(text.contains(&format!("\n{name} {value}\n")), "{name}: {text}");
    }
    assert!(series.len() < 200, "{} series", series.len());
    assert!(
        seen.contains("heirloom_stranger_keys") && !text.contains("reason=\"strangers\""),
        "what may fall is no counter: {text}"
    );
    for name in
        ["heirloom_uptime_seconds", "process_resident_memory_bytes", "heirloom_store_bytes", "heirloom_budget_short"]
    {
        assert!(seen.contains(name), "{name}: {text}");
    }
    for secret in [&key, &face.token, "did:key", "z6Mk", "a1a1a1", "Bunny", "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
