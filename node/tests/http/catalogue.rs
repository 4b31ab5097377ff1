//! A catalogue to look at from other programs: films, a series, music, a book, a system; by the owner and by a stranger.
#![allow(clippy::unwrap_used, reason = "support of tests: a failure here is the test's")]

use super::support::Face;
use data_encoding::BASE64;
use heirloom_proto::body::{Body, Listing, Work, WorkKind};
use heirloom_proto::statement::Header;
use heirloom_proto::{Infohash, SecretKey, Statement, Timestamp};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// A title that XML cannot hold, and that tries to end the element that it stands in.
pub const HOSTILE: &str = "Night <&\"'> ]]></title>\u{fffe}";

/// A node with torrents and without a network, on whatever disk and beside whatever else: a machine that is short of either
/// takes nothing of strangers.
pub async fn start() -> Face {
    Face::start_with(|options| {
        options.offline = false;
        options.settings.budgets.reserve_bytes = Some(0);
        options.settings.budgets.memory_bytes = 1 << 40;
    })
    .await
}

/// What the owner lists.
pub async fn list(face: &Face) {
    let film = |hash: &str, name: &str, size: u64| json!({ "work": "imdb:tt1254207", "infohash": hash.repeat(20), "name": name, "size": size, "licence": "CC-BY-3.0", "trackers": ["udp://tracker.example:1337/announce"] });
    let bunny = json!({ "ids": ["imdb:tt1254207", "tmdb:movie/10378"], "title": "Big Buck Bunny", "year": 2008,
        "kind": "film", "genres": ["Animation", "Comedy"], "overview": "A rabbit & three rodents.", "runtime_min": 10 });
    let episode = |season: u32, number: u32, title: &str, day: &str| json!([season, number, title, day]);
    let pioneer = json!({ "ids": ["imdb:tt1748166", "tvdb:170551"], "title": "Pioneer One", "year": 2010, "kind": "series",
        "genres": ["Drama"], "episodes": [
            episode(0, 1, "A special", "2011-01-01"), episode(1, 1, "Earthfall", "2010-06-16"),
            episode(1, 2, "The Man from Mars", "2010-12-15"), episode(1, 3, "Alone in the Night", "2011-03-28"),
        ] });
    let file = |index: u32, path: &str, number: u32| json!({ "index": index, "path": path, "size": 500_000_000, "episode": [1, number] });
    let rows = json!([
        { "record": bunny, "release": film("a1", "Big.Buck.Bunny.2008.1080p.WEB-DL.x264-GRP", 1_400_000_000) },
        { "release": film("a2", "Big.Buck.Bunny.2008.2160p.BluRay.x265-GRP", 9_000_000_000) },
        { "record": pioneer, "release": {
            "work": "tvdb:170551", "infohash": "b1".repeat(20), "name": "Pioneer.One.S01.720p.WEB-DL.x264-GRP", "size": 1_500_000_000_u64,
            "files": [file(3, "Pioneer.One.S01E01.mkv", 1), file(5, "Pioneer.One.S01E02.mkv", 2), file(7, "Pioneer.One.S01E03.mkv", 3)] } },
        { "release": { "work": "tvdb:170551", "infohash": "b2".repeat(20), "name": "Pioneer.One.S01E02.1080p.WEB-DL.x264-GRP",
            "size": 800_000_000, "episode": [1, 2] } },
        { "record": { "ids": ["hl:".to_owned() + &"1".repeat(64)], "title": "Songs of the Garden", "year": 2020, "kind": "album" },
          "release": { "work": "hl:".to_owned() + &"1".repeat(64), "infohash": "c1".repeat(20), "name": "Songs of the Garden [FLAC]",
            "size": 300_000_000, "audio_codecs": ["FLAC"] } },
        { "record": { "ids": ["hl:".to_owned() + &"2".repeat(64)], "title": "Debian", "year": 2026, "kind": "software" },
          "release": { "work": "hl:".to_owned() + &"2".repeat(64), "infohash": "c2".repeat(20), "name": "debian-13.iso", "size": 700_000_000 } },
        { "record": { "ids": ["hl:".to_owned() + &"3".repeat(64)], "title": HOSTILE, "year": 1968, "kind": "film" },
          "release": { "work": "hl:".to_owned() + &"3".repeat(64), "infohash": "c3".repeat(20), "name": "clip.mp4", "size": 5 } },
    ]);
    let response = face.send(face.verb("list", &json!({ "rows": rows, "dry_run": false }))).await;
    assert_eq!(response.status, 200, "{}", response.json());
    for row in response.json()["rows"].as_array().unwrap() {
        assert_eq!(row["new"], true, "{row}");
    }
}

/// A film of a stranger's whom nobody trusts, and a program that pretends to be one.
pub async fn import_strangers(face: &Face) {
    let eve = SecretKey::from_seed(&[7; 32]);
    let work = "imdb:tt0063350".parse().unwrap();
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap() - 60_000;
    let record = Work::new(work, "Night of the Living Dead".into(), Some(1968), WorkKind::Film);
    let named = |name: &str, hash: u8| Listing {
        size: 700_000_000,
        ..Listing::new(record.ids[0].clone(), Infohash([hash; 20]), name.into())
    };
    let bodies = [
        Body::Work(record.clone()),
        Body::Listing(named("Night.of.the.Living.Dead.1968.1080p.x264-EVE", 0xe1)),
        Body::Listing(named("Night.of.the.Living.Dead.1968.1080p.exe", 0xe2)),
    ];
    let envelopes: Vec<String> = bodies
        .iter()
        .enumerate()
        .map(|(number, body)| {
            let created = Timestamp(now + number as u64);
            let expires = Some(Timestamp(now + body.kind().limits().lifetime_ms_default));
            let header = Header { generation: 0, seq: created.0, created, expires };
            BASE64.encode(Statement::sign(&eve, &header, body).unwrap().bytes())
        })
        .collect();
    let response = face.send(face.verb("import", &json!({ "envelopes": envelopes }))).await;
    assert_eq!(response.json()["imported"], 3, "{}", response.json());
}

/// The stranger, by key.
pub fn stranger() -> String {
    SecretKey::from_seed(&[7; 32]).public().to_string()
}

/// The owner begins to follow the stranger.
pub async fn follow_stranger(face: &Face) {
    let arguments = json!({ "key": stranger(), "level": "high", "scope": "*", "alias": "Eve & Co", "preview": false });
    let response = face.send(face.verb("follow", &arguments)).await;
    assert_eq!(response.status, 200, "{}", response.json());
}

/// As another program sends it: without a token.
pub async fn fetch(face: &Face, path: &str) -> super::support::Response {
    face.send(super::support::Ask::new("GET", path).with("Host", face.address.to_string())).await
}

/// Where other programs find this node.
pub async fn apps(face: &Face) -> Value {
    let response = face.send(face.verb("apps", &json!({}))).await;
    assert_eq!(response.status, 200, "{}", response.json());
    response.json()
}
