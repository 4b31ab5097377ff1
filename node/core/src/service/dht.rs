//! Talking to the DHT: finding the sequence number, putting items and seeing that they stay.

use super::Service;
use crate::command::Reply;
use crate::fields::Fields;
use crate::ingest::{Refusal, is_gone, item_floor_key};
use crate::io::{DhtEvent, DhtOrder, Now, OrderId, Output};
use crate::replication::{
    COPIES_ENOUGH, FOLLOW_PERIOD, HEAD_RENEWAL, Held, Own, PUT_LASTS, Purpose, RECOVERY_WAIT, Task, WORK_PERIOD,
    Waiting,
};
use crate::store::{Durability, Store, StoreError, Table};
use crate::views::Source;
use heirloom_proto::dht::{self, HEAD_SALT, Item, ItemError};
use heirloom_proto::{Key, Kind, Sha256, Statement, StatementId, Verified, WorkId};
use std::collections::BTreeSet;

impl<S: Store> Service<S> {
    pub(super) fn get(&mut self, now: Now, purpose: Purpose, key: &Key, salt: Vec<u8>) -> OrderId {
        let key = *key.as_bytes();
        let order = self.replication.order(now.mono, purpose, key, salt.clone());
        self.held.push(Output::Dht(DhtOrder::Get { order, key, salt }));
        order
    }

    fn put(&mut self, now: Now, purpose: Purpose, item: Item) {
        let order = self.replication.order_put(now.mono, purpose, &item);
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
        self.receipts_sweep(now)?;
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
            DhtEvent::Done { order, copies } => self.done(now, order, copies),
            DhtEvent::Stored { order, nodes } => {
                self.put_ended(now, order, if nodes > 0 { Ok(nodes) } else { Err(false) });
                Ok(())
            }
            DhtEvent::NotStored { order, newer_exists } => {
                self.put_ended(now, order, Err(newer_exists));
                Ok(())
            }
            DhtEvent::Announced { order, is_taken } => {
                if let Some(Purpose::Announce(work)) = self.replication.finish(order) {
                    self.ingest.count(if is_taken { "announced" } else { "announce_failed" });
                    self.replication.announced(&work, is_taken, now.mono, &mut self.rng);
                }
                Ok(())
            }
        }
    }

    /// A put held on so many nodes, or failed, perhaps because a newer item stands there.
    fn put_ended(&mut self, now: Now, order: OrderId, result: Result<usize, bool>) {
        let what = self.replication.put_by(order);
        let purpose = self.replication.finish(order);
        if result.is_err() && purpose.is_some() {
            self.ingest.count("dht_put_failed");
        }
        match (purpose, result) {
            (Some(Purpose::Put(own)), Ok(nodes)) => {
                self.answer_waiting(&own, order, nodes);
                if self.replication.is_newest_put(&own, order) {
                    self.replication.note_held(&own, what, now.mono, &mut self.rng);
                }
            }
            (Some(Purpose::Put(own)), Err(newer_exists)) if self.replication.is_newest_put(&own, order) => {
                if newer_exists {
                    let (me, salt) = (self.identity.key(), own.salt());
                    self.get(now, Purpose::Rise(own.clone()), &me, salt);
                }
                self.replication.retry(&own, now.mono);
            }
            // The next look will find it.
            (Some(Purpose::Carry(key, salt)), Err(true)) if salt != HEAD_SALT => {
                self.replication.drop_carried(&key, &salt);
            }
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
        self.replication.note_seen(order, item.seq);
        match purpose {
            Purpose::Recover => self.rise_above(&Own::Head, &item),
            Purpose::Rise(own) => self.rise_above(&own, &item),
            Purpose::Count(own) if self.replication.held(&own).is_some_and(|held| item.seq > held.seq) => {
                self.rise_above(&own, &item)
            }
            Purpose::Watch(_) => self.found_head(now, &item),
            Purpose::Look { work, .. } => self.found_work(now, &work, &item),
            Purpose::CountCarried(..) => {
                if self.rises_to_floor(&item)? {
                    self.carry(now, &item);
                }
                Ok(())
            }
            Purpose::Count(_) | Purpose::Put(_) | Purpose::Carry(..) | Purpose::Announce(_) => Ok(()),
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
                    self.carry_head(item);
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

    /// Heads of follows are put again as long as they count, and are remembered for it across restarts: nobody but their
    /// author can sign the item anew.
    fn carry_head(&mut self, item: &Verified<Item>) {
        let author = item.author();
        if self.curation.of(&author).is_some() && self.replication.carry_head(item.clone().into_inner()) {
            let mut bytes = item.seq.to_be_bytes().to_vec();
            bytes.extend_from_slice(&item.signature);
            bytes.extend_from_slice(&item.value);
            self.ground.put(Table::Local, head_item_key(&author), Some(bytes), Durability::Process);
        }
    }

    /// Reads the heads of follows that this node keeps in the DHT.
    pub(super) fn read_carried_heads(&mut self) -> Result<(), StoreError> {
        for author in self.curation.all().keys() {
            let Some(bytes) = self.ground.get(Table::Local, &head_item_key(author))? else { continue };
            let mut fields = Fields(&bytes);
            let (Some(seq), Some(signature)) = (fields.array(), fields.array()) else { continue };
            let (key, salt, seq) = (*author.as_bytes(), HEAD_SALT.to_vec(), i64::from_be_bytes(seq));
            self.replication.carry_head(Item { key, salt, seq, value: fields.0.to_vec(), signature });
        }
        Ok(())
    }

    /// Stops keeping the head of a key in the DHT.
    pub(super) fn drop_head(&mut self, author: &Key) {
        self.replication.drop_head(author.as_bytes());
        self.ground.put(Table::Local, head_item_key(author), None, Durability::Process);
    }

    /// A look at the head of a follow ended: few copies, or none, are made more.
    fn watched(&mut self, now: Now, author: &Key, seen: Option<i64>, copies: Option<usize>) {
        let Some(item) = self.replication.carried_head(author.as_bytes()).cloned() else { return };
        if has_enough(&item, seen, copies) {
            return;
        }
        // What was read from disk is believed no more than what came from the network.
        let head = item.clone().verify().ok().and_then(|item| dht::read_head(&item).ok());
        if head.is_none_or(|head| is_gone(&head, now.wall)) {
            self.drop_head(author);
        } else if self.curation.of(author).is_some() {
            self.ingest.count("dht_carried");
            self.put(now, Purpose::Carry(item.key, item.salt.clone()), item);
        }
    }

    /// A look at a work item of a follow ended.
    fn counted_carried(
        &mut self,
        now: Now,
        (key, salt): ([u8; 32], Vec<u8>),
        seen: Option<i64>,
        copies: Option<usize>,
    ) {
        let Some(item) = self.replication.carried(&key, &salt).cloned() else { return };
        if !has_enough(&item, seen, copies) {
            self.ingest.count("dht_carried");
            self.put(now, Purpose::Carry(key, salt), item);
        }
    }

    /// A look at an own item ended: enough nodes have it, or it is put again.
    fn counted(&mut self, now: Now, own: &Own, seen: Option<i64>, copies: Option<usize>) -> Result<(), StoreError> {
        match self.replication.held(own) {
            Some(held) if seen == Some(held.seq) && copies.is_some_and(|copies| copies > COPIES_ENOUGH) => {
                self.ingest.count("dht_left");
                self.replication.leave(own, held, &mut self.rng);
                Ok(())
            }
            _ => self.put_own(now, own.clone()),
        }
    }

    /// Items of follows are put again while this node runs.
    fn carry(&mut self, now: Now, item: &Verified<Item>) {
        if self.curation.of(&item.author()).is_some() {
            self.replication.carry(item.clone().into_inner(), now.mono, &mut self.rng);
        }
    }

    fn done(&mut self, now: Now, order: OrderId, copies: Option<usize>) -> Result<(), StoreError> {
        let seen = self.replication.seen(order);
        match self.replication.finish(order) {
            Some(Purpose::Watch(key)) => {
                self.watched(now, &key, seen, copies);
                Ok(())
            }
            Some(Purpose::Count(own)) => self.counted(now, &own, seen, copies),
            Some(Purpose::CountCarried(key, salt)) => {
                self.counted_carried(now, (key, salt), seen, copies);
                Ok(())
            }
            Some(Purpose::Recover) if self.is_recovering_by(order) => self.end_recovery(now),
            Some(Purpose::Look { lookup, .. }) => self.look_done(now, lookup, order),
            _ => Ok(()),
        }
    }

    /// What time brings about here.
    pub(super) fn dht_tick(&mut self, now: Now) -> Result<(), StoreError> {
        for (order, purpose) in self.replication.overdue(now.mono) {
            match purpose {
                Purpose::Put(own) if self.replication.is_newest_put(&own, order) => {
                    self.replication.retry(&own, now.mono);
                }
                Purpose::Look { lookup, .. } => self.look_done(now, lookup, order)?,
                Purpose::Recover if self.is_recovering_by(order) => self.end_recovery(now)?,
                Purpose::Count(own) => self.put_own(now, own)?,
                Purpose::Announce(work) => self.replication.announced(&work, false, now.mono, &mut self.rng),
                Purpose::Put(_)
                | Purpose::Recover
                | Purpose::Rise(_)
                | Purpose::Watch(_)
                | Purpose::CountCarried(..)
                | Purpose::Carry(..) => {}
            }
        }
        self.lookup_tick(now)?;
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
                } else if self.may_be_left(now, &own)? {
                    let (me, salt) = (self.identity.key(), own.salt());
                    self.get(now, Purpose::Count(own), &me, salt);
                } else {
                    self.put_own(now, own)?;
                }
            }
            Task::Carry(key, salt) => {
                let author = Key::from_bytes(key).ok().filter(|key| self.curation.of(key).is_some());
                if let Some(author) = author
                    && self.replication.carried(&key, &salt).is_some()
                {
                    self.get(now, Purpose::CountCarried(key, salt.clone()), &author, salt.clone());
                    self.replication.schedule_after(Task::Carry(key, salt), now.mono, WORK_PERIOD, &mut self.rng);
                }
            }
            Task::Announce(work) => self.announce(now, work)?,
            Task::Watch(key) => {
                if self.curation.of(&key).is_some() {
                    self.get(now, Purpose::Watch(key), &key, HEAD_SALT.to_vec());
                    self.replication.schedule_after(Task::Watch(key), now.mono, FOLLOW_PERIOD, &mut self.rng);
                }
            }
        }
        Ok(())
    }

    fn put_own(&mut self, now: Now, own: Own) -> Result<(), StoreError> {
        if let Some(item) = self.own_item(&own)? {
            self.put(now, Purpose::Put(own), item.into_inner());
        }
        Ok(())
    }

    /// Whether nodes may still have an own item as it should be, so that it is worth looking.
    fn may_be_left(&mut self, now: Now, own: &Own) -> Result<bool, StoreError> {
        let Some(Held { at, value, .. }) = self.replication.held(own) else { return Ok(false) };
        if now.mono >= at + PUT_LASTS {
            return Ok(false);
        }
        Ok(self.own_item(own)?.is_some_and(|item| Sha256::of(&item.value) == value))
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
    pub(super) fn own_words_on(&self, work: &WorkId) -> Result<Vec<Verified<Statement>>, StoreError> {
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

/// Where the head item of a follow is kept.
fn head_item_key(author: &Key) -> Vec<u8> {
    [b"dht/head/", author.as_bytes().as_slice()].concat()
}

/// Whether an item of somebody else need not be put again. When nobody could be asked, a put says more than silence.
fn has_enough(item: &Item, seen: Option<i64>, copies: Option<usize>) -> bool {
    seen.is_some_and(|seen| seen >= item.seq) && copies.is_some_and(|copies| copies > COPIES_ENOUGH)
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
