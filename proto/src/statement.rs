//! Statements: signing, verifying, and the two ids.

use crate::body::{Body, BodyError};
use crate::key::{KeyError, SignatureCheck};
use crate::limits::{ENVELOPE_BYTES_MAX, Kind};
use crate::{GossipId, Key, SecretKey, Sha256, StatementId, Timestamp, schema};
use prost::Message;
use std::collections::BTreeMap;
use std::ops::Deref;

/// Bytes of a public key.
const KEY_BYTES: usize = 32;
/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 64;

/// What every body begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// How often the key was rotated.
    pub generation: u32,
    /// Sequence number of the key, never used twice; in practice the time of signing in milliseconds.
    pub seq: u64,
    /// When it was signed, by the author's clock.
    pub created: Timestamp,
    /// When it stops counting; `None` for rotations and proofs.
    pub expires: Option<Timestamp>,
}

impl Header {
    /// Whether the statement no longer counts at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    /// Order in which newer replaces older: by generation, then by sequence number.
    #[must_use]
    pub fn order(&self) -> (u32, u64) {
        (self.generation, self.seq)
    }
}

/// One signed statement by a key, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    author: Key,
    header: Header,
    body: Body,
    id: StatementId,
    bytes: Vec<u8>,
}

impl Statement {
    /// Who says it.
    #[must_use]
    pub fn author(&self) -> &Key {
        &self.author
    }

    /// Sequence and times.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What it says.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.body.kind()
    }

    /// Store id: SHA-256(author ‖ preimage).
    #[must_use]
    pub fn id(&self) -> StatementId {
        self.id
    }

    /// The original envelope, as it is stored and forwarded.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gossip message id: SHA-256 of the envelope.
    #[must_use]
    pub fn gossip_id(&self) -> GossipId {
        gossip_id(&self.bytes)
    }
}

/// A value that this crate has verified; nobody else can make one.
///
/// ```compile_fail,E0423
/// let forged = heirloom_proto::Verified(5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(value)
    }

    /// Gives up the mark.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Why a statement was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VerifyError {
    /// Longer than its kind may be. Blame the relayer.
    #[error("{len} bytes are more than the {max} of this kind")]
    TooLong {
        /// Bytes found.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not an envelope. Blame the relayer.
    #[error("not an envelope")]
    Malformed,
    /// An envelope in other bytes than the canonical ones. Blame the relayer.
    #[error("envelope is not canonical")]
    NotCanonical,
    /// A kind that this version does not know: ignore, do not blame, a newer version may.
    #[error("unknown kind {0}")]
    UnknownKind(u32),
    /// The author is no key. Blame the relayer.
    #[error("author: {0}")]
    BadAuthor(KeyError),
    /// The body breaks the rules of its kind. Blame the relayer.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The signature does not match author and bytes. Blame the relayer: it should have checked.
    #[error("bad signature by {author}")]
    BadSignature {
        /// Whose signature it pretends to be.
        author: Key,
    },
}

impl VerifyError {
    /// Whether whoever passed this on must have known that it is wrong.
    #[must_use]
    pub fn blames_relayer(&self) -> bool {
        !matches!(self, Self::UnknownKind(_))
    }
}

/// What the signature covers: `0x00 ‖ "heirloom/1" ‖ kind: u32 BE ‖ len(body): u32 BE ‖ body`.
///
/// The leading zero cannot begin a BEP44 preimage or any text; the kind inside stops a signature for one kind from
/// passing for another.
fn preimage(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(19 + body.len());
    push_preimage(&mut bytes, kind, body);
    bytes
}

fn push_preimage(bytes: &mut Vec<u8>, kind: u32, body: &[u8]) {
    bytes.push(0);
    bytes.extend_from_slice(b"heirloom/1");
    bytes.extend_from_slice(&kind.to_be_bytes());
    // Bodies are capped far below 4 GiB before they come here.
    bytes.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(body);
}

/// Author ‖ preimage: the store id is the digest of it all, and the signature covers it from [`KEY_BYTES`] on.
fn signed_by(parts: &Parts<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(KEY_BYTES + 19 + parts.body.len());
    bytes.extend_from_slice(parts.author);
    push_preimage(&mut bytes, parts.kind.number(), parts.body);
    bytes
}

fn store_id(signed_by: &[u8]) -> StatementId {
    StatementId(Sha256::of(signed_by).0)
}

/// Gossip message id of any bytes.
#[must_use]
pub fn gossip_id(envelope: &[u8]) -> GossipId {
    GossipId(Sha256::of(envelope).0)
}

/// The cheap checks that need no signature: size, canonical envelope, known kind, size of the kind. Gossip runs them
/// before its duplicate cache, so that malformed bytes cost nothing.
///
/// # Errors
/// All of [`VerifyError`] but the body's and the signature's.
pub fn check_structure(bytes: &[u8]) -> Result<Kind, VerifyError> {
    open(bytes).map(|parts| parts.kind)
}

/// The author whom an envelope names. Nothing about it is checked but the form: it serves to choose whose signatures are
/// verified first.
#[must_use]
pub fn claimed_author(bytes: &[u8]) -> Option<Key> {
    open(bytes).ok().and_then(|parts| Key::from_bytes(*parts.author).ok())
}

/// An envelope taken apart.
struct Parts<'a> {
    author: &'a [u8; KEY_BYTES],
    kind: Kind,
    body: &'a [u8],
    signature: &'a [u8; SIGNATURE_BYTES],
}

/// Reads the one canonical form of an envelope of a known kind: author (tag `0a`, length 32), kind (tag `10`, one byte),
/// body (tag `1a`, shortest length), signature (tag `22`, length 64), and nothing else. Protobuf leaves out a field of
/// its default value, which none of these has.
///
/// COST: decoding with prost and encoding again takes four allocations, a sixteenth of the time of checking a signature.
/// Whatever is not read here goes that way, so what is refused, and why, is decided in one place.
fn take_apart(bytes: &[u8]) -> Option<Parts<'_>> {
    let rest = bytes.strip_prefix(&[0x0a, 32])?;
    let (author, rest) = rest.split_first_chunk()?;
    let (kind, rest) = rest.strip_prefix(&[0x10])?.split_first()?;
    // All known kinds are below 128, so their number is one byte.
    let kind = Kind::from_number(u32::from(*kind)).filter(|kind| kind.number() < 0x80)?;
    let (low, rest) = rest.strip_prefix(&[0x1a])?.split_first()?;
    let (len, rest) = if *low < 0x80 {
        (usize::from(*low), rest)
    } else {
        // Bodies are below 16,384 bytes. A second byte of zero would not be the shortest form.
        let (high, rest) = rest.split_first().filter(|(high, _)| (1..0x80).contains(*high))?;
        (usize::from(*low & 0x7f) | usize::from(*high) << 7, rest)
    };
    let (body, rest) = rest.split_at_checked(len).filter(|_| len > 0)?;
    let signature = rest.strip_prefix(&[0x22, 64])?.try_into().ok()?;
    Some(Parts { author, kind, body, signature })
}

fn open(bytes: &[u8]) -> Result<Parts<'_>, VerifyError> {
    if bytes.len() > ENVELOPE_BYTES_MAX {
        return Err(VerifyError::TooLong { len: bytes.len(), max: ENVELOPE_BYTES_MAX });
    }
    let Some(parts) = take_apart(bytes) else { return Err(why_not(bytes)) };
    let max = parts.kind.limits().body_bytes_max;
    if parts.body.len() > max {
        return Err(VerifyError::TooLong { len: parts.body.len(), max });
    }
    Ok(parts)
}

/// Why bytes are no envelope of a known kind in canonical form.
fn why_not(bytes: &[u8]) -> VerifyError {
    let Ok(envelope) = schema::Envelope::decode(bytes) else { return VerifyError::Malformed };
    if envelope.encode_to_vec() != bytes {
        return VerifyError::NotCanonical;
    }
    if envelope.author.len() != KEY_BYTES || envelope.signature.len() != SIGNATURE_BYTES {
        return VerifyError::Malformed;
    }
    match Kind::from_number(envelope.kind) {
        None => VerifyError::UnknownKind(envelope.kind),
        // No kind allows a body without a header.
        Some(_) => VerifyError::Body(BodyError::Missing("header")),
    }
}

/// Bytes from anybody to a statement whose signature holds. Whether it is too old, too new or unwanted is not decided
/// here.
///
/// # Errors
/// [`VerifyError`], saying whether the relayer is to blame.
pub fn verify(bytes: &[u8]) -> Result<Verified<Statement>, VerifyError> {
    verify_with(bytes, |author| Key::with_check(author))
}

/// Most authors whose points a [`Verifier`] remembers: 256 KiB. Overflow forgets them all.
const POINTS_MAX: usize = 1024;

/// Verifies as [`verify`] does, and remembers the points of authors: unpacking one costs a tenth of checking a
/// signature, and whoever brings statements brings many of the same few.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    points: BTreeMap<[u8; KEY_BYTES], (Key, SignatureCheck)>,
}

impl Verifier {
    /// See [`verify`].
    ///
    /// # Errors
    /// As [`verify`].
    pub fn verify(&mut self, bytes: &[u8]) -> Result<Verified<Statement>, VerifyError> {
        verify_with(bytes, |author| self.unpack(author))
    }

    /// See [`claimed_author`]: unpacked once for both.
    #[must_use]
    pub fn claimed_author(&mut self, bytes: &[u8]) -> Option<Key> {
        let parts = open(bytes).ok()?;
        self.unpack(parts.author).ok().map(|(author, _)| author)
    }

    fn unpack(&mut self, author: &[u8; KEY_BYTES]) -> Result<(Key, SignatureCheck), KeyError> {
        if let Some(known) = self.points.get(author) {
            return Ok(*known);
        }
        let new = Key::with_check(author)?;
        if self.points.len() >= POINTS_MAX {
            self.points.clear();
        }
        self.points.insert(*author, new);
        Ok(new)
    }
}

fn verify_with(
    bytes: &[u8],
    unpack: impl FnOnce(&[u8; KEY_BYTES]) -> Result<(Key, SignatureCheck), KeyError>,
) -> Result<Verified<Statement>, VerifyError> {
    let parts = open(bytes)?;
    let (author, check) = unpack(parts.author).map_err(VerifyError::BadAuthor)?;
    // The body is decoded first: it is the cheaper refusal.
    let (header, body) = Body::decode(parts.kind, parts.body)?;
    let signed = signed_by(&parts);
    if !check.holds(&signed[KEY_BYTES..], parts.signature) {
        return Err(VerifyError::BadSignature { author });
    }
    if let Body::Rotation(rotation) = &body {
        rotation.check(&author)?;
    }
    Ok(Verified::new(Statement { author, header, body, id: store_id(&signed), bytes: bytes.to_vec() }))
}

/// Why this node's own statement cannot be signed. Say it to the user: their text is too long or has odd characters.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignError {
    /// The content breaks the rules of its kind.
    #[error(transparent)]
    Refused(#[from] VerifyError),
}

impl Statement {
    /// Signs a body. What comes back went through [`verify`] like anybody's statement.
    ///
    /// # Errors
    /// [`SignError`] when the content breaks the rules of its kind: text too long, not NFC, lifetime too long;
    /// [`BodyError::NotCanonical`] for content that reads back as something else, such as the year `Some(0)`.
    pub fn sign(secret: &SecretKey, header: &Header, body: &Body) -> Result<Verified<Self>, SignError> {
        let kind = body.kind().number();
        let bytes = body.encode(header);
        let signature = secret.sign(&preimage(kind, &bytes));
        let author = secret.public().as_bytes().to_vec();
        let envelope = schema::Envelope { author, kind, body: bytes, signature: signature.to_vec() };
        let statement = verify(&envelope.encode_to_vec()).map_err(|error| {
            // Whoever wrote it wants to know which text is too long.
            let field = if matches!(error, VerifyError::TooLong { .. }) {
                Body::decode(body.kind(), &envelope.body).err()
            } else {
                None
            };
            field.map_or(error, VerifyError::from)
        })?;
        // `Some(0)` is written like `None`: sign nothing that says something else than was meant.
        if statement.header() != header || statement.body() != body {
            return Err(VerifyError::from(BodyError::NotCanonical(body.kind().name())).into());
        }
        Ok(statement)
    }

    /// Bytes for this node's own store: SHA-256 of the envelope, then the envelope.
    #[must_use]
    pub fn to_store(&self) -> Vec<u8> {
        let (checksum, envelope) = self.store_parts();
        [&checksum, envelope].concat()
    }

    /// What [`Statement::to_store`] puts one behind the other.
    #[must_use]
    pub fn store_parts(&self) -> ([u8; 32], &[u8]) {
        (self.gossip_id().0, &self.bytes)
    }
}

/// Why stored bytes are not what was stored.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoredError {
    /// The checksum does not hold: the disk changed the bytes.
    #[error("stored statement is damaged: its checksum does not hold")]
    Damaged,
    /// The checksum holds, but this version cannot read the content.
    #[error("stored statement cannot be read by this version: {0}")]
    Unreadable(VerifyError),
}

impl Verified<Statement> {
    /// A statement that this node verified before it stored it, as long as its checksum still holds.
    ///
    /// # Errors
    /// [`StoredError`].
    pub fn from_store(stored: &[u8]) -> Result<Self, StoredError> {
        let (checksum, bytes) = stored.split_at_checked(32).ok_or(StoredError::Damaged)?;
        if gossip_id(bytes).0 != checksum {
            return Err(StoredError::Damaged);
        }
        let parts = open(bytes).map_err(StoredError::Unreadable)?;
        let author = Key::known(*parts.author);
        let (header, body) =
            Body::decode(parts.kind, parts.body).map_err(|error| StoredError::Unreadable(error.into()))?;
        let id = store_id(&signed_by(&parts));
        Ok(Self::new(Statement { author, header, body, id, bytes: bytes.to_vec() }))
    }
}

/// An envelope without its author, as it stands in a DHT item under that author's key.
pub(crate) fn to_slim(statement: &Statement) -> schema::Slim {
    // PANIC: the bytes of a statement are always an envelope; nothing else makes one.
    let envelope = schema::Envelope::decode(statement.bytes()).expect("a statement holds an envelope");
    schema::Slim { kind: envelope.kind, body: envelope.body, signature: envelope.signature }
}

/// The whole envelope again.
pub(crate) fn from_slim(author: &Key, slim: schema::Slim) -> Vec<u8> {
    let author = author.as_bytes().to_vec();
    schema::Envelope { author, kind: slim.kind, body: slim.body, signature: slim.signature }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{Opinion, Retraction, Verdict};
    use crate::{Infohash, SecretKey};

    #[test]
    fn of_what_is_too_long_to_sign_the_text_is_named() {
        use crate::body::{Work, WorkKind};
        let work = "imdb:tt0017925".parse().expect("an id");
        let body = Body::Work(Work::new(work, "x".repeat(10_000), None, WorkKind::Film));
        let header = Header { generation: 0, seq: 1, created: Timestamp(1), expires: Some(Timestamp(2)) };
        let refused = Statement::sign(&SecretKey::from_seed(&[1; 32]), &header, &body).expect_err("too long");
        assert!(refused.to_string().contains("title is longer than"), "{refused}");
    }

    /// What [`take_apart`] must agree with: decoding and encoding again by the schema.
    fn is_canonical(bytes: &[u8]) -> bool {
        schema::Envelope::decode(bytes).is_ok_and(|envelope| {
            envelope.encode_to_vec() == bytes
                && envelope.author.len() == KEY_BYTES
                && envelope.signature.len() == SIGNATURE_BYTES
                && Kind::from_number(envelope.kind).is_some()
                && !envelope.body.is_empty()
        })
    }

    fn envelopes() -> Vec<Vec<u8>> {
        let alice = SecretKey::from_seed(&[1; 32]);
        let header =
            Header { generation: 0, seq: 7, created: Timestamp(1_000), expires: Some(Timestamp(1_000 + 86_400_000)) };
        let verdict = |note: String| Verdict { infohash: Infohash([3; 20]), opinion: Opinion::Good, note };
        // The first body's length takes one byte, that of the second two.
        let bodies =
            [Body::Retraction(Retraction { target: StatementId([2; 32]) }), Body::Verdict(verdict("n".repeat(150)))];
        bodies.iter().map(|body| Statement::sign(&alice, &header, body).expect("signed").bytes().to_vec()).collect()
    }

    #[test]
    fn the_short_way_reads_exactly_what_the_schema_reads_in_canonical_form() {
        for envelope in envelopes() {
            assert!(take_apart(&envelope).is_some() && is_canonical(&envelope));
            let mut tried = 0;
            let mut agree = |bytes: &[u8]| {
                tried += 1;
                assert_eq!(take_apart(bytes).is_some(), is_canonical(bytes), "{bytes:02x?}");
            };
            for at in 0..envelope.len() {
                for to in [0, 1, 2, 11, 12, 0x0a, 0x10, 0x1a, 0x22, 31, 32, 33, 63, 64, 65, 0x7f, 0x80, 0x81, 0xff] {
                    let mut changed = envelope.clone();
                    changed[at] = to;
                    agree(&changed);
                    changed[at] = envelope[at];
                    changed.insert(at, to);
                    agree(&changed);
                }
                let mut shorter = envelope.clone();
                shorter.remove(at);
                agree(&shorter);
                agree(&envelope[..at]);
                agree(&envelope[at..]);
            }
            assert!(tried > 5_000);
        }
    }

    #[test]
    fn what_the_short_way_does_not_read_is_refused_for_what_is_wrong() {
        let envelope = envelopes().remove(0);
        let changed = |at: usize, to: &[u8]| [&envelope[..at], to, &envelope[at + 1..]].concat();
        assert_eq!(check_structure(&envelope), Ok(Kind::Retraction));
        assert_eq!(check_structure(&changed(35, &[0x7f])), Err(VerifyError::UnknownKind(127)));
        // The kind in two bytes: a longer varint of the same value.
        let long = changed(35, &[envelope[35] | 0x80, 0]);
        assert_eq!(check_structure(&long), Err(VerifyError::NotCanonical));
        assert_eq!(check_structure(&envelope[1..]), Err(VerifyError::Malformed));
        let parts = take_apart(&envelope).expect("an envelope");
        let empty = schema::Envelope {
            author: parts.author.to_vec(),
            kind: parts.kind.number(),
            body: Vec::new(),
            signature: parts.signature.to_vec(),
        };
        let refusal = check_structure(&empty.encode_to_vec()).expect_err("no header");
        assert!(refusal.blames_relayer(), "{refusal}");
    }
}
