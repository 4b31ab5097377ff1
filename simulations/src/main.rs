//! `heirloom-sim [FIRST] [COUNT] [calm|stormy|sync]`: tells the story for a range of seeds and prints what came of it;
//! with `sync`, how somebody who comes late catches up, and what reconciling costs.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a report is what it is for")]

use heirloom_sim::{CatchUp, Story, reconciling};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let (Ok(first), Ok(count)) = (number(0, 0), number(1, 64)) else {
        eprintln!("usage: heirloom-sim [FIRST SEED] [COUNT] [calm|stormy|sync]");
        return ExitCode::from(2);
    };
    if arguments.get(2).is_some_and(|weather| weather == "sync") {
        return catch_up(first, count);
    }
    let is_calm = arguments.get(2).is_some_and(|weather| weather == "calm");
    let (mut failed, mut events, mut crashes, mut slowest) = (0, 0, 0, std::time::Duration::ZERO);
    for seed in first..first.saturating_add(count) {
        let story = if is_calm { Story::calm(seed) } else { Story::stormy(seed) };
        match story.run() {
            Ok(summary) => {
                println!(
                    "seed {seed}: {} nodes, {} events, {} crashes, {:.0} virtual minutes, trusted after {:.1} s, trace {}",
                    summary.nodes,
                    summary.events,
                    summary.crashes,
                    summary.lasted.as_secs_f64() / 60.0,
                    summary.first_trusted.as_secs_f64(),
                    &summary.digest.to_string()[..16],
                );
                events += summary.events;
                crashes += summary.crashes;
                slowest = slowest.max(summary.first_trusted);
            }
            Err(failure) => {
                println!("FAILED {failure}\n{story:?}");
                failed += 1;
            }
        }
    }
    println!(
        "{count} seeds, {failed} failed, {events} events, {crashes} crashes, slowest first trusted release {:.1} s",
        slowest.as_secs_f64()
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Catching up in fine and in bad weather, then what reconciling costs.
fn catch_up(first: u64, count: u64) -> ExitCode {
    let (mut failed, mut slowest) = (0, std::time::Duration::ZERO);
    for seed in first..first.saturating_add(count) {
        for run in [CatchUp { liars: 2, ..CatchUp::calm(seed) }, CatchUp::stormy(seed)] {
            match run.run() {
                Ok(caught) => {
                    println!(
                        "seed {seed}: {} curators, {} liars, {} crashes, whole after {:.0} s: {} statements pulled in {} bytes, {} omissions seen",
                        run.curators,
                        run.liars,
                        caught.crashes,
                        caught.took.as_secs_f64(),
                        caught.pulled,
                        caught.bytes,
                        caught.omitted,
                    );
                    slowest = slowest.max(caught.took);
                }
                Err(failure) => {
                    println!("FAILED {failure}\n{run:?}");
                    failed += 1;
                }
            }
        }
    }
    println!("{} runs, {failed} failed, slowest {:.0} s", count * 2, slowest.as_secs_f64());
    for (total, missing) in [(10_000, 100), (10_000, 1000), (20_000, 2000)] {
        for (name, is_clustered) in [("clustered in time", true), ("scattered", false)] {
            let cost = reconciling::reconcile(total, missing, is_clustered);
            let each = u32::try_from(cost.bytes).map_or(0.0, f64::from)
                / u32::try_from(cost.differences).map_or(1.0, f64::from);
            println!(
                "{total} heads, {} differences, {name}: {} bytes, {each:.1} a difference, {} rounds",
                cost.differences, cost.bytes, cost.rounds
            );
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
