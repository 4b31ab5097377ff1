//! Casting votes: who has power speaks, and who gains or loses power speaks anew (§2.2, points 2 to 5 of the metric).

use crate::circle::{Shares, Slot, Totals};
use crate::fixed::Weight;
use crate::hearing::{Vote, VoteKind};
use crate::power::Power;
use crate::scores::{Scores, TooMuch};
use crate::tally::Cast;
use crate::trust_graph::TrustGraph;

impl Scores {
    /// Casts anew the votes of those candidates whose power moved.
    pub(crate) fn recast_changed(
        &mut self,
        graph: &TrustGraph,
        round: usize,
        candidates: &[Slot],
    ) -> Result<(), TooMuch> {
        let least = self.power_epsilon();
        for &slot in candidates {
            let old = self.power_in_use(round, slot);
            let new = self.power(round, slot);
            if new.differs(old, least) {
                self.recast(graph, round, slot, new)?;
            }
        }
        Ok(())
    }

    /// T of a member.
    fn power(&self, round: usize, slot: Slot) -> Power {
        let member = *self.circle.member(slot);
        if member.is_muted {
            return Power::NONE;
        }
        if member.is_root {
            let power = self.seats.get(&member.key).map_or(0.0, |seat| seat.power);
            return Power { for_: power, against: power };
        }
        let values = self.hearing.values;
        let flow = self.flow(round, slot);
        if !self.is_heard(flow) {
            return Power::NONE;
        }
        Power::new(values.stop_rate * flow.value(), self.agreement_of(slot), &values)
    }

    /// Replaces the power with which a member votes.
    pub(crate) fn recast(&mut self, graph: &TrustGraph, round: usize, from: Slot, new: Power) -> Result<(), TooMuch> {
        self.share_now(graph, from)?;
        let mut votes = std::mem::take(&mut self.votes);
        let shares = self.hear(graph, from, &mut votes);
        let Some(voice) = self.circle.member(from).voice() else { return Ok(()) };
        let old = std::mem::replace(&mut self.rounds[round].powers[voice], new);
        let key = self.circle.member(from).key;
        if !self.circle.member(from).is_muted {
            self.look_at(votes.len())?;
            for (to, vote) in &votes {
                let to = self.slot(graph, *to);
                let fresh = self.hearing.fresh(vote);
                let before = Cast::new(vote, fresh, old, shares);
                let after = Cast::new(vote, fresh, new, shares);
                self.replace_vote(round, (from, to), before, after);
            }
        }
        self.votes = votes;
        if old.against.to_bits() != new.against.to_bits() {
            for accuser in graph.accusers_of(key) {
                self.look_at(1)?;
                if let Some(vote) = self.hearing.vote_of(graph, accuser, key).filter(Vote::is_against) {
                    self.replace_own_distrust(graph, round, accuser, (Some((vote, old)), Some((vote, new))));
                }
            }
        }
        Ok(())
    }

    /// Replaces one vote in the sums of its subject.
    pub(crate) fn replace_vote(
        &mut self,
        round: usize,
        (from, to): (Slot, Slot),
        before: Option<Cast>,
        after: Option<Cast>,
    ) {
        if before == after {
            return;
        }
        let is_root = self.circle.member(from).is_root;
        let state = &mut self.rounds[round];
        let subject = &mut state.subjects[to as usize];
        let of = |kind| (Cast::weight_if(before.as_ref(), kind), Cast::weight_if(after.as_ref(), kind));
        let (for_before, for_after) = of(VoteKind::For);
        let (against_before, against_after) = of(VoteKind::Against);
        subject.against += against_after - against_before;
        if !is_root && subject.replace_witness(from, for_before, for_after) {
            self.pending.witnesses[round].insert(to);
        }
        let (bytes_before, bytes_after) = of(VoteKind::Bytes);
        if bytes_before != bytes_after {
            subject.note_more();
            let votes = state.byte_votes.entry(to).or_default();
            match after.filter(|_| !bytes_after.is_zero()) {
                Some(cast) => votes.insert(from, (cast.weight, cast.bin)),
                None => votes.remove(&from),
            };
            if votes.is_empty() {
                state.byte_votes.remove(&to);
            }
        }
        let declared = |cast: Option<Cast>| cast.filter(|cast| cast.kind == VoteKind::For);
        for (cast, is_after) in [(declared(before), false), (declared(after), true)] {
            let Some(Cast { weight, voice, bin, .. }) = cast else { continue };
            let subject = &mut state.subjects[to as usize];
            subject.add(to, bin, if is_after { weight } else { -weight }, &mut state.many_levels);
            state.heard_levels[usize::from(bin)] += if is_after { voice.units() } else { -voice.units() };
        }
        self.touch_subject(round, to);
    }

    /// Replaces what a key's own distrust of one member counts against it: n T- r, before budget and η.
    pub(crate) fn replace_own_distrust(
        &mut self,
        graph: &TrustGraph,
        round: usize,
        accuser: crate::names::Index,
        (before, after): (Option<(Vote, Power)>, Option<(Vote, Power)>),
    ) {
        if self.circle.is_muted(accuser) {
            return;
        }
        let hearing = self.hearing;
        let weigh = |held: Option<(Vote, Power)>| {
            held.filter(|(vote, _)| vote.is_against())
                .map_or(Weight::ZERO, |(vote, power)| Weight::of(vote.weight * hearing.fresh(&vote) * power.against))
        };
        let change = weigh(after) - weigh(before);
        if change.is_zero() {
            return;
        }
        let slot = self.slot(graph, accuser);
        self.rounds[round].subjects[slot as usize].note_more();
        let own = self.rounds[round].own_distrust.entry(slot).or_default();
        *own += change;
        if own.is_zero() {
            self.rounds[round].own_distrust.remove(&slot);
        }
        self.touch_subject(round, slot);
    }

    /// Looks for the largest votes that were lost from sight.
    pub(crate) fn find_witnesses(&mut self, graph: &TrustGraph, round: usize) {
        for to in std::mem::take(&mut self.pending.witnesses[round]) {
            let key = self.circle.member(to).key;
            self.rounds[round].subjects[to as usize].forget_witnesses();
            for speaker in graph.speakers_of(key) {
                let Some(from) = self.circle.find(speaker).filter(|from| !self.circle.member(*from).is_root) else {
                    continue;
                };
                let weight = self.cast(graph, round, (from, to)).filter(|cast| cast.kind == VoteKind::For);
                let weight = weight.map_or(Weight::ZERO, |cast| cast.weight);
                self.rounds[round].subjects[to as usize].replace_witness(from, Weight::ZERO, weight);
            }
            self.touch_subject(round, to);
        }
    }

    /// The vote of one member about another as it stands in the sums.
    pub(crate) fn cast(&self, graph: &TrustGraph, round: usize, (from, to): (Slot, Slot)) -> Option<Cast> {
        let power = self.power_in_use(round, from);
        let (voter, subject) = (self.circle.member(from), self.circle.member(to));
        if power.is_none() || voter.is_muted {
            return None;
        }
        let vote = self.hearing.vote_of(graph, voter.key, subject.key);
        Cast::of(&self.hearing, vote.as_ref(), power, self.shares_in_use(graph, from))
    }

    /// What a member's row comes to.
    pub(crate) fn totals(&self, graph: &TrustGraph, slot: Slot) -> Totals {
        let member = self.circle.member(slot);
        match self.circle.voice(slot) {
            Some(voice) => voice.totals,
            None if member.is_muted => Totals::default(),
            None => {
                let row: Vec<_> = self.hearing.row(graph, member.key).map(|(_, vote)| vote).collect();
                Totals::of(row.iter())
            }
        }
    }

    /// Shares by which a member's edges are reckoned.
    pub(crate) fn shares_in_use(&self, graph: &TrustGraph, slot: Slot) -> Shares {
        self.circle.voice(slot).map_or_else(
            || self.circle.member(slot).shares_of(&self.totals(graph, slot), &self.hearing.values),
            |voice| voice.shares,
        )
    }
}
