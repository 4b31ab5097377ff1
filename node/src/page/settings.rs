//! Settings as forms: the limits of sharing beside what is shared, and all of them on the page of the node.

use super::format::said;
use super::layout::hidden;
use super::text;
use crate::settings::{Origin, Setting};
use maud::{Markup, html};

/// The limits of sharing, in the order in which people look for them.
const LIMITS: [&str; 4] = ["upload-limit", "download-limit", "seed-ratio", "seed-budget"];

/// Their forms: these count at once.
pub(super) fn limits(all: &[Setting]) -> Markup {
    html! {
        div .fields.settings {
            @for setting in LIMITS.iter().filter_map(|name| all.iter().find(|setting| setting.name == *name)) {
                div .panel {
                    (form(setting, text::limit(&setting.name)))
                    p .faint { (text::limit_hint(&setting.name)) }
                }
            }
        }
    }
}

/// Every setting, with where its value comes from.
pub(super) fn all(all: &[Setting]) -> Markup {
    html! {
        div .scroll {
            table {
                thead { tr { th scope="col" { (text::SETTING) } th scope="col" { (text::VALUE) } th scope="col" { (text::FROM) } } }
                tbody {
                    @for setting in all {
                        tr {
                            th scope="row" { code { (setting.name) } p .faint { (said(&setting.about)) } }
                            td { (form(setting, &setting.name)) @if let Some(next) = &setting.next { p .notice { (text::from_next_start(next)) } } }
                            td .origin { (text::origin(setting.origin.name())) @if setting.origin == Origin::Env { " " code { (setting.env) } } }
                        }
                    }
                }
            }
        }
    }
}

/// One to change. What a flag or the environment says wins over what is written here, so it is not offered.
fn form(setting: &Setting, label: &str) -> Markup {
    let is_fixed = matches!(setting.origin, Origin::Flag | Origin::Env);
    let value = setting.next.as_ref().unwrap_or(&setting.value);
    let id = format!("set-{}", setting.name);
    html! {
        form data-verb="config-set" data-then="reload" {
            (hidden("name", &setting.name))
            label for=(id) { (label) }
            div .row {
                @if setting.is_switch {
                    select .grow #(id) name="value" disabled[is_fixed] {
                        @for (choice, words) in [("true", text::YES), ("false", text::NO)] { option value=(choice) selected[value == choice] { (words) } }
                    }
                } @else {
                    input .grow #(id) name="value" value=(value) placeholder=(setting.default) maxlength="4096" spellcheck="false" autocomplete="off" data-optional disabled[is_fixed];
                }
                @if !is_fixed { button type="submit" { (text::SAVE) span .hidden { " " (setting.name) } } }
            }
            @if is_fixed { p .faint { (text::fixed_by(setting.origin.name())) } }
        }
    }
}
