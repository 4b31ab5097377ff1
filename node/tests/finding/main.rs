//! Peers that find each other: the libp2p adapter between real sockets on loopback, several nodes in one process.
//! Conditions with a deadline, no wall time asserted.

mod book;
mod relay;
mod seeking;
mod support;
