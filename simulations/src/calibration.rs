//! A small scenario that five real nodes play too: who is admitted, and in which order. What the simulator says of it is
//! committed as `simulations/calibration.json`; `tests/tests/story/calibration.rs` holds real processes against that file.
//!
//! Alice and Carol list a release of the film each, and so does Dave, whose is a fake and who speaks ill of Alice. Bob
//! follows Alice and attests Carol. Erin, who is new, follows Alice and Bob, looks, finds Dave's out, and looks again.

use crate::people::{attest, film, follow, insist, list_film, torrent, verdict};
use crate::world::{Failure, NodeId, World};
use heirloom_core::command::{Command, Reply};
use heirloom_proto::body::{Level, Opinion};
use serde_json::{Value, json};
use std::time::Duration;

const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
const ALICE: NodeId = 0;
const BOB: NodeId = 1;
const CAROL: NodeId = 2;
const DAVE: NodeId = 3;
const ERIN: NodeId = 4;

/// Plays it.
///
/// # Errors
/// [`Failure`] when a property broke, or something did not come about.
pub fn outcome(seed: u64) -> Result<Value, Failure> {
    let mut world = World::new(seed, NAMES.len(), 0, false);
    world.without_dht();
    world.boot_all();
    world.run_for(Duration::from_secs(10))?;
    for node in [ALICE, CAROL, DAVE] {
        world.lay(node, "film.mp4", torrent(NAMES[node], 200_000), false);
        insist(&mut world, node, &list_film())?;
    }
    let key = [ALICE, BOB, CAROL].map(|node| world.key(node));
    insist(&mut world, DAVE, &attest(key[ALICE], Level::DISTRUST))?;
    insist(&mut world, BOB, &follow(key[ALICE], Level::HIGH))?;
    insist(&mut world, BOB, &attest(key[CAROL], Level::HIGH))?;
    for friend in [ALICE, BOB] {
        insist(&mut world, ERIN, &follow(key[friend], Level::HIGH))?;
    }
    world.run_for(Duration::from_secs(60))?;
    let before = seen(&mut world)?;
    insist(&mut world, ERIN, &verdict(torrent(NAMES[DAVE], 0).infohash, Opinion::Fake))?;
    let after = seen(&mut world)?;
    world.audit()?;
    Ok(json!({ "before": before, "after": after }))
}

/// What Erin sees, best first: whose release, in which band.
fn seen(world: &mut World) -> Result<Vec<[String; 2]>, Failure> {
    match insist(world, ERIN, &Command::Show { work: film(), wait: None, lines: 0 })? {
        Reply::Work(work) => {
            let whose = |infohash| NAMES.iter().find(|name| torrent(name, 0).infohash == infohash);
            let row = |release: &heirloom_core::views::Release| {
                [(*whose(release.infohash).unwrap_or(&"nobody")).to_owned(), release.band.to_string()]
            };
            Ok(work.releases.iter().map(row).collect())
        }
        other => world.fail(format!("no work but {other:?}")),
    }
}
