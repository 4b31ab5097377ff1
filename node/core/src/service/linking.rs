//! Linking addresses of the ledger to keys: what is offered, what the owner confirms, and what they take back.

use super::Service;
use crate::command::{CommandError, Fault, Reply};
use crate::store::{Store, StoreError};
use crate::views::{LedgerBy, LedgerRow};
use heirloom_proto::Key;
use std::collections::BTreeSet;
use std::net::IpAddr;

type Outcome = Result<Result<Reply, CommandError>, StoreError>;

impl<S: Store> Service<S> {
    /// The rows of the ledger, with the keys that nameless addresses showed later, and those that they are linked to.
    pub(super) fn ledger_rows(&self, by: LedgerBy) -> Vec<LedgerRow> {
        let mut rows = self.ledger.rows(by, &self.bad_releases(), |key| self.name_of(key).unwrap_or_default());
        let weak = self.ledger.observed().rows(by, &self.bad_releases(), |key| self.name_of(key).unwrap_or_default());
        rows.extend(weak);
        // Stable: of equal lines the measured one stands first.
        rows.sort_by_key(|row| std::cmp::Reverse(row.verified_bytes));
        for row in rows.iter_mut().filter(|row| row.key.is_none()) {
            row.linked = self.ledger.links().of(&row.address);
            if row.linked.is_none() {
                row.offered = self.offered(&row.address).into_iter().collect();
            }
        }
        rows
    }

    /// Keys that an address showed when, or after, it sent something without a name. The owner's own is none of them.
    fn offered(&self, address: &IpAddr) -> BTreeSet<Key> {
        let me = self.identity.key();
        self.ledger.shown_later(address).into_iter().filter(|key| *key != me).collect()
    }

    /// Links an address to a key that it showed, or unlinks it.
    pub(super) fn link(&mut self, address: IpAddr, key: Option<Key>) -> Outcome {
        let address = address.to_canonical();
        match key {
            Some(key) if !self.offered(&address).contains(&key) => {
                let message = format!(
                    "{address} never showed {key} after it sent something without a name: `heirloom ledger --by address` lists what can be linked"
                );
                return Ok(Err(CommandError::not_found("not_offered", message)));
            }
            None if self.ledger.links().of(&address).is_none() => {
                let message = format!("{address} is linked to no key: `heirloom ledger` lists the links");
                return Ok(Err(CommandError::not_found("not_linked", message)));
            }
            _ => {}
        }
        if !self.ledger.link(address, key, &mut self.ground) {
            let message = "there are as many links as can be kept: unlink one first";
            return Ok(Err(CommandError::new(Fault::Failed, "too_many_links", message)));
        }
        self.scoring.ledger_changed();
        let rows = self.ledger_rows(LedgerBy::Key);
        Ok(Ok(Reply::Ledger(rows.into_iter().filter(|row| row.address == address).collect())))
    }
}
