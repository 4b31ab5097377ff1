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

#[cfg(test)]
mod tests {
    use super::super::testing::{bob, refusal, samples, sign, wire_header};
    use super::super::{Body, Kind};
    use super::*;
    use crate::key::KeyError;
    use prost::Message as _;

    fn attestation() -> schema::Attestation {
        schema::Attestation {
            header: wire_header(Kind::Attestation),
            subject: bob().public().as_bytes().to_vec(),
            scope: 1,
            level: 75,
            reason: "careful".into(),
        }
    }

    fn read_attestation(wire: &schema::Attestation) -> Result<Body, BodyError> {
        Body::decode(Kind::Attestation, &wire.encode_to_vec()).map(|(_, body)| body)
    }

    fn read_receipt(wire: &schema::Receipt) -> Result<Body, BodyError> {
        Body::decode(Kind::Receipt, &wire.encode_to_vec()).map(|(_, body)| body)
    }

    #[test]
    fn levels_are_minus_100_to_100() {
        for level in -100..=100 {
            assert!(read_attestation(&schema::Attestation { level, ..attestation() }).is_ok(), "{level}");
            assert!(i8::try_from(level).is_ok_and(|level| Level::new(level).is_some_and(|l| l.number() == level)));
        }
        // 356 is 100 and −156 is 100 in eight bits.
        for level in [-101, 101, 127, -128, 128, 256, 356, -156, i32::MAX, i32::MIN] {
            let read = read_attestation(&schema::Attestation { level, ..attestation() });
            assert_eq!(read, Err(BodyError::OutOfRange("level")), "{level}");
        }
        assert_eq!(Level::new(101), None);
        assert_eq!(Level::new(-101), None);
        assert!((Level::DISTRUST.fraction() + 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn named_levels_and_scopes_are_read_back() {
        for level in [Level::FULL, Level::HIGH, Level::MEDIUM, Level::LOW, Level::NONE, Level::DISTRUST] {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        assert_eq!("33".parse::<Level>(), Err(LevelError("33".into())));
        for scope in [Scope::All, Scope::Catalogue, Scope::Metadata, Scope::Seed] {
            assert_eq!(scope.name().parse(), Ok(scope));
            assert_eq!(Scope::from_number(scope.number().into()), Some(scope));
        }
        assert_eq!("Seed".parse::<Scope>(), Err(ScopeError("Seed".into())));
    }

    #[test]
    fn unknown_scopes_are_refused() {
        for scope in 0..=3 {
            assert!(read_attestation(&schema::Attestation { scope, ..attestation() }).is_ok(), "{scope}");
        }
        for scope in [4, 256, 257, u32::MAX] {
            let read = read_attestation(&schema::Attestation { scope, ..attestation() });
            assert_eq!(read, Err(BodyError::OutOfRange("scope")), "{scope}");
        }
    }

    #[test]
    fn subjects_are_keys() {
        let with = |subject: Vec<u8>| read_attestation(&schema::Attestation { subject, ..attestation() });
        let bad_key = |error| Err(BodyError::BadKey { field: "subject", error });
        for found in [0, 31, 33] {
            assert_eq!(with(vec![1; found]), bad_key(KeyError::WrongLength { found }));
        }
        let mut identity = vec![0; 32];
        identity[0] = 1;
        assert_eq!(with(identity), bad_key(KeyError::NotOnCurve), "a point of small order is nobody");
        let receipt = schema::Receipt { header: wire_header(Kind::Receipt), ..Default::default() };
        assert_eq!(read_receipt(&receipt), bad_key(KeyError::WrongLength { found: 0 }));
    }

    #[test]
    fn reasons_have_280_bytes() {
        for body in samples() {
            if let Body::Attestation(a) = body {
                let with = |len| Body::Attestation(Attestation { reason: "r".repeat(len), ..a.clone() });
                assert!(sign(with(280)).is_ok());
                assert_eq!(refusal(with(281)), BodyError::TooLong { field: "reason", max: 280, unit: "bytes" });
            }
        }
    }

    #[test]
    fn receipts_count_up_to_2_to_the_62() {
        let with = |log2_bytes| {
            let subject = bob().public().as_bytes().to_vec();
            read_receipt(&schema::Receipt { header: wire_header(Kind::Receipt), subject, week: 2960, log2_bytes })
        };
        for log2_bytes in [0, 1, 62] {
            assert!(with(log2_bytes).is_ok(), "{log2_bytes}");
        }
        for log2_bytes in [63, 64, 255, 256, 300, u32::MAX] {
            assert_eq!(with(log2_bytes), Err(BodyError::OutOfRange("log2_bytes")), "{log2_bytes}");
        }
    }
}
