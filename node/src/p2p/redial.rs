//! When to dial the peers we want to keep: pure; time and chance are arguments.
//!
//! Between attempts the wait doubles from [`params::REDIAL_MIN`] to
//! [`params::REDIAL_MAX`]; a connection that lasted a while starts it anew.

use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

use super::{Learned, params};

/// Names one entry while a dial is under way. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target(u64);

/// Who asked for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The configuration: kept for ever.
    Configured,
    /// The local network: kept until it says otherwise, at most [`params::MDNS_PEERS_MAX`].
    LocalNetwork,
}

impl From<Origin> for Learned {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Configured => Self::Configured,
            Origin::LocalNetwork => Self::LocalNetwork,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Waiting { until: Instant },
    Dialling,
    Up { since: Instant },
}

#[derive(Debug)]
struct Entry {
    target: Target,
    address: Multiaddr,
    peer: Option<PeerId>,
    origin: Origin,
    failures: u32,
    state: State,
}

/// A dial to make now.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Due {
    pub target: Target,
    pub address: Multiaddr,
    /// If known. A configured address without an id learns it from the first connection.
    pub peer: Option<PeerId>,
}

/// The peers to keep.
#[derive(Debug, Default)]
pub(super) struct Redial {
    entries: Vec<Entry>,
    next: u64,
}

impl Redial {
    /// Adds an address, due at once. Returns whether it was new and there was room.
    pub fn add(&mut self, address: Multiaddr, origin: Origin, now: Instant) -> bool {
        let local = self.entries.iter().filter(|entry| entry.origin == Origin::LocalNetwork).count();
        let known = self.entries.iter().any(|entry| entry.address == address);
        if known || (origin == Origin::LocalNetwork && local >= params::MDNS_PEERS_MAX) {
            return false;
        }
        let peer = id_of(&address);
        let target = Target(self.next);
        self.next += 1;
        self.entries.push(Entry { target, address, peer, origin, failures: 0, state: State::Waiting { until: now } });
        true
    }

    /// Forgets an address the local network no longer names.
    pub fn remove_local(&mut self, address: &Multiaddr) {
        self.entries.retain(|entry| entry.origin != Origin::LocalNetwork || entry.address != *address);
    }

    /// Takes the dials that are due, marked as under way: report each with
    /// [`Self::peer_up`], [`Self::failed`] or [`Self::wait`].
    pub fn take_due(&mut self, now: Instant) -> Vec<Due> {
        let due = |entry: &&mut Entry| matches!(entry.state, State::Waiting { until } if until <= now);
        let take = |entry: &mut Entry| {
            entry.state = State::Dialling;
            Due { target: entry.target, address: entry.address.clone(), peer: entry.peer }
        };
        self.entries.iter_mut().filter(due).map(take).collect()
    }

    /// When the next dial is due; changes with every other call.
    pub fn next_due(&self) -> Option<Instant> {
        let waiting = |entry: &Entry| match entry.state {
            State::Waiting { until } => Some(until),
            State::Dialling | State::Up { .. } => None,
        };
        self.entries.iter().filter_map(waiting).min()
    }

    /// The dial failed. `chance` is uniform over all values.
    pub fn failed(&mut self, target: Target, now: Instant, chance: u64) {
        if let Some(entry) = self.dialling(target) {
            entry.state = State::Waiting { until: now + wait(entry.failures, chance) };
            entry.failures = entry.failures.saturating_add(1);
        }
    }

    /// The dial was not made, for no fault of the peer: look again after the shortest wait.
    pub fn wait(&mut self, target: Target, now: Instant) {
        if let Some(entry) = self.dialling(target) {
            entry.state = State::Waiting { until: now + params::REDIAL_MIN };
        }
    }

    /// Another peer answered there: from now on dial the address, whoever answers.
    ///
    /// Transport keys are replaced every [`params::KEY_AGE_MAX`], so a configured id ages.
    /// Nothing is trusted for its transport id; statements are signed by other keys.
    pub fn forget_id(&mut self, target: Target) {
        if let Some(entry) = self.dialling(target) {
            entry.peer = None;
            entry.address = without_id(&entry.address);
        }
    }

    /// The entry, unless something else happened to it since the dial began.
    fn dialling(&mut self, target: Target) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.target == target && entry.state == State::Dialling)
    }

    /// The dial reached this peer; an address without an id learns it. Says how we had learned of it.
    pub fn reached(&mut self, target: Target, peer: PeerId) -> Learned {
        let entry = self.entries.iter_mut().find(|entry| entry.target == target);
        match entry {
            Some(entry) => {
                entry.peer = Some(peer);
                entry.origin.into()
            }
            // Its address left the local network meanwhile.
            None => Learned::LocalNetwork,
        }
    }

    /// A peer is connected, whoever dialled: none of its addresses is dialled.
    pub fn peer_up(&mut self, peer: PeerId, now: Instant) {
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == Some(peer)) {
            if !matches!(entry.state, State::Up { .. }) {
                entry.state = State::Up { since: now };
            }
        }
    }

    /// The last connection with a peer is gone.
    pub fn peer_down(&mut self, peer: PeerId, now: Instant, chance: u64) {
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == Some(peer)) {
            let State::Up { since } = entry.state else {
                continue;
            };
            if now.saturating_duration_since(since) >= params::REDIAL_FORGIVE {
                entry.failures = 0;
            }
            entry.state = State::Waiting { until: now + wait(entry.failures, chance) };
            entry.failures = entry.failures.saturating_add(1);
        }
    }

    /// Does not dial a peer before `until`: it is banned.
    pub fn put_off(&mut self, peer: PeerId, until: Instant) {
        for entry in self.entries.iter_mut().filter(|entry| entry.peer == Some(peer)) {
            entry.state = State::Waiting { until };
        }
    }
}

/// The address without `/p2p/<id>`.
pub(super) fn without_id(address: &Multiaddr) -> Multiaddr {
    let is_id = |part: &Protocol<'_>| matches!(part, Protocol::P2p(_));
    address.iter().filter(|part| !is_id(part)).collect()
}

/// The id at the end of an address.
pub(super) fn id_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => Some(peer),
        _ => None,
    }
}

/// `min · 2^failures` up to `max`, of which the upper half is left to chance, and never below `min`.
fn wait(failures: u32, chance: u64) -> Duration {
    let longest = params::REDIAL_MIN.saturating_mul(2_u32.saturating_pow(failures.min(20))).min(params::REDIAL_MAX);
    let share = chance as f64 / u64::MAX as f64;
    longest.mul_f64(0.5 + 0.5 * share).max(params::REDIAL_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn address(port: u16, peer: Option<PeerId>) -> Multiaddr {
        let address: Multiaddr = format!("/ip4/203.0.113.1/tcp/{port}").parse().expect("a multiaddr");
        peer.map_or(address.clone(), |peer| address.with(Protocol::P2p(peer)))
    }

    #[test]
    fn waits_double_within_their_bounds() {
        for failures in 0..40 {
            let (short, long) = (wait(failures, 0), wait(failures, u64::MAX));
            assert!(short >= params::REDIAL_MIN && long <= params::REDIAL_MAX && short <= long, "{failures}");
        }
        assert_eq!(wait(3, u64::MAX), 8 * SECOND);
        assert_eq!(wait(3, 0), 4 * SECOND);
        assert_eq!(wait(30, u64::MAX), params::REDIAL_MAX);
    }

    #[test]
    fn a_failing_peer_is_dialled_ever_more_rarely() {
        let start = Instant::now();
        let mut redial = Redial::default();
        assert!(redial.add(address(1, None), Origin::Configured, start));
        assert!(!redial.add(address(1, None), Origin::Configured, start), "once is enough");
        let mut now = start;
        let mut dials = 0;
        while now < start + Duration::from_secs(3600) {
            let due = redial.take_due(now);
            assert_eq!(due.len(), 1);
            assert!(redial.take_due(now).is_empty(), "one dial at a time");
            dials += 1;
            redial.failed(due[0].target, now, u64::MAX);
            now = redial.next_due().expect("again later");
        }
        assert_eq!(dials, 20, "1+2+…+256 s, then every 300 s");
    }

    #[test]
    fn a_lost_peer_is_dialled_again() {
        let now = Instant::now();
        let bob = PeerId::random();
        let mut redial = Redial::default();
        redial.add(address(1, None), Origin::Configured, now);
        let due = redial.take_due(now);
        redial.reached(due[0].target, bob);
        redial.peer_up(bob, now);
        assert_eq!(redial.next_due(), None, "connected");
        redial.peer_down(bob, now + 2 * params::REDIAL_FORGIVE, 0);
        assert_eq!(redial.next_due(), Some(now + 2 * params::REDIAL_FORGIVE + SECOND));
    }

    #[test]
    fn a_peer_that_hangs_up_at_once_is_a_failing_peer() {
        let mut now = Instant::now();
        let bob = PeerId::random();
        let mut redial = Redial::default();
        redial.add(address(1, Some(bob)), Origin::Configured, now);
        let mut last = Duration::ZERO;
        for _ in 0..8 {
            redial.take_due(now);
            redial.peer_up(bob, now);
            redial.peer_down(bob, now, u64::MAX);
            let next = redial.next_due().expect("again");
            assert!(next - now > last);
            last = next - now;
            now = next;
        }
    }

    #[test]
    fn an_inbound_connection_is_as_good() {
        let now = Instant::now();
        let bob = PeerId::random();
        let mut redial = Redial::default();
        redial.add(address(1, Some(bob)), Origin::Configured, now);
        redial.add(address(2, Some(bob)), Origin::Configured, now);
        redial.peer_up(bob, now);
        assert!(redial.take_due(now).is_empty());
        redial.peer_down(bob, now, 0);
        redial.put_off(bob, now + params::BAN);
        assert_eq!(redial.next_due(), Some(now + params::BAN), "a banned peer waits");
    }

    #[test]
    fn a_dial_that_ends_late_changes_nothing() {
        let now = Instant::now();
        let bob = PeerId::random();
        let mut redial = Redial::default();
        redial.add(address(1, Some(bob)), Origin::Configured, now);
        let due = redial.take_due(now);
        redial.peer_up(bob, now);
        redial.failed(due[0].target, now, 0);
        redial.wait(due[0].target, now);
        assert_eq!(redial.next_due(), None, "bob dialled us meanwhile");
    }

    #[test]
    fn a_new_transport_key_does_not_lose_a_peer() {
        let now = Instant::now();
        let mut redial = Redial::default();
        redial.add(address(1, Some(PeerId::random())), Origin::Configured, now);
        let due = redial.take_due(now);
        redial.forget_id(due[0].target);
        redial.failed(due[0].target, now, 0);
        let again = redial.take_due(now + SECOND);
        assert_eq!(again[0].address, address(1, None));
        assert_eq!(again[0].peer, None);
    }

    #[test]
    fn the_local_network_has_few_places() {
        let now = Instant::now();
        let mut redial = Redial::default();
        let added = (0..100).filter(|port| redial.add(address(*port, None), Origin::LocalNetwork, now)).count();
        assert_eq!(added, params::MDNS_PEERS_MAX);
        redial.remove_local(&address(0, None));
        assert!(redial.add(address(200, None), Origin::LocalNetwork, now));
        redial.add(address(300, None), Origin::Configured, now);
        redial.remove_local(&address(300, None));
        assert_eq!(redial.take_due(now).len(), params::MDNS_PEERS_MAX + 1, "configured peers stay");
    }
}
