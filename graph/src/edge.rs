//! One thing that one key says of another, in 16 bytes.

use std::cmp::Reverse;

use crate::epoch::Day;
use crate::input::Scope;
use crate::names::Index;

/// What an edge is. Ordered as the edges of one pair are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A statement for every scope.
    All,
    /// A statement for one scope.
    In(Scope),
    /// Measured bytes, which are kept beside the rows.
    Bytes,
}

impl Kind {
    pub(crate) fn of(scope: Scope) -> Self {
        if scope == Scope::All { Self::All } else { Self::In(scope) }
    }

    fn code(self) -> u64 {
        match self {
            Self::All | Self::In(Scope::All) => 0,
            Self::In(Scope::Catalogue) => 1,
            Self::In(Scope::Metadata) => 2,
            Self::In(Scope::Seed) => 3,
            Self::Bytes => 4,
        }
    }
}

/// Units of a level: levels are kept to 1e-9, so every decimal of nine places comes back as it was given.
const LEVEL_UNIT: f64 = 1e9;

/// Bits of a time in milliseconds: until the year 2527.
const TIME_BITS: u32 = 44;
const TIME_MAX: u64 = (1 << TIME_BITS) - 1;
const EXPIRY_AT: u32 = TIME_BITS;
const KIND_AT: u32 = EXPIRY_AT + 16;
const SUPERSEDED_AT: u32 = KIND_AT + 3;

/// What a row holds: the newest statement of one slot (issuer, subject, scope), or the mark that bytes were measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    pub to: Index,
    level: i32,
    // From the lowest bit: time 44, day of expiry 16, kind 3, superseded 1.
    packed: u64,
}

impl Edge {
    /// A statement. The level must lie in -1..=1.
    pub(crate) fn said(to: Index, scope: Scope, level: f64, time_ms: u64, expires: Day) -> Self {
        let time = time_ms.min(TIME_MAX);
        let packed = time | u64::from(expires.0) << EXPIRY_AT | Kind::of(scope).code() << KIND_AT;
        let units = libm::round(level * LEVEL_UNIT) as i32;
        // The smallest praise is still praise, and the smallest distrust distrust.
        let sign = i32::from(level > 0.0) - i32::from(level < 0.0);
        Self { to, level: if units == 0 { sign } else { units }, packed }
    }

    /// The mark that bytes were measured from `to`.
    pub(crate) fn bytes(to: Index) -> Self {
        Self { to, level: 0, packed: Kind::Bytes.code() << KIND_AT }
    }

    /// Level in -1..=1.
    #[inline]
    pub(crate) fn level(self) -> f64 {
        f64::from(self.level) / LEVEL_UNIT
    }

    #[inline]
    pub(crate) fn is_against(self) -> bool {
        self.level < 0
    }

    #[inline]
    pub(crate) fn time_ms(self) -> u64 {
        self.packed & TIME_MAX
    }

    #[inline]
    pub(crate) fn expires(self) -> Day {
        Day((self.packed >> EXPIRY_AT) as u16)
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        match self.packed >> KIND_AT & 7 {
            0 => Kind::All,
            1 => Kind::In(Scope::Catalogue),
            2 => Kind::In(Scope::Metadata),
            3 => Kind::In(Scope::Seed),
            _ => Kind::Bytes,
        }
    }

    /// The scope of a statement; `None` for bytes.
    pub(crate) fn scope(self) -> Option<Scope> {
        match self.kind() {
            Kind::All => Some(Scope::All),
            Kind::In(scope) => Some(scope),
            Kind::Bytes => None,
        }
    }

    /// Whether another statement stood in this slot before, or came late: reported as replaced.
    pub(crate) fn is_superseded(self) -> bool {
        self.packed >> SUPERSEDED_AT & 1 == 1
    }

    /// Place in a row.
    #[inline]
    pub(crate) fn place(self) -> (Index, Kind) {
        (self.to, self.kind())
    }

    /// What stays of two statements of one slot: the newer; of one time, the lower level, then the earlier expiry. So
    /// the order of arrival cannot matter.
    pub(crate) fn newer_of(self, new: Self) -> Self {
        let rank = |edge: Self| (edge.time_ms(), -edge.level, Reverse(edge.expires()));
        if rank(self) == rank(new) {
            return self;
        }
        let newer = if rank(new) > rank(self) { new } else { self };
        Self { packed: newer.packed | 1 << SUPERSEDED_AT, ..newer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_hold_everything() {
        assert_eq!(size_of::<Edge>(), 16);
        let scopes = [Scope::All, Scope::Catalogue, Scope::Metadata, Scope::Seed];
        for (scope, level) in scopes.into_iter().zip([0.15, -1.0, 1.0, -0.000_000_001]) {
            let edge = Edge::said(7, scope, level, 1_790_000_000_123, Day(20_000));
            assert_eq!((edge.to, edge.level(), edge.time_ms()), (7, level, 1_790_000_000_123));
            assert_eq!((edge.scope(), edge.expires(), edge.is_superseded()), (Some(scope), Day(20_000), false));
        }
        assert_eq!((Edge::bytes(3).scope(), Edge::bytes(3).kind()), (None, Kind::Bytes));
        assert_eq!(Edge::said(0, Scope::All, 0.0, u64::MAX, Day::NEVER).time_ms(), TIME_MAX);
    }

    #[test]
    fn every_hundredth_comes_back_as_it_was() {
        for percent in -100..=100 {
            let level = f64::from(percent) / 100.0;
            assert_eq!(Edge::said(0, Scope::All, level, 0, Day::NEVER).level(), level);
        }
    }

    #[test]
    fn the_newest_statement_counts_in_any_order() {
        let old = Edge::said(1, Scope::All, 1.0, 5, Day::NEVER);
        let new = Edge::said(1, Scope::All, 0.5, 9, Day::NEVER);
        assert_eq!(old.newer_of(new), new.newer_of(old));
        assert_eq!((old.newer_of(new).level(), old.newer_of(new).is_superseded()), (0.5, true));
        let worse = Edge::said(1, Scope::All, -0.5, 9, Day::NEVER);
        assert_eq!(worse.newer_of(new).level(), -0.5);
        assert_eq!(old.newer_of(old), old);
    }
}
