//! The audit of a ring: how much a set of keys has, and the most it could gain, whatever those keys say.
//!
//! Symbols are those of the metric's description, §2 and §3 (P1, P3, P4b). Let S be the ring, none of it a root. An
//! *attack edge* is a positive vote of a key outside S about a key of S. All depends on what people outside S say:
//!
//! - φ, the flow that enters S: Σ (1 − α) x_u M_uv over the attack edges, in round 1 (gates 1), on the graph in
//!   which everything that S says is left out. A walk from my roots that stops with probability α at each key enters
//!   S with probability φ. So what is absorbed after it entered, inside S or behind it, is φ at most (P1), and later
//!   gates only lower it.
//! - σ+ = (1 + ρ_a)(E1 + c+ E2): the most votes that one unit of reach gives, since power is concave and agreement
//!   adds ρ_a at most. One key gives ν times its power at most.
//! - g_eff, the votes of the attack edges themselves: Σ (near + c+ wide)(1 + ρ_a) min(1, ν / D_u), with the reach
//!   that u has without the ring. What the ring adds to the reach of u passed through S first and is part of φ.
//!   For a root as issuer it is the power of its seat: roots have no budget.
//!
//! P3: the sum of C over S is ν σ+ φ + g_eff at most. P4b: so no more than (ν σ+ φ + g_eff) / c of its keys have a
//! support of c. Neither depends on how many keys there are, or on how they praise each other.
//!
//! **A root is outside the theorem**: it speaks with its own power, not with what flows to it, so no bound holds for a
//! ring that holds one, and a follow whose key was stolen is not a ring but a reason to unfollow.

use std::collections::{BTreeMap, BTreeSet};

use crate::band::Band;
use crate::exact::Sum;
use crate::ids::NodeId;
use crate::names::Index;
use crate::params::{Params, Values};
use crate::scored::{Score, Scored};
use crate::scores::Scores;

/// A positive vote of a key outside the ring about a key of the ring.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttackEdge {
    /// Who says it: somebody fooled, or somebody who belongs to the ring too.
    pub issuer: NodeId,
    /// The key of the ring.
    pub subject: NodeId,
    /// Level that was declared, in (0, 1]; 0 where there are only measured bytes.
    pub level: f64,
    /// Part of φ that enters here, in [0, 1]: what the ring has to pass on.
    pub flow: f64,
    /// Part of g_eff: the most that this vote itself counts, ≥ 0.
    pub votes_max: f64,
}

/// What a ring has, and what it can gain.
#[derive(Clone, Debug, PartialEq)]
pub struct Ring {
    /// Keys that were asked about, without [`Ring::roots`].
    pub keys: usize,
    /// How many of them anything was ever said or measured of.
    pub known: usize,
    /// Roots among the keys that were asked about: left out of the ring, since no bound holds for them.
    pub roots: Vec<NodeId>,
    /// Votes from outside that have power, those that let most flow in first.
    pub attack_edges: Vec<AttackEdge>,
    /// φ, in [0, 1].
    pub entering_flow: f64,
    /// g_eff ≥ 0.
    pub direct_votes_max: f64,
    /// Σ C over the ring as it is, ≥ 0.
    pub votes: f64,
    /// P3: ν σ+ φ + g_eff, the most that Σ C can become while nobody outside says more.
    pub votes_max: f64,
    /// How many keys of the ring stand in each band; every band is there.
    pub in_band: BTreeMap<Band, usize>,
    /// P4b: most keys of the ring that can be trusted.
    pub trusted_max: u64,
    /// P4b: most keys of the ring that can be vouched or better.
    pub vouched_max: u64,
}

/// σ+ = (1 + ρ_a)(E1 + c+ E2).
fn slope_for(values: &Values) -> f64 {
    (1.0 + values.agreement_gain) * (values.near_slope + values.wide_weight_for * values.wide_slope)
}

/// Most power that this reach can give, in [0, (1 + ρ_a)(1 + c+)].
fn power_max(reach: f64, values: &Values) -> f64 {
    let near = (values.near_slope * reach).min(1.0);
    let wide = (values.wide_slope * reach).min(1.0);
    (1.0 + values.agreement_gain) * (near + values.wide_weight_for * wide)
}

/// floor(votes / c), where a sum that is whole but for its last bits counts as whole.
fn most(votes: f64, support: f64) -> u64 {
    const LAST_BITS: f64 = 1e-9;
    (votes / support + LAST_BITS).floor() as u64
}

impl Scored<'_> {
    /// Audits a ring of keys. Roots among the keys are named in [`Ring::roots`] and otherwise treated as outside:
    /// refuse them before showing anything as a bound.
    ///
    /// φ and g_eff come from scores of their own, on a graph in which the ring is silent. So this costs one round of
    /// [`Scores::compute`] and a copy of the graph.
    #[must_use]
    pub fn ring(&self, ring: &BTreeSet<NodeId>) -> Ring {
        let values = self.values();
        let (roots, keys): (Vec<NodeId>, Vec<NodeId>) = ring.iter().copied().partition(|id| self.is_root_key(id));
        let known: Vec<Index> = keys.iter().filter_map(|id| self.graph.find(id)).collect();
        let mut silenced = self.graph.clone();
        known.iter().for_each(|key| silenced.zero(self.graph.id(*key)));
        let once = Params::new(Values { rounds: 1, ..*values }).unwrap_or(self.scores.params);
        let once = once.with_root_policy(self.scores.params.root_policy());
        let silenced = Scores::compute(&silenced, self.scores.scope(), self.scores.epoch(), &once);
        // Its keys have the numbers they have here.
        let silenced = Scored { scores: &silenced, graph: self.graph };
        let attack_edges = silenced.votes_from_outside(&known);

        let flow: Sum = known.iter().map(|key| silenced.reach(*key) / values.stop_rate).collect();
        let direct: Sum = attack_edges.iter().map(|edge| edge.votes_max).collect();
        let votes: Sum = known.iter().map(|key| self.tally(*key).sums.support).collect();
        let (entering_flow, direct_votes_max) = (flow.value(), direct.value());
        let votes_max = values.vote_budget * slope_for(values) * entering_flow + direct_votes_max;
        let bands = [Band::Trusted, Band::Vouched, Band::Earned, Band::Unknown, Band::Distrusted];
        let mut in_band = BTreeMap::from(bands.map(|band| (band, 0)));
        for Score { band, .. } in keys.iter().map(|id| self.key(id)) {
            *in_band.entry(band).or_default() += 1;
        }
        let thresholds = self.scores.params.thresholds().values();
        Ring {
            keys: keys.len(),
            known: known.len(),
            roots,
            attack_edges,
            entering_flow,
            direct_votes_max,
            votes: votes.value(),
            votes_max,
            in_band,
            trusted_max: most(votes_max, thresholds.trusted_support),
            vouched_max: most(votes_max, thresholds.vouched_support),
        }
    }

    /// The attack edges, where these scores are those of a graph in which the ring is silent.
    fn votes_from_outside(&self, ring: &[Index]) -> Vec<AttackEdge> {
        let (scores, graph, values) = (self.scores, self.graph, self.values());
        let in_ring: BTreeSet<Index> = ring.iter().copied().collect();
        let mut edges = Vec::new();
        for &to in ring {
            for from in graph.speakers_of(to).filter(|from| !in_ring.contains(from)) {
                let Some(slot) = self.slot(from) else { continue };
                let seat = scores.seats.get(&from);
                let power = seat.map_or_else(|| power_max(self.reach(from), values), |seat| seat.power);
                let vote = scores.hearing.vote_of(graph, from, to).filter(|vote| !vote.is_against());
                let Some(vote) = vote.filter(|_| power > 0.0 && !scores.circle.is_muted(from)) else { continue };
                let (shares, member) = (scores.shares_in_use(graph, slot), scores.circle.member(slot));
                let flow = scores.flow(self.last_round(), slot).value();
                let carried = (1.0 - values.stop_rate) * flow * vote.weight * shares.flow;
                edges.push(AttackEdge {
                    issuer: graph.id(from),
                    subject: graph.id(to),
                    level: scores.hearing.live(graph.pair(from, to)).map_or(0.0, |edge| edge.level()).max(0.0),
                    flow: if member.passes_on() { carried } else { 0.0 },
                    votes_max: power * shares.for_,
                });
            }
        }
        let name = |edge: &AttackEdge| (edge.issuer, edge.subject);
        edges.sort_by(|a, b| {
            b.flow.total_cmp(&a.flow).then(b.votes_max.total_cmp(&a.votes_max)).then(name(a).cmp(&name(b)))
        });
        edges
    }
}
