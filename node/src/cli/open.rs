//! `open`, and what `run` says of the page: a link that makes a browser the owner's.

use super::client::Client;
use super::{Outcome, say};
use crate::http::{Request, Server};
use heirloom_core::command::{CommandError, Fault};
use std::process::{Command, Stdio};

/// What opens an address, by system. The address is an argument of its own: no shell reads it.
#[cfg(target_os = "macos")]
const OPENERS: [&str; 1] = ["open"];
#[cfg(not(target_os = "macos"))]
const OPENERS: [&str; 2] = ["xdg-open", "gio open"];

/// Says how to come to the page, or opens it.
pub(super) fn offer(server: &Server, is_wanted: bool) -> Result<(), CommandError> {
    let address = server.address();
    if !address.ip().is_loopback() {
        say(&format!(
            "heirloom: {address} is not of this machine alone, and the port speaks no TLS: whoever sees what passes has the \
             node; use 127.0.0.1 and a tunnel\n"
        ));
    }
    let url = server.new_link()?;
    if is_wanted {
        // A link of its own: the one that is printed is still good if no browser comes of this.
        let _ = show(&server.new_link()?);
    }
    say(&format!("heirloom: open {url} in a browser within five minutes, once; later: heirloom open\n"));
    Ok(())
}

/// `open [--print]`.
pub(super) async fn open(client: &Client, print: bool) -> Result<Outcome, CommandError> {
    let answer = client.request(Request::Open).await?;
    if !print {
        let url = answer["url"].as_str().unwrap_or_default();
        // Where no browser can be started the link is still good.
        if let Err(error) = show(url) {
            return Ok(Outcome::Declined(answer, error));
        }
    }
    Ok(Outcome::Answer(answer))
}

/// Hands an address to the system's browser, which goes on after this command.
pub(super) fn show(url: &str) -> Result<(), CommandError> {
    for opener in OPENERS {
        let mut words = opener.split(' ');
        let Some(program) = words.next() else { continue };
        if begin(Command::new(program).args(words).arg(url)) {
            return Ok(());
        }
    }
    let message = "no browser could be started here: open the link yourself, or use --print";
    Err(CommandError::new(Fault::Failed, "no_browser", message))
}

/// Starts a program and lets it go on by itself; whether there is such a program.
pub(super) fn begin(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
}
