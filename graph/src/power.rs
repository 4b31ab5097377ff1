//! Power: how loudly a key votes, from its reach at two scales and its agreement with the roots (§2.2, point 2 of the
//! metric).

use crate::exact::Sum;
use crate::params::Values;

/// T+ and T-.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Power {
    pub for_: f64,
    pub against: f64,
}

impl Power {
    pub(crate) const NONE: Self = Self { for_: 0.0, against: 0.0 };

    /// T± = f (near + c± wide), near = min(1, E1 π), wide = min(1, E2 π).
    pub(crate) fn new(reach: f64, agreement: f64, values: &Values) -> Self {
        let near = (values.near_slope * reach).min(1.0);
        let wide = (values.wide_slope * reach).min(1.0);
        Self {
            for_: agreement * (near + values.wide_weight_for * wide),
            against: agreement * (near + values.wide_weight_against * wide),
        }
    }

    pub(crate) fn is_none(self) -> bool {
        self.for_ <= 0.0 && self.against <= 0.0
    }

    /// Whether the two differ by more than `least`, or one is nothing and the other is not.
    pub(crate) fn differs(self, other: Self, least: f64) -> bool {
        (self.for_ - other.for_).abs() > least
            || (self.against - other.against).abs() > least
            || self.is_none() != other.is_none()
    }
}

/// The two sums of an agreement: Σ q z and Σ |q z| over whom both a key and the roots rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreement {
    sum: Sum,
    size: Sum,
}

impl Agreement {
    /// Adds the product of a key's own rating and the roots', or takes it out again to the last bit.
    pub(crate) fn replace(&mut self, old: f64, new: f64) {
        self.sum.add(new);
        self.sum.take(old);
        self.size.add(new.abs());
        self.size.take(old.abs());
    }

    /// f: max(0, 1 + ρ_a Σ q z / (1 + Σ |q z|)), in [0, 1 + ρ_a].
    pub(crate) fn factor(&self, values: &Values) -> f64 {
        (1.0 + values.agreement_gain * self.sum.value() / (1.0 + self.size.value())).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    #[test]
    fn power_is_full_near_and_a_tenth_far_off() {
        let params = Params::strict();
        let values = params.values();
        assert_eq!(Power::new(1.0, 1.0, values), Power { for_: 1.1, against: 1.03 });
        let far = Power::new(1e-4, 1.0, values);
        assert!((far.for_ - (0.003 + 0.03)).abs() < 1e-12 && far.against < far.for_);
        assert_eq!(Power::new(0.0, 1.5, values), Power::NONE);
    }

    #[test]
    fn agreement_lifts_and_contradiction_silences() {
        let params = Params::strict();
        let of = |product: f64| {
            let mut agreement = Agreement::default();
            (0..100).for_each(|_| agreement.replace(0.0, product));
            agreement.factor(params.values())
        };
        assert!((of(1.0) - (1.0 + 0.5 * 100.0 / 101.0)).abs() < 1e-12);
        assert!((of(-1.0) - (1.0 - 0.5 * 100.0 / 101.0)).abs() < 1e-12);
        assert_eq!(Agreement::default().factor(params.values()), 1.0);
    }

    #[test]
    fn a_rating_taken_back_leaves_no_trace() {
        let mut agreement = Agreement::default();
        [0.3, -0.7, 0.1].into_iter().for_each(|product| agreement.replace(0.0, product));
        [0.1, 0.3, -0.7].into_iter().for_each(|product| agreement.replace(product, 0.0));
        assert_eq!(agreement, Agreement::default());
    }
}
