//! What must hold at every moment of every world, whatever goes wrong in it: one property a file. All are looked at
//! after every step; a property that breaks ends the run. What must hold once a world has healed is in `healed`.
//!
//! Each can fail: `tests/checkers.rs` breaks one node in one way ([`crate::Mutation`]) and sees its checker complain.

mod bands_need_support;
mod bytes_add_up;
mod commit_before_release;
mod fate;
pub(crate) mod healed;
mod no_false_accusation;
mod no_rollback;
mod nobody_honest_blamed;
mod nothing_invented;
mod nothing_lost;
mod numbers_once;
mod own_and_followed_stay;
mod quotas_hold;

pub(crate) use commit_before_release::nothing_left_early;

use crate::disk::Disk;
use crate::message::Message;
use crate::node::Node;
use crate::swarm::Swarm;
use crate::truth::Truth;
use crate::world::NodeId;
use heirloom_core::command::Reply;
use heirloom_core::ground::Ground;
use heirloom_core::io::Output;
use heirloom_core::store::{Store, Table};
use heirloom_proto::{Key, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::ControlFlow;
use std::rc::Rc;

/// A property of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// No number of a key, and none of its items, stands for two contents, over all crashes.
    NumbersOnce,
    /// What depends on a write leaves after its commit, and what a power cut must not undo after it was synced.
    CommitBeforeRelease,
    /// Nothing older ever stands where something newer stood, and nothing that its author took back comes again.
    NoRollback,
    /// No statement is anywhere that nobody signed.
    NothingInvented,
    /// A crash takes nothing that was taken in; a power cut nothing of one's own.
    NothingLost,
    /// Own statements and those of followed keys are never evicted.
    OwnAndFollowedStay,
    /// Nobody is blamed for what they could not know.
    NobodyHonestBlamed,
    /// No key is accused of contradicting itself that did not.
    NoFalseAccusation,
    /// Nobody takes more of a disk than is theirs.
    QuotasHold,
    /// The score ranks, the support admits, and fakes are never let in.
    BandsNeedSupport,
    /// Booked bytes are no more than were sent, and add up to sizes.
    BytesAddUp,
    /// A core does not ask to be woken again and again at one moment.
    NoSpinning,
    /// A node opens its disk.
    Opens,
    /// Healed: everything that a followed key says is at every follower who runs.
    FollowersHear,
    /// Healed: who follows the same key holds the same of it.
    EqualState,
    /// Healed: a proof of duplicity is at every follower of the accused.
    ProofsArrive,
    /// Something that a scenario demands did not come about.
    ComesAbout,
}

impl Property {
    /// Its name in reports and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NumbersOnce => "numbers-once",
            Self::CommitBeforeRelease => "commit-before-release",
            Self::NoRollback => "no-rollback",
            Self::NothingInvented => "nothing-invented",
            Self::NothingLost => "nothing-lost",
            Self::OwnAndFollowedStay => "own-and-followed-stay",
            Self::NobodyHonestBlamed => "nobody-honest-blamed",
            Self::NoFalseAccusation => "no-false-accusation",
            Self::QuotasHold => "quotas-hold",
            Self::BandsNeedSupport => "bands-need-support",
            Self::BytesAddUp => "bytes-add-up",
            Self::NoSpinning => "no-spinning",
            Self::Opens => "opens",
            Self::FollowersHear => "followers-hear",
            Self::EqualState => "equal-state",
            Self::ProofsArrive => "proofs-arrive",
            Self::ComesAbout => "comes-about",
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A broken property, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) property: Property,
    pub(crate) what: String,
}

pub(crate) type Held = Result<(), Broken>;

impl Property {
    /// It broke.
    pub(crate) fn broken<T>(self, what: impl Into<String>) -> Result<T, Broken> {
        Err(Broken { property: self, what: what.into() })
    }

    /// It cannot be looked at, which breaks it too.
    pub(crate) fn unreadable(self, error: impl ToString) -> Broken {
        Broken { property: self, what: error.to_string() }
    }
}

/// What one step of one node came to: a core handled an input, committed, and its outputs are about to leave.
pub(crate) struct Step<'a> {
    pub(crate) node: NodeId,
    pub(crate) of: &'a Node,
    pub(crate) outputs: &'a [Output],
    /// Gossip that it accepted.
    pub(crate) accepted: &'a [Rc<Message>],
    /// Peers that it blamed, and whether they had it coming.
    pub(crate) blamed: &'a [(NodeId, bool)],
    pub(crate) truth: &'a Truth,
    pub(crate) nodes: &'a [Node],
    pub(crate) swarm: &'a Swarm,
}

impl Step<'_> {
    /// Answers to its owner.
    pub(crate) fn replies(&self) -> impl Iterator<Item = &Reply> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Reply { result: Ok(reply), .. } => Some(reply.as_ref()),
            _ => None,
        })
    }
}

/// A process ended against its will.
pub(crate) struct End<'a> {
    pub(crate) node: NodeId,
    pub(crate) of: &'a Node,
    pub(crate) wall: Timestamp,
    pub(crate) is_power_cut: bool,
    pub(crate) truth: &'a Truth,
}

/// A look at a node's disk.
pub(crate) struct Look<'a> {
    pub(crate) node: NodeId,
    pub(crate) of: &'a Node,
    pub(crate) wall: Timestamp,
    pub(crate) truth: &'a Truth,
    /// Keys with a score above zero, if the node runs and was asked.
    pub(crate) rated: &'a BTreeSet<Key>,
    pub(crate) ground: &'a Ground<Disk>,
    pub(crate) stored: &'a [heirloom_core::ground::Stored],
    pub(crate) damaged: usize,
    pub(crate) followed: &'a BTreeSet<Key>,
}

/// One property, with what it has to remember.
pub(crate) trait Checker: fmt::Debug {
    /// After every step of any node.
    fn step(&mut self, _: &Step<'_>) -> Held {
        Ok(())
    }

    /// After a crash.
    fn end(&mut self, _: &End<'_>) -> Held {
        Ok(())
    }

    /// At every look at a disk.
    fn look(&mut self, _: &Look<'_>) -> Held {
        Ok(())
    }

    /// A disk is gone.
    fn wiped(&mut self, _: NodeId) {}
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Checkers(Vec<Box<dyn Checker>>);

impl Default for Checkers {
    fn default() -> Self {
        Self(vec![
            Box::<numbers_once::NumbersOnce>::default(),
            Box::new(commit_before_release::CommitBeforeRelease),
            Box::<no_rollback::NoRollback>::default(),
            Box::new(nothing_invented::NothingInvented),
            Box::new(nothing_lost::NothingLost),
            Box::<own_and_followed_stay::OwnAndFollowedStay>::default(),
            Box::new(nobody_honest_blamed::NobodyHonestBlamed),
            Box::new(no_false_accusation::NoFalseAccusation),
            Box::new(quotas_hold::QuotasHold),
            Box::new(bands_need_support::BandsNeedSupport),
            Box::new(bytes_add_up::BytesAddUp),
        ])
    }
}

impl Checkers {
    pub(crate) fn step(&mut self, step: &Step<'_>) -> Held {
        self.0.iter_mut().try_for_each(|checker| checker.step(step))
    }

    pub(crate) fn end(&mut self, end: &End<'_>) -> Held {
        self.0.iter_mut().try_for_each(|checker| checker.end(end))
    }

    pub(crate) fn look(&mut self, look: &Look<'_>) -> Held {
        self.0.iter_mut().try_for_each(|checker| checker.look(look))
    }

    pub(crate) fn wiped(&mut self, node: NodeId) {
        self.0.iter_mut().for_each(|checker| checker.wiped(node));
    }
}

/// Whom a node follows, by its disk.
pub(crate) fn followed_by(disk: &Disk) -> BTreeSet<Key> {
    let mut keys = BTreeSet::new();
    let read = disk.scan(Table::Follows, &[], &mut |key, _| {
        keys.extend(Key::from_slice(key).ok());
        ControlFlow::Continue(())
    });
    // The disks of a world can always be read.
    debug_assert_eq!(read, Ok(()));
    keys
}

/// The newest of a place: its order, and which statement.
pub(crate) type Newest = BTreeMap<(NodeId, heirloom_core::ground::Place), ((u32, u64), heirloom_proto::StatementId)>;
