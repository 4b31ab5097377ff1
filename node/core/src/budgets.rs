//! What a node may cost its owner: settings, what was measured, and what follows from it for others.
//!
//! Adapters measure and hand their readings in; what is short is decided here. The owner's own words, and what belongs
//! to whom they follow, come last in every shortage. It must not know how anything is measured.

use crate::ingest::{FLOOR_BYTES, FOLLOWED_BYTES_MAX, RATED_BYTES_MAX, RATED_KEYS_MAX, STRANGERS_BYTES_MAX};
use crate::io::Now;
use crate::sync::Pace;
use std::collections::VecDeque;
use std::time::Duration;

/// Bytes of statements on disk: a leaf's share (`security.md` §11.7).
pub const STORE_BYTES_MAX: u64 = 2 << 30;
/// Floors of keys that have no standing: some 20 MB on disk and 16 MB in memory at most.
pub const LOOSE_FLOORS_MAX: usize = 200_000;
/// Bytes over libp2p a day, both ways together (`security.md` §11.7; expected are 25 to 40 MB).
pub const TRAFFIC_PER_DAY: u64 = 200_000_000;
/// Resident memory above which strangers bring nothing more (`security.md` §4); at a quarter more, 500 MiB, nobody does
/// who is not followed (`security.md` §11.7 allows 512).
pub const MEMORY_BYTES_MAX: u64 = 400 << 20;
/// Thousandths of one core that work for others may take on average (`security.md` §11.7).
pub const CPU_PER_MILLE: u32 = 50;
/// Signatures verified a second for others, a fifth of a core (`security.md` §3).
pub const VERIFIES_PER_S: u32 = 4_000;
/// So many seconds' worth of signatures may be verified at once: a neighbour that comes back, a page of a log from each
/// of several.
const VERIFY_BURST_S: f64 = 5.0;
/// Time over which work for others is averaged: a sync of a big log may take its share of some minutes at once.
pub const CPU_BURST: Duration = Duration::from_secs(300);
/// The part of the store that floors of keys without standing may take.
const FLOORS_SHARE: u64 = 8;
/// The part of the store that the search index may take from statements: it is made of them and takes a third of what they do.
const INDEX_SHARE: u64 = 2;
/// Readings of whose index bytes the least counts, some minutes: while files of an index are merged they are there twice.
const INDEX_READINGS: usize = 12;
/// Free space on a large disk below which only own words are written: a twentieth of it (`security.md` §5).
const RESERVE_SHARE: u64 = 20;
/// Free space below which only own words are written, however small the disk (`security.md` §5).
const RESERVE_BYTES_MIN: u64 = 1 << 30;
/// Of the traffic of a day, in hundredths, from which on only follows are pulled.
const SAVING_FROM: u64 = 80;
/// Milliseconds of a UTC day.
const DAY_MS: u64 = 86_400_000;

/// What the owner grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Keys that are kept for their score; the best scored (K).
    pub rated_keys: usize,
    /// Bytes of statements by one such key, and by one stranger.
    pub rated_bytes: usize,
    /// Bytes of statements by one followed key.
    pub followed_bytes: usize,
    /// Bytes of statements by all strangers together.
    pub strangers_bytes: usize,
    /// Floors of keys that have no standing.
    pub loose_floors: usize,
    /// Bytes on disk of all statements, what is followed included, with the rows that name them, and of the search index over
    /// them.
    pub store_bytes: u64,
    /// Free bytes on the disk below which only own words are written; `None`: the larger of 1 GiB and 5 % of it.
    pub reserve_bytes: Option<u64>,
    /// Bytes over libp2p a UTC day, both ways together.
    pub traffic_per_day: u64,
    /// Resident memory of the process.
    pub memory_bytes: u64,
    /// Thousandths of one core for work that others bring.
    pub cpu_per_mille: u32,
    /// Signatures verified a second for others.
    pub verifies_per_s: u32,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            rated_keys: RATED_KEYS_MAX,
            rated_bytes: RATED_BYTES_MAX,
            followed_bytes: FOLLOWED_BYTES_MAX,
            strangers_bytes: STRANGERS_BYTES_MAX,
            loose_floors: LOOSE_FLOORS_MAX,
            store_bytes: STORE_BYTES_MAX,
            reserve_bytes: None,
            traffic_per_day: TRAFFIC_PER_DAY,
            memory_bytes: MEMORY_BYTES_MAX,
            cpu_per_mille: CPU_PER_MILLE,
            verifies_per_s: VERIFIES_PER_S,
        }
    }
}

impl Budgets {
    /// Floors of keys without standing: as many as chosen, and no more than an eighth of the store, or what strangers left
    /// behind would fill it.
    #[must_use]
    pub fn loose_floors_max(&self) -> usize {
        let share = self.store_bytes / FLOORS_SHARE / FLOOR_BYTES;
        self.loose_floors.min(usize::try_from(share).unwrap_or(usize::MAX))
    }

    /// Free bytes below which only own words are written, on a disk of that size.
    #[must_use]
    pub fn reserve_on(&self, disk_bytes: u64) -> u64 {
        self.reserve_bytes.unwrap_or_else(|| (disk_bytes / RESERVE_SHARE).max(RESERVE_BYTES_MIN))
    }
}

/// What the adapters measured. Sums are since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Bytes free on the disk that holds the store.
    pub free_bytes: u64,
    /// Size of that disk in bytes; 0: not known, and never short.
    pub disk_bytes: u64,
    /// Resident memory in bytes; 0: not known.
    pub rss_bytes: u64,
    /// Bytes that libp2p sent and received.
    pub traffic_bytes: u64,
    /// Bytes of the search index.
    pub index_bytes: u64,
}

/// What there is too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shortage {
    /// Free space on the disk: nothing of others is written.
    Disk,
    /// Most of the day's traffic is used: only follows are pulled, and only their logs are given.
    TrafficLow,
    /// The day's traffic is used up: nobody is asked or answered, and no push is heard. Own words still leave.
    Traffic,
    /// Memory: strangers bring nothing more.
    Memory,
    /// Memory, although strangers bring nothing more: only the owner and whom they follow do.
    MemoryHard,
    /// Work for others took its share: strangers wait.
    Cpu,
}

impl Shortage {
    /// Name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::TrafficLow => "bandwidth_low",
            Self::Traffic => "bandwidth",
            Self::Memory => "memory",
            Self::MemoryHard => "memory_hard",
            Self::Cpu => "cpu",
        }
    }
}

/// What was used of the budgets, and what is short.
#[derive(Debug)]
pub struct Watch {
    budgets: Budgets,
    reading: Reading,
    /// Bytes of the search index by the last readings.
    index: VecDeque<u64>,
    /// UTC day that `used` is of, since 1970.
    day: u64,
    /// Bytes of that day, earlier runs of the process included.
    used: u64,
    /// No day begins before this: the clock was set back.
    no_day_before: Duration,
    /// Of these, what was said to be remembered.
    remembered: u64,
    /// Microseconds of work for others.
    work: Pace,
    verifies: Pace,
    /// All work for others since the start.
    worked: Duration,
}

impl Watch {
    /// With what was used of a day's traffic before: the day and bytes.
    #[must_use]
    pub fn new(budgets: Budgets, (day, used): (u64, u64)) -> Self {
        // Thousandths of a second are milliseconds.
        let micros_per_s = f64::from(budgets.cpu_per_mille) * 1_000.0;
        let verifies_per_s = f64::from(budgets.verifies_per_s);
        Self {
            budgets,
            reading: Reading::default(),
            index: VecDeque::new(),
            day,
            used,
            no_day_before: Duration::ZERO,
            remembered: used,
            work: Pace::full((micros_per_s, micros_per_s * CPU_BURST.as_secs_f64()), Duration::ZERO),
            verifies: Pace::full((verifies_per_s, verifies_per_s * VERIFY_BURST_S), Duration::ZERO),
            worked: Duration::ZERO,
        }
    }

    /// The settings.
    #[must_use]
    pub fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    /// Takes a reading. Says which day and how many bytes of it are to be remembered, if that has changed by a thousandth
    /// of the budget: an idle node writes nothing.
    pub fn read(&mut self, now: Now, reading: Reading) -> Option<(u64, u64)> {
        self.turn_day(now);
        self.used = self.used.saturating_add(reading.traffic_bytes.saturating_sub(self.reading.traffic_bytes));
        self.reading = reading;
        if self.index.len() >= INDEX_READINGS {
            self.index.pop_front();
        }
        self.index.push_back(reading.index_bytes);
        let is_new = self.used >= self.remembered.saturating_add((self.budgets.traffic_per_day / 1_000).max(1));
        if is_new {
            self.remembered = self.used;
        }
        is_new.then_some((self.day, self.used))
    }

    /// Bytes of the store that the search index takes from statements.
    #[must_use]
    pub fn index_bytes(&self) -> u64 {
        let least = self.index.iter().min().copied().unwrap_or_default();
        least.min(self.budgets.store_bytes / INDEX_SHARE)
    }

    /// A clock that was set back gives no second day, nor does it when it is set forward again: no day begins until a whole
    /// one has really passed. One that had been years ahead costs a day or two, not years.
    fn turn_day(&mut self, now: Now) {
        let today = now.wall.0 / DAY_MS;
        if today < self.day {
            (self.day, self.no_day_before) = (today, now.mono + Duration::from_millis(DAY_MS));
        } else if today > self.day && now.mono >= self.no_day_before {
            (self.day, self.used, self.remembered) = (today, 0, 0);
        }
    }

    /// Notes work that others brought.
    pub fn worked(&mut self, mono: Duration, cpu: Duration) {
        self.worked += cpu;
        self.work.take(mono, usize::try_from(cpu.as_micros()).unwrap_or(usize::MAX));
    }

    /// Notes signatures that are to be verified for others; says whether they may be now.
    pub fn may_verify(&mut self, mono: Duration, count: usize) -> bool {
        if !self.verifies.wait(mono).is_zero() {
            return false;
        }
        self.verifies.take(mono, count);
        true
    }

    /// How long until signatures may be verified for others.
    pub fn verify_wait(&mut self, mono: Duration) -> Duration {
        self.verifies.wait(mono)
    }

    /// Bytes over libp2p today.
    pub fn traffic_today(&mut self, now: Now) -> u64 {
        self.turn_day(now);
        self.used
    }

    /// Work for others since the start.
    #[must_use]
    pub fn work_done(&self) -> Duration {
        self.worked
    }

    /// Whether something is short.
    pub fn is_short(&mut self, now: Now, of: Shortage) -> bool {
        self.turn_day(now);
        let Budgets { traffic_per_day, memory_bytes, .. } = self.budgets;
        let Reading { free_bytes, disk_bytes, rss_bytes, .. } = self.reading;
        match of {
            Shortage::Disk => disk_bytes > 0 && free_bytes < self.budgets.reserve_on(disk_bytes),
            Shortage::TrafficLow => self.used >= traffic_per_day / 100 * SAVING_FROM,
            Shortage::Traffic => self.used >= traffic_per_day,
            Shortage::Memory => rss_bytes > memory_bytes,
            Shortage::MemoryHard => rss_bytes > memory_bytes / 4 * 5,
            Shortage::Cpu => !self.work.wait(now.mono).is_zero(),
        }
    }

    /// All that is short.
    pub fn shortages(&mut self, now: Now) -> Vec<Shortage> {
        let all = [
            Shortage::Disk,
            Shortage::TrafficLow,
            Shortage::Traffic,
            Shortage::Memory,
            Shortage::MemoryHard,
            Shortage::Cpu,
        ];
        all.into_iter().filter(|of| self.is_short(now, *of)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::Timestamp;

    fn at(seconds: u64, wall_ms: u64) -> Now {
        Now { mono: Duration::from_secs(seconds), wall: Timestamp(wall_ms) }
    }

    fn watch() -> Watch {
        Watch::new(Budgets { traffic_per_day: 1000, ..Budgets::default() }, (10, 100))
    }

    #[test]
    fn traffic_adds_up_over_a_day_and_over_restarts() {
        let mut watch = watch();
        let today = 10 * DAY_MS;
        assert_eq!(watch.read(at(1, today), Reading { traffic_bytes: 600, ..Reading::default() }), Some((10, 700)));
        assert!(!watch.is_short(at(1, today), Shortage::TrafficLow));
        watch.read(at(2, today), Reading { traffic_bytes: 750, ..Reading::default() });
        assert!(watch.is_short(at(2, today), Shortage::TrafficLow) && !watch.is_short(at(2, today), Shortage::Traffic));
        watch.read(at(3, today), Reading { traffic_bytes: 900, ..Reading::default() });
        assert_eq!(watch.shortages(at(3, today)), [Shortage::TrafficLow, Shortage::Traffic]);
        assert!(watch.is_short(at(3, today - 1), Shortage::Traffic), "a clock set back gives no second day");
        let reading = Reading { traffic_bytes: 950, ..Reading::default() };
        let tomorrow = 3 + 24 * 3600;
        assert_eq!(watch.read(at(tomorrow, 11 * DAY_MS), reading), Some((11, 50)));
        assert_eq!(watch.read(at(tomorrow + 1, 11 * DAY_MS), reading), None, "nothing new");
        assert!(watch.shortages(at(tomorrow, 11 * DAY_MS)).is_empty());
    }

    #[test]
    fn a_clock_set_back_and_forward_again_gives_no_second_day() {
        let mut watch = watch();
        let hour = |number: u64| number * 3600;
        watch.read(at(0, 10 * DAY_MS), Reading { traffic_bytes: 900, ..Reading::default() });
        for (hours, day) in [(1, 9), (2, 10), (3, 8), (4, 11), (20, 12), (26, 12)] {
            assert_eq!(watch.traffic_today(at(hour(hours), day * DAY_MS)), 1000, "{hours} {day}");
        }
        assert_eq!(watch.traffic_today(at(hour(27), 12 * DAY_MS)), 0, "a day after it was set back for the last time");
        // One that was years ahead.
        let mut watch = Watch::new(Budgets { traffic_per_day: 1000, ..Budgets::default() }, (9000, 700));
        assert_eq!(watch.traffic_today(at(0, 10 * DAY_MS)), 700);
        assert_eq!(watch.traffic_today(at(hour(23), 11 * DAY_MS)), 700);
        assert_eq!(watch.traffic_today(at(hour(24), 11 * DAY_MS)), 0);
    }

    #[test]
    fn the_reserve_of_a_disk_is_a_gibibyte_or_a_twentieth_or_what_was_chosen() {
        let budgets = Budgets::default();
        assert_eq!(budgets.reserve_on(10 << 30), 1 << 30);
        assert_eq!(budgets.reserve_on(100 << 30), 5 << 30);
        let chosen = Budgets { reserve_bytes: Some(7), ..budgets };
        assert_eq!(chosen.reserve_on(100 << 30), 7);
        let mut watch = Watch::new(budgets, (0, 0));
        let reading = |free_bytes| Reading { free_bytes, disk_bytes: 10 << 30, ..Reading::default() };
        assert!(watch.shortages(at(0, 0)).is_empty(), "nothing was measured");
        watch.read(at(0, 0), reading((1 << 30) - 1));
        assert_eq!(watch.shortages(at(0, 0)), [Shortage::Disk]);
        watch.read(at(0, 0), reading(1 << 30));
        assert!(watch.shortages(at(0, 0)).is_empty());
    }

    #[test]
    fn work_for_others_is_a_share_of_a_core_on_average() {
        let mut watch = Watch::new(Budgets::default(), (0, 0));
        watch.worked(Duration::ZERO, Duration::from_secs(15));
        assert!(!watch.is_short(at(0, 0), Shortage::Cpu), "five minutes at once");
        watch.worked(Duration::ZERO, Duration::from_secs(1));
        assert!(watch.is_short(at(0, 0), Shortage::Cpu));
        assert!(
            watch.is_short(at(19, 0), Shortage::Cpu) && !watch.is_short(at(21, 0), Shortage::Cpu),
            "50 ms a second"
        );
        assert_eq!(watch.work_done(), Duration::from_secs(16));
    }

    #[test]
    fn so_many_signatures_are_verified_a_second() {
        let mut watch = Watch::new(Budgets { verifies_per_s: 10, ..Budgets::default() }, (0, 0));
        let verified = (0..200).filter(|_| watch.may_verify(Duration::ZERO, 1)).count();
        assert_eq!(verified, 51, "five seconds' worth, and the one that overdraws");
        assert!(!watch.may_verify(Duration::from_millis(50), 1) && watch.may_verify(Duration::from_millis(150), 1));
    }
}
