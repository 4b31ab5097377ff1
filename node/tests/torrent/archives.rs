//! Files that are this network's own: what may be fetched as one, and that none of it is booked.

use heirloom::torrent::{AddError, Download, OnlyFile, State};

use crate::support::{Node, magnet};

fn only(name: &str, bytes_max: u64) -> Option<OnlyFile> {
    let beside = Some(("key".to_owned(), "key.pictures".to_owned()));
    Some(OnlyFile { name: name.to_owned(), beside, bytes_max })
}

#[tokio::test]
async fn the_file_may_have_one_other_beside_it() {
    let (alice, bob) = (Node::start(135, "alice").await, Node::start(136, "bob").await);
    alice.clip("key/key.statements", 100_000);
    alice.clip("key/key.pictures", 100_000);
    let folder = alice.path("key");
    let meta = heirloom::torrent::create(&folder, None).await.unwrap();
    alice.seed(&meta, &folder, true).await;
    let to = Some(bob.path("archives"));
    let download = Download { only: only("key.statements", 200_000), to, peers: vec![alice.named()], ..magnet(&meta) };
    bob.engine.download(download).await.unwrap();
    bob.finished(meta.infohash).await;
    for name in ["key.statements", "key.pictures"] {
        let got = std::fs::read(bob.path("archives/key").join(name)).unwrap();
        assert_eq!(got, std::fs::read(folder.join(name)).unwrap(), "{name}");
    }
    assert_eq!(bob.bookings.drain(), [], "no proof of seed");
}

#[tokio::test]
async fn one_file_of_that_name_is_fetched_and_none_of_it_is_booked() {
    let (alice, bob) = (Node::start(121, "alice").await, Node::start(122, "bob").await);
    let path = alice.clip("key.statements", 200_000);
    let meta = heirloom::torrent::create(&path, None).await.unwrap();
    alice.seed(&meta, &path, true).await;
    let download = Download {
        only: only("key.statements", 200_000),
        to: Some(bob.path("archives")),
        peers: vec![alice.named()],
        ..magnet(&meta)
    };
    bob.engine.download(download).await.unwrap();
    bob.finished(meta.infohash).await;
    assert_eq!(std::fs::read(bob.path("archives/key.statements")).unwrap(), std::fs::read(&path).unwrap());
    assert_eq!(bob.bookings.drain(), [], "no proof of seed");
}

#[tokio::test]
async fn anything_else_is_refused_before_it_is_written() {
    let (alice, bob) = (Node::start(123, "alice").await, Node::start(124, "bob").await);
    let file = alice.clip("key.statements", 100_000);
    alice.clip("folder/key.statements", 100_000);
    let folder = alice.path("folder");
    alice.clip("more/key/key.statements", 100_000);
    alice.clip("more/key/key.pictures", 50_000);
    alice.clip("more/key/third", 10);
    let more = alice.path("more/key");
    alice.clip("large/key/key.statements", 100_000);
    alice.clip("large/key/key.pictures", 100_001);
    let large = alice.path("large/key");
    for (path, name, bytes_max) in [
        (&file, "other.statements", 200_000),
        (&file, "key.statements", 99_999),
        (&folder, "folder", 200_000),
        (&folder, "key.statements", 200_000),
        (&more, "key.statements", 200_000),
        (&large, "key.statements", 200_000),
    ] {
        let meta = heirloom::torrent::create(path, None).await.unwrap();
        alice.seed(&meta, path, true).await;
        let to = bob.path("archives");
        let download =
            Download { only: only(name, bytes_max), to: Some(to.clone()), peers: vec![alice.named()], ..magnet(&meta) };
        // With the torrent at hand, at once; from peers, when its metadata is there.
        let at_once = Download { torrent: Some(meta.torrent.clone()), ..download.clone() };
        let refusal = bob.engine.download(at_once).await.unwrap_err();
        assert!(matches!(refusal, AddError::NotTheFile { .. }), "{name}: {refusal}");
        bob.engine.download(download).await.unwrap();
        let progress = bob.until(meta.infohash, "refused", |progress| progress.state == State::Failed).await;
        assert!(matches!(progress.refused, Some(AddError::NotTheFile { .. })), "{name}: {progress:?}");
        assert!(!to.exists(), "nothing was written");
        bob.engine.remove(meta.infohash).await.unwrap();
        alice.engine.remove(meta.infohash).await.unwrap();
    }
}
