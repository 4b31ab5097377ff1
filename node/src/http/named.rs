//! What the path of an address names. One that cannot be read is refused in the form of every refusal.

use super::problem::problem;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

/// The parameters of a route.
pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let named = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        let unreadable =
            |_| problem(StatusCode::BAD_REQUEST, "bad_request", "this address cannot be read: it is no UTF-8");
        named.map(|axum::extract::Path(named)| Self(named)).map_err(unreadable)
    }
}
