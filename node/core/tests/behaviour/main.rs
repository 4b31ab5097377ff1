//! What the core does, as drive, elapse, look: people with real cores, time as an argument, and a look into the outbox.

mod admission;
mod archives;
mod artwork;
mod bounds;
mod crash;
mod dht;
mod explaining;
mod fitting;
mod importing;
mod linking;
mod listing;
mod looking_up;
mod merging;
mod previewing;
mod proving;
mod receipts;
mod relaying;
mod renewing;
mod rig;
mod rings;
mod speaking;
mod starter;
mod succeeding;
mod syncing;
mod torrents;
mod trusting;
