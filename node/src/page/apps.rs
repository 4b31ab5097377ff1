//! The owner's other programs: what to paste into which.

use super::format::with_code;
use super::layout::{Frame, Here, page};
use super::{Trouble, text};
use crate::http::Shared;
use axum::extract::State;
use maud::{Markup, html};
use serde_json::Value;

pub(super) async fn show(State(server): State<Shared>) -> Result<Markup, Trouble> {
    Ok(page(&Frame::new(text::APPS, Here::Node), &render(&server.plugs())))
}

pub(super) fn render(plugs: &Value) -> Markup {
    let at = |place: &str| plugs.pointer(place).and_then(Value::as_str).unwrap_or_default().to_owned();
    let rows = [
        (text::APPS_STREMIO, at("/stremio/manifest")),
        (text::APPS_TORZNAB, at("/torznab/url")),
        (text::APPS_KEY, at("/torznab/apikey")),
        (text::APPS_RSS, at("/rss")),
        (text::APPS_OPML, at("/opml")),
        (text::APPS_QBITTORRENT, at("/qbittorrent")),
        (text::APPS_METRICS, at("/metrics")),
    ];
    html! {
        h1 { (text::APPS) }
        p { (with_code(text::APPS_HINT)) }
        p { a .button.main href=(at("/stremio/install")) { (text::APPS_INSTALL) } }
        div .scroll {
            table {
                tbody {
                    @for (name, address) in &rows { tr { th scope="row" { (name) } td { code { (address) } } } }
                }
            }
        }
        p .faint.after { (with_code(text::APPS_TELEVISION)) }
    }
}
