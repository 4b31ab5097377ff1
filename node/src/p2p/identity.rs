//! Proofs of identity on the wire: exchanges like those of sync, fewer and smaller. What is in them is the core's, and
//! so is whether to ask; here are the protocol, its rate and its time.

use std::{collections::BTreeMap, time::Instant};

use libp2p::{
    PeerId, StreamProtocol,
    request_response::{self, InboundRequestId, Message, OutboundRequestId, ProtocolSupport, ResponseChannel},
};

use super::{Event, params, sync::Exchange, worker::Worker};

/// The behaviour.
pub(super) fn exchange() -> Exchange {
    let config = request_response::Config::default()
        .with_request_timeout(params::SYNC_WITHIN)
        .with_max_concurrent_streams(params::IDENTITY_STREAMS);
    Exchange::new([(StreamProtocol::new(params::IDENTITY_PROTOCOL), ProtocolSupport::Full)], config)
}

/// Exchanges under way. Bounded by the streams that a connection may have and by what the core asks.
#[derive(Default)]
pub(super) struct Pending {
    asks: BTreeMap<OutboundRequestId, u64>,
    exchanges: BTreeMap<u64, (InboundRequestId, ResponseChannel<Vec<u8>>)>,
    last: u64,
}

impl Worker {
    pub(super) fn identity_ask(&mut self, ask: u64, peer: PeerId, bytes: Vec<u8>) {
        // The library would dial on its own account.
        if !self.swarm.is_connected(&peer) {
            self.sink.deliver(Event::IdentityFailed { ask });
            return;
        }
        let request = self.swarm.behaviour_mut().identity.send_request(&peer, bytes);
        self.identity.asks.insert(request, ask);
    }

    pub(super) fn identity_answer(&mut self, exchange: u64, bytes: Vec<u8>) {
        // An error says that the asker no longer waits.
        if let Some((_, channel)) = self.identity.exchanges.remove(&exchange) {
            let _ = self.swarm.behaviour_mut().identity.send_response(channel, bytes);
        }
    }

    pub(super) fn on_identity(&mut self, event: request_response::Event<Vec<u8>, Vec<u8>>, now: Instant) {
        match event {
            request_response::Event::Message { peer, message, .. } => match message {
                Message::Request { request_id, request, channel } => {
                    let is_banned = self.swarm.behaviour().gate.is_banned(&peer, now);
                    let is_within =
                        !is_banned && self.peers.get_mut(&peer).is_some_and(|known| known.identity.takes_one(now));
                    self.identity.last += 1;
                    let exchange = self.identity.last;
                    let bytes = request;
                    if is_within && self.sink.offer(Event::IdentityAsked { exchange, peer, bytes }) {
                        self.identity.exchanges.insert(exchange, (request_id, channel));
                    } else {
                        // Dropping the channel closes the stream.
                        self.shared.counters.identity_refused.one();
                    }
                }
                Message::Response { request_id, response } => {
                    if let Some(ask) = self.identity.asks.remove(&request_id) {
                        self.sink.deliver(Event::IdentityAnswered { ask, bytes: response });
                    }
                }
            },
            request_response::Event::OutboundFailure { peer, request_id, error, .. } => {
                tracing::debug!(%peer, %error, "identity not answered");
                if let Some(ask) = self.identity.asks.remove(&request_id) {
                    self.sink.deliver(Event::IdentityFailed { ask });
                }
            }
            request_response::Event::InboundFailure { request_id, .. } => {
                self.identity.exchanges.retain(|_, (of, _)| *of != request_id);
            }
            request_response::Event::ResponseSent { .. } => {}
        }
    }
}
