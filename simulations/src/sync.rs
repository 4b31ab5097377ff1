//! The line between two nodes that sync: questions under way, and peers that answer with lies.

use crate::dice::{Dice, PerMille};
use crate::world::NodeId;
use heirloom_core::io::{ExchangeId, OrderId};
use heirloom_proto::sync::Response;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How a peer lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Leaves every other statement out, and says that it is all.
    Omit,
    /// Says that it has nothing.
    Nothing,
    /// Sends bytes that are nothing.
    Junk,
    /// Answers with what it answered long ago.
    Replay,
    /// Sends the same page again and again, and says that more follows.
    Endless,
    /// Does not answer.
    Silent,
}

impl Lie {
    /// Every one.
    pub const ALL: [Self; 6] = [Self::Omit, Self::Nothing, Self::Junk, Self::Replay, Self::Endless, Self::Silent];
}

/// Answers that a liar remembers.
const REMEMBERED_MAX: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: BTreeMap<(NodeId, ExchangeId), (NodeId, u32, OrderId)>,
    last: u64,
    liars: BTreeMap<NodeId, Lie>,
    remembered: BTreeMap<NodeId, VecDeque<Vec<u8>>>,
    /// Who sent whom something that was wrong: only of these may one say so.
    wronged: BTreeSet<(NodeId, NodeId)>,
}

impl Line {
    pub(crate) fn make_liar(&mut self, node: NodeId, lie: Lie) {
        self.liars.insert(node, lie);
    }

    pub(crate) fn is_liar(&self, node: NodeId) -> bool {
        self.liars.contains_key(&node)
    }

    pub(crate) fn put(&mut self, node: NodeId, asker: (NodeId, u32, OrderId)) -> ExchangeId {
        self.last += 1;
        self.waiting.insert((node, ExchangeId(self.last)), asker);
        ExchangeId(self.last)
    }

    pub(crate) fn take(&mut self, node: NodeId, exchange: ExchangeId) -> Option<(NodeId, u32, OrderId)> {
        self.waiting.remove(&(node, exchange))
    }

    pub(crate) fn forget(&mut self, node: NodeId) {
        self.waiting.retain(|(of, _), _| *of != node);
    }

    /// Whether a node has reason to blame another.
    pub(crate) fn may_blame(&self, node: NodeId, peer: NodeId) -> bool {
        self.wronged.contains(&(node, peer))
    }

    /// A node is about to send another what it must know to be wrong.
    pub(crate) fn wrongs(&mut self, to: NodeId, node: NodeId) {
        self.wronged.insert((to, node));
    }

    /// An answer on its way, in which a bit may be turned.
    pub(crate) fn damage(
        &mut self,
        node: NodeId,
        to: NodeId,
        mut bytes: Vec<u8>,
        corruption: PerMille,
        dice: &mut Dice,
    ) -> Vec<u8> {
        if dice.happens(corruption) && !bytes.is_empty() {
            self.wrongs(to, node);
            let at = dice.index(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        bytes
    }

    /// What becomes of an answer on its way; `None`: it never arrives.
    pub(crate) fn meddle(
        &mut self,
        node: NodeId,
        to: NodeId,
        bytes: Vec<u8>,
        corruption: PerMille,
        dice: &mut Dice,
    ) -> Option<Vec<u8>> {
        let is_damaged = dice.happens(corruption);
        let mut bytes = match self.liars.get(&node).copied() {
            None => bytes,
            Some(lie) => {
                self.wronged.insert((to, node));
                let remembered = self.remembered.entry(node).or_default();
                remembered.push_back(bytes.clone());
                if remembered.len() > REMEMBERED_MAX {
                    remembered.pop_front();
                }
                told(lie, bytes, remembered, dice)?
            }
        };
        if is_damaged && !bytes.is_empty() {
            self.wronged.insert((to, node));
            let at = dice.index(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        Some(bytes)
    }
}

fn told(lie: Lie, bytes: Vec<u8>, remembered: &VecDeque<Vec<u8>>, dice: &mut Dice) -> Option<Vec<u8>> {
    let changed = match (lie, Response::decode(&bytes)) {
        (Lie::Silent, _) => return None,
        (Lie::Junk, _) => return Some(dice.bytes().repeat(20)),
        (Lie::Replay, _) => return remembered.get(dice.index(remembered.len())).cloned(),
        (Lie::Omit, Ok(Response::Statements { envelopes, .. })) => {
            let envelopes = envelopes.into_iter().step_by(2).collect();
            Response::Statements { envelopes, is_end: true, is_whole: true }
        }
        (Lie::Nothing, Ok(Response::Statements { .. })) => {
            Response::Statements { envelopes: Vec::new(), is_end: true, is_whole: true }
        }
        (Lie::Endless, Ok(Response::Statements { envelopes, is_whole, .. })) if !envelopes.is_empty() => {
            Response::Statements { envelopes, is_end: false, is_whole }
        }
        _ => return Some(bytes),
    };
    Some(changed.encode())
}
