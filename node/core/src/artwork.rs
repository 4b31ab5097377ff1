//! Pictures of works: which are wanted, whom to ask for them, and which are given to others. Bytes and decoding are the
//! adapter's.
//!
//! A picture is wanted for what a trusted or vouched key says of a work, not for what the owner looks at: what a node
//! answers with must not tell that. The newest are fetched before anybody looks; one that the owner looks at may come
//! beside them, and is given to nobody.

use crate::io::{OrderId, Peer};
use heirloom_proto::Sha256;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Pictures that are kept without being looked at, and given to others: those that trusted keys named last. At 512 KiB each
/// they take half a gigabyte, mostly a tenth of that.
pub const OFFERED_MAX: usize = 1_000;
/// Pictures that the owner looked at and that are looked for; the oldest wish goes first.
pub const LOOKED_MAX: usize = 64;
/// Questions under way at once: two megabytes of answers.
pub const ASKS_MAX: usize = 4;
/// Time between two questions to one peer: a quarter of what a peer may ask.
pub const ASK_GAP: Duration = Duration::from_secs(2);
/// The gap doubles with each picture that a peer does not have, so often.
const DOUBLINGS_MAX: u32 = 5;
/// Time between two looks at what is wanted.
pub const PLAN_PERIOD: Duration = Duration::from_secs(30);
/// The same after something changed.
const PLAN_SOON: Duration = Duration::from_secs(1);
/// After this, peers that did not have a picture are asked for it again.
const ASK_AGAIN: Duration = Duration::from_secs(1800);
/// Digests whose bytes turned out to be no picture, or went for want of room, that are remembered; more forgets all.
const PASSED_OVER_MAX: usize = 10_000;

/// How a peer is asked.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// When it may be asked next; `None`: there is nothing to ask it for.
    next_at: Option<Duration>,
    misses: u32,
    is_asked: bool,
}

/// What is known of pictures.
#[derive(Debug, Default)]
pub struct Artwork {
    peers: BTreeMap<Peer, Pace>,
    /// Files that are here, and are pictures.
    here: BTreeSet<Sha256>,
    passed_over: BTreeSet<Sha256>,
    /// What trusted keys named, the newest first, and the owner.
    offered: BTreeSet<Sha256>,
    /// Of these and of what was looked at: what is not here, the most wanted first.
    missing: Vec<Sha256>,
    looked: VecDeque<Sha256>,
    /// Who did not have which.
    refused: BTreeSet<(Sha256, Peer)>,
    forget_refusals_at: Duration,
    asks: BTreeMap<OrderId, (Sha256, Peer)>,
    planned_at: Option<Duration>,
    is_changed: bool,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The picture came, and is kept.
    Got,
    /// The peer does not have it.
    Absent,
    /// The peer sent other bytes: it must have known.
    Wrong,
    /// The bytes are those, and are no picture within the limits: their author's fault.
    Unreadable,
    /// No answer. `true`: the peer speaks no such protocol.
    Failed(bool),
}

impl Artwork {
    /// A peer is connected.
    pub fn up(&mut self, peer: Peer, mono: Duration) {
        self.peers.insert(peer, Pace { next_at: Some(mono), ..Pace::default() });
    }

    /// A peer is gone.
    pub fn down(&mut self, peer: Peer) {
        self.peers.remove(&peer);
        self.refused.retain(|(_, of)| *of != peer);
    }

    /// Files are here.
    pub fn arrived(&mut self, digests: impl IntoIterator<Item = Sha256>) {
        for digest in digests {
            self.passed_over.remove(&digest);
            self.here.insert(digest);
        }
        self.is_changed = true;
    }

    /// Files went for want of room. They are not fetched again, or the room would be wanted again.
    pub fn gone(&mut self, digests: impl IntoIterator<Item = Sha256>) {
        for digest in digests {
            self.here.remove(&digest);
            self.pass_over(digest);
        }
    }

    fn pass_over(&mut self, digest: Sha256) {
        if self.passed_over.len() >= PASSED_OVER_MAX {
            self.passed_over.clear();
        }
        self.passed_over.insert(digest);
        self.missing.retain(|of| *of != digest);
    }

    /// The owner looks at one that is not here.
    pub fn looked_at(&mut self, digest: Sha256) {
        if self.here.contains(&digest) || self.looked.contains(&digest) {
            return;
        }
        if self.looked.len() >= LOOKED_MAX {
            self.looked.pop_front();
        }
        self.looked.push_back(digest);
        self.is_changed = true;
    }

    /// Something was said that may name pictures.
    pub fn changed(&mut self) {
        self.is_changed = true;
    }

    /// Whether what is wanted is to be thought over.
    #[must_use]
    pub fn is_plan_due(&self, mono: Duration) -> bool {
        self.plan_due().is_some_and(|at| at <= mono)
    }

    fn plan_due(&self) -> Option<Duration> {
        let gap = if self.is_changed { PLAN_SOON } else { PLAN_PERIOD };
        // Without peers nothing can be asked for, and nobody asks.
        (!self.peers.is_empty()).then(|| self.planned_at.map_or(Duration::ZERO, |at| at + gap))
    }

    /// Digests that trusted keys name, the newest first, and those among what was looked at that they name.
    pub fn plan(&mut self, mono: Duration, named: &[Sha256], admits: impl Fn(&Sha256) -> bool) {
        self.planned_at = Some(mono);
        self.is_changed = false;
        if mono >= self.forget_refusals_at {
            self.forget_refusals_at = mono + ASK_AGAIN;
            self.refused.clear();
        }
        let here = &self.here;
        self.looked.retain(|digest| admits(digest) && !here.contains(digest));
        self.offered = named.iter().take(OFFERED_MAX).copied().collect();
        let is_missing = |digest: &&Sha256| !here.contains(*digest) && !self.passed_over.contains(*digest);
        let wishes = self.looked.iter().rev().filter(|digest| !here.contains(*digest));
        let ahead = named.iter().take(OFFERED_MAX).filter(is_missing);
        let mut seen = BTreeSet::new();
        self.missing = wishes.chain(ahead).filter(|digest| seen.insert(**digest)).copied().collect();
        for pace in self.peers.values_mut().filter(|pace| !pace.is_asked) {
            pace.next_at = pace.next_at.or(Some(mono));
        }
    }

    /// Nobody is asked for a while: something is short.
    pub fn rest(&mut self, mono: Duration) {
        for next_at in self.peers.values_mut().filter_map(|pace| pace.next_at.as_mut()) {
            *next_at = (*next_at).max(mono + PLAN_PERIOD);
        }
    }

    /// Whom to ask for what now, if anybody.
    pub fn next_ask(&mut self, mono: Duration) -> Option<(Peer, Sha256)> {
        if self.asks.len() >= ASKS_MAX {
            return None;
        }
        let due: Vec<Peer> = self
            .peers
            .iter()
            .filter(|(_, pace)| !pace.is_asked && pace.next_at.is_some_and(|at| at <= mono))
            .map(|(peer, _)| *peer)
            .collect();
        for peer in due {
            let is_asked_for = |digest: &Sha256| self.asks.values().any(|(of, _)| of == digest);
            let wanted = self.missing.iter().find(|digest| {
                !is_asked_for(digest) && !self.refused.contains(&(**digest, peer)) && !self.here.contains(*digest)
            });
            if let Some(wanted) = wanted.copied() {
                return Some((peer, wanted));
            }
            if let Some(pace) = self.peers.get_mut(&peer) {
                pace.next_at = None;
            }
        }
        None
    }

    /// Notes that a peer is asked.
    pub fn asked(&mut self, order: OrderId, peer: Peer, digest: Sha256) {
        self.asks.insert(order, (digest, peer));
        if let Some(pace) = self.peers.get_mut(&peer) {
            pace.is_asked = true;
        }
    }

    /// Notes what became of it: who was asked, for what.
    pub fn ended(&mut self, mono: Duration, order: OrderId, outcome: Outcome) -> Option<(Peer, Sha256)> {
        let (digest, peer) = self.asks.remove(&order)?;
        match outcome {
            Outcome::Got => {
                self.here.insert(digest);
                self.missing.retain(|of| *of != digest);
            }
            Outcome::Unreadable => {
                self.looked.retain(|of| *of != digest);
                self.pass_over(digest);
            }
            Outcome::Absent | Outcome::Failed(false) => {
                self.refused.insert((digest, peer));
            }
            // Such a peer is asked for nothing more while it is connected.
            Outcome::Wrong | Outcome::Failed(true) => {
                self.peers.remove(&peer);
            }
        }
        if let Some(pace) = self.peers.get_mut(&peer) {
            pace.is_asked = false;
            let is_useful = matches!(outcome, Outcome::Got | Outcome::Unreadable);
            pace.misses = if is_useful { 0 } else { (pace.misses + 1).min(DOUBLINGS_MAX) };
            pace.next_at = Some(mono + ASK_GAP * 2_u32.pow(pace.misses));
        }
        // Somebody else may be free to be asked for it.
        for pace in self.peers.values_mut().filter(|pace| !pace.is_asked) {
            pace.next_at = pace.next_at.or(Some(mono));
        }
        Some((peer, digest))
    }

    /// Whether it is here, and given to whoever asks.
    #[must_use]
    pub fn is_given(&self, digest: &Sha256) -> bool {
        self.here.contains(digest) && self.offered.contains(digest)
    }

    /// When something is due next.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let may_ask = !self.missing.is_empty() && self.asks.len() < ASKS_MAX;
        let asks = self.peers.values().filter(|pace| may_ask && !pace.is_asked).filter_map(|pace| pace.next_at).min();
        asks.into_iter().chain(self.plan_due()).min()
    }
}
