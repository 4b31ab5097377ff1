//! The kinds of statements and every limit on them, in one place, each with its reason.

use crate::time::DAY_MS;

/// What a statement is about. The number is the envelope's `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
#[allow(missing_docs, reason = "each is documented where its body is")]
pub enum Kind {
    Profile = 1,
    Attestation = 2,
    Receipt = 3,
    Work = 4,
    Listing = 5,
    Verdict = 6,
    Head = 7,
    CuratorList = 8,
    Rotation = 9,
    Retraction = 10,
    DuplicityProof = 11,
}

/// Limits of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest body in bytes.
    pub body_bytes_max: usize,
    /// Most live statements of this kind that one key may have here.
    pub live_per_key_max: usize,
    /// Statements per key and day accepted from gossip, sustained. 0: not pushed at all.
    pub pushed_per_day: u32,
    /// Statements per key accepted from gossip at once.
    pub pushed_burst: u32,
    /// Longest time from `created_ms` to `expires_ms` in milliseconds; `None`: never expires, `expires_ms` must be 0.
    pub lifetime_ms_max: Option<u64>,
    /// Lifetime that this node gives its own statements, in milliseconds; 0 where nothing expires.
    pub lifetime_ms_default: u64,
}

/// Most bytes of an envelope beyond its body: author 34, kind 2, body tag and length 4, signature 66.
pub const ENVELOPE_OVERHEAD_BYTES: usize = 106;

/// Longest envelope of any kind in bytes: what gossip transmits at most (`security.md` §4: 8 KiB).
pub const ENVELOPE_BYTES_MAX: usize = 8192;

/// Longest life of anything that expires, in milliseconds: a year and a month, so that a yearly habit keeps it alive.
pub const LIFETIME_MS_MAX: u64 = 400 * DAY_MS;

/// How far a statement's `created_ms` may lie in the future, in milliseconds: clocks of homes differ by minutes.
pub const FUTURE_MS_MAX: u64 = 10 * 60 * 1000;

/// Oldest statement that gossip pushes, in milliseconds; older ones travel by sync, so that replays cost nothing.
pub const PUSH_AGE_MS_MAX: u64 = 60 * 60 * 1000;

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Profile,
        Self::Attestation,
        Self::Receipt,
        Self::Work,
        Self::Listing,
        Self::Verdict,
        Self::Head,
        Self::CuratorList,
        Self::Rotation,
        Self::Retraction,
        Self::DuplicityProof,
    ];

    /// The number in the envelope.
    #[must_use]
    pub fn number(self) -> u32 {
        self as u32
    }

    /// The kind of that number, if this version knows it.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The name in gossip topics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Attestation => "attestation",
            Self::Receipt => "receipt",
            Self::Work => "work",
            Self::Listing => "listing",
            Self::Verdict => "verdict",
            Self::Head => "head",
            Self::CuratorList => "curator-list",
            Self::Rotation => "rotation",
            Self::Retraction => "retraction",
            Self::DuplicityProof => "duplicity-proof",
        }
    }

    /// The limits of this kind. Sizes and rates: `security.md` §3, adapted to these kinds.
    #[must_use]
    pub fn limits(self) -> Limits {
        let year = Some(LIFETIME_MS_MAX);
        let of = |body_bytes_max, live_per_key_max, pushed_per_day, pushed_burst, lifetime_ms_max, days: u64| Limits {
            body_bytes_max,
            live_per_key_max,
            pushed_per_day,
            pushed_burst,
            lifetime_ms_max,
            lifetime_ms_default: days * DAY_MS,
        };
        match self {
            // A name, an address and a commitment.
            Self::Profile => of(1024, 1, 4, 8, year, 400),
            // 180 days: long enough for a curator on holiday, short enough that a stolen key fades.
            Self::Attestation => of(512, 2000, 50, 200, year, 180),
            // Shared proof of seed is by week; a quarter of a year is what the metric still weighs. Never pushed.
            Self::Receipt => of(384, 2600, 0, 0, Some(90 * DAY_MS), 90),
            // A season's episode titles fit.
            Self::Work => of(4096, 20_000, 100, 1000, year, 400),
            // Some forty files of a season pack fit, with trackers and web seeds.
            Self::Listing => of(4096, 20_000, 100, 1000, year, 400),
            Self::Verdict => of(512, 5000, 50, 200, year, 400),
            // One a minute while a curator works; seven days until it is stale, 400 until it is gone.
            Self::Head => of(384, 1, 1440, 10, year, 400),
            // About a hundred keys with names.
            Self::CuratorList => of(8000, 16, 4, 8, year, 400),
            Self::Rotation => of(768, 64, 4, 8, None, 0),
            Self::Retraction => of(256, 50_000, 250, 2000, year, 400),
            // Two profiles or rotations and the header. One about each accused; a witness may see several.
            Self::DuplicityProof => of(2560, 256, 16, 64, None, 0),
        }
    }
}

/// How long a head counts as fresh without renewal, in milliseconds: longer than a week away needs a second look.
pub const HEAD_FRESH_MS: u64 = 7 * DAY_MS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_fits_into_one_gossip_message() {
        for kind in Kind::ALL {
            let limits = kind.limits();
            assert!(limits.body_bytes_max + ENVELOPE_OVERHEAD_BYTES <= ENVELOPE_BYTES_MAX, "{kind:?}");
            assert!(limits.lifetime_ms_max.is_none_or(|max| limits.lifetime_ms_default <= max), "{kind:?}");
            assert_eq!(Kind::from_number(kind.number()), Some(kind));
        }
        assert_eq!(Kind::from_number(0), None);
        assert_eq!(Kind::from_number(12), None);
    }
}
