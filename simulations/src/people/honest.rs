//! Honest people: publishers say what they found, readers follow them and fetch the film.

use super::{Person, film, follow, insist, list_film, some_infohash, torrent, try_once, verdict};
use crate::world::{Failure, NodeId, World};
use heirloom_core::command::{Command, Wanted};
use heirloom_proto::body::{Level, Opinion};
use heirloom_proto::{Infohash, Key};

/// Somebody whose word others wait for.
#[derive(Debug)]
pub struct Publisher {
    /// Their node.
    pub node: NodeId,
    /// What they have still to say.
    pub left: u64,
    /// Turns in which they may still say it.
    pub turns_left: u64,
    /// Whether they are who lists the film.
    pub has_film: bool,
}

/// Name of the good release of the film.
pub const GOOD: &str = "film";

/// The good release of the film.
#[must_use]
pub fn good() -> Infohash {
    torrent(GOOD, 0).infohash
}

impl Person for Publisher {
    fn what(&self) -> &'static str {
        "honest publisher"
    }

    fn node(&self) -> NodeId {
        self.node
    }

    fn begin(&mut self, world: &mut World) -> Result<(), Failure> {
        insist(world, self.node, &Command::SetProfile { name: Some(format!("Publisher {}", self.node)), url: None })?;
        if self.has_film {
            world.lay(self.node, "film.mp4", torrent(GOOD, 300_000), false);
            insist(world, self.node, &list_film())?;
        }
        Ok(())
    }

    fn act(&mut self, world: &mut World) -> Result<(), Failure> {
        let turns = self.turns_left.max(1);
        self.turns_left = turns - 1;
        // Evenly over the turns, by chance.
        let many = self.left / turns + u64::from(world.dice().below(turns) < self.left % turns);
        for _ in 0..many {
            let infohash = some_infohash(world.dice());
            if world.is_up(self.node) {
                self.left -= 1;
                try_once(world, self.node, verdict(infohash, Opinion::Good))?;
            }
        }
        Ok(())
    }
}

/// Somebody who follows, looks and fetches.
#[derive(Debug)]
pub struct Reader {
    /// Their node.
    pub node: NodeId,
    /// Whom they follow.
    pub follows: Vec<Key>,
    /// Whether they want the film.
    pub wants_film: bool,
    /// Turns that they had.
    pub turns: u64,
}

/// Turns between two at which somebody who wants the film surely asks for it; by chance they ask as often again. Without
/// these, one of eight would never have asked in the twenty turns of a short scenario.
const ASKS_EVERY: u64 = 10;

impl Person for Reader {
    fn what(&self) -> &'static str {
        "honest reader"
    }

    fn node(&self) -> NodeId {
        self.node
    }

    fn begin(&mut self, world: &mut World) -> Result<(), Failure> {
        for key in &self.follows {
            insist(world, self.node, &follow(*key, Level::HIGH))?;
            world.watch(self.node, *key);
        }
        Ok(())
    }

    fn act(&mut self, world: &mut World) -> Result<(), Failure> {
        self.turns += 1;
        if self.wants_film && (world.dice().happens(100) || self.turns.is_multiple_of(ASKS_EVERY)) {
            try_once(world, self.node, Command::Show { work: film(), wait: None, lines: 0 })?;
            if !world.is_seeding(self.node, &good()) {
                let command = Command::Get {
                    what: Wanted::Release(good()),
                    to: None,
                    anyway: true,
                    choice: heirloom_core::command::Choice::default(),
                };
                try_once(world, self.node, command)?;
            }
        }
        Ok(())
    }
}
