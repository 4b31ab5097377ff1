//! What peers asked for and this node does not hold whole: it asks for it too for a while, so that interest goes from peer to
//! peer until it meets somebody who has it, and the statements come back the same way.
//!
//! Who asked is nobody's business: these keys stand in the same filter as those that are kept, under the salt of this node.
//! What is pulled for others is a stranger's, in the strangers' pool. It must not know the store.

use crate::io::Peer;
use crate::sync::Pace;
use heirloom_proto::Key;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most keys that are asked for on behalf of others: 128 more in a filter are half a kilobyte a session.
pub const WANTED_MAX: usize = 128;
/// Most of them that one peer alone asks for.
pub const WANTED_SHARE: usize = 16;
/// How long a key is asked for on behalf of others, from when it was asked for first.
pub const WANT_LIFE: Duration = Duration::from_secs(24 * 3600);
/// How long it is not after that: nodes that pass one interest around among them would never let it go.
pub const WANT_REST: Duration = Duration::from_secs(6 * 3600);
/// How long a key keeps its place before another of the same peer may take it, and how long peers are asked sooner for it.
pub const WANT_TURN: Duration = Duration::from_secs(10 * 60);
/// What is asked for within this goes together.
pub const WANT_GATHER: Duration = Duration::from_secs(2);
/// Time between two rounds of asking every peer while something young is missing.
pub const ROUND_AGAIN: Duration = Duration::from_secs(30);
/// Keys of which is remembered when they were asked for first; the oldest is forgotten.
const REMEMBERED_MAX: usize = 1024;
/// Rounds a second, and at once: a round opens a session with every peer before its time, up to 20 kB each.
const ROUNDS_PACE: (f64, f64) = (1.0 / 300.0, 5.0);
/// Bytes of statements pulled for others a second, and at once: 17 MB a day, a twelfth of a day's traffic.
const BYTES_PACE: (f64, f64) = (200.0, 4.0 * 1024.0 * 1024.0);

#[derive(Debug)]
struct Want {
    since: Duration,
    /// Who asked; empty when they are gone.
    by: BTreeSet<Peer>,
}

/// What became of a question for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is asked for from now on, in the place of another if there was no room.
    Taken(Option<Key>),
    /// It is asked for already.
    Already,
    /// There is no room for it, or it was asked for in vain lately.
    Refused,
}

/// All that is asked for on behalf of others.
#[derive(Debug)]
pub struct Wanted {
    wants: BTreeMap<Key, Want>,
    /// When a key was asked for first.
    first: BTreeMap<Key, Duration>,
    /// Nothing is over before this.
    over_at: Duration,
    round_at: Option<Duration>,
    rounds: Pace,
    bytes: Pace,
    /// Nothing is asked for on behalf of others.
    is_off: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            wants: BTreeMap::new(),
            first: BTreeMap::new(),
            over_at: Duration::ZERO,
            round_at: None,
            rounds: Pace::full(ROUNDS_PACE, Duration::ZERO),
            bytes: Pace::full(BYTES_PACE, Duration::ZERO),
            is_off: false,
        }
    }
}

impl Wanted {
    /// Whether a key is asked for on behalf of others.
    #[must_use]
    pub fn has(&self, key: &Key) -> bool {
        self.wants.contains_key(key)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.wants.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wants.is_empty()
    }

    /// Asks for nothing on behalf of others from now on.
    pub fn turn_off(&mut self) {
        self.is_off = true;
    }

    /// A peer asked for a key that is not here whole.
    pub fn ask(&mut self, key: Key, peer: Peer, mono: Duration) -> Asked {
        if self.is_off {
            return Asked::Refused;
        }
        if let Some(want) = self.wants.get_mut(&key) {
            want.by.insert(peer);
            return Asked::Already;
        }
        if let Some(first) = self.first.get(&key) {
            if mono >= *first + WANT_LIFE + WANT_REST {
                self.first.remove(&key);
            } else if mono >= *first + WANT_LIFE {
                return Asked::Refused;
            }
        }
        let Ok(victim) = self.place_for(peer, mono) else { return Asked::Refused };
        if let Some(victim) = &victim {
            self.wants.remove(victim);
        }
        self.remember(key, mono);
        self.over_at = self.over_at.min(self.first.get(&key).map_or(Duration::ZERO, |first| *first + WANT_LIFE));
        self.wants.insert(key, Want { since: mono, by: BTreeSet::from([peer]) });
        self.round_at.get_or_insert(mono + WANT_GATHER);
        Asked::Taken(victim)
    }

    /// Who has to go for a new key of a peer, if somebody has; `Err`: there is no place.
    fn place_for(&self, peer: Peer, mono: Duration) -> Result<Option<Key>, ()> {
        let mut alone: BTreeMap<Peer, usize> = BTreeMap::new();
        for by in self.wants.values().filter(|want| want.by.len() == 1).filter_map(|want| want.by.first()) {
            *alone.entry(*by).or_default() += 1;
        }
        let of = |want: &Want| want.by.first().and_then(|by| alone.get(by)).copied().unwrap_or(0);
        let mine = alone.get(&peer).copied().unwrap_or(0);
        if mine >= WANTED_SHARE {
            let own = self.wants.iter().filter(|(_, want)| want.by.len() == 1 && want.by.contains(&peer));
            let oldest = own.filter(|(_, want)| want.since + WANT_TURN <= mono).min_by_key(|(_, want)| want.since);
            return oldest.map(|(key, _)| Some(*key)).ok_or(());
        }
        if self.wants.len() < WANTED_MAX {
            return Ok(None);
        }
        // The least wanted goes, of whoever has most; but nobody is pushed out by who has as many, before its turn is over.
        let least = self.wants.iter().min_by_key(|(_, want)| (want.by.len(), Reverse(of(want)), want.since));
        let may_go = |want: &Want| want.by.is_empty() || want.since + WANT_TURN <= mono || of(want) > mine + 1;
        least.filter(|(_, want)| may_go(want)).map(|(key, _)| Some(*key)).ok_or(())
    }

    fn remember(&mut self, key: Key, mono: Duration) {
        if self.first.len() >= REMEMBERED_MAX && !self.first.contains_key(&key) {
            let oldest = self.first.iter().filter(|(key, _)| !self.wants.contains_key(key)).min_by_key(|(_, at)| **at);
            let oldest = oldest.map(|(key, _)| *key);
            oldest.map(|key| self.first.remove(&key));
        }
        self.first.entry(key).or_insert(mono);
    }

    /// Lets go of a key: it is kept for its own sake now.
    pub fn remove(&mut self, key: &Key) {
        self.wants.remove(key);
    }

    /// A peer is gone; what it alone asked for gives way first.
    pub fn down(&mut self, peer: Peer) {
        self.wants.values_mut().for_each(|want| {
            want.by.remove(&peer);
        });
    }

    /// Lets go of what was asked for long enough, and says of what.
    pub fn expire(&mut self, mono: Duration) -> Vec<Key> {
        // COST: asked with every input.
        if mono < self.over_at {
            return Vec::new();
        }
        let ends = |key: &Key| self.first.get(key).map_or(Duration::ZERO, |first| *first + WANT_LIFE);
        let over: Vec<Key> = self.wants.keys().filter(|key| ends(key) <= mono).copied().collect();
        for key in &over {
            self.wants.remove(key);
        }
        self.over_at = self.wants.keys().map(ends).min().unwrap_or(Duration::MAX);
        over
    }

    /// The keys to ask for now: none when what was pulled for others is as much as it may be.
    pub fn now(&mut self, mono: Duration) -> Vec<Key> {
        if self.bytes.wait(mono).is_zero() { self.wants.keys().copied().collect() } else { Vec::new() }
    }

    /// Counts what was pulled for others.
    pub fn spend(&mut self, mono: Duration, bytes: usize) {
        self.bytes.take(mono, bytes);
    }

    /// When every peer is to be asked next.
    #[must_use]
    pub fn round_at(&self) -> Option<Duration> {
        self.round_at
    }

    /// Whether every peer is to be asked now, before its time: if something young `is_missing`, and not too often.
    pub fn takes_round(&mut self, mono: Duration, is_missing: impl Fn(&Key) -> bool) -> bool {
        if self.round_at.is_none_or(|at| at > mono) {
            return false;
        }
        let mut young = self.wants.iter().filter(|(_, want)| want.since + WANT_TURN > mono);
        if !young.any(|(key, _)| is_missing(key)) {
            self.round_at = None;
            return false;
        }
        let wait = self.rounds.wait(mono);
        if !wait.is_zero() {
            self.round_at = Some(mono + wait);
            return false;
        }
        self.rounds.take(mono, 1);
        self.round_at = Some(mono + ROUND_AGAIN);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::SecretKey;

    const SECOND: Duration = Duration::from_secs(1);

    fn key(number: usize) -> Key {
        SecretKey::from_seed(&heirloom_proto::Sha256::of(&number.to_be_bytes()).0).public()
    }

    fn taken(asked: Asked) -> bool {
        matches!(asked, Asked::Taken(_))
    }

    #[test]
    fn a_peer_has_its_share_and_all_of_them_have_a_bound() {
        let mut wanted = Wanted::default();
        let of_one = (0..100).filter(|n| taken(wanted.ask(key(*n), Peer(1), SECOND))).count();
        assert_eq!((of_one, wanted.len()), (WANTED_SHARE, WANTED_SHARE));
        assert!(taken(wanted.ask(key(1000), Peer(2), SECOND)), "another peer has its own");
        for peer in 2..50 {
            (0..30).for_each(|n| {
                wanted.ask(key(1000 * peer + n), Peer(peer as u64), SECOND);
            });
        }
        assert_eq!(wanted.len(), WANTED_MAX);
        // Who has nothing yet gets a place from who has most.
        assert!(taken(wanted.ask(key(7), Peer(999), SECOND)) || wanted.has(&key(7)));
        assert!(wanted.ask(key(100_000), Peer(998), SECOND) != Asked::Refused && wanted.len() == WANTED_MAX);
    }

    #[test]
    fn what_many_ask_for_stays_and_turns_go_round() {
        let mut wanted = Wanted::default();
        (0..WANTED_SHARE).for_each(|n| assert!(taken(wanted.ask(key(n), Peer(1), SECOND))));
        assert_eq!(wanted.ask(key(0), Peer(2), SECOND), Asked::Already);
        assert!(taken(wanted.ask(key(50), Peer(1), SECOND)), "what another asks for too is not of its share alone");
        assert_eq!(wanted.ask(key(51), Peer(1), SECOND), Asked::Refused);
        let Asked::Taken(Some(gone)) = wanted.ask(key(51), Peer(1), SECOND + WANT_TURN) else { panic!("its turn") };
        assert!(gone != key(0) && !wanted.has(&gone) && wanted.has(&key(0)));
        wanted.down(Peer(1));
        assert_eq!(wanted.len(), WANTED_SHARE + 1, "others may still ask for it");
    }

    #[test]
    fn an_interest_that_goes_round_among_nodes_dies_down() {
        let mut wanted = Wanted::default();
        assert!(taken(wanted.ask(key(1), Peer(1), SECOND)));
        assert_eq!(wanted.expire(WANT_LIFE), []);
        wanted.ask(key(1), Peer(2), WANT_LIFE);
        assert_eq!(wanted.expire(WANT_LIFE + SECOND), [key(1)], "asking again does not prolong it");
        assert_eq!(wanted.ask(key(1), Peer(2), WANT_LIFE + 2 * SECOND), Asked::Refused);
        assert!(taken(wanted.ask(key(1), Peer(2), WANT_LIFE + WANT_REST + SECOND)), "somebody still wants it");
        for number in 0..5000 {
            wanted.ask(key(number), Peer(3), WANT_TURN * u32::try_from(number).expect("small") / 16);
        }
        assert_eq!(wanted.first.len(), REMEMBERED_MAX);
    }

    #[test]
    fn rounds_and_bytes_are_bounded() {
        let mut wanted = Wanted::default();
        let mut rounds = 0;
        for second in 0..86_400u32 {
            let mono = SECOND * second;
            wanted.ask(key(second as usize / 40), Peer(1), mono);
            rounds += usize::from(wanted.takes_round(mono, |_| true));
        }
        assert!((200..300).contains(&rounds), "{rounds} a day");
        assert!(!wanted.takes_round(SECOND * 90_000, |_| false) && wanted.round_at().is_none(), "nothing is missing");
        assert!(!wanted.now(Duration::ZERO).is_empty());
        wanted.spend(Duration::ZERO, 5 << 20);
        assert!(wanted.now(SECOND).is_empty() && !wanted.now(SECOND * 7200).is_empty());
    }
}
