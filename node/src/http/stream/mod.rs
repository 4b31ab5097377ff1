//! Films that play while they arrive: `/stream/<infohash>/<file index>`, and `/subtitles/<infohash>/<file index>.vtt`.
//!
//! Both begin the download where the release is allowed by trust, as `get` does, and wait for what they need of it: the
//! metadata, the beginning of the file (which tells what it is), then the part that was asked for. Pieces at the reading
//! position are fetched first, so a player may jump to where nothing is yet. Bytes are booked like those of any download.
//! What a player sees is only the file's type, its size and its bytes; [`play`] hands out addresses for it.

mod body;
pub(super) mod kind;
pub(super) mod play;
mod range;
mod subtitles;

use super::named::Path;
use super::problem::{problem, refused};
use super::{Server, Session, Shared};
use crate::torrent::{Engine, Metainfo, Stream, StreamError};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use heirloom_core::command::{Choice, Command, CommandError, Fault, Reply, Subject, Wanted};
use heirloom_core::fitting::Pick;
use heirloom_core::views;
use heirloom_proto::Infohash;
use heirloom_proto::body::Scope;
use range::Span;
use std::collections::BTreeMap;
use std::io::SeekFrom;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Streams to players at once: ten viewers, and two of them that jump, which opens the next stream before the last one ends.
/// `security.md` §6 names eight, with which the ninth viewer of a household would be turned away. Each holds a look-ahead
/// of 32 MB of the download for itself; the engine's own limit of 32 stands behind it.
pub const STREAMS_MAX: usize = 12;
/// How long a further one waits for a place. A player that jumps drops one stream as it opens the next.
const PLACE_WAIT: Duration = Duration::from_secs(2);
/// Longest wait for somebody who has the metadata, and for the beginning of the file.
const BEGINNING_WAIT: Duration = Duration::from_secs(45);
/// How often the metadata is looked for: the engine has no word for it.
const LOOK_PERIOD: Duration = Duration::from_millis(50);
/// Files whose type is remembered. More are looked at again.
const KINDS_MAX: usize = 4096;
/// What a file may do if a browser opens it as a page.
const POLICY: &str = "default-src 'none'; media-src 'self'; frame-ancestors 'none'; sandbox";

/// Streams under way, and what is known of the files.
pub(super) struct Streams {
    places: Arc<Semaphore>,
    kinds: Mutex<BTreeMap<(Infohash, usize), &'static str>>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(STREAMS_MAX)), kinds: Mutex::default() }
    }
}

impl Streams {
    /// How many are open.
    pub(super) fn open(&self) -> usize {
        STREAMS_MAX - self.places.available_permits()
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, CommandError> {
        let place = tokio::time::timeout(PLACE_WAIT, Arc::clone(&self.places).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or_else(|| {
            let message = format!("{STREAMS_MAX} streams are open already: close a player and try again");
            CommandError::new(Fault::Failed, "too_many_streams", message)
        })
    }

    fn kind(&self, file: (Infohash, usize)) -> Option<&'static str> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).get(&file).copied()
    }

    fn note(&self, file: (Infohash, usize), kind: &'static str) {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        while kinds.len() >= KINDS_MAX {
            kinds.pop_first();
        }
        kinds.insert(file, kind);
    }
}

/// A file of a torrent whose metadata is here.
struct Chosen {
    engine: Engine,
    infohash: Infohash,
    index: usize,
    /// The last part of its path.
    name: String,
    bytes: u64,
}

/// `GET /stream/<infohash>/<file index>`.
pub(super) async fn stream(
    State(server): State<Shared>,
    session: Session,
    Path((infohash, file)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let asked = serve(&server, session, &infohash, &file, &method, &headers).await;
    asked.unwrap_or_else(|error| refused(&error))
}

/// The same, at whatever address.
pub(super) async fn serve(
    server: &Server,
    session: Session,
    infohash: &str,
    file: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, CommandError> {
    let (infohash, index) = (read_infohash(infohash)?, read_index(file)?);
    let engine = engine_of(server)?;
    begin(server, session, infohash, index).await?;
    let metainfo = metainfo(server, &engine, infohash).await?;
    let chosen = choose(engine, &metainfo, infohash, index)?;
    let tag = format!("\"{infohash}-{index}\"");
    let is_same = headers.get(header::IF_RANGE).is_none_or(|known| known.as_bytes() == tag.as_bytes());
    let ranges = headers.get_all(header::RANGE).iter().filter(|_| is_same && method == Method::GET);
    let span = match range::wanted(ranges.map(HeaderValue::as_bytes), chosen.bytes) {
        range::Wanted::Whole => None,
        range::Wanted::Part(span) => Some(span),
        range::Wanted::Nothing => return Ok(no_such_range(chosen.bytes)),
    };
    let place = if method == Method::HEAD { None } else { Some(server.streams.place().await?) };
    let (kind, reader) = opened(server, &chosen).await?;
    let mut response = match (place, reader) {
        (Some(place), Some(reader)) => sent(chosen, reader, span, place).await?,
        _ => with_length(StatusCode::OK, chosen.bytes, Body::empty()),
    };
    let response_headers = response.headers_mut();
    response_headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response_headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response_headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response_headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

fn no_such_range(bytes: u64) -> Response {
    let message = format!("ask for one range of the file's {bytes} bytes, such as bytes=0-1023");
    let mut response = problem(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", message);
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{bytes}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

fn with_length(status: StatusCode, bytes: u64, body: Body) -> Response {
    (status, [(header::CONTENT_LENGTH, HeaderValue::from(bytes))], body).into_response()
}

async fn sent(
    chosen: Chosen,
    mut reader: Box<dyn Stream>,
    span: Option<Span>,
    place: OwnedSemaphorePermit,
) -> Result<Response, CommandError> {
    let Chosen { engine, infohash, bytes, .. } = chosen;
    let (status, first, length) = match span {
        Some(span) => (StatusCode::PARTIAL_CONTENT, span.first, span.bytes()),
        None => (StatusCode::OK, 0, bytes),
    };
    let failed = |error: std::io::Error| CommandError::new(Fault::Failed, "stream_failed", error.to_string());
    reader.seek(SeekFrom::Start(first)).await.map_err(failed)?;
    let mut response = with_length(status, length, body::body(engine, infohash.0, reader, length, place));
    if let Some(span) = span
        && let Ok(value) = HeaderValue::from_str(&format!("bytes {}-{}/{bytes}", span.first, span.last))
    {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

/// A file and what it is. Without a reader when its type is remembered and nobody reads: an empty file has none either.
async fn opened(server: &Server, chosen: &Chosen) -> Result<(&'static str, Option<Box<dyn Stream>>), CommandError> {
    let mut reader = open(chosen).await?;
    let file = (chosen.infohash, chosen.index);
    if let Some(kind) = server.streams.kind(file) {
        return Ok((kind, Some(reader)));
    }
    let mut head = Vec::new();
    let mut beginning = (&mut reader).take(kind::LOOKED_AT as u64);
    match tokio::time::timeout(BEGINNING_WAIT, beginning.read_to_end(&mut head)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(CommandError::new(Fault::Failed, "stream_failed", error.to_string())),
        Err(_) => return Err(not_ready("nobody has sent the beginning of this file yet: try again in a moment")),
    }
    let kind = kind::of(&chosen.name, &head);
    server.streams.note(file, kind);
    Ok((kind, Some(reader)))
}

async fn open(chosen: &Chosen) -> Result<Box<dyn Stream>, CommandError> {
    let opened = tokio::time::timeout(BEGINNING_WAIT, async {
        loop {
            // Between its metadata and the word of which files to fetch it is known, but does not run yet.
            match chosen.engine.stream(chosen.infohash.0, chosen.index).await {
                Err(StreamError::NotReady { .. }) => tokio::time::sleep(LOOK_PERIOD).await,
                opened => return opened,
            }
        }
    });
    let Ok(opened) = opened.await else {
        return Err(not_ready("what is on disk of this file is still being checked: try again in a moment"));
    };
    opened.map_err(|error| match &error {
        StreamError::TooMany { .. } => {
            let message = "too many streams are open already: close a player and try again";
            CommandError::new(Fault::Failed, "too_many_streams", message)
        }
        StreamError::NoFile { .. } => CommandError::not_found("no_such_file", error.to_string()),
        StreamError::NotReady { .. } => not_ready(&error.to_string()),
        StreamError::Session { .. } => CommandError::new(Fault::Failed, "stream_failed", error.to_string()),
    })
}

fn not_ready(message: &str) -> CommandError {
    CommandError::new(Fault::Failed, "not_ready", message)
}

fn read_infohash(text: &str) -> Result<Infohash, CommandError> {
    text.parse()
        .map_err(|error: heirloom_proto::ids::IdError| CommandError::bad_input("bad_infohash", error.to_string()))
}

fn read_index(text: &str) -> Result<usize, CommandError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let index = text.parse().ok().filter(|_| is_number);
    index.ok_or_else(|| CommandError::bad_input("bad_file", "the index of a file is a number, counted from 0"))
}

fn engine_of(server: &Server) -> Result<Engine, CommandError> {
    let engine = server.node.networks().engine.clone();
    engine.ok_or_else(|| CommandError::new(Fault::Failed, "offline", "this node runs --offline: it has no torrents"))
}

/// Begins the download, if the release may be fetched. Who has a ticket was told so already.
async fn begin(server: &Server, session: Session, infohash: Infohash, index: usize) -> Result<(), CommandError> {
    let engine = server.node.networks().engine.as_ref();
    let is_sound = |engine: &&Engine| engine.progress(infohash.0).is_some_and(|progress| progress.error.is_none());
    let engine = engine.filter(is_sound);
    if session == Session::Ticket && engine.is_some_and(|engine| engine.fetches(infohash.0, index)) {
        return Ok(());
    }
    // An address of our own leads to what somebody listed. Whoever wants another release says so, by `play` or `get`.
    if engine.is_none() && !is_listed(server, infohash).await? {
        let message = format!("no listing of {infohash} is known here: `heirloom play {infohash}` looks for it anyway");
        return Err(CommandError::not_found("unknown_release", message));
    }
    // What is fetched in part gets this file too; what is fetched whole stays so.
    let pick = Some(Pick::File(u32::try_from(index).unwrap_or(u32::MAX)));
    let choice = Choice { pick, lines: server.node.desk().lines_liked() };
    fetch(server, Wanted::Release(infohash), &choice, false).await.map(|_| ())
}

/// Whether anybody said anything of a release.
async fn is_listed(server: &Server, infohash: Infohash) -> Result<bool, CommandError> {
    let why = Command::Why { subject: Subject::Release(infohash), scope: Scope::Catalogue };
    Ok(match &*server.node.command(why).await? {
        Reply::Why(why) => !why.because.is_empty() || !why.ignored.is_empty() || why.ignored_more > 0,
        _ => false,
    })
}

/// As `get`: refuses what is not trusted, and begins anew what lost its files.
async fn fetch(server: &Server, what: Wanted, choice: &Choice, anyway: bool) -> Result<views::Getting, CommandError> {
    let command = Command::Get { what, to: None, anyway, choice: choice.clone() };
    let node = &server.node;
    let mut reply = node.command(command.clone()).await?;
    if let Reply::Getting(getting) = &*reply
        && node.downloads().forget_if_lost(getting.infohash).await
    {
        reply = node.command(command).await?;
    }
    match &*reply {
        Reply::Getting(getting) => Ok(getting.clone()),
        _ => Err(CommandError::new(Fault::Failed, "failed", "the node did not say what it fetches")),
    }
}

/// The metadata, once somebody has sent it.
async fn metainfo(server: &Server, engine: &Engine, infohash: Infohash) -> Result<Arc<Metainfo>, CommandError> {
    let found = tokio::time::timeout(BEGINNING_WAIT, async {
        loop {
            if let Some(metainfo) = engine.metainfo(infohash.0) {
                return Ok(metainfo);
            }
            // A refusal: its metadata is not what was signed, say.
            server.node.downloads().state_of(infohash)?;
            tokio::time::sleep(LOOK_PERIOD).await;
        }
    });
    let message = "nobody who has this release was found yet: the node goes on looking, try again in a moment";
    found.await.unwrap_or_else(|_| Err(not_ready(message)))
}

fn choose(engine: Engine, metainfo: &Metainfo, infohash: Infohash, index: usize) -> Result<Chosen, CommandError> {
    let file = metainfo.files.get(index).filter(|file| !file.padding).ok_or_else(|| {
        let files = metainfo.files.iter().filter(|file| !file.padding).count();
        CommandError::not_found("no_such_file", format!("{infohash} has {files} files, and none of the index {index}"))
    })?;
    let name = file.path.last().cloned().unwrap_or_else(|| metainfo.name.clone());
    Ok(Chosen { engine, infohash, index, name, bytes: file.bytes })
}

/// `GET /subtitles/<infohash>/<file index>.vtt`.
pub(super) async fn subtitles(
    State(server): State<Shared>,
    session: Session,
    Path((infohash, file)): Path<(String, String)>,
) -> Response {
    match read_subtitles(&server, session, &infohash, &file).await {
        Ok(vtt) => ([(header::CONTENT_TYPE, HeaderValue::from_static("text/vtt; charset=utf-8"))], vtt).into_response(),
        Err(error) => refused(&error),
    }
}

async fn read_subtitles(server: &Server, session: Session, infohash: &str, file: &str) -> Result<String, CommandError> {
    let index = read_index(file.strip_suffix(".vtt").unwrap_or(file))?;
    let infohash = read_infohash(infohash)?;
    let engine = engine_of(server)?;
    begin(server, session, infohash, index).await?;
    let metainfo = metainfo(server, &engine, infohash).await?;
    let chosen = choose(engine, &metainfo, infohash, index)?;
    if !kind::is_subtitle(&chosen.name) {
        return Err(CommandError::bad_input(
            "not_subtitles",
            "only .srt, .vtt, .ass and .ssa files can be shown beside a film",
        ));
    }
    if chosen.bytes > subtitles::FILE_BYTES_MAX {
        let message = format!("this file is larger than the {} bytes of any subtitles", subtitles::FILE_BYTES_MAX);
        return Err(CommandError::bad_input("not_subtitles", message));
    }
    let _place = server.streams.place().await?;
    let mut reader = open(&chosen).await?;
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(BEGINNING_WAIT, (&mut reader).take(chosen.bytes).read_to_end(&mut bytes)).await;
    match read {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(CommandError::new(Fault::Failed, "stream_failed", error.to_string())),
        Err(_) => return Err(not_ready("nobody has sent these subtitles yet: try again in a moment")),
    }
    // Two megabytes of text are some milliseconds, which must keep no other request waiting.
    let made = tokio::task::spawn_blocking(move || subtitles::to_vtt(&bytes)).await.unwrap_or_default();
    made.ok_or_else(|| CommandError::bad_input("not_subtitles", "no subtitles were understood in this file"))
}
