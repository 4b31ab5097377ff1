//! What readers get: views made of ground and derived state.

use super::Service;
use crate::command::{CommandError, Wanted};
use crate::curation::Follow;
use crate::ground::Place;
use crate::io::Now;
use crate::scoring::{band_rank, is_at_first_hand, listing_score, node};
use crate::store::{Store, StoreError, Table};
use crate::views::{self, HeadAge, LISTERS_SHOWN_MAX, LedgerBy, LedgerRow, View};
use heirloom_graph::{Band, Scored};
use heirloom_proto::body::{Listing, Opinion, Profile, Scope, WorkKind};
use heirloom_proto::{Body, Infohash, Key, Kind, Sha256, WorkId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most keys in the snapshot.
const VIEW_KEYS_MAX: usize = 1000;

impl<S: Store> Service<S> {
    /// The snapshot for readers: immutable, shared, made anew only after something changed.
    pub fn view(&mut self, now: Now) -> Arc<View> {
        if let Some(view) = &self.view {
            return Arc::clone(view);
        }
        let mut keys: Vec<(Key, f64, Band)> = self
            .catalogue_scores(now.wall)
            .keys()
            .filter_map(|(id, score)| Some((Key::from_bytes(id.0).ok()?, score.score, score.band)))
            .collect();
        keys.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        keys.truncate(VIEW_KEYS_MAX);
        let view = Arc::new(View { me: self.identity.key(), keys, status: self.status() });
        self.view = Some(Arc::clone(&view));
        view
    }

    pub(super) fn status(&self) -> views::Status {
        let mut counters = self.ingest.counters.clone();
        counters.insert("scores_computed", self.scoring.computed());
        counters.insert("strangers", self.ingest.strangers() as u64);
        views::Status {
            statements: self.ingest.statements(),
            keys_known: self.ingest.authors(),
            works: self.catalogue.works().len(),
            releases: self.catalogue.release_count(),
            trust: self.trust,
            counters,
            stale_follows: Vec::new(),
        }
    }

    /// How old the newest head of a key is.
    pub(super) fn head_age(&self, now: Now, key: &Key) -> Result<Option<HeadAge>, StoreError> {
        let heads = self.ground.statements_of_kind(key, Kind::Head)?;
        let made = heads.first().map(|stored| stored.statement.header().created);
        Ok(made.map(|made| HeadAge { made, age: now.wall.since(made) }))
    }

    /// Follows of whom nothing was heard for longer than a head counts as fresh.
    pub(super) fn stale_follows(&self, now: Now) -> Result<Vec<(Key, String, HeadAge)>, StoreError> {
        let mut stale = Vec::new();
        for key in self.curation.all().keys() {
            if let Some(head) = self.head_age(now, key)?.filter(|head| head.is_stale()) {
                stale.push((*key, self.name_of(key)?, head));
            }
        }
        stale.sort_by_key(|(key, _, head)| (head.made, *key));
        Ok(stale)
    }

    pub(super) fn profile_of(&self, key: &Key) -> Result<Option<Profile>, StoreError> {
        let empty = Profile { name: String::new(), url: String::new(), next_key_hash: Sha256([0; 32]) };
        let place = Place { author: *key, kind: Kind::Profile, slot: Body::Profile(empty).slot() };
        Ok(self.ground.statement(&place)?.and_then(|stored| match stored.statement.body() {
            Body::Profile(profile) => Some(profile.clone()),
            _ => None,
        }))
    }

    /// What a key is called here: by me, else by itself, else nothing.
    pub(super) fn name_of(&self, key: &Key) -> Result<String, StoreError> {
        if let Some(follow) = self.curation.of(key)
            && !follow.alias.is_empty()
        {
            return Ok(follow.alias.clone());
        }
        Ok(self.profile_of(key)?.map(|profile| profile.name).unwrap_or_default())
    }

    /// A name for sentences: the key's own form when it has none.
    pub(super) fn label_of(&self, key: &Key) -> String {
        match self.name_of(key) {
            Ok(name) if !name.is_empty() => name,
            _ if *key == self.identity.key() => "you".to_owned(),
            _ => key.to_multibase(),
        }
    }

    pub(super) fn who_am_i(&self) -> Result<views::Identity, StoreError> {
        let (name, url) = self.own_profile()?.map(|p| (p.name, p.url)).unwrap_or_default();
        Ok(views::Identity { key: self.identity.key(), name, url, generation: self.identity.generation() })
    }

    pub(super) fn follows(&mut self, now: Now) -> Result<Vec<views::Follow>, StoreError> {
        let logs = self.logs()?;
        let mut all = Vec::new();
        for (key, follow) in self.curation.all() {
            let name = self.name_of(key)?;
            let Follow { level, scope, since, .. } = *follow;
            let (previous, log) = (self.succession.previous(key), logs.get(key).copied());
            let head = log.map(|(made, _)| HeadAge { made, age: now.wall.since(made) });
            all.push(views::Follow { key: *key, name, level, scope, since, previous, log, head });
        }
        Ok(all)
    }

    pub(super) fn trust(&mut self, now: Now, scope: Scope, limit: usize) -> Result<Vec<views::TrustRow>, StoreError> {
        self.refresh_scoring(now.wall);
        let bytes = self.ledger.bytes_by_key(&self.judged_bad());
        let scores = self.scoring.scores(now.wall, crate::scoring::scope(scope));
        let mut rows: Vec<views::TrustRow> = scores
            .keys()
            .filter_map(|(id, score)| {
                let key = Key::from_bytes(id.0).ok()?;
                Some(views::TrustRow {
                    key,
                    name: String::new(),
                    score: score.score,
                    support: score.support,
                    band: score.band,
                    distance: scores.distance(&id),
                    verified_bytes: bytes.get(&key).copied().unwrap_or(0),
                    head: None,
                })
            })
            .collect();
        rows.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)));
        rows.truncate(limit);
        for row in &mut rows {
            row.name = self.name_of(&row.key)?;
            row.head = self.head_age(now, &row.key)?;
        }
        Ok(rows)
    }

    pub(super) fn ledger_rows(&self, by: LedgerBy) -> Vec<LedgerRow> {
        self.ledger.rows(by, &self.judged_bad(), |key| self.name_of(key).unwrap_or_default())
    }

    /// Every id that trusted records tie to a work.
    pub(super) fn ids_of(&mut self, now: Now, work: &WorkId) -> Result<BTreeSet<WorkId>, StoreError> {
        self.refresh_scoring(now.wall);
        let scores = self.scoring.scores(now.wall, heirloom_graph::Scope::Metadata);
        let admits = |key: &Key| band_rank(scores.key(&node(key)).band) <= band_rank(Band::Vouched);
        self.catalogue.ids_of(work, &self.ground, admits)
    }

    /// A work and its releases, from the store.
    pub(super) fn show(&mut self, now: Now, work: &WorkId) -> Result<views::Work, StoreError> {
        let ids = self.ids_of(now, work)?;
        let releases = self.releases_of(now, &ids)?;
        let record = self.best_record(now, &ids)?;
        let (title, year, kind, overview) = record.map_or_else(
            || (String::new(), None, WorkKind::Other, String::new()),
            |record| (record.title, record.year, record.kind, record.overview),
        );
        Ok(views::Work { work: work.clone(), ids: ids.into_iter().collect(), title, year, kind, overview, releases })
    }

    /// The record by whom I trust most.
    fn best_record(
        &mut self,
        now: Now,
        ids: &BTreeSet<WorkId>,
    ) -> Result<Option<heirloom_proto::body::Work>, StoreError> {
        let mut places: Vec<(Key, Place)> = ids.iter().flat_map(|id| self.catalogue.records_of(id)).collect();
        let scores = self.scoring.scores(now.wall, heirloom_graph::Scope::Metadata);
        let score_of: BTreeMap<Key, Standing> =
            places.iter().map(|(key, _)| (*key, Standing::of(scores, key))).collect();
        places.sort_by(|a, b| score_of[&a.0].before(&score_of[&b.0]).then(a.cmp(b)));
        for (_, place) in places {
            if let Some(stored) = self.ground.statement(&place)?
                && let Body::Work(record) = stored.statement.body()
            {
                return Ok(Some(record.clone()));
            }
        }
        Ok(None)
    }

    fn releases_of(&mut self, now: Now, ids: &BTreeSet<WorkId>) -> Result<Vec<views::Release>, StoreError> {
        let mut places: BTreeMap<Infohash, BTreeSet<Place>> = BTreeMap::new();
        for id in ids {
            for (infohash, listings) in self.catalogue.listings_of(id) {
                places.entry(infohash).or_default().extend(listings);
            }
        }
        let bytes = self.ledger.bytes_by_key(&self.judged_bad());
        let mut releases = Vec::new();
        for (infohash, places) in places {
            let mut listings = Vec::new();
            for place in places {
                if let Some(stored) = self.ground.statement(&place)?
                    && let Body::Listing(listing) = stored.statement.body().clone()
                {
                    listings.push((place.author, listing, stored.source));
                }
            }
            if let Some(release) = self.release(now, infohash, listings, &bytes)? {
                releases.push(release);
            }
        }
        releases.sort_by(|a, b| {
            band_rank(a.band)
                .cmp(&band_rank(b.band))
                .then(b.is_at_first_hand.cmp(&a.is_at_first_hand))
                .then(b.score.total_cmp(&a.score))
                .then(b.support.total_cmp(&a.support))
                .then(a.infohash.cmp(&b.infohash))
        });
        Ok(releases)
    }

    fn release(
        &mut self,
        now: Now,
        infohash: Infohash,
        mut listings: Vec<(Key, Listing, views::Source)>,
        bytes: &BTreeMap<Key, u64>,
    ) -> Result<Option<views::Release>, StoreError> {
        let scores = self.scoring.scores(now.wall, heirloom_graph::Scope::Catalogue);
        let score_of: BTreeMap<Key, Standing> =
            listings.iter().map(|(key, ..)| (*key, Standing::of(scores, key))).collect();
        let score = listing_score(scores, &infohash);
        let is_at_first_hand = is_at_first_hand(scores, &infohash);
        listings.sort_by(|a, b| score_of[&a.0].before(&score_of[&b.0]).then(a.0.cmp(&b.0)));
        // What the release is said to be, is said by whom I trust most.
        let Some((_, best, source)) = listings.first().cloned() else { return Ok(None) };
        let mut listed_by: Vec<(Key, String, f64)> = Vec::new();
        let mut listers = BTreeSet::new();
        for (key, ..) in &listings {
            if listers.insert(*key) && listed_by.len() < LISTERS_SHOWN_MAX {
                listed_by.push((*key, self.name_of(key)?, score_of[key].score));
            }
        }
        let mut verdicts: BTreeMap<Opinion, usize> = BTreeMap::new();
        for opinion in self.catalogue.verdicts_of(&infohash).into_values() {
            *verdicts.entry(opinion).or_default() += 1;
        }
        let received_by_me = listers.iter().filter_map(|key| bytes.get(key)).sum();
        Ok(Some(views::Release {
            infohash,
            name: best.name,
            size: best.size,
            resolution: best.resolution,
            licence: best.licence,
            score: score.score,
            support: score.support,
            band: score.band,
            is_at_first_hand,
            listed_by,
            listers: listers.len(),
            verdicts,
            source,
            received_by_me,
        }))
    }

    pub(super) fn search(
        &mut self,
        now: Now,
        text: &str,
        kind: Option<WorkKind>,
        band: Option<Band>,
        limit: usize,
    ) -> Result<Vec<views::Found>, StoreError> {
        let worst = band_rank(band.unwrap_or(Band::Unknown));
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for (relevance, id) in self.catalogue.search(text).into_iter().enumerate() {
            let shown = self.show(now, &id)?;
            // One work under several ids is found once.
            if kind.is_some_and(|kind| kind != shown.kind) || shown.ids.iter().any(|id| seen.contains(id)) {
                continue;
            }
            seen.extend(shown.ids.iter().cloned());
            let best = shown.releases.first().cloned();
            let (score, best_band) = best.as_ref().map_or((0.0, Band::Unknown), |r| (r.score, r.band));
            if band_rank(best_band) > worst {
                continue;
            }
            let releases = shown.releases.iter().filter(|r| r.band != Band::Distrusted).count();
            let row = views::Found {
                work: id,
                title: shown.title,
                year: shown.year,
                kind: shown.kind,
                score,
                band: best_band,
                releases,
                best,
            };
            found.push((band_rank(best_band), relevance, row));
        }
        found.sort_by_key(|(band, relevance, _)| (*band, *relevance));
        Ok(found.into_iter().take(limit).map(|(_, _, row)| row).collect())
    }

    /// Which release `get` means, or why it may not be fetched.
    pub(super) fn choose(
        &mut self,
        now: Now,
        what: &Wanted,
        anyway: bool,
    ) -> Result<Result<Infohash, CommandError>, StoreError> {
        match what {
            Wanted::Release(infohash) => {
                let score = listing_score(self.catalogue_scores(now.wall), infohash);
                if score.band == Band::Distrusted && !anyway {
                    return Ok(Err(CommandError::new(
                        crate::command::Fault::Refused,
                        "distrusted",
                        format!("{infohash} is distrusted: see `heirloom why {infohash}`, or add --anyway"),
                    )));
                }
                Ok(Ok(*infohash))
            }
            Wanted::Work(work) => {
                let releases = self.show(now, work)?.releases;
                let Some(best) = releases.first() else {
                    return Ok(Err(CommandError::not_found(
                        "unknown_work",
                        format!("no release of {work} was found: follow a curator who lists it, or try again later"),
                    )));
                };
                if band_rank(best.band) > band_rank(Band::Vouched) && !anyway {
                    return Ok(Err(CommandError::new(
                        crate::command::Fault::Refused,
                        "untrusted",
                        format!(
                            "nobody whom you trust lists {work}: follow a curator who does, name a release by its infohash, or add --anyway"
                        ),
                    )));
                }
                Ok(Ok(best.infohash))
            }
        }
    }

    /// The best listing of a release, for its digest and trackers.
    pub(super) fn listing_of(&mut self, now: Now, infohash: &Infohash) -> Result<Option<Listing>, StoreError> {
        let listers = self.catalogue.listers_of(infohash);
        let scores = self.catalogue_scores(now.wall);
        let mut ranked: Vec<(Standing, Key, Vec<WorkId>)> =
            listers.into_iter().map(|(key, works)| (Standing::of(scores, &key), key, works)).collect();
        ranked.sort_by(|a, b| a.0.before(&b.0).then(a.1.cmp(&b.1)));
        for (_, key, works) in ranked {
            for work in works {
                for (hash, places) in self.catalogue.listings_of(&work) {
                    let place = places.into_iter().find(|place| hash == *infohash && place.author == key);
                    let Some(place) = place else { continue };
                    if let Some(stored) = self.ground.statement(&place)?
                        && let Body::Listing(listing) = stored.statement.body()
                    {
                        return Ok(Some(listing.clone()));
                    }
                }
            }
        }
        Ok(None)
    }

    pub(super) fn reindex(&mut self, now: Now) -> Result<views::Reindexed, StoreError> {
        let total = self.ground.all(Table::Statements, &[])?.len();
        let damaged = self.derive()?;
        self.sort_authors(now);
        Ok(views::Reindexed { good: total - damaged, damaged })
    }
}

/// Whose word about a work or release is taken.
struct Standing {
    is_first_hand: bool,
    score: f64,
}

impl Standing {
    fn of(scores: Scored<'_>, key: &Key) -> Self {
        Self { is_first_hand: scores.is_first_hand(&node(key)), score: scores.key(&node(key)).score }
    }

    /// A key at first hand stands before anybody who may have been lifted above it by others.
    fn before(&self, other: &Self) -> std::cmp::Ordering {
        other.is_first_hand.cmp(&self.is_first_hand).then(other.score.total_cmp(&self.score))
    }
}
