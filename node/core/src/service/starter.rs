//! The starter catalogue: a follow of depth zero that a node takes by itself, once, and that the owner can drop for good.
//!
//! Its statements pass the same door as a stranger's. What it must not know: where they come from.

use super::Service;
use crate::command::{CommandError, Fault, Reply};
use crate::curation::Follow;
use crate::fields::Fields;
use crate::io::Now;
use crate::store::{Durability, Store, StoreError, Table};
use crate::views::{Starter, StarterState};
use heirloom_proto::body::{Level, Scope};
use heirloom_proto::{Key, Kind};

/// Row of [`Table::Local`]: 1 if it was taken, 0 if it was dropped (1) ‖ its key at that time (32).
const STARTER: &[u8] = b"starter";

/// What it is called here.
const ALIAS: &str = "starter";

/// How far it is trusted. Medium: a listing of it alone makes a release trusted, just, and anybody whom the owner chose weighs as much or more.
const LEVEL: Level = Level::MEDIUM;

type Outcome = Result<Result<Reply, CommandError>, StoreError>;

impl<S: Store> Service<S> {
    /// Follows the starter catalogue, or goes on following it, and takes in what it says: a newer one of a newer program
    /// replaces the older. One that was dropped stays dropped, unless the owner asks for it `again`.
    pub(super) fn take_starter(&mut self, now: Now, key: &Key, envelopes: &[Vec<u8>], again: bool) -> Outcome {
        let row = self.starter_row()?;
        if let Some((false, key)) = row
            && !again
        {
            return Ok(Ok(Reply::Starter(Starter { key, state: StarterState::Dropped, releases: 0 })));
        }
        let held = row.filter(|(is_taken, _)| *is_taken).map(|(_, key)| self.succession.newest(&key));
        let held = held.filter(|key| self.curation.of(key).is_some());
        let mut state = StarterState::Followed;
        if held.is_none() {
            // Before its words come in, so that they do not stand among strangers'.
            state = StarterState::Taken;
            if let Err(error) = self.follow_starter(now, key)? {
                return Ok(Err(error));
            }
        }
        if let Err(error) = self.import(now, envelopes)? {
            return Ok(Err(error));
        }
        let newest = self.succession.newest(key);
        if let Some(held) = held
            && held != newest
        {
            // Its key was lost, and no rotation leads on: the program that the owner installed names the new one.
            if let Err(error) = self.unfollow(now, &held)? {
                return Ok(Err(error));
            }
            if let Err(error) = self.follow_starter(now, &newest)? {
                return Ok(Err(error));
            }
        }
        self.note_starter(true, &newest);
        let releases = self.starter_releases(&newest)?;
        Ok(Ok(Reply::Starter(Starter { key: newest, state, releases })))
    }

    fn follow_starter(&mut self, now: Now, key: &Key) -> Outcome {
        let key = self.succession.newest(key);
        if self.curation.of(&key).is_some() {
            // The owner followed it by its key before: what they said of it stands.
            return Ok(Ok(Reply::Follows(Vec::new())));
        }
        let follow =
            Follow { level: LEVEL, scope: Scope::All, alias: ALIAS.into(), since: now.wall, gives_voice: false };
        self.follow(now, key, follow, false)
    }

    /// Stops following it.
    pub(super) fn drop_starter(&mut self, now: Now) -> Outcome {
        match self.starter_row()? {
            Some((true, key)) => self.unfollow(now, &key),
            _ => Ok(Err(CommandError::new(Fault::NotFound, "not_followed", "you do not follow the starter catalogue"))),
        }
    }

    /// Remembers that the owner dropped it, if this key is its.
    pub(super) fn note_dropped_starter(&mut self, key: &Key) -> Result<(), StoreError> {
        if let Some((true, starter)) = self.starter_row()?
            && self.succession.newest(&starter) == *key
        {
            self.note_starter(false, &starter);
        }
        Ok(())
    }

    /// How this node stands to it; `None` as long as it was never taken.
    pub(super) fn starter(&self) -> Result<Option<Starter>, StoreError> {
        let Some((is_taken, key)) = self.starter_row()? else { return Ok(None) };
        let key = self.succession.newest(&key);
        let state = if is_taken { StarterState::Followed } else { StarterState::Dropped };
        Ok(Some(Starter { key, state, releases: self.starter_releases(&key)? }))
    }

    fn starter_releases(&self, key: &Key) -> Result<usize, StoreError> {
        Ok(self.ground.statements_of_kind(key, Kind::Listing)?.len())
    }

    fn starter_row(&self) -> Result<Option<(bool, Key)>, StoreError> {
        let row = self.ground.get(Table::Local, STARTER)?;
        Ok(row.and_then(|bytes| {
            let mut fields = Fields(&bytes);
            Some((fields.u8()? == 1, Key::from_bytes(fields.array()?).ok()?))
        }))
    }

    fn note_starter(&mut self, is_taken: bool, key: &Key) {
        let mut row = vec![u8::from(is_taken)];
        row.extend_from_slice(key.as_bytes());
        self.ground.put(Table::Local, STARTER, Some(row), Durability::Disk);
    }
}
