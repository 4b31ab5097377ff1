//! What confidence in releases does, case by case: who lists, who judges, how near they are.
#![allow(clippy::float_cmp, reason = "scores are exact: what is compared is compared bit for bit")]
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use common::{DAY_MS, TODAY, World, key, release};
use heirloom_graph::{Band, Epoch, FollowLevel, Opinion, Params, ReleaseVote, Root, Scope, Score, Scores};

/// I follow alice, who trusts ten curators.
fn ten_curators() -> World {
    let world = World::mine().follow("alice", FollowLevel::Full);
    (0..10).fold(world, |world, n| world.says("alice", &format!("curator{n}"), 1.0))
}

#[test]
fn one_listing_by_a_follow_weighs_its_level() {
    let listed = |level| World::mine().follow("alice", level).votes("alice", 1, Opinion::Listing).release(1);
    for level in [FollowLevel::Full, FollowLevel::High, FollowLevel::Medium] {
        let score = listed(level);
        assert_eq!((score.band, score.support), (Band::Trusted, level.value()), "{level:?}");
        assert_eq!(score.score, 0.75);
    }
    assert_eq!((listed(FollowLevel::Low).band, listed(FollowLevel::Low).support), (Band::Vouched, 0.25));
}

#[test]
fn a_starter_listing_is_trusted() {
    let world = World::mine().root(Root::follow_only(key("starter"), FollowLevel::High));
    assert_eq!(world.votes("starter", 1, Opinion::Listing).release(1).band, Band::Trusted);
}

#[test]
fn one_curator_followed_through_vouches_and_two_make_trusted() {
    let one = ten_curators().votes("curator0", 1, Opinion::Listing);
    let score = one.release(1);
    assert_eq!((score.band, one.release_distance(1)), (Band::Vouched, Some(3)));
    assert!((score.support - 0.2).abs() < 0.05, "{}", score.support);
    let two = one.votes("curator1", 1, Opinion::Listing).release(1);
    assert_eq!(two.band, Band::Trusted);
    assert!((two.support - 0.62).abs() < 0.05, "{}", two.support);
}

#[test]
fn five_thousand_listings_are_each_as_loud_as_five() {
    let world = ten_curators().votes("curator0", 1, Opinion::Listing);
    let before = world.release(1);
    let mut busy = world;
    for number in 0..5000_u16 {
        let mut bytes = [9; 20];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        let release = heirloom_graph::ReleaseId(bytes);
        let opinion = Opinion::Listing;
        busy.graph.add_vote(ReleaseVote { voter: key("curator0"), release, opinion, time_ms: TODAY, expires_ms: None });
    }
    assert_eq!(busy.release(1), before);
}

#[test]
fn a_stranger_is_unknown_with_score_zero_however_often_it_comes() {
    let world = (0..30).fold(World::mine(), |world, n| world.votes(&format!("sybil{n}"), 1, Opinion::Good));
    let score = world.release(1);
    assert_eq!((score.score, score.band, score.support), (0.0, Band::Unknown, 0.0));
    assert_eq!(world.release_distance(1), None);
    assert_eq!(world.release(2), Score::UNRATED);
}

#[test]
fn my_verdict_decides_whatever_others_say() {
    let praised = World::mine().follow("alice", FollowLevel::Full).votes("alice", 1, Opinion::Good);
    for opinion in [Opinion::Fake, Opinion::Malware] {
        let judged = praised.clone().votes("me", 1, opinion).release(1);
        assert_eq!((judged.score, judged.band), (-1.0, Band::Distrusted));
    }
    let slandered = World::mine().follow("alice", FollowLevel::Full).votes("alice", 1, Opinion::Fake);
    assert_eq!(slandered.release(1).band, Band::Distrusted);
    let good = slandered.votes("me", 1, Opinion::Good).release(1);
    assert_eq!((good.score, good.band), (1.0, Band::Trusted));
}

#[test]
fn among_follows_a_verdict_of_fake_wins() {
    let world = World::mine().follow("alice", FollowLevel::Full).follow("bob", FollowLevel::Low);
    let torn = world.votes("alice", 1, Opinion::Listing).votes("bob", 1, Opinion::Fake);
    assert_eq!((torn.release(1).score, torn.release(1).band), (-1.0, Band::Distrusted));
}

#[test]
fn a_curator_calling_it_fake_outweighs_one_who_listed_it() {
    let world = ten_curators().votes("curator0", 1, Opinion::Listing).votes("curator1", 1, Opinion::Fake);
    assert_eq!(world.release(1).band, Band::Distrusted);
}

#[test]
fn wrong_work_is_against_the_listing_only() {
    let world = World::mine().follow("alice", FollowLevel::Full).follow("bob", FollowLevel::Full);
    let world = world.votes("alice", 1, Opinion::Listing).votes("bob", 1, Opinion::WrongWork);
    assert_eq!((world.release(1).band, world.release(1).score), (Band::Trusted, 0.75));
    assert_eq!((world.listing(1).band, world.listing(1).score), (Band::Distrusted, -1.0));
}

#[test]
fn dead_says_nothing_and_a_listing_beside_it_still_counts() {
    let world = World::mine().follow("alice", FollowLevel::Full);
    assert_eq!(world.clone().votes("alice", 1, Opinion::Dead).release(1), Score::UNRATED);
    let listed = world.votes("alice", 1, Opinion::Listing);
    assert_eq!(listed.release(1), listed.clone().votes("alice", 1, Opinion::Dead).release(1));
}

#[test]
fn poor_scores_low_and_admits_nothing() {
    let poor = World::mine().follow("alice", FollowLevel::Full).votes("alice", 1, Opinion::Poor).release(1);
    assert_eq!((poor.support, poor.support_all, poor.band), (0.0, 1.0, Band::Unknown));
    assert!(poor.score >= 0.25 && poor.score < 0.75);
}

#[test]
fn a_verdict_takes_the_place_of_the_listing() {
    let world = World::mine().follow("alice", FollowLevel::Full);
    let world = world.votes("alice", 1, Opinion::Listing).votes("alice", 1, Opinion::Good);
    assert_eq!((world.release(1).support_all, world.release(1).score), (1.0, 1.0), "one vote, not two");
    let mut retracted = world;
    assert!(retracted.graph.remove_vote(&key("alice"), &release(1), Opinion::Good));
    assert_eq!(retracted.release(1).score, 0.75);
    assert!(retracted.graph.remove_vote(&key("alice"), &release(1), Opinion::Listing));
    assert_eq!(retracted.release(1), Score::UNRATED);
}

#[test]
fn an_expired_listing_is_gone() {
    let mut world = World::mine().follow("alice", FollowLevel::Full);
    world.graph.add_vote(ReleaseVote {
        voter: key("alice"),
        release: release(1),
        opinion: Opinion::Listing,
        time_ms: TODAY - 30 * DAY_MS,
        expires_ms: Some(TODAY + DAY_MS),
    });
    let at = |now| {
        Scores::compute(&world.graph, Scope::Catalogue, Epoch::of(now), &Params::strict())
            .on(&world.graph)
            .release(&release(1))
    };
    assert_eq!(at(TODAY).score, 0.75);
    assert_eq!(at(TODAY + DAY_MS).score, 0.0);
}

#[test]
fn a_zeroed_curator_lists_nothing() {
    let world = World::mine().follow("alice", FollowLevel::Full).votes("alice", 1, Opinion::Listing).zero("alice");
    assert_eq!((world.release(1).score, world.release(1).band), (0.0, Band::Unknown));
}
