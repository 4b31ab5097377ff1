//! A browser of the owner's: its link, its cookie, and who may not have them.

use super::support::{Ask, Face};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_link_lets_one_browser_in_once() {
    let face = Face::start().await;
    let link = face.server.new_link().expect("link");
    let path = link.split_once(&face.address.to_string()).expect("its address").1;
    let visit = || Ask::new("GET", path).with("Host", face.address.to_string());
    assert_eq!(
        face.send(Ask::new("HEAD", path).with("Host", face.address.to_string())).await.status,
        401,
        "looking uses nothing up"
    );
    let response = face.send(visit()).await;
    assert_eq!((response.status, response.header("location")), (303, "/"), "the secret leaves the address bar");
    let set = response.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    let cookie = set.split(';').next().expect("a pair").to_owned();
    assert_eq!(face.send(visit()).await.status, 401, "it works once");
    assert_eq!(face.send(face.browse("GET", "/", &cookie)).await.status, 200);
    let stale = face.send(face.browse("GET", path, &cookie)).await;
    assert_eq!(stale.status, 303, "who is in already goes to the page");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_changes_things_from_its_own_page_alone() {
    let face = Face::start().await;
    let cookie = face.cookie().await;
    let ask = || {
        let ask = Ask::new("POST", "/api/v1/id-set").with("Host", face.address.to_string());
        let ask = ask.with("Cookie", cookie.clone()).with("Content-Type", "application/json");
        ask.body(json!({ "name": "Alice" }).to_string())
    };
    assert_eq!(face.send(ask()).await.code(), "cross_origin", "a browser always says whose page it is");
    for site in ["cross-site", "same-site"] {
        assert_eq!(face.send(ask().with("Sec-Fetch-Site", site)).await.status, 403);
    }
    for own in [("Sec-Fetch-Site", "same-origin".to_owned()), ("Origin", format!("http://{}", face.address))] {
        let response = face.send(ask().with(own.0, own.1)).await;
        assert_eq!((response.status, response.json()["name"].as_str()), (200, Some("Alice")));
    }
    let id = face.send(face.verb("id", &json!({}))).await.json();
    assert_eq!((&id["name"], &id["key"]), (&json!("Alice"), &json!(face.node.key().to_string())));
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session() {
    let face = Face::start().await;
    let (cookie, other) = (face.cookie().await, face.cookie().await);
    let out = face.browse("POST", "/api/v1/sign-out", &cookie).with("Content-Type", "application/json");
    let response = face.send(out).await;
    assert_eq!(response.status, 200);
    assert!(response.header("set-cookie").contains("Max-Age=0"));
    let gone = face.send(face.browse("GET", "/", &cookie)).await;
    assert_eq!(gone.status, 401);
    assert!(gone.header("set-cookie").contains("Max-Age=0"), "the browser is told to forget it");
    assert_eq!(face.send(face.browse("GET", "/", &other)).await.status, 200, "other browsers stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_waits_and_the_owner_does_not() {
    let face = Face::start().await;
    let guess = || Ask::new("GET", "/").with("Host", face.address.to_string()).with("Authorization", "Bearer guess");
    for _ in 0..4 {
        assert_eq!(face.send(guess()).await.status, 401);
    }
    for _ in 0..8 {
        let refused = face.send(guess()).await;
        assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_failures"));
        let wait: u64 = refused.header("retry-after").parse().expect("seconds");
        assert!((1..=3600).contains(&wait), "{wait}");
    }
    assert_eq!(face.send(face.ask("GET", "/")).await.status, 200, "a command of the owner passes");
    let cookie = face.cookie().await;
    assert_eq!(face.send(face.browse("GET", "/", &cookie)).await.status, 200, "and a new link too");
    let nothing = Ask::new("GET", "/").with("Host", face.address.to_string());
    assert_eq!(face.send(nothing).await.status, 401, "to bring nothing is no guess");
}
