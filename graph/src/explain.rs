//! Why a score is what it is: the votes and paths behind it, what was ignored, and the arithmetic. Data, not text.

use std::collections::BTreeSet;

use crate::arithmetic::{Arithmetic, Measured};
use crate::band::Band;
use crate::ids::{NodeId, ReleaseId};
use crate::ignored::{self, IgnoredReason};
use crate::input::{Opinion, RootKind, Scope};
use crate::params::RootPolicy;
use crate::paths;
use crate::plan::VoteKind;
use crate::releases::{Poll, Question};
use crate::ruling::{self, Ruling};
use crate::scores::{Score, Scores};
use crate::tally::{voice_against, voice_for};
use crate::trust_graph::{Index, TrustGraph};

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
    /// The score, as [`Scores`] gives it.
    pub score: f64,
    /// C°.
    pub support: f64,
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
    from: usize,
    weight: f64,
    // Its part of A + λ B, not yet divided.
    part: f64,
    kind: ReasonKind,
    // Listed whatever its share.
    of_root: bool,
}

impl Scores {
    /// Explains a key's score. `graph` must be the graph these scores were computed from.
    #[must_use]
    pub fn explain_key(&self, graph: &TrustGraph, key: &NodeId) -> Explanation {
        let values = self.params.values();
        let subject = Subject::Key(*key);
        let known = self.plan.names.find(key).filter(|index| (*index as usize) < self.plan.len());
        let Some(index) = known else {
            let arithmetic = Arithmetic::new(crate::formula::Sums::default(), 1.0, values);
            return self.explanation(subject, Score::UNRATED, Vec::new(), Vec::new(), arithmetic);
        };
        let at = index as usize;
        let score = self.key(key);
        let mut arithmetic = Arithmetic::new(self.sums(at), self.tally.witness_factor[at], values);
        arithmetic.silence_days = self.plan.silence_days[at];
        arithmetic.dormancy = self.dormancy_of(at, arithmetic.voted);
        arithmetic.ruling = self.rulings.get(&index).copied();
        arithmetic.score = score.score;
        let mut voices = self.voices_about(graph, index, &mut arithmetic.measured);
        voices.extend(self.own_distrust_of(graph, at));
        if let Some(Ruling::OwnFollow { level }) = arithmetic.ruling {
            let kind = ReasonKind::Follow { level };
            voices.push(Voice { from: at, weight: level, part: 0.0, kind, of_root: true });
        }
        let ignored = ignored::about_key(self, graph, index);
        self.explanation(subject, score, voices, ignored, arithmetic)
    }

    /// Explains the confidence in a torrent. `graph` must be the graph these scores were computed from.
    #[must_use]
    pub fn explain_release(&self, graph: &TrustGraph, release: &ReleaseId) -> Explanation {
        let score = self.release(release);
        self.explain_poll(graph, release, Question::Torrent, (Subject::Release(*release), score))
    }

    /// Explains the confidence in what is listed under a release. `graph` as in [`Scores::explain_release`].
    #[must_use]
    pub fn explain_listing(&self, graph: &TrustGraph, release: &ReleaseId) -> Explanation {
        let score = self.listing(release);
        self.explain_poll(graph, release, Question::Listing, (Subject::Listing(*release), score))
    }

    fn explain_poll(
        &self,
        graph: &TrustGraph,
        release: &ReleaseId,
        question: Question,
        (subject, score): (Subject, Score),
    ) -> Explanation {
        let values = self.params.values();
        let Poll { cast, sums, witness_factor, .. } = self.poll(graph, release, question);
        let mut arithmetic = Arithmetic::new(sums, witness_factor, values);
        arithmetic.ruling = ruling::on_release(&self.plan, &cast, self.params.root_policy());
        arithmetic.score = score.score;
        let voices = cast.iter().filter(|vote| vote.weight > 0.0).map(|vote| {
            let weight = if vote.level > 0.0 { vote.weight * witness_factor } else { vote.weight * -vote.level };
            let part = if vote.level > 0.0 { weight * vote.level } else { values.distrust_weight * weight };
            let (from, kind) = (vote.voter as usize, ReasonKind::Vote(vote.opinion));
            Voice { from, weight, part, kind, of_root: self.plan.is_root[from] }
        });
        let ignored = ignored::about_release(self, graph, release, question);
        self.explanation(subject, score, voices.collect(), ignored, arithmetic)
    }

    /// The votes of everybody with power about a key, and all bytes that such keys measured from it.
    fn voices_about(&self, graph: &TrustGraph, key: Index, measured: &mut Vec<Measured>) -> Vec<Voice> {
        let values = self.params.values();
        let (plan, power, tally) = (&self.plan, &self.power, &self.tally);
        let mut voices = Vec::new();
        for from in graph.links.neighbors_directed(key, petgraph::Direction::Incoming) {
            let from_at = from as usize;
            let Some(vote) = (from_at < plan.len()).then(|| plan.vote(from_at, key as usize)).flatten() else {
                continue;
            };
            let of_root = plan.is_root[from_at];
            let Some(link) = graph.links.edge_weight(from, key) else { continue };
            let heard = link.resolve(self.scope, self.epoch, values);
            let (kind, weight, part) = match vote.kind {
                VoteKind::Against => {
                    let weight = voice_against(plan, power, from_at, values) * vote.fresh * vote.weight;
                    (ReasonKind::Statement { level: heard.level() }, weight, values.distrust_weight * weight)
                }
                VoteKind::For | VoteKind::Bytes => {
                    let voice = voice_for(plan, power, from_at, values);
                    let weight = voice * vote.fresh * tally.witness_factor[key as usize];
                    let bytes = link.counted_bytes(self.scope, self.epoch, values);
                    let bytes_kind = ReasonKind::Bytes { bytes, weight: heard.evidence };
                    if bytes > 0.0 && power.for_[from_at] > 0.0 {
                        measured.push(Measured { receiver: plan.names.id(from), bytes, weight: heard.evidence });
                        if of_root && vote.kind == VoteKind::For {
                            voices.push(Voice { from: from_at, weight: 0.0, part: 0.0, kind: bytes_kind, of_root });
                        }
                    }
                    let declared = ReasonKind::Statement { level: heard.level() };
                    let kind = if vote.kind == VoteKind::For { declared } else { bytes_kind };
                    (kind, weight, weight * tally.calibration[usize::from(vote.bin)])
                }
            };
            if weight > 0.0 {
                voices.push(Voice { from: from_at, weight, part, kind, of_root });
            }
        }
        measured.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.receiver.cmp(&b.receiver)));
        voices
    }

    /// The key's own distrust of keys with power, which counts against it.
    fn own_distrust_of<'a>(&'a self, graph: &'a TrustGraph, key: usize) -> impl Iterator<Item = Voice> + 'a {
        let values = self.params.values();
        let scale = values.distruster_penalty * self.plan.distrust_budget(key, values);
        let against = self.plan.row(key).filter(|(_, vote)| vote.kind == VoteKind::Against);
        against.filter(|(to, _)| self.power.against[*to] > 0.0).map(move |(to, vote)| {
            let weight = scale * vote.weight * vote.fresh * self.power.against[to];
            let link = graph.links.edge_weight(key as Index, to as Index);
            let level = link.map_or(0.0, |link| link.resolve(self.scope, self.epoch, values).level());
            let (part, kind) = (values.distrust_weight * weight, ReasonKind::OwnDistrust { level });
            Voice { from: to, weight, part, kind, of_root: false }
        })
    }

    /// Orders the voices, keeps what explains enough, and finds their paths.
    fn explanation(
        &self,
        subject: Subject,
        score: Score,
        mut voices: Vec<Voice>,
        mut ignored: Vec<(NodeId, IgnoredReason)>,
        arithmetic: Arithmetic,
    ) -> Explanation {
        let total = arithmetic.total();
        let share = |voice: &Voice| if total > 0.0 { voice.part / total } else { 0.0 };
        let id = |voice: &Voice| self.plan.names.id(voice.from as Index);
        let decides = |voice: &Voice| matches!(voice.kind, ReasonKind::Follow { .. });
        voices.sort_by(|a, b| decides(b).cmp(&decides(a)).then(b.part.total_cmp(&a.part)).then(id(a).cmp(&id(b))));
        let (mut explained, mut kept) = (0.0, Vec::new());
        for voice in voices {
            if voice.of_root || explained < EXPLAINED_MIN {
                explained += share(&voice);
                kept.push(voice);
            }
        }
        let wanted: BTreeSet<usize> = kept.iter().map(|voice| voice.from).collect();
        let paths = paths::best(&self.plan, &self.gate, self.params.values(), &wanted);
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
            scope: self.scope,
            score,
            support,
            band,
            because,
            explained,
            ignored,
            ignored_more,
            arithmetic,
        }
    }

    /// My own key, where the roots name one and it counts as mine.
    #[must_use]
    pub fn me(&self) -> Option<NodeId> {
        let mine = self.plan.seats.iter().find(|(_, seat)| seat.kind == RootKind::Me);
        let personal = self.params.root_policy() == RootPolicy::Personal;
        mine.filter(|_| personal).map(|(key, _)| self.plan.names.id(*key))
    }
}
