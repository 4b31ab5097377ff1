//! Waiting for a condition, with a limit.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// Time between two looks.
const POLL: Duration = Duration::from_millis(150);

/// What one look found: what was waited for, or what is there instead, in words for the error.
pub type Look<T> = std::result::Result<T, String>;

/// Looks until `look` finds what is waited for. An `Err` of the look itself ends the waiting.
pub async fn wait_for<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Result<Look<T>>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        match look().await? {
            Ok(found) => return Ok(found),
            Err(instead) if Instant::now() >= deadline => {
                bail!("waited {} s for {what}, but {instead}", limit.as_secs());
            }
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}
