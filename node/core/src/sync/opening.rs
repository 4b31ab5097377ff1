//! The first message of a reconciliation. `negentropy` itself begins with sixteen parts of equal size; here the parts
//! grow with age, since what a peer has in addition is mostly the newest.
//!
//! It is a message of negentropy V1 like any other: fingerprints of ranges, and at the end the range beyond the newest
//! item, in which the asker has nothing. So what is newer than that comes back at once, without a split on the way.
//! COST: of 10,000 heads the newest 100 are found for 33.1 bytes each, for 43.6 by parts of equal size.

use crate::sync::hosting::Nonsense;
use negentropy::{Item, NegentropyStorageBase, NegentropyStorageVector};

/// Version of the protocol, its first byte.
const VERSION: u8 = 0x61;
/// Modes of a range.
const FINGERPRINT: u64 = 1;
const ID_LIST: u64 = 2;
/// Each part is so many times as long as the next newer one. Eight: five parts for 100,000 items.
const GROWTH: usize = 8;
/// Length of the newest part: below this `negentropy` lists ids instead of splitting.
const NEWEST: usize = 31;

/// The message about a sealed set.
///
/// # Errors
/// [`Nonsense`] when the set cannot be read.
pub(super) fn opening(items: &NegentropyStorageVector) -> Result<Vec<u8>, Nonsense> {
    let total = items.size().map_err(|_| Nonsense)?;
    let mut cuts = vec![total];
    let mut part = NEWEST;
    while let Some(at) = cuts.last().and_then(|last| last.checked_sub(part)).filter(|at| *at > 0) {
        cuts.push(at);
        part = part.saturating_mul(GROWTH);
    }
    cuts.reverse();
    let mut message = vec![VERSION];
    let mut last_time = 0;
    let mut begin = 0;
    for end in cuts.into_iter().filter(|end| *end > 0) {
        let newest = item(items, end - 1)?;
        match items.get_item(end).map_err(|_| Nonsense)? {
            Some(next) => put_bound(&mut message, &mut last_time, &newest, &next),
            // Just after the newest item.
            None => put_time(&mut message, &mut last_time, newest.timestamp.saturating_add(1)),
        }
        put_number(&mut message, FINGERPRINT);
        message.extend_from_slice(&items.fingerprint(begin, end).map_err(|_| Nonsense)?.to_bytes());
        begin = end;
    }
    // Up to the end of time: nothing.
    message.extend_from_slice(&[0, 0]);
    put_number(&mut message, ID_LIST);
    put_number(&mut message, 0);
    Ok(message)
}

fn item(items: &NegentropyStorageVector, at: usize) -> Result<Item, Nonsense> {
    items.get_item(at).ok().flatten().ok_or(Nonsense)
}

/// The shortest bound that lies between two neighbours: a time, and of the id only what tells them apart.
fn put_bound(message: &mut Vec<u8>, last_time: &mut u64, newest: &Item, next: &Item) {
    if newest.timestamp != next.timestamp {
        return put_time(message, last_time, next.timestamp);
    }
    let (one, other) = (newest.id.to_bytes(), next.id.to_bytes());
    let shared = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    // Equal ids are one item: the set holds each once.
    let prefix = &other[..(shared + 1).min(other.len())];
    put_number(message, next.timestamp.saturating_sub(*last_time) + 1);
    *last_time = next.timestamp;
    put_number(message, prefix.len() as u64);
    message.extend_from_slice(prefix);
}

/// A bound that is a time alone; times are written as what was added since the last one, plus one.
fn put_time(message: &mut Vec<u8>, last_time: &mut u64, time: u64) {
    put_number(message, time.saturating_sub(*last_time).saturating_add(1));
    *last_time = time;
    put_number(message, 0);
}

/// Base 128, the highest digits first, bit 7 set on all but the last.
fn put_number(message: &mut Vec<u8>, number: u64) {
    let mut digits = vec![u8::try_from(number & 0x7f).unwrap_or(0)];
    let mut rest = number >> 7;
    while rest > 0 {
        digits.push(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
        rest >>= 7;
    }
    digits.reverse();
    message.extend_from_slice(&digits);
}

#[cfg(test)]
mod tests {
    use super::*;
    use negentropy::{Id, Negentropy};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Entry = (u64, [u8; 32]);

    fn set(entries: &BTreeSet<Entry>) -> NegentropyStorageVector {
        let mut items = NegentropyStorageVector::new();
        for (time, id) in entries {
            items.insert(*time, Id::from_byte_array(*id)).expect("not sealed");
        }
        items.seal().expect("once");
        items
    }

    /// What the asker lacks and what the host lacks, found by whole reconciliation from our first message.
    fn differences(here: &BTreeSet<Entry>, there: &BTreeSet<Entry>) -> (BTreeSet<[u8; 32]>, BTreeSet<[u8; 32]>) {
        let (mine, theirs) = (set(here), set(there));
        let mut host = Negentropy::borrowed(&theirs, 4096).expect("a frame");
        let mut message = opening(&mine).expect("an opening");
        let (mut have, mut need) = (Vec::new(), Vec::new());
        for _ in 0..64 {
            let answer = host.reconcile(&message).expect("a message of negentropy");
            let mut asker = Negentropy::borrowed(&mine, 4096).expect("a frame");
            asker.set_initiator();
            match asker.reconcile_with_ids(&answer, &mut have, &mut need).expect("an answer") {
                Some(next) => message = next,
                None => break,
            }
        }
        let bytes = |ids: Vec<Id>| ids.into_iter().map(Id::to_bytes).collect();
        (bytes(need), bytes(have))
    }

    fn entries() -> impl Strategy<Value = BTreeSet<Entry>> {
        // Few times, so that neighbours share them; ids that share their first bytes. An id stands at one time, as that of a
        // statement does.
        proptest::collection::btree_map((0u8..6, any::<u8>()), 0u64..12, 0..400).prop_map(|drawn| {
            drawn
                .into_iter()
                .map(|((first, last), time)| {
                    let mut id = [first; 32];
                    // Hashes at their end, as all of an id is: a fingerprint is a sum, and such of small numbers are soon equal.
                    id[16..].copy_from_slice(&heirloom_proto::Sha256::of(&[first, last]).0[16..]);
                    // The end of time too.
                    (if time == 11 { u64::MAX - 1 } else { time }, id)
                })
                .collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_difference_is_found(here in entries(), there in entries()) {
            let ids = |all: &BTreeSet<Entry>, other: &BTreeSet<Entry>| -> BTreeSet<[u8; 32]> {
                let known: BTreeSet<[u8; 32]> = other.iter().map(|(_, id)| *id).collect();
                all.iter().map(|(_, id)| *id).filter(|id| !known.contains(id)).collect()
            };
            // The same on both sides.
            let there: BTreeSet<Entry> = there
                .into_iter()
                .filter(|(time, id)| here.iter().all(|(at, of)| of != id || at == time))
                .collect();
            let (need, have) = differences(&here, &there);
            prop_assert_eq!(need, ids(&there, &here));
            prop_assert_eq!(have, ids(&here, &there));
        }
    }

    #[test]
    fn numbers_are_written_as_negentropy_reads_them() {
        for (number, bytes) in [(0, vec![0]), (127, vec![127]), (128, vec![0x81, 0]), (0x3fff, vec![0xff, 0x7f])] {
            let mut message = Vec::new();
            put_number(&mut message, number);
            assert_eq!(message, bytes, "{number}");
        }
    }

    #[test]
    fn nothing_asks_for_everything() {
        assert_eq!(opening(&set(&BTreeSet::new())), Ok(vec![VERSION, 0, 0, 2, 0]));
    }
}
