//! The page of a key: what is thought of it and why, what it lists and says, and what the owner may say of it.

use super::format::{band_class, bytes, day, person, said, work_page};
use super::layout::{Frame, Here, empty, hidden, hidden_json, page};
use super::people::link;
use super::why::{self, Names};
use super::{Path, Query, Reading, Trouble, paging, text};
use axum::extract::State;
use heirloom_core::command::Skip;
use heirloom_core::views::{About, Why};
use heirloom_proto::Key;
use maud::{Markup, html};
use serde::Deserialize;

/// Which parts of its lists are asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Page of the listings.
    pub listings: usize,
    /// Page of what it says of others.
    attestations: usize,
    /// Page of its judgements.
    verdicts: usize,
}

impl Asked {
    /// What stands on the pages before.
    pub(super) fn skip(self) -> Skip {
        Skip {
            listings: paging::before(self.listings),
            attestations: paging::before(self.attestations),
            verdicts: paging::before(self.verdicts),
        }
    }

    /// The way around one of them, the others as they are.
    fn links(self, key: &Key, (page, count): (usize, usize), of: &str, change: impl Fn(Self, usize) -> Self) -> Markup {
        paging::links(page, count, |page| {
            let Self { listings, attestations, verdicts } = change(self, page);
            format!("/key/{key}?listings={listings}&attestations={attestations}&verdicts={verdicts}#{of}")
        })
    }
}

/// Everything about a key.
pub(super) struct Shown {
    pub about: About,
    pub why: Why,
    pub names: Names,
    pub me: Key,
    pub is_followed: bool,
    pub asked: Asked,
}

pub(super) async fn show(
    State(reading): State<Reading>,
    Path(key): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Markup, Trouble> {
    let key: Key = key.parse().map_err(|_| Trouble::missing(text::NO_SUCH_KEY))?;
    let why = reading.why(&key.to_string(), "catalogue").await?;
    let shown = Shown {
        about: reading.about(key, asked.skip()).await?,
        names: reading.names(&why).await?,
        why,
        me: reading.key(),
        is_followed: reading.follows().await?.iter().any(|follow| follow.key == key),
        asked,
    };
    let title = if shown.about.name.is_empty() { text::NAMELESS } else { &shown.about.name };
    Ok(page(&Frame::new(title, Here::People), &render(&shown)))
}

pub(super) fn render(shown: &Shown) -> Markup {
    let Shown { about, why, names, me, asked, .. } = shown;
    let key = &about.key;
    html! {
        header .keyhead {
            h1 { @if about.name.is_empty() { (text::NAMELESS) } @else { (said(&about.name)) } }
            p .row {
                @if about.is_me { span .band.trusted { (text::THIS_IS_YOU) } } @else { span class=(band_class(why.band)) { (text::band(why.band)) } }
                @if !about.url.is_empty() { (link(&about.url)) }
            }
            p .key { code { (about.key.to_string()) } }
        }
        @if !about.is_me { (actions(shown)) }
        section aria-labelledby="paths" {
            h2 #paths { (text::WHY) }
            (why::render(why, names, me))
        }
        section aria-labelledby="listings" {
            h2 #listings { (text::LISTINGS) " " span .count { (about.listings.1) } }
            (listings(about, false))
            (asked.links(key, (asked.listings, about.listings.1), "listings", |asked, listings| Asked { listings, ..asked }))
        }
        section aria-labelledby="attestations" {
            h2 #attestations { (text::ATTESTATIONS) " " span .count { (about.attestations.1) } }
            @if about.attestations.1 == 0 { p .faint { (text::SAYS_NOTHING) } }
            ul .plain {
                @for row in about.attestations.0.iter().take(paging::ROWS) {
                    li .row {
                        span .grow { (person(&row.subject, &row.name)) }
                        span { (text::level(&row.level.to_string())) }
                        span .faint { (text::scope(row.scope.name())) }
                        @if !row.reason.is_empty() { q { (said(&row.reason)) } }
                        @if row.is_private { span .faint { (text::PRIVATE) } }
                        time .faint { (day(row.made)) }
                    }
                }
            }
            (asked.links(key, (asked.attestations, about.attestations.1), "attestations", |asked, attestations| Asked { attestations, ..asked }))
        }
        section aria-labelledby="verdicts" {
            h2 #verdicts { (text::VERDICTS) " " span .count { (about.verdicts.1) } }
            @if about.verdicts.1 == 0 { p .faint { (text::JUDGED_NOTHING) } }
            ul .plain {
                @for row in about.verdicts.0.iter().take(paging::ROWS) {
                    li .row {
                        span .grow { code { (row.infohash.to_string()) } }
                        span { (text::opinion(row.opinion.name())) }
                        @if !row.note.is_empty() { q { (said(&row.note)) } }
                        time .faint { (day(row.made)) }
                    }
                }
            }
            (asked.links(key, (asked.verdicts, about.verdicts.1), "verdicts", |asked, verdicts| Asked { verdicts, ..asked }))
        }
    }
}

/// A page of listings as a table; those of the owner can be taken back.
pub(super) fn listings(about: &About, is_retractable: bool) -> Markup {
    html! {
        @if about.listings.1 == 0 { (empty(text::LISTS_NOTHING, &html! { (text::LISTS_NOTHING_ADVICE) })) } @else {
            div .scroll {
                table {
                    thead { tr { th scope="col" { (text::WORK) } th scope="col" { (text::RELEASE) } th .number scope="col" { (text::SIZE) } th scope="col" { (text::SIGNED) } @if is_retractable { th scope="col" { span .hidden { (text::RETRACT) } } } } }
                    tbody {
                        @for row in about.listings.0.iter().take(paging::ROWS) {
                            tr {
                                td { a href=(work_page(row.work.as_str())) { (said(super::shelf::title_of(&row.title, row.work.as_str()))) } }
                                td { (said(&row.name)) @if row.is_private { " " span .faint { (text::PRIVATE) } } }
                                td .number { (bytes(row.size)) }
                                td { (day(row.made)) }
                                @if is_retractable { td { (retract(&row.infohash.to_string(), &row.name)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn retract(infohash: &str, name: &str) -> Markup {
    html! {
        form data-verb="retract" data-then="reload" data-confirm=(text::RETRACT_ASK) {
            (hidden("target", infohash))
            button type="submit" .quiet { (text::RETRACT) span .hidden { " " (name) } }
        }
    }
}

fn actions(shown: &Shown) -> Markup {
    let key = shown.about.key.to_string();
    html! {
        div .row.actions {
            @if shown.is_followed {
                form data-verb="unfollow" data-then="reload" data-confirm=(text::UNFOLLOW_ASK) {
                    (hidden("key", &key)) button type="submit" { (text::UNFOLLOW) }
                }
            } @else {
                form data-preview="/people/preview" data-into="#preview" {
                    (hidden("text", &key)) button type="submit" .main { (text::FOLLOW) "…" }
                }
            }
            details .drop {
                summary .button { (text::ATTEST) }
                (attest_form(&key, &["full", "high", "medium", "low", "none"], text::ATTEST_ASK))
            }
            details .drop {
                summary .button.bad { (text::DISTRUST) }
                (attest_form(&key, &["distrust"], text::DISTRUST_ASK))
            }
        }
        div #preview aria-live="polite" {}
    }
}

fn attest_form(key: &str, levels: &[&str], ask: &str) -> Markup {
    html! {
        form .panel data-verb="attest" data-then="reload" data-confirm=(ask) {
            (hidden("key", key)) (hidden_json("expires", "null"))
            label { (text::HOW_MUCH) select name="level" { @for level in levels { option value=(level) { (text::level(level)) } } } }
            label { (text::FOR_WHAT)
                select name="scope" { @for scope in ["*", "catalogue", "metadata", "seed"] { option value=(scope) { (text::scope(scope)) } } }
            }
            label { (text::REASON) input name="reason" maxlength="280"; }
            label .check { input type="checkbox" name="private"; (text::PRIVATELY) }
            button type="submit" .main { (text::SIGN) }
        }
    }
}
