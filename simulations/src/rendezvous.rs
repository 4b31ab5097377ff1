//! The rendezvous of works: who announced which in the DHT, and who is a peer for a question alone.

use crate::dice::Dice;
use crate::world::NodeId;
use heirloom_core::io::OrderId;
use heirloom_proto::WorkId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long an announcement stands: nodes of the DHT forget after half an hour or more.
const STANDS: Duration = Duration::from_secs(30 * 60);
/// Places that one seek takes from the DHT, and those of them that are dialled, as the node does (`p2p::params`).
const PLACES_MAX: usize = 64;
/// See [`PLACES_MAX`].
const DIALS_MAX: usize = 16;

/// What stands at a place that was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A node, or nobody while it is off.
    Node(NodeId),
    /// Nobody, ever.
    Dead(u64),
}

/// What somebody who announced a work answers, whatever is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misanswer {
    /// Nothing at all, until the asker gives up.
    Silence,
    /// That it has nothing to say about the work, which nobody can know to be wrong.
    Emptiness,
    /// These bytes, which it must know to be wrong.
    Wrong(Vec<u8>),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Rendezvous {
    announced: BTreeMap<WorkId, BTreeMap<Place, Duration>>,
    misanswers: BTreeMap<NodeId, Misanswer>,
    /// How many that are wrong were given and arrived.
    pub(crate) wrong_answers: u64,
    /// Pairs that are peers for a question: who asks, and who is asked.
    visits: BTreeSet<(NodeId, NodeId)>,
    /// Their questions under way.
    asking: BTreeSet<(NodeId, NodeId, OrderId)>,
}

impl Rendezvous {
    pub(crate) fn announce(&mut self, now: Duration, work: &WorkId, place: Place) {
        let places = self.announced.entry(work.clone()).or_default();
        places.retain(|_, at| now.saturating_sub(*at) < STANDS);
        places.insert(place, now);
    }

    /// Whom a seek dials, by chance, in their order.
    pub(crate) fn dialled(&self, now: Duration, work: &WorkId, by: NodeId, dice: &mut Dice) -> Vec<Place> {
        let places = self.announced.get(work).into_iter().flatten();
        let mut open: Vec<Place> = places
            .filter(|(place, at)| now.saturating_sub(**at) < STANDS && **place != Place::Node(by))
            .map(|(place, _)| *place)
            .collect();
        let mut draw = |from: &mut Vec<Place>, most: usize| {
            let count = most.min(from.len());
            (0..count).map(|_| from.swap_remove(dice.index(from.len()))).collect::<Vec<_>>()
        };
        let mut taken = draw(&mut open, PLACES_MAX);
        draw(&mut taken, DIALS_MAX)
    }

    pub(crate) fn misanswers(&mut self, node: NodeId, misanswer: Misanswer) {
        self.misanswers.insert(node, misanswer);
    }

    pub(crate) fn misanswer_of(&self, node: NodeId) -> Option<&Misanswer> {
        self.misanswers.get(&node)
    }

    /// Two nodes become peers. Says whether they were none for a question before.
    pub(crate) fn visits(&mut self, by: NodeId, of: NodeId) -> bool {
        self.visits.insert((by, of))
    }

    pub(crate) fn asks(&mut self, by: NodeId, of: NodeId, order: OrderId) {
        self.asking.insert((by, of, order));
    }

    /// A question has ended, or none came. Says whether the two are now peers no longer.
    pub(crate) fn parts(&mut self, by: NodeId, of: NodeId, order: Option<OrderId>) -> bool {
        if let Some(order) = order {
            self.asking.remove(&(by, of, order));
        }
        !self.asking.iter().any(|(asker, asked, _)| (*asker, *asked) == (by, of)) && self.visits.remove(&(by, of))
    }

    /// A process ended: with whom it was connected for a question.
    pub(crate) fn forget(&mut self, node: NodeId) -> BTreeSet<NodeId> {
        let is_of = |(by, of): &&(NodeId, NodeId)| *by == node || *of == node;
        let others = self.visits.iter().filter(is_of).map(|(by, of)| if *by == node { *of } else { *by }).collect();
        self.visits.retain(|pair| !is_of(&pair));
        self.asking.retain(|(by, of, _)| *by != node && *of != node);
        others
    }
}
