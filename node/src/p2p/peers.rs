//! What the adapter remembers about each peer: its rate, its standing, and whether
//! it has said hello. Peers that left are remembered a while, so that reconnecting
//! refills no bucket. Pure; time is an argument.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use libp2p::PeerId;

use super::{params, rate::Bucket, rate::Rate, standing::Standing};

/// One peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub rate: Rate,
    /// What it may ask by sync.
    pub sync: Bucket,
    /// What it may ask about works.
    pub lookup: Bucket,
    /// How often it may ask who we are.
    pub identity: Bucket,
    /// How often it may ask for pictures.
    pub artwork: Bucket,
    pub standing: Standing,
    /// Where its first connection comes from or goes to.
    pub ip: Option<IpAddr>,
    presence: Presence,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Presence {
    Up { since: Instant, hello: Hello },
    Gone { since: Instant },
}

/// Whether a peer has shown that it is one of ours.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hello {
    /// It has said nothing.
    None,
    /// It may be: it speaks gossipsub.
    Foreign,
    /// It says so.
    Ours,
    /// It has subscribed to a topic of ours.
    Subscribed,
    /// It is none, and is being dropped.
    Stranger,
}

/// All peers that are connected, and the last [`params::GONE_PEERS_MAX`] that were.
#[derive(Debug, Default)]
pub(super) struct Peers {
    table: BTreeMap<PeerId, Peer>,
}

impl Peers {
    /// The first connection with a peer.
    pub fn up(&mut self, id: PeerId, ip: Option<IpAddr>, now: Instant) -> &Peer {
        let presence = Presence::Up { since: now, hello: Hello::None };
        let peer = self.table.entry(id).or_insert_with(|| Peer {
            rate: Rate::new(now),
            sync: Bucket::full(params::SYNC_PER_S, params::SYNC_BURST, now),
            lookup: Bucket::full(params::LOOKUP_PER_S, params::LOOKUP_BURST, now),
            identity: Bucket::full(params::IDENTITY_PER_S, params::IDENTITY_BURST, now),
            artwork: Bucket::full(params::ARTWORK_PER_S, params::ARTWORK_BURST, now),
            standing: Standing::default(),
            ip,
            presence,
        });
        peer.presence = presence;
        peer.ip = ip;
        peer
    }

    /// The last connection with a peer is gone.
    pub fn down(&mut self, id: &PeerId, now: Instant) {
        if let Some(peer) = self.table.get_mut(id) {
            peer.presence = Presence::Gone { since: now };
        }
    }

    /// The peer identified itself as one of ours.
    pub fn greeted(&mut self, id: &PeerId) {
        self.said(id, Hello::Ours);
    }

    /// The peer identified itself as something else that speaks gossipsub.
    pub fn foreign(&mut self, id: &PeerId) {
        self.said(id, Hello::Foreign);
    }

    /// The peer subscribed to a topic of ours.
    pub fn subscribed(&mut self, id: &PeerId) {
        self.said(id, Hello::Subscribed);
    }

    /// The peer identified itself as nothing of ours. Whether that is news: it may say so again before its connection is gone.
    pub fn turned_away(&mut self, id: &PeerId) -> bool {
        let Some(Peer { presence: Presence::Up { hello, .. }, .. }) = self.table.get_mut(id) else { return true };
        std::mem::replace(hello, Hello::Stranger) != Hello::Stranger
    }

    fn said(&mut self, id: &PeerId, what: Hello) {
        if let Some(Peer { presence: Presence::Up { hello, .. }, .. }) = self.table.get_mut(id)
            && *hello != Hello::Subscribed
        {
            *hello = what;
        }
    }

    /// Whether a peer is connected and has shown that it is one of ours.
    pub fn is_ours(&self, id: &PeerId) -> bool {
        let hello = self.table.get(id).map(|peer| peer.presence);
        matches!(hello, Some(Presence::Up { hello: Hello::Ours | Hello::Subscribed, .. }))
    }

    /// Those of ours that told no subscription within [`params::TELL_WITHIN`].
    pub fn mute(&self, now: Instant) -> Vec<PeerId> {
        let is_mute = |peer: &Peer| match peer.presence {
            Presence::Up { since, hello: Hello::Ours } => now.saturating_duration_since(since) > params::TELL_WITHIN,
            _ => false,
        };
        self.table.iter().filter(|(_, peer)| is_mute(peer)).map(|(id, _)| *id).collect()
    }

    /// A peer that is or was lately connected.
    pub fn get_mut(&mut self, id: &PeerId) -> Option<&mut Peer> {
        self.table.get_mut(id)
    }

    /// Those connected.
    pub fn connected(&self) -> impl Iterator<Item = (PeerId, &Peer)> {
        self.table.iter().filter(|(_, peer)| matches!(peer.presence, Presence::Up { .. })).map(|(id, peer)| (*id, peer))
    }

    /// Those connected for longer than [`params::HELLO_WITHIN`] without a hello, or than [`params::SUBSCRIBE_WITHIN`]
    /// without a subscription if they are foreign.
    pub fn silent(&self, now: Instant) -> Vec<PeerId> {
        let late = |peer: &Peer| {
            let (since, within) = match peer.presence {
                Presence::Up { since, hello: Hello::None } => (since, params::HELLO_WITHIN),
                Presence::Up { since, hello: Hello::Foreign } => (since, params::SUBSCRIBE_WITHIN),
                Presence::Up { .. } | Presence::Gone { .. } => return false,
            };
            now.saturating_duration_since(since) > within
        };
        self.table.iter().filter(|(_, peer)| late(peer)).map(|(id, _)| *id).collect()
    }

    /// Lets penalties fade and forgets who is gone too long. Overflow: the longest gone goes first.
    pub fn pass(&mut self, passed: Duration, now: Instant) {
        self.table.values_mut().for_each(|peer| peer.standing.fade(passed));
        let mut gone: Vec<_> = self
            .table
            .iter()
            .filter_map(|(id, peer)| match peer.presence {
                Presence::Gone { since } => Some((since, *id)),
                Presence::Up { .. } => None,
            })
            .collect();
        gone.sort_unstable();
        let too_many = gone.len().saturating_sub(params::GONE_PEERS_MAX);
        for (index, (since, id)) in gone.into_iter().enumerate() {
            if index < too_many || now.saturating_duration_since(since) > params::GONE_PEERS_KEPT {
                self.table.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::p2p::rate::Admit;

    #[test]
    fn reconnecting_refills_nothing() {
        let now = Instant::now();
        let bob = PeerId::random();
        let mut peers = Peers::default();
        peers.up(bob, None, now);
        while peers.get_mut(&bob).expect("known").rate.admit(now, 100) == Admit::Pass {}
        peers.get_mut(&bob).expect("known").standing.penalise(500.0);
        peers.down(&bob, now);
        peers.pass(Duration::ZERO, now);
        assert_eq!(peers.connected().count(), 0);
        let peer = peers.up(bob, None, now);
        assert!(peer.standing.score() < -499.0);
        assert_ne!(peers.get_mut(&bob).expect("known").rate.admit(now, 100), Admit::Pass);
    }

    #[test]
    fn strangers_are_found_and_friends_are_not() {
        let now = Instant::now();
        let (alice, mallory) = (PeerId::random(), PeerId::random());
        let mut peers = Peers::default();
        peers.up(alice, None, now);
        peers.up(mallory, None, now);
        peers.greeted(&alice);
        assert!(peers.silent(now + params::HELLO_WITHIN).is_empty());
        let late = now + params::HELLO_WITHIN + Duration::from_millis(1);
        assert_eq!(peers.silent(late), [mallory]);
        peers.down(&mallory, late);
        assert!(peers.silent(late).is_empty());
    }

    #[test]
    fn a_stranger_is_turned_away_once_for_each_time_that_it_comes() {
        let now = Instant::now();
        let mallory = PeerId::random();
        let mut peers = Peers::default();
        for _ in 0..2 {
            peers.up(mallory, None, now);
            assert!(peers.turned_away(&mallory));
            assert!(!peers.turned_away(&mallory), "it said so twice");
            assert!(peers.silent(now + params::HELLO_WITHIN * 2).is_empty());
            peers.down(&mallory, now);
        }
    }

    #[test]
    fn another_program_shows_by_its_subscription_that_it_is_one_of_ours() {
        let now = Instant::now();
        let (alice, mallory) = (PeerId::random(), PeerId::random());
        let mut peers = Peers::default();
        for peer in [alice, mallory] {
            peers.up(peer, None, now);
            peers.foreign(&peer);
        }
        peers.subscribed(&alice);
        peers.foreign(&alice);
        assert!(peers.silent(now + params::SUBSCRIBE_WITHIN).is_empty());
        assert_eq!(peers.silent(now + params::SUBSCRIBE_WITHIN + Duration::from_millis(1)), [mallory]);
    }

    #[test]
    fn one_of_ours_that_subscribes_to_nothing_is_noticed() {
        let now = Instant::now();
        let (alice, bob) = (PeerId::random(), PeerId::random());
        let mut peers = Peers::default();
        for peer in [alice, bob] {
            peers.up(peer, None, now);
            peers.greeted(&peer);
        }
        peers.subscribed(&alice);
        let late = now + params::TELL_WITHIN + Duration::from_millis(1);
        assert_eq!((peers.mute(late), peers.silent(late)), (vec![bob], vec![]));
        assert_eq!(peers.mute(now + params::TELL_WITHIN), []);
    }

    #[test]
    fn the_longest_gone_are_forgotten_first() {
        let now = Instant::now();
        let mut peers = Peers::default();
        let ids: Vec<_> = (0..params::GONE_PEERS_MAX + 3).map(|_| PeerId::random()).collect();
        for (index, id) in ids.iter().enumerate() {
            let then = now + Duration::from_millis(index as u64);
            peers.up(*id, None, then);
            peers.down(id, then);
        }
        let stays = PeerId::random();
        peers.up(stays, None, now);
        peers.pass(Duration::ZERO, now + Duration::from_secs(10));
        assert_eq!(peers.table.len(), params::GONE_PEERS_MAX + 1);
        assert!(peers.get_mut(&ids[2]).is_none() && peers.get_mut(&ids[3]).is_some());
        peers.pass(Duration::ZERO, now + params::GONE_PEERS_KEPT + Duration::from_secs(60));
        assert_eq!(peers.connected().map(|(id, _)| id).collect::<Vec<_>>(), [stays]);
        assert_eq!(peers.table.len(), 1);
    }
}
