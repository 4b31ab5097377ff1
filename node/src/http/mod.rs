//! The HTTP API: one route a verb, for the CLI and for programs of this machine's owner.
//!
//! Host allow-list first, then origin, then token, on every route (`security.md` §6). What the verbs mean, and the JSON
//! that comes back, stand in [`Request`] and beside it; the CLI uses the same.

mod answer;
mod health;
mod node;
mod request;
mod rows;

pub use answer::{error_json, found_json, reindexed_json, starter as starter_json, to_json};
pub use health::status_json;
pub use node::answer_request;
pub use request::{ListEntry, Request, parse, wish};
pub use rows::{File as RowFile, Record, Release, Row};

use crate::driver::Node;
use crate::page;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Path, Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use heirloom_core::command::{CommandError, Fault, RING_KEYS_MAX};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// Largest request body: a forum post and every flag of `publish` fit many times.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Largest body of a request about a ring: [`RING_KEYS_MAX`] keys in their longest form, 64 digits, with quotes and a
/// comma each, and the scope.
const RING_BODY_BYTES_MAX: usize = RING_KEYS_MAX * 67 + 1024;
/// Requests under way at once; one more gets 503. Lookups wait for the network, so several are normal.
const CONCURRENT_MAX: usize = 64;

/// Exit code of a fault, as the CLI contract says.
#[must_use]
pub fn exit_code(fault: Fault) -> u8 {
    match fault {
        Fault::Failed => 1,
        Fault::BadInput => 2,
        Fault::NotFound => 3,
        Fault::Refused => 4,
    }
}

fn http_status(fault: Fault) -> StatusCode {
    match fault {
        Fault::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        Fault::BadInput => StatusCode::BAD_REQUEST,
        Fault::NotFound => StatusCode::NOT_FOUND,
        Fault::Refused => StatusCode::FORBIDDEN,
    }
}

/// A request's body, or why there is none: longer than it may be, or cut off.
type Body = Result<Bytes, BytesRejection>;

struct Server {
    node: Node,
    token: Zeroizing<String>,
    address: SocketAddr,
    places: Semaphore,
    rings: Semaphore,
}

/// Binds the API's port.
///
/// # Errors
/// When the port is in use: which, and what to do.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AddrInUse => "is in use".to_owned(),
            _ => format!("cannot be used ({error})"),
        };
        let message = format!("{address} {why}: choose another address with --http, or stop the other program");
        CommandError::new(Fault::Failed, "http", message)
    })
}

/// Serves until cancelled.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    node: Node,
    token: Zeroizing<String>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let server =
        Arc::new(Server { node, token, address, places: Semaphore::new(CONCURRENT_MAX), rings: Semaphore::new(1) });
    axum::serve(listener, router(server)).with_graceful_shutdown(async move { stop.cancelled().await }).await
}

fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/api/v1/{verb}", post(verb))
        .route("/api/v1/ring", post(ring).layer(DefaultBodyLimit::max(RING_BODY_BYTES_MAX)))
        .merge(page::router(server.node.clone()))
        .fallback(missing)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&server), guard))
        .with_state(server)
}

fn problem(status: StatusCode, code: &'static str, message: &str) -> Response {
    let error = CommandError::new(Fault::Failed, code, message);
    (status, Json(error_json(&error))).into_response()
}

/// JSON for programs, a page for people.
async fn missing(request: HttpRequest) -> Response {
    if request.uri().path().starts_with("/api/") || request.method() != Method::GET {
        return problem(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address");
    }
    page::missing()
}

/// Everything that is checked before a route is looked at.
async fn guard(State(server): State<Arc<Server>>, request: HttpRequest, next: Next) -> Response {
    let refusal = check(&server, request.method(), request.uri().path(), request.headers());
    let mut response = match refusal {
        Some(refusal) => refusal,
        None => match server.places.try_acquire() {
            Ok(_place) => next.run(request).await,
            Err(_) => {
                problem(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many requests at once: try again in a moment")
            }
        },
    };
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        // A page has a policy of its own, and what never changes may be kept.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn check(server: &Server, method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
    if !is_own_host(headers, server.address) {
        // A page that makes a name of its own point here (DNS rebinding) still sends that name.
        return Some(problem(
            StatusCode::MISDIRECTED_REQUEST,
            "wrong_host",
            "use http://127.0.0.1 and the node's port",
        ));
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let own = format!("http://{}", server.address);
        if origin.as_bytes() != own.as_bytes() {
            return Some(problem(StatusCode::FORBIDDEN, "cross_origin", "other sites may not use this API"));
        }
    }
    if !has_token(headers, &server.token) {
        if path == "/" && method == Method::GET {
            return Some(welcome(server.address));
        }
        let message = "send the token of the node's api-token file: Authorization: Bearer …";
        return Some(problem(StatusCode::UNAUTHORIZED, "unauthorized", message));
    }
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().split(|b| *b == b';').next() == Some(b"application/json"));
    if method == Method::POST && !is_json {
        let message = "send JSON with Content-Type: application/json";
        return Some(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", message));
    }
    None
}

/// Exactly one Host header that names this listener by address or as localhost.
fn is_own_host(headers: &HeaderMap, address: SocketAddr) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let port = address.port();
    let own = [address.to_string(), format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")];
    own.iter().any(|own| own.as_bytes() == host.as_bytes())
}

/// Compares in constant time, so that nobody can guess the token letter by letter.
fn has_token(headers: &HeaderMap, token: &str) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let Some(given) = given else { return false };
    let differing = given.iter().zip(token.as_bytes()).fold(0_u8, |acc, (a, b)| acc | (a ^ b));
    given.len() == token.len() && differing == 0
}

/// For whoever has no token yet.
fn welcome(address: SocketAddr) -> Response {
    let text = format!(
        "Heirloom {} is running at {}.\nIts API is under /api/v1 and wants the token of the node's api-token file.\n\
         Try: heirloom search, heirloom show, heirloom follow.\n",
        env!("CARGO_PKG_VERSION"),
        address,
    );
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// `POST /api/v1/<verb>` with the verb's arguments as a JSON object.
async fn verb(State(server): State<Arc<Server>>, Path(verb): Path<String>, body: Body) -> Response {
    respond(&server, verb, body).await
}

/// The same for `ring`, whose body may be longer. One at a time, so that memory stays bounded.
async fn ring(State(server): State<Arc<Server>>, request: HttpRequest) -> Response {
    let Ok(_place) = server.rings.try_acquire() else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "busy", "a ring is being audited: try again in a moment");
    };
    let body = Body::from_request(request, &()).await.unwrap_or_else(|never| match never {});
    respond(&server, "ring".into(), body).await
}

async fn respond(server: &Server, verb: String, body: Body) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(refused) => return problem(refused.status(), "bad_body", &refused.body_text().to_lowercase()),
    };
    let request = match read(verb, &body) {
        Ok(request) => request,
        Err(error) => return answer(Err(error)),
    };
    answer(answer_request(&server.node, request).await)
}

fn read(verb: String, body: &[u8]) -> Result<Request, CommandError> {
    let bad = |error: serde_json::Error| CommandError::bad_input("bad_request", format!("not a request: {error}"));
    let mut value: Value = if body.is_empty() { json!({}) } else { serde_json::from_slice(body).map_err(bad)? };
    let Some(fields) = value.as_object_mut() else {
        return Err(CommandError::bad_input("bad_request", "send the arguments as a JSON object"));
    };
    fields.insert("verb".into(), Value::String(verb));
    serde_json::from_value(value).map_err(bad)
}

fn answer(result: Result<Value, CommandError>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => (http_status(error.fault), Json(error_json(&error))).into_response(),
    }
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
            assert!(is_own_host(&headers(&[("host", host)]), address), "{host}");
        }
        for host in ["evil.example:7340", "127.0.0.1", "127.0.0.1:80", "localhost:7340.evil.example", ""] {
            assert!(!is_own_host(&headers(&[("host", host)]), address), "{host}");
        }
        assert!(!is_own_host(&headers(&[]), address));
        assert!(!is_own_host(&headers(&[("host", "localhost:7340"), ("host", "localhost:7340")]), address));
    }

    #[test]
    fn only_the_whole_token_passes() {
        assert!(has_token(&headers(&[("authorization", "Bearer abcd")]), "abcd"));
        for value in ["Bearer abc", "Bearer abcde", "Bearer abce", "Basic abcd", "Bearer "] {
            assert!(!has_token(&headers(&[("authorization", value)]), "abcd"), "{value}");
        }
        assert!(!has_token(&headers(&[]), "abcd"));
    }
}
