//! The way of events to the node, over a bounded channel, without ever waiting.
//!
//! Gossip that finds no room is refused to the caller. Ups and downs must arrive:
//! they wait here, and an up that was not yet delivered is cancelled by its down,
//! so at most two events per known peer wait, whatever the peers do.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::{Event, params};

/// The node has dropped its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

/// Sends events in order.
pub(super) struct Sink {
    channel: mpsc::Sender<Event>,
    waiting: VecDeque<Event>,
}

impl Sink {
    pub fn new() -> (Self, mpsc::Receiver<Event>) {
        let (channel, events) = mpsc::channel(params::EVENTS_QUEUED);
        (Self { channel, waiting: VecDeque::new() }, events)
    }

    /// Sends now, behind nothing that waits, or not at all. Returns whether it was sent.
    pub fn offer(&mut self, event: Event) -> bool {
        self.waiting.is_empty() && self.channel.try_send(event).is_ok()
    }

    /// Sends now or as soon as there is room.
    pub fn deliver(&mut self, event: Event) {
        let opposite = |waiting: &Event| match (&event, waiting) {
            (Event::PeerDown { peer }, Event::PeerUp { peer: up, .. }) => peer == up,
            (Event::NotListening(address), Event::Listening(up)) => address == up,
            _ => false,
        };
        if let Some(index) = self.waiting.iter().position(opposite) {
            self.waiting.remove(index);
        } else if let Some(event) = self.unsent(event) {
            self.waiting.push_back(event);
        }
    }

    fn unsent(&self, event: Event) -> Option<Event> {
        if !self.waiting.is_empty() {
            return Some(event);
        }
        match self.channel.try_send(event) {
            Ok(()) => None,
            Err(mpsc::error::TrySendError::Full(event) | mpsc::error::TrySendError::Closed(event)) => Some(event),
        }
    }

    /// Waits for room and sends one event that waits; with none waiting, waits for the
    /// node to drop its receiver. Cancel safe.
    pub async fn serve(&mut self) -> Result<(), Closed> {
        if self.waiting.is_empty() {
            self.channel.closed().await;
            return Err(Closed);
        }
        let permit = self.channel.reserve().await.map_err(|_| Closed)?;
        if let Some(event) = self.waiting.pop_front() {
            permit.send(event);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::p2p::{Direction, MessageRef, Multiaddr, PeerId};

    fn up(peer: PeerId) -> Event {
        Event::PeerUp { peer, address: Multiaddr::empty(), direction: Direction::Inbound }
    }

    fn gossip(peer: PeerId) -> Event {
        Event::Gossip { message: MessageRef([0; 32]), peer, topic: String::new(), bytes: Vec::new() }
    }

    #[tokio::test]
    async fn gossip_is_refused_and_peers_wait() {
        let (mut sink, mut events) = Sink::new();
        let (alice, bob) = (PeerId::random(), PeerId::random());
        (0..params::EVENTS_QUEUED).for_each(|_| assert!(sink.offer(gossip(alice))));
        assert!(!sink.offer(gossip(alice)));
        sink.deliver(up(bob));
        assert!(!sink.waiting.is_empty());
        assert_eq!(events.recv().await, Some(gossip(alice)));
        assert!(!sink.offer(gossip(bob)), "gossip does not overtake the peer it comes from");
        sink.serve().await.expect("open");
        assert!(sink.waiting.is_empty());
        (1..params::EVENTS_QUEUED).for_each(|_| assert_eq!(events.try_recv(), Ok(gossip(alice))));
        assert_eq!(events.try_recv(), Ok(up(bob)));
    }

    #[tokio::test]
    async fn a_restless_peer_fills_nothing() {
        let (mut sink, _events) = Sink::new();
        let bob = PeerId::random();
        sink.deliver(up(bob));
        while sink.offer(gossip(bob)) {}
        for _ in 0..1000 {
            sink.deliver(Event::PeerDown { peer: bob });
            sink.deliver(up(bob));
        }
        assert_eq!(
            sink.waiting,
            [Event::PeerDown { peer: bob }, up(bob)],
            "the node hears that the connection was lost"
        );
    }

    #[tokio::test]
    async fn a_dropped_receiver_is_noticed() {
        let (mut sink, events) = Sink::new();
        drop(events);
        assert_eq!(sink.serve().await, Err(Closed));
        sink.deliver(up(PeerId::random()));
        assert_eq!(sink.serve().await, Err(Closed));
    }
}
