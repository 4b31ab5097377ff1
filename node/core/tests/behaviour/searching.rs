//! What is made of works that were found: the release that stands for each, and the order; with an index and without.

use crate::rig::*;
use heirloom_core::command::{Candidate, Command, Filter, Rank, Reply};
use heirloom_core::views::Found;
use heirloom_core::wording::RELEVANCE_MAX;
use heirloom_proto::body::{Level, Listing, Work, WorkKind};
use heirloom_proto::{Body, Infohash};

fn listed(number: u8, name: &str, resolution: &str) -> Body {
    match listing(bunny(), number) {
        Body::Listing(plain) => Body::Listing(Listing { name: name.into(), resolution: resolution.into(), ..plain }),
        other => panic!("{other:?}"),
    }
}

fn works(reply: Reply) -> Vec<Found> {
    match reply {
        Reply::Works(rows) => rows,
        other => panic!("{other:?}"),
    }
}

/// The release that stands for the one work, and how many it has.
fn best(person: &mut Person, lines: u32) -> (Infohash, usize) {
    let candidate = Candidate { work: bunny(), author: None, relevance: RELEVANCE_MAX, is_by_release: false };
    let rank = Rank {
        candidates: vec![candidate],
        infohash: None,
        filter: Filter::default(),
        band: None,
        limit: 20,
        episode: None,
        lines,
    };
    let rows = works(person.must(Command::Rank(Box::new(rank))));
    let found = rows.first().expect("a row");
    (found.best.as_ref().expect("a release").infohash, found.releases)
}

#[test]
fn of_releases_that_score_alike_that_of_the_liked_resolution_stands_for_the_work() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    for (seq, said) in (1..).zip([
        listed(1, "Paper.Garden", "480p"),
        listed(2, "Paper.Garden", "1080p"),
        // Only its name tells.
        listed(3, "Paper.Garden.2011.720p.BluRay", ""),
        listed(4, "Paper.Garden", "enormous"),
    ]) {
        alice.accept(&bob.says(seq, START, &said));
    }
    for (lines, number) in [(480, 1), (1080, 2), (2160, 2), (720, 3), (0, 1)] {
        assert_eq!(best(&mut alice, lines), (release(number), 4), "{lines}");
    }
}

#[test]
fn whoever_is_believed_says_which_resolution_a_release_has() {
    let (mut alice, bob, carol) = (person("alice"), signer("bob"), signer("carol"));
    alice.follow(bob.key(), Level::HIGH);
    alice.follow(carol.key(), Level::LOW);
    alice.accept(&bob.says(1, START, &listed(1, "Paper.Garden", "480p")));
    alice.accept(&carol.says(1, START, &listed(1, "Paper.Garden", "1080p")));
    alice.accept(&bob.says(2, START, &listed(2, "Paper.Garden", "720p")));
    alice.accept(&carol.says(2, START, &listed(2, "Paper.Garden", "720p")));
    assert_eq!(best(&mut alice, 1080), (release(2), 2), "720p is nearer than what bob says of the other");
}

#[test]
fn without_an_index_the_better_fit_comes_first_and_trust_before_all() {
    let (mut alice, bob, eve) = (person("alice"), signer("bob"), signer("eve"));
    alice.follow(bob.key(), Level::HIGH);
    let titles = ["Gardens of Stone", "The Garden", "Garden"];
    for (number, title) in (1_u8..).zip(titles) {
        let work: heirloom_proto::WorkId = format!("imdb:tt000000{number}").parse().expect("an id");
        let record = Body::Work(Work::new(work.clone(), title.into(), Some(2001), WorkKind::Film));
        let seq = u64::from(number) * 2;
        alice.accept(&bob.says(seq, START, &record));
        alice.accept(&bob.says(seq + 1, START, &listing(work, number)));
    }
    let crowd: heirloom_proto::WorkId = "imdb:tt0000009".parse().expect("an id");
    alice.accept(&eve.says(1, START, &Body::Work(Work::new(crowd.clone(), "Garden".into(), None, WorkKind::Film))));
    alice.accept(&eve.says(2, START, &listing(crowd, 9)));
    let text = "garden".to_owned();
    let rows = works(alice.must(Command::Search { text, kind: None, band: None, limit: 50 }));
    let found: Vec<&str> = rows.iter().map(|row| row.work.as_str()).collect();
    assert_eq!(found, ["imdb:tt0000003", "imdb:tt0000001", "imdb:tt0000002", "imdb:tt0000009"]);
    let text = "garden".to_owned();
    assert_eq!(works(alice.must(Command::Search { text, kind: None, band: None, limit: 2 })).len(), 2);
}
