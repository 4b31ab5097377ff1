//! One work: what it is, its episodes, its releases with a sentence of trust each, and what can be done with them.

use super::format::{band_class, bytes, encoded, is_playable, percent, person, said, work_page};
use super::layout::{Frame, Here, empty, hidden, hidden_json, icon, icons, page};
use super::shelf::{artwork, title_of};
use super::{Path, Query, Reading, Trouble, cancel, text};
use crate::driver::Download;
use axum::extract::State;
use heirloom_core::fitting::FilledFile;
use heirloom_core::views::{Release, Work};
use heirloom_graph::Band;
use heirloom_proto::body::{Episode, Opinion};
use heirloom_proto::{Infohash, Key, WorkId};
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most releases that are shown of each part: the best stand first, and nobody reads more.
const RELEASES_SHOWN: usize = 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Ask the network too; without it, what is here is shown at once.
    network: bool,
    /// Every band.
    all: bool,
}

/// What the page of a work shows beside the work.
#[derive(Default)]
pub(super) struct Around {
    pub follows: BTreeSet<Key>,
    pub me: Option<Key>,
    pub downloads: BTreeMap<Infohash, Download>,
    /// The network was asked, or cannot be.
    pub is_complete: bool,
    pub shows_all: bool,
}

pub(super) async fn show(
    State(reading): State<Reading>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Markup, Trouble> {
    let id: WorkId = id.parse().map_err(|_| Trouble::missing(text::NO_SUCH_WORK))?;
    let wait = if asked.network { None } else { Some(Duration::ZERO) };
    let work = reading.work(id, wait).await?;
    let around = Around {
        follows: reading.follows().await?.into_iter().map(|follow| follow.key).collect(),
        me: Some(reading.key()),
        downloads: reading.downloads(),
        is_complete: asked.network || !reading.is_online(),
        shows_all: asked.all,
    };
    let title = title_of(&work.title, work.work.as_str()).to_owned();
    Ok(page(&Frame::new(&title, Here::Shelf), &render(&work, &around)))
}

pub(super) fn render(work: &Work, around: &Around) -> Markup {
    let id = work.work.as_str();
    let title = title_of(&work.title, id);
    let is_best = |release: &&Release| matches!(release.band, Band::Trusted | Band::Vouched) && !release.is_refused();
    let best = work.releases.iter().find(is_best);
    html! {
        article .work {
            div .cover { (artwork(work.artwork.map(|hash| hash.to_string()).as_deref(), id, title, work.year)) }
            div .what {
                h1 { (said(title)) }
                @if !work.original_title.is_empty() && work.original_title != work.title { p .faint { (said(&work.original_title)) } }
                (facts(work))
                @if work.is_by_strangers { p .notice { (text::BY_STRANGERS) } }
                @if work.overview.is_empty() { p .faint { (text::NO_OVERVIEW) } } @else { p .overview { (said(&work.overview)) } }
                @if let Some(best) = best { div .row { (play_button(best, None, true)) (state(best, around)) } }
                (people(work))
                p .ids.faint { @for id in &work.ids { code { (id.as_str()) } " " } }
            }
        }
        (episodes(work))
        (releases(work, around))
    }
}

fn facts(work: &Work) -> Markup {
    html! {
        p .facts {
            @if let Some(year) = work.year { span { (year) } }
            span { (text::kind(work.kind.name())) }
            @if let Some(minutes) = work.runtime_min { span { (text::minutes(minutes)) } }
            @for genre in work.genres.iter().take(8) { a .chip href={ "/?genre=" (encoded(genre)) } { (said(genre)) } }
            @for language in work.languages.iter().take(8) { span .faint { (said(language)) } }
        }
    }
}

fn people(work: &Work) -> Markup {
    html! {
        @if !work.people.is_empty() {
            p .credits {
                @for (at, credit) in work.people.iter().take(12).enumerate() {
                    @if at > 0 { ", " }
                    (said(&credit.name)) @if !credit.role.is_empty() { " " span .faint { "(" (said(&credit.role)) ")" } }
                }
            }
        }
    }
}

fn episodes(work: &Work) -> Markup {
    let mut seasons: BTreeMap<u32, Vec<&Episode>> = BTreeMap::new();
    for episode in &work.episodes {
        seasons.entry(episode.season).or_default().push(episode);
    }
    html! {
        @if !seasons.is_empty() {
            section .episodes aria-labelledby="episodes" {
                h2 #episodes { (text::EPISODES) }
                @for (at, (season, episodes)) in seasons.iter().enumerate() {
                    details open[at == 0] {
                        summary { (text::season(*season)) " " span .faint { (episodes.len()) } }
                        ol .plain {
                            @for episode in episodes { (episode_row(work, episode)) }
                        }
                    }
                }
            }
        }
    }
}

fn episode_row(work: &Work, episode: &Episode) -> Markup {
    let wanted = (episode.season, episode.number);
    let shown = work.releases.iter().filter(|release| matches!(release.band, Band::Trusted | Band::Vouched));
    let held = shown.into_iter().find_map(|release| {
        let is_it = |file: &&FilledFile| file.episodes.contains(&wanted) && is_playable(&file.path);
        let file = release.details.files.iter().find(|file| is_it(file) && release.lets_play(&file.path));
        file.map(|file| (release, file.index))
    });
    html! {
        li .row {
            span .number { (text::episode(episode.season, episode.number)) }
            span .grow { @if episode.title.is_empty() { span .faint { (text::UNTITLED) } } @else { (said(&episode.title)) } }
            span .faint { (episode.date) }
            @if let Some((release, index)) = held { (play_button(release, Some(index), false)) }
        }
    }
}

fn releases(work: &Work, around: &Around) -> Markup {
    let is_shown = |release: &&Release| around.shows_all || release.band != Band::Distrusted;
    let shown: Vec<&Release> = work.releases.iter().filter(is_shown).collect();
    let hidden_count = work.releases.len() - shown.len();
    // Strangers' are collapsed, unless there is nothing else.
    let (known, strangers): (Vec<&Release>, Vec<&Release>) =
        shown.iter().partition(|release| release.band != Band::Unknown);
    let (open, collapsed) = if known.is_empty() { (strangers, known) } else { (known, strangers) };
    let address = work_page(work.work.as_str());
    html! {
        section #releases aria-labelledby="releases-title" data-network=[(!around.is_complete).then(|| format!("{address}?network=true&all={}", around.shows_all))] {
            header .row {
                h2 #releases-title { (text::RELEASES) }
                @if !around.is_complete {
                    span .working data-waiting hidden { (text::ASKING_NETWORK) }
                    a .more href={ (address) "?network=true" } { (text::ASK_NETWORK) }
                }
            }
            @if shown.is_empty() {
                (empty(text::NO_RELEASES, &html! { (if around.is_complete { text::NO_RELEASES_ADVICE } else { text::ASKING_NETWORK }) }))
            }
            ul .releases { @for release in open.iter().take(RELEASES_SHOWN) { li { (release_row(release, around)) } } }
            @if !collapsed.is_empty() {
                details {
                    summary { (text::strangers_releases(collapsed.len())) }
                    ul .releases { @for release in collapsed.iter().take(RELEASES_SHOWN) { li { (release_row(release, around)) } } }
                }
            }
            @if hidden_count > 0 {
                p .faint { (text::distrusted_hidden(hidden_count)) " " a href={ (address) "?all=true" } { (text::SHOW_THEM) } }
            }
        }
    }
}

fn release_row(release: &Release, around: &Around) -> Markup {
    let hash = release.infohash.to_string();
    let details = &release.details;
    html! {
        article class={ "release " (release.band.to_string()) } data-release=(hash) {
            header .row {
                span class=(band_class(release.band)) { (text::band(release.band)) }
                strong .quality { @if release.resolution.is_empty() { (text::QUALITY_UNKNOWN) } @else { (said(&release.resolution)) } }
                @for fact in [&details.medium, &details.video_codec, &details.edition] {
                    @if !fact.is_empty() { span { (said(fact)) } }
                }
                @if let Some((season, number)) = details.episode { span { (text::episode(season, number)) } }
                span .size { @if release.size == 0 { (text::SIZE_UNKNOWN) } @else { (bytes(release.size)) } }
                @if !release.licence.is_empty() { span .licence { (said(&release.licence)) } }
                @for language in details.languages.iter().take(6) { span .faint { (said(language)) } }
            }
            p .trust { (sentence(release, around)) }
            @for flag in &release.flags { p class={ "notice " (if flag.is_unsafe() { "bad" } else { "" }) } { (said(&flag.to_string())) } }
            @if release.is_unsafe() && !release.is_refused() { p .notice { (text::LEFT_OUT) } }
            div .row.actions {
                @if !release.is_refused() { (play_button(release, None, false)) }
                @if !is_here(release, around) { (get_button(release)) }
                (state(release, around))
                a .button.quiet href={ "/why/" (hash) } data-sheet { (text::WHY) }
                (verdict(&hash, &release.name))
            }
            details {
                summary .faint { (said(&release.name)) }
                (files(release))
                p .faint { code { (hash) } }
            }
        }
    }
}

fn files(release: &Release) -> Markup {
    html! {
        ul .plain.files {
            @for file in release.details.files.iter().take(200) {
                li .row {
                    span .grow { (said(&file.path)) }
                    @for (season, number) in file.episodes.iter().take(4) { span .faint { (text::episode(*season, *number)) } }
                    span .size { (bytes(file.size)) }
                    @if is_playable(&file.path) && release.lets_play(&file.path) {
                        (play_button(release, Some(file.index), false))
                    }
                }
            }
        }
    }
}

/// Why this release stands where it does, for people.
pub(super) fn sentence(release: &Release, around: &Around) -> Markup {
    let lister = release.listed_by.first();
    let others = release.listers.saturating_sub(1);
    let judged: Vec<String> = Opinion::ALL
        .iter()
        .filter_map(|opinion| {
            let count = release.verdicts.get(opinion).copied().unwrap_or(0);
            (count > 0).then(|| text::judged(count, opinion.name()))
        })
        .collect();
    html! {
        @match lister {
            None => { (text::LISTED_BY_NOBODY) }
            Some((key, ..)) if around.me.as_ref() == Some(key) => { (text::LISTED_BY_YOU) }
            Some((key, name, _)) => {
                (text::LISTED_BY) " " (person(key, name))
                @if release.is_from_starter { (text::WHO_IS_STARTER) }
                @else if around.follows.contains(key) { (text::WHOM_YOU_FOLLOW) }
                @else if matches!(release.band, Band::Trusted | Band::Vouched) { (text::WHOM_YOURS_TRUST) }
                @else if release.band == Band::Earned { (text::WHO_EARNED) }
                @else if release.band == Band::Distrusted { (text::WHO_IS_DISTRUSTED) }
                @else { (text::WHOM_NOBODY_KNOWS) }
            }
        }
        @if others > 0 { (text::and_others(others)) }
        "."
        @if release.received_by_me > 0 { " " (text::received_from_them(&bytes(release.received_by_me))) }
        @let trusted = release.received_by_trusted;
        @if trusted.people > 0 { " " (text::trusted_received(trusted.people, &bytes(trusted.bytes))) }
        @if !judged.is_empty() { " " (text::JUDGED) " " (judged.join(", ")) "." }
    }
}

/// Plays a file of a release; without one, the largest that a browser may play.
fn play_button(release: &Release, file: Option<u32>, is_main: bool) -> Markup {
    let playable = release
        .details
        .files
        .iter()
        .filter(|file| is_playable(&file.path) && release.lets_play(&file.path))
        .max_by_key(|file| file.size);
    // A listing need not name its files; then the first one is tried.
    let index = file.or(playable.map(|file| file.index)).or(release.details.files.is_empty().then_some(0));
    let hash = release.infohash.to_string();
    html! {
        @if let Some(index) = index {
            form data-verb="get" data-then={ "/play/" (hash) "/" (index) } {
                (hidden("what", &hash)) (hidden_json("to", "null")) (hidden_json("anyway", "false"))
                button type="submit" class=(if is_main { "main big" } else { "main" }) {
                    (icon(icons::PLAY)) span { (text::PLAY) } span .hidden { " " (release.name) }
                }
            }
        }
    }
}

fn get_button(release: &Release) -> Markup {
    let hash = release.infohash.to_string();
    let is_refused = release.is_refused();
    html! {
        form data-verb="get" data-then="reload" data-confirm=[is_refused.then_some(text::GET_ANYWAY_ASK)] {
            (hidden("what", &hash)) (hidden_json("to", "null")) (hidden_json("anyway", if is_refused { "true" } else { "false" }))
            button type="submit" { (if is_refused { text::GET_ANYWAY } else { text::DOWNLOAD }) span .hidden { " " (release.name) } }
        }
    }
}

/// How far a download is; the script keeps it up to date.
fn state(release: &Release, around: &Around) -> Markup {
    html! {
        @if let Some(download) = around.downloads.get(&release.infohash) {
            (progress(download))
            @if download.took.is_none() { (cancel::buttons(download)) }
        }
    }
}

/// A bar, and in words how far it is.
pub(super) fn progress(download: &Download) -> Markup {
    let done = percent(download.bytes, download.total);
    let hash = download.infohash.to_string();
    if matches!(download.state, "seeding" | "resting") {
        return html! { span .progress.here { (text::progress(download.state, done, "", 0)) } };
    }
    html! {
        span .progress data-download=(hash) {
            progress max="100" value=(done) aria-label=(text::DOWNLOADED) { (done) "%" }
            span data-words { (text::progress(download.state, done, &bytes(download.down_rate), download.peers)) }
        }
    }
}

fn is_here(release: &Release, around: &Around) -> bool {
    around.downloads.get(&release.infohash).is_some_and(|download| matches!(download.state, "seeding" | "resting"))
}

/// Good or fake, signed after a question.
fn verdict(infohash: &str, name: &str) -> Markup {
    html! {
        form .verdict data-verb="verdict" data-then="reload" {
            (hidden("infohash", infohash)) (hidden("note", ""))
            @for (opinion, words) in [(Opinion::Good, text::FOUND_GOOD), (Opinion::Fake, text::FOUND_FAKE)] {
                button type="submit" class={ "quiet " (opinion.name()) } name="opinion" value=(opinion.name()) data-confirm=(text::verdict_ask(opinion.name())) {
                    (words) span .hidden { " " (name) }
                }
            }
            label .check { input type="checkbox" name="private"; (text::PRIVATELY) }
        }
    }
}
