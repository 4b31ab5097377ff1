//! Keys that take over from others, keys that are stolen, and keys that contradict themselves.

use crate::rig::*;
use heirloom_core::command::{Command, Reply};
use heirloom_core::io::Admission;
use heirloom_core::{Config, Input, MemoryStore, Service, TrustSettings, views};
use heirloom_graph::Band;
use heirloom_proto::body::{DuplicityProof, Level, Profile, Retraction, Rotation, Scope};
use heirloom_proto::{Body, Header, Key, Kind, Sha256, Statement, Timestamp, Verified};
use std::collections::BTreeSet;

fn hash_of(key: Key) -> Sha256 {
    Sha256::of(key.as_bytes())
}

fn signed(by: &Signer, generation: u32, created: Timestamp, body: &Body) -> Verified<Statement> {
    numbered(by, generation, created.0, created, body)
}

fn numbered(by: &Signer, generation: u32, seq: u64, created: Timestamp, body: &Body) -> Verified<Statement> {
    let lifetime = body.kind().limits().lifetime_ms_default;
    let expires = (lifetime > 0).then(|| Timestamp(created.0 + lifetime));
    Statement::sign(&by.secret, &Header { generation, seq, created, expires }, body).expect("within its limits")
}

/// A profile that commits to the key of `next`.
fn profile_to(name: &str, next: &Signer) -> Body {
    Body::Profile(Profile { name: name.into(), url: String::new(), next_key_hash: hash_of(next.key()) })
}

fn rotation(from: &Signer, to: &Signer, after: &Signer) -> Body {
    Body::Rotation(Rotation::signed_by(&from.secret, &to.key(), hash_of(after.key())))
}

/// A rotation without the previous key: it is lost or stolen.
fn takes_back(from: Key, after: &Signer, since: Timestamp) -> Body {
    Body::Rotation(Rotation {
        previous_key: from,
        next_key_hash: hash_of(after.key()),
        compromised_since: Some(since),
        previous_signature: None,
    })
}

/// A curator with the keys that follow, and a thief.
struct Cast {
    carol: Signer,
    next: Signer,
    after: Signer,
    thief: Signer,
}

fn cast() -> Cast {
    Cast { carol: signer("carol"), next: signer("carol next"), after: signer("carol after"), thief: signer("thief") }
}

impl Cast {
    /// The profile of the first key.
    fn profile(&self) -> Verified<Statement> {
        signed(&self.carol, 0, START, &profile_to("Carol", &self.next))
    }

    /// The same number of a second commitment, by the thief of the first key.
    fn other_profile(&self) -> Verified<Statement> {
        numbered(&self.carol, 0, START.0 + 5, START, &profile_to("Carol", &self.thief))
    }
}

/// Somebody who has said something, and follows the curator.
fn follower(name: &str, cast: &Cast) -> Person {
    let mut person = speaker(name);
    person.accept(&cast.profile());
    person.follow(cast.carol.key(), Level::HIGH);
    person
}

/// Somebody who has said something.
fn speaker(name: &str) -> Person {
    let mut person = person(name);
    person.must(Command::SetProfile { name: Some(name.into()), url: None });
    person.pushed();
    person
}

fn follows(person: &mut Person) -> Vec<views::Follow> {
    match person.must(Command::Follows) {
        Reply::Follows(all) => all,
        other => panic!("{other:?}"),
    }
}

fn restarted(person: &mut Person) {
    person.restart();
    person.feed(Input::Started { dht: false, torrents: true });
}

/// Weight zero: neither trusted nor vouched.
fn is_zero(person: &mut Person, key: Key) -> bool {
    person.trust_of(key).is_none_or(|row| row.score <= 0.0)
}

#[test]
fn a_second_commitment_convicts_and_is_pushed_once() {
    let cast = cast();
    let mut alice = follower("alice", &cast);
    assert!(!is_zero(&mut alice, cast.carol.key()));
    alice.ignore(&cast.other_profile(), "contradicts");
    assert!(is_zero(&mut alice, cast.carol.key()), "whoever contradicts itself weighs nothing");
    let pushed = alice.pushed_of(Kind::DuplicityProof);
    let [proof] = &pushed[..] else { panic!("one proof, not {pushed:?}") };
    assert_eq!(proof.author(), &alice.key());
    let Body::DuplicityProof(body) = proof.body() else { panic!("{proof:?}") };
    assert_eq!(body.accused(), &cast.carol.key());

    // A third commitment, and the second again, add nothing.
    alice.ignore(&cast.other_profile(), "contradicts");
    alice.ignore(&signed(&cast.carol, 0, START, &profile_to("Carol", &cast.after)), "contradicts");
    assert!(alice.pushed_of(Kind::DuplicityProof).is_empty());
    restarted(&mut alice);
    assert!(is_zero(&mut alice, cast.carol.key()), "also after a restart");
}

#[test]
fn a_proof_by_anybody_convicts_and_is_taken_once() {
    let cast = cast();
    let (mut alice, eve, bob) = (follower("alice", &cast), signer("eve"), signer("bob"));
    let body = Body::DuplicityProof(DuplicityProof::new(&cast.profile(), &cast.other_profile()).expect("a proof"));
    alice.accept(&signed(&eve, 0, START, &body));
    assert!(is_zero(&mut alice, cast.carol.key()));
    alice.ignore(&signed(&bob, 0, START, &body), "proven");
    alice.ignore(&cast.other_profile(), "contradicts");
    assert!(alice.pushed_of(Kind::DuplicityProof).is_empty(), "it was said already");
    restarted(&mut alice);
    assert!(is_zero(&mut alice, cast.carol.key()));
    // It cannot be taken back.
    let proof = signed(&eve, 0, START, &body);
    alice.accept(&numbered(&eve, 0, START.0 + 1, START, &Body::Retraction(Retraction { target: proof.id() })));
    restarted(&mut alice);
    assert!(is_zero(&mut alice, cast.carol.key()));
}

#[test]
fn whoever_changes_only_name_and_address_is_never_convicted() {
    let cast = cast();
    let mut alice = follower("alice", &cast);
    for (number, name) in [(1, "Caroline"), (2, "Carol C."), (3, "")] {
        let renamed = numbered(&cast.carol, 0, START.0 + number, START, &profile_to(name, &cast.next));
        alice.accept(&renamed);
    }
    // An own profile, changed and changed back.
    for name in ["Alice", "Al"] {
        alice.must(Command::SetProfile { name: Some(name.into()), url: Some("https://alice.example".into()) });
    }
    assert!(!is_zero(&mut alice, cast.carol.key()));
    assert_eq!(alice.count("contradicts"), 0);
    let mut bob = speaker("bob");
    for profile in alice.pushed_of(Kind::Profile) {
        bob.accept(&profile);
    }
    assert!(alice.pushed_of(Kind::DuplicityProof).is_empty() && bob.pushed_of(Kind::DuplicityProof).is_empty());
}

#[test]
fn a_node_that_never_spoke_says_a_proof_under_a_name_of_nobody_and_keeps_its_key() {
    let cast = cast();
    let mut authors = BTreeSet::new();
    for name in ["lurker", "listener"] {
        let mut lurker = person(name);
        lurker.accept(&cast.profile());
        lurker.follow(cast.carol.key(), Level::HIGH);
        assert_eq!(lurker.hear(cast.other_profile().bytes()), Admission::Ignore, "the proof says it");
        let pushed = lurker.pushed();
        let [proof] = &pushed[..] else { panic!("one proof and nothing else, not {pushed:?}") };
        assert!(matches!(proof.body(), Body::DuplicityProof(proof) if proof.accused() == &cast.carol.key()));
        assert!(*proof.author() != lurker.key() && authors.insert(*proof.author()), "a key that is used once");
        assert!(is_zero(&mut lurker, cast.carol.key()));
        lurker.ignore(&cast.other_profile(), "contradicts");
        assert!(lurker.pushed().is_empty(), "once");
        restarted(&mut lurker);
        assert!(is_zero(&mut lurker, cast.carol.key()), "also after a restart");
        // Whoever hears it takes it, and passes it on once.
        let mut bob = follower("bob", &cast);
        bob.accept(proof);
        assert!(is_zero(&mut bob, cast.carol.key()));
        bob.ignore(proof, "proven");
        lurker.elapse(3 * HOUR);
        let me = lurker.key();
        assert!(lurker.pushed().iter().all(|said| *said.author() != me), "nothing is said under its own name");
    }
}

#[test]
fn silent_nodes_sign_no_more_proofs_of_a_crowd_than_those_that_speak() {
    let mut lurker = person("lurker");
    for number in 0..40 {
        let eve = signer(&format!("eve {number}"));
        lurker.accept(&signed(&eve, 0, START, &profile_to("", &signer("one"))));
        let second = numbered(&eve, 0, START.0 + 1, START, &profile_to("", &signer("two")));
        let expected = if number < 32 { Admission::Ignore } else { Admission::Accept };
        assert_eq!(lurker.hear(second.bytes()), expected, "{number}: signed, then only passed on");
    }
    assert_eq!(lurker.pushed_of(Kind::DuplicityProof).len(), 32);
}

#[test]
fn a_proof_is_repeated_fresh_so_that_who_was_cut_off_hears_it_and_seldom() {
    let cast = cast();
    let (mut alice, mut bob) = (follower("alice", &cast), follower("bob", &cast));
    alice.ignore(&cast.other_profile(), "contradicts");
    let first = alice.pushed_of(Kind::DuplicityProof);
    // Long after, the old one is not pushed any more.
    for person in [&mut alice, &mut bob] {
        person.elapse(3 * HOUR);
    }
    bob.ignore(&first[0], "too_old_to_push");
    assert!(!is_zero(&mut bob, cast.carol.key()));
    alice.pushed();
    for person in [&mut alice, &mut bob] {
        person.elapse(HOUR);
    }
    let again = alice.pushed_of(Kind::DuplicityProof);
    let [again] = &again[..] else { panic!("once an hour, not {again:?}") };
    assert!(*again.author() != alice.key() && again.author() != first[0].author());
    bob.accept(again);
    assert!(is_zero(&mut bob, cast.carol.key()));
    assert!(bob.pushed_of(Kind::DuplicityProof).is_empty(), "gossip passes it on anyway");
    // A day of it, with a crowd of accused: no more than two an hour.
    for number in 0..20 {
        let eve = signer(&format!("eve {number}"));
        let words: Vec<_> = ["one", "two"].map(|next| profile_to("", &signer(next))).into();
        alice.hear(numbered(&eve, 0, START.0, alice.wall, &words[0]).bytes());
        alice.hear(numbered(&eve, 0, START.0 + 1, alice.wall, &words[1]).bytes());
    }
    alice.pushed();
    alice.elapse(DAY);
    let repeated = alice.pushed_of(Kind::DuplicityProof).len();
    assert!((24..=50).contains(&repeated), "{repeated}");
}

#[test]
fn a_proof_found_while_starting_is_said_when_numbers_are_known() {
    let cast = cast();
    let mut alice = follower("alice", &cast);
    alice.restart();
    alice.start();
    alice.ignore(&cast.other_profile(), "contradicts");
    assert!(alice.pushed_of(Kind::DuplicityProof).is_empty(), "nothing is signed before");
    alice.settle(&mut Shelf::default());
    assert_eq!(alice.pushed_of(Kind::DuplicityProof).len(), 1);
    assert!(is_zero(&mut alice, cast.carol.key()));
}

#[test]
fn the_owner_is_told_of_a_second_commitment_of_the_own_key_and_says_no_proof() {
    let (mut alice, thief) = (speaker("alice"), signer("thief"));
    let foreign = numbered(&signer("alice"), 0, START.0 + 9, START, &profile_to("Alice", &thief));
    alice.ignore(&foreign, "contradicts");
    assert_eq!(alice.count("own_duplicity"), 1);
    assert!(alice.pushed_of(Kind::DuplicityProof).is_empty());
}

#[test]
fn a_crowd_of_invented_keys_does_not_fill_the_quota_of_proofs() {
    let mut alice = speaker("alice");
    for number in 0..40 {
        let eve = signer(&format!("eve {number}"));
        alice.accept(&signed(&eve, 0, START, &profile_to("", &signer("one"))));
        let second = numbered(&eve, 0, START.0 + 1, START, &profile_to("", &signer("two")));
        let expected = if number < 32 { Admission::Ignore } else { Admission::Accept };
        assert_eq!(alice.hear(second.bytes()), expected, "{number}: signed, then only passed on");
    }
    assert_eq!(alice.pushed_of(Kind::DuplicityProof).len(), 32);
    // Somebody whom the owner follows is another matter.
    let cast = cast();
    alice.accept(&cast.profile());
    alice.follow(cast.carol.key(), Level::HIGH);
    alice.ignore(&cast.other_profile(), "contradicts");
    assert_eq!(alice.pushed_of(Kind::DuplicityProof).len(), 1);
}

#[test]
fn a_follow_moves_to_the_committed_key_with_level_scope_and_alias() {
    let cast = cast();
    let mut alice = speaker("alice");
    alice.accept(&cast.profile());
    let (key, level, scope, alias) = (cast.carol.key(), Level::MEDIUM, Scope::Catalogue, "My Carol".to_owned());
    alice.must(Command::Follow { key, level, scope, alias, preview: false });
    let before = follows(&mut alice);
    alice.accept(&signed(&cast.next, 1, START, &rotation(&cast.carol, &cast.next, &cast.after)));
    let moved = follows(&mut alice);
    let expected = views::Follow { key: cast.next.key(), previous: Some(cast.carol.key()), ..before[0].clone() };
    assert_eq!(moved, [expected], "one follow, of the new key, which names the old one");
    assert_eq!((alice.count("rotations"), alice.count("follows_moved")), (1, 1), "the owner is told");

    // What the new key lists is trusted, what the old one lists no longer.
    alice.accept(&signed(&cast.next, 1, START.plus(SECOND), &listing(bunny(), 1)));
    alice.accept(&signed(&cast.carol, 0, START.plus(SECOND), &listing(bunny(), 2)));
    for _ in 0..2 {
        assert!(matches!(alice.band_of(1), Band::Trusted | Band::Vouched), "{:?}", alice.band_of(1));
        assert_eq!(alice.band_of(2), Band::Unknown);
        assert_eq!(follows(&mut alice).len(), 1);
        restarted(&mut alice);
    }
    // The key on an old card leads to the new one.
    assert_eq!(alice.follow(cast.carol.key(), Level::FULL).key, cast.next.key());
    alice.must(Command::Unfollow { key: cast.carol.key() });
    assert!(follows(&mut alice).is_empty());
}

#[test]
fn a_rotation_to_a_key_that_was_not_committed_to_is_kept_out() {
    let cast = cast();
    let mut alice = follower("alice", &cast);
    for body in [
        rotation(&cast.carol, &cast.thief, &cast.after),
        takes_back(cast.carol.key(), &cast.after, START.minus(DAY)),
        rotation(&signer("unknown"), &cast.thief, &cast.after),
    ] {
        alice.ignore(&signed(&cast.thief, 1, START, &body), "uncommitted");
    }
    let same_generation = signed(&cast.next, 0, START, &rotation(&cast.carol, &cast.next, &cast.after));
    alice.ignore(&same_generation, "uncommitted");
    assert_eq!(follows(&mut alice)[0].key, cast.carol.key());
    assert!(!is_zero(&mut alice, cast.carol.key()));

    // Heard before the profile, it counts when it is heard again.
    let taken = signed(&cast.next, 1, START, &rotation(&cast.carol, &cast.next, &cast.after));
    let mut bob = speaker("bob");
    bob.follow(cast.carol.key(), Level::HIGH);
    bob.ignore(&taken, "uncommitted");
    bob.accept(&cast.profile());
    bob.accept(&taken);
    assert_eq!(follows(&mut bob)[0].key, cast.next.key());
}

#[test]
fn a_thief_of_the_key_convicts_it_and_the_owner_takes_the_name_back() {
    let cast = cast();
    let mut alice = follower("alice", &cast);
    alice.ignore(&cast.other_profile(), "contradicts");
    // Another generation of the same key would prove nothing; it replaces nothing either.
    alice.ignore(&signed(&cast.carol, 7, START, &profile_to("Carol", &cast.thief)), "contradicts");
    let steals = rotation(&cast.carol, &cast.thief, &cast.after);
    alice.ignore(&signed(&cast.thief, 8, START, &steals), "uncommitted");
    let since = START.minus(HOUR);
    alice.accept(&signed(&cast.next, 1, START, &takes_back(cast.carol.key(), &cast.after, since)));
    assert_eq!(follows(&mut alice)[0].key, cast.next.key(), "the first commitment seen holds");
    assert!(!is_zero(&mut alice, cast.next.key()));
    alice.ignore(&signed(&cast.thief, 9, START, &steals), "contradicts");
    assert_eq!(follows(&mut alice)[0].key, cast.next.key());
}

#[test]
fn a_thief_cannot_take_a_commitment_back_to_make_another() {
    let cast = cast();
    let mut alice = follower("alice", &cast);
    let retraction = Body::Retraction(Retraction { target: cast.profile().id() });
    alice.accept(&numbered(&cast.carol, 0, START.0 + 1, START, &retraction));
    // Something else with the number of the profile, with any id.
    for number in 0..8 {
        let said = numbered(&cast.carol, 0, START.0, START, &listing(bunny(), number));
        alice.ignore(&said, "conflict");
    }
    alice.ignore(&cast.other_profile(), "contradicts");
    assert!(is_zero(&mut alice, cast.carol.key()));
    alice.accept(&signed(&cast.next, 1, START, &rotation(&cast.carol, &cast.next, &cast.after)));
    assert_eq!(follows(&mut alice)[0].key, cast.next.key());

    // Whoever hears these first comes to the same state.
    let mut bob = speaker("bob");
    bob.accept(&numbered(&cast.carol, 0, START.0, START, &listing(bunny(), 0)));
    bob.accept(&cast.profile());
    assert!(bob.show(bunny()).releases.is_empty(), "the profile wins the number");
}

#[test]
fn two_rotations_away_from_one_key_convict_it_and_the_first_holds() {
    let cast = cast();
    let mut alice = follower("alice", &cast);
    alice.accept(&signed(&cast.next, 1, START, &rotation(&cast.carol, &cast.next, &cast.after)));
    alice.ignore(&signed(&cast.thief, 1, START, &rotation(&cast.carol, &cast.thief, &cast.after)), "contradicts");
    let pushed = alice.pushed_of(Kind::DuplicityProof);
    let [proof] = &pushed[..] else { panic!("one proof, not {pushed:?}") };
    assert!(matches!(proof.body(), Body::DuplicityProof(proof) if proof.accused() == &cast.carol.key()));
    assert_eq!(follows(&mut alice)[0].key, cast.next.key());
    assert!(!is_zero(&mut alice, cast.next.key()), "the key that took over is not accused");
}

#[test]
fn what_a_compromised_key_said_since_then_is_removed_and_refused() {
    let cast = cast();
    let mut alice = follower("alice", &cast);
    let since = START.plus(10 * MINUTE);
    alice.leap(HOUR);
    let at =
        |minutes: u32, release: u8| signed(&cast.carol, 0, START.plus(MINUTE * minutes), &listing(bunny(), release));
    for said in [at(5, 1), at(10, 2), at(20, 3)] {
        alice.accept(&said);
    }
    assert_eq!(alice.show(bunny()).releases.len(), 3);
    let taken = signed(&cast.next, 1, alice.wall, &takes_back(cast.carol.key(), &cast.after, since));
    alice.accept(&taken);
    let left = |person: &mut Person| -> Vec<_> { person.show(bunny()).releases.iter().map(|r| r.infohash).collect() };
    assert_eq!(left(&mut alice), [release(1)], "what was said before stays");
    assert_eq!(alice.count("compromised_removed"), 2);
    for _ in 0..2 {
        alice.ignore(&at(20, 3), "compromised");
        alice.ignore(&at(30, 4), "compromised");
        assert_eq!(left(&mut alice), [release(1)]);
        restarted(&mut alice);
    }
}

#[test]
fn a_compromise_noticed_later_is_said_by_the_next_key() {
    let cast = cast();
    let mut alice = follower("alice", &cast);
    let peaceful = Rotation::signed_by(&cast.carol.secret, &cast.next.key(), hash_of(cast.after.key()));
    alice.accept(&signed(&cast.next, 1, START, &Body::Rotation(peaceful.clone())));
    alice.accept(&signed(&cast.carol, 0, START.plus(SECOND), &listing(bunny(), 1)));
    let later = Rotation { compromised_since: Some(START), ..peaceful };
    alice.accept(&numbered(&cast.next, 1, START.0 + 1, START, &Body::Rotation(later)));
    assert!(alice.show(bunny()).releases.is_empty());
    assert!(!is_zero(&mut alice, cast.next.key()), "no contradiction");
    assert!(alice.pushed_of(Kind::DuplicityProof).is_empty());
}

#[test]
fn a_chain_of_rotations_is_walked_to_its_end() {
    let cast = cast();
    let mut alice = follower("alice", &cast);
    let end = signer("carol end");
    for (number, (from, to, after)) in
        [(&cast.carol, &cast.next, &cast.after), (&cast.next, &cast.after, &end)].into_iter().enumerate()
    {
        let generation = u32::try_from(number).expect("few") + 1;
        alice.accept(&signed(to, generation, START, &rotation(from, to, after)));
        let profile = numbered(to, generation, START.0 + 1, START, &profile_to("Carol", after));
        alice.accept(&profile);
    }
    assert_eq!(follows(&mut alice)[0].key, cast.after.key());
    assert_eq!(alice.follow(cast.carol.key(), Level::LOW).key, cast.after.key());
}

/// Opens the store of a person under another key.
fn opened_as(name: &str, generation: u32, store: MemoryStore) -> Service<MemoryStore> {
    let config = Config {
        secret: signer(name).secret,
        next_key_hash: next_key_hash(name),
        generation,
        seed: [1; 32],
        trust: TrustSettings::default(),
        budgets: heirloom_core::Budgets::default(),
    };
    Service::open(config, store).expect("opened")
}

#[test]
fn the_next_key_says_its_rotation_once_and_says_again_what_the_old_one_said() {
    let (mut carol, bob, next) = (person("carol"), signer("bob"), signer("carol next"));
    carol.must(Command::SetProfile { name: Some("Carol".into()), url: Some("https://carol.example".into()) });
    carol.attest(bob.key(), Level::HIGH);
    carol.list(bunny(), 1);
    carol.leap(SECOND);
    let old = carol.key();
    let handover = Rotation::signed_by(&signer("carol").secret, &next.key(), next_key_hash("carol next"));
    let store = carol.kill();
    let succeed = || Command::Succeed { rotation: Box::new(handover.clone()) };

    let mut carol = carol.taken_over(opened_as("carol next", 1, store), "carol next");
    let Reply::Identity(id) = carol.must(succeed()) else { panic!("an identity") };
    assert_eq!((id.key, id.generation), (next.key(), 1));
    assert_eq!((id.name.as_str(), id.url.as_str()), ("Carol", "https://carol.example"));
    let pushed = carol.pushed();
    let kinds: Vec<Kind> = pushed.iter().map(|s| s.kind()).collect();
    assert_eq!(
        kinds[..2],
        [Kind::Profile, Kind::Rotation],
        "the first of a generation is the profile that commits to the next key"
    );
    for kind in [Kind::Attestation, Kind::Work, Kind::Listing] {
        assert!(kinds.contains(&kind), "{} said again: {kinds:?}", kind.name());
    }
    assert!(pushed.iter().all(|s| s.author() == &next.key() && s.header().generation == 1));
    carol.must(succeed());
    assert!(carol.pushed().iter().all(|s| s.kind() == Kind::Head), "once");
    assert!(matches!(carol.band_of(1), Band::Trusted | Band::Vouched), "{:?}", carol.band_of(1));
    assert_ne!(old, carol.key());
}

#[test]
fn a_rotation_is_said_again_so_that_whoever_was_away_hears_of_it() {
    let (mut carol, next) = (speaker("carol"), signer("carol next"));
    let handover = Rotation::signed_by(&signer("carol").secret, &next.key(), next_key_hash("carol next"));
    let profile = signed(&signer("carol"), 0, START, &{
        let next_key_hash = hash_of(next.key());
        Body::Profile(Profile { name: "Carol".into(), url: String::new(), next_key_hash })
    });
    let store = carol.kill();
    let mut carol = carol.taken_over(opened_as("carol next", 1, store), "carol next");
    carol.must(Command::Succeed { rotation: Box::new(handover) });
    let first = carol.pushed_of(Kind::Rotation);
    assert_eq!(first.len(), 1);
    carol.elapse(2 * DAY);
    let renewed = carol.pushed_of(Kind::Rotation);
    let last = renewed.last().expect("said again within a day or two");

    let mut alice = speaker("alice");
    alice.accept(&profile);
    alice.follow(signer("carol").key(), Level::HIGH);
    alice.leap(last.header().created.since(START) + MINUTE);
    alice.ignore(&first[0], "too_old_to_push");
    alice.accept(last);
    assert_eq!(follows(&mut alice)[0].key, next.key());
    assert!(alice.pushed_of(Kind::DuplicityProof).is_empty(), "the same again is no contradiction");
}
