//! What keys say about works and releases: work records, listings, verdicts.

use super::identity::digest;
use super::{BodyError, at_most, clean_text, clean_texts};
use crate::{Infohash, Sha256, WorkId, schema};
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
        }
    }

    pub(crate) fn from_wire(wire: schema::Work) -> Result<Self, BodyError> {
        let ids: Vec<WorkId> = at_most(wire.ids, "ids", 16)?
            .into_iter()
            .map(|id| work_id(&id))
            .collect::<Result<_, _>>()?;
        if ids.is_empty() {
            return Err(BodyError::Missing("ids"));
        }
        let title = clean_text(wire.title, "title", 300)?;
        if title.is_empty() {
            return Err(BodyError::Missing("title"));
        }
        let episode = |e: schema::Episode| {
            Ok(Episode {
                season: e.season,
                number: e.number,
                title: clean_text(e.title, "episode title", 200)?,
                date: clean_text(e.date, "episode date", 10)?,
            })
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
            genres: clean_texts(wire.genres, "genres", 16, 40)?,
            languages: clean_texts(wire.languages, "languages", 40, 35)?,
            runtime_min: (wire.runtime_min != 0).then_some(wire.runtime_min),
            artwork: if wire.artwork_sha256.is_empty() {
                None
            } else {
                Some(digest(&wire.artwork_sha256, "artwork_sha256")?)
            },
            episodes: at_most(wire.episodes, "episodes", 500)?.into_iter().map(episode).collect::<Result<_, _>>()?,
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
}

impl Listing {
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
        }
    }

    pub(crate) fn from_wire(wire: schema::Listing) -> Result<Self, BodyError> {
        let file = |f: schema::File| {
            Ok(File {
                index: f.index,
                path: clean_text(f.path, "path", 1024)?,
                size: f.size,
                episode: episode_number(f.season, f.episode)?,
            })
        };
        let name = clean_text(wire.name, "name", 300)?;
        if name.is_empty() {
            return Err(BodyError::Missing("name"));
        }
        Ok(Self {
            work: work_id(&wire.work)?,
            infohash: Infohash::from_slice(&wire.infohash).ok_or(BodyError::BadId("infohash"))?,
            info_sha256: if wire.info_sha256.is_empty() {
                None
            } else {
                Some(digest(&wire.info_sha256, "info_sha256")?)
            },
            name,
            size: wire.size,
            files: at_most(wire.files, "files", 200)?.into_iter().map(file).collect::<Result<_, _>>()?,
            resolution: clean_text(wire.resolution, "resolution", 20)?,
            licence: clean_text(wire.licence, "licence", 100)?,
            languages: clean_texts(wire.languages, "languages", 40, 35)?,
            trackers: clean_texts(wire.trackers, "trackers", 8, 200)?,
            episode: episode_number(wire.season, wire.episode)?,
        })
    }
}

/// What a person found when they looked at a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Opinion {
    Good,
    Fake,
    Malware,
    WrongWork,
    Poor,
    Dead,
}

impl Opinion {
    /// Every opinion, in the order of their numbers.
    pub const ALL: [Self; 6] = [Self::Good, Self::Fake, Self::Malware, Self::WrongWork, Self::Poor, Self::Dead];

    /// The name people write.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fake => "fake",
            Self::Malware => "malware",
            Self::WrongWork => "wrong-work",
            Self::Poor => "poor",
            Self::Dead => "dead",
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Good => 1,
            Self::Fake => 2,
            Self::Malware => 3,
            Self::WrongWork => 4,
            Self::Poor => 5,
            Self::Dead => 6,
        }
    }
}

/// Why text is not an opinion.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a verdict: use good, fake, malware, wrong-work, poor or dead")]
pub struct OpinionError(pub String);

impl FromStr for Opinion {
    type Err = OpinionError;

    fn from_str(text: &str) -> Result<Self, OpinionError> {
        Self::ALL
            .into_iter()
            .find(|opinion| opinion.name() == text)
            .ok_or_else(|| OpinionError(text.chars().take(40).collect()))
    }
}

/// A person's statement about a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The release.
    pub infohash: Infohash,
    /// What they found.
    pub opinion: Opinion,
    /// In their words, at most 280 bytes.
    pub note: String,
}

impl Verdict {
    pub(crate) fn to_wire(&self, header: Option<schema::Header>) -> schema::Verdict {
        schema::Verdict {
            header,
            infohash: self.infohash.0.to_vec(),
            opinion: self.opinion.number(),
            note: self.note.clone(),
        }
    }

    pub(crate) fn from_wire(wire: schema::Verdict) -> Result<Self, BodyError> {
        Ok(Self {
            infohash: Infohash::from_slice(&wire.infohash).ok_or(BodyError::BadId("infohash"))?,
            opinion: Opinion::ALL
                .into_iter()
                .find(|opinion| opinion.number() == wire.opinion)
                .ok_or(BodyError::OutOfRange("opinion"))?,
            note: clean_text(wire.note, "note", 280)?,
        })
    }
}

fn work_id(text: &str) -> Result<WorkId, BodyError> {
    let id: WorkId = text.parse().map_err(|_| BodyError::BadId("work id"))?;
    // Only the normalised form is canonical.
    if id.as_str() == text { Ok(id) } else { Err(BodyError::BadId("work id")) }
}

fn year(year: u32) -> Result<Option<u32>, BodyError> {
    match year {
        0 => Ok(None),
        1..=9999 => Ok(Some(year)),
        _ => Err(BodyError::OutOfRange("year")),
    }
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
