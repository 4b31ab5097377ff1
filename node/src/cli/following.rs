//! `follow X`: who is meant, what would change, and the question before anything does.

use super::args::Follow;
use super::client::{Client, Door};
use super::{Outcome, say, text};
use crate::follow::{self, Lead};
use crate::http::Request;
use crate::starter;
use heirloom_core::command::{CommandError, Fault};
use heirloom_core::curation::are_confusable;
use serde_json::{Value, json};
use std::io::IsTerminal as _;

/// Most previews of one text: each scores a copy of the graph, and more than these nobody reads.
const PREVIEWS_MAX: usize = 100;

/// Follows, previews, or lists whom the owner follows.
///
/// # Errors
/// One sentence that says what is wrong with X, or what the node answers.
pub async fn follow(client: &Client, args: Follow, json: bool) -> Result<Outcome, CommandError> {
    let Some(what) = &args.what else { return Ok(Outcome::Answer(client.request(Request::Follows).await?)) };
    if what.trim() == starter::NAME {
        return Ok(Outcome::Answer(client.request(Request::TakeStarter).await?));
    }
    let leads = match what.trim().strip_prefix(starter::PACK_SCHEME) {
        Some(name) => follow::resolve(starter::pack(name)?).await?,
        None => follow::resolve(what).await?,
    };
    let is_several = leads.len() > 1;
    if is_several && args.alias.is_some() {
        let message = format!("{} keys found, and an alias is for one: name one of them", leads.len());
        return Err(CommandError::bad_input("several_keys", message));
    }
    let mut door = client.open().await?;
    if is_several && !args.all {
        let message = format!("{} keys found: name one of them, or add --all", leads.len());
        let rows = previews(&mut door, &args, &leads).await?;
        return Ok(Outcome::Declined(rows, CommandError::new(Fault::Refused, "several_keys", message)));
    }
    if !args.yes {
        let rows = previews(&mut door, &args, &leads).await?;
        let shown = if args.all { rows } else { rows[0].clone() };
        let asks = !json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        if !asks || !confirm(&shown)? {
            let message = "nothing was changed: add --yes to follow";
            return Ok(Outcome::Declined(shown, CommandError::new(Fault::Refused, "not_confirmed", message)));
        }
    }
    let mut followed = Vec::new();
    for lead in &leads {
        followed.push(about(&mut door, &args, lead, false, is_several).await?);
    }
    Ok(Outcome::Answer(if args.all { Value::Array(followed) } else { followed.pop().unwrap_or(Value::Null) }))
}

/// What following each would change, with names in the text that look like each other pointed out.
async fn previews(door: &mut Door<'_>, args: &Follow, leads: &[Lead]) -> Result<Value, CommandError> {
    let mut rows = Vec::new();
    for (at, lead) in leads.iter().enumerate() {
        let mut row = if at < PREVIEWS_MAX {
            about(door, args, lead, true, leads.len() > 1).await?
        } else {
            described(json!({ "key": lead.contact.key.to_string(), "name": lead.contact.name, "preview": null }), lead)
        };
        let twin =
            leads[..at].iter().take(PREVIEWS_MAX).find(|other| are_confusable(&other.contact.name, &lead.contact.name));
        if let Some(twin) = twin
            && row["confusable_with"].is_null()
        {
            row["confusable_with"] = json!(twin.contact.key.to_string());
            row["confusable_name"] = json!(twin.contact.name);
            row["confusable_is_followed"] = json!(false);
        }
        rows.push(row);
    }
    Ok(Value::Array(rows))
}

/// Asks the node. Of several, one that cannot be followed (such as the owner's own key) is left out with the reason.
async fn about(
    door: &mut Door<'_>,
    args: &Follow,
    lead: &Lead,
    preview: bool,
    is_several: bool,
) -> Result<Value, CommandError> {
    let key = lead.contact.key.to_string();
    let request = Request::Follow {
        key: key.clone(),
        level: args.level.clone(),
        scope: args.scope.clone(),
        alias: args.alias.clone(),
        found_as: lead.contact.name.clone(),
        preview,
    };
    match door.request(request).await {
        Ok(row) => Ok(described(row, lead)),
        Err(error) if is_several && error.code == "own_key" => {
            let row = json!({ "key": key, "name": lead.contact.name, "error": error.message });
            Ok(described(row, lead))
        }
        Err(error) => Err(error),
    }
}

/// Adds where somebody was found and what was said of them there.
fn described(mut row: Value, lead: &Lead) -> Value {
    row["url"] = json!(lead.contact.url);
    row["note"] = json!(lead.note);
    row["found"] = json!(lead.found.name());
    row["list"] = json!(lead.list.as_ref().map(|list| json!({ "by": list.key.to_string(), "name": list.name })));
    row
}

fn confirm(preview: &Value) -> Result<bool, CommandError> {
    say(&format!("{}Follow? [y/N] ", text::render("follow", preview)));
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .map_err(|error| CommandError::bad_input("no_answer", format!("cannot read the answer: {error}")))?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}
