//! What is wrong with a release, as far as its listing says: files that run, and files that do not fit what it is listed as.

use super::file_type::{FileType, file_type, is_disguised, is_unsafe_path};
use super::pack::read_file;
use crate::release_name;
use heirloom_proto::body::{File, Listing, WorkKind};
use std::collections::BTreeSet;
use std::fmt;

/// Most flags of one release that are shown; the worst come first.
pub const FLAGS_MAX: usize = 20;

/// Most files of a torrent that this node takes (`security.md` §7). An index beyond it is none.
const FILE_INDEX_MAX: u32 = 20_000;

/// What a listed size may be off by, as a part of the larger one: many are copied from pages, which write 1.4 GB.
const SIZE_OFF_SHARE: u64 = 20;

/// Something about a release that its reader should know before fetching it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// A file that runs, though it is named like a video.
    Disguised {
        /// Which.
        path: String,
    },
    /// A file that is named like a video, and was found to hold something else that may do harm.
    OtherContent {
        /// Which.
        path: String,
    },
    /// Its torrent was found to be another one than its lister signed.
    OtherInfo,
    /// A file that runs or leads elsewhere.
    Program {
        /// Which.
        path: String,
    },
    /// A path that leads out of the release's folder, or is written so that it shows as another. It is written under a safe
    /// one.
    UnsafePath {
        /// Which.
        path: String,
    },
    /// A work to watch, and no file to watch.
    NoVideo,
    /// The files that are listed are larger than the release.
    TooLarge {
        /// Bytes as listed.
        size: u64,
        /// Sum of the files in bytes.
        files: u64,
    },
    /// The torrent has another size than is listed.
    OtherSize {
        /// Bytes as listed.
        size: u64,
        /// Bytes of the torrent.
        actual: u64,
    },
    /// A file that the torrent cannot have, or that is listed twice.
    BadIndex {
        /// Its index.
        index: u32,
    },
    /// A file of the torrent is another than the one that is listed under its index.
    OtherFile {
        /// Its index.
        index: u32,
        /// Its path in the torrent.
        path: String,
    },
    /// A name says another episode than the listing.
    OtherEpisode {
        /// Of the file or release.
        name: String,
        /// As listed: season and number.
        listed: (u32, u32),
        /// As the name says it.
        named: (u32, u32),
    },
}

impl Flag {
    /// Whether fetching it may do harm; `get` refuses by default.
    #[must_use]
    pub fn is_unsafe(&self) -> bool {
        matches!(self, Self::Disguised { .. } | Self::OtherContent { .. } | Self::OtherInfo | Self::Program { .. })
    }

    /// Name for scripts.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Disguised { .. } => "disguised_program",
            Self::OtherContent { .. } => "other_content",
            Self::OtherInfo => "other_info",
            Self::Program { .. } => "program",
            Self::UnsafePath { .. } => "unsafe_path",
            Self::NoVideo => "no_video",
            Self::TooLarge { .. } => "size_mismatch",
            Self::OtherSize { .. } => "other_size",
            Self::BadIndex { .. } => "bad_index",
            Self::OtherFile { .. } => "other_file",
            Self::OtherEpisode { .. } => "other_episode",
        }
    }
}

/// Text of others within a sentence of ours: short, and without anything that turns the line around.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 80;
        let skipped = self.0.chars().count().saturating_sub(SHOWN_MAX);
        // The end tells most: it is where the kind of a file stands.
        let shown: String = self.0.chars().skip(skipped).collect();
        write!(f, "\"{}{}\"", if skipped > 0 { "…" } else { "" }, shown.escape_debug())
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let episode = |(season, number): &(u32, u32)| format!("S{season:02}E{number:02}");
        match self {
            Self::Disguised { path } => write!(f, "{} is a program that is named like a video", Quoted(path)),
            Self::OtherContent { path } => {
                write!(f, "{} is named like a video, and holds a program, an archive or a page", Quoted(path))
            }
            Self::OtherInfo => f.write_str("its torrent is another one than its lister signed"),
            Self::Program { path } => write!(f, "{} is a program or a link, not something to watch", Quoted(path)),
            Self::UnsafePath { path } => {
                write!(f, "{} leads out of its folder or hides its name: it gets another one on disk", Quoted(path))
            }
            Self::NoVideo => f.write_str("none of its listed files is a video"),
            Self::TooLarge { size, files } => {
                write!(f, "its files have {files} bytes together, but it is listed with {size}")
            }
            Self::OtherSize { size, actual } => {
                write!(f, "its torrent has {actual} bytes, but it is listed with {size}")
            }
            Self::BadIndex { index } => write!(f, "file {index} is listed, which it cannot have or is listed twice"),
            Self::OtherFile { index, path } => {
                write!(f, "file {index} of the torrent is {}, not the one that is listed", Quoted(path))
            }
            Self::OtherEpisode { name, listed, named } => {
                write!(f, "{} is listed as {} but named {}", Quoted(name), episode(listed), episode(named))
            }
        }
    }
}

/// Whether a work of this kind is something to watch, read or hear, and so never a program.
fn is_media(kind: WorkKind, listing: &Listing) -> bool {
    match kind {
        WorkKind::Film | WorkKind::Series | WorkKind::Episode | WorkKind::Album | WorkKind::Book => true,
        WorkKind::Software => false,
        // Nobody said what it is: then it is what it looks like.
        WorkKind::Other => {
            let named = release_name::read(&listing.name);
            let is_video = |file: &File| file_type(&file.path) == FileType::Video || is_disguised(&file.path);
            !named.resolution.is_empty() || !named.video_codec.is_empty() || listing.files.iter().any(is_video)
        }
    }
}

/// What is wrong with a release that is listed as a work of this kind, the worst first. `actual`: path and size of every file
/// of its torrent, once that is known.
#[must_use]
pub fn flags(listing: &Listing, kind: WorkKind, actual: Option<&[(String, u64)]>) -> Vec<Flag> {
    let mut flags: BTreeSet<Flag> = BTreeSet::new();
    let listed = listing.files.iter().map(|file| file.path.as_str());
    // A magnet of a single file may be listed by its name alone.
    let named = (file_type(&listing.name) == FileType::Unsafe).then_some(listing.name.as_str());
    let paths: Vec<&str> =
        listed.chain(named).chain(actual.into_iter().flatten().map(|(path, _)| path.as_str())).collect();
    let is_media = is_media(kind, listing);
    for path in &paths {
        if is_unsafe_path(path) {
            flags.insert(Flag::UnsafePath { path: (*path).to_owned() });
        }
        if is_media && is_disguised(path) {
            flags.insert(Flag::Disguised { path: (*path).to_owned() });
        } else if is_media && file_type(path) == FileType::Unsafe {
            flags.insert(Flag::Program { path: (*path).to_owned() });
        }
    }
    let is_to_watch = matches!(kind, WorkKind::Film | WorkKind::Series | WorkKind::Episode);
    if is_to_watch && !paths.is_empty() && !paths.iter().any(|path| file_type(path) == FileType::Video) {
        flags.insert(Flag::NoVideo);
    }
    let sum = listing.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.size));
    if sum > listing.size {
        flags.insert(Flag::TooLarge { size: listing.size, files: sum });
    }
    fit_files(listing, actual, &mut flags);
    fit_episodes(listing, kind, &mut flags);
    flags.into_iter().take(FLAGS_MAX).collect()
}

/// Whether the size and the files that are listed are those of the torrent.
fn fit_files(listing: &Listing, actual: Option<&[(String, u64)]>, flags: &mut BTreeSet<Flag>) {
    let total = actual.into_iter().flatten().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size));
    // Nobody said how large it is, or nobody knows.
    let is_said = listing.size > 0 && total > 0;
    if is_said && listing.size.abs_diff(total) > listing.size.max(total) / SIZE_OFF_SHARE {
        flags.insert(Flag::OtherSize { size: listing.size, actual: total });
    }
    let mut seen = BTreeSet::new();
    for file in &listing.files {
        let is_beyond = match actual {
            Some(actual) => usize::try_from(file.index).is_ok_and(|index| index >= actual.len()),
            None => file.index >= FILE_INDEX_MAX,
        };
        if is_beyond || !seen.insert(file.index) {
            flags.insert(Flag::BadIndex { index: file.index });
            continue;
        }
        let there = actual.zip(usize::try_from(file.index).ok()).and_then(|(actual, index)| actual.get(index));
        if let Some((path, size)) = there
            && (*path != file.path || *size != file.size)
        {
            flags.insert(Flag::OtherFile { index: file.index, path: path.clone() });
        }
    }
}

/// Whether names say other episodes than the listing. Only a name that says season and episode outright counts.
fn fit_episodes(listing: &Listing, kind: WorkKind, flags: &mut BTreeSet<Flag>) {
    if !matches!(kind, WorkKind::Series | WorkKind::Episode) {
        return;
    }
    let mut compare = |name: &str, listed: Option<(u32, u32)>, read: &release_name::ReleaseName| {
        if let (Some(listed), Some(season), Some(first)) = (listed, read.season(), read.episodes.first())
            && !(season == listed.0 && read.episodes.contains(&listed.1))
            && read.is_outright
        {
            flags.insert(Flag::OtherEpisode { name: name.to_owned(), listed, named: (season, *first) });
        }
    };
    compare(&listing.name, listing.episode, &release_name::read(&listing.name));
    for file in listing.files.iter().filter(|file| file_type(&file.path) == FileType::Video) {
        compare(&file.path, file.episode, &read_file("", &file.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::Infohash;

    fn listing(name: &str, files: &[(&str, Option<(u32, u32)>)]) -> Listing {
        Listing {
            size: 1000 * files.len().max(1) as u64,
            files: files
                .iter()
                .enumerate()
                .map(|(index, (path, episode))| File {
                    index: u32::try_from(index).expect("few"),
                    path: (*path).into(),
                    size: 1000,
                    episode: *episode,
                })
                .collect(),
            ..Listing::new("imdb:tt0000001".parse().expect("an id"), Infohash([1; 20]), name.into())
        }
    }

    fn names(flags: &[Flag]) -> Vec<&'static str> {
        flags.iter().map(Flag::name).collect()
    }

    #[test]
    fn what_fits_has_no_flag() {
        let film =
            listing("The.Paper.Garden.2011.1080p", &[("film.mkv", None), ("film.srt", None), ("cover.jpg", None)]);
        assert_eq!(flags(&film, WorkKind::Film, None), []);
        let pack = listing("Garden.Town.S01", &[("S01E01.mkv", Some((1, 1))), ("S01E02E03.mkv", Some((1, 3)))]);
        assert_eq!(flags(&pack, WorkKind::Series, None), []);
        assert_eq!(flags(&listing("Anything", &[]), WorkKind::Film, None), [], "a magnet has no files yet");
    }

    #[test]
    fn programs_in_a_film_are_flagged_and_unsafe() {
        let film = listing("Film.1080p", &[("film.mkv", None), ("codec.exe", None), ("film.mp4.scr", None)]);
        let found = flags(&film, WorkKind::Film, None);
        assert_eq!(names(&found), ["disguised_program", "program"]);
        assert!(found.iter().all(Flag::is_unsafe));
        assert_eq!(flags(&film, WorkKind::Other, None), found, "nobody said that it is a film, but it looks like one");
        assert_eq!(flags(&listing("Editor", &[("setup.exe", None)]), WorkKind::Software, None), []);
        assert_eq!(flags(&listing("Linux", &[("linux.iso", None)]), WorkKind::Other, None), []);
        assert_eq!(names(&flags(&listing("Film.2011.mkv.exe", &[]), WorkKind::Film, None))[0], "disguised_program");
        let lost = listing("Film", &[("../film.mkv", None)]);
        assert_eq!(names(&flags(&lost, WorkKind::Software, None)), ["unsafe_path"]);
    }

    #[test]
    fn what_does_not_fit_is_flagged() {
        assert_eq!(names(&flags(&listing("Film", &[("film.txt", None)]), WorkKind::Film, None)), ["no_video"]);
        let mut large = listing("Film", &[("film.mkv", None)]);
        large.size = 999;
        assert_eq!(flags(&large, WorkKind::Film, None), [Flag::TooLarge { size: 999, files: 1000 }]);
        large.files[0].size = u64::MAX;
        large.files.push(File { index: 0, size: u64::MAX, ..large.files[0].clone() });
        assert_eq!(names(&flags(&large, WorkKind::Film, None)), ["size_mismatch", "bad_index"]);
        let mut far = listing("Film", &[("film.mkv", None)]);
        far.files[0].index = u32::MAX;
        assert_eq!(flags(&far, WorkKind::Film, None), [Flag::BadIndex { index: u32::MAX }]);
    }

    #[test]
    fn names_that_say_another_episode_are_flagged() {
        let pack = listing("Garden.Town.S01", &[("Garden.Town.S01E05.mkv", Some((1, 1))), ("07.mkv", Some((1, 2)))]);
        let expected = Flag::OtherEpisode { name: "Garden.Town.S01E05.mkv".into(), listed: (1, 1), named: (1, 5) };
        assert_eq!(flags(&pack, WorkKind::Series, None), [expected], "a bare number contradicts nobody");
        let mut one = listing("Garden.Town.S01E05.1080p", &[]);
        one.episode = Some((1, 4));
        assert_eq!(names(&flags(&one, WorkKind::Series, None)), ["other_episode"]);
    }

    #[test]
    fn the_torrent_itself_is_compared_once_it_is_there() {
        let film = listing("Film", &[("film.mkv", None)]);
        let file = |path: &str, size| (path.to_owned(), size);
        assert_eq!(flags(&film, WorkKind::Film, Some(&[file("film.mkv", 1000)])), []);
        assert_eq!(names(&flags(&film, WorkKind::Film, Some(&[]))), ["bad_index"]);
        assert_eq!(names(&flags(&film, WorkKind::Film, Some(&[file("other.mkv", 1000)]))), ["other_file"]);
        let found = flags(&film, WorkKind::Film, Some(&[file("film.mkv", 1000), file("run.exe", 5)]));
        assert_eq!(names(&found), ["program"], "what the listing left out");
        let magnet = Listing { size: 734_003_200, files: Vec::new(), ..film };
        let is = |size| flags(&magnet, WorkKind::Film, Some(&[file("film.mkv", size)]));
        assert_eq!(is(300_000), [Flag::OtherSize { size: 734_003_200, actual: 300_000 }]);
        assert_eq!(names(&is(800_000_000)), ["other_size"]);
        assert_eq!(is(700_000_000), [], "rounded by whoever wrote it down");
        let unsaid = Listing { size: 0, ..magnet.clone() };
        assert_eq!(flags(&unsaid, WorkKind::Film, Some(&[file("film.mkv", 5)])), []);
    }

    #[test]
    fn flags_are_few_and_their_text_is_harmless() {
        let paths: Vec<String> = (0..100).map(|number| format!("{number}.exe")).collect();
        let many: Vec<(&str, _)> = paths.iter().map(|path| (path.as_str(), None)).collect();
        assert_eq!(flags(&listing("Film", &many), WorkKind::Film, None).len(), FLAGS_MAX);
        let text = Flag::UnsafePath { path: format!("{}\u{202e}gpj.exe\n", "a".repeat(500)) }.to_string();
        assert!(text.chars().count() < 200 && !text.contains(['\u{202e}', '\n']), "{text}");
    }
}
