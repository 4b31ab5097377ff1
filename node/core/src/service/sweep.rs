//! Once an hour: what expired goes, and what else the hours bring about. A large store is looked through in slices.

use super::{Service, succeed};
use crate::ground::{Place, Stored};
use crate::io::Now;
use crate::replication::{Own, Task};
use crate::store::{Store, StoreError};
use heirloom_proto::Body;
use std::time::Duration;

/// Time between two sweeps.
const PERIOD: Duration = Duration::from_secs(3600);
/// Records of one slice, read in some five milliseconds: a search that comes meanwhile does not notice.
const SLICE: usize = 500;
/// Time between two slices. A million statements take two minutes.
const SLICE_GAP: Duration = Duration::from_millis(50);

/// Time between two looks through all floors. They go after a year; a day more costs nobody anything.
const FLOORS_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// Where the sweep is.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    next_due: Duration,
    /// The key of the record at which the next slice begins.
    from: Vec<u8>,
    /// When the next slice of the floors is due, and the key at which it begins.
    floors: (Duration, Vec<u8>),
}

impl Sweep {
    /// When there is something to do.
    pub(super) fn next_due(&self) -> Duration {
        self.next_due.min(self.floors.0)
    }
}

impl<S: Store> Service<S> {
    /// The next slice, when it is time.
    pub(super) fn sweep_tick(&mut self, now: Now) -> Result<(), StoreError> {
        if self.sweep.floors.0 <= now.mono {
            let from = std::mem::take(&mut self.sweep.floors.1);
            let next = self.ingest.expire_floors(now, &mut self.ground, &from, SLICE)?;
            let wait = if next.is_some() { SLICE_GAP } else { FLOORS_PERIOD };
            self.sweep.floors = (now.mono + wait, next.unwrap_or_default());
        }
        if self.sweep.next_due <= now.mono { self.sweep_slice(now) } else { Ok(()) }
    }

    /// Everything at once: at a start nothing that expired meanwhile may be announced.
    pub(super) fn sweep_all(&mut self, now: Now) -> Result<(), StoreError> {
        self.sweep = Sweep { floors: (now.mono + PERIOD, Vec::new()), ..Sweep::default() };
        self.sweep_slice(now)?;
        while !self.sweep.from.is_empty() {
            self.sweep_slice(now)?;
        }
        Ok(())
    }

    fn sweep_slice(&mut self, now: Now) -> Result<(), StoreError> {
        let from = std::mem::take(&mut self.sweep.from);
        let (expired, next) = self.ingest.expire(now, &mut self.ground, &from, SLICE)?;
        for old in &expired {
            self.note_expired(now, old)?;
        }
        if let Some(next) = next {
            (self.sweep.from, self.sweep.next_due) = (next, now.mono + SLICE_GAP);
            return Ok(());
        }
        self.sweep.next_due = now.mono + PERIOD;
        // Evidence ripens with the days.
        self.scoring.ledger_changed();
        self.sort_authors(now);
        self.make_room(now, None)?;
        self.archive_sweep(now)?;
        self.renew_worths(now);
        self.receipts_sweep(now)?;
        self.repeat_proofs(now)?;
        self.renew_rotation(now, succeed::ROTATION_RENEWAL)
    }

    fn note_expired(&mut self, now: Now, old: &Stored) -> Result<(), StoreError> {
        let is_own = *old.statement.author() == self.identity.key();
        if is_own {
            self.forget_said_first(&Place::of(&old.statement))?;
        }
        if is_own && !old.is_private {
            self.is_head_due = true;
            if let Body::Listing(listing) = old.statement.body() {
                // The item of the work changes without a new statement, and needs a number of its own.
                let next = self.identity.last_seq().saturating_add(1);
                self.identity.raise(next, &mut self.ground);
                self.replication.schedule(Task::Put(Own::Work(listing.work.clone())), now.mono);
            }
        }
        self.underive(old);
        Ok(())
    }
}
