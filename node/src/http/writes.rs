//! How many changes browsers may make: a page that runs wild, or a tab in wrong hands, signs no more than a person could.
//!
//! Programs with the token are not counted: they are the owner's own, and imports and tests say a lot at once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a change costs: two a second in the long run, 120 a minute (`security.md` §6).
const COST: Duration = Duration::from_millis(500);
/// What may be owed: a minute's changes at once.
const CREDIT: Duration = Duration::from_secs(60);

/// The changes of all browsers together.
#[derive(Default)]
pub(super) struct Writes {
    /// When all that was done will be paid for, by the clock of the process.
    paid: Mutex<Duration>,
}

impl Writes {
    /// Counts a change, or says how long to wait for the next.
    pub(super) fn take(&self, now: Duration) -> Result<(), Duration> {
        // A panic while it was held cannot leave it half changed: it is one number.
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let then = (*paid).max(now) + COST;
        match then.checked_sub(now + CREDIT) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                *paid = then;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_holds_a_hundred_and_twenty_changes() {
        let (writes, start) = (Writes::default(), Duration::from_secs(1000));
        for number in 0..120 {
            assert_eq!(writes.take(start), Ok(()), "{number}");
        }
        assert_eq!(writes.take(start), Err(COST));
        assert_eq!(writes.take(start + COST), Ok(()), "one more for each half second");
        assert_eq!(writes.take(start + COST), Err(COST));
        let later = start + CREDIT * 3;
        assert_eq!((0..200).filter(|_| writes.take(later).is_ok()).count(), 120, "nothing is saved up beyond a minute");
    }
}
