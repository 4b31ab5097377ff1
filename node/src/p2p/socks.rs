//! Dials through a SOCKS5 proxy (RFC 1928): a transport of libp2p that listens nowhere and knows no other way.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, FutureExt as _, Ready};
use libp2p::core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use libp2p::tcp::tokio::TcpStream;
use libp2p::{Multiaddr, Transport};
use tokio_socks::tcp::Socks5Stream;
use zeroize::Zeroizing;

use super::netgroup::{self, Socket};
use super::redial;

/// A proxy.
#[derive(Clone)]
pub struct Socks {
    at: SocketAddr,
    credentials: Option<(String, Zeroizing<String>)>,
}

impl Socks {
    /// The proxy at an address, with a name and password if it wants them.
    #[must_use]
    pub fn at(at: SocketAddr, credentials: Option<(&str, &str)>) -> Self {
        let credentials = credentials.map(|(user, password)| (user.to_owned(), Zeroizing::new(password.to_owned())));
        Self { at, credentials }
    }

    async fn connect(self, to: SocketAddr) -> io::Result<TcpStream> {
        let stream = match &self.credentials {
            Some((user, password)) => Socks5Stream::connect_with_password(self.at, to, user, password).await,
            None => Socks5Stream::connect(self.at, to).await,
        };
        let stream = stream.map_err(|error| match error {
            tokio_socks::Error::Io(error) => error,
            refused => io::Error::other(refused),
        })?;
        let stream = stream.into_inner();
        // As the transport beside it does.
        stream.set_nodelay(true)?;
        Ok(TcpStream(stream))
    }
}

/// Without the password.
impl fmt::Debug for Socks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socks({})", self.at)
    }
}

impl Transport for Socks {
    type Output = TcpStream;
    type Error = io::Error;
    type ListenerUpgrade = Ready<io::Result<TcpStream>>;
    type Dial = BoxFuture<'static, io::Result<TcpStream>>;

    fn listen_on(&mut self, _: ListenerId, address: Multiaddr) -> Result<(), TransportError<io::Error>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    fn dial(&mut self, address: Multiaddr, _: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
        // The proxy's own loopback is nobody's peer.
        match netgroup::socket_of(&redial::without_id(&address)) {
            Some(Socket::Tcp(to)) if to.port() != 0 && !to.ip().to_canonical().is_loopback() => {
                Ok(self.clone().connect(to).boxed())
            }
            _ => Err(TransportError::MultiaddrNotSupported(address)),
        }
    }

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::core::Endpoint;
    use libp2p::core::transport::PortUse;

    #[test]
    fn only_tcp_is_dialled_and_nothing_listened_on() {
        let mut proxy = Socks::at("192.0.2.1:1080".parse().expect("one"), Some(("bob", "hunter2")));
        let options = || DialOpts { role: Endpoint::Dialer, port_use: PortUse::Reuse };
        let dials = |proxy: &mut Socks, text: &str| proxy.dial(text.parse().expect("an address"), options()).is_ok();
        assert!(dials(&mut proxy, "/ip4/203.0.113.7/tcp/7341"));
        assert!(dials(&mut proxy, "/ip6/2001:db8::1/tcp/7341"));
        let not = [
            "/ip4/203.0.113.7/udp/7341/quic-v1",
            "/ip4/203.0.113.7/tcp/0",
            "/ip4/127.0.0.1/tcp/7341",
            "/ip6/::1/tcp/7341",
            "/dns4/example.org/tcp/7341",
        ];
        for address in not {
            assert!(!dials(&mut proxy, address), "{address}");
        }
        let listened = proxy.listen_on(ListenerId::next(), "/ip4/0.0.0.0/tcp/0".parse().expect("one"));
        assert!(listened.is_err());
        assert!(!format!("{proxy:?}").contains("hunter2"));
    }
}
