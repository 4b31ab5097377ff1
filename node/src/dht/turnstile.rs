//! The line in front of the DHT: queries pass one by one, as the budget allows.
//!
//! What is budgeted is what the network feels: requests to nodes, not calls of ours. One lookup is some forty of
//! them, so a call takes a guess and gives back what it did not use.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::budget::Bucket;
use super::error::GetError;

/// Requests a second in the long run: the global cap for the whole node.
///
/// At some 100 bytes each and answers of up to 1 kB this is at most 20 kB/s, and far less on an idle node, which asks
/// for its follows once an hour.
const REQUESTS_PER_S: u32 = 20;

/// Requests that may be made at once after a quiet time: forty lookups, which is what looking up one work asks of
/// 32 curators and some follows.
const BURST_REQUESTS: u32 = 40 * LOOKUP_REQUESTS_GUESS;

/// Requests of one lookup, before one was seen: some twenty nodes, each asked and pinged by the crate.
const LOOKUP_REQUESTS_GUESS: u32 = 40;

/// Requests of one store: the closest twenty nodes.
pub(super) const STORE_REQUESTS: u32 = 20;

/// Queries that may stand in line; the next is refused. At two seconds a lookup the last would wait four minutes,
/// longer than anybody does.
const WAITING_MAX: usize = 128;

/// The one line that every query passes.
#[derive(Debug)]
pub(super) struct Turnstile {
    bucket: Mutex<Bucket>,
    /// Held by the first in line while it waits; tokio's mutex is fair, so it is a queue.
    line: tokio::sync::Mutex<()>,
    waiting: AtomicUsize,
    refused: AtomicU64,
    /// Requests of a lookup as seen lately.
    lookup_requests: AtomicU32,
    started: Instant,
}

/// One place in the line, given up when the query passes or its caller goes away.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turnstile {
    pub(super) fn new() -> Self {
        Self {
            bucket: Mutex::new(Bucket::new(REQUESTS_PER_S, BURST_REQUESTS, Duration::ZERO)),
            line: tokio::sync::Mutex::new(()),
            waiting: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            lookup_requests: AtomicU32::new(LOOKUP_REQUESTS_GUESS),
            started: Instant::now(),
        }
    }

    /// Waits for a turn of `requests`. Leaving early (dropping the future) frees the place.
    pub(super) async fn pass(&self, requests: u32) -> Result<(), GetError> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(GetError::Busy);
        }
        let _place = Place(&self.waiting);
        let _first = self.line.lock().await;
        loop {
            let taken = self.with_bucket(|bucket, now| bucket.take(now, requests));
            match taken {
                Ok(()) => return Ok(()),
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// Gives back what was taken and not spent, or takes what was spent on top.
    pub(super) fn settle(&self, taken: u32, spent: u32) {
        self.with_bucket(|bucket, now| bucket.settle(now, taken, spent));
    }

    /// Requests to expect of a lookup.
    pub(super) fn lookup_requests(&self) -> u32 {
        self.lookup_requests.load(Ordering::Relaxed)
    }

    /// Learns from a lookup that asked `nodes` nodes, and says how many requests that were.
    pub(super) fn looked_up(&self, nodes: u32) -> u32 {
        let requests = nodes.saturating_mul(2);
        // A quarter of the news: one odd lookup does not move the guess far. Two at once may lose one; no matter.
        let guess = (self.lookup_requests().saturating_mul(3).saturating_add(requests)) / 4;
        self.lookup_requests.store(guess.max(1), Ordering::Relaxed);
        requests
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn with_bucket<T>(&self, act: impl FnOnce(&mut Bucket, Duration) -> T) -> T {
        // A panic while the lock was held leaves plain numbers behind, which are as good as any.
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut bucket, self.started.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_full_line_refuses_and_counts_and_frees_its_places() {
        let turnstile = Arc::new(Turnstile::new());
        turnstile.pass(BURST_REQUESTS).await.expect("a fresh turnstile lets a burst pass");
        let waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let turnstile = Arc::clone(&turnstile);
                tokio::spawn(async move { turnstile.pass(1_000_000).await })
            })
            .collect();
        while turnstile.waiting() < WAITING_MAX {
            tokio::task::yield_now().await;
        }
        assert_eq!(turnstile.pass(1).await, Err(GetError::Busy));
        assert_eq!(turnstile.refused(), 1);
        for task in waiting {
            task.abort();
            let _ = task.await;
        }
        assert_eq!(turnstile.waiting(), 0, "whoever leaves frees the place");
    }

    #[tokio::test]
    async fn what_is_given_back_lets_the_next_pass() {
        let turnstile = Turnstile::new();
        turnstile.pass(BURST_REQUESTS).await.expect("a burst");
        turnstile.settle(BURST_REQUESTS, 0);
        turnstile.pass(BURST_REQUESTS).await.expect("the same again");
    }

    #[test]
    fn the_guess_follows_what_is_seen() {
        let turnstile = Turnstile::new();
        for _ in 0..40 {
            assert_eq!(turnstile.looked_up(8), 16);
        }
        assert!(turnstile.lookup_requests() <= 18, "{}", turnstile.lookup_requests());
        for _ in 0..40 {
            turnstile.looked_up(0);
        }
        assert!(turnstile.lookup_requests() >= 1, "a query is never free");
    }
}
