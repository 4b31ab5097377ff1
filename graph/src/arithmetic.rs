//! The arithmetic of one score, as numbers and as one line that a reader can check with a calculator.

use std::fmt;

use crate::formula::Sums;
use crate::ids::NodeId;
use crate::params::Values;
use crate::ruling::Ruling;

/// Bytes that one key measured from the explained key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Who received them.
    pub receiver: NodeId,
    /// How many count, after decay and the cap per release.
    pub bytes: f64,
    /// e_uv: weight of that evidence, in [0, γ].
    pub weight: f64,
}

/// Every number between the votes and a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Arithmetic {
    /// A: votes for, each times its level.
    pub praise: f64,
    /// B: votes against.
    pub against: f64,
    /// C: votes for.
    pub support: f64,
    /// Factor of the two-witness discount, already inside A and C, in [τ, 1].
    pub witness_factor: f64,
    /// e = C + λ B.
    pub evidence: f64,
    /// L = (A + k_L / 2) / (C + k_L), times nearness.
    pub mean_level: f64,
    /// What distance leaves of L, in [0, 1]; 1 unless [`Values::affinity`] counts.
    pub nearness: f64,
    /// k.
    pub evidence_scale: f64,
    /// λ.
    pub distrust_weight: f64,
    /// k_L.
    pub level_shrink: f64,
    /// s = (L C - λ B) e / (e² + k²), before dormancy and ruling.
    pub voted: f64,
    /// Days since the key's own last statement; 0 if it never made one, and for a release.
    pub silence_days: f64,
    /// What that silence leaves of a positive score, in [1 - δ, 1]; 1 where it takes nothing.
    pub dormancy: f64,
    /// The root's word that decided, if any.
    pub ruling: Option<Ruling>,
    /// Bytes measured from the key by keys with power, heaviest first. They widen the flow to it, and vote where
    /// their receiver declared nothing.
    pub measured: Vec<Measured>,
    /// The score shown.
    pub score: f64,
}

impl Arithmetic {
    pub(crate) fn new(sums: Sums, witness_factor: f64, nearness: f64, values: &Values) -> Self {
        let verdict = sums.verdict(nearness, values);
        Self {
            praise: sums.praise,
            against: sums.against,
            support: sums.support,
            witness_factor,
            evidence: verdict.evidence,
            mean_level: verdict.mean_level,
            nearness,
            evidence_scale: values.evidence_scale,
            distrust_weight: values.distrust_weight,
            level_shrink: values.level_shrink,
            voted: verdict.score,
            silence_days: 0.0,
            dormancy: 1.0,
            ruling: None,
            measured: Vec::new(),
            score: verdict.score,
        }
    }

    /// A + λ B: what the listed reasons share.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.praise + self.distrust_weight * self.against
    }
}

/// A number with at most five significant digits and no trailing zeros.
fn show(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let magnitude = libm::floor(libm::log10(number.abs()));
    if magnitude < -9.0 {
        return format!("{number:.2e}");
    }
    let decimals = (4.0 - magnitude).clamp(0.0, 14.0) as usize;
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turn = |level: f64| if level > 0.0 { "lifts it to at least" } else { "lowers it to at most" };
        match self {
            Self::OwnKey => write!(f, "my own key: 1"),
            Self::OwnFollow { level } => write!(f, "own follow sets it to {}", show(*level)),
            Self::OwnWord { level } => write!(f, "own word {} {}", turn(*level), show(*level)),
            Self::FollowWord { by, level } => {
                write!(f, "the word of followed {by} {} {}", turn(*level), show(*level))
            }
            Self::Duplicity => write!(f, "proven duplicity lowers it to at most 0"),
            Self::Unrated => write!(f, "a root is unrated: 0"),
        }
    }
}

impl fmt::Display for Arithmetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.evidence > 0.0 {
            let [praise, against, support] = [self.praise, self.against, self.support].map(show);
            let [evidence, level, scale] = [self.evidence, self.mean_level, self.evidence_scale].map(show);
            let [weight, shrink, half] = [self.distrust_weight, self.level_shrink, self.level_shrink / 2.0].map(show);
            write!(f, "e = C + λ·B = {support} + {weight}·{against} = {evidence}; ")?;
            write!(f, "L = (A + k_L/2)/(C + k_L) = ({praise} + {half})/({support} + {shrink})")?;
            if self.nearness < 1.0 {
                write!(f, " × nearness {}", show(self.nearness))?;
            }
            write!(f, " = {level}; ")?;
            write!(f, "s = (L·C − λ·B)·e/(e² + k²) = ")?;
            write!(f, "({level}·{support} − {weight}·{against})·{evidence}/({evidence}² + {scale}²) = ")?;
            write!(f, "{}", show(self.voted))?;
        } else {
            write!(f, "nobody with power speaks of it: s = 0")?;
        }
        if self.dormancy < 1.0 {
            let left = show(self.voted * self.dormancy);
            write!(f, "; silent for {} d: × {} = {left}", show(self.silence_days), show(self.dormancy))?;
        }
        if let Some(ruling) = self.ruling {
            write!(f, "; {ruling}")?;
        }
        write!(f, "; score {}", show(self.score))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (0.75, "0.75"),
            (10.0, "10"),
            (1.0 / 3.0, "0.33333"),
            (12345.678, "12346"),
            (2e-12, "2.00e-12"),
        ];
        for (number, text) in cases {
            assert_eq!(show(number), text);
        }
        assert_eq!(show(-0.000_123_456_7), "-0.00012346");
    }

    #[test]
    fn the_line_adds_up() {
        let sums = Sums { praise: 0.375, against: 0.01, support: 0.5 };
        let arithmetic = Arithmetic {
            ruling: Some(Ruling::OwnFollow { level: 0.75 }),
            score: 0.75,
            ..Arithmetic::new(sums, 1.0, 1.0, Params::strict().values())
        };
        assert_eq!(
            arithmetic.to_string(),
            "e = C + λ·B = 0.5 + 10·0.01 = 0.6; L = (A + k_L/2)/(C + k_L) = (0.375 + 0.015)/(0.5 + 0.03) = 0.73585; \
             s = (L·C − λ·B)·e/(e² + k²) = (0.73585·0.5 − 10·0.01)·0.6/(0.6² + 0.1²) = 0.43447; \
             own follow sets it to 0.75; score 0.75"
        );
    }
}
