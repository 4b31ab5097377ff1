//! A node as a process of its own.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cli::Cli;
use super::process::{Process, program_after};
use super::wait::{ARRIVAL, wait_for};
use super::{TRUSTED, card_in_a_post, release, text};

/// Longest from start to ready, on a busy machine.
const READY_MAX: Duration = Duration::from_secs(90);
/// A flag of these tests alone: `run` takes the starter catalogue, as it does for people.
pub const TAKES_STARTER: &str = "--takes-starter";
/// Lines of the log that are shown when a test fails.
const LOG_TAIL: usize = 40;

/// A node with its home. Killed when dropped.
pub struct Node {
    name: String,
    /// Its commands.
    pub cli: Cli,
    /// Its key.
    pub key: String,
    /// Address by which BitTorrent peers know it.
    pub ip: String,
    folder: PathBuf,
    ready: Value,
    process: Option<Process>,
}

impl Node {
    /// Starts a node with a fresh home in `folder`; `net` are its flags for the network.
    pub fn start(folder: &Path, name: &str, ip: &str, net: &[String]) -> Self {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).expect("can make a folder");
        let cli = Cli::new(&folder.join("home"));
        let name = name.to_owned();
        let mut node =
            Self { name, cli, key: String::new(), ip: ip.to_owned(), folder, ready: Value::Null, process: None };
        node.start_again(net);
        node
    }

    /// Starts a node in a room of a [`super::Lab`]: it listens only where `net` says.
    pub fn start_inside(inside: Vec<String>, folder: &Path, name: &str, net: &[String]) -> Self {
        Self::start_inside_at(inside, folder, name, "127.0.0.1", net)
    }

    /// The same, with BitTorrent and the DHT at this address.
    pub fn start_inside_at(inside: Vec<String>, folder: &Path, name: &str, ip: &str, net: &[String]) -> Self {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).expect("can make a folder");
        let mut cli = Cli::new(&folder.join("home"));
        cli.inside = inside;
        let (name, ip) = (name.to_owned(), ip.to_owned());
        let mut node = Self { name, cli, key: String::new(), ip, folder, ready: Value::Null, process: None };
        node.start_again(net);
        node
    }

    /// Starts it again with the home that it has.
    pub fn start_again(&mut self, net: &[String]) {
        self.begin(net);
        let deadline = Instant::now() + READY_MAX;
        let process = self.process.as_ref().expect("just started");
        let ready = std::iter::from_fn(|| process.line(deadline.saturating_duration_since(Instant::now())))
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
            .find(|line| line["event"] == "ready");
        self.ready = ready.unwrap_or_else(|| panic!("{} did not become ready", self.name));
        let key = text(&self.ready, "key").to_owned();
        assert!(self.key.is_empty() || self.key == key, "{} came back as somebody else", self.name);
        self.key = key;
    }

    fn begin(&mut self, net: &[String]) {
        let mut command = program_after(&self.cli.inside);
        let any_port = format!("{}:0", self.ip);
        command.arg("--home").arg(self.home()).args(["--json", "run"]);
        if !net.iter().any(|flag| flag == "--http") {
            command.args(["--http", "127.0.0.1:0"]);
        }
        command.args(["--bt", &any_port, "--bt-named", &any_port]);
        if self.cli.inside.is_empty() {
            command.args(["--p2p", "/ip4/127.0.0.1/tcp/0", "--no-mdns"]);
        }
        // Most tests count works and follows.
        if !net.iter().any(|flag| flag == TAKES_STARTER) {
            command.arg("--no-starter");
        }
        command.arg("--dir").arg(self.folder.join("downloads"));
        if !net.iter().any(|flag| flag == "--no-dht") {
            command.args(["--dht", &any_port]);
        }
        command.args(net.iter().filter(|flag| *flag != TAKES_STARTER));
        self.process = Some(Process::start(command, &self.log()));
    }

    /// kill -9. Returns when it is gone.
    pub fn kill(&mut self) {
        self.process.take().expect("a running node").kill();
    }

    /// SIGTERM, and its exit.
    pub fn stop(&mut self, limit: Duration) -> ExitStatus {
        let mut process = self.process.take().expect("a running node");
        process.terminate();
        process.end(limit)
    }

    /// Whether its process runs.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// The id of its process.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("a running node").id()
    }

    /// What it wrote to standard error so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// The line that it printed when it was ready.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// libp2p address that others dial.
    pub fn p2p(&self) -> String {
        let addresses = self.ready()["p2p"].as_array().expect("the ready line names libp2p addresses");
        let here = addresses.iter().filter_map(Value::as_str).find(|address| address.starts_with("/ip4/127."));
        here.unwrap_or_else(|| panic!("{} has no libp2p address on loopback", self.name)).to_owned()
    }

    /// Its libp2p addresses when it became ready.
    pub fn listening(&self) -> Vec<String> {
        let addresses = self.ready["p2p"].as_array().expect("the ready line names libp2p addresses");
        addresses.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Its `--home`.
    pub fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Publishes a file or folder under a work.
    #[track_caller]
    pub fn publish(&self, path: &Path, work: &str, more: &[&str]) -> Value {
        let path = path.to_str().expect("test paths are text");
        let mut args = vec!["publish", path, "--work", work];
        args.extend(more);
        self.cli.ok(&args)
    }

    /// Follows somebody by their card, as pasted from a forum.
    #[track_caller]
    pub fn follow_by_post(&self, curator: &Self) {
        let card = curator.cli.run_for_people(&["curator", "card", "--text"]);
        assert!(card.stdout.contains("BEGIN HEIRLOOM CARD"), "no card: {} {}", card.stdout, card.stderr);
        let followed = self.cli.run_with(&["follow", "-", "--yes"], &card_in_a_post(&card.stdout)).value(0);
        assert_eq!(followed["key"], curator.key.as_str(), "the card leads to its curator");
    }

    /// Waits until `show` has this release in this band, and gives what `show` said.
    #[track_caller]
    pub fn wait_for_band(&self, work: &str, infohash: &str, band: &str) -> Value {
        wait_for(&format!("{} to see {infohash} as {band}", self.name), ARRIVAL, || {
            let shown = self.cli.run(&["show", work, "--wait", "10"]).last_value();
            let is_there = release(&shown, infohash).is_some_and(|release| release["band"] == band);
            if is_there { Ok(shown) } else { Err(format!("{} is shown {shown}", self.name)) }
        })
    }

    /// As [`Node::wait_for_band`], trusted.
    #[track_caller]
    pub fn wait_for_trusted(&self, work: &str, infohash: &str) -> Value {
        self.wait_for_band(work, infohash, TRUSTED)
    }

    /// Waits until it has met this many libp2p peers.
    #[track_caller]
    pub fn wait_for_peers(&self, count: u64) {
        wait_for(&format!("{} to meet {count} peers", self.name), ARRIVAL, || {
            let status = self.cli.ok(&["status"]);
            if status["peers"].as_u64() >= Some(count) { Ok(()) } else { Err(format!("status is {status}")) }
        });
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.log()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n");
            eprintln!("--- log of {} ends:\n{tail}", self.name);
        }
    }
}
