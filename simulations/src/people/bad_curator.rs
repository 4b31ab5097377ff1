//! A curator who is followed, then lists fakes, and is later found out.

use super::{Person, film, insist, list_film, torrent};
use crate::world::{Failure, NodeId, World};
use heirloom_core::command::{Command, Reply};
use heirloom_graph::Band;
use heirloom_proto::Infohash;
use heirloom_proto::body::{Level, Opinion};

/// Somebody who was trusted.
#[derive(Debug)]
pub struct BadCurator {
    /// Their node.
    pub node: NodeId,
    /// Turns before the fake.
    pub waits: u64,
}

impl BadCurator {
    /// The fake that they list.
    #[must_use]
    pub fn fake(&self) -> Infohash {
        torrent(&format!("bad {}", self.node), 0).infohash
    }

    /// A follower finds the fake out, and distrusts whoever listed it. Whether it is hidden afterwards.
    ///
    /// # Errors
    /// [`Failure`] when a property broke.
    pub fn found_out_by(&self, world: &mut World, reader: NodeId) -> Result<bool, Failure> {
        insist(world, reader, &super::verdict(self.fake(), Opinion::Fake))?;
        insist(world, reader, &super::attest(world.key(self.node), Level::DISTRUST))?;
        match insist(world, reader, &Command::Show { work: film(), wait: None, lines: 0 }) {
            Ok(Reply::Work(work)) => {
                let of_it = work.releases.iter().find(|release| release.infohash == self.fake());
                Ok(of_it.is_none_or(|release| release.band == Band::Distrusted))
            }
            Ok(other) => world.fail(format!("no work but {other:?}")),
            Err(failure) => Err(failure),
        }
    }
}

impl Person for BadCurator {
    fn what(&self) -> &'static str {
        "bad curator"
    }

    fn node(&self) -> NodeId {
        self.node
    }

    fn begin(&mut self, world: &mut World) -> Result<(), Failure> {
        insist(world, self.node, &Command::SetProfile { name: Some("Bad".into()), url: None })?;
        Ok(())
    }

    fn act(&mut self, world: &mut World) -> Result<(), Failure> {
        if self.waits == 0 || !world.is_up(self.node) {
            return Ok(());
        }
        self.waits -= 1;
        if self.waits == 0 {
            // Trusted until found out, so the checkers are not told that it is a fake.
            world.lay(self.node, "film.mp4", torrent(&format!("bad {}", self.node), 100_000), false);
            insist(world, self.node, &list_film())?;
        }
        Ok(())
    }
}
