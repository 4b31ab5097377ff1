//! A name on disk for every file of a torrent, whatever its maker called it.
//!
//! A name that is safe everywhere ([`paths`]) stays as it is. Any other gets one that is: what harms becomes `_`, what is
//! too long is cut before its extension, and where two fall together the later one gets its index in the torrent
//! (`film~3.mkv`). That depends on the torrent alone, so a download that goes on finds its files again. What it must not
//! know: where on disk that is, and what the files hold.

use super::metainfo::File;
use super::paths::{self, COMPONENT_BYTES_MAX};

/// Longest extension that is kept when a name is cut, in bytes: a longer one is no extension.
const EXTENSION_BYTES_MAX: usize = 16;

/// What stands for each character that must not be in a name.
const STAND_IN: char = '_';

/// The name of a torrent on disk, and that of each of its files below it, by component; for a torrent of one file its
/// name alone. Padding keeps what it is called: it is never written.
pub(super) fn of(name: &str, is_single: bool, files: &[File]) -> (String, Vec<Vec<String>>) {
    let root = component(name);
    let mut taken = paths::Collisions::default();
    let mut places: Vec<Option<Vec<String>>> = vec![None; files.len()];
    // Whoever is safe keeps its name, even behind one that must be given another.
    for (file, place) in files.iter().zip(&mut places) {
        if file.padding || is_free(&mut taken, &root, is_single, &file.path) {
            *place = Some(file.path.clone());
        }
    }
    let places = files.iter().zip(places).map(|(file, place)| {
        place.unwrap_or_else(|| {
            // PANIC: never. Each place that is taken was taken by another file of this torrent, and no two files are
            // offered the same ones, so one of the endless row is free.
            let mut offers = (0..).map(|attempt| offer(file, is_single, attempt));
            offers.find(|offer| is_free(&mut taken, &root, is_single, offer)).unwrap_or_default()
        })
    });
    let places: Vec<Vec<String>> = places.collect();
    // A torrent of one file lies under the name of that file.
    let root = match (is_single, places.first().and_then(|place| place.first())) {
        (true, Some(place)) => place.clone(),
        _ => root,
    };
    (root, places)
}

/// Whether a path may be written and is nobody else's; then it is taken.
fn is_free(taken: &mut paths::Collisions, root: &str, is_single: bool, below: &[String]) -> bool {
    let root = (!is_single).then_some(root);
    let path: Vec<&str> = root.into_iter().chain(below.iter().map(String::as_str)).collect();
    !below.is_empty() && paths::check(&path).is_ok() && taken.insert(&path).is_ok()
}

/// The places that a file is offered, one after the other: under its own folders, then with its index, then without
/// folders, which may be too many, too long, or another file's name.
fn offer(file: &File, is_single: bool, attempt: usize) -> Vec<String> {
    let mut parts: Vec<String> = file.path.iter().map(|part| component(part)).collect();
    let last = parts.pop().unwrap_or_else(|| component(""));
    match attempt {
        0 => parts.push(last),
        1 => parts.push(marked(&last, &format!("~{}", file.index))),
        2 => parts = vec![marked(&last, &format!("~{}", file.index))],
        more => parts = vec![marked(&last, &format!("~{}-{more}", file.index))],
    }
    if is_single {
        parts.drain(..parts.len().saturating_sub(1));
    }
    parts
}

/// A component that is safe; one that is safe already stays as it is.
fn component(name: &str) -> String {
    let is_harmful = |c: char| paths::is_deceiving(c) || matches!(c, '/' | '\\' | ':');
    let clean: String = name.chars().map(|c| if is_harmful(c) { STAND_IN } else { c }).collect();
    // Windows drops dots and spaces at the end, and nothing else is left of `..`.
    let mut clean = cut(clean.trim_end_matches(['.', ' ']), COMPONENT_BYTES_MAX);
    if clean.is_empty() {
        clean.push(STAND_IN);
    }
    if paths::is_device(&clean) {
        clean = cut(&format!("{STAND_IN}{clean}"), COMPONENT_BYTES_MAX);
    }
    clean
}

/// A safe component with a mark before its extension.
fn marked(name: &str, mark: &str) -> String {
    let (stem, extension) = split(name);
    let stem = prefix(stem, COMPONENT_BYTES_MAX - extension.len() - mark.len());
    format!("{stem}{mark}{extension}")
}

/// A name in so many bytes, with its extension.
fn cut(name: &str, bytes_max: usize) -> String {
    if name.len() <= bytes_max {
        return name.to_owned();
    }
    let (stem, extension) = split(name);
    let short = format!("{}{extension}", prefix(stem, bytes_max - extension.len()));
    short.trim_end_matches(['.', ' ']).to_owned()
}

/// A name as what is before its extension, and that with its dot.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= EXTENSION_BYTES_MAX => name.split_at(at),
        _ => (name, ""),
    }
}

/// The first so many bytes of a text, or a few less.
fn prefix(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::path::{Component, Path, PathBuf};

    fn files(paths: &[Vec<String>]) -> Vec<File> {
        let file = |(index, path): (usize, &Vec<String>)| File {
            index,
            path: path.clone(),
            place: Vec::new(),
            bytes: 1,
            padding: false,
        };
        paths.iter().enumerate().map(file).collect()
    }

    fn places(name: &str, paths: &[&[&str]]) -> (String, Vec<String>) {
        let paths: Vec<Vec<String>> =
            paths.iter().map(|path| path.iter().map(|part| (*part).to_owned()).collect()).collect();
        let (root, places) = of(name, false, &files(&paths));
        (root, places.iter().map(|place| place.join("/")).collect())
    }

    #[test]
    fn safe_names_stay() {
        let (root, found) = places("Show: S01", &[&["S01", "é1.mkv"], &[".hidden"], &["Who?.mkv"], &["a..b.srt"]]);
        assert_eq!(root, "Show_ S01");
        assert_eq!(found, ["S01/é1.mkv", ".hidden", "Who?.mkv", "a..b.srt"]);
    }

    #[test]
    fn unsafe_names_become_safe_ones() {
        let long = format!("{}.mkv", "é".repeat(200));
        for (name, safe) in [
            ("..", "_"),
            (".", "_"),
            ("", "_"),
            ("../etc/passwd", ".._etc_passwd"),
            ("C:\\evil.txt", "C__evil.txt"),
            ("Film: the Return.mkv", "Film_ the Return.mkv"),
            ("con.mp4", "_con.mp4"),
            ("LPT¹", "_LPT¹"),
            ("film.mkv. . ", "film.mkv"),
            ("line\nbreak.mkv", "line_break.mkv"),
            ("gpj.\u{202E}exe", "gpj._exe"),
            (long.as_str(), &format!("{}.mkv", "é".repeat(125))),
            (&"x".repeat(300), &"x".repeat(255)),
            (&format!("CON.{}", "x".repeat(300)), &format!("_CON.{}", "x".repeat(250))),
        ] {
            assert_eq!(component(name), safe, "{name:?}");
            assert_eq!(component(safe), safe, "{safe:?} is safe");
        }
    }

    #[test]
    fn names_that_fall_together_get_their_index() {
        let (_, found) = places("f", &[&["a:b.mkv"], &["A_B.MKV"], &["a_b.mkv"], &["a_b~2.mkv"], &["x"], &["X", "y"]]);
        assert_eq!(found, ["a_b~0.mkv", "A_B.MKV", "a_b~2-3.mkv", "a_b~2.mkv", "x", "y~5"]);
    }

    #[test]
    fn too_deep_and_too_long_paths_lose_their_folders() {
        let deep: Vec<&str> = std::iter::repeat_n("d", 20).chain(["e.mkv"]).collect();
        let part = "p".repeat(250);
        let long: Vec<&str> = vec![part.as_str(); 5];
        let (_, found) = places("f", &[&deep, &long]);
        assert_eq!(found, ["e~0.mkv".to_owned(), format!("{part}~1")]);
    }

    #[test]
    fn a_single_file_lies_under_its_own_name() {
        let one = |name: &str| of(name, true, &files(&[vec![name.to_owned()]]));
        assert_eq!(one("aux.mkv"), ("_aux.mkv".to_owned(), vec![vec!["_aux.mkv".to_owned()]]));
        assert_eq!(one("film.mkv").0, "film.mkv");
    }

    /// Names as a hostile maker writes them: bits of what is special somewhere.
    fn hostile() -> impl Strategy<Value = String> {
        let bit = prop_oneof![
            Just("..".to_owned()),
            Just("/".to_owned()),
            Just("\\".to_owned()),
            Just("C:".to_owned()),
            Just("CON".to_owned()),
            Just("com1".to_owned()),
            Just("~1".to_owned()),
            Just(".mkv".to_owned()),
            Just(" ".to_owned()),
            Just("\u{202E}".to_owned()),
            Just("\0".to_owned()),
            Just("e\u{301}".to_owned()),
            Just("ß".to_owned()),
            Just("é".repeat(150)),
            "[aAbB_.]{0,2}",
            ".{0,3}",
        ];
        proptest::collection::vec(bit, 0..4).prop_map(|bits| bits.concat())
    }

    proptest! {
        #[test]
        fn nothing_leaves_its_folder_and_no_two_files_meet(
            name in hostile(),
            paths in proptest::collection::vec(proptest::collection::vec(hostile(), 0..20), 1..12),
            is_single: bool,
        ) {
            let paths = if is_single { vec![vec![name.clone()]] } else { paths };
            let files = files(&paths);
            let (root, places) = of(&name, is_single, &files);
            prop_assert_eq!(of(&name, is_single, &files), (root.clone(), places.clone()), "it is the same each time");
            let mut seen = paths::Collisions::default();
            let mut folded = BTreeSet::new();
            for place in &places {
                let below: Vec<&str> = place.iter().map(String::as_str).collect();
                let whole: Vec<&str> = if is_single { below } else { [&[root.as_str()], below.as_slice()].concat() };
                prop_assert_eq!(paths::check(&whole), Ok(()));
                prop_assert_eq!(seen.insert(&whole), Ok(()));
                prop_assert!(folded.insert(whole.join("/").to_lowercase()), "{:?} twice", whole);
                let folder = Path::new("/downloads");
                let joined = whole.iter().fold(folder.to_owned(), |path, part| path.join(part));
                prop_assert!(joined.starts_with(folder) && joined != folder);
                let inner: PathBuf = joined.strip_prefix(folder).unwrap().to_owned();
                prop_assert!(inner.components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert_eq!(inner.components().count(), whole.len());
            }
        }
    }
}
