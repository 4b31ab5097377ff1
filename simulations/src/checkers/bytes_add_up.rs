//! The ledger: what is booked to somebody is no more than they sent, and a whole release is its size.

use super::{Checker, Held, Property, Step};
use crate::node::Node;
use crate::swarm::Swarm;
use crate::world::NodeId;
use heirloom_core::command::Reply;
use heirloom_core::views::LedgerRow;
use heirloom_proto::Infohash;
use std::collections::BTreeMap;

const PROPERTY: Property = Property::BytesAddUp;

#[derive(Debug)]
pub(crate) struct BytesAddUp;

impl Checker for BytesAddUp {
    fn step(&mut self, step: &Step<'_>) -> Held {
        for reply in step.replies() {
            if let Reply::Ledger(rows) = reply {
                ledger_adds_up(step.node, step.nodes, step.swarm, rows)?;
            }
        }
        Ok(())
    }
}

/// What is booked to an address is no more than it sent, under the name that it showed; a release's bookings are never
/// more than its size, and exactly its size where no crash came between.
fn ledger_adds_up(node: NodeId, nodes: &[Node], swarm: &Swarm, rows: &[LedgerRow]) -> Held {
    let mut sums: BTreeMap<Infohash, u64> = BTreeMap::new();
    for row in rows {
        let Some(infohash) = row.infohash else { return Ok(()) };
        let from = (0..nodes.len()).find(|other| crate::node::address(*other) == row.address);
        let Some(from) = from else {
            return PROPERTY.broken(format!("n{node} books bytes of {}, where nobody is", row.address));
        };
        if row.key.is_some_and(|key| key != nodes[from].key()) {
            return PROPERTY.broken(format!("n{node} books bytes of n{from} to another key"));
        }
        *sums.entry(infohash).or_default() += row.verified_bytes;
    }
    for (infohash, sum) in sums {
        let size = swarm.size_of(&infohash).unwrap_or(0);
        if sum > size || (sum < size && swarm.is_undisturbed(node, &infohash)) {
            return PROPERTY.broken(format!("n{node} books {sum} of the {size} bytes of {infohash}"));
        }
        for from in 0..nodes.len() {
            let of_it = |row: &&LedgerRow| row.infohash == Some(infohash) && row.address == crate::node::address(from);
            let booked: u64 = rows.iter().filter(of_it).map(|row| row.verified_bytes).sum();
            if booked > swarm.sent(from, node, &infohash) {
                return PROPERTY.broken(format!("n{node} books {booked} bytes to n{from}, which sent fewer"));
            }
        }
    }
    Ok(())
}
