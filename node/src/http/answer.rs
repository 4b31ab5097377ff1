//! The JSON of the CLI contract, made of the core's views.

use super::{clients, exit_code};
use crate::clients::HandedState;
use crate::driver::Download;
use data_encoding::BASE64;
use heirloom_core::command::{CommandError, Reply};
use heirloom_core::{TrustSettings, views};
use heirloom_proto::body::Opinion;
use heirloom_proto::text::Contact;
use heirloom_proto::{Body, Key, signed_text, statement};
use serde_json::{Map, Value, json};

/// `{"error":{"code","message"}}`, with the exit code for those who come over HTTP.
#[must_use]
pub fn error_json(error: &CommandError) -> Value {
    json!({ "error": { "code": error.code, "message": error.message, "exit": exit_code(error.fault) } })
}

/// An answer as JSON. `wire_name` is the name that this node shows on the BitTorrent wire.
#[must_use]
pub fn to_json(reply: &Reply, wire_name: &str) -> Value {
    match reply {
        Reply::Identity(id) => identity(id, wire_name),
        Reply::Followed(followed) => self::followed(followed),
        Reply::Follows(all) => all.iter().map(follow).collect(),
        Reply::About(about) => self::about(about),
        Reply::Starter(starter) => self::starter(starter),
        Reply::List(list) => signed_list(list),
        Reply::Signed(signed) => {
            json!({ "id": signed.id.to_string(), "seq": signed.seq, "published": signed.published })
        }
        Reply::Why(why) => self::why(why),
        Reply::Trust(rows) => rows.iter().map(trust_row).collect(),
        Reply::Ledger(rows) => rows.iter().map(ledger_row).collect(),
        Reply::Observed(seen) => clients::observation_json(seen),
        Reply::Handed(rows) => clients::handed_json(rows),
        Reply::Published(published) => self::published(published),
        Reply::Listed(listed) => self::listed(listed),
        Reply::Works(found) => found.iter().map(self::found).collect(),
        // For adapters of this process only.
        Reply::Hearing(_) | Reply::Seeded(_) | Reply::HandingOff(_) | Reply::Newest(_) | Reply::Shelf(_) => Value::Null,
        Reply::Work(work) => self::work(work),
        Reply::Getting(getting) => getting_json(getting),
        Reply::Cancelled(cancelled) => json!({
            "infohash": cancelled.infohash.to_string(),
            "was_complete": cancelled.was_complete,
            "deleted": cancelled.is_deleted,
        }),
        Reply::Status(status) => counts(status),
        Reply::Ring(ring) => self::ring(ring),
        Reply::Statements(all) => all.iter().filter_map(statement_row).collect(),
        Reply::Imported(done) => imported(done),
        Reply::Reindexed(done) => json!({ "good": done.good, "damaged": done.damaged }),
    }
}

fn identity(id: &views::Identity, wire_name: &str) -> Value {
    let contact = Contact { key: id.key, name: id.name.clone(), url: id.url.clone() };
    json!({
        "key": id.key.to_string(),
        "name": id.name,
        "url": id.url,
        "uri": contact.to_link(),
        "peer_name_on_wire": wire_name,
        "generation": id.generation,
    })
}

fn followed(followed: &views::Followed) -> Value {
    json!({
        "key": followed.key.to_string(),
        "name": followed.name,
        "level": followed.level.to_string(),
        "scope": followed.scope.name(),
        "preview": {
            "keys_gaining_voice": followed.preview.keys_gaining_voice,
            "works_gained": followed.preview.works_gained,
            "works_hidden": followed.preview.works_hidden,
        },
        "gives_voice": followed.gives_voice,
        "confusable_with": followed.confusable_with.as_ref().map(|(key, _)| key.to_string()),
        "confusable_name": followed.confusable_with.as_ref().map(|(_, name)| name),
    })
}

/// How this node stands to the starter catalogue.
#[must_use]
pub fn starter(starter: &views::Starter) -> Value {
    json!({ "key": starter.key.to_string(), "state": starter.state.name(), "releases": starter.releases })
}

fn signed_list(list: &views::SignedList) -> Value {
    json!({
        "id": list.statement.id().to_string(),
        "seq": list.statement.header().seq,
        "published": list.published,
        // Lists have a form as text.
        "text": signed_text::to_block(&list.statement).unwrap_or_default(),
    })
}

/// Adds how old the head of a key is: null as long as none is here.
fn with_head(mut value: Value, head: Option<views::HeadAge>) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.insert("head_at".into(), json!(head.map(|head| head.made.to_rfc3339())));
        fields.insert("head_age_s".into(), json!(head.map(|head| head.age.as_secs())));
        fields.insert("head_is_stale".into(), json!(head.map(views::HeadAge::is_stale)));
    }
    value
}

fn follow(follow: &views::Follow) -> Value {
    let value = json!({
        "key": follow.key.to_string(),
        "name": follow.name,
        "level": follow.level.to_string(),
        "scope": follow.scope.name(),
        "since": follow.since.to_rfc3339(),
        "gives_voice": follow.gives_voice,
        "moved_from": follow.previous.map(|key| key.to_string()),
        "is_whole": follow.log.is_some_and(|(_, is_whole)| is_whole),
    });
    with_head(value, follow.head)
}

/// What a key says, newest first; `total` counts what is left out too.
fn about(about: &views::About) -> Value {
    let listing = |row: &views::ListingRow| {
        json!({
            "work": row.work.as_str(),
            "title": row.title,
            "infohash": row.infohash.to_string(),
            "name": row.name,
            "size": row.size,
            "made": row.made.to_rfc3339(),
            "private": row.is_private,
        })
    };
    let attestation = |row: &views::AttestationRow| {
        json!({
            "key": row.subject.to_string(),
            "name": row.name,
            "level": row.level.to_string(),
            "scope": row.scope.name(),
            "reason": row.reason,
            "made": row.made.to_rfc3339(),
            "private": row.is_private,
        })
    };
    let verdict = |row: &views::VerdictRow| {
        json!({
            "infohash": row.infohash.to_string(),
            "verdict": row.opinion.name(),
            "note": row.note,
            "made": row.made.to_rfc3339(),
        })
    };
    json!({
        "key": about.key.to_string(),
        "name": about.name,
        "url": about.url,
        "me": about.is_me,
        "listings": about.listings.0.iter().map(listing).collect::<Vec<_>>(),
        "listings_total": about.listings.1,
        "attestations": about.attestations.0.iter().map(attestation).collect::<Vec<_>>(),
        "attestations_total": about.attestations.1,
        "verdicts": about.verdicts.0.iter().map(verdict).collect::<Vec<_>>(),
        "verdicts_total": about.verdicts.1,
    })
}

fn why(why: &views::Why) -> Value {
    let because: Vec<Value> = why
        .because
        .iter()
        .map(|b| {
            let path: Vec<String> = b.path.iter().map(Key::to_string).collect();
            json!({
                "path": path,
                "weight": b.weight,
                "share": b.share,
                "against": b.is_against,
                "kind": b.kind,
                "note": b.note,
            })
        })
        .collect();
    let ignored: Vec<Value> =
        why.ignored.iter().map(|(key, reason)| json!({ "key": key.to_string(), "reason": reason })).collect();
    let value = json!({
        "subject": why.subject,
        "scope": why.scope.name(),
        "preset": why.preset.name(),
        "score": why.score,
        "support": why.support,
        "band": why.band.to_string(),
        "because": because,
        "explained": why.explained,
        "ignored": ignored,
        "ignored_more": why.ignored_more,
        "sums": {
            "praise": why.sums.praise,
            "against": why.sums.against,
            "support": why.sums.support,
            "witness_factor": why.sums.witness_factor,
            "mean_level": why.sums.mean_level,
            "evidence_scale": why.sums.evidence_scale,
            "distrust_weight": why.sums.distrust_weight,
            "voted": why.sums.voted,
            "dormancy": why.sums.dormancy,
        },
        "arithmetic": why.arithmetic,
    });
    // A release has no head.
    if why.head.is_some() { with_head(value, why.head) } else { value }
}

fn trust_row(row: &views::TrustRow) -> Value {
    let value = json!({
        "key": row.key.to_string(),
        "name": row.name,
        "score": row.score,
        "support": row.support,
        "band": row.band.to_string(),
        "distance": row.distance,
        "verified_bytes": row.verified_bytes,
    });
    with_head(value, row.head)
}

/// Preset and bands, as `status` and an audit show them.
fn trust_settings(trust: &TrustSettings) -> Value {
    let bands = trust.thresholds.values();
    json!({
        "preset": trust.preset.name(),
        "trusted_score": bands.score,
        "trusted_support": bands.trusted_support,
        "vouched_support": bands.vouched_support,
        "earned_score": bands.earned_score,
        "distrusted_below": bands.distrusted_score,
        "shares_receipts": trust.shares_receipts,
    })
}

fn ring(ring: &views::Ring) -> Value {
    let edge = |edge: &views::AttackEdge| {
        json!({
            "issuer": edge.issuer.to_string(),
            "name": edge.name,
            "subject": edge.subject.to_string(),
            "level": edge.level,
            "flow": edge.flow,
            "votes_max": edge.votes_max,
        })
    };
    let in_band: Map<String, Value> =
        ring.in_band.iter().map(|(band, count)| (band.to_string(), json!(count))).collect();
    json!({
        "scope": ring.scope.name(),
        "trust": trust_settings(&ring.trust),
        "keys": ring.keys,
        "known": ring.known,
        "attack_edges": ring.attack_edges.iter().map(edge).collect::<Vec<_>>(),
        "attack_edges_total": ring.attack_edges_total,
        "entering_flow": ring.entering_flow,
        "votes": ring.votes,
        "votes_max": ring.votes_max,
        "in_band": in_band,
        "trusted_max": ring.trusted_max,
        "vouched_max": ring.vouched_max,
    })
}

fn imported(done: &views::Imported) -> Value {
    let refused: Vec<Value> =
        done.refused.iter().map(|(reason, count)| json!({ "reason": reason, "count": count })).collect();
    json!({ "imported": done.imported, "known": done.known, "evicted": done.evicted, "refused": refused })
}

fn ledger_row(row: &views::LedgerRow) -> Value {
    let mut value = json!({
        "key": row.key.map(|key| key.to_string()),
        "name": row.name,
        "address": row.address.to_string(),
        "verified_bytes": row.verified_bytes,
        "releases": row.releases,
        "first_seen": row.first_seen.to_rfc3339(),
        "last_seen": row.last_seen.to_rfc3339(),
        "source": row.source.name(),
        "weak": row.source.is_weak(),
    });
    if let (None, Some(fields)) = (row.key, value.as_object_mut()) {
        fields.insert("linked".into(), json!(row.linked.map(|key| key.to_string())));
        let offered: Vec<String> = row.offered.iter().map(Key::to_string).collect();
        fields.insert("may_be_linked_to".into(), json!(offered));
    }
    if let (Some(infohash), Some(fields)) = (row.infohash, value.as_object_mut()) {
        fields.insert("infohash".into(), json!(infohash.to_string()));
    }
    value
}

/// What `get` began: of a series, which episode, and the files that hold it as far as that is known.
fn getting_json(getting: &views::Getting) -> Value {
    let mut value = json!({ "infohash": getting.infohash.to_string(), "left_out": getting.left_out });
    if let (Some(pick), Some(fields)) = (&getting.pick, value.as_object_mut()) {
        let file = |(index, path, size): &(u32, String, u64)| json!({ "index": index, "path": path, "size": size });
        fields.insert("episode".into(), json!(pick));
        fields.insert("file".into(), single(&getting.files).map_or(Value::Null, |(_, path, _)| json!(path)));
        fields.insert("files".into(), getting.files.iter().map(file).collect());
    }
    value
}

fn single<T>(all: &[T]) -> Option<&T> {
    if let [one] = all { Some(one) } else { None }
}

fn episode_name(episode: Option<(u32, u32)>) -> Value {
    episode.map_or(Value::Null, |(season, number)| json!(format!("S{season:02}E{number:02}")))
}

fn published(published: &views::Published) -> Value {
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
        "note": published.files.is_empty().then_some(
            "only the magnet link is known here: its size, its files and the SHA-256 of its info dictionary stay out of the listing"
        ),
    })
}

/// By row, in order: null, or why it was not listed.
fn listed(listed: &views::Listed) -> Value {
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
pub(super) fn magnet(release: &views::Release) -> String {
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

fn release_file(file: &heirloom_core::fitting::FilledFile) -> Value {
    let episodes: Vec<Value> = file.episodes.iter().map(|episode| episode_name(Some(*episode))).collect();
    json!({
        "index": file.index,
        "path": file.path,
        "size": file.size,
        "episode": episodes.first(),
        "episodes": episodes,
    })
}

fn release(release: &views::Release) -> Value {
    let mut verdicts = Map::new();
    for opinion in Opinion::ALL {
        let count = release.verdicts.get(&opinion).copied().unwrap_or(0);
        verdicts.insert(opinion.name().into(), json!(count));
    }
    let listed_by: Vec<Value> = release
        .listed_by
        .iter()
        .map(|(key, name, score)| {
            let followed = release.followed.contains(key);
            json!({ "key": key.to_string(), "name": name, "score": score, "followed": followed })
        })
        .collect();
    json!({
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
        "files": release.details.files.iter().map(release_file).collect::<Vec<_>>(),
        "read_from_names": release.details.derived.iter().map(|field| field.name()).collect::<Vec<_>>(),
        "flags": release.flags.iter().map(flag).collect::<Vec<_>>(),
        "licence": release.licence,
        "trackers": release.trackers,
        "web_seeds": release.web_seeds,
        "magnet": magnet(release),
        "score": release.score,
        "support": release.support,
        "band": release.band.to_string(),
        "first_hand": release.is_at_first_hand,
        "listed_by": listed_by,
        "listers": release.listers,
        "verdicts": verdicts,
        "source": release.source.name(),
        "starter": release.is_from_starter,
        "swarm": { "seeds": null, "peers": null },
        "received_from_lister": {
            "by_me": release.received_by_me,
            "by_trusted_28d": release.received_by_trusted.bytes,
            "trusted_people": release.received_by_trusted.people,
        },
    })
}

fn flag(flag: &heirloom_core::fitting::Flag) -> Value {
    json!({ "flag": flag.name(), "unsafe": flag.is_unsafe(), "message": flag.to_string() })
}

/// What a search found.
#[must_use]
pub fn found_json(rows: &[views::Found]) -> Value {
    rows.iter().map(found).collect()
}

/// What `reindex` did, and how many statements are in the search index.
#[must_use]
pub fn reindexed_json(done: &views::Reindexed, indexed: u64) -> Value {
    json!({ "good": done.good, "damaged": done.damaged, "indexed": indexed })
}

fn found(found: &views::Found) -> Value {
    json!({
        "work": found.work.as_str(),
        "title": found.title,
        "year": found.year,
        "kind": found.kind.name(),
        "score": found.score,
        "band": found.band.to_string(),
        "releases": found.releases,
        "best": found.best.as_ref().map(release),
        "relevance": f64::from(found.relevance) / 1000.0,
        "episode": found.episode.as_ref().map(|episode| json!({
            "season": episode.season,
            "number": episode.number,
            "name": episode_name(Some((episode.season, episode.number))),
            "title": episode.title,
            "date": episode.date,
        })),
    })
}

fn work(work: &views::Work) -> Value {
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

pub(super) fn counts(status: &views::Status) -> Value {
    let stale = |(key, name, head): &(Key, String, views::HeadAge)| {
        with_head(json!({ "key": key.to_string(), "name": name }), Some(*head))
    };
    json!({
        "stale_follows": status.stale_follows.iter().map(stale).collect::<Vec<_>>(),
        "statements": status.statements,
        "keys_known": status.keys_known,
        "works": status.works,
        "releases": status.releases,
        "trust": trust_settings(&status.trust),
        "counters": status.counters,
        "starter": status.starter.as_ref().map(starter),
        "archives": status.archives.iter().map(archive).collect::<Vec<_>>(),
    })
}

/// An archive of a key's statements: what is made, fetched and seeded, the owner's first.
fn archive(archive: &views::Archive) -> Value {
    json!({
        "key": archive.author.to_string(),
        "name": archive.name,
        "own": archive.is_own,
        "infohash": archive.infohash.map(|infohash| infohash.to_string()),
        "state": archive.state.name(),
        "bytes": archive.bytes,
        "statements": archive.statements,
        "since": archive.since.map(heirloom_proto::Timestamp::to_rfc3339),
    })
}

/// Most files of a download that an answer lists: a season of a daily show.
const FILES_TOLD_MAX: usize = 400;

/// How far a download is, for `get --wait`; once done, from whom it came.
pub(super) fn download_json(download: &Download, from: &[views::LedgerRow]) -> Value {
    let mut value = json!({
        "infohash": download.infohash.to_string(),
        "name": download.name,
        "state": download.state,
        "finished": download.took.is_some(),
        "bytes": download.bytes,
        "total": download.total,
        "peers": download.peers,
        "down_rate": download.down_rate,
        "up_rate": download.up_rate,
        "uploaded": download.uploaded,
        "renamed_files": download.renamed,
        "path": download.path,
        "file": single(&download.files).map(|(_, path, ..)| path),
        "files": download.files.iter().take(FILES_TOLD_MAX).map(|(index, path, size, bytes)| {
            json!({ "index": index, "path": path, "size": size, "bytes": bytes })
        }).collect::<Vec<_>>(),
    });
    if let (Some(took), Some(fields)) = (download.took, value.as_object_mut()) {
        let row = |row: &views::LedgerRow| {
            let key = row.key.map(|key| key.to_string());
            json!({ "key": key, "address": row.address.to_string(), "verified_bytes": row.verified_bytes })
        };
        fields.insert("verified_bytes".into(), json!(from.iter().map(|row| row.verified_bytes).sum::<u64>()));
        fields.insert("seconds".into(), json!(took.as_secs_f64()));
        fields.insert("from".into(), from.iter().map(row).collect());
    }
    value
}

/// Every torrent of this node, as [`download_json`]; one that failed with its error. Then those that other clients fetch.
pub(super) fn downloads_json(
    all: &[(heirloom_proto::Infohash, Result<Download, CommandError>)],
    handed: &[HandedState],
) -> Value {
    let row = |(infohash, state): &(heirloom_proto::Infohash, Result<Download, CommandError>)| match state {
        Ok(download) => download_json(download, &[]),
        Err(error) => json!({
            "infohash": infohash.to_string(),
            "state": "failed",
            "finished": false,
            "code": error.code,
            "message": error.message,
        }),
    };
    let is_own = |state: &&HandedState| all.iter().any(|(infohash, _)| *infohash == state.infohash);
    let handed = handed.iter().filter(|state| !is_own(state)).map(clients::handed_state_json);
    all.iter().map(row).chain(handed).collect()
}

/// The listings among the owner's statements.
pub(super) fn listings_json(all: &[views::OwnStatement]) -> Value {
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

/// The lists of curators that came with the program, by the name that `follow pack:NAME` takes.
pub(super) fn packs_json() -> Value {
    let entry = |entry: &heirloom_proto::body::CuratorEntry| json!({ "key": entry.key.to_string(), "name": entry.name, "note": entry.note });
    let pack = |(name, text): &(&str, &str)| {
        let statements = crate::follow::statements_in(text).ok()?;
        statements.iter().find_map(|statement| {
            let Body::CuratorList(list) = statement.body() else { return None };
            Some(json!({
                "pack": name,
                "name": list.name,
                "by": statement.author().to_string(),
                "entries": list.entries.iter().map(entry).collect::<Vec<_>>(),
            }))
        })
    };
    crate::starter::PACKS.iter().filter_map(pack).collect()
}

fn statement_row(own: &views::OwnStatement) -> Option<Value> {
    let statement = statement::verify(&own.bytes).ok()?;
    Some(json!({
        "id": statement.id().to_string(),
        "kind": statement.kind().name(),
        "generation": statement.header().generation,
        "seq": statement.header().seq,
        "created": statement.header().created.to_rfc3339(),
        "expires": statement.header().expires.map(heirloom_proto::Timestamp::to_rfc3339),
        "private": own.is_private,
        "envelope": BASE64.encode(&own.bytes),
    }))
}
