//! What a Heirloom node decides: sans-IO state machines.
//!
//! [`Service`] takes [`Input`]s with the time of their arrival and gives [`Output`]s; the driver in the `heirloom` crate
//! and the simulator run the very same code. What it must not know: sockets, files, threads, clocks, global randomness,
//! JSON. Equal seed and inputs give equal outputs.
#![warn(missing_docs)]
#![warn(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

pub mod catalogue;
pub mod command;
pub mod curation;
mod fields;
pub mod ground;
pub mod identity;
pub mod ingest;
pub mod io;
pub mod ledger;
pub mod proving;
pub mod replication;
pub mod scoring;
mod service;
pub mod settings;
pub mod store;
mod strangers;
pub mod succession;
pub mod sync;
pub mod torrents;
pub mod views;
mod why;

pub use command::{Command, CommandError, Reply};
pub use io::{Input, Now, Output};
pub use service::{Config, Halt, OpenError, Service};
pub use settings::{Preset, TrustSettings};
pub use store::{MemoryStore, Store};
