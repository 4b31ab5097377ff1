//! What Sonarr, Radarr and Prowlarr send, as they send it, and what they need to be told.

use super::catalogue::{self, HOSTILE};
use super::support::{Ask, Face, Response};
use serde_json::json;

/// What comes of a question: status, how many items, what stands in it, what does not.
struct Case {
    who: &'static str,
    ask: &'static str,
    status: u16,
    items: usize,
    has: &'static [&'static str],
    lacks: &'static [&'static str],
}

const fn case(
    who: &'static str,
    ask: &'static str,
    items: usize,
    has: &'static [&'static str],
    lacks: &'static [&'static str],
) -> Case {
    Case { who, ask, status: 200, items, has, lacks }
}

const fn refused(ask: &'static str, code: &'static [&'static str]) -> Case {
    Case { who: "odd", ask, status: 400, items: 0, has: code, lacks: &["<rss"] }
}

const BUNNY: &str = "Big.Buck.Bunny.2008.1080p.WEB-DL.x264-GRP";
const EPISODE: &str = "Pioneer.One.S01E02.1080p.WEB-DL.x264-GRP";
const PACK: &str = "Pioneer.One.S01.720p.WEB-DL.x264-GRP";
const RADARR: &str = "cat=2000,2010,2020,2030,2035,2040,2045,2050,2060,2070,2080,2090&extended=1";
const SONARR: &str = "cat=5030,5040,5045&extended=1";

/// Each address follows the feed's, then the key; `RADARR` and `SONARR` stand for what these send with every question.
const CASES: [Case; 84] = [
    // A fresh install tests itself by the empty question: it must find something in its categories.
    case(
        "Radarr, test",
        "/api?t=movie&RADARR&offset=0&limit=100",
        3,
        &[BUNNY, "name=\"imdbid\" value=\"tt1254207\""],
        &["Pioneer"],
    ),
    case(
        "Sonarr, test",
        "/api?t=tvsearch&SONARR&offset=0&limit=100",
        2,
        &[EPISODE, "name=\"tvdbid\" value=\"170551\""],
        &["Bunny"],
    ),
    case("Prowlarr, test", "/api?t=search&extended=1&offset=0&limit=100", 7, &["total=\"7\"", "offset=\"0\""], &[]),
    case(
        "Lidarr, test",
        "/api?t=music&cat=3000,3010,3030,3040,3050&extended=1",
        1,
        &["<category>3040</category>"],
        &[],
    ),
    case("RSS sync, second page", "/api?t=search&offset=5&limit=5", 2, &["offset=\"5\"", "total=\"7\""], &[]),
    case("RSS sync, beyond the end", "/api?t=search&offset=100&limit=100", 0, &["total=\"7\""], &[]),
    case(
        "Radarr, by id",
        "/api?t=movie&RADARR&imdbid=tt1254207&offset=0&limit=100",
        2,
        &[BUNNY, "name=\"year\" value=\"2008\""],
        &[],
    ),
    case("Radarr, old", "/api?t=movie&RADARR&imdbid=1254207", 2, &[BUNNY], &[]),
    case("Prowlarr, digits", "/api?t=movie&cat=2000&imdbid=01254207", 2, &[BUNNY], &[]),
    case("Prowlarr, tmdb", "/api?t=movie&tmdbid=10378", 2, &[BUNNY, "name=\"tmdbid\" value=\"10378\""], &[]),
    case("Prowlarr, both", "/api?t=movie&imdbid=1254207&tmdbid=10378", 2, &[BUNNY], &[]),
    case("Radarr, words", "/api?t=search&RADARR&q=Big%20Buck%20Bunny%202008", 2, &[BUNNY], &[]),
    case("Radarr, plus", "/api?t=search&q=Big+Buck+Bunny", 2, &[BUNNY], &[]),
    case("Radarr, UHD alone", "/api?t=movie&cat=2045&q=bunny", 1, &["2160p"], &[BUNNY]),
    case("Radarr, HD alone", "/api?t=movie&cat=2040&q=bunny", 1, &[BUNNY], &["2160p"]),
    case("Radarr, another year", "/api?t=movie&q=bunny&year=1999", 0, &[], &[]),
    case("Radarr, unknown id", "/api?t=movie&imdbid=tt9999999", 0, &["<rss"], &["<error"]),
    case("Sonarr, episode", "/api?t=tvsearch&SONARR&tvdbid=170551&season=1&ep=2", 2, &[EPISODE, PACK], &[]),
    case("Sonarr, another episode", "/api?t=tvsearch&SONARR&tvdbid=170551&season=1&ep=3", 1, &[PACK], &[EPISODE]),
    case("Sonarr, letters", "/api?t=tvsearch&tvdbid=170551&season=S01&ep=E02", 2, &[EPISODE], &[]),
    case(
        "Sonarr, season",
        "/api?t=tvsearch&SONARR&tvdbid=170551&season=1",
        1,
        &[PACK, "name=\"season\" value=\"1\""],
        &[EPISODE],
    ),
    case("Sonarr, no such season", "/api?t=tvsearch&tvdbid=170551&season=4", 0, &[], &[]),
    case("Prowlarr, specials", "/api?t=tvsearch&tvdbid=170551&season=00", 0, &["<rss"], &[]),
    case("Sonarr, daily", "/api?t=tvsearch&SONARR&tvdbid=170551&season=2010&ep=12/15", 2, &[EPISODE], &[]),
    case("Sonarr, another day", "/api?t=tvsearch&tvdbid=170551&season=2010&ep=12/16", 0, &[], &[]),
    case("Sonarr, words", "/api?t=tvsearch&SONARR&q=Pioneer%20One&season=1&ep=2", 2, &[EPISODE], &[]),
    case("Sonarr, all in the words", "/api?t=search&q=Pioneer%20One%20S01E03", 1, &[PACK], &[EPISODE]),
    case(
        "Sonarr, imdb",
        "/api?t=tvsearch&imdbid=tt1748166&season=1&ep=2",
        2,
        &[EPISODE, "name=\"episode\" value=\"2\""],
        &[],
    ),
    // What nobody can answer is nothing, not everything.
    case("Sonarr, TVRage alone", "/api?t=tvsearch&rid=25056&season=1&ep=2", 0, &["<rss"], &["<error"]),
    case("Sonarr, TVMaze and words", "/api?t=tvsearch&tvmazeid=5&q=Pioneer+One", 2, &[PACK], &[]),
    case("a season of films", "/api?t=movie&q=bunny&season=1", 0, &[], &[]),
    case("unknown categories alone", "/api?t=search&cat=100123,6000", 0, &["total=\"0\""], &[]),
    case(
        "one of them unknown",
        "/api?t=search&cat=100123,4000",
        1,
        &["debian-13.iso", "<category>4020</category>"],
        &[],
    ),
    case("names in any case", "/api?T=SEARCH&Q=bunny&CAT=2000", 2, &[BUNNY], &[]),
    case("without /api", "?t=search&q=bunny", 2, &[BUNNY], &[]),
    case("trusted alone", "/trusted/api?t=search&q=bunny", 2, &["name=\"tag\" value=\"trusted\""], &[]),
    case("what nobody vouches for", "/api?t=movie&imdbid=63350", 0, &[], &["EVE"]),
    case(
        "the same, of all",
        "/all/api?t=movie&imdbid=63350",
        1,
        &["x264-EVE", "name=\"tag\" value=\"unknown\""],
        &[".exe"],
    ),
    case("of all, without the unknown", "/all/api?t=movie&imdbid=63350&tag=-unknown", 0, &[], &[]),
    // Quirks of §1 that have no row above.
    case("Prowlarr, no extended", "/api?t=movie&imdbid=tt1254207&extended=0", 2, &[BUNNY], &[]),
    case("Prowlarr, attrs", "/api?t=search&q=bunny&attrs=poster,imdb,size", 2, &["name=\"poster\""], &[]),
    case("Prowlarr, plain torznab path", "/?t=search&q=bunny", 2, &[BUNNY], &[]),
    case("Sonarr, TMDB of a series", "/api?t=tvsearch&tmdbid=1399&season=1", 0, &["<rss"], &["Pioneer"]),
    case(
        "Sonarr, unknown id with words",
        "/api?t=tvsearch&tvdbid=99999&q=Pioneer+One&season=1&ep=2",
        2,
        &[EPISODE],
        &[],
    ),
    case(
        "Sonarr, several ids, one known",
        "/api?t=tvsearch&tvdbid=99999&imdbid=tt1748166&season=1&ep=2",
        2,
        &[EPISODE],
        &[],
    ),
    case("Sonarr, an id of zero", "/api?t=tvsearch&tvdbid=0&q=Pioneer+One&season=1&ep=2", 2, &[EPISODE], &[]),
    case("Sonarr, ids nobody knows here", "/api?t=tvsearch&traktid=7&doubanid=8", 0, &["total=\"0\""], &[]),
    case("Sonarr, genre", "/api?t=tvsearch&genre=drama", 2, &[EPISODE, PACK], &[]),
    case("Sonarr, SD alone", "/api?t=tvsearch&cat=5030", 0, &["<rss"], &[]),
    case("Sonarr, WEB-DL", "/api?t=tvsearch&cat=5010", 2, &[EPISODE, PACK], &[]),
    case("Radarr, x265", "/api?t=movie&cat=2090", 1, &["x265"], &[BUNNY]),
    case("Radarr, BluRay", "/api?t=movie&cat=2050", 1, &["BluRay"], &[BUNNY]),
    case("Radarr, year alone", "/api?t=movie&year=2008", 2, &[BUNNY], &[]),
    case("Lidarr, artist", "/api?t=music&artist=Songs&album=Garden", 1, &["FLAC", "name=\"tag\""], &[]),
    case("Readarr", "/api?t=book&author=Nobody&title=Nothing", 0, &["<rss"], &[]),
    case("an episode among all kinds", "/api?t=search&q=Pioneer+One&season=1", 0, &["<rss"], &["<error"]),
    case(
        "a page beyond what any machine counts",
        "/api?t=search&offset=99999999999999999999",
        0,
        &["total=\"7\""],
        &[],
    ),
    case("a page of more than there may be", "/api?t=search&limit=99999999999999999999", 7, &["total=\"7\""], &[]),
    case("a category beyond any number", "/api?t=search&cat=99999999999999999999", 0, &["total=\"0\""], &[]),
    case("words in no UTF-8", "/api?t=search&q=%ff%fe%00bunny", 2, &[BUNNY], &["\u{0}"]),
    case("words of controls alone", "/api?t=search&q=%00%01%02", 0, &["<rss"], &["<error"]),
    case("words of signs alone", "/api?t=search&q=%21%3F+-", 0, &["total=\"0\""], &["<error"]),
    case("said twice", "/api?t=search&q=bunny&q=pioneer", 2, &[BUNNY], &["Pioneer"]),
    case("an empty id", "/api?t=movie&imdbid=&q=bunny", 2, &[BUNNY], &[]),
    refused("/api?t=tvsearch&season=abc", &["code=\"201\"", "season"]),
    refused("/api?t=tvsearch&season=1&ep=abc", &["code=\"201\"", "(ep)"]),
    refused("/api?t=tvsearch&season=-1", &["code=\"201\""]),
    refused("/api?t=search&offset=-1", &["code=\"201\"", "offset"]),
    refused("/api?t=search&offset=1e3", &["code=\"201\""]),
    refused("/api?t=search&limit=%ff", &["code=\"201\"", "limit"]),
    refused("/api?t=search&cat=2000%20,5000", &["code=\"201\""]),
    refused("/api?t=movie&imdbid=tttt1", &["code=\"201\"", "imdbid"]),
    refused("/api?t=movie&tmdbid=-5", &["code=\"201\"", "tmdbid"]),
    refused("/api?t=search&o=html", &["code=\"201\""]),
    refused("/api?t=%FF%FE", &["code=\"202\""]),
    refused("/api?t=get&id=1", &["code=\"203\""]),
    refused("/api?q=bunny", &["code=\"200\""]),
    refused("/api?t=nonsense", &["code=\"202\"", "No such function (nonsense)"]),
    refused("/api?t=details&id=1", &["code=\"203\""]),
    refused("/api?t=search&cat=two", &["code=\"201\"", "Incorrect parameter (cat)"]),
    refused("/api?t=search&limit=-1", &["code=\"201\""]),
    refused("/api?t=movie&imdbid=bunny", &["code=\"201\"", "imdbid"]),
    refused("/api?t=%3Cscript%3E%00", &["code=\"202\"", "&lt;script&gt;"]),
    case("nothing at all", "/api?t=search&limit=0", 0, &["total=\"7\""], &[]),
];

fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).expect("UTF-8")
}

/// As a program sends it: without token, with the key in the address.
async fn ask(face: &Face, path: &str) -> Response {
    face.send(Ask::new("GET", path).with("Host", face.address.to_string())).await
}

/// Whether it is XML that a parser takes to its end, with every element closed.
fn check_xml(text: &str) {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut depth = 0_i32;
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {text}")) {
            Event::Eof => break,
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{text}");
    let is_char =
        |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(is_char), "{text:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_find_what_they_ask_for_in_their_own_words() {
    let face = catalogue::start().await;
    catalogue::list(&face).await;
    catalogue::import_strangers(&face).await;
    let key = catalogue::apps(&face).await["torznab"]["apikey"].as_str().expect("a key").to_owned();
    for Case { who, ask: question, status, items, has, lacks } in CASES {
        let question = question.replace("RADARR", RADARR).replace("SONARR", SONARR);
        let response = ask(&face, &format!("/torznab{question}&apikey={key}")).await;
        let text = text(&response);
        assert_eq!(response.status, status, "{who}: {question}: {text}");
        check_xml(&text);
        assert_eq!(text.matches("<item>").count(), items, "{who}: {question}: {text}");
        for part in has {
            assert!(text.contains(part), "{who}: {question} lacks {part}: {text}");
        }
        for part in lacks {
            assert!(!text.contains(part), "{who}: {question} has {part}: {text}");
        }
        let kind = if status == 200 { "application/rss+xml; charset=utf-8" } else { "application/xml; charset=utf-8" };
        assert_eq!(response.header("content-type"), kind, "{who}: {question}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_holds_what_programs_read() {
    let face = catalogue::start().await;
    catalogue::list(&face).await;
    let apps = catalogue::apps(&face).await;
    let key = apps["torznab"]["apikey"].as_str().expect("a key");
    let found = ask(&face, &format!("/torznab/api?t=movie&q=bunny&cat=2040&apikey={key}")).await;
    let found = text(&found);
    let hash = "a1".repeat(20);
    for part in [
        "xmlns:torznab=\"http://torznab.com/schemas/2015/feed\"",
        "<newznab:response offset=\"0\" total=\"1\"/>",
        &format!("<title>{BUNNY}</title>"),
        &format!("<guid isPermaLink=\"false\">urn:btih:{hash}</guid>"),
        "<size>1400000000</size>",
        "<category>2000</category>",
        "<category>2040</category>",
        "<category>2080</category>",
        &format!("<comments>http://{}/work/imdb:tt1254207</comments>", face.address),
        &format!("<enclosure url=\"magnet:?xt=urn:btih:{hash}&amp;"),
        "length=\"1400000000\"",
        &format!("name=\"infohash\" value=\"{hash}\""),
        "name=\"magneturl\" value=\"magnet:?",
        "name=\"imdb\" value=\"1254207\"",
        "name=\"resolution\" value=\"1080p\"",
        "name=\"genre\" value=\"Animation\"",
        "name=\"team\" value=\"GRP\"",
        "name=\"downloadvolumefactor\" value=\"0\"",
        "name=\"uploadvolumefactor\" value=\"1\"",
        "tracker.example",
    ] {
        assert!(found.contains(part), "{part}: {found}");
    }
    assert!(!found.contains("seeders"), "what nobody counted is left out: {found}");

    // Its files, by the key alone: without metadata here they lead to the magnet link.
    for path in [format!("/torrent/{hash}.torrent?apikey={key}"), format!("/magnet/{hash}?apikey={key}")] {
        let response = ask(&face, &path).await;
        assert_eq!(response.status, 302, "{path}");
        assert!(response.header("location").starts_with(&format!("magnet:?xt=urn:btih:{hash}&")), "{path}");
    }
    for path in [format!("/torrent/{}.torrent", "0".repeat(40)), "/torrent/nonsense".to_owned()] {
        let response = ask(&face, &format!("{path}?apikey={key}")).await;
        assert!([400, 404].contains(&response.status), "{path}: {}", response.status);
    }
    // A name that does not say which film it is, is told with it; what no XML can hold is gone.
    let hostile = text(&ask(&face, &format!("/torznab/api?t=movie&q=night&apikey={key}")).await);
    check_xml(&hostile);
    assert!(hostile.contains("Night &lt;&amp;") && hostile.contains("(clip.mp4)"), "{hostile}");
    assert!(!hostile.contains('\u{fffe}') && HOSTILE.contains('\u{fffe}'), "{hostile}");

    let as_json = ask(&face, &format!("/torznab/api?t=search&q=bunny&o=json&apikey={key}")).await.json();
    assert_eq!(as_json["channel"]["response"]["@attributes"], json!({ "offset": "0", "total": "2" }));
    assert_eq!(as_json["channel"]["item"][0]["title"], BUNNY, "{as_json}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_feed_can_do_is_told_to_anybody_and_nothing_else() {
    let face = Face::start().await;
    catalogue::list(&face).await;
    for path in ["/torznab/api?t=caps", "/torznab?t=caps", "/torznab/trusted/api?t=caps", "/torznab/all/api?T=Caps"] {
        let response = ask(&face, path).await;
        let text = text(&response);
        assert_eq!(response.status, 200, "{path}");
        check_xml(&text);
        for part in [
            "<server version=\"1.3\"",
            "<limits max=\"100\" default=\"100\"/>",
            "<tv-search available=\"yes\" supportedParams=\"q,season,ep,imdbid,tvdbid,tmdbid",
            "<movie-search available=\"yes\" supportedParams=\"q,imdbid,tmdbid",
            "<category id=\"2000\" name=\"Movies\"><subcat id=\"2020\"",
            "<category id=\"5000\" name=\"TV\">",
            "<tag name=\"trusted\"",
        ] {
            assert!(text.contains(part), "{path} {part}: {text}");
        }
    }
    let key = catalogue::apps(&face).await["torznab"]["apikey"].as_str().expect("a key").to_owned();
    for path in [
        "/torznab/api",
        "/torznab/api?t=search",
        "/torznab/api?t=search&t=caps",
        "/torznab/api?t=search&apikey=",
        "/torznab/all/api?t=movie&q=bunny",
    ] {
        let response = ask(&face, path).await;
        let text = text(&response);
        assert_eq!(response.status, 401, "{path}: {text}");
        assert!(text.contains("<error code=\"100\"") && !text.contains("Bunny"), "{path}: {text}");
    }
    // Wrong keys: the same, until there are too many. The right one still passes.
    let wrong = format!("/torznab/api?t=search&apikey={}", "0".repeat(32));
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(ask(&face, &wrong).await.status);
    }
    assert!(statuses.starts_with(&[401]) && statuses.ends_with(&[429]), "{statuses:?}");
    let limited = ask(&face, &wrong).await;
    assert!(text(&limited).contains("Request limit reached") && !limited.all("retry-after").is_empty());
    assert_eq!(ask(&face, &format!("/torznab/api?t=search&apikey={key}")).await.status, 200);

    // The key opens feeds and nothing else, and only by a read.
    for path in ["/api/v1/id", "/", "/node", "/api/v1/export"] {
        assert_eq!(ask(&face, &format!("{path}?apikey={key}")).await.status, 401, "{path}");
    }
    let post = Ask::new("POST", &format!("/torznab/api?t=search&apikey={key}")).with("Host", face.address.to_string());
    assert_eq!(face.send(post.with("Content-Type", "application/json").body("{}")).await.status, 401);

    // New keys shut the old ones out.
    let renewed = face.send(face.verb("apps", &json!({ "renew": true }))).await.json();
    assert_ne!(renewed["torznab"]["apikey"], json!(key));
    assert_eq!(ask(&face, &format!("/torznab/api?t=search&apikey={key}")).await.status, 429);
    let key = renewed["torznab"]["apikey"].as_str().expect("a key");
    assert_eq!(ask(&face, &format!("/torznab/api?t=search&apikey={key}")).await.status, 200);
}
