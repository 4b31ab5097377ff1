//! The JSON of `status` and `doctor`: how the node is, and what to do about it.

use super::answer::counts;
use super::clients;
use crate::doctor::{Check, Verdict};
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
        let search = &health.search;
        let search = json!({ "statements": search.documents, "bytes": search.bytes, "current": search.is_current });
        fields.insert("search".into(), search);
        fields.insert("budgets".into(), budgets_json(&status.usage, health));
        fields.insert("clients".into(), health.clients.iter().map(clients::client_json).collect());
        fields.insert("handed_off".into(), health.handed.iter().map(clients::handed_state_json).collect());
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
            "works": rendezvous.works,
            "lookups": rendezvous.lookups,
            "found": rendezvous.found,
        },
        "counters": counters.named().into_iter().collect::<BTreeMap<_, _>>(),
    })
}

/// What is used of each budget, of how much, and whether it is short: then others wait, strangers first.
fn budgets_json(usage: &views::Usage, health: &Health) -> Value {
    let granted = &usage.budgets;
    let is_short = |name: &str| usage.shortages.contains(&name);
    let dht = health.dht_use.map(|(limits, used)| {
        json!({
            "used": used.bytes_today,
            "limit": limits.bytes_per_day,
            "per": "day of the process",
            "requests": used.requests,
            "requests_per_s": limits.requests_per_s,
            "short": used.is_short,
        })
    });
    let counters = health.p2p.as_ref().map(|p2p| p2p.counters).unwrap_or_default();
    let uptime_s = health.uptime.as_secs_f64().max(1.0);
    json!({
        "bandwidth": {
            "used": usage.traffic_today,
            "limit": granted.traffic_per_day,
            "per": "UTC day",
            "received": counters.bytes_received,
            "sent": counters.bytes_sent,
            "only_follows": is_short("bandwidth_low"),
            "short": is_short("bandwidth"),
        },
        "dht": dht,
        "disk": {
            "used": usage.store_bytes + usage.index_bytes,
            "statements": usage.store_bytes,
            "index": usage.index_bytes,
            "limit": granted.store_bytes,
            "files": health.store.file_bytes,
            "free": health.free_bytes,
            "reserve": granted.reserve_on(health.disk_total_bytes),
            "strangers": { "used": usage.strangers_bytes, "limit": granted.strangers_bytes, "keys": usage.strangers },
            "rated": { "keys": usage.rated, "limit": granted.rated_keys, "bytes_each": granted.rated_bytes },
            "followed": { "bytes_each": granted.followed_bytes },
            "floors": { "used": usage.loose_floors, "limit": granted.loose_floors_max(), "all": usage.floors },
            "full": usage.store_bytes + usage.index_bytes >= granted.store_bytes,
            "short": is_short("disk"),
        },
        "memory": {
            "used": health.own_bytes,
            "limit": granted.memory_bytes,
            "store": health.store.memory_bytes,
            "store_limit": health.store.memory_bytes_max,
            "short": is_short("memory"),
        },
        "cpu": {
            "used": usage.work_done.as_secs_f64() / uptime_s * 100.0,
            "limit": f64::from(granted.cpu_per_mille) / 10.0,
            "per": "percent of a core, for others",
            "for_others_s": usage.work_done.as_secs_f64(),
            "process_s": health.cpu.as_secs_f64(),
            "verifies_per_s": granted.verifies_per_s,
            "short": is_short("cpu"),
        },
    })
}

/// What `doctor` says of each budget: how to grant more.
fn budget_checks(usage: &views::Usage, health: &Health) -> Vec<(&'static str, bool, String, &'static str)> {
    let granted = &usage.budgets;
    let is_short = |name: &str| usage.shortages.contains(&name);
    let of = |used: u64, limit: u64| format!("{used} of {limit} bytes used");
    let reserve = granted.reserve_on(health.disk_total_bytes);
    let mut checks = vec![
        (
            "disk_reserve",
            !is_short("disk"),
            format!("{} bytes free, of which {reserve} are for your own words only", health.free_bytes),
            "free some space on the disk that holds the node's folder, or give a smaller --disk-reserve: until then \
             nothing of others is written",
        ),
        (
            "disk_quota",
            usage.store_bytes + usage.index_bytes < granted.store_bytes,
            of(usage.store_bytes + usage.index_bytes, granted.store_bytes),
            "give a larger --disk-quota, or unfollow somebody: nothing more of those you follow fits in",
        ),
        (
            "bandwidth",
            !is_short("bandwidth_low"),
            format!("{} today", of(usage.traffic_today, granted.traffic_per_day)),
            "give a larger --bandwidth-per-day, or wait for the next day (UTC): until then only follows are pulled, and \
             nobody once all of it is used",
        ),
        (
            "memory",
            !is_short("memory"),
            of(health.own_bytes, granted.memory_bytes),
            "give a larger --memory-limit, or a smaller --disk-quota: until then no connection is begun and strangers \
             bring nothing",
        ),
        (
            "cpu",
            !is_short("cpu"),
            format!("{:.1} s of work for others", usage.work_done.as_secs_f64()),
            "give a larger --cpu-limit, or wait: strangers do until the average is below it again",
        ),
    ];
    if let Some((limits, used)) = health.dht_use {
        checks.push((
            "dht_budget",
            !used.is_short,
            format!("{} today, about", of(used.bytes_today, limits.bytes_per_day)),
            "give a larger --dht-bandwidth-per-day: until then queries wait",
        ));
    }
    checks
}

/// A check as programs are told.
pub(crate) fn check_json(check: &Check) -> Value {
    let is_amiss = check.verdict == Verdict::Amiss;
    let state = match check.verdict {
        Verdict::Well => "ok",
        Verdict::Amiss => "amiss",
        Verdict::Unknown => "unknown",
    };
    let fix = if is_amiss { json!(check.fix) } else { Value::Null };
    json!({ "check": check.name, "ok": !is_amiss, "state": state, "detail": check.detail, "fix": fix })
}

/// The answer to `doctor`.
pub(super) fn doctor_json(usage: &views::Usage, health: &Health, others: &[Check]) -> Value {
    let check = |name, ok, detail: String, fix| check_json(&Check::new(name, ok, detail, fix));
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
        checks.push(check_json(&nat_check(p2p)));
        if health.dht.is_some() {
            let (is_met, detail) = match p2p.rendezvous {
                Rendezvous { is_on: false, .. } => (true, "turned off".into()),
                Rendezvous { port: Some(port), announces: 1.., .. } => (true, format!("announced with port {port}")),
                Rendezvous { port: Some(_), .. } => (false, "not announced yet".into()),
                _ if p2p.overview.nat == Nat::Private => (true, "not announced: nobody could dial this node".into()),
                _ => (false, "not announced: libp2p does not listen at the DHT's address".into()),
            };
            let fix = "give --p2p and --dht the same IP address, and allow UDP out";
            checks.push(check("rendezvous", is_met, detail, fix));
        }
    }
    for state in &health.clients {
        let title = state.client.title();
        let (ok, detail) = match (&state.trouble, &state.version) {
            (Some((trouble, _)), _) => (false, trouble.clone()),
            (None, Some(version)) => (true, format!("{title} {version} answers at {}", state.url)),
            (None, None) => (true, format!("{title} is being asked for the first time")),
        };
        let fix = "start it with its remote control on, and give its address, name and password as the README says";
        checks.push(check(state.client.name(), ok, detail, fix));
    }
    for (name, ok, detail, fix) in budget_checks(usage, health) {
        checks.push(check(name, ok, detail, fix));
    }
    checks.extend(others.iter().map(check_json));
    json!(checks)
}

fn peers_line(health: &Health) -> String {
    let by = health.p2p.iter().flat_map(|p2p| &p2p.overview.peers_by);
    let by: Vec<_> = by.map(|(how, count)| format!("{count} {how}")).collect();
    if by.is_empty() {
        let last = health.last_peer.map(|ago| format!("; the last one left {} s ago", ago.as_secs()));
        format!("{} connected{}", health.peers, last.unwrap_or_default())
    } else {
        format!("{} connected: {}", health.peers, by.join(", "))
    }
}

/// Whether others can dial this node: what those say who tried.
fn nat_check(p2p: &P2pHealth) -> Check {
    let fix =
        "forward the libp2p port (7341, TCP and UDP) on your router, or wait until a relay gives this node a place";
    match p2p.overview.nat {
        Nat::Public => Check::new("nat", true, "other nodes can dial this one", fix),
        Nat::Private => {
            let detail = "other nodes cannot dial this one; it dials them";
            Check::new("nat", p2p.overview.relays > 0, detail, fix)
        }
        Nat::Unknown => Check::unknown("nat", "no other node has tried to dial this one yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_is_told_only_where_something_is_amiss() {
        let told = |check: Check| check_json(&check);
        assert_eq!(
            told(Check::new("a", true, "fine", "mend")),
            json!({ "check": "a", "ok": true, "state": "ok", "detail": "fine", "fix": null })
        );
        assert_eq!(
            told(Check::new("a", false, "bad", "mend")),
            json!({ "check": "a", "ok": false, "state": "amiss", "detail": "bad", "fix": "mend" })
        );
        let unknown = told(Check::unknown("a", "nobody asked"));
        assert_eq!(
            (&unknown["ok"], &unknown["state"], &unknown["fix"]),
            (&json!(true), &json!("unknown"), &Value::Null)
        );
    }

    #[test]
    fn how_others_reach_this_node_is_unknown_until_one_tried() {
        let seen = |nat, relays| {
            let mut p2p = P2pHealth::default();
            (p2p.overview.nat, p2p.overview.relays) = (nat, relays);
            nat_check(&p2p).verdict
        };
        assert_eq!(seen(Nat::Unknown, 0), Verdict::Unknown);
        assert_eq!(seen(Nat::Public, 0), Verdict::Well);
        assert_eq!(seen(Nat::Private, 0), Verdict::Amiss);
        assert_eq!(seen(Nat::Private, 1), Verdict::Well, "others come by the relay");
    }
}
