//! What was handed to another client of the owner to fetch: a table that outlives restarts.

use crate::fields::{Fields, put_text};
use crate::ground::Ground;
use crate::observed::Client;
use crate::store::{Durability, Store, StoreError, Table};
use heirloom_proto::{Infohash, Timestamp};
use std::collections::BTreeMap;

/// Most that is remembered; more than a person hands on in years. The oldest is forgotten for the newest.
pub const HANDED_MAX: usize = 10_000;

/// A release that another client fetches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// Who.
    pub client: Client,
    /// Where that client answers, without a password.
    pub url: String,
    /// Its name, as far as it was known.
    pub name: String,
    /// The owner wants it whatever is in it.
    pub is_wanted_anyway: bool,
    /// What is in it was looked at.
    pub is_looked_into: bool,
    /// Why it was stopped there, once that was so; else empty.
    pub refused: String,
    /// Since when.
    pub added: Timestamp,
}

/// The table.
#[derive(Debug, Default)]
pub struct HandedOff {
    all: BTreeMap<Infohash, Handed>,
}

impl HandedOff {
    /// Reads the table.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open<S: Store>(ground: &Ground<S>) -> Result<Self, StoreError> {
        let mut all = BTreeMap::new();
        for (row, value) in ground.all(Table::Handed, &[])? {
            if let (Some(infohash), Some(handed)) = (Infohash::from_slice(&row), from_bytes(&value)) {
                all.insert(infohash, handed);
            }
        }
        Ok(Self { all })
    }

    /// All of it, by infohash.
    #[must_use]
    pub fn all(&self) -> &BTreeMap<Infohash, Handed> {
        &self.all
    }

    /// Notes one.
    pub fn set<S: Store>(&mut self, infohash: Infohash, handed: Handed, ground: &mut Ground<S>) {
        if !self.all.contains_key(&infohash) && self.all.len() >= HANDED_MAX {
            let oldest = self.all.iter().min_by_key(|(_, handed)| handed.added).map(|(infohash, _)| *infohash);
            if let Some(oldest) = oldest {
                self.all.remove(&oldest);
                ground.put(Table::Handed, oldest.0, None, Durability::Disk);
            }
        }
        ground.put(Table::Handed, infohash.0, Some(to_bytes(&handed)), Durability::Disk);
        self.all.insert(infohash, handed);
    }
}

fn to_bytes(handed: &Handed) -> Vec<u8> {
    let flags = u8::from(handed.is_wanted_anyway) | u8::from(handed.is_looked_into) << 1;
    let mut bytes = vec![handed.client.byte(), flags];
    bytes.extend_from_slice(&handed.added.0.to_be_bytes());
    for text in [&handed.url, &handed.name, &handed.refused] {
        put_text(&mut bytes, text);
    }
    bytes
}

fn from_bytes(bytes: &[u8]) -> Option<Handed> {
    let mut fields = Fields(bytes);
    let client = Client::from_byte(fields.u8()?)?;
    let flags = fields.u8()?;
    let added = Timestamp(fields.u64()?);
    Some(Handed {
        client,
        url: fields.text()?,
        name: fields.text()?,
        refused: fields.text()?,
        is_wanted_anyway: flags & 1 != 0,
        is_looked_into: flags & 2 != 0,
        added,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn what_was_handed_off_survives_a_restart_and_the_oldest_goes_first() {
        let mut ground = Ground::new(MemoryStore::default());
        let mut table = HandedOff::open(&ground).expect("open");
        let handed = |added| Handed {
            client: Client::Transmission,
            url: "http://127.0.0.1:9091".into(),
            name: "ü".into(),
            is_wanted_anyway: true,
            is_looked_into: false,
            refused: String::new(),
            added: Timestamp(added),
        };
        let hash = |number: usize| {
            let mut bytes = [0; 20];
            bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
            Infohash(bytes)
        };
        for number in 0..=HANDED_MAX {
            table.set(hash(number), handed(number as u64), &mut ground);
        }
        ground.commit().expect("commit");
        let table = HandedOff::open(&Ground::new(ground.into_store())).expect("open");
        assert_eq!(table.all().len(), HANDED_MAX);
        assert!(!table.all().contains_key(&hash(0)));
        assert_eq!(table.all()[&hash(HANDED_MAX)], handed(HANDED_MAX as u64));
    }
}
