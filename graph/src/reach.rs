//! Reach: the conserved, leaky flow from the roots (§2.2, point 1 of the metric).

use crate::exact::Sum;
use crate::params::Values;
use crate::plan::{Plan, VoteKind};

/// Most waves of one flow. At α = .3 the flow falls below any epsilon in under 100; a smaller α is cut here.
const WAVES_MAX: u32 = 1000;

/// x: least fixed point of x = ρ + (1 - α) gate ∘ (Mᵀ x). π is α x.
///
/// Forward push in waves: every key whose waiting flow exceeds `reach_epsilon` passes it on; the inflow of a key is
/// summed exactly once a wave. So neither the numbering of keys nor the order of edges can change a bit.
pub(crate) fn flow(plan: &Plan, gate: &[f64], values: &Values) -> Vec<f64> {
    let mut settled = vec![0.0; plan.len()];
    let mut waiting = vec![0.0; plan.len()];
    let mut inflow = vec![Sum::default(); plan.len()];
    let mut active: Vec<usize> = Vec::new();
    for (key, seat) in &plan.seats {
        waiting[*key as usize] = seat.share;
        active.push(*key as usize);
    }
    let mut touched: Vec<usize> = Vec::new();
    for _ in 0..WAVES_MAX {
        for &from in &active {
            let pushed = waiting[from];
            if pushed <= values.reach_epsilon {
                continue;
            }
            waiting[from] = 0.0;
            settled[from] += pushed;
            if plan.is_silent(from) {
                continue;
            }
            for (to, vote) in plan.row(from).filter(|(_, vote)| vote.kind != VoteKind::Against) {
                if inflow[to].is_zero() {
                    touched.push(to);
                }
                inflow[to].add(pushed * plan.flow_share(from, vote, values));
            }
        }
        active.clear();
        for to in touched.drain(..) {
            // A key can be listed twice if its first terms vanished; then the second take adds 0.
            waiting[to] += (1.0 - values.stop_rate) * gate[to] * inflow[to].take();
            if waiting[to] > values.reach_epsilon {
                active.push(to);
            }
        }
        if active.is_empty() {
            break;
        }
    }
    settled.into_iter().zip(waiting).map(|(settled, waiting)| settled + waiting).collect()
}
