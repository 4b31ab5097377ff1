//! What was said of a subject and does not count, or not in full, and why.

use crate::ids::{NodeId, ReleaseId};
use crate::input::Scope;
use crate::link::Link;
use crate::plan::VoteKind;
use crate::releases::Question;
use crate::scores::Scores;
use crate::trust_graph::{Ballot, Held, Index, TrustGraph};

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

pub(crate) fn about_key(scores: &Scores, graph: &TrustGraph, key: Index) -> Vec<(NodeId, IgnoredReason)> {
    let mut ignored = Vec::new();
    for from in graph.links.neighbors_directed(key, petgraph::Direction::Incoming) {
        let Some(link) = graph.links.edge_weight(from, key) else { continue };
        let why = of_link(scores, link, from, key);
        ignored.extend(why.into_iter().map(|why| (scores.plan.names.id(from), why)));
    }
    ignored
}

/// Reasons that hold for everything a key says; none of the narrower ones matter then.
fn of_speaker(scores: &Scores, from: Index) -> Option<IgnoredReason> {
    let at = from as usize;
    if scores.plan.zeroed.contains(&from) {
        Some(IgnoredReason::Duplicity)
    } else if at >= scores.plan.len() || (scores.power.for_[at] <= 0.0 && scores.power.against[at] <= 0.0) {
        Some(IgnoredReason::NoPower)
    } else {
        None
    }
}

fn of_link(scores: &Scores, link: &Link, from: Index, to: Index) -> Vec<IgnoredReason> {
    let Scores { scope, epoch, plan, params, .. } = scores;
    if from == to {
        return vec![IgnoredReason::AboutItself];
    }
    if let Some(why) = of_speaker(scores, from) {
        return vec![why];
    }
    let mut ignored = Vec::new();
    let counted = link.live(*scope, *epoch);
    for said in &link.said {
        if said.scope != *scope && said.scope != Scope::All {
            ignored.push(IgnoredReason::OtherScope);
            continue;
        }
        if epoch.is_past(said.expires_ms) {
            ignored.push(IgnoredReason::Expired);
        } else if counted.is_some_and(|counted| counted.scope != said.scope) {
            ignored.push(IgnoredReason::Replaced);
        } else if said.level == 0.0 {
            ignored.push(IgnoredReason::SaysNothing);
        }
        if said.superseded {
            ignored.push(IgnoredReason::Replaced);
        }
    }
    let vote = plan.vote(from as usize, to as usize);
    if !link.bytes.is_empty() && vote.is_some_and(|vote| vote.kind == VoteKind::Against) {
        ignored.push(IgnoredReason::BytesDespiteDistrust);
    }
    if let Some(vote) = vote {
        let factor = match vote.kind {
            VoteKind::Against => plan.budget_against(from as usize, params.values()),
            VoteKind::For | VoteKind::Bytes => plan.budget_for(from as usize, params.values()),
        };
        if factor < 1.0 {
            ignored.push(IgnoredReason::OverBudget { factor });
        }
    }
    ignored.dedup();
    ignored
}

pub(crate) fn about_release(
    scores: &Scores,
    graph: &TrustGraph,
    release: &ReleaseId,
    question: Question,
) -> Vec<(NodeId, IgnoredReason)> {
    let mut ignored = Vec::new();
    for (&voter, ballot) in graph.releases.get(release).into_iter().flatten() {
        let why = match of_speaker(scores, voter) {
            Some(why) => vec![why],
            None => of_ballot(scores, ballot, question),
        };
        ignored.extend(why.into_iter().map(|why| (graph.names.id(voter), why)));
    }
    ignored
}

fn of_ballot(scores: &Scores, ballot: &Ballot, question: Question) -> Vec<IgnoredReason> {
    let mut ignored = Vec::new();
    let counted = question.counted(ballot, scores.epoch).map(|(opinion, _)| opinion);
    let mut judge = |held: Held| {
        if scores.epoch.is_past(held.expires_ms) {
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
