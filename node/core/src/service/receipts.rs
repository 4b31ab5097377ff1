//! Making receipts of the ledger, if the owner chose to share them, and saying what those of others come to.

use super::Service;
use crate::fields::Fields;
use crate::io::Now;
use crate::receipts::{DELAY_MAX, DELAY_MIN, LISTINGS_MIN, PER_WEEK_MAX, Received, WEEKS, end_of, start_of, week_of};
use crate::scoring::band_rank;
use crate::store::{Durability, Store, StoreError, Table};
use heirloom_graph::Band;
use heirloom_proto::body::Receipt;
use heirloom_proto::{Body, Key, Kind, Timestamp};
use rand_core::Rng;
use std::collections::BTreeSet;

/// Row of [`Table::Local`]: since when (8) the owner shares receipts. What came before stays private.
const SINCE: &[u8] = b"receipts since";
/// Rows of [`Table::Local`]: this ‖ week (4) ‖ key (32) → when the receipt leaves (8); 0 if it was made.
const PLAN: &[u8] = b"receipt/";

impl<S: Store> Service<S> {
    /// Plans receipts about weeks that are over, and makes those whose time has come.
    pub(super) fn receipts_sweep(&mut self, now: Now) -> Result<(), StoreError> {
        // A single command without a node makes none, and may run with other settings than the node.
        if self.upkeep.renew_at.is_none() {
            return Ok(());
        }
        let since = self.ground.get(Table::Local, SINCE)?.and_then(|bytes| Fields(&bytes).u64()).map(Timestamp);
        if !self.trust.shares_receipts {
            if since.is_some() {
                self.forget_receipt_plans(u32::MAX)?;
                self.ground.put(Table::Local, SINCE, None, Durability::Process);
            }
            return Ok(());
        }
        let since = match since {
            Some(since) => since,
            None => {
                let row = now.wall.0.to_be_bytes().to_vec();
                self.ground.put(Table::Local, SINCE, Some(row), Durability::Process);
                now.wall
            }
        };
        // Nothing is signed before the number is known.
        if self.recovering.is_some() {
            return Ok(());
        }
        let this_week = week_of(now.wall);
        self.forget_receipt_plans(this_week.saturating_sub(WEEKS))?;
        for week in this_week.saturating_sub(WEEKS)..this_week {
            if start_of(week) >= since {
                self.receipts_about(now, week)?;
            }
        }
        Ok(())
    }

    fn receipts_about(&mut self, now: Now, week: u32) -> Result<(), StoreError> {
        let me = self.identity.key();
        let mut received: Vec<(Key, u64)> =
            self.ledger.bytes_in_week(week, &self.bad_releases()).into_iter().filter(|(key, _)| *key != me).collect();
        received.sort_by_key(|(key, bytes)| (std::cmp::Reverse(*bytes), *key));
        received.truncate(PER_WEEK_MAX);
        for (subject, bytes) in received {
            let row = plan_key(week, &subject);
            let planned = self.ground.get(Table::Local, &row)?.and_then(|bytes| Fields(&bytes).u64());
            let leaves = match planned {
                Some(0) => continue,
                Some(leaves) => leaves,
                None => {
                    // Drawn once and kept: a node that is started often must not draw until it has a short one.
                    let span = u64::try_from((DELAY_MAX - DELAY_MIN).as_millis()).unwrap_or(u64::MAX).max(1);
                    let leaves = end_of(week).plus(DELAY_MIN).0 + self.rng.next_u64() % span;
                    self.ground.put(Table::Local, &row, Some(leaves.to_be_bytes().to_vec()), Durability::Process);
                    leaves
                }
            };
            if now.wall.0 < leaves || !self.lists_enough(&subject) {
                continue;
            }
            let log2_bytes = u8::try_from(bytes.ilog2()).unwrap_or(u8::MAX);
            let receipt = Body::Receipt(Receipt { subject, week, log2_bytes });
            match self.say(now, receipt, None, false)? {
                Ok(_) => self.ingest.count("receipts_made"),
                Err(_) => self.ingest.count("receipts_refused"),
            }
            self.ground.put(Table::Local, row, Some(0_u64.to_be_bytes().to_vec()), Durability::Disk);
        }
        Ok(())
    }

    /// Whether a key lists so many releases that a receipt about it names none of them.
    fn lists_enough(&self, key: &Key) -> bool {
        // The count of its listings is at hand; one release under twenty ids is still one release.
        self.ingest.count_of(key, Kind::Listing) >= LISTINGS_MIN && self.catalogue.lists_at_least(key, LISTINGS_MIN)
    }

    /// Forgets plans for weeks before `week`.
    fn forget_receipt_plans(&mut self, week: u32) -> Result<(), StoreError> {
        for (row, _) in self.ground.all(Table::Local, PLAN)? {
            let is_old = Fields(row.get(PLAN.len()..).unwrap_or_default()).u32().is_none_or(|of| of < week);
            if is_old {
                self.ground.put(Table::Local, row, None, Durability::Process);
            }
        }
        Ok(())
    }

    /// What people in the bands trusted and vouched say that they received of these keys in the last four weeks. Their
    /// word about themselves, and the owner's, who has a ledger, are not among it.
    pub(super) fn received_by_trusted(&mut self, now: Now, listers: &BTreeSet<Key>) -> Received {
        let me = self.identity.key();
        let (receipts, scores) = self.scoring.receipts_and_scores(now.wall, heirloom_graph::Scope::Catalogue);
        let is_trusted = |author: &Key| {
            *author != me && band_rank(scores.key(&crate::scoring::node(author)).band) <= band_rank(Band::Vouched)
        };
        let mut sum = Received::default();
        let mut people = BTreeSet::new();
        for lister in listers {
            let of_one = receipts.received(now.wall, lister, |author| {
                let counts = is_trusted(author);
                if counts {
                    people.insert(*author);
                }
                counts
            });
            sum.bytes = sum.bytes.saturating_add(of_one.bytes);
        }
        sum.people = people.len();
        sum
    }
}

fn plan_key(week: u32, subject: &Key) -> Vec<u8> {
    [PLAN, &week.to_be_bytes(), subject.as_bytes()].concat()
}
