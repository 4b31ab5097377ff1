//! Who says what of which release: votes at rest, packed, since there are many more of them than of keys.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::ids::ReleaseId;
use crate::input::{Opinion, ReleaseVote};
use crate::names::Index;

/// One opinion held in a slot of a [`Ballot`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Held {
    pub opinion: Opinion,
    pub time_ms: u64,
    pub superseded: bool,
    // `u64::MAX`: never. An `Option` would take eight bytes more of every vote.
    expires_at: u64,
}

impl Held {
    /// When it no longer counts; `None`: never.
    pub(crate) fn expires_ms(&self) -> Option<u64> {
        (self.expires_at != u64::MAX).then_some(self.expires_at)
    }

    /// The highest stands.
    fn rank(&self) -> (u64, Opinion, Reverse<u64>) {
        (self.time_ms, self.opinion, Reverse(self.expires_at))
    }
}

/// What one key says of one release: its newest listing and its newest verdict.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ballot {
    pub listing: Option<Held>,
    pub verdict: Option<Held>,
}

/// Whether a vote is a listing or a verdict: a voter has one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Listing,
    Verdict,
}

impl Slot {
    fn of(opinion: Opinion) -> Self {
        if opinion == Opinion::Listing { Self::Listing } else { Self::Verdict }
    }
}

/// Every vote.
///
/// COST: one flat map, some 80 bytes a vote. A map of voters in each release took 760, since nearly every release has one
/// voter and a leaf of the inner map has room for eleven.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ballots {
    held: BTreeMap<(ReleaseId, Index, Slot), Held>,
}

impl Ballots {
    /// Takes a vote of a voter; an older one in the same slot gives way to a newer one, and a newer one stays.
    pub(crate) fn add(&mut self, voter: Index, vote: &ReleaseVote) {
        let ReleaseVote { release, opinion, time_ms, expires_ms, .. } = *vote;
        let new = Held { opinion, time_ms, superseded: false, expires_at: expires_ms.unwrap_or(u64::MAX) };
        let held = self.held.entry((release, voter, Slot::of(opinion))).or_insert(new);
        if held.rank() != new.rank() {
            *held = Held { superseded: true, ..if new.rank() > held.rank() { new } else { *held } };
        }
    }

    /// Forgets what stands in the slot of such an opinion. Whether anything did.
    pub(crate) fn remove(&mut self, voter: Index, release: &ReleaseId, opinion: Opinion) -> bool {
        self.held.remove(&(*release, voter, Slot::of(opinion))).is_some()
    }

    /// What is said of a release, by number of the voter.
    pub(crate) fn of(&self, release: &ReleaseId) -> impl Iterator<Item = (Index, Ballot)> + '_ {
        let all = (*release, 0, Slot::Listing)..=(*release, Index::MAX, Slot::Verdict);
        let mut votes = self.held.range(all).peekable();
        std::iter::from_fn(move || {
            let ((_, voter, _), _) = votes.peek()?;
            let (voter, mut ballot) = (*voter, Ballot::default());
            while let Some(((_, _, slot), held)) = votes.next_if(|((_, by, _), _)| *by == voter) {
                match slot {
                    Slot::Listing => ballot.listing = Some(*held),
                    Slot::Verdict => ballot.verdict = Some(*held),
                }
            }
            Some((voter, ballot))
        })
    }

    /// Every release of which anything is said, in order.
    pub(crate) fn releases(&self) -> impl Iterator<Item = ReleaseId> + '_ {
        let mut last = None;
        self.held.keys().map(|(release, ..)| *release).filter(move |release| last.replace(*release) != Some(*release))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::NodeId;

    fn vote(release: u8, opinion: Opinion, time_ms: u64, expires_ms: Option<u64>) -> ReleaseVote {
        ReleaseVote { voter: NodeId([0; 32]), release: ReleaseId([release; 20]), opinion, time_ms, expires_ms }
    }

    #[test]
    fn a_voter_has_a_listing_and_a_verdict_of_each_release() {
        let mut ballots = Ballots::default();
        for (voter, release, opinion) in [
            (7, 1, Opinion::Listing),
            (7, 1, Opinion::Good),
            (3, 1, Opinion::Fake),
            (3, 2, Opinion::Listing),
            (Index::MAX, 1, Opinion::Poor),
        ] {
            ballots.add(voter, &vote(release, opinion, 5, None));
        }
        let said = |release: u8| -> Vec<(Index, Option<Opinion>, Option<Opinion>)> {
            let of = |held: Option<Held>| held.map(|held| held.opinion);
            ballots.of(&ReleaseId([release; 20])).map(|(by, b)| (by, of(b.listing), of(b.verdict))).collect()
        };
        assert_eq!(
            said(1),
            [
                (3, None, Some(Opinion::Fake)),
                (7, Some(Opinion::Listing), Some(Opinion::Good)),
                (Index::MAX, None, Some(Opinion::Poor)),
            ]
        );
        assert_eq!(said(2), [(3, Some(Opinion::Listing), None)]);
        assert_eq!(said(3), []);
        assert_eq!(ballots.releases().collect::<Vec<_>>(), [ReleaseId([1; 20]), ReleaseId([2; 20])]);
    }

    #[test]
    fn the_newest_stands_whatever_the_order_and_says_that_it_replaced_another() {
        let votes =
            [vote(1, Opinion::Good, 5, None), vote(1, Opinion::Fake, 6, Some(9)), vote(1, Opinion::Fake, 6, Some(8))];
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]] {
            let mut ballots = Ballots::default();
            for at in order {
                ballots.add(1, &votes[at]);
            }
            let (_, ballot) = ballots.of(&ReleaseId([1; 20])).next().unwrap();
            let held = ballot.verdict.unwrap();
            assert_eq!((held.opinion, held.expires_ms(), held.superseded), (Opinion::Fake, Some(8), true), "{order:?}");
        }
    }

    #[test]
    fn the_same_vote_twice_replaces_nothing_and_is_forgotten_once() {
        let mut ballots = Ballots::default();
        let said = vote(1, Opinion::Listing, 5, None);
        ballots.add(1, &said);
        ballots.add(1, &said);
        let (_, ballot) = ballots.of(&said.release).next().unwrap();
        assert!(!ballot.listing.unwrap().superseded);
        assert!(!ballots.remove(1, &said.release, Opinion::Good), "there is no verdict");
        assert!(ballots.remove(1, &said.release, Opinion::Listing));
        assert!(!ballots.remove(1, &said.release, Opinion::Listing));
        assert_eq!(ballots.releases().count(), 0);
    }
}
