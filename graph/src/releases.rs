//! Releases: pure sinks, one vote per key, without budget, recency or calibration (§2.2, point 9 of the metric).

use crate::epoch::Epoch;
use crate::exact::Sum;
use crate::formula::Sums;
use crate::input::Opinion;
use crate::params::Values;
use crate::plan::Plan;
use crate::power::Power;
use crate::tally::Witnesses;
use crate::trust_graph::{Ballot, Index};

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
        let live = |slot: Option<crate::trust_graph::Held>| {
            let held = slot.filter(|held| !epoch.is_past(held.expires_ms))?;
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

impl Poll {
    pub(crate) fn new<'a>(
        ballots: impl Iterator<Item = (&'a Index, &'a Ballot)>,
        question: Question,
        epoch: Epoch,
        (plan, power): (&Plan, &Power),
        values: &Values,
    ) -> Self {
        let cast: Vec<Cast> = ballots
            .filter(|(voter, _)| (**voter as usize) < plan.len())
            .filter_map(|(voter, ballot)| {
                let (opinion, level) = question.counted(ballot, epoch)?;
                let power = if level > 0.0 { &power.for_ } else { &power.against };
                Some(Cast { voter: *voter, opinion, level, weight: power[*voter as usize] })
            })
            .collect();
        let (mut all, mut declared) = (Witnesses::default(), Witnesses::default());
        let (mut praise, mut against) = (Sum::default(), Sum::default());
        for vote in &cast {
            let is_root = plan.is_root[vote.voter as usize];
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
        let witness_factor = all.factor(values);
        let sums =
            Sums { praise: praise.value() * witness_factor, against: against.value(), support: all.discounted(values) };
        Self { cast, sums, declared: declared.discounted(values), witness_factor }
    }
}
