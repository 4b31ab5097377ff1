//! Dials that can be given up: libp2p cannot end one under way where it does not know whom it will find there.
//!
//! The swarm asks its transport for a dial while it is told to make one, so the name given just before is that dial's.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures::future::{AbortHandle, Abortable, BoxFuture, FutureExt as _};
use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, DialOpts, ListenerId, TransportError, TransportEvent},
    },
    swarm::ConnectionId,
};

/// What a transport makes of a connection.
type Made = (PeerId, StreamMuxerBox);

/// The dials under way that have a name. As many as the swarm allows to be pending.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<Mutex<Named>>);

#[derive(Default)]
struct Named {
    /// Of the dial that is being asked for.
    next: Option<ConnectionId>,
    under_way: BTreeMap<ConnectionId, AbortHandle>,
}

impl Calls {
    fn named(&self) -> MutexGuard<'_, Named> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names the dial that `dial` asks for.
    pub fn naming<T>(&self, connection: ConnectionId, dial: impl FnOnce() -> T) -> T {
        self.named().next = Some(connection);
        let dialled = dial();
        // A dial that was refused asked for nothing.
        self.named().next = None;
        dialled
    }

    /// Ends a dial, unless it has ended: the swarm then says that it failed.
    pub fn call_off(&self, connection: ConnectionId) {
        let handle = self.named().under_way.remove(&connection);
        if let Some(handle) = handle {
            handle.abort();
        }
    }
}

/// Forgets a dial when it has ended, or the swarm dropped it.
struct Ended(Calls, ConnectionId);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.named().under_way.remove(&self.1);
    }
}

/// A transport whose dials can be given up.
pub(super) struct Callable {
    transport: Boxed<Made>,
    calls: Calls,
}

impl Callable {
    pub fn new(transport: Boxed<Made>, calls: Calls) -> Self {
        Self { transport, calls }
    }
}

impl Transport for Callable {
    type Output = Made;
    type Error = io::Error;
    type ListenerUpgrade = <Boxed<Made> as Transport>::ListenerUpgrade;
    type Dial = BoxFuture<'static, io::Result<Made>>;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<io::Error>> {
        self.transport.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.transport.remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, options: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
        let dial = self.transport.dial(address, options)?;
        let mut named = self.calls.named();
        let Some(connection) = named.next.take() else { return Ok(dial.boxed()) };
        let (handle, registration) = AbortHandle::new_pair();
        named.under_way.insert(connection, handle);
        let ended = Ended(self.calls.clone(), connection);
        let given_up = || io::Error::new(io::ErrorKind::Interrupted, "given up: another way was quicker");
        Ok(async move {
            let dialled = Abortable::new(dial, registration).await;
            drop(ended);
            dialled.unwrap_or_else(|_| Err(given_up()))
        }
        .boxed())
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Pin::new(&mut self.transport).poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::core::{
        Endpoint,
        transport::{PortUse, dummy::DummyTransport},
    };

    /// Whom it dials is never reached, and never fails.
    struct Silent(DummyTransport<Made>);

    impl Transport for Silent {
        type Output = Made;
        type Error = io::Error;
        type ListenerUpgrade = futures::future::Pending<io::Result<Made>>;
        type Dial = futures::future::Pending<io::Result<Made>>;

        fn listen_on(&mut self, _: ListenerId, address: Multiaddr) -> Result<(), TransportError<io::Error>> {
            Err(TransportError::MultiaddrNotSupported(address))
        }

        fn remove_listener(&mut self, id: ListenerId) -> bool {
            self.0.remove_listener(id)
        }

        fn dial(&mut self, _: Multiaddr, _: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
            Ok(futures::future::pending())
        }

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_dial_that_was_named_ends_when_it_is_called_off_and_others_do_not() {
        let calls = Calls::default();
        let mut transport = Callable::new(Silent(DummyTransport::new()).boxed(), calls.clone());
        let mut dial = || {
            let options = DialOpts { role: Endpoint::Dialer, port_use: PortUse::Reuse };
            transport.dial("/ip4/127.0.0.1/tcp/7341".parse().expect("an address"), options).expect("a dial")
        };
        let id = ConnectionId::new_unchecked;
        let (mut first, second) = (calls.naming(id(1), &mut dial), calls.naming(id(2), &mut dial));
        let mut nameless = dial();
        calls.call_off(id(2));
        calls.call_off(id(3));
        let error = second.await.map(drop).expect_err("given up");
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
        assert!(first.as_mut().now_or_never().is_none());
        assert!(nameless.as_mut().now_or_never().is_none());
        drop(first);
        assert!(calls.named().under_way.is_empty(), "a dial that was dropped is forgotten");
    }
}
