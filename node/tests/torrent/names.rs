//! Names that are not safe on every system: what bears them is fetched, under safe ones.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failure here is the test's")]

use crate::support::*;
use heirloom::torrent::{Download, Metainfo, State, create};
use std::path::{Path, PathBuf};
use tokio::io::AsyncReadExt as _;

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files_below(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torrent_of_unsafe_names_is_fetched_played_and_removed_under_safe_ones() {
    let (alice, bob) = tokio::join!(Node::start(131, "alice"), Node::start(132, "bob"));
    let sizes = [("S01: x/e1.mkv", 50_001), ("S01: x/E1.MKV", 20_003), ("CON", 7), ("x\u{202E}y./z.srt", 30_000)];
    for (name, size) in sizes {
        alice.clip(&format!("Show: one/{name}"), size);
    }
    let folder = alice.path("Show: one");
    let options = librqbit::CreateTorrentOptions { piece_length: Some(16 << 10), ..Default::default() };
    let spawner = librqbit::spawn_utils::BlockingSpawner::new(1);
    let torrent = librqbit::create_torrent(&folder, options, &spawner).await.unwrap().as_bytes().unwrap();
    let meta = Metainfo::parse(&torrent).unwrap();
    assert_eq!((meta.name.as_str(), meta.files.len()), ("Show: one", 4));
    // Her own files bear the names that she gave them.
    alice.seed(&meta, &folder, true).await;
    let own = alice.engine.progress(meta.infohash).unwrap();
    assert!(own.renamed == 0 && own.files.iter().all(|file| file.path.is_file()), "{:?}", own.files);

    bob.engine.download(Download { torrent: None, peers: vec![alice.named()], ..magnet(&meta) }).await.unwrap();
    let progress = bob.finished(meta.infohash).await;
    let place = bob.path("downloads/Show_ one");
    assert_eq!((progress.path.as_deref(), progress.renamed), (Some(place.as_path()), 4));
    let mut here: Vec<PathBuf> = progress.files.iter().map(|file| file.path.clone()).collect();
    here.sort();
    assert_eq!(files_below(&bob.path("downloads")), here);
    let lower: std::collections::BTreeSet<String> =
        here.iter().map(|path| path.to_str().unwrap().to_lowercase()).collect();
    assert_eq!(lower.len(), 4, "no two are one where case is ignored");
    for (file, known) in progress.files.iter().zip(meta.files.iter()) {
        let original = known.path.iter().fold(folder.clone(), |path, part| path.join(part));
        assert_eq!(std::fs::read(&file.path).unwrap(), std::fs::read(original).unwrap(), "{:?}", file.path);
        let mut played = Vec::new();
        bob.engine.stream(meta.infohash, known.index).await.unwrap().read_to_end(&mut played).await.unwrap();
        assert_eq!(played.len() as u64, known.bytes);
    }
    assert_eq!(totals(&bob.bookings.drain(), &meta).values().sum::<u64>(), meta.total_bytes, "all of it was booked");

    // What goes on after a restart finds its files again.
    bob.engine.stop().await;
    let bob = Node::start_in(132, "bob", bob.folder).await;
    bob.engine.download(with_torrent(&meta, &[])).await.unwrap();
    bob.finished(meta.infohash).await;
    assert_eq!(bob.bookings.drain(), [], "nothing was fetched again");

    std::fs::write(place.join("mine.txt"), "my own").unwrap();
    bob.engine.remove_and_delete(meta.infohash).await.unwrap();
    assert_eq!(files_below(&bob.path("downloads")), [place.join("mine.txt")]);
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1, "its folders are gone too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_torrent_of_unsafe_names_is_fetched_alone() {
    let (alice, bob) = tokio::join!(Node::start(133, "alice"), Node::start(134, "bob"));
    for (name, size) in [("a: 1.mkv", 50_001), ("a: 2.mkv", 20_003)] {
        alice.clip(&format!("Show/{name}"), size);
    }
    let folder = alice.path("Show");
    let spawner = librqbit::spawn_utils::BlockingSpawner::new(1);
    let options = librqbit::CreateTorrentOptions { piece_length: Some(16 << 10), ..Default::default() };
    let torrent = librqbit::create_torrent(&folder, options, &spawner).await.unwrap().as_bytes().unwrap();
    let meta = Metainfo::parse(&torrent).unwrap();
    alice.seed(&meta, &folder, true).await;
    let second = meta.files.iter().find(|file| file.path == ["a: 2.mkv"]).unwrap().index;
    let files = heirloom::torrent::Files::Only([second].into());
    bob.engine.download(Download { files, ..with_torrent(&meta, &[alice.named()]) }).await.unwrap();
    bob.finished(meta.infohash).await;
    assert_eq!(files_below(&bob.path("downloads")), [bob.path("downloads/Show/a_ 2.mkv")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_in_a_magnets_metadata_get_safe_places() {
    let bob = Node::start(82, "bob").await;
    let clip = bob.clip("clip.mp4", 50_000);
    let torrent = rename(&create(&clip, None).await.unwrap().torrent, "C:evil.txt");
    let infohash = infohash_of(&torrent);
    // A seeder that does not mind: the bare library.
    let (library, _) = library_seed(&bob, 81, "library", &torrent, &clip, None).await;
    let peers = vec![library.listen_addr().unwrap()];
    bob.engine.download(Download { infohash, peers, ..Download::default() }).await.unwrap();
    let progress = bob.finished(infohash).await;
    assert_eq!((progress.state, progress.renamed), (State::Seeding, 1));
    assert_eq!(files_below(&bob.path("downloads")), [bob.path("downloads/C_evil.txt")]);
}
