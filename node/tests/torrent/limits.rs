//! The limits that an owner sets hold where bytes pass: in the library's sessions, whichever side sets them.

use crate::support::*;
use heirloom::torrent::create;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Of what is sent.
const SIZE: usize = 1 << 20;
/// Bytes a second.
const RATE: u32 = 256 << 10;

/// The least that it can take: a second's worth may pass at once, and a fifth is left to the library's clocks. How much
/// longer it takes is a matter of the machine.
fn least() -> Duration {
    Duration::from_secs_f64((SIZE as f64 - f64::from(RATE)) / f64::from(RATE) * 0.8)
}

/// How long a film takes from one to the other; limits of both, sent and received.
async fn took(last_byte: u8, sender: [Option<u32>; 2], receiver: [Option<u32>; 2]) -> Duration {
    let (alice, bob) = tokio::join!(Node::start(last_byte, "alice"), Node::start(last_byte + 1, "bob"));
    for (node, [up, down]) in [(&alice, sender), (&bob, receiver)] {
        node.engine.limit(up.and_then(NonZeroU32::new), down.and_then(NonZeroU32::new), false);
    }
    let clip = alice.clip("film.mkv", SIZE);
    let meta = create(&clip, None).await.expect("a torrent of the clip");
    alice.seed(&meta, &clip, true).await;
    let began = Instant::now();
    bob.engine.download(with_torrent(&meta, &[alice.named()])).await.expect("taken");
    let progress = bob.finished(meta.infohash).await;
    let took = began.elapsed();
    let path = progress.path.expect("what is finished has a path");
    assert_eq!(std::fs::read(path).expect("it is there"), noise(SIZE));
    tokio::join!(alice.engine.stop(), bob.engine.stop());
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_keeps_to_the_limit_of_who_sends() {
    let took = took(181, [Some(RATE), None], [None, None]).await;
    assert!(took >= least(), "{SIZE} bytes went out in {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_received_keeps_to_the_limit_of_who_receives() {
    let took = took(183, [None, None], [None, Some(RATE)]).await;
    assert!(took >= least(), "{SIZE} bytes came in in {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_taken_back_counts_no_longer() {
    let (alice, bob) = tokio::join!(Node::start(185, "alice"), Node::start(186, "bob"));
    // So slow that the film would take eight minutes, and the wait for it fail.
    let crawl = NonZeroU32::new(32 << 10);
    let clip = alice.clip("film.mkv", 16 * SIZE);
    let meta = create(&clip, None).await.unwrap();
    alice.engine.limit(crawl, None, false);
    alice.seed(&meta, &clip, true).await;
    bob.engine.download(with_torrent(&meta, &[alice.named()])).await.unwrap();
    bob.until(meta.infohash, "begun", |progress| progress.peers > 0).await;
    assert!(!bob.engine.progress(meta.infohash).unwrap().finished);
    alice.engine.limit(None, None, false);
    bob.finished(meta.infohash).await;
    tokio::join!(alice.engine.stop(), bob.engine.stop());
}
