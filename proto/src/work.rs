//! Work ids: what a work is called outside Heirloom, normalised so that two people who paste different forms of one id
//! mean the same work.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization as _;

/// Longest normalised id in bytes: `hl:` and 64 digits is the longest form there is.
pub const WORK_ID_BYTES_MAX: usize = 67;

/// A normalised external id: `imdb:tt1254207`, `tmdb:movie/10378`, `tmdb:tv/1399`, `tvdb:81189`, `wikidata:Q4`,
/// `mbid:<uuid>` or `hl:<64 hex digits>`.
///
/// COST: clones share their text. A node that knows a million listings holds the id of a work in each.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WorkId(Arc<str>);

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
        "{text:?} is not the page of a work on IMDb, TMDB, TheTVDB, Wikidata or MusicBrainz: write the id, such as imdb:tt1254207"
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

    fn from_owned(text: String) -> Self {
        Self(text.into())
    }

    /// From text that is normalised already; nothing else is such an id.
    ///
    /// COST: each listing names a work, and normalising allocates four times to find that nothing was to be done.
    pub(crate) fn from_normalised(text: String) -> Option<Self> {
        is_normalised(&text).then(|| Self::from_owned(text))
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
        Self::from_owned(format!("hl:{}", crate::Sha256::of(text.as_bytes())))
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
        // What people copy along: room, quotes, the brackets of an address in a text, a slash at the end.
        let is_around = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '“' | '”');
        let text = text.trim_matches(is_around);
        let lower = text.to_ascii_lowercase();
        if let Some(rest) = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")) {
            return from_page(text, rest).map(Self::from_owned);
        }
        if PAGES.iter().any(|domain| is_of(host(&lower), domain)) {
            return from_page(text, &lower).map(Self::from_owned);
        }
        let lower = lower.trim_end_matches('/');
        let Some((scheme, rest)) = lower.split_once(':') else {
            return bare(lower).map(Self::from_owned).ok_or_else(|| no_scheme(text));
        };
        let rest = rest.trim();
        let normalised = match scheme.trim_end() {
            "imdb" => imdb(rest),
            "tmdb" => tmdb(rest),
            "tvdb" => tvdb(rest),
            "wikidata" => wikidata(rest),
            "mbid" => mbid(rest),
            "hl" => heirloom(rest),
            _ => return Err(WorkIdError::UnknownScheme { scheme: scheme.chars().take(40).collect() }),
        };
        normalised.map(Self::from_owned)
    }
}

/// Domains of the pages that name works.
const PAGES: [&str; 5] = ["imdb.com", "themoviedb.org", "thetvdb.com", "wikidata.org", "musicbrainz.org"];

/// The host of an address without its scheme.
fn host(page: &str) -> &str {
    page.split(['/', '?', '#', ':']).next().unwrap_or_default()
}

fn is_of(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|sub| sub.ends_with('.'))
}

/// The id in text that can only be of one catalogue: `tt1254207`, `Q4`, `movie/10378`, a UUID. A bare number can be of three.
fn bare(lower: &str) -> Option<String> {
    let is_marked = |mark| lower.strip_prefix(mark).is_some_and(is_number);
    if is_marked("tt") {
        imdb(lower).ok()
    } else if is_marked("q") {
        wikidata(lower).ok()
    } else if is_marked("movie/") || is_marked("tv/") {
        tmdb(lower).ok()
    } else {
        mbid(lower).ok()
    }
}

fn no_scheme(text: &str) -> WorkIdError {
    let suggestion = if is_number(text) {
        format!("whose number it is, such as imdb:tt{text:0>7}, tmdb:movie/{text}, tmdb:tv/{text} or tvdb:{text}")
    } else {
        "the id with its scheme, such as imdb:tt1254207 or tmdb:movie/10378".to_owned()
    };
    WorkIdError::NoScheme { text: text.chars().take(80).collect(), suggestion }
}

fn bad(scheme: &'static str, text: &str, expected: &'static str) -> WorkIdError {
    WorkIdError::BadForm { scheme, text: text.chars().take(80).collect(), expected }
}

fn is_number(text: &str) -> bool {
    (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether normalising changes nothing.
fn is_normalised(text: &str) -> bool {
    let is_plain = |text: &str| number(text).is_some() && !text.starts_with('0');
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    match scheme {
        // Seven digits at least.
        "imdb" => rest
            .strip_prefix("tt")
            .is_some_and(|n| number(n).is_some() && (n.len() == 7 || (n.len() > 7 && !n.starts_with('0')))),
        "tmdb" => rest.strip_prefix("movie/").or_else(|| rest.strip_prefix("tv/")).is_some_and(is_plain),
        "tvdb" => is_plain(rest),
        "wikidata" => rest.strip_prefix('Q').is_some_and(is_plain),
        "mbid" => rest.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && rest.split('-').all(is_hex),
        "hl" => rest.len() == 64 && is_hex(rest),
        _ => false,
    }
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

/// The id in a pasted web page address (already in lower case, without scheme).
fn from_page(original: &str, page: &str) -> Result<String, WorkIdError> {
    let unknown = || WorkIdError::UnknownPage { text: original.chars().take(80).collect() };
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let path = path.split('#').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).skip(1).collect();
    let after = |name: &str| parts.iter().position(|part| *part == name).and_then(|i| parts.get(i + 1)).copied();
    let asked = |name: &str| {
        let query = query.split('#').next().unwrap_or_default();
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    };
    let is_on = |domain| is_of(host(page), domain);
    if is_on("imdb.com") {
        return imdb(after("title").ok_or_else(unknown)?).map_err(|_| unknown());
    }
    if is_on("themoviedb.org") {
        for kind in ["movie", "tv"] {
            if let Some(id) = after(kind) {
                let id = id.split('-').next().unwrap_or_default();
                return tmdb(&format!("{kind}/{id}")).map_err(|_| unknown());
            }
        }
    }
    if is_on("thetvdb.com") {
        // Most of its pages are named by a title; these few by a number.
        let number = after("series").filter(|id| is_number(id)).or_else(|| asked("seriesid"));
        let number = number.or_else(|| asked("id").filter(|_| asked("tab").is_none_or(|tab| tab == "series")));
        return tvdb(number.ok_or_else(unknown)?).map_err(|_| unknown());
    }
    if is_on("wikidata.org") {
        let page = after("wiki").or_else(|| after("entity")).or_else(|| asked("title")).ok_or_else(unknown)?;
        let id = if page == "special:entitypage" { after(page).unwrap_or_default() } else { page };
        return wikidata(id).map_err(|_| unknown());
    }
    if is_on("musicbrainz.org") {
        return mbid(parts.get(1).ok_or_else(unknown)?).map_err(|_| unknown());
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
    fn what_is_normalised_is_what_normalising_leaves_alone() {
        let hex = "0123456789abcdef".repeat(4);
        let ids = [
            "imdb:tt1254207",
            "imdb:tt0000001",
            "imdb:tt10872600",
            "imdb:tt9999999999",
            "imdb:tt0000000",
            "tmdb:movie/10378",
            "tmdb:tv/1",
            "tmdb:tv/9999999999",
            "tvdb:81189",
            "wikidata:Q4",
            "mbid:f5093c06-23e3-404f-aeaa-40f72885ee3a",
            &format!("hl:{hex}"),
            "hl:",
            "isbn:1",
            ":",
            "",
            "https://www.imdb.com/title/tt1254207/",
        ];
        let agree = |text: &str| {
            let is_normalised = text.parse::<WorkId>().is_ok_and(|id| id.as_str() == text);
            let id = WorkId::from_normalised(text.to_owned());
            assert_eq!(id.as_ref().map(WorkId::as_str), is_normalised.then_some(text), "{text:?}");
            usize::from(is_normalised)
        };
        let (mut good, mut tried) = (0, 0);
        for id in ids {
            good += agree(id);
            for at in 0..=id.len() {
                for with in [
                    "", "0", "00", "1", "9", "a", "f", "F", "g", "t", "T", "q", "Q", ":", "/", "-", " ", "\n", "é",
                    "\"", "#",
                ] {
                    good += agree(&format!("{}{with}{}", &id[..at], &id[at..]));
                    good += agree(&format!("{}{with}{}", &id[..at], id.get(at + 1..).unwrap_or_default()));
                    tried += 2;
                }
            }
        }
        assert!(tried > 5_000 && (500..tried / 2).contains(&good), "{good} of {tried}");
    }

    #[test]
    fn ids_that_can_only_be_one_need_no_scheme() {
        let cases = [
            ("tt0063350", "imdb:tt0063350"),
            ("TT63350", "imdb:tt0063350"),
            ("Q4", "wikidata:Q4"),
            ("movie/10378", "tmdb:movie/10378"),
            ("tv/1399", "tmdb:tv/1399"),
            ("F5093C06-23E3-404F-AEAA-40F72885EE3A", "mbid:f5093c06-23e3-404f-aeaa-40f72885ee3a"),
            ("www.imdb.com/title/tt0063350/", "imdb:tt0063350"),
            ("imdb.com/title/tt0063350?x=1", "imdb:tt0063350"),
            ("m.wikidata.org/wiki/Q4", "wikidata:Q4"),
        ];
        for (text, id) in cases {
            assert_eq!(text.parse::<WorkId>().expect(text).as_str(), id, "{text}");
        }
    }

    #[test]
    fn a_missing_scheme_is_answered_with_the_right_form() {
        let error = "1254207".parse::<WorkId>().expect_err("three catalogues have that number");
        assert_eq!(
            error.to_string(),
            "\"1254207\" has no scheme: write whose number it is, such as imdb:tt1254207, tmdb:movie/1254207, tmdb:tv/1254207 or tvdb:1254207"
        );
        for text in ["", "Big Buck Bunny", "1254207", "tt", "q", "ttx", "nm0000001", "tt12345678901", "movie/x"] {
            assert!(matches!(text.parse::<WorkId>(), Err(WorkIdError::NoScheme { .. })), "{text}");
        }
    }

    #[test]
    fn pages_are_read_as_they_are_copied() {
        let cases = [
            ("<https://www.imdb.com/title/tt0063350/reference/?ref_=x#top>", "imdb:tt0063350"),
            ("\"https://m.imdb.com/title/tt0063350/\"", "imdb:tt0063350"),
            ("HTTPS://WWW.IMDB.COM/TITLE/TT0063350", "imdb:tt0063350"),
            ("https://www.themoviedb.org/movie/10378-big-buck-bunny?language=de-DE", "tmdb:movie/10378"),
            ("https://www.themoviedb.org/tv/1399-x/season/1/episode/2", "tmdb:tv/1399"),
            ("https://thetvdb.com/?tab=series&id=81189&lid=7", "tvdb:81189"),
            ("https://www.thetvdb.com/dereferrer/series/81189", "tvdb:81189"),
            ("http://thetvdb.com/index.php?seriesid=81189", "tvdb:81189"),
            ("https://www.wikidata.org/wiki/Special:EntityPage/Q4#P345", "wikidata:Q4"),
            ("http://www.wikidata.org/entity/Q4", "wikidata:Q4"),
            ("https://www.wikidata.org/w/index.php?title=Q4&uselang=de", "wikidata:Q4"),
            (
                "https://beta.musicbrainz.org/release-group/f5093c06-23e3-404f-aeaa-40f72885ee3a?tab=x",
                "mbid:f5093c06-23e3-404f-aeaa-40f72885ee3a",
            ),
        ];
        for (text, id) in cases {
            assert_eq!(text.parse::<WorkId>().expect(text).as_str(), id, "{text}");
        }
        for text in [
            "https://www.imdb.com/name/nm0000001/",
            "https://www.imdb.com/title/",
            "https://thetvdb.com/series/some-title",
            "https://notimdb.com/title/tt0063350",
            "https://imdb.com.example/title/tt0063350",
            "https://www.wikidata.org/wiki/Property:P345",
            "https://",
        ] {
            assert!(matches!(text.parse::<WorkId>(), Err(WorkIdError::UnknownPage { .. })), "{text}");
        }
    }

    #[test]
    fn hostile_text_is_refused_in_one_short_sentence() {
        let long = "9".repeat(10_000);
        for text in [
            long.clone(),
            format!("imdb:tt{long}"),
            format!("https://www.imdb.com/title/{long}"),
            format!("{long}:1"),
            "imdb:\u{202e}tt1".into(),
            "\0".into(),
            "<script>alert(1)</script>".into(),
            "imdb:tt18446744073709551617".into(),
            "wikidata:q-1".into(),
            "tmdb:movie/1e9".into(),
        ] {
            let error = text.parse::<WorkId>().expect_err("no id").to_string();
            assert!(error.len() < 1200 && !error.contains(['\n', '\u{202e}', '\0']), "{error}");
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
