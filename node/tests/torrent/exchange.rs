//! Who gave what to whom.

use crate::support::*;
use heirloom::torrent::{AddError, Config, Download, Engine, Metainfo, Progress, State, create};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_short_clip_is_booked_exactly_to_its_seeder() {
    let (alice, bob) = tokio::join!(Node::start(11, "alice"), Node::start(12, "bob"));
    let clip = alice.clip("clip.mp4", 300 << 10);
    let meta = create(&clip, Some("did:key:z6MkAlice")).await.unwrap();
    alice.seed(&meta, &clip, true).await;
    bob.engine.download(with_torrent(&meta, &[alice.named()])).await.unwrap();
    let progress = bob.finished(meta.infohash).await;
    // Drained in the very moment of being finished: nothing may come later.
    let booked = totals(&bob.bookings.drain(), &meta);
    let alices_name = Some("heirloom/0.1.0 alice".to_owned());
    assert_eq!(booked, BTreeMap::from([((ip(11), alices_name), 300 << 10)]));
    assert_eq!((progress.bytes, progress.total, progress.named), (300 << 10, 300 << 10, false));
    assert_eq!(std::fs::read(progress.path.unwrap()).unwrap(), noise(300 << 10));
    assert_eq!(bob.bookings.drain(), []);
    tokio::join!(alice.engine.stop(), bob.engine.stop());
    assert!(bob.engine.progress(meta.infohash).is_none());
    let stopped = bob.engine.download(magnet(&meta)).await;
    assert!(matches!(stopped, Err(AddError::Stopped)));
}

#[tokio::test(flavor = "multi_thread")]
async fn named_and_nameless_seeders_sum_to_the_size_and_none_exceeds_what_it_sent() {
    let (alice, bob, carol) = tokio::join!(Node::start(21, "alice"), Node::start(22, "bob"), Node::start(23, "carol"));
    let size = 24 << 20;
    let clip = alice.clip("film.mkv", size);
    let meta = create(&clip, None).await.unwrap();
    alice.seed(&meta, &clip, true).await;
    bob.seed(&meta, &bob.clip("film.mkv", size), false).await;
    carol.engine.download(with_torrent(&meta, &[alice.named(), bob.anonymous()])).await.unwrap();
    carol.finished(meta.infohash).await;
    let booked = totals(&carol.bookings.drain(), &meta);
    assert_eq!(booked.values().sum::<u64>(), size as u64);
    for ((address, name), bytes) in &booked {
        let (seeder, wanted) = if *address == ip(21) { (&alice, "heirloom/0.1.0 alice") } else { (&bob, "heirloom") };
        assert_eq!(name.as_deref(), Some(wanted));
        assert!(*address == ip(21) || *address == ip(22), "{address}");
        let sent = seeder.uploaded(meta.infohash);
        assert!(*bytes <= sent, "{address} was booked {bytes} of {sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_vanishing_peers_leave_no_gap_and_nothing_is_counted_twice() {
    let (alice, carol) = tokio::join!(Node::start(24, "alice"), Node::start(25, "carol"));
    let size = (8 << 20) + 12_345;
    let clip = alice.clip("film.mkv", size);
    // Pieces of 32 blocks, so that several peers can have a part in one.
    let options = librqbit::CreateTorrentOptions { piece_length: Some(512 << 10), ..Default::default() };
    let spawner = librqbit::spawn_utils::BlockingSpawner::new(1);
    let torrent = librqbit::create_torrent(&clip, options, &spawner).await.unwrap().as_bytes().unwrap();
    let meta = Metainfo::parse(&torrent).unwrap();
    let (slow, slow_handle) = library_seed(&alice, 26, "slow", &torrent, &clip, Some(1_500_000)).await;
    let (gone, _) = library_seed(&alice, 27, "gone", &torrent, &clip, Some(3_000_000)).await;
    let peers = [slow.listen_addr().unwrap(), gone.listen_addr().unwrap()];
    carol.engine.download(with_torrent(&meta, &peers)).await.unwrap();
    let third = |progress: &Progress| progress.state == State::Downloading && progress.bytes > 3 << 20;
    carol.until(meta.infohash, "a third", third).await;
    gone.stop().await;
    alice.seed(&meta, &clip, true).await;
    carol.map.add(meta.infohash, alice.named());
    carol.finished(meta.infohash).await;
    let booked = totals(&carol.bookings.drain(), &meta);
    assert_eq!(booked.values().sum::<u64>(), size as u64);
    let of = |last_byte: u8, name: &str| booked.get(&(ip(last_byte), Some(name.to_owned()))).copied().unwrap_or(0);
    assert_eq!(
        of(24, "heirloom/0.1.0 alice") + of(26, "slow") + of(27, "gone"),
        size as u64,
        "nobody else: {booked:?}"
    );
    assert!(of(24, "heirloom/0.1.0 alice") <= alice.uploaded(meta.infohash));
    assert!(of(26, "slow") <= slow_handle.stats().uploaded_bytes);
    assert!(of(27, "gone") > 0, "who left is still credited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_magnet_waits_for_a_seeder_that_appears_later_at_an_unknown_address() {
    let bob = Node::start(32, "bob").await;
    let clip = bob.clip("source/clip.mp4", 100_000);
    let meta = create(&clip, None).await.unwrap();
    bob.engine.download(Download { name: Some("A clip".into()), ..magnet(&meta) }).await.unwrap();
    let progress = bob.engine.progress(meta.infohash).unwrap();
    assert_eq!((progress.state, progress.name.as_deref()), (State::Resolving, Some("A clip")));
    // Several rounds in which nobody has it.
    while bob.map.lookups.load(Ordering::Relaxed) < 5 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(bob.engine.progress(meta.infohash).unwrap().state, State::Resolving);
    let alice = Node::start(31, "alice").await;
    alice.seed(&meta, &clip, true).await;
    bob.map.add(meta.infohash, alice.named());
    let progress = bob.finished(meta.infohash).await;
    assert_eq!(progress.name.as_deref(), Some("clip.mp4"));
    assert_eq!(totals(&bob.bookings.drain(), &meta).values().sum::<u64>(), 100_000);
    assert!(bob.map.announced.lock().unwrap().contains(&(meta.infohash, bob.anonymous().port())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_address_is_tried_until_its_seeder_is_up() {
    let bob = Node::start(42, "bob").await;
    let clip = bob.clip("source/clip.mp4", 100_000);
    let meta = create(&clip, None).await.unwrap();
    // Somebody else is at that address first, and hangs up.
    let other = tokio::net::TcpListener::bind("127.0.0.41:0").await.unwrap();
    let address = other.local_addr().unwrap();
    bob.engine.download(with_torrent(&meta, &[address])).await.unwrap();
    drop(other.accept().await.unwrap());
    drop(other);
    // The library would try again after 10 s, and then after a minute; the engine does not wait for that.
    let folder = tempfile::tempdir().unwrap();
    let map = Arc::new(Map::default());
    let config = Config { bt_named: address, ..config([127, 0, 0, 41], "alice", folder.path(), map) };
    let alice = Engine::start(config, Arc::default()).await.unwrap();
    alice.seed(&meta.torrent, &clip, true).await.unwrap();
    bob.finished(meta.infohash).await;
    let booked = totals(&bob.bookings.drain(), &meta);
    assert_eq!(booked, BTreeMap::from([((ip(41), Some("heirloom/0.1.0 alice".to_owned())), 100_000)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_done_download_continues_and_books_only_what_was_missing() {
    let (alice, bob) = tokio::join!(Node::start(51, "alice"), Node::start(52, "bob"));
    let size = 4 << 20;
    let clip = alice.clip("film.mkv", size);
    let meta = create(&clip, None).await.unwrap();
    alice.seed(&meta, &clip, true).await;
    // As an interrupted download leaves it: the full size, a hole where pieces are missing.
    let piece = meta.piece_bytes as usize;
    let mut half = noise(size);
    half[size / 2..].fill(0);
    half[3 * piece..4 * piece].fill(0);
    std::fs::create_dir_all(bob.path("downloads")).unwrap();
    std::fs::write(bob.path("downloads/film.mkv"), &half).unwrap();
    bob.engine.download(with_torrent(&meta, &[alice.named()])).await.unwrap();
    bob.finished(meta.infohash).await;
    let missing = (size / 2 + piece) as u64;
    assert_eq!(totals(&bob.bookings.drain(), &meta).values().sum::<u64>(), missing);
    assert_eq!(std::fs::read(bob.path("downloads/film.mkv")).unwrap(), noise(size));
    // After a restart it is checked and complete, and nothing is booked again.
    bob.engine.stop().await;
    let Node { folder, .. } = bob;
    let bob = Node::start_in(52, "bob", folder).await;
    bob.engine.download(with_torrent(&meta, &[])).await.unwrap();
    let progress = bob.finished(meta.infohash).await;
    assert_eq!((progress.state, progress.files[0].bytes), (State::Seeding, size as u64));
    assert_eq!(bob.bookings.drain(), []);
    // And it gives to others what it has.
    let carol = Node::start(53, "carol").await;
    carol.engine.download(with_torrent(&meta, &[bob.anonymous()])).await.unwrap();
    carol.finished(meta.infohash).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_season_arrives_in_its_folder_and_can_be_streamed_paused_and_removed() {
    let (alice, bob) = tokio::join!(Node::start(61, "alice"), Node::start(62, "bob"));
    for (name, bytes) in
        [("Show/S01/e1.mkv", 70_000), ("Show/S01/e2.mkv", 50_001), ("Show/empty.txt", 0), ("Show/z.srt", 10)]
    {
        alice.clip(name, bytes);
    }
    let meta = create(&alice.path("Show"), None).await.unwrap();
    std::fs::rename(alice.path("Show"), alice.path("Renamed")).unwrap();
    alice.seed(&meta, &alice.path("Renamed"), true).await;
    let to = bob.path("elsewhere");
    bob.engine.download(Download { to: Some(to.clone()), ..magnet(&meta) }).await.unwrap();
    bob.engine.pause(meta.infohash).await.unwrap();
    assert_eq!(bob.engine.progress(meta.infohash).unwrap().state, State::Paused);
    bob.engine.hint(meta.infohash, &[alice.named()]);
    bob.engine.resume(meta.infohash).await.unwrap();
    bob.engine.hint(meta.infohash, &[alice.named()]);
    let progress = bob.finished(meta.infohash).await;
    assert_eq!(progress.path, Some(to.join("Show")));
    assert_eq!(progress.files.iter().map(|file| file.bytes).sum::<u64>(), meta.total_bytes);
    assert!(progress.files.iter().all(|file| file.path.is_file()));
    assert_eq!(totals(&bob.bookings.drain(), &meta).values().sum::<u64>(), meta.total_bytes);
    let e2 = meta.files.iter().find(|file| file.path == ["S01", "e2.mkv"]).unwrap();
    let mut stream = bob.engine.stream(meta.infohash, e2.index).await.unwrap();
    tokio::io::AsyncSeekExt::seek(&mut stream, std::io::SeekFrom::Start(50_000)).await.unwrap();
    let mut tail = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut tail).await.unwrap();
    assert_eq!(tail, noise(50_001)[50_000..]);
    assert!(bob.engine.stream(meta.infohash, 99).await.is_err());
    drop(stream);
    bob.engine.pause(meta.infohash).await.unwrap();
    bob.engine.pause(meta.infohash).await.unwrap();
    let paused = bob.engine.progress(meta.infohash).unwrap();
    assert_eq!((paused.state, paused.finished), (State::Paused, true));
    bob.engine.resume(meta.infohash).await.unwrap();
    bob.until(meta.infohash, "seeding again", |progress| progress.state == State::Seeding).await;
    bob.engine.remove_and_delete(meta.infohash).await.unwrap();
    assert!(!to.join("Show").exists() && bob.engine.progress(meta.infohash).is_none());
    assert!(bob.engine.remove(meta.infohash).await.is_err());
    alice.engine.remove_and_delete(meta.infohash).await.unwrap();
    assert!(alice.path("Renamed/S01/e1.mkv").is_file(), "what is only seeded is never deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_is_checked_never_written_and_moves_between_sessions() {
    let (alice, bob) = tokio::join!(Node::start(91, "alice"), Node::start(92, "bob"));
    let clip = alice.clip("clip.mp4", 100_000);
    let meta = create(&clip, None).await.unwrap();
    // A copy with one wrong byte is not seeded, and not repaired from others either.
    alice.seed(&meta, &clip, true).await;
    let mut wrong = noise(100_000);
    wrong[70_000] ^= 1;
    std::fs::write(bob.path("copy.mp4"), &wrong).unwrap();
    bob.map.add(meta.infohash, alice.named());
    bob.engine.seed(&meta.torrent, &bob.path("copy.mp4"), false).await.unwrap();
    let failed = bob.until(meta.infohash, "refused", |progress| progress.state == State::Failed).await;
    assert!(failed.error.unwrap().contains("bytes match"));
    assert_eq!(std::fs::read(bob.path("copy.mp4")).unwrap(), wrong);
    std::fs::write(bob.path("copy.mp4"), "short").unwrap();
    let refusal = bob.engine.seed(&meta.torrent, &bob.path("copy.mp4"), false).await.unwrap_err();
    assert!(matches!(refusal, AddError::Content { .. }), "{refusal}");
    // Downloaded anonymously, then published: it moves to the named session and is given away under the name.
    bob.engine.download(with_torrent(&meta, &[alice.named()])).await.unwrap();
    let progress = bob.finished(meta.infohash).await;
    let path = progress.path.unwrap();
    bob.engine.seed(&meta.torrent, &path, true).await.unwrap();
    bob.engine.seed(&meta.torrent, &path, true).await.unwrap();
    bob.until(meta.infohash, "named", |progress| progress.named && progress.state == State::Seeding).await;
    let carol = Node::start(93, "carol").await;
    carol.engine.download(with_torrent(&meta, &[bob.named()])).await.unwrap();
    carol.finished(meta.infohash).await;
    let booked = totals(&carol.bookings.drain(), &meta);
    assert_eq!(booked, BTreeMap::from([((ip(92), Some("heirloom/0.1.0 bob".to_owned())), 100_000)]));
    assert!(bob.map.announced.lock().unwrap().contains(&(meta.infohash, bob.named().port())));
}

#[tokio::test(flavor = "multi_thread")]
async fn trackers_of_others_are_asked_by_the_anonymous_session_alone() {
    let (alice, bob, carol) =
        tokio::join!(Node::start(111, "alice"), Node::start(112, "bob"), Node::start(113, "carol"));
    let clip = alice.clip("clip.mp4", 50_000);
    let made = create(&clip, None).await.unwrap();
    // A tracker that knows alice, and keeps who asked it.
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut answer = b"d8:intervali60e5:peers6:".to_vec();
    answer.extend_from_slice(&[127, 0, 0, 111]);
    answer.extend_from_slice(&alice.named().port().to_be_bytes());
    answer.push(b'e');
    let announce = {
        let asked = asked.clone();
        move |headers: axum::http::HeaderMap| async move {
            asked.lock().unwrap().push(headers["user-agent"].to_str().unwrap().to_owned());
            answer
        }
    };
    let app = axum::Router::new().route("/announce", axum::routing::get(announce));
    let listener = tokio::net::TcpListener::bind("127.0.0.114:0").await.unwrap();
    let tracker = format!("http://{}/announce", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    // The torrent names it too: alice, who seeds under her name, must not call it.
    let head = format!("d8:announce{}:{tracker}4:info", tracker.len());
    let torrent = [head.as_bytes(), &made.info, b"e"].concat();
    let meta = Metainfo::parse(&torrent).unwrap();
    assert_eq!((meta.infohash, &meta.trackers[..]), (made.infohash, &[tracker.clone()][..]));
    alice.seed(&meta, &clip, true).await;
    bob.engine.download(with_torrent(&meta, &[])).await.unwrap();
    carol.engine.download(Download { trackers: vec![tracker], ..magnet(&meta) }).await.unwrap();
    tokio::join!(bob.finished(meta.infohash), carol.finished(meta.infohash));
    let asked = asked.lock().unwrap();
    assert!(!asked.is_empty() && asked.iter().all(|name| name == "heirloom"), "{asked:?}");
}
