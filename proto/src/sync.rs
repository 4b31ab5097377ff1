//! The frames of sync, `/heirloom/sync/1`: what a node asks a peer for, and what comes back.
//!
//! [`Request`] and [`Response`] can only be read by decoding, which refuses what is too long, not canonical or out of
//! range. Statements inside are bytes: they prove themselves by [`crate::verify`]. What is asked when, and what is
//! believed, is the core's.

use crate::{Key, Sha256, StatementId, schema};
use prost::Message;

/// Name of the protocol, with the version of its frames.
pub const PROTOCOL: &str = "/heirloom/sync/1";
/// Longest frame in bytes (`security.md` T24): four envelopes of the longest kind.
pub const FRAME_BYTES_MAX: usize = 32 * 1024;
/// Longest filter in bytes: 23 bits for each of 5,000 keys and their decoys.
pub const FILTER_BYTES_MAX: usize = 16 * 1024;
/// Shortest filter in bytes: whoever follows one key shows no less than whoever follows fifty.
pub const FILTER_BYTES_MIN: usize = 64;
/// Longest first message of a reconciliation in bytes: it shares its frame with the filter.
pub const OPEN_MESSAGE_BYTES_MAX: usize = 12 * 1024;
/// Longest message of a reconciliation in bytes.
pub const ROUND_MESSAGE_BYTES_MAX: usize = 24 * 1024;
/// Most ids in one request: as many heads fit into one response.
pub const NAMES_MAX: usize = 128;
/// Most envelopes in one response: none is shorter than 120 bytes.
pub const ENVELOPES_MAX: usize = 256;
/// Most bytes of envelopes in one response, so that the frame holds them and their lengths.
pub const ENVELOPES_BYTES_MAX: usize = 30 * 1024;
/// Longest wait that a peer may ask for, in milliseconds: an hour.
pub const RETRY_MS_MAX: u32 = 3_600_000;

/// Bits that a filter has for each key, at least while it is within [`FILTER_BYTES_MAX`]. Every key that matches by chance is
/// named once for each of its heads, some 1.5 kB with finding it: at eight bits (one in 32) those were most of the traffic.
/// They hid little: whose log is fetched shows, and of them none is. Decoys hide, since their logs are fetched.
const BITS_WANTED: usize = 32;
/// Bits that a key sets in a filter.
const BITS_PER_KEY: usize = 5;

/// Names a session, and keys its filter and ids, so that what was crafted for one peer's sessions is of no use in another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Salt(pub [u8; 16]);

impl Salt {
    /// The id under which a statement is reconciled: SHA-256("heirloom/sync/1 id" ‖ salt ‖ store id).
    #[must_use]
    pub fn name_of(&self, id: &StatementId) -> Sha256 {
        let mut bytes = b"heirloom/sync/1 id".to_vec();
        bytes.extend_from_slice(&self.0);
        bytes.extend_from_slice(&id.0);
        Sha256::of(&bytes)
    }
}

/// Keys as a Bloom filter: five bits for each, at the first five big-endian `u32` of
/// SHA-256("heirloom/sync/1 filter" ‖ salt ‖ key), modulo the number of bits. Bit `n` is bit `n % 8` of byte `n / 8`.
///
/// At 32 bits for each key one in 15,800 other keys matches by chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    salt: Salt,
    bits: Vec<u8>,
}

impl Filter {
    /// With room for so many keys at `BITS_WANTED` each, within the limits.
    #[must_use]
    pub fn for_keys(salt: Salt, count: usize) -> Self {
        let bytes = count.saturating_mul(BITS_WANTED / 8).next_power_of_two().clamp(FILTER_BYTES_MIN, FILTER_BYTES_MAX);
        Self { salt, bits: vec![0; bytes] }
    }

    /// The session that it opens.
    #[must_use]
    pub fn salt(&self) -> Salt {
        self.salt
    }

    fn places(&self, key: &[u8; 32]) -> [(usize, u8); BITS_PER_KEY] {
        let mut bytes = b"heirloom/sync/1 filter".to_vec();
        bytes.extend_from_slice(&self.salt.0);
        bytes.extend_from_slice(key);
        let digest = Sha256::of(&bytes).0;
        [0, 4, 8, 12, 16].map(|at| {
            let word = u32::from_be_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]]);
            let bit = usize::try_from(word).unwrap_or(usize::MAX) % (self.bits.len() * 8);
            (bit / 8, 1 << (bit % 8))
        })
    }

    /// Puts a key in. Any 32 bytes will do for a decoy.
    pub fn insert(&mut self, key: &[u8; 32]) {
        for (byte, mask) in self.places(key) {
            self.bits[byte] |= mask;
        }
    }

    /// Whether a key was put in, or looks so by chance.
    #[must_use]
    pub fn matches(&self, key: &Key) -> bool {
        self.places(key.as_bytes()).iter().all(|(byte, mask)| self.bits[*byte] & mask != 0)
    }
}

/// What a node asks a peer for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Begin a session about the keys of a filter. It replaces an earlier session of the same asker.
    Open {
        /// The keys, with the salt of the session.
        filter: Filter,
        /// First message of the reconciliation.
        message: Vec<u8>,
    },
    /// One more round of it.
    Round {
        /// Of which session.
        salt: Salt,
        /// Next message.
        message: Vec<u8>,
    },
    /// The statements behind ids that only the peer has.
    Names {
        /// Of which session.
        salt: Salt,
        /// The ids, as reconciled.
        ids: Vec<Sha256>,
    },
    /// Statements of a key beyond a number, without heads.
    Fetch {
        /// Whose.
        author: Key,
        /// Beyond which (generation, seq).
        after: (u32, u64),
    },
}

/// Why a peer does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It has served this asker, or all of them, as much as its limits let it in this while.
    Busy,
    /// It does not know the session: it restarted, or gave its place to another.
    UnknownSession,
    /// It does not understand the request.
    NotUnderstood,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// To [`Request::Open`] and [`Request::Round`].
    Round {
        /// Of which session.
        salt: Salt,
        /// Message of the reconciliation.
        message: Vec<u8>,
    },
    /// To [`Request::Names`] and [`Request::Fetch`].
    Statements {
        /// Envelopes, not verified.
        envelopes: Vec<Vec<u8>>,
        /// Nothing follows.
        is_end: bool,
        /// The sender says that it holds all that the author's head counts.
        is_whole: bool,
    },
    /// To anything.
    Refused {
        /// Why.
        reason: Reason,
        /// When to ask again, in milliseconds.
        retry_after_ms: u32,
    },
}

/// Why a frame was refused. Whoever sent it made it, and is to blame.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    /// Longer than a frame may be.
    #[error("{0} bytes are more than a frame may have")]
    TooLong(usize),
    /// Not such a message, or nothing inside it.
    #[error("not such a frame")]
    Malformed,
    /// In other bytes than the canonical ones.
    #[error("frame is not canonical")]
    NotCanonical,
    /// A field is too long, too short, or of the wrong number.
    #[error("bad {0}")]
    BadField(&'static str),
}

pub(crate) fn read<M: Message + Default>(bytes: &[u8]) -> Result<M, FrameError> {
    if bytes.len() > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong(bytes.len()));
    }
    let wire = M::decode(bytes).map_err(|_| FrameError::Malformed)?;
    if wire.encode_to_vec() == bytes { Ok(wire) } else { Err(FrameError::NotCanonical) }
}

fn salt(bytes: &[u8]) -> Result<Salt, FrameError> {
    bytes.try_into().map(Salt).map_err(|_| FrameError::BadField("salt"))
}

fn message(bytes: Vec<u8>, max: usize) -> Result<Vec<u8>, FrameError> {
    if bytes.is_empty() || bytes.len() > max { Err(FrameError::BadField("message")) } else { Ok(bytes) }
}

impl Request {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`]; blame the sender.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        use schema::sync_request::Ask;
        match read::<schema::SyncRequest>(bytes)?.ask.ok_or(FrameError::Malformed)? {
            Ask::Open(open) => {
                let len = open.filter.len();
                if !len.is_power_of_two() || !(FILTER_BYTES_MIN..=FILTER_BYTES_MAX).contains(&len) {
                    return Err(FrameError::BadField("filter"));
                }
                let filter = Filter { salt: salt(&open.salt)?, bits: open.filter };
                Ok(Self::Open { filter, message: message(open.message, OPEN_MESSAGE_BYTES_MAX)? })
            }
            Ask::Round(round) => {
                Ok(Self::Round { salt: salt(&round.salt)?, message: message(round.message, ROUND_MESSAGE_BYTES_MAX)? })
            }
            Ask::Names(names) => {
                if names.ids.is_empty() || names.ids.len() > NAMES_MAX {
                    return Err(FrameError::BadField("ids"));
                }
                let ids: Option<Vec<Sha256>> = names.ids.iter().map(|id| Sha256::from_slice(id)).collect();
                Ok(Self::Names { salt: salt(&names.salt)?, ids: ids.ok_or(FrameError::BadField("ids"))? })
            }
            Ask::Fetch(fetch) => {
                let author = Key::from_slice(&fetch.author).map_err(|_| FrameError::BadField("author"))?;
                Ok(Self::Fetch { author, after: (fetch.generation, fetch.seq) })
            }
        }
    }

    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        use schema::sync_request::Ask;
        let ask = match self.clone() {
            Self::Open { filter, message } => {
                Ask::Open(schema::SyncOpen { salt: filter.salt.0.to_vec(), filter: filter.bits, message })
            }
            Self::Round { salt, message } => Ask::Round(schema::SyncRound { salt: salt.0.to_vec(), message }),
            Self::Names { salt, ids } => Ask::Names(schema::SyncNames {
                salt: salt.0.to_vec(),
                ids: ids.iter().map(|id| id.0.to_vec()).collect(),
            }),
            Self::Fetch { author, after: (generation, seq) } => {
                Ask::Fetch(schema::SyncFetch { author: author.as_bytes().to_vec(), generation, seq })
            }
        };
        schema::SyncRequest { ask: Some(ask) }.encode_to_vec()
    }
}

impl Response {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`]; blame the sender.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        use schema::sync_response::Answer;
        match read::<schema::SyncResponse>(bytes)?.answer.ok_or(FrameError::Malformed)? {
            Answer::Round(round) => {
                Ok(Self::Round { salt: salt(&round.salt)?, message: message(round.message, ROUND_MESSAGE_BYTES_MAX)? })
            }
            Answer::Statements(statements) => {
                let schema::SyncStatements { envelopes, is_end, is_whole } = statements;
                // An empty page that is not the last would be asked for for ever.
                if envelopes.len() > ENVELOPES_MAX || (envelopes.is_empty() && !is_end) {
                    return Err(FrameError::BadField("envelopes"));
                }
                Ok(Self::Statements { envelopes, is_end, is_whole })
            }
            Answer::Refusal(refusal) => {
                let reason = match refusal.reason {
                    1 => Reason::Busy,
                    2 => Reason::UnknownSession,
                    3 => Reason::NotUnderstood,
                    _ => return Err(FrameError::BadField("reason")),
                };
                if refusal.retry_after_ms > RETRY_MS_MAX {
                    return Err(FrameError::BadField("retry_after_ms"));
                }
                Ok(Self::Refused { reason, retry_after_ms: refusal.retry_after_ms })
            }
        }
    }

    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        use schema::sync_response::Answer;
        let answer = match self.clone() {
            Self::Round { salt, message } => Answer::Round(schema::SyncRound { salt: salt.0.to_vec(), message }),
            Self::Statements { envelopes, is_end, is_whole } => {
                Answer::Statements(schema::SyncStatements { envelopes, is_end, is_whole })
            }
            Self::Refused { reason, retry_after_ms } => {
                let reason = match reason {
                    Reason::Busy => 1,
                    Reason::UnknownSession => 2,
                    Reason::NotUnderstood => 3,
                };
                Answer::Refusal(schema::SyncRefusal { reason, retry_after_ms })
            }
        };
        schema::SyncResponse { answer: Some(answer) }.encode_to_vec()
    }
}
