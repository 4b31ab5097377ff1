//! What keys found when they looked at releases: verdicts.

use super::{BodyError, clean_text};
use crate::{Infohash, schema};
use std::str::FromStr;

/// What a person found when they looked at a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Opinion {
    Good,
    Fake,
    Malware,
    WrongWork,
    Poor,
    Dead,
}

impl Opinion {
    /// Every opinion, in the order of their numbers.
    pub const ALL: [Self; 6] = [Self::Good, Self::Fake, Self::Malware, Self::WrongWork, Self::Poor, Self::Dead];

    /// The name people write.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fake => "fake",
            Self::Malware => "malware",
            Self::WrongWork => "wrong-work",
            Self::Poor => "poor",
            Self::Dead => "dead",
        }
    }

    pub(super) fn number(self) -> u32 {
        match self {
            Self::Good => 1,
            Self::Fake => 2,
            Self::Malware => 3,
            Self::WrongWork => 4,
            Self::Poor => 5,
            Self::Dead => 6,
        }
    }
}

/// Why text is not an opinion.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a verdict: use good, fake, malware, wrong-work, poor or dead")]
pub struct OpinionError(pub String);

impl FromStr for Opinion {
    type Err = OpinionError;

    fn from_str(text: &str) -> Result<Self, OpinionError> {
        Self::ALL
            .into_iter()
            .find(|opinion| opinion.name() == text)
            .ok_or_else(|| OpinionError(text.chars().take(40).collect()))
    }
}

/// A person's statement about a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The release.
    pub infohash: Infohash,
    /// What they found.
    pub opinion: Opinion,
    /// In their words, at most 280 bytes.
    pub note: String,
}

impl Verdict {
    pub(crate) fn to_wire(&self, header: Option<schema::Header>) -> schema::Verdict {
        schema::Verdict {
            header,
            infohash: self.infohash.0.to_vec(),
            opinion: self.opinion.number(),
            note: self.note.clone(),
        }
    }

    pub(crate) fn from_wire(wire: schema::Verdict) -> Result<Self, BodyError> {
        Ok(Self {
            infohash: Infohash::from_slice(&wire.infohash).ok_or(BodyError::BadId("infohash"))?,
            opinion: Opinion::ALL
                .into_iter()
                .find(|opinion| opinion.number() == wire.opinion)
                .ok_or(BodyError::OutOfRange("opinion"))?,
            note: clean_text(wire.note, "note", 280)?,
        })
    }
}
