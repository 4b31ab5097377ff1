//! A message of gossip: its bytes, read once for the whole world.

use heirloom_proto::statement::gossip_id;
use heirloom_proto::{GossipId, Statement, Verified, statement};
use std::rc::Rc;

/// An envelope under way.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    pub(crate) id: GossipId,
    /// What it says; `None`: it does not hold.
    pub(crate) statement: Option<Rc<Verified<Statement>>>,
}

impl Message {
    pub(crate) fn new(bytes: Vec<u8>) -> Rc<Self> {
        let statement = statement::verify(&bytes).ok().map(Rc::new);
        Rc::new(Self { id: gossip_id(&bytes), statement, bytes })
    }
}
