//! Which works and releases there are: an index over the live statements, derived and rebuilt at start.

use crate::changes::{Changes, is_indexed};
use crate::few::Few;
use crate::ground::{Place, Stored};
use crate::merging::IDS_MAX;
use crate::resolution::Lines;
use crate::wording::folded;
use heirloom_proto::body::{Listing, Opinion, Work, WorkKind};
use heirloom_proto::{Body, Infohash, Key, Kind, Sha256, Timestamp, WorkId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a search matches against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// As its author wrote it.
    pub title: String,
    /// Year.
    pub year: Option<u32>,
    /// Kind.
    pub kind: WorkKind,
    /// Every title of it, folded: its own first.
    folded: Vec<String>,
}

/// What a record names a work: one for all ids in it.
#[derive(Debug)]
struct Named {
    ids: Box<[WorkId]>,
    title: Title,
}

/// The index.
///
/// COST: most works have one record and one release, and most releases one lister: see `Few`.
#[derive(Debug)]
pub struct Catalogue {
    owner: Key,
    /// Records that name a work id. An author may have several: each has its own slot.
    records: BTreeMap<WorkId, Few<Place, Arc<Named>>>,
    /// Releases listed under a work id, with their listers, and the lines that each says: among releases that are trusted
    /// alike the best is found without reading any.
    listings: BTreeMap<WorkId, Few<(Infohash, Key), Lines>>,
    /// The same listings by release, and when each was signed.
    listers: BTreeMap<Infohash, Few<(Key, WorkId), Timestamp>>,
    verdicts: BTreeMap<Infohash, Few<Key, Opinion>>,
    /// Those of the owner.
    own_verdicts: BTreeMap<Infohash, Opinion>,
    /// Who said something of a work, and how many such statements.
    authors: BTreeMap<Key, usize>,
    /// Pictures that public records name, and which records those are, with their numbers.
    artwork: BTreeMap<(Sha256, Place), (u32, u64)>,
    /// Whether one was added since somebody looked.
    pub has_new_artwork: bool,
    /// For an index outside.
    pub changes: Changes,
}

impl Catalogue {
    /// Of nothing, for an owner.
    #[must_use]
    pub fn new(owner: Key) -> Self {
        Self {
            owner,
            records: BTreeMap::new(),
            listings: BTreeMap::new(),
            listers: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            own_verdicts: BTreeMap::new(),
            authors: BTreeMap::new(),
            artwork: BTreeMap::new(),
            has_new_artwork: false,
            changes: Changes::default(),
        }
    }

    /// Takes a new live statement in.
    pub fn add(&mut self, stored: &Stored) {
        self.changes.add(stored);
        if is_indexed(stored.statement.kind()) {
            *self.authors.entry(*stored.statement.author()).or_default() += 1;
        }
        match stored.statement.body() {
            Body::Work(record) => {
                let place = Place::of(&stored.statement);
                if let Some(digest) = record.artwork.filter(|_| !stored.is_private) {
                    self.artwork.insert((digest, place), stored.statement.header().order());
                    self.has_new_artwork = true;
                }
                self.add_record(place, record);
            }
            Body::Listing(listing) => {
                let author = *stored.statement.author();
                let work = self.shared(&listing.work);
                self.listings
                    .entry(work.clone())
                    .or_default()
                    .insert((listing.infohash, author), Lines::of(&listing.resolution));
                let made = stored.statement.header().created;
                self.listers.entry(listing.infohash).or_default().insert((author, work), made);
            }
            Body::Verdict(verdict) => {
                let author = *stored.statement.author();
                if author == self.owner {
                    self.own_verdicts.insert(verdict.infohash, verdict.opinion);
                }
                self.verdicts.entry(verdict.infohash).or_default().insert(author, verdict.opinion);
            }
            _ => {}
        }
    }

    /// An id as it is held already: one text for all of its listings.
    fn shared(&self, work: &WorkId) -> WorkId {
        let listed = self.listings.get_key_value(work).map(|(known, _)| known);
        let known = listed.or_else(|| self.records.get_key_value(work).map(|(known, _)| known));
        known.unwrap_or(work).clone()
    }

    fn add_record(&mut self, place: Place, record: &Work) {
        let others = record.titles.iter().map(|other| other.title.as_str());
        let all = [record.title.as_str(), record.original_title.as_str()].into_iter().chain(others);
        let mut folds: Vec<String> = all.map(folded).filter(|title| !title.is_empty()).collect();
        folds.dedup();
        let title = Title { title: record.title.clone(), year: record.year, kind: record.kind, folded: folds };
        let named = Arc::new(Named { ids: record.ids.as_slice().into(), title });
        for id in &record.ids {
            self.records.entry(id.clone()).or_default().insert(place, Arc::clone(&named));
        }
    }

    /// Takes out a statement that is no longer live.
    pub fn remove(&mut self, stored: &Stored) {
        self.changes.remove(stored);
        let author = stored.statement.author();
        if is_indexed(stored.statement.kind())
            && let Some(count) = self.authors.get_mut(author)
        {
            *count -= 1;
            if *count == 0 {
                self.authors.remove(author);
            }
        }
        match stored.statement.body() {
            Body::Work(record) => {
                let place = Place::of(&stored.statement);
                if let Some(digest) = record.artwork {
                    self.artwork.remove(&(digest, place));
                }
                for id in &record.ids {
                    remove_nested(&mut self.records, id, &place);
                }
            }
            Body::Listing(listing) => {
                remove_nested(&mut self.listings, &listing.work, &(listing.infohash, *author));
                remove_nested(&mut self.listers, &listing.infohash, &(*author, listing.work.clone()));
            }
            Body::Verdict(verdict) => {
                if *author == self.owner {
                    self.own_verdicts.remove(&verdict.infohash);
                }
                remove_nested(&mut self.verdicts, &verdict.infohash, author);
            }
            _ => {}
        }
    }

    /// Pictures that public records name: which, by which record, and its number.
    pub fn artwork(&self) -> impl Iterator<Item = (&Sha256, &Place, &(u32, u64))> {
        self.artwork.iter().map(|((digest, place), order)| (digest, place, order))
    }

    /// Every work id with a listing or record.
    #[must_use]
    pub fn works(&self) -> BTreeSet<&WorkId> {
        self.records.keys().chain(self.listings.keys()).collect()
    }

    /// How many works there are, by what records say: ids that they name together are of one work, whoever wrote them.
    #[must_use]
    pub fn work_count(&self) -> usize {
        // A work is counted at its least id. Of records that chain several ids, all must have it first.
        let is_least = |id: &WorkId, records: &Few<Place, Arc<Named>>| {
            records.iter().all(|(_, named)| named.ids.iter().min() == Some(id))
        };
        let described = self.records.iter().filter(|(id, records)| is_least(id, records)).count();
        described + self.listings.keys().filter(|id| !self.records.contains_key(*id)).count()
    }

    /// The same, of which nothing is live: everything is derived anew.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { changes: self.changes.anew(), ..Self::new(self.owner) }
    }

    /// Who said something of a work.
    pub fn authors(&self) -> impl Iterator<Item = &Key> {
        self.authors.keys()
    }

    /// Who has a record that names a work.
    pub fn describers(&self, work: &WorkId) -> impl Iterator<Item = &Key> {
        self.records.get(work).into_iter().flat_map(Few::iter).map(|(place, _)| &place.author)
    }

    /// The ids that records of a key name together with a work.
    pub fn named_by(&self, work: &WorkId, author: &Key) -> impl Iterator<Item = &WorkId> {
        let records = self.records.get(work).into_iter().flat_map(Few::iter);
        records.filter(|(place, _)| place.author == *author).flat_map(|(_, named)| named.ids.iter())
    }

    /// Whether a work has a listing or record.
    #[must_use]
    pub fn knows(&self, work: &WorkId) -> bool {
        self.records.contains_key(work) || self.listings.contains_key(work)
    }

    /// Whether a key lists something under a work.
    #[must_use]
    pub fn is_listed_under(&self, work: &WorkId, author: &Key) -> bool {
        self.listings.get(work).is_some_and(|by| by.iter().any(|((_, lister), _)| lister == author))
    }

    /// Releases of a work.
    pub fn releases_of(&self, work: &WorkId) -> impl Iterator<Item = &Infohash> {
        let mut last = None;
        let all = self.listings.get(work).into_iter().flat_map(Few::iter).map(|((infohash, _), _)| infohash);
        // Those of one release stand together.
        all.filter(move |infohash| last.replace(*infohash) != Some(*infohash))
    }

    /// Who lists a release under a work, and in how many lines.
    pub fn lines_of(&self, work: &WorkId, infohash: &Infohash) -> impl Iterator<Item = (&Key, Lines)> {
        let all = self.listings.get(work).into_iter();
        let from = all.flat_map(|by| by.from(|(release, _)| release < infohash));
        from.take_while(move |((release, _), _)| release == infohash).map(|((_, lister), lines)| (lister, *lines))
    }

    /// Whether a key lists so many releases.
    ///
    /// COST: looks at every release, so it is asked seldom, and only of keys with as many listings.
    #[must_use]
    pub fn lists_at_least(&self, key: &Key, count: usize) -> bool {
        self.listers.keys().filter(|release| self.is_listed_by(release, key)).take(count).count() >= count
    }

    /// Releases with a listing.
    #[must_use]
    pub fn release_count(&self) -> usize {
        self.listers.len()
    }

    /// Every record by these authors that a chain of shared ids leads to from a work, with the ids that it names.
    ///
    /// # Errors
    /// The chain names more ids than a work has ([`IDS_MAX`]): whose records were met on the way.
    pub fn chained(
        &self,
        work: &WorkId,
        admits: impl Fn(&Key) -> bool,
    ) -> Result<BTreeMap<Place, &[WorkId]>, BTreeSet<Key>> {
        let mut found: BTreeMap<Place, &[WorkId]> = BTreeMap::new();
        let mut seen = BTreeSet::from([work]);
        let mut next = vec![work];
        while let Some(id) = next.pop() {
            let records = self.records.get(id).into_iter().flat_map(Few::iter);
            for (place, named) in records.filter(|(place, _)| admits(&place.author)) {
                let ids: &[WorkId] = &named.ids;
                if found.insert(*place, ids).is_some() {
                    continue;
                }
                next.extend(ids.iter().filter(|id| seen.insert(id)));
                if seen.len() > IDS_MAX {
                    return Err(found.into_keys().map(|place| place.author).collect());
                }
            }
        }
        Ok(found)
    }

    /// Places of the records of a work, by author.
    #[must_use]
    pub fn records_of(&self, work: &WorkId) -> Vec<(Key, Place)> {
        self.records.get(work).into_iter().flat_map(Few::iter).map(|(place, _)| (place.author, *place)).collect()
    }

    /// Releases of a work with the places of their listings.
    #[must_use]
    pub fn listings_of(&self, work: &WorkId) -> Vec<(Infohash, Vec<Place>)> {
        let mut releases: Vec<(Infohash, Vec<Place>)> = Vec::new();
        for ((infohash, author), _) in self.listings.get(work).into_iter().flat_map(Few::iter) {
            let place = Place { author: *author, kind: Kind::Listing, slot: Listing::slot_of(work, infohash) };
            match releases.last_mut() {
                Some((of, places)) if of == infohash => places.push(place),
                _ => releases.push((*infohash, vec![place])),
            }
        }
        releases
    }

    /// Places of the listings of a release under a work.
    pub fn listing_places<'a>(&'a self, work: &'a WorkId, infohash: &Infohash) -> impl Iterator<Item = Place> + 'a {
        let slot = Listing::slot_of(work, infohash);
        let by = self.listers_of(infohash).filter(move |(_, of)| *of == work);
        by.map(move |(author, _)| Place { author: *author, kind: Kind::Listing, slot })
    }

    /// Who lists a release, and under which work: a lister for each work.
    pub fn listers_of(&self, infohash: &Infohash) -> impl Iterator<Item = (&Key, &WorkId)> + use<'_> {
        self.listers.get(infohash).into_iter().flat_map(Few::iter).map(|((key, work), _)| (key, work))
    }

    /// Every release with its listings: by whom, under which work, signed when.
    pub fn listed(&self) -> impl Iterator<Item = (&Infohash, impl Iterator<Item = (&Key, &WorkId, Timestamp)>)> {
        self.listers.iter().map(|(infohash, by)| (infohash, by.iter().map(|((key, work), made)| (key, work, *made))))
    }

    /// When keys listed a release: a time for each work.
    pub fn listed_at(&self, infohash: &Infohash) -> impl Iterator<Item = (&Key, Timestamp)> + use<'_> {
        self.listers.get(infohash).into_iter().flat_map(Few::iter).map(|((key, _), made)| (key, *made))
    }

    /// Whether anybody judged a release.
    #[must_use]
    pub fn is_judged(&self, infohash: &Infohash) -> bool {
        self.verdicts.contains_key(infohash)
    }

    /// Whether a key lists a release.
    #[must_use]
    pub fn is_listed_by(&self, infohash: &Infohash, key: &Key) -> bool {
        let mut from_key = self.listers.get(infohash).into_iter().flat_map(|by| by.from(|(lister, _)| lister < key));
        from_key.next().is_some_and(|((lister, _), _)| lister == key)
    }

    /// Verdicts on a release, by key.
    pub fn verdicts_of(&self, infohash: &Infohash) -> impl Iterator<Item = (&Key, Opinion)> + use<'_> {
        self.verdicts.get(infohash).into_iter().flat_map(Few::iter).map(|(key, opinion)| (key, *opinion))
    }

    /// Releases on which the owner gave one of these opinions.
    #[must_use]
    pub fn judged(&self, opinions: &[Opinion]) -> BTreeSet<Infohash> {
        self.own_verdicts.iter().filter(|(_, opinion)| opinions.contains(opinion)).map(|(hash, _)| *hash).collect()
    }

    /// Titles under which a work is known, by record.
    pub fn titles_of(&self, work: &WorkId) -> impl Iterator<Item = (&Place, &Title)> {
        self.records.get(work).into_iter().flat_map(Few::iter).map(|(place, named)| (place, &named.title))
    }

    /// What a work is, by those who are heard first.
    #[must_use]
    pub fn kind_of(&self, work: &WorkId, is_heard: impl Fn(&Key) -> bool) -> WorkKind {
        let said = || self.titles_of(work).filter(|(_, title)| title.kind != WorkKind::Other);
        let heard = said().find(|(place, _)| is_heard(&place.author));
        heard.or_else(|| said().next()).map_or(WorkKind::Other, |(_, title)| title.kind)
    }

    /// Works one of whose titles holds every word of the text (the last may be a beginning), or the year, or whose id
    /// it is, with how well they match: 0 for the id, 1 for the title itself, 2 for its beginning, 3. Ordered by that, then
    /// by id.
    #[must_use]
    pub fn search(&self, text: &str) -> Vec<(u8, WorkId)> {
        let wanted = folded(text);
        let words: Vec<&str> = wanted.split(' ').filter(|word| !word.is_empty()).collect();
        let by_id = text.parse::<WorkId>().ok().filter(|id| self.knows(id));
        let mut found: Vec<(u8, WorkId)> = Vec::new();
        for (id, records) in self.records.iter().filter(|(id, _)| by_id.as_ref() != Some(*id)) {
            let rank = records.iter().filter_map(|(_, named)| named.title.rank(&wanted, &words)).min();
            found.extend(rank.map(|rank| (rank, id.clone())));
        }
        found.extend(by_id.map(|id| (0, id)));
        found.sort();
        found
    }
}

impl Title {
    /// 1: the title itself; 2: begins with it; 3: holds every word. `None`: no match.
    fn rank(&self, wanted: &str, words: &[&str]) -> Option<u8> {
        self.folded.iter().filter_map(|title| self.rank_of(title, wanted, words)).min()
    }

    fn rank_of(&self, title: &str, wanted: &str, words: &[&str]) -> Option<u8> {
        if title == wanted {
            return Some(1);
        }
        let year = self.year.map(|year| year.to_string());
        let matches = |word: &&str| {
            year.as_deref() == Some(*word) || title.split(' ').any(|have| have == *word || have.starts_with(*word))
        };
        if words.iter().all(matches) {
            return Some(if title.starts_with(wanted) { 2 } else { 3 });
        }
        None
    }
}

fn remove_nested<A: Ord, B: Ord, V>(map: &mut BTreeMap<A, Few<B, V>>, outer: &A, inner: &B) {
    if let Some(nested) = map.get_mut(outer) {
        nested.remove(inner);
        if nested.is_empty() {
            map.remove(outer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_found_as_people_type() {
        let title =
            |text: &str, year| Title { title: text.into(), year, kind: WorkKind::Film, folded: vec![folded(text)] };
        let amelie = title("Le Fabuleux Destin d'Amélie Poulain", Some(2001));
        let rank = |title: &Title, text: &str| {
            let wanted = folded(text);
            title.rank(&wanted, &wanted.split(' ').collect::<Vec<_>>())
        };
        assert_eq!(rank(&amelie, "amelie"), Some(3));
        assert_eq!(rank(&amelie, "Le Fabuleux"), Some(2));
        assert_eq!(rank(&amelie, "amélie 2001"), Some(3));
        assert_eq!(rank(&amelie, "amel"), Some(3));
        assert_eq!(rank(&amelie, "amelie 2002"), None);
        assert_eq!(rank(&title("Big Buck Bunny", None), "big buck bunny"), Some(1));
    }

    #[test]
    fn a_work_of_several_ids_is_one() {
        let id = |text: &str| text.parse::<WorkId>().expect("id");
        let ids = ["imdb:tt0000001", "tmdb:movie/7", "wikidata:Q9", "wikidata:Q10"];
        let place = |number: u8| Place {
            author: heirloom_proto::SecretKey::from_seed(&[number; 32]).public(),
            kind: Kind::Work,
            slot: heirloom_proto::Sha256([number; 32]),
        };
        let mut catalogue = Catalogue::new(place(9).author);
        let title = Title { title: String::new(), year: None, kind: WorkKind::Film, folded: Vec::new() };
        // The first two, said by two keys; a chain of the second and the third; the fourth alone.
        for (number, of) in [(1, &ids[..2]), (2, &ids[..2]), (3, &ids[1..3]), (4, &ids[3..4])] {
            let named = Arc::new(Named { ids: of.iter().map(|text| id(text)).collect(), title: title.clone() });
            for text in of {
                catalogue.records.entry(id(text)).or_default().insert(place(number), Arc::clone(&named));
            }
        }
        assert_eq!(catalogue.work_count(), 2);
        let listed = (Infohash([1; 20]), place(1).author);
        catalogue.listings.entry(id(ids[3])).or_default().insert(listed, Lines::of(""));
        assert_eq!(catalogue.work_count(), 2, "a listed work that is described is not counted twice");
        catalogue.listings.entry(id("imdb:tt0000099")).or_default().insert(listed, Lines::of(""));
        assert_eq!(catalogue.work_count(), 3);
    }
}
