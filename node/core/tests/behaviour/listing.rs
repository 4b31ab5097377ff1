//! What the owner lists: seasons whose files name their episodes, and catalogues by the row.

use crate::rig::*;
use heirloom_core::command::{Command, ENTRIES_MAX, Entry, Fault, Made, Publish, Reply};
use heirloom_core::io::{Input, Metainfo, TorrentEvent, TorrentOrder};
use heirloom_core::upkeep::PUSH_BURST;
use heirloom_core::views::{Listed, Published, Said};
use heirloom_proto::body::{Listing, Work, WorkKind, WorkTitle};
use heirloom_proto::{Body, Infohash, Kind, WorkId};

fn published(person: &mut Person, publish: Publish, files: Vec<(String, u64)>) -> Published {
    let request = person.begin(Command::Publish(publish));
    let [TorrentOrder::Prepare { order, .. }] = person.torrent_orders()[..] else { panic!("no order") };
    let name = "Garden.Town.S01.1080p".to_owned();
    let size = files.iter().map(|(_, size)| size).sum();
    let metainfo = Metainfo { name, size, files, ..metainfo(1) };
    person.feed(Input::Torrent(TorrentEvent::Prepared { order, metainfo, content: None }));
    match person.reply(request).expect("answered").expect("published") {
        Reply::Published(published) => *published,
        other => panic!("{other:?}"),
    }
}

fn season(episodes: u32) -> Vec<(String, u64)> {
    let mut files: Vec<(String, u64)> =
        (1..=episodes).map(|number| (format!("Garden.Town.S01E{number:02}.mkv"), 1000)).collect();
    // Padding between files counts in the torrent, but nobody fetches it.
    files.insert(1, (String::new(), 24));
    files.push(("Sample/garden.town.s01e01.sample.mkv".into(), 5));
    files
}

fn series() -> Publish {
    Publish { kind: Some(WorkKind::Series), title: Some("Garden Town".into()), ..publish(sintel()) }
}

#[test]
fn files_of_a_season_are_mapped_by_their_names_and_by_hand() {
    let mut alice = offline("alice");
    alice.feed(Input::Started { dht: false, torrents: true });
    let by_hand = Publish { map: vec![("S01E03.mkv".into(), (0, 7))], ..series() };
    let told = published(&mut alice, by_hand, season(3));
    let episodes: Vec<_> = told.files.iter().map(|(_, _, episode)| *episode).collect();
    assert_eq!(episodes, [Some((1, 1)), None, Some((1, 2)), Some((0, 7)), None]);
    let shown = alice.show(sintel());
    let files = &shown.releases[0].details.files;
    let listed: Vec<_> = files.iter().map(|file| (file.index, file.episodes.first().copied())).collect();
    assert_eq!(
        listed,
        [(0, Some((1, 1))), (2, Some((1, 2))), (3, Some((0, 7))), (4, None)],
        "indices are the torrent's"
    );
}

#[test]
fn whoever_lists_a_namesake_is_told_whose_work_it_is_taken_for() {
    let (mut alice, bob) = (offline("alice"), signer("bob"));
    alice.feed(Input::Started { dht: false, torrents: true });
    let of = |words| WorkId::of_words("Garden Town", 2020, "series", words);
    let record = |id| Body::Work(Work::new(id, "Garden Town".into(), Some(2020), WorkKind::Series));
    alice.accept(&bob.says(1, START, &record(of(""))));
    alice.accept(&bob.says(2, START, &record(sintel())));
    let mut list = |work| published(&mut alice, Publish { work, ..series() }, season(2)).shared_with;
    assert_eq!(list(of("")), Some(bob.key()));
    assert_eq!(list(of("Ada")), None, "told apart");
    assert_eq!(list(of("Ada")), None, "the owner's own record is nobody else's");
    assert_eq!(list(sintel()), None, "an outside catalogue told them apart");
}

#[test]
fn a_long_season_is_listed_whole_and_a_film_has_no_episodes() {
    let mut alice = offline("alice");
    alice.feed(Input::Started { dht: false, torrents: true });
    published(&mut alice, series(), season(40));
    let mapped = |alice: &mut Person| {
        let shown = alice.show(sintel());
        shown.releases[0].details.files.iter().filter(|file| !file.episodes.is_empty() && !file.is_derived).count()
    };
    assert_eq!(mapped(&mut alice), 40, "not only the first twenty");
    published(&mut alice, Publish { kind: Some(WorkKind::Film), ..series() }, season(2));
    assert_eq!(mapped(&mut alice), 0);
    // Longer than any statement: what fits is listed, and the listing stands.
    let long = (1..=200).map(|number| (format!("{}.S01E{number:02}.mkv", "x".repeat(200)), 1000)).collect();
    published(&mut alice, series(), long);
    assert!((5..100).contains(&mapped(&mut alice)), "{}", mapped(&mut alice));
}

#[test]
fn nobody_said_what_it_is_but_its_files_do() {
    let mut alice = offline("alice");
    alice.feed(Input::Started { dht: false, torrents: true });
    let told = published(&mut alice, Publish { title: None, kind: None, ..publish(sintel()) }, season(2));
    assert_eq!(told.files.iter().filter(|(_, _, episode)| episode.is_some()).count(), 2);
}

#[test]
fn trackers_and_web_seeds_that_no_listing_can_hold_are_left_out() {
    let mut alice = offline("alice");
    alice.feed(Input::Started { dht: false, torrents: true });
    let long = format!("https://{}", "x".repeat(200));
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let made = Made {
        trackers: texts(&["udp://t.example:1", "udp://t.example:1", &long, "wss://t.example"]),
        web_seeds: texts(&["https://films.example/", "ftp://films.example/"]),
        subtitles: texts(&["de"]),
        ..Made::default()
    };
    published(&mut alice, Publish { made: Box::new(made), ..series() }, season(1));
    let shown = alice.show(sintel()).releases.remove(0);
    assert_eq!((shown.trackers, shown.web_seeds), (texts(&["udp://t.example:1"]), texts(&["https://films.example/"])));
    assert_eq!(shown.details.subtitles, ["de"]);
}

fn id(number: usize) -> WorkId {
    format!("wikidata:Q{}", number + 1).parse().expect("an id")
}

fn hash(number: usize) -> Infohash {
    let mut bytes = [3; 20];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Infohash(bytes)
}

fn entry(number: usize) -> Entry {
    let title = format!("Film {number}");
    let record =
        Work { overview: "Of its time.".into(), ..Work::new(id(number), title.clone(), Some(1990), WorkKind::Film) };
    Entry { record: Some(record), is_further: false, listing: Some(Listing::new(id(number), hash(number), title)) }
}

#[track_caller]
fn listed(person: &mut Person, entries: Vec<Entry>, is_dry: bool) -> Listed {
    match person.must(Command::List { entries, is_dry }) {
        Reply::Listed(listed) => listed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_are_listed_once_however_often_they_come() {
    let mut alice = person("alice");
    let rows = || (0..300).map(entry).collect::<Vec<_>>();
    let dry = listed(&mut alice, rows(), true);
    assert_eq!((dry.records, dry.listings), (300, 300));
    assert!(dry.rows.iter().all(|row| *row == Ok(Said::New)));
    assert_eq!(alice.status().statements, 0, "a dry run signs nothing");
    let first = listed(&mut alice, rows(), false);
    assert_eq!((first.records, first.listings), (300, 300));
    let statements = alice.status().statements;
    assert_eq!((alice.status().works, alice.status().releases), (300, 300));
    let again = listed(&mut alice, rows(), false);
    assert_eq!((again.records, again.listings), (0, 0));
    assert!(again.rows.iter().all(|row| *row == Ok(Said::Known)));
    assert_eq!(alice.status().statements, statements);
    let too_many = alice.ask(Command::List { entries: (0..=ENTRIES_MAX).map(entry).collect(), is_dry: false });
    assert_eq!(too_many.expect_err("too many").fault, Fault::BadInput);
}

#[test]
fn an_import_does_not_flood_those_who_listen() {
    let mut alice = person("alice");
    listed(&mut alice, (0..300).map(entry).collect(), false);
    let pushed = alice.pushed();
    let heads = pushed.iter().filter(|statement| statement.kind() == Kind::Head).count();
    // The profile goes first, outside of the rows.
    assert!(pushed.len() - heads <= PUSH_BURST + 1, "{} at once", pushed.len());
    alice.elapse(20 * SECOND);
    assert!(alice.pushed().len() <= 20 * 10 + 20, "ten a second, and heads");
}

#[test]
fn a_row_that_cannot_be_signed_is_told_and_keeps_none_back() {
    let mut alice = person("alice");
    let mut bad = entry(1);
    if let Some(listing) = &mut bad.listing {
        listing.trackers = vec!["t".repeat(201)];
    }
    let mut long = entry(2);
    if let Some(record) = &mut long.record {
        record.titles =
            (0..40).map(|n| WorkTitle { language: "de".into(), title: format!("{n}{}", "x".repeat(200)) }).collect();
    }
    let done = listed(&mut alice, vec![entry(0), bad, long, entry(3)], false);
    assert_eq!((done.rows[0].clone(), done.rows[3].clone()), (Ok(Said::New), Ok(Said::New)));
    assert!(done.rows[1].as_ref().expect_err("no tracker").contains("trackers"));
    assert!(done.rows[2].as_ref().expect_err("too long").contains("bytes long"));
    assert_eq!(alice.status().works, 2, "a row is taken whole or not at all");
}

#[test]
fn nothing_that_was_said_before_is_lost() {
    let mut alice = person("alice");
    alice.list_with(Publish { title: Some("Sintel".into()), ..publish(sintel()) }, 1);
    let bare = Listing { licence: "CC-BY-3.0".into(), ..Listing::new(sintel(), release(1), "Sintel (2010)".into()) };
    let record =
        Work { overview: "A dragon.".into(), ..Work::new(sintel(), "Sintel".into(), Some(2010), WorkKind::Film) };
    let row = Entry { record: Some(record), is_further: false, listing: Some(bare) };
    listed(&mut alice, vec![row], false);
    let shown = alice.show(sintel());
    assert_eq!((shown.overview.as_str(), shown.year), ("A dragon.", Some(2010)));
    assert_eq!(
        (shown.releases[0].name.as_str(), shown.releases[0].size),
        ("release 1", 1000),
        "the torrent knows better"
    );
    // A release that is published later takes no overview away.
    alice.list_with(Publish { title: Some("Sintel".into()), year: None, ..publish(sintel()) }, 2);
    let shown = alice.show(sintel());
    assert_eq!((shown.overview.as_str(), shown.year, shown.releases.len()), ("A dragon.", Some(2010), 2));
    // A further row fills up and changes nothing.
    let other = Work {
        genres: vec!["fantasy".into()],
        ..Work::new(sintel(), "Sintel II".into(), Some(1999), WorkKind::Series)
    };
    let further = Entry { record: Some(other), is_further: true, listing: None };
    listed(&mut alice, vec![further.clone()], false);
    let shown = alice.show(sintel());
    assert_eq!((shown.title.as_str(), shown.year, shown.genres), ("Sintel", Some(2010), vec!["fantasy".to_owned()]));
    assert_eq!(listed(&mut alice, vec![further], false).rows, [Ok(Said::Known)]);
}

#[test]
fn an_import_makes_nothing_public_that_was_private() {
    let mut alice = person("alice");
    alice.list_with(Publish { private: true, ..publish(bunny()) }, 1);
    alice.pushed();
    let listing = Listing { licence: "CC0-1.0".into(), ..Listing::new(bunny(), release(1), "Bunny".into()) };
    let record = Work::new(bunny(), "Bunny".into(), Some(2008), WorkKind::Film);
    listed(&mut alice, vec![Entry { record: Some(record), is_further: false, listing: Some(listing) }], false);
    alice.elapse(MINUTE);
    let said: Vec<Body> = alice.pushed().iter().map(|statement| statement.body().clone()).collect();
    assert!(!said.iter().any(|body| matches!(body, Body::Listing(_) | Body::Work(_))), "{said:?}");
    assert_eq!(alice.show(bunny()).releases[0].licence, "CC0-1.0");
}
