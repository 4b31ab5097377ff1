//! Questions and answers on the wire, of sync, of lookups and of proofs of identity: one request and one response on a stream of their own, each
//! a length and that many bytes. What is in them is the core's; here are sizes, rates and times.

use std::{collections::BTreeMap, io, time::Instant};

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::{
    PeerId, StreamProtocol,
    request_response::{
        self, Codec, InboundRequestId, Message, OutboundFailure, OutboundRequestId, ProtocolSupport, ResponseChannel,
    },
};

use super::{
    Event,
    counters::{Meter, Meters},
    params,
    peers::Peer,
    rate::Bucket,
    worker::Worker,
};

pub(super) type Exchange = request_response::Behaviour<Frames>;

/// Which questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Sync,
    Lookup,
    Identity,
    Artwork,
}

impl Protocol {
    /// The behaviour.
    pub fn exchange(self) -> Exchange {
        let sync = Frames::default();
        let (name, streams, frames) = match self {
            Self::Sync => (params::SYNC_PROTOCOL, params::SYNC_STREAMS, sync),
            Self::Lookup => (params::LOOKUP_PROTOCOL, params::SYNC_STREAMS, sync),
            Self::Identity => (params::IDENTITY_PROTOCOL, params::IDENTITY_STREAMS, sync),
            Self::Artwork => (params::ARTWORK_PROTOCOL, params::ARTWORK_STREAMS, Frames::ARTWORK),
        };
        let config = request_response::Config::default()
            .with_request_timeout(params::SYNC_WITHIN)
            .with_max_concurrent_streams(streams);
        Exchange::with_codec(frames, [(StreamProtocol::new(name), ProtocolSupport::Full)], config)
    }

    /// What one peer may ask.
    fn bucket(self, peer: &mut Peer) -> &mut Bucket {
        match self {
            Self::Sync => &mut peer.sync,
            Self::Lookup => &mut peer.lookup,
            Self::Identity => &mut peer.identity,
            Self::Artwork => &mut peer.artwork,
        }
    }

    fn refused(self, counters: &Meters) -> &Meter {
        match self {
            Self::Sync => &counters.sync_refused,
            Self::Lookup => &counters.lookup_refused,
            Self::Identity => &counters.identity_refused,
            Self::Artwork => &counters.artwork_refused,
        }
    }

    fn failed(self, counters: &Meters) -> &Meter {
        match self {
            Self::Sync => &counters.sync_failed,
            Self::Lookup => &counters.lookup_failed,
            Self::Identity => &counters.identity_failed,
            Self::Artwork => &counters.artwork_failed,
        }
    }

    fn asked(self, exchange: u64, peer: PeerId, bytes: Vec<u8>) -> Event {
        match self {
            Self::Sync => Event::SyncAsked { exchange, peer, bytes },
            Self::Lookup => Event::LookupAsked { exchange, peer, bytes },
            Self::Identity => Event::IdentityAsked { exchange, peer, bytes },
            Self::Artwork => Event::ArtworkAsked { exchange, peer, bytes },
        }
    }

    fn answered(self, ask: u64, bytes: Vec<u8>) -> Event {
        match self {
            Self::Sync => Event::SyncAnswered { ask, bytes },
            Self::Lookup => Event::LookupAnswered { ask, bytes },
            Self::Identity => Event::IdentityAnswered { ask, bytes },
            Self::Artwork => Event::ArtworkAnswered { ask, bytes },
        }
    }

    fn unanswered(self, ask: u64, is_unsupported: bool) -> Event {
        match self {
            Self::Sync => Event::SyncFailed { ask, is_unsupported },
            Self::Lookup => Event::LookupFailed { ask },
            Self::Identity => Event::IdentityFailed { ask },
            Self::Artwork => Event::ArtworkFailed { ask, is_unsupported },
        }
    }
}

/// Reads and writes frames: length as `u32` in network order, then the bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frames {
    request_bytes_max: usize,
    response_bytes_max: usize,
}

impl Default for Frames {
    fn default() -> Self {
        Self { request_bytes_max: params::SYNC_FRAME_BYTES_MAX, response_bytes_max: params::SYNC_FRAME_BYTES_MAX }
    }
}

impl Frames {
    const ARTWORK: Self = Self {
        request_bytes_max: heirloom_proto::artwork::REQUEST_BYTES_MAX,
        response_bytes_max: heirloom_proto::artwork::RESPONSE_BYTES_MAX,
    };
}

async fn read<T: AsyncRead + Unpin + Send>(io: &mut T, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    // Before anything is reserved for it.
    if length > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "frame too long"));
    }
    let mut bytes = vec![0; length];
    io.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn write<T: AsyncWrite + Unpin + Send>(io: &mut T, bytes: Vec<u8>) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    io.write_all(&length.to_be_bytes()).await?;
    io.write_all(&bytes).await?;
    io.close().await
}

impl Codec for Frames {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        read(io, self.request_bytes_max).await
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        read(io, self.response_bytes_max).await
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        write(io, bytes).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        write(io, bytes).await
    }
}

/// Exchanges under way. Bounded by the streams that a connection may have and by what the core asks.
#[derive(Default)]
pub(super) struct Pending {
    asks: BTreeMap<OutboundRequestId, (u64, PeerId)>,
    exchanges: BTreeMap<u64, (InboundRequestId, ResponseChannel<Vec<u8>>)>,
    last: u64,
}

impl Pending {
    /// Whether a peer has a question of ours to answer.
    pub fn waits_for(&self, peer: &PeerId) -> bool {
        self.asks.values().any(|(_, asked)| asked == peer)
    }
}

impl Worker {
    fn exchange(&mut self, of: Protocol) -> (&mut Exchange, &mut Pending) {
        let behaviour = self.swarm.behaviour_mut();
        match of {
            Protocol::Sync => (&mut behaviour.sync, &mut self.sync),
            Protocol::Lookup => (&mut behaviour.lookup, &mut self.lookup),
            Protocol::Identity => (&mut behaviour.identity, &mut self.identity),
            Protocol::Artwork => (&mut behaviour.artwork, &mut self.artwork),
        }
    }

    pub(super) fn put_question(&mut self, of: Protocol, ask: u64, peer: PeerId, bytes: Vec<u8>) {
        // The library would dial on its own account.
        if !self.swarm.is_connected(&peer) {
            self.sink.deliver(of.unanswered(ask, false));
            return;
        }
        let (exchange, pending) = self.exchange(of);
        let request = exchange.send_request(&peer, bytes);
        pending.asks.insert(request, (ask, peer));
    }

    pub(super) fn put_answer(&mut self, of: Protocol, exchange: u64, bytes: Vec<u8>) {
        let (behaviour, pending) = self.exchange(of);
        // An error says that the asker no longer waits.
        if let Some((_, channel)) = pending.exchanges.remove(&exchange) {
            let _ = behaviour.send_response(channel, bytes);
        }
    }

    pub(super) fn on_exchange(&mut self, of: Protocol, event: request_response::Event<Vec<u8>, Vec<u8>>, now: Instant) {
        match event {
            request_response::Event::Message { peer, message, .. } => match message {
                Message::Request { request_id, request, channel } => {
                    self.on_question(of, peer, request_id, request, channel, now);
                }
                Message::Response { request_id, response } => {
                    if let Some((ask, _)) = self.exchange(of).1.asks.remove(&request_id) {
                        self.sink.deliver(of.answered(ask, response));
                    }
                }
            },
            request_response::Event::OutboundFailure { peer, request_id, error, .. } => {
                tracing::debug!(?of, %peer, %error, "not answered");
                of.failed(&self.shared.counters).one();
                if let Some((ask, _)) = self.exchange(of).1.asks.remove(&request_id) {
                    let is_unsupported = matches!(error, OutboundFailure::UnsupportedProtocols);
                    self.sink.deliver(of.unanswered(ask, is_unsupported));
                }
            }
            request_response::Event::InboundFailure { peer, request_id, error, .. } => {
                tracing::debug!(?of, %peer, %error, "answer not sent");
                of.failed(&self.shared.counters).one();
                self.exchange(of).1.exchanges.retain(|_, (of, _)| *of != request_id);
            }
            request_response::Event::ResponseSent { .. } => {}
        }
    }

    fn on_question(
        &mut self,
        of: Protocol,
        peer: PeerId,
        request: InboundRequestId,
        bytes: Vec<u8>,
        channel: ResponseChannel<Vec<u8>>,
        now: Instant,
    ) {
        let is_banned = self.swarm.behaviour().gate.is_banned(&peer, now);
        let is_within = !is_banned && self.peers.get_mut(&peer).is_some_and(|known| of.bucket(known).takes_one(now));
        let pending = self.exchange(of).1;
        pending.last += 1;
        let exchange = pending.last;
        if !is_within {
            // Dropping the channel closes the stream.
            of.refused(&self.shared.counters).one();
            if let Some(known) = self.peers.get_mut(&peer) {
                known.standing.penalise(params::OVER_RATE_POINTS);
            }
            self.judge(peer, now);
        } else if self.sink.offer(of.asked(exchange, peer, bytes)) {
            self.exchange(of).1.exchanges.insert(exchange, (request, channel));
        } else {
            of.refused(&self.shared.counters).one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{executor::block_on, io::Cursor};

    #[test]
    fn frames_are_read_as_written_and_never_longer_than_allowed() {
        for length in [0, 1, params::SYNC_FRAME_BYTES_MAX] {
            let mut wire = Cursor::new(Vec::new());
            block_on(write(&mut wire, vec![7; length])).expect("written");
            let read = block_on(read(&mut Cursor::new(wire.into_inner()), params::SYNC_FRAME_BYTES_MAX));
            assert_eq!(read.expect("read"), vec![7; length]);
        }
        for length in [params::SYNC_FRAME_BYTES_MAX + 1, usize::try_from(u32::MAX).expect("fits")] {
            let length = u32::try_from(length).expect("fits");
            let wire = length.to_be_bytes().to_vec();
            let error = block_on(read(&mut Cursor::new(wire), params::SYNC_FRAME_BYTES_MAX)).expect_err("too long");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn a_frame_that_ends_early_is_an_error() {
        for cut in 0..10 {
            let mut wire = 6_u32.to_be_bytes().to_vec();
            wire.extend([1; 6]);
            wire.truncate(cut);
            assert!(block_on(read(&mut Cursor::new(wire), params::SYNC_FRAME_BYTES_MAX)).is_err(), "{cut} bytes");
        }
    }
}
