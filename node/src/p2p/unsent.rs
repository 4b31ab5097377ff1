//! Own messages that found no subscriber, kept until one comes. Pure; time is an argument.
//!
//! A node that publishes just before its first peer connects must still get its
//! statement out. More than that is the work of sync.

use std::{collections::VecDeque, time::Instant};

use super::params;

/// One message that waits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub topic: String,
    pub bytes: Vec<u8>,
    /// When it was published first.
    pub since: Instant,
}

/// Oldest first, at most [`params::UNSENT_MAX`].
#[derive(Debug, Default)]
pub(super) struct Unsent {
    queue: VecDeque<Kept>,
}

impl Unsent {
    /// Keeps a message. Returns how many were given up for it: too old, or the oldest of too many.
    pub fn keep(&mut self, kept: Kept, now: Instant) -> u64 {
        let mut given_up = self.expire(now);
        if self.queue.iter().any(|other| other.topic == kept.topic && other.bytes == kept.bytes) {
            return given_up;
        }
        if self.queue.len() >= params::UNSENT_MAX {
            self.queue.pop_front();
            given_up += 1;
        }
        self.queue.push_back(kept);
        given_up
    }

    /// Takes out what waits for a topic, oldest first.
    pub fn take(&mut self, topic: &str, now: Instant) -> Vec<Kept> {
        self.expire(now);
        let (taken, rest): (Vec<_>, Vec<_>) = self.queue.drain(..).partition(|kept| kept.topic == topic);
        self.queue = rest.into();
        taken
    }

    /// Forgets what is too old. Returns how many that were.
    pub fn expire(&mut self, now: Instant) -> u64 {
        let before = self.queue.len();
        self.queue.retain(|kept| now.saturating_duration_since(kept.since) <= params::UNSENT_KEPT);
        (before - self.queue.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn kept(topic: &str, byte: usize, since: Instant) -> Kept {
        Kept { topic: topic.into(), bytes: byte.to_be_bytes().to_vec(), since }
    }

    #[test]
    fn a_topic_gets_its_own_in_order() {
        let now = Instant::now();
        let mut unsent = Unsent::default();
        for byte in 0..3 {
            unsent.keep(kept("heads", byte, now), now);
            unsent.keep(kept("works", byte, now), now);
        }
        unsent.keep(kept("heads", 0, now), now);
        let taken = unsent.take("heads", now);
        assert_eq!(taken, [kept("heads", 0, now), kept("heads", 1, now), kept("heads", 2, now)], "each once");
        assert!(unsent.take("heads", now).is_empty());
        assert_eq!(unsent.take("works", now).len(), 3);
    }

    #[test]
    fn the_oldest_gives_way() {
        let now = Instant::now();
        let mut unsent = Unsent::default();
        let given_up: u64 = (0..params::UNSENT_MAX + 5).map(|byte| unsent.keep(kept("heads", byte, now), now)).sum();
        assert_eq!(given_up, 5);
        let taken = unsent.take("heads", now);
        assert_eq!(taken.len(), params::UNSENT_MAX);
        assert_eq!(taken[0], kept("heads", 5, now));
    }

    #[test]
    fn an_hour_is_the_end() {
        let now = Instant::now();
        let mut unsent = Unsent::default();
        unsent.keep(kept("heads", 1, now), now);
        unsent.keep(kept("heads", 2, now + Duration::from_secs(10)), now + Duration::from_secs(10));
        assert_eq!(unsent.expire(now + params::UNSENT_KEPT), 0);
        assert_eq!(unsent.expire(now + params::UNSENT_KEPT + Duration::from_secs(1)), 1);
        assert_eq!(unsent.take("heads", now + params::UNSENT_KEPT + Duration::from_secs(1)).len(), 1);
    }
}
