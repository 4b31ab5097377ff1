//! Works and releases as text for a terminal.

use super::{counted, size, text};
use serde_json::Value;
use std::fmt::Write as _;

fn heading(value: &Value) -> String {
    let title = if text(&value["title"]).is_empty() { text(&value["work"]) } else { text(&value["title"]) };
    let year = value["year"].as_u64().map(|year| format!(" ({year})")).unwrap_or_default();
    format!("{title}{year}  {}", text(&value["work"]))
}

/// What stands below releases that came out of the dark.
const BY_STRANGERS: &str =
    "  CAREFUL: nobody whom you trust lists this. Strangers say what it is, and anybody can say so.\n";

/// Most listers of a release that a line names: those I trust most.
const LISTERS_SHOWN_MAX: usize = 3;

fn release(value: &Value) -> String {
    let mut line = format!(
        "  {:<10} {:+.2}  {:>9}  {:<6} {}\n             {}",
        text(&value["band"]),
        value["score"].as_f64().unwrap_or_default(),
        size(value["size"].as_u64().unwrap_or_default()),
        text(&value["resolution"]),
        text(&value["name"]),
        text(&value["infohash"]),
    );
    let listers: Vec<&str> = value["listed_by"]
        .as_array()
        .into_iter()
        .flatten()
        .take(LISTERS_SHOWN_MAX)
        .map(|lister| if text(&lister["name"]).is_empty() { text(&lister["key"]) } else { text(&lister["name"]) })
        .collect();
    let total = value["listers"].as_u64().unwrap_or_default();
    let more = total.saturating_sub(listers.len() as u64);
    let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let _ = writeln!(line, "  listed by {}{and_more}", listers.join(", "));
    if let Some(sentence) = received(value, listers.first().copied().unwrap_or_default(), total) {
        let _ = writeln!(line, "             {sentence}");
    }
    let made = made(value);
    if !made.is_empty() {
        let _ = writeln!(line, "             {made}");
    }
    for flag in value["flags"].as_array().into_iter().flatten() {
        let _ = writeln!(line, "             CAREFUL: {}", text(&flag["message"]));
    }
    if value["pack"] == true && value["refused"] == false && value["flags"].to_string().contains("\"unsafe\":true") {
        line.push_str("             get leaves out what may do harm\n");
    }
    if value["web_seeds"].as_array().is_some_and(|seeds| !seeds.is_empty()) {
        line.push_str(
            "             web seeds: in its magnet link for other programs; this node fetches from peers only\n",
        );
    }
    line
}

/// What I and people whom I trust received of whoever lists a release; nothing where nobody did.
fn received(value: &Value, lister: &str, listers: u64) -> Option<String> {
    let figures = &value["received_from_lister"];
    let number = |name: &str| figures[name].as_u64().unwrap_or_default();
    let (mine, others, people) = (number("by_me"), number("by_trusted_28d"), number("trusted_people"));
    let followed = if value["listed_by"][0]["followed"] == true { ", whom you follow" } else { "" };
    let among = match listers {
        0 | 1 => String::new(),
        2 => " and 1 other".into(),
        more => format!(" and {} others", more - 1),
    };
    let received = match people {
        0 => None,
        1 => Some(format!("1 person you trust received {} from them in the last four weeks", size(others))),
        _ => Some(format!("{people} people you trust received {} from them in the last four weeks", size(others))),
    };
    let own = (mine > 0).then(|| format!("you received {} from them", size(mine)));
    let clauses: Vec<String> = own.into_iter().chain(received).collect();
    (!clauses.is_empty()).then(|| format!("Listed by {lister}{followed}{among}; {}", clauses.join(", and ")))
}

/// How a release was made: what its listing says, or its name.
fn made(value: &Value) -> String {
    let one = |name: &str| Some(text(&value[name]).to_owned()).filter(|text| !text.is_empty());
    let many = |name: &str, label: &str| {
        let all: Vec<&str> = value[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        (!all.is_empty()).then(|| format!("{label}{}", all.join(", ")))
    };
    let parts = [
        one("medium"),
        one("video_codec"),
        many("audio_codecs", ""),
        many("languages", "in "),
        many("subtitles", "subtitles in "),
        one("licence"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// A work with its releases.
pub(super) fn show(value: &Value) -> String {
    let mut out = format!("{}\n", heading(value));
    if !text(&value["overview"]).is_empty() {
        let _ = writeln!(out, "{}", text(&value["overview"]));
    }
    let releases = value["releases"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (hidden, shown): (Vec<&Value>, Vec<&Value>) = releases.iter().partition(|r| r["band"] == "distrusted");
    for one in &shown {
        out.push_str(&release(one));
    }
    if !shown.is_empty() && shown.iter().all(|release| release["band"] == "unknown") {
        out.push_str(BY_STRANGERS);
    }
    if shown.is_empty() {
        out.push_str("No release found: follow a curator who lists it.\n");
    }
    if !hidden.is_empty() {
        let _ = writeln!(out, "  {} distrusted hidden (--json shows them)", hidden.len());
    }
    out
}

/// A work in the answer to a search.
pub(super) fn found(value: &Value) -> String {
    let starter = if value["best"]["starter"] == true { ", from the starter catalogue" } else { "" };
    format!(
        "{:<10} {:+.2}  {}  ({}{starter})\n",
        text(&value["band"]),
        value["score"].as_f64().unwrap_or_default(),
        heading(value),
        counted(&value["releases"], "release")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_only_strangers_list_is_told_with_a_warning() {
        let work = |bands: &[&str]| {
            let releases: Vec<Value> =
                bands.iter().map(|band| json!({ "band": band, "score": 0.0, "name": "x", "listed_by": [] })).collect();
            show(&json!({ "work": "imdb:tt1254207", "title": "Big Buck Bunny", "releases": releases }))
        };
        for bands in [&["unknown"][..], &["unknown", "unknown"], &["distrusted", "unknown"]] {
            assert!(work(bands).contains("nobody whom you trust"), "{bands:?}");
        }
        for bands in [&["trusted", "unknown"][..], &["vouched"], &["distrusted"], &[]] {
            assert!(!work(bands).contains("nobody whom you trust"), "{bands:?}");
        }
    }

    #[test]
    fn a_release_says_what_trusted_people_received_of_its_lister() {
        let release = |me: u64, others: u64, people: u64, listers: u64| {
            let from = json!({ "by_me": me, "by_trusted_28d": others, "trusted_people": people });
            let lister = json!({ "key": "did:key:z6Mk", "name": "Alice", "followed": true });
            super::release(&json!({ "listed_by": [lister], "listers": listers, "received_from_lister": from }))
        };
        let shown = release(0, 12 << 30, 3, 1);
        let sentence =
            "Listed by Alice, whom you follow; 3 people you trust received 12.0 GiB from them in the last four weeks";
        assert!(shown.contains(sentence), "{shown}");
        let shown = release(5 << 20, 2 << 20, 1, 3);
        assert!(
            shown.contains("Alice, whom you follow and 2 others; you received 5.0 MiB from them, and 1 person"),
            "{shown}"
        );
        assert!(!release(0, 0, 0, 1).contains("from them"), "nothing where nobody did");
    }
}
