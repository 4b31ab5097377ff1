//! Looking a work up among strangers: the key under which its publishers announce themselves in the DHT, and the frames
//! of `/heirloom/lookup/1` in which they are asked.
//!
//! [`Request`] and [`Response`] can only be read by decoding, as those of sync. Whom to ask, what to answer with, and
//! what is believed, is the core's.

use crate::sync::{FrameError, RETRY_MS_MAX, read};
use crate::{Body, Statement, WorkId, schema};
use prost::Message;
use sha1::{Digest as _, Sha1};
use std::collections::BTreeSet;

/// Name of the protocol, with the version of its frames.
pub const PROTOCOL: &str = "/heirloom/lookup/1";
/// Most ids in one request: a work has one in each external catalogue, and there are six.
pub const IDS_MAX: usize = 8;
/// Most envelopes in one response: who reads it verifies each, some 3 ms in all.
pub const ENVELOPES_MAX: usize = 64;
/// Most bytes of envelopes in one response, so that a frame of sync's length holds them and their lengths.
pub const ENVELOPES_BYTES_MAX: usize = 30 * 1024;

/// What the key of a work in the DHT is made of, with its id behind it.
const PREFIX: &str = "heirloom/1/work/";

/// The key under which those who list a work announce themselves: SHA-1("heirloom/1/work/" ‖ normalised id).
#[must_use]
pub fn rendezvous_of(work: &WorkId) -> [u8; 20] {
    Sha1::new().chain_update(PREFIX).chain_update(work.as_str()).finalize().into()
}

/// What is asked: all that a peer has to say about a work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The ids of the work. Invariant: 1 to [`IDS_MAX`].
    ids: BTreeSet<WorkId>,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Envelopes, not verified. Perhaps none.
    Statements(BTreeSet<Vec<u8>>),
    /// Not now.
    Refused {
        /// When to ask again, in milliseconds; at least 1.
        retry_after_ms: u32,
    },
}

impl Request {
    /// About a work with these ids; of more than [`IDS_MAX`] the first. `None` without any.
    #[must_use]
    pub fn about(ids: impl IntoIterator<Item = WorkId>) -> Option<Self> {
        let ids: BTreeSet<WorkId> = ids.into_iter().take(IDS_MAX).collect();
        (!ids.is_empty()).then_some(Self { ids })
    }

    /// The ids of the work.
    #[must_use]
    pub fn ids(&self) -> &BTreeSet<WorkId> {
        &self.ids
    }

    /// Whether a statement is one that this asks for: a listing of the work, a record that names it, or a retraction,
    /// which names no work.
    #[must_use]
    pub fn asks_for(&self, statement: &Statement) -> bool {
        match statement.body() {
            Body::Listing(listing) => self.ids.contains(&listing.work),
            Body::Work(record) => record.ids.iter().any(|id| self.ids.contains(id)),
            Body::Retraction(_) => true,
            _ => false,
        }
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`]; blame the sender.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let wire: schema::LookupRequest = read(bytes)?;
        if wire.ids.is_empty() || wire.ids.len() > IDS_MAX || !wire.ids.is_sorted_by(|a, b| a < b) {
            return Err(FrameError::BadField("ids"));
        }
        let normalised = |id: &String| id.parse::<WorkId>().ok().filter(|work| work.as_str() == id);
        let ids: Option<BTreeSet<WorkId>> = wire.ids.iter().map(normalised).collect();
        Ok(Self { ids: ids.ok_or(FrameError::BadField("ids"))? })
    }

    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        schema::LookupRequest { ids: self.ids.iter().map(ToString::to_string).collect() }.encode_to_vec()
    }
}

impl Response {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`]; blame the sender.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let schema::LookupResponse { envelopes, retry_after_ms } = read(bytes)?;
        if retry_after_ms > RETRY_MS_MAX {
            return Err(FrameError::BadField("retry_after_ms"));
        }
        if envelopes.len() > ENVELOPES_MAX || !envelopes.is_sorted_by(|a, b| a < b) {
            return Err(FrameError::BadField("envelopes"));
        }
        match (retry_after_ms, envelopes.is_empty()) {
            (0, _) => Ok(Self::Statements(envelopes.into_iter().collect())),
            (_, true) => Ok(Self::Refused { retry_after_ms }),
            (_, false) => Err(FrameError::BadField("envelopes")),
        }
    }

    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let wire = match self.clone() {
            Self::Statements(envelopes) => {
                schema::LookupResponse { envelopes: envelopes.into_iter().collect(), retry_after_ms: 0 }
            }
            Self::Refused { retry_after_ms } => {
                let retry_after_ms = retry_after_ms.clamp(1, RETRY_MS_MAX);
                schema::LookupResponse { envelopes: Vec::new(), retry_after_ms }
            }
        };
        wire.encode_to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_work_is_what_the_documentation_says() {
        let work: WorkId = "imdb:tt1254207".parse().expect("id");
        let expected: [u8; 20] = Sha1::digest("heirloom/1/work/imdb:tt1254207").into();
        assert_eq!(rendezvous_of(&work), expected);
        let documented = "c0dad48afc8a2b14a48fab8c6e89d8e4dcf6c2a6";
        assert_eq!(data_encoding::HEXLOWER.encode(&expected), documented, "as README.md says");
    }
}
