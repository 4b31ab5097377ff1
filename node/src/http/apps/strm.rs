//! The shelf as files that Kodi and Jellyfin take as a library: a folder for each film and season, and in each file the
//! address at which this node plays it. The command line writes them; here is said which.

use super::reading::{self, Asked, Entry};
use super::stremio::place_of;
use super::{Keys, xml};
use crate::http::Server;
use crate::search::Wish;
use heirloom_core::command::CommandError;
use heirloom_core::fitting::Pick;
use heirloom_core::views::Work;
use heirloom_graph::Band;
use heirloom_proto::WorkId;
use heirloom_proto::body::WorkKind;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Most works: what a search gives.
const WORKS_MAX: usize = 1_000;
/// Most files: a thousand films, or some long series.
const FILES_MAX: usize = 20_000;
/// Longest part of a path in bytes, so that the ending still fits what file systems take.
const PART_BYTES_MAX: usize = 180;

/// Path and content of each file, of films and series that are trusted or vouched for.
pub(super) async fn files(server: &Server, base: &str, keys: &Keys) -> Result<Value, CommandError> {
    let node = server.node();
    let wish =
        Wish { band: Some(Band::Vouched), limit: WORKS_MAX, lines: node.desk().lines_liked(), ..Wish::default() };
    let rows = node.search(wish).await?;
    let is_watched = |kind: WorkKind| matches!(kind, WorkKind::Film | WorkKind::Series | WorkKind::Episode);
    let ids: Vec<WorkId> = rows.into_iter().filter(|row| is_watched(row.kind)).map(|row| row.work).collect();
    let base = format!("{base}/stremio/{}", *keys.path);
    let (mut files, mut taken) = (Vec::new(), BTreeSet::new());
    for work in reading::shelf(node, &ids).await? {
        let picks = if work.kind == WorkKind::Film { vec![None] } else { episodes(&work) };
        let work = std::sync::Arc::new(work);
        for pick in picks {
            let asked = Asked { pick: pick.clone(), plays_files: true, ..Asked::within(Band::Vouched) };
            let Some(entry) = reading::best(&work, &asked) else { continue };
            let path = path_of(&work, pick.as_ref());
            // Two works of one name and year: the one that stands first on the shelf.
            if files.len() < FILES_MAX && taken.insert(path.to_lowercase()) {
                files.push(json!({ "path": path, "url": address(&base, &entry, pick.as_ref()) }));
            }
        }
    }
    Ok(json!({ "files": files }))
}

fn address(base: &str, entry: &Entry, pick: Option<&Pick>) -> String {
    format!("{base}/play/{}/{}", entry.release().infohash, place_of(entry, pick))
}

/// The episodes that releases hold, or that the work says it has.
fn episodes(work: &Work) -> Vec<Option<Pick>> {
    let of_releases = work.releases.iter().flat_map(|release| {
        release.details.files.iter().flat_map(|file| file.episodes.iter()).chain(&release.details.episode)
    });
    let named = work.episodes.iter().map(|episode| (episode.season, episode.number));
    let all: BTreeSet<(u32, u32)> = of_releases.copied().chain(named).collect();
    all.into_iter().map(|(season, number)| Some(Pick::Episode(season, number))).collect()
}

/// Folders and name, with the id by which libraries find pictures and plots.
fn path_of(work: &Work, pick: Option<&Pick>) -> String {
    let id = |scheme: &str| work.ids.iter().map(WorkId::as_str).find_map(|id| id.strip_prefix(scheme));
    let name = part(if work.title.trim().is_empty() { work.work.as_str() } else { &work.title });
    let named = work.year.map_or_else(|| name.clone(), |year| format!("{name} ({year})"));
    let known = [("imdbid", "imdb:"), ("tvdbid", "tvdb:"), ("tmdbid", "tmdb:movie/"), ("tmdbid", "tmdb:tv/")];
    let mark = known.into_iter().find_map(|(mark, scheme)| id(scheme).map(|id| format!(" [{mark}-{id}]")));
    let folder = format!("{named}{}", mark.unwrap_or_default());
    match pick {
        Some(Pick::Episode(season, number)) => {
            format!("Shows/{folder}/Season {season:02}/{name} S{season:02}E{number:02}.strm")
        }
        _ => format!("Movies/{folder}/{named}.strm"),
    }
}

/// A title as a part of a path that every file system takes.
fn part(title: &str) -> String {
    let is_kept = |c: &char| !matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\n' | '\r' | '\t');
    let mut text: String = xml::clean(title).chars().map(|c| if is_kept(&c) { c } else { ' ' }).collect();
    while text.len() > PART_BYTES_MAX {
        text.pop();
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim_matches(['.', ' ']);
    let device = text.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let is_device = matches!(device.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || ((device.starts_with("COM") || device.starts_with("LPT")) && device.len() == 4);
    if text.is_empty() || is_device { format!("_{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_parts_of_paths_and_lead_nowhere_else() {
        for (title, wanted) in [
            ("Big Buck Bunny", "Big Buck Bunny"),
            ("../../etc/passwd", "etc passwd"),
            ("C:\\Windows", "C Windows"),
            ("..", "_"),
            ("nul", "_nul"),
            ("COM1.txt", "_COM1.txt"),
            ("a\0b\u{202e}c", "abc"),
            ("What? No: \"yes\"", "What No yes"),
        ] {
            assert_eq!(part(title), wanted, "{title:?}");
        }
        assert!(part(&"é".repeat(500)).len() <= PART_BYTES_MAX);
    }
}
