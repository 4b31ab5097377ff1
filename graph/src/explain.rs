//! Why a score is what it is: the votes and paths behind it, what was ignored, and the arithmetic. Data, not text.

use std::collections::BTreeSet;

use crate::arithmetic::{Arithmetic, Measured};
use crate::band::Band;
use crate::hearing::VoteKind;
use crate::ids::{NodeId, ReleaseId};
use crate::ignored::{self, IgnoredReason};
use crate::input::{Opinion, Scope};
use crate::names::Index;
use crate::paths;
use crate::releases::{Poll, Question};
use crate::ruling::{self, Ruling};
use crate::scored::{Score, Scored};
use crate::tally::{Cast, Tally};

/// Share of A + λ B that the listed votes explain at least.
///
/// 95 %: the rest is many small voices, whose names would not help a reader.
pub const EXPLAINED_MIN: f64 = 0.95;

/// Most ignored entries listed; the rest is counted. A key that many strangers speak of has one each.
pub const IGNORED_MAX: usize = 200;

/// What an explanation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Trust in a key.
    Key(NodeId),
    /// Confidence in a torrent.
    Release(ReleaseId),
    /// Confidence in what is listed under a release.
    Listing(ReleaseId),
}

/// What kind of vote or fact a reason is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReasonKind {
    /// I follow it. Decides rather than votes: share 0.
    Follow {
        /// Level of the follow.
        level: f64,
    },
    /// An attestation; a negative level is a vote against.
    Statement {
        /// Its level.
        level: f64,
    },
    /// Measured bytes. Share 0 where their receiver also declared a level, which then is the vote.
    Bytes {
        /// Bytes that count, after decay and the cap per release.
        bytes: f64,
        /// e_uv.
        weight: f64,
    },
    /// The explained key itself distrusts the last key of the path, which has power.
    OwnDistrust {
        /// Level of that statement, negative.
        level: f64,
    },
    /// A listing or verdict.
    Vote(Opinion),
}

/// One reason for a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// From a root to the one who says it, both included.
    pub path: Vec<NodeId>,
    /// Weight of the vote in C (for) or in B (against), after every discount.
    pub weight: f64,
    /// What it is.
    pub kind: ReasonKind,
    /// Its part of A + λ B, in [0, 1].
    pub share: f64,
}

/// Why a score is what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// What is explained.
    pub subject: Subject,
    /// In which scope.
    pub scope: Scope,
    /// The score, as [`Scored`] gives it.
    pub score: f64,
    /// C°.
    pub support: f64,
    /// What more the declared votes weigh with power that comes from bytes, ≥ 0: it admits nobody.
    pub by_bytes: f64,
    /// The band.
    pub band: Band,
    /// Votes by falling share until [`EXPLAINED_MIN`] is explained, and every vote, follow or byte count of a
    /// root.
    pub because: Vec<Reason>,
    /// Sum of the shares in `because`.
    pub explained: f64,
    /// What was said and does not count, or not in full; at most [`IGNORED_MAX`], strangers without power last.
    pub ignored: Vec<(NodeId, IgnoredReason)>,
    /// How many more were ignored.
    pub ignored_more: usize,
    /// The numbers; prints as one line.
    pub arithmetic: Arithmetic,
}

/// A vote before its path is known.
struct Voice {
    from: Index,
    weight: f64,
    // Its part of A + λ B, not yet divided.
    part: f64,
    kind: ReasonKind,
    // Listed whatever its share.
    of_root: bool,
}

impl Scored<'_> {
    /// Explains a key's score.
    #[must_use]
    pub fn explain_key(&self, key: &NodeId) -> Explanation {
        let subject = Subject::Key(*key);
        let Some(index) = self.graph.find(key) else {
            let arithmetic = Arithmetic::new(Tally::NONE.sums, 1.0, 1.0, self.values());
            return self.explanation(subject, (Score::UNRATED, 0.0), Vec::new(), Vec::new(), arithmetic);
        };
        let score = self.key(key);
        let tally = self.tally(index);
        let mut arithmetic = Arithmetic::new(tally.sums, tally.witness_factor, self.nearness(index), self.values());
        arithmetic.silence_days = self.silence_days(index);
        arithmetic.dormancy = self.dormancy_of(index, arithmetic.voted);
        arithmetic.ruling = self.ruling(index);
        arithmetic.score = score.score;
        let mut voices = self.voices_about(index, &tally, &mut arithmetic.measured);
        voices.extend(self.own_distrust_of(index));
        if let Some(Ruling::OwnFollow { level }) = arithmetic.ruling {
            let kind = ReasonKind::Follow { level };
            voices.push(Voice { from: index, weight: level, part: 0.0, kind, of_root: true });
        }
        let ignored = ignored::about_key(self, index);
        let by_bytes = self.support_by_bytes(|scored| scored.score_of(index));
        self.explanation(subject, (score, by_bytes), voices, ignored, arithmetic)
    }

    /// Explains the confidence in a torrent.
    #[must_use]
    pub fn explain_release(&self, release: &ReleaseId) -> Explanation {
        let score = self.release(release);
        self.explain_poll(release, Question::Torrent, (Subject::Release(*release), score))
    }

    /// Explains the confidence in what is listed under a release.
    #[must_use]
    pub fn explain_listing(&self, release: &ReleaseId) -> Explanation {
        let score = self.listing(release);
        self.explain_poll(release, Question::Listing, (Subject::Listing(*release), score))
    }

    fn explain_poll(&self, release: &ReleaseId, question: Question, (subject, score): (Subject, Score)) -> Explanation {
        let values = self.values();
        let Poll { cast, sums, witness_factor, .. } = self.poll(release, question);
        let mut arithmetic = Arithmetic::new(sums, witness_factor, 1.0, values);
        arithmetic.ruling = ruling::on_release(self, &cast);
        arithmetic.score = score.score;
        let voices = cast.iter().filter(|vote| vote.weight > 0.0).map(|vote| {
            let weight = if vote.level > 0.0 { vote.weight * witness_factor } else { vote.weight * -vote.level };
            let part = if vote.level > 0.0 { weight * vote.level } else { values.distrust_weight * weight };
            let kind = ReasonKind::Vote(vote.opinion);
            Voice { from: vote.voter, weight, part, kind, of_root: self.is_root(vote.voter) }
        });
        let ignored = ignored::about_release(self, release, question);
        let by_bytes = self.support_by_bytes(|scored| scored.score_of_release(release, question));
        self.explanation(subject, (score, by_bytes), voices.collect(), ignored, arithmetic)
    }

    /// The votes of everybody with power about a key, and all bytes that such keys measured from it.
    fn voices_about(&self, key: Index, tally: &Tally, measured: &mut Vec<Measured>) -> Vec<Voice> {
        let (scores, graph) = (self.scores, self.graph);
        let mut voices = Vec::new();
        let Some(subject) = self.slot(key) else { return voices };
        for from in graph.speakers_of(key) {
            let Some(slot) = self.slot(from) else { continue };
            let (pair, bytes) = (graph.pair(from, key), graph.measured(from, key));
            let of_root = self.is_root(from);
            let level = scores.hearing.live(pair).map_or(0.0, |edge| edge.level());
            let cast = scores.cast(graph, self.last_round(), (slot, subject));
            let declared = ReasonKind::Statement { level };
            if !bytes.is_empty() && level >= 0.0 && self.power(from).for_ > 0.0 && !scores.circle.is_muted(from) {
                let (counted, evidence) = (scores.hearing.counted(bytes), scores.hearing.evidence(bytes));
                if counted > 0.0 {
                    measured.push(Measured { receiver: graph.id(from), bytes: counted, weight: evidence });
                    if of_root && level > 0.0 {
                        let kind = ReasonKind::Bytes { bytes: counted, weight: evidence };
                        voices.push(Voice { from, weight: 0.0, part: 0.0, kind, of_root });
                    }
                }
            }
            let Some(Cast { kind, weight, bin, .. }) = cast else { continue };
            let weight = weight.value();
            let (kind, weight, part) = match kind {
                VoteKind::Against => (declared, weight, self.values().distrust_weight * weight),
                VoteKind::For | VoteKind::Bytes => {
                    let weight = weight * tally.witness_factor;
                    let (bytes, evidence) = (scores.hearing.counted(bytes), scores.hearing.evidence(bytes));
                    let measured = ReasonKind::Bytes { bytes, weight: evidence };
                    let kind = if kind == VoteKind::For { declared } else { measured };
                    (kind, weight, weight * scores.calibration[usize::from(bin)])
                }
            };
            voices.push(Voice { from, weight, part, kind, of_root });
        }
        measured.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.receiver.cmp(&b.receiver)));
        voices
    }

    /// The key's own distrust of keys with power, which counts against it.
    fn own_distrust_of(&self, key: Index) -> Vec<Voice> {
        let (scores, graph, values) = (self.scores, self.graph, self.values());
        let Some(slot) = self.slot(key) else { return Vec::new() };
        if !self.state().own_distrust.contains_key(&slot) {
            return Vec::new();
        }
        let scale = values.distruster_penalty * scores.distrust_budget(graph, slot);
        let against = scores.hearing.row(graph, key).filter(|(_, vote)| vote.is_against());
        let voice = |(to, vote): (Index, crate::hearing::Vote)| {
            let power = self.power(to).against;
            let weight = scale * vote.weight * scores.hearing.fresh(&vote) * power;
            let (part, kind) = (values.distrust_weight * weight, ReasonKind::OwnDistrust { level: vote.level });
            (power > 0.0).then_some(Voice { from: to, weight, part, kind, of_root: false })
        };
        against.filter_map(voice).collect()
    }

    /// Orders the voices, keeps what explains enough, and finds their paths.
    fn explanation(
        &self,
        subject: Subject,
        (score, by_bytes): (Score, f64),
        mut voices: Vec<Voice>,
        mut ignored: Vec<(NodeId, IgnoredReason)>,
        arithmetic: Arithmetic,
    ) -> Explanation {
        let total = arithmetic.total();
        let share = |voice: &Voice| if total > 0.0 { voice.part / total } else { 0.0 };
        let id = |voice: &Voice| self.graph.id(voice.from);
        let decides = |voice: &Voice| matches!(voice.kind, ReasonKind::Follow { .. });
        voices.sort_by(|a, b| decides(b).cmp(&decides(a)).then(b.part.total_cmp(&a.part)).then(id(a).cmp(&id(b))));
        let (mut explained, mut kept) = (0.0, Vec::new());
        for voice in voices {
            if voice.of_root || explained < EXPLAINED_MIN {
                explained += share(&voice);
                kept.push(voice);
            }
        }
        let wanted: BTreeSet<Index> = kept.iter().map(|voice| voice.from).collect();
        let paths = paths::best(self, &wanted);
        let because = kept
            .into_iter()
            .map(|voice| Reason {
                // Everybody with power has a path; were there none, the voice would stand alone.
                path: paths.get(&voice.from).cloned().unwrap_or_else(|| vec![id(&voice)]),
                weight: voice.weight,
                kind: voice.kind,
                share: share(&voice),
            })
            .collect();
        ignored.sort_by(|(a, why_a), (b, why_b)| why_a.rank().cmp(&why_b.rank()).then(a.cmp(b)));
        let ignored_more = ignored.len().saturating_sub(IGNORED_MAX);
        ignored.truncate(IGNORED_MAX);
        let Score { score, support, band, .. } = score;
        Explanation {
            subject,
            scope: self.scores.scope(),
            score,
            support,
            by_bytes,
            band,
            because,
            explained,
            ignored,
            ignored_more,
            arithmetic,
        }
    }
}
