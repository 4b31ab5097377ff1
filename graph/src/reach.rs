//! Reach: the conserved, leaky flow from the roots (§2.2, point 1 of the metric).
//!
//! x is the least fixed point of x = ρ + (1 - α) gate ∘ (Mᵀ x), and π = α x. Each key remembers how much of its x it has
//! passed on; the inflow of a key is the exact sum of what was passed on to it. So x follows from inflow, gate and ρ
//! alone; a key whose x has moved by more than ε since it last passed on passes the difference on, be it up or down. From
//! nothing that is a forward push; after a change it is the repair.

use crate::circle::Slot;
use crate::fixed::Flow;
use crate::scores::{Scores, TooMuch};
use crate::trust_graph::TrustGraph;

/// Most waves of one flow. At α = .3 the flow falls below any epsilon in under 100; a smaller α is cut here.
const WAVES_MAX: u32 = 2000;

/// One key's flow in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current {
    /// Σ x_u M_uv over those who pass on to it.
    pub inflow: Flow,
    /// x as last passed on to others; 0 while the key is not heard.
    pub settled: Flow,
    /// What distrust leaves of the inflow, in (0, 1].
    pub gate: f64,
    /// It waits for its x to be looked at.
    is_pending: bool,
    /// Its x may have changed since power was last looked at.
    is_moved: bool,
}

impl Default for Current {
    fn default() -> Self {
        Self { inflow: Flow::ZERO, settled: Flow::ZERO, gate: 1.0, is_pending: false, is_moved: false }
    }
}

/// M_uv of one edge times the flow that its issuer passed on.
#[inline]
pub(crate) fn passed_on(settled: Flow, weight: f64, share: f64) -> Flow {
    Flow::of(settled.value() * (weight * share))
}

impl Scores {
    /// x of a member in one round.
    #[inline]
    pub(crate) fn flow(&self, round: usize, slot: Slot) -> Flow {
        let Current { inflow, gate, .. } = self.rounds[round].flows[slot as usize];
        let gated = Flow::of((1.0 - self.hearing.values.stop_rate) * gate * inflow.value());
        let member = self.circle.member(slot);
        if member.is_root { gated + self.start_of(member.key) } else { gated }
    }

    /// Has the flow of a member looked at when that round comes to rest.
    #[inline]
    pub(crate) fn touch_flow(&mut self, round: usize, slot: Slot) {
        let current = &mut self.rounds[round].flows[slot as usize];
        if !current.is_pending {
            current.is_pending = true;
            self.pending.flows[round].push(slot);
        }
    }

    /// Lets the flow of one round come to rest. Returns every member whose x may have changed.
    ///
    /// In waves: all that moved pass on what they had before the wave. So neither the numbering of keys nor the order
    /// of edges can change a bit.
    pub(crate) fn settle(&mut self, graph: &TrustGraph, round: usize) -> Result<Vec<Slot>, TooMuch> {
        let mut moved = Vec::new();
        let mut wave = Vec::new();
        let mut steps: Vec<(Slot, Flow, Flow)> = Vec::new();
        for _ in 0..WAVES_MAX {
            wave.clear();
            std::mem::swap(&mut wave, &mut self.pending.flows[round]);
            for &slot in &wave {
                let current = &mut self.rounds[round].flows[slot as usize];
                current.is_pending = false;
                if !std::mem::replace(&mut current.is_moved, true) {
                    moved.push(slot);
                }
                let settled = current.settled;
                let new = self.flow(round, slot);
                let new = if self.is_heard(new) { new } else { Flow::ZERO };
                if self.is_worth_passing(graph, slot, (settled, new)) {
                    self.share_now(graph, slot)?;
                    steps.push((slot, settled, new));
                    self.rounds[round].flows[slot as usize].settled = new;
                }
            }
            if steps.is_empty() {
                break;
            }
            for (slot, old, new) in steps.drain(..) {
                self.pass_on(graph, round, slot, (old, new))?;
            }
        }
        moved.iter().for_each(|slot| self.rounds[round].flows[*slot as usize].is_moved = false);
        Ok(moved)
    }

    /// Whether a difference is worth passing on: more than ε for each edge that it would be shared among, and more than
    /// the least that is heard; or the last of what was there.
    #[inline]
    fn is_worth_passing(&mut self, graph: &TrustGraph, slot: Slot, (settled, new): (Flow, Flow)) -> bool {
        let difference = new.distance(settled);
        if difference.is_zero() || new.is_zero() {
            return !difference.is_zero();
        }
        if !self.is_heard(difference) {
            return false;
        }
        let difference = difference.value() / self.hearing.values.reach_epsilon;
        // A row has no more votes than edges, so most rows need not be heard for this.
        difference > graph.row(self.circle.member(slot).key).len() as f64
            || difference > f64::from(self.votes_for(graph, slot))
    }

    /// Replaces what a member passes on.
    pub(crate) fn pass_on(
        &mut self,
        graph: &TrustGraph,
        round: usize,
        from: Slot,
        (old, new): (Flow, Flow),
    ) -> Result<(), TooMuch> {
        let member = *self.circle.member(from);
        if !member.passes_on() {
            return Ok(());
        }
        let mut votes = std::mem::take(&mut self.votes);
        let share = self.hear(graph, from, &mut votes).flow;
        self.look_at(votes.len())?;
        for (to, vote) in votes.iter().filter(|(_, vote)| !vote.is_against()) {
            let to = self.slot(graph, *to);
            let change = passed_on(new, vote.weight, share) - passed_on(old, vote.weight, share);
            self.rounds[round].flows[to as usize].inflow += change;
            self.touch_flow(round, to);
        }
        self.votes = votes;
        Ok(())
    }
}
