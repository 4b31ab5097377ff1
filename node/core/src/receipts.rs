//! Receipts: proof of seed that people share. By week, in powers of two, without the name of any release.
//!
//! Kept here is what is live of others; what it is worth, the metric decides. What it must not know: stores and clocks.

use crate::ingest::Refusal;
use heirloom_graph::DayBytes;
use heirloom_proto::body::Receipt;
use heirloom_proto::time::DAY_MS;
use heirloom_proto::{Header, Key, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Releases that a key must list before receipts about it are made: with fewer, a receipt would name the film.
pub const LISTINGS_MIN: usize = 20;
/// Shortest time between the end of a week and a receipt about it (`security.md` §8): who was online when is not to be read
/// from it.
pub const DELAY_MIN: Duration = Duration::from_secs(24 * 3600);
/// Longest such time; the delay is drawn anew for each receipt.
pub const DELAY_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Weeks for which receipts are still made after a time away. Also what is shown as "the last four weeks".
pub const WEEKS: u32 = 4;
/// Receipts about one week, the largest first: 13 such weeks are live at once, and 2,600 is what a key may have.
pub const PER_WEEK_MAX: usize = 200;
/// How far back receipts count in what is shown.
pub const SHOWN: Duration = Duration::from_secs(28 * 24 * 3600);
/// What one receipt may add to what is shown. 1 TiB: a week at 14 Mbit/s; more than that is a boast that would drown what
/// everybody else received.
pub const SHOWN_BYTES_MAX: u64 = 1 << 40;

const WEEK_MS: u64 = 7 * DAY_MS;
/// 1970-01-05, the first Monday.
const FIRST_MONDAY_MS: u64 = 4 * DAY_MS;

/// The week in which a time lies, as receipts count them; before the first Monday, the first.
#[must_use]
pub fn week_of(at: Timestamp) -> u32 {
    u32::try_from(at.0.saturating_sub(FIRST_MONDAY_MS) / WEEK_MS).unwrap_or(u32::MAX)
}

/// When a week begins.
#[must_use]
pub fn start_of(week: u32) -> Timestamp {
    Timestamp(FIRST_MONDAY_MS + u64::from(week) * WEEK_MS)
}

/// When it is over.
#[must_use]
pub fn end_of(week: u32) -> Timestamp {
    Timestamp(start_of(week).0 + WEEK_MS)
}

/// The UTC days of a week, as the ledger counts them.
#[must_use]
pub fn days_of(week: u32) -> std::ops::Range<u64> {
    start_of(week).0 / DAY_MS..end_of(week).0 / DAY_MS
}

/// What makes a receipt worth nothing to anybody: it is about its author, or about a week that was not over.
///
/// # Errors
/// Why.
pub fn check(author: &Key, header: &Header, receipt: &Receipt) -> Result<(), Refusal> {
    if receipt.subject == *author {
        Err(Refusal::AboutItself)
    } else if end_of(receipt.week) > header.created {
        Err(Refusal::WeekNotOver)
    } else {
        Ok(())
    }
}

/// What was received of a key, and by how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// At least so many bytes, by their receipts.
    pub bytes: u64,
    /// People who say so.
    pub people: usize,
}

/// Live receipts of others, by whom they are about.
#[derive(Debug, Default)]
pub struct Receipts {
    /// Subject → author and week → exponent.
    by_subject: BTreeMap<Key, BTreeMap<(Key, u32), u8>>,
}

impl Receipts {
    /// Takes a live receipt in.
    pub fn add(&mut self, author: Key, receipt: &Receipt) {
        self.by_subject.entry(receipt.subject).or_default().insert((author, receipt.week), receipt.log2_bytes);
    }

    /// Takes one out that is no longer live.
    pub fn remove(&mut self, author: &Key, receipt: &Receipt) {
        if let Some(about) = self.by_subject.get_mut(&receipt.subject) {
            about.remove(&(*author, receipt.week));
            if about.is_empty() {
                self.by_subject.remove(&receipt.subject);
            }
        }
    }

    /// What an author says they received of a key, for the metric: on the last day of each week, the least that the
    /// receipt can mean.
    #[must_use]
    pub fn evidence(&self, author: &Key, subject: &Key) -> Vec<DayBytes> {
        let about = self.by_subject.get(subject);
        let by_author = about.into_iter().flat_map(|about| about.range((*author, 0)..=(*author, u32::MAX)));
        let to_day = |(&(_, week), log2): (&(Key, u32), &u8)| DayBytes {
            time_ms: end_of(week).0 - DAY_MS,
            bytes: 1 << log2,
            release: None,
        };
        by_author.map(to_day).collect()
    }

    /// What people of whom `counts` holds received of a key in weeks that reach into the last [`SHOWN`].
    pub fn received(&self, now: Timestamp, subject: &Key, mut counts: impl FnMut(&Key) -> bool) -> Received {
        let mut sum = Received::default();
        let mut last: Option<(Key, bool)> = None;
        for (&(author, week), log2) in self.by_subject.get(subject).into_iter().flatten() {
            if now.since(end_of(week)) >= SHOWN || end_of(week) > now {
                continue;
            }
            let is_new = last.is_none_or(|(before, _)| before != author);
            let counts = match last {
                Some((_, counted)) if !is_new => counted,
                _ => counts(&author),
            };
            last = Some((author, counts));
            if counts {
                sum.bytes = sum.bytes.saturating_add((1_u64 << log2).min(SHOWN_BYTES_MAX));
                sum.people += usize::from(is_new);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::SecretKey;

    fn key(number: u8) -> Key {
        SecretKey::from_seed(&[number; 32]).public()
    }

    #[test]
    fn weeks_begin_on_mondays() {
        // 2026-10-05 is a Monday.
        let monday = Timestamp(1_791_158_400_000);
        let week = week_of(monday);
        assert_eq!((start_of(week), week_of(Timestamp(monday.0 - 1))), (monday, week - 1));
        assert_eq!(days_of(week).count(), 7);
        assert_eq!(week_of(Timestamp(0)), 0);
        // The last week that can be written is no trap.
        assert!(end_of(u32::MAX) > start_of(u32::MAX));
    }

    #[test]
    fn what_is_shown_counts_people_once_and_no_boast_beyond_its_limit() {
        let now = Timestamp(end_of(3000).0 + DAY_MS);
        let receipt = |week, log2_bytes| Receipt { subject: key(9), week, log2_bytes };
        let mut all = Receipts::default();
        for (author, week, log2) in
            [(1, 3000, 30), (1, 2999, 31), (2, 3000, 62), (3, 3000, 20), (1, 2996, 40), (1, 3001, 40)]
        {
            all.add(key(author), &receipt(week, log2));
        }
        let shown = all.received(now, &key(9), |author| *author != key(3));
        assert_eq!(shown, Received { bytes: (1 << 30) + (1 << 31) + SHOWN_BYTES_MAX, people: 2 });
        assert_eq!(all.received(now, &key(8), |_| true), Received::default());
        assert_eq!(all.evidence(&key(1), &key(9)).len(), 4);
        all.remove(&key(2), &receipt(3000, 62));
        assert_eq!(all.received(now, &key(9), |author| *author == key(2)), Received::default());
    }
}
