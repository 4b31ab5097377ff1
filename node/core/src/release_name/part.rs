//! One part of a path: finds the marks in it, decides which of the weak ones count, and what is left for the title.

use super::facts::{Fact, Mark, Strength};
use super::text::{Text, Token};
use super::{numbering, technical};

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A film: a number is part of its title.
    Film,
    /// Episodes: a number is one.
    Episodes,
    /// Whatever it is.
    Anything,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// What counts, in order.
    pub marks: Vec<Mark>,
    pub title: String,
    pub group: String,
    /// The number of a part of a series stands before the title, as before a track: what follows is that part's title.
    pub is_led: bool,
    /// The episode is a bare number.
    pub is_guess: bool,
}

impl Part {
    pub(super) fn has(&self, is: impl Fn(&Fact) -> bool) -> bool {
        self.marks.iter().any(|mark| is(&mark.fact))
    }
}

/// Whether a bare number may be read as season and episode, such as 307.
fn split_number(number: u32, digits: usize) -> Option<(u32, u32)> {
    let (season, episode) = (number / 100, number % 100);
    ((3..=4).contains(&digits) && season > 0 && episode > 0).then_some((season, episode))
}

/// Reads one part.
pub(super) fn read(raw: &str, expected: Expected, is_file: bool) -> Part {
    let text = Text::new(without_frame(raw));
    let mut all = marks_of(&text);
    let group_first = leading_group(&text, &all).or_else(|| leading_tag(&text, &all));
    let begin = group_first.map_or(0, |(_, end)| end);
    choose_year(&text, &mut all);
    let mut marks = settle(&text, &all);
    marks.extend(leading_words(&text, &all, &marks, begin));
    let mut part = Part::default();
    if is_file && expected != Expected::Film {
        decide_number(&text, &all, &mut marks, expected, begin, &mut part);
    }
    marks.sort_by_key(|mark| mark.start);
    let first = text.tokens.iter().find(|token| token.start >= begin);
    part.is_led |= first.is_some_and(|first| {
        marks.iter().any(|mark| mark.start == first.start && matches!(mark.fact, Fact::Episodes(..)))
    });
    let end = title_end(&text, &marks, begin);
    let start = title_start(&text, &marks, begin, part.is_led);
    part.title = title(&text, start, end, &marks);
    part.group = trailing_group(&text, &marks);
    if let Some((from, to)) = group_first.filter(|_| part.group.is_empty()) {
        part.group = text.raw.get(from..to).unwrap_or_default().trim_matches(is_bracket).trim().to_owned();
    }
    part.marks = marks;
    part
}

/// The name without a bracket around all of it.
fn without_frame(raw: &str) -> &str {
    let trimmed = raw.trim();
    let inner = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.filter(|inner| !inner.contains(['[', ']'])).unwrap_or(raw)
}

fn is_bracket(c: char) -> bool {
    matches!(c, '[' | ']' | '(' | ')' | '{' | '}' | '【' | '】')
}

/// Every mark, sure and weak, none over another.
fn marks_of(text: &Text<'_>) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    if let Some((seasons, episodes, start, end)) = numbering::east_asian(&text.lower) {
        let fact = if episodes.is_empty() { Fact::Seasons(seasons) } else { Fact::Episodes(seasons, episodes) };
        marks.push(Mark { start, end, bracket: None, strength: Strength::Sure, fact });
    }
    let mut done = 0;
    let taken = marks.first().map(|mark| (mark.start, mark.end));
    for token in &text.tokens {
        if token.start < done || taken.is_some_and(|(start, end)| (start..end).contains(&token.start)) {
            continue;
        }
        let scan = text.scan(token.start);
        let found = site(text, *token)
            .or_else(|| technical::read(scan, text.written(*token)))
            .or_else(|| numbering::read(scan));
        if let Some((fact, strength, end)) = found {
            marks.push(Mark { start: token.start, end, bracket: token.bracket, strength, fact });
            done = end;
        }
    }
    marks
}

/// `www.example.org`, and `[example.org]` in brackets.
fn site(text: &Text<'_>, token: Token) -> Option<(Fact, Strength, usize)> {
    const ENDS: [&str; 12] = ["com", "org", "net", "info", "to", "ru", "me", "party", "cc", "tv", "pw", "io"];
    let rest = text.lower.get(token.start..)?;
    let len = rest.bytes().take(60).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')).count();
    let address = rest.get(..len)?.trim_end_matches('.');
    let dots = address.matches('.').count();
    let is_known = address.rsplit('.').next().is_some_and(|end| ENDS.contains(&end));
    let is_site = (address.starts_with("www.") && dots >= 2)
        || (token.bracket.is_some()
            && dots >= 1
            && is_known
            && rest.get(len..).is_some_and(|rest| rest.starts_with([']', ')'])));
    if !is_site {
        return None;
    }
    // Behind the end of the address the name may go on with a dot.
    let end = if is_known { address.len() } else { address.find(".com.").map_or(address.len(), |at| at + 4) };
    Some((Fact::Site, Strength::Sure, token.start + end))
}

/// A bracket at the very beginning that holds no sure mark: who made it.
fn leading_group(text: &Text<'_>, marks: &[Mark]) -> Option<(usize, usize)> {
    let first = text.tokens.first()?;
    let open = first.bracket.filter(|open| *open == 0 && text.raw.starts_with(['[', '【']))?;
    let last = text.tokens.iter().take_while(|token| token.bracket == Some(open)).last()?;
    let is_marked = marks.iter().any(|mark| {
        mark.start < last.end && (mark.strength == Strength::Sure || matches!(mark.fact, Fact::Number(..)))
    });
    let has_more = text.tokens.iter().any(|token| token.start > last.end && token.bracket.is_none());
    let end = text.raw.get(last.end..)?.find([']', '】']).map(|at| last.end + at + 1)?;
    (!is_marked && has_more).then_some((open, end))
}

/// In a name without capitals the group may stand in front, as in `abc-some.film.1080p.x264`.
fn leading_tag(text: &Text<'_>, marks: &[Mark]) -> Option<(usize, usize)> {
    let [first, second, ..] = text.tokens.as_slice() else { return None };
    let is_tag = first.start == 0 && text.raw.get(first.end..second.start) == Some("-");
    let is_small = !text.raw.chars().any(char::is_uppercase);
    let technical = marks.iter().filter(|mark| mark.fact.is_technical()).count();
    let is_marked = marks.first().is_some_and(|mark| mark.start < second.start);
    let has_group_last = text.tokens.last().is_some_and(|last| {
        let is_marked = marks.iter().any(|mark| mark.end > last.start);
        !is_marked && text.raw.get(..last.start).is_some_and(|before| before.ends_with('-'))
    });
    (is_tag && is_small && technical >= 2 && !is_marked && !has_group_last).then_some((first.start, first.end))
}

/// Technical words in front of the title, such as `HD 720p: `, of which the first are weak.
fn leading_words(text: &Text<'_>, all: &[Mark], marks: &[Mark], begin: usize) -> Vec<Mark> {
    let mut taken = Vec::new();
    for token in text.tokens.iter().filter(|token| token.start >= begin) {
        let Some(mark) = all.iter().find(|mark| (mark.start..mark.end).contains(&token.start)) else { break };
        let is_weak = !marks.iter().any(|mark| (mark.start..mark.end).contains(&token.start));
        if is_weak
            && !matches!(mark.fact, Fact::Number(..))
            && !taken.contains(mark)
            && touches_technical(text, all, mark)
        {
            taken.push(mark.clone());
        }
    }
    // All of a name may be technical words; then it is the title.
    let is_all = text
        .tokens
        .iter()
        .filter(|token| token.start >= begin)
        .all(|token| marks.iter().chain(&taken).any(|mark| (mark.start..mark.end).contains(&token.start)));
    if is_all { Vec::new() } else { taken }
}

/// Of several years the one that is meant: the last before what is sure, since a title may hold one; and none at the very
/// beginning when nothing else is the title.
fn choose_year(text: &Text<'_>, marks: &mut Vec<Mark>) {
    let first_sure = marks
        .iter()
        .find(|mark| mark.strength == Strength::Sure && !matches!(mark.fact, Fact::Year(_) | Fact::Site))
        .map_or(text.raw.len(), |mark| mark.start);
    let begin = text.tokens.first().map_or(0, |token| token.start);
    let years: Vec<usize> =
        (0..marks.len()).filter(|at| matches!(marks.get(*at).map(|mark| &mark.fact), Some(Fact::Year(_)))).collect();
    let of = |at: &usize| marks.get(*at);
    let in_round = |at: &&usize| {
        of(at).is_some_and(|mark| {
            mark.bracket.is_some_and(|open| text.raw.get(open..).is_some_and(|t| t.starts_with('(')))
        })
    };
    let is_before = |at: &&usize| of(at).is_some_and(|mark| mark.start <= first_sure);
    let not_first = |at: &&usize| of(at).is_some_and(|mark| mark.start > begin || mark.bracket.is_some());
    let chosen = years
        .iter()
        .filter(not_first)
        .find(in_round)
        .or_else(|| years.iter().filter(not_first).rfind(is_before))
        .or_else(|| years.iter().find(not_first))
        .copied();
    let mut at = 0;
    marks.retain(|mark| {
        at += 1;
        !matches!(mark.fact, Fact::Year(_)) || Some(at - 1) == chosen
    });
}

/// The sure marks, and the weak ones that stand beside them.
fn settle(text: &Text<'_>, all: &[Mark]) -> Vec<Mark> {
    let anchors = |mark: &&Mark| mark.strength == Strength::Sure && !matches!(mark.fact, Fact::Site);
    let Some(first) = all.iter().position(|mark| anchors(&mark)) else {
        return without_anchor(text, all);
    };
    let mut taken: Vec<Mark> = all.iter().take(first).filter(|mark| mark.fact == Fact::Site).cloned().collect();
    // Backwards from the first sure one, as long as nothing lies between.
    let anchor = &all[first];
    let is_tight = anchor.fact.is_technical();
    let has_lower = text.raw.chars().any(char::is_lowercase);
    let mut edge = anchor.start;
    for mark in all.iter().take(first).rev() {
        let written = text.raw.get(mark.start..mark.end).unwrap_or_default();
        let is_shouted = !has_lower || !written.chars().any(char::is_lowercase);
        let is_whole = matches!(anchor.fact, Fact::Seasons(_)) && written.to_lowercase().ends_with("complete");
        let is_meant = is_tight || is_shouted || is_whole || mark.bracket.is_some();
        let touches = !text.tokens.iter().any(|token| token.start >= mark.end && token.start < edge);
        let leaves_title = text.tokens.iter().any(|token| token.start < mark.start && token.bracket.is_none());
        if matches!(mark.fact, Fact::Number(..) | Fact::Site) || !touches || !is_meant || !leaves_title {
            if mark.bracket.is_none() {
                break;
            }
            continue;
        }
        edge = mark.start;
        taken.push(mark.clone());
    }
    let between = |mark: &Mark| {
        // What follows a number of an episode is its title, in which weak words are words.
        let after_technical = taken_technical(all, mark.start);
        let before_technical = touches_technical(text, all, mark);
        let written = text.raw.get(mark.start..mark.end).unwrap_or_default();
        let is_shouted = has_lower && !written.chars().any(char::is_lowercase);
        let ends = !text.tokens.iter().any(|token| token.start >= mark.end);
        mark.strength == Strength::Sure
            || after_technical
            || before_technical
            || mark.bracket.is_some()
            || is_shouted
            || ends
            || matches!(all[first].fact, Fact::Year(_))
    };
    taken
        .extend(all.iter().skip(first).filter(|mark| !matches!(mark.fact, Fact::Number(..)) && between(mark)).cloned());
    taken
}

fn taken_technical(all: &[Mark], before: usize) -> bool {
    all.iter().any(|mark| mark.start < before && mark.strength == Strength::Sure && mark.fact.is_technical())
}

/// Whether a chain of marks leads from here to something technical.
fn touches_technical(text: &Text<'_>, all: &[Mark], from: &Mark) -> bool {
    let mut edge = from.end;
    // A handful: nobody writes longer chains, and each mark asks.
    for mark in all.iter().filter(|mark| mark.start >= from.end).take(6) {
        if text.tokens.iter().any(|token| token.start >= edge && token.start < mark.start) {
            return false;
        }
        if mark.strength == Strength::Sure && mark.fact.is_technical() {
            return true;
        }
        edge = mark.end;
    }
    false
}

/// Nothing is sure: only what stands in brackets, and capitals at the end.
fn without_anchor(text: &Text<'_>, all: &[Mark]) -> Vec<Mark> {
    let has_lower = text.raw.chars().any(char::is_lowercase);
    let first = text.tokens.first().map_or(0, |token| token.start);
    let mut edge = text.raw.len();
    let mut taken = Vec::new();
    for mark in all.iter().rev() {
        let written = text.raw.get(mark.start..mark.end).unwrap_or_default();
        let is_shouted = has_lower && written.len() > 1 && !written.chars().any(char::is_lowercase);
        let touches = !text.tokens.iter().any(|token| token.start >= mark.end && token.start < edge);
        let is_plain = matches!(
            mark.fact,
            Fact::Resolution(_)
                | Fact::Source(_)
                | Fact::Video(_)
                | Fact::Audio(_)
                | Fact::Edition(_)
                | Fact::Seasons(_)
        );
        let counts = match mark.fact {
            Fact::Number(..) => false,
            Fact::Site => true,
            _ => mark.bracket.is_some_and(|open| open > 0) || (touches && (is_shouted || is_plain)),
        };
        if counts && mark.start > first {
            if mark.bracket.is_none() {
                edge = mark.start;
            }
            taken.push(mark.clone());
        }
    }
    taken
}

/// Whether a bare number is an episode, and which.
fn decide_number(
    text: &Text<'_>,
    all: &[Mark],
    marks: &mut Vec<Mark>,
    expected: Expected,
    begin: usize,
    part: &mut Part,
) {
    if marks.iter().any(|mark| matches!(mark.fact, Fact::Episodes(..) | Fact::Date(_))) {
        return;
    }
    let season_at = marks.iter().find(|mark| matches!(mark.fact, Fact::Seasons(_))).map(|mark| mark.start);
    let first = text.tokens.iter().find(|token| token.start >= begin).map(|token| token.start);
    let year_at = marks.iter().find(|mark| matches!(mark.fact, Fact::Year(_))).map(|mark| mark.start);
    let technical = marks.iter().filter(|mark| mark.bracket.is_none() && mark.fact.is_technical());
    let technical_at = technical.map(|mark| mark.start).min();
    let has_group_first = begin > 0 && text.raw.starts_with(['[', '【']);
    let is_absolute = has_group_first || season_at.is_some() || all.iter().any(|mark| mark.fact == Fact::Subtitles);
    for mark in all {
        let Fact::Number(number, digits) = mark.fact else { continue };
        let at = text.tokens.iter().position(|token| token.start == mark.start && mark.bracket.is_none());
        let is_taken = marks.iter().any(|other| other.start <= mark.start && mark.start < other.end);
        let Some(at) = at.filter(|_| !is_taken) else { continue };
        let (episodes, end) = range_behind(text, mark.end, number);
        let next = text.tokens.iter().find(|token| token.start >= end);
        let is_range = episodes.len() > 1;
        let is_track = first == Some(mark.start);
        let is_dashed = text.tokens.get(at).is_some_and(|token| token.is_after_dash);
        let ends_title = |next: &Token| {
            (next.is_after_dash && (digits == 2 || is_absolute))
                || next.bracket.is_some()
                || all.iter().any(|other| other.start == next.start && !matches!(other.fact, Fact::Number(..)))
        };
        let is_before_mark = next.is_none_or(ends_title);
        let is_padded = text.lower.get(mark.start..).is_some_and(|rest| rest.starts_with('0'));
        let counts = if is_track {
            let behind = text.raw.get(end..).unwrap_or_default();
            let is_apart = behind.starts_with(". ") || behind.starts_with(" - ") || behind.starts_with("_-_");
            digits >= 2 && (next.is_none() || is_apart || has_group_first || expected == Expected::Episodes)
        } else {
            // A film has its year behind a number of its title, and what is behind technical words is none of it.
            let is_of_title = year_at.is_some_and(|at| at > mark.start) && !is_dashed;
            let is_behind = technical_at.is_some_and(|at| at < mark.start);
            let is_before_season = season_at.is_some_and(|at| at > mark.start);
            let is_likely = is_dashed
                || (digits >= 2 && (is_before_mark || is_padded || is_range))
                || (expected == Expected::Episodes && is_before_mark);
            is_likely && !is_of_title && !is_behind && !is_before_season
        };
        if !counts {
            continue;
        }
        let split = split_number(number, digits).filter(|(season, _)| {
            !is_absolute && !is_range && *season <= 40 && (!is_track || expected == Expected::Episodes)
        });
        let fact = match split {
            Some((season, episode)) => Fact::Episodes(vec![season], vec![episode]),
            None => Fact::Episodes(Vec::new(), episodes),
        };
        part.is_led = is_track;
        part.is_guess = true;
        marks.push(Mark { strength: Strength::Sure, fact, end, ..mark.clone() });
        return;
    }
}

/// `01-12`: all of them, and where the last ends.
fn range_behind(text: &Text<'_>, end: usize, first: u32) -> (Vec<u32>, usize) {
    let mut here = text.scan(end);
    let is_tight = here.take_any(&["-", "~", " ~ "]);
    let last = here
        .number(4)
        .filter(|last| is_tight && here.is_at_end() && *last > first && last - first <= numbering::RANGE_MAX);
    last.map_or_else(|| (vec![first], end), |last| ((first..=last).collect(), here.at))
}

/// Where the title may begin: behind a group, an address, technical words in front, and the number of a track.
fn title_start(text: &Text<'_>, marks: &[Mark], begin: usize, has_track: bool) -> usize {
    let mut start = begin;
    for token in &text.tokens {
        if token.start < start {
            continue;
        }
        match marks.iter().find(|mark| (mark.start..mark.end).contains(&token.start)) {
            Some(mark) => start = mark.end,
            // A number in round brackets before a title counts its place in a box.
            None if token.bracket.is_some_and(|open| open <= start) && token.end - token.start <= 2 && !has_track => {
                start = text
                    .raw
                    .get(token.end..)
                    .and_then(|rest| rest.find(')'))
                    .map_or(token.end, |at| token.end + at + 1);
            }
            None => return start,
        }
    }
    start
}

/// Where the title ends at the latest: at the first mark behind a word that is none.
fn title_end(text: &Text<'_>, marks: &[Mark], begin: usize) -> usize {
    let mut has_word = false;
    for token in text.tokens.iter().filter(|token| token.start >= begin) {
        // Writing without spaces.
        if let Some(mark) = marks.iter().find(|mark| mark.start > token.start && mark.start < token.end) {
            return mark.start;
        }
        let marked = marks.iter().find(|mark| (mark.start..mark.end).contains(&token.start));
        match marked {
            Some(mark) if has_word => {
                return mark.bracket.filter(|open| *open > 0).unwrap_or(mark.start).min(mark.start);
            }
            Some(_) => {}
            None => has_word = true,
        }
    }
    text.raw.len()
}

/// The words between, as people write a title.
fn title(text: &Text<'_>, start: usize, end: usize, marks: &[Mark]) -> String {
    let words = text.tokens.iter().filter(|token| token.start >= start && token.start < end);
    let mut title = String::new();
    let mut last_end = None;
    for token in words {
        if marks.iter().any(|mark| (mark.start..mark.end).contains(&token.start)) {
            continue;
        }
        if let Some(last_end) = last_end {
            // A dash with room, or a bracket, begins something else.
            let is_new = token.is_after_dash || token.bracket.is_some();
            if is_new {
                break;
            }
            title.push_str(&joint(
                text.raw.get(last_end..token.start).unwrap_or_default(),
                &title,
                text.written(*token),
            ));
        }
        title.push_str(text.written(Token { end: token.end.min(end), ..*token }));
        last_end = Some(token.end);
    }
    // The last dot of an acronym belongs to it.
    if let Some(last_end) = last_end
        && is_acronym(&title)
        && text.raw.get(last_end..).is_some_and(|rest| rest.starts_with('.'))
    {
        title.push('.');
    }
    with_article_first(title.trim().to_owned())
}

fn is_acronym(title: &str) -> bool {
    let last = title.rsplit(' ').next().unwrap_or_default();
    last.contains('.') && last.split('.').all(|letter| letter.chars().count() == 1)
}

/// What stands between two words of a title.
fn joint(gap: &str, before: &str, after: &str) -> String {
    let last = before.rsplit([' ', '.']).next().unwrap_or_default();
    let is_letter = |word: &str| word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    if gap == "."
        && is_letter(last)
        && is_letter(after)
        && last.chars().all(char::is_uppercase) == after.chars().all(char::is_uppercase)
    {
        return ".".to_owned();
    }
    match gap {
        "-" => "-".to_owned(),
        "." | "_" | " " => " ".to_owned(),
        _ => {
            let kept: String = gap.chars().filter(|c| matches!(c, ',' | ':' | ';' | '/' | '+')).take(1).collect();
            format!("{kept} ")
        }
    }
}

/// `Simpsons, The` is `The Simpsons`.
fn with_article_first(title: String) -> String {
    for article in ["The", "the", "A", "An", "Le", "La", "Les", "Der", "Die", "Das"] {
        if let Some(rest) = title.strip_suffix(article).and_then(|rest| rest.strip_suffix(", ")) {
            return format!("{article} {rest}");
        }
    }
    title
}

/// Who made it: what is left behind the last technical word, or behind the last dash.
fn trailing_group(text: &Text<'_>, marks: &[Mark]) -> String {
    let is_marked = |token: &Token| marks.iter().any(|mark| mark.end > token.start && mark.start <= token.start);
    let has_marks = marks.iter().any(|mark| mark.fact.is_technical() || mark.fact.is_numbering());
    let Some(at) = text.tokens.iter().rposition(|token| token.bracket.is_none()).filter(|_| has_marks) else {
        return String::new();
    };
    let Some(last) = text.tokens.get(at).filter(|token| !is_marked(token)) else { return String::new() };
    // One name may be written with dashes.
    let mut start = last.start;
    for token in text.tokens.iter().take(at).rev() {
        let is_joined = text.raw.get(token.end..start) == Some("-");
        if is_marked(token) || !is_joined || token.bracket.is_some() {
            break;
        }
        start = token.start;
    }
    let before = text.tokens.iter().rev().find(|token| token.start < start);
    let is_behind_technical =
        before.is_some_and(is_marked) && marks.iter().any(|mark| mark.start < start && mark.fact.is_technical());
    let is_dashed = text.raw.get(..start).is_some_and(|before| before.ends_with('-'));
    if !is_dashed && !is_behind_technical {
        return String::new();
    }
    text.raw.get(start..last.end).unwrap_or_default().to_owned()
}
