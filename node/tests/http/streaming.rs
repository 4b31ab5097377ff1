//! Films over HTTP: ranges, types, places, and viewers that go away.

use super::support::{Ask, Face, Response};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

const MIB: usize = 1 << 20;
/// Longer than anything here takes on a busy machine; a test that reaches it hangs.
const LONG: Duration = Duration::from_secs(120);

/// Bytes that begin like an MP4 film and go on like nothing else.
fn film(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    });
    b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".iter().copied().chain(noise).take(bytes).collect()
}

async fn with_torrents() -> Face {
    Face::start_with(|options| options.offline = false).await
}

fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    std::fs::write(path, content).expect("written");
}

/// Publishes a file or folder of the test's folder.
async fn publish(face: &Face, name: &str) -> Value {
    let source = face.folder.path().join(name);
    let arguments = json!({
        "source": source, "work": "imdb:tt1254207", "title": "Big Buck Bunny", "year": 2008, "kind": "film",
        "season": null, "episode": null, "map": [], "licence": "CC-BY-3.0", "resolution": "", "languages": [],
        "private": false,
    });
    let response = face.send(face.verb("publish", &arguments)).await;
    assert_eq!(response.status, 200, "{}", response.json());
    response.json()
}

async fn play(face: &Face, arguments: Value) -> Value {
    let response = face.send(face.verb("play", &arguments)).await;
    assert_eq!(response.status, 200, "{}", response.json());
    response.json()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no text {field} in {value}"))
}

/// As a player asks: no header but the Host.
fn player(face: &Face, path: &str) -> Ask {
    Ask::new("GET", path).with("Host", face.address.to_string())
}

async fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(LONG, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}"));
}

fn assert_part(response: &Response, content: &[u8], first: usize, last: usize) {
    assert_eq!(response.status, 206);
    assert_eq!(response.header("content-range"), format!("bytes {first}-{last}/{}", content.len()));
    assert_eq!(response.header("content-length"), (last - first + 1).to_string());
    assert!(response.body == content[first..=last], "the bytes from {first} to {last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_range_that_the_file_has_is_given_and_everything_else_refused() {
    let face = with_torrents().await;
    let content = film(3 * MIB + 5);
    write(&face.folder.path().join("film.mp4"), &content);
    publish(&face, "film.mp4").await;
    let playing = play(&face, json!({ "what": "imdb:tt1254207" })).await;
    assert_eq!((text(&playing, "type"), playing["size"].as_u64()), ("video/mp4", Some(content.len() as u64)));
    let path = text(&playing, "path");

    let whole = face.send(player(&face, path)).await;
    assert_eq!((whole.status, whole.header("content-type")), (200, "video/mp4"));
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert!(whole.header("content-security-policy").contains("sandbox"));
    assert!(whole.body == content);
    let head = face.send(Ask::new("HEAD", path).with("Host", face.address.to_string())).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, &*content.len().to_string(), 0));
    assert_eq!(head.header("content-type"), "video/mp4");

    let end = content.len() - 1;
    for (range, first, last) in [
        ("bytes=0-".to_owned(), 0, end),
        ("bytes=0-0".to_owned(), 0, 0),
        (format!("bytes={}-{}", 2 * MIB - 3, 2 * MIB + 3), 2 * MIB - 3, 2 * MIB + 3),
        (format!("bytes={end}-"), end, end),
        ("bytes=-7".to_owned(), end - 6, end),
        (format!("bytes={MIB}-99999999999"), MIB, end),
    ] {
        let response = face.send(player(&face, path).with("Range", range)).await;
        assert_part(&response, &content, first, last);
    }
    let beyond = format!("bytes={}-", content.len());
    for range in [&*beyond, "bytes=9-5", "bytes=0-1,4-5", "bytes=-0", "bytes=x", "bytes"] {
        let response = face.send(player(&face, path).with("Range", range)).await;
        assert_eq!((response.status, response.code().as_str()), (416, "bad_range"), "{range}");
        assert_eq!(response.header("content-range"), format!("bytes */{}", content.len()));
    }
    let tag = whole.header("etag");
    let same = player(&face, path).with("Range", "bytes=1-2").with("If-Range", tag);
    assert_eq!(face.send(same).await.status, 206);
    let other = player(&face, path).with("Range", "bytes=1-2").with("If-Range", "\"other\"");
    assert_eq!(face.send(other).await.status, 200, "of another file, all of it");
    wait_until("all places are free again", || face.server.streams_open() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_one_clear_answer() {
    let face = with_torrents().await;
    write(&face.folder.path().join("film.mp4"), &film(MIB));
    let infohash = text(&publish(&face, "film.mp4").await, "infohash").to_owned();
    for (path, status, code) in [
        ("/stream/xyz/0".to_owned(), 400, "bad_infohash"),
        (format!("/stream/{infohash}/first"), 400, "bad_file"),
        (format!("/stream/{infohash}/-1"), 400, "bad_file"),
        (format!("/stream/{infohash}/7"), 404, "no_such_file"),
        (format!("/stream/{infohash}/99999999999999999999999"), 400, "bad_file"),
        (format!("/subtitles/{infohash}/0.vtt"), 400, "not_subtitles"),
        (format!("/subtitles/{infohash}/x.vtt"), 400, "bad_file"),
    ] {
        let response = face.send(face.ask("GET", &path)).await;
        assert_eq!((response.status, response.code().as_str()), (status, code), "{path}");
    }
    let unknown = face.send(face.ask("GET", &format!("/stream/{}/0", "ab".repeat(20)))).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "unknown_release"));
    for arguments in [
        json!({ "what": "nothing" }),
        json!({ "what": "imdb:tt1254207", "episode": "one" }),
        json!({ "what": 7 }),
        json!({ "what": infohash, "surprise": true }),
    ] {
        assert_eq!(face.send(face.verb("play", &arguments)).await.status, 400, "{arguments}");
    }
    assert_eq!(face.send(face.verb("play", &json!({ "what": "imdb:tt7999999" }))).await.status, 404);
    assert_eq!(face.send(face.verb("play", &json!({ "what": infohash, "file": 3 }))).await.status, 404);
    assert_eq!(face.server.streams_open(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_opens_its_release_and_nothing_else() {
    let face = with_torrents().await;
    write(&face.folder.path().join("film.mp4"), &film(MIB));
    write(&face.folder.path().join("other.mp4"), &film(MIB / 2));
    publish(&face, "film.mp4").await;
    let other = text(&publish(&face, "other.mp4").await, "infohash").to_owned();
    let infohash = text(&play(&face, json!({ "what": "imdb:tt1254207" })).await, "infohash").to_owned();
    let playing = play(&face, json!({ "what": infohash })).await;
    let ticket = text(&playing, "path").split_once("ticket=").expect("a ticket").1.to_owned();
    let no_other = if infohash == other { "0".repeat(40) } else { other };
    for path in [
        format!("/stream/{no_other}/0?ticket={ticket}"),
        format!("/stream/{infohash}/0?ticket={}", &ticket[1..]),
        format!("/stream/{infohash}/0"),
        format!("/?ticket={ticket}"),
    ] {
        let response = face.send(player(&face, &path)).await;
        assert!([401, 429].contains(&response.status), "{path}: {}", response.status);
    }
    let post = Ask::new("POST", text(&playing, "path")).with("Host", face.address.to_string());
    assert_eq!(face.send(post.with("Content-Type", "application/json").body("{}")).await.status, 401, "it only reads");
    let elsewhere = player(&face, text(&playing, "path")).with("Origin", "http://evil.example");
    assert_eq!(face.send(elsewhere).await.status, 403);
    assert_eq!(face.send(player(&face, text(&playing, "path"))).await.status, 200);
    assert!(!face.node.wire_name().contains(&ticket));
}

#[tokio::test(flavor = "multi_thread")]
async fn subtitles_beside_a_film_become_webvtt() {
    let face = with_torrents().await;
    let folder = face.folder.path().join("Film.2008");
    write(&folder.join("Film.2008.mp4"), &film(MIB));
    write(
        &folder.join("Film.2008.de.srt"),
        "1\n00:00:01,000 --> 00:00:02,000\n<b>Grüße</b><script>x</script>\n".as_bytes(),
    );
    write(&folder.join("page.mp4"), b"<!doctype html><script>alert(1)</script>");
    write(&folder.join("Film.2008.en.vtt"), &vec![b'x'; 3 * MIB]);
    publish(&face, "Film.2008").await;
    let playing = play(&face, json!({ "what": "imdb:tt1254207" })).await;
    assert_eq!(text(&playing, "name"), "Film.2008.mp4", "the largest video");
    let subtitles = playing["subtitles"].as_array().expect("a list");
    assert_eq!(subtitles.len(), 2, "{playing}");
    let of = |language: &str| {
        let found = subtitles.iter().find(|one| one["language"] == language);
        text(found.unwrap_or_else(|| panic!("{language} in {playing}")), "path").to_owned()
    };
    let german = face.send(player(&face, &of("de"))).await;
    assert_eq!((german.status, german.header("content-type")), (200, "text/vtt; charset=utf-8"));
    assert_eq!(String::from_utf8_lossy(&german.body), "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nGrüßex\n");
    let large = face.send(player(&face, &of("en"))).await;
    assert_eq!((large.status, large.code().as_str()), (400, "not_subtitles"));

    let page = (0..4).map(|index| format!("/stream/{}/{index}", text(&playing, "infohash")));
    let mut kinds = Vec::new();
    for path in page {
        let response = face.send(face.ask("GET", &path).with("Range", "bytes=0-9")).await;
        kinds.push(response.header("content-type").to_owned());
    }
    kinds.sort();
    assert_eq!(kinds, ["application/octet-stream", "application/octet-stream", "application/x-subrip", "video/mp4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_streams_have_a_place_and_give_it_back() {
    let face = with_torrents().await;
    let content = film(24 * MIB);
    write(&face.folder.path().join("film.mp4"), &content);
    publish(&face, "film.mp4").await;
    let playing = play(&face, json!({ "what": "imdb:tt1254207" })).await;
    let path = text(&playing, "path");
    // Viewers that take the head of the answer and then nothing: what the sockets hold is far less than the film.
    let mut viewers = Vec::new();
    for _ in 0..12 {
        let mut viewer = face.begin(player(&face, path)).await;
        let mut head = [0; 64];
        viewer.read_exact(&mut head).await.expect("an answer");
        assert!(head.starts_with(b"HTTP/1.1 200"));
        viewers.push(viewer);
    }
    assert_eq!(face.server.streams_open(), 12);
    let further = face.send(player(&face, path)).await;
    assert_eq!((further.status, further.code().as_str()), (503, "too_many_streams"));
    viewers.pop();
    let again = face.send(player(&face, path).with("Range", "bytes=5-9")).await;
    assert_part(&again, &content, 5, 9);
    drop(viewers);
    wait_until("viewers that went away keep no place", || face.server.streams_open() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_goes_away_while_it_waits_leaves_nothing() {
    let face = with_torrents().await;
    let content = film(4 * MIB);
    write(&face.folder.path().join("film.mp4"), &content);
    let torrent = heirloom::torrent::create(&face.folder.path().join("film.mp4"), None).await.expect("a torrent");
    // The first half is here, the second nowhere; and nobody seeds it.
    let mut half = content.clone();
    half[2 * MIB..].fill(0);
    write(&face.folder.path().join("downloads/film.mp4"), &half);
    write(&face.folder.path().join("lists/film.torrent"), &torrent.torrent);
    publish(&face, "lists/film.torrent").await;
    let playing = play(&face, json!({ "what": "imdb:tt1254207" })).await;
    let path = text(&playing, "path");
    let first = face.send(player(&face, path).with("Range", "bytes=0-99999")).await;
    assert_part(&first, &content, 0, 99_999);

    let mut viewer = face.begin(player(&face, path)).await;
    let mut taken = vec![0; MIB];
    viewer.read_exact(&mut taken).await.expect("the first half");
    let waiting = face.begin(player(&face, path).with("Range", format!("bytes={}-", 3 * MIB))).await;
    wait_until("both are open", || face.server.streams_open() == 2).await;
    drop((viewer, waiting));
    wait_until("both are closed", || face.server.streams_open() == 0).await;
}
