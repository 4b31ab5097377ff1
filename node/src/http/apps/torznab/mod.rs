//! Torznab: how Sonarr, Radarr, Prowlarr and their like search. What they send and expect is served where it differs from
//! the specification (1.3 draft).
//!
//! Three feeds, by how far trust reaches: `/torznab/trusted`, `/torznab` (trusted and vouched for), `/torznab/all` (all but
//! the distrusted); each also with `/api` behind, which most programs add by themselves.

mod ask;
mod caps;

use super::feed::{self, Feed};
use super::pages::Page;
use super::polls::{self, Told};
use super::reading::{self, Asked, Entry};
use super::{category, door};
use crate::http::{Routes, Server, Shared};
use ask::{Ask, Function, Refusal};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use heirloom_core::command::CommandError;
use heirloom_core::scoring::band_rank;
use heirloom_graph::Band;
use std::collections::BTreeSet;

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
        // Programs add `/api` by themselves, or nothing, or a slash.
        for end in ["", "/", "/api"] {
            routes = routes.get(&format!("/torznab{at}{end}"), handler);
        }
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
    let base = door::base(server, headers);
    let told = told(server, uri, (band, name), &ask, &base);
    polls::answer(server, headers, &["torznab", &base, &uri.to_string()], told).await
}

/// A page of what is asked for.
async fn told(server: &Server, uri: &Uri, (band, name): (Band, &str), ask: &Ask, base: &str) -> Result<Told, Refusal> {
    let wanted = ask.categories.as_deref().map(category::known);
    let is_hopeless = ask.is_beyond || wanted.as_ref().is_some_and(BTreeSet::is_empty);
    let keeps = |entry: &Entry| {
        let of = || category::of(&entry.work, entry.release());
        wanted.as_ref().is_none_or(|wanted| category::is_wanted(&of(), wanted))
            && ask.admits_tag(&entry.release().band.to_string())
    };
    let page = if is_hopeless {
        Page { entries: Vec::new(), total: 0 }
    } else {
        found(server, band, ask, (&format!("{wanted:?} {}", ask.tags()), &keeps)).await?
    };
    let keys = server.apps.keys.now();
    let feed = Feed {
        title: name.to_owned(),
        address: format!("{base}{}", uri.path()),
        base,
        key: &keys.api,
        page: Some((ask.offset, page.total)),
        engine: server.node().networks().engine.as_ref(),
    };
    let releases = page.entries.iter().map(|entry| entry.release().infohash).collect();
    let (kind, body) = if ask.is_json {
        ("application/json", feed.to_json(&page.entries).to_string().into_bytes())
    } else {
        ("application/rss+xml; charset=utf-8", feed.to_xml(&page.entries))
    };
    // What was not found by an id is asked of others again, when it is asked for again.
    let may_keep = ask.ids.is_empty() || page.total > 0;
    Ok(Told { kind, body, releases, may_keep, is_searched: !ask.words.is_empty() })
}

async fn found(
    server: &Server,
    band: Band,
    ask: &Ask,
    (beside, keeps): (&str, &(dyn Fn(&Entry) -> bool + Sync)),
) -> Result<Page, CommandError> {
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
        plays_files: false,
    };
    let span = ask.offset..ask.offset.saturating_add(ask.limit);
    let Some(mut entries) = reading::by_ids(server.node(), &asked).await? else {
        return server.apps.pages.page(server.node(), &asked, (beside, keeps), span).await;
    };
    entries.retain(keeps);
    let total = entries.len();
    Ok(Page { entries: entries.into_iter().skip(ask.offset).take(ask.limit).collect(), total })
}
