//! What the figures of one torrent in one client are worth: arithmetic from one look to the next, without store or clock.
//!
//! What a client says of a peer is unverified, so it is a claim on what the client itself verified: each look adds to
//! the claims what came since the last one, and pays them out of what was verified since, in proportion when that is
//! less. What came from nobody that was seen (web seeds, peers that came and went between two looks, this node itself)
//! claims its part too, and it is booked to nobody.

use super::{Figure, Swarm};
use crate::fields::Fields;
use crate::ledger::key_on_wire;
use heirloom_proto::{Key, Timestamp};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Longest time between two looks over which rates say who sent what: three of the usual looks. Over a longer one
/// whoever is connected now would be paid for what others sent.
pub const RATES_HOLD: Duration = Duration::from_secs(60);
/// Most bytes that are claimed and not verified yet: pieces on their way. What is claimed beyond it was wasted.
pub const CLAIMED_BYTES_MAX: u64 = 256 << 20;
/// Most claims of one torrent: as many as peers in one look. The smallest go.
const CLAIMS_MAX: usize = super::PEERS_MAX;

/// Who claims: an address, and the key that it showed.
pub type Claimant = (IpAddr, Option<Key>);

/// What is known of one torrent in one client from look to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// When the last look was; zero: never.
    at: Timestamp,
    /// What the client said at the last look that it downloaded in all.
    downloaded: u64,
    /// Most that was verified at any look, as far as it was downloaded.
    verified_max: u64,
    /// Of which was paid out, to peers and to nobody.
    paid: u64,
    /// What came by its own count since the first look.
    gained: u64,
    /// What its peers say that they sent, in all.
    seen: u64,
    /// Of what was gained, what no peer that was seen says it sent.
    unseen: u64,
    /// Totals of the connections of the last look: a lower one is another connection.
    connections: BTreeMap<SocketAddr, u64>,
    claims: BTreeMap<Claimant, u64>,
    /// What is claimed for nobody.
    claimed_by_nobody: u64,
}

impl Tally {
    /// Takes one look in: what each peer is to be booked. Over any looks the sum is at most [`Swarm::verified`] at its highest.
    pub fn look(&mut self, at: Timestamp, swarm: &Swarm, me: &Key) -> Vec<(Claimant, u64)> {
        // A count that fell belongs to a torrent that was added anew: it goes on from there.
        let gained = swarm.downloaded.saturating_sub(self.downloaded);
        self.gained = self.gained.saturating_add(gained);
        self.downloaded = swarm.downloaded;
        self.claim(at, swarm, gained, me);
        let useful = swarm.verified.min(swarm.size).min(swarm.downloaded.saturating_sub(swarm.wasted));
        self.verified_max = self.verified_max.max(useful);
        self.at = at;
        let booked = self.pay();
        if swarm.size > 0 && swarm.verified >= swarm.size {
            // All is here: what is claimed yet was wasted.
            self.claims.clear();
            self.claimed_by_nobody = 0;
        }
        self.trim();
        booked
    }

    fn claim(&mut self, at: Timestamp, swarm: &Swarm, gained: u64, me: &Key) {
        let claimant = |peer: &super::Source| {
            let key = peer.client_name.as_deref().and_then(key_on_wire);
            let is_somebody = !peer.is_web_seed && key.as_ref() != Some(me) && is_peer(peer.address.ip());
            is_somebody.then(|| (peer.address.ip().to_canonical(), key))
        };
        let mut connections = BTreeMap::new();
        let mut rates: Vec<(Option<Claimant>, u64)> = Vec::new();
        for peer in &swarm.sources {
            match peer.figure {
                Figure::Connection(total) => {
                    let before = self.connections.get(&peer.address).copied().unwrap_or(0);
                    let came = if total >= before { total - before } else { total };
                    // Of two rows for one address and port the first counts.
                    if connections.insert(peer.address, total).is_none() {
                        self.seen = self.seen.saturating_add(came);
                        self.add(claimant(peer), came);
                    }
                }
                Figure::Rate(weight) => rates.push((claimant(peer), weight)),
            }
        }
        self.connections = connections;
        if rates.is_empty() {
            let unseen = self.gained.saturating_sub(self.seen).saturating_sub(self.unseen);
            self.unseen = self.unseen.saturating_add(unseen);
            self.add(None, unseen);
            return;
        }
        let is_near = self.at != Timestamp(0) && at > self.at && at.since(self.at) <= RATES_HOLD;
        let weights: u128 = rates.iter().map(|(_, weight)| u128::from(*weight)).sum();
        let mut left = gained;
        if is_near && weights > 0 {
            for (claimant, weight) in rates {
                let part = part_of(gained, weight, weights);
                left = left.saturating_sub(part);
                self.add(claimant, part);
            }
        }
        self.seen = self.seen.saturating_add(gained);
        self.add(None, left);
    }

    fn add(&mut self, claimant: Option<Claimant>, bytes: u64) {
        let claim = match claimant {
            Some(claimant) if bytes > 0 => self.claims.entry(claimant).or_default(),
            Some(_) => return,
            None => &mut self.claimed_by_nobody,
        };
        *claim = claim.saturating_add(bytes);
    }

    /// Pays claims out of what was verified and not paid out before, in proportion.
    fn pay(&mut self) -> Vec<(Claimant, u64)> {
        let verified = self.verified_max.saturating_sub(self.paid);
        let claimed = self.claimed();
        if claimed == 0 || verified == 0 {
            return Vec::new();
        }
        let share = |claim: u64| {
            if claimed <= u128::from(verified) { claim } else { part_of(verified, claim, claimed) }
        };
        let mut booked = Vec::new();
        for (claimant, claim) in &mut self.claims {
            let bytes = share(*claim);
            *claim -= bytes;
            self.paid += bytes;
            if bytes > 0 {
                booked.push((*claimant, bytes));
            }
        }
        let to_nobody = share(self.claimed_by_nobody);
        self.claimed_by_nobody -= to_nobody;
        // What was rounded off is nobody's too: the same look again books nothing.
        self.paid = if claimed > u128::from(verified) { self.verified_max } else { self.paid + to_nobody };
        booked
    }

    fn claimed(&self) -> u128 {
        self.claims.values().map(|claim| u128::from(*claim)).sum::<u128>() + u128::from(self.claimed_by_nobody)
    }

    /// Keeps claims within their limits.
    fn trim(&mut self) {
        let claimed = self.claimed();
        if claimed > u128::from(CLAIMED_BYTES_MAX) {
            for claim in self.claims.values_mut().chain([&mut self.claimed_by_nobody]) {
                *claim = part_of(CLAIMED_BYTES_MAX, *claim, claimed);
            }
        }
        self.claims.retain(|_, claim| *claim > 0);
        if self.claims.len() > CLAIMS_MAX {
            let mut sizes: Vec<u64> = self.claims.values().copied().collect();
            sizes.sort_unstable_by(|a, b| b.cmp(a));
            let least = sizes[CLAIMS_MAX - 1];
            let mut room = CLAIMS_MAX;
            self.claims.retain(|_, claim| {
                let stays = *claim >= least && room > 0;
                room -= usize::from(stays);
                stays
            });
        }
    }

    /// When the last look was.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let numbers = [
            self.at.0,
            self.downloaded,
            self.verified_max,
            self.paid,
            self.gained,
            self.seen,
            self.unseen,
            self.claimed_by_nobody,
            self.connections.len() as u64,
        ];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        for (address, total) in &self.connections {
            bytes.extend_from_slice(&octets(address.ip()));
            bytes.extend_from_slice(&address.port().to_be_bytes());
            bytes.extend_from_slice(&total.to_be_bytes());
        }
        for ((address, key), claim) in &self.claims {
            bytes.extend_from_slice(&octets(*address));
            bytes.extend_from_slice(key.as_ref().map_or(&[0; 32], |key| key.as_bytes()));
            bytes.extend_from_slice(&claim.to_be_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let mut tally = Self {
            at: Timestamp(fields.u64()?),
            downloaded: fields.u64()?,
            verified_max: fields.u64()?,
            paid: fields.u64()?,
            gained: fields.u64()?,
            seen: fields.u64()?,
            unseen: fields.u64()?,
            claimed_by_nobody: fields.u64()?,
            ..Self::default()
        };
        for _ in 0..fields.u64()? {
            let ip = address(fields.array()?);
            let port = u16::from_be_bytes(fields.array()?);
            tally.connections.insert(SocketAddr::new(ip, port), fields.u64()?);
        }
        while !fields.0.is_empty() {
            let ip = address(fields.array()?);
            let key = key(fields.array()?)?;
            tally.claims.insert((ip, key), fields.u64()?);
        }
        Some(tally)
    }
}

/// `whole × part ÷ all`, rounded down; never more than `whole`.
fn part_of(whole: u64, part: u64, all: u128) -> u64 {
    let share = u128::from(whole) * u128::from(part) / all.max(1);
    u64::try_from(share).unwrap_or(u64::MAX).min(whole)
}

/// Whether a peer can stand at an address: not at none, and not at many.
fn is_peer(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let is_broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast
}

pub(super) fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

pub(super) fn address(octets: [u8; 16]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(octets)).to_canonical()
}

/// A key, or none for zeros; `None`: damaged.
pub(super) fn key(bytes: [u8; 32]) -> Option<Option<Key>> {
    if bytes == [0; 32] { Some(None) } else { Key::from_bytes(bytes).ok().map(Some) }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
