//! Growth: what a node costs when the network grows. Real cores as far as a machine carries them; beyond, leaves that
//! are reckoned: the graph and its scores, the filters, the reconciliation and the frames are real, the rest is counted.

mod leaf;

use super::{Play, circle, float};
use crate::report::{Line, Outcome, Plot};
use crate::settings::{Figure, Parameter, Settings, figure, number};
use crate::world::Failure;
use heirloom_core::budgets::TRAFFIC_PER_DAY;
use leaf::{Day, Leaf};
use serde_json::json;

/// The play.
pub static PLAY: Play = Play {
    name: "growth",
    about: "what a node costs as the network grows: real cores, then reckoned leaves",
    parameters: &PARAMETERS,
    figures: &FIGURES,
    check,
    run,
};

static PARAMETERS: [Parameter; 16] = [
    number("nodes_least", 100, (10, 20_000), "nodes with real cores, at first"),
    number("nodes_most", 1000, (10, 20_000), "and at last; ten times as many at each step"),
    number("publishers", 5, (1, 1000), "honest people whose word others wait for, at any size"),
    number("statements", 10, (0, 150), "what a publisher says"),
    number("follows", 3, (1, 100), "publishers that a reader follows"),
    number("minutes", 30, (5, 1440), "how long it is looked at"),
    number("leaves_least", 1000, (100, 1_000_000), "keys of the network in which leaves are reckoned, at first"),
    number("leaves_most", 100_000, (100, 1_000_000), "and at last; ten times as many at each step"),
    number("leaf_follows", 20, (1, 1000), "keys that a leaf follows"),
    number("edges", 10, (1, 100), "keys that a key attests"),
    number("kept", 500, (10, 5000), "keys that a leaf keeps; 5,000 is what the core keeps"),
    number("words_per_day", 10, (0, 1000), "statements of a key in a day"),
    number("word_bytes", 300, (100, 8000), "bytes of a statement on the wire"),
    number("peers", 8, (1, 64), "peers of a leaf"),
    number("sampled", 5, (1, 100), "leaves that are reckoned at each size"),
    number("days", 2, (1, 30), "days that a leaf is followed"),
];

static FIGURES: [Figure; 11] = [
    figure("heard_share", "", "of all that followed keys say, what is at followers, at the worst size"),
    figure("node_bytes_change", "", "bytes of a node in an hour: by how much they differ between the sizes"),
    figure("node_bytes_per_hour", "B", "the same at the largest size"),
    figure("delay_p99_s", "s", "from saying to hearing by gossip, 99 of 100, at the largest size"),
    figure("leaf_bytes_change", "", "bytes that a leaf pulls in a day: by how much they differ between the sizes"),
    figure("leaf_bytes_per_day", "B", "the same at the largest size"),
    figure("leaf_sync_share", "", "part of it that finds what is new"),
    figure("leaf_kept", "", "keys that a leaf keeps at the largest size"),
    figure("leaf_unasked", "", "heads a day that came because a filter matches by chance, at the largest size"),
    figure("full_gossip_bytes_per_day", "B", "what full gossip would bring at the largest size: why leaves pull"),
    figure("keys_within_budget", "", "keys up to which full gossip and pulling fit the traffic of a day"),
];

fn check(settings: &Settings) -> Result<(), String> {
    for (least, most) in [("nodes_least", "nodes_most"), ("leaves_least", "leaves_most")] {
        if settings.get(least) > settings.get(most) {
            return Err(format!("{least} must not be above {most}"));
        }
    }
    if settings.get("publishers") >= settings.get("nodes_least") {
        return Err("publishers must be fewer than nodes_least".into());
    }
    if settings.get("leaf_follows").max(settings.get("edges")) >= settings.get("leaves_least") {
        return Err("leaf_follows and edges must be fewer than leaves_least".into());
    }
    Ok(())
}

/// From the least to the most, ten times as many at each step.
fn sizes(settings: &Settings, least: &str, most: &str) -> Vec<u64> {
    let (least, most) = (settings.get(least), settings.get(most));
    let mut sizes: Vec<u64> =
        std::iter::successors(Some(least), |size| size.checked_mul(10)).take_while(|size| *size < most).collect();
    sizes.push(most);
    sizes
}

/// By how much values differ: the largest from the smallest, over their mean.
fn spread(values: &[f64]) -> f64 {
    let (most, least) = (values.iter().copied().fold(0.0, f64::max), values.iter().copied().fold(f64::MAX, f64::min));
    let mean = values.iter().sum::<f64>() / float(values.len().max(1) as u64);
    if mean > 0.0 { (most - least) / mean } else { 0.0 }
}

fn run(settings: &Settings) -> Result<Outcome, Failure> {
    let (mut points, mut heard, mut last): (Vec<(f64, f64)>, f64, Option<Outcome>) = (Vec::new(), 1.0, None);
    for nodes in sizes(settings, "nodes_least", "nodes_most") {
        let outcome = (circle::PLAY.run)(&of_circle(settings, nodes))?;
        let figure = |name: &str| outcome.figures.get(name).copied().unwrap_or(f64::NAN);
        points.push((float(nodes), figure("bytes_per_node_hour")));
        heard = heard.min(figure("heard_share"));
        last = Some(match last {
            None => outcome,
            Some(before) => Outcome {
                digest: heirloom_proto::Sha256::of(&[before.digest.0, outcome.digest.0].concat()),
                steps: before.steps + outcome.steps,
                trace: before.trace.into_iter().chain(outcome.trace).collect(),
                ..outcome
            },
        });
    }
    let mut leaves: Vec<(f64, Day)> = Vec::new();
    for keys in sizes(settings, "leaves_least", "leaves_most") {
        leaves.push((float(keys), Leaf::mean_day(settings, keys)));
    }
    // PANIC: there is one size at least.
    let (outcome, (_, day)) = last.zip(leaves.last().cloned()).expect("a size");
    let delay = outcome.figures.get("delay_p99_s").copied().unwrap_or(f64::NAN);
    let node_bytes: Vec<f64> = points.iter().map(|(_, bytes)| *bytes).collect();
    let leaf_bytes: Vec<f64> = leaves.iter().map(|(_, day)| day.bytes()).collect();
    let gossip = |keys: f64| keys * float(settings.get("words_per_day") * settings.get("word_bytes")) * 4.0;
    let mut done = Outcome { figures: Default::default(), plots: Vec::new(), ..outcome }
        .with("heard_share", heard)
        .with("node_bytes_change", spread(&node_bytes))
        .with("node_bytes_per_hour", node_bytes.last().copied().unwrap_or(0.0))
        .with("delay_p99_s", delay)
        .with("leaf_bytes_change", spread(&leaf_bytes))
        .with("leaf_bytes_per_day", day.bytes())
        .with("leaf_sync_share", day.finding / day.bytes().max(1.0))
        .with("leaf_kept", day.kept)
        .with("leaf_unasked", day.unasked)
        .with("full_gossip_bytes_per_day", gossip(float(settings.get("leaves_most"))))
        .with("keys_within_budget", (float(TRAFFIC_PER_DAY) - day.bytes()).max(0.0) / gossip(1.0).max(1.0));
    let line = |name: &str, points: Vec<(f64, f64)>| Line { name: name.to_owned(), points };
    done.plots.push(Plot {
        name: "nodes",
        title: "Bytes of a node in an hour, as much being said at every size".into(),
        x: "nodes",
        y: "bytes",
        lines: vec![line("gossip and sync", points.clone())],
    });
    done.plots.push(Plot {
        name: "leaves",
        title: "Bytes that a leaf pulls in a day".into(),
        x: "keys of the network",
        y: "bytes",
        lines: vec![
            line("all", leaves.iter().map(|(keys, day)| (*keys, day.bytes())).collect()),
            line("finding what is new", leaves.iter().map(|(keys, day)| (*keys, day.finding)).collect()),
        ],
    });
    let rows = leaves.iter().map(|(keys, day)| {
        json!({
            "keys": keys, "kept": day.kept, "circle": day.circle, "finding": day.finding, "words": day.words,
            "unasked": day.unasked,
        })
    });
    done.details = json!({ "nodes": points, "leaves": rows.collect::<Vec<_>>() });
    Ok(done)
}

/// A circle of that size in which as much is said as in any other.
fn of_circle(settings: &Settings, nodes: u64) -> Settings {
    let mut of = Settings::usual(settings.seed, circle::PLAY.parameters);
    (of.keeps_trace, of.breaks) = (settings.keeps_trace, settings.breaks);
    for (name, value) in [
        ("nodes", nodes),
        ("publishers", settings.get("publishers")),
        ("statements", settings.get("statements")),
        ("follows", settings.get("follows")),
        ("calm_minutes", 0),
        ("storm_minutes", settings.get("minutes")),
    ] {
        // PANIC: the ranges here lie within those there.
        of.set(circle::PLAY.parameters, name, value).expect("within the ranges of a circle");
    }
    of
}
