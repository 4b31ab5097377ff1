//! Large rings: a thousand fakes, ten thousand, a hundred thousand. The bounds hold, and size buys nothing.
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use common::attacked::Attacked;
use common::bounds::{Bounds, at_most};
use common::ring::{Ring, Topology};
use common::scored::Scored;
use common::web::{Web, id, settings};
use heirloom_graph::{Band, Params, RootPolicy};

fn people() -> Web {
    Web::of_people(400, 2600, 42)
}

/// Everything a ring can do at once.
fn every_trick(ring: Ring) -> Ring {
    Ring { uploads: true, mimicry: 2, receipts: 1, invented: ring.fakes, ..ring }
}

#[test]
fn a_thousand_fakes_keep_to_every_bound() {
    let web = people();
    for topology in Topology::ALL {
        for (attack_edges, targeted) in [(1, false), (20, false), (1, true), (5, true), (20, true)] {
            let ring = Ring::of(topology, 1000, attack_edges, targeted, u64::from(attack_edges));
            for ring in [ring, every_trick(ring)] {
                for params in [Params::strict(), Params::standard().with_root_policy(RootPolicy::Equal)] {
                    Attacked::new(&web, &ring, &params).all().unwrap();
                }
            }
        }
    }
}

#[test]
fn ten_thousand_fakes_keep_to_every_bound() {
    let web = people();
    for topology in Topology::ALL {
        for (attack_edges, targeted) in [(20, false), (5, true)] {
            let ring = every_trick(Ring::of(topology, 10_000, attack_edges, targeted, 7));
            Attacked::new(&web, &ring, &Params::strict()).all().unwrap();
        }
    }
}

#[test]
fn a_thousand_slanderers_of_fifty_keep_to_the_bound() {
    let web = people();
    let victims: Vec<u32> = (2..web.keys).filter(|key| web.said.contains_key(&(0, *key))).chain(100..150).collect();
    // The victims distrust nobody, and only the ring distrusts them.
    let mut web = web;
    web.said.retain(|(from, to), level| *level > 0.0 || !(victims.contains(from) || victims.contains(to)));
    for targeted in [false, true] {
        let ring = Ring::of(Topology::Dense, 1000, 20, targeted, 3);
        let fooled = ring.fool(&web);
        let mut spoken = ring.speak(&fooled);
        for fake in ring.members(&web) {
            victims.iter().take(50).for_each(|victim| spoken.say(fake, *victim, -1.0));
        }
        let graph = spoken.graph();
        for params in settings() {
            let bounds = Bounds::new(&fooled, ring.members(&web), &params);
            let scores = Scored::today(&graph, &params);
            let mut all = 0.0;
            for victim in victims.iter().take(50) {
                let against = scores.against(&id(*victim));
                at_most("P5 slander by a thousand", against, bounds.slope_against * bounds.phi).unwrap();
                all += against;
            }
            let most = params.values().vote_budget * bounds.slope_against * bounds.phi;
            at_most("P6 slander of fifty by a thousand", all, most).unwrap();
        }
    }
}

/// Reach, power both ways, votes, and how many of the ring are trusted.
fn gain(web: &Web, ring: &Ring, params: &Params) -> [f64; 5] {
    let fooled = ring.fool(web);
    let bounds = Bounds::new(&fooled, ring.members(web), params);
    let attacked = Attacked::with_bounds(&ring.speak(&fooled), ring, params, bounds);
    attacked.all().unwrap();
    [
        attacked.sum(|fake| fake.reach),
        attacked.sum(|fake| fake.power_for),
        attacked.sum(|fake| fake.power_against),
        attacked.sum(|fake| fake.support_all),
        attacked.count(|fake| fake.band == Band::Trusted),
    ]
}

#[test]
fn a_hundred_thousand_fakes_gain_what_a_thousand_do() {
    let web = people();
    for (topology, attack_edges, targeted, reciprocated) in [
        (Topology::Parallel, 20, false, false),
        (Topology::Parallel, 20, true, false),
        // Given back: 5 of 1,005 edges of a thousand, and 5 of 100,005. Twenty would make the one per cent.
        (Topology::Parallel, 5, true, true),
        (Topology::Serial, 20, false, true),
    ] {
        let ring = |fakes| Ring { reciprocated, ..Ring::of(topology, fakes, attack_edges, targeted, 11) };
        let thousand = gain(&web, &ring(1000), &Params::strict());
        let hundred_thousand = gain(&web, &ring(100_000), &Params::strict());
        assert!(thousand[0] > 0.0, "{topology:?}: the ring has some reach");
        for (few, many) in thousand.iter().zip(hundred_thousand) {
            assert!((many - few).abs() <= 0.01 * few, "{topology:?}: {thousand:?} {hundred_thousand:?}");
        }
    }
}

#[test]
fn rings_of_every_shape_stop_growing_long_before_a_thousand() {
    let web = people();
    for topology in Topology::ALL {
        let ring = |fakes| Ring::of(topology, fakes, 5, true, 5);
        let (few, many) = (gain(&web, &ring(300), &Params::strict()), gain(&web, &ring(3000), &Params::strict()));
        assert!(many[0] <= few[0] * 1.01, "{topology:?}: {few:?} {many:?}");
    }
}
