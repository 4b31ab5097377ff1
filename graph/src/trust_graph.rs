//! The ground state of the metric: who said what of whom, who my roots are. Scores are computed from it and
//! never written back.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;

use crate::ballots::Ballots;
use crate::edge::Edge;
use crate::epoch::Day;
use crate::ids::{NodeId, ReleaseId};
use crate::input::{DayBytes, Evidence, InputError, Opinion, ReleaseVote, Root, RootKind, Scope, Statement};
use crate::journal::{Change, Journal};
use crate::names::{Index, Names};
use crate::pool::Pool;

/// Set on a speaker's number where distrust is among what it says.
const AGAINST: Index = 1 << 31;

/// Every input of the metric, in any order of arrival.
///
/// Each method is idempotent but [`TrustGraph::add_evidence`], which adds. Equal contents give equal scores bit
/// for bit, whatever the order of the calls.
///
/// A statement takes 16 bytes in its issuer's row and 4 in the list of its subject's speakers. `&TrustGraph` is a graph to
/// petgraph, whose algorithms run over it: an edge wherever anything is said or measured.
#[derive(Clone, Debug, Default)]
pub struct TrustGraph {
    names: Names,
    // By issuer: what it says, ordered by subject, then kind.
    rows: Pool<Edge>,
    // By subject: who says anything of it, in no order.
    speakers: Pool<Index>,
    // Keys that anybody ever distrusted: few, so most lists of speakers need not be looked at.
    accused: FixedBitSet,
    links: usize,
    measured: BTreeMap<(Index, Index), Vec<(Scope, DayBytes)>>,
    roots: BTreeMap<(Index, Scope), RootKind>,
    zeroed: BTreeSet<Index>,
    pub(crate) ballots: Ballots,
    last_seen_ms: BTreeMap<Index, u64>,
    journal: Journal,
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
        self.names.len()
    }

    /// Number of ordered pairs of keys between which something was said or measured.
    #[must_use]
    pub fn link_count(&self) -> usize {
        self.links
    }

    /// Takes one attestation. An older one of the same issuer, subject and scope gives way to a newer one, and
    /// a newer one stays. Levels are kept to 1e-9, times to the millisecond (until 2527), expiry to the day.
    ///
    /// # Errors
    /// [`InputError::Level`] if the level is not within -1..=1.
    pub fn add_statement(&mut self, statement: Statement) -> Result<(), InputError> {
        let Statement { issuer, subject, scope, level, time_ms, expires_ms } = statement;
        if !(-1.0..=1.0).contains(&level) {
            return Err(InputError::Level { issuer, subject, level });
        }
        let (from, to) = (self.intern(issuer), self.intern(subject));
        let new = Edge::said(to, scope, level, time_ms, Day::by(expires_ms));
        match self.place(from, new) {
            Ok(place) => {
                let old = self.rows.list(from)[place];
                let kept = old.newer_of(new);
                if kept != old {
                    self.note_pair(from, to);
                    self.rows.list_mut(from)[place] = kept;
                    self.mark_speaker(from, to);
                }
            }
            Err(place) => self.insert_edge(from, place, new),
        }
        Ok(())
    }

    /// Forgets the attestation of this issuer, subject and scope (a retraction). Whether there was one.
    pub fn remove_statement(&mut self, issuer: &NodeId, subject: &NodeId, scope: Scope) -> bool {
        let (Some(from), Some(to)) = (self.names.find(issuer), self.names.find(subject)) else { return false };
        self.remove_edge(from, Edge::said(to, scope, 0.0, 0, Day::NEVER))
    }

    /// Adds measured bytes to those already known of this receiver, subject and scope.
    pub fn add_evidence(&mut self, evidence: Evidence) {
        let Evidence { receiver, subject, scope, day_bytes } = evidence;
        if day_bytes.is_empty() {
            return;
        }
        let (from, to) = (self.intern(receiver), self.intern(subject));
        let mark = Edge::bytes(to);
        match self.place(from, mark) {
            Ok(_) => self.note_pair(from, to),
            Err(place) => self.insert_edge(from, place, mark),
        }
        self.measured.entry((from, to)).or_default().extend(day_bytes.into_iter().map(|day| (scope, day)));
    }

    /// Forgets the measured bytes of this receiver, subject and scope. Whether there were any.
    pub fn clear_evidence(&mut self, receiver: &NodeId, subject: &NodeId, scope: Scope) -> bool {
        let (Some(from), Some(to)) = (self.names.find(receiver), self.names.find(subject)) else { return false };
        if !self.measured(from, to).iter().any(|(at, _)| *at == scope) {
            return false;
        }
        self.note_pair(from, to);
        let is_last = self.measured.get_mut(&(from, to)).is_some_and(|days| {
            days.retain(|(at, _)| *at != scope);
            days.is_empty()
        });
        if is_last {
            self.measured.remove(&(from, to));
            self.remove_edge(from, Edge::bytes(to));
        }
        true
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
        if self.roots.insert((index, root.scope), root.kind) != Some(root.kind) {
            self.journal.note(Change::Roots);
        }
        Ok(())
    }

    /// Unfollows a key in that scope (or forgets my own key). Whether it was a root there.
    pub fn remove_root(&mut self, key: &NodeId, scope: Scope) -> bool {
        let was_root = self.names.find(key).is_some_and(|index| self.roots.remove(&(index, scope)).is_some());
        if was_root {
            self.journal.note(Change::Roots);
        }
        was_root
    }

    /// Weighs a key 0 for duplicity: it has no reach, no vote, is no root, and never scores above 0.
    ///
    /// My own key is exempt in my own graph: my word still decides what I see.
    pub fn zero(&mut self, key: NodeId) {
        let index = self.intern(key);
        if self.zeroed.insert(index) {
            self.journal.note(Change::Zeroed);
        }
    }

    /// Takes one key's opinion of one release.
    pub fn add_vote(&mut self, vote: ReleaseVote) {
        let voter = self.intern(vote.voter);
        self.ballots.add(voter, &vote);
    }

    /// Forgets a voter's listing (if `opinion` is one) or verdict (any other) of a release. Whether there was one.
    pub fn remove_vote(&mut self, voter: &NodeId, release: &ReleaseId, opinion: Opinion) -> bool {
        self.names.find(voter).is_some_and(|voter| self.ballots.remove(voter, release, opinion))
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
        let mut ids = self.names.ids().to_vec();
        ids.sort_unstable();
        ids.into_iter()
    }

    /// Gives back the room kept for growth: after a large load that few statements will follow.
    pub fn shrink_to_fit(&mut self) {
        self.names.shrink();
        self.rows.shrink();
        self.speakers.shrink();
    }

    pub(crate) fn find(&self, id: &NodeId) -> Option<Index> {
        self.names.find(id)
    }

    pub(crate) fn id(&self, index: Index) -> NodeId {
        self.names.id(index)
    }

    /// Everything `from` says, by subject.
    #[inline]
    pub(crate) fn row(&self, from: Index) -> &[Edge] {
        self.rows.list(from)
    }

    /// Everything `from` says of `to`: at most one edge of each kind.
    pub(crate) fn pair(&self, from: Index, to: Index) -> &[Edge] {
        let row = self.row(from);
        let start = row.partition_point(|edge| edge.to < to);
        let count = row[start..].iter().take_while(|edge| edge.to == to).count();
        &row[start..start + count]
    }

    /// What `from` measured of `to`.
    pub(crate) fn measured(&self, from: Index, to: Index) -> &[(Scope, DayBytes)] {
        // Hardly any pair has bytes: most calls end here.
        if self.measured.is_empty() {
            return &[];
        }
        self.measured.get(&(from, to)).map_or(&[], Vec::as_slice)
    }

    /// Whether any bytes were measured that count in `scope`.
    pub(crate) fn has_bytes_in(&self, scope: Scope) -> bool {
        self.measured.values().flatten().any(|(at, _)| *at == scope || *at == Scope::All)
    }

    /// Who says anything of `to`.
    pub(crate) fn speakers_of(&self, to: Index) -> impl Iterator<Item = Index> + '_ {
        self.speakers.list(to).iter().map(|speaker| speaker & !AGAINST)
    }

    /// Who distrusts `to`, in some scope and perhaps no longer.
    pub(crate) fn accusers_of(&self, to: Index) -> impl Iterator<Item = Index> + '_ {
        let speakers = if self.accused.contains(to as usize) { self.speakers.list(to) } else { &[] };
        speakers.iter().filter(|speaker| **speaker & AGAINST != 0).map(|speaker| speaker & !AGAINST)
    }

    /// Roots with their scopes, by number.
    pub(crate) fn roots(&self) -> impl Iterator<Item = (Index, Scope, RootKind)> + '_ {
        self.roots.iter().map(|((key, scope), kind)| (*key, *scope, *kind))
    }

    pub(crate) fn is_zeroed(&self, key: Index) -> bool {
        self.zeroed.contains(&key)
    }

    pub(crate) fn zeroed(&self) -> impl Iterator<Item = Index> + '_ {
        self.zeroed.iter().copied()
    }

    /// When a key was last heard of, apart from what its row holds.
    pub(crate) fn last_seen_ms(&self, key: Index) -> Option<u64> {
        self.last_seen_ms.get(&key).copied()
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    fn intern(&mut self, id: NodeId) -> Index {
        let (index, is_new) = self.names.intern(id);
        if is_new {
            self.rows.push_list();
            self.speakers.push_list();
        }
        index
    }

    /// Where an edge stands in a row, or would stand.
    fn place(&self, from: Index, edge: Edge) -> Result<usize, usize> {
        self.row(from).binary_search_by_key(&edge.place(), |edge| edge.place())
    }

    fn insert_edge(&mut self, from: Index, place: usize, edge: Edge) {
        self.note_pair(from, edge.to);
        if self.pair(from, edge.to).is_empty() {
            let end = self.speakers.list(edge.to).len();
            self.speakers.insert(edge.to, end, from);
            self.links += 1;
        }
        self.rows.insert(from, place, edge);
        self.mark_speaker(from, edge.to);
    }

    /// Takes out the edge at the place of `like`. Whether there was one.
    fn remove_edge(&mut self, from: Index, like: Edge) -> bool {
        let Ok(place) = self.place(from, like) else { return false };
        self.note_pair(from, like.to);
        self.rows.remove(from, place);
        if self.pair(from, like.to).is_empty() {
            let place = self.speakers.list(like.to).iter().position(|speaker| speaker & !AGAINST == from);
            if let Some(place) = place {
                self.speakers.remove(like.to, place);
            }
            self.links -= 1;
        }
        true
    }

    /// Marks a speaker once it distrusts. The mark stays when the distrust goes: it only says where to look.
    fn mark_speaker(&mut self, from: Index, to: Index) {
        if self.pair(from, to).iter().any(|edge| edge.is_against()) {
            let speakers = self.speakers.list_mut(to);
            if let Some(speaker) = speakers.iter_mut().rfind(|speaker| **speaker & !AGAINST == from) {
                *speaker |= AGAINST;
            }
            self.accused.grow(self.names.len());
            self.accused.insert(to as usize);
        }
    }

    fn note_pair(&mut self, from: Index, to: Index) {
        let (edges, measured) = (self.pair(from, to).to_vec(), self.measured(from, to).to_vec());
        self.journal.note(Change::Pair { from, to, edges, measured });
    }
}
