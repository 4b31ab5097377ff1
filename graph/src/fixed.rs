//! Numbers whose sums do not depend on the order of their terms, and can be taken back to the last bit.
//!
//! Floating-point addition is not associative: the same votes heard in another order, or under other names, would
//! differ in the last bits, and a change taken back would leave a trace. Integer addition has neither fault.

use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// A number in units of 2^-BITS. Made by truncation, so every term is rounded on its own.
///
/// Saturates instead of wrapping: no sum of the metric comes near its end (see the aliases below).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fixed<const BITS: u32>(i64);

/// Flow. x is at most 1/α ≤ 100 (see `Values::stop_rate`), below 2^7; one unit is 1.4e-17, far below any epsilon.
pub(crate) type Flow = Fixed<56>;

/// Weights of votes. All power together is at most σ+ (495) plus one per root, so no sum passes 2^15; one unit is 3.6e-15.
pub(crate) type Weight = Fixed<48>;

/// Totals of one row: at most one per subject, below 2^23 for as many subjects as fit into memory.
pub(crate) type Total = Fixed<40>;

impl<const BITS: u32> Fixed<BITS> {
    // A power of two, so scaling by it is exact.
    pub(crate) const UNIT: f64 = (1_u64 << BITS) as f64;

    pub(crate) const ZERO: Self = Self(0);

    /// `value`, truncated towards zero. NaN counts as 0: inputs are checked at the door.
    #[inline]
    pub(crate) fn of(value: f64) -> Self {
        Self((value * Self::UNIT) as i64)
    }

    /// The nearest `f64`.
    #[inline]
    pub(crate) fn value(self) -> f64 {
        self.0 as f64 * (1.0 / Self::UNIT)
    }

    /// The number of units, where sums outgrow 64 bits.
    pub(crate) fn units(self) -> i128 {
        i128::from(self.0)
    }

    #[inline]
    pub(crate) fn is_zero(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(crate) fn distance(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).saturating_abs())
    }
}

impl<const BITS: u32> Add for Fixed<BITS> {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl<const BITS: u32> Sub for Fixed<BITS> {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl<const BITS: u32> Neg for Fixed<BITS> {
    type Output = Self;
    #[inline]
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl<const BITS: u32> AddAssign for Fixed<BITS> {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<const BITS: u32> SubAssign for Fixed<BITS> {
    #[inline]
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl<const BITS: u32> std::iter::Sum for Fixed<BITS> {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_what_is_taken_back_is_gone() {
        let terms = [0.1, 1e-17, 3.3, 100.0, -0.7, 1e-9].map(Weight::of);
        let forth: Weight = terms.into_iter().sum();
        let back: Weight = terms.into_iter().rev().sum();
        assert_eq!(forth, back);
        assert!((forth.value() - 102.700_000_001).abs() < 1e-12);
        assert_eq!(terms.into_iter().fold(forth, Sub::sub), Weight::ZERO);
    }

    #[test]
    fn quarters_are_exact_and_nonsense_is_nothing() {
        let sum: Flow = [0.25, 0.5, 0.75].map(Flow::of).into_iter().sum();
        assert_eq!(sum.value(), 1.5);
        assert!(Flow::of(f64::NAN).is_zero());
        assert_eq!(Total::of(1e300) + Total::of(1.0), Total::of(1e300));
    }
}
