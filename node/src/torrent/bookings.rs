//! Hash-checked bytes waiting to be written into the ledger.

use std::net::IpAddr;

use super::Infohash;

/// What one peer delivered of one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The peer's IP address. (Its port says nothing: a peer that connected to us shows an ephemeral one.)
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
#[derive(Default)]
pub struct Bookings {}

impl Bookings {
    /// Takes all bookings, oldest torrent and piece first.
    pub fn drain(&self) -> Vec<Booking> {
        Vec::new()
    }

    /// Waits until there is something to drain. Cancel-safe.
    pub async fn notified(&self) {
        std::future::pending::<()>().await;
    }
}
