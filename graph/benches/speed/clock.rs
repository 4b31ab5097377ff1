//! Measuring and writing down times.

use std::time::{Duration, Instant};

/// Runs it once.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// Times of the same work, many times.
#[derive(Default)]
pub struct Times(Vec<Duration>);

impl From<Duration> for Times {
    fn from(once: Duration) -> Self {
        Self(vec![once])
    }
}

impl Times {
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that others on the machine disturbed least.
    pub fn fastest(&self) -> Duration {
        self.0.iter().min().copied().unwrap_or_default()
    }

    /// The time that a part of all runs did not exceed (nearest rank); 0 where nothing ran. 1.0 is the longest.
    pub fn quantile(&mut self, part: f64) -> Duration {
        self.0.sort_unstable();
        let rank = (part * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.max(1) - 1).copied().unwrap_or_default()
    }
}

/// Up to `count` runs, fewer if they take longer than `limit` together; at least one. The first run warms caches and
/// is dropped where there is another.
pub fn repeated(count: usize, limit: Duration, mut work: impl FnMut()) -> Times {
    let mut times = Times::default();
    let start = Instant::now();
    for run in 0..=count {
        let (time, ()) = timed(&mut work);
        if run == 1 {
            times = Times::default();
        }
        times.push(time);
        if start.elapsed() > limit {
            break;
        }
    }
    times
}

/// Three digits and a unit.
pub fn show(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (number, unit) = match seconds {
        1.0.. => (seconds, "s"),
        1e-3.. => (seconds * 1e3, "ms"),
        _ => (seconds * 1e6, "µs"),
    };
    match number {
        99.95.. => format!("{number:.0} {unit}"),
        9.995.. => format!("{number:.1} {unit}"),
        _ => format!("{number:.2} {unit}"),
    }
}
