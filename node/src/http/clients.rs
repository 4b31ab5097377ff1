//! The JSON of the owner's other clients: figures that are booked, and what is handed to them to fetch.

use crate::clients::{ClientState, HandedState};
use crate::home::Home;
use crate::torrent::{Magnet, Metainfo};
use data_encoding::BASE64;
use heirloom_core::command::{Command, CommandError, Fault};
use heirloom_core::handed::Handed;
use heirloom_core::observed::{Figure, Source, Swarm};
use heirloom_core::views;
use heirloom_proto::{Infohash, Sha256};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::net::SocketAddr;
use utoipa::ToSchema;

/// One look at one torrent of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwarmRow {
    /// 40 hexadecimal digits.
    pub infohash: String,
    /// Bytes of all of it.
    pub size: u64,
    /// Bytes here that passed their hash check.
    pub verified: u64,
    /// Bytes that were ever downloaded.
    pub downloaded: u64,
    /// Of these, what failed its check.
    pub wasted: u64,
    /// Its peers now.
    pub peers: Vec<PeerRow>,
}

/// A peer of such a torrent: with `bytes`, or else with `rate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PeerRow {
    /// IP address and port.
    pub address: String,
    /// The client name that it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A web server.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub web: bool,
    /// What it sent since this connection began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How fast it sends, in any unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
}

impl From<&Swarm> for SwarmRow {
    fn from(swarm: &Swarm) -> Self {
        let peer = |source: &Source| PeerRow {
            address: source.address.to_string(),
            name: source.client_name.clone(),
            web: source.is_web_seed,
            bytes: if let Figure::Connection(bytes) = source.figure { Some(bytes) } else { None },
            rate: if let Figure::Rate(rate) = source.figure { Some(rate) } else { None },
        };
        Self {
            infohash: swarm.infohash.to_string(),
            size: swarm.size,
            verified: swarm.verified,
            downloaded: swarm.downloaded,
            wasted: swarm.wasted,
            peers: swarm.sources.iter().map(peer).collect(),
        }
    }
}

/// A look as the core takes it.
pub(super) fn swarm(row: SwarmRow) -> Result<Swarm, CommandError> {
    let bad = |message: String| CommandError::bad_input("bad_row", message);
    let source = |peer: PeerRow| {
        let address: SocketAddr =
            peer.address.parse().map_err(|_| bad(format!("{:?} is no IP address with a port", peer.address)))?;
        let figure = match (peer.bytes, peer.rate) {
            (Some(bytes), None) => Figure::Connection(bytes),
            (None, Some(rate)) => Figure::Rate(rate),
            _ => return Err(bad(format!("the peer {address} has either bytes or a rate"))),
        };
        Ok(Source { address, client_name: peer.name, is_web_seed: peer.web, figure })
    };
    Ok(Swarm {
        infohash: row.infohash.parse().map_err(|error: heirloom_proto::ids::IdError| bad(error.to_string()))?,
        size: row.size,
        verified: row.verified,
        downloaded: row.downloaded,
        wasted: row.wasted,
        sources: row.peers.into_iter().map(source).collect::<Result<_, _>>()?,
    })
}

/// The answer to `ledger-import`.
pub(super) fn observation_json(seen: &views::Observation) -> Value {
    let booked = seen.booked.iter().map(|row| {
        json!({
            "infohash": row.infohash.to_string(),
            "address": row.address.to_string(),
            "key": row.key.map(|key| key.to_string()),
            "name": row.name,
            "bytes": row.bytes,
        })
    });
    let skipped =
        seen.skipped.iter().map(|(infohash, reason)| json!({ "item": infohash.to_string(), "reason": reason }));
    json!({
        "client": seen.client.name(),
        "dry_run": seen.is_dry,
        "bytes": seen.booked.iter().map(|row| row.bytes).sum::<u64>(),
        "booked": booked.collect::<Vec<_>>(),
        "skipped": skipped.collect::<Vec<_>>(),
    })
}

/// The answer to `hand-off`: the link, and the torrent file where it is kept here and is the one that is listed.
///
/// # Errors
/// When the file that is kept is another one than the listing says.
pub fn handing_off_json(home: &Home, to: &views::HandingOff) -> Result<Value, CommandError> {
    let kept = std::fs::read(home.torrents().join(format!("{}.torrent", to.infohash))).ok();
    let kept = kept.and_then(|bytes| Metainfo::parse(&bytes).ok()).filter(|meta| meta.infohash == to.infohash.0);
    if let (Some(meta), Some(listed)) = (&kept, &to.info_sha256)
        && Sha256(meta.info_sha256) != *listed
    {
        let message = format!("{} is another torrent than the one that is listed under this infohash", to.infohash);
        return Err(CommandError::new(Fault::Refused, "info_mismatch", message));
    }
    let named = kept.map(|meta| {
        let join = |own: &[String], listed: &[String]| {
            let mut all = own.to_vec();
            all.extend(listed.iter().filter(|one| !own.contains(one)).cloned());
            all
        };
        let (trackers, web_seeds) = (join(&meta.trackers, &to.trackers), join(&meta.web_seeds, &to.web_seeds));
        meta.naming(&trackers, &web_seeds).map_or(meta.torrent.to_vec(), |named| named.torrent.to_vec())
    });
    let magnet = Magnet {
        infohash: to.infohash.0,
        name: Some(to.name.clone()).filter(|name| !name.is_empty()),
        trackers: to.trackers.clone(),
        web_seeds: to.web_seeds.clone(),
        peers: Vec::new(),
        keys: Vec::new(),
    };
    Ok(json!({
        "infohash": to.infohash.to_string(),
        "name": to.name,
        "size": to.size,
        "magnet": magnet.to_string(),
        "torrent": named.map(|torrent| BASE64.encode(&torrent)),
    }))
}

/// What was handed off, as it is remembered.
pub(super) fn handed_json(rows: &[(Infohash, Handed)]) -> Value {
    let row = |(infohash, handed): &(Infohash, Handed)| {
        json!({
            "infohash": infohash.to_string(),
            "name": handed.name,
            "client": handed.client.name(),
            "url": handed.url,
            "added": handed.added.to_rfc3339(),
            "looked_into": handed.is_looked_into,
            "refused": Some(&handed.refused).filter(|why| !why.is_empty()),
        })
    };
    rows.iter().map(row).collect()
}

/// What was handed off, with how far its client is: as a download, whose `client` says who fetches it.
pub(super) fn handed_state_json(state: &HandedState) -> Value {
    let (handed, progress) = (&state.handed, state.progress.clone().unwrap_or_default());
    let trouble = Some(handed.refused.clone()).filter(|why| !why.is_empty()).or(progress.trouble);
    json!({
        "infohash": state.infohash.to_string(),
        "name": progress.name.or_else(|| Some(handed.name.clone()).filter(|name| !name.is_empty())),
        "state": state.state(),
        "finished": progress.is_finished && handed.refused.is_empty(),
        "bytes": progress.bytes,
        "total": progress.total,
        "peers": progress.peers,
        "down_rate": progress.down_rate,
        "up_rate": 0,
        "uploaded": 0,
        "path": progress.path,
        "file": Value::Null,
        "files": [],
        "client": handed.client.name(),
        "url": handed.url,
        "message": trouble,
    })
}

/// How a client is.
pub(super) fn client_json(state: &ClientState) -> Value {
    let word = match (&state.trouble, &state.version) {
        (Some(_), _) => "down",
        (None, Some(_)) => "ok",
        (None, None) => "starting",
    };
    json!({
        "client": state.client.name(),
        "url": state.url,
        "observed": state.is_observed,
        "state": word,
        "version": state.version,
        "looks": state.looks,
        "last_look": state.last_look.map(heirloom_proto::Timestamp::to_rfc3339),
        "booked_bytes": state.booked_bytes,
        "skipped": state.skipped,
        "doubt": state.doubt,
        "trouble": state.trouble.as_ref().map(|(message, _)| message),
        "retry_s": state.trouble.as_ref().map(|(_, pause)| pause.as_secs()),
    })
}

/// The core's command behind `ledger-import`.
pub(super) fn observe(client: &str, swarms: Vec<SwarmRow>, is_dry: bool) -> Result<Command, CommandError> {
    let swarms = swarms.into_iter().map(swarm).collect::<Result<_, _>>()?;
    Ok(Command::Observe { client: program(client)?, swarms, is_dry })
}

/// The client of that name.
pub(super) fn program(name: &str) -> Result<heirloom_core::observed::Client, CommandError> {
    name.parse().map_err(|error: heirloom_core::observed::UnknownClient| {
        CommandError::bad_input("bad_client", error.to_string())
    })
}
