//! The line in front of the DHT: queries pass one by one, as the budget allows.
//!
//! What is budgeted is what the network feels: requests to nodes, not calls of ours. One lookup is some forty of
//! them, so a call takes a guess and gives back what it did not use.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::sleep;

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

/// Queries that may run at once, and the least time between two starts.
///
/// The crate reads its answers one by one from a socket with the system's buffer (200 kB on Linux, some 150 answers),
/// and does not ask again for what was lost: ten lookups begun together on loopback lost the last three. A lookup of
/// 20 nodes brings 40 answers, read in a few milliseconds; on the real network it takes 1 to 3 s, most of it waiting
/// for nodes that are gone, so that 32 curators are asked within some six seconds.
const RUNNING_MAX: usize = 12;
const START_SPACING: Duration = Duration::from_millis(25);

/// Queries that may stand in line; the next is refused. At two seconds a lookup the last would wait four minutes,
/// longer than anybody does.
const WAITING_MAX: usize = 128;

/// The one line that every query passes.
#[derive(Debug)]
pub(super) struct Turnstile {
    bucket: Mutex<Bucket>,
    /// Held by the first in line while it waits; tokio's mutex is fair, so it is a queue. Says when the last one left.
    line: tokio::sync::Mutex<Option<Instant>>,
    running: Semaphore,
    waiting: AtomicUsize,
    refused: AtomicU64,
    /// Requests of a lookup as seen lately.
    lookup_requests: AtomicU32,
    started: Instant,
}

/// One place in the line, given up when the query passes or its caller goes away.
struct Place<'a>(&'a AtomicUsize);

/// A query's turn: while it is held, the query counts as running.
#[derive(Debug)]
pub(super) struct Turn<'a>(#[expect(dead_code, reason = "held for its drop")] SemaphorePermit<'a>);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turnstile {
    pub(super) fn new() -> Self {
        Self {
            bucket: Mutex::new(Bucket::new(REQUESTS_PER_S, BURST_REQUESTS, Duration::ZERO)),
            line: tokio::sync::Mutex::new(None),
            running: Semaphore::new(RUNNING_MAX),
            waiting: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            lookup_requests: AtomicU32::new(LOOKUP_REQUESTS_GUESS),
            started: Instant::now(),
        }
    }

    /// Waits for a turn of `requests`, which lasts until what it returns is dropped. Leaving early (dropping the
    /// future) frees the place in the line.
    pub(super) async fn pass(&self, requests: u32) -> Result<Turn<'_>, GetError> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(GetError::Busy);
        }
        let _place = Place(&self.waiting);
        let mut last_start = self.line.lock().await;
        // The semaphore is never closed.
        let turn = self.running.acquire().await.map_err(|_| GetError::Stopped)?;
        while let Err(wait) = self.with_bucket(|bucket, now| bucket.take(now, requests)) {
            sleep(wait).await;
        }
        if let Some(last_start) = *last_start {
            sleep(START_SPACING.saturating_sub(last_start.elapsed())).await;
        }
        *last_start = Some(Instant::now());
        Ok(Turn(turn))
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
                tokio::spawn(async move { turnstile.pass(1_000_000).await.map(drop) })
            })
            .collect();
        while turnstile.waiting() < WAITING_MAX {
            tokio::task::yield_now().await;
        }
        assert!(turnstile.pass(1).await.is_err_and(|error| error == GetError::Busy));
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

    #[tokio::test]
    async fn only_so_many_run_at_once() {
        let turnstile = Turnstile::new();
        let mut running = Vec::new();
        for _ in 0..RUNNING_MAX {
            running.push(turnstile.pass(1).await.expect("a turn"));
        }
        let one_more = turnstile.pass(1);
        tokio::pin!(one_more);
        assert!(futures::poll!(&mut one_more).is_pending(), "all turns are taken");
        running.pop();
        one_more.await.expect("the next turn");
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
