//! Populations: people of a world, each with what they do, drawn from the seed. Honest ones use their cores as their
//! owners would; the others cheat in one way each, with a core of their own or by signing by hand.

pub mod bad_curator;
pub mod clock_skewed;
pub mod duplicitous;
pub mod forker;
pub mod free_rider;
pub mod honest;
pub mod slanderer;
pub mod spammer;
pub mod sybil_ring;
pub mod withholder;

pub use bad_curator::BadCurator;
pub use clock_skewed::ClockSkewed;
pub use duplicitous::Duplicitous;
pub use forker::Forker;
pub use free_rider::FreeRider;
pub use honest::{Publisher, Reader};
pub use slanderer::Slanderer;
pub use spammer::Spammer;
pub use sybil_ring::SybilRing;
pub use withholder::Withholder;

use crate::dice::Dice;
use crate::world::{Failure, NodeId, World};
use heirloom_core::command::{Command, CommandError, Publish, Reply};
use heirloom_core::io::Metainfo;
use heirloom_proto::body::{Level, Opinion, Scope, WorkKind};
use heirloom_proto::{Infohash, Key, Sha256, WorkId};
use std::time::Duration;

/// Between two tries of somebody whose node does not answer.
const AGAIN: Duration = Duration::from_secs(5);
/// How long somebody goes on trying.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// Somebody with a node in a world.
pub trait Person: std::fmt::Debug {
    /// What they are.
    fn what(&self) -> &'static str;

    /// Their node.
    fn node(&self) -> NodeId;

    /// What they do when the world is young and fine, before anybody else has said much.
    ///
    /// # Errors
    /// [`Failure`] when a property broke, or they could not.
    fn begin(&mut self, _: &mut World) -> Result<(), Failure> {
        Ok(())
    }

    /// What they do at one of their turns.
    ///
    /// # Errors
    /// [`Failure`] when a property broke.
    fn act(&mut self, _: &mut World) -> Result<(), Failure> {
        Ok(())
    }
}

/// Asks a node until it answers, as people do, through crashes.
///
/// # Errors
/// [`Failure`] when a property broke, or it never carries the command out.
pub fn insist(world: &mut World, node: NodeId, command: &Command) -> Result<Reply, Failure> {
    let end = world.now() + PATIENCE;
    let mut last: Option<CommandError> = None;
    while world.now() < end {
        match world.ask(node, command.clone(), Duration::from_secs(60))? {
            Some(Ok(reply)) => return Ok(reply),
            Some(Err(error)) => last = Some(error),
            None => {}
        }
        world.run_for(AGAIN)?;
    }
    world.fail(format!("n{node} does not carry out {command:?}: {last:?}"))
}

/// Asks a node once, and cares for no answer.
///
/// # Errors
/// [`Failure`] when a property broke.
pub fn try_once(world: &mut World, node: NodeId, command: Command) -> Result<(), Failure> {
    world.ask(node, command, Duration::ZERO).map(|_| ())
}

/// An infohash that nobody has seen.
#[must_use]
pub fn some_infohash(dice: &mut Dice) -> Infohash {
    let digest = dice.bytes();
    let mut infohash = [0; 20];
    infohash.copy_from_slice(&digest[..20]);
    Infohash(infohash)
}

/// The film that everybody wants.
///
/// # Panics
/// Never: the id is well formed.
#[must_use]
pub fn film() -> WorkId {
    // PANIC: constant.
    "imdb:tt1254207".parse().expect("a work id")
}

/// Follows a key.
#[must_use]
pub fn follow(key: Key, level: Level) -> Command {
    Command::Follow { key, level, scope: Scope::All, alias: String::new(), preview: false }
}

/// Attests a key.
#[must_use]
pub fn attest(subject: Key, level: Level) -> Command {
    Command::Attest { subject, level, scope: Scope::All, reason: String::new(), lifetime: None, private: false }
}

/// Says what a release is.
#[must_use]
pub fn verdict(infohash: Infohash, opinion: Opinion) -> Command {
    Command::Verdict { infohash, opinion, note: String::new(), private: false }
}

/// Lists the film, from a path on one's disk.
#[must_use]
pub fn list_film() -> Command {
    Command::Publish(Publish {
        source: "film.mp4".into(),
        work: film(),
        title: Some("Big Buck Bunny".into()),
        year: Some(2008),
        kind: Some(WorkKind::Film),
        episode: None,
        season: None,
        map: Vec::new(),
        licence: "CC-BY-3.0".into(),
        resolution: "720p".into(),
        languages: Vec::new(),
        made: Box::default(),
        artwork: None,
        private: false,
    })
}

/// A torrent of that name and size.
#[must_use]
pub fn torrent(name: &str, size: u64) -> Metainfo {
    let digest = Sha256::of(name.as_bytes());
    let mut infohash = [0; 20];
    infohash.copy_from_slice(&digest.0[..20]);
    Metainfo {
        infohash: Infohash(infohash),
        info_sha256: Some(digest),
        name: name.to_owned(),
        size,
        files: vec![("film.mp4".to_owned(), size)],
        trackers: Vec::new(),
        web_seeds: Vec::new(),
    }
}
