//! The throw in the dark: somebody who follows nobody who lists a work asks those who announced it, among them liars and
//! places where nobody is. What strangers list is shown as unknown, until the newcomer follows one of them.

use super::{Play, float, percentile};
use crate::dice::Dice;
use crate::hand::Hand;
use crate::people::{film, follow, insist, list_film, some_infohash, torrent};
use crate::rendezvous::Misanswer;
use crate::report::Outcome;
use crate::settings::{Figure, Parameter, Settings, figure, number};
use crate::world::{Failure, NodeId, World};
use heirloom_core::command::{Choice, Command, Publish, Reply, Wanted};
use heirloom_core::views;
use heirloom_graph::Band;
use heirloom_proto::body::{Level, Listing};
use heirloom_proto::lookup::Response;
use heirloom_proto::{Body, Infohash, Timestamp, WorkId};
use std::collections::BTreeSet;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// Between two looks of a person who does not give up.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// The play.
pub static PLAY: Play = Play {
    name: "in_the_dark",
    about: "a newcomer asks strangers who announced a work, among liars and dead places, and follows one of them later",
    parameters: &PARAMETERS,
    figures: &FIGURES,
    check: |_| Ok(()),
    run,
};

static PARAMETERS: [Parameter; 6] = [
    number("publishers", 3, (1, 100), "honest strangers who list the work"),
    number("fakers", 2, (0, 100), "strangers who list a fake of it, under signatures that hold"),
    number("liars", 5, (0, 200), "nodes that announce the work and answer with lies, of five sorts by turns"),
    number("dead", 10, (0, 500), "places that were announced and where nobody is"),
    number("acquainted", 1, (0, 1), "whether the newcomer follows somebody, who does not list the work"),
    number("patience_minutes", 30, (1, 600), "how long the newcomer looks again every ten seconds"),
];

static FIGURES: [Figure; 13] = [
    figure("first_found_s", "s", "from the first look until an honest stranger's release was shown"),
    figure("looks", "", "looks until then"),
    figure("found_share", "", "of the honest strangers' releases, what was shown when patience ended"),
    figure("all_found_s", "s", "from the first look until all of them were; patience if that never was"),
    figure("answer_p99_s", "s", "how long a look took, 99 of 100"),
    figure(
        "above_unknown",
        "",
        "releases that were shown in a better band than unknown before anybody was followed for them",
    ),
    figure("asked_per_look", "", "most strangers asked for one look"),
    figure("blamed", "", "answers for which a stranger was blamed"),
    figure("unblamed", "", "wrong answers for which nobody was"),
    figure("unasked", "", "statements held that no question was about"),
    figure("bytes_per_look", "B", "questions and answers of the newcomer for each look, both ways"),
    figure("trusted_s", "s", "from following one of them until its release was trusted"),
    figure("faded", "", "releases shown to somebody new an hour after all strangers had gone"),
];

/// Who is who. Everybody else is at the end of nobody's line: there is no gossip between strangers.
struct Cast {
    newcomer: NodeId,
    acquaintance: NodeId,
    later: NodeId,
    publishers: Vec<NodeId>,
    fakers: Vec<NodeId>,
    liars: Vec<NodeId>,
}

impl Cast {
    fn new(settings: &Settings) -> Self {
        let mut next = 3;
        let mut some = |count: &str| -> Vec<NodeId> {
            let first = next;
            next += settings.count(count);
            (first..next).collect()
        };
        let (publishers, fakers, liars) = (some("publishers"), some("fakers"), some("liars"));
        Self { newcomer: 0, acquaintance: 1, later: 2, publishers, fakers, liars }
    }

    fn len(&self) -> usize {
        3 + self.publishers.len() + self.fakers.len() + self.liars.len()
    }

    /// Everybody who announces the work.
    fn strangers(&self) -> Vec<NodeId> {
        [self.publishers.as_slice(), &self.fakers, &self.liars].concat()
    }
}

/// What looking came to.
#[derive(Default)]
struct Seen {
    looks: u64,
    first: Option<(Duration, u64)>,
    all: Option<Duration>,
    found: BTreeSet<Infohash>,
    above_unknown: BTreeSet<Infohash>,
    took: Vec<Duration>,
    asked_most: u64,
}

fn release_of(node: NodeId) -> Infohash {
    torrent(&format!("film of {node}"), 0).infohash
}

fn run(settings: &Settings) -> Result<Outcome, Failure> {
    let cast = Cast::new(settings);
    let mut world = World::linked(settings.seed, cast.len(), 0, 0, settings.keeps_trace);
    world.with_rendezvous();
    let unasked = begin(settings, &mut world, &cast)?;
    if let Some(mutation) = settings.breaks {
        world.mutate(cast.newcomer, mutation);
    }
    let mut seen = look(settings, &mut world, &cast)?;
    let counters = counters(&mut world, cast.newcomer)?;
    let counted = |name: &str| counters.get(name).copied().unwrap_or(0);
    let blamed = counted("lookup_malformed") + counted("lookup_unasked") + counted("lookup_invalid");
    let wrong = world.wrong_answers();
    let traffic = world.traffic(cast.newcomer);
    let held = held_of(&mut world, cast.newcomer, &unasked)?;
    let trusted_after = follows(&mut world, &cast, &seen)?;
    let faded = comes_late(settings, &mut world, &cast)?;
    world.audit()?;

    let patience = settings.time("patience_minutes");
    let (first, looks) = seen.first.unwrap_or((patience, seen.looks));
    let found = cast.publishers.iter().filter(|node| seen.found.contains(&release_of(**node))).count();
    Ok(Outcome::of(&world)
        .with("first_found_s", first.as_secs_f64())
        .with("looks", float(looks))
        .with("found_share", super::share(found as u64, cast.publishers.len() as u64))
        .with("all_found_s", seen.all.unwrap_or(patience).as_secs_f64())
        .with("answer_p99_s", percentile(&mut seen.took, 99).as_secs_f64())
        .with("above_unknown", float(seen.above_unknown.len() as u64))
        .with("asked_per_look", float(seen.asked_most))
        .with("blamed", float(blamed))
        .with("unblamed", float(wrong.saturating_sub(blamed)))
        .with("unasked", float(held))
        .with("bytes_per_look", super::share(traffic.lookup_in + traffic.lookup_out, seen.looks))
        .with("trusted_s", trusted_after.as_secs_f64())
        .with("faded", float(faded)))
}

/// Everybody is there, and the work is announced. Gives the works of which liars tell although nobody asks.
fn begin(settings: &Settings, world: &mut World, cast: &Cast) -> Result<Vec<WorkId>, Failure> {
    for node in (0..cast.len()).filter(|node| *node != cast.later) {
        world.boot_in(node, SECOND);
    }
    world.run_for(10 * SECOND)?;
    for node in cast.publishers.iter().chain(&cast.fakers) {
        let is_fake = cast.fakers.contains(node);
        world.lay(*node, "film.mp4", torrent(&format!("film of {node}"), 100_000), is_fake);
        insist(world, *node, &list_film())?;
    }
    let mut unasked = Vec::new();
    for (number, liar) in cast.liars.iter().enumerate() {
        let other: WorkId = format!("imdb:tt{:07}", 9_000_000 + number).parse().unwrap_or_else(|_| film());
        let misanswer = lie(number, world, &other);
        world.misanswer(*liar, misanswer);
        unasked.push(other);
    }
    announce_by_hand(settings, world, cast);
    if settings.get("acquainted") == 1 {
        world.link(cast.newcomer, cast.acquaintance);
        let key = world.key(cast.acquaintance);
        insist(world, cast.newcomer, &follow(key, Level::HIGH))?;
        world.lay(cast.acquaintance, "other.mp4", torrent("other", 50_000), false);
        let Command::Publish(plain) = list_film() else { return Ok(unasked) };
        let work = "imdb:tt0000001".parse().unwrap_or_else(|_| film());
        let other = Publish { source: "other.mp4".into(), work, title: Some("Another".into()), ..plain };
        insist(world, cast.acquaintance, &Command::Publish(other))?;
    }
    world.run_for(MINUTE)?;
    Ok(unasked)
}

/// What has no core that would announce it.
fn announce_by_hand(settings: &Settings, world: &mut World, cast: &Cast) {
    for liar in &cast.liars {
        world.announce(*liar, &film());
    }
    world.announce_nobody(&film(), settings.get("dead"));
}

/// One of five lies, by turns.
fn lie(number: usize, world: &mut World, other: &WorkId) -> Misanswer {
    let wall = world.wall();
    let mut says = |work: &WorkId| {
        let mut hand = Hand::new(world.dice().bytes());
        let said = listing(&mut hand, work, world.dice(), wall);
        world.note_signed(&said);
        said.bytes().to_vec()
    };
    let answer = |envelope: Vec<u8>| Misanswer::Wrong(Response::Statements(BTreeSet::from([envelope])).encode());
    match number % 5 {
        0 => answer(says(other)),
        1 => {
            let mut envelope = says(&film());
            // The signature stands at the end.
            if let Some(last) = envelope.last_mut() {
                *last ^= 1;
            }
            answer(envelope)
        }
        2 => Misanswer::Wrong(world.dice().bytes().repeat(20)),
        3 => Misanswer::Silence,
        _ => Misanswer::Emptiness,
    }
}

fn listing(
    hand: &mut Hand,
    work: &WorkId,
    dice: &mut Dice,
    wall: Timestamp,
) -> heirloom_proto::Verified<heirloom_proto::Statement> {
    let listing = Listing { size: 1000, ..Listing::new(work.clone(), some_infohash(dice), "something else".into()) };
    hand.says(&Body::Listing(listing), wall)
}

/// The newcomer looks again and again.
fn look(settings: &Settings, world: &mut World, cast: &Cast) -> Result<Seen, Failure> {
    let mut seen = Seen::default();
    let began = world.now();
    let honest: BTreeSet<Infohash> = cast.publishers.iter().map(|node| release_of(*node)).collect();
    let wanted = Command::Get { what: Wanted::Work(film()), to: None, anyway: false, choice: Choice::default() };
    while world.now() - began < settings.time("patience_minutes") && seen.all.is_none() {
        let (asked_at, asked) = (world.now(), counters(world, cast.newcomer)?);
        let shown = show(world, cast.newcomer, &film())?;
        seen.looks += 1;
        seen.took.push(world.now() - asked_at);
        for release in &shown.releases {
            seen.found.insert(release.infohash);
            if release.band < Band::Unknown {
                seen.above_unknown.insert(release.infohash);
            }
        }
        if !shown.releases.is_empty()
            && let Some(Ok(_)) = world.ask(cast.newcomer, wanted.clone(), MINUTE)?
        {
            return world.fail("what strangers list is fetched without asking twice");
        }
        let since = world.now() - began;
        if seen.first.is_none() && seen.found.iter().any(|found| honest.contains(found)) {
            seen.first = Some((since, seen.looks));
        }
        if honest.is_subset(&seen.found) {
            seen.all = Some(since);
        }
        world.run_for(LOOK_AGAIN)?;
        let count = |of: &std::collections::BTreeMap<&str, u64>| of.get("lookup_asked").copied().unwrap_or(0);
        seen.asked_most = seen.asked_most.max(count(&counters(world, cast.newcomer)?) - count(&asked));
        // Nobody's core does it for these; the others announce again by themselves.
        announce_by_hand(settings, world, cast);
    }
    // What was asked last is answered.
    world.run_for(MINUTE)?;
    Ok(seen)
}

/// The newcomer follows a stranger whose release it saw: now it is trusted, and those of others are not.
fn follows(world: &mut World, cast: &Cast, seen: &Seen) -> Result<Duration, Failure> {
    let found = cast.publishers.iter().find(|node| seen.found.contains(&release_of(**node)));
    let Some(publisher) = found.copied() else { return world.fail("no honest stranger was found") };
    let (began, key) = (world.now(), world.key(publisher));
    insist(world, cast.newcomer, &follow(key, Level::HIGH))?;
    let shown = show(world, cast.newcomer, &film())?;
    let took = world.now() - began;
    match shown.releases.first() {
        Some(best) if best.infohash == release_of(publisher) && best.band == Band::Trusted => {}
        other => return world.fail(format!("a followed stranger's release is not trusted: {other:?}")),
    }
    if let Some(other) = shown.releases.iter().skip(1).find(|release| release.band < Band::Unknown) {
        return world.fail(format!("{} is {:?}, and its lister is nobody's", other.infohash, other.band));
    }
    Ok(took)
}

/// All strangers go, and what they announced fades. How many releases somebody new is shown, who gets an answer all the same.
fn comes_late(settings: &Settings, world: &mut World, cast: &Cast) -> Result<u64, Failure> {
    for node in cast.strangers() {
        world.kill(node, false);
    }
    world.run_for(60 * MINUTE)?;
    world.announce_nobody(&film(), settings.get("dead"));
    world.boot_in(cast.later, SECOND);
    world.run_for(10 * SECOND)?;
    Ok(show(world, cast.later, &film())?.releases.len() as u64)
}

/// Releases of works that nobody asked about.
fn held_of(world: &mut World, node: NodeId, works: &[WorkId]) -> Result<u64, Failure> {
    let mut held = 0;
    for work in works {
        held += show(world, node, work)?.releases.len() as u64;
    }
    Ok(held)
}

fn show(world: &mut World, node: NodeId, work: &WorkId) -> Result<views::Work, Failure> {
    match world.ask(node, Command::Show { work: work.clone(), wait: None, lines: 0 }, MINUTE)? {
        Some(Ok(Reply::Work(shown))) => Ok(*shown),
        other => world.fail(format!("n{node} shows {other:?}")),
    }
}

fn counters(world: &mut World, node: NodeId) -> Result<std::collections::BTreeMap<&'static str, u64>, Failure> {
    match world.ask(node, Command::Status, MINUTE)? {
        Some(Ok(Reply::Status(status))) => Ok(status.counters),
        other => world.fail(format!("no status but {other:?}")),
    }
}
