//! Votes about one key, summed (§2.2, points 3 to 5 of the metric).

use std::collections::BTreeMap;

use crate::circle::{Circle, Shares, Slot};
use crate::fixed::Weight;
use crate::formula::Sums;
use crate::hearing::{Hearing, LEVEL_BINS, Vote, VoteKind};
use crate::params::Values;
use crate::power::Power;

/// F: mid-quantile of each level bin among the positive statements of the circle.
pub(crate) type Calibration = [f64; LEVEL_BINS];

/// A vote with its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cast {
    pub kind: VoteKind,
    /// w_uv or w-_uv, before the two-witness discount.
    pub weight: Weight,
    /// T+ times budget, by which a level counts in the calibration.
    pub voice: Weight,
    pub bin: u8,
}

impl Cast {
    /// The vote of a key with that power and those shares; `None` if it weighs nothing.
    #[inline]
    pub(crate) fn new(vote: &Vote, fresh: f64, power: Power, shares: Shares) -> Option<Self> {
        let (voice, factor) = match vote.kind {
            VoteKind::For | VoteKind::Bytes => (power.for_ * shares.for_, fresh),
            VoteKind::Against => (power.against * shares.against, fresh * vote.weight),
        };
        let weight = Weight::of(voice * factor);
        if weight.is_zero() {
            return None;
        }
        Some(Self { kind: vote.kind, weight, voice: Weight::of(voice), bin: vote.bin() })
    }

    /// The same, for whoever has only one vote to weigh.
    pub(crate) fn of(hearing: &Hearing, vote: Option<&Vote>, power: Power, shares: Shares) -> Option<Self> {
        vote.and_then(|vote| Self::new(vote, hearing.fresh(vote), power, shares))
    }

    pub(crate) fn weight_if(cast: Option<&Self>, kind: VoteKind) -> Weight {
        cast.filter(|cast| cast.kind == kind).map_or(Weight::ZERO, |cast| cast.weight)
    }
}

/// The sums behind one key's score in one round: what a vote changes, in one cache line.
///
/// Levels are few in practice, so C is kept by level for four of them; a fifth moves the key's levels to a table beside.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Subject {
    /// Σ w over declared votes for by level, before the two-witness discount.
    sums: [Weight; 4],
    /// Σ w over votes against.
    pub against: Weight,
    /// The largest vote of those that need a second witness, and the one behind it.
    top: Weight,
    second: Weight,
    // Whose the largest is; `OTHERS` if nobody votes.
    by: Slot,
    bins: [Bin; 4],
}

/// A level bin below 32, and in the upper bits what else must fit into the line.
type Bin = u8;
const BIN: Bin = 31;
/// In the first bin: the second vote is somebody's, but it is not known whose or how much.
const SECOND_LOST: Bin = 32;
/// In the first bin: it waits for its gate to be set.
const PENDING: Bin = 64;
/// In the first bin: its levels are in the table beside.
const MANY_LEVELS: Bin = 128;
/// In the second bin: bytes were measured of it, or it distrusts members itself: there are sums beside.
const HAS_MORE: Bin = 32;
/// Nobody.
const OTHERS: Slot = Slot::MAX;

impl Default for Subject {
    fn default() -> Self {
        let zero = Weight::ZERO;
        Self { sums: [zero; 4], against: zero, top: zero, second: zero, by: OTHERS, bins: [0; 4] }
    }
}

/// C by all levels, of keys that have more than four.
pub(crate) type ManyLevels = BTreeMap<Slot, [Weight; LEVEL_BINS]>;

impl Subject {
    fn has(&self, flag: Bin) -> bool {
        self.bins[0] & flag != 0
    }

    fn set(&mut self, flag: Bin, is_set: bool) {
        self.bins[0] = if is_set { self.bins[0] | flag } else { self.bins[0] & !flag };
    }

    /// Notes that it waits for its gate, or no longer does. Whether that is news.
    #[inline]
    pub(crate) fn set_pending(&mut self, is_pending: bool) -> bool {
        let is_news = self.has(PENDING) != is_pending;
        self.set(PENDING, is_pending);
        is_news
    }

    /// Notes that votes by bytes or its own distrust are kept beside.
    pub(crate) fn note_more(&mut self) {
        self.bins[1] |= HAS_MORE;
    }

    /// Whether votes by bytes or its own distrust may be kept beside.
    #[inline]
    pub(crate) fn has_more(&self) -> bool {
        self.bins[1] & HAS_MORE != 0
    }

    /// Σ w over declared votes for, before the two-witness discount.
    #[inline]
    pub(crate) fn declared(&self) -> Weight {
        self.sums.iter().copied().sum()
    }

    /// Adds to the declared votes of one level, or takes away.
    #[inline]
    pub(crate) fn add(&mut self, slot: Slot, bin: u8, weight: Weight, many: &mut ManyLevels) {
        if !self.has(MANY_LEVELS) {
            for (at, sum) in self.bins.iter_mut().zip(&mut self.sums) {
                if *at & BIN == bin || sum.is_zero() {
                    *at = *at & !BIN | bin;
                    *sum += weight;
                    return;
                }
            }
            let levels = many.entry(slot).or_insert([Weight::ZERO; LEVEL_BINS]);
            self.bins.iter().zip(&self.sums).for_each(|(at, sum)| levels[usize::from(*at & BIN)] += *sum);
            self.sums = [self.declared(), Weight::ZERO, Weight::ZERO, Weight::ZERO];
            self.set(MANY_LEVELS, true);
        }
        // The first place holds the sum of all levels from now on.
        self.sums[0] += weight;
        if let Some(levels) = many.get_mut(&slot) {
            levels[usize::from(bin)] += weight;
        }
    }

    /// C by all levels.
    pub(crate) fn levels(&self, slot: Slot, many: &ManyLevels) -> [Weight; LEVEL_BINS] {
        let mut sums = [Weight::ZERO; LEVEL_BINS];
        match many.get(&slot).filter(|_| self.has(MANY_LEVELS)) {
            Some(all) => sums = *all,
            None => self.bins.iter().zip(&self.sums).for_each(|(at, sum)| sums[usize::from(*at & BIN)] += *sum),
        }
        sums
    }

    /// The largest vote of those that need a second witness.
    pub(crate) fn largest(&self) -> Weight {
        self.top
    }

    /// Forgets whose votes are the largest.
    pub(crate) fn forget_witnesses(&mut self) {
        (self.top, self.second, self.by) = (Weight::ZERO, Weight::ZERO, OTHERS);
        self.set(SECOND_LOST, false);
    }

    /// Replaces one vote that needs a second witness. Whether the largest is unknown now, so that all must be looked at
    /// again.
    #[inline]
    pub(crate) fn replace_witness(&mut self, by: Slot, old: Weight, new: Weight) -> bool {
        if self.by == by {
            // Nobody's vote is larger than the second, so the first may fall so far.
            let floor = if self.has(SECOND_LOST) { self.top } else { self.second };
            if new < floor {
                return true;
            }
            self.top = new;
            if new.is_zero() {
                self.by = OTHERS;
            }
            return false;
        }
        if !old.is_zero() && old == self.second {
            self.set(SECOND_LOST, true);
        }
        if new > self.top {
            self.set(SECOND_LOST, false);
            self.second = self.top;
            (self.top, self.by) = (new, by);
        } else if new > self.second && !self.has(SECOND_LOST) {
            self.second = new;
        }
        false
    }
}

/// Votes by bytes alone about one key: rare, so they are kept by voter.
pub(crate) type ByteVotes = BTreeMap<Slot, (Weight, u8)>;

/// The sums behind a score, after the two-witness discount.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    /// A, B and C.
    pub sums: Sums,
    /// C°: votes for by declared statements only.
    pub declared: f64,
    /// Part of C that is votes by bytes alone.
    pub evidence: f64,
    /// Whether a root measured bytes without declaring a level.
    pub is_root_evidence: bool,
    /// (C - (1 - τ) max w) / C, already inside A and C.
    pub witness_factor: f64,
}

impl Tally {
    /// Of a key nobody speaks of.
    pub(crate) const NONE: Self = Self {
        sums: Sums { praise: 0.0, against: 0.0, support: 0.0 },
        declared: 0.0,
        evidence: 0.0,
        is_root_evidence: false,
        witness_factor: 1.0,
    };

    /// Adds up one key's votes. `levels` is C by level of its declared votes; `own` what its own distrust of the circle
    /// comes to, after its budget.
    pub(crate) fn new(
        subject: &Subject,
        levels: Option<[Weight; LEVEL_BINS]>,
        own: f64,
        (byte_votes, circle): (Option<&ByteVotes>, &Circle),
        (calibration, values): (&Calibration, &Values),
    ) -> Self {
        let mut levels = levels;
        let declared_sum = subject.declared();
        let (mut evidence, mut largest) = (Weight::ZERO, subject.largest());
        let mut is_root_evidence = false;
        for (by, (weight, bin)) in byte_votes.into_iter().flatten() {
            evidence += *weight;
            if circle.member(*by).is_root {
                is_root_evidence = true;
            } else {
                largest = largest.max(*weight);
            }
            if let Some(levels) = &mut levels {
                levels[usize::from(*bin)] += *weight;
            }
        }
        let support = (declared_sum + evidence).value();
        let factor = witness_factor(support, largest.value(), values);
        let declared = declared_sum.value();
        Self {
            sums: Sums {
                praise: levels.map_or(0.0, |levels| weigh(&levels, calibration)) * factor,
                against: subject.against.value() + values.distruster_penalty * own,
                support: support * factor,
            },
            declared: declared * witness_factor(declared, subject.largest().value(), values),
            evidence: evidence.value() * factor,
            is_root_evidence,
            witness_factor: factor,
        }
    }

    /// The gate of the next round: (C + k_g) / (C + λ_g B + k_g).
    pub(crate) fn gate(&self, values: &Values) -> f64 {
        let open = self.sums.support + values.gate_scale;
        open / (open + values.gate_distrust * self.sums.against)
    }
}

/// Σ F(b) h_b, added up by bin, which does not depend on any name.
fn weigh(levels: &[Weight; LEVEL_BINS], calibration: &Calibration) -> f64 {
    levels.iter().zip(calibration).map(|(sum, quantile)| sum.value() * quantile).sum()
}

/// (C - (1 - τ) max) / C, or 1 where nobody speaks. `largest` is that of those who need a second witness.
pub(crate) fn witness_factor(sum: f64, largest: f64, values: &Values) -> f64 {
    if sum > 0.0 { ((sum - (1.0 - values.lone_witness) * largest) / sum).max(0.0) } else { 1.0 }
}

/// F(b) = (H_<b + h_b / 2 + W0 (b - .5) / bins) / (H + W0): "1.0 from people who always write 1.0 is average".
pub(crate) fn calibrate(heard: &[f64; LEVEL_BINS], values: &Values) -> Calibration {
    // Summed in order of level, which does not depend on any name.
    let total: f64 = heard.iter().sum();
    let mut below = 0.0;
    let mut calibration = [0.0; LEVEL_BINS];
    for (bin, quantile) in calibration.iter_mut().enumerate() {
        let prior = values.level_prior * (bin as f64 + 0.5) / LEVEL_BINS as f64;
        *quantile = (below + heard[bin] / 2.0 + prior) / (total + values.level_prior);
        below += heard[bin];
    }
    calibration
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(value: f64) -> Weight {
        Weight::of(value)
    }

    #[test]
    fn a_subject_is_one_cache_line() {
        assert_eq!((size_of::<Subject>(), align_of::<Subject>()), (64, 64));
        assert!(LEVEL_BINS <= usize::from(BIN) + 1);
    }

    #[test]
    fn the_largest_vote_is_followed_until_it_is_lost_from_sight() {
        let mut subject = Subject::default();
        assert!(!subject.replace_witness(1, Weight::ZERO, weight(0.5)));
        assert!(!subject.replace_witness(2, Weight::ZERO, weight(0.3)));
        assert!(!subject.replace_witness(3, Weight::ZERO, weight(0.1)));
        assert!(!subject.replace_witness(1, weight(0.5), weight(0.4)), "still above the second");
        assert_eq!(subject.largest(), weight(0.4));
        assert!(subject.replace_witness(1, weight(0.4), weight(0.2)), "whose is the largest now?");

        let mut lost = Subject::default();
        lost.replace_witness(1, Weight::ZERO, weight(0.5));
        lost.replace_witness(2, Weight::ZERO, weight(0.3));
        lost.replace_witness(2, weight(0.3), Weight::ZERO);
        assert!(!lost.replace_witness(1, weight(0.5), weight(0.6)), "larger is known to be the largest");
        assert!(lost.replace_witness(1, weight(0.6), weight(0.5)), "smaller may not be");
    }

    #[test]
    fn the_last_vote_taken_back_leaves_nothing() {
        let mut subject = Subject::default();
        subject.replace_witness(1, Weight::ZERO, weight(0.5));
        assert!(!subject.replace_witness(1, weight(0.5), Weight::ZERO));
        assert_eq!((subject.largest(), subject.by), (Weight::ZERO, OTHERS));
    }

    #[test]
    fn equal_votes_stand_behind_each_other() {
        let mut subject = Subject::default();
        subject.replace_witness(1, Weight::ZERO, weight(0.5));
        subject.replace_witness(2, Weight::ZERO, weight(0.5));
        assert!(subject.replace_witness(1, weight(0.5), weight(0.1)));
    }

    #[test]
    fn more_than_four_levels_find_room_and_flags_stay() {
        let calibration: Calibration = std::array::from_fn(|bin| bin as f64);
        let (mut subject, mut many) = (Subject::default(), ManyLevels::new());
        assert!(subject.set_pending(true) && !subject.set_pending(true));
        for bin in [3, 7, 3, 1, 0, 19, 7] {
            subject.add(5, bin, weight(0.5), &mut many);
        }
        assert_eq!(weigh(&subject.levels(5, &many), &calibration), 0.5 * f64::from(3 + 7 + 3 + 1 + 19 + 7));
        assert_eq!(subject.declared(), weight(3.5));
        assert!(subject.set_pending(false), "it still waited");
        let (mut few, mut none) = (Subject::default(), ManyLevels::new());
        few.add(1, 3, weight(0.5), &mut none);
        few.add(1, 3, -weight(0.5), &mut none);
        few.add(1, 9, weight(0.25), &mut none);
        assert_eq!((weigh(&few.levels(1, &none), &calibration), none.is_empty()), (2.25, true));
    }
}
