//! Somebody who signs by hand: a key without a core, for whoever does what no honest core would.

use heirloom_proto::body::Head;
use heirloom_proto::{Body, Header, Key, Kind, SecretKey, Statement, StatementId, Timestamp, Verified};
use std::collections::BTreeMap;

/// A key and what it said.
#[derive(Debug)]
pub struct Hand {
    secret: SecretKey,
    last_seq: u64,
    /// What it stands by, by place.
    live: BTreeMap<(Kind, heirloom_proto::Sha256), StatementId>,
}

impl Hand {
    /// From a seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { secret: SecretKey::from_seed(&seed), last_seq: 0, live: BTreeMap::new() }
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> Key {
        self.secret.public()
    }

    /// Says something at a time.
    ///
    /// # Panics
    /// When the content breaks the rules of its kind.
    pub fn says(&mut self, body: &Body, now: Timestamp) -> Verified<Statement> {
        let seq = now.0.max(self.last_seq + 1);
        let statement = self.says_as(body, seq, now);
        if Head::counts(statement.kind()) {
            self.live.insert((statement.kind(), body.slot()), statement.id());
        }
        statement
    }

    /// Says something under a number of its choice, which it may have used before.
    ///
    /// # Panics
    /// When the content breaks the rules of its kind.
    pub fn says_as(&mut self, body: &Body, seq: u64, now: Timestamp) -> Verified<Statement> {
        self.last_seq = self.last_seq.max(seq);
        let lifetime = body.kind().limits().lifetime_ms_default;
        let expires = (lifetime > 0).then_some(Timestamp(now.0 + lifetime));
        let header = Header { generation: 0, seq, created: now, expires };
        // PANIC: scripts of this crate write what is within its limits.
        Statement::sign(&self.secret, &header, body).expect("within the limits of its kind")
    }

    /// Stands by a statement no longer.
    pub fn takes_back(&mut self, statement: &Statement) {
        self.live.remove(&(statement.kind(), statement.body().slot()));
    }

    /// What it stands by.
    #[must_use]
    pub fn live(&self) -> std::collections::BTreeSet<StatementId> {
        self.live.values().copied().collect()
    }

    /// Stands by one statement instead of whatever it said at the same place.
    pub fn stands_by(&mut self, statement: &Statement) {
        self.live.insert((statement.kind(), statement.body().slot()), statement.id());
    }

    /// The head over all that it stands by.
    ///
    /// # Panics
    /// Never: a head is within its limits.
    pub fn head(&mut self, now: Timestamp) -> Verified<Statement> {
        let live = self.live.values().copied().collect();
        let head = Head { live_count: self.live.len() as u64, live_root: Head::root_of(&live), archive: None };
        self.says(&Body::Head(head), now)
    }
}
