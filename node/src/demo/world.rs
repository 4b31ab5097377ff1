//! Where the story plays: a temporary folder, a DHT of real nodes in this process, and the nodes of the story.

use super::cli::this_program;
use super::node::{Joining, Node};
use super::say::Say;
use crate::dht::testnet::Testnet;
use anyhow::{Context, Result};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Nodes of the DHT. Enough that an item is kept by more than it is looked up from.
pub const DHT_NODES: usize = 16;

/// Last number of the first node's address: 127.0.0.11.
const FIRST_ADDRESS: u8 = 11;

/// The people of the story, by their names.
pub mod people {
    /// Publishes what is what it says.
    pub const CURATOR: &str = "curator";
    /// Publishes what is not.
    pub const SPAMMER: &str = "spammer";
    /// Knows nobody at first.
    pub const NEWCOMER: &str = "newcomer";
}

/// Everything that must be gone at the end.
pub struct World {
    say: Say,
    binary: PathBuf,
    // Nodes before the folder: fields are dropped in this order, and a node must be gone before its home is.
    nodes: Vec<Node>,
    dht: Option<Testnet>,
    folder: Option<TempDir>,
    path: PathBuf,
    http_port: u16,
}

impl World {
    /// An empty one. `port` is the newcomer's web port.
    pub fn new(say: Say, port: Option<u16>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("heirloom-demo-").tempdir().context("cannot make a folder")?;
        let path = folder.path().to_owned();
        let binary = this_program()?;
        Ok(Self { say, binary, nodes: Vec::new(), dht: None, folder: Some(folder), path, http_port: port.unwrap_or(0) })
    }

    /// Where it all lies.
    pub fn folder(&self) -> &Path {
        &self.path
    }

    /// This program, as somebody would type it.
    pub fn program(&self) -> &Path {
        &self.binary
    }

    /// Starts a DHT that holds nothing, in place of the one before, which is forgotten with all that it held.
    pub async fn fresh_dht(&mut self) -> Result<Vec<String>> {
        if let Some(old) = self.dht.take() {
            old.stop().await;
        }
        let dht = Testnet::start(DHT_NODES).await.context("the DHT did not start")?;
        let bootstrap = dht.bootstrap();
        self.dht = Some(dht);
        Ok(bootstrap)
    }

    fn joining(&self, name: &str, peers: Vec<String>) -> Result<Joining> {
        let dht = self.dht.as_ref().context("there is no DHT to join")?;
        let http_port = if name == people::NEWCOMER { self.http_port } else { 0 };
        Ok(Joining { bootstrap: dht.bootstrap(), peers, http_port })
    }

    /// Starts a node with a fresh home.
    pub async fn add(&mut self, name: &str, peers: Vec<String>) -> Result<&Node> {
        let number = u8::try_from(self.nodes.len()).ok().and_then(|count| FIRST_ADDRESS.checked_add(count));
        let address = Ipv4Addr::new(127, 0, 0, number.context("too many nodes for one demo")?);
        let joining = self.joining(name, peers)?;
        let node = Node::start(self.say, &self.binary, &self.path, name, address, &joining).await?;
        self.nodes.push(node);
        self.node(name)
    }

    /// Starts a killed node with the home that it had.
    pub async fn restart(&mut self, name: &str, peers: Vec<String>) -> Result<()> {
        let joining = self.joining(name, peers)?;
        self.node_mut(name)?.start_again(&joining).await
    }

    /// Kills one node.
    pub async fn kill(&mut self, name: &str) -> Result<()> {
        self.node_mut(name)?.kill().await
    }

    /// Kills every node, and says how many there were.
    pub async fn kill_all(&mut self) -> Result<usize> {
        for node in &mut self.nodes {
            node.kill().await?;
        }
        Ok(self.nodes.len())
    }

    /// A node by its name.
    pub fn node(&self, name: &str) -> Result<&Node> {
        let found = self.nodes.iter().find(|node| node.name() == name);
        found.with_context(|| format!("the node of the {name} was not started"))
    }

    fn node_mut(&mut self, name: &str) -> Result<&mut Node> {
        let found = self.nodes.iter_mut().find(|node| node.name() == name);
        found.with_context(|| format!("the node of the {name} was not started"))
    }

    /// Names of all nodes, in the order of their first start.
    pub fn names(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.name().to_owned()).collect()
    }

    /// Stops every node but these.
    pub async fn stop_all_but(&mut self, kept: &[&str]) {
        for node in self.nodes.iter_mut().filter(|node| !kept.contains(&node.name())) {
            // One that is gone already is what is wanted.
            let _ = node.kill().await;
        }
    }

    /// Stops whatever runs; for the end.
    pub async fn stop_all(&mut self) {
        self.stop_all_but(&[]).await;
        if let Some(dht) = self.dht.take() {
            dht.stop().await;
        }
    }

    /// Leaves the folder when this ends.
    pub fn keep_folder(&mut self) -> PathBuf {
        self.folder.take().map_or_else(|| self.path.clone(), TempDir::keep)
    }
}
