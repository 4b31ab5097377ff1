//! Waiting for a condition, with a limit that only a failure reaches.

use std::time::{Duration, Instant};

/// Longest wait for something to cross the network. Generous: machines that run tests are busy.
pub const ARRIVAL: Duration = Duration::from_secs(90);

const POLL: Duration = Duration::from_millis(100);

/// Looks until there is something; otherwise says what was there instead.
#[track_caller]
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        match look() {
            Ok(found) => return found,
            Err(instead) if Instant::now() >= deadline => {
                panic!("waited {} s for {what}, but: {instead}", limit.as_secs())
            }
            Err(_) => std::thread::sleep(POLL),
        }
    }
}

/// Looks until it is so.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    wait_for(what, limit, || if is_so() { Ok(()) } else { Err("it did not happen".to_owned()) });
}
