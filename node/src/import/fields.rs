//! Named values, of whichever format, to a row: what each may hold, and one sentence for what it may not.

use super::Shown;
use super::columns::Column;
use super::wikidata::{TITLES_BYTES_MAX, TITLES_MAX};
use crate::http::{Record, Release, Row};
use crate::torrent::Magnet;
use heirloom_core::release_name::language_tag;
use heirloom_proto::body::WorkKind;
use heirloom_proto::body::catalogue::{RUNTIME_MIN_MAX, SIZE_MAX};
use heirloom_proto::{Infohash, WorkId};
use std::collections::BTreeMap;
use unicode_normalization::UnicodeNormalization as _;

/// Most people of one sort that are taken of a work.
const PEOPLE_MAX: usize = 8;

/// Values by their name.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    values: BTreeMap<&'static str, Vec<String>>,
    /// Language and title.
    titles: Vec<(String, String)>,
}

impl Fields {
    /// Adds a value; what is empty is none.
    pub fn add(&mut self, name: &'static str, value: &str) {
        if !value.trim().is_empty() {
            self.values.entry(name).or_default().push(value.trim().to_owned());
        }
    }

    /// Adds the value of a column.
    pub fn add_to(&mut self, column: &Column, value: &str) {
        match &column.language {
            Some(language) if !value.trim().is_empty() => self.titles.push((language.clone(), value.to_owned())),
            Some(_) => {}
            None => self.add(column.name, value),
        }
    }

    /// Puts a value in the place of others.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.values.remove(name);
        self.add(name, value);
    }

    /// The first value of a name, or empty.
    pub fn first(&self, name: &str) -> &str {
        self.values.get(name).and_then(|all| all.first()).map(String::as_str).unwrap_or_default()
    }

    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.titles.is_empty()
    }

    /// Every value of a name; texts that hold several are split at these.
    fn each(&self, name: &str, separators: &[char]) -> Vec<String> {
        let all = self.values.get(name).into_iter().flatten();
        let parts = all.flat_map(|value| value.split(separators)).map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    fn line(&self, name: &str, bytes_max: usize) -> Result<String, String> {
        line(name, self.first(name), bytes_max)
    }

    fn lines(&self, name: &str, separators: &[char], count: usize, bytes_max: usize) -> Result<Vec<String>, String> {
        let all = self.each(name, separators);
        if all.len() > count {
            return Err(format!("there are {} {name}, more than {count}: leave some out", all.len()));
        }
        all.iter().map(|value| line(name, value, bytes_max)).collect()
    }

    /// Languages, by their tags where they are named by a word: `German` would be found by nobody who asks for `de`.
    fn languages(&self, name: &str) -> Result<Vec<String>, String> {
        let mut tags: Vec<String> = Vec::new();
        for word in self.lines(name, &[',', ';', '|', ' '], 40, 35)? {
            let tag = language_tag(&word).map_or(word, str::to_owned);
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Ok(tags)
    }

    /// The first names of a list. A work is not left out because forty people directed its parts: nobody looks it up by the
    /// ninth.
    fn people(&self, name: &str, separators: &[char]) -> Result<Vec<String>, String> {
        self.each(name, separators).iter().take(PEOPLE_MAX).map(|value| line(name, value, 100)).collect()
    }

    /// Titles in other languages, as many as a record has room for.
    fn titles(&self, title: &str) -> Result<Vec<(String, String)>, String> {
        let mut all = self.titles.clone();
        for text in self.each("titles", &['|']) {
            let parts = text.split_once(':').map(|(language, title)| (language.trim(), title.trim()));
            let column = parts.and_then(|(language, _)| Column::of(&format!("title_{language}")));
            let (Some(language), Some((_, title))) = (column.and_then(|column| column.language), parts) else {
                return Err(format!("{} names no language: write it as ja:Title, and | between two", Shown(&text)));
            };
            all.push((language, title.to_owned()));
        }
        let (mut good, mut bytes): (Vec<(String, String)>, usize) = (Vec::new(), 0);
        for (language, text) in all {
            let text = line("title", &text, 300)?;
            bytes += text.len() + language.len() + 6;
            let is_new = text != title && !text.is_empty() && !good.iter().any(|(_, known)| *known == text);
            if is_new && bytes <= TITLES_BYTES_MAX && good.len() < TITLES_MAX {
                good.push((language, text));
            }
        }
        Ok(good)
    }

    /// The row that these values make.
    ///
    /// # Errors
    /// One sentence about the first value that cannot be taken.
    pub fn into_row(mut self) -> Result<Row, String> {
        let magnet = self.take_magnet()?;
        let title = self.line("title", 300)?;
        let year = year(self.first("year"))?;
        let episode = self.episode()?;
        let (ids, kind) = self.ids(&title, year, episode.is_some())?;
        let first = ids.first().map(|id| id.as_str().to_owned()).unwrap_or_default();
        let release = match infohash(self.first("infohash"))? {
            None => None,
            Some(infohash) => Some(self.release(first, infohash, &title, year, episode)?),
        };
        if release.is_none() && magnet.is_some() {
            return Err("the magnet link has no infohash: copy the whole link".into());
        }
        let languages = if release.is_none() { self.languages("languages")? } else { vec![] };
        let record = if title.is_empty() {
            None
        } else {
            let holders = self.people("holder", &['|'])?.into_iter().map(|name| (name, "rights holder".into()));
            let mut people = Vec::new();
            for (name, role) in [("director", "director"), ("writer", "writer"), ("cast", "actor")] {
                people.extend(self.people(name, &[',', ';', '|'])?.into_iter().map(|name| (name, role.to_owned())));
            }
            Some(Record {
                ids: ids.iter().map(ToString::to_string).collect(),
                title: title.clone(),
                year,
                kind: kind.name().to_owned(),
                overview: overview(self.first("overview")),
                genres: self.lines("genres", &[',', ';', '|'], 16, 40)?,
                languages,
                runtime_min: runtime(self.first("runtime"))?,
                original_title: self.line("original_title", 300)?,
                titles: self.titles(&title)?,
                people: people.into_iter().chain(holders).collect(),
                ..Record::default()
            })
        };
        if record.is_none() && release.is_none() {
            return Err("it has neither a title nor an infohash: nothing can be said of it".into());
        }
        Ok(Row { record, is_further: false, release })
    }

    /// Takes what a magnet link says into the other values.
    fn take_magnet(&mut self) -> Result<Option<Magnet>, String> {
        let text = self.first("magnet").to_owned();
        if text.is_empty() {
            return Ok(None);
        }
        let magnet = Magnet::parse(&text).map_err(|error| format!("{error}: copy the whole link"))?;
        let hash = Infohash(magnet.infohash).to_string();
        match infohash(self.first("infohash"))? {
            Some(other) if other.to_string() != hash => {
                return Err(format!("the magnet link is of {hash}, but the infohash is {other}"));
            }
            Some(_) => {}
            None => self.add("infohash", &hash),
        }
        if self.first("name").is_empty() {
            self.add("name", magnet.name.as_deref().unwrap_or_default());
        }
        // What a link names is not the fault of whoever copied it.
        for tracker in magnet.trackers.iter().filter(|tracker| address(tracker, TRACKER_SCHEMES).is_ok()).take(8) {
            self.add("trackers", tracker);
        }
        for seed in magnet.web_seeds.iter().filter(|seed| address(seed, WEB_SCHEMES).is_ok()).take(4) {
            self.add("web_seed", seed);
        }
        Ok(Some(magnet))
    }

    fn episode(&self) -> Result<Option<(u32, u32)>, String> {
        let number = |name: &str, least: u32| {
            let text = self.first(name);
            if text.is_empty() {
                return Ok(None);
            }
            let parsed = whole(text).parse().ok().filter(|number: &u32| (least..=100_000).contains(number));
            parsed
                .map(Some)
                .ok_or_else(|| format!("{} is no {name}: write a number from {least} to 100000", Shown(text)))
        };
        match (number("season", 0)?, number("episode", 1)?) {
            (None, None) => Ok(None),
            (Some(season), Some(episode)) => Ok(Some((season, episode))),
            // A season as a whole is what its files say.
            (Some(_), None) => Ok(None),
            (None, Some(_)) => Err("it has an episode but no season (season 0 holds the specials)".into()),
        }
    }

    /// The ids of the work, the one that names it first, and what it is.
    fn ids(&self, title: &str, year: Option<u32>, has_episode: bool) -> Result<(Vec<WorkId>, WorkKind), String> {
        let mut ids: Vec<WorkId> = Vec::new();
        let add = |ids: &mut Vec<WorkId>, text: &str| -> Result<(), String> {
            let id: WorkId = text.parse().map_err(|error: heirloom_proto::work::WorkIdError| error.to_string())?;
            if !ids.contains(&id) {
                ids.push(id);
            }
            Ok(())
        };
        let work = self.first("work");
        let words = WorkId::words_of(work);
        if !work.is_empty() && words.is_none() {
            add(&mut ids, work)?;
        }
        for id in self.each("also", &[',', ';', '|', ' ']) {
            add(&mut ids, &id)?;
        }
        for name in ["imdb", "tmdb", "tvdb", "wikidata"] {
            for id in self.each(name, &[',', ';', '|', ' ']) {
                let has_scheme = id.contains("://") || id.to_lowercase().starts_with(&format!("{name}:"));
                add(&mut ids, &if has_scheme { id } else { format!("{name}:{id}") })?;
            }
        }
        if ids.len() > 16 {
            return Err(format!("{} ids are more than a work can have: leave some out", ids.len()));
        }
        let is_series =
            |ids: &[WorkId]| ids.iter().any(|id| ["tmdb:tv/", "tvdb:"].iter().any(|s| id.as_str().starts_with(s)));
        let kind = match self.first("kind") {
            "" if has_episode || is_series(&ids) => WorkKind::Series,
            "" => WorkKind::Film,
            text => kind(text)?,
        };
        if ids.is_empty() {
            if title.is_empty() {
                return Err("it has neither the id of a work nor a title".into());
            }
            ids.push(WorkId::of_words(title, year.unwrap_or(0), kind.name(), words.unwrap_or_default()));
        }
        Ok((ids, kind))
    }

    fn release(
        &self,
        work: String,
        infohash: Infohash,
        title: &str,
        year: Option<u32>,
        episode: Option<(u32, u32)>,
    ) -> Result<Release, String> {
        let mut name = self.line("name", 300)?;
        if name.is_empty() {
            name = match (title.is_empty(), year) {
                (true, _) => infohash.to_string(),
                // A title may have all the bytes of a name.
                (false, Some(year)) if title.len() <= 290 => format!("{title} ({year})"),
                (false, _) => title.to_owned(),
            };
        }
        let addresses = |name: &str, count: usize, schemes: &[&str]| -> Result<Vec<String>, String> {
            let all = self.lines(name, &[',', ';', '|', ' '], 40, 200)?;
            let mut good: Vec<String> = Vec::new();
            for text in all {
                address(&text, schemes)?;
                if good.len() < count && !good.contains(&text) {
                    good.push(text);
                }
            }
            Ok(good)
        };
        Ok(Release {
            work,
            infohash: infohash.to_string(),
            name,
            size: size(self.first("size"))?,
            resolution: self.line("resolution", 20)?,
            licence: self.line("licence", 100)?,
            languages: self.languages("languages")?,
            subtitles: self.languages("subtitles")?,
            medium: self.line("medium", 40)?,
            video_codec: self.line("video_codec", 40)?,
            audio_codecs: self.lines("audio_codecs", &[',', ';', '|'], 8, 40)?,
            trackers: addresses("trackers", 8, TRACKER_SCHEMES)?,
            web_seeds: addresses("web_seed", 4, WEB_SCHEMES)?,
            episode,
            ..Release::default()
        })
    }
}

const TRACKER_SCHEMES: &[&str] = &["udp://", "http://", "https://"];
const WEB_SCHEMES: &[&str] = &["http://", "https://"];

fn address(text: &str, schemes: &[&str]) -> Result<(), String> {
    let lower = text.to_ascii_lowercase();
    let is_good = schemes.iter().any(|scheme| lower.starts_with(scheme))
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && text.len() <= 200;
    if is_good {
        return Ok(());
    }
    Err(format!("{} is no address: it begins with {} and has at most 200 letters", Shown(text), schemes.join(" or ")))
}

/// Whether a character hides or turns text.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// One line of text in the form that is signed.
///
/// # Errors
/// One sentence: too long, or with characters that hide or turn text.
pub fn line(name: &str, text: &str, bytes_max: usize) -> Result<String, String> {
    let name = name.replace('_', " ");
    // Tables and feeds break lines wherever it suits them.
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect();
    if let Some(hidden) = text.chars().find(|c| is_hidden(*c)) {
        let code = u32::from(hidden);
        return Err(format!("the {name} holds U+{code:04X}, a character that hides or turns text: remove it"));
    }
    if text.len() > bytes_max {
        let bytes = text.len();
        return Err(format!("the {name} has {bytes} bytes as UTF-8, more than {bytes_max}: shorten it"));
    }
    Ok(text)
}

/// Prose: what is too long is cut, what hides or turns text left out, since nobody looks a work up by it.
pub fn overview(text: &str) -> String {
    const BYTES_MAX: usize = 2000;
    let mut clean: String = text.chars().filter(|c| *c == '\n' || !is_hidden(*c)).nfc().collect();
    if clean.len() > BYTES_MAX {
        let mut end = BYTES_MAX - '…'.len_utf8();
        while !clean.is_char_boundary(end) {
            end -= 1;
        }
        clean.truncate(end);
        clean.push('…');
    }
    clean
}

/// A whole number without the `.0` that databases and spreadsheets write behind it where a column may be empty.
fn whole(text: &str) -> &str {
    let cut = text.split_once('.').filter(|(_, rest)| !rest.is_empty() && rest.bytes().all(|digit| digit == b'0'));
    cut.map_or(text, |(whole, _)| whole)
}

/// A year, or a day whose year it is.
pub fn year(text: &str) -> Result<Option<u32>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = match text.split_once(['-', 'T', '/']) {
        // 2008-05-30, and not -5.
        Some((year, _)) if year.len() == 4 => year,
        _ => text,
    };
    let parsed = whole(digits).parse().ok().filter(|year| (1..=9999).contains(year));
    parsed.map(Some).ok_or_else(|| format!("{} is no year: write 1 to 9999", Shown(text)))
}

fn runtime(text: &str) -> Result<Option<u32>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic() || c == '.').trim();
    let parsed = whole(digits).parse().ok().filter(|minutes| (1..=RUNTIME_MIN_MAX).contains(minutes));
    parsed.map(Some).ok_or_else(|| format!("{} is no runtime: write minutes, from 1 to {RUNTIME_MIN_MAX}", Shown(text)))
}

fn size(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    let parsed = whole(text).parse().ok().filter(|size| *size <= SIZE_MAX);
    parsed.ok_or_else(|| format!("{} is no size: write bytes, at most {SIZE_MAX}", Shown(text)))
}

/// An infohash in one of its spellings.
pub fn infohash(text: &str) -> Result<Option<Infohash>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let bad = || format!("{} is no infohash: it has 40 hexadecimal digits", Shown(text));
    let bytes = match text.len() {
        40 => data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok(),
        32 => data_encoding::BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok(),
        _ => None,
    };
    bytes.and_then(|bytes| Infohash::from_slice(&bytes)).map(Some).ok_or_else(bad)
}

fn kind(text: &str) -> Result<WorkKind, String> {
    let lower = text.to_lowercase();
    let known = match lower.as_str() {
        "movie" | "movies" | "short" => "film",
        "tv" | "show" | "tvshow" | "tv show" | "tv series" | "tvseries" | "season" => "series",
        "music" => "album",
        "ebook" => "book",
        "program" | "app" => "software",
        other => other,
    };
    let reason = || format!("{} is no kind: use film, series, episode, album, book, software or other", Shown(text));
    known.parse().map_err(|_| reason())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    fn row(values: &[(&'static str, &str)]) -> Result<Row, String> {
        let mut fields = Fields::default();
        for (name, value) in values {
            fields.add(name, value);
        }
        fields.into_row()
    }

    #[test]
    fn a_row_without_an_infohash_is_a_work_alone() {
        let sintel = row(&[("work", "tt1727587"), ("also", "tmdb:movie/45745"), ("title", "Sintel"), ("year", "2010")]);
        let record = sintel.clone().expect("good").record.expect("a work");
        assert_eq!(record.ids, ["imdb:tt1727587", "tmdb:movie/45745"]);
        assert_eq!((record.title.as_str(), record.year, record.kind.as_str()), ("Sintel", Some(2010), "film"));
        assert_eq!(sintel.expect("good").release, None);
        let nameless = row(&[("title", "A Film"), ("year", "1922")]).expect("good").record.expect("a work");
        assert_eq!(nameless.ids, [WorkId::of_title("A Film", 1922, "film").to_string()]);
        let named = row(&[("work", "hl:Ada"), ("title", "A Film"), ("year", "1922")]).expect("good").record;
        let id = WorkId::of_title_by("A Film", 1922, "film", "ada");
        assert_eq!(named.expect("a work").ids, [id.to_string()], "told from its namesake");
    }

    #[test]
    fn magnets_and_hashes_are_read_in_their_spellings() {
        let magnet = format!(
            "magnet:?xt=urn:btih:{}&dn=Sintel&tr=udp://t.example:1&tr=wss://x&ws=http://w/",
            HASH.to_uppercase()
        );
        let release = row(&[("title", "Sintel"), ("magnet", &magnet)]).expect("good").release.expect("a release");
        assert_eq!((release.infohash.as_str(), release.name.as_str()), (HASH, "Sintel"));
        assert_eq!(release.trackers, ["udp://t.example:1"]);
        assert_eq!(release.web_seeds, ["http://w/"]);
        let other = "f".repeat(40);
        let reason = row(&[("title", "x"), ("magnet", &magnet), ("infohash", &other)]).expect_err("two releases");
        assert!(reason.contains(HASH) && reason.contains(&other), "{reason}");
    }

    #[test]
    fn absurd_values_are_refused_with_one_sentence() {
        let long = "x".repeat(10_000);
        let cases: [(&'static str, &str, &str); 18] = [
            ("year", "99999", "is no year"),
            ("year", "-5", "is no year"),
            ("year", "MMVIII", "is no year"),
            ("season", "-1", "is no season"),
            ("episode", "0", "is no episode"),
            ("episode", "4294967297", "is no episode"),
            ("size", "9223372036854775808", "is no size"),
            ("size", "99999999999999999999999999", "is no size"),
            ("size", "-1", "is no size"),
            ("title", &long, "10000 bytes as UTF-8, more than"),
            ("title", "abc\u{202e}fdp.exe", "U+202E"),
            ("title", "a\u{1b}[31mb", "U+001B"),
            ("kind", "cartoon", "is no kind"),
            ("work", "isbn:978", "isbn"),
            ("also", "1254207", "has no scheme"),
            ("infohash", "08ada5", "is no infohash"),
            ("trackers", "javascript:alert(1)", "is no address"),
            ("runtime", "1000000", "is no runtime"),
        ];
        for (name, value, wanted) in cases {
            let mut fields = Fields::default();
            for (other, good) in [("title", "Sintel"), ("season", "1"), ("episode", "1"), ("infohash", HASH)] {
                if other != name {
                    fields.add(other, good);
                }
            }
            fields.add(name, value);
            let reason = fields.into_row().expect_err(name);
            assert!(reason.contains(wanted) && reason.chars().count() < 300, "{name}: {reason}");
            assert!(!reason.contains(['\u{202e}', '\u{1b}', '\n']), "{reason}");
        }
        assert!(row(&[("overview", "nothing else")]).is_err());
    }

    #[test]
    fn whole_numbers_are_read_as_databases_write_them() {
        let record = row(&[("title", "Sintel"), ("year", "2010.0"), ("runtime", "15.0")]).expect("good").record;
        let record = record.expect("a work");
        assert_eq!((record.year, record.runtime_min), (Some(2010), Some(15)));
        let sized = row(&[
            ("title", "Sintel"),
            ("infohash", HASH),
            ("size", "129302391.00"),
            ("season", "1.0"),
            ("episode", "2.0"),
        ]);
        let release = sized.expect("good").release.expect("a release");
        assert_eq!((release.size, release.episode), (129_302_391, Some((1, 2))));
        for (name, value) in [("year", "2010.5"), ("runtime", "15.0.0"), ("year", "2010."), ("year", ".0")] {
            assert!(row(&[("title", "Sintel"), (name, value)]).is_err(), "{name} {value}");
        }
    }

    #[test]
    fn of_many_directors_the_first_are_taken() {
        let many = (1..=41).map(|number| format!("Director {number}")).collect::<Vec<_>>().join(", ");
        let record = row(&[("title", "Forty One Parts"), ("director", &many)]).expect("good").record.expect("a work");
        assert_eq!(record.people.len(), PEOPLE_MAX);
        assert_eq!(record.people[7], ("Director 8".to_owned(), "director".to_owned()));
    }

    #[test]
    fn people_and_titles_in_other_languages_are_taken() {
        let mut fields = Fields::default();
        for (column, value) in [
            ("title", "Spirited Away"),
            ("title_ja", "千と千尋の神隠し"),
            ("title_en", "Spirited Away"),
            ("title_de", " "),
            ("titles", "fr:Le Voyage de Chihiro | ru: Унесённые призраками"),
            ("Writer", "Hayao Miyazaki"),
            ("Cast", "Rumi Hiiragi, Miyu Irino"),
        ] {
            fields.add_to(&Column::of(column).expect("known"), value);
        }
        let record = fields.into_row().expect("good").record.expect("a work");
        let titles: Vec<_> =
            record.titles.iter().map(|(language, title)| (language.as_str(), title.as_str())).collect();
        assert_eq!(
            titles,
            [("ja", "千と千尋の神隠し"), ("fr", "Le Voyage de Chihiro"), ("ru", "Унесённые призраками")]
        );
        let people: Vec<_> = record.people.iter().map(|(name, role)| (name.as_str(), role.as_str())).collect();
        assert_eq!(people, [("Hayao Miyazaki", "writer"), ("Rumi Hiiragi", "actor"), ("Miyu Irino", "actor")]);
        let reason = row(&[("title", "x"), ("titles", "Le Voyage de Chihiro")]).expect_err("no language");
        assert!(reason.contains("names no language"), "{reason}");
    }

    #[test]
    fn languages_are_named_by_their_tags() {
        let mut fields = Fields::default();
        for (name, value) in [("title", "x"), ("infohash", HASH), ("Language", "German, english;JPN de Klingon fr-CA")]
        {
            fields.add_to(&Column::of(name).expect("known"), value);
        }
        let release = fields.into_row().expect("good").release.expect("a release");
        assert_eq!(release.languages, ["de", "en", "ja", "Klingon", "fr-CA"]);
    }

    #[test]
    fn html_is_text_and_long_prose_is_cut() {
        let record =
            row(&[("title", "<script>alert(1)</script>"), ("overview", &"é".repeat(3000))]).expect("good").record;
        let record = record.expect("a work");
        assert_eq!(record.title, "<script>alert(1)</script>");
        assert!(record.overview.len() <= 2000 && record.overview.ends_with('…'));
    }
}
