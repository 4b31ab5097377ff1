//! Settings of trust: what the owner may choose about the metric. They come in as a value when the core is opened, and
//! hold until it ends; where they are written down is not known here.

use heirloom_graph::{Params, Thresholds, Values};
use std::fmt;
use std::str::FromStr;

/// Flow below which a key passes nothing on, for each of its edges.
///
/// 1e-12: on an invented web of 5,000 keys and 50,000 statements scores are within 1e-7 of the exact ones, and within
/// 2e-7 of a full scoring after 200 changes by keys with power. COST: such a change took 5 ms there in the middle; at the
/// metric's own 1e-14 33 ms, at 1e-10 .6 ms with 2e-5.
const REACH_EPSILON: f64 = 1e-12;

/// Which numbers the metric runs with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// k = .1, ν = 20: halves what a ring can gain.
    #[default]
    Strict,
    /// k = .05, ν = 40: ranks a little better, and gives a ring twice as much.
    Standard,
}

/// The text is no preset. Write one of the two.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is not a preset of trust: use strict or standard")]
pub struct UnknownPreset {
    /// What was given.
    pub text: String,
}

impl Preset {
    /// The numbers.
    #[must_use]
    pub fn params(self) -> Params {
        match self {
            Self::Strict => Params::strict(),
            Self::Standard => Params::standard(),
        }
    }

    /// Name in settings and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Standard => "standard",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = [Self::Strict, Self::Standard].into_iter().find(|preset| preset.name() == text);
        found.ok_or_else(|| UnknownPreset { text: text.chars().take(40).collect() })
    }
}

/// How trust is measured and told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrustSettings {
    /// The metric's numbers.
    pub preset: Preset,
    /// Where the bands begin.
    pub thresholds: Thresholds,
    /// Whether receipts of what was received are made and published.
    pub shares_receipts: bool,
}

impl TrustSettings {
    /// What the metric is computed with.
    #[must_use]
    pub fn params(&self) -> Params {
        let preset = self.preset.params();
        let values = Values { reach_epsilon: REACH_EPSILON, ..*preset.values() };
        // The preset itself, were that number ever out of its range.
        Params::new(values).unwrap_or(preset).with_thresholds(self.thresholds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_strict_with_the_bands_of_the_metric() {
        let (node, preset) = (TrustSettings::default().params(), Params::strict());
        let same_accuracy = Values { reach_epsilon: preset.values().reach_epsilon, ..*node.values() };
        assert_eq!((same_accuracy, node.thresholds()), (*preset.values(), preset.thresholds()));
        assert!((node.values().reach_epsilon - REACH_EPSILON).abs() < f64::EPSILON * REACH_EPSILON);
        for preset in [Preset::Strict, Preset::Standard] {
            assert_eq!(preset.name().parse(), Ok(preset));
        }
        assert!("Strict".parse::<Preset>().is_err() && "".parse::<Preset>().is_err());
    }
}
