//! Whether what the page writes and draws stands out from its ground, by the style sheet itself (WCAG 2.2, 1.4.3 and 1.4.11):
//! text by 4.5 to 1, large text, borders of what is pressed or typed into, focus rings and bars by 3 to 1.

use std::collections::{BTreeMap, BTreeSet};

const SHEET: &str = include_str!("assets/page.css");
/// Text of the usual size.
const TEXT_MIN: f64 = 4.5;
/// Large or bold text, and what is no text but must be seen.
const SEEN_MIN: f64 = 3.0;
/// What things stand on: the page, panels, buttons and notices.
const GROUNDS: [&str; 4] = ["bg", "raised", "raised-2", "bad-bg"];

/// What is written on which grounds.
const TEXTS: [(&str, &[&str]); 11] = [
    ("text", &GROUNDS),
    ("faint", &GROUNDS),
    ("link", &GROUNDS),
    ("good", &["bg", "raised", "raised-2"]),
    ("vouched", &["bg", "raised", "raised-2"]),
    ("earned", &["bg", "raised", "raised-2"]),
    ("unknown", &["bg", "raised", "raised-2"]),
    ("bad", &GROUNDS),
    ("accent-text", &["accent"]),
    // What is chosen among others, and what is said for a moment.
    ("bg", &["text"]),
    // The skip link stands over anything, on its own ground.
    ("text", &["bg"]),
];

/// What is drawn on which grounds: borders of fields and buttons, rings around what has the focus, bars, marks.
const DRAWN: [(&str, &[&str]); 4] = [
    ("line-strong", &GROUNDS),
    ("focus", &GROUNDS),
    ("accent", &["bg", "raised", "raised-2"]),
    ("earned", &["raised-2"]),
];

/// Colours that only set parts of the page off from each other, which spacing does as well: nothing depends on seeing them.
const DECORATION: [&str; 1] = ["line"];

type Colours = BTreeMap<String, [u8; 3]>;

fn colour(text: &str) -> Option<[u8; 3]> {
    let digits = text.trim().strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    Some([part(0)?, part(2)?, part(4)?])
}

/// The colours that a rule names, such as `--bg: #12100e`.
fn named(rule: &str) -> Colours {
    let pairs = rule.split(';').filter_map(|line| line.trim().strip_prefix("--")?.split_once(':'));
    pairs.filter_map(|(name, value)| Some((name.trim().to_owned(), colour(value)?))).collect()
}

/// What stands between the braces behind this selector, and the rest of the sheet.
fn rule<'a>(sheet: &'a str, selector: &str) -> (&'a str, &'a str) {
    let at = sheet.find(selector).unwrap_or_else(|| panic!("{selector} in the style sheet"));
    let inside = &sheet[at + selector.len()..];
    inside.split_once('}').expect("a brace at its end")
}

/// The colours of both schemes; the light one changes some of the dark one's.
fn schemes() -> [(&'static str, Colours); 2] {
    let (dark, rest) = rule(SHEET, ":root {");
    let dark = named(dark);
    let (_, light) = rest.split_once("@media (prefers-color-scheme: light)").expect("a light scheme");
    let changed = named(rule(light, ":root {").0);
    let names: BTreeSet<&String> = dark.keys().collect();
    assert_eq!(names, changed.keys().collect(), "a scheme names every colour of the other");
    let light = dark.clone().into_iter().chain(changed).collect();
    [("dark", dark), ("light", light)]
}

/// Relative luminance, as WCAG 2.2 defines it.
fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The colours of the drawn posters and of the plot, by their class.
fn hues() -> Vec<(String, Colours)> {
    let parts = SHEET.split(".hue-").skip(1);
    let all: Vec<_> = parts
        .filter_map(|part| {
            let (name, rest) = part.split_once(" {")?;
            Some((name.to_owned(), named(rest.split_once('}')?.0)))
        })
        .collect();
    assert_eq!(all.len(), 13, "twelve hues, and one for the rest");
    all
}

#[test]
fn contrast_is_that_of_the_standard() {
    let (white, black) = ([255; 3], [0; 3]);
    assert!((contrast(white, black) - 21.0).abs() < 1e-9 && (contrast(white, white) - 1.0).abs() < 1e-9);
    // A pair that is known for just failing, and the next one that passes.
    assert!(contrast(colour("#777777").expect("grey"), white) < TEXT_MIN);
    assert!(contrast(colour("#767676").expect("grey"), white) > TEXT_MIN);
}

#[test]
fn every_text_and_every_control_stands_out_in_both_schemes() {
    let mut weak = Vec::new();
    for (scheme, colours) in schemes() {
        for (pairs, least) in [(&TEXTS[..], TEXT_MIN), (&DRAWN[..], SEEN_MIN)] {
            for (front, grounds) in pairs {
                for ground in *grounds {
                    let ratio = contrast(colours[*front], colours[*ground]);
                    if ratio < least {
                        weak.push(format!("{scheme}: {front} on {ground}: {ratio:.2}, not {least}"));
                    }
                }
            }
        }
        for (hue, of) in hues() {
            for ground in ["h1", "h2"] {
                let ratio = contrast([255; 3], of[ground]);
                if ratio < TEXT_MIN {
                    weak.push(format!("{scheme}: the title printed on {hue} {ground}: {ratio:.2}"));
                }
            }
            let ratio = contrast(of["h3"], colours["raised"]);
            if ratio < SEEN_MIN {
                weak.push(format!("{scheme}: the bars of {hue}: {ratio:.2}"));
            }
        }
    }
    assert!(weak.is_empty(), "{weak:#?}");
}

#[test]
fn no_colour_is_used_that_is_not_looked_at_here() {
    let [(_, colours), _] = schemes();
    let known = TEXTS.iter().chain(&DRAWN).flat_map(|(front, grounds)| grounds.iter().chain([front]));
    let known: BTreeSet<&str> = known.copied().chain(DECORATION).collect();
    let named: BTreeSet<&str> = colours.keys().map(String::as_str).collect();
    assert_eq!(named, known);
    // Beyond the lists above only white and black stand in the rules: on posters, and of the code that telephones read.
    let (_, rules) = SHEET.split_once("* { box-sizing").expect("rules behind the colours");
    for (at, _) in rules.match_indices('#') {
        let word: String = rules[at + 1..].chars().take_while(char::is_ascii_alphanumeric).collect();
        let line_start = rules[..at].rfind('\n').map_or(0, |start| start + 1);
        let is_hue = rules[line_start..at].contains("--h");
        let is_colour = [3, 6, 8].contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_value = rules[..at].ends_with([' ', ':']) && rules[..at].trim_end().ends_with(':');
        assert!(!is_colour || !is_value || is_hue || ["fff", "000"].contains(&word.as_str()), "#{word} in a rule");
    }
}
