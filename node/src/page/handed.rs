//! What other clients of the owner's fetch for this node, and how far they are.

use super::format::{bytes, said};
use super::work::progress;
use super::{Reading, text};
use crate::clients::HandedState;
use crate::driver::Download;
use maud::{Markup, html};

/// A release at another client.
pub(super) struct Elsewhere {
    /// As a download of this node's would be shown.
    pub download: Download,
    /// What the client is called.
    pub client: &'static str,
    /// What is wrong with it, or why it was stopped there.
    pub trouble: Option<String>,
}

impl From<&HandedState> for Elsewhere {
    fn from(state: &HandedState) -> Self {
        let (handed, told) = (&state.handed, state.progress.clone().unwrap_or_default());
        let refused = Some(handed.refused.clone()).filter(|why| !why.is_empty());
        let name = told.name.or_else(|| Some(handed.name.clone()).filter(|name| !name.is_empty()));
        Self {
            download: Download {
                infohash: state.infohash,
                name,
                state: state.state(),
                bytes: told.bytes,
                total: told.total,
                peers: usize::try_from(told.peers).unwrap_or(usize::MAX),
                down_rate: told.down_rate,
                ..Download::default()
            },
            client: handed.client.title(),
            trouble: refused.or(told.trouble),
        }
    }
}

impl Reading {
    /// What was handed to other clients, by name.
    pub(super) fn handed(&self) -> Vec<Elsewhere> {
        let mut all: Vec<Elsewhere> = self.0.watch().handed().iter().map(Elsewhere::from).collect();
        all.sort_by(|a, b| a.download.name.cmp(&b.download.name).then(a.download.infohash.cmp(&b.download.infohash)));
        all
    }
}

fn state_of(one: &Elsewhere) -> Markup {
    if one.download.state == "seeding" {
        return html! { span .progress.here { (text::ELSEWHERE_DONE) } };
    }
    progress(&one.download)
}

/// The list; nothing where there is none.
pub(super) fn render(all: &[Elsewhere]) -> Markup {
    html! {
        @if !all.is_empty() {
            section aria-labelledby="elsewhere" {
                h2 #elsewhere { (text::ELSEWHERE) }
                div .scroll {
                    table {
                        thead { tr { th scope="col" { (text::NAME_COLUMN) } th scope="col" { (text::CLIENT) } th scope="col" { (text::STATE) } th .number scope="col" { (text::SIZE) } } }
                        tbody {
                            @for one in all {
                                tr data-handed=(one.download.infohash) {
                                    td { (said(one.download.name.as_deref().unwrap_or(&one.download.infohash.to_string()))) }
                                    td { (one.client) }
                                    td { (state_of(one)) @if let Some(trouble) = &one.trouble { p .faint { (said(trouble)) } } }
                                    td .number { (bytes(one.download.total)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_clients_fetch_is_shown_with_how_far_they_are() {
        assert_eq!(render(&[]).0, "", "no empty list of what nobody uses");
        let at = |state, trouble: Option<&str>| Elsewhere {
            download: Download {
                state,
                bytes: 250,
                total: 1000,
                name: Some("Big Buck Bunny".into()),
                ..Download::default()
            },
            client: "Transmission",
            trouble: trouble.map(str::to_owned),
        };
        let html = render(&[at("downloading", None)]).0;
        for part in ["Big Buck Bunny", "Transmission", "value=\"25\"", "data-download="] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(render(&[at("seeding", None)]).0.contains(text::ELSEWHERE_DONE));
        let html = render(&[at("failed", Some("film.mp4.exe is a program"))]).0;
        assert!(html.contains("Failed") && html.contains("film.mp4.exe is a program"), "{html}");
        assert!(render(&[at("gone", None)]).0.contains("No longer there"));
    }
}
