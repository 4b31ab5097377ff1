//! The ground state of the metric: who said what of whom, who my roots are. Scores are computed from it and
//! never written back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petgraph::graphmap::DiGraphMap;

use crate::ids::{NodeId, ReleaseId};
use crate::input::{Evidence, InputError, Opinion, ReleaseVote, Root, RootKind, Scope, Statement};
use crate::link::{Link, Said};

/// Dense number of a key, in order of first mention. Never decides an order that can be seen.
pub(crate) type Index = u32;

/// Keys and their dense numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub ids: Vec<NodeId>,
    pub index: BTreeMap<NodeId, Index>,
}

impl Names {
    pub(crate) fn id(&self, index: Index) -> NodeId {
        self.ids[index as usize]
    }

    pub(crate) fn find(&self, id: &NodeId) -> Option<Index> {
        self.index.get(id).copied()
    }
}

/// One opinion held in a slot of a [`Ballot`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Held {
    pub opinion: Opinion,
    pub time_ms: u64,
    pub expires_ms: Option<u64>,
    pub superseded: bool,
}

/// What one key says of one release: its newest listing and its newest verdict.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ballot {
    pub listing: Option<Held>,
    pub verdict: Option<Held>,
}

/// Every input of the metric, in any order of arrival.
///
/// Each method is idempotent but [`TrustGraph::add_evidence`], which adds. Equal contents give equal scores bit
/// for bit, whatever the order of the calls.
#[derive(Clone, Debug, Default)]
pub struct TrustGraph {
    pub(crate) names: Arc<Names>,
    // GraphMap hashes its edges, but iterates in order of insertion, and every sum taken over it is exact.
    pub(crate) links: DiGraphMap<Index, Link>,
    pub(crate) roots: BTreeMap<(Index, Scope), RootKind>,
    pub(crate) zeroed: BTreeSet<Index>,
    pub(crate) releases: BTreeMap<ReleaseId, BTreeMap<Index, Ballot>>,
    pub(crate) last_seen_ms: BTreeMap<Index, u64>,
}

impl TrustGraph {
    /// A graph in which nobody said anything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of keys mentioned by any input.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.names.ids.len()
    }

    /// Number of ordered pairs of keys between which something was said or measured.
    #[must_use]
    pub fn link_count(&self) -> usize {
        self.links.edge_count()
    }

    /// Takes one attestation. An older one of the same issuer, subject and scope gives way to a newer one, and
    /// a newer one stays.
    ///
    /// # Errors
    /// [`InputError::Level`] if the level is not within -1..=1.
    pub fn add_statement(&mut self, statement: Statement) -> Result<(), InputError> {
        let Statement { issuer, subject, scope, level, time_ms, expires_ms } = statement;
        if !(-1.0..=1.0).contains(&level) {
            return Err(InputError::Level { issuer, subject, level });
        }
        self.link(issuer, subject).hear(Said { scope, level, time_ms, expires_ms, superseded: false });
        Ok(())
    }

    /// Forgets the attestation of this issuer, subject and scope (a retraction). Whether there was one.
    pub fn remove_statement(&mut self, issuer: &NodeId, subject: &NodeId, scope: Scope) -> bool {
        self.edit_link(issuer, subject, |link| {
            let before = link.said.len();
            link.said.retain(|said| said.scope != scope);
            link.said.len() < before
        })
    }

    /// Adds measured bytes to those already known of this receiver, subject and scope.
    pub fn add_evidence(&mut self, evidence: Evidence) {
        let Evidence { receiver, subject, scope, day_bytes } = evidence;
        self.link(receiver, subject).bytes.extend(day_bytes.into_iter().map(|day| (scope, day)));
    }

    /// Forgets the measured bytes of this receiver, subject and scope. Whether there were any.
    pub fn clear_evidence(&mut self, receiver: &NodeId, subject: &NodeId, scope: Scope) -> bool {
        self.edit_link(receiver, subject, |link| {
            let before = link.bytes.len();
            link.bytes.retain(|(at, _)| *at != scope);
            link.bytes.len() < before
        })
    }

    /// Makes a key a root, or changes how it is one.
    ///
    /// # Errors
    /// [`InputError::SecondSelf`] if another key is already mine.
    pub fn set_root(&mut self, root: Root) -> Result<(), InputError> {
        let index = self.intern(root.key);
        if root.kind == RootKind::Me {
            let other = self.roots.iter().find(|((key, _), kind)| **kind == RootKind::Me && *key != index);
            if let Some(((first, _), _)) = other {
                return Err(InputError::SecondSelf { first: self.names.id(*first), second: root.key });
            }
        }
        self.roots.insert((index, root.scope), root.kind);
        Ok(())
    }

    /// Unfollows a key in that scope (or forgets my own key). Whether it was a root there.
    pub fn remove_root(&mut self, key: &NodeId, scope: Scope) -> bool {
        self.names.find(key).is_some_and(|index| self.roots.remove(&(index, scope)).is_some())
    }

    /// Weighs a key 0 for duplicity: it has no reach, no vote, is no root, and never scores above 0.
    ///
    /// My own key is exempt in my own graph: my word still decides what I see.
    pub fn zero(&mut self, key: NodeId) {
        let index = self.intern(key);
        self.zeroed.insert(index);
    }

    /// Takes one key's opinion of one release.
    pub fn add_vote(&mut self, vote: ReleaseVote) {
        let ReleaseVote { voter, release, opinion, time_ms, expires_ms } = vote;
        let voter = self.intern(voter);
        let ballot = self.releases.entry(release).or_default().entry(voter).or_default();
        let slot = if opinion == Opinion::Listing { &mut ballot.listing } else { &mut ballot.verdict };
        let new = Held { opinion, time_ms, expires_ms, superseded: false };
        let rank = |held: &Held| (held.time_ms, held.opinion, std::cmp::Reverse(held.expires_ms.unwrap_or(u64::MAX)));
        *slot = match *slot {
            Some(old) if rank(&old) == rank(&new) => Some(old),
            Some(old) => Some(Held { superseded: true, ..if rank(&new) > rank(&old) { new } else { old } }),
            None => Some(new),
        };
    }

    /// Forgets a voter's listing (if `opinion` is one) or verdict (any other) of a release. Whether there was one.
    pub fn remove_vote(&mut self, voter: &NodeId, release: &ReleaseId, opinion: Opinion) -> bool {
        let Some(voter) = self.names.find(voter) else { return false };
        let Some(ballots) = self.releases.get_mut(release) else { return false };
        let Some(ballot) = ballots.get_mut(&voter) else { return false };
        let slot = if opinion == Opinion::Listing { &mut ballot.listing } else { &mut ballot.verdict };
        let removed = slot.take().is_some();
        if ballot.listing.is_none() && ballot.verdict.is_none() {
            ballots.remove(&voter);
        }
        if ballots.is_empty() {
            self.releases.remove(release);
        }
        removed
    }

    /// Notes when a key made its last statement of any kind (Unix milliseconds). A key that was silent for long
    /// loses part of a positive score. Live attestations in the graph count without being noted here.
    pub fn note_last_statement(&mut self, key: NodeId, time_ms: u64) {
        let index = self.intern(key);
        let last = self.last_seen_ms.entry(index).or_default();
        *last = time_ms.max(*last);
    }

    /// Every key mentioned by any input, in key order.
    pub fn keys(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.names.index.keys().copied()
    }

    fn intern(&mut self, id: NodeId) -> Index {
        if let Some(index) = self.names.find(&id) {
            return index;
        }
        let names = Arc::make_mut(&mut self.names);
        // PANIC: 2^32 keys are 128 GiB of names; the store's quotas end long before.
        let index = Index::try_from(names.ids.len()).expect("fewer than 2^32 keys");
        names.ids.push(id);
        names.index.insert(id, index);
        self.links.add_node(index);
        index
    }

    fn link(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        let (from, to) = (self.intern(from), self.intern(to));
        if !self.links.contains_edge(from, to) {
            self.links.add_edge(from, to, Link::default());
        }
        // PANIC: added on the line above.
        self.links.edge_weight_mut(from, to).expect("the link was just made")
    }

    fn edit_link(&mut self, from: &NodeId, to: &NodeId, edit: impl FnOnce(&mut Link) -> bool) -> bool {
        let (Some(from), Some(to)) = (self.names.find(from), self.names.find(to)) else { return false };
        let Some(link) = self.links.edge_weight_mut(from, to) else { return false };
        let changed = edit(link);
        if link.is_empty() {
            self.links.remove_edge(from, to);
        }
        changed
    }
}
