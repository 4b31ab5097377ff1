//! A film that plays while it arrives.

use super::format::{bytes, is_subtitle, said, work_page};
use super::layout::{Frame, Here, hidden, hidden_json, page};
use super::shelf::title_of;
use super::work::progress;
use super::{Path, Reading, Trouble, text};
use crate::driver::Download;
use axum::extract::State;
use heirloom_core::views::{Release, Work};
use heirloom_proto::Infohash;
use heirloom_proto::body::Opinion;
use maud::{Markup, html};

/// What is played.
pub(super) struct Playing {
    pub infohash: Infohash,
    pub file: u32,
    pub name: String,
    pub download: Option<Download>,
    pub work: Option<Work>,
}

impl Playing {
    fn release(&self) -> Option<&Release> {
        self.work.iter().flat_map(|work| &work.releases).find(|release| release.infohash == self.infohash)
    }

    /// Subtitles in the same release: index and what to call them.
    fn subtitles(&self) -> Vec<(u32, String)> {
        let files = self.release().map(|release| release.details.files.as_slice()).unwrap_or_default();
        let beside = files.iter().filter(|file| is_subtitle(&file.path));
        beside.map(|file| (file.index, label_of(&file.path))).collect()
    }
}

/// What stands before the ending of a file's name: mostly its language.
fn label_of(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit('.').next().unwrap_or(stem).to_owned()
}

pub(super) async fn show(
    State(reading): State<Reading>,
    Path((hash, file)): Path<(String, u32)>,
) -> Result<Markup, Trouble> {
    let infohash: Infohash = hash.parse().map_err(|_| Trouble::missing(text::NO_SUCH_RELEASE))?;
    let download = reading.downloads().remove(&infohash);
    let work = reading.work_of(infohash).await?;
    let name = work.as_ref().map(|work| title_of(&work.title, work.work.as_str()).to_owned());
    let name = name.or_else(|| download.as_ref().and_then(|download| download.name.clone()));
    let playing = Playing { infohash, file, name: name.unwrap_or_else(|| infohash.to_string()), download, work };
    Ok(page(&Frame::new(&playing.name, Here::Shelf), &render(&playing)))
}

pub(super) fn render(playing: &Playing) -> Markup {
    let Playing { infohash, file, name, download, work } = playing;
    html! {
        h1 { (said(name)) }
        div .stage {
            video controls autoplay playsinline preload="metadata" data-player src={ "/stream/" (infohash) "/" (file) } aria-label=(name) {
                @for (at, (index, label)) in playing.subtitles().iter().take(20).enumerate() {
                    track kind="subtitles" src={ "/subtitles/" (infohash) "/" (index) ".vtt" } label=(label) srclang=(label) default[at == 0];
                }
            }
            p .notice.bad data-player-trouble hidden { (text::CANNOT_PLAY) }
            p .notice data-player-waiting hidden { (text::WAITING_FOR_PEERS) }
        }
        div .row {
            @if let Some(work) = work { a .button href=(work_page(work.work.as_str())) { (text::BACK_TO_WORK) } }
            @match download {
                Some(download) => {
                    (progress(download))
                    @if download.total > 0 { span .faint { (bytes(download.total)) } }
                }
                None => {
                    form data-verb="get" data-then="reload" {
                        (hidden("what", &infohash.to_string())) (hidden_json("to", "null")) (hidden_json("anyway", "false"))
                        button .main type="submit" { (text::DOWNLOAD) }
                    }
                }
            }
        }
        section aria-labelledby="after" {
            h2 #after { (text::AFTER_WATCHING) }
            div .row {
                form .verdict data-verb="verdict" data-then="reload" {
                    (hidden("infohash", &infohash.to_string())) (hidden("note", ""))
                    @for (opinion, words) in [(Opinion::Good, text::FOUND_GOOD), (Opinion::Fake, text::FOUND_FAKE), (Opinion::Poor, text::FOUND_POOR)] {
                        button type="submit" name="opinion" value=(opinion.name()) data-confirm=(text::verdict_ask(opinion.name())) { (words) }
                    }
                    label .check { input type="checkbox" name="private"; (text::PRIVATELY) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::label_of;

    #[test]
    fn subtitles_are_called_by_their_language() {
        assert_eq!(label_of("subs/Film.2008.en.srt"), "en");
        assert_eq!(label_of("german.vtt"), "german");
        assert_eq!(label_of(".srt"), "");
    }
}
