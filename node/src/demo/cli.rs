//! Running a command as a user would, and reading its one JSON value. It must not know what the commands mean.

use super::say::Say;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// Longest that any command may take. `get --wait` is the longest of them.
const COMMAND_MAX: Duration = Duration::from_secs(180);

/// This program, so that the story is told by what was built.
pub fn this_program() -> Result<PathBuf> {
    std::env::current_exe().context("cannot find the program that is running")
}

/// A process of this program with nothing of this process's settings: a user's `HEIRLOOM_…` variables must not reach it.
pub fn program(binary: &Path, home: &Path) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEIRLOOM_")) {
        command.env_remove(name);
    }
    command.arg("--home").arg(home).arg("--json").stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// What a command answered.
#[derive(Debug)]
pub struct Answer {
    /// Exit code; −1 when a signal ended it.
    pub code: i32,
    /// The last JSON value on stdout, or null.
    pub value: Value,
    /// What it said on stderr.
    pub stderr: String,
    command: String,
}

impl Answer {
    /// The value, if it went well.
    pub fn ok(self) -> Result<Value> {
        self.exits(0)
    }

    /// The value, if it ended with this exit code.
    pub fn exits(self, code: i32) -> Result<Value> {
        if self.code == code {
            return Ok(self.value);
        }
        let message = self.value["error"]["message"].as_str().unwrap_or(self.stderr.trim());
        bail!("`heirloom {}` ended with exit code {} instead of {code}: {message}", self.command, self.code)
    }
}

/// The commands of one node.
#[derive(Clone, Debug)]
pub struct Cli {
    say: Say,
    who: String,
    binary: PathBuf,
    home: PathBuf,
}

impl Cli {
    /// Commands typed by `who`, for the node at `home`.
    pub fn new(say: Say, who: &str, binary: PathBuf, home: PathBuf) -> Self {
        Self { say, who: who.to_owned(), binary, home }
    }

    /// Runs a command, and shows it.
    pub async fn run(&self, args: &[&str]) -> Result<Answer> {
        self.say.command(&self.who, args);
        self.quietly(args).await
    }

    /// Runs a command without showing it: for looking again.
    pub async fn quietly(&self, args: &[&str]) -> Result<Answer> {
        self.begin_quietly(args)?.answer().await
    }

    /// Runs a command with text on its standard input, and shows it.
    pub async fn run_with(&self, args: &[&str], text: &str) -> Result<Answer> {
        self.say.command(&self.who, args);
        let mut command = program(&self.binary, &self.home);
        command.stdin(Stdio::piped());
        let mut running = self.spawn(command, args)?;
        let mut stdin = running.child.stdin.take().context("a command without standard input")?;
        // A command that ends without reading answers for itself.
        let _ = stdin.write_all(text.as_bytes()).await;
        drop(stdin);
        running.answer().await
    }

    /// Begins a command, and shows it.
    pub fn begin(&self, args: &[&str]) -> Result<Running> {
        self.say.command(&self.who, args);
        self.begin_quietly(args)
    }

    fn begin_quietly(&self, args: &[&str]) -> Result<Running> {
        self.spawn(program(&self.binary, &self.home), args)
    }

    fn spawn(&self, mut command: Command, args: &[&str]) -> Result<Running> {
        let child = command
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        Ok(Running { child, command: args.join(" ") })
    }
}

/// A command that has not answered yet. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    command: String,
}

impl Running {
    /// Whether it is still at work.
    pub fn is_at_work(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for its end.
    pub async fn answer(self) -> Result<Answer> {
        let Self { child, command } = self;
        let output = tokio::time::timeout(COMMAND_MAX, child.wait_with_output())
            .await
            .map_err(|_| anyhow!("`heirloom {command}` did not end within {} s", COMMAND_MAX.as_secs()))??;
        let stdout = String::from_utf8_lossy(&output.stdout);
        // Commands that show progress print one object a line, the result last.
        let last = stdout.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("null");
        let value = serde_json::from_str(last).or_else(|_| serde_json::from_str(&stdout));
        let value = value.with_context(|| format!("`heirloom {command}` answered no JSON: {stdout}"))?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Answer { code: output.status.code().unwrap_or(-1), value, stderr, command })
    }
}
