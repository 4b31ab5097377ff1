//! The story over many seeds. A failure prints its seed; `heirloom-sim story SEED 1` tells it again.

use heirloom_sim::{Failure, Faults, Story};
use std::time::Duration;

/// Seeds that found something. 5363: a listing heard in an earlier form than the one that was taken back.
const FOUND_SOMETHING: &[u64] = &[5363];
/// Seeds of a quick run.
const SEEDS: u64 = 24;

#[track_caller]
fn told(story: &Story) -> heirloom_sim::Summary {
    story.run().unwrap_or_else(|failure: Failure| panic!("{failure}\n{story:?}"))
}

#[test]
fn a_newcomer_finds_fetches_and_judges_in_fine_weather() {
    for seed in 0..SEEDS {
        let nodes = 2 + usize::try_from(seed).expect("small") % 19;
        let summary = told(&Story { nodes, is_late_seeder: seed % 3 == 0, ..Story::calm(seed) });
        assert!(summary.first_trusted < Duration::from_secs(10), "seed {seed}: {:?}", summary.first_trusted);
    }
}

#[test]
fn everything_comes_about_after_a_storm() {
    for seed in 0..SEEDS {
        told(&Story::stormy(seed));
    }
}

#[test]
fn what_once_failed_holds() {
    for seed in FOUND_SOMETHING {
        told(&Story::stormy(*seed));
    }
}

#[test]
fn a_seed_replays_to_the_identical_trace() {
    for seed in [1, 2, 3, 5, 8] {
        for story in [Story::calm(seed), Story::stormy(seed)] {
            let story = Story { keeps_trace: true, ..story };
            let (once, first) = story.run_world().unwrap_or_else(|failure| panic!("{failure}"));
            let (again, second) = story.run_world().unwrap_or_else(|failure| panic!("{failure}"));
            for (number, (a, b)) in first.trace().whole().iter().zip(second.trace().whole()).enumerate() {
                assert_eq!(a, b, "seed {seed} parts at line {number}");
            }
            assert_eq!(once, again);
        }
    }
}

#[test]
fn different_seeds_are_different_worlds() {
    assert_ne!(told(&Story::calm(1)).digest, told(&Story::calm(2)).digest);
}

#[test]
fn a_dht_that_was_away_holds_everything_when_it_is_back() {
    for seed in 300..308 {
        // Nothing reaches anybody while the curator publishes; nobody else keeps it alive.
        let away = Faults { loss: 1000, ..Faults::NONE };
        let storm = Duration::from_secs(600);
        told(&Story { nodes: 2, is_newcomer_late: true, weather: Some(away), storm, ..Story::calm(seed) });
    }
}

#[test]
fn a_curator_who_was_off_until_everything_faded_is_found_again() {
    for seed in 400..408 {
        let everybody_off = Duration::from_secs(5 * 3600);
        told(&Story { nodes: 2, is_newcomer_late: true, everybody_off, ..Story::calm(seed) });
    }
}

#[test]
fn lies_of_the_dht_alone_stop_nobody() {
    for seed in 100..116 {
        let lies = Faults { lies: 1000, ..Faults::NONE };
        let storm = Duration::from_secs(300);
        told(&Story { nodes: 6, hostile_dht: 8, weather: Some(lies), storm, ..Story::calm(seed) });
    }
}

#[test]
fn crashes_alone_lose_nothing() {
    for seed in 200..216 {
        let crashes = Faults {
            crash_period: Duration::from_secs(45),
            kills_before_commit: 20,
            full_disks: 10,
            power_cuts: 500,
            ..Faults::NONE
        };
        let storm = Duration::from_secs(600);
        told(&Story { nodes: 5, weather: Some(crashes), storm, ..Story::calm(seed) });
    }
}
