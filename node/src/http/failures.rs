//! Wrong tokens, cookies and links, by the address that sent them.
//!
//! What is missing is no failure: any web page can make a browser ask here without a token. Only a wrong one counts.
//! On loopback every program of this machine has the same address, the owner's command line too. There a wrong secret
//! is answered with 429, and a right one still passes: the secrets have 256 bits, so that nobody guesses them however
//! often they try, and nobody can lock the owner out of their own node.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Wrong secrets in a minute after which an address waits for the next.
const PER_MINUTE_MAX: u32 = 5;
const MINUTE: Duration = Duration::from_secs(60);
/// Wrong secrets in all after which an address is banned.
const BAN_AT: u32 = 10;
/// How long a ban lasts. What was counted is forgotten by then too.
const BAN: Duration = Duration::from_secs(3600);
/// Addresses remembered: a few tens of kilobytes. The one that failed longest ago makes room.
const ADDRESSES_MAX: usize = 1024;

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    total: u32,
    this_minute: u32,
    minute_began: Duration,
    last: Duration,
}

/// Who failed how often. Times are those of the process.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeMap<IpAddr, Record>);

impl Failures {
    /// Counts a wrong secret.
    pub(super) fn note(&mut self, address: IpAddr, now: Duration) {
        let address = address.to_canonical();
        if !self.0.contains_key(&address) && self.0.len() >= ADDRESSES_MAX {
            let oldest = self.0.iter().min_by_key(|(_, record)| record.last).map(|(address, _)| *address);
            self.0.retain(|address, _| Some(*address) != oldest);
        }
        let record = self.0.entry(address).or_default();
        if now.saturating_sub(record.last) >= BAN {
            *record = Record::default();
        }
        if record.total == 0 || now.saturating_sub(record.minute_began) >= MINUTE {
            (record.minute_began, record.this_minute) = (now, 0);
        }
        record.total = record.total.saturating_add(1);
        record.this_minute = record.this_minute.saturating_add(1);
        record.last = now;
    }

    /// How long an address has to wait; `None` when it may try.
    pub(super) fn wait(&self, address: IpAddr, now: Duration) -> Option<Duration> {
        let record = self.0.get(&address.to_canonical())?;
        let until = if record.total >= BAN_AT {
            record.last + BAN
        } else if record.this_minute >= PER_MINUTE_MAX {
            record.minute_began + MINUTE
        } else {
            return None;
        };
        until.checked_sub(now).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn five_in_a_minute_wait_and_ten_are_banned_for_an_hour() {
        let (mut failures, eve) = (Failures::default(), IpAddr::from([192, 0, 2, 7]));
        for _ in 0..4 {
            failures.note(eve, at(0));
        }
        assert_eq!(failures.wait(eve, at(1)), None);
        failures.note(eve, at(10));
        assert_eq!(failures.wait(eve, at(20)), Some(at(40)), "until the minute is over");
        assert_eq!(failures.wait(eve, at(60)), None);
        for _ in 0..5 {
            failures.note(eve, at(70));
        }
        assert_eq!(failures.wait(eve, at(70)), Some(BAN));
        assert_eq!(failures.wait(eve, at(70) + BAN), None);
        failures.note(eve, at(70) + BAN);
        assert_eq!(failures.wait(eve, at(71) + BAN), None, "after the ban it counts from nothing");
        assert_eq!(failures.wait(IpAddr::from([192, 0, 2, 8]), at(71)), None, "others go on");
    }

    #[test]
    fn a_million_addresses_take_no_more_room() {
        let mut failures = Failures::default();
        for number in 0..3000_u32 {
            failures.note(Ipv4Addr::from(number).into(), at(u64::from(number)));
        }
        assert_eq!(failures.0.len(), ADDRESSES_MAX);
        assert!(failures.0.contains_key(&Ipv4Addr::from(2999).into()), "the newest stays");
    }

    #[test]
    fn one_address_in_two_forms_is_one() {
        let mut failures = Failures::default();
        for _ in 0..5 {
            failures.note("::ffff:192.0.2.7".parse().expect("address"), at(0));
        }
        assert!(failures.wait(IpAddr::from([192, 0, 2, 7]), at(1)).is_some());
    }
}
