//! Votes: what everybody with power says of every key, summed (§2.2, points 3 to 5 of the metric).

use crate::exact::Sum;
use crate::params::Values;
use crate::plan::{LEVEL_BINS, Plan, VoteKind};
use crate::power::Power;

/// F: mid-quantile of each level bin among the positive statements of the circle.
pub(crate) type Calibration = [f64; LEVEL_BINS];

/// The sums behind every key's score.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// A: calibrated votes for.
    pub praise: Vec<f64>,
    /// B: votes against, and the subject's own distrust of my circle.
    pub against: Vec<f64>,
    /// C: votes for.
    pub support: Vec<f64>,
    /// C°: votes for by declared statements only.
    pub declared: Vec<f64>,
    /// Part of C that is votes by bytes alone.
    pub evidence: Vec<f64>,
    /// Whether a root measured bytes without declaring a level.
    pub root_evidence: Vec<bool>,
    /// Two-witness factor on the votes of each subject.
    pub witness_factor: Vec<f64>,
    pub calibration: Calibration,
}

/// Weights of votes for one subject, before the two-witness discount.
#[derive(Clone, Copy, Default)]
pub(crate) struct Witnesses {
    sum: Sum,
    largest: f64,
}

impl Witnesses {
    /// Adds a vote. A root needs no second witness, so its weight is never the one that is discounted.
    pub(crate) fn add(&mut self, weight: f64, is_root: bool) {
        self.sum.add(weight);
        if !is_root {
            self.largest = self.largest.max(weight);
        }
    }

    /// (C - (1 - τ) max) / C, or 1 where nobody speaks.
    pub(crate) fn factor(&self, values: &Values) -> f64 {
        let sum = self.sum.value();
        if sum > 0.0 { ((sum - (1.0 - values.lone_witness) * self.largest) / sum).max(0.0) } else { 1.0 }
    }

    /// The sum of the weights after the discount.
    pub(crate) fn discounted(&self, values: &Values) -> f64 {
        self.sum.value() * self.factor(values)
    }
}

/// T+ times budget.
pub(crate) fn voice_for(plan: &Plan, power: &Power, from: usize, values: &Values) -> f64 {
    power.for_[from] * plan.budget_for(from, values)
}

/// T- times budget.
pub(crate) fn voice_against(plan: &Plan, power: &Power, from: usize, values: &Values) -> f64 {
    power.against[from] * plan.budget_against(from, values)
}

/// η min(1, ν / N_v) Σ n_vu T-_u r-_vu: what a key's own distrust of my circle counts against it.
pub(crate) fn own_distrust(plan: &Plan, power: &Power, key: usize, values: &Values) -> f64 {
    let against = plan.row(key).filter(|(_, vote)| vote.kind == VoteKind::Against);
    let sum: Sum = against.map(|(to, vote)| vote.weight * vote.fresh * power.against[to]).collect();
    values.distruster_penalty * plan.distrust_budget(key, values) * sum.value()
}

impl Tally {
    pub(crate) fn new(plan: &Plan, power: &Power, values: &Values) -> Self {
        let count = plan.len();
        let mut all = vec![Witnesses::default(); count];
        let mut declared = vec![Witnesses::default(); count];
        let mut evidence = vec![Sum::default(); count];
        let mut root_evidence = vec![false; count];
        let mut against = vec![Sum::default(); count];
        let mut levels = [Sum::default(); LEVEL_BINS];
        let speakers: Vec<usize> =
            (0..count).filter(|key| power.for_[*key] > 0.0 || power.against[*key] > 0.0).collect();
        for &from in &speakers {
            let is_root = plan.is_root[from];
            let (for_, against_) = (voice_for(plan, power, from, values), voice_against(plan, power, from, values));
            for (to, vote) in plan.row(from) {
                match vote.kind {
                    VoteKind::For => {
                        all[to].add(for_ * vote.fresh, is_root);
                        declared[to].add(for_ * vote.fresh, is_root);
                        levels[usize::from(vote.bin)].add(for_);
                    }
                    VoteKind::Bytes => {
                        all[to].add(for_ * vote.fresh, is_root);
                        evidence[to].add(for_ * vote.fresh);
                        root_evidence[to] |= is_root;
                    }
                    VoteKind::Against => against[to].add(against_ * vote.fresh * vote.weight),
                }
            }
        }
        let calibration = calibrate(&levels, values);
        let mut praise = vec![Sum::default(); count];
        for &from in &speakers {
            let for_ = voice_for(plan, power, from, values);
            for (to, vote) in plan.row(from).filter(|(_, vote)| vote.kind != VoteKind::Against) {
                praise[to].add(for_ * vote.fresh * calibration[usize::from(vote.bin)]);
            }
        }
        let witness_factor: Vec<f64> = all.iter().map(|votes| votes.factor(values)).collect();
        let discount = |(sum, factor): (&Sum, &f64)| sum.value() * factor;
        Self {
            praise: praise.iter().zip(&witness_factor).map(discount).collect(),
            against: (0..count).map(|key| against[key].value() + own_distrust(plan, power, key, values)).collect(),
            support: all.iter().map(|votes| votes.discounted(values)).collect(),
            declared: declared.iter().map(|votes| votes.discounted(values)).collect(),
            evidence: evidence.iter().zip(&witness_factor).map(discount).collect(),
            root_evidence,
            witness_factor,
            calibration,
        }
    }

    /// The gate of the next round: (C + k_g) / (C + λ_g B + k_g); 1 for a root.
    pub(crate) fn gates(&self, plan: &Plan, values: &Values) -> Vec<f64> {
        let gate = |key: usize| {
            if plan.is_root[key] {
                return 1.0;
            }
            let open = self.support[key] + values.gate_scale;
            open / (open + values.gate_distrust * self.against[key])
        };
        (0..plan.len()).map(gate).collect()
    }
}

/// F(b) = (H_<b + h_b / 2 + W0 (b - .5) / bins) / (H + W0): "1.0 from people who always write 1.0 is average".
fn calibrate(levels: &[Sum; LEVEL_BINS], values: &Values) -> Calibration {
    let heard = levels.map(Sum::value);
    // Summed in order of level, which does not depend on any name.
    let total: f64 = heard.iter().sum();
    let mut below = 0.0;
    let mut calibration = [0.0; LEVEL_BINS];
    for (bin, quantile) in calibration.iter_mut().enumerate() {
        let prior = values.level_prior * (bin as f64 + 0.5) / LEVEL_BINS as f64;
        *quantile = (below + heard[bin] / 2.0 + prior) / (total + values.level_prior);
        below += heard[bin];
    }
    calibration
}
