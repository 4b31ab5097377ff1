//! Releases are sinks: what a ring can do for and against a release, and what bytes cannot.
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use common::World;
use common::bounds::{Bounds, at_most, first_round, power_most};
use common::ring::{Ring, Topology, rings};
use common::scored::{Scored, bits};
use common::web::{Web, id, release_id, settings, webs};
use heirloom_graph::{Band, FollowLevel, Opinion, Params, RootKind, Score};
use proptest::prelude::*;

/// What the ring lists.
const BAIT: u16 = 1;
/// What honest keys list.
const HONEST: u16 = 2;

/// Every fake gives `opinion` of a release.
fn stuff(web: &Web, ring: &Ring, release: u16, opinion: Opinion) -> Web {
    let mut web = web.clone();
    ring.members(&web).for_each(|fake| web.vote(fake, release, opinion));
    web
}

fn praise() -> impl Strategy<Value = Opinion> {
    prop::sample::select(vec![Opinion::Listing, Opinion::Good, Opinion::Poor])
}

/// Some honest keys list the honest release; never roots, whose word would decide.
fn listed_by(web: &Web, voters: &[u32]) -> Web {
    let mut web = web.clone();
    let voters: Vec<u32> = voters.iter().map(|voter| voter % web.keys).filter(|voter| !web.is_root(*voter)).collect();
    voters.into_iter().for_each(|voter| web.vote(voter, HONEST, Opinion::Listing));
    web
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_ring_gives_a_release_at_most_slope_times_flow(web in webs(), ring in rings(), opinion in praise()) {
        let fooled = ring.fool(&web);
        let graph = stuff(&ring.speak(&fooled), &ring, BAIT, opinion).graph();
        for params in settings() {
            let bounds = Bounds::new(&fooled, ring.members(&web), &params);
            let bait = Scored::today(&graph, &params).release(&release_id(BAIT));
            at_most("support of a ring's release", bait.support_all, bounds.slope_for * bounds.phi)?;
            prop_assert!(bait.support <= bait.support_all);
        }
    }

    #[test]
    fn beside_honest_voters_a_ring_adds_at_most_slope_times_flow(
        web in webs(),
        ring in rings(),
        voters in prop::collection::vec(0..40_u32, 1..6),
    ) {
        let fooled = ring.fool(&listed_by(&web, &voters));
        let graph = stuff(&ring.speak(&fooled), &ring, HONEST, Opinion::Good).graph();
        let quiet = fooled.graph();
        for params in settings() {
            let bounds = Bounds::new(&fooled, ring.members(&web), &params);
            let first = Scored::today(&quiet, &first_round(&params));
            let voters = fooled.votes.keys().map(|(voter, _)| first.key(&id(*voter)).reach);
            let direct: f64 = voters.map(|reach| power_most(reach, params.values())).sum();
            let both = Scored::today(&graph, &params).release(&release_id(HONEST));
            at_most("support by a ring and honest keys", both.support_all, bounds.slope_for * bounds.phi + direct)?;
        }
    }

    #[test]
    fn what_only_a_ring_lists_never_stands_above_what_a_follow_lists(web in webs(), ring in rings()) {
        let mut web = web;
        let follows: Vec<u32> = (1..).take(web.roots.len() - 1).collect();
        follows.iter().for_each(|follow| web.vote(*follow, HONEST, Opinion::Listing));
        // Whom I distrust I do not follow.
        web.said.retain(|(issuer, subject), level| *level > 0.0 || *issuer != 0 || !follows.contains(subject));
        let fooled = ring.fool(&web);
        let listed = stuff(&ring.speak(&fooled), &ring, BAIT, Opinion::Listing).graph();
        let praised = stuff(&ring.speak(&fooled), &ring, BAIT, Opinion::Good).graph();
        let level = |kind: &RootKind| match kind {
            RootKind::Follow(level) | RootKind::FollowOnly(level) => level.value(),
            RootKind::Me => 0.0,
        };
        let loudest = web.roots.iter().map(level).fold(0.0, f64::max);
        for params in [Params::strict(), Params::standard()].into_iter().filter(|_| loudest > 0.0) {
            let bounds = Bounds::new(&fooled, ring.members(&web), &params);
            let most = bounds.slope_for * bounds.phi;
            let scores = Scored::today(&listed, &params);
            let (bait, honest) = (scores.release(&release_id(BAIT)), scores.release(&release_id(HONEST)));
            prop_assert!(bait.score < honest.score, "{:?} {:?}", bait, honest);
            // A follow at `low` vouches; only more flow than has ever to cross could lift a ring's above that.
            if loudest >= 0.5 || most < 0.5 {
                prop_assert!(honest.band <= bait.band, "{:?} {:?}", bait, honest);
            }
            // With verdicts, its score is that of P4 at the most support that the flow allows.
            let bait = Scored::today(&praised, &params).release(&release_id(BAIT));
            let scale = params.values().evidence_scale;
            at_most("score of a ring's release", bait.score, most * most / (most * most + scale * scale))?;
        }
    }

    #[test]
    fn fakes_that_cry_fake_lower_a_release_by_at_most_slope_times_flow(
        web in webs(),
        ring in rings(),
        voters in prop::collection::vec(0..40_u32, 1..6),
        cry in prop::sample::select(vec![Opinion::Fake, Opinion::Malware]),
    ) {
        let fooled = ring.fool(&listed_by(&web, &voters));
        let before = ring.speak(&fooled);
        let (before, after) = (before.graph(), stuff(&before, &ring, HONEST, cry).graph());
        for params in settings() {
            let bounds = Bounds::new(&fooled, ring.members(&web), &params);
            let score = |graph| Scored::today(graph, &params).release(&release_id(HONEST)).score;
            at_most("drop of a release by fakes", score(&before) - score(&after), bounds.slander_drop())?;
        }
    }

    #[test]
    fn votes_on_releases_never_change_what_keys_are_worth(web in webs(), ring in rings(), opinion in praise()) {
        let before = ring.speak(&ring.fool(&web));
        let (before, after) = (before.graph(), stuff(&before, &ring, BAIT, opinion).graph());
        let (before, after) = (Scored::today(&before, &Params::strict()), Scored::today(&after, &Params::strict()));
        let each = |scores: &Scored| scores.keys().into_iter().map(|(id, score)| (id, bits(score))).collect::<Vec<_>>();
        prop_assert_eq!(each(&before), each(&after));
    }

    #[test]
    fn bytes_alone_never_make_a_key_trusted_or_vouched(
        web in webs(),
        seeder in 3..40_u32,
        receivers in prop::collection::vec((0..40_u32, 1..=255_u8), 1..30),
    ) {
        let mut web = web;
        let seeder = (seeder % web.keys).max(u32::try_from(web.roots.len()).unwrap());
        web.said.retain(|(_, subject), level| *subject != seeder || *level < 0.0);
        for (receiver, gibibytes) in receivers {
            let receiver = receiver % web.keys;
            if receiver != seeder {
                web.bytes.insert((receiver, seeder), gibibytes);
            }
        }
        let graph = web.graph();
        for params in settings() {
            let score = Scored::today(&graph, &params).key(&id(seeder));
            prop_assert!(score.support <= 0.0 && score.band > Band::Vouched, "{:?}", score);
        }
    }
}

#[test]
fn ten_thousand_fakes_lift_one_release_no_further_than_their_flow() {
    let web = Web::of_people(400, 2600, 42);
    for topology in Topology::ALL {
        let ring = Ring::of(topology, 10_000, 20, false, 9);
        let fooled = ring.fool(&web);
        let params = Params::strict();
        let bounds = Bounds::new(&fooled, ring.members(&web), &params);
        let graph = stuff(&ring.speak(&fooled), &ring, BAIT, Opinion::Good).graph();
        let bait = Scored::today(&graph, &params).release(&release_id(BAIT));
        at_most("support by ten thousand", bait.support_all, bounds.slope_for * bounds.phi).unwrap();
        assert!(bait.support_all > 0.0, "{topology:?}");
    }
}

#[test]
fn a_thousand_strangers_who_cry_fake_change_nothing() {
    let listed = World::mine().follow("alice", FollowLevel::Low).says("alice", "bob", 1.0);
    let listed = listed.votes("bob", 1, Opinion::Listing);
    let slandered = (0..1000).fold(listed.clone(), |world, n| world.votes(&format!("sybil{n}"), 1, Opinion::Fake));
    let of = |world: &World| Scored::today(&world.graph, &Params::strict()).release(&common::release(1));
    assert_eq!(of(&listed), of(&slandered));
    assert!(of(&listed).score > 0.0);
}

#[test]
fn bytes_give_a_release_no_vote() {
    let world = World::mine().received("me", "seeder", 200).received("seeder", "me", 200);
    assert_eq!(Scored::today(&world.graph, &Params::strict()).release(&common::release(1)), Score::UNRATED);
}

/// Bytes widen the flow, so who uploaded to me has power, and its own listing is a declared vote. It ranks; it admits
/// nobody.
#[test]
fn bytes_alone_never_make_what_their_sender_lists_trusted_or_vouched() {
    let scored = |seeders: &[&str]| {
        let world = seeders
            .iter()
            .fold(World::mine(), |world, seeder| world.received("me", seeder, 64).votes(seeder, 1, Opinion::Listing));
        Scored::today(&world.graph, &Params::strict()).release(&common::release(1))
    };
    let (one, two) = (scored(&["mallory"]), scored(&["mallory", "eve"]));
    assert!(one.band > Band::Vouched, "{one:?}");
    assert!(two.band > Band::Vouched, "{two:?}");
    assert!(one.score > 0.0 && two.score > one.score, "bytes do rank");
    assert_eq!((one.band, one.support, two.support), (Band::Earned, 0.0, 0.0));
}

/// The same power cannot condemn: bandwidth buys no slander.
#[test]
fn bytes_alone_never_condemn_what_their_sender_calls_fake() {
    let world = World::mine().follow("alice", FollowLevel::Low).says("alice", "curator", 0.25);
    let world = world.votes("curator", 1, Opinion::Listing);
    let honest = Scored::today(&world.graph, &Params::strict()).release(&common::release(1));
    let world = world.received("me", "mallory", 64).votes("mallory", 1, Opinion::Fake);
    let slandered = Scored::today(&world.graph, &Params::strict()).release(&common::release(1));
    assert!(slandered.score < honest.score && slandered.band != Band::Distrusted, "{slandered:?}");
}
