//! The add-on, as Stremio asks it: from a page of another site, by a path that only the owner knows.

use super::catalogue::{self, fetch};
use super::support::{Ask, Face, Response};
use serde_json::{Value, json};

/// The path of the add-on, with its secret.
async fn addon(face: &Face) -> String {
    let apps = catalogue::apps(face).await;
    let manifest = apps["stremio"]["manifest"].as_str().expect("an address").to_owned();
    let install = apps["stremio"]["install"].as_str().expect("an address");
    let path = manifest.strip_prefix(&format!("http://{}", face.address)).expect("of this node").to_owned();
    assert_eq!(install, format!("stremio://{}{path}", face.address));
    path.strip_suffix("/manifest.json").expect("a manifest").to_owned()
}

#[track_caller]
fn json_for_all(response: &Response) -> Value {
    assert_eq!((response.status, response.header("access-control-allow-origin")), (200, "*"), "{response:?}");
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("cross-origin-resource-policy"), "cross-origin");
    response.json()
}

fn ids(metas: &Value) -> Vec<&str> {
    metas["metas"].as_array().expect("metas").iter().map(|meta| meta["id"].as_str().expect("an id")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_opens_the_add_on_to_any_page_and_nothing_else() {
    let face = catalogue::start().await;
    catalogue::list(&face).await;
    let addon = addon(&face).await;
    let secret = addon.strip_prefix("/stremio/").expect("a secret");
    assert_eq!(secret.len(), 32, "128 bits");
    let path = format!("{addon}/manifest.json");
    let as_page = |method: &str, path: &str| {
        let ask = Ask::new(method, path).with("Host", face.address.to_string());
        ask.with("Origin", "https://web.stremio.com").with("Sec-Fetch-Site", "cross-site")
    };
    let manifest = json_for_all(&face.send(as_page("GET", &path)).await);
    assert_eq!(manifest["behaviorHints"]["p2p"], true);
    assert_eq!(manifest["catalogs"][0]["type"], "movie");
    assert_eq!(manifest["catalogs"][0]["extra"][1]["options"], json!(["Animation", "Comedy", "Drama"]));
    for field in ["id", "name", "description", "version", "resources", "types", "idPrefixes", "addonCatalogs"] {
        assert!(!manifest[field].is_null(), "{field}: {manifest}");
    }
    let text = manifest.to_string();
    assert!(!text.contains(secret) && !text.contains("did:key") && !text.contains("z6Mk"), "{text}");

    let preflight = face.send(as_page("OPTIONS", &path).with("Access-Control-Request-Private-Network", "true")).await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-private-network")), (204, "true"));
    assert_eq!(face.send(as_page("POST", &path).with("Content-Type", "application/json")).await.status, 405);
    let rebound = Ask::new("GET", &path).with("Host", format!("evil.example:{}", face.address.port()));
    assert_eq!(face.send(rebound).await.status, 421);
    for wrong in ["/stremio/1/manifest.json".to_owned(), format!("/stremio/{}/manifest.json", "0".repeat(32))] {
        let refused = face.send(as_page("GET", &wrong)).await;
        assert_eq!(refused.status, 404, "{wrong}");
        assert!(refused.all("access-control-allow-origin").is_empty(), "no page reads that");
    }
    // What opens the add-on opens neither pages nor verbs, and the key of feeds does not open the add-on.
    for path in [format!("{addon}/../../node"), format!("/api/v1/id?secret={secret}"), format!("/rss?apikey={secret}")]
    {
        assert!([401, 404].contains(&fetch(&face, &path).await.status), "{path}");
    }
    let key = catalogue::apps(&face).await["torznab"]["apikey"].as_str().expect("a key").to_owned();
    assert_eq!(fetch(&face, &format!("/stremio/{key}/manifest.json")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn catalogues_metas_and_streams_are_those_of_the_shelf() {
    let face = catalogue::start().await;
    catalogue::list(&face).await;
    catalogue::import_strangers(&face).await;
    let addon = addon(&face).await;
    let get = async |path: &str| json_for_all(&fetch(&face, &format!("{addon}{path}")).await);
    let hostile = format!("heirloom:hl:{}", "3".repeat(64));

    let films = get("/catalog/movie/heirloom.json").await;
    let mut found = ids(&films);
    found.sort_unstable();
    assert_eq!(found, [hostile.as_str(), "tt1254207"], "no stranger's film, no song: {films}");
    for (extra, wanted) in [
        ("search=big%20buck", vec!["tt1254207"]),
        ("genre=Animation", vec!["tt1254207"]),
        ("genre=Animation&skip=1", vec![]),
        ("search=bunny&skip=0", vec!["tt1254207"]),
        ("skip=100", vec![]),
        ("search=", found.clone()),
        ("search=%26%3D%2F%00", vec![]),
    ] {
        let metas = get(&format!("/catalog/movie/heirloom/{extra}.json")).await;
        let mut found = ids(&metas);
        found.sort_unstable();
        assert_eq!(found, wanted, "{extra}");
    }
    assert_eq!(ids(&get("/catalog/series/heirloom.json").await), ["tt1748166"]);
    assert_eq!(get("/catalog/other/heirloom.json").await, json!({ "metas": [] }));

    let meta = get("/meta/movie/tt1254207.json").await;
    assert_eq!(meta["meta"]["name"], "Big Buck Bunny");
    assert_eq!(meta["meta"]["runtime"], "10 min");
    assert_eq!(meta["meta"]["behaviorHints"]["defaultVideoId"], "tt1254207");
    let named = get(&format!("/meta/movie/{}.json", hostile.replace(':', "%3A"))).await;
    assert!(named["meta"]["name"].as_str().is_some_and(|name| name.starts_with("Night <&")), "{named}");
    let series = get("/meta/series/tt1748166.json").await;
    let videos = series["meta"]["videos"].as_array().expect("videos");
    let episodes: Vec<&str> = videos.iter().filter_map(|video| video["id"].as_str()).collect();
    assert_eq!(episodes, ["tt1748166:0:1", "tt1748166:1:1", "tt1748166:1:2", "tt1748166:1:3"]);
    assert_eq!(videos[2]["released"], "2010-12-15T00:00:00.000Z");

    let streams = get("/stream/movie/tt1254207.json").await;
    let streams = streams["streams"].as_array().expect("streams");
    assert_eq!(streams.len(), 4, "each through the node and as a torrent: {streams:?}");
    assert_eq!(streams[0]["name"], "Heirloom\n1080p", "what is liked best, of what is trusted alike");
    let url = streams[0]["url"].as_str().expect("an address");
    assert!(url.starts_with(&format!("http://{}{addon}/play/{}/best/", face.address, "a1".repeat(20))), "{url}");
    assert!(streams[0]["description"].as_str().is_some_and(|text| text.starts_with("✔ trusted: listed by you")));
    assert_eq!(streams[1]["infoHash"], "a1".repeat(20));
    assert_eq!(
        streams[1]["sources"],
        json!(["tracker:udp://tracker.example:1337/announce", format!("dht:{}", "a1".repeat(20))])
    );
    for stream in streams {
        let hints = &stream["behaviorHints"];
        assert!(hints["bingeGroup"].is_string() && hints["filename"].is_string() && hints["videoSize"].is_u64());
        assert!(stream["url"].is_string() != stream["infoHash"].is_string(), "one of them: {stream}");
    }

    let episode = get("/stream/series/tt1748166%3A1%3A2.json").await;
    let pack = episode["streams"].as_array().expect("streams").iter().filter(|stream| stream["fileIdx"] == 5);
    let pack: Vec<&Value> = pack.collect();
    assert_eq!(pack.len(), 1, "the file of that episode, out of the season: {episode}");
    assert_eq!(pack[0]["infoHash"], "b1".repeat(20));
    assert!(episode.to_string().contains(&format!("/play/{}/5/", "b1".repeat(20))), "{episode}");
    let none = get("/stream/series/tt1748166:7:7.json").await;
    assert_eq!(none, json!({ "streams": [] }));

    // Nobody vouches for it: it says so, and what pretends to be a film is not there at all.
    let unknown = get("/stream/movie/tt0063350.json").await;
    let unknown = unknown["streams"].as_array().expect("streams");
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    assert!(unknown[0]["description"].as_str().is_some_and(|text| text.starts_with('⚠')), "{unknown:?}");
    assert_eq!(get("/stream/movie/kitsu:1.json").await, json!({ "streams": [] }), "others' ids are nobody's fault");
    assert_eq!(get("/subtitles/movie/tt1254207/filename=x.mp4.json").await, json!({ "subtitles": [] }));
    for path in [
        "/meta/movie/tt9999999.json",
        "/meta/movie/nonsense.json",
        "/catalog/movie/other.json",
        "/catalog/tv/heirloom.json",
    ] {
        assert_eq!(fetch(&face, &format!("{addon}{path}")).await.status, 404, "{path}");
    }
    let nowhere = fetch(&face, &format!("{addon}/play/{}/0", "0".repeat(40))).await;
    assert_eq!(nowhere.status, 404, "only what is listed is fetched: {:?}", nowhere.json());
}

/// A season in which a program lies beside two episodes.
async fn list_mixed_pack(face: &Face) {
    let work = "tvdb:170552";
    let record = json!({ "ids": [work], "title": "Garden Town", "year": 2011, "kind": "series" });
    let file = |index: u32, path: &str| json!({ "index": index, "path": path, "size": 500_000_000 });
    let files = [file(0, "Setup.exe"), file(1, "Garden.Town.S01E01.mkv"), file(2, "Garden.Town.S01E02.mkv")];
    let release = json!({ "work": work, "infohash": "d1".repeat(20), "name": "Garden.Town.S01.720p.WEB-DL.x264-GRP",
        "size": 1_500_000_000_u64, "files": files });
    let rows = json!([{ "record": record, "release": release }]);
    let response = face.send(face.verb("list", &json!({ "rows": rows, "dry_run": false }))).await;
    assert_eq!(response.json()["rows"][0]["new"], true, "{}", response.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_pack_with_a_program_the_episodes_play_through_this_node_and_nothing_gets_all_of_it() {
    let face = catalogue::start().await;
    list_mixed_pack(&face).await;
    let shown = face.send(face.verb("show", &json!({ "work": "tvdb:170552", "wait": null }))).await.json();
    let release = &shown["releases"][0];
    assert_eq!((&release["pack"], &release["refused"]), (&json!(true), &json!(false)), "{release}");
    let left_out: Vec<&Value> = release["files"].as_array().expect("files").iter().map(|f| &f["left_out"]).collect();
    assert_eq!(left_out, [true, false, false], "{release}");

    let addon = addon(&face).await;
    let get = async |path: &str| json_for_all(&fetch(&face, &format!("{addon}{path}")).await);
    let found = get("/stream/series/heirloom%3Atvdb%3A170552%3A1%3A2.json").await;
    let streams = found["streams"].as_array().expect("streams");
    assert_eq!(streams.len(), 1, "through the node, not as a torrent: {found}");
    let url = streams[0]["url"].as_str().expect("an address");
    assert!(url.contains(&format!("/play/{}/2/", "d1".repeat(20))), "{url}");
    let program = fetch(&face, &format!("{addon}/play/{}/0", "d1".repeat(20))).await;
    assert!(program.status >= 400, "the program is not given: {program:?}");
    assert_eq!(program.json()["error"]["code"], "unsafe", "{}", program.json());
    let key = catalogue::apps(&face).await["torznab"]["apikey"].as_str().expect("a key").to_owned();
    for feed in ["/torznab/all/api?t=tvsearch&tvdbid=170552&apikey=", "/rss?apikey="] {
        let listed = fetch(&face, &format!("{feed}{key}")).await;
        let text = String::from_utf8_lossy(&listed.body).into_owned();
        assert!(!text.contains(&"d1".repeat(20)), "whoever takes a torrent takes all of it: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_curator_can_be_installed_like_an_add_on() {
    let face = catalogue::start().await;
    catalogue::list(&face).await;
    catalogue::import_strangers(&face).await;
    let addon = addon(&face).await;
    let of_stranger = format!("{addon}/by/{}", catalogue::stranger().trim_start_matches("did:key:"));
    assert_eq!(fetch(&face, &format!("{of_stranger}/manifest.json")).await.status, 404, "nobody follows her");
    assert_eq!(fetch(&face, &format!("{addon}/by/nonsense/manifest.json")).await.status, 404);
    let path = format!("{addon}/addon_catalog/other/heirloom-curators.json");
    assert_eq!(json_for_all(&fetch(&face, &path).await), json!({ "addons": [] }));

    catalogue::follow_stranger(&face).await;
    let addons = json_for_all(&fetch(&face, &path).await);
    let offered = &addons["addons"][0];
    assert_eq!(offered["transportUrl"], format!("http://{}{of_stranger}/manifest.json", face.address));
    assert_eq!(offered["manifest"]["name"], "Heirloom: Eve & Co");
    let manifest = json_for_all(&fetch(&face, &format!("{of_stranger}/manifest.json")).await);
    assert_eq!(manifest["id"], offered["manifest"]["id"]);
    let films = json_for_all(&fetch(&face, &format!("{of_stranger}/catalog/movie/heirloom.json")).await);
    assert_eq!(ids(&films), ["tt0063350"], "hers alone");
    let streams = json_for_all(&fetch(&face, &format!("{of_stranger}/stream/movie/tt1254207.json")).await);
    assert_eq!(streams, json!({ "streams": [] }), "she does not list that");
}

/// As Stremio's apps send them, and as nobody should: each address follows the secret path. The number is that of metas,
/// streams or subtitles; none for a refusal.
const CASES: [(&str, u16, Option<usize>); 33] = [
    // Board, discover and search, as stremio-core asks.
    ("/catalog/movie/heirloom.json", 200, Some(2)),
    ("/catalog/movie/heirloom/genre=Animation.json", 200, Some(1)),
    ("/catalog/movie/heirloom/genre=Animation&skip=0.json", 200, Some(1)),
    ("/catalog/movie/heirloom/search=big%20buck%20bunny.json", 200, Some(1)),
    ("/catalog/movie/heirloom/search=Big%20Buck%20Bunny%202008.json", 200, Some(1)),
    ("/catalog/series/heirloom/search=pioneer.json", 200, Some(1)),
    ("/catalog/other/heirloom/search=debian.json", 200, Some(0)),
    ("/catalog/movie/heirloom/skip=100&genre=Comedy.json", 200, Some(0)),
    // Details, from its own catalogue and from those of others.
    ("/meta/movie/tt1254207.json", 200, None),
    ("/meta/movie/tmdb%3A10378.json", 200, None),
    ("/meta/series/tt1748166.json", 200, None),
    ("/stream/movie/tt1254207.json", 200, Some(4)),
    ("/stream/movie/tmdb%3A10378.json", 200, Some(4)),
    ("/stream/series/tt1748166%3A1%3A2.json", 200, Some(4)),
    ("/stream/series/tt1748166:1:3.json", 200, Some(2)),
    ("/stream/series/heirloom%3Atvdb%3A170551%3A1%3A2.json", 200, Some(4)),
    ("/subtitles/movie/tt1254207/videoHash=8e245d9679d31e12&videoSize=1400000000&filename=a.mp4.json", 200, Some(0)),
    ("/subtitles/series/tt1748166%3A1%3A2.json", 200, Some(0)),
    // What no app should send.
    ("/catalog/movie/heirloom/skip=abc.json", 200, Some(2)),
    ("/catalog/movie/heirloom/skip=-1.json", 200, Some(2)),
    ("/catalog/movie/heirloom/skip=99999999999999999999.json", 200, Some(2)),
    ("/catalog/movie/heirloom/skip=4000000000.json", 200, Some(0)),
    ("/catalog/movie/heirloom/unknown=1&genre=.json", 200, Some(2)),
    ("/catalog/movie/heirloom/genre=No%20such%20genre.json", 200, Some(0)),
    ("/catalog/movie/heirloom/search=..%2F..%2Fetc%2Fpasswd.json", 200, Some(0)),
    ("/catalog/movie/heirloom/%3Cscript%3E.json", 200, Some(2)),
    ("/catalog/film/heirloom.json", 404, None),
    ("/stream/series/tt1748166:99999:1.json", 200, Some(0)),
    ("/stream/series/tt1748166:S:E.json", 200, Some(0)),
    ("/stream/movie/%00.json", 200, Some(0)),
    ("/stream/channel/tt1254207.json", 200, Some(4)),
    ("/meta/movie/%F0%9F%8E%AC.json", 404, None),
    ("/meta/series/tt1254207.json", 404, None),
];

#[tokio::test(flavor = "multi_thread")]
async fn questions_of_apps_and_of_nobody_are_answered_in_the_protocol() {
    let face = catalogue::start().await;
    catalogue::list(&face).await;
    catalogue::import_strangers(&face).await;
    let addon = addon(&face).await;
    for (question, status, count) in CASES {
        let response = fetch(&face, &format!("{addon}{question}")).await;
        assert_eq!(response.status, status, "{question}: {response:?}");
        // Pages of other sites read refusals too, or they could not say what is wrong.
        assert_eq!(response.header("access-control-allow-origin"), "*", "{question}");
        let told = response.json();
        let lists = ["metas", "streams", "subtitles"].into_iter().filter_map(|name| told[name].as_array());
        assert_eq!(lists.map(Vec::len).next(), count, "{question}: {told}");
    }
    let long = fetch(&face, &format!("{addon}/stream/movie/{}.json", "t".repeat(4_000))).await;
    assert!([200, 404, 414].contains(&long.status), "{}", long.status);
    let odd = fetch(&face, &format!("{addon}/catalog/movie/heirloom/search=%FF%FE.json")).await;
    assert!([200, 400].contains(&odd.status), "{odd:?}");

    // A page that has the list is told so, and may read that it has.
    let list = format!("{addon}/catalog/movie/heirloom.json");
    let tag = fetch(&face, &list).await.header("etag").to_owned();
    let again = Ask::new("GET", &list).with("Host", face.address.to_string()).with("If-None-Match", tag);
    let again = face.send(again.with("Origin", "https://web.stremio.com").with("Sec-Fetch-Site", "cross-site")).await;
    assert_eq!((again.status, again.body.len(), again.header("access-control-allow-origin")), (304, 0, "*"));
    assert_eq!(again.header("cache-control"), "private, max-age=300");
    let head = face.send(Ask::new("HEAD", &list).with("Host", face.address.to_string())).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}
