//! Sessions with clients of several versions and moods.

use crate::fake::{Asked, Fake, Said, json, text};
use heirloom::clients::{Client, Endpoint, Offer, Session};
use heirloom_core::observed::Figure;
use heirloom_proto::Infohash;
use serde_json::{Value, json};
use zeroize::Zeroizing;

const HASH: Infohash = Infohash([0xab; 20]);

fn offer(torrent: Option<Vec<u8>>) -> Offer {
    let magnet = format!("magnet:?xt=urn:btih:{HASH}");
    Offer { infohash: HASH, magnet, torrent, to: Some("/films & more".into()), is_paused: true }
}

fn with_password(endpoint: Endpoint, user: &str, password: &str) -> Endpoint {
    Endpoint { user: Some(user.into()), password: Some(Zeroizing::new(password.into())), ..endpoint }
}

async fn refused(endpoint: &Endpoint) -> (&'static str, String) {
    match Session::open(endpoint).await {
        Ok(session) => panic!("it speaks to {}", session.version()),
        Err(error) => (error.code, error.message),
    }
}

/// A qBittorrent that wants a password, and whose sessions end when it is asked for `/forget`.
fn locked(asked: &Asked, version: &str) -> Option<Said> {
    if asked.path.ends_with("auth/login") {
        let is_right = asked.body == "username=me&password=p%26ss";
        let cookie = vec![("set-cookie", "SID=open+sesame; HttpOnly; path=/".to_owned())];
        return Some(if is_right { (200, cookie, b"Ok.".to_vec()) } else { text(200, "Fails.") });
    }
    if asked.header("cookie") != Some("SID=open+sesame") {
        return Some(text(403, "Forbidden"));
    }
    asked.path.ends_with("app/version").then(|| text(200, version))
}

#[tokio::test]
async fn qbittorrent_is_signed_in_to_once_and_told_where_the_request_comes_from() {
    let fake = Fake::that(|asked| locked(asked, "v4.6.0").unwrap_or_else(|| json(&json!([])))).await;
    let endpoint = with_password(fake.endpoint(Client::Qbittorrent), "me", "p&ss");
    let mut session = Session::open(&endpoint).await.expect("signed in");
    assert_eq!(session.version(), "v4.6.0");
    assert!(session.look().await.expect("a look").swarms.is_empty());
    assert_eq!(session.progress(&HASH).await.expect("an answer"), None);
    let asked = fake.asked();
    assert_eq!(asked.iter().filter(|asked| asked.path.ends_with("auth/login")).count(), 1);
    assert!(asked.iter().all(|asked| asked.header("origin") == Some(fake.url.as_str())), "{asked:?}");
    assert!(asked.iter().all(|asked| !asked.path.contains("p&ss") && !asked.path.contains("p%26ss")));
}

#[tokio::test]
async fn a_wrong_password_a_missing_one_and_a_ban_are_told_apart() {
    let fake = Fake::that(|asked| locked(asked, "v4.6.0").unwrap_or_else(|| text(404, ""))).await;
    let endpoint = fake.endpoint(Client::Qbittorrent);
    let (code, message) = refused(&with_password(endpoint.clone(), "me", "wrong")).await;
    assert!(code == "client_refuses" && message.contains("wrong") && !message.contains("p&ss"), "{message}");
    let (code, message) = refused(&endpoint).await;
    assert!(code == "client_refuses" && message.contains("HEIRLOOM_QBITTORRENT_PASSWORD"), "{message}");
    let banned = Fake::that(|_| text(403, "Your IP address has been banned")).await;
    let (_, message) = refused(&with_password(banned.endpoint(Client::Qbittorrent), "me", "x")).await;
    assert!(message.contains("shut for a while"), "{message}");
}

#[tokio::test]
async fn an_api_key_needs_no_session() {
    let fake = Fake::that(|asked| match asked.header("authorization") {
        Some("Bearer qbt_0123456789012345678901234567") => text(200, "v5.2.0"),
        _ => text(401, "Unauthorized"),
    })
    .await;
    let key = with_password(fake.endpoint(Client::Qbittorrent), "any", "qbt_0123456789012345678901234567");
    assert_eq!(Session::open(&key).await.expect("open").version(), "v5.2.0");
    assert_eq!(
        refused(&with_password(fake.endpoint(Client::Qbittorrent), "any", "qbt_other")).await.0,
        "client_refuses"
    );
}

#[tokio::test]
async fn a_session_that_ended_with_qbittorrent_is_begun_again() {
    let mut answers = 0;
    let fake = Fake::that(move |asked| {
        answers += 1;
        // The fourth request meets another process, which knows no session.
        if answers == 4 { text(403, "Forbidden") } else { locked(asked, "v4.6.0").unwrap_or_else(|| json(&json!([]))) }
    })
    .await;
    let mut session =
        Session::open(&with_password(fake.endpoint(Client::Qbittorrent), "me", "p&ss")).await.expect("signed in");
    session.look().await.expect("a look over the restart");
    assert_eq!(fake.asked().iter().filter(|asked| asked.path.ends_with("auth/login")).count(), 2);
}

/// qBittorrent with one torrent; its answers to `properties` and `torrentPeers` are these.
async fn with_torrent(sums: Said, peers: Said) -> Fake {
    let row = json!([
        { "hash": HASH.to_string(), "downloaded": 5, "downloaded_session": 5, "dlspeed": 1 },
        { "hash": "cd".repeat(20), "infohash_v1": "", "downloaded": 5 },
        "rubbish",
    ]);
    Fake::that(move |asked| match asked.path.as_str() {
        path if path.ends_with("app/version") => text(200, "v4.5.2"),
        path if path.contains("torrents/info") => json(&row),
        path if path.contains("torrents/properties") => sums.clone(),
        path if path.contains("sync/torrentPeers") => peers.clone(),
        _ => text(404, ""),
    })
    .await
}

fn sums() -> Value {
    json!({ "total_size": 10, "piece_size": 10, "pieces_num": 1, "pieces_have": 1, "total_downloaded": 10 })
}

#[tokio::test]
async fn peers_are_asked_for_in_full_and_odd_torrents_left_out() {
    let peers = json!({ "peers": { "10.0.0.1:5": { "ip": "10.0.0.1", "port": 5, "downloaded": 10, "client": "x" } } });
    let fake = with_torrent(json(&sums()), json(&peers)).await;
    let mut session = Session::open(&fake.endpoint(Client::Qbittorrent)).await.expect("open");
    let look = session.look().await.expect("a look");
    assert_eq!(look.swarms.len(), 1);
    assert_eq!(look.swarms[0].sources[0].figure, Figure::Connection(10));
    assert_eq!(look.skipped.len(), 2, "{look:?}");
    let asked = fake.asked();
    let of_peers: Vec<&Asked> = asked.iter().filter(|asked| asked.path.contains("torrentPeers")).collect();
    assert!(of_peers.iter().all(|asked| asked.path.ends_with("&rid=0")), "{of_peers:?}");
    assert!(session.look().await.expect("again").swarms.is_empty(), "nothing came since");
}

#[tokio::test]
async fn pieces_are_counted_where_qbittorrent_does_not() {
    let row = json!([{ "hash": HASH.to_string(), "downloaded": 30 }]);
    let fake = Fake::that(move |asked| match asked.path.as_str() {
        path if path.ends_with("app/version") => text(200, "v4.1.0"),
        path if path.contains("torrents/info") => json(&row),
        path if path.contains("torrents/properties") => json(&json!({ "piece_size": 10, "total_downloaded": 30 })),
        path if path.contains("torrents/pieceStates") => json(&json!([2, 1, 0, 2, "x"])),
        _ => json(&json!({ "peers": {} })),
    })
    .await;
    let mut session = Session::open(&fake.endpoint(Client::Qbittorrent)).await.expect("open");
    let look = session.look().await.expect("a look");
    assert_eq!((look.swarms[0].size, look.swarms[0].verified, look.swarms[0].downloaded), (50, 20, 30));
}

#[tokio::test]
async fn a_torrent_that_is_gone_or_has_no_metadata_yet_is_no_trouble() {
    for status in [404, 409] {
        let fake = with_torrent(text(status, ""), json(&json!({}))).await;
        let mut session = Session::open(&fake.endpoint(Client::Qbittorrent)).await.expect("open");
        assert!(session.look().await.expect("a look").swarms.is_empty());
        assert_eq!(session.files(&HASH).await.expect("an answer"), None);
    }
    let fake = with_torrent(json(&json!({ "total_size": "many" })), json(&json!({}))).await;
    let mut session = Session::open(&fake.endpoint(Client::Qbittorrent)).await.expect("open");
    let look = session.look().await.expect("a look");
    assert_eq!((look.skipped.len(), look.doubted.len()), (2, 1), "figures that are none");
}

#[tokio::test]
async fn figures_that_cannot_be_are_left_out_and_what_is_below_zero_is_none() {
    let peers =
        |bytes: Value| json!({ "peers": { "10.0.0.1:5": { "ip": "10.0.0.1", "port": 5, "downloaded": bytes } } });
    let with = |name: &str, value: Value| {
        let mut sums = sums();
        sums[name] = value;
        sums
    };
    for (sums, peers) in [
        (sums(), peers(json!(u64::MAX))),
        (sums(), peers(json!(1e300))),
        (with("pieces_have", json!(2)), peers(json!(10))),
        (with("total_wasted", json!(1_u64 << 40)), peers(json!(10))),
        (with("total_downloaded", json!("many")), peers(json!(10))),
    ] {
        let fake = with_torrent(json(&sums), json(&peers)).await;
        let mut session = Session::open(&fake.endpoint(Client::Qbittorrent)).await.expect("open");
        let look = session.look().await.expect("a look");
        assert_eq!((look.swarms.len(), look.doubted.len()), (0, 1), "{sums} {peers}: {look:?}");
    }
    // qBittorrent says -1 where it does not know.
    let fake = with_torrent(json(&with("total_wasted", json!(-1))), json(&peers(json!(-5)))).await;
    let mut session = Session::open(&fake.endpoint(Client::Qbittorrent)).await.expect("open");
    let look = session.look().await.expect("a look");
    assert_eq!((look.swarms[0].sources[0].figure, look.doubted.len()), (Figure::Connection(0), 0), "{look:?}");
}

#[tokio::test]
async fn whoever_is_no_client_is_told_so_in_one_sentence() {
    let endless = vec![b' '; (32 << 20) + 1];
    let pages: [Said; 5] = [
        text(200, "<html>Welcome to your router</html>"),
        (302, vec![("location", "http://192.0.2.1/".into())], Vec::new()),
        text(500, "{}"),
        text(200, ""),
        (200, Vec::new(), endless),
    ];
    for page in pages {
        let status = page.0;
        let fake = Fake::that(move |_| page.clone()).await;
        for client in Client::ALL {
            let (code, message) = refused(&fake.endpoint(client)).await;
            assert!(matches!(code, "client_answer" | "client_refuses"), "{status}: {code}: {message}");
            assert!(message.contains(&fake.url) && !message.contains('\n') && message.len() < 300, "{message}");
        }
        assert!(fake.asked().iter().all(|asked| !asked.path.contains("192.0.2.1")), "redirects are not followed");
    }
    let rubbish = with_torrent(text(200, "not json"), text(200, "[")).await;
    let mut session = Session::open(&rubbish.endpoint(Client::Qbittorrent)).await.expect("open");
    assert_eq!(session.look().await.expect_err("no JSON").code, "client_answer");
}

#[tokio::test]
async fn no_client_is_asked_where_none_can_be_and_no_password_goes_abroad_in_the_clear() {
    for url in ["http://169.254.169.254", "http://0.0.0.0:8080", "http://224.0.0.1", "http://192.0.2.7"] {
        let endpoint = Endpoint { url: url.into(), ..Endpoint::usual(Client::Qbittorrent) };
        assert_eq!(refused(&endpoint).await.0, "private_address", "{url}");
    }
    let abroad = Endpoint { url: "http://1.1.1.1:9091".into(), ..Endpoint::usual(Client::Transmission) };
    assert_eq!(refused(&with_password(abroad, "me", "x")).await.0, "clear_password");
}

/// What is added, by qBittorrent's word for it.
async fn added(fails: bool, torrent: Option<Vec<u8>>) -> (Fake, Result<bool, &'static str>) {
    let mut is_there = false;
    let fake = Fake::that(move |asked| match asked.path.as_str() {
        path if path.ends_with("app/version") => text(200, "v5.0.0"),
        path if path.contains("createCategory") => text(409, ""),
        path if path.contains("torrents/add") => {
            is_there = !fails;
            text(200, if fails { "Fails." } else { "Ok." })
        }
        path if path.contains("torrents/info") && is_there => {
            json(&json!([{ "hash": HASH.to_string(), "state": "stoppedDL", "size": 10, "amount_left": 10 }]))
        }
        path if path.contains("torrents/info") => json(&json!([])),
        _ => text(404, "Endpoint does not exist"),
    })
    .await;
    let mut session = Session::open(&fake.endpoint(Client::Qbittorrent)).await.expect("open");
    let added = session.add(&offer(torrent)).await.map_err(|error| error.code);
    (fake, added)
}

#[tokio::test]
async fn what_is_handed_off_carries_its_category_and_folder() {
    let (fake, is_new) = added(false, None).await;
    assert_eq!(is_new, Ok(true));
    let asked = fake.asked();
    let add = asked.iter().find(|asked| asked.path.contains("torrents/add")).expect("added");
    for part in ["category=heirloom", "savepath=%2Ffilms+%26+more", "paused=true", "stopped=true", "urls=magnet%3A"] {
        assert!(add.body.contains(part), "{part}: {}", add.body);
    }
    let (fake, is_new) = added(false, Some(b"d4:infodee".to_vec())).await;
    assert_eq!(is_new, Ok(true));
    let asked = fake.asked();
    let add = asked.iter().find(|asked| asked.path.contains("torrents/add")).expect("added");
    assert!(add.header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data; boundary=")));
    assert!(add.body.contains("d4:infodee") && add.body.contains("heirloom") && !add.body.contains("magnet:"));
    assert_eq!(added(true, None).await.1, Err("client_refuses"));
}

#[tokio::test]
async fn of_a_pack_a_client_is_told_which_files_to_fetch() {
    let files = |all: &[u32]| all.iter().copied().collect::<std::collections::BTreeSet<u32>>();
    let fake = Fake::that(|asked| match asked.path.as_str() {
        path if path.ends_with("app/version") => text(200, "v5.0.0"),
        path if path.ends_with("torrents/filePrio") && asked.body.contains("9") => text(409, ""),
        path if path.ends_with("torrents/filePrio") => text(200, ""),
        _ => text(404, "Endpoint does not exist"),
    })
    .await;
    let mut session = Session::open(&fake.endpoint(Client::Qbittorrent)).await.expect("open");
    session.select(&HASH, &files(&[1, 3]), &files(&[0, 2])).await.expect("chosen");
    session.select(&HASH, &files(&[2]), &files(&[])).await.expect("one more");
    let refused = session.select(&HASH, &files(&[9]), &files(&[])).await.expect_err("it has no such file");
    assert_eq!(refused.code, "client_refuses");
    let told: Vec<String> = fake.asked().into_iter().map(|asked| asked.body).filter(|body| !body.is_empty()).collect();
    let form = |ids: &str, priority: u8| format!("hash={HASH}&id={ids}&priority={priority}");
    assert_eq!(told[..3], [form("0%7C2", 0), form("1%7C3", 1), form("2", 1)], "what is not wanted first");

    for is_new in [true, false] {
        let fake = transmission(is_new).await;
        let mut session = Session::open(&fake.endpoint(Client::Transmission)).await.expect("open");
        session.select(&HASH, &files(&[1, 3]), &files(&[0, 2])).await.expect("chosen");
        session.select(&HASH, &files(&[2]), &files(&[])).await.expect("one more");
        let asked = fake.asked();
        let told: Vec<Value> = asked
            .iter()
            .filter_map(|asked| serde_json::from_str::<Value>(&asked.body).ok())
            .filter(|body| {
                body["method"].as_str().is_some_and(|method| method.ends_with("set") && method != "session_set")
            })
            .map(|body| if is_new { body["params"].clone() } else { body["arguments"].clone() })
            .filter(|params| params["ids"].is_array())
            .collect();
        let (wanted, unwanted) =
            if is_new { ("files_wanted", "files_unwanted") } else { ("files-wanted", "files-unwanted") };
        assert_eq!((&told[0][wanted], &told[0][unwanted]), (&json!([1, 3]), &json!([0, 2])), "{told:?}");
        assert!(told[1][wanted] == json!([2]) && told[1][unwanted].is_null(), "an empty list would be all: {told:?}");
    }
}

/// Transmission in either dialect, with the refusal that gives the session id.
async fn transmission(is_new: bool) -> Fake {
    let mut is_there = false;
    Fake::that(move |asked| {
        if asked.header("x-transmission-session-id") != Some("seven") {
            return (409, vec![("x-transmission-session-id", "seven".into())], b"409: Conflict".to_vec());
        }
        let body: Value = serde_json::from_str(&asked.body).expect("JSON");
        let method = body["method"].as_str().unwrap_or_default().replace('-', "_");
        if is_new != (body["jsonrpc"] == "2.0") {
            return json(&json!({ "result": "no method name" }));
        }
        let torrent = if is_new {
            json!({
                "hash_string": HASH.to_string(), "total_size": 100, "have_valid": 50, "downloaded_ever": 50, "rate_download": 5,
                "left_until_done": 50, "peers": [{ "address": "10.0.0.1", "port": 5, "client_name": "x", "bytes_to_client": 9 }],
            })
        } else {
            json!({
                "hashString": HASH.to_string(), "totalSize": 100, "haveValid": 50, "downloadedEver": 50, "rateDownload": 5,
                "leftUntilDone": 50, "peers": [{ "address": "10.0.0.1", "port": 5, "clientName": "x", "rateToClient": 9 }],
            })
        };
        is_there |= method == "torrent_add";
        let result = match method.as_str() {
            "session_get" => json!({ "version": "4.1.0 (abc)" }),
            "torrent_get" => json!({ "torrents": if is_there { vec![torrent] } else { vec![] } }),
            _ => json!({}),
        };
        json(&if is_new { json!({ "jsonrpc": "2.0", "id": 1, "result": result }) } else { json!({ "result": "success", "arguments": result }) })
    })
    .await
}

#[tokio::test]
async fn transmission_is_spoken_to_in_its_own_dialect() {
    for (is_new, weight) in [(true, 9), (false, 9 * 60)] {
        let fake = transmission(is_new).await;
        let mut session = Session::open(&fake.endpoint(Client::Transmission)).await.expect("open");
        assert_eq!(session.version(), "4.1.0 (abc)");
        assert!(session.look().await.expect("a look").swarms.is_empty());
        assert!(session.add(&offer(None)).await.expect("added"));
        assert!(!session.add(&offer(None)).await.expect("known"), "it is there already");
        let look = session.look().await.expect("a look");
        assert_eq!(look.swarms[0].sources[0].figure, Figure::Rate(weight), "{is_new}");
        let asked = fake.asked();
        assert!(asked.iter().all(|asked| asked.path == "/transmission/rpc"));
        let add = asked.iter().find(|asked| asked.body.contains("torrent") && asked.body.contains("filename"));
        let add: Value = serde_json::from_str(&add.expect("added").body).expect("JSON");
        let (params, folder) = if is_new { ("params", "download_dir") } else { ("arguments", "download-dir") };
        assert_eq!(add[params][folder], "/films & more");
        assert_eq!((&add[params]["paused"], &add[params]["labels"][0]), (&json!(true), &json!("heirloom")));
    }
}

#[tokio::test]
async fn what_transmission_refuses_is_told_with_the_way_out() {
    for (status, part) in [
        (401, "HEIRLOOM_TRANSMISSION_PASSWORD"),
        (403, "rpc-whitelist"),
        (421, "rpc-host-whitelist"),
        (409, "session id"),
    ] {
        let fake = Fake::that(move |_| text(status, "<h1>no</h1>")).await;
        let (_, message) = refused(&fake.endpoint(Client::Transmission)).await;
        assert!(message.contains(part), "{status}: {message}");
    }
}
