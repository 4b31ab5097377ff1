//! Pulling what gossip did not push: from whom, how much, in spite of whom.

use crate::rig::{
    DAY, HOUR, MINUTE, Person, SECOND, bunny, listing, offline, online, person, publish, release, signer, sintel,
};
use heirloom_core::command::Command;
use heirloom_core::io::{ExchangeId, Input, MessageId, Output, Peer, SyncEvent, SyncOrder};
use heirloom_core::views::Source;
use heirloom_core::{Reply, sync};
use heirloom_graph::Band;
use heirloom_proto::body::{DuplicityProof, Head, Level, Opinion, Profile, Scope};
use heirloom_proto::sync::{Request, Response};
use heirloom_proto::{Body, Header, Kind, Sha256, Statement, Timestamp, Verified};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The number by which others know a person.
pub fn number(name: &str) -> Peer {
    Peer(u64::from(name.as_bytes()[0]))
}

pub fn meet(a: &mut Person, b: &mut Person) {
    a.feed(Input::PeerUp(number(&b.name)));
    b.feed(Input::PeerUp(number(&a.name)));
}

fn part(a: &mut Person, b: &mut Person) {
    a.feed(Input::PeerDown(number(&b.name)));
    b.feed(Input::PeerDown(number(&a.name)));
}

/// Requests that a person sends to a peer, with their orders.
pub fn asks(person: &mut Person, to: Peer) -> Vec<(heirloom_core::io::OrderId, Vec<u8>)> {
    let mut found = Vec::new();
    person.outbox.retain(|output| match output {
        Output::SyncFrame(SyncOrder::Ask { order, peer, bytes }) if *peer == to => {
            found.push((*order, bytes.clone()));
            false
        }
        _ => true,
    });
    found
}

pub fn answer_of(person: &mut Person, from: Peer, bytes: Vec<u8>) -> Vec<u8> {
    person.feed(Input::SyncFrame(SyncEvent::Asked { peer: from, exchange: ExchangeId(1), bytes }));
    let at = person.outbox.iter().position(|o| matches!(o, Output::SyncFrame(SyncOrder::Answer { .. })));
    match person.outbox.remove(at.expect("every question is answered in its batch")) {
        Some(Output::SyncFrame(SyncOrder::Answer { exchange: ExchangeId(1), bytes })) => bytes,
        other => panic!("{other:?}"),
    }
}

/// Carries every frame between two, changed by `meddle` on its way to `asker`, until nobody says anything.
pub fn talk_through(
    asker: &mut Person,
    host: &mut Person,
    mut meddle: impl FnMut(&Request, Response) -> Response,
) -> usize {
    let (me, them) = (number(&asker.name), number(&host.name));
    let mut frames = 0;
    for _ in 0..2000 {
        let asked = asks(asker, them);
        if asked.is_empty() {
            return frames;
        }
        for (order, bytes) in asked {
            frames += 1;
            let request = Request::decode(&bytes).expect("what is sent can be read");
            let bytes = answer_of(host, me, bytes);
            let response = Response::decode(&bytes).expect("what is answered can be read");
            let bytes = meddle(&request, response).encode();
            asker.feed(Input::SyncFrame(SyncEvent::Answered { order, bytes }));
        }
    }
    panic!("a session without end");
}

pub fn talk(asker: &mut Person, host: &mut Person) -> usize {
    talk_through(asker, host, |_, response| response)
}

/// Lets both live for a while, talking whenever one of them wants to.
pub fn live(a: &mut Person, b: &mut Person, span: std::time::Duration) {
    let (mut left, step) = (span, SECOND);
    while !left.is_zero() {
        a.elapse(step);
        b.elapse(step);
        talk(a, b);
        talk(b, a);
        left = left.saturating_sub(step);
    }
}

fn blamed(person: &mut Person) -> usize {
    let before = person.outbox.len();
    person.outbox.retain(|output| !matches!(output, Output::SyncFrame(SyncOrder::Blame { .. })));
    before - person.outbox.len()
}

/// A curator whose last word is older than what gossip carries.
pub fn curator(count: u8) -> Person {
    let mut alice = person("alice");
    (1..=count).for_each(|number| {
        alice.list(bunny(), number);
    });
    alice.elapse(3 * HOUR);
    alice.outbox.clear();
    alice
}

/// Somebody who comes later and follows the curator.
pub fn late(name: &str, alice: &Person) -> Person {
    let mut person = person(name);
    person.elapse(alice.mono);
    person.follow(alice.key(), Level::HIGH);
    person
}

pub fn is_whole(person: &mut Person) -> bool {
    match person.must(Command::Follows) {
        Reply::Follows(all) => all.iter().all(|follow| follow.log.is_some_and(|(_, is_whole)| is_whole)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_late_joiner_gets_what_gossip_did_not_push() {
    let mut alice = curator(3);
    let mut bob = late("bob", &alice);
    assert_eq!(bob.show(bunny()).releases.len(), 0);
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    talk(&mut bob, &mut alice);
    let shown = bob.show(bunny());
    assert_eq!(shown.releases.len(), 3, "{:?}", bob.counters());
    assert!(shown.releases.iter().all(|r| r.band == Band::Trusted && r.source == Source::Sync));
    assert!(is_whole(&mut bob));
    assert_eq!((bob.count("sync_omitted"), bob.count("sync_incomplete")), (0, 0));
    // Nothing is fetched twice.
    bob.elapse(HOUR);
    let pulled = bob.count("sync_pulled");
    talk(&mut bob, &mut alice);
    assert_eq!(bob.count("sync_pulled"), pulled);
}

/// A head that counts nothing.
fn empty_head(author: &crate::rig::Signer, at: Timestamp) -> Verified<Statement> {
    let (live_count, live_root) = (0, Head::root_of(&BTreeSet::new()));
    author.says(at.0, at, &Body::Head(Head { live_count, live_root, archive: None }))
}

#[test]
fn what_a_filter_matches_by_chance_is_named_once() {
    let mut alice = curator(1);
    let mut bob = late("bob", &alice);
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    let (mut filter, mut opened) = (None, 0);
    let mut live = |bob: &mut Person, alice: &mut Person, span: std::time::Duration| {
        let mut left = span;
        while !left.is_zero() {
            bob.elapse(10 * SECOND);
            alice.elapse(10 * SECOND);
            talk_through(bob, alice, |request, response| {
                if let Request::Open { filter: of, .. } = request {
                    opened += 1;
                    assert_eq!(filter.get_or_insert_with(|| of.clone()).salt(), of.salt(), "for a week");
                    filter = Some(of.clone());
                }
                response
            });
            left = left.saturating_sub(10 * SECOND);
        }
        (filter.clone(), opened)
    };
    let (Some(filter), before) = live(&mut bob, &mut alice, 20 * SECOND) else { panic!("a session") };
    let chance: Vec<crate::rig::Signer> = (0..)
        .map(|number| signer(&format!("stranger {number}")))
        .filter(|stranger| filter.matches(&stranger.key()))
        .take(2)
        .collect();
    chance.iter().for_each(|stranger| alice.accept(&empty_head(stranger, alice.wall)));
    let (_, after) = live(&mut bob, &mut alice, HOUR);
    assert!(after >= before + 4, "{before} {after}");
    assert_eq!(bob.count("sync_declined"), 2, "{:?}", bob.counters());
    alice.accept(&empty_head(&chance[0], alice.wall));
    live(&mut bob, &mut alice, HOUR);
    assert_eq!((bob.count("sync_declined"), blamed(&mut bob)), (3, 0), "a newer head alone");
    // Whoever is followed now is asked about, and nothing that was declined stands in the way.
    for stranger in &chance {
        bob.follow(stranger.key(), Level::LOW);
    }
    live(&mut bob, &mut alice, MINUTE);
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
}

/// Two profiles of one key that commit to different next keys.
fn contradiction(person: &Person) -> [Verified<Statement>; 2] {
    let janus = signer("janus");
    [1, 2].map(|next| {
        let next_key_hash = Sha256([next; 32]);
        let body = Body::Profile(Profile { name: "Janus".into(), url: String::new(), next_key_hash });
        let created = person.wall;
        let (seq, expires) = (created.0 + u64::from(next), Some(Timestamp(created.0 + 1_000_000_000)));
        Statement::sign(&janus.secret, &Header { generation: 0, seq, created, expires }, &body).expect("a profile")
    })
}

/// Makes somebody hear of a contradiction.
fn hears_both(person: &mut Person, words: &[Verified<Statement>; 2]) {
    person.accept(&words[0]);
    person.feed(Input::Gossip { message: MessageId(8), from: None, bytes: words[1].bytes().to_vec() });
    assert_eq!(person.count("duplicity"), 1, "{:?}", person.counters());
}

/// Found by the simulator: whoever knew of the duplicity refused the curator's proof of it, and had its log never whole;
/// nor had who knew nothing and asked only them.
#[test]
fn a_proof_is_of_no_log_so_those_who_refused_it_hand_the_whole_log_on() {
    let mut alice = curator(3);
    let before = alice.pushed_of(Kind::Head);
    let mut bob = late("bob", &alice);
    let words = contradiction(&alice);
    hears_both(&mut alice, &words);
    hears_both(&mut bob, &words);
    let [proof] = &alice.pushed_of(Kind::DuplicityProof)[..] else { panic!("who has spoken says so, once") };
    for person in [&mut alice, &mut bob] {
        person.elapse(MINUTE);
    }
    assert_eq!(alice.pushed_of(Kind::Head), before, "it changes nothing that a head counts");
    bob.ignore(proof, "proven");
    for person in [&mut alice, &mut bob] {
        person.elapse(3 * HOUR);
        person.outbox.clear();
    }
    meet(&mut alice, &mut bob);
    live(&mut bob, &mut alice, 3 * SECOND);
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
    part(&mut alice, &mut bob);
    // What is said after it is counted, whoever has the proof.
    alice.list(bunny(), 9);
    alice.elapse(3 * HOUR);
    bob.elapse(alice.mono - bob.mono);
    meet(&mut alice, &mut bob);
    live(&mut bob, &mut alice, 3 * SECOND);
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
    let mut carol = late("carol", &alice);
    carol.elapse(bob.mono.saturating_sub(carol.mono));
    meet(&mut bob, &mut carol);
    live(&mut carol, &mut bob, 3 * SECOND);
    assert_eq!(carol.show(bunny()).releases.len(), 4);
    assert!(is_whole(&mut carol), "{:?}", carol.counters());
}

#[test]
fn a_follower_of_the_accused_gets_the_proof_from_who_has_it_whoever_signed_it() {
    let janus = signer("janus").key();
    let mut alice = curator(1);
    let words = contradiction(&alice);
    alice.accept(&words[0]);
    // By somebody whom nobody knows.
    let proof = Body::DuplicityProof(DuplicityProof::new(&words[0], &words[1]).expect("a contradiction"));
    alice.accept(&signer("witness").says(1, alice.wall, &proof));
    for has_seen in [true, false] {
        let mut bob = person(if has_seen { "bob" } else { "carol" });
        bob.elapse(alice.mono);
        bob.follow(janus, Level::HIGH);
        if has_seen {
            bob.accept(&words[0]);
        }
        assert!(bob.trust_of(janus).expect("followed").score > 0.0);
        // Too old to be pushed.
        for person in [&mut alice, &mut bob] {
            person.elapse(3 * HOUR);
        }
        meet(&mut alice, &mut bob);
        live(&mut bob, &mut alice, 3 * SECOND);
        assert!(bob.trust_of(janus).is_none_or(|row| row.score <= 0.0), "{:?}", bob.counters());
        part(&mut alice, &mut bob);
        // And hands it on.
        let mut dave = person(if has_seen { "dave" } else { "erin" });
        dave.elapse(bob.mono);
        dave.follow(janus, Level::LOW);
        meet(&mut bob, &mut dave);
        live(&mut dave, &mut bob, 3 * SECOND);
        assert!(dave.trust_of(janus).is_none_or(|row| row.score <= 0.0), "{:?}", dave.counters());
    }
}

#[test]
fn what_was_pulled_is_served_on() {
    let mut alice = curator(3);
    let mut bob = late("bob", &alice);
    meet(&mut alice, &mut bob);
    live(&mut bob, &mut alice, 3 * SECOND);
    part(&mut alice, &mut bob);
    let mut carol = late("carol", &alice);
    meet(&mut bob, &mut carol);
    live(&mut carol, &mut bob, 3 * SECOND);
    assert_eq!(carol.show(bunny()).releases.len(), 3);
    assert!(is_whole(&mut carol));
}

#[test]
fn a_follow_asks_the_peers_that_are_there() {
    let mut alice = curator(1);
    let mut bob = person("bob");
    bob.elapse(alice.mono);
    meet(&mut alice, &mut bob);
    live(&mut bob, &mut alice, 3 * SECOND);
    assert_eq!(bob.count("sync_pulled"), 0, "nobody is followed yet");
    bob.follow(alice.key(), Level::LOW);
    talk(&mut bob, &mut alice);
    assert_eq!(bob.show(bunny()).releases.len(), 1);
}

#[test]
fn a_head_whose_log_gossip_lost_is_looked_after_at_once() {
    let mut alice = curator(1);
    let mut bob = late("bob", &alice);
    meet(&mut alice, &mut bob);
    live(&mut bob, &mut alice, MINUTE);
    assert!(is_whole(&mut bob));
    alice.list(bunny(), 2);
    alice.elapse(5 * SECOND);
    bob.elapse(5 * SECOND);
    let head = alice.pushed_of(Kind::Head).pop().expect("a head is pushed");
    bob.accept(&head);
    assert!(!is_whole(&mut bob));
    live(&mut bob, &mut alice, sync::SETTLE + 2 * SECOND);
    assert!(is_whole(&mut bob), "long before the usual session: {:?}", bob.counters());
}

#[test]
fn what_is_private_leaves_by_no_request() {
    let mut alice = person("alice");
    alice.list(bunny(), 1);
    let private = heirloom_core::command::Publish { private: true, ..publish(sintel()) };
    alice.list_with(private, 2);
    alice.elapse(2 * HOUR);
    let mut bob = late("bob", &alice);
    meet(&mut alice, &mut bob);
    live(&mut bob, &mut alice, 3 * SECOND);
    assert_eq!((bob.show(bunny()).releases.len(), bob.show(sintel()).releases.len()), (1, 0));
    assert!(is_whole(&mut bob), "the head does not count it either");
}

#[test]
fn an_omission_shows_and_another_peer_fills_it() {
    let mut alice = curator(5);
    let mut bob = late("bob", &alice);
    meet(&mut alice, &mut bob);
    live(&mut bob, &mut alice, 3 * SECOND);
    let mut carol = late("carol", &alice);
    meet(&mut bob, &mut carol);
    carol.elapse(2 * SECOND);
    talk_through(&mut carol, &mut bob, |_, response| match response {
        Response::Statements { mut envelopes, is_end, is_whole } if envelopes.len() > 1 => {
            envelopes.remove(1);
            Response::Statements { envelopes, is_end, is_whole }
        }
        other => other,
    });
    assert!(!is_whole(&mut carol));
    assert_eq!(carol.count("sync_omitted"), 1, "{:?}", carol.counters());
    assert_eq!(blamed(&mut carol), 0, "it may not have had it");
    meet(&mut alice, &mut carol);
    carol.elapse(2 * SECOND);
    talk(&mut carol, &mut alice);
    assert!(is_whole(&mut carol));
}

#[test]
fn a_pull_goes_on_where_a_crash_ended_it() {
    let mut alice = person("alice");
    for number in 0..600 {
        alice.attest(signer(&format!("friend {number}")).key(), Level::LOW);
        if number % 100 == 0 {
            alice.elapse(MINUTE);
        }
    }
    alice.elapse(2 * HOUR);
    let mut bob = late("bob", &alice);
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    let mut pages = 0;
    while pages < 2 {
        let [(order, bytes)] = &asks(&mut bob, number("alice"))[..] else { panic!("one question at a time") };
        pages += usize::from(matches!(Request::decode(bytes), Ok(Request::Fetch { .. })));
        let bytes = answer_of(&mut alice, number("bob"), bytes.clone());
        bob.feed(Input::SyncFrame(SyncEvent::Answered { order: *order, bytes }));
    }
    bob.restart();
    bob.feed(Input::Started { dht: false, torrents: true });
    part(&mut alice, &mut bob);
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    let mut first = None;
    talk_through(&mut bob, &mut alice, |request, response| {
        if let (Request::Fetch { after, .. }, None) = (request, first) {
            first = Some(*after);
        }
        response
    });
    assert!(first.expect("the log is fetched").1 > 0, "not from the start");
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
}

#[test]
fn lies_are_blamed_and_change_nothing() {
    let mallory = signer("mallory");
    let mut alice = curator(3);
    let at = alice.now().wall;
    let foreign = mallory.says(at.0, at, &listing(bunny(), 66)).bytes().to_vec();
    type Lie = Box<dyn Fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>>;
    let lies: Vec<(&str, Lie)> = vec![
        ("junk", Box::new(|_| vec![vec![1, 2, 3]])),
        (
            "a bad signature",
            Box::new(|mut all| {
                *all[0].last_mut().expect("not empty") ^= 1;
                all
            }),
        ),
        (
            "what was not asked for",
            Box::new(move |mut all| {
                all.push(foreign.clone());
                all
            }),
        ),
        ("the same again and again", Box::new(|all| vec![all[0].clone(); 5])),
    ];
    for (what, lie) in lies {
        let mut bob = late("bob", &alice);
        meet(&mut alice, &mut bob);
        bob.elapse(2 * SECOND);
        talk_through(&mut bob, &mut alice, |request, response| match (request, response) {
            (Request::Fetch { .. }, Response::Statements { envelopes, .. }) if !envelopes.is_empty() => {
                Response::Statements { envelopes: lie(envelopes), is_end: false, is_whole: true }
            }
            (_, response) => response,
        });
        assert_eq!(blamed(&mut bob), 1, "{what}: {:?}", bob.counters());
        assert!(bob.show(bunny()).releases.is_empty(), "{what}");
        // An honest peer makes up for it.
        let mut carol = late("carol", &alice);
        meet(&mut alice, &mut carol);
        live(&mut carol, &mut alice, 3 * SECOND);
        meet(&mut bob, &mut carol);
        bob.elapse(2 * SECOND);
        talk(&mut bob, &mut carol);
        assert!(is_whole(&mut bob), "{what}");
        part(&mut alice, &mut bob);
        part(&mut alice, &mut carol);
    }
}

#[test]
fn clocks_quotas_kinds_and_old_words_are_nobodys_fault() {
    let alice = curator(1);
    let mut bob = late("bob", &alice);
    let author = signer("alice");
    let at = bob.now().wall;
    let soon = heirloom_proto::Timestamp(at.0 + 3_600_000);
    let new = author.says(
        at.0,
        at,
        &heirloom_proto::Body::Verdict(heirloom_proto::body::Verdict {
            infohash: release(1),
            opinion: Opinion::Good,
            note: String::new(),
        }),
    );
    bob.accept(&new);
    let old = author.says(at.0 - 5000, at, new.body());
    let future = author.says(soon.0, soon, &listing(bunny(), 9));
    let expired = author.says_until(
        at.0 - 4000,
        heirloom_proto::Timestamp(at.0 - 4000),
        Some(heirloom_proto::Timestamp(at.0 - 1)),
        &listing(bunny(), 8),
    );
    let mut alice = alice;
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    let mut sent = false;
    talk_through(&mut bob, &mut alice, |request, response| match (request, response) {
        (Request::Fetch { .. }, _) if !sent => {
            sent = true;
            let mut page = [old.clone(), expired.clone(), future.clone()];
            page.sort_by_key(|s| s.header().order());
            let envelopes = page.iter().map(|s| s.bytes().to_vec()).collect();
            Response::Statements { envelopes, is_end: true, is_whole: false }
        }
        (_, response) => response,
    });
    assert!(sent);
    assert_eq!((bob.count("rolled_back"), blamed(&mut bob)), (1, 0), "{:?}", bob.counters());
    assert!(bob.count("from_future") + bob.count("future") > 0 && bob.count("expired") > 0, "{:?}", bob.counters());
}

#[test]
fn a_rotation_is_pulled_by_whoever_follows_the_key_that_was_left() {
    let old = signer("alice");
    let (next, at) = (signer("alice's next"), heirloom_proto::Timestamp(crate::rig::START.0));
    let commitment = heirloom_proto::Sha256::of(next.key().as_bytes());
    let profile = heirloom_proto::body::Profile { name: "Alice".into(), url: String::new(), next_key_hash: commitment };
    let profile = old.says(at.0, at, &heirloom_proto::Body::Profile(profile));
    let rotation = heirloom_proto::body::Rotation::signed_by(&old.secret, &next.key(), heirloom_proto::Sha256([8; 32]));
    let header = heirloom_proto::Header { generation: 1, seq: at.0 + 1, created: at, expires: None };
    let rotation = heirloom_proto::Statement::sign(&next.secret, &header, &heirloom_proto::Body::Rotation(rotation));
    let rotation = rotation.expect("a rotation");
    let (mut bob, mut carol) = (person("bob"), person("carol"));
    for one in [&mut bob, &mut carol] {
        one.follow(old.key(), Level::HIGH);
        one.accept(&profile);
    }
    bob.accept(&rotation);
    bob.elapse(DAY);
    carol.elapse(DAY);
    meet(&mut bob, &mut carol);
    live(&mut carol, &mut bob, 3 * SECOND);
    match carol.must(Command::Follows) {
        Reply::Follows(all) => assert_eq!((all[0].key, all[0].previous), (next.key(), Some(old.key()))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_restored_owner_rises_above_what_peers_hold() {
    let mut alice = curator(2);
    let mut bob = late("bob", &alice);
    meet(&mut alice, &mut bob);
    live(&mut bob, &mut alice, 3 * SECOND);
    let seq = alice.judge(1, Opinion::Good).seq;
    alice.elapse(10 * SECOND);
    for bytes in alice.pushed() {
        bob.hear(bytes.bytes());
    }
    let mut again = offline("alice");
    again.leap(alice.mono);
    again.feed(Input::Started { dht: false, torrents: true });
    part(&mut alice, &mut bob);
    meet(&mut again, &mut bob);
    again.elapse(2 * SECOND);
    talk(&mut again, &mut bob);
    assert_eq!(again.show(bunny()).releases.len(), 2, "{:?}", again.counters());
    assert!(again.judge(2, Opinion::Good).seq > seq);
}

#[test]
fn silence_and_strange_versions_are_waited_out() {
    let mut alice = curator(1);
    let mut bob = late("bob", &alice);
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    assert_eq!(asks(&mut bob, number("alice")).len(), 1);
    bob.elapse(sync::ANSWER_MAX);
    assert_eq!(bob.count("sync_unanswered"), 1);
    bob.elapse(HOUR);
    let tries = asks(&mut bob, number("alice"));
    assert!((2..15).contains(&tries.len()), "again, but less and less: {}", tries.len());
    bob.elapse(HOUR);
    asks(&mut bob, number("alice"));
    let order = loop {
        bob.elapse(SECOND);
        if let Some((order, _)) = asks(&mut bob, number("alice")).pop() {
            break order;
        }
    };
    bob.feed(Input::SyncFrame(SyncEvent::Failed { order, is_unsupported: true }));
    bob.elapse(5 * HOUR);
    assert!(asks(&mut bob, number("alice")).len() <= 1);
    assert_eq!(blamed(&mut bob), 0);
}

#[test]
fn a_flood_of_questions_is_told_to_wait() {
    let mut alice = curator(3);
    let mut bob = late("bob", &alice);
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    let [(_, open)] = &asks(&mut bob, number("alice"))[..] else { panic!("one question") };
    let busy = (0..5000)
        .filter(|_| {
            let answer = answer_of(&mut alice, number("bob"), open.clone());
            matches!(Response::decode(&answer), Ok(Response::Refused { retry_after_ms: 1.., .. }))
        })
        .count();
    assert!(busy > 3000, "{busy}");
    let mut carol = late("carol", &alice);
    meet(&mut alice, &mut carol);
    live(&mut carol, &mut alice, 3 * SECOND);
    assert!(is_whole(&mut carol), "nobody else has to wait");
    assert_eq!(blamed(&mut alice), 0);
}

#[test]
fn places_for_askers_are_few_and_come_free() {
    let mut alice = curator(1);
    let mut bob = late("bob", &alice);
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    let [(_, open)] = &asks(&mut bob, number("alice"))[..] else { panic!("one question") };
    let ask = |alice: &mut Person, peer: u64| {
        alice.feed(Input::PeerUp(Peer(peer)));
        Response::decode(&answer_of(alice, Peer(peer), open.clone())).expect("an answer")
    };
    for peer in 0..sync::HOSTING_MAX as u64 {
        assert!(matches!(ask(&mut alice, 1000 + peer), Response::Round { .. }), "{peer}");
    }
    assert!(matches!(ask(&mut alice, 2000), Response::Refused { .. }));
    alice.elapse(sync::HOSTING_IDLE);
    assert!(matches!(ask(&mut alice, 2000), Response::Round { .. }), "one that idles gives its place");
}

#[test]
fn whoever_is_distrusted_or_unknown_is_not_pulled() {
    let mut alice = curator(2);
    let mut bob = person("bob");
    bob.elapse(alice.mono);
    meet(&mut alice, &mut bob);
    live(&mut bob, &mut alice, 5 * SECOND);
    assert_eq!((bob.count("sync_pulled"), bob.show(bunny()).releases.len()), (0, 0));
    let scope = Scope::All;
    bob.must(Command::Follow {
        key: signer("nobody").key(),
        level: Level::LOW,
        scope,
        alias: String::new(),
        preview: false,
    });
    live(&mut bob, &mut alice, 5 * SECOND);
    assert_eq!(bob.count("sync_pulled"), 0);
}

#[test]
fn online_nodes_sync_as_well() {
    let mut alice = online("alice");
    alice.attest(signer("carol").key(), Level::HIGH);
    alice.elapse(5 * SECOND);
    assert!(!alice.pushed_of(Kind::Head).is_empty());
    let mut bob = online("bob");
    bob.follow(alice.key(), Level::HIGH);
    meet(&mut alice, &mut bob);
    live(&mut bob, &mut alice, 3 * SECOND);
    assert!(is_whole(&mut bob));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn arbitrary_frames_harm_neither_half(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 1..8),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255u8), 1..8),
    ) {
        let mut alice = curator(1);
        let mut bob = late("bob", &alice);
        meet(&mut alice, &mut bob);
        bob.elapse(2 * SECOND);
        let mut asked = asks(&mut bob, number("alice"));
        let (order, open) = asked.pop().expect("a question");
        for frame in frames {
            answer_of(&mut alice, number("bob"), frame);
        }
        // A session, then whatever may be said in it.
        answer_of(&mut alice, number("bob"), open.clone());
        if let Ok(Request::Open { filter, .. }) = Request::decode(&open) {
            for message in &messages {
                let salt = filter.salt();
                answer_of(&mut alice, number("bob"), Request::Round { salt, message: message.clone() }.encode());
                answer_of(&mut alice, number("bob"), open.clone());
            }
            let message = messages[0].clone();
            let response = Response::Round { salt: filter.salt(), message };
            bob.feed(Input::SyncFrame(SyncEvent::Answered { order, bytes: response.encode() }));
        }
        for (at, flip) in flips {
            alice.elapse(MINUTE);
            bob.elapse(20 * MINUTE);
            for (order, bytes) in asks(&mut bob, number("alice")) {
                let mut bytes = answer_of(&mut alice, number("bob"), bytes);
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
                bob.feed(Input::SyncFrame(SyncEvent::Answered { order, bytes }));
            }
        }
        part(&mut alice, &mut bob);
        meet(&mut alice, &mut bob);
        live(&mut bob, &mut alice, 20 * SECOND);
        bob.elapse(2 * HOUR);
        alice.elapse(2 * HOUR);
        asks(&mut bob, number("alice"));
        live(&mut bob, &mut alice, 60 * SECOND);
        prop_assert!(is_whole(&mut bob), "{:?}", bob.counters());
    }
}
