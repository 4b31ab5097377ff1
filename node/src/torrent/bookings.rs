//! Hash-checked bytes waiting to be written into the ledger.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::Infohash;

/// What one peer delivered of one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The peer's IP address; unspecified (`0.0.0.0`) if every trace of the peer was gone. (Its port says nothing: a
    /// peer that connected to us shows an ephemeral one.)
    pub address: IpAddr,
    /// The client name it showed while it delivered (BEP 10 `v`), if any.
    pub client_name: Option<String>,
    /// Bytes booked to it. Never zero.
    pub bytes: u64,
}

/// One piece that passed its hash check, split among those who delivered it. The shares sum to the piece's size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// The torrent.
    pub infohash: Infohash,
    /// Index of the piece.
    pub piece: u32,
    /// Who delivered how much.
    pub shares: Vec<Share>,
}

/// Bookings that the driver has not taken yet.
///
/// Bounded without losing a byte: there is at most one entry per piece of a torrent, and a piece that is fetched again
/// (its file was deleted meanwhile) is added to its entry. Putting one in never waits for anything but this lock.
#[derive(Default)]
pub struct Bookings {
    waiting: Mutex<BTreeMap<(Infohash, u32), Vec<Share>>>,
    notify: Notify,
}

impl Bookings {
    /// Takes all bookings, ordered by torrent and piece.
    pub fn drain(&self) -> Vec<Booking> {
        let taken = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        taken.into_iter().map(|((infohash, piece), shares)| Booking { infohash, piece, shares }).collect()
    }

    /// Waits until there is something to drain. For one waiter at a time. Cancel-safe.
    pub async fn notified(&self) {
        while self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            self.notify.notified().await;
        }
    }

    /// Puts one in.
    pub(super) fn put(&self, booking: Booking) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry((booking.infohash, booking.piece)).or_default().extend(booking.shares);
        drop(waiting);
        self.notify.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booking(piece: u32, bytes: u64) -> Booking {
        let share = Share { address: [127, 0, 0, 2].into(), client_name: None, bytes };
        Booking { infohash: [1; 20], piece, shares: vec![share] }
    }

    #[tokio::test]
    async fn what_was_put_in_comes_out_once() {
        let bookings = Bookings::default();
        bookings.put(booking(2, 20));
        bookings.put(booking(1, 10));
        bookings.notified().await;
        assert_eq!(bookings.drain(), [booking(1, 10), booking(2, 20)]);
        assert_eq!(bookings.drain(), []);
    }

    #[tokio::test]
    async fn a_piece_fetched_twice_counts_twice() {
        let bookings = Bookings::default();
        bookings.put(booking(1, 10));
        bookings.put(booking(1, 5));
        let drained = bookings.drain();
        assert_eq!(drained.len(), 1);
        assert_eq!(drained[0].shares.iter().map(|share| share.bytes).sum::<u64>(), 15);
    }

    #[tokio::test]
    async fn a_waiter_is_woken_by_a_booking_that_comes_later() {
        let bookings = std::sync::Arc::new(Bookings::default());
        let waiter = tokio::spawn({
            let bookings = bookings.clone();
            async move { bookings.notified().await }
        });
        tokio::task::yield_now().await;
        bookings.put(booking(1, 10));
        waiter.await.unwrap();
        assert_eq!(bookings.drain().len(), 1);
    }
}
