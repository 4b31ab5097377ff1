//! Rollback and replay: one key's statements come to a real core in random orders, again and again, by gossip and by
//! file, through restarts, crashes between handling and commit, and power cuts. Nothing older may ever stand where
//! something newer stood, and what was taken back must not come again.

use super::{Play, float};
use crate::checkers::Property;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::hand::Hand;
use crate::node::EPOCH;
use crate::report::Outcome;
use crate::settings::{Figure, Parameter, Settings, figure, number};
use crate::world::{Failure, Mutation};
use heirloom_core::command::Command;
use heirloom_core::ground::{Ground, Place};
use heirloom_core::io::{Input, MessageId, Now, Output, RequestId};
use heirloom_core::store::{Batch, Durability, Store, Table};
use heirloom_core::{Config, Service, TrustSettings};
use heirloom_proto::body::{Attestation, Level, Opinion, Profile, Retraction, Scope, Verdict};
use heirloom_proto::{Body, Infohash, Key, SecretKey, Sha256, Statement, StatementId, Timestamp, Verified};
use std::collections::BTreeMap;
use std::time::Duration;

/// The play.
pub static PLAY: Play = Play {
    name: "schedules",
    about: "random orders of deliveries, replays, restarts, crashes and power cuts: nothing rolls back",
    parameters: &PARAMETERS,
    figures: &FIGURES,
    check: |_| Ok(()),
    run,
};

static PARAMETERS: [Parameter; 3] = [
    number("schedules", 1_000_000, (1, 100_000_000), "how many orders are tried, each with a core of its own"),
    number("deliveries", 10, (1, 1000), "statements that come in one of them"),
    number("threads", 2, (1, 256), "threads that share them; the outcome does not depend on it"),
];

static FIGURES: [Figure; 6] = [
    figure("rollbacks", "", "older statements that were taken in over newer ones"),
    figure("deliveries", "", "statements that came in"),
    figure("refused_rollbacks", "", "older ones that were offered and refused"),
    figure("restarts", "", "cores that were opened again over the same disk"),
    figure("power_cuts", "", "of them, after a power cut"),
    figure("taken_in", "", "statements that were new and taken in"),
];

/// Schedules between which the words of the key stay the same.
const CHUNK: u64 = 250;

/// What came of some schedules.
#[derive(Clone, Debug, Default)]
struct Tally {
    deliveries: u64,
    refused: u64,
    restarts: u64,
    power_cuts: u64,
    taken_in: u64,
    /// Over everything that the cores answered.
    digest: [u8; 32],
}

/// Something rolled back: in which schedule, and after how many deliveries.
#[derive(Clone, Debug)]
struct RolledBack {
    schedule: u64,
    step: u64,
    what: String,
}

/// What one key said in two days: three places with three versions each, a profile, a number used twice, and a
/// retraction.
fn words(dice: &mut Dice) -> Vec<Verified<Statement>> {
    let mut key = Hand::new(dice.bytes());
    let mut said = Vec::new();
    let at = |minute: u64| Timestamp(EPOCH.0 + minute * 60_000);
    let subject = SecretKey::from_seed(&dice.bytes()).public();
    for version in 0..3u8 {
        let opinion = [Opinion::Good, Opinion::Fake, Opinion::Poor][usize::from(version)];
        let minute = 10 * u64::from(version);
        for place in 0..2u8 {
            let verdict = Verdict { infohash: Infohash([place; 20]), opinion, note: String::new() };
            said.push(key.says(&Body::Verdict(verdict), at(minute)));
        }
        let level = [Level::LOW, Level::HIGH, Level::DISTRUST][usize::from(version)];
        let attestation = Attestation { subject, scope: Scope::All, level, reason: String::new() };
        said.push(key.says(&Body::Attestation(attestation), at(minute + 1)));
    }
    let profile = Profile { name: "Rolling".into(), url: String::new(), next_key_hash: Sha256([1; 32]) };
    said.push(key.says(&Body::Profile(profile), at(5)));
    let seq = said[0].header().seq;
    let twice = Verdict { infohash: Infohash([7; 20]), opinion: Opinion::Dead, note: String::new() };
    said.push(key.says_as(&Body::Verdict(twice), seq, at(0)));
    let target = said[dice.index(8)].id();
    said.push(key.says(&Body::Retraction(Retraction { target }), at(40)));
    said
}

/// What stands on a disk, by place.
type Standing = BTreeMap<Place, ((u32, u64), StatementId)>;

fn standing(disk: &Disk, author: &Key) -> Result<Standing, String> {
    let stored = Ground::new(disk.clone()).statements_of(author).map_err(|error| error.to_string())?;
    let spot =
        |s: &heirloom_core::ground::Stored| (Place::of(&s.statement), (s.statement.header().order(), s.statement.id()));
    Ok(stored.iter().map(spot).collect())
}

/// A core over a disk, and when it started.
struct Life {
    service: Service<Disk>,
    now: Duration,
    message: u64,
}

impl Life {
    fn begin(disk: &Disk, seed: [u8; 32]) -> Result<Self, String> {
        let (secret, next_key_hash) = (SecretKey::from_seed(&[3; 32]), Sha256([4; 32]));
        let config = Config {
            secret,
            next_key_hash,
            generation: 0,
            seed,
            trust: TrustSettings::default(),
            budgets: heirloom_core::Budgets::default(),
        };
        let service = Service::open(config, disk.clone()).map_err(|error| error.to_string())?;
        let mut life = Self { service, now: Duration::ZERO, message: 0 };
        life.take(Input::Started { dht: false, torrents: false }, true)?;
        Ok(life)
    }

    /// Handles an input; commits unless the process dies first.
    fn take(&mut self, input: Input, commits: bool) -> Result<Vec<Output>, String> {
        self.now += Duration::from_millis(100);
        // An hour after the first word: nothing is from the future, and nothing too old to be pushed.
        let wall = EPOCH.plus(Duration::from_secs(50 * 60) + self.now);
        self.service.handle(Now { mono: self.now, wall }, input);
        if !commits {
            return Ok(Vec::new());
        }
        self.service.commit().map_err(|error| error.to_string())?;
        Ok(std::iter::from_fn(|| self.service.poll_output()).collect())
    }
}

fn schedule(
    number: u64,
    settings: &Settings,
    words: &[Verified<Statement>],
    tally: &mut Tally,
) -> Result<(), RolledBack> {
    let mut dice = Dice::of(settings.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
    let author = *words[0].author();
    let disk = Disk::default();
    let mut step = 0;
    let fail = |step: u64, what: String| RolledBack { schedule: number, step, what };
    let mut life = Life::begin(&disk, dice.bytes()).map_err(|what| fail(0, what))?;
    let mut newest = Standing::new();
    let mut taken_back: Vec<StatementId> = Vec::new();
    for _ in 0..settings.get("deliveries") {
        step += 1;
        let said = &words[dice.index(words.len())];
        let dies = dice.happens(60);
        let input = if dice.happens(250) {
            let command = Box::new(Command::Import { envelopes: vec![said.bytes().to_vec()] });
            Input::Command { request: RequestId(step), command }
        } else {
            life.message += 1;
            Input::Gossip { message: MessageId(life.message), from: None, bytes: said.bytes().to_vec() }
        };
        tally.deliveries += 1;
        let before = standing(&disk, &author).map_err(|what| fail(step, what))?;
        let outputs = life.take(input, !dies).map_err(|what| fail(step, what))?;
        let is_cut = dice.happens(60);
        if dies || is_cut || dice.happens(60) {
            tally.restarts += 1;
            if is_cut {
                tally.power_cuts += 1;
                disk.cut_power();
                // What others can send again may be gone, floors and all.
                newest = standing(&disk, &author).map_err(|what| fail(step, what))?;
                taken_back.clear();
            }
            life = Life::begin(&disk, dice.bytes()).map_err(|what| fail(step, what))?;
        }
        if let Some(mutation) = settings.breaks {
            break_it(mutation, &disk, words);
        }
        let after = standing(&disk, &author).map_err(|what| fail(step, what))?;
        for (place, (order, id)) in &after {
            let rolled = newest.get(place).is_some_and(|(most, best)| order < most || (order == most && id > best));
            if rolled || taken_back.contains(id) {
                let what = format!("number {} of {:?} stands again after something newer", order.1, place.kind);
                return Err(fail(step, what));
            }
            newest.insert(*place, (*order, *id));
        }
        let has_changed = after != before;
        tally.taken_in += u64::from(has_changed);
        let is_older = before.get(&Place::of(said)).is_some_and(|(order, _)| said.header().order() < *order);
        tally.refused += u64::from(!has_changed && is_older);
        if let Body::Retraction(retraction) = said.body()
            && after.contains_key(&Place::of(said))
        {
            taken_back.push(retraction.target);
        }
        let mut bytes = tally.digest.to_vec();
        bytes.extend_from_slice(&u64::try_from(outputs.len()).unwrap_or(0).to_be_bytes());
        after.values().for_each(|(_, id)| bytes.extend_from_slice(&id.0));
        tally.digest = Sha256::of(&bytes).0;
    }
    Ok(())
}

/// A core that forgets its floors, and so lets older statements in.
fn break_it(mutation: Mutation, disk: &Disk, words: &[Verified<Statement>]) {
    if mutation == Mutation::RollsBack {
        let spots = words.iter().map(|said| (Table::Floors, Place::of(said).to_bytes(), None::<Vec<u8>>));
        // A disk of the simulator is full only while it is told to be.
        let _ = disk.clone().write(&spots.collect::<Batch>(), Durability::Disk);
    }
}

/// Some schedules, one after the other.
fn chunk(first: u64, count: u64, settings: &Settings) -> Result<Tally, RolledBack> {
    let mut tally = Tally::default();
    let words = words(&mut Dice::of(settings.seed ^ first.rotate_left(32)));
    for number in first..first + count {
        schedule(number, settings, &words, &mut tally)?;
    }
    Ok(tally)
}

fn run(settings: &Settings) -> Result<Outcome, Failure> {
    let (total, threads) = (settings.get("schedules"), settings.get("threads"));
    let chunks: Vec<(u64, u64)> = (0..total).step_by(250).map(|first| (first, CHUNK.min(total - first))).collect();
    let worker = |worker: u64| {
        let mine = chunks.iter().enumerate().filter(|(at, _)| (*at as u64) % threads == worker);
        mine.map(|(at, (first, count))| (at, chunk(*first, *count, settings))).collect::<Vec<_>>()
    };
    let mut all: Vec<(usize, Result<Tally, RolledBack>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|number| scope.spawn(move || worker(number))).collect();
        // PANIC: passes on a panic of a thread.
        workers.into_iter().flat_map(|worker| worker.join().expect("no thread panics")).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    let (mut sum, mut steps) = (Tally::default(), 0);
    for (_, result) in all {
        match result {
            Ok(tally) => {
                sum.deliveries += tally.deliveries;
                sum.refused += tally.refused;
                sum.restarts += tally.restarts;
                sum.power_cuts += tally.power_cuts;
                sum.taken_in += tally.taken_in;
                sum.digest = Sha256::of(&[sum.digest, tally.digest].concat()).0;
                steps += tally.deliveries;
            }
            Err(RolledBack { schedule, step, what }) => {
                return Err(Failure {
                    seed: settings.seed,
                    step,
                    at: Duration::ZERO,
                    property: Property::NoRollback,
                    what: format!("schedule {schedule}: {what}"),
                    tail: String::new(),
                    trace: Vec::new(),
                });
            }
        }
    }
    Ok(Outcome::new(Sha256(sum.digest), steps, Duration::ZERO)
        .with("rollbacks", 0.0)
        .with("deliveries", float(sum.deliveries))
        .with("refused_rollbacks", float(sum.refused))
        .with("restarts", float(sum.restarts))
        .with("power_cuts", float(sum.power_cuts))
        .with("taken_in", float(sum.taken_in)))
}
