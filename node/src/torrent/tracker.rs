//! The private tracker: how the sessions learn of peers.
//!
//! The library takes no peers for a torrent that is already running, but it asks trackers again and again. So it is
//! given one of ours, on loopback, that answers from the [`PeerBook`]. Its path holds a secret of 128 bits per session:
//! other programs (and pages in a browser) on this machine can neither learn what is downloaded here nor pose as a
//! session.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;
use data_encoding::HEXLOWER_PERMISSIVE;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Infohash;
use super::bencode::{put_number, put_text};
use super::peers::{Answer, PeerBook, Side};

/// A running tracker. It ends with the token it was started with.
pub(super) struct Tracker {
    address: SocketAddr,
    secrets: [String; 2],
}

#[derive(Clone)]
struct Service {
    secrets: [String; 2],
    book: PeerBook,
}

impl Tracker {
    /// Takes a free port on loopback. It answers once [`Tracker::serve`] is called.
    pub(super) async fn bind() -> std::io::Result<(Self, TcpListener)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok((Self { address: listener.local_addr()?, secrets: [secret()?, secret()?] }, listener))
    }

    /// The announce URL for a session.
    pub(super) fn url(&self, side: Side) -> String {
        format!("http://{}/{}/announce", self.address, self.secrets[usize::from(side == Side::Named)])
    }

    /// Answers until `stop`.
    pub(super) fn serve(&self, listener: TcpListener, book: PeerBook, stop: CancellationToken) {
        let service = Service { secrets: self.secrets.clone(), book };
        let app = Router::new().route("/{secret}/announce", get(announce)).with_state(service);
        tokio::spawn(async move {
            let server = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
            if let Err(error) = server.await {
                warn!(%error, "the private tracker ended");
            }
        });
    }
}

fn secret() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

async fn announce(
    State(service): State<Service>,
    Path(secret): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Vec<u8>, StatusCode> {
    let side = match service.secrets.iter().position(|known| *known == secret) {
        Some(0) => Side::Anonymous,
        Some(_) => Side::Named,
        None => return Err(StatusCode::NOT_FOUND),
    };
    let Some(infohash) = query.as_deref().and_then(read_infohash) else {
        return Ok(failure("no info_hash of 20 bytes"));
    };
    Ok(match service.book.answer(infohash, side).await {
        Some(answer) => success(&answer),
        None => failure("unknown torrent"),
    })
}

/// The `info_hash` in an announce query: 20 bytes, percent-encoded where they must be.
fn read_infohash(query: &str) -> Option<Infohash> {
    let text = query.split('&').find_map(|pair| pair.strip_prefix("info_hash="))?.as_bytes();
    let mut infohash = [0; 20];
    let mut at = 0;
    for byte in &mut infohash {
        *byte = *text.get(at)?;
        at += 1;
        if *byte == b'%' {
            *byte = HEXLOWER_PERMISSIVE.decode(text.get(at..at + 2)?).ok()?[0];
            at += 2;
        }
    }
    (at == text.len()).then_some(infohash)
}

fn failure(reason: &str) -> Vec<u8> {
    let mut out = vec![b'd'];
    put_text(&mut out, "failure reason");
    put_text(&mut out, reason);
    out.push(b'e');
    out
}

/// An answer with compact peers (BEP 23, and BEP 7 for IPv6).
fn success(answer: &Answer) -> Vec<u8> {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for peer in &answer.peers {
        match peer {
            SocketAddr::V4(peer) => {
                v4.extend_from_slice(&peer.ip().octets());
                v4.extend_from_slice(&peer.port().to_be_bytes());
            }
            SocketAddr::V6(peer) => {
                v6.extend_from_slice(&peer.ip().octets());
                v6.extend_from_slice(&peer.port().to_be_bytes());
            }
        }
    }
    let mut out = vec![b'd'];
    put_text(&mut out, "interval");
    // Asking again at once would be a busy loop.
    put_number(&mut out, answer.interval.as_secs().max(1));
    put_text(&mut out, "peers");
    put_text(&mut out, v4);
    put_text(&mut out, "peers6");
    put_text(&mut out, v6);
    out.push(b'e');
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures::future::BoxFuture;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::config::PeerSource;
    use super::*;

    struct Nobody;

    impl PeerSource for Nobody {
        fn peers(&self, _: Infohash) -> BoxFuture<'_, Vec<SocketAddr>> {
            Box::pin(std::future::ready(Vec::new()))
        }

        fn announce(&self, _: Infohash, _: u16) -> BoxFuture<'_, ()> {
            Box::pin(std::future::ready(()))
        }
    }

    #[test]
    fn infohashes_are_read_however_they_are_encoded() {
        let plain = "info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=x";
        let mixed = "peer_id=x&info_hash=a%61%61aaaaaaaaaaaaaaaaa";
        assert_eq!(read_infohash(plain), Some([b'a'; 20]));
        assert_eq!(read_infohash(mixed), Some([b'a'; 20]));
        assert_eq!(read_infohash(&format!("info_hash={}", "%fF".repeat(20))), Some([0xff; 20]));
        for bad in ["", "info_hash=", "info_hash=abc", "info_hash=%", "info_hash=aaaaaaaaaaaaaaaaaaa%4"] {
            assert_eq!(read_infohash(bad), None, "{bad}");
        }
        assert_eq!(read_infohash("info_hash=aaaaaaaaaaaaaaaaaaaaa"), None, "21 bytes");
    }

    #[test]
    fn answers_are_compact() {
        let peers = vec!["127.0.0.2:258".parse().unwrap(), "[::1]:1".parse().unwrap()];
        let out = success(&Answer { peers, interval: Duration::from_millis(10) });
        let mut wanted = b"d8:intervali1e5:peers6:\x7f\0\0\x02\x01\x026:peers618:".to_vec();
        wanted.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, b'e']);
        assert_eq!(out, wanted);
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn only_those_who_know_the_secret_are_answered() {
        let stop = CancellationToken::new();
        let (tracker, listener) = Tracker::bind().await.unwrap();
        let own = ["127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap()];
        let book = PeerBook::new(Arc::new(Nobody), Duration::from_secs(5), own, stop.clone());
        book.track([b'a'; 20], false, false);
        book.hint([b'a'; 20], &["127.0.0.2:258".parse().unwrap()]);
        tracker.serve(listener, book, stop.clone());
        assert!(tracker.address.ip().is_loopback());
        let path = |side| tracker.url(side).split_once(&tracker.address.to_string()).unwrap().1.to_owned();
        assert_ne!(path(Side::Named), path(Side::Anonymous));
        let known = format!("{}?info_hash={}", path(Side::Named), "a".repeat(20));
        assert!(get(tracker.address, &known).await.contains("5:peers6:"));
        let unknown = format!("{}?info_hash={}", path(Side::Named), "b".repeat(20));
        assert!(get(tracker.address, &unknown).await.contains("failure reason"));
        assert!(get(tracker.address, &path(Side::Named)).await.contains("failure reason"));
        let stranger = format!("/{}/announce?info_hash={}", "0".repeat(32), "a".repeat(20));
        for path in [stranger.as_str(), "/", "/announce"] {
            assert!(get(tracker.address, path).await.starts_with("HTTP/1.1 404"), "{path}");
        }
        stop.cancel();
    }
}
