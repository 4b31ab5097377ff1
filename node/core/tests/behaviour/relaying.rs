//! Logs that none of a node's peers keeps: interest goes from peer to peer, and the statements come back, within bounds.

use crate::rig::{HOUR, MINUTE, Person, SECOND, bunny, person, person_within, signer};
use crate::syncing::{answer_of, asks, curator, is_whole, late, meet, number, talk};
use heirloom_core::budgets::Budgets;
use heirloom_core::io::Peer;
use heirloom_core::sync::{WANTED_MAX, WANTED_SHARE};
use heirloom_proto::body::Level;
use heirloom_proto::sync::{Request, Response};
use heirloom_proto::{Key, Kind};
use std::collections::BTreeSet;
use std::time::Duration;

/// Two of a row, each to be changed.
fn pair(people: &mut [Person], a: usize, b: usize) -> (&mut Person, &mut Person) {
    let (left, right) = people.split_at_mut(b);
    (&mut left[a], &mut right[0])
}

/// Ties each to the next.
fn chain(people: &mut [Person]) {
    for at in 1..people.len() {
        let (a, b) = pair(people, at - 1, at);
        meet(a, b);
    }
}

/// Lets a chain live until something holds, and says how long it took.
fn until(people: &mut [Person], limit: Duration, mut holds: impl FnMut(&mut [Person]) -> bool) -> Option<Duration> {
    let mut passed = Duration::ZERO;
    while passed <= limit {
        if holds(people) {
            return Some(passed);
        }
        people.iter_mut().for_each(|person| person.elapse(SECOND));
        for at in 1..people.len() {
            let (a, b) = pair(people, at - 1, at);
            talk(a, b);
            talk(b, a);
        }
        passed += SECOND;
    }
    None
}

fn strangers_of(person: &mut Person) -> usize {
    person.status().usage.strangers_bytes
}

#[test]
fn a_chain_whose_last_alone_follows_the_first_converges() {
    for knows_head in [true, false] {
        let mut alice = person("alice");
        (1..=3).for_each(|number| {
            alice.list(bunny(), number);
        });
        alice.elapse(MINUTE);
        let head = alice.pushed_of(Kind::Head).pop().expect("a head");
        let mut people = vec![alice];
        for name in ["bob", "carol", "dave"] {
            let mut one = person(name);
            one.elapse(people[0].mono);
            if knows_head {
                one.accept(&head);
            }
            people.push(one);
        }
        people.iter_mut().for_each(|person| person.elapse(3 * HOUR));
        let key = people[0].key();
        people[3].follow(key, Level::HIGH);
        chain(&mut people);
        let took = until(&mut people, HOUR, |people| is_whole(&mut people[3]));
        assert!(took.is_some_and(|took| took <= 5 * MINUTE), "{knows_head} {took:?}: {:?}", people[3].counters());
        assert_eq!(people[3].show(bunny()).releases.len(), 3);
        for between in &mut people[1..3] {
            // Where the head is known its author may be a decoy, whose log is here before anybody asks for it.
            let wanted = between.count("sync_wanted");
            assert!(wanted == 1 || (knows_head && wanted == 0), "{:?}", between.counters());
            assert!(strangers_of(between) > 0, "{:?}", between.counters());
            assert!(between.pushed().is_empty(), "who passes it on says nothing of its own");
        }
        // And again when the author goes on, though nobody pushed it.
        people[0].list(bunny(), 7);
        people[0].elapse(2 * HOUR);
        for at in 1..4 {
            let ahead = people[0].mono;
            let behind = people[at].mono;
            people[at].elapse(ahead.saturating_sub(behind));
        }
        let took = until(&mut people, HOUR, |people| people[3].show(bunny()).releases.len() == 4);
        assert!(took.is_some(), "{:?}", people[3].counters());
    }
}

#[test]
fn what_is_asked_for_others_looks_like_what_is_asked_for_oneself() {
    let mut alice = person("alice");
    alice.list(bunny(), 1);
    alice.elapse(3 * HOUR);
    let key = alice.key();
    let (mut bob, mut carol) = (late("bob", &alice), person("carol"));
    carol.elapse(alice.mono);
    meet(&mut bob, &mut carol);
    carol.elapse(2 * SECOND);
    bob.elapse(2 * SECOND);
    let filter_of = |bytes: &[u8]| match Request::decode(bytes) {
        Ok(Request::Open { filter, .. }) => Some(filter),
        _ => None,
    };
    let before = filter_of(&asks(&mut carol, number("bob")).pop().expect("a session").1).expect("it opens");
    assert!(!before.matches(&key));
    talk(&mut bob, &mut carol);
    assert_eq!(carol.count("sync_wanted"), 1, "{:?}", carol.counters());
    // Dave is another peer of hers: he sees her filter, with a salt of its own and as long as before, and no name.
    let mut dave = person("dave");
    dave.elapse(carol.mono);
    meet(&mut carol, &mut dave);
    carol.elapse(2 * SECOND);
    let asked = asks(&mut carol, number("dave"));
    let after = asked.iter().find_map(|(_, bytes)| filter_of(bytes)).expect("it opens");
    assert!(after.matches(&key) && after.salt() != before.salt());
    assert_eq!(asked.len(), 1);
    assert_eq!(filter_bytes(&asked[0].1), filter_bytes(&asked[0].1).next_power_of_two(), "within the padding");
    assert!(!asked[0].1.windows(32).any(|window| window == bob.key().as_bytes()), "nothing names who asked");
}

fn filter_bytes(open: &[u8]) -> usize {
    // A filter of few keys is the shortest there is for `FILTER_KEYS_MIN`: 192 bytes, as a power of two.
    assert!(open.len() > 256 && open.len() < 600, "{}", open.len());
    256
}

/// Asks somebody for a key's log from its beginning.
fn fetch(person: &mut Person, from: Peer, author: Key) -> bool {
    let answer = answer_of(person, from, Request::Fetch { author, after: (0, 0) }.encode());
    matches!(Response::decode(&answer), Ok(Response::Statements { .. }))
}

#[test]
fn a_flood_of_asks_for_invented_keys_costs_little_and_keeps_nobody_out() {
    let mut people = vec![curator(3), person("bob")];
    let until_now = people[0].mono;
    people[1].elapse(until_now);
    chain(&mut people);
    until(&mut people, 10 * SECOND, |_| false);
    let quiet = |people: &mut [Person]| (people[1].count("sync_bytes_out"), people[1].count("sync_sessions"));
    let before = quiet(&mut people);
    until(&mut people, 2 * HOUR, |_| false);
    let usual = quiet(&mut people);
    let usual = (usual.0 - before.0, usual.1 - before.1);
    // Two hundred peers, each of which asks for another key every twenty seconds.
    let mallory = |number: u64| Peer(10_000 + number);
    (0..200).for_each(|number| people[1].feed(heirloom_core::io::Input::PeerUp(mallory(number))));
    let start = quiet(&mut people);
    let (mut invented, mut asked_at_once) = (0, BTreeSet::new());
    for turn in 0..360u64 {
        for number in 0..200 {
            invented += 1;
            let key = signer(&format!("invented {}", (invented + number) % 3000)).key();
            fetch(&mut people[1], mallory(number), key);
        }
        people[1].elapse(20 * SECOND);
        people[0].elapse(20 * SECOND);
        (0..200).for_each(|number| drop(asks(&mut people[1], mallory(number))));
        let (alice, bob) = pair(&mut people, 0, 1);
        for (_, bytes) in asks(bob, number("alice")) {
            if let Ok(Request::Fetch { author, .. }) = Request::decode(&bytes) {
                asked_at_once.insert((turn / 30, author));
            }
        }
        talk(alice, bob);
    }
    let flooded = quiet(&mut people);
    let flooded = (flooded.0 - start.0, flooded.1 - start.1);
    let wanted = people[1].count("sync_wanted");
    assert!(wanted >= WANTED_MAX as u64, "{wanted}");
    // One turn of ten minutes for each place.
    assert!(wanted <= (WANTED_MAX * (12 + 1)) as u64 + 200, "{wanted}");
    // The flood's own 200 silent peers are asked as any peers are; alice is one of 201.
    assert!(flooded.1 <= 201 * 60, "sessions: {usual:?} {flooded:?}");
    assert!(flooded.0 / flooded.1.max(1) < 1500, "bytes of a session: {flooded:?}");
    assert_eq!(strangers_of(&mut people[1]), 0, "nothing comes of it");
    // Somebody honest comes: there is a place.
    (0..200).for_each(|number| people[1].feed(heirloom_core::io::Input::PeerDown(mallory(number))));
    let mut carol = late("carol", &people[0]);
    carol.elapse(people[1].mono.saturating_sub(carol.mono));
    people.push(carol);
    let (bob, carol) = pair(&mut people, 1, 2);
    meet(bob, carol);
    let took = until(&mut people, HOUR, |people| is_whole(&mut people[2]));
    assert!(took.is_some(), "{:?}", people[2].counters());
}

#[test]
fn one_peer_alone_has_its_share() {
    let mut bob = person("bob");
    bob.feed(heirloom_core::io::Input::PeerUp(Peer(7)));
    let asked = (0..500).filter(|number| fetch(&mut bob, Peer(7), signer(&format!("invented {number}")).key())).count();
    assert!(asked >= WANTED_SHARE);
    assert_eq!(bob.count("sync_wanted"), WANTED_SHARE as u64);
}

#[test]
fn what_is_pulled_for_others_is_a_strangers_and_displaces_nothing() {
    let small = Budgets { strangers_bytes: 3000, ..Budgets::default() };
    let mut alice = curator(40);
    alice.elapse(MINUTE);
    let mut erin = person("erin");
    (50..60).for_each(|number| {
        erin.list(bunny(), number);
    });
    let mut bob = person_within("bob", small);
    bob.attest(signer("friend").key(), Level::HIGH);
    bob.follow(erin.key(), Level::HIGH);
    bob.elapse(10 * SECOND);
    for said in erin.pushed() {
        bob.hear(said.bytes());
    }
    erin.elapse(10 * SECOND);
    for said in erin.pushed() {
        bob.hear(said.bytes());
    }
    let kept = bob.show(bunny()).releases.len();
    assert_eq!(kept, 10);
    bob.elapse(alice.mono.saturating_sub(bob.mono));
    let own = bob.status().statements;
    let carol = late("carol", &alice);
    let mut people = vec![alice, bob, carol];
    let most = people.iter().map(|person| person.mono).max().expect("three");
    people.iter_mut().for_each(|person| person.elapse(most.saturating_sub(person.mono)));
    chain(&mut people);
    let mut largest = 0;
    until(&mut people, 20 * MINUTE, |people| {
        largest = largest.max(strangers_of(&mut people[1]));
        false
    });
    let bob = &mut people[1];
    assert!(bob.count("sync_wanted") == 1 && bob.count("sync_pulled") > 0 && largest > 0, "{:?}", bob.counters());
    assert!(largest <= 3000, "{largest}");
    assert!(bob.count("over_quota") > 0, "more of it would not go in: {:?}", bob.counters());
    assert_eq!(bob.show(bunny()).releases.iter().filter(|r| r.band == heirloom_graph::Band::Trusted).count(), kept);
    assert!(bob.status().statements >= own - 1 && is_whole(bob), "{:?}", bob.counters());
}
