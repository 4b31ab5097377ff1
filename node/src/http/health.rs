//! The JSON of `status` and `doctor`: how the node is, and what to do about it.

use super::answer::counts;
use super::clients;
use crate::clients::ClientState;
use crate::doctor::{Check, Verdict};
use crate::driver::{Health, P2pHealth, Rendezvous};
use crate::outlet;
use crate::p2p::{self, Multiaddr, Nat};
use crate::search;
use heirloom_core::views;
use heirloom_proto::Key;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

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
        fields.insert("outlet".into(), json!(health.outlet.as_ref().map(outlet_json)));
        fields.insert("disk_bytes".into(), json!(health.disk_bytes));
        fields.insert("rss_bytes".into(), json!(health.rss_bytes));
        let search = &health.search;
        let search = json!({
            "statements": search.documents,
            "bytes": search.bytes,
            "current": search.is_current,
            "trouble": search.trouble,
        });
        fields.insert("search".into(), search);
        fields.insert("artwork".into(), json!({ "trouble": health.artwork_trouble }));
        fields.insert("budgets".into(), budgets_json(&status.usage, health));
        fields.insert("clients".into(), health.clients.iter().map(clients::client_json).collect());
        fields.insert("handed_off".into(), health.handed.iter().map(clients::handed_state_json).collect());
    }
    value
}

/// The way out: which it is, whether anything can go out, and what was refused.
fn outlet_json(outlet: &outlet::State) -> Value {
    json!({
        "bind": outlet.bind,
        "interface": outlet.interface,
        "addresses": outlet.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "proxy": outlet.proxy,
        "open": outlet.is_open,
        "pinned": outlet.pinned,
        "refused": outlet.refused,
        "detail": outlet.sentence,
    })
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

/// What `doctor` says of each budget: how to grant more. Where waiting mends it too, it is no failure.
fn budget_checks(usage: &views::Usage, health: &Health) -> Vec<Check> {
    let granted = &usage.budgets;
    let is_short = |name: &str| usage.shortages.contains(&name);
    let of = |used: u64, limit: u64| format!("{used} of {limit} bytes used");
    let reserve = granted.reserve_on(health.disk_total_bytes);
    let mut checks = vec![
        Check::new(
            "disk_reserve",
            !is_short("disk"),
            format!("{} bytes free, of which {reserve} are for your own words only", health.free_bytes),
            "free some space on the disk that holds the node's folder, or give a smaller --disk-reserve: until then \
             nothing of others is written",
        ),
        Check::new(
            "disk_quota",
            usage.store_bytes + usage.index_bytes < granted.store_bytes,
            of(usage.store_bytes + usage.index_bytes, granted.store_bytes),
            "give a larger --disk-quota, or unfollow somebody: nothing more of those you follow fits in",
        ),
        Check::new(
            "bandwidth",
            !is_short("bandwidth_low"),
            format!("{} today", of(usage.traffic_today, granted.traffic_per_day)),
            "give a larger --bandwidth-per-day, or wait for the next day (UTC): until then only follows are pulled, and \
             nobody once all of it is used",
        )
        .gently(),
        Check::new(
            "memory",
            !is_short("memory"),
            of(health.own_bytes, granted.memory_bytes),
            "give a larger --memory-limit, or a smaller --disk-quota: until then no connection is begun and strangers \
             bring nothing",
        )
        .gently(),
        Check::new(
            "cpu",
            !is_short("cpu"),
            format!("{:.1} s of work for others", usage.work_done.as_secs_f64()),
            "give a larger --cpu-limit, or wait: strangers do until the average is below it again",
        )
        .gently(),
    ];
    if let Some((limits, used)) = health.dht_use {
        let detail = format!("{} today, about", of(used.bytes_today, limits.bytes_per_day));
        let fix = "give a larger --dht-bandwidth-per-day: until then queries wait";
        checks.push(Check::new("dht_budget", !used.is_short, detail, fix).gently());
    }
    checks
}

/// Whether searches have an index.
fn search_check(search: &search::Use) -> Check {
    let detail = match &search.trouble {
        Some(trouble) => format!("the index cannot be kept, so searches look through everything, slowly: {trouble}"),
        None => format!("{} statements in an index of {} bytes", search.documents, search.bytes),
    };
    let fix = "free some space on the disk that holds the node's folder; `heirloom reindex` then makes the index anew";
    Check::new("search", search.trouble.is_none(), detail, fix)
}

/// Whether the pictures that came can be kept.
fn artwork_check(trouble: Option<&String>) -> Check {
    let detail = match trouble {
        Some(trouble) => format!("pictures of works cannot be kept, so colours stand in for them: {trouble}"),
        None => "pictures of works are kept".to_owned(),
    };
    let fix =
        "free some space on the disk that holds the node's folder; those that are missing are then asked for again";
    Check::new("artwork", trouble.is_none(), detail, fix)
}

/// A check as programs are told.
pub(crate) fn check_json(check: &Check) -> Value {
    let is_well = matches!(check.verdict, Verdict::Well | Verdict::Unknown);
    let state = match check.verdict {
        Verdict::Well => "ok",
        Verdict::Warning => "warn",
        Verdict::Amiss => "amiss",
        Verdict::Unknown => "unknown",
    };
    let fix = if is_well { Value::Null } else { json!(check.fix) };
    json!({ "check": check.name, "ok": is_well, "state": state, "detail": check.detail, "fix": fix })
}

/// The answer to `doctor`. `is_public` is what the owner says of the node's reach.
pub(super) fn doctor_json(usage: &views::Usage, health: &Health, is_public: bool, others: &[Check]) -> Value {
    let free = format!("{} bytes free", health.free_bytes);
    let proxied = health.outlet.as_ref().is_some_and(|outlet| outlet.proxy.is_some());
    let mut checks = vec![
        Check::new(
            "disk",
            health.free_bytes > 1 << 30,
            free,
            "free some space on the disk that holds the node's folder",
        ),
        match health.dht {
            None if proxied => Check::new("dht", true, "left out: it cannot go through the proxy", ""),
            Some((nodes, _)) => {
                let fix = "allow UDP out, or name a node with --dht-bootstrap";
                Check::new("dht", nodes > 0, format!("{nodes} nodes known"), fix)
            }
            // Somebody chose it so.
            None => Check::new("dht", false, "turned off", "start without --no-dht and --offline").gently(),
        },
        Check::new(
            "peers",
            health.peers > 0,
            peers_line(health),
            "wait a minute for the DHT to name some, or name one with --peer",
        )
        .gently(),
    ];
    if let Some(outlet) = &health.outlet {
        let fix =
            "bring the interface of --bind up, or name another one; the node starts again by itself when it is back";
        checks.insert(0, Check::new("outlet", outlet.is_open, outlet.sentence.clone(), fix));
        checks.insert(1, names_check(proxied));
    }
    if let Some(p2p) = health.p2p.as_ref().filter(|_| !proxied) {
        let listening = format!("{} libp2p addresses", p2p.listening.len());
        checks.push(
            Check::new("listening", !p2p.listening.is_empty(), listening, "start without an empty --p2p").gently(),
        );
        checks.push(nat_check(p2p, is_public));
        checks.extend(health.dht.map(|_| rendezvous_check(p2p)));
    }
    checks.extend(health.clients.iter().map(client_check));
    checks.extend(budget_checks(usage, health));
    checks.push(search_check(&health.search));
    checks.push(artwork_check(health.artwork_trouble.as_ref()));
    checks.iter().chain(others).map(check_json).collect()
}

/// Whether names are found without asking by another way than the one that everything is kept to.
fn names_check(proxied: bool) -> Check {
    let (is_well, detail) = match (proxied, outlet::has_name_server()) {
        (true, _) => (true, "names are looked up by the proxy"),
        (false, true) => (true, "names are asked of the name servers of this system, by the interface"),
        (false, false) => {
            (false, "no name is found: every name server of this system is on this machine, and would ask by any way")
        }
    };
    let fix = "put a name server that is reached by the interface into /etc/resolv.conf, such as that of the VPN; \
               addresses work without";
    Check::new("names", is_well, detail, fix)
}

fn rendezvous_check(p2p: &P2pHealth) -> Check {
    let (is_met, detail) = match p2p.rendezvous {
        Rendezvous { is_on: false, .. } => (true, "turned off".into()),
        Rendezvous { port: Some(port), announces: 1.., .. } => (true, format!("announced with port {port}")),
        Rendezvous { port: Some(_), .. } => (false, "not announced yet".into()),
        _ if p2p.overview.nat == Nat::Private => (true, "not announced: nobody could dial this node".into()),
        _ => (false, "not announced: libp2p does not listen at the DHT's address".into()),
    };
    Check::new("rendezvous", is_met, detail, "give --p2p and --dht the same IP address, and allow UDP out").gently()
}

/// A client that the owner has this node look at.
fn client_check(state: &ClientState) -> Check {
    let title = state.client.title();
    if let (None, Some(doubt)) = (&state.trouble, &state.doubt) {
        let fix =
            "look there whether it is as it says; nothing of that torrent is booked, and what was booked before stays";
        return Check::new(state.client.name(), false, format!("{title} at {}: {doubt}", state.url), fix).gently();
    }
    let (is_well, detail) = match (&state.trouble, &state.version) {
        (Some((trouble, _)), _) => (false, trouble.clone()),
        (None, Some(version)) => (true, format!("{title} {version} answers at {}", state.url)),
        (None, None) => (true, format!("{title} is being asked for the first time")),
    };
    let fix = "start it with its remote control on, and give its address, name and password as `heirloom run --help` says under --observe";
    Check::new(state.client.name(), is_well, detail, fix)
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

/// Whether others can dial this node: what those say who tried, address by address.
fn nat_check(p2p: &P2pHealth, is_public: bool) -> Check {
    let overview = &p2p.overview;
    let direct = |all: &[Multiaddr]| all.iter().filter(|at| p2p::place_of(at).is_some()).cloned().collect::<Vec<_>>();
    let (listening, reached) = (direct(&p2p.listening), direct(&overview.external));
    let ports = ports_of(&listening);
    let fix = format!(
        "forward {} on your router to this machine, or wait until a relay gives this node a place",
        if ports.is_empty() { "a port, once --p2p names one,".to_owned() } else { ports.join(" and ") }
    );
    match overview.nat {
        Nat::Public if is_public => Check::unknown("nat", "you say that others can dial this node (--nat public)"),
        Nat::Public => {
            let reached: Vec<_> = reached.iter().map(ToString::to_string).collect();
            let where_to = if reached.is_empty() { "this node".to_owned() } else { reached.join(", ") };
            Check::new("nat", true, format!("others dialled back and reached {where_to}"), fix)
        }
        Nat::Private => {
            let tried = if ports.is_empty() { "this node".to_owned() } else { ports.join(" or ") };
            let relays = overview.relays;
            let detail = match relays {
                0 => format!("others dialled back and did not reach {tried}; this node dials them"),
                _ => format!("others dialled back and did not reach {tried}; they come over {relays} relays"),
            };
            Check::new("nat", relays > 0, detail, fix).gently()
        }
        Nat::Unknown => Check::unknown("nat", "no other node could be asked yet to dial this one back"),
    }
}

/// The ports that others would have to reach: `TCP 7341`, `UDP 7341`.
fn ports_of(listening: &[Multiaddr]) -> Vec<String> {
    let places = listening.iter().filter_map(|at| Some((p2p::place_of(at)?, p2p::is_quic(at))));
    // What listens on loopback alone nobody else can be led to.
    let open = places.filter(|(at, _)| !at.ip().to_canonical().is_loopback());
    let ports: BTreeSet<String> =
        open.map(|(at, is_quic)| format!("{} {}", if is_quic { "UDP" } else { "TCP" }, at.port())).collect();
    ports.into_iter().collect()
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
    fn what_passes_by_itself_is_told_with_its_fix_and_is_no_failure() {
        assert_eq!(
            check_json(&Check::new("a", false, "slow", "wait").gently()),
            json!({ "check": "a", "ok": false, "state": "warn", "detail": "slow", "fix": "wait" })
        );
    }

    /// Listening at these addresses, of which others confirmed those.
    fn reach(nat: Nat, listening: &[&str], external: &[&str]) -> P2pHealth {
        let read = |all: &[&str]| all.iter().map(|at| at.parse().expect("an address")).collect();
        let mut p2p = P2pHealth { listening: read(listening), ..P2pHealth::default() };
        (p2p.overview.nat, p2p.overview.external) = (nat, read(external));
        p2p
    }

    #[test]
    fn how_others_reach_this_node_is_unknown_until_one_tried() {
        let seen = |nat, relays| {
            let mut p2p = reach(nat, &[], &[]);
            p2p.overview.relays = relays;
            nat_check(&p2p, false).verdict
        };
        assert_eq!(seen(Nat::Unknown, 0), Verdict::Unknown);
        assert_eq!(seen(Nat::Public, 0), Verdict::Well);
        assert_eq!(seen(Nat::Private, 0), Verdict::Warning);
        assert_eq!(seen(Nat::Private, 1), Verdict::Well, "others come by the relay");
        assert_eq!(nat_check(&reach(Nat::Public, &[], &[]), true).verdict, Verdict::Unknown, "nobody tried");
    }

    #[test]
    fn reach_is_told_by_the_ports_and_addresses_that_are_really_used() {
        let listening = ["/ip4/0.0.0.0/tcp/9001", "/ip4/192.168.1.2/udp/9002/quic-v1", "/ip4/127.0.0.1/tcp/9003"];
        let closed = nat_check(&reach(Nat::Private, &listening, &[]), false);
        assert!(closed.fix.starts_with("forward TCP 9001 and UDP 9002 on your router"), "{}", closed.fix);
        assert!(closed.detail.contains("did not reach TCP 9001 or UDP 9002"), "{}", closed.detail);
        let open = nat_check(&reach(Nat::Public, &listening, &["/ip4/203.0.113.7/tcp/9001"]), false);
        assert_eq!(open.detail, "others dialled back and reached /ip4/203.0.113.7/tcp/9001");
    }
}
