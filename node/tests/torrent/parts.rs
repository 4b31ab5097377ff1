//! Some files of a torrent: nothing else gets a name on disk, and what came in is booked to the byte.
#![allow(clippy::unwrap_used, reason = "a failure here is the test's")]

use crate::support::*;
use heirloom::torrent::{AddError, Download, Files, Metainfo, State, StreamError, create};
use std::collections::BTreeSet;
use std::path::Path;

/// Not multiples of a piece, so that pieces reach from one episode into the next.
const SIZES: [usize; 4] = [300_001, 70_003, 5, 400_007];

/// A season, and its torrent.
async fn season(node: &Node) -> (std::path::PathBuf, Metainfo) {
    for (number, size) in (1..).zip(SIZES) {
        node.clip(&format!("Season/e{number}.mkv"), size);
    }
    let folder = node.path("Season");
    let meta = create(&folder, None).await.unwrap();
    assert!(meta.piece_bytes == 16 << 10);
    (folder, meta)
}

fn only(indices: &[usize]) -> Files {
    Files::Only(indices.iter().copied().collect())
}

/// Pieces that a set of files needs.
fn pieces_of(meta: &Metainfo, indices: &[usize]) -> BTreeSet<u32> {
    let mut start = 0;
    let mut pieces = BTreeSet::new();
    for file in &meta.files {
        let end = start + file.bytes;
        if indices.contains(&file.index) {
            let piece = u64::from(meta.piece_bytes);
            pieces.extend((start / piece..end.div_ceil(piece)).map(|index| u32::try_from(index).unwrap()));
        }
        start = end;
    }
    pieces
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_of_a_season_arrives_alone_and_grows_to_the_whole() {
    let (alice, bob) = tokio::join!(Node::start(111, "alice"), Node::start(112, "bob"));
    let (folder, meta) = season(&alice).await;
    alice.seed(&meta, &folder, true).await;
    let part = Download { files: only(&[1]), ..with_torrent(&meta, &[alice.named()]) };
    bob.engine.download(part.clone()).await.unwrap();
    let progress = bob.finished(meta.infohash).await;
    assert_eq!((progress.bytes, progress.total, progress.state), (70_003, 70_003, State::Seeding));
    let wanted: Vec<bool> = progress.files.iter().map(|file| file.is_wanted).collect();
    assert_eq!(wanted, [false, true, false, false]);
    let place = progress.path.unwrap();
    assert_eq!(names(&place), ["e2.mkv"], "no other file has a name on disk");
    assert_eq!(std::fs::read(place.join("e2.mkv")).unwrap(), noise(70_003));
    let mut booked = bob.bookings.drain();
    let sum = totals(&booked, &meta).values().sum::<u64>();
    let pieces = pieces_of(&meta, &[1]);
    assert_eq!(booked.iter().map(|one| one.piece).collect::<BTreeSet<_>>(), pieces, "the pieces of that file");
    assert_eq!(sum, pieces.len() as u64 * u64::from(meta.piece_bytes), "and each in full");
    assert!(matches!(bob.engine.stream(meta.infohash, 0).await, Err(StreamError::NoFile { .. })));

    // Asked again after a restart, nothing is fetched twice: what shares a piece with it was kept.
    bob.engine.stop().await;
    let bob = Node::start_in(112, "bob", bob.folder).await;
    bob.engine.download(part).await.unwrap();
    bob.finished(meta.infohash).await;
    assert_eq!(bob.bookings.drain(), []);

    // More of it, then all: each piece is booked once at least, and the content is the original's.
    bob.engine.download(Download { files: only(&[1, 3]), ..with_torrent(&meta, &[alice.named()]) }).await.unwrap();
    let progress = bob.until(meta.infohash, "two", |progress| progress.finished && progress.total == 470_010).await;
    assert_eq!(names(&progress.path.unwrap()), ["e2.mkv", "e4.mkv"]);
    booked.extend(bob.bookings.drain());
    bob.engine.download(with_torrent(&meta, &[alice.named()])).await.unwrap();
    let progress = bob.until(meta.infohash, "all", |progress| progress.finished && progress.total == 770_016).await;
    booked.extend(bob.bookings.drain());
    let all: BTreeSet<u32> = booked.iter().map(|one| one.piece).collect();
    assert_eq!(all.len() as u64, meta.total_bytes.div_ceil(meta.piece_bytes.into()));
    for (number, size) in (1..).zip(SIZES) {
        let file = progress.path.clone().unwrap().join(format!("e{number}.mkv"));
        assert_eq!(std::fs::read(file).unwrap(), noise(size));
    }
    assert!(!bob.config.state_dir.join("parts").join(data_encoding::HEXLOWER.encode(&meta.infohash)).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn until_it_is_said_which_files_nothing_is_written() {
    let (alice, bob) = tokio::join!(Node::start(113, "alice"), Node::start(114, "bob"));
    let (folder, meta) = season(&alice).await;
    alice.seed(&meta, &folder, true).await;
    let later = Download { files: Files::Later, peers: vec![alice.named()], ..magnet(&meta) };
    bob.engine.download(later.clone()).await.unwrap();
    let known = async {
        while bob.engine.metainfo(meta.infohash).is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), known).await.expect("the metadata");
    bob.engine.download(later).await.unwrap();
    let progress = bob.engine.progress(meta.infohash).unwrap();
    assert_eq!((progress.state, progress.name.as_deref()), (State::Resolving, Some("Season")));
    assert_eq!(names(&bob.config.downloads), Vec::<String>::new());
    // The metadata that came is used, though no torrent file is given.
    let named = Download { files: only(&[2]), peers: vec![alice.named()], ..magnet(&meta) };
    bob.engine.download(named).await.unwrap();
    let progress = bob.finished(meta.infohash).await;
    assert_eq!((progress.total, names(&progress.path.unwrap())), (5, vec!["e3.mkv".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_there_are_refused_and_deleting_a_part_touches_nothing_else() {
    let (alice, bob) = tokio::join!(Node::start(115, "alice"), Node::start(116, "bob"));
    let (folder, meta) = season(&alice).await;
    for files in [only(&[4]), only(&[])] {
        let refused = bob.engine.download(Download { files, ..with_torrent(&meta, &[]) }).await;
        assert!(matches!(refused, Err(AddError::NotTheFile { .. })), "{refused:?}");
    }
    alice.seed(&meta, &folder, true).await;
    bob.engine.download(Download { files: only(&[1]), ..with_torrent(&meta, &[alice.named()]) }).await.unwrap();
    let place = bob.finished(meta.infohash).await.path.unwrap();
    // Put there by the owner, under the name of a file that was not asked for.
    std::fs::write(place.join("e1.mkv"), "mine").unwrap();
    bob.engine.remove_and_delete(meta.infohash).await.unwrap();
    assert_eq!(names(&place), ["e1.mkv"]);
    assert_eq!(std::fs::read(place.join("e1.mkv")).unwrap(), b"mine");
}
