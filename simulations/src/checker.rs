//! Safety: what must hold at every moment of every world, whatever goes wrong in it. Each rule is one function, named
//! once here and checked throughout; a rule that breaks ends the run.

use crate::node::{Disk, Node};
use crate::swarm::Swarm;
use crate::world::NodeId;
use heirloom_core::command::Reply;
use heirloom_core::ground::{Ground, Place};
use heirloom_core::io::{DhtOrder, Output, TorrentOrder};
use heirloom_core::store::Table;
use heirloom_core::views::{LedgerRow, Release, TrustRow};
use heirloom_core::{MemoryStore, Store};
use heirloom_graph::Band;
use heirloom_proto::body::Retraction;
use heirloom_proto::dht::{Item, read_work, work_salt};
use heirloom_proto::{Body, Infohash, Key, Kind, Statement, StatementId, Timestamp, Verified, statement};
use std::collections::{BTreeMap, BTreeSet};

/// A broken rule, in a sentence.
pub type Broken = String;

/// Least score of a release or key that is trusted or vouched; the thresholds that every core of a world has.
const SCORE_MIN: f64 = 0.2;
/// Least declared support of what is trusted.
const TRUSTED_SUPPORT_MIN: f64 = 0.5;
/// Least declared support of what is vouched.
const VOUCHED_SUPPORT_MIN: f64 = 0.1;
/// Thresholds are compared with sums of floats.
const EPSILON: f64 = 1e-9;

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Checker {
    /// Every number that ever left, with what it was used for.
    numbers: BTreeMap<(Key, u32, u64), StatementId>,
    /// The same of items: BEP44 has one value for a key, salt and number.
    items: BTreeMap<([u8; 32], Vec<u8>, i64), Verified<Item>>,
    /// What each node said it has taken in.
    accepted: BTreeMap<NodeId, BTreeMap<StatementId, Verified<Statement>>>,
    /// The newest order that each node took in at a place, and under which id.
    newest: BTreeMap<(NodeId, Place), ((u32, u64), StatementId)>,
    /// What each node heard its author take back.
    taken_back: BTreeSet<(NodeId, Key, StatementId)>,
    /// Releases that are not what their listers say.
    fakes: BTreeSet<Infohash>,
    /// Whoever lists them, and so trusts them.
    spammers: BTreeSet<NodeId>,
}

fn text(error: impl ToString) -> Broken {
    error.to_string()
}

impl Checker {
    /// Tells the checker the truth about a release and whose it is.
    pub fn is_fake(&mut self, infohash: Infohash, of: NodeId) {
        self.fakes.insert(infohash);
        self.spammers.insert(of);
    }

    /// A disk is gone: what was taken in is forgotten, which numbers were used is not.
    pub(crate) fn wipe(&mut self, node: NodeId) {
        self.accepted.remove(&node);
        self.newest.retain(|(of, _), _| *of != node);
        self.taken_back.retain(|(of, ..)| *of != node);
    }

    /// Outputs that left a node, after their commit.
    pub(crate) fn outputs(&mut self, node: NodeId, of: &Node, outputs: &[Output]) -> Result<(), Broken> {
        let depends_on_disk =
            |output: &Output| matches!(output, Output::Publish { .. } | Output::Dht(_) | Output::Torrent(_));
        // Only where it matters: it copies the disk.
        let synced = outputs.iter().any(depends_on_disk).then(|| of.disk.synced());
        for output in outputs {
            match (output, &synced) {
                (Output::Publish { bytes, .. }, Some(synced)) => {
                    let said = statement::verify(bytes).map_err(text)?;
                    if *said.author() != of.key() {
                        return Err(format!("n{node} publishes a statement of {}", said.author()));
                    }
                    self.number_is_used_once(&said)?;
                    is_on_disk(synced, &said)?;
                    self.accepted.entry(node).or_default().insert(said.id(), said);
                }
                (Output::Dht(DhtOrder::Put { item, .. }), Some(synced)) => {
                    let item = item.clone().verify().map_err(|error| format!("n{node} puts a bad item: {error}"))?;
                    if item.key == *of.key().as_bytes() {
                        self.item_number_is_used_once(&item)?;
                        let reached = last_number(synced)?;
                        if i64::try_from(reached).unwrap_or(i64::MAX) < item.seq {
                            return Err(format!("n{node} puts item number {} before it is on disk", item.seq));
                        }
                    }
                }
                (
                    Output::Torrent(TorrentOrder::Seed { infohash, .. } | TorrentOrder::Fetch { infohash, .. }),
                    Some(synced),
                ) => {
                    is_noted(synced, infohash).map_err(|broken| format!("n{node} {broken}"))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Never two contents for one number of one key, over all crashes.
    fn number_is_used_once(&mut self, said: &Verified<Statement>) -> Result<(), Broken> {
        let (generation, seq) = said.header().order();
        let first = *self.numbers.entry((*said.author(), generation, seq)).or_insert_with(|| said.id());
        if first == said.id() { Ok(()) } else { Err(format!("{} used number {seq} twice", said.author())) }
    }

    fn item_number_is_used_once(&mut self, item: &Verified<Item>) -> Result<(), Broken> {
        let spot = (item.key, item.salt.clone(), item.seq);
        let first = self.items.entry(spot).or_insert_with(|| item.clone());
        if first.value == item.value { Ok(()) } else { Err(format!("two items with number {}", item.seq)) }
    }

    /// Whether the author of a listing has since put an item of the work without it.
    fn is_withdrawn(&self, said: &Verified<Statement>) -> bool {
        let Body::Listing(listing) = said.body() else { return false };
        let (key, salt) = (*said.author().as_bytes(), work_salt(&listing.work).to_vec());
        let since = i64::try_from(said.header().seq).unwrap_or(i64::MAX);
        self.items.range((key, salt.clone(), since)..=(key, salt, i64::MAX)).any(|(_, item)| {
            let entry = read_work(item, &listing.work);
            entry.is_ok_and(|entry| entry.statements.iter().all(|other| other.id() != said.id()))
        })
    }

    /// A node said that it took a statement of somebody in.
    pub(crate) fn accepted(&mut self, node: NodeId, of: &Node, bytes: &[u8]) -> Result<(), Broken> {
        let said = statement::verify(bytes).map_err(|error| format!("n{node} accepts what does not hold: {error}"))?;
        if !reaches(&of.disk, &said)? {
            return Err(format!("n{node} passes {} on before it is committed", said.id()));
        }
        self.nothing_comes_back(node, &said)?;
        self.accepted.entry(node).or_default().insert(said.id(), said);
        Ok(())
    }

    /// Nothing older than what was taken in before, and nothing that its author took back, is ever taken in.
    fn nothing_comes_back(&mut self, node: NodeId, said: &Verified<Statement>) -> Result<(), Broken> {
        let (author, id, order) = (*said.author(), said.id(), said.header().order());
        if let Body::Retraction(retraction) = said.body() {
            self.taken_back.insert((node, author, retraction.target));
        }
        if self.taken_back.contains(&(node, author, id)) {
            return Err(format!("n{node} takes in {id}, which {author} took back"));
        }
        let newest = self.newest.entry((node, Place::of(said))).or_insert((order, id));
        if order < newest.0 || (order == newest.0 && id > newest.1) {
            return Err(format!("n{node} takes in number {} of {author} after {}", order.1, newest.0.1));
        }
        *newest = (order, id);
        Ok(())
    }

    /// After a crash: what was accepted is there, unless it was replaced, taken back, withdrawn, beaten in a conflict, or expired.
    /// A power cut may take what others can send again, but never an own statement.
    pub(crate) fn nothing_is_lost(
        &mut self,
        node: NodeId,
        of: &Node,
        wall: Timestamp,
        is_power_cut: bool,
    ) -> Result<(), Broken> {
        let ground = Ground::new(of.disk.clone());
        let mut accepted = self.accepted.remove(&node).unwrap_or_default();
        if is_power_cut {
            let me = of.key();
            accepted.retain(|_, said| *said.author() == me);
            // Floors of others are synced with what follows them, so the last of them may be gone too.
            self.newest.retain(|(of, _), _| *of != node);
            self.taken_back.retain(|(of, ..)| *of != node);
        }
        let mut settled = BTreeSet::new();
        for (id, said) in accepted.iter() {
            if ground.place_by_id(id).map_err(text)?.is_some() {
                continue;
            }
            let floor = ground.floor(&Place::of(said)).map_err(text)?;
            let is_replaced = floor.is_some_and(|floor| floor > said.header().order());
            let rival = ground.place_by_sequence(said.author(), said.header().order()).map_err(text)?;
            let target = Body::Retraction(Retraction { target: *id });
            let retraction = Place { author: *said.author(), kind: Kind::Retraction, slot: target.slot() };
            let is_taken_back = ground.statement(&retraction).map_err(text)?.is_some();
            let is_gone = is_replaced || rival.is_some() || is_taken_back || said.header().is_expired(wall);
            if !is_gone && !self.is_withdrawn(said) {
                return Err(format!("n{node} lost {:?} {id} in a crash", said.kind()));
            }
            settled.insert(*id);
        }
        accepted.retain(|id, _| !settled.contains(id));
        self.accepted.insert(node, accepted);
        Ok(())
    }

    /// Whatever way a statement came by: at its place nothing older stands than what stood there before.
    pub(crate) fn nothing_rolls_back(&mut self, node: NodeId, of: &Node) -> Result<(), Broken> {
        let (all, damaged) = Ground::new(of.disk.clone()).statements(&[]).map_err(text)?;
        if damaged > 0 {
            return Err(format!("n{node} has {damaged} damaged statements"));
        }
        for stored in all {
            let (order, id) = (stored.statement.header().order(), stored.statement.id());
            let newest = self.newest.entry((node, Place::of(&stored.statement))).or_insert((order, id));
            if order < newest.0 || (order == newest.0 && id > newest.1) {
                return Err(format!("n{node} rolled {:?} {id} back", stored.statement.kind()));
            }
            *newest = (order, id);
        }
        Ok(())
    }

    /// What a node tells its owner.
    pub(crate) fn reply(&self, node: NodeId, of: &[Node], swarm: &Swarm, reply: &Reply) -> Result<(), Broken> {
        match reply {
            Reply::Work(work) => {
                self.fakes_stay_below(node, &work.releases)?;
                work.releases.iter().try_for_each(bands_need_support)
            }
            Reply::Works(found) => {
                let best: Vec<Release> = found.iter().filter_map(|found| found.best.clone()).collect();
                best.iter().try_for_each(|release| self.fakes_stay_below(node, std::slice::from_ref(release)))?;
                best.iter().try_for_each(bands_need_support)
            }
            Reply::Trust(rows) => rows.iter().try_for_each(keys_need_support),
            Reply::Ledger(rows) => ledger_adds_up(node, of, swarm, rows),
            _ => Ok(()),
        }
    }

    /// A fake is never trusted or vouched, and nothing distrusted or unknown stands above something trusted.
    fn fakes_stay_below(&self, node: NodeId, releases: &[Release]) -> Result<(), Broken> {
        if let Some(pair) = releases.windows(2).find(|pair| rank(pair[0].band) > rank(pair[1].band)) {
            return Err(format!("n{node} shows {:?} above {:?}", pair[0].band, pair[1].band));
        }
        if self.spammers.contains(&node) {
            return Ok(());
        }
        let is_admitted = |release: &&Release| rank(release.band) <= rank(Band::Vouched);
        match releases.iter().filter(is_admitted).find(|release| self.fakes.contains(&release.infohash)) {
            Some(fake) => Err(format!("n{node} shows the fake {} as {}", fake.infohash, fake.band)),
            None => Ok(()),
        }
    }
}

fn rank(band: Band) -> u8 {
    match band {
        Band::Trusted => 0,
        Band::Vouched => 1,
        Band::Earned => 2,
        Band::Unknown => 3,
        Band::Distrusted => 4,
    }
}

/// The score ranks, the support admits: no score makes anything trusted by itself.
fn bands_need_support(release: &Release) -> Result<(), Broken> {
    let least = match release.band {
        Band::Trusted => TRUSTED_SUPPORT_MIN,
        Band::Vouched => VOUCHED_SUPPORT_MIN,
        _ => return Ok(()),
    };
    if release.score >= SCORE_MIN - EPSILON && release.support >= least - EPSILON {
        Ok(())
    } else {
        Err(format!(
            "{} is {} with score {} and support {}",
            release.infohash, release.band, release.score, release.support
        ))
    }
}

fn keys_need_support(row: &TrustRow) -> Result<(), Broken> {
    // My own key and my follows stand at distance 0 and 1 by my own decision.
    let is_root = row.distance.is_some_and(|hops| hops <= 1);
    let least = match row.band {
        Band::Trusted if !is_root => TRUSTED_SUPPORT_MIN,
        Band::Vouched => VOUCHED_SUPPORT_MIN,
        _ => return Ok(()),
    };
    if row.score >= SCORE_MIN - EPSILON && row.support >= least - EPSILON {
        Ok(())
    } else {
        Err(format!("{} is {} with score {} and support {}", row.key, row.band, row.score, row.support))
    }
}

/// What is booked to an address is no more than it sent, under the name that it showed; a release's bookings are never
/// more than its size, and exactly its size where no crash came between.
fn ledger_adds_up(node: NodeId, nodes: &[Node], swarm: &Swarm, rows: &[LedgerRow]) -> Result<(), Broken> {
    let mut sums: BTreeMap<Infohash, u64> = BTreeMap::new();
    for row in rows {
        let Some(infohash) = row.infohash else { return Ok(()) };
        let from = (0..nodes.len()).find(|other| crate::node::address(*other) == row.address);
        let from = from.ok_or_else(|| format!("n{node} books bytes of {}, where nobody is", row.address))?;
        if row.key.is_some_and(|key| key != nodes[from].key()) {
            return Err(format!("n{node} books bytes of n{from} to another key"));
        }
        *sums.entry(infohash).or_default() += row.verified_bytes;
    }
    for (infohash, sum) in sums {
        let size = swarm.size_of(&infohash).unwrap_or(0);
        if sum > size || (sum < size && swarm.is_undisturbed(node, &infohash)) {
            return Err(format!("n{node} books {sum} of the {size} bytes of {infohash}"));
        }
        for from in 0..nodes.len() {
            let of_it = |row: &&LedgerRow| row.infohash == Some(infohash) && row.address == crate::node::address(from);
            let booked: u64 = rows.iter().filter(of_it).map(|row| row.verified_bytes).sum();
            if booked > swarm.sent(from, node, &infohash) {
                return Err(format!("n{node} books {booked} bytes to n{from}, which sent fewer"));
            }
        }
    }
    Ok(())
}

/// Whether a store has come at least as far as a statement at its place.
fn reaches<S: Store + Clone>(store: &S, said: &Verified<Statement>) -> Result<bool, Broken> {
    let floor = Ground::new(store.clone()).floor(&Place::of(said)).map_err(text)?;
    Ok(floor.is_some_and(|floor| floor >= said.header().order()))
}

/// An own statement and its number would survive a power cut at the moment at which it leaves.
fn is_on_disk(synced: &MemoryStore, said: &Verified<Statement>) -> Result<(), Broken> {
    if !reaches(synced, said)? {
        return Err(format!("{:?} {} left before it was on disk", said.kind(), said.id()));
    }
    if last_number(synced)? < said.header().seq {
        return Err(format!("number {} left before it was on disk", said.header().seq));
    }
    Ok(())
}

fn is_noted(synced: &MemoryStore, infohash: &Infohash) -> Result<(), Broken> {
    let noted = synced.get(Table::Torrents, &infohash.0).map_err(text)?;
    noted.map(|_| ()).ok_or_else(|| format!("starts {infohash} before it is on disk"))
}

fn last_number(store: &MemoryStore) -> Result<u64, Broken> {
    let bytes = store.get(Table::Local, b"identity/sequence").map_err(text)?.unwrap_or_default();
    Ok(bytes.try_into().map(u64::from_be_bytes).unwrap_or(0))
}

/// Checks that nothing left a core that has handled an input and not yet committed it.
pub(crate) fn nothing_left_early(service: &mut heirloom_core::Service<Disk>) -> Result<(), Broken> {
    match service.poll_output() {
        None => Ok(()),
        Some(output) => Err(format!("an output left before its commit: {output:?}")),
    }
}
