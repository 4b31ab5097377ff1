//! The audit of a ring: what is measured never exceeds the bounds that it prints, and nothing that the ring says moves
//! them.
#![allow(clippy::float_cmp, reason = "scores are exact: what is compared is compared bit for bit")]
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use common::{TODAY, World, key};
use heirloom_graph::{
    Band, DayBytes, Epoch, Evidence, FollowLevel, NodeId, Params, Ring, Root, Scope, Scores, Statement, TrustGraph,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

const SLACK: f64 = 1e-9;
const HONEST: u16 = 16;

fn name(number: u16) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    NodeId(bytes)
}

/// Statements as (issuer, subject, level); key 0 is mine, 1 to 3 are followed, keys from [`HONEST`] on are fakes.
type Said = Vec<(u16, u16, f64)>;

#[derive(Clone, Debug)]
struct Attack {
    honest: Said,
    /// Of honest keys, roots among them, about fakes.
    edges: Said,
    /// Gibibytes that honest keys measured from fakes.
    bytes: Vec<(u16, u16, u8)>,
    /// Of fakes about anybody.
    inside: Said,
    fakes: u16,
    depth_zero: bool,
}

impl Attack {
    fn graph(&self, inside: &Said) -> TrustGraph {
        let mut graph = TrustGraph::new();
        graph.set_root(Root::me(name(0))).unwrap();
        graph.set_root(Root::follow(name(1), FollowLevel::Full)).unwrap();
        graph.set_root(Root::follow(name(2), FollowLevel::Low)).unwrap();
        let third = if self.depth_zero { Root::follow_only } else { Root::follow };
        graph.set_root(third(name(3), FollowLevel::Medium)).unwrap();
        for &(issuer, subject, level) in self.honest.iter().chain(&self.edges).chain(inside) {
            let (issuer, subject) = (name(issuer), name(subject));
            let statement = Statement { issuer, subject, scope: Scope::All, level, time_ms: TODAY, expires_ms: None };
            graph.add_statement(statement).unwrap();
        }
        for &(receiver, subject, gibibytes) in &self.bytes {
            let day = DayBytes { time_ms: TODAY, bytes: u64::from(gibibytes) << 30, release: None };
            let (receiver, subject) = (name(receiver), name(subject));
            graph.add_evidence(Evidence { receiver, subject, scope: Scope::All, day_bytes: vec![day] });
        }
        graph
    }

    fn ring(&self, inside: &Said, params: &Params) -> Ring {
        let graph = self.graph(inside);
        let keys: BTreeSet<NodeId> = (HONEST..HONEST + self.fakes).map(name).collect();
        Scores::compute(&graph, Scope::Catalogue, Epoch::of(TODAY), params).on(&graph).ring(&keys)
    }
}

fn statements(from: std::ops::Range<u16>, to: std::ops::Range<u16>, most: usize) -> impl Strategy<Value = Said> {
    let level = prop_oneof![5 => 1..=100_i32, 1 => -100..=-1_i32].prop_map(|percent| f64::from(percent) / 100.0);
    prop::collection::btree_map((from, to), level, 0..most)
        .prop_map(|edges| edges.into_iter().filter(|((u, v), _)| u != v).map(|((u, v), level)| (u, v, level)).collect())
}

fn attack() -> impl Strategy<Value = Attack> {
    (2..60_u16).prop_flat_map(|fakes| {
        let all = HONEST + fakes;
        let measured = prop::collection::vec((0..HONEST, HONEST..all, 1..9_u8), 0..3);
        let parts = (
            statements(0..HONEST, 0..HONEST, 80),
            statements(0..HONEST, HONEST..all, 8),
            measured,
            statements(HONEST..all, 0..all, 300),
            any::<bool>(),
        );
        parts.prop_map(move |(honest, edges, bytes, inside, depth_zero)| Attack {
            honest,
            edges,
            bytes,
            inside,
            fakes,
            depth_zero,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_ring_has_never_exceeds_what_the_audit_says_it_can_gain(attack in attack()) {
        for params in [Params::strict(), Params::standard()] {
            let ring = attack.ring(&attack.inside, &params);
            prop_assert!(ring.votes <= ring.votes_max + SLACK, "P3: {:?}", ring);
            let trusted = ring.in_band[&Band::Trusted] as u64;
            prop_assert!(trusted <= ring.trusted_max, "P4b: {:?}", ring);
            prop_assert!(trusted + ring.in_band[&Band::Vouched] as u64 <= ring.vouched_max, "P4b: {:?}", ring);
            prop_assert_eq!(ring.in_band.values().sum::<usize>(), ring.keys);
            let entering: f64 = ring.attack_edges.iter().map(|edge| edge.flow).sum();
            prop_assert!((entering - ring.entering_flow).abs() < SLACK, "{:?}", ring);
        }
    }

    #[test]
    fn nothing_that_a_ring_says_moves_its_bounds(attack in attack()) {
        let (loud, silent) = (attack.ring(&attack.inside, &Params::strict()), attack.ring(&Vec::new(), &Params::strict()));
        prop_assert_eq!(loud.entering_flow, silent.entering_flow);
        prop_assert_eq!((loud.votes_max, loud.trusted_max), (silent.votes_max, silent.trusted_max));
        prop_assert_eq!(loud.attack_edges, silent.attack_edges);
    }
}

fn ring_of(names: &[&str]) -> BTreeSet<NodeId> {
    names.iter().map(|name| key(name)).collect()
}

#[test]
fn a_ring_that_nobody_trusts_can_gain_nothing() {
    let world =
        World::mine().follow("alice", FollowLevel::Full).says("eve", "mallory", 1.0).says("mallory", "eve", 1.0);
    let ring = world.scores().on(&world.graph).ring(&ring_of(&["eve", "mallory", "nobody"]));
    assert_eq!((ring.keys, ring.known), (3, 2));
    assert_eq!((ring.entering_flow, ring.votes, ring.votes_max), (0.0, 0.0, 0.0));
    assert_eq!((ring.trusted_max, ring.vouched_max, ring.in_band[&Band::Unknown]), (0, 0, 3));
    assert!(ring.attack_edges.is_empty());
}

#[test]
fn an_attack_edge_names_who_was_fooled_at_which_level_and_what_entered() {
    let world = World::mine().follow("alice", FollowLevel::Full).says("alice", "mallory", 0.81);
    let world = world.says("alice", "bob", 1.0).says("stranger", "mallory", 1.0);
    let ring = world.scores().on(&world.graph).ring(&ring_of(&["mallory"]));
    let [edge] = ring.attack_edges[..] else { panic!("one has power: {:?}", ring.attack_edges) };
    assert_eq!((edge.issuer, edge.subject, edge.level), (key("alice"), key("mallory"), 0.81));
    // x of Alice is half of what enters; she gives 0.9 of her ten.
    assert!((edge.flow - 0.7 * 0.5 * 0.09).abs() < SLACK, "{edge:?}");
    assert_eq!(ring.entering_flow, edge.flow);
    assert_eq!(edge.votes_max, 1.0, "a root speaks with the power of its seat");
}

#[test]
fn a_root_is_named_and_left_out() {
    let world = World::mine().follow("alice", FollowLevel::Full).says("alice", "mallory", 1.0);
    let ring = world.scores().on(&world.graph).ring(&ring_of(&["alice", "me", "mallory"]));
    assert_eq!((ring.keys, ring.known, ring.roots.len()), (1, 1, 2));
    assert_eq!(ring.roots, ring_of(&["alice", "me"]).into_iter().collect::<Vec<_>>());
    assert_eq!(ring.attack_edges.len(), 1, "a root outside the ring is a voter like others");
}
