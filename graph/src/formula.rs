//! The score of one subject from its three sums (§2.2, point 6 of the metric).

use crate::epoch::fade;
use crate::params::Values;

/// The three sums of votes about one subject.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    /// A.
    pub praise: f64,
    /// B.
    pub against: f64,
    /// C.
    pub support: f64,
}

/// The score with its intermediate steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// e = C + λ B.
    pub evidence: f64,
    /// L = (A + k_L / 2) / (C + k_L), times nearness.
    pub mean_level: f64,
    /// s, in -1..=1.
    pub score: f64,
}

impl Sums {
    /// s = (L C - λ B) e / (e² + k²), where nearness scales L.
    pub(crate) fn verdict(&self, nearness: f64, values: &Values) -> Verdict {
        let distrust = values.distrust_weight * self.against;
        let evidence = self.support + distrust;
        let mean_level = nearness * (self.praise + 0.5 * values.level_shrink) / (self.support + values.level_shrink);
        let scale = values.evidence_scale;
        let score = (mean_level * self.support - distrust) * evidence / (evidence * evidence + scale * scale);
        Verdict { evidence, mean_level, score }
    }
}

/// What a key's distance leaves of its mean level: (1 - a) + a min(1, E1 π); 1 where affinity does not count.
pub(crate) fn nearness(reach: f64, values: &Values) -> f64 {
    1.0 - values.affinity * (1.0 - (values.near_slope * reach).min(1.0))
}

/// What a subject's silence leaves of a positive score: 1 - δ (1 - 2^-(d / H_d)).
pub(crate) fn dormancy(silence_days: f64, values: &Values) -> f64 {
    1.0 - values.dormancy_loss * (1.0 - fade(silence_days, values.dormancy_days))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    #[test]
    fn nobody_speaks_means_zero() {
        assert_eq!(Sums::default().verdict(1.0, Params::strict().values()).score, 0.0);
    }

    #[test]
    fn half_of_delta_is_lost_after_one_half_life() {
        assert_eq!(dormancy(0.0, Params::strict().values()), 1.0);
        assert!((dormancy(180.0, Params::strict().values()) - 0.7).abs() < 1e-12);
    }
}
