//! Torrents: content on disks, sessions that seed and fetch, pieces split among whoever has them.

use crate::dice::Dice;
use crate::node::address;
use crate::world::NodeId;
use heirloom_core::io::{Metainfo, Share};
use heirloom_proto::{Infohash, Key};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a piece but the last.
pub(crate) const PIECE_BYTES: u64 = 16 << 10;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Session {
    /// The client name that it shows.
    wire_name: String,
}

/// How a fetch goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nobody who has the next piece is there.
    NoSeeder,
    /// A piece came.
    Piece(u32, Vec<Share>),
    /// It is all there.
    Complete,
    /// Nobody fetches it any more.
    Stopped,
}

#[derive(Debug, Default)]
pub(crate) struct Swarm {
    /// What lies under a path that a user may name.
    sources: BTreeMap<(NodeId, String), Infohash>,
    torrents: BTreeMap<Infohash, Metainfo>,
    /// Pieces on a node's disk. They outlive crashes.
    disks: BTreeMap<(NodeId, Infohash), BTreeSet<u32>>,
    sessions: BTreeMap<(NodeId, Infohash), Session>,
    /// Bytes that one node sent another of a release.
    sent: BTreeMap<(NodeId, NodeId, Infohash), u64>,
    /// Fetches during which the node crashed: a piece may be on its disk and in no ledger.
    disturbed: BTreeSet<(NodeId, Infohash)>,
    /// Who takes and never gives.
    free_riders: BTreeSet<NodeId>,
}

fn pieces(size: u64) -> u32 {
    u32::try_from(size.div_ceil(PIECE_BYTES)).unwrap_or(u32::MAX)
}

impl Swarm {
    /// Lays content under a path on a node's disk.
    pub(crate) fn lay(&mut self, node: NodeId, source: &str, metainfo: Metainfo) {
        self.disks.insert((node, metainfo.infohash), (0..pieces(metainfo.size)).collect());
        self.sources.insert((node, source.to_owned()), metainfo.infohash);
        self.torrents.insert(metainfo.infohash, metainfo);
    }

    /// Lets nobody have anything of a node.
    pub(crate) fn make_free_rider(&mut self, node: NodeId) {
        self.free_riders.insert(node);
    }

    pub(crate) fn prepare(&self, node: NodeId, source: &str) -> Option<Metainfo> {
        self.torrents.get(self.sources.get(&(node, source.to_owned()))?).cloned()
    }

    pub(crate) fn size_of(&self, infohash: &Infohash) -> Option<u64> {
        self.torrents.get(infohash).map(|metainfo| metainfo.size)
    }

    /// Begins to seed or fetch, under the node's name or none.
    pub(crate) fn join(&mut self, node: NodeId, infohash: Infohash, name: Option<Key>) {
        let wire_name = match name {
            Some(key) => format!("heirloom/0.1.0 {}", key.to_multibase()),
            None => "libtorrent/2.0.11".to_owned(),
        };
        self.sessions.insert((node, infohash), Session { wire_name });
    }

    /// Neither seeds nor fetches any longer.
    pub(crate) fn leave(&mut self, node: NodeId, infohash: Infohash) {
        self.sessions.remove(&(node, infohash));
    }

    pub(crate) fn has_all(&self, node: NodeId, infohash: &Infohash) -> bool {
        let Some(size) = self.size_of(infohash) else { return false };
        self.disks.get(&(node, *infohash)).is_some_and(|have| have.len() as u64 == u64::from(pieces(size)))
    }

    pub(crate) fn is_seeding(&self, node: NodeId, infohash: &Infohash) -> bool {
        self.sessions.contains_key(&(node, *infohash)) && self.has_all(node, infohash)
    }

    /// The next piece of a fetch.
    pub(crate) fn advance(&mut self, node: NodeId, infohash: Infohash, dice: &mut Dice) -> Progress {
        let Some(size) = self.size_of(&infohash) else { return Progress::NoSeeder };
        if !self.sessions.contains_key(&(node, infohash)) {
            return Progress::Stopped;
        }
        let have = self.disks.entry((node, infohash)).or_default();
        let Some(piece) = (0..pieces(size)).find(|piece| !have.contains(piece)) else { return Progress::Complete };
        let mut seeders: Vec<NodeId> = self
            .sessions
            .keys()
            .filter(|(other, of)| *other != node && *of == infohash)
            .map(|(other, _)| *other)
            .filter(|other| !self.free_riders.contains(other))
            .filter(|other| self.disks.get(&(*other, infohash)).is_some_and(|have| have.contains(&piece)))
            .collect();
        if seeders.is_empty() {
            return Progress::NoSeeder;
        }
        let len = (size - u64::from(piece) * PIECE_BYTES).min(PIECE_BYTES);
        let first = seeders.remove(dice.index(seeders.len()));
        let mut parts = vec![(first, len)];
        if !seeders.is_empty() && dice.happens(400) {
            // Two peers sent blocks of it.
            let of_second = dice.below(len);
            parts = vec![(first, len - of_second), (seeders[dice.index(seeders.len())], of_second)];
        }
        self.disks.entry((node, infohash)).or_default().insert(piece);
        let mut shares = Vec::new();
        for (from, bytes) in parts {
            *self.sent.entry((from, node, infohash)).or_default() += bytes;
            let wire_name = self.sessions.get(&(from, infohash)).map(|session| session.wire_name.clone());
            shares.push(Share { address: address(from), wire_name, bytes });
        }
        Progress::Piece(piece, shares)
    }

    pub(crate) fn sent(&self, from: NodeId, to: NodeId, infohash: &Infohash) -> u64 {
        self.sent.get(&(from, to, *infohash)).copied().unwrap_or(0)
    }

    /// Whether every byte of a fetch that is complete came in one undisturbed life.
    pub(crate) fn is_undisturbed(&self, node: NodeId, infohash: &Infohash) -> bool {
        self.has_all(node, infohash) && !self.disturbed.contains(&(node, *infohash))
    }

    /// A process ended: its sessions are gone, its disk is not.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.sessions.retain(|(of, _), _| *of != node);
        let fetched = self.disks.keys().filter(|(of, _)| *of == node).copied();
        self.disturbed.extend(fetched);
    }

    /// A disk is gone with all that was fetched.
    pub(crate) fn wipe(&mut self, node: NodeId) {
        self.disks.retain(|(of, _), _| *of != node);
        self.sources.retain(|(of, _), _| *of != node);
    }
}
