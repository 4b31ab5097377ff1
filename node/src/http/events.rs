//! What changes, as server-sent events: `GET /api/v1/events`.
//!
//! While somebody listens, the node is looked at twice a second, and what differs from the last look is told: `download`,
//! `publishing` (all that is hashed now), `peers`, `streams`, `news` (works, releases and statements known), `counters`
//! (those that rose: messages taken in and refused, by reason). The first event, `hello`, holds all of it. Every listener
//! has a queue of its own length; who reads too slowly loses the oldest events and is told how many by `lost`. With nobody
//! listening nothing is looked at.

use super::answer::{downloads_json, publishing_json};
use super::problem::problem;
use super::{Server, Shared};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use futures::stream;
use heirloom_core::command::{Command, Reply};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

/// Listeners at once: a few tabs of a few browsers, and a program or two.
pub const LISTENERS_MAX: usize = 16;
/// Events that wait for a listener: half a minute of a lively node. Older ones are lost to it.
const QUEUED: usize = 256;
/// How often the node is looked at while somebody listens.
const PERIOD: Duration = Duration::from_millis(500);
/// Looks between two questions to the core, which reads the heads of all follows for an answer.
const LOOKS_PER_STATUS: u32 = 4;
/// How often a silent connection is shown to be alive, so that nothing between closes it.
const ALIVE: Duration = Duration::from_secs(15);

/// One thing that changed: its name and its JSON.
type News = Arc<(&'static str, Value)>;

/// The listeners of a node.
pub(super) struct Events {
    news: broadcast::Sender<News>,
    places: Arc<Semaphore>,
    wanted: Notify,
}

impl Default for Events {
    fn default() -> Self {
        let places = Arc::new(Semaphore::new(LISTENERS_MAX));
        Self { news: broadcast::Sender::new(QUEUED), places, wanted: Notify::new() }
    }
}

impl Events {
    /// How many listen.
    pub(super) fn listeners(&self) -> usize {
        LISTENERS_MAX - self.places.available_permits()
    }
}

/// What is told about, as of one look.
#[derive(Default)]
struct Look {
    downloads: BTreeMap<String, Value>,
    publishing: Value,
    peers: Value,
    streams: Value,
    news: Value,
    counters: BTreeMap<&'static str, u64>,
}

impl Look {
    /// All of it.
    async fn at(server: &Server) -> Self {
        let mut look = Self::at_networks(server);
        look.ask_core(server).await;
        look
    }

    /// What is known without the core.
    fn at_networks(server: &Server) -> Self {
        let rows = downloads_json(&server.node.downloads().all(), &server.node.watch().handed());
        let rows = rows.as_array().into_iter().flatten();
        let downloads = rows.map(|row| (row["infohash"].as_str().unwrap_or_default().to_owned(), row.clone()));
        let p2p = server.node.networks().p2p.as_ref();
        Self {
            downloads: downloads.collect(),
            publishing: publishing_json(&server.node.downloads().publishing().all()),
            peers: json!({ "peers": p2p.map_or(0, |p2p| p2p.peers()) }),
            streams: json!({ "open": server.streams_open() }),
            ..Self::default()
        }
    }

    async fn ask_core(&mut self, server: &Server) {
        // A node that is stopping has no news.
        if let Ok(reply) = server.node.command(Command::Status).await
            && let Reply::Status(status) = &*reply
        {
            self.news = json!({
                "works": status.works,
                "releases": status.releases,
                "statements": status.statements,
                "keys_known": status.keys_known,
            });
            self.counters.clone_from(&status.counters);
        }
    }

    /// What a new listener is told.
    fn hello(&self) -> Value {
        json!({
            "downloads": self.downloads.values().collect::<Vec<_>>(),
            "publishing": self.publishing,
            "peers": self.peers["peers"],
            "streams": self.streams["open"],
            "news": self.news,
            "counters": self.counters,
        })
    }

    /// What differs from an earlier look.
    fn since(&self, before: &Self) -> Vec<(&'static str, Value)> {
        let mut all: Vec<(&'static str, Value)> = Vec::new();
        let is_new = |(infohash, row): &(&String, &Value)| before.downloads.get(*infohash) != Some(row);
        all.extend(self.downloads.iter().filter(is_new).map(|(_, row)| ("download", row.clone())));
        let gone = before.downloads.keys().filter(|infohash| !self.downloads.contains_key(*infohash));
        all.extend(
            gone.map(|infohash| ("download", json!({ "infohash": infohash, "state": "gone", "finished": false }))),
        );
        for (name, now, then) in [
            ("publishing", &self.publishing, &before.publishing),
            ("peers", &self.peers, &before.peers),
            ("streams", &self.streams, &before.streams),
            ("news", &self.news, &before.news),
        ] {
            if now != then && !now.is_null() {
                all.push((name, now.clone()));
            }
        }
        let risen = self.counters.iter().filter(|(name, count)| before.counters.get(*name) != Some(count));
        let risen: Map<String, Value> = risen.map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        if !risen.is_empty() {
            all.push(("counters", Value::Object(risen)));
        }
        all
    }
}

/// Looks at the node while somebody listens, until it stops.
pub(super) async fn watch(server: Shared, stop: CancellationToken) {
    // Older than every hello: what changes between a hello and the look after it is told, at worst twice.
    let mut before = Look::default();
    let mut looks = 0_u32;
    loop {
        if server.events.news.receiver_count() == 0 {
            tokio::select! {
                () = server.events.wanted.notified() => {}
                () = stop.cancelled() => return,
            }
        }
        let mut look = Look::at_networks(&server);
        if looks.is_multiple_of(LOOKS_PER_STATUS) {
            look.ask_core(&server).await;
        } else {
            (look.news, look.counters) = (before.news.clone(), before.counters.clone());
        }
        looks = looks.wrapping_add(1);
        for (name, value) in look.since(&before) {
            // Nobody listens any more: the next round sees that.
            let _ = server.events.news.send(Arc::new((name, value)));
        }
        before = look;
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// `GET /api/v1/events`.
pub(super) async fn listen(State(server): State<Shared>) -> Response {
    let Ok(place) = Arc::clone(&server.events.places).try_acquire_owned() else {
        let message = format!("{LISTENERS_MAX} listen already: close a tab or a program, and try again");
        return problem(StatusCode::SERVICE_UNAVAILABLE, "too_many_listeners", message);
    };
    // Before the first look, so that nothing falls between.
    let news = server.events.news.subscribe();
    server.events.wanted.notify_one();
    let hello = event("hello", &Look::at(&server).await.hello());
    let rest = stream::unfold((news, place), next);
    let all = stream::once(async { hello }).chain(rest).map(Ok::<_, Infallible>);
    Sse::new(all).keep_alive(KeepAlive::new().interval(ALIVE)).into_response()
}

/// The next event of a listener; the last is when the node stops.
async fn next(
    (mut news, place): (broadcast::Receiver<News>, OwnedSemaphorePermit),
) -> Option<(Event, (broadcast::Receiver<News>, OwnedSemaphorePermit))> {
    let told = match news.recv().await {
        Ok(one) => event(one.0, &one.1),
        Err(RecvError::Lagged(lost)) => event("lost", &json!({ "lost": lost })),
        Err(RecvError::Closed) => return None,
    };
    Some((told, (news, place)))
}

fn event(name: &'static str, value: &Value) -> Event {
    // JSON has no bare line ends, which an event's data could not hold.
    Event::default().event(name).data(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_is_not_told() {
        let row = |bytes: u64| json!({ "infohash": "ab", "bytes": bytes });
        let look = |bytes: u64, refused: u64| Look {
            downloads: BTreeMap::from([("ab".to_owned(), row(bytes))]),
            peers: json!({ "peers": 2 }),
            counters: BTreeMap::from([("expired", refused), ("stale", 1)]),
            ..Look::default()
        };
        assert_eq!(look(1, 1).since(&look(1, 1)), []);
        assert_eq!(look(2, 3).since(&look(1, 1)), [("download", row(2)), ("counters", json!({ "expired": 3 }))]);
        let gone = Look { downloads: BTreeMap::new(), ..look(1, 1) }.since(&look(1, 1));
        assert_eq!(gone, [("download", json!({ "infohash": "ab", "state": "gone", "finished": false }))]);
    }

    #[tokio::test]
    async fn a_slow_listener_loses_the_oldest_and_is_told_how_many() {
        let events = Events::default();
        let listener = events.news.subscribe();
        let place = Arc::clone(&events.places).try_acquire_owned().expect("a place");
        for number in 0..QUEUED + 7 {
            events.news.send(Arc::new(("peers", json!({ "peers": number })))).expect("a listener");
        }
        let (told, rest) = next((listener, place)).await.expect("an event");
        let shown = format!("{told:?}");
        assert!(shown.contains("lost"), "{shown}");
        let (_, (mut left, place)) = next(rest).await.expect("an event");
        assert_eq!(left.recv().await.expect("the next").1, json!({ "peers": 8 }), "seven were lost");
        assert_eq!(events.listeners(), 1);
        drop(place);
        assert_eq!(events.listeners(), 0);
    }
}
