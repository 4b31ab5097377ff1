//! Numbers for peers: the core names a peer by a number, libp2p by its transport key.

use crate::p2p::{self, PeerId};
use heirloom_core::io::{ArtworkEvent, ExchangeId, IdentityEvent, Input, LookupEvent, OrderId, Peer, SyncEvent};
use heirloom_proto::identity::Ends;
use std::collections::BTreeMap;

/// Most peers that keep their number; the lowest of those that are gone gives way. Above what the core remembers.
const NAMES_MAX: usize = 2048;

/// Who is who.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The number, and whether it is connected.
    numbers: BTreeMap<PeerId, (Peer, bool)>,
    peers: BTreeMap<Peer, PeerId>,
    last: u64,
}

impl Names {
    /// The peer of a number.
    pub(super) fn of(&self, peer: Peer) -> Option<PeerId> {
        self.peers.get(&peer).copied()
    }

    /// The number of a peer.
    pub(super) fn number(&self, id: &PeerId) -> Option<Peer> {
        self.numbers.get(id).map(|(number, _)| *number)
    }

    /// The same, while it is connected.
    pub(super) fn connected(&self, peer: Peer) -> Option<PeerId> {
        self.of(peer).filter(|id| self.numbers.get(id).is_some_and(|(_, is_up)| *is_up))
    }

    fn up(&mut self, id: PeerId) -> Peer {
        if let Some((peer, is_up)) = self.numbers.get_mut(&id) {
            *is_up = true;
            return *peer;
        }
        if self.numbers.len() >= NAMES_MAX {
            let gone = self.numbers.iter().filter(|(_, (_, is_up))| !is_up).min_by_key(|(_, (peer, _))| *peer);
            if let Some((id, peer)) = gone.map(|(id, (peer, _))| (*id, *peer)) {
                self.numbers.remove(&id);
                self.peers.remove(&peer);
            }
        }
        self.last += 1;
        let peer = Peer(self.last);
        self.numbers.insert(id, (peer, true));
        self.peers.insert(peer, id);
        peer
    }

    /// The ends of the channel with a connected peer, as the transport proved them: first this node, then the peer.
    fn ends(asker: PeerId, answerer: PeerId) -> Ends {
        Ends { asker: asker.to_bytes(), answerer: answerer.to_bytes() }
    }

    /// What an event of the adapter says to the core about who peers are; `me` is this node's transport id.
    pub(super) fn identity(&self, me: PeerId, event: &p2p::Event) -> Option<Input> {
        let number = |peer: &PeerId| self.numbers.get(peer).map(|(number, _)| *number);
        let event = match event {
            p2p::Event::PeerUp { peer, .. } => IdentityEvent::Met { peer: number(peer)?, ends: Self::ends(me, *peer) },
            p2p::Event::IdentityAsked { exchange, peer, bytes } => IdentityEvent::Asked {
                peer: number(peer)?,
                exchange: ExchangeId(*exchange),
                ends: Self::ends(*peer, me),
                bytes: bytes.clone(),
            },
            p2p::Event::IdentityAnswered { ask, bytes } => {
                IdentityEvent::Answered { order: OrderId(*ask), bytes: bytes.clone() }
            }
            p2p::Event::IdentityFailed { ask } => IdentityEvent::Failed { order: OrderId(*ask) },
            _ => return None,
        };
        Some(Input::Identity(event))
    }

    /// What an event of the adapter is to the core.
    pub(super) fn input(&mut self, event: p2p::Event) -> Option<Input> {
        match event {
            p2p::Event::PeerUp { peer, .. } => Some(Input::PeerUp(self.up(peer))),
            p2p::Event::PeerDown { peer } => {
                let (number, is_up) = self.numbers.get_mut(&peer)?;
                *is_up = false;
                Some(Input::PeerDown(*number))
            }
            p2p::Event::SyncAsked { exchange, peer, bytes } => {
                let peer = self.numbers.get(&peer)?.0;
                Some(Input::SyncFrame(SyncEvent::Asked { peer, exchange: ExchangeId(exchange), bytes }))
            }
            p2p::Event::SyncAnswered { ask, bytes } => {
                Some(Input::SyncFrame(SyncEvent::Answered { order: OrderId(ask), bytes }))
            }
            p2p::Event::SyncFailed { ask, is_unsupported } => {
                Some(Input::SyncFrame(SyncEvent::Failed { order: OrderId(ask), is_unsupported }))
            }
            p2p::Event::Sought { seek, peer } => {
                let peer = self.numbers.get(&peer)?.0;
                Some(Input::Lookup(LookupEvent::Met { order: OrderId(seek), peer }))
            }
            p2p::Event::SeekOver { seek } => Some(Input::Lookup(LookupEvent::Over { order: OrderId(seek) })),
            p2p::Event::LookupAsked { exchange, peer, bytes } => {
                let peer = self.numbers.get(&peer)?.0;
                Some(Input::Lookup(LookupEvent::Asked { peer, exchange: ExchangeId(exchange), bytes }))
            }
            p2p::Event::LookupAnswered { ask, bytes } => {
                Some(Input::Lookup(LookupEvent::Answered { order: OrderId(ask), bytes }))
            }
            p2p::Event::LookupFailed { ask } => Some(Input::Lookup(LookupEvent::Failed { order: OrderId(ask) })),
            p2p::Event::ArtworkAsked { exchange, peer, bytes } => {
                let peer = self.numbers.get(&peer)?.0;
                Some(Input::Artwork(ArtworkEvent::Asked { peer, exchange: ExchangeId(exchange), bytes }))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(names: &mut Names, peer: PeerId) -> Peer {
        let event = p2p::Event::PeerUp { peer, address: p2p::Multiaddr::empty(), direction: p2p::Direction::Inbound };
        match names.input(event) {
            Some(Input::PeerUp(number)) => number,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_peer_that_comes_back_keeps_its_number_and_crowds_are_forgotten() {
        let (mut names, bob) = (Names::default(), PeerId::random());
        let number = up(&mut names, bob);
        assert_eq!(names.connected(number), Some(bob));
        assert_eq!(names.input(p2p::Event::PeerDown { peer: bob }), Some(Input::PeerDown(number)));
        assert_eq!((names.connected(number), names.of(number)), (None, Some(bob)));
        assert_eq!(up(&mut names, bob), number);
        for _ in 0..NAMES_MAX + 10 {
            let peer = PeerId::random();
            up(&mut names, peer);
            names.input(p2p::Event::PeerDown { peer });
        }
        assert!(names.numbers.len() <= NAMES_MAX && names.peers.len() <= NAMES_MAX);
        assert_eq!(names.of(number), Some(bob), "who is connected is not forgotten");
    }
}
