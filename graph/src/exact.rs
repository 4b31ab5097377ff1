//! Sums that do not depend on the order of their terms.
//!
//! Floating-point addition is not associative: the same votes heard in another order, or under other names,
//! would differ in the last bits, and a test of equality bit for bit would fail. Integer addition is.

/// Binary digits after the point of [`Sum`].
///
/// 80: finer (8e-25) than any flow that matters (pushes stop at 1e-12), and 47 bits remain before the point,
/// far above the largest sum (10^7 voters of power 1.65, or 10^7 ratings times 10^4 roots).
const FRACTION_BITS: i32 = 80;

/// One unit of [`Sum`], 2^80. A power of two, so scaling by it is exact.
const UNIT: f64 = (1u128 << FRACTION_BITS) as f64;

/// A running sum in fixed point. Every term is truncated on its own, so the order of adding cannot matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum(i128);

impl Sum {
    /// Adds `term`. Saturates instead of wrapping; NaN counts as 0 (inputs are checked at the door).
    #[inline]
    pub(crate) fn add(&mut self, term: f64) {
        self.0 = self.0.saturating_add((term * UNIT) as i128);
    }

    /// Takes `term` out again, to the last bit.
    #[inline]
    pub(crate) fn take(&mut self, term: f64) {
        self.0 = self.0.saturating_sub((term * UNIT) as i128);
    }

    /// The sum, rounded once to the nearest `f64`.
    #[inline]
    pub(crate) fn value(self) -> f64 {
        self.0 as f64 / UNIT
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Self::default();
        terms.into_iter().for_each(|term| sum.add(term));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;

    #[test]
    fn order_does_not_matter() {
        let terms = [0.1, 1e-17, 3.3, 1e9, -0.7, 1e-9];
        let forth: Sum = terms.into_iter().collect();
        let back: Sum = terms.into_iter().rev().collect();
        assert_eq!(forth.value().to_bits(), back.value().to_bits());
        assert!((forth.value() - 1_000_000_002.7).abs() < 1e-6);
    }

    #[test]
    fn quarters_are_exact() {
        let sum: Sum = [0.25, 0.5, 0.75].into_iter().collect();
        assert_eq!(sum.value(), 1.5);
    }
}
