//! Which key follows which, and which contradicted itself: derived from the live rotations and proofs.
//!
//! A rotation of somebody else is stored only if it counts (the profile of the key that is left committed to its
//! author), so every stored rotation is a step, and nothing has to be checked again at a start.

use crate::ground::{Place, Stored};
use crate::sync::Pace;
use heirloom_proto::{Body, Key, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest chain of successors that is walked: as many rotations as a key may have.
const CHAIN_MAX: usize = 64;

/// A key was left for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The key that took over.
    pub next: Key,
    /// Where its rotation stands.
    pub place: Place,
    /// From when on what the left key says counts for nothing.
    pub compromised_since: Option<Timestamp>,
}

/// Proofs that are repeated a second, and at once: one in ten minutes. With ten peers at 3 kB each no more than 4 MB a day.
const REPEAT_PACE: (f64, f64) = (1.0 / 600.0, 8.0);

/// Steps and convictions.
#[derive(Debug)]
pub struct Succession {
    steps: BTreeMap<Key, Step>,
    previous: BTreeMap<Key, Key>,
    /// By accused: where the proof stands.
    proofs: BTreeMap<Key, Place>,
    /// Proofs said in this run under names of nobody.
    unnamed: usize,
    repeats: Pace,
}

impl Default for Succession {
    fn default() -> Self {
        let (steps, previous, proofs) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { steps, previous, proofs, unnamed: 0, repeats: Pace::full(REPEAT_PACE, Duration::ZERO) }
    }
}

impl Succession {
    /// Takes a live statement in.
    pub fn add(&mut self, stored: &Stored) {
        let place = || Place::of(&stored.statement);
        match stored.statement.body() {
            Body::Rotation(rotation) => {
                let next = *stored.statement.author();
                let step = Step { next, place: place(), compromised_since: rotation.compromised_since };
                self.steps.insert(rotation.previous_key, step);
                self.previous.insert(next, rotation.previous_key);
            }
            Body::DuplicityProof(proof) => {
                self.proofs.entry(*proof.accused()).or_insert_with(place);
            }
            _ => {}
        }
    }

    /// Takes out a statement that is no longer live.
    pub fn remove(&mut self, stored: &Stored) {
        let place = Place::of(&stored.statement);
        match stored.statement.body() {
            Body::Rotation(rotation) if self.steps.get(&rotation.previous_key).is_some_and(|s| s.place == place) => {
                self.steps.remove(&rotation.previous_key);
                self.previous.remove(stored.statement.author());
            }
            Body::DuplicityProof(proof) if self.proofs.get(proof.accused()) == Some(&place) => {
                self.proofs.remove(proof.accused());
            }
            _ => {}
        }
    }

    /// Where a key was left to, if it was.
    #[must_use]
    pub fn step(&self, key: &Key) -> Option<&Step> {
        self.steps.get(key)
    }

    /// The key that a key took over from.
    #[must_use]
    pub fn previous(&self, key: &Key) -> Option<Key> {
        self.previous.get(key).copied()
    }

    /// The last of a key's successors; the key itself when it has none.
    #[must_use]
    pub fn newest(&self, key: &Key) -> Key {
        let mut newest = *key;
        // Keys that hand over in a circle stay within the bound.
        for _ in 0..CHAIN_MAX {
            let Some(step) = self.steps.get(&newest) else { break };
            newest = step.next;
        }
        newest
    }

    /// From when on what a key says counts for nothing.
    #[must_use]
    pub fn compromised_since(&self, key: &Key) -> Option<Timestamp> {
        self.steps.get(key)?.compromised_since
    }

    /// Whether a proof against a key is kept.
    #[must_use]
    pub fn is_convicted(&self, key: &Key) -> bool {
        self.proofs.contains_key(key)
    }

    /// Where the proof against a key stands.
    #[must_use]
    pub fn proof_against(&self, key: &Key) -> Option<Place> {
        self.proofs.get(key).copied()
    }

    /// Keys against which a proof is kept.
    pub fn accused(&self) -> impl Iterator<Item = Key> {
        self.proofs.keys().copied()
    }

    /// Notes a proof said under a name of nobody.
    pub fn note_unnamed(&mut self) {
        self.unnamed += 1;
    }

    /// How many there were.
    #[must_use]
    pub fn unnamed(&self) -> usize {
        self.unnamed
    }

    /// Whether a proof may be repeated now; it counts as done.
    pub fn may_repeat(&mut self, mono: Duration) -> bool {
        let may = self.repeats.wait(mono).is_zero();
        if may {
            self.repeats.take(mono, 1);
        }
        may
    }

    /// Keys against which a proof by that author is kept.
    pub fn accused_by<'a>(&'a self, author: &'a Key) -> impl Iterator<Item = &'a Key> {
        self.proofs.iter().filter(move |(_, place)| place.author == *author).map(|(accused, _)| accused)
    }
}
