//! The corners of the metric, each defined here: no roots, only roots, only distrust, contradiction, silence.
#![allow(clippy::float_cmp, reason = "scores are exact: what is compared is compared bit for bit")]
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use common::scored::{Scored, bits};
use common::{World, key, release};
use heirloom_graph::{
    Band, Epoch, FollowLevel, NodeId, Opinion, Params, Root, RootPolicy, Scope, Score, Statement, TrustGraph,
};

fn scored(world: &World) -> Scored<'_> {
    Scored::today(&world.graph, &Params::strict())
}

fn of(world: &World, name: &str) -> Score {
    scored(world).key(&key(name))
}

fn everything(world: &World) -> Vec<(NodeId, ([u64; 7], Band))> {
    scored(world).keys().into_iter().map(|(id, score)| (id, bits(score))).collect()
}

/// Finite, and within the ranges that the documentation of [`Score`] gives.
fn assert_sound(world: &World) {
    for params in [Params::strict(), Params::standard(), Params::strict().with_root_policy(RootPolicy::Equal)] {
        let scores = Scored::today(&world.graph, &params);
        let releases = scores.releases().into_iter().flat_map(|(_, torrent, listing)| [torrent, listing]);
        for score in scores.keys().into_iter().map(|(_, score)| score).chain(releases) {
            let Score { score: s, support, support_all, mean_level, power_for, power_against, reach, .. } = score;
            assert!((-1.0..=1.0).contains(&s) && (0.0..=1.0).contains(&mean_level), "{score:?}");
            assert!(support >= 0.0 && support <= support_all + 1e-12 && support_all.is_finite(), "{score:?}");
            assert!((0.0..=1.65).contains(&power_for) && (0.0..=1.545).contains(&power_against), "{score:?}");
            assert!((0.0..=1.0).contains(&reach), "{score:?}");
        }
    }
}

#[test]
fn without_roots_nobody_is_anybody() {
    let world = World::default().says("alice", "bob", 1.0).says("bob", "alice", -1.0).votes("bob", 1, Opinion::Good);
    let world = world.received("alice", "bob", 9).zero("carol");
    assert_sound(&world);
    for name in ["alice", "bob"] {
        assert_eq!(of(&world, name), Score::UNRATED, "{name}");
    }
    assert_eq!(of(&world, "carol").band, Band::Unknown);
    assert_eq!(scored(&world).release(&release(1)), Score::UNRATED);
}

#[test]
fn an_empty_graph_answers_every_question() {
    let graph = TrustGraph::new();
    for epoch in [Epoch::of(0), Epoch::ageless(), Epoch::exactly(u64::MAX)] {
        for scope in [Scope::All, Scope::Catalogue, Scope::Metadata, Scope::Seed] {
            let scores = Scored::at(&graph, scope, epoch, &Params::standard());
            assert!(scores.keys().is_empty() && scores.releases().is_empty());
            assert_eq!(scores.key(&key("eve")), Score::UNRATED);
            assert_eq!((scores.release(&release(1)), scores.listing(&release(1))), (Score::UNRATED, Score::UNRATED));
        }
    }
}

#[test]
fn one_root_that_says_nothing_knows_only_itself() {
    let world = World::mine().says("alice", "me", 1.0).says("alice", "bob", 1.0).says("bob", "me", -1.0);
    assert_eq!((of(&world, "me").score, of(&world, "me").reach), (1.0, 0.3));
    for name in ["alice", "bob"] {
        let Score { support_all, power_for, reach, .. } = of(&world, name);
        assert_eq!((support_all, power_for, reach, world.distance(name)), (0.0, 0.0, 0.0, None), "{name}");
    }
    // That bob distrusts me counts a little against bob: my own power says how much.
    assert!(of(&world, "bob").score < 0.0 && of(&world, "alice").score == 0.0);
}

#[test]
fn a_root_that_nobody_knows_still_votes() {
    let world = World::default().follow("hermit", FollowLevel::High).votes("hermit", 1, Opinion::Listing);
    assert_sound(&world);
    assert_eq!((of(&world, "hermit").score, of(&world, "hermit").band), (0.75, Band::Trusted));
    assert_eq!(scored(&world).release(&release(1)).band, Band::Trusted);
}

#[test]
fn roots_alone_trust_one_another_as_much_as_i_follow_them() {
    let world = World::mine().follow("alice", FollowLevel::Low).follow("bob", FollowLevel::Full);
    let world = world.says("alice", "bob", 0.01).says("bob", "alice", 1.0).says("alice", "me", -1.0);
    assert_sound(&world);
    assert_eq!(of(&world, "me").score, 1.0, "no follow speaks against me");
    assert_eq!((of(&world, "alice").score, of(&world, "bob").score), (0.25, 1.0));
    assert_eq!(of(&world, "alice").power_for, 0.25, "praise by a root makes no root louder");
}

#[test]
fn starters_alone_vote_and_pass_on_nothing() {
    let world = World::default().root(Root::follow_only(key("starter"), FollowLevel::Full));
    let world = world.says("starter", "alice", 1.0).says("alice", "bob", 1.0).votes("starter", 1, Opinion::Listing);
    assert_sound(&world);
    assert_eq!((of(&world, "starter").reach, of(&world, "alice").reach), (0.0, 0.0));
    assert_eq!((of(&world, "alice").band, of(&world, "bob")), (Band::Trusted, Score::UNRATED));
    assert_eq!(scored(&world).release(&release(1)).band, Band::Trusted);
}

#[test]
fn a_web_of_nothing_but_distrust_praises_nobody() {
    let names = ["me", "alice", "bob", "carol"];
    let pairs = names.iter().flat_map(|from| names.iter().map(move |to| (from, to))).filter(|(from, to)| from != to);
    let world = pairs.fold(World::mine(), |world, (from, to)| world.says(from, to, -1.0));
    assert_sound(&world);
    for name in &names[1..] {
        let score = of(&world, name);
        assert_eq!((score.score, score.band, score.reach, score.support_all), (-1.0, Band::Distrusted, 0.0, 0.0));
    }
    assert_eq!(of(&world, "me").score, 1.0);
}

#[test]
fn distrust_going_round_in_a_circle_settles() {
    let world = World::mine().says("me", "alice", 1.0).says("me", "bob", 1.0).says("me", "carol", 1.0);
    let world = world.says("alice", "bob", -1.0).says("bob", "carol", -1.0).says("carol", "alice", -1.0);
    assert_sound(&world);
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| of(&world, name));
    assert_eq!((alice.score, alice.reach), (bob.score, bob.reach));
    assert_eq!((bob.score, bob.reach), (carol.score, carol.reach));
}

#[test]
fn distrust_by_strangers_is_no_distrust() {
    let world = World::mine().says("me", "alice", 1.0).says("alice", "bob", 0.8);
    let slandered = (0..30).fold(world.clone(), |world, n| world.says(&format!("sybil{n}"), "bob", -1.0));
    assert_eq!(bits(of(&world, "bob")), bits(of(&slandered, "bob")));
}

#[test]
fn no_word_and_no_byte_about_oneself_counts() {
    let world = World::mine().follow("alice", FollowLevel::Medium).says("alice", "bob", 0.6).says("me", "carol", 0.2);
    let vain = ["me", "alice", "bob", "carol", "eve"]
        .iter()
        .fold(world.clone(), |world, name| world.says(name, name, 1.0).received(name, name, 200));
    let contrite =
        ["me", "alice", "bob", "carol"].iter().fold(world.clone(), |world, name| world.says(name, name, -1.0));
    for name in ["me", "alice", "bob", "carol", "eve"] {
        assert_eq!(bits(of(&world, name)), bits(of(&vain, name)), "{name}");
        assert_eq!(bits(of(&world, name)), bits(of(&contrite, name)), "{name}");
    }
}

#[test]
fn a_vote_for_ones_own_release_is_a_vote() {
    // Self-listing is what curators do: it has the power of its voter, and none for a stranger.
    let world = World::mine().follow("alice", FollowLevel::Full).votes("alice", 1, Opinion::Listing);
    let world = world.votes("eve", 2, Opinion::Listing);
    assert_eq!(scored(&world).release(&release(1)).band, Band::Trusted);
    assert_eq!(scored(&world).release(&release(2)), Score::UNRATED);
}

#[test]
fn parallel_statements_in_several_scopes_each_count_in_their_own() {
    let said = [(Scope::All, 0.9), (Scope::Catalogue, -0.5), (Scope::Metadata, 0.0), (Scope::Seed, 0.3)];
    let tell = |world: World, (scope, level): &(Scope, f64)| world.says_in(*scope, "me", "alice", *level);
    let (forth, back) = (said.iter().fold(World::mine(), tell), said.iter().rev().fold(World::mine(), tell));
    for (scope, level) in said {
        let at =
            |world: &World| Scored::at(&world.graph, scope, Epoch::ageless(), &Params::strict()).key(&key("alice"));
        let alice = at(&forth);
        assert_eq!(bits(alice), bits(at(&back)), "{scope:?}: in whatever order they came");
        assert_eq!(alice.band == Band::Distrusted, level < 0.0, "{scope:?}");
        assert_eq!(alice.support > 0.0, level > 0.0, "{scope:?}: level 0 takes the general word back");
    }
    let silent = World::mine().says("me", "alice", 0.9);
    let in_seed = Scored::at(&silent.graph, Scope::Seed, Epoch::ageless(), &Params::strict()).key(&key("alice"));
    assert!(in_seed.score > 0.0, "the general word counts where nothing narrower was said");
}

#[test]
fn an_expired_narrow_word_gives_way_to_the_general_one() {
    let mut world = World::mine().says("me", "alice", 1.0);
    let (issuer, subject) = (key("me"), key("alice"));
    let narrow = Statement {
        issuer,
        subject,
        scope: Scope::Catalogue,
        level: -1.0,
        time_ms: common::TODAY - common::DAY_MS,
        expires_ms: Some(common::TODAY),
    };
    world.graph.add_statement(narrow).unwrap();
    assert_eq!(of(&world, "alice").band, Band::Trusted);
    world.graph.add_statement(Statement { time_ms: common::TODAY, expires_ms: None, ..narrow }).unwrap();
    assert_eq!(of(&world, "alice").band, Band::Distrusted);
}

#[test]
fn a_duplicitous_key_is_as_if_it_had_never_spoken() {
    let world = World::mine().follow("alice", FollowLevel::Full).says("alice", "bob", 1.0).says("me", "carol", 0.5);
    let loud = world.clone().says("bob", "carol", -1.0).says("bob", "dave", 1.0).received("bob", "erin", 50);
    let loud = loud.votes("bob", 1, Opinion::Listing).votes("alice", 2, Opinion::Good).votes("bob", 2, Opinion::Fake);
    let (silent, zeroed) = (world.votes("alice", 2, Opinion::Good).zero("bob"), loud.zero("bob"));
    for name in ["me", "alice", "bob", "carol", "dave", "erin"] {
        assert_eq!(bits(of(&silent, name)), bits(of(&zeroed, name)), "{name}");
    }
    for number in [1, 2] {
        let at = |world: &World| scored(world).release(&release(number));
        assert_eq!(bits(at(&silent)), bits(at(&zeroed)), "release {number}");
    }
    assert_eq!((of(&zeroed, "bob").score, of(&zeroed, "bob").band), (0.0, Band::Unknown), "praise does not lift it");
    assert_eq!(of(&zeroed.says("me", "bob", -1.0), "bob").band, Band::Distrusted, "distrust still lowers it");
}

#[test]
fn a_root_weighed_zero_is_no_root_in_any_order() {
    let follows = || World::mine().follow("alice", FollowLevel::Full).says("alice", "bob", 1.0);
    let zeroed_first = World::mine().zero("alice").follow("alice", FollowLevel::Full).says("alice", "bob", 1.0);
    let (one, other) = (follows().zero("alice"), zeroed_first);
    for name in ["me", "alice", "bob"] {
        assert_eq!(bits(of(&one, name)), bits(of(&other, name)), "{name}");
    }
    assert_eq!(of(&one, "me").reach, 0.3, "all reach is mine again");
    assert_eq!(of(&one, "bob").support, 0.0);
}

#[test]
fn roots_that_contradict_each_other_end_in_distrust_whoever_spoke_first() {
    let both = |first: (&str, f64), second: (&str, f64)| {
        let world = World::default().follow("alice", FollowLevel::Full).follow("bob", FollowLevel::Full);
        world.says(first.0, "carol", first.1).says(second.0, "carol", second.1)
    };
    let (one, other) = (both(("alice", 1.0), ("bob", -0.2)), both(("bob", -0.2), ("alice", 1.0)));
    assert_eq!(everything(&one), everything(&other));
    assert_eq!((of(&one, "carol").band, of(&one, "carol").score <= -0.2), (Band::Distrusted, true));
    let swapped = both(("alice", -0.2), ("bob", 1.0));
    assert_eq!(bits(of(&one, "carol")), bits(of(&swapped, "carol")), "whichever of them it is");
    let equal = Params::strict().with_root_policy(RootPolicy::Equal);
    assert!(Scored::today(&one.graph, &equal).key(&key("carol")).score <= -0.2);
}

#[test]
fn follows_that_distrust_each_other_stay_roots_but_one_that_i_distrust_does_not() {
    let world = World::mine().follow("alice", FollowLevel::Full).follow("bob", FollowLevel::Full);
    let feud = world.says("alice", "bob", -1.0).says("bob", "alice", -1.0);
    assert_eq!((of(&feud, "alice").score, of(&feud, "bob").score), (1.0, 1.0));
    let ended = feud.says("me", "bob", -0.01);
    assert_eq!((of(&ended, "bob").band, of(&ended, "alice").score), (Band::Distrusted, 1.0));
    assert!(of(&ended, "bob").power_for == 0.0 && of(&ended, "alice").reach > 0.0);
}

#[test]
fn a_key_praised_and_distrusted_by_one_voter_has_the_newer_word() {
    let mut world = World::mine().says("me", "alice", 1.0);
    let (issuer, subject) = (key("me"), key("alice"));
    let word = |level, time_ms| Statement { issuer, subject, scope: Scope::All, level, time_ms, expires_ms: None };
    world.graph.add_statement(word(-1.0, common::TODAY)).unwrap();
    assert_eq!(of(&world, "alice").band, Band::Distrusted, "at one time, the lower");
    world.graph.add_statement(word(0.5, common::TODAY + 1)).unwrap();
    assert_eq!(of(&world, "alice").band, Band::Trusted);
    world.graph.add_statement(word(-1.0, common::TODAY - 1)).unwrap();
    assert_eq!(of(&world, "alice").band, Band::Trusted, "an older one changes nothing");
}

#[test]
fn the_smallest_levels_are_still_signs() {
    for level in [f64::MIN_POSITIVE, 1e-12, -1e-12, -f64::MIN_POSITIVE] {
        let world = World::mine().says("me", "alice", level).says("alice", "bob", level);
        assert_sound(&world);
        assert_eq!(of(&world, "alice").band == Band::Distrusted, level < 0.0, "{level}");
    }
}

#[test]
fn a_very_long_chain_of_trust_comes_to_its_end() {
    let name = |n: u32| format!("link{n}");
    let world = World::mine().says("me", "link0", 1.0);
    let world = (0..2000).fold(world, |world, n| world.says(&name(n), &name(n + 1), 1.0));
    assert_sound(&world);
    assert_eq!(world.distance("link0"), Some(1));
    assert_eq!(of(&world, "link1999").score, 0.0);
}
