//! The budget of dials that may come to nothing: strangers name addresses, and each dial knocks at somebody's door.
//! Pure; time is an argument.

use std::{collections::VecDeque, time::Instant};

use super::params;

/// Dials of the last [`params::WASTED_WITHIN`] that failed or have not ended, at most [`params::WASTED_DIALS_MAX`].
#[derive(Debug, Default)]
pub(super) struct Wasted(VecDeque<Instant>);

impl Wasted {
    /// Whether a place may be tried, both ways.
    pub fn has_room(&self, now: Instant) -> bool {
        let is_recent = |begun: &&Instant| now.saturating_duration_since(**begun) < params::WASTED_WITHIN;
        self.0.iter().filter(is_recent).count() + 2 <= params::WASTED_DIALS_MAX
    }

    /// A place is tried in so many ways.
    pub fn begin(&mut self, ways: usize, now: Instant) {
        self.0.retain(|begun| now.saturating_duration_since(*begun) < params::WASTED_WITHIN);
        self.0.extend(std::iter::repeat_n(now, ways));
    }

    /// The second way is tried only now, so it counts from now.
    pub fn begin_second(&mut self, now: Instant) {
        self.was_good(1);
        self.0.push_back(now);
    }

    /// So many were not wasted.
    pub fn was_good(&mut self, ways: usize) {
        self.0.drain(..ways.min(self.0.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn no_minute_has_more_wasted_dials_than_allowed() {
        let start = Instant::now();
        let mut wasted = Wasted::default();
        let mut begun = Vec::new();
        for ms in (0..600_000).step_by(100) {
            let now = start + Duration::from_millis(ms);
            if wasted.has_room(now) {
                wasted.begin(2, now);
                begun.extend([now, now]);
            }
        }
        for window in begun.windows(params::WASTED_DIALS_MAX + 1) {
            assert!(window[params::WASTED_DIALS_MAX] - window[0] >= params::WASTED_WITHIN);
        }
        assert_eq!(begun.len(), 10 * params::WASTED_DIALS_MAX, "and no fewer");
    }

    #[test]
    fn a_good_dial_gives_its_place_back() {
        let now = Instant::now();
        let mut wasted = Wasted::default();
        for _ in 0..1000 {
            assert!(wasted.has_room(now));
            wasted.begin(2, now);
            wasted.was_good(2);
        }
    }
}
