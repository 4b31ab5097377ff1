//! Limits and forms of what is said about works and releases.

use super::super::testing::wire_header;
use super::super::{Body, Kind, Opinion};
use super::*;
use prost::Message as _;

fn work() -> schema::Work {
    schema::Work {
        header: wire_header(Kind::Work),
        ids: vec!["imdb:tt1254207".into()],
        title: "Big Buck Bunny".into(),
        kind: 1,
        ..Default::default()
    }
}

fn listing() -> schema::Listing {
    schema::Listing {
        header: wire_header(Kind::Listing),
        work: "imdb:tt1254207".into(),
        infohash: vec![5; 20],
        name: "Big Buck Bunny".into(),
        ..Default::default()
    }
}

fn read_work(change: impl Fn(&mut schema::Work)) -> Result<Work, BodyError> {
    let mut wire = work();
    change(&mut wire);
    match Body::decode(Kind::Work, &wire.encode_to_vec())?.1 {
        Body::Work(work) => Ok(work),
        other => panic!("{other:?}"),
    }
}

fn read_listing(change: impl Fn(&mut schema::Listing)) -> Result<Listing, BodyError> {
    let mut wire = listing();
    change(&mut wire);
    match Body::decode(Kind::Listing, &wire.encode_to_vec())?.1 {
        Body::Listing(listing) => Ok(listing),
        other => panic!("{other:?}"),
    }
}

fn too_many<T>(field: &'static str, max: usize) -> Result<T, BodyError> {
    Err(BodyError::TooLong { field, max, unit: "entries" })
}

fn too_long<T>(field: &'static str, max: usize) -> Result<T, BodyError> {
    Err(BodyError::TooLong { field, max, unit: "bytes" })
}

#[test]
fn years_are_1_to_9999() {
    assert_eq!(read_work(|w| w.year = 0).map(|w| w.year), Ok(None));
    for year in [1, 1888, 9999] {
        assert_eq!(read_work(|w| w.year = year).map(|w| w.year), Ok(Some(year)));
    }
    for year in [10_000, u32::MAX] {
        assert_eq!(read_work(|w| w.year = year), Err(BodyError::OutOfRange("year")), "{year}");
    }
}

#[test]
fn kinds_and_opinions_are_known_ones() {
    for kind in WorkKind::ALL {
        assert_eq!(read_work(|w| w.kind = kind.number()).map(|w| w.kind), Ok(kind));
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    for kind in [0, 8, u32::MAX] {
        assert_eq!(read_work(|w| w.kind = kind), Err(BodyError::OutOfRange("kind")), "{kind}");
    }
    assert!("movie".parse::<WorkKind>().is_err());
    let read = |opinion| {
        let header = wire_header(Kind::Verdict);
        let wire = schema::Verdict { header, infohash: vec![5; 20], opinion, note: String::new() };
        Body::decode(Kind::Verdict, &wire.encode_to_vec())
    };
    for opinion in Opinion::ALL {
        assert!(read(opinion.number()).is_ok());
        assert_eq!(opinion.name().parse(), Ok(opinion));
    }
    for opinion in [0, 7, u32::MAX] {
        assert_eq!(read(opinion), Err(BodyError::OutOfRange("opinion")), "{opinion}");
    }
    assert!("bad".parse::<Opinion>().is_err());
}

#[test]
fn a_work_has_normalised_ids_and_a_title() {
    assert_eq!(read_work(|w| w.ids.clear()), Err(BodyError::Missing("ids")));
    assert_eq!(read_work(|w| w.title.clear()), Err(BodyError::Missing("title")));
    let odd = ["", "tt1254207", "IMDB:tt1254207", "imdb:1254207", "imdb:tt01254207", " imdb:tt1254207", "isbn:978"];
    for id in odd.into_iter().chain(["wikidata:q4", "https://www.imdb.com/title/tt1254207"]) {
        assert_eq!(read_work(|w| w.ids[0] = id.into()), Err(BodyError::BadId("work id")), "{id}");
        assert_eq!(read_listing(|l| l.work = id.into()), Err(BodyError::BadId("work id")), "{id}");
    }
    let ids = |count: u32| (1..=count).map(|n| format!("tvdb:{n}")).collect::<Vec<_>>();
    assert!(read_work(|w| w.ids = ids(16)).is_ok());
    assert_eq!(read_work(|w| w.ids = ids(17)), too_many("ids", 16));
}

#[test]
fn fields_of_a_work_have_limits() {
    let episode = |title: &str| schema::Episode { season: 1, number: 1, title: title.into(), date: String::new() };
    assert!(read_work(|w| w.title = "t".repeat(300)).is_ok());
    assert_eq!(read_work(|w| w.title = "t".repeat(301)), too_long("title", 300));
    assert!(read_work(|w| w.overview = "o".repeat(2000)).is_ok());
    assert_eq!(read_work(|w| w.overview = "o".repeat(2001)), too_long("overview", 2000));
    assert!(read_work(|w| w.genres = vec!["g".repeat(40); 16]).is_ok());
    assert_eq!(read_work(|w| w.genres = vec!["g".into(); 17]), too_many("genres", 16));
    assert_eq!(read_work(|w| w.genres = vec!["g".repeat(41)]), too_long("genres", 40));
    assert!(read_work(|w| w.languages = vec!["l".repeat(35); 40]).is_ok());
    assert_eq!(read_work(|w| w.languages = vec!["l".into(); 41]), too_many("languages", 40));
    assert_eq!(read_work(|w| w.languages = vec!["l".repeat(36)]), too_long("languages", 35));
    assert!(read_work(|w| w.original_title = "t".repeat(300)).is_ok());
    assert_eq!(read_work(|w| w.original_title = "t".repeat(301)), too_long("original title", 300));
    let title = |len| schema::WorkTitle { language: "de".into(), title: "t".repeat(len) };
    assert!(read_work(|w| w.titles = vec![title(300); 40]).is_ok());
    assert_eq!(read_work(|w| w.titles = vec![title(1); 41]), too_many("titles", 40));
    assert_eq!(read_work(|w| w.titles = vec![title(301)]), too_long("title", 300));
    assert_eq!(read_work(|w| w.titles = vec![title(0)]), Err(BodyError::Missing("title")));
    let person = |len| schema::Credit { name: "n".repeat(len), role: "r".repeat(40) };
    assert!(read_work(|w| w.people = vec![person(100); 60]).is_ok());
    assert_eq!(read_work(|w| w.people = vec![person(1); 61]), too_many("people", 60));
    assert_eq!(read_work(|w| w.people = vec![person(101)]), too_long("name", 100));
    assert_eq!(read_work(|w| w.people = vec![person(0)]), Err(BodyError::Missing("name")));
    assert!(read_work(|w| w.artwork_sha256 = vec![1; 32]).is_ok());
    assert_eq!(read_work(|w| w.artwork_sha256 = vec![1; 31]), Err(BodyError::BadId("artwork_sha256")));
    assert!(read_work(|w| w.episodes = vec![episode(&"t".repeat(200)); 500]).is_ok());
    assert_eq!(read_work(|w| w.episodes = vec![episode(""); 501]), too_many("episodes", 500));
    assert_eq!(read_work(|w| w.episodes = vec![episode(&"t".repeat(201))]), too_long("episode title", 200));
}

#[test]
fn episodes_of_a_work_are_numbered_from_1() {
    let read = |season, number| {
        let episode = schema::Episode { season, number, ..Default::default() };
        read_work(|w| w.episodes = vec![episode.clone()])
    };
    for (season, number) in [(0, 1), (1, 1), (100_000, 100_000)] {
        assert!(read(season, number).is_ok(), "{season} {number}");
    }
    for (season, number) in [(0, 0), (1, 0), (100_001, 1), (1, 100_001), (u32::MAX, u32::MAX)] {
        assert_eq!(read(season, number), Err(BodyError::OutOfRange("episode")), "{season} {number}");
    }
}

#[test]
fn absurd_numbers_are_refused() {
    let of_file = |size| read_listing(|l| l.files = vec![schema::File { size, ..Default::default() }]);
    assert!(read_listing(|l| l.size = SIZE_MAX).is_ok() && of_file(SIZE_MAX).is_ok());
    for absurd in [SIZE_MAX + 1, 1 << 63, u64::MAX] {
        assert_eq!(read_listing(|l| l.size = absurd), Err(BodyError::OutOfRange("size")), "{absurd}");
        assert_eq!(of_file(absurd), Err(BodyError::OutOfRange("size")), "{absurd}");
    }
    assert_eq!(read_work(|w| w.runtime_min = RUNTIME_MIN_MAX).map(|w| w.runtime_min), Ok(Some(RUNTIME_MIN_MAX)));
    for absurd in [RUNTIME_MIN_MAX + 1, u32::MAX] {
        assert_eq!(read_work(|w| w.runtime_min = absurd), Err(BodyError::OutOfRange("runtime")), "{absurd}");
    }
}

#[test]
fn dates_have_one_form() {
    for good in ["", "2008-05-30", "0000-01-01", "9999-12-31"] {
        assert_eq!(date(good.into()).as_deref(), Ok(good));
    }
    let bad = [
        "2008",
        "2008-5-30",
        "2008-05-3",
        "2008/05/30",
        "20080530",
        "2008-13-01",
        "2008-00-01",
        "2008-01-00",
        "2008-01-32",
        "+008-01-01",
        "20+8-01-01",
        "2008-+1-01",
        "2008-01-+1",
        "2008-01-011",
        "２００8-1",
        "20é8-01-1",
        "2008-01-0é",
        " 2008-01-0",
    ];
    for bad in bad {
        assert_eq!(date(bad.into()), Err(BodyError::BadId("episode date")), "{bad}");
    }
}

#[test]
fn fields_of_a_listing_have_limits() {
    let file = |path: &str| schema::File { path: path.into(), ..Default::default() };
    for len in [0, 19, 21, 32] {
        assert_eq!(read_listing(|l| l.infohash = vec![1; len]), Err(BodyError::BadId("infohash")), "{len}");
    }
    assert!(read_listing(|l| l.info_sha256 = vec![1; 32]).is_ok());
    assert_eq!(read_listing(|l| l.info_sha256 = vec![1; 20]), Err(BodyError::BadId("info_sha256")));
    assert_eq!(read_listing(|l| l.name.clear()), Err(BodyError::Missing("name")));
    assert!(read_listing(|l| l.name = "n".repeat(300)).is_ok());
    assert_eq!(read_listing(|l| l.name = "n".repeat(301)), too_long("name", 300));
    assert!(read_listing(|l| l.files = vec![file(&"p".repeat(1024)); 200]).is_ok());
    assert_eq!(read_listing(|l| l.files = vec![file("p"); 201]), too_many("files", 200));
    assert_eq!(read_listing(|l| l.files = vec![file(&"p".repeat(1025))]), too_long("path", 1024));
    assert!(read_listing(|l| l.resolution = "r".repeat(20)).is_ok());
    assert_eq!(read_listing(|l| l.resolution = "r".repeat(21)), too_long("resolution", 20));
    assert!(read_listing(|l| l.licence = "l".repeat(100)).is_ok());
    assert_eq!(read_listing(|l| l.licence = "l".repeat(101)), too_long("licence", 100));
    assert_eq!(read_listing(|l| l.languages = vec!["l".into(); 41]), too_many("languages", 40));
    assert_eq!(read_listing(|l| l.languages = vec!["l".repeat(36)]), too_long("languages", 35));
    assert!(read_listing(|l| l.trackers = vec!["t".repeat(200); 8]).is_ok());
    assert_eq!(read_listing(|l| l.trackers = vec!["t".into(); 9]), too_many("trackers", 8));
    assert_eq!(read_listing(|l| l.trackers = vec!["t".repeat(201)]), too_long("trackers", 200));
    assert!(read_listing(|l| (l.medium, l.video_codec) = ("m".repeat(40), "v".repeat(40))).is_ok());
    assert_eq!(read_listing(|l| l.medium = "m".repeat(41)), too_long("medium", 40));
    assert_eq!(read_listing(|l| l.video_codec = "v".repeat(41)), too_long("video codec", 40));
    assert!(read_listing(|l| l.audio_codecs = vec!["a".repeat(40); 8]).is_ok());
    assert_eq!(read_listing(|l| l.audio_codecs = vec!["a".into(); 9]), too_many("audio codecs", 8));
    assert_eq!(read_listing(|l| l.audio_codecs = vec!["a".repeat(41)]), too_long("audio codecs", 40));
    assert_eq!(read_listing(|l| l.subtitles = vec!["l".into(); 41]), too_many("subtitles", 40));
    assert_eq!(read_listing(|l| l.subtitles = vec!["l".repeat(36)]), too_long("subtitles", 35));
    assert!(read_listing(|l| l.web_seeds = vec!["w".repeat(200); 4]).is_ok());
    assert_eq!(read_listing(|l| l.web_seeds = vec!["w".into(); 5]), too_many("web seeds", 4));
    assert_eq!(read_listing(|l| l.web_seeds = vec!["w".repeat(201)]), too_long("web seeds", 200));
}

#[test]
fn a_season_without_an_episode_is_refused() {
    let of_listing = |season, episode| read_listing(|l| (l.season, l.episode) = (season, episode));
    let of_file =
        |season, episode| read_listing(|l| l.files = vec![schema::File { season, episode, ..Default::default() }]);
    assert_eq!(of_listing(0, 0).map(|l| l.episode), Ok(None));
    assert_eq!(of_file(0, 0).map(|l| l.files[0].episode), Ok(None));
    for (season, episode) in [(0, 1), (1, 1), (100_000, 100_000)] {
        assert_eq!(of_listing(season, episode).map(|l| l.episode), Ok(Some((season, episode))));
        assert_eq!(of_file(season, episode).map(|l| l.files[0].episode), Ok(Some((season, episode))));
    }
    for (season, episode) in [(1, 0), (100_001, 1), (1, 100_001)] {
        assert_eq!(of_listing(season, episode), Err(BodyError::OutOfRange("episode")));
        assert_eq!(of_file(season, episode), Err(BodyError::OutOfRange("episode")));
    }
}

#[test]
fn notes_of_verdicts_have_280_bytes() {
    let read = |infohash: usize, note: usize| {
        let header = wire_header(Kind::Verdict);
        let wire = schema::Verdict { header, infohash: vec![5; infohash], opinion: 1, note: "n".repeat(note) };
        Body::decode(Kind::Verdict, &wire.encode_to_vec()).map(|_| ())
    };
    assert_eq!(read(20, 280), Ok(()));
    assert_eq!(read(20, 281), too_long("note", 280));
    assert_eq!(read(32, 0), Err(BodyError::BadId("infohash")));
}
