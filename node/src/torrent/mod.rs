//! The torrent engine: what this node downloads and seeds, and from whom it received what.
//!
//! It runs two BitTorrent sessions (named and anonymous), tells them where peers are through a private tracker on
//! loopback, checks names and sizes before anything is written, and books every hash-checked byte to the address and
//! client name that delivered it. It must not know about statements, listings, trust or the store: the driver gives it
//! infohashes and takes [`Booking`]s.
//!
//! It keeps no state of its own on disk: after a restart the driver adds its torrents again, and each continues from
//! the content that is there.

mod add;
mod attribution;
mod beginnings;
mod bencode;
mod bookings;
mod care;
mod config;
mod create;
mod disk;
mod engine;
mod errors;
mod ledger;
mod magnet;
mod metainfo;
mod paths;
mod peers;
mod places;
mod progress;
mod resolve;
mod safe_names;
mod session;
mod storage;
mod stream;
mod takers;
mod tracker;

pub use bookings::{Booking, Bookings, Share};
pub use config::{Config, PeerSource, TRACKER_INTERVAL, TellPeers};
pub use create::{Making, create, create_watched};
pub use disk::{RESERVE_BYTES, has_content};
pub use engine::{Download, Engine, Files, OnlyFile};
pub use errors::{AddError, CreateError, MagnetError, MetainfoError, RemoveError, StartError, StreamError, UnsafePath};
pub use magnet::Magnet;
pub use metainfo::{File, Metainfo, TORRENT_BYTES_MAX};
pub use progress::{FileProgress, Progress, State};
pub use stream::Stream;
pub use takers::Taker;

/// A BitTorrent v1 infohash: SHA-1 of the info dictionary's bytes (BEP 3).
pub type Infohash = [u8; 20];
