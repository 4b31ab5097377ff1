//! What keeps server mode affordable: the crate answers every request that comes, however many.

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mainline::{RequestFilter, RequestSpecific, ServerSettings};

use super::budget::Bucket;

/// Requests that are answered a second: answers are at most 1.5 kB, so at most 75 kB/s go out, whoever asks.
const ANSWERS_PER_S: u32 = 50;

/// Requests that are answered at once after a quiet time.
const ANSWERS_BURST: u32 = 500;

/// The crate's settings with a cap on answers; what is over it is dropped unanswered, as a lost datagram would be.
pub(super) fn settings() -> ServerSettings {
    ServerSettings { filter: Box::new(Cap::new()), ..ServerSettings::default() }
}

#[derive(Debug, Clone)]
struct Cap {
    bucket: Arc<Mutex<Bucket>>,
    started: Instant,
}

impl Cap {
    fn new() -> Self {
        let bucket = Bucket::new(ANSWERS_PER_S, ANSWERS_BURST, Duration::ZERO);
        Self { bucket: Arc::new(Mutex::new(bucket)), started: Instant::now() }
    }
}

impl RequestFilter for Cap {
    fn allow_request(&self, _request: &RequestSpecific, _from: SocketAddrV4) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(self.started.elapsed(), 1).is_ok()
    }
}
