//! Pages of what is asked for: a page costs its own works, not all that there are.
//!
//! What was found to fit stays known, by question, while nothing changes: whoever reads page after page has each work
//! looked at once.

use super::reading::{Asked, Entry, release_of, shelf};
use crate::driver::Node;
use crate::search::Wish;
use heirloom_core::command::{Command, CommandError, Filter, NEWEST_MAX, Newest, Reply, SHELF_MAX};
use heirloom_core::fitting::Pick;
use heirloom_core::views::Work;
use heirloom_core::wording::folded;
use heirloom_proto::{Infohash, WorkId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most works of one answer by words: their releases are more.
const WORKS_MAX: usize = 100;
/// Most releases of one answer, over all of its pages.
pub(super) const ENTRIES_MAX: usize = NEWEST_MAX;
/// Most questions of which is kept what fits: a few programs with a few questions each. With a thousand rows of 100 bytes for
/// each, 2 MB.
const LISTS_MAX: usize = 16;

/// A page, and how many releases there are in all: exact once the end was seen, before that at most so many.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) entries: Vec<Entry>,
    pub(super) total: usize,
}

/// A work that may hold what is asked for.
#[derive(Clone, Debug)]
struct Candidate {
    work: WorkId,
    /// The release that is meant; `None`: any.
    infohash: Option<Infohash>,
    /// The episode that is named among the words.
    pick: Option<Pick>,
    /// How many releases may come of it.
    releases: usize,
}

/// What is known of a question: what fits, in order, and what was not looked at yet.
#[derive(Clone, Debug, Default)]
struct List {
    fitting: Vec<(WorkId, Infohash)>,
    candidates: VecDeque<Candidate>,
}

/// What was found to fit, by question.
#[derive(Default)]
pub(super) struct Pages {
    /// Question, of which state it is true, list; the one that was used last stands last.
    lists: Mutex<VecDeque<(String, u64, List)>>,
    works_read: AtomicU64,
}

impl Pages {
    /// Works that were looked at since the start.
    pub(super) fn works_read(&self) -> u64 {
        self.works_read.load(Ordering::Relaxed)
    }

    fn lists(&self) -> MutexGuard<'_, VecDeque<(String, u64, List)>> {
        // A panic while it was held cannot leave a list half changed: they are replaced whole.
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, question: &str, showing: u64) -> Option<List> {
        let mut lists = self.lists();
        lists.retain(|(_, of, _)| *of == showing);
        let at = lists.iter().position(|(known, ..)| known == question)?;
        let found = lists.remove(at)?;
        let list = found.2.clone();
        lists.push_back(found);
        Some(list)
    }

    fn keep(&self, question: &str, showing: u64, list: List) {
        let mut lists = self.lists();
        lists.retain(|(known, ..)| known != question);
        if lists.len() >= LISTS_MAX {
            lists.pop_front();
        }
        lists.push_back((question.to_owned(), showing, list));
    }

    /// The releases of a page, by words best first, else the newest first; each once. `keeps` says which of them are wanted
    /// beside what is asked, and `beside` is the same in words, so that questions are told apart.
    pub(super) async fn page(
        &self,
        node: &Node,
        asked: &Asked,
        (beside, keeps): (&str, &(dyn Fn(&Entry) -> bool + Sync)),
        span: Range<usize>,
    ) -> Result<Page, CommandError> {
        let showing = showing(node).await?;
        // An index that is behind finds what was; that is not kept.
        let may_keep = asked.words.trim().is_empty() || node.is_search_current();
        let question = format!("{asked:?} {beside}");
        let mut list = match self.known(&question, showing) {
            Some(list) => list,
            None => List { fitting: Vec::new(), candidates: candidates(node, asked).await? },
        };
        let end = span.end.min(ENTRIES_MAX);
        let mut reader = Reader { node, asked, keeps, works: BTreeMap::new(), read: 0 };
        let result = reader.fill(&mut list, span.start..end).await;
        self.works_read.fetch_add(reader.read, Ordering::Relaxed);
        let entries = result?;
        let rest: usize = list.candidates.iter().map(|candidate| candidate.releases).sum();
        let total = (list.fitting.len() + rest).min(ENTRIES_MAX);
        if may_keep {
            self.keep(&question, showing, list);
        }
        Ok(Page { entries, total })
    }
}

/// A number that grows whenever works or releases may look otherwise than before.
pub(super) async fn showing(node: &Node) -> Result<u64, CommandError> {
    match *node.command(Command::Showing).await? {
        // In the order of the resolution that is liked, which is a setting.
        Reply::Showing(number) => Ok(number << 16 | u64::from(node.desk().lines_liked()).min(0xffff)),
        _ => Err(super::reading::unexpected()),
    }
}

/// What may fit, by the indexes alone: no work is read.
async fn candidates(node: &Node, asked: &Asked) -> Result<VecDeque<Candidate>, CommandError> {
    if asked.words.trim().is_empty() {
        let wish = Newest { kinds: asked.kinds.clone(), band: Some(asked.band), by: asked.by, limit: ENTRIES_MAX };
        let Reply::Newest(pairs) = *node.command(Command::Newest(wish)).await? else {
            return Err(super::reading::unexpected());
        };
        let one =
            |(work, infohash)| Candidate { work, infohash: Some(infohash), pick: asked.pick.clone(), releases: 1 };
        return Ok(pairs.into_iter().map(one).collect());
    }
    // Signs alone are no words: whoever asks for them is not asking for everything.
    if folded(&asked.words).is_empty() {
        return Ok(VecDeque::new());
    }
    let kind = Some(&asked.kinds).filter(|kinds| kinds.len() == 1).and_then(BTreeSet::first).copied();
    let filter =
        Filter { kind, genre: asked.genre.clone(), years: asked.year.map(|year| (year, year)), ..Filter::default() };
    let band = Some(asked.band);
    let wish = Wish {
        text: asked.words.clone(),
        filter,
        band,
        limit: WORKS_MAX,
        offset: None,
        lines: node.desk().lines_liked(),
    };
    let rows = node.search(wish).await?.into_iter().map(|row| {
        // An episode that is named among the words is asked for like one that is named beside.
        let named = row.episode.map(|episode| Pick::Episode(episode.season, episode.number));
        Candidate { work: row.work, infohash: None, pick: asked.pick.clone().or(named), releases: row.releases }
    });
    Ok(rows.collect())
}

/// Works that are read for one page.
struct Reader<'a> {
    node: &'a Node,
    asked: &'a Asked,
    keeps: &'a (dyn Fn(&Entry) -> bool + Sync),
    works: BTreeMap<WorkId, Arc<Work>>,
    read: u64,
}

impl Reader<'_> {
    /// The entries of a span, as far as there are any; what is found to fit on the way is noted.
    async fn fill(&mut self, list: &mut List, span: Range<usize>) -> Result<Vec<Entry>, CommandError> {
        let mut entries = Vec::new();
        let known: Vec<(WorkId, Infohash)> = list.fitting.iter().skip(span.start).take(span.len()).cloned().collect();
        self.read(known.iter().map(|(work, _)| work)).await?;
        for (work, infohash) in &known {
            entries.extend(self.works.get(work).and_then(|work| release_of(work, *infohash)));
        }
        let mut seen: BTreeSet<Infohash> = list.fitting.iter().map(|(_, infohash)| *infohash).collect();
        while list.fitting.len() < span.end && !list.candidates.is_empty() {
            // Most of what may fit does: so many works fill the page.
            let missing = (span.end - list.fitting.len()).clamp(1, SHELF_MAX);
            let next: Vec<Candidate> = list.candidates.drain(..missing.min(list.candidates.len())).collect();
            self.read(next.iter().map(|candidate| &candidate.work)).await?;
            for candidate in next {
                let Some(work) = self.works.get(&candidate.work) else { continue };
                let asked = Asked { pick: candidate.pick, ..self.asked.clone() };
                for entry in asked.of(work, candidate.infohash) {
                    let infohash = entry.release().infohash;
                    if !(self.keeps)(&entry) || !seen.insert(infohash) {
                        continue;
                    }
                    if span.contains(&list.fitting.len()) {
                        entries.push(entry);
                    }
                    list.fitting.push((candidate.work.clone(), infohash));
                }
            }
        }
        if list.fitting.len() >= ENTRIES_MAX {
            list.fitting.truncate(ENTRIES_MAX);
            list.candidates.clear();
        }
        Ok(entries)
    }

    /// Reads those works that were not read for this page yet. One is known by each of its ids.
    async fn read(&mut self, ids: impl Iterator<Item = &WorkId>) -> Result<(), CommandError> {
        let new: BTreeSet<WorkId> = ids.filter(|id| !self.works.contains_key(id)).cloned().collect();
        let new: Vec<WorkId> = new.into_iter().collect();
        for work in shelf(self.node, &new).await? {
            self.read += 1;
            let work = Arc::new(work);
            for id in work.ids.iter().chain([&work.work]) {
                self.works.insert(id.clone(), Arc::clone(&work));
            }
        }
        Ok(())
    }
}
