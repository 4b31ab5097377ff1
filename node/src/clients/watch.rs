//! Looks at the owner's clients while a node runs: reads their figures where the owner wants that, and how far they are with
//! what was handed to them.
//!
//! A client that is down is asked less and less often; nothing is lost by that but figures, since what a client says in
//! sum is compared with what it said before. Each trouble is one line in the log, and stands in `status`.

use super::{Client, Endpoint, LOOK_EVERY, Progress, Session, Settings};
use crate::driver::Node;
use heirloom_core::command::{Command, CommandError, Fault, Reply};
use heirloom_core::handed::Handed;
use heirloom_proto::{Infohash, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tracing::{info, warn};

/// How often a client is looked at while nothing comes in: within the time over which rates hold.
const LOOK_IDLE: Duration = Duration::from_secs(20);
/// Longest time for all questions of one look.
const LOOK_MAX: Duration = Duration::from_secs(60);
/// Longest pause after a failure: a person who started the client again sees it noticed before the tea is cold.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// How a client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientState {
    /// Which.
    pub client: Client,
    /// Where it answers.
    pub url: String,
    /// Its figures are booked.
    pub is_observed: bool,
    /// What it says its version is, once it answered.
    pub version: Option<String>,
    /// Looks at its figures that were booked since the start.
    pub looks: u64,
    /// When the last one was.
    pub last_look: Option<Timestamp>,
    /// Bytes that were booked since the start.
    pub booked_bytes: u64,
    /// Torrents that the last look left out.
    pub skipped: usize,
    /// Which of its figures were not believed at the last look, and why.
    pub doubt: Option<String>,
    /// What is wrong with it now, and when it is asked again.
    pub trouble: Option<(String, Duration)>,
}

/// How far a client is with what was handed to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedState {
    /// Which release.
    pub infohash: Infohash,
    /// What is remembered of it.
    pub handed: Handed,
    /// What its client said last; `None`: nothing yet, or it has no such torrent any longer.
    pub progress: Option<Progress>,
    /// Its client has no such torrent.
    pub is_gone: bool,
    /// It was stopped there, for what is in it.
    is_stopped: bool,
}

impl HandedState {
    fn new(infohash: Infohash, handed: Handed) -> Self {
        Self { infohash, handed, progress: None, is_gone: false, is_stopped: false }
    }

    /// In a word.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match &self.progress {
            _ if !self.handed.refused.is_empty() => "failed",
            _ if self.is_gone => "gone",
            Some(progress) => progress.state,
            None => "starting",
        }
    }

    /// Whether there is nothing more to ask.
    fn is_over(&self) -> bool {
        let is_finished = self.progress.as_ref().is_some_and(|progress| progress.is_finished);
        self.is_gone || self.is_stopped || (is_finished && self.handed.is_looked_into)
    }
}

#[derive(Debug, Default)]
struct Seen {
    clients: BTreeMap<Client, ClientState>,
    handed: BTreeMap<Infohash, HandedState>,
}

/// The owner's clients, as they were seen. Clones are handles.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    settings: Arc<Settings>,
    seen: Arc<Mutex<Seen>>,
    qbittorrent: Arc<Notify>,
    transmission: Arc<Notify>,
}

impl Watch {
    /// Not yet looking.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let watch = Self { settings: Arc::new(settings), ..Self::default() };
        for client in &watch.settings.observed {
            watch.change(*client, |_| {});
        }
        watch
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // A panic while it was held cannot leave it half changed: every change is to one entry.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, client: Client, change: impl FnOnce(&mut ClientState)) {
        let new = || ClientState {
            client,
            url: self.settings.endpoint(client).url,
            is_observed: self.settings.observed.contains(&client),
            version: None,
            looks: 0,
            last_look: None,
            booked_bytes: 0,
            skipped: 0,
            doubt: None,
            trouble: None,
        };
        change(self.seen().clients.entry(client).or_insert_with(new));
    }

    /// The clients that are observed, or were given something.
    #[must_use]
    pub fn clients(&self) -> Vec<ClientState> {
        self.seen().clients.values().cloned().collect()
    }

    /// What was handed off, the newest first.
    #[must_use]
    pub fn handed(&self) -> Vec<HandedState> {
        let mut all: Vec<HandedState> = self.seen().handed.values().cloned().collect();
        all.sort_by_key(|state| std::cmp::Reverse(state.handed.added));
        all
    }

    fn bell(&self, client: Client) -> &Notify {
        match client {
            Client::Qbittorrent => &self.qbittorrent,
            Client::Transmission => &self.transmission,
        }
    }

    /// Something was handed to a client: it is asked at once.
    pub fn ring(&self, client: Client) {
        self.bell(client).notify_one();
    }

    /// Looks at a client until the node ends.
    pub(crate) async fn run(self, client: Client, node: Node) {
        let mut sessions = BTreeMap::new();
        let mut failures = 0_u32;
        loop {
            let open = self.open(client, &node).await;
            let is_observed = self.settings.observed.contains(&client);
            let wait = if !is_observed && open.is_empty() {
                None
            } else {
                let looked = tokio::time::timeout(LOOK_MAX, self.look(client, &node, &open, &mut sessions)).await;
                let too_long = || {
                    let message = format!("{} takes longer than {} s to answer", client.title(), LOOK_MAX.as_secs());
                    Err(CommandError::new(Fault::Failed, "client_down", message))
                };
                Some(match looked.unwrap_or_else(|_| too_long()) {
                    Ok(is_busy) => {
                        if failures > 0 {
                            info!(client = client.name(), "the client answers again");
                        }
                        failures = 0;
                        self.change(client, |state| state.trouble = None);
                        if is_busy { LOOK_EVERY } else { LOOK_IDLE }
                    }
                    Err(error) => {
                        // A client that was started again knows no old session.
                        sessions.clear();
                        let pause = LOOK_EVERY.saturating_mul(1 << failures.min(10)).min(PAUSE_MAX);
                        failures = failures.saturating_add(1);
                        self.troubled(client, &error, pause);
                        pause
                    }
                })
            };
            tokio::select! {
                _ = node.ended() => return,
                () = self.bell(client).notified() => {}
                () = async { match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => std::future::pending().await,
                } } => {}
            }
        }
    }

    /// One line for each trouble, however often it is met.
    fn troubled(&self, client: Client, error: &CommandError, pause: Duration) {
        let mut is_new = true;
        self.change(client, |state| {
            is_new = state.trouble.as_ref().is_none_or(|(before, _)| *before != error.message);
            state.trouble = Some((error.message.clone(), pause));
        });
        if is_new {
            warn!("{error}; asked again from time to time");
        }
    }

    /// One line for each doubt and for each other version, however often they are met.
    fn took_stock(&self, client: Client, version: &str, doubt: Option<String>) {
        let mut said = None;
        self.change(client, |state| {
            if let Some(before) = state.version.replace(version.to_owned()).filter(|before| *before != version) {
                info!(client = client.name(), before, version, "the client is of another version now");
            }
            if state.doubt != doubt {
                said.clone_from(&doubt);
            }
            state.doubt = doubt;
        });
        if let Some(said) = said {
            warn!("{}: {said}", client.title());
        }
    }

    /// What of the things handed to a client is not over yet.
    async fn open(&self, client: Client, node: &Node) -> Vec<HandedState> {
        let Ok(reply) = node.command(Command::Handed).await else { return Vec::new() };
        self.take_handed(*reply);
        let seen = self.seen();
        seen.handed.values().filter(|state| state.handed.client == client && !state.is_over()).cloned().collect()
    }

    fn take_handed(&self, reply: Reply) {
        let Reply::Handed(rows) = reply else { return };
        let mut seen = self.seen();
        let mut old = std::mem::take(&mut seen.handed);
        for (infohash, handed) in rows {
            let known = old.remove(&infohash).filter(|state| state.handed.added == handed.added);
            let state = known.unwrap_or_else(|| HandedState::new(infohash, handed.clone()));
            seen.handed.insert(infohash, HandedState { handed, ..state });
        }
    }

    /// One look: whether anything is on its way.
    async fn look(
        &self,
        client: Client,
        node: &Node,
        open: &[HandedState],
        sessions: &mut BTreeMap<String, Session>,
    ) -> Result<bool, CommandError> {
        let endpoint = self.settings.endpoint(client);
        let mut is_busy = false;
        if self.settings.observed.contains(&client) {
            let session = opened(sessions, &endpoint).await?;
            let look = session.look().await?;
            self.took_stock(client, session.version(), look.doubts());
            is_busy = !look.swarms.is_empty();
            let now = node.now().wall;
            let reply = node.command(Command::Observe { client, swarms: look.swarms, is_dry: false }).await?;
            let Reply::Observed(seen) = *reply else { return Ok(is_busy) };
            let booked: u64 = seen.booked.iter().map(|row| row.bytes).sum();
            let mut is_first = false;
            self.change(client, |state| {
                is_first = state.looks == 0;
                state.looks += 1;
                state.last_look = Some(now);
                state.booked_bytes = state.booked_bytes.saturating_add(booked);
                state.skipped = look.skipped.len() + look.doubted.len() + seen.skipped.len();
            });
            if is_first {
                info!(client = client.name(), url = endpoint.url, "its figures are booked as weak evidence");
            }
        }
        for state in open {
            let session = opened(sessions, &endpoint.at(&state.handed.url)).await?;
            self.follow_up(state, session, node).await?;
            is_busy = true;
        }
        Ok(is_busy)
    }

    /// Asks how far a client is with a release, and once what is in it.
    async fn follow_up(&self, state: &HandedState, session: &mut Session, node: &Node) -> Result<(), CommandError> {
        let infohash = state.infohash;
        let progress = session.progress(&infohash).await?;
        let mut handed = state.handed.clone();
        if !handed.is_looked_into
            && progress.is_some()
            && let Some(files) = session.files(&infohash).await?
        {
            let reply = node.command(Command::LookInto { infohash, files }).await?;
            self.take_handed(*reply);
            if let Some(state) = self.seen().handed.get(&infohash) {
                handed = state.handed.clone();
            }
        }
        let must_stop = !handed.refused.is_empty() && !state.is_stopped && progress.is_some();
        if must_stop {
            session.stop(&infohash).await?;
            warn!(%infohash, "stopped in {}: {}", handed.client.title(), handed.refused);
        }
        let version = session.version().to_owned();
        self.change(handed.client, |state| state.version = Some(version));
        if let Some(state) = self.seen().handed.get_mut(&infohash) {
            state.is_gone = progress.is_none();
            state.is_stopped |= must_stop;
            state.progress = progress;
        }
        Ok(())
    }
}

/// A session with a client at an address; kept from look to look.
async fn opened<'a>(
    sessions: &'a mut BTreeMap<String, Session>,
    endpoint: &Endpoint,
) -> Result<&'a mut Session, CommandError> {
    use std::collections::btree_map::Entry;
    Ok(match sessions.entry(endpoint.url.clone()) {
        Entry::Occupied(open) => open.into_mut(),
        Entry::Vacant(place) => place.insert(Session::open(endpoint).await?),
    })
}
