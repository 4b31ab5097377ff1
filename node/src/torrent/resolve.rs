//! Finds somebody who has a torrent's metadata (BEP 9), for as long as it takes.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use librqbit::{AddTorrent, AddTorrentOptions, AddTorrentResponse, Session};
use librqbit_core::Error as CoreError;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::debug;

use super::Infohash;
use super::errors::{AddError, MetainfoError, UnsafePath};
use super::magnet::Magnet;
use super::peers::PeerBook;

/// Most peers asked at once.
const ATTEMPTS_MAX: usize = 32;

/// Longest that one peer may take. 8 MiB of metadata take this long at 140 kB/s.
const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(60);

/// Longest that trackers of others are asked in one go. The library tries each address once per go.
const TRACKERS_TIME_MAX: Duration = Duration::from_secs(300);

/// How often new peers are taken from the book.
const TURN: Duration = Duration::from_secs(1);

/// How an attempt ended: the torrent's bytes, a refusal that no other peer could change, or nothing.
type Attempt = Result<Option<Vec<u8>>, AddError>;

/// Returns the torrent's bytes once any peer gave its metadata.
///
/// The library gives up on a magnet link when every peer it was told of failed once, and never tries an address again.
/// So each peer is its own attempt here, made again after `interval`: a seeder may appear at a known address in half a
/// minute, or at an unknown one tomorrow. The metadata's SHA-1 is checked by the library; nothing is written.
pub(super) async fn resolve(
    session: &Arc<Session>,
    infohash: Infohash,
    trackers: &[String],
    book: &PeerBook,
    interval: Duration,
) -> Result<Vec<u8>, AddError> {
    let mut attempts: JoinSet<(Option<SocketAddr>, Attempt)> = JoinSet::new();
    let mut queue = Queue::default();
    if !trackers.is_empty() {
        let link = link(infohash, trackers);
        let attempt = ask(session.clone(), link, vec![], TRACKERS_TIME_MAX);
        attempts.spawn(async move { (None, attempt.await) });
    }
    loop {
        let known = book.known(infohash);
        queue.take_in(&known, Instant::now());
        while attempts.len() < ATTEMPTS_MAX
            && let Some(peer) = queue.next(Instant::now())
        {
            let attempt = ask(session.clone(), link(infohash, &[]), vec![peer], ATTEMPT_TIME_MAX);
            attempts.spawn(async move { (Some(peer), attempt.await) });
        }
        tokio::select! {
            () = turn(book, infohash, &known, TURN.min(interval)) => {}
            Some(ended) = attempts.join_next() => match ended {
                Ok((_, Ok(Some(torrent)))) => return Ok(torrent),
                Ok((_, Err(refusal))) => return Err(refusal),
                Ok((Some(peer), Ok(None))) => queue.put_back(peer, Instant::now() + interval),
                Ok((None, Ok(None))) => {
                    let attempt = ask(session.clone(), link(infohash, trackers), vec![], TRACKERS_TIME_MAX);
                    attempts.spawn(async move { sleep(interval).await; (None, attempt.await) });
                }
                // The metadata is what the infohash says, so it would be the same from every other peer.
                Err(error) if error.is_panic() => return Err(unreadable("the library cannot read its metadata")),
                Err(_) => {}
            },
        }
    }
}

/// Waits until peers are taken from the book again. Those who were found just now are asked at once: somebody waits for a film.
async fn turn(book: &PeerBook, infohash: Infohash, known: &[SocketAddr], pause: Duration) {
    book.look_up(infohash).await;
    let has_news = book.known(infohash).iter().any(|peer| !known.contains(peer));
    if !has_news {
        sleep(pause).await;
    }
}

/// Peers in the order in which they are asked: new ones first, then those whose last attempt is longest ago.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Instant, SocketAddr)>,
    asked: BTreeSet<SocketAddr>,
}

impl Queue {
    fn take_in(&mut self, known: &[SocketAddr], now: Instant) {
        self.waiting.retain(|(_, peer)| known.contains(peer));
        for peer in known {
            if !self.asked.contains(peer) && !self.waiting.iter().any(|(_, waiting)| waiting == peer) {
                self.waiting.push_front((now, *peer));
            }
        }
    }

    fn next(&mut self, now: Instant) -> Option<SocketAddr> {
        let (due, peer) = *self.waiting.front()?;
        if due > now {
            return None;
        }
        self.waiting.pop_front();
        self.asked.insert(peer);
        Some(peer)
    }

    fn put_back(&mut self, peer: SocketAddr, due: Instant) {
        self.asked.remove(&peer);
        self.waiting.push_back((due, peer));
    }
}

fn link(infohash: Infohash, trackers: &[String]) -> String {
    Magnet { infohash, name: None, trackers: trackers.to_vec(), web_seeds: vec![], peers: vec![], keys: vec![] }
        .to_string()
}

async fn ask(session: Arc<Session>, link: String, peers: Vec<SocketAddr>, time_max: Duration) -> Attempt {
    let options = AddTorrentOptions { list_only: true, initial_peers: Some(peers), ..AddTorrentOptions::default() };
    match timeout(time_max, session.add_torrent(AddTorrent::from_url(link), Some(options))).await {
        Ok(Ok(AddTorrentResponse::ListOnly(found))) => Ok(Some(found.torrent_bytes.to_vec())),
        Ok(Ok(_)) | Err(_) => Ok(None),
        Ok(Err(error)) => match error.downcast_ref::<CoreError>() {
            Some(CoreError::BadTorrentPathTraversal | CoreError::BadTorrentSeparatorInName) => {
                let reason = "it climbs out of its folder, or holds a path separator";
                Err(AddError::UnsafePath(UnsafePath { path: "…".to_owned(), reason }))
            }
            Some(refusal) => Err(unreadable(&refusal.to_string())),
            None => {
                debug!(%error, "no metadata from a peer");
                Ok(None)
            }
        },
    }
}

fn unreadable(what: &str) -> AddError {
    AddError::Metainfo(MetainfoError::Malformed { what: what.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torrent::config::{PeerSource, TellPeers};
    use futures::FutureExt as _;
    use futures::future::BoxFuture;
    use tokio_util::sync::CancellationToken;

    /// Tells one peer at once, and is never done.
    struct First(SocketAddr);

    impl PeerSource for First {
        fn peers(&self, _: Infohash) -> BoxFuture<'_, Vec<SocketAddr>> {
            Box::pin(std::future::pending())
        }

        fn seek<'a>(&'a self, infohash: Infohash, tell: &'a TellPeers<'a>) -> BoxFuture<'a, Vec<SocketAddr>> {
            tell(&[self.0]);
            self.peers(infohash)
        }

        fn announce(&self, _: Infohash, _: u16) -> BoxFuture<'_, ()> {
            Box::pin(std::future::ready(()))
        }
    }

    #[tokio::test]
    async fn whoever_is_found_is_asked_at_once_and_while_others_are_looked_for() {
        let (infohash, peer) = ([7; 20], SocketAddr::from(([127, 0, 0, 9], 6881)));
        let own = [SocketAddr::from(([127, 0, 0, 2], 1)), SocketAddr::from(([127, 0, 0, 2], 2))];
        let stop = CancellationToken::new();
        let book = PeerBook::new(Arc::new(First(peer)), Duration::from_secs(5), own, stop.clone());
        book.track(infohash, false, false);
        // A pause that nobody lives to see the end of.
        let pause = Duration::from_secs(100_000);
        let told = timeout(Duration::from_secs(120), turn(&book, infohash, &[], pause)).await;
        assert_eq!((told, book.known(infohash)), (Ok(()), vec![peer]));
        assert!(turn(&book, infohash, &[peer], pause).now_or_never().is_none(), "without news it waits");
        stop.cancel();
    }

    #[test]
    fn peers_take_turns_and_new_ones_come_first() {
        let peer = |port| SocketAddr::from(([127, 0, 0, 2], port));
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.take_in(&[peer(1), peer(2)], now);
        let (first, second) = (queue.next(now).unwrap(), queue.next(now).unwrap());
        assert_eq!(queue.next(now), None);
        queue.take_in(&[peer(1), peer(2)], now);
        assert_eq!(queue.next(now), None, "being asked");
        let later = now + Duration::from_secs(5);
        queue.put_back(second, later);
        queue.put_back(first, later);
        assert_eq!(queue.next(now), None, "not yet");
        queue.take_in(&[peer(1), peer(2), peer(3)], now);
        assert_eq!(queue.next(now), Some(peer(3)));
        assert_eq!((queue.next(later), queue.next(later), queue.next(later)), (Some(second), Some(first), None));
        queue.put_back(first, later);
        queue.take_in(&[peer(2)], later);
        assert_eq!(queue.next(later), Some(peer(2)), "who is no longer said to have it is not asked");
    }
}
