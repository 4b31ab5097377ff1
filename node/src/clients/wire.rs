//! Requests to a client: to the address that the owner gave and to no other, with limits on time and length.

use super::Endpoint;
use crate::follow::reach::{is_own_network, is_public};
use heirloom_core::command::{CommandError, Fault};
use heirloom_core::observed::Client as Program;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde_json::Value;
use std::time::Duration;

/// Longest time for one answer: a client on this machine takes milliseconds, one on a small box in the house a second.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Longest answer. A list of ten thousand torrents takes some 15 MiB.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// The way to a client.
#[derive(Debug)]
pub(super) struct Wire {
    http: Client,
    base: Url,
    program: Program,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Wire {
    /// Resolves the address once, and speaks to what was found alone.
    pub(super) async fn to(endpoint: &Endpoint) -> Result<Self, CommandError> {
        let base = endpoint.checked_url()?;
        let program = endpoint.client;
        let (Some(host), Some(port)) = (base.host_str(), base.port_or_known_default()) else {
            return Err(CommandError::bad_input("bad_client_url", format!("{base} names no host")));
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::time::timeout(ANSWER_TIME, tokio::net::lookup_host((bare, port))).await;
        let found = found.map_err(|_| down(program, &base, "its name is not found"))?;
        let found = found.map_err(|error| down(program, &base, &error.to_string()))?;
        let all: Vec<_> = found.filter(|at| is_own_network(at.ip()) || is_public(at.ip())).collect();
        if all.is_empty() {
            let message = format!("{base} is refused: no program of yours can answer at that address");
            return Err(CommandError::new(Fault::Refused, "private_address", message));
        }
        let is_at_home = all.iter().all(|at| is_own_network(at.ip()));
        if endpoint.password.is_some() && base.scheme() == "http" && !is_at_home {
            let message =
                format!("the password for {base} would cross the internet in the clear: give an https address");
            return Err(CommandError::new(Fault::Refused, "clear_password", message));
        }
        // No proxy and no redirects: the password is for this address and nobody else's business.
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .resolve_to_addrs(host, &all)
            .timeout(ANSWER_TIME)
            .user_agent(concat!("heirloom/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| down(program, &base, &chain(&error)))?;
        Ok(Self { http, base, program })
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Scheme, host and port, as a browser of its own page would say where it comes from.
    pub(super) fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// An address below that of the client.
    pub(super) fn url(&self, path: &str) -> Result<Url, CommandError> {
        self.base.join(path).map_err(|error| self.rubbish(&format!("{path} is no address there: {error}")))
    }

    pub(super) fn get(&self, url: Url) -> RequestBuilder {
        self.http.get(url)
    }

    pub(super) fn post(&self, url: Url) -> RequestBuilder {
        self.http.post(url)
    }

    /// Sends, and reads the answer as far as the limit.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Answer, CommandError> {
        let mut response = request.send().await.map_err(|error| self.down(&chain(&error)))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.down(&chain(&error)))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(self.rubbish(&format!("its answer is longer than {} MiB", ANSWER_BYTES_MAX >> 20)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }

    /// It cannot be reached.
    fn down(&self, why: &str) -> CommandError {
        down(self.program, &self.base, why)
    }

    /// It refuses.
    pub(super) fn refuses(&self, why: &str) -> CommandError {
        let message = format!("{} at {} refuses: {why}", self.program.title(), self.base);
        CommandError::new(Fault::Failed, "client_refuses", message)
    }

    /// It answers what it should not.
    pub(super) fn rubbish(&self, why: &str) -> CommandError {
        let message = format!("what answers at {} does not speak like {}: {why}", self.base, self.program.title());
        CommandError::new(Fault::Failed, "client_answer", message)
    }

    /// An answer as JSON.
    pub(super) fn json(&self, answer: &Answer) -> Result<Value, CommandError> {
        serde_json::from_slice(&answer.body).map_err(|_| {
            let beginning = super::shown(&String::from_utf8_lossy(&answer.body[..answer.body.len().min(60)]));
            self.rubbish(&format!("no JSON, but {beginning:?} (status {})", answer.status.as_u16()))
        })
    }
}

fn down(program: Program, base: &Url, why: &str) -> CommandError {
    let turn_on = match program {
        Program::Qbittorrent => "turn its Web UI on",
        Program::Transmission => "allow remote access in it",
    };
    let title = program.title();
    let message =
        format!("{title} does not answer at {base} ({why}): start it, {turn_on}, or give its address with --url");
    CommandError::new(Fault::Failed, "client_down", message)
}

/// What an HTTP error is about in the end, without its address.
fn chain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", ANSWER_TIME.as_secs());
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}
