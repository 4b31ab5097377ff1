//! What counting costs: one torrent downloaded through heirloom's engine and through the bare library, in turns.
//!
//! Both fetch the same torrent from the same seeder (the bare library, in this process) over loopback, into a fresh
//! folder on the same disk. They take turns, and who goes first changes every round, so that a disk or a neighbour that
//! gets slower burdens both. The clock runs from adding the torrent until all of it is checked (and, here, booked);
//! starting, stopping and comparing are outside of it. The bookings are drained all the while, as the driver does.
//!
//! Checked: the bytes are the seeder's, and the bookings sum to the size. Never asserted: a time. The target,
//! a throughput of at least 0.98 of the bare library's, is for whoever reads the figures, on a machine with nothing else
//! to do: with seeder and downloader in one process, any other load moves single rounds by far more than 2 %.
//!
//! ```sh
//! cargo bench --profile dev -p heirloom --bench download                # 256 MiB, 5 rounds
//! cargo bench --profile dev -p heirloom --bench download -- 1024 9      # 1 GiB, 9 rounds
//! ```
//!
//! The profile leaves our own code unoptimised and the library optimised, which may cost several per cent. With
//! `--config profile.dev.package.heirloom.opt-level=2` (minutes to compile, but no RocksDB) the code itself is compared.
//!
//! Files go to the system's temporary folder; `TMPDIR` names another, such as one in memory to take the disk out.
#![allow(clippy::print_stdout, reason = "its figures are what a benchmark is for")]

use std::convert::Infallible;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures::future::BoxFuture;
use heirloom::torrent::{
    Booking, Bookings, Config, Download, Engine, Infohash, Metainfo, PeerSource, TRACKER_INTERVAL, create,
};
use librqbit::{
    AddTorrent, AddTorrentOptions, ListenerOptions, ManagedTorrent, Session, SessionOptions, TorrentStatsState,
};

const MIB: u64 = 1 << 20;

/// Size of the download without an argument, MiB: seconds on loopback, so that starting and polling vanish in it.
const MIB_DEFAULT: u64 = 256;

/// Rounds without an argument: enough that a median ignores two that a neighbour spoilt.
const ROUNDS_DEFAULT: usize = 5;

/// The least that heirloom should reach of the bare library's throughput.
const RATIO_TARGET: f64 = 0.98;

/// How often a download is asked whether it is complete: the same for both, and nothing beside a second.
const POLL_PERIOD: Duration = Duration::from_millis(2);

/// When a download counts as stuck.
const DOWNLOAD_TIME_MAX: Duration = Duration::from_secs(600);

/// Where everybody listens; the port is any free one.
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (mib, rounds) = arguments()?;
    let folder = tempfile::tempdir()?;
    let content = folder.path().join("film.mkv");
    write_noise(&content, mib * MIB)?;
    let meta = create(&content, None).await?;
    let (seeder, seed) = seed(&meta, folder.path()).await?;
    let address = seeder.listen_addr().context("the seeder does not listen")?;
    let work = Work { meta, content, address };

    println!("{mib} MiB in pieces of {} KiB, {rounds} rounds, from {address}", work.meta.piece_bytes >> 10);
    println!("load of this machine before: {}", load());
    println!("{:>8}  {:>16}  {:>16}  {:>8}", "round", "heirloom MiB/s", "bare MiB/s", "ratio");
    let (mut heirloom, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    // Round 0 warms up caches and allocators, and is shown but not counted.
    for round in 0..=rounds {
        let (ours, theirs) = if round % 2 == 1 {
            let ours = through_heirloom(&work).await?;
            (ours, through_the_library(&work).await?)
        } else {
            let theirs = through_the_library(&work).await?;
            (through_heirloom(&work).await?, theirs)
        };
        let [ours, theirs] = [ours, theirs].map(|took| work.meta.total_bytes as f64 / MIB as f64 / took.as_secs_f64());
        let label = if round == 0 { "warm-up".to_owned() } else { round.to_string() };
        println!("{label:>8}  {ours:>16.1}  {theirs:>16.1}  {:>8.3}", ours / theirs);
        if round > 0 {
            heirloom.push(ours);
            bare.push(theirs);
            ratios.push(ours / theirs);
        }
    }
    let (ours, theirs) = (median(heirloom), median(bare));
    println!("{:>8}  {ours:>16.1}  {theirs:>16.1}  {:>8.3}", "median", median(ratios));
    println!("load of this machine after: {}", load());
    println!("RATIO heirloom/bare of the medians: {:.3} (target: at least {RATIO_TARGET})", ours / theirs);

    let sent = seed.stats().uploaded_bytes;
    let fetched = work.meta.total_bytes * 2 * (rounds as u64 + 1);
    ensure!(sent >= fetched, "the seeder sent {sent} of {fetched} bytes: something came from elsewhere");
    seeder.stop().await;
    Ok(())
}

/// What is downloaded in every round.
struct Work {
    meta: Metainfo,
    content: PathBuf,
    /// The seeder.
    address: SocketAddr,
}

/// Size (MiB) and number of rounds. Cargo adds `--bench`.
fn arguments() -> anyhow::Result<(u64, usize)> {
    const USAGE: &str = "usage: download [MIB] [ROUNDS], both at least 1";
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    ensure!(given.len() <= 2, USAGE);
    let mib = given.first().map_or(Ok(MIB_DEFAULT), |mib| mib.parse()).context(USAGE)?;
    let rounds = given.get(1).map_or(Ok(ROUNDS_DEFAULT), |rounds| rounds.parse()).context(USAGE)?;
    ensure!(mib > 0 && rounds > 0, USAGE);
    Ok((mib, rounds))
}

/// Downloads through the engine, and returns how long it took.
async fn through_heirloom(work: &Work) -> anyhow::Result<Duration> {
    let folder = tempfile::tempdir()?;
    let bookings = Arc::new(Bookings::default());
    let config = Config {
        bt: LOOPBACK,
        bt_named: LOOPBACK,
        wire_name: "heirloom bench".to_owned(),
        anonymous_name: "heirloom".to_owned(),
        proxy: None,
        state_dir: folder.path().join("state"),
        downloads: folder.path().join("downloads"),
        peers: Arc::new(Nobody),
        tracker_interval: TRACKER_INTERVAL,
    };
    let engine = Engine::start(config, bookings.clone()).await?;
    let infohash = work.meta.infohash;
    let download = Download {
        infohash,
        info_sha256: Some(work.meta.info_sha256),
        torrent: Some(work.meta.torrent.clone()),
        peers: vec![work.address],
        ..Download::default()
    };

    let mut booked = 0;
    let began = Instant::now();
    engine.download(download).await?;
    let finished = until(|| {
        let progress = engine.progress(infohash).context("the download is gone")?;
        if let Some(error) = progress.error {
            bail!("the download failed: {error}");
        }
        Ok(progress.finished)
    });
    tokio::select! {
        finished = finished => finished?,
        never = keep_draining(&bookings, work, &mut booked) => match never {},
    }
    let took = began.elapsed();

    booked += booked_bytes(&bookings.drain(), work);
    ensure!(booked == work.meta.total_bytes, "{booked} bytes were booked of {}", work.meta.total_bytes);
    engine.stop().await;
    ensure_same(&folder.path().join("downloads").join(&work.meta.name), &work.content)?;
    Ok(took)
}

/// Downloads through the library with its own storage and defaults, and returns how long it took.
async fn through_the_library(work: &Work) -> anyhow::Result<Duration> {
    let folder = tempfile::tempdir()?;
    let session = open(folder.path()).await?;
    let options = AddTorrentOptions { initial_peers: Some(vec![work.address]), ..AddTorrentOptions::default() };

    let began = Instant::now();
    let handle = add(&session, &work.meta, options).await?;
    until(|| {
        let stats = handle.stats();
        if let Some(error) = stats.error {
            bail!("the download failed: {error}");
        }
        Ok(stats.finished && matches!(stats.state, TorrentStatsState::Live))
    })
    .await?;
    let took = began.elapsed();

    session.stop().await;
    ensure_same(&folder.path().join(&work.meta.name), &work.content)?;
    Ok(took)
}

/// Seeds the content in `folder` with the bare library, and returns once it is checked.
async fn seed(meta: &Metainfo, folder: &Path) -> anyhow::Result<(Arc<Session>, Arc<ManagedTorrent>)> {
    let session = open(folder).await?;
    let options = AddTorrentOptions { overwrite: true, ..AddTorrentOptions::default() };
    let handle = add(&session, meta, options).await?;
    handle.wait_until_initialized().await?;
    ensure!(handle.stats().finished, "the seeder does not have its own content");
    Ok((session, handle))
}

/// Opens a session of the library that stays on loopback.
async fn open(folder: &Path) -> anyhow::Result<Arc<Session>> {
    let listen = ListenerOptions { listen_addr: LOOPBACK, ipv4_only: true, ..ListenerOptions::default() };
    let options = SessionOptions {
        dht: None,
        disable_local_service_discovery: true,
        disable_trackers: true,
        ipv4_only: true,
        listen: Some(listen),
        ..SessionOptions::default()
    };
    Session::new_with_opts(folder.to_owned(), options).await
}

async fn add(
    session: &Arc<Session>,
    meta: &Metainfo,
    options: AddTorrentOptions,
) -> anyhow::Result<Arc<ManagedTorrent>> {
    let torrent = AddTorrent::from_bytes(meta.torrent.clone());
    session.add_torrent(torrent, Some(options)).await?.into_handle().context("the torrent was only listed")
}

/// Waits for a condition, with a limit.
async fn until(mut condition: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let wait = async {
        while !condition()? {
            tokio::time::sleep(POLL_PERIOD).await;
        }
        Ok(())
    };
    tokio::time::timeout(DOWNLOAD_TIME_MAX, wait).await.context("a download is stuck")?
}

/// Takes bookings as they come, for as long as it is polled.
async fn keep_draining(bookings: &Bookings, work: &Work, booked: &mut u64) -> Infallible {
    loop {
        bookings.notified().await;
        *booked += booked_bytes(&bookings.drain(), work);
    }
}

/// Bytes booked to the seeder.
fn booked_bytes(bookings: &[Booking], work: &Work) -> u64 {
    let ours = bookings.iter().filter(|booking| booking.infohash == work.meta.infohash);
    let shares = ours.flat_map(|booking| &booking.shares).filter(|share| share.address == work.address.ip());
    shares.map(|share| share.bytes).sum()
}

/// Nobody else has it: the download is told of its seeder.
struct Nobody;

impl PeerSource for Nobody {
    fn peers(&self, _: Infohash) -> BoxFuture<'_, Vec<SocketAddr>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    fn announce(&self, _: Infohash, _: u16) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Writes a file of pseudo-random bytes, which no hole or compression of the disk makes smaller. `bytes` is a multiple
/// of eight.
fn write_noise(path: &Path, bytes: u64) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..bytes / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes())?;
    }
    Ok(file.flush()?)
}

fn ensure_same(got: &Path, wanted: &Path) -> anyhow::Result<()> {
    const CHUNK_BYTES: usize = 1 << 20;
    let (got, wanted) = (File::open(got)?, File::open(wanted)?);
    let bytes = wanted.metadata()?.len();
    ensure!(got.metadata()?.len() == bytes, "the download has another size");
    let (mut got, mut wanted) = (BufReader::new(got), BufReader::new(wanted));
    let (mut one, mut other) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
    // The size is whole MiB.
    for at in 0..bytes / CHUNK_BYTES as u64 {
        got.read_exact(&mut one)?;
        wanted.read_exact(&mut other)?;
        ensure!(one == other, "the download differs from the original in its MiB {at}");
    }
    Ok(())
}

/// The middle one; of an even number the mean of the two in the middle. There is at least one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

/// Processes that ran or waited to run in the last 1, 5 and 15 minutes, where the system tells: figures of a busy
/// machine prove little.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<&str> = text.split(' ').take(3).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if averages.len() < 3 { "unknown".to_owned() } else { format!("{} on {cores} cores", averages.join(" ")) }
}
