//! The API and its walls, by raw requests over loopback to a node without networks.

mod api;
mod browser;
mod settings;
mod streaming;
mod support;
mod walls;
