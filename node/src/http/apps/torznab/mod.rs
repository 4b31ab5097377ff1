//! Torznab: how Sonarr, Radarr, Prowlarr and their like search. What they send and expect is served where it differs from
//! the specification (1.3 draft).
//!
//! Three feeds, by how far trust reaches: `/torznab/trusted`, `/torznab` (trusted and vouched for), `/torznab/all` (all but
//! the distrusted); each also with `/api` behind, which most programs add by themselves.

mod ask;
mod caps;

use super::feed::{self, Feed};
use super::reading::{self, Asked, Entry};
use super::{category, door};
use crate::http::{Routes, Server, Shared};
use ask::{Ask, Function, Refusal};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use heirloom_core::scoring::band_rank;
use heirloom_graph::Band;

/// Most releases of one page, and as many as a page has when nothing is said.
pub(super) const PAGE: usize = 100;

/// The feeds: what their address ends in, the worst band, what they are called.
const FEEDS: [(&str, Band, &str); 3] = [
    ("", Band::Vouched, "Heirloom"),
    ("/trusted", Band::Trusted, "Heirloom (trusted)"),
    ("/all", Band::Unknown, "Heirloom (all)"),
];

pub(super) fn routes() -> Routes {
    let mut routes = Routes::new();
    for (at, band, name) in FEEDS {
        let handler = move |State(server): State<Shared>, headers: HeaderMap, uri: Uri| async move {
            answer(&server, &headers, &uri, band, name).await
        };
        routes = routes.get(&format!("/torznab{at}"), handler).get(&format!("/torznab{at}/api"), handler);
    }
    routes
}

/// Whether this is the question what a feed can do, which tells nothing of its owner.
pub(super) fn is_caps(pairs: &[(String, String)]) -> bool {
    Function::of(pairs) == Some(Ok(Function::Caps))
}

async fn answer(server: &Server, headers: &HeaderMap, uri: &Uri, band: Band, name: &str) -> Response {
    let pairs = door::pairs(uri);
    let result = match Ask::read(&pairs) {
        Ok(Ask { function: Function::Caps, is_json, .. }) => return caps::answer(name, is_json),
        Ok(ask) => search(server, headers, uri, (band, name), ask).await,
        Err(refusal) => Err(refusal),
    };
    result.unwrap_or_else(|refusal| feed::error(refusal.status(), refusal.code(), &refusal.to_string()))
}

async fn search(
    server: &Server,
    headers: &HeaderMap,
    uri: &Uri,
    (band, name): (Band, &str),
    ask: Ask,
) -> Result<Response, Refusal> {
    let wanted = ask.categories.as_deref().map(category::known);
    let is_hopeless = ask.is_beyond || wanted.as_ref().is_some_and(std::collections::BTreeSet::is_empty);
    let mut entries = if is_hopeless { Vec::new() } else { found(server, band, &ask).await? };
    if let Some(wanted) = &wanted {
        entries.retain(|entry| category::is_wanted(&category::of(&entry.work, entry.release()), wanted));
    }
    entries.retain(|entry| ask.admits_tag(&entry.release().band.to_string()));
    let total = entries.len();
    let page: Vec<Entry> = entries.into_iter().skip(ask.offset).take(ask.limit).collect();
    let keys = server.apps.keys.now();
    let base = door::base(server, headers);
    let feed = Feed {
        title: name.to_owned(),
        address: format!("{base}{}", uri.path()),
        base: &base,
        key: &keys.api,
        page: Some((ask.offset, total)),
        engine: server.node().networks().engine.as_ref(),
    };
    Ok(if ask.is_json {
        Json(feed.to_json(&page)).into_response()
    } else {
        feed::answer(StatusCode::OK, "application/rss+xml; charset=utf-8", feed.to_xml(&page))
    })
}

async fn found(server: &Server, band: Band, ask: &Ask) -> Result<Vec<Entry>, Refusal> {
    let mut kinds = ask.function.kinds();
    if kinds.is_empty()
        && let Some(categories) = &ask.categories
    {
        let wanted = category::known(categories);
        kinds = wanted.into_iter().flat_map(category::kinds).copied().collect();
    }
    let asked = Asked {
        words: ask.words.clone(),
        ids: ask.ids.clone(),
        kinds,
        genre: ask.genre.clone(),
        year: ask.year,
        pick: ask.pick.clone(),
        // What is trusted comes first in whichever feed: nothing is left out but what is below.
        band: if band_rank(band) < band_rank(Band::Unknown) { band } else { Band::Unknown },
        by: None,
        may_ask: true,
    };
    reading::entries(server.node(), &asked).await.map_err(|error| Refusal::Failed(error.message))
}
