//! A ring of fakes on a whole node: fooled friends let it in, it praises itself, lists a fake and slanders an honest
//! release. What it gains is measured for a small ring and for a large one, by real cores that took every word in.

use super::{Play, float};
use crate::hand::Hand;
use crate::people::{film, follow, insist, sybil_ring::listing};
use crate::report::{Line, Outcome, Plot};
use crate::settings::{Figure, Parameter, Settings, figure, number};
use crate::world::{Failure, World};
use heirloom_core::command::{Command, IMPORT_BYTES_MAX, Reply};
use heirloom_core::views::{Release, Ring};
use heirloom_graph::Band;
use heirloom_proto::body::{Attestation, Level, Opinion, Scope, Verdict};
use heirloom_proto::{Body, Key, Timestamp};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// The play.
pub static PLAY: Play = Play {
    name: "ring",
    about: "what a ring of fakes gains on a whole node, whatever its size",
    parameters: &PARAMETERS,
    figures: &FIGURES,
    check,
    run,
};

static PARAMETERS: [Parameter; 5] = [
    number("few", 1000, (10, 100_000), "keys of the small ring"),
    number("many", 100_000, (10, 200_000), "keys of the large ring"),
    number("friends", 3, (1, 50), "honest friends who were fooled: edges into the ring"),
    number("edges", 10, (1, 40), "fakes that a fake praises"),
    number("loud", 300, (10, 1000), "fakes that praise many, list and slander; the others praise one of those"),
];

static FIGURES: [Figure; 9] = [
    figure("votes_change", "", "sum of the votes for the ring: by how much it differs between the two sizes"),
    figure("votes_most_change", "", "the same for the most that it could become"),
    figure("admitted_change", "", "the same for how many fakes are trusted or vouched"),
    figure("fake_support_change", "", "the same for the declared support of the fake"),
    figure("votes", "", "sum of the votes for the large ring"),
    figure("votes_most", "", "the most that it could become"),
    figure("fake_score", "", "score of the fake, with the large ring"),
    figure("slander_effect", "", "how far the score of the honest release moved, at most"),
    figure("honest_trusted", "", "whether the honest release is trusted with either ring: 1 or 0"),
];

fn check(settings: &Settings) -> Result<(), String> {
    let (few, many, friends) = (settings.get("few"), settings.get("many"), settings.get("friends"));
    if few > many {
        return Err(format!("few = {few} must not be above many = {many}"));
    }
    if friends > few {
        return Err(format!("friends = {friends} must not be above few = {few}: each is fooled by another fake"));
    }
    let loud = settings.get("loud");
    if loud > few {
        return Err(format!("loud = {loud} must not be above few = {few}: both rings have the same loud fakes"));
    }
    Ok(())
}

/// What one ring came to.
struct Gain {
    ring: Ring,
    fake: Option<Release>,
    honest_before: f64,
    honest: Option<Release>,
    world: World,
}

fn run(settings: &Settings) -> Result<Outcome, Failure> {
    let few = gain(settings, settings.count("few"))?;
    let many = gain(settings, settings.count("many"))?;
    let change = |of: fn(&Gain) -> f64| {
        let (a, b) = (of(&few), of(&many));
        if a.abs().max(b.abs()) < 1e-12 { 0.0 } else { (a - b).abs() / a.abs().max(b.abs()) }
    };
    let admitted = |gain: &Gain| {
        let of = |band: Band| gain.ring.in_band.get(&band).copied().unwrap_or(0) as u64;
        float(of(Band::Trusted) + of(Band::Vouched))
    };
    let slander = |gain: &Gain| (gain.honest.as_ref().map_or(-1.0, |it| it.score) - gain.honest_before).abs();
    let is_trusted = |gain: &Gain| gain.honest.as_ref().is_some_and(|release| release.band == Band::Trusted);
    let mut outcome = Outcome::of(&many.world)
        .with("votes_change", change(|gain| gain.ring.votes))
        .with("votes_most_change", change(|gain| gain.ring.votes_max))
        .with("admitted_change", change(admitted))
        .with("fake_support_change", change(|gain| gain.fake.as_ref().map_or(0.0, |fake| fake.support)))
        .with("votes", many.ring.votes)
        .with("votes_most", many.ring.votes_max)
        .with("fake_score", many.fake.as_ref().map_or(0.0, |fake| fake.score))
        .with("slander_effect", slander(&few).max(slander(&many)))
        .with("honest_trusted", f64::from(is_trusted(&few) && is_trusted(&many)));
    outcome.digest = heirloom_proto::Sha256::of(&[few.world.trace().digest().0, outcome.digest.0].concat());
    outcome.steps += few.world.steps();
    outcome.trace.splice(0..0, few.world.trace().whole().iter().cloned());
    let line = |name: &str, of: fn(&Gain) -> f64| Line {
        name: name.to_owned(),
        points: [&few, &many].map(|gain| (float(gain.ring.keys as u64), of(gain))).to_vec(),
    };
    outcome.plots.push(Plot {
        name: "gain",
        title: "What a ring gains".into(),
        x: "keys of the ring",
        y: "sum of votes",
        lines: vec![line("has", |gain| gain.ring.votes), line("could have", |gain| gain.ring.votes_max)],
    });
    let bands = |gain: &Gain| gain.ring.in_band.iter().map(|(band, n)| (band.to_string(), *n)).collect::<Vec<_>>();
    outcome.details = json!({ "few": bands(&few), "many": bands(&many) });
    Ok(outcome)
}

/// Pours a ring into a node, and asks what it has.
fn gain(settings: &Settings, size: usize) -> Result<Gain, Failure> {
    let mut world = World::new(settings.seed, 1, 0, settings.keeps_trace);
    world.without_dht();
    world.boot_in(0, Duration::ZERO);
    world.run_for(Duration::from_secs(1))?;
    let mut friends: Vec<Hand> = (0..settings.get("friends")).map(|_| Hand::new(world.dice().bytes())).collect();
    for friend in &friends {
        insist(&mut world, 0, &follow(friend.key(), Level::HIGH))?;
    }
    let mut frank = Hand::new(world.dice().bytes());
    insist(&mut world, 0, &follow(frank.key(), Level::MEDIUM))?;
    let wall = world.wall();
    let honest = listing("the honest one");
    pour(&mut world, vec![says(&mut frank, &Body::Listing(honest.clone()), wall)])?;
    let honest_before = shown(&mut world, honest.infohash)?.map_or(0.0, |release| release.score);

    // The loud fakes are drawn first, so that they are the same in a small ring and in a large one: two that differ in
    // whom they praise differ in what they gain, whatever their size.
    let loud = settings.count("loud");
    let mut ring: Vec<Hand> = (0..loud).map(|_| Hand::new(world.dice().bytes())).collect();
    let mut praised: Vec<Vec<usize>> = Vec::with_capacity(size);
    praised.extend((0..loud).map(|at| others_than(at, settings.count("edges"), loud, &mut world)));
    ring.extend((loud..size).map(|_| Hand::new(world.dice().bytes())));
    praised.extend((loud..size).map(|at| others_than(at, 1, loud, &mut world)));
    let keys: Vec<Key> = ring.iter().map(Hand::key).collect();
    let mut said = Vec::new();
    for (friend, fake) in friends.iter_mut().zip(&keys) {
        said.push(says(friend, &trusts(*fake), wall));
    }
    let fake = listing("the fake");
    for (at, hand) in ring.iter_mut().enumerate() {
        said.extend(praised[at].iter().map(|other| says(hand, &trusts(keys[*other]), wall)));
        if at < loud {
            said.push(says(hand, &Body::Listing(fake.clone()), wall));
            for (infohash, opinion) in [(fake.infohash, Opinion::Good), (honest.infohash, Opinion::Malware)] {
                let verdict = Verdict { infohash, opinion, note: String::new() };
                said.push(says(hand, &Body::Verdict(verdict), wall));
            }
        }
        if said.len() > 2000 {
            pour(&mut world, std::mem::take(&mut said))?;
        }
    }
    pour(&mut world, said)?;
    if let Some(mutation) = settings.breaks {
        world.mutate(0, mutation);
    }
    let keys = keys.into_iter().collect();
    let ring = match insist(&mut world, 0, &Command::Ring { scope: Scope::Catalogue, keys })? {
        Reply::Ring(ring) => *ring,
        other => return world.fail(format!("no audit but {other:?}")),
    };
    let fake = shown(&mut world, fake.infohash)?;
    let honest = shown(&mut world, honest.infohash)?;
    world.audit()?;
    Ok(Gain { ring, fake, honest_before, honest, world })
}

/// At most `steps` of the first `of`, by chance, without `at`.
fn others_than(at: usize, steps: usize, of: usize, world: &mut World) -> Vec<usize> {
    let others: BTreeSet<_> = (0..steps).map(|_| world.dice().index(of)).filter(|other| *other != at).collect();
    others.into_iter().collect()
}

type Said = heirloom_proto::Verified<heirloom_proto::Statement>;

fn says(hand: &mut Hand, body: &Body, wall: Timestamp) -> Said {
    hand.says(body, wall)
}

fn trusts(subject: Key) -> Body {
    let (scope, level, reason) = (Scope::All, Level::FULL, String::new());
    Body::Attestation(Attestation { subject, scope, level, reason })
}

/// Brings statements in by file, in the pieces that the core takes.
pub(super) fn pour(world: &mut World, said: Vec<Said>) -> Result<(), Failure> {
    pour_into(world, 0, said)
}

/// The same, into a node.
pub(super) fn pour_into(world: &mut World, node: usize, said: Vec<Said>) -> Result<(), Failure> {
    let (mut envelopes, mut bytes) = (Vec::new(), 0);
    let mut said = said.into_iter().peekable();
    while let Some(statement) = said.next() {
        world.note_signed(&statement);
        bytes += statement.bytes().len();
        envelopes.push(statement.bytes().to_vec());
        let next = said.peek().map(|next| next.bytes().len());
        if next.is_none_or(|next| bytes + next > IMPORT_BYTES_MAX) {
            bytes = 0;
            insist(world, node, &Command::Import { envelopes: std::mem::take(&mut envelopes) })?;
        }
    }
    Ok(())
}

fn shown(world: &mut World, infohash: heirloom_proto::Infohash) -> Result<Option<Release>, Failure> {
    match insist(world, 0, &Command::Show { work: film(), wait: None, lines: 0 })? {
        Reply::Work(work) => Ok(work.releases.into_iter().find(|release| release.infohash == infohash)),
        other => world.fail(format!("no work but {other:?}")),
    }
}
