//! The audit of a ring of keys for readers.

use super::Service;
use crate::command::{CommandError, RING_KEYS_MAX, Reply};
use crate::io::Now;
use crate::scoring::node;
use crate::store::{Store, StoreError};
use crate::views::{self, ATTACK_EDGES_MAX};
use heirloom_graph::NodeId;
use heirloom_proto::Key;
use heirloom_proto::body::Scope;
use std::collections::BTreeSet;

/// Most roots that a refusal names: enough to see what is meant.
const ROOTS_NAMED_MAX: usize = 3;

impl<S: Store> Service<S> {
    /// How much these keys have, and how much they could gain.
    pub(super) fn ring(
        &mut self,
        now: Now,
        scope: Scope,
        keys: &BTreeSet<Key>,
    ) -> Result<Result<Reply, CommandError>, StoreError> {
        if keys.is_empty() {
            return Ok(Err(CommandError::bad_input("no_keys", "there is no key to audit: give one a line")));
        }
        if keys.len() > RING_KEYS_MAX {
            let message = format!("{} keys are too many to audit at once: {RING_KEYS_MAX} are the most", keys.len());
            return Ok(Err(CommandError::bad_input("too_many_keys", message)));
        }
        self.refresh_scoring(now.wall);
        let nodes: BTreeSet<NodeId> = keys.iter().map(node).collect();
        let ring = self.scoring.ring(now.wall, scope, &nodes);
        if !ring.roots.is_empty() {
            return Ok(Err(roots_refused(&ring.roots)));
        }
        let mut attack_edges = Vec::new();
        for edge in ring.attack_edges.iter().take(ATTACK_EDGES_MAX) {
            let (issuer, subject) = (Key::known(edge.issuer.0), Key::known(edge.subject.0));
            let name = self.name_of(&issuer)?;
            let (level, flow, votes_max) = (edge.level, edge.flow, edge.votes_max);
            attack_edges.push(views::AttackEdge { issuer, name, subject, level, flow, votes_max });
        }
        Ok(Ok(Reply::Ring(Box::new(views::Ring {
            scope,
            trust: self.trust,
            keys: ring.keys,
            known: ring.known,
            attack_edges,
            attack_edges_total: ring.attack_edges.len(),
            entering_flow: ring.entering_flow,
            votes: ring.votes,
            votes_max: ring.votes_max,
            in_band: ring.in_band,
            trusted_max: ring.trusted_max,
            vouched_max: ring.vouched_max,
        }))))
    }
}

fn roots_refused(roots: &[NodeId]) -> CommandError {
    let names = roots.iter().map(|id| Key::known(id.0)).take(ROOTS_NAMED_MAX);
    let names: Vec<String> = names.map(|key| key.to_string()).collect();
    let more =
        if roots.len() > names.len() { format!(" and {} more", roots.len() - names.len()) } else { String::new() };
    let message = format!(
        "you follow {}{more}, or it is your own key: trust begins there, so no bound holds for a ring with it; unfollow it or leave it out",
        names.join(", ")
    );
    CommandError::bad_input("ring_has_root", message)
}
