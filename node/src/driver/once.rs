//! One command without a node: opens the store, answers, closes.

use super::{Clock, open_service};
use crate::home::Home;
use heirloom_core::command::{Command, CommandError, Fault, Reply};
use heirloom_core::io::{Input, Output, RequestId};
use heirloom_proto::Key;
use std::time::Instant;

/// Answers a command from the store alone, and says whose store it is. What it signs is pushed by the node when it runs
/// next.
///
/// # Errors
/// What the core answers; that the command needs a node; or that the store cannot be opened.
pub fn once(home: &Home, command: Command) -> Result<(Reply, Key), CommandError> {
    let identity = home.identity()?;
    let key = identity.secret.public();
    let succeeds = identity.succeeds.clone();
    let mut service = open_service(home, identity)?;
    let clock = Clock(Instant::now());
    let halted = |halt: heirloom_core::Halt| CommandError::new(Fault::Failed, "halted", halt.to_string());
    service.handle(clock.now(), Input::Started { dht: false, torrents: false });
    if let Some(rotation) = succeeds {
        let command = Box::new(Command::Succeed { rotation: Box::new(rotation) });
        service.handle(clock.now(), Input::Command { request: RequestId(0), command });
    }
    service.commit().map_err(halted)?;
    service.handle(clock.now(), Input::Command { request: RequestId(1), command: Box::new(command) });
    service.commit().map_err(halted)?;
    while let Some(output) = service.poll_output() {
        if let Output::Reply { request: RequestId(0), result: Err(error) } = &output {
            return Err(error.clone());
        }
        if let Output::Reply { request: RequestId(1), result } = output {
            return result.map(|reply| (*reply, key));
        }
    }
    Err(CommandError::needs_node("this"))
}
