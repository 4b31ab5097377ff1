//! After a crash, what was accepted is there, or gone for a good reason. A power cut may take what others can send again,
//! but never an own statement.

use super::fate::{Said, is_settled};
use super::{Checker, End, Held, Property};
use heirloom_core::ground::Ground;

#[derive(Debug)]
pub(crate) struct NothingLost;

impl Checker for NothingLost {
    fn end(&mut self, end: &End<'_>) -> Held {
        let ground = Ground::new(end.of.disk.clone());
        for (id, said) in end.truth.accepted.get(&end.node).into_iter().flatten() {
            let may_go = end.is_power_cut && *said.author() != end.of.key();
            if !may_go && !is_settled(Property::NothingLost, &ground, &Said::of(said), end.wall, end.truth)? {
                let what = format!("n{} lost {:?} {id} in a crash", end.node, said.kind());
                return Property::NothingLost.broken(what);
            }
        }
        Ok(())
    }
}
