//! Keys and their dense numbers.

use std::hash::{DefaultHasher, Hash, Hasher};

use hashbrown::HashTable;

use crate::ids::NodeId;

/// Dense number of a key, in order of first mention. Never decides an order that can be seen.
pub(crate) type Index = u32;

/// Most keys a graph names. The top bit of an [`Index`] marks distrust where speakers are listed.
const KEYS_MAX: usize = 1 << 31;

/// The keys by number, and the numbers by key: 32 bytes a key and about 8 for its place in the table.
#[derive(Clone, Default)]
pub(crate) struct Names {
    ids: Vec<NodeId>,
    // Never iterated, so its order cannot show.
    table: HashTable<Index>,
}

fn hash(id: &NodeId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

impl Names {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn id(&self, index: Index) -> NodeId {
        self.ids[index as usize]
    }

    pub(crate) fn find(&self, id: &NodeId) -> Option<Index> {
        self.table.find(hash(id), |at| self.ids[*at as usize] == *id).copied()
    }

    /// The number of a key, and whether it is new.
    ///
    /// # Panics
    /// Beyond [`KEYS_MAX`] keys, whose names alone are 64 GiB: a store's quotas end long before.
    pub(crate) fn intern(&mut self, id: NodeId) -> (Index, bool) {
        if let Some(index) = self.find(&id) {
            return (index, false);
        }
        assert!(self.ids.len() < KEYS_MAX, "fewer than 2^31 keys");
        let index = self.ids.len() as Index;
        if self.ids.len() == self.ids.capacity() {
            // An eighth at a time: doubling would leave half of a large table unused.
            self.ids.reserve_exact(self.ids.len() / 8 + 8);
        }
        self.ids.push(id);
        let ids = &self.ids;
        self.table.insert_unique(hash(&id), index, |at| hash(&ids[*at as usize]));
        (index, true)
    }

    /// Every key, in order of first mention.
    pub(crate) fn ids(&self) -> &[NodeId] {
        &self.ids
    }

    pub(crate) fn shrink(&mut self) {
        self.ids.shrink_to_fit();
        let ids = &self.ids;
        self.table.shrink_to_fit(|at| hash(&ids[*at as usize]));
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.ids).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_number() {
        let mut names = Names::default();
        for number in 0..100_u8 {
            assert_eq!(names.intern(NodeId([number; 32])), (u32::from(number), true));
        }
        names.shrink();
        assert_eq!(names.intern(NodeId([7; 32])), (7, false));
        assert_eq!((names.find(&NodeId([99; 32])), names.find(&NodeId([100; 32]))), (Some(99), None));
    }
}
