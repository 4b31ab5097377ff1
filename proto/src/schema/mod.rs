//! The prost code generated from `heirloom.proto`. Nothing outside this crate sees it.
#![allow(missing_docs, clippy::all, clippy::pedantic)]

include!("generated.rs");
