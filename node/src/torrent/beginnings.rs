//! How the files of a torrent begin.

use std::io::Read as _;

use librqbit::Api;
use librqbit::api::TorrentIdOrHash;

use super::Infohash;
use super::engine::{Engine, Running};

impl Engine {
    /// Those of some files of a torrent that begin with pieces that are here and passed their check, each with its first
    /// bytes, at most so many. One that cannot be read has none.
    #[must_use]
    pub fn beginnings(&self, infohash: Infohash, files: &[usize], bytes_max: u32) -> Vec<(usize, Vec<u8>)> {
        let Some(running) = self.0.running(infohash) else { return Vec::new() };
        // The library tells which pieces are here by this door alone.
        let api = Api::new(self.0.session_of(infohash).clone(), None);
        let Ok((pieces, _)) = api.api_dump_haves(TorrentIdOrHash::Id(running.handle.id())) else { return Vec::new() };
        let has = |piece: u64| usize::try_from(piece).is_ok_and(|at| pieces.get(at).is_some_and(|is_here| *is_here));
        let here = files.iter().filter_map(|file| Some((*file, begins_in(&running, *file, bytes_max)?)));
        let here = here.filter(|(_, (first, last))| (*first..=*last).all(has));
        here.map(|(file, _)| (file, read(&running, file, bytes_max))).collect()
    }
}

/// The pieces that hold the beginning of a file.
fn begins_in(running: &Running, file: usize, bytes_max: u32) -> Option<(u64, u64)> {
    let (meta, piece) = (&running.meta, u64::from(running.meta.piece_bytes.max(1)));
    let size = meta.files.get(file)?.bytes;
    let start: u64 = meta.files[..file].iter().map(|file| file.bytes).sum();
    let last = start + size.min(u64::from(bytes_max)).saturating_sub(1);
    Some((start / piece, last / piece))
}

fn read(running: &Running, file: usize, bytes_max: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(Some(path)) = running.files.get(file)
        && let Ok(reader) = std::fs::File::open(path)
    {
        // What cannot be read begins with nothing: whoever opens it will be told.
        let _ = reader.take(u64::from(bytes_max)).read_to_end(&mut bytes);
    }
    bytes
}
