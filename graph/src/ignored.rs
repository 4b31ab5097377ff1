//! What was said of a subject and does not count, or not in full, and why.

use crate::ballots::{Ballot, Held};
use crate::edge::Edge;
use crate::ids::{NodeId, ReleaseId};
use crate::input::Scope;
use crate::names::Index;
use crate::releases::Question;
use crate::scored::Scored;
/// Why something that a key said does not count, or not in full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum IgnoredReason {
    /// A proof of duplicity weighs the key 0.
    Duplicity,
    /// It speaks of itself.
    AboutItself,
    /// It expired, and was not renewed.
    Expired,
    /// A newer statement of the same slot, a narrower scope, or a verdict beside the listing took its place.
    Replaced,
    /// It was said for another scope.
    OtherScope,
    /// It answers another question: level 0, a release that is dead, a wrong work where the torrent is asked about.
    SaysNothing,
    /// Its distrust stops the bytes it measured from counting.
    BytesDespiteDistrust,
    /// It says so much that each vote counts only in part.
    OverBudget {
        /// What is left of each, in (0, 1).
        factor: f64,
    },
    /// No path of trust from my roots reaches it: it has no power.
    NoPower,
}

impl IgnoredReason {
    /// Order in which reasons are listed: the most telling first, the most common last.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Duplicity => 0,
            Self::AboutItself => 1,
            Self::Expired => 2,
            Self::Replaced => 3,
            Self::SaysNothing => 4,
            Self::BytesDespiteDistrust => 5,
            Self::OverBudget { .. } => 6,
            Self::OtherScope => 7,
            Self::NoPower => 8,
        }
    }
}

pub(crate) fn about_key(scored: &Scored<'_>, key: Index) -> Vec<(NodeId, IgnoredReason)> {
    let mut ignored = Vec::new();
    for from in scored.graph.speakers_of(key) {
        let why = of_pair(scored, scored.graph.pair(from, key), (from, key));
        ignored.extend(why.into_iter().map(|why| (scored.graph.id(from), why)));
    }
    ignored
}

/// Reasons that hold for everything a key says; none of the narrower ones matter then.
fn of_speaker(scored: &Scored<'_>, from: Index) -> Option<IgnoredReason> {
    if scored.scores.circle.is_muted(from) {
        Some(IgnoredReason::Duplicity)
    } else if scored.power(from).is_none() {
        Some(IgnoredReason::NoPower)
    } else {
        None
    }
}

fn of_pair(scored: &Scored<'_>, pair: &[Edge], (from, to): (Index, Index)) -> Vec<IgnoredReason> {
    let hearing = &scored.scores.hearing;
    if from == to {
        return vec![IgnoredReason::AboutItself];
    }
    if let Some(why) = of_speaker(scored, from) {
        return vec![why];
    }
    let mut ignored = Vec::new();
    let counted = hearing.live(pair);
    for (said, scope) in pair.iter().filter_map(|edge| Some((edge, edge.scope()?))) {
        if scope != hearing.scope && scope != Scope::All {
            ignored.push(IgnoredReason::OtherScope);
            continue;
        }
        if hearing.epoch.is_day_past(said.expires()) {
            ignored.push(IgnoredReason::Expired);
        } else if counted.is_some_and(|counted| counted.kind() != said.kind()) {
            ignored.push(IgnoredReason::Replaced);
        } else if said.level() == 0.0 {
            ignored.push(IgnoredReason::SaysNothing);
        }
        if said.is_superseded() {
            ignored.push(IgnoredReason::Replaced);
        }
    }
    let measured = scored.graph.measured(from, to);
    if let Some(vote) = hearing.vote(pair, measured) {
        if !measured.is_empty() && vote.is_against() {
            ignored.push(IgnoredReason::BytesDespiteDistrust);
        }
        let shares = scored.slot(from).map(|slot| scored.scores.shares_in_use(scored.graph, slot));
        let factor = shares.map_or(1.0, |shares| if vote.is_against() { shares.against } else { shares.for_ });
        if factor < 1.0 {
            ignored.push(IgnoredReason::OverBudget { factor });
        }
    }
    ignored.dedup();
    ignored
}

pub(crate) fn about_release(
    scored: &Scored<'_>,
    release: &ReleaseId,
    question: Question,
) -> Vec<(NodeId, IgnoredReason)> {
    let mut ignored = Vec::new();
    for (voter, ballot) in scored.graph.ballots.of(release) {
        let why = match of_speaker(scored, voter) {
            Some(why) => vec![why],
            None => of_ballot(scored, &ballot, question),
        };
        ignored.extend(why.into_iter().map(|why| (scored.graph.id(voter), why)));
    }
    ignored
}

fn of_ballot(scored: &Scored<'_>, ballot: &Ballot, question: Question) -> Vec<IgnoredReason> {
    let mut ignored = Vec::new();
    let counted = question.counted(ballot, scored.scores.epoch()).map(|(opinion, _)| opinion);
    let mut judge = |held: Held| {
        if scored.scores.epoch().is_past(held.expires_ms()) {
            ignored.push(IgnoredReason::Expired);
        } else if question.level(held.opinion).is_none() {
            ignored.push(IgnoredReason::SaysNothing);
        } else if counted != Some(held.opinion) {
            ignored.push(IgnoredReason::Replaced);
        }
        if held.superseded {
            ignored.push(IgnoredReason::Replaced);
        }
    };
    ballot.listing.into_iter().for_each(&mut judge);
    ballot.verdict.into_iter().for_each(&mut judge);
    ignored.dedup();
    ignored
}
