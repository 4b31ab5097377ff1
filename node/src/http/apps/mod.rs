//! The catalogue in the owner's other programs: thin adapters over the one search, view and stream.
//!
//! They read and decide nothing. Programs that can send no header show a key in the address: see [`door`]. No address with a
//! key is ever logged.

mod addresses;
mod category;
mod door;
mod feed;
mod files;
mod health;
mod keys;
mod pages;
mod polls;
mod qbittorrent;
mod reading;
mod rss;
mod stremio;
mod strm;
mod torznab;
mod xml;

pub use door::AppsUrl;
pub(super) use door::{enter, host, is_open, key_shown, note_in_the_clear, path_secret, refusal};

use super::{BODY_BYTES_MAX, Request, Routes, Server, Shared, answer, take};
use crate::home::Home;
use axum::extract::{Request as HttpRequest, State};
use axum::response::Response;
use heirloom_core::command::CommandError;
use keys::{Kept, Keys};
use pages::Pages;
use polls::Polls;
use serde_json::Value;

/// What other programs need of the server.
pub(super) struct Apps {
    keys: Kept,
    urls: Vec<AppsUrl>,
    pages: Pages,
    polls: Polls,
}

impl Apps {
    pub(super) fn open(home: Home, urls: Vec<AppsUrl>) -> Self {
        Self { keys: Kept::open(home), urls, pages: Pages::default(), polls: Polls::default() }
    }
}

/// What is served to other programs.
pub(super) fn routes() -> Routes {
    let own = Routes::new().post("/api/v1/apps", apps).post("/api/v1/strm", as_files);
    let feeds = torznab::routes().merge(rss::routes()).merge(qbittorrent::routes());
    own.merge(feeds).merge(stremio::routes()).merge(files::routes()).merge(health::routes())
}

/// `POST /api/v1/apps`: what to paste into which program; on request with new keys.
async fn apps(State(server): State<Shared>, request: HttpRequest) -> Response {
    answer(match take("apps", request, BODY_BYTES_MAX).await {
        Ok(Request::Apps { renew }) => told(&server, renew),
        Ok(_) => Err(CommandError::bad_input("bad_request", "this verb takes no such request")),
        Err(response) => return *response,
    })
}

pub(super) fn plugs(server: &Server) -> Value {
    addresses::all(server, &server.apps.keys.now())
}

fn told(server: &Server, renew: bool) -> Result<Value, CommandError> {
    let keys = if renew { server.apps.keys.renew()? } else { server.apps.keys.now() };
    Ok(addresses::all(server, &keys))
}

/// `POST /api/v1/strm`: the shelf as files of a library.
async fn as_files(State(server): State<Shared>) -> Response {
    let (base, keys) = (format!("http://{}", server.authority()), server.apps.keys.now());
    answer(strm::files(&server, &base, &keys).await)
}
