//! Words as people type them beside words as they stand in titles: folded, cut, compared.
//!
//! Both sides pass the same functions, so whatever is lost in folding is lost on both. What it must not know: works,
//! records, trust, indexes.

mod question;
mod relevance;

pub use question::{Question, Word};
pub use relevance::{RELEVANCE_MAX, Text, relevance, typos_allowed};

use unicode_normalization::UnicodeNormalization as _;

/// Longest word in characters; what is longer is cut. No word of a title is longer, but a page of nonsense may be one.
pub const WORD_CHARS_MAX: usize = 40;

/// Lower case, without the marks of Latin, Greek, Cyrillic, Hebrew and Arabic letters, one space between words, nothing but
/// letters and digits.
#[must_use]
pub fn folded(text: &str) -> String {
    let words: Vec<String> = words(text).into_iter().map(|word| word.pieces.join(" ")).collect();
    words.join(" ")
}

/// A title as [`Text`] holds it: folded, and behind a tab what can also be found joined.
#[must_use]
pub fn title_text(title: &str) -> String {
    let chunks = words(title);
    let mut text = chunks.iter().flat_map(|chunk| &chunk.pieces).cloned().collect::<Vec<_>>().join(" ");
    for joined in chunks.iter().filter_map(|chunk| chunk.joined.as_deref()) {
        text.push(if text.contains('\t') { ' ' } else { '\t' });
        text.push_str(joined);
    }
    text
}

/// What stands between two spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Its runs of letters and digits: `d'amélie` is `d` and `amelie`. Scripts without spaces are runs of their own.
    pub pieces: Vec<String>,
    /// All of them in one, where there are several: people write `spiderman` and `spider-man`.
    pub joined: Option<String>,
}

impl Chunk {
    /// Everything under which it can be found.
    pub fn forms(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().chain(&self.joined).map(String::as_str)
    }
}

/// The chunks of a text, folded.
#[must_use]
pub fn words(text: &str) -> Vec<Chunk> {
    text.split_whitespace().map(chunk).filter(|chunk| !chunk.pieces.is_empty()).collect()
}

fn chunk(text: &str) -> Chunk {
    let plain = plain(text);
    let mut pieces: Vec<String> = Vec::new();
    let mut piece = String::new();
    let mut chars = 0;
    let mut last_dense = None;
    for c in plain.chars() {
        let is_dense = is_dense(c);
        if !is_letter(c) || last_dense.is_some_and(|last| last != is_dense) {
            if !piece.is_empty() {
                pieces.push(std::mem::take(&mut piece));
            }
            (chars, last_dense) = (0, None);
        }
        if is_letter(c) {
            last_dense = Some(is_dense);
            chars += 1;
            if chars <= WORD_CHARS_MAX {
                piece.push(c);
            }
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    let is_joinable = pieces.len() > 1 && !pieces.iter().any(|piece| piece.chars().any(self::is_dense));
    let joined = is_joinable.then(|| pieces.concat().chars().take(WORD_CHARS_MAX).collect());
    Chunk { pieces, joined }
}

/// Letters, digits, and the marks of Indic scripts, without which their words would fall apart.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || (matches!(c, '\u{900}'..='\u{dff}') && !matches!(c, '\u{964}' | '\u{965}' | '\u{970}'))
}

/// Lower case without marks.
fn plain(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let bare: String = text.nfkd().filter(|c| !is_mark(*c)).collect();
    // Put together again: Hangul came apart into its letters.
    let whole: String = bare.to_lowercase().nfc().filter(|c| !is_mark(*c)).collect();
    let mut plain = String::with_capacity(whole.len());
    for c in whole.chars() {
        match c {
            'ß' => plain.push_str("ss"),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            'þ' => plain.push_str("th"),
            'ø' => plain.push('o'),
            'đ' | 'ð' => plain.push('d'),
            'ł' => plain.push('l'),
            'ħ' => plain.push('h'),
            'ı' => plain.push('i'),
            'ς' => plain.push('σ'),
            c => plain.push(c),
        }
    }
    plain
}

/// Marks that people leave out: accents, Hebrew points, Arabic vowels, and what is not seen at all. Marks of Indic scripts are
/// vowels, and stay.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}'
        | '\u{670}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Letters of scripts that put no spaces between words, or join words that people look for alone.
#[must_use]
pub fn is_dense(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3130}'..='\u{318f}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// What a piece is kept under in an index: itself; of a dense script each letter and each pair of neighbours.
#[must_use]
pub fn grams(piece: &str) -> Vec<String> {
    if !piece.chars().next().is_some_and(is_dense) {
        return vec![piece.to_owned()];
    }
    let letters: Vec<char> = piece.chars().collect();
    let pairs = letters.windows(2).map(|pair| pair.iter().collect());
    letters.iter().map(char::to_string).chain(pairs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_case_are_folded() {
        for (text, plain) in [
            ("Le Fabuleux Destin d'Amélie Poulain", "le fabuleux destin d amelie poulain"),
            ("ＳＩＮＴＥＬ", "sintel"),
            ("Straße Łódź Ægir Søren İstanbul ısı", "strasse lodz aegir soren istanbul isi"),
            ("Ame\u{301}lie", "amelie"),
            ("Ёлки Йод", "елки иод"),
            ("ΟΔΥΣΣΕΥΣ Οδυσσεύς", "οδυσσευσ οδυσσευσ"),
            ("기생충", "기생충"),
            ("進撃の巨人2", "進撃の巨人 2"),
            ("Sin\u{200b}tel \u{202e}x", "sintel x"),
            ("  !!! -- \u{0} ", ""),
            ("हिन्दी", "हिन्दी"),
        ] {
            assert_eq!(folded(text), plain, "{text}");
            assert_eq!(folded(&folded(text)), folded(text), "{text}");
        }
    }

    #[test]
    fn words_are_found_apart_and_joined() {
        let forms = |text: &str| -> Vec<String> {
            words(text).iter().flat_map(|word| word.forms().map(str::to_owned).collect::<Vec<_>>()).collect()
        };
        assert_eq!(forms("Spider-Man"), ["spider", "man", "spiderman"]);
        assert_eq!(forms("WALL·E"), ["wall", "e", "walle"]);
        assert_eq!(forms("S.W.A.T."), ["s", "w", "a", "t", "swat"]);
        assert_eq!(grams("巨人の"), ["巨", "人", "の", "巨人", "人の"]);
        assert_eq!(grams("sintel"), ["sintel"]);
        assert_eq!(words(&"x".repeat(10_000))[0].pieces[0].len(), WORD_CHARS_MAX);
    }
}
