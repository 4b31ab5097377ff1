//! What this process uses, read from the system: processor time, memory, room on the disk.

use crate::home::Home;
use std::time::Duration;

/// How often the node reads what it uses: a flood fills no disk in that time, and a look is some microseconds.
pub(super) const EVERY: Duration = Duration::from_secs(5);

/// Processor time of this thread; where the system does not tell, the time by the clock, which is no less.
#[cfg(unix)]
pub(super) fn thread_cpu() -> Duration {
    since_zero(rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime))
}

/// Processor time of the whole process.
#[cfg(unix)]
pub(super) fn process_cpu() -> Duration {
    since_zero(rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime))
}

#[cfg(unix)]
fn since_zero(time: rustix::time::Timespec) -> Duration {
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// See the other one.
#[cfg(not(unix))]
pub(super) fn thread_cpu() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

/// Not told here.
#[cfg(not(unix))]
pub(super) fn process_cpu() -> Duration {
    Duration::ZERO
}

/// Resident memory of this process in bytes (Linux; 0 elsewhere).
pub(super) fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0);
    kib * 1024
}

/// Bytes free on the disk that holds the home, and its size; size 0 when the system does not tell.
pub(super) fn disk_of(home: &Home) -> (u64, u64) {
    let total = fs4::total_space(home.root()).unwrap_or(0);
    match fs4::available_space(home.root()) {
        Ok(free) => (free, total),
        Err(_) => (0, 0),
    }
}
