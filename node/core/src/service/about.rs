//! What a key says: its listings, attestations and verdicts, as its page shows them.

use super::Service;
use crate::command::Skip;
use crate::ground::Stored;
use crate::store::{Store, StoreError};
use crate::views::{About, AttestationRow, ListingRow, SAID_MAX, VerdictRow};
use heirloom_proto::{Body, Key, Kind};
use std::cmp::Reverse;

impl<S: Store> Service<S> {
    /// What a key says, newest first.
    ///
    /// COST: reads every listing, attestation and verdict of that key, of which a key may have some 20,000; only its
    /// page asks for it.
    pub(super) fn about(&self, key: &Key, skip: Skip) -> Result<About, StoreError> {
        let profile = self.profile_of(key)?;
        let is_me = *key == self.identity.key();
        let (listings, listed) = self.newest_of(key, Kind::Listing, skip.listings)?;
        let (attestations, attested) = self.newest_of(key, Kind::Attestation, skip.attestations)?;
        let (verdicts, judged) = self.newest_of(key, Kind::Verdict, skip.verdicts)?;
        let mut rows = Vec::with_capacity(attestations.len());
        for stored in &attestations {
            if let Body::Attestation(said) = stored.statement.body() {
                rows.push(AttestationRow {
                    subject: said.subject,
                    name: self.name_of(&said.subject)?,
                    level: said.level,
                    scope: said.scope,
                    reason: said.reason.clone(),
                    made: stored.statement.header().created,
                    is_private: stored.is_private,
                });
            }
        }
        Ok(About {
            key: *key,
            name: self.name_of(key)?,
            url: profile.map(|profile| profile.url).unwrap_or_default(),
            is_me,
            listings: (listings.iter().filter_map(|stored| self.listing_row(key, stored)).collect(), listed),
            attestations: (rows, attested),
            verdicts: (verdicts.iter().filter_map(verdict_row).collect(), judged),
        })
    }

    /// The newest statements of a kind behind those that are skipped, and how many there are in all.
    fn newest_of(&self, key: &Key, kind: Kind, skip: usize) -> Result<(Vec<Stored>, usize), StoreError> {
        let mut all = self.ground.statements_of_kind(key, kind)?;
        // A statement that never leaves its author's node is nobody else's; one that was imported says so too.
        let is_me = *key == self.identity.key();
        all.retain(|stored| is_me || !stored.is_private);
        let count = all.len();
        all.sort_by_key(|stored| Reverse(stored.statement.header().order()));
        Ok((all.into_iter().skip(skip).take(SAID_MAX).collect(), count))
    }

    fn listing_row(&self, author: &Key, stored: &Stored) -> Option<ListingRow> {
        let Body::Listing(listing) = stored.statement.body() else { return None };
        let titles = || self.catalogue.titles_of(&listing.work);
        let own = titles().find(|(place, _)| place.author == *author);
        let title = own.or_else(|| titles().next()).map(|(_, title)| title.title.clone());
        Some(ListingRow {
            work: listing.work.clone(),
            title: title.unwrap_or_default(),
            infohash: listing.infohash,
            name: listing.name.clone(),
            size: listing.size,
            made: stored.statement.header().created,
            is_private: stored.is_private,
        })
    }
}

fn verdict_row(stored: &Stored) -> Option<VerdictRow> {
    let Body::Verdict(verdict) = stored.statement.body() else { return None };
    Some(VerdictRow {
        infohash: verdict.infohash,
        opinion: verdict.opinion,
        note: verdict.note.clone(),
        made: stored.statement.header().created,
    })
}
