//! What keys say about works and releases: work records and listings.

use super::identity::digest;
use super::{BodyError, at_most, clean_line, clean_lines, clean_text};
use crate::{Infohash, Kind, Sha256, WorkId, schema};
use std::str::FromStr;

/// What sort of work it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum WorkKind {
    Film,
    Series,
    Episode,
    Album,
    Book,
    Software,
    Other,
}

impl WorkKind {
    const ALL: [Self; 7] =
        [Self::Film, Self::Series, Self::Episode, Self::Album, Self::Book, Self::Software, Self::Other];

    /// The name people write.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Film => "film",
            Self::Series => "series",
            Self::Episode => "episode",
            Self::Album => "album",
            Self::Book => "book",
            Self::Software => "software",
            Self::Other => "other",
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Film => 1,
            Self::Series => 2,
            Self::Episode => 3,
            Self::Album => 4,
            Self::Book => 5,
            Self::Software => 6,
            Self::Other => 7,
        }
    }
}

/// Why text is not a kind of work.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a kind of work: use film, series, episode, album, book, software or other")]
pub struct WorkKindError(pub String);

impl FromStr for WorkKind {
    type Err = WorkKindError;

    fn from_str(text: &str) -> Result<Self, WorkKindError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| WorkKindError(text.chars().take(40).collect()))
    }
}

/// One episode of a series. Season 0 holds the specials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// Season.
    pub season: u32,
    /// Number in the season, from 1.
    pub number: u32,
    /// Title, or empty.
    pub title: String,
    /// `YYYY-MM-DD`, or empty.
    pub date: String,
}

/// Shared metadata of a work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// At least one id; the first is the slot.
    pub ids: Vec<WorkId>,
    /// Title.
    pub title: String,
    /// Year of release, or `None`.
    pub year: Option<u32>,
    /// What it is.
    pub kind: WorkKind,
    /// What it is about, or empty.
    pub overview: String,
    /// Genres.
    pub genres: Vec<String>,
    /// Languages (BCP 47).
    pub languages: Vec<String>,
    /// Runtime in minutes, or `None`.
    pub runtime_min: Option<u32>,
    /// SHA-256 of the artwork's bytes, if there is any.
    pub artwork: Option<Sha256>,
    /// Episodes of a series.
    pub episodes: Vec<Episode>,
    /// Title in its own language, or empty where that is the title.
    pub original_title: String,
    /// Titles in other languages.
    pub titles: Vec<WorkTitle>,
    /// Who made it.
    pub people: Vec<Credit>,
}

/// A title in a language.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkTitle {
    /// BCP 47, or empty.
    pub language: String,
    /// Title.
    pub title: String,
}

/// Somebody who took part in a work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Credit {
    /// Name.
    pub name: String,
    /// Such as `director`, or empty.
    pub role: String,
}

impl Work {
    /// A record with the fields that everybody has.
    #[must_use]
    pub fn new(id: WorkId, title: String, year: Option<u32>, kind: WorkKind) -> Self {
        Self {
            ids: vec![id],
            title,
            year,
            kind,
            overview: String::new(),
            genres: Vec::new(),
            languages: Vec::new(),
            runtime_min: None,
            artwork: None,
            episodes: Vec::new(),
            original_title: String::new(),
            titles: Vec::new(),
            people: Vec::new(),
        }
    }

    /// The first id, which names the slot.
    #[must_use]
    pub fn id(&self) -> &WorkId {
        // PANIC: `from_wire` refuses a record without ids, and `new` takes one; nobody removes it.
        &self.ids[0]
    }

    pub(crate) fn to_wire(&self, header: Option<schema::Header>) -> schema::Work {
        let episode = |e: &Episode| schema::Episode {
            season: e.season,
            number: e.number,
            title: e.title.clone(),
            date: e.date.clone(),
        };
        schema::Work {
            header,
            ids: self.ids.iter().map(ToString::to_string).collect(),
            title: self.title.clone(),
            year: self.year.unwrap_or(0),
            kind: self.kind.number(),
            overview: self.overview.clone(),
            genres: self.genres.clone(),
            languages: self.languages.clone(),
            runtime_min: self.runtime_min.unwrap_or(0),
            artwork_sha256: self.artwork.map(|d| d.0.to_vec()).unwrap_or_default(),
            episodes: self.episodes.iter().map(episode).collect(),
            original_title: self.original_title.clone(),
            titles: self
                .titles
                .iter()
                .map(|t| schema::WorkTitle { language: t.language.clone(), title: t.title.clone() })
                .collect(),
            people: self.people.iter().map(|p| schema::Credit { name: p.name.clone(), role: p.role.clone() }).collect(),
        }
    }

    pub(crate) fn from_wire(wire: schema::Work) -> Result<Self, BodyError> {
        let ids: Vec<WorkId> = at_most(wire.ids, "ids", 16)?.into_iter().map(work_id).collect::<Result<_, _>>()?;
        if ids.is_empty() {
            return Err(BodyError::Missing("ids"));
        }
        let title = clean_line(wire.title, "title", 300)?;
        if title.is_empty() {
            return Err(BodyError::Missing("title"));
        }
        let other_title = |t: schema::WorkTitle| {
            let title = clean_line(t.title, "title", 300)?;
            if title.is_empty() {
                return Err(BodyError::Missing("title"));
            }
            Ok(WorkTitle { language: clean_line(t.language, "languages", 35)?, title })
        };
        let person = |p: schema::Credit| {
            let name = clean_line(p.name, "name", 100)?;
            if name.is_empty() {
                return Err(BodyError::Missing("name"));
            }
            Ok(Credit { name, role: clean_line(p.role, "role", 40)? })
        };
        let episode = |e: schema::Episode| {
            // Unlike a file or a release, an episode is always one: (0, 0) is none here either.
            let (season, number) = episode_number(e.season, e.number)?.ok_or(BodyError::OutOfRange("episode"))?;
            Ok(Episode { season, number, title: clean_line(e.title, "episode title", 200)?, date: date(e.date)? })
        };
        Ok(Self {
            ids,
            title,
            year: year(wire.year)?,
            kind: WorkKind::ALL
                .into_iter()
                .find(|kind| kind.number() == wire.kind)
                .ok_or(BodyError::OutOfRange("kind"))?,
            overview: clean_text(wire.overview, "overview", 2000)?,
            genres: clean_lines(wire.genres, "genres", 16, 40)?,
            languages: clean_lines(wire.languages, "languages", 40, 35)?,
            runtime_min: match wire.runtime_min {
                0 => None,
                1..=RUNTIME_MIN_MAX => Some(wire.runtime_min),
                _ => return Err(BodyError::OutOfRange("runtime")),
            },
            artwork: if wire.artwork_sha256.is_empty() {
                None
            } else {
                Some(digest(&wire.artwork_sha256, "artwork_sha256")?)
            },
            episodes: at_most(wire.episodes, "episodes", 500)?.into_iter().map(episode).collect::<Result<_, _>>()?,
            original_title: clean_line(wire.original_title, "original title", 300)?,
            titles: at_most(wire.titles, "titles", 40)?.into_iter().map(other_title).collect::<Result<_, _>>()?,
            people: at_most(wire.people, "people", 60)?.into_iter().map(person).collect::<Result<_, _>>()?,
        })
    }
}

/// One file of a release, and which episode it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Index in the torrent.
    pub index: u32,
    /// Path inside the torrent, with `/`.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Season and episode number (from 1), if the file is one.
    pub episode: Option<(u32, u32)>,
}

/// "This release is this work": the catalogue entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The work.
    pub work: WorkId,
    /// The release.
    pub infohash: Infohash,
    /// SHA-256 of the exact info dictionary, since SHA-1 can be made to collide; `None` when only a magnet was known.
    pub info_sha256: Option<Sha256>,
    /// Name of the torrent.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// The files that matter; may leave out others.
    pub files: Vec<File>,
    /// Such as `1080p`, or empty.
    pub resolution: String,
    /// SPDX licence expression, or empty.
    pub licence: String,
    /// Languages (BCP 47).
    pub languages: Vec<String>,
    /// Trackers.
    pub trackers: Vec<String>,
    /// Season and episode number (from 1) that the whole release is, if it is one.
    pub episode: Option<(u32, u32)>,
    /// What it was made from, such as `Blu-ray` or `Web`, or empty.
    pub medium: String,
    /// Such as `H.264`, or empty.
    pub video_codec: String,
    /// Such as `AAC`.
    pub audio_codecs: Vec<String>,
    /// Languages of its subtitles (BCP 47).
    pub subtitles: Vec<String>,
    /// Addresses that serve its files over HTTP (BEP 19).
    pub web_seeds: Vec<String>,
}

/// Most sound tracks with a codec of their own: a disc has two or three kinds.
const AUDIO_CODECS_MAX: usize = 8;

/// Longest name of a medium or codec in bytes: `Ultra HD Blu-ray` and `DTS-HD Master Audio` fit twice.
const TECHNICAL_BYTES_MAX: usize = 40;

/// Most web seeds: one is enough, a few stand in for each other.
const WEB_SEEDS_MAX: usize = 4;

/// Longest address of a web seed in bytes, as for a tracker: a path with a title fits, and four leave room for files.
const WEB_SEED_BYTES_MAX: usize = 200;

impl Listing {
    /// A listing that says nothing but which release is which work.
    #[must_use]
    pub fn new(work: WorkId, infohash: Infohash, name: String) -> Self {
        Self {
            work,
            infohash,
            info_sha256: None,
            name,
            size: 0,
            files: Vec::new(),
            resolution: String::new(),
            licence: String::new(),
            languages: Vec::new(),
            trackers: Vec::new(),
            episode: None,
            medium: String::new(),
            video_codec: String::new(),
            audio_codecs: Vec::new(),
            subtitles: Vec::new(),
            web_seeds: Vec::new(),
        }
    }

    /// The slot of every listing of a release as a work: see [`Body::slot`](super::Body::slot).
    #[must_use]
    pub fn slot_of(work: &WorkId, infohash: &Infohash) -> Sha256 {
        let mut bytes = Kind::Listing.number().to_be_bytes().to_vec();
        bytes.extend_from_slice(&infohash.0);
        bytes.extend_from_slice(work.as_str().as_bytes());
        Sha256::of(&bytes)
    }

    pub(crate) fn to_wire(&self, header: Option<schema::Header>) -> schema::Listing {
        let file = |f: &File| schema::File {
            index: f.index,
            path: f.path.clone(),
            size: f.size,
            season: f.episode.map_or(0, |(season, _)| season),
            episode: f.episode.map_or(0, |(_, episode)| episode),
        };
        schema::Listing {
            header,
            work: self.work.to_string(),
            infohash: self.infohash.0.to_vec(),
            info_sha256: self.info_sha256.map(|d| d.0.to_vec()).unwrap_or_default(),
            name: self.name.clone(),
            size: self.size,
            files: self.files.iter().map(file).collect(),
            resolution: self.resolution.clone(),
            licence: self.licence.clone(),
            languages: self.languages.clone(),
            trackers: self.trackers.clone(),
            season: self.episode.map_or(0, |(season, _)| season),
            episode: self.episode.map_or(0, |(_, episode)| episode),
            medium: self.medium.clone(),
            video_codec: self.video_codec.clone(),
            audio_codecs: self.audio_codecs.clone(),
            subtitles: self.subtitles.clone(),
            web_seeds: self.web_seeds.clone(),
        }
    }

    pub(crate) fn from_wire(wire: schema::Listing) -> Result<Self, BodyError> {
        let file = |f: schema::File| {
            Ok(File {
                index: f.index,
                path: clean_line(f.path, "path", 1024)?,
                size: size(f.size)?,
                episode: episode_number(f.season, f.episode)?,
            })
        };
        let name = clean_line(wire.name, "name", 300)?;
        if name.is_empty() {
            return Err(BodyError::Missing("name"));
        }
        Ok(Self {
            work: work_id(wire.work)?,
            infohash: Infohash::from_slice(&wire.infohash).ok_or(BodyError::BadId("infohash"))?,
            info_sha256: if wire.info_sha256.is_empty() {
                None
            } else {
                Some(digest(&wire.info_sha256, "info_sha256")?)
            },
            name,
            size: size(wire.size)?,
            files: at_most(wire.files, "files", 200)?.into_iter().map(file).collect::<Result<_, _>>()?,
            resolution: clean_line(wire.resolution, "resolution", 20)?,
            licence: clean_line(wire.licence, "licence", 100)?,
            languages: clean_lines(wire.languages, "languages", 40, 35)?,
            trackers: clean_lines(wire.trackers, "trackers", 8, 200)?,
            episode: episode_number(wire.season, wire.episode)?,
            medium: clean_line(wire.medium, "medium", TECHNICAL_BYTES_MAX)?,
            video_codec: clean_line(wire.video_codec, "video codec", TECHNICAL_BYTES_MAX)?,
            audio_codecs: clean_lines(wire.audio_codecs, "audio codecs", AUDIO_CODECS_MAX, TECHNICAL_BYTES_MAX)?,
            subtitles: clean_lines(wire.subtitles, "subtitles", 40, 35)?,
            web_seeds: clean_lines(wire.web_seeds, "web seeds", WEB_SEEDS_MAX, WEB_SEED_BYTES_MAX)?,
        })
    }
}

fn work_id(text: String) -> Result<WorkId, BodyError> {
    // Only the normalised form is canonical.
    WorkId::from_normalised(text).ok_or(BodyError::BadId("work id"))
}

/// Largest size of a release or file in bytes: 1 PiB, a hundred times what a node fetches. What is larger is no size.
pub const SIZE_MAX: u64 = 1 << 50;

/// Longest runtime in minutes: ten weeks, longer than any film there is.
pub const RUNTIME_MIN_MAX: u32 = 100_000;

fn size(size: u64) -> Result<u64, BodyError> {
    if size <= SIZE_MAX { Ok(size) } else { Err(BodyError::OutOfRange("size")) }
}

fn year(year: u32) -> Result<Option<u32>, BodyError> {
    match year {
        0 => Ok(None),
        1..=9999 => Ok(Some(year)),
        _ => Err(BodyError::OutOfRange("year")),
    }
}

/// Checks `YYYY-MM-DD` or nothing; not the length of the month.
fn date(text: String) -> Result<String, BodyError> {
    let number = |range| text.get(range).filter(|part: &&str| part.bytes().all(|b| b.is_ascii_digit()))?.parse().ok();
    let is_date = || {
        let has_dashes = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
        let in_year = number(5..7).is_some_and(|month: u8| (1..=12).contains(&month));
        let in_month = number(8..10).is_some_and(|day| (1..=31).contains(&day));
        has_dashes && number(0..2).is_some() && number(2..4).is_some() && in_year && in_month
    };
    if text.is_empty() || is_date() { Ok(text) } else { Err(BodyError::BadId("episode date")) }
}

fn episode_number(season: u32, episode: u32) -> Result<Option<(u32, u32)>, BodyError> {
    match (season, episode) {
        (0, 0) => Ok(None),
        // Specials are season 0; a season without an episode would not survive a round trip.
        (_, 0) => Err(BodyError::OutOfRange("episode")),
        (season, episode) if season <= 100_000 && episode <= 100_000 => Ok(Some((season, episode))),
        _ => Err(BodyError::OutOfRange("episode")),
    }
}

#[cfg(test)]
mod tests;
