//! What a Heirloom node does: it drives the core with real clocks, disks and networks, and shows the result.
//!
//! Decisions are made in `heirloom-core`; here are the driver, RocksDB, libp2p, Mainline, BitTorrent, HTTP and the CLI.

pub mod artwork;
pub mod cli;
pub mod clients;
pub mod demo;
pub mod dht;
mod doctor;
pub mod driver;
pub mod follow;
pub mod home;
pub mod http;
pub mod import;
pub mod outlet;
pub mod p2p;
pub mod page;
pub use heirloom_search as search;
pub mod settings;
pub mod starter;
pub mod store;
pub mod torrent;
