//! Releases: pure sinks, one vote per key, without budget, recency or calibration (§2.2, point 9 of the metric).

use crate::ballots::{Ballot, Held};
use crate::epoch::Epoch;
use crate::exact::Sum;
use crate::formula::Sums;
use crate::input::Opinion;
use crate::names::Index;
use crate::params::Values;
use crate::scored::Scored;
use crate::tally::witness_factor;

/// What the votes are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Is the torrent what it should be: no fake, no malware?
    Torrent,
    /// Is the listing right: is it also the work it claims to be?
    Listing,
}

impl Question {
    /// Level of an opinion as an answer; `None` = no answer.
    pub(crate) fn level(self, opinion: Opinion) -> Option<f64> {
        match self {
            Self::Torrent => opinion.level(),
            Self::Listing => opinion.level_for_listing(),
        }
    }

    /// The opinion that counts: a live verdict that answers, else a live listing.
    pub(crate) fn counted(self, ballot: &Ballot, epoch: Epoch) -> Option<(Opinion, f64)> {
        let live = |slot: Option<Held>| {
            let held = slot.filter(|held| !epoch.is_past(held.expires_ms()))?;
            Some((held.opinion, self.level(held.opinion)?))
        };
        live(ballot.verdict).or_else(|| live(ballot.listing))
    }
}

/// One vote for or against a release.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast {
    pub voter: Index,
    pub opinion: Opinion,
    /// Level in -1..=1.
    pub level: f64,
    /// T+ or T-, before the two-witness discount.
    pub weight: f64,
}

/// All votes of one release, and their sums.
pub(crate) struct Poll {
    pub cast: Vec<Cast>,
    pub sums: Sums,
    /// C°: votes for, without `poor`.
    pub declared: f64,
    pub witness_factor: f64,
}

/// Weights of votes for, before the two-witness discount.
#[derive(Clone, Copy, Default)]
struct Witnessed {
    sum: Sum,
    largest: f64,
}

impl Witnessed {
    /// Adds a vote. A root needs no second witness, so its weight is never the one that is discounted.
    fn add(&mut self, weight: f64, is_root: bool) {
        self.sum.add(weight);
        if !is_root {
            self.largest = self.largest.max(weight);
        }
    }

    fn factor(&self, values: &Values) -> f64 {
        witness_factor(self.sum.value(), self.largest, values)
    }
}

impl Poll {
    pub(crate) fn new(scored: &Scored<'_>, ballots: impl Iterator<Item = (Index, Ballot)>, question: Question) -> Self {
        let cast: Vec<Cast> = ballots
            .filter_map(|(voter, ballot)| {
                let (opinion, level) = question.counted(&ballot, scored.scores.epoch())?;
                let power = scored.power(voter);
                let weight = if level > 0.0 { power.for_ } else { power.against };
                Some(Cast { voter, opinion, level, weight })
            })
            .collect();
        let (mut all, mut declared) = (Witnessed::default(), Witnessed::default());
        let (mut praise, mut against) = (Sum::default(), Sum::default());
        for vote in &cast {
            let is_root = scored.is_root(vote.voter);
            if vote.level > 0.0 {
                all.add(vote.weight, is_root);
                praise.add(vote.weight * vote.level);
                if vote.opinion != Opinion::Poor {
                    declared.add(vote.weight, is_root);
                }
            } else {
                against.add(vote.weight * -vote.level);
            }
        }
        let witness_factor = all.factor(scored.values());
        let sums = Sums {
            praise: praise.value() * witness_factor,
            against: against.value(),
            support: all.sum.value() * witness_factor,
        };
        let declared = declared.sum.value() * declared.factor(scored.values());
        Self { cast, sums, declared, witness_factor }
    }
}
