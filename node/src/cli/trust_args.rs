//! Settings of trust as typed, and what is wrong with them in one sentence.

use super::numbers::fraction;
use clap::Args;
use heirloom_core::command::CommandError;
use heirloom_core::{Preset, TrustSettings};
use heirloom_graph::{ThresholdError, ThresholdValues, Thresholds};

const HEADING: &str = "Trust (settings of the node; a running node keeps those it was started with)";

/// Which numbers trust is measured with, and where its bands begin.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct TrustArgs {
    /// strict, or standard: ranks a little better, and gives a ring of fake keys twice as much
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_TRUST_PRESET",
        default_value = "strict",
        value_name = "PRESET",
        hide_short_help = true
    )]
    pub trust_preset: String,
    /// Least score of trusted and vouched, above 0 and up to 1
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_TRUSTED_SCORE",
        value_name = "SCORE",
        allow_negative_numbers = true,
        value_parser = fraction,
        default_value_t = 0.2,
        hide_short_help = true
    )]
    pub trusted_score: f64,
    /// Least declared support of trusted
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_TRUSTED_SUPPORT",
        value_name = "VOTES",
        allow_negative_numbers = true,
        value_parser = fraction,
        default_value_t = 0.5,
        hide_short_help = true
    )]
    pub trusted_support: f64,
    /// Least declared support of vouched, at most that of trusted
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_VOUCHED_SUPPORT",
        value_name = "VOTES",
        allow_negative_numbers = true,
        value_parser = fraction,
        default_value_t = 0.1,
        hide_short_help = true
    )]
    pub vouched_support: f64,
    /// Least score of earned where only others received the bytes, above 0 and up to 1
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_EARNED_SCORE",
        value_name = "SCORE",
        allow_negative_numbers = true,
        value_parser = fraction,
        default_value_t = 0.05,
        hide_short_help = true
    )]
    pub earned_score: f64,
    /// Scores below this are distrusted, from -1 to 0
    #[arg(long, global = true, env = "HEIRLOOM_DISTRUSTED_BELOW", value_name = "SCORE", allow_negative_numbers = true,
        value_parser = fraction, default_value_t = -0.05, hide_short_help = true)]
    pub distrusted_below: f64,
    /// Publish, by week and rounded, how much you received of keys with 20 releases or more; no release is named
    #[arg(long, global = true, env = "HEIRLOOM_SHARE_RECEIPTS", hide_short_help = true)]
    pub share_receipts: bool,
}

impl TrustArgs {
    /// The settings, if they hold together.
    ///
    /// # Errors
    /// One sentence that names the flag and its range.
    pub fn settings(&self) -> Result<TrustSettings, CommandError> {
        let bad = |message: String| CommandError::bad_input("bad_trust_setting", message);
        let preset: Preset = self.trust_preset.parse().map_err(|error| bad(format!("--trust-preset: {error}")))?;
        let values = ThresholdValues {
            score: self.trusted_score,
            trusted_support: self.trusted_support,
            vouched_support: self.vouched_support,
            earned_score: self.earned_score,
            distrusted_score: self.distrusted_below,
        };
        let thresholds = Thresholds::new(values).map_err(|error| match error {
            ThresholdError::OutOfRange { name, value } => {
                let (flag, range) = flag_of(name);
                bad(format!("{flag} {value} is out of range: give a number {range}"))
            }
            ThresholdError::Crossed { vouched, trusted } => bad(format!(
                "--vouched-support {vouched} is more than --trusted-support {trusted}: vouched must be the easier to reach"
            )),
        })?;
        Ok(TrustSettings { preset, thresholds, shares_receipts: self.share_receipts })
    }
}

/// The flag of a threshold, and what it may be.
fn flag_of(threshold: &str) -> (&'static str, &'static str) {
    match threshold {
        "score" => ("--trusted-score", "above 0 and up to 1"),
        "trusted_support" => ("--trusted-support", "above 0"),
        "vouched_support" => ("--vouched-support", "above 0"),
        "earned_score" => ("--earned-score", "above 0 and up to 1"),
        _ => ("--distrusted-below", "from -1 to 0"),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::Parser as _;
    use heirloom_core::{Preset, TrustSettings};

    fn settings(flags: &[&str]) -> Result<TrustSettings, String> {
        let cli = Cli::try_parse_from(["heirloom", "status"].iter().chain(flags)).map_err(|error| error.to_string())?;
        cli.trust.settings().map_err(|error| error.message)
    }

    #[test]
    fn without_flags_they_are_the_defaults_of_the_core() {
        assert_eq!(settings(&[]), Ok(TrustSettings::default()));
        let standard = settings(&["--trust-preset", "standard", "--distrusted-below", "-0.5"]).expect("good");
        assert_eq!(standard.preset, Preset::Standard);
        assert!((standard.thresholds.values().distrusted_score + 0.5).abs() < 1e-12);
        assert!(!standard.shares_receipts && settings(&["--share-receipts"]).expect("good").shares_receipts);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_flag_and_range() {
        for (flag, value) in [
            ("--trusted-score", "NaN"),
            ("--trusted-score", "0"),
            ("--trusted-score", "1.1"),
            ("--trusted-support", "-1"),
            ("--trusted-support", "inf"),
            ("--vouched-support", "0"),
            ("--vouched-support", "0.6"),
            ("--earned-score", "2"),
            ("--distrusted-below", "0.1"),
            ("--distrusted-below", "-1.5"),
            ("--trust-preset", "lax"),
            ("--trusted-score", "much"),
        ] {
            let error = settings(&[flag, value]).expect_err("refused");
            assert!(error.contains(flag) && error.contains(value), "{flag} {value}: {error}");
        }
    }
}
