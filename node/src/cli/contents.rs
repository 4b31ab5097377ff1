//! What `import --data` waits for at its end: that the node has compared each content with its torrent.

use super::PROGRESS_PERIOD;
use super::client::Door;
use crate::http::Request;
use std::collections::VecDeque;
use tokio::time::{Duration, Instant};

/// How long a torrent may take from the order to the node's list.
const LISTED_WITHIN: Duration = Duration::from_secs(10);

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
    let began = Instant::now();
    let mut left: VecDeque<Content> = contents.into();
    let mut wrong = Vec::new();
    // One after the other: the node compares them so, and each is asked for until it is done.
    while let Some(content) = left.pop_front() {
        shown(left.len() + 1);
        loop {
            match door.request(Request::Download { infohash: content.infohash.clone() }).await {
                Ok(state) if !matches!(state["state"].as_str(), Some("starting" | "resolving" | "checking")) => break,
                Ok(_) => {}
                Err(error) if error.code == "unknown_download" => {
                    if began.elapsed() > LISTED_WITHIN {
                        break;
                    }
                }
                Err(error) => {
                    wrong.push((content.item, error.message));
                    break;
                }
            }
            tokio::time::sleep(PROGRESS_PERIOD).await;
        }
    }
    wrong
}
