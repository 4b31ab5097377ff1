//! One search: what the index finds, stage by stage, and what the core makes of it. What it must not know: how the index is
//! kept.

use super::index::{Among, Index, Stage, Voices};
use super::{DEPTH_MAX, ROWS_MAX, Ready, Wish};
use heirloom_core::command::{Candidate, Command, CommandError, Rank, Reply};
use heirloom_core::resolution_distance;
use heirloom_core::views::{Found, Hearing, Release};
use heirloom_core::wording::{Question, RELEVANCE_MAX};
use heirloom_graph::Band;
use heirloom_proto::{Infohash, WorkId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tracing::warn;

/// Candidates of those who are heard, of whom a few may turn out to be hidden: so many for each row that is asked for, and so
/// many more.
const CANDIDATES_PER_ROW: usize = 4;
const CANDIDATES_MORE: usize = 20;
/// Most candidates of one stage. A crowd of hidden works may be as large before it pushes others out; those who are heard
/// are asked first, and are in another crowd.
const CANDIDATES_MAX: usize = 2_000;
/// Candidates that the core judges at once: all of a search for twenty rows. More would keep others waiting.
const PAGE: usize = 500;
type Ask<'a> = &'a mut dyn FnMut(Command) -> Result<Reply, CommandError>;

/// Looks for works; without an index, or when it fails, the core looks through everything.
///
/// # Errors
/// What `ask` gives, and that so many rows are not looked through.
pub fn find(index: Option<&Ready>, wish: &Wish, ask: Ask<'_>) -> Result<Vec<Found>, CommandError> {
    let wish = Wish { limit: wish.limit.min(ROWS_MAX), ..wish.clone() };
    if let Some(Ready(index)) = index {
        let mut failed = None;
        // What is read of damaged files can panic.
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(index, &wish, ask, &mut failed)));
        match (looked, failed) {
            (Ok(found), None) => return found,
            (_, failed) => warn!(error = failed, "the search index failed: looking through everything instead"),
        }
    }
    scan(&wish, ask)
}

fn rows_of(reply: Reply) -> Vec<Found> {
    match reply {
        Reply::Works(rows) => rows,
        _ => Vec::new(),
    }
}

/// By the core alone, and by id.
fn scan(wish: &Wish, ask: Ask<'_>) -> Result<Vec<Found>, CommandError> {
    let question = Question::read(&wish.text);
    if question.is_empty() && !question.is_blank {
        return Ok(Vec::new());
    }
    let mut search = Looking::new(wish, &question);
    search.take_by_id(&question, ask)?;
    let text = question.folded.clone();
    if !text.is_empty() || question.is_blank {
        let command = Command::Search { text, kind: wish.filter.kind, band: wish.band, limit: search.reach() };
        let found = rows_of(ask(command)?);
        let candidate =
            |row: Found| Candidate { work: row.work, author: None, relevance: row.relevance, is_by_release: false };
        search.take(found.into_iter().map(candidate).collect(), ask)?;
    }
    Ok(search.rows())
}

fn by_id(question: &Question) -> Vec<Candidate> {
    let of =
        |work: &WorkId| Candidate { work: work.clone(), author: None, relevance: RELEVANCE_MAX, is_by_release: false };
    question.ids.iter().map(of).collect()
}

/// A search under way.
struct Looking<'a> {
    wish: &'a Wish,
    episode: Option<(u32, u32)>,
    seen: BTreeSet<(WorkId, Option<heirloom_proto::Key>, bool)>,
    rows: Vec<Found>,
    /// Where the row of a work stands, and that of a release that is the best of its work.
    places: BTreeMap<WorkId, usize>,
    of_releases: BTreeMap<Infohash, usize>,
}

impl<'a> Looking<'a> {
    fn new(wish: &'a Wish, question: &Question) -> Self {
        Self {
            wish,
            episode: question.episode,
            seen: BTreeSet::new(),
            rows: Vec::new(),
            places: BTreeMap::new(),
            of_releases: BTreeMap::new(),
        }
    }

    /// Rows that are enough.
    fn reach(&self) -> usize {
        if self.wish.offset.is_some() { DEPTH_MAX } else { self.wish.limit }
    }

    /// Has the core judge candidates, until there are enough; says how many rows there are.
    fn take(&mut self, candidates: Vec<Candidate>, ask: Ask<'_>) -> Result<usize, CommandError> {
        let seen = &mut self.seen;
        // What is shown already, and fits no better by this, need not be judged and read again.
        let (rows, places) = (&self.rows, &self.places);
        let shown = |work: &WorkId| places.get(work).and_then(|at| rows.get(*at)).map(|row| row.relevance);
        let is_better = |c: &Candidate| shown(&c.work).is_none_or(|relevance| relevance < c.relevance);
        let is_fresh = |c: &Candidate| seen.insert((c.work.clone(), c.author, c.is_by_release)) && is_better(c);
        let fresh: Vec<Candidate> = candidates.into_iter().filter(is_fresh).collect();
        for page in fresh.chunks(PAGE) {
            self.judge(page.to_vec(), None, ask)?;
            if self.has_enough() {
                break;
            }
        }
        Ok(self.rows.len())
    }

    /// The works that the ids name, or of the release.
    fn take_by_id(&mut self, question: &Question, ask: Ask<'_>) -> Result<(), CommandError> {
        if question.ids.is_empty() && question.infohash.is_none() {
            return Ok(());
        }
        self.judge(by_id(question), question.infohash, ask)
    }

    fn judge(
        &mut self,
        candidates: Vec<Candidate>,
        infohash: Option<Infohash>,
        ask: Ask<'_>,
    ) -> Result<(), CommandError> {
        let rank = Rank {
            candidates,
            infohash,
            filter: self.wish.filter.clone(),
            band: self.wish.band,
            limit: self.reach(),
            episode: self.episode,
            lines: self.wish.lines,
        };
        for row in rows_of(ask(Command::Rank(Box::new(rank)))?) {
            self.put(row);
        }
        Ok(())
    }

    /// Puts a row in. A work that was found under two of its ids shows the same under both, and is one row.
    fn put(&mut self, row: Found) {
        let best = row.best.as_ref().map(|best| best.infohash);
        let is_same = |known: &Found| known.title == row.title && known.year == row.year;
        let by_best = best.and_then(|best| self.of_releases.get(&best)).copied();
        let by_best = by_best.filter(|at| self.rows.get(*at).is_some_and(is_same));
        let known = self.places.get(&row.work).copied().or(by_best);
        let at = known.unwrap_or(self.rows.len());
        self.places.insert(row.work.clone(), at);
        if let Some(best) = best {
            self.of_releases.insert(best, at);
        }
        match self.rows.get_mut(at) {
            Some(known) if known.relevance < row.relevance => *known = row,
            Some(_) => {}
            None => self.rows.push(row),
        }
    }

    fn has_enough(&self) -> bool {
        self.rows.len() >= self.reach()
    }

    fn has_trusted(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.band, Band::Trusted | Band::Vouched | Band::Earned))
    }

    fn rows(mut self) -> Vec<Found> {
        let fits = |release: &Release| resolution_distance(&release.resolution, self.wish.lines);
        self.rows.sort_by(|a, b| a.before(b, fits));
        self.rows.into_iter().skip(self.wish.offset.unwrap_or(0)).take(self.wish.limit).collect()
    }
}

fn look(index: &Index, wish: &Wish, ask: Ask<'_>, failed: &mut Option<String>) -> Result<Vec<Found>, CommandError> {
    let question = Question::read(&wish.text);
    let mut search = Looking::new(wish, &question);
    look_for(index, &question, &mut search, ask, failed)?;
    // What looks like an episode may be a title, and what looks like a title the name of a release.
    for other in question.otherwise() {
        if !search.rows.is_empty() || failed.is_some() {
            break;
        }
        search = Looking::new(wish, &other);
        look_for(index, &other, &mut search, ask, failed)?;
    }
    Ok(search.rows())
}

fn look_for(
    index: &Index,
    question: &Question,
    search: &mut Looking<'_>,
    ask: Ask<'_>,
    failed: &mut Option<String>,
) -> Result<(), CommandError> {
    if question.is_empty() && !question.is_blank {
        return Ok(());
    }
    search.take_by_id(question, ask)?;
    // An id that names a work is all that was meant.
    if !search.rows.is_empty() && (question.ids.len() == 1 || question.infohash.is_some()) {
        return Ok(());
    }
    let hearing: Arc<Hearing> = match ask(Command::Hearing)? {
        Reply::Hearing(hearing) => hearing,
        _ => Arc::default(),
    };
    let voices = Voices::new(&hearing, search.wish.band == Some(Band::Distrusted));
    match look_through((index, question, &voices), search, ask) {
        Ok(()) => Ok(()),
        Err(LookError::Core(error)) => Err(error),
        Err(LookError::Index(error)) => {
            *failed = Some(error.to_string());
            Ok(())
        }
    }
}

/// What the index is asked, and with whose voices.
type Asked<'a> = (&'a Index, &'a Question, &'a Voices);

/// Asks the index stage by stage, until there is enough.
fn look_through(asked: Asked<'_>, search: &mut Looking<'_>, ask: Ask<'_>) -> Result<(), LookError> {
    let both = [Among::Heard, Among::Others];
    look_in(asked, search, &[Stage::Whole, Stage::Words], &both, ask)?;
    if !search.has_enough() {
        look_in(asked, search, &[Stage::Releases], &both, ask)?;
    }
    if search.has_trusted() {
        return Ok(());
    }
    // Slips are forgiven where nothing that is trusted fits as it was typed: strangers must not hide what was meant.
    let (before, is_unknown) = (search.rows.len(), !search.rows.is_empty());
    for stage in [Stage::Slips, Stage::Most] {
        look_in(asked, search, &[stage], &[Among::Heard], ask)?;
        if search.rows.len() == before && !is_unknown {
            look_in(asked, search, &[stage], &[Among::Others], ask)?;
        }
        if search.rows.len() > before {
            break;
        }
    }
    Ok(())
}

/// Why a search ended early.
#[derive(Debug, thiserror::Error)]
enum LookError {
    /// The core refused a question, or is gone.
    #[error(transparent)]
    Core(#[from] CommandError),
    /// The index failed: the core looks through everything instead.
    #[error(transparent)]
    Index(#[from] tantivy::TantivyError),
}

/// Asks the index in some stages, and has the core judge what it finds there: those who are heard before others.
fn look_in(
    (index, question, voices): Asked<'_>,
    search: &mut Looking<'_>,
    stages: &[Stage],
    crowds: &[Among],
    ask: Ask<'_>,
) -> Result<(), LookError> {
    let most = CANDIDATES_MAX.max(search.reach());
    let few = search.reach().saturating_mul(CANDIDATES_PER_ROW).saturating_add(CANDIDATES_MORE).min(most);
    // If hidden ones are in the way, once more and deeper.
    for limit in [few, most] {
        let of = |crowd| if crowds.contains(&crowd) { limit } else { 0 };
        let (mut heard, mut others, mut is_cut) = (Vec::new(), Vec::new(), false);
        for stage in stages {
            let limits = (of(Among::Heard), of(Among::Others));
            let found = index.candidates(question, *stage, &search.wish.filter, voices, limits)?;
            heard.extend(found.heard);
            others.extend(found.others);
            is_cut |= found.is_cut;
        }
        if heard.len() + others.len() <= PAGE {
            heard.append(&mut others);
        }
        search.take(heard, ask)?;
        search.take(others, ask)?;
        if !is_cut || search.has_enough() || limit == most {
            break;
        }
    }
    Ok(())
}
