//! Proofs of identity: shown to the friends that the owner named and to nobody else, sealed so that only they can read
//! them; and what it is worth that a peer proved who it is.

use super::Service;
use crate::io::{ExchangeId, IdentityEvent, IdentityOrder, Now, OrderId, Output, Peer, SyncOrder};
use crate::store::Store;
use heirloom_proto::Key;
use heirloom_proto::identity::{Answer, Ask, Ends};
use rand_core::Rng;
use std::collections::BTreeSet;

/// Points of a peer's standing for a friend (`security.md` §4, P5) …
const FRIEND_POINTS: u32 = 200;
/// … and for a proved key, times its score, when that is above 0.
const TRUSTED_POINTS: u32 = 50;

impl<S: Store> Service<S> {
    /// Names the keys that this node shows its own to; at most [`crate::proving::FRIENDS_MAX`].
    pub fn set_friends(&mut self, friends: BTreeSet<Key>) {
        self.proving.set_friends(friends);
    }

    pub(super) fn identity_event(&mut self, now: Now, event: IdentityEvent) {
        match event {
            IdentityEvent::Met { peer, ends } => self.show_myself(now, peer, ends),
            IdentityEvent::Asked { peer, exchange, ends, bytes } => {
                self.answer_who_i_am(now, peer, exchange, &ends, &bytes);
            }
            IdentityEvent::Answered { order, bytes } => self.was_answered(now, order, &bytes),
            IdentityEvent::Failed { order } => {
                self.proving.take(order);
            }
        }
    }

    /// Only who named a friend has anything to show; an ask for nobody would tell that there is nobody.
    fn show_myself(&mut self, now: Now, peer: Peer, ends: Ends) {
        let friends: Vec<Key> = self.proving.friends().iter().copied().collect();
        if friends.is_empty() {
            return;
        }
        let rng = &mut self.rng;
        let mut entropy = || {
            let mut bytes = [0; 32];
            rng.fill_bytes(&mut bytes);
            bytes
        };
        let ask = Ask::new(self.identity.secret(), &friends, &ends, now.wall, &mut entropy);
        let (order, bytes) = (self.replication.next_order(), ask.encode());
        if self.proving.ask(order, peer, ends, ask) {
            self.held.push(Output::Identity(IdentityOrder::Ask { order, peer, bytes }));
        }
    }

    fn answer_who_i_am(&mut self, now: Now, peer: Peer, exchange: ExchangeId, ends: &Ends, bytes: &[u8]) {
        let Ok(ask) = Ask::decode(bytes) else { return self.blame_for_identity(now, peer) };
        let proof = ask.open(self.identity.secret(), ends).filter(|proof| proof.is_fresh(now.wall));
        let friend = proof.map(|proof| proof.key).filter(|key| self.proving.friends().contains(key));
        let rng = &mut self.rng;
        let mut entropy = || {
            let mut bytes = [0; 32];
            rng.fill_bytes(&mut bytes);
            bytes
        };
        let answer = Answer::new(self.identity.secret(), friend.as_ref(), &ask, ends, now.wall, &mut entropy);
        self.held.push(Output::Identity(IdentityOrder::Answer { exchange, bytes: answer.encode() }));
        if let Some(proof) = proof {
            self.believe(now, peer, proof.key);
        }
    }

    fn was_answered(&mut self, now: Now, order: OrderId, bytes: &[u8]) {
        let Some((peer, ends, ask)) = self.proving.take(order) else { return };
        let Ok(answer) = Answer::decode(bytes) else { return self.blame_for_identity(now, peer) };
        let proof = answer.open(self.identity.secret(), &ask, &ends).filter(|proof| proof.is_fresh(now.wall));
        if let Some(proof) = proof {
            self.believe(now, peer, proof.key);
        }
    }

    fn blame_for_identity(&mut self, now: Now, peer: Peer) {
        self.ingest.count("identity_malformed");
        self.refusals.note(now.wall, "identity_malformed", None);
        self.held.push(Output::SyncFrame(SyncOrder::Blame { peer }));
    }

    fn believe(&mut self, now: Now, peer: Peer, key: Key) {
        self.ingest.count("identity_proved");
        self.proving.prove(peer, key);
        let is_friend = self.proving.friends().contains(&key);
        if is_friend || self.curation.of(&key).is_some() {
            self.sync.prefer(peer, now.mono);
        }
        let favour = self.worth(now, &key);
        self.held.push(Output::Identity(IdentityOrder::Proved { peer, key, is_friend, favour }));
    }

    /// Points of a peer's standing for a key that it proved to hold.
    fn worth(&mut self, now: Now, key: &Key) -> u32 {
        let score = self.catalogue_scores(now.wall).key(&heirloom_graph::NodeId(*key.as_bytes())).score;
        let friend = if self.proving.friends().contains(key) { FRIEND_POINTS } else { 0 };
        // Whole points: as many as the score reaches.
        let reached = |points: &u32| f64::from(*points) <= score * f64::from(TRUSTED_POINTS);
        friend + (1..=TRUSTED_POINTS).take_while(reached).last().unwrap_or(0)
    }

    /// Says again what proved peers are worth: scores change.
    pub(super) fn renew_worths(&mut self, now: Now) {
        for (peer, key) in self.proving.proved() {
            let (is_friend, favour) = (self.proving.friends().contains(&key), self.worth(now, &key));
            self.held.push(Output::Identity(IdentityOrder::Proved { peer, key, is_friend, favour }));
        }
    }
}
