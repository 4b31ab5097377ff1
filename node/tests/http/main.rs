//! The API and its walls, by raw requests over loopback to a node without networks.

mod api;
mod browser;
mod catalogue;
mod feeds;
mod hostile;
mod limits;
mod polls;
mod publishing;
mod settings;
mod snapshots;
mod streaming;
mod stremio;
mod subtitles;
mod support;
mod torznab;
mod verbs;
mod walls;
