//! What the core does, as drive, elapse, look: people with real cores, time as an argument, and a look into the outbox.

mod admission;
mod archives;
mod bounds;
mod crash;
mod dht;
mod explaining;
mod fitting;
mod importing;
mod listing;
mod looking_up;
mod merging;
mod previewing;
mod proving;
mod relaying;
mod renewing;
mod rig;
mod rings;
mod saying;
mod speaking;
mod starter;
mod succeeding;
mod syncing;
mod torrents;
mod trusting;
