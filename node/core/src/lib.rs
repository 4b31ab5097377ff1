//! What a Heirloom node decides: sans-IO state machines.
//!
//! [`Service`] takes [`Input`]s with the time of their arrival and gives [`Output`]s; the driver in the `heirloom` crate
//! and the simulator run the very same code. What it must not know: sockets, files, threads, clocks, global randomness,
//! JSON. Equal seed and inputs give equal outputs.
#![warn(missing_docs)]
#![warn(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

mod any;
pub mod archives;
pub mod artwork;
mod batch;
pub mod budgets;
pub mod catalogue;
pub mod changes;
pub mod command;
pub mod curation;
mod few;
mod fields;
pub mod fitting;
mod floors;
pub mod ground;
pub mod handed;
pub mod identity;
pub mod ingest;
pub mod io;
pub mod ledger;
pub mod links;
pub mod merging;
pub mod observed;
pub mod proving;
pub mod pushers;
pub mod receipts;
pub mod refusals;
pub mod release_name;
pub mod replication;
mod resolution;
pub mod scoring;
pub mod seeding;
pub mod seeking;
mod service;
pub mod settings;
pub mod store;
mod strangers;
pub mod succession;
pub mod sync;
pub mod torrents;
pub mod upkeep;
pub mod views;
mod why;
pub mod wording;

pub use any::AnyService;
pub use budgets::Budgets;
pub use command::{Command, CommandError, Reply};
pub use io::{Input, Now, Output};
pub use resolution::{lines_of, resolution_distance};
pub use service::{Config, Halt, OpenError, Service};
pub use settings::{Preset, TrustSettings};
pub use store::{MemoryStore, Store};
