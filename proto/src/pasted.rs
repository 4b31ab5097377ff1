//! What forums, blogs and mails do to text that passes through them, undone. A checksum or a signature shows afterwards
//! whether that was right.
//!
//! What it must not know: what the text means.

use std::borrow::Cow;
use std::ops::Range;

/// Dashes as people's programs set them: WordPress makes `—–` of five hyphens.
const DASHES: [char; 8] = ['-', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}'];

/// Characters of a page's source that links and cards need, as entities that mean them. Pages that escape twice make the first
/// of the second.
const ENTITIES: [(&str, &str); 7] = [
    ("&amp;", "&"),
    ("&#38;", "&"),
    ("&#038;", "&"),
    ("&#x26;", "&"),
    ("&#61;", "="),
    ("&#x3D;", "="),
    ("&#x3d;", "="),
];

/// How often a text may have been escaped: by the forum, and by whoever quoted its source there.
const ESCAPED_MAX: usize = 3;

/// Where the marks of these words stand, dashes included: `-----BEGIN HEIRLOOM CARD-----`, with whatever dashes.
pub(crate) fn marks<'a>(text: &'a str, words: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    text.match_indices(words).filter_map(move |(at, _)| {
        let (before, after) = (&text[..at], &text[at + words.len()..]);
        let start = before.trim_end_matches(DASHES).len();
        let end = text.len() - after.trim_start_matches(DASHES).len();
        (start < at && end > at + words.len()).then_some(start..end)
    })
}

/// The text with plain spaces for those that do not break.
pub(crate) fn plain_spaces(text: &str) -> Cow<'_, str> {
    const UNBROKEN: [char; 2] = ['\u{a0}', '\u{202f}'];
    if text.contains(UNBROKEN) { Cow::Owned(text.replace(UNBROKEN, " ")) } else { Cow::Borrowed(text) }
}

/// `&` and `=` again, where the source of a page has written them as entities.
pub(crate) fn plain_entities(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..ESCAPED_MAX {
        for (entity, plain) in ENTITIES {
            if text.contains(entity) {
                text = Cow::Owned(text.replace(entity, plain));
            }
        }
    }
    text
}

/// Whether a character takes no room: forums put some where long words may break, or beside text that runs from the right.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// A line without the marks that quoting puts before it.
pub(crate) fn unquoted(line: &str) -> &str {
    line.trim_start_matches(['>', '|', ' ', '\t', '\u{a0}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_with_whatever_dashes() {
        let found = |text: &str| marks(text, "BEGIN X").collect::<Vec<_>>();
        for mark in ["-----BEGIN X-----", "—–BEGIN X—–", "–BEGIN X-"] {
            let text = format!("a {mark} b");
            let there = 2..2 + mark.len();
            assert_eq!(found(&text), std::slice::from_ref(&there), "{mark}");
        }
        for none in ["BEGIN X", "-BEGIN X", "BEGIN X-", "- BEGIN X -", "-begin x-"] {
            assert!(found(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn entities_are_undone_as_often_as_pages_escape() {
        for escaped in
            ["a&b=c", "a&amp;b=c", "a&amp;amp;b&#61;c", "a&amp;#38;b&#x3D;c", "a&#x26;b&#x3d;c", "a&amp;amp;amp;b=c"]
        {
            assert_eq!(plain_entities(escaped), "a&b=c", "{escaped}");
        }
    }
}
