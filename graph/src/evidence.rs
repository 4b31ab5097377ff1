//! Measured bytes: what of them counts, and what weight it has as an edge (§2.1 of the metric).

use std::cmp::Reverse;

use crate::epoch::{Epoch, fade};
use crate::exact::Sum;
use crate::input::{DayBytes, Scope};
use crate::params::Values;

/// Measured bytes that count in `scope`, after decay and after the cap per release.
///
/// The cap takes the newest bytes of a release first. So older bytes never make newer ones count less, and what
/// counts still fades.
pub(crate) fn counted(measured: &[(Scope, DayBytes)], scope: Scope, epoch: Epoch, values: &Values) -> f64 {
    let here = measured.iter().filter(|(at, _)| *at == scope || *at == Scope::All).map(|(_, day)| day);
    // Bytes of no release are a release for each time. The newest first, and of one time all together.
    let of = |day: &DayBytes| (day.release, if day.release.is_none() { day.time_ms } else { 0 });
    let mut days: Vec<DayBytes> = here.copied().collect();
    days.sort_unstable_by_key(|day| (of(day), Reverse(day.time_ms)));
    let mut sum = Sum::default();
    for release in days.chunk_by(|a, b| of(a) == of(b)) {
        let mut left = values.release_bytes_max;
        for same_time in release.chunk_by(|a, b| a.time_ms == b.time_ms) {
            let bytes = same_time.iter().fold(0_u64, |bytes, day| bytes.saturating_add(day.bytes));
            let counted = bytes.min(left);
            left -= counted;
            sum.add(counted as f64 * fade(epoch.age_days(same_time[0].time_ms), values.byte_half_life_days));
        }
    }
    sum.value()
}

/// e = γ (1 - 2^-(bytes / B0)).
pub(crate) fn weight(bytes: f64, values: &Values) -> f64 {
    values.byte_gain * (1.0 - libm::exp2(-(bytes / values.byte_scale)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ReleaseId;
    use crate::params::Params;

    const DAY_MS: u64 = 86_400_000;
    const GIB: u64 = 1 << 30;

    fn bytes(time_ms: u64, bytes: u64, release: u8) -> (Scope, DayBytes) {
        (Scope::Seed, DayBytes { time_ms, bytes, release: Some(ReleaseId([release; 20])) })
    }

    fn count(measured: &[(Scope, DayBytes)], scope: Scope, day: u64) -> f64 {
        counted(measured, scope, Epoch::of(day * DAY_MS), Params::strict().values())
    }

    #[test]
    fn a_release_counts_one_gibibyte_and_four_give_half_of_gamma() {
        let one = [bytes(0, 7 * GIB, 1)];
        assert_eq!(count(&one, Scope::Seed, 0), GIB as f64);
        assert_eq!(count(&one, Scope::Catalogue, 0), 0.0);
        let four: Vec<_> = (0..4).map(|release| bytes(0, GIB, release)).collect();
        assert_eq!(weight(count(&four, Scope::Seed, 0), Params::strict().values()), 0.25);
    }

    #[test]
    fn bytes_halve_in_180_days_newest_first() {
        let old = bytes(0, GIB, 1);
        assert_eq!(count(&[old], Scope::Seed, 180), GIB as f64 / 2.0);
        assert_eq!(count(&[old, bytes(180 * DAY_MS, GIB, 1)], Scope::Seed, 180), GIB as f64);
    }
}
