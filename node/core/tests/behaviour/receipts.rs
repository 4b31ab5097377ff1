//! Proof of seed that people share: when it leaves, what it says, and what it is worth.

use crate::rig::*;
use heirloom_core::TrustSettings;
use heirloom_core::command::{Command, Reply};
use heirloom_core::receipts::{DELAY_MAX, DELAY_MIN, LISTINGS_MIN, Received, end_of, start_of, week_of};
use heirloom_graph::Band;
use heirloom_proto::body::{Level, Opinion, Receipt, Scope};
use heirloom_proto::{Body, Key, Kind, Statement, Timestamp, Verified, statement};

fn shares() -> TrustSettings {
    TrustSettings { shares_receipts: true, ..TrustSettings::default() }
}

/// Public statements of a person of one kind, as sync would carry them.
fn said_by(person: &mut Person, kind: Kind) -> Vec<Verified<Statement>> {
    let Reply::Statements(own) = person.must(Command::Export) else { panic!("no statements") };
    let public = own.into_iter().filter(|own| !own.is_private);
    public.map(|own| statement::verify(&own.bytes).expect("good")).filter(|own| own.kind() == kind).collect()
}

fn receipts_of(person: &mut Person) -> Vec<(Receipt, Timestamp)> {
    let all = said_by(person, Kind::Receipt);
    let read = |said: &Verified<Statement>| match said.body() {
        Body::Receipt(receipt) => (receipt.clone(), said.header().created),
        other => panic!("{other:?}"),
    };
    all.iter().map(read).collect()
}

fn receipt(subject: Key, week: u32, log2_bytes: u8) -> Body {
    Body::Receipt(Receipt { subject, week, log2_bytes })
}

/// Alice shares receipts, at the beginning of a week, and knows `listings` releases by Bob.
fn alice_with_listings_of_bob(settings: TrustSettings, listings: usize) -> Person {
    let mut alice = person_with("alice", settings);
    let monday = start_of(week_of(alice.wall) + 1);
    alice.elapse(monday.since(alice.wall));
    let bob = signer("bob");
    alice.follow(bob.key(), Level::HIGH);
    let all: Vec<_> = (0..listings)
        .map(|number| {
            let number = u8::try_from(number).expect("small");
            bob.says(u64::from(number) + 1, START, &listing(bunny(), number))
        })
        .collect();
    assert_eq!(alice.import(&all).imported, listings as u64);
    alice
}

/// Hour by hour, until a receipt is there or four weeks passed.
fn wait_for_receipt(alice: &mut Person) -> Option<(Receipt, Timestamp)> {
    for _ in 0..24 * 28 {
        if let Some(found) = receipts_of(alice).into_iter().next() {
            return Some(found);
        }
        alice.elapse(HOUR);
    }
    None
}

#[test]
fn a_week_is_told_in_a_power_of_two_after_it_is_over_and_a_while() {
    let bob = signer("bob").key();
    let mut alice = alice_with_listings_of_bob(shares(), LISTINGS_MIN);
    let week = week_of(alice.wall);
    alice.receive(1, 0, Some(bob), 3_000_000);
    alice.elapse(2 * DAY);
    alice.receive(2, 0, Some(bob), 2_000_000);
    // What came without a name, under one's own name, or of what turned out to be a fake, is in no receipt.
    alice.receive(3, 0, None, 1 << 40);
    alice.receive(4, 0, Some(alice.key()), 1 << 40);
    alice.receive(5, 0, Some(bob), 1 << 40);
    alice.judge(5, Opinion::Fake);
    alice.pushed();
    let (made, created) = wait_for_receipt(&mut alice).expect("a receipt");
    assert_eq!(made, Receipt { subject: bob, week, log2_bytes: 22 }, "5 MB lie between 2^22 and 2^23");
    let late = created.since(end_of(week));
    assert!(late >= DELAY_MIN && late <= DELAY_MAX + 2 * HOUR, "{late:?}");
    assert!(alice.pushed_of(Kind::Receipt).is_empty(), "it leaves by sync, never by a push");
    alice.elapse(30 * DAY);
    assert_eq!(receipts_of(&mut alice).len(), 1, "once");
}

#[test]
fn whoever_did_not_choose_to_shares_nothing_ever() {
    let mut alice = alice_with_listings_of_bob(TrustSettings::default(), LISTINGS_MIN + 5);
    alice.receive(1, 0, Some(signer("bob").key()), 5_000_000);
    assert_eq!(wait_for_receipt(&mut alice), None);
    let said = |alice: &mut Person| Kind::ALL.map(|kind| said_by(alice, kind).len()).iter().sum::<usize>();
    assert_eq!(said(&mut alice), 0, "nor anything else");
}

#[test]
fn what_came_before_the_choice_stays_private() {
    let mut alice = alice_with_listings_of_bob(TrustSettings::default(), LISTINGS_MIN);
    alice.receive(1, 0, Some(signer("bob").key()), 5_000_000);
    let store = alice.kill();
    let mut alice = {
        let mut person = person_with("alice", shares());
        (person.mono, person.wall) = (person.mono, alice.wall.plus(DAY));
        person.kill();
        person.reopen(store);
        person.feed(heirloom_core::io::Input::Started { dht: false, torrents: true });
        person
    };
    assert_eq!(wait_for_receipt(&mut alice), None, "the week had begun");
    alice.receive(2, 0, Some(signer("bob").key()), 5_000_000);
    let (made, _) = wait_for_receipt(&mut alice).expect("a receipt about a later week");
    assert_eq!(made.log2_bytes, 22);
}

#[test]
fn a_key_with_few_releases_gets_no_receipt() {
    let mut alice = alice_with_listings_of_bob(shares(), LISTINGS_MIN - 1);
    // The same release under other works is no further release.
    let bob = signer("bob");
    for (number, work) in [sintel(), "imdb:tt2285752".parse().expect("a work id")].into_iter().enumerate() {
        alice.accept(&bob.says(1000 + number as u64, alice.wall, &listing(work, 1)));
    }
    alice.receive(1, 0, Some(bob.key()), 5_000_000);
    assert_eq!(wait_for_receipt(&mut alice), None);
}

#[test]
fn the_delay_is_drawn_once_however_often_the_node_starts() {
    let bob = signer("bob").key();
    let mut delays = Vec::new();
    for restarts in [false, true] {
        let mut alice = alice_with_listings_of_bob(shares(), LISTINGS_MIN);
        alice.receive(1, 0, Some(bob), 5_000_000);
        alice.elapse(7 * DAY);
        let mut created = None;
        for _ in 0..24 * 8 {
            alice.elapse(HOUR);
            if restarts {
                alice.restart();
                alice.feed(heirloom_core::io::Input::Started { dht: false, torrents: true });
            }
            if let Some((_, at)) = receipts_of(&mut alice).into_iter().next() {
                created = Some(at);
                break;
            }
        }
        delays.push(created.expect("a receipt").since(START));
    }
    assert!(delays[0].abs_diff(delays[1]) <= 2 * HOUR, "{delays:?}");
}

#[test]
fn what_trusted_people_received_of_a_lister_is_shown_for_four_weeks() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    for name in ["carol", "dave"] {
        alice.follow(signer(name).key(), Level::HIGH);
    }
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    let week = week_of(START) - 1;
    let said = |name: &str, seq, week, log2| signer(name).says(seq, START, &receipt(bob.key(), week, log2));
    let all = [said("carol", 1, week, 33), said("carol", 2, week - 1, 32), said("dave", 1, week, 20)];
    // Mallory is nobody here, and what was received a quarter of a year ago is no longer "lately".
    let other = [said("mallory", 1, week, 50), said("dave", 2, week - 8, 40)];
    assert_eq!(alice.import(&[all.as_slice(), &other].concat()).imported, 5);
    let shown = alice.show(bunny()).releases[0].clone();
    assert_eq!(shown.received_by_trusted, Received { bytes: (1 << 33) + (1 << 32) + (1 << 20), people: 2 });
    assert!(shown.followed.contains(&bob.key()));
    assert_eq!(shown.received_by_me, 0);
    alice.restart();
    assert_eq!(alice.show(bunny()).releases[0].received_by_trusted, shown.received_by_trusted, "derived again");
    alice.leap(35 * DAY);
    assert_eq!(alice.show(bunny()).releases[0].received_by_trusted, Received::default());
}

#[test]
fn receipts_of_whom_i_trust_earn_a_key_something_as_a_seeder_only() {
    let (mut alice, carol, bob) = (person("alice"), signer("carol"), signer("bob"));
    alice.follow(carol.key(), Level::HIGH);
    let said = carol.says(1, START, &receipt(bob.key(), week_of(START) - 1, 34));
    assert_eq!(alice.import(std::slice::from_ref(&said)).imported, 1);
    let row = |alice: &mut Person, scope| match alice.must(Command::Trust { scope, limit: 100 }) {
        Reply::Trust(rows) => rows.into_iter().find(|row| row.key == bob.key()),
        other => panic!("{other:?}"),
    };
    let seeds = row(&mut alice, Scope::Seed).expect("known");
    assert!(seeds.score > 0.0 && seeds.support < 0.1, "it ranks and admits nobody: {seeds:?}");
    assert!([Band::Earned, Band::Unknown].contains(&seeds.band), "{seeds:?}");
    assert!(row(&mut alice, Scope::Catalogue).is_none_or(|row| row.score <= 0.0), "a fake could be what was seeded");
    // A newer one of the week replaces it; taken back, nothing is left.
    let less = carol.says(2, START, &receipt(bob.key(), week_of(START) - 1, 20));
    assert_eq!(alice.import(&[less]).imported, 1);
    assert!(row(&mut alice, Scope::Seed).is_none_or(|row| row.score < seeds.score));
}

#[test]
fn receipts_of_a_ring_change_nothing() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    let fakes: Vec<Signer> = (0..50).map(|number| signer(&format!("fake {number}"))).collect();
    let week = week_of(START) - 1;
    let trust = |alice: &mut Person| {
        let rows = |scope| Command::Trust { scope, limit: 1000 };
        let all = [Scope::Seed, Scope::Catalogue].map(|scope| alice.must(rows(scope)));
        all.map(|reply| match reply {
            Reply::Trust(rows) => rows
                .into_iter()
                .filter(|row| row.score != 0.0)
                .map(|row| (row.key, row.score.to_bits(), row.band))
                .collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        })
    };
    let before = (trust(&mut alice), alice.show(bunny()).releases[0].clone());
    let mut said = Vec::new();
    for (number, fake) in fakes.iter().enumerate() {
        for (seq, subject) in [bob.key(), fakes[(number + 1) % fakes.len()].key()].into_iter().enumerate() {
            said.push(fake.says(seq as u64 + 1, START, &receipt(subject, week, 62)));
        }
    }
    assert_eq!(alice.import(&said).imported, 100);
    assert_eq!((trust(&mut alice), alice.show(bunny()).releases[0].clone()), before);
}

#[test]
fn a_receipt_about_oneself_or_an_unfinished_week_is_refused() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    let last = week_of(START) - 1;
    let done = alice.import(&[
        bob.says(1, START, &receipt(bob.key(), last, 30)),
        bob.says(2, START, &receipt(alice.key(), last + 1, 30)),
        bob.says(3, START, &receipt(alice.key(), u32::MAX, 30)),
        bob.says(4, START, &receipt(alice.key(), last, 30)),
    ]);
    let refused: Vec<_> = done.refused.iter().map(|(reason, count)| (reason.to_string(), *count)).collect();
    assert_eq!(done.imported, 1);
    assert_eq!((alice.count("receipt_about_itself"), alice.count("receipt_too_early")), (1, 2), "{refused:?}");
}

#[test]
fn receipts_are_kept_within_the_quota_of_their_author() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    let most = Kind::Receipt.limits().live_per_key_max;
    let last = week_of(START) - 1;
    let all: Vec<_> = (0..=most)
        .map(|number| {
            let subject = signer(&format!("seeder {}", number / 10)).key();
            let week = last - u32::try_from(number % 10).expect("small");
            bob.says(number as u64 + 1, START, &receipt(subject, week, 20))
        })
        .collect();
    let done = alice.import(&all);
    assert_eq!((done.imported, alice.count("over_quota")), (most as u64, 1));
}
