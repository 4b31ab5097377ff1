//! How far downloads are, again and again, and how to end one.

use super::layout::{hidden, hidden_json};
use super::work::progress;
use super::{Query, Reading, text};
use crate::driver::Download;
use axum::extract::State;
use heirloom_proto::Infohash;
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Most downloads in one answer; a page shows no more that are under way.
const BARS_MAX: usize = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Infohashes with commas between.
    of: String,
}

/// The bars of these downloads; the script puts them in the place of older ones. One that is gone has none.
pub(super) async fn bars(State(reading): State<Reading>, Query(asked): Query<Asked>) -> Markup {
    let wanted: BTreeSet<Infohash> = asked.of.split(',').take(BARS_MAX).filter_map(|hash| hash.parse().ok()).collect();
    let mut downloads = reading.downloads();
    for one in reading.handed() {
        downloads.entry(one.download.infohash).or_insert(one.download);
    }
    let shown: Vec<&Download> = wanted.iter().filter_map(|infohash| downloads.get(infohash)).collect();
    render(&shown)
}

pub(super) fn render(downloads: &[&Download]) -> Markup {
    html! { @for download in downloads { div data-bar=(download.infohash) { (progress(download)) } } }
}

/// Ends a download, or the seeding of one; what the owner published is taken back elsewhere.
pub(super) fn buttons(download: &Download) -> Markup {
    let hash = download.infohash.to_string();
    let form = |delete: bool, question: &str, words: &str| {
        html! {
            form data-verb="cancel" data-then="reload" data-confirm=(question) {
                (hidden("infohash", &hash)) (hidden_json("delete", if delete { "true" } else { "false" }))
                button .quiet type="submit" { (words) span .hidden { " " (download.name.as_deref().unwrap_or(&hash)) } }
            }
        }
    };
    html! {
        @if !download.is_published {
            div .row.actions data-cancel=(hash) {
                @if download.took.is_some() { (form(false, text::STOP_SEEDING_ASK, text::STOP_SEEDING)) } @else {
                    (form(false, text::CANCEL_ASK, text::CANCEL_KEEPING))
                    (form(true, text::CANCEL_DELETING_ASK, text::CANCEL_DELETING))
                }
            }
        }
    }
}
