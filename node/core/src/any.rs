//! The service over any store, compiled with this crate.
//!
//! A generic service is compiled where its store is named: in the program's own crate, which is not optimised in the
//! profile of development, taking a statement in cost twice as much.

use crate::changes::{Heard, Mark};
use crate::ground::Stored;
use crate::io::{Input, Now, Output};
use crate::service::{Config, Halt, OpenError, Service};
use crate::store::{Store, StoreError};
use heirloom_proto::{Key, StatementId};
use std::collections::BTreeSet;
use std::time::Duration;

/// A [`Service`] over any store.
pub struct AnyService(Service<Box<dyn Store + Send>>);

impl AnyService {
    /// See [`Service::open`].
    ///
    /// # Errors
    /// [`OpenError`] when the store fails.
    pub fn open(config: Config, store: Box<dyn Store + Send>) -> Result<Self, OpenError> {
        Service::open(config, store).map(Self)
    }

    /// See [`Service::handle`].
    pub fn handle(&mut self, now: Now, input: Input) {
        self.0.handle(now, input);
    }

    /// See [`Service::commit`].
    ///
    /// # Errors
    /// [`Halt`]: nothing was released; stop the process.
    pub fn commit(&mut self) -> Result<(), Halt> {
        self.0.commit()
    }

    /// See [`Service::poll_output`].
    pub fn poll_output(&mut self) -> Option<Output> {
        self.0.poll_output()
    }

    /// See [`Service::next_wakeup`].
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Duration> {
        self.0.next_wakeup()
    }

    /// See [`Service::is_quiet`].
    pub fn is_quiet(&mut self, now: Now) -> bool {
        self.0.is_quiet(now)
    }

    /// See [`Service::set_friends`].
    pub fn set_friends(&mut self, friends: BTreeSet<Key>) {
        self.0.set_friends(friends);
    }

    /// See [`Service::listen_for_index`].
    pub fn listen_for_index(&mut self) {
        self.0.listen_for_index();
    }

    /// See [`Service::has_index_changes`].
    #[must_use]
    pub fn has_index_changes(&self) -> bool {
        self.0.has_index_changes()
    }

    /// See [`Service::index_mark`].
    #[must_use]
    pub fn index_mark(&self) -> Mark {
        self.0.index_mark()
    }

    /// See [`Service::index_changes`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn index_changes(&mut self, limit: usize) -> Result<Heard, StoreError> {
        self.0.index_changes(limit)
    }

    /// See [`Service::index_ids`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn index_ids(&self, after: Option<StatementId>, limit: usize) -> Result<Vec<StatementId>, StoreError> {
        self.0.index_ids(after, limit)
    }

    /// See [`Service::index_statements`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn index_statements(&self, ids: &[StatementId]) -> Result<Vec<Stored>, StoreError> {
        self.0.index_statements(ids)
    }

    /// The owner's key.
    #[must_use]
    pub fn key(&self) -> Key {
        self.0.key()
    }
}
