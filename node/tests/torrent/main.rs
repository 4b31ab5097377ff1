//! The torrent engine against itself, and against the bare library, on loopback.
//!
//! Each engine has its own address (127.0.0.N), so that bookings can be told apart. Nothing leaves the machine.

mod archives;
mod exchange;
mod limits;
mod names;
mod parts;
mod refusals;
mod support;
