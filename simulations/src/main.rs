//! `heirloom-sim [FIRST] [COUNT] [calm|stormy]`: tells the story for a range of seeds and prints what came of it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a report is what it is for")]

use heirloom_sim::Story;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let (Ok(first), Ok(count)) = (number(0, 0), number(1, 64)) else {
        eprintln!("usage: heirloom-sim [FIRST SEED] [COUNT] [calm|stormy]");
        return ExitCode::from(2);
    };
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
