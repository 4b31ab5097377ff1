//! Liveness: what must hold once a world has healed and had time to settle. One function a property.

use super::{Held, Property};
use crate::world::{NodeId, World};
use heirloom_core::ground::Ground;
use heirloom_proto::{Body, Key, Kind, Sha256, StatementId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What is there of a key that may leave a node: ids by which states are compared.
pub(crate) type Log = BTreeSet<StatementId>;

/// What every author whom somebody follows really stands by.
pub(crate) type Words = BTreeMap<Key, Log>;

/// Everything that a followed key stands by is at every follower who runs. Says how much of it is, in all.
pub(crate) fn followers_hear(world: &World, words: &Words, followers: &[(NodeId, Key)]) -> (Held, (u64, u64)) {
    let (mut held, mut there, mut all) = (Ok(()), 0, 0);
    for (node, author) in followers.iter().filter(|(node, _)| world.is_up(*node)) {
        let Some(said) = words.get(author) else { continue };
        let has = log(world, *node, author);
        let missing = said.difference(&has).count();
        all += said.len() as u64;
        there += (said.len() - missing) as u64;
        if missing > 0 && held.is_ok() {
            let (peers, many) = (world.peers_of(*node), said.len());
            // COST: a peer's log is read once. Read for each missing statement, it was two thirds of a joiner's run at 80,000.
            let holds = |peer: &&NodeId| {
                let theirs = log(world, **peer, author);
                said.difference(&has).all(|id| theirs.contains(id))
            };
            let near: Vec<&NodeId> = peers.iter().filter(holds).collect();
            held = Property::FollowersHear.broken(format!(
                "n{node} lacks {missing} of {many} statements of {author}; its peers are {peers:?}, all of it is at {near:?}"
            ));
        }
    }
    (held, (there, all))
}

/// Who follows the same key holds the same of it, state hash for state hash. Of a key that contradicted itself everybody
/// keeps the commitment that was heard first, and the proof.
pub(crate) fn equal_state(world: &World, followers: &[(NodeId, Key)]) -> Held {
    let mut first: BTreeMap<Key, (NodeId, Sha256)> = BTreeMap::new();
    let counts = |author: &Key| !world.truth().is_duplicitous(author);
    for (node, author) in followers.iter().filter(|(node, author)| world.is_up(*node) && counts(author)) {
        let state = heirloom_proto::body::Head::root_of(&log(world, *node, author));
        let (other, expected) = *first.entry(*author).or_insert((*node, state));
        if state != expected {
            return Property::EqualState.broken(format!("n{node} and n{other} hold different states of {author}"));
        }
    }
    Ok(())
}

/// Whoever follows a key that contradicted itself has the proof, its own or anybody's.
pub(crate) fn proofs_arrive(world: &World, followers: &[(NodeId, Key)]) -> (Held, (u64, u64)) {
    let (mut held, mut there, mut all) = (Ok(()), 0, 0);
    let accused: BTreeSet<&Key> = world.truth().duplicitous().collect();
    for (node, author) in followers.iter().filter(|(node, author)| world.is_up(*node) && accused.contains(author)) {
        all += 1;
        let ground = Ground::new(world.disk(*node).clone());
        let stored = ground.statements(&[]).map(|(stored, _)| stored).unwrap_or_default();
        let is_proof = |body: &Body| matches!(body, Body::DuplicityProof(proof) if proof.accused() == author);
        if stored.iter().any(|stored| is_proof(stored.statement.body())) {
            there += 1;
        } else if held.is_ok() {
            held = Property::ProofsArrive.broken(format!("n{node} has no proof against {author}"));
        }
    }
    (held, (there, all))
}

/// What a node holds of a key that may leave it, and has not expired. Without proofs, of which everybody keeps the first
/// about an accused, whoever signed it: [`proofs_arrive`] looks for those.
pub(crate) fn log(world: &World, node: NodeId, author: &Key) -> Log {
    let wall: Timestamp = world.wall();
    let stored = Ground::new(world.disk(node).clone()).statements_of(author).unwrap_or_default();
    let counts = |s: &&heirloom_core::ground::Stored| {
        let is_proof = s.statement.kind() == Kind::DuplicityProof;
        !s.is_private && !is_proof && !s.statement.header().is_expired(wall)
    };
    stored.iter().filter(counts).map(|stored| stored.statement.id()).collect()
}
