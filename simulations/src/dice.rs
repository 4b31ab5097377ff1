//! All chance of a world: one generator, drawn from in the order of events.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::time::Duration;

/// A share in thousandths: whole numbers, so that no rounding decides a run.
pub type PerMille = u64;

/// The generator of a world.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// From the seed of a run.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number below `end`; 0 when `end` is.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.0.next_u64() % end }
    }

    /// An index into something that is not empty.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// Whether something of that probability happens.
    pub fn happens(&mut self, per_mille: PerMille) -> bool {
        // Drawn whatever the share, so that two worlds that differ in one fault stay alike for long.
        self.below(1000) < per_mille
    }

    /// A time between two, in whole milliseconds.
    pub fn between(&mut self, (least, most): (Duration, Duration)) -> Duration {
        let span = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(0);
        least + Duration::from_millis(self.below(span + 1))
    }

    /// Thirty-two bytes, as seed of something else.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}
