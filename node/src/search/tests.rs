//! The index over a store in memory: what is found, what is hidden, and that it mends itself.

use super::*;
use heirloom_core::changes::{Heard, Mark};
use heirloom_core::ground::Stored;
use heirloom_core::views::Source as Way;
use heirloom_proto::body::{Listing, Work, WorkKind, WorkTitle};
use heirloom_proto::statement::Header;
use heirloom_proto::{Body, Infohash, Key, SecretKey, Statement, StatementId, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A core that only has statements.
#[derive(Default)]
struct Shelf {
    all: BTreeMap<StatementId, Stored>,
    come: Vec<StatementId>,
    gone: Vec<StatementId>,
}

impl Shelf {
    fn put(&mut self, secret: &SecretKey, work: Work) -> StatementId {
        self.say(secret, &Body::Work(work))
    }

    fn say(&mut self, secret: &SecretKey, body: &Body) -> StatementId {
        let seq = self.all.len() as u64 + 1;
        let header = Header {
            generation: 0,
            seq,
            created: Timestamp(1_700_000_000_000),
            expires: Some(Timestamp(1_710_000_000_000)),
        };
        let statement = Statement::sign(secret, &header, body).expect("signed");
        let id = statement.id();
        let stored = Stored { statement, is_private: false, source: Way::Store, received: Timestamp(0) };
        self.all.insert(id, stored);
        self.come.push(id);
        id
    }

    fn take(&mut self, id: StatementId) {
        self.all.remove(&id);
        self.gone.push(id);
    }

    fn now(&self) -> Mark {
        let half = |id: &StatementId| u128::from_be_bytes(*id.0.first_chunk().expect("16 bytes"));
        let sum = self.all.keys().fold(0_u128, |sum, id| sum.wrapping_add(half(id)));
        Mark { count: self.all.len() as u64, sum }
    }
}

impl Source for Shelf {
    fn changes(&mut self, _: usize) -> Option<Heard> {
        let (gone, come) = (std::mem::take(&mut self.gone), std::mem::take(&mut self.come));
        let come = come.iter().filter_map(|id| self.all.get(id).cloned()).collect();
        Some(Heard { gone, come, mark: self.now(), ..Heard::default() })
    }

    fn ids(&mut self, after: Option<StatementId>, limit: usize) -> Option<Vec<StatementId>> {
        Some(self.all.keys().filter(|id| after.is_none_or(|after| **id > after)).take(limit).copied().collect())
    }

    fn statements(&mut self, ids: Vec<StatementId>) -> Option<Vec<Stored>> {
        Some(ids.iter().filter_map(|id| self.all.get(id).cloned()).collect())
    }
}

fn film(number: u32, title: &str) -> Work {
    let id = format!("imdb:tt{number:07}").parse().expect("id");
    Work::new(id, title.into(), Some(2001), WorkKind::Film)
}

fn alice() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

/// Works found in any stage, by those who are heard and others.
fn found(ready: &Ready, text: &str, heard: &[Key]) -> Vec<String> {
    let question = Question::read(text);
    let hearing = Hearing { heard: heard.iter().copied().collect(), ..Hearing::default() };
    let voices = Voices::new(&hearing, false);
    let mut all = BTreeSet::new();
    for among in [Among::Heard, Among::Others] {
        for stage in [Stage::Whole, Stage::Words, Stage::Releases, Stage::Slips, Stage::Most] {
            let candidates = ready.0.candidates(&question, stage, &Filter::default(), (&voices, among), 100);
            all.extend(candidates.expect("asked").into_iter().map(|c| c.work.to_string()));
        }
    }
    all.into_iter().collect()
}

/// The works of at most so many candidates.
fn works(ready: &Ready, text: &str, stage: Stage, (heard, among): (&[Key], Among), limit: usize) -> BTreeSet<String> {
    let hearing = Hearing { heard: heard.iter().copied().collect(), ..Hearing::default() };
    let asked = (&Voices::new(&hearing, false), among);
    let found = ready.0.candidates(&Question::read(text), stage, &Filter::default(), asked, limit).expect("asked");
    assert!(found.len() <= limit);
    found.into_iter().map(|candidate| candidate.work.to_string()).collect()
}

fn listing(number: u32, release: u8, name: &str) -> Body {
    let work = format!("imdb:tt{number:07}").parse().expect("id");
    Body::Listing(Listing::new(work, Infohash([release; 20]), name.into()))
}

fn open(folder: &Path, shelf: &mut Shelf) -> Ready {
    open_once(folder, shelf, false).expect("an index")
}

#[test]
fn what_comes_is_found_and_what_goes_is_not() {
    let folder = tempfile::tempdir().expect("folder");
    let mut shelf = Shelf::default();
    let amelie = Work {
        titles: vec![WorkTitle { language: "en".into(), title: "Amelie from Montmartre".into() }],
        ..film(1, "Le Fabuleux Destin d'Amélie Poulain")
    };
    let first = shelf.put(&alice(), amelie);
    shelf.put(&alice(), film(2, "千と千尋の神隠し"));
    let ready = open(folder.path(), &mut shelf);
    for text in ["amelie", "AMÉLIE poulain", "montmar", "amelei", "le f", "poulain 2001", "fabuleux destin xyz"] {
        assert_eq!(found(&ready, text, &[]), ["imdb:tt0000001"], "{text}");
    }
    assert_eq!(found(&ready, "千尋", &[]), ["imdb:tt0000002"]);
    assert_eq!(found(&ready, "sintel", &[]), Vec::<String>::new());
    drop(ready);
    shelf.take(first);
    let ready = open(folder.path(), &mut shelf);
    assert_eq!(found(&ready, "amelie", &[]), Vec::<String>::new());
    assert_eq!(ready.documents(), 1);
}

#[test]
fn a_lost_damaged_or_stale_index_is_made_anew() {
    let folder = tempfile::tempdir().expect("folder");
    let mut shelf = Shelf::default();
    shelf.put(&alice(), film(1, "Sintel"));
    drop(open(folder.path(), &mut shelf));
    // The store went on without it.
    shelf.put(&alice(), film(2, "Tears of Steel"));
    shelf.come.clear();
    assert_eq!(found(&open(folder.path(), &mut shelf), "tears", &[]), ["imdb:tt0000002"]);
    for entry in std::fs::read_dir(folder.path()).expect("folder").flatten() {
        let bytes = std::fs::read(entry.path()).expect("read");
        let changed: Vec<u8> = bytes.iter().map(|byte| byte ^ 0x55).collect();
        std::fs::write(entry.path(), changed).expect("write");
    }
    assert_eq!(found(&open(folder.path(), &mut shelf), "sintel", &[]), ["imdb:tt0000001"]);
    std::fs::remove_dir_all(folder.path()).expect("removed");
    assert_eq!(found(&open(folder.path(), &mut shelf), "sintel", &[]), ["imdb:tt0000001"]);
}

#[test]
fn the_releases_of_one_work_do_not_push_others_out() {
    let folder = tempfile::tempdir().expect("folder");
    let mut shelf = Shelf::default();
    for release in 0..200 {
        shelf.say(&alice(), &listing(1, release, "The Garden 2001 720p"));
    }
    shelf.say(&alice(), &listing(2, 201, "Garden of Stones 1080p"));
    shelf.say(&SecretKey::from_seed(&[2; 32]), &listing(1, 202, "The Garden 2001 480p"));
    let ready = open(folder.path(), &mut shelf);
    assert_eq!(ready.documents(), 202);
    let (nobody, others) = ([], Among::Others);
    let found = works(&ready, "garden", Stage::Releases, (&nobody, others), 10);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["imdb:tt0000001", "imdb:tt0000002"]);
}

#[test]
fn a_crowd_of_strangers_does_not_push_those_out_who_are_heard() {
    let folder = tempfile::tempdir().expect("folder");
    let mut shelf = Shelf::default();
    let stranger = SecretKey::from_seed(&[2; 32]);
    for number in 1..=300 {
        shelf.put(&stranger, film(number, "Garden"));
    }
    shelf.put(&alice(), film(301, "Garden of Stones"));
    let ready = open(folder.path(), &mut shelf);
    let heard = [alice().public()];
    for text in ["garden", "gar", "gardens"] {
        let stage = if text == "gardens" { Stage::Slips } else { Stage::Words };
        assert_eq!(
            works(&ready, text, stage, (&heard, Among::Heard), 10),
            ["imdb:tt0000301".to_owned()].into(),
            "{text}"
        );
        let others = works(&ready, text, stage, (&heard, Among::Others), 1_000);
        assert!(others.len() == 300 && !others.contains("imdb:tt0000301"), "{text}: {}", others.len());
    }
}

#[test]
fn a_short_beginning_stands_for_every_word_that_begins_so() {
    let folder = tempfile::tempdir().expect("folder");
    let mut shelf = Shelf::default();
    let letters = || 'a'..='z';
    let titles: Vec<String> = letters().flat_map(|a| letters().map(move |b| format!("moon{a}{b}"))).take(300).collect();
    for (number, title) in (1..).zip(&titles) {
        shelf.put(&alice(), film(number, title));
    }
    let ready = open(folder.path(), &mut shelf);
    for text in ["m", "mo", "moo", "moon"] {
        assert_eq!(works(&ready, text, Stage::Words, (&[], Among::Others), 1_000).len(), titles.len(), "{text}");
    }
}

#[test]
fn hostile_questions_are_answered() {
    let folder = tempfile::tempdir().expect("folder");
    let mut shelf = Shelf::default();
    shelf.put(&alice(), film(1, "Sintel"));
    let ready = open(folder.path(), &mut shelf);
    let long = "sintel ".repeat(1_500);
    for text in ["AND (", "*:*", "title:", "\"", "!!!", "\u{202e}\0", &long, &"x".repeat(10_000), "[a TO z]", "-sintel"]
    {
        found(&ready, text, &[]);
    }
    assert_eq!(found(&ready, "+sintel:(*", &[]), ["imdb:tt0000001"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_work_is_found_by_its_title_and_with_a_slip(
        titles in prop::collection::vec("[a-zà-öø-ÿ]{5,9}( [A-Z][a-z]{1,7}){0,3}", 1..12),
        at in 0_usize..5,
    ) {
        let folder = tempfile::tempdir().expect("folder");
        let mut shelf = Shelf::default();
        for (number, title) in (1..).zip(&titles) {
            shelf.put(&alice(), film(number, title));
        }
        let ready = open(folder.path(), &mut shelf);
        for (number, title) in (1..).zip(&titles) {
            let work = format!("imdb:tt{number:07}");
            prop_assert!(found(&ready, title, &[]).contains(&work), "{title}");
            let mut letters: Vec<char> = heirloom_core::wording::folded(title).chars().collect();
            letters[at] = if letters[at] == 'q' { 'z' } else { 'q' };
            let slipped: String = letters.into_iter().collect();
            prop_assert!(found(&ready, &slipped, &[]).contains(&work), "{title} as {slipped}");
        }
    }
}
