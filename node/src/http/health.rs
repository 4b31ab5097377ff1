//! The JSON of `status` and `doctor`: how the node is, and what to do about it.

use super::answer::counts;
use crate::driver::{Health, P2pHealth, Rendezvous};
use crate::p2p::{Multiaddr, Nat};
use heirloom_core::views;
use heirloom_proto::Key;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The answer to `status`: what core counts, and what the driver sees.
#[must_use]
pub fn status_json(status: &views::Status, key: &Key, health: &Health) -> Value {
    let mut value = counts(status);
    if let Some(fields) = value.as_object_mut() {
        let dht = health.dht.map(|(nodes, mode)| json!({ "nodes": nodes, "mode": mode }));
        fields.insert("key".into(), json!(key.to_string()));
        fields.insert("uptime_s".into(), json!(health.uptime.as_secs()));
        fields.insert("peers".into(), json!(health.peers));
        fields.insert("dht".into(), json!(dht));
        fields.insert("p2p".into(), json!(health.p2p.as_ref().map(p2p_json)));
        fields.insert("disk_bytes".into(), json!(health.disk_bytes));
        fields.insert("rss_bytes".into(), json!(health.rss_bytes));
    }
    value
}

/// How libp2p is connected: peers by how they were found, addresses, NAT, and sums since the start.
fn p2p_json(p2p: &P2pHealth) -> Value {
    let P2pHealth { listening, overview, counters, rendezvous, proved } = p2p;
    let proved = proved
        .iter()
        .map(|(peer, key, is_friend)| json!({ "peer": peer.to_string(), "key": key.to_string(), "friend": is_friend }));
    let texts = |all: &[Multiaddr]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "peers_by": overview.peers_by,
        "proved": proved.collect::<Vec<_>>(),
        "connections": overview.connections,
        "listening": texts(listening),
        "external": texts(&overview.external),
        "nat": overview.nat.as_str(),
        "relays": overview.relays,
        "remembered": overview.remembered,
        "claimed": overview.claimed,
        "rendezvous": {
            "port": rendezvous.port,
            "announces": rendezvous.announces,
            "lookups": rendezvous.lookups,
            "found": rendezvous.found,
        },
        "counters": counters.named().into_iter().collect::<BTreeMap<_, _>>(),
    })
}

/// The answer to `doctor`.
pub(super) fn doctor_json(health: &Health) -> Value {
    let check = |name: &str, ok: bool, detail: String, fix: &str| {
        let fix = if ok { Value::Null } else { json!(fix) };
        json!({ "check": name, "ok": ok, "detail": detail, "fix": fix })
    };
    let disk = "free some space on the disk that holds the node's folder";
    let dht = match health.dht {
        Some((nodes, _)) => {
            let fix = "allow UDP out, or name a node with --dht-bootstrap";
            check("dht", nodes > 0, format!("{nodes} nodes known"), fix)
        }
        None => check("dht", false, "turned off".into(), "start without --no-dht and --offline"),
    };
    let peers = "wait a minute for the DHT to name some, or name one with --peer";
    let mut checks = vec![
        check("disk", health.free_bytes > 1 << 30, format!("{} bytes free", health.free_bytes), disk),
        dht,
        check("peers", health.peers > 0, peers_line(health), peers),
    ];
    if let Some(p2p) = &health.p2p {
        let listening = &p2p.listening;
        let fix = "start without an empty --p2p";
        checks.push(check("listening", !listening.is_empty(), format!("{} libp2p addresses", listening.len()), fix));
        let (detail, fix) = nat_line(p2p.overview.nat);
        checks.push(check("nat", p2p.overview.nat != Nat::Private || p2p.overview.relays > 0, detail, fix));
        if health.dht.is_some() {
            let (is_met, detail) = match p2p.rendezvous {
                Rendezvous { port: Some(port), announces: 1.., .. } => (true, format!("announced with port {port}")),
                Rendezvous { port: Some(_), .. } => (false, "not announced yet".into()),
                _ if p2p.overview.nat == Nat::Private => (true, "not announced: nobody could dial this node".into()),
                _ => (false, "not announced: libp2p does not listen at the DHT's address".into()),
            };
            let fix = "give --p2p and --dht the same IP address, and allow UDP out";
            checks.push(check("rendezvous", is_met, detail, fix));
        }
    }
    json!(checks)
}

fn peers_line(health: &Health) -> String {
    let by = health.p2p.iter().flat_map(|p2p| &p2p.overview.peers_by);
    let by: Vec<_> = by.map(|(how, count)| format!("{count} {how}")).collect();
    if by.is_empty() {
        format!("{} connected", health.peers)
    } else {
        format!("{} connected: {}", health.peers, by.join(", "))
    }
}

fn nat_line(nat: Nat) -> (String, &'static str) {
    let fix =
        "forward the libp2p port (7341, TCP and UDP) on your router, or wait until a relay gives this node a place";
    let detail = match nat {
        Nat::Public => "other nodes can dial this one",
        Nat::Private => "other nodes cannot dial this one; it dials them",
        Nat::Unknown => "not known yet: other nodes will try to dial this one",
    };
    (detail.into(), fix)
}
