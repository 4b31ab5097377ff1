//! Every number of the metric, with its symbol, reason and source.
//!
//! Symbols and proofs are those of the metric's description, Bounded-Flow Voting §2 and §3; figures named
//! "sensitivity" are its §4.

use crate::band::Thresholds;

/// One GiB in bytes.
const GIB: f64 = 1_073_741_824.0;

/// The numbers of the metric, unchecked: make [`Params`] of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values {
    /// α: share of the flow that stops at every key, in [.01, 1). Longer paths fade by 1 − α a hop; .2 won .003
    /// AUC and doubled what a targeted attack gains.
    pub stop_rate: f64,
    /// κ: least total out-weight a key's edges are divided by, > 0. A key with one edge passes on 1/κ of its
    /// flow, not all: this bounds a newcomer fooled once.
    pub out_weight_floor: f64,
    /// E1: slope of the near circle's power, > 0. Reach of 1/30 has full power.
    pub near_slope: f64,
    /// E2: slope of the wide circle's power, > 0. Wide votes let distant keys be ranked at all (Advogato .72 → .88).
    pub wide_slope: f64,
    /// c+: weight of the wide circle in votes for, in [0, 1].
    pub wide_weight_for: f64,
    /// c−: weight of the wide circle in votes against, in [0, 1]. Below c+: slander's slope falls from 495 to 180.
    pub wide_weight_against: f64,
    /// ν: number of votes a key can cast at full weight, ≥ 1. Bounds the number of keys one voter can lift.
    pub vote_budget: f64,
    /// ρ_a: most that agreement with the roots' own ratings adds to power, in [0, 1].
    pub agreement_gain: f64,
    /// η: how much a key's distrust of my circle counts against it, in [0, 1].
    pub distruster_penalty: f64,
    /// λ: weight of a vote against, relative to one for, > 0. 3 → 10 won .02 on the time split; 30 lost .02.
    pub distrust_weight: f64,
    /// k: evidence at which a verdict has half its size, > 0. The one real lever: .05 → .1 costs .004–.011 AUC
    /// and buys a third of the targeted Sybil share.
    pub evidence_scale: f64,
    /// k_L: pseudo-votes at the middle level, > 0. One vote does not make a level.
    pub level_shrink: f64,
    /// τ: factor on the largest single vote of a subject that is not a root's, in [0, 1]. "Two witnesses": halved
    /// what dense rings gain.
    pub lone_witness: f64,
    /// λ_g: weight of distrust in the gate that throttles flow through a distrusted key, ≥ 0.
    pub gate_distrust: f64,
    /// k_g: votes at which that gate begins to close, > 0.
    pub gate_scale: f64,
    /// Rounds of flow, vote, gate; ≥ 1. 2: distrusted keys lose reach once; more moves AUC by less than .01.
    pub rounds: u32,
    /// H+: half-life of a vote for, days, > 0.
    pub recency_for_days: f64,
    /// H−: half-life of a vote against, days, > 0. Longer than H+: distrust is remembered.
    pub recency_against_days: f64,
    /// Least recency, in [0, 1]. Old votes fade, never to 0.
    pub recency_floor: f64,
    /// δ: most of a positive score that a subject's silence takes, in [0, 1].
    pub dormancy_loss: f64,
    /// H_d: silence after which half of δ is lost, days, > 0.
    pub dormancy_days: f64,
    /// W0: pseudo-votes spread over all levels in the calibration, > 0. Bounds how far invented levels shift it.
    pub level_prior: f64,
    /// a: how far a key's nearness scales its mean level, in [0, 1]. 0 but in [`Params::unsigned`]: where nobody says
    /// more than "I know this key", levels tell nothing, and what can be foretold is who is near (Debian's keyring:
    /// .81 → .89). It only lowers scores, so every bound holds.
    pub affinity: f64,
    /// γ: largest weight of an edge of bytes alone, in [0, 1]. Half of a full attestation: bandwidth can be bought.
    pub byte_gain: f64,
    /// B0: bytes after which evidence reaches half of γ, > 0. 4 GiB: about two films.
    pub byte_scale: f64,
    /// Half-life of measured bytes, days, > 0.
    pub byte_half_life_days: f64,
    /// Most bytes that count for one release. 1 GiB: one large file must not look like many kept promises.
    pub release_bytes_max: u64,
    /// ε: flow below which a key passes nothing on, for each of its edges, > 0. 1e-14 keeps scores within 1e-8 of the exact fixed point on
    /// the research graphs.
    pub reach_epsilon: f64,
}

/// How roots are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootPolicy {
    /// A node's rule: half of the reach is mine, follows share the rest by level and vote with their level;
    /// my key scores 1, a follow its level.
    Personal,
    /// The reference implementation's rule: equal shares, power 1 for all, roots themselves score 0.
    Equal,
}

/// Checked parameters of the metric. The default is [`Params::strict`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    values: Values,
    thresholds: Thresholds,
    root_policy: RootPolicy,
}

/// Why parameters were refused: `name` lies outside the range that [`Values`] documents. Change that setting.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
#[error("parameter {name} is {value}, outside its range")]
pub struct ParamsError {
    /// Field of [`Values`].
    pub name: &'static str,
    /// The refused value.
    pub value: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self::strict()
    }
}

impl Params {
    /// The default preset: k = .1, ν = 20. Halves what a ring can gain, for .004–.011 AUC.
    #[must_use]
    pub fn strict() -> Self {
        let values = Values { vote_budget: 20.0, evidence_scale: 0.1, ..Self::standard().values };
        Self { values, ..Self::standard() }
    }

    /// For webs whose statements have one level only and no distrust, such as certifications of keys: the strict preset,
    /// ranked by nearness.
    #[must_use]
    pub fn unsigned() -> Self {
        let values = Values { affinity: 1.0, ..Self::strict().values };
        Self { values, ..Self::strict() }
    }

    /// The preset with the best ranking: k = .05, ν = 40.
    #[must_use]
    pub fn standard() -> Self {
        let values = Values {
            stop_rate: 0.3,
            out_weight_floor: 10.0,
            near_slope: 30.0,
            wide_slope: 3000.0,
            wide_weight_for: 0.1,
            wide_weight_against: 0.03,
            vote_budget: 40.0,
            agreement_gain: 0.5,
            distruster_penalty: 0.1,
            distrust_weight: 10.0,
            evidence_scale: 0.05,
            level_shrink: 0.03,
            lone_witness: 0.5,
            gate_distrust: 3.0,
            gate_scale: 0.3,
            rounds: 2,
            recency_for_days: 120.0,
            recency_against_days: 365.0,
            recency_floor: 0.1,
            dormancy_loss: 0.6,
            dormancy_days: 180.0,
            level_prior: 1.0,
            affinity: 0.0,
            byte_gain: 0.5,
            byte_scale: 4.0 * GIB,
            byte_half_life_days: 180.0,
            release_bytes_max: 1 << 30,
            reach_epsilon: 1e-14,
        };
        Self { values, thresholds: Thresholds::default(), root_policy: RootPolicy::Personal }
    }

    /// Checks the ranges given in [`Values`]; default thresholds, [`RootPolicy::Personal`].
    ///
    /// # Errors
    /// [`ParamsError`] names the first value out of range.
    pub fn new(values: Values) -> Result<Self, ParamsError> {
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let v = &values;
        let checks = [
            ("stop_rate", v.stop_rate, (0.01..1.0).contains(&v.stop_rate)),
            ("out_weight_floor", v.out_weight_floor, positive(v.out_weight_floor)),
            ("near_slope", v.near_slope, positive(v.near_slope)),
            ("wide_slope", v.wide_slope, positive(v.wide_slope)),
            ("wide_weight_for", v.wide_weight_for, share(v.wide_weight_for)),
            ("wide_weight_against", v.wide_weight_against, share(v.wide_weight_against)),
            ("vote_budget", v.vote_budget, v.vote_budget >= 1.0 && v.vote_budget.is_finite()),
            ("agreement_gain", v.agreement_gain, share(v.agreement_gain)),
            ("distruster_penalty", v.distruster_penalty, share(v.distruster_penalty)),
            ("distrust_weight", v.distrust_weight, positive(v.distrust_weight)),
            ("evidence_scale", v.evidence_scale, positive(v.evidence_scale)),
            ("level_shrink", v.level_shrink, positive(v.level_shrink)),
            ("lone_witness", v.lone_witness, share(v.lone_witness)),
            ("gate_distrust", v.gate_distrust, v.gate_distrust >= 0.0 && v.gate_distrust.is_finite()),
            ("gate_scale", v.gate_scale, positive(v.gate_scale)),
            ("rounds", f64::from(v.rounds), v.rounds >= 1),
            ("recency_for_days", v.recency_for_days, positive(v.recency_for_days)),
            ("recency_against_days", v.recency_against_days, positive(v.recency_against_days)),
            ("recency_floor", v.recency_floor, share(v.recency_floor)),
            ("dormancy_loss", v.dormancy_loss, share(v.dormancy_loss)),
            ("dormancy_days", v.dormancy_days, positive(v.dormancy_days)),
            ("level_prior", v.level_prior, positive(v.level_prior)),
            ("affinity", v.affinity, share(v.affinity)),
            ("byte_gain", v.byte_gain, share(v.byte_gain)),
            ("byte_scale", v.byte_scale, positive(v.byte_scale)),
            ("byte_half_life_days", v.byte_half_life_days, positive(v.byte_half_life_days)),
            ("reach_epsilon", v.reach_epsilon, positive(v.reach_epsilon) && v.reach_epsilon < 1e-3),
        ];
        match checks.into_iter().find(|(_, _, fits)| !fits) {
            Some((name, value, _)) => Err(ParamsError { name, value }),
            None => Ok(Self { values, ..Self::standard() }),
        }
    }

    /// The same metric with other bands.
    #[must_use]
    pub fn with_thresholds(self, thresholds: Thresholds) -> Self {
        Self { thresholds, ..self }
    }

    /// The same metric with another weighing of roots.
    #[must_use]
    pub fn with_root_policy(self, root_policy: RootPolicy) -> Self {
        Self { root_policy, ..self }
    }

    /// The checked numbers.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The thresholds between bands.
    #[must_use]
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// How roots are weighed.
    #[must_use]
    pub fn root_policy(&self) -> RootPolicy {
        self.root_policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_pass_their_own_check() {
        for preset in [Params::strict(), Params::standard(), Params::unsigned()] {
            assert_eq!(Params::new(*preset.values()), Ok(preset));
        }
        assert_eq!(Params::default(), Params::strict());
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let values = Values { stop_rate: 1.0, ..*Params::strict().values() };
        assert_eq!(Params::new(values), Err(ParamsError { name: "stop_rate", value: 1.0 }));
        let values = Values { evidence_scale: f64::NAN, ..*Params::strict().values() };
        assert!(Params::new(values).is_err_and(|e| e.name == "evidence_scale"));
    }
}
