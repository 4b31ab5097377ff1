//! The bodies of the fuzz targets; see README.md. `node/tests/corpus.rs` includes the same files.

#[cfg(feature = "node")]
pub mod heavy;
pub mod light;
pub mod strangers;
