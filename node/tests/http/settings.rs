//! Settings over the API, ending downloads, and verbs that take nothing.

use super::support::Face;
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than anything here takes on a busy machine; a test that reaches it hangs.
const LONG: Duration = Duration::from_secs(60);

async fn read(face: &Face, path: &str) -> Value {
    let response = face.send(face.ask("GET", path)).await;
    assert_eq!(response.status, 200, "{path}: {}", response.json());
    response.json()
}

async fn set(face: &Face, name: &str, value: Value) -> super::support::Response {
    face.send(face.verb("config-set", &json!({ "name": name, "value": value }))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_is_shown_with_its_source_changed_and_taken_back() {
    let face = Face::start().await;
    let all = read(&face, "/api/v1/config").await;
    let row = all.as_array().expect("rows").iter().find(|row| row["name"] == "upload-limit").expect("a row");
    assert_eq!((&row["value"], &row["from"], &row["live"]), (&json!("none"), &json!("default"), &json!(true)));
    let fields: Vec<&String> = row.as_object().expect("fields").keys().collect();
    assert_eq!(fields, ["about", "default", "env", "from", "live", "name", "next", "value"]);
    let done = set(&face, "upload-limit", json!("1MB")).await;
    assert_eq!((done.status, &done.json()["from"]), (200, &json!("file")));
    let granted = || face.node.downloads().sharing();
    assert_eq!(granted().up.map(std::num::NonZeroU32::get), Some(1_000_000), "at once");
    assert_eq!(read(&face, "/api/v1/config?name=upload-limit").await["value"], "1MB");
    let text = std::fs::read_to_string(face.folder.path().join("home/config.toml")).expect("the file");
    assert_eq!(text, "upload-limit = \"1MB\"\n");
    let later = set(&face, "disk-quota", json!("3GiB")).await.json();
    assert_eq!((&later["value"], &later["next"]), (&json!("2GiB"), &json!("3GiB")), "from the next start");
    assert_eq!(set(&face, "upload-limit", Value::Null).await.json()["from"], "default");
    assert_eq!(granted().up, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_setting_is_one_sentence_and_changes_nothing() {
    let face = Face::start().await;
    for (name, value, code) in [
        ("upload-limit", "fast", "bad_limit"),
        ("upload-limit", "1kB", "bad_limit"),
        ("seed-ratio", "-2", "bad_limit"),
        ("disk-quota", "2G", "bad_budget"),
        ("http", "nowhere", "bad_setting"),
        ("no-dht", "maybe", "bad_setting"),
        ("home", "/tmp", "unknown_setting"),
        ("nonsense", "1", "unknown_setting"),
    ] {
        let response = set(&face, name, json!(value)).await;
        assert_eq!((response.status, response.code().as_str()), (400, code), "{name} {value}");
        let sentence = response.json()["detail"].as_str().expect("a sentence").to_owned();
        assert!(!sentence.contains('\n') && sentence.len() > 20, "{sentence}");
    }
    assert!(!face.folder.path().join("home/config.toml").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_without_arguments_takes_none() {
    let face = Face::start().await;
    for verb in ["id", "status", "follows", "doctor", "export"] {
        let response = face.send(face.verb(verb, &json!({ "surprise": 1 }))).await;
        assert_eq!((response.status, response.code().as_str()), (400, "bad_request"), "{verb}");
        assert_eq!(face.send(face.verb(verb, &json!({}))).await.status, 200, "{verb}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_cancelled_and_gone() {
    let face = Face::start_with(|options| options.offline = false).await;
    let infohash = "ab".repeat(20);
    let get = json!({ "what": infohash, "to": null, "anyway": true });
    let begun = face.send(face.verb("get", &get)).await;
    assert_eq!(begun.status, 200, "{}", begun.json());
    assert_eq!(read(&face, "/api/v1/downloads").await[0]["infohash"], json!(infohash));
    let bars = face.send(face.ask("GET", &format!("/progress?of={infohash},nonsense"))).await;
    assert!(String::from_utf8_lossy(&bars.body).contains(&format!("data-bar=\"{infohash}\"")));
    let cancel = |delete: bool| face.verb("cancel", &json!({ "infohash": infohash, "delete": delete }));
    let done = face.send(cancel(true)).await;
    assert_eq!(done.json(), json!({ "infohash": infohash, "was_complete": false, "deleted": true }));
    tokio::time::timeout(LONG, async {
        while read(&face, "/api/v1/downloads").await != json!([]) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("it is gone");
    assert_eq!(face.send(cancel(false)).await.status, 404);
    let wrong = face.send(face.verb("cancel", &json!({ "infohash": "xyz" }))).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "bad_infohash"));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_settings_stand_on_their_pages() {
    let face = Face::start().await;
    for (path, parts) in [
        ("/seeding", ["name=\"value\"", "upload-limit", "data-verb=\"config-set\""]),
        ("/node", ["disk-quota", "no-dht", "data-verb=\"config-set\""]),
    ] {
        let page = face.send(face.ask("GET", path)).await;
        let html = String::from_utf8_lossy(&page.body).into_owned();
        assert_eq!(page.status, 200, "{path}");
        for part in parts {
            assert!(html.contains(part), "{path} has no {part}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_and_lists_have_their_endpoints() {
    let face = Face::start().await;
    let card = face.send(face.verb("curator-card", &json!({}))).await.json();
    assert_eq!(card["key"], json!(face.node.key().to_string()));
    for form in ["uri", "card", "html"] {
        assert!(card[form].as_str().is_some_and(|text| text.len() > 40), "{form}: {card}");
    }
    let entries = json!([{ "key": face.node.key().to_string(), "name": "Alice", "note": "films" }]);
    let make = json!({ "name": "Friends", "entries": entries, "private": true });
    let made = face.send(face.verb("list-make", &make)).await.json();
    let text = made["text"].as_str().expect("a text").to_owned();
    let verify = |text: &str| face.verb("list-verify", &json!({ "text": text }));
    let good = face.send(verify(&text)).await.json();
    assert_eq!((&good["valid"], &good["name"], &good["entries"]), (&json!(true), &json!("Friends"), &entries));
    let bent = face.send(verify(&text.replace("Friends", "Fiends"))).await.json();
    assert_eq!(bent["valid"], json!(false));
    assert!(bent["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{bent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_runs_wild_is_told_to_wait_and_the_token_is_not() {
    let face = Face::start().await;
    let cookie = face.cookie().await;
    let change = || {
        let ask = face.browse("POST", "/api/v1/id", &cookie).with("Content-Type", "application/json");
        ask.body("{}")
    };
    let refused = tokio::time::timeout(LONG, async {
        loop {
            let response = face.send(change()).await;
            if response.status != 200 {
                return response;
            }
        }
    });
    let refused = refused.await.expect("more than two a second get through for a while only");
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_changes"));
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    assert_eq!(face.send(face.verb("id", &json!({}))).await.status, 200);
    assert_eq!(face.send(face.browse("GET", "/", &cookie)).await.status, 200, "reading goes on");
}
