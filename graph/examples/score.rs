//! Scores a graph given as CSV: the contract of the metric's evaluation.
//!
//! `score EDGES.csv ROOTS.txt OUT.csv [--preset strict|standard|unsigned] [--now SECONDS] [--support]`
//!
//! EDGES: lines `src,dst,weight,time` after one header line, weight in [-1, 1], time in Unix seconds. ROOTS: one key
//! a line. OUT: `key,score` of every key whose score is not 0, with a third column C° if `--support` is given.
//! Roots have equal shares and power 1, and score 0. A file whose newest time is at most 1e9 is not aged.
#![allow(clippy::print_stderr, reason = "a command line prints")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "values are clamped before they are cast")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{env, fs, process};

use heirloom_graph::{Epoch, FollowLevel, NodeId, Params, Root, RootPolicy, Scope, Scores, Statement, TrustGraph};

/// Times at or below this are counters, not dates.
const REAL_TIME_MIN_S: f64 = 1e9;

const USAGE: &str =
    "usage: score EDGES.csv ROOTS.txt OUT.csv [--preset strict|standard|unsigned] [--now SECONDS] [--support]";

type Failure = Box<dyn std::error::Error>;

struct Arguments {
    files: Vec<String>,
    params: Params,
    now_s: Option<f64>,
    support: bool,
}

fn arguments() -> Result<Arguments, Failure> {
    let mut parsed = Arguments { files: Vec::new(), params: Params::strict(), now_s: None, support: false };
    let mut rest = env::args().skip(1);
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--preset" => {
                parsed.params = match rest.next().as_deref() {
                    Some("strict") => Params::strict(),
                    Some("standard") => Params::standard(),
                    Some("unsigned") => Params::unsigned(),
                    Some(other) => return Err(format!("there is no preset {other}; {USAGE}").into()),
                    None => return Err(format!("--preset needs a name; {USAGE}").into()),
                }
            }
            "--now" => parsed.now_s = Some(rest.next().ok_or(USAGE)?.parse()?),
            "--support" => parsed.support = true,
            flag if flag.starts_with("--") => return Err(format!("no option {flag}; {USAGE}").into()),
            file => parsed.files.push(file.to_owned()),
        }
    }
    if parsed.files.len() == 3 { Ok(parsed) } else { Err(USAGE.into()) }
}

/// Arbitrary names as node ids, numbered in order of appearance.
#[derive(Default)]
struct Keys {
    ids: BTreeMap<String, NodeId>,
    names: Vec<String>,
}

impl Keys {
    fn id(&mut self, name: &str) -> NodeId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(self.names.len() as u64).to_be_bytes());
        self.ids.insert(name.to_owned(), NodeId(bytes));
        self.names.push(name.to_owned());
        NodeId(bytes)
    }

    fn name(&self, id: NodeId) -> &str {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&id.0[..8]);
        &self.names[u64::from_be_bytes(bytes) as usize]
    }
}

fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0).round().max(0.0) as u64
}

fn run() -> Result<(), Failure> {
    let Arguments { files, params, now_s, support } = arguments()?;
    let (mut keys, mut graph, mut newest_s) = (Keys::default(), TrustGraph::new(), 0.0_f64);
    for (number, line) in fs::read_to_string(&files[0])?.lines().enumerate().skip(1) {
        let mut fields = line.split(',');
        let mut field = || fields.next().ok_or(format!("line {} of {} is short", number + 1, files[0]));
        let (issuer, subject) = (keys.id(field()?), keys.id(field()?));
        let level: f64 = field()?.trim().parse()?;
        let time_s: f64 = fields.next().map_or(Ok(0.0), |time| time.trim().parse())?;
        newest_s = newest_s.max(time_s);
        let time_ms = millis(time_s);
        graph.add_statement(Statement { issuer, subject, scope: Scope::All, level, time_ms, expires_ms: None })?;
    }
    for root in fs::read_to_string(&files[1])?.lines().map(str::trim).filter(|line| !line.is_empty()) {
        graph.set_root(Root::follow(keys.id(root), FollowLevel::Full))?;
    }
    let epoch =
        if newest_s > REAL_TIME_MIN_S { Epoch::exactly(millis(now_s.unwrap_or(newest_s))) } else { Epoch::ageless() };
    let params = params.with_root_policy(RootPolicy::Equal);
    let scores = Scores::compute(&graph, Scope::All, epoch, &params);
    let mut out = String::from(if support { "key,score,support\n" } else { "key,score\n" });
    for (key, score) in scores.on(&graph).keys().filter(|(_, score)| score.score != 0.0) {
        write!(out, "{},{}", keys.name(key), score.score)?;
        if support {
            write!(out, ",{}", score.support)?;
        }
        out.push('\n');
    }
    Ok(fs::write(&files[2], out)?)
}

fn main() {
    if let Err(failure) = run() {
        eprintln!("score: {failure}");
        process::exit(1);
    }
}
