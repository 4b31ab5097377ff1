//! The network between nodes: who reaches whom, how long it takes, what is lost, doubled or late, and how many bytes
//! each node sent and received.

use crate::dice::Dice;
use crate::faults::Faults;
use crate::world::NodeId;
use std::time::Duration;

/// Bytes that transport and protocols add to a message: addresses, acknowledgements, authentication (an estimate).
pub const OVERHEAD_BYTES: u64 = 80;
/// A line that is so far behind drops what comes in addition.
const BACKLOG_MAX: Duration = Duration::from_secs(5);
/// A message that overtakes none of its followers is late by at most so many times the longest usual latency.
const LATE_TIMES: u32 = 4;

/// What a message carries, for the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    Gossip,
    Sync,
    Lookup,
}

/// What a node sent and received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes of gossip received.
    pub gossip_in: u64,
    /// Bytes of gossip sent.
    pub gossip_out: u64,
    /// Bytes of sync received.
    pub sync_in: u64,
    /// Bytes of sync sent.
    pub sync_out: u64,
    /// Bytes received of questions about works, and of answers.
    pub lookup_in: u64,
    /// Bytes sent of them.
    pub lookup_out: u64,
    /// Orders to store in the DHT.
    pub dht_puts: u64,
    /// Orders to find in the DHT.
    pub dht_gets: u64,
    /// Messages of gossip received, copies included.
    pub messages_in: u64,
}

impl Traffic {
    /// All bytes of libp2p, both ways.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.gossip_in + self.gossip_out + self.sync_in + self.sync_out + self.lookup_in + self.lookup_out
    }
}

#[derive(Debug)]
pub(crate) struct Network {
    /// Nodes of different groups do not reach each other.
    groups: Vec<u8>,
    up_free: Vec<Duration>,
    down_free: Vec<Duration>,
    pub(crate) traffic: Vec<Traffic>,
}

impl Network {
    pub(crate) fn new(nodes: usize) -> Self {
        let free = vec![Duration::ZERO; nodes];
        Self {
            groups: vec![0; nodes],
            up_free: free.clone(),
            down_free: free,
            traffic: vec![Traffic::default(); nodes],
        }
    }

    pub(crate) fn put_into_group(&mut self, node: NodeId, group: u8) {
        self.groups[node] = group;
    }

    /// Whether a partition lies between two nodes.
    pub(crate) fn is_cut(&self, faults: &Faults, a: NodeId, b: NodeId) -> bool {
        (faults.is_split && a % 2 != b % 2) || self.groups[a] != self.groups[b]
    }

    /// How much longer than its latency a message takes on the lines of both ends; `None`: one of them drops it.
    pub(crate) fn queue(
        &mut self,
        now: Duration,
        from: NodeId,
        to: NodeId,
        len: usize,
        faults: &Faults,
    ) -> Option<Duration> {
        if faults.bytes_per_s == 0 {
            return Some(Duration::ZERO);
        }
        let bytes = len as u64 + OVERHEAD_BYTES;
        let takes = Duration::from_micros(bytes.saturating_mul(1_000_000) / faults.bytes_per_s);
        let sent = self.up_free[from].max(now) + takes;
        let heard = self.down_free[to].max(sent) + takes;
        if heard > now + BACKLOG_MAX {
            return None;
        }
        (self.up_free[from], self.down_free[to]) = (sent, heard);
        Some(heard - now)
    }

    /// Books a message that was sent and arrives.
    pub(crate) fn book(&mut self, from: NodeId, to: NodeId, len: usize, carried: Carried) {
        let bytes = len as u64 + OVERHEAD_BYTES;
        match carried {
            Carried::Gossip => {
                self.traffic[from].gossip_out += bytes;
                self.traffic[to].gossip_in += bytes;
                self.traffic[to].messages_in += 1;
            }
            Carried::Sync => {
                self.traffic[from].sync_out += bytes;
                self.traffic[to].sync_in += bytes;
            }
            Carried::Lookup => {
                self.traffic[from].lookup_out += bytes;
                self.traffic[to].lookup_in += bytes;
            }
        }
    }
}

/// When copies of a message arrive, after it was sent: one usually, two when it is doubled.
pub(crate) fn arrivals(faults: &Faults, dice: &mut Dice) -> Vec<Duration> {
    let mut after = dice.between(faults.latency);
    if faults.reordering > 0 && dice.happens(faults.reordering) {
        after += dice.between((Duration::ZERO, faults.latency.1 * LATE_TIMES));
    }
    let mut all = vec![after];
    if faults.duplication > 0 && dice.happens(faults.duplication) {
        all.push(after + dice.between((Duration::ZERO, faults.latency.1 * LATE_TIMES)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_line_delays_and_then_drops() {
        let faults = Faults { bytes_per_s: 10_000, ..Faults::NONE };
        let mut network = Network::new(3);
        let now = Duration::from_secs(9);
        let first = network.queue(now, 0, 1, 920, &faults).expect("the line is free");
        assert_eq!(first, Duration::from_millis(200), "a tenth of a second on either line");
        let second = network.queue(now, 0, 2, 920, &faults).expect("there is room");
        assert_eq!(second, Duration::from_millis(300), "behind the first on the way out");
        let taken = (0..200).filter(|_| network.queue(now, 0, 1, 920, &faults).is_some()).count();
        assert!((40..50).contains(&taken), "five seconds of backlog, not {taken} messages");
        assert!(network.queue(now + BACKLOG_MAX * 2, 0, 1, 920, &faults).is_some(), "it empties");
    }

    #[test]
    fn a_partition_lies_between_groups_and_halves() {
        let mut network = Network::new(4);
        assert!(!network.is_cut(&Faults::NONE, 0, 1));
        assert!(network.is_cut(&Faults { is_split: true, ..Faults::NONE }, 0, 1));
        network.put_into_group(2, 1);
        assert!(network.is_cut(&Faults::NONE, 0, 2) && !network.is_cut(&Faults::NONE, 0, 1));
    }

    #[test]
    fn doubled_and_late_messages_arrive() {
        let mut dice = Dice::of(1);
        let faults = Faults { duplication: 1000, reordering: 1000, ..Faults::NONE };
        let (_, most) = faults.latency;
        let many: Vec<Vec<Duration>> = (0..100).map(|_| arrivals(&faults, &mut dice)).collect();
        assert!(many.iter().all(|copies| copies.len() == 2 && copies[0] <= copies[1]));
        assert!(many.iter().any(|copies| copies[0] > most), "some are overtaken");
        assert!(arrivals(&Faults::NONE, &mut dice)[0] <= most);
    }
}
