//! Works, their releases, and what was published of them.

use super::episode_name;
use heirloom_core::{fitting, views};
use heirloom_proto::body::Opinion;
use heirloom_proto::{Body, statement};
use serde_json::{Map, Value, json};

pub(super) fn published(published: &views::Published) -> Value {
    let file = |(index, (path, size, episode)): (usize, &(String, u64, Option<(u32, u32)>))| json!({ "index": index, "path": path, "size": size, "episode": episode_name(*episode) });
    json!({
        "work": published.work.as_str(),
        "infohash": published.infohash.to_string(),
        "name": published.name,
        "size": published.size,
        "files": published.files.iter().enumerate().filter(|(_, (path, ..))| !path.is_empty()).map(file).collect::<Vec<_>>(),
        "seeding": published.seeding,
        "statement": published.statement.to_string(),
        "dht": published.stored_on.map(|nodes| json!({ "stored_on": nodes })),
        "note": note_of(published),
    })
}

fn note_of(published: &views::Published) -> Option<String> {
    let size = published.files.is_empty().then(|| {
        "only the magnet link is known here: its size, its files and the SHA-256 of its info dictionary stay out of the listing"
            .to_owned()
    });
    let namesake = published.shared_with.map(|key| {
        format!(
            "{key} describes a work of this title, year and kind too, and yours is taken for the same: if it is another one, \
             retract it and publish it as hl:WHO MADE IT"
        )
    });
    let notes: Vec<String> = size.into_iter().chain(namesake).collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// By row, in order: null, or why it was not listed.
pub(super) fn listed(listed: &views::Listed) -> Value {
    let row = |row: &Result<views::Said, String>| match row {
        Ok(views::Said::New) => json!({ "new": true }),
        Ok(views::Said::Known) => json!({ "new": false }),
        Err(reason) => json!({ "reason": reason }),
    };
    json!({
        "rows": listed.rows.iter().map(row).collect::<Vec<_>>(),
        "works": listed.records,
        "releases": listed.listings,
    })
}

/// A link that other programs take, with what the listing says of where to find peers.
pub(in crate::http) fn magnet(release: &views::Release) -> String {
    let magnet = crate::torrent::Magnet {
        infohash: release.infohash.0,
        name: Some(release.name.clone()),
        trackers: release.trackers.clone(),
        web_seeds: release.web_seeds.clone(),
        peers: Vec::new(),
        keys: release.listed_by.first().map(|(key, ..)| key.to_string()).into_iter().collect(),
    };
    magnet.to_string()
}

fn release_file(release: &views::Release, file: &fitting::FilledFile) -> Value {
    let episodes: Vec<Value> = file.episodes.iter().map(|episode| episode_name(Some(*episode))).collect();
    json!({
        "index": file.index,
        "path": file.path,
        "size": file.size,
        "episode": episodes.first(),
        "episodes": episodes,
        // Of a release that holds what may do harm: whether this is that.
        "left_out": release.is_unsafe() && !fitting::is_harmless(&file.path),
    })
}

pub(super) fn release(release: &views::Release) -> Value {
    let mut verdicts = Map::new();
    for opinion in Opinion::ALL {
        let count = release.verdicts.get(&opinion).copied().unwrap_or(0);
        verdicts.insert(opinion.name().into(), json!(count));
    }
    let listed_by: Value = release
        .listed_by
        .iter()
        .map(|(key, name, score)| {
            let followed = release.followed.contains(key);
            json!({ "key": key.to_string(), "name": name, "score": score, "followed": followed })
        })
        .collect();
    let mut all = json!({
        "infohash": release.infohash.to_string(),
        "name": release.name,
        "size": release.size,
        "resolution": release.resolution,
        "medium": release.details.medium,
        "video_codec": release.details.video_codec,
        "audio_codecs": release.details.audio_codecs,
        "languages": release.details.languages,
        "subtitles": release.details.subtitles,
        "group": release.details.group,
        "edition": release.details.edition,
        "episode": episode_name(release.details.episode),
        "seasons": release.details.seasons,
        "read_from_names": release.details.derived.iter().map(|field| field.name()).collect::<Vec<_>>(),
        "flags": release.flags.iter().map(flag).collect::<Vec<_>>(),
        "pack": release.is_pack,
        "refused": release.is_refused(),
        "licence": release.licence,
        "trackers": release.trackers,
        "web_seeds": release.web_seeds,
        "magnet": magnet(release),
        "score": release.score,
        "support": release.support,
        "band": release.band.to_string(),
        "first_hand": release.is_at_first_hand,
        "listers": release.listers,
        "source": release.source.name(),
        "starter": release.is_from_starter,
        "swarm": { "seeds": null, "peers": null },
        "received_from_lister": {
            "by_me": release.received_by_me,
            "by_trusted_28d": release.received_by_trusted.bytes,
            "trusted_people": release.received_by_trusted.people,
        },
    });
    // COST: `json!` would copy each of these, with all that is in it.
    all["listed_by"] = listed_by;
    all["verdicts"] = Value::Object(verdicts);
    all["files"] = release.details.files.iter().map(|file| release_file(release, file)).collect();
    all
}

pub(super) fn flag(flag: &fitting::Flag) -> Value {
    json!({ "flag": flag.name(), "unsafe": flag.is_unsafe(), "message": flag.to_string() })
}

/// What a search found.
#[must_use]
pub fn found_json(rows: &[views::Found]) -> Value {
    rows.iter().map(found).collect()
}

pub(super) fn found(found: &views::Found) -> Value {
    let mut row = json!({
        "work": found.work.as_str(),
        "title": found.title,
        "year": found.year,
        "kind": found.kind.name(),
        "score": found.score,
        "band": found.band.to_string(),
        "releases": found.releases,
        "best": null,
        "relevance": f64::from(found.relevance) / 1000.0,
        "episode": found.episode.as_ref().map(|episode| json!({
            "season": episode.season,
            "number": episode.number,
            "name": episode_name(Some((episode.season, episode.number))),
            "title": episode.title,
            "date": episode.date,
        })),
    });
    // COST: `json!` would copy it, with all that is in it.
    if let Some(best) = &found.best {
        row["best"] = release(best);
    }
    row
}

pub(super) fn work(work: &views::Work) -> Value {
    let ids: Vec<&str> = work.ids.iter().map(heirloom_proto::WorkId::as_str).collect();
    // The same whichever of its ids was asked for.
    let (red, green, blue) = crate::artwork::placeholder_colour(work.ids.first().unwrap_or(&work.work));
    json!({
        "work": work.work.as_str(),
        "ids": ids,
        "title": work.title,
        "year": work.year,
        "kind": work.kind.name(),
        "overview": work.overview,
        "artwork": work.artwork.map(|digest| digest.to_string()),
        "placeholder_colour": format!("#{red:02x}{green:02x}{blue:02x}"),
        "releases": work.releases.iter().map(release).collect::<Vec<_>>(),
    })
}

/// The listings among the owner's statements.
pub(in crate::http) fn listings_json(all: &[views::OwnStatement]) -> Value {
    let row = |own: &views::OwnStatement| {
        let statement = statement::verify(&own.bytes).ok()?;
        let Body::Listing(listing) = statement.body() else { return None };
        let header = statement.header();
        Some(json!({
            "id": statement.id().to_string(),
            "work": listing.work.as_str(),
            "infohash": listing.infohash.to_string(),
            "name": listing.name,
            "size": listing.size,
            "resolution": listing.resolution,
            "licence": listing.licence,
            "episode": episode_name(listing.episode),
            "created": header.created.to_rfc3339(),
            "expires": header.expires.map(heirloom_proto::Timestamp::to_rfc3339),
            "private": own.is_private,
        }))
    };
    all.iter().filter_map(row).collect()
}
