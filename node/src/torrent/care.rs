//! Who looks after a torrent once a session has it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use librqbit::{ManagedTorrent, TorrentStatsState};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::Infohash;
use super::engine::{Inner, Running, Torrent};
use super::errors::AddError;
use super::peers::{Side, hex};

/// Longest pause between attempts to reach peers that could not be reached.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// How often a complete download is looked at.
const COMPLETE_PAUSE: Duration = Duration::from_secs(60);

/// How long a download with peers may bring nothing before the unreachable ones are tried again.
const STALL_TIME_MAX: Duration = Duration::from_secs(60);

/// Tells when a seed's content turned out not to be what its torrent says, and takes it out of the session.
pub(super) async fn check_seed(
    inner: Weak<Inner>,
    infohash: Infohash,
    handle: Arc<ManagedTorrent>,
    stop: CancellationToken,
) {
    let checked = tokio::select! {
        checked = handle.wait_until_initialized() => checked,
        () = stop.cancelled() => return,
    };
    let Some(inner) = inner.upgrade() else { return };
    let _changing = inner.changing.lock().await;
    if stop.is_cancelled() {
        return;
    }
    let Some(running) = inner.running(infohash) else { return };
    let have: u64 = handle.stats().file_progress.iter().sum();
    let total = running.meta.total_bytes;
    let what = match checked {
        Ok(()) if have == total => return,
        Ok(()) => format!("only {have} of {total} bytes match"),
        Err(error) => format!("{error:#}"),
    };
    let side = inner.torrents().get(&infohash).map_or(Side::Anonymous, |torrent| torrent.side);
    if let Err(error) = inner.take_out(infohash, false).await {
        debug!(infohash = %hex(infohash), %error, "a seed could not be taken out");
    }
    let failed = AddError::Content { path: running.path, what };
    info!(infohash = %hex(infohash), error = %failed, "a torrent is not seeded");
    let torrent = Torrent {
        side,
        request: None,
        resolved: None,
        running: None,
        paused: false,
        failed: Some(failed),
        stop: inner.stop.child_token(),
    };
    inner.torrents().insert(infohash, torrent);
}

/// Looks after a download: tries its peers again when none of them brings anything.
///
/// The library tries an unreachable peer again after 10 s, one minute, six minutes and so on, and takes no hint that it
/// is back. A pause and a start, without a new check of the disk, make it try all peers at once.
pub(super) async fn look_after(inner: Weak<Inner>, infohash: Infohash, stop: CancellationToken, interval: Duration) {
    let began = Instant::now();
    let (mut retried, mut fetched, mut fetched_at) = (began, 0, began);
    let mut complete = false;
    loop {
        tokio::select! {
            // A complete one may still turn incomplete, when a disk error makes the library check it again.
            () = sleep(if complete { COMPLETE_PAUSE } else { interval }) => {}
            () = stop.cancelled() => return,
        }
        let Some(inner) = inner.upgrade() else { return };
        let Some(Running { handle, .. }) = inner.running(infohash) else { return };
        let stats = handle.stats();
        complete = stats.finished;
        inner.book.set_complete(infohash, complete);
        if complete {
            continue;
        }
        let (TorrentStatsState::Live, Some(live)) = (stats.state, stats.live) else { continue };
        if live.snapshot.fetched_bytes != fetched {
            (fetched, fetched_at) = (live.snapshot.fetched_bytes, Instant::now());
        }
        let peers = live.snapshot.peer_stats;
        let trying = peers.queued + peers.connecting + peers.live > 0;
        let unreachable = peers.dead + peers.not_needed > 0;
        let pause = (began.elapsed() / 6).min(RETRY_PAUSE_MAX);
        let stalled = fetched_at.elapsed() > STALL_TIME_MAX;
        if unreachable && (!trying || stalled) && retried.elapsed() >= pause {
            retried = Instant::now();
            fetched_at = retried;
            inner.try_peers_again(infohash, &handle).await;
        }
    }
}

impl Inner {
    async fn try_peers_again(&self, infohash: Infohash, handle: &Arc<ManagedTorrent>) {
        let _changing = self.changing.lock().await;
        // Paused or removed meanwhile: then it stays so.
        let same = self.running(infohash).is_some_and(|running| Arc::ptr_eq(&running.handle, handle));
        if !same || handle.is_paused() {
            return;
        }
        debug!(infohash = %hex(infohash), "trying all peers of a download again");
        let session = &self.anonymous;
        let again = match session.pause(handle).await {
            Ok(()) => session.unpause(handle).await,
            Err(error) => Err(error),
        };
        if let Err(error) = again {
            debug!(infohash = %hex(infohash), %error, "a download could not be started again");
        }
    }
}
