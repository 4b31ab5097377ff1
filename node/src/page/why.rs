//! Why a score is what it is: the votes and the paths they came by as a picture, and the arithmetic.

use super::format::{band_class, person, said, short};
use super::layout::{Frame, Here, page};
use super::{Path, Query, Reading, Trouble, text};
use axum::extract::State;
use heirloom_core::views::{Because, Why};
use heirloom_proto::Key;
use heirloom_proto::body::Scope;
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Votes that are drawn: more lines nobody can tell apart; the table has them all.
const DRAWN: usize = 24;
/// Size of a box, and the steps between boxes, in the picture's own units.
const BOX: (usize, usize) = (168, 40);
const STEP: (usize, usize) = (262, 58);
/// Letters of a name that fit into a box.
const LETTERS: usize = 17;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    scope: String,
}

/// Names of keys, as they are called here.
pub(super) type Names = BTreeMap<Key, String>;

pub(super) async fn show(
    State(reading): State<Reading>,
    Path(subject): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Markup, Trouble> {
    let scope = if asked.scope.is_empty() { Scope::Catalogue.name() } else { &asked.scope };
    let why = reading.why(&subject, scope).await?;
    let names = reading.names(&why).await?;
    let body = html! { h1 { (text::WHY) } (render(&why, &names, &reading.key())) };
    Ok(page(&Frame::new(text::WHY, Here::Elsewhere), &body))
}

/// The picture, the votes and the formula.
pub(super) fn render(why: &Why, names: &Names, me: &Key) -> Markup {
    html! {
        div .why data-fragment {
            p .row {
                span class=(band_class(why.band)) { (text::band(why.band)) }
                span { (text::SCORE) " " strong { (number(why.score)) } }
                span { (text::SUPPORT) " " strong { (number(why.support)) } }
                span .faint { (text::SCOPE) " " (text::scope(why.scope.name())) }
            }
            @if why.because.is_empty() { p { (text::NOBODY_SPEAKS) } } @else { (picture(why, names, me)) }
            @if !why.because.is_empty() {
                div .scroll {
                    table {
                        caption .hidden { (text::VOTES) }
                        thead { tr { th scope="col" { (text::VOTE) } th scope="col" { (text::PATH) } th .number scope="col" { (text::WEIGHT) } th .number scope="col" { (text::SHARE) } } }
                        tbody { @for because in &why.because { (vote(because, names, me)) } }
                    }
                }
            }
            h3 { (text::ARITHMETIC) }
            p .arithmetic { code { (why.arithmetic) } }
            @if !why.ignored.is_empty() {
                details {
                    summary { (text::ignored(why.ignored.len() + why.ignored_more)) }
                    ul .plain { @for (key, reason) in &why.ignored { li { (named(key, names, me)) ": " (said(reason)) } } }
                }
            }
        }
    }
}

fn vote(because: &Because, names: &Names, me: &Key) -> Markup {
    html! {
        tr .against[because.is_against] {
            td { (said(&because.note)) }
            td {
                @for (at, key) in whole(&because.path, me).iter().enumerate() { @if at > 0 { " → " } (named(key, names, me)) }
            }
            td .number { (number(because.weight)) }
            td .number { (number(because.share * 100.0)) " %" }
        }
    }
}

fn named(key: &Key, names: &Names, me: &Key) -> Markup {
    if key == me {
        html! { (text::YOU) }
    } else {
        person(key, names.get(key).map_or("", String::as_str))
    }
}

fn number(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{value:.3}") }
}

/// A path with the owner at its beginning, where it is left out.
fn whole(path: &[Key], me: &Key) -> Vec<Key> {
    let me = (path.first() != Some(me)).then_some(*me);
    me.into_iter().chain(path.iter().copied()).collect()
}

/// A box of the picture.
struct Place {
    label: String,
    class: &'static str,
    at: (usize, usize),
}

/// Who passes trust to whom, from the owner at the left to the subject at the right. Lines are as thick as they weigh.
fn picture(why: &Why, names: &Names, me: &Key) -> Markup {
    // What is only told beside the votes has no share, and no line.
    let votes = why.because.iter().filter(|because| !because.path.is_empty() && because.share + because.weight > 0.0);
    let drawn: Vec<(Vec<Key>, &Because)> =
        votes.take(DRAWN).map(|because| (whole(&because.path, me), because)).collect();
    if drawn.is_empty() {
        return html! {};
    }
    let mut columns: BTreeMap<Key, usize> = BTreeMap::from([(*me, 0)]);
    for (at, key) in drawn.iter().flat_map(|(path, _)| path.iter().enumerate()) {
        let at = if key == me { 0 } else { at.max(1) };
        let known = columns.entry(*key).or_insert(at);
        *known = (*known).min(at);
    }
    let last = columns.values().copied().max().unwrap_or(0) + 1;
    let mut heights: BTreeMap<usize, usize> = BTreeMap::new();
    let mut places: BTreeMap<Key, Place> = BTreeMap::new();
    for (key, column) in &columns {
        let row = heights.entry(*column).or_default();
        let name = names.get(key).filter(|name| !name.is_empty()).cloned();
        let label = if key == me { text::YOU.to_owned() } else { name.unwrap_or_else(|| short(key)) };
        let class = if key == me { "me" } else { "key" };
        places.insert(*key, Place { label: fitted(&label), class, at: (*column, *row) });
        *row += 1;
    }
    let rows = heights.values().copied().max().unwrap_or(1).max(1);
    let (width, height) = (last * STEP.0 + BOX.0 + 4, rows * STEP.1 + 8);
    // A column of fewer boxes stands in the middle.
    let middle = |column: usize| (rows - heights.get(&column).copied().unwrap_or(1).min(rows)) * STEP.1 / 2;
    let corner = |(column, row): (usize, usize)| (2 + column * STEP.0, 6 + row * STEP.1 + middle(column));
    let goal = corner((last, 0));
    let line = |from: (usize, usize), to: (usize, usize)| {
        let (x0, y0, x1, y1) = (from.0 + BOX.0, from.1 + BOX.1 / 2, to.0, to.1 + BOX.1 / 2);
        let bend = x0.midpoint(x1.max(x0));
        format!("M{x0} {y0}C{bend} {y0} {bend} {y1} {x1} {y1}")
    };
    let mut steps: BTreeMap<((usize, usize), (usize, usize)), ()> = BTreeMap::new();
    for (path, _) in &drawn {
        for pair in path.windows(2) {
            if let (Some(from), Some(to)) = (places.get(&pair[0]), places.get(&pair[1])) {
                steps.insert((corner(from.at), corner(to.at)), ());
            }
        }
    }
    let mut votes: Vec<((usize, usize), &Because)> = Vec::new();
    for (path, because) in &drawn {
        let voter = path.last().and_then(|key| places.get(key));
        votes.extend(voter.map(|place| (corner(place.at), *because)));
    }
    let subject = why.subject.parse::<Key>().ok().map_or_else(
        || text::THIS.to_owned(),
        |key| names.get(&key).filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| short(&key)),
    );
    html! {
        // It scrolls by itself where it is wider than the window: by arrows too, for whoever has no mouse.
        figure .paths tabindex="0" {
            svg viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) role="img" aria-labelledby="paths-title paths-text" {
                title #paths-title { (text::PATHS_TITLE) }
                desc #paths-text { @for (_, because) in &drawn { (because.note) ". " } }
                @for (from, to) in steps.keys() { path .edge d=(line(*from, *to)) stroke-width="2" {} }
                @for (from, because) in &votes {
                    path class=(if because.is_against { "edge vote against" } else { "edge vote" }) d=(line(*from, goal))
                        stroke-width=(thickness(because.share)) {}
                }
                @for place in places.values() { (boxed(&place.label, place.class, corner(place.at))) }
                (boxed(&fitted(&subject), "subject", goal))
            }
            figcaption .faint { (text::PATHS_CAPTION) }
        }
    }
}

fn boxed(label: &str, class: &str, (x, y): (usize, usize)) -> Markup {
    html! {
        g class=(class) {
            rect x=(x) y=(y) width=(BOX.0) height=(BOX.1) rx="10" {}
            text x=(x + BOX.0 / 2) y=(y + BOX.1 / 2 + 5) text-anchor="middle" { (label) }
        }
    }
}

/// From 1.5 to 8 units, by a vote's share.
fn thickness(share: f64) -> String {
    format!("{:.1}", 1.5 + 6.5 * share.clamp(0.0, 1.0))
}

fn fitted(label: &str) -> String {
    let is_turning = |c: &char| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut letters: Vec<char> = label.chars().filter(is_turning).take(LETTERS + 1).collect();
    if letters.len() > LETTERS {
        letters.truncate(LETTERS - 1);
        letters.push('…');
    }
    letters.into_iter().collect()
}
