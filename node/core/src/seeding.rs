//! What of the complete torrents is given to others, within what the owner grants. Pure: whoever seeds asks with what was
//! measured, and carries the answer out.

use heirloom_proto::Infohash;
use std::collections::BTreeSet;

/// How much more of its size a torrent that is seeded may have given than one that rests, before they change places, in
/// thousandths. A quarter: changing places costs announcements, and two that are alike would do so for ever.
pub const PATIENCE_PER_MILLE: u64 = 250;
/// Others that are assumed where nobody was asked: neither rare nor common.
const OTHERS_UNKNOWN: u32 = 3;

/// What the owner grants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// What is given of a torrent at most, in thousandths of its size; `None`: no limit.
    pub ratio_per_mille: Option<u64>,
    /// Bytes of all torrents that are seeded at once; `None`: no limit.
    pub bytes: Option<u64>,
}

impl Limits {
    /// Whether anything is limited.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self != Self::default()
    }
}

/// A torrent that is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Which.
    pub infohash: Infohash,
    /// Its bytes.
    pub size: u64,
    /// Bytes of it that were given to others, in all.
    pub given: u64,
    /// Its owner published it: it is always seeded, and counts for nothing here.
    pub is_published: bool,
    /// It rests now.
    pub is_resting: bool,
    /// Others that were found to have it, or to fetch it; `None`: nobody was asked.
    pub others: Option<u32>,
}

impl Seed {
    /// What was given of it, in thousandths of its size.
    fn ratio(&self) -> u64 {
        let ratio = u128::from(self.given) * 1000 / u128::from(self.size.max(1));
        u64::try_from(ratio).unwrap_or(u64::MAX)
    }

    /// Nobody else was found to have it: at rest it would be nowhere.
    fn is_only_here(&self) -> bool {
        self.others == Some(0)
    }

    /// How little it needs this node: what was given of it, and as much as its size again for each doubling of the others.
    fn ease(&self) -> u64 {
        let patience = if self.is_resting { PATIENCE_PER_MILLE } else { 0 };
        let doublings = doublings_per_mille(self.others.unwrap_or(OTHERS_UNKNOWN));
        self.ratio().saturating_add(doublings).saturating_add(patience)
    }
}

/// log₂(1 + others) in thousandths, straight between powers of two: 0, 1, 3 and 7 others are 0, 1000, 2000 and 3000.
fn doublings_per_mille(others: u32) -> u64 {
    let all = u64::from(others) + 1;
    let whole = all.ilog2();
    u64::from(whole) * 1000 + (((all - (1 << whole)) * 1000) >> whole)
}

/// The torrents that rest: those of which enough was given, and of the others those that need it least, until the rest fits
/// into the budget. What is only here never rests, though it takes its part of the budget.
#[must_use]
pub fn resting(seeds: &[Seed], limits: Limits) -> BTreeSet<Infohash> {
    let (mut wanting, mut resting) = (Vec::new(), BTreeSet::new());
    let mut only_here = 0_u64;
    for seed in seeds.iter().filter(|seed| !seed.is_published) {
        if seed.is_only_here() {
            only_here = only_here.saturating_add(seed.size);
        } else if limits.ratio_per_mille.is_some_and(|most| seed.ratio() >= most) {
            resting.insert(seed.infohash);
        } else {
            wanting.push(seed);
        }
    }
    let Some(budget) = limits.bytes else { return resting };
    wanting.sort_by_key(|seed| (seed.ease(), seed.infohash));
    let mut left = budget.saturating_sub(only_here);
    for seed in wanting {
        match left.checked_sub(seed.size) {
            Some(rest) => left = rest,
            None => {
                resting.insert(seed.infohash);
            }
        }
    }
    resting
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(number: u8, size: u64, given: u64) -> Seed {
        Seed { infohash: Infohash([number; 20]), size, given, is_published: false, is_resting: false, others: None }
    }

    fn among(number: u8, size: u64, given: u64, others: u32) -> Seed {
        Seed { others: Some(others), ..seed(number, size, given) }
    }

    fn numbers(seeds: &[Seed], limits: Limits) -> Vec<u8> {
        resting(seeds, limits).into_iter().map(|infohash| infohash.0[0]).collect()
    }

    #[test]
    fn without_limits_nothing_rests() {
        let seeds = [seed(1, 100, 10_000), seed(2, 0, 5)];
        assert_eq!(numbers(&seeds, Limits::default()), [0; 0]);
        assert!(!Limits::default().is_any());
    }

    #[test]
    fn what_gave_enough_rests_unless_its_owner_published_it() {
        let published = Seed { is_published: true, ..seed(3, 100, 900) };
        let seeds = [seed(1, 100, 199), seed(2, 100, 200), published];
        assert_eq!(numbers(&seeds, Limits { ratio_per_mille: Some(2000), bytes: None }), [2]);
    }

    #[test]
    fn within_the_budget_those_are_seeded_that_gave_least() {
        let published = Seed { is_published: true, ..seed(9, 1 << 40, 0) };
        let seeds = [seed(1, 100, 90), seed(2, 100, 10), seed(3, 100, 50), published];
        let budget = |bytes| Limits { ratio_per_mille: None, bytes: Some(bytes) };
        assert_eq!(numbers(&seeds, budget(300)), [0; 0]);
        assert_eq!(numbers(&seeds, budget(299)), [1]);
        assert_eq!(numbers(&seeds, budget(100)), [1, 3]);
        assert_eq!(numbers(&seeds, budget(0)), [1, 2, 3]);
    }

    #[test]
    fn places_are_changed_only_for_a_quarter_more() {
        let limits = Limits { ratio_per_mille: None, bytes: Some(100) };
        let rests = |given| Seed { is_resting: true, ..seed(2, 100, given) };
        assert_eq!(numbers(&[seed(1, 100, 60), rests(40)], limits), [2], "as it was");
        assert_eq!(numbers(&[seed(1, 100, 66), rests(40)], limits), [1], "now the other");
    }

    #[test]
    fn what_others_seed_best_rests_first() {
        let seeds = [among(1, 100, 0, 40), among(2, 100, 0, 1), among(3, 100, 0, 6), among(4, 100, 0, 2)];
        let budget = |bytes| Limits { ratio_per_mille: None, bytes: Some(bytes) };
        assert_eq!(numbers(&seeds, budget(300)), [1]);
        assert_eq!(numbers(&seeds, budget(200)), [1, 3]);
        assert_eq!(numbers(&seeds, budget(100)), [1, 3, 4]);
        // Twice as many others weigh as much as having given its size once more.
        assert_eq!(numbers(&[among(1, 100, 0, 7), among(2, 100, 90, 3)], budget(100)), [1]);
        assert_eq!(numbers(&[among(1, 100, 0, 7), among(2, 100, 110, 3)], budget(100)), [2]);
    }

    #[test]
    fn what_is_only_here_never_rests_and_takes_its_part_of_the_budget() {
        let alone = among(1, 100, 900, 0);
        let seeds = [alone, among(2, 100, 0, 1), among(3, 60, 0, 1)];
        let limits = |bytes| Limits { ratio_per_mille: Some(2000), bytes };
        assert_eq!(numbers(&seeds, limits(None)), [0; 0], "though it gave nine times its size");
        assert_eq!(numbers(&seeds, limits(Some(160))), [2], "sixty are left");
        assert_eq!(numbers(&seeds, limits(Some(0))), [2, 3]);
        let found = Seed { others: Some(1), ..alone };
        assert_eq!(numbers(&[found], limits(None)), [1], "once somebody else has it, it may rest");
    }

    #[test]
    fn doublings_grow_with_every_other() {
        let of = |others: [u32; 6]| others.map(doublings_per_mille);
        assert_eq!(of([0, 1, 2, 3, 7, u32::MAX]), [0, 1000, 1500, 2000, 3000, 32_000]);
        let all: Vec<u64> = (0..200).map(doublings_per_mille).collect();
        assert!(all.is_sorted_by(|one, next| one < next), "{all:?}");
    }

    #[test]
    fn sums_do_not_overflow() {
        let limits = Limits { ratio_per_mille: Some(u64::MAX), bytes: Some(u64::MAX) };
        assert_eq!(numbers(&[seed(1, u64::MAX, u64::MAX), seed(2, u64::MAX, 0)], limits), [1]);
    }
}
