//! Budgets as typed, and what is wrong with them in one sentence.

use super::trust_args::TrustArgs;
use crate::dht;
use crate::driver::Settings;
use clap::Args;
use heirloom_core::Budgets;
use heirloom_core::command::CommandError;

const HEADING: &str = "Budgets (settings of the node; a running node keeps those it was started with)";

/// Units of sizes, longest name first where one ends like another.
const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// What the node may cost.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct BudgetArgs {
    /// Bytes over libp2p a day (UTC), both ways together; from 80 % on only follows are pulled
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_BANDWIDTH_PER_DAY",
        default_value = "200MB",
        value_name = "SIZE",
        hide_short_help = true
    )]
    pub bandwidth_per_day: String,
    /// Bytes over the DHT a day, both ways together, about
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_DHT_BANDWIDTH_PER_DAY",
        default_value = "100MB",
        value_name = "SIZE",
        hide_short_help = true
    )]
    pub dht_bandwidth_per_day: String,
    /// Requests to DHT nodes a second, in the long run
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_DHT_QUERIES",
        default_value = "20",
        value_name = "N",
        hide_short_help = true
    )]
    pub dht_queries: String,
    /// Bytes on disk of all statements; over it strangers go first, then the lowest scores, then the oldest
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_DISK_QUOTA",
        default_value = "2GiB",
        value_name = "SIZE",
        hide_short_help = true
    )]
    pub disk_quota: String,
    /// Free bytes on the disk that only your own words may use; left out: 5 % of it, 1GiB at least
    #[arg(long, global = true, env = "HEIRLOOM_DISK_RESERVE", value_name = "SIZE", hide_short_help = true)]
    pub disk_reserve: Option<String>,
    /// Resident memory above which no connection is begun and strangers bring nothing; pages of files, which the system takes
    /// back when they are wanted, do not count
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_MEMORY_LIMIT",
        default_value = "400MiB",
        value_name = "SIZE",
        hide_short_help = true
    )]
    pub memory_limit: String,
    /// Share of one core that work for others may take on average, in percent
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_CPU_LIMIT",
        default_value = "5",
        value_name = "PERCENT",
        hide_short_help = true
    )]
    pub cpu_limit: String,
    /// Signatures verified a second for others
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_VERIFY_RATE",
        default_value = "4000",
        value_name = "N",
        hide_short_help = true
    )]
    pub verify_rate: String,
    /// Keys that are kept for their score, the best scored, beside those you follow
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_RATED_KEYS",
        default_value = "5000",
        value_name = "N",
        hide_short_help = true
    )]
    pub rated_keys: String,
    /// Bytes of statements kept of each of them, and of any one stranger
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_RATED_QUOTA",
        default_value = "64KiB",
        value_name = "SIZE",
        hide_short_help = true
    )]
    pub rated_quota: String,
    /// Bytes of statements kept of each key that you follow
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_FOLLOWED_QUOTA",
        default_value = "64MiB",
        value_name = "SIZE",
        hide_short_help = true
    )]
    pub followed_quota: String,
    /// Bytes of statements kept of all strangers together
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_STRANGERS_QUOTA",
        default_value = "16MiB",
        value_name = "SIZE",
        hide_short_help = true
    )]
    pub strangers_quota: String,
    /// Strangers' newest sequence numbers that are remembered, so that older statements stay out
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_STRANGERS_FLOORS",
        default_value = "200000",
        value_name = "N",
        hide_short_help = true
    )]
    pub strangers_floors: String,
}

impl BudgetArgs {
    /// The settings, with those of trust, if they hold together.
    ///
    /// # Errors
    /// One sentence that names the flag and what it may be.
    pub fn settings(&self, trust: &TrustArgs) -> Result<Settings, CommandError> {
        let budgets = Budgets {
            rated_keys: count("--rated-keys", &self.rated_keys, 1, 1_000_000)?,
            rated_bytes: bytes("--rated-quota", &self.rated_quota, 4 << 10, 1 << 30)?,
            followed_bytes: bytes("--followed-quota", &self.followed_quota, 64 << 10, 1 << 40)?,
            strangers_bytes: bytes("--strangers-quota", &self.strangers_quota, 16 << 10, 1 << 40)?,
            loose_floors: count("--strangers-floors", &self.strangers_floors, 100, 10_000_000)?,
            store_bytes: bytes("--disk-quota", &self.disk_quota, 1 << 20, 1 << 50)?,
            reserve_bytes: match &self.disk_reserve {
                Some(text) => Some(bytes("--disk-reserve", text, 0, 1 << 50)?),
                None => None,
            },
            traffic_per_day: bytes("--bandwidth-per-day", &self.bandwidth_per_day, 100_000, 1 << 50)?,
            memory_bytes: bytes("--memory-limit", &self.memory_limit, 64 << 20, 1 << 50)?,
            cpu_per_mille: per_mille("--cpu-limit", &self.cpu_limit)?,
            verifies_per_s: count("--verify-rate", &self.verify_rate, 10, 1_000_000)?,
        };
        if u64::try_from(budgets.strangers_bytes).unwrap_or(u64::MAX) > budgets.store_bytes {
            return Err(bad(format!(
                "--strangers-quota {} is more than --disk-quota {}: strangers may have a part of the store only",
                self.strangers_quota, self.disk_quota
            )));
        }
        let dht = dht::Limits {
            requests_per_s: count("--dht-queries", &self.dht_queries, 1, 1_000)?,
            bytes_per_day: bytes("--dht-bandwidth-per-day", &self.dht_bandwidth_per_day, 1_000_000, 1 << 40)?,
        };
        Ok(Settings { trust: trust.settings()?, budgets, dht })
    }
}

fn bad(message: String) -> CommandError {
    CommandError::bad_input("bad_budget", message)
}

/// A number within its range.
fn count<T: TryFrom<u64>>(flag: &str, text: &str, least: u64, most: u64) -> Result<T, CommandError> {
    let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
    let number = number.and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| bad(format!("{flag} {}: give a number from {least} to {most}", shown(text))))
}

/// A size within its range.
fn bytes<T: TryFrom<u64>>(flag: &str, text: &str, least: u64, most: u64) -> Result<T, CommandError> {
    let Some(size) = size(text) else {
        return Err(bad(format!("{flag} {} is not a size: write it as 200MB, 2GiB or a number of bytes", shown(text))));
    };
    let fits = (least..=most).contains(&size).then(|| T::try_from(size).ok()).flatten();
    fits.ok_or_else(|| {
        let (least, most) = (in_words(least), in_words(most));
        bad(format!("{flag} {} is out of range: give a size from {least} to {most}", shown(text)))
    })
}

/// Thousandths of a core.
fn per_mille(flag: &str, text: &str) -> Result<u32, CommandError> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let thousandths = decimal(number, 10).filter(|share| (1..=1_000).contains(share));
    thousandths
        .and_then(|share| u32::try_from(share).ok())
        .ok_or_else(|| bad(format!("{flag} {}: give a percentage of one core from 0.1 to 100", shown(text))))
}

/// What was typed, cut where it is no longer of help.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A size in bytes: digits, perhaps with a fraction, and perhaps a unit.
pub(super) fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let is_unit = |unit: &str| text.len() > unit.len() && text.is_char_boundary(text.len() - unit.len());
    for (unit, factor) in UNITS {
        if is_unit(unit) && text[text.len() - unit.len()..].eq_ignore_ascii_case(unit) {
            return decimal(text[..text.len() - unit.len()].trim_end(), factor);
        }
    }
    decimal(text, 1)
}

/// A decimal number times a factor, without a detour over floats; what is left of the last unit is cut off.
pub(super) fn decimal(text: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let mut sum = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    if !fraction.is_empty() {
        let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        let part = fraction.parse::<u128>().ok()? * u128::from(factor) / scale;
        sum = sum.checked_add(u64::try_from(part).ok()?)?;
    }
    Some(sum)
}

/// A size as one would type it.
pub(super) fn in_words(bytes: u64) -> String {
    let fits = |(_, factor): &&(&str, u64)| bytes >= *factor && bytes.is_multiple_of(*factor);
    let unit = UNITS.iter().filter(fits).max_by_key(|(_, factor)| *factor);
    unit.map_or_else(|| "0".to_owned(), |(unit, factor)| format!("{}{unit}", bytes / factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser as _;

    fn settings(flags: &[&str]) -> Result<Settings, String> {
        let cli = Cli::try_parse_from(["heirloom", "status"].iter().chain(flags)).map_err(|error| error.to_string())?;
        cli.budgets.settings(&cli.trust).map_err(|error| error.message)
    }

    #[test]
    fn without_flags_they_are_the_defaults_of_the_core() {
        assert_eq!(settings(&[]), Ok(Settings::default()));
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("1024", Some(1024)),
            ("200MB", Some(200_000_000)),
            ("200 mb", Some(200_000_000)),
            ("2GiB", Some(2 << 30)),
            ("1.5GiB", Some(3 << 29)),
            ("64KiB", Some(65_536)),
            ("7 B", Some(7)),
            ("0.5kB", Some(500)),
            ("", None),
            ("B", None),
            ("MB", None),
            (".5MB", None),
            ("-1MB", None),
            ("1e3", None),
            ("2G", None),
            ("two", None),
            ("99999999999999999999", None),
            ("99999999999TB", None),
            ("1.2.3MB", None),
            ("1\u{20ac}", None),
        ] {
            assert_eq!(size(text), bytes, "{text:?}");
        }
        assert_eq!((in_words(1 << 20), in_words(100_000), in_words(0)), ("1MiB".into(), "100kB".into(), "0".into()));
    }

    #[test]
    fn each_flag_reaches_its_budget() {
        let flags = [
            "--bandwidth-per-day=1GB",
            "--dht-bandwidth-per-day=50MB",
            "--dht-queries=7",
            "--disk-quota=64MiB",
            "--disk-reserve=0",
            "--memory-limit=128MiB",
            "--cpu-limit=2.5%",
            "--verify-rate=100",
            "--rated-keys=9",
            "--rated-quota=8KiB",
            "--followed-quota=1MiB",
            "--strangers-quota=32KiB",
            "--strangers-floors=1000",
        ];
        let budgets = Budgets {
            rated_keys: 9,
            rated_bytes: 8 << 10,
            followed_bytes: 1 << 20,
            strangers_bytes: 32 << 10,
            loose_floors: 1000,
            store_bytes: 64 << 20,
            reserve_bytes: Some(0),
            traffic_per_day: 1_000_000_000,
            memory_bytes: 128 << 20,
            cpu_per_mille: 25,
            verifies_per_s: 100,
        };
        let dht = dht::Limits { requests_per_s: 7, bytes_per_day: 50_000_000 };
        assert_eq!(settings(&flags), Ok(Settings { budgets, dht, ..Settings::default() }));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_flag_and_range() {
        for (flag, value) in [
            ("--bandwidth-per-day", "much"),
            ("--bandwidth-per-day", "1kB"),
            ("--dht-bandwidth-per-day", "-5MB"),
            ("--dht-queries", "0"),
            ("--dht-queries", "1.5"),
            ("--disk-quota", "2G"),
            ("--disk-quota", "10KiB"),
            ("--disk-reserve", "none"),
            ("--memory-limit", "1MiB"),
            ("--cpu-limit", "0"),
            ("--cpu-limit", "101%"),
            ("--verify-rate", "NaN"),
            ("--rated-keys", "0"),
            ("--rated-quota", "1B"),
            ("--followed-quota", ""),
            ("--strangers-quota", "3GiB"),
            ("--strangers-floors", "-1"),
        ] {
            let error = settings(&[&format!("{flag}={value}")]).expect_err("refused");
            assert!(error.contains(flag) && error.contains(value) && !error.contains('\n'), "{flag} {value}: {error}");
        }
    }
}
