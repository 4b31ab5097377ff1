//! `play`: which file of which release, and the address that a player takes.

use super::super::Server;
use super::super::lines_liked;
use super::super::request::pick;
use super::super::words::wanted;
use super::{STREAMS_MAX, engine_of, fetch, kind, metainfo};
use crate::torrent::Metainfo;
use axum::http::Uri;
use heirloom_core::command::{self, CommandError, Wanted};
use heirloom_core::fitting::Pick;
use heirloom_proto::Infohash;
use serde_json::{Value, json};

/// What to play, as typed.
pub(in crate::http) struct Choice {
    /// Infohash or work id.
    pub(in crate::http) what: String,
    /// Index of the file.
    pub(in crate::http) file: Option<usize>,
    /// Which of a series, in the words of [`Pick`].
    pub(in crate::http) episode: Option<String>,
    /// Such as `1080p`.
    pub(in crate::http) resolution: Option<String>,
    /// Although it is not trusted.
    pub(in crate::http) anyway: bool,
}

/// Begins the download, waits for its metadata and says where to play it.
pub(in crate::http) async fn play(server: &Server, choice: Choice) -> Result<Value, CommandError> {
    let engine = engine_of(server)?;
    let Choice { what, file, episode, resolution, anyway } = choice;
    let what = wanted(what.trim())?;
    let pick = match (file, &episode) {
        (Some(index), _) => Some(Pick::File(u32::try_from(index).unwrap_or(u32::MAX))),
        (None, Some(episode)) => Some(pick(episode)?),
        (None, None) => None,
    };
    let lines = resolution.map_or_else(|| Ok(server.node.desk().lines_liked()), |text| lines_liked(&text))?;
    let choice = command::Choice { pick, lines };
    let infohash = fetch(server, what, &choice, anyway).await?.infohash;
    let metainfo = metainfo(server, &engine, infohash).await?;
    let index = match (file, &choice.pick) {
        (Some(index), _) => index,
        (None, None) => best_file(&metainfo, |_| true)?,
        (None, Some(_)) => {
            // Its files are known now, so the core says which of them it is.
            let getting = fetch(server, Wanted::Release(infohash), &choice, anyway).await?;
            let is_of_it = |index: usize| getting.files.iter().any(|(of, ..)| usize::try_from(*of) == Ok(index));
            best_file(&metainfo, is_of_it)?
        }
    };
    let chosen = super::choose(engine, &metainfo, infohash, index)?;
    let ticket = server.tickets.issue(infohash, server.node.now().mono)?;
    let own = |path: String| json!({ "path": path.clone(), "url": format!("http://{}{path}", server.authority()) });
    let subtitles = beside(&metainfo, index).map(|(at, path)| {
        let mut value = own(format!("/subtitles/{infohash}/{at}.vtt?ticket={ticket}"));
        value["index"] = json!(at);
        value["name"] = json!(path);
        value["language"] = json!(language_of(&path));
        value
    });
    let mut value = own(format!("/stream/{infohash}/{index}?ticket={ticket}"));
    value["infohash"] = json!(infohash.to_string());
    value["index"] = json!(index);
    value["name"] = json!(chosen.name);
    value["size"] = json!(chosen.bytes);
    value["type"] = json!(kind::by_name(&chosen.name).unwrap_or(kind::UNKNOWN));
    value["subtitles"] = subtitles.collect();
    value["expires_in_s"] = json!(super::super::tickets::LIFETIME.as_secs());
    value["streams_max"] = json!(STREAMS_MAX);
    Ok(value)
}

/// The file that is the work: the largest video, else the largest sound, else the largest file, among those that fit.
fn best_file(metainfo: &Metainfo, fits: impl Fn(usize) -> bool) -> Result<usize, CommandError> {
    let rank = |index: &usize| {
        let file = &metainfo.files[*index];
        let name = file.path.last().unwrap_or(&metainfo.name);
        let kind = kind::by_name(name).unwrap_or_default();
        let sort = if kind.starts_with("video/") { 2 } else { u8::from(kind.starts_with("audio/")) };
        (sort, file.bytes)
    };
    let fitting = (0..metainfo.files.len()).filter(|index| !metainfo.files[*index].padding && fits(*index));
    let best = fitting.max_by_key(rank);
    best.ok_or_else(|| CommandError::not_found("no_such_file", "this release has no such file"))
}

/// The subtitles that belong to a file: those that begin with its name, or all if it is the only video.
fn beside(metainfo: &Metainfo, index: usize) -> impl Iterator<Item = (usize, String)> {
    let path = |index: usize| metainfo.files[index].path.join("/");
    let stem = |path: &str| {
        path.rsplit('/').next().map(|name| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_lowercase())
    };
    let is_video = |index: &usize| kind::by_name(&path(*index)).is_some_and(|kind| kind.starts_with("video/"));
    let is_only = (0..metainfo.files.len()).filter(is_video).count() <= 1;
    let film = stem(&path(index)).unwrap_or_default();
    let all: Vec<(usize, String)> = (0..metainfo.files.len())
        .map(|at| (at, path(at)))
        .filter(|(at, path)| !metainfo.files[*at].padding && kind::is_subtitle(path))
        .filter(|(_, path)| is_only || stem(path).is_some_and(|stem| stem.starts_with(&film)))
        .take(SUBTITLES_MAX)
        .collect();
    all.into_iter()
}

/// Subtitles that are named for one film.
const SUBTITLES_MAX: usize = 64;

/// `film.en.srt` is in English: two or three letters before the ending.
pub(in crate::http) fn language_of(path: &str) -> Option<String> {
    let (stem, _) = path.rsplit_once('.')?;
    let (_, language) = stem.rsplit_once(['.', '_', '/'])?;
    let is_code = (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_code.then(|| language.to_ascii_lowercase())
}

/// The release that an address is of, and the ticket in it.
pub(in crate::http) fn ticket_of(address: &Uri) -> Option<(Infohash, &str)> {
    let mut parts = address.path().split('/').skip(1);
    let is_file = matches!(parts.next(), Some("stream" | "subtitles"));
    let infohash: Infohash = parts.next().filter(|_| is_file)?.parse().ok()?;
    let ticket = address.query()?.split('&').find_map(|pair| pair.strip_prefix("ticket="))?;
    Some((infohash, ticket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_read_or_not() {
        assert_eq!(language_of("Film.en.srt").as_deref(), Some("en"));
        assert_eq!(language_of("Subs/GER.vtt").as_deref(), Some("ger"));
        assert_eq!(language_of("Film.2019.srt"), None);
        assert_eq!(language_of("film.srt"), None);
    }
}
