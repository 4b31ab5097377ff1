//! Looking works up: in the items of whom I follow and of the best curators, and among strangers who announced the work.
//!
//! The trusted answer does not wait for strangers. What they answer comes in through the one door of ingest, as anything
//! that was pulled from a peer does, and stands in the band that its authors' scores give it: unknown, mostly.
//!
//! Answering, this node tells what it holds about works that it lists itself, and nothing about others: that it holds a
//! stranger's listing of some film may only say that its owner looked for it. Among the statements about a work that it
//! lists, its own are not to be told from those of others, and no score decides which of them are sent.

use super::Service;
use crate::command::{Command, CommandError, Fault};
use crate::ground::{Place, Stored};
use crate::io::{DhtOrder, ExchangeId, LookupEvent, LookupOrder, Now, OrderId, Output, Peer, RequestId};
use crate::replication::{
    ASKED_CURATORS_MAX, ASKED_FOLLOWS_MAX, LOOKUP_PERIOD, LOOKUP_WAIT, LOOKUPS_MAX, Lookup, Purpose, Task,
};
use crate::scoring::band_rank;
use crate::seeking::{IDS_SOUGHT_MAX, STRANGERS_WAIT, SeekId};
use crate::store::{Store, StoreError};
use crate::views::Source;
use heirloom_graph::Band;
use heirloom_proto::dht::work_salt;
use heirloom_proto::lookup::{ENVELOPES_BYTES_MAX, ENVELOPES_MAX, Request, Response};
use heirloom_proto::sync::RETRY_MS_MAX;
use heirloom_proto::{Body, Key, Statement, Verified, WorkId, statement};
use rand_core::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Statements about a work that are read to answer one question: a crowd of fakes may list a work, and the rest would
/// cost more than is sent. Overflow leaves out random ones of others, so that nobody can choose whose.
const LOOKED_AT_MAX: usize = 512;
/// Bytes that protobuf puts before each envelope.
const PREFIX_BYTES: usize = 4;
/// Work that reading a statement is, in heads looked at by sync: a record of the store beside an id in memory.
const WORK_PER_STATEMENT: usize = 100;

impl<S: Store> Service<S> {
    /// Asks follows, the best-scored curators and strangers for a work, then answers `then` from the store.
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
            seek: None,
            strangers_by: now.mono + STRANGERS_WAIT,
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
        let seek = self.seek(now, &work, ids);
        if let Some(lookup) = self.replication.lookups.get_mut(&request) {
            lookup.pending = orders;
            lookup.seek = seek;
        }
        self.go_on_looking(now, request)
    }

    /// Looks for those who announced a work, unless that is being done or was just now.
    fn seek(&mut self, now: Now, work: &WorkId, ids: BTreeSet<WorkId>) -> Option<SeekId> {
        if let Some(seek) = self.seeking.recent(work, now.mono) {
            return Some(seek);
        }
        // The id that was asked for first: it is the one that people use.
        let others = ids.into_iter().filter(|id| id != work);
        let ids: Vec<WorkId> = std::iter::once(work.clone()).chain(others).collect();
        let request = Request::about(ids.iter().cloned())?;
        let sought: Vec<(OrderId, WorkId)> =
            ids.into_iter().take(IDS_SOUGHT_MAX).map(|id| (self.replication.next_order(), id)).collect();
        let seek = self.seeking.begin(request, sought.iter().map(|(order, _)| *order), now.mono)?;
        for (order, work) in sought {
            self.held.push(Output::Lookup(LookupOrder::Seek { order, work }));
        }
        Some(seek)
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
            .map(|(id, score)| (score.score, Key::known(id.0)))
            .filter(|(_, key)| *key != me && !follows.contains_key(key))
            .collect();
        curators.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        keys.extend(curators.into_iter().take(ASKED_CURATORS_MAX).map(|(_, key)| key));
        keys
    }

    /// An order of a lookup ended.
    pub(super) fn look_done(&mut self, now: Now, request: RequestId, order: OrderId) -> Result<(), StoreError> {
        let Some(lookup) = self.replication.lookups.get_mut(&request) else { return Ok(()) };
        lookup.pending.remove(&order);
        self.go_on_looking(now, request)
    }

    /// Ends a lookup that has what it wants or all that it can get, or says when it asks again.
    fn go_on_looking(&mut self, now: Now, request: RequestId) -> Result<(), StoreError> {
        let Some(lookup) = self.replication.lookups.get(&request) else { return Ok(()) };
        if !lookup.pending.is_empty() {
            return Ok(());
        }
        let (work, is_patient) = (lookup.work.clone(), lookup.is_patient);
        let has_strangers = lookup.seek.is_some_and(|seek| self.seeking.is_open(seek));
        let may_wait = has_strangers && now.mono < lookup.strangers_by;
        if (is_patient || may_wait) && !self.has_trusted_release(now, &work)? {
            // Somebody may be followed, gossip may bring it, or strangers, before the time is up.
            if is_patient && let Some(lookup) = self.replication.lookups.get_mut(&request) {
                lookup.next_round.get_or_insert(now.mono + LOOKUP_PERIOD);
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

    /// What time brings about here.
    pub(super) fn lookup_tick(&mut self, now: Now) -> Result<(), StoreError> {
        for seek in self.seeking.expire(now.mono) {
            self.sought(now, seek)?;
        }
        let requests: Vec<RequestId> = self.replication.lookups.keys().copied().collect();
        for request in requests {
            let Some(lookup) = self.replication.lookups.get(&request) else { continue };
            if lookup.deadline <= now.mono {
                self.end_lookup(now, request)?;
            } else if lookup.next_round.is_some_and(|at| at <= now.mono) {
                self.ask(now, request)?;
            } else if lookup.next_round.is_none() && lookup.strangers_by <= now.mono {
                self.go_on_looking(now, request)?;
            }
        }
        Ok(())
    }

    /// Announces a work, as long as the owner lists it.
    pub(super) fn announce(&mut self, now: Now, work: WorkId) -> Result<(), StoreError> {
        if self.lists_in_public(&work)? {
            let purpose = Purpose::Announce(work.clone());
            let order = self.replication.order(now.mono, purpose, *self.identity.key().as_bytes(), Vec::new());
            self.held.push(Output::Dht(DhtOrder::Announce { order, work }));
        } else {
            self.replication.cancel(&Task::Announce(work));
        }
        Ok(())
    }

    fn lists_in_public(&self, work: &WorkId) -> Result<bool, StoreError> {
        let own = self.own_words_on(work)?;
        Ok(own.iter().any(|said| matches!(said.body(), Body::Listing(listing) if listing.work == *work)))
    }

    // ---- strangers, asked

    pub(super) fn lookup_event(&mut self, now: Now, event: LookupEvent) -> Result<(), StoreError> {
        match event {
            LookupEvent::Met { order, peer } => {
                self.ask_stranger(order, peer);
                Ok(())
            }
            LookupEvent::Over { order } => match self.seeking.found(order) {
                Some(seek) => self.sought(now, seek),
                None => Ok(()),
            },
            LookupEvent::Asked { peer, exchange, bytes } => self.answer_stranger(now, peer, exchange, &bytes),
            LookupEvent::Answered { order, bytes } => {
                let Some((seek, peer)) = self.seeking.answered(order) else { return Ok(()) };
                self.read_stranger(now, seek, peer, &bytes)?;
                self.sought(now, seek)
            }
            LookupEvent::Failed { order } => match self.seeking.answered(order) {
                Some((seek, _)) => {
                    self.ingest.count("lookup_unanswered");
                    self.sought(now, seek)
                }
                None => Ok(()),
            },
        }
    }

    fn ask_stranger(&mut self, order: OrderId, peer: Peer) {
        let Some(seek) = self.seeking.met(order, peer) else { return };
        let Some(bytes) = self.seeking.get(seek).map(|seek| seek.request.encode()) else { return };
        let order = self.replication.next_order();
        self.seeking.ask(seek, order, peer);
        self.ingest.count("lookup_asked");
        self.held.push(Output::Lookup(LookupOrder::Ask { order, peer, bytes }));
    }

    /// Something came of a seek, or it ended.
    fn sought(&mut self, now: Now, seek: SeekId) -> Result<(), StoreError> {
        let of_seek = self.replication.lookups.iter().filter(|(_, lookup)| lookup.seek == Some(seek));
        for request in of_seek.map(|(request, _)| *request).collect::<Vec<_>>() {
            self.go_on_looking(now, request)?;
        }
        Ok(())
    }

    /// Takes in what a stranger said about a work, all or nothing: who mixes in what it must have known to be wrong is
    /// not believed to have read the rest.
    fn read_stranger(&mut self, now: Now, seek: SeekId, peer: Peer, bytes: &[u8]) -> Result<(), StoreError> {
        self.ingest.count_many("lookup_bytes_in", bytes.len() as u64);
        let Some(request) = self.seeking.get(seek).map(|seek| seek.request.clone()) else { return Ok(()) };
        let envelopes = match Response::decode(bytes) {
            Ok(Response::Statements(envelopes)) => envelopes,
            Ok(Response::Refused { .. }) => {
                self.ingest.count("lookup_refused");
                return Ok(());
            }
            Err(_) => {
                self.blame_stranger(now, peer, "lookup_malformed");
                return Ok(());
            }
        };
        let mut said: Vec<Verified<Statement>> = Vec::new();
        for envelope in &envelopes {
            match statement::verify(envelope) {
                Ok(statement) if request.asks_for(&statement) => said.push(statement),
                Ok(_) => {
                    self.blame_stranger(now, peer, "lookup_unasked");
                    return Ok(());
                }
                Err(error) if error.blames_relayer() => {
                    self.blame_stranger(now, peer, "lookup_invalid");
                    return Ok(());
                }
                Err(_) => self.ingest.count("unknown_kind"),
            }
        }
        // Oldest first, so that a retraction comes after what it takes back.
        said.sort_by_key(|statement| (statement.header().order(), statement.id()));
        for statement in said {
            if self.is_of_use(&request, &statement)? {
                let _ = self.take(now, statement, Source::Sync)?;
            } else {
                self.ingest.count("lookup_unused");
            }
        }
        Ok(())
    }

    /// A retraction is of use where it takes something about the work back that is here. The sender cannot know.
    fn is_of_use(&self, request: &Request, statement: &Verified<Statement>) -> Result<bool, StoreError> {
        let Body::Retraction(retraction) = statement.body() else { return Ok(true) };
        let Some(place) = self.ground.place_by_id(&retraction.target)? else { return Ok(false) };
        let target = self.ground.statement(&place)?;
        Ok(target.is_some_and(|target| request.asks_for(&target.statement) && place.author == *statement.author()))
    }

    fn blame_stranger(&mut self, now: Now, peer: Peer, counter: &'static str) {
        self.ingest.count(counter);
        self.refusals.note(now.wall, counter, None);
        self.held.push(Output::Lookup(LookupOrder::Blame { peer }));
    }

    // ---- strangers, answered

    /// Answers within what sync serves to this peer: both come out of one purse.
    fn answer_stranger(&mut self, now: Now, peer: Peer, exchange: ExchangeId, bytes: &[u8]) -> Result<(), StoreError> {
        let response = match (Request::decode(bytes), self.owed_by(now, peer)) {
            (Err(_), _) => {
                self.blame_stranger(now, peer, "lookup_malformed");
                Response::Refused { retry_after_ms: RETRY_MS_MAX }
            }
            (Ok(_), Some(wait)) => {
                Response::Refused { retry_after_ms: u32::try_from(wait.as_millis()).unwrap_or(RETRY_MS_MAX) }
            }
            (Ok(request), None) => self.tell_stranger(now, peer, &request)?,
        };
        let bytes = response.encode();
        if let Some(state) = self.sync.peers.get_mut(&peer) {
            state.bytes.take(now.mono, bytes.len());
        }
        self.ingest.count_many("lookup_bytes_served", bytes.len() as u64);
        self.held.push(Output::Lookup(LookupOrder::Answer { exchange, bytes }));
        Ok(())
    }

    fn tell_stranger(&mut self, now: Now, peer: Peer, request: &Request) -> Result<Response, StoreError> {
        let mut envelopes = BTreeSet::new();
        let mut looked_at = 1;
        for work in request.ids() {
            if self.lists_in_public(work)? {
                let words = self.words_on(now, work)?;
                looked_at += words.len();
                fill(&mut envelopes, words, &self.identity.key());
            }
        }
        if let Some(state) = self.sync.peers.get_mut(&peer) {
            state.served.take(now.mono, envelopes.len().max(1));
            state.work.take(now.mono, looked_at * WORK_PER_STATEMENT);
        }
        self.ingest.count("lookup_answered");
        self.ingest.count_many("lookup_served", envelopes.len() as u64);
        Ok(Response::Statements(envelopes))
    }

    /// Public listings and records of a work, by author and newest first; of others at most [`LOOKED_AT_MAX`].
    fn words_on(&mut self, now: Now, work: &WorkId) -> Result<Vec<(Key, Stored)>, StoreError> {
        let me = self.identity.key();
        let listings = self.catalogue.listings_of(work).into_iter().flat_map(|(_, places)| places);
        let records = self.catalogue.records_of(work).into_iter().map(|(_, place)| place);
        let (mut chosen, mut others): (Vec<Place>, Vec<Place>) =
            listings.chain(records).partition(|place| place.author == me);
        while !others.is_empty() && chosen.len() < LOOKED_AT_MAX {
            let at = usize::try_from(self.rng.next_u64() % others.len() as u64).unwrap_or(0);
            chosen.push(others.swap_remove(at));
        }
        let mut words = Vec::new();
        for place in chosen {
            let stored = self.ground.statement(&place)?;
            let is_told = |stored: &Stored| !stored.is_private && !stored.statement.header().is_expired(now.wall);
            words.extend(stored.filter(is_told).map(|stored| (place.author, stored)));
        }
        words.sort_by_key(|(author, stored)| (*author, std::cmp::Reverse(stored.statement.header().order())));
        Ok(words)
    }
}

/// Takes envelopes as far as a frame holds them: mine first, then the newest of each author, the next of each, and so
/// on, so that nobody crowds out others by saying much. `words` are by author, newest first. In the frame they stand in
/// the order of their bytes.
fn fill(envelopes: &mut BTreeSet<Vec<u8>>, words: Vec<(Key, Stored)>, me: &Key) {
    let mut ranked: Vec<(usize, &[u8])> = Vec::new();
    let mut turn = (None, 0);
    for (author, stored) in &words {
        turn = if turn.0 == Some(*author) { (turn.0, turn.1 + 1) } else { (Some(*author), 1) };
        ranked.push((if author == me { 0 } else { turn.1 }, stored.statement.bytes()));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    let mut bytes: usize = envelopes.iter().map(|envelope| envelope.len() + PREFIX_BYTES).sum();
    for (_, envelope) in ranked {
        let more = envelope.len() + PREFIX_BYTES;
        if envelopes.len() < ENVELOPES_MAX && bytes + more <= ENVELOPES_BYTES_MAX && envelopes.insert(envelope.to_vec())
        {
            bytes += more;
        }
    }
}
