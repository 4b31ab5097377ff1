//! The application score (P5) of one peer: what the core grants, less what the
//! adapter and the core took away. Pure; the time that passed is an argument.

use std::time::Duration;

use super::params;

/// Invariant: `0 <= favour <= FAVOUR_MAX` and `0 <= penalty <= PENALTY_MAX`, both finite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Standing {
    favour: f64,
    penalty: f64,
}

impl Standing {
    /// Replaces what the core grants. Not a number counts as nothing.
    pub fn set_favour(&mut self, points: f64) {
        self.favour = within(points, params::FAVOUR_MAX);
    }

    /// Takes points away. Not a number counts as nothing.
    pub fn penalise(&mut self, points: f64) {
        self.penalty = within(self.penalty + within(points, params::PENALTY_MAX), params::PENALTY_MAX);
    }

    /// Lets penalties fade: to a hundredth over [`params::PENALTY_FADE`], then to nothing.
    pub fn fade(&mut self, passed: Duration) {
        let left = params::DECAY_TO_ZERO.powf(passed.as_secs_f64() / params::PENALTY_FADE.as_secs_f64());
        self.penalty *= left;
        if self.penalty < params::DECAY_TO_ZERO {
            self.penalty = 0.0;
        }
    }

    /// P5 as gossipsub takes it.
    pub fn score(&self) -> f64 {
        self.favour - self.penalty
    }
}

/// `f64::clamp` would keep NaN.
fn within(points: f64, max: f64) -> f64 {
    if points.is_nan() { 0.0 } else { points.clamp(0.0, max) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn penalties_fade_and_favour_does_not() {
        let mut standing = Standing::default();
        standing.set_favour(200.0);
        standing.penalise(1000.0);
        assert!((standing.score() + 800.0).abs() < 1e-9);
        (0..3600).for_each(|_| standing.fade(Duration::from_secs(1)));
        assert!((standing.score() - 190.0).abs() < 0.1, "{}", standing.score());
        standing.fade(Duration::from_secs(4 * 3600));
        assert!((standing.score() - 200.0).abs() < 1e-9);
    }

    #[test]
    fn nonsense_changes_nothing_for_the_better() {
        let mut standing = Standing::default();
        standing.set_favour(f64::INFINITY);
        assert!((standing.score() - params::FAVOUR_MAX).abs() < 1e-9);
        standing.set_favour(f64::NAN);
        standing.penalise(f64::NAN);
        standing.penalise(-500.0);
        assert!(standing.score().abs() < 1e-9);
        standing.penalise(f64::INFINITY);
        standing.penalise(f64::MAX);
        assert!((standing.score() + params::PENALTY_MAX).abs() < 1e-9);
    }
}
