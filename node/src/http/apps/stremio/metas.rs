//! What a work is, as Stremio shows it, with the episodes of a series.

use super::{Asking, ids};
use crate::http::apps::reading;
use crate::http::apps::xml::clean;
use heirloom_core::command::CommandError;
use heirloom_core::views::Work;
use heirloom_proto::body::WorkKind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most episodes that are told of one series.
const EPISODES_MAX: usize = 5_000;
/// Most people that are told of one work.
const PEOPLE_MAX: usize = 20;

/// A work as a poster; none for what cannot be watched.
pub(super) fn preview(asking: &Asking, work: &Work) -> Option<Value> {
    let id = ids::of(work);
    let mut preview = json!({
        "id": id,
        "type": ids::kind_of(work.kind)?,
        "name": clean(if work.title.is_empty() { work.work.as_str() } else { &work.title }),
        "posterShape": "poster",
    });
    if let Some(digest) = work.artwork {
        preview["poster"] = json!(format!("{}/poster/{digest}.jpg", asking.own));
    }
    if !work.genres.is_empty() {
        preview["genres"] = json!(work.genres);
    }
    if let Some(year) = work.year {
        preview["releaseInfo"] = json!(year.to_string());
    }
    if !work.overview.is_empty() {
        preview["description"] = json!(clean(&work.overview));
    }
    Some(preview)
}

/// All that is known of a work.
pub(super) async fn meta(asking: &Asking, kind: &str, id: &str) -> Result<Value, CommandError> {
    let missing = || CommandError::not_found("no_such_work", "nothing is known here of this work");
    let (work, _) = ids::read(kind, id).ok_or_else(missing)?;
    // Nobody is asked: Stremio asks every add-on for what its user looks at, and others know what a film is. Where it plays
    // is another question.
    let work = reading::work(asking.server.node(), &work, false).await?;
    let is_here = !work.title.is_empty() || !work.releases.is_empty();
    let mut meta =
        preview(asking, &work).filter(|_| is_here && ids::kinds(kind).contains(&work.kind)).ok_or_else(missing)?;
    // As it was asked for: a work may be known by several ids.
    meta["id"] = json!(id);
    if let Some(minutes) = work.runtime_min {
        meta["runtime"] = json!(format!("{minutes} min"));
    }
    if let Some(language) = work.languages.first() {
        meta["language"] = json!(language);
    }
    let people = |is_of: fn(&str) -> bool| {
        let of = work.people.iter().filter(|credit| is_of(&credit.role.to_ascii_lowercase()));
        of.map(|credit| clean(&credit.name)).take(PEOPLE_MAX).collect::<Vec<_>>()
    };
    for (name, names) in [
        ("director", people(|role| role.contains("direct"))),
        ("writer", people(|role| role.contains("writ"))),
        ("cast", people(|role| !role.contains("direct") && !role.contains("writ"))),
    ] {
        if !names.is_empty() {
            meta[name] = json!(names);
        }
    }
    if kind == "series" {
        meta["videos"] = videos(&work, id);
    } else {
        meta["behaviorHints"] = json!({ "defaultVideoId": id });
    }
    Ok(json!({ "meta": meta }))
}

/// Episodes that its records name, and those that its releases hold.
fn videos(work: &Work, id: &str) -> Value {
    let mut all: BTreeMap<(u32, u32), (String, String)> = BTreeMap::new();
    for release in work.releases.iter().filter(|release| !release.is_refused()) {
        let sound = release.details.files.iter().filter(|file| release.lets_play(&file.path));
        let of_files = sound.flat_map(|file| &file.episodes);
        for episode in of_files.chain(&release.details.episode) {
            all.entry(*episode).or_default();
        }
    }
    for episode in &work.episodes {
        all.insert((episode.season, episode.number), (episode.title.clone(), episode.date.clone()));
    }
    let is_episode = work.kind == WorkKind::Episode && all.is_empty();
    if is_episode {
        all.insert((1, 1), (work.title.clone(), String::new()));
    }
    let video = |((season, number), (title, date)): ((u32, u32), (String, String))| {
        let title = if title.is_empty() { format!("Episode {number}") } else { clean(&title) };
        let mut video =
            json!({ "id": format!("{id}:{season}:{number}"), "title": title, "season": season, "episode": number });
        if !date.is_empty() {
            video["released"] = json!(format!("{date}T00:00:00.000Z"));
        }
        video
    };
    all.into_iter().take(EPISODES_MAX).map(video).collect()
}
