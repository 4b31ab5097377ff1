//! Pulling what gossip did not push: whom to ask when, what each session has come to, and what is offered to others.
//!
//! A session with one peer has three parts: both reconcile the heads of the keys that a filter matches, the asker has
//! the heads it lacks named, then it fetches the logs behind them, each from where it stands. What a head counts decides
//! whether a log is whole, never a peer's word. It must not know the store: `service/sync.rs` reads and writes.

mod asking;
mod declined;
mod hosting;
mod marks;
mod opening;
mod pace;
mod wanted;

pub use asking::{Asking, Fetching, Next, Wait};
pub use declined::Declined;
pub use hosting::{Hosting, Nonsense, Set};
pub use marks::{Mark, Marks, about};
pub use pace::Pace;
pub use wanted::{Asked, WANT_LIFE, WANTED_MAX, WANTED_SHARE, Wanted};

use crate::ground::Stored;
use crate::io::{OrderId, Peer};
use heirloom_proto::sync::{Filter, Salt};
use heirloom_proto::{Body, Key, Sha256, Timestamp};
use rand_core::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Time between two sessions with one peer: gossip brings what is new, this what it missed.
pub const PERIOD: Duration = Duration::from_secs(10 * 60);
/// First wait before a peer is asked again for a log that it did not have whole; doubles up to [`AGAIN_MAX`].
pub const AGAIN_FIRST: Duration = Duration::from_secs(30);
/// Longest such wait: a log that cannot become whole (over quota, half expired) costs little.
pub const AGAIN_MAX: Duration = Duration::from_secs(6 * 3600);
/// So many times a peer that says itself that it lacks a part is asked again after [`AGAIN_FIRST`]: it may be asking others.
pub const PATIENT_TIMES: u32 = 4;
/// Each so many times such a peer is asked for what it has; in between, only whether it has all.
const REAL_EACH: u32 = 4;
/// Most keys without a head here whose logs one session asks for.
pub const BLIND_MAX: usize = 32;
/// Of these, keys that nobody follows or asked for: decoys.
pub const BLIND_DECOYS: usize = 4;
/// A new peer is asked within this, by chance, so that two that meet do not talk at once.
pub const START_SPREAD: Duration = Duration::from_secs(1);
/// A peer that does not answer within this has failed. Above the adapter's own limit.
pub const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Sessions as asker at once; others wait their turn. Each may hold a page of 32 KiB and a set of [`ITEMS_MAX`].
pub const ASKING_MAX: usize = 4;
/// Sessions as answerer at once; one more is told to come again. 16 sets of [`ITEMS_MAX`] are the memory they may take.
pub const HOSTING_MAX: usize = 16;
/// A session that its asker left alone for so long may give its place to another.
pub const HOSTING_IDLE: Duration = Duration::from_secs(30);
/// Most heads in the set of one session: 100 bytes each stay below 16 MiB (`security.md` T24). Overflow leaves out the oldest.
pub const ITEMS_MAX: usize = 100_000;
/// Most rounds of one reconciliation (`security.md` T24); sixteen-fold splits need five for a million.
pub const ROUNDS_MAX: u32 = 64;
/// Most requests of one session: what is left waits for the next.
pub const REQUESTS_MAX: u32 = 4096;
/// Most bytes that one session takes in: the log of one followed curator.
pub const SESSION_BYTES_MAX: u64 = 64 << 20;
/// Most keys that are asked about: the follows, then the best scored (DESIGN §9).
pub const KEPT_MAX: usize = 5_000;
/// How long what a new head counts may take to arrive by gossip, before a peer is asked for it.
pub const SETTLE: Duration = Duration::from_secs(5);
/// Least time between two sessions that a new head brings about with one peer.
pub const REST: Duration = Duration::from_secs(30);
/// Peers that are asked for what a new head counts and gossip lost.
const HELPERS: usize = 2;
/// Time for which the salt of a peer's sessions stays the same.
pub const SALT_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Most statements remembered that one peer named in vain: of the 100,000 heads that it may offer fewer than 200 match the
/// fullest filter by chance.
pub const DECLINED_MAX: usize = 1024;
/// Most peers of which that is remembered: at 200 bytes each no more than 13 MB. Overflow forgets the peer asked longest ago.
pub const DECLINED_PEERS_MAX: usize = 64;
/// Keys in a filter at least, decoys included.
pub const FILTER_KEYS_MIN: usize = 48;
/// Most rotations and proofs that wait for the logs they build on.
pub const LATE_MAX: usize = 256;
/// Peers remembered after they left, so that reconnecting refills no bucket. The lowest number gives way.
pub const PEERS_MAX: usize = 1024;
/// Wait after a session that failed; doubles up to an hour.
const FAILED_FIRST: Duration = Duration::from_secs(15);
const FAILED_MAX: Duration = Duration::from_secs(3600);
/// Statements served to or taken from one peer a second, and at once (`security.md` §3).
const ITEMS_PACE: (f64, f64) = (200.0, 2000.0);
/// Bytes of answers served to one peer a second, and at once (`security.md` §3).
const BYTES_PACE: (f64, f64) = (256.0 * 1024.0, 4.0 * 1024.0 * 1024.0);
/// Work for one peer, in heads looked at a second and at once: a set is built and summed for every round.
const WORK_PACE: (f64, f64) = (100_000.0, 1_000_000.0);
/// Microseconds of processor time for one peer a second (`security.md` T24), and at once: ten seconds' worth.
const CPU_PACE: (f64, f64) = (50_000.0, 500_000.0);

/// Where a log or a head stands: generation and sequence number.
pub type Order = (u32, u64);

/// What is known of a peer.
#[derive(Debug)]
pub struct PeerState {
    /// Whether it is connected.
    pub is_up: bool,
    /// Whether it proved to be somebody whom the owner knows: such are asked first.
    pub is_known: bool,
    /// When to ask it next.
    pub next: Duration,
    /// Not before this, unless the owner wants it.
    pub rest: Duration,
    /// Sessions in a row that failed.
    pub failures: u32,
    /// Statements that it brings.
    pub brought: Pace,
    /// Statements that it is given.
    pub served: Pace,
    /// Bytes that it is given.
    pub bytes: Pace,
    /// Heads looked at for it.
    pub work: Pace,
    /// Microseconds of processor time that its questions took.
    pub cpu: Pace,
}

/// A log that a peer did not have whole.
#[derive(Clone, Copy, Debug)]
struct Unmet {
    head: Order,
    attempts: u32,
    again: Duration,
    miss: Miss,
    /// It was to be asked now, but another was under way with the log.
    is_put_off: bool,
}

/// Why a log was not had whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// The peer says itself that it lacks a part; it may be asking others.
    CatchingUp,
    /// It says that it has all, or there is no room here for more.
    Lasting,
}

/// All of sync.
#[derive(Debug, Default)]
pub struct Sync {
    /// From it come salts, decoys and padding, which must not be guessed; of this run.
    secret: [u8; 32],
    /// What peers named in vain.
    declined: BTreeMap<Peer, Declined>,
    /// Peers that are or lately were connected.
    pub peers: BTreeMap<Peer, PeerState>,
    /// Sessions in which this node asks.
    pub asking: BTreeMap<Peer, Asking>,
    /// Sessions in which it answers.
    pub hosting: BTreeMap<Peer, Hosting>,
    /// What can be reconciled.
    pub marks: Marks,
    /// Up to which head a log was seen to be whole.
    whole: BTreeMap<Key, Order>,
    unmet: BTreeMap<(Key, Peer), Unmet>,
    /// What is asked for on behalf of others.
    pub wanted: Wanted,
    /// Keys whose head is new: what it counts may be missing. [`KEPT_MAX`] at most; overflow waits for the usual session.
    doubted: BTreeSet<Key>,
    /// When to look whether it is.
    look_at: Option<Duration>,
}

impl Sync {
    /// With a secret that nobody else knows.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret, ..Self::default() }
    }

    /// Chance that stays the same in this run.
    fn lot(&self, what: &[u8], of: &[u8]) -> Sha256 {
        Sha256::of(&[b"heirloom sync lot", &self.secret[..], &(what.len() as u64).to_be_bytes(), what, of].concat())
    }

    /// The salt of sessions with a peer: the same for a week, so that the same keys match by chance and whoever compares
    /// many filters learns nothing from it; another for each peer, so that none knows the keyed ids of other sessions.
    #[must_use]
    pub fn salt(&self, peer: Peer, wall: Timestamp) -> Salt {
        let week = u128::from(wall.0) / SALT_LIFE.as_millis();
        let lot = self.lot(b"salt", &[&peer.0.to_be_bytes()[..], &week.to_be_bytes()].concat());
        let mut salt = [0; 16];
        salt.copy_from_slice(&lot.0[..16]);
        Salt(salt)
    }

    /// So many of these keys as decoys: the same for every peer and as long as they are there, or whoever compares filters
    /// could strip them.
    #[must_use]
    pub fn decoys(&self, strangers: Vec<Key>, count: usize) -> Vec<Key> {
        let mut ranked: Vec<(Sha256, Key)> =
            strangers.into_iter().map(|key| (self.lot(b"decoy", key.as_bytes()), key)).collect();
        ranked.sort_unstable();
        ranked.into_iter().take(count).map(|(_, key)| key).collect()
    }

    /// A key of nobody, to fill a filter up: the same in this run for each number.
    #[must_use]
    pub fn nobody(&self, number: usize) -> [u8; 32] {
        self.lot(b"nobody", &number.to_be_bytes()).0
    }

    /// A session with a peer.
    #[must_use]
    pub fn open(&mut self, peer: Peer, filter: Filter, asked: Vec<Key>, mono: Duration) -> Option<Asking> {
        if self.declined.len() >= DECLINED_PEERS_MAX && !self.declined.contains_key(&peer) {
            let oldest = self.declined.iter().min_by_key(|(peer, declined)| (declined.used, **peer));
            let oldest = oldest.map(|(peer, _)| *peer);
            oldest.map(|peer| self.declined.remove(&peer));
        }
        let declined = self.declined.entry(peer).or_insert_with(|| Declined::new(filter.salt(), mono));
        declined.prepare(&filter, &asked, mono);
        Asking::new(&self.marks, declined, filter, asked, mono)
    }

    /// What a peer named in vain.
    pub fn declined(&mut self, peer: Peer) -> Option<&mut Declined> {
        self.declined.get_mut(&peer)
    }

    /// Forgets what is derived from statements; sessions go on.
    pub fn reset(&mut self) {
        self.marks = Marks::default();
        self.whole.clear();
    }

    /// Takes a live statement in.
    pub fn add(&mut self, stored: &Stored) {
        self.marks.add(stored);
    }

    /// Takes out a statement that is no longer live.
    pub fn remove(&mut self, stored: &Stored) {
        self.marks.remove(stored);
        if matches!(stored.statement.body(), Body::Head(_)) {
            self.whole.remove(stored.statement.author());
        }
    }

    /// A peer is connected.
    pub fn up(&mut self, peer: Peer, mono: Duration, rng: &mut impl Rng) {
        if self.peers.len() >= PEERS_MAX && !self.peers.contains_key(&peer) {
            let gone = self.peers.iter().find(|(_, state)| !state.is_up).map(|(peer, _)| *peer);
            // The adapter allows far fewer connections than this.
            let Some(gone) = gone else { return };
            self.peers.remove(&gone);
        }
        let state = self.peers.entry(peer).or_insert_with(|| PeerState {
            is_up: true,
            is_known: false,
            next: mono,
            rest: mono,
            failures: 0,
            brought: Pace::full(ITEMS_PACE, mono),
            served: Pace::full(ITEMS_PACE, mono),
            bytes: Pace::full(BYTES_PACE, mono),
            work: Pace::full(WORK_PACE, mono),
            cpu: Pace::full(CPU_PACE, mono),
        });
        state.is_up = true;
        state.next = mono + below(START_SPREAD, rng);
    }

    /// A peer is gone.
    pub fn down(&mut self, peer: Peer) {
        if let Some(state) = self.peers.get_mut(&peer) {
            (state.is_up, state.is_known) = (false, false);
        }
        let session = self.asking.remove(&peer);
        self.hosting.remove(&peer);
        self.unmet.retain(|(_, of), _| *of != peer);
        if let Some(fetching) = session.and_then(|session| session.fetching) {
            // Long due: at once.
            self.take_up(&fetching.author, Duration::ZERO);
        }
        self.wanted.down(peer);
    }

    /// A peer proved to be somebody whom the owner knows: it is asked now, unless it was lately, and first from now on.
    pub fn prefer(&mut self, peer: Peer, mono: Duration) {
        if let Some(state) = self.peers.get_mut(&peer) {
            state.is_known = true;
            state.next = state.next.min(state.rest.max(mono));
        }
    }

    /// Somebody new is kept: every peer is asked soon.
    pub fn hasten(&mut self, mono: Duration) {
        for state in self.peers.values_mut() {
            state.next = state.next.min(mono);
        }
        // A session under way does not know the newcomer.
        for session in self.asking.values_mut() {
            session.must_repeat = true;
        }
    }

    /// A peer asked for a log that is not here whole. Says whether this node asks for it from now on.
    pub fn want(&mut self, author: Key, peer: Peer, mono: Duration) -> bool {
        match self.wanted.ask(author, peer, mono) {
            Asked::Taken(victim) => {
                self.unmet.retain(|(of, _), _| Some(*of) != victim);
                true
            }
            Asked::Already | Asked::Refused => false,
        }
    }

    /// Lets go of what others asked for long ago; asks every peer sooner for what they asked for lately.
    pub fn look_after_wanted(&mut self, mono: Duration) {
        let over = self.wanted.expire(mono);
        if !over.is_empty() {
            self.unmet.retain(|(of, _), _| !over.contains(of));
        }
        let Self { wanted, marks, whole, peers, .. } = self;
        let is_missing = |key: &Key| marks.head_of(key).is_none_or(|head| whole.get(key) != Some(&head));
        if wanted.takes_round(mono, is_missing) {
            for state in peers.values_mut() {
                state.next = state.next.min(state.rest.max(mono));
            }
        }
    }

    /// A new head came by another way: soon it has to be seen whether what it counts came too.
    pub fn doubt(&mut self, author: Key, mono: Duration) {
        if self.peers.values().any(|state| state.is_up) && self.doubted.len() < KEPT_MAX {
            self.doubted.insert(author);
            self.look_at.get_or_insert(mono + SETTLE);
        }
    }

    /// The keys to look after now.
    pub fn take_doubted(&mut self, mono: Duration) -> BTreeSet<Key> {
        if self.look_at.is_none_or(|at| at > mono) {
            return BTreeSet::new();
        }
        self.look_at = None;
        std::mem::take(&mut self.doubted)
    }

    /// Something is missing: those peers are asked first that would have been anyway.
    pub fn seek_help(&mut self, mono: Duration) {
        let mut helpers: Vec<&mut PeerState> = self.peers.values_mut().filter(|state| state.is_up).collect();
        helpers.sort_by_key(|state| (!state.is_known, state.failures, state.rest, state.next));
        for state in helpers.into_iter().take(HELPERS) {
            state.next = state.next.min(state.rest.max(mono));
        }
    }

    /// A peer to begin a session with now.
    #[must_use]
    pub fn due(&self, mono: Duration) -> Option<Peer> {
        let has_room = self.asking.len() < ASKING_MAX;
        let is_due =
            |(peer, state): &(&Peer, &PeerState)| state.next <= mono && state.is_up && !self.asking.contains_key(*peer);
        if !has_room {
            return None;
        }
        self.peers
            .iter()
            .filter(is_due)
            .min_by_key(|(peer, state)| (!state.is_known, state.next, **peer))
            .map(|(peer, _)| *peer)
    }

    /// The next time at which something is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let has_room = self.asking.len() < ASKING_MAX;
        let peers = self
            .peers
            .iter()
            .filter(|(peer, state)| has_room && state.is_up && !self.asking.contains_key(*peer))
            .map(|(_, state)| state.next);
        let sessions = self.asking.values().map(|session| match session.wait {
            Wait::Answer { by, .. } => by,
            Wait::Until(at) => at,
        });
        peers.chain(sessions).chain(self.look_at).chain(self.wanted.round_at()).min()
    }

    /// Who was asked by an order that is not answered.
    #[must_use]
    pub fn asked_by(&self, order: OrderId) -> Option<Peer> {
        let is_it = |session: &Asking| matches!(session.wait, Wait::Answer { order: of, .. } if of == order);
        self.asking.iter().find(|(_, session)| is_it(session)).map(|(peer, _)| *peer)
    }

    /// Ends a session that went well.
    pub fn finish(&mut self, peer: Peer, mono: Duration, rng: &mut impl Rng) {
        let must_repeat = self.asking.remove(&peer).is_some_and(|session| session.must_repeat);
        // What others asked for waits for the usual session, or a round.
        let unmet = self.unmet.iter().filter(|((author, of), _)| *of == peer && !self.wanted.has(author));
        let again = unmet.map(|(_, unmet)| unmet.again).min();
        if let Some(state) = self.peers.get_mut(&peer) {
            state.failures = 0;
            state.rest = mono + REST;
            let usual = mono + PERIOD - PERIOD / 12 + below(PERIOD / 6, rng);
            let again = again.map(|at| at.max(mono + AGAIN_FIRST / 2));
            state.next = if must_repeat { mono } else { again.map_or(usual, |at| at.min(usual)) };
        }
    }

    /// Ends a session that did not, to be tried again later: after the given time, or after a wait that doubles.
    pub fn fail(&mut self, peer: Peer, mono: Duration, after: Option<Duration>, rng: &mut impl Rng) {
        if let Some(fetching) = self.asking.remove(&peer).and_then(|session| session.fetching) {
            self.take_up(&fetching.author, mono);
        }
        if let Some(state) = self.peers.get_mut(&peer) {
            state.failures = state.failures.saturating_add(1);
            let doubled = FAILED_FIRST.saturating_mul(1 << (state.failures - 1).min(10)).min(FAILED_MAX);
            let wait = after.unwrap_or(doubled).max(Duration::from_secs(1));
            state.next = mono + wait + below(wait / 4, rng);
            state.rest = state.next;
        }
    }

    /// Whether a log was seen to be whole up to its head.
    #[must_use]
    pub fn is_whole(&self, author: &Key, head: Order) -> bool {
        self.whole.get(author) == Some(&head)
    }

    /// Notes that a log is whole.
    pub fn set_whole(&mut self, author: Key, head: Order) {
        self.whole.insert(author, head);
        self.unmet.retain(|(of, _), _| *of != author);
    }

    /// Notes that a part of a log was given up.
    pub fn set_broken(&mut self, author: &Key) {
        self.whole.remove(author);
    }

    /// Notes that a peer did not have what a head counts.
    pub fn set_unmet(&mut self, author: Key, peer: Peer, head: Order, miss: Miss, mono: Duration) {
        let new = Unmet { head, attempts: 0, again: mono, miss, is_put_off: false };
        let unmet = self.unmet.entry((author, peer)).or_insert(new);
        unmet.attempts = if unmet.head == head { unmet.attempts.saturating_add(1) } else { 1 };
        (unmet.head, unmet.miss, unmet.is_put_off) = (head, miss, false);
        let patient = if miss == Miss::CatchingUp { PATIENT_TIMES } else { 1 };
        unmet.again =
            mono + AGAIN_FIRST.saturating_mul(1 << unmet.attempts.saturating_sub(patient).min(12)).min(AGAIN_MAX);
    }

    /// Notes that a peer is not asked for a log now, because another is under way with it.
    pub fn put_off(&mut self, author: Key, peer: Peer, head: Order, mono: Duration) {
        let new = Unmet { head, attempts: 0, again: mono, miss: Miss::CatchingUp, is_put_off: false };
        let unmet = self.unmet.entry((author, peer)).or_insert(new);
        if unmet.head != head {
            *unmet = new;
        }
        (unmet.is_put_off, unmet.again) = (true, mono + AGAIN_FIRST);
    }

    /// A log did not become whole by the session that was under way with it: those who were not asked for that are asked now.
    /// Each of them once, and whoever was asked in vain before still rests the longer for it: a log that nobody has whole
    /// would keep all of them busy for ever.
    pub fn take_up(&mut self, author: &Key, mono: Duration) {
        let Self { unmet, peers, asking, .. } = self;
        for ((_, peer), unmet) in unmet.iter_mut().filter(|((of, _), unmet)| of == author && unmet.is_put_off) {
            (unmet.is_put_off, unmet.again) = (false, mono);
            if let Some(session) = asking.get_mut(peer) {
                session.must_repeat = true;
            } else if let Some(state) = peers.get_mut(peer) {
                state.next = state.next.min(mono);
            }
        }
    }

    /// Whether a peer is only to be asked whether it has a log whole by now: it had not, and gave what it had.
    #[must_use]
    pub fn is_probed(&self, author: Key, peer: Peer, head: Order) -> bool {
        self.unmet.get(&(author, peer)).is_some_and(|unmet| {
            unmet.head == head && unmet.miss == Miss::CatchingUp && unmet.attempts % REAL_EACH != 0
        })
    }

    /// Whether a peer may be asked for a log: not if it was, for the same head, and lately.
    #[must_use]
    pub fn may_ask(&self, author: Key, peer: Peer, head: Order, mono: Duration) -> bool {
        self.unmet.get(&(author, peer)).is_none_or(|unmet| unmet.head != head || unmet.again <= mono)
    }
}

/// A time below a span, by chance.
fn below(span: Duration, rng: &mut impl Rng) -> Duration {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(rng.next_u64() % millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::SecretKey;
    use rand_core::SeedableRng as _;

    const SECOND: Duration = Duration::from_secs(1);

    /// A log that was being fetched from one peer is asked of the other as soon as the first turns out not to have it whole,
    /// and not after the wait for peers that lack a part.
    #[test]
    fn who_was_put_off_is_asked_when_the_other_had_not_all() {
        let rng = &mut rand_chacha::ChaCha8Rng::from_seed([7; 32]);
        let author = SecretKey::from_seed(&[3; 32]).public();
        let (part, whole) = (Peer(1), Peer(2));
        let mut sync = Sync::default();
        for peer in [part, whole] {
            sync.up(peer, Duration::ZERO, rng);
            sync.finish(peer, SECOND, rng);
        }
        let head: Order = (1, 1);
        sync.put_off(author, whole, head, SECOND);
        assert!(!sync.may_ask(author, whole, head, 2 * SECOND), "while another is asked");
        assert_eq!(sync.due(2 * SECOND), None);

        sync.set_unmet(author, part, head, Miss::CatchingUp, 2 * SECOND);
        sync.take_up(&author, 2 * SECOND);
        assert!(sync.may_ask(author, whole, head, 2 * SECOND));
        assert_eq!(sync.due(2 * SECOND), Some(whole));
        assert!(!sync.may_ask(author, part, head, 3 * SECOND), "who lacks a part rests");
        sync.set_unmet(author, whole, head, Miss::CatchingUp, 3 * SECOND);
        sync.finish(whole, 3 * SECOND, rng);
        sync.take_up(&author, 3 * SECOND);
        assert_eq!(sync.due(3 * SECOND), None, "each of them once");
    }

    /// Several peers, of whom none has a log whole, are asked in turn while the others are put off. The waits double all the
    /// same: being put off is no reason to forget how often one was asked in vain.
    #[test]
    fn who_is_put_off_again_and_again_is_asked_ever_less() {
        let author = SecretKey::from_seed(&[3; 32]).public();
        let head: Order = (1, 1);
        let mut sync = Sync::default();
        let mut asked = 0;
        for second in 0..24 * 3600_u64 {
            let mono = SECOND * u32::try_from(second).expect("a day");
            let due = (0..8).map(Peer).filter(|peer| sync.may_ask(author, *peer, head, mono));
            let due: Vec<Peer> = due.collect();
            let Some((first, rest)) = due.split_first() else { continue };
            for peer in rest {
                sync.put_off(author, *peer, head, mono);
            }
            asked += 1;
            sync.set_unmet(author, *first, head, Miss::CatchingUp, mono);
            sync.take_up(&author, mono);
        }
        // Each: four times after half a minute, then after one, two, four… minutes up to six hours.
        assert!((8 * 10..8 * 20).contains(&asked), "{asked} questions a day");
    }
}
