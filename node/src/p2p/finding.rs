//! Finding peers: claims go into the address book, the book's dials go out, and what came of them goes back.
//!
//! Here the worker's events meet the book (`book`), its file (`book_file`) and the budget (`wasted`), which decide.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    path::PathBuf,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use libp2p::{
    Multiaddr, PeerId,
    core::ConnectedPoint,
    swarm::{ConnectionId, DialError, dial_opts::DialOpts},
};
use tokio::task::JoinHandle;

use super::{
    book::{Book, Dial, Learned, Met, Via},
    book_file,
    calling_off::Calls,
    links::Link,
    netgroup::{self, Socket},
    params,
    redial::without_id,
    wasted::Wasted,
    worker::{Worker, chance},
};

/// See the module.
pub(super) struct Finding {
    pub book: Book,
    wasted: Wasted,
    dials: BTreeMap<ConnectionId, Dial>,
    calls: Calls,
    /// Places of which the second way is tried too, and when.
    seconds: VecDeque<(Instant, SocketAddr)>,
    /// Where a feeler is, and since when.
    feeler: Option<(SocketAddr, Instant)>,
    felt: Instant,
    pub links: BTreeMap<ConnectionId, Link>,
    file: Option<PathBuf>,
    /// What is not in the file yet: since when it may be written.
    unsaved: bool,
    saved: Option<Instant>,
    writing: Option<JoinHandle<()>>,
}

impl Finding {
    /// With what the file remembers.
    pub fn new(file: Option<PathBuf>, own_ground: bool, calls: Calls, now: Instant) -> Self {
        let remembered = file.as_deref().map(book_file::read).unwrap_or_default();
        Self {
            book: Book::new(own_ground, remembered, now),
            wasted: Wasted::default(),
            dials: BTreeMap::new(),
            calls,
            seconds: VecDeque::new(),
            feeler: None,
            felt: now,
            links: BTreeMap::new(),
            file,
            unsaved: false,
            saved: None,
            writing: None,
        }
    }

    /// Direct connections with a peer.
    fn direct(&self, peer: PeerId) -> impl Iterator<Item = &Link> {
        self.links.values().filter(move |link| link.peer == peer && !link.is_relayed)
    }

    /// Connections with a peer that we dialled.
    pub fn dialled(&self, peer: PeerId) -> Vec<ConnectionId> {
        let is_it = |link: &Link| link.peer == peer && link.is_dialer && !link.is_relayed;
        self.links.iter().filter(|(_, link)| is_it(link)).map(|(id, _)| *id).collect()
    }

    /// Whether a place of strangers may be tried, both ways.
    pub fn may_waste(&self, now: Instant) -> bool {
        self.wasted.has_room(now)
    }

    /// It is tried in so many ways.
    pub fn begin_wasting(&mut self, ways: usize, now: Instant) {
        self.wasted.begin(ways, now);
    }

    /// When the next second way is due.
    pub fn next_second(&self) -> Option<Instant> {
        self.seconds.front().map(|(at, _)| *at)
    }

    /// The place needs no other dial: one that is under way is given up.
    fn call_off_others(&mut self, place: SocketAddr) {
        let calls = &self.calls;
        self.dials.retain(|connection, dial| {
            let is_other = dial.place == place;
            if is_other {
                calls.call_off(*connection);
            }
            !is_other
        });
    }

    /// Writes the file, in a thread of its own, unless one is being written.
    fn save(&mut self, now: Instant) {
        let is_writing = self.writing.as_ref().is_some_and(|writing| !writing.is_finished());
        let is_soon = self.saved.is_some_and(|saved| now < saved + params::BOOK_SAVE_EVERY);
        self.unsaved |= self.saved.is_some_and(|saved| now >= saved + params::BOOK_REFRESH_EVERY);
        let Some(file) = self.file.clone() else { return };
        if !self.unsaved || is_writing || is_soon {
            return;
        }
        (self.unsaved, self.saved) = (false, Some(now));
        let met = self.book.to_remember();
        self.writing = Some(tokio::task::spawn_blocking(move || log_failed(book_file::write(&file, &met))));
    }

    /// Writes the file at the end.
    pub async fn close(mut self) {
        if let Some(writing) = self.writing.take() {
            // A panic there has nothing left to harm.
            let _ = writing.await;
        }
        self.book.still_there(now_s());
        let met = self.book.to_remember();
        if let Some(file) = self.file.filter(|_| !met.is_empty()) {
            log_failed(book_file::write(&file, &met));
        }
    }
}

fn log_failed(written: std::io::Result<()>) {
    if let Err(error) = written {
        tracing::warn!(%error, "peers are not remembered");
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The place of a direct TCP or QUIC address, and the way to it.
fn place_of(address: &Multiaddr) -> Option<(SocketAddr, Via)> {
    match netgroup::socket_of(&without_id(address))? {
        Socket::Tcp(at) => Some((at, Via::Tcp)),
        Socket::Quic(at) => Some((at, Via::Quic)),
    }
}

impl Worker {
    /// Somebody claims that peers are there.
    pub(super) fn on_candidates(&mut self, places: Vec<SocketAddr>, now: Instant) {
        let own: Vec<_> = self.listening.borrow().iter().filter_map(place_of).map(|(place, _)| place).collect();
        for place in places.into_iter().take(params::CANDIDATES_MAX).filter(|place| !own.contains(place)) {
            if self.finding.book.claim(place, Learned::Dht, now) {
                self.shared.counters.candidates.one();
            }
        }
        self.dial_from_book(now);
    }

    /// Begins the dials that the book wants and the budget allows.
    pub(super) fn dial_from_book(&mut self, now: Instant) {
        for _ in 0..params::BOOK_DIALS_PER_TICK {
            let wasted = &self.finding.wasted;
            let may = |ip| netgroup::is_own_ground(ip) || wasted.has_room(now);
            let Some(dial) = self.finding.book.next(now, chance(), may) else { return };
            if !netgroup::is_own_ground(dial.place.ip()) {
                self.finding.wasted.begin(dial.ways, now);
            }
            self.dial_place(dial, now);
        }
    }

    /// Now and then tries a claim for which there is no place, and gives up one that was not answered.
    fn feel(&mut self, now: Instant) {
        if let Some((place, since)) = self.finding.feeler {
            if now.saturating_duration_since(since) >= params::FEELER_WITHIN {
                self.leave_feeler(place);
            }
            return;
        }
        if now.saturating_duration_since(self.finding.felt) < params::FEELER_EVERY {
            return;
        }
        let wasted = &self.finding.wasted;
        let may = |ip| netgroup::is_own_ground(ip) || wasted.has_room(now);
        let Some(dial) = self.finding.book.feeler(now, chance(), may) else { return };
        if !netgroup::is_own_ground(dial.place.ip()) {
            self.finding.wasted.begin(dial.ways, now);
        }
        (self.finding.felt, self.finding.feeler) = (now, Some((dial.place, now)));
        self.dial_place(dial, now);
    }

    /// Closes the feeler's connection, if it came to one.
    fn leave_feeler(&mut self, place: SocketAddr) {
        self.finding.feeler = None;
        let is_it = |link: &Link| link.is_dialer && place_of(&link.address).is_some_and(|(at, _)| at == place);
        let found = self.finding.links.iter().find(|(_, link)| is_it(link)).map(|(id, _)| *id);
        if let Some(connection) = found {
            self.swarm.close_connection(connection);
        }
    }

    /// A connected peer proved to be a friend.
    pub(super) fn on_friend(&mut self, peer: PeerId) {
        self.finding.book.befriend(peer);
        self.finding.unsaved = true;
    }

    /// Without a transport id: the DHT names none, and a remembered one may have been replaced.
    pub(super) fn dial_place(&mut self, dial: Dial, now: Instant) {
        let address = netgroup::address_of(dial.via.socket(dial.place));
        let options = DialOpts::unknown_peer_id().address(address).build();
        let connection = options.connection_id();
        match self.finding.calls.naming(connection, || self.swarm.dial(options)) {
            Ok(()) => {
                self.shared.counters.dials.one();
                self.finding.dials.insert(connection, dial);
                if dial.ways > 1 && dial.via == Via::Quic {
                    self.finding.seconds.push_back((now + params::SECOND_WAY_AFTER, dial.place));
                }
            }
            Err(error) => self.place_failed(dial, &error, now),
        }
    }

    /// Tries the second way to places whose first takes long: many routers lose UDP without a word.
    pub(super) fn dial_second_ways(&mut self, now: Instant) {
        while self.finding.next_second().is_some_and(|at| at <= now) {
            let Some((_, place)) = self.finding.seconds.pop_front() else { return };
            if !self.finding.book.has_room_to_dial() {
                self.finding.seconds.push_back((now + params::SECOND_WAY_AFTER, place));
                continue;
            }
            let Some(second) = self.finding.book.second(place) else { continue };
            self.begin_second(second, now);
        }
    }

    fn begin_second(&mut self, second: Dial, now: Instant) {
        if !netgroup::is_own_ground(second.place.ip()) {
            self.finding.wasted.begin_second(now);
        }
        self.dial_place(second, now);
    }

    /// A dial failed; says whether it was one of the book's.
    pub(super) fn book_dial_failed(&mut self, connection: ConnectionId, error: &DialError, now: Instant) -> bool {
        let Some(dial) = self.finding.dials.remove(&connection) else { return false };
        self.place_failed(dial, error, now);
        self.seek(now);
        true
    }

    fn place_failed(&mut self, dial: Dial, error: &DialError, now: Instant) {
        tracing::debug!(%error, place = %dial.place, "dial failed");
        self.shared.counters.dials_failed.one();
        match error {
            DialError::LocalPeerId { .. } => {
                self.finding.book.useless(dial.place, now);
                self.finding.call_off_others(dial.place);
            }
            DialError::Denied { .. } => {
                self.shared.counters.refused.one();
                self.finding.book.put_back(dial.place, now);
            }
            _ => {
                if !netgroup::is_own_ground(dial.place.ip()) {
                    self.shared.counters.dials_wasted.one();
                }
                if let Some(second) = self.finding.book.failed(dial, now) {
                    self.begin_second(second, now);
                }
            }
        }
    }

    /// A connection is there. `ordered` says why we dialled, if the book did not.
    pub(super) fn on_link(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        endpoint: &ConnectedPoint,
        ordered: Option<Learned>,
        now: Instant,
    ) {
        let address = endpoint.get_remote_address().clone();
        let mut link = Link {
            peer,
            is_dialer: endpoint.is_dialer(),
            is_relayed: endpoint.is_relayed(),
            learned: ordered,
            how: ordered.map_or(if endpoint.is_dialer() { "other" } else { "inbound" }, Learned::word),
            address,
            since: now,
        };
        if link.is_relayed && !link.is_dialer {
            link.how = "relayed";
        }
        if let Some(dial) = self.finding.dials.remove(&connection) {
            self.finding.call_off_others(dial.place);
            if !netgroup::is_own_ground(dial.place.ip()) {
                self.finding.wasted.was_good(dial.ways);
            }
            if self.finding.feeler.is_some_and(|(place, _)| place == dial.place) {
                self.shared.counters.feelers.one();
            }
            if let Some((learned, remembered)) = self.finding.book.reached(dial.place, dial.via, peer, now) {
                link.learned = Some(learned);
                link.how = if remembered { "remembered" } else { learned.word() };
            }
            if self.finding.book.is_over_quota() {
                tracing::debug!(%peer, "one peer too many of its kind");
                self.swarm.close_connection(connection);
            }
        }
        self.finding.book.peer_up(peer, now);
        self.finding.links.insert(connection, link);
    }

    /// A connection is gone; `last` says whether it was the last with that peer.
    pub(super) fn on_unlink(&mut self, peer: PeerId, connection: ConnectionId, last: bool, now: Instant) {
        self.finding.links.remove(&connection);
        if last {
            self.finding.book.peer_down(peer, now);
        }
    }

    /// A peer is one of ours: worth remembering. One that dialled us tells where it listens; only an address that it
    /// came from is believed, so that nobody can send us to a third.
    pub(super) fn on_hello(&mut self, peer: PeerId, listens: &[Multiaddr], now: Instant) {
        let met_s = now_s();
        let mut places = Vec::new();
        for link in self.finding.direct(peer) {
            if link.is_dialer {
                let known = place_of(&link.address).zip(link.learned);
                places.extend(known.map(|((place, via), learned)| (place, Some(via), learned)));
                continue;
            }
            let Some(ip) = netgroup::ip_of(&link.address) else { continue };
            // By port, QUIC before TCP, and of one port the first.
            let mut said: Vec<_> = listens.iter().filter_map(place_of).filter(|(place, _)| place.ip() == ip).collect();
            said.sort_unstable();
            said.dedup_by_key(|(place, _)| *place);
            said.truncate(params::HELLO_PORTS_MAX);
            places.extend(said.into_iter().map(|(place, via)| (place, Some(via), Learned::Hello)));
        }
        for (place, via, learned) in places {
            let met = Met { place, via, learned, met_s, anchor: false, friend: false, peer: Some(peer) };
            self.finding.unsaved |= self.finding.book.met(met, true, now);
            if self.finding.feeler.is_some_and(|(felt, _)| felt == place) {
                self.leave_feeler(place);
            }
        }
    }

    /// A peer turned out not to be one of ours.
    pub(super) fn on_stranger(&mut self, peer: PeerId, now: Instant) {
        self.finding.book.useless_peer(peer, now);
    }

    /// Once a tick.
    pub(super) fn find(&mut self, now: Instant) {
        let now_s = now_s();
        self.finding.book.still_there(now_s);
        self.finding.book.forget(now, now_s);
        self.close_doubles(now);
        self.dial_from_book(now);
        self.feel(now);
        self.finding.save(now);
    }
}
