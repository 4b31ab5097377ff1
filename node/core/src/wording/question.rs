//! What somebody typed, read: words, a year, an episode, ids.

use super::{Chunk, words};
use heirloom_proto::{Infohash, WorkId};

/// Most characters of a question that are read. The longest title is 300 bytes; people paste no more than that.
const QUESTION_CHARS_MAX: usize = 400;
/// Most words that are looked for. A title of more words is found by its first.
const WORDS_MAX: usize = 16;
/// Most pieces of all words: each is looked up for itself.
const PIECES_MAX: usize = 32;
/// Years that are read as such.
const YEARS: std::ops::RangeInclusive<u32> = 1850..=2150;

/// One word that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its pieces, all of which must be found, or all of it in one.
    pub chunk: Chunk,
    /// The year that it may be.
    pub year: Option<u32>,
}

/// What somebody typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Words that name the work.
    pub words: Vec<Word>,
    /// The whole of them, folded.
    pub folded: String,
    /// Season and number of an episode that is named beside: `s01e02`, `1x02`.
    pub episode: Option<(u32, u32)>,
    /// Ids that it may be: one, or as many as there are catalogues that count.
    pub ids: Vec<WorkId>,
    /// The release that it may be.
    pub infohash: Option<Infohash>,
    /// As far as it was read.
    text: String,
    /// Nothing was typed at all.
    pub is_blank: bool,
}

impl Question {
    /// Reads what was typed; whatever it is, this does not fail.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let is_unseen = |c: char| c.is_control() || super::is_mark(c) && !c.is_alphanumeric();
        let text: String =
            text.chars().take(QUESTION_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let text = text.trim_matches(|c: char| c.is_whitespace() || is_unseen(c));
        let mut question = Self { is_blank: text.is_empty(), ..Self::default() };
        question.ids = ids(text);
        question.infohash = text.parse().ok();
        let mut left = words(text);
        question.episode = take_episode(&mut left);
        question.text = text.to_owned();
        question.of_words(left)
    }

    /// How else it may be meant, when nothing was found: an episode as a word of a title; the name of a release by its title.
    #[must_use]
    pub fn otherwise(&self) -> Vec<Self> {
        let read = crate::release_name::read(&self.text);
        let by_words = self.episode.map(|_| Self { episode: None, ..self.of_words(words(&self.text)) });
        let mut title = words(&read.title);
        title.extend(read.year.iter().flat_map(|year| words(&year.to_string())));
        let episode = read.season().zip(read.episodes.first().copied()).or(self.episode);
        let by_title = Self { episode, ..self.of_words(title) };
        let is_other = |other: &Self| !other.words.is_empty() && other.words != self.words;
        by_words.into_iter().chain([by_title]).filter(is_other).collect()
    }

    fn of_words(&self, mut left: Vec<Chunk>) -> Self {
        left.truncate(WORDS_MAX);
        let mut room = PIECES_MAX;
        for chunk in &mut left {
            chunk.pieces.truncate(room);
            room -= chunk.pieces.len();
        }
        left.retain(|chunk| !chunk.pieces.is_empty());
        let folded = left.iter().map(|chunk| chunk.pieces.join(" ")).collect::<Vec<_>>().join(" ");
        Self { folded, words: left.into_iter().map(Word::new).collect(), ..self.clone() }
    }

    /// Whether there is nothing to look for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.ids.is_empty() && self.infohash.is_none()
    }
}

impl Word {
    fn new(chunk: Chunk) -> Self {
        let year = match chunk.pieces.as_slice() {
            [piece] if piece.len() == 4 => piece.parse().ok().filter(|year| YEARS.contains(year)),
            _ => None,
        };
        Self { chunk, year }
    }
}

/// The ids that a text may be: of a bare number, those of every catalogue that counts its works.
fn ids(text: &str) -> Vec<WorkId> {
    if let Ok(id) = text.parse::<WorkId>() {
        return vec![id];
    }
    let is_number = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if is_number {
        let spelled = ["imdb:tt", "tmdb:movie/", "tmdb:tv/", "tvdb:", "wikidata:Q"];
        return spelled.iter().filter_map(|scheme| format!("{scheme}{text}").parse().ok()).collect();
    }
    // An id among words: `Sintel (tt1727587)`.
    let is_around = |c: char| matches!(c, '(' | ')' | '[' | ']' | ',' | ';');
    let marked = text.split_whitespace().map(|word| word.trim_matches(is_around)).filter(|word| {
        let lower = word.to_ascii_lowercase();
        lower.contains(':') || lower.contains(".com/") || lower.contains(".org/") || lower.starts_with("tt")
    });
    marked.filter_map(|word| word.parse().ok()).take(4).collect()
}

/// Takes the name of an episode out of the words.
fn take_episode(words: &mut Vec<Chunk>) -> Option<(u32, u32)> {
    let whole = |chunk: &Chunk| chunk.joined.clone().unwrap_or_else(|| chunk.pieces.concat());
    let one = words.iter().position(|chunk| episode(&whole(chunk)).is_some());
    if let Some(at) = one {
        return episode(&whole(&words.remove(at)));
    }
    // `s01 e02`, `season 1 episode 2`.
    for at in 0..words.len() {
        let word = |offset: usize| words.get(at + offset).map(&whole).unwrap_or_default();
        let (first, second) = (word(0), word(1));
        if let Some(found) =
            episode(&format!("{first}{second}")).filter(|_| first.starts_with('s') && second.starts_with('e'))
        {
            words.drain(at..at + 2);
            return Some(found);
        }
        if first == "season"
            && word(2) == "episode"
            && let Some(found) = episode(&format!("s{second}e{}", word(3)))
        {
            words.drain(at..at + 4);
            return Some(found);
        }
    }
    None
}

/// `s01e02` or `1x02`.
fn episode(word: &str) -> Option<(u32, u32)> {
    let number = |text: &str, digits: usize| {
        let is_one = (1..=digits).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if is_one { text.parse::<u32>().ok() } else { None }
    };
    if let Some((season, episode)) = word.strip_prefix('s').and_then(|rest| rest.split_once('e')) {
        return Some((number(season, 4)?, number(episode, 4).filter(|number| *number > 0)?));
    }
    let (season, episode) = word.split_once('x')?;
    let (season, episode) = (number(season, 2)?, number(episode, 4).filter(|_| episode.len() >= 2)?);
    (episode > 0).then_some((season, episode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Option<(u32, u32)>) {
        let question = Question::read(text);
        (question.folded, question.episode)
    }

    #[test]
    fn episodes_are_read_beside_the_title() {
        for text in [
            "Pioneer One s01e02",
            "pioneer one 1x02",
            "Pioneer One S1E2",
            "s01e02 pioneer one",
            "pioneer one s01 e02",
            "pioneer one season 1 episode 2",
            "pioneer one s01.e02",
            "pioneer one 01x02",
        ] {
            assert_eq!(read(text), ("pioneer one".into(), Some((1, 2))), "{text}");
        }
        for text in ["x", "1x2", "1920x", "s01", "e02", "s01e00", "3x3 eyes", "se7en", "season 1"] {
            assert_eq!(read(text), (text.into(), None), "{text}");
        }
        assert_eq!(read("s01e02"), (String::new(), Some((1, 2))));
    }

    #[test]
    fn ids_are_read_in_every_spelling() {
        let ids = |text: &str| Question::read(text).ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        for text in [
            "tt0063350",
            "TT63350",
            " imdb:63350 ",
            "https://www.imdb.com/title/tt0063350/?ref_=x",
            "m.imdb.com/title/tt0063350",
            "Night of the Living Dead (tt0063350)",
            "\u{202e}tt0063350\u{202c}",
        ] {
            assert_eq!(ids(text), ["imdb:tt0063350"], "{text}");
        }
        assert_eq!(
            ids("63350"),
            ["imdb:tt0063350", "tmdb:movie/63350", "tmdb:tv/63350", "tvdb:63350", "wikidata:Q63350"]
        );
        assert_eq!(ids("Sintel"), Vec::<String>::new());
        let hash = "dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c";
        assert_eq!(Question::read(hash).infohash, hash.parse().ok());
    }

    #[test]
    fn years_are_words_too() {
        let years = |text: &str| Question::read(text).words.iter().filter_map(|word| word.year).collect::<Vec<_>>();
        assert_eq!(years("sintel 2010"), [2010]);
        assert_eq!(years("2001 a space odyssey (1968)"), [2001, 1968]);
        assert_eq!(years("blade runner 99999 0012 1080p"), Vec::<u32>::new());
    }

    #[test]
    fn hostile_text_is_read_within_limits() {
        for text in [
            "x ".repeat(10_000),
            "\u{202e}\0\u{7}".repeat(5_000),
            "AND ( OR *:* title:".into(),
            "((((\"".into(),
            "é".repeat(10_000),
            "s9999999999e1 1x99999999999".into(),
            "\u{fdfa}".repeat(10_000),
        ] {
            let question = Question::read(&text);
            assert!(question.words.len() <= WORDS_MAX, "{}", question.words.len());
            let pieces: usize = question.words.iter().map(|word| word.chunk.pieces.len()).sum();
            assert!(pieces <= PIECES_MAX, "{pieces}");
        }
        assert!(Question::read("").is_blank && Question::read(" \u{200b}\n").is_blank);
        assert!(Question::read("!?*").is_empty() && !Question::read("!?*").is_blank);
    }
}
