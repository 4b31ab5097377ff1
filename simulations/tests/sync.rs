//! Catching up over many seeds. A failure prints its seed; `heirloom-sim sync SEED 1` tells it again.

use heirloom_sim::reconciling::reconcile;
use heirloom_sim::sync::Lie;
use heirloom_sim::{CatchUp, Caught, Failure};

#[track_caller]
fn caught(run: &CatchUp) -> Caught {
    run.run().unwrap_or_else(|failure: Failure| panic!("{failure}\n{run:?}"))
}

#[test]
fn a_late_joiner_gets_everything() {
    for seed in 0..8 {
        let caught = caught(&CatchUp::calm(seed));
        assert!(caught.pulled >= 60, "{caught:?}");
        assert_eq!(caught.omitted, 0, "nobody is suspected in an honest world: {caught:?}");
    }
}

#[test]
fn liars_hide_nothing_that_two_honest_peers_hold() {
    for seed in 100..100 + Lie::ALL.len() as u64 * 2 {
        caught(&CatchUp { liars: 1 + usize::try_from(seed).expect("small") % 2, ..CatchUp::calm(seed) });
    }
}

#[test]
fn everything_arrives_after_a_storm() {
    for seed in 200..212 {
        caught(&CatchUp::stormy(seed));
    }
}

#[test]
fn a_seed_replays_to_the_identical_trace() {
    for seed in [1, 2] {
        assert_eq!(caught(&CatchUp::stormy(seed)), caught(&CatchUp::stormy(seed)));
    }
}

#[test]
fn what_is_missing_at_the_end_costs_little_to_find() {
    let cost = reconcile(4000, 400, true);
    assert_eq!(cost.differences, 400);
    assert!(cost.bytes <= 40 * 400, "{cost:?}");
    assert!(cost.rounds <= 6, "{cost:?}");
    let scattered = reconcile(4000, 40, false);
    assert!(scattered.bytes <= 1500 * scattered.differences as u64, "{scattered:?}");
}
