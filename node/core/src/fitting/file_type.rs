//! What a file is, as far as its name says: a video, something that belongs beside one, or something that runs.

/// Endings of video that players know.
const VIDEO: [&str; 23] = [
    "3gp", "asf", "avi", "divx", "flv", "m2ts", "m4v", "mk3d", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogm", "ogv",
    "qt", "rm", "rmvb", "ts", "vob", "webm", "wmv",
];

/// Endings of subtitles, and of the index that lies beside some.
const SUBTITLES: [&str; 8] = ["ass", "idx", "smi", "srt", "ssa", "sub", "sup", "vtt"];

/// Endings that a system runs, opens as a program, mounts, or follows to somewhere else: `security.md` §7, and what is
/// of the same sort.
const UNSAFE: [&str; 50] = [
    "apk",
    "app",
    "appimage",
    "application",
    "bash",
    "bat",
    "cmd",
    "com",
    "command",
    "cpl",
    "deb",
    "desktop",
    "dll",
    "dmg",
    "exe",
    "gadget",
    "hta",
    "htm",
    "html",
    "img",
    "inf",
    "iso",
    "jar",
    "js",
    "jse",
    "lnk",
    "msc",
    "msi",
    "msp",
    "pif",
    "pkg",
    "ps1",
    "psm1",
    "py",
    "reg",
    "rpm",
    "run",
    "scf",
    "scr",
    "sh",
    "svg",
    "swf",
    "sys",
    "url",
    "vb",
    "vbe",
    "vbs",
    "vhd",
    "wsf",
    "xpi",
];

/// Words that name a folder or file beside the work.
const EXTRAS: [&str; 20] = [
    "behind the scenes",
    "bloopers",
    "bonus",
    "credits",
    "deleted scenes",
    "extras",
    "extra",
    "featurette",
    "featurettes",
    "interview",
    "interviews",
    "making of",
    "menu",
    "ncop",
    "nced",
    "proof",
    "screens",
    "sample",
    "trailer",
    "trailers",
];

/// What a name says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// Something to watch.
    Video,
    /// Something that runs or leads elsewhere.
    Unsafe,
    /// Anything else, such as subtitles and notes.
    Other,
}

/// The endings of the last part of a path in lower case, the last first; at most two.
fn endings(path: &str) -> impl Iterator<Item = String> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    // Systems ignore dots and spaces at the end, and so does whoever wants to hide an ending.
    let name = name.trim_end_matches(['.', ' ']).to_owned();
    let all: Vec<String> = name.rsplit('.').take(2).map(|end| end.trim().to_lowercase()).collect();
    let count = name.matches('.').count().min(2);
    all.into_iter().take(count)
}

/// What the name of a file says of it.
#[must_use]
pub fn file_type(path: &str) -> FileType {
    match endings(path).next() {
        Some(end) if UNSAFE.contains(&end.as_str()) => FileType::Unsafe,
        Some(end) if VIDEO.contains(&end.as_str()) => FileType::Video,
        _ => FileType::Other,
    }
}

/// Whether a file holds subtitles, as far as its name says.
#[must_use]
pub fn is_subtitle(path: &str) -> bool {
    endings(path).next().is_some_and(|end| SUBTITLES.contains(&end.as_str()))
}

/// Whether something that runs is named as if it were a video, such as `film.mp4.exe`.
#[must_use]
pub fn is_disguised(path: &str) -> bool {
    let ends: Vec<String> = endings(path).collect();
    let [last, before] = ends.as_slice() else { return false };
    UNSAFE.contains(&last.as_str()) && VIDEO.contains(&before.as_str())
}

/// Whether a path leads out of its folder, or is written so that it shows as another.
#[must_use]
pub fn is_unsafe_path(path: &str) -> bool {
    let is_bad = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // `C:\film.mkv`; `X: The Film.mkv` is a name.
    let is_drive = path.get(1..2) == Some(":") && matches!(path.get(2..3), Some("/" | "\\"));
    let is_rooted = path.starts_with(['/', '\\']) || is_drive;
    is_rooted || path.chars().any(is_bad) || path.split(['/', '\\']).any(|part| part == "..")
}

/// Whether a file is a sample, a trailer or the like, by a folder around it or the end of its own name.
#[must_use]
pub fn is_extra(path: &str) -> bool {
    let mut parts = path.rsplit(['/', '\\']);
    let name = parts.next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let words = |text: &str| {
        let plain: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
        plain.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let stem = words(stem);
    // Of specials that have a number some are called so: `S00E01 - Making Of`.
    let is_special = stem.split(' ').any(is_number_of_special);
    let ends_so = |word: &str| {
        let is_so = stem.strip_suffix(word).is_some_and(|before| before.is_empty() || before.ends_with(' '));
        (is_so && (word == "sample" || !is_special))
            || stem.strip_prefix("sample").is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    parts.map(words).any(|part| EXTRAS.contains(&part.as_str())) || EXTRAS.iter().any(|word| ends_so(word))
}

/// Whether a word is the number of a special, such as `s00e01`.
fn is_number_of_special(word: &str) -> bool {
    let number = word.strip_prefix("s00e").or_else(|| word.strip_prefix("s0e")).or_else(|| word.strip_prefix("0x"));
    number.is_some_and(|digits| !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a file lies in a folder of specials.
#[must_use]
pub fn is_among_specials(path: &str) -> bool {
    let mut parts = path.rsplit(['/', '\\']).skip(1);
    parts.any(|part| matches!(part.trim().to_lowercase().as_str(), "specials" | "special" | "season 0" | "season 00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_names() {
        for video in ["film.mkv", "a/b/Film.MP4", "film.v2.webm"] {
            assert_eq!(file_type(video), FileType::Video, "{video}");
        }
        for bad in ["setup.exe", "film.mp4.scr", "FILM.LNK", "codec.exe. .", "a/film.mkv.url", "x.desktop", "film.iso"]
        {
            assert_eq!(file_type(bad), FileType::Unsafe, "{bad}");
        }
        for other in ["film.srt", "readme", "cover.jpg", "exe", ".exe.txt", "", "."] {
            assert_eq!(file_type(other), FileType::Other, "{other}");
        }
        assert!(is_subtitle("Subs/film.en.SRT") && !is_subtitle("film.mkv") && !is_subtitle("srt"));
        assert!(is_disguised("Film.2011.mkv.exe") && is_disguised("film.avi.lnk"));
        assert!(!is_disguised("setup.exe") && !is_disguised("film.mp4"));
    }

    #[test]
    fn paths_that_lead_elsewhere_are_unsafe() {
        for bad in
            ["../film.mkv", "a/../../b", "/etc/film.mkv", "C:\\film.mkv", "a\\..\\b", "film\u{202e}vkm.exe", "a\0b"]
        {
            assert!(is_unsafe_path(bad), "{bad:?}");
        }
        for good in ["film.mkv", "a/b/film..mkv", "Wait... What/01.mkv", "X: The Film.mkv"] {
            assert!(!is_unsafe_path(good), "{good:?}");
        }
    }

    #[test]
    fn samples_and_trailers_are_extras() {
        for extra in [
            "Sample/film.mkv",
            "film-sample.mkv",
            "film.Sample.mkv",
            "sample.mkv",
            "sample-film.mkv",
            "Extras/making.mkv",
            "a/Behind The Scenes/1.mkv",
            "film-trailer.mp4",
            "Featurettes/x.mkv",
        ] {
            assert!(is_extra(extra), "{extra}");
        }
        for work in ["film.mkv", "The.Sampler.mkv", "Free.Sample.2012.1080p.mkv", "The Trailer Park Garden.mkv"] {
            assert!(!is_extra(work), "{work}");
        }
        for special in ["Specials/Town.S00E01.Making.Of.mkv", "Town 0x03 Interview.mkv", "Town.s0e12.Bloopers.mkv"] {
            assert!(!is_extra(special), "{special}");
        }
        for extra in
            ["Town.S00E01.sample.mkv", "Town.S01E01.Trailer.mkv", "Extras/Town.S00E01.mkv", "Town.S00.Bonus.mkv"]
        {
            assert!(is_extra(extra), "{extra}");
        }
    }
}
