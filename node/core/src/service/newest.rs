//! What was listed last, and works as they are known here: for feeds, and for programs that ask for many works at once.
//!
//! It asks nobody: a program that asks every quarter of an hour must not tell the network what its owner likes.

use super::Service;
use super::read::is_admitted;
use crate::command::{NEWEST_MAX, Newest, SHELF_MAX};
use crate::io::Now;
use crate::scoring::{band_rank, listing_score};
use crate::store::{Store, StoreError};
use crate::views;
use heirloom_graph::{Band, Scope};
use heirloom_proto::{Infohash, Key, Timestamp, WorkId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

impl<S: Store> Service<S> {
    /// The releases that were listed last, the newest first, each with the work that it is listed under.
    ///
    /// COST: looks at every listing in memory once, and computes the scores of those that are told and of the newer ones
    /// that are not; it reads nothing from the store.
    pub(super) fn newest(&mut self, now: Now, wish: &Newest) -> Vec<(WorkId, Infohash)> {
        let hearing = self.hearing(now);
        let me = self.identity.key();
        let worst = band_rank(wish.band.unwrap_or(Band::Unknown));
        let scores = self.scoring.scores(now.wall, Scope::Catalogue);
        let mut admitted: BTreeMap<Key, bool> = BTreeMap::new();
        let mut admits = |key: &Key| *admitted.entry(*key).or_insert_with(|| is_admitted(scores, &me, key));
        // A crowd of strangers' listings is passed over before anything of it is scored: it must not hide what is older.
        let needs_voice = worst <= band_rank(Band::Vouched);
        let mut all: Vec<(Timestamp, &Infohash, &WorkId)> = Vec::new();
        for (infohash, listings) in self.catalogue.listed() {
            let listings: Vec<(&Key, &WorkId, Timestamp)> =
                listings.filter(|(key, ..)| wish.by.as_ref().is_none_or(|by| by == *key)).collect();
            let is_heard = listings.iter().any(|(key, ..)| admits(key));
            if needs_voice && !is_heard && !self.catalogue.is_judged(infohash) {
                continue;
            }
            let newest = listings.iter().filter(|(key, ..)| !is_heard || admits(key)).max_by_key(|(.., made)| *made);
            all.extend(newest.map(|(_, work, made)| (*made, infohash, *work)));
        }
        all.sort_unstable_by_key(|(made, infohash, _)| (Reverse(*made), *infohash));
        let limit = wish.limit.min(NEWEST_MAX);
        let kind = |work: &WorkId| self.catalogue.kind_of(work, |key| hearing.heard.contains(key));
        let is_wanted = |work: &WorkId| wish.kinds.is_empty() || wish.kinds.contains(&kind(work));
        all.into_iter()
            .filter(|(_, infohash, work)| is_wanted(work) && band_rank(listing_score(scores, infohash).band) <= worst)
            .take(limit)
            .map(|(_, infohash, work)| (work.clone(), *infohash))
            .collect()
    }

    /// A number that grows whenever works or releases may be shown otherwise than before: something of which they are made
    /// was written, or scores are others, as they are each day. Since the start of the process; it means nothing beyond.
    pub(super) fn showing(&mut self, now: Now) -> u64 {
        self.refresh_scoring(now.wall);
        self.scoring.scores(now.wall, Scope::Metadata);
        self.scoring.scores(now.wall, Scope::Catalogue);
        self.ground.changes() + self.scoring.computed()
    }

    /// Works with their releases, as they are known here: each once, though it may be named by several of its ids.
    pub(super) fn shelf(&mut self, now: Now, works: &[WorkId], lines: u32) -> Result<Vec<views::Work>, StoreError> {
        let mut seen: BTreeSet<WorkId> = BTreeSet::new();
        let mut shown = Vec::new();
        for work in works.iter().take(SHELF_MAX) {
            if seen.contains(work) {
                continue;
            }
            let work = self.show_liked(now, work, lines)?;
            seen.extend(work.ids.iter().cloned());
            shown.push(work);
        }
        Ok(shown)
    }
}
