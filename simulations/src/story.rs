//! The story that Heirloom is for, with any number of people and any weather: a curator publishes, spammers publish
//! fakes of the same work, a newcomer knows nobody, follows the curator, finds, fetches, judges; nodes crash and come
//! back. Bad weather first; once it is over, everything must come about.

use crate::dice::PerMille;
use crate::faults::Faults;
use crate::world::{Failure, Mutation, NodeId, World};
use heirloom_core::command::{Command, CommandError, Publish, Reply, Subject, Target, Wanted};
use heirloom_core::io::Metainfo;
use heirloom_core::views;
use heirloom_graph::Band;
use heirloom_proto::body::{Level, Opinion, Scope, WorkKind};
use heirloom_proto::{Infohash, Sha256, WorkId};
use std::time::Duration;

/// A release that the curator lists by mistake and takes back.
const OUTTAKE: &str = "outtake";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// How long somebody goes on asking a node that crashes or does not answer.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long the network has to find its way back once the weather is fine: the longest wait between two puts that
/// failed, twice, and some.
const HEALING: Duration = Duration::from_secs(12 * 60);

/// Who is who, and how the weather is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story {
    /// Seed of everything.
    pub seed: u64,
    /// People, 2 at least: the curator, the newcomer, then spammers and readers.
    pub nodes: usize,
    /// Share of the others who are spammers.
    pub spammers: PerMille,
    /// Nodes of the DHT that may lie, of 24.
    pub hostile_dht: usize,
    /// The weather at first; `None`: fine all the time.
    pub weather: Option<Faults>,
    /// How long it lasts.
    pub storm: Duration,
    /// Whether the curator is off when the newcomer begins to fetch, and comes half a minute later.
    pub is_late_seeder: bool,
    /// Whether the newcomer's node starts for the first time when all others have been there for long.
    pub is_newcomer_late: bool,
    /// How long everybody is off between the storm and the newcomer's questions: items fade in two hours.
    pub everybody_off: Duration,
    /// Keep the whole trace.
    pub keeps_trace: bool,
    /// Break a core on purpose: the curator's where it is about what one says, else the newcomer's.
    pub breaks: Option<Mutation>,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Seed.
    pub seed: u64,
    /// People.
    pub nodes: usize,
    /// Lines of the trace.
    pub events: u64,
    /// Processes that ended against their will.
    pub crashes: u64,
    /// How long the world lasted.
    pub lasted: Duration,
    /// How long the newcomer waited from following to the first trusted release, after the storm.
    pub first_trusted: Duration,
    /// Digest of the trace.
    pub digest: Sha256,
}

/// The people of a world.
struct Cast {
    curator: NodeId,
    newcomer: NodeId,
    spammers: Vec<NodeId>,
    readers: Vec<NodeId>,
}

impl Story {
    /// A small story in fine weather.
    #[must_use]
    pub fn calm(seed: u64) -> Self {
        Self {
            seed,
            nodes: 4,
            spammers: 500,
            hostile_dht: 0,
            weather: None,
            storm: Duration::ZERO,
            is_late_seeder: false,
            is_newcomer_late: false,
            everybody_off: Duration::ZERO,
            keeps_trace: false,
            breaks: None,
        }
    }

    /// A story drawn from its seed: 2 to 20 people, bad weather, some of the DHT hostile.
    #[must_use]
    pub fn stormy(seed: u64) -> Self {
        // Another stream than the world's own, which begins with the same seed.
        let mut dice = crate::dice::Dice::of(seed ^ 0x0570_71e5);
        Self {
            seed,
            nodes: 2 + dice.index(19),
            spammers: dice.below(700),
            hostile_dht: dice.index(9),
            weather: Some(Faults::draw(&mut dice)),
            storm: dice.between((5 * MINUTE, 20 * MINUTE)),
            is_late_seeder: dice.happens(500),
            is_newcomer_late: dice.happens(500),
            everybody_off: if dice.happens(300) { 3 * HOUR } else { Duration::ZERO },
            keeps_trace: false,
            breaks: None,
        }
    }

    /// Tells the story.
    ///
    /// # Errors
    /// [`Failure`] when a rule broke, or something did not come about.
    pub fn run(&self) -> Result<Summary, Failure> {
        self.run_world().map(|(summary, _)| summary)
    }

    /// Tells the story, and gives the world at its end too.
    ///
    /// # Errors
    /// As [`Story::run`].
    pub fn run_world(&self) -> Result<(Summary, World), Failure> {
        let mut world = World::new(self.seed, self.nodes, self.hostile_dht, self.keeps_trace);
        let cast = self.cast(&mut world);
        for node in (0..self.nodes).filter(|node| *node != cast.newcomer || !self.is_newcomer_late) {
            let after = world.dice().between((Duration::ZERO, 2 * SECOND));
            world.boot_in(node, after);
        }
        world.run_for(10 * SECOND)?;
        if let Some(mutation) = self.breaks {
            let is_said =
                matches!(mutation, Mutation::ReusesNumbers | Mutation::SpeaksBeforeCommit | Mutation::LosesOwn);
            world.mutate(if is_said { cast.curator } else { cast.newcomer }, mutation);
        }
        if let Some(weather) = self.weather {
            world.set_faults(weather);
        }
        self.publish(&mut world, &cast)?;
        if self.weather.is_some() {
            self.weather_the_storm(&mut world, &cast)?;
            world.set_faults(Faults::NONE);
            world.run_for(HEALING)?;
            world.audit()?;
        }
        if !self.everybody_off.is_zero() {
            for node in 0..self.nodes {
                world.kill(node, false);
            }
            world.run_for(self.everybody_off)?;
            for node in (0..self.nodes).filter(|node| *node != cast.newcomer || !self.is_newcomer_late) {
                world.boot_in(node, SECOND);
            }
            world.run_for(HEALING)?;
        }
        if self.is_newcomer_late {
            world.boot_in(cast.newcomer, Duration::ZERO);
            world.run_for(10 * SECOND)?;
        }
        let first_trusted = self.newcomer_finds_and_fetches(&mut world, &cast)?;
        judges(&mut world, &cast)?;
        crashes_and_comes_back(&mut world, &cast)?;
        self.goes_on_without_the_curator(&mut world, &cast)?;
        world.audit()?;
        let summary = Summary {
            seed: self.seed,
            nodes: self.nodes,
            events: world.trace().count(),
            crashes: world.crashes(),
            lasted: world.now(),
            first_trusted,
            digest: world.trace().digest(),
        };
        Ok((summary, world))
    }

    fn cast(&self, world: &mut World) -> Cast {
        let others: Vec<NodeId> = (2..self.nodes).collect();
        let (spammers, readers) = others.into_iter().partition(|_| world.dice().happens(self.spammers));
        let cast = Cast { curator: 0, newcomer: 1, spammers, readers };
        let size = 1 + world.dice().below(2 << 20);
        world.lay(cast.curator, "film.mp4", torrent("film", size), false);
        world.lay(cast.curator, "outtake.mp4", torrent(OUTTAKE, 70_000), false);
        for spammer in &cast.spammers {
            let size = 1 + world.dice().below(1 << 20);
            world.lay(*spammer, "film.mp4", torrent(&format!("fake {spammer}"), size), true);
        }
        cast
    }

    /// Everybody says what they have to say, whatever the weather.
    fn publish(&self, world: &mut World, cast: &Cast) -> Result<(), Failure> {
        insist(world, cast.curator, &Command::SetProfile { name: Some("Curator".into()), url: None })?;
        insist(world, cast.curator, &Command::Publish(Publish { source: "outtake.mp4".into(), ..publish() }))?;
        insist(world, cast.curator, &Command::Publish(publish()))?;
        let (curator, newcomer) = (world.key(cast.curator), world.key(cast.newcomer));
        for spammer in &cast.spammers {
            insist(world, *spammer, &Command::Publish(publish()))?;
            insist(world, *spammer, &attest(curator, Level::DISTRUST))?;
            insist(world, *spammer, &attest(newcomer, Level::FULL))?;
            let good = torrent("film", 0).infohash;
            insist(world, *spammer, &verdict(good, Opinion::Malware))?;
            for friend in cast.spammers.iter().filter(|friend| *friend != spammer) {
                let friend = world.key(*friend);
                insist(world, *spammer, &attest(friend, Level::FULL))?;
            }
        }
        let mistake = Target::Release(torrent(OUTTAKE, 0).infohash);
        insist(world, cast.curator, &Command::Retract { target: mistake })?;
        for reader in &cast.readers {
            let level = [Level::LOW, Level::MEDIUM, Level::HIGH][world.dice().index(3)];
            insist(world, *reader, &follow(curator, level))?;
        }
        Ok(())
    }

    /// Readers go on reading while nodes crash around them.
    fn weather_the_storm(&self, world: &mut World, cast: &Cast) -> Result<(), Failure> {
        let end = world.now() + self.storm;
        while world.now() < end {
            let people: Vec<NodeId> = cast.readers.iter().copied().chain([cast.newcomer, cast.curator]).collect();
            let who = people[world.dice().index(people.len())];
            let command = match world.dice().below(4) {
                0 => show(None),
                1 if who != cast.curator => Command::Get {
                    what: Wanted::Work(work()),
                    to: None,
                    anyway: false,
                    choice: heirloom_core::command::Choice::default(),
                },
                // The newcomer has still to find whom to trust.
                2 if who != cast.newcomer => attest(world.key(cast.curator), Level::HIGH),
                _ => Command::Status,
            };
            world.ask(who, command, 10 * SECOND)?;
            let pause = world.dice().between((Duration::ZERO, 30 * SECOND));
            world.run_for(pause)?;
            if world.dice().happens(100) {
                world.audit()?;
            }
        }
        Ok(())
    }

    /// The newcomer trusts nobody, sees nothing trusted, follows the curator, and has the film.
    fn newcomer_finds_and_fetches(&self, world: &mut World, cast: &Cast) -> Result<Duration, Failure> {
        let (newcomer, curator) = (cast.newcomer, world.key(cast.curator));
        let shown = see(world, newcomer, None)?;
        if let Some(best) = shown.releases.first().filter(|best| best.band <= Band::Vouched) {
            return world.fail(format!("the newcomer trusts {} without reason", best.infohash));
        }
        let followed_at = world.now();
        insist(world, newcomer, &follow(curator, Level::HIGH))?;
        let shown = see(world, newcomer, Some(PATIENCE))?;
        let first_trusted = world.now() - followed_at;
        let good = torrent("film", 0).infohash;
        match shown.releases.first() {
            Some(best) if best.infohash == good && best.band == Band::Trusted => {}
            other => return world.fail(format!("the curator's release is not trusted: {other:?}")),
        }
        if shown.releases.iter().any(|release| release.infohash == torrent(OUTTAKE, 0).infohash) {
            return world.fail("the newcomer sees what the curator took back");
        }
        if self.is_late_seeder {
            for node in (0..self.nodes).filter(|node| *node != newcomer) {
                world.kill(node, false);
            }
        }
        insist(
            world,
            newcomer,
            &Command::Get {
                what: Wanted::Work(work()),
                to: None,
                anyway: false,
                choice: heirloom_core::command::Choice::default(),
            },
        )?;
        if self.is_late_seeder {
            world.run_for(30 * SECOND)?;
            world.boot_all();
        }
        if !world.run_until(PATIENCE, |world| world.is_seeding(newcomer, &good))? {
            return world.fail("the newcomer's download does not end");
        }
        world.run_for(SECOND)?;
        let rows = insist(world, newcomer, &Command::Ledger { by: views::LedgerBy::Release })?;
        if !matches!(&rows, Reply::Ledger(rows) if rows.iter().any(|row| row.infohash == Some(good))) {
            return world.fail("the ledger knows nothing of the download");
        }
        why_names_the_curator(world, cast)?;
        Ok(first_trusted)
    }

    /// The curator is off for good; who has the film seeds it, and who follows finds it.
    fn goes_on_without_the_curator(&self, world: &mut World, cast: &Cast) -> Result<(), Failure> {
        let good = torrent("film", 0).infohash;
        world.kill(cast.curator, false);
        let Some(reader) = cast.readers.first().copied() else { return Ok(()) };
        let wanted = Command::Get {
            what: Wanted::Release(good),
            to: None,
            anyway: false,
            choice: heirloom_core::command::Choice::default(),
        };
        insist(world, reader, &wanted)?;
        if !world.run_until(PATIENCE, |world| world.is_seeding(reader, &good))? {
            return world.fail("nobody seeds the film when the curator is off");
        }
        // All that the curator put has faded; what followers put again has not. Somebody begins with an empty home.
        world.run_for(130 * MINUTE)?;
        world.wipe(reader);
        world.boot_in(reader, SECOND);
        world.run_for(10 * SECOND)?;
        let curator = world.key(cast.curator);
        insist(world, reader, &follow(curator, Level::HIGH))?;
        let shown = see(world, reader, Some(MINUTE))?;
        match shown.releases.first() {
            Some(best) if best.infohash == good && best.band == Band::Trusted => Ok(()),
            other => world.fail(format!("without the curator a follower finds {other:?}")),
        }
    }
}

fn why_names_the_curator(world: &mut World, cast: &Cast) -> Result<(), Failure> {
    let curator = world.key(cast.curator);
    let command = Command::Why { subject: Subject::Work(work()), scope: Scope::Catalogue };
    match insist(world, cast.newcomer, &command)? {
        Reply::Why(why) if why.because.iter().any(|because| because.path.first() == Some(&curator)) => Ok(()),
        other => world.fail(format!("why does not name the curator: {other:?}")),
    }
}

/// The newcomer attests the curator, and finds one of the fakes out.
fn judges(world: &mut World, cast: &Cast) -> Result<(), Failure> {
    let curator = world.key(cast.curator);
    insist(world, cast.newcomer, &attest(curator, Level::FULL))?;
    let shown = see(world, cast.newcomer, None)?;
    let good = torrent("film", 0).infohash;
    let Some(fake) = shown.releases.iter().find(|release| release.infohash != good) else { return Ok(()) };
    let infohash = fake.infohash;
    insist(world, cast.newcomer, &verdict(infohash, Opinion::Fake))?;
    let shown = see(world, cast.newcomer, None)?;
    match shown.releases.iter().find(|release| release.infohash == infohash) {
        Some(release) if release.band == Band::Distrusted => Ok(()),
        other => world.fail(format!("the fake is {other:?}")),
    }
}

/// Everybody loses power or is killed at once; what was decided and what was seeded is there again.
fn crashes_and_comes_back(world: &mut World, cast: &Cast) -> Result<(), Failure> {
    let before = see(world, cast.newcomer, None)?;
    for node in 0..=cast.readers.len() + cast.spammers.len() + 1 {
        let is_power_cut = node != cast.newcomer && world.dice().happens(500);
        world.kill(node, is_power_cut);
    }
    world.run_for(MINUTE)?;
    world.boot_all();
    world.run_for(MINUTE)?;
    let after = see(world, cast.newcomer, None)?;
    let bands = |work: &views::Work| -> Vec<(Infohash, Band)> {
        work.releases.iter().map(|release| (release.infohash, release.band)).collect()
    };
    // What came in addition is no loss.
    let lost: Vec<_> = bands(&before).into_iter().filter(|seen| !bands(&after).contains(seen)).collect();
    if !lost.is_empty() {
        return world.fail(format!("after the restart the newcomer no longer sees {lost:?}"));
    }
    let good = torrent("film", 0).infohash;
    for node in [cast.newcomer, cast.curator] {
        if !world.is_seeding(node, &good) {
            return world.fail(format!("n{node} does not seed again"));
        }
    }
    world.audit()
}

/// Asks until an answer comes, as people do, through crashes and lost answers.
fn insist(world: &mut World, node: NodeId, command: &Command) -> Result<Reply, Failure> {
    let end = world.now() + PATIENCE;
    let mut last: Option<CommandError> = None;
    while world.now() < end {
        match world.ask(node, command.clone(), MINUTE)? {
            Some(Ok(reply)) => return Ok(reply),
            Some(Err(error)) => last = Some(error),
            None => {}
        }
        world.run_for(5 * SECOND)?;
    }
    world.fail(format!("n{node} does not carry out {command:?}: {last:?}"))
}

fn see(world: &mut World, node: NodeId, wait: Option<Duration>) -> Result<views::Work, Failure> {
    let limit = wait.unwrap_or(MINUTE) + MINUTE;
    match world.ask(node, show(wait), limit)? {
        Some(Ok(Reply::Work(work))) => Ok(*work),
        other => world.fail(format!("n{node} shows {other:?}")),
    }
}

fn work() -> WorkId {
    // PANIC: the id is constant and well formed.
    "imdb:tt1254207".parse().expect("a work id")
}

fn torrent(name: &str, size: u64) -> Metainfo {
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

fn publish() -> Publish {
    Publish {
        source: "film.mp4".into(),
        work: work(),
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
    }
}

fn show(wait: Option<Duration>) -> Command {
    Command::Show { work: work(), wait, lines: 0 }
}

fn follow(key: heirloom_proto::Key, level: Level) -> Command {
    Command::Follow { key, level, scope: Scope::All, alias: String::new(), preview: false }
}

fn attest(subject: heirloom_proto::Key, level: Level) -> Command {
    Command::Attest { subject, level, scope: Scope::All, reason: String::new(), lifetime: None, private: false }
}

fn verdict(infohash: Infohash, opinion: Opinion) -> Command {
    Command::Verdict { infohash, opinion, note: String::new(), private: false }
}
