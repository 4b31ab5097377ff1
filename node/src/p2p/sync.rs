//! Sync on the wire: one request and one response on a stream of their own, each a length and that many bytes. What is
//! in them is the core's; here are sizes, rates and times.

use std::{collections::BTreeMap, io, time::Instant};

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::{
    PeerId, StreamProtocol,
    request_response::{
        self, Codec, InboundRequestId, Message, OutboundFailure, OutboundRequestId, ProtocolSupport, ResponseChannel,
    },
};

use super::{Event, params, worker::Worker};

pub(super) type Exchange = request_response::Behaviour<Frames>;

/// The behaviour.
pub(super) fn exchange() -> Exchange {
    let config = request_response::Config::default()
        .with_request_timeout(params::SYNC_WITHIN)
        .with_max_concurrent_streams(params::SYNC_STREAMS);
    Exchange::new([(StreamProtocol::new(params::SYNC_PROTOCOL), ProtocolSupport::Full)], config)
}

/// Reads and writes frames: length as `u32` in network order, then the bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frames;

async fn read<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    // Before anything is reserved for it.
    if length > params::SYNC_FRAME_BYTES_MAX {
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
        read(io).await
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        read(io).await
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
    asks: BTreeMap<OutboundRequestId, u64>,
    exchanges: BTreeMap<u64, (InboundRequestId, ResponseChannel<Vec<u8>>)>,
    last: u64,
}

impl Worker {
    pub(super) fn sync_ask(&mut self, ask: u64, peer: PeerId, bytes: Vec<u8>) {
        // The library would dial on its own account.
        if !self.swarm.is_connected(&peer) {
            self.sink.deliver(Event::SyncFailed { ask, is_unsupported: false });
            return;
        }
        let request = self.swarm.behaviour_mut().sync.send_request(&peer, bytes);
        self.sync.asks.insert(request, ask);
    }

    pub(super) fn sync_answer(&mut self, exchange: u64, bytes: Vec<u8>) {
        // An error says that the asker no longer waits.
        if let Some((_, channel)) = self.sync.exchanges.remove(&exchange) {
            let _ = self.swarm.behaviour_mut().sync.send_response(channel, bytes);
        }
    }

    pub(super) fn on_sync(&mut self, event: request_response::Event<Vec<u8>, Vec<u8>>, now: Instant) {
        match event {
            request_response::Event::Message { peer, message, .. } => match message {
                Message::Request { request_id, request, channel } => {
                    self.on_request(peer, request_id, request, channel, now);
                }
                Message::Response { request_id, response } => {
                    if let Some(ask) = self.sync.asks.remove(&request_id) {
                        self.sink.deliver(Event::SyncAnswered { ask, bytes: response });
                    }
                }
            },
            request_response::Event::OutboundFailure { peer, request_id, error, .. } => {
                tracing::debug!(%peer, %error, "sync not answered");
                self.shared.counters.sync_failed.one();
                if let Some(ask) = self.sync.asks.remove(&request_id) {
                    let is_unsupported = matches!(error, OutboundFailure::UnsupportedProtocols);
                    self.sink.deliver(Event::SyncFailed { ask, is_unsupported });
                }
            }
            request_response::Event::InboundFailure { peer, request_id, error, .. } => {
                tracing::debug!(%peer, %error, "sync answer not sent");
                self.shared.counters.sync_failed.one();
                self.sync.exchanges.retain(|_, (of, _)| *of != request_id);
            }
            request_response::Event::ResponseSent { .. } => {}
        }
    }

    fn on_request(
        &mut self,
        peer: PeerId,
        request: InboundRequestId,
        bytes: Vec<u8>,
        channel: ResponseChannel<Vec<u8>>,
        now: Instant,
    ) {
        let is_banned = self.swarm.behaviour().gate.is_banned(&peer, now);
        let is_within = !is_banned && self.peers.get_mut(&peer).is_some_and(|known| known.sync.takes_one(now));
        self.sync.last += 1;
        let exchange = self.sync.last;
        if !is_within {
            // Dropping the channel closes the stream.
            self.shared.counters.sync_refused.one();
            if let Some(known) = self.peers.get_mut(&peer) {
                known.standing.penalise(params::OVER_RATE_POINTS);
            }
            self.judge(peer, now);
        } else if self.sink.offer(Event::SyncAsked { exchange, peer, bytes }) {
            self.sync.exchanges.insert(exchange, (request, channel));
        } else {
            self.shared.counters.sync_refused.one();
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
            assert_eq!(block_on(read(&mut Cursor::new(wire.into_inner()))).expect("read"), vec![7; length]);
        }
        for length in [params::SYNC_FRAME_BYTES_MAX + 1, usize::try_from(u32::MAX).expect("fits")] {
            let length = u32::try_from(length).expect("fits");
            let error = block_on(read(&mut Cursor::new(length.to_be_bytes().to_vec()))).expect_err("too long");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn a_frame_that_ends_early_is_an_error() {
        for cut in 0..10 {
            let mut wire = 6_u32.to_be_bytes().to_vec();
            wire.extend([1; 6]);
            wire.truncate(cut);
            assert!(block_on(read(&mut Cursor::new(wire))).is_err(), "{cut} bytes");
        }
    }
}
