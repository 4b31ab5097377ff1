//! What programs fetch of a release: its torrent file, or the magnet link that leads to it.

use super::feed;
use super::reading::{self, Asked, Entry};
use crate::http::answer::magnet;
use crate::http::named::Path;
use crate::http::{Routes, Shared, problem, refused};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use heirloom_core::command::CommandError;
use heirloom_graph::Band;
use heirloom_proto::Infohash;

pub(super) fn routes() -> Routes {
    Routes::new().get("/torrent/{file}", torrent).get("/magnet/{infohash}", link)
}

/// The release, as some listing here has it: none that is distrusted or unsafe.
async fn listed(server: &Shared, text: &str) -> Result<Entry, CommandError> {
    let infohash: Infohash = text
        .parse()
        .map_err(|error: heirloom_proto::ids::IdError| CommandError::bad_input("bad_infohash", error.to_string()))?;
    let asked = Asked { words: infohash.to_string(), ..Asked::within(Band::Unknown) };
    let found = reading::entries(server, &asked).await?;
    let found = found.into_iter().find(|entry| entry.release().infohash == infohash);
    found.ok_or_else(|| {
        let message = format!("no listing of {infohash} that may be fetched is known here");
        CommandError::not_found("unknown_release", message)
    })
}

/// `GET /torrent/<infohash>.torrent`: the file, if its metadata is here; else leads to the magnet link, as programs expect.
async fn torrent(State(server): State<Shared>, Path(file): Path<String>) -> Response {
    let entry = match listed(&server, file.strip_suffix(".torrent").unwrap_or(&file)).await {
        Ok(entry) => entry,
        Err(error) => return refused(&error),
    };
    let release = entry.release();
    let engine = server.node().networks().engine.as_ref();
    let Some(metainfo) = engine.and_then(|engine| engine.metainfo(release.infohash.0)) else {
        return to_magnet(&magnet(release));
    };
    // Trackers and web seeds as its listing has them: the file may have come from peers, without any.
    let named = metainfo.naming(&release.trackers, &release.web_seeds);
    let bytes = named.map_or_else(|_| metainfo.torrent.clone(), |named| named.torrent);
    let name = format!("attachment; filename=\"{}.torrent\"", release.infohash);
    let mut response = ([(header::CONTENT_TYPE, HeaderValue::from_static(feed::TORRENT))], bytes).into_response();
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

/// `GET /magnet/<infohash>`: leads to the magnet link.
async fn link(State(server): State<Shared>, Path(infohash): Path<String>) -> Response {
    match listed(&server, &infohash).await {
        Ok(entry) => to_magnet(&magnet(entry.release())),
        Err(error) => refused(&error),
    }
}

fn to_magnet(magnet: &str) -> Response {
    match HeaderValue::from_str(magnet) {
        Ok(place) => (StatusCode::FOUND, [(header::LOCATION, place)]).into_response(),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "failed", "this release has no link that can be sent"),
    }
}
