//! What a ring of fake keys can gain: the bounds P1 to P4 of the metric, on random graphs and random rings.
#![allow(clippy::float_cmp, reason = "scores are exact: what is compared is compared bit for bit")]
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use common::TODAY;
use heirloom_graph::{
    Epoch, FollowLevel, NodeId, Params, Root, RootPolicy, Scope, Scores, Statement, TrustGraph, Values,
};
use proptest::prelude::*;

const SLACK: f64 = 1e-9;
const HONEST: u16 = 16;

fn name(number: u16) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    NodeId(bytes)
}

/// Statements as (issuer, subject, level); key 0 is the root, keys from [`HONEST`] on are fakes.
type Said = Vec<(u16, u16, f64)>;

fn scores(said: &[&Said], params: &Params) -> Scores {
    let mut graph = TrustGraph::new();
    graph.set_root(Root::follow(name(0), FollowLevel::Full)).unwrap();
    for &(issuer, subject, level) in said.iter().copied().flatten().filter(|(issuer, subject, _)| issuer != subject) {
        let (issuer, subject) = (name(issuer), name(subject));
        let statement = Statement { issuer, subject, scope: Scope::All, level, time_ms: TODAY, expires_ms: None };
        graph.add_statement(statement).unwrap();
    }
    let params = params.with_root_policy(RootPolicy::Equal);
    Scores::compute(&graph, Scope::All, Epoch::ageless(), &params)
}

fn statements(from: std::ops::Range<u16>, to: std::ops::Range<u16>, most: usize) -> impl Strategy<Value = Said> {
    let level = prop_oneof![5 => 1..=100_i32, 1 => -100..=-1_i32].prop_map(|percent| f64::from(percent) / 100.0);
    // Each pair once: the bound's own arithmetic below counts edges.
    prop::collection::btree_map((from, to), level, 0..most)
        .prop_map(|edges| edges.into_iter().map(|((u, v), level)| (u, v, level)).collect())
}

/// Fooled honest keys (never the root) each give one fake full trust.
fn attack(fakes: u16) -> impl Strategy<Value = Said> {
    prop::collection::btree_map((1..HONEST, HONEST..HONEST + fakes), Just(1.0), 1..5)
        .prop_map(|edges| edges.into_iter().map(|((u, v), level)| (u, v, level)).collect())
}

fn ring() -> impl Strategy<Value = (Said, Said, Said, u16)> {
    (2..40_u16).prop_flat_map(|fakes| {
        let all = HONEST + fakes;
        (statements(0..HONEST, 0..HONEST, 80), attack(fakes), statements(HONEST..all, 0..all, 200), Just(fakes))
    })
}

/// W_u and D_u of an honest key over its own statements and its attack edges.
fn outgoing(said: &[&Said], key: u16) -> (f64, f64) {
    let levels = said.iter().copied().flatten().filter(|(u, v, level)| *u == key && u != v && *level > 0.0);
    levels.fold((0.0, 0.0), |(weight, count), (_, _, level)| (weight + level.sqrt(), count + 1.0))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p1_p2_p3_p4_a_ring_gains_no_more_than_what_crosses_the_attack_edges((honest, attack, inside, fakes) in ring()) {
        for params in [Params::strict(), Params::standard()] {
            let v = *params.values();
            let sinks = scores(&[&honest, &attack], &Params::new(Values { rounds: 1, ..v }).unwrap());
            let attacked = scores(&[&honest, &attack, &inside], &params);
            let fake = || (HONEST..HONEST + fakes).map(|number| attacked.key(&name(number)));

            let phi: f64 = attack.iter().map(|(u, _, _)| {
                let (weight, _) = outgoing(&[&honest, &attack], *u);
                let flow = sinks.key(&name(*u)).reach / v.stop_rate;
                (1.0 - v.stop_rate) * flow / weight.max(v.out_weight_floor)
            }).sum();
            let slope = |wide: f64| (1.0 + v.agreement_gain) * (v.near_slope + wide * v.wide_slope);
            let (slope_for, slope_against) = (slope(v.wide_weight_for), slope(v.wide_weight_against));

            let reach: f64 = fake().map(|score| score.reach).sum();
            prop_assert!(reach <= phi + SLACK, "P1: {} > {}", reach, phi);
            let power_for: f64 = fake().map(|score| score.power_for).sum();
            prop_assert!(power_for <= slope_for * phi + 1e-6, "P2: {} > {}", power_for, slope_for * phi);
            let power_against: f64 = fake().map(|score| score.power_against).sum();
            prop_assert!(power_against <= slope_against * phi + 1e-6, "P2, against");

            let direct: f64 = attack.iter().map(|(u, _, _)| {
                let (_, count) = outgoing(&[&honest, &attack], *u);
                attacked.key(&name(*u)).power_for * (v.vote_budget / count).min(1.0)
            }).sum();
            let bound = v.vote_budget * slope_for * phi + direct;
            let votes: f64 = fake().map(|score| score.support_all).sum();
            prop_assert!(votes <= bound + 1e-6, "P3: {} > {}", votes, bound);
            for least in [0.05_f64, 0.2, 0.5] {
                let count = fake().filter(|score| score.score >= least).count() as f64;
                let most = bound / (v.evidence_scale * (least / (1.0 - least)).sqrt());
                prop_assert!(count <= most + 1e-6, "P4 at {}: {} > {}", least, count, most);
            }
            for least in [0.05, 0.5] {
                let count = fake().filter(|score| score.support >= least).count() as f64;
                prop_assert!(count <= bound / least + 1e-6, "P4b at {}", least);
            }
        }
    }

    #[test]
    fn a_larger_ring_behind_one_attack_edge_gains_nothing_more((honest, _, _, _) in ring(), fooled in 1..HONEST) {
        let total = |fakes: u16| {
            let attack = vec![(fooled, HONEST, 1.0)];
            let chain: Said = (HONEST..HONEST + fakes).map(|u| (HONEST, u + 1, 1.0)).collect();
            let scores = scores(&[&honest, &attack, &chain], &Params::strict());
            (HONEST..=HONEST + fakes).map(|number| scores.key(&name(number)).reach).sum::<f64>()
        };
        prop_assert!(total(200) <= total(20) * 1.01 + SLACK);
    }
}
