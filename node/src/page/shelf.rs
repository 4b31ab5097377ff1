//! The shelf: what there is, as posters, by kind and genre, the most trusted first; and what a search finds.

use super::format::{band_class, encoded, hue, said, work_page};
use super::layout::{Frame, Here, empty, page};
use super::{Query, Reading, Trouble, text};
use axum::extract::State;
use heirloom_core::command::CommandError;
use heirloom_core::scoring::band_rank;
use heirloom_core::views::Found;
use heirloom_graph::Band;
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Posters of one page: fills a television twice, and is quick to send.
const PAGE: usize = 60;
/// Posters of one row of the front page.
const ROW: usize = 18;
/// The newest of a row are looked for among so many times as many.
const NEWEST_OF: usize = 2;
/// Fewer works than this make no row of their own.
const FEW: usize = 4;
/// Most rows of genres below that of a kind.
const GENRE_ROWS: usize = 4;
/// Most pages: a search gives at most a thousand rows. Beyond, a genre or a year leads further.
const PAGES_MAX: usize = 16;
/// Most genres to choose from.
const GENRES_MAX: usize = 14;
/// Kinds that have a row of their own, in this order.
pub(super) const KINDS: [&str; 7] = ["film", "series", "episode", "album", "book", "software", "other"];

/// What is asked of the shelf, as it stands in the address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    pub q: String,
    pub kind: String,
    pub genre: String,
    pub year: String,
    pub language: String,
    pub licence: String,
    /// The worst band that is shown: `trusted`, `vouched`, `earned`, `unknown`.
    pub show: String,
    pub page: usize,
}

impl Asked {
    /// Nothing in particular: the front page.
    fn is_blank(&self) -> bool {
        [&self.q, &self.kind, &self.genre, &self.year, &self.language, &self.licence]
            .iter()
            .all(|text| text.trim().is_empty())
            && self.page <= 1
    }

    fn worst(&self) -> &str {
        if self.show.is_empty() { "vouched" } else { &self.show }
    }

    fn page(&self) -> usize {
        self.page.clamp(1, PAGES_MAX)
    }

    /// Its address, from the first page on.
    fn address(&self) -> String {
        self.with("kind", &self.kind)
    }

    /// The address with one thing changed; every change begins at the first page.
    fn with(&self, name: &str, value: &str) -> String {
        let mut address = String::from("/?");
        let number = self.page().to_string();
        let all = [
            ("q", self.q.as_str()),
            ("kind", &self.kind),
            ("genre", &self.genre),
            ("year", &self.year),
            ("language", &self.language),
            ("licence", &self.licence),
            ("show", &self.show),
            ("page", if name == "page" { &number } else { "" }),
        ];
        for (of, now) in all {
            let value = if of == name { value } else { now };
            if !value.is_empty() {
                let _ = write!(address, "{of}={}&", encoded(value));
            }
        }
        address.pop();
        address
    }
}

/// A row of the front page.
pub(super) struct Row {
    /// A kind, or a genre.
    pub title: String,
    /// Where all of it is; none for a row of several kinds.
    pub all: Option<Asked>,
    pub works: Vec<Found>,
}

/// What the front page shows.
pub(super) struct Front {
    pub rows: Vec<Row>,
    /// Works that are known, trusted or not.
    pub works_known: usize,
    /// Whether anybody beside the starter catalogue is followed.
    pub follows_somebody: bool,
}

/// What a search or a filter found.
pub(super) struct Listing {
    pub works: Vec<Found>,
    pub has_more: bool,
}

pub(super) async fn show(State(reading): State<Reading>, Query(asked): Query<Asked>) -> Result<Markup, Trouble> {
    if asked.is_blank() {
        let front = front(&reading, &asked).await?;
        return Ok(page(&Frame::new(text::SHELF, Here::Shelf), &render_front(&asked, &front)));
    }
    let found = match find(&reading, &asked).await {
        Ok(found) => Ok(found),
        // What was typed into a filter can be wrong; the filters stay there to be corrected.
        Err(error) => Err(error.message),
    };
    let title = if asked.q.is_empty() { text::SHELF } else { &asked.q };
    let frame = Frame { title, here: Here::Shelf, query: &asked.q };
    Ok(page(&frame, &render_listing(&asked, found.as_ref())))
}

async fn find(reading: &Reading, asked: &Asked) -> Result<Listing, CommandError> {
    let from = (asked.page() - 1) * PAGE;
    let mut works = reading.search(asked, from + PAGE + 1).await?;
    let has_more = works.len() > from + PAGE && asked.page() < PAGES_MAX;
    works.drain(..from.min(works.len()));
    works.truncate(PAGE);
    Ok(Listing { works, has_more })
}

pub(super) async fn front(reading: &Reading, asked: &Asked) -> Result<Front, CommandError> {
    let mut rows = Vec::new();
    let mut rest = Vec::new();
    for kind in KINDS {
        let asked = Asked { kind: kind.into(), ..asked.clone() };
        let mut works = reading.search(&asked, ROW * NEWEST_OF).await?;
        // The core orders by trust; among those trusted alike the newest stand first.
        works.sort_by(|a, b| {
            let by_trust = band_rank(a.band).cmp(&band_rank(b.band)).then(b.score.total_cmp(&a.score));
            by_trust.then(b.year.cmp(&a.year)).then(a.title.cmp(&b.title))
        });
        rows.extend(rows_of(&asked, works, &mut rest));
    }
    if !rest.is_empty() {
        let title = if rows.is_empty() { text::EVERYTHING } else { text::OTHER_KINDS };
        rows.push(Row { title: title.to_owned(), all: None, works: rest });
    }
    let status = reading.status().await?;
    let follows = reading.follows().await?;
    let follows_somebody = follows.iter().any(|follow| follow.gives_voice);
    Ok(Front { rows, works_known: status.works, follows_somebody })
}

/// A row of a kind, and rows of its most frequent genres. A few works are no row: they go to the rest.
pub(super) fn rows_of(asked: &Asked, mut works: Vec<Found>, rest: &mut Vec<Found>) -> Vec<Row> {
    if works.len() < FEW {
        rest.append(&mut works);
        return Vec::new();
    }
    let mut rows = Vec::new();
    if works.len() >= ROW {
        for genre in genres_of(&works) {
            let of_genre = works.iter().filter(|work| work.genres.contains(&genre)).take(ROW).cloned().collect();
            let asked = Asked { genre: genre.clone(), ..asked.clone() };
            let row = Row { title: genre, all: Some(asked), works: of_genre };
            if row.works.len() >= FEW && rows.len() < GENRE_ROWS {
                rows.push(row);
            }
        }
    }
    works.truncate(ROW);
    rows.insert(0, Row { title: text::kinds(&asked.kind).to_owned(), all: Some(asked.clone()), works });
    rows
}

pub(super) fn render_front(asked: &Asked, front: &Front) -> Markup {
    let genres = genres_of(front.rows.iter().flat_map(|row| &row.works));
    html! {
        h1 .hidden { (text::SHELF) }
        (filters(asked, &genres))
        div #results data-shelf {
            @if front.rows.is_empty() { (nothing_trusted(asked, front)) }
            @for (at, row) in front.rows.iter().enumerate() {
                section .shelf aria-labelledby={ "row-" (at) } {
                    header .row {
                        h2 #{ "row-" (at) } { (said(&row.title)) }
                        @if let Some(all) = &row.all {
                            a .more href=(all.address()) { (text::SEE_ALL) span .hidden { " " (row.title) } }
                        }
                    }
                    (posters(&row.works, "strip"))
                }
            }
            @if !front.rows.is_empty() && !front.follows_somebody {
                p .notice { (text::ONLY_STARTER) " " a href="/people" { (text::FOLLOW_SOMEBODY) } }
            }
            (on_request(asked))
        }
    }
}

fn nothing_trusted(asked: &Asked, front: &Front) -> Markup {
    let advice = html! {
        (text::NOTHING_TRUSTED_ADVICE) " "
        a .button.main href="/welcome?step=2" { (text::FOLLOW_SOMEBODY) }
        @if front.works_known > 0 && asked.worst() != "unknown" {
            " " a .button href=(asked.with("show", "unknown")) { (text::show_unknown(front.works_known)) }
        }
    };
    empty(text::NOTHING_TRUSTED, &advice)
}

/// The bands that are shown only when asked for.
fn on_request(asked: &Asked) -> Markup {
    html! {
        p .bands {
            @for (show, name) in [("vouched", text::SHOW_TRUSTED), ("earned", text::SHOW_EARNED), ("unknown", text::SHOW_UNKNOWN)] {
                a .chip href=(asked.with("show", if show == "vouched" { "" } else { show }))
                    aria-current=[(asked.worst() == show).then_some("true")] { (name) }
            }
        }
    }
}

pub(super) fn render_listing(asked: &Asked, found: Result<&Listing, &String>) -> Markup {
    let none = Vec::new();
    let works = found.map_or(&none, |found| &found.works);
    let count = works.len();
    html! {
        h1 .hidden { (text::SEARCH_RESULTS) }
        (filters(asked, &genres_of(works)))
        div #results data-count=(count) {
            @match found {
                Err(message) => { p .notice.bad role="alert" { (said(message)) } }
                Ok(found) => {
                    @if found.works.is_empty() {
                        (empty(text::NOTHING_FOUND, &html! {
                            (text::NOTHING_FOUND_ADVICE) " "
                            @if asked.worst() != "unknown" { a .button href=(asked.with("show", "unknown")) { (text::SHOW_UNKNOWN) } }
                        }))
                    }
                    (posters(&found.works, "grid"))
                    (pages(asked, found.has_more))
                    @if !found.works.is_empty() { (on_request(asked)) }
                }
            }
        }
    }
}

fn pages(asked: &Asked, has_more: bool) -> Markup {
    let at = asked.page();
    // Not `with("page", …)` of the present one: the number is what changes.
    let to = |page: usize| Asked { page, ..asked.clone() }.with("page", &page.to_string());
    html! {
        @if at > 1 || has_more {
            nav .pages aria-label=(text::PAGES) {
                @if at > 1 { a .button rel="prev" href=(to(at - 1)) { (text::PREVIOUS) } }
                span { (text::page(at)) }
                @if has_more { a .button rel="next" href=(to(at + 1)) { (text::NEXT) } }
            }
        }
    }
}

/// Genres of what is shown, the most frequent first.
fn genres_of<'a>(works: impl IntoIterator<Item = &'a Found>) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for genre in works.into_iter().flat_map(|work| &work.genres) {
        *counts.entry(genre).or_default() += 1;
    }
    let mut genres: Vec<(&str, usize)> = counts.into_iter().collect();
    genres.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    genres.into_iter().take(GENRES_MAX).map(|(genre, _)| genre.to_owned()).collect()
}

fn filters(asked: &Asked, genres: &[String]) -> Markup {
    let is_open = ![&asked.year, &asked.language, &asked.licence].iter().all(|text| text.is_empty());
    html! {
        div .filters {
            nav .chips aria-label=(text::KINDS_LABEL) {
                a .chip href=(asked.with("kind", "")) aria-current=[asked.kind.is_empty().then_some("true")] { (text::EVERYTHING) }
                @for kind in KINDS {
                    a .chip href=(asked.with("kind", kind)) aria-current=[(asked.kind == kind).then_some("true")] { (text::kinds(kind)) }
                }
            }
            @if !genres.is_empty() || !asked.genre.is_empty() {
                nav .chips.small aria-label=(text::GENRES_LABEL) {
                    @if !asked.genre.is_empty() {
                        a .chip aria-current="true" href=(asked.with("genre", "")) { (said(&asked.genre)) " ✕" }
                    }
                    @for genre in genres.iter().filter(|genre| **genre != asked.genre) {
                        a .chip href=(asked.with("genre", genre)) { (said(genre)) }
                    }
                }
            }
            details open[is_open] {
                summary { (text::FILTERS) }
                form action="/" method="get" .row {
                    @for (name, value) in [("q", &asked.q), ("kind", &asked.kind), ("genre", &asked.genre), ("show", &asked.show)] {
                        @if !value.is_empty() { input type="hidden" name=(name) value=(value); }
                    }
                    label { (text::YEAR) input name="year" value=(asked.year) placeholder="1960-1969" size="10" maxlength="20"; }
                    label { (text::SPOKEN_LANGUAGE) input name="language" value=(asked.language) placeholder="en" size="5" maxlength="20"; }
                    label { (text::LICENCE) input name="licence" value=(asked.licence) placeholder="CC-BY" size="10" maxlength="60"; }
                    button type="submit" { (text::APPLY) }
                }
            }
        }
    }
}

/// Works as posters.
pub(super) fn posters(works: &[Found], class: &str) -> Markup {
    html! {
        ul class={ "posters " (class) } {
            @for work in works { li { (poster(work)) } }
        }
    }
}

fn poster(found: &Found) -> Markup {
    let title = title_of(&found.title, found.work.as_str());
    let is_plain = matches!(found.band, Band::Trusted | Band::Vouched);
    html! {
        a .poster href=(work_page(found.work.as_str())) {
            (artwork(found.artwork.map(|hash| hash.to_string()).as_deref(), found.work.as_str(), title, found.year))
            span .caption {
                span .name { (said(title)) }
                span .facts {
                    span class={ (band_class(found.band)) @if is_plain { " dot" } } { span { (text::band(found.band)) } }
                    @if let Some(year) = found.year { span { (year) } }
                    @if let Some(episode) = &found.episode { span { (text::episode(episode.season, episode.number)) } }
                    @if let Some(best) = found.best.as_ref().filter(|best| !best.resolution.is_empty()) {
                        span .quality { (said(&best.resolution)) }
                    }
                }
            }
        }
    }
}

/// The title, or the id of a work without one.
pub(super) fn title_of<'a>(title: &'a str, id: &'a str) -> &'a str {
    if title.trim().is_empty() { id } else { title }
}

/// A poster: a drawn one, and over it the picture, if there is one. A picture that does not come leaves the drawn one.
pub(super) fn artwork(hash: Option<&str>, id: &str, title: &str, year: Option<u32>) -> Markup {
    let first = title.chars().find(|letter| letter.is_alphanumeric()).unwrap_or('·').to_uppercase().to_string();
    html! {
        span class={ "art " (hue(id)) } aria-hidden="true" {
            span .letter { (first) }
            span .printed { (said(title)) }
            @if let Some(year) = year { span .printed-year { (year) } }
            @if let Some(hash) = hash { img src={ "/api/v1/artwork/" (hash) } alt="" loading="lazy" decoding="async" data-art; }
        }
    }
}
