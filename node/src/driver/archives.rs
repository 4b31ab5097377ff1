//! Orders about archives: files written, fetched, read and seeded, a part at a time.
//!
//! Each archive has a folder of its own, named after its infohash, with its file (or the folder in which that lies beside its
//! pictures) and its torrent. A file that is being written lies in a folder that is renamed when it is whole, so a crash leaves
//! nothing that looks like an archive.

mod pictures;

use super::artwork::Artwork;
use super::{Event, Networks, SeedAs};
use crate::home::Home;
use crate::torrent::{self, AddError, Engine, OnlyFile, RESERVE_BYTES, State};
use heirloom_core::archives::PART_BYTES_MAX;
use heirloom_core::io::{ArchiveEvent, ArchiveFault, ArchiveOrder, Input, OrderId};
use heirloom_proto::archive::{ARCHIVE_BYTES_MAX, PICTURES_MAX, file_name, folder_name, pictures_name};
use heirloom_proto::statement_file::{FileError, MAGIC, Reader, end, record};
use heirloom_proto::{Infohash, Key, Sha256};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

/// How often a fetch is looked at: the engine has no word for "finished".
const LOOK_PERIOD: Duration = Duration::from_millis(200);
/// Bytes read at once.
const PIECE_BYTES: usize = 64 << 10;
/// The torrent of an archive, beside its file.
const TORRENT_FILE: &str = "archive.torrent";
/// What the folder of a file begins with that is being written.
const UNFINISHED: &str = "new-";

/// What the task of an order is told.
enum Step {
    /// More of a file, and whether that is all.
    Append(Vec<Vec<u8>>, bool),
    /// The next part is wanted.
    Read,
}

/// Tasks under way, by order. One is cancelled when its sender goes.
type Tasks = BTreeMap<OrderId, (Option<Infohash>, mpsc::Sender<Step>)>;

/// The archives of this node. Clones are handles.
#[derive(Clone)]
pub(super) struct Archives {
    engine: Option<Engine>,
    home: Home,
    events: mpsc::Sender<Event>,
    seed_as: SeedAs,
    artwork: Artwork,
    tasks: Arc<Mutex<Tasks>>,
    /// Held while one is seeded or dropped, so that these two never meet halfway.
    changing: Arc<tokio::sync::Mutex<()>>,
}

impl Archives {
    pub(super) fn new(networks: &Networks, home: &Home, events: mpsc::Sender<Event>, artwork: Artwork) -> Self {
        let (engine, seed_as) = (networks.engine.clone(), networks.seed_as);
        Self { engine, home: home.clone(), events, seed_as, artwork, tasks: Arc::default(), changing: Arc::default() }
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        // A panic while it was held cannot leave it half changed: every change is one insert.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folder(&self, infohash: &Infohash) -> PathBuf {
        self.home.archives().join(infohash.to_string())
    }

    async fn tell(&self, event: ArchiveEvent) {
        // The core is gone only when the process ends.
        let _ = self.events.send(Event::Input(Input::Archive(event))).await;
    }

    /// Carries an order out, in a task of its own unless it is a step of one.
    pub(super) fn order(&self, order: ArchiveOrder) {
        let Some(engine) = self.engine.clone() else { return };
        match order {
            // At once, before anything new is written there.
            ArchiveOrder::Tidy { keep } => {
                if let Err(error) = tidy(&self.home.archives(), &keep) {
                    warn!(%error, "old archives not deleted: they take room until the next start");
                }
            }
            ArchiveOrder::Write { order, author } => {
                let steps = self.begin(order, None);
                let archives = self.clone();
                tokio::spawn(async move {
                    let event = match archives.write(order, author, steps).await {
                        Ok(event) => event,
                        Err(error) => {
                            warn!(%error, "archive not written: followers get the log by sync");
                            ArchiveEvent::NotWritten { order }
                        }
                    };
                    archives.tasks().remove(&order);
                    archives.tell(event).await;
                });
            }
            ArchiveOrder::Append { order, envelopes, is_end } => self.step(order, Step::Append(envelopes, is_end)),
            ArchiveOrder::Fetch { order, author, infohash } => {
                let steps = self.begin(order, Some(infohash));
                let archives = self.clone();
                tokio::spawn(async move {
                    if let Err(fault) = archives.fetch(&engine, order, author, infohash, steps).await {
                        archives.tell(ArchiveEvent::NotFetched { order, fault }).await;
                    }
                    archives.tasks().remove(&order);
                });
            }
            ArchiveOrder::Read { order } => self.step(order, Step::Read),
            ArchiveOrder::Seed { infohash, author, named } => {
                let archives = self.clone();
                tokio::spawn(async move { archives.seed(&engine, infohash, author, named).await });
            }
            ArchiveOrder::Drop { infohash } => {
                self.tasks().retain(|_, (of, _)| *of != Some(infohash));
                // Its turn begins now if it can: what is made anew at the same place comes after.
                let turn = Arc::clone(&self.changing).try_lock_owned().ok();
                let archives = self.clone();
                tokio::spawn(async move {
                    let _turn = match turn {
                        Some(turn) => turn,
                        None => Arc::clone(&archives.changing).lock_owned().await,
                    };
                    archives.discard(&engine, infohash).await;
                });
            }
        }
    }

    fn begin(&self, order: OrderId, infohash: Option<Infohash>) -> mpsc::Receiver<Step> {
        // The core sends one step and waits for what comes of it.
        let (sender, steps) = mpsc::channel(1);
        self.tasks().insert(order, (infohash, sender));
        steps
    }

    fn step(&self, order: OrderId, step: Step) {
        let is_taken = self.tasks().get(&order).is_some_and(|(_, sender)| sender.try_send(step).is_ok());
        if !is_taken {
            debug!(order = order.0, "a step for an archive that was given up");
        }
    }

    /// Writes a file of what comes, makes a torrent of it, and puts both in their place.
    async fn write(&self, order: OrderId, author: Key, mut steps: mpsc::Receiver<Step>) -> io::Result<ArchiveEvent> {
        let parent = self.home.archives();
        let is_full = fs4::available_space(&parent)? < RESERVE_BYTES + ARCHIVE_BYTES_MAX;
        if is_full {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is nearly full: free some space"));
        }
        let folder = blocking(move || tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(parent)).await?;
        let inner = folder.path().join(folder_name(&author));
        fs::create_dir(&inner)?;
        let mut file = Writer::new(&inner.join(file_name(&author)))?;
        let mut named = pictures::Named::default();
        loop {
            self.tell(ArchiveEvent::Wants { order }).await;
            let Some(Step::Append(envelopes, is_end)) = steps.recv().await else {
                return Err(io::Error::other("it was given up"));
            };
            (file, named) = blocking(move || {
                file.append(&envelopes)?;
                named.read(&envelopes);
                Ok((file, named))
            })
            .await?;
            if is_end {
                break;
            }
        }
        let files = self.artwork.files();
        let (sha256, bytes, content) = blocking(move || {
            let (sha256, bytes) = file.finish()?;
            let room = ARCHIVE_BYTES_MAX.saturating_sub(bytes);
            let pictures = pictures::write(&inner.join(pictures_name(&author)), &named.newest(), &files, room)?;
            if pictures > 0 {
                return Ok((sha256, bytes + pictures, inner));
            }
            // Without pictures it is one file, as it is for those who know of none.
            let alone = inner.with_file_name(file_name(&author));
            fs::rename(inner.join(file_name(&author)), &alone)?;
            fs::remove_dir(&inner)?;
            Ok((sha256, bytes, alone))
        })
        .await?;
        let metainfo = torrent::create(&content, Some(&author.to_string())).await.map_err(io::Error::other)?;
        let infohash = Infohash(metainfo.infohash);
        let place = self.folder(&infohash);
        let _changing = self.changing.lock().await;
        blocking(move || {
            write_whole(&folder.path().join(TORRENT_FILE), &metainfo.torrent)?;
            put_in_place(folder, &place)
        })
        .await?;
        info!(%infohash, bytes, "an archive was made");
        Ok(ArchiveEvent::Written { order, infohash, sha256, bytes })
    }

    /// Fetches an archive, then hands it over part by part. Ends silently when it is no longer wanted.
    async fn fetch(
        &self,
        engine: &Engine,
        order: OrderId,
        author: Key,
        infohash: Infohash,
        mut steps: mpsc::Receiver<Step>,
    ) -> Result<(), ArchiveFault> {
        let folder = self.folder(&infohash);
        let torrent = tokio::fs::read(folder.join(TORRENT_FILE)).await.ok();
        let name = file_name(&author);
        let download = torrent::Download {
            infohash: infohash.0,
            torrent,
            name: Some(name.clone()),
            to: Some(folder.clone()),
            only: Some(OnlyFile {
                name,
                beside: Some((folder_name(&author), pictures_name(&author))),
                bytes_max: ARCHIVE_BYTES_MAX,
            }),
            ..torrent::Download::default()
        };
        {
            let _changing = self.changing.lock().await;
            if !self.tasks().contains_key(&order) {
                return Ok(());
            }
            engine.download(download).await.map_err(|error| fault(&error))?;
        }
        let mut is_begun = false;
        let bytes = loop {
            let Some(progress) = engine.progress(infohash.0) else { return Ok(()) };
            if progress.state == State::Failed {
                return Err(progress.refused.as_ref().map_or(ArchiveFault::Failed, fault));
            }
            if let Some(metainfo) = engine.metainfo(infohash.0).filter(|_| !is_begun) {
                is_begun = true;
                let (path, torrent) = (folder.join(TORRENT_FILE), metainfo.torrent.clone());
                if let Err(error) = blocking(move || write_whole(&path, &torrent)).await {
                    warn!(%infohash, %error, "torrent of an archive not kept: it is looked for again after a restart");
                }
                self.tell(ArchiveEvent::Begun { order, bytes: metainfo.total_bytes }).await;
            }
            if progress.finished {
                break progress.total;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_PERIOD) => {}
                step = steps.recv() => if step.is_none() { return Ok(()) },
            }
        };
        let content = pictures::content_of(&folder, &author);
        let is_with_pictures = content.is_dir();
        let path = if is_with_pictures { content.join(file_name(&author)) } else { content };
        let hashed = {
            let path = path.clone();
            blocking(move || hash(&path)).await
        };
        let sha256 = hashed.map_err(|_| ArchiveFault::Failed)?;
        self.tell(ArchiveEvent::Fetched { order, sha256, bytes }).await;
        let mut parts = Parts::open(&path).map_err(|_| ArchiveFault::Failed)?;
        while let Some(Step::Read) = steps.recv().await {
            let (part, rest) = blocking(move || Ok((parts.next(), parts))).await.map_err(|_| ArchiveFault::Failed)?;
            parts = rest;
            let (envelopes, is_end) = part?;
            // Opened before the core hears of the end, and may have it dropped for want of room.
            let pictures = if is_end && is_with_pictures {
                let (statements, pictures) = (path.clone(), path.with_file_name(pictures_name(&author)));
                blocking(move || pictures::Pictures::open(&statements, &pictures)).await.ok()
            } else {
                None
            };
            self.tell(ArchiveEvent::Part { order, envelopes, is_end }).await;
            if let Some(pictures) = pictures {
                tokio::spawn(self.clone().take_pictures(pictures));
            }
            if is_end {
                break;
            }
        }
        Ok(())
    }

    /// Takes the pictures of an archive in, one after the other, as if peers had sent them.
    async fn take_pictures(self, mut pictures: pictures::Pictures) {
        for _ in 0..PICTURES_MAX {
            let parent = self.home.archives();
            let read = blocking(move || {
                let is_full = fs4::available_space(&parent)? < RESERVE_BYTES;
                Ok((if is_full { None } else { pictures.next()? }, pictures))
            });
            let Ok((Some((digest, picture)), rest)) = read.await else { return };
            pictures = rest;
            self.artwork.take_in(digest, picture).await;
        }
    }

    /// Seeds what is here: the owner's under the owner's name, others' under none, which would tell whom the owner follows.
    async fn seed(&self, engine: &Engine, infohash: Infohash, author: Key, named: bool) {
        let folder = self.folder(&infohash);
        let named = named && self.seed_as != SeedAs::Never;
        let added = {
            let _changing = self.changing.lock().await;
            match tokio::fs::read(folder.join(TORRENT_FILE)).await {
                Ok(torrent) => {
                    let content = pictures::content_of(&folder, &author);
                    engine.seed(&torrent, &content, named).await.map_err(|error| error.to_string())
                }
                Err(error) => Err(error.to_string()),
            }
        };
        let lost = match added {
            Err(error) => Some(error),
            // Its content is hashed after that; until then it may turn out to be another.
            Ok(()) => loop {
                match engine.progress(infohash.0) {
                    Some(progress) if progress.state == State::Checking => tokio::time::sleep(LOOK_PERIOD).await,
                    Some(progress) if progress.state == State::Failed => {
                        break Some(progress.error.unwrap_or_default());
                    }
                    _ => break None,
                }
            },
        };
        if let Some(error) = lost {
            warn!(%infohash, %error, "archive not seeded");
            self.tell(ArchiveEvent::Lost { infohash }).await;
        }
    }

    /// Ends what is done with one, and deletes it. The caller holds `changing`.
    async fn discard(&self, engine: &Engine, infohash: Infohash) {
        if let Err(error) = engine.remove(infohash.0).await {
            debug!(%infohash, %error, "an archive was not in the engine");
        }
        match tokio::fs::remove_dir_all(self.folder(&infohash)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                warn!(%infohash, %error, "archive not deleted: the next start tries again");
            }
            _ => {}
        }
    }
}

/// Whether a refusal is the archive's own fault.
fn fault(error: &AddError) -> ArchiveFault {
    match error {
        AddError::NotTheFile { .. } | AddError::Metainfo(_) | AddError::UnsafePath(_) => ArchiveFault::NotAnArchive,
        _ => ArchiveFault::Failed,
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Deletes every archive but these.
fn tidy(folder: &Path, keep: &[Infohash]) -> io::Result<()> {
    let keep: Vec<String> = keep.iter().map(Infohash::to_string).collect();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_kept = entry.file_name().to_str().is_some_and(|name| keep.iter().any(|kept| kept == name));
        if !is_kept && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Renames a folder to its place, unless the same is there.
fn put_in_place(folder: TempDir, place: &Path) -> io::Result<()> {
    if place.exists() {
        fs::remove_dir_all(place)?;
    }
    fs::rename(folder.keep(), place)?;
    place.parent().map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all())
}

/// A file that is being written.
struct Writer {
    file: io::BufWriter<fs::File>,
    hasher: sha2::Sha256,
    bytes: u64,
    count: u64,
}

impl Writer {
    fn new(path: &Path) -> io::Result<Self> {
        let file = io::BufWriter::new(fs::File::create(path)?);
        let mut writer = Self { file, hasher: sha2::Sha256::new(), bytes: 0, count: 0 };
        writer.put(MAGIC)?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn append(&mut self, envelopes: &[Vec<u8>]) -> io::Result<()> {
        for envelope in envelopes {
            let record = record(envelope).ok_or_else(|| io::Error::other("a statement of no possible length"))?;
            self.put(&record)?;
            self.count += 1;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<(Sha256, u64)> {
        self.put(&end(self.count))?;
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok((Sha256(self.hasher.finalize().into()), self.bytes))
    }
}

fn hash(path: &Path) -> io::Result<Sha256> {
    let mut file = fs::File::open(path)?;
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Sha256(hasher.finalize().into())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

/// A file that is being read, part by part.
struct Parts {
    file: fs::File,
    reader: Reader,
    buffer: Vec<u8>,
}

impl Parts {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: fs::File::open(path)?, reader: Reader::new(), buffer: vec![0; PIECE_BYTES] })
    }

    /// The next envelopes, and whether they were the last of a whole file.
    fn next(&mut self) -> Result<(Vec<Vec<u8>>, bool), ArchiveFault> {
        let damaged = |error: FileError| {
            debug!(%error, "an archive is damaged");
            ArchiveFault::Damaged
        };
        let (mut envelopes, mut bytes) = (Vec::new(), 0);
        while bytes < PART_BYTES_MAX {
            if let Some(envelope) = self.reader.next_envelope().map_err(damaged)? {
                bytes += envelope.len();
                envelopes.push(envelope);
                continue;
            }
            let count = self.file.read(&mut self.buffer).map_err(|_| ArchiveFault::Failed)?;
            if count == 0 {
                self.reader.finish().map_err(damaged)?;
                return Ok((envelopes, true));
            }
            self.reader.push(&self.buffer[..count]);
        }
        Ok((envelopes, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::SecretKey;

    fn alice() -> Key {
        SecretKey::from_seed(&[1; 32]).public()
    }

    /// What stands for envelopes: the form of the file does not care.
    fn envelopes(count: u32) -> Vec<Vec<u8>> {
        (0..count).map(|number| number.to_be_bytes().repeat(50)).collect()
    }

    fn write(path: &Path, all: &[Vec<u8>]) -> (Sha256, u64) {
        let mut writer = Writer::new(path).expect("made");
        all.chunks(700).for_each(|part| writer.append(part).expect("written"));
        writer.finish().expect("finished")
    }

    /// All parts of a file, and how it ends.
    fn read(path: &Path) -> (Vec<Vec<Vec<u8>>>, Result<(), ArchiveFault>) {
        let mut parts = Parts::open(path).expect("opened");
        let mut all = Vec::new();
        loop {
            match parts.next() {
                Ok((part, is_end)) => {
                    assert!(part.iter().map(Vec::len).sum::<usize>() < PART_BYTES_MAX + 8192, "no more than a part");
                    all.push(part);
                    if is_end {
                        return (all, Ok(()));
                    }
                }
                Err(fault) => return (all, Err(fault)),
            }
        }
    }

    #[test]
    fn what_is_written_in_parts_is_read_in_parts() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("file");
        let all = envelopes(5000);
        let (sha256, bytes) = write(&path, &all);
        assert_eq!(fs::metadata(&path).expect("there").len(), bytes);
        assert_eq!(hash(&path).expect("hashed"), sha256);
        assert_eq!(write(&folder.path().join("again"), &all), (sha256, bytes), "equal content, equal file");
        let (parts, end) = read(&path);
        assert_eq!(end, Ok(()));
        assert!(parts.len() > 3, "{} parts of {bytes} bytes", parts.len());
        assert_eq!(parts.concat(), all);
    }

    #[test]
    fn a_damaged_file_is_no_archive() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("file");
        write(&path, &envelopes(3000));
        let whole = fs::read(&path).expect("read");
        let (cut, mut long) = (&whole[..whole.len() - 13], whole.clone());
        long.push(0);
        for damaged in [cut, &long, &whole[..10], &[], b"something else, and longer than the beginning"] {
            fs::write(&path, damaged).expect("written");
            assert_eq!(read(&path).1, Err(ArchiveFault::Damaged));
        }
    }

    #[test]
    fn what_an_earlier_life_left_behind_is_deleted() {
        let folder = tempfile::tempdir().expect("folder");
        let kept = Infohash([7; 20]);
        for name in [kept.to_string(), Infohash([8; 20]).to_string(), format!("{UNFINISHED}abc")] {
            fs::create_dir(folder.path().join(&name)).expect("made");
            fs::write(folder.path().join(name).join("file"), "x").expect("written");
        }
        tidy(folder.path(), &[kept]).expect("tidied");
        let left: Vec<_> =
            fs::read_dir(folder.path()).expect("read").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left, [kept.to_string().as_str()]);
        tidy(folder.path(), &[]).expect("tidied");
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 0);
    }

    #[test]
    fn a_finished_file_takes_its_place_even_if_something_is_there() {
        let folder = tempfile::tempdir().expect("folder");
        let place = folder.path().join("place");
        for content in ["old", "new"] {
            let new = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(folder.path()).expect("made");
            fs::write(new.path().join("file"), content).expect("written");
            put_in_place(new, &place).expect("put");
            assert_eq!(fs::read_to_string(place.join("file")).expect("read"), content);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 1);
    }

    /// What other programs must be able to make of the same log; if it changes, the page of the wire does too.
    #[tokio::test]
    async fn the_torrent_of_a_file_is_the_same_everywhere() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join(file_name(&alice()));
        let (sha256, _) = write(&path, &envelopes(3));
        let one = torrent::create(&path, Some(&alice().to_string())).await.expect("made");
        assert_eq!(one.piece_bytes, 16 << 10);
        let (infohash, digest) = (Infohash(one.infohash).to_string(), sha256.to_string());
        assert_eq!(
            (infohash.as_str(), digest.as_str()),
            (
                "e808903a0ee488ebccc5e9da1694e7c899fa7e34",
                "12fbc611a062888faa67151950d02ff869d0760a035bd48c6cb288cdac37207e"
            )
        );
        let keyless = torrent::create(&path, None).await.expect("made");
        assert_eq!(keyless.infohash, one.infohash, "whoever makes it");
    }
}
