//! The engine itself: two sessions, one tracker, and a table of what they do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use librqbit::api::TorrentIdOrHash;
use librqbit::{ManagedTorrent, Session};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Infohash;
use super::bookings::Bookings;
use super::config::Config;
use super::errors::{AddError, RemoveError, StartError, StreamError};
use super::ledger::Ledger;
use super::metainfo::Metainfo;
use super::peers::{PeerBook, Side, hex};
use super::progress::{Progress, State};
use super::session::{self, STREAMS_MAX};
use super::stream::{self, Stream};
use super::tracker::Tracker;

/// What to download.
#[derive(Debug, Clone, Default)]
pub struct Download {
    /// The torrent.
    pub infohash: Infohash,
    /// Its torrent file, when at hand. Otherwise the metadata comes from peers.
    pub torrent: Option<Vec<u8>>,
    /// SHA-256 of the info dictionary, as a listing signed it. Anything else is refused before anything is written.
    pub info_sha256: Option<[u8; 32]>,
    /// Name to show until the metadata is here.
    pub name: Option<String>,
    /// Trackers to ask besides our own. They learn this node's address.
    pub trackers: Vec<String>,
    /// Folder that the torrent's file or folder goes into; [`Config::downloads`] when `None`.
    pub to: Option<PathBuf>,
    /// Peers to ask first.
    pub peers: Vec<SocketAddr>,
    /// Set for a file that is no work of anybody's, but this network's own: an archive of statements.
    pub only: Option<OnlyFile>,
    /// Which of its files.
    pub files: Files,
}

/// Which files of a torrent to download. Pieces that reach into others are fetched whole; what of them is of other files
/// is kept apart, never under a name of the torrent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Files {
    /// All of them.
    #[default]
    All,
    /// That is said once the metadata is here. Only that is fetched, and nothing is written.
    Later,
    /// Those with these indices.
    Only(BTreeSet<usize>),
}

/// The one file that a torrent may hold, or that and another beside it. Its metadata is checked before anything is written, and none of its bytes are
/// booked: who hands statements on has not yet seeded a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlyFile {
    /// Its name.
    pub name: String,
    /// A folder that may stand around it, and the one file that may lie beside it there.
    pub beside: Option<(String, String)>,
    /// The longest size of all in bytes.
    pub bytes_max: u64,
}

/// The torrent engine. Clones are handles to the same engine; [`Engine::stop`] ends it.
#[derive(Clone)]
pub struct Engine(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) config: Config,
    pub(super) bookings: Arc<Bookings>,
    pub(super) anonymous: Arc<Session>,
    pub(super) named: Arc<Session>,
    pub(super) resolver: Arc<Session>,
    pub(super) book: PeerBook,
    pub(super) stop: CancellationToken,
    /// Held while a torrent is added, moved or removed, so that two of these never meet halfway.
    pub(super) changing: tokio::sync::Mutex<()>,
    listen: [SocketAddr; 2],
    torrents: Mutex<BTreeMap<Infohash, Torrent>>,
    streams: Arc<Semaphore>,
}

/// What the engine knows of a torrent.
pub(super) struct Torrent {
    pub(super) side: Side,
    /// What was asked for, to begin anew after a failure; `None` for seeds.
    pub(super) request: Option<Download>,
    /// Its checked metadata, where [`Files::Later`] keeps it from running.
    pub(super) resolved: Option<Arc<Metainfo>>,
    /// Set once a session has it.
    pub(super) running: Option<Running>,
    /// Whether the user stopped it. Only for torrents that no session has; sessions know their own.
    pub(super) paused: bool,
    pub(super) failed: Option<AddError>,
    /// Ends the tasks that look after it.
    pub(super) stop: CancellationToken,
}

/// A torrent that a session has.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) handle: Arc<ManagedTorrent>,
    pub(super) meta: Arc<Metainfo>,
    /// The account of a download; `None` for seeds.
    pub(super) ledger: Option<Arc<Ledger>>,
    /// Its file or folder on disk.
    pub(super) path: PathBuf,
    /// Where each of its files is; `None` for padding.
    pub(super) files: Arc<[Option<PathBuf>]>,
    /// The files that are downloaded; `None`: all of them.
    pub(super) only: Option<Arc<BTreeSet<usize>>>,
}

impl Engine {
    /// Starts both sessions and the private tracker.
    ///
    /// # Errors
    /// When an address is taken or cannot be listened on, or a folder cannot be made.
    pub async fn start(config: Config, bookings: Arc<Bookings>) -> Result<Self, StartError> {
        for path in [&config.state_dir, &config.downloads] {
            std::fs::create_dir_all(path).map_err(|source| StartError::Folder { path: path.clone(), source })?;
        }
        session::warn_of_proxy();
        if let Err(error) = librqbit::try_increase_nofile_limit() {
            debug!(%error, "the limit of open files stays as it is");
        }
        let stop = CancellationToken::new();
        let (tracker, listener) = Tracker::bind()
            .await
            .map_err(|source| StartError::Listen { address: (std::net::Ipv4Addr::LOCALHOST, 0).into(), source })?;
        let (downloads, proxy) = (&config.downloads, config.proxy.as_ref().map(|url| url.as_str()));
        let open = |address, name, side| {
            let url = tracker.url(side);
            async move { session::open(address, name, &url, proxy, downloads).await }
        };
        let anonymous = open(config.bt, &config.anonymous_name, Side::Anonymous).await?;
        let named = open(config.bt_named, &config.wire_name, Side::Named).await?;
        let resolver = session::open_resolver(&config.anonymous_name, config.bt, proxy, downloads).await?;
        let listen = [anonymous.listen_addr().unwrap_or(config.bt), named.listen_addr().unwrap_or(config.bt_named)];
        let book = PeerBook::new(config.peers.clone(), config.tracker_interval, listen, stop.clone());
        tracker.serve(listener, book.clone(), stop.clone());
        Ok(Self(Arc::new(Inner {
            config,
            bookings,
            anonymous,
            named,
            resolver,
            book,
            stop,
            changing: tokio::sync::Mutex::default(),
            listen,
            torrents: Mutex::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        })))
    }

    /// Where the sessions listen: anonymous, named.
    pub fn listen_addrs(&self) -> (SocketAddr, SocketAddr) {
        (self.0.listen[0], self.0.listen[1])
    }

    /// Tells the engine under which addresses others see this node, so that it never takes itself for a peer.
    pub fn set_external_ips(&self, ips: Vec<IpAddr>) {
        self.0.book.set_external_ips(ips);
    }

    /// Seeds content that is on disk: `content` is the file, or the folder, that the torrent was made of, under any
    /// name. It is only read, never written, and its content is never fetched from others.
    ///
    /// Returns once the torrent is added; the content is hashed after that, and `progress` tells the result. Adding it
    /// twice changes nothing; adding it with another `named` moves it to the other session.
    ///
    /// # Errors
    /// When the torrent is not acceptable, or a file is missing or of another size.
    pub async fn seed(&self, torrent: &[u8], content: &Path, named: bool) -> Result<(), AddError> {
        self.0.seed(torrent, content, if named { Side::Named } else { Side::Anonymous }).await
    }

    /// Downloads a torrent, continuing from what is on disk, and seeds it afterwards (in the anonymous session).
    ///
    /// With a torrent file, every refusal is returned here. Without one it returns at once and keeps looking for
    /// somebody who has the metadata until it is removed; a refusal of that metadata is then in `progress`.
    /// What is downloaded or seeded already stays as it is, and only learns of the peers.
    ///
    /// # Errors
    /// When the torrent is refused. Nothing was written then.
    pub async fn download(&self, download: Download) -> Result<(), AddError> {
        self.0.download(download).await
    }

    /// Limits how fast torrents are sent and received, in bytes a second, from now on; `None`: no limit. Downloads are in
    /// the anonymous session alone. Where both sessions have something to send each gets half, so that together they
    /// never send more; `is_split` says so.
    ///
    /// A limit must be at least a block, 16 KiB: the library waits for whole blocks.
    pub fn limit(&self, up: Option<NonZeroU32>, down: Option<NonZeroU32>, is_split: bool) {
        let share = up.map(|up| if is_split { NonZeroU32::new(up.get() / 2).unwrap_or(up) } else { up });
        for session in [&self.0.anonymous, &self.0.named] {
            // Setting it anew would grant another second's worth at once.
            if session.ratelimits.get_upload_bps() != share {
                session.ratelimits.set_upload_bps(share);
            }
            if session.ratelimits.get_download_bps() != down {
                session.ratelimits.set_download_bps(down);
            }
        }
    }

    /// Adds peers to ask for a torrent (from a listing, say). Unknown torrents are ignored.
    pub fn hint(&self, infohash: Infohash, peers: &[SocketAddr]) {
        self.0.book.hint(infohash, peers);
    }

    /// How many others were found to have or fetch a torrent; `None` where nobody was asked.
    pub fn others(&self, infohash: Infohash) -> Option<usize> {
        self.0.book.others(infohash)
    }

    /// Looks for others in the swarm of a torrent, where it is time: one that rests asks for none by itself.
    pub async fn look_for_others(&self, infohash: Infohash) {
        self.0.book.look_up(infohash).await;
    }

    /// How far a torrent is; `None` when it is not here.
    pub fn progress(&self, infohash: Infohash) -> Option<Progress> {
        let torrents = self.0.torrents();
        let torrent = torrents.get(&infohash)?;
        let named = torrent.side == Side::Named;
        let Some(running) = torrent.running.clone() else {
            let request = torrent.request.as_ref();
            let state = match (&torrent.failed, torrent.paused) {
                (Some(_), _) => State::Failed,
                (None, true) => State::Paused,
                (None, false) => State::Resolving,
            };
            let found = torrent.resolved.as_ref().map(|meta| meta.name.clone());
            let name = found.or_else(|| request.and_then(|request| request.name.clone()));
            let refused = torrent.failed.clone();
            let error = refused.as_ref().map(ToString::to_string);
            return Some(Progress { named, error, refused, ..Progress::unresolved(state, name) });
        };
        // The library's locks are taken without holding ours.
        drop(torrents);
        let files = running.files.iter().enumerate().filter_map(|(index, path)| Some((index, path.clone()?)));
        let (ledger, only) = (running.ledger.as_deref(), running.only.as_deref());
        let progress = Progress::of(&running.handle, &running.meta, ledger, only, files);
        Some(Progress { named, path: Some(running.path.clone()), ..progress })
    }

    /// All torrents that are here, in the order of their infohashes.
    pub fn torrents(&self) -> Vec<Infohash> {
        self.0.torrents().keys().copied().collect()
    }

    /// The checked metadata of a torrent, once it is here.
    pub fn metainfo(&self, infohash: Infohash) -> Option<Arc<Metainfo>> {
        let torrents = self.0.torrents();
        let torrent = torrents.get(&infohash)?;
        torrent.running.as_ref().map(|running| &running.meta).or(torrent.resolved.as_ref()).cloned()
    }

    /// Whether a torrent is here, and this file of it is among those that are fetched.
    #[must_use]
    pub fn fetches(&self, infohash: Infohash, file: usize) -> bool {
        self.0.running(infohash).is_some_and(|running| running.only.is_none_or(|only| only.contains(&file)))
    }

    /// Streams that are open: each claims the pieces ahead of its position until it is dropped.
    #[must_use]
    pub fn streams_open(&self) -> usize {
        STREAMS_MAX.saturating_sub(self.0.streams.available_permits())
    }

    /// Opens a file of a torrent for playing; pieces around the reading position are fetched first.
    ///
    /// Waits while the content on disk is being checked.
    ///
    /// # Errors
    /// When the metadata is not here yet, there is no such file, or too many streams are open.
    pub async fn stream(&self, infohash: Infohash, file: usize) -> Result<Box<dyn Stream>, StreamError> {
        let Some(running) = self.0.running(infohash) else {
            return Err(StreamError::NotReady { infohash: hex(infohash) });
        };
        let is_left_out = running.only.as_ref().is_some_and(|only| !only.contains(&file));
        if is_left_out || running.meta.files.get(file).is_none_or(|file| file.padding) {
            return Err(StreamError::NoFile { infohash: hex(infohash), index: file });
        }
        let Ok(permit) = self.0.streams.clone().try_acquire_owned() else {
            return Err(StreamError::TooMany { limit: STREAMS_MAX });
        };
        let opened = running.handle.clone().stream(file).await;
        let opened = opened.map_err(|error| StreamError::Session {
            infohash: hex(infohash),
            index: file,
            reason: format!("{error:#}"),
        })?;
        Ok(Box::new(stream::Limited::new(opened, permit)))
    }

    /// Stops a torrent until [`Engine::resume`].
    ///
    /// # Errors
    /// When it is not here.
    pub async fn pause(&self, infohash: Infohash) -> Result<(), RemoveError> {
        let _changing = self.0.changing.lock().await;
        let Some(running) = self.0.running(infohash) else {
            let mut torrents = self.0.torrents();
            let Some(torrent) = torrents.get_mut(&infohash) else {
                return Err(RemoveError::Unknown { infohash: hex(infohash) });
            };
            torrent.stop.cancel();
            torrent.paused = true;
            return Ok(());
        };
        let refused = |error| RemoveError::Session { infohash: hex(infohash), reason: format!("{error:#}") };
        let stopped = running.handle.is_paused() || self.0.failure(&running).is_some();
        if !stopped {
            self.0.session_of(infohash).pause(&running.handle).await.map_err(refused)?;
        }
        Ok(())
    }

    /// Continues a paused or failed torrent. (A seed whose content did not match is added again with
    /// [`Engine::seed`].)
    ///
    /// # Errors
    /// When it is not here, or refused again.
    pub async fn resume(&self, infohash: Infohash) -> Result<(), RemoveError> {
        let refused = |reason| RemoveError::Session { infohash: hex(infohash), reason };
        let changing = self.0.changing.lock().await;
        let Some(running) = self.0.running(infohash) else {
            let again = {
                let torrents = self.0.torrents();
                let Some(torrent) = torrents.get(&infohash) else {
                    return Err(RemoveError::Unknown { infohash: hex(infohash) });
                };
                torrent.request.clone().filter(|_| torrent.paused || torrent.failed.is_some())
            };
            drop(changing);
            let Some(again) = again else { return Ok(()) };
            return self.0.restart(again).await.map_err(|error| refused(error.to_string()));
        };
        if running.handle.is_paused() || self.0.failure(&running).is_some() {
            let session = self.0.session_of(infohash).clone();
            session.unpause(&running.handle).await.map_err(|error| refused(format!("{error:#}")))?;
        }
        Ok(())
    }

    /// Forgets a torrent; its files stay.
    ///
    /// # Errors
    /// When it is not here.
    pub async fn remove(&self, infohash: Infohash) -> Result<(), RemoveError> {
        let _changing = self.0.changing.lock().await;
        self.0.take_out(infohash, false).await?;
        self.0.drop_parts(infohash);
        Ok(())
    }

    /// Forgets a torrent and deletes its files, if it was a download. Seeded content is never deleted.
    ///
    /// # Errors
    /// When it is not here, or a file cannot be deleted.
    pub async fn remove_and_delete(&self, infohash: Infohash) -> Result<(), RemoveError> {
        let _changing = self.0.changing.lock().await;
        self.0.take_out(infohash, true).await?;
        self.0.drop_parts(infohash);
        Ok(())
    }

    /// Stops everything and forgets all torrents; what is on disk stays. Afterwards nothing can be added any more.
    ///
    /// Takes about a second: that is how long the library gives its tasks.
    pub async fn stop(&self) {
        let _changing = self.0.changing.lock().await;
        self.0.stop.cancel();
        tokio::join!(self.0.anonymous.stop(), self.0.named.stop(), self.0.resolver.stop());
        self.0.torrents().clear();
    }
}

impl Drop for Inner {
    /// The last handle is gone without [`Engine::stop`]: nothing must go on behind the owner's back.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Inner {
    pub(super) fn torrents(&self) -> MutexGuard<'_, BTreeMap<Infohash, Torrent>> {
        self.torrents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn running(&self, infohash: Infohash) -> Option<Running> {
        self.torrents().get(&infohash)?.running.clone()
    }

    pub(super) fn session(&self, side: Side) -> &Arc<Session> {
        match side {
            Side::Anonymous => &self.anonymous,
            Side::Named => &self.named,
        }
    }

    pub(super) fn session_of(&self, infohash: Infohash) -> &Arc<Session> {
        let side = self.torrents().get(&infohash).map_or(Side::Anonymous, |torrent| torrent.side);
        self.session(side)
    }

    /// Where parts of files that nobody asked for are kept, because a piece reaches into them.
    pub(super) fn parts_of(&self, infohash: Infohash) -> PathBuf {
        self.config.state_dir.join("parts").join(hex(infohash))
    }

    /// Deletes those parts.
    pub(super) fn drop_parts(&self, infohash: Infohash) {
        let path = self.parts_of(infohash);
        if let Err(error) = std::fs::remove_dir_all(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            debug!(%error, path = %path.display(), "parts of files are left behind");
        }
    }

    /// What the library stopped a torrent for.
    fn failure(&self, running: &Running) -> Option<String> {
        running.handle.stats().error
    }

    /// Takes a torrent out of the table, the peer book and its session. The caller holds `changing`.
    pub(super) async fn take_out(&self, infohash: Infohash, delete: bool) -> Result<(), RemoveError> {
        let taken = self.torrents().remove(&infohash);
        let Some(torrent) = taken else { return Err(RemoveError::Unknown { infohash: hex(infohash) }) };
        torrent.stop.cancel();
        self.book.forget(infohash);
        let Some(running) = torrent.running else { return Ok(()) };
        // A seed's storage ignores deletion as well; to ask for it would still be wrong.
        let delete = delete && running.ledger.is_some();
        let id = TorrentIdOrHash::Id(running.handle.id());
        self.session(torrent.side)
            .delete(id, delete)
            .await
            .map_err(|error| RemoveError::Session { infohash: hex(infohash), reason: format!("{error:#}") })
    }
}
