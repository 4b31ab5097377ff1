//! A small sorted map in one allocation.

/// A map that nearly always has one entry, or a few: as many slots as entries, in key order.
///
/// COST: a `BTreeMap` of one entry takes room for eleven, which for the places of records and listings was 600 to 1,600
/// bytes each. Putting an entry in moves those behind it: a work that every one of 5,000 kept keys describes costs half a
/// megabyte of moving for each, less than its signature.
#[derive(Clone, Debug)]
pub struct Few<K, V>(Vec<(K, V)>);

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> Few<K, V> {
    fn place(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(key))
    }

    /// Puts a value in; what stood under the key gives way.
    pub fn insert(&mut self, key: K, value: V) {
        match self.place(&key) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => {
                if self.0.len() == self.0.capacity() {
                    // An eighth at a time: doubling would leave half of the slots unused, and most maps have one.
                    self.0.reserve_exact(self.0.len() / 8 + 1);
                }
                self.0.insert(at, (key, value));
            }
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.place(key).ok()?;
        let (_, value) = self.0.remove(at);
        Some(value)
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every entry, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The entries from the first whose key is not before some point on.
    pub fn from(&self, is_before: impl Fn(&K) -> bool) -> impl Iterator<Item = (&K, &V)> {
        let start = self.0.partition_point(|(key, _)| is_before(key));
        self.0[start..].iter().map(|(key, value)| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn it_does_what_a_tree_does() {
        let (mut few, mut tree) = (Few::default(), BTreeMap::new());
        let mut word = 1_u64;
        for step in 0..2_000_u64 {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = (word >> 33) % 40;
            if step % 3 == 0 {
                assert_eq!(few.remove(&key), tree.remove(&key));
            } else {
                few.insert(key, step);
                tree.insert(key, step);
            }
            assert!(few.iter().eq(tree.iter()), "step {step}");
            assert_eq!(few.is_empty(), tree.is_empty());
            assert!(few.from(|known| *known < key).eq(tree.range(key..)));
        }
    }

    #[test]
    fn one_entry_has_one_slot() {
        let mut few = Few::default();
        few.insert(1_u8, ());
        assert_eq!(few.0.capacity(), 1);
    }
}
