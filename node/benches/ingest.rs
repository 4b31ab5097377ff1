//! What taking statements in costs beside checking their signatures, which nothing can avoid.
//!
//! Envelopes made beforehand go through the core into RocksDB, in the batches in which imports, gossip and sync bring them,
//! with a commit after each, as the driver does. Between the batches, on the same envelopes, runs the bare check:
//! `verify_strict` of ed25519-dalek over the bytes that were signed, with keys that are unpacked already. So a neighbour
//! that comes or goes burdens both. Every round begins with an empty store. Both are timed by the time for which their
//! thread had a processor; a row shows the medians of its rounds.
//!
//! Checked: everything was taken in. Never asserted: a time. The target, at least 0.80 of the bare rate, is for whoever
//! reads the figures.
//!
//! ```sh
//! cargo bench --profile dev -p heirloom --bench ingest                 # 5 rounds
//! cargo bench --profile dev -p heirloom --bench ingest -- 9            # 9 rounds
//! cargo bench --profile dev -p heirloom --bench ingest -- 9 sync       # of the rows with "sync" in their name
//! ```
//!
//! Files go to the system's temporary folder; `TMPDIR` names another.
#![allow(clippy::print_stdout, reason = "its figures are what a benchmark is for")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use ed25519_dalek::{Signature, VerifyingKey};
use heirloom::store::RocksStore;
use heirloom_core::command::{Command, IMPORT_BYTES_MAX};
use heirloom_core::io::{Admission, ExchangeId, Input, MessageId, Now, Output, Peer, RequestId, SyncEvent, SyncOrder};
use heirloom_core::{AnyService, Config, MemoryStore, Reply, Store, TrustSettings};
use heirloom_proto::body::{Attestation, Level, Listing, Opinion, Scope, Verdict};
use heirloom_proto::{Body, Header, Infohash, Key, SecretKey, Sha256, Statement, Timestamp};

/// Rounds without an argument: enough that a median ignores two that a neighbour spoilt.
const ROUNDS_DEFAULT: usize = 5;
/// The least that ingest should reach of the bare rate.
const RATIO_TARGET: f64 = 0.80;
/// Inputs between two commits, as in the driver.
const BATCH: usize = 256;
/// Statements of one followed curator.
const LOG: usize = 10_000;
/// Keys that the curator vouches for, and what each says.
const RATED: (usize, usize) = (100, 100);
/// Keys that nobody knows, and what each says: they fit the strangers' pool.
const STRANGERS: (usize, usize) = (500, 20);
/// Statements that a curator's own core signs, to be pulled by sync.
const PULLED: usize = 4000;

fn secret(name: &str) -> SecretKey {
    SecretKey::from_seed(&Sha256::of(name.as_bytes()).0)
}

fn config(name: &str) -> Config {
    Config {
        secret: secret(name),
        next_key_hash: Sha256([1; 32]),
        generation: 0,
        seed: [2; 32],
        trust: TrustSettings::default(),
        budgets: heirloom_core::Budgets::default(),
    }
}

/// Clocks that the bench moves by hand: only the work counts.
#[derive(Clone, Copy)]
struct Clock {
    mono: Duration,
    start: Timestamp,
}

impl Clock {
    fn new() -> Result<Self> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        Ok(Self { mono: Duration::ZERO, start: Timestamp(u64::try_from(wall)?) })
    }

    fn now(self) -> Now {
        Now { mono: self.mono, wall: self.start.plus(self.mono) }
    }
}

/// Somebody's statements, signed by hand.
fn says(secret: &SecretKey, seq: u64, created: Timestamp, body: &Body) -> Result<Vec<u8>> {
    let expires = Some(Timestamp(created.0 + body.kind().limits().lifetime_ms_default));
    let header = Header { generation: 0, seq, created, expires };
    Ok(Statement::sign(secret, &header, body)?.bytes().to_vec())
}

fn hash20(text: &str) -> Infohash {
    let mut hash = [0; 20];
    hash.copy_from_slice(&Sha256::of(text.as_bytes()).0[..20]);
    Infohash(hash)
}

fn listing(name: &str, number: usize) -> Result<Body> {
    Ok(Body::Listing(Listing {
        info_sha256: Some(Sha256::of(format!("{name} {number}").as_bytes())),
        size: 4_000_000_000,
        resolution: "1080p".into(),
        licence: "CC-BY-4.0".into(),
        languages: vec!["en".into()],
        ..Listing::new(
            format!("imdb:tt{:07}", 1_000_000 + number).parse().context("a work id")?,
            hash20(&format!("{name} {number}")),
            format!("A.Film.Of.Its.Time.{number}.1080p"),
        )
    }))
}

fn verdict(name: &str, number: usize) -> Body {
    let infohash = hash20(&format!("{name} {number}"));
    Body::Verdict(Verdict { infohash, opinion: Opinion::Good, note: String::new() })
}

/// What comes in, and who is followed before.
struct Load {
    name: &'static str,
    follows: Vec<Key>,
    /// Taken in before the clock runs.
    before: Vec<Vec<u8>>,
    envelopes: Vec<Vec<u8>>,
}

fn loads(created: Timestamp) -> Result<Vec<Load>> {
    let curator = secret("curator");
    let log = (0..LOG).map(|n| says(&curator, n as u64 + 1, created, &listing("curator", n)?));
    let crowd = |name: &'static str, (keys, each): (usize, usize)| {
        let keys: Vec<SecretKey> = (0..keys).map(|key| secret(&format!("{name} {key}"))).collect();
        // In the order in which a mixed log would have them: neighbours are by different keys.
        let envelopes: Result<Vec<Vec<u8>>> = (0..each)
            .flat_map(|n| keys.iter().enumerate().map(move |(at, key)| (n, at, key)))
            .map(|(n, at, key)| says(key, n as u64 + 1, created, &verdict(name, at * each + n)))
            .collect();
        envelopes.map(|envelopes| (keys, envelopes))
    };
    let (rated, by_rated) = crowd("rated", RATED)?;
    let (_, by_strangers) = crowd("stranger", STRANGERS)?;
    let vouched = rated.iter().enumerate().map(|(n, key)| {
        let subject = key.public();
        let body = Attestation {
            subject,
            scope: Scope::All,
            level: Level::new(75).context("a level")?,
            reason: String::new(),
        };
        says(&curator, n as u64 + 1, created, &Body::Attestation(body))
    });
    let follows = vec![curator.public()];
    Ok(vec![
        Load {
            name: "a followed curator",
            follows: follows.clone(),
            before: Vec::new(),
            envelopes: log.collect::<Result<_>>()?,
        },
        Load { name: "rated keys", follows, before: vouched.collect::<Result<_>>()?, envelopes: by_rated },
        Load { name: "strangers", follows: Vec::new(), before: Vec::new(), envelopes: by_strangers },
    ])
}

/// A core over a store, as the program has it, with a clock of its own.
struct Core {
    service: AnyService,
    clock: Clock,
    requests: u64,
}

impl Core {
    fn open(name: &str, store: impl Store + Send + 'static, clock: Clock) -> Result<Self> {
        let mut core = Self { service: AnyService::open(config(name), Box::new(store))?, clock, requests: 0 };
        core.feed(Input::Started { dht: false, torrents: false })?;
        Ok(core)
    }

    fn feed(&mut self, input: Input) -> Result<Vec<Output>> {
        self.service.handle(self.clock.now(), input);
        self.commit()
    }

    fn commit(&mut self) -> Result<Vec<Output>> {
        self.service.commit()?;
        Ok(std::iter::from_fn(|| self.service.poll_output()).collect())
    }

    fn ask(&mut self, command: Command) -> Result<Reply> {
        self.requests += 1;
        let request = RequestId(self.requests);
        let outputs = self.feed(Input::Command { request, command: Box::new(command) })?;
        let reply = outputs.into_iter().find_map(|output| match output {
            Output::Reply { request: to, result } if to == request => Some(result),
            _ => None,
        });
        Ok(*reply.context("no reply")??)
    }

    fn follow(&mut self, key: Key) -> Result<()> {
        let level = Level::new(100).context("a level")?;
        self.ask(Command::Follow { key, level, scope: Scope::All, alias: String::new(), preview: false })?;
        Ok(())
    }

    fn import(&mut self, envelopes: Vec<Vec<u8>>) -> Result<u64> {
        match self.ask(Command::Import { envelopes })? {
            Reply::Imported(done) => Ok(done.imported),
            other => anyhow::bail!("{other:?}"),
        }
    }

    fn count(&mut self, counter: &str) -> Result<u64> {
        match self.ask(Command::Status)? {
            Reply::Status(status) => Ok(status.counters.get(counter).copied().unwrap_or(0)),
            other => anyhow::bail!("{other:?}"),
        }
    }
}

/// Time for which this thread had a processor, so that what else runs on the machine is not counted. By the clock of the
/// thread: the numbers of `/proc` are as old as the last tick of the kernel, some milliseconds, and so is a batch.
///
/// RocksDB writes files out on threads of its own, which is not counted either: while a core checks, another one may write.
struct Stopwatch(Duration);

impl Stopwatch {
    fn now() -> Result<Duration> {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Ok(Duration::new(u64::try_from(time.tv_sec)?, u32::try_from(time.tv_nsec)?))
    }

    fn start() -> Result<Self> {
        Ok(Self(Self::now()?))
    }

    fn elapsed(&self) -> Result<Duration> {
        Ok(Self::now()?.saturating_sub(self.0))
    }
}

/// A store on disk that goes with its folder.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    fn open(&self) -> Result<RocksStore> {
        Ok(RocksStore::open(&self.0.path().join("store"), &self.0.path().join("store-version"))?)
    }
}

/// Batches as an import sends them.
fn import_batches(envelopes: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let mut batches = vec![Vec::new()];
    let mut bytes = 0;
    for envelope in envelopes {
        bytes += envelope.len();
        if bytes > IMPORT_BYTES_MAX {
            batches.push(Vec::new());
            bytes = envelope.len();
        }
        if let Some(batch) = batches.last_mut() {
            batch.push(envelope.clone());
        }
    }
    batches
}

/// Imports a load.
fn imported(load: &Load, meter: &mut Meter) -> Result<()> {
    let disk = Disk::new()?;
    let mut core = prepared(load, disk.open()?)?;
    let mut done = 0;
    for batch in import_batches(&load.envelopes) {
        let many = batch.len();
        done += meter.work(|| core.import(batch))?;
        meter.check(many)?;
    }
    ensure!(done == load.envelopes.len() as u64, "{}: {done} of {} were imported", load.name, load.envelopes.len());
    Ok(())
}

fn prepared(load: &Load, store: RocksStore) -> Result<Core> {
    let mut core = Core::open("reader", store, Clock::new()?)?;
    for key in &load.follows {
        core.follow(*key)?;
    }
    if !load.before.is_empty() {
        core.import(load.before.clone())?;
        // Scores are computed when somebody looks; who is vouched for is rated from then on.
        core.ask(Command::Trust { scope: Scope::Catalogue, limit: 10 })?;
    }
    Ok(core)
}

/// What of a load may be pushed: the rest is over the rate of its author.
fn pushed(load: &Load) -> Result<&[Vec<u8>]> {
    let burst = usize::try_from(heirloom_proto::Kind::Listing.limits().pushed_burst)?;
    let is_crowd = load.name != "a followed curator";
    Ok(&load.envelopes[..if is_crowd { load.envelopes.len() } else { burst.min(load.envelopes.len()) }])
}

/// Hears a load by gossip.
fn heard(load: &Load, meter: &mut Meter) -> Result<()> {
    let disk = Disk::new()?;
    let mut core = prepared(load, disk.open()?)?;
    let pushed = pushed(load)?;
    let mut accepted = 0;
    for chunk in pushed.chunks(BATCH) {
        let inputs: Vec<Input> = chunk
            .iter()
            .map(|bytes| Input::Gossip { message: MessageId(1), from: None, bytes: bytes.clone() })
            .collect();
        let outputs = meter.work(|| {
            for input in inputs {
                core.service.handle(core.clock.now(), input);
            }
            core.commit()
        })?;
        let is_accepted = |output: &&Output| matches!(output, Output::Admission { admission: Admission::Accept, .. });
        accepted += outputs.iter().filter(is_accepted).count();
        meter.check(chunk.len())?;
    }
    ensure!(accepted == pushed.len(), "{}: {accepted} of {} were accepted", load.name, pushed.len());
    Ok(())
}

/// A curator's own core with a log to pull, and its envelopes.
fn curator() -> Result<(Core, Vec<Vec<u8>>)> {
    let mut core = Core::open("pulled", MemoryStore::default(), Clock::new()?)?;
    for number in 0..PULLED {
        let infohash = hash20(&format!("pulled {number}"));
        let command = Command::Verdict { infohash, opinion: Opinion::Good, note: String::new(), private: false };
        core.requests += 1;
        let input = Input::Command { request: RequestId(core.requests), command: Box::new(command) };
        core.service.handle(core.clock.now(), input);
    }
    // One commit for all: the store in memory copies itself whenever it is synced.
    core.commit()?;
    core.clock.mono += Duration::from_secs(10);
    core.feed(Input::Wake)?;
    let envelopes = match core.ask(Command::Export)? {
        Reply::Statements(all) => all.into_iter().map(|own| own.bytes).collect(),
        other => anyhow::bail!("{other:?}"),
    };
    Ok((core, envelopes))
}

/// Pulls a log: frames go to and fro at once, and virtual time passes where a pace makes it wait. Only the asker is timed.
fn pulled(host: &mut Core, author: Key, meter: &mut Meter) -> Result<()> {
    let disk = Disk::new()?;
    let mut asker = Core::open("asker", disk.open()?, host.clock)?;
    asker.follow(author)?;
    host.feed(Input::PeerUp(Peer(2)))?;
    let mut to_ask = asker.feed(Input::PeerUp(Peer(1)))?;
    for exchange in 0..100_000 {
        let ask = to_ask.iter().find_map(|output| match output {
            Output::SyncFrame(SyncOrder::Ask { order, bytes, .. }) => Some((*order, bytes.clone())),
            _ => None,
        });
        let input = match ask {
            Some((order, bytes)) => {
                let asked = SyncEvent::Asked { peer: Peer(2), exchange: ExchangeId(exchange), bytes };
                let answer = host.feed(Input::SyncFrame(asked))?.into_iter().find_map(|output| match output {
                    Output::SyncFrame(SyncOrder::Answer { bytes, .. }) => Some(bytes),
                    _ => None,
                });
                let bytes = answer.context("the host does not answer")?;
                Input::SyncFrame(SyncEvent::Answered { order, bytes })
            }
            None if asker.count("sync_pulled")? >= PULLED as u64 => break,
            None => {
                let next = asker.service.next_wakeup().context("nothing is due")?;
                let passed = next.saturating_sub(asker.clock.mono).max(Duration::from_millis(1));
                asker.clock.mono += passed;
                host.clock.mono += passed;
                Input::Wake
            }
        };
        to_ask = meter.work(|| asker.feed(input))?;
        let accepted = asker.count("accepted")?;
        meter.check(usize::try_from(accepted)? - meter.checked)?;
    }
    host.feed(Input::PeerDown(Peer(2)))?;
    let accepted = asker.count("accepted")?;
    ensure!(accepted >= PULLED as u64, "{accepted} of {PULLED} were pulled");
    Ok(())
}

/// An envelope taken apart for the bare check.
struct Signed {
    key: VerifyingKey,
    message: Vec<u8>,
    signature: Signature,
}

/// By the description in `proto/README.md`: author, kind, body, signature, each behind its tag.
fn take_apart(envelope: &[u8]) -> Result<Signed> {
    let (author, rest) = envelope[2..].split_at(32);
    let (kind, rest) = (rest[1], &rest[3..]);
    let len_bytes = rest.iter().position(|byte| byte & 0x80 == 0).context("a length")? + 1;
    let body = &rest[len_bytes..rest.len() - 66];
    let mut message = vec![0];
    message.extend(b"heirloom/1");
    message.extend(u32::from(kind).to_be_bytes());
    message.extend(u32::try_from(body.len())?.to_be_bytes());
    message.extend(body);
    let signature = Signature::from_bytes(envelope[envelope.len() - 64..].try_into()?);
    Ok(Signed { key: VerifyingKey::from_bytes(author.try_into()?)?, message, signature })
}

/// Work and the bare check side by side.
struct Meter<'a> {
    signed: &'a [Signed],
    worked: Duration,
    bare: Duration,
    checked: usize,
}

impl<'a> Meter<'a> {
    fn new(signed: &'a [Signed]) -> Self {
        Self { signed, worked: Duration::ZERO, bare: Duration::ZERO, checked: 0 }
    }

    fn work<T>(&mut self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Stopwatch::start()?;
        let done = work()?;
        self.worked += begun.elapsed()?;
        Ok(done)
    }

    /// The bare check of so many more, from the first again when all were checked.
    fn check(&mut self, many: usize) -> Result<()> {
        let begun = Stopwatch::start()?;
        for one in self.signed.iter().cycle().skip(self.checked % self.signed.len()).take(many) {
            one.key.verify_strict(&one.message, &one.signature)?;
        }
        self.bare += begun.elapsed()?;
        self.checked += many;
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs the rounds of one row and prints their medians.
fn row(name: &str, rounds: usize, envelopes: &[Vec<u8>], mut ours: impl FnMut(&mut Meter) -> Result<()>) -> Result<()> {
    let signed: Vec<Signed> = envelopes.iter().map(|envelope| take_apart(envelope)).collect::<Result<_>>()?;
    let (mut per_one, mut bares, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let mut meter = Meter::new(&signed);
        ours(&mut meter)?;
        // Round 0 warms up and is not counted.
        if round > 0 {
            per_one.push(meter.worked.as_secs_f64() * 1e6 / meter.checked as f64);
            bares.push(meter.bare.as_secs_f64() * 1e6 / meter.checked as f64);
            ratios.push(meter.bare.as_secs_f64() / meter.worked.as_secs_f64());
        }
    }
    let (ours, bare, ratio) = (median(per_one), median(bares), median(ratios));
    println!("{name:<34} {:>9.0} {ours:>9.1} {:>9.0} {bare:>9.1} {ratio:>7.3}", 1e6 / ours, 1e6 / bare);
    Ok(())
}

fn main() -> Result<()> {
    let mut given = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let rounds = given.next().map_or(Ok(ROUNDS_DEFAULT), |rounds| rounds.parse());
    let rounds: usize = rounds.context("usage: ingest [ROUNDS [PART OF A ROW'S NAME]]")?;
    ensure!(rounds > 0, "usage: ingest [ROUNDS [PART OF A ROW'S NAME]], at least 1 round");
    let wanted = given.next().unwrap_or_default();
    let is_wanted = |name: &str| name.contains(&wanted);
    let created = Clock::new()?.start;
    println!("{:<34} {:>9} {:>9} {:>9} {:>9} {:>7}", "", "ingest/s", "µs", "bare/s", "µs", "ratio");
    for load in loads(created)? {
        let by_import = format!("{}, by import", load.name);
        if is_wanted(&by_import) {
            row(&by_import, rounds, &load.envelopes, |meter| imported(&load, meter))?;
        }
        let by_gossip = format!("{}, by gossip", load.name);
        if is_wanted(&by_gossip) {
            row(&by_gossip, rounds, pushed(&load)?, |meter| heard(&load, meter))?;
        }
    }
    let by_sync = "a followed curator, by sync";
    if is_wanted(by_sync) {
        let (mut host, envelopes) = curator()?;
        let author = host.service.key();
        row(by_sync, rounds, &envelopes, |meter| pulled(&mut host, author, meter))?;
    }
    println!("target: a ratio of at least {RATIO_TARGET}");
    Ok(())
}
