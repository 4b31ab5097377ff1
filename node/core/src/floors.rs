//! How many floors each key has, and whose are given up first.
//!
//! A floor keeps out whatever is older than the newest statement seen at a place, for as long as its author matters
//! here. A crowd of invented keys would leave floors behind without end, so those of keys without standing are limited.
//! What is given up with one: an older statement of such a key may be taken in again. Nobody here trusts that key, so it
//! weighs nothing; it still expires; the newer one replaces it as soon as anybody brings it; and if the key is followed
//! later, its head tells which of the two is live. Floors of the owner, of whom they follow and of rated keys stay for as
//! long as anything older could be valid, and a key that fills them up gets no new places.

use heirloom_proto::Key;
use std::collections::{BTreeMap, BTreeSet};

/// Why floors of a key are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It has a standing.
    Kept,
    /// It is a stranger with statements here.
    Pooled,
    /// Nothing of it is here since that time, in Unix milliseconds; 0 if that is not known.
    Gone(u64),
}

/// All floors, by key.
#[derive(Debug, Default)]
pub struct Floors {
    keys: BTreeMap<Key, (u32, Hold)>,
    gone: BTreeSet<(u64, Key)>,
    total: usize,
    loose: usize,
}

impl Floors {
    /// How many floors there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// How many of them belong to keys without standing.
    #[must_use]
    pub fn loose(&self) -> usize {
        self.loose
    }

    /// Notes new floors of a key. One that was not known is gone until something else is said of it.
    pub fn add(&mut self, key: Key, count: u32) {
        let (known, hold) = self.keys.entry(key).or_insert((0, Hold::Gone(0)));
        *known = known.saturating_add(count);
        if *known == count && *hold == Hold::Gone(0) {
            self.gone.insert((0, key));
        }
        self.total += count as usize;
        if *hold != Hold::Kept {
            self.loose += count as usize;
        }
    }

    /// Says why the floors of a key are kept from now on.
    pub fn hold(&mut self, key: &Key, hold: Hold) {
        let Some((count, old)) = self.keys.get_mut(key) else { return };
        if *old == hold {
            return;
        }
        if let Hold::Gone(since) = *old {
            self.gone.remove(&(since, *key));
        }
        if let Hold::Gone(since) = hold {
            self.gone.insert((since, *key));
        }
        match (*old == Hold::Kept, hold == Hold::Kept) {
            (true, false) => self.loose += *count as usize,
            (false, true) => self.loose = self.loose.saturating_sub(*count as usize),
            _ => {}
        }
        *old = hold;
    }

    /// How many floors a key has.
    #[must_use]
    pub fn of(&self, key: &Key) -> u32 {
        self.keys.get(key).map_or(0, |(count, _)| *count)
    }

    /// Notes that one floor of a key is gone.
    pub fn lose(&mut self, key: &Key) {
        match self.keys.get_mut(key) {
            Some((count, hold)) if *count > 1 => {
                *count -= 1;
                self.total = self.total.saturating_sub(1);
                if *hold != Hold::Kept {
                    self.loose = self.loose.saturating_sub(1);
                }
            }
            _ => self.delete(key),
        }
    }

    /// Notes that the floors of a key were deleted.
    pub fn delete(&mut self, key: &Key) {
        self.hold(key, Hold::Kept);
        if let Some((count, _)) = self.keys.remove(key) {
            self.total = self.total.saturating_sub(count as usize);
        }
    }

    /// Whose floors go first: whose statements went first; then, of strangers that have some, who has the most floors,
    /// since honest keys have few more than statements.
    #[must_use]
    pub fn first_to_go(&self) -> Option<Key> {
        let most = || {
            let pooled = self.keys.iter().filter(|(_, (_, hold))| *hold == Hold::Pooled);
            pooled.max_by_key(|(_, (count, _))| *count).map(|(key, _)| *key)
        };
        self.gone.first().map(|(_, key)| *key).or_else(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::SecretKey;

    #[test]
    fn who_is_gone_for_longest_goes_first_and_who_has_a_standing_never() {
        let key = |number| SecretKey::from_seed(&[number; 32]).public();
        let mut floors = Floors::default();
        for (number, count) in [(1, 5), (2, 1), (3, 9), (4, 2), (5, 3)] {
            floors.add(key(number), count);
        }
        assert_eq!((floors.total(), floors.loose()), (20, 20));
        floors.lose(&key(1));
        floors.lose(&key(2));
        assert_eq!((floors.of(&key(1)), floors.of(&key(2)), floors.total(), floors.loose()), (4, 0, 18, 18));
        floors.add(key(1), 1);
        floors.add(key(2), 1);
        floors.hold(&key(1), Hold::Kept);
        floors.hold(&key(2), Hold::Gone(20));
        floors.hold(&key(3), Hold::Pooled);
        floors.hold(&key(4), Hold::Gone(10));
        floors.hold(&key(5), Hold::Pooled);
        floors.add(key(1), 1);
        assert_eq!((floors.total(), floors.loose()), (21, 15));
        let mut order = Vec::new();
        while let Some(next) = floors.first_to_go() {
            order.push(next);
            floors.delete(&next);
        }
        assert_eq!(order, [key(4), key(2), key(3), key(5)]);
        assert_eq!((floors.total(), floors.loose()), (6, 0));
        floors.hold(&key(9), Hold::Pooled);
        assert_eq!(floors.total(), 6, "a key without floors is not remembered");
    }
}
