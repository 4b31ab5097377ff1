//! What the add-on is, and the curators that can be installed beside it.

use super::{Asking, ids};
use crate::search::Wish;
use heirloom_core::command::{Command, CommandError, Reply};
use heirloom_core::views::Follow;
use heirloom_graph::Band;
use heirloom_proto::Key;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Works whose genres are offered, the best first.
const GENRES_OF: usize = 200;
/// Most genres to choose from.
const GENRES_MAX: usize = 20;
/// The one catalogue of each kind, and the list of curators.
pub(super) const CATALOG: &str = "heirloom";
const CURATORS: &str = "heirloom-curators";
/// Most curators that are offered.
const CURATORS_MAX: usize = 100;

/// The manifest. It names nobody but the curator whose catalogue it is.
pub(super) async fn manifest(asking: &Asking) -> Result<Value, CommandError> {
    let genres = genres(asking).await?;
    let name = match asking.by {
        None => None,
        Some(by) => Some(name_of(asking, by).await?),
    };
    Ok(described(asking.by, name.as_deref(), &genres))
}

fn described(by: Option<Key>, name: Option<&str>, genres: &[String]) -> Value {
    let catalog = |kind: &str| {
        let mut extra = vec![json!({ "name": "search", "isRequired": false })];
        if !genres.is_empty() {
            extra.push(json!({ "name": "genre", "isRequired": false, "options": genres }));
        }
        extra.push(json!({ "name": "skip", "isRequired": false }));
        json!({ "type": kind, "id": CATALOG, "name": name.unwrap_or("Heirloom"), "extra": extra })
    };
    let id =
        by.map_or_else(|| "community.heirloom".to_owned(), |by| format!("community.heirloom.{}", by.to_multibase()));
    let about = match name {
        None => "What the people you follow list, the most trusted first. Served by your own node.".to_owned(),
        Some(name) => format!("What {name} lists, as your own node knows it."),
    };
    let mut manifest = json!({
        "id": id,
        "version": env!("CARGO_PKG_VERSION"),
        "name": name.map_or_else(|| "Heirloom".to_owned(), |name| format!("Heirloom: {name}")),
        "description": about,
        "resources": ["catalog", "meta", "stream", "subtitles"],
        "types": ids::KINDS,
        "idPrefixes": ids::PREFIXES,
        "catalogs": ids::KINDS.map(catalog),
        "behaviorHints": { "adult": false, "p2p": true, "configurable": false, "configurationRequired": false },
    });
    if by.is_none() {
        manifest["addonCatalogs"] = json!([{ "type": "other", "id": CURATORS, "name": "Curators you follow" }]);
    }
    manifest
}

/// Genres of what is trusted most, the most frequent first.
async fn genres(asking: &Asking) -> Result<Vec<String>, CommandError> {
    let wish = Wish {
        band: Some(Band::Vouched),
        limit: GENRES_OF,
        lines: asking.server.node().desk().lines_liked(),
        ..Wish::default()
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for genre in asking.server.node().search(wish).await?.into_iter().flat_map(|found| found.genres) {
        *counts.entry(genre).or_default() += 1;
    }
    let mut all: Vec<(String, usize)> = counts.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    Ok(all.into_iter().take(GENRES_MAX).map(|(genre, _)| genre).collect())
}

async fn follows(asking: &Asking) -> Result<Vec<Follow>, CommandError> {
    match *asking.server.node().command(Command::Follows).await? {
        Reply::Follows(all) => Ok(all),
        _ => Ok(Vec::new()),
    }
}

/// What a followed curator is called. Others have no catalogue here.
async fn name_of(asking: &Asking, by: Key) -> Result<String, CommandError> {
    let follows = follows(asking).await?;
    let follow = follows.into_iter().find(|follow| follow.key == by);
    let follow = follow.ok_or_else(|| CommandError::not_found("no_such_curator", "you do not follow this curator"))?;
    Ok(named(&follow))
}

fn named(follow: &Follow) -> String {
    if follow.name.is_empty() { follow.key.to_multibase().chars().take(12).collect() } else { follow.name.clone() }
}

/// Followed curators as add-ons.
pub(super) async fn curators(asking: &Asking, id: &str) -> Result<Value, CommandError> {
    if id != CURATORS {
        return Err(CommandError::not_found("no_such_catalog", "there is no such list of add-ons"));
    }
    let all = follows(asking).await?.into_iter().take(CURATORS_MAX).map(|follow| {
        json!({
            "transportName": "http",
            "transportUrl": format!("{}/by/{}/manifest.json", asking.own, follow.key.to_multibase()),
            "manifest": described(Some(follow.key), Some(&named(&follow)), &[]),
        })
    });
    Ok(json!({ "addons": all.collect::<Vec<_>>() }))
}

/// How links of the owner's own machine begin, for programs that take no others.
pub(super) fn is_https(asking: &Asking) -> bool {
    asking.base.starts_with("https://")
}
