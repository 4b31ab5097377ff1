//! Addresses for players, which send no header: a secret that opens the files of one release, for reading, for a while.
//!
//! They live in memory, as SHA-256. They open neither the API nor another release, and no log holds them.

use super::session::{self, Hidden};
use heirloom_core::command::CommandError;
use heirloom_proto::Infohash;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a ticket lasts after it was last used: a long film, paused over dinner.
pub(super) const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// Tickets at once. The one that was used longest ago makes room.
const TICKETS_MAX: usize = 256;

/// The tickets of a node.
#[derive(Default)]
pub(super) struct Tickets(Mutex<BTreeMap<Hidden, (Infohash, Duration)>>);

impl Tickets {
    fn table(&self) -> MutexGuard<'_, BTreeMap<Hidden, (Infohash, Duration)>> {
        // A panic while it was held cannot leave it half changed: every change is one insert or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket for the files of a release.
    pub(super) fn issue(&self, infohash: Infohash, now: Duration) -> Result<String, CommandError> {
        let secret = session::secret()?;
        let mut table = self.table();
        table.retain(|_, (_, end)| *end > now);
        while table.len() >= TICKETS_MAX {
            let Some(first) = table.iter().min_by_key(|(_, (_, end))| *end).map(|(ticket, _)| *ticket) else { break };
            table.remove(&first);
        }
        table.insert(session::hide(&secret), (infohash, now + LIFETIME));
        Ok(secret)
    }

    /// Whether a ticket is for this release; using it makes it last.
    pub(super) fn opens(&self, ticket: &str, infohash: Infohash, now: Duration) -> bool {
        let mut table = self.table();
        match table.get_mut(&session::hide(ticket)) {
            Some((release, end)) if *release == infohash && *end > now => {
                *end = now + LIFETIME;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_one_release_for_a_while() {
        let (film, other) = (Infohash([1; 20]), Infohash([2; 20]));
        let tickets = Tickets::default();
        let ticket = tickets.issue(film, Duration::ZERO).expect("ticket");
        assert!(tickets.opens(&ticket, film, LIFETIME / 2), "in time");
        assert!(!tickets.opens(&ticket, other, LIFETIME / 2), "another release");
        assert!(!tickets.opens(&ticket[..63], film, LIFETIME / 2) && !tickets.opens("", film, LIFETIME / 2));
        assert!(tickets.opens(&ticket, film, LIFETIME + LIFETIME / 3), "it lasts while it is used");
        assert!(!tickets.opens(&ticket, film, LIFETIME * 3));
    }

    #[test]
    fn the_newest_tickets_stay() {
        let (film, tickets) = (Infohash([1; 20]), Tickets::default());
        let first = tickets.issue(film, Duration::ZERO).expect("ticket");
        let last =
            (1..=TICKETS_MAX as u64).map(|s| tickets.issue(film, Duration::from_secs(s)).expect("ticket")).last();
        let now = Duration::from_secs(TICKETS_MAX as u64);
        assert!(!tickets.opens(&first, film, now));
        assert!(tickets.opens(&last.expect("many"), film, now));
    }
}
