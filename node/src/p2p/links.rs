//! Which connections there are, and what becomes of two with the same peer.
//!
//! Gossipsub tells its subscriptions over the first connection with a peer, once. So a second one is not closed before
//! both sides have told theirs, and a peer that was killed and came back before its old connection was missed, to which
//! nothing would be told, loses both: they begin anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};

use super::{Learned, params, worker::Worker};

/// One connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub peer: PeerId,
    pub address: Multiaddr,
    pub is_dialer: bool,
    pub is_relayed: bool,
    /// For those that we dialled for a reason of ours.
    pub learned: Option<Learned>,
    /// Word for `status`.
    pub how: &'static str,
    pub since: Instant,
}

/// What to do about two direct connections with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Double {
    /// Nothing, or nothing yet: the other side decides.
    Leave,
    /// We close the first or the second.
    Close(usize),
    /// The first is with a process that is gone.
    Ghost,
}

/// Both sides must choose alike, or both connections would go: of two dialled at the same time the side with the lower
/// id gives up what it dialled, otherwise whoever dialled the second does.
fn judge(first: &Link, second: &Link, is_lower: bool, now: Instant) -> Double {
    let apart = second.since.saturating_duration_since(first.since);
    let both_told = now.saturating_duration_since(second.since) >= params::DOUBLE_KEPT;
    let at_once = apart < params::BOTH_DIALLED_WITHIN;
    match (first.is_dialer, second.is_dialer) {
        _ if at_once && !both_told => Double::Leave,
        (true, true) => Double::Close(1),
        (true, false) if at_once && is_lower => Double::Close(0),
        (false, true) if at_once && !is_lower => Double::Leave,
        (false, true) => Double::Close(1),
        (_, false) if outlives(second, at_once, now) => Double::Ghost,
        (_, false) => Double::Leave,
    }
}

/// A peer that keeps a second connection to us although it should have closed one does not know of the first.
fn outlives(second: &Link, at_once: bool, now: Instant) -> bool {
    let patience = if at_once { params::DOUBLE_KEPT } else { Duration::ZERO } + params::GHOST_AFTER;
    now.saturating_duration_since(second.since) >= patience
}

/// Connections over a relay with peers that have had a direct one for a while: gossip gives each message to either, so
/// what the relay loses, or is too slow for, would be lost; and others need its places.
fn no_longer_needed(links: &BTreeMap<ConnectionId, Link>, now: Instant) -> Vec<ConnectionId> {
    let is_direct = |link: &Link| !link.is_relayed && now.saturating_duration_since(link.since) >= params::DOUBLE_KEPT;
    let direct: BTreeSet<PeerId> = links.values().filter(|link| is_direct(link)).map(|link| link.peer).collect();
    let is_old = |link: &Link| now.saturating_duration_since(link.since) >= params::DOUBLE_KEPT;
    let relayed = links.iter().filter(|(_, link)| link.is_relayed && is_old(link) && direct.contains(&link.peer));
    relayed.map(|(id, _)| *id).collect()
}

impl Worker {
    /// Once a tick.
    pub(super) fn close_doubles(&mut self, now: Instant) {
        for connection in no_longer_needed(&self.finding.links, now) {
            tracing::debug!("a connection over a relay closed: there is a direct one");
            self.swarm.close_connection(connection);
        }
        let mut direct: BTreeMap<PeerId, Vec<(ConnectionId, Link)>> = BTreeMap::new();
        for (id, link) in self.finding.links.iter().filter(|(_, link)| !link.is_relayed) {
            direct.entry(link.peer).or_default().push((*id, link.clone()));
        }
        for (peer, mut links) in direct {
            links.sort_by_key(|(_, link)| link.since);
            let [(_, first), (_, second), ..] = &links[..] else { continue };
            match judge(first, second, *self.swarm.local_peer_id() < peer, now) {
                Double::Leave => {}
                Double::Close(which) => {
                    tracing::debug!(%peer, which, "one of two connections closed");
                    self.swarm.close_connection(links[which].0);
                }
                Double::Ghost => {
                    tracing::debug!(%peer, "peer was restarted: its connections are closed");
                    self.hang_up(peer);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn link(is_dialer: bool, since: Instant) -> Link {
        let (peer, address) = (PeerId::random(), Multiaddr::empty());
        Link { peer, address, is_dialer, is_relayed: false, learned: None, how: "other", since }
    }

    /// What both sides come to, one after the other, of two connections that began so far apart, after so long.
    fn both(alice_first: bool, alice_second: bool, apart: Duration, after: Duration) -> [Double; 2] {
        let start = Instant::now();
        let judged = |first, second, is_lower| {
            judge(&link(first, start), &link(second, start + apart), is_lower, start + apart + after)
        };
        [judged(alice_first, alice_second, true), judged(!alice_first, !alice_second, false)]
    }

    #[test]
    fn of_two_connections_exactly_one_is_closed() {
        for (first, second) in [(true, true), (true, false), (false, true), (false, false)] {
            for apart in [Duration::ZERO, SECOND, params::BOTH_DIALLED_WITHIN, 1000 * SECOND] {
                // Each side looks once a second, so the one that closes does so before the other gives up.
                let closing = if apart < params::BOTH_DIALLED_WITHIN { params::DOUBLE_KEPT } else { Duration::ZERO };
                let seen = both(first, second, apart, closing + SECOND);
                let closed: Vec<_> = seen.iter().filter(|double| **double != Double::Leave).collect();
                assert_eq!(closed.len(), 1, "{first} {second} {apart:?}: {seen:?}");
                assert!(matches!(closed[0], Double::Close(_)));
            }
        }
    }

    #[test]
    fn a_relay_is_left_when_there_is_a_direct_way_and_both_have_told_what_they_want() {
        let start = Instant::now();
        let direct = link(true, start + 60 * SECOND);
        let relayed = Link { is_relayed: true, since: start, ..direct.clone() };
        let other = Link { peer: PeerId::random(), ..relayed.clone() };
        let id = ConnectionId::new_unchecked;
        let links: BTreeMap<_, _> = [(id(1), relayed), (id(2), direct), (id(3), other)].into();
        let soon = start + 60 * SECOND + params::DOUBLE_KEPT;
        assert_eq!(no_longer_needed(&links, soon - SECOND), []);
        assert_eq!(no_longer_needed(&links, soon), [id(1)]);
        let without: BTreeMap<_, _> = links.into_iter().filter(|(_, link)| link.is_relayed).collect();
        assert_eq!(no_longer_needed(&without, soon), []);
    }

    #[test]
    fn two_dialled_at_once_both_live_until_both_sides_have_told_what_they_want() {
        for (first, second) in [(true, true), (true, false), (false, true), (false, false)] {
            assert_eq!(both(first, second, SECOND, params::DOUBLE_KEPT - SECOND), [Double::Leave; 2]);
        }
    }

    #[test]
    fn a_second_connection_that_stays_shows_that_the_first_is_dead() {
        let start = Instant::now();
        for ours in [true, false] {
            let (first, second) = (link(ours, start), link(false, start + 60 * SECOND));
            let later = second.since + params::GHOST_AFTER;
            assert_eq!(judge(&first, &second, true, later - SECOND), Double::Leave);
            assert_eq!(judge(&first, &second, true, later), Double::Ghost);
        }
    }
}
