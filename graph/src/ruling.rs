//! Rulings: where the word of a root decides, whatever the votes say (§2.2, point 7 of the metric).

use std::collections::BTreeMap;

use crate::epoch::Epoch;
use crate::ids::NodeId;
use crate::input::{RootKind, Scope};
use crate::params::RootPolicy;
use crate::plan::Plan;
use crate::releases::Cast;
use crate::trust_graph::{Index, TrustGraph};

/// What decided a score beside the votes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ruling {
    /// It is my own key: score 1.
    OwnKey,
    /// I follow it: the score is the level of the follow.
    OwnFollow {
        /// Level of the follow.
        level: f64,
    },
    /// My own statement or verdict: lifts the score to at least its level, or lowers it to at most that.
    OwnWord {
        /// Level of what I said, not 0.
        level: f64,
    },
    /// The statement or verdict of a key I follow; the lowest, where follows disagree.
    FollowWord {
        /// Who said it.
        by: NodeId,
        /// Level of what it said, not 0.
        level: f64,
    },
    /// The key is weighed 0 for duplicity: its score is at most 0.
    Duplicity,
    /// A root under [`RootPolicy::Equal`]: unrated, as in the reference implementation.
    Unrated,
}

impl Ruling {
    /// The score after the ruling.
    #[must_use]
    pub fn apply(self, score: f64) -> f64 {
        match self {
            Self::OwnKey => 1.0,
            Self::OwnFollow { level } => level,
            Self::OwnWord { level } | Self::FollowWord { level, .. } if level > 0.0 => score.max(level),
            Self::OwnWord { level } | Self::FollowWord { level, .. } => score.min(level),
            Self::Duplicity => score.min(0.0),
            Self::Unrated => 0.0,
        }
    }

    /// Whether it puts the subject among the trusted without further question.
    pub(crate) fn admits(self) -> bool {
        matches!(self, Self::OwnKey | Self::OwnFollow { .. })
    }

    /// Whether it puts the subject among the distrusted, however small the level.
    pub(crate) fn blocks(self) -> bool {
        matches!(self, Self::OwnWord { level } | Self::FollowWord { level, .. } if level < 0.0)
    }
}

/// A root's word about one subject.
#[derive(Clone, Copy)]
struct Word {
    by: NodeId,
    level: f64,
    is_mine: bool,
}

/// My own word first; among follows distrust wins, then the strongest word. Equal words: the lowest key is named.
fn decide(words: impl Iterator<Item = Word>) -> Option<Ruling> {
    let rank = |word: &Word| (word.is_mine, word.level < 0.0, word.level.abs());
    let better = |best: Word, word: Word| {
        let wins = rank(&word) > rank(&best) || (rank(&word) == rank(&best) && word.by < best.by);
        if wins { word } else { best }
    };
    let Word { by, level, is_mine } = words.filter(|word| word.level != 0.0).reduce(better)?;
    Some(if is_mine { Ruling::OwnWord { level } } else { Ruling::FollowWord { by, level } })
}

fn is_mine(plan: &Plan, key: Index, policy: RootPolicy) -> bool {
    policy == RootPolicy::Personal && plan.seats.get(&key).is_some_and(|seat| seat.kind == RootKind::Me)
}

/// The rulings on keys.
pub(crate) fn on_keys(
    graph: &TrustGraph,
    plan: &Plan,
    scope: Scope,
    epoch: Epoch,
    policy: RootPolicy,
) -> BTreeMap<Index, Ruling> {
    let mut words: BTreeMap<Index, Vec<Word>> = BTreeMap::new();
    for &root in plan.seats.keys().filter(|root| !plan.zeroed.contains(root)) {
        for subject in graph.links.neighbors(root).filter(|subject| *subject != root) {
            let live = graph.links.edge_weight(root, subject).and_then(|link| link.live(scope, epoch));
            let Some(said) = live else { continue };
            let word = Word { by: plan.names.id(root), level: said.level, is_mine: is_mine(plan, root, policy) };
            words.entry(subject).or_default().push(word);
        }
    }
    let mut rulings: BTreeMap<Index, Ruling> =
        words.into_iter().filter_map(|(subject, words)| Some((subject, decide(words.into_iter())?))).collect();
    for &key in &plan.zeroed {
        if !rulings.get(&key).is_some_and(|ruling| ruling.blocks()) {
            rulings.insert(key, Ruling::Duplicity);
        }
    }
    for (&key, seat) in &plan.seats {
        let ruling = match (policy, seat.kind) {
            (RootPolicy::Equal, _) => Ruling::Unrated,
            (RootPolicy::Personal, RootKind::Me) => Ruling::OwnKey,
            (RootPolicy::Personal, RootKind::Follow(level) | RootKind::FollowOnly(level)) => {
                Ruling::OwnFollow { level: level.value() }
            }
        };
        rulings.insert(key, ruling);
    }
    rulings
}

/// The ruling on a release, from its votes.
pub(crate) fn on_release(plan: &Plan, cast: &[Cast], policy: RootPolicy) -> Option<Ruling> {
    let roots = cast.iter().filter(|vote| plan.is_root[vote.voter as usize] && !plan.zeroed.contains(&vote.voter));
    decide(roots.map(|vote| Word {
        by: plan.names.id(vote.voter),
        level: vote.level,
        is_mine: is_mine(plan, vote.voter, policy),
    }))
}
