//! How fast torrents are, and which of them rest: carries out what the owner granted and core chose, with what the engine
//! measured.

use super::Downloads;
use crate::home::Home;
use heirloom_core::seeding::{self, Limits, Seed};
use heirloom_proto::Infohash;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tracing::{debug, warn};

/// How often it is looked at what was given. Ten seconds: a ratio that is passed by so much harms nobody.
const PERIOD: Duration = Duration::from_secs(10);
/// The same while nothing is limited, for the counts alone: a look at ten thousand torrents is no work for every second.
const IDLE_PERIOD: Duration = Duration::from_secs(60);
/// Looks between two times that the counts are written, where they changed.
const LOOKS_PER_WRITE: u32 = 6;

/// Torrents whose counts are kept: twice as many as are here at once, for those that come back. Beyond it those go that
/// are not here.
const COUNTED_MAX: usize = 2 * heirloom_core::torrents::TORRENTS_MAX;

/// What the owner grants to torrents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    /// Bytes a second that are sent; `None`: no limit.
    pub up: Option<NonZeroU32>,
    /// Bytes a second that are received; `None`: no limit.
    pub down: Option<NonZeroU32>,
    /// How much is given of what is complete.
    pub limits: Limits,
}

/// What is granted, and what was given.
pub(super) struct State {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    granted: Sharing,
    resting: BTreeSet<Infohash>,
    given: BTreeMap<Infohash, Given>,
    /// Of those that rest, the last for which others were looked for.
    looked_for: Option<Infohash>,
    is_unwritten: bool,
}

/// Bytes of a torrent that were given: before the engine last began to count, and since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Given {
    before: u64,
    since: u64,
}

impl Given {
    /// Notes what the engine counts: less than before means that it began anew.
    fn note(&mut self, counted: u64) -> bool {
        let is_changed = counted != self.since;
        if counted < self.since {
            self.before = self.before.saturating_add(self.since);
        }
        self.since = counted;
        is_changed
    }

    fn sum(self) -> u64 {
        self.before.saturating_add(self.since)
    }
}

impl State {
    /// With what was given by earlier lives of this node.
    pub(super) fn read(home: &Home) -> Self {
        let line = |line: &str| {
            let (infohash, bytes) = line.split_once(' ')?;
            Some((infohash.parse().ok()?, Given { before: bytes.parse().ok()?, since: 0 }))
        };
        let given = home.given().lines().filter_map(line).collect();
        Self { inner: Mutex::new(Inner { given, ..Inner::default() }), changed: Notify::new() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held cannot leave it half changed: every change is one insert.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rests(&self, infohash: Infohash) -> bool {
        self.inner().resting.contains(&infohash)
    }

    /// Bytes given of a torrent in all, with what the engine counts now.
    pub(super) fn given(&self, infohash: Infohash, counted: u64) -> u64 {
        let mut given = self.inner().given.get(&infohash).copied().unwrap_or_default();
        given.note(counted);
        given.sum()
    }
}

impl Downloads {
    /// What is granted now.
    #[must_use]
    pub fn sharing(&self) -> Sharing {
        self.sharing.inner().granted
    }

    /// Grants something else, from now on.
    pub fn set_sharing(&self, granted: Sharing) {
        self.sharing.inner().granted = granted;
        self.limit(granted, true);
        self.sharing.changed.notify_one();
    }

    fn limit(&self, granted: Sharing, is_split: bool) {
        if let Some(engine) = &self.engine {
            engine.limit(granted.up, granted.down, is_split);
        }
    }

    /// Keeps to what is granted, as long as the node runs.
    pub(super) async fn share(self) {
        let mut looks = 0_u32;
        loop {
            let granted = self.sharing();
            self.look_at_seeds(granted).await;
            looks = looks.wrapping_add(1);
            let is_due = !granted.limits.is_any() || looks.is_multiple_of(LOOKS_PER_WRITE);
            if is_due {
                self.write_given();
            }
            let period = if granted == Sharing::default() { IDLE_PERIOD } else { PERIOD };
            let _ = tokio::time::timeout(period, self.sharing.changed.notified()).await;
        }
    }

    async fn look_at_seeds(&self, granted: Sharing) {
        let complete = self.complete();
        let count_of = |is_named: bool| complete.iter().filter(|(_, _, one)| one.named == is_named).count();
        // A download that is not complete sends too, without the name.
        let is_fetching = self.all().iter().any(|(_, state)| state.as_ref().is_ok_and(|one| one.took.is_none()));
        let is_split = count_of(true) > 0 && (count_of(false) > 0 || is_fetching);
        self.limit(granted, is_split);
        let mut seeds = Vec::with_capacity(complete.len());
        {
            let mut inner = self.sharing.inner();
            for (infohash, is_published, progress) in &complete {
                let given = inner.given.entry(*infohash).or_default();
                let is_changed = given.note(progress.uploaded);
                let given = given.sum();
                inner.is_unwritten |= is_changed;
                seeds.push(Seed {
                    infohash: *infohash,
                    size: progress.total,
                    given,
                    is_published: *is_published,
                    is_resting: inner.resting.contains(infohash),
                    others: self.others(*infohash),
                });
            }
        }
        {
            let mut inner = self.sharing.inner();
            if inner.given.len() > COUNTED_MAX {
                let here: BTreeSet<Infohash> = seeds.iter().map(|seed| seed.infohash).collect();
                inner.given.retain(|infohash, _| here.contains(infohash));
            }
        }
        if granted.limits.is_any() {
            self.look_for_others(&seeds).await;
        }
        let rest = seeding::resting(&seeds, granted.limits);
        for seed in seeds.iter().filter(|seed| rest.contains(&seed.infohash) != seed.is_resting) {
            self.put_to_rest(seed.infohash, !seed.is_resting).await;
        }
    }

    fn others(&self, infohash: Infohash) -> Option<u32> {
        let others = self.engine.as_ref()?.others(infohash.0)?;
        Some(u32::try_from(others).unwrap_or(u32::MAX))
    }

    /// Looks who else has the next of those that rest, one after the other: those that are seeded do so by themselves.
    async fn look_for_others(&self, seeds: &[Seed]) {
        let Some(engine) = &self.engine else { return };
        let next = {
            let mut inner = self.sharing.inner();
            let resting = || seeds.iter().filter(|seed| seed.is_resting).map(|seed| seed.infohash);
            let next =
                resting().filter(|infohash| Some(*infohash) > inner.looked_for).min().or_else(|| resting().min());
            inner.looked_for = next;
            next
        };
        if let Some(next) = next {
            engine.look_for_others(next.0).await;
        }
    }

    /// Pauses a torrent, or goes on with it.
    async fn put_to_rest(&self, infohash: Infohash, rests: bool) {
        let Some(engine) = &self.engine else { return };
        let done = if rests { engine.pause(infohash.0).await } else { engine.resume(infohash.0).await };
        if let Err(error) = done {
            // It was removed meanwhile, or the next look tries again.
            debug!(%infohash, %error, rests, "seeding not changed");
            return;
        }
        let mut inner = self.sharing.inner();
        if rests {
            inner.resting.insert(infohash)
        } else {
            inner.resting.remove(&infohash)
        };
    }

    /// Keeps the counts over a restart.
    pub(super) fn write_given(&self) {
        let text = {
            let mut inner = self.sharing.inner();
            if !std::mem::take(&mut inner.is_unwritten) {
                return;
            }
            inner.given.iter().fold(String::new(), |mut text, (infohash, given)| {
                let _ = writeln!(text, "{infohash} {}", given.sum());
                text
            })
        };
        if let Err(error) = self.home.keep_given(&text) {
            warn!("what was given is not kept over a restart: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_where_the_engine_begins_anew() {
        let mut given = Given { before: 100, since: 0 };
        assert!(given.note(50) && !given.note(50));
        assert_eq!(given.sum(), 150);
        assert!(given.note(10), "started again");
        assert_eq!(given.sum(), 160);
    }
}
