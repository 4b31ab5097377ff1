//! A web under attack: what the ring got, beside what it can have got at most. One method per theorem.

use heirloom_graph::{Band, Params, Score};
use proptest::test_runner::TestCaseResult;

use super::bounds::{Bounds, at_most};
use super::ring::Ring;
use super::scored::Scored;
use super::web::{Web, id};

pub struct Attacked {
    pub bounds: Bounds,
    pub fakes: Vec<Score>,
    praise: Vec<f64>,
}

impl Attacked {
    pub fn new(web: &Web, ring: &Ring, params: &Params) -> Self {
        let fooled = ring.fool(web);
        let bounds = Bounds::new(&fooled, ring.members(web), params);
        Self::with_bounds(&ring.speak(&fooled), ring, params, bounds)
    }

    /// Where many rings of one plan are measured against the same bounds.
    pub fn with_bounds(spoken: &Web, ring: &Ring, params: &Params, bounds: Bounds) -> Self {
        let graph = spoken.graph();
        let scores = Scored::today(&graph, params);
        let fakes: Vec<Score> = ring.members(spoken).map(|fake| scores.key(&id(fake))).collect();
        let shrink = params.values().level_shrink;
        let praise = |score: &Score| score.mean_level * (score.support_all + shrink) - 0.5 * shrink;
        Self { bounds, praise: fakes.iter().map(praise).collect(), fakes }
    }

    pub fn sum(&self, of: impl Fn(&Score) -> f64) -> f64 {
        self.fakes.iter().map(of).sum()
    }

    pub fn count(&self, of: impl Fn(&Score) -> bool) -> f64 {
        self.fakes.iter().filter(|score| of(score)).count() as f64
    }

    pub fn p1_reach(&self) -> TestCaseResult {
        at_most("P1 reach", self.sum(|score| score.reach), self.bounds.phi)
    }

    pub fn p2_power(&self) -> TestCaseResult {
        let Bounds { phi, slope_for, slope_against, .. } = self.bounds;
        at_most("P2 power for", self.sum(|score| score.power_for), slope_for * phi)?;
        at_most("P2 power against", self.sum(|score| score.power_against), slope_against * phi)
    }

    pub fn p3_votes(&self) -> TestCaseResult {
        for (score, praise) in self.fakes.iter().zip(&self.praise) {
            at_most("P3 praise is at most votes", *praise, score.support_all)?;
            at_most("P3 declared votes are votes", score.support, score.support_all)?;
        }
        at_most("P3 votes", self.sum(|score| score.support_all), self.bounds.votes())
    }

    pub fn p4_scores(&self) -> TestCaseResult {
        for least in [0.05, 0.2, 0.5, 0.8] {
            at_most("P4 count", self.count(|score| score.score >= least), self.bounds.count_with_score(least))?;
        }
        Ok(())
    }

    pub fn p4b_support(&self) -> TestCaseResult {
        for least in [0.05, 0.1, 0.5] {
            let count = self.count(|score| score.support_all >= least);
            at_most("P4b count", count, self.bounds.votes() / least)?;
        }
        let (trusted, vouched) = (self.count(|s| s.band == Band::Trusted), self.count(|s| s.band <= Band::Vouched));
        at_most("P4b trusted", trusted, self.bounds.votes() / 0.5)?;
        at_most("P4b vouched", vouched, self.bounds.votes() / 0.1)
    }

    pub fn all(&self) -> TestCaseResult {
        self.p1_reach()?;
        self.p2_power()?;
        self.p3_votes()?;
        self.p4_scores()?;
        self.p4b_support()
    }
}
