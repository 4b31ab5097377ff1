//! Archives of those who are followed: fetched, refused, seeded on, limited.

use super::desk::*;
use crate::rig::*;
use crate::syncing::{answer_of, asks, is_whole, meet, number, talk, talk_through};
use heirloom_core::archives::{FETCHES_MAX, FIND_MAX, GRACE, KEPT_BYTES_MAX, LEAD, PERIOD, REST, WAIT_MAX};
use heirloom_core::command::Command;
use heirloom_core::io::{ArchiveEvent, ArchiveFault, ArchiveOrder, Input, OrderId, SyncEvent};
use heirloom_core::views::{ArchiveState, Source};
use heirloom_proto::archive::ARCHIVE_BYTES_MAX;
use heirloom_proto::body::Level;
use heirloom_proto::sync::Request;
use heirloom_proto::{Infohash, Kind, Sha256, Timestamp};

#[test]
fn a_late_follower_fetches_the_archive_first_and_syncs_only_the_rest() {
    let mut desk = Desk::default();
    let mut alice = curator(300, &mut desk);
    talks(&mut alice, 900, 903);
    elapse(&mut alice, &mut desk, 10 * SECOND);
    let said = head(&mut alice);
    let (named, _) = archive_in(&said).expect("named");
    assert!(alice.count("archive_written") == 1);

    let mut bob = online("bob");
    bob.leap(alice.mono - bob.mono);
    bob.feed(Input::Wake);
    bob.follow(alice.key(), Level::HIGH);
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    // The head comes with the session itself, and its log is left to the archive.
    let mut fetched = 0;
    talk_through(&mut bob, &mut alice, |request, response| {
        fetched += usize::from(matches!(request, Request::Fetch { .. }));
        response
    });
    assert_eq!(fetched, 0, "sync waits for the archive");
    assert_eq!(state_of(&mut bob, named), Some(ArchiveState::Fetching));
    desk.serve(&mut bob);
    assert_eq!(bob.count("archive_statements"), 300, "{:?}", bob.counters());
    assert_eq!(desk.seeds(&bob, named), Some(false), "seeded on, under no name");
    assert_eq!(state_of(&mut bob, named), Some(ArchiveState::Seeding));
    bob.elapse(2 * SECOND);
    talk(&mut bob, &mut alice);
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
    assert_eq!(bob.count("sync_pulled"), 3, "the rest and nothing else");
    assert_eq!(bob.count("sync_omitted") + bob.count("sync_incomplete"), 0);
}

#[test]
fn what_came_by_archive_says_so() {
    let mut desk = Desk::default();
    let carol = signer("carol");
    let mut all = log("carol", 200);
    all.push(carol.says(201, START, &listing(bunny(), 1)));
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", carol.key());
    bob.accept(&head_over("carol", 202, START, &all, Some(named)));
    desk.serve(&mut bob);
    let mut shelf = Shelf::default();
    let shown = bob.show_with(bunny(), &mut shelf);
    assert_eq!(shown.releases.len(), 1, "{:?}", bob.counters());
    assert_eq!(shown.releases[0].source, Source::Archive);
    assert!(is_whole(&mut bob));
    bob.restart();
    assert_eq!(bob.show(bunny()).releases[0].source, Source::Archive, "also after a restart");
}

#[test]
fn with_little_missing_sync_does_it() {
    let mut desk = Desk::default();
    let all = log("carol", 300);
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", signer("carol").key());
    bob.import(&all[..160]);
    bob.accept(&head_over("carol", 301, START, &all, Some(named)));
    assert_eq!(fetch_order(&mut bob), None, "less than half");
    let few = log("dave", 100);
    let named = desk.lay(file_of(&bytes_of(&few)));
    bob.follow(signer("dave").key(), Level::HIGH);
    bob.accept(&head_over("dave", 101, START, &few, Some(named)));
    assert_eq!(fetch_order(&mut bob), None, "less than a page or two");
}

#[test]
fn nobodys_archive_is_fetched_but_a_follows() {
    let mut desk = Desk::default();
    let all = log("carol", 300);
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = online("bob");
    bob.archive_orders();
    bob.accept(&head_over("carol", 301, START, &all, Some(named)));
    assert_eq!(bob.archive_orders(), []);
    bob.follow(signer("carol").key(), Level::LOW);
    assert_eq!(fetch_order(&mut bob).map(|(_, hash)| hash), Some(named.0), "now it is one");
}

/// Bob follows Alice's long log, whose archive nobody has; what she said last, and where her archive would be.
fn follower_of_what_nobody_has(desk: &mut Desk, count: usize) -> (Person, Person, Infohash) {
    desk.is_empty = true;
    let mut alice = curator(count, desk);
    let (named, _) = archive_in(&head(&mut alice)).expect("named");
    let mut bob = online("bob");
    bob.leap(alice.mono - bob.mono);
    bob.feed(Input::Wake);
    bob.follow(alice.key(), Level::HIGH);
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    talk(&mut bob, &mut alice);
    desk.serve(&mut bob);
    assert!(!is_whole(&mut bob));
    (alice, bob, named)
}

#[test]
fn an_archive_that_nobody_has_keeps_sync_waiting_for_its_lead_only() {
    let mut desk = Desk::default();
    let (mut alice, mut bob, named) = follower_of_what_nobody_has(&mut desk, 300);
    bob.live(LEAD + SECOND, &mut Shelf::default());
    assert_eq!(state_of(&mut bob, named), Some(ArchiveState::Fetching), "still looked for");
    talk(&mut bob, &mut alice);
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
    assert_eq!(desk.fetched, [named], "asked for once");
    // Having all of it, he makes it of what he has, and it is the same; nobody is looked for any longer.
    elapse(&mut bob, &mut desk, SECOND);
    assert_eq!((bob.count("archive_overtaken"), bob.count("archive_late")), (1, 0), "{:?}", bob.counters());
    assert_eq!((bob.count("archive_remade"), desk.seeds(&bob, named)), (1, Some(false)), "{:?}", bob.counters());
}

#[test]
fn an_archive_that_nobody_has_is_not_looked_for_for_ever() {
    let mut desk = Desk::default();
    let (_, mut bob, named) = follower_of_what_nobody_has(&mut desk, 300);
    bob.live(FIND_MAX + SECOND, &mut Shelf::default());
    assert_eq!((bob.count("archive_late"), state_of(&mut bob, named)), (1, None), "{:?}", bob.counters());
}

#[test]
fn an_archive_that_is_found_late_takes_over_from_sync() {
    let mut desk = Desk::default();
    let (mut alice, mut bob, named) = follower_of_what_nobody_has(&mut desk, 1500);
    bob.live(LEAD + SECOND, &mut Shelf::default());
    let order = desk.orders[&named];
    let mut pages = 0;
    // Somebody who has it turns up between the first page and the next.
    loop {
        let asked = asks(&mut bob, number("alice"));
        if asked.is_empty() {
            break;
        }
        for (question, bytes) in asked {
            let is_page = matches!(Request::decode(&bytes).expect("whole"), Request::Fetch { .. });
            let bytes = answer_of(&mut alice, number("bob"), bytes);
            if is_page {
                pages += 1;
                bob.feed(Input::Archive(ArchiveEvent::Begun { order, bytes: 1 << 20 }));
            }
            bob.feed(Input::SyncFrame(SyncEvent::Answered { order: question, bytes }));
        }
    }
    assert_eq!((pages, bob.count("archive_overtaken")), (1, 0), "the archive brings the rest");
    assert!(!is_whole(&mut bob));
    let file = desk.files[&named].clone();
    let (bytes, sha256) = (file.len() as u64, Sha256::of(&file));
    desk.reading.insert((bob.name.clone(), order), envelopes_in(&file));
    bob.feed(Input::Archive(ArchiveEvent::Fetched { order, sha256, bytes }));
    desk.serve(&mut bob);
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
    assert_eq!(bob.count("archive_late") + bob.count("sync_omitted"), 0);
}

#[test]
fn a_transfer_may_take_as_long_as_its_size_says() {
    let mut desk = Desk::default();
    let all = log("carol", 300);
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", signer("carol").key());
    bob.accept(&head_over("carol", 301, START, &all, Some(named)));
    let (order, _) = fetch_order(&mut bob).expect("fetched");
    bob.feed(Input::Archive(ArchiveEvent::Begun { order, bytes: 16 << 20 }));
    let mut shelf = Shelf::default();
    bob.live(2 * FIND_MAX, &mut shelf);
    assert_eq!(bob.count("archive_late"), 0);
    bob.live(5 * MINUTE, &mut shelf);
    assert_eq!(bob.count("archive_late"), 1, "too slow");
    assert_eq!(bob.archive_orders(), [ArchiveOrder::Drop { infohash: named.0 }]);
    // What comes after that is nobody's.
    bob.feed(Input::Archive(ArchiveEvent::Fetched { order, sha256: named.1, bytes: 1 }));
    bob.feed(Input::Archive(ArchiveEvent::Part { order, envelopes: bytes_of(&all), is_end: true }));
    assert_eq!((bob.archive_orders(), bob.count("archive_statements")), (vec![], 0));
}

/// What is wrong with a file, how the driver tells, and by which name it is counted.
fn broken_archives() -> Vec<(&'static str, Vec<u8>)> {
    let good = bytes_of(&log("carol", 300));
    let foreign = log("mallory", 1)[0].bytes().to_vec();
    let own_head = head_over("carol", 1000, START, &log("carol", 3), None).bytes().to_vec();
    let mut forged = good.clone();
    *forged[150].last_mut().expect("not empty") ^= 1;
    let mut stranger = good.clone();
    stranger.insert(150, foreign);
    let mut backwards = good.clone();
    backwards.swap(150, 151);
    let twice = [&good[..150], &good[149..]].concat();
    let headed = [&good[..], &[own_head]].concat();
    let junk = [&good[..10], &[vec![1, 2, 3]]].concat();
    vec![
        ("archive_invalid", file_of(&forged)),
        ("archive_invalid", file_of(&junk)),
        ("archive_foreign", file_of(&stranger)),
        ("archive_not_ascending", file_of(&backwards)),
        ("archive_not_ascending", file_of(&twice)),
        ("archive_head", file_of(&headed)),
    ]
}

/// After a refusal: not asked for again, not even after a restart; another one is, and good statements were taken.
#[track_caller]
fn is_refused(mut bob: Person, counter: &str, broken: (Infohash, Sha256), desk: &mut Desk) {
    assert_eq!((bob.count(counter), bob.count("archive_refused")), (1, 1), "{counter}: {:?}", bob.counters());
    let orders = bob.archive_orders();
    assert_eq!(orders, [], "nothing more is wanted: {orders:?}");
    assert_eq!(desk.seeds(&bob, broken.0), None, "not seeded on");
    assert_eq!(state_of(&mut bob, broken.0), Some(ArchiveState::Refused));
    let all = log("carol", 700);
    let good = desk.lay(file_of(&bytes_of(&all)));
    let again = |number: u64, at: Timestamp, named| head_over("carol", number, at, &all, Some(named));
    let now = bob.wall;
    bob.accept(&again(2000, now, broken));
    assert_eq!(fetch_order(&mut bob), None);
    bob.restart();
    bob.start();
    bob.settle(&mut Shelf::default());
    assert_eq!(fetch_order(&mut bob), None, "{counter}");
    let at = now.plus(REST);
    bob.leap(REST);
    bob.accept(&again(2001, at, good));
    desk.serve(&mut bob);
    let follows = bob.must(Command::Follows);
    assert!(is_whole(&mut bob), "{counter}: {follows:?} {:?}", bob.counters());
    assert_eq!(state_of(&mut bob, broken.0), None, "forgotten with the head that named it");
    assert_eq!(desk.seeds(&bob, good.0), Some(false));
}

#[test]
fn an_archive_that_is_not_its_authors_log_is_refused_and_not_asked_for_again() {
    for (counter, file) in broken_archives() {
        let mut desk = Desk::default();
        let broken = desk.lay(file);
        let mut bob = follower("bob", signer("carol").key());
        bob.accept(&head_over("carol", 1001, START, &log("carol", 300), Some(broken)));
        desk.serve(&mut bob);
        assert!(bob.count("archive_statements") < 301, "what came before stands for itself");
        assert_eq!(bob.trust_of(signer("mallory").key()), None, "others' statements are not taken from it");
        is_refused(bob, counter, broken, &mut desk);
    }
}

#[test]
fn an_archive_that_is_not_what_the_head_says_is_refused() {
    let all = log("carol", 300);
    let file = file_of(&bytes_of(&all));
    let named = (infohash_of(&file), Sha256::of(b"another file"));
    let faults: [(&str, Box<dyn Fn(OrderId) -> ArchiveEvent>); 5] = [
        (
            "archive_wrong_hash",
            Box::new(move |order| ArchiveEvent::Fetched { order, sha256: Sha256([7; 32]), bytes: 9 }),
        ),
        (
            "archive_wrong_hash",
            Box::new(move |order| ArchiveEvent::Fetched { order, sha256: named.1, bytes: ARCHIVE_BYTES_MAX + 1 }),
        ),
        ("archive_not_one", Box::new(|order| ArchiveEvent::Begun { order, bytes: ARCHIVE_BYTES_MAX + 1 })),
        ("archive_not_one", Box::new(|order| ArchiveEvent::NotFetched { order, fault: ArchiveFault::NotAnArchive })),
        ("archive_damaged", Box::new(|order| ArchiveEvent::NotFetched { order, fault: ArchiveFault::Damaged })),
    ];
    for (counter, fault) in faults {
        let mut desk = Desk::default();
        let mut bob = follower("bob", signer("carol").key());
        bob.accept(&head_over("carol", 1001, START, &all, Some(named)));
        let (order, _) = fetch_order(&mut bob).expect("fetched");
        bob.feed(Input::Archive(fault(order)));
        assert_eq!(bob.archive_orders(), [ArchiveOrder::Drop { infohash: named.0 }], "{counter}");
        is_refused(bob, counter, named, &mut desk);
    }
}

#[test]
fn a_fault_of_this_machine_condemns_no_archive() {
    let all = log("carol", 300);
    let mut desk = Desk::default();
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", signer("carol").key());
    bob.accept(&head_over("carol", 1001, START, &all, Some(named)));
    let (order, _) = fetch_order(&mut bob).expect("fetched");
    bob.feed(Input::Archive(ArchiveEvent::NotFetched { order, fault: ArchiveFault::Failed }));
    assert_eq!((bob.count("archive_failed"), bob.count("archive_refused")), (1, 0));
    bob.archive_orders();
    elapse(&mut bob, &mut desk, REST + HOUR);
    assert!(is_whole(&mut bob), "the disk has room again: {:?}", bob.counters());
}

#[test]
fn who_names_one_archive_after_the_other_keeps_nobody_busy() {
    let all = log("carol", 300);
    let mut bob = follower("bob", signer("carol").key());
    for number in 0..50_u8 {
        let named = Some((release(number), Sha256([number; 32])));
        bob.accept(&head_over("carol", 1000 + u64::from(number), bob.wall, &all, named));
        if let Some((order, _)) = fetch_order(&mut bob) {
            bob.feed(Input::Archive(ArchiveEvent::NotFetched { order, fault: ArchiveFault::NotAnArchive }));
        }
        bob.leap(61 * SECOND);
    }
    assert!(bob.count("archive_refused") <= 2, "{:?}", bob.counters());
    assert!(rows(&mut bob).len() <= 1, "nor are all of them remembered");
}

#[test]
fn a_crash_in_the_middle_loses_nothing_and_the_fetch_goes_on() {
    let all = log("carol", 300);
    let mut desk = Desk::default();
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", signer("carol").key());
    bob.accept(&head_over("carol", 1001, START, &all, Some(named)));
    let (order, _) = fetch_order(&mut bob).expect("fetched");
    bob.feed(Input::Archive(ArchiveEvent::Fetched { order, sha256: named.1, bytes: 9 }));
    bob.feed(Input::Archive(ArchiveEvent::Part { order, envelopes: bytes_of(&all[..200]), is_end: false }));
    let before = bob.status().statements;
    assert!(before >= 200);
    bob.restart();
    assert_eq!(bob.status().statements, before);
    bob.start();
    let orders = bob.archive_orders();
    assert!(orders.contains(&ArchiveOrder::Tidy { keep: vec![named.0] }), "what came is not deleted: {orders:?}");
    orders.into_iter().for_each(|order| desk.carry_out(&mut bob, order));
    desk.serve(&mut bob);
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
    assert_eq!(desk.seeds(&bob, named.0), Some(false));
    bob.restart();
    bob.start();
    let orders = bob.archive_orders();
    let seed = ArchiveOrder::Seed { infohash: named.0, author: signer("carol").key(), named: false };
    assert!(orders.contains(&seed) && !orders.iter().any(|o| matches!(o, ArchiveOrder::Fetch { .. })), "{orders:?}");
}

#[test]
fn when_the_follow_ends_so_does_the_seeding() {
    let all = log("carol", 300);
    let mut desk = Desk::default();
    let named = desk.lay(file_of(&bytes_of(&all)));
    let mut bob = follower("bob", signer("carol").key());
    bob.accept(&head_over("carol", 1001, START, &all, Some(named)));
    desk.serve(&mut bob);
    assert!(desk.seeds(&bob, named.0).is_some());
    bob.must(Command::Unfollow { key: signer("carol").key() });
    desk.serve(&mut bob);
    assert_eq!((desk.seeds(&bob, named.0), rows(&mut bob)), (None, vec![]));
    // Also in the middle of a fetch.
    let mut dave = follower("dave", signer("carol").key());
    dave.accept(&head_over("carol", 1001, START, &all, Some(named)));
    assert!(fetch_order(&mut dave).is_some());
    dave.must(Command::Unfollow { key: signer("carol").key() });
    assert_eq!(dave.archive_orders(), [ArchiveOrder::Drop { infohash: named.0 }]);
}

#[test]
fn a_follower_seeds_what_the_head_names_made_of_its_own_copy() {
    let mut desk = Desk::default();
    let mut alice = curator(300, &mut desk);
    let said = head(&mut alice);
    let (first, _) = archive_in(&said).expect("named");
    let mut bob = online("bob");
    bob.leap(alice.mono - bob.mono);
    bob.feed(Input::Wake);
    bob.follow(alice.key(), Level::HIGH);
    bob.accept(&said);
    desk.serve(&mut bob);
    assert_eq!(desk.seeds(&bob, first), Some(false));
    let news: Vec<_> = {
        elapse(&mut alice, &mut desk, PERIOD + MINUTE);
        elapse(&mut bob, &mut desk, PERIOD + MINUTE);
        alice.pushed();
        talks(&mut alice, 900, 1000);
        elapse(&mut alice, &mut desk, MINUTE);
        alice.pushed()
    };
    elapse(&mut bob, &mut desk, MINUTE);
    let second = news.iter().rev().find(|s| s.kind() == Kind::Head).and_then(|head| archive_in(head)).expect("named").0;
    assert_ne!(first, second);
    // Gossip is lossless here; the whole of it is noticed when sync looks.
    news.iter().for_each(|statement| {
        bob.hear(statement.bytes());
    });
    meet(&mut alice, &mut bob);
    bob.elapse(2 * SECOND);
    talk(&mut bob, &mut alice);
    assert!(is_whole(&mut bob), "{:?}", bob.counters());
    bob.elapse(SECOND);
    desk.serve(&mut bob);
    assert_eq!(desk.seeds(&bob, second), Some(false), "{:?}", bob.counters());
    assert_eq!(desk.fetched, [first], "nothing was fetched for it");
    assert_eq!(state_of(&mut bob, first), Some(ArchiveState::Superseded));
    elapse(&mut bob, &mut desk, GRACE + 2 * HOUR);
    assert_eq!(desk.seeds(&bob, first), None);
}

#[test]
fn only_some_are_fetched_at_once_and_the_others_wait_or_are_synced() {
    let mut bob = online("bob");
    bob.archive_orders();
    let names: Vec<String> = (0..FETCHES_MAX + 2).map(|number| format!("curator {number}")).collect();
    let mut begun = Vec::new();
    for (number, name) in (1..).zip(&names) {
        bob.follow(signer(name).key(), Level::HIGH);
        bob.accept(&head_over(name, 1001, START, &log(name, 300), Some((release(number), Sha256([number; 32])))));
        begun.extend(fetch_order(&mut bob));
    }
    assert_eq!(begun.len(), FETCHES_MAX);
    let waiting = |bob: &mut Person| rows(bob).iter().filter(|row| row.state == ArchiveState::Waiting).count();
    assert_eq!(waiting(&mut bob), 2);
    bob.feed(Input::Archive(ArchiveEvent::NotFetched { order: begun[0].0, fault: ArchiveFault::Failed }));
    let (order, next) = fetch_order(&mut bob).expect("the next");
    assert_eq!((next, waiting(&mut bob)), (release(5), 1), "who waited longest");
    // The places stay taken.
    for order in begun[1..].iter().map(|(order, _)| *order).chain([order]) {
        bob.feed(Input::Archive(ArchiveEvent::Begun { order, bytes: ARCHIVE_BYTES_MAX }));
    }
    bob.live(WAIT_MAX + SECOND, &mut Shelf::default());
    assert_eq!((waiting(&mut bob), bob.count("archive_late")), (0, 1));
}

#[test]
fn what_is_kept_for_others_is_limited_and_the_least_followed_goes_first() {
    let big = ARCHIVE_BYTES_MAX;
    let fits = u8::try_from(KEPT_BYTES_MAX / big).expect("a few");
    let mut bob = online("bob");
    let keep = |bob: &mut Person, number: u8, level: Level| {
        let name = format!("curator {number}");
        let all = log(&name, 200);
        bob.follow(signer(&name).key(), level);
        let named = (release(number), Sha256([number; 32]));
        bob.accept(&head_over(&name, 1001, bob.wall, &all, Some(named)));
        let (order, _) = fetch_order(bob).expect("fetched");
        bob.feed(Input::Archive(ArchiveEvent::Fetched { order, sha256: named.1, bytes: big }));
        bob.feed(Input::Archive(ArchiveEvent::Part { order, envelopes: bytes_of(&all), is_end: true }));
        let dropped = bob.archive_orders().into_iter().filter_map(|order| match order {
            ArchiveOrder::Drop { infohash } => Some(infohash),
            _ => None,
        });
        let dropped: Vec<Infohash> = dropped.collect();
        bob.leap(SECOND);
        dropped
    };
    for number in 1..=fits {
        let level = if number == 3 { Level::LOW } else { Level::MEDIUM };
        assert_eq!(keep(&mut bob, number, level), []);
    }
    assert_eq!(keep(&mut bob, 101, Level::LOW), [release(101)], "it gives way to those that are there");
    assert_eq!(keep(&mut bob, 102, Level::HIGH), [release(3)], "who is followed least");
    assert_eq!(keep(&mut bob, 103, Level::HIGH), [release(1)], "then who was there first");
    assert_eq!(bob.count("archive_evicted"), 2);
    let kept: u64 = rows(&mut bob).iter().map(|row| row.bytes).sum();
    assert!(kept <= KEPT_BYTES_MAX);
    bob.feed(Input::Wake);
    assert!(!bob.archive_orders().iter().any(|order| matches!(order, ArchiveOrder::Write { .. })), "nor made anew");
}
