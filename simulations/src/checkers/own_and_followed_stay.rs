//! However full a disk becomes: own statements, and those of keys that were followed all along, are never evicted.

use super::fate::{Said, is_settled};
use super::{Checker, End, Held, Look, Property};
use crate::world::NodeId;
use heirloom_proto::Key;
use std::collections::BTreeMap;

const PROPERTY: Property = Property::OwnAndFollowedStay;

#[derive(Debug, Default)]
pub(crate) struct OwnAndFollowedStay {
    /// What stood on a disk at the last look.
    seen: BTreeMap<NodeId, Vec<Said>>,
}

impl Checker for OwnAndFollowedStay {
    fn look(&mut self, look: &Look<'_>) -> Held {
        let me = look.of.key();
        let is_kept = |author: &Key| *author == me || look.followed.contains(author);
        let check = |said: &Said| {
            if !is_settled(PROPERTY, look.ground, said, look.wall, look.truth)? && !is_compromised(look, said) {
                let (kind, id, author) = (said.kind(), said.id, said.author());
                return PROPERTY.broken(format!("n{} evicted {kind:?} {id} of {author}", look.node));
            }
            Ok(())
        };
        let before = self.seen.remove(&look.node).unwrap_or_default();
        before.iter().filter(|said| is_kept(said.author())).try_for_each(check)?;
        let accepted = look.truth.accepted.get(&look.node).into_iter().flatten();
        let mut accepted = accepted.filter(|(_, said)| is_kept(said.author()));
        accepted.try_for_each(|(_, said)| check(&Said::of(said)))?;
        let kept = look.stored.iter().filter(|stored| is_kept(stored.statement.author()));
        self.seen.insert(look.node, kept.map(|stored| Said::of(&stored.statement)).collect());
        Ok(())
    }

    fn end(&mut self, end: &End<'_>) -> Held {
        if end.is_power_cut
            && let Some(seen) = self.seen.get_mut(&end.node)
        {
            seen.retain(|said| *said.author() == end.of.key());
        }
        Ok(())
    }

    fn wiped(&mut self, node: NodeId) {
        self.seen.remove(&node);
    }
}

/// What a key said since it was stolen goes for good.
fn is_compromised(look: &Look<'_>, said: &Said) -> bool {
    look.stored.iter().any(|stored| match stored.statement.body() {
        heirloom_proto::Body::Rotation(rotation) => {
            let since = rotation.compromised_since;
            rotation.previous_key == *said.author() && since.is_some_and(|since| since <= said.header.created)
        }
        _ => false,
    })
}
