//! One node: a real core, its disk and its clock. The disk outlives the process.

use crate::dice::Dice;
use crate::disk::Disk;
use heirloom_core::io::{Now, RequestId};
use heirloom_core::{Config, OpenError, Service, TrustSettings};
use heirloom_proto::{Key, SecretKey, Sha256, Timestamp};
use std::net::IpAddr;
use std::time::Duration;

/// When worlds begin: 2026-10-01T00:00:00Z.
pub(crate) const EPOCH: Timestamp = Timestamp(1_790_812_800_000);

/// A node, running or not.
#[derive(Debug)]
pub(crate) struct Node {
    secret: SecretKey,
    key: Key,
    next_key_hash: Sha256,
    pub(crate) disk: Disk,
    /// The running process.
    pub(crate) service: Option<Service<Disk>>,
    /// How often it was started: what was under way in an earlier life reaches nobody.
    pub(crate) life: u32,
    booted: Duration,
    /// How far its wall clock is ahead.
    skew: Duration,
    /// How far it is behind.
    lag: Duration,
    /// When it wants to be woken.
    pub(crate) wake_at: Option<Duration>,
    /// Wake-ups in a row at one moment.
    pub(crate) spins: u32,
    last_request: u64,
    pub(crate) last_message: u64,
}

impl Node {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let secret = SecretKey::from_seed(&dice.bytes());
        Self {
            key: secret.public(),
            secret,
            next_key_hash: Sha256(dice.bytes()),
            disk: Disk::default(),
            service: None,
            life: 0,
            booted: Duration::ZERO,
            // Less than the ten minutes by which a statement may come from the future.
            skew: dice.between((Duration::ZERO, Duration::from_secs(240))),
            lag: Duration::ZERO,
            wake_at: None,
            spins: 0,
            last_request: 0,
            last_message: 0,
        }
    }

    /// Sets the wall clock: ahead and behind.
    pub(crate) fn set_clock(&mut self, ahead: Duration, behind: Duration) {
        (self.skew, self.lag) = (ahead, behind);
    }

    pub(crate) fn secret(&self) -> &SecretKey {
        &self.secret
    }

    pub(crate) fn key(&self) -> Key {
        self.key
    }

    pub(crate) fn boot(&mut self, at: Duration, seed: [u8; 32]) -> Result<(), OpenError> {
        self.disk.set_full(false);
        let config = Config {
            secret: self.secret.clone(),
            next_key_hash: self.next_key_hash,
            generation: 0,
            seed,
            trust: TrustSettings::default(),
            budgets: heirloom_core::Budgets::default(),
        };
        self.service = Some(Service::open(config, self.disk.clone())?);
        self.life += 1;
        self.booted = at;
        self.wake_at = None;
        self.spins = 0;
        Ok(())
    }

    /// The process ends; what was not committed is lost.
    pub(crate) fn kill(&mut self, is_power_cut: bool) {
        self.service = None;
        self.wake_at = None;
        if is_power_cut {
            self.disk.cut_power();
        }
    }

    pub(crate) fn now(&self, at: Duration) -> Now {
        Now { mono: at.saturating_sub(self.booted), wall: EPOCH.plus(at + self.skew).minus(self.lag) }
    }

    /// When the core wants to be woken, in the world's time.
    pub(crate) fn next_wakeup(&self) -> Option<Duration> {
        Some(self.booted + self.service.as_ref()?.next_wakeup()?)
    }

    pub(crate) fn next_request(&mut self) -> RequestId {
        self.last_request += 1;
        RequestId(self.last_request)
    }
}

/// Where a node is reached: 10.77.x.y.
pub(crate) fn address(node: usize) -> IpAddr {
    let [.., high, low] = u32::try_from(node).unwrap_or(u32::MAX).to_be_bytes();
    IpAddr::from([10, 77, high, low])
}
