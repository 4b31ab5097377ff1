//! By what a program is let in that can send no header, and how it is told that it is not: in its own protocol.
//!
//! Whoever shows the API key or the secret path may read what such programs read, and nothing else: see [`takes_key`].

use super::super::problem::problem;
use super::super::session::{Session, Shown, hide};
use super::super::{Server, guard};
use super::feed;
use crate::doctor::tls::Asked;
use axum::extract::{Query, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::time::Duration;

/// An address under which this node is reached by other programs, beside its own: through a proxy that speaks TLS, or by
/// the name of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppsUrl {
    url: String,
    authority: String,
}

impl AppsUrl {
    /// Scheme and host, as links begin.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }
}

impl std::str::FromStr for AppsUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no such address: write it as https://heirloom.example or http://node:7340");
        let url = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let authority = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or_else(bad)?;
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']' | b'_');
        if authority.is_empty() || authority.len() > 255 || !authority.bytes().all(is_plain) {
            return Err(bad());
        }
        Ok(Self { authority: authority.to_owned(), url })
    }
}

/// Every `name=value` of an address, as forms write them.
pub(super) fn pairs(uri: &Uri) -> Vec<(String, String)> {
    Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default()
}

/// The secret part of the address of an add-on.
pub(in crate::http) fn path_secret(uri: &Uri) -> Option<&str> {
    uri.path().strip_prefix("/stremio/")?.split('/').next()
}

/// Whether an address may be opened by the API key.
fn takes_key(uri: &Uri) -> bool {
    let first = uri.path().split('/').nth(1).unwrap_or_default();
    matches!(first, "torznab" | "rss" | "opml" | "torrent" | "magnet" | "metrics" | "stream" | "subtitles")
        || uri.path() == "/qbittorrent/heirloom.py"
}

/// Whether an address tells nothing of the owner: whether the node is up, and what its feed can do.
pub(in crate::http) fn is_open(method: &Method, uri: &Uri) -> bool {
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    is_read && (matches!(uri.path(), "/health" | "/ready") || (is_feed(uri) && super::torznab::is_caps(&pairs(uri))))
}

fn is_feed(uri: &Uri) -> bool {
    uri.path() == "/torznab" || uri.path().starts_with("/torznab/")
}

/// Whether a request shows the API key.
pub(in crate::http) fn key_shown(server: &Server, method: &Method, uri: &Uri) -> Shown {
    if !takes_key(uri) || !matches!(*method, Method::GET | Method::HEAD) {
        return Shown::Nothing;
    }
    let given = pairs(uri).into_iter().find(|(name, _)| name.eq_ignore_ascii_case("apikey"));
    let Some((_, given)) = given else { return Shown::Nothing };
    let own = server.apps.keys.now();
    // Compared as digests: that takes as long wherever they differ.
    if !own.api.is_empty() && hide(&given) == hide(&own.api) { Shown::Right } else { Shown::Wrong }
}

/// Lets a program in by the secret in the path, from whichever site its page is; or answers.
pub(in crate::http) fn enter(server: &Server, request: &Request, secret: &str) -> Result<Session, Box<Response>> {
    if !is_secret(server, secret) {
        guard::note_failure(server, request);
        return Err(Box::new(problem(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")));
    }
    match *request.method() {
        Method::GET | Method::HEAD => Ok(Session::App),
        // Browsers ask so before a page of another site may reach into the owner's network.
        Method::OPTIONS => Err(Box::new(preflight())),
        _ => Err(Box::new(problem(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", "an add-on is only read"))),
    }
}

/// Notes for `doctor` that another machine asked for the add-on, and not by way of a proxy that the owner named.
pub(in crate::http) fn note_in_the_clear(server: &Server, request: &Request, from: IpAddr) {
    let is_addon = || path_secret(request.uri()).is_some_and(|secret| is_secret(server, secret));
    if !from.to_canonical().is_loopback() && is_addon() && host(server, request.headers(), request.uri()).is_none() {
        server.node.unencrypted().note(Asked::InTheClear, from, server.node.now().mono);
    }
}

fn is_secret(server: &Server, secret: &str) -> bool {
    let own = server.apps.keys.now();
    !own.path.is_empty() && hide(secret) == hide(&own.path)
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*"),
        (HeaderName::from_static("access-control-allow-private-network"), "true"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The Host header, if it is that of an address which the owner named for programs, and the request is one of theirs.
pub(in crate::http) fn host<'a>(server: &Server, headers: &'a HeaderMap, uri: &Uri) -> Option<&'a str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    let host = host.to_str().ok()?;
    let is_theirs = path_secret(uri).is_some() || takes_key(uri) || matches!(uri.path(), "/health" | "/ready");
    let is_named = |url: &&AppsUrl| url.authority.eq_ignore_ascii_case(host);
    (is_theirs && server.apps.urls.iter().any(|url| is_named(&url))).then_some(host)
}

/// How links begin that lead back to where a program asked.
pub(super) fn base(server: &Server, headers: &HeaderMap) -> String {
    // The guard has looked at it.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let named = server.apps.urls.iter().find(|url| url.authority.eq_ignore_ascii_case(host));
    named.map_or_else(|| format!("http://{host}"), |url| url.url.clone())
}

/// A refusal in the words of a feed's protocol, if the address is one: what the program would otherwise not understand.
pub(in crate::http) fn refusal(uri: &Uri, wait: Option<Duration>) -> Option<Response> {
    if !is_feed(uri) {
        return None;
    }
    let (status, code, message) = match wait {
        None => (StatusCode::UNAUTHORIZED, 100, "Invalid API key: copy it from `heirloom apps`"),
        Some(_) => (StatusCode::TOO_MANY_REQUESTS, 100, "Request limit reached: too many wrong API keys"),
    };
    let mut response = feed::error(status, code, message);
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_owner_s_are_read() {
        for (text, url) in [
            ("https://heirloom.example", "https://heirloom.example"),
            ("HTTP://Node:7340/", "http://node:7340"),
            (" https://[::1]:8443 ", "https://[::1]:8443"),
        ] {
            assert_eq!(text.parse::<AppsUrl>().map(|url| url.as_str().to_owned()).as_deref(), Ok(url));
        }
        for text in ["", "heirloom.example", "ftp://a", "https://", "https://a/b", "https://u@h", "http://a b"] {
            assert!(text.parse::<AppsUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn doors_are_told_from_other_addresses() {
        let secret = |uri: &'static str| path_secret(&Uri::from_static(uri)).map(str::to_owned);
        assert_eq!(secret("/stremio/ab/manifest.json").as_deref(), Some("ab"));
        assert_eq!(secret("/stremio/").as_deref(), Some(""));
        assert_eq!(secret("/stremio"), None);
        assert_eq!(secret("/api/v1/stremio/ab"), None);
        let takes = |uri: &'static str| takes_key(&Uri::from_static(uri));
        for uri in ["/torznab/api?t=caps", "/rss", "/metrics", "/stream/ab/0", "/torrent/ab.torrent"] {
            assert!(takes(uri), "{uri}");
        }
        for uri in ["/", "/api/v1/id", "/torznabx", "/node", "/api/v1/torznab"] {
            assert!(!takes(uri), "{uri}");
        }
        let open = |uri: &'static str| is_open(&Method::GET, &Uri::from_static(uri));
        assert!(open("/torznab/api?t=caps") && open("/torznab?T=CAPS") && open("/health") && open("/ready"));
        assert!(!open("/torznab/api?t=search&t=caps") && !open("/rss?t=caps") && !open("/torznab/api"));
        assert!(!is_open(&Method::POST, &Uri::from_static("/health")));
    }
}
