//! Keys: who is followed, what they say, lists of them, how old what is known of them is.

use heirloom_core::views;
use heirloom_proto::{Body, signed_text};
use serde_json::{Value, json};

pub(super) fn followed(followed: &views::Followed) -> Value {
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

pub(super) fn signed_list(list: &views::SignedList) -> Value {
    json!({
        "id": list.statement.id().to_string(),
        "seq": list.statement.header().seq,
        "published": list.published,
        // Lists have a form as text.
        "text": signed_text::to_block(&list.statement).unwrap_or_default(),
    })
}

/// Adds how old the head of a key is: null as long as none is here.
pub(super) fn with_head(mut value: Value, head: Option<views::HeadAge>) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.insert("head_at".into(), json!(head.map(|head| head.made.to_rfc3339())));
        fields.insert("head_age_s".into(), json!(head.map(|head| head.age.as_secs())));
        fields.insert("head_is_stale".into(), json!(head.map(views::HeadAge::is_stale)));
    }
    value
}

pub(super) fn follow(follow: &views::Follow) -> Value {
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
pub(super) fn about(about: &views::About) -> Value {
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

/// The lists of curators that came with the program, by the name that `follow pack:NAME` takes.
pub(in crate::http) fn packs_json() -> Value {
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
