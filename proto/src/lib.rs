//! Heirloom's wire format: bytes ↔ verified values.
//!
//! What it is: the schema (prost), limits, ids, keys, signing, verifying, text forms, the codec of DHT items, and the
//! form of statement files and archives.
//! What it must not know: clocks, stores, sockets, trust. Only this crate knows prost, and only this crate makes
//! [`Verified`] values.
#![warn(missing_docs)]
#![warn(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]

pub mod archive;
pub mod artwork;
pub mod body;
pub mod dht;
pub mod identity;
pub mod ids;
pub mod key;
pub mod limits;
pub mod lookup;
mod pasted;
mod schema;
pub mod signed_text;
pub mod statement;
pub mod statement_file;
pub mod sync;
pub mod text;
pub mod time;
pub mod work;

pub use body::Body;
pub use ids::{GossipId, Infohash, Sha256, StatementId};
pub use key::{Key, SecretKey};
pub use limits::Kind;
pub use statement::{Header, Statement, Verified, Verifier, VerifyError, verify};
pub use time::Timestamp;
pub use work::WorkId;
