//! A node's disk: what was written, and how to take back what was not yet synced.

use heirloom_core::Store;
use heirloom_core::store::{Batch, Durability, StoreError, Table, Visit};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::rc::Rc;

/// Rows that may wait for a sync in a table; beyond it they are synced all the same, as RocksDB does when what it holds in
/// memory is full: that takes some 64 MiB, which are no fewer rows than this.
const UNSYNCED_MAX: usize = 1 << 16;

/// The rows of a table.
///
/// COST: a joiner's run keeps four million statements on such disks, in four rows each. Boxes take a third less than
/// growing vectors under a key with the table in it, and nothing is allocated for looking a key up.
type Rows<V> = BTreeMap<Box<[u8]>, V>;

#[derive(Debug, Default)]
struct Plates {
    now: BTreeMap<Table, Rows<Box<[u8]>>>,
    /// What stood where something was written since the last sync; a power cut puts it back.
    unsynced: BTreeMap<Table, Rows<Option<Box<[u8]>>>>,
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
        for (table, rows) in std::mem::take(&mut plates.unsynced) {
            let now = plates.now.entry(table).or_default();
            for (key, old) in rows {
                match old {
                    Some(old) => now.insert(key, old),
                    None => now.remove(&key),
                };
            }
        }
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        self.0.borrow_mut().failing = is_full.then_some(StoreError::DiskFull);
    }
}

/// The rows from a key on that begin with a prefix.
fn range<'a, V>(
    rows: Option<&'a Rows<V>>,
    prefix: &'a [u8],
    from: &'a [u8],
) -> impl Iterator<Item = (&'a Box<[u8]>, &'a V)> {
    let from = (Bound::Included(prefix.max(from)), Bound::Unbounded);
    let rows = rows.into_iter().flat_map(move |rows| rows.range::<[u8], _>(from));
    rows.take_while(move |(key, _)| key.starts_with(prefix))
}

impl Store for Disk {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let plates = self.0.borrow();
        Ok(plates.now.get(&table).and_then(|rows| rows.get(key)).map(|value| value.to_vec()))
    }

    fn scan_from(&self, table: Table, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        let plates = self.0.borrow();
        for (key, value) in range(plates.now.get(&table), prefix, from) {
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
        batch.each(&mut |table, key, value| {
            let (key, now): (Box<[u8]>, _) = (key.into(), plates.now.entry(table).or_default());
            let old = match value {
                Some(value) => now.insert(key.clone(), value.into()),
                None => now.remove(&key),
            };
            plates.unsynced.entry(table).or_default().entry(key).or_insert(old);
        });
        // The write-ahead log is one file: syncing it takes along whatever was written before.
        if durability == Durability::Disk || plates.unsynced.values().any(|rows| rows.len() > UNSYNCED_MAX) {
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
        match plates.unsynced.get(&table).and_then(|rows| rows.get(key)) {
            Some(old) => Ok(old.as_ref().map(|value| value.to_vec())),
            None => Ok(plates.now.get(&table).and_then(|rows| rows.get(key)).map(|value| value.to_vec())),
        }
    }

    fn scan_from(&self, table: Table, prefix: &[u8], from: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        let plates = self.0.0.borrow();
        let now = range(plates.now.get(&table), prefix, from);
        let mut rows: BTreeMap<&[u8], &[u8]> = now.map(|(key, value)| (&**key, &**value)).collect();
        for (key, old) in range(plates.unsynced.get(&table), prefix, from) {
            match old {
                Some(old) => rows.insert(key, old),
                None => rows.remove(&**key),
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
            disk.write(&Batch::from_iter([(Table::Local, key, value)]), durability).expect("it is not full");
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

    #[test]
    fn what_fills_the_memory_is_synced_unasked() {
        let mut disk = Disk::default();
        for number in 0..=UNSYNCED_MAX as u64 {
            let batch = Batch::from_iter([(Table::Local, number.to_be_bytes(), Some([1]))]);
            disk.write(&batch, Durability::Process).expect("it is not full");
            let first = disk.synced().get(Table::Local, &0_u64.to_be_bytes()).expect("it can be read");
            assert_eq!(first.is_some(), number == UNSYNCED_MAX as u64, "after {number} more");
        }
    }
}
