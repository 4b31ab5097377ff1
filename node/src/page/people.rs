//! People: whom the owner follows, who gains a voice by that, whom they distrust, and how to add somebody.

use super::format::{band_class, bytes, day, is_web, person, said, short};
use super::layout::{Frame, Here, empty, hidden, hidden_json, page};
use super::{Query, Reading, Sent, Trouble, paging, text};
use crate::driver::Node;
use crate::follow::{self, Lead};
use crate::starter;
use axum::extract::State;
use heirloom_core::command::{CirclePart, Command, CommandError, Following, Reply};
use heirloom_core::curation::are_confusable;
use heirloom_core::views::{Circle, Follow, Followed, Identity, StarterState, TrustRow};
use heirloom_proto::body::Level;
use heirloom_proto::text::Contact;
use maud::{Markup, html};
use qrcode::{Color, QrCode};
use serde::Deserialize;
use std::fmt::Write as _;

/// Most previews of one text, as on the command line: each scores a copy of the graph.
const PREVIEWS_MAX: usize = 100;

/// Which parts of its lists are asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Page of those who are followed.
    follows: usize,
    /// Page of those who have a voice by that.
    voices: usize,
    /// Page of those who are distrusted.
    distrusted: usize,
}

impl Asked {
    /// The way around one of them, the others as they are.
    fn links(self, (page, count): (usize, usize), of: &str, change: impl Fn(Self, usize) -> Self) -> Markup {
        paging::links(page, count, |page| {
            let Self { follows, voices, distrusted } = change(self, page);
            format!("/people?follows={follows}&voices={voices}&distrusted={distrusted}#{of}")
        })
    }
}

/// What the page of people shows.
pub(super) struct People {
    pub me: Identity,
    pub follows: Vec<Follow>,
    pub heard: Circle,
    pub distrusted: Circle,
    pub starter: Option<StarterState>,
    pub asked: Asked,
}

pub(super) async fn show(State(reading): State<Reading>, Query(asked): Query<Asked>) -> Result<Markup, Trouble> {
    let people = People {
        me: reading.identity().await?,
        follows: reading.follows().await?,
        heard: reading.circle(CirclePart::Heard, asked.voices).await?,
        distrusted: reading.circle(CirclePart::Distrusted, asked.distrusted).await?,
        starter: reading.status().await?.starter.map(|starter| starter.state),
        asked,
    };
    Ok(page(&Frame::new(text::PEOPLE, Here::People), &render(&people)))
}

pub(super) fn render(people: &People) -> Markup {
    let asked = people.asked;
    let (follows, follows_at) = paging::part(&people.follows, asked.follows);
    let (heard, distrusted) = (&people.heard, &people.distrusted);
    html! {
        h1 { (text::PEOPLE) }
        div .two {
            div {
                (add_form())
                section aria-labelledby="follows" {
                    h2 #follows { (text::FOLLOWS) " " span .count { (people.follows.len()) } }
                    @if people.follows.is_empty() { (empty(text::FOLLOWS_NOBODY, &html! { (text::FOLLOWS_NOBODY_ADVICE) })) }
                    ul .cards { @for follow in follows { li { (follow_card(follow)) } } }
                    (asked.links((follows_at, people.follows.len()), "follows", |asked, follows| Asked { follows, ..asked }))
                    @if people.starter == Some(StarterState::Dropped) {
                        form data-verb="take-starter" data-then="reload" { button type="submit" .quiet { (text::TAKE_STARTER) } }
                    }
                }
                section aria-labelledby="voices" {
                    h2 #voices { (text::VOICES) " " span .count { (heard.all) } }
                    p .faint { (text::VOICES_HINT) }
                    (trust_table(&heard.rows))
                    (asked.links((asked.voices, heard.all), "voices", |asked, voices| Asked { voices, ..asked }))
                }
                section aria-labelledby="distrusted" {
                    h2 #distrusted { (text::DISTRUSTED) " " span .count { (distrusted.all) } }
                    @if distrusted.all == 0 { p .faint { (text::DISTRUSTS_NOBODY) } } @else { (trust_table(&distrusted.rows)) }
                    (asked.links((asked.distrusted, distrusted.all), "distrusted", |asked, distrusted| Asked { distrusted, ..asked }))
                }
            }
            (my_card(&people.me))
        }
    }
}

/// The field into which anything may be pasted.
pub(super) fn add_form() -> Markup {
    html! {
        section .panel aria-labelledby="add" {
            h2 #add { (text::ADD_SOMEBODY) }
            form data-preview="/people/preview" data-into="#preview" {
                label for="pasted" { (text::ADD_HINT) }
                textarea #pasted name="text" rows="4" required maxlength="900000" spellcheck="false" {}
                button type="submit" .main { (text::PREVIEW) }
            }
            div #preview aria-live="polite" {}
        }
    }
}

fn follow_card(follow: &Follow) -> Markup {
    html! {
        div .card {
            div .row {
                strong .grow { (person(&follow.key, &follow.name)) }
                span .faint { (text::level(&follow.level.to_string())) }
            }
            p .faint {
                (text::scope(follow.scope.name())) " · " (text::SINCE) " " (day(follow.since))
                @if !follow.gives_voice { " · " (text::DEPTH_ZERO) }
                @if let Some(previous) = &follow.previous { " · " (text::MOVED_FROM) " " (short(previous)) }
                @if follow.head.is_some_and(heirloom_core::views::HeadAge::is_stale) { " · " (text::STALE) }
            }
            form data-verb="unfollow" data-then="reload" data-confirm=(text::UNFOLLOW_ASK) {
                (hidden("key", if follow.gives_voice { follow.key.to_string() } else { starter::NAME.to_owned() }.as_str()))
                button type="submit" .quiet { (text::UNFOLLOW) span .hidden { " " (follow.name) } }
            }
        }
    }
}

fn trust_table(rows: &[TrustRow]) -> Markup {
    html! {
        @if !rows.is_empty() {
            div .scroll {
                table {
                    thead { tr { th scope="col" { (text::WHO) } th scope="col" { (text::BAND) } th .number scope="col" { (text::SCORE) } th .number scope="col" { (text::RECEIVED) } th scope="col" { (text::WHY) } } }
                    tbody {
                        @for row in rows {
                            tr {
                                td { (person(&row.key, &row.name)) }
                                td { span class=(band_class(row.band)) { (text::band(row.band)) } }
                                td .number { (format!("{:.2}", row.score)) }
                                td .number { (bytes(row.verified_bytes)) }
                                td { a href={ "/why/" (row.key) } data-sheet { (text::WHY) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What others need to follow the owner.
pub(super) fn my_card(me: &Identity) -> Markup {
    let contact = Contact { key: me.key, name: me.name.clone(), url: me.url.clone() };
    let link = contact.to_link();
    html! {
        aside .panel.mine aria-labelledby="mine" {
            h2 #mine { (text::MY_CARD) }
            @if me.name.is_empty() { p .faint { (text::NO_NAME) } } @else { p .big { (said(&me.name)) } }
            @if let Some(code) = qr(&link) { (code) }
            p .key { code #my-link { (link) } }
            button type="button" data-copy="#my-link" { (text::COPY_LINK) }
            details { summary { (text::AS_TEXT) } pre { (contact.to_card()) } }
            details {
                summary { (text::CHANGE_NAME) }
                form data-verb="id-set" data-then="reload" data-confirm=(text::NAME_ASK) {
                    label { (text::YOUR_NAME) input name="name" value=(me.name) maxlength="60"; }
                    label { (text::YOUR_PAGE) input name="url" type="url" value=(me.url) maxlength="200" placeholder="https://…"; }
                    button type="submit" { (text::SAVE) }
                }
            }
            p { a href={ "/key/" (me.key) } { (text::MY_PAGE) } }
        }
    }
}

/// A QR code, drawn as one path; nothing where the text is too long for one.
pub(super) fn qr(text: &str) -> Option<Markup> {
    let code = QrCode::new(text.as_bytes()).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let _ = write!(path, "M{} {}h1v1h-1z", at % width + 4, at / width + 4);
        }
    }
    // Four modules of quiet around, as the standard wants.
    let side = width + 8;
    Some(html! {
        svg .qr viewBox={ "0 0 " (side) " " (side) } role="img" aria-label=(text::QR_LABEL) shape-rendering="crispEdges" {
            rect width=(side) height=(side) {}
            path d=(path) {}
        }
    })
}

/// What was pasted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pasted {
    text: String,
}

/// Somebody in the pasted text, and what following them would change.
pub(super) struct Previewed {
    pub lead: Lead,
    pub outcome: Result<Option<Followed>, CommandError>,
    /// Another name in the same text that looks like this one.
    pub twin: Option<String>,
}

/// Says what following would change. Nothing changes by asking, but the text may be long: so it is no GET.
pub(super) async fn preview(State(reading): State<Reading>, Sent(pasted): Sent<Pasted>) -> Markup {
    match previews(reading.node(), &pasted.text).await {
        Ok(all) => render_previews(&all),
        Err(error) => html! { div data-fragment { p .notice.bad role="alert" { (said(&error.message)) } } },
    }
}

async fn previews(node: &Node, text: &str) -> Result<Vec<Previewed>, CommandError> {
    let leads = match text.trim().strip_prefix(starter::PACK_SCHEME) {
        Some(name) => follow::pasted(starter::pack(name)?).await?,
        None => follow::pasted(text).await?,
    };
    let mut all: Vec<Previewed> = Vec::with_capacity(leads.len());
    for (at, lead) in leads.into_iter().enumerate() {
        let outcome = if at < PREVIEWS_MAX { about(node, &lead).await.map(Some) } else { Ok(None) };
        let looks_alike = |other: &&Previewed| are_confusable(&other.lead.contact.name, &lead.contact.name);
        let twin = all.iter().take(PREVIEWS_MAX).find(looks_alike).map(|other| other.lead.contact.name.clone());
        all.push(Previewed { lead, outcome, twin });
    }
    Ok(all)
}

async fn about(node: &Node, lead: &Lead) -> Result<Followed, CommandError> {
    let said = Following { found_as: lead.contact.name.clone(), ..Following::default() };
    let command = Command::FollowAs { key: lead.contact.key, said, preview: true };
    match *node.command(command).await? {
        Reply::Followed(followed) => Ok(followed),
        _ => Err(super::unexpected()),
    }
}

pub(super) fn render_previews(all: &[Previewed]) -> Markup {
    html! {
        div .previews data-fragment {
            h3 { (text::found_keys(all.len())) }
            ul .cards { @for one in all { li { (preview_card(one)) } } }
        }
    }
}

fn preview_card(one: &Previewed) -> Markup {
    let Contact { key, name, url } = &one.lead.contact;
    html! {
        div .card {
            p .row { strong .grow { @if name.is_empty() { (text::NAMELESS) } @else { (said(name)) } } code title=(key.to_string()) { (short(key)) } }
            @if !url.is_empty() { p .faint { (link(url)) } }
            @if !one.lead.note.is_empty() { p { (said(&one.lead.note)) } }
            @if let Some(list) = &one.lead.list { p .faint { (text::ON_LIST) " " (said(&list.name)) " " code { (short(&list.key)) } } }
            @if let Some(twin) = &one.twin { p .notice.bad { (text::LOOKS_LIKE) " " (said(twin)) } }
            @match &one.outcome {
                Err(error) => { p .notice { (said(&error.message)) } }
                Ok(None) => { p .faint { (text::NO_PREVIEW) } (follow_form(one, None)) }
                Ok(Some(followed)) => {
                    @if let Some((_, other)) = &followed.confusable_with {
                        p .notice.bad role="alert" { (text::LOOKS_LIKE) " " (said(other)) }
                    }
                    ul .facts {
                        li { (text::gains_voice(followed.preview.keys_gaining_voice)) }
                        li { (text::gains_works(followed.preview.works_gained)) }
                        li { (text::hides_works(followed.preview.works_hidden)) }
                    }
                    (follow_form(one, Some(followed)))
                }
            }
        }
    }
}

/// Levels with a name; a follow may have another one, by the command line.
const LEVELS: [&str; 4] = ["full", "high", "medium", "low"];

/// What is said of them already stands in the fields.
fn follow_form(one: &Previewed, known: Option<&Followed>) -> Markup {
    let contact = &one.lead.contact;
    let (name, chosen) = known.map_or((&contact.name, Level::HIGH), |known| (&known.name, known.level));
    let (chosen, scope) = (chosen.to_string(), known.map_or("*", |known| known.scope.name()));
    html! {
        form .row data-verb="follow" data-then="reload" {
            (hidden("key", &contact.key.to_string())) (hidden("scope", scope)) (hidden_json("preview", "false"))
            label { (text::CALL_THEM) input name="alias" value=(name) maxlength="60"; }
            label { (text::HOW_MUCH)
                select name="level" {
                    @if !LEVELS.contains(&&*chosen) { option value=(chosen) selected { (text::level(&chosen)) } }
                    @for level in LEVELS { option value=(level) selected[level == chosen] { (text::level(level)) } }
                }
            }
            button type="submit" .main { (text::FOLLOW) }
        }
    }
}

/// A web address as a link; anything else as text.
pub(super) fn link(url: &str) -> Markup {
    html! { @if is_web(url) { a href=(url) rel="noopener noreferrer nofollow" { (said(url)) } } @else { (said(url)) } }
}
