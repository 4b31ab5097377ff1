//! Transmission, by its RPC: the old one (to 4.0) and JSON-RPC 2.0 (from 4.1 on).
//!
//! It says how fast a peer sends, and from 4.1 on how much it sent in the last minute. Neither is a sum, so both are only
//! the weights by which what the torrent itself gained is split among its peers.

use super::doubt::believed;
use super::wire::{Answer, Wire};
use super::{Endpoint, FILES_MAX, LABEL, Look, Offer, Progress, read};
use data_encoding::BASE64;
use heirloom_core::command::CommandError;
use heirloom_core::observed::{Figure, PEERS_MAX, SWARMS_MAX, Source, Swarm};
use heirloom_proto::Infohash;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{StatusCode, Url};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use zeroize::Zeroizing;

/// Against requests of other sites' pages: its value comes with a refusal, and must come back with the request.
const SESSION_ID: &str = "X-Transmission-Session-Id";
/// Torrents whose peers are asked for at once.
const AT_ONCE: usize = 50;
/// Seconds of the sum that a peer's row has from 4.1 on.
const WINDOW_S: u64 = 60;

/// What is asked of a torrent.
const SUMS: [&str; 9] = [
    "hash_string",
    "total_size",
    "have_valid",
    "downloaded_ever",
    "corrupt_ever",
    "rate_download",
    "left_until_done",
    "status",
    "webseeds_sending_to_us",
];

/// The status of a torrent that is downloaded.
const DOWNLOADING: u64 = 4;

/// How it is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// `torrent-get` with camel case.
    Old,
    /// JSON-RPC 2.0: `torrent_get` with snake case.
    JsonRpc,
}

/// A session.
pub struct Transmission {
    wire: Wire,
    url: Url,
    user: String,
    password: Option<Zeroizing<String>>,
    session_id: Option<HeaderValue>,
    dialect: Dialect,
    version: String,
    /// Of each torrent what it had downloaded at the last look.
    seen: BTreeMap<Infohash, u64>,
}

impl Transmission {
    /// Asks for the version, in the new way and then in the old.
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self, CommandError> {
        let wire = Wire::to(endpoint).await?;
        let mut url = wire.base().clone();
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(if path.is_empty() { "/transmission/rpc" } else { &path });
        let mut session = Self {
            wire,
            url,
            user: endpoint.user.clone().unwrap_or_else(|| "transmission".into()),
            password: endpoint.password.clone(),
            session_id: None,
            dialect: Dialect::JsonRpc,
            version: String::new(),
            seen: BTreeMap::new(),
        };
        let answer = session.send("session_get", &json!({})).await?;
        let mut said = session.wire.json(&answer)?;
        if said["jsonrpc"] != "2.0" {
            session.dialect = Dialect::Old;
            let answer = session.send("session_get", &json!({})).await?;
            said = session.wire.json(&answer)?;
        }
        let facts = session.result(said)?;
        session.version =
            read::text(&facts["version"]).ok_or_else(|| session.wire.rubbish("it does not say its version"))?;
        Ok(session)
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    async fn send(&mut self, method: &str, params: &Value) -> Result<Answer, CommandError> {
        let body = match self.dialect {
            Dialect::JsonRpc => json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": 1 }),
            Dialect::Old => json!({ "method": method.replace('_', "-"), "arguments": old_params(params) }),
        };
        let body = body.to_string();
        for _ in 0..2 {
            let mut request = self.wire.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
            if let Some(password) = &self.password {
                request = request.basic_auth(&self.user, Some(password.as_str()));
            }
            if let Some(session_id) = &self.session_id {
                request = request.header(SESSION_ID, session_id.clone());
            }
            let answer = self.wire.send(request.body(body.clone())).await?;
            match answer.status {
                StatusCode::CONFLICT => match answer.headers.get(SESSION_ID) {
                    Some(session_id) => self.session_id = Some(session_id.clone()),
                    None => return Err(self.wire.rubbish("status 409 without a session id")),
                },
                StatusCode::UNAUTHORIZED => {
                    let how =
                        "it wants a name and password: give --user, and the password in HEIRLOOM_TRANSMISSION_PASSWORD";
                    let why = if self.password.is_some() { "name or password is wrong" } else { how };
                    return Err(self.wire.refuses(why));
                }
                StatusCode::FORBIDDEN => {
                    return Err(self.wire.refuses("this machine is not on its list (rpc-whitelist)"));
                }
                StatusCode::MISDIRECTED_REQUEST => {
                    return Err(self
                        .wire
                        .refuses("it does not go by this name (rpc-host-whitelist): give its IP address"));
                }
                // An error of JSON-RPC may have any status.
                _ => return Ok(answer),
            }
        }
        Err(self.wire.rubbish("it refuses its own session id"))
    }

    fn result(&self, said: Value) -> Result<Value, CommandError> {
        let said = snake(said);
        let failed = |why: &Value| {
            let why = read::text(why).unwrap_or_else(|| "without a reason".into());
            self.wire.refuses(&format!("it says {why:?}"))
        };
        match self.dialect {
            Dialect::JsonRpc if !said["error"].is_null() => Err(failed(&said["error"]["message"])),
            Dialect::JsonRpc => Ok(said["result"].clone()),
            Dialect::Old if said["result"] == "success" => Ok(said["arguments"].clone()),
            Dialect::Old if said["result"].is_string() => Err(failed(&said["result"])),
            Dialect::Old => Err(self.wire.rubbish("an answer without a result")),
        }
    }

    async fn call(&mut self, method: &str, params: &Value) -> Result<Value, CommandError> {
        let answer = self.send(method, params).await?;
        let said = self.wire.json(&answer)?;
        self.result(said)
    }

    async fn torrents(&mut self, ids: Option<&[String]>, fields: &[&str]) -> Result<Vec<Value>, CommandError> {
        let mut params = json!({ "fields": fields });
        if let Some(ids) = ids {
            params["ids"] = json!(ids);
        }
        match self.call("torrent_get", &params).await?["torrents"].take() {
            Value::Array(rows) => Ok(rows),
            _ => Err(self.wire.rubbish("torrent_get gives no list")),
        }
    }

    pub(super) async fn look(&mut self) -> Result<Look, CommandError> {
        let rows = self.torrents(None, &SUMS).await?;
        let mut look = Look::default();
        let mut active: Vec<(u64, String)> = Vec::new();
        let mut seen = BTreeMap::new();
        for row in &rows {
            let Some(infohash) = infohash_of(row) else {
                look.skipped.push((String::new(), "it has no v1 infohash, by which releases are known here".into()));
                continue;
            };
            let downloaded = read::or_zero(row, "downloaded_ever");
            let (rate, left) = (read::or_zero(row, "rate_download"), read::or_zero(row, "left_until_done"));
            // What is downloaded is looked at even while nothing comes: rates count from the look before.
            let is_on = left > 0 && read::field(row, "status").is_none_or(|status| status == DOWNLOADING);
            let is_new = self.seen.get(&infohash).is_some_and(|before| *before != downloaded);
            seen.insert(infohash, downloaded);
            if is_on || rate > 0 || is_new {
                active.push((rate, infohash.to_string()));
            }
        }
        self.seen = seen;
        active.sort_unstable_by(|a, b| b.cmp(a));
        for (_, infohash) in active.iter().skip(SWARMS_MAX) {
            look.skipped.push((infohash.clone(), format!("more than {SWARMS_MAX} torrents are active: it waits")));
        }
        active.truncate(SWARMS_MAX);
        let hashes: Vec<String> = active.into_iter().map(|(_, hash)| hash).collect();
        let fields: Vec<&str> = SUMS.into_iter().chain(["peers"]).collect();
        for hashes in hashes.chunks(AT_ONCE) {
            for row in self.torrents(Some(hashes), &fields).await? {
                let Some(infohash) = infohash_of(&row) else { continue };
                match swarm_of(infohash, &row).and_then(believed) {
                    Ok(swarm) => look.swarms.push(swarm),
                    Err(why) => look.doubted.push((infohash.to_string(), why)),
                }
            }
        }
        Ok(look)
    }

    pub(super) async fn progress(&mut self, infohash: &Infohash) -> Result<Option<Progress>, CommandError> {
        let fields = [
            "hash_string",
            "name",
            "status",
            "left_until_done",
            "size_when_done",
            "metadata_percent_complete",
            "rate_download",
            "peers_connected",
            "download_dir",
            "error",
            "error_string",
        ];
        let rows = self.torrents(Some(&[infohash.to_string()]), &fields).await?;
        let row = rows.into_iter().find(|row| infohash_of(row).as_ref() == Some(infohash));
        Ok(row.map(|row| progress_of(&row)))
    }

    pub(super) async fn files(&mut self, infohash: &Infohash) -> Result<Option<Vec<(String, u64)>>, CommandError> {
        let rows = self.torrents(Some(&[infohash.to_string()]), &["hash_string", "files"]).await?;
        let file = |row: &Value| Some((row["name"].as_str()?.to_owned(), read::or_zero(row, "length")));
        let files = rows.first().and_then(|row| row["files"].as_array());
        let files: Vec<_> = files.into_iter().flatten().take(FILES_MAX).filter_map(file).collect();
        Ok((!files.is_empty()).then_some(files))
    }

    pub(super) async fn stop(&mut self, infohash: &Infohash) -> Result<(), CommandError> {
        self.call("torrent_stop", &json!({ "ids": [infohash.to_string()] })).await.map(|_| ())
    }

    pub(super) async fn select(
        &mut self,
        infohash: &Infohash,
        wanted: &BTreeSet<u32>,
        others: &BTreeSet<u32>,
    ) -> Result<(), CommandError> {
        let mut params = json!({ "ids": [infohash.to_string()] });
        // An empty list is all of them there.
        for (name, files) in [("files_unwanted", others), ("files_wanted", wanted)] {
            if !files.is_empty() {
                params[name] = json!(files);
            }
        }
        self.call("torrent_set", &params).await.map(|_| ())
    }

    pub(super) async fn add(&mut self, offer: &Offer) -> Result<(), CommandError> {
        let mut params = json!({ "paused": offer.is_paused, "labels": [LABEL] });
        match &offer.torrent {
            Some(torrent) => params["metainfo"] = json!(BASE64.encode(torrent)),
            None => params["filename"] = json!(offer.magnet),
        }
        if let Some(folder) = &offer.to {
            params["download_dir"] = json!(folder);
        }
        self.call("torrent_add", &params).await?;
        // Version 3 takes labels apart, and those before not at all.
        let labelled = json!({ "ids": [offer.infohash.to_string()], "labels": [LABEL] });
        if let Err(error) = self.call("torrent_set", &labelled).await {
            tracing::debug!(%error, "not labelled");
        }
        Ok(())
    }
}

/// Names of parameters and fields as the old RPC has them.
fn old_params(params: &Value) -> Value {
    let old = |name: &String| name.replace('_', "-");
    let mut params: Map<String, Value> =
        params.as_object().into_iter().flatten().map(|(name, value)| (old(name), value.clone())).collect();
    if let Some(Value::Array(fields)) = params.get_mut("fields") {
        fields.iter_mut().for_each(|field| *field = json!(field.as_str().map(camel).unwrap_or_default()));
    }
    Value::Object(params)
}

/// `have_valid` as `haveValid`.
fn camel(name: &str) -> String {
    let mut out = String::new();
    for (number, word) in name.split('_').enumerate() {
        let (head, tail) = word.split_at_checked(1).filter(|_| number > 0).unwrap_or(("", word));
        out.push_str(&head.to_ascii_uppercase());
        out.push_str(tail);
    }
    out
}

/// An answer with all of its names in snake case, whichever case they came in.
fn snake(value: Value) -> Value {
    let name = |name: String| {
        let mut out = String::with_capacity(name.len() + 4);
        let mut was_lower = false;
        for c in name.chars() {
            if c.is_ascii_uppercase() && was_lower {
                out.push('_');
            }
            was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
            out.push(if c == '-' { '_' } else { c.to_ascii_lowercase() });
        }
        out
    };
    match value {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(field, value)| (name(field), snake(value))).collect())
        }
        Value::Array(all) => Value::Array(all.into_iter().map(snake).collect()),
        other => other,
    }
}

fn infohash_of(row: &Value) -> Option<Infohash> {
    row["hash_string"].as_str()?.parse().ok()
}

/// A torrent's figures.
fn swarm_of(infohash: Infohash, row: &Value) -> Result<Swarm, String> {
    let field = |name: &str| read::field(row, name).ok_or_else(|| format!("{name} is missing in its answer"));
    let corrupt = read::or_zero(row, "corrupt_ever");
    let peers = match &row["peers"] {
        Value::Array(peers) => peers.as_slice(),
        Value::Null => &[],
        _ => return Err("its peers are no list".into()),
    };
    if peers.len() > PEERS_MAX {
        return Err(format!("it has more than {PEERS_MAX} peers, which Transmission never keeps"));
    }
    let mut sources: Vec<Source> = peers.iter().filter_map(source_of).collect();
    if read::or_zero(row, "webseeds_sending_to_us") > 0 {
        let from_peers = peers.iter().fold(0_u64, |sum, peer| sum.saturating_add(weight_of(peer).unwrap_or(0)));
        let all = read::or_zero(row, "rate_download").saturating_mul(WINDOW_S);
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let figure = Figure::Rate(all.saturating_sub(from_peers));
        sources.push(Source { address, client_name: None, is_web_seed: true, figure });
    }
    Ok(Swarm {
        infohash,
        size: field("total_size")?,
        verified: field("have_valid")?,
        // It counts what failed its check apart.
        downloaded: field("downloaded_ever")?.saturating_add(corrupt),
        wasted: corrupt,
        sources,
    })
}

/// Bytes that a peer sends in a minute: as summed from 4.1 on, else as fast as now.
fn weight_of(row: &Value) -> Option<u64> {
    let by_rate = || read::field(row, "rate_to_client").map(|rate| rate.saturating_mul(WINDOW_S));
    read::field(row, "bytes_to_client").or_else(by_rate)
}

fn source_of(row: &Value) -> Option<Source> {
    let ip: IpAddr = row["address"].as_str()?.parse().ok()?;
    let port = u16::try_from(read::or_zero(row, "port")).ok()?;
    Some(Source {
        address: SocketAddr::new(ip, port),
        client_name: read::client_name(&row["client_name"]),
        is_web_seed: false,
        figure: Figure::Rate(weight_of(row)?),
    })
}

fn progress_of(row: &Value) -> Progress {
    let has_metadata = row["metadata_percent_complete"].as_f64().is_none_or(|part| part >= 1.0);
    let (total, left) = (read::or_zero(row, "size_when_done"), read::or_zero(row, "left_until_done"));
    let is_finished = has_metadata && total > 0 && left == 0;
    let trouble = read::text(&row["error_string"]).filter(|_| read::or_zero(row, "error") > 0);
    let state = match read::field(row, "status") {
        // 3: a local error, such as a full disk. Those of trackers do not stop it.
        _ if read::field(row, "error") == Some(3) => "failed",
        _ if !has_metadata => "resolving",
        Some(0) if !is_finished => "paused",
        Some(1 | 2) => "checking",
        _ if is_finished => "seeding",
        _ => "downloading",
    };
    let name = read::text(&row["name"]);
    let folder = read::text(&row["download_dir"]);
    let path = folder.map(|folder| match &name {
        Some(name) if has_metadata => format!("{}/{name}", folder.trim_end_matches('/')),
        _ => folder,
    });
    Progress {
        state,
        is_finished,
        bytes: if has_metadata { total.saturating_sub(left) } else { 0 },
        total: if has_metadata { total } else { 0 },
        down_rate: read::or_zero(row, "rate_download"),
        peers: read::or_zero(row, "peers_connected"),
        path,
        trouble,
        name,
    }
}

#[cfg(test)]
#[path = "transmission_tests.rs"]
mod tests;
