//! Everything one key says of another, and what of it counts in a scope on a day.

use std::collections::BTreeMap;

use crate::epoch::{Epoch, fade};
use crate::exact::Sum;
use crate::ids::ReleaseId;
use crate::input::{DayBytes, Scope};
use crate::params::Values;

/// The newest statement of one slot (issuer, subject, scope).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Said {
    pub scope: Scope,
    pub level: f64,
    pub time_ms: u64,
    pub expires_ms: Option<u64>,
    /// An older statement stood here before (or came late): reported as replaced.
    pub superseded: bool,
}

/// All that one key says of one other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    pub said: Vec<Said>,
    pub bytes: Vec<(Scope, DayBytes)>,
}

/// What of a [`Link`] counts in one scope at one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Heard {
    /// The live statement's level and time.
    pub declared: Option<(f64, u64)>,
    /// e_uv of the measured bytes, in [0, γ].
    pub evidence: f64,
}

impl Heard {
    /// p_uv = 1 - (1 - a)(1 - e): weight of the edge in the flow; 0 where distrust was declared.
    pub(crate) fn flow(self) -> f64 {
        let level = self.level();
        if level < 0.0 {
            return 0.0;
        }
        1.0 - (1.0 - libm::sqrt(level)) * (1.0 - self.evidence)
    }

    /// n_uv: weight of the distrust.
    pub(crate) fn distrust(self) -> f64 {
        libm::sqrt((-self.level()).max(0.0))
    }

    /// The declared level, or 0.
    pub(crate) fn level(self) -> f64 {
        self.declared.map_or(0.0, |(level, _)| level)
    }
}

impl Link {
    /// Keeps the newest statement of its slot; of two with one time, the lower level, then the earlier expiry.
    /// So the order of arrival cannot matter.
    pub(crate) fn hear(&mut self, new: Said) {
        let Some(old) = self.said.iter_mut().find(|old| old.scope == new.scope) else {
            self.said.push(new);
            return;
        };
        let rank = |said: &Said| (said.time_ms, -said.level, std::cmp::Reverse(said.expires_ms.unwrap_or(u64::MAX)));
        if rank(&new) == rank(old) {
            return;
        }
        let newer = if rank(&new) > rank(old) { new } else { *old };
        *old = Said { superseded: true, ..newer };
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.said.is_empty() && self.bytes.is_empty()
    }

    /// The statement that counts in `scope`: the live one of that scope, else the live one of every scope.
    pub(crate) fn live(&self, scope: Scope, epoch: Epoch) -> Option<&Said> {
        let of = |wanted| self.said.iter().find(|said| said.scope == wanted && !epoch.is_past(said.expires_ms));
        of(scope).or_else(|| of(Scope::All))
    }

    pub(crate) fn resolve(&self, scope: Scope, epoch: Epoch, values: &Values) -> Heard {
        let declared = self.live(scope, epoch).map(|said| (said.level, said.time_ms));
        let evidence =
            if self.bytes.is_empty() { 0.0 } else { byte_weight(self.counted_bytes(scope, epoch, values), values) };
        Heard { declared, evidence }
    }

    /// Measured bytes that count, after decay and after the cap per release.
    ///
    /// The cap takes the newest bytes of a release first. So older bytes never make newer ones count less, and
    /// what counts still fades.
    pub(crate) fn counted_bytes(&self, scope: Scope, epoch: Epoch, values: &Values) -> f64 {
        let mut releases: BTreeMap<(Option<ReleaseId>, Option<u64>), BTreeMap<u64, u64>> = BTreeMap::new();
        for (_, day) in self.bytes.iter().filter(|(at, _)| *at == scope || *at == Scope::All) {
            let unnamed_time = day.release.is_none().then_some(day.time_ms);
            let bytes = releases.entry((day.release, unnamed_time)).or_default().entry(day.time_ms).or_default();
            *bytes = bytes.saturating_add(day.bytes);
        }
        let mut sum = Sum::default();
        for days in releases.values() {
            let mut left = values.release_bytes_max;
            for (&time_ms, &bytes) in days.iter().rev() {
                let counted = bytes.min(left);
                left -= counted;
                sum.add(counted as f64 * fade(epoch.age_days(time_ms), values.byte_half_life_days));
            }
        }
        sum.value()
    }
}

/// e = γ (1 - 2^-(bytes / B0)).
pub(crate) fn byte_weight(bytes: f64, values: &Values) -> f64 {
    values.byte_gain * (1.0 - libm::exp2(-(bytes / values.byte_scale)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    const DAY_MS: u64 = 86_400_000;
    const GIB: u64 = 1 << 30;

    fn said(scope: Scope, level: f64, time_ms: u64) -> Said {
        Said { scope, level, time_ms, expires_ms: None, superseded: false }
    }

    fn bytes(time_ms: u64, bytes: u64, release: u8) -> (Scope, DayBytes) {
        (Scope::Seed, DayBytes { time_ms, bytes, release: Some(ReleaseId([release; 20])) })
    }

    #[test]
    fn the_newest_statement_counts_in_any_order() {
        let (old, new) = (said(Scope::All, 1.0, 5), said(Scope::All, 0.5, 9));
        for pair in [[old, new], [new, old]] {
            let mut link = Link::default();
            pair.into_iter().for_each(|said| link.hear(said));
            assert_eq!(link.said, vec![Said { superseded: true, ..new }]);
        }
    }

    #[test]
    fn a_scoped_statement_replaces_the_star_only_while_it_lives() {
        let mut link = Link::default();
        link.hear(said(Scope::All, 1.0, 5));
        link.hear(Said { expires_ms: Some(10 * DAY_MS), ..said(Scope::Seed, -1.0, 3) });
        let level = |scope, day| link.live(scope, Epoch::of(day * DAY_MS)).map(|said| said.level);
        assert_eq!(level(Scope::Seed, 9), Some(-1.0));
        assert_eq!(level(Scope::Catalogue, 9), Some(1.0));
        assert_eq!(level(Scope::Seed, 10), Some(1.0));
    }

    #[test]
    fn a_release_counts_one_gibibyte_and_four_give_half_of_gamma() {
        let params = Params::strict();
        let epoch = Epoch::of(0);
        let one = Link { bytes: vec![bytes(0, 7 * GIB, 1)], ..Link::default() };
        assert_eq!(one.counted_bytes(Scope::Seed, epoch, params.values()), GIB as f64);
        assert_eq!(one.counted_bytes(Scope::Catalogue, epoch, params.values()), 0.0);
        let four = Link { bytes: (0..4).map(|r| bytes(0, GIB, r)).collect(), ..Link::default() };
        assert_eq!(four.resolve(Scope::Seed, epoch, params.values()).evidence, 0.25);
    }

    #[test]
    fn bytes_halve_in_180_days_newest_first() {
        let params = Params::strict();
        let epoch = Epoch::of(180 * DAY_MS);
        let old = Link { bytes: vec![bytes(0, GIB, 1)], ..Link::default() };
        assert_eq!(old.counted_bytes(Scope::Seed, epoch, params.values()), GIB as f64 / 2.0);
        let both = Link { bytes: vec![bytes(0, GIB, 1), bytes(180 * DAY_MS, GIB, 1)], ..Link::default() };
        assert_eq!(both.counted_bytes(Scope::Seed, epoch, params.values()), GIB as f64);
    }

    #[test]
    fn distrust_stops_flow_whatever_the_bytes() {
        let heard = Heard { declared: Some((-0.25, 0)), evidence: 0.4 };
        assert_eq!((heard.flow(), heard.distrust()), (0.0, 0.5));
        let heard = Heard { declared: Some((0.25, 0)), evidence: 0.5 };
        assert_eq!((heard.flow(), heard.distrust()), (0.75, 0.0));
    }
}
