//! Connections: how many, how long they may take to say what they want, and how much of it.

use super::guard::Client;
use axum::Router;
use axum::body::Body;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
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

/// Serves until cancelled.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
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
        let stop = stop.clone();
        tokio::spawn(async move {
            let _place = place;
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
