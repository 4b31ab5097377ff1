//! A node's disk: what was written, and how to take back what was not yet synced.

use heirloom_core::Store;
use heirloom_core::store::{Batch, Durability, StoreError, Table, Visit};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::rc::Rc;

type Spot = (Table, Vec<u8>);

#[derive(Debug, Default)]
struct Plates {
    now: BTreeMap<Spot, Vec<u8>>,
    /// What stood where something was written since the last sync; a power cut puts it back.
    unsynced: BTreeMap<Spot, Option<Vec<u8>>>,
    failing: Option<StoreError>,
}

/// A store that the world can look into while a core owns it. A write costs what it changes, never what is stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Rc<RefCell<Plates>>);

impl Disk {
    /// What would be left after a power cut now.
    pub(crate) fn synced(&self) -> Synced {
        Synced(self.clone())
    }

    pub(crate) fn cut_power(&self) {
        let plates = &mut *self.0.borrow_mut();
        for (spot, old) in std::mem::take(&mut plates.unsynced) {
            match old {
                Some(old) => plates.now.insert(spot, old),
                None => plates.now.remove(&spot),
            };
        }
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        self.0.borrow_mut().failing = is_full.then_some(StoreError::DiskFull);
    }
}

impl Store for Disk {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.borrow().now.get(&(table, key.to_vec())).cloned())
    }

    fn scan_from(&self, table: Table, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        let plates = self.0.borrow();
        let rows = plates.now.range((table, prefix.max(from).to_vec())..);
        for ((_, key), value) in rows.take_while(|((t, key), _)| *t == table && key.starts_with(prefix)) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &Batch, durability: Durability) -> Result<(), StoreError> {
        let plates = &mut *self.0.borrow_mut();
        if let Some(error) = &plates.failing {
            return Err(error.clone());
        }
        for ((table, key), value) in &batch.changes {
            let spot = (*table, key.to_vec());
            let old = match value {
                Some(value) => plates.now.insert(spot.clone(), value.clone()),
                None => plates.now.remove(&spot),
            };
            plates.unsynced.entry(spot).or_insert(old);
        }
        // The write-ahead log is one file: syncing it takes along whatever was written before.
        if durability == Durability::Disk {
            plates.unsynced.clear();
        }
        Ok(())
    }
}

/// A disk as it would be after a power cut. Read only.
#[derive(Clone, Debug)]
pub(crate) struct Synced(Disk);

impl Store for Synced {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let plates = self.0.0.borrow();
        let spot = (table, key.to_vec());
        Ok(plates.unsynced.get(&spot).unwrap_or(&plates.now.get(&spot).cloned()).clone())
    }

    fn scan_from(&self, table: Table, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        let plates = self.0.0.borrow();
        let first = (table, prefix.max(from).to_vec());
        let is_in = |spot: &Spot| spot.0 == table && spot.1.starts_with(prefix);
        let mut rows: BTreeMap<&[u8], &[u8]> =
            plates.now.range(first.clone()..).take_while(|(s, _)| is_in(s)).map(|(s, v)| (&s.1[..], &v[..])).collect();
        for (spot, old) in plates.unsynced.range(first..).take_while(|(spot, _)| is_in(spot)) {
            match old {
                Some(old) => rows.insert(&spot.1, old),
                None => rows.remove(&spot.1[..]),
            };
        }
        for (key, value) in rows {
            if visit(key, value) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn write(&mut self, _: &Batch, _: Durability) -> Result<(), StoreError> {
        Err(StoreError::Io("what was synced is only looked at".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_core::store::conformance;

    #[test]
    fn it_conforms() {
        conformance(Disk::default(), |disk| disk);
    }

    #[test]
    fn a_power_cut_loses_what_was_not_synced_and_nothing_else() {
        let mut disk = Disk::default();
        let mut write = |key: &[u8], value: Option<u8>, durability| {
            let value = value.map(|value| vec![value]);
            let batch = Batch { changes: BTreeMap::from([((Table::Local, key.into()), value)]) };
            disk.write(&batch, durability).expect("it is not full");
        };
        write(b"a", Some(1), Durability::Disk);
        write(b"b", Some(1), Durability::Process);
        write(b"b", Some(2), Durability::Disk);
        write(b"a", Some(3), Durability::Process);
        write(b"b", None, Durability::Process);
        write(b"c", Some(3), Durability::Process);
        let rows = |store: &dyn Store| {
            let mut rows = Vec::new();
            store
                .scan_from(Table::Local, b"", b"", &mut |key, value| {
                    rows.push((key.to_vec(), value[0]));
                    ControlFlow::Continue(())
                })
                .expect("it can be read");
            rows
        };
        let left = [(b"a".to_vec(), 1), (b"b".to_vec(), 2)];
        assert_eq!(rows(&disk.synced()), left);
        assert_eq!(disk.synced().get(Table::Local, b"c"), Ok(None));
        assert_eq!(disk.synced().get(Table::Local, b"b"), Ok(Some(vec![2])));
        assert_eq!(rows(&disk), [(b"a".to_vec(), 3), (b"c".to_vec(), 3)]);
        disk.cut_power();
        assert_eq!(rows(&disk), left);
    }
}
