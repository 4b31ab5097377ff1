//! A small world of people with names, for tests that read as drive and look.
#![allow(dead_code)] // Each test binary uses its own part.

pub mod attacked;
pub mod bounds;
pub mod dice;
pub mod ring;
pub mod scored;
pub mod table;
pub mod web;

use heirloom_graph::{
    DayBytes, Epoch, Evidence, FollowLevel, NodeId, Opinion, Params, ReleaseId, ReleaseVote, Root, Scope, Score,
    Scores, Statement, TrustGraph,
};

pub const DAY_MS: u64 = 86_400_000;
/// The day all tests happen on, unless they say otherwise.
pub const TODAY: u64 = 20_000 * DAY_MS;
pub const GIB: u64 = 1 << 30;

pub fn key(name: &str) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    NodeId(bytes)
}

pub fn release(number: u8) -> ReleaseId {
    ReleaseId([number; 20])
}

#[derive(Clone, Default)]
pub struct World {
    pub graph: TrustGraph,
}

impl World {
    /// A world in which `me` is my key.
    pub fn mine() -> Self {
        let mut world = Self::default();
        world.graph.set_root(Root::me(key("me"))).unwrap();
        world
    }

    pub fn follow(mut self, name: &str, level: FollowLevel) -> Self {
        self.graph.set_root(Root::follow(key(name), level)).unwrap();
        self
    }

    pub fn root(mut self, root: Root) -> Self {
        self.graph.set_root(root).unwrap();
        self
    }

    pub fn says(self, issuer: &str, subject: &str, level: f64) -> Self {
        self.says_in(Scope::All, issuer, subject, level)
    }

    pub fn says_in(mut self, scope: Scope, issuer: &str, subject: &str, level: f64) -> Self {
        self.graph
            .add_statement(Statement {
                issuer: key(issuer),
                subject: key(subject),
                scope,
                level,
                time_ms: TODAY,
                expires_ms: None,
            })
            .unwrap();
        self
    }

    pub fn received(mut self, receiver: &str, subject: &str, gibibytes: u8) -> Self {
        let day = |number| DayBytes { time_ms: TODAY, bytes: GIB, release: Some(release(number)) };
        self.graph.add_evidence(Evidence {
            receiver: key(receiver),
            subject: key(subject),
            scope: Scope::Catalogue,
            day_bytes: (0..gibibytes).map(day).collect(),
        });
        self
    }

    pub fn votes(mut self, voter: &str, number: u8, opinion: Opinion) -> Self {
        self.graph.add_vote(ReleaseVote {
            voter: key(voter),
            release: release(number),
            opinion,
            time_ms: TODAY,
            expires_ms: None,
        });
        self
    }

    pub fn zero(mut self, name: &str) -> Self {
        self.graph.zero(key(name));
        self
    }

    pub fn scores(&self) -> Scores {
        self.scores_in(Scope::Catalogue)
    }

    pub fn scores_in(&self, scope: Scope) -> Scores {
        Scores::compute(&self.graph, scope, Epoch::of(TODAY), &Params::strict())
    }

    pub fn key(&self, name: &str) -> Score {
        self.scores().on(&self.graph).key(&key(name))
    }

    pub fn distance(&self, name: &str) -> Option<u32> {
        self.scores().on(&self.graph).distance(&key(name))
    }

    pub fn release_distance(&self, number: u8) -> Option<u32> {
        self.scores().on(&self.graph).release_distance(&release(number))
    }

    pub fn release(&self, number: u8) -> Score {
        self.scores().on(&self.graph).release(&release(number))
    }

    pub fn listing(&self, number: u8) -> Score {
        self.scores().on(&self.graph).listing(&release(number))
    }
}
