//! Many libp2p nodes in one process: does a message reach everybody, how often, how fast, and what do attackers change?
//!
//! Honest nodes are the program's own libp2p adapter on sockets of loopback, each with a real core over a store in memory
//! that admits what comes in, in the driver's order: handle, commit, carry out. Sync is left out, so that gossip alone must
//! deliver. Attackers are libp2p peers that keep to no rule (`tests/outsider`): in turn they send wrong signatures, bytes
//! that are not canonical, messages that are too long, and valid statements by keys that nobody knows.
//!
//! Reported: delivery, copies of a message that a node receives, latency from the publisher's command to the receiver's
//! admission, bytes, and after how many messages attackers lost a connection. Checked: delivery, 100 % without attackers
//! and 99.9 % with. Never asserted: a time.
//!
//! All nodes share the machine's processors, so there is a pace above which the figures show the machine and not the network.
//! Unless `--rate` (messages a second, by all honest nodes together) and `--junk` (messages a second, by each attacker) say
//! otherwise, the pace is what [`HEARD_PER_S`] and [`JUNK_PER_S`] leave for so many nodes. Printed: the pace, and how busy this process and the whole
//! machine were. It ends with 0 where the target was reached, with 1 where it was missed, and with 3 where it was missed
//! on a machine that had no processor time left, which says nothing of the network.
//!
//! ```sh
//! cargo bench --profile dev -p heirloom --bench mesh -- --nodes 50
//! cargo bench --profile dev -p heirloom --bench mesh -- --nodes 50 --attackers 200 --messages 60
//! ```
//!
//! `RUST_LOG=heirloom=info,libp2p_gossipsub=debug` says who is blamed for what.
//!
//! In a network namespace of its own (`ip netns`), the bytes on its loopback are all of these nodes; elsewhere, others' too.
#![allow(clippy::print_stdout, reason = "its figures are what a benchmark is for")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "arguments and counts of a bench are small"
)]

#[path = "../tests/outsider/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod outsider;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use heirloom::p2p::{self, Multiaddr, P2p, PeerId, params};
use heirloom_core::command::Command;
use heirloom_core::io::{Admission, Input, MessageId, Now, Output, RequestId};
use heirloom_core::{AnyService, Config, MemoryStore, TrustSettings};
use heirloom_proto::body::{Opinion, Verdict};
use heirloom_proto::{Body, Infohash, Kind, SecretKey, Sha256, Timestamp, statement};
use outsider::{Manners, Order, Outsider, Seen, not_canonical, oversized, signed, wrongly_signed};
use tokio::sync::mpsc;

/// The topic of verdicts: what is said here.
const TOPIC: &str = "/heirloom/1/verdict/0";
/// Earlier nodes that each one dials.
const DIALS: usize = 6;
/// Honest nodes that each attacker dials.
const VICTIMS: usize = 4;
/// Heartbeats for meshes to form after everybody has met.
const SETTLE: Duration = Duration::from_secs(8);
/// When nodes that have not met will not: a hundred starts take a minute of two busy processors.
const MEET_WITHIN: Duration = Duration::from_secs(180);
/// When a message that has not arrived is lost: longer than any retry of gossip.
const LOST_AFTER: Duration = Duration::from_secs(20);
/// An attacker that lost a connection tries again after this.
const REDIAL: Duration = Duration::from_secs(5);
/// Messages that all nodes and attackers together take in, each counted once a node, in a second, for each processor.
const HEARD_PER_S: f64 = 100.0;
/// Messages that reach honest nodes from attackers in a second, for each processor.
const JUNK_PER_S: f64 = 300.0;
/// The fastest pace that is chosen, for few nodes: what a speaker says stays far below its rate.
const PACE_MAX: f64 = 5.0;
/// A machine whose processors are busy for this share of the time, with whatever it be, lets nodes wait.
const SATURATED: f64 = 0.9;
/// The exit code of a run that says nothing.
const SAYS_NOTHING: u8 = 3;
/// What attackers send, by turns.
const JUNK: [&str; 4] = ["wrong signature", "not canonical", "too long", "unknown keys"];

fn argument(name: &str, default: f64) -> Result<f64> {
    let mut given = std::env::args().skip_while(|argument| argument != name).skip(1);
    given.next().map_or(Ok(default), |value| value.parse()).with_context(|| format!("{name} wants a number"))
}

/// Messages a second by all honest nodes, and by each attacker, that so many processors carry.
fn pace(nodes: usize, attackers: usize, processors: usize) -> (f64, f64) {
    let (nodes, attackers, processors) = (nodes as f64, attackers as f64, processors as f64);
    // Attackers listen too.
    let rate = HEARD_PER_S * processors / (nodes + attackers);
    let junk = JUNK_PER_S * processors / (attackers.max(1.0) * VICTIMS as f64);
    (rate.min(PACE_MAX), junk.min(PACE_MAX))
}

fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn release(text: &str) -> Infohash {
    let mut hash = [0; 20];
    hash.copy_from_slice(&Sha256::of(text.as_bytes()).0[..20]);
    Infohash(hash)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A message on its way: when it was sent, and who has admitted it when.
struct Travelling {
    sent: Instant,
    arrived: BTreeMap<usize, Duration>,
}

/// What all nodes share.
#[derive(Default)]
struct Watch {
    travelling: Mutex<HashMap<[u8; 32], Travelling>>,
    /// Copies of watched messages that reached a node, before its duplicate cache.
    copies: AtomicU64,
    /// Bytes of all messages that reached a node.
    bytes: AtomicU64,
    /// Messages that are cut off: by what the attacker sends, messages until a connection was lost.
    cut_off: Mutex<BTreeMap<&'static str, Vec<u64>>>,
}

/// An honest node.
struct Honest {
    number: usize,
    core: AnyService,
    p2p: Arc<P2p>,
    watch: Arc<Watch>,
    messages: BTreeMap<MessageId, (p2p::MessageRef, PeerId)>,
    last: u64,
    started: Instant,
}

impl Honest {
    async fn start(
        number: usize,
        peers: Vec<Multiaddr>,
        watch: &Arc<Watch>,
        folder: &std::path::Path,
    ) -> Result<(Self, mpsc::Receiver<p2p::Event>)> {
        let seen = Arc::clone(watch);
        let structural = move |topic: &str, bytes: &[u8]| {
            seen.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            if locked(&seen.travelling).contains_key(&Sha256::of(bytes).0) {
                seen.copies.fetch_add(1, Ordering::Relaxed);
            }
            match statement::check_structure(bytes) {
                Ok(kind) => topic == format!("/heirloom/1/{}/0", kind.name()),
                Err(error) => !error.blames_relayer(),
            }
        };
        let listen = format!("/ip4/127.1.{}.{}/tcp/0", number / 250, number % 250 + 1);
        let config = p2p::Config {
            listen: vec![listen.parse()?],
            peers,
            mdns: false,
            proxy: None,
            peers_file: None,
            own_ground: true,
            nat: Some(p2p::Nat::Private),
            key_file: folder.join(format!("{number}.key")),
            topics: Kind::ALL
                .into_iter()
                .filter(|kind| *kind != Kind::Receipt)
                .map(|kind| format!("/heirloom/1/{}/0", kind.name()))
                .collect(),
            max_message_bytes: params::MESSAGE_BYTES_MAX,
            // All nodes share one process.
            memory_bytes_max: usize::MAX,
            structural: Arc::new(structural),
        };
        let (p2p, events) = P2p::start(config).await?;
        let config = Config {
            secret: SecretKey::from_seed(&Sha256::of(format!("node {number}").as_bytes()).0),
            next_key_hash: Sha256([1; 32]),
            generation: 0,
            seed: Sha256::of(format!("chance {number}").as_bytes()).0,
            trust: TrustSettings::default(),
            budgets: heirloom_core::Budgets::default(),
        };
        let core = AnyService::open(config, Box::new(MemoryStore::default()))?;
        let mut node = Self {
            number,
            core,
            p2p: Arc::new(p2p),
            watch: Arc::clone(watch),
            messages: BTreeMap::new(),
            last: 0,
            started: Instant::now(),
        };
        node.core.handle(node.now(), Input::Started { dht: false, torrents: false });
        node.carry_out().await?;
        Ok((node, events))
    }

    fn now(&self) -> Now {
        Now { mono: self.started.elapsed(), wall: wall() }
    }

    /// Commits, then does what is to be done.
    async fn carry_out(&mut self) -> Result<()> {
        self.core.commit()?;
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Publish { kind, bytes } => {
                    let id = Sha256::of(&bytes).0;
                    if kind == Kind::Verdict.name() {
                        let travelling = Travelling { sent: Instant::now(), arrived: BTreeMap::new() };
                        locked(&self.watch.travelling).insert(id, travelling);
                    }
                    self.p2p.send(p2p::Command::Publish { topic: format!("/heirloom/1/{kind}/0"), bytes }).await?;
                }
                Output::Admission { message, admission } => {
                    let Some((message, peer)) = self.messages.remove(&message) else { continue };
                    let admission = match admission {
                        Admission::Accept => p2p::Admission::Accept,
                        Admission::Ignore => p2p::Admission::Ignore,
                        Admission::Reject => p2p::Admission::Reject,
                    };
                    if admission == p2p::Admission::Accept
                        && let Some(travelling) = locked(&self.watch.travelling).get_mut(&message.0)
                    {
                        travelling.arrived.entry(self.number).or_insert(travelling.sent.elapsed());
                    }
                    self.p2p.send(p2p::Command::Verdict { message, peer, admission }).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, event: p2p::Event) {
        if let p2p::Event::Gossip { message, peer, bytes, .. } = event {
            self.last += 1;
            self.messages.insert(MessageId(self.last), (message, peer));
            self.core.handle(self.now(), Input::Gossip { message: MessageId(self.last), from: None, bytes });
        }
    }

    /// Runs until nobody wants it to say anything any more.
    async fn run(mut self, mut events: mpsc::Receiver<p2p::Event>, mut words: mpsc::Receiver<String>) -> Result<()> {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                event = events.recv() => {
                    self.take(event.context("the adapter ended")?);
                    while let Ok(event) = events.try_recv() {
                        self.take(event);
                    }
                }
                word = words.recv() => {
                    let Some(word) = word else { return Ok(()) };
                    self.last += 1;
                    let command = Command::Verdict {
                        infohash: release(&word), opinion: Opinion::Good, note: String::new(), private: false,
                    };
                    self.core.handle(self.now(), Input::Command { request: RequestId(self.last), command: Box::new(command) });
                }
                _ = tick.tick() => self.core.handle(self.now(), Input::Wake),
            }
            self.carry_out().await?;
        }
    }
}

/// The peer that an address names.
fn id_of(address: &Multiaddr) -> Option<PeerId> {
    address.iter().find_map(|part| match part {
        libp2p::multiaddr::Protocol::P2p(peer) => Some(peer),
        _ => None,
    })
}

/// An attacker at work: says junk, counts what it could say until each connection is lost, and dials again.
async fn attack(number: usize, victims: Vec<Multiaddr>, per_s: f64, watch: Arc<Watch>) {
    let what = JUNK[number % JUNK.len()];
    let topics: Vec<String> = vec![TOPIC.into()];
    let manners = Manners { topics, ..Manners::of_ours(&[]) };
    let mut outsider = Outsider::start(manners, &victims);
    let mut said: BTreeMap<PeerId, u64> = BTreeMap::new();
    let mut connected: BTreeSet<PeerId> = BTreeSet::new();
    let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / per_s));
    let mut redial = tokio::time::interval(REDIAL);
    for count in 1_u64.. {
        tokio::select! {
            _ = pace.tick() => {
                let secret = SecretKey::from_seed(&Sha256::of(format!("{number} {count}").as_bytes()).0);
                let opinion = Verdict { infohash: release(&format!("{number} {count}")), opinion: Opinion::Good, note: String::new() };
                let envelope = signed(&secret, 1, wall(), &Body::Verdict(opinion));
                let bytes = match what {
                    "wrong signature" => wrongly_signed(envelope),
                    "not canonical" => not_canonical(envelope),
                    "too long" => oversized(envelope),
                    _ => envelope,
                };
                if outsider.orders.try_send(Order::Say { topic: TOPIC.into(), bytes }).is_ok() {
                    said.values_mut().for_each(|count| *count += 1);
                }
            }
            seen = outsider.seen.recv() => match seen {
                Some(Seen::Listens(peer, topic)) if topic == TOPIC => drop(said.entry(peer).or_insert(0)),
                Some(Seen::Up(peer)) => drop(connected.insert(peer)),
                Some(Seen::Down(peer)) => {
                    connected.remove(&peer);
                    if let Some(count) = said.remove(&peer) {
                        locked(&watch.cut_off).entry(what).or_default().push(count);
                    }
                }
                None => return,
                _ => {}
            },
            _ = redial.tick() => {
                let is_lost = |victim: &&Multiaddr| id_of(victim).is_none_or(|peer| !connected.contains(&peer));
                for victim in victims.iter().filter(is_lost) {
                    let _ = outsider.orders.try_send(Order::Dial(victim.clone()));
                }
            }
        }
    }
}

/// Bytes received on loopback so far, by everybody in this network namespace.
fn loopback_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("lo:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Processor time of this process in seconds (Linux; hundredths are its unit there).
fn cpu_s() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let of = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (of(11) + of(12)) / 100.0
}

/// Time that the machine's processors had nothing to do, and all of their time, in any unit (Linux).
fn idle_of_all() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let times: Vec<f64> = fields.take(8).filter_map(|field| field.parse().ok()).collect();
    // Idle, and waiting for a disk.
    (times.iter().skip(3).take(2).sum(), times.iter().sum())
}

/// The share of their time for which they had something to do since [`idle_of_all`] was asked.
fn busy_since((idle_before, all_before): (f64, f64)) -> f64 {
    let (idle, all) = idle_of_all();
    1.0 - (idle - idle_before) / (all - all_before).max(1.0)
}

fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

/// The earlier nodes that a node dials: [`DIALS`] of them, drawn by chance, the same in every run. Were they the same for all
/// nodes, these few would have no place left for the last ones ([`params::INBOUND_MAX`]).
fn drawn(number: usize) -> Vec<usize> {
    let mut ranked: Vec<usize> = (0..number).collect();
    ranked.sort_by_key(|earlier| Sha256::of(format!("{number} dials {earlier}").as_bytes()));
    ranked.truncate(DIALS);
    ranked
}

/// Waits until all honest nodes are connected with some others. How many are not.
async fn wait_until_met(nodes: &[Arc<P2p>]) -> usize {
    let wanted = DIALS.min(nodes.len() - 1);
    // Events of subscriptions may be dropped while a node is busy; its peers are counted all the same.
    let lonely = || nodes.iter().filter(|node| node.peers() < wanted).count();
    let deadline = Instant::now() + MEET_WITHIN;
    while lonely() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    lonely()
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let nodes = argument("--nodes", 50.0)? as usize;
    let attackers = argument("--attackers", 0.0)? as usize;
    let messages = argument("--messages", 100.0)? as usize;
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (rate, junk) = pace(nodes, attackers, processors);
    let (rate, junk) = (argument("--rate", rate)?, argument("--junk", junk)?);
    ensure!(nodes > 1 && messages > 0 && rate > 0.0 && junk > 0.0, "at least two nodes, one message and some rate");
    let idle_at_start = idle_of_all();
    let folder = tempfile::tempdir()?;
    let watch = Arc::new(Watch::default());
    let mut addresses: Vec<Multiaddr> = Vec::new();
    let mut speakers = Vec::new();
    let mut handles = Vec::new();
    for number in 0..nodes {
        let peers = drawn(number).into_iter().map(|earlier| addresses[earlier].clone());
        let peers: BTreeSet<Multiaddr> = peers.chain(addresses.last().cloned()).collect();
        let (node, events) = Honest::start(number, peers.into_iter().collect(), &watch, folder.path()).await?;
        addresses.push(node.p2p.listen_addrs().first().context("listening")?.clone());
        handles.push(Arc::clone(&node.p2p));
        let (speaker, words) = mpsc::channel(16);
        speakers.push(speaker);
        tokio::spawn(async move {
            if let Err(error) = node.run(events, words).await {
                println!("node {number} ended: {error:#}");
            }
        });
    }
    let least = if attackers == 0 { 1.0 } else { 0.999 };
    let lonely = wait_until_met(&handles).await;
    if lonely > 0 {
        println!("{lonely} of {nodes} nodes have not met enough others within {} s", MEET_WITHIN.as_secs());
        return Ok(verdict(0.0, least, busy_since(idle_at_start)));
    }
    println!("{nodes} nodes have met; load of this machine {}", load());
    tokio::time::sleep(SETTLE).await;
    let attacks: Vec<_> = (0..attackers)
        .map(|number| {
            let victims = (0..VICTIMS.min(nodes)).map(|victim| addresses[(number + victim * 7) % nodes].clone());
            tokio::spawn(attack(number, victims.collect(), junk, Arc::clone(&watch)))
        })
        .collect();
    let (began, bytes_before, lo_before, cpu_before, idle_before) =
        (Instant::now(), watch.bytes.load(Ordering::Relaxed), loopback_bytes(), cpu_s(), idle_of_all());
    let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    for number in 0..messages {
        pace.tick().await;
        speakers[number * 7 % nodes].send(format!("message {number}")).await?;
    }
    let wanted = messages * (nodes - 1);
    let deadline = Instant::now() + LOST_AFTER;
    let arrived = || locked(&watch.travelling).values().map(|message| message.arrived.len()).sum::<usize>();
    while arrived() < wanted && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let took = began.elapsed().as_secs_f64();
    let (payload, lo, cpu) =
        (watch.bytes.load(Ordering::Relaxed) - bytes_before, loopback_bytes() - lo_before, cpu_s() - cpu_before);
    let busy = busy_since(idle_before);
    attacks.iter().for_each(tokio::task::JoinHandle::abort);

    let arrived = arrived();
    let delivery = arrived as f64 / wanted as f64;
    let mut latencies: Vec<Duration> =
        locked(&watch.travelling).values().flat_map(|message| message.arrived.values().copied()).collect();
    latencies.sort();
    let millis = |share: f64| percentile(&latencies, share).as_secs_f64() * 1000.0;
    println!(
        "{nodes} honest nodes, {attackers} attackers; {messages} messages at {rate:.2}/s, junk of each at {junk:.2}/s"
    );
    println!("delivery            {:.3} % ({arrived} of {wanted})", delivery * 100.0);
    let copies = watch.copies.load(Ordering::Relaxed) as f64 / wanted as f64;
    println!("copies a node gets  {copies:.2} of each message");
    println!("latency             p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms", millis(0.5), millis(0.99), millis(1.0));
    let per_node = |bytes: u64| bytes as f64 / nodes as f64 / took / 1000.0;
    println!(
        "envelopes received  {:.2} kB/s a node; loopback in all {:.2} kB/s a node",
        per_node(payload),
        per_node(lo)
    );
    println!(
        "processor           {:.0} % of one by this process in {took:.0} s; {processors} of this machine {:.0} % busy, load {}",
        cpu / took * 100.0,
        busy * 100.0,
        load()
    );
    let rss = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", rss.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default());
    let sum = |pick: fn(&p2p::Counters) -> u64| handles.iter().map(|p2p| pick(&p2p.counters())).sum::<u64>();
    println!(
        "counters            rejected {}, malformed {}, rate_limited {}, dropped {}, graylisted {}, floods {}, mute {}, strangers {}, refused {}, slow_peers {}, queues_full {}, verdicts_late {}",
        sum(|c| c.rejected),
        sum(|c| c.malformed),
        sum(|c| c.rate_limited),
        sum(|c| c.dropped),
        sum(|c| c.graylisted),
        sum(|c| c.floods),
        sum(|c| c.mute),
        sum(|c| c.strangers),
        sum(|c| c.refused),
        sum(|c| c.slow_peers),
        sum(|c| c.queues_full),
        sum(|c| c.verdicts_late),
    );
    let connections = handles.iter().map(|p2p| p2p.peers()).sum::<usize>() as f64 / nodes as f64;
    println!("connections         {connections:.1} a node at the end");
    for (what, mut counts) in std::mem::take(&mut *locked(&watch.cut_off)) {
        counts.sort_unstable();
        let of = |share: f64| counts[((counts.len() as f64 * share) as usize).min(counts.len() - 1)];
        println!(
            "cut off             {what}: {} connections, after p10 {} p50 {} p90 {} max {} messages",
            counts.len(),
            of(0.1),
            of(0.5),
            of(0.9),
            of(1.0)
        );
    }
    Ok(verdict(delivery, least, busy))
}

/// Says whether the target was reached, and whether that says anything.
fn verdict(delivery: f64, least: f64, busy: f64) -> ExitCode {
    let is_saturated = busy >= SATURATED;
    if is_saturated {
        println!(
            "WARNING: the processors were {:.0} % busy, so latency, and what was not delivered, say nothing of the network. \
             Try again on a machine that is idle, or with a lower --rate and --junk.",
            busy * 100.0
        );
    }
    if delivery >= least {
        println!("target              reached: {:.1} % or more", least * 100.0);
        return ExitCode::SUCCESS;
    }
    println!("target              missed: {:.3} % is less than {:.1} %", delivery * 100.0, least * 100.0);
    if is_saturated { ExitCode::from(SAYS_NOTHING) } else { ExitCode::FAILURE }
}
