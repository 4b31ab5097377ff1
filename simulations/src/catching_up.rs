//! Catching up: curators speak while some are away, cut off or crashing; whoever comes later, hours after gossip has
//! forgotten it, must hold all of it in the end, although a minority of its peers lies.

use crate::faults::Faults;
use crate::sync::Lie;
use crate::world::{Failure, Mutation, NodeId, World};
use heirloom_core::command::{Command, Reply};
use heirloom_proto::body::{Level, Opinion, Scope};
use heirloom_proto::{Infohash, Sha256};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// How long catching up may take once the weather is fine: the longest wait after failures, and some sessions.
const PATIENCE: Duration = Duration::from_secs(90 * 60);

/// A run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// Seed of everything.
    pub seed: u64,
    /// People who speak.
    pub curators: usize,
    /// What each of them says.
    pub statements: usize,
    /// Honest readers who follow them; two at least are peers of the late one.
    pub readers: usize,
    /// Peers of the late one that lie, each in its own way.
    pub liars: usize,
    /// The weather while they speak and while the late one catches up; `None`: fine.
    pub weather: Option<Faults>,
    /// Keep the whole trace.
    pub keeps_trace: bool,
    /// Break the late one's core on purpose.
    pub breaks: Option<Mutation>,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caught {
    /// How long the late one took, from its start until every log was whole.
    pub took: Duration,
    /// Statements that it pulled.
    pub pulled: u64,
    /// Bytes of sync that it sent and received, frames and all.
    pub bytes: u64,
    /// Omissions that it noticed.
    pub omitted: u64,
    /// Processes that ended against their will.
    pub crashes: u64,
    /// Digest of the trace.
    pub digest: Sha256,
}

impl CatchUp {
    /// A small run in fine weather.
    #[must_use]
    pub fn calm(seed: u64) -> Self {
        Self {
            seed,
            curators: 3,
            statements: 20,
            readers: 3,
            liars: 0,
            weather: None,
            keeps_trace: false,
            breaks: None,
        }
    }

    /// A run drawn from its seed: bad weather, and fewer liars than honest peers.
    #[must_use]
    pub fn stormy(seed: u64) -> Self {
        let mut dice = crate::dice::Dice::of(seed ^ 0xca7c_4095);
        let mut weather = Faults::draw(&mut dice);
        // Sessions of a few frames must have a chance to end; gossip alone is told the worst in `Story`.
        weather.loss = weather.loss.min(150);
        Self {
            seed,
            curators: 1 + dice.index(4),
            statements: 5 + dice.index(40),
            readers: 3 + dice.index(4),
            liars: dice.index(3),
            weather: Some(weather),
            keeps_trace: false,
            breaks: None,
        }
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`Failure`] when a rule broke, or the late one did not get everything.
    pub fn run(&self) -> Result<Caught, Failure> {
        self.run_world().map(|(caught, _)| caught)
    }

    /// Runs it, and gives the world at its end too.
    ///
    /// # Errors
    /// As [`CatchUp::run`].
    pub fn run_world(&self) -> Result<(Caught, World), Failure> {
        let honest = self.curators + self.readers;
        let late: NodeId = honest + self.liars;
        let mut world = World::new(self.seed, late + 1, 0, self.keeps_trace);
        world.without_dht();
        for liar in 0..self.liars {
            let lie = Lie::ALL[(liar + world.dice().index(Lie::ALL.len())) % Lie::ALL.len()];
            world.make_liar(honest + liar, lie);
        }
        (0..late).for_each(|node| world.boot_in(node, SECOND));
        world.run_for(MINUTE)?;
        for reader in self.curators..late {
            self.follow_all(&mut world, reader)?;
        }
        // Somebody must hold the first word before the storm begins.
        self.speak(&mut world, self.statements.div_ceil(2))?;
        if let Some(weather) = self.weather {
            world.set_faults(weather);
        }
        self.speak(&mut world, self.statements / 2)?;
        world.run_for(10 * MINUTE)?;
        world.set_faults(Faults::NONE);
        world.boot_all();
        // Longer than gossip carries anything.
        world.run_for(130 * MINUTE)?;
        world.check_disks()?;
        if let Some(weather) = self.weather {
            world.set_faults(weather);
        }
        let began = world.now();
        world.boot_in(late, SECOND);
        // Every other time the liars have it to themselves at first.
        for liar in honest..late {
            world.link(late, liar);
        }
        world.run_for(5 * SECOND)?;
        self.follow_all(&mut world, late)?;
        if let Some(mutation) = self.breaks {
            world.mutate(late, mutation);
        }
        if self.seed.is_multiple_of(2) {
            world.run_for(5 * MINUTE)?;
        }
        for peer in (self.curators..honest).take(2) {
            world.link(late, peer);
        }
        if self.weather.is_some() {
            world.run_for(10 * MINUTE)?;
            world.check_disks()?;
            world.set_faults(Faults::NONE);
            world.boot_all();
            world.run_for(5 * SECOND)?;
        }
        let end = world.now() + PATIENCE;
        while !self.is_whole(&mut world, late)? {
            if world.now() > end {
                let counters = counters(&mut world, late)?;
                return world.fail(format!("n{late} does not catch up: {counters:?}"));
            }
            world.run_for(SECOND)?;
        }
        let took = world.now() - began;
        for curator in 0..self.curators {
            let key = world.key(curator);
            let (said, got) = (world.log_of(curator, &key)?, world.log_of(late, &key)?);
            if said != got {
                return world.fail(format!("n{late} has {} of n{curator}'s {} statements", got.len(), said.len()));
            }
        }
        world.check_disks()?;
        world.audit()?;
        let counters = counters(&mut world, late)?;
        let of = |name: &str| counters.get(name).copied().unwrap_or(0);
        let caught = Caught {
            took,
            pulled: of("sync_pulled"),
            bytes: of("sync_bytes_in") + of("sync_bytes_out"),
            omitted: of("sync_omitted"),
            crashes: world.crashes(),
            digest: world.trace().digest(),
        };
        Ok((caught, world))
    }

    fn follow_all(&self, world: &mut World, node: NodeId) -> Result<(), Failure> {
        for curator in 0..self.curators {
            let key = world.key(curator);
            let scope = Scope::All;
            insist(
                world,
                node,
                &Command::Follow { key, level: Level::HIGH, scope, alias: String::new(), preview: false },
            )?;
        }
        Ok(())
    }

    fn speak(&self, world: &mut World, count: usize) -> Result<(), Failure> {
        for _ in 0..count {
            for curator in 0..self.curators {
                let digest = world.dice().bytes();
                let mut infohash = [0; 20];
                infohash.copy_from_slice(&digest[..20]);
                let (infohash, note) = (Infohash(infohash), String::new());
                insist(world, curator, &Command::Verdict { infohash, opinion: Opinion::Good, note, private: false })?;
            }
            let pause = world.dice().between((Duration::ZERO, 20 * SECOND));
            world.run_for(pause)?;
        }
        Ok(())
    }

    fn is_whole(&self, world: &mut World, node: NodeId) -> Result<bool, Failure> {
        match world.ask(node, Command::Follows, Duration::ZERO)? {
            Some(Ok(Reply::Follows(all))) => {
                Ok(all.len() == self.curators && all.iter().all(|follow| follow.log.is_some_and(|(_, whole)| whole)))
            }
            _ => Ok(false),
        }
    }
}

fn counters(world: &mut World, node: NodeId) -> Result<std::collections::BTreeMap<&'static str, u64>, Failure> {
    match world.ask(node, Command::Status, Duration::ZERO)? {
        Some(Ok(Reply::Status(status))) => Ok(status.counters),
        other => world.fail(format!("no status but {other:?}")),
    }
}

fn insist(world: &mut World, node: NodeId, command: &Command) -> Result<(), Failure> {
    let end = world.now() + PATIENCE;
    while world.now() < end {
        if let Some(Ok(_)) = world.ask(node, command.clone(), MINUTE)? {
            return Ok(());
        }
        world.run_for(5 * SECOND)?;
    }
    world.fail(format!("n{node} does not carry out {command:?}"))
}
