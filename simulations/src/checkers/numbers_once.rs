//! Never two contents for one number of one key, nor for one number of an item, over all crashes and disks.

use super::{Checker, Held, Property, Step};
use heirloom_core::io::{DhtOrder, Output};
use heirloom_proto::{Key, StatementId, statement};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct NumbersOnce {
    statements: BTreeMap<(Key, u32, u64), StatementId>,
    items: BTreeMap<([u8; 32], Vec<u8>, i64), Vec<u8>>,
}

impl Checker for NumbersOnce {
    fn step(&mut self, step: &Step<'_>) -> Held {
        let property = Property::NumbersOnce;
        for output in step.outputs {
            match output {
                Output::Publish { bytes, .. } => {
                    let said = statement::verify(bytes).map_err(|error| property.unreadable(error))?;
                    let (generation, seq) = said.header().order();
                    let number = (*said.author(), generation, seq);
                    let first = *self.statements.entry(number).or_insert_with(|| said.id());
                    if first != said.id() {
                        return property.broken(format!("n{} used number {seq} twice", step.node));
                    }
                }
                Output::Dht(DhtOrder::Put { item, .. }) if item.key == *step.of.key().as_bytes() => {
                    let spot = (item.key, item.salt.clone(), item.seq);
                    let first = self.items.entry(spot).or_insert_with(|| item.value.clone());
                    if *first != item.value {
                        return property.broken(format!("n{} puts two items with number {}", step.node, item.seq));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
