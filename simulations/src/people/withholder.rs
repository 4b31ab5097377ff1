//! Passes no gossip on, and answers sync with omissions.

use super::Person;
use crate::sync::Lie;
use crate::world::{Failure, NodeId, World};

/// Somebody who hides what they hold.
#[derive(Debug)]
pub struct Withholder {
    /// Their node.
    pub node: NodeId,
    /// How they lie.
    pub lie: Lie,
}

impl Person for Withholder {
    fn what(&self) -> &'static str {
        "withholder"
    }

    fn node(&self) -> NodeId {
        self.node
    }

    fn begin(&mut self, world: &mut World) -> Result<(), Failure> {
        world.make_liar(self.node, self.lie);
        world.silence(self.node);
        Ok(())
    }
}
