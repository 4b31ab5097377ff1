//! Takes what others give, and gives nothing: its client seeds not a byte.

use super::{Person, honest::good, try_once};
use crate::world::{Failure, NodeId, World};
use heirloom_core::command::{Command, Wanted};

/// Somebody who only takes.
#[derive(Debug)]
pub struct FreeRider {
    /// Their node.
    pub node: NodeId,
}

impl Person for FreeRider {
    fn what(&self) -> &'static str {
        "free rider"
    }

    fn node(&self) -> NodeId {
        self.node
    }

    fn begin(&mut self, world: &mut World) -> Result<(), Failure> {
        world.make_free_rider(self.node);
        Ok(())
    }

    fn act(&mut self, world: &mut World) -> Result<(), Failure> {
        if world.is_seeding(self.node, &good()) {
            return Ok(());
        }
        try_once(
            world,
            self.node,
            Command::Get {
                what: Wanted::Release(good()),
                to: None,
                anyway: true,
                choice: heirloom_core::command::Choice::default(),
            },
        )
    }
}
