//! Between the core and the search index: its questions, and searches.

use super::{Event, Node};
use crate::home::Home;
use crate::search::{self, Search, Source, Wish};
use heirloom_core::AnyService;
use heirloom_core::changes::Heard;
use heirloom_core::command::{Command, CommandError, Fault, Reply};
use heirloom_core::ground::Stored;
use heirloom_core::store::StoreError;
use heirloom_core::views::Found;
use heirloom_proto::StatementId;
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

/// What the index asks, and where the answer goes.
pub(crate) enum Question {
    Changes(usize, oneshot::Sender<Result<Heard, StoreError>>),
    Ids(Option<StatementId>, usize, oneshot::Sender<Result<Vec<StatementId>, StoreError>>),
    Statements(Vec<StatementId>, oneshot::Sender<Result<Vec<Stored>, StoreError>>),
}

impl Question {
    /// Answers, unless nobody waits any longer.
    pub(super) fn answer(self, service: &mut AnyService) {
        match self {
            Self::Changes(limit, reply) => drop(reply.send(service.index_changes(limit))),
            Self::Ids(after, limit, reply) => drop(reply.send(service.index_ids(after, limit))),
            Self::Statements(ids, reply) => drop(reply.send(service.index_statements(&ids))),
        }
    }
}

/// The core on its thread.
struct Core(mpsc::Sender<Event>);

impl Core {
    fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.0.blocking_send(Event::Index(question(reply))).ok()?;
        answer.blocking_recv().ok()
    }
}

/// A store that fails ends the core; the index only goes on with nothing.
fn told<T>(answer: Result<T, StoreError>) -> Option<T> {
    answer.inspect_err(|error| warn!("the search index cannot read the store: {error}")).ok()
}

impl Source for Core {
    fn changes(&mut self, limit: usize) -> Option<Heard> {
        self.ask(|reply| Question::Changes(limit, reply)).and_then(told)
    }

    fn ids(&mut self, after: Option<StatementId>, limit: usize) -> Option<Vec<StatementId>> {
        self.ask(|reply| Question::Ids(after, limit, reply)).and_then(told)
    }

    fn statements(&mut self, ids: Vec<StatementId>) -> Option<Vec<Stored>> {
        self.ask(|reply| Question::Statements(ids, reply)).and_then(told)
    }
}

/// The core without a node.
pub(super) struct Here<'a>(pub(super) &'a mut AnyService);

impl Source for Here<'_> {
    fn changes(&mut self, limit: usize) -> Option<Heard> {
        told(self.0.index_changes(limit))
    }

    fn ids(&mut self, after: Option<StatementId>, limit: usize) -> Option<Vec<StatementId>> {
        told(self.0.index_ids(after, limit))
    }

    fn statements(&mut self, ids: Vec<StatementId>) -> Option<Vec<Stored>> {
        told(self.0.index_statements(&ids))
    }
}

pub(super) fn start(home: &Home, events: mpsc::Sender<Event>) -> Result<Search, CommandError> {
    Search::start(home.search(), Core(events))
        .map_err(|error| CommandError::new(Fault::Failed, "thread", error.to_string()))
}

fn failed(error: &tokio::task::JoinError) -> CommandError {
    CommandError::new(Fault::Failed, "failed", error.to_string())
}

impl Node {
    /// Looks for works.
    ///
    /// # Errors
    /// What the core answers, or that it has ended.
    pub async fn search(&self, wish: Wish) -> Result<Vec<Found>, CommandError> {
        let node = self.clone();
        let runtime = tokio::runtime::Handle::current();
        let work = tokio::task::spawn_blocking(move || {
            node.search.catch_up();
            let index = node.search.index();
            let mut ask = |command: Command| -> Result<Reply, CommandError> {
                runtime.block_on(node.command(command)).map(|reply| *reply)
            };
            search::find(index.as_ref(), &wish, &mut ask)
        });
        work.await.map_err(|error| failed(&error))?
    }

    /// Whether the search index holds all that the core has.
    #[must_use]
    pub fn is_search_current(&self) -> bool {
        self.search.is_current()
    }

    /// Throws the search index away and makes it anew: how many statements it holds.
    ///
    /// # Errors
    /// When its thread is gone.
    pub async fn rebuild_search(&self) -> Result<u64, CommandError> {
        let search = self.search.clone();
        tokio::task::spawn_blocking(move || search.rebuild()).await.map_err(|error| failed(&error))
    }
}
