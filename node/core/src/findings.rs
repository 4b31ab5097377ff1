//! What this node found when it fetched a release, where that is not what its listings say: it is held against whoever
//! listed it.

use crate::fields::{Fields, put_text};
use crate::ground::{Ground, Stored};
use crate::store::{Durability, Store, StoreError, Table};
use heirloom_proto::body::Listing;
use heirloom_proto::{Body, Infohash, Key, Sha256, Timestamp, WorkId};
use std::collections::{BTreeMap, BTreeSet};

/// Most that is remembered: one each of as many torrents as a node keeps. The oldest is forgotten for the newest.
pub const FINDINGS_MAX: usize = crate::torrents::TORRENTS_MAX;

/// What was found of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// SHA-256 of its info dictionary, where a listing signed another one.
    pub info_sha256: Option<Sha256>,
    /// Path of a file that is named like a video, and holds something else that may do harm.
    pub disguised: Option<String>,
    /// When something was found last.
    pub at: Timestamp,
}

impl Finding {
    /// Whether a listing says otherwise. Whoever lists a file under a false name lists all of the torrent.
    #[must_use]
    pub fn contradicts(&self, listing: &Listing) -> bool {
        self.is_other_info(listing) || self.disguised.is_some()
    }

    /// Whether a listing signed another info dictionary than the one that was found.
    #[must_use]
    pub fn is_other_info(&self, listing: &Listing) -> bool {
        matches!((self.info_sha256, listing.info_sha256), (Some(found), Some(signed)) if found != signed)
    }
}

/// The table, and which live listings it contradicts.
#[derive(Debug, Default)]
pub struct Findings {
    all: BTreeMap<Infohash, Finding>,
    /// Derived. As many as there are live listings of these releases.
    caught: BTreeMap<Infohash, BTreeSet<(Key, WorkId)>>,
}

impl Findings {
    /// Reads the table.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open<S: Store>(ground: &Ground<S>) -> Result<Self, StoreError> {
        let mut all = BTreeMap::new();
        for (row, value) in ground.all(Table::Findings, &[])? {
            if let (Some(infohash), Some(finding)) = (Infohash::from_slice(&row), from_bytes(&value)) {
                all.insert(infohash, finding);
            }
        }
        Ok(Self { all, caught: BTreeMap::new() })
    }

    /// What was found of a release.
    #[must_use]
    pub fn of(&self, infohash: &Infohash) -> Option<&Finding> {
        self.all.get(infohash)
    }

    /// Releases that hold something else than a name in them says.
    pub fn disguised(&self) -> impl Iterator<Item = &Infohash> {
        self.all.iter().filter(|(_, finding)| finding.disguised.is_some()).map(|(infohash, _)| infohash)
    }

    /// Notes what was found. The listings of that release are to be given to [`Findings::listed`] then.
    pub fn note<S: Store>(
        &mut self,
        now: Timestamp,
        infohash: Infohash,
        ground: &mut Ground<S>,
        change: impl FnOnce(&mut Finding),
    ) {
        if !self.all.contains_key(&infohash) && self.all.len() >= FINDINGS_MAX {
            let oldest = self.all.iter().min_by_key(|(_, finding)| finding.at).map(|(infohash, _)| *infohash);
            if let Some(oldest) = oldest {
                self.all.remove(&oldest);
                self.caught.remove(&oldest);
                ground.put(Table::Findings, oldest.0, None, Durability::Disk);
            }
        }
        let finding = self.all.entry(infohash).or_default();
        change(finding);
        finding.at = now;
        ground.put(Table::Findings, infohash.0, Some(to_bytes(finding)), Durability::Disk);
    }

    /// Forgets which listings are contradicted, before they are derived anew.
    pub fn reset(&mut self) {
        self.caught.clear();
    }

    /// Takes a new live statement in.
    pub fn add(&mut self, stored: &Stored) {
        if let Body::Listing(listing) = stored.statement.body() {
            self.listed(stored.statement.author(), listing);
        }
    }

    /// Takes a live listing in.
    pub fn listed(&mut self, author: &Key, listing: &Listing) {
        let Some(finding) = self.all.get(&listing.infohash) else { return };
        let caught = self.caught.entry(listing.infohash).or_default();
        if finding.contradicts(listing) {
            caught.insert((*author, listing.work.clone()));
        } else {
            caught.remove(&(*author, listing.work.clone()));
        }
    }

    /// Takes out a statement that is no longer live.
    pub fn remove(&mut self, stored: &Stored) {
        if let Body::Listing(listing) = stored.statement.body()
            && let Some(caught) = self.caught.get_mut(&listing.infohash)
        {
            caught.remove(&(*stored.statement.author(), listing.work.clone()));
        }
    }

    /// Whether a live listing is contradicted.
    #[must_use]
    pub fn is_caught(&self, infohash: &Infohash, author: &Key, work: &WorkId) -> bool {
        self.caught.get(infohash).is_some_and(|caught| caught.contains(&(*author, work.clone())))
    }

    /// The releases whose live listings are contradicted, each with those who list it so.
    pub fn caught(&self) -> impl Iterator<Item = (&Infohash, BTreeSet<&Key>)> {
        self.caught.iter().map(|(infohash, by)| (infohash, by.iter().map(|(key, _)| key).collect()))
    }

    /// How many releases a key lists otherwise than they were found.
    #[must_use]
    pub fn caught_of(&self, key: &Key) -> usize {
        self.caught.values().filter(|by| by.iter().any(|(author, _)| author == key)).count()
    }
}

fn to_bytes(finding: &Finding) -> Vec<u8> {
    let flags = u8::from(finding.info_sha256.is_some()) | u8::from(finding.disguised.is_some()) << 1;
    let mut bytes = vec![flags];
    bytes.extend_from_slice(&finding.at.0.to_be_bytes());
    bytes.extend_from_slice(&finding.info_sha256.unwrap_or(Sha256([0; 32])).0);
    put_text(&mut bytes, finding.disguised.as_deref().unwrap_or_default());
    bytes
}

fn from_bytes(bytes: &[u8]) -> Option<Finding> {
    let mut fields = Fields(bytes);
    let flags = fields.u8()?;
    let at = Timestamp(fields.u64()?);
    let digest = Sha256(fields.array()?);
    let path = fields.text()?;
    Some(Finding { info_sha256: (flags & 1 != 0).then_some(digest), disguised: (flags & 2 != 0).then_some(path), at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn findings_outlive_a_restart_and_the_oldest_go_first() {
        let mut ground = Ground::new(MemoryStore::default());
        let mut findings = Findings::default();
        let infohash = |number: usize| {
            let mut bytes = [0; 20];
            bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
            Infohash(bytes)
        };
        for number in 0..=FINDINGS_MAX {
            findings.note(Timestamp(number as u64), infohash(number), &mut ground, |finding| {
                finding.disguised = Some(format!("film {number}.mkv"));
            });
        }
        findings.note(Timestamp(9), infohash(5), &mut ground, |finding| finding.info_sha256 = Some(Sha256([7; 32])));
        ground.commit().expect("it is in memory");
        assert_eq!(findings.of(&infohash(0)), None, "there was no room");
        let again = Findings::open(&ground).expect("it is in memory");
        assert_eq!(again.all, findings.all);
        let both =
            Finding { info_sha256: Some(Sha256([7; 32])), disguised: Some("film 5.mkv".to_owned()), at: Timestamp(9) };
        assert_eq!(again.of(&infohash(5)), Some(&both), "what was found before stands");
    }

    #[test]
    fn only_another_digest_contradicts_one_that_was_signed() {
        let found = Finding { info_sha256: Some(Sha256([1; 32])), ..Finding::default() };
        let mut listing = Listing::new(WorkId::of_title("Film", 2000, "film"), Infohash([1; 20]), "Film".to_owned());
        assert!(!found.contradicts(&listing), "whoever signed none said nothing of it");
        listing.info_sha256 = Some(Sha256([1; 32]));
        assert!(!found.contradicts(&listing));
        listing.info_sha256 = Some(Sha256([2; 32]));
        assert!(found.contradicts(&listing));
        assert!(!Finding::default().contradicts(&listing), "nothing was found");
    }
}
