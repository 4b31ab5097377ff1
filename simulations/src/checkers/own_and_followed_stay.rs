//! However full a disk becomes: own statements, and those of keys that were followed all along, are never evicted.

use super::fate::is_settled;
use super::{Checker, End, Held, Look, Property};
use crate::world::NodeId;
use heirloom_proto::{Statement, StatementId, Verified};
use std::collections::BTreeMap;
use std::rc::Rc;

const PROPERTY: Property = Property::OwnAndFollowedStay;

#[derive(Debug, Default)]
pub(crate) struct OwnAndFollowedStay {
    /// What stood on a disk at the last look.
    seen: BTreeMap<NodeId, BTreeMap<StatementId, Rc<Verified<Statement>>>>,
}

impl Checker for OwnAndFollowedStay {
    fn look(&mut self, look: &Look<'_>) -> Held {
        let me = look.of.key();
        let is_kept = |said: &Statement| *said.author() == me || look.followed.contains(said.author());
        let accepted = look.truth.accepted.get(&look.node).into_iter().flatten();
        let before = self.seen.remove(&look.node).unwrap_or_default();
        for (id, said) in before.iter().chain(accepted).filter(|(_, said)| is_kept(said)) {
            if !is_settled(PROPERTY, look.ground, said, look.wall, look.truth)? && !is_compromised(look, said) {
                return PROPERTY.broken(format!("n{} evicted {:?} {id} of {}", look.node, said.kind(), said.author()));
            }
        }
        let kept = look.stored.iter().filter(|stored| is_kept(&stored.statement));
        let kept = kept.map(|stored| (stored.statement.id(), Rc::new(stored.statement.clone())));
        self.seen.insert(look.node, kept.collect());
        Ok(())
    }

    fn end(&mut self, end: &End<'_>) -> Held {
        if end.is_power_cut
            && let Some(seen) = self.seen.get_mut(&end.node)
        {
            seen.retain(|_, said| *said.author() == end.of.key());
        }
        Ok(())
    }

    fn wiped(&mut self, node: NodeId) {
        self.seen.remove(&node);
    }
}

/// What a key said since it was stolen goes for good.
fn is_compromised(look: &Look<'_>, said: &Statement) -> bool {
    look.stored.iter().any(|stored| match stored.statement.body() {
        heirloom_proto::Body::Rotation(rotation) => {
            let since = rotation.compromised_since;
            rotation.previous_key == *said.author() && since.is_some_and(|since| since <= said.header().created)
        }
        _ => false,
    })
}
