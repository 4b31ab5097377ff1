//! Bodies of statements: what each kind says, as types whose values are already checked.
//!
//! A body is made from the wire only through [`Body::decode`], which refuses what is not canonical, and put on the wire
//! only through [`Body::encode`]. The types of one concern stand together: [`identity`], [`trust`], [`catalogue`].

pub mod catalogue;
pub mod identity;
pub mod trust;

pub use catalogue::{Episode, File, Listing, Opinion, Verdict, Work, WorkKind};
pub use identity::{CuratorEntry, CuratorList, DuplicityProof, Head, Profile, Retraction, Rotation};
pub use trust::{Attestation, Level, Receipt, Scope};

use crate::key::KeyError;
use crate::statement::Header;
use crate::time::Timestamp;
use crate::{Kind, Sha256, schema};
use prost::Message;

/// Why a body is not one of its kind. The relayer should have checked: all of it is in the bytes.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum BodyError {
    /// Not protobuf of this kind.
    #[error("body is not a {0}")]
    Malformed(&'static str),
    /// The bytes are not the ones that this content encodes to.
    #[error("body of a {0} is not canonical")]
    NotCanonical(&'static str),
    /// A field that must be there is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field is longer than allowed.
    #[error("{field} is longer than {max} {unit}")]
    TooLong {
        /// Field.
        field: &'static str,
        /// Limit.
        max: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// Text that is not NFC, or holds control or direction-changing characters.
    #[error("{0} is not clean text (NFC, no control characters)")]
    UncleanText(&'static str),
    /// A number outside its range.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// An id or hash of the wrong form.
    #[error("{0} is not well formed")]
    BadId(&'static str),
    /// A key that is none.
    #[error("{field}: {error}")]
    BadKey {
        /// Field.
        field: &'static str,
        /// Why.
        error: KeyError,
    },
    /// `expires_ms` does not fit the kind or lies before `created_ms`.
    #[error("lifetime does not fit the kind")]
    BadLifetime,
    /// The inner signature of a rotation or proof does not hold, or the two statements of a proof do not contradict.
    #[error("{0} does not prove what it says")]
    NotAProof(&'static str),
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is documented where its type is")]
pub enum Body {
    Profile(Profile),
    Attestation(Attestation),
    Receipt(Receipt),
    Work(Work),
    Listing(Listing),
    Verdict(Verdict),
    Head(Head),
    CuratorList(CuratorList),
    Rotation(Rotation),
    Retraction(Retraction),
    DuplicityProof(DuplicityProof),
}

macro_rules! each_kind {
    ($($kind:ident),*) => {
        impl Body {
            /// Which kind this body is.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind),* }
            }

            /// The canonical bytes.
            #[must_use]
            pub fn encode(&self, header: &Header) -> Vec<u8> {
                match self { $(Self::$kind(body) => body.to_wire(Some(header_to_wire(header))).encode_to_vec()),* }
            }

            /// Reads and checks the body of a statement.
            ///
            /// # Errors
            /// [`BodyError`] for anything that the rules of its kind do not allow.
            pub fn decode(kind: Kind, bytes: &[u8]) -> Result<(Header, Self), BodyError> {
                let (header, body) = match kind {
                    $(Kind::$kind => {
                        let wire = schema::$kind::decode(bytes).map_err(|_| BodyError::Malformed(kind.name()))?;
                        let header = header_from_wire(wire.header.as_ref(), kind)?;
                        (header, Self::$kind($kind::from_wire(wire)?))
                    }),*
                };
                // Unknown fields, odd field orders and long varints all die here.
                if body.encode(&header) == bytes { Ok((header, body)) } else { Err(BodyError::NotCanonical(kind.name())) }
            }
        }
    };
}
each_kind!(
    Profile, Attestation, Receipt, Work, Listing, Verdict, Head, CuratorList, Rotation, Retraction, DuplicityProof
);

impl Body {
    /// What a newer statement of the same author and kind must share with an older one to replace it: a digest over the
    /// fields that DESIGN §5 names.
    #[must_use]
    pub fn slot(&self) -> Sha256 {
        let mut bytes = self.kind().number().to_be_bytes().to_vec();
        match self {
            Self::Profile(_) | Self::Head(_) => {}
            Self::Attestation(a) => {
                bytes.extend_from_slice(a.subject.as_bytes());
                bytes.push(a.scope.number());
            }
            Self::Receipt(r) => {
                bytes.extend_from_slice(r.subject.as_bytes());
                bytes.extend_from_slice(&r.week.to_be_bytes());
            }
            Self::Work(w) => bytes.extend_from_slice(w.id().as_str().as_bytes()),
            Self::Listing(l) => {
                bytes.extend_from_slice(&l.infohash.0);
                bytes.extend_from_slice(l.work.as_str().as_bytes());
            }
            Self::Verdict(v) => bytes.extend_from_slice(&v.infohash.0),
            Self::CuratorList(l) => bytes.extend_from_slice(l.name.as_bytes()),
            Self::Rotation(r) => bytes.extend_from_slice(r.previous_key.as_bytes()),
            Self::Retraction(r) => bytes.extend_from_slice(&r.target.0),
            Self::DuplicityProof(p) => bytes.extend_from_slice(p.accused().as_bytes()),
        }
        Sha256::of(&bytes)
    }
}

fn header_to_wire(header: &Header) -> schema::Header {
    schema::Header {
        generation: header.generation,
        seq: header.seq,
        created_ms: header.created.0,
        expires_ms: header.expires.map_or(0, |at| at.0),
    }
}

fn header_from_wire(wire: Option<&schema::Header>, kind: Kind) -> Result<Header, BodyError> {
    let wire = wire.ok_or(BodyError::Missing("header"))?;
    // BEP44 sequence numbers are signed: keep ours inside them.
    if wire.seq == 0 || wire.seq > i64::MAX.unsigned_abs() {
        return Err(BodyError::OutOfRange("seq"));
    }
    let expires = (wire.expires_ms != 0).then_some(Timestamp(wire.expires_ms));
    let fits = match (kind.limits().lifetime_ms_max, expires) {
        (None, None) => true,
        (Some(max), Some(at)) => at.0 > wire.created_ms && at.0 - wire.created_ms <= max,
        _ => false,
    };
    if !fits {
        return Err(BodyError::BadLifetime);
    }
    Ok(Header { generation: wire.generation, seq: wire.seq, created: Timestamp(wire.created_ms), expires })
}

/// Checks text of at most `max` bytes: NFC, no control characters (line feeds excepted), none that turn the direction
/// of writing around (they make one name look like another).
pub(crate) fn clean_text(text: String, field: &'static str, max: usize) -> Result<String, BodyError> {
    if text.len() > max {
        return Err(BodyError::TooLong { field, max, unit: "bytes" });
    }
    let is_bad = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.chars().any(is_bad) || !unicode_normalization::is_nfc(&text) {
        return Err(BodyError::UncleanText(field));
    }
    Ok(text)
}

/// [`clean_text`] of one line. Names, titles and paths stand in lists, where a line break could forge an entry.
pub(crate) fn clean_line(text: String, field: &'static str, max: usize) -> Result<String, BodyError> {
    let text = clean_text(text, field, max)?;
    if text.contains(['\n', '\u{2028}', '\u{2029}']) { Err(BodyError::UncleanText(field)) } else { Ok(text) }
}

pub(crate) fn at_most<T>(items: Vec<T>, field: &'static str, max: usize) -> Result<Vec<T>, BodyError> {
    if items.len() > max { Err(BodyError::TooLong { field, max, unit: "entries" }) } else { Ok(items) }
}

pub(crate) fn clean_texts(texts: Vec<String>, field: &'static str, count: usize, len: usize) -> Result<Vec<String>, BodyError> {
    at_most(texts, field, count)?.into_iter().map(|text| clean_text(text, field, len)).collect()
}
