//! Who shows to whom who it is, who can tell, and what that is worth.

use crate::rig::{HOUR, Person, SECOND, person, signer};
use heirloom_core::io::{ExchangeId, IdentityEvent, IdentityOrder, Input, Output, Peer, SyncOrder};
use heirloom_proto::Key;
use heirloom_proto::body::Level;
use heirloom_proto::identity::{Answer, Ask, Ends, FRESH_MS};
use std::time::Duration;

/// The transport id by which others know a person's node.
fn transport(name: &str) -> Vec<u8> {
    format!("transport of {name}").into_bytes()
}

fn ends(asker: &str, answerer: &str) -> Ends {
    Ends { asker: transport(asker), answerer: transport(answerer) }
}

fn number(name: &str) -> Peer {
    Peer(u64::from(name.as_bytes()[0]))
}

fn friends(person: &mut Person, names: &[&str]) {
    let keys = names.iter().map(|name| signer(name).key()).collect();
    person.service().set_friends(keys);
}

/// What a person sends when it meets a peer; nothing, if it has nobody to show itself to.
fn ask_of(person: &mut Person, to: &str) -> Option<(heirloom_core::io::OrderId, Vec<u8>)> {
    let (me, peer) = (person.name.clone(), number(to));
    person.feed(Input::PeerUp(peer));
    person.feed(Input::Identity(IdentityEvent::Met { peer, ends: ends(&me, to) }));
    let at = person.outbox.iter().position(|o| matches!(o, Output::Identity(IdentityOrder::Ask { .. })))?;
    match person.outbox.remove(at) {
        Some(Output::Identity(IdentityOrder::Ask { order, peer: to, bytes })) if to == peer => Some((order, bytes)),
        other => panic!("{other:?}"),
    }
}

fn answer_of(person: &mut Person, from: &str, bytes: Vec<u8>) -> Option<Vec<u8>> {
    let ends = ends(from, &person.name);
    answer_over(person, number(from), ends, bytes)
}

fn answer_over(person: &mut Person, peer: Peer, ends: Ends, bytes: Vec<u8>) -> Option<Vec<u8>> {
    let exchange = ExchangeId(3);
    person.feed(Input::Identity(IdentityEvent::Asked { peer, exchange, ends, bytes }));
    let at = person.outbox.iter().position(|o| matches!(o, Output::Identity(IdentityOrder::Answer { .. })))?;
    match person.outbox.remove(at) {
        Some(Output::Identity(IdentityOrder::Answer { exchange: of, bytes })) if of == exchange => Some(bytes),
        other => panic!("{other:?}"),
    }
}

/// Whom a person came to know, and what it grants them.
fn known(person: &mut Person) -> Vec<(Peer, Key, bool, u32)> {
    let mut found = Vec::new();
    person.outbox.retain(|output| match output {
        Output::Identity(IdentityOrder::Proved { peer, key, is_friend, favour }) => {
            found.push((*peer, *key, *is_friend, *favour));
            false
        }
        _ => true,
    });
    found
}

/// One ask and its answer.
fn introduce(asker: &mut Person, answerer: &mut Person) {
    let Some((order, bytes)) = ask_of(asker, &answerer.name.clone()) else { return };
    let bytes = answer_of(answerer, &asker.name.clone(), bytes).expect("every ask is answered");
    asker.feed(Input::Identity(IdentityEvent::Answered { order, bytes }));
}

#[test]
fn friends_know_each_other() {
    let (mut alice, mut bob) = (person("alice"), person("bob"));
    friends(&mut alice, &["bob", "carol"]);
    friends(&mut bob, &["alice"]);
    introduce(&mut alice, &mut bob);
    assert_eq!(known(&mut bob), [(number("alice"), alice.key(), true, 200)]);
    assert_eq!(known(&mut alice), [(number("bob"), bob.key(), true, 200)]);
}

#[test]
fn who_is_nobody_s_friend_says_nothing_and_answers_nothing() {
    let (mut alice, mut mallory) = (person("alice"), person("mallory"));
    assert_eq!(ask_of(&mut alice, "mallory"), None, "by default nobody is shown anything");
    friends(&mut mallory, &["alice"]);
    introduce(&mut mallory, &mut alice);
    assert_eq!(known(&mut mallory), [], "the answer says nothing");
    assert_eq!(known(&mut alice), [(number("mallory"), mallory.key(), false, 0)], "mallory told on itself");
    // Following somebody is no friendship: whom I follow is not told to anybody.
    alice.follow(mallory.key(), Level::FULL);
    introduce(&mut mallory, &mut alice);
    assert_eq!(known(&mut mallory), []);
    assert!(known(&mut alice)[0].3 > 0, "but it is worth something to be followed, and proved");
}

#[test]
fn nobody_but_the_friend_can_tell_who_asks_or_for_whom() {
    let (mut alice, mut eve) = (person("alice"), person("eve"));
    friends(&mut alice, &["bob", "carol"]);
    friends(&mut eve, &["alice"]);
    let (order, bytes) = ask_of(&mut alice, "eve").expect("it has friends");
    for name in ["alice", "bob", "carol"] {
        let key = signer(name).key();
        assert!(!bytes.windows(8).any(|part| part == &key.as_bytes()[..8]), "{name} is in the frame");
    }
    let answer = answer_of(&mut eve, "alice", bytes).expect("answered");
    assert_eq!(known(&mut eve), []);
    alice.feed(Input::Identity(IdentityEvent::Answered { order, bytes: answer }));
    assert_eq!(known(&mut alice), []);
}

#[test]
fn a_proof_cannot_be_carried_to_a_third() {
    let (mut alice, mut bob, mut carol) = (person("alice"), person("bob"), person("carol"));
    friends(&mut alice, &["bob", "carol"]);
    let (_, bytes) = ask_of(&mut alice, "bob").expect("it has friends");
    // Bob shows it to carol as his own, and somebody shows it to bob from another transport id.
    answer_of(&mut carol, "bob", bytes.clone()).expect("answered");
    answer_of(&mut bob, "mallory", bytes.clone()).expect("answered");
    let turned = Ends { asker: transport("bob"), answerer: transport("alice") };
    answer_over(&mut bob, number("alice"), turned, bytes.clone()).expect("answered");
    assert_eq!((known(&mut carol), known(&mut bob)), (vec![], vec![]));
    // The answer to one ask is none to another.
    friends(&mut bob, &["alice"]);
    let stale = answer_of(&mut bob, "alice", bytes).expect("answered");
    let (order, _) = ask_of(&mut alice, "bob").expect("it asks again");
    alice.feed(Input::Identity(IdentityEvent::Answered { order, bytes: stale }));
    assert_eq!(known(&mut alice), []);
}

#[test]
fn stale_proofs_and_wrong_clocks_prove_nothing_and_blame_nobody() {
    let (mut alice, mut bob) = (person("alice"), person("bob"));
    friends(&mut alice, &["bob"]);
    let (_, bytes) = ask_of(&mut alice, "bob").expect("it has friends");
    bob.leap(Duration::from_millis(FRESH_MS) + SECOND);
    answer_of(&mut bob, "alice", bytes).expect("answered");
    assert_eq!(known(&mut bob), []);
    assert_eq!(bob.count("identity_malformed"), 0);
    assert!(!bob.outbox.iter().any(|o| matches!(o, Output::SyncFrame(SyncOrder::Blame { .. }))));
}

#[test]
fn frames_that_are_none_are_blamed_and_unasked_answers_are_nothing() {
    let (mut alice, mut bob) = (person("alice"), person("bob"));
    assert_eq!(answer_of(&mut bob, "mallory", vec![1, 2, 3]), None);
    assert_eq!(bob.count("identity_malformed"), 1);
    friends(&mut alice, &["bob"]);
    let (order, bytes) = ask_of(&mut alice, "bob").expect("it has friends");
    let ask = Ask::decode(&bytes).expect("as sent");
    let mut entropy = || [5; 32];
    let secret = signer("bob").secret;
    let now = alice.wall;
    let answer = Answer::new(&secret, Some(&alice.key()), &ask, &ends("alice", "bob"), now, &mut entropy).encode();
    alice.feed(Input::Identity(IdentityEvent::Failed { order }));
    alice.feed(Input::Identity(IdentityEvent::Answered { order, bytes: answer.clone() }));
    assert_eq!(known(&mut alice), [], "the ask had failed");
    let (order, _) = ask_of(&mut alice, "bob").expect("again");
    alice.feed(Input::PeerDown(number("bob")));
    alice.feed(Input::Identity(IdentityEvent::Answered { order, bytes: answer }));
    assert_eq!(known(&mut alice), [], "the peer was gone");
}

#[test]
fn a_friend_is_asked_first_and_its_worth_follows_the_scores() {
    let (mut alice, mut bob) = (person("alice"), person("bob"));
    friends(&mut alice, &["bob"]);
    friends(&mut bob, &["alice"]);
    // Strangers first; then the friend, whose turn would be last.
    for stranger in 1..=8 {
        alice.feed(Input::PeerUp(Peer(stranger)));
    }
    introduce(&mut alice, &mut bob);
    assert_eq!(known(&mut alice)[0].3, 200);
    let first = alice.outbox.iter().find_map(|output| match output {
        Output::SyncFrame(SyncOrder::Ask { peer, .. }) => Some(*peer),
        _ => None,
    });
    assert_eq!(first, Some(number("bob")), "sync begins with whom it knows");
    alice.follow(bob.key(), Level::FULL);
    alice.elapse(HOUR + SECOND);
    let worth = known(&mut alice).last().map(|(_, _, _, favour)| *favour).expect("said again");
    assert!(worth > 200 && worth <= 250, "{worth}");
    alice.feed(Input::PeerDown(number("bob")));
    alice.elapse(HOUR + SECOND);
    assert_eq!(known(&mut alice), [], "a proof ends with its connection");
}
