//! The folder, the disk under it, and what the system lets a process open.

use super::Check;
use super::clock::{self, Heard};
use crate::home::{Home, random};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::SystemTime;

/// Bytes written and read back: more than one block of any usual disk.
const TRIAL_BYTES: usize = 16 << 10;
/// Fewest files that a node must be allowed to open: the store's, its connections, and the files of downloads. What
/// systems allow when nobody says anything.
const OPEN_FILES_MIN: u64 = 1024;

/// Files of the folder that hold keys, tokens or passwords, or tell whom the owner knows.
#[cfg(unix)]
const SECRETS: [&str; 9] = [
    "identity.key",
    "next.key",
    "next.rotating",
    "p2p.key",
    "api-token",
    "app-keys",
    "sessions",
    "config.toml",
    "peers",
];

/// Everything about the folder that can be seen without a node, and the clock beside what a node heard.
pub(crate) fn of_home(home: &Home, heard: Heard) -> Vec<Check> {
    let root = home.root();
    vec![writes(root), permissions(root), clock::judge(root, SystemTime::now(), heard), open_files()]
}

/// Writes a file, has the disk take it, and reads it back.
fn writes(root: &Path) -> Check {
    let fix = "make the node's folder writable for this user, or free some space; if it stays so, look at the disk";
    let trial = || -> io::Result<bool> {
        let seed = random::<32>()?;
        let bytes = seed.repeat(TRIAL_BYTES / seed.len());
        let mut file = tempfile::tempfile_in(root)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        file.rewind()?;
        let mut read = Vec::with_capacity(bytes.len());
        file.read_to_end(&mut read)?;
        Ok(read == bytes)
    };
    match trial() {
        Ok(true) => Check::new("disk_writes", true, format!("{TRIAL_BYTES} bytes written, synced and read back"), fix),
        Ok(false) => Check::new("disk_writes", false, "what was written reads differently", fix),
        Err(error) => Check::new("disk_writes", false, format!("{}: {error}", root.display()), fix),
    }
}

/// Nobody else may change the folder or read the keys in it.
#[cfg(unix)]
fn permissions(root: &Path) -> Check {
    use std::os::unix::fs::PermissionsExt as _;
    let fix = "run `chmod -R go-rwx` on the node's folder: others on this machine can read its keys or change it";
    let mode = |path: &Path| fs::metadata(path).map(|data| data.permissions().mode());
    let of_root = match mode(root) {
        Ok(mode) => mode,
        Err(error) => return Check::new("permissions", false, format!("{}: {error}", root.display()), fix),
    };
    if of_root & 0o022 != 0 {
        let detail = format!("others may write in {}", root.display());
        return Check::new("permissions", false, detail, fix);
    }
    let is_closed = of_root & 0o077 == 0;
    let open =
        SECRETS.map(|name| root.join(name)).into_iter().find(|path| mode(path).is_ok_and(|mode| mode & 0o077 != 0));
    match open.filter(|_| !is_closed) {
        Some(path) => Check::new("permissions", false, format!("others may read {}", path.display()), fix),
        None => Check::new("permissions", true, "only you can read the keys", fix),
    }
}

#[cfg(not(unix))]
fn permissions(_: &Path) -> Check {
    Check::unknown("permissions", "this system has no such bits")
}

/// How many files this process may open, and has open.
fn open_files() -> Check {
    match File::open("/proc/self/limits").and_then(io::read_to_string) {
        Ok(limits) => judge_open_files(&limits, fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)),
        Err(_) => Check::unknown("open_files", "this system does not tell"),
    }
}

fn judge_open_files(limits: &str, open: usize) -> Check {
    let fix = "raise the limit: `ulimit -n 65536` before the start, or LimitNOFILE=65536 in the service";
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = soft.and_then(|line| line.split_whitespace().next());
    let Some(soft) = soft.and_then(|soft| if soft == "unlimited" { Some(u64::MAX) } else { soft.parse().ok() }) else {
        return Check::unknown("open_files", "this system does not tell");
    };
    // At nine tenths the next burst of connections fails.
    let is_room = u64::try_from(open).is_ok_and(|open| open < soft / 10 * 9);
    Check::new("open_files", soft >= OPEN_FILES_MIN && is_room, format!("{open} of {soft} open"), fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_folder_that_takes_bytes_is_well_and_one_that_is_gone_is_not() {
        let folder = tempfile::tempdir().expect("folder");
        assert_eq!(writes(folder.path()).verdict, Verdict::Well);
        assert_eq!(fs::read_dir(folder.path()).expect("still there").count(), 0, "nothing is left behind");
        let gone = folder.path().join("gone");
        assert_eq!((writes(&gone).verdict, permissions(&gone).verdict), (Verdict::Amiss, Verdict::Amiss));
    }

    #[cfg(unix)]
    #[test]
    fn others_may_neither_write_here_nor_read_a_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("folder");
        let (root, key) = (folder.path(), folder.path().join("p2p.key"));
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
        fs::write(&key, "secret").expect("written");
        for (of_root, of_key, expected) in [
            (0o700, 0o644, Verdict::Well),
            (0o755, 0o600, Verdict::Well),
            (0o755, 0o644, Verdict::Amiss),
            (0o770, 0o600, Verdict::Amiss),
        ] {
            set(root, of_root);
            set(&key, of_key);
            assert_eq!(permissions(root).verdict, expected, "{of_root:o} {of_key:o}");
        }
    }

    #[test]
    fn too_few_files_or_nearly_all_in_use_is_amiss() {
        let limits =
            |soft| format!("Limit  Soft  Hard  Units\nMax open files            {soft}      524288     files \n");
        assert_eq!(judge_open_files(&limits("1024"), 100).verdict, Verdict::Well);
        assert_eq!(judge_open_files(&limits("unlimited"), 100).verdict, Verdict::Well);
        assert_eq!(judge_open_files(&limits("256"), 10).verdict, Verdict::Amiss);
        assert_eq!(judge_open_files(&limits("1024"), 1000).verdict, Verdict::Amiss);
        assert_eq!(judge_open_files("nothing", 1).verdict, Verdict::Unknown);
    }
}
