//! What a node does: everything that touches a clock, a disk or the network.

pub mod dht;
