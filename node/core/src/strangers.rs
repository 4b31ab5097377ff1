//! The strangers' pool: whose statements may be evicted, and a fair draw among them.

use heirloom_proto::Key;
use rand_core::Rng;
use std::collections::BTreeMap;

/// Keys that share one pool, with a draw that costs the same for ten and for a hundred thousand.
#[derive(Debug, Default)]
pub struct Strangers {
    /// In an order that means nothing: a key that leaves is replaced by the last.
    keys: Vec<Key>,
    places: BTreeMap<Key, usize>,
    /// Bytes of all of them together.
    pub bytes: usize,
}

impl Strangers {
    /// Whether a key is in the pool.
    #[must_use]
    pub fn has(&self, key: &Key) -> bool {
        self.places.contains_key(key)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Puts a key in. Says whether it was not there.
    pub fn insert(&mut self, key: Key) -> bool {
        if self.has(&key) {
            return false;
        }
        self.places.insert(key, self.keys.len());
        self.keys.push(key);
        true
    }

    /// Takes a key out. Says whether it was there.
    pub fn remove(&mut self, key: &Key) -> bool {
        let Some(place) = self.places.remove(key) else { return false };
        self.keys.swap_remove(place);
        if let Some(moved) = self.keys.get(place) {
            self.places.insert(*moved, place);
        }
        true
    }

    /// A random key of the pool, each as likely as any other but for `last`, which is drawn when no other is left; `None`
    /// when there is none at all.
    pub fn draw(&self, rng: &mut impl Rng, last: Option<&Key>) -> Option<Key> {
        let last = last.filter(|key| self.has(key));
        let others = self.keys.len().checked_sub(usize::from(last.is_some()))?;
        if others == 0 {
            return last.copied();
        }
        let chosen = usize::try_from(rng.next_u64() % others as u64).ok()?;
        // The one that is left out has its turn taken by the one at the end.
        let chosen = if last.is_some() && self.keys.get(chosen) == last { others } else { chosen };
        self.keys.get(chosen).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::SecretKey;
    use rand_core::SeedableRng;

    #[test]
    fn everybody_but_the_newest_is_drawn_alike() {
        let keys: Vec<Key> = (0..5).map(|n| SecretKey::from_seed(&[n; 32]).public()).collect();
        let mut pool = Strangers::default();
        assert!(keys.iter().all(|key| pool.insert(*key)) && !pool.insert(keys[0]));
        assert!(pool.remove(&keys[1]) && !pool.remove(&keys[1]));
        let mut rng = rand_chacha::ChaCha8Rng::from_seed([1; 32]);
        for but in [keys[4], keys[0], keys[3]] {
            let mut drawn: BTreeMap<Key, u32> = BTreeMap::new();
            for _ in 0..3000 {
                *drawn.entry(pool.draw(&mut rng, Some(&but)).expect("there are others")).or_default() += 1;
            }
            assert_eq!(drawn.len(), 3, "neither who was taken out nor who is spared");
            assert!(!drawn.contains_key(&but) && drawn.values().all(|times| (850..1150).contains(times)), "{drawn:?}");
        }
        assert!([0, 2, 3].iter().all(|number: &usize| pool.remove(&keys[*number])));
        assert_eq!(pool.draw(&mut rng, Some(&keys[4])), Some(keys[4]), "only the newest is left");
        assert!(pool.remove(&keys[4]) && pool.draw(&mut rng, None).is_none());
    }
}
