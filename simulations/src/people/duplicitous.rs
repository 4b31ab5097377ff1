//! Commits to two different next keys in one generation: what convicts a key for good.

use super::Person;
use crate::hand::Hand;
use crate::world::{Failure, NodeId, World};
use heirloom_proto::body::Profile;
use heirloom_proto::{Body, Sha256};

/// Somebody who contradicts themselves.
#[derive(Debug)]
pub struct Duplicitous {
    /// The node behind which they speak.
    pub node: NodeId,
    /// Their key.
    pub hand: Hand,
    /// Turns before they do it.
    pub waits: u64,
}

fn profile(commits_to: u8) -> Body {
    Body::Profile(Profile { name: "Janus".into(), url: String::new(), next_key_hash: Sha256([commits_to; 32]) })
}

impl Person for Duplicitous {
    fn what(&self) -> &'static str {
        "duplicitous"
    }

    fn node(&self) -> NodeId {
        self.node
    }

    fn act(&mut self, world: &mut World) -> Result<(), Failure> {
        if self.waits == 0 {
            return Ok(());
        }
        let (mut peers, wall) = (world.reached_from(self.node), world.wall());
        // With nobody to tell the one and the other, it waits.
        if self.waits > 1 || peers.len() > 1 {
            self.waits -= 1;
        }
        if self.waits > 0 {
            return Ok(());
        }
        let half = peers.split_off(peers.len() / 2);
        world.note_duplicity(self.hand.key());
        for (to, commits_to) in [(&peers, 1), (&half, 2)] {
            let said = self.hand.says(&profile(commits_to), wall);
            world.inject(self.node, to, &said);
        }
        Ok(())
    }
}
