//! What is checked before a route is looked at, and the headers of every response (`security.md` §6).

use super::problem::problem;
use super::session::{self, Session, Shown};
use super::stream::play;
use super::{Server, Shared, apps, intake};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// What a page may load and do: what is ours, nothing inline, no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Longest head of a request, in bytes. Longer ones get 431.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// The address that a connection came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client(pub(super) IpAddr);

/// Checks, then serves, then adds the headers that every response has.
pub(super) async fn guard(State(server): State<Shared>, mut request: Request, next: Next) -> Response {
    let mut response = match check(&server, &request) {
        Err(refusal) => {
            intake::discard(request.into_body()).await;
            *refusal
        }
        Ok(session) => match server.places.try_acquire() {
            Ok(_place) => {
                request.extensions_mut().insert(session);
                next.run(request).await
            }
            Err(_) => {
                intake::discard(request.into_body()).await;
                let message = "too many requests at once: try again in a moment";
                problem(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
            }
        },
    };
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// A refusal is large and rare.
type Checked = Result<Session, Box<Response>>;

fn check(server: &Server, request: &Request) -> Checked {
    let (headers, method) = (request.headers(), request.method());
    if head_bytes(request) > HEAD_BYTES_MAX {
        let message = format!("send at most {HEAD_BYTES_MAX} bytes of address and headers");
        return Err(Box::new(problem(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "long_head", message)));
    }
    apps::note_in_the_clear(server, request, client_of(request));
    let own = own_host(headers, server.address).or_else(|| apps::host(server, headers, request.uri()));
    let host = own.ok_or_else(|| {
        // A page that makes a name of its own point here (DNS rebinding) still sends that name.
        Box::new(problem(StatusCode::MISDIRECTED_REQUEST, "wrong_host", "use http://127.0.0.1 and the node's port"))
    })?;
    // An add-on is asked by the page of another site, which knows the secret in its path.
    if let Some(secret) = apps::path_secret(request.uri()) {
        return apps::enter(server, request, secret);
    }
    let is_change = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let from = Origin::of(headers, host);
    if from == Origin::Other && (is_change || !is_navigation(headers)) {
        return Err(Box::new(problem(StatusCode::FORBIDDEN, "cross_origin", "other sites may not use this API")));
    }
    let session = identify(server, request)?;
    if is_change && session == Session::Browser && from == Origin::Unsaid {
        let message = "a change by a browser needs its Origin or Sec-Fetch-Site header";
        return Err(Box::new(problem(StatusCode::FORBIDDEN, "cross_origin", message)));
    }
    // Also what makes a browser ask before another site may send it.
    if is_change && !is_json(headers) {
        let message = "send JSON with Content-Type: application/json";
        return Err(Box::new(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", message)));
    }
    if is_change
        && session == Session::Browser
        && let Err(wait) = server.writes.take(server.node.now().mono)
    {
        return Err(Box::new(too_many_changes(wait)));
    }
    Ok(session)
}

/// The head of a request as it stood on the wire, but for the few letters of its method and version.
fn head_bytes(request: &Request) -> usize {
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let uri = request.uri();
    uri.path().len() + uri.query().map_or(0, str::len) + fields.sum::<usize>()
}

fn too_many_changes(wait: Duration) -> Response {
    let message = "too many changes by browsers in the last minute: try again in a moment";
    let mut response = problem(StatusCode::TOO_MANY_REQUESTS, "too_many_changes", message);
    let seconds = HeaderValue::from(wait.as_secs() + 1);
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

/// By what a request may be served; or why not.
fn identify(server: &Server, request: &Request) -> Checked {
    let now = server.node.now();
    let client = client_of(request);
    let waits = || server.failures().wait(client, now.mono);
    if !client.to_canonical().is_loopback()
        && let Some(wait) = waits()
    {
        return Err(Box::new(too_many_failures(request.uri(), wait)));
    }
    if apps::is_open(request.method(), request.uri()) {
        return Ok(Session::Anybody);
    }
    let headers = request.headers();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let ticket = play::ticket_of(request.uri()).filter(|_| is_read);
    if ticket.is_some_and(|(infohash, ticket)| server.tickets.opens(ticket, infohash, now.mono)) {
        return Ok(Session::Ticket);
    }
    let token = token_shown(headers, &server.token);
    if token == Shown::Right {
        return Ok(Session::Token);
    }
    let key = apps::key_shown(server, request.method(), request.uri());
    if key == Shown::Right {
        return Ok(Session::App);
    }
    let cookie = server.sessions.shown(headers, now);
    let link = link_of(request.method(), request.uri());
    if cookie == Shown::Right {
        return if link.is_some() { Err(Box::new(to_page(None))) } else { Ok(Session::Browser) };
    }
    let mut is_wrong = ticket.is_some() || key == Shown::Wrong || token == Shown::Wrong || cookie == Shown::Wrong;
    if let Some(link) = link {
        match server.sessions.exchange(link, now) {
            Ok(Some(set_cookie)) => return Err(Box::new(to_page(Some(set_cookie)))),
            Ok(None) => is_wrong = true,
            Err(error) => return Err(Box::new(super::problem::refused(&error))),
        }
    }
    if is_wrong {
        server.failures().note(client, now.mono);
        if let Some(wait) = waits() {
            return Err(Box::new(too_many_failures(request.uri(), wait)));
        }
    }
    if let Some(refusal) = apps::refusal(request.uri(), None) {
        return Err(Box::new(refusal));
    }
    let mut refusal = if link.is_some() {
        session::signed_out("This link was used, or is older than five minutes: run `heirloom open` for another.")
    } else if is_navigation(headers) {
        session::signed_out("This is a Heirloom node. To open its page here, run `heirloom open` on its machine.")
    } else {
        session::unauthorized()
    };
    if cookie == Shown::Wrong
        && let Some(gone) = server.sessions.no_cookie()
    {
        refusal.headers_mut().insert(header::SET_COOKIE, gone);
    }
    Err(Box::new(refusal))
}

fn client_of(request: &Request) -> IpAddr {
    request.extensions().get::<Client>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |client| client.0)
}

/// Counts a wrong secret that was no token, cookie or link.
pub(super) fn note_failure(server: &Server, request: &Request) {
    server.failures().note(client_of(request), server.node.now().mono);
}

fn too_many_failures(uri: &Uri, wait: Duration) -> Response {
    if let Some(refusal) = apps::refusal(uri, Some(wait)) {
        return refusal;
    }
    let message = "too many wrong tokens, cookies or links from this address: wait, then use the node's api-token file";
    let mut response = problem(StatusCode::TOO_MANY_REQUESTS, "too_many_failures", message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    response
}

/// Leads to the page, out of an address that holds a secret.
fn to_page(set_cookie: Option<HeaderValue>) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response();
    if let Some(set_cookie) = set_cookie {
        response.headers_mut().insert(header::SET_COOKIE, set_cookie);
    }
    response
}

/// The secret of `GET /?once=…`.
fn link_of<'a>(method: &Method, uri: &'a Uri) -> Option<&'a str> {
    let query = uri.query().filter(|_| method == Method::GET && uri.path() == "/")?;
    query.split('&').find_map(|pair| pair.strip_prefix("once="))
}

/// Whose page asks, by what only the browser can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// No page of anybody's: an own one, or the address bar.
    Own,
    /// Another site, or a program on another port of this machine.
    Other,
    /// No browser, or one that does not tell.
    Unsaid,
}

impl Origin {
    fn of(headers: &HeaderMap, host: &str) -> Self {
        let mut origins = headers.get_all(header::ORIGIN).iter().peekable();
        if origins.peek().is_some() {
            let is_own = |origin: &HeaderValue| origin.as_bytes().strip_prefix(b"http://") == Some(host.as_bytes());
            return if origins.all(is_own) { Self::Own } else { Self::Other };
        }
        match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
            None => Self::Unsaid,
            Some(b"same-origin" | b"none") => Self::Own,
            Some(_) => Self::Other,
        }
    }
}

/// Whether somebody follows a link or opens an address: they see what comes, the page that led here does not.
fn is_navigation(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &[u8]| headers.get(name).is_some_and(|header| header.as_bytes() == value);
    let has_origin = headers.contains_key(header::ORIGIN);
    !has_origin && is("sec-fetch-mode", b"navigate") && is("sec-fetch-dest", b"document")
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The one Host header, if it names this listener by address or as localhost.
fn own_host(headers: &HeaderMap, address: SocketAddr) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    let port = address.port();
    let own = [address.to_string(), format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")];
    host.to_str().ok().filter(|host| own.iter().any(|own| own == host))
}

/// Compares in constant time, so that nobody can guess the token letter by letter.
fn token_shown(headers: &HeaderMap, token: &str) -> Shown {
    let Some(given) = headers.get(header::AUTHORIZATION) else { return Shown::Nothing };
    let Some(given) = given.as_bytes().strip_prefix(b"Bearer ") else { return Shown::Wrong };
    let differing = given.iter().zip(token.as_bytes()).fold(0_u8, |acc, (a, b)| acc | (a ^ b));
    if given.len() == token.len() && differing == 0 && !token.is_empty() { Shown::Right } else { Shown::Wrong }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_own_hosts_pass() {
        let address = "127.0.0.1:7340".parse().expect("address");
        for host in ["127.0.0.1:7340", "localhost:7340", "[::1]:7340"] {
            assert_eq!(own_host(&headers(&[("host", host)]), address), Some(host));
        }
        for host in ["evil.example:7340", "127.0.0.1", "127.0.0.1:80", "localhost:7340.evil.example", ""] {
            assert_eq!(own_host(&headers(&[("host", host)]), address), None, "{host}");
        }
        assert_eq!(own_host(&headers(&[]), address), None);
        assert_eq!(own_host(&headers(&[("host", "localhost:7340"), ("host", "localhost:7340")]), address), None);
    }

    #[test]
    fn only_the_whole_token_passes() {
        assert_eq!(token_shown(&headers(&[("authorization", "Bearer abcd")]), "abcd"), Shown::Right);
        for value in ["Bearer abc", "Bearer abcde", "Bearer abce", "Basic abcd", "Bearer "] {
            assert_eq!(token_shown(&headers(&[("authorization", value)]), "abcd"), Shown::Wrong, "{value}");
        }
        assert_eq!(token_shown(&headers(&[]), "abcd"), Shown::Nothing);
        assert_eq!(token_shown(&headers(&[("authorization", "Bearer ")]), ""), Shown::Wrong, "empty is not open");
    }

    #[test]
    fn origins_are_told_apart() {
        let host = "127.0.0.1:7340";
        let of = |pairs: &[(&'static str, &'static str)]| Origin::of(&headers(pairs), host);
        assert_eq!(of(&[]), Origin::Unsaid);
        assert_eq!(of(&[("origin", "http://127.0.0.1:7340")]), Origin::Own);
        for origin in ["http://127.0.0.1:7341", "https://127.0.0.1:7340", "http://evil.example", "null", ""] {
            let all = [("origin", origin), ("sec-fetch-site", "same-origin")];
            assert_eq!(of(&all), Origin::Other, "{origin:?}");
        }
        assert_eq!(of(&[("origin", "http://127.0.0.1:7340"), ("origin", "http://evil.example")]), Origin::Other);
        for (site, origin) in [
            ("same-origin", Origin::Own),
            ("none", Origin::Own),
            ("same-site", Origin::Other),
            ("cross-site", Origin::Other),
            ("?", Origin::Other),
        ] {
            assert_eq!(of(&[("sec-fetch-site", site)]), origin, "{site}");
        }
    }

    #[test]
    fn links_are_read_from_the_start_page_alone() {
        let link = |method, uri: &'static str| link_of(&method, &Uri::from_static(uri)).map(str::to_owned);
        assert_eq!(link(Method::GET, "/?once=ab").as_deref(), Some("ab"));
        assert_eq!(link(Method::GET, "/?x=1&once=ab").as_deref(), Some("ab"));
        for (method, uri) in
            [(Method::HEAD, "/?once=ab"), (Method::POST, "/?once=ab"), (Method::GET, "/x?once=ab"), (Method::GET, "/")]
        {
            assert_eq!(link(method, uri), None, "{uri}");
        }
    }
}
