//! Rows of posters: the shelf, by genre, by words, a hundred at a time.

use super::manifest::CATALOG;
use super::{Asking, ids, metas};
use crate::http::apps::reading::{self, Asked};
use crate::search::Wish;
use heirloom_core::command::{CommandError, Filter};
use heirloom_core::views::Work;
use heirloom_graph::Band;
use heirloom_proto::WorkId;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Works of a page; fewer mean that there are no more.
const PAGE: usize = 100;
/// Most works in all: what a search gives.
const WORKS_MAX: usize = 1_000;

/// What is asked for behind the id.
#[derive(Default)]
struct Extra {
    search: String,
    genre: Option<String>,
    skip: usize,
}

impl Extra {
    fn read(pairs: &[(String, String)]) -> Self {
        let mut extra = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "search" => extra.search.clone_from(value),
                "genre" if !value.is_empty() => extra.genre = Some(value.clone()),
                // What is no number begins at the beginning.
                "skip" => extra.skip = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        extra
    }
}

/// A catalogue.
pub(super) async fn catalog(
    asking: &Asking,
    kind: &str,
    id: &str,
    extra: &[(String, String)],
) -> Result<Value, CommandError> {
    if id != CATALOG || ids::kinds(kind).is_empty() {
        return Err(CommandError::not_found("no_such_catalog", "there is no such catalogue"));
    }
    let extra = Extra::read(extra);
    let works =
        if asking.by.is_some() { listed(asking, kind, &extra).await? } else { found(asking, kind, &extra).await? };
    let previews = works.iter().filter_map(|work| metas::preview(asking, work));
    Ok(json!({ "metas": previews.collect::<Vec<_>>() }))
}

/// Works as the shelf shows them.
async fn found(asking: &Asking, kind: &str, extra: &Extra) -> Result<Vec<Arc<Work>>, CommandError> {
    let kinds = ids::kinds(kind);
    let node = asking.server.node();
    let upto = extra.skip.saturating_add(PAGE).min(WORKS_MAX);
    // Series, and episodes that are listed for themselves.
    let one = if let [one] = kinds { Some(*one) } else { None };
    let filter = Filter { kind: one, genre: extra.genre.clone(), ..Filter::default() };
    let text = extra.search.clone();
    // Of several kinds as many are looked at as there are, so that a page is full.
    let limit = if one.is_some() { upto } else { WORKS_MAX };
    let wish = Wish { text, filter, band: Some(Band::Vouched), limit, offset: None, lines: node.desk().lines_liked() };
    let rows = node.search(wish).await?.into_iter().filter(|row| kinds.contains(&row.kind));
    let page: Vec<WorkId> = rows.skip(extra.skip).take(PAGE).map(|row| row.work).collect();
    Ok(reading::shelf(node, &page).await?.into_iter().map(Arc::new).collect())
}

/// Works that a curator lists, the newest first.
async fn listed(asking: &Asking, kind: &str, extra: &Extra) -> Result<Vec<Arc<Work>>, CommandError> {
    let asked = Asked {
        words: extra.search.clone(),
        kinds: ids::kinds(kind).iter().copied().collect(),
        genre: extra.genre.clone(),
        by: asking.by,
        ..Asked::within(Band::Unknown)
    };
    // The newest releases, until there are works enough for the page.
    let wanted = extra.skip.saturating_add(PAGE);
    let mut upto = wanted;
    loop {
        let pages = &asking.server.apps.pages;
        let found = pages.page(asking.server.node(), &asked, ("", &|_| true), 0..upto).await?.entries;
        let is_all = found.len() < upto;
        let mut seen = BTreeSet::new();
        let works: Vec<Arc<Work>> =
            found.into_iter().map(|entry| entry.work).filter(|work| seen.insert(ids::of(work))).collect();
        if is_all || works.len() >= wanted {
            return Ok(works.into_iter().skip(extra.skip).take(PAGE).collect());
        }
        upto = upto.saturating_mul(2);
    }
}
