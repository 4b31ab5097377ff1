//! What the videos of a download really are: how each begins, against what its name says.
//!
//! A player reads no further than it must, but whoever sees a file that does not play looks for what else opens it. So a
//! download of which one video is a program, an archive or a page is refused like one whose name says so.

use super::Downloads;
use crate::torrent::Progress;
use heirloom_core::fitting::{FileType, file_type};
use heirloom_core::io::TorrentEvent;
use heirloom_proto::Infohash;
use infer::MatcherType;
use std::time::{Duration, Instant};
use tracing::debug;

/// Most videos of one download that are looked at, the largest first; a series of ten seasons has fewer.
const VIDEOS_MAX: usize = 200;
/// Bytes of each: an archive of the kind "tar" says so in the first 512.
const BYTES: u32 = 512;
/// Shortest time between two looks at one download, which copies the library's table of its pieces.
const PAUSE: Duration = Duration::from_millis(500);
/// How a shortcut of Windows begins: its size, and the start of its class.
const SHORTCUT: [u8; 8] = [0x4c, 0, 0, 0, 1, 0x14, 2, 0];

/// What was seen of the videos of one download.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Those that are still to come; `None` until it is known which there are.
    unseen: Option<Vec<usize>>,
    looked: Option<Instant>,
    /// One of them is something else, and the core was told.
    is_disguised: bool,
}

impl Downloads {
    /// Looks at the videos whose beginnings have come. Whether all were seen, and are what their names say.
    ///
    /// Of one that is something else the core is told, which refuses the download then.
    pub(super) async fn are_as_named(&self, infohash: Infohash, progress: &Progress) -> bool {
        let Some(engine) = &self.engine else { return true };
        let Some(seen) = self.seen(infohash) else { return true };
        if seen.is_disguised || progress.files.is_empty() {
            return false;
        }
        let unseen = seen.unseen.unwrap_or_else(|| videos(progress));
        if unseen.is_empty() {
            self.note_seen(infohash, Seen { unseen: Some(unseen), ..seen });
            return true;
        }
        let is_early = seen.looked.is_some_and(|at| at.elapsed() < PAUSE);
        if is_early && !progress.finished {
            return false;
        }
        let engine = engine.clone();
        let look = move || (engine.beginnings(infohash.0, &unseen, BYTES), unseen);
        let Ok((here, mut unseen)) = tokio::task::spawn_blocking(look).await else { return false };
        unseen.retain(|file| here.iter().all(|(seen, _)| seen != file));
        let disguised = here.iter().find(|(_, bytes)| may_harm(bytes)).map(|(file, _)| *file);
        let (is_all, is_disguised) = (unseen.is_empty(), disguised.is_some());
        self.note_seen(infohash, Seen { unseen: Some(unseen), looked: Some(Instant::now()), is_disguised });
        if let Some(file) = disguised {
            let path = self.path_in(infohash, file);
            debug!(%infohash, path, "a video holds something else");
            self.tell(TorrentEvent::Disguised { infohash, path }).await;
        }
        is_all && !is_disguised
    }
}

/// The videos of a download by what their names say, the largest first.
fn videos(progress: &Progress) -> Vec<usize> {
    let is_video = |path: &std::path::Path| path.to_str().is_some_and(|path| file_type(path) == FileType::Video);
    let mut videos: Vec<_> =
        progress.files.iter().filter(|file| file.is_wanted && file.size > 0 && is_video(&file.path)).collect();
    videos.sort_by_key(|file| (std::cmp::Reverse(file.size), file.index));
    videos.into_iter().take(VIDEOS_MAX).map(|file| file.index).collect()
}

/// Whether a file that is named like a video begins like something that runs, is unpacked, or leads elsewhere.
fn may_harm(beginning: &[u8]) -> bool {
    let is_harmful = |found: infer::Type| match found.matcher_type() {
        MatcherType::App | MatcherType::Doc | MatcherType::Text | MatcherType::Book => true,
        // Fonts of Internet Explorer are told by three bytes within, which a video may have.
        MatcherType::Archive => found.extension() != "eot",
        _ => false,
    };
    beginning.starts_with(&SHORTCUT) || infer::get(beginning).is_some_and(is_harmful)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_archives_and_pages_are_told_from_videos() {
        let harmful: [&[u8]; 9] = [
            b"MZ\x90\0\x03\0\0\0",
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40",
            b"PK\x03\x04\x14\0\0\0\x08\0",
            b"Rar!\x1a\x07\x01\0",
            b"7z\xbc\xaf\x27\x1c\0\x04",
            b"#!/bin/sh\nrm -rf ~\n",
            b"<!DOCTYPE html><title>Film</title>",
            b"%PDF-1.7\n",
            &SHORTCUT,
        ];
        for beginning in harmful {
            assert!(may_harm(beginning), "{beginning:?}");
        }
        let clip = include_bytes!("../../assets/big-buck-bunny-5s.mp4");
        let videos: [&[u8]; 8] = [
            &clip[..512],
            b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01",
            b"RIFF\x24\0\0\0AVI LIST",
            b"\0\0\x01\xba\x44\0\x04\0",
            b"G@\x11\x10\0B\xf0\x25",
            b"FLV\x01\x05\0\0\0\x09",
            b"OggS\0\x02\0\0",
            b"",
        ];
        for beginning in videos {
            assert!(!may_harm(beginning), "{beginning:?}");
        }
    }
}
