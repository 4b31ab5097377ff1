//! Where a test plays: a folder, addresses that nobody else uses, and a DHT of its own in a process of its own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::cli::Cli;
use super::node::Node;
use super::process::{Process, program};
use super::write_file;

/// Nodes of the DHT.
const DHT_NODES: &str = "16";
/// Longest until they know each other.
const DHT_MAX: Duration = Duration::from_secs(60);

/// Last number of the next node's address: one count for all tests of this process.
static NEXT_ADDRESS: AtomicU8 = AtomicU8::new(2);

/// Make it first: nodes must be dropped before the folder that holds their homes.
pub struct Bed {
    dht: Option<(Process, Vec<String>)>,
    folder: TempDir,
}

impl Bed {
    /// With a DHT of 16 nodes.
    pub fn new() -> Self {
        let mut bed = Self::without_dht();
        bed.fresh_dht();
        bed
    }

    /// Without: nodes of it run with `--no-dht`.
    pub fn without_dht() -> Self {
        let folder = tempfile::Builder::new().prefix("heirloom-test-").tempdir().expect("can make a folder");
        Self { dht: None, folder }
    }

    /// Replaces the DHT by one that holds nothing. Nodes that run go on with the old one, which is gone.
    pub fn fresh_dht(&mut self) {
        self.dht = None;
        let mut command = program();
        command.args(["testnet", "--nodes", DHT_NODES]);
        let process = Process::start(command, &self.folder.path().join("testnet.log"));
        let line = process.line(DHT_MAX).expect("`heirloom testnet` says where it is");
        let line: Value = serde_json::from_str(&line).expect("in JSON");
        let nodes = line["bootstrap"].as_array().expect("as a list");
        let nodes = nodes.iter().map(|node| node.as_str().expect("of texts").to_owned()).collect();
        self.dht = Some((process, nodes));
    }

    /// Flags by which a node joins, with libp2p peers to dial.
    pub fn net(&self, peers: &[&Node]) -> Vec<String> {
        let mut flags = Vec::new();
        match &self.dht {
            Some((_, nodes)) => {
                flags.extend(nodes.iter().flat_map(|node| ["--dht-bootstrap".to_owned(), node.clone()]))
            }
            None => flags.push("--no-dht".to_owned()),
        }
        flags.extend(peers.iter().flat_map(|peer| ["--peer".to_owned(), peer.p2p()]));
        flags
    }

    /// Starts a node with a fresh home.
    pub fn node(&self, name: &str) -> Node {
        self.node_with(name, &[])
    }

    /// Starts a node that others can find in the DHT: its libp2p port is at the address from which the DHT hears it.
    pub fn node_in_the_open(&self, name: &str) -> Node {
        self.node_in_the_open_that(name, &[])
    }

    /// The same with further flags of `run`.
    pub fn node_in_the_open_that(&self, name: &str, flags: &[&str]) -> Node {
        let ip = next_ip();
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Node::start(self.folder.path(), name, &ip, &[self.net(&[]), self.open_at(&ip), flags].concat())
    }

    /// Flags by which a node listens for libp2p at this address, over QUIC and TCP.
    pub fn open_at(&self, ip: &str) -> Vec<String> {
        let addresses = [format!("/ip4/{ip}/udp/0/quic-v1"), format!("/ip4/{ip}/tcp/0")];
        addresses.into_iter().flat_map(|address| ["--p2p".to_owned(), address]).collect()
    }

    /// The DHT nodes to begin with.
    pub fn bootstrap(&self) -> Vec<String> {
        self.dht.iter().flat_map(|(_, nodes)| nodes.clone()).collect()
    }

    /// Starts a node with a fresh home that dials these.
    pub fn node_with(&self, name: &str, peers: &[&Node]) -> Node {
        Node::start(self.folder.path(), name, &next_ip(), &self.net(peers))
    }

    /// Starts a node with a fresh home and further flags of `run`.
    pub fn node_that(&self, name: &str, flags: &[&str]) -> Node {
        let mut net = self.net(&[]);
        net.extend(flags.iter().map(|flag| (*flag).to_owned()));
        Node::start(self.folder.path(), name, &next_ip(), &net)
    }

    /// Commands for a home without a running node.
    pub fn home(&self, name: &str) -> Cli {
        Cli::new(&self.path(name).join("home"))
    }

    /// Writes a file for somebody to publish.
    pub fn file(&self, name: impl AsRef<Path>, content: &[u8]) -> PathBuf {
        write_file(&self.path("files").join(name), content)
    }

    /// A path below its folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A loopback address as [`next_ip`], in a /24 that no other address of this process is in: 127.192–254.n.x.
pub fn next_network() -> String {
    let pid = std::process::id();
    let number = NEXT_ADDRESS.fetch_add(1, Ordering::Relaxed);
    assert!((2..255).contains(&number), "too many nodes for one test process");
    format!("127.{}.{number}.{}", 192 + pid % 63, 1 + (pid >> 6) % 254)
}

/// A loopback address of this process alone, as far as the kernel's process ids differ: 127.64–191.x.n.
pub fn next_ip() -> String {
    let pid = std::process::id();
    let number = NEXT_ADDRESS.fetch_add(1, Ordering::Relaxed);
    assert!((2..255).contains(&number), "too many nodes for one test process");
    format!("127.{}.{}.{number}", 64 + (pid >> 8) % 128, pid % 256)
}
