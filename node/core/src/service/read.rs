//! What readers get: views made of ground and derived state.

use super::Service;
use super::search::distance_of;
use crate::command::{Candidate, Filter, Rank};
use crate::curation::Follow;
use crate::fitting::{self, FLAGS_MAX, Flag};
use crate::ground::Place;
use crate::io::Now;
use crate::merging::{self, CLAIMS_MAX, Claim, Voice};
use crate::scoring::{band_rank, is_at_first_hand, listing_score, node};
use crate::store::{Store, StoreError};
use crate::views::{self, HeadAge, LISTERS_SHOWN_MAX, View};
use crate::wording::RELEVANCE_MAX;
use heirloom_graph::{Band, Score, Scored};
use heirloom_proto::body::{Listing, Opinion, Profile, Scope, WorkKind};
use heirloom_proto::{Body, Infohash, Key, Kind, Sha256, Timestamp, WorkId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most keys in the snapshot.
const VIEW_KEYS_MAX: usize = 1000;

/// Most keys that are left out of the records of one work, because they chain works together, before none is heard.
const LEFT_OUT_MAX: usize = 16;

/// Listings of one release: by whom, what, and how they came here.
type Listings = Vec<(Key, Listing, views::Source)>;

impl<S: Store> Service<S> {
    /// The snapshot for readers: immutable, shared, made anew only after something changed.
    pub fn view(&mut self, now: Now) -> Arc<View> {
        if let Some(view) = &self.view {
            return Arc::clone(view);
        }
        let mut keys: Vec<(Key, f64, Band)> = self
            .catalogue_scores(now.wall)
            .keys()
            .map(|(id, score)| (Key::known(id.0), score.score, score.band))
            .collect();
        keys.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        keys.truncate(VIEW_KEYS_MAX);
        let view = Arc::new(View { me: self.identity.key(), keys, status: self.status(now) });
        self.view = Some(Arc::clone(&view));
        view
    }

    pub(super) fn status(&mut self, now: Now) -> views::Status {
        let mut counters = self.ingest.counters.clone();
        counters.insert("scores_computed", self.scoring.computed());
        counters.insert("strangers", self.ingest.strangers() as u64);
        views::Status {
            statements: self.ingest.statements(),
            keys_known: self.ingest.authors(),
            works: self.catalogue.work_count(),
            releases: self.catalogue.release_count(),
            trust: self.trust,
            usage: self.usage(now),
            counters,
            refusals: self
                .refusals
                .newest_first()
                .map(|row| (*row, row.author.and_then(|key| self.name_of(&key).ok())))
                .collect(),
            archives: self.archive_rows(),
            stale_follows: Vec::new(),
            starter: None,
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
            let Follow { level, scope, since, gives_voice, .. } = *follow;
            let (previous, log) = (self.succession.previous(key), logs.get(key).copied());
            let head = log.map(|(made, _)| HeadAge { made, age: now.wall.since(made) });
            all.push(views::Follow { key: *key, name, level, scope, since, gives_voice, previous, log, head });
        }
        Ok(all)
    }

    pub(super) fn trust(&mut self, now: Now, scope: Scope, limit: usize) -> Result<Vec<views::TrustRow>, StoreError> {
        self.refresh_scoring(now.wall);
        let bytes = self.ledger.bytes_by_key(&self.bad_releases());
        let scores = self.scoring.scores(now.wall, crate::scoring::scope(scope));
        let mut rows: Vec<views::TrustRow> =
            scores.keys().map(|(id, score)| trust_row(Key::known(id.0), score, scores.distance(&id), &bytes)).collect();
        rows.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)));
        rows.truncate(limit);
        self.name_rows(now, &mut rows)?;
        Ok(rows)
    }

    /// What the store knows of the keys in rows made by [`trust_row`].
    pub(super) fn name_rows(&self, now: Now, rows: &mut [views::TrustRow]) -> Result<(), StoreError> {
        for row in rows {
            row.name = self.name_of(&row.key)?;
            row.head = self.head_age(now, &row.key)?;
        }
        Ok(())
    }

    /// Every id that trusted records tie to a work.
    pub(super) fn ids_of(&mut self, now: Now, work: &WorkId) -> Result<BTreeSet<WorkId>, StoreError> {
        self.refresh_scoring(now.wall);
        let me = self.identity.key();
        let scores = self.scoring.scores(now.wall, heirloom_graph::Scope::Metadata);
        let voice_of = |key: &Key| own_or(&me, key, scores);
        let admits = |key: &Key| is_admitted(scores, &me, key);
        // Whoever chains too much together is left out, the least trusted first.
        let mut left_out: BTreeSet<Key> = BTreeSet::new();
        let records = loop {
            match self.catalogue.chained(work, |key| admits(key) && !left_out.contains(key)) {
                Ok(records) => break records,
                Err(_) if left_out.len() >= LEFT_OUT_MAX => return Ok(BTreeSet::from([work.clone()])),
                Err(authors) => {
                    let in_order = |a: &Key, b: &Key| voice_of(a).before(&voice_of(b)).then(a.cmp(b));
                    left_out.extend(authors.into_iter().max_by(in_order));
                }
            }
        };
        let mut claims: Vec<(Place, Claim<'_>)> = records
            .into_iter()
            .map(|(place, ids)| (place, Claim { author: place.author, voice: voice_of(&place.author), ids }))
            .collect();
        claims.sort_by(|(a_place, a), (b_place, b)| a.voice.before(&b.voice).then(a_place.cmp(b_place)));
        let claims: Vec<Claim<'_>> = claims.into_iter().map(|(_, claim)| claim).take(CLAIMS_MAX).collect();
        Ok(merging::same_as(work, &claims))
    }

    /// A work and its releases, from the store.
    pub(super) fn show(&mut self, now: Now, work: &WorkId) -> Result<views::Work, StoreError> {
        self.show_liked(now, work, 0)
    }

    /// The same, and of releases that are trusted alike those first that come nearest to the resolution with so many lines.
    pub(super) fn show_liked(&mut self, now: Now, work: &WorkId, lines: u32) -> Result<views::Work, StoreError> {
        let ids = self.ids_of(now, work)?;
        let (records, is_by_strangers) = self.records_of(now, &ids)?;
        let merged = merging::merged(&records);
        let kind = merged.kind;
        let releases = self.releases_of(now, &ids, kind, lines)?;
        Ok(views::Work {
            work: work.clone(),
            ids: ids.into_iter().collect(),
            title: merged.title,
            year: merged.year,
            kind,
            overview: merged.overview,
            genres: merged.genres,
            languages: merged.languages,
            runtime_min: merged.runtime_min,
            artwork: merged.artwork,
            episodes: merged.episodes,
            original_title: merged.original_title,
            titles: merged.titles,
            people: merged.people,
            is_by_strangers,
            releases,
        })
    }

    /// The records that say what a work is, the most trusted first; and whether strangers say it. They are heard only where
    /// nobody else says anything, one of them alone, so that they change nothing that others said.
    pub(super) fn records_of(
        &mut self,
        now: Now,
        ids: &BTreeSet<WorkId>,
    ) -> Result<(Vec<heirloom_proto::body::Work>, bool), StoreError> {
        let me = self.identity.key();
        let places: BTreeSet<Place> =
            ids.iter().flat_map(|id| self.catalogue.records_of(id)).map(|(_, place)| place).collect();
        let scores = self.scoring.scores(now.wall, heirloom_graph::Scope::Metadata);
        let voice_of = |place: &Place| own_or(&me, &place.author, scores);
        let mut heard: Vec<Place> =
            places.iter().filter(|place| is_admitted(scores, &me, &place.author)).copied().collect();
        let is_by_strangers = heard.is_empty() && !places.is_empty();
        if is_by_strangers {
            let is_bad = |place: &Place| scores.key(&node(&place.author)).band == Band::Distrusted;
            heard.extend(places.iter().filter(|place| !is_bad(place)).copied());
        }
        heard.sort_by(|a, b| voice_of(a).before(&voice_of(b)).then(a.cmp(b)));
        heard.truncate(if is_by_strangers { 1 } else { CLAIMS_MAX });
        let mut records = Vec::new();
        for place in heard {
            if let Some(stored) = self.ground.statement(&place)?
                && let Body::Work(record) = stored.statement.body()
            {
                records.push(record.clone());
            }
        }
        Ok((records, is_by_strangers))
    }

    fn releases_of(
        &mut self,
        now: Now,
        ids: &BTreeSet<WorkId>,
        kind: WorkKind,
        lines: u32,
    ) -> Result<Vec<views::Release>, StoreError> {
        let mut places: BTreeMap<Infohash, BTreeSet<Place>> = BTreeMap::new();
        for id in ids {
            for (infohash, listings) in self.catalogue.listings_of(id) {
                places.entry(infohash).or_default().extend(listings);
            }
        }
        let bytes = self.ledger.bytes_by_key(&self.bad_releases());
        let mut releases: Vec<(views::Release, Listings)> = Vec::new();
        for (infohash, places) in places {
            let mut listings = Listings::new();
            for place in places {
                if let Some(stored) = self.ground.statement(&place)?
                    && let Body::Listing(listing) = stored.statement.body().clone()
                {
                    listings.push((place.author, listing, stored.source));
                }
            }
            if let Some(release) = self.release(now, infohash, &mut listings, &bytes)? {
                releases.push((release, listings));
            }
        }
        // What its owner likes best decides among those that are trusted alike, and what came of their listers after that.
        let fits = |listings: &Listings| listings.first().map_or(u32::MAX, |(_, best, _)| distance_of(best, lines));
        releases.sort_by(|(a, listings), (b, others)| {
            band_rank(a.band)
                .cmp(&band_rank(b.band))
                .then(b.is_at_first_hand.cmp(&a.is_at_first_hand))
                .then(b.score.total_cmp(&a.score))
                .then(b.support.total_cmp(&a.support))
                .then_with(|| fits(listings).cmp(&fits(others)))
                .then(b.received_by_me.cmp(&a.received_by_me))
                .then(a.infohash.cmp(&b.infohash))
        });
        // Most releases of a work have the same listers.
        let mut received: BTreeMap<BTreeSet<Key>, crate::receipts::Received> = BTreeMap::new();
        for (release, listings) in &mut releases {
            let Some((_, best, _)) = listings.first() else { continue };
            release.details = fitting::filled(best, kind);
            release.resolution.clone_from(&release.details.resolution);
            release.flags = self.flags_of(now, best, listings, kind);
            release.is_pack = self.is_pack(best);
            let listers: BTreeSet<Key> = listings.iter().map(|(key, ..)| *key).collect();
            if !received.contains_key(&listers) {
                let of_them = self.received_by_trusted(now, &listers);
                received.insert(listers.clone(), of_them);
            }
            release.received_by_trusted = received.get(&listers).copied().unwrap_or_default();
        }
        Ok(releases.into_iter().map(|(release, _)| release).collect())
    }

    /// A release as the most trusted of its listings has it, without details and flags. Puts the listings in that order.
    pub(super) fn release(
        &mut self,
        now: Now,
        infohash: Infohash,
        listings: &mut [(Key, Listing, views::Source)],
        bytes: &BTreeMap<Key, u64>,
    ) -> Result<Option<views::Release>, StoreError> {
        let scores = self.scoring.scores(now.wall, heirloom_graph::Scope::Catalogue);
        let score_of: BTreeMap<Key, Voice> = listings.iter().map(|(key, ..)| (*key, voice(scores, key))).collect();
        let score = listing_score(scores, &infohash);
        let is_at_first_hand = is_at_first_hand(scores, &infohash);
        let me = self.identity.key();
        let listed_at = newest_of(self.catalogue.listed_at(&infohash), |key| is_admitted(scores, &me, key));
        listings.sort_by(|a, b| score_of[&a.0].before(&score_of[&b.0]).then(a.0.cmp(&b.0)));
        // What the release is said to be, is said by whom I trust most.
        let Some((_, best, source)) = listings.first().cloned() else { return Ok(None) };
        let mut listed_by: Vec<(Key, String, f64)> = Vec::new();
        let mut listers = BTreeSet::new();
        for (key, ..) in &*listings {
            if listers.insert(*key) && listed_by.len() < LISTERS_SHOWN_MAX {
                listed_by.push((*key, self.name_of(key)?, score_of[key].score));
            }
        }
        let mut verdicts: BTreeMap<Opinion, usize> = BTreeMap::new();
        for opinion in self.catalogue.verdicts_of(&infohash).map(|(_, opinion)| opinion) {
            *verdicts.entry(opinion).or_default() += 1;
        }
        let lister = listings.first().map(|(key, ..)| *key);
        let is_from_starter = lister.and_then(|key| self.curation.of(&key)).is_some_and(|follow| !follow.gives_voice);
        let followed = listed_by.iter().map(|(key, ..)| *key).filter(|key| self.curation.of(key).is_some()).collect();
        let received_by_me = listers.iter().filter_map(|key| bytes.get(key)).sum();
        Ok(Some(views::Release {
            infohash,
            name: best.name,
            size: best.size,
            resolution: best.resolution,
            details: fitting::Filled::default(),
            flags: Vec::new(),
            is_pack: false,
            licence: best.licence,
            trackers: best.trackers,
            web_seeds: best.web_seeds,
            score: score.score,
            support: score.support,
            band: score.band,
            is_at_first_hand,
            listed_by,
            listers: listers.len(),
            verdicts,
            listed_at: listed_at.unwrap_or_default(),
            source,
            is_from_starter,
            received_by_me,
            received_by_trusted: crate::receipts::Received::default(),
            followed,
        }))
    }

    /// What is wrong with a release: by the listing that is believed, and by those of others whose word counts. A stranger
    /// cannot spoil it with a listing that adds a file.
    pub(super) fn flags_of(
        &mut self,
        now: Now,
        best: &Listing,
        listings: &[(Key, Listing, views::Source)],
        kind: WorkKind,
    ) -> Vec<Flag> {
        let me = self.identity.key();
        let scores = self.scoring.scores(now.wall, heirloom_graph::Scope::Catalogue);
        let heard = listings.iter().filter(|(key, ..)| is_admitted(scores, &me, key)).map(|(_, listing, _)| listing);
        let of_others = heard.flat_map(|listing| fitting::flags(listing, kind, None)).filter(Flag::is_unsafe);
        let actual = self.torrents.files_of(&best.infohash);
        let found = self.findings.of(&best.infohash);
        let disguised = found.and_then(|finding| finding.disguised.clone());
        let is_other = found.is_some_and(|finding| finding.is_other_info(best));
        let of_contents = disguised.map(|path| Flag::OtherContent { path }).into_iter();
        let of_contents = of_contents.chain(is_other.then_some(Flag::OtherInfo));
        let of_listing = fitting::flags(best, kind, actual).into_iter();
        let all: BTreeSet<Flag> = of_listing.chain(of_others).chain(of_contents).collect();
        all.into_iter().take(FLAGS_MAX).collect()
    }

    /// A release as one of its works shows it: of the best listing.
    pub(super) fn release_of(&mut self, now: Now, infohash: &Infohash) -> Result<Option<views::Release>, StoreError> {
        let Some(listing) = self.listing_of(now, infohash)? else { return Ok(None) };
        let shown = self.show(now, &listing.work)?;
        Ok(shown.releases.into_iter().find(|release| release.infohash == *infohash))
    }

    /// Works by the words of their titles, where there is no index.
    ///
    /// COST: everything that fits is judged by its scores alone, and only what is shown is read: of 30,000 works that fit, each
    /// with ten releases, reading all kept everybody else waiting for a minute.
    pub(super) fn search(
        &mut self,
        now: Now,
        text: &str,
        kind: Option<WorkKind>,
        band: Option<Band>,
        limit: usize,
    ) -> Result<Vec<views::Found>, StoreError> {
        let relevance = |fit: u8| RELEVANCE_MAX / 10 * (11 - u16::from(fit.clamp(1, 3)));
        let candidate = |(fit, work)| Candidate { work, author: None, relevance: relevance(fit), is_by_release: false };
        let candidates = self.catalogue.search(text).into_iter().map(candidate).collect();
        let filter = Filter { kind, ..Filter::default() };
        self.rank(now, Rank { candidates, infohash: None, filter, band, limit, episode: None, lines: 0 })
    }

    /// The best listing of a release, for its digest and trackers.
    pub(super) fn listing_of(&mut self, now: Now, infohash: &Infohash) -> Result<Option<Listing>, StoreError> {
        let listers: Vec<(Key, WorkId)> =
            self.catalogue.listers_of(infohash).map(|(key, work)| (*key, work.clone())).collect();
        let scores = self.catalogue_scores(now.wall);
        let mut ranked: Vec<(Voice, Key, WorkId)> =
            listers.into_iter().map(|(key, work)| (voice(scores, &key), key, work)).collect();
        ranked.sort_by(|a, b| a.0.before(&b.0).then(a.1.cmp(&b.1)));
        for (_, author, work) in ranked {
            let place = Place { author, kind: Kind::Listing, slot: Listing::slot_of(&work, infohash) };
            if let Some(stored) = self.ground.statement(&place)?
                && let Body::Listing(listing) = stored.statement.body()
            {
                return Ok(Some(listing.clone()));
            }
        }
        Ok(None)
    }

    pub(super) fn reindex(&mut self, now: Now) -> Result<views::Reindexed, StoreError> {
        let (good, damaged) = self.derive()?;
        self.sort_authors(now);
        Ok(views::Reindexed { good, damaged })
    }
}

/// When a release was listed last, by those who are admitted; where nobody is, by anybody.
pub(super) fn newest_of<'a>(
    listed: impl Iterator<Item = (&'a Key, Timestamp)>,
    mut admits: impl FnMut(&Key) -> bool,
) -> Option<Timestamp> {
    listed.map(|(key, made)| (admits(key), made)).max().map(|(_, made)| made)
}

/// How much a key's word counts in the scope of these scores.
pub(super) fn voice(scores: Scored<'_>, key: &Key) -> Voice {
    let id = node(key);
    Voice { is_mine: false, is_first_hand: scores.is_first_hand(&id), score: scores.key(&id).score }
}

/// The same, with the owner's own word before all others.
/// What the scores and the ledger say of a key; its name and head are the store's, by [`Service::name_rows`].
pub(super) fn trust_row(key: Key, score: Score, distance: Option<u32>, bytes: &BTreeMap<Key, u64>) -> views::TrustRow {
    views::TrustRow {
        key,
        name: String::new(),
        score: score.score,
        support: score.support,
        band: score.band,
        distance,
        verified_bytes: bytes.get(&key).copied().unwrap_or(0),
        head: None,
    }
}

fn own_or(me: &Key, key: &Key, scores: Scored<'_>) -> Voice {
    if key == me { Voice { is_mine: true, is_first_hand: true, score: 1.0 } } else { voice(scores, key) }
}

/// Whether a key may say what a work is: the owner, and whom they trust or trusted people vouch for.
pub(super) fn is_admitted(scores: Scored<'_>, me: &Key, key: &Key) -> bool {
    key == me || band_rank(scores.key(&node(key)).band) <= band_rank(Band::Vouched)
}
