//! The best path of trust from a root to each of some keys: where a voter's reach comes from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::ids::NodeId;
use crate::params::Values;
use crate::plan::{Plan, VoteKind};

/// For each of `wanted` that any path reaches: the path from a root to it, both included, whose product of
/// (1 - α) gate M is largest. Dijkstra on -log; equal products by fewer hops, then by lower key.
pub(crate) fn best(
    plan: &Plan,
    gate: &[f64],
    values: &Values,
    wanted: &BTreeSet<usize>,
) -> BTreeMap<usize, Vec<NodeId>> {
    // Costs are never negative, so their bits order as they do.
    let mut heap: BinaryHeap<Reverse<(u64, u32, NodeId, usize)>> = BinaryHeap::new();
    let mut cheapest: BTreeMap<usize, (u64, u32, NodeId)> = BTreeMap::new();
    let mut before: BTreeMap<usize, usize> = BTreeMap::new();
    let mut settled: BTreeSet<usize> = BTreeSet::new();
    for root in plan.seats.keys() {
        let id = plan.names.id(*root);
        cheapest.insert(*root as usize, (0, 0, id));
        heap.push(Reverse((0, 0, id, *root as usize)));
    }
    let mut missing = wanted.len();
    while let Some(Reverse((cost, hops, _, from))) = heap.pop() {
        if missing == 0 {
            break;
        }
        if !settled.insert(from) {
            continue;
        }
        missing -= usize::from(wanted.contains(&from));
        if plan.is_silent(from) {
            continue;
        }
        for (to, vote) in plan.row(from).filter(|(_, vote)| vote.kind != VoteKind::Against) {
            let carried = (1.0 - values.stop_rate) * gate[to] * plan.flow_share(from, vote, values);
            if settled.contains(&to) || carried <= 0.0 {
                continue;
            }
            let total = (f64::from_bits(cost) - libm::log(carried)).to_bits();
            let candidate = (total, hops + 1, plan.names.id(from as u32));
            if cheapest.get(&to).is_none_or(|known| candidate < *known) {
                cheapest.insert(to, candidate);
                before.insert(to, from);
                heap.push(Reverse((total, hops + 1, plan.names.id(to as u32), to)));
            }
        }
    }
    let trace = |end: usize| {
        let steps = std::iter::successors(Some(end), |key| before.get(key).copied());
        let mut path: Vec<NodeId> = steps.map(|key| plan.names.id(key as u32)).collect();
        path.reverse();
        path
    };
    wanted.iter().filter(|key| settled.contains(key)).map(|key| (*key, trace(*key))).collect()
}
