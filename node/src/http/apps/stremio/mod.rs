//! The Stremio add-on: manifest, catalogues, what a work is, and where it plays, the most trusted first.
//!
//! It lies under a path that only the owner knows (`security.md` §6.6), since the pages that ask are other sites': without
//! it any web page could read what the owner likes. Below `by/<key>` the same again holds what one curator lists, so that
//! a curator can be installed like an add-on of their own.

mod catalogs;
mod ids;
mod manifest;
mod metas;
mod streams;

pub(super) use streams::place_of;

use super::door;
use super::polls::{self, Told};
use crate::http::named::Path;
use crate::http::{Routes, Session, Shared, problem, refused, stream};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use heirloom_core::command::CommandError;
use heirloom_proto::Key;
use serde_json::Value;

/// How long programs may keep a list of works, and what a work is. Follows change seldom.
const KEPT_S: u32 = 300;
/// How long they may keep where a work plays: new releases come, and judgements.
const STREAMS_KEPT_S: u32 = 30;

/// Who asks for what: the address that links begin with, and whose catalogue it is.
struct Asking {
    server: Shared,
    /// Scheme, host and secret path.
    base: String,
    /// The same without the path of a curator.
    own: String,
    /// Only what this key lists.
    by: Option<Key>,
}

impl Asking {
    fn of(server: &Shared, headers: &HeaderMap, parts: &Parts) -> Result<Self, CommandError> {
        let own = format!("{}/stremio/{}", door::base(server, headers), parts.secret);
        let by: Option<Key> = match &parts.key {
            None => None,
            Some(key) => Some(key.parse().map_err(|error: heirloom_proto::key::KeyError| {
                CommandError::not_found("no_such_key", error.to_string())
            })?),
        };
        let base = by.map_or_else(|| own.clone(), |by| format!("{own}/by/{}", by.to_multibase()));
        Ok(Self { server: server.clone(), base, own, by })
    }
}

/// The parts of an address, by name. Which there are, the route says.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Parts {
    secret: String,
    key: Option<String>,
    kind: String,
    id: String,
    extra: Option<String>,
    digest: String,
    infohash: String,
    file: String,
}

impl Parts {
    /// The last part without the ending that every address has.
    fn id(&self) -> &str {
        self.id.strip_suffix(".json").unwrap_or(&self.id)
    }
}

pub(super) fn routes() -> Routes {
    let mut routes = Routes::new()
        .get("/stremio/{secret}/addon_catalog/{kind}/{id}", curators)
        .get("/stremio/{secret}/poster/{digest}", poster)
        .get("/stremio/{secret}/play/{infohash}/{file}", play)
        .get("/stremio/{secret}/play/{infohash}/{file}/{name}", play)
        .get("/stremio/{secret}/subs/{infohash}/{file}", subs);
    for at in ["/stremio/{secret}", "/stremio/{secret}/by/{key}"] {
        routes = routes
            .get(&format!("{at}/manifest.json"), show_manifest)
            .get(&format!("{at}/catalog/{{kind}}/{{id}}"), catalog)
            .get(&format!("{at}/catalog/{{kind}}/{{id}}/{{extra}}"), catalog)
            .get(&format!("{at}/meta/{{kind}}/{{id}}"), meta)
            .get(&format!("{at}/stream/{{kind}}/{{id}}"), show_streams)
            .get(&format!("{at}/subtitles/{{kind}}/{{id}}"), subtitles)
            .get(&format!("{at}/subtitles/{{kind}}/{{id}}/{{extra}}"), subtitles);
    }
    routes.map(|router| router.layer(middleware::map_response(for_all)))
}

/// Lets pages of any site read the answer: they know the path, or would not have it.
async fn for_all(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("content-range, accept-ranges"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
    response
}

fn told(result: Result<Value, CommandError>, kept_s: u32) -> Response {
    match result {
        Ok(value) => {
            let kept = HeaderValue::from_str(&format!("private, max-age={kept_s}"));
            let mut response = Json(value).into_response();
            response.headers_mut().extend(kept.ok().map(|kept| (header::CACHE_CONTROL, kept)));
            response
        }
        Err(error) => refused(&error),
    }
}

/// What stands behind the id of a catalogue: `search=…&genre=…&skip=100`, percent-encoded each, as it came.
fn extra(uri: &Uri) -> Vec<(String, String)> {
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    let last = last.strip_suffix(".json").unwrap_or(last);
    // A plus is a plus here: it is no form.
    let query = format!("/?{}", last.replace('+', "%2B"));
    query.parse().map(|uri| door::pairs(&uri)).unwrap_or_default()
}

/// What is the same until something changes, and is asked for again and again.
async fn repeated(
    server: &Shared,
    headers: &HeaderMap,
    uri: &Uri,
    value: impl Future<Output = Result<Value, CommandError>>,
) -> Response {
    let base = door::base(server, headers);
    let told = async {
        let body = value.await?.to_string().into_bytes();
        let kind = "application/json";
        Ok::<_, CommandError>(Told { kind, body, releases: Vec::new(), may_keep: true, is_searched: true })
    };
    match polls::answer(server, headers, &["stremio", &base, &uri.to_string()], told).await {
        Ok(mut response) => {
            let kept = HeaderValue::from_str(&format!("private, max-age={KEPT_S}"));
            // In the place of the usual one: two of them would be read as the stricter.
            if let Ok(kept) = kept {
                response.headers_mut().insert(header::CACHE_CONTROL, kept);
            }
            response
        }
        Err(error) => refused(&error),
    }
}

async fn show_manifest(
    State(server): State<Shared>,
    headers: HeaderMap,
    Path(parts): Path<Parts>,
    uri: Uri,
) -> Response {
    let manifest = async { manifest::manifest(&Asking::of(&server, &headers, &parts)?).await };
    repeated(&server, &headers, &uri, manifest).await
}

async fn curators(State(server): State<Shared>, headers: HeaderMap, Path(parts): Path<Parts>) -> Response {
    let all = async { manifest::curators(&Asking::of(&server, &headers, &parts)?, parts.id()).await };
    told(all.await, KEPT_S)
}

async fn catalog(State(server): State<Shared>, headers: HeaderMap, Path(parts): Path<Parts>, uri: Uri) -> Response {
    let extra = if parts.extra.is_some() { extra(&uri) } else { Vec::new() };
    let found = async {
        let asking = Asking::of(&server, &headers, &parts)?;
        catalogs::catalog(&asking, &parts.kind, parts.id(), &extra).await
    };
    repeated(&server, &headers, &uri, found).await
}

async fn meta(State(server): State<Shared>, headers: HeaderMap, Path(parts): Path<Parts>) -> Response {
    let found = async {
        let asking = Asking::of(&server, &headers, &parts)?;
        metas::meta(&asking, &parts.kind, parts.id()).await
    };
    told(found.await, KEPT_S)
}

async fn show_streams(State(server): State<Shared>, headers: HeaderMap, Path(parts): Path<Parts>) -> Response {
    let found = async {
        let asking = Asking::of(&server, &headers, &parts)?;
        streams::streams(&asking, &parts.kind, parts.id()).await
    };
    told(found.await, STREAMS_KEPT_S)
}

async fn subtitles(State(server): State<Shared>, headers: HeaderMap, Path(parts): Path<Parts>, uri: Uri) -> Response {
    let found = async {
        let asking = Asking::of(&server, &headers, &parts)?;
        streams::subtitles(&asking, &parts.kind, parts.id(), &extra(&uri)).await
    };
    told(found.await, STREAMS_KEPT_S)
}

/// A picture, as the page shows it.
async fn poster(State(server): State<Shared>, Path(parts): Path<Parts>) -> Response {
    let Ok(digest) = parts.digest.trim_end_matches(".jpg").parse() else {
        return problem(StatusCode::NOT_FOUND, "no_artwork", "there is no such picture");
    };
    match server.node().artwork(digest).await {
        Some(picture) => {
            let kept = HeaderValue::from_static("private, max-age=86400");
            let kind = HeaderValue::from_static("image/jpeg");
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)], picture).into_response()
        }
        None => problem(StatusCode::NOT_FOUND, "no_artwork", "this picture is not here, or not yet"),
    }
}

/// A file, as `/stream` gives it; `best` and an episode lead to the file that is meant, once the metadata is here.
async fn play(
    State(server): State<Shared>,
    session: Session,
    Path(parts): Path<Parts>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let Parts { secret, infohash, file, .. } = &parts;
    if file.bytes().all(|byte| byte.is_ascii_digit()) {
        let asked = stream::serve(&server, session, infohash, file, &method, &headers).await;
        return asked.unwrap_or_else(|error| refused(&error));
    }
    let episode = Some(file.clone()).filter(|file| file != streams::BEST);
    let choice = stream::play::Choice { what: infohash.clone(), file: None, episode, resolution: None, anyway: false };
    match stream::play::play(&server, choice).await {
        Ok(playing) => {
            let index = playing["index"].as_u64().unwrap_or_default();
            let place = format!("/stremio/{secret}/play/{infohash}/{index}");
            let place = HeaderValue::from_str(&place).unwrap_or(HeaderValue::from_static("/"));
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, place)]).into_response()
        }
        Err(error) => refused(&error),
    }
}

async fn subs(State(server): State<Shared>, session: Session, Path(parts): Path<Parts>) -> Response {
    stream::subtitles(State(server), session, Path((parts.infohash, parts.file))).await
}
