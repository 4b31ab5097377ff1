//! What of the owner's words is renewed, and at what pace they leave.
//!
//! A listing, a work record, a profile, a verdict or a list of curators says what the owner found to be so, and goes on
//! saying it as long as the owner's node runs. An attestation does not: trust in a person is to be confirmed by a person,
//! and the trust of a stolen or forgotten key is to fade. Nor do receipts, which are about a week, and retractions, which
//! outlive what they take back.

use crate::ground::Place;
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

/// What waits for its turn.
#[derive(Debug, Default)]
pub struct Upkeep {
    /// When the next renewals are due; `None` before the first start.
    pub renew_at: Option<Duration>,
    /// Statements to be pushed, oldest first. At most what the owner said within an hour.
    pub to_push: VecDeque<Place>,
    /// When the next of them may leave.
    pub push_at: Duration,
}

impl Upkeep {
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
