//! Answers to programs that ask the same by the quarter of an hour: what was said is said again while nothing changed, and
//! who has it already is told so, before anything is built.

use super::pages;
use crate::http::Server;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use heirloom_core::command::CommandError;
use heirloom_proto::Infohash;
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most answers that are remembered by their tag: a few programs with a few questions each, of which one reads page by page.
const ANSWERS_MAX: usize = 64;
/// Most bytes of them that are kept: a dozen pages of a hundred releases.
const BYTES_MAX: usize = 4 << 20;
/// The longest that is kept; of longer ones only the tag is.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// After so long an answer is made anew, though nothing changed: what was received lately fades by the hour.
const KEPT_MS: u64 = 3_600_000;

/// What was asked: the address with its parameters, what links begin with, and the key that they hold. As a digest, so that no
/// key lies here.
type Question = [u8; 32];

/// What is told to a program.
pub(super) struct Told {
    pub(super) kind: &'static str,
    pub(super) body: Vec<u8>,
    /// Releases of which it says who has them: that changes without the core.
    pub(super) releases: Vec<Infohash>,
    /// The same question has the same answer until something changes. Not so where others are asked.
    pub(super) may_keep: bool,
    /// It was found by the search index.
    pub(super) is_searched: bool,
}

/// An answer of before, and of what it was true.
struct Kept {
    question: Question,
    showing: u64,
    since_ms: u64,
    releases: Vec<Infohash>,
    swarms: [u8; 32],
    kind: &'static str,
    tag: String,
    body: Option<Bytes>,
}

/// How often what was done.
#[derive(Default)]
pub(super) struct Polls {
    /// The one that was used last stands last.
    kept: Mutex<VecDeque<Kept>>,
    built: AtomicU64,
    repeated: AtomicU64,
    unchanged: AtomicU64,
}

impl Polls {
    /// Answers by how they came about, since the start.
    pub(super) fn counts(&self) -> [(&'static str, u64); 3] {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        [("built", count(&self.built)), ("repeated", count(&self.repeated)), ("unchanged", count(&self.unchanged))]
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        // A panic while it was held leaves whole answers.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(
        &self,
        server: &Server,
        question: &Question,
        showing: u64,
    ) -> Option<(&'static str, String, Option<Bytes>)> {
        let now = server.node().now().wall.0;
        let mut kept = self.kept();
        kept.retain(|answer| answer.showing == showing && now.saturating_sub(answer.since_ms) < KEPT_MS);
        let at = kept.iter().position(|answer| answer.question == *question)?;
        let answer = kept.remove(at)?;
        if answer.swarms != swarms(server, &answer.releases) {
            return None;
        }
        let told = (answer.kind, answer.tag.clone(), answer.body.clone());
        kept.push_back(answer);
        Some(told)
    }

    fn keep(&self, answer: Kept) {
        let mut kept = self.kept();
        kept.retain(|known| known.question != answer.question);
        kept.push_back(answer);
        let bytes =
            |kept: &VecDeque<Kept>| kept.iter().filter_map(|one| one.body.as_ref()).map(Bytes::len).sum::<usize>();
        while kept.len() > ANSWERS_MAX || bytes(&kept) > BYTES_MAX {
            kept.pop_front();
        }
    }
}

/// Who has these releases, as answers say it.
fn swarms(server: &Server, releases: &[Infohash]) -> [u8; 32] {
    let engine = server.node().networks().engine.as_ref();
    let mut digest = Sha256::new();
    for infohash in releases {
        let known = engine.filter(|engine| engine.metainfo(infohash.0).is_some());
        let progress = known.and_then(|engine| engine.progress(infohash.0));
        let peers = progress.filter(|progress| progress.finished).map(|progress| progress.peers);
        digest.update([u8::from(known.is_some()), u8::from(peers.is_some())]);
        digest.update(peers.unwrap_or_default().to_le_bytes());
    }
    digest.finalize().into()
}

/// Answers a question of a program: by what was said before if nothing changed since, else by what `build` says.
///
/// # Errors
/// What `build` says.
pub(super) async fn answer<E: From<CommandError>>(
    server: &Server,
    headers: &HeaderMap,
    asked: &[&str],
    build: impl Future<Output = Result<Told, E>>,
) -> Result<Response, E> {
    let polls = &server.apps.polls;
    let mut digest = Sha256::new();
    for part in asked {
        digest.update(part.len().to_le_bytes());
        digest.update(part.as_bytes());
    }
    let question: Question = digest.finalize().into();
    let showing = pages::showing(server.node()).await?;
    if let Some((kind, tag, body)) = polls.known(server, &question, showing) {
        if has(headers, &tag) {
            polls.unchanged.fetch_add(1, Ordering::Relaxed);
            return Ok(tagged(kind, &tag, None));
        }
        if let Some(body) = body {
            polls.repeated.fetch_add(1, Ordering::Relaxed);
            return Ok(tagged(kind, &tag, Some(body)));
        }
    }
    // What an index finds that is behind, it finds otherwise in a moment.
    let is_current = server.node().is_search_current();
    let told = build.await?;
    polls.built.fetch_add(1, Ordering::Relaxed);
    let tag = format!("\"{}\"", &HEXLOWER.encode(&Sha256::digest(&told.body))[..32]);
    let body = Bytes::from(told.body);
    if told.may_keep && (is_current || !told.is_searched) {
        polls.keep(Kept {
            question,
            showing,
            since_ms: server.node().now().wall.0,
            swarms: swarms(server, &told.releases),
            releases: told.releases,
            kind: told.kind,
            tag: tag.clone(),
            body: Some(body.clone()).filter(|body| body.len() <= ANSWER_BYTES_MAX),
        });
    }
    let is_known = has(headers, &tag);
    Ok(tagged(told.kind, &tag, Some(body).filter(|_| !is_known)))
}

/// Whether a program has the answer of this tag.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known
        .flat_map(|value| value.split(','))
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == tag || one == "*")
}

/// A document with its tag; nothing of it, if that is what the program has.
fn tagged(kind: &'static str, tag: &str, body: Option<Bytes>) -> Response {
    let mut response = match body {
        Some(body) => ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response(),
        None => StatusCode::NOT_MODIFIED.into_response(),
    };
    let headers = response.headers_mut();
    headers.extend(HeaderValue::from_str(tag).ok().map(|tag| (header::ETAG, tag)));
    // It may be kept, and is asked for each time.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}
