//! A stream of changes to a web: new attestations, changed levels, distrust and retractions, by chosen issuers.

use std::collections::BTreeMap;

use heirloom_graph::{Scope, Statement};

use crate::random::Random;
use crate::web::{NOW_MS, Web, percent};

/// Tries to find an issuer, a subject or an attestation that suits, before taking another kind of change.
const TRIES_MAX: u32 = 16;

/// Who speaks next.
pub enum Issuers {
    /// Any key, most of which few have heard of.
    Uniform,
    /// The issuer of a random attestation: keys that speak much change much.
    ByEdge,
    /// One of these.
    Among(Vec<u32>),
}

/// One change.
pub enum Change {
    Say(Statement),
    Retract { issuer: u32, subject: u32 },
}

/// What a key says of another now; `None` after a retraction.
struct Edge {
    issuer: u32,
    subject: u32,
    percent: Option<i8>,
}

/// The web as the changes so far left it.
pub struct Changes<'web> {
    web: &'web Web,
    random: Random,
    edges: Vec<Edge>,
    // The edges of each key at first: `row[firsts[key]..firsts[key + 1]]`.
    firsts: Vec<u32>,
    row: Vec<u32>,
    added: BTreeMap<u32, Vec<u32>>,
    // Each change is a little younger than the last, as the newest counts.
    time_ms: u64,
}

impl<'web> Changes<'web> {
    pub fn new(web: &'web Web, seed: u64) -> Self {
        let mut ends: Vec<u32> = web.degrees.clone();
        let mut total = 0;
        for end in &mut ends {
            total += *end;
            *end = total;
        }
        let mut row = vec![0; web.said.len()];
        let mut firsts = ends;
        for (number, said) in web.said.iter().enumerate() {
            let first = &mut firsts[said.issuer as usize];
            *first -= 1;
            row[*first as usize] = number as u32;
        }
        firsts.push(total);
        let edges = web.said.iter();
        let edges = edges.map(|s| Edge { issuer: s.issuer, subject: s.subject, percent: Some(s.percent) }).collect();
        Self { web, random: Random::new(seed), edges, firsts, row, added: BTreeMap::new(), time_ms: NOW_MS }
    }

    /// The next change: 3 of 10 are new, 4 another level of trust, 1.5 distrust and 1.5 a retraction, where the
    /// issuer has an attestation to change.
    pub fn next(&mut self, issuers: &Issuers) -> Change {
        let issuer = self.issuer(issuers);
        let kind = self.random.below(100);
        let old = if kind < 30 { None } else { self.live_edge(issuer) };
        let Some(number) = old else { return self.new_edge(issuer) };
        let (subject, before) = (self.edges[number].subject, self.edges[number].percent);
        let after = match kind {
            0..70 => self.other_trust(before),
            70..85 if before != Some(-100) => Some(-100),
            // What is distrusted already is forgiven.
            70..85 => self.other_trust(before),
            _ => None,
        };
        self.edges[number].percent = after;
        match after {
            Some(level) => self.say(issuer, subject, level),
            None => Change::Retract { issuer, subject },
        }
    }

    /// A key with enough attestations to be worth following, that is none of these.
    pub fn stranger(&mut self, roots: &[u32]) -> u32 {
        loop {
            let key = self.random.below(self.web.keys);
            if self.web.degrees[key as usize] >= 10 && !roots.contains(&key) {
                return key;
            }
        }
    }

    fn issuer(&mut self, issuers: &Issuers) -> u32 {
        match issuers {
            Issuers::Uniform => self.random.below(self.web.keys),
            Issuers::ByEdge => self.edges[self.random.below(self.edges.len() as u32) as usize].issuer,
            Issuers::Among(keys) => keys[self.random.below(keys.len() as u32) as usize],
        }
    }

    fn say(&mut self, issuer: u32, subject: u32, level: i8) -> Change {
        self.time_ms += 1;
        Change::Say(Statement {
            issuer: Web::id(issuer),
            subject: Web::id(subject),
            scope: Scope::All,
            level: f64::from(level) / 100.0,
            time_ms: self.time_ms,
            expires_ms: Some(self.time_ms + 180 * 24 * 3600 * 1000),
        })
    }

    fn other_trust(&mut self, before: Option<i8>) -> Option<i8> {
        let choices = [100, 75, 50, 25];
        let place = choices.iter().position(|level| Some(*level) == before).unwrap_or(0);
        Some(choices[(place + 1 + self.random.below(3) as usize) % choices.len()])
    }

    fn edges_of(&self, issuer: u32) -> impl Iterator<Item = usize> + '_ {
        let [first, end] = [0, 1].map(|next| self.firsts[issuer as usize + next] as usize);
        let added = self.added.get(&issuer).into_iter().flatten();
        self.row[first..end].iter().chain(added).map(|number| *number as usize)
    }

    fn live_edge(&mut self, issuer: u32) -> Option<usize> {
        let count = self.edges_of(issuer).count() as u32;
        let tries = if count == 0 { 0 } else { TRIES_MAX };
        (0..tries).find_map(|_| {
            let place = self.random.below(count) as usize;
            self.edges_of(issuer).nth(place).filter(|number| self.edges[*number].percent.is_some())
        })
    }

    fn new_edge(&mut self, issuer: u32) -> Change {
        let mut subject = issuer;
        let mut tries = 0;
        while subject == issuer || self.edges_of(issuer).any(|number| self.edges[number].subject == subject) {
            tries += 1;
            let by_taste = tries < TRIES_MAX;
            subject =
                if by_taste { self.web.subject(issuer, &mut self.random) } else { self.random.below(self.web.keys) };
        }
        let level = percent(subject, &mut self.random);
        self.added.entry(issuer).or_default().push(self.edges.len() as u32);
        self.edges.push(Edge { issuer, subject, percent: Some(level) });
        self.say(issuer, subject, level)
    }
}
