//! Reads, refusals and events of the API, as programs see them.

use super::support::{Ask, Face};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// Longer than anything here takes on a busy machine; a test that reaches it hangs.
const LONG: Duration = Duration::from_secs(60);

async fn read(face: &Face, path: &str) -> Value {
    let response = face.send(face.ask("GET", path)).await;
    assert_eq!(response.status, 200, "{path}: {}", response.json());
    assert_eq!(response.header("content-type"), "application/json");
    response.json()
}

/// A work with a release, listed without content.
async fn list_a_film(face: &Face) {
    let arguments = json!({
        "source": format!("magnet:?xt=urn:btih:{}&dn=Big.Buck.Bunny.2008.1080p.x264", "ab".repeat(20)),
        "work": "imdb:tt1254207", "title": "Big Buck Bunny", "year": 2008, "kind": "film", "season": null,
        "episode": null, "map": [], "licence": "CC-BY-3.0", "resolution": "1080p", "languages": [], "private": true,
    });
    let response = face.send(face.verb("publish", &arguments)).await;
    assert_eq!(response.status, 200, "{}", response.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_answers_as_its_verb_does() {
    let face = Face::start_with(|options| options.offline = false).await;
    list_a_film(&face).await;
    let scope = json!({ "scope": "catalogue", "limit": 100 });
    for (path, verb, arguments) in [
        ("/api/v1/id", "id", json!({})),
        ("/api/v1/follows", "follows", json!({})),
        ("/api/v1/trust", "trust", scope),
        ("/api/v1/ledger", "ledger", json!({ "by": "key" })),
        ("/api/v1/show?work=imdb%3Att1254207", "show", json!({ "work": "imdb:tt1254207", "wait": null })),
        ("/api/v1/export", "export", json!({})),
    ] {
        let verb = face.send(face.verb(verb, &arguments)).await.json();
        assert_eq!(read(&face, path).await, verb, "{path}");
    }
    let found = read(&face, "/api/v1/search?text=big+buck&limit=3").await;
    assert_eq!(found[0]["work"], "imdb:tt1254207", "{found}");
    let why = read(&face, &format!("/api/v1/why?subject={}", "ab".repeat(20))).await;
    assert_eq!(why["band"], "trusted", "{why}");
    let packs = read(&face, "/api/v1/lists").await;
    assert_eq!(packs.as_array().map(Vec::len), Some(2), "{packs}");
    assert_eq!(read(&face, "/api/v1/downloads").await, json!([]));
}

/// What scripts and pages rely on, field by field: a name that changes must be changed here and in CHANGELOG.
#[tokio::test(flavor = "multi_thread")]
async fn the_json_keeps_its_fields() {
    let face = Face::start_with(|options| options.offline = false).await;
    list_a_film(&face).await;
    let mut listings = read(&face, "/api/v1/listings").await;
    for field in ["id", "created", "expires"] {
        assert!(listings[0][field].is_string(), "{listings}");
        listings[0].as_object_mut().expect("a row").remove(field);
    }
    assert_eq!(
        listings,
        json!([{
            "work": "imdb:tt1254207", "infohash": "ab".repeat(20), "name": "Big.Buck.Bunny.2008.1080p.x264", "size": 0,
            "resolution": "1080p", "licence": "CC-BY-3.0", "episode": null, "private": true,
        }])
    );
    let fields = |value: &Value| -> Vec<String> { value.as_object().expect("an object").keys().cloned().collect() };
    let found = read(&face, "/api/v1/search?text=bunny").await;
    assert_eq!(
        fields(&found[0]),
        ["band", "best", "episode", "kind", "releases", "relevance", "score", "title", "work", "year"]
    );
    let shown = read(&face, "/api/v1/show?work=imdb:tt1254207").await;
    assert_eq!(
        fields(&shown),
        ["artwork", "ids", "kind", "overview", "placeholder_colour", "releases", "title", "work", "year"]
    );
    let release = fields(&shown["releases"][0]);
    for field in "infohash name size resolution licence score support band listed_by verdicts source swarm \
                  received_from_lister files flags magnet"
        .split_whitespace()
    {
        assert!(release.contains(&field.to_owned()), "{field} in {release:?}");
    }
    let status = fields(&read(&face, "/api/v1/status").await);
    for field in "key uptime_s peers dht statements keys_known works releases disk_bytes rss_bytes budgets".split(' ') {
        assert!(status.contains(&field.to_owned()), "{field} in {status:?}");
    }
    let document = read(&face, "/api/v1/openapi.json").await;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{document}");
    assert!(document["paths"]["/api/v1/search"]["get"]["parameters"].is_array());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_bodies_and_arguments_are_one_clear_answer() {
    let face = Face::start().await;
    let post = |verb: &str, body: &str| {
        let ask = face.ask("POST", &format!("/api/v1/{verb}")).with("Content-Type", "application/json");
        ask.body(body.as_bytes().to_vec())
    };
    for (verb, body) in [
        ("id", "not json"),
        ("id", "[1]"),
        ("id", "\"x\""),
        ("ledger", "{\"by\":\"key\",\"surprise\":1}"),
        ("id", "{\"verb\":\"publish\"}{"),
        ("follow", "{}"),
        ("nonsense", "{}"),
        ("search", "{\"text\":7}"),
        ("id", "\u{0}"),
    ] {
        let response = face.send(post(verb, body)).await;
        assert_eq!((response.status, response.code().as_str()), (400, "bad_request"), "{verb} {body}");
        assert_eq!(response.header("content-type"), "application/problem+json");
        let problem = response.json();
        assert_eq!((&problem["exit"], &problem["error"]["code"]), (&json!(2), &json!("bad_request")));
        assert_eq!(problem["detail"], problem["error"]["message"]);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(face.send(post("id", &deep)).await.status, 400);
    let offline = face.send(post("play", "{\"what\":\"imdb:tt1254207\"}")).await;
    assert_eq!(offline.code(), "offline", "a node without torrents says so");
    let huge = post("id", &"x".repeat(5 << 20));
    assert_eq!(face.send(huge).await.status, 413);
    for path in [
        "/api/v1/search",
        "/api/v1/search?text=a&text=b",
        "/api/v1/search?text=a&limit=many",
        "/api/v1/search?text=a&surprise=1",
        "/api/v1/search?text=a&kind=poem",
        "/api/v1/show?work=nonsense",
        "/api/v1/why?subject=",
        "/api/v1/ledger?by=moon",
        "/api/v1/status?x=%ff",
    ] {
        assert_eq!(face.send(face.ask("GET", path)).await.status, 400, "{path}");
    }
    let long = format!("/api/v1/search?text={}", "a".repeat(40_000));
    let refused = face.send(face.ask("GET", &long)).await.status;
    assert!([414, 431].contains(&refused), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_keeps_nobody_waiting() {
    let face = Face::start().await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(face.address).await.expect("a connection"));
    }
    assert_eq!(face.send(face.ask("GET", "/api/v1/id")).await.status, 200);
    let mut first = silent.swap_remove(0);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(LONG, first.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "a head that does not come ends the connection");
}

/// Reads events until one has this name.
async fn until(stream: &mut TcpStream, text: &mut String, name: &str) -> Value {
    let wanted = format!("event: {name}\ndata: ");
    let read = async {
        loop {
            if let Some((_, rest)) = text.split_once(&wanted)
                && let Some((line, rest)) = rest.split_once('\n')
            {
                let value = serde_json::from_str(line).expect("JSON");
                *text = rest.to_owned();
                return value;
            }
            let mut part = [0; 4096];
            let bytes = stream.read(&mut part).await.expect("more");
            assert!(bytes > 0, "it ended: {text}");
            // Events are shorter than a chunk of the transfer encoding, whose lines stand between them.
            text.push_str(&String::from_utf8_lossy(&part[..bytes]));
        }
    };
    tokio::time::timeout(LONG, read).await.unwrap_or_else(|_| panic!("no event {name}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_hear_what_changes_and_have_places() {
    let face = Face::start_with(|options| options.offline = false).await;
    let cookie = face.cookie().await;
    let mut text = String::new();
    let mut stream = face.begin(face.browse("GET", "/api/v1/events", &cookie)).await;
    let hello = until(&mut stream, &mut text, "hello").await;
    assert_eq!(hello["news"]["works"], 0, "{hello}");
    list_a_film(&face).await;
    let mut news = until(&mut stream, &mut text, "news").await;
    while news["works"] != 1 {
        news = until(&mut stream, &mut text, "news").await;
    }
    let get = face.send(face.verb("get", &json!({ "what": "ab".repeat(20), "to": null, "anyway": false }))).await;
    assert_eq!(get.status, 200);
    let download = until(&mut stream, &mut text, "download").await;
    assert_eq!(download["infohash"], "ab".repeat(20), "{download}");

    let mut others = Vec::new();
    for _ in 1..16 {
        let mut other = face.begin(face.ask("GET", "/api/v1/events")).await;
        let mut said = String::new();
        until(&mut other, &mut said, "hello").await;
        others.push(other);
    }
    assert_eq!(face.server.listeners(), 16);
    let one_more = face.send(face.ask("GET", "/api/v1/events")).await;
    assert_eq!((one_more.status, one_more.code().as_str()), (503, "too_many_listeners"));
    drop((stream, others));
    let gone = async {
        while face.server.listeners() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, gone).await.is_ok(), "who went away keeps no place");
    let stranger = Ask::new("GET", "/api/v1/events").with("Host", face.address.to_string());
    assert_eq!(face.send(stranger).await.status, 401);
}
