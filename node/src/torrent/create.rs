//! Makes a torrent (BEP 3) of a file or folder.
//!
//! Written here rather than taken from the library: its maker takes files in the order in which the disk lists them,
//! stops the program at a name that is not Unicode, and adds or forgets a hash when the content ends with a piece or
//! with an empty file (9.1.0).

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sha1::{Digest, Sha1};

use super::bencode::{put_number, put_text};
use super::errors::{CreateError, MetainfoError};
use super::metainfo::{FILES_MAX, Metainfo, PIECE_BYTES_MIN};
use super::paths;

/// Number of pieces aimed at: enough for peers to share early, few enough for a small torrent file (20 bytes each).
const PIECES_AIM: u64 = 1_500;

/// Largest piece that is chosen. Larger ones are legal, but playing while downloading would wait for each.
const PIECE_BYTES_CHOSEN_MAX: u64 = 16 << 20;

/// Files that systems leave in folders and that nobody means to share.
const LEFT_OUT: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// Makes a torrent of a file or folder. `key` is written beside the info dictionary as `x.heirloom` (`did:key:…`).
///
/// Files are taken in the order of their paths; symbolic links, and what systems leave in folders
/// (`.DS_Store`, `Thumbs.db`, `desktop.ini`), are left out. The same content gives the same infohash everywhere.
///
/// # Errors
/// When something cannot be read, or when downloaders would refuse the result.
pub async fn create(path: &Path, key: Option<&str>) -> Result<Metainfo, CreateError> {
    create_watched(path, key, &Arc::default()).await
}

/// The same, told about and cancelled by others meanwhile.
///
/// # Errors
/// As [`create`]; and [`CreateError::Cancelled`].
pub async fn create_watched(path: &Path, key: Option<&str>, making: &Arc<Making>) -> Result<Metainfo, CreateError> {
    let (path, key) = (path.to_owned(), key.map(str::to_owned));
    let work = tokio::task::spawn_blocking({
        let (path, making) = (path.clone(), Arc::clone(making));
        move || create_blocking(&path, key.as_deref(), &making)
    });
    work.await.unwrap_or_else(|error| Err(CreateError::Read { path, source: std::io::Error::other(error) }))
}

/// How far a torrent that is made is. Read and cancelled from any thread.
#[derive(Debug, Default)]
pub struct Making {
    bytes: AtomicU64,
    total: AtomicU64,
    is_cancelled: AtomicBool,
}

impl Making {
    /// Bytes that were hashed.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of the content; 0 until all of its files were found.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Has it end with [`CreateError::Cancelled`], at the next quarter of a mebibyte.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    fn go_on(&self) -> Result<(), CreateError> {
        if self.is_cancelled.load(Ordering::Relaxed) { Err(CreateError::Cancelled) } else { Ok(()) }
    }
}

/// A file to be taken in: its path below the root, and where it is.
struct Found {
    parts: Vec<String>,
    at: PathBuf,
    bytes: u64,
}

fn create_blocking(path: &Path, key: Option<&str>, making: &Making) -> Result<Metainfo, CreateError> {
    let read = |source| CreateError::Read { path: path.to_owned(), source };
    let root = path.canonicalize().map_err(read)?;
    // `.` and `..` have no name of their own.
    let name = unicode(&root, path.file_name().or(root.file_name()))?;
    let is_folder = root.is_dir();
    let mut files = Vec::new();
    if is_folder {
        walk(&root, &mut Vec::new(), &mut files, making)?;
    } else {
        let bytes = root.metadata().map_err(read)?.len();
        files.push(Found { parts: vec![name.clone()], at: root.clone(), bytes });
    }
    files.sort_by(|one, two| one.parts.cmp(&two.parts));
    let total: u64 = files.iter().map(|file| file.bytes).sum();
    if total == 0 {
        return Err(CreateError::Empty { path: path.to_owned() });
    }
    let piece_bytes = choose_piece_bytes(total);
    making.total.store(total, Ordering::Relaxed);
    let pieces = hash_pieces(&files, piece_bytes, making)?;
    let info = encode_info(&name, is_folder.then_some(&files[..]), total, piece_bytes, &pieces);
    let mut torrent = b"d8:encoding5:UTF-84:info".to_vec();
    torrent.extend_from_slice(&info);
    if let Some(key) = key {
        put_text(&mut torrent, "x.heirloom");
        put_text(&mut torrent, key);
    }
    torrent.push(b'e');
    let meta = Metainfo::parse(&torrent)?;
    // Others get safe places for unsafe names, but other programs might not.
    meta.check_names()?;
    Ok(meta)
}

impl Metainfo {
    /// The same torrent, naming trackers (each a tier of its own, BEP 12) and web seeds (BEP 19). Its infohash stays.
    ///
    /// # Errors
    /// When it becomes longer than a torrent file may be.
    pub fn naming(&self, trackers: &[String], web_seeds: &[String]) -> Result<Self, MetainfoError> {
        let mut torrent = vec![b'd'];
        if let Some(first) = trackers.first() {
            put_text(&mut torrent, "announce");
            put_text(&mut torrent, first);
            put_text(&mut torrent, "announce-list");
            torrent.push(b'l');
            for tracker in trackers {
                torrent.push(b'l');
                put_text(&mut torrent, tracker);
                torrent.push(b'e');
            }
            torrent.push(b'e');
        }
        torrent.extend_from_slice(b"8:encoding5:UTF-84:info");
        torrent.extend_from_slice(&self.info);
        if !web_seeds.is_empty() {
            put_text(&mut torrent, "url-list");
            torrent.push(b'l');
            web_seeds.iter().for_each(|seed| put_text(&mut torrent, seed));
            torrent.push(b'e');
        }
        if let Some(key) = &self.key {
            put_text(&mut torrent, "x.heirloom");
            put_text(&mut torrent, key);
        }
        torrent.push(b'e');
        Self::parse(&torrent)
    }
}

fn unicode(path: &Path, name: Option<&std::ffi::OsStr>) -> Result<String, CreateError> {
    let name = name.and_then(std::ffi::OsStr::to_str);
    name.map(str::to_owned).ok_or_else(|| CreateError::NotUnicode { path: path.to_owned() })
}

fn walk(folder: &Path, parts: &mut Vec<String>, files: &mut Vec<Found>, making: &Making) -> Result<(), CreateError> {
    let read = |source| CreateError::Read { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(read)? {
        making.go_on()?;
        let entry = entry.map_err(read)?;
        let at = entry.path();
        let kind = entry.file_type().map_err(read)?;
        let name = unicode(&at, Some(&entry.file_name()))?;
        if LEFT_OUT.contains(&name.as_str()) || kind.is_symlink() {
            continue;
        }
        parts.push(name);
        if kind.is_dir() {
            // Refused here already: a folder nested without end would exhaust the stack.
            paths::check(parts).map_err(MetainfoError::from)?;
            walk(&at, parts, files, making)?;
        } else if kind.is_file() {
            if files.len() >= FILES_MAX {
                return Err(MetainfoError::TooManyFiles { files: files.len() + 1, limit: FILES_MAX }.into());
            }
            let bytes = entry.metadata().map_err(read)?.len();
            files.push(Found { parts: parts.clone(), at, bytes });
        }
        parts.pop();
    }
    Ok(())
}

/// A power of two that gives about [`PIECES_AIM`] pieces.
fn choose_piece_bytes(total: u64) -> u64 {
    (total / PIECES_AIM).next_power_of_two().clamp(PIECE_BYTES_MIN, PIECE_BYTES_CHOSEN_MAX)
}

fn hash_pieces(files: &[Found], piece_bytes: u64, making: &Making) -> Result<Vec<u8>, CreateError> {
    let mut hashes = Vec::new();
    let mut hasher = Sha1::new();
    let mut room = piece_bytes;
    let mut buffer = vec![0; 256 << 10];
    for file in files {
        let read = |source| CreateError::Read { path: file.at.clone(), source };
        let mut reader = fs::File::open(&file.at).map_err(read)?;
        let mut rest = file.bytes;
        loop {
            making.go_on()?;
            let want = usize::try_from(room).unwrap_or(usize::MAX).min(buffer.len());
            let count = reader.read(&mut buffer[..want]).map_err(read)?;
            let Some(left) = rest.checked_sub(count as u64) else { break };
            if count == 0 {
                break;
            }
            rest = left;
            hasher.update(&buffer[..count]);
            making.bytes.fetch_add(count as u64, Ordering::Relaxed);
            room -= count as u64;
            if room == 0 {
                hashes.extend_from_slice(&hasher.finalize_reset());
                room = piece_bytes;
            }
        }
        if rest != 0 || reader.metadata().map_err(read)?.len() != file.bytes {
            return Err(CreateError::Changed { path: file.at.clone() });
        }
    }
    if room < piece_bytes {
        hashes.extend_from_slice(&hasher.finalize());
    }
    Ok(hashes)
}

fn encode_info(name: &str, files: Option<&[Found]>, total: u64, piece_bytes: u64, pieces: &[u8]) -> Vec<u8> {
    let mut info = vec![b'd'];
    if let Some(files) = files {
        put_text(&mut info, "files");
        info.push(b'l');
        for file in files {
            info.push(b'd');
            put_text(&mut info, "length");
            put_number(&mut info, file.bytes);
            put_text(&mut info, "path");
            info.push(b'l');
            file.parts.iter().for_each(|part| put_text(&mut info, part));
            info.extend_from_slice(b"ee");
        }
        info.push(b'e');
    } else {
        put_text(&mut info, "length");
        put_number(&mut info, total);
    }
    put_text(&mut info, "name");
    put_text(&mut info, name);
    put_text(&mut info, "piece length");
    put_number(&mut info, piece_bytes);
    put_text(&mut info, "pieces");
    put_text(&mut info, pieces);
    info.push(b'e');
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn piece_lengths_are_sane() {
        for (total, wanted) in [
            (1, 16 << 10),
            (300 << 10, 16 << 10),
            (700 << 20, 512 << 10),
            (5 << 30, 4 << 20),
            (50 << 30, 16 << 20),
            (10 << 40, 16 << 20),
        ] {
            assert_eq!(choose_piece_bytes(total), wanted, "{total} bytes");
            assert!(total.div_ceil(wanted) <= super::super::metainfo::PIECES_MAX);
        }
    }

    #[tokio::test]
    async fn how_far_it_is_can_be_read_and_it_can_be_cancelled() {
        let folder = tempfile::tempdir().unwrap();
        let clip = folder.path().join("clip.mp4");
        fs::write(&clip, vec![7; 700_000]).unwrap();
        let making = Arc::new(Making::default());
        create_watched(&clip, None, &making).await.unwrap();
        assert_eq!((making.bytes(), making.total()), (700_000, 700_000));
        for path in [clip.as_path(), folder.path()] {
            let cancelled = Arc::new(Making::default());
            cancelled.cancel();
            let refusal = create_watched(path, None, &cancelled).await.unwrap_err();
            assert!(matches!(refusal, CreateError::Cancelled), "{refusal}");
            assert_eq!(cancelled.bytes(), 0);
        }
    }

    #[tokio::test]
    async fn a_file_gives_a_torrent_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let clip = folder.path().join("clip.mp4");
        // Exactly two pieces, and one byte more: the edges of the hash list.
        for (bytes, pieces) in [(32_768, 2), (32_769, 3), (1, 1)] {
            fs::write(&clip, vec![7; bytes]).unwrap();
            let meta = create(&clip, Some("did:key:z6MkExample")).await.unwrap();
            assert_eq!((meta.name.as_str(), meta.single_file, meta.total_bytes), ("clip.mp4", true, bytes as u64));
            assert_eq!(meta.key.as_deref(), Some("did:key:z6MkExample"));
            assert_eq!(meta.total_bytes.div_ceil(meta.piece_bytes.into()), pieces);
            let keyless = create(&clip, None).await.unwrap();
            assert_eq!((keyless.infohash, keyless.key), (meta.infohash, None), "the key is outside of the info");
        }
    }

    #[tokio::test]
    async fn a_folder_is_taken_in_order_and_without_debris() {
        let folder = tempfile::tempdir().unwrap();
        let show = folder.path().join("Show");
        fs::create_dir_all(show.join("Subs")).unwrap();
        for (name, bytes) in
            [("b.mkv", 20_000), ("a.mkv", 20_000), ("Subs/a.srt", 10), ("z-empty", 0), (".DS_Store", 5)]
        {
            fs::write(show.join(name), vec![1; bytes]).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", show.join("link")).unwrap();
        let meta = create(&show, None).await.unwrap();
        let names: Vec<String> = meta.files.iter().map(|file| file.path.join("/")).collect();
        assert_eq!(names, ["Subs/a.srt", "a.mkv", "b.mkv", "z-empty"]);
        assert_eq!((meta.name.as_str(), meta.total_bytes), ("Show", 40_010));
    }

    #[tokio::test]
    async fn what_cannot_be_shared_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = create(&folder.path().join("missing"), None).await.unwrap_err();
        assert!(matches!(refusal, CreateError::Read { .. }), "{refusal}");
        let refusal = create(folder.path(), None).await.unwrap_err();
        assert!(matches!(refusal, CreateError::Empty { .. }), "{refusal}");
        fs::write(folder.path().join("a:b"), "x").unwrap();
        let refusal = create(folder.path(), None).await.unwrap_err();
        assert!(matches!(refusal, CreateError::Refused(MetainfoError::UnsafePath(_))), "{refusal}");
    }
}
