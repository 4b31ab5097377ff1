//! Our own figures: whole scorings, single changes, and memory.

use std::alloc::System;
use std::time::{Duration, Instant};

use cap::Cap;
use heirloom_graph::{FollowLevel, Params, Root, Scope, TrustGraph, Values};

use crate::Options;
use crate::changes::{Change, Changes, Issuers};
use crate::clock::{Times, repeated, timed};
use crate::live::{Kept, Live, compute};
use crate::table;
use crate::web::{SEED, Web};

// Counts what is allocated and not freed, and passes everything on to the system's allocator.
#[global_allocator]
static ALLOCATED: Cap<System> = Cap::new(System, usize::MAX);

/// Accuracies of the flow: the one that is asked for first, as everything is compared with it.
const EPSILONS: [f64; 3] = [1e-8, 1e-10, 1e-12];
const RUNS: usize = 3;

fn accurate(preset: &Params, reach_epsilon: f64) -> Params {
    Params::new(Values { reach_epsilon, ..*preset.values() }).expect("only the accuracy differs from the preset")
}

/// The strict preset at the accuracy that the target names.
pub fn target() -> Params {
    accurate(&Params::strict(), EPSILONS[0])
}

/// Bytes that making something left allocated, and the thing.
fn weighed<T>(make: impl FnOnce() -> T) -> (usize, T) {
    let before = ALLOCATED.allocated();
    let made = make();
    (ALLOCATED.allocated().saturating_sub(before), made)
}

/// A whole scoring as the target names it: the time that everything is compared with.
pub fn target_whole(graph: &TrustGraph, limit: Duration) -> Duration {
    let params = target();
    let times = repeated(RUNS, limit, || drop(compute(graph, &params)));
    let fastest = times.fastest();
    table::whole("heirloom", "strict, 1e-8", times, fastest);
    fastest
}

/// Whole scorings with both presets and every accuracy; the first is what others are compared with.
pub fn every_whole(graph: &TrustGraph, limit: Duration) -> Duration {
    let first = target_whole(graph, limit);
    for (name, preset) in [("strict", Params::strict()), ("standard", Params::standard())] {
        for epsilon in EPSILONS.into_iter().skip(usize::from(name == "strict")) {
            let params = accurate(&preset, epsilon);
            let times = repeated(RUNS, limit, || drop(compute(graph, &params)));
            table::whole("heirloom", &format!("{name}, {epsilon:e}"), times, first);
        }
    }
    let scores = compute(graph, &target());
    let mut reading = repeated(RUNS, limit, || {
        std::hint::black_box(scores.on(graph).keys().map(|(_, score)| score.score).sum::<f64>());
    });
    table::apart("heirloom", "reading every key's score", reading.quantile(0.5));
    first
}

/// Bytes of the graph, of the names in it, and of the scores.
pub fn memory(web: &Web) -> TrustGraph {
    table::section("Memory", &["what", "allocated", "each"]);
    let (names, graph) = weighed(|| only_names(web));
    drop(graph);
    let (time, (total, graph)) = timed(|| weighed(|| web.graph()));
    table::bytes("graph, names included", total, web.said.len(), "edge");
    table::bytes("graph, less the names", total.saturating_sub(names), web.said.len(), "edge");
    table::bytes("names: a graph of keys alone", names, web.keys as usize, "key");
    let (working, scores) = weighed(|| compute(&graph, &target()));
    table::bytes("scores, with their working state", working, web.keys as usize, "key");
    let with_power = scores.on(&graph).keys().filter(|(_, score)| score.power_for > 0.0).count();
    let reached = scores.on(&graph).keys().filter(|(_, score)| score.reach > 0.0).count();
    let rated = scores.on(&graph).keys().filter(|(_, score)| score.score.abs() > 0.0).count();
    println!(
        "\nBuilding the graph took {time:.1?}. At 1e-8 the flow reaches {reached} keys, {with_power} have power, \
         {rated} are rated."
    );
    graph
}

/// The same keys, none of which said anything: a root that was removed again leaves its name.
fn only_names(web: &Web) -> TrustGraph {
    let mut graph = TrustGraph::new();
    for key in (0..web.keys).map(Web::id) {
        graph.set_root(Root::follow(key, FollowLevel::Low)).expect("follows can be many");
        graph.remove_root(&key, Scope::All);
    }
    graph
}

/// Single changes by every choice of issuers, then follows and unfollows.
pub fn every_change(web: &Web, graph: TrustGraph, options: &Options) {
    let powerful = compute(&graph, &target());
    let powerful = (0..web.keys).filter(|key| powerful.on(&graph).key(&Web::id(*key)).power_for > 0.0).collect();
    let mut live = Kept::new(graph, target());
    table::section(
        &format!("One change with everything that follows from it ({}; strict, 1e-8)", live.method()),
        &["issuer", "changes", "p50", "p99", "longest", "p99 of the graph's part"],
    );
    let mut changes = Changes::new(web, SEED);
    let mixes = [
        ("any key", Issuers::Uniform),
        ("of a random attestation", Issuers::ByEdge),
        ("a key with power", Issuers::Among(powerful)),
    ];
    for (name, issuers) in mixes {
        let (mut whole, mut edit) = (Times::default(), Times::default());
        let start = Instant::now();
        while whole.count() < options.changes && start.elapsed() < options.row {
            let change = changes.next(&issuers);
            let (total, edited) = apply(&mut live, &change);
            whole.push(total);
            edit.push(edited);
        }
        table::changes(name, &mut whole, &mut edit);
    }
    let drift = live.drift();
    follows(web, &mut live, &mut changes, options);
    println!("\nAfter all changes of statements, no score differed by more than {drift:.1e} from one computed anew.");
}

/// Makes one change and reads the score of its subject. The time of all of it, and of the graph's part.
fn apply(live: &mut impl Live, change: &Change) -> (Duration, Duration) {
    let subject = match change {
        Change::Say(statement) => statement.subject,
        Change::Retract { subject, .. } => Web::id(*subject),
    };
    let (total, edited) = timed(|| {
        let (edited, ()) = timed(|| match change {
            Change::Say(statement) => live.say(*statement),
            Change::Retract { issuer, subject } => live.retract(&Web::id(*issuer), &Web::id(*subject)),
        });
        live.settle();
        std::hint::black_box(live.score(&subject));
        edited
    });
    (total, edited)
}

fn follows(web: &Web, live: &mut impl Live, changes: &mut Changes<'_>, options: &Options) {
    let roots: Vec<u32> = web.follows.iter().copied().chain([web.me]).collect();
    let [mut follow, mut follow_edit, mut unfollow, mut unfollow_edit] = [(); 4].map(|()| Times::default());
    let start = Instant::now();
    while follow.count() < options.changes && start.elapsed() < options.row {
        let key = Web::id(changes.stranger(&roots));
        for (is_follow, whole, edit) in
            [(true, &mut follow, &mut follow_edit), (false, &mut unfollow, &mut unfollow_edit)]
        {
            let (total, edited) = timed(|| {
                let (edited, ()) = timed(|| {
                    if is_follow { live.follow(Root::follow(key, FollowLevel::High)) } else { live.unfollow(&key) }
                });
                live.settle();
                std::hint::black_box(live.score(&key));
                edited
            });
            whole.push(total);
            edit.push(edited);
        }
    }
    table::changes("I follow a key", &mut follow, &mut follow_edit);
    table::changes("I unfollow it", &mut unfollow, &mut unfollow_edit);
}
