//! Works looked up among strangers: who is asked, what is believed, what is told, and what it may cost.

use crate::rig::*;
use heirloom_core::command::{Command, Publish, Reply, Target};
use heirloom_core::io::{DhtEvent, ExchangeId, Input, LookupEvent, LookupOrder, OrderId, Output, Peer, RequestId};
use heirloom_core::replication::{ANNOUNCE_GAP, ANNOUNCE_PERIOD, LOOKUP_WAIT, WORK_ITEMS_MAX};
use heirloom_core::seeking::{ASKED_MAX, STRANGERS_WAIT};
use heirloom_core::views::{Source, Work};
use heirloom_graph::Band;
use heirloom_proto::body::{Level, Retraction, Work as Record, WorkKind};
use heirloom_proto::dht::{work_item, work_salt};
use heirloom_proto::lookup::{ENVELOPES_MAX, Request, Response};
use heirloom_proto::{Body, Statement, Verified, WorkId, statement};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

const STRANGER: Peer = Peer(1);

fn show(person: &mut Person) -> RequestId {
    person.begin(Command::Show { work: bunny(), wait: None, lines: 0 })
}

fn shown(person: &mut Person, request: RequestId) -> Option<Work> {
    match person.reply(request)?.expect("shown") {
        Reply::Work(work) => Some(*work),
        other => panic!("{other:?}"),
    }
}

/// Questions that a person puts to strangers, since the last look.
fn asks(person: &mut Person) -> Vec<(OrderId, Peer, Vec<u8>)> {
    let mut found = Vec::new();
    person.outbox.retain(|output| match output {
        Output::Lookup(LookupOrder::Ask { order, peer, bytes }) => {
            found.push((*order, *peer, bytes.clone()));
            false
        }
        _ => true,
    });
    found
}

fn blamed(person: &mut Person) -> Vec<Peer> {
    let mut found = Vec::new();
    person.outbox.retain(|output| match output {
        Output::Lookup(LookupOrder::Blame { peer }) => {
            found.push(*peer);
            false
        }
        _ => true,
    });
    found
}

/// Alice looks for the bunny, and one stranger is met.
fn meets_a_stranger(alice: &mut Person) -> (RequestId, OrderId) {
    let request = show(alice);
    let (order, work) = alice.seeks().remove(0);
    assert_eq!(work, bunny());
    alice.feed(Input::Lookup(LookupEvent::Met { order, peer: STRANGER }));
    alice.feed(Input::Lookup(LookupEvent::Over { order }));
    let (order, peer, bytes) = asks(alice).remove(0);
    assert_eq!(peer, STRANGER);
    assert!(Request::decode(&bytes).expect("can be read").ids().contains(&bunny()));
    (request, order)
}

fn answered(alice: &mut Person, order: OrderId, bytes: Vec<u8>) {
    alice.feed(Input::Lookup(LookupEvent::Answered { order, bytes }));
}

fn response(said: &[&Verified<Statement>]) -> Vec<u8> {
    Response::Statements(said.iter().map(|said| said.bytes().to_vec()).collect()).encode()
}

/// What a person answers to a question about works.
fn told(person: &mut Person, works: &[WorkId]) -> Response {
    let bytes = Request::about(works.iter().cloned()).expect("some").encode();
    Response::decode(&answer_to(person, bytes)).expect("can be read")
}

fn answer_to(person: &mut Person, bytes: Vec<u8>) -> Vec<u8> {
    person.feed(Input::Lookup(LookupEvent::Asked { peer: STRANGER, exchange: ExchangeId(9), bytes }));
    let at = person.outbox.iter().position(|o| matches!(o, Output::Lookup(LookupOrder::Answer { .. })));
    match person.outbox.remove(at.expect("every question is answered in its batch")) {
        Some(Output::Lookup(LookupOrder::Answer { exchange: ExchangeId(9), bytes })) => bytes,
        other => panic!("{other:?}"),
    }
}

fn statements(response: &Response) -> Vec<Verified<Statement>> {
    match response {
        Response::Statements(all) => all.iter().map(|bytes| statement::verify(bytes).expect("holds")).collect(),
        Response::Refused { .. } => panic!("refused"),
    }
}

#[test]
fn a_strangers_listing_is_found_and_stands_in_the_unknown_band() {
    let (mut alice, mut carol) = (online("alice"), person("carol"));
    carol.list(bunny(), 1);
    carol.feed(Input::PeerUp(STRANGER));
    let (request, order) = meets_a_stranger(&mut alice);
    assert!(shown(&mut alice, request).is_none(), "it waits for the answer");
    let bytes = told(&mut carol, &[bunny()]).encode();
    answered(&mut alice, order, bytes);
    let work = shown(&mut alice, request).expect("at once");
    let [release] = &work.releases[..] else { panic!("{work:?}") };
    assert_eq!((release.band, release.source), (Band::Unknown, Source::Sync));
    assert_eq!(release.listed_by[0].0, carol.key());
    assert_eq!(work.title, "Big Buck Bunny", "the record comes along");
    assert!(alice.pushed().is_empty(), "what was looked up is not told to others");
}

#[test]
fn the_trusted_answer_does_not_wait_for_strangers() {
    let (mut alice, bob) = (online("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.settle(&mut Shelf::default());
    let request = show(&mut alice);
    let said = bob.says(1, START, &listing(bunny(), 1));
    let item = work_item(&bob.secret, &bunny(), &[said], 1).into_inner();
    let gets = alice.gets();
    let (order, ..) = gets.iter().find(|(_, _, salt)| salt[..] == work_salt(&bunny())).expect("a look");
    alice.found(*order, &item);
    alice.done(*order);
    let seeks = alice.seeks();
    assert_eq!(seeks.len(), 1, "strangers are being sought");
    assert_eq!(shown(&mut alice, request).expect("answered").releases[0].band, Band::Trusted);
    // What they say later is there for the next look.
    alice.feed(Input::Lookup(LookupEvent::Met { order: seeks[0].0, peer: STRANGER }));
    let eve = signer("eve").says(1, START, &listing(bunny(), 2));
    let (order, ..) = asks(&mut alice).remove(0);
    answered(&mut alice, order, response(&[&eve]));
    let request = show(&mut alice);
    for (order, ..) in alice.gets() {
        alice.done(order);
    }
    let bands: Vec<Band> = shown(&mut alice, request).expect("answered").releases.iter().map(|r| r.band).collect();
    assert_eq!(bands, [Band::Trusted, Band::Unknown]);
}

#[test]
fn silent_strangers_are_waited_for_only_so_long() {
    let mut alice = online("alice");
    let request = show(&mut alice);
    assert_eq!(alice.seeks().len(), 1);
    alice.elapse(STRANGERS_WAIT - SECOND / 10);
    assert!(shown(&mut alice, request).is_none());
    alice.elapse(SECOND / 5);
    assert!(shown(&mut alice, request).expect("answered").releases.is_empty());
    const { assert!(STRANGERS_WAIT.as_millis() < LOOKUP_WAIT.as_millis()) };
    // Somebody who was met and says nothing changes nothing about that.
    alice.elapse(HOUR);
    let (request, _) = meets_a_stranger(&mut alice);
    alice.elapse(STRANGERS_WAIT);
    assert!(shown(&mut alice, request).is_some());
}

#[test]
fn when_nobody_announced_the_work_the_answer_comes_at_once() {
    let mut alice = online("alice");
    let request = show(&mut alice);
    alice.nobody_found();
    assert!(shown(&mut alice, request).expect("at once").releases.is_empty());
}

#[test]
fn who_fails_is_not_waited_for_and_each_is_asked_once() {
    let mut alice = online("alice");
    let request = show(&mut alice);
    let (order, _) = alice.seeks().remove(0);
    for peer in (0..100).chain(0..100) {
        alice.feed(Input::Lookup(LookupEvent::Met { order, peer: Peer(peer) }));
    }
    let asked = asks(&mut alice);
    assert_eq!(asked.iter().map(|(_, peer, _)| *peer).collect::<BTreeSet<_>>().len(), ASKED_MAX);
    assert_eq!(asked.len(), ASKED_MAX);
    alice.feed(Input::Lookup(LookupEvent::Over { order }));
    for (order, ..) in asked {
        assert!(shown(&mut alice, request).is_none());
        alice.feed(Input::Lookup(LookupEvent::Failed { order }));
    }
    assert!(shown(&mut alice, request).is_some());
    assert_eq!(alice.count("lookup_unanswered"), ASKED_MAX as u64);
}

#[test]
fn what_was_not_asked_for_is_blamed_and_nothing_of_it_is_believed() {
    let (bob, eve) = (signer("bob"), signer("eve"));
    let good = bob.says(1, START, &listing(bunny(), 1));
    let other_work = eve.says(1, START, &listing(sintel(), 2));
    let other_kind = eve.says(2, START, &attestation(bob.key(), Level::FULL));
    let mut damaged = eve.says(3, START, &listing(bunny(), 2)).bytes().to_vec();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let with = |bytes: &[u8]| Response::Statements([good.bytes().to_vec(), bytes.to_vec()].into()).encode();
    let cases = [
        (with(other_work.bytes()), "lookup_unasked"),
        (with(other_kind.bytes()), "lookup_unasked"),
        (with(&damaged), "lookup_invalid"),
        (with(b"junk"), "lookup_invalid"),
        (vec![7; 100], "lookup_malformed"),
        (vec![0; 40 * 1024], "lookup_malformed"),
    ];
    for (bytes, counter) in cases {
        let mut alice = online("alice");
        let (request, order) = meets_a_stranger(&mut alice);
        answered(&mut alice, order, bytes);
        assert_eq!(blamed(&mut alice), [STRANGER], "{counter}");
        assert_eq!(alice.count(counter), 1, "{:?}", alice.counters());
        assert!(shown(&mut alice, request).expect("not held up").releases.is_empty(), "{counter}");
        assert_eq!(alice.status().statements, 0, "{counter}");
    }
}

#[test]
fn nobody_is_blamed_for_what_they_could_not_know() {
    let bob = signer("bob");
    let early = bob.says(1, START.plus(DAY), &listing(bunny(), 1));
    let expired = bob.says_until(2, START.minus(DAY), Some(START.minus(HOUR)), &listing(bunny(), 2));
    let old = bob.says(3, START.minus(30 * DAY), &listing(bunny(), 3));
    let unused = bob.says(4, START, &Body::Retraction(Retraction { target: early.id() }));
    let mut alice = online("alice");
    let (request, order) = meets_a_stranger(&mut alice);
    answered(&mut alice, order, response(&[&early, &expired, &old, &unused]));
    let work = shown(&mut alice, request).expect("answered");
    assert_eq!(work.releases.iter().map(|r| r.infohash).collect::<Vec<_>>(), [release(3)], "only a push must be fresh");
    assert!(blamed(&mut alice).is_empty());
    assert_eq!((alice.count("future"), alice.count("expired"), alice.count("lookup_unused")), (1, 1, 1));
    // An answer that nobody waits for any more, or that was never asked for.
    answered(&mut alice, order, vec![7; 100]);
    answered(&mut alice, OrderId(987_654), vec![7; 100]);
    assert!(blamed(&mut alice).is_empty());
}

#[test]
fn a_retraction_of_what_is_here_is_heeded_and_that_of_another_is_not() {
    let (mut alice, bob) = (online("alice"), signer("bob"));
    let (first, second) = (bob.says(1, START, &listing(bunny(), 1)), bob.says(2, START, &listing(sintel(), 2)));
    alice.accept(&first);
    alice.accept(&second);
    let back = |seq: u64, target: &Verified<Statement>| {
        bob.says(seq, START, &Body::Retraction(Retraction { target: target.id() }))
    };
    let by_eve = signer("eve").says(3, START, &Body::Retraction(Retraction { target: first.id() }));
    let (_, order) = meets_a_stranger(&mut alice);
    answered(&mut alice, order, response(&[&back(3, &first), &back(4, &second), &by_eve]));
    assert_eq!(alice.count("lookup_unused"), 2, "of another work, and by another key");
    assert_eq!(alice.status().releases, 1);
}

#[test]
fn rollback_is_refused_by_this_way_too() {
    let (mut alice, bob) = (online("alice"), signer("bob"));
    let old = bob.says(1, START, &listing(bunny(), 1));
    alice.accept(&bob.says(5, START, &listing(bunny(), 1)));
    let (_, order) = meets_a_stranger(&mut alice);
    answered(&mut alice, order, response(&[&old]));
    assert_eq!(alice.count("rolled_back"), 1);
    assert!(blamed(&mut alice).is_empty());
}

#[test]
fn a_node_tells_about_works_that_it_lists_and_about_no_others() {
    let mut carol = person("carol");
    carol.feed(Input::PeerUp(STRANGER));
    let (bob, eve) = (signer("bob"), signer("eve"));
    carol.follow(bob.key(), Level::HIGH);
    carol.accept(&bob.says(1, START, &listing(bunny(), 1)));
    carol.accept(&eve.says(1, START, &listing(bunny(), 2)));
    let held_only = answer_to(&mut carol, Request::about([bunny()]).expect("one").encode());
    assert!(held_only.is_empty(), "whether she holds something about a work may say that she looked for it");
    carol.list_with(Publish { private: true, ..publish(bunny()) }, 3);
    assert_eq!(told(&mut carol, &[bunny()]), Response::Statements([].into()), "nor is a private listing told");
    carol.list(bunny(), 4);
    let said = statements(&told(&mut carol, &[bunny(), sintel()]));
    let authors: BTreeSet<_> = said.iter().map(|said| *said.author()).collect();
    assert_eq!(
        authors,
        BTreeSet::from([bob.key(), eve.key(), carol.key()]),
        "hers are not to be told from the others'"
    );
    assert!(said.iter().all(|said| !matches!(said.body(), Body::Listing(l) if l.infohash == release(3))));
    assert!(said.iter().any(|said| matches!(said.body(), Body::Work(_))));
    assert_eq!(told(&mut carol, &[sintel()]), Response::Statements([].into()));
    // No private opinion shows in it either.
    carol.must(Command::Attest {
        subject: eve.key(),
        level: Level::DISTRUST,
        scope: heirloom_proto::body::Scope::All,
        reason: String::new(),
        lifetime: None,
        private: true,
    });
    assert_eq!(statements(&told(&mut carol, &[bunny()])), said);
    carol.retract(Target::Release(release(4)));
    assert!(
        matches!(told(&mut carol, &[bunny()]), Response::Statements(all) if all.is_empty()),
        "she lists it no more"
    );
}

#[test]
fn an_answer_fits_its_frame_and_a_crowd_of_fakes_leaves_room_for_her_own() {
    let mut carol = person("carol");
    carol.feed(Input::PeerUp(STRANGER));
    carol.list(bunny(), 1);
    for name in 0..80 {
        let fake = signer(&format!("fake {name}"));
        for number in 2..12 {
            carol.accept(&fake.says(u64::from(number), carol.wall, &listing(bunny(), number)));
        }
    }
    let said = statements(&told(&mut carol, &[bunny()]));
    assert_eq!(said.len(), ENVELOPES_MAX);
    assert!(said.iter().any(|said| *said.author() == carol.key()));
    let authors: BTreeSet<_> = said.iter().map(|said| *said.author()).collect();
    assert!(authors.len() > ENVELOPES_MAX * 9 / 10, "nobody crowds out others: {} authors", authors.len());
}

#[test]
fn who_asks_too_much_is_told_to_come_again_and_junk_is_blamed() {
    let mut carol = person("carol");
    carol.feed(Input::PeerUp(STRANGER));
    carol.list(bunny(), 1);
    let mut answers = 0;
    let wait = loop {
        match told(&mut carol, &[bunny()]) {
            Response::Statements(_) => answers += 1,
            Response::Refused { retry_after_ms } => break retry_after_ms,
        }
        assert!(answers < 20_000, "no end");
    };
    assert!(wait > 0 && answers > 20, "{answers} answers, then a wait of {wait} ms");
    carol.elapse(Duration::from_millis(u64::from(wait)));
    assert!(matches!(told(&mut carol, &[bunny()]), Response::Statements(_)));
    assert!(blamed(&mut carol).is_empty());
    for junk in [vec![], vec![1; 64], vec![0; 64 * 1024]] {
        let bytes = answer_to(&mut carol, junk);
        assert!(matches!(Response::decode(&bytes), Ok(Response::Refused { .. })));
        assert_eq!(blamed(&mut carol), [STRANGER]);
    }
    // Somebody who is not connected is served nothing.
    carol.feed(Input::PeerDown(STRANGER));
    assert!(matches!(told(&mut carol, &[bunny()]), Response::Refused { .. }));
}

#[test]
fn what_is_listed_in_public_is_announced_and_again_before_it_is_forgotten() {
    let (mut alice, mut shelf) = (online("alice"), Shelf::default());
    alice.list_with(Publish { private: true, ..publish(sintel()) }, 2);
    alice.elapse(HOUR);
    assert!(alice.announces().is_empty(), "what is private is nobody's business");
    alice.list(bunny(), 1);
    let mut times = Vec::new();
    while times.len() < 10 {
        for (order, work) in alice.announces() {
            assert_eq!(work, bunny());
            times.push(alice.mono);
            alice.feed(Input::Dht(DhtEvent::Announced { order, is_taken: true }));
        }
        alice.settle(&mut shelf);
        let next = alice.service().next_wakeup().expect("something is due");
        alice.leap(next.saturating_sub(alice.mono));
        alice.feed(Input::Wake);
    }
    for pair in times.windows(2) {
        let gap = pair[1] - pair[0];
        assert!(gap >= 25 * MINUTE && gap <= 30 * MINUTE, "{gap:?}");
    }
    alice.retract(Target::Release(release(1)));
    alice.announces();
    alice.live(2 * HOUR, &mut shelf);
    assert_eq!(alice.count("announced"), 10, "what was taken back is not announced");
}

#[test]
fn an_announcement_that_was_not_taken_is_tried_again_ever_more_slowly() {
    let mut alice = online("alice");
    alice.list(bunny(), 1);
    let mut times = Vec::new();
    while times.len() < 12 {
        for (order, _) in alice.announces() {
            times.push(alice.mono);
            // Some are never answered.
            if times.len() % 3 > 0 {
                alice.feed(Input::Dht(DhtEvent::Announced { order, is_taken: false }));
            }
        }
        let next = alice.service().next_wakeup().expect("something is due");
        alice.leap(next.saturating_sub(alice.mono));
        alice.feed(Input::Wake);
    }
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[0] < 20 * SECOND && gaps[10] > 24 * MINUTE && gaps[10] <= ANNOUNCE_PERIOD + 5 * MINUTE, "{gaps:?}");
}

#[test]
fn a_hundred_works_are_announced_one_by_one_and_come_round_in_time() {
    let mut alice = person("alice");
    let work = |number: usize| -> WorkId { format!("imdb:tt{:07}", 1000 + number).parse().expect("an id") };
    for number in 0..WORK_ITEMS_MAX + 20 {
        alice.list_with(Publish { title: None, ..publish(work(number)) }, 1);
        alice.leap(SECOND);
    }
    alice.restart();
    alice.start();
    let mut shelf = Shelf::default();
    let mut times: std::collections::BTreeMap<WorkId, Vec<Duration>> = Default::default();
    while alice.mono < 3 * HOUR {
        for (order, work) in alice.announces() {
            times.entry(work).or_default().push(alice.mono);
            alice.feed(Input::Dht(DhtEvent::Announced { order, is_taken: true }));
        }
        for (order, item) in alice.puts() {
            shelf.items.insert((item.key, item.salt.clone()), item);
            alice.feed(Input::Dht(DhtEvent::Stored { order, nodes: 8 }));
        }
        for (order, ..) in alice.gets() {
            alice.done(order);
        }
        let next = alice.service().next_wakeup().expect("something is due");
        alice.leap(next.saturating_sub(alice.mono));
        alice.feed(Input::Wake);
    }
    assert_eq!(times.len(), WORK_ITEMS_MAX, "as many as stand in the DHT, the same ones");
    assert!(!times.contains_key(&work(0)) && times.contains_key(&work(WORK_ITEMS_MAX + 19)));
    let mut first: Vec<Duration> = times.values().map(|times| times[0]).collect();
    first.sort();
    assert!(first.windows(2).all(|pair| pair[1] - pair[0] >= ANNOUNCE_GAP), "{first:?}");
    for times in times.values() {
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 45 * MINUTE), "{times:?}");
    }
    let all: usize = times.values().map(Vec::len).sum();
    assert!(all <= 5 * WORK_ITEMS_MAX, "{all} announcements in three hours");
}

#[test]
fn lookups_of_one_work_at_once_seek_once() {
    let mut alice = online("alice");
    let requests: Vec<_> = (0..10).map(|_| show(&mut alice)).collect();
    let seeks = alice.seeks();
    assert_eq!(seeks.len(), 1);
    alice.feed(Input::Lookup(LookupEvent::Over { order: seeks[0].0 }));
    assert!(requests.into_iter().all(|request| shown(&mut alice, request).is_some()));
    let request = show(&mut alice);
    assert!(shown(&mut alice, request).is_some() && alice.seeks().is_empty(), "it was sought just now");
    alice.elapse(MINUTE);
    show(&mut alice);
    assert_eq!(alice.seeks().len(), 1);
}

#[test]
fn a_node_without_a_dht_seeks_nobody() {
    let mut alice = person("alice");
    alice.show(bunny());
    assert!(alice.seeks().is_empty());
}

#[test]
fn a_work_is_sought_and_asked_for_under_every_id_that_trusted_records_tie_to_it() {
    let (mut alice, bob) = (online("alice"), signer("bob"));
    alice.follow(bob.key(), Level::FULL);
    alice.settle(&mut Shelf::default());
    let tmdb: WorkId = "tmdb:movie/10378".parse().expect("an id");
    let mut record = Record::new(bunny(), "Big Buck Bunny".into(), Some(2008), WorkKind::Film);
    record.ids.push(tmdb.clone());
    alice.accept(&bob.says(1, alice.wall, &Body::Work(record)));
    show(&mut alice);
    let seeks = alice.seeks();
    assert_eq!(seeks.iter().map(|(_, work)| work.clone()).collect::<Vec<_>>(), [bunny(), tmdb.clone()]);
    alice.feed(Input::Lookup(LookupEvent::Met { order: seeks[1].0, peer: STRANGER }));
    let (_, _, bytes) = asks(&mut alice).remove(0);
    let ids = Request::decode(&bytes).expect("can be read").ids().clone();
    assert_eq!(ids, BTreeSet::from([bunny(), tmdb]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn arbitrary_frames_harm_neither_half(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..8)) {
        let mut alice = person("alice");
        alice.feed(Input::PeerUp(STRANGER));
        alice.list(bunny(), 1);
        for frame in &frames {
            let bytes = answer_to(&mut alice, frame.clone());
            prop_assert!(Response::decode(&bytes).is_ok());
        }
        let mut bob = online("bob");
        for frame in frames {
            bob.elapse(MINUTE);
            let (request, order) = meets_a_stranger(&mut bob);
            answered(&mut bob, order, frame);
            prop_assert!(shown(&mut bob, request).is_some());
        }
        prop_assert_eq!(bob.status().statements, 0);
    }
}
