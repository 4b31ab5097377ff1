//! Scores of every key in one scope on one day: computed from nothing, or brought up to date change by change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use crate::circle::{Circle, Shares, Slot, Totals};
use crate::epoch::Epoch;
use crate::fixed::{Flow, Weight};
use crate::hearing::{Hearing, LEVEL_BINS, Vote};
use crate::ids::NodeId;
use crate::input::{RootKind, Scope};
use crate::names::Index;
use crate::params::{Params, RootPolicy};
use crate::power::{Agreement, Power};
use crate::ratings::Rating;
use crate::reach::Current;
use crate::scored::Scored;
use crate::seats::{Seats, seats};
use crate::tally::{ByteVotes, Calibration, ManyLevels, Subject, Tally, calibrate};
use crate::trust_graph::TrustGraph;

/// Edges that an update may look at before starting anew is thought to be quicker; or half of what that took last time,
/// if that is more.
const UPDATE_EDGES_MIN: u64 = 20_000;

/// One round of flow, power and votes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    /// By slot.
    pub flows: Vec<Current>,
    /// By slot.
    pub subjects: Vec<Subject>,
    /// The power with which votes were last cast, by voice.
    pub powers: Vec<Power>,
    pub many_levels: ManyLevels,
    /// Σ n T- r over the members that a member distrusts itself.
    pub own_distrust: BTreeMap<Slot, Weight>,
    pub byte_votes: BTreeMap<Slot, ByteVotes>,
    /// Power-weighted levels of all declared votes for, in units of [`Weight`].
    pub heard_levels: [i128; LEVEL_BINS],
}

impl Round {
    /// A round in which `keys` members find room without a copy. Room costs nothing before it is used.
    fn with_room(keys: usize) -> Self {
        Self { flows: Vec::with_capacity(keys), subjects: Vec::with_capacity(keys), ..Self::default() }
    }

    /// Gives back all room but that of the members to come: an eighth.
    fn keep_some_room(&mut self) {
        let members = self.flows.len();
        self.flows.shrink_to(members + members / 8);
        self.subjects.shrink_to(members + members / 8);
        self.flows.reserve_exact(members / 8);
        self.subjects.reserve_exact(members / 8);
    }
}

/// What is still to be worked off, round by round. Each slot is listed once: its state says that it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pending {
    /// Keys whose inflow, gate or seat changed.
    pub flows: Vec<Vec<Slot>>,
    /// Keys whose sums changed.
    pub subjects: Vec<Vec<Slot>>,
    /// Keys whose largest vote was lost from sight.
    pub witnesses: Vec<BTreeSet<Slot>>,
    /// Keys whose power may differ in every round.
    pub powers: BTreeSet<Slot>,
}

/// An update looked at more edges than a full scoring is likely to.
#[derive(Debug)]
pub(crate) struct TooMuch;

/// The scores of one (scope, epoch, parameters) of a graph.
///
/// [`Scores::compute`] starts from nothing; [`Scores::update`] takes in what changed since. Both hold state for the
/// owner's circle alone, so that a crowd that nobody in it speaks to costs nothing. Read them with [`Scores::on`].
#[derive(Clone, Debug)]
pub struct Scores {
    pub(crate) hearing: Hearing,
    pub(crate) params: Params,
    pub(crate) seats: Seats,
    pub(crate) circle: Circle,
    pub(crate) ratings: BTreeMap<Slot, Rating>,
    /// By key: how those who rate whom the roots rate agree with them.
    pub(crate) agreements: BTreeMap<Index, Agreement>,
    pub(crate) rounds: Vec<Round>,
    pub(crate) calibration: Calibration,
    pub(crate) pending: Pending,
    /// The row at hand: a buffer that is used again and again.
    pub(crate) votes: Vec<(Index, Vote)>,
    pub(crate) edges_seen: u64,
    pub(crate) edges_max: u64,
    pub(crate) hops: OnceLock<BTreeMap<Index, u32>>,
    version: u64,
    /// The scores of the same graph without bytes; `None` where there are none.
    pub(crate) declared: Option<Box<Self>>,
}

impl Scores {
    /// Computes everything from nothing. Equal inputs give equal scores bit for bit, on every machine, whatever
    /// the order in which the graph heard them and whatever the keys are called.
    ///
    /// Ask for [`Scope::Catalogue`] where releases matter: their voters' power is that of `scope`.
    #[must_use]
    pub fn compute(graph: &TrustGraph, scope: Scope, epoch: Epoch, params: &Params) -> Self {
        let hearing = Hearing { scope, epoch, values: *params.values(), hears_bytes: true };
        let mut scores = Self::unheard(hearing, params);
        scores.start_anew(graph);
        scores.follow_without_bytes(graph);
        scores
    }

    fn unheard(hearing: Hearing, params: &Params) -> Self {
        Self {
            hearing,
            params: *params,
            seats: Seats::new(),
            circle: Circle::default(),
            ratings: BTreeMap::new(),
            agreements: BTreeMap::new(),
            rounds: Vec::new(),
            calibration: calibrate(&[0.0; LEVEL_BINS], params.values()),
            pending: Pending::default(),
            votes: Vec::new(),
            edges_seen: 0,
            edges_max: u64::MAX,
            hops: OnceLock::new(),
            version: 0,
            declared: None,
        }
    }

    /// Brings the scores up to date with a graph that changed, or with another day.
    ///
    /// A statement, its retraction, a follow or new evidence cost what follows from them: the flow that moves, the
    /// votes of those whose power moves with it, the gates of those who are spoken of, and the second round behind
    /// these. On another day, after a proof of duplicity, or when that would take longer than a full scoring, everything
    /// is computed anew. Either way the result is that of [`Scores::compute`], within 1e-6 at the accuracy of the presets.
    pub fn update(&mut self, graph: &TrustGraph, epoch: Epoch) {
        if self.is_current(graph, epoch) {
            return;
        }
        self.hops = OnceLock::new();
        let last_full = self.edges_max;
        self.edges_seen = 0;
        self.edges_max = UPDATE_EDGES_MIN.max(last_full);
        if self.hearing.epoch != epoch || self.catch_up(graph, self.version).is_err() {
            self.hearing.epoch = epoch;
            self.start_anew(graph);
        } else {
            self.edges_max = last_full;
        }
        self.version = graph.journal().version();
        self.follow_without_bytes(graph);
    }

    /// Whether [`Scores::update`] would find nothing to do.
    #[must_use]
    pub fn is_current(&self, graph: &TrustGraph, epoch: Epoch) -> bool {
        self.hearing.epoch == epoch && self.version == graph.journal().version()
    }

    /// Keeps the scores of the same graph without bytes, where there are any: they say what is admitted.
    fn follow_without_bytes(&mut self, graph: &TrustGraph) {
        let epoch = self.hearing.epoch;
        if !self.hearing.hears_bytes || !graph.has_bytes_in(self.hearing.scope) {
            self.declared = None;
        } else if let Some(declared) = &mut self.declared {
            declared.update(graph, epoch);
        } else {
            let mut declared = Self::unheard(Hearing { hears_bytes: false, ..self.hearing }, &self.params);
            declared.start_anew(graph);
            self.declared = Some(Box::new(declared));
        }
    }

    /// These scores, ready to be read. `graph` must be the graph they were computed from or brought up to date with.
    #[must_use]
    pub fn on<'a>(&'a self, graph: &'a TrustGraph) -> Scored<'a> {
        debug_assert_eq!(self.version, graph.journal().version(), "scores of an older state: update them first");
        Scored { scores: self, graph }
    }

    /// The score of one key as it was at the last update, whatever the graph heard since: not exact, but it costs no
    /// update.
    #[must_use]
    pub fn last_known(&self, graph: &TrustGraph, key: &NodeId) -> f64 {
        Scored { scores: self, graph }.key(key).score
    }

    /// The scope these scores are of.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.hearing.scope
    }

    /// The day these scores are of.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.hearing.epoch
    }

    /// The parameters they were computed with.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    fn start_anew(&mut self, graph: &TrustGraph) {
        let policy = self.params.root_policy();
        self.seats = seats(graph, &self.hearing, policy);
        let is_me = |key| self.seats.get(&key).is_some_and(|seat| seat.kind == RootKind::Me);
        self.circle = Circle::new(graph.zeroed().filter(|key| !is_me(*key)).collect());
        let rounds = self.hearing.values.rounds as usize;
        self.rounds = vec![Round::with_room(graph.key_count())];
        self.ratings.clear();
        self.agreements.clear();
        self.pending = Pending {
            flows: vec![Vec::new(); rounds],
            subjects: vec![Vec::new(); rounds],
            witnesses: vec![BTreeSet::new(); rounds],
            powers: BTreeSet::new(),
        };
        self.hops = OnceLock::new();
        (self.edges_seen, self.edges_max) = (0, u64::MAX);
        for (key, seat) in self.seats.clone() {
            let slot = self.slot(graph, key);
            self.circle.seat(slot, Some(&seat), &self.hearing.values);
            self.pending.powers.insert(slot);
            self.touch_flow(0, slot);
        }
        for key in self.seats.keys().copied().collect::<Vec<_>>() {
            // PANIC: as below.
            self.rate_row(graph, key, true).expect("a full scoring has no limit");
        }
        // PANIC: without a limit there is never too much.
        self.work_off(graph, rounds).expect("a full scoring has no limit");
        self.rounds.iter_mut().for_each(Round::keep_some_room);
        self.version = graph.journal().version();
        // What an update may cost before it is given up.
        self.edges_max = self.edges_seen / 2;
    }

    /// Works off what is pending: round by round flow, power, votes, and the gates of the next round. A round that does
    /// not exist yet begins as a copy of the one before, which then is changed by its gates.
    pub(crate) fn work_off(&mut self, graph: &TrustGraph, rounds: usize) -> Result<(), TooMuch> {
        let values = self.hearing.values;
        let changed = std::mem::take(&mut self.pending.powers);
        for round in 0..rounds {
            let mut candidates = self.settle(graph, round)?;
            candidates.extend(&changed);
            self.recast_changed(graph, round, &candidates)?;
            self.find_witnesses(graph, round);
            let mut subjects = std::mem::take(&mut self.pending.subjects[round]);
            for slot in &subjects {
                self.rounds[round].subjects[*slot as usize].set_pending(false);
            }
            if round + 1 == rounds {
                break;
            }
            if self.rounds.len() == round + 1 {
                self.rounds.push(self.rounds[round].clone());
            }
            for slot in subjects.drain(..) {
                let is_root = self.circle.member(slot).is_root;
                let gate = if is_root { 1.0 } else { self.tally_without_praise(graph, round, slot).gate(&values) };
                let known = &mut self.rounds[round + 1].flows[slot as usize].gate;
                if gate.to_bits() != known.to_bits() {
                    *known = gate;
                    self.touch_flow(round + 1, slot);
                }
            }
            self.pending.subjects[round] = subjects;
        }
        let heard = self.rounds[rounds - 1].heard_levels;
        self.calibration = calibrate(&heard.map(|sum| sum as f64 / Weight::UNIT), &values);
        Ok(())
    }

    /// The slot of a key, which becomes a member if it is none.
    #[inline]
    pub(crate) fn slot(&mut self, graph: &TrustGraph, key: Index) -> Slot {
        self.circle.find(key).unwrap_or_else(|| self.admit(graph, key))
    }

    fn admit(&mut self, graph: &TrustGraph, key: Index) -> Slot {
        for round in &mut self.rounds {
            round.flows.push(Current::default());
            round.subjects.push(Subject::default());
        }
        self.circle.admit(graph, key)
    }

    /// Shares of a member's edges, and its row in `votes`. It becomes a voice, if it is none.
    #[inline]
    pub(crate) fn hear(&mut self, graph: &TrustGraph, slot: Slot, votes: &mut Vec<(Index, Vote)>) -> Shares {
        let key = self.circle.member(slot).key;
        votes.clear();
        votes.extend(self.hearing.row(graph, key));
        if let Some(voice) = self.circle.voice(slot) {
            return voice.shares;
        }
        let values = self.hearing.values;
        let agreement = self.agreements.get(&key).map_or(1.0, |agreement| agreement.factor(&values));
        self.circle.give_voice(slot, Totals::of(votes.iter().map(|(_, vote)| vote)), agreement, &values);
        self.rounds.iter_mut().for_each(|round| round.powers.push(Power::NONE));
        self.circle.voice(slot).map_or(Shares::default(), |voice| voice.shares)
    }

    /// D_u of a member, which becomes a voice, if it is none.
    pub(crate) fn votes_for(&mut self, graph: &TrustGraph, slot: Slot) -> u32 {
        if self.circle.voice(slot).is_none() {
            let mut votes = std::mem::take(&mut self.votes);
            self.hear(graph, slot, &mut votes);
            self.votes = votes;
        }
        self.circle.voice(slot).map_or(0, |voice| voice.totals.votes_for)
    }

    /// f of a member: how far it agrees with the roots.
    pub(crate) fn agreement_of(&self, slot: Slot) -> f64 {
        if let Some(voice) = self.circle.voice(slot) {
            return voice.agreement;
        }
        let agreement = self.agreements.get(&self.circle.member(slot).key);
        agreement.map_or(1.0, |agreement| agreement.factor(&self.hearing.values))
    }

    /// The power with which a member's votes were last cast.
    #[inline]
    pub(crate) fn power_in_use(&self, round: usize, slot: Slot) -> Power {
        self.circle.member(slot).voice().map_or(Power::NONE, |voice| self.rounds[round].powers[voice])
    }

    /// Has the gate of a member set anew behind that round.
    #[inline]
    pub(crate) fn touch_subject(&mut self, round: usize, slot: Slot) {
        if self.rounds[round].subjects[slot as usize].set_pending(true) {
            self.pending.subjects[round].push(slot);
        }
    }

    /// ρ of a root.
    pub(crate) fn start_of(&self, key: Index) -> Flow {
        self.seats.get(&key).map_or(Flow::ZERO, |seat| Flow::of(seat.share))
    }

    /// The sums of one round about one key.
    pub(crate) fn tally(&self, graph: &TrustGraph, round: usize, slot: Slot) -> Tally {
        let Round { subjects, many_levels, .. } = &self.rounds[round];
        self.tally_of(graph, round, slot, Some(subjects[slot as usize].levels(slot, many_levels)))
    }

    /// The same without A, which gates do not ask for.
    fn tally_without_praise(&self, graph: &TrustGraph, round: usize, slot: Slot) -> Tally {
        self.tally_of(graph, round, slot, None)
    }

    fn tally_of(&self, graph: &TrustGraph, round: usize, slot: Slot, levels: Option<[Weight; LEVEL_BINS]>) -> Tally {
        let Round { subjects, own_distrust, byte_votes, .. } = &self.rounds[round];
        let subject = &subjects[slot as usize];
        let (mut own, mut votes) = (0.0, None);
        // Most keys distrust nobody of the circle, and nobody measured their bytes.
        if subject.has_more() {
            own = own_distrust.get(&slot).map_or(0.0, |sum| sum.value() * self.distrust_budget(graph, slot));
            votes = byte_votes.get(&slot);
        }
        let by = (&self.calibration, &self.hearing.values);
        Tally::new(subject, levels, own, (votes, &self.circle), by)
    }

    /// min(1, ν / N_u) of a member.
    pub(crate) fn distrust_budget(&self, graph: &TrustGraph, slot: Slot) -> f64 {
        let values = &self.hearing.values;
        // No edge weighs more than 1, so a short row is within the budget unseen.
        let edges = graph.row(self.circle.member(slot).key).len() as f64;
        if edges <= values.vote_budget { 1.0 } else { self.totals(graph, slot).distrust_budget(values) }
    }

    /// Least flow with which a key is heard at all: 20 ε. Below, it neither passes on flow nor votes, so that what it
    /// says is exactly inert (P8).
    ///
    /// Measured at ε = 1e-8 on the bench's webs: 10 ε took .30 s for a million keys, 20 ε .19 s; the mean error of a
    /// score on 300,000 keys went from 3.2e-7 to 5.2e-7, the largest from 1.1e-2 to 1.7e-2, and no key changed its band.
    #[inline]
    pub(crate) fn is_heard(&self, flow: Flow) -> bool {
        flow > Flow::of(20.0 * self.hearing.values.reach_epsilon)
    }

    /// Least change of power for which the votes of a key that is heard are cast anew: 1000 ε.
    ///
    /// The slope from flow to power is α (E1 + c+ E2), 99 in the presets: this is half of what the flow of a key that is
    /// just heard comes to.
    #[inline]
    pub(crate) fn power_epsilon(&self) -> f64 {
        1000.0 * self.hearing.values.reach_epsilon
    }

    #[inline]
    pub(crate) fn look_at(&mut self, edges: usize) -> Result<(), TooMuch> {
        self.edges_seen += edges as u64;
        if self.edges_seen > self.edges_max { Err(TooMuch) } else { Ok(()) }
    }

    /// The key that is mine, where the roots name one and it counts as mine.
    pub(crate) fn my_index(&self) -> Option<Index> {
        let personal = self.params.root_policy() == RootPolicy::Personal;
        let mut mine = self.seats.iter().filter(|(_, seat)| personal && seat.kind == RootKind::Me);
        mine.next().map(|(key, _)| *key)
    }
}
