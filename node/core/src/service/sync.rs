//! Asking peers: sessions begun, answered and ended. Whatever comes in goes through the one door of ingest.

use super::Service;
use crate::fields::Fields;
use crate::ingest::{Refusal, Standing};
use crate::io::{Now, OrderId, Output, Peer, SyncEvent, SyncOrder};
use crate::store::{Durability, Store, StoreError, Table};
use crate::sync::{
    ANSWER_MAX, BLIND_DECOYS, BLIND_MAX, FILTER_KEYS_MIN, Fetching, KEPT_MAX, LATE_MAX, Miss, Next, Order, Wait, about,
};
use crate::views::Source;
use heirloom_proto::body::Head;
use heirloom_proto::sync::{Filter, Reason, Response, Salt};
use heirloom_proto::{Body, Key, Kind, Statement, StatementId, Verified, Verifier};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Wait before a peer without this protocol is asked again: it may be updated, but not soon.
const UNSUPPORTED_WAIT: Duration = Duration::from_secs(6 * 3600);
/// Wait before it is looked again whether there is traffic left to ask with.
const QUIET_WAIT: Duration = Duration::from_secs(15 * 60);
/// Keys that are not kept, for each so many that are, go into the filter as decoys, and at least [`DECOYS_MIN`].
const DECOY_SHARE: usize = 8;
const DECOYS_MIN: usize = 8;

/// Where a key stands of which no head is here.
const NO_HEAD: Order = (0, 0);

/// What a page of statements came to.
enum Page {
    /// Every statement held; those of kinds that this version does not know are left out.
    Good(Vec<Verified<Statement>>),
    /// Something in it the peer must have known to be wrong.
    Bad,
}

fn read_page(verifier: &mut Verifier, envelopes: &[Vec<u8>]) -> (Page, usize) {
    let (mut good, mut unknown) = (Vec::new(), 0);
    for bytes in envelopes {
        match verifier.verify(bytes) {
            Ok(statement) => good.push(statement),
            Err(error) if error.blames_relayer() => return (Page::Bad, unknown),
            Err(_) => unknown += 1,
        }
    }
    (Page::Good(good), unknown)
}

impl<S: Store> Service<S> {
    pub(super) fn sync_event(&mut self, now: Now, event: SyncEvent) -> Result<(), StoreError> {
        match event {
            SyncEvent::Asked { peer, exchange, bytes } => self.answer_peer(now, peer, exchange, &bytes),
            SyncEvent::Answered { order, bytes } => self.answered(now, order, &bytes),
            SyncEvent::Failed { order, is_unsupported } => {
                if let Some(peer) = self.sync.asked_by(order) {
                    self.ingest.count(if is_unsupported { "sync_unsupported" } else { "sync_unanswered" });
                    let after = is_unsupported.then_some(UNSUPPORTED_WAIT);
                    self.sync.fail(peer, now.mono, after, &mut self.rng);
                }
                Ok(())
            }
        }
    }

    /// What time brings about here.
    pub(super) fn sync_tick(&mut self, now: Now) -> Result<(), StoreError> {
        let late: Vec<(Peer, bool)> = self
            .sync
            .asking
            .iter()
            .filter_map(|(peer, session)| match session.wait {
                Wait::Answer { by, .. } if by <= now.mono => Some((*peer, true)),
                Wait::Until(at) if at <= now.mono => Some((*peer, false)),
                _ => None,
            })
            .collect();
        for (peer, is_silent) in late {
            if is_silent {
                self.ingest.count("sync_unanswered");
                self.sync.fail(peer, now.mono, None, &mut self.rng);
            } else {
                self.go_on(now, peer)?;
            }
        }
        for author in self.sync.take_doubted(now.mono) {
            if !self.is_whole(&author)? {
                self.sync.seek_help(now.mono);
                break;
            }
        }
        self.sync.look_after_wanted(now.mono);
        while let Some(peer) = self.sync.due(now.mono) {
            self.begin_session(now, peer)?;
        }
        Ok(())
    }

    fn begin_session(&mut self, now: Now, peer: Peer) -> Result<(), StoreError> {
        if self.is_quiet(now) {
            self.ingest.count("sync_put_off");
            self.sync.fail(peer, now.mono, Some(QUIET_WAIT), &mut self.rng);
            return Ok(());
        }
        let salt = self.sync.salt(peer, now.wall);
        let (filter, asked) = self.whom_to_ask_about(now, salt);
        self.ingest.count("sync_sessions");
        match self.sync.open(peer, filter, asked, now.mono) {
            Some(session) => {
                self.sync.asking.insert(peer, session);
                self.go_on(now, peer)
            }
            None => {
                self.sync.fail(peer, now.mono, None, &mut self.rng);
                Ok(())
            }
        }
    }

    /// The keys that are kept: mine, those followed, the best scored; and some strangers, treated like them on the wire,
    /// so that whoever tries keys against the filter cannot tell which of them I follow.
    fn whom_to_ask_about(&mut self, now: Now, salt: Salt) -> (Filter, Vec<Key>) {
        let me = self.identity.key();
        let mut asked = vec![me];
        asked.extend(self.curation.all().keys().copied());
        let mut rated: Vec<(f64, Key)> = self
            .catalogue_scores(now.wall)
            .keys()
            .filter(|(_, score)| score.score > 0.0)
            .map(|(id, score)| (score.score, Key::known(id.0)))
            .collect();
        rated.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let known: BTreeSet<Key> = asked.iter().copied().collect();
        let most = KEPT_MAX.min(self.watch.budgets().rated_keys.saturating_add(asked.len()));
        // When something is short only follows are pulled.
        let room = if self.is_saving(now) { 0 } else { most.saturating_sub(asked.len()) };
        asked.extend(rated.into_iter().map(|(_, key)| key).filter(|key| !known.contains(key)).take(room));
        let mut kept: BTreeSet<Key> = asked.iter().copied().collect();
        let decoys = DECOYS_MIN.max(kept.len() / DECOY_SHARE);
        // What peers asked for: nobody can tell it from what is asked for this node's own sake.
        let wanted = if self.is_saving(now) { Vec::new() } else { self.sync.wanted.now(now.mono) };
        asked.extend(wanted.into_iter().filter(|author| kept.insert(*author)));
        let strangers = self.ingest.all_authors().into_iter().filter(|author| !kept.contains(author)).collect();
        asked.extend(self.sync.decoys(strangers, decoys));
        let mut filter = Filter::for_keys(salt, asked.len().max(FILTER_KEYS_MIN));
        asked.iter().for_each(|key| filter.insert(key.as_bytes()));
        (asked.len()..FILTER_KEYS_MIN).for_each(|number| filter.insert(&self.sync.nobody(number)));
        (filter, asked)
    }

    /// Sends the next request of a session, or ends it.
    fn go_on(&mut self, now: Now, peer: Peer) -> Result<(), StoreError> {
        loop {
            let wait = self.sync.peers.get_mut(&peer).map_or(Duration::ZERO, |state| state.brought.wait(now.mono));
            let wait = wait.max(self.watch.verify_wait(now.mono));
            let Some(session) = self.sync.asking.get_mut(&peer) else { return Ok(()) };
            if !wait.is_zero() {
                session.wait = Wait::Until(now.mono + wait);
                return Ok(());
            }
            match session.next_step() {
                Next::Ask(request) => {
                    let order = self.replication.next_order();
                    session.wait = Wait::Answer { order, by: now.mono + ANSWER_MAX };
                    let bytes = request.encode();
                    self.ingest.count_many("sync_bytes_out", bytes.len() as u64);
                    self.held.push(Output::SyncFrame(SyncOrder::Ask { order, peer, bytes }));
                    return Ok(());
                }
                Next::Plan => self.plan_logs(now, peer)?,
                Next::Begin => self.begin_log(now, peer)?,
                Next::Over => return self.end_session(now, peer),
            }
        }
    }

    /// Which logs are not as their heads say, and may be had here.
    fn plan_logs(&mut self, now: Now, peer: Peer) -> Result<(), StoreError> {
        let Some(session) = self.sync.asking.get_mut(&peer) else { return Ok(()) };
        let (asked, bytes) = (session.asked.clone(), session.reconcile_bytes);
        self.ingest.count_many("sync_reconcile_bytes", bytes);
        // What is short would be fetched for nothing: it is given up first, or must not cost anything now.
        let only_follows = self.is_saving(now) || self.ingest.is_tight() || self.ingest.is_disk_low;
        for author in asked.iter().copied() {
            if only_follows && self.standing(&author) != Standing::Own && self.standing(&author) != Standing::Followed {
                continue;
            }
            let Some(head) = self.sync.marks.head_of(&author) else { continue };
            if self.archives.look.remove(&author) {
                self.consider_archive(now, author)?;
            }
            if self.archives.holds(&author) {
                continue;
            }
            // My own log is what this disk says, unless somebody shows a head of mine that is not on it.
            let is_mine = author == self.identity.key();
            let may_have = self.sync.asking.get(&peer).is_some_and(|session| {
                if is_mine { session.offered.contains(&author) } else { session.may_have(&author) }
            });
            if may_have
                && !self.is_whole(&author)?
                && self.sync.may_ask(author, peer, head, now.mono)
                && let Some(session) = self.sync.asking.get_mut(&peer)
            {
                session.todo.push_back(author);
            }
        }
        self.plan_blind(now, peer, &asked, only_follows);
        Ok(())
    }

    /// Asks for the logs of keys of which there is no head: a filter is matched against keys that the peer knows, and this
    /// one it may never have heard of. Follows and what others asked for, and a few others that cannot be told from them;
    /// never the own key, which is nobody's business before it has spoken.
    fn plan_blind(&mut self, now: Now, peer: Peer, asked: &[Key], only_follows: bool) {
        let me = self.identity.key();
        let blind = asked.iter().filter(|author| **author != me && self.sync.marks.head_of(author).is_none());
        let (mut sought, rest): (Vec<Key>, Vec<Key>) =
            blind.partition(|author| self.curation.of(author).is_some() || self.sync.wanted.has(author));
        if only_follows {
            sought.retain(|author| self.curation.of(author).is_some());
        } else {
            sought.extend(self.sync.decoys(rest, BLIND_DECOYS));
        }
        sought.retain(|author| !self.archives.holds(author) && self.sync.may_ask(*author, peer, NO_HEAD, now.mono));
        sought.truncate(BLIND_MAX);
        sought.sort_unstable();
        if let Some(session) = self.sync.asking.get_mut(&peer) {
            session.todo.extend(sought);
        }
    }

    fn begin_log(&mut self, now: Now, peer: Peer) -> Result<(), StoreError> {
        let Some(author) = self.sync.asking.get_mut(&peer).and_then(|session| session.todo.pop_front()) else {
            return Ok(());
        };
        // Another session may have brought it meanwhile, or be at it.
        let is_under_way = self.sync.asking.values().any(|other| other.fetching.is_some_and(|f| f.author == author));
        if is_under_way || self.archives.holds(&author) || self.is_whole(&author)? {
            if is_under_way && let Some(head) = self.sync.marks.head_of(&author) {
                self.sync.put_off(author, peer, head, now.mono);
            }
            return Ok(());
        }
        let fetching = match self.sync.marks.head_of(&author) {
            Some(head) if self.sync.is_probed(author, peer, head) => {
                Fetching { author, after: head, is_from_start: false, is_probe: true }
            }
            Some(_) => {
                let after = self.pulled(&author)?;
                Fetching { author, after, is_from_start: after == NO_HEAD, is_probe: false }
            }
            // Where an earlier pull ended says nothing without a head.
            None => Fetching { author, after: NO_HEAD, is_from_start: true, is_probe: false },
        };
        if let Some(session) = self.sync.asking.get_mut(&peer) {
            session.fetching = Some(fetching);
        }
        Ok(())
    }

    /// Whether a log is all that its head counts: the live set as of the head's creation. A statement that was replaced
    /// or ran out since leaves a gap that nobody is to blame for; the author's next head closes it.
    pub(super) fn is_whole(&mut self, author: &Key) -> Result<bool, StoreError> {
        let Some(order) = self.sync.marks.head_of(author) else { return Ok(false) };
        if self.sync.is_whole(author, order) {
            return Ok(true);
        }
        // COST: reading a log takes a seventh of the time that taking it in took, and while it is pulled it is asked for
        // often. Whoever has fewer statements than the head counts need not read them.
        let head = self.ground.statements_of_kind(author, Kind::Head)?.into_iter().next();
        let counted = head.and_then(|head| match head.statement.body() {
            Body::Head(head) => Some(head.live_count),
            _ => None,
        });
        if counted.is_none_or(|counted| (self.ingest.log_len(author) as u64) < counted) {
            return Ok(false);
        }
        let mut live: BTreeSet<StatementId> = BTreeSet::new();
        let mut said: Option<Head> = None;
        for stored in self.ground.statements_of(author)? {
            match stored.statement.body() {
                Body::Head(head) => said = Some(head.clone()),
                body if Head::counts(body.kind())
                    && !stored.is_private
                    && stored.statement.header().order() < order =>
                {
                    live.insert(stored.statement.id());
                }
                _ => {}
            }
        }
        let is_whole =
            said.is_some_and(|head| head.live_count == live.len() as u64 && head.live_root == Head::root_of(&live));
        if is_whole {
            self.sync.set_whole(*author, order);
            self.set_pulled(author, order);
            if self.curation.of(author).is_some() {
                // Its archive can be made of what is here.
                self.archives.look.insert(*author);
            }
        }
        Ok(is_whole)
    }

    fn pulled(&self, author: &Key) -> Result<Order, StoreError> {
        let bytes = self.ground.get(Table::Pulled, author.as_bytes())?;
        let order = bytes.and_then(|bytes| {
            let mut fields = Fields(&bytes);
            Some((fields.u32()?, fields.u64()?))
        });
        Ok(order.unwrap_or((0, 0)))
    }

    /// Notes that a log is here up to a number, by another way than sync: sync goes on there.
    pub(super) fn pulled_up_to(&mut self, author: &Key, order: Order) -> Result<(), StoreError> {
        if order > self.pulled(author)? {
            self.set_pulled(author, order);
        }
        Ok(())
    }

    pub(super) fn set_pulled(&mut self, author: &Key, (generation, seq): Order) {
        let mut bytes = generation.to_be_bytes().to_vec();
        bytes.extend_from_slice(&seq.to_be_bytes());
        let value = (seq > 0).then_some(bytes);
        self.ground.put(Table::Pulled, author.as_bytes(), value, Durability::Process);
    }

    fn answered(&mut self, now: Now, order: OrderId, bytes: &[u8]) -> Result<(), StoreError> {
        // An answer to a session that has ended meanwhile.
        let Some(peer) = self.sync.asked_by(order) else { return Ok(()) };
        self.ingest.count_many("sync_bytes_in", bytes.len() as u64);
        let is_too_much = self.sync.asking.get_mut(&peer).is_some_and(|session| session.takes(bytes.len()));
        if is_too_much {
            self.ingest.count("sync_over_budget");
            return self.end_session(now, peer);
        }
        let Ok(response) = Response::decode(bytes) else { return self.blame(now, peer, "sync_malformed") };
        match response {
            Response::Round { salt, message } => {
                let Some(session) = self.sync.asking.get_mut(&peer) else { return Ok(()) };
                if salt != session.salt() || session.reconcile(&message).is_err() {
                    return self.blame(now, peer, "sync_nonsense");
                }
                let gone = std::mem::take(&mut session.gone);
                if let Some(declined) = self.sync.declined(peer) {
                    declined.forget(&gone);
                }
                self.go_on(now, peer)
            }
            Response::Statements { envelopes, is_end, is_whole } => {
                if let Some(state) = self.sync.peers.get_mut(&peer) {
                    state.brought.take(now.mono, envelopes.len());
                }
                let _ = self.watch.may_verify(now.mono, envelopes.len());
                let (page, unknown) = read_page(&mut self.verifier, &envelopes);
                self.ingest.count_many("unknown_kind", unknown as u64);
                let Page::Good(page) = page else { return self.blame(now, peer, "sync_invalid") };
                let Some(session) = self.sync.asking.get(&peer) else { return Ok(()) };
                match session.fetching {
                    Some(fetching) => self.logged(now, peer, fetching, page, is_end, is_whole),
                    None if session.is_naming() => self.named(now, peer, page, is_end),
                    None => self.blame(now, peer, "sync_nonsense"),
                }
            }
            Response::Refused { reason, retry_after_ms } => {
                self.ingest.count("sync_refused");
                let after = match reason {
                    Reason::Busy => Some(Duration::from_millis(u64::from(retry_after_ms))),
                    Reason::UnknownSession | Reason::NotUnderstood => None,
                };
                self.sync.fail(peer, now.mono, after, &mut self.rng);
                Ok(())
            }
        }
    }

    /// The heads, rotations and proofs that only the peer had.
    fn named(&mut self, now: Now, peer: Peer, page: Vec<Verified<Statement>>, is_end: bool) -> Result<(), StoreError> {
        let has_some = !page.is_empty();
        for statement in page {
            let Some(session) = self.sync.asking.get_mut(&peer) else { return Ok(()) };
            if !session.named(&statement) {
                return self.blame(now, peer, "sync_unasked");
            }
            self.ingest.count("sync_differences");
            let Some(about) = about(&statement) else { return self.blame(now, peer, "sync_unasked") };
            // The filter matches some keys by chance: they are not asked about, and nobody's fault.
            if !session.asked.contains(&about) {
                self.ingest.count("sync_declined");
                if let Some(declined) = self.sync.declined(peer) {
                    declined.add(&statement);
                }
                continue;
            }
            if statement.kind() == Kind::Head {
                session.offered.insert(about);
                let _ = self.take(now, statement, Source::Sync)?;
            } else if session.late.len() < LATE_MAX {
                session.late.push(statement);
            }
        }
        if let Some(session) = self.sync.asking.get_mut(&peer)
            && (is_end || !has_some)
        {
            session.give_up_names();
        }
        self.go_on(now, peer)
    }

    /// A page of a log.
    fn logged(
        &mut self,
        now: Now,
        peer: Peer,
        fetching: Fetching,
        page: Vec<Verified<Statement>>,
        is_end: bool,
        claims_whole: bool,
    ) -> Result<(), StoreError> {
        let Fetching { author, mut after, is_from_start, is_probe } = fetching;
        let mut last = after;
        for statement in &page {
            let order = statement.header().order();
            if *statement.author() != author || order <= last || statement.kind() == Kind::Head {
                return self.blame(now, peer, "sync_unasked");
            }
            last = order;
        }
        if self.sync.wanted.has(&author) {
            let bytes = page.iter().map(|statement| statement.bytes().len()).sum();
            self.sync.wanted.spend(now.mono, bytes);
        }
        let mut is_full = false;
        for statement in page {
            after = statement.header().order();
            is_full |= self.take(now, statement, Source::Sync)?.is_err_and(Refusal::is_full);
            self.ingest.count("sync_pulled");
        }
        // A page of kinds that are unknown here leads nowhere.
        let is_over = is_end || is_full || after == fetching.after;
        if !is_over {
            if !is_probe {
                self.set_pulled(&author, after);
            }
            // Its archive was found meanwhile: that brings the rest in one go, and from many.
            let is_left = self.archives.holds(&author);
            if let Some(session) = self.sync.asking.get_mut(&peer) {
                session.fetching = (!is_left).then_some(Fetching { author, after, is_from_start, is_probe });
            }
            return self.go_on(now, peer);
        }
        let mut again = None;
        let head = self.sync.marks.head_of(&author);
        if head.is_none() {
            self.sync.set_unmet(author, peer, NO_HEAD, Miss::CatchingUp, now.mono);
            self.ingest.count("sync_blind");
        }
        if !self.is_whole(&author)?
            && let Some(head) = head
        {
            // Where an earlier pull ended proves nothing about what it left out.
            self.set_pulled(&author, NO_HEAD);
            if is_probe && !claims_whole {
                self.sync.set_unmet(author, peer, head, Miss::CatchingUp, now.mono);
                self.sync.take_up(&author, now.mono);
                self.ingest.count("sync_probed");
            } else if !is_from_start && !is_full {
                again = Some(Fetching { author, after: NO_HEAD, is_from_start: true, is_probe: false });
            } else {
                let miss = if is_full || claims_whole { Miss::Lasting } else { Miss::CatchingUp };
                self.sync.set_unmet(author, peer, head, miss, now.mono);
                if !is_full {
                    self.sync.take_up(&author, now.mono);
                }
                let counter = match (is_full, claims_whole) {
                    (true, _) => "sync_over_quota",
                    (false, true) => "sync_omitted",
                    (false, false) => "sync_incomplete",
                };
                self.ingest.count(counter);
            }
        }
        if let Some(session) = self.sync.asking.get_mut(&peer) {
            session.fetching = again;
        }
        self.go_on(now, peer)
    }

    fn end_session(&mut self, now: Now, peer: Peer) -> Result<(), StoreError> {
        let late = self.sync.asking.get_mut(&peer).map(|session| std::mem::take(&mut session.late));
        // By generation, so that each step of a chain finds the one before.
        let mut late = late.unwrap_or_default();
        late.sort_by_key(|statement| (statement.header().generation, statement.id()));
        for statement in late {
            let _ = self.take(now, statement, Source::Sync)?;
        }
        self.ingest.count("sync_done");
        self.sync.finish(peer, now.mono, &mut self.rng);
        Ok(())
    }

    /// Ends a session with a peer that sent what it must have known to be wrong.
    pub(super) fn blame(&mut self, now: Now, peer: Peer, counter: &'static str) -> Result<(), StoreError> {
        self.ingest.count(counter);
        self.refusals.note(now.wall, counter, None);
        self.held.push(Output::SyncFrame(SyncOrder::Blame { peer }));
        self.sync.fail(peer, now.mono, None, &mut self.rng);
        Ok(())
    }

    /// How the logs of follows stand: when their heads were made, and whether all that they count is here.
    pub(super) fn logs(&mut self) -> Result<BTreeMap<Key, (heirloom_proto::Timestamp, bool)>, StoreError> {
        let mut logs = BTreeMap::new();
        for key in self.curation.all().keys().copied().collect::<Vec<_>>() {
            let head = self.ground.statements_of_kind(&key, Kind::Head)?.into_iter().next();
            if let Some(head) = head {
                logs.insert(key, (head.statement.header().created, self.is_whole(&key)?));
            }
        }
        Ok(logs)
    }
}
