//! Outputs that depend on a write never leave before it: own statements and their numbers are synced, torrents noted,
//! what is passed on is committed.

use super::{Broken, Checker, Held, Property, Step};
use crate::disk::{Disk, Synced};
use heirloom_core::Store;
use heirloom_core::ground::{Ground, Place};
use heirloom_core::io::{DhtOrder, Output, TorrentOrder};
use heirloom_core::store::Table;
use heirloom_proto::{Infohash, Kind, Statement, Verified, statement};

const PROPERTY: Property = Property::CommitBeforeRelease;

#[derive(Debug)]
pub(crate) struct CommitBeforeRelease;

/// Checks that nothing left a core that has handled an input and not yet committed it.
pub(crate) fn nothing_left_early(service: &mut heirloom_core::Service<Disk>) -> Held {
    match service.poll_output() {
        None => Ok(()),
        Some(output) => PROPERTY.broken(format!("an output left before its commit: {output:?}")),
    }
}

impl Checker for CommitBeforeRelease {
    fn step(&mut self, step: &Step<'_>) -> Held {
        let synced = step.of.disk.synced();
        for output in step.outputs {
            match output {
                Output::Publish { bytes, .. } => {
                    let said = statement::verify(bytes).map_err(|error| PROPERTY.unreadable(error))?;
                    // A proof proves itself: it may be said under a name that is nobody's.
                    let is_nobody = |key| step.nodes.iter().all(|node| node.key() != key);
                    if said.kind() == Kind::DuplicityProof && is_nobody(*said.author()) {
                        continue;
                    }
                    if *said.author() != step.of.key() {
                        return PROPERTY.broken(format!("n{} publishes a statement of {}", step.node, said.author()));
                    }
                    is_on_disk(&synced, &said)?;
                }
                Output::Dht(DhtOrder::Put { item, .. }) => {
                    let item = item.clone().verify();
                    let item = item.map_err(|error| PROPERTY.unreadable(format!("n{}: {error}", step.node)))?;
                    let reached = i64::try_from(last_number(&synced)?).unwrap_or(i64::MAX);
                    if item.key == *step.of.key().as_bytes() && reached < item.seq {
                        return PROPERTY.broken(format!("n{} puts item {} before it is synced", step.node, item.seq));
                    }
                }
                Output::Torrent(TorrentOrder::Seed { infohash, .. } | TorrentOrder::Fetch { infohash, .. }) => {
                    is_noted(&synced, infohash)?;
                }
                _ => {}
            }
        }
        for message in step.accepted {
            let Some(said) = &message.statement else {
                return PROPERTY.broken(format!("n{} accepts what does not hold", step.node));
            };
            if !reaches(&step.of.disk, said)? {
                return PROPERTY.broken(format!("n{} passes {} on before it is committed", step.node, said.id()));
            }
        }
        Ok(())
    }
}

/// Whether a store has come at least as far as a statement at its place.
fn reaches<S: Store + Clone>(store: &S, said: &Verified<Statement>) -> Result<bool, Broken> {
    let floor = Ground::new(store.clone()).floor(&Place::of(said)).map_err(|error| PROPERTY.unreadable(error))?;
    Ok(floor.is_some_and(|floor| floor >= said.header().order()))
}

/// An own statement and its number would survive a power cut at the moment at which it leaves.
fn is_on_disk(synced: &Synced, said: &Verified<Statement>) -> Held {
    if !reaches(synced, said)? {
        return PROPERTY.broken(format!("{:?} {} left before it was synced", said.kind(), said.id()));
    }
    if last_number(synced)? < said.header().seq {
        return PROPERTY.broken(format!("number {} left before it was synced", said.header().seq));
    }
    Ok(())
}

fn is_noted(synced: &Synced, infohash: &Infohash) -> Held {
    let noted = synced.get(Table::Torrents, &infohash.0).map_err(|error| PROPERTY.unreadable(error))?;
    if noted.is_some() { Ok(()) } else { PROPERTY.broken(format!("starts {infohash} before it is synced")) }
}

fn last_number(store: &Synced) -> Result<u64, Broken> {
    let bytes = store.get(Table::Local, b"identity/sequence").map_err(|error| PROPERTY.unreadable(error))?;
    Ok(bytes.unwrap_or_default().try_into().map(u64::from_be_bytes).unwrap_or(0))
}
