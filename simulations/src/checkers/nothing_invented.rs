//! No statement is accepted, stored or shown that nobody signed.

use super::{Checker, Held, Look, Property, Step};

#[derive(Debug)]
pub(crate) struct NothingInvented;

impl Checker for NothingInvented {
    fn step(&mut self, step: &Step<'_>) -> Held {
        for message in step.accepted {
            let was_signed = message.statement.as_ref().is_some_and(|said| step.truth.was_signed(&said.id()));
            if !was_signed {
                return Property::NothingInvented.broken(format!("n{} accepts what nobody signed", step.node));
            }
        }
        Ok(())
    }

    fn look(&mut self, look: &Look<'_>) -> Held {
        for stored in look.stored {
            let (author, id) = (stored.statement.author(), stored.statement.id());
            if *author != look.of.key() && !look.truth.was_signed(&id) {
                let what = format!("n{} holds {:?} {id}, which nobody signed", look.node, stored.statement.kind());
                return Property::NothingInvented.broken(what);
            }
        }
        Ok(())
    }
}
