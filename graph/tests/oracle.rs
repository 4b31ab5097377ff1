//! Equal to the reference implementation on invented graphs (`fixtures/generate.py` wrote the answers).
#![allow(clippy::print_stderr, reason = "how close the two come is worth seeing, with --nocapture")]
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use std::fs;
use std::path::PathBuf;

use common::table::{Table, named};
use heirloom_graph::Params;

/// Largest difference that is accepted, as the metric's description asks.
const TOLERANCE: f64 = 1e-6;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("tests/fixtures").join(name)
}

/// Compares every key of one case, under both presets.
fn assert_equal_to_the_reference(case: u32) {
    let table = Table::read(&fixture(&format!("{case}.edges.csv")));
    let roots = fs::read_to_string(fixture(&format!("{case}.roots.txt"))).unwrap();
    let graph = table.graph(&roots.lines().collect::<Vec<_>>());
    let scores = |preset: Params| table.scores(&graph, &preset, preset.values().reach_epsilon);
    let (strict, standard) = (scores(Params::strict()), scores(Params::standard()));
    let (mut largest, mut rated) = ([0.0_f64; 3], 0);
    for line in fs::read_to_string(fixture(&format!("{case}.expected.csv"))).unwrap().lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let key = named(fields[0]);
        let got = [strict.key(&key).score, standard.key(&key).score, strict.key(&key).support];
        for (largest, (got, wanted)) in largest.iter_mut().zip(got.iter().zip(&fields[1..])) {
            *largest = largest.max((got - wanted.parse::<f64>().unwrap()).abs());
        }
        rated += usize::from(strict.key(&key).score != 0.0);
    }
    let [strict, standard, support] = largest;
    eprintln!("case {case}: {rated} rated; differences strict {strict:.1e}, standard {standard:.1e}, C {support:.1e}");
    assert!(rated > 5, "case {case} rates somebody");
    assert!(largest.iter().all(|largest| *largest < TOLERANCE), "case {case}: {largest:?}");
}

#[test]
fn small_graphs_score_as_in_the_reference() {
    (1..=5).for_each(assert_equal_to_the_reference);
}

#[test]
fn heavy_tails_score_as_in_the_reference() {
    assert_equal_to_the_reference(6);
}

#[test]
fn communities_at_odds_and_dormant_keys_score_as_in_the_reference() {
    assert_equal_to_the_reference(7);
    assert_equal_to_the_reference(12);
}

#[test]
fn levels_of_one_and_times_that_are_counters_score_as_in_the_reference() {
    assert_equal_to_the_reference(8);
}

#[test]
fn levels_on_the_borders_of_bins_score_as_in_the_reference() {
    assert_equal_to_the_reference(9);
    assert_equal_to_the_reference(11);
}

#[test]
fn a_ring_that_slanders_scores_as_in_the_reference() {
    assert_equal_to_the_reference(10);
}
