//! The circle: the keys that anything of mine reaches, or that somebody in it speaks of. Scores hold state for these
//! alone, so their cost follows the circle and not the network.

use std::collections::BTreeSet;

use crate::fixed::Total;
use crate::hearing::Vote;
use crate::names::Index;
use crate::params::Values;
use crate::seats::Seat;
use crate::trust_graph::TrustGraph;

/// Dense number of a key within the circle, in order of discovery. Never decides an order that can be seen.
pub(crate) type Slot = u32;

/// No slot.
const OUTSIDE: Slot = Slot::MAX;

/// What a key's row comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    /// W_u.
    pub flow: Total,
    /// N_u.
    pub distrust: Total,
    /// D_u.
    pub votes_for: u32,
}

impl Totals {
    pub(crate) fn of<'a>(row: impl Iterator<Item = &'a Vote>) -> Self {
        let mut totals = Self::default();
        row.for_each(|vote| totals.add(vote));
        totals
    }

    pub(crate) fn add(&mut self, vote: &Vote) {
        if vote.is_against() {
            self.distrust += Total::of(vote.weight);
        } else {
            self.flow += Total::of(vote.weight);
            self.votes_for += 1;
        }
    }

    pub(crate) fn take(&mut self, vote: &Vote) {
        if vote.is_against() {
            self.distrust -= Total::of(vote.weight);
        } else {
            self.flow -= Total::of(vote.weight);
            self.votes_for -= 1;
        }
    }

    /// min(1, ν / N_u), for roots too: it also weighs the key's own distrust of others.
    pub(crate) fn distrust_budget(&self, values: &Values) -> f64 {
        (values.vote_budget / self.distrust.value().max(1e-9)).min(1.0)
    }
}

/// What one edge of a row gets of its key's flow and votes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Shares {
    /// 1 / max(W_u, κ).
    pub flow: f64,
    /// min(1, ν / D_u); 1 for a root.
    pub for_: f64,
    /// min(1, ν / N_u); 1 for a root.
    pub against: f64,
}

/// One key of the circle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub key: Index,
    /// Place among the voices; `Slot::MAX` while it has passed on no flow and cast no vote.
    voice: Slot,
    /// Votes with the power of its seat, and without a budget.
    pub is_root: bool,
    /// A root that passes on no reach.
    pub is_silent: bool,
    /// Weighed 0 for duplicity: what it says counts as unsaid.
    pub is_muted: bool,
}

impl Member {
    pub(crate) fn shares_of(&self, totals: &Totals, values: &Values) -> Shares {
        let budget_for = (values.vote_budget / f64::from(totals.votes_for.max(1))).min(1.0);
        Shares {
            flow: 1.0 / totals.flow.value().max(values.out_weight_floor),
            for_: if self.is_root { 1.0 } else { budget_for },
            against: if self.is_root { 1.0 } else { totals.distrust_budget(values) },
        }
    }

    /// Whether flow that reaches it goes on.
    pub(crate) fn passes_on(&self) -> bool {
        !self.is_silent && !self.is_muted
    }

    /// Its place among the voices, if it is one.
    #[inline]
    pub(crate) fn voice(&self) -> Option<usize> {
        (self.voice != OUTSIDE).then_some(self.voice as usize)
    }
}

/// What is kept of a member whose row was looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice {
    pub totals: Totals,
    /// Shares by which its edges were last reckoned.
    pub shares: Shares,
    /// They lag behind the totals, by less than matters.
    pub is_stale: bool,
    /// f.
    pub agreement: f64,
}

/// The members by slot, and the slots by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Circle {
    slots: Vec<Slot>,
    pub members: Vec<Member>,
    pub voices: Vec<Voice>,
    muted: BTreeSet<Index>,
}

impl Circle {
    /// An empty circle in which `muted` will not be heard.
    pub(crate) fn new(muted: BTreeSet<Index>) -> Self {
        Self { slots: Vec::new(), members: Vec::new(), voices: Vec::new(), muted }
    }

    #[inline]
    pub(crate) fn find(&self, key: Index) -> Option<Slot> {
        self.slots.get(key as usize).copied().filter(|slot| *slot != OUTSIDE)
    }

    pub(crate) fn is_muted(&self, key: Index) -> bool {
        self.muted.contains(&key)
    }

    /// Takes a key in that is not a member yet.
    pub(crate) fn admit(&mut self, graph: &TrustGraph, key: Index) -> Slot {
        if self.slots.len() < graph.key_count() {
            self.slots.resize(graph.key_count(), OUTSIDE);
        }
        let slot = self.members.len() as Slot;
        self.slots[key as usize] = slot;
        self.members.push(Member {
            key,
            voice: OUTSIDE,
            is_root: false,
            is_silent: false,
            is_muted: self.muted.contains(&key),
        });
        slot
    }

    #[inline]
    pub(crate) fn member(&self, slot: Slot) -> &Member {
        &self.members[slot as usize]
    }

    #[inline]
    pub(crate) fn voice(&self, slot: Slot) -> Option<&Voice> {
        self.member(slot).voice().map(|at| &self.voices[at])
    }

    pub(crate) fn voice_mut(&mut self, slot: Slot) -> Option<&mut Voice> {
        self.member(slot).voice().map(|at| &mut self.voices[at])
    }

    /// Gives a member a seat, or takes it away. Its edges must not be reckoned anywhere when this happens.
    pub(crate) fn seat(&mut self, slot: Slot, seat: Option<&Seat>, values: &Values) {
        let member = &mut self.members[slot as usize];
        member.is_root = seat.is_some();
        member.is_silent = seat.is_some_and(|seat| seat.is_silent);
        let member = *member;
        if let Some(voice) = self.voice_mut(slot) {
            voice.shares = member.shares_of(&voice.totals, values);
            voice.is_stale = false;
        }
    }

    /// Makes a member a voice, with what its row comes to and how far it agrees with the roots.
    pub(crate) fn give_voice(&mut self, slot: Slot, totals: Totals, agreement: f64, values: &Values) {
        let voice = self.voices.len() as Slot;
        let member = &mut self.members[slot as usize];
        member.voice = voice;
        let shares = member.shares_of(&totals, values);
        self.voices.push(Voice { totals, shares, is_stale: false, agreement });
    }
}
