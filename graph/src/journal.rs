//! What changed lately: enough for scores that were computed before to catch up without starting anew.

use std::collections::VecDeque;

use crate::edge::Edge;
use crate::input::{DayBytes, Scope};
use crate::names::Index;

/// Most changes remembered. Scores that lag behind by more are computed anew, which is about as quick.
pub(crate) const CHANGES_MAX: usize = 4096;

/// One change of the graph. Votes on releases leave no trace: they are counted when asked for.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// What one key says of another was this, and is no longer.
    Pair { from: Index, to: Index, edges: Vec<Edge>, measured: Vec<(Scope, DayBytes)> },
    /// The roots are others, or have other levels.
    Roots,
    /// A key weighs 0 from now on.
    Zeroed,
}

/// The latest changes of a graph, numbered without gaps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    changes: VecDeque<Change>,
    dropped: u64,
}

impl Journal {
    pub(crate) fn note(&mut self, change: Change) {
        if self.changes.len() == CHANGES_MAX {
            self.changes.pop_front();
            self.dropped += 1;
        }
        self.changes.push_back(change);
    }

    /// Number of the next change.
    pub(crate) fn version(&self) -> u64 {
        self.dropped + self.changes.len() as u64
    }

    /// The changes from number `version` on; `None` if some of them are forgotten, or if that number never was.
    pub(crate) fn since(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        let skipped = version.checked_sub(self.dropped).and_then(|skipped| usize::try_from(skipped).ok())?;
        (skipped <= self.changes.len()).then(|| self.changes.range(skipped..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_changes_are_forgotten_and_said_to_be() {
        let mut journal = Journal::default();
        (0..CHANGES_MAX).for_each(|_| journal.note(Change::Roots));
        assert_eq!(journal.since(0).map(Iterator::count), Some(CHANGES_MAX));
        journal.note(Change::Zeroed);
        assert_eq!(journal.version(), CHANGES_MAX as u64 + 1);
        assert!(journal.since(0).is_none());
        assert_eq!(journal.since(CHANGES_MAX as u64).map(Iterator::count), Some(1));
        assert_eq!(journal.since(journal.version()).map(Iterator::count), Some(0));
        assert!(journal.since(journal.version() + 1).is_none());
    }
}
