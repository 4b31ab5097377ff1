//! `GET /api/v1/artwork/<sha256>`: the picture of a work, as this node encoded it anew. Nothing that came from a peer is
//! served as it came.

use super::named::Path;
use super::{Server, problem};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use heirloom_proto::Sha256;
use std::sync::Arc;

/// The picture, or 404. One that is not here yet is looked for, if a trusted key names it: ask again later.
pub(super) async fn artwork(State(server): State<Arc<Server>>, Path(digest): Path<String>) -> Response {
    let Ok(digest) = digest.parse::<Sha256>() else {
        return problem(
            StatusCode::BAD_REQUEST,
            "bad_digest",
            "name a picture by the 64 hexadecimal digits of its SHA-256",
        );
    };
    match server.node.artwork(digest).await {
        Some(picture) => ([(header::CONTENT_TYPE, "image/jpeg")], picture).into_response(),
        None => problem(StatusCode::NOT_FOUND, "no_artwork", "this picture is not here, or not yet: ask again later"),
    }
}
