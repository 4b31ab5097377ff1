//! What a person asks for, still as text, and its meaning.

use super::clients::{self, SwarmRow};
use super::rows::{self, Row};
use crate::search::Wish;
use crate::starter;
use data_encoding::BASE64;
use heirloom_core::command::{Choice, Command, CommandError, Filter, Made, Publish, Subject, Target, Wanted};
use heirloom_core::fitting::Pick;
use heirloom_core::views::LedgerBy;
use heirloom_graph::Band;
use heirloom_proto::body::{CuratorEntry, CuratorList, Level, Opinion, Scope, WorkKind};
use heirloom_proto::key::KeyError;
use heirloom_proto::{Infohash, Key, StatementId, WorkId};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
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
        level: String,
        scope: String,
        alias: String,
        preview: bool,
    },
    Follows,
    /// What a key says.
    About {
        key: String,
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
    Doctor,
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
        Request::Follow { key, level, scope, alias, preview } => Command::Follow {
            key: read("bad_key", &key)?,
            level: read("bad_level", &level)?,
            scope: read("bad_scope", &scope)?,
            alias: nfc(alias),
            preview,
        },
        Request::Follows => Command::Follows,
        Request::About { key } => Command::About { key: read("bad_key", &key)? },
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
        Request::HandOff { what, anyway, resolution } => {
            Command::HandOff { what: wanted(&what)?, anyway, lines: liked(resolution.as_deref())? }
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
        | Request::Doctor
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
    let Request::Search { text, kind, band, limit, genre, year, language, licence, resolution } = request else {
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
    Ok(Some(Wish { text: text.clone(), filter, band, limit: *limit, lines }))
}

/// Resolution that is liked best, where nothing else is said, in lines: what most screens show.
pub(crate) const LINES_LIKED: u32 = 1080;

/// What of a series, as it was typed.
pub(super) fn pick(text: &str) -> Result<Pick, CommandError> {
    read("bad_episode", text)
}

pub(super) fn liked(resolution: Option<&str>) -> Result<u32, CommandError> {
    resolution.map_or(Ok(LINES_LIKED), lines)
}

fn lines(text: &str) -> Result<u32, CommandError> {
    let bad = || {
        let message = format!("{text:?} is not a resolution: write it as 1080p, 720p or 2160p, or any");
        CommandError::bad_input("bad_resolution", message)
    };
    if text == "any" { Ok(0) } else { heirloom_core::lines_of(text).ok_or_else(bad) }
}

/// `1968`, `1960-1969`, `1960-`, `-1969`.
fn years(text: &str) -> Result<(u32, u32), CommandError> {
    let bad = || {
        let message = format!("{text:?} is not a year or range of years: write it as 1968, 1960-1969, 1960- or -1969");
        CommandError::bad_input("bad_year", message)
    };
    let year = |text: &str, open: u32| match text.trim() {
        "" => Ok(open),
        text => text.parse().ok().filter(|year| (1..=9999).contains(year)).ok_or_else(bad),
    };
    let (first, last) = match text.split_once(['-', '–']) {
        Some((first, last)) if !(first.trim().is_empty() && last.trim().is_empty()) => {
            (year(first, 1)?, year(last, 9999)?)
        }
        Some(_) => return Err(bad()),
        None => (year(text, 0)?, year(text, 0)?),
    };
    if first <= last && first > 0 { Ok((first, last)) } else { Err(bad()) }
}

/// Text in the form that statements are signed in: people type accents in several.
fn nfc(text: String) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    text.nfc().collect()
}

fn read<T: FromStr<Err: std::fmt::Display>>(code: &'static str, text: &str) -> Result<T, CommandError> {
    text.parse().map_err(|error: T::Err| CommandError::bad_input(code, error.to_string()))
}

/// `180d`, `12h`, `30m`, `10s`, `52w`.
fn duration(text: &str) -> Result<Duration, CommandError> {
    let bad =
        || CommandError::bad_input("bad_time", format!("{text:?} is not a time span: write it as 180d, 12h or 52w"));
    let text = text.trim();
    let unit = text.chars().last().ok_or_else(bad)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(bad()),
    };
    let count: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| bad())?;
    let seconds = count.checked_mul(seconds).filter(|seconds| *seconds > 0).ok_or_else(bad)?;
    Ok(Duration::from_secs(seconds))
}

fn is_infohash_like(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn why_subject(text: &str) -> Result<Subject, CommandError> {
    let text = text.trim();
    if is_infohash_like(text) {
        return read::<Infohash>("bad_infohash", text).map(Subject::Release);
    }
    let is_meant_as_key = ["did:key:", "z6Mk", "pk:", "12D3Koo"].iter().any(|start| text.starts_with(start));
    match text.parse::<Key>() {
        Ok(key) => return Ok(Subject::Key(key)),
        Err(KeyError::NotAKey { .. }) if !is_meant_as_key => {}
        Err(error) => return Err(CommandError::bad_input("bad_key", error.to_string())),
    }
    text.parse::<WorkId>().map(Subject::Work).map_err(|error| {
        let what = "neither a key, nor 40 hexadecimal digits of an infohash, nor the id of a work";
        CommandError::bad_input("bad_subject", format!("{text:?} is {what} ({error})"))
    })
}

pub(super) fn wanted(text: &str) -> Result<Wanted, CommandError> {
    if is_infohash_like(text.trim()) {
        return read::<Infohash>("bad_infohash", text).map(Wanted::Release);
    }
    text.parse::<WorkId>().map(Wanted::Work).map_err(|error| {
        let what = "neither 40 hexadecimal digits of an infohash nor the id of a work";
        CommandError::bad_input("bad_work", format!("{text:?} is {what} ({error})"))
    })
}

fn retract_target(text: &str) -> Result<Target, CommandError> {
    if is_infohash_like(text.trim()) {
        return read::<Infohash>("bad_infohash", text).map(Target::Release);
    }
    read::<StatementId>("bad_id", text).map(Target::Statement).map_err(|_| {
        let what = "neither the 64 hexadecimal digits of a statement's id nor the 40 of an infohash";
        CommandError::bad_input("bad_id", format!("{text:?} is {what}"))
    })
}

fn ledger_by(text: &str) -> Result<LedgerBy, CommandError> {
    match text {
        "key" => Ok(LedgerBy::Key),
        "address" => Ok(LedgerBy::Address),
        "release" => Ok(LedgerBy::Release),
        "day" => Ok(LedgerBy::Day),
        _ => Err(CommandError::bad_input(
            "bad_by",
            format!("{text:?} is not a way to add up: use key, address or release"),
        )),
    }
}

fn worst_band(text: &str) -> Result<Band, CommandError> {
    match text {
        "trusted" => Ok(Band::Trusted),
        "vouched" => Ok(Band::Vouched),
        "earned" => Ok(Band::Earned),
        "unknown" => Ok(Band::Unknown),
        "all" => Ok(Band::Distrusted),
        _ => Err(CommandError::bad_input(
            "bad_band",
            format!("{text:?} is not a band: use trusted, vouched, earned, unknown or all"),
        )),
    }
}

/// Keys by number, so that the wrong one can be found.
fn ring(scope: &str, keys: &[String]) -> Result<Command, CommandError> {
    let scope = read("bad_scope", scope)?;
    let parse = |(at, text): (usize, &String)| {
        let wrong = |error: KeyError| CommandError::bad_input("bad_ring", format!("key {}: {error}", at + 1));
        text.trim().parse::<Key>().map_err(wrong)
    };
    Ok(Command::Ring { scope, keys: keys.iter().enumerate().map(parse).collect::<Result<_, _>>()? })
}

fn decoded(envelopes: &[String]) -> Result<Vec<Vec<u8>>, CommandError> {
    let wrong = |at: usize| CommandError::bad_input("bad_envelope", format!("envelope {} is not in base 64", at + 1));
    let decode = |(at, text): (usize, &String)| BASE64.decode(text.as_bytes()).map_err(|_| wrong(at));
    envelopes.iter().enumerate().map(decode).collect()
}

/// `FILE=S01E02`; the file may be given by the end of its path.
fn mapping(text: &str) -> Result<(String, (u32, u32)), CommandError> {
    let bad = || CommandError::bad_input("bad_map", format!("{text:?} is not a mapping: write it as FILE=S01E02"));
    let (file, episode) = text.rsplit_once('=').ok_or_else(bad)?;
    let lower = episode.to_ascii_lowercase();
    let (season, number) = lower.strip_prefix('s').and_then(|rest| rest.split_once('e')).ok_or_else(bad)?;
    let season = season.parse().map_err(|_| bad())?;
    let number = number.parse().ok().filter(|n| *n > 0).ok_or_else(bad)?;
    if file.is_empty() { Err(bad()) } else { Ok((nfc(file.to_owned()), (season, number))) }
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
    let work = match (work.trim(), &title) {
        // No outside catalogue knows it: its id is made of what people call it.
        ("hl:", Some(title)) => WorkId::of_title(title, year.unwrap_or(0), kind.unwrap_or(WorkKind::Film).name()),
        ("hl:", None) => {
            return Err(CommandError::bad_input("bad_work", "a work without an outside id needs its --title"));
        }
        (work, _) => read("bad_work", work)?,
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

/// Refuses what is no address of its kind: a listing that silently left it out would surprise.
fn check_addresses(all: &[String], what: &str, schemes: &[&str]) -> Result<(), CommandError> {
    let is_good = |address: &&String| {
        let lower = address.to_ascii_lowercase();
        address.len() <= 200
            && address.bytes().all(|byte| byte.is_ascii_graphic())
            && schemes.iter().any(|scheme| lower.starts_with(scheme))
    };
    match all.iter().find(|address| !is_good(address)) {
        None => Ok(()),
        Some(address) => {
            let shown: String = address.chars().take(80).collect();
            let message = format!(
                "{shown:?} is not the address of a {what}: it begins with {} and has at most 200 letters",
                schemes.join(" or ")
            );
            Err(CommandError::bad_input("bad_address", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_mappings_are_read_or_refused() {
        assert_eq!(duration("180d").expect("days"), Duration::from_secs(180 * 86_400));
        assert_eq!(duration("52w").expect("weeks"), Duration::from_secs(52 * 7 * 86_400));
        for text in ["", "d", "0d", "180", "-1d", "9999999999999999999d", "1y", "1ü"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(mapping("a b=c.mkv=s01E02").expect("map"), ("a b=c.mkv".into(), (1, 2)));
        for text in ["x", "=S01E01", "x=S01", "x=S01E00", "x=SE"] {
            assert!(mapping(text).is_err(), "{text}");
        }
    }

    #[test]
    fn years_and_resolutions_are_read_or_refused() {
        for (text, range) in
            [("1968", (1968, 1968)), ("1960-1969", (1960, 1969)), ("1960-", (1960, 9999)), ("-1969", (1, 1969))]
        {
            assert_eq!(years(text).expect(text), range, "{text}");
        }
        for text in ["", "-", "x", "1969-1960", "99999", "0", "1960-1970-1980", "-1e3"] {
            assert_eq!(years(text).expect_err(text).code, "bad_year", "{text}");
        }
        assert_eq!(
            (lines("720p").expect("lines"), lines("4K").expect("lines"), lines("any").expect("any")),
            (720, 2160, 0)
        );
        assert_eq!(lines("big").expect_err("no resolution").code, "bad_resolution");
    }

    #[test]
    fn why_tells_keys_releases_and_works_apart() {
        let hash = "dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c";
        assert!(matches!(why_subject(hash), Ok(Subject::Release(_))));
        assert!(matches!(why_subject("imdb:tt1254207"), Ok(Subject::Work(_))));
        let key = heirloom_proto::SecretKey::from_seed(&[1; 32]).public();
        assert!(matches!(why_subject(&key.to_multibase()), Ok(Subject::Key(_))));
        assert_eq!(why_subject("did:key:z6Mkx").expect_err("bad").code, "bad_key");
        assert_eq!(why_subject("hello").expect_err("bad").code, "bad_subject");
    }
}
