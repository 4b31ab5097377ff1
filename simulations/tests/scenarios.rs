//! The scenario files with their small numbers, and what the program says to bad input.

use heirloom_sim::report::Report;
use heirloom_sim::{Mutation, Scenario};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("scenarios")
}

#[track_caller]
fn holds(name: &str) {
    let scenario = Scenario::read(&folder().join(format!("{name}.toml"))).unwrap_or_else(|why| panic!("{why}"));
    let settings = scenario.settings(scenario.seeds[0], true, &[]).expect("the numbers of the file");
    let result = (scenario.play.run)(&settings);
    let report = Report { scenario: &scenario, settings: &settings, result: &result };
    assert!(report.is_good(), "{}", report.text());
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test] fn $name() { holds(stringify!($name)); })*

        #[test]
        fn every_file_is_played() {
            let mut known = [$(stringify!($name)),*].map(str::to_owned).to_vec();
            known.sort();
            let mut files: Vec<String> = std::fs::read_dir(folder())
                .expect("the scenarios")
                .map(|entry| entry.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
                .collect();
            files.sort();
            assert_eq!(files, known);
        }
    };
}

scenarios! {
    cold_start
    in_the_dark
    sybil_and_slander
    ring_in_the_network
    spam_flood
    rollback_and_replay
    withholding
    late_joiner
    churn
    partition_and_heal
    sparse_mesh
    crash_loops
    clock_skew
    growth
    storm
}

fn program(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heirloom-sim")).args(words).output().expect("the program starts")
}

fn file(name: &str) -> String {
    folder().join(format!("{name}.toml")).to_string_lossy().into_owned()
}

/// A folder of its own, which is gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind lies in the target folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_run_writes_its_reports_and_replays_to_the_identical_trace() {
    let scratch = Scratch::new("reports");
    let run = |out: &str| {
        let (out, trace) = (scratch.path(out), scratch.path(&format!("{out}.trace")));
        let done = program(&["run", &file("crash_loops"), "--smoke", "--seed", "7", "--out", &out, "--trace", &trace]);
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        let read = |path: String| std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let json: serde_json::Value = serde_json::from_str(&read(format!("{out}/report.json"))).expect("JSON");
        assert_eq!((json["passed"].as_bool(), json["seed"].as_u64()), (Some(true), Some(7)));
        let (text, svg) = (read(format!("{out}/report.txt")), read(format!("{out}/heard.svg")));
        assert!(text.contains("a model") && text.contains("heard_share") && text.ends_with("passed\n"), "{text}");
        assert_eq!(text.as_bytes(), done.stdout);
        assert!(svg.starts_with("<svg"));
        (json, read(trace))
    };
    let (first, second) = (run("a"), run("b"));
    assert!(first.1.lines().count() > 1000, "a whole trace");
    for (number, (a, b)) in first.1.lines().zip(second.1.lines()).enumerate() {
        assert_eq!(a, b, "the traces part at line {number}");
    }
    assert_eq!(first, second);
}

#[test]
fn a_bound_that_does_not_hold_is_named_with_seed_and_step() {
    let scratch = Scratch::new("bound");
    let text = std::fs::read_to_string(file("crash_loops")).expect("a scenario");
    let path = scratch.path("strict.toml");
    std::fs::write(&path, text.replace("crashes = { least = 10 }", "crashes = { most = 1 }")).expect("it is written");
    let done = program(&["run", &path, "--smoke", "--seed", "3"]);
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{said}");
    let line = said.lines().find(|line| line.starts_with("FAILED bound crashes failed")).expect("the bound is named");
    assert!(line.contains("at most 1") && line.contains("seed 3") && line.contains("step "), "{line}");
}

#[test]
fn a_broken_core_is_found_out_by_the_program_too() {
    let done = program(&["run", &file("crash_loops"), "--smoke", "--seed", "3", "--break", "numbers-once"]);
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{said}");
    let line = said.lines().find(|line| line.starts_with("FAILED property")).expect("the property is named");
    assert!(line.contains("numbers-once") && line.contains("seed 3") && line.contains("step "), "{line}");
    let settings = |breaks| {
        let scenario = Scenario::read(&folder().join("rollback_and_replay.toml")).expect("a scenario");
        let mut settings = scenario.settings(1, true, &[]).expect("its numbers");
        settings.breaks = breaks;
        (scenario.play.run)(&settings).map(|outcome| outcome.digest).map_err(|failure| failure.property)
    };
    assert_eq!(settings(Some(Mutation::RollsBack)), Err(heirloom_sim::Property::NoRollback));
    assert_eq!(settings(None), settings(None), "threads change nothing");
}

#[test]
fn bad_input_is_answered_in_one_sentence() {
    let scratch = Scratch::new("bad");
    let path = scratch.path("bad.toml");
    std::fs::write(&path, "name = \"x\"\nnoise_x = 3\n").expect("it is written");
    let churn = file("churn");
    for (words, expected) in [
        (vec!["run", &churn, "--seed", "x"], "--seed must be a whole number"),
        (vec!["run", &churn, "--set", "nodes=0"], "nodes must be from 2"),
        (vec!["run", &churn, "--set", "nodes=99999999"], "nodes must be from 2"),
        (vec!["run", &churn, "--set", "nodes=5"], "need more than nodes = 5"),
        (vec!["run", &churn, "--set", "noses=5"], "no number of this play"),
        (vec!["run", &path], "unknown key \"noise_x\""),
        (vec!["run", "/no/such/file.toml"], "cannot be read"),
        (vec!["run", &churn, "--smoke", "--out", &path], "cannot be made"),
        (vec!["run", &churn, "--trace", "t"], "give --seed too"),
        (vec!["list", "/no/such/folder"], "cannot be read"),
        (vec!["explain", "circus"], "is no play"),
        (vec![], "--help"),
    ] {
        let done = program(&words);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains(expected) && said.trim_end().lines().count() == 1, "{words:?}: {said}");
        assert!(done.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn help_and_lists_are_clear() {
    for (words, expected) in [
        (vec!["--help"], vec!["usage:", "--seed N", "--set NAME=NUMBER", "exit: 0"]),
        (vec!["list", folder().to_str().expect("text")], vec!["late joiner", "churn.toml", "heard_share: at least 1"]),
        (vec!["explain"], vec!["circle", "schedules"]),
        (vec!["explain", "circle"], vec!["nodes", "publishers", "converge_s"]),
        (vec!["story", "1", "1", "calm"], vec!["1 seeds, 0 failed"]),
        (vec!["sync", "1", "1"], vec!["2 runs, 0 failed"]),
    ] {
        let done = program(&words);
        let said = String::from_utf8_lossy(&done.stdout);
        assert_eq!(done.status.code(), Some(0), "{words:?}: {done:?}");
        assert!(expected.iter().all(|word| said.contains(word)), "{words:?}: {said}");
    }
}
