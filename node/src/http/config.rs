//! The settings as JSON, and changing them: by a running node, and by a command where none runs.

use super::Request;
use crate::driver::Node;
use crate::settings::{Desk, Setting};
use heirloom_core::command::{CommandError, Fault};
use serde_json::{Value, json};

/// Answers `config` and `config-set`; `None` for other requests.
///
/// # Errors
/// One sentence that says what is wrong with a name or value.
pub fn config_of(desk: &Desk, request: &Request) -> Result<Option<Value>, CommandError> {
    Ok(match request {
        Request::Config { name: Some(name) } => Some(setting_json(&desk.one(name)?)),
        Request::Config { name: None } => Some(desk.all().iter().map(setting_json).collect()),
        Request::ConfigSet { name, value } => Some(setting_json(&desk.set(name, value.as_deref())?)),
        _ => None,
    })
}

/// The same by a node, which takes over at once what it can.
pub(super) async fn answer(node: &Node, request: Request) -> Result<Value, CommandError> {
    let (asked, is_change) = (node.clone(), matches!(request, Request::ConfigSet { .. }));
    let answered = tokio::task::spawn_blocking(move || config_of(asked.desk(), &request)).await;
    let answered = answered.map_err(|error| CommandError::new(Fault::Failed, "failed", error.to_string()))??;
    if is_change {
        node.downloads().set_sharing(node.desk().sharing()?);
    }
    Ok(answered.unwrap_or(Value::Null))
}

fn setting_json(setting: &Setting) -> Value {
    json!({
        "name": setting.name,
        "value": setting.value,
        "from": setting.origin.name(),
        "default": setting.default,
        "env": setting.env,
        "about": setting.about,
        "live": setting.is_live,
        "next": setting.next,
    })
}
