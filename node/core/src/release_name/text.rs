//! One part of a path as tokens: words with what stands between them and the brackets around them. Knows nothing of what
//! the words mean.

/// Brackets that people put around groups, years and technical notes.
const BRACKETS: [(char, char); 6] = [('(', ')'), ('[', ']'), ('{', '}'), ('【', '】'), ('（', '）'), ('「', '」')];

/// A word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Where the outermost bracket around it opens.
    pub bracket: Option<usize>,
    /// A dash with room around it, or two dashes, stand before it.
    pub is_after_dash: bool,
}

/// A name cut into tokens.
#[derive(Debug)]
pub(super) struct Text<'a> {
    /// As it was written.
    pub raw: &'a str,
    /// In lower case, byte for byte at the same place.
    pub lower: String,
    /// The words.
    pub tokens: Vec<Token>,
}

/// Whether a character belongs to a word.
pub(super) fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\'' | '’' | '!' | '?' | '&' | '%' | '$' | '@' | '#' | '*' | 'ª' | 'º')
        // Letters that are written as a base and a mark.
        || matches!(c, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{dff}' | '\u{e31}'..='\u{e4e}')
}

/// Lower case that keeps every byte where it is.
fn lowered(text: &str) -> String {
    let lower = |c: char| {
        let mut all = c.to_lowercase();
        match (all.next(), all.next()) {
            (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
            _ => c,
        }
    };
    text.chars().map(lower).collect()
}

impl<'a> Text<'a> {
    pub(super) fn new(raw: &'a str) -> Self {
        let mut tokens: Vec<Token> = Vec::new();
        let (mut start, mut depth, mut opened, mut gap) = (None, 0_usize, None, String::new());
        let closes = |c| BRACKETS.iter().any(|(_, close)| *close == c);
        // Where words are joined by underscores, a dash parts them.
        let is_joined = raw.contains('_') && !raw.contains([' ', '.']);
        let opens = |c| BRACKETS.iter().any(|(open, _)| *open == c);
        for (at, c) in raw.char_indices().chain([(raw.len(), ' ')]) {
            if is_of_word(c) {
                if start.is_none() {
                    start = Some(at);
                }
                continue;
            }
            if let Some(start) = start.take() {
                let dashes = gap.chars().filter(|c| matches!(c, '-' | '–' | '—' | '~')).count();
                let is_after_dash = dashes > 1 || (dashes == 1 && (is_joined || gap.chars().count() > 2));
                tokens.push(Token { start, end: at, bracket: opened, is_after_dash });
                gap.clear();
            }
            // What is longer says no more.
            if gap.len() < 8 {
                gap.push(c);
            }
            if opens(c) {
                depth += 1;
                opened = opened.or(Some(at));
            } else if closes(c) && depth > 0 {
                depth -= 1;
                opened = opened.filter(|_| depth > 0);
            }
        }
        Self { raw, lower: lowered(raw), tokens }
    }

    /// A token as it was written.
    pub(super) fn written(&self, token: Token) -> &'a str {
        self.raw.get(token.start..token.end).unwrap_or_default()
    }

    /// A reader from that byte on.
    pub(super) fn scan(&self, at: usize) -> Scan<'_> {
        Scan { text: &self.lower, at }
    }
}

/// Reads forward over text in lower case. Every step looks at a bounded number of characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    text: &'a str,
    /// The next byte.
    pub at: usize,
}

impl<'a> Scan<'a> {
    /// The same text from another byte on.
    pub(super) fn moved_to(self, at: usize) -> Self {
        Self { at, ..self }
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes exactly this text.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let has = self.rest().starts_with(text);
        self.at += if has { text.len() } else { 0 };
        has
    }

    /// Takes the first of these that stands here.
    pub(super) fn take_any(&mut self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.take(text))
    }

    /// Takes up to `most` characters that belong to no word.
    pub(super) fn gap(&mut self, most: usize) -> usize {
        let mut taken = 0;
        while taken < most
            && let Some(c) = self.peek()
            && !is_of_word(c)
        {
            self.at += c.len_utf8();
            taken += 1;
        }
        taken
    }

    /// Takes a number of at most `digits` ASCII digits; more of them are none.
    pub(super) fn number(&mut self, digits: usize) -> Option<u32> {
        let len = self.rest().bytes().take(digits + 1).take_while(u8::is_ascii_digit).count();
        if len == 0 || len > digits {
            return None;
        }
        let number = self.rest().get(..len)?.parse().ok()?;
        self.at += len;
        Some(number)
    }

    /// How many ASCII digits stand here, counted to 10.
    pub(super) fn digits(&self) -> usize {
        self.rest().bytes().take(10).take_while(u8::is_ascii_digit).count()
    }

    /// Whether a word ends here.
    pub(super) fn is_at_end(&self) -> bool {
        self.peek().is_none_or(|c| !is_of_word(c))
    }

    /// Takes a phrase whose spaces stand for up to two characters between words, or none.
    pub(super) fn phrase(&mut self, phrase: &str) -> bool {
        let begin = self.at;
        for (index, word) in phrase.split(' ').enumerate() {
            if index > 0 {
                self.gap(2);
            }
            if !self.take(word) {
                self.at = begin;
                return false;
            }
        }
        true
    }
}
