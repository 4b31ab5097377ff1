//! Keys that take over from others, and keys that contradict themselves.
//!
//! The first commitment seen of a key holds, whatever comes later: a thief who says another one convicts the key and
//! does not steal it. A rotation counts if that commitment names its author; any other is kept out.

use super::Service;
use crate::command::{CommandError, Reply};
use crate::curation::Follow;
use crate::ground::{Place, Stored};
use crate::ingest::{Accepted, Refusal, Standing};
use crate::io::Now;
use crate::replication::{Own, QUERY_GAP, Task};
use crate::store::{Store, StoreError};
use crate::views::Source;
use heirloom_proto::body::{DuplicityProof, Profile, Rotation};
use heirloom_proto::{Body, Header, Key, Kind, SecretKey, Sha256, Statement, Verified};
use rand_core::Rng;
use std::collections::BTreeSet;
use std::time::Duration;

/// Most proofs about strangers that this node signs: enough to be of use to others, too few for a crowd of invented
/// keys to fill its quota with. Further ones are only passed on.
pub const PROOFS_OF_STRANGERS_MAX: usize = 32;
/// Time between two renewals of a rotation while a node runs; four a day may be pushed.
pub(super) const ROTATION_RENEWAL: Duration = Duration::from_secs(24 * 3600);
/// Most proofs that wait for the sequence number, at a start.
pub(super) const HELD_PROOFS_MAX: usize = 64;

impl<S: Store> Service<S> {
    /// What a statement says about succession, held against what is known of it.
    pub(super) fn check_succession(
        &mut self,
        now: Now,
        new: &Verified<Statement>,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let author = *new.author();
        if self.succession.compromised_since(&author).is_some_and(|since| new.header().created >= since) {
            return Ok(Err(Refusal::Compromised));
        }
        match new.body() {
            Body::Profile(profile) => self.check_profile(now, new, profile),
            Body::Rotation(rotation) => self.check_rotation(now, new, rotation),
            // One proof is enough, whoever signed it. No head counts its author's, so no log lacks it.
            Body::DuplicityProof(proof) if self.succession.is_convicted(proof.accused()) => Ok(Err(Refusal::Proven)),
            _ => Ok(Ok(())),
        }
    }

    fn check_profile(
        &mut self,
        now: Now,
        new: &Verified<Statement>,
        profile: &Profile,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let is_mine = *new.author() == self.identity.key();
        if is_mine && profile.next_key_hash != self.identity.next_key_hash() {
            // Somebody else has the owner's key. Others will prove it; the owner is told, and rotates.
            self.ingest.count("own_duplicity");
            return Ok(Err(Refusal::Contradicts));
        }
        let Some((old, committed)) = self.commitment_of(new.author())? else {
            // Two commitments were seen somewhere: nobody can tell which of them is the owner's.
            let is_convicted = self.succession.is_convicted(new.author());
            return Ok(if is_convicted { Err(Refusal::Contradicts) } else { Ok(()) });
        };
        if committed == profile.next_key_hash { Ok(Ok(())) } else { Ok(Err(self.accuse(now, &old, new)?)) }
    }

    fn check_rotation(
        &mut self,
        now: Now,
        new: &Verified<Statement>,
        rotation: &Rotation,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let previous = &rotation.previous_key;
        if let Some(step) = self.succession.step(previous)
            && let Some(known) = self.ground.statement(&step.place)?
            && let Body::Rotation(old) = known.statement.body()
        {
            // The same again, perhaps with a compromise that was noticed later, is no contradiction.
            let is_same = known.statement.author() == new.author() && old.next_key_hash == rotation.next_key_hash;
            return if is_same { Ok(Ok(())) } else { Ok(Err(self.accuse(now, &known.statement, new)?)) };
        }
        let counts = self.commitment_of(previous)?.is_some_and(|(profile, committed)| {
            committed == Sha256::of(new.author().as_bytes()) && new.header().generation > profile.header().generation
        });
        Ok(if counts { Ok(()) } else { Err(Refusal::Uncommitted) })
    }

    /// The profile of a key, and what it commits to.
    fn commitment_of(&self, key: &Key) -> Result<Option<(Verified<Statement>, Sha256)>, StoreError> {
        let profiles = self.ground.statements_of_kind(key, Kind::Profile)?;
        Ok(profiles.into_iter().find_map(|stored| match stored.statement.body() {
            Body::Profile(profile) => {
                let committed = profile.next_key_hash;
                Some((stored.statement, committed))
            }
            _ => None,
        }))
    }

    /// Makes a proof of two statements, if they are one, and says what becomes of the second.
    fn accuse(
        &mut self,
        now: Now,
        old: &Verified<Statement>,
        new: &Verified<Statement>,
    ) -> Result<Refusal, StoreError> {
        let Ok(proof) = DuplicityProof::new(old, new) else { return Ok(Refusal::Contradicts) };
        let accused = *proof.accused();
        if accused == self.identity.key() {
            self.ingest.count("own_duplicity");
            return Ok(Refusal::Contradicts);
        }
        if self.succession.is_convicted(&accused) || self.held_proofs.contains_key(&accused) {
            return Ok(Refusal::Contradicts);
        }
        let me = self.identity.key();
        let is_stranger = self.standing(&accused) == Standing::Stranger;
        let said = self.succession.accused_by(&me).count() + self.succession.unnamed();
        if is_stranger && said >= PROOFS_OF_STRANGERS_MAX {
            return Ok(Refusal::Evidence);
        }
        if self.recovering.is_none() {
            return self.say_proof(now, proof);
        }
        if self.held_proofs.len() < HELD_PROOFS_MAX {
            self.held_proofs.insert(accused, proof);
        }
        Ok(Refusal::Contradicts)
    }

    /// Says a proof to everybody. A key that never spoke does so under a name that nobody has and that is used once: else
    /// two statements sent to a silent node would make it tell its key.
    fn say_proof(&mut self, now: Now, proof: DuplicityProof) -> Result<Refusal, StoreError> {
        self.ingest.count("duplicity");
        let body = Body::DuplicityProof(proof);
        let is_said = if self.own_profile()?.is_some() {
            self.say(now, body, None, false)?.is_ok()
        } else if let Some(statement) = self.sign_for_nobody(now, &body) {
            let is_taken = self.take(now, statement.clone(), Source::Store)?.is_ok();
            if is_taken {
                self.succession.note_unnamed();
                self.push(&statement);
            }
            is_taken
        } else {
            false
        };
        if !is_said {
            self.ingest.count("duplicity_unsaid");
        }
        Ok(if is_said { Refusal::Contradicts } else { Refusal::Evidence })
    }

    /// A statement by a key that is thrown away: a proof proves itself, whoever signs it. By chance, not by the proof: whoever
    /// could work the key out could sign something else with its number first.
    fn sign_for_nobody(&mut self, now: Now, body: &Body) -> Option<Verified<Statement>> {
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        let header = Header { generation: 0, seq: now.wall.0.max(1), created: now.wall, expires: None };
        Statement::sign(&SecretKey::from_seed(&seed), &header, body).ok()
    }

    /// Pushes a proof once more, fresh and under a name of nobody: gossip carries no old one, and those who were cut off when
    /// it was said have no other way to it if none of their peers asks about the accused. Who has a proof ignores it.
    pub(super) fn repeat_proof(&mut self, now: Now, accused: &Key) -> Result<(), StoreError> {
        let Some(place) = self.succession.proof_against(accused) else { return Ok(()) };
        let Some(stored) = self.ground.statement(&place)?.filter(|stored| !stored.is_private) else { return Ok(()) };
        if !self.succession.may_repeat(now.mono) {
            return Ok(());
        }
        if let Some(statement) = self.sign_for_nobody(now, stored.statement.body()) {
            self.ingest.count("proofs_repeated");
            self.push(&statement);
        }
        Ok(())
    }

    /// Repeats a proof about somebody who matters here and one about anybody, by chance; hourly.
    pub(super) fn repeat_proofs(&mut self, now: Now) -> Result<(), StoreError> {
        let (close, other): (Vec<Key>, Vec<Key>) =
            self.succession.accused().partition(|accused| self.is_mine_or_followed(accused));
        for all in [close, other] {
            let at = usize::try_from(self.rng.next_u64() % all.len().max(1) as u64).unwrap_or(0);
            if let Some(accused) = all.get(at) {
                self.repeat_proof(now, accused)?;
            }
        }
        Ok(())
    }

    /// Says the proofs that waited for the sequence number.
    pub(super) fn say_held_proofs(&mut self, now: Now) -> Result<(), StoreError> {
        for (accused, proof) in std::mem::take(&mut self.held_proofs) {
            if !self.succession.is_convicted(&accused) {
                self.say_proof(now, proof)?;
            }
        }
        Ok(())
    }

    /// What follows from a rotation that was just stored: the follow moves with its level, scope and alias (no record
    /// stays behind: the rotation is one), and what the left key said since it was compromised goes.
    pub(super) fn succeeded(&mut self, now: Now, accepted: &Accepted) -> Result<(), StoreError> {
        let Body::Rotation(rotation) = accepted.stored.statement.body() else { return Ok(()) };
        let (previous, next) = (rotation.previous_key, self.succession.newest(accepted.stored.statement.author()));
        if accepted.removed.iter().all(|old| old.statement.kind() != Kind::Rotation) {
            self.ingest.count("rotations");
        }
        if let Some(since) = rotation.compromised_since {
            for old in self.ingest.purge(&previous, since, &mut self.ground)? {
                self.underive(&old);
            }
            self.replication.drop_works_of(previous.as_bytes());
        }
        if let Some(follow) = self.curation.remove(&previous, &mut self.ground) {
            self.scoring.unfollow(&previous, &follow);
            self.replication.cancel(&Task::Watch(previous));
            self.ingest.count("follows_moved");
            self.follow_moved(now, next, follow);
        }
        Ok(())
    }

    fn follow_moved(&mut self, now: Now, next: Key, follow: Follow) {
        // Somebody who follows the next key already has said how much; the owner's own next key needs no follow.
        let is_new = next != self.identity.key() && self.curation.of(&next).is_none();
        if is_new && self.curation.set(next, follow.clone(), &mut self.ground) {
            self.scoring.follow(&next, &follow);
            if self.replication.has_dht {
                self.watch(now, next);
            }
            self.sync.hasten(now.mono);
        }
        self.sort_authors(now);
    }

    /// This key takes over from another: says so once, under the name of the key that is left, and says again what that
    /// key said and this store holds, since who follows will follow this key alone.
    pub(super) fn succeed(&mut self, now: Now, rotation: Rotation) -> Result<Result<Reply, CommandError>, StoreError> {
        let (me, previous) = (self.identity.key(), rotation.previous_key);
        let body = Body::Rotation(rotation);
        if self.ground.statement(&Place { author: me, kind: Kind::Rotation, slot: body.slot() })?.is_some() {
            return Ok(Ok(Reply::Identity(self.who_am_i()?)));
        }
        if self.own_profile()?.is_none() {
            let (name, url) = self.profile_of(&previous)?.map(|p| (p.name, p.url)).unwrap_or_default();
            let profile = Profile { name, url, next_key_hash: self.identity.next_key_hash() };
            if let Err(error) = self.say(now, Body::Profile(profile), None, false)? {
                return Ok(Err(error));
            }
        }
        if let Err(error) = self.say(now, body, None, false)? {
            return Ok(Err(error));
        }
        self.say_again(now, &previous)?;
        Ok(Ok(Reply::Identity(self.who_am_i()?)))
    }

    /// Says the rotation to this key once more if it is that old, so that whoever was away hears of it: only what is fresh
    /// is pushed. The same words with a newer number contradict nothing.
    pub(super) fn renew_rotation(&mut self, now: Now, age: Duration) -> Result<(), StoreError> {
        let me = self.identity.key();
        if self.recovering.is_some() || self.succession.previous(&me).is_none() {
            return Ok(());
        }
        for stored in self.ground.statements_of_kind(&me, Kind::Rotation)? {
            // A rotation always fits its limits: it was signed before.
            if now.wall.since(stored.statement.header().created) > age {
                let _ = self.say(now, stored.statement.body().clone(), None, false)?;
            }
        }
        Ok(())
    }

    fn say_again(&mut self, now: Now, previous: &Key) -> Result<(), StoreError> {
        let me = self.identity.key();
        let mut works = BTreeSet::new();
        let mut said: Vec<Stored> = self.ground.statements_of(previous)?;
        // In the order of old, so that the works named last are again the most wanted.
        said.sort_by_key(|stored| stored.statement.header().order());
        for stored in said {
            let body = match stored.statement.body() {
                Body::Attestation(attestation) if attestation.subject == me => continue,
                body @ (Body::Attestation(_)
                | Body::Work(_)
                | Body::Listing(_)
                | Body::Verdict(_)
                | Body::CuratorList(_)) => body.clone(),
                _ => continue,
            };
            let left =
                stored.statement.header().expires.map(|at| Duration::from_millis(at.0.saturating_sub(now.wall.0)));
            if left.is_some_and(|left| left.is_zero()) {
                continue;
            }
            let work = match &body {
                Body::Listing(listing) if !stored.is_private => Some(listing.work.clone()),
                _ => None,
            };
            if self.say(now, body, left, stored.is_private)?.is_ok() {
                if let Some(work) = work {
                    self.replication.keep_item(work.clone(), self.identity.last_seq());
                    works.insert(work);
                }
            } else {
                self.ingest.count("not_said_again");
            }
        }
        let mut at = now.mono;
        for work in works {
            at += QUERY_GAP;
            let own = Own::Work(work);
            if self.replication.is_kept(&own) {
                self.replication.schedule(Task::Put(own), at);
            }
        }
        Ok(())
    }
}
