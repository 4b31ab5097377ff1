//! qBittorrent, by its Web API (versions 4.1 to 5).
//!
//! It counts what each peer sent since its connection began, and forgets that when the peer leaves. Its peers are asked
//! for in full each time (`rid=0`): of the changes since the last answer it keeps one state a session, not one a torrent.

use super::doubt::believed;
use super::wire::{Answer, Wire};
use super::{Endpoint, FILES_MAX, LABEL, Look, Offer, Progress, form, read};
use heirloom_core::command::CommandError;
use heirloom_core::observed::{Figure, PEERS_MAX, SWARMS_MAX, Source, Swarm};
use heirloom_proto::Infohash;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderValue, ORIGIN, REFERER, SET_COOKIE};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Longest that torrents are gone through in one look: each takes two questions.
const LOOK_TIME: Duration = Duration::from_secs(30);
/// Most torrents whose sums are remembered: twice what people have, some 2 MiB.
const SEEN_MAX: usize = 20_000;
/// How API keys begin (qBittorrent 5.2); whoever has one needs no name.
const API_KEY: &str = "qbt_";

/// A signed-in session.
pub struct Qbittorrent {
    wire: Wire,
    user: String,
    password: Option<Zeroizing<String>>,
    cookie: Option<HeaderValue>,
    version: String,
    /// Of each torrent what it had downloaded at the last look, and whether all of that was verified.
    seen: BTreeMap<String, (u64, bool)>,
    has_looked: bool,
}

impl Qbittorrent {
    /// Signs in, if that is needed, and asks for the version.
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self, CommandError> {
        let mut session = Self {
            wire: Wire::to(endpoint).await?,
            user: endpoint.user.clone().unwrap_or_else(|| "admin".into()),
            password: endpoint.password.clone(),
            cookie: None,
            version: String::new(),
            seen: BTreeMap::new(),
            has_looked: false,
        };
        let answer = session.get("app/version", &[]).await?;
        let version = super::shown(String::from_utf8_lossy(&answer.body).trim());
        let is_version =
            version.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()) && version.len() < 40;
        if answer.status != StatusCode::OK || !is_version {
            return Err(session.wire.rubbish(&format!("it calls itself {version:?}")));
        }
        session.version = version;
        Ok(session)
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    fn dressed(&self, request: RequestBuilder) -> RequestBuilder {
        // Without these it takes a request for one of another site's page.
        let request = request.header(ORIGIN, self.wire.origin()).header(REFERER, self.wire.base().as_str());
        match (&self.cookie, &self.password) {
            (Some(cookie), _) => request.header(COOKIE, cookie.clone()),
            (None, Some(key)) if key.starts_with(API_KEY) => {
                request.header(AUTHORIZATION, format!("Bearer {}", key.as_str()))
            }
            _ => request,
        }
    }

    async fn get(&mut self, method: &str, arguments: &[(&str, &str)]) -> Result<Answer, CommandError> {
        let mut url = self.wire.url(&format!("api/v2/{method}"))?;
        if !arguments.is_empty() {
            url.set_query(Some(&form::encoded(arguments)));
        }
        self.send(|session| session.wire.get(url.clone())).await
    }

    async fn post(&mut self, method: &str, fields: &[(&str, &str)]) -> Result<Answer, CommandError> {
        let (url, body) = (self.wire.url(&format!("api/v2/{method}"))?, form::encoded(fields));
        self.send(|session| session.wire.post(url.clone()).header(CONTENT_TYPE, form::ENCODED).body(body.clone())).await
    }

    /// Sends, and once more after signing in where that is asked for: a session ends when qBittorrent does.
    async fn send(&mut self, request: impl Fn(&Self) -> RequestBuilder) -> Result<Answer, CommandError> {
        let is_refused = |answer: &Answer| matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let answer = self.wire.send(self.dressed(request(self))).await?;
        if !is_refused(&answer) {
            return Ok(answer);
        }
        self.sign_in().await?;
        let answer = self.wire.send(self.dressed(request(self))).await?;
        if is_refused(&answer) {
            return Err(self.wire.refuses("this name and password may not do that"));
        }
        Ok(answer)
    }

    async fn sign_in(&mut self) -> Result<(), CommandError> {
        self.cookie = None;
        let Some(password) = self.password.clone() else {
            let how = "it wants a name and password: give --user, and the password in HEIRLOOM_QBITTORRENT_PASSWORD";
            return Err(self.wire.refuses(how));
        };
        if password.starts_with(API_KEY) {
            return Err(self.wire.refuses("it does not know this API key, or has none (before version 5.2)"));
        }
        let body = Zeroizing::new(form::encoded(&[("username", &self.user), ("password", &password)]));
        let request = self.wire.post(self.wire.url("api/v2/auth/login")?);
        let request = self.dressed(request).header(CONTENT_TYPE, form::ENCODED).body(body.to_string());
        let answer = self.wire.send(request).await?;
        if answer.status == StatusCode::FORBIDDEN {
            return Err(self.wire.refuses("too many wrong passwords came from here, so it is shut for a while"));
        }
        // "Fails." with 200 by version, 401 by others; a cookie is what a session is.
        let cookie = answer.headers.get(SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).and_then(|pair| pair.trim().parse().ok());
        match (answer.status.is_success(), cookie) {
            (true, Some(cookie)) => {
                self.cookie = Some(cookie);
                Ok(())
            }
            _ => Err(self.wire.refuses("name or password is wrong")),
        }
    }

    /// A list or object; `None`: there is no such torrent, or not yet.
    async fn ask(&mut self, method: &str, arguments: &[(&str, &str)]) -> Result<Option<Value>, CommandError> {
        let answer = self.get(method, arguments).await?;
        match answer.status {
            StatusCode::OK => self.wire.json(&answer).map(Some),
            // 409: the torrent is known, and its metadata is not here yet.
            StatusCode::NOT_FOUND | StatusCode::CONFLICT => Ok(None),
            status => Err(self.wire.rubbish(&format!("{method} gives status {}", status.as_u16()))),
        }
    }

    async fn torrents(&mut self, arguments: &[(&str, &str)]) -> Result<Vec<Value>, CommandError> {
        match self.ask("torrents/info", arguments).await? {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Err(self.wire.rubbish("torrents/info is no list")),
        }
    }

    /// What came in since the last look: of all torrents at first, then of those that are downloaded.
    pub(super) async fn look(&mut self) -> Result<Look, CommandError> {
        let rows = if self.has_looked {
            let mut rows = self.torrents(&[("filter", "downloading")]).await?;
            // Those that were active at the last look may be done since.
            let listed: Vec<&str> = rows.iter().filter_map(|row| row["hash"].as_str()).collect();
            let active =
                self.seen.iter().filter(|(hash, (_, is_settled))| !is_settled && !listed.contains(&hash.as_str()));
            let hashes: Vec<&str> = active.map(|(hash, _)| hash.as_str()).take(SWARMS_MAX).collect();
            let hashes = hashes.join("|");
            if !hashes.is_empty() {
                rows.extend(self.torrents(&[("hashes", &hashes)]).await?);
            }
            rows
        } else {
            self.torrents(&[]).await?
        };
        let mut look = Look::default();
        let mut active: Vec<(u64, u64, u64, String, Infohash)> = Vec::new();
        for row in &rows {
            let Some((hash, infohash)) = names(row) else {
                look.skipped.push((row["hash"].as_str().map(super::shown).unwrap_or_default(), NO_V1.into()));
                continue;
            };
            let downloaded = read::or_zero(row, "downloaded");
            let this_session = read::field(row, "downloaded_session").unwrap_or(downloaded);
            let is_old = self.seen.get(&hash).is_some_and(|(before, is_settled)| *is_settled && *before == downloaded);
            if this_session > 0 && !is_old {
                active.push((read::or_zero(row, "dlspeed"), this_session, downloaded, hash, infohash));
            }
        }
        active.sort_unstable_by(|a, b| b.cmp(a));
        for (.., infohash) in active.iter().skip(SWARMS_MAX) {
            look.skipped.push((infohash.to_string(), format!("more than {SWARMS_MAX} torrents are active: it waits")));
        }
        active.truncate(SWARMS_MAX);
        let until = Instant::now() + LOOK_TIME;
        let mut is_whole = true;
        for (.., downloaded, hash, infohash) in active {
            if Instant::now() >= until {
                // The rest is looked at next time; what was read is not lost.
                is_whole = false;
                break;
            }
            // First its sums, then its peers: what comes in between is claimed by its sender, and paid at the next look.
            let Some(sums) = self.sums(&hash).await? else { continue };
            let asked = [("hash", hash.as_str()), ("rid", "0")];
            let Some(peers) = self.ask("sync/torrentPeers", &asked).await? else { continue };
            match swarm_of(infohash, &sums, &peers).and_then(believed) {
                Ok(swarm) => {
                    let got = swarm.downloaded.saturating_sub(swarm.wasted);
                    let is_settled = swarm.verified >= got || (swarm.size > 0 && swarm.verified >= swarm.size);
                    self.seen.insert(hash, (downloaded, is_settled));
                    look.swarms.push(swarm);
                }
                Err(why) => look.doubted.push((infohash.to_string(), why)),
            }
        }
        let known: Vec<&str> = rows.iter().filter_map(|row| row["hash"].as_str()).collect();
        // What was not done, and is not there any longer, was removed.
        self.seen.retain(|hash, (_, is_settled)| *is_settled || known.contains(&hash.as_str()));
        if self.seen.len() > SEEN_MAX {
            // Looking at one again books nothing twice.
            self.seen.clear();
        }
        self.has_looked |= is_whole;
        Ok(look)
    }

    /// The sums of a torrent; versions that do not count its pieces are asked for the state of each.
    async fn sums(&mut self, hash: &str) -> Result<Option<Value>, CommandError> {
        let Some(mut sums) = self.ask("torrents/properties", &[("hash", hash)]).await? else { return Ok(None) };
        let is_short = sums["pieces_have"].is_null() || sums["pieces_num"].is_null();
        if is_short
            && sums.is_object()
            && let Some(Value::Array(states)) = self.ask("torrents/pieceStates", &[("hash", hash)]).await?
        {
            sums["pieces_have"] = states.iter().filter(|state| **state == PIECE_IS_HERE).count().into();
            sums["pieces_num"] = states.len().into();
        }
        Ok(Some(sums))
    }

    /// The name by which it knows a torrent: of a hybrid one that is not the v1 infohash.
    async fn row(&mut self, infohash: &Infohash) -> Result<Option<Value>, CommandError> {
        let rows = self.torrents(&[("hashes", &infohash.to_string())]).await?;
        let is_it = |row: &Value| names(row).is_some_and(|(_, found)| found == *infohash);
        Ok(rows.into_iter().find(is_it))
    }

    pub(super) async fn progress(&mut self, infohash: &Infohash) -> Result<Option<Progress>, CommandError> {
        Ok(self.row(infohash).await?.map(|row| progress_of(&row)))
    }

    pub(super) async fn files(&mut self, infohash: &Infohash) -> Result<Option<Vec<(String, u64)>>, CommandError> {
        let files = self.ask("torrents/files", &[("hash", &infohash.to_string())]).await?;
        let Some(Value::Array(rows)) = files else { return Ok(None) };
        Ok(files_of(&rows))
    }

    pub(super) async fn select(
        &mut self,
        infohash: &Infohash,
        wanted: &BTreeSet<u32>,
        others: &BTreeSet<u32>,
    ) -> Result<(), CommandError> {
        let hash = infohash.to_string();
        // What is not wanted first, so that nothing of it begins.
        for (files, priority) in [(others, "0"), (wanted, "1")] {
            if files.is_empty() {
                continue;
            }
            let ids: Vec<String> = files.iter().map(u32::to_string).collect();
            let asked = [("hash", hash.as_str()), ("id", &ids.join("|")), ("priority", priority)];
            let answer = self.post("torrents/filePrio", &asked).await?;
            if !answer.status.is_success() {
                let message =
                    format!("it cannot choose among the files of a torrent (status {})", answer.status.as_u16());
                return Err(self.wire.refuses(&message));
            }
        }
        Ok(())
    }

    pub(super) async fn stop(&mut self, infohash: &Infohash) -> Result<(), CommandError> {
        let hash = infohash.to_string();
        // Version 5 says stop, and no longer pause.
        for method in ["torrents/stop", "torrents/pause"] {
            let answer = self.post(method, &[("hashes", &hash)]).await?;
            if answer.status.is_success() {
                return Ok(());
            }
        }
        Err(self.wire.rubbish("it can neither stop nor pause a torrent"))
    }

    pub(super) async fn add(&mut self, offer: &Offer) -> Result<(), CommandError> {
        // That there is one already is fine, and answered with 409.
        self.post("torrents/createCategory", &[("category", LABEL), ("savePath", "")]).await?;
        let is_paused = if offer.is_paused { "true" } else { "false" };
        let mut fields = vec![("category", LABEL), ("paused", is_paused), ("stopped", is_paused)];
        if let Some(folder) = &offer.to {
            fields.extend([("savepath", folder.as_str()), ("autoTMM", "false")]);
        }
        let answer = match &offer.torrent {
            Some(torrent) => {
                let (url, (kind, body)) = (self.wire.url("api/v2/torrents/add")?, form::multipart(&fields, torrent));
                self.send(|session| {
                    session.wire.post(url.clone()).header(CONTENT_TYPE, kind.as_str()).body(body.clone())
                })
                .await?
            }
            None => {
                fields.push(("urls", &offer.magnet));
                self.post("torrents/add", &fields).await?
            }
        };
        let said = String::from_utf8_lossy(&answer.body);
        if !answer.status.is_success() || said.trim() == "Fails." {
            return Err(self.wire.refuses(&format!("it takes no such torrent (status {})", answer.status.as_u16())));
        }
        Ok(())
    }
}

/// The state of a piece that was downloaded and checked.
const PIECE_IS_HERE: u64 = 2;

const NO_V1: &str = "it has no v1 infohash, by which releases are known here";

/// The name by which a torrent is asked for, and its v1 infohash.
fn names(row: &Value) -> Option<(String, Infohash)> {
    let hash = row["hash"].as_str()?;
    let infohash = match row["infohash_v1"].as_str() {
        Some(v1) => v1,
        // Before 4.4 there were no others.
        None => hash,
    };
    Some((hash.to_owned(), infohash.parse().ok()?))
}

/// A torrent's figures. What is missing makes it one without.
fn swarm_of(infohash: Infohash, sums: &Value, peers: &Value) -> Result<Swarm, String> {
    let field = |name: &str| read::field(sums, name).ok_or_else(|| format!("{name} is missing in its properties"));
    let (piece, have, all) = (field("piece_size")?, field("pieces_have")?, field("pieces_num")?);
    if have > all {
        return Err(format!("it has {have} of {all} pieces"));
    }
    let size = read::field(sums, "total_size").unwrap_or_else(|| piece.saturating_mul(all));
    // As if the last piece, which is shorter, were among those that are here.
    let beyond = piece.saturating_mul(all).saturating_sub(size);
    let verified = if have >= all { size } else { piece.saturating_mul(have).saturating_sub(beyond) };
    let verified = if all == 0 { 0 } else { verified.min(size) };
    let rows = match &peers["peers"] {
        Value::Object(rows) => rows,
        Value::Null => &serde_json::Map::new(),
        _ => return Err("its peers are no table".into()),
    };
    if rows.len() > PEERS_MAX {
        return Err(format!("it has more than {PEERS_MAX} peers, which qBittorrent never keeps"));
    }
    let sources = rows.iter().filter_map(|(at, row)| source_of(at, row)).collect();
    let (downloaded, wasted) = (field("total_downloaded")?, read::or_zero(sums, "total_wasted"));
    Ok(Swarm { infohash, size, verified, downloaded, wasted, sources })
}

/// A peer; those of I2P have no address, and what they sent is counted as nobody's.
fn source_of(at: &str, row: &Value) -> Option<Source> {
    let said = || {
        let ip: IpAddr = row["ip"].as_str()?.parse().ok()?;
        Some(SocketAddr::new(ip, u16::try_from(read::field(row, "port")?).ok()?))
    };
    // `ip:port`, of IPv6 too, in brackets or not by version.
    let address = said().or_else(|| at.parse().ok())?;
    let is_web_seed = row["connection"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("web"));
    let figure = Figure::Connection(read::field(row, "downloaded")?);
    Some(Source { address, client_name: read::client_name(&row["client"]), is_web_seed, figure })
}

/// The files by their index in the torrent: those that only fill up are not listed, and have no path here.
fn files_of(rows: &[Value]) -> Option<Vec<(String, u64)>> {
    let mut files = Vec::new();
    for (number, row) in rows.iter().enumerate().take(FILES_MAX) {
        let Some(path) = row["name"].as_str() else { continue };
        let at = read::field(row, "index").and_then(|index| usize::try_from(index).ok()).unwrap_or(number);
        if at < FILES_MAX {
            files.resize(files.len().max(at + 1), (String::new(), 0));
            files[at] = (path.to_owned(), read::or_zero(row, "size"));
        }
    }
    (!files.is_empty()).then_some(files)
}

fn progress_of(row: &Value) -> Progress {
    let said = row["state"].as_str().unwrap_or_default();
    let total = read::field(row, "size").or_else(|| read::field(row, "total_size")).unwrap_or(0);
    let left = read::field(row, "amount_left");
    let is_finished = total > 0 && said != "metaDL" && left == Some(0);
    let state = match said {
        "error" | "missingFiles" => "failed",
        "metaDL" | "forcedMetaDL" => "resolving",
        "checkingDL" | "checkingUP" | "checkingResumeData" | "moving" => "checking",
        "pausedDL" | "stoppedDL" => "paused",
        "queuedDL" | "stalledDL" | "downloading" | "forcedDL" | "allocating" => "downloading",
        _ if is_finished => "seeding",
        _ => "downloading",
    };
    Progress {
        name: read::text(&row["name"]),
        state,
        is_finished,
        bytes: left.map_or_else(|| read::or_zero(row, "completed"), |left| total.saturating_sub(left)),
        total,
        down_rate: read::or_zero(row, "dlspeed"),
        peers: read::or_zero(row, "num_seeds").saturating_add(read::or_zero(row, "num_leechs")),
        path: read::text(&row["content_path"]).or_else(|| read::text(&row["save_path"])),
        trouble: match said {
            "error" => Some("qBittorrent reports an error: look there".into()),
            "missingFiles" => Some("its files are gone from where qBittorrent put them".into()),
            _ => None,
        },
    }
}

#[cfg(test)]
#[path = "qbittorrent_tests.rs"]
mod tests;
