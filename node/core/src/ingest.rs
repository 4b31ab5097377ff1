//! The one door to ground state: every statement, one's own included, passes here, and what core says of it is its
//! admission.
//!
//! Order of the checks: signature (already behind a [`Verified`]), time, floors, conflicts, retractions, quotas.

use crate::ground::{Ground, Place, Stored};
use crate::io::{Admission, Now};
use crate::store::{Durability, Store, StoreError};
use crate::strangers::Strangers;
use crate::views::Source;
use heirloom_proto::limits::{FUTURE_MS_MAX, LIFETIME_MS_MAX, PUSH_AGE_MS_MAX};
use heirloom_proto::{Body, Key, Kind, Sha256, Statement, Timestamp, Verified};
use rand_core::Rng;
use std::collections::BTreeMap;
use std::time::Duration;

/// Most bytes of statements by one followed key: an archive of a busy curator.
pub const FOLLOWED_BYTES_MAX: usize = 64 << 20;
/// Most bytes of statements by one key that has a score but is not followed.
pub const RATED_BYTES_MAX: usize = 64 << 10;
/// Most keys that are kept for their score; the best scored. With [`RATED_BYTES_MAX`] each, 320 MiB: a ring that lifts a
/// hundred thousand keys a little above zero must not fill the disk.
pub const RATED_KEYS_MAX: usize = 5_000;
/// Most bytes of statements by all strangers together. Overflow evicts a random stranger's statement, so that nobody can
/// choose whose.
pub const STRANGERS_BYTES_MAX: usize = 16 << 20;

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
    /// Its author pushes too fast.
    #[error("pushed too fast")]
    TooFast,
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
}

/// What a new statement did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What stood there before and is gone, together with what a retraction or an eviction took away.
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
    /// Has a score above zero, and is among the [`RATED_KEYS_MAX`] best.
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

/// Counts that quotas need; derived, rebuilt at start.
#[derive(Debug, Default)]
pub struct Ingest {
    counts: BTreeMap<(Key, Kind), usize>,
    bytes: BTreeMap<Key, usize>,
    buckets: BTreeMap<(Key, Kind), Bucket>,
    strangers: Strangers,
    /// Refusals and other events by name, for `status`.
    pub counters: BTreeMap<&'static str, u64>,
}

impl Ingest {
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
        *self = Self { counters: std::mem::take(&mut self.counters), ..Self::default() };
    }

    /// Every key with live statements.
    #[must_use]
    pub fn all_authors(&self) -> Vec<Key> {
        self.bytes.keys().copied().collect()
    }

    /// Notes whether an author shares the strangers' pool.
    pub fn note_standing(&mut self, author: Key, standing: Standing) {
        let bytes = self.bytes.get(&author).copied().unwrap_or(0);
        if standing == Standing::Stranger {
            if self.strangers.insert(author) {
                self.strangers.bytes += bytes;
            }
        } else if self.strangers.remove(&author) {
            self.strangers.bytes = self.strangers.bytes.saturating_sub(bytes);
        }
    }

    /// Notes a record that is in the store.
    pub fn note(&mut self, stored: &Stored) {
        let author = *stored.statement.author();
        *self.counts.entry((author, stored.statement.kind())).or_default() += 1;
        let len = stored.statement.bytes().len();
        *self.bytes.entry(author).or_default() += len;
        if self.strangers.has(&author) {
            self.strangers.bytes += len;
        }
    }

    /// Notes that a record is gone.
    pub fn forget(&mut self, stored: &Stored) {
        let author = *stored.statement.author();
        if let Some(count) = self.counts.get_mut(&(author, stored.statement.kind())) {
            *count = count.saturating_sub(1);
        }
        let len = stored.statement.bytes().len();
        if self.strangers.has(&author) {
            self.strangers.bytes = self.strangers.bytes.saturating_sub(len);
        }
        if let Some(bytes) = self.bytes.get_mut(&author) {
            *bytes = bytes.saturating_sub(len);
            if *bytes == 0 {
                self.bytes.remove(&author);
                self.strangers.remove(&author);
            }
        }
    }

    /// Whether strangers may bring so many bytes more before anybody is evicted.
    #[must_use]
    pub fn has_room_for_strangers(&self, bytes: usize) -> bool {
        self.strangers.bytes.saturating_add(bytes) <= STRANGERS_BYTES_MAX
    }

    /// Keys that share the strangers' pool.
    #[must_use]
    pub fn strangers(&self) -> usize {
        self.strangers.len()
    }

    /// Keys with live statements.
    #[must_use]
    pub fn authors(&self) -> usize {
        self.bytes.len()
    }

    /// Live statements.
    #[must_use]
    pub fn statements(&self) -> usize {
        self.counts.values().sum()
    }

    /// Takes a statement in, or says why not.
    ///
    /// # Errors
    /// The inner error is the refusal; the outer one means that the store failed.
    pub fn admit<S: Store>(
        &mut self,
        now: Now,
        ground: &mut Ground<S>,
        rng: &mut impl Rng,
        new: Stored,
        standing: Standing,
    ) -> Result<Result<Accepted, Refusal>, StoreError> {
        if let Err(refusal) = check_time(now, &new, standing) {
            return Ok(Err(refusal));
        }
        let place = Place::of(&new.statement);
        let mut removed = match check_place(ground, &place, &new.statement)? {
            Ok(removed) => removed,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // After the floors: whoever repeats a key's statements must not use up what the key may push.
        if new.source == Source::Gossip && !self.takes_token(now, place.author, place.kind) {
            return Ok(Err(Refusal::TooFast));
        }
        let replaces = ground.statement(&place)?;
        if self.is_over_quota(&new.statement, replaces.as_ref(), standing) {
            return Ok(Err(Refusal::OverQuota));
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
        ground.insert(&new, durability)?;
        self.note(&new);
        self.note_standing(place.author, standing);
        removed.extend(self.evict_strangers(ground, rng, &place)?);
        Ok(Ok(Accepted { removed, stored: new }))
    }

    /// Rates bind what is pushed. A bucket fills at the sustained rate up to the burst.
    fn takes_token(&mut self, now: Now, author: Key, kind: Kind) -> bool {
        let limits = kind.limits();
        if !self.buckets.contains_key(&(author, kind)) && self.buckets.len() >= BUCKETS_MAX {
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

    fn is_over_quota(&self, new: &Statement, replaces: Option<&Stored>, standing: Standing) -> bool {
        let author = new.author();
        let count = self.counts.get(&(*author, new.kind())).copied().unwrap_or(0);
        let freed = replaces.map_or(0, |old| old.statement.bytes().len());
        let bytes = self.bytes.get(author).copied().unwrap_or(0).saturating_sub(freed) + new.bytes().len();
        let bytes_max = match standing {
            Standing::Own => usize::MAX,
            Standing::Followed => FOLLOWED_BYTES_MAX,
            // One stranger may have what a rated key may have; all of them share one pool.
            Standing::Rated | Standing::Stranger => RATED_BYTES_MAX,
        };
        // What replaces something and is no longer than it fits always.
        (replaces.is_none() && count >= new.kind().limits().live_per_key_max)
            || (bytes > bytes_max && new.bytes().len() > freed)
    }

    fn evict_strangers<S: Store>(
        &mut self,
        ground: &mut Ground<S>,
        rng: &mut impl Rng,
        keep: &Place,
    ) -> Result<Vec<Stored>, StoreError> {
        let mut evicted = Vec::new();
        while self.strangers.bytes > STRANGERS_BYTES_MAX {
            let Some(victim) = self.strangers.draw(rng, &keep.author) else { break };
            for old in ground.statements_of(&victim)? {
                ground.remove(&Place::of(&old.statement))?;
                self.forget(&old);
                self.count("evicted");
                evicted.push(old);
            }
            self.note_standing(victim, Standing::Rated);
        }
        Ok(evicted)
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

    /// Records that expired by `now`; the caller takes them out of what it derived.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn expire<S: Store>(&mut self, now: Now, ground: &mut Ground<S>) -> Result<Vec<Stored>, StoreError> {
        let (all, _) = ground.statements(&[])?;
        let expired: Vec<Stored> = all.into_iter().filter(|stored| is_gone(&stored.statement, now.wall)).collect();
        for old in &expired {
            ground.remove(&Place::of(&old.statement))?;
            self.forget(old);
            self.count("expired");
        }
        Ok(expired)
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

/// Floors, conflicts and retractions. `Ok(Ok(losers))` are statements that lose a conflict against the new one.
fn check_place<S: Store>(
    ground: &Ground<S>,
    place: &Place,
    new: &Verified<Statement>,
) -> Result<Result<Vec<Stored>, Refusal>, StoreError> {
    let order = new.header().order();
    let mut losers = Vec::new();
    // The same number at another place: the lower id wins everywhere, whatever came first; but see [`rank`].
    if let Some(other) = ground.place_by_sequence(&place.author, order)?
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
    if let Some(floor) = ground.floor(place)? {
        let is_winner_of_conflict = floor == order && losers.iter().any(|l| Place::of(&l.statement) == *place);
        if order < floor || (order == floor && !is_winner_of_conflict) {
            let live = ground.statement(place)?;
            let is_known = live.is_some_and(|stored| stored.statement.id() == new.id());
            return Ok(Err(if is_known { Refusal::Known } else { Refusal::RolledBack }));
        }
    }
    let retraction = Body::Retraction(heirloom_proto::body::Retraction { target: new.id() });
    let by_author = Place { author: place.author, kind: Kind::Retraction, slot: retraction.slot() };
    if !stands_for_good(place.kind) && ground.statement(&by_author)?.is_some() {
        return Ok(Err(Refusal::Retracted));
    }
    losers.retain(|loser| Place::of(&loser.statement) != *place);
    Ok(Ok(losers))
}

impl Refusal {
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
            Self::TooFast => "too_fast",
            Self::Compromised => "compromised",
            Self::Contradicts | Self::Evidence => "contradicts",
            Self::Uncommitted => "uncommitted",
            Self::Proven => "proven",
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
