//! Taking in what changed: pairs of keys and roots (§5 of the metric's description).

use std::collections::{BTreeMap, BTreeSet};

use crate::circle::{Shares, Slot};
use crate::fixed::Flow;
use crate::hearing::Vote;
use crate::journal::Change;
use crate::names::Index;
use crate::power::Power;
use crate::reach::passed_on;
use crate::scores::{Scores, TooMuch};
use crate::seats::{Seat, seats};
use crate::tally::Cast;
use crate::trust_graph::TrustGraph;

/// What was said between two keys before it changed: each pair once.
type Before = BTreeMap<(Index, Index), Option<Vote>>;

/// A pair of keys, and the vote of the first about the second before and after.
pub(crate) type Replaced = ((Index, Index), Option<Vote>, Option<Vote>);

impl Scores {
    /// Takes in every change since `version`. `Err` leaves the scores unusable: they must be computed anew.
    pub(crate) fn catch_up(&mut self, graph: &TrustGraph, version: u64) -> Result<(), TooMuch> {
        let Some(changes) = graph.journal().since(version) else { return Err(TooMuch) };
        let (mut before, mut are_roots_other) = (Before::new(), false);
        let me = self.my_index();
        for change in changes {
            match change {
                Change::Pair { from, to, edges, measured } => {
                    // A follow that I come to distrust is a root no more.
                    are_roots_other |= Some(*from) == me;
                    before.entry((*from, *to)).or_insert_with(|| self.hearing.vote(edges, measured));
                }
                Change::Roots => are_roots_other = true,
                Change::Zeroed => return Err(TooMuch),
            }
        }
        let mut changed: Vec<Replaced> = Vec::new();
        for ((from, to), before) in before.into_iter().filter(|((from, to), _)| from != to) {
            let after = self.hearing.vote_of(graph, from, to);
            if before != after && !self.circle.is_muted(from) {
                changed.push(((from, to), before, after));
            }
        }
        self.take_ratings(graph, &changed)?;
        for (pair, before, after) in &changed {
            self.take_pair(graph, *pair, *before, *after);
        }
        let rows: BTreeSet<Slot> = changed.iter().filter_map(|((from, _), ..)| self.circle.find(*from)).collect();
        for slot in rows {
            self.share_anew(graph, slot)?;
        }
        if are_roots_other {
            self.take_seats(graph)?;
        }
        self.work_off(graph, self.rounds.len())
    }

    /// Replaces one vote everywhere it counts, by the shares and the power in use.
    fn take_pair(&mut self, graph: &TrustGraph, (from, to): (Index, Index), before: Option<Vote>, after: Option<Vote>) {
        for round in 0..self.rounds.len() {
            let power = self.circle.find(to).map_or(Power::NONE, |to| self.power_in_use(round, to));
            let with_power = |vote: Option<Vote>| vote.map(|vote| (vote, power));
            self.replace_own_distrust(graph, round, from, (with_power(before), with_power(after)));
        }
        let Some(from) = self.circle.find(from) else { return };
        // Its N_u weighs its own distrust of the circle, so its gate may move.
        (0..self.rounds.len()).for_each(|round| self.touch_subject(round, from));
        let to = self.slot(graph, to);
        if let Some(voice) = self.circle.voice_mut(from) {
            before.iter().for_each(|vote| voice.totals.take(vote));
            after.iter().for_each(|vote| voice.totals.add(vote));
            let shares = voice.shares;
            for round in 0..self.rounds.len() {
                self.replace_edge(round, (from, to), (before, shares), (after, shares));
            }
        }
    }

    /// Replaces one edge in the flow and in the sums of one round.
    fn replace_edge(
        &mut self,
        round: usize,
        (from, to): (Slot, Slot),
        (before, old_shares): (Option<Vote>, Shares),
        (after, new_shares): (Option<Vote>, Shares),
    ) {
        let settled = self.rounds[round].flows[from as usize].settled;
        if self.circle.member(from).passes_on() && !settled.is_zero() {
            let flow = |vote: Option<Vote>, shares: Shares| {
                let vote = vote.filter(|vote| !vote.is_against());
                vote.map_or(Flow::ZERO, |vote| passed_on(settled, vote.weight, shares.flow))
            };
            let change = flow(after, new_shares) - flow(before, old_shares);
            if !change.is_zero() {
                self.rounds[round].flows[to as usize].inflow += change;
                self.touch_flow(round, to);
            }
        }
        let power = self.power_in_use(round, from);
        if !power.is_none() {
            let before = Cast::of(&self.hearing, before.as_ref(), power, old_shares);
            let after = Cast::of(&self.hearing, after.as_ref(), power, new_shares);
            self.replace_vote(round, (from, to), before, after);
        }
    }

    /// Reckons a row by its present totals if that makes a difference that matters; else it waits until the key's flow
    /// or power moves.
    fn share_anew(&mut self, graph: &TrustGraph, slot: Slot) -> Result<(), TooMuch> {
        let member = *self.circle.member(slot);
        let Some(voice) = self.circle.voice(slot) else { return Ok(()) };
        let (old, new) = (voice.shares, member.shares_of(&voice.totals, &self.hearing.values));
        let flow_moves = |flow: Flow| flow.value() * (new.flow - old.flow).abs();
        let vote_moves = |power: Power| {
            (power.for_ * (new.for_ - old.for_).abs()).max(power.against * (new.against - old.against).abs())
        };
        let matters = (0..self.rounds.len()).any(|round| {
            flow_moves(self.rounds[round].flows[slot as usize].settled) > self.hearing.values.reach_epsilon
                || vote_moves(self.power_in_use(round, slot)) > self.power_epsilon()
        });
        if let Some(voice) = self.circle.voice_mut(slot) {
            voice.is_stale = old != new;
        }
        if matters { self.share_now(graph, slot) } else { Ok(()) }
    }

    /// Reckons a row by its present totals. Nothing to do where that was done.
    pub(crate) fn share_now(&mut self, graph: &TrustGraph, slot: Slot) -> Result<(), TooMuch> {
        let member = *self.circle.member(slot);
        let Some(voice) = self.circle.voice(slot).filter(|voice| voice.is_stale) else { return Ok(()) };
        let (old, new) = (voice.shares, member.shares_of(&voice.totals, &self.hearing.values));
        let hearing = self.hearing;
        self.look_at(graph.row(member.key).len())?;
        for (to, vote) in hearing.row(graph, member.key) {
            let to = self.slot(graph, to);
            for round in 0..self.rounds.len() {
                self.replace_edge(round, (slot, to), (Some(vote), old), (Some(vote), new));
            }
        }
        if let Some(voice) = self.circle.voice_mut(slot) {
            (voice.shares, voice.is_stale) = (new, false);
        }
        Ok(())
    }

    /// Takes in that roots were added, dropped or weighed anew.
    fn take_seats(&mut self, graph: &TrustGraph) -> Result<(), TooMuch> {
        let new = seats(graph, &self.hearing, self.params.root_policy());
        let old = std::mem::replace(&mut self.seats, new.clone());
        let keys: BTreeSet<Index> = old.keys().chain(new.keys()).copied().collect();
        for key in keys {
            let (before, after) = (old.get(&key), new.get(&key));
            if before != after {
                self.take_seat(graph, key, before, after)?;
            }
        }
        Ok(())
    }

    fn take_seat(
        &mut self,
        graph: &TrustGraph,
        key: Index,
        before: Option<&Seat>,
        after: Option<&Seat>,
    ) -> Result<(), TooMuch> {
        let slot = self.slot(graph, key);
        let is_silent = |seat: Option<&Seat>| seat.is_some_and(|seat| seat.is_silent);
        if before.is_some() != after.is_some() || is_silent(before) != is_silent(after) {
            // Everything that the key says is taken out, so that it can be reckoned by other rules.
            for round in 0..self.rounds.len() {
                self.recast(graph, round, slot, Power::NONE)?;
                let settled = std::mem::take(&mut self.rounds[round].flows[slot as usize].settled);
                self.pass_on(graph, round, slot, (settled, Flow::ZERO))?;
            }
        }
        self.circle.seat(slot, after, &self.hearing.values);
        self.pending.powers.insert(slot);
        (0..self.rounds.len()).for_each(|round| self.touch_flow(round, slot));
        if before.is_some() != after.is_some() {
            // A root's gate is always open.
            (0..self.rounds.len()).for_each(|round| self.touch_subject(round, slot));
            self.rate_row(graph, key, after.is_some())?;
        }
        Ok(())
    }
}
