//! Orders to the torrent sessions, and what comes of them: pieces to book, downloads that end.

use super::beginnings::Seen;
use super::{Event, Networks, Publishing, SeedAs};
use crate::home::Home;
use crate::torrent::{self, AddError, CreateError, Engine, Magnet, MagnetError, Metainfo, MetainfoError, State};
use heirloom_core::command::{CommandError, Fault};
use heirloom_core::io::{self, Input, OrderId, TorrentEvent, TorrentOrder};
use heirloom_proto::{Infohash, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc};
use tracing::warn;

/// How often running downloads are looked at: the engine has no word for "finished".
const LOOK_PERIOD: Duration = Duration::from_millis(100);

/// One torrent that was ordered.
#[derive(Clone, Debug)]
struct Watched {
    since: Instant,
    /// The engine has taken the order: before that, what it says is of an earlier one.
    is_taken: bool,
    /// How long it took, once it is done and its end was told to the core.
    took: Option<Duration>,
    /// Its metadata is on disk.
    is_saved: bool,
    /// The core knows what is in it.
    is_told: bool,
    /// It is fetched, not only seeded.
    is_fetch: bool,
    /// Its owner published it.
    is_published: bool,
    /// What was seen of its videos; `None` where nobody looks: it is seeded, or wanted whatever is in it.
    seen: Option<Seen>,
    failed: Option<CommandError>,
}

impl Watched {
    /// Whether its end is still to come.
    fn is_running(&self) -> bool {
        self.is_taken && self.took.is_none() && self.failed.is_none()
    }
}

/// The torrents of this node. Clones are handles.
#[derive(Clone)]
pub struct Downloads {
    pub(super) engine: Option<Engine>,
    bookings: Arc<torrent::Bookings>,
    pub(super) home: Home,
    events: mpsc::Sender<Event>,
    watched: Arc<Mutex<BTreeMap<Infohash, Watched>>>,
    changed: Arc<Notify>,
    seed_as: SeedAs,
    publishing: Publishing,
    /// Nothing is begun.
    networks_left: Arc<AtomicBool>,
    pub(super) sharing: Arc<super::sharing::State>,
}

impl Downloads {
    pub(super) fn start(networks: Networks, home: Home, events: mpsc::Sender<Event>) -> Self {
        let networks_left = networks.left();
        let Networks { engine, bookings, seed_as, .. } = networks;
        let (watched, changed) = (Arc::default(), Arc::new(Notify::new()));
        let sharing = Arc::new(super::sharing::State::read(&home));
        let publishing = Publishing::default();
        let downloads =
            Self { engine, bookings, home, events, watched, changed, seed_as, publishing, networks_left, sharing };
        if downloads.engine.is_some() {
            tokio::spawn(downloads.clone().watch());
            tokio::spawn(downloads.clone().share());
        }
        downloads
    }

    fn watched(&self) -> MutexGuard<'_, BTreeMap<Infohash, Watched>> {
        // A panic while it was held cannot leave it half changed: every change is one insert.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn tell(&self, event: TorrentEvent) {
        // The core is gone only when the process ends.
        let _ = self.events.send(Event::Input(Input::Torrent(event))).await;
    }

    /// Books pieces as they come, and tells the core of downloads that ended.
    async fn watch(self) {
        loop {
            let is_running = self.watched().values().any(Watched::is_running);
            if is_running {
                let _ = tokio::time::timeout(LOOK_PERIOD, self.bookings.notified()).await;
            } else {
                tokio::select! {
                    () = self.bookings.notified() => {}
                    () = self.changed.notified() => {}
                }
            }
            self.book().await;
            let running: Vec<Infohash> =
                self.watched().iter().filter(|(_, watched)| watched.is_running()).map(|(hash, _)| *hash).collect();
            for infohash in running {
                self.look_at(infohash).await;
            }
        }
    }

    async fn book(&self) {
        for booking in self.bookings.drain() {
            let shares = booking
                .shares
                .into_iter()
                .map(|share| io::Share { address: share.address, wire_name: share.client_name, bytes: share.bytes })
                .collect();
            let infohash = Infohash(booking.infohash);
            self.tell(TorrentEvent::Received { infohash, piece: booking.piece, shares }).await;
        }
    }

    async fn look_at(&self, infohash: Infohash) {
        let Some(engine) = &self.engine else { return };
        let Some(progress) = engine.progress(infohash.0) else { return };
        let is_saved = self.watched().get(&infohash).is_some_and(|w| w.is_saved);
        if !is_saved && let Some(metainfo) = engine.metainfo(infohash.0) {
            self.save(infohash, &metainfo.torrent).await;
            self.change(infohash, |watched| watched.is_saved = true);
        }
        let is_told = self.watched().get(&infohash).is_some_and(|w| w.is_told);
        if !is_told && let Some(metainfo) = engine.metainfo(infohash.0) {
            self.change(infohash, |watched| watched.is_told = true);
            self.tell(TorrentEvent::Metadata { infohash, files: from_metainfo(&metainfo).files }).await;
        }
        if progress.state == State::Failed {
            if let Some(refused) = &progress.refused {
                return self.refused(infohash, refused).await;
            }
            let message = progress.error.unwrap_or_else(|| "the download failed".to_owned());
            self.fail(infohash, CommandError::new(Fault::Failed, "download_failed", message)).await;
        } else if self.are_as_named(infohash, &progress).await && progress.finished {
            // Every booking is there before `finished` is: take them first, so that the core has them first too.
            self.book().await;
            let is_whole = progress.files.iter().all(|file| file.is_wanted);
            let content = progress.path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
            self.tell(TorrentEvent::Finished { infohash, content: content.clone() }).await;
            self.change(infohash, |watched| watched.took = Some(watched.since.elapsed()));
            let is_fetch = self.watched().get(&infohash).is_some_and(|w| w.is_fetch);
            if is_fetch && is_whole && self.seed_as == SeedAs::Always {
                self.seed(engine, infohash, &content, true).await;
            }
        }
    }

    fn change(&self, infohash: Infohash, change: impl FnOnce(&mut Watched)) {
        if let Some(watched) = self.watched().get_mut(&infohash) {
            change(watched);
        }
    }

    /// What was seen of the videos of a download that is to be looked at.
    pub(super) fn seen(&self, infohash: Infohash) -> Option<Seen> {
        self.watched().get(&infohash)?.seen.clone()
    }

    pub(super) fn note_seen(&self, infohash: Infohash, seen: Seen) {
        // Meanwhile it may have been ordered anew, whatever is in it.
        self.change(infohash, |watched| watched.seen = watched.seen.is_some().then_some(seen));
    }

    /// The path of a file in a torrent, as the core was told it.
    pub(super) fn path_in(&self, infohash: Infohash, file: usize) -> String {
        let metainfo = self.engine.as_ref().and_then(|engine| engine.metainfo(infohash.0));
        let files = metainfo.map(|metainfo| from_metainfo(&metainfo).files).unwrap_or_default();
        files.into_iter().nth(file).map(|(path, _)| path).unwrap_or_default()
    }

    /// The engine refused a torrent.
    async fn refused(&self, infohash: Infohash, error: &AddError) {
        if let AddError::InfoMismatch { found, .. } = error {
            self.tell(TorrentEvent::OtherInfo { infohash, found: Sha256(*found) }).await;
        }
        self.fail(infohash, add_error(error)).await;
    }

    async fn fail(&self, infohash: Infohash, error: CommandError) {
        let is_fetch = self.watched().get(&infohash).is_some_and(|w| w.is_fetch);
        self.change(infohash, |watched| watched.failed = Some(error.clone()));
        if is_fetch {
            self.tell(TorrentEvent::Failed { infohash, error }).await;
        } else {
            // What the owner published is not forgotten because its disk is away today.
            warn!(%infohash, "not seeded: {error}");
        }
    }

    fn torrent_file(&self, infohash: &Infohash) -> PathBuf {
        self.home.torrents().join(format!("{infohash}.torrent"))
    }

    async fn save(&self, infohash: Infohash, torrent: &[u8]) {
        let path = self.torrent_file(&infohash);
        let beside = path.with_extension("new");
        let write = async {
            tokio::fs::write(&beside, torrent).await?;
            tokio::fs::rename(&beside, &path).await
        };
        if let Err(error) = write.await {
            warn!(%infohash, %error, "torrent file not kept: after a restart its metadata must come from peers again");
        }
    }

    /// Carries an order out, in a task of its own.
    pub(super) fn order(&self, order: TorrentOrder) {
        let Some(engine) = self.engine.clone() else { return };
        let downloads = self.clone();
        // At once: whoever asks after this order must not be told what came of an earlier one.
        match &order {
            TorrentOrder::Seed { infohash, named, .. } => self.begin(*infohash, None, *named),
            TorrentOrder::Fetch { infohash, anyway, .. } => self.begin(*infohash, Some(*anyway), false),
            _ => {}
        }
        // The core remembers them, and says them again when the node starts.
        let waits = matches!(order, TorrentOrder::Seed { .. } | TorrentOrder::Fetch { .. });
        if waits && self.networks_left.load(Ordering::SeqCst) {
            return;
        }
        tokio::spawn(async move {
            match order {
                TorrentOrder::Prepare { order, source, trackers, web_seeds } => {
                    downloads.prepare(order, source, &trackers, &web_seeds).await;
                }
                TorrentOrder::Seed { infohash, content, named } => {
                    downloads.seed(&engine, infohash, &content, named).await;
                }
                TorrentOrder::Fetch { infohash, info_sha256, trackers, to, files, anyway: _ } => {
                    let torrent = tokio::fs::read(downloads.torrent_file(&infohash)).await.ok();
                    let download = torrent::Download {
                        infohash: infohash.0,
                        torrent,
                        info_sha256: info_sha256.map(|digest| digest.0),
                        name: None,
                        trackers,
                        to: to.map(PathBuf::from),
                        peers: Vec::new(),
                        only: None,
                        files: to_files(files),
                    };
                    downloads.taken(infohash, engine.download(download).await).await;
                }
                TorrentOrder::Refuse { infohash, error } => {
                    downloads.change(infohash, |watched| watched.failed = Some(error));
                    if let Err(error) = engine.remove(infohash.0).await {
                        warn!(%infohash, %error, "torrent not stopped");
                    }
                }
                TorrentOrder::Stop { infohash } => {
                    downloads.watched().remove(&infohash);
                    if let Err(error) = engine.remove(infohash.0).await {
                        warn!(%infohash, %error, "torrent not stopped");
                    }
                }
                TorrentOrder::Delete { infohash } => {
                    downloads.watched().remove(&infohash);
                    if let Err(error) = engine.remove_and_delete(infohash.0).await {
                        warn!(%infohash, %error, "what was fetched is not deleted");
                    }
                }
            }
        });
    }

    /// `fetch`: whether it is wanted whatever is in it; `None` where it is only seeded.
    fn begin(&self, infohash: Infohash, fetch: Option<bool>, is_published: bool) {
        // Which of its files are wanted is told later, and is no other download.
        let under_way =
            self.watched().get(&infohash).filter(|old| old.is_fetch && old.is_running()).map(|old| old.since);
        let since = under_way.unwrap_or_else(Instant::now);
        let (is_taken, took, is_saved, is_told, failed) = (false, None, false, false, None);
        let (is_fetch, seen) = (fetch.is_some(), (fetch == Some(false)).then(Seen::default));
        let watched = Watched { since, is_taken, took, is_saved, is_told, is_fetch, is_published, seen, failed };
        self.watched().insert(infohash, watched);
    }

    /// The engine has the torrent, or refused it.
    async fn taken(&self, infohash: Infohash, result: Result<(), AddError>) {
        match result {
            Ok(()) => {
                self.change(infohash, |watched| watched.is_taken = true);
                self.changed.notify_one();
            }
            Err(error) => self.refused(infohash, &error).await,
        }
    }

    async fn seed(&self, engine: &Engine, infohash: Infohash, content: &str, named: bool) {
        let path = self.torrent_file(&infohash);
        let torrent = match tokio::fs::read(&path).await {
            Ok(torrent) => torrent,
            Err(error) => {
                let message = format!("{} is missing ({error}): publish the file again to seed it", path.display());
                return self.fail(infohash, CommandError::new(Fault::Failed, "io", message)).await;
            }
        };
        self.change(infohash, |watched| watched.is_saved = true);
        let named = self.seed_as.is_named(named);
        self.taken(infohash, engine.seed(&torrent, Path::new(content), named).await).await;
    }

    /// Makes a torrent of a path, or reads a torrent file or magnet link.
    async fn prepare(&self, order: OrderId, source: String, trackers: &[String], web_seeds: &[String]) {
        let event = match self.read_source(order, &source, trackers, web_seeds).await {
            Ok((metainfo, content)) => TorrentEvent::Prepared { order, metainfo, content },
            Err(error) => TorrentEvent::NotPrepared { order, error },
        };
        self.tell(event).await;
    }

    async fn read_source(
        &self,
        order: OrderId,
        source: &str,
        trackers: &[String],
        web_seeds: &[String],
    ) -> Result<(io::Metainfo, Option<String>), CommandError> {
        if source.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("magnet:")) {
            let magnet = Magnet::parse(source).map_err(|error: MagnetError| {
                CommandError::bad_input("bad_magnet", format!("{error}: copy the whole link"))
            })?;
            return Ok(self.known(magnet).await);
        }
        let path = PathBuf::from(source);
        let is_torrent = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("torrent"));
        if is_torrent && path.is_file() {
            let bytes = tokio::fs::read(&path).await.map_err(|error| cannot_read(&path, &error))?;
            let metainfo = Metainfo::parse(&bytes).map_err(|error: MetainfoError| {
                CommandError::bad_input("bad_torrent", format!("{}: {error}", path.display()))
            })?;
            if metainfo.private {
                let message = format!(
                    "{} is private: only its own tracker may name its peers, so nobody who finds the listing could fetch it",
                    path.display()
                );
                return Err(CommandError::new(Fault::Refused, "private_torrent", message));
            }
            // The content beside its torrent file is what people keep; without it the listing stands, unseeded.
            let beside = path.parent().map(|folder| folder.join(&metainfo.name)).filter(|content| content.exists());
            self.save(Infohash(metainfo.infohash), &bytes).await;
            return Ok((from_metainfo(&metainfo), beside.map(|content| content.to_string_lossy().into_owned())));
        }
        if !path.exists() {
            let message =
                format!("{} does not exist: name a file, a folder, a .torrent file or a magnet link", path.display());
            return Err(CommandError::bad_input("no_such_file", message));
        }
        let key = self.key()?;
        let row = self.publishing.begin(order.0, source)?;
        let made = torrent::create_watched(&path, Some(&key), &row.making).await;
        drop(row);
        let metainfo = made.map_err(|error| match error {
            CreateError::Cancelled => CommandError::new(Fault::Failed, "cancelled", error.to_string()),
            error => CommandError::bad_input("cannot_share", error.to_string()),
        })?;
        let metainfo = if trackers.is_empty() && web_seeds.is_empty() {
            metainfo
        } else {
            let named = metainfo.naming(trackers, web_seeds);
            named.map_err(|error| CommandError::bad_input("cannot_share", error.to_string()))?
        };
        self.save(Infohash(metainfo.infohash), &metainfo.torrent).await;
        Ok((from_metainfo(&metainfo), Some(source.to_owned())))
    }

    /// What is known of a magnet link: its metadata, where a torrent of it was here before.
    async fn known(&self, magnet: Magnet) -> (io::Metainfo, Option<String>) {
        let infohash = Infohash(magnet.infohash);
        let kept = tokio::fs::read(self.torrent_file(&infohash)).await.ok();
        let Some(kept) = kept.and_then(|bytes| Metainfo::parse(&bytes).ok()) else {
            return (from_magnet(magnet), None);
        };
        let mut metainfo = from_metainfo(&kept);
        metainfo.trackers.splice(0..0, magnet.trackers);
        metainfo.web_seeds.splice(0..0, magnet.web_seeds);
        let progress = self.engine.as_ref().and_then(|engine| engine.progress(infohash.0));
        let content = progress.filter(|progress| progress.finished).and_then(|progress| progress.path);
        (metainfo, content.map(|path| path.to_string_lossy().into_owned()))
    }

    fn key(&self) -> Result<String, CommandError> {
        Ok(self.home.identity()?.secret.public().to_string())
    }

    /// What is read and hashed now, to be published.
    #[must_use]
    pub fn publishing(&self) -> &Publishing {
        &self.publishing
    }

    /// Whether a torrent that was complete has lost its files; then the engine and the core forget it, and it can be
    /// fetched again.
    pub async fn forget_if_lost(&self, infohash: Infohash) -> bool {
        let Some(watched) = self.watched().get(&infohash).cloned() else { return false };
        let files = self.engine.as_ref().and_then(|engine| engine.progress(infohash.0)).map(|progress| progress.files);
        let is_short = |file: &torrent::FileProgress| {
            file.is_wanted && std::fs::metadata(&file.path).map_or(true, |data| data.len() != file.size)
        };
        let is_gone = watched.took.is_some() && files.is_some_and(|files| files.iter().any(is_short));
        let is_unseedable = watched.failed.is_some() && !watched.is_fetch;
        if !is_gone && !is_unseedable {
            return false;
        }
        if let Some(engine) = &self.engine {
            // It may never have come as far as the engine.
            let _ = engine.remove(infohash.0).await;
        }
        self.watched().remove(&infohash);
        let message = "its files were removed or changed: it is fetched again";
        let error = CommandError::new(Fault::Failed, "content_lost", message);
        self.tell(TorrentEvent::Failed { infohash, error }).await;
        true
    }

    /// What is complete and seeded, or rests: whether it was only ever seeded here (its owner had it), and the engine's
    /// count of what was sent since it was last started.
    pub(super) fn complete(&self) -> Vec<(Infohash, bool, torrent::Progress)> {
        let Some(engine) = &self.engine else { return Vec::new() };
        let done: Vec<(Infohash, bool)> = {
            let watched = self.watched();
            let done = watched.iter().filter(|(_, one)| one.took.is_some() && one.failed.is_none());
            done.map(|(infohash, one)| (*infohash, one.is_published)).collect()
        };
        let with_progress =
            |(infohash, is_published): (Infohash, bool)| Some((infohash, is_published, engine.progress(infohash.0)?));
        done.into_iter().filter_map(with_progress).collect()
    }

    /// Every torrent that was ordered since the start, and how far it is.
    #[must_use]
    pub fn all(&self) -> Vec<(Infohash, Result<Download, CommandError>)> {
        let known: Vec<Infohash> = self.watched().keys().copied().collect();
        known.into_iter().map(|infohash| (infohash, self.state_of(infohash))).collect()
    }

    /// Whether what was begun of it has failed.
    pub(crate) fn has_failed(&self, infohash: Infohash) -> bool {
        self.watched().get(&infohash).is_some_and(|watched| watched.failed.is_some())
    }

    /// How far a download is. Once it is done, the core has booked all of it.
    ///
    /// # Errors
    /// Why it failed, or that there is no such download.
    pub fn state_of(&self, infohash: Infohash) -> Result<Download, CommandError> {
        let watched = self.watched().get(&infohash).cloned().ok_or_else(|| {
            CommandError::not_found("unknown_download", format!("{infohash} is not being downloaded here"))
        })?;
        if let Some(error) = watched.failed {
            return Err(error);
        }
        let progress = self.engine.as_ref().and_then(|engine| engine.progress(infohash.0));
        let Some(progress) = progress else {
            return Ok(Download { infohash, state: "starting", ..Download::default() });
        };
        Ok(Download {
            infohash,
            name: progress.name,
            state: match progress.state {
                State::Resolving => "resolving",
                State::Checking => "checking",
                State::Downloading => "downloading",
                State::Seeding => "seeding",
                State::Paused if self.sharing.rests(infohash) => "resting",
                State::Paused => "paused",
                State::Failed => "failed",
            },
            took: watched.took,
            // A finished one that is checked anew is still finished.
            bytes: if watched.took.is_some() { progress.total } else { progress.bytes },
            total: progress.total,
            peers: progress.peers,
            down_rate: progress.down_rate,
            up_rate: progress.up_rate,
            is_published: watched.is_published,
            uploaded: self.sharing.given(infohash, progress.uploaded),
            renamed: progress.renamed,
            files: progress
                .files
                .into_iter()
                .filter(|file| file.is_wanted)
                .map(|file| (file.index, file.path, file.size, file.bytes))
                .collect(),
            path: progress.path,
        })
    }
}

fn to_files(files: io::Files) -> torrent::Files {
    match files {
        io::Files::All => torrent::Files::All,
        io::Files::Later => torrent::Files::Later,
        io::Files::Only(indices) => {
            torrent::Files::Only(indices.into_iter().filter_map(|index| usize::try_from(index).ok()).collect())
        }
    }
}

/// How far a download is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Which torrent.
    pub infohash: Infohash,
    /// Its name, once known.
    pub name: Option<String>,
    /// In a word.
    pub state: &'static str,
    /// How long it took, once it is done and booked.
    pub took: Option<Duration>,
    /// Bytes here and checked.
    pub bytes: u64,
    /// Size in bytes; 0 until the metadata is here.
    pub total: u64,
    /// Peers connected.
    pub peers: usize,
    /// Bytes per second coming in.
    pub down_rate: u64,
    /// Bytes per second going out.
    pub up_rate: u64,
    /// Bytes of it given to others, in all.
    pub uploaded: u64,
    /// Files whose names on disk are not those in the torrent, since those are not safe on every system.
    pub renamed: usize,
    /// Its owner published it.
    pub is_published: bool,
    /// Where it lies, once known.
    pub path: Option<PathBuf>,
    /// The files that are downloaded, once known: index, path, size and bytes here.
    pub files: Vec<(usize, PathBuf, u64, u64)>,
}

impl Default for Download {
    fn default() -> Self {
        Self {
            infohash: Infohash([0; 20]),
            name: None,
            state: "starting",
            took: None,
            bytes: 0,
            total: 0,
            peers: 0,
            down_rate: 0,
            up_rate: 0,
            uploaded: 0,
            renamed: 0,
            is_published: false,
            path: None,
            files: Vec::new(),
        }
    }
}

fn cannot_read(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::bad_input("unreadable", format!("cannot read {}: {error}", path.display()))
}

fn add_error(error: &AddError) -> CommandError {
    let (fault, code) = match error {
        AddError::UnsafePath(_) => (Fault::Refused, "unsafe_path"),
        AddError::InfoMismatch { .. } => (Fault::Refused, "info_mismatch"),
        AddError::DiskFull { .. } => (Fault::Failed, "disk_full"),
        AddError::Metainfo(_) => (Fault::BadInput, "bad_torrent"),
        _ => (Fault::Failed, "download_failed"),
    };
    CommandError::new(fault, code, error.to_string())
}

/// What the core is told of a torrent. Names are told as statements may hold them: in NFC, and not too long.
#[must_use]
pub fn from_metainfo(metainfo: &Metainfo) -> io::Metainfo {
    let path =
        |file: &torrent::File| if file.padding { String::new() } else { tidy(&file.path.join("/"), PATH_BYTES_MAX) };
    let files = metainfo.files.iter().map(|file| (path(file), file.bytes));
    io::Metainfo {
        infohash: Infohash(metainfo.infohash),
        info_sha256: Some(Sha256(metainfo.info_sha256)),
        name: tidy(&metainfo.name, NAME_BYTES_MAX),
        size: metainfo.files.iter().filter(|file| !file.padding).map(|file| file.bytes).sum(),
        files: files.collect(),
        trackers: metainfo.trackers.clone(),
        web_seeds: metainfo.web_seeds.clone(),
    }
}

/// Longest name of a release and longest path in it in bytes, as the wire has them.
const NAME_BYTES_MAX: usize = 300;
const PATH_BYTES_MAX: usize = 1024;

/// Text in NFC without what turns or hides it, cut to so many bytes: names of torrents are anybody's.
fn tidy(text: &str, bytes_max: usize) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    let is_hidden = |c: char| {
        c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    let mut clean: String = text.chars().filter(|c| !is_hidden(*c)).nfc().collect();
    let mut end = clean.len().min(bytes_max);
    while !clean.is_char_boundary(end) {
        end -= 1;
    }
    clean.truncate(end);
    clean
}

fn from_magnet(magnet: Magnet) -> io::Metainfo {
    let infohash = Infohash(magnet.infohash);
    io::Metainfo {
        infohash,
        info_sha256: None,
        name: magnet
            .name
            .map(|name| tidy(name.trim(), NAME_BYTES_MAX))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| infohash.to_string()),
        size: 0,
        files: Vec::new(),
        trackers: magnet.trackers,
        web_seeds: magnet.web_seeds,
    }
}
