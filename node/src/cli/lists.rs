//! `list make`, `list show`, `list verify`: signed lists of curators as text.

use super::Outcome;
use super::args::ListVerb;
use super::client::Client;
use crate::follow;
use crate::http::{ListEntry, Request, list_of, verified_list};
use crate::starter;
use heirloom_core::command::CommandError;
use serde_json::Value;
use std::fmt::Write as _;

/// Carries one of them out.
///
/// # Errors
/// One sentence that says what to do.
pub async fn list(client: &Client, verb: ListVerb, json: bool) -> Result<Outcome, CommandError> {
    match verb {
        ListVerb::Show { from: None } => {
            let packs = starter::PACKS.iter().map(|(_, text)| list_of(text).map(|(_, value)| value));
            Ok(Outcome::Answer(Value::Array(packs.collect::<Result<_, _>>()?)))
        }
        ListVerb::Show { from: Some(from) } => {
            let (statement, value) = list_of(&text_of(&from).await?)?;
            follow::refuse_expired(&statement, follow::now())?;
            Ok(Outcome::Answer(value))
        }
        ListVerb::Verify { file } => Ok(match verified_list(&text_of(&file).await?) {
            (value, None) => Outcome::Answer(value),
            (value, Some(error)) => Outcome::Declined(value, error),
        }),
        ListVerb::Make { name, keys, private } => make(client, name, keys, private, json).await,
    }
}

async fn text_of(from: &str) -> Result<String, CommandError> {
    match from.trim().strip_prefix(starter::PACK_SCHEME) {
        Some(name) => starter::pack(name).map(str::to_owned),
        None => follow::text_of(from).await,
    }
}

async fn make(
    client: &Client,
    name: String,
    keys: Vec<String>,
    private: bool,
    json: bool,
) -> Result<Outcome, CommandError> {
    let mut entries: Vec<ListEntry> = Vec::new();
    for given in keys {
        // A link holds `=` too, but a note has a blank or stands behind a key that has none.
        let (what, note) = match given.split_once('=') {
            Some((what, note))
                if !what.contains([':', '/', '?']) || what.starts_with("did:key:") || what.starts_with("pk:") =>
            {
                (what, note)
            }
            _ => (given.as_str(), ""),
        };
        for lead in follow::resolve(what).await? {
            let key = lead.contact.key.to_string();
            if entries.iter().any(|entry| entry.key == key) {
                return Err(CommandError::bad_input("twice", format!("{key} is named twice: leave one out")));
            }
            let note = if note.is_empty() { lead.note } else { note.to_owned() };
            entries.push(ListEntry { key, name: lead.contact.name, note });
        }
    }
    let made = client.request(Request::ListMake { name, entries, private }).await?;
    let text = made["text"].as_str().unwrap_or_default().to_owned();
    Ok(if json { Outcome::Answer(made) } else { Outcome::Text(text) })
}

/// A list, or several, for people.
#[must_use]
pub fn render(value: &Value) -> String {
    if let Some(all) = value.as_array() {
        return all.iter().map(render).collect::<Vec<_>>().join("\n");
    }
    if value["valid"] != true {
        return String::new();
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = format!(
        "{}\n  signed by {}, good until {}\n",
        text(&value["name"]),
        text(&value["by"]),
        text(&value["expires"])
    );
    for entry in value["entries"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "  {} {}", text(&entry["name"]), text(&entry["key"]));
        if !text(&entry["note"]).is_empty() {
            let _ = writeln!(out, "    {}", text(&entry["note"]));
        }
    }
    out
}
