//! What a page is asked: arguments in its address, and JSON in a body. What cannot be read has one answer, as everywhere.

use super::{Trouble, text};
use crate::http::{Shared, refused};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use heirloom_core::command::CommandError;
use serde::de::DeserializeOwned;

/// Longest body but for uploads: a forum post fits many times.
const BYTES_MAX: usize = 1 << 20;

/// What the path of an address names.
pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Trouble> {
        let named = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        named.map(|axum::extract::Path(named)| Self(named)).map_err(|_| Trouble::missing(text::NO_SUCH_PAGE))
    }
}

/// The arguments behind the question mark.
pub(super) struct Query<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Trouble> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|axum::extract::Query(asked)| Self(asked))
            .map_err(|_| Trouble(StatusCode::BAD_REQUEST, text::BAD_ADDRESS.to_owned()))
    }
}

/// A request that was refused. An answer is large, and this is rare.
pub(super) struct Refusal(Box<Response>);

impl From<Response> for Refusal {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl From<Box<Response>> for Refusal {
    fn from(response: Box<Response>) -> Self {
        Self(response)
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        refused(&CommandError::bad_input("bad_request", format!("not a request: {error}"))).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// A body that the script sends.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Sent<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, server: &Shared) -> Result<Self, Refusal> {
        let body = server.upload(request, BYTES_MAX).await?;
        Ok(Self(serde_json::from_slice(&body.bytes)?))
    }
}
