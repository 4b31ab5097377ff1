//! What keys say about keys: attestations and receipts.

use super::{BodyError, clean_text};
use crate::{Key, schema};
use std::fmt;
use std::str::FromStr;

/// How much one key trusts another: −100…100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(i8);

impl Level {
    /// Full trust, 100.
    pub const FULL: Self = Self(100);
    /// High trust, 75.
    pub const HIGH: Self = Self(75);
    /// Medium trust, 50.
    pub const MEDIUM: Self = Self(50);
    /// Low trust, 25.
    pub const LOW: Self = Self(25);
    /// No opinion, 0: takes back what was said before.
    pub const NONE: Self = Self(0);
    /// Distrust, −100.
    pub const DISTRUST: Self = Self(-100);

    /// A level in −100…100.
    #[must_use]
    pub fn new(level: i8) -> Option<Self> {
        (-100..=100).contains(&level).then_some(Self(level))
    }

    /// As a number −100…100.
    #[must_use]
    pub fn number(self) -> i8 {
        self.0
    }

    /// As a fraction −1…1, the `l` of the trust metric.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

/// Why text is not a level.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a level: use full, high, medium, low, none or distrust")]
pub struct LevelError(pub String);

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        Ok(match text {
            "full" => Self::FULL,
            "high" => Self::HIGH,
            "medium" => Self::MEDIUM,
            "low" => Self::LOW,
            "none" => Self::NONE,
            "distrust" => Self::DISTRUST,
            _ => return Err(LevelError(text.chars().take(40).collect())),
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            100 => f.write_str("full"),
            75 => f.write_str("high"),
            50 => f.write_str("medium"),
            25 => f.write_str("low"),
            0 => f.write_str("none"),
            -100 => f.write_str("distrust"),
            other => write!(f, "{other}"),
        }
    }
}

/// What trust is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything, `*`.
    All,
    /// Listings.
    Catalogue,
    /// Work records.
    Metadata,
    /// Seeding.
    Seed,
}

impl Scope {
    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::All => 0,
            Self::Catalogue => 1,
            Self::Metadata => 2,
            Self::Seed => 3,
        }
    }

    /// The scope of that number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::All, Self::Catalogue, Self::Metadata, Self::Seed].into_iter().find(|s| u32::from(s.number()) == number)
    }

    /// The name people write.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "*",
            Self::Catalogue => "catalogue",
            Self::Metadata => "metadata",
            Self::Seed => "seed",
        }
    }
}

/// Why text is not a scope.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a scope: use *, catalogue, metadata or seed")]
pub struct ScopeError(pub String);

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Ok(match text {
            "*" | "all" => Self::All,
            "catalogue" => Self::Catalogue,
            "metadata" => Self::Metadata,
            "seed" => Self::Seed,
            _ => return Err(ScopeError(text.chars().take(40).collect())),
        })
    }
}

/// A statement about another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// About whom.
    pub subject: Key,
    /// In which scope.
    pub scope: Scope,
    /// How much.
    pub level: Level,
    /// Why, in the author's words, at most 280 bytes.
    pub reason: String,
}

impl Attestation {
    pub(crate) fn to_wire(&self, header: Option<schema::Header>) -> schema::Attestation {
        schema::Attestation {
            header,
            subject: self.subject.as_bytes().to_vec(),
            scope: u32::from(self.scope.number()),
            level: i32::from(self.level.0),
            reason: self.reason.clone(),
        }
    }

    pub(crate) fn from_wire(wire: schema::Attestation) -> Result<Self, BodyError> {
        Ok(Self {
            subject: key(&wire.subject, "subject")?,
            scope: Scope::from_number(wire.scope).ok_or(BodyError::OutOfRange("scope"))?,
            level: i8::try_from(wire.level).ok().and_then(Level::new).ok_or(BodyError::OutOfRange("level"))?,
            reason: clean_text(wire.reason, "reason", 280)?,
        })
    }
}

/// Shared proof of seed: in this week its author received about this much from `subject`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// From whom.
    pub subject: Key,
    /// Weeks since Monday, 1970-01-05.
    pub week: u32,
    /// Between 2^n and 2^(n+1) hash-checked bytes, n in 0…62.
    pub log2_bytes: u8,
}

impl Receipt {
    pub(crate) fn to_wire(&self, header: Option<schema::Header>) -> schema::Receipt {
        schema::Receipt {
            header,
            subject: self.subject.as_bytes().to_vec(),
            week: self.week,
            log2_bytes: u32::from(self.log2_bytes),
        }
    }

    pub(crate) fn from_wire(wire: schema::Receipt) -> Result<Self, BodyError> {
        Ok(Self {
            subject: key(&wire.subject, "subject")?,
            week: wire.week,
            log2_bytes: u8::try_from(wire.log2_bytes)
                .ok()
                .filter(|n| *n <= 62)
                .ok_or(BodyError::OutOfRange("log2_bytes"))?,
        })
    }
}

pub(crate) fn key(bytes: &[u8], field: &'static str) -> Result<Key, BodyError> {
    Key::from_slice(bytes).map_err(|error| BodyError::BadKey { field, error })
}
