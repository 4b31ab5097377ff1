//! Power: how loudly each key votes, from its reach at two scales and its agreement with the roots
//! (§2.2, point 2 of the metric).

use crate::exact::Sum;
use crate::params::Values;
use crate::plan::{Plan, Vote, VoteKind};

/// Reach and power of every key.
#[derive(Clone, Debug)]
pub(crate) struct Power {
    /// π, in [0, 1]; sums to at most 1.
    pub reach: Vec<f64>,
    /// T+.
    pub for_: Vec<f64>,
    /// T-.
    pub against: Vec<f64>,
}

/// q = p - n of one vote.
fn signed(vote: &Vote) -> f64 {
    if vote.kind == VoteKind::Against { -vote.weight } else { vote.weight }
}

/// f: max(0, 1 + ρ_a Σ q z / (1 + Σ |q z|)), where z sums the roots' own ratings. In [0, 1 + ρ_a].
pub(crate) fn agreement(plan: &Plan, values: &Values) -> Vec<f64> {
    let mut rated = vec![Sum::default(); plan.len()];
    for root in plan.seats.keys() {
        plan.row(*root as usize).for_each(|(to, vote)| rated[to].add(signed(vote)));
    }
    let rated: Vec<f64> = rated.into_iter().map(Sum::value).collect();
    let factor = |key: usize| {
        let (mut sum, mut size) = (Sum::default(), Sum::default());
        for (to, vote) in plan.row(key).filter(|(to, _)| rated[*to] != 0.0) {
            let term = signed(vote) * rated[to];
            sum.add(term);
            size.add(term.abs());
        }
        (1.0 + values.agreement_gain * sum.value() / (1.0 + size.value())).max(0.0)
    };
    (0..plan.len()).map(factor).collect()
}

impl Power {
    /// T± = f (near + c± wide); a root's is its seat's; a duplicitous key has none.
    pub(crate) fn new(plan: &Plan, flow: Vec<f64>, agreement: &[f64], values: &Values) -> Self {
        let reach: Vec<f64> = flow.into_iter().map(|x| values.stop_rate * x).collect();
        let power = |wide_weight: f64| -> Vec<f64> {
            let of = |(pi, f): (&f64, &f64)| {
                f * ((values.near_slope * pi).min(1.0) + wide_weight * (values.wide_slope * pi).min(1.0))
            };
            let mut power: Vec<f64> = reach.iter().zip(agreement).map(of).collect();
            plan.seats.iter().for_each(|(key, seat)| power[*key as usize] = seat.power);
            plan.zeroed.iter().for_each(|key| power[*key as usize] = 0.0);
            power
        };
        let (for_, against) = (power(values.wide_weight_for), power(values.wide_weight_against));
        Self { reach, for_, against }
    }
}
