//! The speed of the metric beside named rivals, in one run and on the same webs of trust.
//!
//! A plain `main` and no bench harness: what is asked for is the p99 and the longest of thousands of *different* single
//! changes to one large graph, while divan and criterion repeat the same work and report its middle.
//! `../../EVALUATION.md` says how to run it and what came out.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its table")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "keys and edges are counted in 32 bits, percentages in 8"
)]

mod changes;
mod clock;
mod live;
mod ours;
mod random;
mod rivals;
mod table;
mod web;

use std::env;
use std::time::Duration;

use clock::{show, timed};
use web::{MEAN_DEGREE, Web};

const USAGE: &str = "options: --keys N --changes N --row-seconds N --rival-seconds N --only-ours";

/// Columns of whole scorings.
const WHOLE: [&str; 5] = ["who", "what", "median", "fastest", "fastest ÷ ours"];

/// Keys of the webs on which slower rivals are compared.
const MERITRANK_KEYS: u32 = 10_000;
const PETGRAPH_KEYS: [u32; 2] = [1_000, 4_000];

/// What to run, and for how long.
pub struct Options {
    keys: u32,
    /// Most changes for each line of that table.
    pub changes: usize,
    /// Longest time for each line of that table; fewer changes are made if it runs out.
    pub row: Duration,
    /// Longest time for one figure.
    rival: Duration,
    has_rivals: bool,
}

impl Options {
    /// Without `--bench`, which `cargo bench` passes, it only shows that everything still runs.
    fn read() -> Result<Self, String> {
        let is_bench = env::args().any(|argument| argument == "--bench");
        let mut options = if is_bench {
            let (row, rival) = (Duration::from_secs(60), Duration::from_secs(120));
            Self { keys: 1_000_000, changes: 2_000, row, rival, has_rivals: true }
        } else {
            let (row, rival) = (Duration::from_millis(200), Duration::from_secs(1));
            Self { keys: 1_000, changes: 20, row, rival, has_rivals: false }
        };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || -> Result<u32, String> {
                let value = arguments.next().and_then(|value| value.replace('_', "").parse().ok());
                value.ok_or_else(|| format!("{argument} needs a number; {USAGE}"))
            };
            match argument.as_str() {
                "--bench" => {}
                "--keys" => options.keys = number()?.max(1_000),
                "--changes" => options.changes = number()? as usize,
                "--row-seconds" => options.row = Duration::from_secs(number()?.into()),
                "--rival-seconds" => options.rival = Duration::from_secs(number()?.into()),
                "--only-ours" => options.has_rivals = false,
                _ => return Err(format!("no option {argument}; {USAGE}")),
            }
        }
        Ok(options)
    }
}

fn web(keys: u32) -> Web {
    let (time, web) = timed(|| Web::new(keys));
    let distrust = web.said.iter().filter(|said| said.percent < 0).count() as f64 / web.said.len() as f64;
    let longest = web.degrees.iter().max().copied().unwrap_or_default();
    let mut popularity = vec![0_u32; keys as usize];
    web.said.iter().for_each(|said| popularity[said.subject as usize] += 1);
    let popular = popularity.into_iter().max().unwrap_or_default();
    println!(
        "\n## {keys} keys, {} attestations\n\n{:.1} % distrust; one key speaks of at most {longest} others, and \
         at most {popular} speak of one. Invented in {}.",
        web.said.len(),
        distrust * 100.0,
        show(time)
    );
    web
}

fn run(options: &Options) {
    println!("# Speed: one thread, {MEAN_DEGREE} attestations a key");
    let large = web(options.keys);
    let graph = ours::memory(&large);
    table::section("Whole scoring", &WHOLE);
    let ours = ours::every_whole(&graph, options.rival);
    if !options.has_rivals {
        return ours::every_change(&large, graph, options);
    }
    rivals::eigentrust::run(&large, options.rival, ours);
    rivals::igraph::run(&large, ours);
    rivals::meritrank::run(&large, options.rival, ours);
    ours::every_change(&large, graph, options);
    drop(large);

    let small = web(MERITRANK_KEYS);
    table::section("Whole scoring", &WHOLE);
    let ours = ours::every_whole(&small.graph(), options.rival);
    rivals::eigentrust::run(&small, options.rival, ours);
    rivals::igraph::run(&small, ours);
    rivals::meritrank::run(&small, options.rival, ours);

    for keys in PETGRAPH_KEYS {
        let tiny = web(keys);
        table::section("Whole scoring", &WHOLE);
        let ours = ours::target_whole(&tiny.graph(), options.rival);
        rivals::petgraph::run(&tiny, options.rival, ours);
    }
}

fn main() {
    // The rival that floods its output runs alone: see `rivals/meritrank.rs`.
    let mut arguments = env::args().skip(1);
    if arguments.next().as_deref() == Some(rivals::meritrank::FLAG) {
        return rivals::meritrank::measure(arguments.next().and_then(|keys| keys.parse().ok()).unwrap_or_default());
    }
    match Options::read() {
        Ok(options) => run(&options),
        Err(message) => {
            eprintln!("speed: {message}");
            std::process::exit(2);
        }
    }
}
