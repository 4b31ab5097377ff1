//! What stands in the DHT, what is believed of it, and how works are looked up.

use crate::rig::*;
use heirloom_core::command::{Command, Fault, Reply, Target, Wanted};
use heirloom_core::io::{DhtEvent, Input, OrderId, TorrentOrder};
use heirloom_core::replication::{
    COPIES_ENOUGH, HEAD_PERIOD, LOOKUP_WAIT, ORDER_MAX, PUT_LASTS, RETRY_MAX, WORK_ITEMS_MAX, WORK_PERIOD,
};
use heirloom_core::views::Source;
use heirloom_graph::Band;
use heirloom_proto::body::{Head, Level};
use heirloom_proto::dht::{Item, head_item, work_item, work_salt};
use heirloom_proto::{Body, Kind};
use std::collections::BTreeMap;
use std::time::Duration;

/// Alice follows Bob and shows the work; the DHT answers with this item.
fn show_with_answer(alice: &mut Person, item: &Item) -> heirloom_core::views::Work {
    let request = alice.begin(Command::Show { work: bunny(), wait: None, lines: 0 });
    let gets = alice.gets();
    let (order, ..) = gets.iter().find(|(_, _, salt)| salt[..] == work_salt(&bunny())).expect("a look");
    alice.found(*order, item);
    alice.done(*order);
    alice.nobody_found();
    match alice.reply(request).expect("answered").expect("shown") {
        Reply::Work(work) => *work,
        other => panic!("{other:?}"),
    }
}

fn alice_who_follows_bob() -> (Person, Signer) {
    let (mut alice, bob) = (online("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.settle(&mut Shelf::default());
    (alice, bob)
}

#[test]
fn a_follow_is_looked_up_in_the_dht_and_found() {
    let (mut curator, mut alice, mut shelf) = (online("curator"), online("alice"), Shelf::default());
    let request = curator.list(bunny(), 1);
    curator.live(10 * SECOND, &mut shelf);
    match curator.reply(request).expect("answered").expect("published") {
        Reply::Published(published) => assert_eq!(published.stored_on, Some(8)),
        other => panic!("{other:?}"),
    }
    assert!(alice.show_with(bunny(), &mut shelf).releases.is_empty(), "nobody to ask");
    alice.follow(curator.key(), Level::HIGH);
    let shown = alice.show_with(bunny(), &mut shelf);
    let best = &shown.releases[0];
    assert_eq!((best.infohash, best.band, best.source), (release(1), Band::Trusted, Source::Dht));
    assert_eq!((shown.title.as_str(), shown.year), ("Big Buck Bunny", Some(2008)), "the record comes along");
}

#[test]
fn values_that_are_wrong_are_ignored_and_counted_by_what_is_wrong() {
    let (mallory, eve) = (signer("mallory"), signer("eve"));
    let bob = signer("bob");
    let good = |seq: u64| {
        let said = bob.says(seq, START, &listing(bunny(), 1));
        work_item(&bob.secret, &bunny(), &[said], seq).into_inner()
    };
    let too_long = Item { value: vec![7; 1200], ..good(5) };
    let mut damaged = good(5);
    damaged.value[20] ^= 1;
    let off_curve = Item { key: [2; 32], ..good(5) };
    let by_mallory = {
        let said = mallory.says(5, START, &listing(bunny(), 2));
        work_item(&mallory.secret, &bunny(), &[said], 5).into_inner()
    };
    let other_work = {
        let said = bob.says(5, START, &listing(sintel(), 2));
        work_item(&bob.secret, &sintel(), &[said], 5).into_inner()
    };
    let of_another_key_inside = {
        let said = eve.says(5, START, &listing(bunny(), 2));
        work_item(&bob.secret, &bunny(), &[said], 5).into_inner()
    };
    let expired = {
        let said = bob.says_until(5, START.minus(DAY), Some(START.minus(HOUR)), &listing(bunny(), 2));
        work_item(&bob.secret, &bunny(), &[said], 5).into_inner()
    };
    let cases = [
        (too_long, "dht_too_long"),
        (damaged, "dht_bad_signature"),
        (off_curve, "dht_bad_signature"),
        (by_mallory, "dht_not_ours"),
        (other_work, "dht_not_ours"),
        (of_another_key_inside, "dht_bad_statement"),
        (expired, "expired"),
    ];
    for (item, counter) in cases {
        let (mut alice, _) = alice_who_follows_bob();
        assert!(show_with_answer(&mut alice, &item).releases.is_empty(), "{counter}");
        assert_eq!(alice.count(counter), 1, "{:?}", alice.counters());
        assert_eq!(alice.status().statements, 0);
        // What is wrong does not stand in the way of what is right.
        assert_eq!(show_with_answer(&mut alice, &good(6)).releases.len(), 1);
    }
}

#[test]
fn an_item_that_is_older_than_one_seen_before_is_rolled_back_even_after_a_restart() {
    let (mut alice, bob) = alice_who_follows_bob();
    let item = |seq: u64, number: u8| {
        let said = bob.says(seq, START, &listing(bunny(), number));
        work_item(&bob.secret, &bunny(), &[said], seq).into_inner()
    };
    assert_eq!(show_with_answer(&mut alice, &item(7, 1)).releases.len(), 1);
    assert_eq!(show_with_answer(&mut alice, &item(6, 2)).releases.len(), 1, "the older one adds nothing");
    assert_eq!(alice.count("rolled_back"), 1);
    let store = alice.kill().after_power_cut();
    alice.reopen(store);
    alice.start();
    alice.settle(&mut Shelf::default());
    assert!(show_with_answer(&mut alice, &item(6, 2)).releases.iter().all(|r| r.infohash != release(2)));
    assert_eq!(alice.count("rolled_back"), 1);
}

#[test]
fn a_rolled_back_head_is_neither_believed_nor_put_again() {
    let (mut alice, bob) = alice_who_follows_bob();
    let head = |seq: u64| {
        let said =
            bob.says(seq, START, &Body::Head(Head { live_count: seq, live_root: next_key_hash("x"), archive: None }));
        head_item(&bob.secret, &said).into_inner()
    };
    let mut shelf = Shelf::default();
    let spot = (*bob.key().as_bytes(), b"heirloom".to_vec());
    shelf.items.insert(spot.clone(), head(9));
    alice.live(70 * MINUTE, &mut shelf);
    assert_eq!(alice.status().statements, 1);
    // The node remembers the newest item across a restart: it puts that over the older one, and never the other.
    alice.restart();
    alice.start();
    shelf.items.insert(spot.clone(), head(5));
    alice.live(5 * HOUR, &mut shelf);
    assert!(alice.count("rolled_back") > 0);
    assert_eq!(shelf.items[&spot].seq, 9, "the newest that Bob ever signed");
    shelf.items.clear();
    alice.live(3 * HOUR, &mut shelf);
    assert_eq!(shelf.items[&spot].seq, 9, "and it is that which is kept alive");
}

#[test]
fn items_of_follows_are_put_again_until_i_unfollow() {
    let (mut curator, mut alice, mut shelf) = (online("curator"), online("alice"), Shelf::default());
    curator.list(bunny(), 1);
    curator.live(10 * SECOND, &mut shelf);
    alice.follow(curator.key(), Level::HIGH);
    alice.show_with(bunny(), &mut shelf);
    assert_eq!(shelf.items.len(), 2);
    // The curator is off, and everything fades.
    let mut faded = Shelf::default();
    alice.live(2 * HOUR, &mut faded);
    assert_eq!(faded.items, shelf.items, "the follower keeps both alive");
    alice.must(Command::Unfollow { key: curator.key() });
    let mut faded = Shelf::default();
    alice.live(4 * HOUR, &mut faded);
    assert!(faded.items.is_empty());
}

#[test]
fn what_its_author_took_back_is_not_kept_alive_by_followers() {
    let (mut curator, mut alice, mut shelf) = (online("curator"), online("alice"), Shelf::default());
    curator.list(bunny(), 1);
    curator.live(10 * SECOND, &mut shelf);
    alice.follow(curator.key(), Level::HIGH);
    alice.show_with(bunny(), &mut shelf);
    curator.pushed();
    curator.retract(Target::Release(release(1)));
    for retraction in curator.pushed_of(Kind::Retraction) {
        alice.accept(&retraction);
    }
    let mut faded = Shelf::default();
    alice.live(3 * HOUR, &mut faded);
    assert!(faded.items.keys().all(|(_, salt)| salt == b"heirloom"), "only the head: {:?}", faded.items);
}

#[test]
fn a_listing_taken_back_is_gone_from_the_item() {
    let (mut alice, mut shelf) = (online("alice"), Shelf::default());
    alice.list(bunny(), 1);
    alice.live(10 * SECOND, &mut shelf);
    let spot = (*alice.key().as_bytes(), work_salt(&bunny()).to_vec());
    let before = shelf.items[&spot].clone();
    alice.retract(Target::Release(release(1)));
    alice.live(10 * SECOND, &mut shelf);
    let after = &shelf.items[&spot];
    assert!(after.seq > before.seq);
    let mut bob = online("bob");
    bob.follow(alice.key(), Level::HIGH);
    assert!(bob.show_with(bunny(), &mut shelf).releases.is_empty());
}

#[test]
fn an_earlier_form_of_a_listing_that_was_taken_back_goes_when_the_item_no_longer_holds_it() {
    let (mut alice, bob) = alice_who_follows_bob();
    // Alice heard the first form by gossip. Bob signed it anew and took that back; she heard neither.
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    alice.accept(&bob.says(9, START, &listing(bunny(), 4)));
    let second_form = bob.says(2, START, &listing(bunny(), 1));
    let retraction = Body::Retraction(heirloom_proto::body::Retraction { target: second_form.id() });
    let kept = bob.says(3, START, &listing(bunny(), 2));
    let item = work_item(&bob.secret, &bunny(), &[kept, bob.says(4, START, &retraction)], 4);
    let shown = show_with_answer(&mut alice, &item);
    let listed: Vec<_> = shown.releases.iter().map(|release| release.infohash).collect();
    assert_eq!(listed, [release(2), release(4)], "what is newer than the item stays");
    assert_eq!(alice.count("withdrawn"), 1);
    // Neither the first form comes back, nor the second.
    alice.ignore(&bob.says(1, START, &listing(bunny(), 1)), "rolled_back");
    alice.ignore(&second_form, "retracted");

    // An item that is full says nothing about what is not in it.
    let (mut alice, bob) = alice_who_follows_bob();
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    let many: Vec<_> = (10..20).map(|number| bob.says(u64::from(number), START, &listing(bunny(), number))).collect();
    show_with_answer(&mut alice, &work_item(&bob.secret, &bunny(), &many, 20));
    assert_eq!(alice.count("withdrawn"), 0);
}

/// Times of the puts of each salt in twenty hours of a DHT in which so many nodes have each item.
fn put_times(copies: usize) -> BTreeMap<Vec<u8>, Vec<Duration>> {
    let (mut alice, mut shelf) = (online("alice"), Shelf { copies, ..Shelf::default() });
    alice.list(bunny(), 1);
    alice.live(MINUTE, &mut shelf);
    let mut times: BTreeMap<Vec<u8>, Vec<Duration>> = BTreeMap::new();
    let end = alice.mono + 20 * HOUR;
    while alice.mono < end {
        let next = alice.service().next_wakeup().expect("something is due");
        alice.leap(next.saturating_sub(alice.mono));
        alice.feed(Input::Wake);
        for (order, key, salt) in alice.gets() {
            let item = shelf.items[&(key, salt)].clone();
            alice.found(order, &item);
            alice.counted(order, Some(copies));
        }
        for (order, item) in alice.puts() {
            times.entry(item.salt.clone()).or_default().push(alice.mono);
            shelf.items.insert((item.key, item.salt.clone()), item);
            alice.feed(Input::Dht(DhtEvent::Stored { order, nodes: 8 }));
        }
    }
    times
}

fn gaps_of(times: &[Duration]) -> Vec<Duration> {
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() >= 9, "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap != gaps[0]), "jittered");
    gaps
}

#[test]
fn the_head_is_put_every_hour_and_each_work_every_ninety_minutes_while_few_nodes_have_them() {
    let times = put_times(COPIES_ENOUGH);
    for (salt, period) in [(b"heirloom".to_vec(), HEAD_PERIOD), (work_salt(&bunny()).to_vec(), WORK_PERIOD)] {
        for gap in gaps_of(&times[&salt]) {
            assert!(gap >= period - period / 12 && gap <= period + period / 12, "{gap:?} of {period:?}");
        }
    }
}

#[test]
fn what_many_nodes_have_is_left_to_them_until_they_might_forget_it() {
    let times = put_times(COPIES_ENOUGH + 1);
    for salt in [b"heirloom".to_vec(), work_salt(&bunny()).to_vec()] {
        for gap in gaps_of(&times[&salt]) {
            assert!((PUT_LASTS..2 * HOUR).contains(&gap), "{gap:?}");
        }
    }
}

#[test]
fn an_own_item_that_changed_is_put_without_a_look() {
    let (mut alice, mut shelf) = (online("alice"), Shelf { copies: 20, ..Shelf::default() });
    alice.list(bunny(), 1);
    alice.live(MINUTE, &mut shelf);
    alice.list(bunny(), 2);
    let salt = work_salt(&bunny()).to_vec();
    assert!(alice.puts().iter().any(|(_, item)| item.salt == salt));
}

#[test]
fn an_item_of_ours_that_somebody_made_newer_is_risen_above_when_it_is_looked_at() {
    let (mut alice, mut shelf) = (online("alice"), Shelf { copies: 20, ..Shelf::default() });
    alice.list(bunny(), 1);
    alice.live(MINUTE, &mut shelf);
    // Another machine with the same key, or a lost future of this one.
    let me = signer("alice");
    let seen = alice.wall.plus(2 * DAY).0;
    let future = me.says(seen, alice.wall, &listing(bunny(), 9));
    let ahead = work_item(&me.secret, &bunny(), &[future], seen).into_inner();
    let spot = (ahead.key, ahead.salt.clone());
    shelf.items.insert(spot.clone(), ahead);
    alice.live(2 * HOUR, &mut shelf);
    assert!(shelf.items[&spot].seq > i64::try_from(seen).expect("small"));
}

/// A follow's head and work item, as the curator put them, with a follower who has read both.
fn a_follower_of_a_curator() -> (Person, Person, Shelf) {
    let (mut curator, mut alice, mut shelf) = (online("curator"), online("alice"), Shelf::default());
    curator.list(bunny(), 1);
    curator.live(10 * SECOND, &mut shelf);
    alice.follow(curator.key(), Level::HIGH);
    alice.show_with(bunny(), &mut shelf);
    alice.settle(&mut shelf);
    (curator, alice, shelf)
}

#[test]
fn followers_put_again_only_what_few_nodes_have() {
    let (_curator, mut alice, mut shelf) = a_follower_of_a_curator();
    let before = alice.count("dht_carried");
    shelf.copies = COPIES_ENOUGH + 1;
    alice.live(6 * HOUR, &mut shelf);
    assert_eq!(alice.count("dht_carried"), before, "others see to it");
    shelf.copies = COPIES_ENOUGH;
    alice.live(2 * HOUR, &mut shelf);
    assert!(alice.count("dht_carried") >= before + 2, "the head and the work: {:?}", alice.counters());
}

#[test]
fn copies_of_an_older_item_are_not_copies() {
    let (mut curator, mut alice, mut shelf) = a_follower_of_a_curator();
    let old = shelf.items.clone();
    curator.list(bunny(), 2);
    curator.live(MINUTE, &mut shelf);
    alice.show_with(bunny(), &mut shelf);
    alice.live(HOUR + 10 * MINUTE, &mut shelf);
    let new = shelf.items.clone();
    assert_ne!(old, new);
    // Nodes that were away come back with what they had; the curator is off.
    let mut stale = Shelf { items: old, copies: 20 };
    alice.live(2 * HOUR, &mut stale);
    assert_eq!(stale.items, new);
}

#[test]
fn a_look_that_could_not_be_made_counts_nothing_and_the_item_is_put() {
    let (_curator, mut alice, _shelf) = a_follower_of_a_curator();
    let order = loop {
        alice.elapse(MINUTE / 2);
        if let Some((order, ..)) = alice.gets().into_iter().find(|(_, _, salt)| salt == b"heirloom") {
            break order;
        }
    };
    alice.counted(order, None);
    assert_eq!(alice.puts().len(), 1);
}

#[test]
fn the_head_of_a_follow_is_kept_served_and_put_again_for_four_hundred_days_whatever_end_it_names() {
    let (mut alice, bob) = (online("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    let body = Body::Head(Head { live_count: 0, live_root: Head::root_of(&[].into()), archive: None });
    // Another program's head that ends after a week.
    let head = bob.says_until(7, START, Some(START.plus(7 * DAY)), &body);
    let item = head_item(&bob.secret, &head).into_inner();
    let spot = (item.key, item.salt.clone());
    let mut shelf = Shelf { items: [(spot.clone(), item.clone())].into(), copies: 1 };
    alice.live(HOUR + 10 * MINUTE, &mut shelf);
    for day in [8, 100, 300, 398] {
        let ahead = (START.plus(day * DAY)).since(alice.wall);
        alice.leap(ahead);
        // Everything faded meanwhile, and the node was started anew.
        alice.restart();
        alice.start();
        let mut faded = Shelf::default();
        alice.live(2 * HOUR, &mut faded);
        assert_eq!(faded.items.get(&spot), Some(&item), "after {day} days");
        assert_eq!(alice.status().statements, 1, "and it is still here for peers");
        // Nor does it come back as something new, or fall behind.
        assert_eq!(alice.hear(head.bytes()), heirloom_core::io::Admission::Ignore);
    }
    alice.leap(3 * DAY);
    let mut faded = Shelf::default();
    alice.live(4 * HOUR, &mut faded);
    assert!(faded.items.is_empty(), "400 days are over");
    assert_eq!(alice.status().statements, 0);
}

#[test]
fn the_head_of_a_key_that_is_no_longer_followed_is_forgotten() {
    let (curator, mut alice, _shelf) = a_follower_of_a_curator();
    alice.must(Command::Unfollow { key: curator.key() });
    alice.follow(curator.key(), Level::HIGH);
    let mut faded = Shelf::default();
    alice.live(3 * HOUR, &mut faded);
    assert!(faded.items.keys().all(|(_, salt)| salt != b"heirloom"), "it would have to be read again");
}

#[test]
fn a_put_that_failed_is_tried_again_ever_more_slowly() {
    let mut alice = online("alice");
    let request = alice.list(bunny(), 1);
    let salt = work_salt(&bunny()).to_vec();
    let mut times = Vec::new();
    while times.len() < 14 {
        for (order, item) in alice.puts() {
            if item.salt == salt {
                times.push(alice.mono);
            }
            // Some fail at once, some are acknowledged by nobody.
            let failed = match times.len() % 2 {
                0 => DhtEvent::NotStored { order, newer_exists: false },
                _ => DhtEvent::Stored { order, nodes: 0 },
            };
            alice.feed(Input::Dht(failed));
        }
        let next = alice.service().next_wakeup().expect("something is due");
        alice.leap(next.saturating_sub(alice.mono));
        alice.feed(Input::Wake);
    }
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.windows(2).all(|pair| pair[0] <= pair[1]), "{gaps:?}");
    assert_eq!((gaps[0], gaps[gaps.len() - 1]), (2 * SECOND, RETRY_MAX));
    assert!(alice.count("dht_put_failed") >= 13);
    // The publish was answered in time, and said that no node holds it.
    match alice.reply(request).expect("answered").expect("published") {
        Reply::Published(published) => assert_eq!(published.stored_on, Some(0)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_put_that_is_never_answered_is_tried_again() {
    let mut alice = online("alice");
    alice.list(bunny(), 1);
    alice.elapse(5 * SECOND);
    let first = alice.puts().len();
    assert_eq!(first, 2, "the work and the head");
    alice.elapse(ORDER_MAX + 5 * SECOND);
    assert_eq!(alice.puts().len(), 2);
}

#[test]
fn the_answer_to_an_older_put_says_nothing_about_the_newer_one() {
    let mut alice = online("alice");
    let salt = work_salt(&bunny()).to_vec();
    let put = |alice: &mut Person| -> OrderId {
        let puts = alice.puts();
        puts.iter().find(|(_, item)| item.salt == salt).expect("a put").0
    };
    alice.list(bunny(), 1);
    let first = put(&mut alice);
    let request = alice.list(bunny(), 2);
    let second = put(&mut alice);
    alice.feed(Input::Dht(DhtEvent::NotStored { order: second, newer_exists: false }));
    alice.feed(Input::Dht(DhtEvent::Stored { order: first, nodes: 8 }));
    assert_eq!(alice.reply(request), None, "its item does not stand anywhere yet");
    alice.elapse(3 * SECOND);
    let third = put(&mut alice);
    alice.feed(Input::Dht(DhtEvent::Stored { order: third, nodes: 5 }));
    match alice.reply(request).expect("answered").expect("published") {
        Reply::Published(published) => assert_eq!(published.stored_on, Some(5)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn at_most_a_hundred_works_stand_in_the_dht_the_newest_ones() {
    let (mut alice, mut shelf) = (online("alice"), Shelf::default());
    let work = |number: usize| format!("imdb:tt{:07}", 1000 + number).parse().expect("an id");
    let count = WORK_ITEMS_MAX + 20;
    for number in 0..count {
        let request = alice.list_with(heirloom_core::command::Publish { title: None, ..publish(work(number)) }, 1);
        alice.settle(&mut shelf);
        assert!(alice.reply(request).is_some());
        alice.leap(SECOND);
    }
    let standing = |shelf: &Shelf| -> Vec<usize> {
        (0..count).filter(|n| shelf.items.contains_key(&(*alice_key(), work_salt(&work(*n)).to_vec()))).collect()
    };
    let newest: Vec<usize> = (20..count).collect();
    let mut later = Shelf::default();
    alice.live(2 * HOUR, &mut later);
    assert_eq!(standing(&later), newest);
    alice.restart();
    alice.start();
    let mut later = Shelf::default();
    alice.live(MINUTE, &mut later);
    assert_eq!(standing(&later), newest);
}

fn alice_key() -> &'static [u8; 32] {
    static KEY: std::sync::LazyLock<[u8; 32]> = std::sync::LazyLock::new(|| *signer("alice").key().as_bytes());
    &KEY
}

#[test]
fn a_restart_does_not_ask_everything_at_once() {
    let mut alice = person("alice");
    for number in 0..200 {
        alice.follow(signer(&format!("curator {number}")).key(), Level::HIGH);
    }
    alice.restart();
    alice.start();
    assert!(alice.gets().len() <= 3);
    alice.elapse(SECOND);
    let after_a_second = alice.gets().len();
    assert!((10..=25).contains(&after_a_second), "{after_a_second} queries in a second");
    alice.elapse(15 * SECOND);
    assert!(alice.gets().len() + after_a_second >= 198, "all within seconds");
}

#[test]
fn a_node_without_a_dht_does_not_spin() {
    let mut alice = person("alice");
    alice.list(bunny(), 1);
    alice.retract(Target::Release(release(1)));
    alice.elapse(10 * HOUR);
    assert!(alice.puts().is_empty());
}

#[test]
fn a_node_that_recovers_does_not_spin() {
    let mut alice = person("alice");
    alice.attest(signer("bob").key(), Level::LOW);
    alice.restart();
    alice.start();
    // Nothing answers: `elapse` fails if the node wants to be woken all the time.
    alice.elapse(10 * MINUTE);
}

#[test]
fn a_lookup_ends_at_its_deadline_with_what_came() {
    let (mut alice, _) = alice_who_follows_bob();
    let request = alice.begin(Command::Show { work: bunny(), wait: None, lines: 0 });
    assert_eq!(alice.gets().len(), 1);
    alice.elapse(LOOKUP_WAIT - SECOND);
    assert_eq!(alice.reply(request), None);
    alice.elapse(2 * SECOND);
    assert!(matches!(alice.reply(request), Some(Ok(Reply::Work(work))) if work.releases.is_empty()));
}

#[test]
fn a_patient_lookup_asks_again_and_ends_when_something_trusted_appears() {
    let (mut alice, bob) = alice_who_follows_bob();
    let wait = Some(5 * MINUTE);
    let request = alice.begin(Command::Show { work: bunny(), wait, lines: 0 });
    let mut rounds = 0;
    for _ in 0..5 {
        for (order, ..) in alice.gets() {
            rounds += 1;
            alice.done(order);
        }
        alice.elapse(3 * SECOND);
        assert_eq!(alice.reply(request), None);
    }
    assert_eq!(rounds, 5);
    let said = bob.says(1, alice.wall, &listing(bunny(), 1));
    let item = work_item(&bob.secret, &bunny(), &[said], 1).into_inner();
    let (order, ..) = alice.gets()[0];
    alice.found(order, &item);
    alice.done(order);
    match alice.reply(request).expect("answered").expect("shown") {
        Reply::Work(work) => assert_eq!(work.releases[0].band, Band::Trusted),
        other => panic!("{other:?}"),
    }
    alice.elapse(MINUTE);
    assert!(alice.gets().is_empty(), "it is over");
}

#[test]
fn a_patient_lookup_ends_when_gossip_brings_it_and_at_the_latest_when_its_time_is_up() {
    let (mut alice, bob) = (online("alice"), signer("bob"));
    let wait = Some(MINUTE);
    let request = alice.begin(Command::Show { work: bunny(), wait, lines: 0 });
    alice.elapse(10 * SECOND);
    assert_eq!(alice.reply(request), None, "nobody to ask, but there is time");
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, alice.wall, &listing(bunny(), 1)));
    for _ in 0..3 {
        alice.elapse(3 * SECOND);
        for (order, ..) in alice.gets() {
            alice.done(order);
        }
    }
    assert!(matches!(alice.reply(request), Some(Ok(Reply::Work(work))) if work.releases[0].band == Band::Trusted));
    let request = alice.begin(Command::Show { work: sintel(), wait, lines: 0 });
    for _ in 0..30 {
        for (order, ..) in alice.gets() {
            alice.done(order);
        }
        alice.elapse(2 * SECOND);
    }
    assert!(matches!(alice.reply(request), Some(Ok(Reply::Work(work))) if work.releases.is_empty()));
    // For ever is a wait too.
    let wait = Some(Duration::MAX);
    let request = alice.begin(Command::Show { work: sintel(), wait, lines: 0 });
    assert_eq!(alice.reply(request), None);
}

#[test]
fn get_looks_the_work_up_first() {
    let (mut alice, bob) = alice_who_follows_bob();
    let get = || Command::Get {
        what: Wanted::Work(bunny()),
        to: None,
        anyway: false,
        choice: heirloom_core::command::Choice::default(),
    };
    let request = alice.begin(get());
    let (order, ..) = alice.gets()[0];
    alice.done(order);
    alice.nobody_found();
    let error = alice.reply(request).expect("answered").expect_err("nothing there");
    assert_eq!(error.fault, Fault::NotFound);
    let request = alice.begin(get());
    let (order, ..) = alice.gets()[0];
    let said = bob.says(1, alice.wall, &listing(bunny(), 1));
    alice.found(order, &work_item(&bob.secret, &bunny(), &[said], 1));
    alice.done(order);
    assert!(alice.reply(request).expect("answered").is_ok());
    assert!(matches!(alice.torrent_orders()[..], [TorrentOrder::Fetch { .. }]));
}

#[test]
fn lookups_are_bounded_and_overflow_says_so() {
    let (mut alice, _) = alice_who_follows_bob();
    let mut refused = 0;
    for _ in 0..100 {
        let request = alice.begin(Command::Show { work: bunny(), wait: None, lines: 0 });
        if let Some(answer) = alice.reply(request) {
            assert_eq!(answer.expect_err("busy").code, "busy");
            refused += 1;
        }
    }
    assert_eq!(refused, 100 - heirloom_core::replication::LOOKUPS_MAX);
}

#[test]
fn curators_whom_my_follows_trust_are_asked_too() {
    let (mut alice, bob) = alice_who_follows_bob();
    let carol = signer("carol");
    alice.accept(&bob.says(1, alice.wall, &attestation(carol.key(), Level::FULL)));
    alice.accept(&bob.says(2, alice.wall, &attestation(signer("mallory").key(), Level::DISTRUST)));
    alice.begin(Command::Show { work: bunny(), wait: None, lines: 0 });
    let asked: Vec<[u8; 32]> = alice.gets().into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(asked, [*bob.key().as_bytes(), *carol.key().as_bytes()]);
}
