//! A node as a process of its own: start, ready, kill, start again with the same home.

use super::cli::{Cli, program};
use super::say::Say;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

/// Longest from start to ready.
const READY_MAX: Duration = Duration::from_secs(60);
/// Lines of a node's log that an error quotes.
const LOG_TAIL: usize = 8;

/// What differs between two starts of a node.
#[derive(Clone, Debug, Default)]
pub struct Joining {
    /// DHT nodes to begin with.
    pub bootstrap: Vec<String>,
    /// libp2p peers to dial.
    pub peers: Vec<String>,
    /// Web port; 0 for any.
    pub http_port: u16,
}

/// One node of the story.
pub struct Node {
    name: String,
    address: Ipv4Addr,
    folder: PathBuf,
    binary: PathBuf,
    /// Its commands.
    pub cli: Cli,
    /// Its key, from the first start on.
    pub key: String,
    ready: Value,
    child: Option<Child>,
}

impl Node {
    /// Starts a node with a fresh home below `folder`, listening for peers on `address`.
    pub async fn start(
        say: Say,
        binary: &Path,
        folder: &Path,
        name: &str,
        address: Ipv4Addr,
        joining: &Joining,
    ) -> Result<Self> {
        let folder = folder.join(name);
        std::fs::create_dir_all(folder.join("files")).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut node = Self {
            name: name.to_owned(),
            address,
            binary: binary.to_owned(),
            cli: Cli::new(say, name, binary.to_owned(), folder.join("home")),
            key: String::new(),
            ready: Value::Null,
            child: None,
            folder,
        };
        node.start_again(joining).await?;
        Ok(node)
    }

    /// Starts it with the home that it has.
    pub async fn start_again(&mut self, joining: &Joining) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = program(&self.binary, &self.home());
        command.arg("run");
        for (flag, value) in self.flags(joining) {
            command.arg(flag).arg(value);
        }
        command.args(["--no-mdns", "--no-starter"]).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.binary.display()))?;
        let stdout = child.stdout.take().context("a node without standard output")?;
        self.child = Some(child);
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(READY_MAX, read_ready(&mut lines)).await;
        self.ready = ready
            .map_err(|_| anyhow!("it was not ready after {} s", READY_MAX.as_secs()))
            .and_then(|ready| ready)
            .with_context(|| {
                format!("the node of the {} did not start; its log ends: {}", self.name, self.log_tail())
            })?;
        // Whatever it prints later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let key = self.ready["key"].as_str().context("the ready line names no key")?.to_owned();
        if !self.key.is_empty() && self.key != key {
            bail!("the {} came back with another key: {key} instead of {}", self.name, self.key);
        }
        self.key = key;
        Ok(())
    }

    fn flags(&self, joining: &Joining) -> Vec<(&'static str, String)> {
        let any_port = format!("{}:0", self.address);
        let mut flags = vec![
            ("--http", format!("127.0.0.1:{}", joining.http_port)),
            ("--p2p", "/ip4/127.0.0.1/tcp/0".to_owned()),
            ("--bt", any_port.clone()),
            ("--bt-named", any_port.clone()),
            ("--dht", any_port),
            ("--dir", self.downloads().display().to_string()),
        ];
        flags.extend(joining.bootstrap.iter().map(|node| ("--dht-bootstrap", node.clone())));
        flags.extend(joining.peers.iter().map(|peer| ("--peer", peer.clone())));
        flags
    }

    /// Kills it as a power cut would: SIGKILL, by its process id. Returns when it is gone.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await.with_context(|| format!("cannot kill the node of the {}", self.name))?;
        }
        Ok(())
    }

    /// What others dial.
    pub fn p2p(&self) -> Result<String> {
        let addresses = self.ready["p2p"].as_array().context("the ready line names no libp2p address")?;
        let here = addresses.iter().filter_map(Value::as_str).find(|address| address.starts_with("/ip4/127.0.0.1/"));
        here.map(str::to_owned).with_context(|| format!("the {} has no libp2p address on loopback", self.name))
    }

    /// Web address.
    pub fn http(&self) -> String {
        format!("http://{}", self.ready["http"].as_str().unwrap_or_default())
    }

    /// IP address that its peers see.
    pub fn ip(&self) -> String {
        self.address.to_string()
    }

    /// Who.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its `--home`.
    pub fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// A file of its owner's.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join("files").join(name)
    }

    fn downloads(&self) -> PathBuf {
        self.folder.join("downloads")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL)..].join(" | ")
    }
}

async fn read_ready(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Value> {
    while let Some(line) = lines.next_line().await? {
        if let Ok(value) = serde_json::from_str::<Value>(&line) {
            if value["event"] == "ready" {
                return Ok(value);
            }
            if let Some(message) = value["error"]["message"].as_str() {
                bail!("{message}");
            }
        }
    }
    bail!("it ended before it was ready")
}
