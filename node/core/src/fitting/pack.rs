//! Which file of a release is which episode.

use super::file_type::{FileType, file_type, is_among_specials, is_extra, is_unsafe_path};
use crate::release_name::{Expected, ReleaseName, read_as};
use heirloom_proto::body::{Episode, File};

/// The episode that is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Season; 0 holds the specials.
    pub season: u32,
    /// Number in the season, from 1; 0 where only its day is known.
    pub number: u32,
    /// Day of its first showing, `YYYY-MM-DD`, or empty.
    pub date: String,
    /// Its number counted over the whole series, if that is known.
    pub absolute: Option<u32>,
}

impl Wanted {
    /// An episode of which no more is known.
    #[must_use]
    pub fn new(season: u32, number: u32) -> Self {
        Self { season, number, date: String::new(), absolute: None }
    }

    /// An episode of a series whose episodes are known: with its day, and counted over the seasons.
    #[must_use]
    pub fn of(season: u32, number: u32, episodes: &[Episode]) -> Self {
        let this = episodes.iter().find(|episode| (episode.season, episode.number) == (season, number));
        let before = episodes.iter().filter(|episode| episode.season > 0 && episode.season < season).count();
        let is_counted = season > 0 && (season == 1 || before > 0);
        Self {
            season,
            number,
            date: this.map(|episode| episode.date.clone()).unwrap_or_default(),
            absolute: u32::try_from(before).ok().filter(|_| is_counted).map(|before| before.saturating_add(number)),
        }
    }
}

/// What the path of a file says, with the name of its release before it.
#[must_use]
pub fn read_file(release: &str, path: &str) -> ReleaseName {
    if is_among_specials(path) {
        // The folder of a season around the specials is not theirs.
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let read = read_as(name, Expected::Episodes);
        let seasons = if read.seasons.is_empty() { vec![0] } else { read.seasons };
        return ReleaseName { seasons, ..read };
    }
    read_as(&format!("{}/{path}", release.replace(['/', '\\'], " ")), Expected::Episodes)
}

/// How well a file fits: the fewer other episodes it holds, the better.
fn fit(read: &ReleaseName, wanted: &Wanted) -> Option<usize> {
    if !wanted.date.is_empty() && read.date == wanted.date {
        return Some(1);
    }
    let has_number = wanted.number > 0 && read.episodes.contains(&wanted.number);
    let has_season = match read.seasons.as_slice() {
        // Without a season a number is of the first, or counts through the series.
        [] => wanted.season == 1 && wanted.absolute.is_none_or(|absolute| absolute == wanted.number),
        // `S01-S03` around a file says nothing of which it is.
        seasons => seasons.contains(&wanted.season),
    };
    let is_counted = read.seasons.is_empty()
        && wanted.season > 0
        && wanted.absolute.is_some_and(|absolute| read.episodes.contains(&absolute));
    ((has_number && has_season) || is_counted).then_some(read.episodes.len())
}

/// Whether a file may be played at all.
fn is_playable(file: &File) -> bool {
    file_type(&file.path) == FileType::Video && !is_unsafe_path(&file.path)
}

/// The file of an episode: by what the listing says of its files, else by their names. `whole`: the episode that the listing
/// says the whole release is. `None`: none of them is it, as far as their names say.
#[must_use]
pub fn file_for<'a>(release: &str, whole: Option<(u32, u32)>, files: &'a [File], wanted: &Wanted) -> Option<&'a File> {
    let place = (wanted.season, wanted.number);
    let playable: Vec<&File> = files.iter().filter(|file| is_playable(file)).collect();
    let largest = |files: &[&'a File]| files.iter().copied().max_by_key(|f| (f.size, std::cmp::Reverse(f.index)));
    let mapped: Vec<&File> = playable.iter().copied().filter(|file| file.episode == Some(place)).collect();
    if let Some(file) = largest(&mapped) {
        return Some(file);
    }
    let is_left = |file: &&&File| file.episode.is_none() && !is_extra(&file.path);
    let left: Vec<&File> = playable.iter().filter(is_left).copied().collect();
    if whole == Some(place) {
        return largest(&left).or_else(|| largest(&playable));
    }
    let mut fitting: Vec<(usize, &File)> =
        left.iter().filter_map(|file| Some((fit(&read_file(release, &file.path), wanted)?, *file))).collect();
    fitting.sort_by_key(|(others, file)| (*others, std::cmp::Reverse(file.size), file.index));
    fitting.first().map(|(_, file)| *file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&str]) -> Vec<File> {
        let file = |(index, path): (usize, &&str)| File {
            index: u32::try_from(index).expect("few"),
            path: (*path).into(),
            size: 1000,
            episode: None,
        };
        paths.iter().enumerate().map(file).collect()
    }

    #[track_caller]
    fn finds(release: &str, paths: &[&str], wanted: &Wanted, expected: Option<&str>) {
        let files = files(paths);
        assert_eq!(file_for(release, None, &files, wanted).map(|file| file.path.as_str()), expected, "{wanted:?}");
    }

    #[test]
    fn files_are_found_by_their_names() {
        let pack =
            ["Garden.Town.S02E01.mkv", "Garden.Town.S02E02.mkv", "Garden.Town.S02E02.srt", "garden.town.s02.nfo"];
        finds("Garden.Town.S02.1080p.WEB-DL-HEIR", &pack, &Wanted::new(2, 2), Some(pack[1]));
        finds("Garden.Town.S02.1080p.WEB-DL-HEIR", &pack, &Wanted::new(2, 3), None);
        finds("Garden.Town.S02.1080p.WEB-DL-HEIR", &pack, &Wanted::new(1, 2), None);
        let plain = ["01 - Seeds.mkv", "02 - Rain.mkv", "03.mkv"];
        finds("Garden Town Season 2", &plain, &Wanted::new(2, 2), Some(plain[1]));
        finds("Garden Town Season 2", &plain, &Wanted::new(2, 3), Some(plain[2]));
        let seasons = ["Season 1/01 - Seeds.mkv", "Season 2/01 - Snow.mkv"];
        finds("Garden Town S01-S02", &seasons, &Wanted::new(2, 1), Some(seasons[1]));
        let crossed = ["Garden Town 1x01.avi", "Garden Town 1x02.avi"];
        finds("Garden Town", &crossed, &Wanted::new(1, 2), Some(crossed[1]));
    }

    #[test]
    fn what_the_listing_says_goes_before_names() {
        let mut files = files(&["a/S01E01.mkv", "a/S01E02.mkv", "a/S01E03.mkv"]);
        files[0].episode = Some((1, 2));
        let of = |number| file_for("Garden Town S01", None, &files, &Wanted::new(1, number)).map(|file| file.index);
        assert_eq!(of(2), Some(0));
        assert_eq!(of(1), None, "the file by that name is another, says the listing");
        assert_eq!(of(3), Some(2));
    }

    #[test]
    fn specials_are_found_in_their_folder_and_by_season_zero() {
        let pack = ["Specials/02 - Winter Fair.mkv", "Garden.Town.S01E02.mkv", "Garden.Town.S00E01.mkv"];
        finds("Garden.Town.S01", &pack, &Wanted::new(0, 2), Some(pack[0]));
        finds("Garden.Town.S01", &pack, &Wanted::new(0, 1), Some(pack[2]));
        finds("Garden.Town.S01", &pack, &Wanted::new(1, 2), Some(pack[1]));
    }

    #[test]
    fn daily_shows_are_found_by_their_day() {
        let pack = ["Garden.Tonight.2016.05.09.mkv", "Garden.Tonight.2016.05.10.mkv"];
        let episode = |number, date: &str| Episode { season: 4, number, title: String::new(), date: date.into() };
        let episodes = [episode(81, "2016-05-09"), episode(82, "2016-05-10")];
        finds("Garden.Tonight.May.2016", &pack, &Wanted::of(4, 82, &episodes), Some(pack[1]));
        finds("Garden.Tonight.May.2016", &pack, &Wanted::of(4, 83, &episodes), None);
    }

    #[test]
    fn one_file_may_be_several_episodes_but_one_of_its_own_goes_first() {
        let pack = ["Garden.Town.S01E01-E03.mkv", "Garden.Town.S01E02.mkv"];
        finds("Garden.Town.S01", &pack, &Wanted::new(1, 3), Some(pack[0]));
        finds("Garden.Town.S01", &pack, &Wanted::new(1, 2), Some(pack[1]));
    }

    #[test]
    fn numbers_over_the_whole_series_are_counted() {
        let pack = ["[Root] Niwa - 13.mkv", "[Root] Niwa - 14.mkv", "[Root] Niwa - 02.mkv"];
        let all: Vec<Episode> = (1..=12)
            .map(|number| Episode { season: 1, number, title: String::new(), date: String::new() })
            .chain((1..=12).map(|number| Episode { season: 2, number, title: String::new(), date: String::new() }))
            .collect();
        finds("[Root] Niwa - 01-24", &pack, &Wanted::of(2, 2, &all), Some(pack[1]));
        finds("[Root] Niwa - 01-24", &pack, &Wanted::of(1, 2, &all), Some(pack[2]));
        finds("[Root] Niwa - 01-24", &pack, &Wanted::new(2, 2), None);
    }

    #[test]
    fn samples_extras_and_unsafe_files_are_no_episodes() {
        let pack = [
            "Sample/garden.town.s01e01.sample.mkv",
            "Extras/Garden.Town.S01E01.Making.Of.mkv",
            "../Garden.Town.S01E01.mkv",
            "Garden.Town.S01E01.mkv.exe",
            "Garden.Town.S01E01.nfo",
        ];
        finds("Garden.Town.S01", &pack, &Wanted::new(1, 1), None);
        let whole = files(&["a.nfo", "sample.mkv", "b.mkv"]);
        let found = file_for("Garden.Town.S01E01", Some((1, 1)), &whole, &Wanted::new(1, 1));
        assert_eq!(found.map(|file| file.index), Some(2));
    }
}
