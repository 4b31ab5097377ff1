//! What an index outside must hear: which works and listings came and went, and a mark by which it knows that it is whole.
//!
//! What it must not know: indexes, or why something came or went.

use crate::ground::{Place, Stored};
use heirloom_proto::{Kind, StatementId};
use std::collections::{BTreeMap, BTreeSet};

/// Most changes that wait to be heard. 50,000: some 6 MiB, and what an archive brings in ten seconds. Beyond that they are
/// forgotten, and the index compares itself with the store instead.
const WAITING_MAX: usize = 50_000;

/// A sum over everything that is live: equal for equal sets, in whatever order they came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// How many statements.
    pub count: u64,
    /// The sum of the first halves of their ids, modulo 2^128. Ids are hashes, so two sets have one sum by chance alone, or
    /// by the work of somebody who would fool the index of one node about what it may forget.
    pub sum: u128,
}

/// The changes since they were last heard.
#[derive(Debug, Default)]
pub struct Changes {
    is_heard: bool,
    mark: Mark,
    come: BTreeMap<StatementId, Place>,
    gone: BTreeSet<StatementId>,
    is_overflown: bool,
}

/// Some of the changes, in the order in which an index takes them: first what is gone.
#[derive(Debug, Default)]
pub struct Heard {
    /// No longer live.
    pub gone: Vec<StatementId>,
    /// Live since then.
    pub come: Vec<Stored>,
    /// There were too many: compare everything.
    pub must_compare: bool,
    /// More wait.
    pub has_more: bool,
    /// What is live now.
    pub mark: Mark,
}

/// Whether an index cares for statements of a kind.
#[must_use]
pub fn is_indexed(kind: Kind) -> bool {
    matches!(kind, Kind::Work | Kind::Listing)
}

fn half(id: &StatementId) -> u128 {
    id.0.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

impl Changes {
    /// What is live.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// Whether something waits to be heard.
    #[must_use]
    pub fn are_waiting(&self) -> bool {
        self.is_overflown || !self.come.is_empty() || !self.gone.is_empty()
    }

    /// From now on somebody hears of changes; until then they are only summed up.
    pub fn listen(&mut self) {
        self.is_heard = true;
    }

    /// The same listener, and nothing live: everything is derived anew.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { is_heard: self.is_heard, is_overflown: self.is_heard, ..Self::default() }
    }

    /// Notes what is live now.
    pub fn add(&mut self, stored: &Stored) {
        if !is_indexed(stored.statement.kind()) {
            return;
        }
        let id = stored.statement.id();
        self.mark = Mark { count: self.mark.count + 1, sum: self.mark.sum.wrapping_add(half(&id)) };
        self.has_come(id, Place::of(&stored.statement));
    }

    fn has_come(&mut self, id: StatementId, place: Place) {
        if self.is_heard && !self.is_overflown {
            self.come.insert(id, place);
            self.bound();
        }
    }

    /// Notes what is no longer live.
    pub fn remove(&mut self, stored: &Stored) {
        if !is_indexed(stored.statement.kind()) {
            return;
        }
        let id = stored.statement.id();
        self.mark = Mark { count: self.mark.count.saturating_sub(1), sum: self.mark.sum.wrapping_sub(half(&id)) };
        if self.is_heard && !self.is_overflown {
            self.come.remove(&id);
            self.gone.insert(id);
            self.bound();
        }
    }

    fn bound(&mut self) {
        if self.come.len() + self.gone.len() > WAITING_MAX {
            (self.come, self.gone, self.is_overflown) = (BTreeMap::new(), BTreeSet::new(), true);
        }
    }

    /// Takes what waits, at most so many. Whether everything must be compared is said once.
    pub fn take(&mut self, limit: usize) -> (Vec<StatementId>, Vec<Place>, bool) {
        let must_compare = std::mem::take(&mut self.is_overflown);
        let gone: Vec<StatementId> = std::iter::from_fn(|| self.gone.pop_first()).take(limit).collect();
        let room = limit - gone.len();
        let come = std::iter::from_fn(|| self.come.pop_first()).take(room).map(|(_, place)| place).collect();
        (gone, come, must_compare)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::{SecretKey, Sha256};

    fn id(number: usize) -> StatementId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        StatementId(bytes)
    }

    #[test]
    fn more_changes_than_may_wait_are_forgotten_and_said_once_to_be_too_many() {
        let author = SecretKey::from_seed(&[1; 32]).public();
        let place = |number: usize| {
            let mut slot = [0; 32];
            slot[..8].copy_from_slice(&number.to_be_bytes());
            Place { author, kind: Kind::Listing, slot: Sha256(slot) }
        };
        let mut changes = Changes::default();
        changes.has_come(id(0), place(0));
        assert!(!changes.are_waiting(), "nobody listens");
        changes.listen();
        for number in 0..WAITING_MAX {
            changes.has_come(id(number), place(number));
        }
        assert_eq!((changes.come.len(), changes.is_overflown), (WAITING_MAX, false));
        changes.has_come(id(WAITING_MAX), place(WAITING_MAX));
        assert!(changes.come.is_empty() && changes.are_waiting(), "no more is kept than may wait");
        changes.has_come(id(WAITING_MAX + 1), place(WAITING_MAX + 1));
        assert!(changes.come.is_empty(), "what comes meanwhile is found by comparing");
        assert_eq!(changes.take(256), (Vec::new(), Vec::new(), true));
        assert!(!changes.are_waiting());
        // From then on each is heard of again.
        changes.has_come(id(7), place(7));
        assert_eq!(changes.take(256), (Vec::new(), vec![place(7)], false));
    }
}
