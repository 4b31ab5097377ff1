//! The API and its walls, by raw requests over loopback to a node without networks.

mod browser;
mod streaming;
mod support;
mod walls;
