//! Torrent files, folders of them, and magnet links by the line: the work is what the name says.

use super::fields::Fields;
use super::{ImportError, Line, Sink, next_line};
use crate::driver::torrent_facts;
use crate::http::{Release, Row, RowFile};
use crate::torrent::{Magnet, Metainfo, has_content};
use heirloom_core::fitting::{FileType, file_type, is_extra, read_file};
use heirloom_core::release_name::{self, ReleaseName};
use std::io::{BufRead, Read as _};
use std::path::{Path, PathBuf};

/// Largest torrent file in bytes, as the engine takes it.
const TORRENT_BYTES_MAX: u64 = crate::torrent::TORRENT_BYTES_MAX as u64;

/// Most files that are looked at in a folder, and its greatest depth: a folder that holds a whole disk is no collection
/// of torrents, and links cannot lead in circles, since none is followed.
const ENTRIES_MAX: usize = 200_000;
const DEPTH_MAX: usize = 32;

/// Most files of a release that are listed.
const FILES_MAX: usize = 40;

/// Reads one torrent file, or magnet links.
///
/// # Errors
/// [`ImportError`] when it cannot be read.
pub fn read(input: &mut dyn BufRead, sink: &mut dyn Sink) -> Result<(), ImportError> {
    if input.fill_buf()?.first() == Some(&b'd') {
        let mut bytes = Vec::new();
        input.take(TORRENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        sink.row("the torrent".into(), of_torrent(&bytes));
        return Ok(());
    }
    let mut number = 0;
    loop {
        let line = match next_line(input)? {
            Line::End => return Ok(()),
            Line::TooLong => Vec::from(*b"too long"),
            Line::Whole(line) => line,
        };
        number += 1;
        let text = super::encoding::to_text_lossy(&line);
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if !sink.row(format!("line {number}"), of_magnet(text)) {
            return Ok(());
        }
    }
}

/// Reads every torrent file below a folder, in the order of their paths.
///
/// # Errors
/// [`ImportError`] when the folder itself cannot be read.
pub fn read_folder(folder: &Path, data: Option<&Path>, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let mut found = Vec::new();
    if folder.is_dir() {
        std::fs::read_dir(folder)?;
        let mut seen = 0;
        walk(folder, 0, &mut seen, &mut found, sink);
        if found.is_empty() {
            // Somebody named the folder of the films.
            let message = "there is no file that ends in .torrent in this folder, or below it";
            return Err(ImportError::NotThis(message.into()));
        }
        found.sort();
    } else {
        found.push(folder.to_owned());
    }
    for path in found {
        let item = match path.strip_prefix(folder) {
            Ok(below) if below != Path::new("") => below.to_string_lossy().into_owned(),
            _ => "the torrent".to_owned(),
        };
        let bytes = std::fs::File::open(&path).and_then(|file| {
            let mut bytes = Vec::new();
            file.take(TORRENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        let bytes = bytes.map_err(|error| format!("it cannot be read: {error}"));
        let row = bytes.as_deref().map_err(Clone::clone).and_then(of_torrent);
        let content = row.is_ok().then(|| bytes.ok()).flatten().and_then(|bytes| content_of(&path, data, &bytes));
        if !sink.row(item.clone(), row) {
            return Ok(());
        }
        if let Some(content) = content {
            sink.content(&item, &path, &content);
        }
    }
    Ok(())
}

/// Where the content of a torrent lies: beside it, or in the folder that was named. By names and sizes; whether the bytes
/// are right is found out when it is seeded.
fn content_of(torrent: &Path, data: Option<&Path>, bytes: &[u8]) -> Option<PathBuf> {
    let meta = Metainfo::parse(bytes).ok()?;
    let places = [torrent.parent(), data].into_iter().flatten().map(|folder| folder.join(&meta.name));
    let found = places.into_iter().find(|place| has_content(&meta, place))?;
    std::path::absolute(found).ok()
}

fn walk(folder: &Path, depth: usize, seen: &mut usize, found: &mut Vec<std::path::PathBuf>, sink: &mut dyn Sink) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            sink.row(folder.to_string_lossy().into_owned(), Err(format!("the folder cannot be read: {error}")));
            return;
        }
    };
    for entry in entries.flatten() {
        *seen += 1;
        if *seen == ENTRIES_MAX {
            sink.row("the rest".into(), Err(format!("more than {ENTRIES_MAX} files: name a smaller folder")));
        }
        if *seen >= ENTRIES_MAX {
            return;
        }
        let (path, kind) = (entry.path(), entry.file_type());
        let is_torrent = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("torrent"));
        match kind {
            Ok(kind) if kind.is_dir() && depth < DEPTH_MAX => walk(&path, depth + 1, seen, found, sink),
            Ok(kind) if kind.is_file() && is_torrent => found.push(path),
            _ => {}
        }
    }
}

fn of_magnet(text: &str) -> Result<Row, String> {
    let magnet = Magnet::parse(text).map_err(|error| format!("{error}: copy the whole link"))?;
    let Some(name) = magnet.name.as_deref().filter(|name| !name.trim().is_empty()) else {
        return Err("the magnet link has no name, so nobody knows of which work it is: publish it with --work".into());
    };
    let mut fields = described(name, false);
    fields.add("magnet", text);
    fields.add("name", name);
    fields.into_row()
}

fn of_torrent(bytes: &[u8]) -> Result<Row, String> {
    let metainfo = Metainfo::parse(bytes).map_err(|error| error.to_string())?;
    if metainfo.private {
        return Err("it is private: only its own tracker may name its peers, so nobody else could fetch it".into());
    }
    let facts = torrent_facts(&metainfo);
    let mut files: Vec<RowFile> = Vec::new();
    for (index, (path, size)) in facts.files.iter().enumerate().filter(|(_, (path, _))| !path.is_empty()) {
        let read = read_file(&facts.name, path);
        let is_video = file_type(path) == FileType::Video && !is_extra(path);
        let number = read.episodes.first().copied().filter(|number| *number > 0 && is_video && read.is_outright);
        let episode = read.season().zip(number);
        files.push(RowFile {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            path: path.clone(),
            size: *size,
            episode,
        });
    }
    let is_season = files.iter().any(|file| file.episode.is_some());
    let mut row = described(&facts.name, is_season).into_row()?;
    // Episodes first, then the largest.
    files.sort_by_key(|file| (file.episode.is_none(), std::cmp::Reverse(file.size), file.index));
    files.truncate(FILES_MAX);
    files.sort_by_key(|file| file.index);
    let work = row.record.as_ref().and_then(|record| record.ids.first().cloned()).unwrap_or_default();
    let has = |text: &String, schemes: &[&str]| {
        text.len() <= 200 && text.bytes().all(|b| b.is_ascii_graphic()) && schemes.iter().any(|s| text.starts_with(s))
    };
    let trackers = facts.trackers.into_iter().filter(|text| has(text, &["udp://", "http://", "https://"]));
    let web_seeds = facts.web_seeds.into_iter().filter(|text| has(text, &["http://", "https://"]));
    row.release = Some(Release {
        work,
        infohash: facts.infohash.to_string(),
        info_sha256: facts.info_sha256.map(|digest| data_encoding::HEXLOWER.encode(&digest.0)),
        name: facts.name,
        size: facts.size,
        files,
        trackers: trackers.take(8).collect(),
        web_seeds: web_seeds.take(4).collect(),
        ..Release::default()
    });
    Ok(row)
}

/// What the name of a release says of its work. Ids that people write into names, such as `{imdb-tt1254207}`, name it.
pub fn described(name: &str, is_season: bool) -> Fields {
    let plain = name.replace(['/', '\\'], " ");
    let read: ReleaseName = release_name::read(&plain);
    let mut fields = Fields::default();
    let title = if read.title.is_empty() { plain.trim() } else { &read.title };
    fields.add("title", title);
    if let Some(year) = read.year {
        fields.add("year", &year.to_string());
    }
    let is_series = is_season || !read.seasons.is_empty() || !read.episodes.is_empty() || !read.date.is_empty();
    let is_watched = read.year.is_some()
        || !read.resolution.is_empty()
        || !read.video_codec.is_empty()
        || file_type(&plain) == FileType::Video;
    fields.add(
        "kind",
        if is_series {
            "series"
        } else if is_watched {
            "film"
        } else {
            "other"
        },
    );
    for (mark, to) in [("imdb", "imdb"), ("tmdb", "tmdb"), ("tvdb", "tvdb")] {
        if let Some(id) = marked(&plain.to_lowercase(), mark, is_series) {
            fields.add(to, &id);
        }
    }
    fields
}

/// The id behind `{imdb-`, `[imdbid=` and the like.
fn marked(name: &str, mark: &str, is_series: bool) -> Option<String> {
    let open = name.match_indices(['{', '[']).find_map(|(at, _)| {
        let inside = name.get(at + 1..)?.split(['}', ']']).next()?;
        let rest = inside.strip_prefix(mark)?;
        Some(rest.strip_prefix("id").unwrap_or(rest).trim_start_matches(['-', '=', ':']).trim().to_owned())
    })?;
    let is_number = |text: &str| (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_id = is_number(open.strip_prefix("tt").unwrap_or(&open));
    match (is_id, mark) {
        (false, _) => None,
        (true, "tmdb") => Some(format!("{}/{open}", if is_series { "tv" } else { "movie" })),
        (true, _) => Some(open),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Kept, kept, why};
    use super::super::{Format, read_folder};
    use super::*;

    const HASH: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    #[test]
    fn magnets_are_read_by_the_line() {
        let text = format!(
            "# mine\nmagnet:?xt=urn:btih:{HASH}&dn=Sintel.2010.1080p.WEB&tr=udp://t.example:1\n\nmagnet:?xt=urn:btih:{HASH}\nmagnet:?dn=x\nhello\n"
        );
        let kept = kept(Format::Torrent, text.as_bytes());
        let row = &kept.rows[0];
        let (record, release) = (row.record.as_ref().expect("a work"), row.release.as_ref().expect("a release"));
        assert_eq!((record.title.as_str(), record.year, record.kind.as_str()), ("Sintel", Some(2010), "film"));
        assert_eq!((release.name.as_str(), release.trackers.len()), ("Sintel.2010.1080p.WEB", 1));
        assert!(why(&kept, "line 4").contains("has no name"));
        assert_eq!(kept.skipped.len(), 3);
    }

    #[test]
    fn a_folder_without_a_torrent_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("films")).expect("a folder");
        std::fs::write(folder.path().join("films/film.mkv"), "a film").expect("a file");
        let refused = read_folder(folder.path(), None, &mut Kept::default()).expect_err("no torrent");
        assert!(refused.to_string().contains(".torrent"), "{refused}");
    }

    #[test]
    fn ids_in_names_are_read() {
        for (name, is_series, id) in [
            ("Sintel (2010) {imdb-tt1727587}", false, Some("tt1727587")),
            ("sintel [imdbid=tt1727587]", false, Some("tt1727587")),
            ("sintel {imdb-zz}", false, None),
            ("sintel {edition-x}", false, None),
        ] {
            assert_eq!(marked(&name.to_lowercase(), "imdb", is_series).as_deref(), id, "{name}");
        }
        assert_eq!(marked("x {tmdb-1399}", "tmdb", true).as_deref(), Some("tv/1399"));
        assert_eq!(marked("x [tmdbid-10378]", "tmdb", false).as_deref(), Some("movie/10378"));
    }

    #[tokio::test]
    async fn a_folder_is_walked_and_what_is_damaged_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let show = folder.path().join("Garden.Town.S01.720p");
        std::fs::create_dir_all(&show).expect("made");
        for number in 1..=3 {
            std::fs::write(show.join(format!("Garden.Town.S01E0{number}.mkv")), [7; 900]).expect("written");
        }
        let torrent = crate::torrent::create(&show, None).await.expect("a torrent").torrent;
        let deep = folder.path().join("a/b/c");
        std::fs::create_dir_all(&deep).expect("made");
        std::fs::write(deep.join("Season.TORRENT"), &torrent).expect("written");
        std::fs::write(folder.path().join("broken.torrent"), &torrent[..50]).expect("written");
        std::fs::write(folder.path().join("page.torrent"), "<html>").expect("written");
        std::fs::write(folder.path().join("notes.txt"), "not looked at").expect("written");
        let private =
            [&b"d4:infod6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces20:"[..], &[7; 20], b"7:privatei1eee"]
                .concat();
        std::fs::write(folder.path().join("own.torrent"), private).expect("written");
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).expect("linked");
        let mut kept = Kept::default();
        read_folder(folder.path(), None, &mut kept).expect("readable");
        assert_eq!(kept.rows.len(), 1, "{:?}", kept.skipped);
        let row = &kept.rows[0];
        let (record, release) = (row.record.as_ref().expect("a work"), row.release.as_ref().expect("a release"));
        assert_eq!((record.title.as_str(), record.kind.as_str()), ("Garden Town", "series"));
        let episodes: Vec<_> = release.files.iter().map(|file| file.episode).collect();
        assert_eq!(episodes, [Some((1, 1)), Some((1, 2)), Some((1, 3))]);
        assert!(release.info_sha256.as_ref().is_some_and(|digest| digest.len() == 64));
        assert!(why(&kept, "broken.torrent").contains("damaged"));
        assert!(why(&kept, "page.torrent").contains("not a torrent"));
        assert!(why(&kept, "own.torrent").contains("private"));
    }
}
