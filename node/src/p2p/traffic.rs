//! How many bytes the transport carries: what the library counts on every stream of every connection, both ways. The
//! frames of the multiplexers, of QUIC and of IP are not in it, some 5 to 10 % more; what a relay carries to us is in it
//! twice.

use std::time::Instant;

use libp2p::metrics::Registry;
use prometheus_client::encoding::text::encode;

use super::params;

/// The registry's name of the sums.
const NAME: &str = "libp2p_bandwidth_bytes_total";

/// The sums of the transport, as last read.
pub(super) struct Traffic {
    registry: Registry,
    read: Option<Instant>,
}

impl Traffic {
    pub fn of(registry: Registry) -> Self {
        Self { registry, read: None }
    }

    /// Bytes received and sent since the start, if it is time to look again.
    pub fn look(&mut self, now: Instant) -> Option<(u64, u64)> {
        let is_early = self.read.is_some_and(|at| now.saturating_duration_since(at) < params::TRAFFIC_EVERY);
        if is_early {
            return None;
        }
        self.read = Some(now);
        let mut text = String::new();
        encode(&mut text, &self.registry).ok()?;
        Some(sums(&text))
    }
}

/// Adds up the lines of the sums, one for each direction and stack of protocols: there are some ten.
fn sums(text: &str) -> (u64, u64) {
    let (mut received, mut sent) = (0_u64, 0_u64);
    for line in text.lines().filter(|line| line.starts_with(NAME)) {
        let bytes: u64 = line.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        if line.contains("direction=\"Inbound\"") {
            received = received.saturating_add(bytes);
        } else {
            sent = sent.saturating_add(bytes);
        }
    }
    (received, sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_added_up_apart_and_other_sums_left_out() {
        let text = "# HELP libp2p_bandwidth_bytes Bandwidth usage.\n\
            libp2p_bandwidth_bytes_total{protocols=\"/ip4/tcp\",direction=\"Inbound\"} 5\n\
            libp2p_bandwidth_bytes_total{protocols=\"/ip4/udp/quic-v1\",direction=\"Inbound\"} 7\n\
            libp2p_bandwidth_bytes_total{protocols=\"/ip4/tcp\",direction=\"Outbound\"} 11\n\
            libp2p_other_total{direction=\"Inbound\"} 100\n# EOF\n";
        assert_eq!(sums(text), (12, 11));
        assert_eq!(sums(""), (0, 0));
    }
}
