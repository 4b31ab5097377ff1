//! Who delivered a piece: pure arithmetic on the library's per-peer counters.
//!
//! The library tells, per peer, bytes *fetched* (not yet hash-checked, duplicates and late blocks included) and pieces
//! *completed* (credited to whoever sent the last block, though another may have sent most of it). When a piece has
//! passed its check, its size S is split in this order:
//!
//! 1. what peers completed and is not booked yet: `min(fetched, completed × piece length) − booked`, largest first;
//! 2. then, while bytes of S are left, what peers fetched and is not booked yet: `fetched − booked`, those first whom
//!    pieces were taken from (their blocks were used in pieces that others completed), largest first;
//! 3. then, should counters have vanished with their peer, whoever delivered most so far.
//!
//! So the shares of a piece always sum to S; and as long as the counters are there (step 3 is not reached), no peer is
//! booked more than it fetched. Where a piece came from two peers, its split is an estimate.
//!
//! Bytes belong to the client name that was shown *when they came in*: a peer that reconnects under another name
//! neither moves what was booked before nor takes with it what it had fetched before.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::bookings::Share;

/// Most (address, name) pairs remembered per torrent. Those with nothing left to book are forgotten first.
const SOURCES_MAX: usize = 4_096;

/// Longest client name kept, in bytes. Ours has 64; a handshake could hold a megabyte.
const NAME_BYTES_MAX: usize = 128;

/// A peer's counters at one moment, as the library reports them. They may start again from zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Bytes of blocks that came in.
    pub(super) fetched: u64,
    /// Pieces that it completed and that passed their check.
    pub(super) completed: u64,
    /// Times that another peer took over a piece from it.
    pub(super) taken_from: u64,
    /// Whether it is connected now. Only then does a missing name mean that it shows none.
    pub(super) live: bool,
    /// The client name that it shows now.
    pub(super) name: Option<String>,
}

/// Where bytes come from: an address under a name. The port is kept so that peers behind one address stay apart.
type Source = (SocketAddr, Option<String>);

/// What a source delivered and what of it was booked. Invariant while counters last: `booked <= fetched`.
#[derive(Debug, Clone, Copy, Default)]
struct Account {
    fetched: u64,
    completed_bytes: u64,
    booked: u64,
    taken_from: bool,
}

impl Account {
    fn surplus(&self) -> u64 {
        self.fetched.saturating_sub(self.booked)
    }

    fn claim(&self) -> u64 {
        self.fetched.min(self.completed_bytes).saturating_sub(self.booked)
    }
}

/// The running attribution of one torrent.
#[derive(Debug, Default)]
pub(super) struct Attribution {
    last: BTreeMap<SocketAddr, Counters>,
    accounts: BTreeMap<Source, Account>,
}

impl Attribution {
    /// Splits a piece of `size` bytes (where full pieces have `piece_bytes`) among the peers, given all their counters
    /// now. The shares sum to `size`.
    pub(super) fn split(&mut self, now: BTreeMap<SocketAddr, Counters>, size: u64, piece_bytes: u64) -> Vec<Share> {
        self.take_in(now, piece_bytes);
        let mut parts: BTreeMap<Source, u64> = BTreeMap::new();
        let mut rest = size;
        self.book(&mut rest, &mut parts, |account| (account.claim(), false));
        self.book(&mut rest, &mut parts, |account| (account.surplus(), account.taken_from));
        if rest > 0 {
            let most = self.accounts.iter().max_by_key(|(_, account)| account.fetched).map(|(source, _)| source);
            // With no peer known at all there is nobody to credit: the bytes are booked to no address.
            let source = most.cloned().unwrap_or(((IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0).into(), None));
            if let Some(account) = self.accounts.get_mut(&source) {
                account.booked += rest;
            }
            *parts.entry(source).or_default() += rest;
        }
        self.forget();
        by_address(parts)
    }

    /// Adds to each source what came in since the last time, under the name that it shows now.
    fn take_in(&mut self, now: BTreeMap<SocketAddr, Counters>, piece_bytes: u64) {
        for (address, mut counters) in now {
            // A peer that never sent a block needs no memory: anyone can open connections.
            if counters.fetched == 0 && !self.last.contains_key(&address) {
                continue;
            }
            let last = self.last.remove(&address).unwrap_or_default();
            counters.name = match counters.name.take() {
                Some(name) => Some(shorten(name)),
                // The library forgets a name with the connection; what came in last came under the last name.
                None if counters.live => None,
                None => last.name,
            };
            // Counters that went back belong to a new connection table: all they count is new.
            let since = |now: u64, last: u64| if now >= last { now - last } else { now };
            let fetched = since(counters.fetched, last.fetched);
            let completed = since(counters.completed, last.completed);
            let taken = counters.taken_from != last.taken_from;
            if fetched > 0 || completed > 0 || taken {
                let account = self.accounts.entry((address, counters.name.clone())).or_default();
                account.fetched += fetched;
                account.completed_bytes += completed.saturating_mul(piece_bytes);
                account.taken_from |= taken;
            }
            self.last.insert(address, counters);
        }
    }

    /// Books up to what `offer` gives per account, the preferred and largest first, until `rest` is used up.
    fn book(&mut self, rest: &mut u64, parts: &mut BTreeMap<Source, u64>, offer: impl Fn(&Account) -> (u64, bool)) {
        if *rest == 0 {
            return;
        }
        let mut offers: Vec<(bool, u64, Source)> = Vec::new();
        for (source, account) in &self.accounts {
            let (bytes, preferred) = offer(account);
            if bytes > 0 {
                offers.push((preferred, bytes, source.clone()));
            }
        }
        // Equal offers stay in the order of their sources, so that equal counters give equal shares.
        offers.sort_by_key(|(preferred, bytes, _)| std::cmp::Reverse((*preferred, *bytes)));
        for (_, bytes, source) in offers {
            let part = bytes.min(*rest);
            if part == 0 {
                break;
            }
            *rest -= part;
            if let Some(account) = self.accounts.get_mut(&source) {
                account.booked += part;
            }
            *parts.entry(source).or_default() += part;
        }
    }

    /// Keeps memory bounded however many addresses a swarm goes through.
    fn forget(&mut self) {
        if self.accounts.len() > SOURCES_MAX {
            let mut by_surplus: Vec<(u64, Source)> =
                self.accounts.iter().map(|(source, account)| (account.surplus(), source.clone())).collect();
            by_surplus.sort_unstable();
            // Half of them at once, so that a large swarm does not pay for this sort at every piece.
            for (_, source) in &by_surplus[..by_surplus.len() - SOURCES_MAX / 2] {
                self.accounts.remove(source);
            }
        }
        if self.last.len() > SOURCES_MAX {
            let accounts = &self.accounts;
            self.last.retain(|address, last| accounts.contains_key(&(*address, last.name.clone())) || last.live);
        }
    }
}

/// Cuts a name to its limit, at a character.
fn shorten(mut name: String) -> String {
    if name.len() > NAME_BYTES_MAX {
        let end = (0..=NAME_BYTES_MAX).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        name.truncate(end);
    }
    name
}

/// Adds up the parts per IP address and name: ports say nothing in a ledger.
fn by_address(parts: BTreeMap<Source, u64>) -> Vec<Share> {
    let mut shares: BTreeMap<(IpAddr, Option<String>), u64> = BTreeMap::new();
    for ((address, name), bytes) in parts {
        // An IPv4 peer on a dual-stack socket is the same machine as on an IPv4 socket.
        *shares.entry((address.ip().to_canonical(), name)).or_default() += bytes;
    }
    shares.into_iter().map(|((address, client_name), bytes)| Share { address, client_name, bytes }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const L: u64 = 16_384;

    fn peer(last_byte: u8) -> SocketAddr {
        ([127, 0, 0, last_byte], 4000).into()
    }

    fn live(fetched: u64, completed: u64, name: &str) -> Counters {
        let name = (!name.is_empty()).then(|| name.to_owned());
        Counters { fetched, completed, taken_from: 0, live: true, name }
    }

    fn share(last_byte: u8, name: &str, bytes: u64) -> Share {
        let client_name = (!name.is_empty()).then(|| name.to_owned());
        Share { address: peer(last_byte).ip(), client_name, bytes }
    }

    #[test]
    fn one_peer_gets_the_whole_piece() {
        let mut attribution = Attribution::default();
        let shares = attribution.split([(peer(2), live(L, 1, "alice"))].into(), L, L);
        assert_eq!(shares, [share(2, "alice", L)]);
        let shares = attribution.split([(peer(2), live(L + 100, 2, "alice"))].into(), 100, L);
        assert_eq!(shares, [share(2, "alice", 100)], "the last piece is shorter");
    }

    #[test]
    fn who_completed_a_piece_comes_before_who_fetched_parts_of_others() {
        let mut attribution = Attribution::default();
        let now = [(peer(2), live(L, 1, "alice")), (peer(3), live(3 * L, 0, "bob"))];
        assert_eq!(attribution.split(now.into(), L, L), [share(2, "alice", L)]);
    }

    #[test]
    fn a_piece_taken_over_is_split() {
        let mut attribution = Attribution::default();
        let mut bob = live(3 * L / 4, 0, "bob");
        bob.taken_from = 1;
        let carol = live(L, 0, "");
        let now = [(peer(2), live(L / 4, 1, "alice")), (peer(3), bob), (peer(4), carol)];
        let shares = attribution.split(now.into(), L, L);
        assert_eq!(shares, [share(2, "alice", L / 4), share(3, "bob", 3 * L / 4)]);
    }

    #[test]
    fn a_new_name_moves_nothing_that_was_delivered_before() {
        let mut attribution = Attribution::default();
        attribution.split([(peer(2), live(L + L / 2, 1, "alice"))].into(), L, L);
        let shares = attribution.split([(peer(2), live(2 * L, 2, "mallory"))].into(), L, L);
        assert_eq!(shares, [share(2, "alice", L / 2), share(2, "mallory", L / 2)]);
    }

    #[test]
    fn the_name_outlives_the_connection_but_not_a_nameless_return() {
        let mut attribution = Attribution::default();
        attribution.split([(peer(2), live(L, 1, "alice"))].into(), L, L);
        let gone = Counters { live: false, ..live(2 * L, 2, "") };
        assert_eq!(attribution.split([(peer(2), gone)].into(), L, L), [share(2, "alice", L)]);
        assert_eq!(attribution.split([(peer(2), live(3 * L, 3, ""))].into(), L, L), [share(2, "", L)]);
    }

    #[test]
    fn counters_that_start_again_count_on() {
        let mut attribution = Attribution::default();
        attribution.split([(peer(2), live(5 * L, 5, "alice"))].into(), L, L);
        let shares = attribution.split([(peer(2), live(L, 1, "alice"))].into(), L, L);
        assert_eq!(shares, [share(2, "alice", L)]);
        assert_eq!(attribution.accounts[&(peer(2), Some("alice".into()))].fetched, 6 * L);
    }

    #[test]
    fn a_vanished_peer_still_leaves_no_gap() {
        let mut attribution = Attribution::default();
        attribution.split([(peer(2), live(L, 1, "alice"))].into(), L, L);
        assert_eq!(attribution.split(BTreeMap::new(), L, L), [share(2, "alice", L)]);
        let nobody = Attribution::default().split(BTreeMap::new(), L, L);
        assert_eq!((nobody.len(), nobody[0].bytes, nobody[0].address.is_unspecified()), (1, L, true));
    }

    #[test]
    fn peers_behind_one_address_are_one_share_per_name() {
        let other_port: SocketAddr = ([127, 0, 0, 2], 5000).into();
        let mapped: SocketAddr = "[::ffff:127.0.0.2]:6000".parse().unwrap();
        let now = [(peer(2), live(10, 0, "a")), (other_port, live(20, 0, "a")), (mapped, live(30, 0, "a"))];
        assert_eq!(Attribution::default().split(now.into(), 60, L), [share(2, "a", 60)]);
    }

    #[test]
    fn memory_stays_bounded() {
        let mut attribution = Attribution::default();
        for round in 0..4_u8 {
            let swarm = (0..4000_u16).map(|port| {
                (SocketAddr::from(([10, round, 0, 1], port + 1)), Counters { live: false, ..live(1, 0, "x") })
            });
            attribution.split(swarm.collect(), 1, L);
        }
        assert!(attribution.accounts.len() <= SOURCES_MAX && attribution.last.len() <= 2 * SOURCES_MAX);
        let idle = (0..60_000_u16).map(|port| (SocketAddr::from(([10, 9, 9, 9], port)), live(0, 0, "x")));
        let mut attribution = Attribution::default();
        attribution.split(idle.collect(), 1, L);
        assert!(attribution.last.is_empty(), "who sent nothing is not remembered");
        assert_eq!(shorten("é".repeat(100)).len(), 128);
    }

    /// What a peer does next: sends some blocks' worth of bytes, used in pieces or not; shows a name; leaves.
    #[derive(Debug, Clone)]
    struct Step {
        peer: u8,
        bytes: u64,
        wasted: u64,
        name: u8,
        completes: bool,
        live: bool,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = (0..4_u8, 0..3 * L, 0..L, 0..3_u8, any::<bool>(), any::<bool>());
        let step = step.prop_map(|(peer, bytes, wasted, name, completes, live)| Step {
            peer,
            bytes,
            wasted,
            name,
            completes,
            live,
        });
        proptest::collection::vec(step, 1..60)
    }

    proptest! {
        /// Whenever enough bytes for a piece are in, it is booked: its shares sum to its size, and no peer is ever
        /// booked more than it sent, in all and under each of its names.
        #[test]
        fn shares_sum_to_the_size_and_no_peer_exceeds_what_it_sent(steps in steps()) {
            let mut attribution = Attribution::default();
            let mut counters: BTreeMap<SocketAddr, Counters> = BTreeMap::new();
            let mut sent: BTreeMap<IpAddr, u64> = BTreeMap::new();
            let mut booked: BTreeMap<IpAddr, u64> = BTreeMap::new();
            let mut useful = 0;
            for step in steps {
                let now = counters.entry(peer(step.peer)).or_default();
                now.fetched += step.bytes + step.wasted;
                now.live = step.live;
                now.name = (step.live && step.name > 0).then(|| format!("name {}", step.name));
                *sent.entry(peer(step.peer).ip()).or_default() += step.bytes + step.wasted;
                useful += step.bytes;
                while useful >= L {
                    useful -= L;
                    if step.completes {
                        counters.get_mut(&peer(step.peer)).unwrap().completed += 1;
                    }
                    let shares = attribution.split(counters.clone(), L, L);
                    prop_assert_eq!(shares.iter().map(|share| share.bytes).sum::<u64>(), L);
                    for share in shares {
                        prop_assert!(share.bytes > 0);
                        *booked.entry(share.address).or_default() += share.bytes;
                    }
                }
                for (address, bytes) in &booked {
                    prop_assert!(bytes <= &sent[address], "{} booked {} of {}", address, bytes, sent[address]);
                }
                for account in attribution.accounts.values() {
                    prop_assert!(account.booked <= account.fetched);
                }
            }
        }
    }
}
