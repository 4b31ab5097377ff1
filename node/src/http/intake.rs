//! The body of a request, within its limit and its time.

use super::BODY_BYTES_MAX;
use super::problem::problem;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use futures::StreamExt as _;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Longest time for a body to come. A program of this machine sends a megabyte in a blink.
const BODY_MAX: Duration = Duration::from_secs(60);
/// Bytes beyond a limit that are taken and thrown away, so that whoever sent too much can still read the answer: a
/// connection that is closed on unread bytes is reset, and the answer with it.
const SPILL_BYTES_MAX: usize = 32 << 20;
/// The same of a request that is refused unread, by its head.
const REFUSED_BYTES_MAX: usize = 1 << 20;
/// How long such bytes are waited for.
const SPILL: Duration = Duration::from_secs(2);

/// A body that is longer than most, and its place among those.
pub(crate) struct Large<'a> {
    pub(crate) bytes: Vec<u8>,
    _place: Option<SemaphorePermit<'a>>,
}

/// All of a body. A refusal is large and rare.
pub(super) async fn collect(body: Body, bytes_max: usize) -> Result<Vec<u8>, Box<Response>> {
    take(body, bytes_max, None).await.map(|taken| taken.bytes)
}

/// The same of one that may be long. Beyond the length of any other it needs one of these places, so that memory stays
/// bounded; what is short needs none.
pub(super) async fn collect_large<'a>(
    body: Body,
    bytes_max: usize,
    places: &'a Semaphore,
) -> Result<Large<'a>, Box<Response>> {
    take(body, bytes_max, Some(places)).await
}

async fn take<'a>(body: Body, bytes_max: usize, places: Option<&'a Semaphore>) -> Result<Large<'a>, Box<Response>> {
    let mut parts = body.into_data_stream();
    let (mut bytes, mut place) = (Vec::new(), None);
    let read = async {
        while let Some(part) = parts.next().await {
            let part = part.map_err(|_| refusal(StatusCode::BAD_REQUEST, "the body was cut off"))?;
            let length = bytes.len() + part.len();
            if length > bytes_max {
                let message = format!("send at most {bytes_max} bytes");
                return Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, &message));
            }
            if length > BODY_BYTES_MAX
                && place.is_none()
                && let Some(places) = places
            {
                let Ok(taken) = places.try_acquire() else {
                    let message = "another large upload is being read: try again in a moment";
                    return Err(Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, "busy", message)));
                };
                place = Some(taken);
            }
            bytes.extend_from_slice(&part);
        }
        Ok(())
    };
    let read = tokio::time::timeout(BODY_MAX, read).await;
    match read.unwrap_or_else(|_| Err(refusal(StatusCode::REQUEST_TIMEOUT, "the body took too long"))) {
        Ok(()) => Ok(Large { bytes, _place: place }),
        Err(refusal) => {
            drop((bytes, place));
            spill(parts, SPILL_BYTES_MAX).await;
            Err(refusal)
        }
    }
}

/// Throws the body of a refused request away.
pub(super) async fn discard(body: Body) {
    spill(body.into_data_stream(), REFUSED_BYTES_MAX).await;
}

async fn spill(mut parts: axum::body::BodyDataStream, bytes_max: usize) {
    let mut spilt = 0;
    let read = async {
        while let Some(Ok(part)) = parts.next().await {
            spilt += part.len();
            if spilt > bytes_max {
                return;
            }
        }
    };
    // Whoever sends no end has had the time that an answer needs.
    let _ = tokio::time::timeout(SPILL, read).await;
}

fn refusal(status: StatusCode, message: &str) -> Box<Response> {
    Box::new(problem(status, "bad_body", message))
}
