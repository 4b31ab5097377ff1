//! Limits of sharing as typed, and what is wrong with them in one sentence.

use super::budget_args::{decimal, in_words, shown, size};
use crate::driver::Sharing;
use clap::Args;
use heirloom_core::command::CommandError;
use heirloom_core::seeding::Limits;
use std::num::NonZeroU32;

const HEADING: &str = "Sharing (a running node takes these over from `heirloom config set`)";

/// Slowest that a direction may be made, in bytes a second. Two blocks of 16 KiB: the engine asks for whole blocks, and
/// one that is larger than a second's worth would never come.
const RATE_MIN: u64 = 32 << 10;

/// How fast torrents may be, and how much is given.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct SharingArgs {
    /// Bytes a second that torrents may send, all together; or none for no limit
    #[arg(long, env = "HEIRLOOM_UPLOAD_LIMIT", default_value = "none", value_name = "SIZE")]
    pub upload_limit: String,
    /// Bytes a second that torrents may receive, all together; or none for no limit
    #[arg(long, env = "HEIRLOOM_DOWNLOAD_LIMIT", default_value = "none", value_name = "SIZE")]
    pub download_limit: String,
    /// How often its size is given of what you downloaded, such as 2 or 1.5; then it rests. What you publish never does.
    /// Or none for no limit
    #[arg(long, env = "HEIRLOOM_SEED_RATIO", default_value = "none", value_name = "RATIO")]
    pub seed_ratio: String,
    /// Bytes of downloads that are seeded at once; beyond it those rest of which most was given, and their files stay.
    /// Or none for no limit
    #[arg(long, env = "HEIRLOOM_SEED_BUDGET", default_value = "none", value_name = "SIZE")]
    pub seed_budget: String,
}

impl SharingArgs {
    /// The limits.
    ///
    /// # Errors
    /// One sentence that names the flag and what it may be.
    pub fn sharing(&self) -> Result<Sharing, CommandError> {
        read(&self.upload_limit, &self.download_limit, &self.seed_ratio, &self.seed_budget)
    }
}

/// The limits from their values.
///
/// # Errors
/// As above.
pub fn read(up: &str, down: &str, ratio: &str, budget: &str) -> Result<Sharing, CommandError> {
    Ok(Sharing {
        up: rate("--upload-limit", up)?,
        down: rate("--download-limit", down)?,
        limits: Limits { ratio_per_mille: per_mille(ratio)?, bytes: whole("--seed-budget", budget)? },
    })
}

fn bad(message: String) -> CommandError {
    CommandError::bad_input("bad_limit", message)
}

fn is_none(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("none")
}

fn whole(flag: &str, text: &str) -> Result<Option<u64>, CommandError> {
    if is_none(text) {
        return Ok(None);
    }
    let wrong = || bad(format!("{flag} {} is not a size: write it as 500kB, 20GiB, or none", shown(text)));
    size(text).map(Some).ok_or_else(wrong)
}

fn rate(flag: &str, text: &str) -> Result<Option<NonZeroU32>, CommandError> {
    let Some(bytes) = whole(flag, text)? else { return Ok(None) };
    let fits = u32::try_from(bytes).ok().filter(|_| bytes >= RATE_MIN).and_then(NonZeroU32::new);
    fits.map(Some).ok_or_else(|| {
        let least = in_words(RATE_MIN);
        bad(format!("{flag} {} is out of range: give {least} to 4000MB a second, or none for no limit", shown(text)))
    })
}

fn per_mille(text: &str) -> Result<Option<u64>, CommandError> {
    if is_none(text) {
        return Ok(None);
    }
    // Beyond a thousand times nobody counts.
    let ratio = decimal(text.trim(), 1000).filter(|ratio| *ratio <= 1_000_000);
    let wrong = || bad(format!("--seed-ratio {}: give a number from 0 to 1000, such as 1.5, or none", shown(text)));
    ratio.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_people_write_them() {
        assert_eq!(read("none", "None", " none ", "none"), Ok(Sharing::default()));
        let all = read("500kB", "2MiB", "1.5", "20GiB").expect("good");
        assert_eq!((all.up.map(NonZeroU32::get), all.down.map(NonZeroU32::get)), (Some(500_000), Some(2 << 20)));
        assert_eq!(all.limits, Limits { ratio_per_mille: Some(1500), bytes: Some(20 << 30) });
    }

    #[test]
    fn what_is_wrong_is_said_with_its_flag_and_range() {
        for (at, value) in
            [(0, "0"), (0, "31KiB"), (1, "5GB"), (1, "fast"), (0, "-1"), (2, "1001"), (2, "x"), (3, "2G")]
        {
            let mut all = ["none"; 4];
            all[at] = value;
            let error = read(all[0], all[1], all[2], all[3]).expect_err(value).message;
            let flag = ["--upload-limit", "--download-limit", "--seed-ratio", "--seed-budget"][at];
            assert!(error.contains(flag) && error.contains(value) && !error.contains('\n'), "{error}");
        }
    }
}
