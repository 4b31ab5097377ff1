//! The index over a store in memory: what is found, what is hidden, and that it mends itself.

use super::index::{Among, Stage, Voices};
use super::*;
use heirloom_core::changes::{Heard, Mark};
use heirloom_core::command::{Candidate, Command, CommandError, Reply};
use heirloom_core::ground::Stored;
use heirloom_core::views::{Found, Hearing, Source as Way};
use heirloom_core::wording::Question;
use heirloom_proto::body::{Listing, Work, WorkKind, WorkTitle};
use heirloom_proto::statement::Header;
use heirloom_proto::{Body, Infohash, Key, SecretKey, Statement, StatementId, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A core that only has statements.
#[derive(Default)]
struct Shelf {
    all: BTreeMap<StatementId, Stored>,
    come: Vec<StatementId>,
    gone: Vec<StatementId>,
    is_overflown: bool,
}

impl Shelf {
    /// More changed than is kept: whoever listens must compare.
    fn overflow(&mut self) {
        self.come.clear();
        self.gone.clear();
        self.is_overflown = true;
    }

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
        let must_compare = std::mem::take(&mut self.is_overflown);
        Some(Heard { gone, come, must_compare, mark: self.now(), ..Heard::default() })
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
    for stage in [Stage::Whole, Stage::Words, Stage::Releases, Stage::Slips, Stage::Most] {
        let crowds = ready.0.candidates(&question, stage, &Filter::default(), &voices, (100, 100)).expect("asked");
        all.extend(crowds.heard.into_iter().chain(crowds.others).map(|c| c.work.to_string()));
    }
    all.into_iter().collect()
}

/// The works of at most so many candidates.
fn works(ready: &Ready, text: &str, stage: Stage, (heard, among): (&[Key], Among), limit: usize) -> BTreeSet<String> {
    let hearing = Hearing { heard: heard.iter().copied().collect(), ..Hearing::default() };
    let voices = Voices::new(&hearing, false);
    let limits = if among == Among::Heard { (limit, 0) } else { (0, limit) };
    let crowds = ready.0.candidates(&Question::read(text), stage, &Filter::default(), &voices, limits).expect("asked");
    let both = ready.0.candidates(&Question::read(text), stage, &Filter::default(), &voices, (limit, limit));
    let (found, other) =
        if among == Among::Heard { (crowds.heard, crowds.others) } else { (crowds.others, crowds.heard) };
    assert!(found.len() <= limit && other.is_empty());
    let both = both.expect("asked");
    assert_eq!(
        if among == Among::Heard { both.heard } else { both.others },
        found,
        "one crowd does not change another"
    );
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
fn what_a_filter_leaves_is_looked_at_before_all_else() {
    let folder = tempfile::tempdir().expect("folder");
    let mut shelf = Shelf::default();
    for number in 1..=60 {
        let year = 1900 + number;
        shelf.put(&alice(), Work { year: Some(year), languages: vec!["en".into()], ..film(number, "Garden") });
    }
    // What the record does not say, a listing does.
    for (number, language, licence) in [(61, "de-AT", "CC-BY-3.0"), (62, "fr", "CC0-1.0")] {
        shelf.put(&alice(), Work { year: None, ..film(number, "Garden") });
        let work = format!("imdb:tt{number:07}").parse().expect("id");
        let release = Infohash([u8::try_from(number).expect("small"); 20]);
        let about = Listing::new(work, release, "Garden 720p".into());
        let body = Listing { languages: vec![language.into()], licence: licence.into(), ..about };
        shelf.say(&alice(), &Body::Listing(body));
    }
    let ready = open(folder.path(), &mut shelf);
    let voices = Voices::new(&Hearing { heard: [alice().public()].into(), ..Hearing::default() }, false);
    let found = |filter: &Filter, stage| -> Vec<String> {
        let crowds = ready.0.candidates(&Question::read(""), stage, filter, &voices, (5, 5)).expect("asked");
        let mut works: Vec<_> = crowds.heard.iter().map(|candidate| candidate.work.to_string()).collect();
        works.sort();
        works
    };
    let years = |first, last| Filter { years: Some((first, last)), ..Filter::default() };
    assert_eq!(found(&years(1931, 1932), Stage::Words), ["imdb:tt0000031", "imdb:tt0000032"]);
    assert_eq!(found(&years(1960, u32::MAX), Stage::Words), ["imdb:tt0000060"]);
    assert_eq!(found(&years(1990, 1980), Stage::Words), Vec::<String>::new());
    let spoken = |language: &str| Filter { language: Some(language.into()), ..Filter::default() };
    assert_eq!(found(&spoken("de"), Stage::Releases), ["imdb:tt0000061"]);
    assert_eq!(found(&spoken("de"), Stage::Words), ["imdb:tt0000061"], "by its listing, which is asked of too");
    assert_eq!(found(&spoken("en"), Stage::Words).len(), 5);
    for (licence, works) in
        [("cc-by", vec!["imdb:tt0000061"]), ("CC0-1.0", vec!["imdb:tt0000062"]), ("CC-BY-NC", vec![])]
    {
        let filter = Filter { licence: Some(licence.into()), ..Filter::default() };
        assert_eq!(found(&filter, Stage::Releases), works, "{licence}");
    }
    assert_eq!(found(&Filter::default(), Stage::Releases), Vec::<String>::new(), "nothing is asked of releases");
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
fn where_everybody_is_heard_the_same_is_found() {
    let folder = tempfile::tempdir().expect("folder");
    let mut shelf = Shelf::default();
    for number in 1..=300 {
        shelf.put(&alice(), film(number, if number % 7 == 0 { "Garden" } else { "Gardens of Stone" }));
    }
    let ready = open(folder.path(), &mut shelf);
    let of = |is_everybody: bool, text: &str, stage: Stage| {
        let hearing = Hearing { heard: [alice().public()].into(), is_everybody, ..Hearing::default() };
        let voices = Voices::new(&hearing, false);
        let limits = (50, 50);
        ready.0.candidates(&Question::read(text), stage, &Filter::default(), &voices, limits).expect("asked")
    };
    for (text, stage) in
        [("garden", Stage::Whole), ("garden", Stage::Words), ("gar", Stage::Words), ("gardne", Stage::Slips)]
    {
        let (known, all) = (of(false, text, stage), of(true, text, stage));
        assert_eq!(all.heard, known.heard, "{text}");
        assert!(all.others.is_empty() && known.others.is_empty() && all.is_cut == known.is_cut, "{text}");
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

/// A core on other threads, as the keeper of a running node asks it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Shelf>>);

impl Shared {
    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.0.lock().expect("no panic")
    }
}

impl Source for Shared {
    fn changes(&mut self, limit: usize) -> Option<Heard> {
        self.shelf().changes(limit)
    }

    fn ids(&mut self, after: Option<StatementId>, limit: usize) -> Option<Vec<StatementId>> {
        self.shelf().ids(after, limit)
    }

    fn statements(&mut self, ids: Vec<StatementId>) -> Option<Vec<Stored>> {
        self.shelf().statements(ids)
    }
}

/// Films found in a running index, once it holds what was said; an empty list where there is no index.
fn found_now(search: &Search, text: &str) -> Vec<String> {
    search.catch_up();
    search.index().map(|ready| found(&ready, text, &[])).unwrap_or_default()
}

#[test]
fn when_too_much_changed_at_once_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("folder");
    let core = Shared::default();
    let gone = core.shelf().put(&alice(), film(1, "Sintel"));
    let search = Search::start(folder.path().join("search"), core.clone()).expect("started");
    assert_eq!(found_now(&search, "sintel"), ["imdb:tt0000001"]);
    {
        let mut shelf = core.shelf();
        shelf.take(gone);
        for number in 2..=600 {
            shelf.put(&alice(), film(number, "Overflow"));
        }
        shelf.overflow();
    }
    search.changed();
    search.catch_up();
    let ready = search.index().expect("an index");
    assert_eq!((ready.documents(), found(&ready, "sintel", &[])), (599, Vec::new()));
    assert!(search.is_current());
    // And then again one by one.
    core.shelf().put(&alice(), film(700, "Afterwards"));
    search.changed();
    assert_eq!(found_now(&search, "afterwards"), ["imdb:tt0000700"]);
    search.stop();
}

#[test]
fn a_disk_that_refuses_leaves_no_index_and_one_that_takes_again_has_all() {
    let folder = tempfile::tempdir().expect("folder");
    // Something stands where the index should be: whatever is done there, the system refuses.
    let place = folder.path().join("search");
    std::fs::write(&place, b"in the way").expect("written");
    let core = Shared::default();
    core.shelf().put(&alice(), film(1, "Sintel"));
    let search = Search::start(place.clone(), core.clone()).expect("started");
    search.catch_up();
    assert!(search.index().is_none(), "searches look through everything meanwhile");
    assert!(search.used().trouble.is_some_and(|why| !why.is_empty()), "and it is said why");
    core.shelf().put(&alice(), film(2, "Tears of Steel"));
    search.changed();
    search.catch_up();
    assert!(search.index().is_none());
    std::fs::remove_file(&place).expect("removed");
    assert_eq!(search.rebuild(), 2);
    assert_eq!(search.used().trouble, None);
    assert_eq!(found_now(&search, "tears"), ["imdb:tt0000002"]);
    assert_eq!(found_now(&search, "sintel"), ["imdb:tt0000001"]);
    search.stop();
}

#[test]
fn who_searches_while_it_is_made_anew_gets_all_or_is_told_that_there_is_none() {
    let folder = tempfile::tempdir().expect("folder");
    let core = Shared::default();
    for number in 1..=200 {
        core.shelf().put(&alice(), film(number, "Garden"));
    }
    let search = Search::start(folder.path().join("search"), core.clone()).expect("started");
    assert_eq!(search.rebuild(), 200);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let searching = threads.spawn(|| {
            let mut answers = 0;
            while !is_done.load(Ordering::SeqCst) {
                // Who holds an index goes on with it, though its files are gone by then.
                if let Some(ready) = search.index() {
                    assert_eq!(works(&ready, "garden", Stage::Words, (&[], Among::Others), 1_000).len(), 200);
                    answers += 1;
                }
            }
            answers
        });
        for _ in 0..5 {
            assert_eq!(search.rebuild(), 200);
        }
        is_done.store(true, Ordering::SeqCst);
        searching.join().expect("no search failed");
    });
    search.stop();
}

#[test]
fn an_index_of_another_version_is_made_anew() {
    let folder = tempfile::tempdir().expect("folder");
    let mut schema = tantivy::schema::Schema::builder();
    schema.add_text_field("title", tantivy::schema::TEXT);
    drop(tantivy::Index::create_in_dir(folder.path(), schema.build()).expect("another one"));
    let mut shelf = Shelf::default();
    shelf.put(&alice(), film(1, "Sintel"));
    assert_eq!(found(&open(folder.path(), &mut shelf), "sintel", &[]), ["imdb:tt0000001"]);
    // Only its beginning is left, as after a disk that was full.
    let meta = folder.path().join("meta.json");
    let text = std::fs::read_to_string(&meta).expect("read");
    std::fs::write(&meta, &text[..text.len() / 2]).expect("written");
    assert_eq!(found(&open(folder.path(), &mut shelf), "sintel", &[]), ["imdb:tt0000001"]);
}

#[test]
fn pages_of_one_list_fit_together() {
    let folder = tempfile::tempdir().expect("folder");
    let mut shelf = Shelf::default();
    for number in 1..=700 {
        shelf.put(&alice(), film(number, "Garden"));
    }
    let ready = open(folder.path(), &mut shelf);
    // A core to whom all works look alike.
    let mut ask = |command: Command| -> Result<Reply, CommandError> {
        Ok(match command {
            Command::Rank(rank) => {
                let row = |candidate: Candidate| Found { work: candidate.work, ..blank_row() };
                Reply::Works(rank.candidates.into_iter().map(row).take(rank.limit).collect())
            }
            _ => Reply::Hearing(Arc::default()),
        })
    };
    let mut page = |offset: Option<usize>, limit: usize| -> Vec<String> {
        let wish = Wish { text: "garden".into(), limit, offset, ..Wish::default() };
        let rows = find(Some(&ready), &wish, &mut ask).expect("rows");
        rows.into_iter().map(|row| row.work.to_string()).collect()
    };
    let all = page(Some(0), 1_000);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 700, "each once");
    let pages: Vec<String> = (0..8).flat_map(|number| page(Some(number * 100), 100)).collect();
    assert_eq!(pages, all);
    assert_eq!(page(Some(700), 100), Vec::<String>::new());
    assert_eq!(page(Some(DEPTH_MAX - 1), 1_000), Vec::<String>::new());
    assert_eq!(page(None, 20).len(), 20);
    assert_eq!(page(None, ROWS_MAX + 1).len(), 700);
}

fn blank_row() -> Found {
    Found {
        work: "imdb:tt0000001".parse().expect("id"),
        title: "Garden".into(),
        year: None,
        kind: WorkKind::Film,
        score: 0.0,
        band: Band::Trusted,
        releases: 0,
        best: None,
        relevance: 1,
        episode: None,
        genres: Vec::new(),
        artwork: None,
    }
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
