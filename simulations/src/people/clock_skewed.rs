//! Honest, with a clock that is hours ahead or behind.

use super::{Person, Reader};
use crate::world::{Failure, NodeId, World};
use std::time::Duration;

/// Somebody whose clock is wrong.
#[derive(Debug)]
pub struct ClockSkewed {
    /// What they are otherwise.
    pub reader: Reader,
    /// How wrong.
    pub skew: Duration,
    /// Whether ahead.
    pub is_ahead: bool,
}

impl ClockSkewed {
    /// Sets the clock, before the node starts.
    pub fn set(&self, world: &mut World) {
        let (ahead, behind) = if self.is_ahead { (self.skew, Duration::ZERO) } else { (Duration::ZERO, self.skew) };
        world.set_clock(self.reader.node, ahead, behind);
    }
}

impl Person for ClockSkewed {
    fn what(&self) -> &'static str {
        "clock-skewed"
    }

    fn node(&self) -> NodeId {
        self.reader.node
    }

    fn begin(&mut self, world: &mut World) -> Result<(), Failure> {
        self.reader.begin(world)
    }

    fn act(&mut self, world: &mut World) -> Result<(), Failure> {
        // They speak too: what they say is from another day, and nobody is to blame for it.
        if world.dice().happens(200) {
            let infohash = super::some_infohash(world.dice());
            let command = super::verdict(infohash, heirloom_proto::body::Opinion::Good);
            super::try_once(world, self.reader.node, command)?;
        }
        self.reader.act(world)
    }
}
