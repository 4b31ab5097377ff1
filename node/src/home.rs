//! The folder of a node: identity, token, lock, and where everything else lies.

mod identity;

pub use identity::Identity;

use data_encoding::HEXLOWER;
use heirloom_core::command::{CommandError, Fault};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Bytes from the operating system's generator.
///
/// # Errors
/// When the system has none to give, which it says only while it boots.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}

/// A node's folder.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
}

/// Holds the folder for one process; released when dropped or when the process dies.
pub struct Lock(#[allow(dead_code, reason = "held for its lock")] File);

/// Where a running node of this folder answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// `ip:port` of the HTTP API.
    pub http: String,
    /// Process.
    pub pid: u32,
}

impl Home {
    /// The folder that `--home` or `HEIRLOOM_HOME` names, else the usual one.
    ///
    /// # Errors
    /// When there is no home folder to put it in.
    pub fn find(named: Option<PathBuf>) -> Result<Self, CommandError> {
        use etcetera::BaseStrategy as _;
        if let Some(root) = named {
            return Ok(Self { root });
        }
        let base = etcetera::choose_base_strategy().map_err(|_| {
            CommandError::bad_input("no_home", "there is no home folder: say where to keep things with --home DIR")
        })?;
        Ok(Self { root: base.data_dir().join("heirloom") })
    }

    /// Makes the folders, readable by the owner only.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn prepare(&self) -> Result<(), CommandError> {
        for folder in [self.root.clone(), self.state(), self.torrents(), self.archives()] {
            make_private_folder(&folder).map_err(|error| cannot("make the folder", &folder, &error))?;
        }
        Ok(())
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// RocksDB.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// Version of the store's layout.
    #[must_use]
    pub fn store_version(&self) -> PathBuf {
        self.root.join("store-version")
    }

    /// State of the torrent engine.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.root.join("engine")
    }

    /// `.torrent` files, by infohash.
    #[must_use]
    pub fn torrents(&self) -> PathBuf {
        self.root.join("torrents")
    }

    /// Archives of statements, the owner's and others', each in a folder named after its infohash.
    #[must_use]
    pub fn archives(&self) -> PathBuf {
        self.root.join("archives")
    }

    /// Pictures of works: the owner's, those of others, and how they are shown.
    #[must_use]
    pub fn artwork(&self) -> PathBuf {
        self.root.join("artwork")
    }

    /// The search index: derived, and made anew when it is gone.
    #[must_use]
    pub fn search(&self) -> PathBuf {
        self.root.join("search")
    }

    /// Downloads that name no other folder.
    #[must_use]
    pub fn downloads(&self) -> PathBuf {
        self.root.join("downloads")
    }

    /// Transport key of libp2p.
    #[must_use]
    pub fn p2p_key(&self) -> PathBuf {
        self.root.join("p2p.key")
    }

    /// Peers to come back to.
    #[must_use]
    pub fn peers(&self) -> PathBuf {
        self.root.join("peers")
    }

    /// The API token's file.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.root.join("api-token")
    }

    /// Whether a node has run here: it makes a token with its first start.
    #[must_use]
    pub fn has_run(&self) -> bool {
        self.token_file().exists()
    }

    /// The file of settings.
    #[must_use]
    pub fn settings_file(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// What stands in it; empty when there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn settings(&self) -> Result<String, CommandError> {
        let path = self.settings_file();
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            text => text.map_err(|error| cannot("read", &path, &error)),
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn keep_settings(&self, text: &str) -> Result<(), CommandError> {
        let path = self.settings_file();
        write_private(&path, text).map_err(|error| cannot("write", &path, &error))
    }

    fn given_file(&self) -> PathBuf {
        self.state().join("given")
    }

    /// What was kept of how much of each torrent was given to others; empty when there is nothing.
    #[must_use]
    pub fn given(&self) -> String {
        fs::read_to_string(self.given_file()).unwrap_or_default()
    }

    /// Keeps how much of each torrent was given to others.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn keep_given(&self, text: &str) -> Result<(), CommandError> {
        let path = self.given_file();
        write_private(&path, text).map_err(|error| cannot("write", &path, &error))
    }

    fn sessions_file(&self) -> PathBuf {
        self.root.join("sessions")
    }

    /// What was kept of browsers' sessions; empty when there is nothing.
    #[must_use]
    pub fn sessions(&self) -> String {
        fs::read_to_string(self.sessions_file()).unwrap_or_default()
    }

    /// Keeps browsers' sessions over a restart.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_sessions(&self, text: &str) -> Result<(), CommandError> {
        let path = self.sessions_file();
        write_private(&path, text).map_err(|error| cannot("write", &path, &error))
    }

    fn app_keys_file(&self) -> PathBuf {
        self.root.join("app-keys")
    }

    /// The keys that were given to other programs of the owner's; empty when there are none yet.
    #[must_use]
    pub fn app_keys(&self) -> Zeroizing<String> {
        Zeroizing::new(fs::read_to_string(self.app_keys_file()).unwrap_or_default())
    }

    /// Keeps the keys of other programs.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_app_keys(&self, text: &str) -> Result<(), CommandError> {
        let path = self.app_keys_file();
        write_private(&path, text).map_err(|error| cannot("write", &path, &error))
    }

    fn running_file(&self) -> PathBuf {
        self.root.join("running")
    }

    /// Takes the folder for this process; `None` when another one has it.
    ///
    /// # Errors
    /// When the lock file cannot be made.
    pub fn lock(&self) -> Result<Option<Lock>, CommandError> {
        let path = self.root.join("lock");
        let file = private_file(&path).map_err(|error| cannot("make", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(cannot("lock", &path, &error)),
        }
    }

    /// The API token, made at the first start: 256 bits, file 0600.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn token(&self) -> Result<Zeroizing<String>, CommandError> {
        let path = self.token_file();
        if let Ok(token) = fs::read_to_string(&path)
            && token.trim().len() == 64
        {
            return Ok(Zeroizing::new(token.trim().to_owned()));
        }
        let make = || -> io::Result<Zeroizing<String>> {
            let token = Zeroizing::new(HEXLOWER.encode(&random::<32>()?));
            write_private(&path, &token)?;
            Ok(token)
        };
        make().map_err(|error| cannot("write", &path, &error))
    }

    /// Says where this process answers, for the CLI.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_running(&self, running: &Running) -> Result<(), CommandError> {
        let path = self.running_file();
        write_private(&path, &format!("{}\n{}\n", running.http, running.pid))
            .map_err(|error| cannot("write", &path, &error))
    }

    /// Where a node of this folder said that it answers. It may be dead by now.
    #[must_use]
    pub fn running(&self) -> Option<Running> {
        let text = fs::read_to_string(self.running_file()).ok()?;
        let (http, pid) = text.trim().split_once('\n')?;
        Some(Running { http: http.to_owned(), pid: pid.parse().ok()? })
    }

    /// Forgets where this process answered.
    pub fn clear_running(&self) {
        // Nothing depends on it: a stale file is noticed by the lock.
        let _ = fs::remove_file(self.running_file());
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> CommandError {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ": the disk is full, free some space and try again"
        }
        io::ErrorKind::PermissionDenied => ": permission denied, use a folder of your own with --home",
        _ => "",
    };
    let reason = if advice.is_empty() { format!(": {error}") } else { advice.to_owned() };
    CommandError::new(Fault::Failed, "io", format!("cannot {what} {}{reason}", path.display()))
}

fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes a whole file so that a crash leaves the old or the new one, never half of it.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = private_file(&beside)?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_folder(path)
}

/// Makes what was renamed to a path survive a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_the_folder() {
        let folder = tempfile::tempdir().expect("folder");
        let home = Home::find(Some(folder.path().to_owned())).expect("home");
        let first = home.lock().expect("lock");
        assert!(first.is_some());
        assert!(home.lock().expect("lock").is_none());
        drop(first);
        assert!(home.lock().expect("lock").is_some());
    }
}
