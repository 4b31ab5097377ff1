//! The address book: where peers may be, how we learned of it, and what came of it. Pure; time and chance are arguments.
//!
//! It holds two kinds of places. *Fresh* ones are claims of others, mostly of the DHT, where anybody may claim
//! anything: many wrong ones must not hide a right one, so they are tried network by network and host by host.
//! *Met* ones had a peer of ours; they are remembered across restarts (`book_file`).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use libp2p::PeerId;

use super::{
    netgroup::{self, Socket},
    params,
};

/// How we learned of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Learned {
    /// The user named it.
    Configured,
    /// It was announced on the local network.
    LocalNetwork,
    /// Somebody announced it in the DHT.
    Dht,
    /// It dialled us, and said where it listens.
    Hello,
}

/// One way to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Via {
    Quic,
    Tcp,
}

impl Via {
    pub fn socket(self, place: SocketAddr) -> Socket {
        match self {
            Self::Quic => Socket::Quic(place),
            Self::Tcp => Socket::Tcp(place),
        }
    }
}

/// What is under way to a place that is being dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trying {
    /// The one way that is known or left.
    One,
    /// The first of two.
    First,
    /// Two at once: whichever is there first counts.
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Waiting { until: Instant },
    Dialling(Trying),
    Up { since: Instant, outbound: bool },
}

/// What is known of one place.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    learned: Learned,
    /// Read from the file, or from this run.
    remembered: bool,
    /// What worked last.
    via: Option<Via>,
    peer: Option<PeerId>,
    /// Unix seconds at which a peer of ours was there; `None` for a claim.
    met_s: Option<u64>,
    anchor: bool,
    /// Dialled to ask about a work: it holds a place of those, and none of the others.
    sought: bool,
    /// A friend of the owner was there: in this run, or in the last and nobody was since.
    friend: bool,
    /// Tried only to see whether somebody is there: it takes no place.
    feeler: bool,
    failures: u32,
    state: State,
}

/// What becomes of a place at which a work was announced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sought {
    /// It is to be dialled now, as after [`Book::next`].
    Dial(Dial),
    /// It is being dialled, or connected.
    Known,
    /// Not yet: too many others are.
    Later,
    /// There is no room for the claim, or it failed lately.
    Never,
}

/// A peer worth remembering, as the file holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Met {
    pub place: SocketAddr,
    pub via: Option<Via>,
    pub learned: Learned,
    pub met_s: u64,
    pub anchor: bool,
    pub friend: bool,
    pub peer: Option<PeerId>,
}

/// A dial to make now; report it with [`Book::reached`], [`Book::failed`], [`Book::useless`] or [`Book::put_back`].
/// After a while without any of these, [`Book::second`] gives the other way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dial {
    pub place: SocketAddr,
    pub via: Via,
    /// Dials that this one may become: one where a way is known, else one for each way.
    pub ways: usize,
}

/// All places.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: BTreeMap<SocketAddr, Entry>,
    /// Connected peers that are friends.
    friends: BTreeSet<PeerId>,
    /// Whether claims about loopback and private networks are taken: only from a DHT that is there itself.
    own_ground: bool,
}

impl Book {
    /// With what was remembered, due at once.
    pub fn new(own_ground: bool, remembered: Vec<Met>, now: Instant) -> Self {
        let entry = |met: Met| {
            let entry = Entry {
                learned: met.learned,
                remembered: true,
                via: met.via,
                peer: met.peer,
                met_s: Some(met.met_s),
                anchor: met.anchor,
                sought: false,
                friend: met.friend,
                feeler: false,
                failures: 0,
                state: State::Waiting { until: now },
            };
            (met.place, entry)
        };
        let entries = remembered.into_iter().take(params::MET_MAX).map(entry).collect();
        Self { entries, friends: BTreeSet::new(), own_ground }
    }

    /// Takes a claim. Says whether it was new and there was room.
    pub fn claim(&mut self, place: SocketAddr, learned: Learned, now: Instant) -> bool {
        let place = SocketAddr::new(place.ip().to_canonical(), place.port());
        if !netgroup::is_dialable(place) || (netgroup::is_own_ground(place.ip()) && !self.own_ground) {
            return false;
        }
        if self.entries.contains_key(&place) || !self.has_room_for(place.ip()) {
            return false;
        }
        let state = State::Waiting { until: now };
        let (remembered, via, peer, met_s, anchor) = (false, None, None, None, false);
        let (sought, friend, feeler, failures) = (false, false, false, 0);
        let entry = Entry { learned, remembered, via, peer, met_s, anchor, sought, friend, feeler, failures, state };
        self.entries.insert(place, entry);
        true
    }

    /// Makes room for one more claim about this host, if it may have some.
    fn has_room_for(&mut self, ip: IpAddr) -> bool {
        let fresh = || self.entries.iter().filter(|(_, entry)| entry.met_s.is_none());
        if let Some((host, network)) = netgroup::groups(ip) {
            let others = fresh().filter_map(|(place, _)| netgroup::groups(place.ip()));
            let (mut on_host, mut on_network) = (0, 0);
            for (other_host, other_network) in others {
                on_host += usize::from(other_host == host);
                on_network += usize::from(other_network == network);
            }
            if on_host >= params::FRESH_PER_HOST_MAX || on_network >= params::FRESH_PER_NETWORK_MAX {
                return false;
            }
        }
        if fresh().count() < params::FRESH_MAX {
            return true;
        }
        let mut crowds: BTreeMap<_, usize> = BTreeMap::new();
        fresh().for_each(|(place, _)| *crowds.entry(netgroup::buckets(place.ip()).1).or_default() += 1);
        let own_crowd = crowds.get(&netgroup::buckets(ip).1).copied().unwrap_or_default();
        let worst = fresh()
            .filter(|(_, entry)| matches!(entry.state, State::Waiting { .. }))
            .map(|(place, entry)| (entry.failures, crowds[&netgroup::buckets(place.ip()).1], *place))
            .max();
        match worst {
            Some((failures, crowd, place)) if failures > 0 || crowd > own_crowd + 1 => {
                self.entries.remove(&place);
                true
            }
            _ => false,
        }
    }

    /// The dial that is wanted most, marked as under way. `may` says for which places the budget allows one.
    pub fn next(&mut self, now: Instant, chance: u64, may: impl Fn(IpAddr) -> bool) -> Option<Dial> {
        let is_busy = |entry: &Entry| match entry.state {
            State::Dialling(_) => true,
            State::Up { outbound, .. } => outbound && !entry.sought,
            State::Waiting { .. } => false,
        };
        if !self.has_room_to_dial() {
            return None;
        }
        let busy: Vec<_> = self.entries.iter().filter(|(_, entry)| is_busy(entry)).collect();
        let (has_place, has_friend_s_place) = self.places_left();
        let taken: BTreeSet<_> = busy
            .iter()
            .filter(|(place, _)| !netgroup::is_own_ground(place.ip()))
            .map(|(place, _)| netgroup::buckets(place.ip()).1)
            .collect();
        let full: Vec<_> =
            [Learned::Dht, Learned::Hello].into_iter().filter(|way| self.up_of(*way) >= quota(*way)).collect();
        let is_open = |place: &SocketAddr, entry: &Entry| {
            let network = netgroup::buckets(place.ip()).1;
            // Whom the owner chose is no attempt to fill our places.
            let is_welcome = entry.friend
                || !full.contains(&entry.learned) && !taken.iter().any(|taken| netgroup::are_related(*taken, network));
            matches!(entry.state, State::Waiting { until } if until <= now)
                && (has_place || has_friend_s_place && entry.friend)
                && is_welcome
                && may(place.ip())
        };
        let place = self.most_wanted(chance, is_open)?;
        self.begin(place, false)
    }

    /// A claim that nobody has tried and for which there is no place, to be tried and left again; marked as under way.
    pub fn feeler(&mut self, now: Instant, chance: u64, may: impl Fn(IpAddr) -> bool) -> Option<Dial> {
        let is_open = |place: &SocketAddr, entry: &Entry| {
            let is_untried = entry.met_s.is_none() && entry.failures == 0;
            is_untried && matches!(entry.state, State::Waiting { until } if until <= now) && may(place.ip())
        };
        let place = self.most_wanted(chance, is_open)?;
        self.begin(place, true)
    }

    /// Whether one more peer of the book has an outbound place, and whether one more friend has.
    fn places_left(&self) -> (bool, bool) {
        let is_up =
            |entry: &&Entry| matches!(entry.state, State::Up { outbound: true, .. }) && !entry.feeler && !entry.sought;
        let friends = self.entries.values().filter(is_up).filter(|entry| entry.friend).count();
        let all = self.entries.values().filter(is_up).count();
        let ordinary = all - friends.min(params::FRIENDS_OUTBOUND);
        (ordinary < params::BOOK_OUTBOUND_MAX, friends < params::FRIENDS_OUTBOUND)
    }

    fn begin(&mut self, place: SocketAddr, feeler: bool) -> Option<Dial> {
        let entry = self.entries.get_mut(&place)?;
        entry.feeler = feeler;
        Some(begun(place, entry))
    }

    /// Whether one more dial may be under way.
    pub fn has_room_to_dial(&self) -> bool {
        let under_way = |entry: &Entry| match entry.state {
            State::Dialling(Trying::Both) => 2,
            State::Dialling(_) => 1,
            State::Waiting { .. } | State::Up { .. } => 0,
        };
        self.entries.values().map(under_way).sum::<usize>() < params::BOOK_DIALS_MAX
    }

    /// The other way to a place whose first has not ended, marked as under way beside it.
    pub fn second(&mut self, place: SocketAddr) -> Option<Dial> {
        let entry = self.entries.get_mut(&place).filter(|entry| entry.state == State::Dialling(Trying::First))?;
        entry.state = State::Dialling(Trying::Both);
        Some(Dial { place, via: Via::Tcp, ways: 2 })
    }

    /// Of the open places the one to try first.
    fn most_wanted(&self, chance: u64, is_open: impl Fn(&SocketAddr, &Entry) -> bool) -> Option<SocketAddr> {
        // Failures so far, by network and by host: whoever makes many claims shares the tries of one.
        let (mut by_network, mut by_host): (BTreeMap<_, u32>, BTreeMap<_, u32>) = Default::default();
        for (place, entry) in self.entries.iter().filter(|(_, entry)| entry.met_s.is_none()) {
            let (host, network) = netgroup::buckets(place.ip());
            let tries = entry.failures + u32::from(matches!(entry.state, State::Dialling(_)));
            *by_network.entry(network).or_default() += tries;
            *by_host.entry(host).or_default() += tries;
        }
        let rank = |place: &SocketAddr, entry: &Entry| {
            let (host, network) = netgroup::buckets(place.ip());
            let met = entry.met_s.is_some();
            let tries = if met { (0, 0) } else { (by_network[&network], by_host[&host]) };
            (!entry.friend, !entry.anchor, !met, tries, entry.failures, netgroup::mixed(chance, *place))
        };
        let open = self.entries.iter().filter(|(place, entry)| is_open(place, entry));
        open.min_by_key(|(place, entry)| rank(place, entry)).map(|(place, _)| *place)
    }

    /// A connected peer is a friend of the owner.
    pub fn befriend(&mut self, peer: PeerId) {
        self.friends.insert(peer);
        self.entries.values_mut().filter(|entry| entry.peer == Some(peer)).for_each(|entry| entry.friend = true);
    }

    /// A place at which a work was announced, as the claim of a stranger. It goes before all others, and is dialled unless
    /// it failed lately. `may` is whether the budget allows it.
    pub fn sought(&mut self, place: SocketAddr, may: bool, now: Instant) -> Sought {
        self.claim(place, Learned::Dht, now);
        let is_full = !may || !self.has_room_to_dial() || self.sought_up() >= params::SOUGHT_OUTBOUND_MAX;
        let Some(entry) = self.entries.get_mut(&place) else { return Sought::Never };
        match entry.state {
            State::Dialling(_) | State::Up { .. } => Sought::Known,
            State::Waiting { until } if until > now => Sought::Never,
            State::Waiting { .. } if is_full => Sought::Later,
            State::Waiting { .. } => {
                entry.sought = true;
                Sought::Dial(begun(place, entry))
            }
        }
    }

    /// Outbound connections that are there to ask about a work.
    pub fn sought_up(&self) -> usize {
        let is_up = |entry: &&Entry| matches!(entry.state, State::Up { outbound: true, .. });
        self.entries.values().filter(is_up).filter(|entry| entry.sought).count()
    }

    /// Places connected to ask about a work for longer than a while, and with whom.
    pub fn sought_since(&self, kept: Duration, now: Instant) -> Vec<(SocketAddr, PeerId)> {
        let is_old = |entry: &Entry| match entry.state {
            State::Up { since, outbound: true } => now.saturating_duration_since(since) >= kept,
            _ => false,
        };
        let old = self.entries.iter().filter(|(_, entry)| entry.sought && is_old(entry));
        old.filter_map(|(place, entry)| Some((*place, entry.peer?))).collect()
    }

    /// A place is no longer needed for a question. Says whether it may stay, among those learned in the same way.
    pub fn keeps(&mut self, place: SocketAddr) -> bool {
        let Some(learned) = self.entries.get(&place).map(|entry| entry.learned) else { return false };
        let has_room = self.up_of(learned) < quota(learned) && self.places_left().0;
        if has_room && let Some(entry) = self.entries.get_mut(&place) {
            entry.sought = false;
        }
        has_room
    }

    /// Whether a place is being dialled.
    pub fn is_dialled(&self, place: SocketAddr) -> bool {
        self.entries.get(&place).is_some_and(|entry| matches!(entry.state, State::Dialling(_)))
    }

    /// The peer that is connected and at a place.
    pub fn peer_at(&self, place: SocketAddr) -> Option<PeerId> {
        let entry = self.entries.get(&place)?;
        if matches!(entry.state, State::Up { .. }) { entry.peer } else { None }
    }

    /// The dial failed. Gives the other way to the same place, if that was not tried and none is known to work.
    pub fn failed(&mut self, dial: Dial, now: Instant) -> Option<Dial> {
        let (entry, trying) = self.dialling(dial.place)?;
        entry.state = State::Dialling(Trying::One);
        match trying {
            Trying::First => return Some(Dial { via: Via::Tcp, ..dial }),
            Trying::Both => return None,
            Trying::One => {}
        }
        (entry.via, entry.sought) = (None, false);
        entry.state = State::Waiting { until: now + wait(entry) };
        entry.failures = entry.failures.saturating_add(1);
        None
    }

    /// The dial was not made, for no fault of the place.
    pub fn put_back(&mut self, place: SocketAddr, now: Instant) {
        match self.dialling(place) {
            Some((entry, Trying::Both)) => entry.state = State::Dialling(Trying::One),
            Some((entry, _)) => {
                entry.sought = false;
                entry.state = State::Waiting { until: now + params::MET_WAIT_MIN };
            }
            None => {}
        }
    }

    /// The entry, unless something else happened to it since the dial began, and what is under way.
    fn dialling(&mut self, place: SocketAddr) -> Option<(&mut Entry, Trying)> {
        let entry = self.entries.get_mut(&place)?;
        match entry.state {
            State::Dialling(trying) => Some((entry, trying)),
            State::Waiting { .. } | State::Up { .. } => None,
        }
    }

    /// Somebody answered there; whether it is one of ours is said by [`Self::met`]. Says how we learned of it, if it
    /// is in the book.
    pub fn reached(&mut self, place: SocketAddr, via: Via, peer: PeerId, now: Instant) -> Option<(Learned, bool)> {
        let entry = self.entries.get_mut(&place)?;
        (entry.via, entry.peer, entry.friend) = (Some(via), Some(peer), self.friends.contains(&peer));
        entry.state = State::Up { since: now, outbound: true };
        Some((entry.learned, entry.remembered))
    }

    /// The first connection with a peer, whoever dialled: none of its places is dialled.
    pub fn peer_up(&mut self, peer: PeerId, now: Instant) {
        for entry in self.entries.values_mut().filter(|entry| entry.peer == Some(peer)) {
            if matches!(entry.state, State::Waiting { .. }) {
                entry.state = State::Up { since: now, outbound: false };
                entry.friend = false;
            }
        }
    }

    /// The last connection with a peer is gone.
    pub fn peer_down(&mut self, peer: PeerId, now: Instant) {
        self.friends.remove(&peer);
        for entry in self.entries.values_mut().filter(|entry| entry.peer == Some(peer)) {
            let State::Up { since, .. } = entry.state else { continue };
            if now.saturating_duration_since(since) >= params::REDIAL_FORGIVE {
                entry.failures = 0;
            }
            if std::mem::take(&mut entry.sought) {
                // It went as it was meant to, and may be asked about another work soon.
                entry.state = State::Waiting { until: now };
                continue;
            }
            entry.state = State::Waiting { until: now + wait(entry) };
            entry.failures = entry.failures.saturating_add(1);
        }
    }

    /// A peer of ours is there. Says whether that is news to the file.
    pub fn met(&mut self, met: Met, is_up: bool, now: Instant) -> bool {
        let state = if is_up { State::Up { since: now, outbound: false } } else { State::Waiting { until: now } };
        let entry = self.entries.entry(met.place).or_insert_with(|| Entry {
            learned: met.learned,
            remembered: false,
            via: None,
            peer: None,
            met_s: None,
            anchor: false,
            sought: false,
            friend: false,
            feeler: false,
            failures: 0,
            state,
        });
        let is_news = entry.met_s.is_none() || entry.peer != met.peer;
        entry.friend |= met.peer.is_some_and(|peer| self.friends.contains(&peer));
        entry.met_s = Some(met.met_s);
        entry.peer = met.peer;
        entry.via = met.via.or(entry.via);
        if let State::Waiting { .. } = entry.state {
            entry.state = state;
        }
        self.bound_met(met.place);
        is_news
    }

    /// Keeps to the limits of what is remembered.
    fn bound_met(&mut self, newest: SocketAddr) {
        let network = netgroup::groups(newest.ip()).map(|(_, network)| network);
        let is_near = |place: &SocketAddr| netgroup::groups(place.ip()).map(|(_, network)| network) == network;
        let met = || self.entries.iter().filter(|(_, entry)| entry.met_s.is_some());
        let near: Vec<_> = met().filter(|(place, _)| network.is_some() && is_near(place)).collect();
        let crowd = if near.len() > params::MET_PER_NETWORK_MAX {
            near
        } else if met().count() > params::MET_MAX {
            met().collect()
        } else {
            return;
        };
        let rank = |entry: &Entry| (entry.learned != Learned::Hello, entry.met_s);
        let idle = crowd.into_iter().filter(|(place, entry)| {
            **place != newest && !matches!(entry.state, State::Up { outbound: true, .. } | State::Dialling(_))
        });
        if let Some(place) = idle.min_by_key(|(_, entry)| rank(entry)).map(|(place, _)| *place) {
            self.entries.remove(&place);
        }
    }

    /// Who is there is not one of ours, or we are: not dialled for [`params::FRESH_WAIT_MAX`], and not remembered.
    pub fn useless(&mut self, place: SocketAddr, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&place) {
            (entry.met_s, entry.anchor, entry.via, entry.sought) = (None, false, None, false);
            entry.failures = params::FRESH_FAILURES_MAX;
            entry.state = State::Waiting { until: now + params::FRESH_WAIT_MAX };
        }
    }

    /// The same for all places of a peer.
    pub fn useless_peer(&mut self, peer: PeerId, now: Instant) {
        let of_peer = self.entries.iter().filter(|(_, entry)| entry.peer == Some(peer)).map(|(place, _)| *place);
        for place in of_peer.collect::<Vec<_>>() {
            self.useless(place, now);
        }
    }

    /// Outbound connections with peers learned in this way.
    fn up_of(&self, learned: Learned) -> usize {
        let is_up = |entry: &&Entry| matches!(entry.state, State::Up { outbound: true, .. });
        let counts = |entry: &&Entry| entry.learned == learned && !entry.sought && !entry.friend && !entry.feeler;
        self.entries.values().filter(is_up).filter(counts).count()
    }

    /// Whether peers learned in one way hold more places than they may: several dials may have ended well at once.
    pub fn is_over_quota(&self) -> bool {
        let is_over = [Learned::Dht, Learned::Hello].into_iter().any(|learned| self.up_of(learned) > quota(learned));
        is_over || self.sought_up() > params::SOUGHT_OUTBOUND_MAX
    }

    /// Forgets what is of no use any more: claims that never held, peers not met for long.
    pub fn forget(&mut self, now: Instant, now_s: u64) {
        self.entries.retain(|_, entry| match (entry.state, entry.met_s) {
            (State::Waiting { until }, None) => entry.failures < params::FRESH_FAILURES_MAX || until > now,
            (State::Waiting { .. }, Some(met_s)) => now_s.saturating_sub(met_s) < params::MET_KEPT.as_secs(),
            _ => true,
        });
    }

    /// Peers that are connected are met now.
    pub fn still_there(&mut self, now_s: u64) {
        let is_met = |entry: &&mut Entry| matches!(entry.state, State::Up { .. }) && entry.met_s.is_some();
        self.entries.values_mut().filter(is_met).for_each(|entry| entry.met_s = Some(now_s));
    }

    /// What the file shall hold: all that were met; of those we dialled, the longest connected are anchors.
    pub fn to_remember(&self) -> Vec<Met> {
        let since = |(place, entry): (&SocketAddr, &Entry)| match entry.state {
            State::Up { since, outbound: true } if !entry.sought && !entry.feeler => Some((since, *place)),
            _ => None,
        };
        let mut longest: Vec<_> = self.entries.iter().filter_map(since).collect();
        longest.sort_unstable();
        let anchors: BTreeSet<_> = longest.iter().take(params::ANCHORS).map(|(_, place)| *place).collect();
        // Without any connection, as after a network failure, the last ones stay.
        let is_anchor =
            |place: &SocketAddr, entry: &Entry| if anchors.is_empty() { entry.anchor } else { anchors.contains(place) };
        let met = |(place, entry): (&SocketAddr, &Entry)| {
            let (learned, via, peer, friend) = (entry.learned, entry.via, entry.peer, entry.friend);
            Some(Met {
                place: *place,
                via,
                learned,
                met_s: entry.met_s?,
                anchor: is_anchor(place, entry),
                friend,
                peer,
            })
        };
        self.entries.iter().filter_map(met).collect()
    }

    /// Places held: those met, and claims.
    pub fn counts(&self) -> (usize, usize) {
        let met = self.entries.values().filter(|entry| entry.met_s.is_some()).count();
        (met, self.entries.len() - met)
    }
}

/// The dial to a place by the way that worked last, or the first of two; marked as under way.
fn begun(place: SocketAddr, entry: &mut Entry) -> Dial {
    let (trying, ways) = if entry.via.is_some() { (Trying::One, 1) } else { (Trying::First, 2) };
    entry.state = State::Dialling(trying);
    Dial { place, via: entry.via.unwrap_or(Via::Quic), ways }
}

/// Outbound places for those learned in this way.
fn quota(learned: Learned) -> usize {
    match learned {
        Learned::Dht => params::DHT_OUTBOUND_MAX,
        Learned::Hello => params::HELLO_OUTBOUND_MAX,
        Learned::Configured | Learned::LocalNetwork => params::BOOK_OUTBOUND_MAX,
    }
}

/// How long until the next dial.
fn wait(entry: &Entry) -> Duration {
    let (min, max, factor) = match entry.met_s {
        Some(_) => (params::MET_WAIT_MIN, params::MET_WAIT_MAX, 2_u32),
        None => (params::FRESH_WAIT_MIN, params::FRESH_WAIT_MAX, 4),
    };
    min.saturating_mul(factor.saturating_pow(entry.failures.min(20))).min(max)
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
