//! Which files of a release an owner wants who asks for an episode or a season, and whether a listing holds them.

use super::file_type::{FileType, file_type, is_extra, is_subtitle, is_unsafe_path};
use super::pack::{Wanted, file_for, read_file};
use crate::release_name::{Expected, ReleaseName, read_as};
use heirloom_proto::body::{Episode, File, Listing};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Highest season and number that are read: a year may stand for a season, and no series has more of either.
const NUMBER_MAX: u32 = 9_999;

/// [`Pick::Harmless`] as text.
const HARMLESS: &str = "harmless";

/// Fewest episodes of a pack: with one video, what runs beside it is what the release is made for.
const PACK_MIN: usize = 2;

/// Whether so many videos lie in a release that something that runs beside them may be left out.
#[must_use]
pub fn is_pack<'a>(paths: impl Iterator<Item = &'a str>) -> bool {
    paths.filter(|path| file_type(path) == FileType::Video && !is_extra(path)).take(PACK_MIN).count() == PACK_MIN
}

/// Whether a file of this path does no harm by what it is.
#[must_use]
pub fn is_harmless(path: &str) -> bool {
    // Padding has no path.
    !path.is_empty() && file_type(path) != FileType::Unsafe
}

/// What of a series is wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pick {
    /// An episode: season, where 0 holds the specials, and number.
    Episode(u32, u32),
    /// All of a season.
    Season(u32),
    /// What was first shown on a day, `YYYY-MM-DD`.
    Day(String),
    /// An episode by its number over all seasons, specials not counted.
    Absolute(u32),
    /// One file, by its index in the torrent: what somebody plays.
    File(u32),
    /// All but what may do harm: a pack in which something runs.
    Harmless,
}

/// Why a text names no episode.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is no episode: write it as s01e02 (s00e01 is a special), s01 for a whole season, 2024-05-01 for a daily show, or 14 for a number over all seasons"
)]
pub struct PickError(String);

impl FromStr for Pick {
    type Err = PickError;

    fn from_str(text: &str) -> Result<Self, PickError> {
        let lower = text.trim().to_ascii_lowercase();
        let bad = || PickError(text.trim().chars().take(40).collect());
        let number = |text: &str, least: u32| {
            let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| is_plain && (least..=NUMBER_MAX).contains(number)).ok_or_else(bad)
        };
        if let Some(day) = as_day(&lower) {
            return Ok(Self::Day(day));
        }
        if lower == HARMLESS {
            return Ok(Self::Harmless);
        }
        if let Some(rest) = lower.strip_prefix("file ") {
            return Ok(Self::File(number(rest.trim(), 0)?));
        }
        if let Some(rest) = lower.strip_prefix("season") {
            return Ok(Self::Season(number(rest.trim(), 0)?));
        }
        if let Some(rest) = lower.strip_prefix('s') {
            return match rest.split_once('e') {
                Some((season, episode)) => Ok(Self::Episode(number(season.trim(), 0)?, number(episode, 1)?)),
                None => Ok(Self::Season(number(rest, 0)?)),
            };
        }
        match lower.split_once('x') {
            Some((season, episode)) => Ok(Self::Episode(number(season, 0)?, number(episode, 1)?)),
            None => Ok(Self::Absolute(number(lower.strip_prefix('e').unwrap_or(&lower), 1)?)),
        }
    }
}

/// `2024-05-01`, `2024.5.1` or `20240501` as a day that may be one; `None` if it is written otherwise.
fn as_day(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(['-', '.', '/']).collect();
    let [year, month, day] = match parts.as_slice() {
        [year, month, day] if year.len() == 4 && month.len() <= 2 && day.len() <= 2 => [*year, *month, *day],
        [all] if all.len() == 8 && all.is_ascii() => [&all[..4], &all[4..6], &all[6..]],
        _ => return None,
    };
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    let is_day = (1900..=2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_day.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Episode(season, number) => write!(f, "S{season:02}E{number:02}"),
            Self::Season(season) => write!(f, "S{season:02}"),
            Self::Day(day) => f.write_str(day),
            Self::Absolute(number) => write!(f, "E{number:02}"),
            Self::File(index) => write!(f, "file {index}"),
            Self::Harmless => f.write_str(HARMLESS),
        }
    }
}

/// Whether a listing holds what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// It does not, as far as it says.
    No,
    /// By its name; which of its files that is, its torrent says.
    ByName,
    /// In these of its files, by index.
    Files(BTreeSet<u32>),
}

impl Pick {
    /// The one episode that is meant, with what its work says of it; `None` for a season or a file.
    #[must_use]
    pub fn wanted(&self, known: &[Episode]) -> Option<Wanted> {
        match self {
            Self::Season(_) | Self::File(_) | Self::Harmless => None,
            Self::Episode(season, number) => Some(Wanted::of(*season, *number, known)),
            Self::Day(day) => Some(match known.iter().find(|episode| episode.date == *day) {
                Some(of_day) => Wanted::of(of_day.season, of_day.number, known),
                None => Wanted { season: 0, number: 0, date: day.clone(), absolute: None },
            }),
            Self::Absolute(number) => {
                let mut places: Vec<(u32, u32)> =
                    known.iter().filter(|e| e.season > 0).map(|e| (e.season, e.number)).collect();
                places.sort_unstable();
                places.dedup();
                let at = usize::try_from(number.saturating_sub(1)).ok().and_then(|at| places.get(at));
                Some(match at {
                    Some((season, in_season)) => {
                        Wanted { absolute: Some(*number), ..Wanted::of(*season, *in_season, known) }
                    }
                    None => Wanted { season: 1, number: *number, date: String::new(), absolute: Some(*number) },
                })
            }
        }
    }

    /// Those of the files of a release that hold it. `whole`: the episode that the listing says the whole release is.
    #[must_use]
    pub fn files(&self, release: &str, whole: Option<(u32, u32)>, files: &[File], known: &[Episode]) -> BTreeSet<u32> {
        match self.wanted(known) {
            Some(wanted) => file_for(release, whole, files, &wanted).map(|file| file.index).into_iter().collect(),
            None => match self {
                Self::File(index) => files.iter().map(|file| file.index).filter(|at| at == index).collect(),
                Self::Harmless => files.iter().filter(|file| is_harmless(&file.path)).map(|file| file.index).collect(),
                _ => self.files_of_season(release, files),
            },
        }
    }

    fn files_of_season(&self, release: &str, files: &[File]) -> BTreeSet<u32> {
        let Self::Season(wanted) = self else { return BTreeSet::new() };
        let is_of_season = |file: &&File| match file.episode {
            _ if is_unsafe_path(&file.path) => false,
            Some((season, _)) => season == *wanted,
            None => {
                let read = read_file(release, &file.path);
                !is_extra(&file.path) && read.season() == Some(*wanted) && !read.episodes.is_empty()
            }
        };
        let videos: Vec<&File> =
            files.iter().filter(|file| file_type(&file.path) == FileType::Video).filter(is_of_season).collect();
        if videos.is_empty() {
            return BTreeSet::new();
        }
        // Subtitles say their episode, or are named like its video, whose name need not say any.
        let stems: BTreeSet<String> = videos.iter().map(|video| stem_of(&video.path)).collect();
        let is_beside = |path: &str| {
            let name = stem_of(path);
            let is_prefix = |at: usize| stems.contains(&name[..at]);
            stems.contains(&name) || name.match_indices(['.', '_', '-', ' ']).any(|(at, _)| is_prefix(at))
        };
        let subtitles =
            files.iter().filter(|file| is_subtitle(&file.path) && (is_beside(&file.path) || is_of_season(file)));
        subtitles.chain(videos.iter().copied()).map(|file| file.index).collect()
    }

    /// Whether a listing holds it, by its files, else by its name.
    #[must_use]
    pub fn held_by(&self, listing: &Listing, known: &[Episode]) -> Holding {
        if matches!(self, Self::File(_)) {
            // Listings name some of the files only.
            return Holding::ByName;
        }
        let named = read_as(&listing.name.replace(['/', '\\'], " "), Expected::Episodes);
        let is_one_episode = listing.episode.is_some() || named.episodes.len() == 1;
        if matches!(self, Self::Season(_)) && is_one_episode {
            return Holding::No;
        }
        let files = self.files(&listing.name, listing.episode, &listing.files, known);
        if !files.is_empty() {
            return Holding::Files(files);
        }
        let says_episode =
            |file: &File| file.episode.is_some() || !read_file(&listing.name, &file.path).episodes.is_empty();
        // Who lists files by episode lists all of those first.
        if listing.files.iter().any(says_episode) || !self.is_named(listing, &named, known) {
            return Holding::No;
        }
        Holding::ByName
    }

    fn is_named(&self, listing: &Listing, named: &ReleaseName, known: &[Episode]) -> bool {
        let Some(wanted) = self.wanted(known) else {
            return matches!(self, Self::Season(season) if named.seasons.contains(season));
        };
        let has_number = |number: u32| named.episodes.is_empty() || named.episodes.contains(&number);
        let is_of_season = named.seasons.contains(&wanted.season) && wanted.number > 0 && has_number(wanted.number);
        let is_counted = named.seasons.is_empty()
            && wanted.absolute.is_some_and(|absolute| !named.episodes.is_empty() && has_number(absolute));
        let is_of_day = !wanted.date.is_empty() && named.date == wanted.date;
        listing.episode == Some((wanted.season, wanted.number))
            || (listing.episode.is_none() && (is_of_season || is_counted || is_of_day))
    }
}

/// The name of a file without its folders and its ending, in lower case.
fn stem_of(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::{Infohash, WorkId};

    fn listing(name: &str, paths: &[&str]) -> Listing {
        let work: WorkId = "tmdb:tv/1".parse().expect("id");
        let file = |(index, path): (usize, &&str)| File {
            index: u32::try_from(index).expect("few"),
            path: (*path).into(),
            size: 1000,
            episode: None,
        };
        let files = paths.iter().enumerate().map(file).collect();
        Listing { files, ..Listing::new(work, Infohash([1; 20]), name.into()) }
    }

    fn pick(text: &str) -> Pick {
        text.parse().expect(text)
    }

    #[track_caller]
    fn holds(text: &str, listing: &Listing, known: &[Episode], expected: &Holding) {
        assert_eq!(pick(text).held_by(listing, known), *expected, "{text} in {}", listing.name);
    }

    fn at(indices: &[u32]) -> Holding {
        Holding::Files(indices.iter().copied().collect())
    }

    #[test]
    fn episodes_are_read_as_people_write_them_or_refused() {
        for text in ["s01e02", "S1E2", " s01e002 ", "1x02", "s1 e2"] {
            assert_eq!(pick(text), Pick::Episode(1, 2), "{text}");
        }
        assert_eq!(pick("s00e01"), Pick::Episode(0, 1));
        for text in ["s02", "S2", "season 2", "Season2"] {
            assert_eq!(pick(text), Pick::Season(2), "{text}");
        }
        for text in ["2024-05-01", "2024.5.1", "20240501", "2024/05/01"] {
            assert_eq!(pick(text), Pick::Day("2024-05-01".into()), "{text}");
        }
        for text in ["14", "e14", "E014"] {
            assert_eq!(pick(text), Pick::Absolute(14), "{text}");
        }
        for text in
            ["", "s", "e", "s01e", "s01e00", "s-1e2", "0", "x", "1x", "2024-13-01", "s99999e1", "s01e+2", "größe", "١"]
        {
            let error = text.parse::<Pick>().expect_err(text).to_string();
            assert!(error.contains("write it as s01e02"), "{error}");
        }
        for text in ["S01E02", "S02", "2024-05-01", "E14", "file 3", "harmless"] {
            assert_eq!(pick(text).to_string(), text);
        }
    }

    #[test]
    fn a_season_is_all_its_files_and_no_single_episode() {
        let pack = ["S01/g.s01e01.mkv", "S01/g.s01e02.mkv", "S02/g.s02e01.mkv", "notes.txt", "Specials/01.mkv"];
        let pack = listing("Garden Town S01-S02", &pack);
        holds("s01", &pack, &[], &at(&[0, 1]));
        holds("s02", &pack, &[], &at(&[2]));
        holds("s00", &pack, &[], &at(&[4]));
        holds("s03", &pack, &[], &Holding::No);
        holds("s01", &listing("Garden.Town.S01E01.720p", &["Garden.Town.S01E01.mkv"]), &[], &Holding::No);
        holds("s01", &listing("Garden.Town.S01.720p", &[]), &[], &Holding::ByName);
        holds("s02", &listing("Garden.Town.S01.720p", &[]), &[], &Holding::No);
    }

    #[test]
    fn a_season_comes_with_the_subtitles_of_its_episodes() {
        let pack = [
            "S01/g.s01e01.mkv",
            "S01/g.s01e01.en.srt",
            "Subs/g.s01e02/2_English.SRT",
            "S02/g.s02e01.mkv",
            "S02/g.s02e01.srt",
            "S01/g.s01e02.mkv",
            "S01/g.s01e01.nfo",
            "Subs/g.s01e01.idx",
        ];
        holds("s01", &listing("Garden Town", &pack), &[], &at(&[0, 1, 2, 5, 7]));
        holds("s02", &listing("Garden Town", &pack), &[], &at(&[3, 4]));
        // What the listing maps needs no numbers in its names.
        let mut mapped = listing("Garden Town", &["Spring.mkv", "Spring.de.srt", "Springtime.srt", "Autumn.mkv"]);
        mapped.files[0].episode = Some((1, 1));
        mapped.files[3].episode = Some((2, 1));
        holds("s01", &mapped, &[], &at(&[0, 1]));
        holds("s01", &listing("Garden.Town.S01", &["g.s01e01.srt"]), &[], &Holding::No);
    }

    #[test]
    fn what_runs_is_left_out_of_a_pack() {
        let pack =
            listing("Garden Town", &["g.s01e01.mkv", "codec.exe", "g.s01e01.srt", "g.s01e02.mkv", "x.mkv.lnk", ""]);
        assert_eq!(pick("harmless").files(&pack.name, None, &pack.files, &[]), [0, 2, 3].into());
        let paths = |listing: &Listing| is_pack(listing.files.iter().map(|file| file.path.as_str()));
        assert!(paths(&pack));
        assert!(!paths(&listing("Film", &["film.mkv", "codec.exe", "Sample/film.mkv"])), "one video and a lure");
    }

    #[test]
    fn without_files_the_name_says_what_a_release_holds() {
        let pack = listing("Garden.Town.S02.1080p.WEB-DL", &[]);
        holds("s02e05", &pack, &[], &Holding::ByName);
        holds("s01e05", &pack, &[], &Holding::No);
        holds("s02e05", &listing("Garden.Town.S02E05.1080p", &[]), &[], &Holding::ByName);
        holds("s02e05", &listing("Garden.Town.S02E06.1080p", &[]), &[], &Holding::No);
        holds("s02e05", &listing("Garden Town", &[]), &[], &Holding::No);
        holds("2016-05-09", &listing("Garden.Tonight.2016.05.09.720p", &[]), &[], &Holding::ByName);
        holds("2016-05-10", &listing("Garden.Tonight.2016.05.09.720p", &[]), &[], &Holding::No);
        let said = Listing { episode: Some((2, 5)), ..listing("whatever", &[]) };
        holds("s02e05", &said, &[], &Holding::ByName);
        holds("s02e06", &said, &[], &Holding::No);
    }

    #[test]
    fn days_and_running_numbers_are_found_by_what_the_work_says() {
        let episode = |season, number, date: &str| Episode { season, number, title: String::new(), date: date.into() };
        let known = [
            episode(0, 1, "2015-12-24"),
            episode(1, 1, "2016-05-09"),
            episode(1, 2, "2016-05-10"),
            episode(2, 1, "2017-01-01"),
        ];
        let pack = listing("Garden Tonight", &["g.s01e01.mkv", "g.s01e02.mkv", "g.s02e01.mkv", "g.s00e01.mkv"]);
        holds("2016-05-10", &pack, &known, &at(&[1]));
        holds("2015-12-24", &pack, &known, &at(&[3]));
        holds("2016-05-11", &pack, &known, &Holding::No);
        holds("3", &pack, &known, &at(&[2]));
        holds("4", &pack, &known, &Holding::No);
        let counted = listing("[Root] Niwa", &["[Root] Niwa - 02.mkv", "[Root] Niwa - 03.mkv"]);
        holds("3", &counted, &known, &at(&[1]));
        holds("s02e01", &counted, &known, &at(&[1]));
        holds("3", &counted, &[], &at(&[1]));
        let daily = listing("Garden Tonight", &["g.2016.05.09.mkv", "g.2016.05.10.mkv"]);
        holds("2016-05-10", &daily, &[], &at(&[1]));
        holds("2016-05-10", &daily, &known, &at(&[1]));
    }
}
