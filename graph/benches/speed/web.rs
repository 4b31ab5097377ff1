//! A synthetic web of trust: who said what of whom. The same on every machine for one size and seed.
//!
//! Heavy-tailed out-degrees (Pareto, exponent 1.5) and in-degrees (rank r is chosen in proportion to r^-1/2, inside
//! its community and in the whole web), communities of power-law size with 80 % of the attestations inside, 8 %
//! distrust that falls mostly on the same 5 % of keys, levels mostly full, high, medium and low, times over two years.

use heirloom_graph::{Epoch, FollowLevel, NodeId, Root, Scope, Statement, TrustGraph};

use crate::random::{Random, mix};

/// Changing it changes every figure.
pub const SEED: u64 = 20_240_229;

/// Attestations per key.
pub const MEAN_DEGREE: u32 = 10;

/// Tail of the out-degrees; 1.5 is that of the metric's cost model.
const DEGREE_EXPONENT: f64 = 1.5;
/// Tail of the sizes of communities.
const COMMUNITY_EXPONENT: f64 = 1.2;
const COMMUNITY_MIN: f64 = 20.0;
/// No community and no out-degree is larger than this part of the web.
const PART_MAX: u32 = 20;
/// The protocol's own limit of live attestations of one key; dealing out the remainder may exceed it by a few.
const DEGREE_MAX: u32 = 2000;
const INSIDE_PERCENT: u32 = 80;

const DAY_MS: u64 = 24 * 3600 * 1000;
/// Start of a UTC day in November 2023.
const FIRST_MS: u64 = 1_700_006_400_000;
/// Every time is before this start of a UTC day, every expiry after it.
pub const NOW_MS: u64 = FIRST_MS + 730 * DAY_MS;
/// Longest time that an attestation has left.
const LEFT_DAYS_MAX: u64 = 180;

/// Followed keys beside my own.
const FOLLOWS: usize = 10;
/// Least out-degree of my own key and of each follow.
const ROOT_DEGREE_MIN: u32 = 10;

/// One attestation, keys by number.
#[derive(Clone, Copy)]
pub struct Said {
    pub issuer: u32,
    pub subject: u32,
    pub time_ms: u64,
    pub expires_ms: u64,
    pub percent: i8,
}

pub struct Web {
    pub keys: u32,
    /// In order of time, as a node would hear them: neighbours in the web are not neighbours here.
    pub said: Vec<Said>,
    pub me: u32,
    pub follows: Vec<u32>,
    pub degrees: Vec<u32>,
    // First key of each community, ascending, and one past the last key.
    communities: Vec<u32>,
    // Keys, most popular in the whole web first.
    popular: Vec<u32>,
}

impl Web {
    /// A web of that many keys and [`MEAN_DEGREE`] times as many attestations.
    pub fn new(keys: u32) -> Self {
        let mut random = Random::new(SEED);
        let communities = communities(keys, &mut random);
        let popular = shuffled(keys, &mut random);
        let degrees = degrees(keys, &mut random);
        let mut web = Self { keys, said: Vec::new(), me: 0, follows: Vec::new(), degrees, communities, popular };
        web.said = web.statements(&mut random);
        let mut roots: Vec<u32> = Vec::new();
        while roots.len() <= FOLLOWS {
            let root = random.below(keys);
            if web.degrees[root as usize] >= ROOT_DEGREE_MIN && !roots.contains(&root) {
                roots.push(root);
            }
        }
        web.me = roots[0];
        web.follows = roots.split_off(1);
        web
    }

    /// The day that all scores are of.
    pub fn epoch() -> Epoch {
        Epoch::of(NOW_MS)
    }

    /// The name of a key: 32 bytes that nothing can compress.
    pub fn id(key: u32) -> NodeId {
        let mut bytes = [0; 32];
        for (part, chunk) in bytes.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&mix(SEED ^ (u64::from(key) * 4 + part as u64 + 1)).to_be_bytes());
        }
        NodeId(bytes)
    }

    /// My key, and the follows at three levels.
    pub fn roots(&self) -> Vec<Root> {
        let levels = [FollowLevel::Full, FollowLevel::High, FollowLevel::Medium];
        let follows = self.follows.iter().zip(levels.into_iter().cycle());
        let mut roots = vec![Root::me(Self::id(self.me))];
        roots.extend(follows.map(|(key, level)| Root::follow(Self::id(*key), level)));
        roots
    }

    pub fn statement(said: &Said) -> Statement {
        Statement {
            issuer: Self::id(said.issuer),
            subject: Self::id(said.subject),
            scope: Scope::All,
            level: f64::from(said.percent) / 100.0,
            time_ms: said.time_ms,
            expires_ms: Some(said.expires_ms),
        }
    }

    /// All of it, as the metric takes it.
    pub fn graph(&self) -> TrustGraph {
        let mut graph = TrustGraph::new();
        for said in &self.said {
            graph.add_statement(Self::statement(said)).expect("levels are within -1..=1");
        }
        for root in self.roots() {
            graph.set_root(root).expect("there is one own key");
        }
        graph
    }

    /// Attestations of trust as (issuer, subject, weight in (0, 1]): all that the rivals but one can take.
    pub fn trust(&self) -> impl Iterator<Item = (u32, u32, f64)> + '_ {
        let positive = self.said.iter().filter(|said| said.percent > 0);
        positive.map(|said| (said.issuer, said.subject, f64::from(said.percent) / 100.0))
    }

    /// Whom a key would speak of.
    pub fn subject(&self, issuer: u32, random: &mut Random) -> u32 {
        if !random.percent(INSIDE_PERCENT) {
            return self.popular[random.squared_below(self.keys) as usize];
        }
        let next = self.communities.partition_point(|first| *first <= issuer);
        let (first, end) = (self.communities[next - 1], self.communities[next]);
        first + random.squared_below(end - first)
    }

    fn statements(&self, random: &mut Random) -> Vec<Said> {
        let mut said = Vec::with_capacity(self.degrees.iter().map(|degree| *degree as usize).sum());
        // The last issuer that spoke of each key, plus one: a key speaks once of another.
        let mut spoken = vec![0_u32; self.keys as usize];
        for issuer in 0..self.keys {
            spoken[issuer as usize] = issuer + 1;
            for _ in 0..self.degrees[issuer as usize] {
                let mut subject = self.subject(issuer, random);
                // A popular subject is often taken already. After some tries anybody will do.
                for attempt in 0.. {
                    if spoken[subject as usize] != issuer + 1 {
                        break;
                    }
                    subject = if attempt < 8 { self.subject(issuer, random) } else { random.below(self.keys) };
                }
                spoken[subject as usize] = issuer + 1;
                said.push(Said {
                    issuer,
                    subject,
                    time_ms: FIRST_MS + random.bits() % (NOW_MS - FIRST_MS),
                    expires_ms: NOW_MS + 1 + random.bits() % (LEFT_DAYS_MAX * DAY_MS),
                    percent: percent(subject, random),
                });
            }
        }
        said.sort_unstable_by_key(|said| (said.time_ms, said.issuer, said.subject));
        said
    }
}

/// A level: of a few keys mostly distrust, of all others mostly one of the four that a person chooses from.
pub fn percent(subject: u32, random: &mut Random) -> i8 {
    let is_disliked = mix(u64::from(subject)).is_multiple_of(20);
    if random.percent(if is_disliked { 70 } else { 5 }) {
        return if random.percent(75) { -100 } else { -50 };
    }
    match random.below(100) {
        0..35 => 100,
        35..65 => 75,
        65..83 => 50,
        83..92 => 25,
        _ => 5 * (1 + random.below(19)) as i8,
    }
}

fn communities(keys: u32, random: &mut Random) -> Vec<u32> {
    let (mut firsts, mut first) = (Vec::new(), 0);
    while first < keys {
        firsts.push(first);
        let size = COMMUNITY_MIN * random.pareto(COMMUNITY_EXPONENT);
        first = (first + size.min(f64::from(keys / PART_MAX)) as u32).min(keys);
    }
    firsts.push(keys);
    firsts
}

fn shuffled(keys: u32, random: &mut Random) -> Vec<u32> {
    let mut order: Vec<u32> = (0..keys).collect();
    for last in (1..keys).rev() {
        order.swap(last as usize, random.below(last + 1) as usize);
    }
    order
}

/// Heavy-tailed, and [`MEAN_DEGREE`] on average exactly.
fn degrees(keys: u32, random: &mut Random) -> Vec<u32> {
    let wishes: Vec<f64> = (0..keys).map(|_| random.pareto(DEGREE_EXPONENT) - 0.8).collect();
    let (total, max) = (u64::from(keys) * u64::from(MEAN_DEGREE), f64::from(DEGREE_MAX.min(keys / PART_MAX)));
    let scale = total as f64 / wishes.iter().sum::<f64>();
    let mut degrees: Vec<u32> = wishes.iter().map(|wish| (wish * scale).min(max) as u32).collect();
    let given: u64 = degrees.iter().map(|degree| u64::from(*degree)).sum();
    for _ in given..total {
        degrees[random.below(keys) as usize] += 1;
    }
    degrees
}
