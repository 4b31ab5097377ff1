//! Who takes what of a torrent: as the engine counts it, since the torrent was last started. It is shown to the owner, and is
//! evidence of nothing: nobody checks what others received.

use super::Infohash;
use super::engine::Engine;
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use std::net::{IpAddr, SocketAddr};

/// Somebody who took something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taker {
    /// Where they are.
    pub address: IpAddr,
    /// What their program calls itself.
    pub client_name: Option<String>,
    /// Bytes that were sent to them.
    pub bytes: u64,
}

impl Engine {
    /// Those who took something of a torrent since it was last started, most first.
    #[must_use]
    pub fn takers(&self, infohash: Infohash) -> Vec<Taker> {
        let live = self.0.running(infohash).and_then(|running| running.handle.live());
        // As in `storage`: the filter's type cannot be named from here.
        let filter = MapDeserializer::<_, serde::de::value::Error>::new([("state", "all")].into_iter());
        let Some((live, all)) = live.zip(Deserialize::deserialize(filter).ok()) else { return Vec::new() };
        let peers = live.per_peer_stats_snapshot(all).peers.into_iter();
        let mut takers: Vec<Taker> = peers
            .filter(|(_, stats)| stats.counters.uploaded_bytes > 0)
            .filter_map(|(address, stats)| {
                let address = address.parse::<SocketAddr>().ok()?.ip();
                Some(Taker { address, client_name: stats.client_name, bytes: stats.counters.uploaded_bytes })
            })
            .collect();
        takers.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.address.cmp(&b.address)));
        takers
    }
}
