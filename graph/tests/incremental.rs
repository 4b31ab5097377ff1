//! P14 of the metric: scores brought up to date change by change equal scores computed from nothing.
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

use heirloom_graph::{
    DayBytes, Epoch, Evidence, FollowLevel, NodeId, Opinion, Params, ReleaseId, ReleaseVote, Root, RootPolicy, Scope,
    Score, Scores, Statement, TrustGraph, Values,
};
use proptest::prelude::*;

const DAY_MS: u64 = 86_400_000;
const TODAY: u64 = 20_000 * DAY_MS;
const GIB: u64 = 1 << 30;
const TOLERANCE: f64 = 1e-6;

/// One thing that happens to a graph.
#[derive(Clone, Debug)]
enum Edit {
    Say(u8, u8, Scope, f64, u16, Option<u8>),
    Retract(u8, u8, Scope),
    Measure(u8, u8, u16, u8),
    Forget(u8, u8),
    Follow(u8, FollowLevel, Scope),
    FollowOnly(u8),
    Unfollow(u8, Scope),
    Vote(u8, u8, Opinion),
    TakeVoteBack(u8, u8, Opinion),
    SeenAgain(u8, u16),
    Zero(u8),
    NextDay,
    /// Scores catch up; between two of these, changes pile up.
    Look,
}

fn id(number: u8) -> NodeId {
    NodeId([number; 32])
}

fn apply(graph: &mut TrustGraph, edit: &Edit, day: &mut u64) {
    let ago = |days: u16| TODAY - u64::from(days) * DAY_MS - u64::from(days) * 1001;
    match *edit {
        Edit::Say(issuer, subject, scope, level, days, expires) => graph
            .add_statement(Statement {
                issuer: id(issuer),
                subject: id(subject),
                scope,
                level,
                time_ms: ago(days),
                expires_ms: expires.map(|days| TODAY + u64::from(days) * DAY_MS),
            })
            .unwrap(),
        Edit::Retract(issuer, subject, scope) => {
            graph.remove_statement(&id(issuer), &id(subject), scope);
        }
        Edit::Measure(receiver, subject, days, size) => graph.add_evidence(Evidence {
            receiver: id(receiver),
            subject: id(subject),
            scope: Scope::Catalogue,
            day_bytes: (0..size)
                .map(|n| DayBytes { time_ms: ago(days), bytes: GIB, release: Some(ReleaseId([n; 20])) })
                .collect(),
        }),
        Edit::Forget(receiver, subject) => {
            graph.clear_evidence(&id(receiver), &id(subject), Scope::Catalogue);
        }
        Edit::Follow(key, level, scope) => graph.set_root(Root::follow(id(key), level).in_scope(scope)).unwrap(),
        Edit::FollowOnly(key) => graph.set_root(Root::follow_only(id(key), FollowLevel::High)).unwrap(),
        Edit::Unfollow(key, scope) => {
            graph.remove_root(&id(key), scope);
        }
        Edit::Vote(voter, release, opinion) => graph.add_vote(ReleaseVote {
            voter: id(voter),
            release: ReleaseId([release; 20]),
            opinion,
            time_ms: TODAY,
            expires_ms: None,
        }),
        Edit::TakeVoteBack(voter, release, opinion) => {
            graph.remove_vote(&id(voter), &ReleaseId([release; 20]), opinion);
        }
        Edit::SeenAgain(key, days) => graph.note_last_statement(id(key), ago(days)),
        Edit::Zero(key) => graph.zero(id(key)),
        Edit::NextDay => *day += 1,
        Edit::Look => {}
    }
}

/// Every number of a score, in one order.
fn numbers(score: Score) -> [f64; 7] {
    let Score { score, support, support_all, mean_level, power_for, power_against, reach, .. } = score;
    [score, support, support_all, mean_level, power_for, power_against, reach]
}

/// The largest difference of any number, and where.
fn largest_difference(graph: &TrustGraph, live: &Scores, full: &Scores) -> (f64, String) {
    let (live, full) = (live.on(graph), full.on(graph));
    let keys = (0..=u8::MAX).map(|number| (format!("key {number}"), live.key(&id(number)), full.key(&id(number))));
    let ids = (0..5).map(|number| ReleaseId([number; 20]));
    let releases = ids.flat_map(|id| {
        let torrent = (format!("release {id}"), live.release(&id), full.release(&id));
        [torrent, (format!("listing {id}"), live.listing(&id), full.listing(&id))]
    });
    let differences = keys.chain(releases).map(|(name, live, full)| {
        let worst = numbers(live).into_iter().zip(numbers(full)).map(|(live, full)| (live - full).abs());
        (worst.fold(0.0, f64::max), format!("{name}: {live:?} instead of {full:?}"))
    });
    differences.max_by(|(a, _), (b, _)| a.total_cmp(b)).unwrap()
}

fn level() -> impl Strategy<Value = f64> {
    let percent = prop_oneof![
        4 => prop::sample::select(vec![25, 50, 75, 100]),
        2 => 1..=100_i32,
        2 => -100..=-1_i32,
        1 => Just(0)
    ];
    percent.prop_map(|percent| f64::from(percent) / 100.0)
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![4 => Just(Scope::All), 2 => Just(Scope::Catalogue), 1 => Just(Scope::Seed)]
}

fn opinion() -> impl Strategy<Value = Opinion> {
    use Opinion::{Fake, Good, Listing, Poor, WrongWork};
    prop::sample::select(vec![Listing, Good, Poor, Fake, WrongWork])
}

fn follow_level() -> impl Strategy<Value = FollowLevel> {
    use FollowLevel::{Full, High, Low, Medium};
    prop::sample::select(vec![Low, Medium, High, Full])
}

fn edit(keys: u8) -> impl Strategy<Value = Edit> {
    let say = (0..keys, 0..keys, scope(), level(), 0..500_u16, prop::option::weighted(0.1, 0..3_u8))
        .prop_map(|(u, v, scope, level, days, expires)| Edit::Say(u, v, scope, level, days, expires));
    prop_oneof![
        40 => say,
        12 => (0..keys, 0..keys, scope()).prop_map(|(u, v, scope)| Edit::Retract(u, v, scope)),
        5 => (0..keys, 0..keys, 0..300_u16, 0..5_u8).prop_map(|(u, v, days, size)| Edit::Measure(u, v, days, size)),
        2 => (0..keys, 0..keys).prop_map(|(u, v)| Edit::Forget(u, v)),
        4 => (1..keys, follow_level(), scope()).prop_map(|(key, level, scope)| Edit::Follow(key, level, scope)),
        1 => (1..keys).prop_map(Edit::FollowOnly),
        4 => (1..keys, scope()).prop_map(|(key, scope)| Edit::Unfollow(key, scope)),
        6 => (0..keys, 0..5_u8, opinion()).prop_map(|(u, r, opinion)| Edit::Vote(u, r, opinion)),
        2 => (0..keys, 0..5_u8, opinion()).prop_map(|(u, r, opinion)| Edit::TakeVoteBack(u, r, opinion)),
        2 => (0..keys, 0..500_u16).prop_map(|(key, days)| Edit::SeenAgain(key, days)),
        1 => (1..keys).prop_map(Edit::Zero),
        1 => Just(Edit::NextDay),
        20 => Just(Edit::Look),
    ]
}

fn story() -> impl Strategy<Value = Vec<Edit>> {
    (4..24_u8).prop_flat_map(|keys| prop::collection::vec(edit(keys), 1..250))
}

/// Small budgets and floors, so that rows outgrow them as large ones do in a real network.
fn tight(values: &Values) -> Params {
    Params::new(Values { vote_budget: 2.0, out_weight_floor: 1.5, rounds: 3, ..*values }).unwrap()
}

fn follows_along(story: &[Edit], params: &Params, graph: &mut TrustGraph) -> Result<(), TestCaseError> {
    let mut day = 20_000;
    let epoch = |day: u64| Epoch::of(day * DAY_MS);
    let mut live = Scores::compute(graph, Scope::Catalogue, epoch(day), params);
    for (number, edit) in story.iter().chain([&Edit::Look]).enumerate() {
        apply(graph, edit, &mut day);
        if matches!(edit, Edit::Look) {
            live.update(graph, epoch(day));
            let full = Scores::compute(graph, Scope::Catalogue, epoch(day), params);
            let (worst, place) = largest_difference(graph, &live, &full);
            prop_assert!(worst <= TOLERANCE, "{worst:e} after edit {number}, {place}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p14_scores_that_follow_changes_equal_scores_from_nothing(story in story()) {
        for params in [Params::strict(), tight(Params::standard().values())] {
            let mut graph = TrustGraph::new();
            graph.set_root(Root::me(id(0))).unwrap();
            follows_along(&story, &params, &mut graph)?;
        }
    }

    #[test]
    fn p14_holds_for_equal_roots_and_no_key_of_mine(story in story()) {
        let params = Params::standard().with_root_policy(RootPolicy::Equal);
        let mut graph = TrustGraph::new();
        graph.set_root(Root::follow(id(0), FollowLevel::Full)).unwrap();
        follows_along(&story, &params, &mut graph)?;
    }
}
