//! One query: wait until there is somebody to ask, stand in line, ask, and hand the answers out as they come.
//!
//! Each runs in a task of its own. So a caller that stops polling holds nothing up, one that goes away ends the
//! wait, and a panic of the crate (its calls panic when its thread is gone) ends one query and not the caller.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use mainline::Id;
use mainline::async_dht::{AsyncDht, GetMutableOutcomeReceiver};
use tokio::sync::{RwLock, mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::error::{AnnounceError, GetError, PutError};
use super::item::{Item, salt_of};
use super::keeper::observe;
use super::reserve::wait_until_free;
use super::swarms::Swarms;
use super::turnstile::{Rank, STORE_REQUESTS, Turn, Turnstile};
use super::{Info, JOIN_WAIT, Mode, Put, QUERY_DEADLINE};

/// Answers that may lie unread; later ones are dropped. A lookup asks fewer nodes than that, and one answer of one
/// honest node is as good as the next.
const ANSWERS_UNREAD_MAX: usize = 256;

/// How long a look at the node may wait for its replacement.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// What the handles, the keeper and the running queries share.
pub(super) struct Shared {
    pub(super) local_addr: SocketAddrV4,
    /// The crate's node. Queries hold it for reading while they run, the keeper for writing to replace it.
    pub(super) node: RwLock<Option<AsyncDht>>,
    /// Whether the network was reached; the keeper's to say.
    pub(super) joined: watch::Sender<bool>,
    pub(super) stopping: CancellationToken,
    mode: Mode,
    pub(super) turnstile: Turnstile,
    swarms: Swarms,
}

/// Answers of one query, as they come; an error comes first and alone.
pub(super) type Answers<T> = mpsc::Receiver<Result<T, GetError>>;

/// A question that was put to the crate.
struct Asked<T> {
    answers: BoxStream<'static, T>,
    outcome: Option<GetMutableOutcomeReceiver>,
}

impl Shared {
    pub(super) fn new(local_addr: SocketAddrV4, mode: Mode, node: Option<AsyncDht>) -> Self {
        Self {
            local_addr,
            node: RwLock::new(node),
            joined: watch::Sender::new(false),
            stopping: CancellationToken::new(),
            mode,
            turnstile: Turnstile::new(),
            swarms: Swarms::default(),
        }
    }

    pub(super) async fn joined(&self, bound: Duration) -> bool {
        let mut joined = self.joined.subscribe();
        timeout(bound, joined.wait_for(|is_joined| *is_joined)).await.is_ok_and(|seen| seen.is_ok())
    }

    pub(super) async fn info(&self) -> Info {
        // While the keeper replaces the node it may wait for queries to end, and whoever asks here must not.
        let node = timeout(LOOK_MAX, self.node.read()).await.ok().and_then(|place| place.clone());
        let seen = match node {
            Some(node) => observe(node).await,
            None => None,
        };
        let (nodes, mode) = seen.unwrap_or((0, self.mode));
        let (limits, used) = self.turnstile.look();
        Info {
            nodes,
            mode,
            bootstrapped: *self.joined.borrow(),
            waiting: self.turnstile.waiting(),
            refused: self.turnstile.refused(),
            limits,
            used,
        }
    }

    pub(super) async fn stop(&self) {
        self.stopping.cancel();
        self.node.write().await.take();
        wait_until_free(self.local_addr).await;
    }

    /// Waits until there is somebody to ask and the budget allows `requests`; the turn lasts while it is held.
    async fn admit(&self, rank: Rank, requests: u32) -> Result<Turn<'_>, GetError> {
        if !self.joined(JOIN_WAIT).await {
            return Err(GetError::NoNodes);
        }
        self.turnstile.pass(rank, requests).await
    }

    /// Asks, and hands the answers out until the query ends.
    async fn ask<T>(
        &self,
        answers: &mpsc::Sender<Result<T, GetError>>,
        question: impl FnOnce(&AsyncDht) -> Asked<T>,
    ) -> Result<(), GetError> {
        let taken = self.turnstile.lookup_requests();
        let _turn = self.admit(Rank::Usual, taken).await?;
        let place = self.node.read().await;
        let mut asked = question(place.as_ref().ok_or(GetError::NoNodes)?);
        let reading = async {
            while let Some(answer) = asked.answers.next().await {
                if answers.try_send(Ok(answer)).is_err() {
                    debug!("answer of a DHT query dropped: nobody reads them");
                }
            }
            if let Some(outcome) = asked.outcome {
                let spent = self.turnstile.looked_up(outcome.recv().await.queried);
                self.turnstile.settle(taken, spent);
            }
        };
        if timeout(QUERY_DEADLINE, reading).await.is_err() {
            debug!("DHT query ended by its deadline");
        }
        Ok(())
    }

    /// Writes: how many nodes took it, or `None` when it did not end in time.
    async fn write<E, F>(&self, rank: Rank, write: impl FnOnce(AsyncDht) -> F) -> Result<Option<u32>, E>
    where
        E: From<GetError>,
        F: Future<Output = Result<u32, E>>,
    {
        // A write is a lookup and a store on what it found.
        let lookup = self.turnstile.lookup_requests();
        let _turn = self.admit(rank, lookup.saturating_add(STORE_REQUESTS)).await?;
        let place = self.node.read().await;
        let node = place.as_ref().ok_or(GetError::NoNodes)?.clone();
        let Ok(ended) = timeout(QUERY_DEADLINE, write(node)).await else {
            return Ok(None);
        };
        let stored = ended?;
        self.turnstile.settle(STORE_REQUESTS, stored);
        Ok(Some(stored))
    }
}

/// Asks for a mutable item.
pub(super) fn items(shared: &Arc<Shared>, key: [u8; 32], salt: Vec<u8>) -> Answers<Item> {
    run(shared, None, move |node| {
        let asked = node.get_mutable_detailed(&key, salt_of(&salt), None);
        let answers = asked.items.map(|item| Item::from_mutable(&item)).boxed();
        Asked { answers, outcome: Some(asked.outcome) }
    })
}

/// Asks for peers of an infohash.
pub(super) fn peers(shared: &Arc<Shared>, infohash: [u8; 20]) -> Answers<Vec<SocketAddrV4>> {
    let swarm = shared.swarms.lock_of(infohash);
    run(shared, Some(swarm), move |node| Asked { answers: node.get_peers(Id::from(infohash)).boxed(), outcome: None })
}

/// Runs a question in its own task, until it ends, its asker goes away, or the node stops.
///
/// While a swarm's lock is given, nothing is announced there.
fn run<T: Send + 'static>(
    shared: &Arc<Shared>,
    swarm: Option<Arc<RwLock<()>>>,
    question: impl FnOnce(&AsyncDht) -> Asked<T> + Send + 'static,
) -> Answers<T> {
    let (sender, answers) = mpsc::channel(ANSWERS_UNREAD_MAX);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let asking = async {
            let _asking = match &swarm {
                Some(swarm) => Some(swarm.read().await),
                None => None,
            };
            shared.ask(&sender, question).await
        };
        let ended = tokio::select! {
            ended = asking => ended,
            () = sender.closed() => Ok(()),
            () = shared.stopping.cancelled() => Err(GetError::Stopped),
        };
        if let Err(error) = ended {
            // A full channel means that answers came, which say more than this error.
            let _ = sender.try_send(Err(error));
        }
    });
    answers
}

/// Stores an item, and says on how many nodes.
///
/// Once begun it goes on when its caller goes away.
pub(super) async fn put(shared: &Arc<Shared>, rank: Rank, item: Item, cas: Option<i64>) -> Result<Put, PutError> {
    item.fits()?;
    let storing = act(shared, rank, None, move |node| async move {
        let outcome = node.put_mutable(item.into_mutable(), cas).await?;
        Ok::<_, PutError>(outcome.stored_at)
    });
    let stored = storing.await?.ok_or(PutError::Timeout)?;
    Ok(Put { stored_on: usize::try_from(stored).unwrap_or(usize::MAX) })
}

/// Announces a peer of an infohash at this machine.
pub(super) async fn announce(
    shared: &Arc<Shared>,
    rank: Rank,
    infohash: [u8; 20],
    port: u16,
) -> Result<(), AnnounceError> {
    let swarm = shared.swarms.lock_of(infohash);
    let announcing = act(shared, rank, Some(swarm), move |node| async move {
        node.announce_peer(Id::from(infohash), Some(port)).await?;
        // The crate does not say how many took it.
        Ok::<_, AnnounceError>(STORE_REQUESTS)
    });
    announcing.await?.map(|_| ()).ok_or(AnnounceError::Timeout)
}

/// Runs a write in its own task: how many nodes took it, or `None` when it did not end in time.
///
/// While a swarm's lock is given, nobody asks for peers there.
async fn act<E, F>(
    shared: &Arc<Shared>,
    rank: Rank,
    swarm: Option<Arc<RwLock<()>>>,
    write: impl FnOnce(AsyncDht) -> F + Send + 'static,
) -> Result<Option<u32>, E>
where
    E: From<GetError> + Send + 'static,
    F: Future<Output = Result<u32, E>> + Send + 'static,
{
    let shared = Arc::clone(shared);
    let task = tokio::spawn(async move {
        let writing = async {
            let _announcing = match &swarm {
                Some(swarm) => Some(swarm.write().await),
                None => None,
            };
            shared.write(rank, write).await
        };
        tokio::select! {
            ended = writing => ended,
            () = shared.stopping.cancelled() => Err(GetError::Stopped.into()),
        }
    });
    task.await.unwrap_or_else(|_| Err(GetError::Stopped.into()))
}

/// The answers, or why there are none.
pub(super) fn answers<T: Send>(mut answers: Answers<T>) -> impl Stream<Item = Result<T, GetError>> + Send + Unpin {
    stream::poll_fn(move |context| answers.poll_recv(context))
}

/// The answers alone; why there are none is in the log.
pub(super) fn successes<T>(from: Answers<T>) -> impl Stream<Item = T> + Send + Unpin
where
    T: Send,
{
    answers(from)
        .filter_map(|answer| std::future::ready(answer.inspect_err(|error| debug!(%error, "nothing was asked")).ok()))
}

/// Reads to the end, and keeps what replaces all others.
pub(super) async fn most_recent(mut answers: Answers<Item>) -> Result<Option<Item>, GetError> {
    let mut newest: Option<Item> = None;
    while let Some(answer) = answers.recv().await {
        let item = answer?;
        if newest.as_ref().is_none_or(|newest| item.replaces(newest)) {
            newest = Some(item);
        }
    }
    Ok(newest)
}
