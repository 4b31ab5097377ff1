//! Nodes, clips and slow seeders for these tests.
#![allow(clippy::unwrap_used, reason = "support of tests: a failure here is the test's")]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use heirloom::torrent::{Booking, Bookings, Config, Download, Engine, Infohash, Metainfo, PeerSource, Progress, State};
use tempfile::TempDir;

/// A fixed map of who has what, which tests may change.
#[derive(Default)]
pub struct Map {
    pub peers: Mutex<BTreeMap<Infohash, Vec<SocketAddr>>>,
    pub announced: Mutex<Vec<(Infohash, u16)>>,
    pub lookups: AtomicUsize,
}

impl Map {
    pub fn add(&self, infohash: Infohash, peer: SocketAddr) {
        self.peers.lock().unwrap().entry(infohash).or_default().push(peer);
    }
}

impl PeerSource for Map {
    fn peers(&self, infohash: Infohash) -> BoxFuture<'_, Vec<SocketAddr>> {
        let peers = self.peers.lock().unwrap().get(&infohash).cloned().unwrap_or_default();
        self.lookups.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::ready(peers))
    }

    fn announce(&self, infohash: Infohash, port: u16) -> BoxFuture<'_, ()> {
        self.announced.lock().unwrap().push((infohash, port));
        Box::pin(std::future::ready(()))
    }
}

/// A node's engine with its folder.
pub struct Node {
    pub engine: Engine,
    pub bookings: Arc<Bookings>,
    pub map: Arc<Map>,
    pub folder: TempDir,
    pub config: Config,
}

pub fn config(ip: [u8; 4], name: &str, folder: &Path, map: Arc<Map>) -> Config {
    Config {
        bt: (ip, 0).into(),
        bt_named: (ip, 0).into(),
        wire_name: format!("heirloom/0.1.0 {name}"),
        anonymous_name: "heirloom".to_owned(),
        proxy: None,
        state_dir: folder.join("state"),
        downloads: folder.join("downloads"),
        peers: map,
        tracker_interval: Duration::from_millis(200),
    }
}

impl Node {
    pub async fn start(last_byte: u8, name: &str) -> Self {
        Self::start_in(last_byte, name, tempfile::tempdir().unwrap()).await
    }

    pub async fn start_in(last_byte: u8, name: &str, folder: TempDir) -> Self {
        let (map, bookings) = (Arc::new(Map::default()), Arc::new(Bookings::default()));
        let config = config([127, 0, 0, last_byte], name, folder.path(), map.clone());
        let engine = Engine::start(config.clone(), bookings.clone()).await.unwrap();
        Self { engine, bookings, map, folder, config }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of pseudo-random bytes, which no compression or hole makes smaller.
    pub fn clip(&self, name: &str, bytes: usize) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, noise(bytes)).unwrap();
        path
    }

    pub async fn until(&self, infohash: Infohash, what: &str, condition: impl Fn(&Progress) -> bool) -> Progress {
        let wait = async {
            loop {
                if let Some(progress) = self.engine.progress(infohash)
                    && condition(&progress)
                {
                    return progress;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let Ok(progress) = tokio::time::timeout(Duration::from_secs(60), wait).await else {
            panic!("never {what}: {:?}", self.engine.progress(infohash));
        };
        progress
    }

    /// Seeds a file or folder and waits until it is checked.
    pub async fn seed(&self, meta: &Metainfo, content: &Path, named: bool) {
        self.engine.seed(&meta.torrent, content, named).await.unwrap();
        self.until(meta.infohash, "seeding", |progress| progress.state == State::Seeding).await;
    }

    pub fn named(&self) -> SocketAddr {
        self.engine.listen_addrs().1
    }

    pub fn anonymous(&self) -> SocketAddr {
        self.engine.listen_addrs().0
    }

    pub async fn finished(&self, infohash: Infohash) -> Progress {
        self.until(infohash, "finished", |progress| progress.finished).await
    }

    pub fn uploaded(&self, infohash: Infohash) -> u64 {
        self.engine.progress(infohash).unwrap().uploaded
    }
}

pub fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(bytes);
    out
}

pub fn magnet(meta: &Metainfo) -> Download {
    Download { infohash: meta.infohash, info_sha256: Some(meta.info_sha256), ..Download::default() }
}

pub fn with_torrent(meta: &Metainfo, peers: &[SocketAddr]) -> Download {
    Download { torrent: Some(meta.torrent.clone()), peers: peers.to_vec(), ..magnet(meta) }
}

/// Adds bookings up per address and name, after checking that each piece is booked once and in full.
pub fn totals(bookings: &[Booking], meta: &Metainfo) -> BTreeMap<(IpAddr, Option<String>), u64> {
    let mut totals = BTreeMap::new();
    let mut pieces: Vec<u32> = Vec::new();
    for booking in bookings {
        assert_eq!(booking.infohash, meta.infohash);
        let start = u64::from(booking.piece) * u64::from(meta.piece_bytes);
        let size = (meta.total_bytes - start).min(meta.piece_bytes.into());
        assert_eq!(booking.shares.iter().map(|share| share.bytes).sum::<u64>(), size, "piece {}", booking.piece);
        pieces.push(booking.piece);
        for share in &booking.shares {
            *totals.entry((share.address, share.client_name.clone())).or_default() += share.bytes;
        }
    }
    let once = pieces.len();
    pieces.dedup();
    assert_eq!(pieces.len(), once, "a piece was booked twice");
    totals
}

pub fn ip(last_byte: u8) -> IpAddr {
    [127, 0, 0, last_byte].into()
}

/// Seeds with the bare library, which may be told to be slow, and which does not check names.
pub async fn library_seed(
    node: &Node,
    last_byte: u8,
    name: &str,
    torrent: &[u8],
    content: &Path,
    upload_rate: Option<u32>,
) -> (Arc<librqbit::Session>, Arc<librqbit::ManagedTorrent>) {
    let folder = node.path(name);
    let listen = librqbit::ListenerOptions {
        listen_addr: ([127, 0, 0, last_byte], 0).into(),
        ..librqbit::ListenerOptions::default()
    };
    let options = librqbit::SessionOptions {
        dht: None,
        disable_local_service_discovery: true,
        listen: Some(listen),
        client_name_and_version: Some(name.to_owned()),
        ratelimits: librqbit::limits::LimitsConfig {
            upload_bps: upload_rate.and_then(std::num::NonZeroU32::new),
            download_bps: None,
        },
        ..librqbit::SessionOptions::default()
    };
    let session = librqbit::Session::new_with_opts(folder.clone(), options).await.unwrap();
    let parsed = librqbit::torrent_from_bytes(torrent).unwrap();
    let file = String::from_utf8(parsed.info.data.name.unwrap().0.to_vec()).unwrap();
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(content, folder.join(file)).unwrap();
    let options = librqbit::AddTorrentOptions { overwrite: true, ..librqbit::AddTorrentOptions::default() };
    let torrent = librqbit::AddTorrent::from_bytes(torrent.to_vec());
    let handle = session.add_torrent(torrent, Some(options)).await.unwrap().into_handle().unwrap();
    handle.wait_until_initialized().await.unwrap();
    (session, handle)
}

/// The same torrent of one file under another name.
pub fn rename(torrent: &[u8], name: &str) -> Vec<u8> {
    let old = b"4:name8:clip.mp4";
    let at = torrent.windows(old.len()).position(|window| window == old).unwrap();
    let new = format!("4:name{}:{name}", name.len());
    [&torrent[..at], new.as_bytes(), &torrent[at + old.len()..]].concat()
}

/// The infohash of a torrent made here, whose info dictionary is its last value.
pub fn infohash_of(torrent: &[u8]) -> Infohash {
    let at = torrent.windows(6).position(|window| window == b"4:info").unwrap();
    <sha1::Sha1 as sha1::Digest>::digest(&torrent[at + 6..torrent.len() - 1]).into()
}
