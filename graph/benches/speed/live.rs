//! What "one changed statement, with everything that follows from it" asks of an engine.

use heirloom_graph::{NodeId, Params, Root, Scope, Score, Scores, Statement, TrustGraph};

use crate::web::Web;

/// A graph with scores that are kept up to date.
pub trait Live {
    /// How it keeps them up to date, for the table.
    fn method(&self) -> &'static str;
    fn say(&mut self, statement: Statement);
    fn retract(&mut self, issuer: &NodeId, subject: &NodeId);
    fn follow(&mut self, root: Root);
    fn unfollow(&mut self, key: &NodeId);
    /// Afterwards every score is that of the changed graph.
    fn settle(&mut self);
    fn score(&self, key: &NodeId) -> Score;
    /// Largest difference of any key's score from one computed from nothing (P14 of the metric).
    fn drift(&self) -> f64;
}

/// The public interface of the crate: the graph takes the change, the scores follow.
pub struct Kept {
    graph: TrustGraph,
    params: Params,
    scores: Scores,
}

impl Kept {
    pub fn new(graph: TrustGraph, params: Params) -> Self {
        let scores = compute(&graph, &params);
        Self { graph, params, scores }
    }
}

/// Everything from nothing.
pub fn compute(graph: &TrustGraph, params: &Params) -> Scores {
    Scores::compute(graph, Scope::All, Web::epoch(), params)
}

impl Live for Kept {
    fn method(&self) -> &'static str {
        "incremental"
    }

    fn say(&mut self, statement: Statement) {
        self.graph.add_statement(statement).expect("levels are within -1..=1");
    }

    fn retract(&mut self, issuer: &NodeId, subject: &NodeId) {
        assert!(self.graph.remove_statement(issuer, subject, Scope::All), "only live statements are retracted");
    }

    fn follow(&mut self, root: Root) {
        self.graph.set_root(root).expect("a follow is not an own key");
    }

    fn unfollow(&mut self, key: &NodeId) {
        assert!(self.graph.remove_root(key, Scope::All), "only follows are unfollowed");
    }

    fn settle(&mut self) {
        self.scores.update(&self.graph, Web::epoch());
    }

    fn score(&self, key: &NodeId) -> Score {
        self.scores.on(&self.graph).key(key)
    }

    fn drift(&self) -> f64 {
        let fresh = compute(&self.graph, &self.params);
        fresh
            .on(&self.graph)
            .keys()
            .map(|(key, score)| (score.score - self.score(&key).score).abs())
            .fold(0.0, f64::max)
    }
}
