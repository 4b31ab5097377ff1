//! What the API answers, field by field, as files in `snapshots/`: scripts and pages rely on it.
//!
//! `HEIRLOOM_UPDATE=1` writes them anew. A field that goes, or means something else, belongs into CHANGELOG.

use super::support::{Ask, Face, Response};
use axum::http::Method;
use heirloom::http::routes;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// Longer than anything here takes on a busy machine; a test that reaches it hangs.
const LONG: Duration = Duration::from_secs(120);

/// Keys of others, which never say anything.
const BOB: &str = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
const CAROL: &str = "did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH";
/// A release of which only the magnet link is known.
const LINKED: &str = "abababababababababababababababababababab";

/// Fields that are another at every run: ids and signatures of what is signed now, and what is measured.
const VARYING: [&str; 16] = [
    "id",
    "seq",
    "statement",
    "envelope",
    "envelopes",
    "text",
    "block",
    "svg",
    "qr",
    "uri",
    "peer_name_on_wire",
    "seconds",
    "down_rate",
    "up_rate",
    "disk_bytes",
    "uploaded",
];

/// Reads that are something else than one JSON answer, and one that is made of the types of requests.
const NOT_HERE: [&str; 2] = ["/api/v1/events", "/api/v1/openapi.json"];

/// How much of an answer is fixed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Every value.
    Values,
    /// Every value, of rows in any order: they stand by ids that are others at every run.
    Rows,
    /// The fields and the types of their values: the rest is of this machine.
    Shape,
}

struct Snapshots {
    /// What stands in the place of a text that is another at every run.
    known: Vec<(String, &'static str)>,
    taken: BTreeMap<String, Value>,
}

impl Snapshots {
    fn take(&mut self, name: &str, response: &Response, keep: Keep) -> Value {
        let body = response.json();
        let kept = match keep {
            Keep::Values => self.plain("", &body),
            Keep::Rows => sorted(self.plain("", &body)),
            Keep::Shape => shape("", &body),
        };
        let content = response.header("content-type");
        let snapshot = json!({ "status": response.status, "content-type": content, "body": kept });
        assert!(self.taken.insert(name.to_owned(), snapshot).is_none(), "{name} is taken twice");
        body
    }

    fn plain(&self, field: &str, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.clone(), self.plain(name, value)));
                Value::Object(fields.collect())
            }
            Value::Array(all) => all.iter().map(|value| self.plain(field, value)).collect(),
            // A head is signed a while after something was said.
            _ if field.starts_with("head_") => json!("<head>"),
            Value::Null | Value::Bool(_) => value.clone(),
            other if VARYING.contains(&field) => kind(other),
            Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                // The last digits depend on how many seconds ago something was said.
                Some(real) => json!((real * 1000.0).round() / 1000.0),
                None => value.clone(),
            },
            Value::String(text) => {
                let known = self.known.iter().fold(text.clone(), |text, (this, name)| text.replace(this, name));
                json!(if is_time(&known) { "<time>" } else { &known })
            }
        }
    }

    /// Compares with the files, or writes them.
    fn compare(self) {
        let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
        let folder = folder.join("tests/http/snapshots");
        let is_update = std::env::var_os("HEIRLOOM_UPDATE").is_some();
        let files = std::fs::read_dir(&folder).expect("the folder of snapshots").flatten();
        let mut stale: BTreeSet<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
        let mut wrong = String::new();
        for (name, snapshot) in self.taken {
            let name = format!("{name}.json");
            let (path, now) = (folder.join(&name), format!("{snapshot:#}\n"));
            stale.remove(&name);
            if is_update {
                std::fs::write(&path, &now).expect("a snapshot");
            }
            let then = std::fs::read_to_string(&path).unwrap_or_default();
            if now != then {
                let differs = now.lines().zip(then.lines()).find(|(now, then)| now != then);
                wrong += &format!("{name}: {differs:?} (now, then)\n{now}");
            }
        }
        for name in &stale {
            if is_update {
                std::fs::remove_file(folder.join(name)).expect("a stale snapshot");
            } else {
                wrong += &format!("{name}: nothing is answered like this any longer\n");
            }
        }
        assert!(wrong.is_empty(), "{wrong}HEIRLOOM_UPDATE=1 cargo test -p heirloom --test http snapshots");
    }
}

fn sorted(value: Value) -> Value {
    let Value::Array(mut rows) = value else { return value };
    rows.sort_by_key(Value::to_string);
    Value::Array(rows)
}

fn kind(value: &Value) -> Value {
    json!(match value {
        Value::Null => "<null>",
        Value::Bool(_) => "<bool>",
        Value::Number(_) => "<number>",
        Value::String(_) => "<text>",
        Value::Array(_) => "<list>",
        Value::Object(_) => "<object>",
    })
}

/// Fields and types. Rows of one shape are one; how many counters there are is a matter of what happened.
fn shape(field: &str, value: &Value) -> Value {
    match value {
        Value::Object(_) if field == "counters" => json!("<counters>"),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), shape(name, value))).collect::<Map<_, _>>().into()
        }
        Value::Array(all) => {
            let shapes: BTreeMap<String, Value> =
                all.iter().map(|value| shape(field, value)).map(|shape| (shape.to_string(), shape)).collect();
            shapes.into_values().collect()
        }
        other => kind(other),
    }
}

/// Whether a text is an RFC 3339 time.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 20 && bytes[4] == b'-' && bytes[10] == b'T' && text.ends_with('Z')
}

fn publication(source: &str, work: &str, title: &str, year: u32) -> Value {
    json!({
        "source": source, "work": work, "title": title, "year": year, "kind": "film", "season": null, "episode": null,
        "map": [], "licence": "CC-BY-3.0", "resolution": "1080p", "languages": ["en"], "private": true,
    })
}

async fn done(face: &Face, verb: &str, arguments: &Value) -> Response {
    let response = face.send(face.verb(verb, arguments)).await;
    assert_eq!(response.status, 200, "{verb} {arguments}: {}", response.json());
    response
}

/// Waits until what was published is checked and seeded.
async fn until_seeded(face: &Face, infohash: &str) {
    let path = format!("/api/v1/download?infohash={infohash}");
    let wait = async {
        loop {
            let response = face.send(face.ask("GET", &path)).await;
            if response.status == 200 && response.json()["finished"] == true {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.expect("it is seeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_keep_their_form() {
    let face = Face::start_with(|options| options.offline = false).await;
    let own = face.send(face.ask("GET", "/api/v1/id")).await.json();
    let mut shots = Snapshots {
        known: vec![
            (face.folder.path().display().to_string(), "<folder>"),
            (own["key"].as_str().expect("a key").to_owned(), "<own key>"),
            (face.address.to_string(), "<address>"),
        ],
        taken: BTreeMap::new(),
    };
    let film = face.folder.path().join("sintel.mp4");
    let beginning = b"\0\0\0\x20ftypisom";
    let content: Vec<u8> = beginning.iter().copied().chain((0..=250_u8).cycle().take(200_000)).collect();
    std::fs::write(&film, content).expect("a film");

    // What changes something, in an order in which each has something to do.
    let named = json!({ "name": "Alice", "url": "https://alice.example/" });
    shots.take("post-id-set", &done(&face, "id-set", &named).await, Keep::Values);
    let linked = publication(&format!("magnet:?xt=urn:btih:{LINKED}&dn=Bunny.2008"), "imdb:tt1254207", "Bunny", 2008);
    shots.take("post-publish-magnet", &done(&face, "publish", &linked).await, Keep::Values);
    let whole = publication(&film.display().to_string(), "imdb:tt1727587", "Sintel", 2010);
    let published = done(&face, "publish", &whole).await;
    let seeded = published.json()["infohash"].as_str().expect("an infohash").to_owned();
    shots.known.push((seeded.clone(), "<infohash>"));
    shots.take("post-publish", &published, Keep::Values);
    until_seeded(&face, &seeded).await;
    let follow = |preview: bool| json!({ "key": BOB, "found_as": "Bob", "preview": preview });
    shots.take("post-follow-preview", &done(&face, "follow", &follow(true)).await, Keep::Values);
    shots.take("post-follow", &done(&face, "follow", &follow(false)).await, Keep::Values);
    let attest = json!({
        "key": CAROL, "level": "medium", "scope": "catalogue", "reason": "Knows films", "expires": null, "private": true,
    });
    shots.take("post-attest", &done(&face, "attest", &attest).await, Keep::Values);
    let verdict = json!({ "infohash": LINKED, "opinion": "good", "note": "Watched it", "private": true });
    shots.take("post-verdict", &done(&face, "verdict", &verdict).await, Keep::Values);
    let entries = json!([{ "key": BOB, "name": "Bob", "note": "Films" }]);
    let made = json!({ "name": "Friends", "entries": entries, "private": true });
    let list = shots.take("post-list-make", &done(&face, "list-make", &made).await, Keep::Values);
    let text = json!({ "text": list["text"] });
    shots.take("post-list-verify", &done(&face, "list-verify", &text).await, Keep::Values);
    shots.take("post-curator-card", &done(&face, "curator-card", &json!({})).await, Keep::Shape);
    shots.take("post-about", &done(&face, "about", &json!({ "key": own["key"] })).await, Keep::Values);
    let ring = json!({ "scope": "catalogue", "keys": [CAROL] });
    shots.take("post-ring", &done(&face, "ring", &ring).await, Keep::Values);
    let nothing = json!({ "dry_run": true, "rows": [] });
    shots.take("post-list", &done(&face, "list", &nothing).await, Keep::Values);
    let get = json!({ "what": LINKED, "to": null, "anyway": false });
    shots.take("post-get", &done(&face, "get", &get).await, Keep::Values);

    // Every read.
    let mut asked = BTreeSet::new();
    for (name, path, keep) in [
        ("id", "/api/v1/id".to_owned(), Keep::Values),
        ("status", "/api/v1/status".to_owned(), Keep::Shape),
        ("doctor", "/api/v1/doctor".to_owned(), Keep::Shape),
        ("config", "/api/v1/config".to_owned(), Keep::Shape),
        ("publishing", "/api/v1/publishing".to_owned(), Keep::Values),
        ("follows", "/api/v1/follows".to_owned(), Keep::Values),
        ("export", "/api/v1/export".to_owned(), Keep::Rows),
        ("search", "/api/v1/search?text=sintel".to_owned(), Keep::Values),
        ("show", "/api/v1/show?work=imdb:tt1727587".to_owned(), Keep::Values),
        ("why-release", format!("/api/v1/why?subject={LINKED}"), Keep::Values),
        ("why-key", format!("/api/v1/why?subject={BOB}"), Keep::Values),
        ("trust", "/api/v1/trust".to_owned(), Keep::Values),
        ("ledger", "/api/v1/ledger?by=address".to_owned(), Keep::Values),
        ("download", format!("/api/v1/download?infohash={seeded}"), Keep::Shape),
        ("downloads", "/api/v1/downloads".to_owned(), Keep::Shape),
        ("listings", "/api/v1/listings".to_owned(), Keep::Rows),
        ("lists", "/api/v1/lists".to_owned(), Keep::Values),
    ] {
        let response = face.send(face.ask("GET", &path)).await;
        assert_eq!(response.status, 200, "{path}");
        shots.take(&format!("get-{name}"), &response, keep);
        asked.insert(path.split('?').next().unwrap_or_default().to_owned());
    }
    let all = routes();
    let reads = all.listed().iter().filter(|(method, path)| *method == Method::GET && path.starts_with("/api/v1/"));
    let reads = reads.map(|(_, path)| path.clone()).filter(|path| !path.contains('{'));
    let reads: BTreeSet<String> = reads.filter(|path| !NOT_HERE.contains(&path.as_str())).collect();
    assert_eq!(asked, reads, "a new read needs its snapshot");

    let nowhere = json!({ "work": "imdb:tt9999999", "wait": null });
    shots.take("post-show-unknown", &done(&face, "show", &nowhere).await, Keep::Values);

    // What takes back.
    shots.take("post-cancel", &done(&face, "cancel", &json!({ "infohash": LINKED })).await, Keep::Values);
    shots.take("post-retract", &done(&face, "retract", &json!({ "target": LINKED })).await, Keep::Values);
    shots.take("post-unfollow", &done(&face, "unfollow", &json!({ "key": BOB })).await, Keep::Values);
    shots.take("post-import", &done(&face, "import", &json!({ "envelopes": [] })).await, Keep::Values);
    shots.take("post-reindex", &done(&face, "reindex", &json!({})).await, Keep::Shape);

    // What is refused.
    let stranger = Ask::new("GET", "/api/v1/id").with("Host", face.address.to_string());
    for (name, ask) in [
        ("refused-without-token", stranger),
        ("refused-bad-request", face.verb("follow", &json!({}))),
        ("refused-bad-key", face.verb("unfollow", &json!({ "key": "nonsense" }))),
        ("refused-ledger-link", face.verb("ledger-link", &json!({ "address": "192.0.2.1", "key": BOB }))),
        ("refused-unknown-file", face.verb("play", &json!({ "what": "imdb:tt1727587", "file": 7 }))),
        ("refused-unknown-job", face.verb("publish-cancel", &json!({ "job": 4711 }))),
        ("refused-nowhere", face.ask("GET", "/api/v1/nowhere")),
    ] {
        let response = face.send(ask).await;
        assert!(response.status >= 400, "{name}: {}", response.status);
        shots.take(name, &response, Keep::Values);
    }
    shots.compare();
}
