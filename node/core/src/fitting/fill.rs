//! What a listing says of a release, with what it leaves out read from the names in it.

use super::file_type::{FileType, file_type, is_extra};
use super::pack::read_file;
use crate::release_name::{Expected, ReleaseName, read_as};
use heirloom_proto::body::{Listing, WorkKind};

/// A field that the listing leaves out, and that was read from names instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is the field of its name")]
pub enum Derived {
    Resolution,
    Medium,
    VideoCodec,
    AudioCodecs,
    Languages,
    Episode,
    Seasons,
    FileEpisodes,
}

impl Derived {
    /// Name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Resolution => "resolution",
            Self::Medium => "medium",
            Self::VideoCodec => "video_codec",
            Self::AudioCodecs => "audio_codecs",
            Self::Languages => "languages",
            Self::Episode => "episode",
            Self::Seasons => "seasons",
            Self::FileEpisodes => "file_episodes",
        }
    }
}

/// A file of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilledFile {
    /// Index in the torrent.
    pub index: u32,
    /// Path inside the torrent.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Seasons and numbers of the episodes that it holds.
    pub episodes: Vec<(u32, u32)>,
    /// Whether that was read from its name.
    pub is_derived: bool,
}

/// What is known of how a release was made and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Such as `1080p`, or empty.
    pub resolution: String,
    /// What it was made from, such as `Blu-ray` or `Web`, or empty.
    pub medium: String,
    /// Such as `H.264`, or empty.
    pub video_codec: String,
    /// Such as `AAC`.
    pub audio_codecs: Vec<String>,
    /// Of the sound (BCP 47).
    pub languages: Vec<String>,
    /// Of subtitles (BCP 47), as listed.
    pub subtitles: Vec<String>,
    /// Who made it, or empty.
    pub group: String,
    /// Such as `Director's Cut`, or empty.
    pub edition: String,
    /// The episode that the whole release is.
    pub episode: Option<(u32, u32)>,
    /// Seasons that it holds.
    pub seasons: Vec<u32>,
    /// Its listed files.
    pub files: Vec<FilledFile>,
    /// Which of these were read from names, in order.
    pub derived: Vec<Derived>,
}

/// Most episodes that are told of one file.
const FILE_EPISODES_MAX: usize = 20;

/// What a listing of a work of this kind says, with what it leaves out.
#[must_use]
pub fn filled(listing: &Listing, kind: WorkKind) -> Filled {
    let expected = match kind {
        WorkKind::Film => Expected::Film,
        WorkKind::Series | WorkKind::Episode => Expected::Episodes,
        _ => Expected::Anything,
    };
    let named = read_as(&listing.name.replace(['/', '\\'], " "), expected);
    let main = listing
        .files
        .iter()
        .filter(|file| file_type(&file.path) == FileType::Video && !is_extra(&file.path))
        .max_by_key(|file| (file.size, std::cmp::Reverse(file.index)))
        .map(|file| read_as(&file.path, expected))
        .unwrap_or_default();
    let mut all = Filled::default();
    let mut derived = Vec::new();
    let mut text = |said: &str, of: Derived, name: &dyn Fn(&ReleaseName) -> String| {
        if !said.is_empty() {
            return said.to_owned();
        }
        let read = [&named, &main].into_iter().map(name).find(|read| !read.is_empty()).unwrap_or_default();
        if !read.is_empty() {
            derived.push(of);
        }
        read
    };
    all.resolution = text(&listing.resolution, Derived::Resolution, &|read| read.resolution.clone());
    all.medium = text(&listing.medium, Derived::Medium, &|read| read.source.to_owned());
    all.video_codec = text(&listing.video_codec, Derived::VideoCodec, &|read| read.video_codec.to_owned());
    let texts = |of: fn(&ReleaseName) -> &[&'static str]| {
        let read = [&named, &main].into_iter().map(of).find(|read| !read.is_empty()).unwrap_or_default();
        read.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()
    };
    all.audio_codecs.clone_from(&listing.audio_codecs);
    if all.audio_codecs.is_empty() {
        all.audio_codecs = texts(|read| &read.audio_codecs);
        if !all.audio_codecs.is_empty() {
            derived.push(Derived::AudioCodecs);
        }
    }
    // That there are some is all that a name says of subtitles, not in which languages.
    all.subtitles.clone_from(&listing.subtitles);
    all.languages.clone_from(&listing.languages);
    if all.languages.is_empty() {
        all.languages = texts(|read| &read.languages);
        if !all.languages.is_empty() {
            derived.push(Derived::Languages);
        }
    }
    all.group = if named.group.is_empty() { main.group.clone() } else { named.group.clone() };
    all.edition = if named.edition.is_empty() { main.edition } else { named.edition }.to_owned();
    all.episode = listing.episode;
    if kind != WorkKind::Film {
        fill_episodes(&mut all, listing, &named, &mut derived);
    }
    all.files = files(listing, kind, &mut derived);
    all.derived = derived;
    all
}

/// Season and episode of the whole release.
fn fill_episodes(all: &mut Filled, listing: &Listing, named: &ReleaseName, derived: &mut Vec<Derived>) {
    let is_mapped = listing.files.iter().any(|file| file.episode.is_some());
    if let (None, false, Some(season), [number]) = (all.episode, is_mapped, named.season(), named.episodes.as_slice()) {
        all.episode = Some((season, *number));
        derived.push(Derived::Episode);
    }
    if let Some((season, _)) = all.episode {
        all.seasons = vec![season];
    } else if is_mapped {
        let seasons: std::collections::BTreeSet<u32> =
            listing.files.iter().filter_map(|file| file.episode).map(|(season, _)| season).collect();
        all.seasons = seasons.into_iter().collect();
    } else if !named.seasons.is_empty() {
        all.seasons.clone_from(&named.seasons);
        derived.push(Derived::Seasons);
    }
}

/// The files with the episodes that they hold.
fn files(listing: &Listing, kind: WorkKind, derived: &mut Vec<Derived>) -> Vec<FilledFile> {
    let is_series = matches!(kind, WorkKind::Series | WorkKind::Episode);
    let fill = |file: &heirloom_proto::body::File| {
        let mut episodes: Vec<(u32, u32)> = file.episode.into_iter().collect();
        let may_derive =
            is_series && episodes.is_empty() && file_type(&file.path) == FileType::Video && !is_extra(&file.path);
        if may_derive {
            let read = read_file(&listing.name, &file.path);
            if let Some(season) = read.season() {
                episodes.extend(read.episodes.iter().take(FILE_EPISODES_MAX).map(|number| (season, *number)));
            }
        }
        let is_derived = file.episode.is_none() && !episodes.is_empty();
        FilledFile { index: file.index, path: file.path.clone(), size: file.size, episodes, is_derived }
    };
    let files: Vec<FilledFile> = listing.files.iter().map(fill).collect();
    if files.iter().any(|file| file.is_derived) {
        derived.push(Derived::FileEpisodes);
    }
    files
}
