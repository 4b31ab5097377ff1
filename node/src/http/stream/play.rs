//! `play`: which file of which release, and the address that a player takes.

use super::super::Server;
use super::{STREAMS_MAX, engine_of, fetch, kind, metainfo, read_infohash};
use crate::torrent::Metainfo;
use axum::http::Uri;
use heirloom_core::command::{Command, CommandError, Reply, Wanted};
use heirloom_core::views;
use heirloom_graph::Band;
use heirloom_proto::{Infohash, WorkId};
use serde_json::{Value, json};

/// What to play, as typed.
pub(in crate::http) struct Choice {
    /// Infohash or work id.
    pub(in crate::http) what: String,
    /// Index of the file.
    pub(in crate::http) file: Option<usize>,
    /// Such as `S01E02`.
    pub(in crate::http) episode: Option<String>,
    /// Although it is not trusted.
    pub(in crate::http) anyway: bool,
}

/// Begins the download, waits for its metadata and says where to play it.
pub(in crate::http) async fn play(server: &Server, choice: Choice) -> Result<Value, CommandError> {
    let episode = choice.episode.as_deref().map(read_episode).transpose()?;
    let engine = engine_of(server)?;
    let (wanted, by_listing) = find(server, &choice, episode).await?;
    let infohash = fetch(server, wanted, choice.anyway).await?;
    let metainfo = metainfo(server, &engine, infohash).await?;
    let index = match choice.file.or(by_listing) {
        Some(index) => index,
        None => best_file(&metainfo, episode)?,
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

/// What is asked of the core, and the index of the file if a listing names it.
async fn find(
    server: &Server,
    choice: &Choice,
    episode: Option<(u32, u32)>,
) -> Result<(Wanted, Option<usize>), CommandError> {
    let what = choice.what.trim();
    if what.len() == 40 && what.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok((Wanted::Release(read_infohash(what)?), None));
    }
    let work = what.parse::<WorkId>().map_err(|error| {
        let what_not = "neither 40 hexadecimal digits of an infohash nor the id of a work";
        CommandError::bad_input("bad_work", format!("{what:?} is {what_not} ({error})"))
    })?;
    let Some(episode) = episode else { return Ok((Wanted::Work(work), None)) };
    let reply = server.node.command(Command::Show { work: work.clone(), wait: None }).await?;
    let Reply::Work(shown) = &*reply else { return Ok((Wanted::Work(work), None)) };
    let found = shown
        .releases
        .iter()
        .filter(|release| choice.anyway || release.band != Band::Distrusted)
        .find_map(|release| holds(release, episode).map(|index| (Wanted::Release(release.infohash), index)));
    found.ok_or_else(|| {
        let (season, number) = episode;
        CommandError::not_found("no_such_episode", format!("no release of {work} holds S{season:02}E{number:02}"))
    })
}

/// Whether a release holds an episode, and in which file, if that is said.
fn holds(release: &views::Release, episode: (u32, u32)) -> Option<Option<usize>> {
    let details = &release.details;
    let file = details.files.iter().find(|file| file.episodes.contains(&episode));
    if let Some(file) = file {
        return Some(usize::try_from(file.index).ok());
    }
    (details.episode == Some(episode)).then_some(None)
}

/// The file that is the work: the largest video, else the largest sound, else the largest file; of an episode, if one is
/// asked for.
fn best_file(metainfo: &Metainfo, episode: Option<(u32, u32)>) -> Result<usize, CommandError> {
    let name = |index: usize| metainfo.files[index].path.last().unwrap_or(&metainfo.name).as_str();
    let is_of_it = |index: &usize| {
        let Some((season, number)) = episode else { return true };
        let named = heirloom_core::release_name::read(name(*index));
        named.episodes.contains(&number) && (named.seasons.is_empty() || named.seasons.contains(&season))
    };
    let rank = |index: &usize| {
        let kind = kind::by_name(name(*index)).unwrap_or_default();
        let sort = if kind.starts_with("video/") { 2 } else { u8::from(kind.starts_with("audio/")) };
        (sort, metainfo.files[*index].bytes)
    };
    let all: Vec<usize> = (0..metainfo.files.len()).filter(|index| !metainfo.files[*index].padding).collect();
    let fitting: Vec<usize> = all.iter().copied().filter(is_of_it).collect();
    // A release that is one episode need not say so in the name of its file.
    let among = if fitting.is_empty() { all } else { fitting };
    let best = among.into_iter().max_by_key(rank);
    best.ok_or_else(|| CommandError::not_found("no_such_file", "this release has no files"))
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
fn language_of(path: &str) -> Option<String> {
    let (stem, _) = path.rsplit_once('.')?;
    let (_, language) = stem.rsplit_once(['.', '_', '/'])?;
    let is_code = (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_code.then(|| language.to_ascii_lowercase())
}

fn read_episode(text: &str) -> Result<(u32, u32), CommandError> {
    let lower = text.trim().to_ascii_lowercase();
    let parts = lower.strip_prefix('s').and_then(|rest| rest.split_once('e'));
    let numbers = parts.and_then(|(season, number)| Some((season.parse().ok()?, number.parse().ok()?)));
    numbers.filter(|(_, number)| *number > 0).ok_or_else(|| {
        CommandError::bad_input("bad_episode", format!("{text:?} is not an episode: write it as S01E02"))
    })
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
    fn episodes_and_languages_are_read_or_not() {
        assert_eq!(read_episode("S01E02").expect("an episode"), (1, 2));
        assert_eq!(read_episode(" s0e12 ").expect("a special"), (0, 12));
        for text in ["", "1x02", "S01", "S01E00", "E02", "SxEy", "S-1E1"] {
            assert_eq!(read_episode(text).expect_err(text).code, "bad_episode");
        }
        assert_eq!(language_of("Film.en.srt").as_deref(), Some("en"));
        assert_eq!(language_of("Subs/GER.vtt").as_deref(), Some("ger"));
        assert_eq!(language_of("Film.2019.srt"), None);
        assert_eq!(language_of("film.srt"), None);
    }
}
