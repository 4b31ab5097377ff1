//! Nothing older than what was taken in before, and nothing that its author took back, is ever taken in again, whatever
//! way it came by.

use super::{Checker, End, Held, Look, Newest, Property, Step};
use crate::world::NodeId;
use heirloom_core::ground::Place;
use heirloom_proto::{Body, Key, Statement, StatementId};
use std::collections::BTreeSet;

const PROPERTY: Property = Property::NoRollback;

#[derive(Debug, Default)]
pub(crate) struct NoRollback {
    /// The newest order that each node took in at a place, and under which id.
    newest: Newest,
    /// What each node heard its author take back.
    taken_back: BTreeSet<(NodeId, Key, StatementId)>,
}

impl NoRollback {
    fn rises(&mut self, node: NodeId, said: &Statement) -> Held {
        let (order, id) = (said.header().order(), said.id());
        let newest = self.newest.entry((node, Place::of(said))).or_insert((order, id));
        // With one number for two statements the lower id wins everywhere.
        if order < newest.0 || (order == newest.0 && id > newest.1) {
            return PROPERTY.broken(format!(
                "n{node} has {:?} number {} of {} after {}",
                said.kind(),
                order.1,
                said.author(),
                newest.0.1
            ));
        }
        *newest = (order, id);
        Ok(())
    }
}

impl Checker for NoRollback {
    fn step(&mut self, step: &Step<'_>) -> Held {
        for message in step.accepted {
            let Some(said) = &message.statement else { continue };
            let (author, id) = (*said.author(), said.id());
            if let Body::Retraction(retraction) = said.body() {
                self.taken_back.insert((step.node, author, retraction.target));
            }
            if self.taken_back.contains(&(step.node, author, id)) {
                return PROPERTY.broken(format!("n{} takes in {id}, which {author} took back", step.node));
            }
            self.rises(step.node, said)?;
        }
        Ok(())
    }

    fn look(&mut self, look: &Look<'_>) -> Held {
        if look.damaged > 0 {
            return PROPERTY.broken(format!("n{} has {} damaged statements", look.node, look.damaged));
        }
        look.stored.iter().try_for_each(|stored| self.rises(look.node, &stored.statement))
    }

    fn end(&mut self, end: &End<'_>) -> Held {
        // Floors of others are synced with what follows them, so the last of them may be gone too.
        if end.is_power_cut {
            let me = end.of.key();
            self.newest.retain(|(of, place), _| *of != end.node || place.author == me);
            self.taken_back.retain(|(of, author, _)| *of != end.node || *author == me);
        }
        Ok(())
    }

    fn wiped(&mut self, node: NodeId) {
        self.newest.retain(|(of, _), _| *of != node);
        self.taken_back.retain(|(of, ..)| *of != node);
    }
}
