//! The torrent engine: what this node downloads and seeds, and from whom it received what.
//!
//! It runs two BitTorrent sessions (named and anonymous), tells them where peers are through a private tracker on
//! loopback, checks names and sizes before anything is written, and books every hash-checked byte to the address and
//! client name that delivered it. It must not know about statements, listings, trust or the store: the driver gives it
//! infohashes and takes [`Booking`]s.

mod bookings;
mod config;
mod engine;
mod errors;
mod magnet;
mod metainfo;

pub use bookings::{Booking, Bookings, Share};
pub use config::{Config, PeerSource};
pub use engine::{Download, Engine, FileProgress, Progress, State, Stream};
pub use errors::{
    AddError, CreateError, MagnetError, MetainfoError, RemoveError, StartError, StreamError,
    UnsafePath,
};
pub use magnet::Magnet;
pub use metainfo::{File, Metainfo, create};

/// A BitTorrent v1 infohash: SHA-1 of the info dictionary's bytes (BEP 3).
pub type Infohash = [u8; 20];
