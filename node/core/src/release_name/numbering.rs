//! Which part of a series a release is: seasons, episodes, dates, years, and numbers that may be one of these.

use super::facts::{Fact, Strength};
use super::text::{Scan, is_of_word};
use Strength::{Sure, Weak};

/// Most seasons or episodes that one range stands for: more than a season has, few enough to write out.
pub(super) const RANGE_MAX: u32 = 400;

/// Years that a release may be of. Films begin before 1900, but numbers below it are mostly something else.
const YEARS: std::ops::RangeInclusive<u32> = 1900..=2039;

/// Words for a season. Longer ones before those that they begin with.
const SEASON_WORDS: [&str; 26] = [
    "seasons",
    "season",
    "saisons",
    "saison",
    "temporadas",
    "temporada",
    "temps",
    "temp",
    "tem",
    "stagioni",
    "stagione",
    "staffeln",
    "staffel",
    "seizoenen",
    "seizoen",
    "sezonul",
    "sezony",
    "sezon",
    "sæson",
    "säsong",
    "sesong",
    "kausi",
    "évad",
    "сезоны",
    "сезон",
    "シーズン",
];

/// Words for an episode.
const EPISODE_WORDS: [&str; 25] = [
    "episodes",
    "episode",
    "episodio",
    "episodios",
    "episódio",
    "episodul",
    "eps",
    "ep",
    "capitulos",
    "capitulo",
    "capítulo",
    "caps",
    "cap",
    "folgen",
    "folge",
    "afleveringen",
    "aflevering",
    "odcinek",
    "avsnitt",
    "jakso",
    "bölüm",
    "серии",
    "серия",
    "эпизод",
    "épisode",
];

/// Words between a number and how many there are.
const OF_WORDS: [&str; 5] = ["of", "de", "din", "из", "von"];

/// Numbers as words, from one.
const NUMBER_WORDS: [&[&str]; 12] = [
    &["one", "un", "une", "uno"],
    &["two", "deux", "dos"],
    &["three", "trois", "tres"],
    &["four", "quatre", "cuatro"],
    &["five", "cinq", "cinco"],
    &["six", "seis"],
    &["seven", "sept", "siete"],
    &["eight", "huit", "ocho"],
    &["nine", "neuf", "nueve"],
    &["ten", "dix", "diez"],
    &["eleven", "onze", "once"],
    &["twelve", "douze", "doce"],
];

const ROMAN: [&str; 20] = [
    "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv", "xvi", "xvii",
    "xviii", "xix", "xx",
];

const MONTHS: [&[&str]; 12] = [
    &["january", "jan"],
    &["february", "feb"],
    &["march", "mar"],
    &["april", "apr"],
    &["may"],
    &["june", "jun"],
    &["july", "jul"],
    &["august", "aug"],
    &["september", "sept", "sep"],
    &["october", "oct"],
    &["november", "nov"],
    &["december", "dec"],
];

type Read = Option<(Fact, Strength, usize)>;

/// What stands here of numbering.
pub(super) fn read(scan: Scan<'_>) -> Read {
    date(scan)
        .or_else(|| with_letters(scan))
        .or_else(|| crossed(scan))
        .or_else(|| season_in_words(scan))
        .or_else(|| episode_in_words(scan))
        .or_else(|| number_first(scan))
        .or_else(|| disc(scan))
        .or_else(|| year(scan))
        .or_else(|| bare(scan))
}

/// Adds a number, or all up to it.
fn extend(list: &mut Vec<u32>, to: u32, is_range: bool) {
    match list.last() {
        Some(last) if is_range && to > *last && to - last <= RANGE_MAX => list.extend(*last + 1..=to),
        _ if list.contains(&to) || list.len() >= RANGE_MAX as usize => {}
        _ => list.push(to),
    }
}

/// The gap here, at most three characters wide; whether it is a dash.
fn gap(here: &mut Scan<'_>) -> bool {
    let begin = *here;
    here.gap(3);
    begin.rest().get(..here.at - begin.at).is_some_and(|gap| gap.contains(['-', '–', '~']))
}

/// `S01E02`, `s03-e02`, `S01E02-E04`, `S01E02-04`, `S01E02E03`, `S01E01+02`, `S01-S10`, `T02E22`, `S2016E08`.
fn with_letters(scan: Scan<'_>) -> Read {
    let mut here = scan;
    let is_foreign = here.take("t");
    if !is_foreign && !here.take("s") {
        return None;
    }
    let digits = here.digits();
    let mut seasons = vec![here.number(4)?];
    let mut episodes = Vec::new();
    if first_episode(&mut here, &mut episodes) {
        more_episodes(&mut here, &mut seasons, &mut episodes);
        return Some((Fact::Episodes(seasons, episodes), Sure, here.at));
    }
    if is_foreign {
        return None;
    }
    // `S2 - 05`, as groups of translators write it.
    let mut next = here;
    if next.take(" - ")
        && next.digits() == 2
        && let Some(number) = next.number(2)
    {
        skip_version(&mut next);
        if next.is_at_end() {
            return Some((Fact::Episodes(seasons, vec![number]), Sure, next.at));
        }
    }
    // Discs of a season.
    let mut disc = here;
    gap(&mut disc);
    if disc.take("d") && disc.number(2).is_some() {
        while disc.take_any(&["-", "&", "+"]) && disc.number(2).is_some() {}
        here = disc;
    }
    loop {
        let mut next = here;
        let is_range = gap(&mut next);
        let has_letter = next.take("s");
        let is_tight = is_range && next.at == here.at + 1;
        match next.number(2) {
            Some(number) if next.is_at_end() && (has_letter || is_tight) => {
                extend(&mut seasons, number, is_range);
                here = next;
            }
            _ => break,
        }
    }
    let strength = if digits >= 2 { Sure } else { Weak };
    here.is_at_end().then_some((Fact::Seasons(seasons), strength, here.at))
}

/// The first episode behind a season.
fn first_episode(here: &mut Scan<'_>, episodes: &mut Vec<u32>) -> bool {
    let mut next = *here;
    gap(&mut next);
    let has_word = next.take_any(&EPISODE_WORDS);
    if has_word {
        gap(&mut next);
    } else if !next.take_any(&["xe", "e", "x"]) {
        return false;
    }
    let Some(number) = next.number(4) else { return false };
    episodes.push(number);
    *here = next;
    skip_version(here);
    true
}

/// The second cut of an episode, `v2`, is the same episode.
fn skip_version(here: &mut Scan<'_>) {
    let mut next = *here;
    if next.take("v") && next.number(1).is_some() && next.is_at_end() {
        *here = next;
    }
}

fn more_episodes(here: &mut Scan<'_>, seasons: &mut Vec<u32>, episodes: &mut Vec<u32>) {
    loop {
        let mut next = *here;
        let is_range = gap(&mut next);
        let width = next.at - here.at;
        let is_joined = width <= 1 && next.take("&") || here.rest().starts_with('+');
        let begin = next;
        // The season again.
        if next.take("s")
            && let Some(season) = next.number(4)
            && next.take_any(&["e", "x"])
            && let Some(number) = next.number(4)
        {
            if !seasons.contains(&season) {
                seasons.push(season);
            }
            extend(episodes, number, is_range && width == 1);
            *here = next;
            continue;
        }
        next = begin;
        if (next.take_any(&["ep", "e"]) || (width == 0 && next.take("x")))
            && let Some(number) = next.number(4)
            && (next.is_at_end() || next.take_any(&["v2", "v3"]) || next.peek().is_some_and(|c| matches!(c, 'e' | 'x')))
        {
            extend(episodes, number, is_range);
            *here = next;
            continue;
        }
        next = begin;
        let digits = next.digits();
        if (is_joined || (is_range && width == 1))
            && (2..=3).contains(&digits)
            && let Some(number) = next.number(3)
            && next.is_at_end()
            && episodes.last().is_some_and(|last| number > *last && number - last < 100)
        {
            extend(episodes, number, is_range);
            *here = next;
            continue;
        }
        // `S01E01.02`: the very next one.
        next = begin;
        if width == 1
            && here.rest().starts_with('.')
            && digits == 2
            && let Some(number) = next.number(2)
            && next.is_at_end()
            && episodes.last().is_some_and(|last| number == *last + 1)
        {
            extend(episodes, number, false);
            *here = next;
            continue;
        }
        return;
    }
}

/// `1x02`, `04x12`, `5x44x45`, `1x02-03`, `2016x03`.
fn crossed(scan: Scan<'_>) -> Read {
    let mut here = scan;
    let season = here.number(4)?;
    if !here.take_any(&["x", "×"]) {
        return None;
    }
    let episode = here.number(3)?;
    let is_season = season <= 99 || YEARS.contains(&season);
    let goes_on = here.is_at_end() || here.peek() == Some('x') || here.peek() == Some('v');
    if !is_season || !goes_on {
        return None;
    }
    let (mut seasons, mut episodes) = (vec![season], vec![episode]);
    skip_version(&mut here);
    loop {
        let mut next = here;
        let is_range = gap(&mut next);
        // The season again.
        let mut again = next;
        if again.number(2) == Some(season)
            && again.take("x")
            && let Some(number) = again.number(3)
            && again.is_at_end()
        {
            extend(&mut episodes, number, is_range);
            here = again;
            continue;
        }
        if next.take("x")
            && let Some(number) = next.number(3)
            && (next.is_at_end() || next.peek() == Some('x'))
        {
            extend(&mut episodes, number, is_range);
            here = next;
            continue;
        }
        break;
    }
    more_episodes(&mut here, &mut seasons, &mut episodes);
    Some((Fact::Episodes(seasons, episodes), Sure, here.at))
}

/// A number in digits, roman digits or as a word.
fn spoken(here: &mut Scan<'_>) -> Option<u32> {
    if let Some(number) = here.number(4) {
        return here.is_at_end().then_some(number);
    }
    let word: String = here.rest().chars().take(9).take_while(|c| is_of_word(*c)).collect();
    let roman = ROMAN.iter().position(|roman| *roman == word);
    let spoken = NUMBER_WORDS.iter().position(|words| words.contains(&word.as_str()));
    let at = u32::try_from(roman.or(spoken)?).ok()?;
    here.at += word.len();
    Some(at + 1)
}

/// `Season 2`, `Seasons 1-3`, `Season 1 - 4`, `Saison sept`, and an episode behind it.
fn season_in_words(scan: Scan<'_>) -> Read {
    let mut here = scan;
    if !here.take_any(&SEASON_WORDS) {
        return None;
    }
    gap(&mut here);
    let mut seasons = vec![spoken(&mut here).or_else(|| number_before(&mut here, &["x"]))?];
    if !seasons.iter().all(|season| *season <= 100 || YEARS.contains(season)) {
        return None;
    }
    let mut episodes = Vec::new();
    let mut next = here;
    if first_episode(&mut next, &mut episodes) && episodes_end(&next) {
        more_episodes(&mut next, &mut seasons, &mut episodes);
        skip_total(&mut next);
        return Some((Fact::Episodes(seasons, episodes), Sure, next.at));
    }
    loop {
        let mut next = here;
        let is_range = gap(&mut next);
        let joined = ["&", "and", "to", "a"].into_iter().find(|word| {
            let mut behind = next;
            let is_word = behind.take(word) && (behind.gap(1) == 1 || *word == "&");
            if is_word {
                next = behind;
            }
            is_word
        });
        let (is_joined, is_to) = (joined.is_some(), matches!(joined, Some("to" | "a")));
        let is_list = here.rest().starts_with(['.', ',', '+', '_']) && !next.rest().starts_with('0');
        next.take("s");
        match next.number(2) {
            Some(number)
                if next.is_at_end()
                    && (is_joined || is_range || is_list)
                    && seasons.last().is_some_and(|last| number > *last) =>
            {
                extend(&mut seasons, number, is_range || is_to);
                here = next;
            }
            _ => break,
        }
    }
    Some((Fact::Seasons(seasons), Sure, here.at))
}

/// A number that is followed by one of these, which is left.
fn number_before(here: &mut Scan<'_>, after: &[&str]) -> Option<u32> {
    let mut next = *here;
    let number = next.number(4)?;
    let mut behind = next;
    behind.take_any(after).then(|| *here = next)?;
    Some(number)
}

fn episodes_end(here: &Scan<'_>) -> bool {
    here.is_at_end() || here.peek().is_some_and(|c| matches!(c, 'e' | 'x' | '-'))
}

/// How many there are, behind an episode: `of 12`.
fn skip_total(here: &mut Scan<'_>) {
    let mut next = *here;
    gap(&mut next);
    if next.take_any(&OF_WORDS) {
        next.gap(1);
        if next.number(4).is_some() && next.is_at_end() {
            *here = next;
        }
    }
}

/// `Episode 5`, `Ep05-08`, `E623`, `Cap.102` (season 1, episode 2), `Folge 5 von 12`, `#12`.
fn episode_in_words(scan: Scan<'_>) -> Read {
    let mut here = scan;
    let is_packed = here.rest().starts_with("cap") && !here.rest().starts_with("capi");
    let has_word = here.take_any(&EPISODE_WORDS);
    if has_word {
        gap(&mut here);
    } else if here.take("#") || (here.take("e") && here.digits() >= 2) {
    } else {
        return None;
    }
    let digits = here.digits();
    let first = here.number(4)?;
    skip_version(&mut here);
    if !episodes_end(&here) {
        return None;
    }
    if is_packed && digits >= 3 {
        let mut episodes = vec![first % 100];
        let mut next = here;
        if next.take("_")
            && let Some(last) = next.number(4)
            && last / 100 == first / 100
        {
            extend(&mut episodes, last % 100, true);
            here = next;
        }
        return Some((Fact::Episodes(vec![first / 100], episodes), Sure, here.at));
    }
    let mut episodes = vec![first];
    let mut next = here;
    // `Episodes 1-10`; a dash with room around it begins a title.
    if next.take_any(&["-e", "-"])
        && let Some(last) = next.number(4)
        && next.is_at_end()
        && last > first
    {
        extend(&mut episodes, last, true);
        here = next;
    }
    more_episodes(&mut here, &mut Vec::new(), &mut episodes);
    skip_total(&mut here);
    Some((Fact::Episodes(Vec::new(), episodes), Sure, here.at))
}

/// `2nd Season`, `04ª Temporada`, `1 сезон`, `5 серия`, `1of4`.
fn number_first(scan: Scan<'_>) -> Read {
    let mut here = scan;
    let number = here.number(3)?;
    let mut ordinal = here;
    let is_close =
        ordinal.take_any(&["st", "nd", "rd", "th", "ª", "º", "a", "o", "-й", "-я", "-го"]) && ordinal.is_at_end();
    if is_close {
        here = ordinal;
    }
    let mut next = here;
    gap(&mut next);
    if next.take_any(&SEASON_WORDS) && next.is_at_end() && number <= 100 {
        // `Apollo 18 Season 2`: the number before is none, unless an episode follows.
        let mut behind = next;
        gap(&mut behind);
        let has_number = behind.number(2).is_some();
        behind.take_any(&["-й", "-я", "-го"]);
        gap(&mut behind);
        if is_close || !has_number || behind.take_any(&EPISODE_WORDS) || behind.take_any(&["bolum", "rész"]) {
            return Some((Fact::Seasons(vec![number]), Sure, next.at));
        }
        return None;
    }
    let mut next = here;
    next.gap(2);
    if next.take_any(&["серия", "серии", "серий", "bölüm", "bolum", "avsnitt", "jakso", "rész"]) && next.is_at_end()
    {
        skip_total(&mut next);
        return Some((Fact::Episodes(Vec::new(), vec![number]), Sure, next.at));
    }
    let mut next = here;
    next.gap(1);
    if next.take("of") {
        next.gap(1);
        let total = next.number(3)?;
        if next.is_at_end() && number <= total && number > 0 {
            let mut behind = next;
            gap(&mut behind);
            // `1of4.Ep.Title`
            if behind.take("ep") && behind.is_at_end() {
                next = behind;
            }
            return Some((Fact::Episodes(Vec::new(), vec![number]), Sure, next.at));
        }
    }
    None
}

/// Discs and parts of one work: they end its title.
fn disc(scan: Scan<'_>) -> Read {
    let mut here = scan;
    let begin = here;
    if here.take_any(&["cd", "disc", "disk", "dvd", "part", "pt", "vol", "volume", "film", "tome"]) {
        let is_apart = here.gap(1) > 0;
        let mut total = here;
        let is_of_many = total.number(2).is_some() && total.take("of") && total.number(2).is_some();
        if is_of_many {
            here = total;
        }
        // A film or a DVD may be called by a number that follows.
        let is_word = is_apart && (begin.rest().starts_with("film") || begin.rest().starts_with("dvd"));
        let is_disc = (is_of_many || spoken(&mut here).is_some()) && here.is_at_end() && !is_word;
        return is_disc.then_some((Fact::Other, Sure, here.at));
    }
    here.number(1)?;
    here.gap(1);
    (here.take_any(&["cds", "cd", "dvds", "discs"]) && here.is_at_end()).then_some((Fact::Other, Sure, here.at))
}

fn year(scan: Scan<'_>) -> Read {
    let mut here = scan;
    let number = here.number(4).filter(|number| YEARS.contains(number))?;
    here.is_at_end().then_some((Fact::Year(number), Sure, here.at))
}

fn month(here: &mut Scan<'_>) -> Option<u32> {
    let at = MONTHS.iter().position(|names| here.take_any(names))?;
    u32::try_from(at + 1).ok().filter(|_| here.is_at_end())
}

fn as_date(year: u32, month: u32, day: u32, end: Scan<'_>, strength: Strength) -> Read {
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && end.is_at_end();
    is_date.then(|| (Fact::Date(format!("{year:04}-{month:02}-{day:02}")), strength, end.at))
}

/// `2017-06-22`, `20021107`, `22.06.2017`, `09.03.08`, `July 30 2021`, `30 July 2021`.
fn date(scan: Scan<'_>) -> Read {
    let mut here = scan;
    if let Some(month) = month(&mut here) {
        here.gap(1);
        let day = here.number(2)?;
        here.take_any(&["st", "nd", "rd", "th"]);
        here.gap(2);
        let year = here.number(4).filter(|year| YEARS.contains(year))?;
        return as_date(year, month, day, here, Sure);
    }
    let digits = scan.digits();
    let part = |from: usize, to: usize| scan.rest().get(from..to).and_then(|text| text.parse::<u32>().ok());
    if digits == 8 {
        let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
        let end = scan.moved_to(scan.at + 8);
        return if YEARS.contains(&year) { as_date(year, month, day, end, Sure) } else { None };
    }
    let mut here = scan;
    let first = here.number(4)?;
    here.take_any(&["st", "nd", "rd", "th"]);
    let mut spelt = here;
    if spelt.gap(1) == 1
        && let Some(month) = month(&mut spelt)
    {
        spelt.gap(1);
        let year = spelt.number(4).filter(|year| YEARS.contains(year))?;
        return as_date(year, month, first, spelt, Sure);
    }
    // The same character stands between all three.
    let between = here.peek().filter(|c| matches!(c, '.' | '-' | '_' | ' ' | '/' | 'x'))?;
    here.at += between.len_utf8();
    let second = here.number(2)?;
    let (second_end, is_same) = (here, here.peek() == Some(between) || (between == 'x' && here.peek() == Some('.')));
    if !is_same {
        return None;
    }
    here.gap(1);
    let third_digits = here.digits();
    let third = here.number(4)?;
    debug_assert!(second_end.at < here.at, "there is something between");
    if digits == 4 && third_digits <= 2 && YEARS.contains(&first) {
        return as_date(first, second, third, here, Sure);
    }
    if digits <= 2 && third_digits == 4 && YEARS.contains(&third) {
        let (month, day) = if second > 12 { (first, second) } else { (second, first) };
        return as_date(third, month, day, here, Sure);
    }
    if digits == 2 && third_digits == 2 && second_end.at == scan.at + 5 && between != ' ' {
        return as_date(2000 + third, second, first, here, Weak)
            .or_else(|| as_date(2000 + first, second, third, here, Weak));
    }
    None
}

/// A number of one to four digits that stands alone.
fn bare(scan: Scan<'_>) -> Read {
    let mut here = scan;
    let digits = here.digits();
    let number = here.number(4)?;
    skip_version(&mut here);
    here.is_at_end().then_some((Fact::Number(number, digits), Weak, here.at))
}

/// `第2季`, `第十一集`, `第3話`: season and episode in Chinese and Japanese, wherever they stand.
pub(super) fn east_asian(text: &str) -> Option<(Vec<u32>, Vec<u32>, usize, usize)> {
    let (mut seasons, mut episodes, mut span) = (Vec::new(), Vec::new(), None::<(usize, usize)>);
    for (at, _) in text.match_indices('第').take(4) {
        let rest = text.get(at + '第'.len_utf8()..).unwrap_or_default();
        let digits: String = rest.chars().take(5).take_while(|c| numeral(*c).is_some() || *c == '十').collect();
        let Some(number) = numerals(&digits) else { continue };
        let behind = rest.get(digits.len()..).unwrap_or_default().chars().find(|c| *c != ' ');
        match behind {
            Some('季' | '期' | '部') => seasons.push(number),
            Some('集' | '话' | '話' | '回') => episodes.push(number),
            _ => continue,
        }
        let end = at + '第'.len_utf8() + digits.len() + '集'.len_utf8();
        span = Some((span.map_or(at, |(start, _)| start), end));
    }
    let (start, end) = span?;
    Some((seasons, episodes, start, end))
}

fn numeral(c: char) -> Option<u32> {
    c.to_digit(10).or_else(|| {
        let at = "零一二三四五六七八九".chars().position(|numeral| numeral == c)?;
        u32::try_from(at).ok()
    })
}

fn numerals(text: &str) -> Option<u32> {
    match text.split_once('十') {
        None => text.chars().try_fold(0_u32, |sum, c| Some(sum * 10 + numeral(c)?)).filter(|_| !text.is_empty()),
        Some((tens, ones)) => {
            let digit = |part: &str, empty: u32| {
                let mut all = part.chars();
                match (all.next(), all.next()) {
                    (None, _) => Some(empty),
                    (Some(one), None) => numeral(one),
                    _ => None,
                }
            };
            Some(digit(tens, 1)? * 10 + digit(ones, 0)?)
        }
    }
}
