//! Equal to the reference implementation on small invented graphs (`fixtures/generate.py` wrote the answers).
#![allow(clippy::float_cmp, reason = "scores are exact: what is compared is compared bit for bit")]
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use heirloom_graph::{Epoch, FollowLevel, NodeId, Params, Root, RootPolicy, Scope, Scores, Statement, TrustGraph};

/// Largest difference that is accepted, as the metric's description asks.
const TOLERANCE: f64 = 1e-6;

fn read(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn id(name: &str) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&name.parse::<u64>().unwrap().to_be_bytes());
    NodeId(bytes)
}

fn graph(case: u32) -> (TrustGraph, Epoch) {
    let (mut graph, mut newest_s) = (TrustGraph::new(), 0);
    for line in read(&format!("{case}.edges.csv")).lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let time_s: u64 = fields[3].parse().unwrap();
        newest_s = newest_s.max(time_s);
        graph
            .add_statement(Statement {
                issuer: id(fields[0]),
                subject: id(fields[1]),
                scope: Scope::All,
                level: fields[2].parse().unwrap(),
                time_ms: time_s * 1000,
                expires_ms: None,
            })
            .unwrap();
    }
    for root in read(&format!("{case}.roots.txt")).lines() {
        graph.set_root(Root::follow(id(root), FollowLevel::Full)).unwrap();
    }
    let epoch = if newest_s > 1_000_000_000 { Epoch::exactly(newest_s * 1000) } else { Epoch::ageless() };
    (graph, epoch)
}

#[test]
fn scores_equal_those_of_the_reference() {
    for case in 1..=5 {
        let (graph, epoch) = graph(case);
        let compute = |params: Params| {
            let params = params.with_root_policy(RootPolicy::Equal);
            Scores::compute(&graph, Scope::All, epoch, &params)
        };
        let (strict, standard) = (compute(Params::strict()), compute(Params::standard()));
        let mut largest: BTreeMap<&str, f64> = BTreeMap::new();
        let mut rated = 0;
        for line in read(&format!("{case}.expected.csv")).lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let key = id(fields[0]);
            let got = [strict.key(&key).score, standard.key(&key).score, strict.key(&key).support];
            for (name, (got, wanted)) in ["strict", "standard", "support"].into_iter().zip(got.iter().zip(&fields[1..]))
            {
                let difference = (got - wanted.parse::<f64>().unwrap()).abs();
                let worst = largest.entry(name).or_default();
                *worst = worst.max(difference);
            }
            rated += usize::from(got[0] != 0.0);
        }
        assert!(rated > 5, "case {case} rates somebody");
        assert!(largest.values().all(|worst| *worst < TOLERANCE), "case {case}: {largest:?}");
    }
}
