//! What is read before it is published: told by number, and ended by number.

use super::support::Face;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longer than anything here takes on a busy machine; a test that reaches it hangs.
const LONG: Duration = Duration::from_secs(120);
/// So large that no machine reads it before it is cancelled; a hole takes no room on disk.
const HOLE_BYTES: u64 = 256 << 30;

fn hole(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::File::create(&path).expect("a file").set_len(HOLE_BYTES).expect("a size");
    path
}

fn publication(source: &Path) -> Value {
    json!({
        "source": source, "work": "imdb:tt1254207", "title": "Big Buck Bunny", "year": 2008, "kind": "film",
        "season": null, "episode": null, "map": [], "licence": "CC-BY-3.0", "resolution": "", "languages": [],
        "private": true,
    })
}

async fn jobs(face: &Face) -> Vec<Value> {
    let response = face.send(face.ask("GET", "/api/v1/publishing")).await;
    assert_eq!(response.status, 200);
    response.json().as_array().expect("a list").clone()
}

/// Waits until so many are read, the first of them with progress.
async fn until(face: &Face, count: usize) -> Vec<Value> {
    let wait = async {
        loop {
            let jobs = jobs(face).await;
            if jobs.len() == count && jobs.iter().all(|job| job["bytes"].as_u64() > Some(0)) {
                return jobs;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("{count} under way"))
}

async fn cancel(face: &Face, job: &Value) -> u16 {
    face.send(face.verb("publish-cancel", &json!({ "job": job["job"] }))).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_is_told_and_cancelled_and_signs_nothing() {
    let face = Face::start_with(|options| options.offline = false).await;
    let film = hole(face.folder.path(), "film.mp4");
    assert_eq!(jobs(&face).await, [] as [Value; 0]);
    let asked = face.begin(face.verb("publish", &publication(&film))).await;
    let job = until(&face, 1).await.remove(0);
    assert_eq!((&job["source"], &job["total"]), (&json!(film), &json!(HOLE_BYTES)));
    let cookie = face.cookie().await;
    let page = face.send(face.browse("GET", "/publish/jobs", &cookie)).await;
    let html = String::from_utf8_lossy(&page.body).into_owned();
    assert!(html.contains("<progress") && html.contains("data-verb=\"publish-cancel\""), "{html}");

    // Whoever asked goes away: what was confirmed goes on, and is told under the same number.
    drop(asked);
    let again = until(&face, 1).await.remove(0);
    assert_eq!(again["job"], job["job"]);
    assert!(again["bytes"].as_u64() >= job["bytes"].as_u64(), "{again}");
    assert_eq!(cancel(&face, &job).await, 200);
    until(&face, 0).await;
    assert_eq!(cancel(&face, &job).await, 404, "it has ended");
    let listings = face.send(face.ask("GET", "/api/v1/listings")).await.json();
    assert_eq!(listings, json!([]), "nothing was signed");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_is_told_that_it_was_cancelled() {
    let face = Face::start_with(|options| options.offline = false).await;
    let film = hole(face.folder.path(), "film.mp4");
    let asked = face.send(face.verb("publish", &publication(&film)));
    let ended = async {
        let job = until(&face, 1).await.remove(0);
        cancel(&face, &job).await
    };
    let (answer, cancelled) = tokio::time::timeout(LONG, async { tokio::join!(asked, ended) }).await.expect("an end");
    assert_eq!(cancelled, 200);
    assert_eq!((answer.status, answer.code().as_str()), (409, "cancelled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_are_read_at_once_and_one_more_is_told_to_wait() {
    let face = Face::start_with(|options| options.offline = false).await;
    let mut asked = Vec::new();
    for number in 0..8 {
        let film = hole(face.folder.path(), &format!("{number}.mp4"));
        asked.push(face.begin(face.verb("publish", &publication(&film))).await);
    }
    let under_way = until(&face, 8).await;
    let film = hole(face.folder.path(), "more.mp4");
    let more = face.send(face.verb("publish", &publication(&film))).await;
    assert_eq!((more.status, more.code().as_str()), (503, "busy"));
    for job in &under_way {
        assert_eq!(cancel(&face, job).await, 200);
    }
    until(&face, 0).await;
    drop(asked);
}
