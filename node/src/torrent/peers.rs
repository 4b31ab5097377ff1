//! Who may have a torrent: what listings hinted, and what the peer source found, for the sessions to ask.
//!
//! Bounded: only torrents that the engine holds are known, each with at most [`PEERS_MAX`] addresses of either kind,
//! and at most [`LOOKUPS_MAX`] lookups and as many announcements are on their way at once. The rest wait their turn.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Infohash;
use super::config::PeerSource;

/// Most addresses of each kind per torrent: a session connects to 128 at once.
const PEERS_MAX: usize = 200;

/// Most lookups at once. A node that comes up with a thousand torrents must not flood its DHT neighbours.
const LOOKUPS_MAX: usize = 8;

/// Longest that a lookup may take. A DHT query takes 1–10 s.
const LOOKUP_TIME_MAX: Duration = Duration::from_secs(30);

/// Longest that an answer waits for a lookup. What comes later is in the next answer.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(3);

/// Longest pause between lookups while nobody was found, and while somebody was.
const LOOKUP_PAUSE_MAX: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(60)];

/// How long after its beginning a download that found nobody looks again every second or so: what was published a moment ago
/// is being announced, and somebody sits before the film.
const FRESH: Duration = Duration::from_secs(5);

/// How often a torrent is announced. DHT nodes keep a peer for about half an hour (BEP 5).
pub(super) const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// One of the two sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Everything but what the owner seeds by name.
    Anonymous,
    /// What the owner seeds by name.
    Named,
}

/// What a session is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Peers to try.
    pub(super) peers: Vec<SocketAddr>,
    /// When to ask again.
    pub(super) interval: Duration,
}

/// Peers of the torrents that the engine holds. Clones are handles to the same book.
#[derive(Clone)]
pub(super) struct PeerBook(Arc<Inner>);

struct Inner {
    source: Arc<dyn PeerSource>,
    interval: Duration,
    /// Listening addresses of the anonymous and the named session.
    own: [SocketAddr; 2],
    external: Mutex<Vec<IpAddr>>,
    torrents: Mutex<BTreeMap<Infohash, Entry>>,
    lookups: Semaphore,
    announcements: Semaphore,
    stop: CancellationToken,
}

struct Entry {
    hints: Vec<SocketAddr>,
    found: Vec<SocketAddr>,
    private: bool,
    complete: bool,
    since: Instant,
    looked_at: Option<Instant>,
    /// What the last lookup found, the own addresses too.
    found_last: Option<Vec<SocketAddr>>,
    looking: bool,
    changed: Arc<Notify>,
    announced_at: [Option<Instant>; 2],
}

impl PeerBook {
    pub(super) fn new(
        source: Arc<dyn PeerSource>,
        interval: Duration,
        own: [SocketAddr; 2],
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            source,
            interval,
            own,
            external: Mutex::default(),
            torrents: Mutex::default(),
            lookups: Semaphore::new(LOOKUPS_MAX),
            announcements: Semaphore::new(LOOKUPS_MAX),
            stop,
        }))
    }

    pub(super) fn set_external_ips(&self, ips: Vec<IpAddr>) {
        *self.0.external.lock().unwrap_or_else(PoisonError::into_inner) = ips;
    }

    /// Begins to know a torrent; a private one (BEP 27) is neither looked up nor announced.
    pub(super) fn track(&self, infohash: Infohash, private: bool, complete: bool) {
        let mut torrents = self.torrents();
        let entry = torrents.entry(infohash).or_insert_with(|| Entry::new(Instant::now()));
        entry.private |= private;
        entry.complete |= complete;
    }

    /// Notes whether a torrent is complete: its peers are not urgent then.
    pub(super) fn set_complete(&self, infohash: Infohash, complete: bool) {
        if let Some(entry) = self.torrents().get_mut(&infohash) {
            entry.complete = complete;
        }
    }

    /// Forgets a torrent.
    pub(super) fn forget(&self, infohash: Infohash) {
        self.torrents().remove(&infohash);
    }

    /// Adds peers from elsewhere. Those of unknown torrents are dropped.
    pub(super) fn hint(&self, infohash: Infohash, peers: &[SocketAddr]) {
        if let Some(entry) = self.torrents().get_mut(&infohash) {
            for peer in peers {
                if !entry.hints.contains(peer) {
                    entry.hints.push(*peer);
                }
            }
            // The newest hints are the likeliest to be true.
            let surplus = entry.hints.len().saturating_sub(PEERS_MAX);
            entry.hints.drain(..surplus);
            entry.changed.notify_waiters();
        }
    }

    /// What is known now, without asking anybody.
    pub(super) fn known(&self, infohash: Infohash) -> Vec<SocketAddr> {
        let torrents = self.torrents();
        let Some(entry) = torrents.get(&infohash) else { return Vec::new() };
        let mut peers: Vec<SocketAddr> = Vec::with_capacity(entry.hints.len() + entry.found.len());
        for peer in entry.hints.iter().chain(&entry.found) {
            if self.is_askable(peer) && !peers.contains(peer) {
                peers.push(*peer);
            }
        }
        peers
    }

    /// How many others the last lookup found to have or fetch a torrent; `None` where nobody was asked.
    pub(super) fn others(&self, infohash: Infohash) -> Option<usize> {
        let torrents = self.torrents();
        let found = torrents.get(&infohash)?.found_last.as_ref()?;
        Some(found.iter().filter(|peer| self.is_askable(peer)).count())
    }

    /// Answers a session that has or fetches a torrent; `None` for a torrent that the engine does not hold.
    ///
    /// Starts a lookup and an announcement when they are due, and waits a little for the lookup.
    pub(super) async fn answer(&self, infohash: Infohash, side: Side) -> Option<Answer> {
        self.announce_if_due(infohash, side);
        let complete = self.look_up(infohash).await?;
        let interval = if complete { ANNOUNCE_INTERVAL } else { self.0.interval };
        Some(Answer { peers: self.known(infohash), interval })
    }

    /// Looks a torrent up if it is time, and waits up to [`ANSWER_WAIT_MAX`]. Tells whether the torrent is complete.
    pub(super) async fn look_up(&self, infohash: Infohash) -> Option<bool> {
        let (is_waited_for, changed, complete, due) = {
            let mut torrents = self.torrents();
            let entry = torrents.get_mut(&infohash)?;
            let due = entry.is_lookup_due(self.0.interval, Instant::now());
            entry.looking |= due;
            // Whoever was found is enough to begin with; more come with the next answer.
            (entry.looking && entry.found.is_empty(), entry.changed.clone(), entry.complete, due)
        };
        let notified = changed.notified();
        tokio::pin!(notified);
        // Listen before the lookup starts: it may be over at once.
        notified.as_mut().enable();
        if due {
            let book = self.clone();
            tokio::spawn(async move { book.run_lookup(infohash).await });
        }
        if is_waited_for {
            let _ = timeout(ANSWER_WAIT_MAX.min(self.0.interval), notified).await;
        }
        Some(complete)
    }

    /// Adds those that a lookup found so far to those of before it.
    fn note_found(&self, infohash: Infohash, peers: &[SocketAddr]) {
        let mut torrents = self.torrents();
        let Some(entry) = torrents.get_mut(&infohash) else { return };
        for peer in peers {
            if entry.found.len() < PEERS_MAX && !entry.found.contains(peer) {
                entry.found.push(*peer);
            }
        }
        entry.changed.notify_waiters();
    }

    async fn run_lookup(&self, infohash: Infohash) {
        let lookup = async {
            let _permit = self.0.lookups.acquire().await.ok()?;
            let tell = |peers: &[SocketAddr]| self.note_found(infohash, peers);
            timeout(LOOKUP_TIME_MAX, self.0.source.seek(infohash, &tell)).await.ok()
        };
        let found = tokio::select! {
            found = lookup => found,
            () = self.0.stop.cancelled() => return,
        };
        let mut torrents = self.torrents();
        let Some(entry) = torrents.get_mut(&infohash) else { return };
        entry.looking = false;
        entry.looked_at = Some(Instant::now());
        match found {
            Some(mut found) => {
                found.truncate(PEERS_MAX);
                debug!(infohash = %hex(infohash), peers = found.len(), "looked up peers");
                entry.found_last = self.0.source.can_ask().then(|| found.clone());
                // A lookup that found nobody does not make the ones found before vanish.
                if !found.is_empty() {
                    entry.found = found;
                }
            }
            None => debug!(infohash = %hex(infohash), "gave up a lookup of peers: it took too long"),
        }
        entry.changed.notify_waiters();
    }

    fn announce_if_due(&self, infohash: Infohash, side: Side) {
        let index = usize::from(side == Side::Named);
        {
            let mut torrents = self.torrents();
            let Some(entry) = torrents.get_mut(&infohash) else { return };
            let now = Instant::now();
            if !entry.is_announcement_due(index, now) {
                return;
            }
            entry.announced_at[index] = Some(now);
        }
        let book = self.clone();
        tokio::spawn(async move {
            let announce = async {
                let Ok(_permit) = book.0.announcements.acquire().await else { return };
                let announced = book.0.source.announce(infohash, book.0.own[index].port());
                if timeout(LOOKUP_TIME_MAX, announced).await.is_err() {
                    debug!(infohash = %hex(infohash), "gave up an announcement: it took too long");
                }
            };
            tokio::select! { () = announce => {}, () = book.0.stop.cancelled() => {} }
        });
    }

    /// Whether an address may be somebody else's. Never one of our own sessions: bytes that we give ourselves would
    /// be booked as if somebody had seeded.
    fn is_askable(&self, peer: &SocketAddr) -> bool {
        let ip = peer.ip().to_canonical();
        if peer.port() == 0 || ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::from([255; 4]) {
            return false;
        }
        let listens_on_loopback = self.0.own.iter().any(|own| own.ip().is_loopback());
        if ip.is_loopback() && !listens_on_loopback {
            // Nobody's peer lives there, but services of this machine do.
            return false;
        }
        let own_port = |own: &SocketAddr| own.port() == peer.port();
        if self.0.own.iter().any(|own| own_port(own) && own.ip().to_canonical() == ip) {
            return false;
        }
        let external = self.0.external.lock().unwrap_or_else(PoisonError::into_inner);
        !(external.iter().any(|own| own.to_canonical() == ip) && self.0.own.iter().any(own_port))
    }

    fn torrents(&self) -> MutexGuard<'_, BTreeMap<Infohash, Entry>> {
        self.0.torrents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new(now: Instant) -> Self {
        Self {
            hints: Vec::new(),
            found: Vec::new(),
            private: false,
            complete: false,
            since: now,
            looked_at: None,
            found_last: None,
            looking: false,
            changed: Arc::default(),
            announced_at: [None; 2],
        }
    }

    /// A seeder that appears right after the download began is found within seconds, one that appears after an hour
    /// within half a minute; and a stalled download does not ask the DHT every five seconds for days.
    fn is_lookup_due(&self, interval: Duration, now: Instant) -> bool {
        let Some(looked_at) = self.looked_at else { return !self.private && !self.looking };
        let pause = if self.complete {
            ANNOUNCE_INTERVAL
        } else {
            let pause_max = LOOKUP_PAUSE_MAX[usize::from(!self.found.is_empty())];
            let is_fresh = self.found.is_empty() && now - self.since < FRESH;
            let pause_min = if is_fresh { interval / 5 } else { interval };
            ((now - self.since) / 6).min(pause_max).max(pause_min)
        };
        // Slightly early is on time: the session's timer and ours are not one.
        !self.private && !self.looking && now - looked_at + interval.min(pause) / 2 >= pause
    }

    /// One minute early is on time: the sessions ask every quarter of an hour, give or take.
    fn is_announcement_due(&self, index: usize, now: Instant) -> bool {
        let recent = |at: Instant| now - at + Duration::from_secs(60) < ANNOUNCE_INTERVAL;
        !self.private && !self.announced_at[index].is_some_and(recent)
    }
}

pub(super) fn hex(infohash: Infohash) -> String {
    data_encoding::HEXLOWER.encode(&infohash)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::BoxFuture;

    use super::*;

    const T: Infohash = [1; 20];
    const INTERVAL: Duration = Duration::from_millis(50);

    struct Fixed {
        peers: Vec<SocketAddr>,
        /// Lookups end when they get a permit.
        gate: Semaphore,
        lookups: AtomicUsize,
        announced: Mutex<Vec<u16>>,
    }

    impl PeerSource for Fixed {
        fn peers(&self, _: Infohash) -> BoxFuture<'_, Vec<SocketAddr>> {
            Box::pin(async move {
                self.lookups.fetch_add(1, Ordering::Relaxed);
                let _permit = self.gate.acquire().await;
                self.peers.clone()
            })
        }

        fn announce(&self, _: Infohash, port: u16) -> BoxFuture<'_, ()> {
            self.announced.lock().unwrap().push(port);
            Box::pin(std::future::ready(()))
        }
    }

    fn source(peers: &[&str], open: bool) -> Arc<Fixed> {
        let peers = peers.iter().copied().map(addr).collect();
        let gate = Semaphore::new(usize::from(open));
        Arc::new(Fixed { peers, gate, lookups: AtomicUsize::new(0), announced: Mutex::default() })
    }

    fn book(source: &Arc<Fixed>) -> PeerBook {
        let own = [addr("127.0.0.1:7342"), addr("127.0.0.1:7344")];
        PeerBook::new(source.clone(), INTERVAL, own, CancellationToken::new())
    }

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    async fn until(condition: impl Fn() -> bool) {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn hints_and_finds_are_told_but_never_our_own_addresses() {
        let found = ["127.0.0.3:1", "127.0.0.1:7342", "127.0.0.1:7344", "9.9.9.9:7344", "0.0.0.0:5", "127.0.0.4:0"];
        let book = book(&source(&found, true));
        assert_eq!(book.answer(T, Side::Anonymous).await, None, "unknown torrents are nobody's business");
        book.track(T, false, false);
        book.set_external_ips(vec![[9, 9, 9, 9].into()]);
        book.hint(T, &[addr("127.0.0.2:1"), addr("127.0.0.3:1"), addr("224.0.0.1:9")]);
        let all = [addr("127.0.0.2:1"), addr("127.0.0.3:1")];
        assert_eq!(book.answer(T, Side::Anonymous).await.unwrap().interval, INTERVAL);
        until(|| book.known(T) == all).await;
        book.forget(T);
        assert_eq!(book.answer(T, Side::Anonymous).await, None);
    }

    #[tokio::test]
    async fn others_are_counted_without_ourselves_and_unknown_until_somebody_was_asked() {
        let (found, nobody) = (source(&["127.0.0.3:1", "127.0.0.1:7342", "127.0.0.4:1"], true), source(&[], true));
        for (source, others) in [(&found, 2), (&nobody, 0)] {
            let book = book(source);
            book.track(T, false, true);
            assert_eq!(book.others(T), None);
            book.look_up(T).await;
            until(|| book.others(T) == Some(others)).await;
        }
    }

    #[tokio::test]
    async fn loopback_is_nobody_to_a_node_on_the_net() {
        let own = [addr("0.0.0.0:7342"), addr("0.0.0.0:7344")];
        let book = PeerBook::new(source(&[], true), INTERVAL, own, CancellationToken::new());
        book.track(T, false, false);
        book.hint(T, &[addr("127.0.0.1:8080"), addr("[::ffff:127.0.0.1]:22"), addr("192.0.2.1:1")]);
        assert_eq!(book.known(T), [addr("192.0.2.1:1")]);
    }

    #[tokio::test]
    async fn a_slow_lookup_holds_no_answer_up_and_serves_all_who_asked() {
        let source = source(&["127.0.0.3:1"], false);
        let book = book(&source);
        book.track(T, false, false);
        book.hint(T, &[addr("127.0.0.2:1")]);
        let asks = (0..10).map(|_| book.answer(T, Side::Anonymous));
        for answer in futures::future::join_all(asks).await {
            assert_eq!(answer.unwrap().peers, [addr("127.0.0.2:1")]);
        }
        source.gate.add_permits(1);
        until(|| book.known(T) == [addr("127.0.0.2:1"), addr("127.0.0.3:1")]).await;
        assert_eq!(source.lookups.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn lookups_grow_rarer_and_announcements_are_rare() {
        let interval = Duration::from_secs(5);
        let began = Instant::now();
        let mut entry = Entry::new(began);
        // How often it is looked up when a session asks every five seconds for this long.
        let lookups = |entry: &mut Entry, from: u64, to: u64| {
            let mut count = 0;
            for second in (from..to).step_by(5) {
                let now = began + Duration::from_secs(second);
                if entry.is_lookup_due(interval, now) {
                    entry.looked_at = Some(now);
                    count += 1;
                }
            }
            count
        };
        assert_eq!(lookups(&mut entry, 0, 30), 6, "every time in the first half minute");
        assert!((36..60).contains(&lookups(&mut entry, 30, 1_200)), "later, each half minute");
        entry.looking = true;
        assert_eq!(lookups(&mut entry, 1_200, 2_400), 0, "one at a time");
        entry.looking = false;
        entry.complete = true;
        assert!(lookups(&mut entry, 2_400, 4_200) <= 2, "a complete torrent needs nobody");
        entry.announced_at[0] = Some(began);
        assert!(!entry.is_announcement_due(0, began + ANNOUNCE_INTERVAL / 2));
        assert!(entry.is_announcement_due(0, began + ANNOUNCE_INTERVAL));
        assert!(entry.is_announcement_due(1, began), "each session for itself");
    }

    #[test]
    fn what_was_published_a_moment_ago_is_looked_for_each_second() {
        let (interval, began) = (Duration::from_secs(5), Instant::now());
        let lookups = |mut entry: Entry| {
            let mut due = Vec::new();
            for second in 0..10 {
                let now = began + Duration::from_secs(second);
                if entry.is_lookup_due(interval, now) {
                    entry.looked_at = Some(now);
                    due.push(second);
                }
            }
            due
        };
        assert_eq!(lookups(Entry::new(began)), [0, 1, 2, 3, 4, 7], "at first each second");
        let found = Entry { found: vec![addr("127.0.0.2:1")], ..Entry::new(began) };
        assert_eq!(lookups(found), [0, 3, 6, 9], "whoever was found is enough for a while");
    }

    #[tokio::test]
    async fn each_session_is_announced_on_its_port_once() {
        let source = source(&[], true);
        let book = book(&source);
        book.track(T, false, true);
        for _ in 0..3 {
            assert_eq!(book.answer(T, Side::Named).await.unwrap().interval, ANNOUNCE_INTERVAL);
        }
        book.answer(T, Side::Anonymous).await.unwrap();
        until(|| source.announced.lock().unwrap()[..] == [7344, 7342]).await;
    }

    #[tokio::test]
    async fn private_torrents_are_kept_out_of_the_dht() {
        let source = source(&[], true);
        let book = book(&source);
        book.track(T, true, false);
        book.hint(T, &[addr("127.0.0.2:1")]);
        assert_eq!(book.answer(T, Side::Anonymous).await.unwrap().peers, [addr("127.0.0.2:1")]);
        tokio::task::yield_now().await;
        assert_eq!(source.lookups.load(Ordering::Relaxed), 0);
        assert!(source.announced.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn hints_are_bounded_and_the_newest_stay() {
        let book = book(&source(&[], true));
        book.track(T, false, false);
        let hints: Vec<SocketAddr> = (1..=1000).map(|port| ([127, 0, 0, 2], port).into()).collect();
        hints.chunks(7).for_each(|some| book.hint(T, some));
        assert_eq!(book.known(T), hints[1000 - PEERS_MAX..]);
    }
}
