//! The search plugin for qBittorrent: one file of Python, served with the address and the key of this node in it.

use super::door;
use crate::http::{Routes, Shared};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// The plugin, with places for the address and the key.
const PLUGIN: &str = include_str!("qbittorrent.py");

pub(super) fn routes() -> Routes {
    Routes::new().get("/qbittorrent/heirloom.py", plugin)
}

async fn plugin(State(server): State<Shared>, headers: HeaderMap) -> Response {
    let keys = server.apps.keys.now();
    // Both are of letters, digits and a few signs: a Host that is not ours came no further than the guard.
    let text = PLUGIN.replace("@BASE@", &door::base(&server, &headers)).replace("@KEY@", &keys.api);
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/x-python; charset=utf-8"));
    let name = (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"heirloom.py\""));
    ([kind, name], text).into_response()
}
