//! The page of a key: what is thought of it and why, what it lists and says, and what the owner may say of it.

use super::format::{band_class, bytes, day, person, said, work_page};
use super::layout::{Frame, Here, empty, hidden, hidden_json, page};
use super::people::link;
use super::why::{self, Names};
use super::{Reading, Trouble, text};
use axum::extract::{Path, State};
use heirloom_core::views::{About, Why};
use heirloom_proto::Key;
use maud::{Markup, html};

/// Everything about a key.
pub(super) struct Shown {
    pub about: About,
    pub why: Why,
    pub names: Names,
    pub me: Key,
    pub is_followed: bool,
}

pub(super) async fn show(State(reading): State<Reading>, Path(key): Path<String>) -> Result<Markup, Trouble> {
    let key: Key = key.parse().map_err(|_| Trouble::missing(text::NO_SUCH_KEY))?;
    let shown = Shown {
        about: reading.about(key).await?,
        why: reading.why(&key.to_string(), "catalogue").await?,
        names: reading.names().await?,
        me: reading.key(),
        is_followed: reading.follows().await?.iter().any(|follow| follow.key == key),
    };
    let title = if shown.about.name.is_empty() { text::NAMELESS } else { &shown.about.name };
    Ok(page(&Frame::new(title, Here::People), &render(&shown)))
}

pub(super) fn render(shown: &Shown) -> Markup {
    let Shown { about, why, names, me, .. } = shown;
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
        }
        section aria-labelledby="attestations" {
            h2 #attestations { (text::ATTESTATIONS) " " span .count { (about.attestations.1) } }
            @if about.attestations.0.is_empty() { p .faint { (text::SAYS_NOTHING) } }
            ul .plain {
                @for row in &about.attestations.0 {
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
        }
        section aria-labelledby="verdicts" {
            h2 #verdicts { (text::VERDICTS) " " span .count { (about.verdicts.1) } }
            @if about.verdicts.0.is_empty() { p .faint { (text::JUDGED_NOTHING) } }
            ul .plain {
                @for row in &about.verdicts.0 {
                    li .row {
                        span .grow { code { (row.infohash.to_string()) } }
                        span { (text::opinion(row.opinion.name())) }
                        @if !row.note.is_empty() { q { (said(&row.note)) } }
                        time .faint { (day(row.made)) }
                    }
                }
            }
        }
    }
}

/// Listings as a table; those of the owner can be taken back.
pub(super) fn listings(about: &About, is_retractable: bool) -> Markup {
    html! {
        @if about.listings.0.is_empty() { (empty(text::LISTS_NOTHING, &html! { (text::LISTS_NOTHING_ADVICE) })) } @else {
            div .scroll {
                table {
                    thead { tr { th scope="col" { (text::WORK) } th scope="col" { (text::RELEASE) } th .number scope="col" { (text::SIZE) } th scope="col" { (text::SIGNED) } @if is_retractable { th scope="col" { span .hidden { (text::RETRACT) } } } } }
                    tbody {
                        @for row in &about.listings.0 {
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
            @if about.listings.1 > about.listings.0.len() { p .faint { (text::first_of(about.listings.0.len(), about.listings.1)) } }
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
