//! Gossip as flooding along a graph of peers: a node passes on what its core accepts, and nothing else.

use crate::dice::Dice;
use crate::message::Message;
use crate::world::NodeId;
use heirloom_core::io::MessageId;
use heirloom_proto::GossipId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// Peers that each node looks for unless a scenario says otherwise, the one that ties it to the others included: with those
/// that look for it about ten, as a real node dials ten (`BOOK_OUTBOUND_MAX`) and gossips with eight.
pub(crate) const LINKS: usize = 5;
/// Messages that somebody may repeat.
const SAID_MAX: usize = 512;

/// From whom a message came, and the message.
pub(crate) type Passed = (NodeId, Rc<Message>);

#[derive(Debug, Default)]
pub(crate) struct Mesh {
    peers: Vec<BTreeSet<NodeId>>,
    seen: BTreeMap<NodeId, BTreeSet<GossipId>>,
    /// Messages that wait for their admission, with who passed them on.
    waiting: BTreeMap<(NodeId, MessageId), Passed>,
    /// What was damaged on the way: only of this may a core say that the relayer is to blame.
    damaged: BTreeSet<GossipId>,
    /// What was said lately by anybody, for who repeats it.
    said: VecDeque<Rc<Message>>,
    /// Who passes nothing on.
    mute: BTreeSet<NodeId>,
}

impl Mesh {
    /// A connected graph of peers, so many of them sought by each.
    pub(crate) fn new(nodes: usize, links: usize, dice: &mut Dice) -> Self {
        let mut peers = vec![BTreeSet::new(); nodes];
        for node in 1..nodes {
            for link in 0..links {
                let other = dice.index(if link == 0 { node } else { nodes });
                if other != node {
                    peers[node].insert(other);
                    peers[other].insert(node);
                }
            }
        }
        Self { peers, ..Self::default() }
    }

    pub(crate) fn link(&mut self, a: NodeId, b: NodeId) {
        self.peers[a].insert(b);
        self.peers[b].insert(a);
    }

    pub(crate) fn peers_of(&self, node: NodeId) -> Vec<NodeId> {
        self.peers[node].iter().copied().collect()
    }

    /// Lets a node pass nothing on from now on.
    pub(crate) fn silence(&mut self, node: NodeId) {
        self.mute.insert(node);
    }

    pub(crate) fn is_mute(&self, node: NodeId) -> bool {
        self.mute.contains(&node)
    }

    /// Whether a message is new to a node since it started.
    pub(crate) fn is_new(&mut self, node: NodeId, message: &Message) -> bool {
        self.seen.entry(node).or_default().insert(message.id)
    }

    pub(crate) fn wait_for_admission(&mut self, node: NodeId, id: MessageId, from: NodeId, message: Rc<Message>) {
        self.waiting.insert((node, id), (from, message));
    }

    /// What an admission is about.
    pub(crate) fn waiting(&self, node: NodeId, id: MessageId) -> Option<&Passed> {
        self.waiting.get(&(node, id))
    }

    pub(crate) fn admitted(&mut self, node: NodeId, id: MessageId) -> Option<Passed> {
        self.waiting.remove(&(node, id))
    }

    /// Remembers what was said.
    pub(crate) fn remember(&mut self, message: &Rc<Message>) {
        if self.said.len() == SAID_MAX {
            self.said.pop_front();
        }
        self.said.push_back(Rc::clone(message));
    }

    /// Some message of the past.
    pub(crate) fn recall(&self, dice: &mut Dice) -> Option<Rc<Message>> {
        self.said.get(dice.index(self.said.len())).cloned()
    }

    /// Turns one bit around.
    pub(crate) fn damage(&mut self, message: &Message, dice: &mut Dice) -> Rc<Message> {
        let mut bytes = message.bytes.clone();
        let at = dice.index(bytes.len());
        bytes[at] ^= 1 << dice.below(8);
        let message = Message::new(bytes);
        self.damaged.insert(message.id);
        message
    }

    /// Whether a message was wrong when it was sent, so that whoever passes it on may be blamed.
    pub(crate) fn is_damaged(&self, message: &Message) -> bool {
        self.damaged.contains(&message.id)
    }

    /// A process ended: its caches are gone.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.seen.remove(&node);
        self.waiting.retain(|(of, _), _| *of != node);
    }
}
