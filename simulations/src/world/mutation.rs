//! Nodes that are broken on purpose, each in one way, so that every checker is seen to complain.

use super::{NodeId, World};
use crate::checkers::{Property, followed_by};
use crate::disk::Disk;
use crate::hand::Hand;
use heirloom_core::command::Reply;
use heirloom_core::ground::{Ground, Place};
use heirloom_core::io::{Admission, Input, Output, SyncEvent};
use heirloom_core::store::{Batch, Durability, Store, Table};
use heirloom_graph::Band;
use heirloom_proto::body::{CuratorList, DuplicityProof, Opinion, Profile, Verdict};
use heirloom_proto::sync::Response;
use heirloom_proto::{Body, Infohash, Kind, Sha256, Statement, Timestamp, Verified, statement};
use std::collections::{BTreeMap, BTreeSet};

/// How a core is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Signs two contents with one number.
    ReusesNumbers,
    /// Lets outputs go before their commit.
    SpeaksBeforeCommit,
    /// Puts back what was replaced.
    RollsBack,
    /// Holds what nobody signed.
    Invents,
    /// Loses an own statement in a crash.
    LosesOwn,
    /// Evicts what a followed key said.
    EvictsFollowed,
    /// Blames whoever passes on what it does not want.
    BlamesAnybody,
    /// Accuses an honest key.
    AccusesFalsely,
    /// Lets a stranger have more than is theirs.
    ForgetsQuotas,
    /// Says that what has no support is trusted.
    TrustsAnything,
    /// Books bytes twice.
    BooksTwice,
    /// Hears nothing of the statements of others.
    IsDeaf,
    /// Hears no proof of duplicity.
    IsDeafToProofs,
}

impl Mutation {
    /// Every one, with the property that it breaks.
    pub const ALL: [(Self, Property); 13] = [
        (Self::ReusesNumbers, Property::NumbersOnce),
        (Self::SpeaksBeforeCommit, Property::CommitBeforeRelease),
        (Self::RollsBack, Property::NoRollback),
        (Self::Invents, Property::NothingInvented),
        (Self::LosesOwn, Property::NothingLost),
        (Self::EvictsFollowed, Property::OwnAndFollowedStay),
        (Self::BlamesAnybody, Property::NobodyHonestBlamed),
        (Self::AccusesFalsely, Property::NoFalseAccusation),
        (Self::ForgetsQuotas, Property::QuotasHold),
        (Self::TrustsAnything, Property::BandsNeedSupport),
        (Self::BooksTwice, Property::BytesAddUp),
        (Self::IsDeaf, Property::FollowersHear),
        (Self::IsDeafToProofs, Property::ProofsArrive),
    ];

    /// What breaks a property.
    #[must_use]
    pub fn of(property: Property) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, breaks)| *breaks == property).map(|(mutation, _)| mutation)
    }
}

/// A mutation at work.
#[derive(Debug)]
pub(super) struct Broke {
    mutation: Mutation,
    /// What stood first at each place.
    first: BTreeMap<Vec<u8>, Vec<u8>>,
    is_done: bool,
}

impl World {
    /// Breaks a node from now on.
    pub fn mutate(&mut self, node: NodeId, mutation: Mutation) {
        self.mutations.insert(node, Broke { mutation, first: BTreeMap::new(), is_done: false });
    }

    fn has(&self, node: NodeId, mutation: Mutation) -> bool {
        self.mutations.get(&node).is_some_and(|broke| broke.mutation == mutation)
    }

    pub(super) fn commits_early(&self, node: NodeId) -> bool {
        self.has(node, Mutation::SpeaksBeforeCommit)
    }

    pub(super) fn is_deaf_to(&self, node: NodeId, input: &Input) -> bool {
        let is_deaf = |is_it: fn(&Statement) -> bool| match input {
            Input::Gossip { bytes, .. } => statement::verify(bytes).is_ok_and(|said| is_it(&said)),
            Input::SyncFrame(SyncEvent::Answered { bytes, .. }) => match Response::decode(bytes) {
                Ok(Response::Statements { envelopes, .. }) => {
                    envelopes.iter().any(|bytes| statement::verify(bytes).is_ok_and(|said| is_it(&said)))
                }
                _ => false,
            },
            _ => false,
        };
        match self.mutations.get(&node).map(|broke| broke.mutation) {
            Some(Mutation::IsDeaf) => is_deaf(|_| true) || matches!(input, Input::Dht(_)),
            // Nor what a proof is made of.
            Some(Mutation::IsDeafToProofs) => {
                is_deaf(|said| matches!(said.kind(), Kind::DuplicityProof | Kind::Profile))
            }
            _ => false,
        }
    }

    /// Changes what a broken core puts out, or what is on its disk.
    pub(super) fn tamper(&mut self, node: NodeId, outputs: &mut Vec<Output>) {
        let Some(broke) = self.mutations.get_mut(&node) else { return };
        let mut disk = self.nodes[node].disk.clone();
        match broke.mutation {
            Mutation::ReusesNumbers => {
                let again = outputs.iter().find_map(|output| match output {
                    Output::Publish { kind, bytes } => Some((kind, statement::verify(bytes).ok()?)),
                    _ => None,
                });
                if let Some((kind, said)) = again.filter(|(_, said)| *said.author() == self.nodes[node].key()) {
                    let note = "another".to_owned();
                    let body = Body::Verdict(Verdict { infohash: Infohash([9; 20]), opinion: Opinion::Good, note });
                    let other = Statement::sign(self.nodes[node].secret(), said.header(), &body);
                    let bytes = other.map(|other| other.bytes().to_vec()).unwrap_or_default();
                    outputs.push(Output::Publish { kind, bytes });
                }
            }
            Mutation::RollsBack => {
                let ground = Ground::new(disk.clone());
                let places = ground.statements(&[]).map(|(all, _)| all).unwrap_or_default();
                let mut back = Vec::new();
                for place in places.iter().map(|stored| Place::of(&stored.statement).to_bytes().to_vec()) {
                    let Ok(Some(now)) = disk.get(Table::Statements, &place) else { continue };
                    let first = broke.first.entry(place.clone()).or_insert_with(|| now.clone()).clone();
                    if first != now {
                        back.push((Table::Statements, place, Some(first)));
                    }
                }
                if !back.is_empty() {
                    // The disk is looked at on either side, not only when its turn comes: a core whose disk changes under
                    // it may break anything else before.
                    self.look_at(node, &BTreeSet::new());
                    write(&mut disk, back);
                    self.look_at(node, &BTreeSet::new());
                }
            }
            Mutation::Invents if !broke.is_done => {
                broke.is_done = true;
                let mut nobody = Hand::new([0xee; 32]);
                let said = nobody.says(&profile("nobody", 1), self.nodes[node].now(self.now).wall);
                plant(&mut disk, &said);
            }
            Mutation::ForgetsQuotas if !broke.is_done => {
                broke.is_done = true;
                let mut greedy = Hand::new([0xef; 32]);
                for number in 0..=Kind::CuratorList.limits().live_per_key_max {
                    let list = Body::CuratorList(CuratorList { name: format!("list {number}"), entries: Vec::new() });
                    let said = greedy.says(&list, self.nodes[node].now(self.now).wall);
                    self.truth.signs(said.id(), self.now);
                    plant(&mut disk, &said);
                }
            }
            Mutation::EvictsFollowed => {
                let ground = Ground::new(disk.clone());
                let followed = followed_by(&disk);
                let logs = followed.iter().filter_map(|key| ground.statements_of(key).ok()).flatten();
                for victim in logs.filter(|stored| stored.statement.kind() == Kind::Verdict).skip(1) {
                    unplant(&mut disk, &victim.statement);
                }
            }
            Mutation::BlamesAnybody => {
                for output in outputs.iter_mut() {
                    if let Output::Admission { admission: admission @ Admission::Ignore, .. } = output {
                        *admission = Admission::Reject;
                    }
                }
            }
            Mutation::AccusesFalsely if !broke.is_done => {
                broke.is_done = true;
                let wall = self.nodes[node].now(self.now).wall;
                let mut honest = Hand::new([0xed; 32]);
                let (one, other) = (honest.says(&profile("a", 1), wall), honest.says(&profile("a", 2), wall));
                if let Ok(proof) = DuplicityProof::new(&one, &other) {
                    let mut me = Hand::new([0xec; 32]);
                    let said = me.says(&Body::DuplicityProof(proof), wall);
                    self.truth.signs(said.id(), self.now);
                    plant(&mut disk, &said);
                }
            }
            Mutation::TrustsAnything | Mutation::BooksTwice => falsify(broke.mutation, outputs),
            _ => {}
        }
    }

    /// A broken disk forgets something in a crash.
    pub(super) fn lose_own(&mut self, node: NodeId) {
        if self.has(node, Mutation::LosesOwn) {
            let (mut disk, me) = (self.nodes[node].disk.clone(), self.nodes[node].key());
            let own = Ground::new(disk.clone()).statements_of(&me).unwrap_or_default();
            own.iter().take(1).for_each(|stored| unplant(&mut disk, &stored.statement));
        }
    }
}

fn falsify(mutation: Mutation, outputs: &mut [Output]) {
    for output in outputs {
        let Output::Reply { result: Ok(reply), .. } = output else { continue };
        match (mutation, reply.as_mut()) {
            (Mutation::TrustsAnything, Reply::Trust(rows)) => {
                // Even of whom the owner follows it is said that they stand further off: some people know no others.
                for row in rows.iter_mut() {
                    (row.band, row.support) = (Band::Trusted, 0.0);
                    row.distance = row.distance.map(|hops| hops.max(2));
                }
            }
            (Mutation::BooksTwice, Reply::Ledger(rows)) => {
                rows.iter_mut().for_each(|row| row.verified_bytes *= 2);
            }
            _ => {}
        }
    }
}

fn profile(name: &str, commits_to: u8) -> Body {
    Body::Profile(Profile { name: name.into(), url: String::new(), next_key_hash: Sha256([commits_to; 32]) })
}

fn write(disk: &mut Disk, changes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>) {
    // A disk of the simulator is full only while it is told to be.
    let _ = disk.write(&changes.into_iter().collect::<Batch>(), Durability::Disk);
}

/// Puts a statement on a disk past the core.
fn plant(disk: &mut Disk, said: &Verified<Statement>) {
    let mut record = vec![0, 2];
    record.extend_from_slice(&Timestamp(0).0.to_be_bytes());
    record.extend_from_slice(&said.to_store());
    let place = Place::of(said).to_bytes().to_vec();
    write(
        disk,
        vec![(Table::Statements, place.clone(), Some(record)), (Table::Ids, said.id().0.to_vec(), Some(place))],
    );
}

/// Takes a statement off a disk past the core.
fn unplant(disk: &mut Disk, said: &Statement) {
    let (generation, seq) = said.header().order();
    let sequence = [&said.author().as_bytes()[..], &generation.to_be_bytes(), &seq.to_be_bytes()].concat();
    write(
        disk,
        vec![
            (Table::Statements, Place::of(said).to_bytes().to_vec(), None),
            (Table::Sequence, sequence, None),
            (Table::Ids, said.id().0.to_vec(), None),
        ],
    );
}
