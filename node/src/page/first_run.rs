//! The first run, in three steps: a name if one is wanted, somebody to follow, done. The shelf is full before the last.

use super::format::said;
use super::layout::{Frame, Here, hidden, hidden_json, page};
use super::people::add_form;
use super::shelf::{self, Front, posters};
use super::{Query, Reading, Trouble, text};
use crate::starter;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use heirloom_core::command::CommandError;
use heirloom_core::views::Identity;
use heirloom_proto::Body;
use heirloom_proto::signed_text::find_blocks;
use maud::{Markup, html};
use serde::Deserialize;

/// Says that the owner has been through these steps; it holds no secret.
const COOKIE: &str = "heirloom_welcomed=1";
/// Posters that show what is there already.
const SHOWN: usize = 12;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    step: usize,
}

/// What the steps show.
pub(super) struct Welcome {
    pub step: usize,
    pub me: Identity,
    pub front: Front,
    pub follows: usize,
}

/// Whether nothing was chosen here yet: no name, nobody followed but the starter catalogue, and not been here before.
pub(super) async fn is_first(reading: &Reading, headers: &HeaderMap) -> Result<bool, CommandError> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    if cookies.flat_map(|all| all.split(';')).any(|cookie| cookie.trim() == COOKIE) {
        return Ok(false);
    }
    let is_nameless = reading.identity().await?.name.is_empty();
    Ok(is_nameless && !reading.follows().await?.iter().any(|follow| follow.gives_voice))
}

/// The front door: to the shelf, or the first time to the welcome.
pub(super) async fn front_door(
    State(reading): State<Reading>,
    headers: HeaderMap,
    Query(asked): Query<shelf::Asked>,
) -> Result<Response, Trouble> {
    if asked == shelf::Asked::default() && is_first(&reading, &headers).await? {
        return show(State(reading), Query(Asked { step: 1 })).await;
    }
    Ok(shelf::show(State(reading), Query(asked)).await?.into_response())
}

pub(super) async fn show(State(reading): State<Reading>, Query(asked): Query<Asked>) -> Result<Response, Trouble> {
    let step = asked.step.clamp(1, 3);
    let welcome = Welcome {
        step,
        me: reading.identity().await?,
        front: shelf::front(&reading, &shelf::Asked::default()).await?,
        follows: reading.follows().await?.len(),
    };
    let body = page(&Frame::new(text::WELCOME, Here::Elsewhere), &render(&welcome));
    if step < 3 {
        return Ok(body.into_response());
    }
    let cookie = format!("{COOKIE}; Path=/; Max-Age=31536000; SameSite=Strict; HttpOnly");
    Ok(([(header::SET_COOKIE, cookie)], body).into_response())
}

pub(super) fn render(welcome: &Welcome) -> Markup {
    let works: Vec<_> = welcome.front.rows.iter().flat_map(|row| row.works.iter().cloned()).take(SHOWN).collect();
    html! {
        div .welcome {
            ol .steps aria-label=(text::STEPS) {
                @for (at, name) in [(1, text::STEP_NAME), (2, text::STEP_FOLLOW), (3, text::STEP_DONE)] {
                    li aria-current=[(at == welcome.step).then_some("step")] .past[at < welcome.step] { a href={ "/welcome?step=" (at) } { span { (at) } (name) } }
                }
            }
            @match welcome.step {
                1 => {
                    h1 { (text::WELCOME) }
                    p .lead { (text::WELCOME_LEAD) }
                    form .panel data-verb="id-set" data-then="/welcome?step=2" {
                        label for="name" { (text::YOUR_NAME_OPTIONAL) }
                        input #name name="name" value=(welcome.me.name) maxlength="60" autocomplete="nickname" autofocus;
                        (hidden_json("url", "null"))
                        p .faint { (text::NAME_HINT) }
                        div .row { button type="submit" .main { (text::SAVE_AND_GO_ON) } a .button href="/welcome?step=2" { (text::WITHOUT_NAME) } }
                    }
                }
                2 => {
                    h1 { (text::WHOM_TO_FOLLOW) }
                    p .lead { (text::WHOM_LEAD) }
                    ul .cards.packs { @for (name, notes) in packs() { li { (pack(name, &notes)) } } }
                    (add_form())
                    p .row.end { a .button.main href="/welcome?step=3" { (text::GO_ON) } }
                }
                _ => {
                    h1 { (text::ALL_SET) }
                    p .lead { (text::all_set(welcome.follows, works.len())) }
                    p .row { a .button.main.big href="/" { (text::TO_SHELF) } a .button href="/people" { (text::PEOPLE) } }
                }
            }
            @if !works.is_empty() {
                section aria-labelledby="there" {
                    h2 #there { (text::ALREADY_THERE) }
                    (posters(&works, "strip"))
                }
            }
        }
    }
}

/// The packs that came with the program: name, and whom each names with what for.
fn packs() -> impl Iterator<Item = (&'static str, Vec<(String, String)>)> {
    starter::PACKS.into_iter().map(|(name, text)| {
        let statements = find_blocks(text).map(|(statements, _)| statements).unwrap_or_default();
        let lists = statements.iter().filter_map(|statement| match statement.body() {
            Body::CuratorList(list) => Some(list),
            _ => None,
        });
        let entries = lists.flat_map(|list| &list.entries).map(|entry| (entry.name.clone(), entry.note.clone()));
        (name, entries.collect())
    })
}

fn pack(name: &str, entries: &[(String, String)]) -> Markup {
    html! {
        form .card data-preview="/people/preview" data-into="#preview" {
            (hidden("text", &format!("{}{name}", starter::PACK_SCHEME)))
            h2 { (said(name)) }
            ul .plain { @for (name, note) in entries.iter().take(12) { li { strong { (said(name)) } @if !note.is_empty() { " " span .faint { (said(note)) } } } } }
            button type="submit" { (text::LOOK_INTO) span .hidden { " " (name) } }
        }
    }
}
