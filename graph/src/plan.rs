//! The graph as one scope hears it on one day: rows of votes, ready for arithmetic.
//!
//! Everything here depends on (graph, scope, epoch, parameters) only, row by row, so that a changed statement
//! could rebuild its issuer's row alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petgraph::Directed;
use petgraph::csr::Csr;

use crate::epoch::{Epoch, fade};
use crate::exact::Sum;
use crate::input::{RootKind, Scope};
use crate::link::Heard;
use crate::params::{Params, RootPolicy, Values};
use crate::trust_graph::{Index, Names, TrustGraph};

/// Level bins of the calibration. 20: levels are given in steps of .05 at the finest.
pub(crate) const LEVEL_BINS: usize = 20;

/// My own share of the reach where anybody is followed. Half: my own attestations weigh as much as all follows'.
const OWN_SHARE: f64 = 0.5;

/// What kind of vote an edge casts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VoteKind {
    /// A declared positive level.
    For,
    /// Measured bytes without any declared level.
    Bytes,
    /// Declared distrust.
    Against,
}

/// One edge of the graph, resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vote {
    /// p_uv of a vote for (flow), n_uv of a vote against.
    pub weight: f64,
    /// Recency r of a declared vote; e_uv of a vote by bytes.
    pub fresh: f64,
    /// Level bin, 0-based.
    pub bin: u8,
    pub kind: VoteKind,
}

/// A root's place in the metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    /// T of the root's votes.
    pub power: f64,
    /// ρ: its share of the reach that enters the graph.
    pub share: f64,
    /// It votes but passes on no reach.
    pub silent: bool,
    pub kind: RootKind,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub names: Arc<Names>,
    pub rows: Csr<(), Vote, Directed, Index>,
    /// W_u: total flow weight of each row.
    pub out_weight: Vec<f64>,
    /// D_u: number of votes for.
    pub votes_for: Vec<u32>,
    /// N_u: total weight of the votes against.
    pub distrust: Vec<f64>,
    pub seats: BTreeMap<Index, Seat>,
    /// The same as `seats.contains_key`, for loops over edges.
    pub is_root: Vec<bool>,
    /// Keys of weight 0.
    pub zeroed: BTreeSet<Index>,
    /// Days since each key's own last statement; 0 if it never made one.
    pub silence_days: Vec<f64>,
}

/// Bin of a level in (0, 1]. The small offset keeps 0.15 · 20 out of the next bin, as the reference does.
pub(crate) fn level_bin(level: f64) -> u8 {
    (level * LEVEL_BINS as f64 - 1e-9).ceil().clamp(1.0, LEVEL_BINS as f64) as u8 - 1
}

impl Plan {
    pub(crate) fn new(graph: &TrustGraph, scope: Scope, epoch: Epoch, params: &Params) -> Self {
        let values = params.values();
        let count = graph.names.ids.len();
        let seats = seats(graph, scope, epoch, params);
        let me = seats.iter().find(|(_, seat)| seat.kind == RootKind::Me).map(|(key, _)| *key);
        let zeroed: BTreeSet<Index> = graph.zeroed.iter().copied().filter(|key| Some(*key) != me).collect();

        let mut edges: Vec<(Index, Index, Vote)> = graph
            .links
            .all_edges()
            .filter(|(from, to, _)| from != to && !zeroed.contains(from))
            .filter_map(|(from, to, link)| Some((from, to, vote(link.resolve(scope, epoch, values), epoch, values)?)))
            .collect();
        edges.sort_unstable_by_key(|(from, to, _)| (*from, *to));
        // PANIC: sorted on the line above, and a GraphMap holds each pair once.
        let mut rows = Csr::from_sorted_edges(&edges).expect("edges are sorted and unique");
        while rows.node_count() < count {
            rows.add_node(());
        }

        let mut is_root = vec![false; count];
        seats.keys().for_each(|key| is_root[*key as usize] = true);
        let mut plan = Self {
            names: Arc::clone(&graph.names),
            rows,
            out_weight: vec![0.0; count],
            votes_for: vec![0; count],
            distrust: vec![0.0; count],
            seats,
            is_root,
            zeroed,
            silence_days: silence_days(graph, epoch),
        };
        (0..count).for_each(|key| plan.total_row(key));
        plan
    }

    /// The votes that `from` casts, with their subjects.
    pub(crate) fn row(&self, from: usize) -> impl Iterator<Item = (usize, &Vote)> {
        let from = from as Index;
        self.rows.neighbors_slice(from).iter().map(|to| *to as usize).zip(self.rows.edges_slice(from))
    }

    /// The vote of `from` about `to`, if it casts one.
    pub(crate) fn vote(&self, from: usize, to: usize) -> Option<&Vote> {
        let at = self.rows.neighbors_slice(from as Index).binary_search(&(to as Index)).ok()?;
        self.rows.edges_slice(from as Index).get(at)
    }

    pub(crate) fn len(&self) -> usize {
        self.is_root.len()
    }

    /// Whether a key passes reach on at all.
    pub(crate) fn is_silent(&self, key: usize) -> bool {
        self.is_root[key] && self.seats.get(&(key as Index)).is_some_and(|seat| seat.silent)
    }

    /// M_uv of a vote of `from`: the share of its flow that goes there.
    pub(crate) fn flow_share(&self, from: usize, vote: &Vote, values: &Values) -> f64 {
        match vote.kind {
            VoteKind::Against => 0.0,
            VoteKind::For | VoteKind::Bytes => vote.weight / self.out_weight[from].max(values.out_weight_floor),
        }
    }

    /// min(1, ν / D_u); 1 for a root.
    pub(crate) fn budget_for(&self, from: usize, values: &Values) -> f64 {
        if self.is_root[from] { 1.0 } else { (values.vote_budget / f64::from(self.votes_for[from].max(1))).min(1.0) }
    }

    /// min(1, ν / N_u), for roots too: it also weighs the key's own distrust of others.
    pub(crate) fn distrust_budget(&self, from: usize, values: &Values) -> f64 {
        (values.vote_budget / self.distrust[from].max(1e-9)).min(1.0)
    }

    /// min(1, ν / N_u); 1 for a root.
    pub(crate) fn budget_against(&self, from: usize, values: &Values) -> f64 {
        if self.is_root[from] { 1.0 } else { self.distrust_budget(from, values) }
    }

    fn total_row(&mut self, key: usize) {
        let (mut flow, mut against, mut count) = (Sum::default(), Sum::default(), 0);
        for vote in self.rows.edges_slice(key as Index) {
            match vote.kind {
                VoteKind::Against => against.add(vote.weight),
                VoteKind::For | VoteKind::Bytes => {
                    flow.add(vote.weight);
                    count += 1;
                }
            }
        }
        self.out_weight[key] = flow.value();
        self.distrust[key] = against.value();
        self.votes_for[key] = count;
    }
}

fn vote(heard: Heard, epoch: Epoch, values: &Values) -> Option<Vote> {
    let fresh = |half_life: f64| {
        let age = heard.declared.map_or(0.0, |(_, time_ms)| epoch.age_days(time_ms));
        values.recency_floor + (1.0 - values.recency_floor) * fade(age, half_life)
    };
    let (level, evidence) = (heard.level(), heard.evidence);
    if level < 0.0 {
        Some(Vote {
            weight: heard.distrust(),
            fresh: fresh(values.recency_against_days),
            bin: 0,
            kind: VoteKind::Against,
        })
    } else if level > 0.0 {
        let fresh = fresh(values.recency_for_days);
        Some(Vote { weight: heard.flow(), fresh, bin: level_bin(level), kind: VoteKind::For })
    } else if evidence > 0.0 {
        Some(Vote { weight: heard.flow(), fresh: evidence, bin: level_bin(evidence), kind: VoteKind::Bytes })
    } else {
        None
    }
}

/// The roots of one scope: narrower ones replace those of every scope; follows that are duplicitous or that I
/// distrust in a statement of my own are none.
fn seats(graph: &TrustGraph, scope: Scope, epoch: Epoch, params: &Params) -> BTreeMap<Index, Seat> {
    let mut kinds: BTreeMap<Index, RootKind> = BTreeMap::new();
    for wanted in [Scope::All, scope] {
        let here = graph.roots.iter().filter(|((_, at), _)| *at == wanted);
        kinds.extend(here.map(|((key, _), kind)| (*key, *kind)));
    }
    if params.root_policy() == RootPolicy::Equal {
        let share = 1.0 / kinds.len().max(1) as f64;
        let seat = |kind| Seat { power: 1.0, share, silent: false, kind };
        return kinds.into_iter().map(|(key, kind)| (key, seat(kind))).collect();
    }
    let me = kinds.iter().find(|(_, kind)| **kind == RootKind::Me).map(|(key, _)| *key);
    kinds.retain(|key, _| {
        let blocked = me.and_then(|me| graph.links.edge_weight(me, *key)?.live(scope, epoch));
        Some(*key) == me || !(graph.zeroed.contains(key) || blocked.is_some_and(|said| said.level < 0.0))
    });
    let level_of = |kind: &RootKind| if let RootKind::Follow(level) = kind { level.value() } else { 0.0 };
    let levels: Sum = kinds.values().map(level_of).collect();
    let levels = levels.value();
    let own_share = if me.is_none() {
        0.0
    } else if levels > 0.0 {
        OWN_SHARE
    } else {
        1.0
    };
    let seat = |kind| match kind {
        RootKind::Me => Seat { power: 1.0, share: own_share, silent: false, kind },
        RootKind::Follow(level) => {
            Seat { power: level.value(), share: (1.0 - own_share) * level.value() / levels, silent: false, kind }
        }
        RootKind::FollowOnly(level) => Seat { power: level.value(), share: 0.0, silent: true, kind },
    };
    kinds.into_iter().map(|(key, kind)| (key, seat(kind))).collect()
}

/// Silence of every key. A key that never spoke is not silent but new: 0.
fn silence_days(graph: &TrustGraph, epoch: Epoch) -> Vec<f64> {
    let mut last: Vec<Option<u64>> = vec![None; graph.names.ids.len()];
    let mut hear = |key: Index, time_ms: u64| {
        let last = &mut last[key as usize];
        *last = (*last).max(Some(time_ms));
    };
    graph.last_seen_ms.iter().for_each(|(key, time_ms)| hear(*key, *time_ms));
    for (from, _, link) in graph.links.all_edges() {
        let live = link.said.iter().filter(|said| !epoch.is_past(said.expires_ms));
        live.for_each(|said| hear(from, said.time_ms));
    }
    last.into_iter().map(|time_ms| time_ms.map_or(0.0, |time_ms| epoch.age_days(time_ms))).collect()
}

#[cfg(test)]
mod tests {
    use super::level_bin;

    #[test]
    fn bins_hold_their_upper_end() {
        let bins: Vec<u8> = [0.001, 0.05, 0.051, 0.15, 0.2, 0.75, 1.0].into_iter().map(level_bin).collect();
        assert_eq!(bins, [0, 0, 1, 2, 3, 14, 19]);
    }
}
