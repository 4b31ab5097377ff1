//! The preview of a follow: what it would change, without changing anything; and what settings of trust change.

use crate::rig::*;
use heirloom_core::command::{Command, Reply};
use heirloom_core::{Preset, TrustSettings, views};
use heirloom_graph::{Band, ThresholdValues, Thresholds};
use heirloom_proto::Key;
use heirloom_proto::body::{Level, Opinion, Scope};

fn follow(key: Key, level: Level, scope: Scope, preview: bool) -> Command {
    Command::Follow { key, level, scope, alias: String::new(), preview }
}

fn preview(person: &mut Person, key: Key, level: Level, scope: Scope) -> views::Preview {
    match person.must(follow(key, level, scope, true)) {
        Reply::Followed(followed) => followed.preview,
        other => panic!("{other:?}"),
    }
}

/// Everything that a preview could spoil.
fn look(person: &mut Person) -> String {
    let now = person.now();
    let keys = person.service().view(now).keys.clone();
    let (follows, shown) = (person.must(Command::Follows), person.show(bunny()));
    format!("{keys:?} {follows:?} {shown:?} {:?}", person.status().statements)
}

#[test]
fn a_preview_counts_voices_works_gained_and_works_hidden_and_changes_nothing() {
    let (mut alice, bob, carol) = (person("alice"), signer("bob"), signer("carol"));
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    alice.accept(&bob.says(2, START, &attestation(carol.key(), Level::FULL)));
    alice.accept(&signer("eve").says(1, START, &listing(sintel(), 2)));
    alice.accept(&bob.says(3, START, &verdict(2, Opinion::Fake)));
    let before = look(&mut alice);
    let seen = preview(&mut alice, bob.key(), Level::HIGH, Scope::All);
    assert_eq!((seen.keys_gaining_voice, seen.works_gained, seen.works_hidden), (2, 1, 1), "Bob, Carol; bunny; sintel");
    assert_eq!(look(&mut alice), before, "nothing changed");
    alice.follow(bob.key(), Level::HIGH);
    assert_eq!((alice.band_of(1), alice.show(sintel()).releases[0].band), (Band::Trusted, Band::Distrusted));
}

#[test]
fn the_preview_of_a_changed_follow_is_what_changing_it_does() {
    let (mut alice, bob, carol) = (person("alice"), signer("bob"), signer("carol"));
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    alice.accept(&bob.says(2, START, &attestation(carol.key(), Level::FULL)));
    alice.accept(&signer("eve").says(1, START, &listing(sintel(), 2)));
    alice.accept(&bob.says(3, START, &verdict(2, Opinion::Fake)));
    alice.must(follow(bob.key(), Level::HIGH, Scope::Seed, false));
    let seen = preview(&mut alice, bob.key(), Level::HIGH, Scope::Catalogue);
    assert_eq!((seen.keys_gaining_voice, seen.works_gained, seen.works_hidden), (2, 1, 1), "from seed to catalogue");
    alice.must(follow(bob.key(), Level::HIGH, Scope::Catalogue, false));
    let same = preview(&mut alice, bob.key(), Level::LOW, Scope::Catalogue);
    assert_eq!(same, views::Preview::default(), "another level gives nobody a voice who had none");
    // From catalogue to seed everything is lost, and nothing gained.
    let before = look(&mut alice);
    assert_eq!(preview(&mut alice, bob.key(), Level::FULL, Scope::Seed), views::Preview::default());
    assert_eq!(look(&mut alice), before);
    alice.must(follow(bob.key(), Level::FULL, Scope::Seed, false));
    let back = preview(&mut alice, bob.key(), Level::FULL, Scope::All);
    assert_eq!((back.keys_gaining_voice, back.works_gained), (2, 1), "the old follow counts no longer");
}

#[test]
fn a_preview_sees_whom_fakes_are_held_against_as_a_follow_would() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    alice.accept(&bob.says(2, START, &listing(sintel(), 2)));
    alice.judge(1, Opinion::Fake);
    let seen = preview(&mut alice, bob.key(), Level::HIGH, Scope::All);
    assert_eq!(
        (seen.keys_gaining_voice, seen.works_gained),
        (1, 1),
        "following him forgives what was held against him"
    );
    alice.follow(bob.key(), Level::HIGH);
    assert_eq!(alice.show(sintel()).releases[0].band, Band::Trusted);
}

#[test]
fn settings_move_the_bands_and_are_told() {
    let listed = |trust: TrustSettings| {
        let mut alice = person_with("alice", trust);
        let bob = signer("bob");
        alice.follow(bob.key(), Level::MEDIUM);
        alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
        assert_eq!(alice.status().trust, trust);
        let why = alice.why(heirloom_core::command::Subject::Release(release(1)));
        assert_eq!((why.preset, why.band), (trust.preset, alice.band_of(1)));
        (why.band, why.score, why.sums.evidence_scale)
    };
    let of = |preset, values| TrustSettings {
        preset,
        thresholds: Thresholds::new(values).expect("they hold"),
        ..TrustSettings::default()
    };
    let usual = *Thresholds::default().values();
    assert_eq!(listed(TrustSettings::default()).0, Band::Trusted);
    let strict = listed(of(Preset::Strict, ThresholdValues { trusted_support: 0.6, ..usual }));
    assert_eq!((strict.0, strict.2), (Band::Vouched, 0.1));
    let standard = listed(of(Preset::Standard, usual));
    assert_eq!((standard.0, standard.2), (Band::Trusted, 0.05));
    assert_eq!(listed(of(Preset::Strict, ThresholdValues { score: 0.99, ..usual })).0, Band::Unknown);
}
