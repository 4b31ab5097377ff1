//! What a feed can do. Prowlarr remembers it for a week, so nothing in it may depend on the catalogue.

use super::super::xml::Xml;
use super::super::{category, feed};
use super::PAGE;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// By function: whether there is one, and by what it searches.
const SEARCHING: [(&str, &str); 6] = [
    ("search", "q"),
    ("tv-search", "q,season,ep,imdbid,tvdbid,tmdbid,year,genre"),
    ("movie-search", "q,imdbid,tmdbid,year,genre"),
    ("music-search", "q,artist,album"),
    ("audio-search", "q,artist,album"),
    ("book-search", "q,author,title"),
];

/// Bands as tags, and what they mean.
const TAGS: [(&str, &str); 4] = [
    ("trusted", "People you follow say so"),
    ("vouched", "People whom these trust say so"),
    ("earned", "Nobody says so, but its lister has uploaded to you"),
    ("unknown", "Nothing is known of who lists it"),
];

pub(super) fn answer(name: &str, is_json: bool) -> Response {
    let page = PAGE.to_string();
    if is_json {
        let searching: serde_json::Map<_, _> = SEARCHING
            .iter()
            .map(|(name, by)| ((*name).to_owned(), json!({ "available": "yes", "supportedParams": by })))
            .collect();
        let category = |one: &category::Category| {
            let below = one.below.iter().map(|(id, name)| json!({ "id": id.to_string(), "name": name }));
            json!({ "id": one.id.to_string(), "name": one.name, "subcat": below.collect::<Vec<_>>() })
        };
        return Json(json!({
            "server": { "version": "1.3", "title": name },
            "limits": { "max": page, "default": page },
            "searching": searching,
            "categories": category::ALL.iter().map(category).collect::<Vec<_>>(),
        }))
        .into_response();
    }
    let mut xml = Xml::new();
    xml.open("caps", &[]);
    xml.empty("server", &[("version", "1.3"), ("title", name), ("appversion", env!("CARGO_PKG_VERSION"))]);
    xml.empty("limits", &[("max", &page), ("default", &page)]);
    xml.open("searching", &[]);
    for (name, by) in SEARCHING {
        xml.empty(name, &[("available", "yes"), ("supportedParams", by)]);
    }
    xml.close("searching");
    xml.open("categories", &[]);
    for category in &category::ALL {
        xml.open("category", &[("id", &category.id.to_string()), ("name", category.name)]);
        for (id, name) in category.below {
            xml.empty("subcat", &[("id", &id.to_string()), ("name", name)]);
        }
        xml.close("category");
    }
    xml.close("categories");
    xml.open("tags", &[]);
    for (name, about) in TAGS {
        xml.empty("tag", &[("name", name), ("description", about)]);
    }
    xml.close("tags");
    xml.close("caps");
    feed::answer(StatusCode::OK, "application/xml; charset=utf-8", xml.finish())
}
