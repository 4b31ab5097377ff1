//! Archives in the modelled world: files on disks, and who seeds them.
//!
//! A model: a fetch takes one step, however large the file, and asks once whether anybody seeds it; who finds nobody waits
//! until the core gives up. No file is ever damaged; what the core makes of those that are is tested beside it.

use crate::world::NodeId;
use heirloom_core::archives::PART_BYTES_MAX;
use heirloom_core::io::{ArchiveEvent, ArchiveOrder, OrderId};
use heirloom_proto::statement_file::{MAGIC, Reader, end, record};
use heirloom_proto::{Infohash, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// A file of a node, being written or read.
type Task = (NodeId, OrderId);

#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// What each torrent holds: the same everywhere.
    files: BTreeMap<Infohash, Vec<u8>>,
    /// Files on a node's disk. They outlive crashes.
    disks: BTreeSet<(NodeId, Infohash)>,
    seeding: BTreeSet<(NodeId, Infohash)>,
    writing: BTreeMap<Task, (Vec<u8>, u64)>,
    reading: BTreeMap<Task, (Infohash, usize, Reader)>,
}

impl Shelf {
    /// Carries an order out, and says what comes of it.
    pub(crate) fn carry_out(&mut self, node: NodeId, order: ArchiveOrder) -> Vec<ArchiveEvent> {
        match order {
            ArchiveOrder::Tidy { keep } => {
                self.disks.retain(|(of, infohash)| *of != node || keep.contains(infohash));
                Vec::new()
            }
            ArchiveOrder::Write { order, .. } => {
                self.writing.insert((node, order), (MAGIC.to_vec(), 0));
                vec![ArchiveEvent::Wants { order }]
            }
            ArchiveOrder::Append { order, envelopes, is_end } => self.append(node, order, &envelopes, is_end),
            ArchiveOrder::Fetch { order, infohash, .. } => self.fetch(node, order, infohash),
            ArchiveOrder::Read { order } => self.read(node, order),
            ArchiveOrder::Seed { infohash, .. } => {
                if self.disks.contains(&(node, infohash)) {
                    self.seeding.insert((node, infohash));
                    return Vec::new();
                }
                vec![ArchiveEvent::Lost { infohash }]
            }
            ArchiveOrder::Drop { infohash } => {
                self.disks.remove(&(node, infohash));
                self.seeding.remove(&(node, infohash));
                Vec::new()
            }
        }
    }

    /// A process ended: its sessions and tasks are gone.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.seeding.retain(|(of, _)| *of != node);
        self.writing.retain(|(of, _), _| *of != node);
        self.reading.retain(|(of, _), _| *of != node);
    }

    /// A disk is gone.
    pub(crate) fn wipe(&mut self, node: NodeId) {
        self.disks.retain(|(of, _)| *of != node);
    }

    fn append(&mut self, node: NodeId, order: OrderId, envelopes: &[Vec<u8>], is_end: bool) -> Vec<ArchiveEvent> {
        let Some((file, count)) = self.writing.get_mut(&(node, order)) else { return Vec::new() };
        for record in envelopes.iter().filter_map(|envelope| record(envelope)) {
            file.extend(record);
            *count += 1;
        }
        if !is_end {
            return vec![ArchiveEvent::Wants { order }];
        }
        let Some((mut file, count)) = self.writing.remove(&(node, order)) else { return Vec::new() };
        file.extend(end(count));
        let (bytes, sha256) = (file.len() as u64, Sha256::of(&file));
        let mut infohash = Infohash([0; 20]);
        infohash.0.iter_mut().zip(sha256.0).for_each(|(to, from)| *to = from);
        self.files.insert(infohash, file);
        self.disks.insert((node, infohash));
        vec![ArchiveEvent::Written { order, infohash, sha256, bytes }]
    }

    fn fetch(&mut self, node: NodeId, order: OrderId, infohash: Infohash) -> Vec<ArchiveEvent> {
        let is_seeded = self.seeding.iter().any(|(of, one)| *of != node && *one == infohash);
        let Some(file) = self.files.get(&infohash) else { return Vec::new() };
        if !is_seeded && !self.disks.contains(&(node, infohash)) {
            return Vec::new();
        }
        self.disks.insert((node, infohash));
        self.seeding.insert((node, infohash));
        self.reading.insert((node, order), (infohash, 0, Reader::new()));
        let (bytes, sha256) = (file.len() as u64, Sha256::of(file));
        vec![ArchiveEvent::Begun { order, bytes }, ArchiveEvent::Fetched { order, sha256, bytes }]
    }

    fn read(&mut self, node: NodeId, order: OrderId) -> Vec<ArchiveEvent> {
        let Some((infohash, at, reader)) = self.reading.get_mut(&(node, order)) else { return Vec::new() };
        let Some(file) = self.files.get(infohash) else { return Vec::new() };
        let to = file.len().min(*at + PART_BYTES_MAX);
        reader.push(&file[*at..to]);
        *at = to;
        // Made by `append`, so it holds.
        let envelopes = std::iter::from_fn(|| reader.next_envelope().ok().flatten()).collect();
        let is_end = to == file.len();
        vec![ArchiveEvent::Part { order, envelopes, is_end }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::SecretKey;

    const ALICE: NodeId = 0;
    const BOB: NodeId = 1;

    #[test]
    fn what_one_node_wrote_another_fetches_as_long_as_somebody_seeds_it() {
        let mut shelf = Shelf::default();
        let (order, author) = (OrderId(1), SecretKey::from_seed(&[1; 32]).public());
        assert_eq!(shelf.carry_out(ALICE, ArchiveOrder::Write { order, author }), [ArchiveEvent::Wants { order }]);
        let all: Vec<Vec<u8>> = (0..3000_u32).map(|number| number.to_be_bytes().repeat(50)).collect();
        let (first, last) = all.split_at(2000);
        let envelopes = first.to_vec();
        assert_eq!(shelf.carry_out(ALICE, ArchiveOrder::Append { order, envelopes, is_end: false }).len(), 1);
        let envelopes = last.to_vec();
        let written = shelf.carry_out(ALICE, ArchiveOrder::Append { order, envelopes, is_end: true });
        let [ArchiveEvent::Written { infohash, sha256, bytes, .. }] = written[..] else { panic!("{written:?}") };

        let fetch = ArchiveOrder::Fetch { order, author, infohash };
        assert!(shelf.carry_out(BOB, fetch.clone()).is_empty(), "nobody seeds it");
        assert!(shelf.carry_out(ALICE, ArchiveOrder::Seed { infohash, author, named: true }).is_empty());
        let fetched = [ArchiveEvent::Begun { order, bytes }, ArchiveEvent::Fetched { order, sha256, bytes }];
        assert_eq!(shelf.carry_out(BOB, fetch), fetched);
        let mut read = Vec::new();
        loop {
            let part = shelf.carry_out(BOB, ArchiveOrder::Read { order }).pop();
            let Some(ArchiveEvent::Part { envelopes, is_end, .. }) = part else { panic!("{part:?}") };
            read.extend(envelopes);
            if is_end {
                break;
            }
        }
        assert_eq!(read, all);

        // A crash ends the sessions and leaves the disk; without its disk a node has lost it.
        shelf.forget(ALICE);
        shelf.forget(BOB);
        let seed = |author| ArchiveOrder::Seed { infohash, author, named: false };
        assert!(shelf.carry_out(BOB, seed(author)).is_empty());
        shelf.wipe(BOB);
        assert_eq!(shelf.carry_out(BOB, seed(author)), [ArchiveEvent::Lost { infohash }]);
        shelf.carry_out(ALICE, ArchiveOrder::Tidy { keep: Vec::new() });
        assert_eq!(shelf.carry_out(ALICE, seed(author)), [ArchiveEvent::Lost { infohash }]);
    }
}
