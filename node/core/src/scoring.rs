//! Feeds the trust graph from live statements, follows and the ledger, and keeps the scores of the day.

use crate::curation::{Curation, Follow};
use crate::ground::Stored;
use crate::ledger::Ledger;
use crate::receipts::Receipts;
use crate::settings::TrustSettings;
use heirloom_graph::{
    Band, Epoch, Evidence, Explanation, FollowLevel, NodeId, Opinion, Params, ReleaseId, ReleaseVote, Ring, Root,
    Score, Scored, Scores, TrustGraph,
};
use heirloom_proto::body::{self, Scope};
use heirloom_proto::{Body, Infohash, Key, Timestamp};
use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a release must be kept before bytes of it count for its lister in scope `catalogue`: time to notice a fake.
pub const KEPT_BEFORE_COUNTING: Duration = Duration::from_secs(7 * 24 * 3600);

/// Keys of which is remembered whether they are rated; more forgets them all. As many as are kept, and strangers beside them.
const RATED_KNOWN_MAX: usize = 10_000;

/// What each release that I judged fake or malware, or that was found to be another one than was signed, costs its lister, as
/// a level: four of them are distrust.
const HELD_AGAINST_LISTER: f64 = 0.25;

/// The graph and its scores.
#[derive(Debug)]
pub struct Scoring {
    me: Key,
    graph: TrustGraph,
    params: Params,
    cache: BTreeMap<heirloom_graph::Scope, Scores>,
    /// Own words about keys, so that what is held against a lister never overrides them.
    own_words: BTreeSet<(Key, Scope)>,
    /// Level held against each lister of fakes.
    held_against: BTreeMap<Key, f64>,
    /// The day on which it was last said.
    held_on: Epoch,
    /// What the graph holds of the ledger, by subject and scope.
    evidence: BTreeMap<(NodeId, heirloom_graph::Scope), Evidence>,
    is_evidence_stale: bool,
    /// Live receipts of others; the owner's own are in the ledger, exactly.
    receipts: Receipts,
    /// Score and key of the best for whom there is no room among those that are kept for their score.
    bar: Option<(f64, Key)>,
    /// Who was found to be rated, or not to be, since anything but votes on releases changed.
    rated: RefCell<BTreeMap<Key, bool>>,
    /// How often scores were computed or brought up to date: taking statements in must not.
    computed: u64,
}

/// The node of a key in the graph.
#[must_use]
pub fn node(key: &Key) -> NodeId {
    NodeId(*key.as_bytes())
}

fn release(infohash: &Infohash) -> ReleaseId {
    ReleaseId(infohash.0)
}

/// The graph's name of a scope.
#[must_use]
pub fn scope(scope: Scope) -> heirloom_graph::Scope {
    match scope {
        Scope::All => heirloom_graph::Scope::All,
        Scope::Catalogue => heirloom_graph::Scope::Catalogue,
        Scope::Metadata => heirloom_graph::Scope::Metadata,
        Scope::Seed => heirloom_graph::Scope::Seed,
    }
}

fn opinion(opinion: body::Opinion) -> Opinion {
    match opinion {
        body::Opinion::Good => Opinion::Good,
        body::Opinion::Fake => Opinion::Fake,
        body::Opinion::Malware => Opinion::Malware,
        body::Opinion::WrongWork => Opinion::WrongWork,
        body::Opinion::Poor => Opinion::Poor,
        body::Opinion::Dead => Opinion::Dead,
    }
}

fn root(key: &Key, follow: &Follow) -> Root {
    let level = match follow.level.number() {
        ..=25 => FollowLevel::Low,
        26..=50 => FollowLevel::Medium,
        51..=75 => FollowLevel::High,
        _ => FollowLevel::Full,
    };
    let root = if follow.gives_voice { Root::follow(node(key), level) } else { Root::follow_only(node(key), level) };
    root.in_scope(scope(follow.scope))
}

impl Scoring {
    /// An empty graph with the owner and the follows as roots.
    ///
    /// # Panics
    /// Never: an empty graph takes an own key.
    #[must_use]
    pub fn new(me: Key, curation: &Curation, settings: &TrustSettings) -> Self {
        let mut graph = TrustGraph::new();
        let mine = graph.set_root(Root::me(node(&me)));
        debug_assert!(mine.is_ok(), "an empty graph has no other own key");
        let mut scoring = Self {
            me,
            graph,
            params: settings.params(),
            cache: BTreeMap::new(),
            own_words: BTreeSet::new(),
            held_against: BTreeMap::new(),
            held_on: Epoch::of(0),
            evidence: BTreeMap::new(),
            is_evidence_stale: true,
            receipts: Receipts::default(),
            bar: None,
            rated: RefCell::default(),
            computed: 0,
        };
        for (key, follow) in curation.all() {
            scoring.follow(key, follow);
        }
        scoring
    }

    /// Makes a key a root.
    pub fn follow(&mut self, key: &Key, follow: &Follow) {
        if *key != self.me && self.graph.set_root(root(key, follow)).is_ok() {
            self.changed();
        }
    }

    /// Takes a root away.
    pub fn unfollow(&mut self, key: &Key, follow: &Follow) {
        self.graph.remove_root(&node(key), scope(follow.scope));
        self.changed();
    }

    fn changed(&mut self) {
        self.is_evidence_stale = true;
        self.rated.take();
    }

    /// Notes that the ledger grew.
    pub fn ledger_changed(&mut self) {
        self.changed();
    }

    /// Notes that a release was found to be another one than was signed.
    pub fn findings_changed(&mut self) {
        self.changed();
    }

    /// Takes a live statement in.
    pub fn add(&mut self, stored: &Stored) {
        let author = *stored.statement.author();
        let header = stored.statement.header();
        let (time_ms, expires_ms) = (header.created.0, header.expires.map(|at| at.0));
        match stored.statement.body() {
            Body::Attestation(a) => {
                let statement = heirloom_graph::Statement {
                    issuer: node(&author),
                    subject: node(&a.subject),
                    scope: scope(a.scope),
                    level: a.level.fraction(),
                    time_ms,
                    expires_ms,
                };
                if author == self.me {
                    // What was held against the key gives way to the owner's word, whichever is newer.
                    if self.held_against.remove(&a.subject).is_some() {
                        self.graph.remove_statement(
                            &node(&self.me),
                            &node(&a.subject),
                            heirloom_graph::Scope::Catalogue,
                        );
                    }
                    self.own_words.insert((a.subject, a.scope));
                }
                // A level out of range cannot come out of a verified attestation.
                if self.graph.add_statement(statement).is_err() {
                    return;
                }
            }
            Body::Listing(l) => self.vote(&author, &l.infohash, Opinion::Listing, time_ms, expires_ms),
            Body::Verdict(v) => self.vote(&author, &v.infohash, opinion(v.opinion), time_ms, expires_ms),
            Body::DuplicityProof(proof) => self.graph.zero(node(proof.accused())),
            Body::Receipt(receipt) if author != self.me => {
                self.receipts.add(author, receipt);
                self.weigh_receipts(&author, &receipt.subject);
            }
            _ => {}
        }
        self.graph.note_last_statement(node(&author), time_ms);
        self.is_evidence_stale = true;
        if !matches!(stored.statement.body(), Body::Listing(_) | Body::Verdict(_)) {
            self.rated.take();
        }
    }

    fn vote(&mut self, voter: &Key, infohash: &Infohash, opinion: Opinion, time_ms: u64, expires_ms: Option<u64>) {
        self.graph.add_vote(ReleaseVote {
            voter: node(voter),
            release: release(infohash),
            opinion,
            time_ms,
            expires_ms,
        });
    }

    /// Takes out a statement that is no longer live. `still_lists`: its author lists that release under another work.
    pub fn remove(&mut self, stored: &Stored, still_lists: bool) {
        let author = *stored.statement.author();
        match stored.statement.body() {
            Body::Attestation(a) => {
                self.graph.remove_statement(&node(&author), &node(&a.subject), scope(a.scope));
                if author == self.me {
                    self.own_words.remove(&(a.subject, a.scope));
                }
            }
            Body::Listing(l) if !still_lists => {
                self.graph.remove_vote(&node(&author), &release(&l.infohash), Opinion::Listing);
            }
            Body::Verdict(v) => {
                self.graph.remove_vote(&node(&author), &release(&v.infohash), opinion(v.opinion));
            }
            Body::Receipt(receipt) if author != self.me => {
                self.receipts.remove(&author, receipt);
                self.weigh_receipts(&author, &receipt.subject);
            }
            _ => return,
        }
        self.changed();
    }

    /// Tells the graph what an author says they received of a key. In scope `seed` alone: a receipt names no release, so
    /// nobody can tell whether the bytes were those of a fake.
    fn weigh_receipts(&mut self, author: &Key, subject: &Key) {
        let (receiver, subject_node, scope) = (node(author), node(subject), heirloom_graph::Scope::Seed);
        self.graph.clear_evidence(&receiver, &subject_node, scope);
        let day_bytes = self.receipts.evidence(author, subject);
        self.graph.add_evidence(Evidence { receiver, subject: subject_node, scope, day_bytes });
    }

    /// Whether anything changed since [`Scoring::refresh`].
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.is_evidence_stale
    }

    /// Brings evidence and what is held against listers up to date; call before reading scores.
    pub fn refresh(&mut self, now: Timestamp, ledger: &Ledger, curation: &Curation, facts: &Facts<'_>) {
        if !self.is_evidence_stale {
            return;
        }
        self.is_evidence_stale = false;
        self.rated.take();
        let counts_for_seeding = |hash: &Infohash, _: &Key| !facts.judged_bad.contains(hash);
        let counts_for_listing = |hash: &Infohash, key: &Key| {
            let is_kept = ledger.first_byte(hash).is_some_and(|at| now.since(at) >= KEPT_BEFORE_COUNTING);
            counts_for_seeding(hash, key)
                && (facts.is_listed_by)(hash, key)
                && (is_kept || facts.judged_good.contains(hash))
        };
        let mut evidence = ledger.evidence(&self.me, heirloom_graph::Scope::Seed, counts_for_seeding);
        evidence.extend(ledger.evidence(&self.me, heirloom_graph::Scope::Catalogue, counts_for_listing));
        let new: BTreeMap<_, _> = evidence.into_iter().map(|item| ((item.subject, item.scope), item)).collect();
        let old = std::mem::replace(&mut self.evidence, new);
        // Only what differs: the scores follow each change.
        for (place, item) in old.iter().filter(|(place, item)| self.evidence.get(place) != Some(item)) {
            self.graph.clear_evidence(&item.receiver, &place.0, place.1);
        }
        for (_, item) in self.evidence.iter().filter(|(place, item)| old.get(place) != Some(item)) {
            self.graph.add_evidence(item.clone());
        }
        self.hold_against_listers(now, curation, facts);
    }

    /// A listing is signed, so a fake is held against whoever listed it, unless the owner has said something of that
    /// key already.
    fn hold_against_listers(&mut self, now: Timestamp, curation: &Curation, facts: &Facts<'_>) {
        let catalogue = heirloom_graph::Scope::Catalogue;
        let mut fakes: BTreeMap<Key, f64> = BTreeMap::new();
        for infohash in facts.judged_bad {
            for key in (facts.listers_of)(infohash) {
                *fakes.entry(key).or_default() += HELD_AGAINST_LISTER;
            }
        }
        for key in facts.caught {
            *fakes.entry(*key).or_default() += HELD_AGAINST_LISTER;
        }
        fakes.retain(|key, _| *key != self.me && curation.of(key).is_none() && !self.has_own_word(key));
        fakes.values_mut().for_each(|weight| *weight = -weight.min(1.0));
        let today = Epoch::of(now.0);
        let old = std::mem::take(&mut self.held_against);
        for key in old.keys().filter(|key| !fakes.contains_key(key)) {
            if !self.has_own_word(key) {
                self.graph.remove_statement(&node(&self.me), &node(key), catalogue);
            }
        }
        // It does not age while the verdict stands: said anew each day.
        for (key, level) in fakes {
            let is_said = self.held_on == today && old.get(&key).is_some_and(|said| said.total_cmp(&level).is_eq());
            let statement = heirloom_graph::Statement {
                issuer: node(&self.me),
                subject: node(&key),
                scope: catalogue,
                level,
                time_ms: now.0,
                expires_ms: None,
            };
            if !is_said {
                self.graph.remove_statement(&statement.issuer, &statement.subject, catalogue);
            }
            if is_said || self.graph.add_statement(statement).is_ok() {
                self.held_against.insert(key, level);
            }
        }
        self.held_on = today;
    }

    /// Keys that the owner said something of.
    pub fn own_words(&self) -> impl Iterator<Item = Key> + '_ {
        self.own_words.iter().map(|(key, _)| *key)
    }

    /// Whether the owner said something of a key.
    #[must_use]
    pub fn has_own_word(&self, key: &Key) -> bool {
        self.own_words.range((*key, Scope::All)..).next().is_some_and(|(subject, _)| subject == key)
    }

    /// Keys that fakes are held against.
    #[must_use]
    pub fn is_held_against(&self, key: &Key) -> bool {
        self.held_against.contains_key(key)
    }

    /// The scores of the day, brought up to date if anything changed. Call [`Scoring::refresh`] first.
    ///
    /// # Panics
    /// Never: what is read was computed just before.
    pub fn scores(&mut self, now: Timestamp, of: heirloom_graph::Scope) -> Scored<'_> {
        let epoch = Epoch::of(now.0);
        self.rated.take();
        let scores = match self.cache.entry(of) {
            Entry::Vacant(slot) => {
                self.computed += 1;
                slot.insert(Scores::compute(&self.graph, of, epoch, &self.params))
            }
            Entry::Occupied(slot) => {
                let known = slot.into_mut();
                self.computed += u64::from(!known.is_current(&self.graph, epoch));
                known.update(&self.graph, epoch);
                known
            }
        };
        scores.on(&self.graph)
    }

    /// Receipts of others, and the scores by which to judge who wrote them. Call [`Scoring::refresh`] first.
    ///
    /// # Panics
    /// Never: what is read was computed just before.
    pub fn receipts_and_scores(&mut self, now: Timestamp, of: heirloom_graph::Scope) -> (&Receipts, Scored<'_>) {
        self.scores(now, of);
        let scores = &self.cache[&of];
        (&self.receipts, scores.on(&self.graph))
    }

    /// The score of a key when scores were last asked for: good enough to decide how much of it to keep, and free.
    #[must_use]
    pub fn last_score(&self, key: &Key) -> f64 {
        let scores = self.cache.get(&heirloom_graph::Scope::Catalogue);
        scores.map_or(0.0, |scores| scores.last_known(&self.graph, &node(key)))
    }

    /// Sets the bar of [`Scoring::is_rated`] so that no more than `most` of these keys pass it.
    pub fn keep_best<'a>(&mut self, keys: impl Iterator<Item = &'a Key>, most: usize) {
        let mut scored: Vec<(f64, Key)> = keys.map(|key| (self.last_score(key), *key)).collect();
        scored.retain(|(score, _)| *score > 0.0);
        // Of equal scores the lower key: any rule will do, as long as it is one.
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.rated.take();
        self.bar = if scored.len() > most { scored.get(most).copied() } else { None };
    }

    /// Whether a key scores above zero, and above those for whom there is no room.
    #[must_use]
    pub fn is_rated(&self, key: &Key) -> bool {
        // COST: asked of the author of each statement, and a crowd says many. Reading a score takes a twentieth of the time
        // of checking a signature.
        let mut rated = self.rated.borrow_mut();
        if let Some(is_rated) = rated.get(key) {
            return *is_rated;
        }
        let score = self.last_score(key);
        let passes = |(bar, first_out): (f64, Key)| score > bar || (score >= bar && *key < first_out);
        let is_rated = score > 0.0 && self.bar.is_none_or(passes);
        if rated.len() >= RATED_KNOWN_MAX {
            rated.clear();
        }
        rated.insert(*key, is_rated);
        is_rated
    }

    /// How often scores were computed or brought up to date since the start.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed
    }

    /// The graph with this follow in the place of `old`, and its scores. Changes nothing. Call [`Scoring::refresh`]
    /// first, or what is compared differs by more than the follow.
    #[must_use]
    pub fn as_if(&self, now: Timestamp, key: &Key, follow: &Follow, old: Option<&Follow>) -> (TrustGraph, Scores) {
        let mut graph = self.graph.clone();
        if let Some(old) = old {
            graph.remove_root(&node(key), scope(old.scope));
        }
        // Fakes are not held against whom the owner follows.
        if self.is_held_against(key) && !self.has_own_word(key) {
            graph.remove_statement(&node(&self.me), &node(key), heirloom_graph::Scope::Catalogue);
        }
        // A second own key is refused by the caller; any other root is admitted.
        let is_set = *key == self.me || graph.set_root(root(key, follow)).is_ok();
        debug_assert!(is_set, "a follow is no second own key");
        let scores = Scores::compute(&graph, heirloom_graph::Scope::Catalogue, Epoch::of(now.0), &self.params);
        (graph, scores)
    }

    /// Audits a ring of keys. Call [`Scoring::refresh`] first.
    ///
    /// # Panics
    /// Never: what is read was computed just before.
    pub fn ring(&mut self, now: Timestamp, of: Scope, ring: &BTreeSet<NodeId>) -> Ring {
        self.scores(now, scope(of)).ring(ring)
    }

    /// Explains a key's score.
    ///
    /// # Panics
    /// Never: what is read was computed just before.
    pub fn explain_key(&mut self, now: Timestamp, of: Scope, key: &Key) -> Explanation {
        self.scores(now, scope(of)).explain_key(&node(key))
    }

    /// Explains a release's score as a listing.
    ///
    /// # Panics
    /// Never: what is read was computed just before.
    pub fn explain_release(&mut self, now: Timestamp, infohash: &Infohash) -> Explanation {
        self.scores(now, heirloom_graph::Scope::Catalogue).explain_listing(&release(infohash))
    }
}

/// What evidence depends on, besides the ledger.
pub struct Facts<'a> {
    /// Releases that the owner judged fake or malware, or that were found to hold something else than they say.
    pub judged_bad: &'a BTreeSet<Infohash>,
    /// Releases that the owner judged good.
    pub judged_good: &'a BTreeSet<Infohash>,
    /// Whether a key lists a release.
    pub is_listed_by: &'a dyn Fn(&Infohash, &Key) -> bool,
    /// Who lists a release.
    pub listers_of: &'a dyn Fn(&Infohash) -> Vec<Key>,
    /// Who lists a release that was found to be another one than they signed: once for each.
    pub caught: &'a [Key],
}

/// Score of a release as a listing.
#[must_use]
pub fn listing_score(scores: Scored<'_>, infohash: &Infohash) -> Score {
    scores.listing(&release(infohash))
}

/// Whether the owner, or whom they follow or trust themselves, speaks for a release. Of two in one band it stands first:
/// whoever is only vouched for may belong to a ring that a friend was fooled by.
#[must_use]
pub fn is_at_first_hand(scores: Scored<'_>, infohash: &Infohash) -> bool {
    scores.is_first_hand_listing(&release(infohash))
}

/// Order in which bands are shown.
#[must_use]
pub fn band_rank(band: Band) -> u8 {
    match band {
        Band::Trusted => 0,
        Band::Vouched => 1,
        Band::Earned => 2,
        Band::Unknown => 3,
        Band::Distrusted => 4,
    }
}
