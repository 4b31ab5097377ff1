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

/// Counts the processor time of this thread from now on.
pub(super) fn on_this_thread() -> impl Fn() -> Duration {
    let began = thread_cpu();
    move || thread_cpu().saturating_sub(began)
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
    resident(&status(), &["VmRSS:"])
}

/// The part of it that is the process's own. The rest are pages of files, of the program and of the search index: the system
/// takes them back when somebody else wants the memory, so they are no reason to turn anybody away.
pub(super) fn own_bytes() -> u64 {
    resident(&status(), &["RssAnon:", "RssShmem:"])
}

fn status() -> String {
    std::fs::read_to_string("/proc/self/status").unwrap_or_default()
}

fn resident(status: &str, names: &[&str]) -> u64 {
    let kib = |line: &str| {
        let value = names.iter().find_map(|name| line.strip_prefix(name))?;
        value.trim().trim_end_matches("kB").trim().parse::<u64>().ok()
    };
    status.lines().filter_map(kib).sum::<u64>() * 1024
}

/// Bytes free on the disk that holds the home, and its size; size 0 when the system does not tell.
pub(super) fn disk_of(home: &Home) -> (u64, u64) {
    let total = fs4::total_space(home.root()).unwrap_or(0);
    match fs4::available_space(home.root()) {
        Ok(free) => (free, total),
        Err(_) => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_files_are_not_the_process_s_own() {
        let status = "Name:\theirloom\nVmRSS:\t  387152 kB\nRssAnon:\t  300016 kB\nRssFile:\t   87136 kB\nRssShmem:\t       4 kB\n";
        assert_eq!(resident(status, &["VmRSS:"]), 387_152 * 1024);
        assert_eq!(resident(status, &["RssAnon:", "RssShmem:"]), 300_020 * 1024);
        assert_eq!(resident("", &["VmRSS:"]), 0);
    }
}
