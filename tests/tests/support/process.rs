//! A process that does not outlive its test, and whose output is read as it comes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::wait::wait_for;

/// The program under test: `HEIRLOOM_BIN`, else what cargo built beside this test.
pub fn program_path() -> PathBuf {
    if let Some(path) = std::env::var_os("HEIRLOOM_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a running test has a path");
    let path = test.parent().and_then(Path::parent).expect("tests lie in deps/").join("heirloom");
    assert!(
        path.exists(),
        "no {}: build it with `cargo build -p heirloom`, or name it in HEIRLOOM_BIN",
        path.display()
    );
    path
}

/// A command of the program, free of this environment's `HEIRLOOM_…` settings.
pub fn program() -> Command {
    let mut command = Command::new(program_path());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEIRLOOM_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// The same, begun by other words, such as those that lead into a room of a [`super::Lab`].
pub fn program_after(words: &[String]) -> Command {
    let plain = program();
    let Some((first, rest)) = words.split_first() else { return plain };
    let mut command = Command::new(first);
    command.args(rest).arg(plain.get_program()).stdin(Stdio::null());
    for (name, _) in plain.get_envs() {
        command.env_remove(name);
    }
    command
}

/// A running process. Killed by its id when dropped.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts it. Its log goes to `log`; the lines of its standard output are collected.
    pub fn start(command: Command, log: &Path) -> Self {
        Self::try_start(command, log).expect("the program starts")
    }

    /// The same with a program that need not be there.
    pub fn try_start(mut command: Command, log: &Path) -> Option<Self> {
        let log = File::options().create(true).append(true).open(log).expect("can write a log");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().ok()?;
        let stdout = child.stdout.take().expect("asked for a pipe");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Read on without a listener: a full pipe would stop the process.
                let _ = sender.send(line);
            }
        });
        Some(Self { child, lines })
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it prints, or nothing when it ended or the time is over.
    pub fn line(&self, limit: Duration) -> Option<String> {
        self.lines.recv_timeout(limit).ok()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("can ask for a child").is_none()
    }

    /// SIGKILL. Returns when it is gone.
    pub fn kill(mut self) {
        self.kill_now();
    }

    /// SIGTERM, without waiting.
    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status().expect("a shell");
        assert!(sent.success(), "SIGTERM was not sent to {pid}");
    }

    /// Waits for its end.
    pub fn end(&mut self, limit: Duration) -> ExitStatus {
        wait_for("a process to end", limit, || {
            self.child.try_wait().expect("can ask for a child").ok_or_else(|| "it runs".to_owned())
        })
    }

    fn kill_now(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_now();
    }
}
