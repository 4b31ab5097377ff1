//! Who peers are, as far as they proved it: the state. What is sent and believed is in `service/proving`.

use crate::io::{OrderId, Peer};
use heirloom_proto::Key;
use heirloom_proto::identity::{Ask, BOXES_MAX, Ends};
use std::collections::{BTreeMap, BTreeSet};

/// Most friends: as many as one ask can name.
pub const FRIENDS_MAX: usize = BOXES_MAX;
/// Most asks that wait for an answer; above the connections that the adapter allows. Overflow: the peer is not asked.
const ASKED_MAX: usize = 256;

/// All of it. Nothing here outlives the process, and proofs do not outlive their connection.
#[derive(Debug, Default)]
pub struct Proving {
    /// To whom this node shows who it is.
    friends: BTreeSet<Key>,
    asked: BTreeMap<OrderId, (Peer, Ends, Ask)>,
    proved: BTreeMap<Peer, Key>,
}

impl Proving {
    /// Whom the owner named, the first [`FRIENDS_MAX`].
    pub fn set_friends(&mut self, friends: BTreeSet<Key>) {
        self.friends = friends.into_iter().take(FRIENDS_MAX).collect();
    }

    /// To whom this node shows who it is.
    #[must_use]
    pub fn friends(&self) -> &BTreeSet<Key> {
        &self.friends
    }

    /// Notes an ask. Says whether there was room.
    pub fn ask(&mut self, order: OrderId, peer: Peer, ends: Ends, ask: Ask) -> bool {
        let has_room = self.asked.len() < ASKED_MAX;
        if has_room {
            self.asked.insert(order, (peer, ends, ask));
        }
        has_room
    }

    /// The ask that was answered, or was not.
    pub fn take(&mut self, order: OrderId) -> Option<(Peer, Ends, Ask)> {
        self.asked.remove(&order)
    }

    /// A peer proved that it holds a key.
    pub fn prove(&mut self, peer: Peer, key: Key) {
        self.proved.insert(peer, key);
    }

    /// A peer is gone.
    pub fn down(&mut self, peer: Peer) {
        self.proved.remove(&peer);
        self.asked.retain(|_, (of, _, _)| *of != peer);
    }

    /// Peers with the keys that they proved to hold.
    #[must_use]
    pub fn proved(&self) -> Vec<(Peer, Key)> {
        self.proved.iter().map(|(peer, key)| (*peer, *key)).collect()
    }
}
