//! What the core does, as drive, elapse, look: people with real cores, time as an argument, and a look into the outbox.

mod admission;
mod crash;
mod dht;
mod explaining;
mod importing;
mod previewing;
mod proving;
mod rig;
mod rings;
mod speaking;
mod succeeding;
mod syncing;
mod torrents;
mod trusting;
