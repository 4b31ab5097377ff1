//! The graph as petgraph sees it: whatever petgraph computes of a directed graph, it computes of a [`TrustGraph`]. And
//! how far from me its Dijkstra finds everybody to be.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use petgraph::visit::{
    EdgeRef, GraphBase, IntoEdgeReferences, IntoEdges, IntoNeighbors, IntoNodeIdentifiers, NodeCompactIndexable,
    NodeCount, NodeIndexable, Visitable,
};

use crate::edge::Edge;
use crate::input::RootKind;
use crate::names::Index;
use crate::params::RootPolicy;
use crate::scored::Scored;
use crate::trust_graph::TrustGraph;

/// Keys by their dense numbers, in order of first mention; an edge for each pair of which the first says or measured
/// anything, whatever it is worth.
impl GraphBase for TrustGraph {
    type NodeId = Index;
    type EdgeId = (Index, Index);
}

impl NodeCount for TrustGraph {
    fn node_count(&self) -> usize {
        self.key_count()
    }
}

impl NodeIndexable for TrustGraph {
    fn node_bound(&self) -> usize {
        self.key_count()
    }

    fn to_index(&self, key: Index) -> usize {
        key as usize
    }

    fn from_index(&self, index: usize) -> Index {
        index as Index
    }
}

impl NodeCompactIndexable for TrustGraph {}

impl Visitable for TrustGraph {
    type Map = FixedBitSet;

    fn visit_map(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.key_count())
    }

    fn reset_map(&self, map: &mut FixedBitSet) {
        map.clear();
        map.grow(self.key_count());
    }
}

impl IntoNodeIdentifiers for &TrustGraph {
    type NodeIdentifiers = std::ops::Range<Index>;

    fn node_identifiers(self) -> Self::NodeIdentifiers {
        0..self.key_count() as Index
    }
}

impl<'a> IntoNeighbors for &'a TrustGraph {
    type Neighbors = Neighbors<'a>;

    fn neighbors(self, key: Index) -> Neighbors<'a> {
        Neighbors { rest: self.row(key) }
    }
}

/// Of whom one key says anything, each once.
#[derive(Clone, Debug)]
pub struct Neighbors<'a> {
    rest: &'a [Edge],
}

impl Iterator for Neighbors<'_> {
    type Item = Index;

    fn next(&mut self) -> Option<Index> {
        let to = self.rest.first()?.to;
        let same = self.rest.iter().take_while(|edge| edge.to == to).count();
        self.rest = &self.rest[same..];
        Some(to)
    }
}

/// Who gives whom a voice, with one node more: the origin, from which I am 0 hops away and my follows 1.
struct Voices<'a> {
    scored: &'a Scored<'a>,
    starts: Vec<(Index, u32)>,
}

/// One step from a voice to another.
#[derive(Clone, Copy)]
struct Step {
    from: Index,
    to: Index,
    hops: u32,
}

impl EdgeRef for Step {
    type NodeId = Index;
    type EdgeId = (Index, Index);
    type Weight = u32;

    fn source(&self) -> Index {
        self.from
    }

    fn target(&self) -> Index {
        self.to
    }

    fn weight(&self) -> &u32 {
        &self.hops
    }

    fn id(&self) -> (Index, Index) {
        (self.from, self.to)
    }
}

impl<'a> Voices<'a> {
    fn new(scored: &'a Scored<'a>) -> Self {
        let is_equal = scored.scores.params.root_policy() == RootPolicy::Equal;
        let hops = |kind: RootKind| u32::from(kind != RootKind::Me && !is_equal);
        let starts = scored.scores.seats.iter().map(|(key, seat)| (*key, hops(seat.kind))).collect();
        Self { scored, starts }
    }

    fn origin(&self) -> Index {
        self.scored.graph.key_count() as Index
    }

    /// Without reach a key gives nobody a voice, so it must not bring anybody nearer either.
    fn gives_a_voice(&self, key: Index) -> bool {
        let is_heard = |slot| self.scored.scores.circle.member(slot).passes_on();
        self.scored.slot(key).is_some_and(is_heard) && self.scored.reach(key) > 0.0
    }
}

impl GraphBase for Voices<'_> {
    type NodeId = Index;
    type EdgeId = (Index, Index);
}

impl Visitable for Voices<'_> {
    type Map = FixedBitSet;

    fn visit_map(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.origin() as usize + 1)
    }

    fn reset_map(&self, map: &mut FixedBitSet) {
        map.clear();
    }
}

impl<'a> IntoNeighbors for &'a Voices<'a> {
    type Neighbors = Box<dyn Iterator<Item = Index> + 'a>;

    fn neighbors(self, key: Index) -> Self::Neighbors {
        Box::new(self.edges(key).map(|step| step.to))
    }
}

impl petgraph::visit::Data for Voices<'_> {
    type NodeWeight = ();
    type EdgeWeight = u32;
}

impl<'a> IntoEdgeReferences for &'a Voices<'a> {
    type EdgeRef = Step;
    type EdgeReferences = Box<dyn Iterator<Item = Step> + 'a>;

    fn edge_references(self) -> Self::EdgeReferences {
        Box::new((0..=self.origin()).flat_map(move |key| self.edges(key)))
    }
}

impl<'a> IntoEdges for &'a Voices<'a> {
    type Edges = Box<dyn Iterator<Item = Step> + 'a>;

    fn edges(self, from: Index) -> Self::Edges {
        if from == self.origin() {
            Box::new(self.starts.iter().map(move |(to, hops)| Step { from, to: *to, hops: *hops }))
        } else if self.gives_a_voice(from) {
            let row = self.scored.scores.hearing.row(self.scored.graph, from);
            Box::new(row.filter(|(_, vote)| !vote.is_against()).map(move |(to, _)| Step { from, to, hops: 1 }))
        } else {
            Box::new(std::iter::empty())
        }
    }
}

/// Hops over edges of trust from me (0) and my follows (1) to everybody that a path reaches.
pub(crate) fn hops(scored: &Scored<'_>) -> BTreeMap<Index, u32> {
    let voices = Voices::new(scored);
    let origin = voices.origin();
    let hops = petgraph::algo::dijkstra(&voices, origin, None, |step| *step.weight());
    hops.into_iter().filter(|(key, _)| *key != origin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::NodeId;
    use crate::input::{Scope, Statement};
    use petgraph::algo::has_path_connecting;
    use petgraph::visit::{Bfs, Walker};

    fn id(number: u8) -> NodeId {
        NodeId([number; 32])
    }

    fn graph(edges: &[(u8, u8, Scope)]) -> TrustGraph {
        let mut graph = TrustGraph::new();
        for &(issuer, subject, scope) in edges {
            let (issuer, subject) = (id(issuer), id(subject));
            let said = Statement { issuer, subject, scope, level: 1.0, time_ms: 0, expires_ms: None };
            graph.add_statement(said).unwrap();
        }
        graph
    }

    #[test]
    fn petgraph_walks_it() {
        let graph = graph(&[(1, 2, Scope::All), (1, 2, Scope::Seed), (2, 3, Scope::All), (4, 1, Scope::All)]);
        let at = |number| graph.find(&id(number)).unwrap();
        let reached: Vec<Index> = Bfs::new(&graph, at(1)).iter(&graph).collect();
        assert_eq!(reached, [at(1), at(2), at(3)]);
        assert!(has_path_connecting(&graph, at(4), at(3), None) && !has_path_connecting(&graph, at(3), at(4), None));
        assert_eq!((graph.node_count(), graph.link_count()), (4, 3));
    }

    #[test]
    fn rings_are_components() {
        let ring = graph(&[(1, 2, Scope::All), (2, 3, Scope::All), (3, 1, Scope::All), (3, 4, Scope::All)]);
        let sizes = petgraph::algo::tarjan_scc(&ring).into_iter().map(|component| component.len());
        assert_eq!(sizes.collect::<Vec<_>>(), [1, 3]);
    }
}
