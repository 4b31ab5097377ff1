//! Everything that a stranger, a broken program or a browser that goes away could fill: what is beyond a limit has one clear
//! answer, and its place comes back.

use super::support::{Ask, Face, Response};
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than anything here takes on a busy machine; a test that reaches it hangs.
const LONG: Duration = Duration::from_secs(120);
/// Requests under way at once, as `security.md` §6 has it.
const CONCURRENT: usize = 64;
const MIB: usize = 1 << 20;

/// One clear answer: a status, a code, a sentence, in the one form that refusals have.
#[track_caller]
fn assert_refused(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{:?}", response.json());
    assert_eq!(response.header("content-type"), "application/problem+json");
    let detail = response.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!((10..200).contains(&detail.len()), "{detail:?}");
}

/// Asks until it has this status.
async fn until_status(face: &Face, path: &str, status: u16) -> Response {
    let asked = tokio::time::timeout(LONG, async {
        loop {
            let response = face.send(face.ask("GET", path)).await;
            if response.status == status {
                return response;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("{path} never had the status {status}"))
}

/// A request whose head says that a body comes, which does not.
async fn without_its_body(face: &Face) -> TcpStream {
    let mut stream = TcpStream::connect(face.address).await.expect("a connection");
    let head = format!(
        "POST /api/v1/id HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 2\r\n\r\n",
        face.address, face.token
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream
}

/// Lists a film that nobody has: whoever asks for its bytes waits for somebody who does.
async fn list_nobodys(face: &Face) -> String {
    let infohash = "ab".repeat(20);
    let row = json!({
        "record": { "ids": ["imdb:tt1254207"], "title": "Nobody has it", "year": 2008, "kind": "film" },
        "release": { "work": "imdb:tt1254207", "infohash": infohash, "name": "Nobody.2008", "size": 5 },
    });
    let listed = face.send(face.verb("list", &json!({ "rows": [row], "dry_run": false }))).await;
    assert_eq!(listed.json()["rows"][0]["new"], true, "{}", listed.json());
    infohash
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_requests_are_served_at_once_and_one_more_is_told_to_come_again() {
    let face = Face::start_with(|options| options.offline = false).await;
    let waiting = list_nobodys(&face).await;
    // They send no body: under way for as long as they like.
    let mut under_way = Vec::new();
    for _ in 0..CONCURRENT {
        under_way.push(without_its_body(&face).await);
    }
    let refused = until_status(&face, "/api/v1/id", 503).await;
    assert_refused(&refused, 503, "busy");
    let large = face.verb("id", &json!({ "filler": "x".repeat(MIB / 2) }));
    assert_refused(&face.send(large).await, 503, "busy");
    for one in under_way.drain(..) {
        drop(one);
    }
    until_status(&face, "/api/v1/id", 200).await;
    // All of them are back, not one; half of these wait for a swarm.
    let mut again = Vec::new();
    for number in 1..CONCURRENT {
        again.push(if number % 2 == 0 {
            without_its_body(&face).await
        } else {
            face.begin(face.ask("GET", &format!("/stream/{waiting}/0"))).await
        });
    }
    assert_eq!(face.send(face.ask("GET", "/api/v1/id")).await.status, 200, "the 64th has a place");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_a_mebibyte_is_read_and_one_byte_more_refused() {
    let face = Face::start().await;
    let of = |bytes: usize| {
        let ask = face.ask("POST", "/api/v1/id").with("Content-Type", "application/json");
        ask.body(format!("{{}}{}", " ".repeat(bytes - 2)))
    };
    assert_eq!(face.send(of(MIB)).await.status, 200);
    assert_refused(&face.send(of(MIB + 1)).await, 413, "bad_body");
    let cookie = face.cookie().await;
    let paste = |bytes: usize| {
        let ask = face.browse("POST", "/people/preview", &cookie).with("Content-Type", "application/json");
        let empty = json!({ "text": "" }).to_string().len();
        ask.body(json!({ "text": "x".repeat(bytes - empty) }).to_string())
    };
    assert_eq!(face.send(paste(MIB)).await.status, 200, "what is pasted too");
    assert_refused(&face.send(paste(MIB + 1)).await, 413, "bad_body");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_sends_and_cannot_be_read_is_one_clear_answer() {
    let face = Face::start().await;
    let cookie = face.cookie().await;
    for path in ["/people/preview", "/publish/check"] {
        for body in ["", "not json", "[7]", "{\"text\":7}", "{\"torrent\":[]}", "{\"surprise\":1}", "\u{0}"] {
            let ask = face.browse("POST", path, &cookie).with("Content-Type", "application/json");
            assert_refused(&face.send(ask.body(body)).await, 400, "bad_request");
        }
    }
    for path in ["/publish?mine=x", "/people?follows=-1", "/?page=many"] {
        let response = face.send(face.browse("GET", path, &cookie)).await;
        let text = String::from_utf8_lossy(&response.body);
        assert_eq!((response.status, response.header("content-type")), (400, "text/html; charset=utf-8"), "{path}");
        assert!(text.contains("cannot be read") && text.contains("Back to the shelf"), "{path}: {text}");
    }
}

/// A torrent file of exactly so many bytes: what fills it stands outside of the info dictionary.
fn torrent(bytes: usize) -> Vec<u8> {
    let info =
        format!("d6:lengthi70000e4:name18:The.Shed.2021.webm12:piece lengthi65536e6:pieces40:{}e", "a".repeat(40));
    let with = |filler: usize| format!("d7:comment{filler}:{}4:info{info}e", "x".repeat(filler));
    // The length of the filler's own length is that of the whole.
    let filler = bytes - with(0).len() - (bytes.to_string().len() - 1);
    let torrent = with(filler).into_bytes();
    assert_eq!(torrent.len(), bytes);
    torrent
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torrent_of_32_mebibytes_is_taken_and_one_byte_more_refused() {
    let face = Face::start().await;
    let cookie = face.cookie().await;
    let upload = |torrent: &[u8]| {
        let ask = face.browse("POST", "/publish/check", &cookie).with("Content-Type", "application/json");
        ask.body(json!({ "torrent": BASE64.encode(torrent) }).to_string())
    };
    let taken = face.send(upload(&torrent(32 * MIB))).await;
    let text = String::from_utf8_lossy(&taken.body).into_owned();
    assert_eq!(taken.status, 200, "{text}");
    assert!(text.contains("The.Shed.2021.webm") && text.contains("data-verb=\"list\""), "{text}");
    assert_refused(&face.send(upload(&torrent(32 * MIB + 1))).await, 413, "bad_body");
    assert_refused(&face.send(upload(&vec![b'x'; 40 * MIB])).await, 413, "bad_body");
    let empty = face.send(upload(b"")).await;
    assert!(String::from_utf8_lossy(&empty.body).contains("role=\"alert\""), "neither a path nor a torrent");
    let no_torrent = face.send(upload(&vec![b'x'; 20 * MIB])).await;
    assert!(String::from_utf8_lossy(&no_torrent.body).contains("This is not a torrent file"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_large_upload_is_read_at_once_and_its_place_comes_back() {
    let face = Face::start().await;
    let cookie = face.cookie().await;
    let mut slow = TcpStream::connect(face.address).await.expect("a connection");
    let head = format!(
        "POST /publish/check HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nCookie: {cookie}\r\n\
         Content-Type: application/json\r\nContent-Length: {1}\r\n\r\n",
        face.address,
        8 * MIB
    );
    slow.write_all(head.as_bytes()).await.expect("sent");
    slow.write_all(&vec![b' '; 2 * MIB]).await.expect("a part");
    let upload = |bytes: usize| {
        let ask = face.browse("POST", "/publish/check", &cookie).with("Content-Type", "application/json");
        ask.body(json!({ "torrent": BASE64.encode(&torrent(bytes)) }).to_string())
    };
    let until = |status: u16| {
        let (face, upload) = (&face, &upload);
        async move {
            loop {
                let response = face.send(upload(2 * MIB)).await;
                if response.status == status {
                    return response;
                }
            }
        }
    };
    let refused = tokio::time::timeout(LONG, until(503)).await.expect("the first one has the place");
    assert_refused(&refused, 503, "busy");
    assert_eq!(face.send(upload(2000)).await.status, 200, "what is short needs none");
    drop(slow);
    tokio::time::timeout(LONG, until(200)).await.expect("whoever went away left it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_16_kibibytes_is_read_and_a_longer_one_refused() {
    let face = Face::start().await;
    let with = |bytes: usize| face.ask("GET", "/api/v1/id").with("X-Filler", "x".repeat(bytes));
    assert_eq!(face.send(with(15 << 10)).await.status, 200);
    assert_refused(&face.send(with(16 << 10)).await, 431, "long_head");
    let long = face.ask("GET", &format!("/api/v1/search?text={}", "a".repeat(17 << 10)));
    assert_refused(&face.send(long).await, 431, "long_head");
    assert_eq!(face.send(with(200 << 10)).await.status, 431, "what goes on and on is cut off");
}

/// The figure of this name.
async fn figure(face: &Face, name: &str) -> Option<f64> {
    let metrics = face.send(face.ask("GET", "/metrics")).await;
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

async fn until_nothing_is_open(face: &Face) {
    let names = ["heirloom_streams", "heirloom_http_streams", "heirloom_http_listeners"];
    let closed = tokio::time::timeout(LONG, async {
        loop {
            let mut figures = Vec::new();
            for name in names {
                figures.push(figure(face, name).await);
            }
            if figures.iter().all(|figure| *figure == Some(0.0)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    closed.await.expect("whoever went away leaves nothing open");
}

/// Bytes that begin like an MP4 film.
fn film(bytes: usize) -> Vec<u8> {
    let mut film = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    film.extend((0..).map(|at: usize| at.to_le_bytes()[at % 3]).take(bytes - film.len()));
    film
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_goes_away_leaves_no_stream_and_no_listener() {
    let face = Face::start_with(|options| options.offline = false).await;
    for name in ["heirloom_streams", "heirloom_http_streams", "heirloom_http_listeners"] {
        assert_eq!(figure(&face, name).await, Some(0.0), "{name} is there from the start");
    }
    let source = face.folder.path().join("film.mp4");
    std::fs::write(&source, film(24 * MIB)).expect("written");
    let arguments = json!({
        "source": source, "work": "imdb:tt1254207", "title": "Film", "year": 2008, "kind": "film", "season": null,
        "episode": null, "map": [], "licence": "", "resolution": "", "languages": [], "private": false,
    });
    assert_eq!(face.send(face.verb("publish", &arguments)).await.status, 200);
    let playing = face.send(face.verb("play", &json!({ "what": "imdb:tt1254207" }))).await.json();
    let path = playing["path"].as_str().expect("a path").to_owned();
    for round in 0..3 {
        let mut open = Vec::new();
        for number in 0..8 {
            let ask = Ask::new("GET", &path).with("Host", face.address.to_string());
            let ask = if number % 2 == 0 { ask } else { ask.with("Range", format!("bytes={}-", number * MIB)) };
            let mut viewer = face.begin(ask).await;
            let mut part = vec![0; 100_000];
            viewer.read_exact(&mut part).await.expect("its beginning");
            open.push(viewer);
        }
        for _ in 0..4 {
            let mut listener = face.begin(face.ask("GET", "/api/v1/events")).await;
            let mut part = [0; 64];
            listener.read_exact(&mut part).await.expect("its beginning");
            open.push(listener);
        }
        assert_eq!(figure(&face, "heirloom_streams").await, Some(8.0), "round {round}");
        assert_eq!(figure(&face, "heirloom_http_listeners").await, Some(4.0), "round {round}");
        // In the middle of a film and of an event, without a word.
        drop(open);
        until_nothing_is_open(&face).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_release_is_refused_by_every_door_that_names_one() {
    let face = Face::start_with(|options| options.offline = false).await;
    let nobodys = "cd".repeat(20);
    for path in [format!("/stream/{nobodys}/0"), format!("/subtitles/{nobodys}/0.vtt")] {
        assert_refused(&face.send(face.ask("GET", &path)).await, 404, "unknown_release");
    }
    let download = face.send(face.ask("GET", &format!("/api/v1/download?infohash={nobodys}"))).await;
    assert_eq!(download.status, 404, "{}", download.json());
    for range in ["bytes=5-1", "bytes=0-1,2-3", "nonsense"] {
        let ask = face.ask("GET", &format!("/stream/{nobodys}/0")).with("Range", range);
        assert_refused(&face.send(ask).await, 404, "unknown_release");
    }
    for path in ["/stream/%ff/0", "/subtitles/%ff/0", "/api/v1/artwork/%ff"] {
        assert_refused(&face.send(face.ask("GET", path)).await, 400, "bad_request");
    }
    for path in ["/work/%ff", "/key/%ff", "/why/%ff", "/play/%ff/0", "/play/ab/x"] {
        let response = face.send(face.ask("GET", path)).await;
        assert_eq!((response.status, response.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
    }
    let value: Value = face.send(face.verb("play", &json!({ "what": "xyz" }))).await.json();
    assert_eq!(value["exit"], 2, "{value}");
}
