//! The one door to ground state: every statement, one's own included, passes here, and what core says of it is its
//! admission.
//!
//! Order of the checks: signature (already behind a [`Verified`]), time, floors, conflicts, retractions, quotas.

use crate::budgets::Budgets;
use crate::floors::{Floors, Hold};
use crate::ground::{Ground, Place, Stored};
use crate::io::{Admission, Now};
use crate::store::{Durability, Store, StoreError};
use crate::strangers::Strangers;
use crate::views::Source;
use heirloom_proto::body::Head;
use heirloom_proto::limits::{FUTURE_MS_MAX, LIFETIME_MS_MAX, PUSH_AGE_MS_MAX};
use heirloom_proto::{Body, Key, Kind, Sha256, Statement, Timestamp, Verified};
use rand_core::Rng;
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
/// When statements must go for want of room on disk, so much more goes, as a part of all: what has to be sorted for it is
/// sorted seldom.
const SLACK: u64 = 64;
/// Keys that may come to be rated before authors are sorted anew, as a part of K and at least so many: K is passed by no more.
const RATED_SLACK: usize = 16;
const RATED_SLACK_MIN: usize = 64;

/// Most authors whose push rate is remembered. Overflow forgets the one that pushed longest ago.
const BUCKETS_MAX: usize = 10_000;

/// Why a statement did not get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// Its time is more than ten minutes ahead of this clock.
    #[error("from the future")]
    Future,
    /// It no longer counts.
    #[error("expired")]
    Expired,
    /// Too old to be pushed; sync may still bring it.
    #[error("too old to push")]
    TooOldToPush,
    /// The same statement is here.
    #[error("known")]
    Known,
    /// A newer one stood at its place.
    #[error("rolled back")]
    RolledBack,
    /// Another statement with the same number wins.
    #[error("lost a conflict")]
    LostConflict,
    /// Its author took it back.
    #[error("retracted")]
    Retracted,
    /// Its author has as many as a key may have.
    #[error("over the quota of its author")]
    OverQuota,
    /// The store holds as much as the owner grants, and nothing in it may go before this.
    #[error("no room in the store")]
    NoRoom,
    /// The disk is nearly full: what room is left is for the owner's own words.
    #[error("the disk is nearly full")]
    DiskLow,
    /// The node is short of memory or processor time, and its author is not followed.
    #[error("put off")]
    PutOff,
    /// Its author pushes too fast.
    #[error("pushed too fast")]
    TooFast,
    /// Nobody here knows its author, and who pushed it has pushed as many such as one may.
    #[error("one more stranger than its pusher may push")]
    StrangerTooFast,
    /// Its author's next key took over and says that the old one is compromised.
    #[error("by a compromised key")]
    Compromised,
    /// Its author committed to another next key before, or was left for another key.
    #[error("contradicts an earlier commitment")]
    Contradicts,
    /// As [`Refusal::Contradicts`], and nobody has said so to everybody: whoever hears it next may.
    #[error("evidence of a contradiction")]
    Evidence,
    /// A rotation to a key that the profile of the previous one did not commit to, or whose profile is not known here.
    #[error("not committed to")]
    Uncommitted,
    /// The key that it accuses is convicted here.
    #[error("proven already")]
    Proven,
    /// A receipt about its own author.
    #[error("a receipt about oneself")]
    AboutItself,
    /// A receipt about a week that was not over when it was made.
    #[error("a receipt about a week that was not over")]
    WeekNotOver,
}

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

    /// Notes that a key has no more than may stay of it, even if that is too much.
    pub fn note_trimmed(&mut self, author: Key, standing: Standing) {
        self.note_standing(author, standing);
        self.oversize.remove(&author);
    }

    /// Notes that every author's standing was looked at.
    pub fn sorted(&mut self) {
        self.rated_when_sorted = self.rated.len();
        self.is_stuck = false;
    }

    /// Whether so many were rated since authors were sorted that more than K may be.
    #[must_use]
    pub fn must_sort(&self) -> bool {
        let most = self.budgets.rated_keys.max(self.rated_when_sorted);
        self.rated.len() > most + (self.budgets.rated_keys / RATED_SLACK).max(RATED_SLACK_MIN)
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

    /// Most bytes of a key of that standing.
    fn bytes_max(&self, standing: Standing) -> usize {
        match standing {
            Standing::Own => usize::MAX,
            Standing::Followed => self.budgets.followed_bytes,
            // One stranger may have what a rated key may have; all of them share one pool.
            Standing::Rated => self.budgets.rated_bytes,
            Standing::Stranger => self.budgets.rated_bytes.min(self.budgets.strangers_bytes),
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

    fn is_over_quota(&self, tally: &Tally, new: &Statement, replaces: Option<&Stored>, standing: Standing) -> bool {
        let count = tally.count(new.kind());
        let freed = replaces.map_or(0, |old| old.statement.bytes().len());
        let bytes = tally.bytes.saturating_sub(freed) + new.bytes().len();
        let bytes_max = self.bytes_max(standing);
        // What replaces something and is no longer than it fits always.
        (replaces.is_none() && count >= new.kind().limits().live_per_key_max)
            || (bytes > bytes_max && new.bytes().len() > freed)
    }

    /// What is short binds others only. The owner's own words are written while the disk takes them.
    fn check_room(&self, new: &Statement, replaces: Option<&Stored>, standing: Standing) -> Result<(), Refusal> {
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
}

/// Whether a statement is of no more use to anybody: expired, but for a head. A head that its author did not renew still
/// leads to all that the author said, so it is kept, served and put again for [`LIFETIME_MS_MAX`] whatever end it names.
#[must_use]
pub fn is_gone(statement: &Statement, now: Timestamp) -> bool {
    let header = statement.header();
    match statement.kind() {
        Kind::Head => now.0.saturating_sub(header.created.0) >= LIFETIME_MS_MAX,
        _ => header.is_expired(now),
    }
}

fn check_time(now: Now, new: &Stored, standing: Standing) -> Result<(), Refusal> {
    let header = new.statement.header();
    if standing != Standing::Own && header.created.0 > now.wall.0.saturating_add(FUTURE_MS_MAX) {
        return Err(Refusal::Future);
    }
    if is_gone(&new.statement, now.wall) {
        return Err(Refusal::Expired);
    }
    if new.source == Source::Gossip && now.wall.0.saturating_sub(header.created.0) > PUSH_AGE_MS_MAX {
        return Err(Refusal::TooOldToPush);
    }
    Ok(())
}

fn check_receipt(new: &Statement) -> Result<(), Refusal> {
    match new.body() {
        Body::Receipt(receipt) => crate::receipts::check(new.author(), new.header(), receipt),
        _ => Ok(()),
    }
}

/// Whether a kind cannot be taken back: what a key committed to, its rotation and what is proven. Else a thief could
/// remove a commitment and make another.
#[must_use]
pub fn stands_for_good(kind: Kind) -> bool {
    matches!(kind, Kind::Profile | Kind::Rotation | Kind::DuplicityProof)
}

/// What wins a conflict before ids are compared, for the same reason: no thief pushes a commitment out by signing
/// something else with its number.
fn rank(statement: &Statement) -> u8 {
    match statement.kind() {
        Kind::Profile => 0,
        Kind::Rotation => 1,
        _ => 2,
    }
}

/// Floors, conflicts and retractions. `Ok(Ok((losers, is_first)))`: statements that lose a conflict against the new one,
/// and whether nothing ever stood at its place. What is live of its author says what need not be looked for.
fn check_place<S: Store>(
    ground: &Ground<S>,
    place: &Place,
    new: &Verified<Statement>,
    tally: &Tally,
) -> Result<Result<(Vec<Stored>, bool), Refusal>, StoreError> {
    let order = new.header().order();
    let mut losers = Vec::new();
    // The same number at another place: the lower id wins everywhere, whatever came first; but see [`rank`].
    if order <= tally.top
        && let Some(other) = ground.place_by_sequence(&place.author, order)?
        && let Some(stored) = ground.statement(&other)?
    {
        if stored.statement.id() == new.id() {
            return Ok(Err(Refusal::Known));
        }
        if (rank(&stored.statement), stored.statement.id()) < (rank(new), new.id()) {
            return Ok(Err(Refusal::LostConflict));
        }
        losers.push(stored);
    }
    let floor = ground.floor_row(place)?;
    if let Some(floor) = &floor {
        let is_winner_of_conflict = floor.order == order && losers.iter().any(|l| Place::of(&l.statement) == *place);
        // What went for want of room may come back; what is older may not.
        let may_stand = is_winner_of_conflict || floor.evicted_ms.is_some();
        if order < floor.order || (order == floor.order && !may_stand) {
            let live = ground.statement(place)?;
            let is_known = live.is_some_and(|stored| stored.statement.id() == new.id());
            return Ok(Err(if is_known { Refusal::Known } else { Refusal::RolledBack }));
        }
    }
    if tally.count(Kind::Retraction) > 0 && !stands_for_good(place.kind) {
        let retraction = Body::Retraction(heirloom_proto::body::Retraction { target: new.id() });
        let by_author = Place { author: place.author, kind: Kind::Retraction, slot: retraction.slot() };
        if ground.statement(&by_author)?.is_some() {
            return Ok(Err(Refusal::Retracted));
        }
    }
    losers.retain(|loser| Place::of(&loser.statement) != *place);
    Ok(Ok((losers, floor.is_none())))
}

impl Refusal {
    /// Whether no more of the same author can come in now: there is no use in asking for the rest.
    #[must_use]
    pub fn is_full(self) -> bool {
        matches!(self, Self::OverQuota | Self::NoRoom | Self::DiskLow | Self::PutOff)
    }

    /// What gossip does with it. Nobody is blamed for what they could not know.
    #[must_use]
    pub fn admission(self) -> Admission {
        if self == Self::Evidence { Admission::Accept } else { Admission::Ignore }
    }

    /// Name of its counter.
    #[must_use]
    pub fn counter(self) -> &'static str {
        match self {
            Self::Future => "future",
            Self::Expired => "expired",
            Self::TooOldToPush => "too_old_to_push",
            Self::Known => "known",
            Self::RolledBack => "rolled_back",
            Self::LostConflict => "conflict",
            Self::Retracted => "retracted",
            Self::OverQuota => "over_quota",
            Self::NoRoom => "no_room",
            Self::DiskLow => "disk_low",
            Self::PutOff => "put_off",
            Self::TooFast => "too_fast",
            Self::StrangerTooFast => "stranger_too_fast",
            Self::Compromised => "compromised",
            Self::Contradicts | Self::Evidence => "contradicts",
            Self::Uncommitted => "uncommitted",
            Self::Proven => "proven",
            Self::AboutItself => "receipt_about_itself",
            Self::WeekNotOver => "receipt_too_early",
        }
    }
}

/// Slot helper for the floor of a DHT item, which is no statement: key ‖ 0 ‖ SHA-256 of the salt.
#[must_use]
pub fn item_floor_key(key: &[u8; 32], salt: &[u8]) -> Vec<u8> {
    let mut bytes = key.to_vec();
    bytes.push(0);
    bytes.extend_from_slice(&Sha256::of(salt).0);
    bytes
}
