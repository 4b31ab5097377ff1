//! How well a work fits what was typed.

use super::question::Word;
use super::{Question, is_dense};

/// The relevance of a title that is exactly what was typed.
pub const RELEVANCE_MAX: u16 = 1000;

/// What a word counts that stands in the title as it was typed.
const EXACT: f64 = 1.0;
/// That is the year of the work.
const YEAR: f64 = 0.95;
/// That is the beginning of a word of the title.
const BEGINNING: f64 = 0.8;
/// That differs from one by a slip.
const SLIP: f64 = 0.5;
/// That is no word of the title, but of somebody who made it, or its genre.
const BESIDE: f64 = 0.45;
/// The part that does not depend on how much of the title was typed.
const WITHOUT_COVERAGE: f64 = 0.55;
/// What a name of a release counts beside a title.
const BY_RELEASE: f64 = 0.5;

/// What is known of a work, folded: all of it by one author.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Titles, its own first. Words that are also found joined stand joined behind the title, after a tab.
    pub titles: Vec<String>,
    /// People and genres, as words.
    pub beside: String,
    /// Year.
    pub year: Option<u32>,
    /// Whether the titles are only read from the name of a release.
    pub is_by_release: bool,
}

/// How many letters of a word may be wrong. None of a short one, or everything would be found.
#[must_use]
pub fn typos_allowed(letters: usize) -> u8 {
    match letters {
        0..=4 => 0,
        5..=8 => 1,
        _ => 2,
    }
}

/// 0…[`RELEVANCE_MAX`]: how well this fits the question. 0: no word of it does.
#[must_use]
pub fn relevance(question: &Question, text: &Text) -> u16 {
    if question.words.is_empty() {
        return 0;
    }
    let best = text.titles.iter().map(|title| of_title(question, title, text)).fold(0.0, f64::max);
    let best = if text.titles.is_empty() { of_title(question, "", text) } else { best };
    let best = if text.is_by_release { best * BY_RELEASE } else { best };
    // At most 1, and not negative.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and 1000")]
    let thousandths = (best.clamp(0.0, 1.0) * f64::from(RELEVANCE_MAX)).round() as u16;
    thousandths
}

fn of_title(question: &Question, title: &str, text: &Text) -> f64 {
    let (shown, joined) = title.split_once('\t').unwrap_or((title, ""));
    if shown == question.folded {
        return 1.0;
    }
    let (mut sum, mut fitting, mut covered) = (0.0, 0.0, 0.0);
    for word in &question.words {
        let (value, letters) = of_word(word, shown, joined, text);
        sum += value;
        fitting += f64::from(u8::from(value > 0.0));
        covered += letters;
    }
    #[allow(clippy::cast_precision_loss, reason = "a title has a few hundred letters, a question a few words")]
    let (count, letters) = (question.words.len() as f64, shown.chars().filter(|c| *c != ' ').count() as f64);
    let coverage = if letters > 0.0 { (covered / letters).min(1.0) } else { 0.0 };
    let share = fitting / count;
    // A word that fits nowhere costs more than its part.
    (sum / count) * share * (WITHOUT_COVERAGE + (0.98 - WITHOUT_COVERAGE) * coverage)
}

/// What a word counts, and how many letters of the title it covers.
fn of_word(word: &Word, title: &str, joined: &str, text: &Text) -> (f64, f64) {
    let whole = word.chunk.joined.as_deref();
    let (mut sum, mut covered) = (0.0, 0.0);
    for piece in &word.chunk.pieces {
        let (value, letters) = of_piece(piece, title, joined, text);
        sum += value;
        covered += letters;
    }
    #[allow(clippy::cast_precision_loss, reason = "a word has a few pieces")]
    let apart = (sum / word.chunk.pieces.len().max(1) as f64, covered);
    let best = match whole {
        Some(whole) => {
            let joined = of_piece(whole, title, joined, text);
            if joined.0 > apart.0 { joined } else { apart }
        }
        None => apart,
    };
    if word.year.is_some() && word.year == text.year && best.0 < YEAR { (YEAR, 0.0) } else { best }
}

fn of_piece(piece: &str, title: &str, joined: &str, text: &Text) -> (f64, f64) {
    #[allow(clippy::cast_precision_loss, reason = "at most 40 letters")]
    let length = |word: &str| word.chars().count() as f64;
    if piece.chars().next().is_some_and(is_dense) {
        // Several letters, each found alone, are not what was typed, but near.
        return if title.contains(piece) {
            (EXACT, length(piece))
        } else if piece.chars().all(|c| title.contains(c)) {
            (SLIP, 0.0)
        } else if text.beside.contains(piece) {
            (BESIDE, 0.0)
        } else {
            (0.0, 0.0)
        };
    }
    let mut best = (0.0, 0.0);
    for have in title.split(' ').chain(joined.split(' ')).filter(|have| !have.is_empty()) {
        if have == piece {
            return (EXACT, length(piece));
        }
        let value = if have.starts_with(piece) {
            (BEGINNING + 0.1 * length(piece) / length(have), length(piece))
        } else if is_slip(piece, have) {
            (SLIP, length(piece) * 0.5)
        } else {
            continue;
        };
        if value.0 > best.0 {
            best = value;
        }
    }
    let is_beside = |have: &str| have == piece || (piece.len() > 2 && have.starts_with(piece));
    if best.0 < BESIDE && text.beside.split(' ').any(is_beside) {
        return (BESIDE, 0.0);
    }
    if best.0 <= 0.0 && text.beside.split(' ').any(|have| is_slip(piece, have)) {
        return (BESIDE / 2.0, 0.0);
    }
    best
}

/// Whether one is the other, or the beginning of it, but for a slip or two: a letter too many, too few, another, or two
/// that changed places.
fn is_slip(typed: &str, have: &str) -> bool {
    let typed: Vec<char> = typed.chars().collect();
    let allowed = usize::from(typos_allowed(typed.len()));
    if allowed == 0 {
        return false;
    }
    let have: Vec<char> = have.chars().take(typed.len() + allowed).collect();
    if have.len() + allowed < typed.len() {
        return false;
    }
    // Distances of what was typed to each beginning of the other (Damerau and Levenshtein, neighbours only).
    let width = typed.len() + 1;
    let mut rows: Vec<Vec<usize>> = vec![(0..width).collect()];
    let mut least = usize::MAX;
    for (y, b) in have.iter().enumerate() {
        let mut row = vec![y + 1; width];
        for (x, a) in typed.iter().enumerate() {
            let substituted = rows[y][x] + usize::from(a != b);
            let mut cost = substituted.min(row[x] + 1).min(rows[y][x + 1] + 1);
            if x > 0 && y > 0 && typed[x - 1] == *b && *a == have[y - 1] {
                cost = cost.min(rows[y - 1][x - 1] + 1);
            }
            row[x + 1] = cost;
        }
        least = least.min(row[width - 1]);
        rows.push(row);
    }
    least <= allowed
}

#[cfg(test)]
mod tests {
    use super::super::folded;
    use super::*;

    fn text(titles: &[&str], beside: &str, year: u32) -> Text {
        Text {
            titles: titles.iter().map(|title| folded(title)).collect(),
            beside: folded(beside),
            year: Some(year),
            is_by_release: false,
        }
    }

    fn of(question: &str, text: &Text) -> u16 {
        relevance(&Question::read(question), text)
    }

    #[test]
    fn the_better_a_title_fits_the_higher_it_stands() {
        let amelie =
            text(&["Le Fabuleux Destin d'Amélie Poulain", "Amelie from Montmartre"], "Jean-Pierre Jeunet comedy", 2001);
        let order = ["le fabuleux destin d'amelie poulain", "amelie montmartre", "amelie", "amel", "amelei", "jeunet"];
        let values: Vec<u16> = order.iter().map(|question| of(question, &amelie)).collect();
        assert!(values.windows(2).all(|pair| pair[0] > pair[1]), "{values:?}");
        assert_eq!(values[0], RELEVANCE_MAX);
        assert!(values.last().is_some_and(|last| *last > 0));
        assert!(of("amelie 2001", &amelie) > of("amelie 2002", &amelie));
        assert_eq!(of("sintel", &amelie), 0);
        let (short, long) = (text(&["Alien"], "", 1979), text(&["Alien Resurrection"], "", 1997));
        assert!(of("alien", &short) > of("alien", &long));
        assert!(of("aliens", &short) > 0 && of("alein", &short) > 0 && of("alen", &short) == 0);
    }

    #[test]
    fn scripts_without_spaces_are_found_by_their_parts() {
        let film = text(&["千と千尋の神隠し"], "宮崎駿", 2001);
        assert_eq!(of("千と千尋の神隠し", &film), RELEVANCE_MAX);
        assert!(of("千尋", &film) > of("隠神", &film));
        assert!(of("宮崎", &film) > 0);
        assert_eq!(of("東京", &film), 0);
    }

    #[test]
    fn slips_are_forgiven_in_longer_words_only() {
        for (typed, have) in [
            ("sintle", "sintel"),
            ("sintl", "sintel"),
            ("sinttel", "sintel"),
            ("sxntel", "sintel"),
            ("sitnel", "sintel"),
            ("kubrik", "kubrick"),
            ("schwarzeneger", "schwarzenegger"),
            ("xintel", "sintel"),
        ] {
            assert!(is_slip(typed, have), "{typed} {have}");
        }
        for (typed, have) in
            [("up", "us"), ("fire", "hire"), ("sintel", "santal"), ("alien", "a"), ("abcdefgh", "abcdxyzh")]
        {
            assert!(!is_slip(typed, have), "{typed} {have}");
        }
    }
}
