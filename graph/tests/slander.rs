//! P5 to P7 of the metric, faint praise and the shift of the calibration: what a ring can take from honest keys.
#![allow(clippy::unwrap_used)] // A test that cannot build its world should panic.

mod common;

use common::bounds::{Bounds, at_most, first_round};
use common::dice::Dice;
use common::ring::{Ring, rings};
use common::scored::Scored;
use common::web::{Web, id, settings, webs};
use heirloom_graph::{Params, Values};
use proptest::prelude::*;

/// The honest keys that the ring agrees to harm: 20 to 50 where there are as many, never roots.
fn victims(web: &Web, seed: u64, most: usize) -> Vec<u32> {
    let mut keys: Vec<u32> = (0..web.keys).filter(|key| !web.is_root(*key)).collect();
    Dice::new(seed).shuffle(&mut keys);
    keys.truncate(most);
    keys
}

/// A web under attack before and after every fake says `level` of every victim.
struct Turned {
    before: Web,
    after: Web,
    fooled: Web,
}

fn turned(web: &Web, ring: &Ring, victims: &[u32], level: f64) -> Turned {
    let fooled = ring.fool(web);
    let mut before = ring.speak(&fooled);
    let members = ring.members(web);
    // What fakes said of them before would otherwise be taken back with the same word.
    before.said.retain(|(issuer, subject), _| !(members.contains(issuer) && victims.contains(subject)));
    let mut after = before.clone();
    for fake in members {
        victims.iter().for_each(|victim| after.say(fake, *victim, level));
    }
    Turned { before, after, fooled }
}

/// One round, no agreement, no weight of one's own distrust: a vote against changes nothing but its subject's B.
fn plain(params: &Params) -> Params {
    let values = Values { agreement_gain: 0.0, distruster_penalty: 0.0, ..*first_round(params).values() };
    Params::new(values).unwrap().with_root_policy(params.root_policy())
}

/// `mute` keys that speak of nobody any more, whatever is said of them. What others say of them lends no voice.
fn with_mute(web: &Web, mute: &[u32]) -> Web {
    web.without_words_of(|key| mute.contains(&key))
}

/// The ring speaks of `mute` keys and of itself alone, so that none of its flow comes back to those who speak.
fn only_about(web: &mut Web, ring: &Ring, mute: &[u32]) {
    let members = ring.members(web);
    let heard = |subject: &u32| members.contains(subject) || mute.contains(subject);
    web.said.retain(|(issuer, subject), _| !members.contains(issuer) || heard(subject));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn p5_p6_slander_of_each_victim_and_of_all_is_bounded(web in webs(), ring in rings(), most in 20..50_usize) {
        let victims = victims(&web, ring.seed, most);
        let Turned { before, after, fooled } = turned(&web, &ring, &victims, -1.0);
        let (before, after) = (before.graph(), after.graph());
        for params in settings().iter().map(plain) {
            let bounds = Bounds::new(&fooled, ring.members(&web), &params);
            let (before, after) = (Scored::today(&before, &params), Scored::today(&after, &params));
            let (mut all, most) = (0.0, bounds.slope_against * bounds.phi);
            for key in 0..ring.members(&web).end {
                let gained = after.against(&id(key)) - before.against(&id(key));
                if victims.contains(&key) {
                    at_most("P5 slander of one", gained, most)?;
                }
                all += gained;
            }
            at_most("P6 slander of all", all, params.values().vote_budget * most)?;
        }
    }

    #[test]
    fn p5_slander_is_bounded_with_every_parameter_as_it_ships(web in webs(), ring in rings(), most in 20..50_usize) {
        let victims = victims(&web, ring.seed, most);
        // Nobody else says a word against the victims, and they distrust nobody: all of B is slander.
        let mut web = web;
        let victim = |key: &u32| victims.contains(key);
        web.said.retain(|(issuer, subject), level| *level > 0.0 || !(victim(issuer) || victim(subject)));
        let Turned { after, fooled, .. } = turned(&web, &ring, &victims, -1.0);
        let graph = after.graph();
        for params in settings() {
            let bounds = Bounds::new(&fooled, ring.members(&web), &params);
            let scores = Scored::today(&graph, &params);
            for victim in &victims {
                at_most("P5 slander, presets", scores.against(&id(*victim)), bounds.slope_against * bounds.phi)?;
            }
        }
    }

    #[test]
    fn p7_slander_lowers_a_score_by_at_most_slope_times_flow(web in webs(), ring in rings(), most in 20..50_usize) {
        let victims = victims(&web, ring.seed, most);
        let Turned { before, after, fooled } = turned(&web, &ring, &victims, -1.0);
        let (before, after) = (before.graph(), after.graph());
        for params in settings().iter().map(plain) {
            let bounds = Bounds::new(&fooled, ring.members(&web), &params);
            let (before, after) = (Scored::today(&before, &params), Scored::today(&after, &params));
            for victim in victims.iter().map(|victim| id(*victim)) {
                let lost = before.key(&victim).score - after.key(&victim).score;
                at_most("P7 drop by slander", lost, bounds.slander_drop())?;
            }
        }
    }

    #[test]
    fn faint_praise_lowers_a_score_by_at_most_slope_times_flow(web in webs(), ring in rings(), most in 5..15_usize) {
        let victims = victims(&web, ring.seed, most);
        let web = with_mute(&web, &victims);
        // A fooled victim is not mute: it speaks of a fake.
        let victims: Vec<u32> = victims.into_iter().filter(|victim| !ring.fooled(&web).contains(victim)).collect();
        let Turned { mut before, mut after, fooled } = turned(&web, &ring, &victims, 0.01);
        only_about(&mut before, &ring, &victims);
        only_about(&mut after, &ring, &victims);
        let fixed = |params: &Params| {
            // A calibration that no vote can move.
            let values = Values { level_prior: 1e12, ..*plain(params).values() };
            Params::new(values).unwrap().with_root_policy(params.root_policy())
        };
        let (before, after) = (before.graph(), after.graph());
        for params in settings().iter().map(fixed) {
            let bounds = Bounds::new(&fooled, ring.members(&web), &params);
            let (before, after) = (Scored::today(&before, &params), Scored::today(&after, &params));
            for victim in victims.iter().map(|victim| id(*victim)) {
                let lost = before.key(&victim).score - after.key(&victim).score;
                at_most("faint praise", lost, bounds.faint_praise_drop())?;
            }
        }
    }

    #[test]
    fn a_ring_shifts_the_calibration_by_at_most_its_share_of_the_votes(web in webs(), ring in rings()) {
        // Twenty mute keys, each praised by me at another level: their mean levels show F, bin by bin.
        let probes: Vec<u32> = (web.keys..web.keys + 20).collect();
        let mut web = Web { keys: web.keys + 20, aged: false, ..web };
        probes.iter().zip(1..).for_each(|(probe, bin)| web.say(0, *probe, f64::from(bin) / 20.0));
        let fooled = ring.fool(&with_mute(&web, &probes));
        let mut spoken = ring.speak(&fooled);
        only_about(&mut spoken, &ring, &[]);
        let members = ring.members(&web);
        let told = |web: &Web, subject: &u32| web.said.keys().any(|(issuer, about)| about == subject && *issuer != 0);
        for params in settings().iter().map(first_round) {
            let v = *params.values();
            let (before, after) = (fooled.graph(), spoken.graph());
            let (before, after) = (Scored::today(&before, &params), Scored::today(&after, &params));
            let mass = |keys: std::ops::Range<u32>| -> f64 {
                let of = |key: u32| {
                    let declared = spoken.said.range((key, 0)..=(key, u32::MAX)).filter(|(_, level)| **level > 0.0);
                    let budget = (v.vote_budget / (spoken.row(key, &v).len() as f64).max(1.0)).min(1.0);
                    let budget = if spoken.is_root(key) { 1.0 } else { budget };
                    after.key(&id(key)).power_for * budget * declared.count() as f64
                };
                keys.map(of).sum()
            };
            let (ring, circle) = (mass(members.clone()), mass(0..members.end));
            for probe in probes.iter().filter(|probe| !told(&spoken, probe)) {
                let level = |scores: &Scored| {
                    let score = scores.key(&id(*probe));
                    let praise = score.mean_level * (score.support_all + v.level_shrink) - 0.5 * v.level_shrink;
                    praise / score.support_all
                };
                let shift = (level(&after) - level(&before)).abs();
                at_most("shift of the calibration", shift, ring / (v.level_prior + circle))?;
            }
            let bounds = Bounds::new(&fooled, members.clone(), &params);
            at_most("votes of a ring in the calibration", ring, v.vote_budget * bounds.slope_for * bounds.phi)?;
        }
    }
}
