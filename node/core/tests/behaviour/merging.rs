//! One work of many records: ids that belong together, fields said by several, and what strangers cannot change.

use crate::rig::*;
use heirloom_core::command::{Command, Reply};
use heirloom_core::views::{self, Found};
use heirloom_proto::body::{Attestation, Credit, Episode, Level, Scope, Work, WorkKind, WorkTitle};
use heirloom_proto::{Body, Statement, Verified, WorkId};
use proptest::prelude::*;

fn id(text: &str) -> WorkId {
    text.parse().expect("a work id")
}

/// A record that names these ids.
fn record(ids: &str, title: &str) -> Work {
    let ids: Vec<WorkId> = ids.split(' ').map(id).collect();
    Work { ids: ids.clone(), ..Work::new(ids[0].clone(), title.into(), None, WorkKind::Film) }
}

fn said(author: &Signer, seq: u64, ids: &str, title: &str) -> Verified<Statement> {
    author.says(seq, START, &Body::Work(record(ids, title)))
}

fn ids_of(shown: &views::Work) -> String {
    shown.ids.iter().map(WorkId::as_str).collect::<Vec<_>>().join(" ")
}

fn search(person: &mut Person, text: &str) -> Vec<Found> {
    match person.must(Command::Search { text: text.into(), kind: None, band: None, limit: 50 }) {
        Reply::Works(found) => found,
        other => panic!("{other:?}"),
    }
}

const ONE: &str = "imdb:tt0000001 tmdb:movie/1";
const TWO: &str = "imdb:tt0000002 tmdb:movie/2";

#[test]
fn one_work_under_several_ids_is_one_entry() {
    let (mut alice, bob, carol) = (person("alice"), signer("bob"), signer("carol"));
    alice.follow(bob.key(), Level::HIGH);
    alice.follow(carol.key(), Level::MEDIUM);
    alice.accept(&said(&bob, 1, ONE, "The Paper Garden"));
    alice.accept(&said(&carol, 1, "tmdb:movie/1 wikidata:Q1", "Der Papiergarten"));
    alice.accept(&bob.says(2, START, &listing(id("imdb:tt0000001"), 1)));
    alice.accept(&carol.says(2, START, &listing(id("wikidata:Q1"), 2)));
    for start in ["imdb:tt0000001", "tmdb:movie/1", "wikidata:Q1"] {
        let shown = alice.show(id(start));
        assert_eq!(ids_of(&shown), "imdb:tt0000001 tmdb:movie/1 wikidata:Q1", "from {start}");
        assert_eq!((shown.title.as_str(), shown.releases.len()), ("The Paper Garden", 2), "from {start}");
    }
    for text in ["paper garden", "papiergarten", "tmdb:movie/1"] {
        let found = search(&mut alice, text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!((found[0].title.as_str(), found[0].releases), ("The Paper Garden", 2));
    }
}

#[test]
fn fields_come_from_the_most_trusted_who_says_anything_of_them() {
    let (mut alice, bob, carol) = (person("alice"), signer("bob"), signer("carol"));
    alice.follow(bob.key(), Level::HIGH);
    alice.follow(carol.key(), Level::LOW);
    let episode =
        |number, title: &str, date: &str| Episode { season: 1, number, title: title.into(), date: date.into() };
    let plain = Work { year: Some(2010), episodes: vec![episode(1, "Seeds", "")], ..record(ONE, "The Paper Garden") };
    let rich = Work {
        year: Some(1910),
        overview: "Paper grows.".into(),
        genres: vec!["drama".into()],
        runtime_min: Some(84),
        episodes: vec![episode(1, "Wrong", "2010-05-01"), episode(2, "Rain", "")],
        ..record(ONE, "Another name")
    };
    // The lesser one first: the order of arrival does not matter.
    alice.accept(&carol.says(1, START, &Body::Work(rich)));
    alice.accept(&bob.says(1, START, &Body::Work(plain)));
    let shown = alice.show(id("imdb:tt0000001"));
    assert_eq!((shown.title.as_str(), shown.year), ("The Paper Garden", Some(2010)));
    assert_eq!((shown.overview.as_str(), &*shown.genres), ("Paper grows.", &["drama".to_owned()][..]));
    assert_eq!(shown.runtime_min, Some(84));
    assert_eq!(shown.episodes, [episode(1, "Seeds", "2010-05-01"), episode(2, "Rain", "")]);
    assert!(!shown.is_by_strangers);
}

#[test]
fn a_wrong_same_as_glues_nothing_and_is_undone_by_retraction_and_distrust() {
    let (mut alice, bob, mallory) = (person("alice"), signer("bob"), signer("mallory"));
    alice.follow(bob.key(), Level::HIGH);
    alice.follow(mallory.key(), Level::LOW);
    alice.accept(&said(&bob, 1, ONE, "The Paper Garden"));
    // Bob knows the first film under one id of IMDb: that it has another, the lesser one says in vain.
    alice.accept(&said(&mallory, 7, "imdb:tt0000001 imdb:tt0000002", "Glue"));
    assert_eq!(ids_of(&alice.show(id("imdb:tt0000001"))), ONE);
    assert_eq!(ids_of(&alice.show(id("imdb:tt0000002"))), "imdb:tt0000002");
    // Nobody contradicts an id of a catalogue that Bob names none of.
    let tie = said(&mallory, 9, "tmdb:movie/1 wikidata:Q9", "Glue");
    alice.accept(&tie);
    assert_eq!(ids_of(&alice.show(id("imdb:tt0000001"))), format!("{ONE} wikidata:Q9"));
    let retraction = heirloom_proto::body::Retraction { target: tie.id() };
    alice.accept(&mallory.says(10, START, &Body::Retraction(retraction)));
    assert_eq!(ids_of(&alice.show(id("imdb:tt0000001"))), ONE, "taken back");
    alice.accept(&said(&mallory, 11, "tmdb:movie/1 wikidata:Q10", "Glue"));
    assert_eq!(ids_of(&alice.show(id("imdb:tt0000001"))), format!("{ONE} wikidata:Q10"));
    alice.must(Command::Unfollow { key: mallory.key() });
    assert_eq!(ids_of(&alice.show(id("imdb:tt0000001"))), ONE, "no longer followed");
    alice.follow(mallory.key(), Level::LOW);
    alice.signed(Command::Attest {
        subject: mallory.key(),
        level: Level::DISTRUST,
        scope: Scope::Metadata,
        reason: String::new(),
        lifetime: None,
        private: true,
    });
    assert_eq!(ids_of(&alice.show(id("imdb:tt0000001"))), ONE, "distrusted");
}

#[test]
fn two_films_of_one_curator_stay_two_whatever_a_vouched_key_says() {
    let (mut alice, bob, carol, mallory) = (person("alice"), signer("bob"), signer("carol"), signer("mallory"));
    alice.follow(bob.key(), Level::HIGH);
    alice.follow(carol.key(), Level::HIGH);
    for friend in [&bob, &carol] {
        let trust =
            Attestation { subject: mallory.key(), scope: Scope::All, level: Level::FULL, reason: String::new() };
        alice.accept(&friend.says(1, START, &Body::Attestation(trust)));
    }
    alice.accept(&said(&bob, 2, ONE, "The Paper Garden"));
    alice.accept(&said(&bob, 3, TWO, "The Stone Garden"));
    let glues = [
        "imdb:tt0000001 imdb:tt0000002",
        "tmdb:movie/1 imdb:tt0000002",
        "wikidata:Q3 imdb:tt0000001",
        "wikidata:Q3 imdb:tt0000002",
    ];
    // Each record has a slot of its own, by its first id; the third and fourth share one.
    for (seq, glue) in glues.into_iter().enumerate() {
        alice.accept(&said(&mallory, seq as u64 + 1, glue, "Glue"));
        let (one, two) = (alice.show(id("imdb:tt0000001")), alice.show(id("imdb:tt0000002")));
        assert!(!one.ids.contains(&id("imdb:tt0000002")) && !two.ids.contains(&id("imdb:tt0000001")), "{glue}");
        assert_eq!((one.title.as_str(), two.title.as_str()), ("The Paper Garden", "The Stone Garden"), "{glue}");
    }
    assert_eq!(search(&mut alice, "garden").len(), 2);
}

#[test]
fn a_work_is_found_by_its_titles_in_other_languages() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    let film = Work {
        original_title: "Le Jardin de papier".into(),
        titles: vec![WorkTitle { language: "de".into(), title: "Der Papiergarten".into() }],
        people: vec![Credit { name: "Mina Moor".into(), role: "director".into() }],
        ..record(ONE, "The Paper Garden")
    };
    alice.accept(&bob.says(1, START, &Body::Work(film)));
    for text in ["paper garden", "jardin de papier", "papierg"] {
        let found = search(&mut alice, text);
        assert_eq!(found.iter().map(|found| found.title.as_str()).collect::<Vec<_>>(), ["The Paper Garden"], "{text}");
    }
    assert_eq!(alice.show(id("tmdb:movie/1")).people[0].name, "Mina Moor");
}

#[test]
fn films_with_the_same_title_and_year_stay_apart() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    for (seq, ids) in [(1, "imdb:tt0000001"), (2, "imdb:tt0000002")] {
        let film = Work { year: Some(2011), ..record(ids, "The Paper Garden") };
        alice.accept(&bob.says(seq, START, &Body::Work(film)));
    }
    let found = search(&mut alice, "the paper garden");
    assert_eq!(found.len(), 2);
    assert_ne!(found[0].work, found[1].work);
    assert_eq!(ids_of(&alice.show(id("imdb:tt0000001"))), "imdb:tt0000001");
}

#[test]
fn a_work_that_no_catalogue_knows_is_found_and_may_get_an_id_later() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    let own = WorkId::of_title("The Paper Garden", 2011, "film");
    alice.accept(&said(&bob, 1, own.as_str(), "The Paper Garden"));
    alice.accept(&bob.says(2, START, &listing(own.clone(), 1)));
    assert_eq!(search(&mut alice, "paper")[0].work, own);
    alice.accept(&said(&bob, 3, &format!("{own} imdb:tt0000001"), "The Paper Garden"));
    let shown = alice.show(id("imdb:tt0000001"));
    assert_eq!((shown.ids.len(), shown.releases.len()), (2, 1), "the release is found under the new id");
}

#[test]
fn what_only_strangers_say_is_shown_as_theirs_and_from_one_of_them() {
    let (mut alice, bob, mallory) = (person("alice"), signer("bob"), signer("mallory"));
    alice.accept(&said(&mallory, 1, "imdb:tt0000001 imdb:tt0000002", "Anything"));
    let shown = alice.show(id("imdb:tt0000001"));
    assert_eq!((shown.title.as_str(), shown.is_by_strangers, shown.ids.len()), ("Anything", true, 1));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&said(&bob, 1, "imdb:tt0000001", "The Paper Garden"));
    let shown = alice.show(id("imdb:tt0000001"));
    assert_eq!((shown.title.as_str(), shown.is_by_strangers, shown.overview.as_str()), ("The Paper Garden", false, ""));
}

#[test]
fn a_key_that_chains_everything_together_is_left_out() {
    let (mut alice, bob, mallory) = (person("alice"), signer("bob"), signer("mallory"));
    alice.follow(bob.key(), Level::HIGH);
    alice.follow(mallory.key(), Level::LOW);
    alice.accept(&said(&bob, 1, ONE, "The Paper Garden"));
    for number in 0..60_u64 {
        let ids = format!("wikidata:Q{} hl:{number:064x} hl:{:064x} tmdb:movie/1", number + 1, number + 1);
        alice.accept(&said(&mallory, number + 1, &ids, "Chain"));
    }
    assert_eq!(ids_of(&alice.show(id("imdb:tt0000001"))), ONE);
    assert_eq!(alice.show(id("imdb:tt0000001")).title, "The Paper Garden");
}

/// What anybody may say of a handful of ids.
fn sayings() -> impl Strategy<Value = Vec<(usize, u64, Vec<usize>)>> {
    let ids = prop::collection::btree_set(0_usize..8, 1..4).prop_map(|ids| ids.into_iter().collect());
    prop::collection::vec((0_usize..5, 1_u64..1000, ids), 1..14)
}

const POOL: [&str; 8] = [
    "imdb:tt0000001",
    "imdb:tt0000002",
    "tmdb:movie/1",
    "tmdb:movie/2",
    "tvdb:1",
    "wikidata:Q1",
    "wikidata:Q2",
    "mbid:f5093c06-23e3-404f-aeaa-40f72885ee3a",
];

/// The two whom Alice follows, one whom they vouch for, and two strangers.
const SPEAKERS: [&str; 5] = ["bob", "carol", "dave", "mallory", "eve"];

fn alice_who_trusts() -> Person {
    let mut alice = person("alice");
    alice.follow(signer("bob").key(), Level::HIGH);
    alice.follow(signer("carol").key(), Level::MEDIUM);
    for friend in ["bob", "carol"] {
        alice.accept(&signer(friend).says(5000, START, &attestation(signer("dave").key(), Level::FULL)));
    }
    alice
}

fn statements(sayings: &[(usize, u64, Vec<usize>)]) -> Vec<Verified<Statement>> {
    // A number is used once, and a slot keeps the highest: one record for each (speaker, number, first id).
    let mut seen = std::collections::BTreeSet::new();
    let mut slots = std::collections::BTreeSet::new();
    let fresh =
        sayings.iter().filter(|(speaker, seq, ids)| seen.insert((*speaker, *seq)) && slots.insert((*speaker, ids[0])));
    fresh
        .map(|(speaker, seq, ids)| {
            let ids: Vec<&str> = ids.iter().map(|at| POOL[*at]).collect();
            said(&signer(SPEAKERS[*speaker]), *seq, &ids.join(" "), &format!("{} {seq}", SPEAKERS[*speaker]))
        })
        .collect()
}

/// Everything that readers see of the pool, which must be a partition: whoever asks for any id of a work gets the same.
fn looks(alice: &mut Person) -> Vec<(String, String)> {
    let shown: Vec<views::Work> = POOL.iter().map(|text| alice.show(id(text))).collect();
    for (a, one) in POOL.iter().zip(&shown) {
        for (b, two) in POOL.iter().zip(&shown) {
            assert_eq!(one.ids.contains(&id(b)), two.ids.contains(&id(a)), "{a} and {b}");
            assert!(!one.ids.contains(&id(b)) || one.ids == two.ids, "{a} and {b} are one work");
        }
    }
    shown.into_iter().map(|work| (ids_of(&work), work.title)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn order_strangers_and_what_was_taken_back_leave_no_trace(sayings in sayings(), turn in 0_usize..14) {
        let all = statements(&sayings);
        let mut alice = alice_who_trusts();
        all.iter().for_each(|statement| alice.accept(statement));
        let seen = looks(&mut alice);

        let mut rotated = all.clone();
        rotated.rotate_left(turn % all.len());
        rotated.reverse();
        let mut other = alice_who_trusts();
        rotated.iter().for_each(|statement| other.accept(statement));
        prop_assert_eq!(&looks(&mut other), &seen, "the order of arrival does not matter");

        let strangers = [signer("mallory").key(), signer("eve").key()];
        let mut quiet = alice_who_trusts();
        all.iter().filter(|s| !strangers.contains(s.author())).for_each(|statement| quiet.accept(statement));
        for ((ids, title), (ids_there, title_there)) in looks(&mut quiet).into_iter().zip(&seen) {
            prop_assert_eq!(&ids, ids_there, "strangers tie nothing");
            prop_assert!(title.is_empty() || &title == title_there, "strangers name nothing that is named");
        }

        // One is taken back: as if it had never been.
        let taken = &all[turn % all.len()];
        let author = SPEAKERS.iter().map(|name| signer(name)).find(|s| s.key() == *taken.author()).expect("a speaker");
        let back = Body::Retraction(heirloom_proto::body::Retraction { target: taken.id() });
        alice.accept(&author.says(6000, START, &back));
        let mut never = alice_who_trusts();
        all.iter().filter(|s| s.id() != taken.id()).for_each(|statement| never.accept(statement));
        prop_assert_eq!(looks(&mut alice), looks(&mut never));
        alice.restart();
        prop_assert_eq!(looks(&mut alice), looks(&mut never), "and after a restart");
    }
}
