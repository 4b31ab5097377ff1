//! Rings of fake keys: what they gain through fooled friends, that it does not grow with their number, and how the
//! owner ends it.

use crate::rig::*;
use heirloom_core::command::{Command, Fault, Subject};
use heirloom_core::ingest::RATED_KEYS_MAX;
use heirloom_core::views;
use heirloom_graph::Band;
use heirloom_proto::body::{Attestation, Level, Opinion, Scope};
use heirloom_proto::{Body, Key, Statement, Verified};
use std::collections::BTreeSet;

/// Fakes of the ring that attest each other without leaking: each gives ten others full trust.
const CORE: usize = 1_000;

fn fake(number: usize) -> Signer {
    signer(&format!("fake {number}"))
}

fn friends() -> [Signer; 3] {
    ["bob", "carol", "dave"].map(signer)
}

/// What the fakes say, each with a text beside it so that they need room: a dense core of [`CORE`], and around it keys
/// that each vouch for one of the core.
fn ring_says(ring: &[Signer]) -> Vec<Verified<Statement>> {
    let keys: Vec<Key> = ring.iter().take(CORE).map(Signer::key).collect();
    let core = ring.len().min(CORE);
    let say = |range: std::ops::Range<usize>| -> Vec<Verified<Statement>> {
        let mut said = Vec::new();
        for number in range {
            let steps = if number < core { 10 } else { 1 };
            for step in 1..=steps {
                let other = (number * 7 + step * 13 + 1) % core;
                if other == number {
                    continue;
                }
                let reason =
                    "a member of the ring praises another one, at some length, so that it needs room".repeat(2);
                let (scope, level) = (Scope::All, Level::FULL);
                let body = Body::Attestation(Attestation { subject: keys[other], scope, level, reason });
                said.push(ring[number].says(step as u64, START, &body));
            }
        }
        said
    };
    // Signing is what takes long.
    std::thread::scope(|scope| {
        let second = scope.spawn(|| say(ring.len() / 2..ring.len()));
        let mut first = say(0..ring.len() / 2);
        first.extend(second.join().expect("signed"));
        first
    })
}

/// Alice follows three friends; each was fooled by one fake, and knows Erin.
fn alice_with_fooled_friends() -> Person {
    let mut alice = person("alice");
    for (number, friend) in friends().iter().enumerate() {
        alice.follow(friend.key(), Level::HIGH);
        alice.accept(&friend.says(1, START, &attestation(fake(number).key(), Level::FULL)));
        alice.accept(&friend.says(2, START, &attestation(signer("erin").key(), Level::HIGH)));
    }
    alice
}

#[test]
fn a_hundred_times_more_fakes_gain_the_same_and_push_out_nobody_i_follow() {
    let all: Vec<Signer> = (0..100_000).map(fake).collect();
    let keys: Vec<Key> = all.iter().map(Signer::key).collect();
    let audit_of = |size: usize| {
        let mut alice = alice_with_fooled_friends();
        let kept: Vec<_> = friends().iter().map(|friend| friend.says(3, START, &listing(bunny(), 7))).collect();
        kept.iter().for_each(|statement| alice.accept(statement));
        let vouched_for = signer("erin").says(1, START, &listing(bunny(), 8));
        alice.accept(&vouched_for);
        let scorings_before = alice.count("scores_computed");
        let done = alice.import(&ring_says(&all[..size]));
        assert_eq!((done.known, done.refused.len()), (0, 0), "{done:?}");
        assert!(done.imported >= size as u64, "{done:?}");
        let scorings = alice.count("scores_computed") - scorings_before;
        let ring = alice.audit(&keys[..size].iter().copied().collect());
        assert_eq!((ring.keys, ring.attack_edges_total), (size, 3));
        assert!(ring.votes <= ring.votes_max, "P3: {ring:?}");
        assert!(ring.in_band[&Band::Trusted] as u64 <= ring.trusted_max, "P4b: {ring:?}");
        assert!((ring.in_band[&Band::Trusted] + ring.in_band[&Band::Vouched]) as u64 <= ring.vouched_max, "{ring:?}");
        for statement in kept.iter().chain([&vouched_for]) {
            assert_eq!(alice.import(std::slice::from_ref(statement)).known, 1, "what they said is still here");
        }
        let known = alice.status().keys_known;
        println!(
            "{size} fakes: {done:?}, {known} keys left, {scorings} scorings; {:?}, {:.4} votes",
            ring.in_band, ring.votes
        );
        (ring, done.evicted)
    };
    let ((few, none), (many, evicted)) = (audit_of(1_000), audit_of(all.len()));
    assert_eq!(none, 0);
    assert!(evicted > 10_000, "they outgrew the strangers' pool: {evicted}");
    assert!((many.entering_flow - few.entering_flow).abs() < 1e-12, "φ is what the friends gave");
    assert!((many.votes_max - few.votes_max).abs() < 1e-6, "and so is the bound");
    assert!((many.votes / few.votes - 1.0).abs() < 0.01, "{} votes, {} before", many.votes, few.votes);
    let admitted = |ring: &views::Ring| (ring.in_band[&Band::Trusted], ring.in_band[&Band::Vouched]);
    assert_eq!(admitted(&many), admitted(&few), "nobody more is let in");
}

#[test]
fn a_fake_that_only_a_ring_lists_never_stands_above_what_a_friend_lists() {
    for level in [Level::FULL, Level::HIGH, Level::MEDIUM] {
        let mut alice = alice_with_fooled_friends();
        let (honest, fake_release) = (release(200), release(1));
        let ring: Vec<Signer> = (0..300).map(fake).collect();
        alice.import(&ring_says(&ring));
        for (number, one) in ring.iter().enumerate() {
            alice.accept(&one.says(100, START, &listing(bunny(), 1)));
            // They find their own good, and slander the other.
            alice.accept(&one.says(
                101,
                START,
                &verdict(1, if number % 2 == 0 { Opinion::Good } else { Opinion::Poor }),
            ));
            alice.accept(&one.says(102, START, &verdict(200, Opinion::Fake)));
            alice.accept(&one.says(103, START, &attestation(signer("frank").key(), Level::DISTRUST)));
        }
        let frank = signer("frank");
        alice.follow(frank.key(), level);
        alice.accept(&frank.says(1, START, &listing(bunny(), 200)));
        let shown = alice.show(bunny());
        let order: Vec<_> = shown.releases.iter().map(|r| (r.infohash, r.band, r.is_at_first_hand)).collect();
        assert_eq!(order[0], (honest, Band::Trusted, true), "followed at {level}: {order:?}");
        assert_eq!((order[1].0, order[1].2), (fake_release, false), "{order:?}");
    }
}

#[test]
fn distrusting_the_fooled_friend_silences_what_came_only_through_them_and_why_says_so() {
    let (mut alice, bob, mallory) = (person("alice"), signer("bob"), signer("mallory"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &attestation(mallory.key(), Level::FULL)));
    alice.accept(&mallory.says(1, START, &listing(bunny(), 1)));
    assert!(alice.band_of(1) <= Band::Vouched);
    for subject in [Subject::Key(mallory.key()), Subject::Release(release(1))] {
        let why = alice.why(subject);
        assert!(why.because.iter().any(|because| because.path.contains(&bob.key())), "through Bob: {why:?}");
    }
    let ring = BTreeSet::from([mallory.key()]);
    let before = alice.audit(&ring);
    assert!(before.entering_flow > 0.0 && before.attack_edges[0].issuer == bob.key(), "{before:?}");

    alice.attest(bob.key(), Level::DISTRUST);
    assert_eq!(
        (alice.band_of(1), alice.trust_of(bob.key()).map(|row| row.band)),
        (Band::Unknown, Some(Band::Distrusted))
    );
    // A ring around the fooled friend does not hide them in the list.
    let crowd: Vec<_> =
        (0..300).map(|number| fake(number).says(1, START, &attestation(mallory.key(), Level::FULL))).collect();
    alice.import(&crowd);
    let why = alice.why(Subject::Key(mallory.key()));
    assert_eq!(why.ignored.len() + why.ignored_more, 301);
    assert!(why.because.is_empty() && why.score == 0.0, "{why:?}");
    let (key, reason) = &why.ignored[0];
    assert_eq!((*key, reason.contains("no power")), (bob.key(), true), "{why:?}");
    let of_release = alice.why(Subject::Release(release(1)));
    assert_eq!(of_release.ignored.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [mallory.key()]);
    let after = alice.audit(&ring);
    assert_eq!((after.entering_flow, after.votes, after.votes_max, after.attack_edges_total), (0.0, 0.0, 0.0, 0));
}

#[test]
fn four_gigabytes_of_a_stranger_make_nothing_trusted_or_vouched_and_slander_nobody() {
    let (mut alice, mallory, accomplice, bob) =
        (person("alice"), signer("mallory"), signer("accomplice"), signer("bob"));
    let half_gib = 1_u64 << 29;
    for number in 1..=8 {
        alice.accept(&mallory.says(u64::from(number), START, &listing(bunny(), number)));
        for piece in 0..4 {
            alice.receive(number, piece, Some(mallory.key()), half_gib / 4);
        }
    }
    alice.accept(&mallory.says(100, START, &attestation(accomplice.key(), Level::FULL)));
    alice.accept(&accomplice.says(1, START, &listing(bunny(), 20)));
    alice.accept(&mallory.says(101, START, &listing(bunny(), 21)));
    alice.accept(&bob.says(1, START, &listing(bunny(), 22)));
    alice.accept(&mallory.says(102, START, &verdict(22, Opinion::Malware)));
    alice.accept(&mallory.says(103, START, &attestation(bob.key(), Level::DISTRUST)));
    for judged in [false, true] {
        if judged {
            for number in 1..=8 {
                alice.judge(number, Opinion::Good);
            }
            alice.accept(&mallory.says(110, alice.wall, &listing(sintel(), 21)));
        } else {
            alice.elapse(8 * DAY);
        }
        let row = alice.trust_of(mallory.key()).expect("known");
        assert_eq!((row.band, row.verified_bytes), (Band::Earned, 8 * half_gib), "{row:?}");
        for key in [accomplice.key(), bob.key()] {
            assert!(alice.trust_of(key).is_some_and(|row| row.band >= Band::Earned && row.band != Band::Distrusted));
        }
        for number in [20, 21, 22] {
            let band = alice.band_of(number);
            assert!(band == Band::Earned || band == Band::Unknown, "release {number} is {band}");
        }
        if !judged {
            assert!((1..=8).all(|number| alice.band_of(number) >= Band::Earned), "its own uploads are no witness");
        }
        let why = alice.why(Subject::Release(release(21)));
        assert!(why.band >= Band::Earned && why.support < 1e-9, "{why:?}");
        assert!(why.arithmetic.contains("only bytes gave a voice"), "{}", why.arithmetic);
    }
}

#[test]
fn however_many_a_ring_lifts_above_zero_only_so_many_leave_the_strangers_pool() {
    let mut alice = alice_with_fooled_friends();
    let lifted: Vec<Signer> = (0..RATED_KEYS_MAX + 300).map(|number| signer(&format!("lifted {number}"))).collect();
    let mut said = Vec::new();
    for (number, one) in lifted.iter().enumerate() {
        let friend = &friends()[number % 3];
        said.push(friend.says(number as u64 + 10, START, &attestation(one.key(), Level::LOW)));
        said.push(one.says(1, START, &verdict(1, Opinion::Good)));
    }
    assert_eq!(alice.import(&said).refused.len(), 0);
    alice.follow(signer("frank").key(), Level::LOW);
    // The fooled fakes and Erin have said nothing; Frank neither.
    assert_eq!(alice.count("strangers"), 300, "as sorted anew after the follow");
}

#[test]
fn an_audit_refuses_roots_and_too_many_keys() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::LOW);
    let ask = |keys| Command::Ring { scope: Scope::Catalogue, keys };
    for root in [bob.key(), alice.key()] {
        let error = alice.ask(ask(BTreeSet::from([root, fake(1).key()]))).expect_err("a root");
        assert_eq!((error.fault, error.code), (Fault::BadInput, "ring_has_root"));
        assert!(error.message.contains(&root.to_string()), "{error}");
    }
    assert_eq!(alice.ask(ask(BTreeSet::new())).expect_err("none").fault, Fault::BadInput);
    let unknown = alice.audit(&BTreeSet::from([fake(1).key(), fake(2).key()]));
    assert_eq!((unknown.keys, unknown.known, unknown.in_band[&Band::Unknown]), (2, 0, 2));
}

#[test]
fn a_crowd_of_listers_is_counted_and_whom_i_follow_is_named_first() {
    let mut alice = alice_with_fooled_friends();
    for number in 0..60 {
        alice.accept(&fake(number).says(100, START, &listing(bunny(), 1)));
    }
    let frank = signer("frank");
    alice.follow(frank.key(), Level::LOW);
    alice.accept(&frank.says(1, START, &listing(bunny(), 1)));
    let shown = alice.show(bunny());
    let release = &shown.releases[0];
    assert_eq!((release.listers, release.listed_by.len()), (61, views::LISTERS_SHOWN_MAX));
    assert_eq!(release.listed_by[0].0, frank.key());
}
