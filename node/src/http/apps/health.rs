//! Whether the node is up, whether it can be used, and its figures for Prometheus.
//!
//! The first two are for whoever starts and stops nodes: they tell anybody one word. The figures want the key or the token,
//! and name nobody and nothing.

use crate::http::health::status_json;
use crate::http::{Routes, Server, Shared, refused};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use heirloom_core::command::{Command, CommandError, Reply};
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

/// How long the core may take to answer before the node does not count as ready.
const READY_WAIT: Duration = Duration::from_secs(5);
/// Version of Prometheus' text format.
const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A figure: its name, whether it only grows, what it is, and where it stands in the answer to `status`. Names end in their
/// unit, and in `_total` if they only grow.
const FIGURES: [(&str, bool, &str, &str); 30] = [
    ("uptime_seconds", false, "Time since the node started.", "/uptime_s"),
    ("peers", false, "libp2p peers connected.", "/peers"),
    ("statements", false, "Live statements in the store.", "/statements"),
    ("keys", false, "Keys with live statements.", "/keys_known"),
    ("works", false, "Works with a listing or a record.", "/works"),
    ("releases", false, "Releases with a listing.", "/releases"),
    ("dht_nodes", false, "Nodes in the routing table of the DHT.", "/dht/nodes"),
    ("home_bytes", false, "Size of the node's folder.", "/disk_bytes"),
    ("disk_free_bytes", false, "Free space on its disk.", "/budgets/disk/free"),
    ("disk_reserve_bytes", false, "Free space that is kept for the owner's own words.", "/budgets/disk/reserve"),
    ("store_bytes", false, "Size of all statements, as core counts them.", "/budgets/disk/used"),
    ("store_limit_bytes", false, "What they may take.", "/budgets/disk/limit"),
    ("store_files_bytes", false, "Size of the store's files.", "/budgets/disk/files"),
    ("stranger_keys", false, "Keys of strangers with live statements.", "/budgets/disk/strangers/keys"),
    ("strangers_bytes", false, "Size of what strangers said.", "/budgets/disk/strangers/used"),
    ("search_index_bytes", false, "Size of the search index.", "/search/bytes"),
    ("search_index_statements", false, "Statements in the search index.", "/search/statements"),
    ("traffic_today_bytes", false, "Bytes over libp2p since midnight UTC.", "/budgets/bandwidth/used"),
    ("traffic_limit_bytes", false, "What may pass in a day.", "/budgets/bandwidth/limit"),
    ("received_bytes_total", true, "Bytes received over libp2p.", "/budgets/bandwidth/received"),
    ("sent_bytes_total", true, "Bytes sent over libp2p.", "/budgets/bandwidth/sent"),
    ("dht_today_bytes", false, "Bytes over the DHT today, about.", "/budgets/dht/used"),
    ("dht_requests_total", true, "Requests to the DHT.", "/budgets/dht/requests"),
    ("memory_limit_bytes", false, "What the node may take of memory.", "/budgets/memory/limit"),
    ("work_for_others_seconds_total", true, "Processor time of work that others brought.", "/budgets/cpu/for_others_s"),
    ("p2p_connections", false, "libp2p connections.", "/p2p/connections"),
    ("p2p_peers_remembered", false, "Addresses of nodes that are remembered.", "/p2p/remembered"),
    ("outlet_pinned_total", true, "Sockets that were kept to the interface.", "/outlet/pinned"),
    ("outlet_refused_total", true, "What was refused, since it would have gone another way.", "/outlet/refused"),
    ("rendezvous_found_total", true, "Nodes found by the rendezvous of the day.", "/p2p/rendezvous/found"),
];

pub(super) fn routes() -> Routes {
    Routes::new().get("/health", health).get("/ready", ready).get("/metrics", metrics)
}

/// The process answers.
async fn health() -> &'static str {
    "ok\n"
}

/// The core answers, so that commands and searches will.
async fn ready(State(server): State<Shared>) -> Response {
    let asked = tokio::time::timeout(READY_WAIT, server.node().command(Command::Identity)).await;
    match asked {
        Ok(Ok(_)) => "ready\n".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response(),
    }
}

async fn metrics(State(server): State<Shared>) -> Response {
    match figures(&server).await {
        Ok(text) => ([(header::CONTENT_TYPE, HeaderValue::from_static(KIND))], text).into_response(),
        Err(error) => refused(&error),
    }
}

async fn figures(server: &Server) -> Result<String, CommandError> {
    let node = server.node();
    let status = match *node.command(Command::Status).await? {
        Reply::Status(status) => status_json(&status, node.key(), &node.health().await),
        _ => Value::Null,
    };
    let mut text = String::new();
    for (name, is_sum, about, at) in FIGURES {
        if let Some(value) = status.pointer(at).and_then(Value::as_f64) {
            put(&mut text, name, is_sum, about, &[(Vec::new(), value)]);
        }
    }
    let named = |of: &Value, label: &'static str| -> Vec<(Vec<(&'static str, String)>, f64)> {
        let all = of.as_object().into_iter().flatten();
        all.filter_map(|(name, value)| Some((vec![(label, name.clone())], value.as_f64()?))).collect()
    };
    // Names of the process are those that every program has.
    let process = |name: &str| status.pointer(name).and_then(Value::as_f64);
    if let Some(bytes) = process("/rss_bytes") {
        plain(&mut text, "process_resident_memory_bytes", "gauge", "Resident memory.", bytes);
    }
    if let Some(seconds) = process("/budgets/cpu/process_s") {
        plain(&mut text, "process_cpu_seconds_total", "counter", "Processor time.", seconds);
    }
    let version = vec![(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0)];
    put(&mut text, "build_info", false, "The program.", &version);
    // Of those one is no sum: it is a figure above.
    let mut counted = named(&status["counters"], "reason");
    counted.retain(|(labels, _)| labels.iter().all(|(_, reason)| reason != "strangers"));
    put(&mut text, "core_events_total", true, "What core refused, ignored or did, by reason.", &counted);
    let counted = named(&status["p2p"]["counters"], "event");
    put(&mut text, "p2p_events_total", true, "What happened in libp2p, by event.", &counted);
    let peers = named(&status["p2p"]["peers_by"], "found");
    put(&mut text, "p2p_peers", false, "Peers connected, by how they were found.", &peers);
    let short = ["bandwidth", "dht", "disk", "memory", "cpu"].into_iter().filter_map(|name| {
        let is_short = status["budgets"][name]["short"].as_bool()?;
        Some((vec![("budget", name.to_owned())], f64::from(u8::from(is_short))))
    });
    put(&mut text, "budget_short", false, "Whether a budget is at its limit.", &short.collect::<Vec<_>>());
    if let Some(is_open) = status["outlet"]["open"].as_bool() {
        let about = "Whether anything can go out by the interface or proxy that was chosen.";
        put(&mut text, "outlet_open", false, about, &[(Vec::new(), f64::from(u8::from(is_open)))]);
    }
    let streams = node.networks().engine.as_ref().map_or(0, crate::torrent::Engine::streams_open);
    put(&mut text, "streams", false, "Files of torrents open to be played.", &[(Vec::new(), count(streams))]);
    put(&mut text, "http_streams", false, "Streams to players.", &[(Vec::new(), count(server.streams_open()))]);
    put(&mut text, "http_listeners", false, "Listeners to events.", &[(Vec::new(), count(server.listeners()))]);
    let answers = server.apps.polls.counts().map(|(how, count)| (vec![("how", how.to_owned())], large(count)));
    put(
        &mut text,
        "app_answers_total",
        true,
        "Answers to programs that ask by the hour, by how they came about.",
        &answers,
    );
    let works = vec![(Vec::new(), large(server.apps.pages.works_read()))];
    put(&mut text, "app_works_read_total", true, "Works that were looked at for them.", &works);
    downloads(server, &mut text);
    Ok(text)
}

/// What torrents do, added up: none is named.
fn downloads(server: &Server, text: &mut String) {
    let (mut bytes, mut uploaded, mut down, mut up, mut peers) = (0, 0, 0, 0, 0);
    let mut states = std::collections::BTreeMap::new();
    for (_, state) in server.node().downloads().all() {
        let name = state.as_ref().map_or("failed", |download| download.state);
        *states.entry(name).or_insert(0_usize) += 1;
        if let Ok(download) = state {
            bytes += download.bytes;
            uploaded += download.uploaded;
            down += download.down_rate;
            up += download.up_rate;
            peers += download.peers;
        }
    }
    let states: Vec<_> = states.into_iter().map(|(name, of)| (vec![("state", name.to_owned())], count(of))).collect();
    put(text, "torrents", false, "Torrents, by state.", &states);
    for (name, about, value) in [
        ("torrent_content_bytes", "Content of torrents that is here, checked.", large(bytes)),
        ("torrent_uploaded_bytes", "Given away of the torrents that are here, over restarts too.", large(uploaded)),
        ("torrent_download_bytes_per_second", "Coming in.", large(down)),
        ("torrent_upload_bytes_per_second", "Going out.", large(up)),
        ("torrent_peers", "Peers of torrents connected.", count(peers)),
    ] {
        put(text, name, false, about, &[(Vec::new(), value)]);
    }
}

/// Figures are told as floating point, exact to 2⁵³.
#[allow(clippy::cast_precision_loss, reason = "the format has no other numbers")]
fn large(value: u64) -> f64 {
    value as f64
}

fn count(value: usize) -> f64 {
    large(u64::try_from(value).unwrap_or(u64::MAX))
}

fn plain(text: &mut String, name: &str, kind: &str, about: &str, value: f64) {
    // Writing into a String cannot fail.
    let _ = write!(text, "# HELP {name} {about}\n# TYPE {name} {kind}\n{name} {value}\n");
}

/// A family of figures, unless there is none.
fn put(text: &mut String, name: &str, is_sum: bool, about: &str, all: &[(Vec<(&str, String)>, f64)]) {
    if all.is_empty() {
        return;
    }
    let kind = if is_sum { "counter" } else { "gauge" };
    let _ = write!(text, "# HELP heirloom_{name} {about}\n# TYPE heirloom_{name} {kind}\n");
    for (labels, value) in all {
        let labels: Vec<String> = labels.iter().map(|(name, of)| format!("{name}=\"{}\"", escaped(of))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(text, "heirloom_{name}{labels} {value}");
    }
}

/// The value of a label, as the format quotes it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The labels of a line, read by the rules of the format: `name="value"` with `\\`, `\"` and `\n` for three signs.
    fn labels(line: &str) -> Vec<(String, String)> {
        let mut rest = line.split_once('{').map(|(_, rest)| rest.chars()).expect("labels");
        let mut all = Vec::new();
        loop {
            let name: String = rest.by_ref().take_while(|c| *c != '=').collect();
            assert_eq!(rest.next(), Some('"'), "{line:?}");
            let mut value = String::new();
            loop {
                match rest.next().expect("the end of a value") {
                    '"' => break,
                    '\\' => value.push(match rest.next() {
                        Some('n') => '\n',
                        Some(sign @ ('\\' | '"')) => sign,
                        other => panic!("{other:?} is escaped in {line:?}"),
                    }),
                    '\n' => panic!("a line ends within a value: {line:?}"),
                    sign => value.push(sign),
                }
            }
            all.push((name, value));
            match rest.next() {
                Some(',') => {}
                Some('}') => break,
                other => panic!("{other:?} behind a value in {line:?}"),
            }
        }
        assert!(rest.as_str().starts_with(' '), "{line:?}");
        all
    }

    #[test]
    fn whatever_a_label_holds_is_one_line_and_can_be_read_again() {
        let hostile = [
            "plain",
            "",
            "with \"quotes\"",
            "back\\slash\\",
            "two\nlines\r\n# TYPE heirloom_x counter",
            "\\n is no end of a line",
            "} 5\nheirloom_works 1000000",
            "ünïcode 🎬 a=\"b\",c",
        ];
        let labelled = |text: &&str| (vec![("reason", (*text).to_owned()), ("of", "x".to_owned())], 1.0);
        let all: Vec<_> = hostile.iter().map(labelled).collect();
        let mut text = String::new();
        put(&mut text, "odd_events_total", true, "Odd ones.", &all);
        let lines: Vec<&str> = text.strip_suffix('\n').expect("a last line").split('\n').collect();
        assert_eq!(lines.len(), 2 + hostile.len(), "{text}");
        assert_eq!(
            lines[..2],
            ["# HELP heirloom_odd_events_total Odd ones.", "# TYPE heirloom_odd_events_total counter"]
        );
        for (line, wanted) in lines[2..].iter().zip(hostile) {
            let read = labels(line);
            assert_eq!(read, [("reason".to_owned(), wanted.to_owned()), ("of".to_owned(), "x".to_owned())], "{line}");
            assert!(line.ends_with("} 1"), "{line}");
        }
    }

    #[test]
    fn names_end_in_their_unit_and_in_total_if_they_only_grow() {
        let mut seen = std::collections::BTreeSet::new();
        for (name, is_sum, about, at) in FIGURES {
            assert!(seen.insert(name), "{name} is there twice");
            assert_eq!(is_sum, name.ends_with("_total"), "{name}");
            assert!(about.ends_with('.') && !about.contains('\n') && at.starts_with('/'), "{name}");
            let base = name.trim_end_matches("_total");
            let says_unit = |unit: &str| about.to_ascii_lowercase().starts_with(unit) == base.ends_with(unit);
            assert!(at.ends_with("/used") || !about.starts_with("Bytes") || says_unit("bytes"), "{name}: {about}");
        }
    }
}
