//! What an enemy writes into titles and names, as it comes out of every door: the elements of a page or a feed, the fields
//! of an answer and the lines of events are those of a catalogue of quiet titles.

#[path = "../../src/page/payloads.rs"]
pub mod payloads;

use super::catalogue::{self, fetch};
use super::support::{Face, Response};
use html5gum::{Token, Tokenizer};
use payloads::{PAYLOADS_MIN, payloads};
use quick_xml::events::Event;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

/// Longer than anything here takes on a busy machine; a test that reaches it hangs.
const LONG: Duration = Duration::from_secs(120);
/// Rows of one request.
const ROWS: usize = 50;

fn film(number: usize, said: &str) -> Value {
    let work = format!("imdb:tt{number:07}");
    json!({
        "record": {
            "ids": [work], "title": said, "year": 2008, "kind": "film", "overview": said, "original_title": said,
            "titles": [["en", said]], "people": [[said, "director"]],
        },
        "release": { "work": work, "infohash": format!("{number:040x}"), "name": said, "size": 5 },
    })
}

/// Lists films, and says which of them were taken: a title of a kind that no record may hold is refused.
async fn list(face: &Face, films: &[Value]) -> Vec<bool> {
    let mut taken = Vec::new();
    for rows in films.chunks(ROWS) {
        let response = face.send(face.verb("list", &json!({ "rows": rows, "dry_run": false }))).await;
        assert_eq!(response.status, 200, "{}", response.json());
        for row in response.json()["rows"].as_array().expect("rows") {
            assert!(row["new"] == true || row["reason"].as_str().is_some_and(|reason| reason.len() > 10), "{row}");
            taken.push(row["new"] == true);
        }
    }
    assert_eq!(taken.len(), films.len());
    taken
}

/// Elements with the names of their attributes, as a browser reads a page. No attribute is script, and no address leads
/// away.
fn html(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for token in Tokenizer::new(text) {
        match token.expect("never fails") {
            Token::StartTag(tag) => {
                let mut element = String::from_utf8_lossy(&tag.name).into_owned();
                for (name, value) in &tag.attributes {
                    let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
                    assert!(!name.starts_with("on") && name != "style" && name != "srcdoc", "{name}={value}");
                    if matches!(&*name, "href" | "src" | "action") {
                        let is_ours = value.starts_with(['/', '#']) && !value.starts_with("//");
                        assert!(is_ours || value.starts_with("magnet:?"), "{name}={value}");
                    }
                    element.push(' ');
                    element.push_str(&name);
                }
                all.push(element);
            }
            Token::Comment(_) => all.push("comment".to_owned()),
            _ => {}
        }
    }
    all
}

/// Elements with the names of their attributes, as a reader of feeds sees them.
fn xml(text: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut all = Vec::new();
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {text}")) {
            Event::Eof => return all,
            Event::Start(tag) | Event::Empty(tag) => {
                let mut element = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
                for attribute in tag.attributes() {
                    let attribute = attribute.unwrap_or_else(|error| panic!("{error}: {text}"));
                    element.push(' ');
                    element.push_str(&String::from_utf8_lossy(attribute.key.as_ref()));
                }
                all.push(element);
            }
            Event::Comment(_) | Event::CData(_) | Event::PI(_) => panic!("what nobody wrote: {text}"),
            _ => {}
        }
    }
}

/// The names of all fields, in order.
fn fields(value: &Value) -> Vec<String> {
    match value {
        Value::Object(all) => {
            let inner = |(name, value): (&String, &Value)| [vec![name.clone()], fields(value)].concat();
            all.iter().flat_map(inner).collect()
        }
        Value::Array(all) => all.iter().flat_map(fields).collect(),
        _ => Vec::new(),
    }
}

/// What came back, read as what it says it is: a browser must not guess.
fn structure(what: &str, response: &Response) -> Vec<String> {
    let text = String::from_utf8(response.body.clone()).expect("UTF-8");
    assert_eq!(response.status, 200, "{what}: {text}");
    assert_eq!(response.header("x-content-type-options"), "nosniff", "{what}");
    let policy = response.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{what}: {policy}");
    match response.header("content-type").split(';').next().expect("a type") {
        "text/html" => html(&text),
        "application/json" => fields(&response.json()),
        kind if kind.ends_with("xml") || kind == "text/x-opml" => xml(&text),
        kind => panic!("{what}: {kind}"),
    }
}

/// Each line of the events until a download was told: every one is of the protocol, and every value is JSON.
async fn events(face: &Face, infohash: &str) -> Vec<String> {
    let mut stream = face.begin(face.ask("GET", "/api/v1/events")).await;
    let read = async {
        let (mut text, mut part) = (String::new(), vec![0; 16_384]);
        loop {
            let bytes = stream.read(&mut part).await.expect("more");
            assert!(bytes > 0, "it ended: {text}");
            text.push_str(&String::from_utf8_lossy(&part[..bytes]));
            let is_whole = text.contains("event: hello") && text.ends_with("\n\n\r\n");
            if is_whole && text.contains(infohash) {
                return text;
            }
        }
    };
    let text = tokio::time::timeout(LONG, read).await.expect("a download is told");
    let (_, text) = text.split_once("\r\n\r\n").expect("a head");
    let mut names = Vec::new();
    for line in text.lines().map(|line| line.trim_end_matches('\r')) {
        let is_chunk = line.chars().all(|digit| digit.is_ascii_hexdigit());
        match line.split_once(": ") {
            Some(("event", name)) => names.push(name.to_owned()),
            Some(("data", data)) => drop(serde_json::from_str::<Value>(data).expect("JSON in one line")),
            _ => assert!(is_chunk || line.starts_with(':'), "{line:?}"),
        }
    }
    names
}

/// Everything that shows a title or a name, each with its structure.
async fn doors(face: &Face, numbers: &[usize]) -> Vec<(String, Vec<String>)> {
    let apps = catalogue::apps(face).await;
    let key = apps["torznab"]["apikey"].as_str().expect("a key").to_owned();
    let manifest = apps["stremio"]["manifest"].as_str().expect("an address");
    let addon = manifest.split_once(&face.address.to_string()).expect("of this node").1;
    let addon = addon.strip_suffix("/manifest.json").expect("a manifest").to_owned();
    let cookie = face.cookie().await;
    let mut all = Vec::new();
    let mut open = vec![
        format!("/rss?limit=1000&apikey={key}"),
        format!("/torznab/all?t=search&limit=100&apikey={key}"),
        format!("/torznab/all?t=movie&limit=100&apikey={key}"),
        format!("/opml?apikey={key}"),
        format!("/opml?feeds=1&apikey={key}"),
        format!("{addon}/manifest.json"),
    ];
    open.extend((0..3).map(|page| format!("{addon}/catalog/movie/heirloom/skip={}.json", page * 100)));
    let mut own = vec!["/api/v1/listings".to_owned(), "/api/v1/follows".to_owned()];
    let mut pages: Vec<String> = ["/", "/people", "/seeding", "/publish", "/node"].map(str::to_owned).into();
    for number in numbers {
        let work = format!("tt{number:07}");
        open.push(format!("{addon}/meta/movie/{work}.json"));
        open.push(format!("{addon}/stream/movie/{work}.json"));
        own.push(format!("/api/v1/show?work=imdb:{work}"));
        pages.push(format!("/work/imdb:{work}"));
    }
    for path in open {
        let response = fetch(face, &path).await;
        all.push((path.split('?').next().unwrap_or_default().replace(&addon, ""), structure(&path, &response)));
    }
    for path in own {
        let response = face.send(face.ask("GET", &path)).await;
        all.push((path.clone(), structure(&path, &response)));
    }
    for path in pages {
        let response = face.send(face.browse("GET", &path, &cookie)).await;
        all.push((path.clone(), structure(&path, &response)));
    }
    all
}

/// A node with films of these titles, and whom its owner follows by these names.
async fn with(films: &[Value], names: &[String]) -> (Face, Vec<bool>) {
    let face = catalogue::start().await;
    let taken = list(&face, films).await;
    for (number, name) in names.iter().enumerate() {
        let seed = [u8::try_from(number).expect("few names") + 1; 32];
        let key = heirloom_proto::SecretKey::from_seed(&seed).public().to_string();
        let follow = json!({ "key": key, "alias": name, "preview": false });
        let response = face.send(face.verb("follow", &follow)).await;
        assert_eq!(response.status, 200, "{name:?}: {}", response.json());
    }
    (face, taken)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_wrote_becomes_markup_at_any_door() {
    let payloads = payloads();
    let hostile: Vec<Value> = payloads.iter().enumerate().map(|(number, said)| film(number + 1, said)).collect();
    // Names as long as one may be, and the first of each kind of opener.
    let names: Vec<String> = payloads.iter().filter(|said| said.chars().count() <= 40).take(12).cloned().collect();
    let (face, taken) = with(&hostile, &names).await;
    let numbers: Vec<usize> = (1..=payloads.len()).filter(|number| taken[number - 1]).collect();
    assert!(numbers.len() >= PAYLOADS_MIN, "{} of {} were taken", numbers.len(), payloads.len());
    let quiet: Vec<Value> = numbers.iter().map(|number| film(*number, &format!("A quiet title {number}"))).collect();
    let quiet_names: Vec<String> = (0..names.len()).map(|number| format!("Somebody quiet {number}")).collect();
    let (innocent, all_taken) = with(&quiet, &quiet_names).await;
    assert!(all_taken.iter().all(|is_taken| *is_taken));

    // Works of their own page: one in eight, and another eighth by each opener.
    let some: Vec<usize> = numbers.iter().copied().step_by(8).collect();
    let (found, expected) = (doors(&face, &some).await, doors(&innocent, &some).await);
    let items = expected.iter().find(|(path, _)| path == "/rss").expect("the feed");
    assert!(items.1.iter().filter(|element| *element == "item").count() >= 100, "the feed holds them");
    for ((path, elements), (_, quiet)) in found.iter().zip(&expected) {
        let added: BTreeSet<&String> = elements.iter().filter(|element| !quiet.contains(element)).collect();
        assert!(added.is_empty(), "{path}: {added:?}");
        assert_eq!(elements.len(), quiet.len(), "{path}");
    }

    for number in some.iter().take(8) {
        let infohash = format!("{number:040x}");
        let get = face.send(face.verb("get", &json!({ "what": infohash, "to": null, "anyway": true }))).await;
        assert_eq!(get.status, 200, "{}", get.json());
    }
    let told = events(&face, &format!("{:040x}", some[0])).await;
    let known = ["hello", "download", "publishing", "peers", "streams", "news", "counters", "lost"];
    assert!(told.iter().all(|name| known.contains(&name.as_str())), "{told:?}");
}
