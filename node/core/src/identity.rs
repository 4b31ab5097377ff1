//! Who this node is: its key, its sequence numbers, and signing with them.

use crate::fields::Fields;
use crate::ground::Ground;
use crate::io::Now;
use crate::store::{Durability, Store, StoreError, Table};
use heirloom_proto::statement::SignError;
use heirloom_proto::{Body, Header, Key, SecretKey, Sha256, Statement, Timestamp, Verified};
use std::time::Duration;

const SEQUENCE: &[u8] = b"identity/sequence";

/// The signing half of the node.
#[derive(Debug)]
pub struct Identity {
    secret: SecretKey,
    key: Key,
    generation: u32,
    /// SHA-256 of the key that will follow, committed to in every profile of this generation.
    next_key_hash: Sha256,
    last_seq: u64,
}

impl Identity {
    /// With the sequence number that the store remembers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open<S: Store>(
        secret: SecretKey,
        next_key_hash: Sha256,
        generation: u32,
        ground: &Ground<S>,
    ) -> Result<Self, StoreError> {
        let key = secret.public();
        let last_seq = ground.get(Table::Local, SEQUENCE)?.and_then(|bytes| Fields(&bytes).u64()).unwrap_or(0);
        Ok(Self { secret, key, generation, next_key_hash, last_seq })
    }

    /// The public key.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key
    }

    /// The secret key, for items of the DHT.
    #[must_use]
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }

    /// How often the key was rotated.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// What profiles of this generation commit to.
    #[must_use]
    pub fn next_key_hash(&self) -> Sha256 {
        self.next_key_hash
    }

    /// The highest sequence number used or seen.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Raises the sequence number above one that the DHT or a peer shows for this key: after a restore from a backup the
    /// disk may be behind the network.
    pub fn raise<S: Store>(&mut self, seen: u64, ground: &mut Ground<S>) {
        if seen > self.last_seq {
            self.last_seq = seen;
            ground.put(Table::Local, SEQUENCE, Some(seen.to_be_bytes().to_vec()), Durability::Disk);
        }
    }

    /// Signs a body with the next sequence number, `max(previous + 1, now in ms)`, which reaches the disk before
    /// anything that depends on it leaves.
    ///
    /// # Errors
    /// [`SignError`] when the content breaks the rules of its kind; the number is then not used.
    pub fn sign<S: Store>(
        &mut self,
        now: Now,
        lifetime: Option<Duration>,
        body: &Body,
        ground: &mut Ground<S>,
    ) -> Result<Verified<Statement>, SignError> {
        let limits = body.kind().limits();
        let seq = (self.last_seq + 1).max(now.wall.0);
        let expires = limits.lifetime_ms_max.map(|max| {
            let wished = lifetime.map_or(limits.lifetime_ms_default, |l| u64::try_from(l.as_millis()).unwrap_or(max));
            Timestamp(now.wall.0.saturating_add(wished.clamp(1, max)))
        });
        let header = Header { generation: self.generation, seq, created: now.wall, expires };
        let statement = Statement::sign(&self.secret, &header, body)?;
        self.raise(seq, ground);
        Ok(statement)
    }
}
