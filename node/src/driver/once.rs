//! One command without a node: opens the store, answers, closes.

use super::{Clock, open_service, wire_name};
use crate::api::{self, Request};
use crate::home::Home;
use heirloom_core::command::{CommandError, Fault};
use heirloom_core::io::{Input, Output, RequestId};
use serde_json::{Value, json};
use std::time::Instant;

/// Answers a request from the store alone. What it signs is pushed by the node when it runs next.
///
/// # Errors
/// What the core answers; that the request needs a node; or that the store cannot be opened.
pub fn once(home: &Home, request: Request) -> Result<Value, CommandError> {
    let is_status = request == Request::Status;
    let command = match api::parse(request)? {
        Some(command) => command,
        None => return Err(CommandError::needs_node("this")),
    };
    let identity = home.identity()?;
    let key = identity.secret.public();
    let mut service = open_service(home, identity)?;
    let clock = Clock(Instant::now());
    let halted = |halt: heirloom_core::Halt| CommandError::new(Fault::Failed, "halted", halt.to_string());
    service.handle(clock.now(), Input::Started { dht: false, torrents: false });
    service.commit().map_err(halted)?;
    let request = RequestId(1);
    service.handle(clock.now(), Input::Command { request, command: Box::new(command) });
    service.commit().map_err(halted)?;
    while let Some(output) = service.poll_output() {
        if let Output::Reply { result, .. } = output {
            let mut value = api::to_json(&*result?, &wire_name(&key));
            if is_status && let Some(fields) = value.as_object_mut() {
                fields.insert("key".into(), json!(key.to_string()));
                fields.insert("uptime_s".into(), json!(0));
                fields.insert("peers".into(), json!(0));
                fields.insert("dht".into(), Value::Null);
                fields.insert("disk_bytes".into(), json!(super::folder_bytes(home.root())));
                fields.insert("rss_bytes".into(), json!(super::rss_bytes()));
            }
            return Ok(value);
        }
    }
    Err(CommandError::needs_node("this"))
}
