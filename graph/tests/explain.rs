//! Explanations: what they show, and that they add up.
#![allow(clippy::float_cmp, reason = "scores are exact: what is compared is compared bit for bit")]
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use common::{DAY_MS, GIB, TODAY, World, key, release};
use heirloom_graph::{
    Band, EXPLAINED_MIN, Epoch, Explanation, FollowLevel, IGNORED_MAX, IgnoredReason, Opinion, Params, ReasonKind,
    Ruling, Scope, Scores, Statement, Subject,
};

fn explain(world: &World, name: &str) -> Explanation {
    world.scores().on(&world.graph).explain_key(&key(name))
}

fn reasons(explanation: &Explanation, name: &str) -> Vec<IgnoredReason> {
    explanation.ignored.iter().filter(|(who, _)| *who == key(name)).map(|(_, why)| *why).collect()
}

#[test]
fn a_path_leads_from_a_root_to_the_voter() {
    let world = World::mine().follow("alice", FollowLevel::Full).says("alice", "bob", 1.0).says("bob", "carol", 0.5);
    let why = explain(&world, "carol");
    assert_eq!((why.subject, why.scope, why.band), (Subject::Key(key("carol")), Scope::Catalogue, Band::Vouched));
    assert_eq!(why.because.len(), 1);
    assert_eq!(why.because[0].path, [key("alice"), key("bob")]);
    assert_eq!(why.because[0].kind, ReasonKind::Statement { level: 0.5 });
    assert!((why.because[0].share - 1.0).abs() < 1e-9);
    assert_eq!(why.because[0].weight, why.arithmetic.support);
}

#[test]
fn the_best_of_two_paths_is_named() {
    let world = World::mine().follow("alice", FollowLevel::Full).follow("bob", FollowLevel::Full);
    let world = world.says("alice", "carol", 0.04).says("bob", "carol", 1.0).says("carol", "dave", 1.0);
    assert_eq!(explain(&world, "dave").because[0].path, [key("bob"), key("carol")]);
}

#[test]
fn a_follow_and_its_bytes_are_both_visible() {
    let world = World::mine().follow("alice", FollowLevel::High).received("me", "alice", 4);
    let why = explain(&world, "alice");
    assert_eq!((why.score, why.band), (0.75, Band::Trusted));
    assert_eq!(why.because[0].kind, ReasonKind::Follow { level: 0.75 });
    let four = (4 * GIB) as f64;
    assert_eq!(why.because[1].kind, ReasonKind::Bytes { bytes: four, weight: 0.25 });
    assert_eq!((why.because[1].path.as_slice(), why.because[1].share), ([key("me")].as_slice(), 1.0));
    let measured = why.arithmetic.measured[0];
    assert_eq!((measured.receiver, measured.bytes, measured.weight), (key("me"), four, 0.25));
    assert_eq!(why.arithmetic.ruling, Some(Ruling::OwnFollow { level: 0.75 }));
    assert!(why.arithmetic.to_string().ends_with("own follow sets it to 0.75; score 0.75"), "{}", why.arithmetic);

    let stated = explain(&world.says("me", "alice", 1.0), "alice");
    let kinds: Vec<ReasonKind> = stated.because.iter().map(|reason| reason.kind).collect();
    assert!(kinds.contains(&ReasonKind::Bytes { bytes: four, weight: 0.25 }), "beside a declared level too");
    assert!(kinds.contains(&ReasonKind::Statement { level: 1.0 }));
}

#[test]
fn the_listed_shares_explain_enough_and_never_more_than_all() {
    let mut world = World::mine().follow("alice", FollowLevel::Full);
    for n in 0..40 {
        let curator = format!("curator{n}");
        world = world.says("alice", &curator, 1.0).says(&curator, "carol", if n % 4 == 0 { -0.5 } else { 0.8 });
    }
    let why = explain(&world, "carol");
    let sum: f64 = why.because.iter().map(|reason| reason.share).sum();
    assert!((EXPLAINED_MIN..=1.0 + 1e-9).contains(&why.explained), "{}", why.explained);
    assert!((sum - why.explained).abs() < 1e-9);
    assert!(why.because.windows(2).all(|pair| pair[0].share >= pair[1].share));
}

#[test]
fn the_arithmetic_gives_the_score_shown() {
    let world = World::mine().follow("alice", FollowLevel::Full).says("alice", "bob", 1.0).says("alice", "dave", 0.6);
    let mut world = world.says("bob", "carol", 0.9).says("dave", "carol", -0.05).says("carol", "dave", -1.0);
    world.graph.note_last_statement(key("carol"), TODAY);
    let why = explain(&world, "carol");
    let a = &why.arithmetic;
    let e = a.support + a.distrust_weight * a.against;
    let level = (a.praise + a.level_shrink / 2.0) / (a.support + a.level_shrink);
    let s = (level * a.support - a.distrust_weight * a.against) * e / (e * e + a.evidence_scale * a.evidence_scale);
    assert!((s * a.dormancy - why.score).abs() < 1e-12 && a.ruling.is_none());
    assert!((a.total() - (a.praise + a.distrust_weight * a.against)).abs() < 1e-12);
    let against: f64 = why
        .because
        .iter()
        .filter(|r| !matches!(r.kind, ReasonKind::Statement { level } if level > 0.0))
        .map(|r| r.weight)
        .sum();
    assert!((against - a.against).abs() < 1e-12, "votes against and the key's own distrust make up B");
    assert!(why.because.iter().any(|r| r.kind == ReasonKind::OwnDistrust { level: -1.0 }));
}

#[test]
fn what_was_ignored_says_why() {
    let mut world = World::mine().says("sybil", "bob", 1.0).says("bob", "bob", 1.0).says("me", "dave", 1.0);
    world = world.says("me", "erin", 1.0).says_in(Scope::Seed, "erin", "bob", 1.0).says("dave", "bob", 0.0);
    world = world.follow("carol", FollowLevel::High).says("fred", "bob", 1.0).zero("fred");
    world
        .graph
        .add_statement(Statement {
            issuer: key("carol"),
            subject: key("bob"),
            scope: Scope::All,
            level: 1.0,
            time_ms: TODAY - DAY_MS,
            expires_ms: Some(TODAY),
        })
        .unwrap();
    let why = explain(&world, "bob");
    assert_eq!((why.score, why.because.len(), why.ignored_more), (0.0, 0, 0));
    assert_eq!(reasons(&why, "sybil"), [IgnoredReason::NoPower]);
    assert_eq!(reasons(&why, "bob"), [IgnoredReason::AboutItself]);
    assert_eq!(reasons(&why, "carol"), [IgnoredReason::Expired]);
    assert_eq!(reasons(&why, "erin"), [IgnoredReason::OtherScope]);
    assert_eq!(reasons(&why, "dave"), [IgnoredReason::SaysNothing]);
    assert_eq!(reasons(&why, "fred"), [IgnoredReason::Duplicity]);
    assert_eq!(why.arithmetic.to_string(), "nobody with power speaks of it: s = 0; score 0");
}

#[test]
fn a_replaced_statement_and_a_strained_budget_are_mentioned() {
    let mut world = World::mine().says("me", "alice", 1.0);
    world = (0..30).fold(world, |world, n| world.says("alice", &format!("bob{n}"), 1.0));
    world
        .graph
        .add_statement(Statement {
            issuer: key("alice"),
            subject: key("bob0"),
            scope: Scope::All,
            level: -1.0,
            time_ms: TODAY - DAY_MS,
            expires_ms: None,
        })
        .unwrap();
    let why = explain(&world, "bob0");
    assert_eq!(reasons(&why, "alice"), [IgnoredReason::Replaced, IgnoredReason::OverBudget { factor: 20.0 / 30.0 }]);
}

#[test]
fn a_crowd_without_power_is_counted_not_listed() {
    let world = (0..500).fold(World::mine(), |world, n| world.says(&format!("sybil{n}"), "bob", 1.0));
    let why = explain(&world, "bob");
    assert_eq!((why.ignored.len(), why.ignored_more), (IGNORED_MAX, 500 - IGNORED_MAX));
}

#[test]
fn a_release_is_explained_by_its_votes() {
    let world = World::mine().follow("alice", FollowLevel::High).follow("bob", FollowLevel::Low);
    let world =
        world.votes("alice", 1, Opinion::Listing).votes("bob", 1, Opinion::WrongWork).votes("eve", 1, Opinion::Good);
    let scores = world.scores();
    let why = scores.on(&world.graph).explain_release(&release(1));
    assert_eq!((why.score, why.band), (0.75, Band::Trusted));
    assert_eq!(why.because.len(), 1);
    assert_eq!((why.because[0].kind, why.because[0].weight), (ReasonKind::Vote(Opinion::Listing), 0.75));
    assert_eq!(why.arithmetic.ruling, Some(Ruling::FollowWord { by: key("alice"), level: 0.75 }));
    assert_eq!(reasons(&why, "bob"), [IgnoredReason::SaysNothing]);
    assert_eq!(reasons(&why, "eve"), [IgnoredReason::NoPower]);
    let listing = scores.on(&world.graph).explain_listing(&release(1));
    assert_eq!((listing.score, listing.band, listing.because.len()), (-1.0, Band::Distrusted, 2));
    assert_eq!(listing.arithmetic.ruling, Some(Ruling::FollowWord { by: key("bob"), level: -1.0 }));
}

#[test]
fn an_unknown_key_and_an_unknown_release_have_empty_explanations() {
    let world = World::mine();
    let scores = Scores::compute(&world.graph, Scope::All, Epoch::of(TODAY), &Params::strict());
    let nobody = scores.on(&world.graph).explain_key(&key("eve"));
    assert_eq!((nobody.score, nobody.band, nobody.because.len()), (0.0, Band::Unknown, 0));
    let nothing = scores.on(&world.graph).explain_release(&release(7));
    assert_eq!((nothing.score, nothing.explained, nothing.because.len()), (0.0, 0.0, 0));
}

#[test]
fn my_own_key_says_so() {
    let why = explain(&World::mine(), "me");
    assert_eq!((why.score, why.arithmetic.ruling), (1.0, Some(Ruling::OwnKey)));
}
