//! This machine's clock: beside the files that it dated, and beside what others date their words.

use super::{Check, span};
use heirloom_proto::limits::FUTURE_MS_MAX;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How far a file may lie in the future: clocks are set right by so much at a start.
const FUTURE_MAX: Duration = Duration::from_secs(120);
/// Fewest networks that must have been heard. Of three the middle one is right while two are, and whoever has two networks of three
/// around a node has it alone anyway.
const NETWORKS_MIN: usize = 3;
/// How far this clock may be from the median, in milliseconds: half of what others put up with, see [`FUTURE_MS_MAX`], beyond
/// which they take nothing that is said here.
const APART_MS_MAX: u64 = FUTURE_MS_MAX / 2;

/// What others' words say about this clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Networks that were heard, each with one vote.
    pub networks: usize,
    /// By how much their median is ahead of this clock, in milliseconds; below 0 this clock is ahead.
    pub lead_ms: i64,
}

/// Looks at the newest file of the folder, and at what was heard.
pub(super) fn judge(root: &Path, now: SystemTime, heard: Heard) -> Check {
    let fix = "set this machine's clock right, best by NTP: what a node says with a wrong time others ignore";
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let newest = entries.filter_map(|entry| entry.metadata().ok()?.modified().ok()).max();
    if let Some(Ok(ahead)) = newest.map(|newest| newest.duration_since(now))
        && ahead > FUTURE_MAX
    {
        let detail = format!("files here were written {} in the future", span(ahead.as_secs()));
        return Check::new("clock", false, detail, fix);
    }
    let Heard { networks, lead_ms } = heard;
    if networks < NETWORKS_MIN {
        let why = format!(
            "{networks} of {NETWORKS_MIN} networks said something of late; it was not set back since files here were written"
        );
        return Check::unknown("clock", why);
    }
    let (apart_ms, is_behind) = (lead_ms.unsigned_abs(), lead_ms > 0);
    let way = if is_behind { "behind" } else { "ahead of" };
    let detail = format!("{} {way} the median of {networks} networks", span(apart_ms / 1000));
    Check::new("clock", apart_ms <= APART_MS_MAX, detail, fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_clock_that_was_set_back_is_seen() {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(folder.path().join("a"), "a").expect("written");
        let now = SystemTime::now();
        assert_eq!(judge(folder.path(), now, Heard::default()).verdict, Verdict::Unknown);
        let back = judge(folder.path(), now - Duration::from_secs(3 * 86_400), Heard { networks: 9, lead_ms: 0 });
        assert_eq!(back.verdict, Verdict::Amiss);
        assert!(back.detail.contains("days in the future"), "{}", back.detail);
    }

    #[test]
    fn a_clock_is_as_right_as_the_median_of_three_networks_and_more_says() {
        let folder = tempfile::tempdir().expect("folder");
        let of = |networks, lead_ms| judge(folder.path(), SystemTime::now(), Heard { networks, lead_ms });
        assert_eq!(of(2, 0).verdict, Verdict::Unknown);
        assert_eq!(of(3, 300_000).verdict, Verdict::Well);
        assert_eq!(of(3, -300_000).verdict, Verdict::Well);
        let behind = of(3, 300_001 + 420_000);
        assert_eq!(
            (behind.verdict, behind.detail.as_str()),
            (Verdict::Amiss, "12 min behind the median of 3 networks")
        );
        let ahead = of(7, i64::MIN);
        assert!(ahead.verdict == Verdict::Amiss && ahead.detail.contains("days ahead of"), "{}", ahead.detail);
        assert!(ahead.fix.contains("NTP"));
    }
}
