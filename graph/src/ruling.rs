//! Rulings: where the word of a root decides, whatever the votes say (§2.2, point 7 of the metric).

use crate::ids::NodeId;
use crate::input::RootKind;
use crate::names::Index;
use crate::params::RootPolicy;
use crate::releases::Cast;
use crate::scored::Scored;

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

fn is_mine(scored: &Scored<'_>, key: Index) -> bool {
    let policy = scored.scores.params.root_policy();
    scored.scores.seats.get(&key).is_some_and(|seat| seat.is_mine(policy))
}

/// The ruling on a key.
pub(crate) fn on_key(scored: &Scored<'_>, key: Index) -> Option<Ruling> {
    if let Some(seat) = scored.scores.seats.get(&key) {
        return Some(match (scored.scores.params.root_policy(), seat.kind) {
            (RootPolicy::Equal, _) => Ruling::Unrated,
            (RootPolicy::Personal, RootKind::Me) => Ruling::OwnKey,
            (RootPolicy::Personal, RootKind::Follow(level) | RootKind::FollowOnly(level)) => {
                Ruling::OwnFollow { level: level.value() }
            }
        });
    }
    let rating = scored.slot(key).and_then(|slot| scored.scores.ratings.get(&slot));
    let words = rating.into_iter().flat_map(|rating| &rating.by).filter_map(|&by| {
        let said = scored.scores.hearing.live(scored.graph.pair(by, key))?;
        Some(Word { by: scored.graph.id(by), level: said.level(), is_mine: is_mine(scored, by) })
    });
    let ruling = decide(words);
    if scored.scores.circle.is_muted(key) && !ruling.is_some_and(Ruling::blocks) {
        return Some(Ruling::Duplicity);
    }
    ruling
}

/// The ruling on a release, from its votes.
pub(crate) fn on_release(scored: &Scored<'_>, cast: &[Cast]) -> Option<Ruling> {
    let is_heard = |vote: &&Cast| scored.is_root(vote.voter) && !scored.scores.circle.is_muted(vote.voter);
    let roots = cast.iter().filter(is_heard);
    decide(roots.map(|vote| Word {
        by: scored.graph.id(vote.voter),
        level: vote.level,
        is_mine: is_mine(scored, vote.voter),
    }))
}
