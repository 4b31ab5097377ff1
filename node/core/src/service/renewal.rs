//! Renewing what the owner said before it expires, and pushing after a start what no node had yet: both at a pace that
//! others take.

use super::Service;
use crate::fields::Fields;
use crate::ground::{Place, Stored};
use crate::io::Now;
use crate::replication::{Own, Task};
use crate::store::{Durability, Store, StoreError, Table};
use crate::upkeep::{PUSH_AT_ONCE, PUSH_GAP, RENEWAL_PERIOD, RENEWED_PER_ROUND, URGENT, URGENT_PER_ROUND, is_renewed};
use heirloom_proto::limits::PUSH_AGE_MS_MAX;
use heirloom_proto::{Body, Kind};
use rand_core::Rng;
use std::time::Duration;

impl<S: Store> Service<S> {
    /// Pushes statements one after the other.
    pub(super) fn push_in_turn(&mut self, now: Now, mut said: Vec<Stored>) {
        // The profile first, since others check what follows against it; then the head, by which they pull whatever is
        // still in the queue or is lost; the newest last, as it was said.
        let rank = |kind: Kind| match kind {
            Kind::Profile => 0,
            Kind::Head => 1,
            _ => 2,
        };
        said.sort_by_key(|stored| (rank(stored.statement.kind()), stored.statement.header().order()));
        for stored in said.iter().take(PUSH_AT_ONCE) {
            self.push(&stored.statement);
        }
        self.upkeep.to_push = said.iter().skip(PUSH_AT_ONCE).map(|stored| Place::of(&stored.statement)).collect();
        self.upkeep.push_at = now.mono + PUSH_GAP;
    }

    /// What time brings about here.
    pub(super) fn upkeep_tick(&mut self, now: Now) -> Result<(), StoreError> {
        while self.upkeep.push_at <= now.mono
            && let Some(place) = self.upkeep.to_push.pop_front()
        {
            self.upkeep.push_at = now.mono + PUSH_GAP;
            let stored = self.ground.statement(&place)?.filter(|stored| !stored.is_private);
            if let Some(stored) = stored
                && now.wall.since(stored.statement.header().created).as_millis() <= u128::from(PUSH_AGE_MS_MAX)
            {
                self.push(&stored.statement);
            }
        }
        if self.recovering.is_none() && self.upkeep.renew_at.is_some_and(|at| at <= now.mono) {
            self.plan_renewals(now);
            self.renew_some(now)?;
        }
        Ok(())
    }

    /// Sets the time of the next renewals, give or take a sixth, so that nodes do not march in step.
    pub(super) fn plan_renewals(&mut self, now: Now) {
        let spread = u64::try_from(RENEWAL_PERIOD.as_millis() / 3).unwrap_or(u64::MAX).max(1);
        let jitter = Duration::from_millis(self.rng.next_u64() % spread);
        self.upkeep.renew_at = Some(now.mono + RENEWAL_PERIOD - RENEWAL_PERIOD / 6 + jitter);
    }

    /// Signs anew what is in the second half of its life, what expires first before the rest, for as long again.
    fn renew_some(&mut self, now: Now) -> Result<(), StoreError> {
        let mut due: Vec<(Duration, Stored)> = Vec::new();
        for stored in self.ground.statements_of(&self.identity.key())? {
            let header = stored.statement.header();
            let Some(expires) = header.expires.filter(|_| is_renewed(stored.statement.kind())) else { continue };
            let (left, life) = (expires.since(now.wall), expires.since(header.created));
            // A number of another generation of this key is not signed again: that is for its rotation to tell.
            if left < life / 2 && header.generation == self.identity.generation() {
                due.push((left, stored));
            }
        }
        due.sort_by_key(|(left, stored)| (*left, stored.statement.header().order()));
        let urgent = due.iter().take_while(|(left, _)| *left < URGENT).count();
        due.truncate(urgent.clamp(RENEWED_PER_ROUND, URGENT_PER_ROUND));
        for (_, stored) in due {
            self.renew(now, &stored)?;
        }
        Ok(())
    }

    fn renew(&mut self, now: Now, stored: &Stored) -> Result<(), StoreError> {
        let header = stored.statement.header();
        let life = header.expires.map(|expires| expires.since(header.created));
        let place = Place::of(&stored.statement);
        let said_first = self.said_first(&place)?.unwrap_or(header.seq);
        let body = stored.statement.body().clone();
        if self.say(now, body, life, stored.is_private)?.is_err() {
            self.ingest.count("renewal_refused");
            return Ok(());
        }
        self.ingest.count("renewed");
        let value = Some(said_first.to_be_bytes().to_vec());
        self.ground.put(Table::Local, first_said_key(&place), value, Durability::Process);
        if let Body::Listing(listing) = stored.statement.body() {
            // Its item holds the statement itself; which items there are does not change.
            let own = Own::Work(listing.work.clone());
            if !stored.is_private && self.replication.is_kept(&own) {
                self.replication.schedule(Task::Put(own), now.mono);
            }
        }
        Ok(())
    }

    /// The number under which a statement was first said, if it was renewed since: what is newest, and so most wanted, is
    /// what the owner said last, not what was renewed last.
    pub(super) fn said_first(&self, place: &Place) -> Result<Option<u64>, StoreError> {
        Ok(self.ground.get(Table::Local, &first_said_key(place))?.and_then(|bytes| Fields(&bytes).u64()))
    }

    /// What stands at a place is said by the owner now, or is gone.
    pub(super) fn forget_said_first(&mut self, place: &Place) -> Result<(), StoreError> {
        if self.said_first(place)?.is_some() {
            self.ground.put(Table::Local, first_said_key(place), None, Durability::Process);
        }
        Ok(())
    }
}

fn first_said_key(place: &Place) -> Vec<u8> {
    [b"first said/".as_slice(), &place.to_bytes()].concat()
}
