//! The lines in front of the DHT: queries pass one by one, as the budget allows, and heads before all others.
//!
//! What is budgeted is what the network feels: requests to nodes, not calls of ours. One lookup is some forty of
//! them, so a call takes a guess and gives back what it did not use.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::sleep;

use super::budget::Bucket;
use super::error::GetError;

/// Bytes of a request and its answer, both ways: a put with its lookup is some 60 requests and 45 kB on the real network.
/// The crate does not say what it sends, so bytes are requests times this.
pub(super) const REQUEST_BYTES: u32 = 750;
/// The part of a day's bytes that may be used at once; the rest comes evenly over the day, so that no day, begin when it
/// may, sees more than its limit.
const DAY_BURST_SHARE: u64 = 4;
const DAY_S: u64 = 24 * 3600;

/// How much may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests a second in the long run, for the whole node.
    pub requests_per_s: u32,
    /// Bytes a day, both ways together.
    pub bytes_per_day: u64,
}

impl Default for Limits {
    /// At some 100 bytes each and answers of up to 1 kB, 20 requests a second are at most 20 kB/s, and far less on an idle
    /// node, which asks for its follows once an hour. 100 MB a day keep a hundred items of a curator in place
    /// (`security.md` §4, §11.7).
    fn default() -> Self {
        Self { requests_per_s: 20, bytes_per_day: 100_000_000 }
    }
}

impl Limits {
    fn buckets(self, now: Duration) -> Buckets {
        let burst = self.bytes_per_day / DAY_BURST_SHARE;
        let of = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Buckets {
            requests: Bucket::new(self.requests_per_s, BURST_REQUESTS, now),
            bytes: Bucket::new(of((self.bytes_per_day - burst) / DAY_S), of(burst), now),
            limits: self,
            day: now.as_secs() / DAY_S,
            used: 0,
            spent: 0,
        }
    }
}

/// What was used, for `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Requests since the start.
    pub requests: u64,
    /// Bytes, about, in this day of the process.
    pub bytes_today: u64,
    /// Whether queries wait for bytes.
    pub is_short: bool,
}

/// Both budgets, and what was used of them.
#[derive(Debug)]
struct Buckets {
    requests: Bucket,
    bytes: Bucket,
    limits: Limits,
    /// Days since the start.
    day: u64,
    /// Requests of that day.
    used: u64,
    /// Requests since the start.
    spent: u64,
}

impl Buckets {
    /// Takes from both, or says how long to wait.
    fn take(&mut self, now: Duration, requests: u32) -> Result<(), Duration> {
        self.requests.take(now, requests)?;
        if let Err(wait) = self.bytes.take(now, requests.saturating_mul(REQUEST_BYTES)) {
            self.requests.settle(now, requests, 0);
            return Err(wait);
        }
        self.turn_day(now);
        self.used += u64::from(requests);
        self.spent += u64::from(requests);
        Ok(())
    }

    fn settle(&mut self, now: Duration, taken: u32, spent: u32) {
        self.requests.settle(now, taken, spent);
        self.bytes.settle(now, taken.saturating_mul(REQUEST_BYTES), spent.saturating_mul(REQUEST_BYTES));
        self.turn_day(now);
        let settled = |sum: u64| (sum + u64::from(spent)).saturating_sub(u64::from(taken));
        (self.used, self.spent) = (settled(self.used), settled(self.spent));
    }

    fn turn_day(&mut self, now: Duration) {
        let today = now.as_secs() / DAY_S;
        if today != self.day {
            (self.day, self.used) = (today, 0);
        }
    }

    fn look(&mut self, now: Duration) -> (Limits, Used) {
        self.turn_day(now);
        let is_short = self.bytes.take(now, 0).is_err();
        let used = Used { requests: self.spent, bytes_today: self.used * u64::from(REQUEST_BYTES), is_short };
        (self.limits, used)
    }
}

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

/// Heads that may stand in their line beside those: a node puts its own, and now and then one of a follow.
const HEADS_WAITING_MAX: usize = 32;

/// Of so many queries one is of the last line, while that waits: a node with a thousand torrents always asks something, and
/// its listings shall be kept in place all the same.
const LAST_EVERY: usize = 4;

/// In which line a query stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// Behind all others but every [`LAST_EVERY`]th: what nobody sits before. An import leaves a hundred listings in line,
    /// five minutes of the budget, and meanwhile followers want to find its archive, and its owner a film.
    Last,
    /// Behind whoever came before.
    Usual,
    /// Before everybody in the usual line, also those who already wait for the budget: what a head says leads to all else
    /// that its author says, and an import leaves a hundred listings in line, five minutes of the budget.
    Head,
}

/// A line.
#[derive(Debug, Default)]
struct Line {
    /// Held by the first while it waits; tokio's mutex is fair, so it is a queue.
    first: tokio::sync::Mutex<()>,
    waiting: AtomicUsize,
}

/// What every query passes.
#[derive(Debug)]
pub(super) struct Turnstile {
    buckets: Mutex<Buckets>,
    last: Line,
    usual: Line,
    heads: Line,
    /// A query left its line.
    moved: Notify,
    /// Usual queries that passed since one of the last line did.
    passed_since_last: AtomicUsize,
    /// When the last query left.
    last_start: tokio::sync::Mutex<Option<Instant>>,
    running: Semaphore,
    refused: AtomicU64,
    /// Requests of a lookup as seen lately.
    lookup_requests: AtomicU32,
    started: Instant,
}

/// One place in a line, given up when the query passes or its caller goes away.
struct Place<'a>(&'a Turnstile, Rank);

/// A query's turn: while it is held, the query counts as running.
#[derive(Debug)]
pub(super) struct Turn<'a>(#[expect(dead_code, reason = "held for its drop")] SemaphorePermit<'a>);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.line(self.1).waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.moved.notify_waiters();
    }
}

impl Turnstile {
    pub(super) fn new() -> Self {
        Self {
            buckets: Mutex::new(Limits::default().buckets(Duration::ZERO)),
            last: Line::default(),
            usual: Line::default(),
            heads: Line::default(),
            moved: Notify::new(),
            passed_since_last: AtomicUsize::new(0),
            last_start: tokio::sync::Mutex::new(None),
            running: Semaphore::new(RUNNING_MAX),
            refused: AtomicU64::new(0),
            lookup_requests: AtomicU32::new(LOOKUP_REQUESTS_GUESS),
            started: Instant::now(),
        }
    }

    fn line(&self, rank: Rank) -> &Line {
        match rank {
            Rank::Last => &self.last,
            Rank::Usual => &self.usual,
            Rank::Head => &self.heads,
        }
    }

    /// Waits for a turn of `requests`, which lasts until what it returns is dropped. Leaving early (dropping the
    /// future) frees the place in the line.
    pub(super) async fn pass(&self, rank: Rank, requests: u32) -> Result<Turn<'_>, GetError> {
        let line = self.line(rank);
        let most = if rank == Rank::Head { HEADS_WAITING_MAX } else { WAITING_MAX };
        let ahead = line.waiting.fetch_add(1, Ordering::Relaxed);
        let _place = Place(self, rank);
        if ahead >= most {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(GetError::Busy);
        }
        let _first = line.first.lock().await;
        // The semaphore is never closed.
        let turn = self.running.acquire().await.map_err(|_| GetError::Stopped)?;
        loop {
            self.let_others_pass(rank).await;
            match self.with_buckets(|buckets, now| buckets.take(now, requests)) {
                Ok(()) => break,
                Err(wait) => sleep(wait).await,
            }
        }
        match rank {
            Rank::Head => {}
            Rank::Usual => _ = self.passed_since_last.fetch_add(1, Ordering::Relaxed),
            Rank::Last => self.passed_since_last.store(0, Ordering::Relaxed),
        }
        let mut last_start = self.last_start.lock().await;
        if let Some(last_start) = *last_start {
            sleep(START_SPACING.saturating_sub(last_start.elapsed())).await;
        }
        *last_start = Some(Instant::now());
        Ok(Turn(turn))
    }

    /// Waits until nobody stands in line who comes before.
    async fn let_others_pass(&self, rank: Rank) {
        loop {
            // Made before the look, so that nothing is missed between the two.
            let moved = self.moved.notified();
            let waits = |line: &Line| line.waiting.load(Ordering::Relaxed) > 0;
            let is_lasts_turn = self.passed_since_last.load(Ordering::Relaxed) + 1 >= LAST_EVERY;
            let has_to_wait = match rank {
                Rank::Head => false,
                Rank::Usual => waits(&self.heads) || (waits(&self.last) && is_lasts_turn),
                Rank::Last => waits(&self.heads) || (waits(&self.usual) && !is_lasts_turn),
            };
            if !has_to_wait {
                break;
            }
            moved.await;
        }
    }

    /// Gives back what was taken and not spent, or takes what was spent on top.
    pub(super) fn settle(&self, taken: u32, spent: u32) {
        self.with_buckets(|buckets, now| buckets.settle(now, taken, spent));
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
        [&self.last, &self.usual, &self.heads].iter().map(|line| line.waiting.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Sets how much may be asked from now on.
    pub(super) fn limit(&self, limits: Limits) {
        self.with_buckets(|buckets, now| *buckets = limits.buckets(now));
    }

    /// How much may be asked, and what was used of it.
    pub(super) fn look(&self) -> (Limits, Used) {
        self.with_buckets(Buckets::look)
    }

    fn with_buckets<T>(&self, act: impl FnOnce(&mut Buckets, Duration) -> T) -> T {
        // A panic while the lock was held leaves plain numbers behind, which are as good as any.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut buckets, self.started.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_full_line_refuses_and_counts_and_frees_its_places() {
        let turnstile = Arc::new(Turnstile::new());
        turnstile.pass(Rank::Usual, BURST_REQUESTS).await.expect("a fresh turnstile lets a burst pass");
        let waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let turnstile = Arc::clone(&turnstile);
                tokio::spawn(async move { turnstile.pass(Rank::Usual, 1_000_000).await.map(drop) })
            })
            .collect();
        while turnstile.waiting() < WAITING_MAX {
            tokio::task::yield_now().await;
        }
        assert!(turnstile.pass(Rank::Usual, 1).await.is_err_and(|error| error == GetError::Busy));
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
        turnstile.pass(Rank::Usual, BURST_REQUESTS).await.expect("a burst");
        turnstile.settle(BURST_REQUESTS, 0);
        turnstile.pass(Rank::Usual, BURST_REQUESTS).await.expect("the same again");
    }

    #[tokio::test]
    async fn only_so_many_run_at_once() {
        let turnstile = Turnstile::new();
        let mut running = Vec::new();
        for _ in 0..RUNNING_MAX {
            running.push(turnstile.pass(Rank::Usual, 1).await.expect("a turn"));
        }
        let one_more = turnstile.pass(Rank::Usual, 1);
        tokio::pin!(one_more);
        assert!(futures::poll!(&mut one_more).is_pending(), "all turns are taken");
        running.pop();
        one_more.await.expect("the next turn");
    }

    #[tokio::test]
    async fn a_head_waits_for_nobody_but_heads() {
        let turnstile = Arc::new(Turnstile::new());
        let mut running = Vec::new();
        for _ in 0..RUNNING_MAX {
            running.push(turnstile.pass(Rank::Usual, 1).await.expect("a turn"));
        }
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut all = Vec::new();
        let mut stand = async |rank, name: usize| {
            let (queue, order) = (Arc::clone(&turnstile), Arc::clone(&order));
            all.push(tokio::spawn(async move {
                let turn = queue.pass(rank, 1).await;
                order.lock().expect("nobody panicked").push(name);
                turn.map(drop)
            }));
            while turnstile.waiting() < all.len() {
                tokio::task::yield_now().await;
            }
        };
        for name in 0..WAITING_MAX {
            stand(Rank::Usual, name).await;
        }
        // The line is full, and its first has the next turn: heads have room, and pass before it.
        let heads = [1000, 1001];
        for name in heads {
            stand(Rank::Head, name).await;
        }
        running.clear();
        for passed in all {
            passed.await.expect("it ran").expect("there was room");
        }
        let order = order.lock().expect("nobody panicked");
        assert_eq!(order[..2], heads);
        assert!(order[2..].iter().copied().eq(0..WAITING_MAX), "the others as they came: {order:?}");
        assert_eq!(turnstile.waiting(), 0);
    }

    #[tokio::test]
    async fn what_can_wait_lets_others_pass_and_has_its_share() {
        let turnstile = Arc::new(Turnstile::new());
        let mut running = Vec::new();
        for _ in 0..RUNNING_MAX {
            running.push(turnstile.pass(Rank::Head, 1).await.expect("a turn"));
        }
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut all = Vec::new();
        let lines = [(Rank::Last, WAITING_MAX), (Rank::Usual, 9), (Rank::Head, 1)];
        for rank in lines.iter().flat_map(|(rank, count)| vec![*rank; *count]) {
            let (queue, order) = (Arc::clone(&turnstile), Arc::clone(&order));
            all.push(tokio::spawn(async move {
                let turn = queue.pass(rank, 1).await;
                order.lock().expect("nobody panicked").push(rank);
                turn.map(drop)
            }));
            while turnstile.waiting() < all.len() {
                tokio::task::yield_now().await;
            }
        }
        running.clear();
        for passed in all {
            passed.await.expect("it ran").expect("there was room");
        }
        let order = order.lock().expect("nobody panicked");
        let (head, usual, last) = (Rank::Head, Rank::Usual, Rank::Last);
        let begin = [head, usual, usual, usual, last, usual, usual, usual, last, usual, usual, usual, last, last];
        assert_eq!(order[..begin.len()], begin);
        assert_eq!(order.len(), lines.iter().map(|(_, count)| count).sum::<usize>());
    }

    #[tokio::test]
    async fn heads_that_leave_hold_nobody_up() {
        let turnstile = Turnstile::new();
        turnstile.pass(Rank::Usual, BURST_REQUESTS).await.expect("a burst");
        {
            let head = turnstile.pass(Rank::Head, BURST_REQUESTS);
            let usual = turnstile.pass(Rank::Usual, 1);
            tokio::pin!(head, usual);
            assert!(futures::poll!(&mut head).is_pending() && futures::poll!(&mut usual).is_pending());
        }
        turnstile.settle(BURST_REQUESTS, 0);
        turnstile.pass(Rank::Usual, 1).await.expect("nobody is before it");
    }

    #[test]
    fn no_day_sees_more_bytes_than_its_limit() {
        let limits = Limits { requests_per_s: 1000, bytes_per_day: 8_640_000 };
        let mut buckets = limits.buckets(Duration::ZERO);
        let mut taken = 0_u64;
        for second in 0..DAY_S {
            while buckets.take(Duration::from_secs(second), 10).is_ok() {
                taken += 10 * u64::from(REQUEST_BYTES);
            }
        }
        assert!((8_500_000..=8_640_000).contains(&taken), "{taken}");
        let (_, used) = buckets.look(Duration::from_secs(DAY_S - 1));
        assert_eq!(used.bytes_today, taken);
        assert_eq!(buckets.look(Duration::from_secs(DAY_S)).1.bytes_today, 0, "another day");
        assert_eq!(used.requests, taken / u64::from(REQUEST_BYTES));
    }

    #[test]
    fn what_waits_for_bytes_takes_no_requests() {
        let mut buckets = Limits { requests_per_s: 20, bytes_per_day: 3_000_000 }.buckets(Duration::ZERO);
        while buckets.take(Duration::ZERO, 40).is_ok() {}
        let before = buckets.look(Duration::ZERO).1;
        assert_eq!(before.requests, 1000, "a quarter of the day at once");
        let wait = buckets.take(Duration::ZERO, 40).expect_err("used up");
        assert!(wait > Duration::from_secs(600), "{wait:?}");
        assert_eq!(buckets.look(Duration::ZERO).1, before);
        assert!(buckets.take(wait, 40).is_ok(), "as long as was said");
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
