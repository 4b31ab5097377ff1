//! Reading scores: what the metric says of one key or release.

use std::collections::BTreeMap;

use crate::band::{Band, Standing};
use crate::circle::Slot;
use crate::formula::{dormancy, nearness};
use crate::ids::{NodeId, ReleaseId};
use crate::names::Index;
use crate::params::Values;
use crate::power::Power;
use crate::releases::{Poll, Question};
use crate::ruling::{self, Ruling};
use crate::scores::{Round, Scores};
use crate::tally::Tally;
use crate::trust_graph::TrustGraph;
use crate::visit;

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
        power_for: 0.0,
        power_against: 0.0,
        reach: 0.0,
    };
}

/// Scores beside the graph they are of: made by [`Scores::on`].
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    pub(crate) scores: &'a Scores,
    pub(crate) graph: &'a TrustGraph,
}

impl Scored<'_> {
    /// Trust in a key; [`Score::UNRATED`] for one never mentioned.
    #[must_use]
    pub fn key(&self, key: &NodeId) -> Score {
        let of = |scored: Scored<'_>| scored.graph.find(key).map_or(Score::UNRATED, |index| scored.score_of(index));
        self.told(of)
    }

    /// Confidence in a torrent: is it no fake, no malware? [`Score::UNRATED`] where nobody voted.
    #[must_use]
    pub fn release(&self, release: &ReleaseId) -> Score {
        self.told(|scored| scored.score_of_release(release, Question::Torrent))
    }

    /// Confidence in what is listed under a release: as [`Scored::release`], and a verdict `wrong-work` is against.
    #[must_use]
    pub fn listing(&self, release: &ReleaseId) -> Score {
        self.told(|scored| scored.score_of_release(release, Question::Listing))
    }

    /// Every key of the graph with its score, in key order.
    pub fn keys(&self) -> impl Iterator<Item = (NodeId, Score)> + '_ {
        self.graph.keys().map(|id| (id, self.key(&id)))
    }

    /// Every release with its scores as a torrent and as a listing, in release order.
    pub fn releases(&self) -> impl Iterator<Item = (ReleaseId, Score, Score)> + '_ {
        self.graph.ballots.releases().map(|id| (id, self.release(&id), self.listing(&id)))
    }

    /// Whether a key is a root: mine, or one that I follow and do not distrust.
    #[must_use]
    pub fn is_root_key(&self, key: &NodeId) -> bool {
        self.graph.find(key).is_some_and(|key| self.is_root(key))
    }

    /// Whether nobody stands between me and a key: it is a root, or I declared trust in it.
    #[must_use]
    pub fn is_first_hand(&self, key: &NodeId) -> bool {
        self.graph.find(key).is_some_and(|key| self.is_at_hand(key))
    }

    /// Whether a key at first hand speaks for what is listed under a release. Of two in one band it may stand first:
    /// whoever is only vouched for may belong to a ring that a friend was fooled by.
    #[must_use]
    pub fn is_first_hand_listing(&self, release: &ReleaseId) -> bool {
        let poll = self.poll(release, Question::Listing);
        poll.cast.iter().any(|vote| vote.level > 0.0 && vote.weight > 0.0 && self.is_at_hand(vote.voter))
    }

    fn is_at_hand(&self, key: Index) -> bool {
        let said = self.scores.my_index().and_then(|me| self.scores.hearing.live(self.graph.pair(me, key)));
        self.is_root(key) || said.is_some_and(|said| said.level() > 0.0)
    }

    /// Hops of trust from me to a key: me 0, a follow 1, whom a follow trusts 2. `None` = no path of anybody who has
    /// reach. Reckoned for all keys when first asked for after a change.
    #[must_use]
    pub fn distance(&self, key: &NodeId) -> Option<u32> {
        self.graph.find(key).and_then(|key| self.hops().get(&key).copied())
    }

    /// Hops to a release: one behind its nearest voter for it that has power.
    #[must_use]
    pub fn release_distance(&self, release: &ReleaseId) -> Option<u32> {
        let poll = self.poll(release, Question::Torrent);
        let heard = poll.cast.iter().filter(|vote| vote.level > 0.0 && vote.weight > 0.0);
        heard.filter_map(|vote| self.hops().get(&vote.voter)).min().map(|hops| hops + 1)
    }

    /// My own key, where the roots name one and it counts as mine.
    #[must_use]
    pub fn me(&self) -> Option<NodeId> {
        self.scores.my_index().map(|key| self.graph.id(key))
    }

    /// Part of a key's declared support whose power comes from bytes, ≥ 0: it admits nobody.
    pub(crate) fn support_by_bytes(&self, of: impl Fn(Scored<'_>) -> Score) -> f64 {
        let all = of(*self).support;
        all - self.told(of).support
    }

    /// What is told of a score: bytes rank, but they admit nobody and condemn nobody.
    ///
    /// An edge of bytes carries reach, so whoever uploaded enough gets a voice, and a listing by that voice is a
    /// declared vote. Bandwidth can be bought. So the support that admits, and the verdict of distrust, are those of
    /// the same graph without any bytes: they buy the band *earned*, and neither a vouched listing nor a slander.
    pub(crate) fn told(&self, of: impl Fn(Scored<'_>) -> Score) -> Score {
        let score = of(*self);
        let Some(declared) = &self.scores.declared else { return score };
        let declared = of(Scored { scores: declared, graph: self.graph });
        let band = self.scores.params.thresholds().band_told(score.band, declared);
        Score { band, support: score.support.min(declared.support), ..score }
    }

    pub(crate) fn values(&self) -> &Values {
        &self.scores.hearing.values
    }

    fn hops(&self) -> &BTreeMap<Index, u32> {
        self.scores.hops.get_or_init(|| visit::hops(self))
    }

    pub(crate) fn slot(&self, key: Index) -> Option<Slot> {
        self.scores.circle.find(key)
    }

    /// The round whose power and sums are shown.
    pub(crate) fn last_round(&self) -> usize {
        self.scores.rounds.len() - 1
    }

    pub(crate) fn state(&self) -> &Round {
        &self.scores.rounds[self.last_round()]
    }

    /// T of a key, as its votes were cast.
    pub(crate) fn power(&self, key: Index) -> Power {
        self.slot(key).map_or(Power::NONE, |slot| self.scores.power_in_use(self.last_round(), slot))
    }

    /// π of a key.
    pub(crate) fn reach(&self, key: Index) -> f64 {
        let flow = self.slot(key).map_or(0.0, |slot| self.scores.flow(self.last_round(), slot).value());
        self.values().stop_rate * flow
    }

    pub(crate) fn is_root(&self, key: Index) -> bool {
        self.scores.seats.contains_key(&key)
    }

    /// The sums behind a key's score.
    pub(crate) fn tally(&self, key: Index) -> Tally {
        self.slot(key).map_or(Tally::NONE, |slot| self.scores.tally(self.graph, self.last_round(), slot))
    }

    /// Days since a key's own last live statement, or other sign of life. A key that never spoke is not silent but
    /// new: 0.
    pub(crate) fn silence_days(&self, key: Index) -> f64 {
        let epoch = self.scores.hearing.epoch;
        let statements = self.graph.row(key).iter().filter(|edge| edge.scope().is_some());
        let said = statements.filter(|edge| !epoch.is_day_past(edge.expires())).map(|edge| edge.time_ms()).max();
        let last = said.max(self.graph.last_seen_ms(key));
        last.map_or(0.0, |time_ms| epoch.age_days(time_ms))
    }

    /// What dormancy leaves of a score: 1 for a score that is not positive.
    pub(crate) fn dormancy_of(&self, key: Index, score: f64) -> f64 {
        if score > 0.0 { dormancy(self.silence_days(key), self.values()) } else { 1.0 }
    }

    /// What decides about a key beside the votes.
    pub(crate) fn ruling(&self, key: Index) -> Option<Ruling> {
        ruling::on_key(self, key)
    }

    /// What its distance leaves of a key's mean level.
    pub(crate) fn nearness(&self, key: Index) -> f64 {
        nearness(self.reach(key), self.values())
    }

    pub(crate) fn score_of(&self, key: Index) -> Score {
        let tally = self.tally(key);
        let verdict = tally.sums.verdict(self.nearness(key), self.values());
        let ruling = self.ruling(key);
        let voted = verdict.score * self.dormancy_of(key, verdict.score);
        let score = ruling.map_or(voted, |ruling| ruling.apply(voted));
        let band = match ruling {
            Some(ruling) if ruling.admits() => Band::Trusted,
            // The ceiling of a duplicitous key is 0, so no threshold on a positive score can be met.
            _ => self.scores.params.thresholds().band(Standing {
                score,
                declared: tally.declared,
                evidence: tally.evidence,
                root_evidence: tally.is_root_evidence,
                blocked: ruling.is_some_and(Ruling::blocks),
            }),
        };
        let Power { for_, against } = self.power(key);
        Score {
            score,
            support: tally.declared,
            support_all: tally.sums.support,
            mean_level: verdict.mean_level,
            band,
            power_for: for_,
            power_against: against,
            reach: self.reach(key),
        }
    }

    /// The votes about a release.
    pub(crate) fn poll(&self, release: &ReleaseId, question: Question) -> Poll {
        Poll::new(self, self.graph.ballots.of(release), question)
    }

    pub(crate) fn score_of_release(&self, release: &ReleaseId, question: Question) -> Score {
        let poll = self.poll(release, question);
        let verdict = poll.sums.verdict(1.0, self.values());
        let ruling = ruling::on_release(self, &poll.cast);
        let score = ruling.map_or(verdict.score, |ruling| ruling.apply(verdict.score));
        let standing = Standing {
            score,
            declared: poll.declared,
            evidence: 0.0,
            root_evidence: false,
            blocked: ruling.is_some_and(Ruling::blocks),
        };
        Score {
            score,
            support: poll.declared,
            support_all: poll.sums.support,
            mean_level: verdict.mean_level,
            band: self.scores.params.thresholds().band(standing),
            ..Score::UNRATED
        }
    }
}
