//! Scores with their arithmetic, rings of keys, and the ledger.

use super::people::with_head;
use heirloom_core::{TrustSettings, views};
use heirloom_proto::Key;
use serde_json::{Map, Value, json};

pub(super) fn why(why: &views::Why) -> Value {
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

pub(super) fn trust_row(row: &views::TrustRow) -> Value {
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
pub(super) fn trust_settings(trust: &TrustSettings) -> Value {
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

pub(super) fn ring(ring: &views::Ring) -> Value {
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

pub(super) fn ledger_row(row: &views::LedgerRow) -> Value {
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
