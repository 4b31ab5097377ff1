//! The day a score is of. Time enters the graph here and nowhere else, as an argument.

/// Milliseconds of one day.
const DAY_MS: u64 = 24 * 3600 * 1000;

/// The moment at which ages and expiry are judged.
///
/// A node uses [`Epoch::of`], the start of the UTC day, so that scores are constant inside a day (P16 of the
/// metric). The other two makers exist for comparison with the reference implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch {
    // None: nothing ages and nothing expires.
    now_ms: Option<u64>,
}

impl Epoch {
    /// The start of the UTC day that contains `now_ms` (Unix milliseconds).
    #[must_use]
    pub fn of(now_ms: u64) -> Self {
        Self { now_ms: Some(now_ms - now_ms % DAY_MS) }
    }

    /// Exactly `now_ms`, not rounded to a day: the reference implementation judges at its newest time.
    #[must_use]
    pub fn exactly(now_ms: u64) -> Self {
        Self { now_ms: Some(now_ms) }
    }

    /// No time at all: for data without real times. Nothing ages, nothing expires.
    #[must_use]
    pub fn ageless() -> Self {
        Self { now_ms: None }
    }

    /// Age in days, fractional, never negative (a time in the future has age 0).
    #[must_use]
    pub fn age_days(self, time_ms: u64) -> f64 {
        self.now_ms.map_or(0.0, |now| now.saturating_sub(time_ms) as f64 / DAY_MS as f64)
    }

    /// Whether something that expires at `expires_ms` (if ever) no longer counts. Days are not divided: it counts
    /// until the end of that day.
    #[must_use]
    pub fn is_past(self, expires_ms: Option<u64>) -> bool {
        self.is_day_past(Day::by(expires_ms))
    }

    #[inline]
    pub(crate) fn is_day_past(self, day: Day) -> bool {
        day != Day::NEVER && self.now_ms.is_some_and(|now| u64::from(day.0) * DAY_MS <= now)
    }
}

/// A day on which something expires, counted from 1970: what expires during a day counts until that day has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub u16);

impl Day {
    /// Never, as far as this century and the next know.
    pub(crate) const NEVER: Self = Self(u16::MAX);

    /// The day by which `expires_ms` (Unix milliseconds) has passed.
    pub(crate) fn by(expires_ms: Option<u64>) -> Self {
        let last = u64::from(u16::MAX) - 1;
        expires_ms.map_or(Self::NEVER, |expires_ms| Self(expires_ms.div_ceil(DAY_MS).min(last) as u16))
    }
}

/// 2^-(age / half-life): 1 when new, 1/2 after one half-life. By `libm`, so every machine agrees to the bit.
pub(crate) fn fade(age_days: f64, half_life_days: f64) -> f64 {
    libm::exp2(-(age_days / half_life_days))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_epoch() {
        assert_eq!(Epoch::of(DAY_MS), Epoch::of(2 * DAY_MS - 1));
        assert_ne!(Epoch::of(DAY_MS), Epoch::of(2 * DAY_MS));
    }

    #[test]
    fn the_future_has_age_zero() {
        assert_eq!(Epoch::of(DAY_MS).age_days(5 * DAY_MS), 0.0);
        assert_eq!(Epoch::of(3 * DAY_MS).age_days(DAY_MS + DAY_MS / 2), 1.5);
        assert_eq!(Epoch::ageless().age_days(0), 0.0);
    }

    #[test]
    fn expiry_is_judged_at_the_start_of_the_day() {
        let noon = 3 * DAY_MS + DAY_MS / 2;
        assert!(!Epoch::of(noon + 1).is_past(Some(noon)));
        assert!(Epoch::of(4 * DAY_MS).is_past(Some(noon)));
        assert!(!Epoch::of(noon).is_past(None));
    }
}
