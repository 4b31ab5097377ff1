//! What the name of a release says: title, year, season, episode, resolution, source, codecs, group and the like.
//!
//! Names are guesses of people for people. What is read here fills what a listing leaves out when it is read; it is never
//! signed, stored or sent as if its author had said it. The reading is our own: of the crates for it, the best
//! (hunch 2.0.4) agrees with the cases of `tests/interop/release_names.py` less often, and would bring JSON, TOML and
//! regular expressions into the core.
//!
//! Hostile names cost no more than others: what is longer than [`NAME_BYTES_MAX`] is cut, and everything that comes out
//! is a part of what went in, or a list of at most [`RANGE_MAX`] numbers.

mod facts;
mod numbering;
mod part;
mod technical;
#[cfg(test)]
mod tests;
mod text;

use facts::{Fact, Strength};
use part::Part;

pub use part::Expected;
pub use technical::language_tag;

/// Longest name that is looked at, in bytes; what is before is cut, since a path says most at its end. A listing's paths
/// have at most as many.
pub const NAME_BYTES_MAX: usize = 1024;

/// Most numbers that a range stands for: more than a season has.
pub const RANGE_MAX: u32 = numbering::RANGE_MAX;

/// Parts of a path that are looked at, from the end: a file, its season and its series.
const PARTS_MAX: usize = 3;

/// Endings of names by what they hold.
const CONTAINERS: [&str; 45] = [
    "3g2", "3gp", "asf", "ass", "avi", "divx", "flv", "idx", "iso", "m2ts", "m4a", "m4v", "mk2", "mk3d", "mka", "mkv",
    "mov", "mp3", "mp4", "mpeg", "mpg", "mts", "nfo", "nzb", "ogg", "ogm", "ogv", "qt", "ra", "ram", "rm", "rmvb",
    "srt", "ssa", "sub", "sup", "torrent", "ts", "vob", "vtt", "wav", "webm", "wma", "wmv", "flac",
];

/// What a name says. Nothing is sure; what is empty was not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleaseName {
    /// Of the work, as far as the name holds it.
    pub title: String,
    /// Year of the work.
    pub year: Option<u32>,
    /// Seasons; 0 holds the specials.
    pub seasons: Vec<u32>,
    /// Episodes, of the one season that is named or, where none is, counted over the whole series.
    pub episodes: Vec<u32>,
    /// Season and episode are written as such, and are no bare numbers.
    pub is_outright: bool,
    /// Day of a daily show, `YYYY-MM-DD`.
    pub date: String,
    /// Such as `1080p`.
    pub resolution: String,
    /// Such as `Blu-ray` or `Web`.
    pub source: &'static str,
    /// Such as `H.264`.
    pub video_codec: &'static str,
    /// Such as `AAC`.
    pub audio_codecs: Vec<&'static str>,
    /// Of the sound, BCP 47; `mul` where it only says that there are several.
    pub languages: Vec<&'static str>,
    /// Whether it says that there are subtitles.
    pub has_subtitles: bool,
    /// Such as `Director's Cut`.
    pub edition: &'static str,
    /// How often it was mended (`PROPER`, `REPACK`).
    pub mended: u32,
    /// Who made it.
    pub group: String,
    /// Ending of the name, such as `mkv`.
    pub container: &'static str,
}

impl ReleaseName {
    /// The one season that is named.
    #[must_use]
    pub fn season(&self) -> Option<u32> {
        match self.seasons.as_slice() {
            [season] => Some(*season),
            _ => None,
        }
    }
}

/// Reads a name, or a path with `/` whose last part is the name of a file.
#[must_use]
pub fn read(name: &str) -> ReleaseName {
    read_as(name, Expected::Anything)
}

/// Reads a name of which it is known what it should be.
#[must_use]
pub fn read_as(name: &str, expected: Expected) -> ReleaseName {
    let mut cut = name.len().saturating_sub(NAME_BYTES_MAX);
    while !name.is_char_boundary(cut) {
        cut += 1;
    }
    let name = name.get(cut..).unwrap_or_default();
    let mut pieces = pieces_of(name);
    let Some(last) = pieces.pop() else { return ReleaseName::default() };
    let (stem, container) = split_container(last);
    let mut parts = vec![part::read(stem, expected, true)];
    for piece in pieces.into_iter().rev().take(PARTS_MAX - 1) {
        parts.push(part::read(piece, expected, false));
    }
    merge(parts, container)
}

/// The parts of a path; a slash within brackets, as in `[720p/MKV]`, parts nothing.
fn pieces_of(name: &str) -> Vec<&str> {
    let is_slash = |c| matches!(c, '/' | '\\');
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, c) in name.char_indices().filter(|(_, c)| is_slash(*c)) {
        let before = name.get(start..at).unwrap_or_default();
        let behind = name.get(at..).unwrap_or_default().chars().take(20);
        let is_open = before.rfind('[') > before.rfind(']');
        let closes = behind.skip(1).take_while(|c| *c != '[' && !is_slash(*c)).any(|c| c == ']');
        if !(is_open && closes) {
            pieces.push(before);
            start = at + c.len_utf8();
        }
    }
    pieces.push(name.get(start..).unwrap_or_default());
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}

/// The name without its ending, and the ending.
fn split_container(name: &str) -> (&str, &'static str) {
    let Some((stem, end)) = name.rsplit_once('.') else { return (name, "") };
    let known = CONTAINERS.iter().find(|known| end.trim().eq_ignore_ascii_case(known));
    match known {
        // `Some.Film.TS` is a source.
        Some(&"ts") if end != "ts" => (name, ""),
        // The sound of a film ends a name as well.
        Some(known @ (&"mp3" | &"flac")) => (name, known),
        Some(known) if !stem.trim().is_empty() => (stem, known),
        _ => (name, ""),
    }
}

/// Puts together what the parts of a path say, the last first.
fn merge(mut parts: Vec<Part>, container: &'static str) -> ReleaseName {
    let mut name = ReleaseName { container, ..ReleaseName::default() };
    name.title = choose_title(&parts);
    let is_told = parts
        .iter()
        .skip(1)
        .any(|part| part.has(|fact| matches!(fact, Fact::Episodes(seasons, _) if !seasons.is_empty())));
    for (index, part) in parts.iter_mut().enumerate() {
        // A folder that says it in full knows better than a bare number.
        if index == 0 && part.is_guess && is_told {
            part.marks.retain(|mark| !matches!(mark.fact, Fact::Episodes(..)));
        }
        add(&mut name, part);
    }
    // Seasons of a sport or a news show are years.
    name.year = name.year.or(name.season().filter(|season| *season >= 1900));
    name.group = parts.iter().map(|part| part.group.clone()).find(|group| !group.is_empty()).unwrap_or_default();
    name
}

/// The title of the part that says most beside it; of equals the last of the path. What is only a number or a season has
/// none.
fn choose_title(parts: &[Part]) -> String {
    let weight = |part: &Part| {
        let sure = part
            .marks
            .iter()
            .filter(|mark| mark.strength == Strength::Sure && !matches!(mark.fact, Fact::Site | Fact::Other));
        sure.map(|mark| if mark.fact.is_numbering() { 2_usize } else { 1 }).sum::<usize>()
    };
    let mut best: Option<(&Part, usize)> = None;
    for (index, part) in parts.iter().enumerate().filter(|(_, part)| !part.title.is_empty()) {
        // Behind the number of an episode stands its title, not that of the series.
        let weight = if part.is_led && index == 0 && parts.len() > 1 { 0 } else { weight(part) };
        let is_better = best.is_none_or(|(known, most)| {
            let is_same = known.title.to_lowercase() == part.title.to_lowercase();
            // The name of a folder is written with more care.
            weight > most || is_same || (known.is_led && most == 0)
        });
        if is_better {
            best = Some((part, weight.max(best.map_or(0, |(_, most)| most))));
        }
    }
    best.map(|(part, _)| part.title.clone()).unwrap_or_default()
}

/// Adds what a part says and nothing before it did.
fn add(name: &mut ReleaseName, part: &Part) {
    let (had_year, had_date) = (name.year.is_some(), !name.date.is_empty());
    let (had_episodes, had_seasons) = (!name.episodes.is_empty(), !name.seasons.is_empty());
    let had_languages = !name.languages.is_empty();
    let had_audio = !name.audio_codecs.is_empty();
    let has_numbered = part.has(|fact| matches!(fact, Fact::Episodes(seasons, _) if !seasons.is_empty()));
    for mark in &part.marks {
        match &mark.fact {
            Fact::Resolution(resolution) if name.resolution.is_empty() => name.resolution.clone_from(resolution),
            Fact::Source(source) if name.source.is_empty() => name.source = source,
            Fact::Video(codec) if name.video_codec.is_empty() => name.video_codec = codec,
            Fact::Audio(codec) if !had_audio && !name.audio_codecs.contains(codec) => name.audio_codecs.push(codec),
            Fact::Year(year) if !had_year => name.year = Some(*year),
            Fact::Date(date) if !had_date && name.date.is_empty() => name.date.clone_from(date),
            Fact::Seasons(seasons) if !had_seasons && !has_numbered => union(&mut name.seasons, seasons),
            Fact::Episodes(seasons, episodes) => {
                if !had_seasons {
                    union(&mut name.seasons, seasons);
                }
                // Of two counts the one with a season is meant; the other goes through the whole series.
                if !had_episodes && (!has_numbered || !seasons.is_empty()) {
                    name.is_outright = !part.is_guess;
                    union(&mut name.episodes, episodes);
                }
            }
            Fact::Language(language) if !had_languages && !name.languages.contains(language) => {
                name.languages.push(language);
            }
            Fact::Subtitles => name.has_subtitles = true,
            Fact::Proper => name.mended += 1,
            Fact::Edition(edition) if name.edition.is_empty() => name.edition = edition,
            _ => {}
        }
    }
}

fn union(all: &mut Vec<u32>, more: &[u32]) {
    for number in more {
        if !all.contains(number) && all.len() < RANGE_MAX as usize {
            all.push(*number);
        }
    }
}
