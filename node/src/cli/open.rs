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

/// Longest card or link that is handed to the page: a system's handler of links passes it in an address.
const LINK_BYTES_MAX: usize = 4096;
/// In the part of an address that no server is sent: what page.js puts into the field where a curator is added.
const ADD: &str = "#add=";

/// `open [LINK] [--print]`.
pub(super) async fn open(client: &Client, link: Option<&str>, print: bool) -> Result<Outcome, CommandError> {
    let fragment = link.map(fragment).transpose()?.unwrap_or_default();
    let mut answer = client.request(Request::Open).await?;
    if let Some(url) = answer["url"].as_str() {
        answer["url"] = format!("{url}{fragment}").into();
    }
    if !print {
        let url = answer["url"].as_str().unwrap_or_default();
        // Where no browser can be started the link is still good.
        if let Err(error) = show(url) {
            return Ok(Outcome::Declined(answer, error));
        }
    }
    Ok(Outcome::Answer(answer))
}

/// The end of an address that has the page show `link`; nothing is followed by it.
fn fragment(link: &str) -> Result<String, CommandError> {
    let link = link.trim();
    if link.is_empty() || link.len() > LINK_BYTES_MAX {
        let message = format!(
            "open takes one card, link or key of 1 to {LINK_BYTES_MAX} bytes: paste anything longer into the page"
        );
        return Err(CommandError::bad_input("bad_link", message));
    }
    let mut text = ADD.to_owned();
    for byte in link.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => text.push(char::from(byte)),
            // Never fails: a string takes everything.
            _ => drop(std::fmt::Write::write_fmt(&mut text, format_args!("%{byte:02X}"))),
        }
    }
    Ok(text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_goes_into_the_part_that_no_server_sees() {
        assert_eq!(fragment(" heirloom:z6Mk_x ").unwrap(), "#add=heirloom:z6Mk_x");
        assert_eq!(fragment("a b&once=#\u{202e}").unwrap(), "#add=a%20b%26once%3D%23%E2%80%AE");
        assert_eq!(fragment("  ").unwrap_err().code, "bad_link");
        assert_eq!(fragment(&"x".repeat(LINK_BYTES_MAX + 1)).unwrap_err().code, "bad_link");
    }
}
