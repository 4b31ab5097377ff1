//! What scores of keys do, case by case.
#![allow(clippy::float_cmp, reason = "scores are exact: what is compared is compared bit for bit")]
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use common::{DAY_MS, TODAY, World, key};
use heirloom_graph::{
    Band, Epoch, FollowLevel, InputError, Params, Root, Scope, Score, Scores, Statement, ThresholdValues, Thresholds,
    TrustGraph,
};

#[test]
fn an_empty_graph_rates_nobody() {
    let graph = TrustGraph::new();
    let scores = Scores::compute(&graph, Scope::All, Epoch::of(TODAY), &Params::strict());
    assert_eq!(scores.on(&graph).keys().count(), 0);
    assert_eq!(scores.on(&graph).key(&key("eve")), Score::UNRATED);
}

#[test]
fn my_key_is_trusted_and_holds_all_reach_while_i_follow_nobody() {
    let me = World::mine().key("me");
    assert_eq!((me.score, me.band, World::mine().distance("me")), (1.0, Band::Trusted, Some(0)));
    assert_eq!((me.reach, me.power_for), (0.3, 1.0));
}

#[test]
fn a_follow_never_heard_of_has_its_level_and_is_trusted() {
    let world = World::mine().follow("alice", FollowLevel::Low);
    let alice = world.key("alice");
    assert_eq!((alice.score, alice.band, world.distance("alice")), (0.25, Band::Trusted, Some(1)));
    assert_eq!((alice.power_for, alice.power_against, alice.reach), (0.25, 0.25, 0.15));
}

#[test]
fn follows_share_the_rest_of_the_reach_by_level() {
    let world = World::mine().follow("alice", FollowLevel::Full).follow("bob", FollowLevel::Low);
    assert!((world.key("alice").reach - 0.3 * 0.4).abs() < 1e-12);
    assert!((world.key("bob").reach - 0.3 * 0.1).abs() < 1e-12);
}

#[test]
fn roots_without_a_key_of_mine_share_everything() {
    let world = World::default().follow("alice", FollowLevel::Full);
    assert_eq!(world.key("alice").reach, 0.3);
    assert_eq!(world.scores().on(&world.graph).me(), None);
}

#[test]
fn trust_travels_and_fades_by_the_hop() {
    let world = World::mine().says("me", "alice", 1.0).says("alice", "bob", 1.0).says("bob", "carol", 1.0);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.key(name));
    assert_eq!(["alice", "bob", "carol"].map(|name| world.distance(name)), [Some(1), Some(2), Some(3)]);
    assert!(alice.reach > bob.reach && bob.reach > carol.reach && carol.reach > 0.0);
    assert_eq!(alice.band, Band::Trusted);
    assert!(bob.support > carol.support);
}

#[test]
fn a_cycle_of_trust_creates_no_reach() {
    let world = World::mine().says("me", "alice", 1.0).says("alice", "bob", 1.0).says("bob", "alice", 1.0);
    let total: f64 = world.scores().on(&world.graph).keys().map(|(_, score)| score.reach).sum();
    assert!(total <= 1.0, "{total}");
    let world = World::default().says("eve", "mallory", 1.0).says("mallory", "eve", 1.0);
    let closed = world.key("eve");
    assert_eq!((closed.score, closed.reach, world.distance("eve")), (0.0, 0.0, None));
}

#[test]
fn praising_oneself_changes_nothing() {
    let world = World::mine().says("me", "alice", 0.6);
    assert_eq!(world.key("alice"), world.clone().says("alice", "alice", 1.0).key("alice"));
}

#[test]
fn one_distrust_by_a_follow_blocks_and_praise_by_strangers_does_not_help() {
    let world = World::mine().follow("alice", FollowLevel::Full).says("alice", "mallory", -0.01);
    let world = (0..50).fold(world, |world, n| world.says(&format!("sybil{n}"), "mallory", 1.0));
    let mallory = world.key("mallory");
    assert_eq!((mallory.band, mallory.support, mallory.support_all), (Band::Distrusted, 0.0, 0.0));
    assert!(mallory.score <= -0.01);
}

#[test]
fn distrust_throttles_what_a_key_passes_on() {
    let circle = |world: World| world.says("me", "alice", 1.0).says("me", "bob", 1.0).says("bob", "carol", 1.0);
    let before = circle(World::mine()).key("carol").reach;
    let after = circle(World::mine()).says("alice", "bob", -1.0).key("carol").reach;
    assert!(after < before / 2.0, "{after} {before}");
}

#[test]
fn my_word_beats_that_of_a_follow_and_among_follows_distrust_wins() {
    let two = World::mine().follow("alice", FollowLevel::Full).follow("bob", FollowLevel::Low);
    let torn = two.says("alice", "carol", 1.0).says("bob", "carol", -0.5);
    assert_eq!(torn.key("carol").band, Band::Distrusted);
    assert!(torn.key("carol").score <= -0.5);
    let mine = torn.clone().says("me", "carol", 0.75).key("carol");
    assert!(mine.score >= 0.75 && mine.band != Band::Distrusted, "{mine:?}");
    let blocked = torn.says("me", "carol", -1.0).key("carol");
    assert_eq!((blocked.score, blocked.band), (-1.0, Band::Distrusted));
}

#[test]
fn a_follow_that_i_distrust_is_no_root() {
    let world = World::mine().follow("alice", FollowLevel::Full).says("alice", "bob", 1.0).says("me", "alice", -1.0);
    assert_eq!((world.key("alice").band, world.key("alice").power_for), (Band::Distrusted, 0.0));
    assert_eq!(world.key("bob").score, 0.0);
}

#[test]
fn a_scoped_word_replaces_the_general_one_there() {
    let world = World::mine().says("me", "alice", 1.0).says_in(Scope::Seed, "me", "alice", -1.0);
    assert_eq!(world.scores_in(Scope::Catalogue).on(&world.graph).key(&key("alice")).band, Band::Trusted);
    assert_eq!(world.scores_in(Scope::Seed).on(&world.graph).key(&key("alice")).band, Band::Distrusted);
    let only = World::mine().says_in(Scope::Seed, "me", "alice", 1.0);
    assert_eq!(only.scores_in(Scope::Catalogue).on(&only.graph).key(&key("alice")).score, 0.0);
}

#[test]
fn a_follow_in_one_scope_is_a_root_there_only() {
    let world = World::mine().root(Root::follow(key("alice"), FollowLevel::High).in_scope(Scope::Seed));
    assert_eq!(world.scores_in(Scope::Seed).on(&world.graph).key(&key("alice")).score, 0.75);
    assert_eq!(world.scores_in(Scope::Catalogue).on(&world.graph).key(&key("alice")).score, 0.0);
}

#[test]
fn a_starter_votes_but_gives_nobody_a_voice() {
    let world = World::mine().root(Root::follow_only(key("starter"), FollowLevel::High)).says("starter", "eve", 1.0);
    let world = world.says("eve", "mallory", 1.0);
    assert_eq!(world.key("me").reach, 0.3, "it takes no share of the reach");
    assert_eq!((world.key("eve").reach, world.key("eve").power_for), (0.0, 0.0));
    assert_eq!(world.key("mallory"), Score::UNRATED);
    assert!(world.key("eve").score > 0.0);
}

#[test]
fn an_expired_statement_is_as_good_as_absent_from_its_day_on() {
    let said = |expires_ms| Statement {
        issuer: key("me"),
        subject: key("alice"),
        scope: Scope::All,
        level: 1.0,
        time_ms: TODAY,
        expires_ms,
    };
    let mut world = World::mine();
    world.graph.add_statement(said(Some(TODAY + DAY_MS / 2))).unwrap();
    let score = |now| {
        Scores::compute(&world.graph, Scope::All, Epoch::of(now), &Params::strict()).on(&world.graph).key(&key("alice"))
    };
    assert_eq!(score(TODAY).band, Band::Trusted);
    assert_eq!(score(TODAY), score(TODAY + DAY_MS - 1), "constant inside a day");
    assert_eq!(score(TODAY + DAY_MS), Score::UNRATED);
}

#[test]
fn an_old_vote_fades_but_not_to_nothing() {
    let world = World::mine().says("me", "alice", 1.0);
    let support = |days| {
        let epoch = Epoch::of(TODAY + days * DAY_MS);
        Scores::compute(&world.graph, Scope::All, epoch, &Params::strict()).on(&world.graph).key(&key("alice")).support
    };
    assert_eq!(support(0), 1.0);
    assert!((support(120) - 0.55).abs() < 1e-12);
    assert!((support(100_000) - 0.1).abs() < 1e-12);
}

#[test]
fn a_silent_key_loses_part_of_a_positive_score() {
    let world = World::default().follow("alice", FollowLevel::Full).says("alice", "bob", 1.0);
    let world = (0..3).fold(world, |world, n| world.says("bob", &format!("carol{n}"), 1.0));
    let awake = world.key("carol0").score;
    let mut silent = world.clone();
    silent.graph.note_last_statement(key("carol0"), TODAY - 180 * DAY_MS);
    assert!((silent.key("carol0").score - 0.7 * awake).abs() < 1e-12, "{awake}");
}

#[test]
fn a_proof_of_duplicity_weighs_a_key_zero() {
    let world = World::mine().follow("alice", FollowLevel::Full).says("alice", "bob", 1.0).says("bob", "carol", 1.0);
    let bob_zeroed = world.clone().zero("bob");
    let bob = bob_zeroed.key("bob");
    assert_eq!((bob.power_for, bob.power_against, bob.band), (0.0, 0.0, Band::Unknown));
    assert!(bob.score <= 0.0);
    assert_eq!(bob_zeroed.key("carol"), Score::UNRATED);
    let alice_zeroed = world.zero("alice");
    assert_eq!((alice_zeroed.key("alice").score, alice_zeroed.key("alice").power_for), (0.0, 0.0));
    assert_eq!(alice_zeroed.key("bob").score, 0.0, "a duplicitous follow is no root");
    assert_eq!(World::mine().zero("me").key("me").band, Band::Trusted, "my word still decides what I see");
}

#[test]
fn measured_bytes_earn_a_band_and_no_support() {
    let world = World::mine().received("me", "seeder", 4);
    let seeder = world.key("seeder");
    assert_eq!((seeder.band, seeder.support), (Band::Earned, 0.0));
    assert_eq!(seeder.support_all, 0.25);
    assert!(seeder.score > 0.2, "the score alone would have vouched: {}", seeder.score);
    let stranger = World::mine().received("eve", "mallory", 4).key("mallory");
    assert_eq!((stranger.band, stranger.score), (Band::Unknown, 0.0));
}

#[test]
fn bytes_never_stand_in_for_a_second_witness() {
    let world = World::mine().follow("alice", FollowLevel::Full).says("alice", "bob", 1.0).says("alice", "dave", 1.0);
    let world = world.says("bob", "carol", 1.0);
    let (before, after) = (world.key("carol"), world.clone().received("dave", "carol", 9).key("carol"));
    assert_eq!(before.support, after.support);
    assert!(after.support_all > before.support_all);
}

#[test]
fn distrust_beats_any_number_of_bytes() {
    let world = World::mine().received("me", "mallory", 100).says("me", "mallory", -0.25);
    assert_eq!(world.key("mallory").band, Band::Distrusted);
}

#[test]
fn other_thresholds_give_other_bands() {
    let lax = ThresholdValues { trusted_support: 0.1, ..*Thresholds::default().values() };
    let params = Params::strict().with_thresholds(Thresholds::new(lax).unwrap());
    let world = World::mine().follow("alice", FollowLevel::Full).says("alice", "bob", 1.0);
    let world = world.says("bob", "carol", 1.0);
    let band = |params| {
        Scores::compute(&world.graph, Scope::All, Epoch::of(TODAY), &params).on(&world.graph).key(&key("carol")).band
    };
    assert_eq!((band(Params::strict()), band(params)), (Band::Vouched, Band::Trusted));
}

#[test]
fn nonsense_is_refused_at_the_door() {
    let mut graph = TrustGraph::new();
    let said = |level| Statement {
        issuer: key("eve"),
        subject: key("bob"),
        scope: Scope::All,
        level,
        time_ms: 0,
        expires_ms: None,
    };
    assert!(matches!(graph.add_statement(said(1.01)), Err(InputError::Level { .. })));
    assert!(matches!(graph.add_statement(said(f64::NAN)), Err(InputError::Level { .. })));
    graph.set_root(Root::me(key("me"))).unwrap();
    graph.set_root(Root::me(key("me"))).unwrap();
    assert!(matches!(graph.set_root(Root::me(key("eve"))), Err(InputError::SecondSelf { .. })));
}

#[test]
fn what_is_removed_is_as_if_never_said() {
    let world = World::mine().says("me", "alice", 1.0).received("me", "alice", 2);
    let mut removed = world.clone();
    assert!(removed.graph.remove_statement(&key("me"), &key("alice"), Scope::All));
    assert!(!removed.graph.remove_statement(&key("me"), &key("alice"), Scope::All));
    assert!(removed.graph.clear_evidence(&key("me"), &key("alice"), Scope::Catalogue));
    assert_eq!((removed.key("alice"), removed.graph.link_count()), (Score::UNRATED, 0));
    let mut unfollowed = World::mine().follow("alice", FollowLevel::Full);
    assert!(unfollowed.graph.remove_root(&key("alice"), Scope::All));
    assert_eq!(unfollowed.key("alice"), Score::UNRATED);
}
