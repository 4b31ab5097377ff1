//! The HTTP API: one route a verb, for the CLI, for the page and for programs of this machine's owner.
//!
//! Host allow-list first, then origin, then token or cookie, on every route (`security.md` §6): see `guard`, and [`session`]
//! for how more routes are added. What the verbs mean, and the JSON that comes back, stand in [`Request`] and beside it;
//! the CLI uses the same.

mod answer;
mod apps;
mod artwork;
mod clients;
mod config;
mod curator;
mod events;
mod failures;
mod guard;
mod health;
mod intake;
mod named;
mod node;
mod openapi;
mod problem;
mod reads;
mod request;
mod routes;
mod rows;
mod seeding;
mod serve;
pub mod session;
mod stream;
mod tickets;
mod words;
mod writes;

pub use answer::{error_json, found_json, reindexed_json, starter as starter_json, to_json};
pub use apps::AppsUrl;
pub use clients::{PeerRow, SwarmRow, handing_off_json};
pub use config::config_of;
pub use curator::{card_html, card_json, contact_of, list_of, verified_list};
pub(crate) use health::check_json;
pub use health::status_json;
pub(crate) use intake::Large;
pub use node::answer_request;
pub use problem::{problem, refused};
pub(crate) use request::LINES_LIKED;
pub use request::{ListEntry, Request, SeedItem, parse, wish};
pub use routes::Routes;
pub use rows::{File as RowFile, Record, Release, Row};
pub use seeding::Seeding;
pub use session::Session;
pub(crate) use words::lines as lines_liked;

use crate::driver::Node;
use crate::page;
use apps::Apps;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use events::Events;
use failures::Failures;
use heirloom_core::command::{CommandError, Fault, RING_KEYS_MAX};
use named::Path;
use serde_json::{Value, json};
use session::Sessions;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use stream::Streams;
use stream::play::Choice;
use tickets::Tickets;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use writes::Writes;
use zeroize::Zeroizing;

/// Largest request body: a forum post and every flag of `publish` fit many times.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Largest body of a request about a ring: [`RING_KEYS_MAX`] keys in their longest form, 64 digits, with quotes and a
/// comma each, and the scope.
const RING_BODY_BYTES_MAX: usize = RING_KEYS_MAX * 67 + 1024;
/// Requests under way at once; one more gets 503. Lookups wait for the network, so several are normal.
const CONCURRENT_MAX: usize = 64;

/// Connections that may wait to be taken, as tokio has it.
const BACKLOG: u32 = 1024;

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

/// What every handler has.
pub struct Server {
    node: Node,
    token: Zeroizing<String>,
    address: SocketAddr,
    places: Semaphore,
    rings: Semaphore,
    uploads: Semaphore,
    sessions: Sessions,
    tickets: Tickets,
    streams: Streams,
    events: Events,
    failures: Mutex<Failures>,
    apps: Apps,
    writes: Writes,
}

/// The state of the routes.
pub type Shared = Arc<Server>;

impl Server {
    /// For a node whose API listens at this address.
    #[must_use]
    pub fn new(node: Node, token: Zeroizing<String>, address: SocketAddr) -> Shared {
        Self::reached_at(node, token, address, Vec::new())
    }

    /// The same, for a node that other programs of its owner's reach at these addresses too.
    #[must_use]
    pub fn reached_at(node: Node, token: Zeroizing<String>, address: SocketAddr, urls: Vec<AppsUrl>) -> Shared {
        let sessions = Sessions::open(node.home().clone(), address.port());
        let (places, rings, uploads) = (Semaphore::new(CONCURRENT_MAX), Semaphore::new(1), Semaphore::new(1));
        let (tickets, streams, events) = (Tickets::default(), Streams::default(), Events::default());
        let (failures, apps, writes) = (Mutex::default(), Apps::open(node.home().clone(), urls), Writes::default());
        Arc::new(Self {
            node,
            token,
            address,
            places,
            rings,
            uploads,
            sessions,
            tickets,
            streams,
            events,
            failures,
            apps,
            writes,
        })
    }

    /// The node.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Where the API listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An address that opens the page in a browser, once, within [`session::LINK_LIFETIME`].
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new_link(&self) -> Result<String, CommandError> {
        let secret = self.sessions.new_link(self.node.now())?;
        Ok(format!("http://{}/?once={secret}", self.authority()))
    }

    /// What to paste into which other program of the owner's: it holds their keys.
    #[must_use]
    pub fn plugs(&self) -> Value {
        apps::plugs(self)
    }

    /// Streams to players that are open now, at most `stream::STREAMS_MAX`.
    #[must_use]
    pub fn streams_open(&self) -> usize {
        self.streams.open()
    }

    /// Listeners to events now, at most `events::LISTENERS_MAX`.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.events.listeners()
    }

    /// A body of the page's own routes; beyond [`BODY_BYTES_MAX`] one at a time.
    pub(crate) async fn upload(&self, request: HttpRequest, bytes_max: usize) -> Result<Large<'_>, Box<Response>> {
        intake::collect_large(request.into_body(), bytes_max, &self.uploads).await
    }

    /// Host and port by which a program of this machine reaches the API.
    fn authority(&self) -> String {
        match self.address {
            SocketAddr::V4(address) if address.ip().is_unspecified() => format!("127.0.0.1:{}", address.port()),
            SocketAddr::V6(address) if address.ip().is_unspecified() => format!("[::1]:{}", address.port()),
            address => address.to_string(),
        }
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        // A panic while it was held cannot leave it half changed: every change is to one record.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As tokio's own `bind`, but on this thread and at once.
fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Binds the API's port. Within a runtime.
///
/// # Errors
/// When the port is in use: which, and what to do.
pub fn bind(address: SocketAddr) -> Result<TcpListener, CommandError> {
    // The owner's own door: whom it serves is not a matter of the way out.
    heirloom_outlet::outside(|| listener(address)).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AddrInUse => "is in use".to_owned(),
            _ => format!("cannot be used ({error})"),
        };
        let message = format!("{address} {why}: choose another address with --http, or stop the other program");
        CommandError::new(Fault::Failed, "http", message)
    })
}

/// Serves until cancelled.
pub async fn serve(listener: TcpListener, server: Shared, stop: CancellationToken) {
    let watching = tokio::spawn(events::watch(Arc::clone(&server), stop.clone()));
    let (node, unencrypted) = (server.node.clone(), server.node.unencrypted());
    serve::serve(listener, router(server), unencrypted, move || node.now().mono, stop).await;
    watching.abort();
}

/// Everything that is served. A module that serves more adds itself here; see [`session`].
#[must_use]
pub fn routes() -> Routes {
    let mut routes = Routes::new()
        .post("/api/v1/open", open)
        .post("/api/v1/sign-out", sign_out)
        .post("/api/v1/play", play)
        .post("/api/v1/ring", ring)
        // What is no verb is told so as what is none of its arguments.
        .post("/api/v1/{verb}", verb)
        .get("/api/v1/events", events::listen)
        .get("/stream/{infohash}/{file}", stream::stream)
        .get("/subtitles/{infohash}/{file}", stream::subtitles)
        .get("/api/v1/artwork/{digest}", artwork::artwork);
    let own = ["apps", "open", "play", "ring", "strm"];
    // Each by its name: an address that is also read would otherwise take no POST.
    for (name, _) in openapi::verbs().into_iter().filter(|(name, _)| !own.contains(&name.as_str())) {
        let verb = name.clone();
        let handler = move |State(server): State<Shared>, request: HttpRequest| async move {
            respond(&server, verb, request, BODY_BYTES_MAX).await
        };
        routes = routes.post(&format!("/api/v1/{name}"), handler);
    }
    routes.merge(reads::routes()).merge(apps::routes()).merge(page::routes())
}

fn router(server: Shared) -> Router {
    routes()
        .into_router()
        .fallback(missing)
        .method_not_allowed_fallback(|| async {
            let message = "this address takes another method: reads are GET, changes are POST";
            problem(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", message)
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&server), guard::guard))
        .with_state(server)
}

/// A page for people, JSON for programs.
async fn missing(request: HttpRequest) -> Response {
    let is_for_people = request.method() == Method::GET && !request.uri().path().starts_with("/api/");
    if is_for_people {
        return page::missing();
    }
    problem(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
}

/// Another link for a browser. Not by a browser: one that is signed in needs none.
async fn open(State(server): State<Shared>) -> Response {
    let lifetime_s = session::LINK_LIFETIME.as_secs();
    answer(server.new_link().map(|url| json!({ "url": url, "expires_in_s": lifetime_s })))
}

/// Begins to play: see [`stream`].
async fn play(State(server): State<Shared>, request: HttpRequest) -> Response {
    answer(match take("play", request, BODY_BYTES_MAX).await {
        Ok(Request::Play { what, file, episode, resolution, anyway }) => {
            stream::play::play(&server, Choice { what, file, episode, resolution, anyway }).await
        }
        Ok(_) => Err(CommandError::bad_input("bad_request", "this verb takes no such request")),
        Err(response) => return *response,
    })
}

/// Ends the session of the browser that asks.
async fn sign_out(State(server): State<Shared>, headers: HeaderMap) -> Response {
    let gone = server.sessions.end(&headers);
    let mut response = Json(json!({ "signed_out": true })).into_response();
    if let Some(gone) = gone {
        response.headers_mut().insert(header::SET_COOKIE, gone);
    }
    response
}

/// `POST /api/v1/<verb>` with the verb's arguments as a JSON object.
async fn verb(State(server): State<Shared>, Path(verb): Path<String>, request: HttpRequest) -> Response {
    respond(&server, verb, request, BODY_BYTES_MAX).await
}

/// The same for `ring`, whose body may be longer. One at a time, so that memory stays bounded.
async fn ring(State(server): State<Shared>, request: HttpRequest) -> Response {
    let Ok(_place) = server.rings.try_acquire() else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "busy", "a ring is being audited: try again in a moment");
    };
    respond(&server, "ring".into(), request, RING_BODY_BYTES_MAX).await
}

async fn respond(server: &Server, verb: String, request: HttpRequest, bytes_max: usize) -> Response {
    match take(&verb, request, bytes_max).await {
        Ok(request) => answer(answer_request(&server.node, request).await),
        Err(response) => *response,
    }
}

/// The request of a verb. A refusal is large and rare.
async fn take(verb: &str, request: HttpRequest, bytes_max: usize) -> Result<Request, Box<Response>> {
    let body = intake::collect(request.into_body(), bytes_max).await?;
    read(verb.to_owned(), &body).map_err(|error| Box::new(refused(&error)))
}

fn read(verb: String, body: &[u8]) -> Result<Request, CommandError> {
    let bad = |error: serde_json::Error| CommandError::bad_input("bad_request", format!("not a request: {error}"));
    let mut value: Value = if body.is_empty() { json!({}) } else { serde_json::from_slice(body).map_err(bad)? };
    let Some(fields) = value.as_object_mut() else {
        return Err(CommandError::bad_input("bad_request", "send the arguments as a JSON object"));
    };
    // serde asks for no unknown fields only where there are fields.
    if let Some(surprise) = fields.keys().next()
        && openapi::takes_nothing(&verb)
    {
        let name: String = surprise.chars().take(40).collect();
        return Err(CommandError::bad_input(
            "bad_request",
            format!("{verb} takes no arguments, but {name:?} is given"),
        ));
    }
    fields.insert("verb".into(), Value::String(verb));
    serde_json::from_value(value).map_err(bad)
}

fn answer(result: Result<Value, CommandError>) -> Response {
    match result {
        // COST: written by serde_json's own code, which is optimised; what is generic would be compiled here, and is not.
        Ok(value) => ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response(),
        Err(error) => refused(&error),
    }
}
