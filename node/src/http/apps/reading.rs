//! What programs ask of the catalogue, answered by the questions that every other surface asks: one search, one view.
//!
//! It decides nothing about trust: the core says which releases there are and in which order, and this leaves out what
//! is not asked for. What is unsafe by its files is given to no program, since programs fetch without looking.

use crate::driver::Node;
use crate::http::LINES_LIKED;
use crate::search::Wish;
use heirloom_core::command::{Command, CommandError, Fault, Filter, NEWEST_MAX, Newest, Reply, SHELF_MAX};
use heirloom_core::fitting::{Holding, Pick};
use heirloom_core::scoring::band_rank;
use heirloom_core::views::{Release, Work};
use heirloom_graph::Band;
use heirloom_proto::body::{File, Listing, WorkKind};
use heirloom_proto::{Infohash, Key, WorkId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Most works of one answer by words: their releases are more.
const WORKS_MAX: usize = 100;
/// Most releases of one answer, over all of its pages.
pub(super) const ENTRIES_MAX: usize = NEWEST_MAX;
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
        }
    }

    fn admits(&self, work: &Work, release: &Release) -> bool {
        let is_of_genre = |genre: &String| work.genres.iter().any(|have| have.eq_ignore_ascii_case(genre));
        band_rank(release.band) <= band_rank(self.band)
            && !release.is_unsafe()
            && (self.kinds.is_empty() || self.kinds.contains(&work.kind))
            && self.genre.as_ref().is_none_or(is_of_genre)
            && self.year.is_none_or(|year| work.year == Some(year))
            && self.by.is_none_or(|by| release.listed_by.iter().any(|(key, ..)| *key == by))
            && self.pick.as_ref().is_none_or(|pick| holding(pick, work, release) != Holding::No)
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

fn unexpected() -> CommandError {
    CommandError::new(Fault::Failed, "failed", "the node gave another answer than was asked for")
}

/// Works as they are known here.
pub(super) async fn shelf(node: &Node, ids: &[WorkId]) -> Result<Vec<Work>, CommandError> {
    let mut works = Vec::new();
    for ids in ids.chunks(SHELF_MAX) {
        match *node.command(Command::Shelf { works: ids.to_vec(), lines: LINES_LIKED }).await? {
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
    let show = Command::Show { work: id.clone(), wait: Some(LOOKED_FOR), lines: LINES_LIKED };
    match *node.command(show).await? {
        Reply::Work(work) => Ok(*work),
        _ => Err(unexpected()),
    }
}

/// Releases as they are asked for: by ids or words best first, else the newest first. Each release once.
pub(super) async fn entries(node: &Node, asked: &Asked) -> Result<Vec<Entry>, CommandError> {
    let mut found = Vec::new();
    if !asked.ids.is_empty() {
        for work in shelf(node, &asked.ids).await? {
            take(&mut found, Arc::new(work), asked);
        }
        let is_known = !found.is_empty();
        if let (false, true, Some(id)) = (is_known, asked.may_ask, asked.ids.first()) {
            take(&mut found, Arc::new(work(node, id, true).await?), asked);
        }
    } else if asked.words.trim().is_empty() {
        return newest(node, asked).await;
    }
    if found.is_empty() && !asked.words.trim().is_empty() {
        found = by_words(node, asked).await?;
    }
    let mut seen: BTreeSet<Infohash> = BTreeSet::new();
    found.retain(|entry| seen.insert(entry.release().infohash));
    found.truncate(ENTRIES_MAX);
    Ok(found)
}

/// Takes what of a work is asked for.
fn take(found: &mut Vec<Entry>, work: Arc<Work>, asked: &Asked) {
    let fitting = (0..work.releases.len()).filter(|at| asked.admits(&work, &work.releases[*at]));
    found.extend(fitting.map(|at| Entry { work: Arc::clone(&work), at }));
}

/// The best release of a work that is asked for.
pub(super) fn best(work: &Arc<Work>, asked: &Asked) -> Option<Entry> {
    let mut found = Vec::new();
    take(&mut found, Arc::clone(work), asked);
    found.into_iter().next()
}

async fn by_words(node: &Node, asked: &Asked) -> Result<Vec<Entry>, CommandError> {
    let one = Some(&asked.kinds).filter(|kinds| kinds.len() == 1).and_then(BTreeSet::first).copied();
    let filter = Filter {
        kind: one,
        genre: asked.genre.clone(),
        years: asked.year.map(|year| (year, year)),
        ..Filter::default()
    };
    let band = Some(asked.band);
    let wish = Wish { text: asked.words.clone(), filter, band, limit: WORKS_MAX, lines: LINES_LIKED };
    let rows = node.search(wish).await?;
    let picks: BTreeMap<WorkId, Pick> = rows
        .iter()
        .filter_map(|row| {
            let episode = row.episode.as_ref()?;
            Some((row.work.clone(), Pick::Episode(episode.season, episode.number)))
        })
        .collect();
    let ids: Vec<WorkId> = rows.into_iter().map(|row| row.work).collect();
    let mut found = Vec::new();
    for work in shelf(node, &ids).await? {
        // An episode that is named among the words is asked for like one that is named beside.
        let pick = asked.pick.clone().or_else(|| picks.get(&work.work).cloned());
        take(&mut found, Arc::new(work), &Asked { pick, ..asked.clone() });
    }
    Ok(found)
}

async fn newest(node: &Node, asked: &Asked) -> Result<Vec<Entry>, CommandError> {
    let wish = Newest { kinds: asked.kinds.clone(), band: Some(asked.band), by: asked.by, limit: ENTRIES_MAX };
    let Reply::Newest(pairs) = *node.command(Command::Newest(wish)).await? else { return Err(unexpected()) };
    let mut seen: BTreeSet<&WorkId> = BTreeSet::new();
    let ids: Vec<WorkId> = pairs.iter().map(|(work, _)| work).filter(|work| seen.insert(work)).cloned().collect();
    let mut by_release: BTreeMap<Infohash, Entry> = BTreeMap::new();
    for work in shelf(node, &ids).await? {
        let mut found = Vec::new();
        take(&mut found, Arc::new(work), asked);
        by_release.extend(found.into_iter().map(|entry| (entry.release().infohash, entry)));
    }
    Ok(pairs.iter().filter_map(|(_, infohash)| by_release.remove(infohash)).collect())
}
