//! Reading scores: the one place of these tests that knows how scores are computed and asked for.

use heirloom_graph::{Epoch, NodeId, Params, ReleaseId, Scope, Score, Scores, TrustGraph};

use super::TODAY;

/// A graph with its scores.
pub struct Scored<'a> {
    graph: &'a TrustGraph,
    scores: Scores,
}

impl<'a> Scored<'a> {
    pub fn at(graph: &'a TrustGraph, scope: Scope, epoch: Epoch, params: &Params) -> Self {
        Self { graph, scores: Scores::compute(graph, scope, epoch, params) }
    }

    /// The catalogue as it is heard today.
    pub fn today(graph: &'a TrustGraph, params: &Params) -> Self {
        Self::at(graph, Scope::Catalogue, Epoch::of(TODAY), params)
    }

    pub fn key(&self, id: &NodeId) -> Score {
        self.scores.on(self.graph).key(id)
    }

    pub fn distance(&self, id: &NodeId) -> Option<u32> {
        self.scores.on(self.graph).distance(id)
    }

    pub fn keys(&self) -> Vec<(NodeId, Score)> {
        self.scores.on(self.graph).keys().collect()
    }

    pub fn release(&self, id: &ReleaseId) -> Score {
        self.scores.on(self.graph).release(id)
    }

    pub fn listing(&self, id: &ReleaseId) -> Score {
        self.scores.on(self.graph).listing(id)
    }

    /// Every release with its score as a torrent and as a listing.
    pub fn releases(&self) -> Vec<(ReleaseId, Score, Score)> {
        self.scores.on(self.graph).releases().collect()
    }

    /// B of a key: the votes against it, and its own distrust of my circle.
    pub fn against(&self, id: &NodeId) -> f64 {
        self.scores.on(self.graph).explain_key(id).arithmetic.against
    }
}

/// Every bit of a score.
pub fn bits(score: Score) -> ([u64; 7], heirloom_graph::Band) {
    let Score { score, support, support_all, mean_level, band, power_for, power_against, reach } = score;
    let values = [score, support, support_all, mean_level, power_for, power_against, reach];
    (values.map(f64::to_bits), band)
}
