//! Settings of trust: what the owner may choose about the metric. They come in as a value when the core is opened, and
//! hold until it ends; where they are written down is not known here.

use heirloom_graph::{Params, Thresholds};
use std::fmt;
use std::str::FromStr;

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
}

impl TrustSettings {
    /// What the metric is computed with.
    #[must_use]
    pub fn params(&self) -> Params {
        self.preset.params().with_thresholds(self.thresholds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_strict_with_the_bands_of_the_metric() {
        assert_eq!(TrustSettings::default().params(), Params::strict());
        for preset in [Preset::Strict, Preset::Standard] {
            assert_eq!(preset.name().parse(), Ok(preset));
        }
        assert!("Strict".parse::<Preset>().is_err() && "".parse::<Preset>().is_err());
    }
}
