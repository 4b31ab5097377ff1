//! Numbers, times, keys and addresses as people read them, and as attributes of a page may hold them.

use heirloom_core::io;
use heirloom_graph::Band;
use heirloom_proto::{Key, Timestamp};
use maud::{Markup, html};
use std::fmt::Write as _;

/// Colours of drawn posters and of plots; `page.css` has a class for each.
pub(super) const HUES: u32 = 12;

/// Bytes in the units that disks are sold in.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let (mut whole, mut rest, mut unit) = (count, 0, 0);
    while whole >= 1000 && unit + 1 < units.len() {
        (whole, rest, unit) = (whole / 1000, whole % 1000 / 100, unit + 1);
    }
    if unit > 0 && whole < 10 { format!("{whole}.{rest} {}", units[unit]) } else { format!("{whole} {}", units[unit]) }
}

/// What the doctor says to programs in bytes, in larger units.
pub(crate) fn readable(detail: &str, size: impl Fn(u64) -> String) -> String {
    if !detail.contains(" bytes") {
        return detail.to_owned();
    }
    let large = |word: &str| word.parse().ok().filter(|count: &u64| *count >= 1000);
    let words = detail
        .split(' ')
        .filter(|word| *word != "bytes")
        .map(|word| large(word).map_or_else(|| word.to_owned(), &size));
    words.collect::<Vec<_>>().join(" ")
}

/// A part of a whole in percent, 0…100.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 { 0 } else { u64::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(100).min(100) }
}

/// The day of a time, for tables.
pub(super) fn day(at: Timestamp) -> String {
    at.to_rfc3339().chars().take(10).collect()
}

/// First and last letters of a key: enough to compare with what a friend reads out.
pub(super) fn short(key: &Key) -> String {
    let text = key.to_multibase();
    let (Some(first), Some(last)) = (text.get(..8), text.get(text.len().saturating_sub(6)..)) else { return text };
    format!("{first}…{last}")
}

/// What somebody else wrote: escaped, and kept from turning the text around it.
pub(super) fn said(text: &str) -> Markup {
    html! { bdi { (text) } }
}

/// A name, or the key where there is none, as a link to the page of that key.
pub(super) fn person(key: &Key, name: &str) -> Markup {
    html! {
        a href=(key_page(key)) title=(key.to_string()) {
            @if name.is_empty() { code { (short(key)) } } @else { (said(name)) }
        }
    }
}

/// Words of ours in which something to type stands between backticks. Never for what others wrote.
pub(super) fn with_code(words: &'static str) -> Markup {
    html! {
        @for (at, part) in words.split('`').enumerate() { @if at % 2 == 1 { code .typed { (part) } } @else { (part) } }
    }
}

/// Text as a part of an address: whatever is not plainly safe is percent-encoded, `/` too.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b':') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Address of the page of a work.
pub(super) fn work_page(work: &str) -> String {
    format!("/work/{}", encoded(work))
}

/// Address of the page of a key.
pub(super) fn key_page(key: &Key) -> String {
    format!("/key/{key}")
}

/// An address that may be linked to: of the web, nothing that a browser would run.
pub(super) fn is_web(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    lower.starts_with("https://") || lower.starts_with("http://")
}

/// The class of the colour that stands for a thing, always the same for it (FNV-1a of its id).
pub(super) fn hue(id: &str) -> String {
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("hue-{}", (hash ^ (hash >> 16)) % HUES)
}

/// Class of a band.
pub(super) fn band_class(band: Band) -> &'static str {
    match band {
        Band::Trusted => "band trusted",
        Band::Vouched => "band vouched",
        Band::Earned => "band earned",
        Band::Unknown => "band unknown",
        Band::Distrusted => "band distrusted",
    }
}

/// Whether a browser may be able to play a file, by its name.
pub(super) fn is_playable(path: &str) -> bool {
    has_ending(path, &["mp4", "m4v", "webm", "mkv", "mov", "ogv", "ogg", "mp3", "m4a", "flac", "opus", "wav"])
}

/// Whether a file holds subtitles that are shown beside a film.
pub(super) fn is_subtitle(path: &str) -> bool {
    has_ending(path, &["srt", "vtt", "ass", "ssa"])
}

fn has_ending(path: &str, endings: &[&str]) -> bool {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| endings.contains(&ending.as_str()))
}

/// The files of a torrent with their indices, padding left out.
pub(super) fn files_of(metainfo: &io::Metainfo) -> impl Iterator<Item = (usize, &str, u64)> {
    let all = metainfo.files.iter().enumerate();
    all.filter(|(_, (path, _))| !path.is_empty()).map(|(index, (path, size))| (index, path.as_str(), *size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_in_bytes_is_read_in_larger_units() {
        assert_eq!(readable("12200 of 2147483648 bytes used", bytes), "12 kB of 2.1 GB used");
        assert_eq!(readable("put 7200 s ago", bytes), "put 7200 s ago");
    }

    #[test]
    fn sizes_are_read_at_a_glance() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9_999, "9.9 kB"),
            (64_123_456, "64 MB"),
            (4_200_000_000, "4.2 GB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        assert_eq!((percent(1, 0), percent(1, 3), percent(9, 3)), (0, 33, 100));
    }

    #[test]
    fn addresses_hold_nothing_that_ends_an_attribute_or_a_path() {
        assert_eq!(work_page("tmdb:movie/1?a=b#c"), "/work/tmdb:movie%2F1%3Fa%3Db%23c");
        assert_eq!(encoded("\"><script>ü"), "%22%3E%3Cscript%3E%C3%BC");
        assert_eq!(encoded("../.."), "..%2F..");
        assert!(is_web("HTTPS://example.org") && !is_web("javascript:alert(1)") && !is_web(" https://x"));
    }

    #[test]
    fn a_thing_keeps_its_colour() {
        assert_eq!(hue("imdb:tt1254207"), hue("imdb:tt1254207"));
        let all: std::collections::BTreeSet<String> = (0..200).map(|n| hue(&format!("imdb:tt{n}"))).collect();
        assert_eq!(u32::try_from(all.len()), Ok(HUES), "every colour is used");
    }
}
