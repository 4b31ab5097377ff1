//! Floods its peers with statements that are valid, by keys that nobody knows, each used a few times.

use super::{Person, some_infohash};
use crate::hand::Hand;
use crate::world::{Failure, NodeId, World};
use heirloom_proto::Body;
use heirloom_proto::body::{Opinion, Verdict};
use std::time::Duration;

/// Statements of one key before the next is made up.
const WORDS_OF_A_KEY: u64 = 8;

/// Somebody who floods.
#[derive(Debug)]
pub struct Spammer {
    /// Their node.
    pub node: NodeId,
    /// Statements at a turn.
    pub words: u64,
    /// How long a turn is: they come evenly over it.
    pub turn: Duration,
    /// The key in use, and how often it was.
    pub hand: Hand,
    /// How many statements were sent.
    pub sent: u64,
}

impl Person for Spammer {
    fn what(&self) -> &'static str {
        "spammer"
    }

    fn node(&self) -> NodeId {
        self.node
    }

    fn act(&mut self, world: &mut World) -> Result<(), Failure> {
        let peers = world.peers_of(self.node);
        let pause = self.turn / u32::try_from(self.words.max(1) * 2).unwrap_or(u32::MAX);
        for _ in 0..self.words {
            if self.sent.is_multiple_of(WORDS_OF_A_KEY) {
                self.hand = Hand::new(world.dice().bytes());
            }
            self.sent += 1;
            let infohash = some_infohash(world.dice());
            let body = Body::Verdict(Verdict { infohash, opinion: Opinion::Good, note: "x".repeat(200) });
            let wall = world.wall();
            let said = self.hand.says(&body, wall);
            world.inject(self.node, &peers, &said);
            world.run_for(pause)?;
        }
        Ok(())
    }
}
