//! Which release and which of its files `get` takes: by band, score and what its owner likes; of a series what was asked for.

use crate::rig::*;
use heirloom_core::command::{Choice, Command, CommandError, Fault, Reply, Wanted};
use heirloom_core::io::{Files, Input, TorrentEvent, TorrentOrder};
use heirloom_core::views::Getting;
use heirloom_graph::Band;
use heirloom_proto::body::{Episode, File, Level, Listing, Opinion, Work, WorkKind};
use heirloom_proto::{Body, WorkId};

fn series() -> WorkId {
    "tmdb:tv/7".parse().expect("id")
}

fn listed(number: u8, name: &str, paths: &[&str]) -> Listing {
    let file = |(index, path): (usize, &&str)| File {
        index: u32::try_from(index).expect("few"),
        path: (*path).into(),
        size: 100,
        episode: None,
    };
    match listing(series(), number) {
        Body::Listing(plain) => {
            Listing { name: name.into(), files: paths.iter().enumerate().map(file).collect(), ..plain }
        }
        other => panic!("{other:?}"),
    }
}

fn record() -> Body {
    let episode = |season, number, date: &str| Episode { season, number, title: String::new(), date: date.into() };
    let episodes =
        vec![episode(0, 1, "2015-12-24"), episode(1, 1, "2016-05-09"), episode(1, 2, "2016-05-10"), episode(2, 1, "")];
    let plain = Work::new(series(), "Garden Town".into(), Some(2016), WorkKind::Series);
    Body::Work(Work { episodes, ..plain })
}

/// Alice follows Bob, who says these listings.
fn alice_reads(listings: &[Listing]) -> Person {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &record()));
    for (seq, listing) in (2..).zip(listings) {
        alice.accept(&bob.says(seq, START, &Body::Listing(listing.clone())));
    }
    alice
}

fn get(person: &mut Person, what: Wanted, pick: Option<&str>, lines: u32) -> Result<Getting, CommandError> {
    let pick = pick.map(|text| text.parse().expect("an episode"));
    let command = Command::Get { what, to: None, anyway: false, choice: Choice { pick, lines } };
    person.ask(command).map(|reply| match reply {
        Reply::Getting(getting) => getting,
        other => panic!("{other:?}"),
    })
}

fn pick(person: &mut Person, text: &str) -> Result<Getting, CommandError> {
    get(person, Wanted::Work(series()), Some(text), 0)
}

fn inside(number: u8, files: &[&str]) -> Input {
    let files = files.iter().map(|path| ((*path).to_owned(), 100)).collect();
    Input::Torrent(TorrentEvent::Metadata { infohash: release(number), files })
}

/// The files of the one fetch that was ordered.
#[track_caller]
fn ordered(person: &mut Person) -> (u8, Files) {
    match &person.torrent_orders()[..] {
        [TorrentOrder::Fetch { infohash, files, .. }] => (infohash.0[0], files.clone()),
        other => panic!("{other:?}"),
    }
}

const PACK: [&str; 4] = ["g.s01e01.mkv", "g.s01e02.mkv", "Specials/01.mkv", "notes.txt"];

#[test]
fn only_the_file_of_the_episode_is_fetched_and_chosen_in_the_torrent_itself() {
    let mut alice = alice_reads(&[listed(1, "Garden.Town.S01", &PACK)]);
    let getting = pick(&mut alice, "s01e02").expect("it is listed");
    assert_eq!((getting.infohash, getting.pick.as_deref()), (release(1), Some("S01E02")));
    assert_eq!(getting.files, [(1, "g.s01e02.mkv".to_owned(), 100)]);
    assert_eq!(ordered(&mut alice), (release(1).0[0], Files::Later), "nothing is written on a listing's word");
    // The torrent has them in another order than the listing says.
    alice.feed(inside(1, &["notes.txt", "g.s01e02.mkv", "g.s01e01.mkv", "Specials/01.mkv"]));
    assert_eq!(ordered(&mut alice).1, Files::Only([1].into()));
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: true });
    assert_eq!(ordered(&mut alice).1, Files::Only([1].into()), "a part stays a part");
}

#[test]
fn a_part_that_is_complete_is_continued_and_grows_when_more_is_asked_for() {
    let mut alice = alice_reads(&[listed(1, "Garden.Town.S01", &PACK)]);
    pick(&mut alice, "s01e01").expect("listed");
    alice.feed(inside(1, &PACK));
    alice.torrent_orders();
    alice.feed(Input::Torrent(TorrentEvent::Finished { infohash: release(1), content: "/usual/Garden".into() }));
    pick(&mut alice, "s01e01").expect("it is here");
    assert!(alice.torrent_orders().is_empty(), "asking twice orders once");
    pick(&mut alice, "2015-12-24").expect("the special of that day");
    assert_eq!(ordered(&mut alice).1, Files::Only([0, 2].into()));
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: true });
    assert_eq!(ordered(&mut alice).1, Files::Only([0, 2].into()), "not seeded as a whole");
    get(&mut alice, Wanted::Work(series()), None, 0).expect("all of it");
    assert_eq!(ordered(&mut alice).1, Files::All);
    alice.feed(inside(1, &PACK));
    assert_eq!(pick(&mut alice, "s01e02").expect("within").files[0].0, 1);
    assert!(alice.torrent_orders().is_empty(), "all of it is wanted already");
}

#[test]
fn seasons_specials_days_and_running_numbers_are_found() {
    for (asked, place, files) in [
        ("s01", "S01", &[0, 1][..]),
        ("s00", "S00", &[2]),
        ("s00e01", "S00E01", &[2]),
        ("2016-05-10", "S01E02", &[1]),
        ("2", "S01E02", &[1]),
    ] {
        let mut alice = alice_reads(&[listed(1, "Garden.Town.S01", &PACK)]);
        let getting = pick(&mut alice, asked).expect(asked);
        assert_eq!(getting.pick.as_deref(), Some(place), "{asked}");
        let found: Vec<u32> = getting.files.iter().map(|(index, ..)| *index).collect();
        assert_eq!(found, files, "{asked}");
    }
}

#[test]
fn what_nobody_lists_is_not_found_in_a_sentence() {
    let mut alice = alice_reads(&[listed(1, "Garden.Town.S01", &PACK), listed(2, "Garden.Town.S01E02", &[])]);
    for (asked, says) in [
        ("s01e03", "nobody lists S01E03"),
        ("s02e01", "nobody lists S02E01"),
        ("3", "nobody lists E03 of tmdb:tv/7 (S02E01)"),
        ("2016-05-11", "nobody lists 2016-05-11"),
        ("s02", "no release of tmdb:tv/7 holds all of S02"),
    ] {
        let error = pick(&mut alice, asked).map_err(|error| {
            assert_eq!((error.fault, error.code), (Fault::NotFound, "unknown_episode"), "{asked}");
            error.message
        });
        let message = error.expect_err(asked);
        assert!(
            message.contains(says.split(" of ").next().expect("words")) && message.contains("heirloom show"),
            "{message}"
        );
    }
    assert!(alice.torrent_orders().is_empty());
}

#[test]
fn a_torrent_without_the_episode_is_refused_before_anything_is_written() {
    let mut alice = alice_reads(&[listed(1, "Garden.Town.S01", &[])]);
    assert!(pick(&mut alice, "s01e02").expect("by its name").files.is_empty());
    assert_eq!(ordered(&mut alice).1, Files::Later);
    alice.feed(inside(1, &["g.s01e01.mkv"]));
    let [TorrentOrder::Refuse { error, .. }] = &alice.torrent_orders()[..] else { panic!("it goes on") };
    assert_eq!((error.fault, error.code), (Fault::NotFound, "unknown_episode"));
    // Now it is known what is in it, and the next one who asks hears at once.
    assert_eq!(pick(&mut alice, "s01e02").expect_err("not there").code, "unknown_episode");
    assert!(alice.torrent_orders().is_empty());
}

#[test]
fn who_lists_the_episode_by_file_goes_before_who_only_names_it() {
    let by_name = listed(1, "Garden.Town.S01.1080p", &[]);
    let by_file = listed(2, "Garden.Town.S01.480p", &PACK);
    let mut alice = alice_reads(&[by_name, by_file]);
    let chosen = get(&mut alice, Wanted::Work(series()), Some("s01e02"), 1080).expect("listed");
    assert_eq!(chosen.infohash, release(2));
    let chosen = get(&mut alice, Wanted::Work(series()), None, 1080).expect("listed");
    assert_eq!(chosen.infohash, release(1), "of a whole release the resolution decides");
}

#[test]
fn the_best_is_chosen_by_band_then_score_then_resolution() {
    let film = |number: u8, name: &str| match listing(bunny(), number) {
        Body::Listing(plain) => Body::Listing(Listing { name: name.into(), ..plain }),
        other => other,
    };
    let (mut alice, bob, eve) = (person("alice"), signer("bob"), signer("eve"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &Body::Work(Work::new(bunny(), "Garden".into(), None, WorkKind::Film))));
    for (seq, number, name) in
        [(2, 3, "Garden.480p"), (3, 4, "Garden.720p"), (4, 2, "Garden.2160p"), (5, 1, "Garden.1080p"), (6, 5, "Garden")]
    {
        alice.accept(&bob.says(seq, START, &film(number, name)));
    }
    // What fits best, by somebody whom nobody knows.
    alice.accept(&eve.says(1, START, &film(6, "Garden.1080p.REMUX")));
    let mut order = |lines| {
        let Reply::Work(work) = alice.must(Command::Show { work: bunny(), wait: None, lines }) else { panic!("shown") };
        assert_eq!(work.releases.last().map(|last| (last.infohash, last.band)), Some((release(6), Band::Unknown)));
        let chosen = get(&mut alice, Wanted::Work(bunny()), None, lines).expect("a release").infohash;
        assert_eq!(chosen, work.releases[0].infohash, "get takes what show has first");
        work.releases.iter().map(|release| release.infohash.0[0]).collect::<Vec<_>>()
    };
    let names = |numbers: [u8; 6]| numbers.map(|number| release(number).0[0]).to_vec();
    assert_eq!(order(1080), names([1, 4, 2, 3, 5, 6]), "a step down before a step up; what is not known last");
    assert_eq!(order(2160), names([2, 1, 4, 3, 5, 6]));
    assert_eq!(order(480), names([3, 4, 1, 2, 5, 6]));
    // Somebody whose word counts found it good: that goes before any resolution.
    alice.judge(3, Opinion::Good);
    let Reply::Work(work) = alice.must(Command::Show { work: bunny(), wait: None, lines: 1080 }) else {
        panic!("shown")
    };
    assert_eq!(work.releases[0].infohash, release(3));
}
