//! How much new gossip one peer may bring: pure arithmetic, time is an argument.
//!
//! Only messages that were new and well formed are counted: gossipsub shows no
//! others to the application. Malformed ones cost P4 instead.

use std::time::{Duration, Instant};

use super::params;

const WINDOW: Duration = Duration::from_secs(1);

/// A token bucket. Invariant: `0 <= tokens <= burst`.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    per_s: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub fn full(per_s: f64, burst: f64, now: Instant) -> Self {
        Self { per_s, burst, tokens: burst, filled: now }
    }

    /// Takes one out, if there is one.
    pub fn takes_one(&mut self, now: Instant) -> bool {
        self.fill(now);
        let has_one = self.tokens >= 1.0;
        if has_one {
            self.tokens -= 1.0;
        }
        has_one
    }

    fn fill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled);
        self.tokens = (self.tokens + elapsed.as_secs_f64() * self.per_s).min(self.burst);
        self.filled = self.filled.max(now);
    }
}

/// What to do with one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admit {
    /// Within the rate.
    Pass,
    /// Over the rate: ignore the message. Blame the peer once a second.
    Over {
        /// First refusal of this second.
        blame: bool,
    },
    /// Far over the rate for too long: get rid of the peer.
    Flood,
}

/// The buckets of one peer, and the watch for floods.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    messages: Bucket,
    bytes: Bucket,
    window: Window,
    /// Complete windows in a row that were hot.
    hot: u32,
}

/// What came in the second under way, admitted or not.
#[derive(Clone, Debug)]
struct Window {
    start: Instant,
    messages: f64,
    bytes: f64,
    refused: bool,
}

impl Window {
    fn at(start: Instant) -> Self {
        Self { start, messages: 0.0, bytes: 0.0, refused: false }
    }

    /// Over the rate, and more than [`params::FLOOD_FACTOR`] times.
    fn is_hot(&self) -> bool {
        self.refused
            && (self.messages > params::FLOOD_FACTOR * params::MESSAGES_PER_S
                || self.bytes > params::FLOOD_FACTOR * params::BYTES_PER_S)
    }
}

impl Rate {
    pub fn new(now: Instant) -> Self {
        Self {
            messages: Bucket::full(params::MESSAGES_PER_S, params::MESSAGES_BURST, now),
            bytes: Bucket::full(params::BYTES_PER_S, params::BYTES_BURST, now),
            window: Window::at(now),
            hot: 0,
        }
    }

    /// Takes note of one message of `len` bytes and says what to do with it.
    ///
    /// A message that is over one bucket takes nothing from the other.
    pub fn admit(&mut self, now: Instant, len: usize) -> Admit {
        let bytes = len as f64;
        self.turn_window(now);
        self.window.messages += 1.0;
        self.window.bytes += bytes;
        self.messages.fill(now);
        self.bytes.fill(now);
        if self.messages.tokens >= 1.0 && self.bytes.tokens >= bytes {
            self.messages.tokens -= 1.0;
            self.bytes.tokens -= bytes;
            return Admit::Pass;
        }
        let blame = !self.window.refused;
        self.window.refused = true;
        // The window under way counts as soon as it is hot: waiting for its end would be kind to the flood only.
        let hot = self.hot + u32::from(self.window.is_hot());
        if hot >= params::FLOOD_SECONDS { Admit::Flood } else { Admit::Over { blame } }
    }

    fn turn_window(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.window.start);
        if age < WINDOW {
            return;
        }
        // After a pause of a whole window the row is broken.
        self.hot = if self.window.is_hot() && age < 2 * WINDOW { self.hot + 1 } else { 0 };
        self.window = Window::at(if age < 2 * WINDOW { self.window.start + WINDOW } else { now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `count` messages of `len` bytes spread evenly over the second that begins at `from`.
    fn second(rate: &mut Rate, from: Instant, count: u32, len: usize) -> Vec<Admit> {
        (0..count).map(|index| rate.admit(from + WINDOW * index / count, len)).collect()
    }

    fn passed(answers: &[Admit]) -> usize {
        answers.iter().filter(|answer| **answer == Admit::Pass).count()
    }

    #[test]
    fn the_sustained_rate_passes_for_ever() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        for s in 0..600 {
            assert_eq!(passed(&second(&mut rate, start + WINDOW * s, 20, 300)), 20, "second {s}");
        }
    }

    #[test]
    fn a_burst_passes_once_and_refills() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        let burst: Vec<_> = (0..500).map(|_| rate.admit(start, 300)).collect();
        assert_eq!(passed(&burst), 400);
        assert_eq!(burst[400], Admit::Over { blame: true });
        assert_eq!(burst[401], Admit::Over { blame: false }, "blame once a second");
        let later = start + Duration::from_secs(5);
        let again: Vec<_> = (0..150).map(|_| rate.admit(later, 300)).collect();
        assert_eq!(passed(&again), 100, "five seconds give 100 back");
        assert_eq!(again[100], Admit::Over { blame: true });
    }

    #[test]
    fn bytes_are_limited_too() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        // 16 messages a second are within 20, but 512 KiB a second are over 256 KiB.
        let refused =
            (0..40).map(|s| 16 - passed(&second(&mut rate, start + WINDOW * s, 16, 32 * 1024))).sum::<usize>();
        assert!(refused > 0);
        let mut rate = Rate::new(start);
        let once: Vec<_> = (0..399).map(|_| rate.admit(start, 12 * 1024)).collect();
        assert_eq!(passed(&once), 341, "4 MiB / 12 KiB");
    }

    #[test]
    fn ten_times_the_rate_for_two_seconds_is_a_flood() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        let mut answers = Vec::new();
        for s in 0..4 {
            answers.extend(second(&mut rate, start + WINDOW * s, 1000, 300));
        }
        let flood = answers.iter().position(|answer| *answer == Admit::Flood).expect("a flood");
        assert!((1000..=2000).contains(&flood), "in the second second, not {flood}");
    }

    #[test]
    fn one_hot_second_is_not_a_flood() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        for s in 0..20 {
            let count = if s % 2 == 0 { 1000 } else { 10 };
            assert!(!second(&mut rate, start + WINDOW * s, count, 300).contains(&Admit::Flood), "second {s}");
        }
    }

    #[test]
    fn steadily_over_the_rate_is_refused_but_no_flood() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        let mut pass = 0;
        for s in 0..100 {
            let answers = second(&mut rate, start + WINDOW * s, 150, 300);
            assert!(!answers.contains(&Admit::Flood));
            pass += passed(&answers);
        }
        assert!((2379..=2401).contains(&pass), "400 and 20 a second, not {pass}");
    }

    #[test]
    fn a_clock_that_stands_still_or_steps_back_gives_nothing() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut rate = Rate::new(start);
        let before = start.checked_sub(Duration::from_secs(30)).expect("in range");
        let answers: Vec<_> = (0..450).map(|_| rate.admit(before, 1)).collect();
        assert_eq!(passed(&answers), 400);
    }
}
