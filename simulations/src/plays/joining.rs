//! A late joiner: curators have said a great deal, some nodes hold all of it, others hide half; somebody comes who has
//! nothing. And what finding differences costs, in real bytes of negentropy.

use super::ring::pour_into;
use super::{Play, float, share};
use crate::checkers::healed::{self, Words};
use crate::hand::Hand;
use crate::people::{follow, insist};
use crate::reconciling::reconcile;
use crate::report::{Line, Outcome, Plot};
use crate::settings::{Figure, Parameter, Settings, figure, number};
use crate::sync::Lie;
use crate::world::{Failure, NodeId, World};
use heirloom_core::command::{Command, Reply};
use heirloom_proto::body::{Level, Opinion, Verdict};
use heirloom_proto::{Body, Infohash, Key};
use std::time::Duration;

/// The play.
pub static PLAY: Play = Play {
    name: "joining",
    about: "somebody who has nothing joins where much was said, among peers of whom some hide half of it",
    parameters: &PARAMETERS,
    figures: &FIGURES,
    check,
    run,
};

/// What one curator may say at most here: live verdicts of a key.
const PER_CURATOR_MAX: u64 = 5000;

static PARAMETERS: [Parameter; 8] = [
    number("statements", 20_000, (10, 4_000_000), "what all curators said, together"),
    number("per_curator", 5000, (1, PER_CURATOR_MAX), "what one of them said"),
    number("holders", 2, (1, 50), "honest peers that hold all of it"),
    number("liars", 1, (0, 50), "peers that hold it and leave out every other statement"),
    number("patience_minutes", 1440, (1, 100_000), "how long the joiner may take"),
    number("heads", 10_000, (100, 100_000), "heads that are reconciled where only the cost is measured"),
    number("missing", 100, (1, 50_000), "of them, how many the asker lacks"),
    number("bytes_per_s", 2_500_000, (0, 1 << 30), "what a node's line carries either way in a second; 0: anything"),
];

static FIGURES: [Figure; 9] = [
    figure("heard_share", "", "of all that was said, what the joiner has in the end"),
    figure("whole_after_s", "s", "from following until every log was whole"),
    figure("bytes_per_statement", "B", "sync of the joiner, both ways, for each statement"),
    figure("overhead_share", "", "part of it that is not the statements themselves"),
    figure("omissions_seen", "", "omissions that the joiner noticed"),
    figure("clustered_bytes_per_difference", "B", "reconciling when the newest heads are missing, for each of them"),
    figure("clustered_rounds", "", "questions that it took"),
    figure("scattered_bytes_per_difference", "B", "the same when scattered ones are missing"),
    figure("scattered_rounds", "", "questions that it took"),
];

fn check(settings: &Settings) -> Result<(), String> {
    let (heads, missing) = (settings.get("heads"), settings.get("missing"));
    if missing * 2 > heads {
        return Err(format!("missing = {missing} must be half of heads = {heads} at most"));
    }
    Ok(())
}

fn run(settings: &Settings) -> Result<Outcome, Failure> {
    let (heads, missing) = (settings.count("heads"), settings.count("missing"));
    let [clustered, scattered] = [true, false].map(|is_clustered| reconcile(heads, missing, is_clustered));
    let each = |cost: &crate::reconciling::Cost| share(cost.bytes, cost.differences as u64);

    let (holders, liars) = (settings.count("holders"), settings.count("liars"));
    let joiner: NodeId = holders + liars;
    let mut world = World::new(settings.seed, joiner + 1, 0, settings.keeps_trace);
    world.without_dht();
    let faults = crate::Faults { bytes_per_s: settings.get("bytes_per_s"), ..crate::Faults::NONE };
    world.set_faults(faults);
    for node in 0..joiner {
        world.boot_in(node, Duration::ZERO);
        world.link(node, joiner);
    }
    world.run_for(Duration::from_secs(5))?;
    let (total, most) = (settings.get("statements"), settings.get("per_curator"));
    let parts: Vec<(u64, u64)> = (0..total)
        .step_by(usize::try_from(most).unwrap_or(usize::MAX))
        .map(|first| (first, total.min(first + most)))
        .collect();
    let mut curators: Vec<Hand> = parts.iter().map(|_| Hand::new(world.dice().bytes())).collect();
    // COST: a preview of what a follow brings looks at all that is there, so everybody is followed before anything is.
    for node in 0..joiner {
        for curator in &curators {
            insist(&mut world, node, &follow(curator.key(), Level::HIGH))?;
        }
    }
    let (mut keys, mut words, mut bytes): (Vec<Key>, Words, u64) = (Vec::new(), Words::new(), 0);
    for (curator, (first, end)) in curators.iter_mut().zip(parts) {
        let mut said = Vec::new();
        let wall = world.wall();
        for number in first..end {
            let mut infohash = [0; 20];
            infohash[..8].copy_from_slice(&number.to_be_bytes());
            let (infohash, opinion) = (Infohash(infohash), Opinion::Good);
            said.push(curator.says(&Body::Verdict(Verdict { infohash, opinion, note: String::new() }), wall));
        }
        said.push(curator.head(wall));
        bytes += said.iter().map(|statement| statement.bytes().len() as u64).sum::<u64>();
        for node in 0..joiner {
            pour_into(&mut world, node, said.clone())?;
        }
        keys.push(curator.key());
        words.insert(curator.key(), said.iter().map(|statement| statement.id()).collect());
    }
    drop(curators);
    for liar in holders..joiner {
        world.make_liar(liar, Lie::Omit);
    }
    world.boot_in(joiner, Duration::ZERO);
    world.run_for(Duration::from_secs(1))?;
    for key in &keys {
        insist(&mut world, joiner, &follow(*key, Level::HIGH))?;
    }
    if let Some(mutation) = settings.breaks {
        world.mutate(joiner, mutation);
    }
    let followers: Vec<(NodeId, Key)> = keys.iter().map(|key| (joiner, *key)).collect();
    let began = world.now();
    let end = began + settings.time("patience_minutes");
    let mut course = vec![(0.0, 0.0)];
    // Looking costs as much as there is: as often as the course is worth drawing.
    let look = Duration::from_secs((total / 20_000).clamp(1, 60));
    loop {
        world.run_for(look)?;
        let pulled = counted(&mut world, joiner, "sync_pulled")?;
        let minutes = world.now().saturating_sub(began).as_secs_f64() / 60.0;
        course.push((minutes, share(pulled.min(total), total)));
        let is_late = world.now() > end;
        if pulled >= total || is_late {
            let (held, (heard, all)) = healed::followers_hear(&world, &words, &followers);
            course.push((minutes, share(heard, all)));
            if held.is_ok() {
                break;
            }
            if is_late {
                world.check(held);
                world.verdict()?;
            }
        }
    }
    let took = world.now().saturating_sub(began);
    world.check_disks()?;
    let traffic = world.traffic(joiner);
    let sync = traffic.sync_in + traffic.sync_out;
    let (_, (heard, all)) = healed::followers_hear(&world, &words, &followers);
    let omitted = counted(&mut world, joiner, "sync_omitted")?;
    let mut outcome = Outcome::of(&world)
        .with("heard_share", share(heard, all))
        .with("whole_after_s", took.as_secs_f64())
        .with("bytes_per_statement", share(sync, total))
        .with("overhead_share", 1.0 - share(bytes.min(sync), sync))
        .with("omissions_seen", float(omitted))
        .with("clustered_bytes_per_difference", each(&clustered))
        .with("clustered_rounds", f64::from(clustered.rounds))
        .with("scattered_bytes_per_difference", each(&scattered))
        .with("scattered_rounds", f64::from(scattered.rounds));
    let lines = vec![Line { name: "pulled".into(), points: course }];
    let title = "What the joiner has".to_owned();
    outcome.plots.push(Plot { name: "joining", title, x: "minutes", y: "share", lines });
    Ok(outcome)
}

fn counted(world: &mut World, node: NodeId, name: &str) -> Result<u64, Failure> {
    match world.ask(node, Command::Status, Duration::ZERO)? {
        Some(Ok(Reply::Status(status))) => Ok(status.counters.get(name).copied().unwrap_or(0)),
        other => world.fail(format!("no status but {other:?}")),
    }
}
