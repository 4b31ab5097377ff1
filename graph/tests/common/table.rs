//! Graphs as tables `src,dst,weight,time`, for comparison with the reference implementation.

use std::fs;
use std::path::Path;

use heirloom_graph::{Epoch, FollowLevel, NodeId, Params, Root, RootPolicy, Scope, Statement, TrustGraph, Values};

use super::scored::Scored;

/// Times up to here are counters, and nothing ages.
const COUNTER_MAX_S: u64 = 1_000_000_000;

pub struct Table {
    /// Issuer, subject, level, seconds.
    pub rows: Vec<(String, String, f64, u64)>,
}

/// A key of a name of at most 32 bytes.
pub fn named(name: &str) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    NodeId(bytes)
}

impl Table {
    pub fn read(file: &Path) -> Self {
        let row = |line: &str| {
            let fields: Vec<&str> = line.split(',').collect();
            (fields[0].to_owned(), fields[1].to_owned(), fields[2].parse().unwrap(), fields[3].parse().unwrap())
        };
        Self { rows: fs::read_to_string(file).unwrap().lines().skip(1).map(row).collect() }
    }

    /// The graph with these roots, all alike.
    pub fn graph(&self, roots: &[&str]) -> TrustGraph {
        let mut graph = TrustGraph::new();
        for (issuer, subject, level, time_s) in &self.rows {
            let statement = Statement {
                issuer: named(issuer),
                subject: named(subject),
                scope: Scope::All,
                level: *level,
                time_ms: time_s * 1000,
                expires_ms: None,
            };
            graph.add_statement(statement).unwrap();
        }
        roots.iter().for_each(|root| graph.set_root(Root::follow(named(root), FollowLevel::Full)).unwrap());
        graph
    }

    /// The moment of its newest row.
    pub fn epoch(&self) -> Epoch {
        let newest = self.rows.iter().map(|row| row.3).max().unwrap_or(0);
        if newest > COUNTER_MAX_S { Epoch::exactly(newest * 1000) } else { Epoch::ageless() }
    }

    /// Scores by the rules of the reference implementation, with flow followed down to `reach_epsilon`.
    pub fn scores<'a>(&self, graph: &'a TrustGraph, preset: &Params, reach_epsilon: f64) -> Scored<'a> {
        let params = Params::new(Values { reach_epsilon, ..*preset.values() }).unwrap();
        Scored::at(graph, Scope::All, self.epoch(), &params.with_root_policy(RootPolicy::Equal))
    }
}
