//! A part of a file on its way to a player, by a task that ends with the player.

use crate::torrent::{Engine, Infohash, Stream};
use axum::body::{Body, Bytes};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, BufReader};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Bytes handed on at once: what a socket takes.
const PART_BYTES: usize = 64 << 10;
/// Parts that wait for a player. What it has not taken is not read from disk.
const PARTS_AHEAD: usize = 4;
/// How often a stream that waits for a piece looks whether its torrent is still here: the library never tells it.
const LOOK: Duration = Duration::from_secs(5);
/// Longest time that a player takes nothing, such as while it is paused. It asks again when it goes on.
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);
/// Longest time that no piece comes. A player asks again; the download goes on meanwhile.
const STALL_MAX: Duration = Duration::from_secs(10 * 60);

/// So many bytes from where the stream stands. The place is given back when the player has them or goes away.
pub(super) fn body(
    engine: Engine,
    infohash: Infohash,
    stream: Box<dyn Stream>,
    bytes: u64,
    place: OwnedSemaphorePermit,
) -> Body {
    let (parts, player) = mpsc::channel::<io::Result<Bytes>>(PARTS_AHEAD);
    tokio::spawn(async move {
        tokio::select! {
            () = send(&engine, infohash, stream, bytes, &parts) => {}
            () = parts.closed() => {}
        }
        drop(place);
    });
    Body::from_stream(futures::stream::unfold(player, |mut player| async move {
        let part = player.recv().await?;
        Some((part, player))
    }))
}

async fn send(
    engine: &Engine,
    infohash: Infohash,
    stream: Box<dyn Stream>,
    bytes: u64,
    parts: &mpsc::Sender<io::Result<Bytes>>,
) {
    let mut reader = BufReader::with_capacity(PART_BYTES, stream).take(bytes);
    let mut left = bytes;
    while left > 0 {
        let part = read(engine, infohash, &mut reader).await;
        let is_last = part.is_err();
        left = left.saturating_sub(part.as_ref().map_or(left, |part| part.len() as u64));
        let sent = tokio::time::timeout(IDLE_MAX, parts.send(part)).await;
        if is_last || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

/// The next part. An error cuts the answer off, so that a player knows that it has not all.
async fn read(
    engine: &Engine,
    infohash: Infohash,
    reader: &mut (impl tokio::io::AsyncRead + Unpin),
) -> io::Result<Bytes> {
    let mut part = vec![0; PART_BYTES];
    let mut waited = Duration::ZERO;
    loop {
        match tokio::time::timeout(LOOK, reader.read(&mut part)).await {
            Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(Ok(bytes)) => {
                part.truncate(bytes);
                return Ok(part.into());
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => waited += LOOK,
        }
        let is_here = engine.progress(infohash).is_some_and(|progress| progress.error.is_none());
        if !is_here || waited >= STALL_MAX {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}
