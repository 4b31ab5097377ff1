//! The one door to ground state: every statement, one's own included, passes here, and what core says of it is its
//! admission.
//!
//! Order of the checks: signature (already behind a [`Verified`](heirloom_proto::Verified)), time, floors, conflicts, retractions, quotas.

mod checks;
mod refusal;
mod room;

pub use checks::{is_gone, item_floor_key, stands_for_good};
pub use refusal::Refusal;
pub use room::{Over, goes_last};

use crate::budgets::Budgets;
use crate::floors::{Floors, Hold};
use crate::ground::{Ground, Place, Stored};
use crate::io::Now;
use crate::store::{Durability, Store, StoreError};
use crate::strangers::Strangers;
use crate::views::Source;
use checks::{check_place, check_receipt, check_time};
use heirloom_proto::body::Head;
use heirloom_proto::limits::{FUTURE_MS_MAX, LIFETIME_MS_MAX};
use heirloom_proto::{Body, Key, Kind, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most bytes of statements by one followed key, unless chosen otherwise: an archive of a busy curator.
pub const FOLLOWED_BYTES_MAX: usize = 64 << 20;
/// Most bytes of statements by one key that has a score but is not followed, unless chosen otherwise.
pub const RATED_BYTES_MAX: usize = 64 << 10;
/// Most keys that are kept for their score, unless chosen otherwise; the best scored. With [`RATED_BYTES_MAX`] each, 320 MiB: a ring that lifts a
/// hundred thousand keys a little above zero must not fill the disk.
pub const RATED_KEYS_MAX: usize = 5_000;
/// Most bytes of statements by all strangers together, unless chosen otherwise. Overflow evicts random strangers, so that
/// nobody can choose whom.
pub const STRANGERS_BYTES_MAX: usize = 16 << 20;
/// What a statement takes on disk beside its envelope: the keys of its four rows, the values of three, and what the
/// database adds to each. Compression gives some of it back.
pub const ROW_BYTES: u64 = 320;
/// What a floor takes on disk.
pub const FLOOR_BYTES: u64 = 96;
/// Most floors of one key that has a score but is not followed: eight times as many as statements fit, since what expired
/// or was taken back leaves one. With [`RATED_KEYS_MAX`] such keys, a gigabyte that only they could fill.
pub const RATED_FLOORS_MAX: u32 = 2_048;
/// How long a place is empty before its floor goes: nothing that was signed before it was left is valid by then.
pub const FLOOR_LIFETIME_MS: u64 = LIFETIME_MS_MAX + FUTURE_MS_MAX;
/// Most authors whose push rate is remembered. Overflow forgets the one that pushed longest ago.
const BUCKETS_MAX: usize = 10_000;

/// What a new statement did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What stood there before and is gone, together with what a retraction took away.
    pub removed: Vec<Stored>,
    /// The new record.
    pub stored: Stored,
}

/// How much of an author is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The owner.
    Own,
    /// Followed.
    Followed,
    /// Has a score above zero, and is among the best, of which so many are kept ([`Budgets::rated_keys`]). Also who is
    /// bound to a followed key by a rotation or a proof.
    Rated,
    /// Nobody known.
    Stranger,
}

/// Tokens of one author and kind.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Duration,
}

/// Kinds are numbered from 1.
const KINDS: usize = 12;

/// What is live of one author.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Statements by number of their kind.
    counts: [u32; KINDS],
    bytes: usize,
    /// No live statement has a number beyond this one. It may be that of one that is gone.
    top: (u32, u64),
}

impl Tally {
    fn count(&self, kind: Kind) -> usize {
        self.counts.get(kind.number() as usize).map_or(0, |count| *count as usize)
    }
}

/// Counts that quotas need; derived, rebuilt at start.
#[derive(Debug, Default)]
pub struct Ingest {
    budgets: Budgets,
    tallies: BTreeMap<Key, Tally>,
    /// Live statements, and the bytes of all of them.
    live: (usize, u64),
    buckets: BTreeMap<(Key, Kind), Bucket>,
    strangers: Strangers,
    rated: BTreeSet<Key>,
    /// How many were rated when authors were sorted last.
    rated_when_sorted: usize,
    /// Who has more than its standing allows: it had a better one.
    oversize: BTreeSet<Key>,
    floors: Floors,
    /// Bytes of the store that the search index takes.
    index_bytes: u64,
    /// The last eviction found nothing more that may go.
    is_stuck: bool,
    /// The time of what was taken in last.
    seen: Timestamp,
    /// Nothing of others is written.
    pub is_disk_low: bool,
    /// Strangers bring nothing more.
    pub puts_strangers_off: bool,
    /// Rated keys bring nothing more either.
    pub puts_rated_off: bool,
    /// Refusals and other events by name, for `status`.
    pub counters: BTreeMap<&'static str, u64>,
}

impl Ingest {
    /// Nothing yet.
    #[must_use]
    pub fn new(budgets: Budgets) -> Self {
        Self { budgets, ..Self::default() }
    }

    /// Adds one to a counter.
    pub fn count(&mut self, name: &'static str) {
        *self.counters.entry(name).or_default() += 1;
    }

    /// Adds to a counter.
    pub fn count_many(&mut self, name: &'static str, many: u64) {
        *self.counters.entry(name).or_default() += many;
    }

    /// Forgets every count but the counters.
    pub fn reset(&mut self) {
        *self = Self {
            budgets: self.budgets,
            counters: std::mem::take(&mut self.counters),
            index_bytes: self.index_bytes,
            is_disk_low: self.is_disk_low,
            puts_strangers_off: self.puts_strangers_off,
            puts_rated_off: self.puts_rated_off,
            ..Self::default()
        };
    }

    /// Every key with live statements.
    #[must_use]
    pub fn all_authors(&self) -> Vec<Key> {
        self.tallies.keys().copied().collect()
    }

    /// Notes how much of an author is kept from now on.
    pub fn note_standing(&mut self, author: Key, standing: Standing) {
        let Some(bytes) = self.tallies.get(&author).map(|tally| tally.bytes) else { return };
        if standing == Standing::Stranger {
            if self.strangers.insert(author) {
                self.strangers.bytes += bytes;
            }
        } else if self.strangers.remove(&author) {
            self.strangers.bytes = self.strangers.bytes.saturating_sub(bytes);
        }
        if standing == Standing::Rated {
            self.rated.insert(author);
        } else {
            self.rated.remove(&author);
        }
        if bytes > self.bytes_max(standing) {
            self.oversize.insert(author);
        } else {
            self.oversize.remove(&author);
        }
        self.floors.hold(&author, if standing == Standing::Stranger { Hold::Pooled } else { Hold::Kept });
    }

    /// Notes a record that is in the store.
    pub fn note(&mut self, stored: &Stored) {
        let author = *stored.statement.author();
        let len = stored.statement.bytes().len();
        let tally = self.tallies.entry(author).or_default();
        if let Some(count) = tally.counts.get_mut(stored.statement.kind().number() as usize) {
            *count = count.saturating_add(1);
        }
        tally.bytes += len;
        tally.top = tally.top.max(stored.statement.header().order());
        self.live = (self.live.0 + 1, self.live.1 + len as u64);
        if self.strangers.has(&author) {
            self.strangers.bytes += len;
        }
    }

    /// Notes that a record is gone.
    pub fn forget(&mut self, stored: &Stored) {
        let author = *stored.statement.author();
        let len = stored.statement.bytes().len();
        self.live = (self.live.0.saturating_sub(1), self.live.1.saturating_sub(len as u64));
        if self.strangers.has(&author) {
            self.strangers.bytes = self.strangers.bytes.saturating_sub(len);
        }
        if let Some(tally) = self.tallies.get_mut(&author) {
            if let Some(count) = tally.counts.get_mut(stored.statement.kind().number() as usize) {
                *count = count.saturating_sub(1);
            }
            tally.bytes = tally.bytes.saturating_sub(len);
            if tally.bytes == 0 {
                self.tallies.remove(&author);
                self.strangers.remove(&author);
                self.rated.remove(&author);
                self.oversize.remove(&author);
                // Whoever has a standing all the same is passed over when floors go.
                self.floors.hold(&author, Hold::Gone(self.seen.0));
            }
        }
        self.is_stuck &= self.must_shrink();
    }

    /// Notes floors that are in the store, and when a statement of theirs was evicted last.
    pub fn note_floors(&mut self, author: Key, count: u32, evicted_ms: u64) {
        self.floors.add(author, count);
        if !self.tallies.contains_key(&author) {
            self.floors.hold(&author, Hold::Gone(evicted_ms));
        }
    }

    /// Live statements of a key that its head may count.
    #[must_use]
    pub fn log_len(&self, author: &Key) -> usize {
        let tally = self.tally(author);
        let kinds = (1..).map_while(Kind::from_number);
        kinds.filter(|kind| Head::counts(*kind)).map(|kind| tally.count(kind)).sum()
    }

    /// Keys with live statements.
    #[must_use]
    pub fn authors(&self) -> usize {
        self.tallies.len()
    }

    /// Live statements of a key of one kind.
    #[must_use]
    pub fn count_of(&self, author: &Key, kind: Kind) -> usize {
        self.tally(author).count(kind)
    }

    fn tally(&self, author: &Key) -> Tally {
        self.tallies.get(author).copied().unwrap_or_default()
    }

    /// Live statements.
    #[must_use]
    pub fn statements(&self) -> usize {
        self.live.0
    }

    /// Takes a statement in, or says why not. The caller makes room for it afterwards.
    ///
    /// # Errors
    /// The inner error is the refusal; the outer one means that the store failed.
    pub fn admit<S: Store>(
        &mut self,
        now: Now,
        ground: &mut Ground<S>,
        new: Stored,
        standing: Standing,
    ) -> Result<Result<Accepted, Refusal>, StoreError> {
        self.seen = now.wall;
        if let Err(refusal) = check_time(now, &new, standing).and_then(|()| check_receipt(&new.statement)) {
            return Ok(Err(refusal));
        }
        let place = Place::of(&new.statement);
        let tally = self.tally(&place.author);
        let (mut removed, is_first) = match check_place(ground, &place, &new.statement, &tally)? {
            Ok(checked) => checked,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // After the floors: whoever repeats a key's statements must not use up what the key may push.
        if new.source == Source::Gossip && !self.takes_token(now, place.author, place.kind) {
            return Ok(Err(Refusal::TooFast));
        }
        if is_first && self.floors.of(&place.author) >= self.floors_max(standing) {
            return Ok(Err(Refusal::OverQuota));
        }
        // COST: half of the reads of a new statement. Nothing ever stood where there is no floor.
        let replaces = if is_first { None } else { ground.statement(&place)? };
        if self.is_over_quota(&tally, &new.statement, replaces.as_ref(), standing) {
            return Ok(Err(Refusal::OverQuota));
        }
        if let Err(refusal) = self.check_room(&new.statement, replaces.as_ref(), standing) {
            return Ok(Err(refusal));
        }
        removed.extend(replaces);
        for old in &removed {
            ground.remove(&Place::of(&old.statement))?;
            self.forget(old);
        }
        if let Body::Retraction(retraction) = new.statement.body()
            && let Some(target) = ground.place_by_id(&retraction.target)?
            && target.author == place.author
            && !stands_for_good(target.kind)
            && let Some(old) = ground.remove(&target)?
        {
            self.forget(&old);
            removed.push(old);
        }
        let durability = if standing == Standing::Own { Durability::Disk } else { Durability::Process };
        ground.insert(&place, &new, durability);
        self.note(&new);
        if is_first {
            self.floors.add(place.author, 1);
        }
        self.note_standing(place.author, standing);
        Ok(Ok(Accepted { removed, stored: new }))
    }

    /// Rates bind what is pushed. A bucket fills at the sustained rate up to the burst.
    fn takes_token(&mut self, now: Now, author: Key, kind: Kind) -> bool {
        let limits = kind.limits();
        if self.buckets.len() >= BUCKETS_MAX && !self.buckets.contains_key(&(author, kind)) {
            let oldest = self.buckets.iter().min_by_key(|(_, bucket)| bucket.at).map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                self.buckets.remove(&oldest);
            }
        }
        let burst = f64::from(limits.pushed_burst);
        let bucket = self.buckets.entry((author, kind)).or_insert(Bucket { tokens: burst, at: now.mono });
        let gained = now.mono.saturating_sub(bucket.at).as_secs_f64() * f64::from(limits.pushed_per_day) / 86_400.0;
        bucket.tokens = (bucket.tokens + gained).min(burst);
        bucket.at = now.mono;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }

    /// Takes out a record that its author no longer stands by; its floor stays, so that it does not come back. The
    /// caller takes it out of what it derived.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn withdraw<S: Store>(&mut self, ground: &mut Ground<S>, stored: &Stored) -> Result<(), StoreError> {
        if ground.remove(&Place::of(&stored.statement))?.is_some() {
            self.forget(stored);
        }
        Ok(())
    }

    /// Removes what a key said at or after a time; the caller takes it out of what it derived.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn purge<S: Store>(
        &mut self,
        author: &Key,
        since: Timestamp,
        ground: &mut Ground<S>,
    ) -> Result<Vec<Stored>, StoreError> {
        let mut gone = ground.statements_of(author)?;
        gone.retain(|stored| stored.statement.header().created >= since);
        for old in &gone {
            ground.remove(&Place::of(&old.statement))?;
            self.forget(old);
            self.count("compromised_removed");
        }
        Ok(gone)
    }

    /// Takes away what expired by `now` among some `count` records from the key `from` on: what these were, for the caller
    /// to take them out of what it derived, and where to go on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn expire<S: Store>(
        &mut self,
        now: Now,
        ground: &mut Ground<S>,
        from: &[u8],
        count: usize,
    ) -> Result<(Vec<Stored>, Option<Vec<u8>>), StoreError> {
        self.seen = now.wall;
        let mut expired = Vec::new();
        let (places, next) = ground.gone_from(from, count, |stored| is_gone(&stored.statement, now.wall))?;
        for place in places {
            // What waits for its commit may have taken the place.
            let old = ground.statement(&place)?.filter(|stored| is_gone(&stored.statement, now.wall));
            let Some(old) = old else { continue };
            ground.remove(&place)?;
            self.forget(&old);
            self.count("expired");
            expired.push(old);
        }
        Ok((expired, next))
    }

    /// Takes away floors that keep nothing out any longer, among some `count` from the key `from` on; where to go on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn expire_floors<S: Store>(
        &mut self,
        now: Now,
        ground: &mut Ground<S>,
        from: &[u8],
        count: usize,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let is_dead = |left: Timestamp| now.wall.0.saturating_sub(left.0) > FLOOR_LIFETIME_MS;
        let (gone, next) = ground.settle_floors(from, count, now.wall, is_dead)?;
        for author in gone {
            self.floors.lose(&author);
            self.count("floors_expired");
        }
        Ok(next)
    }
}
