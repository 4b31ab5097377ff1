//! A leaf of a network of any size, reckoned: whom it keeps, by the real graph and scores over an invented web; what its
//! sessions of sync cost, by the real halves of a session and the real frames, a few of them followed one after the other.

use super::super::float;
use crate::dice::Dice;
use crate::node::EPOCH;
use crate::settings::Settings;
use heirloom_core::TrustSettings;
use heirloom_core::ground::Stored;
use heirloom_core::ingest::RATED_KEYS_MAX;
use heirloom_core::sync::{Asking, Declined, FILTER_KEYS_MIN, Hosting, Marks, Next, PERIOD, SALT_LIFE};
use heirloom_core::views::Source;
use heirloom_graph::{Epoch, FollowLevel, NodeId, Root, Scope, Scores, Statement as Edge, TrustGraph};
use heirloom_proto::body::Head;
use heirloom_proto::sync::{Filter, NAMES_MAX, Request, Response, Salt};
use heirloom_proto::{Body, Header, Key, SecretKey, Sha256, Statement, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Keys whose heads a peer holds at most: those it keeps for their score, and as many strangers as 16 MiB hold at a
/// little over a kilobyte each.
const HOST_KEYS_MAX: u64 = RATED_KEYS_MAX as u64 + 15_000;
/// Sessions with each peer that are followed for each day; before them a first one with each, which knows nothing yet.
const SESSIONS: u64 = 8;
/// What sync adds to the statements that it fetches: requests, frames, and what two sessions both bring.
const FETCH_SHARE: f64 = 1.3;

/// What a leaf has in a day.
#[derive(Clone, Debug, Default)]
pub(super) struct Day {
    /// Keys with a score above zero.
    pub(super) circle: f64,
    /// Of them, those kept.
    pub(super) kept: f64,
    /// Bytes that find what is new.
    pub(super) finding: f64,
    /// Bytes of what is new.
    pub(super) words: f64,
    /// Heads that came because a filter matches by chance.
    pub(super) unasked: f64,
}

impl Day {
    pub(super) fn bytes(&self) -> f64 {
        self.finding + self.words
    }
}

/// A leaf.
pub(super) struct Leaf<'a> {
    settings: &'a Settings,
    dice: Dice,
    keys: u64,
}

impl Leaf<'_> {
    /// The mean day of some leaves of a network of so many keys.
    pub(super) fn mean_day(settings: &Settings, keys: u64) -> Day {
        let sampled = settings.get("sampled");
        let dice = Dice::of(settings.seed ^ keys.rotate_left(17));
        let mut leaf = Leaf { settings, dice, keys };
        let mut graph = leaf.web();
        let mut sum = Day::default();
        for _ in 0..sampled {
            let day = leaf.day(&mut graph);
            sum.circle += day.circle;
            sum.kept += day.kept;
            sum.finding += day.finding;
            sum.words += day.words;
            sum.unasked += day.unasked;
        }
        let many = float(sampled);
        Day {
            circle: sum.circle / many,
            kept: sum.kept / many,
            finding: sum.finding / many,
            words: sum.words / many,
            unasked: sum.unasked / many,
        }
    }

    /// Somebody, the better known the likelier: every other choice is among a tenth, of these again.
    fn somebody(&mut self) -> u64 {
        let mut range = self.keys;
        while range > 20 && self.dice.happens(500) {
            range /= 10;
        }
        self.dice.below(range.max(1))
    }

    /// A web in which every key attests some.
    fn web(&mut self) -> TrustGraph {
        let mut graph = TrustGraph::new();
        for issuer in 0..self.keys {
            for _ in 0..self.settings.get("edges") {
                let subject = self.somebody();
                let (issuer, subject) = (name(issuer), name(subject));
                let edge = Edge { issuer, subject, scope: Scope::All, level: 0.75, time_ms: EPOCH.0, expires_ms: None };
                // PANIC: the level is one of those that a statement may have.
                graph.add_statement(edge).expect("a level within its range");
            }
        }
        graph
    }

    /// Who is kept by a leaf that follows some, and how many it might keep.
    fn circle(&mut self, graph: &mut TrustGraph) -> (Vec<u64>, usize) {
        let follows: BTreeSet<u64> = (0..self.settings.get("leaf_follows")).map(|_| self.somebody()).collect();
        for key in &follows {
            // PANIC: a follow is of a level that roots may have.
            graph.set_root(Root::follow(name(*key), FollowLevel::High)).expect("a follow");
        }
        let params = TrustSettings::default().params();
        let scores = Scores::compute(graph, Scope::Catalogue, Epoch::of(EPOCH.0), &params);
        let scored = scores.on(graph);
        let mut rated: Vec<(f64, NodeId)> =
            scored.keys().filter(|(_, score)| score.score > 0.0).map(|(key, score)| (score.score, key)).collect();
        rated.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let circle = rated.len();
        let kept = rated.into_iter().take(self.settings.count("kept")).map(|(_, key)| number(&key)).collect();
        for key in &follows {
            graph.remove_root(&name(*key), Scope::All);
        }
        (kept, circle)
    }

    fn day(&mut self, graph: &mut TrustGraph) -> Day {
        let (kept, circle) = self.circle(graph);
        // What a peer holds: all that the leaf keeps, and others.
        let mut held: BTreeSet<u64> = kept.iter().copied().collect();
        while (held.len() as u64) < self.keys.min(HOST_KEYS_MAX) {
            held.insert(self.dice.below(self.keys));
        }
        let mut network = Heads::new(held, self.settings.seed);
        let mine: BTreeSet<u64> = kept.iter().copied().collect();
        let asked: Vec<Key> = kept.iter().map(|key| network.key(*key)).collect();
        let mut here = Marks::default();
        mine.iter().for_each(|key| here.add(&network.heads[key]));
        let mut peers: Vec<Declined> = (0..self.settings.get("peers")).map(|_| self.peer()).collect();
        let (mut first, mut first_came, mut bytes, mut came) = (0, 0, 0, 0);
        let sessions_a_day = self.settings.get("peers") * 86_400 / PERIOD.as_secs();
        let (all, counted) = (peers.len() as u64, SESSIONS * self.settings.get("days"));
        for session in 0..all * (counted + 1) {
            // PANIC: below the number of peers.
            let peer = &mut peers[usize::try_from(session % all).expect("small")];
            let (more, unknown) = session_with(peer, &mut network, &mut here, &asked, &mine);
            if session < all {
                first += more;
                first_came += unknown;
            } else {
                bytes += more;
                came += unknown;
            }
            // Until the next session some keys spoke, and so have a new head.
            for key in network.heads.keys().copied().collect::<Vec<_>>() {
                if self.dice.below(sessions_a_day) < self.settings.get("words_per_day") {
                    network.speaks(key, session + 1);
                }
            }
        }
        let per_day = float(sessions_a_day) / float(all * counted);
        // Once in the life of a salt everybody is new.
        let firsts_per_day = 86_400.0 / SALT_LIFE.as_secs_f64();
        let words = float(self.settings.get("words_per_day") * self.settings.get("word_bytes"));
        Day {
            circle: float(circle as u64),
            kept: float(kept.len() as u64),
            finding: float(bytes) * per_day + float(first) * firsts_per_day,
            words: float(kept.len() as u64) * words * FETCH_SHARE,
            unasked: float(came) * per_day + float(first_came) * firsts_per_day,
        }
    }

    /// A peer that named nothing yet, and the salt of its sessions.
    fn peer(&mut self) -> Declined {
        let mut salt = [0; 16];
        salt.copy_from_slice(&self.dice.bytes()[..16]);
        Declined::new(Salt(salt), Duration::ZERO)
    }
}

/// One session: bytes of its frames both ways, and heads that came by chance.
fn session_with(
    peer: &mut Declined,
    network: &mut Heads,
    here: &mut Marks,
    asked: &[Key],
    mine: &BTreeSet<u64>,
) -> (u64, u64) {
    let salt = peer.salt();
    let mut filter = Filter::for_keys(salt, asked.len().max(FILTER_KEYS_MIN));
    asked.iter().for_each(|key| filter.insert(key.as_bytes()));
    peer.prepare(&filter, asked, Duration::ZERO);
    let mut hosting = Hosting::new(&network.marks, &filter, Duration::ZERO);
    let (mut bytes, mut came) = (0, 0);
    // PANIC: sets of this size fit their frames.
    let mut asking = Asking::new(here, peer, filter, asked.to_vec(), Duration::ZERO).expect("a first message");
    while let Next::Ask(request) = asking.next_step() {
        bytes += request.encode().len() as u64;
        let response = match request {
            Request::Open { ref message, .. } | Request::Round { ref message, .. } => {
                let message = hosting.reconcile(message, Duration::ZERO).expect("an honest question");
                asking.reconcile(&message).expect("an honest answer");
                peer.forget(&std::mem::take(&mut asking.gone));
                Response::Round { salt, message }
            }
            Request::Names { ref ids, .. } => {
                let mut envelopes = Vec::new();
                for id in ids.iter().take(NAMES_MAX) {
                    let id = hosting.set().statement(id).expect("what it offered");
                    let key = network.by_id[&id];
                    let stored = &network.heads[&key];
                    envelopes.push(stored.statement.bytes().to_vec());
                    asking.named(&stored.statement);
                    if mine.contains(&key) {
                        if let Some(old) = network.known.insert(key, stored.clone()) {
                            here.remove(&old);
                        }
                        here.add(stored);
                    } else {
                        peer.add(&stored.statement);
                        came += 1;
                    }
                }
                Response::Statements { envelopes, is_end: true, is_whole: false }
            }
            Request::Fetch { .. } => break,
        };
        bytes += response.encode().len() as u64;
    }
    (bytes, came)
}

/// The heads of a network, as one peer holds them.
struct Heads {
    seed: u64,
    heads: BTreeMap<u64, Stored>,
    by_id: BTreeMap<heirloom_proto::StatementId, u64>,
    marks: Marks,
    /// What the leaf holds of whom it keeps.
    known: BTreeMap<u64, Stored>,
}

impl Heads {
    fn new(keys: BTreeSet<u64>, seed: u64) -> Self {
        let (heads, by_id, known) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut all = Self { seed, heads, by_id, marks: Marks::default(), known };
        for key in keys {
            all.speaks(key, 0);
        }
        all.known = all.heads.clone();
        all
    }

    fn secret(&self, key: u64) -> SecretKey {
        SecretKey::from_seed(&Sha256::of(&[self.seed.to_be_bytes(), key.to_be_bytes()].concat()).0)
    }

    fn key(&self, key: u64) -> Key {
        self.secret(key).public()
    }

    /// A key speaks, and its head says so.
    fn speaks(&mut self, key: u64, round: u64) {
        let created = Timestamp(EPOCH.0 + round * 60_000 + key % 60_000);
        let expires = Some(Timestamp(created.0 + 86_400_000));
        let header = Header { generation: 0, seq: created.0, created, expires };
        let head = Body::Head(Head { live_count: round, live_root: Sha256([1; 32]), archive: None });
        // PANIC: a head is within its limits.
        let statement = Statement::sign(&self.secret(key), &header, &head).expect("a head");
        let stored = Stored { statement, is_private: false, source: Source::Store, received: created };
        self.marks.add(&stored);
        self.by_id.insert(stored.statement.id(), key);
        if let Some(old) = self.heads.insert(key, stored) {
            self.marks.remove(&old);
        }
    }
}

fn name(key: u64) -> NodeId {
    let mut bytes = [0x5e; 32];
    bytes[..8].copy_from_slice(&key.to_be_bytes());
    NodeId(bytes)
}

fn number(name: &NodeId) -> u64 {
    name.0[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
