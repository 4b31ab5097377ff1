//! Room for what matters: who is kept how far, who goes when there is too much, and what a shortage puts off.
//!
//! The order is strangers, then the lowest scores, then the oldest statements. What the owner said, whom they follow, and
//! what binds other keys to those (rotations, the profiles they build on, proofs) never goes.

use super::Service;
use crate::budgets::{Budgets, Reading, Shortage};
use crate::ground::{Ground, Stored};
use crate::ingest::{Over, Refusal, Standing, goes_last};
use crate::io::{Now, Peer};
use crate::store::{Durability, Store, StoreError, Table};
use crate::views;
use heirloom_proto::{Body, Key};
use std::collections::BTreeMap;
use std::time::Duration;

/// Row of [`Table::Local`]: UTC day (8) ‖ bytes over libp2p on that day (8).
const TRAFFIC: &[u8] = b"traffic";

/// What was used of a day's traffic by earlier runs: the day and bytes.
pub(super) fn traffic_before<S: Store>(ground: &Ground<S>) -> Result<(u64, u64), StoreError> {
    let row = ground.get(Table::Local, TRAFFIC)?.and_then(|bytes| {
        let (day, used) = bytes.split_first_chunk()?;
        Some((u64::from_be_bytes(*day), u64::from_be_bytes(*used.first_chunk()?)))
    });
    Ok(row.unwrap_or_default())
}

impl<S: Store> Service<S> {
    /// Sorts authors anew into strangers and others: whom I follow, and whom they vouch for, is not evicted with them.
    pub(super) fn sort_authors(&mut self, now: Now) {
        let _ = self.catalogue_scores(now.wall);
        let authors = self.ingest.all_authors();
        let kept_anyway = |key: &Key| *key == self.identity.key() || self.curation.of(key).is_some();
        let most = self.watch.budgets().rated_keys;
        self.scoring.keep_best(authors.iter().filter(|key| !kept_anyway(key)), most);
        for author in authors {
            let standing = self.standing(&author);
            self.ingest.note_standing(author, standing);
        }
        self.ingest.sorted();
    }

    pub(super) fn is_mine_or_followed(&self, key: &Key) -> bool {
        *key == self.identity.key() || self.curation.of(key).is_some()
    }

    /// How much of an author is kept.
    pub(super) fn standing(&self, author: &Key) -> Standing {
        if *author == self.identity.key() {
            Standing::Own
        } else if self.curation.of(author).is_some() || self.succession.newest(author) == self.identity.key() {
            Standing::Followed
        } else if self.scoring.is_rated(author)
            || self.is_mine_or_followed(&self.succession.newest(author))
            || self.succession.accused_by(author).any(|accused| self.is_mine_or_followed(accused))
        {
            // What a key was left for, and proofs that matter here, are not for the strangers' pool.
            Standing::Rated
        } else {
            Standing::Stranger
        }
    }

    /// Whether a statement of somebody who is not followed belongs to the history of a key that is.
    fn is_indispensable(&self, stored: &Stored) -> bool {
        let author = stored.statement.author();
        match stored.statement.body() {
            Body::DuplicityProof(proof) => self.is_mine_or_followed(proof.accused()),
            Body::Profile(_) | Body::Rotation(_) => self.is_mine_or_followed(&self.succession.newest(author)),
            _ => false,
        }
    }

    /// Gives up what is over a budget. `newest` has just spoken: of the strangers it goes last.
    pub(super) fn make_room(&mut self, now: Now, newest: Option<&Key>) -> Result<(), StoreError> {
        while let Some(over) = self.ingest.over() {
            match over {
                Over::Key(author) => self.trim(&author)?,
                Over::Strangers => {
                    if !self.evict_a_stranger(newest)? {
                        break;
                    }
                }
                Over::Floors => {
                    if !self.drop_floors()? {
                        break;
                    }
                }
                Over::Store => self.shrink(now, newest)?,
            }
        }
        Ok(())
    }

    /// Takes a statement out for want of room.
    fn evict(&mut self, old: &Stored) -> Result<(), StoreError> {
        let author = old.statement.author();
        self.ingest.evict(&mut self.ground, old)?;
        self.underive(old);
        // Where an earlier pull ended says nothing about what is here now.
        self.sync.set_broken(author);
        self.set_pulled(author, (0, 0));
        Ok(())
    }

    /// Brings a key that lost its standing down to what it may have now, oldest first.
    fn trim(&mut self, author: &Key) -> Result<(), StoreError> {
        let standing = self.standing(author);
        for old in self.in_order_of_leaving(author)? {
            if self.ingest.excess_of(author, standing) == 0 {
                break;
            }
            self.evict(&old)?;
        }
        // What is indispensable may be more; noted as it is, or this would go on for ever.
        self.ingest.note_trimmed(*author, standing);
        Ok(())
    }

    /// What may go of a key: the oldest first, what it committed to and its head last.
    fn in_order_of_leaving(&self, author: &Key) -> Result<Vec<Stored>, StoreError> {
        let mut all = self.ground.statements_of(author)?;
        all.retain(|stored| !self.is_indispensable(stored));
        all.sort_by_key(|stored| (goes_last(stored.statement.kind()), stored.statement.header().order()));
        Ok(all)
    }

    /// Evicts all of one stranger, drawn by chance. Says whether there was one.
    fn evict_a_stranger(&mut self, newest: Option<&Key>) -> Result<bool, StoreError> {
        let Some(victim) = self.ingest.draw_stranger(&mut self.rng, newest) else { return Ok(false) };
        let standing = self.standing(&victim);
        if standing != Standing::Stranger {
            // It was sorted before somebody whom I trust spoke of it.
            self.ingest.note_standing(victim, standing);
            return Ok(true);
        }
        for old in self.ground.statements_of(&victim)? {
            self.evict(&old)?;
        }
        Ok(true)
    }

    /// Gives up the floors of one key without standing. Says whether there was one.
    fn drop_floors(&mut self) -> Result<bool, StoreError> {
        let Some(author) = self.ingest.first_floors_to_go() else { return Ok(false) };
        if self.standing(&author) != Standing::Stranger {
            self.ingest.spare_floors(&author);
            return Ok(true);
        }
        for old in self.ground.statements_of(&author)? {
            self.evict(&old)?;
        }
        self.ingest.drop_floors(&mut self.ground, &author)?;
        Ok(true)
    }

    /// Brings the store below what the owner grants: strangers, then the lowest scores.
    fn shrink(&mut self, now: Now, newest: Option<&Key>) -> Result<(), StoreError> {
        while self.ingest.must_shrink() && self.evict_a_stranger(newest)? {}
        if self.ingest.must_shrink() {
            // Who scores lowest is asked of the scores of now; what was sorted out of the rated is a stranger.
            self.sort_authors(now);
            while self.ingest.must_shrink() && self.evict_a_stranger(newest)? {}
        }
        let mut rated: Vec<(f64, Key)> =
            self.ingest.rated_keys().map(|key| (self.scoring.last_score(key), *key)).collect();
        rated.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        for is_last_resort in [false, true] {
            for (_, author) in &rated {
                if !self.ingest.must_shrink() {
                    break;
                }
                for old in self.in_order_of_leaving(author)? {
                    if !self.ingest.must_shrink() {
                        break;
                    }
                    if goes_last(old.statement.kind()) == is_last_resort {
                        self.evict(&old)?;
                    }
                }
            }
        }
        self.ingest.set_stuck(self.ingest.must_shrink());
        Ok(())
    }

    /// Counts the floors that are in the store.
    pub(super) fn derive_floors(&mut self) -> Result<(), StoreError> {
        let mut floors: BTreeMap<Key, (u32, u64)> = BTreeMap::new();
        self.ground.each_floor(&mut |author, evicted_ms| {
            let (count, at) = floors.entry(author).or_default();
            *count = count.saturating_add(1);
            *at = (*at).max(evicted_ms.unwrap_or(0));
        })?;
        for (author, (count, at)) in floors {
            self.ingest.note_floors(author, count, at);
        }
        Ok(())
    }

    /// Notes a floor of a DHT item that is new.
    pub(super) fn note_item_floor(&mut self, author: &Key) {
        self.ingest.note_floors(*author, 1, 0);
    }

    /// Takes in what was measured.
    pub(super) fn read_meters(&mut self, now: Now, reading: Reading) {
        if let Some((day, used)) = self.watch.read(now, reading) {
            let row = [day.to_be_bytes(), used.to_be_bytes()].concat();
            self.ground.put(Table::Local, TRAFFIC, Some(row), Durability::Process);
        }
        self.ingest.set_index_bytes(self.watch.index_bytes());
        self.ingest.is_disk_low = self.watch.is_short(now, Shortage::Disk);
        self.ingest.puts_strangers_off = self.watch.is_short(now, Shortage::Memory);
        self.ingest.puts_rated_off = self.watch.is_short(now, Shortage::MemoryHard);
    }

    /// Charges work to whom it was done for.
    pub(super) fn worked(&mut self, now: Now, peer: Option<Peer>, cpu: Duration) {
        self.watch.worked(now.mono, cpu);
        if let Some(state) = peer.and_then(|peer| self.sync.peers.get_mut(&peer)) {
            state.cpu.take(now.mono, usize::try_from(cpu.as_micros()).unwrap_or(usize::MAX));
        }
    }

    /// Whether a push is not looked at now: signatures cost, and of whom I follow or know come first.
    pub(super) fn is_put_off(&mut self, now: Now, bytes: &[u8]) -> Option<Refusal> {
        let is_short = self.watch.is_short(now, Shortage::Cpu) || self.watch.is_short(now, Shortage::Memory);
        if !is_short && self.watch.may_verify(now.mono, 1) {
            return None;
        }
        // A false name costs whoever sends it its standing, so that few verify for nothing.
        let author = self.verifier.claimed_author(bytes)?;
        (self.standing(&author) == Standing::Stranger).then_some(Refusal::PutOff)
    }

    /// Whether a peer has pushed as much by keys that nobody here knows as it may. It is not to blame: it need not know
    /// whom this node knows. A false name among those that are known costs it its standing, as the signature shows.
    pub(super) fn is_one_stranger_too_many(&mut self, now: Now, from: Option<Peer>, bytes: &[u8]) -> Option<Refusal> {
        let from = from?;
        let author = self.verifier.claimed_author(bytes)?;
        let is_stranger = self.standing(&author) == Standing::Stranger;
        (is_stranger && !self.pushers.takes(from, now.mono)).then_some(Refusal::StrangerTooFast)
    }

    /// Whether only follows are pulled, and only their logs given.
    pub(super) fn is_saving(&mut self, now: Now) -> bool {
        self.watch.is_short(now, Shortage::TrafficLow) || self.watch.is_short(now, Shortage::Cpu)
    }

    /// Whether nobody is to be asked or answered: the day's traffic is used up.
    pub fn is_quiet(&mut self, now: Now) -> bool {
        self.watch.is_short(now, Shortage::Traffic)
    }

    /// What is used of the budgets.
    pub(super) fn usage(&mut self, now: Now) -> views::Usage {
        let (floors, loose_floors) = self.ingest.floor_counts();
        views::Usage {
            budgets: *self.watch.budgets(),
            store_bytes: self.ingest.store_bytes(),
            index_bytes: self.watch.index_bytes(),
            strangers: self.ingest.strangers(),
            strangers_bytes: self.ingest.strangers_bytes(),
            rated: self.ingest.rated_keys().count(),
            floors,
            loose_floors,
            traffic_today: self.watch.traffic_today(now),
            work_done: self.watch.work_done(),
            shortages: self.watch.shortages(now).into_iter().map(Shortage::name).collect(),
        }
    }

    /// What the owner grants.
    pub fn budgets(&self) -> &Budgets {
        self.watch.budgets()
    }
}
