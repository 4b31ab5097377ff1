//! How torrents get into a session.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use librqbit::storage::{BoxStorageFactory, StorageFactoryExt};
use librqbit::{AddTorrent, AddTorrentOptions, AddTorrentResponse, ManagedTorrent};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::bookings::Bookings;
use super::engine::{Download, Files, Inner, OnlyFile, Running, Torrent};
use super::errors::AddError;
use super::ledger::Ledger;
use super::metainfo::{Metainfo, TRACKERS_MAX};
use super::peers::{Side, hex};
use super::storage::{CountingFactory, SeedStorage};
use super::{Infohash, care, disk, places, resolve};

impl Inner {
    /// See [`Engine::download`](super::Engine::download).
    pub(super) async fn download(self: &Arc<Self>, mut download: Download) -> Result<(), AddError> {
        download.trackers.truncate(TRACKERS_MAX);
        let _changing = self.changing.lock().await;
        self.refuse_when_stopped()?;
        let infohash = download.infohash;
        let known = {
            let torrents = self.torrents();
            let known = torrents.get(&infohash);
            // What failed, or still lacks the metadata that is here now, begins anew; and what is to be other files than
            // before. A seed has them all.
            known.map(|torrent| {
                let has_metadata = download.torrent.is_some() && torrent.resolved.is_none();
                let is_same = torrent.request.as_ref().is_none_or(|before| before.files == download.files);
                let is_under_way = torrent.running.is_some() || (torrent.failed.is_none() && !has_metadata);
                let meta = torrent.running.as_ref().map(|running| &running.meta).or(torrent.resolved.as_ref());
                (is_under_way && is_same, meta.map(|meta| meta.torrent.clone()), torrent.running.clone())
            })
        };
        match known {
            Some((true, ..)) => {
                self.book.hint(infohash, &download.peers);
                return Ok(());
            }
            Some((false, meta, running)) => {
                self.take_out(infohash, false).await.map_err(refused)?;
                if let (Some(running), Files::Only(only)) = (running, &download.files) {
                    let only = only.clone();
                    let _ = tokio::task::spawn_blocking(move || drop_unwanted(&running, &only)).await;
                }
                download.torrent = download.torrent.or(meta);
            }
            None => {}
        }
        match &download.torrent {
            Some(bytes) => {
                let meta = Metainfo::parse(bytes)?;
                self.begin(meta, download).await
            }
            None => {
                self.start_resolving(download);
                Ok(())
            }
        }
    }

    /// Begins anew what was paused or failed before a session had it.
    pub(super) async fn restart(self: &Arc<Self>, download: Download) -> Result<(), AddError> {
        {
            let _changing = self.changing.lock().await;
            self.take_out(download.infohash, false).await.map_err(refused)?;
        }
        self.download(download).await
    }

    fn start_resolving(self: &Arc<Self>, download: Download) {
        let infohash = download.infohash;
        let stop = self.stop.child_token();
        self.book.track(infohash, false, false);
        self.book.hint(infohash, &download.peers);
        let torrent = Torrent {
            side: Side::Anonymous,
            request: Some(download.clone()),
            resolved: None,
            running: None,
            paused: false,
            failed: None,
            stop: stop.clone(),
        };
        self.torrents().insert(infohash, torrent);
        let inner = Arc::downgrade(self);
        let (session, book) = (self.resolver.clone(), self.book.clone());
        let (trackers, interval) = (self.allowed(&download.trackers), self.config.tracker_interval);
        tokio::spawn(async move {
            let found = tokio::select! {
                found = resolve::resolve(&session, infohash, &trackers, &book, interval) => found,
                () = stop.cancelled() => return,
            };
            if let Some(inner) = inner.upgrade() {
                inner.resolved(download, found, &stop).await;
            }
        });
    }

    /// Goes on with the metadata that was found, unless the torrent was removed or paused meanwhile.
    async fn resolved(self: Arc<Self>, download: Download, found: Result<Vec<u8>, AddError>, stop: &CancellationToken) {
        let _changing = self.changing.lock().await;
        if stop.is_cancelled() {
            return;
        }
        let infohash = download.infohash;
        let started = match found.and_then(|bytes| Ok(Metainfo::parse(&bytes)?)) {
            Ok(meta) => self.begin(meta, download).await,
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = started {
            info!(infohash = %hex(infohash), error = %refusal, "a torrent was refused");
            self.book.forget(infohash);
            if let Some(torrent) = self.torrents().get_mut(&infohash) {
                torrent.failed = Some(refusal);
            }
        }
    }

    /// Goes on with metadata: downloads, or waits to be told which files.
    async fn begin(self: &Arc<Self>, meta: Metainfo, download: Download) -> Result<(), AddError> {
        if download.files != Files::Later {
            return self.start_download(meta, download).await;
        }
        check_identity(&meta, download.infohash, download.info_sha256)?;
        let (infohash, stop) = (meta.infohash, self.stop.child_token());
        self.book.track(infohash, meta.private, false);
        self.book.hint(infohash, &download.peers);
        let torrent = Torrent {
            side: Side::Anonymous,
            request: Some(download),
            resolved: Some(Arc::new(meta)),
            running: None,
            paused: false,
            failed: None,
            stop,
        };
        if let Some(before) = self.torrents().insert(infohash, torrent) {
            before.stop.cancel();
        }
        Ok(())
    }

    /// Checks a torrent and gives it to the anonymous session. The caller holds `changing`.
    async fn start_download(self: &Arc<Self>, meta: Metainfo, download: Download) -> Result<(), AddError> {
        check_identity(&meta, download.infohash, download.info_sha256)?;
        if let Some(only) = &download.only {
            check_only(&meta, only)?;
        }
        let only = check_files(&meta, &download.files)?;
        let meta = Arc::new(meta);
        let wanted = download.to.clone().unwrap_or_else(|| self.config.downloads.clone());
        let to = {
            let (meta, state, claimed) = (meta.clone(), self.config.state_dir.clone(), self.claimed_but(meta.infohash));
            let only = only.clone();
            blocking(&wanted.clone(), move || {
                let to = places::choose(&state, &meta, &wanted, &claimed)?;
                disk::check_target(&meta, only.as_deref(), &to)?;
                Ok(to)
            })
            .await?
        };
        let infohash = meta.infohash;
        let path = to.join(&meta.place);
        let folder = if meta.single_file { to } else { path.clone() };
        let files =
            meta.files.iter().map(|file| (!file.padding).then(|| folder.join(file.place.iter().collect::<PathBuf>())));
        let files: Arc<[Option<PathBuf>]> = files.collect();
        // Bookings that nobody takes: the account of its own that tells when it is finished is needed all the same.
        let bookings = if download.only.is_some() { Arc::<Bookings>::default() } else { self.bookings.clone() };
        let ledger = Arc::new(Ledger::new(infohash, meta.total_bytes, meta.piece_bytes, bookings));
        if only.is_none() {
            self.drop_parts(infohash);
        }
        let factory = CountingFactory {
            infohash,
            only: only.clone(),
            parts: self.parts_of(infohash),
            ledger: ledger.clone(),
            session: Arc::downgrade(&self.anonymous),
            folder: folder.clone(),
            files: meta.files.iter().map(|file| file.place.iter().collect()).collect(),
            owns_folder: !meta.single_file,
        };
        let trackers = self.allowed(download.trackers.iter().chain(&meta.trackers));
        self.book.track(infohash, meta.private, false);
        self.book.hint(infohash, &download.peers);
        let options = AddTorrentOptions {
            // What may be overwritten was settled by the check above.
            overwrite: true,
            only_files: only.as_ref().map(|only| only.iter().copied().collect()),
            initial_peers: Some(self.book.known(infohash)),
            // The library asks only the first tracker of a private torrent if there are several.
            trackers: Some(if meta.private { trackers.into_iter().take(1).collect() } else { trackers }),
            ..AddTorrentOptions::default()
        };
        let added = self.add(Side::Anonymous, &meta, folder, factory.boxed(), options).await;
        let handle = match added {
            Ok(handle) => handle,
            Err(refusal) => {
                self.book.forget(infohash);
                return Err(refusal);
            }
        };
        let running = Running { handle, meta, ledger: Some(ledger), path, files, only };
        let stop = self.insert(infohash, Side::Anonymous, Some(download), running);
        tokio::spawn(care::look_after(Arc::downgrade(self), infohash, stop, self.config.tracker_interval));
        Ok(())
    }

    /// Files and folders of every other torrent.
    fn claimed_but(&self, infohash: Infohash) -> BTreeSet<PathBuf> {
        let torrents = self.torrents();
        let others = torrents.iter().filter(|(other, _)| **other != infohash);
        others.filter_map(|(_, torrent)| Some(torrent.running.as_ref()?.path.clone())).collect()
    }

    /// See [`Engine::seed`](super::Engine::seed).
    pub(super) async fn seed(self: &Arc<Self>, torrent: &[u8], content: &Path, side: Side) -> Result<(), AddError> {
        let meta = Arc::new(Metainfo::parse(torrent)?);
        let infohash = meta.infohash;
        let _changing = self.changing.lock().await;
        self.refuse_when_stopped()?;
        let known = self.torrents().get(&infohash).map(|torrent| (torrent.side, torrent.running.clone()));
        if let Some((known_side, Some(running))) = &known {
            if *known_side == side {
                return Ok(());
            }
            if running.ledger.is_some() && !running.handle.stats().finished {
                return Err(AddError::Unfinished { infohash: hex(infohash) });
            }
        }
        let files = {
            let (meta, content) = (meta.clone(), content.to_owned());
            blocking(&content.clone(), move || disk::find_content(&meta, &content)).await?
        };
        if known.is_some() {
            self.take_out(infohash, false).await.map_err(refused)?;
        }
        self.book.track(infohash, meta.private, true);
        let files: Arc<[Option<PathBuf>]> = files.into();
        let storage = SeedStorage { files: files.clone() };
        // No file is selected, so that nothing is ever fetched into the owner's content.
        let options = AddTorrentOptions { only_files: Some(vec![]), ..AddTorrentOptions::default() };
        let added = self.add(side, &meta, content.to_owned(), storage.boxed(), options).await;
        let handle = match added {
            Ok(handle) => handle,
            Err(refusal) => {
                self.book.forget(infohash);
                return Err(refusal);
            }
        };
        let running =
            Running { handle: handle.clone(), meta, ledger: None, path: content.to_owned(), files, only: None };
        let stop = self.insert(infohash, side, None, running);
        tokio::spawn(care::check_seed(Arc::downgrade(self), infohash, handle, stop));
        Ok(())
    }

    async fn add(
        &self,
        side: Side,
        meta: &Metainfo,
        folder: PathBuf,
        storage: BoxStorageFactory,
        options: AddTorrentOptions,
    ) -> Result<Arc<ManagedTorrent>, AddError> {
        let Ok(output_folder) = folder.clone().into_os_string().into_string() else {
            return Err(AddError::Disk { path: folder, reason: "the path is not valid Unicode".to_owned() });
        };
        let options =
            AddTorrentOptions { output_folder: Some(output_folder), storage_factory: Some(storage), ..options };
        let torrent = AddTorrent::from_bytes(meta.bare_torrent());
        match self.session(side).add_torrent(torrent, Some(options)).await {
            Ok(AddTorrentResponse::Added(_, handle) | AddTorrentResponse::AlreadyManaged(_, handle)) => Ok(handle),
            Ok(AddTorrentResponse::ListOnly(_)) => Err(AddError::Session { reason: "it was only listed".to_owned() }),
            Err(error) => Err(AddError::Session { reason: format!("{error:#}") }),
        }
    }

    fn insert(&self, infohash: Infohash, side: Side, request: Option<Download>, running: Running) -> CancellationToken {
        let stop = self.stop.child_token();
        let torrent = Torrent {
            side,
            request,
            resolved: None,
            running: Some(running),
            paused: false,
            failed: None,
            stop: stop.clone(),
        };
        // A look-out for metadata that led here has ended by itself.
        self.torrents().insert(infohash, torrent);
        stop
    }

    fn refuse_when_stopped(&self) -> Result<(), AddError> {
        if self.stop.is_cancelled() { Err(AddError::Stopped) } else { Ok(()) }
    }

    /// Trackers that may be asked: those on the net. A torrent must not make us call services of this machine or of
    /// the home network; only a node that itself listens on loopback asks trackers there.
    fn allowed<'a>(&self, trackers: impl IntoIterator<Item = &'a String>) -> Vec<String> {
        // Through a proxy, that machine's own loopback would be asked.
        let on_loopback = self.config.bt.ip().is_loopback() && self.config.proxy.is_none();
        let mut allowed: Vec<String> = Vec::new();
        for tracker in trackers {
            if allowed.len() < TRACKERS_MAX && !allowed.contains(tracker) && is_tracker(tracker, on_loopback) {
                allowed.push(tracker.clone());
            }
        }
        allowed
    }
}

/// Whether a text is the address of a tracker that we would ask.
fn is_tracker(text: &str, on_loopback: bool) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else { return false };
    if !matches!(url.scheme(), "http" | "https" | "udp") || (url.scheme() == "udp" && url.port().is_none()) {
        return false;
    }
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<std::net::IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(ip) if ip.is_loopback() => on_loopback,
        Ok(std::net::IpAddr::V4(ip)) => !(ip.is_private() || ip.is_link_local() || ip.is_unspecified()),
        Ok(std::net::IpAddr::V6(ip)) => !(ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified()),
        Err(_) => on_loopback || (host.contains('.') && !host.ends_with(".local") && host != "localhost"),
    }
}

/// Deletes the files of a download that were wanted and no longer are. What a seed lies in is its owner's.
fn drop_unwanted(running: &Running, only: &BTreeSet<usize>) {
    let was_wanted = |index: &usize| running.only.as_ref().is_none_or(|only| only.contains(index));
    let folder = if running.meta.single_file { running.path.parent() } else { Some(running.path.as_path()) };
    let (Some(folder), true) = (folder, running.ledger.is_some()) else { return };
    for (index, path) in
        running.files.iter().enumerate().filter(|(index, _)| was_wanted(index) && !only.contains(index))
    {
        let below = path.as_deref().and_then(|path| path.strip_prefix(folder).ok());
        let is_ours = below.is_some_and(|below| disk::refuse_links(folder, below).is_ok());
        if let (Some(path), true) = (path, is_ours)
            && let Err(error) = std::fs::remove_file(path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            info!(index, %error, "a file that is no longer wanted was not deleted");
        }
    }
}

fn check_only(meta: &Metainfo, only: &OnlyFile) -> Result<(), AddError> {
    let differs = |what: String| Err(AddError::NotTheFile { what });
    if let (false, Some((folder, beside))) = (meta.single_file, &only.beside) {
        let paths: BTreeSet<&[String]> = meta.files.iter().map(|file| file.path.as_slice()).collect();
        let wanted = [std::slice::from_ref(&only.name), std::slice::from_ref(beside)];
        let is_plain = meta.files.len() == 2 && meta.files.iter().all(|file| !file.padding);
        if meta.name != *folder || !is_plain || paths != BTreeSet::from(wanted) {
            return differs(format!("its folder {:?} holds something else", meta.name));
        }
    } else if !meta.single_file || meta.files.len() != 1 || meta.files.iter().any(|file| file.padding) {
        return differs(format!("it has {} files or a folder", meta.files.len()));
    } else if meta.name != only.name {
        return differs(format!("its name is {:?}", meta.name));
    }
    if meta.total_bytes > only.bytes_max {
        return differs(format!("it has {} bytes, more than {}", meta.total_bytes, only.bytes_max));
    }
    if meta.private {
        return differs("it may not be looked for in the DHT".to_owned());
    }
    Ok(())
}

/// The files that are wanted; `None`: all of them.
fn check_files(meta: &Metainfo, files: &Files) -> Result<Option<Arc<BTreeSet<usize>>>, AddError> {
    let Files::Only(only) = files else { return Ok(None) };
    let is_missing = |index: &&usize| meta.files.get(**index).is_none_or(|file| file.padding);
    match only.iter().find(is_missing) {
        Some(index) => Err(AddError::NotTheFile { what: format!("it has no file {index}") }),
        None if only.is_empty() => Err(AddError::NotTheFile { what: "no file of it was named".to_owned() }),
        None => Ok(Some(Arc::new(only.clone()))),
    }
}

fn check_identity(meta: &Metainfo, infohash: Infohash, info_sha256: Option<[u8; 32]>) -> Result<(), AddError> {
    if meta.infohash != infohash {
        return Err(AddError::InfohashMismatch { found: hex(meta.infohash), expected: hex(infohash) });
    }
    match info_sha256 {
        Some(signed) if signed != meta.info_sha256 => {
            Err(AddError::InfoMismatch { found: meta.info_sha256, expected: signed })
        }
        _ => Ok(()),
    }
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, AddError> + Send + 'static,
) -> Result<T, AddError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(AddError::Disk { path: path.to_owned(), reason: error.to_string() }))
}

fn refused(error: super::errors::RemoveError) -> AddError {
    AddError::Session { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trackers_at_home_are_not_asked() {
        for tracker in [
            "http://tracker.example/announce",
            "https://t.example:8443/a?b=c",
            "udp://t.example:1337",
            "udp://198.51.100.7:6969/announce",
            "http://[2001:db8::1]:80/announce",
        ] {
            assert!(is_tracker(tracker, false), "{tracker}");
        }
        for tracker in [
            "",
            "not a url",
            "file:///etc/passwd",
            "ftp://t.example/",
            "wss://t.example/",
            "udp://t.example",
            "http://127.0.0.1:7340/api",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://192.168.1.1/admin",
            "http://10.0.0.1/",
            "http://169.254.169.254/latest",
            "http://[fe80::1]/",
            "http://0.0.0.0/",
            "http://localhost/",
            "http://router/",
            "http://printer.local/",
        ] {
            assert!(!is_tracker(tracker, false), "{tracker}");
        }
        assert!(is_tracker("http://127.0.0.1:6969/announce", true), "a node in a test asks one there");
    }
}
