//! The folder of a node: identity, token, lock, and where everything else lies.

use data_encoding::HEXLOWER;
use heirloom_core::command::{CommandError, Fault};
use heirloom_proto::{SecretKey, Sha256};
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

/// The owner's keys as the files hold them.
pub struct Identity {
    /// The key.
    pub secret: SecretKey,
    /// How often it was rotated.
    pub generation: u32,
    /// SHA-256 of the next public key.
    pub next_key_hash: Sha256,
    /// Made just now.
    pub is_new: bool,
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
        for folder in [self.root.clone(), self.state(), self.torrents()] {
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

    /// The API token's file.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.root.join("api-token")
    }

    fn running_file(&self) -> PathBuf {
        self.root.join("running")
    }

    fn identity_file(&self) -> PathBuf {
        self.root.join("identity.key")
    }

    fn next_key_file(&self) -> PathBuf {
        self.root.join("next.key")
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

    /// Reads the owner's keys, making them at the first start.
    ///
    /// # Errors
    /// When the files are damaged or cannot be written.
    pub fn identity(&self) -> Result<Identity, CommandError> {
        let path = self.identity_file();
        match fs::read_to_string(&path) {
            Ok(text) => {
                let text = Zeroizing::new(text);
                read_identity(&text).ok_or_else(|| {
                    CommandError::new(
                        Fault::Failed,
                        "damaged_identity",
                        format!("{} is damaged: restore it from a backup", path.display()),
                    )
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_identity(),
            Err(error) => Err(cannot("read", &path, &error)),
        }
    }

    fn make_identity(&self) -> Result<Identity, CommandError> {
        let path = self.identity_file();
        let make = || -> io::Result<Identity> {
            let seed = Zeroizing::new(random::<32>()?);
            let next = Zeroizing::new(random::<32>()?);
            let next_key_hash = Sha256::of(SecretKey::from_seed(&next).public().as_bytes());
            // The next key first: an identity without it could never be rotated.
            write_private(&self.next_key_file(), &HEXLOWER.encode(&*next))?;
            let text = Zeroizing::new(format!("{}\ngeneration 0\nnext {next_key_hash}\n", HEXLOWER.encode(&*seed)));
            write_private(&path, &text)?;
            let secret = SecretKey::from_seed(&seed);
            Ok(Identity { secret, generation: 0, next_key_hash, is_new: true })
        };
        make().map_err(|error| cannot("write", &path, &error))
    }

    /// The 24 words of the next key, once: after `forget` they are nowhere on this machine.
    ///
    /// # Errors
    /// When they were shown already, or the file cannot be read.
    pub fn recovery_words(&self) -> Result<Zeroizing<String>, CommandError> {
        let path = self.next_key_file();
        let text = fs::read_to_string(&path).map_err(|_| {
            CommandError::not_found("already_shown", "the recovery words were shown before and are no longer kept here")
        })?;
        let text = Zeroizing::new(text);
        let seed = HEXLOWER.decode(text.trim().as_bytes()).map(Zeroizing::new);
        let words = seed.ok().and_then(|seed| bip39::Mnemonic::from_entropy(&seed).ok());
        words.map(|words| Zeroizing::new(words.to_string())).ok_or_else(|| {
            CommandError::new(Fault::Failed, "damaged_identity", format!("{} is damaged", path.display()))
        })
    }

    /// Whether the words were never shown.
    #[must_use]
    pub fn has_recovery_words(&self) -> bool {
        self.next_key_file().exists()
    }

    /// Removes the next key after it was shown.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget_recovery_words(&self) -> Result<(), CommandError> {
        let path = self.next_key_file();
        fs::remove_file(&path).map_err(|error| cannot("remove", &path, &error))
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

fn read_identity(text: &str) -> Option<Identity> {
    let mut lines = text.lines();
    let seed = Zeroizing::new(HEXLOWER.decode(lines.next()?.trim().as_bytes()).ok()?);
    let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed.as_slice().try_into().ok()?);
    let generation = lines.next()?.strip_prefix("generation ")?.trim().parse().ok()?;
    let next = HEXLOWER.decode(lines.next()?.strip_prefix("next ")?.trim().as_bytes()).ok()?;
    let next_key_hash = Sha256::from_slice(&next)?;
    Some(Identity { secret: SecretKey::from_seed(&seed), generation, next_key_hash, is_new: false })
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
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_is_made_once_and_words_are_shown_once() {
        let folder = tempfile::tempdir().expect("folder");
        let home = Home::find(Some(folder.path().join("h"))).expect("home");
        home.prepare().expect("prepare");
        let first = home.identity().expect("identity");
        let again = home.identity().expect("identity");
        assert!(first.is_new && !again.is_new);
        assert_eq!(first.secret.public(), again.secret.public());
        let words = home.recovery_words().expect("words");
        assert_eq!(words.split(' ').count(), 24);
        let seed = bip39::Mnemonic::parse(words.as_str()).expect("bip39").to_entropy();
        let next = SecretKey::from_seed(&seed.try_into().expect("32 bytes")).public();
        assert_eq!(Sha256::of(next.as_bytes()), again.next_key_hash, "the words lead to the committed key");
        home.forget_recovery_words().expect("forget");
        assert!(home.recovery_words().is_err());
    }

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
