//! An explanation as text and as a Graphviz picture.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Most ignored voices in a picture; the text lists all that came.
const DRAWN_IGNORED_MAX: usize = 20;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

/// Four significant digits with a sign, however small: what counts little must not look like nothing.
#[must_use]
pub fn significant(number: f64) -> String {
    match number.abs() {
        0.0 => "0".into(),
        size if size < 1e-3 => format!("{number:+.3e}"),
        size if size < 1.0 => format!("{number:+.5}"),
        _ => format!("{number:+.3}"),
    }
}

/// Weight of a vote, below zero where it is against.
fn signed(because: &Value) -> f64 {
    let weight = number(&because["weight"]);
    if because["against"] == true { -weight } else { weight }
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.001 { "<0.1 %".into() } else { format!("{:.1} %", share * 100.0) }
}

/// For people.
#[must_use]
pub fn as_text(why: &Value) -> String {
    let mut out = format!(
        "{}\n  {} (score {}, declared support {:.4}, scope {}, preset {})\n",
        text(&why["subject"]),
        text(&why["band"]),
        significant(number(&why["score"])),
        number(&why["support"]),
        text(&why["scope"]),
        text(&why["preset"]),
    );
    out.push_str(&super::text::stale("  ", why));
    if why["head_is_stale"] == true {
        out.push_str("; its owner may be away, or somebody keeps what is newer from you\n");
    }
    for because in list(&why["because"]) {
        let share = number(&because["share"]);
        let share = if share > 0.0 { percent(share) } else { "–".into() };
        let (kind, weight) = (text(&because["kind"]), significant(signed(because)));
        let _ = writeln!(out, "  {kind:<12} {weight:>10} {share:>8}  {}", text(&because["note"]));
        let path: Vec<&str> = list(&because["path"]).map(text).collect();
        if path.len() > 1 {
            let _ = writeln!(out, "               by way of {}", path.join(" → "));
        }
    }
    let rest = 1.0 - number(&why["explained"]);
    if number(&why["explained"]) > 0.0 && rest > 1e-9 {
        let _ = writeln!(out, "  {:<12} {:>10} {:>8}  many small voices together", "others", "", percent(rest));
    }
    for ignored in list(&why["ignored"]) {
        let _ = writeln!(out, "  ignored      {}: {}", text(&ignored["key"]), text(&ignored["reason"]));
    }
    if why["ignored_more"].as_u64() > Some(0) {
        let _ = writeln!(out, "  ignored      and {} more", why["ignored_more"]);
    }
    let _ = writeln!(out, "  {}", text(&why["arithmetic"]));
    out
}

/// A string of the DOT language: in double quotes, with quotes and backslashes escaped and line breaks as `\n`.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// As a Graphviz picture: paths from the roots to the voters, what each vote weighs and which share of the score it
/// makes, and dashed what was ignored.
#[must_use]
pub fn as_dot(why: &Value) -> String {
    let mut out = String::from("digraph why {\n  rankdir=LR;\n  node [shape=ellipse];\n");
    let subject = text(&why["subject"]);
    let about = format!("{subject}\n{}, score {}", text(&why["band"]), significant(number(&why["score"])));
    let _ = writeln!(out, "  {} [shape=box, label={}];", quoted(subject), quoted(&about));
    let mut steps = BTreeSet::new();
    for because in list(&why["because"]) {
        let path: Vec<&str> = list(&because["path"]).map(text).collect();
        // A path is drawn once, however many votes come along it.
        for pair in path.windows(2).filter(|pair| steps.insert((pair[0], pair[1]))) {
            let _ = writeln!(out, "  {} -> {};", quoted(pair[0]), quoted(pair[1]));
        }
        let Some(voter) = path.last() else { continue };
        let (share, kind) = (number(&because["share"]), text(&because["kind"]));
        let share = if share > 0.0 { format!("\n{} of it", percent(share)) } else { String::new() };
        let label = quoted(&format!("{kind} {}{share}", significant(signed(because))));
        let colour = if because["against"] == true { "red" } else { "darkgreen" };
        let _ = writeln!(out, "  {} -> {} [color={colour}, label={label}];", quoted(voter), quoted(subject));
    }
    for ignored in list(&why["ignored"]).take(DRAWN_IGNORED_MAX) {
        let (key, reason) = (quoted(text(&ignored["key"])), quoted(&format!("ignored: {}", text(&ignored["reason"]))));
        let _ = writeln!(out, "  {key} -> {} [style=dashed, color=gray, label={reason}];", quoted(subject));
    }
    let _ = writeln!(out, "  labelloc=b;\n  label={};\n}}", quoted(text(&why["arithmetic"])));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn why() -> Value {
        json!({
            "subject": "a \"work\" \\ with\nodd letters", "band": "vouched", "score": 0.25, "support": 0.2,
            "scope": "catalogue", "preset": "strict", "explained": 0.97, "ignored_more": 3,
            "because": [
                { "path": ["me", "alice", "bob"], "weight": 3e-7, "share": 0.9, "against": false, "kind": "listing",
                  "note": "Bob \"the bear\" lists it" },
                { "path": ["me", "alice", "carol"], "weight": 0.01, "share": 0.07, "against": true, "kind": "verdict",
                  "note": "carol found it fake" },
            ],
            "ignored": [{ "key": "eve", "reason": "nobody whom you trust vouches for it" }],
            "arithmetic": "s = 0.25",
        })
    }

    #[test]
    fn tiny_weights_are_told_and_those_against_are_below_zero() {
        let text = as_text(&why());
        for part in ["+3.000e-7", "90.0 %", "-0.01000", "7.0 %", "3.0 %", "me → alice → bob", "and 3 more", "strict"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    /// The strings of a DOT text taken out: what is left must be plain, and every quote must have its partner.
    fn without_strings(dot: &str) -> String {
        let (mut out, mut inside, mut escaped) = (String::new(), false, false);
        for c in dot.chars() {
            match (inside, c) {
                (true, _) if escaped => escaped = false,
                (true, '\\') => escaped = true,
                (_, '"') => {
                    inside = !inside;
                    out.push('S');
                }
                (true, '\n') => panic!("a line break inside a string: {dot}"),
                (true, _) => {}
                (false, c) => out.push(c),
            }
        }
        assert!(!inside, "a string without end: {dot}");
        out.replace("SS", "S")
    }

    #[test]
    fn the_picture_is_valid_whatever_names_hold_and_shows_paths_and_shares() {
        let dot = as_dot(&why());
        for line in without_strings(&dot).lines().map(str::trim) {
            let is_known = ["digraph why {", "}", "rankdir=LR;", "labelloc=b;", "label=S;", "node [shape=ellipse];"]
                .contains(&line)
                || ["S -> S;", "S [shape=box, label=S];", "S -> S [style=dashed, color=gray, label=S];"]
                    .contains(&line)
                || ["red", "darkgreen"].iter().any(|colour| line == format!("S -> S [color={colour}, label=S];"));
            assert!(is_known, "{line} in {dot}");
        }
        assert_eq!(dot.matches("\"me\" -> \"alice\"").count(), 1, "a common step is drawn once");
        assert!(dot.contains("90.0 % of it") && dot.contains("\\\"work\\\" \\\\ with\\nodd"), "{dot}");
        assert!(dot.contains("ignored: nobody"), "{dot}");
    }
}
