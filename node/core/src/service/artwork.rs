//! Pictures of works: asks for those that trusted keys name, and gives to others what it would have anyway.

use super::Service;
use crate::artwork::{OFFERED_MAX, Outcome};
use crate::budgets::Shortage;
use crate::ground::Place;
use crate::io::{ArtworkEvent, ArtworkOrder, ExchangeId, Now, Output, Peer};
use crate::store::{Store, StoreError};
use heirloom_proto::Sha256;
use heirloom_proto::artwork::Request;
use std::collections::BTreeMap;

impl<S: Store> Service<S> {
    pub(super) fn artwork_event(&mut self, now: Now, event: ArtworkEvent) {
        match event {
            ArtworkEvent::Here { digests } => self.artwork.arrived(digests),
            ArtworkEvent::Gone { digests } => self.artwork.gone(digests),
            ArtworkEvent::Looked { digest } => self.artwork.looked_at(digest),
            ArtworkEvent::Asked { peer, exchange, bytes } => self.artwork_asked(now, peer, exchange, &bytes),
            ArtworkEvent::Ended { order, outcome } => {
                let Some((peer, _)) = self.artwork.ended(now.mono, order, outcome) else { return };
                self.ingest.count(match outcome {
                    Outcome::Got => "artwork_got",
                    Outcome::Absent => "artwork_absent",
                    Outcome::Wrong => "artwork_wrong",
                    Outcome::Unreadable => "artwork_unreadable",
                    Outcome::Failed(_) => "artwork_failed",
                });
                if outcome == Outcome::Wrong {
                    self.held.push(Output::Artwork(ArtworkOrder::Blame { peer }));
                }
            }
        }
    }

    fn artwork_asked(&mut self, now: Now, peer: Peer, exchange: ExchangeId, bytes: &[u8]) {
        let Ok(Request(digest)) = Request::decode(bytes) else {
            self.ingest.count("artwork_malformed");
            self.held.push(Output::Artwork(ArtworkOrder::Blame { peer }));
            self.held.push(Output::Artwork(ArtworkOrder::Answer { exchange, digest: None }));
            return;
        };
        let is_given = self.artwork.is_given(&digest)
            && !self.watch.is_short(now, Shortage::TrafficLow)
            && !self.watch.is_short(now, Shortage::Memory);
        self.ingest.count(if is_given { "artwork_given" } else { "artwork_not_given" });
        self.held.push(Output::Artwork(ArtworkOrder::Answer { exchange, digest: is_given.then_some(digest) }));
    }

    pub(super) fn artwork_tick(&mut self, now: Now) -> Result<(), StoreError> {
        if std::mem::take(&mut self.catalogue.has_new_artwork) {
            self.artwork.changed();
        }
        if self.artwork.is_plan_due(now.mono) {
            self.plan_artwork(now)?;
        }
        if self.watch.is_short(now, Shortage::TrafficLow) || self.watch.is_short(now, Shortage::Disk) {
            self.artwork.rest(now.mono);
            return Ok(());
        }
        while let Some((peer, digest)) = self.artwork.next_ask(now.mono) {
            let order = self.replication.next_order();
            self.artwork.asked(order, peer, digest);
            self.held.push(Output::Artwork(ArtworkOrder::Ask { order, peer, digest }));
        }
        Ok(())
    }

    /// What the owner, and keys that may say what a work is, name as pictures: the newest first.
    fn plan_artwork(&mut self, now: Now) -> Result<(), StoreError> {
        // Nobody names any: no scores are computed for it.
        if self.catalogue.artwork().next().is_none() {
            self.artwork.plan(now.mono, &[], |_| false);
            return Ok(());
        }
        self.refresh_scoring(now.wall);
        let me = self.identity.key();
        let scores = self.scoring.scores(now.wall, heirloom_graph::Scope::Metadata);
        let mut newest: BTreeMap<Sha256, (u32, u64)> = BTreeMap::new();
        for (digest, place, order) in self.catalogue.artwork() {
            let place: &Place = place;
            if super::read::is_admitted(scores, &me, &place.author) {
                let known = newest.entry(*digest).or_default();
                *known = (*known).max(*order);
            }
        }
        let mut named: Vec<((u32, u64), Sha256)> = newest.iter().map(|(digest, order)| (*order, *digest)).collect();
        named.sort_by(|a, b| b.cmp(a));
        named.truncate(OFFERED_MAX);
        let named: Vec<Sha256> = named.into_iter().map(|(_, digest)| digest).collect();
        self.artwork.plan(now.mono, &named, |digest| newest.contains_key(digest));
        Ok(())
    }
}
