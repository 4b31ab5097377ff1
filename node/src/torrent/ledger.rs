//! One torrent's running account: which pieces were fetched in this run, and whether all of them are booked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Infohash;
use super::attribution::{Attribution, Counters};
use super::bookings::{Booking, Bookings};

/// The account of one torrent in one session.
///
/// A piece is marked *written* with its first block, and *booked* after its hash check. The library calls a torrent
/// finished a moment before the last pieces are booked; [`Ledger::is_settled`] is what closes that gap.
pub(super) struct Ledger {
    infohash: Infohash,
    total_bytes: u64,
    piece_bytes: u64,
    written: Bits,
    booked: Bits,
    attribution: Mutex<Attribution>,
    bookings: Arc<Bookings>,
}

impl Ledger {
    pub(super) fn new(infohash: Infohash, total_bytes: u64, piece_bytes: u32, bookings: Arc<Bookings>) -> Self {
        let piece_bytes = u64::from(piece_bytes);
        let pieces = total_bytes.div_ceil(piece_bytes);
        Self {
            infohash,
            total_bytes,
            piece_bytes,
            written: Bits::new(pieces),
            booked: Bits::new(pieces),
            attribution: Mutex::default(),
            bookings,
        }
    }

    /// Notes that bytes came in for this range of the content.
    pub(super) fn wrote(&self, offset: u64, bytes: u64) {
        if bytes == 0 {
            return;
        }
        for piece in offset / self.piece_bytes..=(offset + bytes - 1) / self.piece_bytes {
            self.written.set(piece);
        }
    }

    /// Books a piece that passed its hash check, given what its peers' counters say at this moment.
    ///
    /// `counters` is called under the lock, so that later pieces are split by later counters.
    pub(super) fn book(&self, piece: u32, counters: impl FnOnce() -> BTreeMap<SocketAddr, Counters>) {
        let index = u64::from(piece);
        let size = self.total_bytes.saturating_sub(index * self.piece_bytes).min(self.piece_bytes);
        if size == 0 {
            return;
        }
        let mut attribution = self.attribution.lock().unwrap_or_else(PoisonError::into_inner);
        let shares = attribution.split(counters(), size, self.piece_bytes);
        debug_assert_eq!(shares.iter().map(|share| share.bytes).sum::<u64>(), size);
        self.bookings.put(Booking { infohash: self.infohash, piece, shares });
        drop(attribution);
        self.booked.set(index);
    }

    /// Whether every piece that came in is booked.
    pub(super) fn is_settled(&self) -> bool {
        self.written.is_subset_of(&self.booked)
    }

    /// Forgets which pieces came in, before the content is checked anew.
    pub(super) fn restart(&self) {
        self.written.clear();
        self.booked.clear();
    }
}

/// A set of piece indices that many threads may add to.
struct Bits(Vec<AtomicU64>);

impl Bits {
    fn new(count: u64) -> Self {
        Self((0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    fn set(&self, index: u64) {
        let word = usize::try_from(index / 64).ok().and_then(|word| self.0.get(word));
        if let Some(word) = word {
            word.fetch_or(1 << (index % 64), Ordering::AcqRel);
        }
    }

    fn is_subset_of(&self, other: &Self) -> bool {
        let words = self.0.iter().zip(&other.0);
        words.into_iter().all(|(a, b)| a.load(Ordering::Acquire) & !b.load(Ordering::Acquire) == 0)
    }

    fn clear(&self) {
        self.0.iter().for_each(|word| word.store(0, Ordering::Release));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice(fetched: u64, completed: u64) -> BTreeMap<SocketAddr, Counters> {
        let counters = Counters { fetched, completed, taken_from: 0, live: true, name: Some("alice".to_owned()) };
        [(([127, 0, 0, 2], 7344).into(), counters)].into()
    }

    #[test]
    fn a_ledger_is_settled_when_all_that_came_in_is_booked() {
        let bookings = Arc::new(Bookings::default());
        let ledger = Ledger::new([1; 20], 16_384 * 70 + 5, 16_384, bookings.clone());
        assert!(ledger.is_settled(), "nothing came in");
        ledger.wrote(16_384 * 69 + 16_000, 400);
        assert!(!ledger.is_settled());
        ledger.book(69, || alice(16_384, 1));
        assert!(!ledger.is_settled(), "the block reached into the last piece");
        ledger.book(70, || alice(16_389, 2));
        assert!(ledger.is_settled());
        let sizes: Vec<u64> = bookings.drain().iter().map(|booking| booking.shares[0].bytes).collect();
        assert_eq!(sizes, [16_384, 5]);
        ledger.wrote(0, 1);
        ledger.restart();
        assert!(ledger.is_settled());
    }
}
