//! The index on disk: opened or thrown away, written, asked.

use super::schema::{AUTHOR, Entry, Fields, PREFIX_LETTERS, WORK, author_number, facets, facets_of_listing, half};
use heirloom_core::changes::Mark;
use heirloom_core::command::{Candidate, Filter};
use heirloom_core::ground::Stored;
use heirloom_core::views::Hearing;
use heirloom_core::wording::{Question, Word, grams, is_dense, typos_allowed};
use heirloom_proto::StatementId;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};
use std::path::Path;
use tantivy::directory::MmapDirectory;
use tantivy::indexer::IndexWriterOptions;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, EnableScoring, FuzzyTermQuery, Occur, Query, TermQuery,
    TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption, Term};
use tantivy::{
    DocAddress, DocSet as _, Index as Tantivy, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher,
    TERMINATED, TantivyDocument, TantivyError,
};

/// Version of what the index holds. Another one is thrown away and made anew.
const VERSION: u32 = 3;
/// The last year that is looked for by the years of a filter; a work of a later one is no work.
const YEAR_MAX: u32 = 9_999;
/// Memory of a writer before it writes out: the least that tantivy takes.
const WRITER_BYTES: usize = 15_000_000;
/// Stored entries are read one by one from all over the index, so the blocks that they lie in are small.
const BLOCK_BYTES: usize = 1024;
/// Most words that a beginning stands for. Of more the first are taken: who types on will see the others.
const EXPANSIONS_MAX: usize = 64;
/// Most words of a question that are forgiven slips. The dictionary is gone through for each.
const SLIPPED_WORDS_MAX: usize = 6;

/// What of a question must be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A title is what was typed, whole.
    Whole,
    /// Each word, or a word that begins with it, is in a record.
    Words,
    /// Each word is in the name of a release.
    Releases,
    /// Each word, or one that differs by a slip, is in a record.
    Slips,
    /// All words but one, with slips.
    Most,
}

/// Whose words are asked for.
pub(super) struct Voices {
    heard: HashSet<u64>,
    silenced: HashSet<u64>,
    /// Nobody is in the other crowd.
    is_everybody: bool,
}

impl Voices {
    pub(super) fn new(hearing: &Hearing, shows_distrusted: bool) -> Self {
        let silenced =
            if shows_distrusted { HashSet::new() } else { hearing.distrusted.iter().map(author_number).collect() };
        let is_everybody = hearing.is_everybody && (!shows_distrusted || hearing.distrusted.is_empty());
        Self { heard: hearing.heard.iter().map(author_number).collect(), silenced, is_everybody }
    }

    /// Whose crowd somebody is in; `None`: they are silenced.
    fn crowd(&self, author: u64) -> Option<Among> {
        if self.heard.contains(&author) {
            return Some(Among::Heard);
        }
        (!self.silenced.contains(&author)).then_some(Among::Others)
    }
}

/// Whether somebody is heard, or nothing is known of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Among {
    Heard,
    Others,
}

/// What was found in each crowd.
#[derive(Debug, Default)]
pub(super) struct Crowds {
    pub(super) heard: Vec<Candidate>,
    pub(super) others: Vec<Candidate>,
    /// There may be more than were asked for.
    pub(super) is_cut: bool,
}

/// The best of one crowd so far: those of another push nobody out of it.
struct Best {
    limit: usize,
    found: BinaryHeap<Reverse<(Rank, DocAddress)>>,
}

impl Best {
    fn new(limit: usize) -> Self {
        Self { limit, found: BinaryHeap::new() }
    }

    /// What is not better than this is not among them; `None`: there is room.
    fn least(&self) -> Option<f32> {
        let Reverse((Rank(least), _)) = self.found.peek()?;
        (self.found.len() >= self.limit).then_some(*least)
    }

    fn put(&mut self, score: f32, at: DocAddress) {
        self.found.push(Reverse((Rank(score), at)));
        if self.found.len() > self.limit {
            self.found.pop();
        }
    }
}

/// The index.
pub(super) struct Index {
    index: Tantivy,
    reader: IndexReader,
    fields: Fields,
}

/// Writes to it; one at a time.
pub(super) struct Writer {
    writer: IndexWriter,
    fields: Fields,
}

impl Index {
    /// Opens the index of a folder. One that is missing, damaged or of another version is made anew.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn open(folder: &Path) -> Result<Self, TantivyError> {
        // What is read of damaged files can panic; here that only means that they are damaged.
        let opened = std::panic::catch_unwind(|| Self::open_existing(folder));
        match opened {
            Ok(Ok(index)) => Ok(index),
            _ => Self::create(folder),
        }
    }

    fn open_existing(folder: &Path) -> Result<Self, TantivyError> {
        let index = Tantivy::open(MmapDirectory::open(folder)?)?;
        let (schema, fields) = Fields::new();
        let damaged = |reason: &str| TantivyError::InternalError(reason.to_owned());
        if index.schema() != schema || read_mark(&index)?.is_none() {
            return Err(damaged("of another version"));
        }
        if !index.validate_checksum()?.is_empty() {
            return Err(damaged("its files are damaged"));
        }
        Self::of(index, fields)
    }

    /// An empty index in the place of whatever there is.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn create(folder: &Path) -> Result<Self, TantivyError> {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => std::fs::create_dir_all(folder)?,
        }
        let (schema, fields) = Fields::new();
        let settings = IndexSettings {
            docstore_blocksize: BLOCK_BYTES,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let index = Tantivy::create(MmapDirectory::open(folder)?, schema, settings)?;
        Self::of(index, fields)
    }

    fn of(index: Tantivy, fields: Fields) -> Result<Self, TantivyError> {
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { index, reader, fields })
    }

    /// What it held when it was last written; `None` if it never was.
    pub(super) fn mark(&self) -> Option<Mark> {
        read_mark(&self.index).ok().flatten()
    }

    /// Statements in it.
    pub(super) fn documents(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    pub(super) fn writer(&self) -> Result<Writer, TantivyError> {
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(WRITER_BYTES)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        Ok(Writer { writer: self.index.writer_with_options(options)?, fields: self.fields })
    }

    /// Shows what was committed.
    pub(super) fn reload(&self) -> Result<(), TantivyError> {
        self.reader.reload()
    }

    /// Halves of the ids of all statements in it, in order.
    pub(super) fn ids(&self) -> Result<Vec<[u8; 16]>, TantivyError> {
        let mut ids = Vec::new();
        for segment in self.reader.searcher().segment_readers() {
            let inverted = segment.inverted_index(self.fields.id)?;
            let mut terms = inverted.terms().stream()?;
            while terms.advance() {
                let mut postings = inverted.read_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
                let mut is_alive = false;
                while postings.doc() != TERMINATED {
                    is_alive |= !segment.is_deleted(postings.doc());
                    postings.advance();
                }
                if let (true, Ok(id)) = (is_alive, terms.key().try_into()) {
                    ids.push(id);
                }
            }
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Works that fit a question, the best of them first: of those who are heard, and of others; at most `limit` of each,
    /// and of a crowd whose limit is 0 none.
    pub(super) fn candidates(
        &self,
        question: &Question,
        stage: Stage,
        filter: &Filter,
        voices: &Voices,
        limits: (usize, usize),
    ) -> Result<Crowds, TantivyError> {
        let searcher = self.reader.searcher();
        let Some(query) = self.query(&searcher, question, stage, filter)? else { return Ok(Crowds::default()) };
        let weight = query.weight(EnableScoring::enabled_from_searcher(&searcher))?;
        // COST: where nobody is in the other crowd, what fits no better than the best so far is passed over by the index itself.
        let limits = if voices.is_everybody { (limits.0, 0) } else { limits };
        let (mut heard, mut others) = (Best::new(limits.0), Best::new(limits.1));
        // Statements of one author mostly lie together.
        let mut last: Option<(u64, Option<Among>)> = None;
        // The best of each work that its releases were found by. Only what got among the best is noted.
        let mut of_works: HashMap<(u64, u64), f32> = HashMap::new();
        for (ordinal, segment) in (0..).zip(searcher.segment_readers()) {
            let authors = segment.fast_fields().u64(AUTHOR)?;
            let works = segment.fast_fields().u64(WORK)?;
            weight.for_each_pruning(f32::MIN, segment, &mut |document, score| {
                let author = authors.first(document);
                let crowd = author.and_then(|author| match last {
                    Some((known, crowd)) if known == author => crowd,
                    _ => last.insert((author, voices.crowd(author))).1,
                });
                let best = match crowd {
                    Some(Among::Heard) => Some(&mut heard),
                    Some(Among::Others) => Some(&mut others),
                    None => None,
                };
                let best = best.filter(|best| best.limit > 0 && best.least().is_none_or(|least| score > least));
                let mut is_wanted = || {
                    let author = author.unwrap_or_default();
                    // Ten releases of a work say no more than one: they would push other works out.
                    let Some(work) = works.first(document) else { return true };
                    let known = of_works.entry((author, work)).or_insert(f32::MIN);
                    let is_better = score > *known;
                    *known = known.max(score);
                    is_better
                };
                if let Some(best) = best
                    && !segment.is_deleted(document)
                    && is_wanted()
                {
                    best.put(score, DocAddress::new(ordinal, document));
                }
                let of = |best: &Best| if best.limit == 0 { Some(f32::MAX) } else { best.least() };
                of(&heard).zip(of(&others)).map_or(f32::MIN, |(heard, others)| heard.min(others))
            })?;
        }
        let is_full = |best: &Best| best.limit > 0 && best.found.len() >= best.limit;
        Ok(Crowds {
            is_cut: is_full(&heard) || is_full(&others),
            heard: self.read(&searcher, question, heard)?,
            others: self.read(&searcher, question, others)?,
        })
    }

    /// What documents say, as it fits the question.
    fn read(&self, searcher: &Searcher, question: &Question, best: Best) -> Result<Vec<Candidate>, TantivyError> {
        let mut found = Vec::with_capacity(best.found.len());
        for Reverse((_, address)) in best.found.into_sorted_vec() {
            let document: TantivyDocument = searcher.doc(address)?;
            found.extend(Entry::of(&document, &self.fields).and_then(|entry| entry.candidate(question)));
        }
        found.sort_by_key(|hit| Reverse(hit.relevance));
        Ok(found)
    }

    fn query(
        &self,
        searcher: &Searcher,
        question: &Question,
        stage: Stage,
        filter: &Filter,
    ) -> Result<Option<Box<dyn Query>>, TantivyError> {
        let fields = &self.fields;
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        if question.words.is_empty() {
            // Of all works those are looked at that a filter leaves, by their records, or by what is listed of them.
            let of_listings = facets_of_listing(filter);
            match stage {
                _ if !question.is_blank => return Ok(None),
                Stage::Words => clauses.push((Occur::Must, Box::new(AllQuery))),
                Stage::Releases if !of_listings.is_empty() => {
                    let all = of_listings.iter().map(|facet| constant(term(fields.facet, facet), 1.0)).collect();
                    clauses.push((Occur::Must, all_of(all)));
                }
                _ => return Ok(None),
            }
            if let (Stage::Words, Some((first, last))) = (stage, filter.years) {
                let years =
                    (first..=last.min(YEAR_MAX)).map(|year| Term::from_field_text(fields.year, &year.to_string()));
                clauses.push((Occur::Must, constant(Box::new(TermSetQuery::new(years)), 0.0)));
            }
        } else if stage == Stage::Whole {
            clauses.push((Occur::Must, term(fields.whole, &question.folded)));
        } else {
            let mut each: Vec<Box<dyn Query>> = Vec::new();
            for (at, word) in question.words.iter().enumerate() {
                each.push(self.word(searcher, word, stage, at < SLIPPED_WORDS_MAX)?);
            }
            let must = each.len() - usize::from(stage == Stage::Most);
            if stage == Stage::Most && must < 2 {
                return Ok(None);
            }
            let query: Box<dyn Query> = if stage == Stage::Most {
                Box::new(BooleanQuery::union_with_minimum_required_clauses(each, must))
            } else {
                all_of(each)
            };
            clauses.push((Occur::Must, query));
        }
        if stage != Stage::Releases {
            for facet in facets(filter) {
                let query = ConstScoreQuery::new(term(fields.facet, &facet), 0.0);
                clauses.push((Occur::Must, Box::new(query)));
            }
        }
        Ok(Some(Box::new(BooleanQuery::new(clauses))))
    }

    /// A word: all its pieces, or all of it in one, or the year that it is.
    fn word(
        &self,
        searcher: &Searcher,
        word: &Word,
        stage: Stage,
        may_slip: bool,
    ) -> Result<Box<dyn Query>, TantivyError> {
        let mut pieces = Vec::new();
        for piece in &word.chunk.pieces {
            pieces.push(self.piece(searcher, piece, stage, may_slip)?);
        }
        let mut ways = vec![all_of(pieces)];
        if let Some(joined) = &word.chunk.joined {
            ways.push(self.piece(searcher, joined, stage, false)?);
        }
        if let Some(year) = word.year {
            ways.push(constant(term(self.fields.year, &year.to_string()), 1.0));
        }
        Ok(any_of(ways))
    }

    fn piece(
        &self,
        searcher: &Searcher,
        piece: &str,
        stage: Stage,
        may_slip: bool,
    ) -> Result<Box<dyn Query>, TantivyError> {
        let fields = &self.fields;
        if piece.chars().next().is_some_and(is_dense) {
            let all = grams(piece);
            // Of several letters the pairs say where each stands.
            let wanted: Vec<&String> = all.iter().filter(|gram| all.len() == 1 || gram.chars().count() == 2).collect();
            let of = |gram: &&String| match stage {
                Stage::Releases => term(fields.release, gram),
                _ => any_of(vec![term(fields.title, gram), term(fields.beside, gram)]),
            };
            return Ok(all_of(wanted.iter().map(of).collect()));
        }
        if stage == Stage::Releases {
            return Ok(term(fields.release, piece));
        }
        let mut ways: Vec<Box<dyn Query>> =
            vec![Box::new(BoostQuery::new(term(fields.title, piece), 3.0)), constant(term(fields.beside, piece), 2.0)];
        let letters = piece.chars().count();
        if letters <= PREFIX_LETTERS {
            ways.push(constant(term(fields.prefix, piece), 1.0));
        } else {
            for field in [fields.title, fields.beside] {
                for word in beginning_with(searcher, field, piece)? {
                    ways.push(constant(term(field, &word), 1.0));
                }
            }
        }
        let typos = typos_allowed(letters);
        if may_slip && typos > 0 && matches!(stage, Stage::Slips | Stage::Most) {
            for field in [fields.title, fields.beside] {
                let slipped = FuzzyTermQuery::new_prefix(Term::from_field_text(field, piece), typos, true);
                ways.push(constant(Box::new(slipped), 0.5));
            }
        }
        Ok(any_of(ways))
    }
}

impl Writer {
    /// Takes statements out.
    pub(super) fn remove(&self, ids: &[StatementId]) {
        for id in ids {
            self.remove_half(half(id));
        }
    }

    /// Takes the statement out whose id begins so.
    pub(super) fn remove_half(&self, half: &[u8]) {
        self.writer.delete_term(Term::from_field_bytes(self.fields.id, half));
    }

    /// Takes statements in; those that are there already are replaced.
    pub(super) fn add(&self, statements: &[Stored]) -> Result<(), TantivyError> {
        for stored in statements {
            if let Some(document) = self.fields.document(stored) {
                self.remove_half(half(&stored.statement.id()));
                self.writer.add_document(document)?;
            }
        }
        Ok(())
    }

    /// Makes it last, and says what is in it now; `None`: something between two states.
    pub(super) fn commit(&mut self, mark: Option<Mark>) -> Result<(), TantivyError> {
        let mut commit = self.writer.prepare_commit()?;
        let sum = mark.map_or_else(|| "-".to_owned(), |mark| format!("{} {}", mark.count, mark.sum));
        commit.set_payload(&format!("heirloom {VERSION} {sum}"));
        commit.commit().map(|_| ())
    }

    /// Ends, when the segments that are being merged are merged.
    pub(super) fn close(self) -> Result<(), TantivyError> {
        self.writer.wait_merging_threads()
    }
}

/// `None`: of another version. A mark that was left out, because more was to come, is none that anything has.
fn read_mark(index: &Tantivy) -> Result<Option<Mark>, TantivyError> {
    let Some(payload) = index.load_metas()?.payload else { return Ok(None) };
    let mut words = payload.split(' ');
    if words.next() != Some("heirloom") || words.next() != Some(VERSION.to_string().as_str()) {
        return Ok(None);
    }
    let number = |word: Option<&str>| word.and_then(|word| word.parse::<u128>().ok());
    let count = number(words.next()).and_then(|count| u64::try_from(count).ok());
    let sum = number(words.next());
    Ok(Some(match (count, sum) {
        (Some(count), Some(sum)) => Mark { count, sum },
        _ => Mark { count: u64::MAX, sum: 0 },
    }))
}

/// Files of the index and their bytes.
pub(super) fn bytes_of(folder: &Path) -> u64 {
    let Ok(files) = std::fs::read_dir(folder) else { return 0 };
    files.flatten().filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
}

/// Words of a field that begin so, but are longer.
fn beginning_with(searcher: &Searcher, field: Field, start: &str) -> Result<BTreeSet<String>, TantivyError> {
    let mut found = BTreeSet::new();
    for segment in searcher.segment_readers() {
        let inverted = segment.inverted_index(field)?;
        let mut terms = inverted.terms().range().gt(start).into_stream()?;
        let mut left = EXPANSIONS_MAX;
        while left > 0 && terms.advance() && terms.key().starts_with(start.as_bytes()) {
            found.extend(std::str::from_utf8(terms.key()).map(str::to_owned));
            left -= 1;
        }
    }
    while found.len() > EXPANSIONS_MAX {
        found.pop_last();
    }
    Ok(found)
}

fn term(field: Field, text: &str) -> Box<dyn Query> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic))
}

fn constant(query: Box<dyn Query>, score: f32) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, score))
}

fn all_of(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    if queries.len() == 1 { queries.remove(0) } else { Box::new(BooleanQuery::intersection(queries)) }
}

fn any_of(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    if queries.len() == 1 { queries.remove(0) } else { Box::new(BooleanQuery::union(queries)) }
}

/// A score with an order.
#[derive(Clone, Copy, Debug)]
struct Rank(f32);

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
