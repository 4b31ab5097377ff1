//! Forks its own log: two statements with one number, one for either half of its peers. By the rule the lower id wins
//! everywhere; its head counts what wins.

use super::{Person, some_infohash};
use crate::hand::Hand;
use crate::world::{Failure, NodeId, World};
use heirloom_proto::Body;
use heirloom_proto::body::{Opinion, Verdict};

/// Somebody who forks.
#[derive(Debug)]
pub struct Forker {
    /// The node behind which they speak.
    pub node: NodeId,
    /// Their key.
    pub hand: Hand,
}

impl Forker {
    /// Says something that all may hold alike, and the head over everything.
    pub fn settles(&mut self, world: &mut World) {
        let (peers, wall) = (world.peers_of(self.node), world.wall());
        let head = self.hand.head(wall);
        world.inject(self.node, &peers, &head);
    }
}

impl Person for Forker {
    fn what(&self) -> &'static str {
        "forker"
    }

    fn node(&self) -> NodeId {
        self.node
    }

    fn act(&mut self, world: &mut World) -> Result<(), Failure> {
        if !world.dice().happens(200) {
            return Ok(());
        }
        let (mut peers, wall) = (world.reached_from(self.node), world.wall());
        if peers.len() < 2 {
            return Ok(());
        }
        let infohash = some_infohash(world.dice());
        let verdict = |note: &str| Body::Verdict(Verdict { infohash, opinion: Opinion::Good, note: note.to_owned() });
        let one = self.hand.says(&verdict("to one half"), wall);
        // Another release half of the time: another place with the same number.
        let elsewhere = some_infohash(world.dice());
        let other = if world.dice().happens(500) {
            verdict("to the other half")
        } else {
            Body::Verdict(Verdict { infohash: elsewhere, opinion: Opinion::Fake, note: String::new() })
        };
        let other = self.hand.says_as(&other, one.header().seq, wall);
        if other.id() < one.id() {
            self.hand.takes_back(&one);
            self.hand.stands_by(&other);
        }
        let half = peers.split_off(peers.len() / 2);
        world.inject(self.node, &peers, &one);
        world.inject(self.node, &half, &other);
        self.settles(world);
        Ok(())
    }
}
