//! What really happened in a world, as no node can know it: who signed what, who cheats, which releases are fakes.
//! The checkers hold the nodes against it.

use crate::world::NodeId;
use heirloom_proto::dht::Item;
use heirloom_proto::{Infohash, Key, Statement, StatementId, Verified};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

/// The truth.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// Every statement that anybody ever signed, and when.
    signed: BTreeMap<StatementId, Duration>,
    /// Keys that really contradicted themselves about who follows them.
    duplicitous: BTreeSet<Key>,
    /// Releases that are not what their listers say.
    fakes: BTreeSet<Infohash>,
    /// Whoever lists them, and so trusts them.
    fakers: BTreeSet<NodeId>,
    /// What each node said it has taken in.
    pub(crate) accepted: BTreeMap<NodeId, BTreeMap<StatementId, Rc<Verified<Statement>>>>,
    /// Items of the DHT by key, salt and number: BEP44 has one value for them.
    pub(crate) items: BTreeMap<([u8; 32], Vec<u8>, i64), Verified<Item>>,
}

impl Truth {
    pub(crate) fn signs(&mut self, id: StatementId, at: Duration) {
        self.signed.entry(id).or_insert(at);
    }

    pub(crate) fn was_signed(&self, id: &StatementId) -> bool {
        self.signed.contains_key(id)
    }

    /// When a statement was first said.
    pub(crate) fn signed_at(&self, id: &StatementId) -> Option<Duration> {
        self.signed.get(id).copied()
    }

    pub(crate) fn contradicts_itself(&mut self, key: Key) {
        self.duplicitous.insert(key);
    }

    pub(crate) fn is_duplicitous(&self, key: &Key) -> bool {
        self.duplicitous.contains(key)
    }

    pub(crate) fn duplicitous(&self) -> impl Iterator<Item = &Key> {
        self.duplicitous.iter()
    }

    pub(crate) fn lists_fake(&mut self, infohash: Infohash, of: NodeId) {
        self.fakes.insert(infohash);
        self.fakers.insert(of);
    }

    pub(crate) fn is_fake(&self, infohash: &Infohash) -> bool {
        self.fakes.contains(infohash)
    }

    pub(crate) fn is_faker(&self, node: NodeId) -> bool {
        self.fakers.contains(&node)
    }
}
