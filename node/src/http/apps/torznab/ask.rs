//! What a program asks, in its many spellings.

use super::PAGE;
use axum::http::StatusCode;
use heirloom_core::command::CommandError;
use heirloom_core::fitting::Pick;
use heirloom_proto::WorkId;
use heirloom_proto::body::WorkKind;
use std::collections::BTreeSet;

/// Most ids of one question. Programs send one of each catalogue.
const IDS_MAX: usize = 8;
/// Most categories of one question: more than there are.
const CATEGORIES_MAX: usize = 200;
/// Most words of one question, in bytes.
const WORDS_BYTES_MAX: usize = 2_000;
/// The first year that a season may be: below it is a number.
const YEAR_MIN: u32 = 1900;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http::apps) enum Function {
    Caps,
    Search,
    Tv,
    Movie,
    Music,
    Book,
}

/// Why there is no answer, in the protocol's words and numbers.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(in crate::http::apps) enum Refusal {
    #[error("Missing parameter ({0})")]
    Missing(&'static str),
    #[error("Incorrect parameter ({0})")]
    Incorrect(String),
    #[error("No such function ({0})")]
    NoSuchFunction(String),
    #[error("Function not available ({0})")]
    NotAvailable(&'static str),
    #[error("{0}")]
    Failed(String),
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        Self::Failed(error.message)
    }
}

impl Refusal {
    pub(in crate::http::apps) fn code(&self) -> u32 {
        match self {
            Self::Missing(_) => 200,
            Self::Incorrect(_) => 201,
            Self::NoSuchFunction(_) => 202,
            Self::NotAvailable(_) => 203,
            Self::Failed(_) => 900,
        }
    }

    pub(in crate::http::apps) fn status(&self) -> StatusCode {
        if let Self::Failed(_) = self { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::BAD_REQUEST }
    }
}

impl Function {
    /// The function that is asked for; the first, if several are.
    pub(in crate::http::apps) fn of(pairs: &[(String, String)]) -> Option<Result<Self, Refusal>> {
        let (_, name) = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case("t"))?;
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "caps" => Ok(Self::Caps),
            "search" => Ok(Self::Search),
            "tvsearch" | "tv-search" => Ok(Self::Tv),
            "movie" | "movie-search" => Ok(Self::Movie),
            "music" | "audio" | "music-search" => Ok(Self::Music),
            "book" | "book-search" => Ok(Self::Book),
            "details" => Err(Refusal::NotAvailable("details")),
            "get" => Err(Refusal::NotAvailable("get")),
            "" => Err(Refusal::Missing("t")),
            _ => Err(Refusal::NoSuchFunction(short(name))),
        })
    }

    /// The kinds of works that it is about; none: all.
    pub(super) fn kinds(self) -> BTreeSet<WorkKind> {
        let kinds: &[WorkKind] = match self {
            Self::Caps | Self::Search => &[],
            Self::Tv => &[WorkKind::Series, WorkKind::Episode],
            Self::Movie => &[WorkKind::Film],
            Self::Music => &[WorkKind::Album],
            Self::Book => &[WorkKind::Book],
        };
        kinds.iter().copied().collect()
    }
}

/// What was asked, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) function: Function,
    pub(super) words: String,
    pub(super) ids: Vec<WorkId>,
    pub(super) categories: Option<Vec<u32>>,
    pub(super) pick: Option<Pick>,
    pub(super) year: Option<u32>,
    pub(super) genre: Option<String>,
    pub(super) offset: usize,
    pub(super) limit: usize,
    pub(super) is_json: bool,
    /// It asks by what nobody can answer, such as an id of a catalogue that is not known here: that is nothing, not all.
    pub(super) is_beyond: bool,
    with_tags: BTreeSet<String>,
    without_tags: BTreeSet<String>,
}

/// Text of others in an answer, in short.
fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

fn incorrect(name: &str) -> Refusal {
    Refusal::Incorrect(name.to_owned())
}

fn whole(name: &str, text: &str) -> Result<usize, Refusal> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Larger than any machine counts is as good as the end.
    if is_number { Ok(text.parse().unwrap_or(usize::MAX)) } else { Err(incorrect(name)) }
}

/// Digits with a letter or two before, such as `S01`, `E5` and `tt0063350`: their number.
fn number_behind(text: &str, letters: &str) -> Option<u32> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.strip_prefix(letters).unwrap_or(&lower);
    let is_number = (1..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

impl Ask {
    /// Reads what was sent. Names are known in any case; what is said twice counts once, the first time.
    pub(super) fn read(pairs: &[(String, String)]) -> Result<Self, Refusal> {
        let function = Function::of(pairs).ok_or(Refusal::Missing("t"))??;
        let said = |name: &str| {
            let found = pairs.iter().find(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
            found.filter(|value| !value.is_empty())
        };
        let is_json = match said("o").map(str::to_ascii_lowercase).as_deref() {
            None | Some("xml") => false,
            Some("json") => true,
            Some(_) => return Err(incorrect("o")),
        };
        for name in ["extended", "attrs"] {
            // All is told anyway; a number must still be one.
            if name == "extended" && said(name).is_some_and(|value| !matches!(value, "0" | "1")) {
                return Err(incorrect(name));
            }
        }
        let categories = said("cat").map(categories).transpose()?;
        let offset = said("offset").map(|text| whole("offset", text)).transpose()?.unwrap_or(0);
        let limit = said("limit").map(|text| whole("limit", text)).transpose()?.unwrap_or(PAGE).min(PAGE);
        let mut words: Vec<&str> = said("q").into_iter().collect();
        words.extend(function.names().iter().filter_map(|name| said(name)));
        let words: String = words.join(" ").chars().take(WORDS_BYTES_MAX).collect();
        let (ids, has_foreign_ids) = ids(function, pairs)?;
        let pick = pick(said("season"), said("ep"))?;
        let year = said("year").map(|text| whole("year", text)).transpose()?;
        // Only of a series is there an episode.
        let is_misplaced = pick.is_some() && function != Function::Tv;
        let has_tags = |is_out: bool| {
            let tags = said("tag").into_iter().flat_map(|tags| tags.split(',')).map(str::trim);
            let of = move |tag: &str| match tag.strip_prefix(['-', '!']) {
                Some(tag) if is_out => Some(tag.to_ascii_lowercase()),
                None if !is_out => Some(tag.to_ascii_lowercase()),
                _ => None,
            };
            tags.filter_map(of).filter(|tag| !tag.is_empty()).collect()
        };
        Ok(Self {
            function,
            is_beyond: is_misplaced || (has_foreign_ids && ids.is_empty() && words.is_empty()),
            words,
            ids,
            categories,
            pick,
            year: year.map(|year| u32::try_from(year).unwrap_or(u32::MAX)),
            genre: said("genre").map(str::to_owned),
            offset,
            limit,
            is_json,
            with_tags: has_tags(false),
            without_tags: has_tags(true),
        })
    }

    /// The tags that are wanted and those that are not, as text by which questions are told apart.
    pub(super) fn tags(&self) -> String {
        format!("{:?} {:?}", self.with_tags, self.without_tags)
    }

    /// Whether what has this tag is wanted.
    pub(super) fn admits_tag(&self, tag: &str) -> bool {
        (self.with_tags.is_empty() || self.with_tags.contains(tag)) && !self.without_tags.contains(tag)
    }
}

impl Function {
    /// Parameters that name a work beside `q`.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Music => &["artist", "album"],
            Self::Book => &["author", "title"],
            _ => &[],
        }
    }
}

/// Numbers with commas between.
fn categories(text: &str) -> Result<Vec<u32>, Refusal> {
    let number = |part: &str| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        // A number that no category can have is one that nobody knows.
        if is_number { Ok(part.parse().unwrap_or(u32::MAX)) } else { Err(incorrect("cat")) }
    };
    text.split(',').take(CATEGORIES_MAX).map(number).collect()
}

/// Ids of works; and whether there were some of catalogues that no work here is named by.
fn ids(function: Function, pairs: &[(String, String)]) -> Result<(Vec<WorkId>, bool), Refusal> {
    let (mut ids, mut has_foreign) = (Vec::new(), false);
    for (name, value) in pairs {
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        if value.is_empty() {
            continue;
        }
        let number = |letters: &str| number_behind(value, letters).ok_or_else(|| Refusal::Incorrect(name.clone()));
        let text = match name.as_str() {
            "imdbid" => format!("imdb:tt{:07}", number("tt")?),
            "tvdbid" => format!("tvdb:{}", number("")?),
            "tmdbid" if function == Function::Tv => format!("tmdb:tv/{}", number("")?),
            "tmdbid" => format!("tmdb:movie/{}", number("")?),
            "rid" | "tvmazeid" | "traktid" | "doubanid" => {
                has_foreign = true;
                continue;
            }
            _ => continue,
        };
        match text.parse() {
            // Zero is what some programs send for none.
            Ok(_) if value.trim_start_matches("tt").bytes().all(|byte| byte == b'0') => {}
            Ok(id) if ids.len() < IDS_MAX => ids.push(id),
            Ok(_) => {}
            Err(_) => has_foreign = true,
        }
    }
    Ok((ids, has_foreign))
}

/// What of a series: `S01`, `1` or `00`, with `E05` or `5`; of a daily one a year, with month and day.
fn pick(season: Option<&str>, episode: Option<&str>) -> Result<Option<Pick>, Refusal> {
    let season = season.map(|text| number_behind(text, "s").ok_or_else(|| incorrect("season"))).transpose()?;
    let Some(text) = episode else { return Ok(season.map(Pick::Season)) };
    if let Some((month, day)) = text.split_once('/') {
        let two = |part: &str| part.parse::<u32>().ok().filter(|number| (1..=31).contains(number));
        return match (season, two(month), two(day)) {
            (Some(year @ YEAR_MIN..), Some(month @ 1..=12), Some(day)) => {
                Ok(Some(Pick::Day(format!("{year:04}-{month:02}-{day:02}"))))
            }
            _ => Err(incorrect("ep")),
        };
    }
    let number = number_behind(text, "e").ok_or_else(|| incorrect("ep"))?;
    Ok(Some(match season {
        Some(season) => Pick::Episode(season, number),
        None => Pick::Absolute(number),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Ask, Refusal> {
        let pairs =
            query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Ask::read(&pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>())
    }

    fn ids(query: &str) -> Vec<String> {
        read(query).expect(query).ids.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ids_are_read_in_every_spelling() {
        for id in ["tt0063350", "0063350", "63350", "TT63350"] {
            assert_eq!(ids(&format!("t=movie&imdbid={id}")), ["imdb:tt0063350"], "{id}");
        }
        assert_eq!(ids("T=TvSearch&TVDBID=81189&tmdbid=1399"), ["tvdb:81189", "tmdb:tv/1399"]);
        assert_eq!(ids("t=movie&tmdbid=10378&imdbid=0"), ["tmdb:movie/10378"], "0 is none");
        for query in ["t=movie&imdbid=x", "t=movie&imdbid=tt", "t=tvsearch&tvdbid=-1", "t=movie&tmdbid=1.5"] {
            assert!(matches!(read(query), Err(Refusal::Incorrect(_))), "{query}");
        }
        assert!(read("t=tvsearch&rid=5").expect("read").is_beyond, "nobody can answer that");
        assert!(
            !read("t=tvsearch&rid=5&q=x").expect("read").is_beyond && !read("t=tvsearch&rid=").expect("read").is_beyond
        );
        assert!(!read("t=tvsearch&rid=5&tvdbid=7").expect("read").is_beyond);
    }

    #[test]
    fn seasons_and_episodes_are_read_in_every_spelling() {
        let pick = |rest: &str| read(&format!("t=tvsearch&{rest}")).expect(rest).pick;
        for rest in ["season=1&ep=2", "season=S01&ep=E02", "season=01&ep=02", "season=s1&ep=e2"] {
            assert_eq!(pick(rest), Some(Pick::Episode(1, 2)), "{rest}");
        }
        assert_eq!(pick("season=00"), Some(Pick::Season(0)), "specials");
        assert_eq!(pick("season=2024&ep=05/01"), Some(Pick::Day("2024-05-01".into())));
        assert_eq!(pick("ep=14"), Some(Pick::Absolute(14)));
        assert_eq!(pick("season=&ep="), None);
        for rest in ["season=x", "season=1&ep=x", "season=1&ep=05/01", "season=2024&ep=13/01", "season=-1", "ep=1/2/3"]
        {
            assert!(matches!(read(&format!("t=tvsearch&{rest}")), Err(Refusal::Incorrect(_))), "{rest}");
        }
        assert!(read("t=movie&season=1").expect("read").is_beyond, "a film has no season");
    }

    #[test]
    fn numbers_and_functions_are_refused_in_the_protocol_s_words() {
        for (query, code) in [
            ("", 200),
            ("q=x", 200),
            ("t=", 200),
            ("t=nonsense", 202),
            ("t=details&id=1", 203),
            ("t=get", 203),
            ("t=search&cat=x", 201),
            ("t=search&cat=2000,", 201),
            ("t=search&cat=-1", 201),
            ("t=search&offset=-1", 201),
            ("t=search&limit=ten", 201),
            ("t=search&extended=2", 201),
            ("t=search&o=yaml", 201),
            ("t=search&year=x", 201),
        ] {
            assert_eq!(read(query).map_err(|refusal| refusal.code()).err(), Some(code), "{query}");
        }
        let ask = read("t=search&limit=5000&offset=99999999999999999999999&cat=2000,99999999999&q=a").expect("read");
        assert_eq!((ask.limit, ask.offset), (PAGE, usize::MAX));
        assert_eq!(ask.categories, Some(vec![2000, u32::MAX]));
    }

    #[test]
    fn tags_are_wanted_or_not() {
        let ask = read("t=search&tag=trusted,-vouched").expect("read");
        assert!(ask.admits_tag("trusted") && !ask.admits_tag("vouched") && !ask.admits_tag("unknown"));
        let ask = read("t=search&tag=-unknown").expect("read");
        assert!(ask.admits_tag("trusted") && !ask.admits_tag("unknown"));
        assert!(read("t=search").expect("read").admits_tag("unknown"));
    }

    #[test]
    fn music_and_books_are_named_by_more_than_one_word() {
        assert_eq!(read("t=music&artist=A&album=B").expect("read").words, "A B");
        assert_eq!(read("t=book&author=A&title=B&q=C").expect("read").words, "C A B");
        assert_eq!(read("t=search&artist=A").expect("read").words, "");
    }
}
