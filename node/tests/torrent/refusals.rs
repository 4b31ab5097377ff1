//! What is refused, and that nothing is written then.

use crate::support::*;
use heirloom::torrent::{AddError, Config, Download, Engine, Metainfo, StartError, State, create};
use std::net::TcpListener;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn refusals_come_before_anything_is_written() {
    let (alice, bob) = tokio::join!(Node::start(71, "alice"), Node::start(72, "bob"));
    let clip = alice.clip("clip.mp4", 50_000);
    let meta = create(&clip, None).await.unwrap();
    let cut = Download { torrent: Some(meta.torrent[..meta.torrent.len() / 2].to_vec()), ..magnet(&meta) };
    let refusal = bob.engine.download(cut).await.unwrap_err();
    assert!(refusal.to_string().contains("damaged"), "{refusal}");
    let other = Download { infohash: [7; 20], ..with_torrent(&meta, &[]) };
    assert!(matches!(bob.engine.download(other).await, Err(AddError::InfohashMismatch { .. })));
    let forged = Download { info_sha256: Some([7; 32]), ..with_torrent(&meta, &[]) };
    assert!(matches!(bob.engine.download(forged).await, Err(AddError::InfoMismatch { .. })));
    for name in ["../evil.txt", "..", "a\\b"] {
        let torrent = rename(&meta.torrent, name);
        let hostile = Metainfo::parse(&torrent).unwrap_err();
        let infohash = infohash_of(&torrent);
        let download = Download { infohash, torrent: Some(torrent), ..Download::default() };
        match bob.engine.download(download).await {
            Err(AddError::UnsafePath(refusal)) => assert!(hostile.to_string().contains(refusal.reason)),
            other => panic!("{name}: {other:?}"),
        }
    }
    // A magnet's metadata is judged in the same way, once it is here.
    alice.seed(&meta, &clip, true).await;
    let forged = Download { info_sha256: Some([7; 32]), peers: vec![alice.named()], ..magnet(&meta) };
    bob.engine.download(forged).await.unwrap();
    let failed = bob.until(meta.infohash, "refused", |progress| progress.state == State::Failed).await;
    assert!(failed.error.unwrap().contains("not what was signed"));
    // A file that belongs to somebody is in the way.
    std::fs::create_dir_all(bob.path("mine")).unwrap();
    std::fs::write(bob.path("mine/clip.mp4"), "my own").unwrap();
    let to = Some(bob.path("mine"));
    let refusal = bob.engine.download(Download { to, ..with_torrent(&meta, &[]) }).await.unwrap_err();
    assert!(matches!(refusal, AddError::Exists { .. }), "{refusal}");
    assert_eq!(std::fs::read(bob.path("mine/clip.mp4")).unwrap(), b"my own");
    assert_eq!(std::fs::read_dir(bob.path("downloads")).unwrap().count(), 0, "nothing was written");
    // None of that stands in the way of the real one.
    bob.engine.download(with_torrent(&meta, &[alice.named()])).await.unwrap();
    bob.finished(meta.infohash).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named_in_the_error() {
    let taken = TcpListener::bind("127.0.0.101:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = Config { bt_named: address, ..config([127, 0, 0, 101], "alice", folder.path(), Arc::default()) };
    match Engine::start(config, Arc::default()).await {
        Err(StartError::AddressInUse { address: found }) => assert_eq!(found, address),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("started on a taken port"),
    }
    // An engine that was stopped leaves its ports free for the next one.
    let node = Node::start(102, "bob").await;
    let (bt, bt_named) = node.engine.listen_addrs();
    node.engine.stop().await;
    let same = Config { bt, bt_named, ..node.config.clone() };
    let again = Engine::start(same, Arc::default()).await.unwrap();
    assert_eq!(again.listen_addrs(), (bt, bt_named));
}
