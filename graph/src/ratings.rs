//! What the roots say of others, and how far everybody who speaks of the same keys agrees with them (f of §2.2, point 2
//! of the metric).

use std::collections::BTreeSet;

use crate::changes::Replaced;
use crate::circle::Slot;
use crate::fixed::Total;
use crate::hearing::Vote;
use crate::names::Index;
use crate::scores::{Scores, TooMuch};
use crate::trust_graph::TrustGraph;

/// What the roots say of one key together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rating {
    /// z: Σ q over the roots.
    pub sum: Total,
    pub by: BTreeSet<Index>,
}

fn signed(vote: Option<Vote>) -> f64 {
    vote.map_or(0.0, |vote| vote.signed())
}

impl Scores {
    /// Adds a root's ratings to those of the roots, or takes them out.
    pub(crate) fn rate_row(&mut self, graph: &TrustGraph, root: Index, is_root: bool) -> Result<(), TooMuch> {
        if self.circle.is_muted(root) {
            return Ok(());
        }
        let hearing = self.hearing;
        for (to, vote) in hearing.row(graph, root) {
            let to = self.slot(graph, to);
            let rating = Total::of(vote.signed());
            self.rate(graph, (root, to), if is_root { rating } else { -rating }, is_root)?;
        }
        Ok(())
    }

    /// Takes in that ratings changed: first those of everybody, by what the roots said before, then those of the roots.
    pub(crate) fn take_ratings(&mut self, graph: &TrustGraph, changed: &[Replaced]) -> Result<(), TooMuch> {
        for ((from, to), before, after) in changed {
            let rated = self.circle.find(*to).and_then(|to| self.ratings.get(&to));
            let Some(z) = rated.map(|rating| rating.sum.value()) else { continue };
            self.replace_agreement(*from, signed(*before) * z, signed(*after) * z);
        }
        for ((from, to), before, after) in changed {
            if self.seats.contains_key(from) {
                let to = self.slot(graph, *to);
                let change = Total::of(signed(*after)) - Total::of(signed(*before));
                self.rate(graph, (*from, to), change, after.is_some())?;
            }
        }
        Ok(())
    }

    /// Changes what one root says of one member, and with it the agreement of all who speak of that member.
    fn rate(
        &mut self,
        graph: &TrustGraph,
        (root, to): (Index, Slot),
        change: Total,
        is_rated: bool,
    ) -> Result<(), TooMuch> {
        let rating = self.ratings.entry(to).or_default();
        let old = rating.sum.value();
        rating.sum += change;
        let new = rating.sum.value();
        if is_rated {
            rating.by.insert(root);
        } else {
            rating.by.remove(&root);
        }
        if rating.by.is_empty() {
            self.ratings.remove(&to);
        }
        if old.to_bits() == new.to_bits() {
            return Ok(());
        }
        let key = self.circle.member(to).key;
        for speaker in graph.speakers_of(key) {
            self.look_at(1)?;
            let q = signed(self.hearing.vote_of(graph, speaker, key));
            self.replace_agreement(speaker, q * old, q * new);
        }
        Ok(())
    }

    fn replace_agreement(&mut self, speaker: Index, old: f64, new: f64) {
        if old.to_bits() == new.to_bits() {
            return;
        }
        let agreement = self.agreements.entry(speaker).or_default();
        agreement.replace(old, new);
        let factor = agreement.factor(&self.hearing.values);
        if let Some(slot) = self.circle.find(speaker)
            && let Some(voice) = self.circle.voice_mut(slot)
            && voice.agreement.to_bits() != factor.to_bits()
        {
            voice.agreement = factor;
            self.pending.powers.insert(slot);
        }
    }
}
