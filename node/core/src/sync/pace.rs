//! How fast one peer may take or bring something: a bucket that may be overdrawn once and then must fill again.

use std::time::Duration;

/// A token bucket. Invariant: `tokens <= burst`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    per_s: f64,
    burst: f64,
    tokens: f64,
    at: Duration,
}

impl Pace {
    /// A full one that fills with so many a second up to so many.
    #[must_use]
    pub fn full((per_s, burst): (f64, f64), mono: Duration) -> Self {
        Self { per_s, burst, tokens: burst, at: mono }
    }

    fn fill(&mut self, mono: Duration) {
        let gained = mono.saturating_sub(self.at).as_secs_f64() * self.per_s;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.at = self.at.max(mono);
    }

    /// Takes out so many, even more than there are: how many an answer holds is known only afterwards.
    pub fn take(&mut self, mono: Duration, count: usize) {
        self.fill(mono);
        // Counts are far below 2^52.
        self.tokens -= u32::try_from(count).map_or(f64::from(u32::MAX), f64::from);
    }

    /// How long until something may be taken out; zero: now.
    #[must_use]
    pub fn wait(&mut self, mono: Duration) -> Duration {
        self.fill(mono);
        if self.tokens >= 0.0 {
            return Duration::ZERO;
        }
        // A millisecond more, so that rounding leaves nothing owed when the time has come.
        Duration::from_secs_f64(-self.tokens / self.per_s) + Duration::from_millis(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_paid_back_at_the_sustained_rate() {
        let mut pace = Pace::full((200.0, 2000.0), Duration::ZERO);
        pace.take(Duration::ZERO, 2000);
        assert_eq!(pace.wait(Duration::ZERO), Duration::ZERO);
        pace.take(Duration::ZERO, 200);
        let wait = pace.wait(Duration::ZERO);
        assert_eq!(wait, Duration::from_millis(1001));
        assert_eq!(pace.wait(wait), Duration::ZERO);
        pace.take(Duration::from_secs(1000), 2001);
        assert!(pace.wait(Duration::from_secs(1000)) > Duration::ZERO, "no more than the burst is saved");
    }
}
