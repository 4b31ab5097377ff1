//! Binding: the crate binds in a thread of its own, panics when that loses a race, and asks the name server first.
//! So the address is taken here, where an error can be told, and handed over when there is somebody to ask.

use std::io;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use mainline::async_dht::AsyncDht;

use super::{Mode, server};

/// How long to wait for a port that our own former thread still holds: it looks up every 50 ms.
const RELEASE_WAIT: Duration = Duration::from_secs(2);

/// Time between two looks whether it is free.
const RELEASE_POLL: Duration = Duration::from_millis(10);

/// Takes the address, and says which port it is.
pub(super) fn reserve(bind: SocketAddrV4) -> io::Result<(UdpSocket, SocketAddrV4)> {
    let socket = UdpSocket::bind(bind)?;
    match socket.local_addr()? {
        SocketAddr::V4(address) => Ok((socket, address)),
        SocketAddr::V6(_) => Err(io::ErrorKind::AddrNotAvailable.into()),
    }
}

/// Starts the crate's node at an address that is free or about to be.
pub(super) async fn start_node(at: SocketAddrV4, bootstrap: Vec<SocketAddrV4>, mode: Mode) -> io::Result<AsyncDht> {
    // The crate's constructor blocks until its thread has bound.
    tokio::task::spawn_blocking(move || {
        let mut builder = mainline::Dht::builder();
        builder.bind_address(*at.ip()).port(at.port()).bootstrap(&bootstrap).server_settings(server::settings());
        if mode == Mode::Server {
            builder.server_mode();
        }
        builder.build()
    })
    .await
    .unwrap_or_else(|lost_race| Err(io::Error::new(io::ErrorKind::AddrInUse, lost_race)))
    .map(mainline::Dht::as_async)
}

/// Waits until a port that we held is free; gives up quietly, as whoever binds next will say what is wrong.
pub(super) async fn wait_until_free(address: SocketAddrV4) {
    let deadline = Instant::now() + RELEASE_WAIT;
    while UdpSocket::bind(address).is_err() && Instant::now() < deadline {
        tokio::time::sleep(RELEASE_POLL).await;
    }
}
