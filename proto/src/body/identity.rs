//! What a key says about itself: profile, head, rotation, retraction, its curator lists; and proofs against it.

use super::trust::key;
use super::{BodyError, at_most, clean_line, clean_text};
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
            name: clean_line(wire.name, "name", NAME_BYTES_MAX)?,
            url: clean_line(wire.url, "url", URL_BYTES_MAX)?,
            next_key_hash: digest(&wire.next_key_hash, "next_key_hash")?,
        })
    }
}

/// A key's newest state: the one thing in the DHT from which all else of that key is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Live public statements that [`Head::counts`], when this was signed.
    pub live_count: u64,
    /// SHA-256 over their sorted store ids, so that an omission shows.
    pub live_root: Sha256,
    /// The archive torrent with all of them and its SHA-256, if there is one.
    pub archive: Option<(Infohash, Sha256)>,
}

impl Head {
    /// Whether statements of a kind are of the log that a head counts, and of its archive. Heads are not. Nor are duplicity
    /// proofs: one about an accused is enough, whoever signed it, so most nodes hold another's and refuse this one.
    #[must_use]
    pub fn counts(kind: Kind) -> bool {
        !matches!(kind, Kind::Head | Kind::DuplicityProof)
    }

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
                name: clean_line(e.name, "name", NAME_BYTES_MAX)?,
                note: clean_text(e.note, "note", 140)?,
            })
        };
        Ok(Self {
            name: clean_line(wire.name, "name", NAME_BYTES_MAX)?,
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

#[cfg(test)]
mod tests {
    use super::super::Body;
    use super::super::testing::{alice, bob, header, key, refusal, samples, sign, wire_header};
    use super::*;
    use crate::statement::{SignError, VerifyError};
    use crate::{Header, SecretKey};

    const NOT_A_PROOF: BodyError = BodyError::NotAProof("duplicity-proof");
    const NOT_A_ROTATION: BodyError = BodyError::NotAProof("rotation");

    /// A profile by `secret` that commits to `next`.
    fn profile(secret: &SecretKey, generation: u32, seq: u64, next: u8) -> Verified<Statement> {
        let body = Profile { name: "Alice".into(), url: String::new(), next_key_hash: Sha256([next; 32]) };
        let header = Header { generation, ..header(Kind::Profile, seq) };
        Statement::sign(secret, &header, &Body::Profile(body)).expect("signed")
    }

    /// A rotation from `previous` to `next`, with its signature.
    fn rotation(previous: &SecretKey, next: &SecretKey, after: u8) -> Verified<Statement> {
        let body = Rotation::signed_by(previous, &next.public(), Sha256([after; 32]));
        Statement::sign(next, &header(Kind::Rotation, 1), &Body::Rotation(body)).expect("signed")
    }

    fn proof_of(first: &[u8], second: &[u8]) -> Result<DuplicityProof, BodyError> {
        let header = wire_header(Kind::DuplicityProof);
        let wire = schema::DuplicityProof { header, first: first.to_vec(), second: second.to_vec() };
        match Body::decode(Kind::DuplicityProof, &wire.encode_to_vec())?.1 {
            Body::DuplicityProof(proof) => Ok(proof),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_addresses_lists_and_hashes_have_limits() {
        let profile = |name: usize, url: usize, hash: usize| {
            let header = wire_header(Kind::Profile);
            let wire =
                schema::Profile { header, name: "n".repeat(name), url: "u".repeat(url), next_key_hash: vec![1; hash] };
            Body::decode(Kind::Profile, &wire.encode_to_vec()).map(|_| ())
        };
        let too_long = |field, max, unit| Err(BodyError::TooLong { field, max, unit });
        assert_eq!(profile(NAME_BYTES_MAX, URL_BYTES_MAX, 32), Ok(()));
        assert_eq!(profile(NAME_BYTES_MAX + 1, 0, 32), too_long("name", NAME_BYTES_MAX, "bytes"));
        assert_eq!(profile(0, URL_BYTES_MAX + 1, 32), too_long("url", URL_BYTES_MAX, "bytes"));
        for len in [0, 31, 33] {
            assert_eq!(profile(0, 0, len), Err(BodyError::BadId("next_key_hash")));
        }
        let list = |count: usize, note: usize| {
            let entry = CuratorEntry { key: key(2), name: String::new(), note: "n".repeat(note) };
            let list = CuratorList { name: String::new(), entries: vec![entry; count] };
            sign(Body::CuratorList(list)).map(|_| ())
        };
        assert_eq!(list(100, 0), Ok(()));
        assert_eq!(list(1, 140), Ok(()));
        let refused =
            |field, max, unit| Err(SignError::Refused(VerifyError::Body(BodyError::TooLong { field, max, unit })));
        assert_eq!(list(101, 0), refused("entries", 100, "entries"));
        assert_eq!(list(1, 141), refused("note", 140, "bytes"));
        let retraction = schema::Retraction { header: wire_header(Kind::Retraction), target: vec![1; 20] };
        assert_eq!(Body::decode(Kind::Retraction, &retraction.encode_to_vec()), Err(BodyError::BadId("target")));
    }

    #[test]
    fn a_head_names_its_archive_by_both_hashes_or_not_at_all() {
        let read = |root: usize, infohash: usize, sha256: usize| {
            let wire = schema::Head {
                header: wire_header(Kind::Head),
                live_count: 3,
                live_root: vec![1; root],
                archive_infohash: vec![2; infohash],
                archive_sha256: vec![3; sha256],
            };
            Body::decode(Kind::Head, &wire.encode_to_vec()).map(|_| ())
        };
        assert_eq!(read(32, 0, 0), Ok(()));
        assert_eq!(read(32, 20, 32), Ok(()));
        assert_eq!(read(31, 0, 0), Err(BodyError::BadId("live_root")));
        assert_eq!(read(32, 20, 0), Err(BodyError::BadId("archive_sha256")));
        assert_eq!(read(32, 0, 32), Err(BodyError::BadId("archive_infohash")));
        assert_eq!(read(32, 32, 32), Err(BodyError::BadId("archive_infohash")));
    }

    #[test]
    fn the_live_root_is_over_the_sorted_set() {
        let ids = [StatementId([2; 32]), StatementId([1; 32])];
        let root = Head::root_of(&ids.into_iter().collect());
        assert_eq!(root, Sha256::of(&[[1; 32], [2; 32]].concat()));
        assert_ne!(root, Head::root_of(&ids[..1].iter().copied().collect()), "an omission shows");
        assert_eq!(Head::root_of(&Default::default()), Sha256::of(&[]));
    }

    #[test]
    fn heads_and_proofs_are_of_no_log() {
        let left_out: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| !Head::counts(*kind)).collect();
        assert_eq!(left_out, [Kind::Head, Kind::DuplicityProof]);
    }

    #[test]
    fn a_rotation_needs_the_previous_key_or_a_compromise() {
        let handed_over = Rotation::signed_by(&bob(), &alice().public(), Sha256([8; 32]));
        let with = |change: &dyn Fn(&mut Rotation)| {
            let mut rotation = handed_over.clone();
            change(&mut rotation);
            Body::Rotation(rotation)
        };
        let since = Some(Timestamp(1_790_000_000_000));
        assert!(sign(with(&|_| {})).is_ok());
        assert!(sign(with(&|r| r.compromised_since = since)).is_ok(), "signed by both, compromised too");
        let lost = with(&|r| (r.compromised_since, r.previous_signature) = (since, None));
        assert!(sign(lost).is_ok(), "the next key alone");
        assert_eq!(refusal(with(&|r| r.previous_signature = None)), NOT_A_ROTATION, "alone without a reason");
        assert_eq!(refusal(with(&|r| r.next_key_hash = Sha256([9; 32]))), NOT_A_ROTATION, "another commitment");
        assert_eq!(refusal(with(&|r| r.previous_key = key(3))), NOT_A_ROTATION, "another previous key");
        let forged = with(&|r| {
            r.compromised_since = since;
            r.previous_signature = r.previous_signature.map(|mut s| {
                s[0] ^= 1;
                s
            });
        });
        assert_eq!(refusal(forged), NOT_A_ROTATION, "a compromise does not excuse a forged signature");
    }

    #[test]
    fn a_handover_to_one_key_is_of_no_use_to_another() {
        let to_alice = Rotation::signed_by(&bob(), &alice().public(), Sha256([8; 32]));
        let mallory = SecretKey::from_seed(&[66; 32]);
        let stolen = Statement::sign(&mallory, &header(Kind::Rotation, 1), &Body::Rotation(to_alice));
        assert_eq!(stolen, Err(SignError::Refused(VerifyError::Body(NOT_A_ROTATION))));
        let to_itself = Rotation::signed_by(&alice(), &alice().public(), Sha256([8; 32]));
        assert_eq!(refusal(Body::Rotation(to_itself)), NOT_A_ROTATION, "a key does not follow itself");
        let alone = Rotation {
            previous_key: alice().public(),
            next_key_hash: Sha256([8; 32]),
            compromised_since: Some(Timestamp(1)),
            previous_signature: None,
        };
        assert_eq!(refusal(Body::Rotation(alone)), NOT_A_ROTATION, "nor by a compromise");
    }

    #[test]
    fn a_statement_signature_is_no_handover() {
        // What Bob signed as a statement must not pass as his agreement to anything else.
        let other = rotation(&alice(), &bob(), 8);
        let signature = statement::to_slim(&other).signature;
        let body = Rotation {
            previous_key: bob().public(),
            next_key_hash: Sha256([8; 32]),
            compromised_since: None,
            previous_signature: Some(signature.try_into().expect("64 bytes")),
        };
        assert_eq!(refusal(Body::Rotation(body)), NOT_A_ROTATION);
    }

    #[test]
    fn previous_signatures_are_64_bytes() {
        for len in [1, 63, 65] {
            let wire = schema::Rotation {
                header: wire_header(Kind::Rotation),
                previous_key: key(2).as_bytes().to_vec(),
                next_key_hash: vec![8; 32],
                compromised_since_ms: 0,
                previous_signature: vec![1; len],
            };
            let read = Body::decode(Kind::Rotation, &wire.encode_to_vec());
            assert_eq!(read, Err(BodyError::BadId("previous_signature")), "{len}");
        }
    }

    #[test]
    fn two_commitments_in_one_generation_convict_in_either_order() {
        let (a, b) = (profile(&alice(), 3, 1, 1), profile(&alice(), 3, 9, 2));
        let proof = DuplicityProof::new(&a, &b).expect("contradiction");
        assert_eq!(proof.accused(), &alice().public());
        assert_eq!(DuplicityProof::new(&b, &a), Ok(proof.clone()), "one proof, whoever saw which first");
        let by_bob = Statement::sign(&bob(), &header(Kind::DuplicityProof, 1), &Body::DuplicityProof(proof.clone()));
        assert_eq!(by_bob.expect("anybody may carry it").body(), &Body::DuplicityProof(proof));
    }

    #[test]
    fn two_rotations_convict_the_key_that_signed_both() {
        let carol = SecretKey::from_seed(&[3; 32]);
        let to_bob = rotation(&alice(), &bob(), 8);
        for other in [rotation(&alice(), &carol, 8), rotation(&alice(), &bob(), 9)] {
            let proof = DuplicityProof::new(&to_bob, &other).expect("contradiction");
            assert_eq!(proof.accused(), &alice().public());
            let (first, second) = (proof.first.clone(), proof.second.clone());
            assert_eq!(proof_of(&first, &second), Ok(proof));
        }
    }

    #[test]
    fn what_does_not_contradict_proves_nothing() {
        let carol = SecretKey::from_seed(&[3; 32]);
        let alone = |next: &SecretKey| {
            let body = Rotation {
                previous_key: alice().public(),
                next_key_hash: Sha256([8; 32]),
                compromised_since: Some(Timestamp(1)),
                previous_signature: None,
            };
            Statement::sign(next, &header(Kind::Rotation, 1), &Body::Rotation(body)).expect("signed")
        };
        let ours = profile(&alice(), 0, 1, 1);
        let to_bob = rotation(&alice(), &bob(), 8);
        let cases = [
            ("the same statement twice", ours.clone(), ours.clone()),
            ("one commitment, renewed", ours.clone(), profile(&alice(), 0, 2, 1)),
            ("another generation", ours.clone(), profile(&alice(), 1, 2, 2)),
            ("another author", ours.clone(), profile(&bob(), 0, 2, 2)),
            ("a profile and a rotation", ours, to_bob.clone()),
            ("rotations of two keys", to_bob.clone(), rotation(&carol, &bob(), 9)),
            // Anybody can claim that a key is compromised: its owner signed only one of them, or none.
            ("a thief's claim", to_bob, alone(&carol)),
            ("two claims", alone(&bob()), alone(&carol)),
        ];
        for (what, a, b) in cases {
            assert_eq!(DuplicityProof::new(&a, &b), Err(NOT_A_PROOF), "{what}");
            assert_eq!(DuplicityProof::new(&b, &a), Err(NOT_A_PROOF), "{what}, swapped");
            let (first, second) = if a.id() <= b.id() { (&a, &b) } else { (&b, &a) };
            assert_eq!(proof_of(first.bytes(), second.bytes()), Err(NOT_A_PROOF), "{what}, from the wire");
        }
    }

    #[test]
    fn one_rotation_renewed_proves_nothing() {
        let body = Body::Rotation(Rotation::signed_by(&alice(), &bob().public(), Sha256([8; 32])));
        let at = |seq| Statement::sign(&bob(), &header(Kind::Rotation, seq), &body).expect("signed");
        assert_eq!(DuplicityProof::new(&at(1), &at(2)), Err(NOT_A_PROOF));
    }

    #[test]
    fn proofs_from_the_wire_are_in_order_signed_and_not_nested() {
        let (a, b) = (profile(&alice(), 0, 1, 1), profile(&alice(), 0, 2, 2));
        let proof = DuplicityProof::new(&a, &b).expect("contradiction");
        assert_eq!(proof_of(&proof.first, &proof.second), Ok(proof.clone()));
        assert_eq!(proof_of(&proof.second, &proof.first), Err(NOT_A_PROOF), "swapped order is not canonical");
        assert_eq!(proof_of(&proof.first, &[]), Err(NOT_A_PROOF), "half a proof");
        for at in [0, 40, proof.second.len() - 1] {
            let mut forged = proof.second.clone();
            forged[at] ^= 1;
            assert_eq!(proof_of(&proof.first, &forged), Err(NOT_A_PROOF), "byte {at} changed");
        }
        let nested = sign(Body::DuplicityProof(proof.clone())).expect("signed");
        assert_eq!(proof_of(nested.bytes(), &proof.second), Err(NOT_A_PROOF), "nested");
        assert_eq!(proof_of(&proof.first, nested.bytes()), Err(NOT_A_PROOF), "nested");
        // The sample profile is by Alice, too.
        for body in samples().into_iter().skip(1) {
            let other = sign(body).expect("signed");
            assert_eq!(proof_of(&proof.first, other.bytes()), Err(NOT_A_PROOF), "{:?}", other.kind());
        }
    }

    #[test]
    fn the_longest_contradictions_fit_into_a_proof() {
        let long = |next: u8| {
            let body = Profile {
                name: "n".repeat(NAME_BYTES_MAX),
                url: "u".repeat(URL_BYTES_MAX),
                next_key_hash: Sha256([next; 32]),
            };
            let header = Header { generation: u32::MAX, ..header(Kind::Profile, i64::MAX.unsigned_abs()) };
            Statement::sign(&alice(), &header, &Body::Profile(body)).expect("signed")
        };
        let proof = DuplicityProof::new(&long(1), &long(2)).expect("contradiction");
        assert!(sign(Body::DuplicityProof(proof)).is_ok());
        let proof = DuplicityProof::new(&rotation(&alice(), &bob(), 1), &rotation(&alice(), &bob(), 2)).expect("too");
        assert!(sign(Body::DuplicityProof(proof)).is_ok());
    }
}
