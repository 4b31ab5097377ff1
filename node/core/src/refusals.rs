//! The log of refusals: what was not taken in lately, when, why, and of whom.
//!
//! Counters say how often something happened since the start; this says when, for whoever looks into trouble. Strangers
//! share a row for each reason, or one who invents keys would push everything else out.

use heirloom_proto::{Key, Timestamp};
use std::collections::VecDeque;

/// Rows that are kept: some screens full. Overflow forgets the oldest.
pub const ROWS_MAX: usize = 100;
/// The same of the same key is one row if it comes again so soon, in milliseconds.
pub const TOGETHER_MS: u64 = 60_000;

/// Something that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When last.
    pub at: Timestamp,
    /// Name of its counter.
    pub reason: &'static str,
    /// Whose it was; `None` for a stranger, and where only a peer is to blame.
    pub author: Option<Key>,
    /// How often in a row.
    pub times: u64,
}

/// The log, oldest first.
#[derive(Debug, Default)]
pub struct Refusals(VecDeque<Refused>);

impl Refusals {
    /// Notes a refusal.
    pub fn note(&mut self, at: Timestamp, reason: &'static str, author: Option<Key>) {
        let mut times = 1;
        let is_same = |row: &Refused| {
            (row.reason, row.author) == (reason, author) && at.0.saturating_sub(row.at.0) <= TOGETHER_MS
        };
        if let Some(place) = self.0.iter().rposition(is_same)
            && let Some(row) = self.0.remove(place)
        {
            times += row.times;
        } else if self.0.len() == ROWS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Refused { at, reason, author, times });
    }

    /// All rows, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Refused> {
        self.0.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::SecretKey;

    fn rows(log: &Refusals) -> Vec<(u64, &'static str, bool, u64)> {
        log.newest_first().map(|row| (row.at.0, row.reason, row.author.is_some(), row.times)).collect()
    }

    #[test]
    fn the_same_within_a_minute_is_one_row_and_moves_up() {
        let key = SecretKey::from_seed(&[1; 32]).public();
        let mut log = Refusals::default();
        log.note(Timestamp(0), "expired", None);
        log.note(Timestamp(1_000), "expired", Some(key));
        log.note(Timestamp(TOGETHER_MS), "expired", None);
        assert_eq!(rows(&log), [(TOGETHER_MS, "expired", false, 2), (1_000, "expired", true, 1)]);
        log.note(Timestamp(2 * TOGETHER_MS + 1), "expired", None);
        assert_eq!(rows(&log)[0], (2 * TOGETHER_MS + 1, "expired", false, 1), "a minute and more later it is another");
        assert_eq!(rows(&log).len(), 3);
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut log = Refusals::default();
        for number in 0..=ROWS_MAX as u64 {
            log.note(Timestamp(number * 2 * TOGETHER_MS), "future", None);
        }
        assert_eq!(rows(&log).len(), ROWS_MAX);
        assert_eq!(rows(&log).last(), Some(&(2 * TOGETHER_MS, "future", false, 1)));
    }
}
