//! `list make`, `list show`, `list verify`: signed lists of curators as text.

use super::Outcome;
use super::args::ListVerb;
use super::client::Client;
use crate::follow;
use crate::http::{ListEntry, Request};
use crate::starter;
use heirloom_core::command::CommandError;
use heirloom_proto::body::{CuratorEntry, CuratorList};
use heirloom_proto::{Body, Statement, Verified};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Carries one of them out.
///
/// # Errors
/// One sentence that says what to do.
pub async fn list(client: &Client, verb: ListVerb, json: bool) -> Result<Outcome, CommandError> {
    match verb {
        ListVerb::Show { from: None } => {
            let packs = starter::PACKS.iter().map(|(_, text)| read(text).map(|(_, value)| value));
            Ok(Outcome::Answer(Value::Array(packs.collect::<Result<_, _>>()?)))
        }
        ListVerb::Show { from: Some(from) } => {
            let (statement, value) = read(&text_of(&from).await?)?;
            follow::refuse_expired(&statement, follow::now())?;
            Ok(Outcome::Answer(value))
        }
        ListVerb::Verify { file } => Ok(verify(&text_of(&file).await?)),
        ListVerb::Make { name, keys, private } => make(client, name, keys, private, json).await,
    }
}

async fn text_of(from: &str) -> Result<String, CommandError> {
    match from.trim().strip_prefix(starter::PACK_SCHEME) {
        Some(name) => starter::pack(name).map(str::to_owned),
        None => follow::text_of(from).await,
    }
}

/// The one list of a text.
fn read(text: &str) -> Result<(Verified<Statement>, Value), CommandError> {
    let statements = follow::statements_in(text)?;
    let mut lists = statements.into_iter().filter_map(|statement| match statement.body().clone() {
        Body::CuratorList(list) => Some((statement, list)),
        _ => None,
    });
    let Some((statement, list)) = lists.next() else {
        return Err(CommandError::bad_input("no_list", "this text is signed, but holds no list of curators"));
    };
    if lists.next().is_some() {
        return Err(CommandError::bad_input("several_lists", "this text holds several lists: give one of them"));
    }
    let value = to_json(&statement, &list);
    Ok((statement, value))
}

fn to_json(statement: &Statement, list: &CuratorList) -> Value {
    let entry = |entry: &CuratorEntry| json!({ "key": entry.key.to_string(), "name": entry.name, "note": entry.note });
    let header = statement.header();
    json!({
        "valid": true,
        "by": statement.author().to_string(),
        "name": list.name,
        "entries": list.entries.iter().map(entry).collect::<Vec<_>>(),
        "made": header.created.to_rfc3339(),
        "expires": header.expires.map(heirloom_proto::Timestamp::to_rfc3339),
        "id": statement.id().to_string(),
        "seq": header.seq,
    })
}

fn verify(text: &str) -> Outcome {
    let nothing = json!({ "valid": true, "by": null, "name": null, "entries": [] });
    let (mut value, error) = match read(text) {
        Ok((statement, value)) => match follow::refuse_expired(&statement, follow::now()) {
            Ok(()) => return Outcome::Answer(value),
            Err(error) => (value, error),
        },
        Err(error) => (nothing, error),
    };
    value["valid"] = json!(false);
    value["reason"] = json!(error.message);
    Outcome::Declined(value, error)
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
