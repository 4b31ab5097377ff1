//! Answering peers that pull: bounded for each of them, out of the store, and nothing private.

use super::Service;
use crate::ingest::Standing;
use crate::io::{ExchangeId, Now, Output, Peer, SyncOrder};
use crate::store::{Store, StoreError};
use crate::sync::{HOSTING_IDLE, HOSTING_MAX, Hosting, Order};
use heirloom_proto::sync::{ENVELOPES_BYTES_MAX, ENVELOPES_MAX, Filter, RETRY_MS_MAX, Reason, Request, Response, Salt};
use heirloom_proto::{Key, Kind, Sha256, Statement};
use std::time::Duration;

/// When somebody may come again who finds every place taken.
const FULL_WAIT: Duration = Duration::from_secs(15);
/// When somebody may come again while something is short: shortages last.
const SHORT_WAIT: Duration = Duration::from_secs(10 * 60);
/// Bytes that protobuf puts before each envelope.
const PREFIX_BYTES: usize = 4;

impl<S: Store> Service<S> {
    pub(super) fn answer_peer(
        &mut self,
        now: Now,
        peer: Peer,
        exchange: ExchangeId,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let response = match Request::decode(bytes) {
            Ok(request) => match self.owed_by(now, peer).or_else(|| self.put_off(now, &request)) {
                Some(wait) => busy(wait),
                None => self.respond(now, peer, request)?,
            },
            Err(_) => self.not_understood(now, peer)?,
        };
        let bytes = response.encode();
        if let Some(state) = self.sync.peers.get_mut(&peer) {
            state.bytes.take(now.mono, bytes.len());
        }
        self.ingest.count_many("sync_bytes_served", bytes.len() as u64);
        self.held.push(Output::SyncFrame(SyncOrder::Answer { exchange, bytes }));
        Ok(())
    }

    /// How long a peer has to wait that took more than its share; a peer that is not connected has none.
    pub(super) fn owed_by(&mut self, now: Now, peer: Peer) -> Option<Duration> {
        let Some(state) = self.sync.peers.get_mut(&peer).filter(|state| state.is_up) else { return Some(FULL_WAIT) };
        let waits =
            [&mut state.served, &mut state.bytes, &mut state.work, &mut state.cpu].map(|pace| pace.wait(now.mono));
        let wait = waits.into_iter().max().filter(|wait| !wait.is_zero());
        if wait.is_some() {
            self.ingest.count("sync_busy");
        }
        wait
    }

    /// How long a question has to wait because something is short here: logs of those whom I follow go out as long as there
    /// is traffic at all.
    fn put_off(&mut self, now: Now, request: &Request) -> Option<Duration> {
        let must_wait = match request {
            Request::Fetch { author, .. } => {
                let is_close = matches!(self.standing(author), Standing::Own | Standing::Followed);
                self.is_quiet(now) || (!is_close && self.is_saving(now))
            }
            _ => self.is_quiet(now),
        };
        if must_wait {
            self.ingest.count("sync_put_off");
        }
        must_wait.then_some(SHORT_WAIT)
    }

    fn not_understood(&mut self, now: Now, peer: Peer) -> Result<Response, StoreError> {
        self.sync.hosting.remove(&peer);
        self.blame(now, peer, "sync_malformed")?;
        Ok(Response::Refused { reason: Reason::NotUnderstood, retry_after_ms: 0 })
    }

    fn respond(&mut self, now: Now, peer: Peer, request: Request) -> Result<Response, StoreError> {
        match request {
            Request::Open { filter, message } => self.host(now, peer, &filter, &message),
            Request::Round { salt, message } => self.round(now, peer, salt, &message),
            Request::Names { salt, ids } => self.names(now, peer, salt, &ids),
            Request::Fetch { author, after } => self.page(now, peer, &author, after),
        }
    }

    fn host(&mut self, now: Now, peer: Peer, filter: &Filter, message: &[u8]) -> Result<Response, StoreError> {
        // Every mark is held against the filter.
        let looked_at = self.sync.marks.len();
        if let Some(state) = self.sync.peers.get_mut(&peer) {
            state.work.take(now.mono, looked_at.max(1000));
        }
        self.sync.hosting.remove(&peer);
        if self.sync.hosting.len() >= HOSTING_MAX {
            let idle = self.sync.hosting.iter().min_by_key(|(_, session)| session.used);
            match idle.filter(|(_, session)| session.used + HOSTING_IDLE <= now.mono).map(|(peer, _)| *peer) {
                Some(idle) => self.sync.hosting.remove(&idle),
                None => return Ok(busy(FULL_WAIT)),
            };
        }
        self.ingest.count("sync_hosted");
        self.sync.hosting.insert(peer, Hosting::new(&self.sync.marks, filter, now.mono));
        self.round(now, peer, filter.salt(), message)
    }

    fn round(&mut self, now: Now, peer: Peer, salt: Salt, message: &[u8]) -> Result<Response, StoreError> {
        let Some(session) = self.sync.hosting.get_mut(&peer).filter(|session| session.is(salt)) else {
            return Ok(unknown_session());
        };
        if let Some(state) = self.sync.peers.get_mut(&peer) {
            state.work.take(now.mono, session.set().len());
        }
        match session.reconcile(message, now.mono) {
            Ok(message) => Ok(Response::Round { salt, message }),
            Err(_) => self.not_understood(now, peer),
        }
    }

    fn names(&mut self, now: Now, peer: Peer, salt: Salt, ids: &[Sha256]) -> Result<Response, StoreError> {
        let Some(session) = self.sync.hosting.get_mut(&peer).filter(|session| session.is(salt)) else {
            return Ok(unknown_session());
        };
        session.used = now.mono;
        let wanted: Vec<_> = ids.iter().filter_map(|name| session.set().statement(name)).collect();
        let mut page = PageOf::default();
        for id in wanted {
            let Some(place) = self.ground.place_by_id(&id)? else { continue };
            let Some(stored) = self.ground.statement(&place)?.filter(|stored| !stored.is_private) else { continue };
            if !page.takes(&stored.statement) {
                return Ok(self.serve(now, peer, page, false, false));
            }
        }
        Ok(self.serve(now, peer, page, true, false))
    }

    fn page(&mut self, now: Now, peer: Peer, author: &Key, after: Order) -> Result<Response, StoreError> {
        let mut page = PageOf::default();
        let mut at = after;
        loop {
            let places = self.ground.places_after(author, at, ENVELOPES_MAX)?;
            let is_last = places.len() < ENVELOPES_MAX;
            for (order, place) in places {
                at = order;
                let stored = self.ground.statement(&place)?;
                let is_served = |stored: &crate::ground::Stored| {
                    let statement = &stored.statement;
                    !stored.is_private && statement.kind() != Kind::Head && !statement.header().is_expired(now.wall)
                };
                if let Some(stored) = stored.filter(is_served)
                    && !page.takes(&stored.statement)
                {
                    return Ok(self.serve(now, peer, page, false, false));
                }
            }
            if is_last {
                break;
            }
        }
        let is_whole = match self.standing(author) {
            Standing::Own => true,
            Standing::Followed | Standing::Rated => {
                self.sync.marks.head_of(author).is_some_and(|head| self.sync.is_whole(author, head))
            }
            // Nobody has looked yet: what is here of it came by gossip, or for others.
            Standing::Stranger => {
                if let Some(state) = self.sync.peers.get_mut(&peer) {
                    state.work.take(now.mono, self.ingest.log_len(author));
                }
                self.is_whole(author)? || self.want(now, peer, author)
            }
        };
        Ok(self.serve(now, peer, page, true, is_whole))
    }

    /// Takes a log that a peer asked for in vain into what this node asks for. It is not whole: always false.
    fn want(&mut self, now: Now, peer: Peer, author: &Key) -> bool {
        if !self.is_saving(now) && self.sync.want(*author, peer, now.mono) {
            self.ingest.count("sync_wanted");
        }
        false
    }

    fn serve(&mut self, now: Now, peer: Peer, page: PageOf, is_end: bool, is_whole: bool) -> Response {
        if let Some(state) = self.sync.peers.get_mut(&peer) {
            state.served.take(now.mono, page.envelopes.len().max(1));
        }
        self.ingest.count_many("sync_served", page.envelopes.len() as u64);
        Response::Statements { envelopes: page.envelopes, is_end, is_whole }
    }
}

/// Envelopes as far as a frame holds them.
#[derive(Default)]
struct PageOf {
    envelopes: Vec<Vec<u8>>,
    bytes: usize,
}

impl PageOf {
    /// Takes one more; says whether there was room.
    fn takes(&mut self, statement: &Statement) -> bool {
        let bytes = statement.bytes().len() + PREFIX_BYTES;
        if self.envelopes.len() >= ENVELOPES_MAX || self.bytes + bytes > ENVELOPES_BYTES_MAX {
            return false;
        }
        self.bytes += bytes;
        self.envelopes.push(statement.bytes().to_vec());
        true
    }
}

fn busy(wait: Duration) -> Response {
    let retry_after_ms = u32::try_from(wait.as_millis()).unwrap_or(RETRY_MS_MAX).min(RETRY_MS_MAX);
    Response::Refused { reason: Reason::Busy, retry_after_ms }
}

fn unknown_session() -> Response {
    Response::Refused { reason: Reason::UnknownSession, retry_after_ms: 0 }
}
