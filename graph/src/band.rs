//! Bands: what a reader is told instead of a number, and the thresholds between them.

use crate::scored::Score;

/// The five bands, best first. Lists are shown in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Band {
    /// Good score, and enough declared support close to me.
    Trusted,
    /// Good score, with some declared support: it comes through people I follow.
    Vouched,
    /// A positive score by measured bytes; nobody I trust vouches for it.
    Earned,
    /// Nothing said by anyone with power, or not enough.
    Unknown,
    /// A negative score, or blocked by me or by a key I follow.
    Distrusted,
}

impl std::fmt::Display for Band {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Trusted => "trusted",
            Self::Vouched => "vouched",
            Self::Earned => "earned",
            Self::Unknown => "unknown",
            Self::Distrusted => "distrusted",
        })
    }
}

/// The numbers that separate bands, unchecked: make a [`Thresholds`] of them.
///
/// Source: operating points in the metric's evaluation (score ≥ .2 with support ≥ .5 admitted no bad key and
/// .2 of 1,000 Sybils when five of the root's closest friends were fooled).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThresholdValues {
    /// Least score of trusted and vouched, in (0, 1].
    pub score: f64,
    /// Least declared support C° of trusted, > 0. One listing by a follow of level medium is enough.
    pub trusted_support: f64,
    /// Least declared support C° of vouched, > 0 and at most `trusted_support`.
    pub vouched_support: f64,
    /// Least score of earned where only others measured the bytes, in (0, 1]. Where a root did, any positive
    /// score is enough. Above 0, so that a ring cannot earn itself a band with invented receipts: the number
    /// of keys that reach a positive score is bounded, the number above 0 is not (P4).
    pub earned_score: f64,
    /// Scores below this are distrusted, in [-1, 0].
    pub distrusted_score: f64,
}

/// Thresholds that hold together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds(ThresholdValues);

/// Why thresholds were refused.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum ThresholdError {
    /// A value lies outside the range its documentation gives. Change that setting.
    #[error("threshold {name} is {value}, outside its range")]
    OutOfRange {
        /// Field of [`ThresholdValues`].
        name: &'static str,
        /// The refused value.
        value: f64,
    },
    /// Vouched would be harder to reach than trusted. Swap the two.
    #[error("vouched support {vouched} exceeds trusted support {trusted}")]
    Crossed {
        /// `vouched_support` as given.
        vouched: f64,
        /// `trusted_support` as given.
        trusted: f64,
    },
}

impl Default for Thresholds {
    fn default() -> Self {
        Self(ThresholdValues {
            score: 0.2,
            trusted_support: 0.5,
            vouched_support: 0.1,
            earned_score: 0.05,
            distrusted_score: -0.05,
        })
    }
}

/// What a band is decided from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub score: f64,
    pub declared: f64,
    pub evidence: f64,
    pub root_evidence: bool,
    pub blocked: bool,
}

impl Thresholds {
    /// Checks the ranges given in [`ThresholdValues`].
    ///
    /// # Errors
    /// [`ThresholdError`] names the value that is out of range.
    pub fn new(values: ThresholdValues) -> Result<Self, ThresholdError> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let ranges = [
            ("score", values.score, positive(values.score) && values.score <= 1.0),
            ("trusted_support", values.trusted_support, positive(values.trusted_support)),
            ("vouched_support", values.vouched_support, positive(values.vouched_support)),
            ("earned_score", values.earned_score, positive(values.earned_score) && values.earned_score <= 1.0),
            ("distrusted_score", values.distrusted_score, (-1.0..=0.0).contains(&values.distrusted_score)),
        ];
        if let Some((name, value, _)) = ranges.into_iter().find(|(_, _, fits)| !fits) {
            return Err(ThresholdError::OutOfRange { name, value });
        }
        if values.vouched_support > values.trusted_support {
            return Err(ThresholdError::Crossed { vouched: values.vouched_support, trusted: values.trusted_support });
        }
        Ok(Self(values))
    }

    /// The checked numbers.
    #[must_use]
    pub fn values(&self) -> &ThresholdValues {
        &self.0
    }

    /// The band of a score that bytes helped to reach `band`, given the score of the same subject without bytes.
    pub(crate) fn band_told(&self, band: Band, declared: Score) -> Band {
        match band {
            // What the word of a root decides needs no support.
            Band::Trusted | Band::Vouched if declared.band <= band => band,
            Band::Trusted | Band::Vouched => {
                let admitted = if declared.support >= self.0.trusted_support {
                    Band::Trusted
                } else if declared.support >= self.0.vouched_support {
                    Band::Vouched
                } else {
                    Band::Earned
                };
                admitted.max(band)
            }
            Band::Distrusted if declared.band != Band::Distrusted => Band::Unknown,
            band => band,
        }
    }

    pub(crate) fn band(&self, standing: Standing) -> Band {
        let Standing { score, declared, evidence, root_evidence, blocked } = standing;
        if blocked || score < self.0.distrusted_score {
            Band::Distrusted
        } else if score >= self.0.score && declared >= self.0.trusted_support {
            Band::Trusted
        } else if score >= self.0.score && declared >= self.0.vouched_support {
            Band::Vouched
        } else if evidence > 0.0 && score > 0.0 && (root_evidence || score >= self.0.earned_score) {
            Band::Earned
        } else {
            Band::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_that_cross_are_refused() {
        let good = *Thresholds::default().values();
        assert!(Thresholds::new(good).is_ok());
        assert!(Thresholds::new(ThresholdValues { vouched_support: 0.6, ..good }).is_err());
        assert!(Thresholds::new(ThresholdValues { score: f64::NAN, ..good }).is_err());
        assert!(Thresholds::new(ThresholdValues { distrusted_score: 0.1, ..good }).is_err());
    }

    #[test]
    fn invented_receipts_of_others_need_more_than_a_trace() {
        let trace = Standing { score: 0.01, declared: 0.0, evidence: 0.02, root_evidence: false, blocked: false };
        assert_eq!(Thresholds::default().band(trace), Band::Unknown);
        assert_eq!(Thresholds::default().band(Standing { root_evidence: true, ..trace }), Band::Earned);
    }
}
