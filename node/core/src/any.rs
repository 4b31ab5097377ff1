//! The service over any store, compiled with this crate.
//!
//! A generic service is compiled where its store is named: in the program's own crate, which is not optimised in the
//! profile of development, taking a statement in cost twice as much.

use crate::io::{Input, Now, Output};
use crate::service::{Config, Halt, OpenError, Service};
use crate::store::Store;
use heirloom_proto::Key;
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

    /// The owner's key.
    #[must_use]
    pub fn key(&self) -> Key {
        self.0.key()
    }
}
