//! Meeting others with no server: every node announces itself in the DHT under the key of the day, and looks there. And
//! whoever lists a work announces itself under the key of that work, where those look who look it up.
//!
//! [`Pace`] says when to do what, as arithmetic; the loop below does it. What is found are claims of strangers: `p2p`
//! decides which of them to dial. Requests pass the one budget of `dht` like all others.

use crate::dht::Dht;
use crate::p2p::{self, Command, Multiaddr, Nat, P2p};
use futures::StreamExt as _;
use futures::future::join_all;
use heirloom_proto::lookup::rendezvous_of;
use heirloom_proto::{Timestamp, WorkId};
use sha1::{Digest as _, Sha1};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tracing::debug;

/// What the key of a day is made of, with the day as `YYYY-MM-DD` behind it.
const PREFIX: &str = "heirloom/1/net/";

const DAY_MS: u64 = 24 * 3600 * 1000;

/// Before and after midnight (UTC) both days' keys are announced. Longer than [`CALM_MAX`], so that every node is at
/// the new key when the first one looks there, also with a clock that is some minutes off.
const BOTH_DAYS_MS: u64 = 45 * 60 * 1000;

/// Peers below which a node counts as lonely, and looks more often: half of what a mesh wants (`p2p::params::MESH`).
const LONELY_BELOW: usize = p2p::params::MESH / 2;

/// A lonely node's first wait between two lookups. One costs some 40 requests, so this is under 4 of the 20 a second
/// that the node may make, for a minute or so.
const LONELY_MIN: Duration = Duration::from_secs(10);
/// Its longest wait, doubled up to: under 0.2 requests and 60 bytes a second for whoever stays alone.
const LONELY_MAX: Duration = Duration::from_secs(5 * 60);

/// Places that one lookup names from which the rendezvous counts as crowded: those who answer name 10 or so each, by
/// chance, of all that were announced, so that the next lookup names others. More than a node alone needs.
const CROWDED_FROM: usize = 48;

/// Lookups at a crowded rendezvous after which a node that reached nobody waits longer all the same: some two minutes.
/// With 300 places of which one is honest, a lookup of 16 answers of 10 each misses it six times of ten, and 16 lookups
/// once in some 5,000.
const CROWDED_LOOKS_MAX: u32 = 16;

/// Wait between two lookups, and two announcements, of a node in company: nodes of the DHT forget after 30 minutes or
/// more. With jitter, so that nodes started together do not ask together.
const CALM_MIN: Duration = Duration::from_secs(25 * 60);
/// See [`CALM_MIN`].
const CALM_MAX: Duration = Duration::from_secs(30 * 60);

/// A lonely node announces again after this: those that stored it may be gone.
const LONELY_ANNOUNCE: Duration = Duration::from_secs(10 * 60);

/// Wait after an announcement that nobody took, doubled up to [`LONELY_MAX`].
const ANNOUNCE_RETRY: Duration = Duration::from_secs(15);

/// How often the loop looks whether something is due.
const LOOK: Duration = Duration::from_secs(1);

/// Places taken from one lookup, of the some 20 nodes with 10 to 50 each that answer it; others wait for the next.
const PLACES_MAX: usize = p2p::params::CANDIDATES_MAX;

/// The key under which the nodes of a day meet; `wall` is any time of that day.
#[must_use]
pub fn key_of(wall: Timestamp) -> [u8; 20] {
    let text = wall.to_rfc3339();
    let day = text.get(..10).unwrap_or_default();
    Sha1::new().chain_update(PREFIX).chain_update(day).finalize().into()
}

/// Where to announce: today's key, and its neighbour's around midnight.
fn announced(wall: Timestamp) -> Vec<[u8; 20]> {
    let since_midnight = wall.0 % DAY_MS;
    let mut keys = vec![key_of(wall)];
    if since_midnight < BOTH_DAYS_MS {
        keys.extend(wall.0.checked_sub(DAY_MS).map(|day| key_of(Timestamp(day))));
    } else if DAY_MS - since_midnight < BOTH_DAYS_MS {
        keys.push(key_of(Timestamp(wall.0.saturating_add(DAY_MS))));
    }
    keys
}

/// Where to look: today's key, and for a lonely node yesterday's, where those are whose clock is behind.
fn looked_at(wall: Timestamp, is_lonely: bool) -> Vec<[u8; 20]> {
    let yesterday = wall.0.checked_sub(DAY_MS).filter(|_| is_lonely || wall.0 % DAY_MS < BOTH_DAYS_MS);
    [Some(wall.0), yesterday].into_iter().flatten().map(|day| key_of(Timestamp(day))).collect()
}

/// When to look and to announce. Time and chance are arguments.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pace {
    look_at: Instant,
    announce_at: Instant,
    lonely_looks: u32,
    /// Lookups in a row that were named many places of which none led to a peer.
    crowded_looks: u32,
    failed_announces: u32,
    announced: Option<Instant>,
    was_lonely: bool,
}

impl Pace {
    fn new(now: Instant) -> Self {
        let (lonely_looks, crowded_looks, failed_announces) = (0, 0, 0);
        let (announced, was_lonely) = (None, true);
        Self { look_at: now, announce_at: now, lonely_looks, crowded_looks, failed_announces, announced, was_lonely }
    }

    /// A node that has become lonely does not wait for the end of a calm pause.
    fn notice(&mut self, peers: usize, now: Instant) {
        let is_lonely = peers < LONELY_BELOW;
        if is_lonely && !self.was_lonely {
            self.lonely_looks = 0;
            self.look_at = now;
        }
        if peers > 0 {
            self.crowded_looks = 0;
        }
        self.was_lonely = is_lonely;
        let is_stale = self.announced.is_some_and(|announced| now >= announced + LONELY_ANNOUNCE);
        if peers == 0 && is_stale {
            self.announce_at = self.announce_at.min(now);
        }
    }

    /// A lookup named so many places while there were so many peers.
    fn looked(&mut self, places: usize, peers: usize, now: Instant, chance: f64) {
        let wait = if self.was_lonely {
            let longest = doubled(LONELY_MIN, self.lonely_looks);
            if peers == 0 && places >= CROWDED_FROM && self.crowded_looks < CROWDED_LOOKS_MAX {
                self.crowded_looks += 1;
            } else {
                self.lonely_looks += 1;
            }
            // The upper half is left to chance.
            longest.mul_f64(0.5 + 0.5 * chance)
        } else {
            CALM_MIN + (CALM_MAX - CALM_MIN).mul_f64(chance)
        };
        self.look_at = now + wait;
    }

    fn announced(&mut self, was_taken: bool, now: Instant, chance: f64) {
        let wait = if was_taken {
            (self.failed_announces, self.announced) = (0, Some(now));
            CALM_MIN + (CALM_MAX - CALM_MIN).mul_f64(chance)
        } else {
            let longest = doubled(ANNOUNCE_RETRY, self.failed_announces);
            self.failed_announces += 1;
            longest.mul_f64(0.5 + 0.5 * chance)
        };
        self.announce_at = now + wait;
    }
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times.min(16))).min(LONELY_MAX)
}

/// The port that others can dial at the address from which the DHT hears us, if there is one: TCP and QUIC where both
/// have it. `chosen` are the addresses of the configuration, `listening` what they became.
fn port_to_announce(dht: SocketAddrV4, chosen: &[Multiaddr], listening: &[Multiaddr], own_ground: bool) -> Option<u16> {
    let is_everywhere = chosen.iter().filter_map(p2p::place_of).any(|place| place.ip().is_unspecified());
    let is_heard_at = |ip: IpAddr| {
        // An unbound DHT is heard at the address of whatever network it goes out by.
        is_everywhere || ip == IpAddr::V4(*dht.ip()) || (dht.ip().is_unspecified() && (own_ground || !ip.is_loopback()))
    };
    let places = |is_quic: bool| {
        let of_kind = listening.iter().filter(move |address| p2p::is_quic(address) == is_quic);
        let heard = of_kind.filter_map(p2p::place_of).filter(|place| place.is_ipv4() && is_heard_at(place.ip()));
        heard.map(|place| place.port()).collect::<BTreeSet<_>>()
    };
    let (quic, tcp) = (places(true), places(false));
    quic.intersection(&tcp).next().or(quic.first()).or(tcp.first()).copied()
}

/// What `status` shows.
#[derive(Debug, Default)]
pub struct Tally {
    /// Whether this node meets others by the key of the day.
    pub(super) is_on: AtomicBool,
    lookups: AtomicU64,
    found: AtomicU64,
    announces: AtomicU64,
    works: AtomicU64,
    port: AtomicU64,
}

/// What came of meeting others, as of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rendezvous {
    /// Whether this node meets others by the key of the day.
    pub is_on: bool,
    /// Lookups that ended.
    pub lookups: u64,
    /// Places that they named, counted each time.
    pub found: u64,
    /// Announcements that the DHT took.
    pub announces: u64,
    /// Announcements of works that the DHT took.
    pub works: u64,
    /// The port announced; `None` when no libp2p address can be dialled where the DHT hears us.
    pub port: Option<u16>,
}

impl Tally {
    /// As of now.
    #[must_use]
    pub fn snapshot(&self) -> Rendezvous {
        let read = |sum: &AtomicU64| sum.load(Ordering::Relaxed);
        let port = u16::try_from(read(&self.port)).ok().filter(|port| *port != 0);
        let (lookups, found) = (read(&self.lookups), read(&self.found));
        let is_on = self.is_on.load(Ordering::Relaxed);
        Rendezvous { is_on, lookups, found, announces: read(&self.announces), works: read(&self.works), port }
    }
}

/// One node's rendezvous.
pub(super) struct Meeting {
    pub dht: Dht,
    pub p2p: Arc<P2p>,
    /// libp2p addresses of the configuration.
    pub chosen: Vec<Multiaddr>,
    pub own_ground: bool,
    pub tally: Arc<Tally>,
}

impl Meeting {
    /// Runs until `p2p` has stopped.
    pub async fn run(&self) {
        let mut pace = Pace::new(Instant::now());
        loop {
            pace.notice(self.p2p.peers(), Instant::now());
            // Announced before looking: of two nodes that start together, one then finds the other at once.
            if Instant::now() >= pace.announce_at {
                let was_taken = self.announce().await;
                pace.announced(was_taken, Instant::now(), chance());
            }
            if Instant::now() >= pace.look_at {
                let Ok(places) = self.look(pace.was_lonely).await else { return };
                pace.looked(places, self.p2p.peers(), Instant::now(), chance());
            }
            if self.p2p.is_stopped() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The port to announce, if others can reach us.
    fn port(&self) -> Option<u16> {
        let listening = self.p2p.listen_addrs();
        let port = port_to_announce(self.dht.local_addr(), &self.chosen, &listening, self.own_ground);
        // Whoever cannot be reached would only cost others their dials.
        let port = port.filter(|_| self.p2p.overview().nat != Nat::Private);
        self.tally.port.store(port.map_or(0, u64::from), Ordering::Relaxed);
        port
    }

    /// Says to those who look a work up that they may ask here; whether the DHT took it. All that it tells is a port of
    /// this address, as the rendezvous of the day does.
    pub async fn announce_work(&self, work: &WorkId) -> bool {
        let Some(port) = self.port() else { return false };
        let announced = self.dht.announce_in_time(rendezvous_of(work), port).await;
        if let Err(error) = &announced {
            debug!(%error, "work not announced");
        } else {
            self.tally.works.fetch_add(1, Ordering::Relaxed);
        }
        announced.is_ok()
    }

    /// Looks for those who announced a work; `p2p` goes on from there, and says when it is over.
    pub async fn seek(&self, seek: u64, work: &WorkId) -> Result<(), p2p::Stopped> {
        let mut seen = BTreeSet::new();
        let mut answers = self.dht.peers(rendezvous_of(work));
        while let Some(places) = answers.next().await {
            let mut is_new = |place: &SocketAddrV4| seen.len() < PLACES_MAX && seen.insert(*place);
            let places: Vec<_> = places.into_iter().filter(|place| is_new(place)).map(SocketAddr::V4).collect();
            if !places.is_empty() {
                self.p2p.send(Command::Seek { seek, places, is_last: false }).await?;
            }
        }
        debug!(places = seen.len(), "looked for those who announced a work");
        self.p2p.send(Command::Seek { seek, places: Vec::new(), is_last: true }).await
    }

    /// Says whether there is nothing more to do: announced, or nothing to announce.
    async fn announce(&self) -> bool {
        let Some(port) = self.port() else { return true };
        let announcing = announced(wall()).into_iter().map(|key| self.dht.announce(key, port));
        let mut was_taken = false;
        for result in join_all(announcing).await {
            match result {
                Ok(()) => {
                    was_taken = true;
                    self.tally.announces.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => debug!(%error, "not announced at the rendezvous"),
            }
        }
        was_taken
    }

    /// How many places were named.
    async fn look(&self, is_lonely: bool) -> Result<usize, p2p::Stopped> {
        let mut seen = BTreeSet::new();
        for key in looked_at(wall(), is_lonely) {
            let mut answers = self.dht.peers(key);
            while let Some(places) = answers.next().await {
                let is_new = |place: &SocketAddrV4| seen.len() < PLACES_MAX && seen.insert(*place);
                let mut is_new = is_new;
                let places: Vec<_> = places.into_iter().filter(|place| is_new(place)).map(SocketAddr::V4).collect();
                if !places.is_empty() {
                    self.tally.found.fetch_add(places.len() as u64, Ordering::Relaxed);
                    self.p2p.send(Command::Candidates(places)).await?;
                }
            }
        }
        self.tally.lookups.fetch_add(1, Ordering::Relaxed);
        debug!(places = seen.len(), "looked at the rendezvous");
        Ok(seen.len())
    }
}

fn wall() -> Timestamp {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX))
}

/// From 0 to 1, for jitter. Without it (the system gave none) the middle is as good.
fn chance() -> f64 {
    crate::home::random::<4>().map_or(0.5, |bytes| f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3600 * 1000;
    /// 2026-11-22T00:00:00Z.
    const MIDNIGHT: u64 = 1_795_305_600_000;

    fn day(offset_ms: i64) -> [u8; 20] {
        key_of(Timestamp(MIDNIGHT.saturating_add_signed(offset_ms)))
    }

    #[test]
    fn the_key_is_that_of_the_utc_day() {
        let expected: [u8; 20] = Sha1::digest("heirloom/1/net/2026-11-22").into();
        let documented = "47eb851bf392e3db27b238fb59fa7401fe71e258";
        assert_eq!(data_encoding::HEXLOWER.encode(&expected), documented, "as proto/README.md says");
        assert_eq!(day(0), expected);
        assert_eq!(day(i64::try_from(DAY_MS).expect("small") - 1), expected);
        assert_ne!(day(-1), expected);
    }

    #[test]
    fn two_nodes_meet_at_any_time_of_the_day_and_over_midnight() {
        for minute in 0..24 * 60 {
            // Announced up to 30 minutes before another looks.
            let looking = MIDNIGHT + minute * 60_000;
            for ago in 0..=30 {
                let keys = announced(Timestamp(looking - ago * 60_000));
                assert!(keys.contains(&looked_at(Timestamp(looking), false)[0]), "{minute} {ago}");
            }
        }
    }

    #[test]
    fn a_lonely_node_finds_one_whose_clock_is_hours_off() {
        for hours in 0..=24 {
            let (slow, fast) = (Timestamp(MIDNIGHT + 13 * HOUR_MS), Timestamp(MIDNIGHT + (13 + hours) * HOUR_MS));
            let looked_at = looked_at(fast, true);
            assert!(announced(slow).iter().any(|key| looked_at.contains(key)), "{hours}");
        }
    }

    #[test]
    fn a_lonely_node_looks_ever_more_rarely_and_a_calm_one_twice_an_hour() {
        let start = Instant::now();
        let (mut pace, mut now, mut looks) = (Pace::new(start), start, 0);
        while now < start + Duration::from_secs(3600) {
            pace.notice(0, now);
            looks += 1;
            pace.looked(CROWDED_FROM - 1, 0, now, 1.0);
            now = pace.look_at;
        }
        assert_eq!(looks, 16, "10, 20, 40, 80, 160 s, then every 5 min");
        pace.notice(LONELY_BELOW, now);
        pace.looked(1, LONELY_BELOW, now, 0.0);
        assert_eq!(pace.look_at, now + CALM_MIN);
        pace.looked(1, LONELY_BELOW, now, 1.0);
        assert_eq!(pace.look_at, now + CALM_MAX);
        pace.notice(0, now);
        assert_eq!(pace.look_at, now, "alone again, at once");
    }

    #[test]
    fn among_many_dead_places_it_looks_again_soon_but_not_for_ever() {
        let start = Instant::now();
        let looks_in_an_hour = |peers: usize| {
            let (mut pace, mut now, mut looks) = (Pace::new(start), start, Vec::new());
            while now < start + Duration::from_secs(3600) {
                pace.notice(peers, now);
                looks.push(now);
                pace.looked(CROWDED_FROM, peers, now, 1.0);
                now = pace.look_at;
            }
            looks
        };
        let looks = looks_in_an_hour(0);
        let soon = looks.windows(2).take_while(|pair| pair[1] - pair[0] == LONELY_MIN).count();
        assert_eq!(soon, CROWDED_LOOKS_MAX as usize + 1);
        assert_eq!(looks.len(), 16 + CROWDED_LOOKS_MAX as usize, "then as rarely as anybody alone");
        assert_eq!(looks_in_an_hour(1).len(), 16, "one peer is enough not to hurry");
        let mut pace = Pace::new(start);
        (0..CROWDED_LOOKS_MAX).for_each(|_| pace.looked(CROWDED_FROM, 0, start, 1.0));
        pace.notice(1, start);
        pace.notice(0, start);
        pace.looked(CROWDED_FROM, 0, start, 1.0);
        assert_eq!(pace.look_at, start + LONELY_MIN, "whoever had a peer and lost it starts anew");
    }

    #[test]
    fn an_announcement_is_repeated_before_it_is_forgotten() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        pace.announced(false, now, 1.0);
        assert_eq!(pace.announce_at, now + ANNOUNCE_RETRY);
        pace.announced(false, now, 1.0);
        assert_eq!(pace.announce_at, now + 2 * ANNOUNCE_RETRY);
        pace.announced(true, now, 1.0);
        assert_eq!(pace.announce_at, now + CALM_MAX);
        pace.notice(0, now + LONELY_ANNOUNCE);
        assert_eq!(pace.announce_at, now + LONELY_ANNOUNCE, "sooner when nobody comes");
    }

    #[test]
    fn the_announced_port_can_be_dialled_where_the_dht_hears_us() {
        let port = |dht: &str, chosen: &[&str], listening: &[&str], own_ground| {
            let parse =
                |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a multiaddr")).collect::<Vec<_>>();
            port_to_announce(dht.parse().expect("an address"), &parse(chosen), &parse(listening), own_ground)
        };
        let both = ["/ip4/127.0.0.1/tcp/4000", "/ip4/127.0.0.1/udp/4000/quic-v1"];
        assert_eq!(port("127.0.0.1:7343", &both, &both, true), Some(4000));
        assert_eq!(port("127.0.0.9:7343", &both, &both, true), None, "nobody could dial 127.0.0.9:4000");
        assert_eq!(port("0.0.0.0:7343", &both, &both, true), Some(4000), "a DHT on loopback hears loopback");
        assert_eq!(port("0.0.0.0:7343", &both, &both, false), None, "the world cannot dial loopback");
        let any = ["/ip4/0.0.0.0/tcp/7341", "/ip4/0.0.0.0/udp/7341/quic-v1"];
        let became = ["/ip4/127.0.0.1/tcp/7341", "/ip4/198.51.100.7/udp/7341/quic-v1"];
        assert_eq!(port("0.0.0.0:7343", &any, &became, false), Some(7341));
        let differing = ["/ip4/127.0.0.1/tcp/4000", "/ip4/127.0.0.1/udp/5000/quic-v1"];
        assert_eq!(port("127.0.0.1:1", &differing, &differing, true), Some(5000), "QUIC first");
        assert_eq!(port("127.0.0.1:1", &differing[..1], &differing[..1], true), Some(4000));
        assert_eq!(port("127.0.0.1:1", &["/ip6/::1/tcp/1"], &["/ip6/::1/tcp/1"], true), None, "the DHT is of IPv4");
    }
}
