//! What `import --data` waits for at its end: that the node has compared each content with its torrent.

use super::PROGRESS_PERIOD;
use super::client::Door;
use crate::http::Request;
use std::collections::VecDeque;
use tokio::time::{Duration, Instant};

/// How long a torrent may take from the order to the node's list, and from the last byte compared to what came of it.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// A content that is being compared.
pub(super) struct Content {
    /// What a person calls it.
    pub item: String,
    /// Its torrent.
    pub infohash: String,
}

/// Waits until all are compared, and gives those that are not what their torrents say, each with the reason. `shown` hears
/// how many are left. Without a running node nothing is compared now: a node does it when it starts.
pub(super) async fn compared(
    door: &mut Door<'_>,
    contents: Vec<Content>,
    mut shown: impl FnMut(usize),
) -> Vec<(String, String)> {
    if !matches!(door, Door::Node { .. }) {
        return Vec::new();
    }
    let mut left: VecDeque<Content> = contents.into();
    let mut wrong = Vec::new();
    // One after the other: the node compares them so, and each is asked for until it is done.
    while let Some(content) = left.pop_front() {
        shown(left.len() + 1);
        // Since when it is neither compared nor on its way to be.
        let mut idle: Option<Instant> = None;
        loop {
            match door.request(Request::Download { infohash: content.infohash.clone() }).await {
                Ok(state) if matches!(state["state"].as_str(), Some("starting" | "resolving" | "checking")) => {
                    idle = None
                }
                // What does not match has fewer for a moment, and then none of none, before it is said why.
                Ok(state) if state["bytes"].as_u64() > Some(0) && state["bytes"] == state["total"] => break,
                Err(error) if error.code != "unknown_download" => {
                    wrong.push((content.item, error.message));
                    break;
                }
                Ok(_) | Err(_) if idle.get_or_insert_with(Instant::now).elapsed() > SETTLED_WITHIN => break,
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(PROGRESS_PERIOD).await;
        }
    }
    wrong
}
