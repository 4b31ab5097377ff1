//! What a curator hands out, and signed lists: the forms that the command line prints and the API answers.

use crate::follow;
use heirloom_core::command::{CommandError, Fault};
use heirloom_proto::body::{CuratorEntry, CuratorList};
use heirloom_proto::text::Contact;
use heirloom_proto::{Body, Statement, Verified};
use serde_json::{Value, json};

/// Who an `id` answer says the owner is.
///
/// # Errors
/// When it is no such answer.
pub fn contact_of(id: &Value) -> Result<Contact, CommandError> {
    let link = id["uri"].as_str().unwrap_or_default();
    Contact::from_link(link).map_err(|error| CommandError::new(Fault::Failed, "bad_contact", error.to_string()))
}

/// A card in its forms for text and pages.
#[must_use]
pub fn card_json(contact: &Contact) -> Value {
    json!({
        "key": contact.key.to_string(),
        "name": contact.name,
        "url": contact.url,
        "uri": contact.to_link(),
        "card": contact.to_card(),
        "html": card_html(contact),
        "check": contact.checksum(),
    })
}

/// A card as a link for a page.
#[must_use]
pub fn card_html(contact: &Contact) -> String {
    let name = if contact.name.is_empty() { "me".to_owned() } else { escape(&contact.name) };
    format!("<a href=\"{}\" rel=\"nofollow\">Follow {name} on Heirloom</a>\n", escape(&contact.to_link()))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// The one list of a text, checked.
///
/// # Errors
/// What is wrong with the text or its signature, in one sentence.
pub fn list_of(text: &str) -> Result<(Verified<Statement>, Value), CommandError> {
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
    let value = list_json(&statement, &list);
    Ok((statement, value))
}

fn list_json(statement: &Statement, list: &CuratorList) -> Value {
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

/// The list of a text with whether it counts; and where it does not, why.
#[must_use]
pub fn verified_list(text: &str) -> (Value, Option<CommandError>) {
    let nothing = json!({ "valid": true, "by": null, "name": null, "entries": [] });
    let (mut value, error) = match list_of(text) {
        Ok((statement, value)) => match follow::refuse_expired(&statement, follow::now()) {
            Ok(()) => return (value, None),
            Err(error) => (value, error),
        },
        Err(error) => (nothing, error),
    };
    value["valid"] = json!(false);
    value["reason"] = json!(error.message);
    (value, Some(error))
}
