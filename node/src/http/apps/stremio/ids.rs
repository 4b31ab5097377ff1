//! What Stremio calls works: `tt1254207`, `tmdb:10378`, `heirloom:<id>`; an episode is `<id>:<season>:<number>`.

use heirloom_core::views::Work;
use heirloom_proto::WorkId;
use heirloom_proto::body::WorkKind;

/// What our own ids begin with.
const OWN: &str = "heirloom:";

/// Beginnings of the ids that this add-on knows.
pub(super) const PREFIXES: [&str; 3] = ["tt", "tmdb:", OWN];

/// Kinds, as Stremio calls them.
pub(super) const KINDS: [&str; 3] = ["movie", "series", "other"];

/// The kinds of works that stand under a kind of Stremio's. What cannot be watched stands nowhere.
pub(super) fn kinds(kind: &str) -> &'static [WorkKind] {
    match kind {
        "movie" => &[WorkKind::Film],
        "series" => &[WorkKind::Series, WorkKind::Episode],
        "other" => &[WorkKind::Other],
        _ => &[],
    }
}

/// The kind that a work stands under.
pub(super) fn kind_of(kind: WorkKind) -> Option<&'static str> {
    KINDS.into_iter().find(|name| kinds(name).contains(&kind))
}

/// The id of a work: the one that others know it by, if there is one.
pub(super) fn of(work: &Work) -> String {
    let named = |scheme: &str| work.ids.iter().map(WorkId::as_str).find_map(|id| id.strip_prefix(scheme));
    if let Some(number) = named("imdb:") {
        return number.to_owned();
    }
    let tmdb = if work.kind == WorkKind::Film { named("tmdb:movie/") } else { named("tmdb:tv/") };
    match tmdb {
        Some(number) => format!("tmdb:{number}"),
        None => format!("{OWN}{}", work.ids.first().unwrap_or(&work.work)),
    }
}

/// The work, and the episode if one is named. `None` for what is no id of ours.
pub(super) fn read(kind: &str, text: &str) -> Option<(WorkId, Option<(u32, u32)>)> {
    let number = |part: &str| {
        let is_number = (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { part.parse::<u32>().ok() } else { None }
    };
    let mut parts = text.rsplitn(3, ':');
    let episode = match (parts.next().and_then(number), parts.next().and_then(number), parts.next()) {
        (Some(episode), Some(season), Some(rest)) if kind == "series" && !rest.is_empty() => {
            Some((rest, (season, episode)))
        }
        _ => None,
    };
    let (id, episode) = episode.map_or((text, None), |(id, episode)| (id, Some(episode)));
    let spelled = if let Some(own) = id.strip_prefix(OWN) {
        own.to_owned()
    } else if let Some(number) = id.strip_prefix("tmdb:") {
        format!("tmdb:{}/{number}", if kind == "movie" { "movie" } else { "tv" })
    } else if id.starts_with("tt") {
        format!("imdb:{id}")
    } else {
        return None;
    };
    Some((spelled.parse().ok()?, episode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_with_and_without_an_episode() {
        let read = |kind, text| read(kind, text).map(|(work, episode)| (work.to_string(), episode));
        let film = |id: &str| Some((id.to_owned(), None));
        let episode = |id: &str| Some((id.to_owned(), Some((1, 2))));
        assert_eq!(read("movie", "tt1254207"), film("imdb:tt1254207"));
        assert_eq!(read("movie", "tmdb:10378"), film("tmdb:movie/10378"));
        assert_eq!(read("series", "tmdb:1399"), film("tmdb:tv/1399"));
        assert_eq!(read("series", "tt1748166:1:2"), episode("imdb:tt1748166"));
        assert_eq!(read("series", "tmdb:1399:1:2"), episode("tmdb:tv/1399"));
        assert_eq!(read("series", "heirloom:tvdb:81189"), film("tvdb:81189"));
        assert_eq!(read("series", "heirloom:tvdb:81189:1:2"), episode("tvdb:81189"));
        assert_eq!(read("movie", "heirloom:wikidata:Q4"), film("wikidata:Q4"));
        for text in ["", "tt", "kitsu:1", "heirloom:", "heirloom:nonsense", "tt1254207:1", ":1:2", "tmdb:x", "../tt1"] {
            assert_eq!(read("series", text), None, "{text}");
        }
    }
}
