//! Reading the answers of commands: the parts of their JSON that the story looks at.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Text of a field that must be there.
pub fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value[field].as_str().with_context(|| format!("the answer has no {field}: {value}"))
}

/// Number of a field that must be there.
pub fn number(value: &Value, field: &str) -> Result<u64> {
    value[field].as_u64().with_context(|| format!("the answer has no number {field}: {value}"))
}

/// A release as `show` lists it.
#[derive(Clone, Debug)]
pub struct Release {
    /// Infohash.
    pub infohash: String,
    /// Band.
    pub band: String,
    /// Where its best listing came from.
    pub source: String,
}

/// Releases in the order of `show`; none when the work is unknown.
pub fn releases(shown: &Value) -> Result<Vec<Release>> {
    let list = shown["releases"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .map(|release| {
            let field = |name| text(release, name).map(str::to_owned);
            Ok(Release { infohash: field("infohash")?, band: field("band")?, source: field("source")? })
        })
        .collect()
}

/// Releases in few words.
pub fn in_words(releases: &[Release]) -> String {
    if releases.is_empty() {
        return "no release".to_owned();
    }
    let words: Vec<String> = releases.iter().map(|r| format!("{} {}", r.band, short(&r.infohash))).collect();
    words.join(", then ")
}

/// The first digits of an infohash, or the end of a key: enough to tell two apart.
pub fn short(id: &str) -> &str {
    match id.strip_prefix("did:key:") {
        Some(key) => &key[key.len().saturating_sub(8)..],
        None => &id[..id.len().min(8)],
    }
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Key shown on the wire, if one was.
    pub key: Option<String>,
    /// Address.
    pub address: Option<String>,
    /// Hash-checked bytes.
    pub bytes: u64,
}

/// Lines of the ledger that hold bytes.
pub fn ledger(rows: &Value) -> Result<Vec<Row>> {
    let rows = rows.as_array().with_context(|| format!("the ledger is no list: {rows}"))?;
    let rows: Result<Vec<Row>> = rows
        .iter()
        .map(|row| {
            let field = |name: &str| row[name].as_str().map(str::to_owned);
            Ok(Row { key: field("key"), address: field("address"), bytes: number(row, "verified_bytes")? })
        })
        .collect();
    Ok(rows?.into_iter().filter(|row| row.bytes > 0).collect())
}

/// The one line that there must be.
pub fn only(rows: Vec<Row>) -> Result<Row> {
    ensure!(rows.len() == 1, "the ledger has {} lines instead of one: {rows:?}", rows.len());
    rows.into_iter().next().context("one line")
}
