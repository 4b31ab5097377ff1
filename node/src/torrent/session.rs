//! Opens the library's sessions so that they do nothing that nobody asked for.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use librqbit::{ConnectionOptions, ListenerMode, ListenerOptions, Session, SessionOptions};
use tracing::warn;

use super::errors::StartError;

/// Blocking jobs (hashing, disk) that a session runs at once. Every open stream holds one, see [`STREAMS_MAX`].
const BLOCKING_JOBS_MAX: usize = 64;

/// Streams open at once. Well below [`BLOCKING_JOBS_MAX`]: with all jobs held by streams, nothing would be written any
/// more, and the streams would wait for ever.
pub(super) const STREAMS_MAX: usize = 32;

/// Opens a session that listens: no DHT, no local discovery, no port mapping, no tracker but ours, no persistence.
pub(super) async fn open(
    address: SocketAddr,
    name: &str,
    tracker: &str,
    proxy: Option<&str>,
    downloads: &Path,
) -> Result<Arc<Session>, StartError> {
    let address = check_free(address)?;
    let listen = ListenerOptions {
        mode: ListenerMode::TcpOnly,
        listen_addr: address,
        enable_upnp_port_forwarding: false,
        // On loopback the library would announce port 4240 otherwise.
        announce_port: Some(address.port()),
        ipv4_only: address.is_ipv4(),
        ..ListenerOptions::default()
    };
    // The library asks every tracker through the proxy, and ours is on this machine, where no proxy leads.
    let tracker = Some(tracker).filter(|_| proxy.is_none());
    let options = SessionOptions { listen: Some(listen), ..quiet(name, address.is_ipv4(), tracker, proxy) };
    Session::new_with_opts(downloads.to_owned(), options)
        .await
        .map_err(|error| StartError::Session { address, reason: format!("{error:#}") })
}

/// Opens the session that only asks peers for metadata. It does not listen, and asks exactly the peers it is given.
pub(super) async fn open_resolver(
    name: &str,
    near: SocketAddr,
    proxy: Option<&str>,
    downloads: &Path,
) -> Result<Arc<Session>, StartError> {
    Session::new_with_opts(downloads.to_owned(), quiet(name, near.is_ipv4(), None, proxy))
        .await
        .map_err(|error| StartError::Session { address: near, reason: format!("{error:#}") })
}

fn quiet(name: &str, ipv4_only: bool, tracker: Option<&str>, proxy: Option<&str>) -> SessionOptions {
    let connect =
        proxy.map(|url| ConnectionOptions { proxy_url: Some(url.to_owned()), ..ConnectionOptions::default() });
    SessionOptions {
        connect,
        dht: None,
        persistence: None,
        fastresume: false,
        disable_local_service_discovery: true,
        ipv4_only,
        trackers: tracker.into_iter().filter_map(|url| url.parse().ok()).collect(),
        client_name_and_version: Some(name.to_owned()),
        runtime_worker_threads: Some(BLOCKING_JOBS_MAX),
        ..SessionOptions::default()
    }
}

/// Makes sure that an address can be listened on, and picks the port if it is 0.
///
/// The library says only that listening failed, in a text; this says why, and where.
fn check_free(address: SocketAddr) -> Result<SocketAddr, StartError> {
    let probe = TcpListener::bind(address).and_then(|listener| listener.local_addr());
    probe.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse { address },
        _ => StartError::Listen { address, source },
    })
}

/// Warns when the library would reach our tracker through a proxy: it honours `http_proxy` for loopback too.
pub(super) fn warn_of_proxy() {
    let set = |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok()).filter(|value| !value.is_empty());
    let Some(proxy) = set(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]) else { return };
    let exempt = set(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    if !exempt.split(',').any(|host| matches!(host.trim(), "127.0.0.1" | "127.0.0.0/8" | "*")) {
        warn!(proxy, "downloads will find no peers through this proxy: set no_proxy=127.0.0.1");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_address_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = check_free(address).unwrap_err();
        assert_eq!(error.to_string(), format!("address {address} is already in use"));
        let elsewhere = check_free("192.0.2.1:7342".parse().unwrap()).unwrap_err();
        assert!(matches!(elsewhere, StartError::Listen { .. }), "{elsewhere}");
        assert_ne!(check_free("127.0.0.1:0".parse().unwrap()).unwrap().port(), 0);
    }
}
