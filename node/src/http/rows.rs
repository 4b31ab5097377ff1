//! Rows of a catalogue on their way to a node: works and releases, as an import reads them.

use heirloom_core::command::{CommandError, Entry};
use heirloom_proto::body::{self, Credit, Episode, Listing, Work, WorkKind, WorkTitle};
use heirloom_proto::{Infohash, Sha256, WorkId};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::ToSchema;

/// A work, a release of it, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Row {
    /// What the work is.
    pub record: Option<Record>,
    /// An earlier row said what this work is.
    pub is_further: bool,
    /// Its release.
    pub release: Option<Release>,
}

/// What a work is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Record {
    /// The first names it.
    pub ids: Vec<String>,
    /// Title.
    pub title: String,
    /// Year, or none.
    pub year: Option<u32>,
    /// Such as `film`.
    pub kind: String,
    /// What it is about.
    pub overview: String,
    /// Genres.
    pub genres: Vec<String>,
    /// Languages.
    pub languages: Vec<String>,
    /// Minutes.
    pub runtime_min: Option<u32>,
    /// In its own language.
    pub original_title: String,
    /// Language and title.
    pub titles: Vec<(String, String)>,
    /// Name and role.
    pub people: Vec<(String, String)>,
    /// Season, number, title and day.
    pub episodes: Vec<(u32, u32, String, String)>,
}

/// What a release is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of a listing, documented there")]
#[schema(as = RowRelease)]
pub struct Release {
    pub work: String,
    pub infohash: String,
    pub info_sha256: Option<String>,
    pub name: String,
    pub size: u64,
    pub files: Vec<File>,
    pub resolution: String,
    pub licence: String,
    pub languages: Vec<String>,
    pub subtitles: Vec<String>,
    pub medium: String,
    pub video_codec: String,
    pub audio_codecs: Vec<String>,
    pub trackers: Vec<String>,
    pub web_seeds: Vec<String>,
    pub episode: Option<(u32, u32)>,
}

/// A file of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RowFile)]
pub struct File {
    /// Index in the torrent.
    pub index: u32,
    /// Path in it.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Season and number, if it is an episode.
    pub episode: Option<(u32, u32)>,
}

fn read<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, CommandError> {
    text.parse().map_err(|error: T::Err| CommandError::bad_input("bad_row", error.to_string()))
}

/// A row as the core takes it.
///
/// # Errors
/// The first id, hash or kind that is none.
pub(super) fn entry(row: Row) -> Result<Entry, CommandError> {
    let record = row.record.map(record).transpose()?;
    Ok(Entry { record, is_further: row.is_further, listing: row.release.map(listing).transpose()? })
}

fn record(record: Record) -> Result<Work, CommandError> {
    let ids: Vec<WorkId> = record.ids.iter().map(|id| read(id)).collect::<Result<_, _>>()?;
    let Some(first) = ids.first().cloned() else {
        return Err(CommandError::bad_input("bad_row", "a work has at least one id"));
    };
    let episode = |(season, number, title, date)| Episode { season, number, title, date };
    Ok(Work {
        ids,
        overview: record.overview,
        genres: record.genres,
        languages: record.languages,
        runtime_min: record.runtime_min,
        original_title: record.original_title,
        titles: record.titles.into_iter().map(|(language, title)| WorkTitle { language, title }).collect(),
        people: record.people.into_iter().map(|(name, role)| Credit { name, role }).collect(),
        episodes: record.episodes.into_iter().map(episode).collect(),
        ..Work::new(first, record.title, record.year, read::<WorkKind>(&record.kind)?)
    })
}

fn listing(release: Release) -> Result<Listing, CommandError> {
    let file = |file: File| body::File { index: file.index, path: file.path, size: file.size, episode: file.episode };
    let digest = |text: String| {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(Sha256).ok_or_else(|| CommandError::bad_input("bad_row", "a SHA-256 has 64 hexadecimal digits"))
    };
    Ok(Listing {
        info_sha256: release.info_sha256.map(digest).transpose()?,
        size: release.size,
        files: release.files.into_iter().map(file).collect(),
        resolution: release.resolution,
        licence: release.licence,
        languages: release.languages,
        trackers: release.trackers,
        episode: release.episode,
        medium: release.medium,
        video_codec: release.video_codec,
        audio_codecs: release.audio_codecs,
        subtitles: release.subtitles,
        web_seeds: release.web_seeds,
        ..Listing::new(read(&release.work)?, read::<Infohash>(&release.infohash)?, release.name)
    })
}
