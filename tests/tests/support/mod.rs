//! What the end-to-end tests stand on: the program as processes, its commands as a user would type them, and a DHT of
//! its own on loopback. It must not know the program from inside: only what the command line promises to scripts, and
//! the wire, for keys that sign by hand.

mod bed;
mod cli;
mod content;
mod junk;
mod lab;
mod node;
mod process;
mod signers;
mod site;
mod wait;

pub use bed::{Bed, next_ip, next_network};
pub use cli::{Answer, Cli};
pub use content::{Chance, bytes_of, card_in_a_post, is_same_file, write_file};
pub use junk::announce_junk;
pub use lab::{HALL, Lab, RoomId};
pub use node::{Node, TAKES_STARTER};
pub use process::{Process, program, program_after};
pub use signers::{Signer, statement_file};
pub use site::{Page, Site};
pub use wait::{ARRIVAL, wait_for, wait_until};

use serde_json::Value;

/// The band of what somebody I follow lists.
pub const TRUSTED: &str = "trusted";

/// Release `infohash` among those that `show` listed.
pub fn release<'a>(shown: &'a Value, infohash: &str) -> Option<&'a Value> {
    shown["releases"].as_array()?.iter().find(|release| release["infohash"] == infohash)
}

/// Hash-checked bytes of the ledger's lines that `is_wanted`.
pub fn booked(rows: &Value, is_wanted: impl Fn(&Value) -> bool) -> u64 {
    let rows = rows.as_array().unwrap_or_else(|| panic!("the ledger is no list: {rows}"));
    rows.iter().filter(|row| is_wanted(row)).map(|row| number(row, "verified_bytes")).sum()
}

/// Number of a field that must be there.
#[track_caller]
pub fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_else(|| panic!("no number {field} in {value}"))
}

/// Text of a field that must be there.
#[track_caller]
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no text {field} in {value}"))
}
