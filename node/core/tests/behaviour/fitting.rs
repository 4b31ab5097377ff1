//! Releases as they are listed: what is read from their names, what is wrong with them, and which of them `get` takes.

use crate::rig::*;
use heirloom_core::command::{Choice, Command, Fault, Reply, Wanted};
use heirloom_core::fitting::{self, Derived};
use heirloom_core::io::{Files, Input, TorrentEvent, TorrentOrder};
use heirloom_core::views::Release;
use heirloom_proto::body::{File, Level, Listing, Work, WorkKind};
use heirloom_proto::{Body, WorkId};

fn files(paths: &[&str]) -> Vec<File> {
    let file = |(index, path): (usize, &&str)| File {
        index: u32::try_from(index).expect("few"),
        path: (*path).into(),
        size: 100,
        episode: None,
    };
    paths.iter().enumerate().map(file).collect()
}

fn listed(work: WorkId, number: u8, name: &str, paths: &[&str]) -> Listing {
    match listing(work, number) {
        Body::Listing(plain) => Listing { name: name.into(), files: files(paths), ..plain },
        other => panic!("{other:?}"),
    }
}

fn record(work: WorkId, kind: WorkKind) -> Body {
    Body::Work(Work::new(work, "The Paper Garden".into(), Some(2011), kind))
}

#[track_caller]
fn one(person: &mut Person, work: WorkId, number: u8) -> Release {
    person.show(work).releases.into_iter().find(|shown| shown.infohash == release(number)).expect("a release")
}

fn one_of(person: &mut Person, number: u8) -> Release {
    one(person, bunny(), number)
}

fn get(person: &mut Person, what: Wanted, anyway: bool) -> Result<Reply, heirloom_core::command::CommandError> {
    person.ask(Command::Get { what, to: None, anyway, choice: heirloom_core::command::Choice::default() })
}

#[test]
fn what_a_listing_leaves_out_is_read_from_its_name_and_marked() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &record(bunny(), WorkKind::Film)));
    let said = listed(bunny(), 1, "Paper.Garden.2011.1080p.BluRay.x265.DTS-HEIR", &["film.mkv"]);
    let signed = bob.says(2, START, &Body::Listing(said.clone()));
    alice.accept(&signed);
    let shown = one(&mut alice, bunny(), 1);
    let details = &shown.details;
    assert_eq!((shown.resolution.as_str(), details.medium.as_str()), ("1080p", "Blu-ray"));
    assert_eq!((details.video_codec.as_str(), &*details.audio_codecs), ("H.265", &["DTS".to_owned()][..]));
    assert_eq!(details.derived, [Derived::Resolution, Derived::Medium, Derived::VideoCodec, Derived::AudioCodecs]);
    // What the lister says themselves is theirs.
    let said = Listing { resolution: "720p".into(), ..said };
    alice.accept(&bob.says(3, START, &Body::Listing(said)));
    let shown = one(&mut alice, bunny(), 1);
    assert_eq!(shown.resolution, "720p");
    assert!(!shown.details.derived.contains(&Derived::Resolution));
}

#[test]
fn a_season_pack_says_which_file_is_which_episode() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &record(bunny(), WorkKind::Series)));
    let pack = ["Garden.S02E01.mkv", "Garden.S02E02.mkv", "Sample/garden.s02e01.sample.mkv"];
    let said = listed(bunny(), 1, "Garden.S02.720p.HDTV", &pack);
    alice.accept(&bob.says(2, START, &Body::Listing(said.clone())));
    let details = one(&mut alice, bunny(), 1).details;
    let episodes: Vec<_> = details.files.iter().map(|file| (&*file.episodes, file.is_derived)).collect();
    assert_eq!(episodes, [(&[(2, 1)][..], true), (&[(2, 2)][..], true), (&[][..], false)]);
    assert_eq!(details.seasons, [2]);
    assert!(details.derived.contains(&Derived::FileEpisodes) && details.derived.contains(&Derived::Seasons));
    let found = fitting::file_for(&said.name, said.episode, &said.files, &fitting::Wanted::new(2, 2));
    assert_eq!(found.map(|file| file.index), Some(1));
}

#[test]
fn a_release_with_a_program_is_flagged_and_not_fetched_by_default() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &record(bunny(), WorkKind::Film)));
    let bad = listed(bunny(), 1, "Paper.Garden.2011.1080p", &["film.mkv", "codec.exe"]);
    alice.accept(&bob.says(2, START, &Body::Listing(bad)));
    let shown = one(&mut alice, bunny(), 1);
    assert_eq!(shown.flags.iter().map(fitting::Flag::name).collect::<Vec<_>>(), ["program"]);
    for what in [Wanted::Release(release(1)), Wanted::Work(bunny())] {
        let refused = get(&mut alice, what, false).expect_err("it is unsafe");
        assert_eq!((refused.fault, refused.code), (Fault::Refused, "unsafe"));
        assert!(refused.message.contains("codec.exe") && refused.message.contains("--anyway"), "{refused}");
    }
    assert!(alice.torrent_orders().is_empty(), "nothing was begun");
    // A second release that does no harm is taken in its place, though the first stands before it.
    let good = listed(bunny(), 2, "Paper.Garden.2011.720p", &["film.mkv"]);
    alice.accept(&bob.says(3, START, &Body::Listing(good)));
    match get(&mut alice, Wanted::Work(bunny()), false) {
        Ok(Reply::Getting(getting)) => assert_eq!(getting.infohash, release(2)),
        other => panic!("{other:?}"),
    }
    assert!(get(&mut alice, Wanted::Release(release(1)), true).is_ok(), "the owner said that they know it");
}

#[test]
fn of_a_pack_only_what_runs_is_left_out() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &record(bunny(), WorkKind::Series)));
    let paths = ["Garden.S01E01.mkv", "Garden.S01E02.mkv", "codec.exe", "Garden.S01E02.srt"];
    alice.accept(&bob.says(2, START, &Body::Listing(listed(bunny(), 1, "Garden.S01", &paths))));
    let getting = |reply| match reply {
        Ok(Reply::Getting(getting)) => getting,
        other => panic!("{other:?}"),
    };
    let only = |person: &mut Person| match &person.torrent_orders()[..] {
        [TorrentOrder::Fetch { files, .. }] => files.clone(),
        other => panic!("{other:?}"),
    };
    let inside = |paths: &[&str]| {
        let files = paths.iter().map(|path| ((*path).to_owned(), 100)).collect();
        Input::Torrent(TorrentEvent::Metadata { infohash: release(1), files })
    };
    let begun = getting(get(&mut alice, Wanted::Work(bunny()), false));
    assert_eq!(begun.left_out, ["codec.exe"]);
    assert_eq!(only(&mut alice), Files::Later, "nothing is written before the torrent itself is seen");
    alice.feed(inside(&paths));
    assert_eq!(only(&mut alice), Files::Only([0, 1, 3].into()));
    assert_eq!(getting(get(&mut alice, Wanted::Work(bunny()), false)).left_out, ["codec.exe"]);
    assert!(alice.torrent_orders().is_empty(), "asking again orders nothing");
    // One file of it may not be what runs.
    let choice = Choice { pick: Some(fitting::Pick::File(2)), lines: 0 };
    let what = || Wanted::Release(release(1));
    let one = alice.ask(Command::Get { what: what(), to: None, anyway: false, choice });
    assert_eq!(one.expect_err("it runs").code, "unsafe");
    // Any other of its files is played, and the views say so too.
    let shown = one_of(&mut alice, 1);
    assert!(shown.is_unsafe() && !shown.is_refused());
    assert!(shown.lets_play("Garden.S01E02.mkv") && !shown.lets_play("codec.exe"));
    let choice = Choice { pick: Some(fitting::Pick::File(1)), lines: 0 };
    let one = getting(alice.ask(Command::Get { what: what(), to: None, anyway: false, choice }));
    assert_eq!((one.files.len(), one.left_out), (1, vec!["codec.exe".to_owned()]));
    assert_eq!(getting(get(&mut alice, what(), true)).left_out, [""; 0]);
    assert_eq!(only(&mut alice), Files::All, "whoever knows it has it all");

    // Of a magnet nobody said what is in it: what runs is dropped as soon as that is known.
    alice.accept(&bob.says(3, START, &Body::Listing(listed(bunny(), 2, "Garden.S02", &[]))));
    getting(get(&mut alice, Wanted::Release(release(2)), false));
    assert_eq!(only(&mut alice), Files::All);
    let files = paths.iter().map(|path| ((*path).to_owned(), 100)).collect();
    alice.feed(Input::Torrent(TorrentEvent::Metadata { infohash: release(2), files }));
    assert_eq!(only(&mut alice), Files::Only([0, 1, 3].into()));
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: true });
    let again = alice.torrent_orders();
    let is_part = |order: &TorrentOrder| matches!(order, TorrentOrder::Fetch { infohash, files, .. } if *infohash == release(2) && *files == Files::Only([0, 1, 3].into()));
    assert!(again.iter().any(is_part), "{again:?}");
}

#[test]
fn programs_are_what_software_is_made_of() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &record(bunny(), WorkKind::Software)));
    alice.accept(&bob.says(2, START, &Body::Listing(listed(bunny(), 1, "editor 1.0", &["setup.exe"]))));
    assert_eq!(one(&mut alice, bunny(), 1).flags, []);
    assert!(get(&mut alice, Wanted::Work(bunny()), false).is_ok());
}

#[test]
fn a_stranger_cannot_spoil_a_release_with_a_listing_of_their_own() {
    let (mut alice, bob, mallory) = (person("alice"), signer("bob"), signer("mallory"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &record(bunny(), WorkKind::Film)));
    alice.accept(&bob.says(2, START, &Body::Listing(listed(bunny(), 1, "Film.1080p", &["film.mkv"]))));
    let bad = Body::Listing(listed(bunny(), 1, "Film.1080p", &["film.mkv", "virus.exe"]));
    alice.accept(&mallory.says(1, START, &bad));
    assert_eq!(one(&mut alice, bunny(), 1).flags, []);
    // One whose word counts is heard.
    alice.follow(mallory.key(), Level::LOW);
    assert_eq!(one(&mut alice, bunny(), 1).flags.len(), 1);
}

#[test]
fn files_that_do_not_fit_are_flagged_with_the_reason() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &record(bunny(), WorkKind::Series)));
    let mut said = listed(bunny(), 1, "Garden.S01", &["Garden.S01E05.mkv"]);
    said.files[0].episode = Some((1, 1));
    said.files[0].size = 5000;
    alice.accept(&bob.says(2, START, &Body::Listing(said)));
    let flags: Vec<String> = one(&mut alice, bunny(), 1).flags.iter().map(ToString::to_string).collect();
    assert_eq!(
        flags,
        [
            "its files have 5000 bytes together, but it is listed with 1000",
            "\"Garden.S01E05.mkv\" is listed as S01E01 but named S01E05"
        ]
    );
    assert!(get(&mut alice, Wanted::Work(bunny()), false).is_ok(), "odd, but harmless");
}

#[test]
fn of_releases_that_score_alike_that_one_is_best_whose_lister_gave_more() {
    let (mut alice, bob, carol) = (person("alice"), signer("bob"), signer("carol"));
    alice.follow(bob.key(), Level::HIGH);
    alice.follow(carol.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &record(bunny(), WorkKind::Film)));
    alice.accept(&bob.says(2, START, &Body::Listing(listed(bunny(), 1, "Paper.Garden.1080p", &["film.mkv"]))));
    alice.accept(&carol.says(1, START, &Body::Listing(listed(bunny(), 2, "Paper.Garden.1080p", &["film.mkv"]))));
    let best = |person: &mut Person| {
        let text = "paper garden".to_owned();
        let Reply::Works(rows) = person.must(Command::Search { text, kind: None, band: None, limit: 5 }) else {
            panic!("works")
        };
        let found = rows[0].best.clone().expect("a release");
        assert_eq!(found.infohash, person.show(bunny()).releases[0].infohash, "show has the same first");
        (found.infohash, found.received_by_me)
    };
    let before = best(&mut alice);
    let (other, lister) = if before.0 == release(1) { (2, carol.key()) } else { (1, bob.key()) };
    alice.receive(7, 0, Some(lister), 5000);
    assert_eq!((before.1, best(&mut alice)), (0, (release(other), 5000)));
}

#[test]
fn one_file_of_a_pack_is_played_if_it_is_what_it_was_listed_as() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &record(bunny(), WorkKind::Series)));
    let paths = ["Garden.S01E01.mkv", "Garden.S01E02.mkv", "codec.exe"];
    let play = |person: &mut Person, number: u8, index: u32| {
        let choice = Choice { pick: Some(fitting::Pick::File(index)), lines: 0 };
        person.ask(Command::Get { what: Wanted::Release(release(number)), to: None, anyway: false, choice })
    };
    let inside = |number: u8, paths: &[&str]| {
        let files = paths.iter().map(|path| ((*path).to_owned(), 100)).collect();
        Input::Torrent(TorrentEvent::Metadata { infohash: release(number), files })
    };
    alice.accept(&bob.says(2, START, &Body::Listing(listed(bunny(), 1, "Garden.S01", &paths))));
    assert!(play(&mut alice, 1, 1).is_ok());
    assert_eq!(play(&mut alice, 1, 2).expect_err("it runs").code, "unsafe");
    assert_eq!(play(&mut alice, 1, 9).expect_err("nobody says what that is").code, "unsafe");
    alice.torrent_orders();
    alice.feed(inside(1, &paths));
    let is_it =
        |order: &TorrentOrder| matches!(order, TorrentOrder::Fetch { files, .. } if *files == Files::Only([1].into()));
    assert!(alice.torrent_orders().iter().any(is_it), "that file and no other");
    // Listed as an episode, and a program in truth.
    alice.accept(&bob.says(3, START, &Body::Listing(listed(bunny(), 2, "Garden.S02", &paths))));
    assert!(play(&mut alice, 2, 0).is_ok());
    alice.torrent_orders();
    alice.feed(inside(2, &["Garden.S02E01.mkv.exe", "Garden.S02E02.mkv", "Garden.S02E03.mkv"]));
    let orders = alice.torrent_orders();
    let is_refused =
        |order: &TorrentOrder| matches!(order, TorrentOrder::Refuse { error, .. } if error.code == "unsafe");
    assert!(orders.iter().any(is_refused), "{orders:?}");
}
