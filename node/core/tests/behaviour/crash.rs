//! What outlives a crash, and what stops the node.

use crate::rig::*;
use heirloom_core::command::Command;
use heirloom_core::io::{DhtEvent, Input, Output};
use heirloom_core::store::StoreError;
use heirloom_core::{Config, MemoryStore, Service, TrustSettings};
use heirloom_proto::body::{Level, Opinion};
use heirloom_proto::dht::{head_item, work_item};
use heirloom_proto::{Body, Kind, Timestamp};

#[test]
fn a_sequence_number_is_the_time_or_the_next_one() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    assert_eq!(alice.attest(bob.key(), Level::LOW).seq, alice.wall.0 + 1, "after the profile of the same millisecond");
    let first = alice.attest(bob.key(), Level::MEDIUM).seq;
    assert_eq!(alice.attest(bob.key(), Level::HIGH).seq, first + 1, "two in one millisecond");
    alice.leap(HOUR);
    assert_eq!(alice.attest(bob.key(), Level::LOW).seq, alice.wall.0);
    // A clock that went back takes no number twice.
    let last = alice.attest(bob.key(), Level::MEDIUM).seq;
    alice.wall = alice.wall.minus(DAY);
    assert_eq!(alice.attest(bob.key(), Level::HIGH).seq, last + 1);
    alice.restart();
    assert_eq!(alice.attest(bob.key(), Level::LOW).seq, last + 2, "a restart goes on");
}

#[test]
fn after_a_power_cut_no_number_that_left_is_used_again() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.wall = Timestamp(1000);
    let last = (0..5).map(|_| alice.attest(bob.key(), Level::LOW).seq).max().expect("some");
    let store = alice.kill().after_power_cut();
    alice.reopen(store);
    alice.wall = Timestamp(500);
    assert!(alice.attest(bob.key(), Level::HIGH).seq > last);
}

#[test]
fn what_was_not_committed_never_left_and_never_was() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.attest(bob.key(), Level::LOW);
    let statements = alice.status().statements;
    let now = alice.now();
    let command = Box::new(Command::Verdict {
        infohash: release(1),
        opinion: Opinion::Good,
        note: String::new(),
        private: false,
    });
    let request = heirloom_core::io::RequestId(99);
    alice.service().handle(now, Input::Command { request, command });
    assert_eq!(alice.service().poll_output(), None);
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: false });
    assert_eq!(alice.status().statements, statements);
}

#[test]
fn when_the_disk_is_full_nothing_is_released_and_the_node_stops() {
    let (alice, bob) = (signer("alice"), signer("bob"));
    let config = || Config {
        secret: alice.secret.clone(),
        next_key_hash: next_key_hash("alice"),
        generation: 0,
        seed: [0; 32],
        trust: TrustSettings::default(),
        budgets: heirloom_core::Budgets::default(),
    };
    let now = heirloom_core::Now { mono: SECOND, wall: START };
    let mut store = MemoryStore::default();
    store.failing = Some(StoreError::DiskFull);
    let mut service = Service::open(config(), store).expect("reading works");
    let request = heirloom_core::io::RequestId(1);
    let attest = |level| Input::Command {
        request,
        command: Box::new(Command::Attest {
            subject: bob.key(),
            level,
            scope: heirloom_proto::body::Scope::All,
            reason: String::new(),
            lifetime: None,
            private: false,
        }),
    };
    service.handle(now, attest(Level::LOW));
    let halt = service.commit().expect_err("the disk is full");
    assert!(halt.to_string().contains("the disk is full"), "{halt}");
    assert_eq!(service.poll_output(), None, "nothing was released");
    service.handle(now, attest(Level::HIGH));
    assert!(service.commit().is_err(), "it stays stopped");
    assert_eq!(service.poll_output(), None);
    // Space was made: it starts from what was committed, which is nothing.
    let mut store = service.into_store();
    store.failing = None;
    let mut service = Service::open(config(), store).expect("opened");
    service.handle(now, attest(Level::LOW));
    service.commit().expect("committed");
    let left: Vec<_> = std::iter::from_fn(|| service.poll_output()).collect();
    assert!(matches!(left[0], Output::Publish { kind: "profile", .. }), "{left:?}");
}

#[test]
fn the_first_publish_waits_for_the_number_that_the_dht_has_seen() {
    let mut alice = offline("alice");
    alice.start();
    let [(order, key, salt)] = &alice.gets()[..] else { panic!("no look for the own head") };
    assert_eq!((key, salt.as_slice()), (alice.key().as_bytes(), b"heirloom".as_slice()));
    let subject = signer("bob").key();
    let attest = Command::Attest {
        subject,
        level: Level::HIGH,
        scope: heirloom_proto::body::Scope::All,
        reason: String::new(),
        lifetime: None,
        private: false,
    };
    let request = alice.begin(attest);
    assert_eq!(alice.reply(request), None, "held until the number is known");
    assert!(alice.pushed().is_empty());
    // The disk came from a backup: the network has seen a number of tomorrow.
    let seen = START.plus(DAY).0;
    let head = heirloom_proto::body::Head { live_count: 9, live_root: next_key_hash("any"), archive: None };
    let me = signer("alice");
    let item = head_item(&me.secret, &me.says(seen, START, &Body::Head(head)));
    alice.found(*order, &item);
    assert_eq!(alice.reply(request), None);
    alice.done(*order);
    assert!(alice.reply(request).expect("answered").is_ok());
    assert!(alice.pushed().iter().all(|statement| statement.header().seq > seen));
}

#[test]
fn a_silent_dht_holds_the_first_publish_for_seconds_only_and_announces_once() {
    let mut alice = person("alice");
    alice.attest(signer("bob").key(), Level::LOW);
    alice.elapse(MINUTE);
    alice.restart();
    alice.start();
    let (order, ..) = alice.gets()[0];
    let subject = signer("carol").key();
    let attest = Command::Attest {
        subject,
        level: Level::HIGH,
        scope: heirloom_proto::body::Scope::All,
        reason: String::new(),
        lifetime: None,
        private: false,
    };
    let request = alice.begin(attest);
    alice.elapse(4 * SECOND);
    assert_eq!(alice.reply(request), None);
    alice.elapse(2 * SECOND);
    assert!(alice.reply(request).is_some_and(|result| result.is_ok()));
    alice.elapse(3 * SECOND);
    assert_eq!(alice.pushed_of(Kind::Profile).len(), 1);
    // The answer comes late: its number is heeded, nothing is announced again.
    let seen = alice.wall.plus(DAY).0;
    let me = signer("alice");
    let head = heirloom_proto::body::Head { live_count: 9, live_root: next_key_hash("any"), archive: None };
    alice.found(order, &head_item(&me.secret, &me.says(seen, alice.wall, &Body::Head(head))));
    alice.done(order);
    assert!(alice.pushed_of(Kind::Profile).is_empty());
    assert!(alice.attest(subject, Level::LOW).seq > seen);
}

#[test]
fn an_item_of_ours_that_is_newer_somewhere_is_risen_above() {
    let (mut alice, mut shelf) = (online("alice"), Shelf::default());
    alice.list(bunny(), 1);
    alice.live(MINUTE, &mut shelf);
    // A backup was restored: the DHT shows what the lost future put there.
    let me = signer("alice");
    let seen = alice.wall.plus(2 * DAY).0;
    let future = me.says(seen, alice.wall, &listing(bunny(), 9));
    let ahead = work_item(&me.secret, &bunny(), &[future], seen).into_inner();
    let salt = ahead.salt.clone();
    alice.live(2 * HOUR, &mut Shelf::default());
    let put = loop {
        let next = alice.service().next_wakeup().expect("something is due");
        alice.leap(next.saturating_sub(alice.mono));
        alice.feed(Input::Wake);
        if let Some((order, _)) = alice.puts().into_iter().find(|(_, item)| item.salt == salt) {
            break order;
        }
    };
    alice.gets();
    alice.feed(Input::Dht(DhtEvent::NotStored { order: put, newer_exists: true }));
    let gets = alice.gets();
    let (order, ..) = gets.iter().find(|(_, _, at)| *at == salt).expect("it looks what stands there");
    alice.found(*order, &ahead);
    alice.done(*order);
    alice.elapse(3 * SECOND);
    let puts = alice.puts();
    let again = &puts.iter().find(|(_, item)| item.salt == salt).expect("put again").1;
    assert!(again.seq > i64::try_from(seen).expect("small"), "{} after {seen}", again.seq);
}

#[test]
fn a_head_of_ours_that_is_newer_somewhere_is_replaced() {
    let (mut alice, mut shelf) = (online("alice"), Shelf::default());
    alice.attest(signer("bob").key(), Level::LOW);
    alice.live(MINUTE, &mut shelf);
    alice.pushed();
    let me = signer("alice");
    let seen = alice.wall.plus(2 * DAY).0;
    let head = heirloom_proto::body::Head { live_count: 9, live_root: next_key_hash("any"), archive: None };
    let ahead = head_item(&me.secret, &me.says(seen, alice.wall, &Body::Head(head))).into_inner();
    shelf.items.insert((ahead.key, ahead.salt.clone()), ahead);
    alice.restart();
    alice.start();
    alice.live(MINUTE, &mut shelf);
    let heads = alice.pushed_of(Kind::Head);
    assert!(heads.last().is_some_and(|head| head.header().seq > seen), "{heads:?}");
    let standing = &shelf.items[&(*alice.key().as_bytes(), b"heirloom".to_vec())];
    assert_eq!(standing.value, heads.last().expect("one").bytes());
}

#[test]
fn everything_of_mine_is_there_after_a_restart() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.list(bunny(), 1);
    alice.judge(2, Opinion::Fake);
    alice.accept(&bob.says(1, START, &listing(bunny(), 3)));
    alice.elapse(MINUTE);
    let before = alice.status();
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: true });
    let after = alice.status();
    assert_eq!(
        (after.statements, after.keys_known, after.works, after.releases),
        (before.statements, before.keys_known, before.works, before.releases)
    );
    assert_eq!(alice.show(bunny()).releases.len(), 2);
}
