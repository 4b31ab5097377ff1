//! What the owner said is renewed before it expires, at a pace that others take; and after a start it leaves one by one.

use crate::rig::*;
use heirloom_core::command::{Command, Publish, Reply};
use heirloom_core::ingest::is_gone;
use heirloom_core::replication::WORK_ITEMS_MAX;
use heirloom_core::upkeep::{PUSH_AT_ONCE, PUSH_GAP, RENEWAL_PERIOD, URGENT_PER_ROUND};
use heirloom_core::views;
use heirloom_proto::body::{Level, Opinion};
use heirloom_proto::dht::work_salt;
use heirloom_proto::{Kind, Statement, Verified, WorkId, statement};
use std::collections::BTreeMap;
use std::time::Duration;

fn work(number: usize) -> WorkId {
    format!("imdb:tt{:07}", 1000 + number).parse().expect("an id")
}

fn own(person: &mut Person) -> Vec<(Verified<Statement>, bool)> {
    match person.must(Command::Export) {
        Reply::Statements(all) => {
            let read = |own: views::OwnStatement| (statement::verify(&own.bytes).expect("holds"), own.is_private);
            all.into_iter().map(read).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn kinds(person: &mut Person) -> BTreeMap<Kind, usize> {
    let mut kinds = BTreeMap::new();
    own(person).iter().for_each(|(said, _)| *kinds.entry(said.kind()).or_default() += 1);
    kinds
}

/// Lets days pass in which the node runs for an hour each.
fn days(person: &mut Person, count: u32) {
    for _ in 0..count {
        person.elapse(HOUR);
        person.outbox.clear();
        person.leap(DAY - HOUR);
    }
}

#[test]
fn what_the_owner_found_to_be_so_is_said_as_long_as_the_node_runs_and_trust_fades() {
    let mut alice = person("alice");
    alice.list(bunny(), 1);
    alice.judge(2, Opinion::Fake);
    alice.attest(signer("bob").key(), Level::HIGH);
    let before = kinds(&mut alice);
    assert_eq!(before[&Kind::Attestation], 1);
    days(&mut alice, 179);
    assert_eq!(kinds(&mut alice), before);
    days(&mut alice, 2);
    assert!(!kinds(&mut alice).contains_key(&Kind::Attestation), "nobody confirmed it");
    days(&mut alice, 700);
    let after = kinds(&mut alice);
    for kind in [Kind::Profile, Kind::Work, Kind::Listing, Kind::Verdict, Kind::Head] {
        assert_eq!(after.get(&kind), before.get(&kind), "{kind:?}");
    }
    let expected = 4 * 4;
    assert_eq!(alice.count("renewed"), expected, "four of them, every 200 days of 881");
    assert_eq!(alice.show(bunny()).releases.len(), 1);
}

#[test]
fn what_is_private_stays_so_and_what_was_given_a_life_keeps_it() {
    let mut alice = person("alice");
    alice.list_with(Publish { private: true, ..publish(bunny()) }, 1);
    alice.outbox.clear();
    days(&mut alice, 300);
    assert!(alice.count("renewed") > 0);
    assert!(own(&mut alice).iter().all(|(_, is_private)| *is_private));
    let lives: Vec<Duration> = own(&mut alice)
        .iter()
        .filter_map(|(said, _)| Some(said.header().expires?.since(said.header().created)))
        .collect();
    assert!(lives.iter().all(|life| *life == 400 * DAY), "{lives:?}");
    alice.elapse(HOUR);
    assert!(alice.pushed().is_empty(), "nobody hears of it");
}

#[test]
fn others_take_what_is_renewed() {
    let (mut alice, mut bob) = (person("alice"), person("bob"));
    bob.follow(alice.key(), Level::HIGH);
    alice.list(bunny(), 1);
    alice.pushed().iter().for_each(|said| bob.accept(said));
    for _ in 0..420 {
        alice.elapse(HOUR);
        bob.elapse(HOUR);
        for said in alice.pushed() {
            bob.hear(said.bytes());
        }
        alice.outbox.clear();
        alice.leap(DAY - HOUR);
        bob.leap(DAY - HOUR);
    }
    assert_eq!(bob.show(bunny()).releases.len(), 1, "the first form expired twenty days ago");
}

#[test]
fn many_listings_of_one_day_are_renewed_over_days_and_none_is_lost() {
    let mut alice = person("alice");
    let count = 250;
    for number in 0..count {
        alice.list_with(Publish { title: None, ..publish(work(number)) }, 1);
    }
    alice.outbox.clear();
    alice.leap(201 * DAY);
    let mut busiest = 0;
    for _ in 0..3 {
        let before = alice.count("renewed");
        alice.elapse(DAY);
        alice.outbox.clear();
        busiest = busiest.max(alice.count("renewed") - before);
    }
    assert!((90..=120).contains(&busiest), "{busiest} a day: gossip takes 100 of a key");
    assert_eq!(alice.count("renewed"), count as u64 + 1, "the profile too");
    assert_eq!(kinds(&mut alice)[&Kind::Listing], count);
}

#[test]
fn after_a_long_time_away_what_would_run_out_goes_faster() {
    let mut alice = person("alice");
    let count = 150;
    for number in 0..count {
        alice.list_with(Publish { title: None, ..publish(work(number)) }, 1);
    }
    alice.outbox.clear();
    alice.leap(399 * DAY);
    let rounds = u32::try_from(count / URGENT_PER_ROUND + 2).expect("few");
    alice.elapse(RENEWAL_PERIOD * rounds * 7 / 6);
    assert!(kinds(&mut alice)[&Kind::Listing] == count && alice.count("renewed") > count as u64);
    alice.elapse(2 * DAY);
    assert_eq!(kinds(&mut alice)[&Kind::Listing], count);
    assert!(own(&mut alice).iter().all(|(said, _)| !is_gone(said, alice.wall)));
}

#[test]
fn a_renewed_listing_does_not_push_newer_ones_out_of_the_dht() {
    let mut alice = online("alice");
    let mut shelf = Shelf::default();
    for number in 0..WORK_ITEMS_MAX + 10 {
        alice.list_with(Publish { title: None, ..publish(work(number)) }, 1);
        alice.settle(&mut shelf);
        alice.leap(SECOND);
    }
    // The ten oldest are renewed first.
    alice.leap(200 * DAY);
    while alice.count("renewed") < 11 {
        alice.live(RENEWAL_PERIOD, &mut shelf);
    }
    let me = *alice.key().as_bytes();
    let standing = |shelf: &Shelf, number: usize| shelf.items.contains_key(&(me, work_salt(&work(number)).to_vec()));
    for is_restarted in [false, true] {
        if is_restarted {
            alice.restart();
            alice.start();
        }
        let mut later = Shelf::default();
        alice.live(2 * HOUR, &mut later);
        let kept: Vec<usize> = (0..WORK_ITEMS_MAX + 10).filter(|number| standing(&later, *number)).collect();
        assert_eq!(kept, (10..WORK_ITEMS_MAX + 10).collect::<Vec<_>>(), "restarted: {is_restarted}");
    }
    // What the owner says anew is new.
    alice.list_with(Publish { title: None, resolution: "720p".into(), ..publish(work(0)) }, 1);
    alice.settle(&mut shelf);
    alice.restart();
    alice.start();
    let mut later = Shelf::default();
    alice.live(HOUR, &mut later);
    assert!(standing(&later, 0) && !standing(&later, 10));
}

#[test]
fn after_a_start_what_is_fresh_leaves_one_by_one_and_once() {
    let mut alice = person("alice");
    let count = 60;
    for number in 0..count {
        alice.list_with(Publish { title: None, ..publish(work(number)) }, 1);
    }
    alice.restart();
    alice.start();
    alice.settle(&mut Shelf::default());
    let mut pushed = alice.pushed();
    assert!(pushed.len() <= PUSH_AT_ONCE + 3, "{} at once", pushed.len());
    assert_eq!(pushed[0].kind(), Kind::Profile, "what others are checked against goes first");
    alice.elapse(10 * PUSH_GAP);
    let more = alice.pushed();
    assert!((8..=13).contains(&more.len()), "{} in a second", more.len());
    pushed.extend(more);
    alice.elapse(MINUTE);
    pushed.extend(alice.pushed());
    let listings = pushed.iter().filter(|said| said.kind() == Kind::Listing).count();
    assert_eq!(listings, count, "each once");
    alice.elapse(MINUTE);
    assert!(alice.pushed_of(Kind::Listing).is_empty());
}
