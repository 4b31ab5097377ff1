//! The JSON of the CLI contract, made of the core's views.

mod catalogue;
mod downloads;
mod people;
mod trust;

pub use catalogue::found_json;
pub(super) use catalogue::{listings_json, magnet};
pub(super) use downloads::{download_json, downloads_json, publishing_json};
pub(super) use people::packs_json;
pub use people::starter;

use super::{clients, exit_code};
use data_encoding::BASE64;
use heirloom_core::command::{CommandError, Reply};
use heirloom_core::views;
use heirloom_proto::text::Contact;
use heirloom_proto::{Key, statement};
use serde_json::{Value, json};

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
        Reply::Followed(followed) => people::followed(followed),
        Reply::Follows(all) => all.iter().map(people::follow).collect(),
        Reply::About(about) => people::about(about),
        Reply::Starter(starter) => people::starter(starter),
        Reply::List(list) => people::signed_list(list),
        Reply::Signed(signed) => {
            json!({ "id": signed.id.to_string(), "seq": signed.seq, "published": signed.published })
        }
        Reply::Why(why) => trust::why(why),
        Reply::Trust(rows) => rows.iter().map(trust::trust_row).collect(),
        Reply::Ledger(rows) => rows.iter().map(trust::ledger_row).collect(),
        Reply::Observed(seen) => clients::observation_json(seen),
        Reply::HandedFiles(files) => json!({ "files": files }),
        Reply::Handed(rows) => clients::handed_json(rows),
        Reply::Published(published) => catalogue::published(published),
        Reply::Listed(listed) => catalogue::listed(listed),
        Reply::Works(found) => found_json(found),
        // For adapters of this process only.
        Reply::Hearing(_)
        | Reply::Seeded(_)
        | Reply::Circle(_)
        | Reply::Names(_)
        | Reply::HandingOff(_)
        | Reply::Showing(_)
        | Reply::Newest(_)
        | Reply::Shelf(_) => Value::Null,
        Reply::Work(work) => catalogue::work(work),
        Reply::Getting(getting) => downloads::getting_json(getting),
        Reply::Cancelled(cancelled) => json!({
            "infohash": cancelled.infohash.to_string(),
            "was_complete": cancelled.was_complete,
            "deleted": cancelled.is_deleted,
        }),
        Reply::Status(status) => counts(status),
        Reply::Ring(ring) => trust::ring(ring),
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

fn imported(done: &views::Imported) -> Value {
    let refused: Vec<Value> =
        done.refused.iter().map(|(reason, count)| json!({ "reason": reason, "count": count })).collect();
    json!({ "imported": done.imported, "known": done.known, "evicted": done.evicted, "refused": refused })
}

fn single<T>(all: &[T]) -> Option<&T> {
    if let [one] = all { Some(one) } else { None }
}

fn episode_name(episode: Option<(u32, u32)>) -> Value {
    episode.map_or(Value::Null, |(season, number)| json!(format!("S{season:02}E{number:02}")))
}

/// What `reindex` did, and how many statements are in the search index.
#[must_use]
pub fn reindexed_json(done: &views::Reindexed, indexed: u64) -> Value {
    json!({ "good": done.good, "damaged": done.damaged, "indexed": indexed })
}

pub(super) fn counts(status: &views::Status) -> Value {
    let stale = |(key, name, head): &(Key, String, views::HeadAge)| {
        people::with_head(json!({ "key": key.to_string(), "name": name }), Some(*head))
    };
    json!({
        "stale_follows": status.stale_follows.iter().map(stale).collect::<Vec<_>>(),
        "statements": status.statements,
        "keys_known": status.keys_known,
        "works": status.works,
        "releases": status.releases,
        "trust": trust::trust_settings(&status.trust),
        "counters": status.counters,
        "refusals": status.refusals.iter().map(refused).collect::<Vec<_>>(),
        "starter": status.starter.as_ref().map(people::starter),
        "archives": status.archives.iter().map(archive).collect::<Vec<_>>(),
    })
}

/// Something that was not taken in.
fn refused((row, name): &(heirloom_core::refusals::Refused, Option<String>)) -> Value {
    json!({
        "at": row.at.to_rfc3339(),
        "reason": row.reason,
        "key": row.author.map(|key| key.to_string()),
        "name": name,
        "times": row.times,
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
