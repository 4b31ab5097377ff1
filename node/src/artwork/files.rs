//! Where pictures lie: as they came, to be given to others, and as they are shown. What the owner added stays; of the rest
//! what was shown or came longest ago goes first.

use heirloom_proto::Sha256;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Most bytes of pictures that were not added by the owner, as they came and as they are shown together. 256 MiB: some two
/// thousand posters.
pub const KEPT_BYTES_MAX: u64 = 256 << 20;

/// The folder. Clones are handles.
#[derive(Clone, Debug)]
pub struct Files {
    root: PathBuf,
    bytes_max: u64,
}

impl Files {
    /// Pictures in a folder, which is made when the first comes; beyond so many bytes the oldest go.
    #[must_use]
    pub fn new(root: PathBuf, bytes_max: u64) -> Self {
        Self { root, bytes_max }
    }

    fn own(&self) -> PathBuf {
        self.root.join("own")
    }

    fn kept(&self) -> PathBuf {
        self.root.join("kept")
    }

    fn shown(&self) -> PathBuf {
        self.root.join("shown")
    }

    /// Digests of all that are here, in both forms.
    #[must_use]
    pub fn all(&self) -> Vec<Sha256> {
        let shown: BTreeSet<Sha256> = digests(&self.shown()).into_iter().map(|(digest, ..)| digest).collect();
        let came = digests(&self.own()).into_iter().chain(digests(&self.kept()));
        let all: BTreeSet<Sha256> = came.map(|(digest, ..)| digest).filter(|digest| shown.contains(digest)).collect();
        all.into_iter().collect()
    }

    /// Keeps a picture: its bytes, and how it is shown. Returns the digests of those that went to make room.
    ///
    /// # Errors
    /// The disk's.
    pub fn keep(&self, digest: &Sha256, bytes: &[u8], shown: &[u8], is_own: bool) -> io::Result<Vec<Sha256>> {
        let folder = if is_own { self.own() } else { self.kept() };
        // How it is shown comes first: without that, a file counts as absent.
        write(&self.shown(), digest, shown)?;
        write(&folder, digest, bytes)?;
        self.make_room(digest)
    }

    /// The bytes as they came. Checked again, since a disk may rot, and others would blame this node.
    #[must_use]
    pub fn bytes_of(&self, digest: &Sha256) -> Option<Vec<u8>> {
        let name = digest.to_string();
        let bytes = fs::read(self.own().join(&name)).or_else(|_| fs::read(self.kept().join(&name))).ok()?;
        (Sha256::of(&bytes) == *digest).then_some(bytes)
    }

    /// The picture as it is shown (JPEG). It counts as used.
    #[must_use]
    pub fn shown_of(&self, digest: &Sha256) -> Option<Vec<u8>> {
        let path = self.shown().join(digest.to_string());
        let bytes = fs::read(&path).ok()?;
        // A disk that does not take the time only makes the order of going less fair.
        let _ = File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(bytes)
    }

    fn make_room(&self, newest: &Sha256) -> io::Result<Vec<Sha256>> {
        let own: BTreeSet<Sha256> = digests(&self.own()).into_iter().map(|(digest, ..)| digest).collect();
        let used: std::collections::BTreeMap<Sha256, (SystemTime, u64)> =
            digests(&self.shown()).into_iter().map(|(digest, at, bytes)| (digest, (at, bytes))).collect();
        let mut kept: Vec<(SystemTime, Sha256, u64)> = digests(&self.kept())
            .into_iter()
            .filter(|(digest, ..)| !own.contains(digest))
            .map(|(digest, came, bytes)| {
                let (at, shown) = used.get(&digest).copied().unwrap_or((came, 0));
                (at, digest, bytes + shown)
            })
            .collect();
        kept.sort();
        let mut total: u64 = kept.iter().map(|(.., bytes)| bytes).sum();
        let mut gone = Vec::new();
        for (_, digest, bytes) in kept.into_iter().filter(|(_, digest, _)| digest != newest) {
            if total <= self.bytes_max {
                break;
            }
            let name = digest.to_string();
            remove(&self.kept().join(&name))?;
            remove(&self.shown().join(&name))?;
            total = total.saturating_sub(bytes);
            gone.push(digest);
        }
        Ok(gone)
    }
}

/// Files of a folder that are named after a digest: when each was used last, and its size. Others are none of ours.
fn digests(folder: &Path) -> Vec<(Sha256, SystemTime, u64)> {
    let Ok(files) = fs::read_dir(folder) else { return Vec::new() };
    let of = |file: io::Result<fs::DirEntry>| {
        let file = file.ok()?;
        let name = file.file_name();
        let digest: Sha256 = name.to_str()?.parse().ok()?;
        (name == *digest.to_string()).then_some(())?;
        let data = file.metadata().ok()?;
        Some((digest, data.modified().unwrap_or(SystemTime::UNIX_EPOCH), data.len()))
    };
    files.filter_map(of).collect()
}

/// Whole or not at all, whatever crashes.
fn write(folder: &Path, digest: &Sha256, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix("new-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(folder.join(digest.to_string()))?;
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn digest(number: u8) -> Sha256 {
        Sha256::of(&[number; 100])
    }

    fn keep(files: &Files, number: u8, is_own: bool) -> Vec<Sha256> {
        files.keep(&digest(number), &[number; 100], b"shown", is_own).expect("kept")
    }

    /// As if it was shown so many hours ago.
    fn age(files: &Files, number: u8, hours: u64) {
        let path = files.shown().join(digest(number).to_string());
        let at = SystemTime::now() - Duration::from_secs(hours * 3600);
        File::options().append(true).open(path).and_then(|file| file.set_modified(at)).expect("aged");
    }

    #[test]
    fn what_was_shown_longest_ago_goes_first_and_the_owners_never() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(folder.path().join("artwork"), 330);
        assert_eq!(files.all(), []);
        for number in 1..=4 {
            assert_eq!(keep(&files, number, number == 1), [], "{number}");
            age(&files, number, 10 - u64::from(number));
        }
        // The second was the oldest until somebody looked at it.
        assert_eq!(files.shown_of(&digest(2)).as_deref(), Some(b"shown".as_slice()));
        assert_eq!(keep(&files, 5, false), [digest(3)]);
        assert_eq!((files.bytes_of(&digest(3)), files.shown_of(&digest(3))), (None, None));
        let here: BTreeSet<_> = files.all().into_iter().collect();
        assert_eq!(here, [1, 2, 4, 5].map(digest).into());
        assert_eq!(files.bytes_of(&digest(1)), Some(vec![1; 100]));
    }

    #[test]
    fn what_rotted_or_is_half_there_is_not_here() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(folder.path().into(), 1000);
        keep(&files, 1, false);
        keep(&files, 2, false);
        fs::write(files.kept().join(digest(1).to_string()), b"rot").expect("written");
        fs::remove_file(files.shown().join(digest(2).to_string())).expect("removed");
        fs::write(files.kept().join("new-abc"), b"unfinished").expect("written");
        assert_eq!(files.bytes_of(&digest(1)), None);
        assert_eq!(files.all(), [digest(1)]);
    }
}
