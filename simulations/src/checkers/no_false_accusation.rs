//! Only keys that really contradicted themselves are accused of it.

use super::{Checker, Held, Look, Property, Step};
use crate::truth::Truth;
use crate::world::NodeId;
use heirloom_core::io::Output;
use heirloom_proto::{Body, Statement, statement};

#[derive(Debug)]
pub(crate) struct NoFalseAccusation;

fn is_deserved(node: NodeId, said: &Statement, truth: &Truth) -> Held {
    match said.body() {
        Body::DuplicityProof(proof) if !truth.is_duplicitous(proof.accused()) => Property::NoFalseAccusation
            .broken(format!("n{node} takes or makes a proof against {}, which is honest", proof.accused())),
        _ => Ok(()),
    }
}

impl Checker for NoFalseAccusation {
    fn step(&mut self, step: &Step<'_>) -> Held {
        for output in step.outputs {
            if let Output::Publish { bytes, .. } = output {
                let said = statement::verify(bytes).map_err(|error| Property::NoFalseAccusation.unreadable(error))?;
                is_deserved(step.node, &said, step.truth)?;
            }
        }
        let accepted = step.accepted.iter().filter_map(|message| message.statement.as_ref());
        accepted.into_iter().try_for_each(|said| is_deserved(step.node, said, step.truth))
    }

    fn look(&mut self, look: &Look<'_>) -> Held {
        look.stored.iter().try_for_each(|stored| is_deserved(look.node, &stored.statement, look.truth))
    }
}
