//! Talking to the DHT: finding the sequence number, putting items, looking works up.

use super::Service;
use crate::command::{Command, CommandError, Fault, Reply};
use crate::fields::Fields;
use crate::ingest::Refusal;
use crate::ingest::item_floor_key;
use crate::io::{DhtEvent, DhtOrder, Now, OrderId, Output, RequestId};
use crate::replication::{
    ASKED_CURATORS_MAX, ASKED_FOLLOWS_MAX, FOLLOW_PERIOD, HEAD_RENEWAL, LOOKUP_PERIOD, LOOKUP_WAIT, LOOKUPS_MAX,
    Lookup, Own, Purpose, RECOVERY_WAIT, Task, WORK_PERIOD, Waiting,
};
use crate::scoring::band_rank;
use crate::store::{Durability, Store, StoreError, Table};
use crate::views::Source;
use heirloom_graph::Band;
use heirloom_proto::dht::{self, HEAD_SALT, Item, ItemError, work_salt};
use heirloom_proto::{Key, Kind, Statement, StatementId, Verified, WorkId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

impl<S: Store> Service<S> {
    fn get(&mut self, now: Now, purpose: Purpose, key: &Key, salt: Vec<u8>) -> OrderId {
        let key = *key.as_bytes();
        let order = self.replication.order(now.mono, purpose, key, salt.clone());
        self.held.push(Output::Dht(DhtOrder::Get { order, key, salt }));
        order
    }

    fn put(&mut self, now: Now, purpose: Purpose, item: Item) {
        let order = self.replication.order(now.mono, purpose, item.key, item.salt.clone());
        self.held.push(Output::Dht(DhtOrder::Put { order, item }));
    }

    /// Asks the DHT for the own head: its sequence number may be ahead of a restored disk.
    pub(super) fn start_recovery(&mut self, now: Now) {
        let me = self.identity.key();
        let order = self.get(now, Purpose::Recover, &me, HEAD_SALT.to_vec());
        self.recovering = Some((order, now.mono + RECOVERY_WAIT));
    }

    fn is_recovering_by(&self, order: OrderId) -> bool {
        self.recovering.is_some_and(|(waits_for, _)| waits_for == order)
    }

    /// Goes on to sign. The order may still be under way: its number is heeded whenever it comes.
    pub(super) fn end_recovery(&mut self, now: Now) -> Result<(), StoreError> {
        self.recovering = None;
        self.announce_everything(now)?;
        self.say_held_proofs(now)?;
        for (request, command) in std::mem::take(&mut self.held_commands) {
            self.command(now, request, command)?;
        }
        Ok(())
    }

    /// Looks at the head of a follow, now and then every hour.
    pub(super) fn watch(&mut self, now: Now, key: Key) {
        self.replication.schedule(Task::Watch(key), now.mono);
    }

    pub(super) fn dht(&mut self, now: Now, event: DhtEvent) -> Result<(), StoreError> {
        match event {
            DhtEvent::Found { order, item } => self.found(now, order, item),
            DhtEvent::Done { order } => self.done(now, order),
            DhtEvent::Stored { order, nodes } => {
                self.put_ended(now, order, if nodes > 0 { Ok(nodes) } else { Err(false) });
                Ok(())
            }
            DhtEvent::NotStored { order, newer_exists } => {
                self.put_ended(now, order, Err(newer_exists));
                Ok(())
            }
        }
    }

    /// A put held on so many nodes, or failed, perhaps because a newer item stands there.
    fn put_ended(&mut self, now: Now, order: OrderId, result: Result<usize, bool>) {
        let purpose = self.replication.finish(order);
        if result.is_err() && purpose.is_some() {
            self.ingest.count("dht_put_failed");
        }
        match (purpose, result) {
            (Some(Purpose::Put(own)), Ok(nodes)) => {
                self.answer_waiting(&own, order, nodes);
                if self.replication.is_newest_put(&own, order) {
                    self.replication.held(&own, now.mono, &mut self.rng);
                }
            }
            (Some(Purpose::Put(own)), Err(newer_exists)) if self.replication.is_newest_put(&own, order) => {
                if newer_exists {
                    let (me, salt) = (self.identity.key(), own.salt());
                    self.get(now, Purpose::Rise(own.clone()), &me, salt);
                }
                self.replication.retry(&own, now.mono);
            }
            (Some(Purpose::Carry(key, salt)), Err(true)) => self.replication.drop_carried(&key, &salt),
            _ => {}
        }
    }

    /// Answers the publishes that an order held.
    fn answer_waiting(&mut self, own: &Own, order: OrderId, nodes: usize) {
        let Some(waiting) = self.replication.waiting.remove(own) else { return };
        let (held, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|waiting| waiting.after < order);
        if !rest.is_empty() {
            self.replication.waiting.insert(own.clone(), rest);
        }
        self.answer(held, nodes);
    }

    fn answer(&mut self, publishes: Vec<Waiting>, nodes: usize) {
        for Waiting { request, mut published, .. } in publishes {
            published.stored_on = Some(nodes);
            self.reply(request, Ok(Reply::Published(Box::new(published))));
        }
    }

    fn found(&mut self, now: Now, order: OrderId, item: Item) -> Result<(), StoreError> {
        let Some(purpose) = self.replication.purpose(order).cloned() else { return Ok(()) };
        let item = match item.verify() {
            Ok(item) => item,
            Err(error) => {
                self.ingest.count(counter(&error));
                return Ok(());
            }
        };
        if !self.replication.is_about(order, &item.key, &item.salt) {
            // A good item of somebody else, or of another work, is no answer.
            self.ingest.count(counter(&ItemError::NotOurs));
            return Ok(());
        }
        match purpose {
            Purpose::Recover => self.rise_above(&Own::Head, &item),
            Purpose::Rise(own) => self.rise_above(&own, &item),
            Purpose::Watch(_) => self.found_head(now, &item),
            Purpose::Look { work, .. } => self.found_work(now, &work, &item),
            Purpose::Put(_) | Purpose::Carry(..) => Ok(()),
        }
    }

    /// Somewhere stands an item of ours: our number rises above it, and what we put there next replaces it.
    fn rise_above(&mut self, own: &Own, item: &Verified<Item>) -> Result<(), StoreError> {
        let Ok(seen) = u64::try_from(item.seq) else { return Ok(()) };
        match own {
            Own::Head => {
                self.identity.raise(seen, &mut self.ground);
                let mine = self.own_head()?;
                if mine.is_some_and(|head| head.header().seq < seen) {
                    self.renew_head();
                }
            }
            // An item has the number that was newest when it was put: one of the same number may differ.
            Own::Work(_) if seen >= self.identity.last_seq() => {
                self.identity.raise(seen.saturating_add(1), &mut self.ground);
            }
            Own::Work(_) => {}
        }
        Ok(())
    }

    fn own_head(&self) -> Result<Option<Verified<Statement>>, StoreError> {
        let heads = self.ground.statements_of_kind(&self.identity.key(), Kind::Head)?;
        Ok(heads.into_iter().map(|stored| stored.statement).max_by_key(|head| head.header().order()))
    }

    fn found_head(&mut self, now: Now, item: &Verified<Item>) -> Result<(), StoreError> {
        match dht::read_head(item) {
            Ok(head) => {
                if matches!(self.take(now, head, Source::Dht)?, Ok(()) | Err(Refusal::Known)) {
                    self.carry(now, item);
                }
            }
            Err(error) => self.ingest.count(counter(&error)),
        }
        Ok(())
    }

    fn found_work(&mut self, now: Now, work: &WorkId, item: &Verified<Item>) -> Result<(), StoreError> {
        if !self.rises_to_floor(item)? {
            self.ingest.count("rolled_back");
            return Ok(());
        }
        let entry = match dht::read_work(item, work) {
            Ok(entry) => entry,
            Err(error) => {
                self.ingest.count(counter(&error));
                return Ok(());
            }
        };
        for _ in 0..entry.refused {
            self.ingest.count("dht_bad_statement");
        }
        // Without ids of further ones, and with room for one, the item holds all that its author says of the work.
        let is_whole =
            entry.refused == 0 && entry.more.is_empty() && item.value.len() + FURTHER_ID_BYTES <= dht::VALUE_BYTES_MAX;
        let said: BTreeSet<StatementId> = entry.statements.iter().map(|statement| statement.id()).collect();
        // Oldest first, so that a retraction comes after what it takes back.
        for statement in entry.statements.into_iter().rev() {
            let _ = self.take(now, statement, Source::Dht)?;
        }
        if is_whole {
            self.withdraw_others(work, item, &said)?;
        }
        self.carry(now, item);
        Ok(())
    }

    /// Takes out listings of a work that its author no longer makes: they are older than the author's item and not in
    /// it. A retraction alone is not enough, for it names the last form of a listing, and an earlier one may be here.
    fn withdraw_others(
        &mut self,
        work: &WorkId,
        item: &Verified<Item>,
        said: &BTreeSet<StatementId>,
    ) -> Result<(), StoreError> {
        let author = item.author();
        let places = self.catalogue.listings_of(work).into_iter().flat_map(|(_, places)| places);
        for place in places.filter(|place| place.author == author).collect::<Vec<_>>() {
            let Some(stored) = self.ground.statement(&place)? else { continue };
            let is_older = i64::try_from(stored.statement.header().seq).is_ok_and(|seq| seq <= item.seq);
            if is_older && !said.contains(&stored.statement.id()) {
                self.ingest.withdraw(&mut self.ground, &stored)?;
                self.ingest.count("withdrawn");
                self.underive(&stored);
            }
        }
        Ok(())
    }

    /// The highest item sequence number ever seen is remembered before the item is acted on.
    fn rises_to_floor(&mut self, item: &Verified<Item>) -> Result<bool, StoreError> {
        let place = item_floor_key(&item.key, &item.salt);
        let floor = self.ground.get(Table::Floors, &place)?.and_then(|bytes| Fields(&bytes).u64());
        if floor.is_none() {
            self.note_item_floor(&item.author());
        }
        let floor = floor.unwrap_or(0);
        let seq = u64::try_from(item.seq).unwrap_or(0);
        if seq > floor {
            self.ground.put(Table::Floors, place, Some(seq.to_be_bytes().to_vec()), Durability::Disk);
        }
        Ok(seq >= floor)
    }

    /// Items of follows are put again while this node runs.
    fn carry(&mut self, now: Now, item: &Verified<Item>) {
        if self.curation.of(&item.author()).is_some() {
            self.replication.carry(item.clone().into_inner(), now.mono, &mut self.rng);
        }
    }

    fn done(&mut self, now: Now, order: OrderId) -> Result<(), StoreError> {
        match self.replication.finish(order) {
            Some(Purpose::Recover) if self.is_recovering_by(order) => self.end_recovery(now),
            Some(Purpose::Look { lookup, .. }) => self.look_done(now, lookup, order),
            _ => Ok(()),
        }
    }

    fn look_done(&mut self, now: Now, request: RequestId, order: OrderId) -> Result<(), StoreError> {
        let Some(lookup) = self.replication.lookups.get_mut(&request) else { return Ok(()) };
        lookup.pending.remove(&order);
        if !lookup.pending.is_empty() {
            return Ok(());
        }
        let (work, is_patient) = (lookup.work.clone(), lookup.is_patient);
        if is_patient && !self.has_trusted_release(now, &work)? {
            if let Some(lookup) = self.replication.lookups.get_mut(&request) {
                lookup.next_round = Some(now.mono + LOOKUP_PERIOD);
            }
            return Ok(());
        }
        self.end_lookup(now, request)
    }

    fn has_trusted_release(&mut self, now: Now, work: &WorkId) -> Result<bool, StoreError> {
        let releases = self.show(now, work)?.releases;
        Ok(releases.iter().any(|release| band_rank(release.band) <= band_rank(Band::Vouched)))
    }

    fn end_lookup(&mut self, now: Now, request: RequestId) -> Result<(), StoreError> {
        let Some(lookup) = self.replication.lookups.remove(&request) else { return Ok(()) };
        for order in lookup.pending {
            self.replication.finish(order);
        }
        self.answer_from_store(now, request, lookup.then)
    }

    /// Asks follows and the best-scored curators for a work, then answers `then` from the store.
    pub(super) fn look_up(
        &mut self,
        now: Now,
        request: RequestId,
        work: WorkId,
        wait: Option<Duration>,
        then: Command,
    ) -> Result<(), StoreError> {
        if !self.replication.has_dht {
            return self.answer_from_store(now, request, then);
        }
        if self.replication.lookups.len() >= LOOKUPS_MAX {
            let error =
                CommandError::new(Fault::Failed, "busy", "too many lookups at once: try again in a few seconds");
            self.reply(request, Err(error));
            return Ok(());
        }
        let lookup = Lookup {
            then,
            work,
            deadline: now.mono.saturating_add(wait.unwrap_or(LOOKUP_WAIT)),
            is_patient: wait.is_some(),
            pending: BTreeSet::new(),
            next_round: None,
        };
        self.replication.lookups.insert(request, lookup);
        self.ask(now, request)
    }

    /// One round of a lookup.
    fn ask(&mut self, now: Now, request: RequestId) -> Result<(), StoreError> {
        let Some(lookup) = self.replication.lookups.get_mut(&request) else { return Ok(()) };
        lookup.next_round = None;
        let work = lookup.work.clone();
        let ids = self.ids_of(now, &work)?;
        let mut orders = BTreeSet::new();
        for key in self.whom_to_ask(now) {
            for id in &ids {
                let purpose = Purpose::Look { lookup: request, work: id.clone() };
                orders.insert(self.get(now, purpose, &key, work_salt(id).to_vec()));
            }
        }
        let is_alone = orders.is_empty();
        if let Some(lookup) = self.replication.lookups.get_mut(&request) {
            lookup.pending = orders;
            if is_alone && lookup.is_patient {
                // Nobody to ask yet: somebody may be followed, or gossip may bring it, before the time is up.
                lookup.next_round = Some(now.mono + LOOKUP_PERIOD);
                return Ok(());
            }
        }
        if is_alone { self.end_lookup(now, request) } else { Ok(()) }
    }

    fn whom_to_ask(&mut self, now: Now) -> Vec<Key> {
        let follows: BTreeMap<Key, i8> = self.curation.all().iter().map(|(key, f)| (*key, f.level.number())).collect();
        let mut best: Vec<(Key, i8)> = follows.iter().map(|(key, level)| (*key, *level)).collect();
        best.sort_by_key(|(key, level)| (std::cmp::Reverse(*level), *key));
        let mut keys: Vec<Key> = best.into_iter().take(ASKED_FOLLOWS_MAX).map(|(key, _)| key).collect();
        let me = self.identity.key();
        let mut curators: Vec<(f64, Key)> = self
            .catalogue_scores(now.wall)
            .keys()
            .filter(|(_, score)| score.score > 0.0)
            .filter_map(|(id, score)| Some((score.score, Key::from_bytes(id.0).ok()?)))
            .filter(|(_, key)| *key != me && !follows.contains_key(key))
            .collect();
        curators.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        keys.extend(curators.into_iter().take(ASKED_CURATORS_MAX).map(|(_, key)| key));
        keys
    }

    /// What time brings about here.
    pub(super) fn dht_tick(&mut self, now: Now) -> Result<(), StoreError> {
        for (order, purpose) in self.replication.overdue(now.mono) {
            match purpose {
                Purpose::Put(own) if self.replication.is_newest_put(&own, order) => {
                    self.replication.retry(&own, now.mono);
                }
                Purpose::Put(_) => {}
                Purpose::Look { lookup, .. } => self.look_done(now, lookup, order)?,
                Purpose::Recover if self.is_recovering_by(order) => self.end_recovery(now)?,
                Purpose::Recover | Purpose::Rise(_) | Purpose::Watch(_) | Purpose::Carry(..) => {}
            }
        }
        let requests: Vec<RequestId> = self.replication.lookups.keys().copied().collect();
        for request in requests {
            let Some(lookup) = self.replication.lookups.get(&request) else { continue };
            if lookup.deadline <= now.mono {
                self.end_lookup(now, request)?;
            } else if lookup.next_round.is_some_and(|at| at <= now.mono) {
                self.ask(now, request)?;
            }
        }
        self.give_up_waiting(now);
        if !self.replication.has_dht {
            return Ok(());
        }
        for task in self.replication.take_due(now.mono) {
            self.perform(now, task)?;
        }
        Ok(())
    }

    fn give_up_waiting(&mut self, now: Now) {
        for own in self.replication.waiting.keys().cloned().collect::<Vec<_>>() {
            let Some(waiting) = self.replication.waiting.remove(&own) else { continue };
            let (late, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|waiting| waiting.deadline <= now.mono);
            if !rest.is_empty() {
                self.replication.waiting.insert(own, rest);
            }
            self.answer(late, 0);
        }
    }

    fn perform(&mut self, now: Now, task: Task) -> Result<(), StoreError> {
        match task {
            Task::Put(own) => {
                let head = if own == Own::Head { self.own_head()? } else { None };
                if head.is_some_and(|head| now.wall.since(head.header().created) >= HEAD_RENEWAL) {
                    // What is signed anew is put anew.
                    self.renew_head();
                } else if let Some(item) = self.own_item(&own)? {
                    self.put(now, Purpose::Put(own), item.into_inner());
                }
            }
            Task::Carry(key, salt) => {
                let is_followed = Key::from_bytes(key).is_ok_and(|key| self.curation.of(&key).is_some());
                if let Some(item) = self.replication.carried(&key, &salt).cloned().filter(|_| is_followed) {
                    self.put(now, Purpose::Carry(key, salt.clone()), item);
                    self.replication.schedule_after(Task::Carry(key, salt), now.mono, WORK_PERIOD, &mut self.rng);
                }
            }
            Task::Watch(key) => {
                if self.curation.of(&key).is_some() {
                    self.get(now, Purpose::Watch(key), &key, HEAD_SALT.to_vec());
                    self.replication.schedule_after(Task::Watch(key), now.mono, FOLLOW_PERIOD, &mut self.rng);
                }
            }
        }
        Ok(())
    }

    /// An own item as it should stand in the DHT now.
    fn own_item(&mut self, own: &Own) -> Result<Option<Verified<Item>>, StoreError> {
        match own {
            Own::Head => {
                let head = self.own_head()?;
                Ok(head.map(|head| dht::head_item(self.identity.secret(), &head)))
            }
            Own::Work(work) => {
                let mut about = self.own_words_on(work)?;
                let retractions = self.ground.statements_of_kind(&self.identity.key(), Kind::Retraction)?;
                let mut retractions: Vec<_> =
                    retractions.into_iter().filter(|s| !s.is_private).map(|s| s.statement).collect();
                if about.is_empty() && retractions.is_empty() {
                    return Ok(None);
                }
                about.sort_by_key(|s| (s.kind() == Kind::Work, std::cmp::Reverse(s.header().order())));
                retractions.sort_by_key(|s| std::cmp::Reverse(s.header().order()));
                about.extend(retractions.into_iter().take(RETRACTIONS_PER_ITEM));
                // The newest number of all: an item whose listing was taken back must rise above the older one.
                let seq = self.identity.last_seq();
                Ok(Some(dht::work_item(self.identity.secret(), work, &about, seq)))
            }
        }
    }

    /// Own public listings and records of a work, found by the index: a curator has many thousands of others.
    fn own_words_on(&self, work: &WorkId) -> Result<Vec<Verified<Statement>>, StoreError> {
        let me = self.identity.key();
        let listings = self.catalogue.listings_of(work).into_iter().flat_map(|(_, places)| places);
        let records = self.catalogue.records_of(work).into_iter().map(|(_, place)| place);
        let mut found = Vec::new();
        for place in listings.chain(records).filter(|place| place.author == me) {
            if let Some(stored) = self.ground.statement(&place)?.filter(|stored| !stored.is_private) {
                found.push(stored.statement);
            }
        }
        Ok(found)
    }
}

/// Bytes that a further id takes in an item, with the digits of its longer length.
const FURTHER_ID_BYTES: usize = 40;

/// Retractions name no work, so the newest few travel with every item, behind the listings.
const RETRACTIONS_PER_ITEM: usize = 3;

/// Name of the counter of items that are ignored.
fn counter(error: &ItemError) -> &'static str {
    match error {
        ItemError::TooLong(_) => "dht_too_long",
        ItemError::BadKey | ItemError::BadSignature => "dht_bad_signature",
        ItemError::NotOurs => "dht_not_ours",
        ItemError::Statement(_) => "dht_bad_statement",
    }
}
