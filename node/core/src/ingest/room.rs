//! How much there may be: of one key, of strangers, of floors, and of everything; and who gives way first.

use super::stands_for_good;
use super::{FLOOR_BYTES, Ingest, RATED_FLOORS_MAX, ROW_BYTES, Refusal, Standing, Tally};
use crate::floors::Hold;
use crate::ground::{Ground, Place, Stored};
use crate::store::{Store, StoreError};
use heirloom_proto::{Key, Kind, Statement};
use rand_core::Rng;

/// When statements must go for want of room on disk, so much more goes, as a part of all: what has to be sorted for it is
/// sorted seldom.
const SLACK: u64 = 64;
/// Keys that may come to be rated before authors are sorted anew, as a part of K and at least so many: K is passed by no more.
const RATED_SLACK: usize = 16;
const RATED_SLACK_MIN: usize = 64;

/// What is over its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// A key has more than its standing allows.
    Key(Key),
    /// The pool of the strangers.
    Strangers,
    /// Floors of keys without standing.
    Floors,
    /// The store as a whole.
    Store,
}

/// What goes last of a key's statements when some must go: what it committed to, and the head that counts the rest.
#[must_use]
pub fn goes_last(kind: Kind) -> bool {
    stands_for_good(kind) || kind == Kind::Head
}

impl Ingest {
    /// Whether so many were rated since authors were sorted that more than K may be.
    #[must_use]
    pub fn must_sort(&self) -> bool {
        let most = self.budgets.rated_keys.max(self.rated_when_sorted);
        self.rated.len() > most + (self.budgets.rated_keys / RATED_SLACK).max(RATED_SLACK_MIN)
    }

    /// Notes that every author's standing was looked at.
    pub fn sorted(&mut self) {
        self.rated_when_sorted = self.rated.len();
        self.is_stuck = false;
    }

    /// Notes that a key has no more than may stay of it, even if that is too much.
    pub fn note_trimmed(&mut self, author: Key, standing: Standing) {
        self.note_standing(author, standing);
        self.oversize.remove(&author);
    }

    /// Most bytes of a key of that standing.
    pub(super) fn bytes_max(&self, standing: Standing) -> usize {
        match standing {
            Standing::Own => usize::MAX,
            Standing::Followed => self.budgets.followed_bytes,
            // One stranger may have what a rated key may have; all of them share one pool.
            Standing::Rated => self.budgets.rated_bytes,
            Standing::Stranger => self.budgets.rated_bytes.min(self.budgets.strangers_bytes),
        }
    }

    /// Most floors of one key: of a followed one no more bytes of them than of statements. Those of strangers have a
    /// limit together.
    pub(super) fn floors_max(&self, standing: Standing) -> u32 {
        match standing {
            Standing::Own | Standing::Stranger => u32::MAX,
            Standing::Followed => u32::try_from(self.budgets.followed_bytes as u64 / FLOOR_BYTES).unwrap_or(u32::MAX),
            Standing::Rated => RATED_FLOORS_MAX,
        }
    }

    /// What the statements, their rows and all floors take on disk, about.
    #[must_use]
    pub fn store_bytes(&self) -> u64 {
        self.live.1 + self.live.0 as u64 * ROW_BYTES + self.floors.total() as u64 * FLOOR_BYTES
    }

    /// Whether so much was evicted for want of room on disk that what is fetched again would only go again.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        let most = self.store_max();
        self.store_bytes() > most - most / (SLACK / 2)
    }

    /// What is to be given up next, as long as something is. Keys that have more than their standing allows come first,
    /// so that nobody else makes room for them; then strangers, then the lowest scores.
    #[must_use]
    pub fn over(&self) -> Option<Over> {
        if let Some(author) = self.oversize.first() {
            return Some(Over::Key(*author));
        }
        if self.strangers.bytes > self.budgets.strangers_bytes {
            return Some(Over::Strangers);
        }
        if self.floors.loose() > self.budgets.loose_floors_max() {
            return Some(Over::Floors);
        }
        let is_over = self.store_bytes() > self.store_max();
        (is_over && !self.is_stuck).then_some(Over::Store)
    }

    /// Whether the store is to give up still more, once it has begun to.
    #[must_use]
    pub fn must_shrink(&self) -> bool {
        let most = self.store_max();
        self.store_bytes() > most - most / SLACK
    }

    /// Notes how much of the store the search index takes.
    pub fn set_index_bytes(&mut self, bytes: u64) {
        self.index_bytes = bytes;
    }

    /// Bytes that statements may take beside the search index.
    fn store_max(&self) -> u64 {
        self.budgets.store_bytes.saturating_sub(self.index_bytes)
    }

    /// Notes whether there is anything left that may go.
    pub fn set_stuck(&mut self, is_stuck: bool) {
        self.is_stuck = is_stuck;
    }

    /// A random stranger; the newest only when there is no other.
    pub fn draw_stranger(&self, rng: &mut impl Rng, newest: Option<&Key>) -> Option<Key> {
        self.strangers.draw(rng, newest)
    }

    /// Keys that are kept for their score, or for what binds them to followed keys.
    pub fn rated_keys(&self) -> impl Iterator<Item = &Key> {
        self.rated.iter()
    }

    /// Takes a statement out for want of room; it may come back when there is some. The caller takes it out of what it
    /// derived.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn evict<S: Store>(&mut self, ground: &mut Ground<S>, old: &Stored) -> Result<(), StoreError> {
        if ground.evict(&Place::of(&old.statement), self.seen)?.is_some() {
            self.forget(old);
            self.count("evicted");
        }
        Ok(())
    }

    /// How many bytes a key is over what its standing allows.
    #[must_use]
    pub fn excess_of(&self, author: &Key, standing: Standing) -> usize {
        self.tally(author).bytes.saturating_sub(self.bytes_max(standing))
    }

    /// Whose floors are given up next.
    #[must_use]
    pub fn first_floors_to_go(&self) -> Option<Key> {
        self.floors.first_to_go()
    }

    /// Spares the floors of a key that turned out to have a standing.
    pub fn spare_floors(&mut self, author: &Key) {
        self.floors.hold(author, Hold::Kept);
    }

    /// Gives up the floors of a key whose statements are gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn drop_floors<S: Store>(&mut self, ground: &mut Ground<S>, author: &Key) -> Result<(), StoreError> {
        ground.drop_floors(author)?;
        self.floors.delete(author);
        self.count("floors_dropped");
        Ok(())
    }

    /// Floors of all keys, and of those without standing.
    #[must_use]
    pub fn floor_counts(&self) -> (usize, usize) {
        (self.floors.total(), self.floors.loose())
    }

    /// Bytes of all strangers' statements.
    #[must_use]
    pub fn strangers_bytes(&self) -> usize {
        self.strangers.bytes
    }

    /// Whether strangers may bring so many bytes more before anybody is evicted.
    #[must_use]
    pub fn has_room_for_strangers(&self, bytes: usize) -> bool {
        self.strangers.bytes.saturating_add(bytes) <= self.budgets.strangers_bytes
    }

    /// Keys that share the strangers' pool.
    #[must_use]
    pub fn strangers(&self) -> usize {
        self.strangers.len()
    }

    pub(super) fn is_over_quota(
        &self,
        tally: &Tally,
        new: &Statement,
        replaces: Option<&Stored>,
        standing: Standing,
    ) -> bool {
        let count = tally.count(new.kind());
        let freed = replaces.map_or(0, |old| old.statement.bytes().len());
        let bytes = tally.bytes.saturating_sub(freed) + new.bytes().len();
        let bytes_max = self.bytes_max(standing);
        // What replaces something and is no longer than it fits always.
        (replaces.is_none() && count >= new.kind().limits().live_per_key_max)
            || (bytes > bytes_max && new.bytes().len() > freed)
    }

    /// What is short binds others only. The owner's own words are written while the disk takes them.
    pub(super) fn check_room(
        &self,
        new: &Statement,
        replaces: Option<&Stored>,
        standing: Standing,
    ) -> Result<(), Refusal> {
        if standing == Standing::Own {
            return Ok(());
        }
        if self.is_disk_low {
            return Err(Refusal::DiskLow);
        }
        let is_put_off = match standing {
            Standing::Stranger => self.puts_strangers_off,
            Standing::Rated => self.puts_rated_off,
            Standing::Own | Standing::Followed => false,
        };
        if is_put_off {
            return Err(Refusal::PutOff);
        }
        let freed = replaces.map_or(0, |old| old.statement.bytes().len() as u64 + ROW_BYTES);
        let after = (self.store_bytes() + new.bytes().len() as u64 + ROW_BYTES).saturating_sub(freed);
        // A stranger would be the first to go, when no other stranger is left.
        let is_first_to_go =
            standing == Standing::Stranger && self.strangers.len() <= usize::from(self.strangers.has(new.author()));
        if after > self.store_max() && (self.is_stuck || is_first_to_go) {
            return Err(Refusal::NoRoom);
        }
        Ok(())
    }
}
