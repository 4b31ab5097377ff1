//! The best path of trust from a root to each of some keys: where a voter's reach comes from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::ids::NodeId;
use crate::names::Index;
use crate::scored::Scored;

/// For each of `wanted` that any path reaches: the path from a root to it, both included, whose product of
/// (1 - α) gate M is largest. Dijkstra on -log; equal products by fewer hops, then by lower key.
pub(crate) fn best(scored: &Scored<'_>, wanted: &BTreeSet<Index>) -> BTreeMap<Index, Vec<NodeId>> {
    let Scored { scores, graph } = scored;
    let (values, state) = (scored.values(), scored.state());
    // Costs are never negative, so their bits order as they do.
    let mut heap: BinaryHeap<Reverse<(u64, u32, NodeId, Index)>> = BinaryHeap::new();
    let mut cheapest: BTreeMap<Index, (u64, u32, NodeId)> = BTreeMap::new();
    let mut before: BTreeMap<Index, Index> = BTreeMap::new();
    let mut settled: BTreeSet<Index> = BTreeSet::new();
    for root in scores.seats.keys() {
        let id = graph.id(*root);
        cheapest.insert(*root, (0, 0, id));
        heap.push(Reverse((0, 0, id, *root)));
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
        let Some(slot) = scored.slot(from).filter(|slot| scores.circle.member(*slot).passes_on()) else { continue };
        let share = scores.shares_in_use(graph, slot).flow;
        for (to, vote) in scores.hearing.row(graph, from).filter(|(_, vote)| !vote.is_against()) {
            let gate = scored.slot(to).map_or(1.0, |to| state.flows[to as usize].gate);
            let carried = (1.0 - values.stop_rate) * gate * vote.weight * share;
            if settled.contains(&to) || carried <= 0.0 {
                continue;
            }
            let total = (f64::from_bits(cost) - libm::log(carried)).to_bits();
            let candidate = (total, hops + 1, graph.id(from));
            if cheapest.get(&to).is_none_or(|known| candidate < *known) {
                cheapest.insert(to, candidate);
                before.insert(to, from);
                heap.push(Reverse((total, hops + 1, graph.id(to), to)));
            }
        }
    }
    let trace = |end: Index| {
        let steps = std::iter::successors(Some(end), |key| before.get(key).copied());
        let mut path: Vec<NodeId> = steps.map(|key| graph.id(key)).collect();
        path.reverse();
        path
    };
    wanted.iter().filter(|key| settled.contains(key)).map(|key| (*key, trace(*key))).collect()
}
