//! Works looked up among strangers: whom a seek has met, who was asked, and what is still awaited.
//!
//! A seek belongs to a work, and to every lookup of it at that time. It must not know the store, nor the DHT:
//! `service/lookup.rs` asks and reads.

use crate::io::{OrderId, Peer};
use heirloom_proto::WorkId;
use heirloom_proto::lookup::Request;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a lookup that has nothing trusted waits for strangers: a second or two for the DHT, then a handshake and
/// two round trips. What comes later is there for the next one.
pub const STRANGERS_WAIT: Duration = Duration::from_secs(3);
/// Peers asked by one seek: with 30 KiB each, 240 KiB and some 25 ms of signatures.
pub const ASKED_MAX: usize = 8;
/// Ids of a work under which one seek looks: a work is listed under the one that its curator pasted, mostly IMDb's.
pub const IDS_SOUGHT_MAX: usize = 4;
/// Least time between two seeks for one work: some 40 requests each, of the 20 a second that a node may make.
pub const SEEK_GAP: Duration = Duration::from_secs(5);
/// How long the answers of a seek are awaited. Above what the adapters take for the DHT, dials and questions.
pub const SEEK_MAX: Duration = Duration::from_secs(45);
/// Seeks under way or lately over; of one more the lookup does without.
pub const SEEKS_MAX: usize = 64;

/// Names a seek.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeekId(pub u64);

/// One search for those who list a work.
#[derive(Debug)]
pub struct Seek {
    /// What is asked.
    pub request: Request,
    begun: Duration,
    /// Orders to find peers that are not over.
    finding: BTreeSet<OrderId>,
    /// Questions that are not answered, and to whom.
    asks: BTreeMap<OrderId, Peer>,
    /// Everybody who was asked.
    asked: BTreeSet<Peer>,
}

impl Seek {
    /// Whether nothing more will come of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.finding.is_empty() && self.asks.is_empty()
    }
}

/// All seeks.
#[derive(Debug, Default)]
pub struct Seeking {
    seeks: BTreeMap<SeekId, Seek>,
    last: u64,
}

impl Seeking {
    /// The seek of that name, unless it was forgotten.
    #[must_use]
    pub fn get(&self, seek: SeekId) -> Option<&Seek> {
        self.seeks.get(&seek)
    }

    /// Whether a seek may still bring something.
    #[must_use]
    pub fn is_open(&self, seek: SeekId) -> bool {
        self.seeks.get(&seek).is_some_and(|seek| !seek.is_over())
    }

    /// The seek for a work that was begun less than [`SEEK_GAP`] ago, or is not over.
    #[must_use]
    pub fn recent(&self, work: &WorkId, mono: Duration) -> Option<SeekId> {
        let is_recent = |seek: &Seek| !seek.is_over() || seek.begun + SEEK_GAP > mono;
        let of_work = self.seeks.iter().filter(|(_, seek)| seek.request.ids().contains(work));
        of_work.filter(|(_, seek)| is_recent(seek)).map(|(id, _)| *id).next_back()
    }

    /// Begins a seek that consists of these orders; `None` when there are as many as there may be.
    pub fn begin(
        &mut self,
        request: Request,
        finding: impl IntoIterator<Item = OrderId>,
        mono: Duration,
    ) -> Option<SeekId> {
        if self.seeks.len() >= SEEKS_MAX {
            self.seeks.retain(|_, seek| !seek.is_over());
        }
        if self.seeks.len() >= SEEKS_MAX {
            return None;
        }
        self.last += 1;
        let (asks, asked) = (BTreeMap::new(), BTreeSet::new());
        let seek = Seek { request, begun: mono, finding: finding.into_iter().collect(), asks, asked };
        self.seeks.insert(SeekId(self.last), seek);
        Some(SeekId(self.last))
    }

    /// Whether a peer that an order met is to be asked, and by which seek: each once, and [`ASKED_MAX`] in all.
    pub fn met(&mut self, order: OrderId, peer: Peer) -> Option<SeekId> {
        let (id, seek) = self.seeks.iter_mut().find(|(_, seek)| seek.finding.contains(&order))?;
        (seek.asked.len() < ASKED_MAX && seek.asked.insert(peer)).then_some(*id)
    }

    /// Notes a question.
    pub fn ask(&mut self, seek: SeekId, order: OrderId, peer: Peer) {
        if let Some(seek) = self.seeks.get_mut(&seek) {
            seek.asks.insert(order, peer);
        }
    }

    /// An order to find peers is over; says of which seek.
    pub fn found(&mut self, order: OrderId) -> Option<SeekId> {
        self.seeks.iter_mut().find_map(|(id, seek)| seek.finding.remove(&order).then_some(*id))
    }

    /// A question was answered, or failed; says of which seek it was, and whom it was put to.
    pub fn answered(&mut self, order: OrderId) -> Option<(SeekId, Peer)> {
        self.seeks.iter_mut().find_map(|(id, seek)| seek.asks.remove(&order).map(|peer| (*id, peer)))
    }

    /// Ends seeks that took too long, and forgets those that are over for long; says which ended.
    pub fn expire(&mut self, mono: Duration) -> Vec<SeekId> {
        let late = |seek: &Seek| seek.begun + SEEK_MAX <= mono;
        let ended = self.seeks.iter().filter(|(_, seek)| late(seek) && !seek.is_over()).map(|(id, _)| *id).collect();
        self.seeks.retain(|_, seek| !late(seek));
        ended
    }

    /// When the next seek takes too long.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.seeks.values().map(|seek| seek.begun + SEEK_MAX).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: u32) -> (WorkId, Request) {
        let work: WorkId = format!("imdb:tt{:07}", number + 1).parse().expect("an id");
        (work.clone(), Request::about([work]).expect("one"))
    }

    #[test]
    fn each_peer_is_asked_once_and_only_so_many() {
        let mut seeking = Seeking::default();
        let seek = seeking.begin(request(1).1, [OrderId(1), OrderId(2)], Duration::ZERO).expect("room");
        assert_eq!(seeking.met(OrderId(1), Peer(0)), Some(seek));
        assert_eq!(seeking.met(OrderId(2), Peer(0)), None, "under another id too");
        assert_eq!(seeking.met(OrderId(3), Peer(1)), None, "nobody asked for it");
        let asked = (0..100).filter(|n| seeking.met(OrderId(1), Peer(*n)).is_some()).count();
        assert_eq!(asked + 1, ASKED_MAX);
    }

    #[test]
    fn it_is_over_when_everybody_was_found_and_has_answered() {
        let mut seeking = Seeking::default();
        let (work, request) = request(1);
        let seek = seeking.begin(request, [OrderId(1)], Duration::ZERO).expect("room");
        seeking.met(OrderId(1), Peer(1));
        seeking.ask(seek, OrderId(2), Peer(1));
        assert_eq!(seeking.found(OrderId(1)), Some(seek));
        assert!(seeking.is_open(seek));
        assert_eq!(seeking.answered(OrderId(2)), Some((seek, Peer(1))));
        assert_eq!(seeking.answered(OrderId(2)), None, "once");
        assert!(!seeking.is_open(seek));
        assert_eq!(seeking.recent(&work, SEEK_GAP / 2), Some(seek));
        assert_eq!(seeking.recent(&work, SEEK_GAP), None);
        assert_eq!(seeking.expire(SEEK_MAX), []);
        assert_eq!(seeking.next_due(), None, "forgotten");
    }

    #[test]
    fn seeks_are_bounded_and_silence_ends_them() {
        let mut seeking = Seeking::default();
        let begun =
            (0..200).filter(|n| seeking.begin(request(*n).1, [OrderId(u64::from(*n))], Duration::ZERO).is_some());
        assert_eq!(begun.count(), SEEKS_MAX);
        assert_eq!(seeking.expire(SEEK_MAX).len(), SEEKS_MAX);
        assert!(seeking.begin(request(1).1, [OrderId(1)], SEEK_MAX).is_some());
    }
}
