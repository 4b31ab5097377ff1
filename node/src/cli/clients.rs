//! `ledger import` and `get --client`: what this process asks the owner's client itself, with a password that it tells
//! no node.

use super::client::{Client as Api, Door};
use super::client_args::AtArgs;
use super::{Outcome, PROGRESS_PERIOD, absolute, args, say, text};
use crate::clients::{Client, Endpoint, LOOK_EVERY, Offer, Session};
use crate::http::{Request, SwarmRow};
use heirloom_core::command::{CommandError, Fault};
use heirloom_core::observed::{SWARMS_MAX, Tally};
use heirloom_proto::{Infohash, Key, Timestamp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// Most peers in one request: 150 bytes each, within the limit of the API on bodies.
const PEERS_AT_ONCE: usize = 4000;
/// How long Transmission is watched when nothing is said: it has no sums, so one look shows nothing.
const WATCHED_S: u64 = 20;
/// How long a client may take to know what is in a torrent of which only some is wanted, where nobody waits for more.
const CHOSEN_WITHIN: Duration = Duration::from_secs(120);
/// Longest that is watched in one command, in seconds: a day. For longer there is `run --observe`.
const WATCHED_S_MAX: u64 = 24 * 3600;

/// `ledger import`.
pub(super) async fn import(
    api: &Api,
    client: Client,
    at: &AtArgs,
    seconds: Option<u64>,
    is_dry: bool,
) -> Result<Outcome, CommandError> {
    let endpoint = at.endpoint(client)?;
    let usual = if client == Client::Transmission { WATCHED_S } else { 0 };
    let span = Duration::from_secs(seconds.unwrap_or(usual).min(WATCHED_S_MAX));
    let mut session = Session::open(&endpoint).await?;
    let mut door = api.open().await?;
    let me = door.request(Request::Id).await?["key"].as_str().and_then(|key| key.parse().ok());
    let mut sum = Sum::new(is_dry, me);
    let until = sum.began + span;
    loop {
        let look = session.look().await?;
        sum.looks += 1;
        sum.skipped.extend(look.skipped.into_iter().chain(look.doubted));
        sum.take(&mut door, client, look.swarms).await?;
        let now = Instant::now();
        if now >= until {
            break;
        }
        tokio::time::sleep_until(until.min(now + LOOK_EVERY)).await;
    }
    Ok(Outcome::Answer(sum.answer(client, &endpoint, session.version())))
}

/// What all looks came to.
struct Sum {
    is_dry: bool,
    began: Instant,
    looks: usize,
    /// For a dry run over several looks, which leave no trace with the node.
    me: Option<Key>,
    tallies: BTreeMap<Infohash, Tally>,
    torrents: BTreeMap<Infohash, u64>,
    booked: BTreeMap<(String, String, Option<String>, String), u64>,
    skipped: BTreeMap<String, String>,
}

impl Sum {
    fn new(is_dry: bool, me: Option<Key>) -> Self {
        let (tallies, torrents, booked, skipped) = Default::default();
        Self { is_dry, began: Instant::now(), looks: 0, me, tallies, torrents, booked, skipped }
    }

    async fn take(
        &mut self,
        door: &mut Door<'_>,
        client: Client,
        swarms: Vec<heirloom_core::observed::Swarm>,
    ) -> Result<(), CommandError> {
        for swarm in &swarms {
            self.torrents.insert(swarm.infohash, swarm.verified);
        }
        // Rates say something from the second look on: a dry run keeps its own account of them.
        if let (true, Client::Transmission, Some(me)) = (self.is_dry, client, self.me) {
            let at = Timestamp(1 + u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1));
            for swarm in &swarms {
                let tally = self.tallies.entry(swarm.infohash).or_default();
                for ((address, key), bytes) in tally.look(at, swarm, &me) {
                    let key = key.map(|key| key.to_string());
                    let place = (swarm.infohash.to_string(), address.to_string(), key, String::new());
                    *self.booked.entry(place).or_default() += bytes;
                }
            }
            return Ok(());
        }
        let mut batch: Vec<SwarmRow> = Vec::new();
        let mut peers = 0;
        for swarm in &swarms {
            if !batch.is_empty() && (peers + swarm.sources.len() > PEERS_AT_ONCE || batch.len() >= SWARMS_MAX) {
                self.send(door, client, std::mem::take(&mut batch)).await?;
                peers = 0;
            }
            peers += swarm.sources.len();
            batch.push(SwarmRow::from(swarm));
        }
        self.send(door, client, batch).await
    }

    async fn send(&mut self, door: &mut Door<'_>, client: Client, swarms: Vec<SwarmRow>) -> Result<(), CommandError> {
        if swarms.is_empty() {
            return Ok(());
        }
        let request = Request::LedgerImport { client: client.name().into(), swarms, dry_run: self.is_dry };
        let answer = door.request(request).await?;
        let said = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
        for row in answer["booked"].as_array().into_iter().flatten() {
            let key = row["key"].as_str().map(str::to_owned);
            let place = (said(row, "infohash"), said(row, "address"), key, said(row, "name"));
            // A dry run leaves each look as if it were the first: the last one counts.
            let bytes = row["bytes"].as_u64().unwrap_or_default();
            let sum = self.booked.entry(place).or_default();
            *sum = if self.is_dry { bytes } else { sum.saturating_add(bytes) };
        }
        let skipped = answer["skipped"].as_array().into_iter().flatten();
        self.skipped.extend(skipped.map(|row| (said(row, "item"), said(row, "reason"))));
        Ok(())
    }

    fn answer(&self, client: Client, endpoint: &Endpoint, version: &str) -> Value {
        let booked = self.booked.iter().map(|((infohash, address, key, name), bytes)| {
            json!({ "infohash": infohash, "address": address, "key": key, "name": name, "bytes": bytes })
        });
        let skipped = self.skipped.iter().map(|(item, reason)| json!({ "item": item, "reason": reason }));
        json!({
            "client": client.name(),
            "url": endpoint.url,
            "version": version,
            "dry_run": self.is_dry,
            "looks": self.looks,
            "torrents": self.torrents.len(),
            "bytes": self.booked.values().sum::<u64>(),
            "booked": booked.collect::<Vec<_>>(),
            "skipped": skipped.collect::<Vec<_>>(),
        })
    }
}

/// What `get` is told beside a client.
pub(super) struct Getting<'a> {
    pub(super) what: String,
    pub(super) of: &'a args::Of,
    pub(super) to: Option<PathBuf>,
    pub(super) wait: bool,
    pub(super) anyway: bool,
    pub(super) paused: bool,
}

/// `get --client`.
pub(super) async fn hand_off(
    api: &Api,
    client: Client,
    at: &AtArgs,
    getting: Getting<'_>,
) -> Result<Outcome, CommandError> {
    let pick = getting.of.pick();
    if pick.is_some() && getting.paused {
        let message = format!(
            "{} knows what is in a release only once it has begun: leave out the episode, or --paused",
            client.title()
        );
        return Err(CommandError::bad_input("paused_episode", message));
    }
    let endpoint = at.endpoint(client)?;
    let to = getting.to.as_deref().map(absolute).transpose()?;
    // Before anything is asked of others: a client that is down is told at once.
    let mut session = Session::open(&endpoint).await?;
    let (what, resolution) = (getting.what, getting.of.resolution.clone());
    let mut door = api.open().await?;
    let chosen =
        door.request(Request::HandOff { what, anyway: getting.anyway, resolution, episode: pick.clone() }).await?;
    let strange = |what: &str| CommandError::new(Fault::Failed, "api", format!("the node's answer has no {what}"));
    let infohash: Infohash =
        chosen["infohash"].as_str().and_then(|text| text.parse().ok()).ok_or_else(|| strange("infohash"))?;
    let torrent = chosen["torrent"].as_str().and_then(|text| data_encoding::BASE64.decode(text.as_bytes()).ok());
    let magnet = chosen["magnet"].as_str().ok_or_else(|| strange("magnet"))?.to_owned();
    let is_new = session.add(&Offer { infohash, magnet, torrent, to, is_paused: getting.paused }).await?;
    let remembered = Request::HandedOff {
        infohash: infohash.to_string(),
        client: client.name().into(),
        url: endpoint.url.clone(),
        anyway: getting.anyway,
    };
    door.request(remembered).await?;
    drop(door);
    let mut is_looked_into = false;
    let mut chosen_files = Value::Null;
    let mut last = String::new();
    let began = Instant::now();
    loop {
        if !is_looked_into && let Some(files) = session.files(&infohash).await? {
            look_into(api, &mut session, client, infohash, files.clone()).await?;
            is_looked_into = true;
            if let Some(episode) = &pick {
                let asked = Request::HandedFiles {
                    infohash: infohash.to_string(),
                    episode: episode.clone(),
                    files: files.clone(),
                };
                let named = api.request(asked).await?;
                chosen_files = select(&mut session, &infohash, &named, &files, is_new).await?;
            }
        }
        let Some(progress) = session.progress(&infohash).await? else {
            let message = format!("{} no longer has {infohash}: it was removed there", client.title());
            return Err(CommandError::new(Fault::Failed, "gone_from_client", message));
        };
        if progress.state == "failed" {
            let why = progress.trouble.unwrap_or_else(|| "it does not say why".into());
            let message = format!("{} failed to fetch {infohash}: {why}", client.title());
            return Err(CommandError::new(Fault::Failed, "client_failed", message));
        }
        let state = json!({
            "infohash": infohash.to_string(),
            "name": progress.name,
            "client": client.name(),
            "url": endpoint.url,
            "new": is_new,
            "state": progress.state,
            "finished": progress.is_finished,
            "bytes": progress.bytes,
            "total": progress.total,
            "peers": progress.peers,
            "down_rate": progress.down_rate,
            "path": progress.path,
            "episode": pick,
            "files": chosen_files,
        });
        // Without waiting too, until it is known which files these are: they would never be told.
        let must_choose = pick.is_some() && !is_looked_into;
        if must_choose && !getting.wait && began.elapsed() > CHOSEN_WITHIN {
            let (title, seconds) = (client.title(), CHOSEN_WITHIN.as_secs());
            let message = format!(
                "{title} does not know after {seconds} s what is in {infohash}, and will fetch all of it: do the same again \
                 with --wait, or remove it there"
            );
            return Err(CommandError::new(Fault::Failed, "unknown_files", message));
        }
        // What is paused goes nowhere: waiting would be for ever.
        if (!getting.wait && !must_choose) || getting.paused || (progress.is_finished && is_looked_into) {
            return Ok(Outcome::Answer(state));
        }
        let line = text::progress(&state);
        if line != last {
            say(&format!("{line}\n"));
            last = line;
        }
        tokio::time::sleep(PROGRESS_PERIOD * 4).await;
    }
}

/// Has the client fetch the files that were named, and says which these are. Of a torrent that it had before, the others stay as
/// they are.
async fn select(
    session: &mut Session,
    infohash: &Infohash,
    named: &Value,
    files: &[(String, u64)],
    is_new: bool,
) -> Result<Value, CommandError> {
    let named = named["files"].as_array().into_iter().flatten().filter_map(Value::as_u64);
    let wanted: BTreeSet<u32> = named.filter_map(|index| u32::try_from(index).ok()).collect();
    let all = (0..).zip(files);
    // What only fills up has no path, and no number in the client.
    let others = all.clone().filter(|(index, (path, _))| is_new && !wanted.contains(index) && !path.is_empty());
    session.select(infohash, &wanted, &others.map(|(index, _)| index).collect()).await?;
    let rows = all.filter(|(index, _)| wanted.contains(index));
    Ok(rows.map(|(index, (path, size))| json!({ "index": index, "path": path, "size": size })).collect())
}

/// Has the node look at what is in it; stops it in the client where that may do harm.
async fn look_into(
    api: &Api,
    session: &mut Session,
    client: Client,
    infohash: Infohash,
    files: Vec<(String, u64)>,
) -> Result<(), CommandError> {
    let rows = api.request(Request::LookInto { infohash: infohash.to_string(), files }).await?;
    let rows = rows.as_array().cloned().unwrap_or_default();
    let row = rows.iter().find(|row| row["infohash"] == infohash.to_string().as_str());
    let Some(why) = row.and_then(|row| row["refused"].as_str()) else { return Ok(()) };
    session.stop(&infohash).await?;
    let message = format!("{why}; it was stopped in {}, and what came of it lies there", client.title());
    Err(CommandError::new(Fault::Refused, "unsafe", message))
}
