//! Where a work plays: each release through this node, so that what is uploaded to it is measured, and as a torrent of
//! Stremio's own; the most trusted first, and why in the text.

use super::{Asking, ids, manifest};
use crate::http::apps::reading::{self, Asked, Entry};
use crate::http::apps::xml::clean;
use crate::http::stream::kind;
use crate::http::stream::play::language_of;
use crate::page::bytes;
use heirloom_core::command::CommandError;
use heirloom_core::fitting::{FileType, FilledFile, Holding, Pick, file_type, is_extra};
use heirloom_core::scoring::band_rank;
use heirloom_core::views::Release;
use heirloom_graph::Band;
use serde_json::{Value, json};

/// Most releases that are offered: nobody reads further.
const RELEASES_MAX: usize = 40;
/// Most of them that nobody vouches for.
const UNKNOWN_MAX: usize = 5;
/// Most subtitles of one film.
const SUBTITLES_MAX: usize = 64;
/// The file that is the work, where its listing does not say which that is.
pub(super) const BEST: &str = "best";

/// A file of a release that is played.
struct Chosen<'a> {
    entry: &'a Entry,
    file: Option<&'a FilledFile>,
    pick: Option<&'a Pick>,
}

async fn found(asking: &Asking, kind: &str, id: &str) -> Result<(Vec<Entry>, Option<Pick>), CommandError> {
    let Some((work, episode)) = ids::read(kind, id) else { return Ok((Vec::new(), None)) };
    let pick = episode.map(|(season, number)| Pick::Episode(season, number));
    let asked = Asked {
        ids: vec![work],
        pick: pick.clone(),
        by: asking.by,
        may_ask: true,
        plays_files: true,
        ..Asked::within(Band::Unknown)
    };
    let mut entries = reading::entries(&asking.server, &asked).await?;
    let mut unknown = 0;
    entries.retain(|entry| {
        unknown += usize::from(entry.release().band == Band::Unknown);
        entry.release().band != Band::Unknown || unknown <= UNKNOWN_MAX
    });
    // Whatever was asked, those that are trusted stand before the others.
    entries.sort_by_key(|entry| band_rank(entry.release().band));
    entries.truncate(RELEASES_MAX);
    Ok((entries, pick))
}

/// Streams of a film or an episode.
pub(super) async fn streams(asking: &Asking, kind: &str, id: &str) -> Result<Value, CommandError> {
    let (entries, pick) = found(asking, kind, id).await?;
    let is_online = asking.server.node().networks().engine.is_some();
    let mut streams = Vec::new();
    for entry in &entries {
        let chosen = Chosen { entry, file: file_of(entry, pick.as_ref()), pick: pick.as_ref() };
        if is_online {
            streams.push(chosen.by_node(asking));
        }
        // Its own engine would get all of a pack, and this node could leave nothing out.
        if !entry.release().is_unsafe() {
            streams.push(chosen.as_torrent(asking));
        }
    }
    Ok(json!({ "streams": streams }))
}

/// What of a release is played, in an address: the index of a file, or by what it is found once the metadata is here.
fn place(file: Option<&FilledFile>, pick: Option<&Pick>) -> String {
    match (file, pick) {
        (Some(file), _) => file.index.to_string(),
        (None, Some(pick)) => pick.to_string().to_ascii_lowercase(),
        (None, None) => BEST.to_owned(),
    }
}

/// The same, of a release.
pub(in crate::http::apps) fn place_of(entry: &Entry, pick: Option<&Pick>) -> String {
    place(file_of(entry, pick), pick)
}

/// The file that holds what is asked for, as far as the listing says.
fn file_of<'a>(entry: &'a Entry, pick: Option<&Pick>) -> Option<&'a FilledFile> {
    let release = entry.release();
    let files = &release.details.files;
    if let Some(pick) = pick
        && let Holding::Files(held) = reading::holding(pick, &entry.work, release)
    {
        let held = files.iter().filter(|file| held.contains(&file.index) && release.lets_play(&file.path));
        return held.max_by_key(|file| file.size);
    }
    let is_film = |file: &&FilledFile| {
        file_type(&file.path) == FileType::Video && !is_extra(&file.path) && release.lets_play(&file.path)
    };
    // One that is an episode by its name may hold any of them: its torrent says which.
    if pick.is_some() && files.iter().filter(is_film).count() != 1 {
        return None;
    }
    files.iter().filter(is_film).max_by_key(|file| file.size)
}

impl Chosen<'_> {
    fn release(&self) -> &Release {
        self.entry.release()
    }

    fn name(&self) -> String {
        let path = self.file.map_or(self.release().name.as_str(), |file| file.path.as_str());
        clean(path.rsplit('/').next().unwrap_or(path))
    }

    fn size(&self) -> u64 {
        self.file.map_or(self.release().size, |file| file.size)
    }

    fn resolution(&self) -> &str {
        let resolution = self.release().resolution.as_str();
        if resolution.is_empty() { "?" } else { resolution }
    }

    /// Streams of one kind are told apart by the name, so that the next episode comes in the same way.
    fn hints(&self, how: &str, is_web_ready: bool) -> Value {
        let group = &self.release().details.group;
        let mut hints = json!({
            "bingeGroup": clean(&format!("heirloom|{how}|{}|{group}", self.resolution())),
            "filename": self.name(),
        });
        if self.size() > 0 {
            hints["videoSize"] = json!(self.size());
        }
        if !is_web_ready {
            hints["notWebReady"] = json!(true);
        }
        hints
    }

    /// Played through this node.
    fn by_node(&self, asking: &Asking) -> Value {
        let infohash = self.release().infohash;
        let file = place(self.file, self.pick);
        let is_web_ready = manifest::is_https(asking) && kind::by_name(&self.name()) == Some("video/mp4");
        json!({
            "name": format!("Heirloom\n{}", clean(self.resolution())),
            "description": self.text(asking),
            "url": format!("{}/play/{infohash}/{file}/{}", asking.own, encoded(&self.name())),
            "subtitles": self.subtitles(asking),
            "behaviorHints": self.hints("node", is_web_ready),
        })
    }

    /// Played by Stremio's own engine, whose uploads nobody here can measure.
    fn as_torrent(&self, asking: &Asking) -> Value {
        let release = self.release();
        let infohash = release.infohash.to_string();
        let mut sources: Vec<String> = release.trackers.iter().map(|tracker| format!("tracker:{tracker}")).collect();
        sources.push(format!("dht:{infohash}"));
        let mut stream = json!({
            "name": format!("Heirloom torrent\n{}", clean(self.resolution())),
            "description": self.text(asking),
            "infoHash": infohash,
            "sources": sources,
            "behaviorHints": self.hints("torrent", true),
        });
        if let Some(file) = self.file {
            stream["fileIdx"] = json!(file.index);
        }
        stream
    }

    /// Who stands behind it; then the line of figures that sorters of others read.
    fn text(&self, asking: &Asking) -> String {
        let release = self.release();
        let swarm = asking.server.node().networks().engine.as_ref();
        let seeds = swarm.and_then(|engine| engine.progress(release.infohash.0)).filter(|progress| progress.finished);
        let seeds = seeds.map_or_else(String::new, |_| "👤 1 ".to_owned());
        let lister = lister(asking, release);
        let size = if self.size() > 0 { format!("💾 {} ", bytes(self.size())) } else { String::new() };
        clean(&format!("{}\n{}\n{seeds}{size}⚙ {lister}", trust(asking, release), release.name))
    }

    fn subtitles(&self, asking: &Asking) -> Vec<Value> {
        subtitles_of(asking, self.entry, self.file)
    }
}

fn lister(asking: &Asking, release: &Release) -> String {
    match release.listed_by.first() {
        Some((key, ..)) if key == asking.server.node().key() => "you".to_owned(),
        Some((_, name, _)) if !name.is_empty() => name.clone(),
        Some((key, ..)) => key.to_multibase().chars().take(12).collect(),
        None => "nobody".to_owned(),
    }
}

/// The trust sentence.
fn trust(asking: &Asking, release: &Release) -> String {
    let by = lister(asking, release);
    let others = release.listers.saturating_sub(1);
    let more = if others > 0 { format!(" and {others} more") } else { String::new() };
    let mut text = match release.band {
        Band::Trusted => format!("✔ trusted: listed by {by}{more}"),
        Band::Vouched => format!("✔ vouched for by people you trust: listed by {by}{more}"),
        Band::Earned => format!("◌ nobody you trust says so, but {by} has uploaded to you"),
        Band::Unknown => format!("⚠ nobody you trust knows {by}"),
        Band::Distrusted => format!("✖ distrusted: listed by {by}"),
    };
    let received = release.received_by_trusted;
    if received.people > 0 {
        let people = if received.people == 1 { "1 person" } else { "people" };
        let count = if received.people == 1 { String::new() } else { format!("{} ", received.people) };
        text.push_str(&format!(" · {count}{people} you trust got {} from them in 28 d", bytes(received.bytes)));
    }
    if release.received_by_me > 0 {
        text.push_str(&format!(" · {} to you, checked", bytes(release.received_by_me)));
    }
    text
}

/// Subtitles that lie beside a file in its release.
fn subtitles_of(asking: &Asking, entry: &Entry, film: Option<&FilledFile>) -> Vec<Value> {
    let release = entry.release();
    let stem = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_lowercase()
    };
    let files = &release.details.files;
    let is_only = files.iter().filter(|file| file_type(&file.path) == FileType::Video).count() <= 1;
    let is_of_it = |file: &&FilledFile| {
        kind::is_subtitle(&file.path)
            && (is_only || film.is_some_and(|film| stem(&file.path).starts_with(&stem(&film.path))))
    };
    let subtitle = |file: &FilledFile| {
        json!({
            "id": format!("{}-{}", release.infohash, file.index),
            "url": format!("{}/subs/{}/{}.vtt", asking.own, release.infohash, file.index),
            "lang": language_of(&file.path).unwrap_or_else(|| clean(file.path.rsplit('/').next().unwrap_or_default())),
        })
    };
    files.iter().filter(is_of_it).take(SUBTITLES_MAX).map(subtitle).collect()
}

/// Subtitles of a film or an episode; of the file that is played, where its name is said.
pub(super) async fn subtitles(
    asking: &Asking,
    kind: &str,
    id: &str,
    extra: &[(String, String)],
) -> Result<Value, CommandError> {
    let none = || json!({ "subtitles": [] });
    if asking.server.node().networks().engine.is_none() {
        return Ok(none());
    }
    let (entries, pick) = found(asking, kind, id).await?;
    let played = extra.iter().find(|(name, _)| name == "filename").map(|(_, value)| value.as_str());
    let is_played = |path: &str| played.is_none_or(|name| path.rsplit('/').next() == Some(name));
    let mut all = Vec::new();
    for entry in &entries {
        let file = file_of(entry, pick.as_ref());
        if file.is_some_and(|file| is_played(&file.path)) {
            all.extend(subtitles_of(asking, entry, file));
        }
    }
    all.truncate(SUBTITLES_MAX);
    Ok(json!({ "subtitles": all }))
}

/// A name as a part of an address.
fn encoded(text: &str) -> String {
    crate::page::encoded(text)
}
