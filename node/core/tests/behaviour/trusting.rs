//! Whose word counts, for what, and how that is explained.

use crate::rig::*;
use heirloom_core::command::{Command, Fault, Following, Reply, Subject, Target, Wanted};
use heirloom_core::io::{Input, TorrentOrder};
use heirloom_core::views::LedgerBy;
use heirloom_graph::Band;
use heirloom_proto::body::{Attestation, Head, Level, Opinion, Scope};
use heirloom_proto::{Body, Key};

fn why(person: &mut Person, subject: Subject) -> heirloom_core::views::Why {
    match person.must(Command::Why { subject, scope: Scope::Catalogue }) {
        Reply::Why(why) => *why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_listing_counts_as_much_as_the_follow() {
    for (level, band) in [
        (Level::FULL, Band::Trusted),
        (Level::HIGH, Band::Trusted),
        (Level::MEDIUM, Band::Trusted),
        (Level::LOW, Band::Vouched),
    ] {
        let (mut alice, bob) = (person("alice"), signer("bob"));
        alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
        assert_eq!(alice.band_of(1), Band::Unknown, "an unknown lister's release is unknown");
        alice.follow(bob.key(), level);
        assert_eq!(alice.band_of(1), band, "followed at {level}");
        alice.must(Command::Unfollow { key: bob.key() });
        assert_eq!(alice.band_of(1), Band::Unknown, "the follow was all there was");
    }
}

#[test]
fn the_arithmetic_names_who_decided_as_people_know_them() {
    let (mut alice, bob, eve) = (person("alice"), signer("bob"), signer("eve"));
    alice.follow(bob.key(), Level::FULL);
    alice.accept(&bob.says(1, START, &attestation(eve.key(), Level::DISTRUST)));
    let why = why(&mut alice, Subject::Key(eve.key()));
    assert_eq!(why.band, Band::Distrusted);
    let named = format!("the word of followed {} lowers it", bob.key().to_multibase());
    assert!(why.arithmetic.contains(&named), "{}", why.arithmetic);
}

#[test]
fn a_spammer_never_comes_above_whatever_the_order_and_the_number_of_its_keys() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::MEDIUM);
    // A ring of forty keys praise each other and list fakes whose infohashes sort before Bob's.
    let ring: Vec<_> = (0..40).map(|number| signer(&format!("mallory {number}"))).collect();
    for (number, fake) in ring.iter().enumerate() {
        let number = u8::try_from(number).expect("few");
        alice.accept(&fake.says(1, START, &listing(bunny(), number)));
        alice.accept(&fake.says(2, START, &listing(bunny(), 0)));
        for (seq, other) in ring.iter().enumerate().filter(|(_, other)| other.key() != fake.key()) {
            let said = attestation(other.key(), Level::FULL);
            alice.accept(&fake.says(seq as u64 + 10, START, &said));
        }
        // They slander Bob and his release.
        alice.accept(&fake.says(100, START, &attestation(bob.key(), Level::DISTRUST)));
        alice.accept(&fake.says(101, START, &verdict(200, Opinion::Malware)));
    }
    alice.accept(&bob.says(1, START, &listing(bunny(), 200)));
    let shown = alice.show(bunny());
    assert_eq!(shown.releases.len(), 41);
    assert_eq!((shown.releases[0].infohash, shown.releases[0].band), (release(200), Band::Trusted));
    assert!(shown.releases[1..].iter().all(|r| r.band == Band::Unknown && r.score == 0.0));
}

#[test]
fn trust_passes_from_those_i_follow_to_those_they_vouch_for() {
    let (mut alice, bob, carol) = (person("alice"), signer("bob"), signer("carol"));
    alice.accept(&carol.says(1, START, &listing(bunny(), 1)));
    alice.accept(&bob.says(1, START, &attestation(carol.key(), Level::HIGH)));
    assert_eq!(alice.band_of(1), Band::Unknown);
    let preview = match alice.must(Command::Follow {
        key: bob.key(),
        level: Level::FULL,
        scope: Scope::All,
        alias: String::new(),
        preview: true,
    }) {
        Reply::Followed(followed) => followed.preview,
        other => panic!("{other:?}"),
    };
    assert_eq!((preview.keys_gaining_voice, preview.works_gained), (2, 1), "Bob and Carol");
    assert_eq!(alice.band_of(1), Band::Unknown, "a preview changes nothing");
    alice.follow(bob.key(), Level::FULL);
    assert!(matches!(alice.band_of(1), Band::Trusted | Band::Vouched));
    let path: Vec<Key> = why(&mut alice, Subject::Release(release(1))).because[0].path.clone();
    assert_eq!(path, [bob.key(), carol.key()], "the path is explained");
}

#[test]
fn following_again_changes_what_is_said_and_nothing_else() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    let mut follow = |said: Following, preview| match alice.must(Command::FollowAs { key: bob.key(), said, preview }) {
        Reply::Followed(followed) => (followed.level, followed.scope, followed.name),
        other => panic!("{other:?}"),
    };
    let card = || Following { found_as: "Bob's Films".into(), ..Following::default() };
    assert_eq!(
        follow(card(), false),
        (Level::HIGH, Scope::All, "Bob's Films".to_owned()),
        "the usual, where it is new"
    );
    let said =
        Following { level: Some(Level::LOW), scope: Some(Scope::Catalogue), alias: Some("Bob".into()), ..card() };
    assert_eq!(follow(said, false), (Level::LOW, Scope::Catalogue, "Bob".to_owned()));
    for preview in [true, false] {
        assert_eq!(follow(card(), preview), (Level::LOW, Scope::Catalogue, "Bob".to_owned()), "nothing was said anew");
    }
    let more = Following { level: Some(Level::FULL), ..card() };
    assert_eq!(follow(more, false), (Level::FULL, Scope::Catalogue, "Bob".to_owned()));
    let unnamed = Following { alias: Some(String::new()), ..card() };
    assert_ne!(follow(unnamed, false).2, "Bob", "an alias is taken away by saying that there is none");
    alice.elapse(DAY);
    let since = |alice: &mut Person| match alice.must(Command::Follows) {
        Reply::Follows(all) => all[0].since,
        other => panic!("{other:?}"),
    };
    let before = since(&mut alice);
    alice.must(Command::FollowAs { key: bob.key(), said: card(), preview: false });
    assert_eq!(since(&mut alice), before, "it is followed since then");
}

#[test]
fn an_attestation_not_renewed_stops_counting() {
    let (mut alice, bob, carol) = (person("alice"), signer("bob"), signer("carol"));
    alice.follow(bob.key(), Level::FULL);
    let expires = START.plus(10 * DAY);
    alice.accept(&bob.says_until(1, START, Some(expires), &attestation(carol.key(), Level::FULL)));
    alice.accept(&carol.says(1, START, &listing(bunny(), 1)));
    assert!(alice.trust_of(carol.key()).is_some_and(|row| row.score > 0.2));
    alice.elapse(9 * DAY);
    assert!(alice.trust_of(carol.key()).is_some_and(|row| row.score > 0.2));
    alice.elapse(DAY + HOUR);
    assert!(alice.trust_of(carol.key()).is_none_or(|row| row.score == 0.0));
    assert_eq!(alice.band_of(1), Band::Unknown);
    // Not even while nobody woke the node.
    let mut alice = person("alice");
    alice.follow(bob.key(), Level::FULL);
    alice.accept(&bob.says_until(1, START, Some(expires), &attestation(carol.key(), Level::FULL)));
    alice.leap(11 * DAY);
    assert!(alice.trust_of(carol.key()).is_none_or(|row| row.score == 0.0));
}

#[test]
fn my_own_attestation_lasts_as_long_as_i_said() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.signed(Command::Attest {
        subject: bob.key(),
        level: Level::HIGH,
        scope: Scope::All,
        reason: "met in person".into(),
        lifetime: Some(2 * DAY),
        private: false,
    });
    assert_eq!(alice.trust_of(bob.key()).map(|row| row.band), Some(Band::Trusted));
    alice.elapse(3 * DAY);
    assert!(alice.trust_of(bob.key()).is_none_or(|row| row.band == Band::Unknown));
}

#[test]
fn a_fake_is_distrusted_its_bytes_count_for_nobody_and_its_lister_answers_for_it() {
    let (mut alice, mallory) = (person("alice"), signer("mallory"));
    alice.accept(&mallory.says(1, START, &listing(bunny(), 1)));
    alice.accept(&mallory.says(2, START, &listing(sintel(), 2)));
    alice.receive(1, 0, Some(mallory.key()), 600);
    alice.receive(1, 1, Some(mallory.key()), 400);
    assert_eq!(alice.ledger(LedgerBy::Key)[0].verified_bytes, 1000);
    assert!(alice.trust_of(mallory.key()).is_none_or(|row| row.score == 0.0));

    alice.judge(1, Opinion::Fake);
    assert_eq!(alice.band_of(1), Band::Distrusted);
    assert!(alice.ledger(LedgerBy::Key).is_empty() && alice.ledger(LedgerBy::Release).is_empty());
    let row = alice.trust_of(mallory.key()).expect("known");
    assert!(row.score < -0.05 && row.band == Band::Distrusted && row.verified_bytes == 0, "{row:?}");
    let said = why(&mut alice, Subject::Key(mallory.key()));
    assert!(said.arithmetic.contains("held against"), "{}", said.arithmetic);

    // Changing one's mind gives everything back.
    alice.judge(1, Opinion::Good);
    assert_ne!(alice.band_of(1), Band::Distrusted);
    assert_eq!(alice.ledger(LedgerBy::Key)[0].verified_bytes, 1000);
    assert!(alice.trust_of(mallory.key()).is_none_or(|row| row.score >= 0.0));
}

#[test]
fn what_is_held_against_a_lister_gives_way_to_my_own_word() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    alice.judge(1, Opinion::Fake);
    assert!(alice.trust_of(bob.key()).is_some_and(|row| row.score < 0.0));
    // At the very same millisecond.
    let (level, scope) = (Level::HIGH, Scope::Catalogue);
    let attest = |level, scope| Command::Attest {
        subject: bob.key(),
        level,
        scope,
        reason: String::new(),
        lifetime: Some(DAY),
        private: false,
    };
    alice.signed(attest(level, scope));
    assert!(alice.trust_of(bob.key()).is_some_and(|row| row.score > 0.5));
    // A word in another scope that ends does not end this one.
    alice.signed(attest(Level::LOW, Scope::Seed));
    alice.signed(attest(Level::NONE, Scope::Seed));
    alice.judge(2, Opinion::Fake);
    assert!(alice.trust_of(bob.key()).is_some_and(|row| row.score > 0.5));
    // When the word has ended, the fake counts again.
    alice.elapse(2 * DAY);
    assert!(alice.trust_of(bob.key()).is_some_and(|row| row.score < 0.0));
}

#[test]
fn bytes_count_in_the_catalogue_after_a_week_or_a_good_verdict_and_only_for_own_listings() {
    let gib = 1 << 30;
    let (mut alice, bob, carol) = (person("alice"), signer("bob"), signer("carol"));
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    alice.receive(1, 0, Some(bob.key()), gib);
    alice.receive(1, 1, Some(carol.key()), gib);
    let score = |alice: &mut Person, key: Key| alice.trust_of(key).map_or(0.0, |row| row.score);
    assert!(score(&mut alice, bob.key()).abs() < 1e-9);
    alice.elapse(7 * DAY + HOUR);
    let row = alice.trust_of(bob.key()).expect("known");
    assert!(row.score > 0.0 && row.band == Band::Earned && row.support == 0.0, "{row:?}");
    assert!(score(&mut alice, carol.key()).abs() < 1e-9, "she did not list it");
    assert_eq!(alice.band_of(1), Band::Unknown, "a seeder is no witness");

    let mut alice = person("alice");
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    alice.receive(1, 0, Some(bob.key()), gib);
    alice.judge(1, Opinion::Good);
    assert!(score(&mut alice, bob.key()) > 0.0, "good at once");
}

#[test]
fn why_shows_the_path_the_follow_and_the_bytes() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    alice.receive(1, 0, Some(bob.key()), 777);
    let of_key = why(&mut alice, Subject::Key(bob.key()));
    assert_eq!(of_key.band, Band::Trusted);
    let kinds: Vec<_> = of_key.because.iter().map(|because| because.kind).collect();
    assert!(kinds.contains(&"follow") && kinds.contains(&"evidence"), "{kinds:?}");
    assert!(of_key.because.iter().any(|because| because.note.contains("777")), "{of_key:?}");
    assert!(of_key.arithmetic.contains("777"), "{}", of_key.arithmetic);

    for subject in [Subject::Release(release(1)), Subject::Work(bunny())] {
        let of_release = why(&mut alice, subject);
        assert_eq!(of_release.band, Band::Trusted);
        assert!(of_release.because.iter().any(|b| b.kind == "listing" && b.path == [bob.key()]), "{of_release:?}");
        assert!(of_release.because.iter().any(|b| b.kind == "evidence" && b.note.contains("777")), "{of_release:?}");
    }
    let unknown = Command::Why { subject: Subject::Work(sintel()), scope: Scope::Catalogue };
    assert_eq!(alice.ask(unknown).expect_err("unknown").fault, Fault::NotFound);
}

#[test]
fn get_takes_the_trusted_release_and_refuses_what_nobody_vouches_for() {
    let (mut alice, bob, mallory) = (person("alice"), signer("bob"), signer("mallory"));
    let get = |what, anyway| Command::Get { what, to: None, anyway, choice: heirloom_core::command::Choice::default() };
    assert_eq!(alice.ask(get(Wanted::Work(bunny()), false)).expect_err("unknown").fault, Fault::NotFound);
    alice.accept(&mallory.says(1, START, &listing(bunny(), 1)));
    let refused = alice.ask(get(Wanted::Work(bunny()), false)).expect_err("untrusted");
    assert_eq!((refused.fault, refused.code), (Fault::Refused, "untrusted"));
    assert!(alice.torrent_orders().is_empty());

    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &listing(bunny(), 2)));
    alice.must(get(Wanted::Work(bunny()), false));
    let [TorrentOrder::Fetch { infohash, info_sha256, .. }] = &alice.torrent_orders()[..] else { panic!("no fetch") };
    assert_eq!((*infohash, info_sha256.map(|digest| digest.0)), (release(2), Some([2; 32])));

    // A release by its name is the user's own choice, unless it is distrusted.
    alice.judge(1, Opinion::Malware);
    let refused = alice.ask(get(Wanted::Release(release(1)), false)).expect_err("distrusted");
    assert_eq!((refused.fault, refused.code), (Fault::Refused, "distrusted"));
    assert!(alice.torrent_orders().is_empty());
    alice.must(get(Wanted::Release(release(1)), true));
    alice.must(get(Wanted::Release(release(3)), false));
    assert_eq!(alice.torrent_orders().len(), 2);
}

#[test]
fn a_follow_in_one_scope_counts_only_there() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    let follow =
        |scope| Command::Follow { key: bob.key(), level: Level::FULL, scope, alias: String::new(), preview: false };
    alice.must(follow(Scope::Seed));
    assert_eq!(alice.band_of(1), Band::Unknown);
    alice.must(follow(Scope::Catalogue));
    assert_eq!(alice.band_of(1), Band::Trusted);
    alice.must(follow(Scope::Seed));
    assert_eq!(alice.band_of(1), Band::Unknown, "a changed follow leaves nothing of the old one");
}

/// The profile of somebody who is called so.
fn named(name: &str) -> Body {
    let next_key_hash = next_key_hash(name);
    Body::Profile(heirloom_proto::body::Profile { name: name.into(), url: String::new(), next_key_hash })
}

#[test]
fn a_name_that_looks_like_one_i_follow_is_pointed_out() {
    let (mut alice, bob, mallory) = (person("alice"), signer("bob"), signer("mallory"));
    alice.accept(&bob.says(1, START, &named("Blender Films")));
    alice.accept(&mallory.says(1, START, &named("BIender-FiIms")));
    assert_eq!(alice.follow(bob.key(), Level::HIGH).confusable_with, None);
    let pointed_out = alice.follow(mallory.key(), Level::HIGH).confusable_with;
    assert_eq!(pointed_out, Some((bob.key(), "Blender Films".into())));
}

#[test]
fn a_name_is_pointed_out_also_where_its_owner_is_called_otherwise_here() {
    let (mut alice, bob, mallory) = (person("alice"), signer("bob"), signer("mallory"));
    alice.accept(&bob.says(1, START, &named("Blender Films")));
    alice.accept(&mallory.says(1, START, &named("BIender-FiIms")));
    let (level, scope, alias) = (Level::HIGH, Scope::All, "Uncle Bob".to_owned());
    alice.must(Command::Follow { key: bob.key(), level, scope, alias, preview: false });
    let pointed_out = alice.follow(mallory.key(), Level::HIGH).confusable_with;
    assert_eq!(pointed_out, Some((bob.key(), "Blender Films".into())));
    let other = signer("eve");
    alice.accept(&other.says(1, START, &named("UncIe Bob")));
    assert_eq!(alice.follow(other.key(), Level::HIGH).confusable_with, Some((bob.key(), "Uncle Bob".into())));
}

#[test]
fn a_key_proven_double_has_no_weight() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    let profile = |seq, name: &str| {
        let next_key_hash = next_key_hash(name);
        let body = heirloom_proto::body::Profile { name: "Bob".into(), url: String::new(), next_key_hash };
        bob.says(seq, START, &Body::Profile(body))
    };
    let proof = heirloom_proto::body::DuplicityProof::new(&profile(2, "one"), &profile(3, "another")).expect("a proof");
    alice.accept(&signer("carol").says(1, START, &Body::DuplicityProof(proof)));
    assert_eq!(alice.band_of(1), Band::Unknown);
}

#[test]
fn rebuilding_what_is_derived_gives_the_same_view() {
    let (mut alice, bob, carol) = (person("alice"), signer("bob"), signer("carol"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    alice.accept(&bob.says(2, START, &attestation(carol.key(), Level::HIGH)));
    alice.accept(&carol.says(1, START, &listing(bunny(), 2)));
    alice.accept(&carol.says(2, START, &listing(sintel(), 2)));
    let retracted = carol.says(3, START, &listing(sintel(), 3));
    alice.accept(&retracted);
    let body = Body::Retraction(heirloom_proto::body::Retraction { target: retracted.id() });
    alice.accept(&carol.says(4, START, &body));
    alice.accept(&signer("mallory").says(1, START, &listing(bunny(), 3)));
    alice.list(bunny(), 4);
    alice.judge(3, Opinion::Fake);
    alice.attest(carol.key(), Level::MEDIUM);
    alice.receive(1, 0, Some(bob.key()), 500);
    alice.receive(3, 0, Some(signer("mallory").key()), 500);

    let look = |alice: &mut Person| {
        let now = alice.now();
        let view = alice.service().view(now);
        let status = (view.status.statements, view.status.keys_known, view.status.works, view.status.releases);
        let works = [alice.show(bunny()), alice.show(sintel())].map(|mut work| {
            // A statement that was here before has its source in the store.
            work.releases.iter_mut().for_each(|r| r.source = heirloom_core::views::Source::Store);
            work
        });
        format!("{status:?} {:?} {works:?} {:?}", view.keys, alice.ledger(LedgerBy::Release))
    };
    let before = look(&mut alice);
    assert_eq!(
        alice.must(Command::Reindex),
        Reply::Reindexed(heirloom_core::views::Reindexed { good: alice.status().statements, damaged: 0 })
    );
    assert_eq!(look(&mut alice), before);
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: true });
    assert_eq!(look(&mut alice), before, "a restart is a rebuild too");
}

#[test]
fn a_verdict_taken_back_no_longer_counts() {
    let (mut alice, mallory) = (person("alice"), signer("mallory"));
    alice.accept(&mallory.says(1, START, &listing(bunny(), 1)));
    let signed = alice.judge(1, Opinion::Fake);
    assert_eq!(alice.band_of(1), Band::Distrusted);
    alice.retract(Target::Statement(signed.id));
    assert_eq!(alice.band_of(1), Band::Unknown);
    assert!(alice.trust_of(mallory.key()).is_none_or(|row| row.score == 0.0));
}

#[test]
fn of_two_scopes_the_narrower_word_counts() {
    let (mut alice, bob, carol) = (person("alice"), signer("bob"), signer("carol"));
    alice.follow(bob.key(), Level::FULL);
    let say =
        |scope, level| Body::Attestation(Attestation { subject: carol.key(), scope, level, reason: String::new() });
    alice.accept(&bob.says(1, START, &say(Scope::All, Level::FULL)));
    assert!(alice.trust_of(carol.key()).is_some_and(|row| row.score > 0.0));
    alice.accept(&bob.says(2, START, &say(Scope::Catalogue, Level::DISTRUST)));
    assert!(alice.trust_of(carol.key()).is_some_and(|row| row.band == Band::Distrusted));
}

#[test]
fn a_head_that_was_not_renewed_is_told_with_its_age_wherever_its_key_is_looked_at() {
    let (mut alice, bob, carol) = (person("alice"), signer("bob"), signer("carol"));
    let head = |by: &Signer, at| {
        let body = Body::Head(Head { live_count: 0, live_root: Head::root_of(&[].into()), archive: None });
        by.says(1, at, &body)
    };
    alice.follow(bob.key(), Level::HIGH);
    alice.follow(carol.key(), Level::HIGH);
    alice.accept(&head(&bob, alice.wall));
    let ages = |alice: &mut Person, key| {
        let row = alice.trust_of(key).expect("followed").head;
        let why = alice.why(Subject::Key(key)).head;
        let follow = match alice.must(Command::Follows) {
            Reply::Follows(all) => all.into_iter().find(|follow| follow.key == key).expect("followed").head,
            other => panic!("{other:?}"),
        };
        assert_eq!((row, why), (follow, follow));
        follow
    };
    assert_eq!(ages(&mut alice, carol.key()), None, "nothing was heard of her");
    let fresh = ages(&mut alice, bob.key()).expect("a head");
    assert!(!fresh.is_stale() && alice.status().stale_follows.is_empty());
    alice.elapse(7 * DAY);
    assert!(!ages(&mut alice, bob.key()).expect("a head").is_stale());
    alice.elapse(5 * DAY);
    let stale = ages(&mut alice, bob.key()).expect("still here");
    assert!(stale.is_stale());
    assert_eq!((stale.made, stale.age), (START, 12 * DAY));
    assert_eq!(alice.status().stale_follows, [(bob.key(), String::new(), stale)]);
    // Heard of again.
    alice.accept(&bob.says(2, alice.wall, head(&bob, alice.wall).body()));
    assert!(alice.status().stale_follows.is_empty());
}
