//! Speaks ill of honest people and of what they list.

use super::{Person, attest, honest::good, try_once, verdict};
use crate::world::{Failure, NodeId, World};
use heirloom_proto::Key;
use heirloom_proto::body::{Level, Opinion};

/// Somebody who slanders.
#[derive(Debug)]
pub struct Slanderer {
    /// Their node.
    pub node: NodeId,
    /// Whom they speak ill of.
    pub victims: Vec<Key>,
}

impl Person for Slanderer {
    fn what(&self) -> &'static str {
        "slanderer"
    }

    fn node(&self) -> NodeId {
        self.node
    }

    fn act(&mut self, world: &mut World) -> Result<(), Failure> {
        if self.victims.is_empty() || !world.dice().happens(200) {
            return Ok(());
        }
        let victim = self.victims[world.dice().index(self.victims.len())];
        try_once(world, self.node, attest(victim, Level::DISTRUST))?;
        try_once(world, self.node, verdict(good(), Opinion::Malware))
    }
}
