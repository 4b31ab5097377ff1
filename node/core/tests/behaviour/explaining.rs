//! `why` adds up: what it lists gives the sums, and the sums give the score, however small the weights.

use crate::rig::*;
use heirloom_core::command::Subject;
use heirloom_core::views::Why;
use heirloom_proto::Body;
use heirloom_proto::body::{Level, Opinion, Verdict};

/// Computes the score again from what `why` lists.
#[track_caller]
fn assert_adds_up(why: &Why) {
    let votes = |is_against: bool| -> f64 {
        let of = why.because.iter().filter(|because| because.kind != "follow" && because.is_against == is_against);
        of.map(|because| because.weight).sum()
    };
    let sums = &why.sums;
    let (support, against) = (votes(false), votes(true));
    let shares: f64 = why.because.iter().map(|because| because.share).sum();
    assert!((shares - why.explained).abs() < 1e-9, "{why:?}");
    if why.explained > 1.0 - 1e-9 {
        // Relative, so that a sum of tiny votes is held to the same.
        assert!((support - sums.support).abs() <= 1e-9 * sums.support, "votes for: {why:?}");
        assert!((against - sums.against).abs() <= 1e-9 * sums.against, "votes against: {why:?}");
    } else if sums.support + sums.against > 0.0 {
        assert!(why.explained >= 0.95 && support <= sums.support + 1e-12 && against <= sums.against + 1e-12, "{why:?}");
    }
    let distrust = sums.distrust_weight * sums.against;
    let evidence = sums.support + distrust;
    let voted =
        (sums.mean_level * sums.support - distrust) * evidence / (evidence.powi(2) + sums.evidence_scale.powi(2));
    assert!((voted - sums.voted).abs() <= 1e-9 * voted.abs().max(f64::MIN_POSITIVE), "{why:?}");
    let left = sums.voted * sums.dormancy;
    // Where the word of a root decides, the line says so and what it comes to.
    let is_ruled = ["lifts", "lowers", "sets", "my own key"].iter().any(|word| why.arithmetic.contains(word));
    assert!(is_ruled || (left - why.score).abs() <= 1e-12, "{why:?}");
}

#[test]
fn votes_of_friends_strangers_and_adversaries_add_up() {
    let (mut alice, bob, carol, eve) = (person("alice"), signer("bob"), signer("carol"), signer("eve"));
    alice.follow(bob.key(), Level::LOW);
    alice.accept(&bob.says(1, START, &attestation(carol.key(), Level::MEDIUM)));
    alice.accept(&bob.says(2, START, &attestation(eve.key(), Level::LOW)));
    alice.accept(&carol.says(1, START, &attestation(signer("dave").key(), Level::HIGH)));
    alice.accept(&eve.says(1, START, &attestation(signer("dave").key(), Level::DISTRUST)));
    alice.accept(&signer("dave").says(1, START, &attestation(carol.key(), Level::DISTRUST)));
    for (speaker, opinion) in [(&carol, Opinion::Good), (&eve, Opinion::Fake)] {
        alice.accept(&speaker.says(5, START, &verdict(1, opinion)));
    }
    alice.accept(&carol.says(6, START, &listing(bunny(), 1)));
    alice.elapse(30 * DAY);
    for key in [carol.key(), eve.key(), signer("dave").key(), bob.key()] {
        assert_adds_up(&alice.why(Subject::Key(key)));
    }
    let of_release = alice.why(Subject::Release(release(1)));
    assert!(of_release.because.iter().any(|because| because.is_against), "{of_release:?}");
    assert_adds_up(&of_release);
}

#[test]
fn a_verdict_is_told_in_the_words_of_whoever_gave_it() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    let words = "It is Sintel, and not the \"Bunny\"";
    let said = Verdict { infohash: release(1), opinion: Opinion::WrongWork, note: words.into() };
    alice.accept(&bob.says(1, START, &Body::Verdict(said)));
    alice.accept(&bob.says(2, START, &verdict(2, Opinion::Fake)));
    let why = alice.why(Subject::Release(release(1)));
    assert_eq!(why.because[0].note, format!("{} found it wrong-work: {words:?}", bob.key().to_multibase()));
    let silent = alice.why(Subject::Release(release(2)));
    assert_eq!(
        silent.because[0].note,
        format!("{} found it fake", bob.key().to_multibase()),
        "whoever gave no words said none"
    );
}

#[test]
fn a_chain_of_strangers_adds_up_to_a_score_that_is_tiny_and_not_nothing() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::LOW);
    let chain: Vec<Signer> = (0..6).map(|number| signer(&format!("link {number}"))).collect();
    alice.accept(&bob.says(1, START, &attestation(chain[0].key(), Level::LOW)));
    for pair in chain.windows(2) {
        alice.accept(&pair[0].says(1, START, &attestation(pair[1].key(), Level::LOW)));
    }
    let last = chain.last().expect("six").key();
    let why = alice.why(Subject::Key(last));
    assert!(why.score > 0.0 && why.score < 1e-6, "{}", why.score);
    assert!((why.explained - 1.0).abs() < 1e-9 && why.because[0].path.len() == 6, "{why:?}");
    assert_adds_up(&why);
    assert!(why.because[0].weight > 0.0 && !why.arithmetic.contains("s = 0;"), "{}", why.arithmetic);
}

#[test]
fn many_small_voices_are_summed_and_counted_as_such() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::FULL);
    for number in 0..60 {
        let voter = signer(&format!("voter {number}"));
        let level = if number < 3 { Level::FULL } else { Level::LOW };
        alice.accept(&bob.says(number + 1, START, &attestation(voter.key(), level)));
        alice.accept(&voter.says(1, START, &attestation(signer("star").key(), Level::HIGH)));
    }
    let why = alice.why(Subject::Key(signer("star").key()));
    assert!(why.explained < 1.0 && why.because.len() < 60, "the rest is named together: {}", why.explained);
    assert_adds_up(&why);
}
