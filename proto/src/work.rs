//! Work ids: what a work is called outside Heirloom, normalised so that two people who paste different forms of one id
//! mean the same work.

use std::fmt;
use std::str::FromStr;
use unicode_normalization::UnicodeNormalization as _;

/// Longest normalised id in bytes: `hl:` and 64 digits is the longest form there is.
pub const WORK_ID_BYTES_MAX: usize = 67;

/// A normalised external id: `imdb:tt1254207`, `tmdb:movie/10378`, `tmdb:tv/1399`, `tvdb:81189`, `wikidata:Q4`,
/// `mbid:<uuid>` or `hl:<64 hex digits>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WorkId(String);

/// Why text names no work. Every message says what to write instead.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WorkIdError {
    /// The scheme is missing.
    #[error("{text:?} has no scheme: write {suggestion}")]
    NoScheme {
        /// What was given.
        text: String,
        /// What to write.
        suggestion: String,
    },
    /// The scheme is none of ours.
    #[error("{scheme:?} is not a known scheme: use imdb:, tmdb:, tvdb:, wikidata:, mbid: or hl:")]
    UnknownScheme {
        /// What was given.
        scheme: String,
    },
    /// The part behind the scheme has the wrong form.
    #[error("{text:?} is not an id of {scheme}: expected {expected}")]
    BadForm {
        /// The scheme.
        scheme: &'static str,
        /// What was given.
        text: String,
        /// An example of the right form.
        expected: &'static str,
    },
    /// A web page that names no work.
    #[error(
        "{text:?} is not the page of a work on IMDb, TMDB, Wikidata or MusicBrainz: write the id, such as imdb:tt1254207"
    )]
    UnknownPage {
        /// What was given.
        text: String,
    },
}

impl WorkId {
    /// The normalised text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The catalogue that it is from: `imdb`, `tmdb`, `tvdb`, `wikidata`, `mbid` or `hl`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// Id of a work that no external catalogue knows, made from what people call it, so that two curators who publish
    /// it agree: SHA-256 of `heirloom/1/work-title` ‖ 0 ‖ kind ‖ 0 ‖ year ‖ 0 ‖ title in lower case and NFC, with
    /// one space between words.
    #[must_use]
    pub fn of_title(title: &str, year: u32, kind: &str) -> Self {
        let title: String = title.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().nfc().collect();
        let text = format!("heirloom/1/work-title\0{kind}\0{year}\0{title}");
        Self(format!("hl:{}", crate::Sha256::of(text.as_bytes())))
    }
}

impl fmt::Display for WorkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for WorkId {
    type Err = WorkIdError;

    fn from_str(text: &str) -> Result<Self, WorkIdError> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        if let Some(rest) = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")) {
            return from_page(text, rest).map(Self);
        }
        let Some((scheme, rest)) = lower.split_once(':') else {
            return Err(no_scheme(text, &lower));
        };
        let rest = rest.trim();
        let normalised = match scheme {
            "imdb" => imdb(rest),
            "tmdb" => tmdb(rest),
            "tvdb" => tvdb(rest),
            "wikidata" => wikidata(rest),
            "mbid" => mbid(rest),
            "hl" => heirloom(rest),
            _ => return Err(WorkIdError::UnknownScheme { scheme: scheme.chars().take(40).collect() }),
        };
        normalised.map(Self)
    }
}

fn no_scheme(text: &str, lower: &str) -> WorkIdError {
    let suggestion = match lower.strip_prefix("tt") {
        Some(digits) if is_number(digits) => format!("imdb:{lower}"),
        _ => "the id with its scheme, such as imdb:tt1254207 or tmdb:movie/10378".to_owned(),
    };
    WorkIdError::NoScheme { text: text.chars().take(80).collect(), suggestion }
}

fn bad(scheme: &'static str, text: &str, expected: &'static str) -> WorkIdError {
    WorkIdError::BadForm { scheme, text: text.chars().take(80).collect(), expected }
}

fn is_number(text: &str) -> bool {
    (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// The number without leading zeros, unless it is 0 or none.
fn number(text: &str) -> Option<u64> {
    if is_number(text) { text.parse().ok().filter(|n| *n > 0) } else { None }
}

fn imdb(rest: &str) -> Result<String, WorkIdError> {
    number(rest.strip_prefix("tt").unwrap_or(rest))
        .map(|n| format!("imdb:tt{n:07}"))
        .ok_or_else(|| bad("IMDb", rest, "imdb:tt1254207"))
}

fn tmdb(rest: &str) -> Result<String, WorkIdError> {
    let expected = "tmdb:movie/10378 or tmdb:tv/1399";
    let (kind, id) = rest.split_once(['/', ':']).ok_or_else(|| bad("TMDB", rest, expected))?;
    match (kind, number(id)) {
        ("movie" | "tv", Some(n)) => Ok(format!("tmdb:{kind}/{n}")),
        _ => Err(bad("TMDB", rest, expected)),
    }
}

fn tvdb(rest: &str) -> Result<String, WorkIdError> {
    number(rest.strip_prefix("series/").unwrap_or(rest))
        .map(|n| format!("tvdb:{n}"))
        .ok_or_else(|| bad("TheTVDB", rest, "tvdb:81189"))
}

fn wikidata(rest: &str) -> Result<String, WorkIdError> {
    number(rest.strip_prefix('q').unwrap_or(rest))
        .map(|n| format!("wikidata:Q{n}"))
        .ok_or_else(|| bad("Wikidata", rest, "wikidata:Q1"))
}

fn mbid(rest: &str) -> Result<String, WorkIdError> {
    let groups: Vec<&str> = rest.split('-').collect();
    let has_form = groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12]);
    if has_form && groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_hexdigit())) {
        Ok(format!("mbid:{rest}"))
    } else {
        Err(bad("MusicBrainz", rest, "mbid:f5093c06-23e3-404f-aeaa-40f72885ee3a"))
    }
}

fn heirloom(rest: &str) -> Result<String, WorkIdError> {
    if rest.len() == 64 && rest.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(format!("hl:{rest}"))
    } else {
        Err(bad("Heirloom", rest, "hl: and 64 hexadecimal digits"))
    }
}

/// The id in a pasted web page address (already lower-cased, without scheme).
fn from_page(original: &str, page: &str) -> Result<String, WorkIdError> {
    let unknown = || WorkIdError::UnknownPage { text: original.chars().take(80).collect() };
    let path = page.split(['?', '#']).next().unwrap_or_default();
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let host = parts.next().unwrap_or_default();
    let parts: Vec<&str> = parts.collect();
    let after = |name: &str| parts.iter().position(|part| *part == name).and_then(|i| parts.get(i + 1)).copied();
    let is_of = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|sub| sub.ends_with('.'));
    if is_of("imdb.com") {
        return imdb(after("title").ok_or_else(unknown)?);
    }
    if is_of("themoviedb.org") {
        for kind in ["movie", "tv"] {
            if let Some(id) = after(kind) {
                return tmdb(&format!("{kind}/{}", id.split('-').next().unwrap_or_default()));
            }
        }
    }
    if is_of("wikidata.org") {
        return wikidata(after("wiki").or_else(|| after("entity")).ok_or_else(unknown)?);
    }
    if is_of("musicbrainz.org") {
        return mbid(parts.get(1).ok_or_else(unknown)?);
    }
    Err(unknown())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_paste_becomes_one_id() {
        let cases = [
            ("imdb:tt1254207", "imdb:tt1254207"),
            ("IMDB:TT1254207", "imdb:tt1254207"),
            (" imdb:1254207 ", "imdb:tt1254207"),
            ("imdb:63350", "imdb:tt0063350"),
            ("imdb:tt00063350", "imdb:tt0063350"),
            ("imdb:tt10872600", "imdb:tt10872600"),
            ("https://www.imdb.com/title/tt1254207/?ref_=nv_sr_1", "imdb:tt1254207"),
            ("https://m.imdb.com/de/title/tt1254207", "imdb:tt1254207"),
            ("tmdb:movie/10378", "tmdb:movie/10378"),
            ("tmdb:tv:01399", "tmdb:tv/1399"),
            ("https://www.themoviedb.org/movie/10378-big-buck-bunny", "tmdb:movie/10378"),
            ("tvdb:series/81189", "tvdb:81189"),
            ("wikidata:q4", "wikidata:Q4"),
            ("https://www.wikidata.org/wiki/Q1201341", "wikidata:Q1201341"),
            ("mbid:F5093C06-23E3-404F-AEAA-40F72885EE3A", "mbid:f5093c06-23e3-404f-aeaa-40f72885ee3a"),
        ];
        for (text, id) in cases {
            let parsed = text.parse::<WorkId>().expect(text);
            assert_eq!(parsed.as_str(), id, "{text}");
            assert_eq!(parsed.as_str().parse::<WorkId>(), Ok(parsed.clone()), "normalising twice changes nothing");
        }
    }

    #[test]
    fn a_missing_scheme_is_answered_with_the_right_form() {
        let error = "tt1254207".parse::<WorkId>().expect_err("no scheme");
        assert_eq!(error.to_string(), "\"tt1254207\" has no scheme: write imdb:tt1254207");
        for text in ["", "Big Buck Bunny", "1254207"] {
            assert!(matches!(text.parse::<WorkId>(), Err(WorkIdError::NoScheme { .. })), "{text}");
        }
    }

    #[test]
    fn wrong_forms_are_refused() {
        for text in ["imdb:nm0000001", "imdb:", "imdb:tt0", "imdb:tt12345678901", "tmdb:10378", "tvdb:x", "wikidata:P1"]
        {
            assert!(matches!(text.parse::<WorkId>(), Err(WorkIdError::BadForm { .. })), "{text}");
        }
        assert!(matches!("isbn:978".parse::<WorkId>(), Err(WorkIdError::UnknownScheme { .. })));
        for page in ["https://example.org/title/tt1254207", "https://notimdb.com/title/tt1254207", "https://"] {
            assert!(matches!(page.parse::<WorkId>(), Err(WorkIdError::UnknownPage { .. })), "{page}");
        }
    }

    #[test]
    fn titles_without_ids_agree_between_curators() {
        let ours = WorkId::of_title("Charge  of Mars", 2020, "film");
        assert_eq!(ours, WorkId::of_title("charge of mars", 2020, "film"));
        let (composed, decomposed) = ("Am\u{e9}lie", "Ame\u{301}lie");
        assert_eq!(WorkId::of_title(composed, 2001, "film"), WorkId::of_title(decomposed, 2001, "film"));
        assert_ne!(ours, WorkId::of_title("charge of mars", 2021, "film"));
        assert_eq!(ours.as_str().len(), WORK_ID_BYTES_MAX);
    }
}
