//! What is proven of a ring, computed on the honest graph with the attack edges as sinks: nothing that the ring says
//! can change it. And the check of a measured number against its bound, which remembers how close they came.
#![allow(clippy::print_stderr, reason = "the closest call of each bound is worth seeing, with --nocapture")]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use heirloom_graph::{Params, Values};
use proptest::test_runner::{TestCaseError, TestCaseResult};

use super::scored::Scored;
use super::web::{Web, id};

/// For rounding only.
pub const SLACK: f64 = 1e-9;

/// Bounds of one attack.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// φ: flow that enters the ring for the first time over the attack edges.
    pub phi: f64,
    /// g_eff: what the fooled keys' own votes can give the ring.
    pub direct: f64,
    /// σ+: slope of power in reach, for votes for.
    pub slope_for: f64,
    /// σ-: the same for votes against.
    pub slope_against: f64,
    values: Values,
}

/// The given parameters with one round, and with flow that is followed to the last bit.
pub fn first_round(params: &Params) -> Params {
    let values = Values { rounds: 1, reach_epsilon: 1e-18, ..*params.values() };
    Params::new(values).unwrap().with_root_policy(params.root_policy())
}

impl Bounds {
    /// `fooled` is the web with attack edges in which the ring is silent.
    pub fn new(fooled: &Web, ring: Range<u32>, params: &Params) -> Self {
        let v = *params.values();
        let graph = fooled.graph();
        let scores = Scored::today(&graph, &first_round(params));
        let slope = |wide: f64| (1.0 + v.agreement_gain) * (v.near_slope + wide * v.wide_slope);
        let (mut phi, mut direct) = (0.0, 0.0);
        for key in 0..fooled.keys {
            let row = fooled.row(key, &v);
            let attack = row.iter().filter(|(to, _)| ring.contains(to));
            let (edges, crossing) = attack.fold((0.0, 0.0), |(edges, sum), (_, weight)| (edges + 1.0, sum + weight));
            let reach = scores.key(&id(key)).reach;
            let out_weight: f64 = row.iter().map(|(_, weight)| weight).sum();
            phi += (1.0 - v.stop_rate) * reach / v.stop_rate * crossing / out_weight.max(v.out_weight_floor);
            let budget = (v.vote_budget / (row.len() as f64).max(1.0)).min(1.0);
            direct += edges * power_most(reach, &v) * budget;
        }
        // The same flow, seen where it arrives.
        let arrived: f64 = ring.map(|fake| scores.key(&id(fake)).reach).sum::<f64>() / v.stop_rate;
        assert!((phi - arrived).abs() < SLACK, "the flow over the attack edges arrives: {phi} {arrived}");
        Self {
            phi,
            direct,
            slope_for: slope(v.wide_weight_for),
            slope_against: slope(v.wide_weight_against),
            values: v,
        }
    }

    /// Most votes for the ring's keys together (P3).
    pub fn votes(&self) -> f64 {
        self.values.vote_budget * self.slope_for * self.phi + self.direct
    }

    /// Most of its keys that can score at least `least`, in (0, 1) (P4).
    pub fn count_with_score(&self, least: f64) -> f64 {
        self.votes() / (self.values.evidence_scale * (least / (1.0 - least)).sqrt())
    }

    /// Most that one subject can lose by the ring's votes against it, at given power (P7).
    pub fn slander_drop(&self) -> f64 {
        0.75 * self.values.distrust_weight / self.values.evidence_scale * self.slope_against * self.phi
    }

    /// Most that one subject can lose by the ring's faint praise, at a given calibration.
    pub fn faint_praise_drop(&self) -> f64 {
        self.slope_for * self.phi / (4.0 * self.values.evidence_scale)
    }
}

/// The most power that a key of this reach can have.
pub fn power_most(reach: f64, values: &Values) -> f64 {
    let near = (values.near_slope * reach).min(1.0);
    (1.0 + values.agreement_gain) * (near + values.wide_weight_for * (values.wide_slope * reach).min(1.0))
}

static CLOSEST: Mutex<BTreeMap<&str, f64>> = Mutex::new(BTreeMap::new());

/// Fails where `measured` exceeds `bound`; says so whenever they come closer than ever before.
pub fn at_most(what: &'static str, measured: f64, bound: f64) -> TestCaseResult {
    if measured.is_nan() || measured > bound + SLACK {
        return Err(TestCaseError::fail(format!("{what}: {measured:e} exceeds {bound:e}")));
    }
    if bound > 1e-6 {
        let mut closest = CLOSEST.lock().unwrap();
        let closest = closest.entry(what).or_default();
        if measured / bound > *closest + 0.005 {
            *closest = measured / bound;
            eprintln!("{what}: measured/bound {:.3}", *closest);
        }
    }
    Ok(())
}
