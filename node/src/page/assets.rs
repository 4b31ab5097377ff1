//! What the page is made of beside its text: style, script and icon. All of it is in the program; nothing is read from
//! disk and nothing is fetched from elsewhere.

use super::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::LazyLock;

const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");
const ICON: &str = include_str!("assets/icon.svg");

/// What distinguishes these assets from those of another version of the program: they may be kept for ever.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    (STYLE, SCRIPT, ICON).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
});

/// Address of an asset.
pub(super) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

/// The icon within a page that may load nothing, so many pixels wide.
pub(super) fn drawing(width: u32) -> String {
    ICON.replacen("<svg ", &format!("<svg width=\"{width}\" height=\"{width}\" aria-hidden=\"true\" "), 1)
}

/// Serves one. Whatever the version in the address, it is the one of this program.
pub(super) async fn asset(Path((version, name)): Path<(String, String)>) -> Response {
    let (kind, content) = match name.as_str() {
        "page.css" => ("text/css; charset=utf-8", STYLE),
        "page.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let kept = if version == *VERSION { "private, max-age=31536000, immutable" } else { "no-store" };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)], content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_and_script_name_no_other_host_and_need_no_loosened_policy() {
        for text in [STYLE, SCRIPT, ICON] {
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("://") && !elsewhere.contains("@import") && !elsewhere.contains("//cdn"));
        }
        for risky in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!SCRIPT.contains(risky), "{risky}");
        }
    }

    #[test]
    fn every_colour_of_the_palette_has_its_class() {
        for hue in 0..super::super::format::HUES {
            assert!(STYLE.contains(&format!(".hue-{hue} ")), "{hue}");
        }
    }
}
