//! Real Heirloom cores in a modelled world with virtual time.
//!
//! A [`World`] runs any number of cores, the very ones that the node runs, over models of what surrounds them: a DHT,
//! gossip, torrents, disks and clocks. One seed decides everything, so a run can be replayed line by line. What must
//! hold whatever happens, and what must hold once the world has healed, is in [`checkers`].
//!
//! What it must not know: the `heirloom` crate, real clocks, real networks, orders that differ from run to run.
//!
//! ```
//! let story = heirloom_sim::Story { nodes: 3, ..heirloom_sim::Story::calm(7) };
//! let summary = story.run().expect("nothing breaks in a calm world");
//! assert!(summary.events > 0);
//! ```
#![warn(missing_docs)]
#![warn(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

mod archives;
pub mod args;
pub mod calibration;
pub mod catching_up;
pub mod checkers;
mod dht;
pub mod dice;
mod disk;
pub mod faults;
mod gossip;
pub mod hand;
mod message;
pub mod network;
mod node;
pub mod people;
pub mod plays;
pub mod reconciling;
mod rendezvous;
pub mod report;
pub mod scenario;
pub mod settings;
pub mod story;
mod swarm;
pub mod sync;
pub mod trace;
mod truth;
pub mod world;

pub use catching_up::{CatchUp, Caught};
pub use checkers::Property;
pub use faults::Faults;
pub use rendezvous::Misanswer;
pub use scenario::Scenario;
pub use story::{Story, Summary};
pub use world::{Failure, Mutation, NodeId, World};
