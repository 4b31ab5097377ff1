//! Keys that sign by hand, and the files in which their statements travel.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use heirloom_proto::body::{Attestation, Head, Level, Listing, Opinion, Scope, Verdict};
use heirloom_proto::statement_file::{MAGIC, end, record};
use heirloom_proto::{Body, Header, Infohash, Key, SecretKey, Sha256, Statement, Timestamp, statement};

use super::write_file;

/// A key that signs what it is told, under one number after the other.
pub struct Signer {
    secret: SecretKey,
    seq: u64,
}

impl Signer {
    /// The one of that name: the same every time.
    pub fn new(name: &str) -> Self {
        Self { secret: SecretKey::from_seed(&Sha256::of(name.as_bytes()).0), seq: 0 }
    }

    /// Its key.
    pub fn key(&self) -> Key {
        self.secret.public()
    }

    /// An envelope.
    pub fn says(&mut self, body: &Body) -> Vec<u8> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis();
        let created = Timestamp(u64::try_from(now).expect("before the end of time"));
        let expires = Some(Timestamp(created.0 + body.kind().limits().lifetime_ms_default));
        self.seq += 1;
        let header = Header { generation: 0, seq: self.seq, created, expires };
        Statement::sign(&self.secret, &header, body).expect("a body within its limits").bytes().to_vec()
    }

    /// An attestation.
    pub fn trusts(&mut self, subject: Key, level: Level) -> Vec<u8> {
        self.says(&Body::Attestation(Attestation { subject, scope: Scope::All, level, reason: String::new() }))
    }

    /// A listing of something that nobody has.
    pub fn lists(&mut self, work: &str, infohash: Infohash) -> Vec<u8> {
        self.says(&Body::Listing(Listing {
            size: 1000,
            licence: "CC0-1.0".into(),
            ..Listing::new(work.parse().expect("a work id"), infohash, format!("release {infohash}"))
        }))
    }

    /// A verdict.
    pub fn finds(&mut self, infohash: Infohash, opinion: Opinion) -> Vec<u8> {
        self.says(&Body::Verdict(Verdict { infohash, opinion, note: String::new() }))
    }

    /// A head over these statements, which may name an archive.
    pub fn heads(&mut self, log: &[Vec<u8>], archive: Option<(Infohash, Sha256)>) -> Vec<u8> {
        let live: BTreeSet<_> = log.iter().map(|envelope| statement::verify(envelope).expect("signed").id()).collect();
        self.says(&Body::Head(Head { live_count: live.len() as u64, live_root: Head::root_of(&live), archive }))
    }
}

/// Writes a statement file.
pub fn statement_file(path: &Path, envelopes: &[Vec<u8>]) -> PathBuf {
    let mut bytes = MAGIC.to_vec();
    envelopes.iter().for_each(|envelope| bytes.extend(record(envelope).expect("an envelope fits")));
    bytes.extend(end(envelopes.len() as u64));
    write_file(path, &bytes)
}
