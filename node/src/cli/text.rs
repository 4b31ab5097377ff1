//! Answers as text for people. Scripts use `--json`.

mod works;

use super::why;
use crate::page::readable;
use serde_json::Value;
use std::fmt::Write as _;
use works::{found, show};

/// Follows with a stale head that `status` shows to people, the stalest first.
const STALE_SHOWN: usize = 10;

/// Votes from outside a ring that are shown to people.
const EDGES_SHOWN: usize = 20;

/// An answer as text.
#[must_use]
pub fn render(verb: &str, value: &Value) -> String {
    match verb {
        "show" => show(value),
        "search" => each(value, "Nothing found: follow a curator, or try other words.", found),
        "why" => why::as_text(value),
        "ring" => ring(value),
        "import" if value["skipped"].is_array() => catalogue_imported(value),
        "import" => imported(value),
        "trust" => each(value, "Nobody is known yet: follow a curator with `heirloom follow`.", trust_row),
        "ledger-import" => observed(value),
        "ledger" => each(value, "Nothing was received yet.", ledger_row),
        "follow" if value.is_array() => {
            each(value, "You follow nobody yet: paste a curator's card into `heirloom follow -`.", follow_row)
        }
        "follow" => followed(value),
        "list" => super::lists::render(value),
        "list-make" => value["text"].as_str().unwrap_or_default().to_owned(),
        "status" => status(value),
        "doctor" => each(value, "", check),
        "config" => super::config::render(value),
        "cancel" => cancelled(value),
        "open" | "play" => format!("{}\n", text(&value["url"])),
        "apps" => super::apps::as_text(value),
        "get" => got(value),
        "publish" => published(value),
        "id" if !value["words"].is_null() => format!(
            "These 24 words take your name back if this machine is lost or robbed. They are shown once; write them down:\n\n  {}\n",
            text(&value["words"])
        ),
        _ => fields(value, 0),
    }
}

fn cancelled(value: &Value) -> String {
    let kept = if value["deleted"] == true { "what was fetched is deleted" } else { "files that are here stay" };
    format!("No longer downloaded or seeded; {kept}\n")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn each(value: &Value, nothing: &str, row: fn(&Value) -> String) -> String {
    match value.as_array() {
        Some(rows) if !rows.is_empty() => rows.iter().map(row).collect(),
        _ => format!("{nothing}\n"),
    }
}

/// Field by field, then whose heads are stale, then the budgets as a table.
fn status(value: &Value) -> String {
    let mut rest = value.clone();
    if let Some(fields) = rest.as_object_mut() {
        fields.remove("stale_follows");
        fields.remove("budgets");
    }
    fields(&rest, 0) + &stale_follows(&value["stale_follows"]) + &budgets(&value["budgets"])
}

fn stale_follows(value: &Value) -> String {
    let follows = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut out = String::new();
    for follow in follows.iter().take(STALE_SHOWN) {
        let _ = writeln!(out, "{}{}", named(follow), stale(": ", follow));
    }
    if follows.len() > STALE_SHOWN {
        let _ = writeln!(out, "and {} more whose head is stale (--json lists them)", follows.len() - STALE_SHOWN);
    }
    out
}

fn budgets(value: &Value) -> String {
    let mut out = String::from("budgets:\n");
    for name in ["bandwidth", "dht", "disk", "memory", "cpu"] {
        let budget = &value[name];
        if budget.is_null() {
            continue;
        }
        let amount = |field: &str| match (name, &budget[field]) {
            ("cpu", share) => format!("{:.2} %", share.as_f64().unwrap_or(0.0)),
            (_, bytes) => size(bytes.as_u64().unwrap_or(0)),
        };
        let per = budget["per"].as_str().map(|per| format!(" ({per})")).unwrap_or_default();
        let is_short = budget["short"] == true || budget["full"] == true;
        let note = match (is_short, budget["only_follows"] == true) {
            (true, _) => "  at its limit: see `heirloom doctor`",
            (false, true) => "  nearly used up: only follows are pulled",
            _ => "",
        };
        let _ = writeln!(out, "  {name:<10} {:>10} of {:>10}{per}{note}", amount("used"), amount("limit"));
    }
    out
}

/// Field by field, for answers that need no more.
fn fields(value: &Value, indent: usize) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let label = name.replace('_', " ");
                if inner.is_object() || inner.is_array() {
                    let _ = writeln!(out, "{:indent$}{label}:", "");
                    out.push_str(&fields(inner, indent + 2));
                } else {
                    let _ = writeln!(out, "{:indent$}{label}: {}", "", plain(inner));
                }
            }
        }
        Value::Array(all) => {
            for inner in all {
                out.push_str(&fields(inner, indent));
            }
        }
        other => {
            let _ = writeln!(out, "{:indent$}{}", "", plain(other));
        }
    }
    out
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".into(),
        other => other.to_string(),
    }
}

/// Bytes as people read them, in powers of 1024.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut divisor = 1_u64;
    while bytes / divisor >= 1024 && unit + 1 < UNITS.len() {
        divisor *= 1024;
        unit += 1;
    }
    if unit == 0 {
        return format!("{bytes} B");
    }
    format!("{}.{} {}", bytes / divisor, bytes % divisor * 10 / divisor, UNITS[unit])
}

/// `1 release`, `2 releases`.
fn counted(count: &Value, what: &str) -> String {
    let end = if count.as_u64() == Some(1) { "" } else { "s" };
    format!("{count} {what}{end}")
}

/// `1 key gains`, `2 keys gain`.
fn done_by(count: &Value, what: &str, [one, several]: [&str; 2]) -> String {
    format!("{} {}", counted(count, what), if count.as_u64() == Some(1) { one } else { several })
}

fn named(value: &Value) -> String {
    match (text(&value["name"]), text(&value["key"])) {
        ("", "") => "no key".into(),
        ("", key) => key.into(),
        (name, key) => format!("{name} {key}"),
    }
}

/// What there is to say of a head that was not renewed, with a separator before it; nothing of a fresh one.
pub(super) fn stale(before: &str, value: &Value) -> String {
    if value["head_is_stale"] != true {
        return String::new();
    }
    let days = value["head_age_s"].as_u64().unwrap_or_default() / (24 * 3600);
    format!("{before}head is stale: last heard of {days} days ago")
}

fn trust_row(value: &Value) -> String {
    format!(
        "{:<10} {:+.3}  {:>9}  {}{}\n",
        text(&value["band"]),
        value["score"].as_f64().unwrap_or_default(),
        size(value["verified_bytes"].as_u64().unwrap_or_default()),
        named(value),
        stale("; ", value)
    )
}

fn ledger_row(value: &Value) -> String {
    let address = text(&value["address"]);
    let mut row = format!(
        "{:>9}  {:<15} {:>12}  {}\n",
        size(value["verified_bytes"].as_u64().unwrap_or_default()),
        address,
        counted(&value["releases"], "release"),
        named(value)
    );
    if value["weak"] == true {
        let _ = writeln!(row, "           weak evidence: as {} counts it", text(&value["source"]));
    }
    if let Some(key) = value["linked"].as_str() {
        let _ = writeln!(row, "           linked to {key}: take it back with heirloom ledger unlink {address}");
    }
    for key in value["may_be_linked_to"].as_array().into_iter().flatten() {
        let _ =
            writeln!(row, "           showed {0} later: if it was them, heirloom ledger link {address} {0}", text(key));
    }
    row
}

fn observed(value: &Value) -> String {
    let (client, number) = (text(&value["client"]), |field: &str| value[field].as_u64().unwrap_or_default());
    let would = if value["dry_run"] == true { "would be " } else { "" };
    let mut out = format!(
        "{} {would}booked as weak evidence, of {} torrents of {client} {}\n",
        size(number("bytes")),
        number("torrents"),
        text(&value["version"])
    );
    for row in value["booked"].as_array().into_iter().flatten() {
        let who = if row["key"].is_null() { "no key shown".to_owned() } else { named(row) };
        let bytes = size(row["bytes"].as_u64().unwrap_or_default());
        let _ = writeln!(out, "{bytes:>9}  {:<15} {who}", text(&row["address"]));
    }
    if number("bytes") == 0 {
        let why = match client {
            "transmission" => {
                "Transmission keeps no sums by peer: only what comes while it is watched can be booked (--for SECONDS)"
            }
            _ => {
                "a client forgets what a peer sent when that peer leaves: look while something is downloaded, or run with --observe"
            }
        };
        let _ = writeln!(out, "nothing new: {why}");
    }
    for row in value["skipped"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "left out: {} ({})", text(&row["item"]), text(&row["reason"]));
    }
    out
}

fn follow_row(value: &Value) -> String {
    if let Some(error) = value["error"].as_str() {
        return format!("{}\n  left out: {error}\n", named(value));
    }
    match value["preview"] {
        Value::Null => {
            let (level, scope) = (plain(&value["level"]), plain(&value["scope"]));
            let depth = if value["gives_voice"] == false { "; gives nobody else a voice" } else { "" };
            format!("{level:<7} {scope:<10} {}{}{depth}\n", named(value), stale("; ", value))
        }
        _ => followed(value),
    }
}

fn followed(value: &Value) -> String {
    let preview = &value["preview"];
    let mut out = format!("{} at level {}, scope {}\n", named(value), text(&value["level"]), text(&value["scope"]));
    for (label, field) in [("page", "url"), ("note", "note")] {
        if let Some(said) = value[field].as_str().filter(|said| !said.is_empty()) {
            let _ = writeln!(out, "  {label}: {said}");
        }
    }
    if let Some(by) = value["list"]["by"].as_str() {
        let _ = writeln!(out, "  on the list {:?} signed by {by}", text(&value["list"]["name"]));
    }
    let _ = writeln!(
        out,
        "  {} a voice, {} a trusted release, {} hidden",
        done_by(&preview["keys_gaining_voice"], "key", ["gains", "gain"]),
        done_by(&preview["works_gained"], "work", ["gains", "gain"]),
        done_by(&preview["works_hidden"], "work", ["is", "are"]),
    );
    if value["gives_voice"] == false {
        let _ = writeln!(out, "  It vouches for its own listings alone, and gives nobody else a voice.");
    }
    if let Some(other) = value["confusable_with"].as_str() {
        let name = value["confusable_name"].as_str().unwrap_or_default();
        let whose =
            if value["confusable_is_followed"] == false { "who was found beside it" } else { "whom you follow" };
        let _ = writeln!(out, "  Careful: the name looks like that of {name} {other}, {whose}.");
    }
    out
}

fn check(value: &Value) -> String {
    let mark = match (&value["ok"], value["state"].as_str()) {
        (Value::Bool(true), Some("unknown")) => "unknown",
        (Value::Bool(true), _) => "ok",
        (_, Some("warn")) => "warning",
        _ => "NOT OK",
    };
    let fix = value["fix"].as_str().map(|fix| format!(": {fix}")).unwrap_or_default();
    let detail = value["detail"].as_str().unwrap_or_default();
    // That it is unknown stands before it already.
    let detail = readable(detail.strip_prefix("unknown: ").unwrap_or(detail), size);
    format!("{mark:<7} {:<14} {}{fix}\n", text(&value["check"]), detail)
}

/// One line of progress.
#[must_use]
pub fn progress(value: &Value) -> String {
    format!(
        "{}: {} of {}, {} peers",
        text(&value["state"]),
        size(value["bytes"].as_u64().unwrap_or_default()),
        size(value["total"].as_u64().unwrap_or_default()),
        value["peers"].as_u64().unwrap_or_default()
    )
}

/// How much of what is published was read.
pub fn reading(value: &Value) -> String {
    let bytes = |field: &str| size(value[field].as_u64().unwrap_or_default());
    format!("reading: {} of {}", bytes("bytes"), bytes("total"))
}

fn got(value: &Value) -> String {
    if value["from"].is_null() {
        return format!("{} {}\n{}", text(&value["infohash"]), progress(value), left_out(value));
    }
    let mut out = format!(
        "{}\n  {} in {:.1} s, {} hash-checked bytes received:\n",
        text(&value["path"]),
        size(value["bytes"].as_u64().unwrap_or_default()),
        value["seconds"].as_f64().unwrap_or_default(),
        value["verified_bytes"],
    );
    for from in value["from"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "  {:>12} from {} ({})", from["verified_bytes"], plain(&from["address"]), named(from));
    }
    out.push_str(&left_out(value));
    match value["renamed_files"].as_u64() {
        None | Some(0) => {}
        Some(1) => out.push_str(
            "  one of its files has another name on disk than in the torrent, where it is not safe on every system\n",
        ),
        Some(count) => {
            let _ = writeln!(
                out,
                "  {count} of its files have other names on disk than in the torrent, where they are not safe on every system"
            );
        }
    }
    out
}

/// Files of a pack that were not fetched, in a line.
fn left_out(value: &Value) -> String {
    const NAMED_MAX: usize = 5;
    let all: Vec<&str> = value["left_out"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if all.is_empty() {
        return String::new();
    }
    let named: Vec<String> = all.iter().take(NAMED_MAX).map(|path| plain(&Value::from(*path))).collect();
    let more = all.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("  left out, since it may harm: {}{more} (with --anyway it is fetched too)\n", named.join(", "))
}

fn published(value: &Value) -> String {
    let mut out = format!("{}  {}\n  {}\n", text(&value["work"]), text(&value["name"]), text(&value["infohash"]));
    let seeding = if value["seeding"] == true { "seeding" } else { "not seeding: the content is not here" };
    let _ = writeln!(out, "  {}, {seeding}", size(value["size"].as_u64().unwrap_or_default()));
    match value["dht"]["stored_on"].as_u64() {
        Some(0) => out.push_str("  not on the DHT yet: the node goes on trying\n"),
        Some(nodes) => {
            let _ = writeln!(out, "  on the DHT, on {nodes} nodes");
        }
        None => out.push_str("  not on the DHT: private, or the DHT is off\n"),
    }
    for file in value["files"].as_array().into_iter().flatten().filter(|file| file["episode"].is_string()) {
        let _ = writeln!(out, "  {}  {}", text(&file["episode"]), text(&file["path"]));
    }
    if let Some(note) = value["note"].as_str() {
        let _ = writeln!(out, "  {note}");
    }
    out
}

fn ring(value: &Value) -> String {
    let mut out = format!(
        "{} keys, {} of them known here (scope {}, preset {})\n",
        value["keys"],
        value["known"],
        text(&value["scope"]),
        text(&value["trust"]["preset"]),
    );
    // The bound does not know how many there are.
    let most = |name: &str| value[name].as_u64().min(value["keys"].as_u64()).unwrap_or(0);
    let band = |name: &str| value["in_band"][name].as_u64().unwrap_or(0);
    let bands = ["trusted", "vouched", "earned", "unknown", "distrusted"].map(|name| format!("{} {name}", band(name)));
    let _ = writeln!(out, "  now: {}; {} votes", bands.join(", "), value["votes"].as_f64().unwrap_or_default());
    let _ = writeln!(
        out,
        "  whatever these keys say, at most {} can be trusted and {} vouched or better ({:.4} votes), while nobody else says more",
        most("trusted_max"),
        most("vouched_max"),
        value["votes_max"].as_f64().unwrap_or_default(),
    );
    let flow = value["entering_flow"].as_f64().unwrap_or_default();
    let _ = writeln!(
        out,
        "  {} votes from outside let trust in ({} of all that you give):",
        value["attack_edges_total"],
        why::significant(flow).trim_start_matches('+')
    );
    let edges = value["attack_edges"].as_array().map(Vec::as_slice).unwrap_or_default();
    for edge in edges.iter().take(EDGES_SHOWN) {
        let issuer = if text(&edge["name"]).is_empty() { text(&edge["issuer"]) } else { text(&edge["name"]) };
        let flow = why::significant(edge["flow"].as_f64().unwrap_or_default());
        let _ = writeln!(out, "  {flow:>10}  {issuer} → {} at level {}", text(&edge["subject"]), edge["level"]);
    }
    if edges.len() > EDGES_SHOWN {
        out.push_str("  …  (--json lists more)\n");
    }
    out
}

/// Most skipped rows that are shown to people.
const SKIPPED_SHOWN: usize = 50;

fn catalogue_imported(value: &Value) -> String {
    let verb = if value["dry_run"] == true { "would be listed" } else { "listed" };
    let mut out = format!(
        "{} {verb} ({}, {}), {} listed before\n",
        counted(&value["imported"], "row"),
        counted(&value["works"], "work"),
        counted(&value["releases"], "release"),
        value["known"]
    );
    match value["seeding"].as_u64().unwrap_or_default() {
        0 => {}
        count if value["dry_run"] == true => {
            let _ = writeln!(out, "  {count} of them would be seeded: their content is here");
        }
        count => {
            let _ = writeln!(out, "  {count} of them are seeded: their content is here");
        }
    }
    let skipped = value["skipped"].as_array().map(Vec::as_slice).unwrap_or_default();
    for one in skipped.iter().take(SKIPPED_SHOWN) {
        let _ = writeln!(out, "  skipped {}: {}", text(&one["item"]), text(&one["reason"]));
    }
    let total = value["skipped_total"].as_u64().unwrap_or_default();
    let more = total.saturating_sub(SKIPPED_SHOWN as u64);
    if more > 0 {
        let _ = writeln!(out, "  and {more} more were skipped (--json lists them)");
    }
    out
}

fn imported(value: &Value) -> String {
    let mut out = format!("{} statements taken in, {} were here before\n", value["imported"], value["known"]);
    for refused in value["refused"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "  {} refused: {}", refused["count"], text(&refused["reason"]).replace('_', " "));
    }
    if value["evicted"].as_u64() > Some(0) {
        let _ = writeln!(out, "  {} of strangers made room for them: their pool is full", value["evicted"]);
    }
    out
}

#[cfg(test)]
mod tests;
