//! What of the owner's words is renewed, and at what pace they leave.
//!
//! A listing, a work record, a profile, a verdict or a list of curators says what the owner found to be so, and goes on
//! saying it as long as the owner's node runs. An attestation does not: trust in a person is to be confirmed by a person,
//! and the trust of a stolen or forgotten key is to fade. Nor do receipts, which are about a week, and retractions, which
//! outlive what they take back.

use crate::ground::Place;
use crate::ingest::stands_for_good;
use crate::sync::Pace;
use heirloom_proto::Kind;
use std::collections::VecDeque;
use std::time::Duration;

/// Time between two rounds of renewals.
pub const RENEWAL_PERIOD: Duration = Duration::from_secs(15 * 60);
/// Statements renewed in a round: 96 a day stay below the 100 listings a day that gossip takes from one key, and renew
/// twenty thousand in half of their 400 days.
pub const RENEWED_PER_ROUND: usize = 1;
/// The same of statements that expire within [`URGENT`]: after a long time away, so that 20,000 do not run out.
pub const URGENT_PER_ROUND: usize = 30;
/// What expires within this is urgent.
pub const URGENT: Duration = Duration::from_secs(14 * 24 * 3600);
/// Time between two statements pushed after a start: half of what a peer takes of another (20 a second), since others
/// speak too.
pub const PUSH_GAP: Duration = Duration::from_millis(100);

/// Statements pushed at once after a start, before the others wait for their turn: what a peer takes in one second. Most
/// people say no more in an hour.
pub const PUSH_AT_ONCE: usize = 20;

/// Statements of the owner pushed at once while the node runs, before the others wait for their turn: a season that is
/// published, a list of people who are attested. Four such owners behind one peer stay within what is taken of a peer at
/// once (400), and whoever imports thousands is not banned as a flood.
pub const PUSH_BURST: usize = 100;
/// Statements that wait for their turn: no more could leave before they are too old to be pushed. One more is left to sync.
pub const PUSH_QUEUE_MAX: usize = 36_000;

/// What waits for its turn.
#[derive(Debug)]
pub struct Upkeep {
    /// When the next renewals are due; `None` before the first start.
    pub renew_at: Option<Duration>,
    /// Statements to be pushed, oldest first; at most [`PUSH_QUEUE_MAX`].
    pub to_push: VecDeque<Place>,
    /// When the next of them may leave.
    pub push_at: Duration,
    /// What may leave at once.
    pace: Pace,
}

impl Default for Upkeep {
    fn default() -> Self {
        // A bucket lets one more out than it holds.
        let burst = u32::try_from(PUSH_BURST - 1).map_or(0.0, f64::from);
        let pace = Pace::full((PUSH_GAP.as_secs_f64().recip(), burst), Duration::ZERO);
        Self { renew_at: None, to_push: VecDeque::new(), push_at: Duration::ZERO, pace }
    }
}

/// What becomes of a statement that is to be pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It leaves now.
    Now,
    /// It waits for its turn. What stands at its place then is what leaves.
    Waits,
    /// Too many wait: it travels by sync alone.
    Never,
}

impl Upkeep {
    /// Whether a statement that the owner just made leaves now. Heads and what matters to the safety of keys always do, and
    /// they are few.
    pub fn turn(&mut self, mono: Duration, place: Place) -> Turn {
        if place.kind == Kind::Head || stands_for_good(place.kind) {
            return Turn::Now;
        }
        if self.to_push.is_empty() && self.pace.wait(mono).is_zero() {
            self.pace.take(mono, 1);
            return Turn::Now;
        }
        if self.to_push.len() >= PUSH_QUEUE_MAX {
            return Turn::Never;
        }
        if self.to_push.is_empty() {
            self.push_at = mono + PUSH_GAP;
        }
        self.to_push.push_back(place);
        Turn::Waits
    }

    /// The next time at which something is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let push = (!self.to_push.is_empty()).then_some(self.push_at);
        self.renew_at.into_iter().chain(push).min()
    }
}

/// Whether the owner goes on saying it without being asked.
#[must_use]
pub fn is_renewed(kind: Kind) -> bool {
    matches!(kind, Kind::Profile | Kind::Work | Kind::Listing | Kind::Verdict | Kind::CuratorList)
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::{SecretKey, Sha256};

    #[test]
    fn a_burst_leaves_at_once_then_one_after_the_other_and_heads_overtake() {
        let author = SecretKey::from_seed(&[1; 32]).public();
        let place = |kind, number: u32| Place { author, kind, slot: Sha256::of(&number.to_be_bytes()) };
        let mut upkeep = Upkeep::default();
        let start = Duration::from_secs(9);
        for number in 0..u32::try_from(PUSH_BURST).expect("fits") {
            assert_eq!(upkeep.turn(start, place(Kind::Listing, number)), Turn::Now, "{number}");
        }
        assert_eq!(upkeep.turn(start, place(Kind::Listing, 1000)), Turn::Waits);
        assert_eq!((upkeep.to_push.len(), upkeep.next_due()), (1, Some(start + PUSH_GAP)));
        assert_eq!(upkeep.turn(start, place(Kind::Head, 1)), Turn::Now);
        assert_eq!(upkeep.turn(start, place(Kind::Rotation, 1)), Turn::Now);
        let later = start + Duration::from_secs(60);
        assert_eq!(upkeep.turn(later, place(Kind::Listing, 1001)), Turn::Waits, "nobody overtakes who waits");
        upkeep.to_push.clear();
        assert_eq!(upkeep.turn(later, place(Kind::Listing, 1002)), Turn::Now);
    }

    #[test]
    fn what_could_not_leave_in_time_is_left_to_sync() {
        let author = SecretKey::from_seed(&[1; 32]).public();
        let mut upkeep = Upkeep::default();
        let place = |number: u64| Place {
            author,
            kind: Kind::Listing,
            slot: Sha256([u8::try_from(number).unwrap_or(255); 32]),
        };
        upkeep.to_push = (0..PUSH_QUEUE_MAX).map(|_| place(0)).collect();
        assert_eq!(upkeep.turn(Duration::ZERO, place(1)), Turn::Never);
        assert_eq!(upkeep.to_push.len(), PUSH_QUEUE_MAX);
    }
}
