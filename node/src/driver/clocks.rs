//! What others date their words, beside this machine's clock: a statement that is pushed was mostly said moments ago.
//!
//! A witness, for `doctor` alone: nothing here sets a clock or refuses a word. One vote for each network that words come
//! from, and for each author within it, so that neither many keys nor many addresses of one provider decide. Kept beside
//! the monotonic clock: once the wall clock is set right, what was heard before says so.

use crate::doctor::clock::Heard;
use crate::p2p::{Multiaddr, Network, PeerId, network_of};
use heirloom_core::io::Now;
use heirloom_proto::{Key, statement};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Most networks that are heard: a median of so many moves no more. The one that was silent longest goes.
const NETWORKS_MAX: usize = 64;
/// Authors that are remembered for each network; the oldest word goes.
const AUTHORS_MAX: usize = 9;
/// How long a word counts: by then clocks have drifted by seconds at most.
const WORD_LASTS: Duration = Duration::from_secs(24 * 3600);
/// Shortest time between two words of a network that are looked at: each costs the check of a signature.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// When somebody said something, by their clock and by ours.
#[derive(Clone, Copy, Debug)]
struct Word {
    author: Key,
    heard: Duration,
    /// What their clock showed when our monotonic one stood at nothing, in milliseconds since 1970.
    start_ms: i64,
}

/// What was heard of late.
#[derive(Debug, Default)]
pub(super) struct Clocks(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    networks: BTreeMap<PeerId, Network>,
    words: BTreeMap<Network, Vec<Word>>,
}

impl Clocks {
    /// A peer came. One over a relay has no network that is known, and no vote.
    pub(super) fn met(&self, peer: PeerId, address: &Multiaddr) {
        if let Some(network) = network_of(address) {
            self.inner(|inner| inner.networks.insert(peer, network));
        }
    }

    /// A peer left; what it said stays.
    pub(super) fn left(&self, peer: &PeerId) {
        self.inner(|inner| inner.networks.remove(peer));
    }

    /// A peer pushed something that somebody else said.
    pub(super) fn heard(&self, now: Now, me: &Key, peer: &PeerId, envelope: &[u8]) {
        self.inner(|inner| {
            let Some(network) = inner.networks.get(peer).copied() else { return };
            let words = inner.words.get(&network).map_or(&[][..], Vec::as_slice);
            if words.iter().any(|word| now.mono.saturating_sub(word.heard) < LOOK_EVERY) {
                return;
            }
            let Ok(said) = statement::verify(envelope) else { return };
            if said.author() == me {
                return;
            }
            let start_ms = start_of(now.mono, said.header().created.0);
            inner.note(network, Word { author: *said.author(), heard: now.mono, start_ms });
        });
    }

    /// What it comes to.
    pub(super) fn told(&self, now: Now) -> Heard {
        self.inner(|inner| {
            let here = start_of(now.mono, now.wall.0);
            let votes = inner.words.values().filter_map(|words| {
                let fresh = words.iter().filter(|word| now.mono.saturating_sub(word.heard) <= WORD_LASTS);
                median(fresh.map(|word| word.start_ms.saturating_sub(here)).collect())
            });
            let votes: Vec<i64> = votes.collect();
            Heard { networks: votes.len(), lead_ms: median(votes).unwrap_or_default() }
        })
    }

    fn inner<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        // A panic while it was held cannot leave it half changed: every change is one insert.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    fn note(&mut self, network: Network, word: Word) {
        let words = self.words.entry(network).or_default();
        words.retain(|one| one.author != word.author);
        if words.len() >= AUTHORS_MAX {
            words.remove(0);
        }
        words.push(word);
        if self.words.len() > NETWORKS_MAX {
            let last = |words: &Vec<Word>| words.last().map(|word| word.heard);
            let silent = self.words.iter().min_by_key(|(_, words)| last(words)).map(|(network, _)| *network);
            if let Some(network) = silent {
                self.words.remove(&network);
            }
        }
    }
}

/// What a clock that shows `wall_ms` showed when the monotonic one stood at nothing.
fn start_of(mono: Duration, wall_ms: u64) -> i64 {
    let signed = |ms: u128| i64::try_from(ms).unwrap_or(i64::MAX);
    signed(wall_ms.into()).saturating_sub(signed(mono.as_millis()))
}

/// The middle one; of an even number the lower of two.
fn median(mut all: Vec<i64>) -> Option<i64> {
    all.sort_unstable();
    all.get(all.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::body::{Body, Opinion, Verdict};
    use heirloom_proto::statement::{Header, Statement};
    use heirloom_proto::{Infohash, Kind, SecretKey, Timestamp};

    const START_MS: u64 = 1_800_000_000_000;
    const MIN_MS: i64 = 60_000;

    fn at(mono_s: u64, wall_off_ms: i64) -> Now {
        let wall = START_MS.saturating_add(mono_s * 1000).saturating_add_signed(wall_off_ms);
        Now { mono: Duration::from_secs(mono_s), wall: Timestamp(wall) }
    }

    /// A verdict of this author, said when their clock showed this.
    fn said(author: u8, created_ms: u64) -> Vec<u8> {
        let created = Timestamp(created_ms);
        let expires = Kind::Verdict.limits().lifetime_ms_max.map(|max| Timestamp(created.0 + max));
        let header = Header { generation: 0, seq: created_ms, created, expires };
        let body = Body::Verdict(Verdict { infohash: Infohash([7; 20]), opinion: Opinion::Good, note: String::new() });
        let signed = Statement::sign(&SecretKey::from_seed(&[author; 32]), &header, &body).expect("signs");
        signed.bytes().to_vec()
    }

    fn me() -> Key {
        SecretKey::from_seed(&[0; 32]).public()
    }

    /// Peers in so many networks of their own.
    fn peers(clocks: &Clocks, count: u8) -> Vec<PeerId> {
        (0..count)
            .map(|number| {
                let peer = PeerId::random();
                clocks.met(peer, &format!("/ip4/127.0.{number}.1/tcp/7341").parse().expect("an address"));
                peer
            })
            .collect()
    }

    #[test]
    fn the_median_of_networks_tells_how_far_this_clock_is_off() {
        let clocks = Clocks::default();
        let peers = peers(&clocks, 3);
        assert_eq!(clocks.told(at(0, 0)), Heard::default());
        for (number, peer) in (1..).zip(&peers) {
            // This clock is twelve minutes behind; each word took so many seconds.
            let created = START_MS + 10_000 - u64::from(number) * 1000;
            clocks.heard(at(10, -12 * MIN_MS), &me(), peer, &said(number, created));
        }
        assert_eq!(clocks.told(at(10, -12 * MIN_MS)), Heard { networks: 3, lead_ms: 12 * MIN_MS - 2000 });
        // Once it is set right, what was heard says so.
        assert_eq!(clocks.told(at(20, 0)), Heard { networks: 3, lead_ms: -2000 });
        assert_eq!(clocks.told(at(10 + 24 * 3600 + 1, 0)).networks, 0, "words fade");
    }

    #[test]
    fn neither_many_keys_nor_many_peers_of_a_network_outvote_others() {
        let clocks = Clocks::default();
        let honest = peers(&clocks, 2);
        let liars: Vec<PeerId> = (0..40)
            .map(|number| {
                let peer = PeerId::random();
                clocks.met(peer, &format!("/ip4/203.0.113.{number}/tcp/7341").parse().expect("an address"));
                peer
            })
            .collect();
        for (number, peer) in (1..).zip(&liars) {
            clocks.heard(at(u64::from(number), 0), &me(), peer, &said(number, START_MS + 9_000_000));
        }
        for (number, peer) in (100..).zip(&honest) {
            clocks.heard(at(50, 0), &me(), peer, &said(number, START_MS + 50_000));
        }
        assert_eq!(clocks.told(at(50, 0)), Heard { networks: 3, lead_ms: 0 });
        let held = clocks.inner(|inner| inner.words.values().map(Vec::len).max());
        assert_eq!(held, Some(AUTHORS_MAX));
    }

    #[test]
    fn own_words_forged_ones_and_those_of_nobody_s_network_say_nothing() {
        let clocks = Clocks::default();
        let [peer] = peers(&clocks, 1)[..] else { panic!("one peer") };
        clocks.heard(at(1, 0), &me(), &peer, &said(0, START_MS));
        let mut forged = said(3, START_MS);
        *forged.last_mut().expect("bytes") ^= 1;
        clocks.heard(at(2, 0), &me(), &peer, &forged);
        clocks.heard(at(3, 0), &me(), &PeerId::random(), &said(3, START_MS));
        clocks.left(&peer);
        clocks.heard(at(4, 0), &me(), &peer, &said(3, START_MS));
        assert_eq!(clocks.told(at(5, 0)), Heard::default());
    }

    #[test]
    fn what_is_held_is_bounded() {
        let clocks = Clocks::default();
        for (number, peer) in (0..).zip(peers(&clocks, 80)) {
            clocks.heard(at(number, 0), &me(), &peer, &said(5, START_MS + number * 1000));
        }
        assert_eq!(clocks.told(at(80, 0)).networks, NETWORKS_MAX);
    }
}
