//! Commands, as a user or a script would type them.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use super::process::program_after;
use super::wait::wait_for;

/// Longest that a command may take.
const COMMAND_MAX: Duration = Duration::from_secs(240);

/// The commands of one home.
#[derive(Clone, Debug)]
pub struct Cli {
    home: PathBuf,
    variables: Vec<(&'static str, &'static str)>,
    /// Words before the program's name.
    pub(super) inside: Vec<String>,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Exit code; −1 after a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    command: String,
}

impl Cli {
    /// For the node at this home.
    pub fn new(home: &Path) -> Self {
        Self { home: home.to_owned(), variables: Vec::new(), inside: Vec::new() }
    }

    /// The same commands, begun by other words, such as those that lead into a room of a [`super::Lab`].
    pub fn inside(&self, words: Vec<String>) -> Self {
        Self { inside: words, ..self.clone() }
    }

    /// The same commands with one more variable in their environment.
    pub fn with_variable(&self, name: &'static str, value: &'static str) -> Self {
        let mut cli = self.clone();
        cli.variables.push((name, value));
        cli
    }

    /// Runs a command with `--json`.
    pub fn run(&self, args: &[&str]) -> Answer {
        self.begin(args).answer()
    }

    /// Runs a command with `--json` that must succeed, and gives its value.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> Value {
        self.run(args).value(0)
    }

    /// What `doctor` found. It fails where a check did, and then alone.
    #[track_caller]
    pub fn doctor(&self) -> Value {
        let answer = self.run(&["doctor"]);
        let found = answer.last_value();
        let failed = found.as_array().is_some_and(|all| all.iter().any(|check| check["state"] == "amiss"));
        answer.value(i32::from(failed));
        found
    }

    /// One of its checks.
    #[track_caller]
    pub fn check(&self, name: &str) -> Value {
        let found = self.doctor();
        let row = found.as_array().and_then(|all| all.iter().find(|check| check["check"] == name));
        row.unwrap_or_else(|| panic!("no check {name}: {found}")).clone()
    }

    /// Runs a command as a person would, without `--json`.
    pub fn run_for_people(&self, args: &[&str]) -> Answer {
        self.spawn(&[], args, None).answer()
    }

    /// Runs a command with `--json` and this text on its standard input.
    pub fn run_with(&self, args: &[&str], input: &str) -> Answer {
        self.spawn(&["--json"], args, Some(input)).answer()
    }

    /// Runs a command as a person would, with this text on its standard input.
    pub fn run_for_people_with(&self, args: &[&str], input: &str) -> Answer {
        self.spawn(&[], args, Some(input)).answer()
    }

    /// Begins a command with `--json`.
    pub fn begin(&self, args: &[&str]) -> Running {
        self.spawn(&["--json"], args, None)
    }

    /// Begins a command as a person would.
    pub fn begin_for_people(&self, args: &[&str]) -> Running {
        self.spawn(&[], args, None)
    }

    fn spawn(&self, before: &[&str], args: &[&str], input: Option<&str>) -> Running {
        let mut command = program_after(&self.inside);
        command.arg("--home").arg(&self.home).args(before).args(args);
        command.envs(self.variables.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().expect("the program starts");
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            // A command that ends without reading answers for itself.
            let _ = stdin.write_all(input.as_bytes());
        }
        let stdout = child.stdout.take().map(read_all);
        let stderr = child.stderr.take().map(read_all);
        Running { child, stdout, stderr, command: args.join(" ") }
    }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A command at work. Killed when dropped.
pub struct Running {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    command: String,
}

impl Running {
    /// Whether it has not ended yet.
    pub fn is_at_work(&mut self) -> bool {
        self.child.try_wait().expect("can ask for a child").is_none()
    }

    /// Waits for its end.
    pub fn answer(mut self) -> Answer {
        let what = format!("`heirloom {}` to end", self.command);
        let status = wait_for(&what, COMMAND_MAX, || {
            self.child.try_wait().expect("can ask for a child").ok_or_else(|| "it runs".to_owned())
        });
        let read = |pipe: Option<JoinHandle<String>>| pipe.and_then(|pipe| pipe.join().ok()).unwrap_or_default();
        let (stdout, stderr) = (read(self.stdout.take()), read(self.stderr.take()));
        let answer = Answer { code: status.code().unwrap_or(-1), stdout, stderr, command: self.command.clone() };
        answer.assert_no_panic();
        answer
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    /// The one JSON value, after this exit code. Commands that show progress print one object a line, the result last.
    #[track_caller]
    pub fn value(&self, code: i32) -> Value {
        assert_eq!(self.code, code, "`heirloom {}`: {} {}", self.command, self.stdout, self.stderr);
        self.last_value()
    }

    /// The last JSON value, whatever the exit code.
    #[track_caller]
    pub fn last_value(&self) -> Value {
        let whole = serde_json::from_str(&self.stdout);
        let last = self.stdout.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let value = whole.or_else(|_| serde_json::from_str(last));
        value.unwrap_or_else(|_| panic!("`heirloom {}` printed no JSON: {:?}", self.command, self.stdout))
    }

    /// A crash is never an answer.
    fn assert_no_panic(&self) {
        for said in [&self.stdout, &self.stderr] {
            let said = said.to_lowercase();
            let is_crash = said.contains("panicked") || said.contains("backtrace");
            assert!(!is_crash, "`heirloom {}` crashed: {}", self.command, self.stderr);
        }
    }
}
