//! How much of strangers each peer may push: a word of a key that nobody here knows costs a signature, a place in the
//! strangers' pool and a push to others, and keys cost nothing.

use crate::io::Peer;
use crate::sync::Pace;
use std::collections::BTreeMap;
use std::time::Duration;

/// Messages by strangers that one peer may push a second, and at once (`security.md` §3): enough for some ten thousand
/// keys of whom each says ten things a day. What is over it comes by sync to whoever keeps its author.
pub const STRANGERS_PACE: (f64, f64) = (1.0, 20.0);
/// Most peers of which that is remembered, above the connections that the adapter allows. Overflow forgets the one that
/// pushed longest ago.
const PUSHERS_MAX: usize = 1024;

/// What peers have pushed of strangers.
#[derive(Debug, Default)]
pub struct Pushers(BTreeMap<Peer, (Pace, Duration)>);

impl Pushers {
    /// Whether a peer may push one more message by a stranger now; if so it is counted.
    pub fn takes(&mut self, peer: Peer, mono: Duration) -> bool {
        if self.0.len() >= PUSHERS_MAX && !self.0.contains_key(&peer) {
            let oldest = self.0.iter().min_by_key(|(peer, (_, at))| (*at, **peer)).map(|(peer, _)| *peer);
            oldest.map(|peer| self.0.remove(&peer));
        }
        // One less, since a pace lets itself be overdrawn by one.
        let (per_s, burst) = STRANGERS_PACE;
        let (pace, at) = self.0.entry(peer).or_insert_with(|| (Pace::full((per_s, burst - 1.0), mono), mono));
        *at = mono;
        let takes = pace.wait(mono).is_zero();
        if takes {
            pace.take(mono, 1);
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_peer_has_a_burst_and_then_one_a_second() {
        let mut pushers = Pushers::default();
        let count = |pushers: &mut Pushers, peer, at| (0..100).filter(|_| pushers.takes(Peer(peer), at)).count();
        assert_eq!(count(&mut pushers, 1, Duration::ZERO), 20);
        assert_eq!(count(&mut pushers, 2, Duration::ZERO), 20, "nobody pays for another");
        let later: usize = (1..=60).map(|second| count(&mut pushers, 1, SECOND * second)).sum();
        assert!((55..=61).contains(&later), "{later} in a minute");
        assert_eq!(count(&mut pushers, 1, SECOND * 10_000), 20, "no more than the burst is saved");
    }

    #[test]
    fn a_crowd_of_peers_takes_no_more_memory_than_it_may() {
        let mut pushers = Pushers::default();
        for number in 0..5000 {
            assert!(pushers.takes(Peer(number), Duration::from_millis(number)));
        }
        assert_eq!(pushers.0.len(), PUSHERS_MAX);
        assert!(pushers.0.contains_key(&Peer(4999)) && !pushers.0.contains_key(&Peer(0)));
    }
}
