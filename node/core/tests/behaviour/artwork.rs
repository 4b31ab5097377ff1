//! Pictures of works: which are asked for and of whom, which are given to others, and what a liar or a flood costs.

use crate::rig::*;
use heirloom_core::artwork::{ASK_GAP, ASKS_MAX, OFFERED_MAX, Outcome};
use heirloom_core::command::{Command, Publish};
use heirloom_core::io::{ArtworkEvent, ArtworkOrder, ExchangeId, Input, OrderId, Output, Peer};
use heirloom_proto::artwork::Request;
use heirloom_proto::body::{Level, Work, WorkKind};
use heirloom_proto::{Body, Kind, Sha256, Statement, Verified};

fn picture(number: u32) -> Sha256 {
    Sha256::of(format!("picture {number}").as_bytes())
}

fn record(number: u32) -> Body {
    let work = format!("imdb:tt{:07}", number + 1).parse().expect("a work id");
    let record = Work::new(work, format!("Film {number}"), Some(2000), WorkKind::Film);
    Body::Work(Work { artwork: Some(picture(number)), ..record })
}

fn records(by: &Signer, numbers: std::ops::Range<u32>) -> Vec<Verified<Statement>> {
    numbers.map(|number| by.says(u64::from(number) + 1, START, &record(number))).collect()
}

fn event(person: &mut Person, event: ArtworkEvent) {
    person.feed(Input::Artwork(event));
}

fn orders(person: &mut Person) -> Vec<ArtworkOrder> {
    orders_that(person, |_| true)
}

/// Takes such orders out of the outbox, and leaves the others there.
fn orders_that(person: &mut Person, are_such: impl Fn(&ArtworkOrder) -> bool) -> Vec<ArtworkOrder> {
    let mut found = Vec::new();
    person.outbox.retain(|output| match output {
        Output::Artwork(order) if are_such(order) => {
            found.push(order.clone());
            false
        }
        _ => true,
    });
    found
}

fn asks(person: &mut Person) -> Vec<(OrderId, Peer, Sha256)> {
    let to_ask = |order| match order {
        ArtworkOrder::Ask { order, peer, digest } => Some((order, peer, digest)),
        _ => None,
    };
    orders(person).into_iter().filter_map(to_ask).collect()
}

/// Whether a person gives a picture to a peer that asks.
fn gives(person: &mut Person, digest: Sha256) -> bool {
    let (peer, exchange, bytes) = (Peer(9), ExchangeId(77), Request(digest).encode());
    event(person, ArtworkEvent::Asked { peer, exchange, bytes });
    match orders_that(person, |order| matches!(order, ArtworkOrder::Answer { .. })).as_slice() {
        [ArtworkOrder::Answer { exchange: ExchangeId(77), digest: given }] => *given == Some(digest),
        other => panic!("{other:?}"),
    }
}

/// Alice follows Bob, who has so many works with pictures.
fn alice_with_pictures_of_bob(count: u32) -> Person {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    assert_eq!(alice.import(&records(&bob, 0..count)).imported, u64::from(count));
    alice
}

#[test]
fn what_a_followed_key_names_is_asked_for_and_given_on() {
    let mut alice = alice_with_pictures_of_bob(1);
    assert!(asks(&mut alice).is_empty(), "there is nobody to ask");
    alice.feed(Input::PeerUp(Peer(1)));
    alice.elapse(2 * SECOND);
    let [(order, Peer(1), digest)] = asks(&mut alice)[..] else { panic!("no question") };
    assert_eq!(digest, picture(0));
    assert!(!gives(&mut alice, digest), "it is not here yet");
    event(&mut alice, ArtworkEvent::Ended { order, outcome: Outcome::Got });
    assert!(gives(&mut alice, digest));
    alice.elapse(HOUR);
    assert!(asks(&mut alice).is_empty(), "once");
    // What went for want of room is not fetched again, unless somebody looks.
    event(&mut alice, ArtworkEvent::Gone { digests: vec![digest] });
    alice.elapse(HOUR);
    assert!(asks(&mut alice).is_empty() && !gives(&mut alice, digest));
    event(&mut alice, ArtworkEvent::Looked { digest });
    alice.elapse(MINUTE);
    assert_eq!(asks(&mut alice).len(), 1);
}

#[test]
fn pictures_of_strangers_are_neither_asked_for_nor_given() {
    let (mut alice, mallory) = (person("alice"), signer("mallory"));
    assert_eq!(alice.import(&records(&mallory, 0..3)).imported, 3);
    alice.feed(Input::PeerUp(Peer(1)));
    event(&mut alice, ArtworkEvent::Looked { digest: picture(0) });
    alice.elapse(HOUR);
    assert!(asks(&mut alice).is_empty());
    // Even if the file lies here: it may be one that the owner looked at.
    event(&mut alice, ArtworkEvent::Here { digests: vec![picture(0), picture(40)] });
    alice.elapse(HOUR);
    assert!(!gives(&mut alice, picture(0)) && !gives(&mut alice, picture(40)));
    // Trust makes the difference, at once.
    alice.follow(mallory.key(), Level::HIGH);
    alice.elapse(MINUTE);
    assert!(gives(&mut alice, picture(0)));
    let asked: Vec<_> = asks(&mut alice).into_iter().map(|(.., digest)| digest).collect();
    assert!(asked.contains(&picture(1)) || asked.contains(&picture(2)), "{asked:?}");
}

#[test]
fn what_was_only_looked_at_is_given_to_nobody() {
    let count = u32::try_from(OFFERED_MAX).expect("fits") + 5;
    let mut alice = alice_with_pictures_of_bob(count);
    // The oldest is beyond those that are fetched ahead.
    event(&mut alice, ArtworkEvent::Looked { digest: picture(0) });
    alice.feed(Input::PeerUp(Peer(1)));
    alice.elapse(2 * SECOND);
    let (order, _, digest) = asks(&mut alice)[0];
    assert_eq!(digest, picture(0), "what is looked at comes first");
    event(&mut alice, ArtworkEvent::Ended { order, outcome: Outcome::Got });
    assert!(!gives(&mut alice, picture(0)), "who asks would learn that somebody looked");
    alice.elapse(ASK_GAP * 2);
    let (.., next) = asks(&mut alice)[0];
    assert_eq!(next, picture(count - 1), "then the newest");
}

#[test]
fn whoever_sends_other_bytes_is_blamed_and_somebody_else_is_asked() {
    let mut alice = alice_with_pictures_of_bob(1);
    alice.feed(Input::PeerUp(Peer(1)));
    alice.elapse(2 * SECOND);
    let [(order, Peer(1), _)] = asks(&mut alice)[..] else { panic!("no question") };
    event(&mut alice, ArtworkEvent::Ended { order, outcome: Outcome::Wrong });
    assert_eq!(orders(&mut alice), [ArtworkOrder::Blame { peer: Peer(1) }]);
    alice.elapse(HOUR);
    assert!(asks(&mut alice).is_empty(), "it is asked for nothing more");
    alice.feed(Input::PeerUp(Peer(2)));
    alice.elapse(2 * SECOND);
    let [(order, Peer(2), _)] = asks(&mut alice)[..] else { panic!("no question") };
    // Bytes with that digest that are no picture: nobody's fault but their author's, and no use to anybody.
    event(&mut alice, ArtworkEvent::Ended { order, outcome: Outcome::Unreadable });
    alice.elapse(HOUR);
    assert!(orders(&mut alice).is_empty());
    assert_eq!((alice.count("artwork_wrong"), alice.count("artwork_unreadable")), (1, 1));
}

#[test]
fn peers_are_asked_one_thing_at_a_time_and_seldom_if_they_have_nothing() {
    let mut alice = alice_with_pictures_of_bob(200);
    for peer in 1..=10 {
        alice.feed(Input::PeerUp(Peer(peer)));
    }
    alice.elapse(2 * SECOND);
    let first = asks(&mut alice);
    assert_eq!(first.len(), ASKS_MAX);
    let mut questions = first.len();
    let mut under_way = first;
    // Nobody has anything: an hour of it costs each peer few questions.
    for _ in 0..3600 {
        for (order, ..) in std::mem::take(&mut under_way) {
            event(&mut alice, ArtworkEvent::Ended { order, outcome: Outcome::Absent });
        }
        alice.elapse(SECOND);
        under_way = asks(&mut alice);
        assert!(under_way.len() <= ASKS_MAX);
        questions += under_way.len();
    }
    assert!(questions <= 10 * 70, "{questions} questions to ten peers in an hour");
    assert!(questions >= 10, "{questions}: each was asked");
}

#[test]
fn a_question_that_is_none_is_blamed_and_answered_with_nothing() {
    let mut alice = alice_with_pictures_of_bob(1);
    event(&mut alice, ArtworkEvent::Here { digests: vec![picture(0)] });
    alice.feed(Input::PeerUp(Peer(1)));
    alice.elapse(2 * SECOND);
    for bytes in [vec![], vec![0; 31], vec![0; 33], vec![0; 100_000]] {
        event(&mut alice, ArtworkEvent::Asked { peer: Peer(1), exchange: ExchangeId(5), bytes });
        let answer = ArtworkOrder::Answer { exchange: ExchangeId(5), digest: None };
        assert_eq!(orders(&mut alice), [ArtworkOrder::Blame { peer: Peer(1) }, answer]);
    }
}

#[test]
fn a_published_record_names_its_picture_and_a_private_one_gives_it_to_nobody() {
    let mut alice = person("alice");
    alice.feed(Input::PeerUp(Peer(1)));
    event(&mut alice, ArtworkEvent::Here { digests: vec![picture(1), picture(2)] });
    alice.list_with(Publish { artwork: Some(picture(1)), ..publish(bunny()) }, 1);
    let quiet = Publish { artwork: Some(picture(2)), private: true, ..publish(sintel()) };
    alice.list_with(quiet, 2);
    alice.elapse(MINUTE);
    assert_eq!(alice.show(bunny()).artwork, Some(picture(1)));
    assert_eq!(alice.show(sintel()).artwork, Some(picture(2)));
    assert!(gives(&mut alice, picture(1)) && !gives(&mut alice, picture(2)));
    assert!(asks(&mut alice).is_empty());
    // A picture alone changes the record that is there.
    alice.pushed();
    alice.list_with(Publish { artwork: Some(picture(3)), title: None, ..publish(bunny()) }, 3);
    assert_eq!(alice.show(bunny()).artwork, Some(picture(3)));
    assert_eq!(alice.show(bunny()).title, "Big Buck Bunny");
    assert_eq!(alice.pushed_of(Kind::Work).len(), 1);
    let unknown = "imdb:tt2285752".parse().expect("a work id");
    let request = alice.list_with(Publish { artwork: Some(picture(4)), title: None, ..publish(unknown) }, 4);
    assert_eq!(alice.reply(request).expect("answered").expect_err("no title").code, "no_title");
    alice.must(Command::Status);
}

#[test]
fn on_a_disk_that_is_nearly_full_nobody_is_asked() {
    let mut alice = alice_with_pictures_of_bob(3);
    let reading = |free_bytes| {
        Input::Reading(heirloom_core::budgets::Reading { free_bytes, disk_bytes: 100 << 30, ..Default::default() })
    };
    alice.feed(reading(1 << 20));
    alice.feed(Input::PeerUp(Peer(1)));
    // The rig fails when a node asks to be woken again and again.
    alice.elapse(HOUR);
    assert!(asks(&mut alice).is_empty());
    alice.feed(reading(90 << 30));
    alice.elapse(MINUTE);
    assert_eq!(asks(&mut alice).len(), 1);
}
