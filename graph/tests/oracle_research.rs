//! Equal to the reference implementation on research graphs, where its folder and python3 with numpy are at hand.
//! The graphs are not ours to copy: the folder is `HEIRLOOM_TRUST_EVAL`, or `../shared/trust-eval` beside the
//! repository. Where something is missing the test says that it compared nothing, and passes.
#![allow(clippy::print_stderr, reason = "a comparison that did not take place must be told")]
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::dice::Dice;
use common::table::{Table, named};
use heirloom_graph::{NodeId, Params};

/// Largest difference that is accepted, as the metric's description asks.
const TOLERANCE: f64 = 1e-6;
/// How far flow is followed: what the comparison is made at, and what is merely reported.
const EPSILON: f64 = 1e-14;
const COARSE_EPSILON: f64 = 1e-8;

/// Where the reference implementation and its graphs are, or why they are not.
fn folder() -> Result<PathBuf, String> {
    let beside =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../../shared/trust-eval");
    let folder = env::var_os("HEIRLOOM_TRUST_EVAL").map_or(beside, PathBuf::from);
    if !folder.join("metrics2.py").is_file() || !folder.join("data").is_dir() {
        return Err(format!("no metrics2.py and data in {}: set HEIRLOOM_TRUST_EVAL", folder.display()));
    }
    let python = Command::new("python3").args(["-B", "-c", "import numpy, scipy"]).output();
    match python {
        Ok(output) if output.status.success() => Ok(folder),
        Ok(_) => Err("python3 has no numpy and scipy".to_owned()),
        Err(why) => Err(format!("python3 does not run: {why}")),
    }
}

/// Who says what of whom, for choosing roots.
fn rows_by_issuer(table: &Table) -> BTreeMap<&str, BTreeMap<&str, f64>> {
    let mut rows: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for (issuer, subject, level, _) in &table.rows {
        rows.entry(issuer).or_default().insert(subject, *level);
    }
    rows
}

/// Eight roots, then four sets of three of which no two contradict each other (the reference lets the last decide).
fn root_sets(table: &Table) -> Vec<Vec<&str>> {
    let rows = rows_by_issuer(table);
    let busy = |row: &&BTreeMap<&str, f64>| row.values().filter(|level| **level > 0.0).count() >= 10;
    let mut issuers: Vec<&str> = rows.iter().filter(|(_, row)| busy(row)).map(|(issuer, _)| *issuer).collect();
    Dice::new(2026).shuffle(&mut issuers);
    // The busiest and the quietest too: budgets bind for one, flow is scarce for the other.
    let size = |issuer: &&&str| rows[**issuer].len();
    let mut sets: Vec<Vec<&str>> = issuers.iter().take(6).map(|issuer| vec![*issuer]).collect();
    sets.extend(rows.keys().max_by_key(size).map(|issuer| vec![*issuer]));
    sets.extend(rows.keys().min_by_key(size).map(|issuer| vec![*issuer]));
    let agree = |a: &str, b: &str| rows[a].iter().all(|(subject, l)| rows[b].get(subject).is_none_or(|m| l * m > 0.0));
    let mut rest: BTreeSet<usize> = (6..issuers.len()).collect();
    for _ in 0..4 {
        let mut set: Vec<&str> = Vec::new();
        for at in rest.clone() {
            if set.len() < 3 && set.iter().all(|root| agree(root, issuers[at])) {
                set.push(issuers[at]);
                rest.remove(&at);
            }
        }
        sets.push(set);
    }
    sets
}

/// (set of roots, preset, key) → (score, C), of keys that are rated at all.
type Answers = BTreeMap<(usize, String, NodeId), (f64, f64)>;

fn reference(folder: &Path, edges: &Path, sets: &[Vec<&str>]) -> Answers {
    let script = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"))
        .join("tests/fixtures/reference.py");
    let mut python = Command::new("python3");
    python.arg("-B").arg(script).arg(folder).arg(edges).args(sets.iter().map(|set| set.join(",")));
    let output = python.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let at = (fields[0].parse().unwrap(), fields[1].to_owned(), named(fields[2]));
        (at, (fields[3].parse().unwrap(), fields[4].parse().unwrap()))
    };
    String::from_utf8(output.stdout).unwrap().lines().map(answer).collect()
}

/// Largest differences of score and of support, over all keys, sets of roots and presets.
fn largest(table: &Table, sets: &[Vec<&str>], wanted: &Answers, epsilon: f64) -> (f64, f64) {
    let mut largest = (0.0_f64, 0.0_f64);
    for (at, set) in sets.iter().enumerate() {
        let graph = table.graph(set);
        for (name, preset) in [("strict", Params::strict()), ("standard", Params::standard())] {
            let scores = table.scores(&graph, &preset, epsilon);
            for (key, got) in scores.keys() {
                let wanted = wanted.get(&(at, name.to_owned(), key)).copied().unwrap_or_default();
                largest.0 = largest.0.max((got.score - wanted.0).abs());
                largest.1 = largest.1.max((got.support - wanted.1).abs());
            }
        }
    }
    largest
}

fn assert_equal_to_the_reference(name: &str) {
    let compared = folder().and_then(|folder| {
        let edges = folder.join("data").join(name);
        if edges.is_file() { Ok((folder, edges)) } else { Err(format!("no file {}", edges.display())) }
    });
    let (folder, edges) = match compared {
        Ok(found) => found,
        Err(why) => return eprintln!("{name}: COMPARED NOTHING with the reference implementation: {why}"),
    };
    let table = Table::read(&edges);
    let sets = root_sets(&table);
    let wanted = reference(&folder, &edges, &sets);
    assert!(wanted.len() > 100 * sets.len(), "the reference rates somebody");
    let (score, support) = largest(&table, &sets, &wanted, EPSILON);
    let (coarse, _) = largest(&table, &sets, &wanted, COARSE_EPSILON);
    eprintln!(
        "{name}: {} sets of roots, {} answers; largest difference of a score {score:.1e}",
        sets.len(),
        wanted.len()
    );
    eprintln!("{name}: of support {support:.1e}; of a score with flow cut at {COARSE_EPSILON:e}: {coarse:.1e}");
    assert!(score < TOLERANCE && support < TOLERANCE, "{name}: score {score:e}, support {support:e}");
}

#[test]
fn bitcoin_alpha_scores_as_in_the_reference() {
    assert_equal_to_the_reference("bitcoin-alpha.csv");
}

#[test]
fn debian_keyring_scores_as_in_the_reference() {
    assert_equal_to_the_reference("debian-keyring.csv");
}
