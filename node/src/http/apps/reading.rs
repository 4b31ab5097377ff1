//! What programs ask of the catalogue, answered by the questions that every other surface asks: one search, one view.
//!
//! It decides nothing about trust: the core says which releases there are and in which order, and this leaves out what
//! is not asked for. What is unsafe by its files is given to no program, since programs fetch without looking: of a pack
//! in which something may do harm, those that play single files through this node are given the others, as `get` does.

use super::pages::ENTRIES_MAX;
use crate::driver::Node;
use crate::http::Server;
use heirloom_core::command::{Command, CommandError, Fault, Reply, SHELF_MAX};
use heirloom_core::fitting::{Holding, Pick};
use heirloom_core::scoring::band_rank;
use heirloom_core::views::{Release, Work};
use heirloom_graph::Band;
use heirloom_proto::body::{File, Listing, WorkKind};
use heirloom_proto::{Infohash, Key, WorkId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long a work that is not known here is looked for among others, when somebody asks for it by its id. Programs give
/// up after a minute or more.
const LOOKED_FOR: Duration = Duration::from_secs(8);

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Words of a title, or of a release.
    pub(super) words: String,
    /// Ids, of which any will do; before words.
    pub(super) ids: Vec<WorkId>,
    /// Only such works; none: all.
    pub(super) kinds: BTreeSet<WorkKind>,
    pub(super) genre: Option<String>,
    pub(super) year: Option<u32>,
    /// Only what holds this of a series.
    pub(super) pick: Option<Pick>,
    /// The worst band.
    pub(super) band: Band,
    /// Only what this key lists.
    pub(super) by: Option<Key>,
    /// Whether others may be asked for a work that is not known here.
    pub(super) may_ask: bool,
    /// Whether files are played one by one through this node, which leaves out what may do harm. Who takes a torrent takes
    /// all of it.
    pub(super) plays_files: bool,
}

impl Asked {
    /// Everything down to a band.
    pub(super) fn within(band: Band) -> Self {
        Self {
            words: String::new(),
            ids: Vec::new(),
            kinds: BTreeSet::new(),
            genre: None,
            year: None,
            pick: None,
            band,
            by: None,
            may_ask: false,
            plays_files: false,
        }
    }

    /// Whether something of a release may be given to who asks so.
    fn is_safe(&self, release: &Release) -> bool {
        !release.is_unsafe() || (self.plays_files && !release.is_refused())
    }

    fn admits(&self, work: &Work, release: &Release) -> bool {
        let is_of_genre = |genre: &String| work.genres.iter().any(|have| have.eq_ignore_ascii_case(genre));
        band_rank(release.band) <= band_rank(self.band)
            && self.is_safe(release)
            && (self.kinds.is_empty() || self.kinds.contains(&work.kind))
            && self.genre.as_ref().is_none_or(is_of_genre)
            && self.year.is_none_or(|year| work.year == Some(year))
            && self.by.is_none_or(|by| release.listed_by.iter().any(|(key, ..)| *key == by))
            && self.pick.as_ref().is_none_or(|pick| holding(pick, work, release) != Holding::No)
    }

    /// What of a work is asked for, best first; of one release, if one is meant.
    pub(super) fn of(&self, work: &Arc<Work>, infohash: Option<Infohash>) -> Vec<Entry> {
        let is_meant = |release: &Release| infohash.is_none_or(|infohash| release.infohash == infohash);
        let fitting = work.releases.iter().enumerate();
        let fitting = fitting.filter(|(_, release)| is_meant(release) && self.admits(work, release));
        fitting.map(|(at, _)| Entry { work: Arc::clone(work), at }).collect()
    }
}

/// A release with its work.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) work: Arc<Work>,
    at: usize,
}

impl Entry {
    pub(super) fn release(&self) -> &Release {
        &self.work.releases[self.at]
    }
}

/// Whether a release holds what is wanted of a series, and in which of its files.
pub(super) fn holding(pick: &Pick, work: &Work, release: &Release) -> Holding {
    let details = &release.details;
    let file = |file: &heirloom_core::fitting::FilledFile| File {
        index: file.index,
        path: file.path.clone(),
        size: file.size,
        episode: file.episodes.first().copied().filter(|_| !file.is_derived),
    };
    // As its listing has it: what was read from names is read again, by the same rules.
    let episode = details.episode.filter(|_| !details.derived.contains(&heirloom_core::fitting::Derived::Episode));
    let listing = Listing {
        size: release.size,
        files: details.files.iter().map(file).collect(),
        episode,
        ..Listing::new(work.work.clone(), release.infohash, release.name.clone())
    };
    pick.held_by(&listing, &work.episodes)
}

pub(super) fn unexpected() -> CommandError {
    CommandError::new(Fault::Failed, "failed", "the node gave another answer than was asked for")
}

/// Works as they are known here.
pub(super) async fn shelf(node: &Node, ids: &[WorkId]) -> Result<Vec<Work>, CommandError> {
    let mut works = Vec::new();
    for ids in ids.chunks(SHELF_MAX) {
        match *node.command(Command::Shelf { works: ids.to_vec(), lines: node.desk().lines_liked() }).await? {
            Reply::Shelf(shown) => works.extend(shown),
            _ => return Err(unexpected()),
        }
    }
    Ok(works)
}

/// A work, looked for among others if nothing of it is known here and `may_ask`.
pub(super) async fn work(node: &Node, id: &WorkId, may_ask: bool) -> Result<Work, CommandError> {
    let known = shelf(node, std::slice::from_ref(id)).await?.pop().ok_or_else(unexpected)?;
    if !known.releases.is_empty() || !may_ask || node.networks().dht.is_none() {
        return Ok(known);
    }
    let show = Command::Show { work: id.clone(), wait: Some(LOOKED_FOR), lines: node.desk().lines_liked() };
    match *node.command(show).await? {
        Reply::Work(work) => Ok(*work),
        _ => Err(unexpected()),
    }
}

/// Releases of the works that are asked for by id, best first: looked for among others where none is known here. `None`: by
/// ids nothing is asked, or nothing is found and there are words.
pub(super) async fn by_ids(node: &Node, asked: &Asked) -> Result<Option<Vec<Entry>>, CommandError> {
    let mut found = Vec::new();
    for work in shelf(node, &asked.ids).await? {
        found.extend(asked.of(&Arc::new(work), None));
    }
    if let (true, true, Some(id)) = (found.is_empty(), asked.may_ask, asked.ids.first()) {
        found.extend(asked.of(&Arc::new(work(node, id, true).await?), None));
    }
    if found.is_empty() && (asked.ids.is_empty() || !asked.words.trim().is_empty()) {
        return Ok(None);
    }
    let mut seen: BTreeSet<Infohash> = BTreeSet::new();
    found.retain(|entry| seen.insert(entry.release().infohash));
    found.truncate(ENTRIES_MAX);
    Ok(Some(found))
}

/// Releases as they are asked for, all of them: by ids or words best first, else the newest first. Each once.
pub(super) async fn entries(server: &Server, asked: &Asked) -> Result<Vec<Entry>, CommandError> {
    if let Some(found) = by_ids(server.node(), asked).await? {
        return Ok(found);
    }
    let pages = &server.apps.pages;
    Ok(pages.page(server.node(), asked, ("", &|_| true), 0..ENTRIES_MAX).await?.entries)
}

/// The best release of a work that is asked for.
pub(super) fn best(work: &Arc<Work>, asked: &Asked) -> Option<Entry> {
    asked.of(work, None).into_iter().next()
}

/// A release of a work.
pub(super) fn release_of(work: &Arc<Work>, infohash: Infohash) -> Option<Entry> {
    let at = work.releases.iter().position(|release| release.infohash == infohash)?;
    Some(Entry { work: Arc::clone(work), at })
}
