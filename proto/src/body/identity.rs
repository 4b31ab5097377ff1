//! What a key says about itself: profile, head, rotation, retraction, its curator lists; and proofs against it.

use super::trust::key;
use super::{BodyError, at_most, clean_text};
use crate::{Infohash, Key, Kind, Sha256, Statement, StatementId, Timestamp, Verified, schema, statement};
use prost::Message;

/// Longest name of a key in bytes: what fits in a line of a list.
pub const NAME_BYTES_MAX: usize = 80;
/// Longest address in bytes.
pub const URL_BYTES_MAX: usize = 300;

/// Who a key says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Name to show, or empty.
    pub name: String,
    /// Web page, or empty.
    pub url: String,
    /// SHA-256 of the key that will follow this one; the same in every profile of a generation.
    pub next_key_hash: Sha256,
}

impl Profile {
    pub(crate) fn to_wire(&self, header: Option<schema::Header>) -> schema::Profile {
        schema::Profile {
            header,
            name: self.name.clone(),
            url: self.url.clone(),
            next_key_hash: self.next_key_hash.0.to_vec(),
        }
    }

    pub(crate) fn from_wire(wire: schema::Profile) -> Result<Self, BodyError> {
        Ok(Self {
            name: clean_text(wire.name, "name", NAME_BYTES_MAX)?,
            url: clean_text(wire.url, "url", URL_BYTES_MAX)?,
            next_key_hash: digest(&wire.next_key_hash, "next_key_hash")?,
        })
    }
}

/// A key's newest state: the one thing in the DHT from which all else of that key is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Live public statements other than heads when this was signed.
    pub live_count: u64,
    /// SHA-256 over their sorted store ids, so that an omission shows.
    pub live_root: Sha256,
    /// The archive torrent with all of them and its SHA-256, if there is one.
    pub archive: Option<(Infohash, Sha256)>,
}

impl Head {
    /// The root over a live set: SHA-256 of the sorted store ids.
    #[must_use]
    pub fn root_of(ids: &std::collections::BTreeSet<StatementId>) -> Sha256 {
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.0).collect();
        Sha256::of(&bytes)
    }

    pub(crate) fn to_wire(&self, header: Option<schema::Header>) -> schema::Head {
        schema::Head {
            header,
            live_count: self.live_count,
            live_root: self.live_root.0.to_vec(),
            archive_infohash: self.archive.map(|(hash, _)| hash.0.to_vec()).unwrap_or_default(),
            archive_sha256: self.archive.map(|(_, digest)| digest.0.to_vec()).unwrap_or_default(),
        }
    }

    pub(crate) fn from_wire(wire: schema::Head) -> Result<Self, BodyError> {
        let archive = if wire.archive_infohash.is_empty() && wire.archive_sha256.is_empty() {
            None
        } else {
            let hash = Infohash::from_slice(&wire.archive_infohash).ok_or(BodyError::BadId("archive_infohash"))?;
            Some((hash, digest(&wire.archive_sha256, "archive_sha256")?))
        };
        Ok(Self { live_count: wire.live_count, live_root: digest(&wire.live_root, "live_root")?, archive })
    }
}

/// A signed list of keys that its author recommends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CuratorList {
    /// Name of the list.
    pub name: String,
    /// At most 100 keys.
    pub entries: Vec<CuratorEntry>,
}

/// One line of a curator list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CuratorEntry {
    /// Whom.
    pub key: Key,
    /// What the author calls them.
    pub name: String,
    /// What they are good for.
    pub note: String,
}

impl CuratorList {
    pub(crate) fn to_wire(&self, header: Option<schema::Header>) -> schema::CuratorList {
        let entry = |e: &CuratorEntry| schema::CuratorEntry {
            key: e.key.as_bytes().to_vec(),
            name: e.name.clone(),
            note: e.note.clone(),
        };
        schema::CuratorList { header, name: self.name.clone(), entries: self.entries.iter().map(entry).collect() }
    }

    pub(crate) fn from_wire(wire: schema::CuratorList) -> Result<Self, BodyError> {
        let entry = |e: schema::CuratorEntry| {
            Ok(CuratorEntry {
                key: key(&e.key, "key")?,
                name: clean_text(e.name, "name", NAME_BYTES_MAX)?,
                note: clean_text(e.note, "note", 140)?,
            })
        };
        Ok(Self {
            name: clean_text(wire.name, "name", NAME_BYTES_MAX)?,
            entries: at_most(wire.entries, "entries", 100)?.into_iter().map(entry).collect::<Result<_, _>>()?,
        })
    }
}

/// The revealed next key (its author) takes over from the previous one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The key that is being left.
    pub previous_key: Key,
    /// SHA-256 of the key after this one.
    pub next_key_hash: Sha256,
    /// From when on statements of the previous key count for nothing.
    pub compromised_since: Option<Timestamp>,
    /// By the previous key over [`Rotation::handover`]; `None` only when that key is lost or compromised.
    pub previous_signature: Option<[u8; 64]>,
}

impl Rotation {
    /// What the previous key signs to hand over to `next`: `0x00 ‖ "heirloom/1/rotation" ‖ previous ‖ next ‖ hash`.
    #[must_use]
    pub fn handover(previous: &Key, next: &Key, next_key_hash: &Sha256) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend_from_slice(b"heirloom/1/rotation");
        bytes.extend_from_slice(previous.as_bytes());
        bytes.extend_from_slice(next.as_bytes());
        bytes.extend_from_slice(&next_key_hash.0);
        bytes
    }

    /// A rotation that the previous key agrees to.
    #[must_use]
    pub fn signed_by(previous: &crate::SecretKey, next: &Key, next_key_hash: Sha256) -> Self {
        let signature = previous.sign(&Self::handover(&previous.public(), next, &next_key_hash));
        Self {
            previous_key: previous.public(),
            next_key_hash,
            compromised_since: None,
            previous_signature: Some(signature),
        }
    }

    pub(crate) fn check(&self, author: &Key) -> Result<(), BodyError> {
        let handover = Self::handover(&self.previous_key, author, &self.next_key_hash);
        let holds = match (&self.previous_signature, self.compromised_since) {
            (Some(signature), _) => self.previous_key.has_signed(&handover, signature),
            (None, Some(_)) => true,
            (None, None) => false,
        };
        if holds && self.previous_key != *author { Ok(()) } else { Err(BodyError::NotAProof("rotation")) }
    }

    pub(crate) fn to_wire(&self, header: Option<schema::Header>) -> schema::Rotation {
        schema::Rotation {
            header,
            previous_key: self.previous_key.as_bytes().to_vec(),
            next_key_hash: self.next_key_hash.0.to_vec(),
            compromised_since_ms: self.compromised_since.map_or(0, |at| at.0),
            previous_signature: self.previous_signature.map(|s| s.to_vec()).unwrap_or_default(),
        }
    }

    pub(crate) fn from_wire(wire: schema::Rotation) -> Result<Self, BodyError> {
        let previous_signature = if wire.previous_signature.is_empty() {
            None
        } else {
            Some(wire.previous_signature.as_slice().try_into().map_err(|_| BodyError::BadId("previous_signature"))?)
        };
        Ok(Self {
            previous_key: key(&wire.previous_key, "previous_key")?,
            next_key_hash: digest(&wire.next_key_hash, "next_key_hash")?,
            compromised_since: (wire.compromised_since_ms != 0).then_some(Timestamp(wire.compromised_since_ms)),
            previous_signature,
        })
    }
}

/// Takes back an earlier statement of the same author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retraction {
    /// Store id of what is taken back.
    pub target: StatementId,
}

impl Retraction {
    pub(crate) fn to_wire(&self, header: Option<schema::Header>) -> schema::Retraction {
        schema::Retraction { header, target: self.target.0.to_vec() }
    }

    pub(crate) fn from_wire(wire: schema::Retraction) -> Result<Self, BodyError> {
        Ok(Self { target: StatementId::from_slice(&wire.target).ok_or(BodyError::BadId("target"))? })
    }
}

/// Two statements of one key that contradict each other about who follows it: two next-key commitments in one
/// generation, or two rotations away from one key. It proves itself; who sends it does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicityProof {
    accused: Key,
    first: Vec<u8>,
    second: Vec<u8>,
}

impl DuplicityProof {
    /// From two verified statements, in either order.
    ///
    /// # Errors
    /// [`BodyError::NotAProof`] when they do not contradict each other.
    pub fn new(a: &Verified<Statement>, b: &Verified<Statement>) -> Result<Self, BodyError> {
        let (first, second) = if a.id() <= b.id() { (a, b) } else { (b, a) };
        let accused = contradiction(first, second).ok_or(BodyError::NotAProof("duplicity-proof"))?;
        Ok(Self { accused, first: first.bytes().to_vec(), second: second.bytes().to_vec() })
    }

    /// Whom the proof convicts.
    #[must_use]
    pub fn accused(&self) -> &Key {
        &self.accused
    }

    pub(crate) fn to_wire(&self, header: Option<schema::Header>) -> schema::DuplicityProof {
        schema::DuplicityProof { header, first: self.first.clone(), second: self.second.clone() }
    }

    pub(crate) fn from_wire(wire: schema::DuplicityProof) -> Result<Self, BodyError> {
        let not_a_proof = BodyError::NotAProof("duplicity-proof");
        let read = |bytes: &[u8]| {
            // Only kinds that hold no statements themselves: a proof inside a proof would recurse.
            let envelope = schema::Envelope::decode(bytes).ok()?;
            let kind = Kind::from_number(envelope.kind)?;
            matches!(kind, Kind::Profile | Kind::Rotation).then(|| statement::verify(bytes).ok())?
        };
        match (read(&wire.first), read(&wire.second)) {
            (Some(a), Some(b)) if a.id() < b.id() => Self::new(&a, &b),
            _ => Err(not_a_proof),
        }
    }
}

/// Whom two statements convict, if they contradict each other.
fn contradiction(a: &Statement, b: &Statement) -> Option<Key> {
    match (a.body(), b.body()) {
        (super::Body::Profile(p), super::Body::Profile(q)) => {
            let same_generation = a.author() == b.author() && a.header().generation == b.header().generation;
            (same_generation && p.next_key_hash != q.next_key_hash).then(|| *a.author())
        }
        (super::Body::Rotation(p), super::Body::Rotation(q)) => {
            // Two handovers that the key itself signed. One that it did not sign proves nothing against it.
            let both_signed = p.previous_signature.is_some() && q.previous_signature.is_some();
            let differ = a.author() != b.author() || p.next_key_hash != q.next_key_hash;
            (both_signed && p.previous_key == q.previous_key && differ).then_some(p.previous_key)
        }
        _ => None,
    }
}

pub(crate) fn digest(bytes: &[u8], field: &'static str) -> Result<Sha256, BodyError> {
    Sha256::from_slice(bytes).ok_or(BodyError::BadId(field))
}
