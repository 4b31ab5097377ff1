//! What a person asks for, still as text, and its meaning.

use super::clients::{self, SwarmRow};
use super::rows::{self, Row};
use super::words::{
    check_addresses, decoded, duration, ledger_by, lines, mapping, nfc, read, retract_target, ring, wanted,
    why_subject, worst_band, years,
};
use crate::search::{DEPTH_MAX, Wish};
use crate::starter;
use heirloom_core::command::{Choice, Command, CommandError, Filter, Following, Made, Publish, Skip};
use heirloom_core::fitting::Pick;
use heirloom_proto::WorkId;
use heirloom_proto::body::{CuratorEntry, CuratorList, Level, Opinion, Scope, WorkKind};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// A verb with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are the CLI's flags, documented there")]
#[allow(clippy::large_enum_variant, reason = "a request is read once and taken apart")]
pub enum Request {
    Id,
    IdSet {
        name: Option<String>,
        url: Option<String>,
    },
    Follow {
        key: String,
        /// Left out, it is as before; for a new key `high`.
        #[serde(default)]
        level: Option<String>,
        /// Left out, it is as before; for a new key `*`.
        #[serde(default)]
        scope: Option<String>,
        /// Left out, it is as before; empty, what they call themselves.
        #[serde(default)]
        alias: Option<String>,
        /// What they are called where they were found: the alias of a key that is new here.
        #[serde(default)]
        found_as: String,
        preview: bool,
    },
    Follows,
    /// What a key says.
    About {
        key: String,
        /// Of each kind leave out so many, the newest first.
        #[serde(default)]
        skip: usize,
    },
    /// Take the starter catalogue, although it was dropped.
    TakeStarter,
    /// Sign a list.
    ListMake {
        name: String,
        entries: Vec<ListEntry>,
        private: bool,
    },
    /// The owner's card in its forms.
    CuratorCard,
    /// Check the signature and text of a list.
    ListVerify {
        text: String,
    },
    Unfollow {
        key: String,
    },
    Attest {
        key: String,
        level: String,
        scope: String,
        reason: String,
        expires: Option<String>,
        private: bool,
    },
    Verdict {
        infohash: String,
        opinion: String,
        note: String,
        private: bool,
    },
    Why {
        subject: String,
        scope: String,
    },
    Trust {
        scope: String,
        limit: usize,
    },
    Ring {
        scope: String,
        keys: Vec<String>,
    },
    Ledger {
        by: String,
    },
    /// Link an address to a key; without one, unlink it.
    LedgerLink {
        address: String,
        key: Option<String>,
    },
    /// Book a look at another client of the owner's, as weak evidence.
    LedgerImport {
        client: String,
        swarms: Vec<SwarmRow>,
        #[serde(default)]
        dry_run: bool,
    },
    /// Choose a release for another client to fetch.
    HandOff {
        what: String,
        anyway: bool,
        #[serde(default)]
        resolution: Option<String>,
        /// What of a series, as for `get`.
        #[serde(default)]
        episode: Option<String>,
    },
    /// Which files of a release that was handed off are what is wanted of it.
    HandedFiles {
        infohash: String,
        episode: String,
        files: Vec<(String, u64)>,
    },
    /// Remember that a client has it.
    HandedOff {
        infohash: String,
        client: String,
        url: String,
        #[serde(default)]
        anyway: bool,
    },
    /// What was handed off.
    Handed,
    /// Look at what is in a release that was handed off.
    LookInto {
        infohash: String,
        files: Vec<(String, u64)>,
    },
    Publish {
        source: String,
        work: String,
        title: Option<String>,
        year: Option<u32>,
        kind: Option<String>,
        season: Option<u32>,
        episode: Option<u32>,
        map: Vec<String>,
        licence: String,
        resolution: String,
        languages: Vec<String>,
        #[serde(default)]
        subtitles: Vec<String>,
        #[serde(default)]
        medium: String,
        #[serde(default)]
        video_codec: String,
        #[serde(default)]
        audio_codecs: Vec<String>,
        #[serde(default)]
        trackers: Vec<String>,
        #[serde(default)]
        web_seeds: Vec<String>,
        #[serde(default)]
        artwork: Option<String>,
        private: bool,
    },
    /// What is read and hashed now, to be published.
    Publishing,
    /// End one of those.
    PublishCancel {
        job: u64,
    },
    List {
        rows: Vec<Row>,
        dry_run: bool,
    },
    /// Seed what was listed and is here.
    Seed {
        items: Vec<SeedItem>,
    },
    Retract {
        target: String,
    },
    Search {
        text: String,
        kind: Option<String>,
        band: Option<String>,
        limit: usize,
        /// Leave out so many of the best; said with the first page too, pages fit together.
        #[serde(default)]
        offset: Option<usize>,
        #[serde(default)]
        genre: Option<String>,
        #[serde(default)]
        year: Option<String>,
        #[serde(default)]
        language: Option<String>,
        #[serde(default)]
        licence: Option<String>,
        #[serde(default)]
        resolution: Option<String>,
    },
    Show {
        work: String,
        wait: Option<u64>,
        #[serde(default)]
        resolution: Option<String>,
    },
    Get {
        what: String,
        to: Option<String>,
        anyway: bool,
        /// `s01e02`, `s01`, `2024-05-01`, `14`.
        #[serde(default)]
        episode: Option<String>,
        #[serde(default)]
        resolution: Option<String>,
    },
    /// Neither fetch nor seed a release any longer.
    Cancel {
        infohash: String,
        #[serde(default)]
        delete: bool,
    },
    /// The settings, or one of them.
    Config {
        #[serde(default)]
        name: Option<String>,
    },
    /// Write a setting into the file; without a value take it out.
    ConfigSet {
        name: String,
        #[serde(default)]
        value: Option<String>,
    },
    Status,
    /// What the node needs.
    Doctor {
        /// Ask nobody: without the trials in the DHT, which take seconds.
        #[serde(default)]
        quick: bool,
    },
    /// A link for a browser. The route of that name answers it.
    Open,
    /// The shelf as files of a library.
    Strm,
    /// What to plug into which other program of the owner's.
    Apps {
        #[serde(default)]
        renew: bool,
    },
    /// Where to play a file. The route of that name answers it.
    Play {
        what: String,
        #[serde(default)]
        file: Option<usize>,
        #[serde(default)]
        episode: Option<String>,
        #[serde(default)]
        resolution: Option<String>,
        #[serde(default)]
        anyway: bool,
    },
    Download {
        infohash: String,
    },
    Export,
    Import {
        envelopes: Vec<String>,
    },
    Reindex,
}

/// A torrent file, and where its content lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeedItem {
    /// Path of the torrent file.
    pub torrent: String,
    /// Path of the file or folder.
    pub content: String,
}

/// Somebody on a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListEntry {
    /// Key.
    pub key: String,
    /// Name; left out, the one that it has here.
    #[serde(default)]
    pub name: String,
    /// What they are good for.
    #[serde(default)]
    pub note: String,
}

/// Longest time that `show --wait` may take, in seconds: an hour; a forgotten script should not ask for ever.
const WAIT_S_MAX: u64 = 3600;

/// The core's command behind a request; `None` for those that the driver answers itself.
///
/// # Errors
/// One sentence that says what is wrong with the text and what to write instead.
pub fn parse(request: Request) -> Result<Option<Command>, CommandError> {
    Ok(Some(match request {
        Request::Id => Command::Identity,
        Request::IdSet { name, url } => {
            let is_web = |url: &String| url.is_empty() || url.starts_with("https://") || url.starts_with("http://");
            if url.as_ref().is_some_and(|url| !is_web(url)) {
                return Err(CommandError::bad_input("bad_url", "the address must begin with https:// or http://"));
            }
            Command::SetProfile { name: name.map(nfc), url: url.map(nfc) }
        }
        Request::Follow { key, level, scope, alias, found_as, preview } => Command::FollowAs {
            key: read("bad_key", &key)?,
            said: Following {
                level: level.map(|level| read("bad_level", &level)).transpose()?,
                scope: scope.map(|scope| read("bad_scope", &scope)).transpose()?,
                alias: alias.map(nfc),
                found_as: nfc(found_as),
            },
            preview,
        },
        Request::Follows => Command::Follows,
        Request::About { key, skip } => Command::About {
            key: read("bad_key", &key)?,
            skip: Skip { listings: skip, attestations: skip, verdicts: skip },
        },
        Request::Unfollow { key } if key.trim() == starter::NAME => Command::DropStarter,
        Request::Unfollow { key } => Command::Unfollow { key: read("bad_key", &key)? },
        Request::TakeStarter => starter::take(true)?,
        Request::ListMake { name, entries, private } => {
            let entries = entries.into_iter().map(|entry| {
                Ok(CuratorEntry { key: read("bad_key", &entry.key)?, name: nfc(entry.name), note: nfc(entry.note) })
            });
            let list = CuratorList { name: nfc(name), entries: entries.collect::<Result<_, CommandError>>()? };
            Command::MakeList { list, private }
        }
        Request::Attest { key, level, scope, reason, expires, private } => Command::Attest {
            subject: read("bad_key", &key)?,
            level: read::<Level>("bad_level", &level)?,
            scope: read::<Scope>("bad_scope", &scope)?,
            reason: nfc(reason),
            lifetime: expires.map(|text| duration(&text)).transpose()?,
            private,
        },
        Request::Verdict { infohash, opinion, note, private } => Command::Verdict {
            infohash: read("bad_infohash", &infohash)?,
            opinion: read::<Opinion>("bad_verdict", &opinion)?,
            note: nfc(note),
            private,
        },
        Request::Why { subject, scope } => {
            Command::Why { subject: why_subject(&subject)?, scope: read("bad_scope", &scope)? }
        }
        Request::Trust { scope, limit } => Command::Trust { scope: read("bad_scope", &scope)?, limit },
        Request::Ring { scope, keys } => ring(&scope, &keys)?,
        Request::LedgerLink { address, key } => Command::Link {
            address: address.trim().parse().map_err(|_| {
                CommandError::bad_input(
                    "bad_address",
                    format!("{address:?} is no IP address: copy it from `heirloom ledger`"),
                )
            })?,
            key: key.map(|key| read("bad_key", &key)).transpose()?,
        },
        Request::LedgerImport { client, swarms, dry_run } => clients::observe(&client, swarms, dry_run)?,
        Request::HandOff { what, anyway, resolution, episode } => {
            let pick = episode.as_deref().map(pick).transpose()?;
            let choice = Choice { pick, lines: liked(resolution.as_deref())? };
            Command::HandOff { what: wanted(&what)?, anyway, choice }
        }
        Request::HandedFiles { infohash, episode, files } => {
            Command::HandedFiles { infohash: read("bad_infohash", &infohash)?, pick: pick(&episode)?, files }
        }
        Request::HandedOff { infohash, client, url, anyway } => Command::HandedOff {
            infohash: read("bad_infohash", &infohash)?,
            client: clients::program(&client)?,
            url,
            anyway,
        },
        Request::Handed => Command::Handed,
        Request::LookInto { infohash, files } => {
            Command::LookInto { infohash: read("bad_infohash", &infohash)?, files }
        }
        Request::Ledger { by } => Command::Ledger { by: ledger_by(&by)? },
        Request::Publish { .. } => return publish(request).map(|publish| Some(Command::Publish(publish))),
        Request::List { rows, dry_run } => {
            Command::List { entries: rows.into_iter().map(rows::entry).collect::<Result<_, _>>()?, is_dry: dry_run }
        }
        Request::Retract { target } => Command::Retract { target: retract_target(&target)? },
        Request::Show { work, wait, resolution } => Command::Show {
            work: read("bad_work", &work)?,
            wait: wait.map(|seconds| Duration::from_secs(seconds.min(WAIT_S_MAX))),
            lines: liked(resolution.as_deref())?,
        },
        Request::Get { what, to, anyway, episode, resolution } => {
            let pick = episode.as_deref().map(pick).transpose()?;
            let choice = Choice { pick, lines: liked(resolution.as_deref())? };
            Command::Get { what: wanted(&what)?, to, anyway, choice }
        }
        Request::Cancel { infohash, delete } => Command::Cancel { infohash: read("bad_infohash", &infohash)?, delete },
        Request::Status => Command::Status,
        Request::Export => Command::Export,
        Request::Import { envelopes } => Command::Import { envelopes: decoded(&envelopes)? },
        Request::Reindex => Command::Reindex,
        Request::Search { .. }
        | Request::Download { .. }
        | Request::CuratorCard
        | Request::ListVerify { .. }
        | Request::Config { .. }
        | Request::ConfigSet { .. }
        | Request::Doctor { .. }
        | Request::Publishing
        | Request::PublishCancel { .. }
        | Request::Seed { .. }
        | Request::Open
        | Request::Apps { .. }
        | Request::Strm
        | Request::Play { .. } => return Ok(None),
    }))
}

/// What a search asks for; `None` for other requests.
///
/// # Errors
/// One sentence that says what is wrong with a filter and what to write instead. Words are never wrong.
pub fn wish(request: &Request) -> Result<Option<Wish>, CommandError> {
    let Request::Search { text, kind, band, limit, offset, genre, year, language, licence, resolution } = request
    else {
        return Ok(None);
    };
    let given =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let filter = Filter {
        kind: kind.as_deref().map(|kind| read("bad_kind", kind)).transpose()?,
        genre: given(genre),
        years: given(year).map(|year| years(&year)).transpose()?,
        language: given(language),
        licence: given(licence),
    };
    let band = band.as_deref().map(worst_band).transpose()?;
    let lines = liked(resolution.as_deref())?;
    if let Some(offset) = offset.filter(|offset| *offset >= DEPTH_MAX) {
        let message = format!(
            "an offset of {offset} is beyond the {DEPTH_MAX} best that are looked through: add words or filters instead"
        );
        return Err(CommandError::bad_input("bad_offset", message));
    }
    Ok(Some(Wish { text: text.clone(), filter, band, limit: *limit, offset: *offset, lines }))
}

/// Resolution that is liked best, where nobody says anything, in lines: what most screens show.
pub(crate) const LINES_LIKED: u32 = 1080;

impl Request {
    /// The same with the owner's setting where a request leaves open which resolution is liked best.
    #[must_use]
    pub fn liking(mut self, setting: &str) -> Self {
        if let Self::Search { resolution, .. }
        | Self::Show { resolution, .. }
        | Self::Get { resolution, .. }
        | Self::HandOff { resolution, .. }
        | Self::Play { resolution, .. } = &mut self
        {
            resolution.get_or_insert_with(|| setting.to_owned());
        }
        self
    }
}

/// What of a series, as it was typed.
pub(super) fn pick(text: &str) -> Result<Pick, CommandError> {
    read("bad_episode", text)
}

fn liked(resolution: Option<&str>) -> Result<u32, CommandError> {
    resolution.map_or(Ok(LINES_LIKED), lines)
}

fn publish(request: Request) -> Result<Publish, CommandError> {
    let Request::Publish {
        source,
        work,
        title,
        year,
        kind,
        season,
        episode,
        map,
        licence,
        resolution,
        languages,
        subtitles,
        medium,
        video_codec,
        audio_codecs,
        trackers,
        web_seeds,
        artwork,
        private,
    } = request
    else {
        return Err(CommandError::bad_input("bad_request", "not a publish request"));
    };
    let episode = match (season, episode) {
        (_, None) => None,
        (Some(season), Some(episode)) if episode > 0 => Some((season, episode)),
        _ => {
            return Err(CommandError::bad_input(
                "bad_episode",
                "an episode needs both --season and --episode, counted from 1 (season 0 holds the specials)",
            ));
        }
    };
    if year.is_some_and(|year| !(1..=9999).contains(&year)) {
        return Err(CommandError::bad_input("bad_year", "the year must lie between 1 and 9999"));
    }
    let title = title.map(|title| nfc(title.trim().to_owned())).filter(|title| !title.is_empty());
    let kind = kind.map(|kind| read::<WorkKind>("bad_kind", &kind)).transpose()?;
    let work = match (WorkId::words_of(&work), &title) {
        // No outside catalogue knows it: its id is made of what people call it, and of what tells it from a namesake.
        (Some(words), Some(title)) => {
            WorkId::of_words(title, year.unwrap_or(0), kind.unwrap_or(WorkKind::Film).name(), words)
        }
        (Some(_), None) => {
            return Err(CommandError::bad_input("bad_work", "a work without an outside id needs its --title"));
        }
        (None, _) => read("bad_work", &work)?,
    };
    check_addresses(&trackers, "tracker", &["udp://", "http://", "https://"])?;
    check_addresses(&web_seeds, "web seed", &["http://", "https://"])?;
    Ok(Publish {
        source,
        work,
        title,
        year,
        kind,
        episode,
        season: season.filter(|_| episode.is_none()),
        map: map.iter().map(|text| mapping(text)).collect::<Result<_, _>>()?,
        licence: nfc(licence),
        resolution: nfc(resolution),
        languages,
        made: Box::new(Made {
            medium: nfc(medium),
            video_codec: nfc(video_codec),
            audio_codecs: audio_codecs.into_iter().map(nfc).collect(),
            subtitles,
            trackers,
            web_seeds,
        }),
        // A running node has taken the file in by now, and named its digest.
        artwork: artwork
            .map(|digest| digest.parse().map_err(|_| CommandError::needs_node("publishing")))
            .transpose()?,
        private,
    })
}
