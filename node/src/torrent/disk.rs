//! What is on disk already, and whether the rest fits.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::errors::AddError;
use super::metainfo::Metainfo;

/// Space that downloads leave free, for the store, the logs and the rest of the machine.
pub const RESERVE_BYTES: u64 = 1 << 30;

/// Checks that a torrent, or only some of its files, may be written below `folder`: nothing else is in the way, and there
/// is room for the rest.
///
/// A file that is there must be empty or of exactly the torrent's size, which is what an interrupted download leaves.
/// Anything else belongs to somebody.
pub(super) fn check_target(meta: &Metainfo, only: Option<&BTreeSet<usize>>, folder: &Path) -> Result<(), AddError> {
    let mut seen = BTreeSet::new();
    let mut present = 0;
    let mut total = 0;
    let is_wanted = |index: &usize| only.is_none_or(|only| only.contains(index));
    for file in meta.files.iter().filter(|file| !file.padding && is_wanted(&file.index)) {
        total += file.bytes;
        let parts = meta.path_of(file);
        let mut path = folder.to_owned();
        for (index, part) in parts.iter().enumerate() {
            path.push(part);
            let is_file = index + 1 == parts.len();
            if !is_file && !seen.insert(path.clone()) {
                continue;
            }
            let Some(found) = look(&path)? else { break };
            let in_the_way = |what: String| Err(AddError::Exists { path: path.clone(), what });
            if found.is_symlink() {
                return in_the_way("it is a symbolic link".to_owned());
            }
            if is_file != found.is_file() || is_file == found.is_dir() {
                return in_the_way(format!("it is not a {}", if is_file { "file" } else { "folder" }));
            }
            if is_file && found.len() != 0 && found.len() != file.bytes {
                return in_the_way(format!("it has {} bytes, not {}", found.len(), file.bytes));
            }
            if is_file {
                present += allocated(&found);
            }
        }
    }
    let needed = total.saturating_sub(present);
    let available = available_space(folder)?;
    if needed > available.saturating_sub(RESERVE_BYTES) && needed > 0 {
        return Err(AddError::DiskFull { path: folder.to_owned(), needed, available, reserve: RESERVE_BYTES });
    }
    Ok(())
}

/// Where the files of a seed are, given the file or folder that the torrent was made of; `None` for padding.
pub(super) fn find_content(meta: &Metainfo, content: &Path) -> Result<Vec<Option<PathBuf>>, AddError> {
    let differs = |path: &Path, what| Err(AddError::Content { path: path.to_owned(), what });
    let mut files = Vec::with_capacity(meta.files.len());
    for file in &meta.files {
        if file.padding {
            files.push(None);
            continue;
        }
        let mut path = content.to_owned();
        if !meta.single_file {
            path.extend(&file.place);
            // What another program fetched, or its owner made, may bear the torrent's own names.
            let is_below = file.path.iter().all(|part| is_component(part));
            if is_below && fs::symlink_metadata(&path).is_err() {
                path = content.to_owned();
                path.extend(&file.path);
            }
        }
        match fs::metadata(&path) {
            Ok(found) if !found.is_file() => return differs(&path, "it is not a file".to_owned()),
            Ok(found) if found.len() != file.bytes => {
                return differs(&path, format!("it has {} bytes, not {}", found.len(), file.bytes));
            }
            Ok(_) => files.push(Some(path)),
            Err(error) => return differs(&path, error.to_string()),
        }
    }
    Ok(files)
}

/// Whether a text is one component of a path on this system, and leads no way up.
fn is_component(text: &str) -> bool {
    let mut parts = Path::new(text).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == text)
}

/// Whether every file of a torrent is there in its size.
pub fn has_content(meta: &Metainfo, content: &Path) -> bool {
    find_content(meta, content).is_ok()
}

/// Refuses a relative path that climbs, or that passes through (or ends in) a symbolic link below `folder`.
pub(super) fn refuse_links(folder: &Path, relative: &Path) -> io::Result<()> {
    let mut path = folder.to_owned();
    for part in relative.components() {
        let Component::Normal(part) = part else {
            return Err(io::Error::other(format!("{} climbs out of its folder", relative.display())));
        };
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => {
                return Err(io::Error::other(format!("{} is a symbolic link", path.display())));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn look(path: &Path) -> Result<Option<Metadata>, AddError> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(AddError::Disk { path: path.to_owned(), reason: error.to_string() }),
    }
}

/// Bytes that a file occupies: an interrupted download has its full size at once, but holes where pieces are missing.
fn allocated(found: &Metadata) -> u64 {
    #[cfg(unix)]
    let bytes = std::os::unix::fs::MetadataExt::blocks(found) * 512;
    #[cfg(not(unix))]
    let bytes = 0;
    bytes.min(found.len())
}

/// Space for us on the disk that a folder is on, or will be on.
fn available_space(folder: &Path) -> Result<u64, AddError> {
    let existing = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    fs4::available_space(existing)
        .map_err(|error| AddError::Disk { path: existing.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::super::metainfo::tests::Forged;
    use super::*;

    fn show() -> Metainfo {
        Metainfo::parse(&Forged::folder("Show", &[&["S01", "e1.mkv"], &["S01", "e2.mkv"]]).torrent()).unwrap()
    }

    #[test]
    fn an_interrupted_download_is_not_in_its_own_way() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("not/there/yet");
        assert!(check_target(&show(), None, &below).is_ok());
        fs::create_dir_all(below.join("Show/S01")).unwrap();
        fs::write(below.join("Show/S01/e1.mkv"), "").unwrap();
        fs::write(below.join("Show/S01/e2.mkv"), [1; 1000]).unwrap();
        assert!(check_target(&show(), None, &below).is_ok());
    }

    #[test]
    fn what_belongs_to_somebody_is_not_overwritten() {
        for (name, what) in [("Show", "it is not a folder"), ("Show/S01/e2.mkv", "it has 999 bytes, not 1000")] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, [1; 999]).unwrap();
            match check_target(&show(), None, folder.path()) {
                Err(AddError::Exists { path: found, what: why }) => {
                    assert_eq!((found, why.as_str()), (path, what))
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("Show/S01/e1.mkv")).unwrap();
        let refusal = check_target(&show(), None, folder.path()).unwrap_err();
        assert!(refusal.to_string().ends_with("it is not a file"), "{refusal}");
    }

    #[cfg(unix)]
    #[test]
    fn content_is_found_under_its_own_names_too() {
        let meta = Metainfo::parse(&Forged::folder("f", &[&["a: b.mkv"], &["CON"]]).torrent()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a: b.mkv"), [1; 1000]).unwrap();
        fs::write(folder.path().join("_CON"), [1; 1000]).unwrap();
        let found: Vec<PathBuf> = find_content(&meta, folder.path()).unwrap().into_iter().flatten().collect();
        assert_eq!(found, [folder.path().join("a: b.mkv"), folder.path().join("_CON")]);
        for (text, is_one) in
            [("a", true), ("a: b", true), ("..", false), (".", false), ("", false), ("a/b", false), ("a/", false)]
        {
            assert_eq!(is_component(text), is_one, "{text:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_never_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("Show")).unwrap();
        let refusal = check_target(&show(), None, folder.path()).unwrap_err();
        assert!(refusal.to_string().ends_with("it is a symbolic link"), "{refusal}");
        for path in ["Show", "Show/S01/e1.mkv", "../x", "/etc/passwd"] {
            assert!(refuse_links(folder.path(), Path::new(path)).is_err(), "{path}");
        }
        assert!(refuse_links(folder.path(), Path::new("Other/S01/e1.mkv")).is_ok());
    }

    #[test]
    fn a_torrent_larger_than_the_disk_is_refused_with_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let total = super::super::metainfo::CONTENT_BYTES_MAX;
        let forged = Forged { piece_bytes: 64 << 20, ..Forged::file("huge.mkv", total) };
        let meta = Metainfo::parse(&forged.torrent()).unwrap();
        match check_target(&meta, None, folder.path()) {
            Err(AddError::DiskFull { needed, available, reserve, .. }) => {
                assert!(needed == total && available < total && reserve == RESERVE_BYTES);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn content_must_be_what_the_torrent_says() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("renamed");
        fs::create_dir_all(root.join("S01")).unwrap();
        fs::write(root.join("S01/e1.mkv"), [1; 1000]).unwrap();
        let refusal = find_content(&show(), &root).unwrap_err();
        assert!(refusal.to_string().contains("e2.mkv is not the content"), "{refusal}");
        fs::write(root.join("S01/e2.mkv"), [1; 1001]).unwrap();
        let refusal = find_content(&show(), &root).unwrap_err();
        assert!(refusal.to_string().ends_with("it has 1001 bytes, not 1000"), "{refusal}");
        fs::write(root.join("S01/e2.mkv"), [1; 1000]).unwrap();
        assert_eq!(find_content(&show(), &root).unwrap().len(), 2);
    }
}
