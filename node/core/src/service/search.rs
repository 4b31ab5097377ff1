//! What an index outside is told, and what is made of the works that it finds: who may be seen, in which order.
//!
//! The index knows words; trust is looked up here, at the moment of asking, so that a change of trust needs no reindexing.

use super::Service;
use super::read::{is_admitted, voice};
use crate::changes::{Heard, Mark, is_indexed};
use crate::command::{Candidate, Filter, Rank};
use crate::fitting::{self, Wanted};
use crate::ground::{Place, Stored};
use crate::io::Now;
use crate::merging::{self, Merged};
use crate::release_name;
use crate::resolution::{Lines, resolution_distance};
use crate::scoring::{band_rank, is_at_first_hand, listing_score, node};
use crate::store::{Store, StoreError};
use crate::views::{self, Found, Hearing, worth};
use crate::wording::{RELEVANCE_MAX, folded};
use heirloom_graph::{Band, Scope};
use heirloom_proto::body::{Episode, Listing};
use heirloom_proto::{Body, Infohash, Key, Kind, StatementId, WorkId};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Of what a [`Hearing`] was made.
pub(super) type State = (u64, Mark, heirloom_proto::Timestamp);

/// A hearing of the same state is made anew after so long: scores fade with the days.
const HEARING_MAX_MS: u64 = 60_000;

/// Most ids of one candidate that are looked under before it is looked at in full.
const NAMED_MAX: usize = 16;

/// Where a release stands among others: all that scores say of it.
#[derive(Clone, Copy, Debug)]
struct Standing {
    infohash: Infohash,
    band: Band,
    is_at_first_hand: bool,
    score: f64,
    support: f64,
}

impl Standing {
    fn before(&self, other: &Self) -> Ordering {
        band_rank(self.band)
            .cmp(&band_rank(other.band))
            .then(other.is_at_first_hand.cmp(&self.is_at_first_hand))
            .then(other.score.total_cmp(&self.score))
            .then(other.support.total_cmp(&self.support))
    }
}

/// The best release of a work, and how many there are.
#[derive(Default)]
struct Best {
    release: Option<views::Release>,
    /// Not distrusted, and as the filter wants them.
    count: usize,
    /// Whether one of them holds the episode that is looked for.
    has_episode: bool,
}

/// Listings of one release: by whom, what, and how they came here.
type Listings = Vec<(Key, Listing, views::Source)>;

/// How far the resolution is from what is liked best, and how much came of the listers: the least is the best.
type Liking = (u32, Reverse<u64>);

/// What is asked of releases.
struct Asked<'a> {
    filter: &'a Filter,
    /// The languages of the work itself satisfy the filter.
    is_in_language: bool,
    wanted: Option<Wanted>,
    lines: u32,
    shows_distrusted: bool,
}

impl Asked<'_> {
    fn needs_all(&self) -> bool {
        self.wanted.is_some()
            || self.filter.licence.is_some()
            || (self.filter.language.is_some() && !self.is_in_language)
    }

    fn admits(&self, listings: &[(Key, Listing, views::Source)]) -> bool {
        let is_licensed = |licence: &str| listings.iter().any(|(_, listing, _)| is_under(&listing.licence, licence));
        let is_spoken = |language: &str| {
            let in_listing = |listing: &Listing| listing.languages.iter().any(|have| is_language(have, language));
            self.is_in_language || listings.iter().any(|(_, listing, _)| in_listing(listing))
        };
        self.filter.licence.as_deref().is_none_or(is_licensed) && self.filter.language.as_deref().is_none_or(is_spoken)
    }
}

/// `pt` is also `pt-BR`, not the other way about.
fn is_language(have: &str, wanted: &str) -> bool {
    let (have, wanted) = (have.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    have == wanted || have.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with('-'))
}

/// Whether a licence expression names a licence, in any version where none is given.
fn is_under(expression: &str, wanted: &str) -> bool {
    let wanted = wanted.trim().to_ascii_lowercase();
    expression.to_ascii_lowercase().split([' ', '(', ')', '+']).filter(|part| !part.is_empty()).any(|part| {
        let version = part.strip_prefix(wanted.as_str()).and_then(|rest| rest.strip_prefix('-'));
        part == wanted || version.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

impl<S: Store> Service<S> {
    /// From now on changes are kept for an index.
    pub fn listen_for_index(&mut self) {
        self.catalogue.changes.listen();
    }

    /// Whether the index has something to hear.
    #[must_use]
    pub fn has_index_changes(&self) -> bool {
        self.catalogue.changes.are_waiting()
    }

    /// What an index must hold.
    #[must_use]
    pub fn index_mark(&self) -> Mark {
        self.catalogue.changes.mark()
    }

    /// What came and went since the index last asked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn index_changes(&mut self, limit: usize) -> Result<Heard, StoreError> {
        let (gone, places, must_compare) = self.catalogue.changes.take(limit);
        let mut come = Vec::with_capacity(places.len());
        for place in places {
            come.extend(self.ground.statement(&place)?);
        }
        let changes = &self.catalogue.changes;
        Ok(Heard { gone, come, must_compare, has_more: changes.are_waiting(), mark: changes.mark() })
    }

    /// Ids of live statements for an index beyond one, in order; fewer than `limit` when there are no more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn index_ids(&self, after: Option<StatementId>, limit: usize) -> Result<Vec<StatementId>, StoreError> {
        let mut found: Vec<StatementId> = Vec::new();
        let mut from = after;
        while found.len() < limit {
            let page = self.ground.ids_after(from, limit)?;
            let Some((last, _)) = page.last() else { break };
            from = Some(*last);
            found.extend(page.into_iter().filter(|(_, place)| is_indexed(place.kind)).map(|(id, _)| id));
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Those of these statements that are live.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn index_statements(&self, ids: &[StatementId]) -> Result<Vec<Stored>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(place) = self.ground.place_by_id(id)? {
                found.extend(self.ground.statement(&place)?);
            }
        }
        Ok(found)
    }

    /// Who is heard, among those who said something of works.
    pub(super) fn hearing(&mut self, now: Now) -> Arc<Hearing> {
        self.refresh_scoring(now.wall);
        // Brings them up to date, so that their count tells whether anything changed.
        self.scoring.scores(now.wall, Scope::Metadata);
        self.scoring.scores(now.wall, Scope::Catalogue);
        let (computed, mark) = (self.scoring.computed(), self.catalogue.changes.mark());
        if let Some(((of, at, since), hearing)) = &self.hearing
            && (*of, *at) == (computed, mark)
            && u128::from(HEARING_MAX_MS) > now.wall.since(*since).as_millis()
        {
            return Arc::clone(hearing);
        }
        let me = self.identity.key();
        let mut hearing = Hearing { heard: BTreeSet::from([me]), ..Hearing::default() };
        for scope in [Scope::Metadata, Scope::Catalogue] {
            let scores = self.scoring.scores(now.wall, scope);
            for key in self.catalogue.authors() {
                match scores.key(&node(key)).band {
                    Band::Trusted | Band::Vouched | Band::Earned => hearing.heard.insert(*key),
                    Band::Distrusted => hearing.distrusted.insert(*key),
                    Band::Unknown => false,
                };
            }
        }
        // Whose metadata are not believed may still list what others describe.
        hearing.distrusted.retain(|key| !hearing.heard.contains(key));
        let is_known = |key: &Key| hearing.heard.contains(key) || hearing.distrusted.contains(key);
        hearing.is_everybody = self.catalogue.authors().all(is_known);
        let hearing = Arc::new(hearing);
        self.hearing = Some(((computed, mark, now.wall), Arc::clone(&hearing)));
        hearing
    }

    /// Works that an index found, as they may be shown, best first.
    pub(super) fn rank(&mut self, now: Now, rank: Rank) -> Result<Vec<Found>, StoreError> {
        self.refresh_scoring(now.wall);
        let worst = band_rank(rank.band.unwrap_or(Band::Unknown));
        let mut candidates = rank.candidates;
        let named = |work| Candidate { work, author: None, relevance: RELEVANCE_MAX, is_by_release: false };
        if let Some(infohash) = rank.infohash {
            candidates.extend(self.catalogue.listers_of(&infohash).map(|(_, work)| named(work.clone())));
        }
        let found = self.believed(now, candidates, worst);
        let mut rough: Vec<(u8, f64, WorkId, u16)> = Vec::with_capacity(found.len());
        {
            let scores = self.scoring.scores(now.wall, Scope::Catalogue);
            for (work, (relevance, ids)) in found {
                let ids = std::iter::once(&work).chain(&ids);
                let releases = ids.flat_map(|id| self.catalogue.releases_of(id));
                let best = releases
                    .map(|infohash| listing_score(scores, infohash))
                    .map(|score| (band_rank(score.band), score.score))
                    .min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
                let (band, score) = best.unwrap_or((band_rank(Band::Unknown), 0.0));
                rough.push((band, worth(relevance, score), work, relevance));
            }
        }
        rough.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
        let bytes = self.ledger.bytes_by_key(&self.bad_releases());
        let mut seen: BTreeSet<WorkId> = BTreeSet::new();
        let mut rows: Vec<Found> = Vec::new();
        for (_, _, work, relevance) in rough {
            if rows.len() >= rank.limit {
                break;
            }
            // One work under several ids is found once.
            if seen.contains(&work) {
                continue;
            }
            let asked = (&rank.filter, rank.episode, rank.lines);
            let (ids, row) = self.row(now, work, relevance, asked, worst, &bytes)?;
            seen.extend(ids);
            rows.extend(row);
        }
        let fits = |release: &views::Release| resolution_distance(&release.resolution, rank.lines);
        rows.sort_by(|a, b| a.before(b, fits));
        Ok(rows)
    }

    /// What is left of candidates, by work, with other ids that the same author names: records of those who are heard, of
    /// strangers only where nobody who is heard describes the work.
    fn believed(&mut self, now: Now, candidates: Vec<Candidate>, worst: u8) -> BTreeMap<WorkId, (u16, Vec<WorkId>)> {
        let me = self.identity.key();
        let scores = self.scoring.scores(now.wall, Scope::Metadata);
        let mut admitted: BTreeMap<Key, bool> = BTreeMap::new();
        let mut is_heard = |key: &Key| *admitted.entry(*key).or_insert_with(|| is_admitted(scores, &me, key));
        let mut found: BTreeMap<WorkId, (u16, Vec<WorkId>)> = BTreeMap::new();
        for Candidate { work, author, relevance, is_by_release } in candidates {
            let mut named = Vec::new();
            if let Some(author) = author {
                let is_shown =
                    |key: &Key| worst >= band_rank(Band::Distrusted) || scores.key(&node(key)).band != Band::Distrusted;
                let is_believed = if is_by_release {
                    self.catalogue.is_listed_under(&work, &author)
                } else {
                    named = self.catalogue.named_by(&work, &author).take(NAMED_MAX).cloned().collect();
                    // The index may know what went a moment ago.
                    !named.is_empty()
                        && (is_heard(&author)
                            || (is_shown(&author) && !self.catalogue.describers(&work).any(&mut is_heard)))
                };
                if !is_believed {
                    continue;
                }
            } else if !self.catalogue.knows(&work) {
                continue;
            }
            named.retain(|id| *id != work);
            let known = found.entry(work).or_default();
            if relevance >= known.0 {
                *known = (relevance, named);
            }
        }
        found
    }

    /// A work as a row of the answer, if it may be shown, and all of its ids.
    fn row(
        &mut self,
        now: Now,
        work: WorkId,
        relevance: u16,
        (filter, episode, lines): (&Filter, Option<(u32, u32)>, u32),
        worst: u8,
        bytes: &BTreeMap<Key, u64>,
    ) -> Result<(BTreeSet<WorkId>, Option<Found>), StoreError> {
        let ids = self.ids_of(now, &work)?;
        let (records, _) = self.records_of(now, &ids)?;
        let merged = merging::merged(&records);
        if !is_wanted(&merged, filter) {
            return Ok((ids, None));
        }
        let is_in_language = |language: &String| merged.languages.iter().any(|have| is_language(have, language));
        let asked = Asked {
            filter,
            is_in_language: filter.language.as_ref().is_none_or(is_in_language),
            wanted: episode.map(|(season, number)| Wanted::of(season, number, &merged.episodes)),
            lines,
            shows_distrusted: worst >= band_rank(Band::Distrusted),
        };
        let best = self.best_release(now, &ids, &merged, &asked, bytes)?;
        let is_missing = filter.licence.is_some() || !asked.is_in_language;
        if best.release.is_none() && is_missing {
            return Ok((ids, None));
        }
        let (score, band) = best.release.as_ref().map_or((0.0, Band::Unknown), |r| (r.score, r.band));
        if band_rank(band) > worst {
            return Ok((ids, None));
        }
        let named = |(season, number): (u32, u32)| {
            let known = merged.episodes.iter().find(|episode| (episode.season, episode.number) == (season, number));
            let unnamed = Episode { season, number, title: String::new(), date: String::new() };
            known.cloned().or(best.has_episode.then_some(unnamed))
        };
        let found = Found {
            title: merged.title.clone(),
            year: merged.year,
            kind: merged.kind,
            score,
            band,
            releases: best.count,
            relevance,
            episode: episode.and_then(named),
            best: best.release,
            genres: merged.genres.clone(),
            artwork: merged.artwork,
            work,
        };
        Ok((ids, Some(found)))
    }

    /// The best release of a work: by scores, and of those who score alike by episode, resolution and what came of their
    /// listers. Reads no more listings than it must.
    fn best_release(
        &mut self,
        now: Now,
        ids: &BTreeSet<WorkId>,
        work: &Merged,
        asked: &Asked<'_>,
        bytes: &BTreeMap<Key, u64>,
    ) -> Result<Best, StoreError> {
        let releases: BTreeSet<Infohash> = ids.iter().flat_map(|id| self.catalogue.releases_of(id)).copied().collect();
        let mut standings: Vec<Standing> = Vec::with_capacity(releases.len());
        let scores = self.scoring.scores(now.wall, Scope::Catalogue);
        for infohash in releases {
            let score = listing_score(scores, &infohash);
            let is_at_first_hand = score.score > 0.0 && is_at_first_hand(scores, &infohash);
            standings.push(Standing {
                infohash,
                band: score.band,
                is_at_first_hand,
                score: score.score,
                support: score.support,
            });
        }
        standings.sort_by(|a, b| a.before(b).then(a.infohash.cmp(&b.infohash)));
        let mut best = Best::default();
        let chosen = if asked.needs_all() {
            self.choose_of_all(now, (ids, standings), asked, bytes, &mut best)?
        } else {
            self.choose_by_lines(now, (ids, standings), asked.lines, bytes, &mut best)?
        };
        if let Some((standing, mut listings)) = chosen {
            best.release = self.release(now, standing.infohash, &mut listings, bytes)?;
            if let (Some(release), Some((_, listing, _))) = (&mut best.release, listings.first()) {
                release.details = fitting::filled(listing, work.kind);
                release.resolution.clone_from(&release.details.resolution);
                release.flags = self.flags_of(now, listing, &listings, work.kind);
                release.is_pack = self.is_pack(listing);
            }
        }
        Ok(best)
    }

    /// Where listings themselves must be looked at: the best of those that are as they are asked for.
    fn choose_of_all(
        &mut self,
        now: Now,
        (ids, standings): (&BTreeSet<WorkId>, Vec<Standing>),
        asked: &Asked<'_>,
        bytes: &BTreeMap<Key, u64>,
        best: &mut Best,
    ) -> Result<Option<(Standing, Listings)>, StoreError> {
        let mut chosen: Option<(bool, Standing, Liking, Listings)> = None;
        for standing in standings {
            let listings = self.listings_by_voice(now, ids, &standing.infohash)?;
            if listings.is_empty() || !asked.admits(&listings) {
                continue;
            }
            let is_shown = standing.band != Band::Distrusted;
            best.count += usize::from(is_shown);
            let has = asked.wanted.as_ref().is_some_and(|wanted| listings.iter().any(|(_, l, _)| holds(l, wanted)));
            best.has_episode |= has && (is_shown || asked.shows_distrusted);
            let liking = liking_of(&listings, asked.lines, bytes);
            let is_better = chosen.as_ref().is_none_or(|(had, of, least, _)| match of.before(&standing) {
                // One that holds the episode, before those that do not, if it is trusted as much by band.
                _ if has != *had && standing.band == of.band => has,
                Ordering::Equal => liking < *least,
                _ => false,
            });
            if is_better {
                chosen = Some((has, standing, liking, listings));
            }
        }
        Ok(chosen.map(|(_, standing, _, listings)| (standing, listings)))
    }

    /// The best by scores, and of those who score alike by resolution and what came of their listers.
    ///
    /// COST: as a rule one listing of ten is read: the catalogue knows the resolution of the others.
    fn choose_by_lines(
        &mut self,
        now: Now,
        (ids, standings): (&BTreeSet<WorkId>, Vec<Standing>),
        lines: u32,
        bytes: &BTreeMap<Key, u64>,
        best: &mut Best,
    ) -> Result<Option<(Standing, Listings)>, StoreError> {
        best.count = standings.iter().filter(|standing| standing.band != Band::Distrusted).count();
        for tied in standings.chunk_by(|a, b| a.before(b) == Ordering::Equal) {
            let mut liked: Vec<(Liking, Standing)> = Vec::with_capacity(tied.len());
            for standing in tied {
                liked.push((self.liking(now, ids, &standing.infohash, lines, bytes)?, *standing));
            }
            // In the order of infohashes where nothing else decides, as they came.
            liked.sort_by_key(|(liking, _)| *liking);
            for (_, standing) in liked {
                let listings = self.listings_by_voice(now, ids, &standing.infohash)?;
                if !listings.is_empty() {
                    return Ok(Some((standing, listings)));
                }
                // Its records are damaged.
                best.count -= usize::from(standing.band != Band::Distrusted);
            }
        }
        Ok(None)
    }

    /// How well a release is liked, by the listing that is believed. Read is only one that does not say its resolution.
    fn liking(
        &mut self,
        now: Now,
        ids: &BTreeSet<WorkId>,
        infohash: &Infohash,
        lines: u32,
        bytes: &BTreeMap<Key, u64>,
    ) -> Result<Liking, StoreError> {
        let by: Vec<(&Key, Lines)> = ids.iter().flat_map(|id| self.catalogue.lines_of(id, infohash)).collect();
        let distance = match by.as_slice() {
            [(_, said)] => said.distance(lines),
            // The same, whoever is believed.
            [(_, said), others @ ..] if others.iter().all(|(_, other)| other == said) => said.distance(lines),
            _ => None,
        };
        if let Some(distance) = distance {
            let listers: BTreeSet<&Key> = by.into_iter().map(|(key, _)| key).collect();
            return Ok((distance, Reverse(listers.into_iter().filter_map(|key| bytes.get(key)).sum())));
        }
        Ok(liking_of(&self.listings_by_voice(now, ids, infohash)?, lines, bytes))
    }

    /// The listings of a release under these ids, those of the most trusted first.
    fn listings_by_voice(
        &mut self,
        now: Now,
        ids: &BTreeSet<WorkId>,
        infohash: &Infohash,
    ) -> Result<Listings, StoreError> {
        let mut places: BTreeSet<Place> = BTreeSet::new();
        for id in ids {
            places.extend(self.catalogue.listing_places(id, infohash));
        }
        let mut listings = Vec::with_capacity(places.len());
        for place in places {
            debug_assert_eq!(place.kind, Kind::Listing);
            if let Some(stored) = self.ground.statement(&place)?
                && let Body::Listing(listing) = stored.statement.body()
            {
                listings.push((place.author, listing.clone(), stored.source));
            }
        }
        let scores = self.scoring.scores(now.wall, Scope::Catalogue);
        listings.sort_by(|a, b| voice(scores, &a.0).before(&voice(scores, &b.0)).then(a.0.cmp(&b.0)));
        Ok(listings)
    }
}

/// Whether the merged record is what a filter wants. What releases say is looked at elsewhere.
fn is_wanted(work: &Merged, filter: &Filter) -> bool {
    let is_of_genre = |genre: &String| {
        let wanted = folded(genre);
        work.genres.iter().any(|have| folded(have) == wanted)
    };
    filter.kind.is_none_or(|kind| kind == work.kind)
        && filter.genre.as_ref().is_none_or(is_of_genre)
        && filter.years.is_none_or(|(first, last)| work.year.is_some_and(|year| (first..=last).contains(&year)))
}

fn liking_of(listings: &Listings, lines: u32, bytes: &BTreeMap<Key, u64>) -> Liking {
    let distance = listings.first().map_or(u32::MAX, |(_, listing, _)| distance_of(listing, lines));
    let listers: BTreeSet<&Key> = listings.iter().map(|(key, ..)| key).collect();
    (distance, Reverse(listers.into_iter().filter_map(|key| bytes.get(key)).sum()))
}

/// Whether a listing holds an episode.
fn holds(listing: &Listing, wanted: &Wanted) -> bool {
    let place = (wanted.season, wanted.number);
    listing.episode == Some(place)
        || fitting::file_for(&listing.name, listing.episode, &listing.files, wanted).is_some()
        || {
            let read = release_name::read(&listing.name);
            listing.files.is_empty() && read.season() == Some(wanted.season) && read.episodes.contains(&wanted.number)
        }
}

/// How far a listing's resolution is from the one that is liked best, read from its name where it does not say.
pub(super) fn distance_of(listing: &Listing, liked: u32) -> u32 {
    if liked == 0 {
        return 0;
    }
    if listing.resolution.is_empty() {
        return resolution_distance(&release_name::read(&listing.name).resolution, liked);
    }
    resolution_distance(&listing.resolution, liked)
}
