//! The frame of every page: head, navigation, search, and what the script finds its words in.

use super::assets::address;
use super::format::said;
use super::text;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Where in the page its reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Here {
    Shelf,
    People,
    Seeding,
    Publish,
    Node,
    Elsewhere,
}

/// What a page is called, and what stands in its search field.
pub(super) struct Frame<'a> {
    pub title: &'a str,
    pub here: Here,
    pub query: &'a str,
}

impl<'a> Frame<'a> {
    pub(super) fn new(title: &'a str, here: Here) -> Self {
        Self { title, here, query: "" }
    }
}

/// A small drawing in the colour of the text around it.
pub(super) fn icon(path: &str) -> Markup {
    html! { svg .icon viewBox="0 0 24 24" aria-hidden="true" focusable="false" { path d=(path); } }
}

/// Paths of the drawings, on a field of 24 × 24.
pub(super) mod icons {
    pub(in super::super) const SHELF: &str = "M4 4h6v16H4zM12 4h3v16h-3zM17 5l3-1 3 15-3 1z";
    pub(in super::super) const PEOPLE: &str = "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zm-7 9a7 7 0 0 1 14 0zM17 11a3 3 0 1 0-1-6c1 2 1 4 0 6zm1 9h4a6 6 0 0 0-6-6c1 2 2 4 2 6z";
    pub(in super::super) const SEEDING: &str = "M4 14h4v6H4zM10 9h4v11h-4zM16 4h4v16h-4z";
    pub(in super::super) const PUBLISH: &str = "M12 3l6 7h-4v7h-4v-7H6zM4 19h16v2H4z";
    pub(in super::super) const NODE: &str = "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zm-1.500-6h3l.5 3 2 1 3-1 1.500 2.500-2 2.500v2l2 2.500-1.500 2.500-3-1-2 1-.5 3h-3l-.5-3-2-1-3 1L4 15.500 6 13v-2L4 8.500 5.500 6l3 1 2-1z";
    pub(in super::super) const SEARCH: &str = "M10 3a7 7 0 0 1 5.500 11.300l5.600 5.600-1.200 1.200-5.600-5.600A7 7 0 1 1 10 3zm0 2.200a4.800 4.800 0 1 0 0 9.600 4.800 4.800 0 0 0 0-9.600z";
    pub(in super::super) const PLAY: &str = "M7 4l13 8-13 8z";
}

/// A whole page.
pub(super) fn page(frame: &Frame<'_>, body: &Markup) -> Markup {
    let places = [
        (Here::Shelf, "/", text::SHELF, icons::SHELF),
        (Here::People, "/people", text::PEOPLE, icons::PEOPLE),
        (Here::Seeding, "/seeding", text::SEEDING, icons::SEEDING),
        (Here::Publish, "/publish", text::PUBLISH, icons::PUBLISH),
        (Here::Node, "/node", text::NODE, icons::NODE),
    ];
    html! {
        (DOCTYPE)
        html lang=(text::LANGUAGE) {
            (head(frame.title))
            body data-t-busy=(text::BUSY) data-t-done=(text::DONE) data-t-unreachable=(text::UNREACHABLE)
                data-t-found=(text::FOUND_SPOKEN) data-t-copied=(text::COPIED) data-t-cancel=(text::CANCEL) data-t-ended=(text::ENDED) {
                a .skip href="#main" { (text::SKIP) }
                header .top {
                    a .brand href="/" { img src=(address("icon.svg")) alt="" width="32" height="32"; span { (text::NAME) } }
                    form .search role="search" action="/" method="get" data-search {
                        label .hidden for="q" { (text::SEARCH_LABEL) }
                        input #q type="search" name="q" value=(frame.query) placeholder=(text::SEARCH_HINT) autocomplete="off"
                            spellcheck="false" maxlength="200";
                        button type="submit" aria-label=(text::SEARCH) { (icon(icons::SEARCH)) }
                    }
                    nav aria-label=(text::NAVIGATION) {
                        @for (place, href, name, drawing) in places {
                            a href=(href) aria-current=[(place == frame.here).then_some("page")] {
                                (icon(drawing)) span { (name) }
                            }
                        }
                    }
                }
                div #offline .notice.bad role="alert" hidden { (text::UNREACHABLE) }
                @if let Some(sentence) = crate::outlet::notice() { div .notice.bad role="alert" { (said(&sentence)) } }
                div #news .notice role="status" hidden { (text::NEWS) " " a href="/" { (text::SHOW_NEWS) } }
                noscript { p .notice { (text::NO_SCRIPT) } }
                main #main tabindex="-1" { (body) }
                p #spoken .hidden role="status" aria-live="polite" {}
                div #toast hidden {}
                dialog #ask aria-labelledby="ask-text" {
                    p #ask-text {}
                    div .row.end {
                        button type="button" value="no" .quiet { (text::CANCEL) }
                        button type="button" value="yes" .main { (text::GO_ON) }
                    }
                }
                dialog #sheet aria-label=(text::WHY) {
                    form method="dialog" .close { button .quiet aria-label=(text::CLOSE) { "✕" } }
                    div #sheet-content {}
                }
            }
        }
    }
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="dark light";
            title { (title) " · " (text::NAME) }
            link rel="icon" href=(address("icon.svg"));
            link rel="stylesheet" href=(address("page.css"));
            script src=(address("page.js")) defer {}
        }
    }
}

/// A value of a request that its reader does not type.
pub(super) fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// The same, for what is no text in JSON: `true`, `null`, `[]`, a number.
pub(super) fn hidden_json(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value) data-type="json"; }
}

/// A picture of nothing: what is missing, and what to do about it.
pub(super) fn empty(heading: &str, advice: &Markup) -> Markup {
    html! { section .empty { div .seed aria-hidden="true" {} h2 { (heading) } p { (advice) } } }
}

/// A page without style and script, which are not given to whoever may not read the rest.
pub(super) fn bare(message: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(text::LANGUAGE) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="dark light";
                title { (text::SIGNED_OUT) " · " (text::NAME) }
            }
            body {
                center {
                    font face="system-ui, sans-serif" {
                        br; br; br;
                        div { (PreEscaped(super::assets::drawing(72))) }
                        h1 { (text::SIGNED_OUT) }
                        p { (message) }
                        p { (text::SIGNED_OUT_ADVICE) }
                    }
                }
            }
        }
    }
}

/// A page that says what went wrong.
pub(super) fn trouble(message: &str) -> Markup {
    let advice = html! { (message) " " a href="/" { (text::BACK_TO_SHELF) } };
    page(
        &Frame::new(text::TROUBLE, Here::Elsewhere),
        &html! { h1 .hidden { (text::TROUBLE) } (empty(text::TROUBLE, &advice)) },
    )
}
