//! Roots: where trust begins, how loudly each votes and how much of the reach it starts with.

use std::collections::BTreeMap;

use crate::hearing::Hearing;
use crate::input::{RootKind, Scope};
use crate::names::Index;
use crate::params::RootPolicy;
use crate::trust_graph::TrustGraph;

/// My own share of the reach where anybody is followed. Half: my own attestations weigh as much as all follows'.
const OWN_SHARE: f64 = 0.5;

/// A root's place in the metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seat {
    /// T of the root's votes.
    pub power: f64,
    /// ρ: its share of the reach that enters the graph.
    pub share: f64,
    /// It votes but passes on no reach.
    pub is_silent: bool,
    pub kind: RootKind,
}

impl Seat {
    pub(crate) fn is_mine(&self, policy: RootPolicy) -> bool {
        policy == RootPolicy::Personal && self.kind == RootKind::Me
    }
}

pub(crate) type Seats = BTreeMap<Index, Seat>;

/// The roots of one scope: narrower ones replace those of every scope; follows that
/// are duplicitous or that I distrust in a statement of my own are none.
pub(crate) fn seats(graph: &TrustGraph, hearing: &Hearing, policy: RootPolicy) -> Seats {
    let mut known: BTreeMap<Index, RootKind> = BTreeMap::new();
    for wanted in [Scope::All, hearing.scope] {
        let here = graph.roots().filter(|(_, at, _)| *at == wanted);
        known.extend(here.map(|(key, _, kind)| (key, kind)));
    }
    if policy == RootPolicy::Equal {
        let share = 1.0 / known.len().max(1) as f64;
        let seat = |kind| Seat { power: 1.0, share, is_silent: false, kind };
        return known.into_iter().map(|(key, kind)| (key, seat(kind))).collect();
    }
    let me = known.iter().find(|(_, kind)| **kind == RootKind::Me).map(|(key, _)| *key);
    known.retain(|key, _| {
        let word = me.and_then(|me| hearing.live(graph.pair(me, *key)));
        Some(*key) == me || !(graph.is_zeroed(*key) || word.is_some_and(|word| word.is_against()))
    });
    let level_of = |kind: &RootKind| if let RootKind::Follow(level) = kind { level.value() } else { 0.0 };
    // Quarters: exact in any order.
    let levels: f64 = known.values().map(level_of).sum();
    let own_share = match (me, levels > 0.0) {
        (None, _) => 0.0,
        (Some(_), true) => OWN_SHARE,
        (Some(_), false) => 1.0,
    };
    let seat = |kind| match kind {
        RootKind::Me => Seat { power: 1.0, share: own_share, is_silent: false, kind },
        RootKind::Follow(level) => {
            Seat { power: level.value(), share: (1.0 - own_share) * level.value() / levels, is_silent: false, kind }
        }
        RootKind::FollowOnly(level) => Seat { power: level.value(), share: 0.0, is_silent: true, kind },
    };
    known.into_iter().map(|(key, kind)| (key, seat(kind))).collect()
}
