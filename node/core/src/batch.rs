//! What is to be written next: changes that happen together or not at all, in key order.
//!
//! COST: each statement writes four rows, and a batch has thousands. Keys and values stand one behind the other in the memory
//! of their table, and what is kept in order is where: no row is allocated, and putting one in its place moves a few
//! kilobytes at most. As a tree of keys and values, all of it took a tenth of the time of checking the signatures.

use crate::store::Table;
use std::cmp::Ordering;

/// Most rows of a chunk. Whatever goes between two rows moves those behind it: 6 KiB at most.
const CHUNK_MAX: usize = 256;
/// The end of a value that is deleted.
const DELETED: usize = usize::MAX;

/// Where a change stands.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// The eight bytes of the key behind those that neighbours mostly share: see [`shared`].
    tag: u64,
    key: usize,
    value: usize,
    /// Where the value ends, or [`DELETED`].
    end: usize,
}

/// How many bytes keys of a table share when they are by one author, and of one kind or generation.
fn shared(table: Table) -> usize {
    match table {
        Table::Statements | Table::Floors => 33,
        Table::Sequence => 36,
        _ => 0,
    }
}

/// In the order of the keys, as far as eight bytes tell.
fn tag(key: &[u8], shared: usize) -> u64 {
    let mut bytes = [0; 8];
    let rest = key.get(shared..).unwrap_or_default();
    let len = rest.len().min(8);
    bytes[..len].copy_from_slice(&rest[..len]);
    u64::from_be_bytes(bytes)
}

/// The changes of one table.
#[derive(Clone, Debug, Default)]
struct Changes {
    bytes: Vec<u8>,
    /// Rows in key order; no chunk is empty.
    chunks: Vec<Vec<Row>>,
}

impl Changes {
    fn key(&self, row: &Row) -> &[u8] {
        &self.bytes[row.key..row.value]
    }

    fn value(&self, row: &Row) -> Option<&[u8]> {
        if row.end == DELETED { None } else { Some(&self.bytes[row.value..row.end]) }
    }

    /// The chunk and the row of a key: where it is, or where it belongs.
    ///
    /// COST: between two keys with the same beginning all keys have it, and then tags tell them apart. Else each step of the
    /// search would look at another place of a megabyte.
    fn place(&self, key: &[u8], shared: usize) -> Result<(usize, usize), (usize, usize)> {
        let (Some(first), Some(last)) = (self.chunks.first(), self.chunks.last()) else { return Err((0, 0)) };
        let tag = tag(key, shared);
        let is_like = |row: Option<&Row>| {
            key.len() >= shared && row.is_some_and(|row| self.key(row).get(..shared) == Some(&key[..shared]))
        };
        let order = |row: &Row, are_alike: bool| {
            let by_tag = if are_alike { row.tag.cmp(&tag) } else { Ordering::Equal };
            by_tag.then_with(|| self.key(row).cmp(key))
        };
        let are_alike = is_like(first.first()) && is_like(last.last());
        let begins_before = |rows: &Vec<Row>| rows.first().is_some_and(|row| order(row, are_alike).is_le());
        let chunk = self.chunks.partition_point(begins_before).saturating_sub(1);
        let rows = &self.chunks[chunk];
        let are_alike = are_alike || (is_like(rows.first()) && is_like(rows.last()));
        let found = rows.binary_search_by(|row| order(row, are_alike));
        found.map(|at| (chunk, at)).map_err(|at| (chunk, at))
    }

    fn append(&mut self, key: &[u8], tag: u64, value: Option<&[&[u8]]>) -> Row {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let begin = self.bytes.len();
        value.into_iter().flatten().for_each(|part| self.bytes.extend_from_slice(part));
        Row { tag, key: start, value: begin, end: if value.is_some() { self.bytes.len() } else { DELETED } }
    }

    /// Puts a value in, given in parts, or deletes. What was to be written under the key gives way.
    fn put(&mut self, key: &[u8], shared: usize, value: Option<&[&[u8]]>) {
        match self.place(key, shared) {
            Err((chunk, at)) => {
                let row = self.append(key, tag(key, shared), value);
                self.insert(chunk, at, row);
            }
            Ok((chunk, at)) => {
                let old = self.chunks[chunk][at];
                let len = value.map(|parts| parts.iter().map(|part| part.len()).sum());
                let row = match value {
                    None => Row { end: DELETED, ..old },
                    // The same few rows are written again and again, such as the number that was given out last.
                    Some(parts) if self.value(&old).map(<[u8]>::len) == len => {
                        let mut to = old.value;
                        for part in parts {
                            self.bytes[to..to + part.len()].copy_from_slice(part);
                            to += part.len();
                        }
                        old
                    }
                    Some(_) => self.append(key, old.tag, value),
                };
                self.chunks[chunk][at] = row;
            }
        }
    }

    fn insert(&mut self, chunk: usize, at: usize, row: Row) {
        let Some(rows) = self.chunks.get_mut(chunk) else {
            self.chunks.push(vec![row]);
            return;
        };
        if rows.len() < CHUNK_MAX {
            rows.insert(at, row);
            return;
        }
        // What comes in order fills chunk after chunk; else both halves have room.
        let behind = if at == CHUNK_MAX {
            vec![row]
        } else {
            let mut behind = rows.split_off(CHUNK_MAX / 2);
            match at.checked_sub(CHUNK_MAX / 2) {
                Some(at) => behind.insert(at, row),
                None => rows.insert(at, row),
            }
            behind
        };
        self.chunks.insert(chunk + 1, behind);
    }

    /// The changes from a key on.
    fn from(&self, key: &[u8], shared: usize) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let (chunk, at) = self.place(key, shared).unwrap_or_else(|place| place);
        let first = self.chunks.get(chunk).map_or(&[][..], |rows| &rows[at..]);
        let rest = self.chunks.iter().skip(chunk + 1).flatten();
        first.iter().chain(rest).map(|row| (self.key(row), self.value(row)))
    }
}

/// Changes that happen together or not at all, each key once. A value of `None` deletes.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// By table, in the order of [`Table::ALL`].
    tables: [Changes; Table::ALL.len()],
}

impl Batch {
    fn of(&self, table: Table) -> &Changes {
        &self.tables[table as usize]
    }

    /// Notes a change, in the place of an earlier one of that key.
    pub fn put(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        self.put_parts(table, key, value.as_ref().map(std::slice::from_ref));
    }

    /// The same with a value in parts, one behind the other.
    pub fn put_parts(&mut self, table: Table, key: &[u8], value: Option<&[&[u8]]>) {
        self.tables[table as usize].put(key, shared(table), value);
    }

    /// The change of a key, if there is one.
    #[must_use]
    pub fn get(&self, table: Table, key: &[u8]) -> Option<Option<&[u8]>> {
        let changes = self.of(table);
        let (chunk, at) = changes.place(key, shared(table)).ok()?;
        Some(changes.value(&changes.chunks[chunk][at]))
    }

    /// The changes of a table from a key on, in key order.
    pub fn from(&self, table: Table, key: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.of(table).from(key, shared(table))
    }

    /// Whether a table has changes.
    #[must_use]
    pub fn has(&self, table: Table) -> bool {
        !self.of(table).chunks.is_empty()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(|changes| changes.chunks.is_empty())
    }

    /// How many there are, and about how many bytes their keys and values have.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let rows = self.tables.iter().flat_map(|changes| &changes.chunks).map(Vec::len).sum();
        (rows, self.tables.iter().map(|changes| changes.bytes.len()).sum())
    }

    /// Shows every change, table by table, in key order.
    ///
    /// COST: a visitor and no iterator, which would be compiled where it is used: stores are in crates that are not optimised.
    pub fn each(&self, visit: &mut dyn FnMut(Table, &[u8], Option<&[u8]>)) {
        for table in Table::ALL {
            let changes = self.of(table);
            changes.chunks.iter().flatten().for_each(|row| visit(table, changes.key(row), changes.value(row)));
        }
    }
}

impl<K: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(Table, K, Option<V>)> for Batch {
    fn from_iter<I: IntoIterator<Item = (Table, K, Option<V>)>>(changes: I) -> Self {
        let mut batch = Self::default();
        for (table, key, value) in changes {
            batch.put(table, key.as_ref(), value.as_ref().map(AsRef::as_ref));
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    type Tree = BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>;

    fn agree(batch: &Batch, tree: &Tree) {
        let mut shown: Vec<((Table, Vec<u8>), Option<Vec<u8>>)> = Vec::new();
        batch.each(&mut |table, key, value| shown.push(((table, key.to_vec()), value.map(<[u8]>::to_vec))));
        assert!(
            shown.iter().map(|(key, value)| (key, value)).eq(tree.iter()),
            "each key once, table by table, in order"
        );
        assert_eq!((batch.size().0, batch.is_empty()), (tree.len(), tree.is_empty()));
    }

    #[test]
    fn it_does_what_a_tree_does() {
        let (mut batch, mut tree) = (Batch::default(), Tree::new());
        let mut word = 1_u64;
        let mut chance = |below: u64| {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (word >> 33) % below
        };
        for step in 0..6_000_u64 {
            let table = [Table::Statements, Table::Ids, Table::Local][usize::try_from(chance(3)).expect("small")];
            // Three authors and two kinds; some keys are the beginning of others, and the empty one is a key.
            let mut key = vec![u8::try_from(chance(3)).expect("small"); 32];
            key.push(u8::try_from(chance(2)).expect("small"));
            key.extend(chance(700).to_be_bytes());
            key.extend(chance(2).to_be_bytes().iter().rev());
            let cut = if chance(8) == 0 { chance(50) } else { 49 };
            key.truncate(usize::try_from(cut).expect("small"));
            let len = usize::try_from(chance(5)).expect("small");
            let value = (chance(4) > 0).then(|| step.to_be_bytes()[8 - len..].to_vec());
            let (first, rest) =
                value.as_deref().unwrap_or_default().split_at(len.min(1) * usize::from(value.is_some()));
            batch.put_parts(table, &key, value.is_some().then_some(&[first, rest]));
            tree.insert((table, key.clone()), value.clone());
            assert_eq!(batch.get(table, &key), Some(value.as_deref()), "step {step}");
            if step % 500 == 0 {
                agree(&batch, &tree);
                let behind: Vec<(Vec<u8>, Option<Vec<u8>>)> =
                    batch.from(table, &key).map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))).collect();
                let expected = tree.range((table, key)..).take_while(|((of, _), _)| *of == table);
                assert!(expected.map(|((_, key), value)| (key.clone(), value.clone())).eq(behind), "step {step}");
            }
        }
        agree(&batch, &tree);
        assert!(batch.tables.iter().any(|changes| changes.chunks.len() > 3), "chunks were split");
        assert_eq!(
            (batch.get(Table::Floors, b""), batch.has(Table::Floors), batch.has(Table::Ids)),
            (None, false, true)
        );
        assert_eq!(batch.from(Table::Floors, b"").count(), 0);
    }

    #[test]
    fn in_either_direction_chunks_fill_and_nothing_is_lost() {
        for is_down in [false, true] {
            let keys = (0..5_000_u32).map(|n| if is_down { 5_000 - n } else { n }.to_be_bytes());
            let batch: Batch = keys.clone().map(|key| (Table::Ids, key, Some(key))).collect();
            let tree: Tree = keys.map(|key| ((Table::Ids, key.to_vec()), Some(key.to_vec()))).collect();
            agree(&batch, &tree);
            let chunks = &batch.of(Table::Ids).chunks;
            assert!(chunks.len() <= 2 * 5_000 / CHUNK_MAX + 1, "{}", chunks.len());
            assert!(chunks.iter().all(|rows| (1..=CHUNK_MAX).contains(&rows.len())));
        }
    }

    #[test]
    fn what_is_written_again_and_again_takes_no_more_room() {
        let mut batch = Batch::default();
        (0..1_000_u64).for_each(|n| batch.put(Table::Local, b"number", Some(&n.to_be_bytes())));
        assert_eq!(batch.size(), (1, 14));
        assert_eq!(batch.get(Table::Local, b"number"), Some(Some(&999_u64.to_be_bytes()[..])));
    }
}
