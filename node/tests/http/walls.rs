//! Every route that is listed, asked in every way in which it must not answer.

use super::support::{Ask, Face};
use axum::http::Method;
use heirloom::http::routes;
use std::path::Path;

/// Every route with its parameters filled in.
fn every_route() -> Vec<(Method, String)> {
    let all: Vec<(Method, String)> = routes().listed().to_vec();
    assert!(all.len() > 3, "the list tells what is served");
    let fill = |path: &str| {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    all.into_iter().map(|(method, path)| (method, fill(&path))).collect()
}

/// Whether an address holds a secret of its own: a wrong one leads nowhere, whatever else is shown, so that nobody learns
/// that there is something.
fn is_by_path(path: &str) -> bool {
    path.starts_with("/stremio/")
}

/// Whether an address tells anybody no more than that a node is here.
fn is_open(path: &str) -> bool {
    matches!(path, "/health" | "/ready")
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_token_gets_past_any_route() {
    let face = Face::start().await;
    for (method, path) in every_route() {
        let methods = if method == Method::GET { vec!["GET", "HEAD"] } else { vec![method.as_str()] };
        for method in methods {
            let ask = Ask::new(method, &path).with("Content-Type", "application/json");
            let response = face.send(ask.with("Host", face.address.to_string())).await;
            if is_open(&path) {
                assert_eq!(response.status, 200, "{method} {path}");
                assert!(response.body.len() < 100, "{path}: {:?}", String::from_utf8_lossy(&response.body));
                continue;
            }
            let status = if is_by_path(&path) { 404 } else { 401 };
            assert_eq!(response.status, status, "{method} {path}");
            if method == "HEAD" {
                continue;
            }
            if path.starts_with("/torznab") {
                // As the programs that ask there understand it.
                let text = String::from_utf8_lossy(&response.body);
                assert!(text.contains("<error code=\"100\""), "{path}: {text}");
            } else {
                assert_eq!(response.header("content-type"), "application/problem+json", "{method} {path}");
                assert_eq!(response.json()["status"], status);
            }
        }
    }
    let nowhere = face.send(Ask::new("GET", "/nowhere").with("Host", face.address.to_string())).await;
    assert_eq!(nowhere.status, 401, "who may not ask is not told what there is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_host_gets_past_no_route() {
    let face = Face::start().await;
    let port = face.address.port();
    for (method, path) in every_route() {
        let ask = |hosts: &[&str]| {
            let ask = Ask::new(method.as_str(), &path).with("Authorization", format!("Bearer {}", face.token));
            let ask = ask.with("Content-Type", "application/json");
            hosts.iter().fold(ask, |ask, host| ask.with("Host", *host))
        };
        let own = format!("127.0.0.1:{port}");
        let (rebound, portless) = (format!("evil.example:{port}"), "127.0.0.1");
        for hosts in [vec![], vec![rebound.as_str()], vec![portless], vec![&own, &own], vec![&own, &rebound]] {
            let response = face.send(ask(&hosts)).await;
            // Without a Host, or with two, the library may refuse the request before we see it.
            let is_refused = response.status == 421 || (hosts.len() != 1 && response.status == 400);
            assert!(is_refused, "{method} {path} {hosts:?}: {}", response.status);
        }
        let forwarded = ask(&[&rebound]).with("X-Forwarded-Host", own.clone()).with("Forwarded", format!("host={own}"));
        assert_eq!(face.send(forwarded).await.status, 421, "{method} {path}: what a proxy would say is not believed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_gets_past_no_route_with_token_or_cookie() {
    let face = Face::start().await;
    let cookie = face.cookie().await;
    for (method, path) in every_route() {
        let asks = [face.ask(method.as_str(), &path), face.browse("GET", &path, &cookie)];
        let asks = asks.map(|ask| ask.with("Content-Type", "application/json"));
        for (name, value) in [
            ("Origin", "http://evil.example"),
            ("Origin", "null"),
            ("Origin", "http://127.0.0.1:1"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
        ] {
            for ask in &asks {
                let response = face.send(ask.clone().with(name, value)).await;
                let refusal = if is_by_path(&path) { (404, "not_found") } else { (403, "cross_origin") };
                assert_eq!((response.status, response.code().as_str()), refusal, "{method} {path} {name}: {value}");
                assert!(response.all("access-control-allow-origin").is_empty());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_by_a_read_or_by_a_form() {
    let face = Face::start().await;
    let listed = every_route();
    for (method, path) in listed.iter().filter(|(method, _)| *method != Method::GET) {
        for read in ["GET", "HEAD"] {
            let is_read_too = listed.iter().any(|(method, other)| method == Method::GET && other == path);
            let response = face.send(face.ask(read, path)).await;
            assert!(is_read_too || response.status == 405, "{read} {path}: {}", response.status);
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            let ask = face.ask(method.as_str(), path).with("Content-Type", kind).body("{}");
            let response = face.send(ask).await;
            assert_eq!((response.status, response.code().as_str()), (415, "not_json"), "{path} {kind}");
        }
        let bare = face.send(face.ask(method.as_str(), path).body("{}")).await;
        assert_eq!(bare.status, 415, "{path}");
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        for (_, path) in &listed {
            let response = face.send(face.ask(method, path).with("Content-Type", "application/json")).await;
            let status = if is_by_path(path) { 404 } else { 405 };
            assert_eq!(response.status, status, "{method} {path}");
        }
    }
}

/// What a whole folder holds, file by file: the lock and the log of the store aside, nothing is written by a read.
fn content_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("folder").flatten() {
        let path = entry.path();
        if path.is_file() {
            all.push((path.display().to_string(), std::fs::read(&path).expect("file")));
        }
    }
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_headers_that_keep_a_page_safe() {
    let face = Face::start().await;
    let cookie = face.cookie().await;
    let home = face.folder.path().join("home");
    let before = content_of(&home);
    for ask in [
        face.ask("GET", "/nowhere"),
        face.browse("GET", "/", &cookie),
        Ask::new("GET", "/").with("Host", face.address.to_string()),
        Ask::new("GET", "/").with("Host", "evil.example"),
    ] {
        let response = face.send(ask).await;
        let policy = response.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(response.header(name), value);
        }
    }
    assert_eq!(content_of(&home), before);
}
