//! Reaching those who announced a work in the DHT: who of them is connected, who is dialled, and for how long.
//!
//! Places are claims of strangers. They go through the address book and its budget of wasted dials, in places of their
//! own, and a connection that was made for a question alone is closed when it was answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use libp2p::{PeerId, request_response};

use super::{
    Event,
    book::Sought,
    exchange::Protocol,
    netgroup, params,
    worker::{Worker, chance},
};

/// One seek.
#[derive(Debug)]
struct Seek {
    since: Instant,
    is_last: bool,
    /// Named, and not looked at yet.
    places: BTreeSet<SocketAddr>,
    /// Dialled or connected, since when.
    trying: BTreeMap<SocketAddr, Instant>,
    /// Everything that was ever named, so that nothing is tried twice.
    named: BTreeSet<SocketAddr>,
    /// Dials so far, by network.
    dials: BTreeMap<netgroup::Network, usize>,
    told: BTreeSet<PeerId>,
}

impl Seek {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            is_last: false,
            places: BTreeSet::new(),
            trying: BTreeMap::new(),
            named: BTreeSet::new(),
            dials: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    fn add(&mut self, place: SocketAddr) {
        let place = SocketAddr::new(place.ip().to_canonical(), place.port());
        if self.named.len() < params::SOUGHT_PLACES_MAX && self.named.insert(place) {
            self.places.insert(place);
        }
    }

    /// The place to try next: of the network that was tried least, since many addresses of one cost nothing.
    fn next(&self, chance: u64) -> Option<SocketAddr> {
        let tries = |place: &SocketAddr| self.dials.get(&network(place.ip())).copied().unwrap_or(0);
        let least = self.places.iter().map(tries).min()?;
        let best: Vec<_> = self.places.iter().filter(|place| tries(place) == least).collect();
        let at = usize::try_from(chance % best.len() as u64).unwrap_or(0);
        best.get(at).map(|place| **place)
    }

    fn begin(&mut self, place: SocketAddr, now: Instant) {
        self.places.remove(&place);
        self.trying.insert(place, now);
        *self.dials.entry(network(place.ip())).or_default() += 1;
    }

    fn dials(&self) -> usize {
        self.dials.values().sum()
    }

    fn is_over(&self, now: Instant) -> bool {
        let is_done = self.places.is_empty() || self.dials() >= params::SOUGHT_DIALS_MAX;
        (self.is_last && is_done && self.trying.is_empty())
            || now.saturating_duration_since(self.since) >= params::SEEK_WITHIN
    }
}

fn network(ip: IpAddr) -> netgroup::Network {
    netgroup::buckets(ip).1
}

/// All seeks.
#[derive(Debug, Default)]
pub(super) struct Seeks(BTreeMap<u64, Seek>);

impl Worker {
    /// Somebody announced a work there, they say.
    pub(super) fn on_seek(&mut self, seek: u64, places: Vec<SocketAddr>, is_last: bool, now: Instant) {
        if !self.seeks.0.contains_key(&seek) && self.seeks.0.len() >= params::SEEKS_MAX {
            self.sink.deliver(Event::SeekOver { seek });
            return;
        }
        let own: Vec<_> = self.listening.borrow().iter().filter_map(super::place_of).collect();
        let entry = self.seeks.0.entry(seek).or_insert_with(|| Seek::new(now));
        entry.is_last |= is_last;
        places.into_iter().filter(|place| !own.contains(place)).for_each(|place| entry.add(place));
        self.seek(now);
    }

    /// Goes on with every seek: after each hello, each failed dial, and once a tick.
    pub(super) fn seek(&mut self, now: Instant) {
        // Taken out meanwhile, since the book and the swarm are asked about each.
        let mut seeks = std::mem::take(&mut self.seeks.0);
        for (id, seek) in &mut seeks {
            self.tell_connected(*id, seek);
            let is_trying = |place: &SocketAddr, book: &super::book::Book| {
                book.is_dialled(*place) || book.peer_at(*place).is_some_and(|peer| !seek.told.contains(&peer))
            };
            seek.trying.retain(|place, _| is_trying(place, &self.finding.book));
            self.dial_sought(seek, now);
        }
        let over: Vec<u64> = seeks.iter().filter(|(_, seek)| seek.is_over(now)).map(|(id, _)| *id).collect();
        for seek in over {
            seeks.remove(&seek);
            self.sink.deliver(Event::SeekOver { seek });
        }
        self.seeks.0 = seeks;
    }

    /// Tells of peers of ours that are connected at one of the places.
    fn tell_connected(&mut self, id: u64, seek: &mut Seek) {
        for place in seek.named.clone() {
            let Some(peer) = self.finding.book.peer_at(place).filter(|peer| self.peers.is_ours(peer)) else { continue };
            seek.places.remove(&place);
            if seek.told.insert(peer) {
                self.sink.deliver(Event::Sought { seek: id, peer });
            }
        }
    }

    /// Dials as many of the places as the budgets allow.
    fn dial_sought(&mut self, seek: &mut Seek, now: Instant) {
        while seek.dials() < params::SOUGHT_DIALS_MAX {
            let is_recent = |begun: &&Instant| now.saturating_duration_since(**begun) < params::SOUGHT_DIAL;
            let recent = seek.trying.values().filter(is_recent).count();
            if recent >= params::SOUGHT_OUTBOUND_MAX {
                return;
            }
            let Some(place) = seek.next(chance()) else { return };
            let is_stranger = !netgroup::is_own_ground(place.ip());
            let may = !is_stranger || self.finding.may_waste(now);
            match self.finding.book.sought(place, may, now) {
                Sought::Dial(dial) => {
                    self.shared.counters.sought.one();
                    seek.begin(place, now);
                    if is_stranger {
                        self.finding.begin_wasting(dial.ways, now);
                    }
                    self.dial_place(dial, now);
                }
                Sought::Known => seek.begin(place, now),
                Sought::Later => return,
                Sought::Never => {
                    seek.places.remove(&place);
                }
            }
        }
    }

    /// An exchange about a work came to something: whoever was dialled for it alone may go.
    pub(super) fn on_lookup(&mut self, event: request_response::Event<Vec<u8>, Vec<u8>>, now: Instant) {
        let ended = match &event {
            request_response::Event::Message { peer, message: request_response::Message::Response { .. }, .. }
            | request_response::Event::OutboundFailure { peer, .. } => Some(*peer),
            _ => None,
        };
        self.on_exchange(Protocol::Lookup, event, now);
        if let Some(peer) = ended {
            let places = self.finding.book.sought_since(std::time::Duration::ZERO, now);
            self.let_go_of(places.into_iter().filter(|(_, at)| *at == peer).collect());
        }
    }

    /// Once a tick: connections for questions that nobody put.
    pub(super) fn let_go(&mut self, now: Instant) {
        let places = self.finding.book.sought_since(params::SOUGHT_KEPT, now);
        // A hello may take longer than that, and decides whether there is a question.
        let is_known = |peer: &PeerId| self.peers.is_ours(peer);
        let places = places.into_iter().filter(|(_, peer)| is_known(peer)).collect();
        self.let_go_of(places);
    }

    fn let_go_of(&mut self, places: Vec<(SocketAddr, PeerId)>) {
        for (place, peer) in places {
            if self.lookup.waits_for(&peer) || self.finding.book.keeps(place) {
                continue;
            }
            tracing::debug!(%peer, "asked, and let go");
            for connection in self.finding.dialled(peer) {
                self.swarm.close_connection(connection);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_network_of_many_addresses_gets_no_more_tries_than_others() {
        let now = Instant::now();
        let mut seek = Seek::new(now);
        (0..50).for_each(|host| seek.add(place(&format!("203.0.113.{host}:7341"))));
        seek.add(place("198.51.100.1:7341"));
        seek.add(place("192.0.2.1:7341"));
        let mut tried = Vec::new();
        for chance in 0..4 {
            let next = seek.next(chance * 7919).expect("a place");
            seek.begin(next, now);
            tried.push(network(next.ip()));
        }
        for other in ["198.51.100.1", "192.0.2.1"] {
            assert!(tried[..3].contains(&network(other.parse().expect("an address"))), "{tried:?}");
        }
    }

    #[test]
    fn places_and_time_are_bounded_and_nothing_is_tried_twice() {
        let now = Instant::now();
        let mut seek = Seek::new(now);
        (1..=1000).for_each(|port| seek.add(place(&format!("127.0.0.1:{}", 2000 + port))));
        assert_eq!(seek.places.len(), params::SOUGHT_PLACES_MAX);
        let first = seek.next(0).expect("a place");
        seek.begin(first, now);
        seek.add(first);
        seek.trying.clear();
        assert!(!seek.places.contains(&first));
        assert!(!seek.is_over(now), "more may be named");
        seek.is_last = true;
        assert!(!seek.is_over(now), "more may be tried");
        seek.places.clear();
        assert!(seek.is_over(now));
        seek.trying.insert(first, now);
        assert!(!seek.is_over(now), "one may still answer");
        assert!(seek.is_over(now + params::SEEK_WITHIN));
    }
}
