//! Scores of every key and release in one scope on one day: the whole computation, in order.

use std::collections::{BTreeMap, VecDeque};

use crate::band::{Band, Standing};
use crate::epoch::Epoch;
use crate::formula::{Sums, dormancy};
use crate::ids::{NodeId, ReleaseId};
use crate::input::{RootKind, Scope};
use crate::params::{Params, RootPolicy};
use crate::plan::{Plan, VoteKind};
use crate::power::{Power, agreement};
use crate::reach;
use crate::releases::{Poll, Question};
use crate::ruling::{self, Ruling};
use crate::tally::Tally;
use crate::trust_graph::{Index, TrustGraph};

/// What the metric says of one key or release.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// s in -1..=1, after rulings. 0 = unrated. It ranks.
    pub score: f64,
    /// C°: declared, powered votes for it, ≥ 0. It admits.
    pub support: f64,
    /// C: the same with votes by bytes alone (keys) and `poor` verdicts (releases), ≥ 0.
    pub support_all: f64,
    /// L: mean level of the votes for, in [0, 1]; .5 where there are none.
    pub mean_level: f64,
    /// What a reader is told.
    pub band: Band,
    /// Hops of trust from me (me 0, a follow 1, whom a follow trusts 2); a release is one hop behind its nearest
    /// voter for it that has power. `None` = no path.
    pub distance: Option<u32>,
    /// T+: weight of its votes for, in [0, 1.65]. 0 for a release.
    pub power_for: f64,
    /// T-: weight of its votes against, in [0, 1.545]. 0 for a release.
    pub power_against: f64,
    /// π: share of the flow that stops there, in [0, 1]. 0 for a release.
    pub reach: f64,
}

impl Default for Score {
    fn default() -> Self {
        Self::UNRATED
    }
}

impl Score {
    /// Of a subject nobody spoke of.
    pub const UNRATED: Self = Self {
        score: 0.0,
        support: 0.0,
        support_all: 0.0,
        mean_level: 0.5,
        band: Band::Unknown,
        distance: None,
        power_for: 0.0,
        power_against: 0.0,
        reach: 0.0,
    };
}

/// All scores of one (graph, scope, epoch, parameters): an immutable snapshot.
#[derive(Clone, Debug)]
pub struct Scores {
    pub(crate) scope: Scope,
    pub(crate) epoch: Epoch,
    pub(crate) params: Params,
    pub(crate) plan: Plan,
    pub(crate) gate: Vec<f64>,
    pub(crate) power: Power,
    pub(crate) tally: Tally,
    pub(crate) rulings: BTreeMap<Index, Ruling>,
    keys: Vec<Score>,
    // (as a torrent, as a listing)
    releases: BTreeMap<ReleaseId, (Score, Score)>,
}

impl Scores {
    /// Computes everything from nothing. Equal inputs give equal scores bit for bit, on every machine, whatever
    /// the order in which the graph heard them and whatever the keys are called.
    ///
    /// Ask for [`Scope::Catalogue`] where releases matter: their voters' power is that of `scope`.
    #[must_use]
    pub fn compute(graph: &TrustGraph, scope: Scope, epoch: Epoch, params: &Params) -> Self {
        let values = params.values();
        let plan = Plan::new(graph, scope, epoch, params);
        let agreement = agreement(&plan, values);
        let round = |gate: &[f64]| {
            let power = Power::new(&plan, reach::flow(&plan, gate, values), &agreement, values);
            let tally = Tally::new(&plan, &power, values);
            (power, tally)
        };
        let mut gate = vec![1.0; plan.len()];
        let (mut power, mut tally) = round(&gate);
        for _ in 1..values.rounds {
            gate = tally.gates(&plan, values);
            (power, tally) = round(&gate);
        }
        let rulings = ruling::on_keys(graph, &plan, scope, epoch, params.root_policy());
        let mut scores = Self {
            scope,
            epoch,
            params: *params,
            plan,
            gate,
            power,
            tally,
            rulings,
            keys: Vec::new(),
            releases: BTreeMap::new(),
        };
        let distances = scores.distances();
        scores.keys = (0..scores.plan.len()).map(|key| scores.score_key(key, distances[key])).collect();
        scores.releases = graph.releases.keys().map(|id| (*id, scores.score_release(graph, id))).collect();
        scores
    }

    /// The scope these scores are of.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The day these scores are of.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The parameters they were computed with.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Trust in a key; [`Score::UNRATED`] for one never mentioned.
    #[must_use]
    pub fn key(&self, key: &NodeId) -> Score {
        self.plan.names.find(key).and_then(|index| self.keys.get(index as usize)).copied().unwrap_or(Score::UNRATED)
    }

    /// Confidence in a torrent: is it no fake, no malware? [`Score::UNRATED`] where nobody voted.
    #[must_use]
    pub fn release(&self, release: &ReleaseId) -> Score {
        self.releases.get(release).map_or(Score::UNRATED, |(torrent, _)| *torrent)
    }

    /// Confidence in what is listed under a release: as [`Scores::release`], and a verdict `wrong-work` is against.
    #[must_use]
    pub fn listing(&self, release: &ReleaseId) -> Score {
        self.releases.get(release).map_or(Score::UNRATED, |(_, listing)| *listing)
    }

    /// Every key of the graph with its score, in key order.
    pub fn keys(&self) -> impl Iterator<Item = (NodeId, Score)> + '_ {
        let known = self.plan.names.index.iter();
        known.filter_map(|(id, index)| Some((*id, *self.keys.get(*index as usize)?)))
    }

    /// Every release with its scores as a torrent and as a listing, in release order.
    pub fn releases(&self) -> impl Iterator<Item = (ReleaseId, Score, Score)> + '_ {
        self.releases.iter().map(|(id, (torrent, listing))| (*id, *torrent, *listing))
    }

    pub(crate) fn sums(&self, key: usize) -> Sums {
        let Tally { praise, against, support, .. } = &self.tally;
        Sums { praise: praise[key], against: against[key], support: support[key] }
    }

    /// What dormancy leaves of a score: 1 for a score that is not positive.
    pub(crate) fn dormancy_of(&self, key: usize, score: f64) -> f64 {
        if score > 0.0 { dormancy(self.plan.silence_days[key], self.params.values()) } else { 1.0 }
    }

    fn score_key(&self, key: usize, distance: Option<u32>) -> Score {
        let verdict = self.sums(key).verdict(self.params.values());
        let ruling = self.rulings.get(&(key as Index)).copied();
        let voted = verdict.score * self.dormancy_of(key, verdict.score);
        let score = ruling.map_or(voted, |ruling| ruling.apply(voted));
        let band = match ruling {
            Some(ruling) if ruling.admits() => Band::Trusted,
            // The ceiling of a duplicitous key is 0, so no threshold on a positive score can be met.
            _ => self.params.thresholds().band(Standing {
                score,
                declared: self.tally.declared[key],
                evidence: self.tally.evidence[key],
                root_evidence: self.tally.root_evidence[key],
                blocked: ruling.is_some_and(Ruling::blocks),
            }),
        };
        Score {
            score,
            support: self.tally.declared[key],
            support_all: self.tally.support[key],
            mean_level: verdict.mean_level,
            band,
            distance,
            power_for: self.power.for_[key],
            power_against: self.power.against[key],
            reach: self.power.reach[key],
        }
    }

    /// The votes about a release.
    pub(crate) fn poll(&self, graph: &TrustGraph, release: &ReleaseId, question: Question) -> Poll {
        let ballots = graph.releases.get(release).into_iter().flatten();
        Poll::new(ballots, question, self.epoch, (&self.plan, &self.power), self.params.values())
    }

    fn score_release(&self, graph: &TrustGraph, release: &ReleaseId) -> (Score, Score) {
        let of = |question| {
            let poll = self.poll(graph, release, question);
            let verdict = poll.sums.verdict(self.params.values());
            let ruling = ruling::on_release(&self.plan, &poll.cast, self.params.root_policy());
            let score = ruling.map_or(verdict.score, |ruling| ruling.apply(verdict.score));
            let heard = poll.cast.iter().filter(|vote| vote.level > 0.0 && vote.weight > 0.0);
            let nearest = heard.filter_map(|vote| self.keys[vote.voter as usize].distance).min();
            Score {
                score,
                support: poll.declared,
                support_all: poll.sums.support,
                mean_level: verdict.mean_level,
                band: self.params.thresholds().band(Standing {
                    score,
                    declared: poll.declared,
                    evidence: 0.0,
                    root_evidence: false,
                    blocked: ruling.is_some_and(Ruling::blocks),
                }),
                distance: nearest.map(|hops| hops + 1),
                ..Score::UNRATED
            }
        };
        (of(Question::Torrent), of(Question::Listing))
    }

    /// Hops over edges of trust, breadth first from me (0) and my follows (1).
    fn distances(&self) -> Vec<Option<u32>> {
        let mut hops: Vec<Option<u32>> = vec![None; self.plan.len()];
        let is_start = |kind: RootKind| kind == RootKind::Me || self.params.root_policy() == RootPolicy::Equal;
        let starts = self.plan.seats.iter().filter(|(_, seat)| is_start(seat.kind));
        let mut queue: VecDeque<usize> = starts.map(|(key, _)| *key as usize).collect();
        queue.iter().for_each(|key| hops[*key] = Some(0));
        let follows: Vec<usize> =
            self.plan.seats.keys().map(|key| *key as usize).filter(|key| hops[*key].is_none()).collect();
        follows.iter().for_each(|key| hops[*key] = Some(1));
        // Me before follows: the queue must stay sorted by distance.
        queue.extend(follows);
        while let Some(from) = queue.pop_front() {
            // Without reach it gives nobody a voice, so it must not bring anybody nearer either.
            if self.plan.is_silent(from) || self.power.reach[from] <= 0.0 {
                continue;
            }
            let next = hops[from].map(|hops| hops + 1);
            for (to, _) in self.plan.row(from).filter(|(_, vote)| vote.kind != VoteKind::Against) {
                if hops[to].is_none() {
                    hops[to] = next;
                    queue.push_back(to);
                }
            }
        }
        hops
    }
}
