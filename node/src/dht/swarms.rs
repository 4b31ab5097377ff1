//! One infohash at a time: announcing keeps asking for peers out, and the other way round.
//!
//! The crate runs one query per target. It looks up where to announce with a BEP44 `get`, and a question for peers
//! of that infohash that comes while this runs is joined to it, and hears of no peer: no node answers a `get` with
//! peers. So the two take turns. Questions of the same kind may run together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::RwLock;

/// Locks that may lie about unused before they are swept.
const UNSWEPT_MAX: usize = 256;

/// A lock per infohash that is being asked for or announced: write to announce, read to ask.
#[derive(Debug, Default)]
pub(super) struct Swarms(Mutex<HashMap<[u8; 20], Arc<RwLock<()>>>>);

impl Swarms {
    /// The lock of that infohash.
    pub(super) fn lock_of(&self, infohash: [u8; 20]) -> Arc<RwLock<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if locks.len() >= UNSWEPT_MAX {
            // Whoever uses a lock holds a second handle to it, and new ones are only given out under this guard.
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        Arc::clone(locks.entry(infohash).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infohash(number: usize) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes
    }

    #[test]
    fn one_infohash_has_one_lock() {
        let swarms = Swarms::default();
        let announcing = swarms.lock_of(infohash(1));
        let _held = announcing.try_write().expect("nobody else");
        assert!(swarms.lock_of(infohash(1)).try_read().is_err());
        assert!(swarms.lock_of(infohash(2)).try_read().is_ok());
    }

    #[test]
    fn unused_locks_are_swept_and_used_ones_stay() {
        let swarms = Swarms::default();
        let used = swarms.lock_of(infohash(0));
        for number in 1..=10 * UNSWEPT_MAX {
            swarms.lock_of(infohash(number));
        }
        assert!(swarms.0.lock().expect("not poisoned").len() <= UNSWEPT_MAX);
        assert!(Arc::ptr_eq(&used, &swarms.lock_of(infohash(0))));
    }
}
