//! A set to reconcile, and the answering half of a session. The ids in it are keyed by the session's salt.

use crate::sync::{Declined, ITEMS_MAX, Marks, ROUNDS_MAX};
use heirloom_proto::sync::{Filter, ROUND_MESSAGE_BYTES_MAX, Salt};
use heirloom_proto::{Key, Sha256, StatementId, Timestamp};
use negentropy::{Id, Negentropy, NegentropyStorageVector};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What is behind a keyed id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub id: StatementId,
    pub about: Key,
    pub created: Timestamp,
    pub is_head: bool,
}

/// The marks that a filter matches, as `negentropy` wants them.
#[derive(Debug, Default)]
pub struct Set {
    pub(super) items: NegentropyStorageVector,
    /// What is behind each keyed id.
    pub(super) names: BTreeMap<Sha256, Held>,
    /// Those that are not held, only known to be at the peer.
    pub(super) declined: BTreeSet<StatementId>,
}

impl Set {
    /// What matches, the newest [`ITEMS_MAX`] of it.
    #[must_use]
    pub fn of(marks: &Marks, filter: &Filter) -> Self {
        Self::build(marks, filter, None)
    }

    /// The same, with what the peer is known to have; of a key that is not kept its head stands for an older one here.
    #[must_use]
    pub fn with(marks: &Marks, filter: &Filter, declined: &Declined) -> Self {
        Self::build(marks, filter, Some(declined))
    }

    fn build(marks: &Marks, filter: &Filter, declined: Option<&Declined>) -> Self {
        let newer = declined.map(Declined::heads).unwrap_or_default();
        let mut found: Vec<Held> = marks
            .iter()
            .filter(|(_, mark)| filter.matches(&mark.about))
            .filter(|(_, mark)| mark.head.is_none() || newer.get(&mark.about).is_none_or(|at| *at <= mark.created))
            .map(|(id, mark)| Held { id: *id, about: mark.about, created: mark.created, is_head: mark.head.is_some() })
            .collect();
        if found.len() > ITEMS_MAX {
            found.sort_by_key(|held| (std::cmp::Reverse(held.created), held.id));
            found.truncate(ITEMS_MAX);
        }
        let mut set = Self::default();
        if let Some(declined) = declined {
            found.extend(declined.beyond(marks));
            set.declined = declined.beyond(marks).map(|held| held.id).collect();
        }
        for held in found {
            let name = filter.salt().name_of(&held.id);
            // PANIC: never; it fails for a sealed set only.
            let _ = set.items.insert(held.created.0, Id::from_byte_array(name.0));
            set.names.insert(name, held);
        }
        let _ = set.items.seal();
        set
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether nothing matched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The statement behind a keyed id.
    #[must_use]
    pub fn statement(&self, name: &Sha256) -> Option<StatementId> {
        self.names.get(name).map(|held| held.id)
    }
}

/// What a peer sent is no reconciliation: it made it, and is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonsense;

/// The answering half of a session.
#[derive(Debug)]
pub struct Hosting {
    salt: Salt,
    set: Set,
    rounds: u32,
    /// When it was used last.
    pub used: Duration,
}

impl Hosting {
    /// A session about what matches a filter.
    #[must_use]
    pub fn new(marks: &Marks, filter: &Filter, mono: Duration) -> Self {
        Self { salt: filter.salt(), set: Set::of(marks, filter), rounds: 0, used: mono }
    }

    /// Whether it is the session of that salt.
    #[must_use]
    pub fn is(&self, salt: Salt) -> bool {
        self.salt == salt
    }

    /// What is offered in it.
    #[must_use]
    pub fn set(&self) -> &Set {
        &self.set
    }

    /// The answer to a message.
    ///
    /// # Errors
    /// [`Nonsense`], also for more rounds than an honest asker needs.
    pub fn reconcile(&mut self, message: &[u8], mono: Duration) -> Result<Vec<u8>, Nonsense> {
        self.used = mono;
        self.rounds += 1;
        if self.rounds > ROUNDS_MAX {
            return Err(Nonsense);
        }
        let answer = Negentropy::borrowed(&self.set.items, FRAME).and_then(|mut half| half.reconcile(message));
        answer.map_err(|_| Nonsense)
    }
}

/// Longest message that `negentropy` makes, in bytes.
pub(super) const FRAME: u64 = ROUND_MESSAGE_BYTES_MAX as u64;
