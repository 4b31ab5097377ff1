//! A token bucket, as arithmetic: time is an argument, nothing waits here.

use std::time::Duration;

/// Parts of one token in which the level is kept, so that no fraction is lost between two looks at the clock.
const PARTS: i64 = 1_000;

/// Tokens that come at a steady rate, are kept up to a limit, and are spent.
///
/// Spending more than expected leaves a debt, which is paid before anything else is taken.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Tokens per second, which is parts per millisecond.
    rate: i64,
    /// Most parts that are kept.
    capacity: i64,
    /// Parts there are; negative is debt.
    level: i64,
    /// Up to when the level is counted, in whole milliseconds of the caller's clock.
    counted_ms: i64,
}

impl Bucket {
    /// A full bucket at `now`: `rate` tokens a second, at most `capacity` kept.
    pub fn new(rate: u32, capacity: u32, now: Duration) -> Self {
        let capacity = i64::from(capacity) * PARTS;
        Self { rate: i64::from(rate.max(1)), capacity, level: capacity, counted_ms: millis(now) }
    }

    /// Takes `cost` tokens.
    ///
    /// A cost above the capacity is taken when the bucket is full, and leaves a debt: it would else wait for ever.
    ///
    /// # Errors
    /// How long to wait before there can be enough, when there is not.
    pub fn take(&mut self, now: Duration, cost: u32) -> Result<(), Duration> {
        self.count(now);
        let cost = i64::from(cost) * PARTS;
        let needed = cost.min(self.capacity);
        if self.level >= needed {
            self.level -= cost;
            return Ok(());
        }
        let missing = needed - self.level;
        let wait_ms = missing.div_euclid(self.rate) + i64::from(missing % self.rate != 0);
        Err(Duration::from_millis(wait_ms.unsigned_abs()))
    }

    /// Corrects what was taken by guess: gives back what was not spent, or takes what was spent on top.
    pub fn settle(&mut self, now: Duration, taken: u32, spent: u32) {
        self.count(now);
        let difference = (i64::from(taken) - i64::from(spent)) * PARTS;
        self.level = (self.level + difference).min(self.capacity);
    }

    /// Adds what came since the last look. A clock that went back adds nothing.
    fn count(&mut self, now: Duration) {
        let now_ms = millis(now);
        let elapsed_ms = now_ms.saturating_sub(self.counted_ms).max(0);
        self.counted_ms = self.counted_ms.max(now_ms);
        self.level = self.level.saturating_add(elapsed_ms.saturating_mul(self.rate)).min(self.capacity);
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(5);

    fn after(millis: u64) -> Duration {
        START + Duration::from_millis(millis)
    }

    #[test]
    fn full_bucket_gives_its_capacity_at_once_and_then_its_rate() {
        let mut bucket = Bucket::new(20, 100, START);
        assert_eq!(bucket.take(START, 100), Ok(()));
        assert_eq!(bucket.take(START, 10), Err(Duration::from_millis(500)));
        assert_eq!(bucket.take(after(499), 10), Err(Duration::from_millis(1)));
        assert_eq!(bucket.take(after(500), 10), Ok(()));
    }

    #[test]
    fn a_minute_never_gives_more_than_capacity_and_rate() {
        let mut bucket = Bucket::new(20, 100, START);
        let taken = (0..60_000).filter(|ms| bucket.take(after(*ms), 7).is_ok()).count() * 7;
        assert!(taken <= 100 + 20 * 60, "took {taken}");
        assert!(taken > 100 + 20 * 60 - 7 - 1, "took only {taken}");
    }

    #[test]
    fn what_is_not_used_is_not_kept_beyond_the_capacity() {
        let mut bucket = Bucket::new(20, 100, START);
        assert_eq!(bucket.take(after(3_600_000), 100), Ok(()));
        assert!(bucket.take(after(3_600_000), 1).is_err());
    }

    #[test]
    fn settling_gives_back_and_takes_more() {
        let mut bucket = Bucket::new(20, 100, START);
        assert_eq!(bucket.take(START, 100), Ok(()));
        bucket.settle(START, 100, 60);
        assert_eq!(bucket.take(START, 40), Ok(()));
        bucket.settle(START, 40, 80);
        // 40 in debt: two seconds pass before the first token can be taken, and 50 ms more until it is there.
        assert_eq!(bucket.take(START, 1), Err(Duration::from_millis(2_050)));
        assert_eq!(bucket.take(after(2_050), 1), Ok(()));
    }

    #[test]
    fn settling_never_fills_above_the_capacity() {
        let mut bucket = Bucket::new(20, 100, START);
        assert_eq!(bucket.take(START, 50), Ok(()));
        bucket.settle(after(60_000), 50, 0);
        assert_eq!(bucket.take(after(60_000), 100), Ok(()));
        assert!(bucket.take(after(60_000), 1).is_err());
    }

    #[test]
    fn a_cost_above_the_capacity_passes_when_full_and_is_paid_back() {
        let mut bucket = Bucket::new(20, 100, START);
        assert_eq!(bucket.take(START, 140), Ok(()));
        assert_eq!(bucket.take(START, 1), Err(Duration::from_millis(2_050)));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut bucket = Bucket::new(20, 100, START);
        assert_eq!(bucket.take(START, 100), Ok(()));
        assert!(bucket.take(Duration::ZERO, 1).is_err());
        assert!(bucket.take(START, 1).is_err(), "the same second is not counted twice");
    }
}
