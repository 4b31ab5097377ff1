//! What of everything that was said counts in one scope on one day, and as what vote (§2.1 of the metric).

use crate::edge::{Edge, Kind};
use crate::epoch::{Epoch, fade};
use crate::evidence;
use crate::input::{DayBytes, Scope};
use crate::names::Index;
use crate::params::Values;
use crate::trust_graph::TrustGraph;

/// Level bins of the calibration. 20: levels are given in steps of .05 at the finest.
pub(crate) const LEVEL_BINS: usize = 20;

/// What kind of vote a key casts about another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VoteKind {
    /// A declared positive level.
    For,
    /// Measured bytes without any declared level.
    Bytes,
    /// Declared distrust.
    Against,
}

/// What one key's statements and bytes about another come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Vote {
    pub kind: VoteKind,
    /// p_uv of a vote for (its weight in the flow), n_uv of a vote against; in (0, 1].
    pub weight: f64,
    /// Declared level, or e_uv of a vote by bytes.
    pub level: f64,
    time_ms: u64,
}

impl Vote {
    /// q_uv = p_uv - n_uv.
    pub(crate) fn signed(&self) -> f64 {
        if self.is_against() { -self.weight } else { self.weight }
    }

    #[inline]
    pub(crate) fn is_against(&self) -> bool {
        self.kind == VoteKind::Against
    }

    /// Bin of its level, 0-based; the first for a vote against, which no calibration asks for.
    #[inline]
    pub(crate) fn bin(&self) -> u8 {
        level_bin(self.level)
    }
}

/// Bin of a level in (0, 1]. The small offset keeps 0.15 · 20 out of the next bin, as the reference does.
fn level_bin(level: f64) -> u8 {
    (level * LEVEL_BINS as f64 - 1e-9).ceil().clamp(1.0, LEVEL_BINS as f64) as u8 - 1
}

/// Measured bytes of one pair of keys.
pub(crate) type Measured = [(Scope, DayBytes)];

/// The ear of one (scope, epoch, parameters).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hearing {
    pub scope: Scope,
    pub epoch: Epoch,
    pub values: Values,
    /// Deaf to measured bytes if not.
    pub hears_bytes: bool,
}

impl Hearing {
    /// The statement of one pair that counts: the live one of this scope, else the live one of every scope.
    pub(crate) fn live(&self, pair: &[Edge]) -> Option<Edge> {
        let of =
            |kind| pair.iter().find(|edge| edge.kind() == kind && !self.epoch.is_day_past(edge.expires())).copied();
        of(Kind::of(self.scope)).or_else(|| of(Kind::All))
    }

    /// e_uv of measured bytes, in [0, γ].
    pub(crate) fn evidence(&self, measured: &Measured) -> f64 {
        if measured.is_empty() || !self.hears_bytes {
            0.0
        } else {
            evidence::weight(self.counted(measured), &self.values)
        }
    }

    /// Measured bytes that count.
    pub(crate) fn counted(&self, measured: &Measured) -> f64 {
        evidence::counted(measured, self.scope, self.epoch, &self.values)
    }

    /// The vote of one pair; `None` where nothing is said either way.
    pub(crate) fn vote(&self, pair: &[Edge], measured: &Measured) -> Option<Vote> {
        self.cast(self.live(pair), self.evidence(measured))
    }

    #[inline]
    fn cast(&self, live: Option<Edge>, evidence: f64) -> Option<Vote> {
        let (level, time_ms) = live.map_or((0.0, 0), |edge| (edge.level(), edge.time_ms()));
        if level < 0.0 {
            // n_uv; p_uv is 0 whatever was measured.
            Some(Vote { kind: VoteKind::Against, weight: (-level).sqrt(), level, time_ms })
        } else if level > 0.0 {
            // p_uv = 1 - (1 - a)(1 - e).
            let weight = 1.0 - (1.0 - level.sqrt()) * (1.0 - evidence);
            Some(Vote { kind: VoteKind::For, weight, level, time_ms })
        } else if evidence > 0.0 {
            Some(Vote { kind: VoteKind::Bytes, weight: evidence, level: evidence, time_ms })
        } else {
            None
        }
    }

    /// r: what age leaves of a declared vote, in [floor, 1]; e_uv of a vote by bytes.
    #[inline]
    pub(crate) fn fresh(&self, vote: &Vote) -> f64 {
        let half_life_days = match vote.kind {
            VoteKind::For => self.values.recency_for_days,
            VoteKind::Against => self.values.recency_against_days,
            VoteKind::Bytes => return vote.level,
        };
        let age_days = self.epoch.age_days(vote.time_ms);
        self.values.recency_floor + (1.0 - self.values.recency_floor) * fade(age_days, half_life_days)
    }

    /// The votes that `from` casts, by number of subject. Nobody votes on themselves.
    pub(crate) fn row<'a>(&'a self, graph: &'a TrustGraph, from: Index) -> impl Iterator<Item = (Index, Vote)> + 'a {
        let mut rest = graph.row(from);
        std::iter::from_fn(move || {
            loop {
                let first = rest.first()?;
                let to = first.to;
                let is_alone = rest.get(1).is_none_or(|next| next.to != to);
                let count = if is_alone { 1 } else { rest.iter().take_while(|edge| edge.to == to).count() };
                let (pair, others) = rest.split_at(count);
                rest = others;
                if to == from {
                    continue;
                }
                let vote = if is_alone && first.kind() == Kind::All {
                    let live = (!self.epoch.is_day_past(first.expires())).then_some(*first);
                    self.cast(live, 0.0)
                } else {
                    self.vote(pair, graph.measured(from, to))
                };
                if let Some(vote) = vote {
                    return Some((to, vote));
                }
            }
        })
    }

    /// The vote of `from` about `to`, if it casts one.
    pub(crate) fn vote_of(&self, graph: &TrustGraph, from: Index, to: Index) -> Option<Vote> {
        let pair = graph.pair(from, to);
        if from == to || pair.is_empty() { None } else { self.vote(pair, graph.measured(from, to)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::Day;
    use crate::ids::ReleaseId;
    use crate::params::Params;

    const DAY_MS: u64 = 86_400_000;

    fn hearing(scope: Scope, day: u64) -> Hearing {
        Hearing { scope, epoch: Epoch::of(day * DAY_MS), values: *Params::strict().values(), hears_bytes: true }
    }

    #[test]
    fn bins_hold_their_upper_end() {
        let bins: Vec<u8> = [0.001, 0.05, 0.051, 0.15, 0.2, 0.75, 1.0].into_iter().map(level_bin).collect();
        assert_eq!(bins, [0, 0, 1, 2, 3, 14, 19]);
    }

    #[test]
    fn a_scoped_statement_replaces_the_star_only_while_it_lives() {
        let star = Edge::said(1, Scope::All, 1.0, 5, Day::NEVER);
        let scoped = Edge::said(1, Scope::Seed, -1.0, 3, Day::by(Some(10 * DAY_MS)));
        let level = |scope, day| hearing(scope, day).live(&[star, scoped]).map(Edge::level);
        assert_eq!(level(Scope::Seed, 9), Some(-1.0));
        assert_eq!(level(Scope::Catalogue, 9), Some(1.0));
        assert_eq!(level(Scope::Seed, 10), Some(1.0));
    }

    #[test]
    fn distrust_stops_flow_whatever_the_bytes() {
        let ear = hearing(Scope::Seed, 0);
        let said = |level| Some(Edge::said(1, Scope::All, level, 0, Day::NEVER));
        let against = ear.cast(said(-0.25), 0.4).unwrap();
        assert_eq!((against.kind, against.weight, against.signed()), (VoteKind::Against, 0.5, -0.5));
        let both = ear.cast(said(0.25), 0.5).unwrap();
        assert_eq!((both.kind, both.weight, both.bin()), (VoteKind::For, 0.75, 4));
        let bytes = ear.cast(None, 0.5).unwrap();
        assert_eq!((bytes.kind, bytes.weight, ear.fresh(&bytes)), (VoteKind::Bytes, 0.5, 0.5));
        assert_eq!(ear.cast(said(0.0), 0.0), None);
    }

    #[test]
    fn bytes_of_another_scope_are_no_vote() {
        let day = DayBytes { time_ms: 0, bytes: 1 << 30, release: Some(ReleaseId([1; 20])) };
        let pair = [Edge::bytes(1)];
        assert!(hearing(Scope::Seed, 0).vote(&pair, &[(Scope::Seed, day)]).is_some());
        assert!(hearing(Scope::Catalogue, 0).vote(&pair, &[(Scope::Seed, day)]).is_none());
    }
}
