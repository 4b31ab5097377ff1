//! P1 to P4b and P13 of the metric: what a ring of fake keys can gain, on random webs under random attacks.
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use common::attacked::Attacked;
use common::bounds::{at_most, first_round};
use common::ring::{Ring, rings};
use common::scored::{Scored, bits};
use common::web::{Web, id, settings, webs};
use heirloom_graph::{Params, Score};
use proptest::prelude::*;

fn under_every_setting(
    web: &Web,
    ring: &Ring,
    check: fn(&Attacked) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    settings().iter().try_for_each(|params| check(&Attacked::new(web, ring, params)))
}

/// Replaces `key` by itself and `copies - 1` more that say what it says, and share what is said of it so that
/// together they are sent no more than it was sent: levels are kept to 1e-9, so theirs are rounded down to that.
fn split(web: &Web, key: u32, copies: u32) -> Web {
    let mut after = web.clone();
    let share = f64::from(copies * copies); // The flow goes with the root of the level.
    let shared = |level: f64| (level / share * 1e9).floor() / 1e9;
    for (&(issuer, subject), &level) in &web.said {
        for copy in web.keys..web.keys + copies - 1 {
            if issuer == key {
                after.say(copy, subject, level);
            } else if subject == key {
                after.say(issuer, copy, shared(level));
            }
        }
        if subject == key {
            after.say(issuer, key, shared(level));
        }
    }
    after
}

fn members(key: u32, web: &Web, copies: u32) -> impl Iterator<Item = u32> {
    std::iter::once(key).chain(web.keys..web.keys + copies - 1)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn p1_a_ring_reaches_no_more_than_crosses_the_attack_edges(web in webs(), ring in rings()) {
        under_every_setting(&web, &ring, Attacked::p1_reach)?;
    }

    #[test]
    fn p2_the_power_of_a_ring_is_at_most_slope_times_flow(web in webs(), ring in rings()) {
        under_every_setting(&web, &ring, Attacked::p2_power)?;
    }

    #[test]
    fn p3_the_votes_for_a_ring_are_bounded_by_budgets_and_flow(web in webs(), ring in rings()) {
        under_every_setting(&web, &ring, Attacked::p3_votes)?;
    }

    #[test]
    fn p4_the_number_of_fakes_with_a_good_score_is_bounded(web in webs(), ring in rings()) {
        under_every_setting(&web, &ring, Attacked::p4_scores)?;
    }

    #[test]
    fn p4b_the_number_of_fakes_with_support_is_bounded(web in webs(), ring in rings()) {
        under_every_setting(&web, &ring, Attacked::p4b_support)?;
    }

    #[test]
    fn a_ring_that_nobody_fell_for_has_nothing(web in webs(), ring in rings()) {
        let ring = Ring { attack_edges: 0, ..ring };
        for params in settings() {
            let attacked = Attacked::new(&web, &ring, &params);
            at_most("flow to a ring that nobody fell for", attacked.bounds.phi, 0.0)?;
            for fake in &attacked.fakes {
                prop_assert_eq!((fake.reach, fake.power_for, fake.support_all), (0.0, 0.0, 0.0));
            }
        }
    }

    #[test]
    fn what_fakes_are_called_changes_nothing(web in webs(), ring in rings()) {
        let spoken = ring.speak(&ring.fool(&web));
        let members = ring.members(&web);
        // Backwards: the first fake gets the last name.
        let turned = |key: u32| if members.contains(&key) { members.end - 1 - (key - members.start) } else { key };
        let mut renamed = spoken.clone();
        let turn = |(from, to): (u32, u32)| (turned(from), turned(to));
        renamed.said = spoken.said.iter().map(|(pair, level)| (turn(*pair), *level)).collect();
        renamed.bytes = spoken.bytes.iter().map(|(pair, size)| (turn(*pair), *size)).collect();
        // Ages depend on the numbers in these tests, so all is said today.
        let (before, after) = (Web { aged: false, ..spoken }.graph(), Web { aged: false, ..renamed }.graph());
        let (before, after) = (Scored::today(&before, &Params::strict()), Scored::today(&after, &Params::strict()));
        for key in 0..members.end {
            prop_assert_eq!(bits(before.key(&id(key))), bits(after.key(&id(turned(key)))), "key {}", key);
        }
    }

    #[test]
    fn p13_a_key_split_in_copies_has_no_more_reach(web in webs(), key in 0..40_u32, copies in 2..30_u32) {
        let web = Web { bytes: std::collections::BTreeMap::new(), aged: false, ..web };
        let key = (key % web.keys).max(u32::try_from(web.roots.len()).unwrap());
        for params in settings() {
            let values = *first_round(&params).values();
            let (one, many) = (web.graph(), split(&web, key, copies).graph());
            let (one, many) = (Scored::today(&one, &first_round(&params)), Scored::today(&many, &first_round(&params)));
            let before = one.key(&id(key));
            let after: Vec<Score> = members(key, &web, copies).map(|copy| many.key(&id(copy))).collect();
            let sum = |of: fn(&Score) -> f64| after.iter().map(of).sum::<f64>();
            at_most("P13 reach of copies", sum(|score| score.reach), before.reach)?;
            let slope = |wide: f64| (1.0 + values.agreement_gain) * (values.near_slope + wide * values.wide_slope);
            at_most("P13 power of copies", sum(|score| score.power_for), slope(values.wide_weight_for) * before.reach)?;
            at_most(
                "P13 power of copies against",
                sum(|score| score.power_against),
                slope(values.wide_weight_against) * before.reach,
            )?;
            // Where nothing is capped, power goes with reach, and splitting gains nothing at all.
            if values.wide_slope * before.reach <= 1.0 {
                at_most("P13 uncapped power of copies", sum(|score| score.power_for), before.power_for)?;
            }
        }
    }
}
