//! What is reconciled: heads, and the rotations and proofs that concern a key. Derived from live statements.

use crate::ground::{Place, Stored};
use crate::sync::Order;
use heirloom_proto::{Body, Key, Statement, StatementId, Timestamp};
use std::collections::BTreeMap;

/// One thing to reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Whom it is about: a head's author, the key that a rotation leaves, the key that a proof accuses.
    pub about: Key,
    /// When it was made; neighbours in time are neighbours in the set.
    pub created: Timestamp,
    /// Where it stands.
    pub place: Place,
    /// Its number, if it is a head.
    pub head: Option<Order>,
}

/// Whom a statement is about, if it is one to reconcile.
#[must_use]
pub fn about(statement: &Statement) -> Option<Key> {
    match statement.body() {
        Body::Head(_) => Some(*statement.author()),
        Body::Rotation(rotation) => Some(rotation.previous_key),
        Body::DuplicityProof(proof) => Some(*proof.accused()),
        _ => None,
    }
}

/// All marks by id, and each key's head.
#[derive(Debug, Default)]
pub struct Marks {
    marks: BTreeMap<StatementId, Mark>,
    heads: BTreeMap<Key, Order>,
}

impl Marks {
    /// Takes a live statement in, if it is a mark and not private.
    pub fn add(&mut self, stored: &Stored) {
        let statement = &stored.statement;
        let Some(about) = about(statement) else { return };
        if stored.is_private {
            return;
        }
        let head = matches!(statement.body(), Body::Head(_)).then(|| statement.header().order());
        if let Some(order) = head {
            self.heads.insert(about, order);
        }
        let mark = Mark { about, created: statement.header().created, place: Place::of(statement), head };
        self.marks.insert(statement.id(), mark);
    }

    /// Takes out a statement that is no longer live.
    pub fn remove(&mut self, stored: &Stored) {
        if let Some(Mark { about, head: Some(order), .. }) = self.marks.remove(&stored.statement.id())
            && self.heads.get(&about) == Some(&order)
        {
            self.heads.remove(&about);
        }
    }

    /// Every mark, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&StatementId, &Mark)> {
        self.marks.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: &StatementId) -> Option<&Mark> {
        self.marks.get(id)
    }

    /// The number of a key's head.
    #[must_use]
    pub fn head_of(&self, key: &Key) -> Option<Order> {
        self.heads.get(key).copied()
    }
}
