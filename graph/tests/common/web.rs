//! A web of trust among numbered keys, before it is told to a graph. The first keys are the roots.

use std::collections::BTreeMap;

use heirloom_graph::{
    DayBytes, Evidence, FollowLevel, NodeId, Opinion, Params, ReleaseId, ReleaseVote, Root, RootKind, RootPolicy,
    Scope, Statement, TrustGraph, Values,
};
use proptest::prelude::*;

use super::dice::Dice;
use super::{DAY_MS, GIB, TODAY};

#[derive(Clone, Debug, Default)]
pub struct Web {
    /// Honest keys are 0..keys.
    pub keys: u32,
    /// Key i is `roots[i]`.
    pub roots: Vec<RootKind>,
    pub said: BTreeMap<(u32, u32), f64>,
    /// GiB that the first received from the second, today, one of each release.
    pub bytes: BTreeMap<(u32, u32), u8>,
    /// (voter, release).
    pub votes: BTreeMap<(u32, u16), Opinion>,
    /// Whether statements are up to 900 days old, or all of today.
    pub aged: bool,
}

pub fn id(number: u32) -> NodeId {
    let mut bytes = [0; 32];
    bytes[28..].copy_from_slice(&number.to_be_bytes());
    NodeId(bytes)
}

pub fn release_id(number: u16) -> ReleaseId {
    let mut bytes = [0; 20];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    ReleaseId(bytes)
}

impl Web {
    pub fn is_root(&self, key: u32) -> bool {
        (key as usize) < self.roots.len()
    }

    pub fn say(&mut self, issuer: u32, subject: u32, level: f64) {
        if issuer != subject {
            self.said.insert((issuer, subject), level);
        }
    }

    pub fn vote(&mut self, voter: u32, release: u16, opinion: Opinion) {
        self.votes.insert((voter, release), opinion);
    }

    /// The same web in which nobody of `keys` ever said or measured anything.
    pub fn without_words_of(&self, mut silent: impl FnMut(u32) -> bool) -> Self {
        let mut web = self.clone();
        web.said.retain(|(issuer, _), _| !silent(*issuer));
        web.bytes.retain(|(receiver, _), _| !silent(*receiver));
        web.votes.retain(|(voter, _), _| !silent(*voter));
        web
    }

    /// Tells everything to a graph.
    pub fn graph(&self) -> TrustGraph {
        let mut graph = TrustGraph::new();
        for (number, kind) in self.roots.iter().enumerate() {
            let key = id(u32::try_from(number).unwrap());
            graph.set_root(Root { key, kind: *kind, scope: Scope::All }).unwrap();
        }
        for (&(issuer, subject), &level) in &self.said {
            // Any age will do, as long as it depends on the pair alone.
            let days = if self.aged { (u64::from(issuer) * 7919 + u64::from(subject) * 104_729) % 900 } else { 0 };
            let (issuer, subject, time_ms) = (id(issuer), id(subject), TODAY - days * DAY_MS);
            let statement = Statement { issuer, subject, scope: Scope::All, level, time_ms, expires_ms: None };
            graph.add_statement(statement).unwrap();
        }
        for (&(receiver, subject), &gibibytes) in &self.bytes {
            let day = |n: u8| DayBytes { time_ms: TODAY, bytes: GIB, release: Some(release_id(n.into())) };
            let (receiver, subject, scope) = (id(receiver), id(subject), Scope::Catalogue);
            graph.add_evidence(Evidence { receiver, subject, scope, day_bytes: (0..gibibytes).map(day).collect() });
        }
        for (&(voter, release), &opinion) in &self.votes {
            let (voter, release) = (id(voter), release_id(release));
            graph.add_vote(ReleaseVote { voter, release, opinion, time_ms: TODAY, expires_ms: None });
        }
        graph
    }

    /// p_uv of a pair: how much of its flow `from` sends `to`, before it is shared.
    pub fn flow_weight(&self, from: u32, to: u32, values: &Values) -> f64 {
        let level = self.said.get(&(from, to)).copied().unwrap_or(0.0);
        let gibibytes = self.bytes.get(&(from, to)).copied().map_or(0.0, f64::from);
        let evidence = values.byte_gain * (1.0 - (-gibibytes * GIB as f64 / values.byte_scale).exp2());
        if level < 0.0 || from == to { 0.0 } else { 1.0 - (1.0 - level.sqrt()) * (1.0 - evidence) }
    }

    /// Everybody `from` speaks well of, or received bytes from, with p_uv.
    pub fn row(&self, from: u32, values: &Values) -> Vec<(u32, f64)> {
        let of = (from, 0)..=(from, u32::MAX);
        let said = self.said.range(of.clone()).map(|((_, to), _)| *to);
        let received = self.bytes.range(of).map(|((_, to), _)| *to);
        let subjects: std::collections::BTreeSet<u32> = said.chain(received).collect();
        let weighed = subjects.into_iter().map(|to| (to, self.flow_weight(from, to, values)));
        weighed.filter(|(_, weight)| *weight > 0.0).collect()
    }

    /// A web such as people make: few keys say and hear most, one in twelve statements is distrust. Two roots, each
    /// with two dozen friends.
    pub fn of_people(keys: u32, statements: u32, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let roots = vec![RootKind::Me, RootKind::Follow(FollowLevel::High)];
        let mut web = Self { keys, roots, aged: true, ..Self::default() };
        let few = |draws: u32, dice: &mut Dice| (0..draws).map(|_| dice.below(keys)).min().unwrap_or(0);
        for _ in 0..statements {
            let (issuer, subject) = (few(2, &mut dice), few(3, &mut dice));
            let sign = if dice.below(12) == 0 { -1.0 } else { 1.0 };
            web.say(issuer, subject, sign * f64::from(1 + dice.below(100)) / 100.0);
        }
        for root in 0..2 {
            for _ in 0..24 {
                let friend = 2 + dice.below(keys - 2);
                web.say(root, friend, dice.pick(&[0.25, 0.5, 0.75, 1.0]));
            }
        }
        web
    }
}

/// Levels in hundredths, mostly positive.
fn level() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 1..=100_i32, 2 => Just(100), 1 => -100..=-1_i32].prop_map(|percent| f64::from(percent) / 100.0)
}

fn follow() -> impl Strategy<Value = RootKind> {
    use FollowLevel::{Full, High, Low, Medium};
    let level = prop::sample::select(vec![Low, Medium, High, Full]);
    (level, prop::bool::weighted(0.2)).prop_map(|(level, silent)| match silent {
        true => RootKind::FollowOnly(level),
        false => RootKind::Follow(level),
    })
}

/// Small random webs with one to three roots, one of them mine.
pub fn webs() -> impl Strategy<Value = Web> {
    // Rows are short in most, and in some so long that W exceeds κ and D exceeds ν.
    let density = prop_oneof![3 => 1..6_u32, 1 => 6..40_u32];
    (8..40_u32, density).prop_flat_map(|(keys, density)| {
        let edges = keys * density.min(keys * 3 / 4);
        let said = prop::collection::btree_map((0..keys, 0..keys), level(), 0..=edges as usize);
        let bytes = prop::collection::btree_map((0..keys, 0..keys), 1..9_u8, 0..5);
        let follows = prop::collection::vec(follow(), 0..3);
        (said, bytes, follows, any::<bool>()).prop_map(move |(mut said, mut bytes, follows, aged)| {
            said.retain(|(issuer, subject), _| issuer != subject);
            bytes.retain(|(receiver, subject), _| receiver != subject);
            let roots = std::iter::once(RootKind::Me).chain(follows).collect();
            Web { keys, roots, said, bytes, votes: BTreeMap::new(), aged }
        })
    })
}

/// Both presets under both rules for roots.
pub fn settings() -> Vec<Params> {
    let presets = [Params::strict(), Params::standard()];
    presets.iter().flat_map(|preset| [*preset, preset.with_root_policy(RootPolicy::Equal)]).collect()
}
