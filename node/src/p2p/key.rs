//! The libp2p transport key on disk. Not the identity key and not linked to it:
//! it only names this process to its neighbours, and is thrown away every month.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use libp2p::identity::Keypair;

/// Why there is no transport key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read or written: check the directory and its permissions.
    #[error("transport key {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// In the words of the system.
        source: io::Error,
    },
    /// The file holds something else. Nothing is lost by removing it.
    #[error("transport key {path} cannot be read: remove the file, a new key will be made")]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
}

/// Reads the key, or makes one if there is none or the file is older than `age_max` at `now`.
///
/// A file from the future is young: clocks err, and a new name at every start would be worse.
pub(super) fn load_or_make(path: &Path, now: SystemTime, age_max: Duration) -> Result<Keypair, KeyError> {
    let io = |source| KeyError::Io { path: path.to_path_buf(), source };
    match File::open(path) {
        Ok(file) => {
            let made = file.metadata().and_then(|meta| meta.modified()).map_err(io)?;
            if now.duration_since(made).is_ok_and(|age| age > age_max) {
                return make(path).map_err(io);
            }
            restrict(&file).map_err(io)?;
            let bytes = fs::read(path).map_err(io)?;
            Keypair::from_protobuf_encoding(&bytes).map_err(|_| KeyError::Damaged { path: path.to_path_buf() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path).map_err(io),
        Err(error) => Err(io(error)),
    }
}

/// Writes a new key beside the old one and renames it, so that a crash leaves one of the two.
fn make(path: &Path) -> io::Result<Keypair> {
    let key = Keypair::generate_ed25519();
    let bytes = key.to_protobuf_encoding().map_err(io::Error::other)?;
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    // A leftover of a crash may have other permissions.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&new)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    Ok(key)
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Takes permissions away that somebody added.
#[cfg(unix)]
fn restrict(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata()?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    tracing::warn!("the transport key was readable by others; permissions corrected");
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn restrict(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

    #[test]
    fn a_key_is_made_once_and_replaced_after_its_time() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("deep").join("transport.key");
        let now = SystemTime::now();
        let first = load_or_make(&path, now, MONTH).expect("made").public();
        assert_eq!(load_or_make(&path, now, MONTH).expect("read").public(), first);
        let early = now - Duration::from_secs(3600);
        assert_eq!(load_or_make(&path, early, MONTH).expect("read").public(), first, "a file from the future is young");
        let late = now + MONTH + Duration::from_secs(60);
        assert_ne!(load_or_make(&path, late, MONTH).expect("replaced").public(), first);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("transport.key");
        let mode = || fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        load_or_make(&path, SystemTime::now(), MONTH).expect("made");
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        load_or_make(&path, SystemTime::now(), MONTH).expect("read");
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn a_damaged_file_is_named_and_kept() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("transport.key");
        fs::write(&path, b"not a key").expect("written");
        let error = load_or_make(&path, SystemTime::now(), MONTH).expect_err("refused");
        assert!(matches!(error, KeyError::Damaged { .. }), "{error}");
        assert_eq!(fs::read(&path).expect("still there"), b"not a key");
    }
}
