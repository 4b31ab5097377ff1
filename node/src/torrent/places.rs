//! Which folder a download goes into: never over a file that is not its own.
//!
//! Names are no property of a torrent: two people publish `film.mkv`, and a fake bears the name and size of what it
//! imitates. So the engine remembers where it put each torrent, and takes over a file that it does not remember only
//! when a piece of it is right. Otherwise the download goes into a folder named after its infohash.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha1::{Digest as _, Sha1};

use super::bencode::Dict;
use super::disk;
use super::errors::AddError;
use super::metainfo::Metainfo;
use super::peers::hex;

/// Bytes read at once while a piece is checked.
const READ_BYTES: usize = 256 << 10;

/// The folder to put a torrent into when `wanted` was asked for. `claimed` are the files and folders of other torrents.
pub(super) fn choose(
    state: &Path,
    meta: &Metainfo,
    wanted: &Path,
    claimed: &BTreeSet<PathBuf>,
) -> Result<PathBuf, AddError> {
    let own = wanted.join(hex(meta.infohash));
    let record = state.join("places").join(hex(meta.infohash));
    if let Ok(known) = fs::read_to_string(&record) {
        let known = PathBuf::from(known);
        if known == wanted || known == own {
            return Ok(known);
        }
    }
    let target = wanted.join(&meta.place);
    let failed = |error: io::Error| AddError::Disk { path: record.clone(), reason: error.to_string() };
    let is_there = fs::symlink_metadata(&target).is_ok();
    if is_there {
        // What is plainly something else is refused, so that its owner hears of it.
        disk::check_target(meta, None, wanted)?;
    }
    let is_others = is_there && (claimed.contains(&target) || !holds_a_piece(meta, wanted));
    let chosen = if is_others { own } else { wanted.to_owned() };
    if let Some(text) = chosen.to_str() {
        fs::create_dir_all(state.join("places")).map_err(failed)?;
        fs::write(&record, text).map_err(failed)?;
    }
    Ok(chosen)
}

/// Whether at least one piece of the torrent is already right below `folder`. Stops at the first.
fn holds_a_piece(meta: &Metainfo, folder: &Path) -> bool {
    let Ok(info) = Dict::read(&meta.info) else { return false };
    let Some(hashes) = info.text("pieces") else { return false };
    let mut hashes = hashes.chunks_exact(20);
    let mut hasher = Sha1::new();
    let mut room = u64::from(meta.piece_bytes);
    // A piece that begins or ends in a file that is not here cannot be right.
    let mut is_whole = true;
    let mut buffer = vec![0; READ_BYTES];
    for file in &meta.files {
        let path = meta.path_of(file).iter().fold(folder.to_owned(), |path, part| path.join(part));
        let mut reader = if file.padding { None } else { File::open(&path).ok() };
        let mut rest = file.bytes;
        while rest > 0 {
            let step = rest.min(room).min(READ_BYTES as u64);
            let part = usize::try_from(step).map_or(0, |step| step);
            let is_read = match &mut reader {
                Some(reader) => reader.read_exact(&mut buffer[..part]).is_ok(),
                None => {
                    buffer[..part].fill(0);
                    file.padding
                }
            };
            is_whole &= is_read;
            hasher.update(&buffer[..part]);
            rest -= step;
            room -= step;
            if room == 0 {
                let digest = hasher.finalize_reset();
                if hashes.next().is_some_and(|hash| is_whole && hash == digest.as_slice()) {
                    return true;
                }
                room = u64::from(meta.piece_bytes);
                is_whole = true;
            }
        }
    }
    let digest = hasher.finalize();
    room < u64::from(meta.piece_bytes) && hashes.next().is_some_and(|hash| is_whole && hash == digest.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torrent::create;

    const NAME: &str = "film.mkv";

    async fn torrent_of(content: &[u8]) -> Metainfo {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        fs::write(&path, content).unwrap();
        create(&path, None).await.unwrap()
    }

    #[tokio::test]
    async fn another_torrent_of_the_same_name_and_size_is_not_written_over() {
        let place = tempfile::tempdir().unwrap();
        let (state, wanted) = (place.path().join("state"), place.path().join("downloads"));
        let (good, fake) = (torrent_of(&[1; 100_000]).await, torrent_of(&[2; 100_000]).await);
        fs::create_dir_all(&wanted).unwrap();
        let none = BTreeSet::new();
        assert_eq!(choose(&state, &good, &wanted, &none).unwrap(), wanted);
        fs::write(wanted.join(NAME), [1; 100_000]).unwrap();
        assert_eq!(choose(&state, &good, &wanted, &none).unwrap(), wanted, "its own file is taken up again");
        let beside = wanted.join(hex(fake.infohash));
        assert_eq!(choose(&state, &fake, &wanted, &none).unwrap(), beside);
        assert_eq!(choose(&state, &fake, &wanted, &none).unwrap(), beside, "and again after a restart");
    }

    #[tokio::test]
    async fn a_file_begun_elsewhere_is_taken_up_if_a_piece_is_right_and_nobody_claims_it() {
        let place = tempfile::tempdir().unwrap();
        let (state, wanted) = (place.path().join("state"), place.path().to_owned());
        let content: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        let good = torrent_of(&content).await;
        let mut half = content.clone();
        half[..50_000].fill(0);
        fs::write(wanted.join(NAME), &half).unwrap();
        let claimed = BTreeSet::from([wanted.join(NAME)]);
        let own = wanted.join(hex(good.infohash));
        assert_eq!(choose(&state.join("a"), &good, &wanted, &claimed).unwrap(), own);
        assert_eq!(choose(&state.join("b"), &good, &wanted, &BTreeSet::new()).unwrap(), wanted);
    }
}
