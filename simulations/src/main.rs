//! `heirloom-sim`: runs scenarios and prints what came of them. See [`heirloom_sim::args::HELP`].
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a report is what it is for")]

use heirloom_sim::args::{Asked, HELP, Run};
use heirloom_sim::plays::{self, Play};
use heirloom_sim::report::{Outcome, Report};
use heirloom_sim::{CatchUp, Scenario, Story, world::Failure};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let done = Asked::parse(&words).and_then(|asked| match asked {
        Asked::Help => {
            print!("{HELP}");
            Ok(true)
        }
        Asked::Run(asked) => run(&asked),
        Asked::List(folder) => list(&folder),
        Asked::Explain(play) => explain(play.as_deref()),
        Asked::Story(first, count, is_stormy) => Ok(tell(first, count, is_stormy)),
        Asked::Sync(first, count) => Ok(catch_up(first, count)),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("heirloom-sim: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(asked: &Run) -> Result<bool, String> {
    let scenario = Scenario::read(&asked.file)?;
    let seeds = asked.seed.map_or_else(|| scenario.seeds.clone(), |seed| vec![seed]);
    if asked.trace.is_some() && seeds.len() > 1 {
        return Err("a trace is of one run: give --seed too".into());
    }
    let mut is_good = true;
    for seed in &seeds {
        let mut settings = scenario.settings(*seed, asked.is_smoke, &asked.set)?;
        (scenario.play.check)(&settings)?;
        (settings.keeps_trace, settings.breaks) = (asked.trace.is_some(), asked.breaks);
        // Before hours of work: where it shall go must exist.
        let folder =
            asked.out.as_ref().map(|out| if seeds.len() > 1 { out.join(format!("seed-{seed}")) } else { out.clone() });
        if let Some(folder) = &folder {
            make_folder(folder)?;
        }
        if let Some(file) = &asked.trace {
            std::fs::write(file, "").map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        }
        let result = (scenario.play.run)(&settings);
        let report = Report { scenario: &scenario, settings: &settings, result: &result };
        print!("{}", report.text());
        if let Some(folder) = &folder {
            report.write(folder)?;
        }
        if let Some(file) = &asked.trace {
            save_trace(file, &result)?;
        }
        is_good &= report.is_good();
    }
    Ok(is_good)
}

fn make_folder(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))
}

fn save_trace(file: &Path, result: &Result<Outcome, Failure>) -> Result<(), String> {
    let trace = match result {
        Ok(outcome) => &outcome.trace,
        Err(failure) => &failure.trace,
    };
    std::fs::write(file, trace.join("\n") + "\n")
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))
}

fn list(folder: &Path) -> Result<bool, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        files.push(entry.map_err(unreadable)?.path());
    }
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    if files.is_empty() {
        return Err(format!("no scenario lies in {}: they end in .toml", folder.display()));
    }
    for file in files {
        let scenario = Scenario::read(&file)?;
        let seeds: Vec<String> = scenario.seeds.iter().map(u64::to_string).collect();
        println!(
            "{}: {}\n  {}\n  play {}, seeds {}",
            file.display(),
            scenario.name,
            scenario.about,
            scenario.play.name,
            seeds.join(" ")
        );
        for (figure, bound) in &scenario.bounds {
            println!("  {figure}: {}", bound.text());
        }
    }
    Ok(true)
}

fn explain(play: Option<&str>) -> Result<bool, String> {
    let Some(play) = play else {
        plays::ALL.iter().for_each(|play| println!("{:<14} {}", play.name, play.about));
        return Ok(true);
    };
    let Play { name, about, parameters, figures, .. } = plays::named(play)?;
    println!("{name}: {about}\n\nnumbers (usual, least to most):");
    for parameter in *parameters {
        let range = format!("{} ({} to {})", parameter.usual, parameter.least, parameter.most);
        println!("  {:<22} {range:<30} {}", parameter.name, parameter.about);
    }
    println!("\nfigures:");
    for figure in *figures {
        let unit = if figure.unit.is_empty() { String::new() } else { format!(" [{}]", figure.unit) };
        println!("  {:<32} {}{unit}", figure.name, figure.about);
    }
    Ok(true)
}

fn tell(first: u64, count: u64, is_stormy: bool) -> bool {
    let (mut failed, mut events, mut crashes, mut slowest) = (0, 0, 0, std::time::Duration::ZERO);
    for seed in first..first.saturating_add(count) {
        let story = if is_stormy { Story::stormy(seed) } else { Story::calm(seed) };
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
    failed == 0
}

/// Catching up in fine and in bad weather.
fn catch_up(first: u64, count: u64) -> bool {
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
    println!("{} runs, {failed} failed, slowest {:.0} s", count.saturating_mul(2), slowest.as_secs_f64());
    failed == 0
}
