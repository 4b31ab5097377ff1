//! Connections: how many, how long they may take to say what they want, and how much of it.

use super::guard::Client;
use crate::doctor::tls::{Asked, Unencrypted};
use axum::Router;
use axum::body::Body;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// Longest time for the head of a request to come, and between two requests of a connection. A client that sends a byte
/// a minute holds no place.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// Where a connection that goes on with its head is cut off, in bytes, with 431 and no more words. The guard says why from
/// a quarter of it on.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Connections at once: those of requests under way, of streams, of listeners, and of browsers that keep some open. One
/// more waits in the system's queue.
const CONNECTIONS_MAX: usize = 256;
/// How long requests under way may take when the node stops.
const FAREWELL: Duration = Duration::from_secs(2);
/// The first byte of TLS: a record of its handshake (RFC 8446, 5.1). No method of HTTP begins so.
const HANDSHAKE: u8 = 22;
/// What a server of TLS says that can agree to nothing: a fatal alert, handshake_failure (RFC 8446, 6.2).
const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

/// Whether a connection begins with TLS; its bytes stay to be read.
async fn is_tls(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let read = tokio::time::timeout(HEAD_MAX, stream.peek(&mut first)).await.map_err(io::Error::from)??;
    Ok(read == 1 && first == [HANDSHAKE])
}

/// Serves until cancelled. Who asks by TLS is told so in its own protocol, and noted.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    unencrypted: Arc<Unencrypted>,
    now: impl Fn() -> Duration + Clone + Send + 'static,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let (stream, client) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // A connection that went again, or no more files to open: the next one may do.
                    debug!(%error, "connection not taken");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        // Players ask for small parts of a film, and wait for each.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Client(client.ip()));
            service.call(request)
        });
        let (stop, now, unencrypted) = (stop.clone(), now.clone(), Arc::clone(&unencrypted));
        tokio::spawn(async move {
            let _place = place;
            let mut stream = stream;
            match tokio::select! {
                begun = is_tls(&stream) => begun,
                () = stop.cancelled() => return,
            } {
                Ok(false) => {}
                Ok(true) => {
                    unencrypted.note(Asked::ByTls, client.ip(), now());
                    let _ = stream.write_all(&ALERT).await;
                    return;
                }
                Err(error) => {
                    debug!(%error, "connection ended before a request");
                    return;
                }
            }
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX).max_buf_size(HEAD_BYTES_MAX);
            let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::time::timeout(FAREWELL, connection).await.unwrap_or(Ok(()))
                }
            };
            if let Err(error) = ended {
                debug!(%error, "connection ended early");
            }
        });
    }
    // All places are free again when every connection has ended.
    let _ = places.acquire_many(u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX)).await;
}
