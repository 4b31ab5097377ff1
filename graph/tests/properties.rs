//! The metric's theorems as properties of random graphs. Names are those of its description, §3.
#![allow(clippy::float_cmp, reason = "scores are exact: what is compared is compared bit for bit")]
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use std::collections::BTreeSet;

use common::bounds::{SLACK, at_most};
use common::scored::{Scored, bits};
use common::web::webs;
use common::{DAY_MS, GIB, TODAY};
use heirloom_graph::{
    Band, DayBytes, Epoch, Evidence, FollowLevel, NodeId, Opinion, Params, ReleaseId, ReleaseVote, Root, RootPolicy,
    Scope, Score, Statement, TrustGraph, Values,
};
use proptest::prelude::*;

/// Inputs by number of key, before they are given names and an order.
#[derive(Clone, Debug)]
enum Fact {
    Said(u8, u8, Scope, f64, u16, bool),
    Bytes(u8, u8, u16, u8),
    Voted(u8, u8, Opinion, u16),
    Zeroed(u8),
}

fn name(number: u8) -> NodeId {
    let mut bytes = [0; 32];
    bytes[31] = number;
    NodeId(bytes)
}

/// Another name for the same key: the order of keys is turned about.
fn alias(number: u8) -> NodeId {
    let mut bytes = [7; 32];
    bytes[0] = number.wrapping_mul(167).wrapping_add(41);
    NodeId(bytes)
}

fn tell(graph: &mut TrustGraph, fact: &Fact, name: fn(u8) -> NodeId) {
    let time = |days: u16| TODAY - u64::from(days) * DAY_MS - u64::from(days) * 1001;
    match *fact {
        Fact::Said(issuer, subject, scope, level, days, expired) => graph
            .add_statement(Statement {
                issuer: name(issuer),
                subject: name(subject),
                scope,
                level,
                time_ms: time(days),
                expires_ms: expired.then_some(TODAY),
            })
            .unwrap(),
        Fact::Bytes(receiver, subject, days, gibibytes) => graph.add_evidence(Evidence {
            receiver: name(receiver),
            subject: name(subject),
            scope: Scope::Catalogue,
            day_bytes: (0..gibibytes)
                .map(|n| DayBytes { time_ms: time(days), bytes: GIB, release: Some(ReleaseId([n; 20])) })
                .collect(),
        }),
        Fact::Voted(voter, number, opinion, days) => graph.add_vote(ReleaseVote {
            voter: name(voter),
            release: ReleaseId([number; 20]),
            opinion,
            time_ms: time(days),
            expires_ms: None,
        }),
        Fact::Zeroed(key) => graph.zero(name(key)),
    }
}

/// Key 0 is mine; keys 1.. up to `follows` are followed, one level each in turn.
fn build(facts: &[Fact], follows: u8, name: fn(u8) -> NodeId) -> TrustGraph {
    let mut graph = TrustGraph::new();
    facts.iter().for_each(|fact| tell(&mut graph, fact, name));
    graph.set_root(Root::me(name(0))).unwrap();
    let levels = [FollowLevel::Full, FollowLevel::Medium, FollowLevel::Low];
    for follow in 1..=follows {
        graph.set_root(Root::follow(name(follow), levels[usize::from(follow) % 3])).unwrap();
    }
    graph
}

fn scores<'a>(graph: &'a TrustGraph, params: &Params) -> Scored<'a> {
    Scored::at(graph, Scope::Catalogue, Epoch::of(TODAY + DAY_MS / 3), params)
}

/// Every bit of everything, by number of key and of release.
fn all_bits(scores: &Scored, name: fn(u8) -> NodeId) -> Vec<([u64; 7], Band)> {
    let keys = (0..=u8::MAX).map(|number| scores.key(&name(number)));
    let releases = (0..6).map(|number| ReleaseId([number; 20]));
    let releases = releases.flat_map(|id| [scores.release(&id), scores.listing(&id)]);
    keys.chain(releases).map(bits).collect()
}

fn level() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 1..=100_i32, 1 => -100..=-1_i32, 1 => Just(0)].prop_map(|percent| f64::from(percent) / 100.0)
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![4 => Just(Scope::All), 1 => Just(Scope::Catalogue), 1 => Just(Scope::Seed)]
}

fn opinion() -> impl Strategy<Value = Opinion> {
    use Opinion::{Dead, Fake, Good, Listing, Malware, Poor, WrongWork};
    prop::sample::select(vec![Listing, Listing, Good, Poor, Fake, Malware, WrongWork, Dead])
}

fn fact(keys: u8) -> impl Strategy<Value = Fact> {
    let said = (0..keys, 0..keys, scope(), level(), 0..900_u16, prop::bool::weighted(0.1))
        .prop_map(|(u, v, scope, level, days, expired)| Fact::Said(u, v, scope, level, days, expired));
    let bytes = (0..keys, 0..keys, 0..900_u16, 1..6_u8).prop_map(|(u, v, days, size)| Fact::Bytes(u, v, days, size));
    let voted =
        (0..keys, 0..6_u8, opinion(), 0..400_u16).prop_map(|(u, r, opinion, days)| Fact::Voted(u, r, opinion, days));
    prop_oneof![40 => said, 6 => bytes, 10 => voted, 1 => (1..keys).prop_map(Fact::Zeroed)]
}

fn world() -> impl Strategy<Value = (Vec<Fact>, u8, u8)> {
    (5..20_u8).prop_flat_map(|keys| (prop::collection::vec(fact(keys), 0..120), 0..4_u8, Just(keys)))
}

/// Votes without what makes them depend on one another: one round, no agreement, no own distrust.
fn plain(values: Values) -> Params {
    Params::new(Values { rounds: 1, agreement_gain: 0.0, distruster_penalty: 0.0, ..values }).unwrap()
}

#[test]
fn p0_reach_is_conserved_where_everybody_trusts_everybody() {
    for keys in [2, 12, 60_u8] {
        let pairs = (0..keys).flat_map(|from| (0..keys).map(move |to| (from, to)));
        let facts: Vec<Fact> = pairs.map(|(from, to)| Fact::Said(from, to, Scope::All, 1.0, 0, false)).collect();
        let graph = build(&facts, 1, name);
        let reach: f64 = scores(&graph, &Params::strict()).keys().iter().map(|(_, score)| score.reach).sum();
        at_most("P0 reach where all trust all", reach, 1.0).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p0_reach_is_conserved_and_scores_are_bounded((facts, follows, _) in world(), web in webs(), is_web: bool) {
        let graph = if is_web { web.graph() } else { build(&facts, follows, name) };
        for params in [Params::strict(), Params::standard(), Params::strict().with_root_policy(RootPolicy::Equal)] {
            let scores = scores(&graph, &params);
            let reach: f64 = scores.keys().iter().map(|(_, score)| score.reach).sum();
            at_most("P0 reach", reach, 1.0)?;
            for (_, score) in scores.keys() {
                prop_assert!(score.reach >= 0.0 && score.score.abs() <= 1.0, "{:?}", score);
                prop_assert!(score.support <= score.support_all + SLACK);
                prop_assert!((0.0..=1.65 + SLACK).contains(&score.power_for), "{:?}", score);
            }
            for (_, torrent, listing) in scores.releases() {
                prop_assert!(torrent.score.abs() <= 1.0 && listing.score.abs() <= 1.0);
            }
        }
    }

    #[test]
    fn p0_who_nobody_with_power_speaks_of_is_unrated((facts, follows, _) in world()) {
        let mut graph = build(&facts, follows, name);
        for stranger in 100..110 {
            tell(&mut graph, &Fact::Said(stranger, 110, Scope::All, 1.0, 0, false), name);
            tell(&mut graph, &Fact::Said(stranger, stranger + 1, Scope::All, 1.0, 0, false), name);
            tell(&mut graph, &Fact::Voted(stranger, 200, Opinion::Good, 0), name);
        }
        let scores = scores(&graph, &Params::strict());
        prop_assert_eq!(scores.key(&name(110)).score, 0.0);
        prop_assert_eq!(scores.release(&ReleaseId([200; 20])), Score::UNRATED);
    }

    #[test]
    fn p8_keys_without_power_are_exactly_inert(
        (facts, follows, keys) in world(),
        noise in prop::collection::vec((fact(20), 0..20_u8), 1..60),
    ) {
        let graph = build(&facts, follows, name);
        let before = scores(&graph, &Params::strict());
        // Keys without power in any round, and fresh ones. (A gate can push a key's flow under `reach_epsilon` in the
        // second round; what it said in the first then still moved gates, by less than that epsilon.)
        let first = scores(&graph, &Params::new(Values { rounds: 1, ..*Params::strict().values() }).unwrap());
        let powerless = |number: u8| {
            let score = first.key(&name(number));
            score.power_for == 0.0 && score.power_against == 0.0
        };
        let dead: Vec<u8> = (0..keys).filter(|number| powerless(*number)).chain(120..125).collect();
        let mut noisy = graph.clone();
        for (fact, speaker) in &noise {
            let from = dead[usize::from(*speaker) % dead.len()];
            let fact = match *fact {
                Fact::Said(_, v, scope, level, days, expired) => Fact::Said(from, v, scope, level, days, expired),
                Fact::Bytes(_, v, days, size) => Fact::Bytes(from, v, days, size),
                Fact::Voted(_, r, opinion, days) => Fact::Voted(from, r, opinion, days),
                Fact::Zeroed(_) => continue,
            };
            tell(&mut noisy, &fact, name);
        }
        let after = scores(&noisy, &Params::strict());
        for number in (0..keys).filter(|number| !dead.contains(number)) {
            prop_assert_eq!(bits(before.key(&name(number))), bits(after.key(&name(number))), "key {}", number);
        }
        for number in 0..6 {
            let id = ReleaseId([number; 20]);
            prop_assert_eq!(bits(before.release(&id)), bits(after.release(&id)));
            prop_assert_eq!(bits(before.listing(&id)), bits(after.listing(&id)));
        }
    }

    #[test]
    fn p9_p10_p15_order_and_names_do_not_change_a_bit(
        ((facts, follows, _), shuffled) in world().prop_flat_map(|world| {
            let shuffled = Just(world.0.clone()).prop_shuffle();
            (Just(world), shuffled)
        }),
    ) {
        let params = Params::strict();
        let wanted = all_bits(&scores(&build(&facts, follows, name), &params), name);
        prop_assert_eq!(&wanted, &all_bits(&scores(&build(&facts, follows, name), &params), name));
        prop_assert_eq!(&wanted, &all_bits(&scores(&build(&shuffled, follows, name), &params), name), "order");
        prop_assert_eq!(&wanted, &all_bits(&scores(&build(&shuffled, follows, alias), &params), alias), "names");
    }

    #[test]
    fn p11_one_more_distrust_never_raises_its_subject((facts, follows, keys) in world(), by in 0..20_u8, of in 1..20_u8) {
        // Not a root: one that I distrust is a root no more, which changes everybody's reach.
        let of = (of % keys).max(follows + 1);
        let by = if by % keys == of { 0 } else { by % keys };
        let news = |fact: &Fact| match *fact {
            Fact::Said(u, v, ..) | Fact::Bytes(u, v, ..) => (u, v) != (by, of),
            _ => true,
        };
        let facts: Vec<Fact> = facts.into_iter().filter(news).collect();
        for params in [plain(*Params::strict().values()), plain(*Params::standard().values())] {
            let mut graph = build(&facts, follows, name);
            let before = scores(&graph, &params).key(&name(of)).score;
            tell(&mut graph, &Fact::Said(by, of, Scope::All, -1.0, 0, false), name);
            let after = scores(&graph, &params).key(&name(of)).score;
            prop_assert!(after <= before + SLACK, "{} -> {}", before, after);
        }
    }

    #[test]
    fn p12_gates_only_ever_lower_reach((facts, follows, _) in world(), by in 0..20_u8, of in 1..20_u8) {
        // Equal roots: a root that distrusts a follow would end it, and free its share.
        let rounds = |rounds| {
            let values = Values { rounds, reach_epsilon: 1e-18, ..*Params::strict().values() };
            Params::new(values).unwrap().with_root_policy(RootPolicy::Equal)
        };
        let mut graph = build(&facts, follows, name);
        for (by, of) in [(by, of), (0, of.wrapping_add(1) % 20)] {
            tell(&mut graph, &Fact::Said(by, of, Scope::Catalogue, -1.0, 0, false), name);
        }
        let open = scores(&graph, &rounds(1));
        for gated in [scores(&graph, &rounds(2)), scores(&graph, &rounds(5))] {
            for (id, score) in gated.keys() {
                prop_assert!(score.reach <= open.key(&id).reach + SLACK, "{:?}", id);
            }
        }
    }

    #[test]
    fn p16_expired_is_absent_and_a_day_is_one((facts, follows, _) in world()) {
        // One statement a slot: where the newer of two expired, the older is not revived, and the worlds differ.
        let mut slots = BTreeSet::new();
        let first = |fact: &Fact| match *fact {
            Fact::Said(u, v, scope, ..) => slots.insert((u, v, scope)),
            _ => true,
        };
        let facts: Vec<Fact> = facts.into_iter().filter(first).collect();
        let live: Vec<Fact> =
            facts.iter().filter(|fact| !matches!(fact, Fact::Said(.., true))).cloned().collect();
        let (all, live) = (build(&facts, follows, name), build(&live, follows, name));
        let at = |graph, now| all_bits(&Scored::at(graph, Scope::Catalogue, Epoch::of(now), &Params::strict()), name);
        prop_assert_eq!(at(&all, TODAY), at(&live, TODAY + DAY_MS - 1));
    }
}
