//! How far downloads are, and what one began.

use super::single;
use crate::clients::HandedState;
use crate::driver::{Download, Job};
use crate::http::clients;
use heirloom_core::command::CommandError;
use heirloom_core::views;
use serde_json::{Value, json};

/// What `get` began: of a series, which episode, and the files that hold it as far as that is known.
pub(super) fn getting_json(getting: &views::Getting) -> Value {
    let mut value = json!({ "infohash": getting.infohash.to_string(), "left_out": getting.left_out });
    if let (Some(pick), Some(fields)) = (&getting.pick, value.as_object_mut()) {
        let file = |(index, path, size): &(u32, String, u64)| json!({ "index": index, "path": path, "size": size });
        fields.insert("episode".into(), json!(pick));
        fields.insert("file".into(), single(&getting.files).map_or(Value::Null, |(_, path, _)| json!(path)));
        fields.insert("files".into(), getting.files.iter().map(file).collect());
    }
    value
}

/// Most files of a download that an answer lists: a season of a daily show.
const FILES_TOLD_MAX: usize = 400;

/// How far a download is, for `get --wait`; once done, from whom it came.
pub(in crate::http) fn download_json(download: &Download, from: &[views::LedgerRow]) -> Value {
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

/// What is read and hashed, to be published.
pub(in crate::http) fn publishing_json(jobs: &[Job]) -> Value {
    let row = |one: &Job| json!({ "job": one.job, "source": one.source, "bytes": one.bytes, "total": one.total });
    jobs.iter().map(row).collect()
}

/// Every torrent of this node, as [`download_json`]; one that failed with its error. Then those that other clients fetch.
pub(in crate::http) fn downloads_json(
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
