//! Only who sent what it must have known to be wrong is blamed: never for a clock, a quota, or an unknown kind.

use super::{Checker, Held, Property, Step};

#[derive(Debug)]
pub(crate) struct NobodyHonestBlamed;

impl Checker for NobodyHonestBlamed {
    fn step(&mut self, step: &Step<'_>) -> Held {
        match step.blamed.iter().find(|(_, has_it_coming)| !has_it_coming) {
            Some((peer, _)) => {
                Property::NobodyHonestBlamed.broken(format!("n{} blames n{peer}, which did nothing wrong", step.node))
            }
            None => Ok(()),
        }
    }
}
