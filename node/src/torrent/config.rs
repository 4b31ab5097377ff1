//! What the engine is told at start, and where it asks for peers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use zeroize::Zeroizing;

use super::Infohash;

/// How often a download asks for peers while it has too few.
///
/// Five seconds: a seeder that comes up is found while its owner still looks at the screen, and the private tracker
/// answers from memory, so asking costs nothing outside this machine.
pub const TRACKER_INTERVAL: Duration = Duration::from_secs(5);

/// Where the engine listens, under which names, and where it keeps its things.
#[derive(Clone)]
pub struct Config {
    /// Listening address of the anonymous session; port 0 picks a free one.
    pub bt: SocketAddr,
    /// Listening address of the named session; port 0 picks a free one.
    pub bt_named: SocketAddr,
    /// What the named session shows as its client name (BEP 10 `v`): `heirloom/<version> z6Mk…`.
    pub wire_name: String,
    /// What the anonymous session shows as its client name. It must hold nothing that tells nodes apart.
    pub anonymous_name: String,
    /// SOCKS5 proxy that peers and trackers are reached through, as `socks5h://…`. Nobody connects to this node then, and only
    /// a torrent's own trackers, over HTTP, name peers.
    pub proxy: Option<Zeroizing<String>>,
    /// Folder for the engine's own state. Made when missing.
    pub state_dir: PathBuf,
    /// Folder for downloads that name no other.
    pub downloads: PathBuf,
    /// Where peers of a torrent come from.
    pub peers: Arc<dyn PeerSource>,
    /// How often a download asks for peers while it has too few: [`TRACKER_INTERVAL`] outside of tests.
    pub tracker_interval: Duration,
}

/// Hears of peers while more are being looked for.
pub type TellPeers<'a> = dyn Fn(&[SocketAddr]) + Send + Sync + 'a;

/// Where peers of a torrent come from: the Mainline DHT in a node, a fixed map in tests.
///
/// The engine remembers answers for a while, asks for one torrent once at a time, and drops an answer that takes longer
/// than it is worth; an implementation need not care about any of that.
pub trait PeerSource: Send + Sync {
    /// Addresses that are said to have this torrent. Empty when nobody is known.
    fn peers(&self, infohash: Infohash) -> BoxFuture<'_, Vec<SocketAddr>>;

    /// Whether anybody can be asked: where nobody can, that nobody is known means nothing.
    fn can_ask(&self) -> bool {
        true
    }

    /// The same, and `tell` hears of some before the others are known: a film can begin with the first of them.
    fn seek<'a>(&'a self, infohash: Infohash, _tell: &'a TellPeers<'a>) -> BoxFuture<'a, Vec<SocketAddr>> {
        self.peers(infohash)
    }

    /// Says that this node has (or fetches) the torrent, on this TCP port.
    fn announce(&self, infohash: Infohash, port: u16) -> BoxFuture<'_, ()>;
}
